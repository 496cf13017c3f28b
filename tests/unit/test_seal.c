/* test_seal.c - signatures of records and ends: every bit of them counts. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "scratch.h"
#include "src/login/seal.h"
#include "src/login/seal_private.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define HEX0 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEX1 "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static seal *keys(const char *text)
{
    pe_error e = {0};

    scratch_write("keys", text);
    chmod(scratch_path, 0600);
    return seal_open(scratch_path, &e);
}

/* What is signed: a place, headers, and a value. */
typedef struct letter {
    char topic[16], key[16], value[16];
    int32_t partition;
    record_headers h;
} letter;

static void write_letter(letter *l, seal_signer *k)
{
    const pe_block b = {.device = "edge-0",
                        .has_seq = 1,
                        .boot = 7,
                        .seq = 9,
                        .sense_ns = 1,
                        .edge_ns = 2,
                        .version = 3,
                        .source = "f:1-2"};
    pe_error e = {0};

    memset(l, 0, sizeof(*l));
    strcpy(l->topic, "pilot.r.sense");
    strcpy(l->key, "edge-0");
    strcpy(l->value, "0123456789abcde");
    l->partition = 3;
    CU_ASSERT_EQUAL(record_encode(&l->h, "r", "sense", &b, &e), 0);
    record_add_borrowed(&l->h, "pe_none", NULL, 0);
    CU_ASSERT_EQUAL(seal_signer_sign(k,
                                     &(seal_place){l->topic, l->partition,
                                                   l->key, strlen(l->key)},
                                     &l->h, l->value, sizeof(l->value), &e),
                    0);
}

static int check_as(seal *s, const letter *l, const char *part)
{
    const seal_place at = {l->topic, l->partition, l->key, strlen(l->key)};
    pe_error e = {0};
    int rc = seal_check(s, &at, &l->h, l->value, sizeof(l->value), &e);

    if (rc < 0 && part) {
        UNIT_CONTAINS(e.text, SEAL_FORGED);
        UNIT_CONTAINS(e.text, part);
    }
    return rc;
}

static void test_bits(void)
{
    seal *s = keys("run " HEX0 "\n");
    seal_signer *k = seal_signer_open(s, "r", "edge-0", NULL);
    letter l;
    size_t n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(k);
    write_letter(&l, k);
    CU_ASSERT_EQUAL(check_as(s, &l, NULL), 0);
    /* Every bit of every header, of the value, the topic and the key. */
    for (size_t i = 0; i < l.h.n; i++)
        for (size_t bit = 0; bit < 8 * l.h.h[i].len; bit++) {
            char copy[256];

            write_letter(&l, k);
            memcpy(copy, l.h.h[i].value, l.h.h[i].len);
            copy[bit / 8] = (char)(copy[bit / 8] ^ (1 << bit % 8));
            l.h.h[i].value = copy;
            n += check_as(s, &l, "forged") == 0;
        }
    CU_ASSERT_EQUAL(n, 0);
    for (size_t bit = 0; bit < 8 * sizeof(l.value); bit++) {
        write_letter(&l, k);
        l.value[bit / 8] = (char)(l.value[bit / 8] ^ (1 << bit % 8));
        n += check_as(s, &l, "its signature is not that of 'r/edge-0'") == 0;
    }
    write_letter(&l, k);
    l.topic[0] ^= 1;
    n += check_as(s, &l, "signature") == 0;
    write_letter(&l, k);
    l.key[5] ^= 1;
    n += check_as(s, &l, "signature") == 0;
    for (int bit = 0; bit < 31; bit++) {
        write_letter(&l, k);
        l.partition ^= 1 << bit;
        n += check_as(s, &l, "signature") == 0;
    }
    CU_ASSERT_EQUAL(n, 0);
    seal_signer_close(k);
    seal_close(s);
}

/* What is missing, added, moved, or cut. */
static void test_headers(void)
{
    seal *s = keys("run " HEX0 "\n");
    seal_signer *k = seal_signer_open(s, "r", "edge-0", NULL);
    letter l;
    size_t n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(k);
    write_letter(&l, k);
    for (size_t gone = 0, all = l.h.n; gone < all; gone++) {
        write_letter(&l, k);
        memmove(&l.h.h[gone], &l.h.h[gone + 1],
                (l.h.n - gone - 1) * sizeof(l.h.h[0]));
        l.h.n--;
        n += check_as(s, &l, NULL) == 0;
    }
    CU_ASSERT_EQUAL(n, 0);
    write_letter(&l, k);
    record_add(&l.h, "pe_seq", "10"); /* the last of a name counts */
    CU_ASSERT_EQUAL(check_as(s, &l, "it is not signed by 'r/edge-0'"), -1);
    write_letter(&l, k);
    {
        record_header last = l.h.h[l.h.n - 1];

        l.h.n--;
        record_add(&l.h, "pe_seq", "10");
        l.h.h[l.h.n++] = last;
    }
    CU_ASSERT_EQUAL(check_as(s, &l, "signature"), -1);
    for (size_t len = 0; len < SEAL_HEX; len++) {
        write_letter(&l, k);
        l.h.h[l.h.n - 1].len = len;
        n += check_as(s, &l, "it is not signed by") == 0;
    }
    write_letter(&l, k);
    l.h.h[l.h.n - 1].value = NULL;
    n += check_as(s, &l, "it is not signed by") == 0;
    /* Nothing is not the empty text, and pieces do not run together. */
    write_letter(&l, k);
    l.h.h[l.h.n - 2].value = "";
    n += check_as(s, &l, "signature") == 0;
    write_letter(&l, k);
    l.h.h[5].name = "pe_runx";
    n += check_as(s, &l, "signature") == 0;
    CU_ASSERT_EQUAL(n, 0);
    record_clear(&l.h);
    CU_ASSERT_EQUAL(check_as(s, &l, "says not of which device"), -1);
    seal_signer_close(k);
    seal_close(s);
}

