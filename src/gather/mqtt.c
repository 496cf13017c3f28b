/* mqtt.c - messages of MQTT, acknowledged when they are in our spool.
 *
 * The library queues an acknowledgement before it hands the message out, and
 * would send it at once; told that there are threads, it leaves that to
 * mosquitto_loop_write, which is called when the message is on the disk.
 */
#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/common/url.h"
#include "src/config/tree.h"
#include "src/gather/source.h"

#define KEEPALIVE_S 30
#define REST_NS (500 * CLOCK_MS)
#define AUTH_MAX 65536
/* Also of what devices publish by QoS 2: the library keeps half of such a
 * handshake in its memory, and a message of it would go with a gateway that is
 * killed.  So the broker may send one again, and gather.c knows it.
 */
#define QOS 1
/* A session that is there, and goes so soon, so often: another has it. */
#define QUICK_NS (2 * CLOCK_S)
#define QUICK_MAX 3

typedef struct mqtt {
    gather_source base;
    gather *gather;
    struct mosquitto *m;
    url url;
    char *filter, *name;
    int level; /* of the device, from 1 */
    bool old;
    bool connected; /* it has let us in */
    bool had;       /* ... before */
    bool told_away, told_full;
    bool again;        /* the message that comes is one that came before, as
                          its broker has it */
    bool kept;         /* the session was there when we connected */
    int64_t since_ns;  /* when that was */
    int quick;         /* connections that were ended soon, in a row */
    int64_t again_ns;  /* when to connect again */
    uint64_t retained; /* that were left out */
    bool failed;
    pe_error error;
} mqtt;

static int fail(mqtt *q, enum pe_exit status, const char *what)
{
    if (!q->failed)
        pe_error_set(&q->error,
                     status == PE_EXIT_AGAIN ? PE_ERROR_RETRY : PE_ERROR_INPUT,
                     status, "MQTT broker %s:%d %s", q->url.host, q->url.port,
                     what);
    q->failed = true;
    return -1;
}

/* --- a message --- */

/* Level [n], from 1, of [topic]; 0: it has none. */
static size_t level_find(const char *topic, int n, const char **atp)
{
    for (; n > 1; n--) {
        topic += strcspn(topic, "/");
        if (!*topic)
            return 0;
        topic++;
    }
    *atp = topic;
    return strcspn(topic, "/");
}

/* A number of a user property; false: there is none. */
static bool property_number(const mosquitto_property *props, const char *name,
                            uint64_t *out)
{
    const mosquitto_property *p = props;
    char *key = NULL, *value = NULL;
    bool found = false, skip = false;
    int64_t n;

    while (!found && (p = mosquitto_property_read_string_pair(
                          p, MQTT_PROP_USER_PROPERTY, &key, &value, skip))) {
        skip = true;
        if (key && value && !strcmp(key, name) &&
            text_parse_int(value, &n) == 0 && n >= 0 &&
            (uint64_t)n <= RECORD_NUMBER_MAX) {
            *out = (uint64_t)n;
            found = true;
        }
        free(key);
        free(value);
        key = value = NULL;
    }
    return found;
}

/* Whether a message has come before (DUP) the library tells its log alone, in
 * front of the message: "Client NAME received PUBLISH (d1, ...".
 */
static void on_log(struct mosquitto *m, void *arg, int level, const char *line)
{
    static const char publish[] = " received PUBLISH (d";
    mqtt *q = arg;
    size_t name = strlen("Client ") + strlen(q->name);

    (void)m;
    if (level == MOSQ_LOG_DEBUG && strlen(line) > name + sizeof(publish) &&
        !strncmp(line + name, publish, sizeof(publish) - 1))
        q->again = line[name + sizeof(publish) - 1] != '0';
}

