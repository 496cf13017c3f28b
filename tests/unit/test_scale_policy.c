/* test_scale_policy.c - when a pool gets more ranks, an edge more devices. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"

#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/scale/scale.h"

/* The policy that [lines] of YAML are, of a pool of [n] ranks, or an edge. */
static scale_policy *policy(const char *lines, int n, bool edge, pe_error *errp)
{
    tree *t;
    scale_policy *p = NULL;

    scratch_write("f.yaml", lines);
    t = tree_read(scratch_path, errp);
    if (t)
        p = scale_policy_read(tree_get(t, "scale"), n, edge, errp);
    tree_destroy(t);
    return p;
}

static scale_policy *good(const char *lines)
{
    pe_error e = {0};
    scale_policy *p = policy(lines, 2, false, &e);

    if (!p)
        printf("# %s\n", e.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

/* --- the file --- */

static void test_words(void)
{
    scale_policy *p = good("scale:\n  lag: 5s\n  max: 16\n  hold: 90s\n"
                           "  on: {beam: +2, night: 8, over: -2}\n"
                           "  at: {\"mon-fri 08:00\": 4, \"20:00Z\": 2}\n");
    text t = {0};

    scale_policy_words(p, &t);
    UNIT_EQUAL(t.data, "lag 5s, min 2, max 16, hold 90s, cooldown 10s, unless "
                       "link broker reduce params, at mon-fri 08:00 4, at "
                       "20:00Z 2, on beam +2, on night 8, on over -2");
    CU_ASSERT_PTR_NULL(scale_event_find(p, "bea"));
    CU_ASSERT_EQUAL(scale_event_find(p, "over")->n, -2);
    text_free(&t);
    scale_policy_destroy(p);
}

typedef struct refusal {
    const char *lines, *why;
} refusal;

static void refuse(const refusal *rows, size_t n, bool edge)
{
    for (size_t i = 0; i < n; i++) {
        char lines[300];
        pe_error e = {0};

        snprintf(lines, sizeof(lines), "scale: {%s}\n", rows[i].lines);
        CU_ASSERT_PTR_NULL(policy(lines, 2, edge, &e));
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        UNIT_CONTAINS(e.text, "f.yaml:1: ");
        UNIT_CONTAINS(e.text, rows[i].why);
    }
}

static void test_refused(void)
{
    static const refusal rows[] = {
        {"lag: 5s, min: 8, max: 4", "min 8 is more than max 4"},
        {"lag: 5s", "it needs max, the most ranks there may be"},
        {"lag: 5s, max: 1", "min 2 is more than max 1 (min is ntasks)"},
        {"lag: 5s, min: 1, max: 1",
         "it begins with 2 ranks (ntasks), which is more than max 1"},
        {"lag: 5s, maks: 4", "unknown key 'maks'; known are: lag min max step"},
        {"lag: 5, max: 4", "lag: '5'"},
        {"max: 4", "it has nothing to decide by: lag, at (times) or on"},
        {"lag: 5s, max: 4, for: joules", "for: 'joules' is not one of: lag"},
        {"max: 4, on: {a: 2}, for: energy",
         "for: energy needs lag, the bound within which joules are saved"},
        {"lag: 5s, max: 4, unless: disk",
         "unless: 'disk' is not one of: source"},
        {"max: 4, on: {a: 9}", "a: 9 ranks are not between min 2 and max 4"},
        {"max: 4, on: {a: +0}", "a: '+0' is no number of ranks: +2 are two"},
        {"max: 4, on: {a: '+-1'}", "a: '+-1' is no number"},
        {"max: 4, on: {a: x}", "a: 'x' is no number"},
        {"max: 4, on: {\"a b\": 2}", "'a b' is no name of an event"},
        {"max: 4, at: {\"8\": 4}", "'8' is no time of the week: \"22:00\""},
        {"max: 4, at: {\"24:00\": 4}", "'24:00' is no time of the week"},
        {"max: 4, at: {\"mon-: 8:00\": 4}", "is no time of the week"},
        {"max: 4, at: {\"08:00\": 9}",
         "08:00: '9' is no number of ranks between min 2 and max 4"},
        {"lag: 5s, max: 4, hold: 0s", "hold"},
    };

    refuse(rows, sizeof(rows) / sizeof(rows[0]), false);
}

/* Of an edge whose pilots have two devices each. */
static void test_edge_refused(void)
{
    static const refusal rows[] = {
        {"max: 4, lag: 5s", "lag is for pools; devices come and go by at"},
        {"max: 4, on: {a: 4}, budget: 1", "budget is for pools"},
        {"max: 4, on: {a: 4}, for: energy", "for is for pools"},
        {"max: 4", "it has nothing to decide by: at (times) or on (events)"},
        {"on: {a: 4}", "it needs max, the most devices there may be"},
        {"max: 1, on: {a: 1}", "min 2 is more than max 1 (min is devices)"},
        {"min: 1, max: 1, on: {a: 1}",
         "it begins with 2 devices (devices), which is more than max 1"},
        {"max: 5, on: {a: 4}",
         "max: 5 is no number of whole pilots, of which each has 2 devices"},
        {"max: 4, min: 1, on: {a: 4}", "min: 1 is no number of whole pilots"},
        {"max: 4, on: {a: 3}", "on: 3 is no number of whole pilots"},
        {"max: 8, on: {a: +4}",
         "a: a pilot of 2 devices comes or goes at a time: +2, -2, or so "
         "many"},
        {"max: 4, on: {a: 6}", "a: 6 devices are not between min 2 and max 4"},
        {"max: 4, at: {\"08:00\": 3}", "at: 3 is no number of whole pilots"},
        {"max: 4, at: {\"08:00\": x}",
         "08:00: 'x' is no number of devices between min 2 and max 4"},
    };

    refuse(rows, sizeof(rows) / sizeof(rows[0]), true);
}

static void test_times(void)
{
    scale_policy *p =
        good("scale: {max: 9, at: {\"mon-fri 08:00\": 8, \"20:00\": 2, "
             "\"sat-sun 10:00\": 4, \"fri 23:30Z\": 6}}\n");
    static const struct {
        int day, hour, minute;
        const char *words;
    } rows[] = {
        {1, 7, 59, "20:00"},          {1, 8, 0, "mon-fri 08:00"},
        {1, 19, 59, "mon-fri 08:00"}, {1, 20, 0, "20:00"},
        {6, 0, 0, "20:00"},           {6, 0, 30, "fri 23:30Z"},
        {6, 10, 0, "sat-sun 10:00"},  {0, 9, 0, "20:00"},
        {0, 12, 0, "sat-sun 10:00"},  {3, 12, 0, "mon-fri 08:00"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm local = {.tm_wday = rows[i].day,
                           .tm_hour = rows[i].hour,
                           .tm_min = rows[i].minute};
        struct tm utc = local; /* an hour behind */
        const scale_time *t;

        utc.tm_hour = (local.tm_hour + 23) % 24;
        utc.tm_wday = (local.tm_wday + (local.tm_hour ? 0 : 6)) % 7;
        t = scale_time_at(p, &local, &utc);
        UNIT_EQUAL(t ? t->words : "none", rows[i].words);
    }
    scale_policy_destroy(p);
}

/* --- a look --- */

/* Facts of [ranks] ranks in the pilot of the file, and [more] in others of
 * [each], at second [s].
 */
static scale_facts look(int s, int ranks, int more, int each)
{
    scale_facts f = {.now_ns = (1000 + s) * CLOCK_S,
                     .bound = "kernel",
                     .partitions = 64,
                     .rate = 100,
                     .busy = 0.5};

    for (int i = 0; i <= more; i++) {
        scale_member *m = &f.member[f.n_members++];
        m->ranks = i ? each : ranks;
        m->is_first = i == 0;
        snprintf(m->name, sizeof(m->name), i ? "pool.%d" : "pool", i + 1);
        snprintf(m->state, sizeof(m->state), "ACTIVE");
    }
    scale_facts_lag(&f);
    return f;
}

/* ... of which [lag_s] seconds of work wait, while they are all busy. */
static scale_facts late(int s, int ranks, int more, double lag_s)
{
    scale_facts f = look(s, ranks, more, 2);

    f.busy = 1;
    f.lag_blocks = lag_s * f.rate;
    scale_facts_lag(&f);
    return f;
}

static void waits(scale_facts *f, const char *state, bool in_queue)
{
    scale_member *m = &f->member[f->n_members - 1];

    m->waits = true;
    m->in_queue = in_queue;
    m->since_ns = f->now_ns - 40 * CLOCK_S;
    snprintf(m->state, sizeof(m->state), "%s", state);
}

static void is(const scale_decision *d, const char *action, const char *cause,
               int to, const char *words)
{
    UNIT_EQUAL(scale_action_name(d->action), action);
    UNIT_EQUAL(scale_cause_name(d->cause), cause);
    CU_ASSERT_EQUAL(d->to, to);
    UNIT_CONTAINS(d->words, words);
}

static void test_lag(void)
{
    scale_policy *p = good("scale: {lag: 5s, max: 16}\n");
    scale_history h = {0};
    scale_facts f = look(0, 2, 0, 0);
    scale_decision d = scale_decide(p, &f, &h);

    is(&d, "nothing", "well", 2,
       "all is well: 0.0 s of work wait, 2 ranks are "
       "50% busy");
    /* Ranks that are half busy have half the work before them. */
    f.lag_blocks = 900;
    scale_facts_lag(&f);
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "well", 2, "4.5 s of work wait");
    f = late(1, 2, 0, 5.1);
    d = scale_decide(p, &f, &h);
    is(&d, "grow", "lag", 4, "5.1 s of work wait, more than 5 s");
    CU_ASSERT_EQUAL(d.from, 2);
    CU_ASSERT_EQUAL(h.over_ns, f.now_ns);
    /* Twice as many at once, at most; and no more than max. */
    f = late(1, 2, 0, 500);
    d = scale_decide(p, &f, &h);
    is(&d, "grow", "lag", 4, "");
    f = late(1, 10, 0, 500);
    d = scale_decide(p, &f, &h);
    is(&d, "grow", "lag", 16, "");
    p->step = 1;
    d = scale_decide(p, &f, &h);
    is(&d, "grow", "lag", 11, "");
    p->step = 0;
    /* As many as the rate calls for. */
    f = late(1, 10, 0, 6);
    f.grows_known = true;
    f.grows = 5;
    d = scale_decide(p, &f, &h);
    is(&d, "grow", "lag", 16, ""); /* 105 and 600 in 10 s, 10 each */
    f = late(1, 10, 0, 6);
    f.lag_blocks = 60;
    f.lag_s = 6;
    d = scale_decide(p, &f, &h);
    is(&d, "grow", "lag", 11, "");
    scale_policy_destroy(p);
}

static void test_not_now(void)
{
    scale_policy *p = good("scale: {lag: 5s, max: 8, budget: 10}\n");
    scale_history h = {0};
    scale_facts f = late(100, 2, 0, 9);
    scale_decision d;

    f.bound = "broker";
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "hop", 2,
       "9.0 s of work wait, more than 5 s; the bottleneck is broker, which "
       "more ranks do not relieve");
    f = late(100, 2, 1, 40);
    f.busy = 0.25; /* three of four have nothing of it */
    scale_facts_lag(&f);
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "idle", 4,
       "ranks are 25% busy, and more would wait, too");
    f = late(100, 2, 1, 9);
    f.partitions = 2;
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "partitions", 4,
       "2 pilots share 2 partitions, another one would have none");
    f = late(100, 2, 3, 9);
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "bounds", 8, "there are 8 ranks, the most there may be");
    f = late(100, 2, 1, 9);
    waits(&f, "QUEUED", true);
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "pending", 4,
       "pool.2 brings 2 ranks and is QUEUED since 40 s");
    f = late(105, 2, 1, 9);
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "cooldown", 4, "the last change is 5.0 s old");
    f = late(110, 2, 1, 9);
    d = scale_decide(p, &f, &h);
    is(&d, "grow", "lag", 8, "");
    f.grows_known = true;
    f.grows = -100;
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "draining", 4, "it is made up in 4.0 s as it goes");
    f = late(120, 2, 0, 9);
    f.rate = 0;
    scale_facts_lag(&f);
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "silence", 2,
       "900 blocks wait and none was processed in the last seconds");
    f.silent = "Redis is away";
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "silence", 2, "nothing is known: Redis is away");
    f = late(130, 2, 0, 9);
    f.core_hours = 10;
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "budget", 2, "10 core hours are spent");
    f = late(130, 2, 2, 9);
    f.core_hours = 10.5;
    d = scale_decide(p, &f, &h);
    is(&d, "end", "budget", 4, "10.5 of 10 core hours are spent: min 2 ranks");
    UNIT_EQUAL(d.member, "pool.3");
    f.n_members = 0;
    f.core_hours = 0;
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "silence", 0, "no pilot of it lives");
    scale_policy_destroy(p);
}

