/* history.h - what became of a run: its summary; its model and partitions,
 * commit by commit.
 */
#ifndef RUN_HISTORY_H
#define RUN_HISTORY_H

#include <jansson.h>

#include "src/params/params.h"

struct run;

/* In the folder of a run: what the parameter service had when it was over.
 *
 *   {"schema": 1, "commits": [{version, time_ns, blocks, refused, points,
 *    outliers, bytes (of the model), took_ms, threshold (or null), writer}],
 *    the newest, oldest first,
 *    "partitions": [{topic, partition, next: offset, devices: names}]}
 */
#define RUN_HISTORY "commits.json"
#define RUN_HISTORY_SCHEMA 1

/* The same out of a parameter service, a new reference. */
json_t *run_history_make(params *p, pe_error *errp);

/* Write it into the folder of [r], whose services may be about to end; what
 * cannot be kept is told.
 */
void run_history_keep(struct run *r);
/* The slices of its tasks, for the summary. */
void run_tasks_keep(struct run *r);

/* summary.json of folder [dir]; new.  NULL: there is none, or, which is said in
 * the log, with what to do, it is no whole object.
 */
json_t *run_summary_read(const char *dir);

#endif
