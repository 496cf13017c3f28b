/* client.c - settings that every Kafka client of ours has. */
#include "client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/common/log.h"

static const client_setting common[] = {
    {"socket.nagle.disable", "true"},    /* small records leave at once */
    {"socket.keepalive.enable", "true"}, /* NATs between edge and cluster */
    {"reconnect.backoff.ms", "50"},      /* a 3 s outage costs 3.6 s with */
    {"reconnect.backoff.max.ms", "500"}, /* these, 9 to 11 s without */
    {"topic.metadata.refresh.interval.ms", "60000"},
    {"log.connection.close", "false"},
    {NULL, NULL},
};

static void on_log(const rd_kafka_t *rk, int level, const char *fac,
                   const char *buf)
{
    (void)rk;
    if (level <= 3)
        log_debug("kafka: %s: %s", fac, buf);
}

/* Lost connections come back by themselves; they are no news for a person
 * before the caller's own time-out says so.
 */
static void on_error(rd_kafka_t *rk, int err, const char *reason, void *arg)
{
    (void)rk;
    (void)arg;
    log_debug("kafka: %s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)err),
              reason);
}

int client_set(rd_kafka_conf_t *k, const char *name, const char *value,
               pe_error *errp)
{
    char why[512];

    if (rd_kafka_conf_set(k, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "Kafka client: %s", why);
}

int client_set_u64(rd_kafka_conf_t *k, const char *name, uint64_t value,
                   pe_error *errp)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    return client_set(k, name, text, errp);
}

int client_set_all(rd_kafka_conf_t *k, const client_setting *s, pe_error *errp)
{
    for (; s->name; s++)
        if (client_set(k, s->name, s->value, errp) < 0)
            return -1;
    return 0;
}

rd_kafka_conf_t *client_conf(const broker_conf *c, pe_error *errp)
{
    rd_kafka_conf_t *k = rd_kafka_conf_new();

    rd_kafka_conf_set_log_cb(k, on_log);
    rd_kafka_conf_set_error_cb(k, on_error);
    if (client_set_all(k, common, errp) == 0 &&
        client_set(k, "bootstrap.servers", c->endpoint, errp) == 0 &&
        client_set(k, "client.id", c->client_id ? c->client_id : "pilot",
                   errp) == 0)
        return k;
    rd_kafka_conf_destroy(k);
    return NULL;
}

rd_kafka_t *client_new(rd_kafka_type_t type, rd_kafka_conf_t *k, pe_error *errp)
{
    char why[512];
    rd_kafka_t *rk = rd_kafka_new(type, k, why, sizeof(why));

    if (rk)
        return rk;
    rd_kafka_conf_destroy(k);
    pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED, "Kafka client: %s", why);
    return NULL;
}

int client_contact(rd_kafka_t *rk, const broker_conf *c, pe_error *errp)
{
    double limit = c->timeout_s > 0 ? c->timeout_s : 10;
    const struct rd_kafka_metadata *md;
    rd_kafka_resp_err_t err;

    err = rd_kafka_metadata(rk, 0, NULL, &md, (int)(limit * 1000));
    if (!err) {
        rd_kafka_metadata_destroy(md);
        return 0;
    }
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "broker %s cannot be reached within %g s (%s): is it "
                        "running? start one with scripts/services start, or "
                        "set the broker pilot's endpoint",
                        c->endpoint, limit, rd_kafka_err2str(err));
}
