/* test_sender.c - whose a record is, and by what name, whatever its bytes. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "src/block/sender.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(s) s, sizeof(s) - 1

static void test_whose(void)
{
    static const struct {
        const char *key;
        size_t key_len;
        const char *source; /* NULL: none */
        int numbered;       /* pe_seq and pe_boot are there */
        enum sender want;
        const char *name;
    } table[] = {
        {BYTES("d-0"), "/pilot-edge/r/d-0", 1, SENDER_OURS, "d-0"},
        /* Only its own source and key together speak for a device. */
        {BYTES("d-0"), NULL, 1, SENDER_STRANGER, "d-0"},
        {BYTES("d-0"), "/pilot-edge/r/d-0", 0, SENDER_STRANGER, "d-0"},
        {BYTES("d-0"), "/pilot-edge/r/d-1", 1, SENDER_STRANGER, "d-0"},
        {BYTES("d-0"), "/pilot-edge/r/d-00", 1, SENDER_STRANGER, "d-0"},
        {BYTES("d-0"), "/pilot-edge/r/", 1, SENDER_STRANGER, "d-0"},
        {BYTES("d-0"), "/pilot-edge/", 1, SENDER_STRANGER, "d-0"},
        {BYTES("d-0"), "/pilot-edge/r", 1, SENDER_STRANGER, "d-0"},
        {BYTES("d-0"), "/other/r/d-0", 1, SENDER_STRANGER, "d-0"},
        {BYTES("d-0"), "", 1, SENDER_STRANGER, "d-0"},
        {BYTES(""), "/pilot-edge/r/", 1, SENDER_STRANGER, "7"},
        /* Other runs. */
        {BYTES("d-0"), "/pilot-edge/r2/d-0", 1, SENDER_OTHER, "r2/d-0"},
        {BYTES("x"), "/pilot-edge/r2/d-0", 1, SENDER_OTHER, "r2/d-0"},
        {BYTES("d-0"), "/pilot-edge//d-0", 1, SENDER_STRANGER, "d-0"},
        {BYTES("d-0"), "/pilot-edge/r2/", 1, SENDER_STRANGER, "d-0"},
        {BYTES("d-0"), "/pilot-edge/r2/d-0", 0, SENDER_STRANGER, "d-0"},
        {BYTES("k"), "/pilot-edge/r2/d\xff", 1, SENDER_OTHER, "r2/d%FF"},
        /* Keys that are no names. */
        {BYTES("\0\0\0\1"), NULL, 0, SENDER_STRANGER, "%00%00%00%01"},
        {BYTES("\0\0\0\2"), NULL, 0, SENDER_STRANGER, "%00%00%00%02"},
        {BYTES("\0abc"), "/pilot-edge/r/", 1, SENDER_STRANGER, "%00abc"},
        {BYTES("\0"), NULL, 1, SENDER_STRANGER, "%00"},
        {BYTES("100%"), NULL, 0, SENDER_STRANGER, "100%25"},
        {BYTES("a\nb\x7f"), NULL, 0, SENDER_STRANGER, "a%0Ab%7F"},
        {BYTES("caf\xe9"), NULL, 0, SENDER_STRANGER, "caf%E9"},
        {BYTES("caf\xc3\xa9"), NULL, 0, SENDER_STRANGER, "caf\xc3\xa9"},
        {BYTES("\xc3"), NULL, 0, SENDER_STRANGER, "%C3"},
        {BYTES("\xc2\x85"), NULL, 0, SENDER_STRANGER, "%C2%85"},
        {BYTES("\xc0\xaf"), NULL, 0, SENDER_STRANGER, "%C0%AF"},
        {BYTES("\xed\xa0\x80"), NULL, 0, SENDER_STRANGER, "%ED%A0%80"},
        {BYTES("\xf0\x9f\x98\x80"), NULL, 0, SENDER_STRANGER,
         "\xf0\x9f\x98\x80"},
        {BYTES("\xf4\x90\x80\x80"), NULL, 0, SENDER_STRANGER, "%F4%90%80%80"},
    };

    for (size_t i = 0; i < N(table); i++) {
        record_headers h;
        char name[SENDER_NAME];

        record_clear(&h);
        if (table[i].source)
            record_add(&h, "ce_source", table[i].source);
        if (table[i].numbered) {
            record_add(&h, "pe_seq", "1");
            record_add(&h, "pe_boot", "1");
        }
        CU_ASSERT_EQUAL(
            sender_decode(&h, "r", table[i].key, table[i].key_len, 7, name),
            table[i].want);
        UNIT_EQUAL(name, table[i].name);
    }
}

/* A null key, a null source. */
static void test_null(void)
{
    record_headers h;
    char name[SENDER_NAME];

    record_clear(&h);
    record_add_borrowed(&h, "ce_source", NULL, 0);
    CU_ASSERT_EQUAL(sender_decode(&h, "r", NULL, 0, 3, name), SENDER_STRANGER);
    UNIT_EQUAL(name, "3");
}

/* Keys of any length stay apart, and within their room. */
static void test_long(void)
{
    char key[2][4000], name[2][SENDER_NAME];
    record_headers h;

    record_clear(&h);
    for (size_t len = 1; len <= sizeof(key[0]); len++) {
        for (int fill = 0; fill < 2; fill++) {
            memset(key, fill ? '\xff' : 'k', sizeof(key));
            key[1][len - 1] = 'l';
            for (int i = 0; i < 2; i++)
                sender_decode(&h, "r", key[i], len, 0, name[i]);
            CU_ASSERT_NOT_EQUAL(strcmp(name[0], name[1]), 0);
            CU_ASSERT_TRUE(strlen(name[0]) < SENDER_NAME);
        }
    }
    memset(key[0], 'k', 255);
    sender_decode(&h, "r", key[0], 255, 0, name[0]);
    CU_ASSERT_EQUAL(strlen(name[0]), 255);
    CU_ASSERT_PTR_NULL(strchr(name[0], '~'));
}

int main(void)
{
    static const unit_test tests[] = {
        {"whose it is", test_whose},
        {"nulls", test_null},
        {"long keys", test_long},
        {NULL, NULL},
    };
    return unit_main("sender", tests);
}
