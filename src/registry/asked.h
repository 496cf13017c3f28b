/* asked.h - when schedulers were asked, and whether they answered. */
#ifndef REGISTRY_ASKED_H
#define REGISTRY_ASKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

/* HOME/schedulers.json has one for each resource URL.  An answer is about all
 * pilots of the registry that lived at that time.
 */
typedef struct asked {
    char url[512];
    int64_t answered_ns; /* last answer; 0: none yet */
    int64_t tried_ns;    /* last question */
    int failures;        /* since the last answer */
    char trouble[1024];  /* of the last failure */
} asked;

typedef struct asked_list {
    asked *items;
    size_t n;
} asked_list;

/* Read them.  A file that is not there or torn says nothing of anybody, which
 * costs a question.
 */
int asked_load(const char *home, asked_list *l, pe_error *errp);
int asked_save(const char *home, const asked_list *l, pe_error *errp);
void asked_free(asked_list *l); /* leaves it zeroed */

/* The one of [url], made when there is none; valid until the next call.  NULL:
 * no memory.
 */
asked *asked_of(asked_list *l, const char *url);

/* Is it time to ask again?  [queues]: a scheduler that is to be spared. */
bool asked_is_due(const asked *a, bool queues, int64_t period_ns,
                  int64_t now_ns);

/* Only one command asks at a time; the others use what it has learned.  A
 * descriptor to close, or -1 when it cannot be had: then ask all the same.
 */
int asked_lock(const char *home);

#endif