static void on_message(struct mosquitto *m, void *arg,
                       const struct mosquitto_message *k,
                       const mosquitto_property *props)
{
    mqtt *q = arg;
    gather_message g = {.data = k->payload, .len = (size_t)k->payloadlen};
    const char *at = NULL;
    size_t len = level_find(k->topic, q->level, &at);
    char device[200], why[400];

    (void)m;
    if (q->failed)
        return;
    if (k->retain) { /* of any age, and again each time we subscribe */
        if (q->retained++ == 0)
            log_warn("a retained message of %s is left out, as all of them are",
                     k->topic);
        return;
    }
    snprintf(device, sizeof(device), "%.*s", (int)(len ? len : 9),
             len ? at : "no-device");
    if (len == 0 || len >= sizeof(device)) {
        snprintf(why, sizeof(why),
                 "topic '%.200s' has no level %d that could name a device",
                 k->topic, q->level);
        g.refused = why;
    }
    g.device = device;
    g.has_seq = property_number(props, "pe_boot", &g.boot) &&
                property_number(props, "pe_seq", &g.seq);
    g.id = (uint32_t)k->mid;
    g.again = q->kept && q->again;
    if (gather_take(q->gather, &g, &q->error) < 0)
        q->failed = true;
}

/* --- the session --- */

static void subscribe(mqtt *q)
{
    int rc = mosquitto_subscribe_v5(q->m, NULL, q->filter, QOS,
                                    q->old ? 0 : MQTT_SUB_OPT_SEND_RETAIN_NEVER,
                                    NULL);

    if (rc != MOSQ_ERR_SUCCESS)
        fail(q, PE_EXIT_CONFIG, mosquitto_strerror(rc));
}

static void on_connect(struct mosquitto *m, void *arg, int rc, int flags,
                       const mosquitto_property *props)
{
    mqtt *q = arg;
    bool login = q->old ? rc == 4 || rc == 5
                        : rc == MQTT_RC_BAD_USERNAME_OR_PASSWORD ||
                              rc == MQTT_RC_NOT_AUTHORIZED;

    (void)m;
    (void)props;
    if (login) {
        fail(q, PE_EXIT_PERMISSION,
             "does not let us in: user and password of --auth are wrong, or "
             "missing");
        return;
    }
    if (rc == MQTT_RC_SERVER_UNAVAILABLE || rc == MQTT_RC_SERVER_BUSY)
        return;
    if (rc != 0) {
        fail(q, PE_EXIT_CONFIG,
             q->old ? mosquitto_connack_string(rc)
             : rc == MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION || rc == 1
                 ? "speaks no MQTT 5: say --mqtt3"
                 : mosquitto_reason_string(rc));
        return;
    }
    if (q->had && !(flags & 1))
        log_warn("MQTT broker %s:%d has lost our session: what came while it "
                 "was away is lost, by sequence where devices number their "
                 "messages",
                 q->url.host, q->url.port);
    else if (q->told_away)
        log_warn("MQTT broker %s:%d is back", q->url.host, q->url.port);
    q->told_away = false;
    q->connected = q->had = true;
    q->kept = flags & 1;
    q->since_ns = clock_mono_ns();
    subscribe(q);
}

static void on_subscribe(struct mosquitto *m, void *arg, int mid, int n,
                         const int *granted, const mosquitto_property *props)
{
    mqtt *q = arg;

    (void)m;
    (void)mid;
    (void)props;
    if (n > 0 && granted[0] >= 128)
        fail(q, PE_EXIT_PERMISSION, "does not let us subscribe to that filter");
    else if (n > 0 && granted[0] < QOS)
        log_warn("MQTT broker %s:%d sends by QoS %d: what it loses nobody "
                 "knows",
                 q->url.host, q->url.port, granted[0]);
    else
        log_info("subscribed to %s", q->filter);
}

static void on_disconnect(struct mosquitto *m, void *arg, int rc,
                          const mosquitto_property *props)
{
    mqtt *q = arg;

    (void)m;
    (void)props;
    q->connected = false;
    /* A mosquitto 2.0.11 does not say so, and ends the connection. */
    if (rc != 0 && q->kept && clock_mono_ns() - q->since_ns < QUICK_NS)
        q->quick++;
    else
        q->quick = 0;
    if (rc == MQTT_RC_SESSION_TAKEN_OVER || q->quick == QUICK_MAX)
        fail(q, PE_EXIT_AGAIN,
             "has given our session to another gateway of this name: one is "
             "enough, or give it another --name");
}

