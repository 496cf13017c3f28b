/* context.h - what a function knows of where it runs, from the agent's side. */
#ifndef CONTEXT_CONTEXT_H
#define CONTEXT_CONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>

#include <pilot/function.h>
#include <pilot/model.h>

/* Where a context gets what it cannot know: set by the agent that hosts it.
 * Every member may be NULL.
 */
typedef struct context_host {
    void *arg;
    int (*put)(void *arg, const char *key, const void *value, uint32_t len,
               pe_error *errp);
    int (*get)(void *arg, const char *key, void *value, uint32_t cap,
               pe_error *errp);
    /* As put, where there is none: 1; 0: there is one, which stays. */
    int (*once)(void *arg, const char *key, const void *value, uint32_t len,
                pe_error *errp);
    /* Newest model, held until [release] is called with it; NULL: none. */
    const pe_model *(*model)(void *arg);
    void (*release)(void *arg, const pe_model *m);
    /* Words for who follows the run. */
    void (*tell)(void *arg, const char *words);
} context_host;

typedef struct context_setup {
    const char *run, *stage, *device;
    int index, size;
    const pe_options *options;
    const char *const *context_keys, *const *context_values;
    size_t n_context;
    double within_s;
    double rate; /* of a source: blocks a second, 0: as fast as it goes */
    uint32_t points;
    enum pe_dtype dtype;
    uint64_t position;
    bool again;         /* blocks from [position] on come again after a death,
                           each the same (function_rereadable of the source) */
    const char *writer; /* who this is among all of the run that keep files;
                           NULL: nobody, and nothing may be kept */
    bool quiet;         /* nothing is logged: another is told the same */
    /* What `standardise` has to make of its rows, where that is known before
     * the first; borrowed; NULL: it is not.
     */
    const struct context_scaling *given;
    const context_host *host;    /* borrowed */
    const atomic_int *cancelled; /* borrowed; may be NULL */
} context_setup;

/* Context of one stage on one thread; strings are copied. */
pe_context *context_create(const context_setup *s, pe_error *errp);
void context_destroy(pe_context *ctx); /* may be NULL */

/* The error a function left, as one sentence; "" when it left none. */
const char *context_error(const pe_context *ctx);
/* ... and whose fault it is: input, the block's; fatal or retry, nobody's who
 * could be refused: the agent has to end.
 */
const pe_error *context_failure(const pe_context *ctx);
/* Leave [e] as it is, for an error that is not the block's; returns -1. */
int context_fail_with(pe_context *ctx, const pe_error *e);

/* Could anybody end a wait?  false: whoever waits gives up by itself. */
bool context_cancellable(const pe_context *ctx);
/* See context_setup; NULL: nobody. */
const char *context_writer(const pe_context *ctx);
bool context_again(const pe_context *ctx);
/* What a source has left out, and why. */
#define CONTEXT_SKIPS_MAX 32
typedef struct context_skipped {
    char reason[48];
    char first[512]; /* where the first one was, and what it was */
    bool cell;       /* of a row that goes on, else the row is left out */
    uint64_t n;
} context_skipped;

typedef struct context_skip_list {
    uint64_t rows, cells;
    size_t n;
    context_skipped by[CONTEXT_SKIPS_MAX]; /* reason by reason, as they came */
} context_skip_list;

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
const context_skip_list *context_skips(const pe_context *ctx);
/* Add [s] to [sum], reason by reason. */
void context_skip_list_add(context_skip_list *sum, const context_skip_list *s);

/* How far a source that ends is: rows it gave, and bytes of all there are. */
typedef struct context_progress {
    uint64_t rows, done, all; /* all 0: it does not know */
} context_progress;
void context_read(pe_context *ctx, const context_progress *r);
context_progress context_read_get(const pe_context *ctx);

/* Blocks a second that its stage asks of a source (`block: {rate:}`); 0: as
 * fast as it goes.
 */
double context_rate(const pe_context *ctx);
/* A source with a schedule of its own says when its next block is due, in ns
 * since it was opened; below 0, as at first: by its stage's rate.
 */
void context_due(pe_context *ctx, int64_t ns);
int64_t context_due_get(const pe_context *ctx);

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
/* What a stage has made of every row that no model masks: (in - mean) x factor
 * in [n] columns (borrowed until its next block).
 */
typedef struct context_scaling {
    const double *mean, *factor;
    uint32_t n; /* 0: it has not */
} context_scaling;
/* See context_setup. */
const context_scaling *context_given(const pe_context *ctx);
void context_scale(pe_context *ctx, const context_scaling *s);
context_scaling context_scale_get(const pe_context *ctx);

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

/* How far a run is committed. */
typedef struct context_committed {
    const int64_t *next;      /* of each partition */
    const unsigned char *own; /* ... is it this pool's from now on? */
    size_t n;
} context_committed;

#endif
