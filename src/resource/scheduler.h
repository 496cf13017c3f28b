/* scheduler.h - what backends that call a scheduler's commands share. */
#ifndef RESOURCE_SCHEDULER_H
#define RESOURCE_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/common/text.h"
#include "src/resource/resource.h"

/* Run a command that only asks: in the C locale and UTC, and without the
 * variables by which a user's own habits change what it prints.  A status
 * other than 0 is an answer.  Errors: those of host_run, with the command;
 * input, 78: no such command.
 */
int scheduler_ask(resource *r, const char *const *argv, host_answer *a,
                  pe_error *errp);
/* Run one that submits, in [folder].  The job inherits the environment, which
 * is as it is but for what would make something else of it than one job.
 */
int scheduler_tell(resource *r, const char *const *argv, const char *folder,
                   host_answer *a, pe_error *errp);

/* What a command that failed said, on one line, without its own name in
 * front and without its usage: "invalid partition specified: x; Batch job
 * submission failed: Invalid partition name specified".
 */
void scheduler_words(const host_answer *a, char *out, size_t cap);

/* Answers that mean the same class of error. */
typedef struct scheduler_fault {
    const char *words; /* of what it said; NULL ends the table */
    enum pe_error_class kind;
    enum pe_exit exit_code;
    const char *fix; /* or NULL */
} scheduler_fault;

/* How the commands of one scheduler answer. */
typedef struct scheduler_ways {
    const scheduler_fault *faults; /* ends with a row without words, which is
                                      passed over */
    int usage_least, usage_most;   /* statuses by which they refuse what they
                                      themselves were told */
    const char *id_marks; /* what stands behind the number of an id: ";" */
} scheduler_ways;

/* Errors of command [name] that ended with [a]: the row of the faults that
 * fits, else that it was refused (input, 78, or 64 by a status of usage), or
 * that nothing is known (retry, 69).  Return -1.
 */
int scheduler_refused(const resource *r, const scheduler_ways *w,
                      const char *name, const host_answer *a, pe_error *errp);
int scheduler_no_answer(const resource *r, const scheduler_ways *w,
                        const char *name, const host_answer *a, pe_error *errp);

/* Have [argv] do something, called [name] in errors: refused when its status is
 * not 0.
 */
int scheduler_order(resource *r, const scheduler_ways *w, const char *name,
                    const char *const *argv, pe_error *errp);

/* A command line under construction; starts zeroed. */
typedef struct scheduler_line {
    char **argv; /* NULL-ended */
    bool failed; /* there was no memory */
} scheduler_line;
/* Append [word]: a copy, or taken (NULL: no memory). */
void scheduler_line_add(scheduler_line *l, const char *word);
void scheduler_line_take(scheduler_line *l, char *word);
/* The last words of one that submits [s]: those that stood behind "--", and
 * the script.
 */
void scheduler_line_end(scheduler_line *l, const resource_spec *s);
void scheduler_line_free(scheduler_line *l);

/* Run [l], which submits [s] and is freed: the operation `submit` of a
 * backend.  The id is the last line it prints that is a number, or a number
 * with one of the marks and more behind it: a site's own words may stand
 * around it.
 */
int scheduler_submit(resource *r, const scheduler_ways *w,
                     const resource_spec *s, scheduler_line *l,
                     char id[RESOURCE_ID_MAX], pe_error *errp);
/* [l], which is freed, as a shell has it, and [notes] for people, which are
 * freed, behind it: the operation `command`.
 */
char *scheduler_command(scheduler_line *l, text *notes, pe_error *errp);

/* The script of a pilot, in its folder; its path in new memory, or NULL. */
#define SCHEDULER_SCRIPT "/job.sh"
char *scheduler_script_path(const char *dir);

/* Copy [len] bytes of foreign text as one line: controls become blanks, bytes
 * that are not UTF-8 '?'; cut to fit.
 */
void scheduler_copy(char *out, size_t cap, const char *s, size_t len);

/* UTC "2026-11-23T14:25:53" and "Mon Nov 23 14:31:54 2026" of [len] bytes as
 * CLOCK_REALTIME; 0: it is no time.
 */
int64_t scheduler_time_iso(const char *s, size_t len);
int64_t scheduler_time_c(const char *s, size_t len);

/* Jobs of a query that are absent so far, by their id and, those without one,
 * by what [path_of] makes of their folder (new memory, or NULL).
 */
typedef struct job_index job_index;
job_index *job_index_create(resource_job *jobs, size_t n,
                            char *(*path_of)(const char *dir), pe_error *errp);
void job_index_destroy(job_index *x); /* may be NULL */
/* Calls [f] with every job of that id or path; how many. */
typedef void (*job_f)(resource_job *job, void *arg);
size_t job_index_by_id(const job_index *x, const char *id, size_t len, job_f f,
                       void *arg);
size_t job_index_by_path(const job_index *x, const char *path, size_t len,
                         job_f f, void *arg);

/* Is what has the id of [job] another job?  Ids are used again: after a while,
 * or at once where a scheduler has lost its state.  [same]: its folder, as the
 * scheduler knows it, is that of [job]; a site may rewrite that, so the time of
 * its submit ([submit_ns], 0: not known) has to be another, too.
 */
bool scheduler_is_other(const resource_job *job, bool same, int64_t submit_ns);

/* Forget what an earlier query said; the id stays. */
void scheduler_job_clear(resource_job *job);

/* Where the lines of a doctor go. */
typedef struct scheduler_report {
    void (*line)(void *arg, bool ok, const char *text);
    void *arg;
} scheduler_report;
/* Say [line] and free it; NULL: there was no memory for it. */
void scheduler_say(const scheduler_report *to, bool ok, char *line);

/* A job's id may be a word of a command line.  Error: input, 78. */
int scheduler_id_check(const char *id, pe_error *errp);

#endif
