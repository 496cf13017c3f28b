/* topic.c - makes, deletes and cuts topics.
 *
 * usage: topic create TOPIC PARTITIONS | topic delete TOPIC
 *        topic end TOPIC: the offset that partition 0 ends at
 *        topic cut SEGMENT N: take the last N batches off a log's file
 *        topic grow TOPIC PARTITIONS: so many, and no fewer than there are
 *        topic trim TOPIC PARTITION OFFSET: what is before it is not kept
 *        topic clear: deletes all of them; how many there were
 * broker: PILOT_BROKER
 */
#include <arpa/inet.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/broker/broker.h"

enum { HEAD = 12, BATCHES_MAX = 65536 }; /* base offset, length behind it */

static int cut(const char *path, int n)
{
    static long at[BATCHES_MAX];
    FILE *f = fopen(path, "r+b");
    uint32_t head[3], len;
    int count = 0;
    long end = 0;

    while (f && count < BATCHES_MAX && fseek(f, end, SEEK_SET) == 0 &&
           fread(head, HEAD, 1, f) == 1 && (len = ntohl(head[2])) > 0) {
        at[count++] = end;
        end += HEAD + (long)len;
    }
    if (count < n || ftruncate(fileno(f), at[count - n]) < 0)
        return 1;
    printf("%d of %d batches\n", n, count);
    return fclose(f);
}

/* As retention does when it is time. */
static int trim(const char *topic, int32_t partition, int64_t offset)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_DeleteRecords_t *ask;
    rd_kafka_queue_t *q;
    rd_kafka_event_t *answer;
    rd_kafka_t *rk;
    int rc;

    rd_kafka_conf_set(conf, "bootstrap.servers", getenv("PILOT_BROKER"), NULL,
                      0);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    q = rd_kafka_queue_new(rk);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    ask = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(rk, &ask, 1, NULL, q);
    answer = rd_kafka_queue_poll(q, 20000);
    rc = !answer || rd_kafka_event_error(answer);
    rd_kafka_event_destroy(answer);
    rd_kafka_DeleteRecords_destroy(ask);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(q);
    rd_kafka_destroy(rk);
    return rc;
}

/* As who runs the broker does it, behind the back of who reads. */
static int grow(const char *topic, int partitions)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_NewPartitions_t *ask;
    rd_kafka_queue_t *q;
    rd_kafka_event_t *answer;
    rd_kafka_t *rk;
    int rc;

    rd_kafka_conf_set(conf, "bootstrap.servers", getenv("PILOT_BROKER"), NULL,
                      0);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    q = rd_kafka_queue_new(rk);
    ask = rd_kafka_NewPartitions_new(topic, (size_t)partitions, NULL, 0);
    rd_kafka_CreatePartitions(rk, &ask, 1, NULL, q);
    answer = rd_kafka_queue_poll(q, 20000);
    rc = !answer || rd_kafka_event_error(answer);
    rd_kafka_event_destroy(answer);
    rd_kafka_NewPartitions_destroy(ask);
    rd_kafka_queue_destroy(q);
    rd_kafka_destroy(rk);
    return rc;
}

/* Ask for all of them to be deleted; how many there are, or -1. */
static int delete_all(rd_kafka_t *rk, rd_kafka_queue_t *q)
{
    const struct rd_kafka_metadata *all;
    rd_kafka_DeleteTopic_t **ask;
    rd_kafka_event_t *answer;
    int n = 0, rc;

    if (rd_kafka_metadata(rk, 1, NULL, &all, 20000) != 0)
        return -1;
    ask = calloc((size_t)all->topic_cnt + 1, sizeof(*ask));
    for (int i = 0; ask && i < all->topic_cnt; i++)
        if (all->topics[i].topic[0] != '_') /* the broker's own */
            ask[n++] = rd_kafka_DeleteTopic_new(all->topics[i].topic);
    rd_kafka_metadata_destroy(all);
    rc = ask ? n : -1;
    if (n) {
        rd_kafka_DeleteTopics(rk, ask, (size_t)n, NULL, q);
        answer = rd_kafka_queue_poll(q, 20000);
        /* What is wrong with one of them is seen by its still being there. */
        if (!answer || rd_kafka_event_error(answer))
            rc = -1;
        rd_kafka_event_destroy(answer);
        rd_kafka_DeleteTopic_destroy_array(ask, (size_t)n);
    }
    free(ask);
    return rc;
}

/* Until there is none. */
static int clear(void)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_queue_t *q;
    rd_kafka_t *rk;
    int n = 1, were = 0;

    rd_kafka_conf_set(conf, "bootstrap.servers", getenv("PILOT_BROKER"), NULL,
                      0);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    q = rd_kafka_queue_new(rk);
    for (int i = 0; i < 400 && (n = delete_all(rk, q)) > 0; i++) {
        if (i == 0)
            were = n;
        usleep(50000);
    }
    rd_kafka_queue_destroy(q);
    rd_kafka_destroy(rk);
    if (n)
        fprintf(stderr, "topic: %s has topics, or does not answer\n",
                getenv("PILOT_BROKER"));
    else
        printf("%d\n", were);
    return n != 0;
}

static int administer(int argc, char **argv)
{
    const broker_conf c = {.endpoint = getenv("PILOT_BROKER"),
                           .client_id = "topic"};
    pe_error e = {0};
    broker_admin *a = broker_admin_open(&c, &e);
    int rc = -1, n;

    if (a && !strcmp(argv[1], "delete")) {
        rc = broker_topic_delete(a, argv[2], &e);
    } else if (a && argc > 3 && !strcmp(argv[1], "create")) {
        const broker_topic t = {.name = argv[2], .partitions = atoi(argv[3])};

        rc = broker_topic_ensure(a, &t, &n, &e);
    } else if (a && !strcmp(argv[1], "end")) {
        int64_t low, high;

        rc = broker_watermarks(a, argv[2], 0, &low, &high, &e);
        if (rc == 0)
            printf("%lld\n", (long long)high);
    }
    if (rc < 0)
        fprintf(stderr, "topic: %s\n", e.text);
    broker_admin_close(a);
    return rc < 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "clear"))
        return clear();
    if (argc < 3)
        return 64;
    if (!strcmp(argv[1], "cut"))
        return cut(argv[2], argc > 3 ? atoi(argv[3]) : 1);
    if (!strcmp(argv[1], "trim") && argc > 4)
        return trim(argv[2], atoi(argv[3]), atoi(argv[4]));
    if (!strcmp(argv[1], "grow") && argc > 3)
        return grow(argv[2], atoi(argv[3]));
    return administer(argc, argv);
}
