/* topic.c - makes and deletes a topic.
 *
 * usage: topic create TOPIC PARTITIONS | topic delete TOPIC
 * broker: PILOT_BROKER
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/broker/broker.h"

int main(int argc, char **argv)
{
    const broker_conf c = {.endpoint = getenv("PILOT_BROKER"),
                           .client_id = "topic"};
    pe_error e = {0};
    broker_admin *a = argc > 2 ? broker_admin_open(&c, &e) : NULL;
    int rc = -1, n;

    if (a && !strcmp(argv[1], "delete")) {
        rc = broker_topic_delete(a, argv[2], &e);
    } else if (a && argc > 3 && !strcmp(argv[1], "create")) {
        const broker_topic t = {.name = argv[2], .partitions = atoi(argv[3])};

        rc = broker_topic_ensure(a, &t, &n, &e);
    }
    if (rc < 0)
        fprintf(stderr, "topic: %s\n", e.text);
    broker_admin_close(a);
    return rc < 0;
}
