/* test_layout.c - the text of a stored state, whole and torn. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/params/layout.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define ID_A "0123456789abcdef0123456789abcdef"

#define HEAD                                            \
    "layout 2\ncommit " ID_A "\nversion 7\ntime_ns 9\n" \
    "digest da39a3ee5e6b4b0d3255bfef95601890afd80709\nmodel kmeans\n"
#define COUNTS                                                              \
    "applied 1\nrefused 2\ndeduplicated 3\nforeign 4\npoints 5\nmasked 6\n" \
    "outliers 7\nbytes 8\nrefused_own 9\nunscored 10\n"

static void test_names_encoded(void)
{
    static const char *const rows[][2] = {
        {"d-0", "d-0"},
        {"a b", "a b"},
        {"a\nsum x", "a%0Asum x"},
        {"100%", "100%25"},
        {"\x7f\xff\x01", "%7F\xff%01"},
    };
    static const char *const bad[] = {"%", "%2", "%2g", "%00", "a%0a"};
    char text[8];

    for (size_t i = 0; i < N(rows); i++) {
        char *got = params_name_encode(rows[i][0]);

        UNIT_EQUAL(got, rows[i][1]);
        CU_ASSERT_EQUAL(params_name_decode(got), 0);
        UNIT_EQUAL(got, rows[i][0]);
        free(got);
    }
    for (size_t i = 0; i < N(bad); i++) {
        strcpy(text, bad[i]);
        CU_ASSERT_EQUAL(params_name_decode(text), -1);
    }
}

static void test_head(void)
{
    static const char *const bad[] = {
        "x",
        "layout 1\n",
        "layout 2\ncommit x\n",
        "layout 2\ncommit " ID_A "\nversion -7\n",
        "layout 2\ncommit " ID_A "\nversion 7\ntime_ns \n",
        "layout 2\ncommit " ID_A "\nversion 7\ntime_ns 9\ndigest",
    };
    params_head h;

    CU_ASSERT_EQUAL(params_head_parse("", &h), 0);
    UNIT_EQUAL(h.commit, "");
    CU_ASSERT_EQUAL(params_head_parse(HEAD "appl", &h), 0);
    UNIT_EQUAL(h.commit, ID_A);
    CU_ASSERT_EQUAL(h.version, 7);
    CU_ASSERT_EQUAL(h.time_ns, 9);
    UNIT_EQUAL(h.digest, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    for (size_t i = 0; i < N(bad); i++)
        CU_ASSERT_EQUAL(params_head_parse(bad[i], &h), -1);
}

/* [text] with its sum behind it, into [out]. */
static const char *with_sum(const char *text, char *out, size_t cap)
{
    char sum[DIGEST_SHA1_HEX + 1];

    CU_ASSERT_EQUAL(digest_sha1(text, strlen(text), sum, NULL), 0);
    snprintf(out, cap, "%ssum %s\n", text, sum);
    return out;
}

static void test_layout(void)
{
    static const struct {
        const char *text, *part; /* NULL: it is one */
    } rows[] = {
        {HEAD COUNTS, NULL},
        {HEAD COUNTS "offset 4 t/0\ndevice 1/2/3 a b%0A\nwriter x w\n", NULL},
        {"", "does not agree with its digest"},
        {"layout 1\n", "of another layout"},
        {HEAD "appliedx 1\n", "a line that is none"},
        {HEAD "applied -1\n", "a line that is none"},
        {HEAD COUNTS "offset 4\n", "a line that is none"},
        {HEAD COUNTS "offset -4 t/0\n", "a line that is none"},
        {HEAD COUNTS "device 1/2 d\n", "a line that is none"},
        {HEAD COUNTS "device 1/2/3 %\n", "a line that is none"},
        {HEAD COUNTS "planet 1 d\n", "a line that is none"},
        {HEAD COUNTS "\n", "a line that is none"},
    };
    char text[1024];
    params_head h;

    for (size_t i = 0; i < N(rows); i++) {
        params_state s = {0};
        pe_error e = {0};
        int rc = params_layout_parse(with_sum(rows[i].text, text, 1024), "k",
                                     &h, &s, &e);

        CU_ASSERT_EQUAL(rc, rows[i].part ? -1 : 0);
        if (rows[i].part) {
            UNIT_CONTAINS(e.text, "the state in k ");
            UNIT_CONTAINS(e.text, rows[i].part);
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        } else {
            CU_ASSERT_EQUAL(s.version, 7);
            CU_ASSERT_EQUAL(s.counters.bytes, 8);
            CU_ASSERT_EQUAL(s.n_offsets, i);
            CU_ASSERT_EQUAL(s.n_devices, i);
            if (i)
                UNIT_EQUAL(s.devices[0].device, "a b\n");
        }
        params_state_free(&s);
    }
}

/* One byte more, less or other is seen. */
static void test_layout_torn(void)
{
    char whole[1024], torn[1024];
    size_t len;
    params_head h;

    with_sum(HEAD COUNTS "offset 4 t/0\n", whole, sizeof(whole));
    len = strlen(whole);
    for (size_t i = 0; i < len; i++) {
        params_state s = {0};

        strcpy(torn, whole);
        torn[i] = torn[i] == '0' ? '1' : '0';
        CU_ASSERT_EQUAL(params_layout_parse(torn, "k", &h, &s, NULL), -1);
        torn[i] = '\0';
        CU_ASSERT_EQUAL(params_layout_parse(torn, "k", &h, &s, NULL),
                        i ? -1 : 0); /* nothing is the state before all */
        params_state_free(&s);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"names in a line", test_names_encoded},
        {"the head of a state", test_head},
        {"the text of a state", test_layout},
        {"the text of a state, one byte other or gone", test_layout_torn},
        {NULL, NULL},
    };

    return unit_main("layout", tests);
}
