/* host.h - loads functions and gives them their context. */
#ifndef FUNCTION_HOST_H
#define FUNCTION_HOST_H

#include <stdatomic.h>
#include <stdbool.h>

#include <pilot/function.h>
#include <pilot/model.h>

struct text; /* src/common/text.h */

/* A loaded function: built in, or out of a shared object. */
typedef struct function function;

/* Load [spec]: the name of a built-in (see function_names) or
 * PATH.so:SYMBOL (relative paths are taken from [dir], NULL: the working
 * directory).  Errors: input, 78: no such function (nearest one named),
 * cannot be opened (the loader's words), no such symbol, another ABI version
 * (both named), no entry point at all.
 */
function *function_load(const char *spec, const char *dir, pe_error *errp);
void function_unload(function *f); /* may be NULL */
const pe_function *function_ops(const function *f);

/* The options of a stage, [given] as they stand in the pipeline file (NULL:
 * none), checked against the table of [f] and completed by its defaults.  The
 * table of a shared object is not known when the file is read, so every agent
 * calls this once it has loaded the function.  The caller destroys the set,
 * before it unloads [f].  Errors: input, 78, as pe_options_set.
 */
pe_options *function_options(const function *f, const pe_options *given,
                             pe_error *errp);

/* What a built-in says of options that each fit its table but not together,
 * or not its stage, before anything is started.  Errors: input, 78.
 */
int function_check(const function *f, const pe_options *o, pe_error *errp);

/* Names of the built-in functions, NULL-ended. */
const char *const *function_names(void);
/* The ops of built-in [name], or NULL. */
const pe_function *function_find(const char *name);

/* Where a context gets what it cannot know: set by the agent that hosts it.
 * Every member may be NULL.
 */
typedef struct function_host {
    void *arg;
    int (*put)(void *arg, const char *key, const void *value, uint32_t len,
               pe_error *errp);
    int (*get)(void *arg, const char *key, void *value, uint32_t cap,
               pe_error *errp);
    /* Newest model, held until [release] is called with it; NULL: none. */
    const pe_model *(*model)(void *arg);
    void (*release)(void *arg, const pe_model *m);
    /* Words for who follows the run. */
    void (*tell)(void *arg, const char *words);
} function_host;

typedef struct function_setup {
    const char *run, *stage, *device;
    int index, size;
    const pe_options *options;
    const char *const *context_keys, *const *context_values;
    size_t n_context;
    double within_s;
    uint32_t points;
    enum pe_dtype dtype;
    uint64_t position;
    bool again;         /* blocks from [position] on come again after a death,
                           each the same (function_rereadable of the source) */
    const char *writer; /* who this is among all of the run that keep files;
                           NULL: nobody, and nothing may be kept */
    const function_host *host;   /* borrowed */
    const atomic_int *cancelled; /* borrowed; may be NULL */
} function_setup;

/* Context of one stage on one thread; strings are copied. */
pe_context *context_create(const function_setup *s, pe_error *errp);
void context_destroy(pe_context *ctx); /* may be NULL */

/* The error a function left, as one sentence; "" when it left none. */
const char *context_error(const pe_context *ctx);
/* ... and whose fault it is: input, the block's; fatal or retry, nobody's who
 * could be refused: the agent has to end.
 */
const pe_error *context_failure(const pe_context *ctx);
/* Leave [e] as it is, for an error that is not the block's; returns -1. */
int context_fail_with(pe_context *ctx, const pe_error *e);

/* See function_setup; NULL: nobody. */
const char *context_writer(const pe_context *ctx);
bool context_again(const pe_context *ctx);
/* What a source has left out, and why. */
#define FUNCTION_SKIPS_MAX 32
typedef struct function_skip {
    char reason[48];
    char first[512]; /* where the first one was, and what it was */
    bool cell;       /* of a row that goes on, else the row is left out */
    uint64_t n;
} function_skip;

typedef struct function_skips {
    uint64_t rows, cells;
    size_t n;
    function_skip by[FUNCTION_SKIPS_MAX]; /* reason by reason, as they came */
} function_skips;

