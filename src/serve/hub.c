/* hub.c - looks at a run, and makes of it what is served. */
#include "hub.h"

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/live/live.h"
#include "src/monitor/value.h"
#include "src/page/document.h"
#include "src/page/html.h"
#include "src/page/known.h"
#include "src/serve/metrics.h"

/* The folder and the history are read less often than services are asked; of
 * a run that is over all is read once.
 */
#define FACTS_NS (10 * CLOCK_S)

struct hub {
    const char *events;
    char *run;
    live *live;
    int64_t step_ns;
    json_t *facts;
    int64_t facts_ns; /* when they were read, monotonic */
    bool whole;       /* ... with the trace, at the end of the run */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool started, ends;
    hub_piece *piece[HUB_TEXTS];
    uint64_t seq;
    void (*tell)(void *arg);
    void *arg;
};

void hub_piece_drop(hub_piece *p)
{
    if (p && atomic_fetch_sub(&p->holders, 1) == 1)
        free(p);
}

/* [t] as a piece; it is freed. */
static hub_piece *piece_make(text *t, pe_error *errp)
{
    hub_piece *p = t->failed ? NULL : malloc(sizeof(*p) + t->len + 1);

    if (p) {
        atomic_init(&p->holders, 1);
        p->len = t->len;
        memcpy(p->data, t->data ? t->data : "", t->len);
        p->data[t->len] = '\0';
    } else {
        pe_error_nomem(errp);
    }
    text_free(t);
    return p;
}

/* --- a look --- */

static int facts_read(hub *h, pe_error *errp)
{
    int64_t now = clock_mono_ns();
    json_t *o;

    if (h->facts && (h->whole || now - h->facts_ns < FACTS_NS))
        return 0;
    o = known_quickly(h->run, "pilot " PILOT_VERSION, errp);
    if (!o)
        return -1;
    if (json_is_true(json_object_get(o, "over"))) {
        json_t *all = known_facts(h->run, "pilot " PILOT_VERSION, NULL);

        h->whole = all != NULL;
        if (all) {
            json_decref(o);
            o = all;
        }
    }
    json_decref(h->facts);
    h->facts = o;
    h->facts_ns = now;
    return 0;
}

/* A run that was over, and goes on. */
static void facts_forget(hub *h, const json_t *now)
{
    if (!h->whole || live_is_over(value_text(now, "state", "")) ||
        !strcmp(value_text(now, "state", ""), "gone") ||
        json_array_size(json_object_get(now, "trouble")) > 0)
        return;
    h->whole = false;
    h->facts_ns = 0;
    json_decref(h->facts);
    h->facts = NULL;
}

static int event_make(const json_t *doc, text *out, pe_error *errp)
{
    text_add(out, "data: ");
    if (html_json(doc, out, errp) < 0)
        return -1;
    text_add(out, "\n\n");
    return 0;
}

static int pieces_make(const hub *h, const json_t *doc, const json_t *now,
                       hub_piece *out[HUB_TEXTS], pe_error *errp)
{
    text t[HUB_TEXTS] = {{0}};
    int rc =
        html_is_there() ? html_page(doc, h->events, &t[HUB_PAGE], errp) : 0;

    if (rc == 0)
        rc = event_make(doc, &t[HUB_EVENT], errp);
    if (rc == 0)
        rc = html_json(doc, &t[HUB_JSON], errp);
    metrics_add(now, &t[HUB_METRICS]);
    for (int i = 0; i < HUB_TEXTS; i++)
        out[i] = rc == 0 ? piece_make(&t[i], errp) : (text_free(&t[i]), NULL);
    for (int i = 0; rc == 0 && i < HUB_TEXTS; i++)
        rc = out[i] ? 0 : -1;
    for (int i = 0; rc < 0 && i < HUB_TEXTS; i++)
        hub_piece_drop(out[i]);
    return rc;
}

static void publish(hub *h, hub_piece *piece[HUB_TEXTS])
{
    pthread_mutex_lock(&h->lock);
    for (int i = 0; i < HUB_TEXTS; i++) {
        hub_piece_drop(h->piece[i]);
        h->piece[i] = piece[i];
    }
    h->seq++;
    pthread_mutex_unlock(&h->lock);
}

