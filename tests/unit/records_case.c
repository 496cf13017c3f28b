/* records_case.c - a registry of the test's own. */
#include "records_case.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

#include "scratch.h"
#include "src/common/file.h"

char records_home[300];

void records_begin(void)
{
    snprintf(records_home, sizeof(records_home), "%s/home", scratch_folder);
    file_remove_tree(records_home, NULL);
}

pilot_record records_one(const char *run, const char *name)
{
    pilot_record r;

    memset(&r, 0, sizeof(r));
    snprintf(r.id, sizeof(r.id), "%s/%s", run, name);
    snprintf(r.run, sizeof(r.run), "%s", run);
    snprintf(r.name, sizeof(r.name), "%s", name);
    snprintf(r.kind, sizeof(r.kind), "pool");
    snprintf(r.resource, sizeof(r.resource), "slurm://");
    r.exit_code = -1;
    r.submitting = true;
    return r;
}

void records_create(const char *run, const char *name, const char *sched_id,
                    int64_t created_ns)
{
    pilot_record r = records_one(run, name);
    pe_error e = {0};

    snprintf(r.sched_id, sizeof(r.sched_id), "%s", sched_id);
    r.created_ns = created_ns;
    CU_ASSERT_EQUAL(pilot_record_create(records_home, &r, &e), 0);
    UNIT_EQUAL(e.text, "");
}

const char *records_path(const char *name)
{
    static char path[1024];

    snprintf(path, sizeof(path), "%s/%s", records_home, name);
    return path;
}

void records_put(const char *name, const char *content)
{
    CU_ASSERT_EQUAL_FATAL(
        file_write(records_path(name), content, strlen(content), 0600, NULL),
        0);
}

int records_set_ranks(pilot_record *r, void *arg, pe_error *errp)
{
    (void)errp;
    r->ranks = *(int *)arg;
    return r->ranks < 0 ? pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "no")
                        : r->ranks == 0;
}
