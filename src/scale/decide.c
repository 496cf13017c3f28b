/* decide.c - facts of a run and its policy make a decision, in words. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "scale.h"
#include "src/common/clock.h"
#include "src/common/text.h"

/* Ranks that are left are to be no busier than that: what comes next finds
 * room, and no rank is called back at once.
 */
#define FULL 0.7
/* Where joules are saved they may be that busy: it is the lag that calls for
 * more.
 */
#define FULL_ENERGY 0.9
/* A lag below that part of what calls for ranks is calm. */
#define CALM 0.5
/* What waits already is to be gone within twice the lag that is allowed, or
 * this.
 */
#define DRAIN_S 10.0
/* Work that waits while ranks are no busier waits for something else. */
#define IDLE 0.5
/* Of ranks that are hardly busy nobody knows what they could do. */
#define BUSY_LEAST 0.05

/* Ranks that are wanted again so soon after others left should have stayed. */
#define SOON_HOLDS 4
#define SOON_S 120.0
#define TURNS_MAX 3
#define RETRY_FIRST_NS (10 * CLOCK_S)
#define RETRY_MOST_NS (900 * CLOCK_S)

/* --- names --- */

const char *scale_action_name(enum scale_action a)
{
    static const char *const names[] = {[SCALE_NOTHING] = "nothing",
                                        [SCALE_GROW] = "grow",
                                        [SCALE_END] = "end",
                                        [SCALE_SHRINK] = "shrink",
                                        [SCALE_CANCEL] = "cancel"};

    return names[a];
}

const char *scale_cause_name(enum scale_cause c)
{
    static const char *const names[SCALE_N_CAUSES] = {
        [SCALE_BY_NOTHING] = "well",      [SCALE_BY_SILENCE] = "silence",
        [SCALE_BY_END] = "end",           [SCALE_BY_LAG] = "lag",
        [SCALE_BY_CALM] = "calm",         [SCALE_BY_TIME] = "time",
        [SCALE_BY_EVENT] = "event",       [SCALE_BY_BOUNDS] = "bounds",
        [SCALE_BY_BUDGET] = "budget",     [SCALE_BY_HOP] = "hop",
        [SCALE_BY_IDLE] = "idle",         [SCALE_BY_PARTITIONS] = "partitions",
        [SCALE_BY_PENDING] = "pending",   [SCALE_BY_BACKOFF] = "back-off",
        [SCALE_BY_COOLDOWN] = "cooldown", [SCALE_BY_DRAINING] = "draining",
        [SCALE_BY_ENERGY] = "energy",
    };

    return names[c];
}

/* --- what is looked at --- */

typedef struct look {
    const scale_policy *p;
    const scale_facts *f;
    scale_history *h;
    scale_decision *d;
    int up, pending;                       /* ranks */
    int members;                           /* that have partitions, or will */
    int floor, ceiling;                    /* ranks, as of now */
    bool spent;                            /* the budget is */
    const scale_member *waiting, *leaving; /* the newest such; or NULL */
} look;

void scale_facts_lag(scale_facts *f)
{
    double busy = f->busy > BUSY_LEAST ? f->busy : BUSY_LEAST;

    f->lag_known = f->rate > 0 || f->lag_blocks <= 0;
    f->lag_s = f->lag_blocks > 0 && f->rate > 0
                   ? f->lag_blocks * (busy < 1 ? busy : 1) / f->rate
                   : 0;
}

static void members_count(look *l)
{
    for (size_t i = 0; i < l->f->n_members; i++) {
        const scale_member *m = &l->f->member[i];
        if (m->leaves) {
            l->leaving = m;
            continue;
        }
        l->members++;
        if (m->waits) {
            l->pending += m->ranks;
            l->waiting = m;
        } else {
            l->up += m->ranks;
        }
    }
}

static look look_make(const scale_policy *p, const scale_facts *f,
                      scale_history *h, scale_decision *d)
{
    look l = {
        .p = p, .f = f, .h = h, .d = d, .floor = p->min, .ceiling = p->max};

    members_count(&l);
    if (f->time && f->time->ranks > l.floor)
        l.floor = f->time->ranks;
    l.spent = p->budget > 0 && f->core_hours >= p->budget;
    if (l.spent)
        l.floor = l.ceiling = p->min;
    d->from = d->to = l.up + l.pending;
    return l;
}