static char *line_of(const char *text, const char *run, const char *device)
{
    seal *s = keys(text);
    pe_error e = {0};
    char *line = seal_line(s, run, device, &e);

    seal_close(s);
    return line;
}

/* Who has which key speaks for whom. */
static void test_keys(void)
{
    char *edge0 = line_of("run " HEX0 "\n", "r", "edge-0");
    char *edge1 = line_of("run " HEX0 "\n", "r", "edge-1");
    char *gate = line_of("run " HEX0 "\n", "gate", NULL);
    char *own = line_of("run " HEX0 "\n", "r", NULL);
    char *below = line_of(gate, "gate", "edge-0");
    char *below_run = line_of("run " HEX0 "\n", "gate", "edge-0");
    const struct {
        const char *has, *run, *device;
        int may; /* sign as that one, so that the run takes it */
    } rows[] = {
        {edge0, "r", "edge-0", 1},  {edge0, "r", "edge-1", 0},
        {edge0, "r", "edge-00", 0}, {edge0, "r2", "edge-0", 0},
        {edge1, "r", "edge-0", 0},  {gate, "gate", "any/thing", 1},
        {gate, "r", "edge-0", 0},   {gate, "gate2", "edge-0", 0},
        {own, "r", "edge-5", 1},    {"run " HEX0 "\n", "~refused", "0", 1},
    };
    pe_error e = {0};

    UNIT_EQUAL(below, below_run);
    CU_ASSERT_NOT_EQUAL(strcmp(edge0 + 16, edge1 + 16), 0);
    CU_ASSERT_PTR_NULL(line_of(edge0, "r", "edge-1"));
    CU_ASSERT_PTR_NULL(line_of(edge0, "r", NULL));
    for (size_t i = 0; i < COUNT(rows); i++) {
        seal *s = keys(rows[i].has);
        seal_signer *k = seal_signer_open(s, rows[i].run, rows[i].device, &e);

        CU_ASSERT_EQUAL(k != NULL, rows[i].may);
        if (!k)
            UNIT_CONTAINS(e.text, "there is no key here of device");
        seal_signer_close(k);
        CU_ASSERT_EQUAL(seal_is_whole(s), i == COUNT(rows) - 1);
        seal_close(s);
    }
    /* Another device's, and another run's: looked at by the whole key. */
    for (int other = 0; other < 2; other++) {
        seal *s = keys(other ? "run " HEX1 "\n" : "run " HEX0 "\n");
        seal *mine = keys(edge1);
        seal_signer *k = seal_signer_open(mine, "r", "edge-1", &e);
        letter l;

        write_letter(&l, k); /* it says it is of edge-0 */
        CU_ASSERT_EQUAL(check_as(s, &l, "is not that of 'r/edge-0'"), -1);
        seal_signer_close(k);
        seal_close(mine);
        mine = keys(edge0);
        k = seal_signer_open(mine, "r", "edge-0", &e);
        write_letter(&l, k);
        CU_ASSERT_EQUAL(check_as(s, &l, NULL), other ? -1 : 0);
        CU_ASSERT_EQUAL(check_as(mine, &l, NULL), 0);
        seal_signer_close(k);
        seal_close(mine);
        seal_close(s);
    }
    free(edge0);
    free(edge1);
    free(gate);
    free(own);
    free(below);
    free(below_run);
}

/* HMAC-SHA256 as others have it: RFC 4231, 4.2 and 4.3, keys filled with zeros
 * to 32 bytes, which changes nothing.
 */
