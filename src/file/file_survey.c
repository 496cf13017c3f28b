/* file_survey.c - what a text file holds, for people who have not run it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/file/file_kind.h"
#include "src/file/file_wish.h"
#include "src/table/number.h"
#include "src/table/table.h"

#define ROWS_MAX 10000
#define LISTED_MAX 40 /* columns that are listed one by one */

static char *copy_of(const char *s, file_facts *f)
{
    char *copy = strdup(s);

    f->options.failed = f->options.failed || !copy;
    return copy;
}

/* --- rows --- */

/* What is no number in a column that is learned from becomes NaN in a run. */
static void look_at(const table_dialect *d, size_t j, span f, file_fact *c)
{
    double value;

    if (dialect_missing(d, f)) {
        c->missing++;
        return;
    }
    if (!number_parse(f.at, f.end, d->syntax.decimal, &value)) {
        if (d->columns[j].use == TABLE_LEARNED)
            c->missing++;
        else
            c->values++;
        return;
    }
    if (dialect_missing_number(d, value)) {
        c->missing++;
        return;
    }
    file_fact_take(c, value);
}

static void note_left(file_facts *f, const char *path, uint64_t line, size_t n,
                      const table_dialect *d)
{
    text t = {0};

    if (f->left_out++ > 0)
        return;
    if (n != d->n)
        text_add(&t, "%s:%" PRIu64 ": it has %zu field%s and not %zu", path,
                 line, n, text_s(n), d->n);
    else
        text_add(&t,
                 "%s:%" PRIu64 ": a quote is left open, it holds NUL bytes, "
                 "or it is longer than 16 MiB",
                 path, line);
    f->first_left = t.data;
}

/* The first rows into the facts: 0, -1. */
static int look(table *t, const char *path, file_facts *f, pe_error *errp)
{
    const table_dialect *d = table_dialect_of(t);
    span *fields = NULL;
    size_t n = 0;
    int rc = 1;

    while (f->looked < ROWS_MAX) {
        rc = table_fields(t, &fields, &n, errp);
        if (rc <= 0)
            break;
        f->looked++;
        if (rc == TABLE_SKIPPED)
            note_left(f, path, table_line(t) - 1, n, d);
        for (size_t j = 0; rc == TABLE_ROW && j < d->n; j++)
            look_at(d, j, fields[j], &f->columns[j]);
    }
    f->rows = f->looked;
    f->rows_known = rc == TABLE_NONE;
    return rc < 0 ? -1 : 0;
}

/* How many rows there are, where the first ones are like the rest. */
static void reckon(const table *t, file_facts *f, uint64_t used)
{
    uint64_t size = table_size(t);

    if (!f->rows_known && used > 0)
        f->rows = (uint64_t)((double)f->looked * (double)size / (double)used);
}

/* --- columns --- */

static void fill_columns(const table_dialect *d, file_facts *f)
{
    static const char *const types[] = {[TABLE_NUMBER] = "number",
                                        [TABLE_TIME] = "time",
                                        [TABLE_TEXT] = "text",
                                        [TABLE_EMPTY] = "none"};

    for (size_t j = 0; j < d->n; j++) {
        const table_column *from = &d->columns[j];
        file_fact *to = &f->columns[j];
        to->name = copy_of(from->name, f);
        to->unit = copy_of(from->unit, f);
        to->type = types[from->type];
        to->learned = from->use == TABLE_LEARNED;
        to->use = copy_of(from->use == TABLE_CLOCK  ? "the clock"
                          : from->use == TABLE_LEFT ? from->why
                                                    : "",
                          f);
    }
}

/* --- lines for the pipeline file --- */

/* [s] as a text of YAML. */
static void add_text(text *t, const char *key, const char *s)
{
    text_add(t, "%s: \"", key);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            text_add(t, "\\");
        text_add_bytes(t, s, 1);
    }
    text_add(t, "\"\n");
}

static void add_columns(const table_dialect *d, text *t)
{
    char *list = d->n_features <= LISTED_MAX || !d->name_line
                     ? dialect_columns(d)
                     : NULL;

    if (list)
        add_text(t, "columns", list);
    free(list);
}

