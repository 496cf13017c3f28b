/* apply.c - what schedulers and pilots say, put together (observe_apply). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "src/backend/backend.h"
#include "src/common/clock.h"
#include "src/registry/apply.h"

/* A pilot that beat so lately runs, whatever an answer says that was true a
 * moment ago.
 */
#define FRESH_NS (15 * CLOCK_S)
/* Where files are read on the host itself nothing shows late. */
#define SILENCE_DIRECT_NS (10 * CLOCK_S)
/* One whose end was asked for and whose job is gone needs no more witness. */
#define SILENCE_CANCELED_NS (15 * CLOCK_S)

/* One pilot, and what is said of it now. */
typedef struct observed {
    pilot_record *r;
    const resource_job *job;
    const beat *b, *end;
    int64_t now;
    int why; /* the event that gave it its state; -1: it had it before */
} observed;

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

static void move(observed *o, enum pilot_event e)
{
    enum pilot_state next =
        pilot_state_next(o->r->state, e, o->r->cancel_asked);

    if (next == o->r->state)
        return;
    o->r->state = next;
    o->why = (int)e;
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

static bool says_it_lives(const observed *o)
{
    return is_within(o->b, o->now, FRESH_NS) &&
           (!o->end || o->end->time_ns < o->b->time_ns);
}

/* By itself: one that was told to end may well be queued again. */
static bool ended_lately(const observed *o)
{
    return is_within(o->end, o->now, OBSERVE_SILENCE_NS) &&
           !apply_wants_word(o->r, o->end, o->now);
}

/* The count of the scheduler tells; where it has none, a job that was seen
 * running and is in the queue, unless the pilot says that it lives, or ended
 * so lately that the answer is older.
 */
static bool is_queued_again(const observed *o)
{
    const pilot_record *r = o->r;

    if (o->job->restarts > r->restarts)
        return true;
    if (!in_queue(o->job->seen) || !was_started(r->state))
        return false;
    return !says_it_lives(o) && !ended_lately(o);
}

/* Is [b] of the life that begins?  When in doubt it is not: the next beat
 * will tell.
 */
static bool is_of_new_life(const observed *o, const beat *b)
{
    return !in_queue(o->job->seen) && o->job->start_ns > 0 &&
           b->time_ns >= o->job->start_ns;
}

static void stale_drop(observed *o)
{
    if (o->b && o->b->time_ns <= o->r->stale_ns)
        o->b = NULL;
    if (o->end && o->end->time_ns <= o->r->stale_ns)
        o->end = NULL;
}

static void life_begin(observed *o)
{
    pilot_record *r = o->r;
    const beat *both[] = {o->b, o->end};

    for (size_t i = 0; i < 2; i++)
        if (both[i] && both[i]->time_ns > r->stale_ns &&
            !is_of_new_life(o, both[i]))
            r->stale_ns = both[i]->time_ns;
    r->started_ns = r->active_ns = r->ended_ns = r->limit_ns = 0;
    r->exit_code = -1;
    SET(r->host, "%s", "");
    stale_drop(o);
    if (was_started(r->state))
        move(o, PILOT_ON_SEEN_AS(RESOURCE_QUEUED));
}

/* --- the scheduler --- */

static void adopt(observed *o, const char *sched_id, int64_t submit_ns)
{
    pilot_record *r = o->r;

    if (*r->sched_id || !*sched_id)
        return;
    SET(r->sched_id, "%s", sched_id);
    r->submitting = false;
    if (r->submitted_ns == 0)
        r->submitted_ns = submit_ns > 0 ? submit_ns : o->now;
    move(o, PILOT_ON_SUBMITTED);
}

static void job_facts(observed *o)
{
    const resource_job *job = o->job;
    pilot_record *r = o->r;

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
static void job_apply(observed *o)
{
    const resource_job *job = o->job;

    o->r->observed_ns = o->now;
    adopt(o, job->id, job->submit_ns);
    if (*job->native)
        SET(o->r->native, "%s", job->native);
    if (job->seen == RESOURCE_ABSENT || job->seen == RESOURCE_UNKNOWN)
        return;
    bool again = is_queued_again(o);
    if (again)
        life_begin(o);
    job_facts(o);
    if (is_over(job->seen))
        return;
    if (!in_queue(job->seen) || again || !was_started(o->r->state))
        move(o, PILOT_ON_SEEN_AS(job->seen));
    if (o->r->state == PILOT_STARTING && o->r->started_ns == 0)
        o->r->started_ns = o->now;
}

static void job_end_apply(observed *o)
{
    const resource_job *job = o->job;

    if (!job || !is_over(job->seen))
        return;
    move(o, PILOT_ON_SEEN_AS(job->seen));
    if (o->r->exit_code < 0 && job->exit_code >= 0)
        o->r->exit_code = job->exit_code;
}

/* --- the pilot --- */

static void beat_facts(observed *o, const beat *b)
{
    pilot_record *r = o->r;

    adopt(o, b->sched_id, 0);
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
static bool is_undecided(const observed *o, const beat *end)
{
    bool told =
        o->job && (is_over(o->job->seen) || o->job->seen == RESOURCE_ABSENT);

    return !told && apply_wants_word(o->r, end, o->now);
}

static void exit_apply(observed *o, const beat *end)
{
    pilot_record *r = o->r;

    if (!pilot_state_is_final(r->state))
        beat_facts(o, end);
    if (is_undecided(o, end)) {
        if (!pilot_state_is_final(r->state))
            move(o, PILOT_ON_DRAIN);
        return;
    }
    if (end->status >= 0)
        r->exit_code = end->status;
    if (!strcmp(end->state, "DONE") && end->status <= 0)
        move(o, PILOT_ON_EXIT_DONE);
    else
        move(o, !strcmp(end->state, "CANCELED") ? PILOT_ON_EXIT_CANCELED
                                                : PILOT_ON_EXIT_FAILED);
}

static void hello_apply(observed *o, const beat *b)
{
    pilot_record *r = o->r;
    bool hello = strcmp(b->state, "STARTING") != 0;

    if (!hello)
        move(o, PILOT_ON_SEEN_AS(RESOURCE_RUNNING));
    else if (!strcmp(b->state, "DRAINING"))
        move(o, PILOT_ON_DRAIN);
    else
        move(o, strcmp(b->state, "STALLED") ? PILOT_ON_HELLO : PILOT_ON_STALL);
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
static void beat_apply(observed *o)
{
    pilot_record *r = o->r;
    const beat *b = o->b;

    if (!b)
        return;
    bool news = b->time_ns != r->beat_ns;
    if (news) {
        r->beat_ns = b->time_ns;
        r->seen_ns = b->time_ns < o->now ? b->time_ns : o->now;
    }
    if (pilot_state_is_final(r->state) && !news)
        return;
    int s = pilot_state_find(b->state);
    if (s >= 0 && pilot_state_is_final((enum pilot_state)s)) {
        if (!o->end)
            exit_apply(o, b);
        return;
    }
    if (!pilot_state_is_final(r->state))
        beat_facts(o, b);
    hello_apply(o, b);
}

/* --- clocks --- */

static int64_t newest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool is_silent(const observed *o)
{
    const pilot_record *r = o->r;
    int64_t last = newest(newest(r->seen_ns, r->started_ns),
                          newest(r->submitted_ns, r->created_ns));

    return o->now - last > (backend_is_direct(r->resource) ? SILENCE_DIRECT_NS
                            : r->cancel_asked              ? SILENCE_CANCELED_NS
                                              : OBSERVE_SILENCE_NS);
}

static void clocks_apply(observed *o)
{
    const pilot_record *r = o->r;

    if (!o->job)
        return;
    if (o->job->seen == RESOURCE_RUNNING && r->state == PILOT_STARTING &&
        r->hello_timeout_s > 0 &&
        (double)(o->now - r->started_ns) > r->hello_timeout_s * 1e9)
        move(o, PILOT_ON_HELLO_LATE);
    if (o->job->seen != RESOURCE_ABSENT)
        return;
    if (r->state == PILOT_NEW
            ? r->submitting && o->now - r->created_ns > OBSERVE_SUBMIT_NS
            : is_silent(o))
        move(o, PILOT_ON_LOST);
}

/* --- reasons --- */

static void reason_lost(observed *o)
{
    pilot_record *r = o->r;

    if (r->active_ns > 0)
        SET(r->reason,
            "vanished: the scheduler does not know it any more, the last sign "
            "of life is %lld s old, and it left no exit record",
            (long long)((o->now - r->seen_ns) / CLOCK_S));
    else
        SET(r->reason, "vanished: the scheduler does not know it any more, "
                       "and it never said hello");
}

/* How it ended when no exit record tells. */
static void reason_ended(observed *o)
{
    static const char *const words[RESOURCE_N_SEEN] = {
        [RESOURCE_CANCELED] = "canceled",
        [RESOURCE_TIMEOUT] = "its time was over",
        [RESOURCE_PREEMPTED] = "preempted: its nodes went to another job",
        [RESOURCE_NODE_LOST] = "a node of it was lost",
    };
    const resource_job *job = o->job;
    pilot_record *r = o->r;
    char how[320] = "";

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

static void reason_exit(observed *o)
{
    const beat *end = o->end ? o->end : o->b;

    if (*end->reason)
        SET(o->r->reason, "%s", end->reason);
    else if (o->r->state == PILOT_CANCELED)
        SET(o->r->reason, "canceled");
    else if (end->status >= 0)
        SET(o->r->reason, "ended with status %d", end->status);
    else
        SET(o->r->reason, "ended");
}

static void reason_final(observed *o)
{
    pilot_record *r = o->r;

    if (o->why == PILOT_ON_LOST && !*r->sched_id)
        SET(r->reason, r->state == PILOT_CANCELED
                           ? "canceled before the scheduler had it"
                           : "the submission was cut off before the scheduler "
                             "had it: submit again");
    else if (o->why == PILOT_ON_LOST && r->state == PILOT_CANCELED)
        SET(r->reason, "canceled");
    else if (o->why == PILOT_ON_LOST)
        reason_lost(o);
    else if (o->why == PILOT_ON_HELLO_LATE)
        SET(r->reason,
            "its job runs, but the pilot did not say hello within %g s; end "
            "it with 'pilot cancel %s'",
            r->hello_timeout_s, r->id);
    else if (o->why >= PILOT_ON_EXIT_DONE && o->why <= PILOT_ON_EXIT_CANCELED)
        reason_exit(o);
    else if (o->job)
        reason_ended(o);
}

/* The scheduler's words; false: it has none. */
static bool reason_job(observed *o)
{
    const resource_job *job = o->job;
    pilot_record *r = o->r;
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

/* A machine that was made for it may go on to cost. */
static void reason_silent(observed *o)
{
    pilot_record *r = o->r;
    bool made = backend_is_made(r->resource);

    SET(r->reason,
        "its %s, and nothing was heard of its supervisor for %lld s%s%s%s",
        made ? "machine is there" : "job runs",
        (long long)((o->now - r->seen_ns) / CLOCK_S),
        made ? ": 'pilot cancel " : "", made ? r->id : "",
        made ? "' ends it" : "");
}

static void reason_living(observed *o)
{
    pilot_record *r = o->r;
    bool heard =
        o->b || o->why >= 0 || (o->job && o->job->seen == RESOURCE_RUNNING);

    if (o->end && was_started(r->state)) {
        SET(r->reason, "has ended%s%s; the scheduler has not said why",
            *o->end->reason ? ": " : "", o->end->reason);
        return;
    }
    if (reason_job(o) || !heard || !was_started(r->state))
        return;
    if (o->b && *o->b->reason)
        SET(r->reason, "%s", o->b->reason);
    else if (r->state == PILOT_STARTING)
        SET(r->reason, "its job runs and has not said hello yet");
    else if (o->job && r->active_ns > 0 && is_silent(o))
        reason_silent(o);
    else
        SET(r->reason, "%s", "");
}

/* --- the whole --- */

static void ended_set(observed *o)
{
    pilot_record *r = o->r;

    if (o->why >= PILOT_ON_EXIT_DONE && o->why <= PILOT_ON_EXIT_CANCELED)
        r->ended_ns = o->end ? o->end->time_ns : o->b->time_ns;
    else if (o->job && is_over(o->job->seen) && o->job->end_ns > 0)
        r->ended_ns = o->job->end_ns;
    else
        r->ended_ns = o->now;
    if (r->ended_ns > o->now)
        r->ended_ns = o->now;
    r->submitting = r->never = false;
}

bool observe_apply(pilot_record *r, const resource_job *job, const beat *b,
                   const beat *end, int64_t now_ns)
{
    pilot_record was;
    observed o = {r, job, b, end, now_ns, -1};

    memcpy(&was, r, sizeof(was));
    stale_drop(&o);
    if (job)
        job_apply(&o);
    beat_apply(&o);
    if (o.end)
        exit_apply(&o, o.end);
    job_end_apply(&o);
    clocks_apply(&o);
    if (!pilot_state_is_final(r->state)) {
        r->ended_ns = 0;
        reason_living(&o);
    } else if (r->state != was.state || r->ended_ns == 0) {
        ended_set(&o);
        reason_final(&o);
    }
    return memcmp(&was, r, sizeof(was)) != 0;
}
