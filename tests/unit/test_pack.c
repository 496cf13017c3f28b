/* test_pack.c - the bytes of files that are packed. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>
#include <zstd.h>

#include "scratch.h"
#include "src/pack/pack.h"

enum { LEN = 1000000, ROOM = LEN + 100000 };

static char plain[LEN];

static void make_plain(void)
{
    unsigned x = 1;

    for (size_t i = 0; i < LEN; i++) {
        x = x * 1103515245 + 12345;
        plain[i] = "0123456789.,\n"[x >> 16 & 7];
    }
}

/* [plain] as one member of gzip: its length. */
static size_t gzip(const char *from, size_t n, unsigned char *out, size_t cap)
{
    z_stream z = {0};

    CU_ASSERT_EQUAL_FATAL(
        deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)from;
    z.avail_in = (unsigned)n;
    z.next_out = out;
    z.avail_out = (unsigned)cap;
    CU_ASSERT_EQUAL(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return cap - z.avail_out;
}

/* All of the file, read [step] bytes at a time: -1 and the error, or whether
 * it is [plain].
 */
static int read_back(size_t step, pe_error *e, const char **namep)
{
    int fd = open(scratch_path, O_RDONLY);
    char *back = calloc(ROOM, 1);
    pack *p = pack_open(fd, "f", NULL);
    size_t len = 0;
    ssize_t n = 0;

    while (len < ROOM - step && (n = pack_read(p, back + len, step, e)) > 0)
        len += (size_t)n;
    *namep = pack_name(pack_kind_of(p));
    int same = len == LEN && !memcmp(back, plain, LEN);
    pack_close(p);
    free(back);
    close(fd);
    return n < 0 ? -1 : same;
}

static void expect(const char *name, size_t step)
{
    pe_error e = {0};
    const char *is = NULL;

    CU_ASSERT_EQUAL(read_back(step, &e, &is), 1);
    UNIT_EQUAL(is, name);
}

static void test_pack_kinds(void)
{
    size_t cap = 2 * LEN, half = LEN / 2, n;
    unsigned char *out = malloc(cap);

    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    make_plain();
    scratch_write_bytes("f", plain, LEN);
    expect("", 4096);
    expect("", 100);
    n = gzip(plain, LEN, out, cap);
    scratch_write_bytes("f", out, n);
    expect("gzip", 65536);
    expect("gzip", 100);
    /* Two members, and zeros that fill a block. */
    n = gzip(plain, half, out, cap);
    n += gzip(plain + half, LEN - half, out + n, cap - n);
    memset(out + n, 0, 300);
    scratch_write_bytes("f", out, n + 300);
    expect("gzip", 4096);
    n = ZSTD_compress(out, cap, plain, LEN, 3);
    scratch_write_bytes("f", out, n);
    expect("zstd", 65536);
    expect("zstd", 100);
    n = ZSTD_compress(out, cap, plain, half, 3);
    n += ZSTD_compress(out + n, cap - n, plain + half, LEN - half, 3);
    scratch_write_bytes("f", out, n);
    expect("zstd", 4096);
    free(out);
}

static void test_pack_broken(void)
{
    size_t cap = 2 * LEN, n;
    unsigned char *out = malloc(cap);
    const char *is;

    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    for (int kind = 0; kind < 2; kind++) {
        pe_error e = {0};
        n = kind ? ZSTD_compress(out, cap, plain, LEN, 3)
                 : gzip(plain, LEN, out, cap);
        scratch_write_bytes("f", out, n / 2);
        CU_ASSERT_EQUAL(read_back(4096, &e, &is), -1);
        UNIT_CONTAINS(e.text, kind ? "within what zstd packed: it is not "
                                     "complete"
                                   : "within what gzip packed: it is not "
                                     "complete");
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        memset(out + n / 3, 0xff, 64);
        scratch_write_bytes("f", out, n);
        CU_ASSERT_EQUAL(read_back(4096, &e, &is), -1);
        UNIT_CONTAINS(e.text, "f is damaged before byte ");
    }
    free(out);
}

int main(void)
{
    static const unit_test tests[] = {
        {"pack: plain, gzip, zstd", test_pack_kinds},
        {"pack: cut and damaged", test_pack_broken},
        {NULL, NULL},
    };
    int rc;

    scratch_make();
    rc = unit_main("pack", tests);
    scratch_remove();
    return rc;
}
