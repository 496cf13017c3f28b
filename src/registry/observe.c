/* observe.c - bring the records of pilots up to date. */
#include "observe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/registry/hear.h"
#include "src/registry/observe_private.h"

/* One that is over is asked for as long, when its scheduler is asked anyway:
 * it may have been queued again, or be better known.
 */
#define RECENT_NS (3600 * CLOCK_S)
/* What the caller has read may be older than an answer of so short ago. */
#define FRESH_NS (10 * CLOCK_S)
/* A pilot that beat so lately needs no other word. */
#define QUIET_NS (15 * CLOCK_S)
/* Times alone are worth a write this seldom. */
#define TIMES_NS (600 * CLOCK_S)

/* --- which pilots --- */

/* Is there something to be learned of [r]? */
static bool is_open(const observe_work *w, const pilot_record *r)
{
    if (!*r->sched_id && !r->submitting && r->state == PILOT_NEW)
        return false; /* nobody has heard of it */
    return !pilot_state_is_final(r->state) || w->now - r->ended_ns < RECENT_NS;
}

/* Is a scheduler to be asked? */
static bool any_due(observe_work *w, const pilot_record *records, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_open(w, &records[i]) &&
            (!pilot_state_is_final(records[i].state) || w->c->now) &&
            observe_has_queue(records[i].resource) &&
            observe_is_due(w, records[i].resource))
            return true;
    return false;
}

static bool has_url(const pilot_record *records, size_t n, const char *url)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(records[i].resource, url))
            return true;
    return false;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const observe_item *)a)->rec.id,
                  ((const observe_item *)b)->rec.id);
}

/* Each once, sorted. */
static void items_sort(observe_work *w)
{
    size_t n = 0;

    if (w->n > 1)
        qsort(w->items, w->n, sizeof(*w->items), by_id);
    for (size_t i = 0; i < w->n; i++)
        if (n == 0 || by_id(&w->items[n - 1], &w->items[i]) != 0)
            w->items[n++] = w->items[i];
    w->n = n;
}

/* The caller's record, or the newer one that another command has written while
 * it asked.
 */
static void item_renew(observe_work *w, const pilot_record *r,
                       pilot_record *out)
{
    const asked *a = asked_of(&w->asked, r->resource);

    if (!a || w->now - a->tried_ns >= FRESH_NS ||
        pilot_record_read(w->c->home, r->id, out, NULL) != 0)
        *out = *r;
}

/* The [n] of the caller, and with [all] those of the registry at the same
 * places.
 */
static int items_gather(observe_work *w, const pilot_record *records, size_t n,
                        bool all, pe_error *errp)
{
    pilot_record *others = NULL;
    size_t n_others = 0;

    if (all &&
        pilot_records_read(w->c->home, &others, &n_others, NULL, errp) < 0)
        return -1;
    w->items = calloc(n + n_others + 1, sizeof(*w->items));
    /* What is on the disk is newer than what the caller has. */
    for (size_t i = 0; w->items && i < n_others; i++)
        if (is_open(w, &others[i]) && has_url(records, n, others[i].resource))
            w->items[w->n++].rec = others[i];
    for (size_t i = 0; w->items && i < n && !all; i++)
        if (is_open(w, &records[i]))
            item_renew(w, &records[i], &w->items[w->n++].rec);
    free(others);
    if (!w->items)
        return pe_error_nomem(errp);
    items_sort(w);
    return 0;
}

static void items_free(observe_work *w)
{
    for (size_t i = 0; i < w->n; i++) {
        json_decref(w->items[i].beat_json);
        json_decref(w->items[i].end_json);
        free(w->items[i].words);
    }
    free(w->items);
}

/* --- beats of the parameter service --- */

static int64_t time_of(const json_t *o)
{
    return json_integer_value(json_object_get(o, "time_ns"));
}

/* Nothing to be gained where the file is of this moment, or all is over. */
static bool wants_beat(const observe_work *w, const observe_item *it)
{
    return !pilot_state_is_final(it->rec.state) && !it->end_json &&
           w->now - time_of(it->beat_json) > CLOCK_S;
}

/* Items of one run stand side by side. */
static void beats_merge(observe_work *w)
{
    const char *run = "";
    json_t *all = NULL;

    for (size_t i = 0; w->c->beats && i < w->n; i++) {
        observe_item *it = &w->items[i];
        if (!wants_beat(w, it))
            continue;
        if (strcmp(run, it->rec.run) != 0) {
            json_decref(all);
            run = it->rec.run;
            all = w->c->beats(w->c->arg, run);
        }
        json_t *o = json_object_get(all, it->rec.name);
        if (time_of(o) > time_of(it->beat_json)) {
            json_decref(it->beat_json);
            it->beat_json = json_incref(o);
            observe_take(it);
        }
    }
    json_decref(all);
}

/* --- put together --- */

/* Why no more is known of a pilot that was not heard for a while. */
static void elsewhere_tell(pilot_record *r, int64_t now)
{
    char what[sizeof(r->reason)] = "";

    if (pilot_state_is_final(r->state) || !observe_is_elsewhere(r) ||
        now - r->seen_ns < QUIET_NS)
        return;
    snprintf(what, sizeof(what), "lives on %s: 'pilot status' there knows more",
             r->host);
    memcpy(r->reason, what, sizeof(what));
}

static void apply(pilot_record *r, const observe_item *it, int64_t now)
{
    observe_apply(r, it->answered ? &it->job : NULL,
                  it->beat_json ? &it->beat : NULL,
                  it->end_json ? &it->end : NULL, now);
    if (!it->answered)
        elsewhere_tell(r, now);
}

