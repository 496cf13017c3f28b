/* tls.c - TLS under a connection, for a client that knows none. */
#include "src/login/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/login/login.h"

#define ROOM 65536

struct login_tls {
    SSL_CTX *ctx;
    bool any_name;
};

/* Bytes on their way in one direction. */
typedef struct stream {
    char data[ROOM];
    size_t from, to;
    bool ended; /* nothing more comes */
} stream;

struct login_tls_line {
    SSL *ssl;
    int wire, plain; /* the server's, and our end of the client's */
    stream up, down;
    pthread_t thread;
};

/* --- who is who --- */

static int fail(pe_error *errp, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "%s%s%s%s", what,
                        why ? " (" : "", why ? why : "", why ? ")" : "");
}

static BIO *pem(const char *data)
{
    return data ? BIO_new_mem_buf(data, -1) : NULL;
}

static int take_ca(login_tls *t, const char *ca, pe_error *errp)
{
    X509_STORE *store = SSL_CTX_get_cert_store(t->ctx);
    int n = 0;
    X509 *x;
    BIO *b;

    if (!ca)
        return SSL_CTX_set_default_verify_paths(t->ctx)
                   ? 0
                   : fail(errp, "the system's certificates cannot be read");
    if (*ca == '/')
        return SSL_CTX_load_verify_locations(t->ctx, NULL, ca)
                   ? 0
                   : fail(errp, "ca: the folder cannot be used");
    b = pem(ca);
    while (b && (x = PEM_read_bio_X509(b, NULL, NULL, NULL))) {
        n += X509_STORE_add_cert(store, x) == 1;
        X509_free(x);
    }
    BIO_free(b);
    if (n == 0)
        return fail(errp, "ca: there is no certificate in it");
    ERR_clear_error(); /* that of the end */
    return 0;
}

/* The first certificate is ours, those behind it vouch for it. */
static int take_chain(login_tls *t, const char *chain, pe_error *errp)
{
    BIO *b = pem(chain);
    X509 *x = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
    bool good = x && SSL_CTX_use_certificate(t->ctx, x) == 1;

    X509_free(x);
    while (good && (x = PEM_read_bio_X509(b, NULL, NULL, NULL))) {
        good = SSL_CTX_add0_chain_cert(t->ctx, x) == 1;
        if (!good)
            X509_free(x);
    }
    BIO_free(b);
    if (!good)
        return fail(errp, "certificate: it cannot be used");
    ERR_clear_error();
    return 0;
}

/* Nobody is asked on a terminal. */
static int say_password(char *out, int cap, int writing, void *arg)
{
    const char *password = arg;
    size_t len = password ? strlen(password) : 0;

    (void)writing;
    if (len == 0 || len > (size_t)cap)
        return -1;
    memcpy(out, password, len);
    return (int)len;
}

static int take_key(login_tls *t, const login *l, pe_error *errp)
{
    BIO *b = pem(login_text(l, "key"));
    EVP_PKEY *key =
        b ? PEM_read_bio_PrivateKey(b, NULL, say_password,
                                    (void *)login_text(l, "key-password"))
          : NULL;
    bool good = key && SSL_CTX_use_PrivateKey(t->ctx, key) == 1 &&
                SSL_CTX_check_private_key(t->ctx) == 1;

    EVP_PKEY_free(key);
    BIO_free(b);
    return good ? 0
                : fail(errp, "key: it cannot be used, or is not that of the "
                             "certificate");
}

static int take_login(login_tls *t, const login *l, pe_error *errp)
{
    t->any_name = l && !login_flag(l, "hostname");
    if (take_ca(t, l ? login_text(l, "ca") : NULL, errp) < 0)
        return -1;
    if (!l || !login_text(l, "certificate"))
        return 0;
    return take_chain(t, login_text(l, "certificate"), errp) < 0
               ? -1
               : take_key(t, l, errp);
}

