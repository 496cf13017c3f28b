/* topic_look.c - the newest records of a topic, for commands that show them. */
#include "topic_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/via.h"
#include "src/common/clock.h"
#include "src/common/locate.h"
#include "src/common/text.h"
#include "src/common/url.h"
#include "src/run/run.h"

#define SCHEME "kafka://"
#define POLL_MS 100
/* A topic may end in marks of transactions, which are no records. */
#define SILENT_NS (INT64_C(10) * 1000000000)
#define RECORD_BYTES (UINT64_C(64) << 20)
/* Of all that is kept: fewer records, where they are large. */
#define KEPT_BYTES (UINT64_C(256) << 20)

/* --- where it is --- */

static int find_run(const char *dir, const char *suffix, look_place *p,
                    pe_error *errp)
{
    p->req = pipeline_request_read(dir, errp);
    if (!p->req)
        return -1;
    p->pl = pipeline_load(p->req->file, (const char *const *)p->req->overrides,
                          p->req->n_overrides, errp);
    if (!p->pl)
        return -1;
    if (pipeline_is_local(p->pl))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "run %s has no topic: it has no broker",
                            p->req->run);
    pipeline_topic(p->pl, p->req->run, suffix, p->topic, sizeof(p->topic));
    return via_open(p->req, errp);
}

/* A request of no run, that nobody writes. */
static int request_make(const char *home, look_place *p, pe_error *errp)
{
    p->req = calloc(1, sizeof(*p->req));
    if (!p->req)
        return pe_error_nomem(errp);
    p->req->run = strdup("peek");
    p->req->dir = text_format("%s/peek", home);
    return p->req->run && p->req->dir ? 0 : pe_error_nomem(errp);
}

static int find_topic(const char *home, const char *topic, const char *suffix,
                      look_place *p, pe_error *errp)
{
    struct run_options ro = {0};
    pipeline nothing = {0};
    struct run r = {
        .o = &ro, .lock_fd = -1, .p = &nothing, .home = strdup(home)};

    if (!r.home || request_make(home, p, errp) < 0) {
        free(r.home);
        return r.home ? -1 : pe_error_nomem(errp);
    }
    r.req = p->req;
    run_endpoints_known(&r);
    free(r.home);
    snprintf(p->topic, sizeof(p->topic), "%s%s", topic, suffix);
    if (p->req->broker)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "no broker is known for topic '%s': name it by " SCHEME
                        "HOST:PORT/%s, set PILOT_BROKER, or keep one by "
                        "'pilot services start'; there is no run of that name "
                        "either",
                        topic, topic);
}

static bool is_kafka(const char *word)
{
    return !strncmp(word, SCHEME, strlen(SCHEME));
}

bool look_is_url(const char *word)
{
    return is_kafka(word) || broker_is_redis(word);
}

char *look_url(const char *broker, const char *topic)
{
    return text_format("%s%s/%s", broker_is_redis(broker) ? "" : SCHEME, broker,
                       topic);
}

/* kafka://HOST:PORT[,HOST:PORT...]/TOPIC; redis://HOST:PORT/TOPIC, whose
 * scheme belongs to the broker.
 */
static int find_url(const char *home, const char *word, const char *suffix,
                    look_place *p, pe_error *errp)
{
    const char *place = strstr(word, "://") + strlen("://");
    const char *at = is_kafka(word) ? place : word, *slash = strchr(place, '/');
    char *broker;

    if (!slash || !slash[1] || strchr(slash + 1, '/'))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "'%s' names no topic: write " SCHEME
                            "HOST:PORT/TOPIC, or "
                            "redis://HOST:PORT/TOPIC",
                            word);
    if (slash == place)
        return find_topic(home, slash + 1, suffix, p, errp);
    broker = strndup(at, (size_t)(slash - at));
    if (!broker)
        return pe_error_nomem(errp);
    /* One that is known by itself, too, comes with what opens it. */
    if (find_topic(home, slash + 1, suffix, p, NULL) == 0 &&
        !strcmp(p->req->broker, broker)) {
        free(broker);
        return 0;
    }
    look_leave(p);
    if (request_make(home, p, errp) < 0) {
        free(broker);
        return -1;
    }
    p->req->broker = broker;
    p->req->broker_from = strdup(word);
    if (!p->req->broker_from)
        return pe_error_nomem(errp);
    snprintf(p->topic, sizeof(p->topic), "%s%s", slash + 1, suffix);
    return 0;
}

int look_find(const char *word, const char *suffix, look_place *out,
              pe_error *errp)
{
    char *home = locate_home(errp), *dir = NULL;
    int rc;

    memset(out, 0, sizeof(*out));
    if (!home)
        return -1;
    if (look_is_url(word))
        rc = find_url(home, word, suffix, out, errp);
    else if ((dir = locate_run(home, word, errp)))
        rc = find_run(dir, suffix, out, errp);
    else
        rc = errp->kind == PE_ERROR_NONE
                 ? find_topic(home, word, suffix, out, errp)
                 : -1;
    free(dir);
    free(home);
    return rc;
}

bool look_is_known(const look_place *p)
{
    char *home = locate_home(NULL);
    look_place own = {0};
    pe_error e = {0};
    bool known = home && find_topic(home, p->topic, "", &own, &e) == 0 &&
                 !strcmp(own.req->broker, p->req->broker);

    look_leave(&own);
    free(home);
    return known;
}

