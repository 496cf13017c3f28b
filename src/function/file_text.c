/* file_text.c - blocks out of the rows of a text file. */
#include "file_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/function/csv.h"
#include "src/function/followed.h"
#include "src/function/host.h"

/* Between two looks at a file that is followed. */
#define FOLLOW_NS 20000000

/* Rows have numbers from 0, also those that are left out, and those of a file
 * that took the place of another go on where that one ended.  Row r is of
 * block r div points, and that of device b mod devices.  SEQ is the number of
 * the device's block, or, of a file that is followed, that of the block's last
 * row: such a block may be sent before it is full.
 */
struct file_text {
    const char *path;
    char separator;
    csv *csv;
    bool follow;
    followed file;    /* the one that is open */
    bool unkept;      /* ... and it is not known to the run yet */
    uint64_t row;     /* the next one of the file */
    uint64_t start;   /* the first one wanted */
    uint64_t numbers; /* rows of ours that hold a number */
    double *values;
    pe_block open;    /* our next block, filled row by row */
    uint32_t filled;  /* rows in it, ... */
    uint64_t first;   /* ... the number of the first */
    int64_t first_ns; /* ... and when it came, monotonic */
    char *source;     /* PATH:ROW of the block handed out last */
    size_t source_cap;
    pe_context *ctx; /* for what is skipped */
};

/* --- what is left out --- */

/* What to say of [s], behind PATH:LINE. */
static void skip_words(const file_text *t, const csv_skip *s, char *out,
                       size_t cap)
{
    switch (s->reason) {
    case CSV_ROW_NUL:
        snprintf(out, cap, "the row holds NUL bytes and is left out");
        break;
    case CSV_ROW_FIELDS:
        snprintf(out, cap,
                 "the row has %d fields, the first one has %d; it is left out",
                 s->fields, csv_columns(t->csv, NULL));
        break;
    case CSV_ROW_QUOTE:
        snprintf(out, cap, "a quote is left open; the line is left out");
        break;
    case CSV_ROW_LONG:
        snprintf(out, cap, "the row is longer than 16 MiB and is left out");
        break;
    case CSV_FIELD_EMPTY:
        snprintf(out, cap,
                 "column %d is empty; it becomes NaN (columns count from 0)",
                 s->column - 1);
        break;
    case CSV_FIELD_TEXT:
        snprintf(out, cap,
                 "column %d, '%s', is not a number; it becomes NaN (columns "
                 "count from 0)",
                 s->column - 1, s->text);
        break;
    }
}

/* The name [s] is counted under. */
static void skip_reason(const csv_skip *s, char *out, size_t cap)
{
    static const char *const rows[] = {
        [CSV_ROW_NUL] = "NUL bytes",
        [CSV_ROW_FIELDS] = "another number of fields",
        [CSV_ROW_QUOTE] = "a quote left open",
        [CSV_ROW_LONG] = "longer than 16 MiB",
    };

    if (s->column)
        snprintf(out, cap, "column %d is %s", s->column - 1,
                 s->reason == CSV_FIELD_EMPTY ? "empty" : "no number");
    else
        snprintf(out, cap, "%s", rows[s->reason]);
}

static void skipped(void *arg, const csv_skip *s)
{
    file_text *t = arg;
    char reason[48], words[256];

    skip_reason(s, reason, sizeof(reason));
    skip_words(t, s, words, sizeof(words));
    context_skip(t->ctx, s->column > 0, reason, "%s:%" PRIu64 ": %s", t->path,
                 s->line, words);
}

/* --- open --- */

static csv *open_csv(pe_context *ctx, const file_text *t, const char *from,
                     void (*skip)(void *arg, const csv_skip *s), void *arg)
{
    const char *header = pe_options_string(pe_context_options(ctx), "header");
    csv_conf conf = {.path = t->path,
                     .from = from,
                     .separator = t->separator,
                     .header = header[0] == 'y'   ? CSV_HEADER_YES
                               : header[0] == 'n' ? CSV_HEADER_NO
                                                  : CSV_HEADER_AUTO,
                     .follow = t->follow,
                     .skip = skip,
                     .arg = arg};
    pe_error error = {0};
    csv *c = csv_open(&conf, &error);

    if (!c)
        pe_context_fail(ctx, "%s", error.text);
    return c;
}

