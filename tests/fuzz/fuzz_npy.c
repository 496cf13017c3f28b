/* fuzz_npy.c - any bytes as a .npy record, and as the headers of one.
 *
 * With libFuzzer:
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz_npy.c
 *   ./fuzz_npy tests/fuzz/corpus/npy
 * With -DFUZZ_MAIN the program runs every file of the folders named on its
 * command line, or of the corpus in the source tree, and prints TAP.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/columns.h"
#include "src/block/npy.h"
#include "src/block/npy_header.h"
#include "src/block/record.h"
#include "src/block/scale.h"
#include "src/block/sender.h"
#include "src/block/times.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
    if (!condition)
        abort();
}

static void expect_refusal(const pe_error *e)
{
    expect(e->kind == PE_ERROR_INPUT && e->text[0]);
    for (const char *p = e->text; *p; p++)
        expect(*p >= ' ' && *p <= '~');
}

/* What was decoded, framed and decoded again, is the same. */
static void run_frame(const pe_block *b)
{
    pe_block own = {0}, back = {0};
    pe_error e = {0};
    size_t len;

    expect(pe_block_copy(&own, b, &e) == 0);
    const void *frame = npy_frame(&own, &len);
    expect(frame && npy_decode(frame, len, &back, &e) == 0);
    expect(back.points == b->points && back.features == b->features);
    expect(!memcmp(back.data, b->data, pe_block_bytes(b)));
    pe_block_release(&own);
}

/* The array as rows by each of its axes: nothing is read beyond the data. */
static void run_axes(const npy_array *a, const uint8_t *data, size_t size)
{
    pe_error e = {0};
    grid g;

    for (int axis = -1; axis < (int)a->shape.dims; axis++) {
        const grid_take take = {.axis = axis, .frames = true};
        if (grid_make(&g, &a->shape, &a->items, &take, &e) < 0) {
            expect_refusal(&e);
            continue;
        }
        size_t n = (size_t)g.rows;
        if (n == 0 || size - a->data_offset != grid_bytes(&g, n) ||
            (uint64_t)n * g.columns > 1 << 20)
            continue;
        double *to = malloc(n * g.columns * sizeof(*to));
        expect(to != NULL);
        grid_copy(&g, &(grid_rows){data + a->data_offset, n, 0, n},
                  (grid_columns){NULL, g.columns},
                  &(grid_to){to, PE_F8, 0, g.columns});
        free(to);
    }
}

static void run_npy(const uint8_t *data, size_t size)
{
    pe_block b = {0};
    npy_array a;
    pe_error e = {0};
    int status = npy_array_read(&a, data, size, &e);

    if (status < 0)
        expect_refusal(&e);
    else
        run_axes(&a, data, size);
    if (npy_decode(data, size, &b, &e) < 0) {
        expect_refusal(&e);
    } else {
        expect(status == 0 && a.data_offset + npy_array_bytes(&a) == size);
        expect(b.storage || (const uint8_t *)b.data == data + a.data_offset);
        run_frame(&b);
    }
    if (status == 0)
        npy_array_clear(&a);
    pe_block_release(&b);
}

/* Whatever the key, the name is text of its own, and short enough. */
static void run_sender(const record_headers *h, const char *key, size_t len)
{
    char name[SENDER_NAME], other[SENDER_NAME];

    sender_decode(h, "run", key, len, 1, name);
    expect(name[0] && strlen(name) < SENDER_NAME);
    for (const char *p = name; *p; p++)
        expect((unsigned char)*p >= ' ' && *p != 0x7f);
    if (len > 0 &&
        sender_decode(h, "run", key, len - 1, 1, other) == SENDER_STRANGER)
        expect(len == 1 || strcmp(name, other) != 0);
}

/* What decodes as times, or scales, of so many rows or columns, decodes to the
 * same when it is written anew.
 */
