/* main.c - pilot-hdf5: what is in an HDF5 file, for programs that are not
 * linked with the library.  A program can be ended where a file system does
 * not answer, and what a broken file does to the library stays in here.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "fold.h"
#include "src/store/private.h"

static int fail(const pe_error *e)
{
    fprintf(stderr, "pilot-hdf5: %s\n", e->text);
    return e->exit_code ? (int)e->exit_code : PE_EXIT_DATA;
}

static void usage(FILE *f)
{
    fputs("Usage: pilot-hdf5 [OPTION]... FILE[:/PATH[,/PATH]...]\n"
          "       pilot-hdf5 --fold RUN_DIR FILE\n"
          "       pilot-hdf5 --trace KIND FILE\n"
          "Tell which rows and columns are read of an HDF5 file; called by "
          "`pilot`.\n"
          "\n"
          "  --rows AXIS      the axis that counts rows\n"
          "  --frames         all behind the first axis is one row\n"
          "  --follow         the file is being written\n"
          "  --columns LIST   names, or numbers from 0\n"
          "  --exclude LIST   likewise, left out\n"
          "  --time PATH      the data set that is the clock; none\n"
          "  --format UNIT    of the clock: s, ms, us, ns since 1970\n"
          "  --zone SECONDS   east of UTC, of instants without a zone\n"
          "  --list           all that is in there, for people\n"
          "  --fold RUN_DIR   make FILE of the trace of a run\n"
          "  --trace KIND     say what is in such a FILE, as a log: facts, "
          "blocks, ...\n"
          "\n"
          "Exit status: 0; 64 usage; 65 the file; 73 it cannot be made; 78 the "
          "columns.\n",
          f);
}

/* [word] and [value] as a line, whatever is in the value. */
static void tell_line(const char *word, const char *value)
{
    printf("%s ", word);
    for (; *value; value++)
        putchar((unsigned char)*value < ' ' ? '?' : *value);
    putchar('\n');
}

static void tell_columns(const store_table *s)
{
    uint32_t number;

    for (uint32_t c = 0; c < store_columns(s); c++) {
        const char *name = store_column(s, c, &number);
        element e = s->ops->type(s, number);
        char word[32], digits[16];

        snprintf(word, sizeof(word), "column %c%u", e.kind, e.size);
        snprintf(digits, sizeof(digits), "%" PRIu32, number);
        tell_line(word, name ? name : digits);
        tell_line("unit", store_column_unit(s, c));
    }
}

/* What the columns are, and the first rows as doubles. */
static int tell(store_table *s, pe_error *errp)
{
    uint64_t rows = store_rows(s);
    uint32_t head = rows < STORE_HEAD_ROWS ? (uint32_t)rows : STORE_HEAD_ROWS;
    double *row = calloc(store_columns(s), sizeof(*row));
    int rc = row ? 0 : pe_error_nomem(errp);
    const char *unit, *clock = store_clock(s, &unit);

    tell_line("name", store_name(s));
    tell_line("words", store_words(s));
    printf("rows %" PRIu64 "\ncolumns %" PRIu32 "\n", rows, store_columns(s));
    tell_columns(s);
    tell_line("clock", clock ? clock : "");
    tell_line("clock-unit", clock ? unit : "");
    printf("head %" PRIu32 "\n", head);
    for (uint32_t i = 0; i < head && rc == 0; i++) {
        rc = store_read(s, i, 1, row, PE_F8, errp);
        if (rc == 0)
            fwrite(row, sizeof(*row), store_columns(s), stdout);
    }
    free(row);
    return rc;
}

/* What is asked beside rows and columns. */
struct other {
    bool list;
    const char *fold, *trace;
};

static int parse(store_wish *w, struct other *other, int argc, char **argv)
{
    static const struct option options[] = {
        {"rows", required_argument, NULL, 'r'},
        {"frames", no_argument, NULL, 'f'},
        {"follow", no_argument, NULL, 'F'},
        {"columns", required_argument, NULL, 'c'},
        {"exclude", required_argument, NULL, 'x'},
        {"time", required_argument, NULL, 't'},
        {"format", required_argument, NULL, 'T'},
        {"zone", required_argument, NULL, 'z'},
        {"list", no_argument, NULL, 'l'},
        {"fold", required_argument, NULL, 'o'},
        {"trace", required_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int64_t n;
    int c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'r' && text_parse_int(optarg, &n) == 0 && n >= 0 &&
            n < GRID_DIMS_MAX)
            w->rows = (int)n;
        else if (c == 'z' && text_parse_int(optarg, &n) == 0 && n > -86400 &&
                 n < 86400)
            w->zone_s = (int)n;
        else if (c == 'l')
            other->list = true;
        else if (c == 'o')
            other->fold = optarg;
        else if (c == 'k')
            other->trace = optarg;
        else if (c == 't')
            w->time = optarg;
        else if (c == 'T')
            w->format = optarg;
        else if (c == 'f')
            w->frames = true;
        else if (c == 'F')
            w->follow = true;
        else if (c == 'c')
            w->columns = optarg;
        else if (c == 'x')
            w->exclude = optarg;
        else
            return c == 'h' ? 1 : -1;
    }
    w->path = argv[optind];
    return optind + 1 == argc ? 0 : -1;
}

/* What is there to choose from. */
static int list(const char *path, pe_error *errp)
{
    char *words = store_list(path);

    if (!words)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s holds nothing that can be listed", path);
    fputs(words, stdout);
    free(words);
    return 0;
}

static int table(const store_wish *w, pe_error *errp)
{
    store_table *s = store_open(w, errp);
    int rc = s ? tell(s, errp) : -1;

    store_close(s);
    return rc;
}

int main(int argc, char **argv)
{
    store_wish w = {.rows = -1};
    pe_error e = {0};
    struct other other = {0};
    int rc = parse(&w, &other, argc, argv);

    if (rc != 0) {
        usage(rc > 0 ? stdout : stderr);
        return rc > 0 ? PE_EXIT_OK : PE_EXIT_USAGE;
    }
    store_enable_hdf5();
    if (other.fold)
        rc = fold_write(other.fold, w.path, &e);
    else if (other.trace)
        rc = fold_read(w.path, other.trace, &e);
    else
        rc = other.list ? list(w.path, &e) : table(&w, &e);
    if (rc < 0)
        return fail(&e);
    return fflush(stdout) == 0 ? PE_EXIT_OK : PE_EXIT_CREATE;
}
