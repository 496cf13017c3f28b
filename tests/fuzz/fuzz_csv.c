/* fuzz_csv.c - any bytes as a text file of rows.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz_csv.c
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/function/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
    if (!condition)
        abort();
}

static void count_skip(void *arg, const csv_skip *s)
{
    expect(s->line > 0);
    expect((s->column > 0) == (s->reason >= CSV_FIELD_EMPTY));
    *(uint64_t *)arg += s->column == 0;
}

/* Rows of [path]; with [look] at what is in them, and those skipped counted. */
static uint64_t rows_of(const char *path, int look, uint64_t *skippedp)
{
    uint64_t told = 0, n = 0;
    csv_conf conf = {
        .path = path, .separator = ',', .skip = count_skip, .arg = &told};
    csv *c = csv_open(&conf, NULL);
    int columns = c ? csv_columns(c, NULL) : 0, rc;
    double *row = columns > 0 ? calloc((size_t)columns, sizeof(*row)) : NULL;
    uint64_t before = told;

    *skippedp = 0;
    while (row && (rc = csv_row(c, look ? row : NULL, NULL)) != CSV_NONE) {
        expect(rc == CSV_ROW || rc == CSV_SKIPPED);
        *skippedp += rc == CSV_SKIPPED;
        n++;
    }
    if (look)
        expect(told - before == *skippedp);
    free(row);
    csv_close(c);
    return n;
}

/* A row has the same number whoever looks at it, and each that is skipped is
 * told once.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("rows", MFD_CLOEXEC);
    uint64_t looked, passed;
    char path[64];

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    expect(rows_of(path, 1, &looked) == rows_of(path, 0, &passed));
    expect(passed <= looked);
    close(fd);
    return 0;
}