login_tls *login_tls_open(const char *logins, const char *list,
                          const char *endpoint, pe_error *errp)
{
    login_tls *t = calloc(1, sizeof(*t));
    login *l = NULL;
    int status = -1;

    if (!t || !(t->ctx = SSL_CTX_new(TLS_client_method()))) {
        pe_error_nomem(errp);
        free(t);
        return NULL;
    }
    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Redis closes without a word of TLS. */
    SSL_CTX_set_options(t->ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (!logins || login_open(logins, list, endpoint, &l, errp) == 0)
        status = take_login(t, l, errp);
    login_close(l);
    if (status == 0)
        return t;
    pe_error_prefix(errp, "auth");
    login_tls_close(t);
    return NULL;
}

void login_tls_close(login_tls *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->ctx);
    free(t);
}

/* --- what is carried --- */

/* What poll() has to wait for, as OpenSSL says it; -1: the line is broken. */
static int wants(const SSL *ssl, int rc)
{
    switch (SSL_get_error(ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return POLLIN;
    case SSL_ERROR_WANT_WRITE:
        return POLLOUT;
    default:
        return -1;
    }
}

static bool is_full(const stream *s)
{
    return s->to == ROOM;
}

static bool is_empty(const stream *s)
{
    return s->from == s->to;
}

static void settle(stream *s)
{
    if (is_empty(s))
        s->from = s->to = 0;
}

/* The client's words into [up].  False: it has gone. */
static bool plain_read(login_tls_line *l)
{
    ssize_t n = recv(l->plain, l->up.data + l->up.to, ROOM - l->up.to, 0);

    if (n > 0)
        l->up.to += (size_t)n;
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool plain_write(login_tls_line *l)
{
    ssize_t n = send(l->plain, l->down.data + l->down.from,
                     l->down.to - l->down.from, MSG_NOSIGNAL);

    if (n > 0)
        l->down.from += (size_t)n;
    settle(&l->down);
    return n > 0 || errno == EAGAIN || errno == EINTR;
}

/* As much as goes now; *wantp: what the line waits for.  False: it is broken.
 */
static bool wire_write(login_tls_line *l, int *wantp)
{
    int n = SSL_write(l->ssl, l->up.data + l->up.from,
                      (int)(l->up.to - l->up.from));

    if (n > 0) {
        l->up.from += (size_t)n;
        settle(&l->up);
        *wantp |= is_empty(&l->up) ? 0 : POLLOUT;
        return true;
    }
    n = wants(l->ssl, n);
    *wantp |= n > 0 ? n : 0;
    return n > 0;
}

static bool wire_read(login_tls_line *l, int *wantp)
{
    while (!is_full(&l->down)) {
        int n = SSL_read(l->ssl, l->down.data + l->down.to,
                         (int)(ROOM - l->down.to));

        if (n > 0) {
            l->down.to += (size_t)n;
            continue;
        }
        n = wants(l->ssl, n);
        *wantp |= n > 0 ? n : 0;
        return n > 0;
    }
    return true;
}

/* Until either side has gone.  What the server said last is handed over. */
static void *carry(void *arg)
{
    login_tls_line *l = arg;
    bool open = true;

    while (open || !is_empty(&l->down)) {
        struct pollfd p[2] = {{.fd = l->plain}, {.fd = open ? l->wire : -1}};
        int want = 0;

        ERR_clear_error();
        if (open && !is_empty(&l->up) && !wire_write(l, &want))
            open = false;
        if (open && !wire_read(l, &want))
            open = false;
        p[0].events = (short)((!open || is_full(&l->up) ? 0 : POLLIN) |
                              (is_empty(&l->down) ? 0 : POLLOUT));
        p[1].events = (short)want;
        if (!open && is_empty(&l->down))
            break;
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            break;
        if ((p[0].revents & POLLOUT) && !plain_write(l))
            break;
        if ((p[0].revents & (POLLIN | POLLHUP | POLLERR)) && open &&
            !is_full(&l->up) && !plain_read(l))
            break;
        if (!open && (p[0].revents & (POLLHUP | POLLERR)))
            break;
    }
    shutdown(l->plain, SHUT_RDWR);
    return NULL;
}

/* --- a line --- */

static void line_free(login_tls_line *l)
{
    SSL_free(l->ssl);
    if (l->wire >= 0)
        close(l->wire);
    if (l->plain >= 0)
        close(l->plain);
    explicit_bzero(&l->up, sizeof(l->up)); /* a password went through it */
    free(l);
}

void login_tls_hang_up(login_tls_line *l)
{
    if (!l)
        return;
    pthread_join(l->thread, NULL);
    line_free(l);
}

static int refuse(const login_tls_line *l, pe_error *errp)
{
    long verdict = SSL_get_verify_result(l->ssl);
    unsigned long code = ERR_peek_last_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    if (verdict != X509_V_OK)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_PERMISSION,
                            "its certificate is not taken (%s): look at ca and "
                            "hostname of its auth",
                            X509_verify_cert_error_string(verdict));
    if (!why)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "it ends the connection: does it speak TLS there?");
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_PERMISSION,
                        "TLS fails (%s): does it speak TLS there? look at "
                        "certificate and key of its auth",
                        why);
}

