/* keep.c - the one process that decides about a run's pool, or edge. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/monitor/value.h"
#include "src/run/signals.h"

#define LOOK_NS (500 * CLOCK_MS)
#define STEP_NS (50 * CLOCK_MS)
/* Who is silent for so long decides no more. */
#define TTL_MS 8000
#define PUT_NS (2 * CLOCK_S)
/* A member that ends sooner, and not by our word, has come to nothing. */
#define UP_NS (30 * CLOCK_S)
#define END_NS (15 * CLOCK_S) /* for what is canceled at the end */
#define UNDER_WAY "under way" /* the outcome of what is not done yet */

/* --- rows --- */

static json_t *row_last(const scaler *s)
{
    size_t n = json_array_size(s->rows);

    return n > 0 ? json_array_get(s->rows, n - 1) : NULL;
}

/* The newest row of [action]. */
static json_t *row_of(const scaler *s, enum scale_action action)
{
    for (size_t i = json_array_size(s->rows); i-- > 0;) {
        json_t *row = json_array_get(s->rows, i);
        if (!strcmp(value_text(row, "action", ""), scale_action_name(action)))
            return row;
    }
    return NULL;
}

static void outcome_set(json_t *row, const char *words)
{
    if (row)
        json_object_set_new(row, "outcome", json_string(words));
}

/* Nothing done is worth a row where somebody could ask why. */
static bool is_told(const scaler *s, const scale_decision *d)
{
    static const enum scale_cause causes[] = {
        SCALE_BY_SILENCE,  SCALE_BY_HOP,   SCALE_BY_IDLE,   SCALE_BY_PARTITIONS,
        SCALE_BY_DRAINING, SCALE_BY_EVENT, SCALE_BY_BUDGET, SCALE_BY_BACKOFF};
    bool bounds = d->cause == SCALE_BY_BOUNDS;

    if (d->action != SCALE_NOTHING)
        return true;
    if (d->cause == s->told_cause)
        return false;
    for (size_t i = 0; !bounds && i < sizeof(causes) / sizeof(causes[0]); i++)
        bounds = d->cause == causes[i];
    return bounds;
}

