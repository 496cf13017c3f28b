/* nudge.c - keeps a consumer fetching when its queue was full. */
#include "nudge.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* So many times a queue: early enough not to run dry. */
enum { PARTS = 8, LIMIT_MS = 1000 };

struct nudge {
    rd_kafka_t *rk;
    char *topic;
    size_t step, taken; /* the reader's own */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    bool stop, due;
    int32_t *partitions;
    size_t n, turn;
};

/* Partitions take turns, so that every leader is asked. */
static bool next_partition(nudge *n, int32_t *partitionp)
{
    bool stop;

    pthread_mutex_lock(&n->lock);
    while (!n->stop && (!n->due || !n->n))
        pthread_cond_wait(&n->wake, &n->lock);
    n->due = false;
    stop = n->stop;
    if (!stop)
        *partitionp = n->partitions[n->turn++ % n->n];
    pthread_mutex_unlock(&n->lock);
    return !stop;
}

static void *run(void *arg)
{
    nudge *n = arg;
    int32_t partition;
    int64_t low, high;

    /* The answer does not matter. */
    while (next_partition(n, &partition))
        (void)rd_kafka_query_watermark_offsets(n->rk, n->topic, partition, &low,
                                               &high, LIMIT_MS);
    return NULL;
}

nudge *nudge_start(rd_kafka_t *rk, const char *topic, uint64_t queue_bytes,
                   pe_error *errp)
{
    nudge *n = calloc(1, sizeof(*n));

    if (!n) {
        pe_error_nomem(errp);
        return NULL;
    }
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->wake, NULL);
    n->rk = rk;
    n->step = (size_t)(queue_bytes / PARTS) + 1;
    n->topic = strdup(topic);
    if (!n->topic || pthread_create(&n->thread, NULL, run, n)) {
        pe_error_nomem(errp);
        nudge_stop(n);
        return NULL;
    }
    n->started = true;
    return n;
}

void nudge_stop(nudge *n)
{
    if (!n)
        return;
    if (n->started) {
        pthread_mutex_lock(&n->lock);
        n->stop = true;
        pthread_cond_signal(&n->wake);
        pthread_mutex_unlock(&n->lock);
        pthread_join(n->thread, NULL);
    }
    pthread_cond_destroy(&n->wake);
    pthread_mutex_destroy(&n->lock);
    free(n->partitions);
    free(n->topic);
    free(n);
}

int nudge_assign(nudge *n, const broker_position *p, size_t count,
                 pe_error *errp)
{
    int32_t *list = calloc(count + 1, sizeof(*list));

    if (!list)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < count; i++)
        list[i] = p[i].partition;
    pthread_mutex_lock(&n->lock);
    free(n->partitions);
    n->partitions = list;
    n->n = count;
    pthread_mutex_unlock(&n->lock);
    return 0;
}

void nudge_taken(nudge *n, size_t bytes)
{
    n->taken += bytes;
    if (n->taken < n->step)
        return;
    n->taken = 0;
    pthread_mutex_lock(&n->lock);
    n->due = true;
    pthread_cond_signal(&n->wake);
    pthread_mutex_unlock(&n->lock);
}