void look_leave(look_place *p)
{
    pipeline_destroy(p->pl);
    pipeline_request_destroy(p->req);
    memset(p, 0, sizeof(*p));
}

/* --- what is in it --- */

/* Places from which the newest [most] of each partition are read. */
typedef struct places {
    broker_position *at;
    int64_t *end;
    size_t n; /* of partitions that have any */
} places;

static int find_places(const look_place *p, size_t most, look *l, places *w,
                       pe_error *errp)
{
    broker_conf c = {0};
    broker_admin *a;
    int rc;

    pipeline_request_broker(p->req, &c, "pilot-peek");
    a = broker_admin_open(&c, errp);
    if (!a)
        return -1;
    rc = broker_topic_partitions(a, p->topic, &l->partitions, errp);
    if (rc == 0 && l->partitions == 0)
        rc = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                          "there is no topic '%s' at broker %s", p->topic,
                          p->req->broker);
    w->at = calloc((size_t)l->partitions + 1, sizeof(*w->at));
    w->end = calloc((size_t)l->partitions + 1, sizeof(*w->end));
    if (rc == 0 && (!w->at || !w->end))
        rc = pe_error_nomem(errp);
    for (int32_t k = 0; rc == 0 && k < l->partitions; k++) {
        int64_t low, high;

        rc = broker_watermarks(a, p->topic, k, &low, &high, errp);
        if (rc < 0 || high <= low)
            continue;
        l->kept += (uint64_t)(high - low);
        w->end[k] = high;
        w->at[w->n++] = (broker_position){
            k, (uint64_t)(high - low) > most ? high - (int64_t)most : low, 0};
    }
    broker_admin_close(a);
    return rc;
}

static bool is_before(const broker_record *a, const broker_record *b)
{
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns;
    return a->partition != b->partition ? a->partition < b->partition
                                        : a->offset < b->offset;
}

static void drop_oldest(look *l)
{
    l->bytes -= l->record[0].len;
    broker_record_release(&l->record[0]);
    memmove(l->record, l->record + 1, --l->n * sizeof(*l->record));
}

/* In its place among the newest; the oldest go. */
static int keep(void *arg, broker_record *r)
{
    look *l = arg;
    const size_t most = l->most;
    size_t i;

    if (l->n == most && is_before(r, &l->record[0])) {
        broker_record_release(r);
        return 0;
    }
    if (l->n == most)
        drop_oldest(l);
    for (i = l->n; i > 0 && is_before(r, &l->record[i - 1]); i--)
        l->record[i] = l->record[i - 1];
    l->record[i] = *r;
    l->n++;
    l->bytes += r->len;
    while (l->bytes > KEPT_BYTES && l->n > 1)
        drop_oldest(l);
    return 0;
}

/* Who gets each record, and releases it; not 0: enough. */
typedef struct taker {
    int (*take)(void *arg, broker_record *r);
    void *arg;
} taker;

static int read_all(look *l, const places *w, taker t, pe_error *errp)
{
    int64_t since = clock_mono_ns();

    l->missing = w->n;
    while (l->missing > 0 && clock_mono_ns() - since < SILENT_NS) {
        broker_record r;
        int rc = broker_consumer_fetch(l->consumer, POLL_MS, &r, errp);

        if (rc < 0)
            return -1;
        if (rc == 0)
            continue;
        /* What came in the meantime is read as well, as far as it comes; but
         * a topic that goes on growing keeps nobody here.
         */
        if (r.offset < w->end[r.partition])
            since = clock_mono_ns();
        l->missing -= r.offset + 1 == w->end[r.partition];
        if (t.take(t.arg, &r) != 0)
            break;
    }
    return 0;
}

/* The newest [most] of each partition, each to [t]. */
static int look_read(const look_place *p, size_t most, look *out, taker t,
                     pe_error *errp)
{
    broker_consumer_conf c = {.topic = p->topic,
                              .group = "pilot-peek",
                              .message_bytes = RECORD_BYTES,
                              .queue_bytes = 2 * RECORD_BYTES,
                              .gaps_allowed = true};
    places w = {0};
    int rc = find_places(p, most, out, &w, errp);

    if (rc == 0 && w.n > 0) {
        pipeline_request_broker(p->req, &c.broker, "pilot-peek");
        out->consumer = broker_consumer_open(&c, errp);
        rc = out->consumer
                 ? broker_consumer_assign(out->consumer, w.at, w.n, errp)
                 : -1;
    }
    if (rc == 0 && w.n > 0)
        rc = read_all(out, &w, t, errp);
    free(w.at);
    free(w.end);
    return rc;
}

int look_newest(const look_place *p, size_t most, look *out, pe_error *errp)
{
    memset(out, 0, sizeof(*out));
    out->most = most;
    out->record = calloc(most, sizeof(*out->record));
    if (!out->record)
        return pe_error_nomem(errp);
    return look_read(p, most, out, (taker){keep, out}, errp);
}

int look_each(const look_place *p, look *out,
              int (*take)(void *arg, broker_record *r), void *arg,
              pe_error *errp)
{
    memset(out, 0, sizeof(*out));
    return look_read(p, SIZE_MAX, out, (taker){take, arg}, errp);
}

void look_close(look *l)
{
    for (size_t i = 0; i < l->n; i++)
        broker_record_release(&l->record[i]);
    free(l->record);
    broker_consumer_close(l->consumer);
    memset(l, 0, sizeof(*l));
}
