/* entry.c - TLS and SASL of a Kafka client, out of a file of logins. */
#include "src/broker/entry.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/broker/client.h"
#include "src/broker/token.h"
#include "src/login/login.h"

#define OPTIONS_MAX 64

/* An option of the user: as it was asked for, in the client's own spelling. */
typedef struct entry_option {
    const char *name;
    char asked[512];
} entry_option;

struct broker_entry {
    login *login;
    int fds[3]; /* of what the client wants as files; -1: none */
    entry_option options[OPTIONS_MAX];
    size_t n_options;
};

/* Options that run commands or load code, those that say a secret on the way
 * of words that have a key of their own, and what would end a guarantee where
 * the client does not know a value of ours.
 */
static const struct {
    const char *name, *why;
} denied[] = {
    {"plugin.library.paths", "it loads code"},
    {"sasl.kerberos.kinit.cmd", "it runs a command"},
    {"ssl.engine.location", "it loads code"},
    {"ssl.engine.id", "it loads code"},
    {"ssl.providers", "it loads code"},
    {"builtin.features", "it is no setting"},
    {"bootstrap.servers", "say endpoint"},
    {"metadata.broker.list", "say endpoint"},
    {"security.protocol", "say tls and sasl"},
    {"sasl.mechanism", "say sasl"},
    {"sasl.mechanisms", "say sasl"},
    {"sasl.username", "say user"},
    {"sasl.password", "say password-file"},
    {"sasl.oauthbearer.client.secret", "it is a secret"},
    {"sasl.oauthbearer.config", "say token-file"},
    {"ssl.key.password", "say key-password-file"},
    {"ssl.keystore.password", "it is a secret; say certificate and key"},
    {"ssl.key.pem", "say key"},
    {"ssl.key.location", "say key"},
    {"ssl.certificate.pem", "say certificate"},
    {"ssl.certificate.location", "say certificate"},
    {"ssl.ca.pem", "say ca"},
    {"ssl.ca.location", "say ca"},
    {"enable.ssl.certificate.verification", "a broker is always looked at"},
    {"ssl.endpoint.identification.algorithm", "say hostname"},
    {"enable.idempotence", "blocks would come twice"},
    {"transactional.id", "commits are our own"},
    {"group.id", "offsets are our own"},
    {"group.instance.id", "offsets are our own"},
};

int entry_open(const char *path, const char *endpoint, broker_entry **outp,
               pe_error *errp)
{
    login *l;
    broker_entry *e;

    *outp = NULL;
    if (login_open(path, LOGIN_BROKERS, endpoint, &l, errp) < 0)
        return -1;
    if (!l)
        return 0;
    e = calloc(1, sizeof(*e));
    if (!e) {
        login_close(l);
        return pe_error_nomem(errp);
    }
    e->login = l;
    for (size_t i = 0; i < 3; i++)
        e->fds[i] = -1;
    *outp = e;
    return 0;
}

static void files_close(broker_entry *e)
{
    for (size_t i = 0; i < 3; i++) {
        if (e->fds[i] >= 0)
            close(e->fds[i]);
        e->fds[i] = -1;
    }
}

void entry_close(broker_entry *e)
{
    if (!e)
        return;
    files_close(e);
    login_close(e->login);
    free(e);
}

/* --- settings --- */

/* A secret has no place in an error text. */
static int set_secret(rd_kafka_conf_t *k, const char *name, const char *value,
                      pe_error *errp)
{
    char why[512];

    if (!value ||
        rd_kafka_conf_set(k, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "broker client refuses its %s", name);
}

/* PEM as a file that is nowhere: the client sends the whole chain of a
 * certificate only where it reads it from a file.
 */
static int set_pem(broker_entry *e, int slot, rd_kafka_conf_t *k,
                   const char *name, const char *pem, pe_error *errp)
{
    char path[32];
    size_t len = pem ? strlen(pem) : 0;

    if (!pem)
        return 0;
    e->fds[slot] = memfd_create("login", MFD_CLOEXEC);
    for (size_t at = 0; e->fds[slot] >= 0 && at < len;) {
        ssize_t n = write(e->fds[slot], pem + at, len - at);

        if (n <= 0)
            return pe_error_nomem(errp);
        at += (size_t)n;
    }
    if (e->fds[slot] < 0)
        return pe_error_nomem(errp);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", e->fds[slot]);
    return client_set(k, name, path, errp);
}

static int set_tls(broker_entry *e, rd_kafka_conf_t *k, pe_error *errp)
{
    const char *ca = login_text(e->login, "ca");
    bool any = !login_flag(e->login, "hostname");

    if (client_set_known(k, "ssl.endpoint.identification.algorithm",
                         any ? "none" : "https", errp) < 0)
        return -1;
    if (ca && *ca == '/' ? client_set(k, "ssl.ca.location", ca, errp) < 0
                         : set_pem(e, 0, k, "ssl.ca.location", ca, errp) < 0)
        return -1;
    if (set_pem(e, 1, k, "ssl.certificate.location",
                login_text(e->login, "certificate"), errp) < 0 ||
        set_pem(e, 2, k, "ssl.key.location", login_text(e->login, "key"),
                errp) < 0)
        return -1;
    return set_secret(k, "ssl.key.password",
                      login_text(e->login, "key-password"), errp);
}

static void on_refresh(rd_kafka_t *rk, const char *config, void *arg)
{
    client *cl = arg;

    (void)config;
    entry_refresh(cl->entry, rk);
}

static int set_sasl(const broker_entry *e, rd_kafka_conf_t *k, pe_error *errp)
{
    const char *sasl = login_text(e->login, "sasl");

    if (!sasl)
        return 0;
    if (client_set(k, "sasl.mechanisms", sasl, errp) < 0 ||
        set_secret(k, "sasl.username", login_text(e->login, "user"), errp) <
            0 ||
        set_secret(k, "sasl.password", login_text(e->login, "password"), errp) <
            0)
        return -1;
    if (strcmp(sasl, "OAUTHBEARER") != 0)
        return 0;
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(k, on_refresh);
    rd_kafka_conf_enable_sasl_queue(k, 1);
    return 0;
}

typedef struct taken {
    broker_entry *e;
    rd_kafka_conf_t *k;
} taken;

static int option_set(void *arg, const char *name, const char *value,
                      pe_error *errp)
{
    taken *t = arg;
    entry_option *o = &t->e->options[t->e->n_options];
    size_t size = sizeof(o->asked);

    for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
        if (!strcmp(denied[i].name, name))
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                "options: %s cannot be set here: %s", name,
                                denied[i].why);
    if (t->e->n_options == OPTIONS_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "options: there are more than %d", OPTIONS_MAX);
    if (client_set(t->k, name, value, errp) < 0)
        return pe_error_prefix(errp, "options");
    o->name = name;
    if (rd_kafka_conf_get(t->k, name, o->asked, &size) == RD_KAFKA_CONF_OK)
        t->e->n_options++;
    return 0;
}

