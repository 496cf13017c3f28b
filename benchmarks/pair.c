/* pair.c - a bare librdkafka producer and consumer: what the broker allows.
 *
 * usage: pair BROKER TOPIC PARTITIONS BYTES COUNT [RATE|drain]
 * One process sends COUNT records of BYTES bytes round the partitions and
 * another takes them, with the client settings of the pool and the edge
 * agent.  Prints one JSON object: records/s as the consumer saw them, CPU of
 * both, and, with a RATE (records/s), the latency from the intended time.
 * With "drain" nothing is sent: COUNT records that are there are taken, by as
 * many processes as there are partitions, at most two.
 */
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/histogram.h"

struct pair {
    const char *broker, *topic;
    int partitions;
    size_t bytes;
    long count;
    double rate;
};

static void set(rd_kafka_conf_t *c, const char *name, const char *value)
{
    char text[256];

    if (rd_kafka_conf_set(c, name, value, text, sizeof(text))) {
        fprintf(stderr, "pair: %s\n", text);
        exit(1);
    }
}

static rd_kafka_t *open_client(rd_kafka_type_t type, const struct pair *p)
{
    rd_kafka_conf_t *c = rd_kafka_conf_new();
    char text[256];
    rd_kafka_t *rk;

    set(c, "bootstrap.servers", p->broker);
    set(c, "socket.nagle.disable", "true");
    set(c, "message.max.bytes", "4194304");
    if (type == RD_KAFKA_PRODUCER) {
        set(c, "enable.idempotence", "true");
        set(c, "max.in.flight.requests.per.connection", "1");
        set(c, "linger.ms", p->rate > 0 ? "0" : "5");
        set(c, "batch.size", "1048576");
        set(c, "queue.buffering.max.messages", "1000000");
        set(c, "queue.buffering.max.kbytes", "262144");
    } else {
        set(c, "group.id", "pair");
        set(c, "enable.auto.commit", "false");
        set(c, "enable.auto.offset.store", "false");
        set(c, "auto.offset.reset", "error");
        set(c, "check.crcs", "true");
        set(c, "fetch.wait.max.ms", "100");
        set(c, "fetch.message.max.bytes", "4194304");
        set(c, "queued.max.messages.kbytes", "1048576");
        set(c, "queued.min.messages", "100000");
    }
    rk = rd_kafka_new(type, c, text, sizeof(text));
    if (!rk) {
        fprintf(stderr, "pair: %s\n", text);
        exit(1);
    }
    return rk;
}

/* Every [step]th partition from [first] on, at its end or its beginning. */
static void read_offsets(rd_kafka_t *rk, const struct pair *p, int first,
                         int step, bool end,
                         rd_kafka_topic_partition_list_t *list)
{
    for (int i = first; i < p->partitions; i += step) {
        int64_t low, high;

        if (rd_kafka_query_watermark_offsets(rk, p->topic, i, &low, &high,
                                             10000)) {
            fprintf(stderr, "pair: no topic %s\n", p->topic);
            exit(1);
        }
        rd_kafka_topic_partition_list_add(list, p->topic, i)->offset =
            end ? high : low;
    }
}

static void consume(const struct pair *p, int ready)
{
    rd_kafka_t *rk = open_client(RD_KAFKA_CONSUMER, p);
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(p->partitions);
    static histogram h;
    int64_t first = 0, last = 0, stamp;
    long n = 0;

    rd_kafka_poll_set_consumer(rk);
    read_offsets(rk, p, 0, 1, true, list);
    rd_kafka_assign(rk, list);
    if (write(ready, "r", 1) != 1)
        exit(1);
    while (n < p->count) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 10000);

        if (!m)
            break;
        if (!m->err) {
            last = clock_real_ns();
            if (!n++)
                first = last;
            memcpy(&stamp, m->payload, sizeof(stamp));
            histogram_add(&h, last - stamp);
        }
        rd_kafka_message_destroy(m);
    }
    printf("{\"records\": %ld, \"per_s\": %.1f, \"receive_cpu_us\": %.2f, "
           "\"p50_ms\": %.3f, \"p99_ms\": %.3f",
           n, (double)(n - 1) * 1e9 / (double)(last - first),
           clock_cpu_s() * 1e6 / (double)n, histogram_quantile_ms(&h, 0.5),
           histogram_quantile_ms(&h, 0.99));
    fflush(stdout);
    rd_kafka_topic_partition_list_destroy(list);
    _exit(n == p->count ? 0 : 1);
}

