/* test_guests.c - pilots that others add to a run: what its command says. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/run/run.h"

static char said[1024];

static void keep(void *arg, enum log_level level, const char *line)
{
    size_t n = strlen(said);

    (void)arg;
    (void)level;
    snprintf(said + n, sizeof(said) - n, "%s\n", line);
}

void run_progress_clear(struct run *r)
{
    (void)r;
}

static const struct {
    const char *beat, *said;
} beats[] = {
    {"{\"seq\": 1, \"restarts\": 0}", ""},
    {"{\"seq\": 2, \"restarts\": 1}",
     "pilot pool.2, which was added, died; it is started again\n"},
    {"{\"seq\": 2, \"restarts\": 2}", ""}, /* heard already */
    {"{\"seq\": 3, \"restarts\": 1}", ""},
    {"{\"seq\": 4, \"restarts\": 3}",
     "pilot pool.2, which was added, died 2 times; it is started again\n"},
    {"{\"seq\": 5, \"restarts\": 3, \"status\": 65, "
     "\"error\": {\"text\": \"no such model\"}}",
     "pilot pool.2, which was added, has failed: no such model\n"},
    {"{\"seq\": 6, \"restarts\": 3, \"status\": 65, "
     "\"error\": {\"text\": \"no such model\"}}",
     ""},
    {NULL, NULL},
};

static void test_deaths(void)
{
    pipeline_pilot pool = {.name = (char *)"pool", .kind = PILOT_POOL};
    pipeline p = {.pilots = &pool, .n_pilots = 1};
    struct run r = {.p = &p, .start_ns = clock_mono_ns()};

    r.monitor = monitor_create("t", "t", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r.monitor);
    log_init(keep, NULL, LOG_LEVEL_INFO);
    for (size_t i = 0; beats[i].beat; i++) {
        *said = '\0';
        run_guest_hear(&r, "pool.2", beats[i].beat);
        UNIT_EQUAL(said, beats[i].said);
    }
    *said = '\0';
    run_guest_hear(&r, "else.2", beats[1].beat);
    UNIT_EQUAL(said, "");
    run_guests_end(&r);
    monitor_destroy(r.monitor);
    log_init(NULL, NULL, LOG_LEVEL_ERROR);
}

int main(void)
{
    static const unit_test tests[] = {
        {"guests: deaths of added pilots are said", test_deaths},
        {NULL, NULL},
    };

    return unit_main("guests", tests);
}
