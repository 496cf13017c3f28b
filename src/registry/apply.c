/* apply.c - what schedulers and pilots say, put together (observe_apply). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "src/backend/backend.h"
#include "src/registry/apply.h"

#define SECOND INT64_C(1000000000)
/* A pilot that beat so lately runs, whatever an answer says that was true a
 * moment ago.
 */
#define FRESH_NS (15 * SECOND)
/* Where files are read on the host itself nothing shows late. */
#define SILENCE_DIRECT_NS (10 * SECOND)
/* One whose end was asked for and whose job is gone needs no more witness. */
#define SILENCE_CANCELED_NS (15 * SECOND)

/* One look at one pilot. */
typedef struct look {
    pilot_record *r;
    const resource_job *job;
    const beat *b, *end;
    int64_t now;
    int why; /* the event that gave it its state; -1: it had it before */
} look;

/* The same text leaves every byte as it is, another one has zeroes behind it:
 * records are compared as bytes.
 */
__attribute__((format(printf, 3, 4))) static void
text_set(char *out, size_t cap, const char *fmt, ...)
{
    char what[1024] = "";
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, cap < sizeof(what) ? cap : sizeof(what), fmt, ap);
    va_end(ap);
    if (strcmp(what, out) != 0)
        memcpy(out, what, cap < sizeof(what) ? cap : sizeof(what));
}

#define SET(member, ...) text_set(member, sizeof(member), __VA_ARGS__)

static void move(look *l, enum pilot_event e)
{
    enum pilot_state next =
        pilot_state_next(l->r->state, e, l->r->cancel_asked);

    if (next == l->r->state)
        return;
    l->r->state = next;
    l->why = (int)e;
}

static bool in_queue(enum resource_seen s)
{
    return s == RESOURCE_QUEUED || s == RESOURCE_HELD;
}

static bool is_over(enum resource_seen s)
{
    return s >= RESOURCE_DONE && s <= RESOURCE_NODE_LOST;
}

static bool was_started(enum pilot_state s)
{
    return s > PILOT_HELD;
}

bool apply_wants_word(const pilot_record *r, const beat *end, int64_t now_ns)
{
    if (strcmp(end->state, "CANCELED") != 0 && end->status < 128)
        return false; /* that was its own doing */
    if (r->cancel_asked || backend_is_direct(r->resource))
        return false;
    return now_ns - end->time_ns <= OBSERVE_SILENCE_NS;
}

/* --- lives: a job may be queued again --- */

static bool is_within(const beat *b, int64_t now, int64_t ns)
{
    return b && now - b->time_ns < ns;
}

static bool says_it_lives(const look *l)
{
    return is_within(l->b, l->now, FRESH_NS) &&
           (!l->end || l->end->time_ns < l->b->time_ns);
}

/* By itself: one that was told to end may well be queued again. */
static bool ended_lately(const look *l)
{
    return is_within(l->end, l->now, OBSERVE_SILENCE_NS) &&
           !apply_wants_word(l->r, l->end, l->now);
}

/* The count of the scheduler tells; where it has none, a job that was seen
 * running and is in the queue, unless the pilot says that it lives, or ended
 * so lately that the answer is older.
 */
static bool is_queued_again(const look *l)
{
    const pilot_record *r = l->r;

    if (l->job->restarts > r->restarts)
        return true;
    if (!in_queue(l->job->seen) || !was_started(r->state))
        return false;
    return !says_it_lives(l) && !ended_lately(l);
}

/* Is [b] of the life that begins?  When in doubt it is not: the next beat
 * will tell.
 */
static bool is_of_new_life(const look *l, const beat *b)
{
    return !in_queue(l->job->seen) && l->job->start_ns > 0 &&
           b->time_ns >= l->job->start_ns;
}

static void stale_drop(look *l)
{
    if (l->b && l->b->time_ns <= l->r->stale_ns)
        l->b = NULL;
    if (l->end && l->end->time_ns <= l->r->stale_ns)
        l->end = NULL;
}

static void life_begin(look *l)
{
    pilot_record *r = l->r;
    const beat *both[] = {l->b, l->end};

    for (size_t i = 0; i < 2; i++)
        if (both[i] && both[i]->time_ns > r->stale_ns &&
            !is_of_new_life(l, both[i]))
            r->stale_ns = both[i]->time_ns;
    r->started_ns = r->active_ns = r->ended_ns = r->limit_ns = 0;
    r->exit_code = -1;
    SET(r->host, "%s", "");
    stale_drop(l);
    if (was_started(r->state))
        move(l, PILOT_ON_SEEN_AS(RESOURCE_QUEUED));
}

