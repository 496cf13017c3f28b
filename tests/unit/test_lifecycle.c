/* test_lifecycle.c - the table of states and events, printed and looked at. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "src/registry/lifecycle.h"

#define SEEN(what) PILOT_ON_SEEN_AS(RESOURCE_##what)

static enum pilot_state next(enum pilot_state s, int e)
{
    return pilot_state_next(s, (enum pilot_event)e, false);
}

/* Two letters a state. */
static const char *letters(enum pilot_state s)
{
    static const char *const short_names[PILOT_N_STATES] = {
        "NW", "QU", "HE", "ST", "AC", "SL", "DR",
        "DN", "FA", "CA", "TO", "MI", "PR"};

    return short_names[s];
}

/* The whole table, every pair: a change of it is a change of this text. */
static const char *const rows[PILOT_N_EVENTS] = {
    "submitted        QU QU HE ST AC SL DR DN QU QU TO QU PR",
    "refused          FA QU HE ST AC SL DR DN FA CA TO MI PR",
    "seen absent      NW QU HE ST AC SL DR DN FA CA TO MI PR",
    "seen queued      QU QU QU QU QU QU QU QU QU QU QU QU QU",
    "seen held        HE HE HE HE HE HE HE HE HE HE HE HE HE",
    "seen starting    ST ST ST ST AC SL DR DN FA CA TO MI PR",
    "seen running     ST ST ST ST AC SL DR DN FA CA TO MI PR",
    "seen suspended   ST ST ST ST AC SL DR DN FA CA TO MI PR",
    "seen ending      ST ST ST ST DR DR DR DN FA CA TO MI PR",
    "seen done        MI MI MI MI DN DN DN DN FA CA TO MI PR",
    "seen failed      FA FA FA FA FA FA FA DN FA CA TO FA PR",
    "seen canceled    CA CA CA CA CA CA CA DN CA CA TO CA PR",
    "seen timeout     TO TO TO TO TO TO TO DN TO TO TO TO PR",
    "seen preempted   PR PR PR PR PR PR PR DN PR PR PR PR PR",
    "seen node lost   FA FA FA FA FA FA FA DN FA CA TO FA PR",
    "seen unknown     NW QU HE ST AC SL DR DN FA CA TO MI PR",
    "hello            AC AC AC AC AC AC DR DN FA CA TO AC PR",
    "stall            SL SL SL SL SL SL DR DN FA CA TO SL PR",
    "drain            DR DR DR DR DR DR DR DN FA CA TO DR PR",
    "exit done        DN DN DN DN DN DN DN DN DN DN DN DN DN",
    "exit failed      FA FA FA FA FA FA FA FA FA CA TO FA PR",
    "exit canceled    CA CA CA CA CA CA CA CA CA CA TO CA PR",
    "hello late       NW QU HE MI AC SL DR DN FA CA TO MI PR",
    "lost             FA MI MI MI MI MI MI DN FA CA TO MI PR",
};

static void test_table(void)
{
    printf("# %-16s NW QU HE ST AC SL DR DN FA CA TO MI PR\n", "");
    for (int e = 0; e < PILOT_N_EVENTS; e++) {
        char line[80];
        int n = snprintf(line, sizeof(line), "%-16s",
                         pilot_event_name((enum pilot_event)e));
        for (int s = 0; s < PILOT_N_STATES; s++)
            n += snprintf(line + n, sizeof(line) - (size_t)n, " %s",
                          letters(next((enum pilot_state)s, e)));
        printf("# %s\n", line);
        UNIT_EQUAL(line, rows[e]);
    }
}

static void test_names(void)
{
    CU_ASSERT_EQUAL(pilot_state_find(NULL), -1);
    CU_ASSERT_EQUAL(pilot_state_find(""), -1);
    CU_ASSERT_EQUAL(pilot_state_find("active"), -1);
    CU_ASSERT_EQUAL(pilot_state_find("UNKNOWN"), -1);
    for (int s = 0; s < PILOT_N_STATES; s++) {
        const char *name = pilot_state_name((enum pilot_state)s);
        CU_ASSERT_EQUAL(pilot_state_find(name), s);
        CU_ASSERT_EQUAL(pilot_state_is_final((enum pilot_state)s),
                        s >= PILOT_DONE);
    }
    UNIT_EQUAL(pilot_state_name(PILOT_N_STATES), "?");
    UNIT_EQUAL(pilot_event_name(PILOT_N_EVENTS), "?");
}