int entry_apply(broker_entry *e, rd_kafka_conf_t *k, pe_error *errp)
{
    bool tls = login_flag(e->login, "tls");
    const char *sasl = login_text(e->login, "sasl");
    taken t = {e, k};

    if (client_set(k, "security.protocol",
                   tls ? (sasl ? "sasl_ssl" : "ssl")
                       : (sasl ? "sasl_plaintext" : "plaintext"),
                   errp) < 0 ||
        (tls && set_tls(e, k, errp) < 0) || set_sasl(e, k, errp) < 0)
        return -1;
    return login_options(e->login, option_set, &t, errp);
}

int entry_kept(const broker_entry *e, const rd_kafka_conf_t *k, pe_error *errp)
{
    for (size_t i = 0; i < e->n_options; i++) {
        const entry_option *o = &e->options[i];
        char now[512] = "";
        size_t size = sizeof(now);

        if (rd_kafka_conf_get(k, o->name, now, &size) == RD_KAFKA_CONF_OK &&
            strcmp(now, o->asked) != 0)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                "options: %s cannot be set here: this program "
                                "needs %s",
                                o->name, now);
    }
    return 0;
}

/* --- tokens --- */

void entry_refresh(broker_entry *e, rd_kafka_t *rk)
{
    const login *l = e->login;
    pe_error why = {0};
    char *bearer =
        token_read(login_text(l, "token-file"), login_text(l, "token"), &why);
    char said[256] = "";
    token t;

    if (!bearer || token_parse(bearer, login_text(l, "user"), &t, &why) < 0)
        (void)rd_kafka_oauthbearer_set_token_failure(rk, why.text);
    else if (rd_kafka_oauthbearer_set_token(rk, bearer, t.until_ms, t.who, NULL,
                                            0, said, sizeof(said)))
        (void)rd_kafka_oauthbearer_set_token_failure(rk, said);
    if (bearer)
        explicit_bzero(bearer, strlen(bearer));
    free(bearer);
}

int entry_started(broker_entry *e, rd_kafka_t *rk, pe_error *errp)
{
    const char *sasl = login_text(e->login, "sasl");
    rd_kafka_error_t *err;

    files_close(e);
    if (!sasl || strcmp(sasl, "OAUTHBEARER") != 0)
        return 0;
    err = rd_kafka_sasl_background_callbacks_enable(rk);
    if (!err)
        return 0;
    pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                 "broker client has no thread for tokens: %s",
                 rd_kafka_error_string(err));
    rd_kafka_error_destroy(err);
    return -1;
}

/* --- words --- */

/* The first librdkafka whose SCRAM a Kafka of today takes: 2.6.1. */
#define SCRAM_VERSION 0x020601ff

const char *entry_fix(const broker_entry *e, rd_kafka_resp_err_t err)
{
    const char *sasl = e ? login_text(e->login, "sasl") : NULL;

    if (err == RD_KAFKA_RESP_ERR__SSL)
        return "look at ca, certificate, key and hostname of its auth";
    if (sasl && !strcmp(sasl, "OAUTHBEARER"))
        return "look at token-file of its auth";
    if (sasl && !strncmp(sasl, "SCRAM", 5) &&
        rd_kafka_version() < SCRAM_VERSION)
        return "look at user and password-file of its auth; the librdkafka "
               "here is older than 2.6.1, of which Kafka 4.4 refuses even the "
               "right password by SCRAM: say sasl: plain over TLS, or give a "
               "certificate";
    return "look at user and password-file of its auth";
}
