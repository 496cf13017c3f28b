/* placer.c - round trips are measured, and partitions wanted by them. */
#include "placer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/common/words.h"

#define EVERY_NS (5 * CLOCK_S)
#define KEPT                                                        \
    6 /* looks of which the shortest trip counts: a busy host and a \
         busy broker only make them longer */
#define TIMEOUT_S 2.0
#define PATIENCE_NS (15 * CLOCK_S) /* for a first look that does not come */

struct placer {
    const place_wish *wish;
    char *site, *topic, *facts, *want;
    char **at;
    int32_t partitions;
    int64_t opened_ns, settle_ns;
    broker_admin *admin;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool made, started;
    /* Under the lock: */
    bool stop, measured;
    int32_t *trip_us; /* the shortest of what is kept, 0: not known */
    /* The thread's: */
    int32_t *look; /* KEPT rows of partitions */
    uint64_t looks;
};

/* --- the thread --- */

static void keep(placer *p)
{
    size_t n = (size_t)p->partitions;

    pthread_mutex_lock(&p->lock);
    for (size_t k = 0; k < n; k++) {
        int32_t best = 0;

        for (size_t i = 0; i < KEPT; i++) {
            int32_t us = p->look[i * n + k];

            if (us > 0 && (best == 0 || us < best))
                best = us;
        }
        p->trip_us[k] = best;
        p->measured = p->measured || best > 0;
    }
    pthread_mutex_unlock(&p->lock);
}

/* What cannot be measured now is as it was, until all that is kept is old. */
static void look(placer *p)
{
    int32_t *row = p->look + (p->looks++ % KEPT) * (size_t)p->partitions;
    pe_error e = {0};

    memset(row, 0, (size_t)p->partitions * sizeof(*row));
    if (broker_trips(p->admin, p->topic, p->partitions, row, &e) < 0)
        log_debug("round trips are not measured: %s", e.text);
    keep(p);
}

static void *measure(void *arg)
{
    placer *p = arg;
    bool stop = false;

    while (!stop) {
        int64_t until;

        look(p);
        until = clock_mono_ns() + EVERY_NS;
        pthread_mutex_lock(&p->lock);
        while (!p->stop && clock_cond_wait(&p->wake, &p->lock, until))
            ;
        stop = p->stop;
        pthread_mutex_unlock(&p->lock);
    }
    return NULL;
}

/* --- open, close --- */

static bool by_distance(const place_wish *w)
{
    return w->near || w->max_s > 0;
}

static int init(placer *p, const placer_conf *c, pe_error *errp)
{
    size_t n = (size_t)c->partitions;
    broker_conf b = c->broker;
    bool failed = false;

    p->site = words_copy(c->site, &failed);
    p->topic = words_copy(c->topic, &failed);
    p->trip_us = calloc(n, sizeof(*p->trip_us));
    p->look = calloc(n, KEPT * sizeof(*p->look));
    if (failed || !p->trip_us || !p->look || pthread_mutex_init(&p->lock, NULL))
        return pe_error_nomem(errp);
    p->made = clock_cond_init(&p->wake) == 0;
    if (!p->made) {
        pthread_mutex_destroy(&p->lock);
        return pe_error_nomem(errp);
    }
    if (!by_distance(p->wish))
        return 0;
    b.timeout_s = TIMEOUT_S;
    b.client_id = "pilot-agent-place";
    p->admin = broker_admin_open(&b, errp);
    if (!p->admin)
        return -1;
    if (pthread_create(&p->thread, NULL, measure, p))
        return pe_error_nomem(errp);
    p->started = true;
    return 0;
}

placer *placer_open(const placer_conf *c, pe_error *errp)
{
    placer *p = calloc(1, sizeof(*p));

    if (!p) {
        for (int32_t k = 0; c->at && k < c->partitions; k++)
            free(c->at[k]);
        free(c->at);
        pe_error_nomem(errp);
        return NULL;
    }
    p->wish = c->wish;
    p->at = c->at;
    p->partitions = c->partitions;
    p->opened_ns = clock_mono_ns();
    p->settle_ns = (int64_t)(c->settle_s * 1e9);
    if (init(p, c, errp) == 0)
        return p;
    placer_close(p);
    return NULL;
}

void placer_close(placer *p)
{
    if (!p)
        return;
    if (p->started) {
        pthread_mutex_lock(&p->lock);
        p->stop = true;
        pthread_cond_signal(&p->wake);
        pthread_mutex_unlock(&p->lock);
        pthread_join(p->thread, NULL);
    }
    broker_admin_close(p->admin);
    if (p->made) {
        pthread_cond_destroy(&p->wake);
        pthread_mutex_destroy(&p->lock);
    }
    for (int32_t k = 0; p->at && k < p->partitions; k++)
        free(p->at[k]);
    free(p->at);
    free(p->site);
    free(p->topic);
    free(p->facts);
    free(p->want);
    free(p->trip_us);
    free(p->look);
    free(p);
}

/* --- for the leases --- */

/* Nobody judges one whose distance is not known; but a broker that does not
 * answer makes nobody wait for ever.
 */
static bool is_settled(const placer *p, bool measured)
{
    int64_t up = clock_mono_ns() - p->opened_ns;

    return up >= p->settle_ns && (measured || !p->started || up >= PATIENCE_NS);
}

const char *placer_facts(placer *p)
{
    free(p->facts);
    pthread_mutex_lock(&p->lock);
    p->facts = place_facts_text(p->site, is_settled(p, p->measured), p->trip_us,
                                p->partitions);
    pthread_mutex_unlock(&p->lock);
    return p->facts;
}

/* The partitions of member [self], as text. */
static char *wanted(const place_member *m, const place_row *row,
                    int32_t partitions, const char *self)
{
    int32_t *list = calloc((size_t)partitions + 1, sizeof(*list));
    size_t n = 0;
    text t = {0};

    for (int32_t k = 0; list && k < partitions; k++)
        if (row[k].member >= 0 && !strcmp(m[row[k].member].name, self))
            list[n++] = k;
    text_add(&t, "%s", "");
    if (list)
        place_list_put(list, n, &t);
    if (list && !t.failed) {
        free(list);
        return t.data;
    }
    free(list);
    text_free(&t);
    return NULL;
}

const char *placer_want(placer *p, const char *self, const params_lease *l,
                        size_t n, bool *otherp, pe_error *errp)
{
    place_member *m = place_members(l, n, p->partitions, errp);
    place_row *row = calloc((size_t)p->partitions + 1, sizeof(*row));
    const place_look look = {.wish = p->wish,
                             .m = m,
                             .n = n,
                             .at = (const char *const *)p->at,
                             .partitions = p->partitions};
    char *want = NULL;

    if (m && row && place_decide(&look, row, errp) == 0)
        want = wanted(m, row, p->partitions, self);
    free(row);
    place_members_free(m, n);
    if (!want) {
        pe_error_nomem(errp);
        return NULL;
    }
    *otherp = !p->want || strcmp(p->want, want) != 0;
    free(p->want);
    p->want = want;
    return want;
}