static int dial(mqtt *q)
{
    mosquitto_property *props = NULL;
    int rc = MOSQ_ERR_SUCCESS;

    if (q->had || q->told_away)
        return mosquitto_reconnect(q->m);
    if (!q->old)
        rc = mosquitto_property_add_int32(
            &props, MQTT_PROP_SESSION_EXPIRY_INTERVAL, UINT32_MAX);
    if (rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_connect_bind_v5(q->m, q->url.host, q->url.port,
                                       KEEPALIVE_S, NULL, props);
    mosquitto_property_free_all(&props);
    return rc;
}

/* There is no connection, for [rc].  Certificates that never were good do not
 * become so by waiting.
 */
static void away(mqtt *q, int rc)
{
    const char *why =
        rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc);

    if (rc == MOSQ_ERR_TLS && !q->had) {
        fail(q, PE_EXIT_PERMISSION,
             "and we do not come to terms by TLS: its certificate is not "
             "signed by ca of --auth, or is for another host");
        return;
    }
    if (!q->told_away)
        log_warn("MQTT broker %s:%d is away (%s); waiting for it", q->url.host,
                 q->url.port, why);
    q->told_away = true;
}

/* Is there a connection?  One that is lost is made again in a while. */
static bool is_up(mqtt *q)
{
    int64_t now = clock_mono_ns();
    int rc;

    if (mosquitto_socket(q->m) >= 0)
        return true;
    q->connected = false;
    if (now < q->again_ns)
        return false;
    q->again_ns = now + REST_NS;
    rc = dial(q);
    if (rc == MOSQ_ERR_SUCCESS)
        return true;
    away(q, rc);
    return false;
}

/* Is there room for what comes?  Else it stays where it is. */
static bool has_room(mqtt *q)
{
    bool room = gather_has_room(q->gather);

    if (!room && !q->told_full)
        log_warn("the spool is full: messages stay at the MQTT broker, which "
                 "drops those beyond its own bound (mosquitto: 1,000, "
                 "max_queued_messages)");
    q->told_full = !room;
    return room;
}

static void read_some(mqtt *q, int timeout_ms)
{
    bool room = has_room(q);
    struct pollfd fd = {mosquitto_socket(q->m), 0, 0};
    int rc = MOSQ_ERR_SUCCESS;

    fd.events = (short)((room ? POLLIN : 0) |
                        (mosquitto_want_write(q->m) ? POLLOUT : 0));
    if (poll(&fd, 1, timeout_ms) > 0 && (fd.revents & ~POLLOUT) && room)
        rc = mosquitto_loop_read(q->m, 1);
    /* What was read is in the spool; else nothing is acknowledged. */
    if (!q->failed && rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_loop_write(q->m, 1);
    if (!q->failed && rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_loop_misc(q->m);
    if (!q->failed && rc != MOSQ_ERR_SUCCESS)
        away(q, rc);
}

static int mqtt_turn(gather_source *s, int timeout_ms, pe_error *errp)
{
    mqtt *q = (mqtt *)s;

    if (is_up(q))
        read_some(q, timeout_ms);
    else
        clock_sleep_ns(timeout_ms * CLOCK_MS, 1);
    if (!q->failed)
        return 0;
    return pe_error_set(errp, q->error.kind, q->error.exit_code, "%s",
                        q->error.text);
}

/* --- open and close --- */

static const char *said(const tree *t, const char *key)
{
    const tree *c = tree_get(t, key);

    return c ? c->value : NULL;
}

static int read_auth(mqtt *q, const char *file, bool tls, pe_error *errp)
{
    char *data = file ? file_read_private(file, AUTH_MAX, NULL, errp) : NULL;
    tree *t = data ? tree_read(file, errp) : NULL;
    int rc = MOSQ_ERR_SUCCESS;

    if (data)
        explicit_bzero(data, strlen(data));
    free(data);
    if (file && !t)
        return -1;
    if (said(t, "user"))
        rc = mosquitto_username_pw_set(q->m, said(t, "user"),
                                       said(t, "password"));
    if (rc == MOSQ_ERR_SUCCESS && tls)
        rc = mosquitto_tls_set(q->m, said(t, "ca"),
                               said(t, "ca") ? NULL : "/etc/ssl/certs",
                               said(t, "certificate"), said(t, "key"), NULL);
    tree_destroy(t);
    if (rc == MOSQ_ERR_SUCCESS)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "--auth: MQTT's library refuses it (%s): ca, "
                        "certificate and key are files, for mqtts://",
                        mosquitto_strerror(rc));
}

/* Of the filter, the level of its first '+'. */
static int find_level(mqtt *q, const char *device, pe_error *errp)
{
    int64_t n = 1;

    if (device && (text_parse_int(device, &n) < 0 || n < 1 || n > 100))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--device %s: of MQTT it is the number of a level "
                            "of the topic, from 1",
                            device);
    for (const char *s = q->filter; !device && *s != '+'; s++) {
        if (!*s)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                                "filter '%s' has no level '+' that could name "
                                "the device: say which it is, by --device N",
                                q->filter);
        n += *s == '/';
    }
    q->level = (int)n;
    return 0;
}