/* --- fewer --- */

static void test_calm(void)
{
    scale_policy *p = good("scale: {lag: 5s, min: 1, max: 16, hold: 1m}\n");
    scale_history h = {0};
    scale_facts f = look(0, 2, 2, 2);
    scale_decision d;

    f.busy = 0.3; /* of 6: 1.8 ranks; 3 are no busier than 70% */
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "well", 6,
       "3 ranks would do: 6 are 30% busy, 0.0 s of "
       "work wait; so since 0 s, some leave after 60 "
       "s");
    f.now_ns += 59 * CLOCK_S;
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "well", 6, "so since 59 s");
    f.now_ns += CLOCK_S;
    d = scale_decide(p, &f, &h);
    is(&d, "end", "calm", 4, "3 ranks would do");
    UNIT_EQUAL(d.member, "pool.3");
    scale_note(p, &h, &d, SCALE_DONE, f.now_ns);
    f.member[2].leaves = true;
    f.now_ns += 100 * CLOCK_S;
    d = scale_decide(p, &f, &h); /* once it is gone it is looked at again */
    is(&d, "nothing", "well", 4, "so since 0 s");
    /* The one in the middle of busy and calm stays. */
    f = look(300, 2, 1, 2);
    f.busy = 0.6;
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "well", 4, "all is well");
    CU_ASSERT_EQUAL(h.calm_ns, 0);
    /* The last ones of all leave one pilot. */
    h = (scale_history){0};
    f = look(400, 4, 0, 0);
    f.busy = 0.2;
    d = scale_decide(p, &f, &h);
    f.now_ns += 60 * CLOCK_S;
    d = scale_decide(p, &f, &h);
    is(&d, "shrink", "calm", 2, "2 ranks would do");
    UNIT_EQUAL(d.member, "pool");
    CU_ASSERT_EQUAL(d.ranks, 2);
    /* A pilot is whole. */
    h = (scale_history){0};
    f = look(400, 2, 1, 4);
    f.busy = 0.35;
    d = scale_decide(p, &f, &h);
    f.now_ns += 60 * CLOCK_S;
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "calm", 6,
       "pool.2, the last one, has 4 and leaves as a "
       "whole");
    scale_policy_destroy(p);
}

