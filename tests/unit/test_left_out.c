/* test_left_out.c - a build without the schedulers that configure can leave
 * out: src/backend is compiled into this program without them.
 */
#include "unit.h"

#include <stdlib.h>

#include "src/backend/backend.h"
#include "src/backend/backends.h"
#include "src/common/file.h"
#include "src/common/text.h"

static void test_urls(void)
{
    static const struct {
        const char *url, *error; /* NULL: it is there */
    } rows[] = {
        {"local://", NULL},
        {"ssh://host", NULL},
        {"rehearsal://", NULL},
        {"exec:///opt/site/provider", NULL},
        {"slurm://", "resource: 'slurm://': slurm was left out of this build "
                     "(configure --without-slurm)"},
        {"pbs+ssh://host", "resource: 'pbs+ssh://host': pbs was left out of "
                           "this build (configure --without-pbs)"},
        {"pbs+ssh://", "resource: 'pbs+ssh://' names no host: pbs+ssh://HOST"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pe_error e = {0};
        const resource_ops *o = backend_ops(rows[i].url, &e);
        CU_ASSERT_EQUAL(o != NULL, rows[i].error == NULL);
        UNIT_EQUAL(e.text, rows[i].error ? rows[i].error : "");
        if (rows[i].error)
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    }
    CU_ASSERT_TRUE(backend_is_here("local://"));
    CU_ASSERT_FALSE(backend_is_here("ssh://host"));
    CU_ASSERT_TRUE(backend_is_direct("ssh://host"));
    CU_ASSERT_FALSE(backend_is_direct("rehearsal://"));
    CU_ASSERT_TRUE(backend_is_made("exec:///opt/site/provider"));
    CU_ASSERT_FALSE(backend_is_made("ssh://host"));
    CU_ASSERT_FALSE(backend_is_direct("slurm://"));
}

/* Nobody looks for what could not be used. */
static void test_default(void)
{
    static const char sbatch[] = "#!/bin/sh\necho slurm 22.05.8\n";
    char folder[] = "/tmp/test-left-out-XXXXXX";
    char url[64], job[RESOURCE_ID_MAX], why[256];
    char *program = mkdtemp(folder) ? text_format("%s/sbatch", folder) : NULL;
    char *path = text_format("%s:%s", folder, getenv("PATH"));

    CU_ASSERT_PTR_NOT_NULL_FATAL(program);
    CU_ASSERT_EQUAL(file_write(program, sbatch, sizeof(sbatch) - 1, 0700, NULL),
                    0);
    setenv("PATH", path, 1);
    setenv("SLURM_JOB_ID", "17", 1);
    CU_ASSERT_EQUAL(backend_default(url, job, why, sizeof(why)), BACKEND_HERE);
    UNIT_EQUAL(url, "local://");
    UNIT_EQUAL(job, "");
    UNIT_EQUAL(why, "there is no scheduler here: this host is used");
    CU_ASSERT_PTR_NULL(backend_job());
    unsetenv("SLURM_JOB_ID");
    file_remove_tree(folder, NULL);
    free(path);
    free(program);
}

int main(void)
{
    static const unit_test tests[] = {
        {"URLs", test_urls},
        {"what is here", test_default},
        {NULL, NULL},
    };

    return unit_main("left_out", tests);
}
