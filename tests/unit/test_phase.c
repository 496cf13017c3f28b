/* test_phase.c - the tables of a rank and its epochs: every pair of them. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "src/rank/phase.h"

/* Two letters a phase; an action in brackets where there is one. */
static const char *const letters[PHASE_N] = {"LO", "DP", "OP", "CL", "CA",
                                             "RE", "HE", "HL", "HA", "HR"};

/* The whole table: a change of it is a change of this text.  "--": it cannot
 * be.
 */
static const char *const rows[PHASE_N_EVENTS] = {
    ("term: LO(load) DP(load) LO(load) LO(load) LO(load) DP(load) LO(load) "
     "LO(load) LO(load) DP(load)"),
    "state: OP(begin) -- -- -- -- -- -- -- -- --",
    "end: -- -- CL(next) -- -- -- -- -- -- --",
    "end, counted: -- -- HL(next) -- -- -- HL(next) -- -- --",
    "out: -- -- -- CL CL -- -- HL HL --",
    "unacknowledged: -- -- -- CA CA -- -- HA HA --",
    "whole: -- -- -- CA RE(contribute) -- -- HA HR(contribute) --",
    "empty: -- -- -- CA OP(forget) -- -- HA HE(forget) --",
    "reduced: -- LO(drop) -- -- -- OP(keep) -- -- -- HE(keep)",
    "commit: -- -- OP(go on) -- -- RE(go on) OP(begin) -- -- RE(begin)",
    "model: -- -- OP(go on) CL(go on) CA(go on) RE(go on) HE HL HA HR",
};

static int add_pair(char *to, size_t cap, enum phase at, enum phase_event e)
{
    enum phase next = at;
    enum phase_action a = phase_step(&next, e);

    if (a == PHASE_IMPOSSIBLE) {
        CU_ASSERT_EQUAL(next, at);
        return snprintf(to, cap, " --");
    }
    if (a == PHASE_DO_NOTHING)
        return snprintf(to, cap, " %s", letters[next]);
    return snprintf(to, cap, " %s(%s)", letters[next], phase_action_name(a));
}

static void test_table(void)
{
    for (int e = 0; e < PHASE_N_EVENTS; e++) {
        char line[256];
        int n = snprintf(line, sizeof(line),
                         "%s:", phase_event_name((enum phase_event)e));

        for (int at = 0; at < PHASE_N; at++)
            n += add_pair(line + n, sizeof(line) - (size_t)n, (enum phase)at,
                          (enum phase_event)e);
        UNIT_EQUAL(line, rows[e]);
    }
}

/* What follows whatever the rows are. */
static void test_invariants(void)
{
    for (int i = 0; i < PHASE_N; i++) {
        enum phase at = (enum phase)i;

        CU_ASSERT_FALSE(phase_is_closing(at) && phase_is_reducing(at));
        CU_ASSERT_TRUE(phase_is_ready(at) ||
                       (!phase_is_held(at) && !phase_is_closing(at)));
        CU_ASSERT_EQUAL(phase_is_urgent(at, PHASE_GO, PHASE_SHIP_NONE),
                        at != PHASE_OPEN && at != PHASE_REDUCING);
        for (int e = 0; e < PHASE_N_EVENTS; e++) {
            enum phase next = at;
            enum phase_action a = phase_step(&next, (enum phase_event)e);

            if (a == PHASE_IMPOSSIBLE)
                continue;
            /* Only a state makes ready, only a term takes that away. */
            CU_ASSERT_EQUAL(!phase_is_ready(at) && phase_is_ready(next),
                            e == PHASE_ON_STATE);
            CU_ASSERT_TRUE(!phase_is_ready(at) || phase_is_ready(next) ||
                           e == PHASE_ON_TERM);
            /* A reduction begins with a part and ends by itself. */
            CU_ASSERT_EQUAL(!phase_is_reducing(at) && phase_is_reducing(next),
                            a == PHASE_DO_CONTRIBUTE);
            CU_ASSERT_EQUAL(phase_is_reducing(at) && !phase_is_reducing(next),
                            e == PHASE_ON_REDUCED);
            /* Nothing is contributed but in the second calm round. */
            CU_ASSERT_TRUE(a != PHASE_DO_CONTRIBUTE || at == PHASE_CALM ||
                           at == PHASE_HELD_CALM);
        }
    }
    CU_ASSERT_TRUE(phase_is_urgent(PHASE_OPEN, PHASE_MOVE, PHASE_SHIP_NONE));
    CU_ASSERT_TRUE(phase_is_urgent(PHASE_OPEN, PHASE_GO, PHASE_SHIP_BUILT));
}

