/* test_gather.c - which numbers the messages of a device have. */
#include "unit.h"

#include <string.h>

#include "src/gather/devices.h"
#include "src/gather/source.h"

static void test_given(void)
{
    static const struct {
        const char *name;
        uint64_t boot, seq, lost;
        bool repeat;
    } rows[] = {
        {"a", 1, 7, 0, false}, /* where it begins is its own affair */
        {"a", 1, 8, 0, false}, {"b", 1, 0, 0, false},  {"a", 1, 8, 0, true},
        {"a", 1, 3, 0, true},  {"a", 1, 12, 3, false}, {"b", 1, 1, 0, false},
        {"a", 2, 0, 0, false}, {"a", 1, 13, 0, true},  {"a", 2, 2, 1, false},
    };
    devices *d = devices_create(NULL);
    devices_word w;

    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_EQUAL(
            devices_given(d, rows[i].name, rows[i].boot, rows[i].seq, &w, NULL),
            0);
        CU_ASSERT_EQUAL(w.repeat, rows[i].repeat);
        CU_ASSERT_EQUAL(w.lost, rows[i].lost);
    }
    devices_destroy(d);
    devices_destroy(NULL);
}

/* What came before is looked for only where it may come again. */
static void test_next(void)
{
    static const struct {
        const char *data;
        bool again, repeat;
        uint64_t seq;
    } rows[] = {
        {"1", false, false, 0}, {"2", false, false, 1}, {"2", false, false, 2},
        {"1", true, true, 0},   {"3", true, false, 3},  {"", true, false, 4},
        {"", true, true, 0},
    };
    devices *d = devices_create(NULL);
    devices_word w;
    uint64_t seq;

    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const devices_body b = {rows[i].data, strlen(rows[i].data),
                                rows[i].again};

        CU_ASSERT_EQUAL(devices_next(d, "a", &b, &seq, &w, NULL), 0);
        CU_ASSERT_EQUAL(w.repeat, rows[i].repeat);
        if (!w.repeat)
            CU_ASSERT_EQUAL(seq, rows[i].seq);
    }
    devices_destroy(d);
}

static void test_scheme(void)
{
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(gather_source_find("http://h/a", &e));
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
    UNIT_CONTAINS(e.text, "'http://h/a' is none of mqtt://HOST:PORT/FILTER");
    e = (pe_error){0};
    if (!gather_source_find("mqtt://h/+", &e))
        UNIT_CONTAINS(e.text, "was built --without-mqtt");
    if (!gather_source_find("zmq:tcp://h:1", &e))
        UNIT_CONTAINS(e.text, "was built --without-zmq");
}

int main(void)
{
    static const unit_test tests[] = {
        {"numbers that a device gives", test_given},
        {"numbers that we give", test_next},
        {"where messages come from", test_scheme},
        {NULL, NULL}};

    return unit_main("gather", tests);
}
