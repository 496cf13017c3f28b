/* scheduler_tables.h - tables of what recorded schedulers answer, for those
 * that are played (played.h).
 */
#ifndef TESTS_SCHEDULER_TABLES_H
#define TESTS_SCHEDULER_TABLES_H

#include "played.h"

/* A pilot in /home/me/p that asks for [q]. */
resource_spec scheduler_spec(const resource_request *q);

/* An answer of the command that submits which gives no id. */
typedef struct scheduler_refusal {
    const char *name; /* of the recording */
    enum pe_error_class kind;
    enum pe_exit exit_code;
    const char *text; /* a part of it */
} scheduler_refusal;
/* Every recording of which [gives_none] has a row, and the other way round:
 * as [command] of [url] says it, a submission fails.
 */
void scheduler_refusals(const char *url, const char *command,
                        bool (*gives_none)(const recorded *r),
                        const scheduler_refusal *table, size_t n);

/* A cancel. */
typedef struct scheduler_call {
    const char *play, *id;
    bool now;
    int result;
    enum pe_exit exit_code;
    const char *text, *log; /* parts */
} scheduler_call;
/* [command] is called once for each whose id is one, and [kill] in front of it
 * for those that are to end now.
 */
void scheduler_cancels(const char *url, const char *command, const char *kill,
                       const scheduler_call *table, size_t n);

/* What a doctor says of a request. */
typedef struct scheduler_examination {
    const char *play;
    enum request_word word[3];
    const char *value[3];
    const char *lines; /* "ok LINE" or "-- LINE" each */
} scheduler_examination;
void scheduler_doctors(const char *url, const scheduler_examination *table,
                       size_t n);

#endif
