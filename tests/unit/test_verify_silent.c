/* test_verify_silent.c - a broker that says nothing for a while is asked anew
 * before what it has not said counts as not there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/source/source.h"
#include "src/verify/read.h"
#include "unit.h"

enum { RECORDS = 5, ASKED = 8 };

/* A partition of RECORDS: each time that it is assigned so many of them come,
 * and then nothing.
 */
static const struct scene {
    const char *name;
    int come[ASKED];
    bool away;
    int asked, seen;
} scenes[] = {
    {"all at once", {5}, false, 1, 5},
    {"at the third time", {0, 0, 5}, false, 3, 5},
    {"what comes begins a new count", {2, 1, 0, 2}, false, 4, 5},
    {"never", {0}, false, 3, 0},
    {"no more than the first two", {2}, false, 3, 2},
    {"nobody is there", {2}, true, 1, 2},
    {NULL, {0}, false, 0, 0},
};
static struct {
    const struct scene *now;
    int asked, left, at; /* the next record */
    int64_t clock;
} played;

static int ask(const broker_position *p, size_t n)
{
    CU_ASSERT(n == 1 && p->partition == 0);
    CU_ASSERT_EQUAL(p->offset, played.at);
    CU_ASSERT_FATAL(played.asked < ASKED);
    played.left = played.now->come[played.asked++];
    return 0;
}

/* The offset of the next record; -1: silence, by which time goes. */
static int say(void)
{
    if (played.left > 0) {
        played.left--;
        return played.at++;
    }
    played.clock += 4 * CLOCK_S;
    return -1;
}

int64_t __wrap_clock_mono_ns(void);
int64_t __wrap_clock_mono_ns(void)
{
    return played.clock;
}

/* --- the topic --- */

static int topic_assign(source_reader *s, const broker_position *p, size_t n,
                        pe_error *errp)
{
    (void)s, (void)errp;
    return ask(p, n);
}

static int topic_fetch(source_reader *s, size_t lane, source_item *r,
                       pe_error *errp)
{
    int offset = say();

    (void)s, (void)lane, (void)errp;
    r->block.offset = offset;
    return offset >= 0;
}

static void topic_release(source_reader *s, source_item *r)
{
    (void)s, (void)r;
}

static void topic_wait(source_reader *s, int timeout_ms)
{
    (void)s, (void)timeout_ms;
}

static bool topic_away(source_reader *s, char *out, size_t cap)
{
    (void)s, (void)out, (void)cap;
    return played.now->away;
}

static void topic_close(source_reader *s)
{
    (void)s;
}

source_reader *__wrap_source_open_broker(void);
source_reader *__wrap_source_open_broker(void)
{
    static const source_ops ops = {.assign = topic_assign,
                                   .fetch = topic_fetch,
                                   .release = topic_release,
                                   .wait = topic_wait,
                                   .away = topic_away,
                                   .close = topic_close};
    static source_reader s = {&ops};

    return &s;
}

int __wrap_recount_take(void);
int __wrap_recount_take(void)
{
    return RECOUNT_LEFT;
}

/* --- one beside it --- */

static char anything;

void *__wrap_broker_admin_open(void);
void *__wrap_broker_admin_open(void)
{
    return &anything;
}

void __wrap_broker_admin_close(void);
void __wrap_broker_admin_close(void)
{
}

int __wrap_broker_topic_partitions(broker_admin *a, const char *name, int *np,
                                   pe_error *errp);
int __wrap_broker_topic_partitions(broker_admin *a, const char *name, int *np,
                                   pe_error *errp)
{
    (void)a, (void)name, (void)errp;
    *np = 1;
    return 0;
}

int __wrap_broker_watermarks(broker_admin *a, const char *topic, int32_t p,
                             int64_t *lowp, int64_t *highp, pe_error *errp);
int __wrap_broker_watermarks(broker_admin *a, const char *topic, int32_t p,
                             int64_t *lowp, int64_t *highp, pe_error *errp)
{
    (void)a, (void)topic, (void)p, (void)errp;
    *lowp = 0;
    *highp = RECORDS;
    return 0;
}

void *__wrap_broker_consumer_open(void);
void *__wrap_broker_consumer_open(void)
{
    return &anything;
}

void __wrap_broker_consumer_close(void);
void __wrap_broker_consumer_close(void)
{
}

int __wrap_broker_consumer_assign(broker_consumer *c, const broker_position *p,
                                  size_t n, pe_error *errp);
int __wrap_broker_consumer_assign(broker_consumer *c, const broker_position *p,
                                  size_t n, pe_error *errp)
{
    (void)c, (void)errp;
    return ask(p, n);
}

int __wrap_broker_consumer_fetch(broker_consumer *c, int timeout_ms,
                                 broker_record *r, pe_error *errp);
int __wrap_broker_consumer_fetch(broker_consumer *c, int timeout_ms,
                                 broker_record *r, pe_error *errp)
{
    (void)c, (void)timeout_ms, (void)errp;
    *r = (broker_record){.offset = say()};
    return r->offset >= 0;
}

bool __wrap_broker_consumer_is_away(void);
bool __wrap_broker_consumer_is_away(void)
{
    return played.now->away;
}

/* Of no run, so that nothing more is made of it. */
int __wrap_broker_record_headers(const broker_record *r, record_headers *h,
                                 pe_error *errp);
int __wrap_broker_record_headers(const broker_record *r, record_headers *h,
                                 pe_error *errp)
{
    (void)r, (void)errp;
    record_clear(h);
    return 0;
}

/* --- both --- */

static void begin(const struct scene *s)
{
    memset(&played, 0, sizeof(played));
    played.now = s;
}

static void check(int rc, const pe_error *e)
{
    const struct scene *s = played.now;

    CU_ASSERT_EQUAL(rc, s->away ? -1 : 0);
    CU_ASSERT_EQUAL(e->exit_code, s->away ? PE_EXIT_UNAVAILABLE : 0);
    if (s->away)
        UNIT_CONTAINS(e->text, "the broker of topic t does not answer");
    if (played.asked != s->asked || played.at != s->seen)
        printf("# %s: asked %d times, %d records\n", s->name, played.asked,
               played.at);
    CU_ASSERT_EQUAL(played.asked, s->asked);
    CU_ASSERT_EQUAL(played.at, s->seen);
}

static void test_topic(void)
{
    for (const struct scene *s = scenes; s->name; s++) {
        layer_part part = {.next = RECORDS, .high = RECORDS};
        layer l = {.topic = "t", .part = &part, .n_parts = 1};
        pe_error e = {0};

        begin(s);
        check(read_topic(&l, &e), &e);
        CU_ASSERT_EQUAL(part.seen, s->seen);
        /* What was not said is not there. */
        CU_ASSERT_EQUAL(part.holes, s->away ? 0 : RECORDS - s->seen);
        free(l.last);
    }
}

static void test_side(void)
{
    pipeline_request req = {.run = (char[]){"r"}};
    pipeline pl = {.message_bytes = 1};

    for (const struct scene *s = scenes; s->name; s++) {
        layer l = {.pl = &pl, .req = &req};
        layer_side side = {.topic = "t"};
        pe_error e = {0};

        begin(s);
        check(read_side(&l, &side, RECOUNT_RESULT, &e), &e);
    }
}

static const unit_test tests[] = {
    {"the topic of a layer", test_topic},
    {"a topic beside it", test_side},
    {NULL, NULL},
};

int main(void)
{
    return unit_main("verify silent", tests);
}