/* What is not worth a write by itself is taken out. */
static void times_hide(pilot_record *r, const pilot_record *from)
{
    r->observed_ns = from->observed_ns;
    if (r->seen_ns - from->seen_ns > TIMES_NS)
        return;
    r->seen_ns = from->seen_ns;
    r->beat_ns = from->beat_ns;
}

static bool is_worth_writing(const pilot_record *before,
                             const pilot_record *after)
{
    pilot_record copy;

    memcpy(&copy, after, sizeof(copy));
    times_hide(&copy, before);
    return memcmp(&copy, before, sizeof(copy)) != 0;
}

/* Did it end in a way its last words may explain? */
static bool is_unexplained(const pilot_record *r, enum pilot_state before)
{
    return r->state != before &&
           (r->state == PILOT_MISSING ||
            (r->state == PILOT_FAILED && r->active_ns == 0)) &&
           *r->sched_id;
}

static void words_add(pilot_record *r, const observe_item *it)
{
    size_t len = strlen(r->reason);

    if (it->words)
        snprintf(r->reason + len, sizeof(r->reason) - len,
                 "; its last words: %s", it->words);
}

static void words_take(observe_work *w, observe_item *it)
{
    resource *res = observe_cache_open(w->cache, it->rec.resource, NULL);
    host *h = res ? resource_host(res, it->rec.sched_id, NULL) : NULL;

    if (h)
        it->words = hear_last_words(
            h, res->timeout_s > 0 ? res->timeout_s : OBSERVE_HOST_TIMEOUT_S,
            it->rec.dir);
}

static void item_apply(observe_work *w, observe_item *it)
{
    pilot_record before;

    memcpy(&before, &it->rec, sizeof(before));
    apply(&it->rec, it, w->now);
    if (is_unexplained(&it->rec, before.state)) {
        words_take(w, it);
        words_add(&it->rec, it);
    }
    it->changed = is_worth_writing(&before, &it->rec);
    if (w->c->heard && it->beat_json)
        w->c->heard(w->c->arg, &it->rec, it->beat_json);
}

/* --- write --- */

/* One edit: the item, and the time of the look. */
typedef struct edit_arg {
    const observe_item *it;
    int64_t now;
} edit_arg;

/* The same again, on what the record is by now: another command may have
 * changed it since it was read.
 */
static int item_edit(pilot_record *r, void *arg, pe_error *errp)
{
    const edit_arg *a = arg;
    pilot_record before;

    (void)errp;
    memcpy(&before, r, sizeof(before));
    apply(r, a->it, a->now);
    if (is_unexplained(r, before.state))
        words_add(r, a->it);
    return is_worth_writing(&before, r) ? 0 : 1;
}

static int items_write(observe_work *w, pe_error *errp)
{
    pilot_record_edit *edits = calloc(w->n + 1, sizeof(*edits));
    edit_arg *args = calloc(w->n + 1, sizeof(*args));
    pe_error e = {0};
    size_t n = 0;
    int status = 0;

    if (!edits || !args)
        status = pe_error_nomem(errp);
    for (size_t i = 0; status == 0 && i < w->n; i++) {
        if (!w->items[i].changed)
            continue;
        args[n] = (edit_arg){&w->items[i], w->now};
        edits[n] =
            (pilot_record_edit){w->items[i].rec.id, &args[n], &w->items[i].rec};
        n++;
    }
    /* What was learned is shown even where it cannot be kept. */
    if (status == 0 &&
        pilot_records_change(w->c->home, edits, n, item_edit, &e) < 0)
        observe_trouble(w, "%s", e.text);
    free(args);
    free(edits);
    return status;
}

static int id_to_item(const void *id, const void *it)
{
    return strcmp(id, ((const observe_item *)it)->rec.id);
}

static void records_replace(const observe_work *w, pilot_record *records,
                            size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const observe_item *it = bsearch(records[i].id, w->items, w->n,
                                         sizeof(*w->items), id_to_item);
        if (it)
            records[i] = it->rec;
    }
}

static int work_open(observe_work *w, const pilot_record *records, size_t n,
                     pe_error *errp)
{
    bool all;

    w->cache = w->c->cache ? w->c->cache : observe_cache_create(errp);
    if (!w->cache || asked_load(w->c->home, &w->asked, errp) < 0)
        return -1;
    all = any_due(w, records, n);
    if (all) {
        /* Somebody else may have asked while we waited for our turn. */
        w->lock = asked_lock(w->c->home);
        asked_free(&w->asked);
        if (asked_load(w->c->home, &w->asked, errp) < 0)
            return -1;
        w->now = clock_real_ns();
    }
    return items_gather(w, records, n, all, errp);
}

static void work_close(observe_work *w)
{
    items_free(w);
    asked_free(&w->asked);
    if (w->lock >= 0)
        close(w->lock);
    if (!w->c->cache)
        observe_cache_destroy(w->cache);
}

int observe(const observe_conf *c, pilot_record *records, size_t n,
            pe_error *errp)
{
    observe_work w = {.c = c, .now = clock_real_ns(), .lock = -1};
    pe_error e = {0};
    int status = work_open(&w, records, n, errp);

    if (status == 0)
        status = observe_places(&w, errp);
    if (status == 0) {
        beats_merge(&w);
        for (size_t i = 0; i < w.n; i++)
            item_apply(&w, &w.items[i]);
        status = items_write(&w, errp);
    }
    if (w.asked_any && asked_save(c->home, &w.asked, &e) < 0)
        observe_trouble(&w, "%s", e.text);
    if (status == 0)
        records_replace(&w, records, n);
    work_close(&w);
    return status;
}
