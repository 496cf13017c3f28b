/* write.c - built-in function: keeps rows in a file, and passes them on.
 *
 * Each device and each rank has a file of its own.  A row is in one of them,
 * once: pieces know where they come from (write_part.h), and what comes again
 * is cut away before it does: on a device what its source senses again, on a
 * rank what is not committed, when a pool begins or goes back.
 */
#include "file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/common/clock.h"
#include "src/context/context.h"
#include "src/store/store.h"
#include "write_others.h"
#include "write_private.h"

#define PATIENCE_S 10.0 /* for a process that is being ended */
#define ROOM_TRIES 10   /* looks at a full disk, 0.1 s apart */
#define TELL_NS (60 * CLOCK_S)
#define SYNC_NS                                                   \
    CLOCK_S /* what was written waits no longer to be on the disk \
             */

/* --- options --- */

static int take_what(pe_context *ctx, write_state *st)
{
    const char *list = pe_options_string(pe_context_options(ctx), "what");
    char item[ROWS_ITEM];

    while (rows_item(&list, item)) {
        if (!strcmp(item, "rows"))
            st->values = true;
        else if (!strcmp(item, "scores"))
            st->scores = true;
        else
            return pe_context_fail(ctx, "what: '%s' is none of rows, scores",
                                   item);
    }
    return 0;
}

/* HDF5 is made at the end, of an array that can be cut. */
static int take_array(pe_context *ctx, write_state *st)
{
    char *end = text_format("%s%s", st->end, WRITE_PART);

    if (!end)
        return pe_context_fail(ctx, "out of memory");
    free(st->end);
    st->end = end;
    return 0;
}

/* The format by what the path ends in, or as it is said. */
static int take_format(pe_context *ctx, write_state *st)
{
    static const struct {
        const char *end, *name;
        enum write_format format;
    } formats[] = {{"csv", "csv", WRITE_CSV},
                   {"npy", "npy", WRITE_NPY},
                   {"h5", "hdf5", WRITE_HDF5},
                   {"hdf5", "hdf5", WRITE_HDF5}};
    const char *said = pe_options_string(pe_context_options(ctx), "format");

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (!strcmp(said, "auto") ? !strcasecmp(st->end, formats[i].end)
                                  : !strcmp(said, formats[i].name)) {
            st->format = formats[i].format;
            return st->format == WRITE_HDF5 ? take_array(ctx, st) : 0;
        }
    return pe_context_fail(ctx,
                           "path: what to write is not seen by its end, '%s': "
                           "let it end in .csv, .npy or .h5, or say format",
                           st->end);
}

/* PATH with the run's name for {run}, as what is before the last dot of its
 * name and what is behind that.
 */
static int take_path(pe_context *ctx, write_state *st)
{
    static const char mark[] = "{run}";
    const char *path = pe_options_string(pe_context_options(ctx), "path");
    const char *at = path ? strstr(path, mark) : NULL;
    char *slash, *dot;

    if (!path || !*path)
        return pe_context_fail(ctx, "path is not given; name the file to "
                                    "write, as in path: rows.csv");
    st->stem = at ? text_format("%.*s%s%s", (int)(at - path), path,
                                pe_context_run(ctx), at + strlen(mark))
                  : strdup(path);
    if (!st->stem)
        return pe_context_fail(ctx, "out of memory");
    slash = strrchr(st->stem, '/');
    dot = strrchr(st->stem, '.');
    if (!dot || dot < slash || !dot[1])
        dot = st->stem + strlen(st->stem);
    st->end = strdup(*dot ? dot + 1 : "");
    *dot = '\0';
    st->owner =
        text_format("%s %s", pe_context_run(ctx), pe_context_stage(ctx));
    return st->end && st->owner ? 0 : pe_context_fail(ctx, "out of memory");
}

static int take_options(pe_context *ctx, write_state *st)
{
    const char *columns = pe_options_string(pe_context_options(ctx), "columns");

    if (columns && rows_columns_parse(ctx, &st->columns, columns) < 0)
        return -1;
    if (take_what(ctx, st) < 0 || take_path(ctx, st) < 0)
        return -1;
    if (columns && !st->values)
        return pe_context_fail(ctx, "columns: those of rows, and what: does "
                                    "not name them");
    return take_format(ctx, st);
}

/* --- opening --- */

static void write_close(pe_context *ctx)
{
    write_state *st = pe_context_state(ctx);

    pe_error e = {0};

    if (!st)
        return;
    if (st->part && part_sync(st->part, &e) < 0)
        pe_context_log(ctx, "%s", e.text);
    part_close(st->part);
    rows_columns_free(&st->columns);
    text_free(&st->lines);
    free(st->items);
    free(st->stem);
    free(st->path);
    free(st->end);
    free(st->owner);
    free(st->names);
    free(st->scored);
    free(st);
    pe_context_set_state(ctx, NULL);
}

/* A full disk is waited for: nothing is lost, since the block is not committed
 * before it is written.
 */