static void test_pending(void)
{
    scale_policy *p = good("scale: {lag: 5s, max: 16, hold: 10s}\n");
    scale_history h = {0};
    scale_facts f = look(0, 2, 1, 2);
    scale_decision d;

    /* What waits in a queue and is not wanted any more is taken out. */
    waits(&f, "QUEUED", true);
    f.busy = 0.2;
    d = scale_decide(p, &f, &h);
    CU_ASSERT_EQUAL(d.action, SCALE_NOTHING);
    f.now_ns += 11 * CLOCK_S; /* it was for an event */
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "well", 4, "so since 0 s");
    h.by_lag = 1;
    d = scale_decide(p, &f, &h);
    is(&d, "cancel", "calm", 2, "2 ranks would do");
    UNIT_EQUAL(d.member, "pool.2");
    /* At the end of the run, too, and at once. */
    f = look(100, 2, 1, 2);
    waits(&f, "QUEUED", true);
    f.ends = true;
    d = scale_decide(p, &f, &h);
    is(&d, "cancel", "end", 2, "the run ends");
    f.n_members = 1;
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "end", 2, "the run ends");
    scale_policy_destroy(p);
}

/* --- a scheduler that will not --- */

static void test_backoff(void)
{
    scale_policy *p = good("scale: {lag: 5s, max: 64}\n");
    scale_history h = {0};
    int tries = 0, last = 0;

    /* An hour of refusals, looked at twice a second. */
    for (int half = 0; half < 2 * 3600; half++) {
        scale_facts f = late(0, 2, 0, 60);
        scale_decision d;

        f.now_ns += half * CLOCK_S / 2;
        d = scale_decide(p, &f, &h);
        if (d.action == SCALE_NOTHING) {
            UNIT_EQUAL(scale_cause_name(d.cause), "back-off");
            if (tries == 1)
                UNIT_CONTAINS(d.words, "; the last try came to nothing, the ");
            continue;
        }
        scale_note(p, &h, &d, SCALE_REFUSED, f.now_ns);
        tries++;
        last = half;
    }
    CU_ASSERT_EQUAL(tries, 10);
    CU_ASSERT_EQUAL(h.refused, 10);
    CU_ASSERT_TRUE(last < 2 * 3600);
    scale_facts f = late(3600, 2, 0, 60);
    scale_decision d = scale_decide(p, &f, &h);
    UNIT_CONTAINS(d.words, "; the last 10 tries came to nothing, the next one "
                           "is in ");
    /* What came up and stayed is the end of it. */
    scale_note_up(&h);
    d = scale_decide(p, &f, &h);
    CU_ASSERT_EQUAL(d.action, SCALE_GROW);
    scale_policy_destroy(p);
}