static double seconds(int64_t ns)
{
    return (double)ns / 1e9;
}

static bool decided(look *l, enum scale_cause cause)
{
    l->d->cause = cause;
    return true;
}

#define SAY(l, ...) snprintf((l)->d->words, sizeof((l)->d->words), __VA_ARGS__)

/* Behind what is said already. */
#define SAY_MORE(l, ...)                            \
    snprintf((l)->d->words + strlen((l)->d->words), \
             sizeof((l)->d->words) - strlen((l)->d->words), __VA_ARGS__)

static void energy_say(look *l)
{
    char words[200];

    if (!l->p->energy)
        return;
    scale_energy_words(l->f, l->h, words, sizeof(words));
    SAY_MORE(l, "; %s", words);
}

static double hold_s(const scale_policy *p, const scale_history *h)
{
    return p->hold_s * (1 << h->turns);
}

/* Ranks that could do what is done now, and no fewer than are wanted. */
static int fit(const look *l)
{
    double full = l->p->energy ? FULL_ENERGY : FULL;
    int n = l->p->lag_s > 0 ? (int)ceil(l->up * l->f->busy / full)
            : l->f->time    ? l->f->time->ranks
                            : l->up + l->pending;

    n = n > l->floor ? n : l->floor;
    return l->p->energy ? scale_energy_ranks(l->h, n, l->ceiling) : n;
}

static void history_look(look *l)
{
    const scale_facts *f = l->f;
    scale_history *h = l->h;
    bool timed = l->p->lag_s <= 0;
    bool over = !timed && f->lag_known && f->lag_s > l->p->lag_s;
    bool calm = (timed || (f->lag_known && f->lag_s <= CALM * l->p->lag_s)) &&
                fit(l) < l->up + l->pending;

    h->looks++;
    if (l->p->energy)
        scale_energy_look(f, h, l->waiting || l->leaving ? 0 : l->up);
    if (l->waiting || l->leaving)
        h->changed_ns = f->now_ns;
    h->over_ns = !over ? 0 : h->over_ns ? h->over_ns : f->now_ns;
    h->calm_ns = !calm ? 0 : h->calm_ns ? h->calm_ns : f->now_ns;
}

/* --- more, and fewer --- */

static bool is_backing_off(look *l)
{
    if (l->f->now_ns >= l->h->retry_ns)
        return false;
    if (l->h->failures == 1)
        SAY_MORE(l, "; the last try");
    else
        SAY_MORE(l, "; the last %d tries", l->h->failures);
    SAY_MORE(l, " came to nothing, the next one is in %.0f s",
             seconds(l->h->retry_ns - l->f->now_ns));
    return decided(l, SCALE_BY_BACKOFF);
}

/* Up to [target] ranks, for what is said already: a step at a time, but an
 * event has all it names.  Always decides.
 */
static bool more(look *l, int target, enum scale_cause cause)
{
    int total = l->up + l->pending;
    int most = l->p->each > 0            ? l->p->each
               : cause == SCALE_BY_EVENT ? target - total
               : l->p->step > 0          ? l->p->step
                                         : total;

    if (l->waiting) {
        SAY_MORE(l, "; %s brings %d %s%s and is %s since %.0f s",
                 l->waiting->name, l->waiting->ranks, l->p->unit,
                 text_s(l->waiting->ranks), l->waiting->state,
                 seconds(l->f->now_ns - l->waiting->since_ns));
        return decided(l, SCALE_BY_PENDING);
    }
    if (l->p->each == 0 && l->f->partitions > 0 &&
        l->members >= l->f->partitions) {
        SAY_MORE(l,
                 "; %d pilot%s share %d partition%s, another one would "
                 "have none",
                 l->members, l->members == 1 ? "" : "s", l->f->partitions,
                 l->f->partitions == 1 ? "" : "s");
        return decided(l, SCALE_BY_PARTITIONS);
    }
    if (is_backing_off(l))
        return true;
    if (cause == SCALE_BY_LAG && l->h->changed_ns &&
        seconds(l->f->now_ns - l->h->changed_ns) < l->p->cooldown_s) {
        SAY_MORE(l, "; the last change is %.1f s old",
                 seconds(l->f->now_ns - l->h->changed_ns));
        return decided(l, SCALE_BY_COOLDOWN);
    }
    target = target > l->ceiling ? l->ceiling : target;
    l->d->to = target < total + most ? target : total + most;
    l->d->action = SCALE_GROW;
    return decided(l, cause);
}

