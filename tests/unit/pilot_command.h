/* pilot_command.h - `pilot` as users call it, and pilots for it to look at. */
#ifndef TESTS_PILOT_COMMAND_H
#define TESTS_PILOT_COMMAND_H

#include "rehearse_home.h"

#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/registry/record.h"
#include "src/common/process.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* A supervisor in a few lines: `say FILE STATE [MEMBERS]`. */
#define SUPERVISOR                                                           \
    "D=${0%/*}\n"                                                            \
    "say() { printf '{\"schema\": 1, \"state\": \"%s\", \"time_ns\": %s%s}'" \
    " \"$2\" $(date +%s%N) \"${3-}\" >$D/.$1; mv $D/.$1 $D/$1; }\n"          \
    "trap 'say exit CANCELED \", \\\"status\\\": 143\"; exit 143' TERM\n"
#define JOB_ACTIVE SUPERVISOR "say beat.json ACTIVE\nsleep 1000 & wait\n"
#define JOB_DONE                                  \
    SUPERVISOR "echo working; echo trouble >&2\n" \
               "say exit DONE ', \"status\": 0'\n"
#define JOB_FAILED                                                            \
    SUPERVISOR "say exit FAILED ', \"status\": 3, \"reason\": \"no disk\"'\n" \
               "exit 3\n"

/* Begin anew: an empty home, schedulers that may be asked all the time. */
void begin(void);

/* "pilot ARG...", or $PILOT_UNDER_TEST, in the background; its output to
 * SCRATCH/out and /err, or both to [tty].
 */
process *pilot_start(const char *const *args, const char *tty);
int pilot_end(process *p); /* its exit status */
int pilot(const char *const *args);
#define PILOT(...) pilot((const char *const[]){__VA_ARGS__, NULL})

/* Content of SCRATCH/name, "" when there is none; kept until the next call of
 * the same name.
 */
const char *content(const char *name);

/* Status [got] is to be [want], out and err to contain these (NULL: not
 * looked at).
 */
void expect(int got, int want, const char *out, const char *err);
/* Until a command in the background has said [part]. */
void err_await(const char *part);

/* A record of now whose folder is in the home; and into the registry. */
pilot_record record_of(const char *id, const char *url, const char *sched_id,
                       enum pilot_state state);
void record_put(const pilot_record *r);
/* A pilot whose job is submitted to [url] and runs [job]. */
void pilot_submit(const char *id, const char *url, const char *job);
/* Until the scheduler gives a reason why the job waits. */
void reason_await(const char *url, const char *sched_id);

/* What the registry has. */
pilot_record on_disk(const char *id);
enum pilot_state state_of(const char *id);

/* A file of pilot [id], and one as its supervisor writes it. */
void pilot_put(const char *id, const char *name, const char *data);
void beat_put(const char *id, const char *name, const char *state,
              const char *more);

/* How many questions the schedulers of this home were asked. */
int questions(void);

#endif