/* --- the scheduler --- */

static void adopt(look *l, const char *sched_id, int64_t submit_ns)
{
    pilot_record *r = l->r;

    if (*r->sched_id || !*sched_id)
        return;
    SET(r->sched_id, "%s", sched_id);
    r->submitting = false;
    if (r->submitted_ns == 0)
        r->submitted_ns = submit_ns > 0 ? submit_ns : l->now;
    move(l, PILOT_ON_SUBMITTED);
}

static void job_facts(look *l)
{
    const resource_job *job = l->job;
    pilot_record *r = l->r;

    r->never = job->never && in_queue(job->seen);
    if (job->nodes > 0)
        r->nodes = job->nodes;
    if (job->restarts > r->restarts)
        r->restarts = job->restarts;
    if (in_queue(job->seen)) /* some guess when it will start */
        return;
    if (job->start_ns > 0 && job->seen != RESOURCE_STARTING)
        r->started_ns = job->start_ns;
    if (job->end_ns > 0 && !is_over(job->seen))
        r->limit_ns = job->end_ns;
}

/* What it says of a job that is not over. */
static void job_apply(look *l)
{
    const resource_job *job = l->job;

    l->r->observed_ns = l->now;
    adopt(l, job->id, job->submit_ns);
    if (*job->native)
        SET(l->r->native, "%s", job->native);
    if (job->seen == RESOURCE_ABSENT || job->seen == RESOURCE_UNKNOWN)
        return;
    bool again = is_queued_again(l);
    if (again)
        life_begin(l);
    job_facts(l);
    if (is_over(job->seen))
        return;
    if (!in_queue(job->seen) || again || !was_started(l->r->state))
        move(l, PILOT_ON_SEEN_AS(job->seen));
    if (l->r->state == PILOT_STARTING && l->r->started_ns == 0)
        l->r->started_ns = l->now;
}

static void job_end_apply(look *l)
{
    const resource_job *job = l->job;

    if (!job || !is_over(job->seen))
        return;
    move(l, PILOT_ON_SEEN_AS(job->seen));
    if (l->r->exit_code < 0 && job->exit_code >= 0)
        l->r->exit_code = job->exit_code;
}

/* --- the pilot --- */

static void beat_facts(look *l, const beat *b)
{
    pilot_record *r = l->r;

    adopt(l, b->sched_id, 0);
    if (*b->host)
        SET(r->host, "%s", b->host);
    if (*b->endpoint)
        SET(r->endpoint, "%s", b->endpoint);
    SET(r->progress, "%s", b->progress);
    if (b->ranks > 0)
        r->ranks = b->ranks;
    if (b->nodes > 0)
        r->nodes = b->nodes;
    if (b->limit_ns > 0)
        r->limit_ns = b->limit_ns;
}

/* It has ended, and what that means is not clear yet. */
static bool is_undecided(const look *l, const beat *end)
{
    bool told =
        l->job && (is_over(l->job->seen) || l->job->seen == RESOURCE_ABSENT);

    return !told && apply_wants_word(l->r, end, l->now);
}

static void exit_apply(look *l, const beat *end)
{
    pilot_record *r = l->r;

    if (!pilot_state_is_final(r->state))
        beat_facts(l, end);
    if (is_undecided(l, end)) {
        if (!pilot_state_is_final(r->state))
            move(l, PILOT_ON_DRAIN);
        return;
    }
    if (end->status >= 0)
        r->exit_code = end->status;
    if (!strcmp(end->state, "DONE") && end->status <= 0)
        move(l, PILOT_ON_EXIT_DONE);
    else
        move(l, !strcmp(end->state, "CANCELED") ? PILOT_ON_EXIT_CANCELED
                                                : PILOT_ON_EXIT_FAILED);
}