/* [m] is to go. */
static bool away(look *l, const scale_member *m, enum scale_action action,
                 int ranks, enum scale_cause cause)
{
    l->d->action = action;
    l->d->ranks = ranks;
    l->d->to = l->d->from - m->ranks + ranks;
    snprintf(l->d->member, sizeof(l->d->member), "%s", m->name);
    return decided(l, cause);
}

/* The one that came last, and may leave as a whole. */
static const scale_member *last_added(const scale_facts *f)
{
    for (size_t i = f->n_members; i-- > 0;)
        if (!f->member[i].leaves && !f->member[i].is_first)
            return &f->member[i];
    return NULL;
}

static const scale_member *first_of(const scale_facts *f)
{
    for (size_t i = 0; i < f->n_members; i++)
        if (f->member[i].is_first && !f->member[i].leaves)
            return &f->member[i];
    return NULL;
}

/* Down to [target] ranks, or as near as whole pilots come.  Always decides. */
static bool fewer(look *l, int target, enum scale_cause cause)
{
    const scale_member *last = last_added(l->f), *first = first_of(l->f);
    int excess = l->up + l->pending - target;

    if (l->leaving) {
        SAY_MORE(l, "; %s is leaving", l->leaving->name);
        return decided(l, SCALE_BY_PENDING);
    }
    if (is_backing_off(l))
        return true;
    if (last && last->ranks <= excess)
        return away(l, last, last->in_queue ? SCALE_CANCEL : SCALE_END, 0,
                    cause);
    if (l->p->each == 0 && !last && first && !first->waits &&
        target < first->ranks && target > 0)
        return away(l, first, SCALE_SHRINK, target, cause);
    if (last)
        SAY_MORE(l, "; %s, the last one, has %d and leaves as a whole",
                 last->name, last->ranks);
    else
        SAY_MORE(l, "; no pilot can leave now");
    return decided(l, cause);
}

/* --- the rules, each true where it decides --- */

static bool by_silence(look *l)
{
    if (l->f->silent)
        SAY(l, "nothing is known: %.250s", l->f->silent);
    else if (l->members == 0)
        SAY(l, "no pilot of it lives");
    else
        return false;
    /* Devices end before the run does: that is no news. */
    return decided(l, l->p->each > 0 && !l->f->silent ? SCALE_BY_END
                                                      : SCALE_BY_SILENCE);
}

/* What has no nodes yet would come for nothing. */
static bool by_end(look *l)
{
    if (!l->f->ends)
        return false;
    SAY(l, "the run ends");
    if (l->waiting && l->waiting->in_queue && !l->waiting->is_first &&
        l->f->now_ns >= l->h->retry_ns)
        return away(l, l->waiting, SCALE_CANCEL, 0, SCALE_BY_END);
    return decided(l, SCALE_BY_END);
}

static bool by_event(look *l)
{
    const scale_event *e = l->f->event;
    int total = l->up + l->pending, target;

    if (!e)
        return false;
    target = e->set ? e->n : total + e->n;
    target = target < l->floor ? l->floor : target;
    target = target > l->ceiling ? l->ceiling : target;
    SAY(l, e->set ? "event %s: %d %s%s" : "event %s: %+d %s%s", e->name, e->n,
        l->p->unit, e->n == -1 ? "" : text_s(e->n));
    if (target == total) {
        SAY_MORE(l, "; it stays at %d, within %d to %d", total, l->floor,
                 l->ceiling);
        l->d->event_taken = true;
        return decided(l, SCALE_BY_EVENT);
    }
    if (target > total)
        more(l, target, SCALE_BY_EVENT);
    else
        fewer(l, target, SCALE_BY_EVENT);
    /* What another has to go before waits; what cannot be is over. */
    l->d->event_taken = l->d->action != SCALE_NOTHING ||
                        l->d->cause == SCALE_BY_EVENT ||
                        l->d->cause == SCALE_BY_PARTITIONS;
    if (l->d->action == SCALE_NOTHING ||
        (target > total ? l->d->to >= target : l->d->to <= target))
        return true;
    /* One pilot comes, or leaves, after another. */
    if (e->set)
        l->d->event_taken = false;
    else
        SAY_MORE(l, "; one pilot leaves at a time: tell it again for the "
                    "rest");
    return true;
}