/* The clock's columns, as those learned from are listed. */
static void add_clock(const table_dialect *d, text *t)
{
    table_dialect alone = *d;
    char *list;

    alone.n_features = 0;
    alone.columns = calloc(d->n, sizeof(*alone.columns));
    if (!alone.columns) {
        t->failed = 1;
        return;
    }
    for (size_t j = 0; j < d->n; j++) {
        bool is = (int)j == d->clock || (int)j == d->clock_day;
        alone.columns[j] = d->columns[j];
        alone.columns[j].feature = is ? (int)alone.n_features++ : -1;
    }
    list = dialect_columns(&alone);
    if (list)
        add_text(t, "time", list);
    free(list);
    free(alone.columns);
}

static void add_time(const table_dialect *d, text *t)
{
    static const char *const words[] = {
        [STAMP_YMD] = "iso", [STAMP_DMY] = "dmy",   [STAMP_MDY] = "mdy",
        [STAMP_S] = "s",     [STAMP_MS] = "ms",     [STAMP_US] = "us",
        [STAMP_NS] = "ns",   [STAMP_ELAPSED] = NULL};

    if (d->clock < 0 || d->known == TABLE_LVM)
        return;
    add_clock(d, t);
    if (d->stamp.kind == STAMP_PATTERN) {
        add_text(t, "format", d->stamp.pattern);
    } else if (words[d->stamp.kind]) {
        text_add(t, "format: %s\n", words[d->stamp.kind]);
    }
}

static void add_layout(const table_dialect *d, const table_wish *w, text *t)
{
    static const char *const marks[] = {['\t'] = "tab",
                                        [' '] = "space",
                                        [';'] = "semicolon",
                                        ['|'] = "pipe",
                                        [','] = "comma"};

    if (w->latin1)
        text_add(t, "encoding: latin1\n");
    if (d->known != TABLE_ANY)
        return; /* its first lines say it */
    if (d->n > 1)
        text_add(t, "delimiter: %s\n",
                 marks[(unsigned char)d->syntax.delimiter]);
    if (d->syntax.decimal == ',')
        text_add(t, "decimal: comma\n");
    if (d->name_line && !d->named_by_comment) {
        uint64_t lines = d->unit_line > d->name_line ? 2 : 1;
        if (d->name_line > 1)
            text_add(t, "skip: %" PRIu64 "\n", d->name_line - 1);
        text_add(t, "header: %" PRIu64 "\n", lines);
    } else if (!d->name_line) {
        if (d->passed)
            text_add(t, "skip: %" PRIu64 "\n", d->data_line - 1);
        text_add(t, "header: no\n");
    }
}

static int fill(table *t, const char *path, const table_wish *w, file_facts *f,
                pe_error *errp)
{
    const table_dialect *d = table_dialect_of(t);
    const char *packing = table_packing(t);
    text line = {0};

    f->n = d->n;
    f->columns = calloc(d->n, sizeof(*f->columns));
    if (!f->columns)
        return pe_error_nomem(errp);
    fill_columns(d, f);
    text_add(&line, "%s: ", path);
    dialect_line(d, &line);
    f->line = line.data;
    f->kind = text_format("text%s%s", *packing ? " packed by " : "", packing);
    add_layout(d, w, &f->options);
    add_time(d, &f->options);
    add_columns(d, &f->options);
    if (line.failed || !f->kind || f->options.failed)
        return pe_error_nomem(errp);
    return look(t, path, f, errp);
}

int file_text_describe(const pe_options *o, const char *path,
                       const file_list *list, file_facts *out, pe_error *errp)
{
    const char *name = list->paths[0];
    table_wish w;
    table_conf conf = {.path = name, .wish = &w};
    table *t = NULL;
    int rc = -1;

    if (file_wish(o, &w, errp) == 0)
        t = table_open(&conf, errp);
    if (t)
        rc = table_ready(t, errp);
    if (rc == 0)
        rc = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                          "%s: no row of it can be learned from: it has %s",
                          path,
                          table_bytes(t) ? "no row of numbers, a header at most"
                                         : "no lines");
    if (rc > 0)
        rc = fill(t, name, &w, out, errp);
    if (rc == 0)
        reckon(t, out, table_used(t));
    table_close(t);
    return rc;
}