static void test_status(void)
{
    static const struct {
        enum pilot_state state;
        int status;
    } table[] = {
        {PILOT_DONE, 0},    {PILOT_FAILED, 1},    {PILOT_TIMEOUT, 1},
        {PILOT_MISSING, 1}, {PILOT_PREEMPTED, 1}, {PILOT_CANCELED, 143},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        CU_ASSERT_EQUAL(pilot_state_status(table[i].state), table[i].status);
}

/* What a job that was asked to end comes to. */
static void test_canceled(void)
{
    for (int e = 0; e < PILOT_N_EVENTS; e++)
        for (int s = 0; s < PILOT_N_STATES; s++) {
            enum pilot_state plain = next((enum pilot_state)s, e);
            enum pilot_state got = pilot_state_next((enum pilot_state)s,
                                                    (enum pilot_event)e, true);
            bool bad = plain == PILOT_FAILED || plain == PILOT_MISSING ||
                       plain == PILOT_TIMEOUT;
            CU_ASSERT_EQUAL(got, bad && plain != (enum pilot_state)s
                                     ? PILOT_CANCELED
                                     : plain);
        }
}

/* --- what the table must never do, whatever else changes in it --- */

/* Only what a pilot says itself makes it ACTIVE, DRAINING or DONE; a
 * scheduler adds the end of one that had said hello.
 */
static void test_hello_first(void)
{
    for (int e = 0; e < PILOT_N_EVENTS; e++) {
        bool own = e >= PILOT_ON_HELLO && e <= PILOT_ON_EXIT_CANCELED;
        for (int s = PILOT_NEW; s <= PILOT_STARTING && !own; s++) {
            enum pilot_state to = next((enum pilot_state)s, e);
            CU_ASSERT(to != PILOT_ACTIVE && to != PILOT_DRAINING &&
                      to != PILOT_DONE);
        }
    }
}

/* Absence and words nobody knows move nothing. */
static void test_no_observation(void)
{
    for (int s = 0; s < PILOT_N_STATES; s++) {
        CU_ASSERT_EQUAL(next((enum pilot_state)s, SEEN(ABSENT)),
                        (enum pilot_state)s);
        CU_ASSERT_EQUAL(next((enum pilot_state)s, SEEN(UNKNOWN)),
                        (enum pilot_state)s);
    }
}

/* No event is answered twice: applied again it changes nothing. */
static void test_idempotent(void)
{
    for (int e = 0; e < PILOT_N_EVENTS; e++)
        for (int s = 0; s < PILOT_N_STATES; s++) {
            enum pilot_state once = next((enum pilot_state)s, e);
            CU_ASSERT_EQUAL(next(once, e), once);
        }
}

/* It does not matter whether the exit record or the scheduler is heard first.
 */
static void test_order(void)
{
    static const int ends[] = {SEEN(DONE),    SEEN(FAILED),    SEEN(CANCELED),
                               SEEN(TIMEOUT), SEEN(PREEMPTED), SEEN(NODE_LOST)};

    for (int s = PILOT_NEW; s <= PILOT_DRAINING; s++)
        for (int x = PILOT_ON_EXIT_DONE; x <= PILOT_ON_EXIT_CANCELED; x++)
            for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
                enum pilot_state a =
                    next(next((enum pilot_state)s, x), ends[i]);
                enum pilot_state b =
                    next(next((enum pilot_state)s, ends[i]), x);
                if (a != b)
                    printf("# %s: %s, %s\n",
                           pilot_state_name((enum pilot_state)s),
                           pilot_event_name((enum pilot_event)x),
                           pilot_event_name((enum pilot_event)ends[i]));
                CU_ASSERT_EQUAL(a, b);
                CU_ASSERT(pilot_state_is_final(a));
            }
}

/* Walltime is no failure, with or without an exit record. */
static void test_walltime(void)
{
    for (int s = PILOT_NEW; s <= PILOT_DRAINING; s++) {
        CU_ASSERT_EQUAL(next((enum pilot_state)s, SEEN(TIMEOUT)),
                        PILOT_TIMEOUT);
        CU_ASSERT_EQUAL(next(next((enum pilot_state)s, PILOT_ON_EXIT_FAILED),
                             SEEN(TIMEOUT)),
                        PILOT_TIMEOUT);
    }
}

/* A job that is in the queue is queued, whatever it was. */
static void test_requeue(void)
{
    for (int s = 0; s < PILOT_N_STATES; s++) {
        CU_ASSERT_EQUAL(next((enum pilot_state)s, SEEN(QUEUED)), PILOT_QUEUED);
        CU_ASSERT_EQUAL(next((enum pilot_state)s, SEEN(HELD)), PILOT_HELD);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"every pair of the table", test_table},
        {"names of states and events", test_names},
        {"exit status of a final state", test_status},
        {"an end that was asked for", test_canceled},
        {"no scheduler makes a pilot active or done", test_hello_first},
        {"absence and unknown words move nothing", test_no_observation},
        {"an event is answered once", test_idempotent},
        {"exit record and scheduler in either order", test_order},
        {"walltime is no failure", test_walltime},
        {"back in the queue", test_requeue},
        {NULL, NULL},
    };

    return unit_main("lifecycle", tests);
}