static void hello_apply(look *l, const beat *b)
{
    pilot_record *r = l->r;
    bool hello = strcmp(b->state, "STARTING") != 0;

    if (!hello)
        move(l, PILOT_ON_SEEN_AS(RESOURCE_RUNNING));
    else
        move(l, strcmp(b->state, "DRAINING") ? PILOT_ON_HELLO : PILOT_ON_DRAIN);
    if (pilot_state_is_final(r->state))
        return;
    if (hello && r->active_ns == 0)
        r->active_ns = r->seen_ns;
    if (r->started_ns == 0)
        r->started_ns = r->seen_ns;
}

/* Clocks of two hosts may differ: that a beat is another than the last one is
 * a sign of life, too, and none comes from the future.
 */
static void beat_apply(look *l)
{
    pilot_record *r = l->r;
    const beat *b = l->b;

    if (!b)
        return;
    bool news = b->time_ns != r->beat_ns;
    if (news) {
        r->beat_ns = b->time_ns;
        r->seen_ns = b->time_ns < l->now ? b->time_ns : l->now;
    }
    if (pilot_state_is_final(r->state) && !news)
        return;
    int s = pilot_state_find(b->state);
    if (s >= 0 && pilot_state_is_final((enum pilot_state)s)) {
        if (!l->end)
            exit_apply(l, b);
        return;
    }
    if (!pilot_state_is_final(r->state))
        beat_facts(l, b);
    hello_apply(l, b);
}

/* --- clocks --- */

static int64_t newest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool is_silent(const look *l)
{
    const pilot_record *r = l->r;
    int64_t last = newest(newest(r->seen_ns, r->started_ns),
                          newest(r->submitted_ns, r->created_ns));

    return l->now - last > (backend_is_direct(r->resource) ? SILENCE_DIRECT_NS
                            : r->cancel_asked              ? SILENCE_CANCELED_NS
                                              : OBSERVE_SILENCE_NS);
}

static void clocks_apply(look *l)
{
    const pilot_record *r = l->r;

    if (!l->job)
        return;
    if (l->job->seen == RESOURCE_RUNNING && r->state == PILOT_STARTING &&
        r->hello_timeout_s > 0 &&
        (double)(l->now - r->started_ns) > r->hello_timeout_s * 1e9)
        move(l, PILOT_ON_HELLO_LATE);
    if (l->job->seen != RESOURCE_ABSENT)
        return;
    if (r->state == PILOT_NEW
            ? r->submitting && l->now - r->created_ns > OBSERVE_SUBMIT_NS
            : is_silent(l))
        move(l, PILOT_ON_LOST);
}

/* --- reasons --- */

static void reason_lost(look *l)
{
    pilot_record *r = l->r;

    if (r->active_ns > 0)
        SET(r->reason,
            "vanished: the scheduler does not know it any more, the last sign "
            "of life is %lld s old, and it left no exit record",
            (long long)((l->now - r->seen_ns) / SECOND));
    else
        SET(r->reason, "vanished: the scheduler does not know it any more, "
                       "and it never said hello");
}

/* How it ended when no exit record tells. */
static void reason_ended(look *l)
{
    static const char *const words[RESOURCE_N_SEEN] = {
        [RESOURCE_CANCELED] = "canceled",
        [RESOURCE_TIMEOUT] = "its time was over",
        [RESOURCE_PREEMPTED] = "preempted: its nodes went to another job",
        [RESOURCE_NODE_LOST] = "a node of it was lost",
    };
    const resource_job *job = l->job;
    pilot_record *r = l->r;
    char how[320];

    if (*job->prose)
        SET(how, "%s", job->prose);
    else if (words[job->seen])
        SET(how, "%s", words[job->seen]);
    else if (job->signal > 0)
        SET(how, "its job was killed by signal %d", job->signal);
    else if (job->exit_code >= 0)
        SET(how, "its job ended with status %d", job->exit_code);
    else
        SET(how, "its job ended, says the scheduler");
    if (r->state == PILOT_MISSING)
        SET(r->reason, "%s, but the pilot never said hello", how);
    else
        SET(r->reason, "%s%s", how,
            r->active_ns > 0 || r->state == PILOT_CANCELED
                ? ""
                : "; it never said hello");
}

static void reason_exit(look *l)
{
    const beat *end = l->end ? l->end : l->b;

    if (*end->reason)
        SET(l->r->reason, "%s", end->reason);
    else if (l->r->state == PILOT_CANCELED)
        SET(l->r->reason, "canceled");
    else if (end->status >= 0)
        SET(l->r->reason, "ended with status %d", end->status);
    else
        SET(l->r->reason, "ended");
}

