/* test_gather.c - which numbers the messages of a device have. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/gather/devices.h"
#include "src/gather/receipts.h"
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

static void test_next(void)
{
    devices *d = devices_create(NULL);
    uint64_t seq;

    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    for (uint64_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(devices_next(d, "a", &seq, NULL), 0);
        CU_ASSERT_EQUAL(seq, i);
    }
    CU_ASSERT_EQUAL(devices_next(d, "b", &seq, NULL), 0);
    CU_ASSERT_EQUAL(seq, 0);
    devices_destroy(d);
}

/* A process is killed behind the first [steps] of: begin 1, end 1, begin 2, ...
 * and another one looks for what comes again.
 */
static void test_receipts(void)
{
    const uint64_t all = 2 * RECEIPTS_N + 6;
    char dir[] = "/tmp/pilot-receipts.XXXXXX", path[64];
    receipts *r;

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/receipts", dir);
    for (uint64_t step = 0; step < all; step++) {
        receipt k = {.id = (uint32_t)(step / 2 + 1), .hash = step / 2 * 7};

        r = receipts_open(dir, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        if (step % 2 == 0) {
            CU_ASSERT_EQUAL(receipts_find(r, &k), RECEIPTS_NEW);
            k.boot = 5;
            k.seq = step;
            receipts_begin(r, &k);
            k.boot = k.seq = 0;
            CU_ASSERT_EQUAL(receipts_find(r, &k), RECEIPTS_BEGUN);
            CU_ASSERT(k.boot == 5 && k.seq == step);
        } else {
            CU_ASSERT_EQUAL(receipts_find(r, &k), RECEIPTS_BEGUN);
            receipts_end(r);
            CU_ASSERT_EQUAL(receipts_find(r, &k), RECEIPTS_TAKEN);
            k.hash++;
            CU_ASSERT_EQUAL(receipts_find(r, &k), RECEIPTS_NEW);
        }
        receipts_close(r);
    }
    r = receipts_open(dir, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    for (uint32_t id = 1; id <= all / 2; id++) {
        receipt k = {.id = id, .hash = (id - 1) * UINT64_C(7)};

        CU_ASSERT_EQUAL(receipts_find(r, &k), id <= all / 2 - RECEIPTS_N
                                                  ? RECEIPTS_NEW
                                                  : RECEIPTS_TAKEN);
    }
    receipts_close(r);
    receipts_close(NULL);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(rmdir(dir), 0);
}

/* What is no such file is begun anew; a folder that is not there is said. */
static void test_receipts_bad(void)
{
    char dir[] = "/tmp/pilot-receipts.XXXXXX", path[64];
    receipt k = {.id = 1, .hash = 2, .boot = 3, .seq = 4};
    pe_error e = {0};
    receipts *r;
    FILE *f;

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/receipts", dir);
    f = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT(fputs("no receipts", f) > 0 && fclose(f) == 0);
    r = receipts_open(dir, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    receipts_begin(r, &k);
    CU_ASSERT_EQUAL(receipts_find(r, &k), RECEIPTS_BEGUN);
    receipts_close(r);
    CU_ASSERT(unlink(path) == 0 && rmdir(dir) == 0);
    CU_ASSERT_PTR_NULL(receipts_open(dir, &e));
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    UNIT_CONTAINS(e.text, "cannot write to /tmp/pilot-receipts.");
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
        {"what came before, to a process that was killed", test_receipts},
        {"receipts that are none", test_receipts_bad},
        {"where messages come from", test_scheme},
        {NULL, NULL}};

    return unit_main("gather", tests);
}
