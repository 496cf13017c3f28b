/* function.h - the stable interface of a user's own stage. */
#ifndef PILOT_FUNCTION_H
#define PILOT_FUNCTION_H

#include <stdint.h>

#include <pilot/block.h>
#include <pilot/error.h>
#include <pilot/options.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PE_FUNCTION_ABI 1

typedef struct pe_context pe_context; /* opaque: one per stage and thread */

/* Answers of an entry point; any negative value is an error, with the text
 * left by pe_context_fail.
 */
enum {
    PE_FORWARD = 1, /* out holds a block that goes on */
    PE_NOTHING = 0, /* nothing goes on; a source: it has ended */
    PE_AGAIN = 2,   /* a source: nothing yet; returned within 100 ms of a
                       cancel */
};

/* A function: any of the three entry points may be NULL.  The object is
 * found by `function: PATH.so:SYMBOL` and must be `const pe_function SYMBOL`.
 */
typedef struct pe_function {
    unsigned abi; /* PE_FUNCTION_ABI */
    const char *name;
    const char *prose;             /* one line; may be NULL */
    const pe_option_spec *options; /* NULL: any option, as a string */

    int (*open)(pe_context *ctx);   /* may be NULL; before the first block */
    void (*close)(pe_context *ctx); /* may be NULL; after the last block */

    /* Sense: fill [out] (pe_block_reserve gives it room). */
    int (*produce_edge)(pe_context *ctx, pe_block *out);
    /* Process on a device.  [out] may be filled, or handed [in] on by
     * pe_context_pass.
     */
    int (*process_edge)(pe_context *ctx, const pe_block *in, pe_block *out);
    /* Process on a rank. */
    int (*process_cloud)(pe_context *ctx, const pe_block *in, pe_block *out);
} pe_function;

/* Where this call runs.  Strings live as long as the context. */
const char *pe_context_run(const pe_context *ctx);
const char *pe_context_stage(const pe_context *ctx);
const char *pe_context_device(const pe_context *ctx); /* "" on a rank */
int pe_context_index(const pe_context *ctx);     /* device index, or rank */
int pe_context_size(const pe_context *ctx);      /* devices, or ranks */
int pe_context_cancelled(const pe_context *ctx); /* 1: return soon */

/* Options of the stage. */
const pe_options *pe_context_options(const pe_context *ctx);
/* A value of the file's `context:` map, or NULL. */
const char *pe_context_value(const pe_context *ctx, const char *key);
/* Seconds after which a source closes a block (`block: {within:}`), and the
 * points it closes at (`block: {points:}`).
 */
double pe_context_within(const pe_context *ctx);
uint32_t pe_context_points(const pe_context *ctx);
/* Element type of the stream (`streams: {STAGE: {format:}}`). */
enum pe_dtype pe_context_dtype(const pe_context *ctx);
/* A source that can be read again: position (blocks) to start from. */
uint64_t pe_context_position(const pe_context *ctx);

/* Forward [in] unchanged, without a copy; returns PE_FORWARD. */
int pe_context_pass(pe_context *ctx, const pe_block *in, pe_block *out);

/* Leave the text of an error; returns -1. */
int pe_context_fail(pe_context *ctx, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* One line to the log. */
void pe_context_log(pe_context *ctx, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* State shared by all stages of a run (small values, through the parameter
 * service).  put: 0, or -1.  get: bytes copied (at most [cap]), 0 when there
 * is none, or -1.
 */
int pe_context_put(pe_context *ctx, const char *key, const void *value,
                   uint32_t len);
int pe_context_get(pe_context *ctx, const char *key, void *value, uint32_t cap);

/* Score [in] with the newest model, on a rank with the one that the block is
 * learned against: writes in->points scores and, when not NULL, the model's
 * threshold and version.  Returns 1, 0 when there is no model yet or it is
 * warming, -1 on error (e.g. other features).
 */
int pe_context_score(pe_context *ctx, const pe_block *in, float *scores,
                     double *thresholdp, uint64_t *versionp);

/* A slot for the function's own state. */
void pe_context_set_state(pe_context *ctx, void *state);
void *pe_context_state(const pe_context *ctx);

/* Add to what the run's summary counts as outliers seen at this stage. */
void pe_context_count_outliers(pe_context *ctx, uint64_t n);

#ifdef __cplusplus
}
#endif
#endif
