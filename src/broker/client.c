/* client.c - settings, log and first contact of every Kafka client. */
#include "src/broker/client.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>

#include "src/broker/dial.h"
#include "src/broker/entry.h"
#include "src/common/log.h"

#define TIMEOUT_S 10

static const client_setting common[] = {
    /* Small records leave at once; the client's default waits for more. */
    {"socket.nagle.disable", "true"},
    /* Address translators between edge and cluster forget idle links. */
    {"socket.keepalive.enable", "true"},
    /* An outage of 3 s costs 3.6 s with these, 9 to 11 s without. */
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "500"},
    {"topic.metadata.refresh.interval.ms", "60000"},
    /* Brokers close idle connections: no news. */
    {"log.connection.close", "false"},
    {NULL, NULL},
};

/* Level 0 to 2 is about the client itself; all that the network does comes
 * at 3 and is told by on_error once an outage.
 */
static void on_log(const rd_kafka_t *rk, int level, const char *fac,
                   const char *text)
{
    (void)rk;
    if (level <= 2)
        log_warn("kafka: %s: %s", fac, text);
    else
        log_debug("kafka: %s: %s", fac, text);
}

void client_cause(const char *text, char *out, size_t cap)
{
    static const char known[] = "supported mechanisms: ";
    const char *from = text, *end = strstr(text, " (after ");
    const char *list = strstr(text, known);
    size_t n;

    if (!end)
        end = text + strlen(text);
    for (const char *p = text; p + 2 < end; p++)
        if (p[0] == ':' && p[1] == ' ')
            from = p + 2;
    if (list && list < end) {
        snprintf(out, cap, "it takes %.*s", (int)(end - from), from);
        return;
    }
    n = (size_t)(end - from);
    if (n >= cap)
        n = cap - 1;
    memcpy(out, from, n);
    out[n] = '\0';
    if (isupper((unsigned char)out[0]) && islower((unsigned char)out[1]))
        out[0] = (char)tolower((unsigned char)out[0]);
}

/* Does it let us in?  An alert of TLS comes as a broken connection. */
static rd_kafka_resp_err_t refusal_of(int err, const char *said,
                                      rd_kafka_resp_err_t before)
{
    if (err == RD_KAFKA_RESP_ERR__AUTHENTICATION)
        return RD_KAFKA_RESP_ERR__AUTHENTICATION;
    if (err == RD_KAFKA_RESP_ERR__SSL || strstr(said, "SSL alert"))
        return RD_KAFKA_RESP_ERR__SSL;
    return before;
}

/* Lost connections come back by themselves: one line when the last is gone,
 * one when a broker answers again.
 */
static void on_error(rd_kafka_t *rk, int err, const char *text, void *arg)
{
    client *cl = arg;

    (void)rk;
    log_debug("kafka: %s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)err),
              text);
    atomic_store(&cl->shaken, true);
    if (!cl->contacted && cl->entry)
        cl->refused = refusal_of(err, text, cl->refused);
    if (err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        if (!cl->contacted)
            client_cause(text, cl->reason, sizeof(cl->reason));
    } else if (cl->contacted && !atomic_exchange(&cl->away, true)) {
        char why[600];

        client_is_away(cl, why, sizeof(why));
        log_warn("%s; waiting for it", why);
    }
}

/* That a connection was lost is not told of one that seemed idle, as that of a
 * process which was stopped: one that is made anew tells as much.  Nothing can
 * have come through it yet.
 */
static int on_socket(int domain, int type, int protocol, void *arg)
{
    client *cl = arg;

    if (atomic_load(&cl->contacted))
        atomic_store(&cl->shaken, true);
    return socket(domain, type | SOCK_CLOEXEC, protocol);
}

/* A segment and its indexes have no room in so little. */
#define FULL_BYTES (UINT64_C(24) << 20)

/* A broker that cannot write ends: what then looks like one that is stopped. */
static bool is_disk_full(const client *cl)
{
    struct statvfs s;

    return cl->folder[0] && statvfs(cl->folder, &s) == 0 &&
           (uint64_t)s.f_bavail * s.f_frsize < FULL_BYTES;
}

bool client_is_away(const client *cl, char *out, size_t cap)
{
    if (!atomic_load(&cl->away))
        return false;
    if (is_disk_full(cl))
        snprintf(out, cap,
                 "broker %s is away: its disk is full; free some space in %s "
                 "and start it again",
                 cl->endpoint, cl->folder);
    else
        snprintf(out, cap, "broker %s is away", cl->endpoint);
    return true;
}

