/* records_case.h - a registry of the test's own. */
#ifndef TESTS_RECORDS_CASE_H
#define TESTS_RECORDS_CASE_H

#include "src/registry/record.h"

extern char records_home[300];

/* Begin with no registry. */
void records_begin(void);
/* A pilot that was not submitted. */
pilot_record records_one(const char *run, const char *name);
/* Such a one, into the registry. */
void records_create(const char *run, const char *name, const char *sched_id,
                    int64_t created_ns);
/* HOME/name, until the next call; and such a file. */
const char *records_path(const char *name);
void records_put(const char *name, const char *content);

/* A change: *arg ranks; 0: not to be written; less: an error. */
int records_set_ranks(pilot_record *r, void *arg, pe_error *errp);

#endif
