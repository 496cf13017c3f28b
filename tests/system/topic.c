/* topic.c - makes, deletes and cuts a topic.
 *
 * usage: topic create TOPIC PARTITIONS | topic delete TOPIC
 *        topic end TOPIC: the offset that partition 0 ends at
 *        topic cut SEGMENT N: take the last N batches off a log's file
 * broker: PILOT_BROKER
 */
#include <arpa/inet.h>
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
    if (argc < 3)
        return 64;
    if (!strcmp(argv[1], "cut"))
        return cut(argv[2], argc > 3 ? atoi(argv[3]) : 1);
    return administer(argc, argv);
}