static int take_url(mqtt *q, const gather_source_conf *c, bool *tlsp,
                    pe_error *errp)
{
    if (url_parse(c->url, &q->url, errp) < 0)
        return -1;
    *tlsp = !strcmp(q->url.scheme, "mqtts");
    if (!q->url.port)
        q->url.port = *tlsp ? 8883 : 1883;
    q->filter = strdup(*q->url.path == '/' ? q->url.path + 1 : "");
    q->name = strdup(c->name);
    if (!q->filter || !q->name)
        return pe_error_nomem(errp);
    if (!*q->url.host || mosquitto_sub_topic_check(q->filter) || !*q->filter)
        return pe_error_set(
            errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
            "'%s' is not mqtt://HOST:PORT/FILTER, with a filter "
            "as lab/+/data",
            c->url);
    return find_level(q, c->device, errp);
}

static void mqtt_close(gather_source *s)
{
    mqtt *q = (mqtt *)s;

    if (q->m) {
        mosquitto_disconnect(q->m);
        mosquitto_loop_write(q->m, 1);
        mosquitto_destroy(q->m);
    }
    mosquitto_lib_cleanup();
    free(q->filter);
    free(q->name);
    free(q);
}

static gather_source *mqtt_open(const gather_source_conf *c, gather *g,
                                pe_error *errp)
{
    mqtt *q = calloc(1, sizeof(*q));
    bool tls = false;

    if (!q) {
        pe_error_nomem(errp);
        return NULL;
    }
    mosquitto_lib_init();
    q->base.ops = &gather_mqtt;
    q->gather = g;
    q->old = c->old;
    q->again = true; /* as long as nobody says that it is not */
    if (take_url(q, c, &tls, errp) < 0)
        goto error;
    q->m = mosquitto_new(q->name, false, q);
    if (!q->m) {
        pe_error_nomem(errp);
        goto error;
    }
    mosquitto_int_option(q->m, MOSQ_OPT_PROTOCOL_VERSION,
                         q->old ? MQTT_PROTOCOL_V311 : MQTT_PROTOCOL_V5);
    mosquitto_threaded_set(q->m, true); /* see the head of this file */
    mosquitto_connect_v5_callback_set(q->m, on_connect);
    mosquitto_disconnect_v5_callback_set(q->m, on_disconnect);
    mosquitto_subscribe_v5_callback_set(q->m, on_subscribe);
    mosquitto_message_v5_callback_set(q->m, on_message);
    mosquitto_log_callback_set(q->m, on_log);
    if (read_auth(q, c->auth, tls, errp) == 0)
        return &q->base;
error:
    mqtt_close(&q->base);
    return NULL;
}

const gather_source_ops gather_mqtt = {
    .open = mqtt_open,
    .close = mqtt_close,
    .turn = mqtt_turn,
    .stage = "mqtt",
};
