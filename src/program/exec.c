/* exec.c - built-in: a program of any language, as a source or a stage. */
#include "exec.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/block/npy.h"
#include "src/common/clock.h"
#include "src/common/process.h"
#include "src/common/text.h"
#include "src/common/words.h"
#include "src/context/context.h"
#include "src/context/rows.h"
#include "src/program/lines.h"
#include "src/program/program.h"

/* Longest nap of one call: a cancel is seen within 100 ms. */
#define NAP_MS 50
/* How often a block is shown to a program that dies, before it is refused: the
 * first time its death may have been another's doing.
 */
#define TRIES 2

typedef struct exec_state {
    program *program; /* NULL: not begun */
    lines *lines;     /* of a source that prints them; NULL: arrays */
    pe_block array;   /* what was decoded */
    bool over;        /* a source has ended */
    int64_t first_ns; /* of the first row of the block, monotonic */
} exec_state;

static bool is_csv(const pe_context *ctx)
{
    return !strcmp(pe_options_string(pe_context_options(ctx), "format"), "csv");
}

static const char *option_of(const pe_context *ctx, const char *name)
{
    const pe_options *o = pe_context_options(ctx);

    return pe_options_has(o, name) ? pe_options_string(o, name) : NULL;
}

/* --- begin and end --- */

static int failed(pe_context *ctx, const pe_error *e)
{
    pe_error own = *e;

    /* No block is to blame for a program that is not there. */
    if (own.kind == PE_ERROR_INPUT)
        own.kind = PE_ERROR_FATAL;
    return context_fail_with(ctx, &own);
}

static program *make(pe_context *ctx, bool fed, pe_error *errp)
{
    const pe_options *o = pe_context_options(ctx);
    const program_spec s = {
        .command = pe_options_string(o, "command"),
        .env = option_of(ctx, "env"),
        .folder = option_of(ctx, "folder"),
        .fed = fed,
        .most = (size_t)pe_options_size(o, "most"),
        .limit_s = pe_options_time(o, "limit"),
    };

    return program_create(ctx, &s, errp);
}

int exec_check(pe_context *ctx)
{
    pe_error e = {0};
    program *g;

    if (!option_of(ctx, "command"))
        return pe_context_fail(ctx, "option command is not given; set it to "
                                    "the program and its words");
    g = make(ctx, false, &e);
    program_destroy(g);
    return g ? 0 : context_fail_with(ctx, &e);
}

/* Is the program there, as far as can be told without it? */
static int find(pe_context *ctx)
{
    const char *folder = option_of(ctx, "folder");
    pe_error e = {0};
    char **words = program_words(option_of(ctx, "command"), &e);
    int rc = words ? 0 : -1;
    char *path = NULL;

    if (words && !strchr(words[0], '/')) {
        rc = process_find(words[0], &e);
    } else if (words) {
        path = words[0][0] == '/' || !folder
                   ? text_format("%s", words[0])
                   : text_format("%s/%s", folder, words[0]);
        if (!path || access(path, X_OK) < 0)
            rc = pe_error_set(
                &e, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                "command: %s is no program here%s", path ? path : words[0],
                words[0][0] == '/' || folder ? ""
                                             : "; give folder:, where it lies");
    }
    free(path);
    words_free(words);
    return rc < 0 ? failed(ctx, &e) : 0;
}

static int exec_open(pe_context *ctx)
{
    exec_state *st;

    if (exec_check(ctx) < 0 || find(ctx) < 0)
        return -1;
    st = calloc(1, sizeof(*st));
    if (!st)
        return pe_context_fail(ctx, "out of memory");
    pe_context_set_state(ctx, st);
    return 0;
}

static void exec_close(pe_context *ctx)
{
    exec_state *st = pe_context_state(ctx);

    if (!st)
        return;
    program_destroy(st->program);
    lines_destroy(st->lines);
    pe_block_release(&st->array);
    free(st);
    pe_context_set_state(ctx, NULL);
}

/* The program, which is not started for a context that is never used. */
static int begin(pe_context *ctx, exec_state *st, bool source)
{
    pe_error e = {0};

    if (st->program)
        return 0;
    if (!source && is_csv(ctx)) {
        pe_error_set(&e, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                     "format: csv is for a source; what is given a block "
                     "answers with a .npy array");
        return context_fail_with(ctx, &e);
    }
    if (source && is_csv(ctx) &&
        !(st->lines = lines_create(ctx, pe_context_points(ctx))))
        return pe_context_fail(ctx, "out of memory");
    st->program = make(ctx, !source, &e);
    return st->program ? 0 : failed(ctx, &e);
}

