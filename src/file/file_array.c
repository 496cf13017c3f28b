/* file_array.c - blocks out of the rows of a file of arrays. */
#include "file_kind.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/columns.h"
#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/file/file_kept.h"
#include "src/context/context.h"
#include "src/store/store.h"
#include "src/table/stamp.h"

/* Between two looks at a file that is followed. */
#define FOLLOW_NS 20000000

/* Rows have numbers from 0, and those of a file go on at the next block behind
 * those of the one before it, so that a block is of one file.  Row r is of
 * block r div points, and block b of device b mod devices.  SEQ is the number
 * of the device's block, or, of a file that is followed, that of the block's
 * last row: such a block may be sent before it is full.
 */
typedef struct file_array {
    const file_list *list; /* borrowed */
    size_t at;             /* the file of it that is open ... */
    uint64_t base;         /* ... and the number of its first row */
    store_table *store;
    uint32_t columns; /* of the first file ... */
    char *names;      /* ... and what they are called */
    bool follow;
    uint64_t row;     /* the next one, ours or not */
    int64_t since_ns; /* when it was first seen that there is one; 0: no */
    char *source;     /* NAME:ROW of the block handed out last */
    size_t source_cap;
    int64_t *times; /* of the rows of a block, where there is a clock */
    size_t times_cap;
    int64_t sense_ns; /* the time of the last row that had one */
    pe_context *ctx;
} file_array;

static void say(void *arg, const char *line)
{
    pe_context_log(arg, "%s", line);
}

static void masked(void *arg, uint64_t n, const char *reason, const char *first)
{
    context_skip_many(arg, n, true, reason, "%s", first);
}

static const char *given(const pe_options *o, const char *name)
{
    return pe_options_has(o, name) ? pe_options_string(o, name) : NULL;
}

/* What the options of `file` want of [path].  Errors: input, 78. */
static int wish_of(const pe_options *o, const char *path, store_wish *w,
                   pe_error *errp)
{
    *w = (store_wish){
        .path = path,
        .time = given(o, "time"),
        .format = given(o, "format"),
        .rows = pe_options_has(o, "rows") ? (int)pe_options_int(o, "rows") : -1,
        .frames = pe_options_bool(o, "frames"),
        .columns = pe_options_string(o, "columns"),
        .exclude = pe_options_string(o, "exclude"),
        .follow = pe_options_bool(o, "follow"),
    };
    return stamp_zone(pe_options_string(o, "zone"), &w->zone_s, errp);
}

/* Names of all columns, a line each; new memory. */
static char *names_of(const store_table *s)
{
    text t = {0};
    uint32_t number;

    text_add(&t, "%s", "");
    for (uint32_t c = 0; c < store_columns(s); c++) {
        const char *name = store_column(s, c, &number);
        if (name)
            text_add(&t, "%s\n", name);
    }
    return t.data;
}

/* What the columns are called, for people who look at results; those without
 * a name have their number.
 */
static int tell_columns(const file_array *a)
{
    bool named = false;
    text list = {0};
    uint32_t number;
    int rc;

    for (uint32_t c = 0; c < store_columns(a->store); c++) {
        const char *name = store_column(a->store, c, &number);
        char digits[24];

        snprintf(digits, sizeof(digits), "%u", number);
        columns_add(&list, c, name ? name : digits);
        named = named || name;
    }
    rc = list.failed ? pe_context_fail(a->ctx, "out of memory")
                     : context_columns(a->ctx, named ? list.data : NULL);
    text_free(&list);
    return rc;
}

/* Blocks of one run have the columns of its first file. */
static int check_columns(file_array *a)
{
    char *names = names_of(a->store);
    bool same = names && a->names && !strcmp(names, a->names) &&
                store_columns(a->store) == a->columns;

    if (a->names) {
        free(names);
        return same ? 0
                    : pe_context_fail(a->ctx,
                                      "%s has other columns than %s: choose "
                                      "those of both by `columns`",
                                      a->list->paths[a->at], a->list->paths[0]);
    }
    a->names = names;
    a->columns = store_columns(a->store);
    return names ? tell_columns(a) : pe_context_fail(a->ctx, "out of memory");
}

/* Open the file that is next. */
static int open_store(file_array *a)
{
    pe_context *ctx = a->ctx;
    store_wish w;
    pe_error error = {0};

    if (wish_of(pe_context_options(ctx), a->list->paths[a->at], &w, &error) < 0)
        return pe_context_fail(ctx, "%s", error.text);
    w.hear = (store_hear){.arg = ctx, .say = say, .masked = masked};
    a->store = store_open(&w, &error);
    if (!a->store)
        return pe_context_fail(ctx, "%s", error.text);
    free(a->source);
    a->source_cap = strlen(store_name(a->store)) + 24; /* ':' and 20 digits */
    a->source = malloc(a->source_cap);
    if (!a->source)
        return pe_context_fail(ctx, "out of memory");
    return check_columns(a);
}

