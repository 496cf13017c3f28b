/* fuzz_spool.c - any bytes as a file of a spool.
 *
 * With libFuzzer:
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz_spool.c
 *   ./fuzz_spool FOLDER
 * With -DFUZZ_MAIN the program makes such files, and cuts and scrambles them by
 * a fixed seed, and prints TAP; where it is given a folder it leaves some
 * there.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/spool/chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
    if (!condition)
        abort();
}

/* A first byte says what was there before, and whether the machine is ours. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    chunk_lefts lefts = {0};
    const chunk_look l = {size && data[0] & 1 ? "here" : "", "r1/dev-0",
                          "a file", size ? data[0] >> 4 : 0, &lefts};
    chunk c = {.number = 1};
    chunk_fault f;
    pe_error e = {0};
    int fd = memfd_create("chunk", 0);
    uint64_t at = FORMAT_RECORDS_AT, n = 0;
    format_record r;

    expect(fd >= 0);
    if (size > 1)
        expect(chunk_write(fd, data + 1, size - 1, 0) == 0);
    if (chunk_scan(fd, &l, &c, &f, &e) < 0) {
        expect(e.kind == PE_ERROR_INPUT && *e.text);
        free(lefts.at);
        close(fd);
        return 0;
    }
    for (size_t i = 0; i < lefts.n; i++)
        expect(lefts.at[i].at + lefts.at[i].span < size);
    if (c.cell) {
        free(lefts.at);
        close(fd);
        return 0;
    }
    expect(c.end >= FORMAT_RECORDS_AT);
    expect(c.n == 0 || c.end < size);
    /* What was counted is what is read. */
    while (chunk_next(fd, 1, c.end, &at, &r) > 0) {
        char *buf = malloc((size_t)r.meta + r.len + 1);

        expect(buf != NULL);
        n += !chunk_payload(fd, &r, at, *l.machine != '\0', buf) &&
             r.ordinal >= l.from;
        at += format_span(r.meta, r.len);
        free(buf);
    }
    expect(f.why || n <= c.n + c.bad + lefts.n);
    free(lefts.at);
    close(fd);
    return 0;
}

#ifdef FUZZ_MAIN

enum { RECORDS = 5, ROUNDS = 20000 };

static uint64_t state = 88172645463325252;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* A file of some records, sealed or not, in cells or not; its bytes. */
static size_t make(uint8_t *out, size_t cap)
{
    uint64_t cell = next() % 2 ? 0 : 512;
    chunk c = {.number = 1, .life = 1, .boot = 7, .cell = cell};
    int fd = memfd_create("made", 0);
    uint64_t at = cell ? FORMAT_CELLS_AT : FORMAT_RECORDS_AT;
    char value[300];

    expect(fd >= 0 && chunk_begin(fd, &c, "here", "r1/dev-0") == 0);
    for (uint64_t i = 0; i < RECORDS; i++) {
        format_record r = {.magic = FORMAT_RECORD,
                           .chunk = 1,
                           .ordinal = i,
                           .life = 1,
                           .meta = 8,
                           .sealed = cell ? FORMAT_CELL : 0,
                           .len = (uint32_t)(next() % 200)};
        uint64_t tail = format_tail(&r);

        memset(value, (int)i, sizeof(value));
        expect(chunk_write(fd, value, 8 + r.len, at + sizeof(r)) == 0);
        expect(chunk_write(fd, &tail, 8, at + sizeof(r) + 8 + r.len) == 0);
        if (i % 2) {
            format_record_seal(&r);
            expect(chunk_write(fd, &r, sizeof(r), at) == 0);
        } else {
            expect(chunk_seal(fd, &r, at, value) == 0);
        }
        at += cell ? cell : format_span(r.meta, r.len);
    }
    expect(at <= cap && ftruncate(fd, (off_t)at) == 0);
    expect(chunk_read(fd, out, (size_t)at, 0) == 0);
    close(fd);
    return (size_t)at;
}

/* Some files as the fuzzer takes them, in [folder]. */
static void leave(const char *folder)
{
    static uint8_t bytes[8192];

    for (int i = 0; i < 8; i++) {
        size_t len = 1 + make(bytes + 1, sizeof(bytes) - 1);
        char path[400];
        FILE *f;

        bytes[0] = (uint8_t)(i * 17);
        snprintf(path, sizeof(path), "%.300s/%d", folder, i);
        f = fopen(path, "w");
        expect(f && fwrite(bytes, 1, len, f) == len && fclose(f) == 0);
    }
}

int main(int argc, char **argv)
{
    static uint8_t bytes[8192];

    if (argc > 1) {
        leave(argv[1]);
        return 0;
    }

    printf("1..1\n");
    for (int i = 0; i < ROUNDS; i++) {
        size_t len = 1 + make(bytes + 1, sizeof(bytes) - 1);
        int changes = (int)(next() % 8);

        bytes[0] = (uint8_t)next();
        for (int k = 0; k < changes; k++) {
            size_t from = next() % len, n = 1 + next() % (k ? 8 : 300);

            for (size_t b = from; b < from + n && b < len; b++)
                bytes[b] = (uint8_t)(k % 2 ? 0 : next());
        }
        if (next() % 3 == 0)
            len = next() % (len + 1);
        LLVMFuzzerTestOneInput(bytes, len);
        if (i % 100 == 0) /* any size of what a head says */
            LLVMFuzzerTestOneInput(bytes + next() % 64, len / 2);
    }
    printf("ok 1 - files of a spool, cut and scrambled (%d)\n", ROUNDS);
    return 0;
}
#endif