int hub_look(hub *h, pe_error *errp)
{
    hub_piece *piece[HUB_TEXTS];
    json_t *now = live_look(h->live, errp), *doc = NULL;
    int rc = now ? 0 : -1;

    if (rc == 0) {
        facts_forget(h, now);
        rc = facts_read(h, errp);
    }
    if (rc == 0) {
        json_object_set(h->facts, "live", now);
        json_object_set_new(h->facts, "now_ns", json_integer(clock_real_ns()));
        doc = document_make(h->facts, errp);
        rc = doc ? pieces_make(h, doc, now, piece, errp) : -1;
    }
    if (rc == 0)
        publish(h, piece);
    json_decref(doc);
    json_decref(now);
    return rc;
}

/* --- its thread --- */

static void hub_tell(hub *h)
{
    void (*f)(void *arg);
    void *arg;

    pthread_mutex_lock(&h->lock);
    f = h->tell;
    arg = h->arg;
    pthread_mutex_unlock(&h->lock);
    if (f)
        f(arg);
}

static void *loop(void *arg)
{
    hub *h = arg;
    pe_error e;
    bool ends = false;

    while (!ends) {
        int64_t until = clock_mono_ns() + h->step_ns;

        pthread_mutex_lock(&h->lock);
        while (!h->ends && clock_cond_wait(&h->wake, &h->lock, until))
            ;
        ends = h->ends;
        pthread_mutex_unlock(&h->lock);
        e.kind = PE_ERROR_NONE;
        if (!ends && hub_look(h, &e) < 0)
            log_warn("%s", e.text);
        /* Not under the lock: who is told takes the newest. */
        if (!ends)
            hub_tell(h);
    }
    return NULL;
}

/* Has this host a folder of it, or its service anything? */
static int known_check(const hub *h, const char *home, pe_error *errp)
{
    const json_t *now = json_object_get(h->facts, "live");

    if (json_object_get(h->facts, "began_ns"))
        return 0;
    if (strcmp(value_text(now, "state", ""), "gone") != 0)
        return live_check(now, h->run, errp);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "there is no run %s in %s ('pilot runs' lists them), "
                        "and the parameter service that is known has nothing "
                        "of it",
                        h->run, home);
}

hub *hub_open(const char *home, const char *run, const char *events,
              double seconds, pe_error *errp)
{
    hub *h = calloc(1, sizeof(*h));

    if (!h) {
        pe_error_nomem(errp);
        return NULL;
    }
    pthread_mutex_init(&h->lock, NULL);
    clock_cond_init(&h->wake);
    h->events = events;
    h->step_ns = (int64_t)(seconds * CLOCK_S);
    h->run = text_format("%s", run);
    h->live = live_open(home, run, errp);
    if (!h->run || !h->live || hub_look(h, errp) < 0 ||
        known_check(h, home, errp) < 0)
        goto error;
    if (seconds > 0 && pthread_create(&h->thread, NULL, loop, h) != 0) {
        pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                     "no thread can be started to look at the run");
        goto error;
    }
    h->started = seconds > 0;
    return h;
error:
    hub_close(h);
    return NULL;
}

void hub_stop(hub *h)
{
    pthread_mutex_lock(&h->lock);
    h->ends = true;
    pthread_cond_signal(&h->wake);
    pthread_mutex_unlock(&h->lock);
    if (h->started)
        pthread_join(h->thread, NULL);
    h->started = false;
}

void hub_close(hub *h)
{
    if (!h)
        return;
    hub_stop(h);
    for (int i = 0; i < HUB_TEXTS; i++)
        hub_piece_drop(h->piece[i]);
    json_decref(h->facts);
    live_close(h->live);
    pthread_cond_destroy(&h->wake);
    pthread_mutex_destroy(&h->lock);
    free(h->run);
    free(h);
}

hub_piece *hub_take(hub *h, enum hub_text kind, uint64_t *seqp)
{
    hub_piece *p;

    pthread_mutex_lock(&h->lock);
    p = h->piece[kind];
    atomic_fetch_add(&p->holders, 1);
    if (seqp)
        *seqp = h->seq;
    pthread_mutex_unlock(&h->lock);
    return p;
}

uint64_t hub_seq(hub *h)
{
    uint64_t seq;

    pthread_mutex_lock(&h->lock);
    seq = h->seq;
    pthread_mutex_unlock(&h->lock);
    return seq;
}

void hub_listen(hub *h, void (*tell)(void *arg), void *arg)
{
    pthread_mutex_lock(&h->lock);
    h->tell = tell;
    h->arg = arg;
    pthread_mutex_unlock(&h->lock);
}