static void reason_final(look *l)
{
    pilot_record *r = l->r;

    if (l->why == PILOT_ON_LOST && !*r->sched_id)
        SET(r->reason, r->state == PILOT_CANCELED
                           ? "canceled before the scheduler had it"
                           : "the submission was cut off before the scheduler "
                             "had it: submit again");
    else if (l->why == PILOT_ON_LOST && r->state == PILOT_CANCELED)
        SET(r->reason, "canceled");
    else if (l->why == PILOT_ON_LOST)
        reason_lost(l);
    else if (l->why == PILOT_ON_HELLO_LATE)
        SET(r->reason,
            "its job runs, but the pilot did not say hello within %g s; end "
            "it with 'pilot cancel %s'",
            r->hello_timeout_s, r->id);
    else if (l->why >= PILOT_ON_EXIT_DONE && l->why <= PILOT_ON_EXIT_CANCELED)
        reason_exit(l);
    else if (l->job)
        reason_ended(l);
}

/* The scheduler's words; false: it has none. */
static bool reason_job(look *l)
{
    const resource_job *job = l->job;
    pilot_record *r = l->r;
    const char *prose = job && *job->prose ? job->prose
                        : job              ? job->reason
                                           : "";

    if (!job || job->seen == RESOURCE_UNKNOWN)
        return false;
    if (job->seen == RESOURCE_ABSENT)
        SET(r->reason, r->state == PILOT_NEW
                           ? "its submission is under way"
                           : "the scheduler does not know its job any more");
    else if (job->seen == RESOURCE_SUSPENDED)
        SET(r->reason, "%s%s",
            strncmp(prose, "suspended", 9) == 0 ? ""
            : *prose                            ? "suspended: "
                                                : "suspended",
            prose);
    else if (r->never)
        SET(r->reason, "as it is asked for it will never run: %s",
            *prose ? prose : job->native);
    else if (job->seen == RESOURCE_ENDING)
        SET(r->reason, "%s", *prose ? prose : "its processes are being ended");
    else if (!was_started(r->state))
        SET(r->reason, "%s", prose);
    else if (r->state == PILOT_STARTING && *prose)
        SET(r->reason, "%s", prose);
    else
        return false;
    return true;
}

static void reason_living(look *l)
{
    pilot_record *r = l->r;
    bool heard =
        l->b || l->why >= 0 || (l->job && l->job->seen == RESOURCE_RUNNING);

    if (l->end && was_started(r->state)) {
        SET(r->reason, "has ended%s%s; the scheduler has not said why",
            *l->end->reason ? ": " : "", l->end->reason);
        return;
    }
    if (reason_job(l) || !heard || !was_started(r->state))
        return;
    if (l->b && *l->b->reason)
        SET(r->reason, "%s", l->b->reason);
    else if (r->state == PILOT_STARTING)
        SET(r->reason, "its job runs and has not said hello yet");
    else
        SET(r->reason, "%s", "");
}

/* --- the whole --- */

static void ended_set(look *l)
{
    pilot_record *r = l->r;

    if (l->why >= PILOT_ON_EXIT_DONE && l->why <= PILOT_ON_EXIT_CANCELED)
        r->ended_ns = l->end ? l->end->time_ns : l->b->time_ns;
    else if (l->job && is_over(l->job->seen) && l->job->end_ns > 0)
        r->ended_ns = l->job->end_ns;
    else
        r->ended_ns = l->now;
    if (r->ended_ns > l->now)
        r->ended_ns = l->now;
    r->submitting = r->never = false;
}

bool observe_apply(pilot_record *r, const resource_job *job, const beat *b,
                   const beat *end, int64_t now_ns)
{
    pilot_record was;
    look l = {r, job, b, end, now_ns, -1};

    memcpy(&was, r, sizeof(was));
    stale_drop(&l);
    if (job)
        job_apply(&l);
    beat_apply(&l);
    if (l.end)
        exit_apply(&l, l.end);
    job_end_apply(&l);
    clocks_apply(&l);
    if (!pilot_state_is_final(r->state)) {
        r->ended_ns = 0;
        reason_living(&l);
    } else if (r->state != was.state || r->ended_ns == 0) {
        ended_set(&l);
        reason_final(&l);
    }
    return memcmp(&was, r, sizeof(was)) != 0;
}