/* What it gave, decoded; -1: it is no block, and the program is not to blame
 * for its next one.
 */
static int decode(pe_context *ctx, exec_state *st)
{
    pe_error e = {0};
    uint64_t rows;
    size_t len;
    const void *data = program_array(st->program, &len, &rows);

    program_good(st->program);
    if (rows == 0)
        return 0;
    if (npy_decode(data, len, &st->array, &e) < 0)
        return pe_context_fail(
            ctx, "%.60s: %s",
            pe_options_string(pe_context_options(ctx), "command"), e.text);
    return 1;
}

/* --- a stage --- */

/* Have it run, however long its pause is. */
static int run(pe_context *ctx, exec_state *st)
{
    pe_error e = {0};
    int rc;

    while ((rc = program_run(st->program, NAP_MS, &e)) == 0)
        ;
    return rc < 0 ? failed(ctx, &e) : 0;
}

static int ask(pe_context *ctx, exec_state *st, const pe_block *in)
{
    enum program_step step = PROGRAM_DIED;

    for (int i = 0; i < TRIES && step == PROGRAM_DIED; i++) {
        if (run(ctx, st) < 0)
            return -1;
        step = program_ask(st->program, in);
        if (step != PROGRAM_HAS)
            pe_context_log(ctx, "%s", program_why(st->program));
    }
    return step == PROGRAM_HAS
               ? 0
               : pe_context_fail(ctx, "%s", program_why(st->program));
}

/* A copy of [b] goes on. */
static int forward(pe_context *ctx, const pe_block *b, pe_block *out)
{
    pe_error e = {0};

    if (pe_block_reserve(out, b->points, b->features, b->dtype, &e) < 0)
        return pe_context_fail(ctx, "%s", e.text);
    memcpy(out->data, b->data, pe_block_bytes(out));
    return PE_FORWARD;
}

static int exec_process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    exec_state *st = pe_context_state(ctx);
    pe_block b;
    int rc;

    if (begin(ctx, st, false) < 0 || ask(ctx, st, in) < 0)
        return -1;
    switch (program_answer(st->program, &b)) {
    case PROGRAM_ARRAY:
        rc = decode(ctx, st);
        if (rc <= 0)
            return rc < 0 ? -1 : PE_NOTHING;
        return forward(ctx, &st->array, out);
    case PROGRAM_REFUSES:
        program_good(st->program);
        return pe_context_fail(ctx, "%s", program_why(st->program));
    case PROGRAM_BLOCK:
        program_good(st->program);
        return forward(ctx, &b, out);
    case PROGRAM_PASSES:
        program_good(st->program);
        return pe_context_pass(ctx, in, out);
    case PROGRAM_NOTHING:
        program_good(st->program);
    }
    return PE_NOTHING;
}

void exec_lend(pe_context *ctx, pe_block *b)
{
    exec_state *st = pe_context_state(ctx);

    if (st && st->program)
        program_lend(st->program, b);
}

/* --- a source --- */

/* It is over, or died: what it left is said.  -1: it is of no use. */
static int ended(pe_context *ctx, exec_state *st, enum program_step step)
{
    uint64_t cut = program_cut(st->program);

    if (st->lines && lines_end(st->lines, step != PROGRAM_OVER) < 0)
        return -1;
    if (step == PROGRAM_OVER) {
        st->over = true;
        return 0;
    }
    if (cut)
        context_skip_many(ctx, cut, false, "cut off", "%s",
                          program_why(st->program));
    context_tell(ctx, "has its source started again: %s",
                 program_why(st->program));
    return 0;
}

