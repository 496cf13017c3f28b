/* fake_producer.c - a producer that keeps what it is given. */
#include "fake_producer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/npy.h"
#include "src/common/clock.h"
#include "unit.h"

/* One that was handed over. */
typedef struct handed {
    fake_record what;
    void *opaque;
} handed;

struct broker_producer {
    broker_producer_conf conf;
    handed waiting[FAKE_RECORDS_MAX];
    int n;
    bool fatal;
};

struct fake fake;

void fake_reset(void)
{
    memset(&fake, 0, sizeof(fake));
    pthread_mutex_init(&fake.lock, NULL);
}

int fake_stored(void)
{
    pthread_mutex_lock(&fake.lock);
    int n = fake.n_stored;
    pthread_mutex_unlock(&fake.lock);
    return n;
}

void fake_hold(bool hold)
{
    pthread_mutex_lock(&fake.lock);
    fake.hold = hold;
    pthread_mutex_unlock(&fake.lock);
}

void fake_fail_open(int times)
{
    pthread_mutex_lock(&fake.lock);
    fake.open_failures = times;
    pthread_mutex_unlock(&fake.lock);
}

static bool open_fails(void)
{
    pthread_mutex_lock(&fake.lock);
    bool fails = fake.open_failures > 0;
    fake.open_failures -= fails;
    pthread_mutex_unlock(&fake.lock);
    return fails;
}

static broker_producer *fake_open(const broker_producer_conf *c, pe_error *errp)
{
    broker_producer *p;

    if (open_fails()) {
        pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE, "away");
        return NULL;
    }
    p = calloc(1, sizeof(*p));
    p->conf = *c;
    fake.opened++;
    return p;
}

/* Store or give up what waits. */
static void fake_serve(broker_producer *p, int n, bool store)
{
    for (int i = 0; i < n; i++) {
        int64_t offset = -1;
        if (store) {
            offset = fake.next_offset++;
            fake.stored[fake.n_stored++] = p->waiting[i].what;
        }
        p->conf.delivered(p->conf.arg, p->waiting[i].opaque,
                          p->waiting[i].what.partition, offset);
    }
    memmove(p->waiting, p->waiting + n,
            (size_t)(p->n - n) * sizeof(p->waiting[0]));
    p->n -= n;
}

static void fake_close(broker_producer *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&fake.lock);
    fake_serve(p, p->n, false);
    pthread_mutex_unlock(&fake.lock);
    free(p);
}

static void read_header(const record_headers *h, const char *name, char *out,
                        size_t cap)
{
    const record_header *k = record_find(h, name);

    snprintf(out, cap, "%.*s", k ? (int)k->len : 0, k ? k->value : "");
}

static fake_record read_record(const broker_output *o)
{
    fake_record r = {.partition = o->partition};
    char text[512];
    pe_block b = {0};
    pe_error e;

    CU_ASSERT_EQUAL(npy_decode(o->value, o->len, &b, &e), 0);
    CU_ASSERT_EQUAL(record_decode(o->headers, &b, text, sizeof(text), &e), 0);
    CU_ASSERT(b.has_seq);
    r.boot = (int64_t)b.boot;
    r.seq = (int64_t)b.seq;
    r.sense_ns = b.sense_ns;
    r.first = pe_block_at(&b, 0, 0);
    r.points = b.points;
    snprintf(r.source, sizeof(r.source), "%s", b.source ? b.source : "");
    snprintf(r.model, sizeof(r.model), "%d", (int)b.version);
    read_header(o->headers, "pe_times", r.times, sizeof(r.times));
    read_header(o->headers, "pe_stage", r.stage, sizeof(r.stage));
    read_header(o->headers, "pe_columns", r.columns, sizeof(r.columns));
    read_header(o->headers, "pe_scale", r.scale, sizeof(r.scale));
    return r;
}

static int fake_produce(broker_producer *p, const broker_output *o,
                        pe_error *errp)
{
    int rc = 0;

    UNIT_EQUAL(o->topic, "t");
    CU_ASSERT_EQUAL(strncmp(o->key, "dev-", 4), 0);
    CU_ASSERT_FALSE(o->copy);
    pthread_mutex_lock(&fake.lock);
    if (fake.len_max > 0 && o->len > fake.len_max)
        rc = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "too large");
    else if (fake.refuse || p->fatal)
        rc = pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                          "unknown partition");
    else if (fake.room > 0 && p->n >= fake.room)
        rc = 1;
    else
        p->waiting[p->n++] = (handed){read_record(o), o->opaque};
    pthread_mutex_unlock(&fake.lock);
    return rc;
}

static int fake_poll(broker_producer *p, int timeout_ms)
{
    int n, keep;

    (void)timeout_ms;
    pthread_mutex_lock(&fake.lock);
    n = fake.hold || p->fatal ? 0 : p->n;
    if (fake.break_after > 0 && n > 0 &&
        fake.n_stored + n >= fake.break_after) {
        keep = fake.break_after - fake.n_stored - fake.lose;
        fake_serve(p, keep > 0 ? keep : 0, true);
        p->fatal = true;
        fake.break_after = 0;
        n = 0;
    }
    fake_serve(p, n, true);
    pthread_mutex_unlock(&fake.lock);
    clock_sleep_ns(500000, 0);
    return n;
}

static int fake_error(const broker_producer *p, pe_error *errp)
{
    if (!p->fatal)
        return 0;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED, "out of order");
}

const sender_ops fake_ops = {.open = fake_open,
                             .close = fake_close,
                             .produce = fake_produce,
                             .poll = fake_poll,
                             .error = fake_error};