static void line_tell(scaler *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void line_tell(scaler *s, const char *fmt, ...)
{
    char line[800];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    if (s->tell)
        s->tell(s->arg, line);
}

static void row_add(scaler *s, const scale_decision *d, const scale_facts *f)
{
    json_t *row = scale_decision_json(d, f, &s->history);

    s->told_cause = d->cause;
    if (d->action == SCALE_NOTHING)
        outcome_set(row, "nothing done");
    else if (d->event_taken && s->event.id)
        json_object_set_new(row, "event", json_string(s->event.id));
    json_array_append_new(s->rows, row);
    while (json_array_size(s->rows) > SCALER_ROWS)
        json_array_remove(s->rows, 0);
    if (d->action == SCALE_NOTHING)
        line_tell(s, "scale: %d %s%s: %s", d->from, s->policy->unit,
                  d->from == 1 ? "" : "s", d->words);
    else
        line_tell(s, "scale: %d to %d %s%s: %s", d->from, d->to,
                  s->policy->unit, d->to == 1 ? "" : "s", d->words);
}

/* --- what stands for everybody --- */

static json_t *state_make(const scaler *s, json_t *now)
{
    json_t *events = json_array();
    text words = {0};
    json_t *o;

    for (size_t i = 0; i < s->policy->n_events; i++)
        json_array_append_new(events, json_string(s->policy->events[i].name));
    scale_policy_words(s->policy, &words);
    o = json_pack("{s:i, s:s, s:s, s:s, s:o, s:s, s:I, s:o, s:o, s:O}",
                  "schema", SCALER_SCHEMA, "run", s->run, "pool",
                  s->pilot->name, "policy", words.data ? words.data : "",
                  "events", events, "keeper", s->id, "time_ns",
                  value_int(now, "time_ns"), "now", now, "history",
                  scale_history_json(&s->history), "decisions", s->rows);
    text_free(&words);
    return o;
}

/* Written when something was done, and every 2 s. */
static void state_put(scaler *s, const scale_decision *d, const scale_facts *f,
                      bool now)
{
    params *p = live_params(s->live, NULL);
    json_t *o;
    char *json;

    if (!p || (!now && clock_mono_ns() - s->put_ns < PUT_NS))
        return;
    o = state_make(s, scaler_now(s, d, f, &s->history));
    json = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
    if (json && params_scale_put(p, json, NULL) == 0)
        s->put_ns = clock_mono_ns();
    free(json);
    json_decref(o);
}

/* What the keeper before us has done is ours to know. */
static void state_take(scaler *s)
{
    params *p = live_params(s->live, NULL);
    json_t *o = p ? scaler_told(p, s->run, NULL) : NULL;
    json_t *rows = json_object_get(o, "decisions");

    scale_history_take(json_object_get(o, "history"), &s->history);
    if (json_is_array(rows)) {
        json_decref(s->rows);
        s->rows = json_deep_copy(rows);
    }
    json_decref(o);
}

/* --- what becomes of what was submitted --- */

static void watched_failed(scaler *s, const pilot_record *r, int64_t now)
{
    const scale_decision d = {.action = SCALE_GROW};
    char words[700];

    snprintf(words, sizeof(words), "%s is %s%s%s", s->watched,
             pilot_state_name(r->state), *r->reason ? ": " : "", r->reason);
    outcome_set(row_of(s, SCALE_GROW), words);
    line_tell(s, "scale: %s", words);
    scale_note(s->policy, &s->history, &d, SCALE_FAILED, now);
    *s->watched = '\0';
}

static void watched_up(scaler *s, int64_t now)
{
    json_t *row = row_of(s, SCALE_GROW);
    double took = (double)(now - value_int(row, "time_ns")) / 1e9;
    char words[160];

    s->up_ns = now;
    snprintf(words, sizeof(words), "%s is up after %.1f s", s->watched, took);
    outcome_set(row, words);
    json_object_set_new(row, "up_s", json_real(took));
    line_tell(s, "scale: %s", words);
}

static void watched_turn(scaler *s, const scale_facts *f)
{
    const pilot_record *r = *s->watched ? facts_record(s, s->watched) : NULL;
    const scale_member *m = NULL;

    if (!r)
        return;
    for (size_t i = 0; i < f->n_members; i++)
        if (!strcmp(f->member[i].name, s->watched))
            m = &f->member[i];
    if (f->ends || r->cancel_asked || (m && m->leaves)) {
        *s->watched = '\0'; /* it goes as it was asked to */
        return;
    }
    if (pilot_state_is_final(r->state)) {
        watched_failed(s, r, f->now_ns);
        return;
    }
    if (!s->up_ns && m && !m->waits)
        watched_up(s, f->now_ns);
    if (s->up_ns && f->now_ns - s->up_ns > UP_NS) {
        scale_note_up(&s->history);
        *s->watched = '\0';
    }
}

/* --- to decide, and to do it --- */

static void event_forget(scaler *s)
{
    params *p = live_params(s->live, NULL);

    if (p && s->event.name)
        params_event_drop(p, &s->event, NULL);
}

static void done(scaler *s, int64_t now)
{
    const scale_decision *d = &s->act.d;
    char words[200];

    scale_note(s->policy, &s->history, d, SCALE_DONE, now);
    if (d->event_taken)
        event_forget(s);
    if (d->action == SCALE_GROW)
        snprintf(words, sizeof(words), "%s is submitted", s->watched);
    else if (d->action == SCALE_CANCEL)
        snprintf(words, sizeof(words), "%s is canceled", d->member);
    else if (d->action == SCALE_END)
        snprintf(words, sizeof(words), "%s is asked to leave", d->member);
    else
        snprintf(words, sizeof(words), "%s is asked to go on with %d",
                 d->member, d->ranks);
    outcome_set(row_of(s, d->action), words);
    line_tell(s, "scale: %s", words);
}

static void refused(scaler *s, const pe_error *e, int64_t now)
{
    char words[700];

    scale_note(s->policy, &s->history, &s->act.d, SCALE_REFUSED, now);
    snprintf(words, sizeof(words), "refused: %.600s", e->text);
    outcome_set(row_of(s, s->act.d.action), words);
    line_tell(s, "scale: %s", words);
}

/* What comes as the run ends would be for the next command. */
static void event_drop(scaler *s, const scale_decision *d, const scale_facts *f)
{
    scale_decision late = {.action = SCALE_NOTHING,
                           .cause = SCALE_BY_EVENT,
                           .from = d->from,
                           .to = d->from};

    snprintf(late.words, sizeof(late.words), "event %s came as the run ends",
             s->event.name);
    row_add(s, &late, f);
    event_forget(s);
}

static void decide(scaler *s, const scale_facts *f)
{
    scale_decision d = scale_decide(s->policy, f, &s->history);
    bool told = is_told(s, &d);
    pe_error e = {0};
    int rc;

    if (told)
        row_add(s, &d, f);
    else if (d.cause == SCALE_BY_NOTHING)
        s->told_cause = d.cause;
    if (f->ends && s->event.name)
        event_drop(s, &d, f);
    if (d.event_taken && d.action == SCALE_NOTHING)
        event_forget(s); /* else once it is done: it may be refused */
    if (d.action != SCALE_NOTHING) {
        outcome_set(row_last(s), UNDER_WAY);
        state_put(s, &d, f, true); /* before anybody is asked for anything */
        rc = act_begin(s, &d, &e);
        if (rc < 0)
            refused(s, &e, f->now_ns);
        else if (rc == 0)
            done(s, f->now_ns);
    }
    state_put(s, &d, f, told);
}

/* A keeper may be gone between what it did and its word of that, with its own
 * pilot, too, which it ended: what can be seen to be done is not done again.
 * True: it was an event, and the look is of before.
 */
static bool taken_settle(scaler *s, const scale_facts *f)
{
    json_t *row = row_last(s);
    enum scale_action action = SCALE_NOTHING;
    bool taken = false;

    s->took_over = false;
    if (strcmp(value_text(row, "outcome", ""), UNDER_WAY) != 0)
        return false;
    if (!facts_was_done(s, f, row)) {
        outcome_set(row, "who decided was gone before it was done");
        return false;
    }
    outcome_set(row, "it is done; who decided was gone before that was told");
    while (action < SCALE_CANCEL &&
           row != row_of(s, action)) /* which one it is, by its name */
        action++;
    scale_note(s->policy, &s->history, &(scale_decision){.action = action},
               SCALE_DONE, f->now_ns);
    taken = s->event.id && !strcmp(value_text(row, "event", ""), s->event.id);
    if (taken)
        event_forget(s);
    return taken;
}

/* One look, and what follows from it.  What was under way has changed what is
 * known: then that is looked at first.  True: the run is over, and nothing of
 * it waits any more.
 */
static bool turn(scaler *s, scale_facts *f)
{
    pe_error e = {0};
    json_t *doc = facts_take(s, f, &e);
    bool over = false;
    int rc;

    if (!doc) { /* no memory, or the registry is away for a moment */
        log_warn("%s", e.text);
        return false;
    }
    if (s->act.proc) {
        rc = act_turn(s, &e);
        if (rc > 0)
            done(s, f->now_ns);
        else if (rc < 0)
            refused(s, &e, f->now_ns);
        if (rc != 0)
            state_put(s, &s->act.d, f, true);
    } else if (!s->took_over || !taken_settle(s, f)) {
        watched_turn(s, f);
        decide(s, f);
        over = live_is_over(value_text(doc, "state", "")) && !s->act.proc &&
               facts_is_begun(s);
    }
    json_decref(doc);
    return over;
}

/* --- the end --- */

/* The run is stopped: pilots that were added go with it. */
static void members_cancel(scaler *s, const scale_facts *f)
{
    for (size_t i = 0; i < f->n_members; i++) {
        scale_decision d = {.action = SCALE_CANCEL};
        pe_error e = {0};
        int rc;

        if (f->member[i].is_first)
            continue;
        snprintf(d.member, sizeof(d.member), "%s", f->member[i].name);
        rc = act_begin(s, &d, &e);
        for (int64_t by = clock_mono_ns() + END_NS;
             rc > 0 && act_turn(s, &e) == 0 && clock_mono_ns() < by;)
            clock_sleep_ns(STEP_NS, 0);
        if (*e.text)
            log_warn("%s is not ended: %s", d.member, e.text);
    }
}

static void stop(scaler *s, scale_facts *f)
{
    pe_error e = {0};
    json_t *doc;

    for (int64_t by = clock_mono_ns() + END_NS;
         s->act.proc && act_turn(s, &e) == 0 && clock_mono_ns() < by;)
        clock_sleep_ns(STEP_NS, 0);
    doc = facts_take(s, f, &e);
    if (doc)
        members_cancel(s, f);
    json_decref(doc);
}

/* Until the next look is due, or somebody wants the end: its signal. */
static int wait(int64_t until_ns)
{
    while (clock_mono_ns() < until_ns) {
        struct signals told = signals_take();
        if (told.ends > 0)
            return told.last;
        clock_sleep_ns(STEP_NS, 0);
    }
    return 0;
}

/* 1: it is us, 0: another; what cannot be asked is looked at again. */
static int keeper_turn(scaler *s, bool *oursp)
{
    params *p = live_params(s->live, NULL);
    int rc = p ? params_keeper_take(p, s->id, TTL_MS, NULL) : -1;

    if (rc > 0 && !*oursp) {
        state_take(s);
        s->took_over = true;
        line_tell(s, "scale: %s is looked after from here", s->pilot->name);
    }
    /* While the service is away nothing can be decided anyway. */
    *oursp = rc > 0 || (rc < 0 && *oursp);
    return *oursp;
}

int scaler_keep(scaler *s, void (*tell)(void *arg, const char *line), void *arg,
                pe_error *errp)
{
    scale_facts *f = calloc(1, sizeof(*f));
    pid_t parent = getppid();
    bool ours = false, over = false;
    int64_t begun_ns, end_ns = 0;
    int sig = 0;

    if (!f)
        return pe_error_nomem(errp);
    s->tell = tell;
    s->arg = arg;
    while (!over && sig == 0 && getppid() == parent) {
        begun_ns = clock_mono_ns();
        if (keeper_turn(s, &ours) && turn(s, f)) {
            end_ns = end_ns ? end_ns : begun_ns + END_NS;
            over = f->n_members == 0 || begun_ns > end_ns;
        }
        if (!over)
            sig = wait(begun_ns + LOOK_NS);
    }
    if (sig == SIGINT && ours)
        stop(s, f);
    /* Of what is under way the next one is to see what came of it. */
    if (ours && !s->act.proc && live_params(s->live, NULL))
        params_keeper_leave(live_params(s->live, NULL), s->id, NULL);
    free(f);
    return 0;
}
