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

/* --- small, empty and changing files --- */

/* All of [p], in steps of [step], into [out]; what was said, "" : nothing. */
static const char *all_of(pack *p, size_t step, char *out, size_t cap)
{
    static pe_error e;
    size_t len = 0;
    ssize_t n;

    e = (pe_error){0};
    while (len + step < cap && (n = pack_read(p, out + len, step, &e)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    return e.text;
}

/* What is shorter than what tells its kind is read as it is. */
static void test_pack_short(void)
{
    static const char *const texts[] = {"",      "1",    "1,\n",
                                        "1,2\n", "\x1f", "\x28\xb5\x2f"};
    char got[64];

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        scratch_write("s", texts[i]);
        int fd = open(scratch_path, O_RDONLY);
        pack *p = pack_open(fd, "s", NULL);

        UNIT_EQUAL(all_of(p, 8, got, sizeof(got)), "");
        UNIT_EQUAL(got, texts[i]);
        CU_ASSERT_EQUAL(pack_kind_of(p), PACK_PLAIN);
        CU_ASSERT_EQUAL(pack_consumed(p), strlen(texts[i]));
        /* No room for the bytes that tell: nothing yet. */
        pack_restart(p, fd);
        CU_ASSERT_EQUAL(pack_read(p, got, 3, NULL), 0);
        pack_close(p);
        close(fd);
    }
    pack_close(NULL);
}

/* A file that grows from nothing tells its kind when it has some bytes. */
static void test_pack_grows(void)
{
    char got[64];

    scratch_write("g", "");
    int fd = open(scratch_path, O_RDONLY);
    pack *p = pack_open(fd, "g", NULL);

    CU_ASSERT_EQUAL(pack_read(p, got, sizeof(got), NULL), 0);
    scratch_append("1,2\n");
    CU_ASSERT_EQUAL(pack_read(p, got, sizeof(got), NULL), 4);
    scratch_append("3,4\n");
    CU_ASSERT_EQUAL(pack_read(p, got, sizeof(got), NULL), 4);
    CU_ASSERT_EQUAL(memcmp(got, "3,4\n", 4), 0);
    CU_ASSERT_EQUAL(pack_consumed(p), 8);
    pack_close(p);
    close(fd);
}

/* The same reader goes on with another file, of another kind. */
static void test_pack_restart(void)
{
    static const char text[] = "1,2\n3,4\n";
    unsigned char packed[200];
    char got[64];
    size_t n[3];
    int fd[3];
    pack *p = NULL;

    for (int kind = 0; kind < 3; kind++) {
        if (kind == 0)
            memcpy(packed, text, n[0] = strlen(text));
        if (kind == 1)
            n[1] = gzip(text, strlen(text), packed, sizeof(packed));
        if (kind == 2)
            n[2] = ZSTD_compress(packed, sizeof(packed), text, strlen(text), 1);
        scratch_write_bytes(kind == 0   ? "r0"
                            : kind == 1 ? "r1"
                                        : "r2",
                            packed, n[kind]);
        fd[kind] = open(scratch_path, O_RDONLY);
    }
    for (int i = 0; i < 9; i++) {
        int kind = (i / 3 + i) % 3; /* each behind each */

        lseek(fd[kind], 0, SEEK_SET);
        if (p)
            pack_restart(p, fd[kind]);
        else
            p = pack_open(fd[kind], "r", NULL);
        /* Also where the one before was not read to its end. */
        if (i % 2 == 0) {
            CU_ASSERT(pack_read(p, got, 5, NULL) > 0);
            lseek(fd[kind], 0, SEEK_SET);
            pack_restart(p, fd[kind]);
        }
        UNIT_EQUAL(all_of(p, 16, got, sizeof(got)), "");
        UNIT_EQUAL(got, text);
        CU_ASSERT_EQUAL((int)pack_kind_of(p), kind);
        CU_ASSERT_EQUAL(pack_consumed(p), n[kind]);
    }
    pack_close(p);
    for (int kind = 0; kind < 3; kind++)
        close(fd[kind]);
}

/* What is no file, and what begins as if it were packed. */
static void test_pack_none(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *text;
    } rows[] = {
        {"\x1f\x8b and no gzip at all", 22,
         "f is damaged before byte 8: gzip "
         "says"},
        {"\x28\xb5\x2f\xfd and no zstd", 16,
         "f is damaged before byte 16: "
         "zstd says"},
        {"\x1f\x8b\x08\x00", 4,
         "f ends after 4 bytes, within what gzip packed: it is not complete; "
         "get it again, or unpack what there is of it and read that"},
        {"\x28\xb5\x2f\xfd", 4,
         "f ends after 4 bytes, within what zstd packed"},
    };
    char got[64];
    int fd = open(scratch_folder, O_RDONLY);
    pack *p = pack_open(fd, "a folder", NULL);

    UNIT_CONTAINS(all_of(p, 8, got, sizeof(got)),
                  "a folder cannot be read: Is a directory");
    pack_close(p);
    close(fd);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scratch_write_bytes("n", rows[i].bytes, rows[i].len);
        fd = open(scratch_path, O_RDONLY);
        p = pack_open(fd, "f", NULL);
        UNIT_CONTAINS(all_of(p, 8, got, sizeof(got)), rows[i].text);
        pack_close(p);
        close(fd);
    }
}

/* Bytes behind what is packed are no zeros: they are said to be damage. */
static void test_pack_tail(void)
{
    unsigned char packed[200];
    char got[64];
    size_t n = gzip("1,2\n", 4, packed, sizeof(packed));

    memcpy(packed + n, "tail", 4);
    scratch_write_bytes("t", packed, n + 4);
    int fd = open(scratch_path, O_RDONLY);
    pack *p = pack_open(fd, "f", NULL);

    UNIT_CONTAINS(all_of(p, 16, got, sizeof(got)), "f is damaged before byte");
    UNIT_EQUAL(got, "1,2\n"); /* what came before is there */
    pack_close(p);
    close(fd);
}

int main(void)
{
    static const unit_test tests[] = {
        {"pack: plain, gzip, zstd", test_pack_kinds},
        {"pack: cut and damaged", test_pack_broken},
        {"pack: short and empty", test_pack_short},
        {"pack: a file that grows", test_pack_grows},
        {"pack: another file", test_pack_restart},
        {"pack: what is none", test_pack_none},
        {"pack: bytes behind it", test_pack_tail},
        {NULL, NULL},
    };
    int rc;

    scratch_make();
    rc = unit_main("pack", tests);
    scratch_remove();
    return rc;
}