/* Are the files what they were when this run began to read them? */
static int check_kept(file_array *a, const char *path)
{
    file_list files = {.several = a->list->several};
    bool whole = true;
    int rc;

    files.paths = calloc(a->list->n, sizeof(*files.paths));
    while (files.paths && whole && files.n < a->list->n) {
        files.paths[files.n] = store_file_of(a->list->paths[files.n]);
        whole = files.paths[files.n++] != NULL;
    }
    rc = files.paths && whole ? file_kept_check(a->ctx, path, &files)
                              : pe_context_fail(a->ctx, "out of memory");
    file_list_free(&files);
    return rc;
}

static int begin(file_array *a, const char *path)
{
    pe_context *ctx = a->ctx;
    uint64_t position = pe_context_position(ctx);

    a->follow = pe_options_bool(pe_context_options(ctx), "follow");
    if (a->follow && a->list->n > 1)
        return pe_context_fail(ctx,
                               "%s is %zu files of arrays, of which but one "
                               "can be followed: name it",
                               path, a->list->n);
    a->row = a->follow ? position
                       : (position * (uint64_t)pe_context_size(ctx) +
                          (uint64_t)pe_context_index(ctx)) *
                             pe_context_points(ctx);
    if ((!a->follow && check_kept(a, path) < 0) || open_store(a) < 0)
        return -1;
    if (pe_context_index(ctx) != 0)
        return 0;
    if (a->list->n > 1)
        pe_context_log(ctx, "%s: %zu files of arrays, one behind the other",
                       path, a->list->n);
    pe_context_log(ctx, "%s", store_words(a->store));
    return 0;
}

static void array_close(pe_context *ctx, void *state)
{
    file_array *a = state;

    (void)ctx;
    if (!a)
        return;
    store_close(a->store);
    free(a->names);
    free(a->source);
    free(a->times);
    free(a);
}

static void *array_open(pe_context *ctx, const char *path,
                        const file_list *list)
{
    file_array *a = calloc(1, sizeof(*a));

    if (!a) {
        pe_context_fail(ctx, "out of memory");
        return NULL;
    }
    a->ctx = ctx;
    a->list = list;
    if (begin(a, path) == 0)
        return a;
    array_close(ctx, a);
    return NULL;
}

/* Go to the next row of ours; returns how many of its block are there, and
 * whether that is all of them.
 */
static uint32_t next_rows(pe_context *ctx, file_array *a, bool *fullp)
{
    uint64_t points = pe_context_points(ctx);
    uint64_t rows = a->base + store_rows(a->store);
    uint64_t size = (uint64_t)pe_context_size(ctx);
    uint64_t block = a->row / points;
    uint64_t ahead =
        ((uint64_t)pe_context_index(ctx) + size - block % size) % size;
    uint64_t end;

    if (ahead > 0)
        a->row = (block + ahead) * points;
    end = (a->row / points + 1) * points;
    *fullp = end <= rows;
    if (end > rows)
        end = rows;
    return a->row < end ? (uint32_t)(end - a->row) : 0;
}

/* Behind the last row of a file comes the next one, with a block of its own:
 * 1; 0 there is none, -1.
 */
static int next_file(file_array *a)
{
    uint64_t points = pe_context_points(a->ctx);
    uint64_t blocks = (store_rows(a->store) + points - 1) / points;

    if (a->at + 1 >= a->list->n)
        return 0;
    a->base += blocks * points;
    a->at++;
    store_close(a->store);
    a->store = NULL;
    return open_store(a) < 0 ? -1 : 1;
}

/* Rows without a time have that of the row before. */
static void fill_times(file_array *a, uint32_t n, const char *clock)
{
    uint64_t row = a->row - a->base, first = 0, missing = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (a->times[i]) {
            a->sense_ns = a->times[i];
            continue;
        }
        if (missing++ == 0)
            first = row + i;
        a->times[i] = a->sense_ns;
    }
    if (missing)
        context_skip_many(a->ctx, missing, true, "the clock is no time",
                          "%s: the clock, %.60s, of row %" PRIu64
                          " is no time; that of the row before is taken",
                          store_name(a->store), clock, first);
}

/* The times of [n] rows, the last of which is that of their block: 0, -1. */
static int take_time(pe_context *ctx, file_array *a, uint32_t n)
{
    const char *unit, *clock = store_clock(a->store, &unit);
    pe_error error = {0};

    if (!clock)
        return 0;
    if (n > a->times_cap) {
        free(a->times);
        a->times_cap = 0;
        a->times = calloc(n, sizeof(*a->times));
        if (!a->times)
            return pe_context_fail(ctx, "out of memory");
        a->times_cap = n;
    }
    if (store_times(a->store, a->row - a->base, n, a->times, &error) < 0)
        return pe_context_fail(ctx, "%s", error.text);
    fill_times(a, n, clock);
    context_times(ctx, a->times, n);
    return 0;
}