/* The share of one of [step] processes; its first and last arrival. */
static void drain_some(const struct pair *p, int first, int step, int out)
{
    rd_kafka_t *rk = open_client(RD_KAFKA_CONSUMER, p);
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(p->partitions);
    int64_t at[3] = {0}; /* first, last, records */

    rd_kafka_poll_set_consumer(rk);
    read_offsets(rk, p, first, step, false, list);
    rd_kafka_assign(rk, list);
    while (at[2] < p->count / step) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 10000);

        if (!m)
            break;
        if (!m->err) {
            at[1] = clock_real_ns();
            at[0] = at[2]++ ? at[0] : at[1];
        }
        rd_kafka_message_destroy(m);
    }
    rd_kafka_topic_partition_list_destroy(list);
    _exit(write(out, at, sizeof(at)) != sizeof(at) || at[2] < p->count / step);
}

static int drain(const struct pair *p)
{
    int step = p->partitions < 2 ? 1 : 2, fd[2], bad = 0, status;
    int64_t at[3], first = INT64_MAX, last = 0, n = 0;
    struct rusage used;
    double cpu_us;

    if (pipe(fd))
        return 1;
    for (int i = 0; i < step; i++)
        if (fork() == 0)
            drain_some(p, i, step, fd[1]);
    close(fd[1]);
    for (int i = 0; i < step; i++) {
        if (read(fd[0], at, sizeof(at)) != sizeof(at))
            return 1;
        first = at[0] < first ? at[0] : first;
        last = at[1] > last ? at[1] : last;
        n += at[2];
    }
    while (wait(&status) > 0)
        bad |= status;
    if (getrusage(RUSAGE_CHILDREN, &used))
        return 1;
    cpu_us = 1e6 * (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
             (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    printf("{\"records\": %lld, \"per_s\": %.1f, \"receive_cpu_us\": %.3f}\n",
           (long long)n, (double)n * 1e9 / (double)(last - first),
           cpu_us / (double)n);
    return bad != 0;
}

static void produce(const struct pair *p)
{
    rd_kafka_t *rk = open_client(RD_KAFKA_PRODUCER, p);
    rd_kafka_topic_t *t = rd_kafka_topic_new(rk, p->topic, NULL);
    const struct rd_kafka_metadata *md;
    char *payload = calloc(1, p->bytes);
    int64_t start, due;

    if (!payload || rd_kafka_metadata(rk, 0, t, &md, 10000))
        exit(1);
    rd_kafka_metadata_destroy(md);
    start = clock_real_ns();
    for (long i = 0; i < p->count; i++) {
        due = p->rate > 0 ? start + (int64_t)(1e9 * (double)i / p->rate) : 0;
        if (due > clock_real_ns())
            clock_sleep_ns(due - clock_real_ns(), 1);
        if (!due)
            due = clock_real_ns();
        memcpy(payload, &due, sizeof(due));
        while (rd_kafka_produce(t, (int)(i % p->partitions),
                                RD_KAFKA_MSG_F_COPY, payload, p->bytes, NULL, 0,
                                NULL) < 0)
            rd_kafka_poll(rk, 1);
        if (i % 64 == 0)
            rd_kafka_poll(rk, 0);
    }
    rd_kafka_flush(rk, 60000);
    rd_kafka_topic_destroy(t);
    rd_kafka_destroy(rk);
    free(payload);
}

int main(int argc, char **argv)
{
    struct pair p = {0};
    int fd[2], status;
    double cpu;
    char c;
    pid_t pid;

    if (argc < 6) {
        fputs("usage: pair BROKER TOPIC PARTITIONS BYTES COUNT [RATE|drain]\n",
              stderr);
        return 64;
    }
    p.broker = argv[1];
    p.topic = argv[2];
    p.partitions = atoi(argv[3]);
    p.bytes = (size_t)atol(argv[4]);
    p.count = atol(argv[5]);
    p.rate = argc > 6 ? atof(argv[6]) : 0;
    signal(SIGPIPE, SIG_IGN);
    if (argc > 6 && !strcmp(argv[6], "drain"))
        return drain(&p);
    if (pipe(fd) || (pid = fork()) < 0)
        return 1;
    if (pid == 0)
        consume(&p, fd[1]);
    if (read(fd[0], &c, 1) != 1)
        return 1;
    produce(&p);
    cpu = clock_cpu_s();
    waitpid(pid, &status, 0);
    printf(", \"send_cpu_us\": %.2f}\n", cpu * 1e6 / (double)p.count);
    return status != 0;
}