/* Which row comes first. */
static int find_start(pe_context *ctx, file_text *t)
{
    uint64_t position = pe_context_position(ctx);

    if (!t->follow) {
        t->start = (position * (uint64_t)pe_context_size(ctx) +
                    (uint64_t)pe_context_index(ctx)) *
                   pe_context_points(ctx);
        return 0;
    }
    if (followed_find(ctx, t->path, position, &t->file) < 0)
        return -1;
    t->start = t->file.start;
    t->row = t->file.now.first;
    t->unkept = true;
    return 0;
}

file_text *file_text_open(pe_context *ctx, const char *path, char separator)
{
    file_text *t = calloc(1, sizeof(*t));

    if (!t) {
        pe_context_fail(ctx, "out of memory");
        return NULL;
    }
    t->ctx = ctx;
    t->path = path;
    t->separator = separator;
    t->follow = pe_options_bool(pe_context_options(ctx), "follow");
    t->source_cap = strlen(path) + 24; /* ':' and 20 digits */
    t->source = malloc(t->source_cap);
    if (!t->source)
        pe_context_fail(ctx, "out of memory");
    else if (find_start(ctx, t) == 0)
        t->csv = open_csv(ctx, t, t->file.from, skipped, t);
    free(t->file.from);
    t->file.from = NULL;
    if (t->csv)
        return t;
    file_text_close(ctx, t);
    return NULL;
}

static void tell_sum(pe_context *ctx, const file_text *t)
{
    const function_skips *s = context_skips(ctx);

    if (s)
        pe_context_log(ctx,
                       "%s: %" PRIu64 " rows were left out, %" PRIu64
                       " fields became NaN",
                       t->path, s->rows, s->cells);
}

void file_text_close(pe_context *ctx, file_text *t)
{
    if (!t)
        return;
    if (t->csv)
        tell_sum(ctx, t);
    csv_close(t->csv);
    pe_block_release(&t->open);
    free(t->values);
    free(t->source);
    free(t);
}

/* --- rows --- */

/* Room for our next block and a row; 0: the columns are not known yet. */
static int reserve(pe_context *ctx, file_text *t)
{
    pe_error error;
    int columns = csv_columns(t->csv, &error);

    if (columns < 0)
        return pe_context_fail(ctx, "%s", error.text);
    if (columns == 0)
        return 0;
    if (!t->values)
        t->values = calloc((size_t)columns, sizeof(*t->values));
    if (!t->values)
        return pe_context_fail(ctx, "out of memory");
    if (pe_block_reserve(&t->open, pe_context_points(ctx), (uint32_t)columns,
                         pe_context_dtype(ctx), &error) < 0)
        return pe_context_fail(ctx, "%s: %s", t->path, error.text);
    return 1;
}

static bool holds_number(const double *x, uint32_t n)
{
    for (uint32_t j = 0; j < n; j++)
        if (isfinite(x[j]))
            return true;
    return false;
}

static void store_row(file_text *t, uint64_t row)
{
    uint32_t features = t->open.features;
    size_t at = (size_t)t->filled * features;

    for (uint32_t j = 0; j < features; j++) {
        if (t->open.dtype == PE_F8)
            ((double *)t->open.data)[at + j] = t->values[j];
        else
            ((float *)t->open.data)[at + j] = (float)t->values[j];
    }
    t->numbers += holds_number(t->values, features);
    if (t->filled++ > 0)
        return;
    t->first = row;
    t->first_ns = t->follow ? clock_mono_ns() : 0;
}

/* Read rows until our block is full (1), none is left (0), or a cancel comes
 * in between (PE_AGAIN).
 */
static int fill(pe_context *ctx, file_text *t)
{
    uint32_t points = pe_context_points(ctx);
    pe_error error;

    for (;;) {
        uint64_t row = t->row, block = row / points;
        bool ours = row >= t->start && block % (uint64_t)pe_context_size(ctx) ==
                                           (uint64_t)pe_context_index(ctx);
        if (pe_context_cancelled(ctx))
            return PE_AGAIN;
        int rc = csv_row(t->csv, ours ? t->values : NULL, &error);
        if (rc < 0)
            return pe_context_fail(ctx, "%s", error.text);
        if (rc == CSV_NONE)
            return 0;
        t->row++;
        if (ours && rc == CSV_ROW)
            store_row(t, row);
        if (t->row % points == 0 && t->filled > 0)
            return 1;
    }
}