static int hand_out(pe_context *ctx, file_array *a, uint32_t n, pe_block *out)
{
    uint64_t block = a->row / pe_context_points(ctx);
    pe_error error = {0};

    if (pe_block_reserve(out, n, store_columns(a->store), pe_context_dtype(ctx),
                         &error) < 0)
        return pe_context_fail(ctx, "%s: %s", store_name(a->store), error.text);
    if (store_read(a->store, a->row - a->base, n, out->data, out->dtype,
                   &error) < 0)
        return pe_context_fail(ctx, "%s", error.text);
    if (take_time(ctx, a, n) < 0)
        return -1;
    snprintf(a->source, a->source_cap, "%s:%" PRIu64, store_name(a->store),
             a->row - a->base);
    /* A last block that is short is one all the same. */
    a->row = a->follow ? a->row + n : (block + 1) * pe_context_points(ctx);
    a->since_ns = 0;
    out->source = a->source;
    out->sense_ns = a->sense_ns;
    out->has_seq = 1;
    out->seq = a->follow ? a->row - 1 : block / (uint64_t)pe_context_size(ctx);
    return PE_FORWARD;
}

/* A block that is not full waits for more rows, but not longer than `within`.
 */
static bool is_due(pe_context *ctx, file_array *a)
{
    int64_t now = clock_mono_ns();

    if (a->since_ns == 0)
        a->since_ns = now;
    return (double)(now - a->since_ns) >= pe_context_within(ctx) * 1e9;
}

static int array_produce(pe_context *ctx, void *state, pe_block *out)
{
    file_array *a = state;
    pe_error error = {0};
    bool full;
    uint32_t n;
    int rc = 1;

    while ((n = next_rows(ctx, a, &full)) == 0 && rc > 0 && !a->follow)
        rc = pe_context_cancelled(ctx) ? 0 : next_file(a);
    if (rc < 0)
        return -1;
    if (n > 0 && (full || !a->follow || is_due(ctx, a)))
        return hand_out(ctx, a, n, out);
    if (!a->follow)
        return pe_context_cancelled(ctx) ? PE_AGAIN : PE_NOTHING;
    clock_sleep_ns(FOLLOW_NS, 0);
    if (store_refresh(a->store, &error) < 0)
        return pe_context_fail(ctx, "%s", error.text);
    return PE_AGAIN;
}

/* --- what is in there --- */

/* A row into the facts of its columns. */
static void look_at(const double *row, uint32_t columns, file_facts *f)
{
    for (size_t j = 0; j < columns; j++) {
        file_fact *c = &f->columns[j];
        if (isnan(row[j])) {
            c->missing++;
            continue;
        }
        file_fact_take(c, row[j]);
    }
}

/* One more column, called [name] (owned). */
static int add_fact(file_facts *f, char *name, const char *unit,
                    const char *use, pe_error *errp)
{
    file_fact *to = &f->columns[f->n++];

    *to = (file_fact){.name = name, .unit = strdup(unit), .use = strdup(use)};
    return to->name && to->unit && to->use ? 0 : pe_error_nomem(errp);
}

/* Names, types and the first rows, as many as any program can read. */
static int fill_facts(store_table *s, file_facts *f, pe_error *errp)
{
    uint32_t columns = store_columns(s), number;
    double *row = calloc(columns, sizeof(*row));
    const char *unit, *clock = store_clock(s, &unit);
    int rc = 0;

    f->rows = store_rows(s);
    f->rows_known = true;
    f->looked = f->rows < STORE_HEAD_ROWS ? f->rows : STORE_HEAD_ROWS;
    f->line = strdup(store_words(s));
    f->kind = strdup("an array");
    f->columns = calloc((size_t)columns + 1, sizeof(*f->columns));
    if (!row || !f->line || !f->kind || !f->columns)
        rc = pe_error_nomem(errp);
    for (uint32_t c = 0; rc == 0 && c < columns; c++) {
        const char *name = store_column(s, c, &number);
        rc = add_fact(f, name ? strdup(name) : text_format("%u", number),
                      store_column_unit(s, c), "", errp);
        f->columns[c].type = store_column_type(s, c);
        f->columns[c].learned = true;
    }
    if (rc == 0 && clock) {
        rc = add_fact(f, strdup(clock), unit, "the clock", errp);
        f->columns[columns].type = "time";
    }
    for (uint64_t r = 0; rc == 0 && r < f->looked; r++) {
        rc = store_read(s, r, 1, row, PE_F8, errp);
        if (rc == 0)
            look_at(row, columns, f);
    }
    free(row);
    return rc;
}

static int array_describe(const pe_options *o, const char *path,
                          const file_list *list, file_facts *out,
                          pe_error *errp)
{
    static const char *const kept[] = {"columns", "exclude", "time", "format"};
    store_wish w;
    store_table *s;
    int rc;

    (void)path; /* of which these are the files */
    if (wish_of(o, list->paths[0], &w, errp) < 0)
        return -1;
    s = store_open(&w, errp);
    rc = s ? fill_facts(s, out, errp) : -1;
    if (!w.follow)
        out->listing = store_list(list->paths[0]);
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (pe_options_has(o, kept[i]))
            text_add(&out->options, "%s: \"%s\"\n", kept[i],
                     pe_options_string(o, kept[i]));
    store_close(s);
    return rc;
}

const file_kind file_kind_array = {
    .knows = store_knows,
    .open = array_open,
    .close = array_close,
    .produce = array_produce,
    .describe = array_describe,
};