/* Count a row, or a cell, that is left out for [reason].  The first one of a
 * reason is logged, with the words of [fmt].
 */
void context_skip(pe_context *ctx, bool cell, const char *reason,
                  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* As context_skip, of [n] at once, which is not 0. */
void context_skip_many(pe_context *ctx, uint64_t n, bool cell,
                       const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Nothing is skipped: NULL. */
const function_skips *context_skips(const pe_context *ctx);
/* Add [s] to [sum], reason by reason. */
void function_skips_add(function_skips *sum, const function_skips *s);

/* How far a source that ends is: rows it gave, and bytes of all there are. */
typedef struct function_read {
    uint64_t rows, done, all; /* all 0: it does not know */
} function_read;
void context_read(pe_context *ctx, const function_read *r);
function_read context_read_get(const pe_context *ctx);

/* What a source says of the rows of the block it hands out: the time of each
 * (borrowed until it is asked for the next one; n 0: they have none), ...  A
 * stage that keeps rows is told so of its block.
 */
void context_times(pe_context *ctx, const int64_t *ns, uint32_t n);
const int64_t *context_times_get(const pe_context *ctx, uint32_t *np);
/* ... and what its columns are called, as columns.h lists names (copied; NULL:
 * they have none).
 */
int context_columns(pe_context *ctx, const char *list);
const char *context_columns_get(const pe_context *ctx);
/* What columns called [list] are called behind stage [name], into [out], which
 * is filled anew; -1: nobody knows, or there is no memory.
 */
int function_columns(const char *name, const pe_options *o, const char *list,
                     struct text *out);

/* What a stage has made of every row that no model masks: (in - mean) x factor
 * in [n] columns (borrowed until its next block).
 */
typedef struct function_scale {
    const double *mean, *factor;
    uint32_t n; /* 0: it has not */
} function_scale;
void context_scale(pe_context *ctx, const function_scale *s);
function_scale context_scale_get(const pe_context *ctx);

/* A stage has found that its data have changed: it counts, the words of the
 * first are kept, and the first few are logged.
 */
void context_drift(pe_context *ctx, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* How often, and the words of the first, "" where there is none. */
uint64_t context_drifts(const pe_context *ctx, const char **firstp);

/* "stage 'NAME' ..." to the log, and to who follows the run. */
void context_tell(pe_context *ctx, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Can this context put and get?  A local run has no parameter service. */
bool context_has_shared(const pe_context *ctx);

/* Outliers counted since the last call. */
uint64_t context_take_outliers(pe_context *ctx);

/* Since the last call: were there scores asked for and no model to give them?
 */
bool context_take_unmet(pe_context *ctx);

/* True when a source can be read again from a position: its blocks are the
 * same each time, SEQ is the position and BOOT is fixed (rule 5).
 */
bool function_rereadable(const function *f, const pe_options *o);

/* True when the function, with these options, scores, and so does nothing
 * without a model.
 */
bool function_scores(const function *f, const pe_options *o);

/* True when it keeps what it gets, so that nobody may show it a block for
 * another reason.
 */
bool function_keeps(const function *f);
bool function_ops_keep(const pe_function *ops);

/* How far a run is committed. */
typedef struct function_committed {
    const int64_t *next;      /* of each partition */
    const unsigned char *own; /* ... is it this pool's from now on? */
    size_t n;
} function_committed;

/* Of the rank that [ctx] is of: what a function has kept of blocks that are not
 * committed is not the truth, and they come again.  At the start of a pool, and
 * whenever it goes back.  Errors are the agent's.
 */
int function_settle(const pe_function *ops, pe_context *ctx,
                    const function_committed *c, pe_error *errp);
/* All that it was shown is committed, or sent, and nothing more comes: what it
 * keeps is made ready for others.
 */
int function_finish(const pe_function *ops, pe_context *ctx, pe_error *errp);
/* True when the blocks of a source are borrowed .npy frames: NPY_HEADER_LEN
 * bytes of header stand in front of their data, and nobody changes them until
 * the close hook, so that an agent may send them where they are.
 */
bool function_framed(const function *f, const pe_options *o);

#endif
