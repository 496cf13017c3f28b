/* supervisor_time.c - the end of the allocation, and when to stop before. */
#include <string.h>

#include "src/backend/backend.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/pilot/supervisor.h"

/* A limit may be changed while a job runs. */
#define ASK_NS (300 * CLOCK_S)
#define ASK_AGAIN_NS (30 * CLOCK_S) /* after no answer */

/* What the scheduler says.  Without an answer: what was asked for. */
static void ask(supervisor *s)
{
    int64_t end = 0;
    pe_error e = {0};

    s->ask_ns = clock_mono_ns() + ASK_NS;
    if (!s->conf.batch)
        return;
    if (backend_end_of_allocation(&end, &e) == 0) {
        if (s->end_known && end != s->time.end_ns)
            tell_note(s, "the scheduler has changed the end of this job");
        s->time.end_ns = end;
        s->end_known = true;
        s->changed = true;
        return;
    }
    s->ask_ns = clock_mono_ns() + ASK_AGAIN_NS;
    if (!s->end_known)
        log_warn("%s; the end of this job is taken to be %.0f s from its "
                 "start",
                 e.text, s->conf.time_s);
}

void time_open(supervisor *s)
{
    s->time.start_ns = clock_real_ns();
    s->time.lead_ns = (int64_t)(s->conf.lead_s * 1e9);
    if (s->conf.time_s > 0)
        s->time.end_ns = s->time.start_ns + (int64_t)(s->conf.time_s * 1e9);
    if (s->conf.batch)
        s->grace_s = backend_grace_of_allocation();
    s->time.epoch_ns = (int64_t)(s->pl->epoch_s * 1e9);
    ask(s);
}

bool time_is_up(supervisor *s)
{
    if (clock_real_ns() < deadline_stop_ns(&s->time)) {
        if (clock_mono_ns() >= s->ask_ns)
            ask(s);
        return false;
    }
    ask(s); /* it may have been given more */
    return clock_real_ns() >= deadline_stop_ns(&s->time);
}

bool time_warned(supervisor *s)
{
    ask(s);
    return !s->end_known || clock_real_ns() >= deadline_stop_ns(&s->time);
}

void time_learn(supervisor *s, const json_t *progress)
{
    double block = json_number_value(json_object_get(progress, "p95_ms"));
    double epoch = json_number_value(json_object_get(progress, "epoch_ms"));

    if (block > 0)
        s->time.block_ns = (int64_t)(block * 1e6);
    if (epoch > 0)
        s->time.epoch_ns = (int64_t)(epoch * 1e6);
}

int time_left_ms(const supervisor *s, int most)
{
    int64_t left = (s->leave_ns - clock_mono_ns()) / CLOCK_MS;

    if (s->leave_ns == 0 || left > most)
        return most;
    return left > 0 ? (int)left : 0;
}