void client_answered(client *cl)
{
    if (atomic_load_explicit(&cl->away, memory_order_relaxed) &&
        atomic_exchange(&cl->away, false))
        log_warn("broker %s is back", cl->endpoint);
}

static int on_count(rd_kafka_t *rk, char *json, size_t len, void *arg)
{
    (void)rk;
    client_count(arg, json, len);
    return 0; /* the text stays the client's */
}

int client_set(rd_kafka_conf_t *k, const char *name, const char *value,
               pe_error *errp)
{
    char why[512];

    if (rd_kafka_conf_set(k, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "broker client refuses %s=%s: %s", name, value, why);
}

int client_set_known(rd_kafka_conf_t *k, const char *name, const char *value,
                     pe_error *errp)
{
    char now[512];
    size_t size = sizeof(now);

    if (rd_kafka_conf_get(k, name, now, &size) == RD_KAFKA_CONF_UNKNOWN)
        return 0;
    return client_set(k, name, value, errp);
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

dialer *dialer_of(void *opaque)
{
    return ((client *)opaque)->dialer;
}

rd_kafka_conf_t *client_conf(client *cl, const broker_conf *c, void *owner,
                             pe_error *errp)
{
    rd_kafka_conf_t *k;

    if (!c->endpoint || !c->endpoint[0]) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "a broker needs an endpoint: set pilots.NAME.endpoint "
                     "to HOST:PORT");
        return NULL;
    }
    snprintf(cl->endpoint, sizeof(cl->endpoint), "%s", c->endpoint);
    snprintf(cl->from, sizeof(cl->from), "%s", c->from ? c->from : "");
    cl->owner = owner;
    cl->timeout_s = c->timeout_s > 0 ? c->timeout_s : TIMEOUT_S;
    atomic_init(&cl->shaken, false);
    atomic_init(&cl->contacted, false);
    atomic_init(&cl->away, false);
    if (c->logins && entry_open(c->logins, c->endpoint, &cl->entry, errp) < 0)
        return NULL;
    if (c->dial && !(cl->dialer = dialer_create(c->dial, c->dial_arg, errp)))
        return NULL;
    k = rd_kafka_conf_new();
    if (cl->dialer)
        dialer_install(k);
    rd_kafka_conf_set_opaque(k, cl);
    rd_kafka_conf_set_log_cb(k, on_log);
    rd_kafka_conf_set_error_cb(k, on_error);
    rd_kafka_conf_set_socket_cb(k, on_socket);
    rd_kafka_conf_set_stats_cb(k, on_count);
    if ((!cl->entry || entry_apply(cl->entry, k, errp) == 0) &&
        client_set_all(k, common, errp) == 0 &&
        client_set(k, "bootstrap.servers", c->endpoint, errp) == 0 &&
        client_set(k, "client.id", c->client_id ? c->client_id : "pilot",
                   errp) == 0)
        return k;
    rd_kafka_conf_destroy(k);
    return NULL;
}

#define ASK_MS 2000

/* Where broker [id] keeps its logs, to look at its disk when it is gone. */
static void keep_folder(client *cl, int32_t id)
{
    char name[16];
    rd_kafka_ConfigResource_t *asked;
    rd_kafka_queue_t *q = rd_kafka_queue_new(cl->rk);
    const rd_kafka_ConfigResource_t **r;
    const rd_kafka_ConfigEntry_t **entry;
    rd_kafka_event_t *ev;
    size_t n = 0, entries = 0;

    snprintf(name, sizeof(name), "%" PRId32, id);
    asked = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, name);
    rd_kafka_DescribeConfigs(cl->rk, &asked, 1, NULL, q);
    rd_kafka_ConfigResource_destroy(asked);
    ev = rd_kafka_queue_poll(q, ASK_MS);
    rd_kafka_queue_destroy(q);
    if (ev && !rd_kafka_event_error(ev)) {
        r = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(ev), &n);
        entry = n ? rd_kafka_ConfigResource_configs(r[0], &entries) : NULL;
        for (size_t i = 0; i < entries; i++) {
            const char *value = rd_kafka_ConfigEntry_value(entry[i]);

            if (value &&
                !strcmp(rd_kafka_ConfigEntry_name(entry[i]), "log.dirs"))
                snprintf(cl->folder, sizeof(cl->folder), "%.*s",
                         (int)strcspn(value, ","), value);
        }
    }
    if (ev)
        rd_kafka_event_destroy(ev);
}

