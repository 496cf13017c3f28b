/* look_case.h - pilots of a home, and looks at them. */
#ifndef TESTS_LOOK_CASE_H
#define TESTS_LOOK_CASE_H

#include "unit.h"

#include "src/common/text.h"
#include "src/registry/observe.h"

extern char look_home[300];
extern text look_told;  /* troubles, a line each */
extern text look_heard; /* "ID=PARTITIONS " of beats */

/* Begin anew: no pilots, no schedulers, nothing told. */
void look_begin(void);
/* What to look with; [now]: as if a user had asked for it. */
observe_conf look_conf(bool now);

/* A pilot of a minute ago, at [url]; its folder is its own in the home. */
void look_create(const char *id, const char *url, const char *sched_id,
                 enum pilot_state state);
/* File [name] of pilot [id]. */
void look_put(const char *id, const char *name, const char *content);
/* A beat of [age] seconds ago. */
void look_beat(const char *id, const char *name, const char *state, int age,
               const char *more);

/* Look at those that [word] means (NULL: all); "ID STATE REASON|...", until
 * the next call.
 */
const char *look(const observe_conf *c, const char *word);
/* What the registry has. */
enum pilot_state look_state(const char *id);

/* unit_main with a scratch folder. */
int look_main(const char *suite, const unit_test *tests);

#endif