/* --- events, times, bounds --- */

static void test_events(void)
{
    scale_policy *p = good("scale: {lag: 5s, max: 8, on: {beam: +2, off: -2, "
                           "all: 8}}\n");
    scale_history h = {0};
    scale_facts f = look(0, 2, 0, 0);
    scale_decision d;

    f.event = scale_event_find(p, "beam");
    d = scale_decide(p, &f, &h);
    is(&d, "grow", "event", 4, "event beam: +2 ranks");
    CU_ASSERT_TRUE(d.event_taken);
    f = look(0, 2, 1, 2);
    waits(&f, "QUEUED", true);
    f.event = scale_event_find(p, "beam");
    d = scale_decide(p, &f, &h); /* it waits for its turn */
    is(&d, "nothing", "pending", 4, "event beam: +2 ranks; pool.2 brings 2");
    CU_ASSERT_FALSE(d.event_taken);
    f = look(0, 2, 3, 2);
    f.event = scale_event_find(p, "all");
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "event", 8,
       "event all: 8 ranks; it stays at 8, within 2 "
       "to 8");
    CU_ASSERT_TRUE(d.event_taken);
    f.event = scale_event_find(p, "off");
    d = scale_decide(p, &f, &h);
    is(&d, "end", "event", 6, "event off: -2 ranks");
    CU_ASSERT_TRUE(d.event_taken);
    f = look(0, 2, 0, 0);
    f.event = scale_event_find(p, "off");
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "event", 2, "it stays at 2");
    scale_policy_destroy(p);
}

