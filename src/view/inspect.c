/* inspect.c - `pilot inspect`: what is in a file or topic, and what is learned
 * of it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/log.h"
#include "src/view/view.h"
#include "src/view/inspect_topic.h"
#include "src/view/topic_look.h"
#include "src/common/once.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/file/file.h"
#include "src/file/file_kind.h"

#define LISTED_MAX 60 /* columns that are listed one by one */

struct inspect_options {
    option_list set;
    bool help;
};

static const option_spec options[] = {
    {"set", 0, OPTION_LIST, offsetof(struct inspect_options, set), "NAME=VALUE",
     NULL,
     "an option of stage 'file', decimal=comma, or of streams:, codec=json; "
     "may be repeated"},
    {"help", 'h', OPTION_FLAG, offsetof(struct inspect_options, help), NULL,
     NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {
    "[--set NAME=VALUE]... FILE...",
    "[--set NAME=VALUE]... kafka://HOST:PORT/TOPIC", NULL};

static const option_usage usage = {
    .command = "pilot inspect",
    .synopsis = synopsis,
    .prose = "Show what is in files of data, or in a topic, which columns are "
             "learned from, "
             "what is left out and why, and the lines for a pipeline file.",
    .options = options,
    .min_args = 1,
    .max_args = -1,
};

/* --- the table --- */

/* Columns of the terminal that [s] takes: bytes of UTF-8 that begin one. */
static int width_of(const char *s)
{
    int n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static void print_cell(const char *s, int width)
{
    printf("%s%*s  ", s, width > width_of(s) ? width - width_of(s) : 0, "");
}

static void widest(int *width, const char *s)
{
    int n = width_of(s);

    if (n > *width)
        *width = n < 32 ? n : 32;
}

static const char *range_text(const file_fact *c, double value, char out[24])
{
    if (c->has_range)
        snprintf(out, 24, "%.6g", value);
    else
        out[0] = '\0';
    return out;
}

static void print_column(size_t j, const file_fact *c, const int width[3])
{
    char least[24], most[24];

    printf("  %4zu  ", j);
    print_cell(c->name, width[0]);
    print_cell(c->unit, width[1]);
    print_cell(c->type, width[2]);
    printf("%12s  %12s  %8" PRIu64 "  ", range_text(c, c->least, least),
           range_text(c, c->most, most), c->missing);
    if (c->learned)
        printf("learned\n");
    else if (!strcmp(c->use, "the clock"))
        printf("the clock\n");
    else
        printf("left out: %s\n", c->use);
}

static void print_columns(const file_facts *f)
{
    int width[3] = {6, 4, 4};
    size_t n = f->n < LISTED_MAX ? f->n : LISTED_MAX;

    for (size_t j = 0; j < n; j++) {
        widest(&width[0], f->columns[j].name);
        widest(&width[1], f->columns[j].unit);
        widest(&width[2], f->columns[j].type);
    }
    printf("     #  ");
    print_cell("column", width[0]);
    print_cell("unit", width[1]);
    print_cell("type", width[2]);
    printf("%12s  %12s  %8s\n", "least", "most", "missing");
    for (size_t j = 0; j < n; j++)
        print_column(j, &f->columns[j], width);
    if (n < f->n)
        printf("        ... and %zu more\n", f->n - n);
}

static void print_rows(const file_facts *f)
{
    printf("%s%" PRIu64 " row%s", f->rows_known ? "" : "about ", f->rows,
           text_s(f->rows));
    if (!f->rows_known || f->looked < f->rows)
        printf("; the first %" PRIu64 " %s looked at", f->looked,
               text_were(f->looked));
    if (f->left_out)
        printf("; %" PRIu64 " of them cannot be taken", f->left_out);
    printf("\n");
    if (f->first_left)
        printf("  the first: %s\n", f->first_left);
}

static void print_lines(const pe_options *o, const char *path,
                        const file_facts *f)
{
    static const char *const kept[] = {"missing", "comment", "zone",
                                       "rows",    "frames",  NULL};
    char *copy = f->options.data ? strdup(f->options.data) : NULL;
    char *rest = NULL;

    printf("\nfor a pipeline file:\n  sense:\n    function: file\n"
           "    options:\n      path: \"%s\"\n",
           path);
    for (char *line = copy ? strtok_r(copy, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest))
        printf("      %s\n", line);
    for (const char *const *k = kept; *k; k++)
        if (pe_options_has(o, *k) &&
            strcmp(pe_options_text(o, *k), "UTC") != 0 &&
            strcmp(pe_options_text(o, *k), "false") != 0)
            printf("      %s: \"%s\"\n", *k, pe_options_text(o, *k));
    free(copy);
}

/* What models of distances would see of the columns. */
static void print_dominant(const file_facts *f)
{
    size_t column = 0;
    double share = file_facts_dominant(f, &column);

    if (share > 0)
        printf("\n%s has %.4g%% of the variance: distances (k-means) are "
               "those of this column;\nso that all count, put a stage "
               "between:\n  scale: {pilot: devices, function: standardise}\n",
               f->columns[column].name, 100 * share);
}

/* What may stand for no value, and would be learned from as one. */
static void print_mark(const file_facts *f)
{
    size_t column = 0, n = 0;
    double mark = file_facts_mark(f, &column, &n);

    if (n == 0)
        return;
    printf("\nthe least of %s", f->columns[column].name);
    if (n > 1)
        printf(" and %zu more", n - 1);
    printf(" is %g: where that stands for no value,\ngive it as one:\n"
           "  missing: \"%g\"\n",
           mark, mark);
}

/* Facts of a copy, by the name of what was copied. */
static void rename_facts(const onces *copies, file_facts *f)
{
    char **words[] = {&f->kind, &f->first_left, &f->line, &f->listing};

    for (size_t i = 0; copies->n && i < sizeof(words) / sizeof(*words); i++) {
        char *named = *words[i] ? onces_words(copies, *words[i]) : NULL;

        if (!named)
            continue;
        free(*words[i]);
        *words[i] = named;
    }
}

static int describe(const pe_options *o, const char *path, onces *copies,
                    file_facts *f, pe_error *errp)
{
    const char *from = onces_take(copies, path, errp);
    int rc = from ? file_describe(o, from, f, errp) : -1;

    rename_facts(copies, f);
    if (rc < 0)
        onces_error(copies, errp);
    return rc;
}

static int inspect(const pe_options *o, const char *path, bool first)
{
    onces copies = {0};
    file_facts f = {0};
    pe_error e = {0};
    int rc = describe(o, path, &copies, &f, &e);
    /* What a pipe gives has no name that a run could read it by. */
    const char *name = rc == 0 && copies.n ? copies.s[0].name : path;

    if (!first && (rc == 0 || f.listing))
        printf("\n");
    if (f.listing)
        printf("%s\n", f.listing);
    if (rc < 0) {
        file_facts_free(&f);
        onces_free(&copies);
        fflush(stdout); /* what there is to choose from comes first */
        return log_failure(&e);
    }
    printf("%s: %s, ", name, f.kind);
    if (f.files > 1)
        printf("%" PRIu64 " files, the first has ", f.files);
    print_rows(&f);
    print_columns(&f);
    printf("\n%s\n", f.line);
    print_lines(o, copies.n ? "FILE" : path, &f);
    print_mark(&f);
    print_dominant(&f);
    file_facts_free(&f);
    onces_free(&copies);
    return PE_EXIT_OK;
}

/* --- options --- */

int view_set_option(pe_options *o, const char *item, const char *example,
                    pe_error *errp)
{
    const char *equals = strchr(item, '=');
    char name[64];

    if (!equals || (size_t)(equals - item) >= sizeof(name))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--set %s: it is NAME=VALUE, as %s", item, example);
    snprintf(name, sizeof(name), "%.*s", (int)(equals - item), item);
    return pe_options_set(o, name, equals + 1, errp);
}

static bool is_topic(const char *word)
{
    return look_is_url(word);
}

static int run(const struct inspect_options *opt, int n, char **files)
{
    pe_error e = {0};
    pe_options *o = pe_options_create(file_function.options, &e);
    int status = o ? PE_EXIT_OK : log_failure(&e);
    bool set = true;

    for (size_t i = 0; o && set && i < opt->set.n; i++)
        set = view_set_option(o, opt->set.items[i], "decimal=comma", &e) == 0;
    if (!set)
        status = log_failure(&e);
    /* One that cannot be read keeps the others from nothing. */
    for (int i = 0; o && set && i < n; i++) {
        int one = inspect(o, files[i], i == 0);
        status = one ? one : status;
    }
    pe_options_destroy(o);
    return status;
}

static int show(const struct inspect_options *o, int n, char **words)
{
    pe_error e = {0};
    int topics = 0;

    for (int i = 0; i < n; i++)
        topics += is_topic(words[i]);
    if (topics == 0)
        return run(o, n, words);
    if (n == 1)
        return inspect_topic(&o->set, words[0]);
    pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_USAGE,
                 "a topic is inspected by itself: one operand");
    return log_failure(&e);
}

int view_inspect(int argc, char **argv)
{
    struct inspect_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);
    int status;

    if (first < 0) {
        status = log_failure(&e);
    } else if (o.help) {
        option_help(&usage, stdout);
        status = PE_EXIT_OK;
    } else if (option_operands(&usage, argc - first, &e) < 0) {
        status = log_failure(&e);
    } else {
        status = show(&o, argc - first, argv + first);
    }
    option_list_free(&o.set);
    return status;
}