static int wait_for_room(void *arg, const pe_error *e)
{
    pe_context *ctx = arg;
    write_state *st = pe_context_state(ctx);
    int64_t now = clock_mono_ns();

    if (!st->told_ns || now - st->told_ns >= TELL_NS) {
        context_tell(ctx, "waits, and nothing is lost: %s", e->text);
        st->told_ns = now;
    }
    for (int i = 0; i < ROOM_TRIES && !pe_context_cancelled(ctx); i++)
        clock_sleep_ns(100 * CLOCK_MS, 0);
    return pe_context_cancelled(ctx) ? -1 : 0;
}

/* What a source that can be read again will not sense again. */
static bool counts_on_device(void *arg, const part_place *at)
{
    const pe_context *ctx = arg;

    return !context_again(ctx) || at->at < pe_context_position(ctx);
}

static int cut(pe_context *ctx, part_counts *counts, void *arg)
{
    write_state *st = pe_context_state(ctx);
    part_gone gone;
    pe_error e = {0};

    if (part_cut(st->part, counts, arg, &gone, &e) < 0)
        return context_fail_with(ctx, &e);
    if (gone.rows > 0)
        pe_context_log(ctx,
                       "%llu rows were written and not committed: they "
                       "are cut and come again",
                       (unsigned long long)gone.rows);
    if (gone.bytes > 0)
        pe_context_log(ctx,
                       "%llu bytes at the end of %s are of rows that were not "
                       "finished: they are cut",
                       (unsigned long long)gone.bytes, st->path);
    st->cut = true;
    return 0;
}

static bool is_lazy(const pe_context *ctx)
{
    return !strcmp(pe_options_string(pe_context_options(ctx), "sync"), "never");
}

static int open_part(pe_context *ctx, write_state *st)
{
    part_conf c = {.owner = st->owner,
                   .claims = true,
                   .lazy = is_lazy(ctx),
                   .patience_s = PATIENCE_S,
                   .wait = wait_for_room,
                   .arg = ctx,
                   .recount = write_recount};
    pe_error e = {0};

    if (st->format == WRITE_HDF5 && !store_makes_hdf5()) {
        store_make_hdf5("", pe_options_string(pe_context_options(ctx), "path"),
                        &e);
        return context_fail_with(ctx, &e);
    }
    c.path = st->path = text_format("%s.%s%s%s", st->stem, context_writer(ctx),
                                    *st->end ? "." : "", st->end);
    if (!st->path)
        return pe_context_fail(ctx, "out of memory");
    st->part = part_open(&c, &e);
    if (!st->part)
        return context_fail_with(ctx, &e);
    return write_on_device(ctx) ? cut(ctx, counts_on_device, ctx) : 0;
}

static int write_open(pe_context *ctx)
{
    write_state *st = calloc(1, sizeof(*st));

    if (!st)
        return pe_context_fail(ctx, "out of memory");
    pe_context_set_state(ctx, st);
    st->names = strdup("");
    if (!st->names)
        pe_context_fail(ctx, "out of memory");
    else if (take_options(ctx, st) == 0 &&
             (!context_writer(ctx) || open_part(ctx, st) == 0))
        return 0;
    write_close(ctx);
    return -1;
}

/* --- what is committed --- */

static bool is_committed(void *arg, const part_place *at)
{
    const context_committed *c = arg;

    return at->lane < c->n && at->at < (uint64_t)c->next[at->lane];
}

static void others_of(const pe_context *ctx, write_others *o)
{
    const write_state *st = pe_context_state(ctx);

    *o = (write_others){.stem = st->stem,
                        .end = st->end,
                        .owner = st->owner,
                        .writer = context_writer(ctx),
                        .ranks = pe_context_size(ctx)};
}

int write_settle(pe_context *ctx, const struct context_committed *c)
{
    write_state *st = pe_context_state(ctx);
    write_others o;
    pe_error e = {0};

    if (!st || !st->part)
        return 0;
    if (cut(ctx, is_committed, (void *)(uintptr_t)c) < 0)
        return -1;
    if (pe_context_index(ctx) > 0)
        return 0;
    others_of(ctx, &o);
    o.committed = c;
    o.counts = is_committed;
    return write_others_settle(&o, &e) < 0 ? context_fail_with(ctx, &e) : 0;
}

int write_sync(pe_context *ctx)
{
    write_state *st = pe_context_state(ctx);
    pe_error e = {0};

    return st && st->part && part_sync(st->part, &e) < 0
               ? context_fail_with(ctx, &e)
               : 0;
}

/* Rank 0 makes those of ranks that are not there any more, too. */
int write_finish(pe_context *ctx)
{
    write_state *st = pe_context_state(ctx);
    write_others o;
    pe_error e = {0};
    int rc = 0;

    if (!st || !st->part)
        return 0;
    if (part_finish(st->part, &e) < 0)
        return context_fail_with(ctx, &e);
    if (st->format != WRITE_HDF5)
        return 0;
    if (*part_layout(st->part))
        rc = write_others_make(st->path, &e);
    others_of(ctx, &o);
    if (rc == 0 && !write_on_device(ctx) && pe_context_index(ctx) == 0)
        rc = write_others_finish(&o, &e);
    return rc < 0 ? context_fail_with(ctx, &e) : 0;
}