/* What an event names is not cut to a step, nor given up half way. */
static void test_events_whole(void)
{
    static const char *const policies[] = {
        "scale: {lag: 5s, min: 1, max: 8, on: {six: 6, off: -4, two: 2}}\n",
        "scale: {lag: 5s, min: 1, max: 8, step: 1, on: {six: 6, off: -4, "
        "two: 2}}\n"};

    for (int i = 0; i < 2; i++) {
        scale_policy *p = good(policies[i]);
        scale_history h = {0};
        scale_facts f = look(0, 1, 0, 0);
        scale_decision d;

        f.event = scale_event_find(p, "six");
        d = scale_decide(p, &f, &h);
        is(&d, "grow", "event", 6, "event six: 6 ranks");
        CU_ASSERT_TRUE(d.event_taken);
        f = look(1, 2, 2, 2);
        f.event = scale_event_find(p, "two");
        d = scale_decide(p, &f, &h);
        is(&d, "end", "event", 4, "event two: 2 ranks");
        CU_ASSERT_FALSE(d.event_taken);
        f = look(2, 2, 1, 2);
        f.event = scale_event_find(p, "two");
        d = scale_decide(p, &f, &h);
        is(&d, "end", "event", 2, "event two: 2 ranks");
        CU_ASSERT_TRUE(d.event_taken);
        f = look(3, 2, 2, 2);
        f.event = scale_event_find(p, "off");
        d = scale_decide(p, &f, &h);
        is(&d, "end", "event", 4, "tell it again for the rest");
        CU_ASSERT_TRUE(d.event_taken);
        scale_policy_destroy(p);
    }
}

static void test_schedule(void)
{
    scale_policy *p = good("scale: {max: 8, hold: 10s, at: {\"08:00\": 8, "
                           "\"20:00\": 2}}\n");
    scale_history h = {0};
    scale_facts f = look(0, 2, 0, 0);
    scale_decision d;

    f.time = &p->times[0];
    d = scale_decide(p, &f, &h);
    is(&d, "grow", "time", 4, "8 ranks from 08:00 on");
    f = look(0, 2, 3, 2);
    f.time = &p->times[0];
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "well", 8, "all is well: 8 ranks");
    f.time = &p->times[1];
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "well", 8, "2 ranks from 20:00 on; so since 0 s");
    f.now_ns += 10 * CLOCK_S;
    d = scale_decide(p, &f, &h);
    is(&d, "end", "time", 6, "2 ranks from 20:00 on");
    UNIT_EQUAL(d.member, "pool.4");
    p->min = p->times[1].ranks = 1; /* one is no plural */
    f.now_ns += 10 * CLOCK_S;
    d = scale_decide(p, &f, &h);
    UNIT_CONTAINS(d.words, "1 rank from 20:00 on");
    /* More than max: others have been added by hand. */
    p->max = 4;
    f.time = NULL;
    d = scale_decide(p, &f, &h);
    is(&d, "end", "bounds", 6, "8 ranks, more than max 4");
    scale_policy_destroy(p);
}

/* --- it does not swing --- */

typedef struct world {
    scale_policy *p;
    scale_history h;
    int ranks[32], n; /* of members */
    int up_at[32];    /* halves of a second */
    double lag;       /* blocks */
    int grown, ended, most;
} world;

static int world_ranks(const world *w, int now)
{
    int sum = 0;

    for (int i = 0; i < w->n; i++)
        sum += w->up_at[i] <= now ? w->ranks[i] : 0;
    return sum;
}

/* Half a second in which [rate] blocks/s come, of which a rank does 10. */
static void world_turn(world *w, int now, double rate)
{
    int ranks = world_ranks(w, now);
    double can = ranks * 10 / 2.0, come = rate / 2 + w->lag;
    double does = come < can ? come : can;
    scale_facts f = look(0, 0, 0, 0);
    scale_decision d;

    f.grows_known = true;
    f.grows = 2 * (come - does - w->lag);
    w->lag = come - does;
    f.now_ns += now * CLOCK_S / 2;
    f.n_members = 0;
    for (int i = 0; i < w->n; i++) {
        scale_member *m = &f.member[f.n_members++];
        m->ranks = w->ranks[i];
        m->is_first = i == 0;
        m->waits = w->up_at[i] > now;
        m->in_queue = m->waits;
        snprintf(m->name, sizeof(m->name), "pool.%d", i);
        snprintf(m->state, sizeof(m->state), "QUEUED");
    }
    f.rate = 2 * does;
    f.busy = does / can;
    f.lag_blocks = w->lag;
    scale_facts_lag(&f);
    d = scale_decide(w->p, &f, &w->h);
    if (d.action == SCALE_GROW) {
        w->ranks[w->n] = d.to - d.from;
        w->up_at[w->n++] = now + 20; /* ten seconds in a queue */
        w->grown++;
    } else if (d.action != SCALE_NOTHING) {
        CU_ASSERT_TRUE(d.action != SCALE_SHRINK);
        w->n--;
        w->ended++;
    }
    if (d.action != SCALE_NOTHING)
        scale_note(w->p, &w->h, &d, SCALE_DONE, f.now_ns);
    CU_ASSERT_TRUE(w->n > 0 && w->n < 32);
    w->most = ranks > w->most ? ranks : w->most;
}