static bool by_bounds(look *l)
{
    int total = l->up + l->pending;

    if (total < l->floor) {
        bool timed = l->f->time && l->f->time->ranks == l->floor;

        if (timed)
            SAY(l, "%d %s%s from %s on", l->floor, l->p->unit, text_s(l->floor),
                l->f->time->words);
        else
            SAY(l, "%d %s%s, fewer than min %d", total, l->p->unit,
                text_s(total), l->floor);
        return more(l, l->floor, timed ? SCALE_BY_TIME : SCALE_BY_BOUNDS);
    }
    if (total <= l->ceiling)
        return false;
    if (l->spent)
        SAY(l, "%.4g of %.4g core hours are spent: min %d rank%s from now on",
            l->f->core_hours, l->p->budget, l->p->min, text_s(l->p->min));
    else
        SAY(l, "%d %ss, more than max %d", total, l->p->unit, l->p->max);
    return fewer(l, l->ceiling, l->spent ? SCALE_BY_BUDGET : SCALE_BY_BOUNDS);
}

/* Is [word] in the blank-separated [words]? */
static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);

    for (const char *s = words; n > 0 && (s = strstr(s, word)); s += n)
        if ((s == words || s[-1] == ' ') && (s[n] == ' ' || s[n] == '\0'))
            return true;
    return false;
}

/* Ranks that take what comes, and what waits within a while. */
static int ranks_needed(const look *l)
{
    const scale_facts *f = l->f;
    double busy = f->busy > BUSY_LEAST ? f->busy : BUSY_LEAST;
    double each = f->rate / (l->up * (busy < 1 ? busy : 1));
    double within = 2 * l->p->lag_s > DRAIN_S ? 2 * l->p->lag_s : DRAIN_S;
    double comes = f->rate + (f->grows_known && f->grows > 0 ? f->grows : 0);
    double n = ceil((comes + f->lag_blocks / within) / each);
    int least = l->up + l->pending + 1;

    if (!(n < l->p->max))
        return l->p->max;
    return n > least ? (int)n : least;
}

/* Seconds until the lag is what it may be, as it goes now; -1: never. */
static double drained_in(const look *l)
{
    const scale_facts *f = l->f;
    double most = f->lag_blocks * l->p->lag_s / f->lag_s;

    return f->grows_known && f->grows < 0 ? (f->lag_blocks - most) / -f->grows
                                          : -1;
}

static bool by_lag(look *l)
{
    const scale_facts *f = l->f;
    double left;
    int total = l->up + l->pending;

    if (l->p->lag_s <= 0)
        return false;
    if (!f->lag_known) {
        SAY(l,
            "%.0f blocks wait and none was processed in the last seconds: "
            "what that takes is not known",
            f->lag_blocks);
        return decided(l, SCALE_BY_SILENCE);
    }
    if (f->lag_s <= l->p->lag_s || l->up == 0)
        return false;
    SAY(l, "%.1f s of work wait, more than %.4g s", f->lag_s, l->p->lag_s);
    if (has_word(l->p->unless, f->bound ? f->bound : "")) {
        SAY_MORE(l, "; the bottleneck is %s, which more ranks do not relieve",
                 f->bound);
        return decided(l, SCALE_BY_HOP);
    }
    if (f->busy < IDLE) {
        SAY_MORE(l,
                 "; ranks are %.0f%% busy, and more would wait, too: 'pilot "
                 "status --map' shows whose partitions have it",
                 100 * f->busy);
        return decided(l, SCALE_BY_IDLE);
    }
    if (total >= l->ceiling) {
        if (l->spent)
            SAY_MORE(l, "; %.4g core hours are spent", l->p->budget);
        else
            SAY_MORE(l, "; there %s %d rank%s, the most there may be",
                     total == 1 ? "is" : "are", total, text_s(total));
        return decided(l, l->spent ? SCALE_BY_BUDGET : SCALE_BY_BOUNDS);
    }
    left = drained_in(l);
    if (left >= 0 && left <= DRAIN_S) {
        SAY_MORE(l, "; it is made up in %.1f s as it goes", left);
        return decided(l, SCALE_BY_DRAINING);
    }
    return more(l, ranks_needed(l), SCALE_BY_LAG);
}