static void test_mac(void)
{
    static const struct {
        unsigned char key[SEAL_KEY];
        const char *data, *hex;
    } rows[] = {
        {{0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
          0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b},
         "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"Jefe", "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        seal_mac *m = seal_mac_open(rows[i].key, NULL);
        unsigned char sum[SEAL_KEY];
        char hex[SEAL_HEX + 1];

        for (int twice = 0; twice < 2; twice++) {
            CU_ASSERT_EQUAL(seal_mac_begin(m), 0);
            CU_ASSERT_EQUAL(seal_mac_add(m, rows[i].data, strlen(rows[i].data)),
                            0);
            CU_ASSERT_EQUAL(seal_mac_end(m, sum), 0);
            seal_hex(sum, hex);
            UNIT_EQUAL(hex, rows[i].hex);
        }
        seal_mac_close(m);
    }
}

static void test_text(void)
{
    seal *s = keys("run " HEX0 "\n"), *other;
    char *line = seal_line(s, "r", "edge-0", NULL);
    char a[SEAL_HEX + 1], b[SEAL_HEX + 1];

    CU_ASSERT_EQUAL(
        seal_text(s, &(seal_words){"r", "edge-0", "k:ends", "0/5"}, a, NULL),
        1);
    other = keys(line);
    CU_ASSERT_EQUAL(seal_text(other,
                              &(seal_words){"r", "edge-0", "k:ends", "0/5"}, b,
                              NULL),
                    1);
    CU_ASSERT_TRUE(seal_same(a, b));
    CU_ASSERT_EQUAL(seal_text(other,
                              &(seal_words){"r", "edge-1", "k:ends", "0/5"}, b,
                              NULL),
                    0);
    CU_ASSERT_EQUAL(
        seal_text(s, &(seal_words){"r", "edge-0", "k:ends", "0/6"}, b, NULL),
        1);
    CU_ASSERT_FALSE(seal_same(a, b));
    CU_ASSERT_EQUAL(
        seal_text(s, &(seal_words){"r", "edge-0", "l:ends", "0/5"}, b, NULL),
        1);
    CU_ASSERT_FALSE(seal_same(a, b));
    CU_ASSERT_EQUAL(
        seal_text(s, &(seal_words){"r", "edge-1", "k:ends", "0/5"}, b, NULL),
        1);
    CU_ASSERT_FALSE(seal_same(a, b));
    a[10] = '\0';
    CU_ASSERT_FALSE(seal_same(b, a));
    free(line);
    seal_close(other);
    seal_close(s);
}

static void test_files(void)
{
    static const struct {
        const char *text;
        mode_t mode;
        int exit_code;
        const char *part;
    } rows[] = {
        {"", 0600, PE_EXIT_DATA, "keys has no key"},
        {"run\n", 0600, PE_EXIT_DATA, "keys:1 is no key: it is 'run'"},
        {"run " HEX0 "0\n", 0600, PE_EXIT_DATA, "keys:1 is no key"},
        {"run " HEX0 "\nrun " HEX1 "\n", 0600, PE_EXIT_DATA, "keys:2 is no"},
        {"device " HEX0 "\n", 0600, PE_EXIT_DATA, "keys:1 is no key"},
        {"device r/d " HEX0 "\nsender g" HEX0 "\n", 0600, PE_EXIT_DATA,
         "keys:2 is no key"},
        {"run " HEX0 "\n", 0640, PE_EXIT_PERMISSION, "chmod"},
    };
    pe_error e = {0};
    char path[300];
    struct stat st;
    seal *s;

    for (size_t i = 0; i < COUNT(rows); i++) {
        scratch_write("keys", rows[i].text);
        chmod(scratch_path, rows[i].mode);
        CU_ASSERT_PTR_NULL(seal_open(scratch_path, &e));
        CU_ASSERT_EQUAL((int)e.exit_code, (int)rows[i].exit_code);
        UNIT_CONTAINS(e.text, rows[i].part);
    }
    snprintf(path, sizeof(path), "%s/new", scratch_folder);
    CU_ASSERT_PTR_NULL(seal_open(path, &e));
    UNIT_CONTAINS(e.text, path);
    CU_ASSERT_EQUAL(seal_make(path, &e), 0);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL((int)(st.st_mode & 0777), 0600);
    s = seal_open(path, &e);
    CU_ASSERT_TRUE(s && seal_is_whole(s));
    seal_close(s);
    CU_ASSERT_EQUAL(seal_make(path, &e), -1);
    UNIT_CONTAINS(e.text, "is there already");
}

/* More names than are kept: each is what it was. */
static void test_many(void)
{
    seal *s = keys("run " HEX0 "\n");
    char name[32], hex[SEAL_HEX + 1], once[SEAL_HEX + 1];

    CU_ASSERT_EQUAL(
        seal_text(s, &(seal_words){"r", "d-0", "w", "x"}, once, NULL), 1);
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof(name), "d-%d", i);
        if (seal_text(s, &(seal_words){"r", name, "w", "x"}, hex, NULL) != 1 ||
            (i > 0 && seal_same(hex, once)))
            CU_FAIL("another key");
    }
    CU_ASSERT_EQUAL(
        seal_text(s, &(seal_words){"r", "d-0", "w", "x"}, hex, NULL), 1);
    CU_ASSERT_TRUE(seal_same(hex, once));
    seal_close(s);
}

static const unit_test tests[] = {
    {"HMAC-SHA256", test_mac},
    {"every bit counts", test_bits},
    {"headers that are missing, added, cut", test_headers},
    {"who speaks for whom", test_keys},
    {"texts", test_text},
    {"files of keys", test_files},
    {"more names than are kept", test_many},
    {NULL, NULL},
};

int main(void)
{
    int status;

    scratch_make();
    status = unit_main("seal", tests);
    scratch_remove();
    return status;
}
