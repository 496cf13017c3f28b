/* scratch.c - a folder of the test's own, with files in it. */
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/file.h"
#include "unit.h"

char scratch_folder[] = "/tmp/pilot-test.XXXXXX";
char scratch_path[256];

void scratch_make(void)
{
    if (mkdtemp(scratch_folder))
        return;
    perror(scratch_folder);
    exit(99);
}

void scratch_remove(void)
{
    file_remove_tree(scratch_folder, NULL);
}

void scratch_write_bytes(const char *name, const void *bytes, size_t len)
{
    snprintf(scratch_path, sizeof(scratch_path), "%s/%s", scratch_folder, name);
    CU_ASSERT_EQUAL_FATAL(file_write(scratch_path, bytes, len, 0600, NULL), 0);
}

void scratch_write(const char *name, const char *text)
{
    scratch_write_bytes(name, text, strlen(text));
}

void scratch_append(const char *text)
{
    FILE *f = fopen(scratch_path, "a");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(text, f);
    fclose(f);
}
