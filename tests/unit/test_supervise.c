/* test_supervise.c - what a supervisor is told, and when it has to stop. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/pilot/deadline.h"
#include "src/registry/supervise.h"

#define COUNT(a) (sizeof(a) / sizeof(a[0]))

static void test_round_trip(void)
{
    char *tenants[] = {"broker", "pool", NULL};
    const supervise in = {.id = "run/pool",
                          .kind = "pool",
                          .launcher = "srun",
                          .wrap = "apptainer exec 'x y.sif'",
                          .home = "/h",
                          .ranks = 8,
                          .cpus_per_task = 2,
                          .chain = 3,
                          .time_s = 90.5,
                          .lead_s = 12,
                          .hello_s = 60,
                          .tenants = tenants,
                          .batch = true};
    json_t *o = supervise_json(&in);
    supervise out;
    pe_error e = {0};

    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    CU_ASSERT_EQUAL(supervise_parse(o, &out, &e), 0);
    UNIT_EQUAL(out.id, in.id);
    UNIT_EQUAL(out.kind, in.kind);
    UNIT_EQUAL(out.launcher, in.launcher);
    UNIT_EQUAL(out.wrap, in.wrap);
    UNIT_EQUAL(out.home, in.home);
    CU_ASSERT_PTR_NULL(out.libexec);
    CU_ASSERT_PTR_NULL(out.listen);
    CU_ASSERT_EQUAL(out.ranks, 8);
    CU_ASSERT_EQUAL(out.cpus_per_task, 2);
    CU_ASSERT_EQUAL(out.chain, 3);
    CU_ASSERT_EQUAL(out.time_s, 90.5);
    CU_ASSERT_EQUAL(out.lead_s, 12.0);
    CU_ASSERT_EQUAL(out.hello_s, 60.0);
    CU_ASSERT_TRUE(out.batch);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out.tenants);
    UNIT_EQUAL(out.tenants[0], "broker");
    UNIT_EQUAL(out.tenants[1], "pool");
    CU_ASSERT_PTR_NULL(out.tenants[2]);
    supervise_free(&out);
    CU_ASSERT_PTR_NULL(out.id);
    json_decref(o);
}

static void test_refused(void)
{
    static const char *const texts[] = {"{}", "{\"id\": \"r/p\"}",
                                        "{\"kind\": \"pool\"}",
                                        "{\"id\": 1, \"kind\": \"pool\"}"};
    supervise out;

    for (size_t i = 0; i < COUNT(texts); i++) {
        json_t *o = json_loads(texts[i], 0, NULL);
        pe_error e = {0};
        CU_ASSERT_EQUAL(supervise_parse(o, &out, &e), -1);
        UNIT_EQUAL(e.text, "request.json says nothing for a supervisor: it is "
                           "no pilot's");
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        json_decref(o);
    }
}

static void test_deadline(void)
{
    static const struct {
        const char *what;
        deadline d;
        int64_t lead_s, stop_s; /* -1: never */
    } rows[] = {
        {"no end", {.start_ns = 100 * CLOCK_S}, 10, -1},
        {"an hour, quick blocks",
         {.start_ns = 0,
          .end_ns = 3600 * CLOCK_S,
          .block_ns = CLOCK_S / 1000,
          .epoch_ns = CLOCK_S / 4},
         10,
         3589},
        {"slow blocks need more",
         {.start_ns = 0,
          .end_ns = 3600 * CLOCK_S,
          .block_ns = 30 * CLOCK_S,
          .epoch_ns = CLOCK_S},
         132,
         3468},
        {"what was asked for",
         {.start_ns = 0,
          .end_ns = 3600 * CLOCK_S,
          .lead_ns = 60 * CLOCK_S,
          .block_ns = 30 * CLOCK_S},
         60,
         3540},
        {"never more than a quarter",
         {.start_ns = 0, .end_ns = 40 * CLOCK_S, .lead_ns = 60 * CLOCK_S},
         10,
         30},
        {"a short job",
         {.start_ns = 1000 * CLOCK_S,
          .end_ns = 1020 * CLOCK_S,
          .epoch_ns = CLOCK_S / 4},
         5,
         1015},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t lead = deadline_lead_ns(&rows[i].d);
        int64_t stop = deadline_stop_ns(&rows[i].d);
        printf("# %s: lead %.1f s\n", rows[i].what, (double)lead / 1e9);
        CU_ASSERT_EQUAL(lead / CLOCK_S, rows[i].lead_s);
        if (rows[i].stop_s < 0)
            CU_ASSERT_EQUAL(stop, INT64_MAX)
        else
            CU_ASSERT_EQUAL(stop / CLOCK_S, rows[i].stop_s)
    }
}

/* An end within what the scheduler gives. */
static void test_split(void)
{
    static const struct {
        double grace_s;
        int64_t drain_ms, leave_ms;
    } rows[] = {
        {30, 25000, 29000},   /* Slurm's default */
        {10, 6500, 9000},     /* PBS's */
        {2, 1100, 1600},      /* a site in a hurry */
        {120, 25000, 119000}, /* one with patience */
        {0, 25000, 28000},    /* nobody kills us */
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t drain, leave;
        deadline_split(rows[i].grace_s, &drain, &leave);
        CU_ASSERT_EQUAL(drain / 1000000, rows[i].drain_ms);
        CU_ASSERT_EQUAL(leave / 1000000, rows[i].leave_ms);
    }
}

/* Ranks are not started again when they would be of no use. */
static void test_start(void)
{
    const deadline d = {
        .start_ns = 0, .end_ns = 100 * CLOCK_S, .lead_ns = 20 * CLOCK_S};
    const deadline endless = {.start_ns = 0};

    CU_ASSERT_TRUE(deadline_allows_start(&d, 0));
    CU_ASSERT_TRUE(deadline_allows_start(&d, 69 * CLOCK_S));
    CU_ASSERT_FALSE(deadline_allows_start(&d, 70 * CLOCK_S));
    CU_ASSERT_FALSE(deadline_allows_start(&d, 81 * CLOCK_S));
    CU_ASSERT_FALSE(deadline_allows_start(&d, 200 * CLOCK_S));
    CU_ASSERT_TRUE(deadline_allows_start(&endless, INT64_MAX / 2));
}

int main(void)
{
    static const unit_test tests[] = {
        {"every member there and back", test_round_trip},
        {"no supervisor's", test_refused},
        {"when to stop", test_deadline},
        {"whether to start again", test_start},
        {"an end within what the scheduler gives", test_split},
        {NULL, NULL},
    };

    return unit_main("supervise", tests);
}
