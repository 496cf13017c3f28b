/* pipeline_file.c - small pipeline files for the tests of their room. */
#include "unit.h"

#include "pipeline_file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char top[PATH_MAX], object[PATH_MAX];

pipeline *pipeline_file_load(const char *yaml, const char *set, pe_error *errp)
{
    FILE *f = fopen(FILE_NAME, "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(yaml, f);
    fclose(f);
    return pipeline_load(FILE_NAME, &set, set ? 1 : 0, errp);
}

pipeline *pipeline_file_good(const char *yaml, const char *set)
{
    pe_error e = {0};
    pipeline *p = pipeline_file_load(yaml, set, &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

void pipeline_file_refused(const char *yaml, const char *set, const char *text)
{
    char want[1200];
    pe_error e = {0};
    pipeline *p = pipeline_file_load(yaml, set, &e);

    CU_ASSERT_PTR_NULL(p);
    snprintf(want, sizeof(want), "--set %s: %s", set, text);
    UNIT_EQUAL(e.text, want);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    pipeline_destroy(p);
}

pipeline *pipeline_file_job(const char *name)
{
    char file[PATH_MAX + 64];
    pe_error e = {0};

    snprintf(file, sizeof(file), "%s/jobs/%s.yaml", top, name);
    pipeline *p = pipeline_load(file, NULL, 0, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    UNIT_EQUAL(p->name, name);
    return p;
}

void pipeline_file_clear_environment(void)
{
    unsetenv("PILOT_BROKER");
    unsetenv("PILOT_PARAMS");
    unsetenv("PILOT_PASSWORD_FILE");
}

/* Make and enter [folder], in which the object is o.so. */
static int enter(char *folder)
{
    const char *source = getenv("top_srcdir");

    if (!realpath(source ? source : ".", top) ||
        !realpath("tests/unit/pipeline_object.so", object) ||
        !mkdtemp(folder) || chdir(folder) < 0)
        return -1;
    return symlink(object, "o.so");
}

int pipeline_file_main(const char *suite, const unit_test *tests)
{
    char folder[] = "/tmp/pilot-test-XXXXXX";

    pipeline_file_clear_environment();
    if (enter(folder) < 0) {
        printf("Bail out! tests/unit/pipeline_object.so is not there\n");
        return 1;
    }
    int status = unit_main(suite, tests);
    unlink(FILE_NAME);
    unlink("o.so");
    if (rmdir(folder) == 0)
        return status;
    printf("# the tests have left something in %s\n", folder);
    return 1;
}