static world world_make(scale_policy *p)
{
    return (world){.p = p, .ranks = {2}, .n = 1};
}

/* A load that stays is met once, and nothing follows, wherever it lies. */
static void test_steady(void)
{
    scale_policy *p =
        good("scale: {lag: 5s, max: 64, hold: 20s, cooldown: 5s}\n");

    for (double rate = 1; rate < 400; rate += 23) {
        world w = world_make(p);
        int later;

        for (int now = 0; now < 600; now++)
            world_turn(&w, now, rate);
        later = w.grown + w.ended;
        for (int now = 600; now < 3600; now++)
            world_turn(&w, now, rate);
        CU_ASSERT_EQUAL(w.grown + w.ended, later);
        CU_ASSERT_TRUE(w.lag <= 5 * rate);
        CU_ASSERT_TRUE(w.grown <= 7);
    }
    scale_policy_destroy(p);
}

/* A step x4 for two minutes is met, and given back. */
static void test_step(void)
{
    scale_policy *p =
        good("scale: {lag: 5s, max: 16, hold: 30s, cooldown: 5s}\n");
    world w = world_make(p);

    for (int now = 0; now < 1200; now++)
        world_turn(&w, now, now >= 120 && now < 360 ? 48 : 12);
    CU_ASSERT_TRUE(w.most >= 5 && w.most <= 16);
    CU_ASSERT_EQUAL(world_ranks(&w, 1200), 2);
    CU_ASSERT_TRUE(w.grown <= 3);
    CU_ASSERT_EQUAL(w.ended, w.grown);
    scale_policy_destroy(p);
}

/* A load that comes back as soon as its ranks are given back: hold grows. */
static void test_swing(void)
{
    scale_policy *p =
        good("scale: {lag: 1s, max: 16, hold: 5s, cooldown: 0s}\n");
    world w = world_make(p);
    int first;

    for (int now = 0; now < 960; now++)
        world_turn(&w, now, now / 40 % 2 ? 60 : 5); /* 20 s each */
    CU_ASSERT_TRUE(w.h.turns >= 1);
    first = w.grown;
    for (int now = 960; now < 1920; now++)
        world_turn(&w, now, now / 40 % 2 ? 60 : 5);
    /* Twelve times it comes, and finds its ranks still there. */
    CU_ASSERT_EQUAL(w.grown, first);
    CU_ASSERT_TRUE(first <= 6);
    scale_policy_destroy(p);
}

/* --- what stands in the parameter service --- */

static void test_json(void)
{
    scale_history h = {.over_ns = 5,
                       .calm_ns = 6,
                       .changed_ns = 7,
                       .down_ns = 8,
                       .retry_ns = 9,
                       .failures = 2,
                       .turns = 3,
                       .by_lag = 1,
                       .looks = 10,
                       .submitted = 11,
                       .refused = 12,
                       .failed = 13,
                       .ended = 14,
                       .canceled = 15},
                  g;
    json_t *o = scale_history_json(&h);
    scale_policy *p = good("scale: {lag: 5s, max: 16}\n");
    scale_facts f = late(3, 2, 0, 9);
    scale_decision d;

    scale_history_take(o, &g);
    CU_ASSERT_EQUAL(memcmp(&h, &g, sizeof(h)), 0);
    json_object_set_new(o, "turns", json_integer(77));
    json_object_set_new(o, "looks", json_integer(-1));
    scale_history_take(o, &g);
    CU_ASSERT_EQUAL(g.turns, 3);
    CU_ASSERT_EQUAL(g.looks, 0);
    scale_history_take(NULL, &g);
    CU_ASSERT_EQUAL(g.submitted, 0);
    json_decref(o);
    g = (scale_history){.over_ns = f.now_ns - CLOCK_S / 2};
    d = scale_decide(p, &f, &g);
    o = scale_decision_json(&d, &f, &g);
    UNIT_EQUAL(json_string_value(json_object_get(o, "action")), "grow");
    UNIT_EQUAL(json_string_value(json_object_get(o, "bound")), "kernel");
    CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(o, "waited_s")),
                           0.5, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(o, "lag_s")), 9,
                           1e-9);
    json_decref(o);
    scale_policy_destroy(p);
}