static int handshake(login_tls_line *l, double limit_s, pe_error *errp)
{
    int64_t until = clock_mono_ns() + (int64_t)(limit_s * 1e9);
    int rc;

    ERR_clear_error();
    while ((rc = SSL_connect(l->ssl)) != 1) {
        int want = wants(l->ssl, rc);
        int64_t left = (until - clock_mono_ns()) / CLOCK_MS;
        struct pollfd p = {.fd = l->wire, .events = (short)want};

        if (want < 0)
            return refuse(l, errp);
        if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
            return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                                "it does not answer in TLS within %g s",
                                limit_s);
    }
    return 0;
}

/* By its name, or its number. */
static int name_server(const login_tls *t, SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *p = SSL_get0_param(ssl);
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(host);
    bool is_ip = ip != NULL;

    ASN1_OCTET_STRING_free(ip);
    if (!is_ip && SSL_set_tlsext_host_name(ssl, host) != 1)
        return -1;
    if (t->any_name)
        return 0;
    if (is_ip)
        return X509_VERIFY_PARAM_set1_ip_asc(p, host) == 1 ? 0 : -1;
    return X509_VERIFY_PARAM_set1_host(p, host, 0) == 1 ? 0 : -1;
}

static login_tls_line *line_make(const login_tls *t, int fd, const char *host,
                                 int pair[2])
{
    login_tls_line *l = calloc(1, sizeof(*l));

    if (!l) {
        close(fd);
        return NULL;
    }
    l->wire = fd;
    l->plain = -1;
    l->ssl = SSL_new(t->ctx);
    ERR_clear_error();
    if (l->ssl && SSL_set_fd(l->ssl, fd) == 1 &&
        name_server(t, l->ssl, host) == 0 &&
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0 &&
        fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) {
        l->plain = pair[0];
        if (fcntl(l->plain, F_SETFL, O_NONBLOCK) == 0)
            return l;
        close(pair[1]);
    }
    line_free(l);
    return NULL;
}

/* Signals are for the threads of the program. */
static int start(login_tls_line *l)
{
    sigset_t all, was;
    int err;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &was);
    err = pthread_create(&l->thread, NULL, carry, l);
    pthread_sigmask(SIG_SETMASK, &was, NULL);
    return err;
}

login_tls_line *login_tls_dial(const login_tls *t, int fd, const char *host,
                               double limit_s, int *plainp, pe_error *errp)
{
    int pair[2];
    login_tls_line *l = line_make(t, fd, host, pair);

    if (!l) {
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                     "TLS cannot be set up for %s: %s", host, strerror(errno));
        return NULL;
    }
    if (handshake(l, limit_s, errp) == 0) {
        if (start(l) == 0) {
            *plainp = pair[1];
            return l;
        }
        pe_error_nomem(errp);
    }
    close(pair[1]);
    line_free(l);
    return NULL;
}
