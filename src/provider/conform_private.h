/* conform_private.h - what the files of a trial of a provider share. */
#ifndef PROVIDER_CONFORM_PRIVATE_H
#define PROVIDER_CONFORM_PRIVATE_H

#include "src/provider/private.h"

typedef struct trial {
    provider *p;
    char pilot[2][64]; /* two machines, at most */
    char name[2][PROVIDER_NAME_MAX];
    provider_machine m[2]; /* as they were made last */
    provider_address at[2];
} trial;

/* 0: as it should be; -1: why not. */
typedef struct trial_case {
    const char *title;
    int (*run)(trial *t, pe_error *errp); /* NULL ends a table */
} trial_case;

extern const trial_case trial_plain[];  /* what a provider does */
extern const trial_case trial_faults[]; /* ... when its answers suffer */

/* -1, and why. */
int trial_wrong(pe_error *errp, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Machine [k] by all steps; by `up` alone; its end. */
int trial_make(trial *t, int k, pe_error *errp);
int trial_up(trial *t, int k, double ttl_s, char id[PROVIDER_ID_MAX],
             pe_error *errp);
int trial_end(trial *t, int k, pe_error *errp);
/* How many machines of [k] are there and not gone; -1: error. */
int trial_count(trial *t, int k, pe_error *errp);
/* Is the number of them [n]?  Asks until it is, or for its time to settle. */
int trial_expect(trial *t, int k, int n, pe_error *errp);
/* The next [times] calls of [v] suffer [fault]. */
void trial_fault(trial *t, enum provider_verb v, enum fault_kind fault,
                 int times);

#endif
