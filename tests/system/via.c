/* via.c - looks at a broker and a parameter service, through a login node.
 *
 * usage: via SSH_URL|- BROKER REDIS_URL          password: PILOT_PASSWORD_FILE
 *
 * "-": directly.  Makes topic "via", sends three records and reads them back,
 * puts a control word and a value of 3 MiB and reads them back; prints what
 * it saw.  Exit status: that of the first error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/broker/broker.h"
#include "src/common/log.h"
#include "src/params/params.h"
#include "src/host/tunnel.h"

enum { RECORDS = 3, VALUE = 3 << 20 };

static int fail(const pe_error *e)
{
    fprintf(stderr, "via: %s\n", e->text);
    return e->exit_code;
}

static int count_records(const broker_conf *b, pe_error *errp)
{
    broker_consumer_conf c = {.broker = *b,
                              .topic = "via",
                              .group = "via",
                              .message_bytes = VALUE + 4096,
                              .queue_bytes = 16 << 20,
                              .check_crcs = true};
    broker_position at = {0, 0, 0};
    broker_record r;
    int n = 0, rc = 0;
    broker_consumer *in = broker_consumer_open(&c, errp);

    if (!in)
        return -1;
    if (broker_consumer_assign(in, &at, 1, errp) < 0)
        rc = -1;
    for (int tries = 0; tries < 300 && n < RECORDS && rc >= 0; tries++) {
        rc = broker_consumer_fetch(in, 100, &r, errp);
        if (rc == 1) {
            n += r.len == VALUE;
            broker_record_release(&r);
        }
    }
    broker_consumer_close(in);
    return rc < 0 ? -1 : n;
}

static int send_records(const broker_conf *b, const char *value, pe_error *errp)
{
    broker_producer_conf c = {.broker = *b,
                              .compression = "none",
                              .message_bytes = VALUE + 4096,
                              .queue_bytes = 16 << 20,
                              .in_flight = 1};
    const broker_output o = {.topic = "via",
                             .key = "key",
                             .value = value,
                             .len = VALUE,
                             .copy = true};
    broker_producer *p = broker_producer_open(&c, errp);
    int rc = 0;

    if (!p)
        return -1;
    for (int i = 0; i < RECORDS && rc == 0; i++) {
        while ((rc = broker_produce(p, &o, errp)) == 1)
            broker_producer_poll(p, 100);
    }
    if (rc == 0)
        rc = broker_producer_flush(p, 30000, errp);
    broker_producer_close(p);
    return rc;
}

static int look_at_broker(const broker_conf *b, const char *value,
                          pe_error *errp)
{
    const broker_topic topic = {
        .name = "via", .partitions = 2, .message_bytes = VALUE + 4096};
    broker_admin *a = broker_admin_open(b, errp);
    int partitions = 0, rc = -1;
    int64_t low = -1, high = -1;

    if (!a)
        return -1;
    if (broker_topic_ensure(a, &topic, &partitions, errp) == 0 &&
        send_records(b, value, errp) == 0)
        rc = broker_watermarks(a, "via", 0, &low, &high, errp);
    broker_admin_close(a);
    int n = rc < 0 ? -1 : count_records(b, errp);
    if (n < 0)
        return -1;
    printf("broker: %d partitions, offsets %lld to %lld, %d records read\n",
           partitions, (long long)low, (long long)high, n);
    return 0;
}

static int look_at_params(const params_conf *c, const char *value,
                          pe_error *errp)
{
    params *p = params_open(c, "via", errp);
    char word[32] = "", *back = malloc(VALUE);
    size_t len = 0;
    int rc = -1;

    if (p && back && params_control_put(p, "drain", errp) == 0 &&
        params_control_fetch(p, word, sizeof(word), errp) == 0 &&
        params_shared_put(p, "value", value, VALUE, errp) == 0)
        rc = params_shared_get(p, "value", back, VALUE, &len, errp);
    if (rc == 0)
        printf("params: word '%s', value of %zu bytes %s\n", word, len,
               len == VALUE && !memcmp(back, value, VALUE) ? "as it was"
                                                           : "changed");
    params_close(p);
    free(back);
    return rc;
}

int main(int argc, char **argv)
{
    pe_error e = {0};
    tunnel *t = NULL;
    char *value = malloc(VALUE);

    log_init(log_write_stderr, "via", LOG_LEVEL_WARN);
    if (argc != 4 || !value)
        return 64;
    if (strcmp(argv[1], "-") != 0) {
        t = tunnel_open(argv[1], NULL, &e);
        if (!t) {
            free(value);
            return fail(&e);
        }
    }
    for (size_t i = 0; i < VALUE; i++)
        value[i] = (char)(i * 31 + i / 4096);
    const broker_conf b = {.endpoint = argv[2],
                           .client_id = "via",
                           .dial = t ? tunnel_dial : NULL,
                           .dial_arg = t,
                           .timeout_s = t ? 10 : 2};
    const params_conf c = {.url = argv[3],
                           .password_file = getenv("PILOT_PASSWORD_FILE"),
                           .dial = t ? tunnel_dial : NULL,
                           .dial_arg = t,
                           .connect_timeout_s = 2};
    int status = 0;
    if (look_at_broker(&b, value, &e) < 0)
        status = fail(&e);
    if (look_at_params(&c, value, &e) < 0 && status == 0)
        status = fail(&e);
    tunnel_close(t);
    free(value);
    return status;
}