/* --- rows --- */

bool write_unscored(const pe_options *o)
{
    const char *what = o ? pe_options_text(o, "what") : NULL;

    return what && !strstr(what, "scores");
}

bool write_named(const pe_options *o)
{
    const char *what = o ? pe_options_text(o, "what") : NULL;

    return !what || strstr(what, "rows");
}

/* Scores of [in], where they are wanted and there is a model. */
static int score(pe_context *ctx, write_state *st, const pe_block *in,
                 write_scored *out)
{
    uint32_t n;
    int rc;

    *out = (write_scored){.threshold = NAN};
    out->time = context_times_get(ctx, &n);
    if (n != in->points)
        out->time = NULL;
    if (!st->scores)
        return 0;
    if (in->points > st->cap) {
        float *more = realloc(st->scored, in->points * sizeof(*more));

        if (!more)
            return pe_context_fail(ctx, "out of memory");
        st->scored = more;
        st->cap = in->points;
    }
    rc = pe_context_score(ctx, in, st->scored, &out->threshold, &out->version);
    out->score = rc > 0 ? st->scored : NULL;
    return rc < 0 ? -1 : 0;
}

static int append_csv(write_state *st, const part_place *at, const pe_block *in,
                      const write_scored *scored, pe_error *errp)
{
    st->lines.len = 0;
    write_csv(&st->shape, in, scored, &st->lines);
    if (st->lines.failed)
        return pe_error_nomem(errp);
    return part_append(st->part, at, st->lines.data, st->lines.len, in->points,
                       errp);
}

static int append_npy(write_state *st, const part_place *at, const pe_block *in,
                      const write_scored *scored, pe_error *errp)
{
    size_t need = in->points * write_npy_item(&st->shape);

    if (need > st->cap_items) {
        unsigned char *more = realloc(st->items, need);

        if (!more)
            return pe_error_nomem(errp);
        st->items = more;
        st->cap_items = need;
    }
    write_npy(&st->shape, in, scored, st->items);
    return part_append(st->part, at, st->items, need, in->points, errp);
}

static int append(pe_context *ctx, write_state *st, const pe_block *in,
                  const write_scored *scored)
{
    bool device = write_on_device(ctx);
    const part_place at = {device ? in->boot : (uint64_t)in->partition,
                           device ? in->seq : (uint64_t)in->offset};
    pe_error e = {0};
    int rc = st->format == WRITE_CSV ? append_csv(st, &at, in, scored, &e)
                                     : append_npy(st, &at, in, scored, &e);
    int64_t waits = part_waits_ns(st->part);

    /* Blocks that are not sent, and long epochs: nobody else asks for it. */
    if (rc == 0 && waits && clock_mono_ns() - waits > SYNC_NS)
        rc = part_sync(st->part, &e);
    return rc < 0 ? context_fail_with(ctx, &e) : 0;
}

/* It would be cut, or stay twice: nobody could tell. */
static int fail_early(pe_context *ctx)
{
    pe_error e = {0};

    pe_error_set(&e, PE_ERROR_FATAL, PE_EXIT_FAILED,
                 "a block came before it was known what is committed: a fault "
                 "in the pool");
    return context_fail_with(ctx, &e);
}

static int write_process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    write_state *st = pe_context_state(ctx);
    write_scored scored;

    if (!st->part)
        return pe_context_pass(ctx, in, out);
    if (!st->cut)
        return fail_early(ctx);
    if (score(ctx, st, in, &scored) < 0 || write_take_shape(ctx, st, in) < 0 ||
        append(ctx, st, in, &scored) < 0)
        return -1;
    write_check_names(ctx, st);
    if (st->told_ns)
        context_tell(ctx, "goes on: there is room again");
    st->told_ns = 0;
    return pe_context_pass(ctx, in, out);
}

static const pe_option_spec options[] = {
    {"path", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "the file: each device and each rank writes one of its own, "
     "rows.devices-0.csv of rows.csv; {run} in it stands for the run's name"},
    {"format", PE_OPTION_STRING, 0, 0, "auto", "auto csv npy hdf5",
     "of the file; auto: by what its name ends in"},
    {"what", PE_OPTION_STRING, 0, 0, "rows,scores", NULL,
     "rows: their values; scores: score, threshold, label, and version of the "
     "newest model"},
    {"columns", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "values that are written, from 0, in this order: \"0,3,5-8\""},
    {"sync", PE_OPTION_STRING, 0, 0, "commit", "commit never",
     "when what was written is had on the disk, whatever happens to the power: "
     "before its rows are sent or committed, or when the kernel does it"},
    {0},
};

const pe_function write_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "write",
    .prose = "keeps rows and scores in a file and passes them on",
    .options = options,
    .open = write_open,
    .close = write_close,
    .process_edge = write_process,
    .process_cloud = write_process,
};