/* Hand our block out by changing places with [out]: no copy. */
static int hand_out(pe_context *ctx, file_text *t, pe_block *out)
{
    uint64_t block = t->first / pe_context_points(ctx);
    pe_block full = t->open;

    full.points = t->filled;
    t->open = *out;
    *out = full;
    t->filled = 0;
    snprintf(t->source, t->source_cap, "%s:%" PRIu64, t->path,
             t->first - t->file.now.first);
    out->source = t->source;
    out->has_seq = 1;
    out->seq = t->follow ? t->row - 1 : block / (uint64_t)pe_context_size(ctx);
    return PE_FORWARD;
}

/* --- the end, and what is no end --- */

/* What was skipped first, whosever row it was. */
typedef struct first_skip {
    const file_text *t;
    char words[320]; /* "" : nothing was */
} first_skip;

static void note_first(void *arg, const csv_skip *s)
{
    first_skip *f = arg;
    char words[256];

    if (*f->words)
        return;
    skip_words(f->t, s, words, sizeof(words));
    snprintf(f->words, sizeof(f->words), ":%" PRIu64 ": %s", s->line, words);
}

/* Does any row of the file hold a number? */
static bool any_number(pe_context *ctx, const file_text *t, first_skip *f)
{
    csv *c = open_csv(ctx, t, NULL, note_first, f);
    int columns = c ? csv_columns(c, NULL) : 0, rc;
    double *x = columns > 0 ? calloc((size_t)columns, sizeof(*x)) : NULL;
    bool found = false;

    while (x && !found && (rc = csv_row(c, x, NULL)) > 0)
        found = rc == CSV_ROW && holds_number(x, (uint32_t)columns);
    free(x);
    csv_close(c);
    return found;
}

/* The file has ended: that is an error where nothing can be learned from it. */
static int finish(pe_context *ctx, const file_text *t)
{
    first_skip first = {.t = t};

    if (t->numbers > 0 || any_number(ctx, t, &first))
        return PE_NOTHING;
    return pe_context_fail(
        ctx,
        "%s%s: no row of it can be learned from; a row is numbers between %s, "
        "as many as the first row has fields, which may be a header",
        t->path, first.words, t->separator == '\t' ? "tabs" : "commas");
}

/* The run has to know which file our rows are of before it gets one. */
static int keep_file(pe_context *ctx, file_text *t)
{
    if (t->unkept && followed_keep(ctx, &t->file) < 0)
        return 0;
    t->unkept = false;
    return 1;
}

/* Nothing more is there now: is there another file? */
static int look_around(pe_context *ctx, file_text *t)
{
    pe_error error;
    int rc = csv_renew(t->csv, &error);

    if (rc < 0)
        return pe_context_fail(ctx, "%s", error.text);
    if (rc > 0) {
        t->file.before = t->file.now;
        t->file.now.first = t->row;
        csv_open_identity(t->csv, t->file.now.identity);
        t->unkept = true;
        pe_context_log(ctx,
                       "%s: another file took its place or it was cut; it is "
                       "followed from its start, as row %" PRIu64,
                       t->path, t->row);
    }
    clock_sleep_ns(rc > 0 ? 0 : FOLLOW_NS, 0);
    return PE_AGAIN;
}

static bool is_due(pe_context *ctx, const file_text *t)
{
    return t->filled > 0 &&
           (!t->follow || (double)(clock_mono_ns() - t->first_ns) >=
                              pe_context_within(ctx) * 1e9);
}

int file_text_produce(pe_context *ctx, file_text *t, pe_block *out)
{
    int rc = t->filled > 0 ? 1 : reserve(ctx, t);

    if (rc > 0 && t->follow && !keep_file(ctx, t)) {
        clock_sleep_ns(FOLLOW_NS, 0);
        return PE_AGAIN;
    }
    if (rc > 0)
        rc = fill(ctx, t);
    if (rc < 0 || rc == PE_AGAIN)
        return rc;
    if (rc > 0 || is_due(ctx, t))
        return hand_out(ctx, t, out);
    if (!t->follow)
        return finish(ctx, t);
    if (t->filled == 0)
        return look_around(ctx, t);
    clock_sleep_ns(FOLLOW_NS, 0);
    return PE_AGAIN;
}