/* An epoch is contributed when it was quiet twice. */
static void test_settles(void)
{
    static const struct {
        bool alone;
        enum phase_event e;
        bool settles;
    } steps[] = {
        {false, PHASE_ON_END, false},     {false, PHASE_ON_OUT, false},
        {false, PHASE_ON_WHOLE, false},   /* what a helper did last is in no
                                             word */
        {false, PHASE_ON_UNACKED, false}, /* as this */
        {false, PHASE_ON_WHOLE, true},    {false, PHASE_ON_REDUCED, false},
        {false, PHASE_ON_END, false},     {false, PHASE_ON_WHOLE, false},
        {false, PHASE_ON_OUT, false},     {false, PHASE_ON_WHOLE, false},
        {false, PHASE_ON_WHOLE, true},    {false, PHASE_ON_REDUCED, false},
        {true, PHASE_ON_END, false}, /* alone it helps nobody */
        {true, PHASE_ON_UNACKED, false},  {true, PHASE_ON_WHOLE, true},
    };
    enum phase at = PHASE_OPEN;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        enum phase_action a = phase_step(&at, steps[i].e);

        CU_ASSERT_NOT_EQUAL(a, PHASE_IMPOSSIBLE);
        CU_ASSERT_EQUAL(a == PHASE_DO_CONTRIBUTE, steps[i].settles);
        if (steps[i].alone && a == PHASE_DO_NEXT)
            phase_step(&at, PHASE_ON_UNACKED); /* as epoch_advance */
    }
}

static void test_orders(void)
{
    static const char *const want[PHASE_N_WORDS] = {
        "0 0 2 - -", "0 0 2 - -", "1 1 2 - -", "2 2 2 - -", "3 3 4 - -"};

    for (int w = 0; w < PHASE_N_WORDS; w++) {
        char line[32] = "";

        for (int o = 0; o < PHASE_N_ORDERS; o++) {
            enum phase_order at = (enum phase_order)o;
            bool may = phase_order_step(&at, (enum phase_word)w);

            snprintf(line + strlen(line), 4, may ? "%s%d" : "%s-", o ? " " : "",
                     (int)at);
            CU_ASSERT_TRUE(may || at == (enum phase_order)o);
        }
        UNIT_EQUAL(line, want[w]);
    }
}

static void test_ships(void)
{
    static const char *const want[PHASE_N_TURNS] = {
        "0 0 2 3", "1 - - -", "2 2 - -", "- - 3 -", "- - - 0"};

    for (int t = 0; t < PHASE_N_TURNS; t++) {
        char line[32] = "";

        for (int s = 0; s < PHASE_N_SHIPS; s++) {
            enum phase_ship at = (enum phase_ship)s;
            bool may = phase_ship_step(&at, (enum phase_turn)t);

            snprintf(line + strlen(line), 4, may ? "%s%d" : "%s-", s ? " " : "",
                     (int)at);
            CU_ASSERT_TRUE(may || at == (enum phase_ship)s);
        }
        UNIT_EQUAL(line, want[t]);
    }
}

static void test_names(void)
{
    for (int i = 0; i < PHASE_N; i++)
        CU_ASSERT_PTR_NOT_NULL(phase_name((enum phase)i));
    UNIT_EQUAL(phase_name(PHASE_N), "?");
    UNIT_EQUAL(phase_event_name(PHASE_N_EVENTS), "?");
    UNIT_EQUAL(phase_action_name(PHASE_IMPOSSIBLE), "impossible");
}

int main(void)
{
    static const unit_test tests[] = {
        {"every pair of phase and event", test_table},
        {"what follows from the table", test_invariants},
        {"an epoch is quiet twice", test_settles},
        {"orders", test_orders},
        {"broadcasts", test_ships},
        {"names", test_names},
        {0},
    };

    return unit_main("phase", tests);
}