static bool by_calm(look *l)
{
    const scale_history *h = l->h;
    /* What was submitted for a lag that is gone is not waited for. */
    bool queued = l->waiting && l->waiting->in_queue && h->by_lag;
    int64_t since =
        queued || h->calm_ns > h->changed_ns ? h->calm_ns : h->changed_ns;
    double quiet_s = seconds(l->f->now_ns - since);
    int n = fit(l), total = l->up + l->pending;

    if (!h->calm_ns)
        return false;
    if (l->p->lag_s > 0)
        SAY(l, "%d rank%s would do: %d are %.0f%% busy, %.1f s of work wait", n,
            text_s(n), l->up, 100 * l->f->busy, l->f->lag_s);
    else
        SAY(l, "%d %s%s from %s on", n, l->p->unit, text_s(n),
            l->f->time->words);
    energy_say(l);
    if (quiet_s < hold_s(l->p, h)) {
        SAY_MORE(l, "; so since %.0f s, some leave after %.4g s", quiet_s,
                 hold_s(l->p, h));
        return decided(l, SCALE_BY_NOTHING);
    }
    if (l->p->lag_s > 0 || total > n)
        return fewer(l, n, l->p->lag_s > 0 ? SCALE_BY_CALM : SCALE_BY_TIME);
    return false;
}

/* More ranks are there for fewer joules: what was measured says so. */
static bool by_energy(look *l)
{
    int total = l->up + l->pending, n = l->p->energy ? fit(l) : total;

    if (n <= total ||
        seconds(l->f->now_ns - l->h->changed_ns) < hold_s(l->p, l->h))
        return false;
    SAY(l, "%d ranks take fewer joules than %d", n, total);
    energy_say(l);
    return more(l, n, SCALE_BY_ENERGY);
}

static bool by_nothing(look *l)
{
    if (l->p->lag_s > 0)
        SAY(l, "all is well: %.1f s of work wait, %d rank%s %.0f%% busy",
            l->f->lag_s, l->up, l->up == 1 ? " is" : "s are", 100 * l->f->busy);
    else
        SAY(l, "all is well: %d %s%s", l->up, l->p->unit, text_s(l->up));
    energy_say(l);
    return decided(l, SCALE_BY_NOTHING);
}

scale_decision scale_decide(const scale_policy *p, const scale_facts *f,
                            scale_history *h)
{
    static bool (*const rules[])(look *) = {by_end,    by_silence, by_event,
                                            by_bounds, by_lag,     by_energy,
                                            by_calm,   by_nothing};
    scale_decision d = {.action = SCALE_NOTHING};
    look l = look_make(p, f, h, &d);

    if (!f->silent)
        history_look(&l);
    for (size_t i = 0; !rules[i](&l); i++)
        ;
    return d;
}

/* --- what became of it --- */

static void done_note(const scale_policy *p, scale_history *h,
                      const scale_decision *d, int64_t now_ns)
{
    double window = SOON_HOLDS * hold_s(p, h);
    bool soon = h->down_ns && seconds(now_ns - h->down_ns) <
                                  (window > SOON_S ? window : SOON_S);

    h->changed_ns = now_ns;
    h->calm_ns = 0;
    h->submitted += d->action == SCALE_GROW;
    if (d->action == SCALE_GROW)
        h->by_lag = d->cause == SCALE_BY_LAG;
    h->canceled += d->action == SCALE_CANCEL;
    h->ended += d->action == SCALE_END || d->action == SCALE_SHRINK;
    if (d->action != SCALE_GROW && d->cause == SCALE_BY_CALM)
        h->down_ns = now_ns;
    if (d->action == SCALE_GROW && d->cause == SCALE_BY_LAG && h->down_ns) {
        h->turns = !soon ? 0 : h->turns < TURNS_MAX ? h->turns + 1 : TURNS_MAX;
        h->down_ns = 0; /* it counts once */
    }
}

void scale_note(const scale_policy *p, scale_history *h,
                const scale_decision *d, enum scale_outcome o, int64_t now_ns)
{
    if (o == SCALE_DONE) {
        done_note(p, h, d, now_ns);
        return;
    }
    h->refused += o == SCALE_REFUSED;
    h->failed += o == SCALE_FAILED;
    h->retry_ns = now_ns + clock_backoff_ns((unsigned)h->failures,
                                            RETRY_FIRST_NS, RETRY_MOST_NS);
    if (h->failures < 30)
        h->failures++;
}

void scale_note_up(scale_history *h)
{
    h->failures = 0;
    h->retry_ns = 0;
}
