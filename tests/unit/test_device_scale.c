/* test_device_scale.c - two pilots that find the scaling of the same path. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "src/edge/device_private.h"
#include "src/edge/device_scale.h"
#include "src/function/host.h"

/* What the run keeps, and what another pilot is about to put there. */
static struct {
    char kept[4096], theirs[4096], words[2000];
    size_t len, theirs_len;
    int told;
} service;

static int get(void *arg, const char *key, void *value, uint32_t cap,
               pe_error *errp)
{
    (void)arg;
    (void)errp;
    UNIT_EQUAL(key, "standardise/scale");
    CU_ASSERT_FATAL(service.len <= cap);
    memcpy(value, service.kept, service.len);
    return (int)service.len;
}

/* The other one is faster by a hair. */
static int once(void *arg, const char *key, const void *value, uint32_t len,
                pe_error *errp)
{
    bool theirs = service.theirs_len > 0;

    (void)arg;
    (void)errp;
    UNIT_EQUAL(key, "standardise/scale");
    if (service.len > 0)
        return 0;
    service.len = theirs ? service.theirs_len : len;
    CU_ASSERT_FATAL(service.len <= sizeof(service.kept));
    memcpy(service.kept, theirs ? service.theirs : value, service.len);
    return theirs ? 0 : 1;
}

static void tell(void *arg, const char *words)
{
    (void)arg;
    service.told++;
    snprintf(service.words, sizeof(service.words), "%s", words);
}

/* The mean of column 0, as a pilot finds it whose file has these [rows]. */
static double find(const char *rows)
{
    static const char *const names[] = {"file", "standardise"};
    device_stage stages[2] = {0};
    pe_options *o[2];
    device d = {.host = {.get = get, .once = once, .tell = tell}};
    const context_scaling *given = NULL;
    double mean = NAN;

    scratch_write("rows.csv", rows);
    for (int i = 0; i < 2; i++) {
        stages[i].ops = function_find(names[i]);
        o[i] = pe_options_create(stages[i].ops->options, NULL);
        stages[i].setup = (context_setup){.run = "r",
                                          .stage = i ? "scale" : "sense",
                                          .options = o[i],
                                          .points = 10,
                                          .size = 1,
                                          .dtype = PE_F8};
    }
    CU_ASSERT_EQUAL(pe_options_set(o[0], "path", scratch_path, NULL), 0);
    d.conf = (device_conf){.name = "dev-0",
                           .stages = stages,
                           .n_stages = 2,
                           .scale = device_scale_create(2, NULL)};
    CU_ASSERT_EQUAL(device_scale_find(&d, 1, &given), 0);
    UNIT_EQUAL(d.error.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(given);
    if (given->n == 2)
        mean = given->mean[0];
    device_scale_destroy(d.conf.scale);
    pe_options_destroy(o[0]);
    pe_options_destroy(o[1]);
    return mean;
}

#define OURS "a,b\n1,2\n3,4\n5,6\n"
#define OTHERS "a,b\n10,2\n30,4\n50,6\n"
#define LONGER "a,b\n1,2\n3,4\n5,6\n7,8\n"

/* [rows] of another pilot are what wins the race that begins now. */
static void race(const char *rows)
{
    memset(&service, 0, sizeof(service));
    find(rows);
    memcpy(service.theirs, service.kept, service.len);
    service.theirs_len = service.len;
    service.len = 0;
    service.told = 0;
    *service.words = '\0';
}

static void test_first(void)
{
    memset(&service, 0, sizeof(service));
    CU_ASSERT_EQUAL(find(OURS), 3);
    CU_ASSERT_EQUAL(service.told, 1);
    UNIT_CONTAINS(service.words, "stage 'scale' has the mean and scale of all "
                                 "3 rows of ");
    /* One that comes later reads nothing, whatever it has. */
    CU_ASSERT_EQUAL(find(OTHERS), 3);
    CU_ASSERT_EQUAL(service.told, 1);
}

/* Both have read before one has put it there: it is one winner's. */
static void test_race(void)
{
    race(OURS);
    CU_ASSERT_EQUAL(find(OURS), 3);
    CU_ASSERT_EQUAL(service.told, 0);
    race(OTHERS);
    CU_ASSERT_EQUAL(find(OURS), 30);
    CU_ASSERT_EQUAL(service.told, 1);
    UNIT_CONTAINS(service.words,
                  "stage 'scale' scales by the 3 rows that another pilot has "
                  "read, and ");
    UNIT_CONTAINS(service.words,
                  "/rows.csv here holds 3 others: give pilots the same files, "
                  "or each a run of its own");
    race(LONGER);
    CU_ASSERT_EQUAL(find(OURS), 4);
    UNIT_CONTAINS(service.words, "scales by the 4 rows that another");
}

int main(void)
{
    static const unit_test tests[] = {
        {"the first is kept", test_first},
        {"two at once: one wins", test_race},
        {0},
    };
    int rc;

    scratch_make();
    rc = unit_main("device_scale", tests);
    scratch_remove();
    return rc;
}
