/* file_array.c - blocks out of the rows of a file of arrays. */
#include "file_kind.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/function/host.h"
#include "src/store/store.h"

/* Between two looks at a file that is followed. */
#define FOLLOW_NS 20000000

/* Row r is of block r div points, and block b of device b mod devices.  SEQ is
 * the number of the device's block, or, of a file that is followed, that of
 * the block's last row: such a block may be sent before it is full.
 */
typedef struct file_array {
    store_table *store;
    bool follow;
    uint64_t row;     /* the next one, ours or not */
    int64_t since_ns; /* when it was first seen that there is one; 0: no */
    char *source;     /* NAME:ROW of the block handed out last */
    size_t source_cap;
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

static int begin(pe_context *ctx, file_array *a, const char *path)
{
    const pe_options *o = pe_context_options(ctx);
    uint64_t position = pe_context_position(ctx);
    store_wish w = {
        .path = path,
        .rows = pe_options_has(o, "rows") ? (int)pe_options_int(o, "rows") : -1,
        .frames = pe_options_bool(o, "frames"),
        .columns = pe_options_string(o, "columns"),
        .exclude = pe_options_string(o, "exclude"),
        .follow = pe_options_bool(o, "follow"),
        .hear = {.arg = ctx, .say = say, .masked = masked},
    };
    pe_error error = {0};

    a->ctx = ctx;
    a->follow = w.follow;
    a->row = a->follow ? position
                       : (position * (uint64_t)pe_context_size(ctx) +
                          (uint64_t)pe_context_index(ctx)) *
                             pe_context_points(ctx);
    a->store = store_open(&w, &error);
    if (!a->store)
        return pe_context_fail(ctx, "%s", error.text);
    a->source_cap = strlen(store_name(a->store)) + 24; /* ':' and 20 digits */
    a->source = malloc(a->source_cap);
    if (!a->source)
        return pe_context_fail(ctx, "out of memory");
    if (pe_context_index(ctx) == 0)
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
    free(a->source);
    free(a);
}

static void *array_open(pe_context *ctx, const char *path,
                        const file_list *list)
{
    file_array *a = calloc(1, sizeof(*a));

    if (list->several)
        path = list->paths[0];
    if (a && list->n > 1) {
        pe_context_fail(ctx,
                        "%s is one of %zu files of arrays: name one of them",
                        path, list->n);
        array_close(ctx, a);
        return NULL;
    }

    if (!a)
        pe_context_fail(ctx, "out of memory");
    else if (begin(ctx, a, path) == 0)
        return a;
    array_close(ctx, a);
    return NULL;
}

/* Go to the next row of ours; returns how many of its block are there, and
 * whether that is all of them.
 */
static uint32_t next_rows(pe_context *ctx, file_array *a, bool *fullp)
{
    uint64_t points = pe_context_points(ctx), rows = store_rows(a->store);
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

static int hand_out(pe_context *ctx, file_array *a, uint32_t n, pe_block *out)
{
    uint64_t block = a->row / pe_context_points(ctx);
    pe_error error = {0};

    if (pe_block_reserve(out, n, store_columns(a->store), pe_context_dtype(ctx),
                         &error) < 0)
        return pe_context_fail(ctx, "%s: %s", store_name(a->store), error.text);
    if (store_read(a->store, a->row, n, out->data, out->dtype, &error) < 0)
        return pe_context_fail(ctx, "%s", error.text);
    snprintf(a->source, a->source_cap, "%s:%" PRIu64, store_name(a->store),
             a->row);
    a->row += n;
    a->since_ns = 0;
    out->source = a->source;
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
    uint32_t n = next_rows(ctx, a, &full);

    if (n > 0 && (full || !a->follow || is_due(ctx, a)))
        return hand_out(ctx, a, n, out);
    if (!a->follow)
        return PE_NOTHING;
    clock_sleep_ns(FOLLOW_NS, 0);
    if (store_refresh(a->store, &error) < 0)
        return pe_context_fail(ctx, "%s", error.text);
    return PE_AGAIN;
}

const file_kind file_kind_array = {
    .knows = store_knows,
    .open = array_open,
    .close = array_close,
    .produce = array_produce,
};
