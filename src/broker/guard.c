/* guard.c - is a log still the one that was read? */
#include "src/broker/guard.h"

#include <stdlib.h>

#include "src/common/clock.h"

struct broker_guard {
    broker_consumer *consumer;
};

broker_guard *broker_guard_open(const broker_conf *c, const char *topic,
                                uint64_t message_bytes, pe_error *errp)
{
    /* As little as can be: one record a partition is wanted. */
    const broker_consumer_conf conf = {.broker = *c,
                                       .topic = topic,
                                       .group = "pilot-guard",
                                       .message_bytes = message_bytes,
                                       .queue_bytes = 1,
                                       .gaps_allowed = true,
                                       .only_checks = true};
    broker_guard *g = calloc(1, sizeof(*g));

    if (!g) {
        pe_error_nomem(errp);
        return NULL;
    }
    g->consumer = broker_consumer_open(&conf, errp);
    if (g->consumer)
        return g;
    free(g);
    return NULL;
}

void broker_guard_close(broker_guard *g)
{
    if (!g)
        return;
    broker_consumer_close(g->consumer);
    free(g);
}

int broker_guard_start(broker_guard *g, const broker_position *p, size_t n,
                       pe_error *errp)
{
    return broker_consumer_assign(g->consumer, p, n, errp);
}

int broker_guard_poll(broker_guard *g, int timeout_ms, pe_error *errp)
{
    int64_t limit = clock_mono_ns() + timeout_ms * CLOCK_MS;
    broker_record r;

    while (broker_consumer_checks(g->consumer)) {
        int64_t left = (limit - clock_mono_ns()) / CLOCK_MS;
        int rc = broker_consumer_fetch(g->consumer, left > 0 ? (int)left : 0,
                                       &r, errp);

        if (rc < 0)
            return -1;
        if (rc == 1)
            broker_record_release(&r);
        if (rc == 0 && left <= 0)
            return broker_consumer_checks(g->consumer) == 0;
    }
    return broker_consumer_assign(g->consumer, NULL, 0, errp) < 0 ? -1 : 1;
}

int broker_guard_partitions(broker_guard *g)
{
    broker_record r;

    /* With nothing to look at the client is not asked, and says nothing. */
    if (broker_consumer_checks(g->consumer) == 0 &&
        broker_consumer_fetch(g->consumer, 0, &r, NULL) == 1)
        broker_record_release(&r);
    return broker_consumer_partitions(g->consumer);
}
