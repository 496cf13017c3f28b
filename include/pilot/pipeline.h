/* pipeline.h - an application from edge to cloud as a value, and its run. */
#ifndef PILOT_PIPELINE_H
#define PILOT_PIPELINE_H

#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>
#include <pilot/function.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A run is made by the program `pilot`, as a child of the caller's process: on
 * the PATH, else where it was installed.  So a run lives on when its caller
 * dies, `pilot status`, `top` and `cancel` know it, and its processes are those
 * of any run.  The library starts no thread, touches no signal, prints nothing,
 * and never ends the process.  A caller that ignores SIGCHLD, or reaps children
 * it does not know, loses the exit status of its runs.
 *
 * Functions travel as the shared object they live in, by path and symbol, to
 * wherever a pilot is; nothing is called in the caller's process.
 */

#define PE_PIPELINE_ABI 1

/* One of the three handlers; all zero: there is none. */
typedef struct pe_handler {
    /* A `const pe_function` of a shared object that this process has loaded,
     * by linking or dlopen; or NULL, and
     */
    const pe_function *function;
    /* what a pipeline file would have: a built-in function or a model
     * ("generator", "kmeans"), or "PATH.so:SYMBOL".
     */
    const char *name;
    /* The inside of the stage's `options: {...}`, as in "features: 32, blocks:
     * 8"; or NULL.
     */
    const char *options;
    /* More keys of the stage, as in "block: {points: 1000}"; or NULL. */
    const char *keys;
} pe_handler;

/* The fields of the paper's listing 2 by their names, and what goes beyond.
 * Pilots are the inside of an entry of `pilots:` without its kind: "ntasks: 4,
 * resource: 'slurm://', time: 30m"; "" is one with all defaults.  Strings are
 * borrowed for the call.
 */
typedef struct pe_pipeline {
    unsigned abi;     /* PE_PIPELINE_ABI */
    const char *name; /* of the pipeline: letters, digits, '_' and '-' */

    const char *pilot_cloud_processing; /* pool of ranks */
    const char *pilot_cloud_broker;     /* NULL: kept or started by `pilot` */
    const char *pilot_edge; /* devices; NULL: the source runs on the pool, and
                               there is no broker and no parameter service */
    pe_handler produce_function_handler;
    pe_handler process_edge_function_handler;
    pe_handler process_cloud_function_handler;
    const char *function_context; /* the inside of `context: {...}`, or NULL */

    const char *pilot_cloud_params; /* parameter service; as the broker */
    const char *rest; /* more lines of the file ("results: off\n"), or NULL */
} pe_pipeline;

/* What [p] is as the pipeline file of `pilot run`, in new memory; the caller
 * frees.  Lines of `rest` stand as they are.  Errors, input, 78: a field that
 * is missing, or does not go with another; a function that no pilot could load:
 * of the program itself, or without a symbol of its own.
 */
char *pe_pipeline_text(const pe_pipeline *p, pe_error *errp);

/* A run. */
typedef struct pe_run pe_run;

/* Start [p].  [words] are options of `pilot run` ("--set", "pilots.pool...",
 * "--trace"), NULL-ended; NULL: none.  All that can be refused is refused
 * before anything is started.  Errors, input: those of pe_pipeline_text and of
 * `pilot run`, with the field that is meant in front.
 */
pe_run *pe_pipeline_run(const pe_pipeline *p, const char *const *words,
                        pe_error *errp);
/* The same of a pipeline file [path]. */
pe_run *pe_pipeline_run_file(const char *path, const char *const *words,
                             pe_error *errp);

/* Its name, by which all commands know it, and the folder of its state.  Live
 * as long as [r].
 */
const char *pe_run_name(const pe_run *r);
const char *pe_run_folder(const pe_run *r);

enum pe_run_state {
    PE_RUN_GOES = 0, /* it goes on */
    PE_RUN_DONE,     /* it has come to its end */
    PE_RUN_STOPPED,  /* somebody has stopped or drained it */
    PE_RUN_FAILED,   /* see pe_run_error */
};

/* How it stands; never blocks. */
enum pe_run_state pe_run_status(pe_run *r);

/* Wait until it is over, at most [timeout_s] (< 0: for ever).  1: it is; 0: it
 * goes on.
 */
int pe_run_wait(pe_run *r, double timeout_s);

/* Of one that is over: exit status of `pilot run` (enum pe_exit, or 128 + a
 * signal).  Of one that failed [errp] has what it said.
 */
int pe_run_exit(pe_run *r, pe_error *errp);

/* Ask for the end, as Ctrl-C does: devices stop, what was sent is learned from.
 * With [now] not 0 at once; `pilot run --resume` goes on from there.  0 also
 * where it is over.
 */
int pe_run_cancel(pe_run *r, int now, pe_error *errp);

/* Of one that is over: its summary, a JSON text, in new memory (`--summary` in
 * pilot-run(1) has its members).  NULL: it has none.
 */
char *pe_run_summary(pe_run *r, pe_error *errp);
/* A number of it by its path, as "blocks.applied" or "model.outliers".  Errors,
 * input, 65: there is none of that name.
 */
int pe_run_number(pe_run *r, const char *path, double *valuep, pe_error *errp);

/* A row of the answers: what the final model says of what was sensed. */
typedef struct pe_result {
    const char *device;
    const char *source; /* its file, or "" */
    int64_t row;        /* of the file, or of the device */
    const char *time;   /* as pilot-results(1) writes it */
    double score;       /* NaN: the row was masked */
    double threshold;
    int outlier; /* 1, 0, -1: masked */
} pe_result;

/* Call [visit] for each row, in the order of the topic; what it returns other
 * than 0 ends that.  Strings live during the call.  0, or -1: the run has no
 * answers (65).
 */
int pe_run_results(pe_run *r, int (*visit)(void *arg, const pe_result *result),
                   void *arg, pe_error *errp);

/* The model of a run that is over, as pe_model_decode has it; the caller
 * destroys.  Score rows of your own with it: pe_model_score.
 */
struct pe_model *pe_run_model(pe_run *r, pe_error *errp);

/* Forget the handle.  A run that goes on is stopped at once; see
 * pe_run_release.  May be NULL.
 */
void pe_run_destroy(pe_run *r);
/* Forget the handle of a run that is to go on without us. */
void pe_run_release(pe_run *r);

#ifdef __cplusplus
}
#endif
#endif