/* --- joules --- */

/* A pool of [ranks] ranks that needs [work] of them: [watts] each, and [base]
 * for the host, for 100,000 points a second.
 */
typedef struct meter {
    double joules, points;
} meter;

static scale_decision hour(const scale_policy *p, scale_history *h, meter *m,
                           int *s, int ranks, double work)
{
    scale_decision d = {.action = SCALE_NOTHING};

    for (int i = 0; i < 3600 && d.action == SCALE_NOTHING; i++, ++*s) {
        /* Few ranks at full clock take more than several at a low one. */
        double each = ranks <= 2 ? 60 : ranks <= 4 ? 20 : 30;
        scale_facts f = look(*s, 1, ranks - 1, 1);

        m->joules += 10 + each * ranks;
        m->points += 100000;
        f.busy = work / ranks < 1 ? work / ranks : 1;
        f.joules_known = true;
        f.joules = m->joules;
        f.points = m->points;
        d = scale_decide(p, &f, h);
    }
    return d;
}

static void test_energy(void)
{
    scale_policy *p =
        good("scale: {lag: 5s, min: 1, max: 8, hold: 1m, for: energy}\n");
    scale_history h = {0};
    meter m = {0, 0};
    int s = 0, ranks = 5, moved = 0;
    scale_decision d;
    text t = {0};

    /* 1.7 ranks of work: from 5 down to 2, one by one, each measured. */
    while (ranks > 2) {
        d = hour(p, &h, &m, &s, ranks, 1.7);
        is(&d, "end", "calm", ranks - 1, "2 ranks would do");
        scale_note(p, &h, &d, SCALE_DONE, (1000 + s) * CLOCK_S);
        ranks--;
    }
    CU_ASSERT_DOUBLE_EQUAL(scale_energy_cost(&h, 5), 1600, 1);
    CU_ASSERT_DOUBLE_EQUAL(scale_energy_cost(&h, 3), 700, 1);
    /* Two take 1300 J, three 700: back, and there it stays. */
    d = hour(p, &h, &m, &s, 2, 1.7);
    is(&d, "grow", "energy", 3,
       "3 ranks take fewer joules than 2; a million points take 1600 J on 5 "
       "ranks, 900 J on 4 ranks, 700 J on 3 ranks, 1300 J on 2 ranks");
    scale_note(p, &h, &d, SCALE_DONE, (1000 + s) * CLOCK_S);
    for (int i = 0; i < 3; i++) {
        d = hour(p, &h, &m, &s, 3, 1.7);
        moved += d.action != SCALE_NOTHING;
    }
    CU_ASSERT_EQUAL(moved, 0);
    is(&d, "nothing", "well", 3, "all is well");
    /* The bound comes first: what they cannot do in time takes more ranks. */
    scale_facts f = late(s, 3, 0, 6);
    d = scale_decide(p, &f, &h);
    is(&d, "grow", "lag", 5, "6.0 s of work wait, more than 5 s");
    scale_policy_words(p, &t);
    UNIT_CONTAINS(t.data, "for energy");
    text_free(&t);
    /* What was measured stands where the next keeper finds it. */
    json_t *o = scale_history_json(&h);
    scale_history again;

    scale_history_take(o, &again);
    CU_ASSERT_DOUBLE_EQUAL(scale_energy_cost(&again, 2), 1300, 1);
    CU_ASSERT_EQUAL(again.n_costs, h.n_costs);
    json_decref(o);
    scale_policy_destroy(p);
}

/* Where nobody measures the fewest ranks are the least, and that is said. */
static void test_energy_unknown(void)
{
    scale_policy *p =
        good("scale: {lag: 5s, min: 1, max: 8, hold: 1m, for: energy}\n");
    scale_history h = {0};
    scale_facts f = look(0, 2, 2, 2);
    scale_decision d;

    f.busy = 0.3; /* 1.8 ranks of 6: two are 90% busy */
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "well", 6,
       "2 ranks would do: 6 are 30% busy, 0.0 s of work wait; joules are not "
       "measured on its hosts, so the fewest ranks are taken for the least");
    f.now_ns += 60 * CLOCK_S;
    d = scale_decide(p, &f, &h);
    is(&d, "end", "calm", 4, "2 ranks would do");
    CU_ASSERT_EQUAL(h.n_costs, 0);
    scale_policy_destroy(p);
}

/* Looks that do not follow each other say nothing, nor do counters that went
 * back.
 */
