/* revision.h - what the stages of a run are now, against its pipeline file. */
#ifndef REVISION_REVISION_H
#define REVISION_REVISION_H

#include <stdbool.h>
#include <stdint.h>

#include "src/params/params.h"
#include "src/pipeline/pipeline.h"

struct text;   /* src/common/text.h */
struct json_t; /* jansson */

/* A revision names, for each stage that is not as the file of the run has it,
 * all that is other: so it is applied to the file, and to no other revision.
 * Stored (hash :stages of the parameter service) is a JSON text:
 *   {"revision":, "time_ns":, "by": who, "why": words, or "",
 *    "is": the revision whose stages these are, its own but where one was
 *      gone back to,
 *    "before": that of the stages before it, where one goes back to from here,
 *    "stages": {STAGE: {"function": in the place of the file's, whose options
 *      go with it, "options": {NAME: value, "": none}, "pilot": where it runs:
 *      "NAME", or "[NAME, ...]"}},
 *    "files": {NAME: SHA-256}: a function "NAME:SYMBOL" is out of it; its bytes
 *      are in hash :files}
 * They count from 1; 0 is the file as it is.
 */
typedef struct revision {
    uint64_t number;
    struct json_t *doc;
} revision;

/* --- revision.c - local --- */

/* Of [words], NULL for 0.  Errors: fatal, 65: it is no revision. */
revision *revision_parse(uint64_t number, const char *words, pe_error *errp);
char *revision_text(const revision *r, pe_error *errp); /* new memory */
void revision_destroy(revision *r);                     /* may be NULL */

/* What is said of it; "" and 0 of revision 0.  Borrowed. */
const char *revision_by(const revision *r);
const char *revision_why(const revision *r);
int64_t revision_time(const revision *r);
uint64_t revision_is(const revision *r);
uint64_t revision_before(const revision *r);

/* What it has for stage [s]; NULL: that is as in the file.  Borrowed. */
const char *revision_function(const revision *r, const char *s);
const char *revision_pilot(const revision *r, const char *s);
/* True where [a] and [b] (either may be NULL) have the same of that stage. */
bool revision_same(const revision *a, const revision *b, const char *s);

/* Changes on the way to the next one.  Another function has no options but
 * those that are set behind; NULL: that of the file, and its options.  An
 * option
 * "" is not there.  [pilot] NULL: that of the file.  -1: no memory, or not
 * UTF-8.
 */
int revision_set_function(revision *r, const char *s, const char *function,
                          pe_error *errp);
int revision_set_option(revision *r, const char *s, const char *name,
                        const char *value, pe_error *errp);
int revision_set_pilot(revision *r, const char *s, const char *pilot,
                       pe_error *errp);

/* What [r] changes of [before], for people: "learn: kmeans, clusters=50; ...";
 * "nothing".
 */
void revision_words(const revision *before, const revision *r,
                    struct text *out);

/* --- revision_store.c - in the parameter service --- */

/* The newest, or [number]. */
revision *revision_load(params *p, pe_error *errp);
revision *revision_load_number(params *p, uint64_t number, pe_error *errp);
/* [r], which was loaded and changed since, is the next one: its number, and
 * that it is the newest.  Errors: retry, 75: somebody was first.
 */
int revision_put(params *p, revision *r, const char *by, const char *why,
                 pe_error *errp);
/* The next one has the stages from before [now], the newest; new.  Errors:
 * input, 65: there is nothing to go back to; and those of revision_put.
 */
revision *revision_back(params *p, const revision *now, const char *by,
                        const char *why, pe_error *errp);
/* The file at [path] of this host is the function of stage [s]:
 * "[path]:[symbol]" from its bytes, which are stored.
 */
int revision_bring(params *p, revision *r, const char *s, const char *path,
                   const char *symbol, pe_error *errp);

/* --- revision_apply.c --- */

/* The pipeline of the run of [q] as [r] has it (NULL, 0: as it is), checked as
 * any file is (pipeline_load).  Functions it brings lie in DIR/functions/DIGEST
 * of the request's folder: what is missing there is fetched from [p], and its
 * digest compared; NULL: a connection is made where one is needed.
 */
pipeline *revision_pipeline(params *p, const pipeline_request *q,
                            const revision *r, pe_error *errp);
/* File [path] in [folder] is that of [digest]: fetched from [p] where it is not
 * there, and compared.  Errors: fatal, 65.
 */
int revision_file(params *p, const char *folder, const char *path,
                  const char *digest, pe_error *errp);
/* Is there a stage [name] in [pl], and may its function change while the run
 * goes on?  Errors: input, 78, with the stages there are.
 */
int revision_check_stage(const pipeline *pl, const char *name, pe_error *errp);

/* Have a child look: [look] returns 0, or -1 and an error; what it leaves in
 * *errp is ours then, also the text of no error.  Errors also: input, 78: it
 * died in the middle of it (of [what]), or did not come back for 20 s.
 */
int revision_try(int (*look)(void *arg, pe_error *errp), void *arg,
                 const char *what, pe_error *errp);

#endif