static void run_said(const char *at, size_t len)
{
    enum { MOST = 40 };
    int64_t ns[MOST], back[MOST];
    double x[2][MOST], y[2][MOST];
    text t = {0};

    for (uint32_t n = 0; n <= MOST; n++) {
        if (times_decode(at, len, n, ns) == 0 && times_encode(ns, n, &t) == 0) {
            expect(times_decode(t.data, t.len, n, back) == 0);
            expect(!memcmp(ns, back, n * sizeof(*ns)));
        }
        if (scale_decode(at, len, n, x[0], x[1]) == 0 &&
            scale_encode(x[0], x[1], n, &t) == 0) {
            expect(scale_decode(t.data, t.len, n, y[0], y[1]) == 0);
            expect(!memcmp(x[0], y[0], n * sizeof(x[0][0])));
        }
    }
    for (uint32_t k = 0, n = columns_count(at, len); k < n && k < MOST; k++) {
        size_t size = 0;
        const char *name = columns_at(at, len, k, &size);

        expect(name && name >= at && name + size <= at + len);
    }
    text_free(&t);
}

/* Lines of NAME=VALUE; names need a NUL, so they come from a list: the first
 * byte of a line says which.
 */
static void run_record(const uint8_t *data, size_t size)
{
    static const char *const names[] = {
        "pe_seq",   "pe_boot",   "pe_sense_ns", "pe_edge_ns", "pe_model",
        "pe_stage", "pe_source", "pe_",         "ce_id",      "ce_source"};
    static record_headers r;
    char *copy = malloc(size + 1);
    char source[512];
    pe_block b = {0};
    pe_error e = {0};

    expect(copy != NULL);
    memcpy(copy, data, size);
    record_clear(&r);
    for (size_t at = 0; at < size;) {
        const char *end = memchr(copy + at, '\n', size - at);
        size_t len = end ? (size_t)(end - copy) - at : size - at;
        run_said(copy + at, len);
        if (len > 0)
            record_add_borrowed(
                &r, names[data[at] % (sizeof(names) / sizeof(names[0]))],
                copy + at + 1, len - 1);
        at += len + 1;
    }
    run_sender(&r, copy, size);
    if (record_decode(&r, &b, source, sizeof(source), &e) < 0)
        expect_refusal(&e);
    else if (b.has_seq)
        expect(record_encode(&r, "run", "stage", &b, &e) == 0);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_npy(data, size);
    run_record(data, size);
    return 0;
}

#ifdef FUZZ_MAIN
#include <dirent.h>

#include "src/common/file.h"
#include "src/common/text.h"

#define INPUT_MAX (1 << 20)

static int replay_file(const char *folder, const char *name)
{
    char *path = text_format("%s/%s", folder, name);
    size_t len = 0;
    char *data = path ? file_read(path, INPUT_MAX, &len, NULL) : NULL;
    int status = data ? 0 : -1;

    if (data)
        LLVMFuzzerTestOneInput((const uint8_t *)data, len);
    free(data);
    free(path);
    return status;
}

/* Every file of [folder]; their number, or -1. */
static int replay(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    int n = 0;

    if (!dir)
        return -1;
    while (n >= 0 && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            n = replay_file(folder, entry->d_name) < 0 ? -1 : n + 1;
    closedir(dir);
    return n;
}

int main(int argc, char **argv)
{
    const char *srcdir = getenv("srcdir");
    char *corpus =
        text_format("%s/tests/fuzz/corpus/npy", srcdir ? srcdir : ".");
    char *alone[] = {argv[0], corpus};
    char **folders = argc > 1 ? argv : alone;
    int files = 0;
    int failed = 0;

    if (!corpus)
        return 1;
    printf("1..1\n");
    for (int i = 1; i < (argc > 1 ? argc : 2); i++) {
        int n = replay(folders[i]);
        if (n <= 0)
            printf("# no file of %s could be read\n", folders[i]);
        failed |= n <= 0;
        files += n > 0 ? n : 0;
    }
    printf("%s 1 - corpus replayed (%d files)\n", failed ? "not ok" : "ok",
           files);
    free(corpus);
    return failed;
}
#endif