/* The array that it gave, as a block. */
static int array_block(pe_context *ctx, exec_state *st, pe_block *out)
{
    pe_error e = {0};
    int rc = decode(ctx, st);

    if (rc < 0) {
        context_skip(ctx, false, "no block", "%s", context_error(ctx));
        return PE_AGAIN;
    }
    if (rc == 0)
        return PE_AGAIN;
    if (pe_block_reserve(out, st->array.points, st->array.features,
                         pe_context_dtype(ctx), &e) < 0)
        return pe_context_fail(ctx, "%s", e.text);
    if (out->dtype == st->array.dtype)
        memcpy(out->data, st->array.data, pe_block_bytes(out));
    else
        for (uint32_t i = 0; i < out->points; i++)
            for (uint32_t j = 0; j < out->features; j++) {
                double v = pe_block_at(&st->array, i, j);
                size_t at = (size_t)i * out->features + j;

                if (out->dtype == PE_F8)
                    ((double *)out->data)[at] = v;
                else
                    ((float *)out->data)[at] = (float)v;
            }
    return PE_FORWARD;
}

/* Is it time for a block of the lines that are there? */
static bool block_due(pe_context *ctx, const exec_state *st)
{
    uint32_t n = lines_rows(st->lines);

    if (n == 0)
        return false;
    return n == pe_context_points(ctx) || st->over ||
           pe_context_cancelled(ctx) ||
           clock_mono_ns() - st->first_ns >=
               (int64_t)(pe_context_within(ctx) * 1e9);
}

/* Lines that are there now, or soon. */
static enum program_step read_lines(exec_state *st)
{
    bool first = lines_rows(st->lines) == 0;
    enum program_step step;
    size_t cap, n;
    char *to = lines_room(st->lines, &cap);

    step = program_read(st->program, NAP_MS, to, cap, &n);
    if (step != PROGRAM_HAS)
        return step;
    if (lines_put(st->lines, n) < 0)
        return PROGRAM_BAD;
    if (lines_rows(st->lines) > 0)
        program_good(st->program);
    if (first)
        st->first_ns = clock_mono_ns();
    return PROGRAM_HAS;
}

static int produce_lines(pe_context *ctx, exec_state *st, pe_block *out)
{
    enum program_step step;

    if (!st->over && !block_due(ctx, st)) {
        step = read_lines(st);
        if (step == PROGRAM_BAD)
            return -1;
        if (step != PROGRAM_HAS && step != PROGRAM_WAITS &&
            ended(ctx, st, step) < 0)
            return -1;
    }
    if (block_due(ctx, st)) {
        st->first_ns = clock_mono_ns();
        return lines_block(st->lines, out) < 0 ? -1 : PE_FORWARD;
    }
    return st->over ? PE_NOTHING : PE_AGAIN;
}

static int produce_array(pe_context *ctx, exec_state *st, pe_block *out)
{
    enum program_step step = program_next(st->program, NAP_MS);

    if (step == PROGRAM_HAS)
        return array_block(ctx, st, out);
    if (step == PROGRAM_WAITS)
        return PE_AGAIN;
    if (ended(ctx, st, step) < 0)
        return -1;
    return st->over ? PE_NOTHING : PE_AGAIN;
}

static int exec_produce(pe_context *ctx, pe_block *out)
{
    exec_state *st = pe_context_state(ctx);
    pe_error e = {0};
    int rc;

    if (begin(ctx, st, true) < 0)
        return -1;
    if (!st->over) {
        rc = program_run(st->program, NAP_MS, &e);
        if (rc <= 0)
            return rc < 0 ? failed(ctx, &e) : PE_AGAIN;
    }
    if (st->lines)
        return produce_lines(ctx, st, out);
    return st->over ? PE_NOTHING : produce_array(ctx, st, out);
}

static const pe_option_spec options[] = {
    {"command", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "the program and its words, without a shell; '...' and \"...\" hold words "
     "together"},
    {"format", PE_OPTION_STRING, 0, 0, "npy", "npy csv",
     "what a source prints: .npy arrays, one behind the other, or lines of "
     "numbers"},
    {"limit", PE_OPTION_TIME, 0.001, 86400, "30s", NULL,
     "a stage: longest time from a block to its answer"},
    {"most", PE_OPTION_SIZE, 1024, 1073741824, "64MiB", NULL,
     "the largest array that is taken"},
    {"env", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "words NAME=VALUE, added to its environment"},
    {"folder", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "where it starts; a relative one is meant from the pipeline file"},
    {0},
};

const pe_function exec_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "exec",
    .prose = "a program of any language: arrays out of it, or a block in and "
             "one out",
    .options = options,
    .open = exec_open,
    .close = exec_close,
    .produce_edge = exec_produce,
    .process_edge = exec_process,
    .process_cloud = exec_process,
};
