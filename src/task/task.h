/* task.h - long tasks that share a pool: what one is, and the ranks' side. */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pilot/block.h>

#include "src/params/params.h"
#include "src/pipeline/pipeline.h"

/* A function that is called once for each slice of a data set: a block of rows
 * of files, or, where there are none, a single number, that of the slice.
 * Stored (hash :tasks of the parameter service) is a JSON text:
 *   {"function": a built-in, or NAME:SYMBOL, "file": SHA-256 of NAME, whose
 *    bytes are in hash :files, "options": [NAME=VALUE, ...], "over": path,
 *    "read": [NAME=VALUE, ...] of `file` that reads it,
 *    "points": rows of a slice, "by": who, "time_ns":}
 */
typedef struct task_spec {
    char *function, *digest; /* digest: NULL of a built-in */
    char *over;              /* NULL: slices are numbers */
    uint32_t points;
    char **options, **read; /* NULL-ended; may be NULL */
    char *by;
    int64_t time_ns;
} task_spec;

/* A result is a .npy of so many bytes at most, or none. */
#define TASK_RESULT_MAX ((size_t)1 << 20)
#define TASK_SLICES_MAX 100000
#define TASK_POINTS 1000 /* rows of a slice, where nobody says */

/* --- task.c - local --- */

/* [out] is overwritten, and for task_spec_free also on error.  Errors: fatal,
 * 65: [words] are no task.
 */
int task_spec_parse(const char *words, task_spec *out, pe_error *errp);
char *task_spec_text(const task_spec *s, pe_error *errp); /* new memory */
void task_spec_free(task_spec *s);
/* The file at [path] of this host is the function, "[path]:[symbol]"; its bytes
 * are stored.
 */
int task_bring(params *p, task_spec *s, const char *path, const char *symbol,
               pe_error *errp);
/* The function as this host has it, in folder [dir]/functions/DIGEST: for
 * function_load; new memory.
 */
char *task_function(params *p, const task_spec *s, const char *dir,
                    pe_error *errp);

/* --- slice.c - one slice after another; one thread --- */

typedef struct slice_conf {
    const pipeline *pl; /* its context: map; borrowed */
    const char *run, *task;
    const char *function; /* as this host has it */
    int rank, ranks;
    const atomic_int *cancelled;
} slice_conf;

typedef struct slice_work slice_work;

/* Errors: of the function, its options, or its open, and of the files. */
slice_work *slice_open(const slice_conf *c, const task_spec *s, pe_error *errp);
void slice_close(slice_work *w); /* may be NULL */

enum slice_word {
    SLICE_DONE,   /* [out] has its result, a .npy, or nothing */
    SLICE_FAILED, /* *errp says why; another one may not */
    SLICE_END,    /* there is none: slices are below *endp */
    SLICE_BROKEN, /* *errp: the files cannot be read on, nor again */
};
enum slice_word slice_do(slice_work *w, uint64_t slice, pe_buffer *out,
                         uint64_t *endp, pe_error *errp);

/* --- ranks.c - what a rank does of them --- */

/* Its threads do not talk MPI.  One asks the parameter service; the other does
 * slices, with the priority of an idle process (SCHED_IDLE), so that whatever
 * else wants its core has it at once; and begins none while the rank is busy.
 * Without tasks there are none.
 */
typedef struct tasks tasks;

typedef struct tasks_conf {
    const pipeline *pl; /* borrowed for its life, as all */
    const pipeline_request *req;
    const char *member;
    uint64_t world; /* which start of the member, the same of all ranks */
    int rank, ranks;
} tasks_conf;

tasks *tasks_open(const tasks_conf *c, pe_error *errp);
/* There may be something to do. */
void tasks_wake(tasks *t);
/* Has the rank nothing to do?  From its own thread. */
void tasks_idle(tasks *t, bool idle);
/* Slices of this rank so far. */
void tasks_count(tasks *t, uint64_t *donep, uint64_t *failedp);
/* False: a function does not come back, and its thread is left with all it
 * needs; the process has to end by _exit.  May be NULL.
 */
bool tasks_close(tasks *t);

#endif
