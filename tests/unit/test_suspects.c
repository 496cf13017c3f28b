/* test_suspects.c - blocks that processes have died of are counted. */
#include "unit.h"

#include <signal.h>
#include <string.h>

#include "src/common/text.h"
#include "src/poison/suspects.h"

static note_death death(uint64_t id, int how, bool inside)
{
    return (note_death){.id = id,
                        .how = how,
                        .inside = inside,
                        .stage = "mine",
                        .words = "stage 'mine', process_cloud of /f.so:f"};
}

/* Each process counts once, three are enough. */
static void test_count(void)
{
    static const struct {
        uint64_t id;
        int32_t lane;
        int64_t at;
        int counted, deaths;
        bool guilty;
    } rows[] = {
        {1, 0, 5, 1, 1, false}, {1, 0, 5, 0, 1, false}, {2, 0, 5, 1, 2, false},
        {2, 0, 6, 1, 1, false}, {2, 1, 5, 1, 1, false}, {3, 0, 5, 1, 3, true},
        {4, 0, 6, 1, 2, false},
    };
    suspects l = {0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        note_death d = death(rows[i].id, SIGSEGV, true);
        const suspect *s;

        CU_ASSERT_EQUAL(suspects_count(&l, &d, rows[i].lane, rows[i].at, NULL),
                        rows[i].counted);
        s = suspects_find(&l, rows[i].lane, rows[i].at);
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        CU_ASSERT_EQUAL(s->deaths, rows[i].deaths);
        CU_ASSERT_EQUAL(suspect_is_guilty(s), rows[i].guilty);
    }
    CU_ASSERT_EQUAL(l.n, 3);
    CU_ASSERT_PTR_NULL(suspects_find(&l, 1, 6));
    suspects_free(&l);
    CU_ASSERT_PTR_NULL(suspects_find(&l, 0, 5));
}

static void test_reason(void)
{
    static const struct {
        int how;
        bool inside;
        const char *want;
    } rows[] = {
        {SIGSEGV, true,
         "1 process ended within it: stage 'mine', process_cloud of /f.so:f; "
         "the last one crashed by signal 11 (Segmentation fault)"},
        {SIGABRT, false,
         "1 process ended behind it: stage 'mine', process_cloud of /f.so:f; "
         "the last one crashed by signal 6 (Aborted)"},
        {NOTE_LIMIT, true,
         "1 process ended within it: stage 'mine', process_cloud of /f.so:f; "
         "the last one did not come back within its limit"},
    };
    char why[400];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        note_death d = death(1, rows[i].how, rows[i].inside);
        suspects l = {0};

        CU_ASSERT_EQUAL(suspects_count(&l, &d, 0, 1, NULL), 1);
        suspect_reason(&l.s[0], why, sizeof(why));
        UNIT_EQUAL(why, rows[i].want);
        suspects_free(&l);
    }
}

/* As text and back; names of a user may hold anything. */
static void test_text(void)
{
    suspects l = {0}, back = {0};
    note_death d = death(0xfedcba9876543210, NOTE_LIMIT, true);
    text words = {0};

    snprintf(d.words, sizeof(d.words), "a\ttab and a\nline");
    CU_ASSERT_EQUAL(suspects_count(&l, &d, 7, INT64_C(1) << 60, NULL), 1);
    d = death(5, SIGFPE, false);
    CU_ASSERT_EQUAL(suspects_count(&l, &d, 0, 0, NULL), 1);
    suspects_text(&l, &words);
    UNIT_EQUAL(words.data,
               "7/1152921504606846976 fedcba9876543210 1 -1 0\tmine\ta?tab and "
               "a?line\n"
               "0/0 0000000000000005 1 8 1\tmine\tstage 'mine', process_cloud "
               "of /f.so:f\n");
    CU_ASSERT_EQUAL(suspects_parse(&back, words.data, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(back.n, 2);
    CU_ASSERT_EQUAL(back.s[0].at, INT64_C(1) << 60);
    CU_ASSERT_EQUAL(back.s[0].id, 0xfedcba9876543210);
    CU_ASSERT_EQUAL(back.s[1].how, SIGFPE);
    CU_ASSERT(back.s[1].behind);
    UNIT_EQUAL(back.s[0].words, "a?tab and a?line");
    CU_ASSERT_EQUAL(suspects_parse(&back, "", NULL), 0);
    CU_ASSERT_EQUAL(back.n, 0);
    text_free(&words);
    suspects_free(&l);
    suspects_free(&back);
}

static void test_odd(void)
{
    static const char *const rows[] = {
        "x",
        "1/2",
        "1/2 \n",
        "1/2 12 1 1\ts\tw",
        "1/2 12 x 1 0\ts\tw",
        "1/2 12 1 1 0\ts",
        "1 12 1 1 0\ts\tw",
        "\n\n\n",
    };
    suspects l = {0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_EQUAL(suspects_parse(&l, rows[i], NULL), 0);
        CU_ASSERT_EQUAL(l.n, 0);
    }
    CU_ASSERT_EQUAL(suspects_parse(&l, "x\n1/2 12 1 1 0\ts\tw", NULL), 0);
    CU_ASSERT_EQUAL(l.n, 1);
    suspects_free(&l);
}

int main(void)
{
    static const unit_test tests[] = {
        {"each process counts once", test_count},
        {"reasons", test_reason},
        {"as text", test_text},
        {"texts that are none", test_odd},
        {NULL, NULL},
    };

    return unit_main("suspects", tests);
}