static void test_energy_odd(void)
{
    static const struct {
        int s, ranks;
        double joules, points;
        double seconds; /* that are known of 2 ranks then */
    } rows[] = {
        {0, 2, 100, 1000, 0},  {1, 2, 110, 2000, 1},  {2, 3, 120, 3000, 1},
        {3, 2, 130, 4000, 1},  {4, 2, 90, 5000, 1},   {5, 2, 100, 6000, 2},
        {30, 2, 400, 9000, 2}, {31, 2, 410, 8000, 2}, {32, 0, 420, 9900, 2},
        {33, 2, 430, 9950, 2}, {34, 2, 440, 9990, 3},
    };
    scale_history h = {0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scale_facts f = look(rows[i].s, 2, 0, 0);
        double seconds = 0;

        f.joules_known = true;
        f.joules = rows[i].joules;
        f.points = rows[i].points;
        scale_energy_look(&f, &h, rows[i].ranks);
        for (int k = 0; k < h.n_costs; k++)
            if (h.cost[k].ranks == 2)
                seconds = h.cost[k].seconds;
        CU_ASSERT_DOUBLE_EQUAL(seconds, rows[i].seconds, 1e-6);
    }
    CU_ASSERT_EQUAL(scale_energy_cost(&h, 2), 0); /* too short a time */
    /* More numbers of ranks than are kept. */
    for (int n = 1; n < 40; n++)
        for (int i = 0; i < 2; i++) {
            scale_facts f = look(100 + 2 * n + i, 2, 0, 0);

            f.joules_known = true;
            f.joules = 1000 + 2 * n + i;
            f.points = 1e6 + f.joules;
            scale_energy_look(&f, &h, n);
        }
    CU_ASSERT_EQUAL(h.n_costs, SCALE_COSTS_MAX);
}

/* --- devices --- */

static void test_devices(void)
{
    pe_error e = {0};
    scale_policy *p = policy("scale: {max: 8, hold: 1m, on: {night: 6, one: "
                             "-2}, at: {\"08:00\": 4}}\n",
                             2, true, &e);
    scale_history h = {0};
    scale_facts f = look(0, 2, 0, 0);
    scale_decision d;
    text t = {0};

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    scale_policy_words(p, &t);
    UNIT_EQUAL(t.data, "min 2, max 8, hold 1m, at 08:00 4, on night 6, on one "
                       "-2");
    text_free(&t);
    f.partitions = 1; /* any number of devices write to one */
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "well", 2, "all is well: 2 devices");
    /* A pilot at a time, and the event stands until they are all there. */
    f.event = scale_event_find(p, "night");
    d = scale_decide(p, &f, &h);
    is(&d, "grow", "event", 4, "event night: 6 devices");
    CU_ASSERT(!d.event_taken);
    f = look(1, 2, 1, 2);
    waits(&f, "QUEUED", true);
    f.event = scale_event_find(p, "night");
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "pending", 4, "pool.2 brings 2 devices and is QUEUED");
    CU_ASSERT(!d.event_taken);
    f = look(2, 2, 1, 2);
    f.event = scale_event_find(p, "night");
    d = scale_decide(p, &f, &h);
    is(&d, "grow", "event", 6, "event night: 6 devices");
    CU_ASSERT(d.event_taken);
    /* Those of the file stay. */
    f = look(3, 2, 1, 2);
    f.event = scale_event_find(p, "one");
    d = scale_decide(p, &f, &h);
    is(&d, "end", "event", 2, "event one: -2 devices");
    UNIT_EQUAL(d.member, "pool.2");
    f = look(4, 2, 0, 0);
    f.event = scale_event_find(p, "one");
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "event", 2, "it stays at 2, within 2 to 8");
    /* By the time of day. */
    f = look(5, 2, 0, 0);
    f.time = &p->times[0];
    d = scale_decide(p, &f, &h);
    is(&d, "grow", "time", 4, "4 devices from 08:00 on");
    f = look(6, 2, 2, 2);
    f.time = &p->times[0];
    d = scale_decide(p, &f, &h);
    is(&d, "nothing", "well", 6, "4 devices from 08:00 on; so since 0 s");
    f.now_ns += 61 * CLOCK_S;
    d = scale_decide(p, &f, &h);
    is(&d, "end", "time", 4, "4 devices from 08:00 on");
    UNIT_EQUAL(d.member, "pool.3");
    scale_policy_destroy(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"a policy in words", test_words},
        {"what no policy is", test_refused},
        {"times of the week", test_times},
        {"more ranks by the lag", test_lag},
        {"none, and why", test_not_now},
        {"fewer when it is calm", test_calm},
        {"what waits in a queue", test_pending},
        {"a scheduler that refuses", test_backoff},
        {"events", test_events},
        {"events as a whole", test_events_whole},
        {"a schedule, and bounds", test_schedule},
        {"a steady load is met once", test_steady},
        {"a step is met and given back", test_step},
        {"a load that comes and goes", test_swing},
        {"what an edge has no use for", test_edge_refused},
        {"devices, by events and times", test_devices},
        {"as JSON", test_json},
        {"as few joules as the lag allows", test_energy},
        {"... which nobody measures", test_energy_unknown},
        {"... by odd looks", test_energy_odd},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("scale", tests);
    scratch_remove();
    return status;
}