static bool is_local(const char *host)
{
    return !strcmp(host, "localhost") || !strcmp(host, "::1") ||
           !strncmp(host, "127.", 4);
}

static int unreachable(const client *cl, const char *why, pe_error *errp)
{
    char fix[400] = "start one with `pilot services start`, or set "
                    "pilots.NAME.endpoint";

    if (!cl->reason[0])
        snprintf(fix, sizeof(fix),
                 "does it want TLS, or a login? say so by auth: beside "
                 "pilots.NAME.endpoint");
    else if (*cl->from)
        snprintf(fix, sizeof(fix),
                 "start it, or name another endpoint (this one: %s)", cl->from);
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "broker %s cannot be reached within %g s (%s): is it "
                        "running? %s",
                        cl->endpoint, cl->timeout_s, why, fix);
}

static int refused(const client *cl, const char *why, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_PERMISSION,
                        "broker %s lets nobody in so (%s): %s", cl->endpoint,
                        why, entry_fix(cl->entry, cl->refused));
}

/* A call for metadata does not end when a login is refused, which comes as an
 * event: so it is made in pieces, where there is one.
 */
#define PIECE_MS 500

static rd_kafka_resp_err_t ask(client *cl, const struct rd_kafka_metadata **mdp)
{
    int left_ms = (int)(cl->timeout_s * 1000);
    rd_kafka_resp_err_t err;

    do {
        int ms = cl->entry && left_ms > PIECE_MS ? PIECE_MS : left_ms;

        err = rd_kafka_metadata(cl->rk, 0, NULL, mdp, ms);
        left_ms -= ms;
        while (err && rd_kafka_poll(cl->rk, 0) > 0)
            continue;
    } while (err && !cl->refused && left_ms > 0);
    return err;
}

/* Wait for the first answer; on_error finds the reason when none comes. */
static int contact(client *cl, pe_error *errp)
{
    const struct rd_kafka_metadata *md;
    char why[sizeof(errp->text)] = "";
    rd_kafka_resp_err_t err = ask(cl, &md);

    if (!err) {
        if (!cl->dialer && md->broker_cnt == 1 && is_local(md->brokers[0].host))
            keep_folder(cl, md->brokers[0].id);
        rd_kafka_metadata_destroy(md);
        cl->contacted = true;
        return 0;
    }
    if (cl->dialer)
        dialer_reason(cl->dialer, why, sizeof(why));
    if (!*why)
        snprintf(why, sizeof(why), "%s",
                 cl->reason[0] ? cl->reason : rd_kafka_err2str(err));
    return cl->refused ? refused(cl, why, errp) : unreachable(cl, why, errp);
}

/* The client itself; [k] is taken over. */
static int start(client *cl, rd_kafka_type_t type, rd_kafka_conf_t *k,
                 pe_error *errp)
{
    char why[512];

    if (!cl->entry || entry_kept(cl->entry, k, errp) == 0) {
        cl->rk = rd_kafka_new(type, k, why, sizeof(why));
        if (cl->rk)
            return cl->entry ? entry_started(cl->entry, cl->rk, errp) : 0;
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "broker client cannot start: %s", why);
    }
    rd_kafka_conf_destroy(k);
    return -1;
}

int client_open(client *cl, rd_kafka_type_t type, rd_kafka_conf_t *k,
                pe_error *errp)
{
    return start(cl, type, k, errp) < 0 ? -1 : contact(cl, errp);
}

int client_login_check(const broker_conf *c, pe_error *errp)
{
    client *cl = calloc(1, sizeof(*cl));
    rd_kafka_conf_t *k;
    int status = -1;

    if (!cl)
        return pe_error_nomem(errp);
    k = client_conf(cl, c, NULL, errp);
    if (k)
        status = start(cl, RD_KAFKA_PRODUCER, k, errp);
    client_close(cl);
    free(cl);
    return status;
}

void client_close(client *cl)
{
    /* No group was joined: a close would wait for a coordinator. */
    if (cl->rk)
        rd_kafka_destroy_flags(cl->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    cl->rk = NULL;
    dialer_destroy(cl->dialer);
    cl->dialer = NULL;
    entry_close(cl->entry);
    cl->entry = NULL;
}
