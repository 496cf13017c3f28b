/* fuzz_csv.c - any bytes as a text file of rows, whose layout is found.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz_csv.c
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/common/text.h"
#include "src/table/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
    if (!condition)
        abort();
}

static void count_skip(void *arg, const table_skip *s)
{
    expect(s->line > 0);
    expect((s->column >= 0) == (s->reason >= TABLE_FIELD_EMPTY));
    *(uint64_t *)arg += s->column < 0;
}

/* Each column is learned from once, is the clock, or is left out for a reason;
 * and the line can be said.
 */
static void check_dialect(const table_dialect *d)
{
    size_t learned = 0;
    text line = {0};

    for (size_t j = 0; j < d->n; j++) {
        const table_column *c = &d->columns[j];
        expect((c->use == TABLE_LEFT) == (c->why != NULL));
        expect((c->use == TABLE_LEARNED) == (c->feature >= 0));
        learned += c->use == TABLE_LEARNED;
        expect(c->feature < (int)d->n_features);
    }
    expect(learned == d->n_features && learned > 0);
    expect(dialect_line(d, &line) == 0);
    text_free(&line);
}

/* Rows of [path]; with [look] at what is in them, and those skipped counted. */
static uint64_t rows_of(const char *path, const table_wish *w, int look,
                        uint64_t *skippedp)
{
    uint64_t told = 0, n = 0;
    table_conf conf = {
        .path = path, .wish = w, .skip = count_skip, .arg = &told};
    table *t = table_open(&conf, NULL);
    int rc = table_ready(t, NULL);
    double *row = NULL;
    int64_t ns;

    *skippedp = 0;
    if (rc > 0) {
        check_dialect(table_dialect_of(t));
        row = calloc(table_dialect_of(t)->n_features, sizeof(*row));
    }
    while (row && (rc = table_row(t, look ? row : NULL, NULL)) != TABLE_NONE) {
        expect(rc == TABLE_ROW || rc == TABLE_SKIPPED);
        *skippedp += rc == TABLE_SKIPPED;
        table_time(t, &ns);
        n++;
    }
    if (look)
        expect(told == *skippedp);
    free(row);
    table_close(t);
    return n;
}

/* A row has the same number whoever looks at it, and each that is skipped is
 * told once.  The first byte says what is given and what is found.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char delimiters[] = {0, ',', ';', '\t', ' ', '|', 0, 0};
    table_wish w = {0};
    int fd = memfd_create("rows", MFD_CLOEXEC);
    uint64_t looked, passed;
    char path[64];

    if (fd < 0)
        abort();
    if (size > 0) {
        w.delimiter = delimiters[*data & 7];
        w.decimal = *data & 8 && w.delimiter != ',' ? ',' : 0;
        w.header = *data & 16 ? (*data >> 5) - 2 : 0;
        w.missing = *data & 32 ? "-9999,x" : NULL;
        data++;
        size--;
    }
    /* What is packed is not fuzzed here. */
    if (size >= 2 && (data[0] == 0x1f || data[0] == 0x28))
        size = 0;
    if (write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    expect(rows_of(path, &w, 1, &looked) == rows_of(path, &w, 0, &passed));
    expect(passed <= looked);
    close(fd);
    return 0;
}
