/* ssh_session.c - one SSH connection: its socket, its sleeps, its end. */
#include "ssh_session.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/interrupt.h"
#include "src/host/ssh_known.h"

#define CONNECT_S 10.0
#define KEEPALIVE_S 15.0
#define KEEPALIVE_MIN_S 2.0 /* the library sends no two within 2 s */
#define SILENCES 3          /* unanswered ones until we give up */
#define AGENT_MS 10000      /* a key agent may ask its user */
#define FLUSH_BYTES 65536   /* sent at once when so much waits */
#define GOODBYE_S 1.0

/* In the order of their speed; without those of another mode, which are weak
 * and which no server of today has alone.
 */
#define CIPHERS "aes128-ctr,aes192-ctr,aes256-ctr"

/* Packets of no channel that may stand behind the end of one. */
#define PACKETS_MAX 1000

/* So many reads of nothing without a sleep are an endless loop inside the
 * library: it waits for the rest of a packet of a channel that is at its end.
 */
#define SPINS_MAX 100000

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int started;

static void library_start(void)
{
    started = libssh2_init(0);
}

int64_t ssh_deadline(double seconds)
{
    return seconds > 0 ? clock_mono_ns() + (int64_t)(seconds * 1e9) : INT64_MAX;
}

/* --- what the library sees of sockets --- */

static int out_room(ssh_session *s, size_t more)
{
    if (s->out_at > 0 && s->out_len + more > s->out_cap) {
        memmove(s->out, s->out + s->out_at, s->out_len - s->out_at);
        s->out_len -= s->out_at;
        s->out_at = 0;
    }
    if (s->out_len + more <= s->out_cap)
        return 0;
    size_t cap = s->out_cap ? s->out_cap : 2 * FLUSH_BYTES;
    while (cap < s->out_len + more)
        cap *= 2;
    unsigned char *out = realloc(s->out, cap);
    if (!out)
        return -1;
    s->out = out;
    s->out_cap = cap;
    return 0;
}

/* The library uses the same functions for the key agent's socket. */
static ssize_t agent_send(int fd, const void *data, size_t len)
{
    ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

    return n < 0 ? -errno : n;
}

static ssize_t agent_recv(int fd, void *data, size_t len)
{
    struct pollfd pfd = {.fd = fd, .events = POLLIN};
    int ready = poll(&pfd, 1, AGENT_MS);

    if (ready < 0)
        return -errno;
    ssize_t n = ready ? recv(fd, data, len, 0) : -1;
    if (n > 0)
        return n;
    /* 0 would be asked for again for ever. */
    return n < 0 && ready ? -errno : -ECONNRESET;
}

static ssize_t on_send(libssh2_socket_t fd, const void *data, size_t len,
                       int flags, void **abstract)
{
    ssh_session *s = *abstract;

    (void)flags;
    if (fd != s->fd)
        return agent_send(fd, data, len);
    if (s->broken)
        return -EPIPE;
    if (out_room(s, len) < 0)
        return -ENOMEM;
    memcpy(s->out + s->out_len, data, len);
    s->out_len += len;
    if (s->out_len - s->out_at >= FLUSH_BYTES && ssh_flush(s) < 0)
        return -EPIPE;
    return (ssize_t)len;
}

/* The end of the connection is noted here: the library often has another
 * word for it.
 */
static ssize_t on_recv(libssh2_socket_t fd, void *data, size_t len, int flags,
                       void **abstract)
{
    ssh_session *s = *abstract;

    (void)flags;
    if (fd != s->fd)
        return agent_recv(fd, data, len);
    if (++s->spins > SPINS_MAX)
        ssh_break(s, "a channel ended in the middle of a packet");
    if (s->broken)
        return -ECONNRESET;
    ssize_t n = s->dry ? -1 : recv(fd, data, len, 0);
    if (n < 0 && (s->dry || errno == EAGAIN || errno == EINTR)) {
        s->dry = true;
        return -EAGAIN;
    }
    if (n <= 0) {
        ssh_break(s,
                  n < 0 ? strerror(errno) : "it was closed by the other side");
        return -ECONNRESET;
    }
    s->spins = 0;
    s->heard_ns = clock_mono_ns();
    return n;
}

/* libssh2 says of what shape it is. */
/* NOLINTNEXTLINE(readability-function-size) */
static void on_disconnect(LIBSSH2_SESSION *raw, int reason, const char *words,
                          int len, const char *language, int language_len,
                          void **abstract)
{
    ssh_session *s = *abstract;

    (void)raw;
    (void)reason;
    (void)language;
    (void)language_len;
    snprintf(s->farewell, sizeof(s->farewell), "%.*s", len, words ? words : "");
    for (char *c = s->farewell; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    ssh_break(s, "the server ended it");
}

/* --- failures --- */

int ssh_break(ssh_session *s, const char *why)
{
    if (!s->broken)
        pe_error_set(&s->why, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                     "the connection to %s broke: %s", s->name,
                     *s->farewell ? s->farewell : why);
    s->broken = true;
    return -1;
}

size_t ssh_pending(const ssh_session *s)
{
    return s->out_len - s->out_at;
}

int ssh_flush(ssh_session *s)
{
    while (!s->broken && s->out_at < s->out_len) {
        ssize_t n = send(s->fd, s->out + s->out_at, s->out_len - s->out_at,
                         MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n < 0)
            return ssh_break(s, strerror(errno));
        s->out_at += (size_t)n;
    }
    s->out_at = s->out_len = 0;
    return s->broken ? -1 : 0;
}

int ssh_errno(const ssh_session *s, const void *result)
{
    return result ? 0 : libssh2_session_last_errno(s->raw);
}

/* Failures of one request; after any other the state of the library is not
 * known.
 */
static bool is_refusal(ssize_t rc)
{
    return rc == LIBSSH2_ERROR_CHANNEL_FAILURE ||
           rc == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED ||
           rc == LIBSSH2_ERROR_REQUEST_DENIED ||
           rc == LIBSSH2_ERROR_SFTP_PROTOCOL;
}

int ssh_fail(ssh_session *s, ssize_t rc, const char *doing, pe_error *errp)
{
    char *why = NULL;

    libssh2_session_last_error(s->raw, &why, NULL, 0);
    if (!s->broken && is_refusal(rc))
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "%s: cannot %s: %s", s->name, doing,
                            why ? why : "refused");
    ssh_break(s, why && *why ? why : "a fault in the protocol");
    if (errp)
        *errp = s->why;
    return -1;
}

int ssh_drain(ssh_session *s, LIBSSH2_CHANNEL *channel)
{
    int rc = 0;

    /* The first returns at once behind the end, the second reads a packet
     * then, and returns at once behind the close.
     */
    for (int i = 0; i < PACKETS_MAX && rc == 0 && !s->dry; i++) {
        rc = libssh2_channel_wait_eof(channel);
        if (rc == 0)
            rc = libssh2_channel_wait_closed(channel);
    }
    return rc == LIBSSH2_ERROR_EAGAIN ? 0 : rc;
}

/* --- sleeping --- */

int ssh_tick(ssh_session *s, int64_t now, int64_t *untilp)
{
    int next;

    if (s->broken)
        return -1;
    /* Nobody looked for a while: that is not the server's silence. */
    if (now - s->slept_ns > s->keepalive_ns)
        s->heard_ns = now;
    if (now - s->heard_ns > SILENCES * s->keepalive_ns) {
        char why[64];
        snprintf(why, sizeof(why), "it has said nothing for %.0f s",
                 (double)(now - s->heard_ns) / CLOCK_S);
        return ssh_break(s, why);
    }
    if (now >= s->tick_ns) {
        libssh2_keepalive_send(s->raw, &next);
        s->tick_ns = now + s->keepalive_ns;
    }
    if (s->tick_ns < *untilp)
        *untilp = s->tick_ns;
    return ssh_flush(s);
}

void ssh_woken(ssh_session *s, int64_t now)
{
    s->slept_ns = now;
    s->spins = 0;
    s->dry = false;
}

bool ssh_sleep(ssh_session *s, int64_t deadline)
{
    struct pollfd pfd = {.fd = s->fd, .events = POLLIN};
    int64_t now = clock_mono_ns(), until = deadline;

    if (ssh_flush(s) < 0 || ssh_tick(s, now, &until) < 0)
        return false;
    if (ssh_pending(s))
        pfd.events |= POLLOUT;
    if (until > now) {
        int64_t ms = (until - now + CLOCK_MS - 1) / CLOCK_MS;
        poll(&pfd, 1, interrupt_slice(ms));
    }
    if (interrupt_level() >= INTERRUPT_NOW) {
        ssh_break(s, "interrupted");
        return false;
    }
    ssh_woken(s, clock_mono_ns());
    return true;
}

bool ssh_again(ssh_session *s, ssize_t rc, int64_t deadline)
{
    if (rc != LIBSSH2_ERROR_EAGAIN || s->broken)
        return false;
    if (clock_mono_ns() >= deadline) {
        ssh_break(s, "it did not answer in time");
        return false;
    }
    return ssh_sleep(s, deadline);
}

/* --- open and close --- */

/* libssh2 1.11.1 got a function of the right type, and deprecates the other. */
static void callbacks_set(LIBSSH2_SESSION *raw)
{
#if LIBSSH2_VERSION_NUM >= 0x010b01
#define SET(what, f) \
    libssh2_session_callback_set2(raw, what, (libssh2_cb_generic *)(f))
#else
#define SET(what, f) libssh2_session_callback_set(raw, what, (void *)(f))
#endif
    SET(LIBSSH2_CALLBACK_SEND, on_send);
    SET(LIBSSH2_CALLBACK_RECV, on_recv);
    SET(LIBSSH2_CALLBACK_DISCONNECT, on_disconnect);
#undef SET
}

static ssh_session *session_create(const ssh_target *t, const host_conf *c,
                                   pe_error *errp)
{
    double keepalive_s = c && c->keepalive_s > 0 ? c->keepalive_s : KEEPALIVE_S;
    ssh_session *s = calloc(1, sizeof(*s));

    pthread_once(&once, library_start);
    if (s)
        s->raw = libssh2_session_init_ex(NULL, NULL, NULL, s);
    if (!s || !s->raw || started != 0) {
        free(s);
        pe_error_nomem(errp);
        return NULL;
    }
    if (keepalive_s < KEEPALIVE_MIN_S)
        keepalive_s = KEEPALIVE_MIN_S;
    s->fd = -1;
    s->proxy.err_fd = -1;
    s->name = t->name;
    s->keepalive_ns = (int64_t)(keepalive_s * 1e9);
    s->heard_ns = s->slept_ns = clock_mono_ns();
    s->tick_ns = INT64_MAX; /* not before the handshake is over */
    libssh2_session_set_blocking(s->raw, 0);
    callbacks_set(s->raw);
    return s;
}

/* An OpenSSH since 9.8 tells who failed a few times to come back later, in
 * words and not in SSH.
 */
static int no_ssh(const ssh_target *t, const char *said, pe_error *errp)
{
    if (said && !strncmp(said, "Not allowed", 11))
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "the server at %s port %d lets nobody in from "
                            "here for some seconds, after log-ins that failed "
                            "(it says '%.40s'): try again later",
                            t->name, t->port, said);
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "what listens at %s port %d does not speak SSH, or is "
                        "too busy: is the port right?",
                        t->name, t->port);
}

static int handshake(ssh_session *s, const ssh_target *t, int64_t deadline,
                     pe_error *errp)
{
    int rc;

    if (libssh2_session_method_pref(s->raw, LIBSSH2_METHOD_CRYPT_CS, CIPHERS) ||
        libssh2_session_method_pref(s->raw, LIBSSH2_METHOD_CRYPT_SC, CIPHERS))
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                            "libssh2 %s has none of the ciphers that are "
                            "allowed (%s)",
                            libssh2_version(0), CIPHERS);
    do
        rc = libssh2_session_handshake(s->raw, s->fd);
    while (ssh_again(s, rc, deadline));
    const char *banner = libssh2_session_banner_get(s->raw);
    /* KEY_EXCHANGE_FAILURE is also what a connection that breaks ends with. */
    if (rc == LIBSSH2_ERROR_KEX_FAILURE)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                            "%s port %d and libssh2 %s agree on no method: "
                            "this library has aes-ctr, hmac-sha2 and host "
                            "keys of ed25519 and ecdsa; the server has to "
                            "allow one of each",
                            t->name, t->port, libssh2_version(0));
    if (rc < 0 && rc != LIBSSH2_ERROR_EAGAIN &&
        (!banner || strncmp(banner, "SSH-", 4) != 0))
        return no_ssh(t, banner, errp);
    if (rc < 0)
        return ssh_fail(s, rc, "begin", errp);
    return 0;
}

/* A way that came to its end before there was a host knows why. */
static int meet(ssh_session *s, const ssh_target *t, int64_t deadline,
                pe_error *errp)
{
    int status = handshake(s, t, deadline, errp);

    if (status == 0 || !t->proxy || !s->broken)
        return status;
    close(s->fd);
    s->fd = -1;
    return ssh_proxy_fail(&s->proxy, t, errp);
}

ssh_session *ssh_session_open(const ssh_target *t, const host_conf *c,
                              pe_error *errp)
{
    int64_t deadline = ssh_deadline(
        c && c->connect_timeout_s > 0 ? c->connect_timeout_s : CONNECT_S);
    ssh_session *s = session_create(t, c, errp);
    ssh_known known = {0};
    int status = -1;

    if (!s)
        return NULL;
    s->fd = t->proxy ? ssh_proxy_start(&s->proxy, t, errp)
                     : ssh_dial(t, deadline, errp);
    if (s->fd >= 0 && ssh_trust_prepare(s, t, &known, errp) == 0 &&
        meet(s, t, deadline, errp) == 0 &&
        ssh_trust_check(s, t, &known, errp) == 0)
        status = ssh_authenticate(s, t, deadline, errp);
    ssh_known_free(&known);
    if (status < 0) {
        ssh_session_close(s);
        return NULL;
    }
    libssh2_keepalive_config(s->raw, 1, 1); /* when is our affair */
    s->tick_ns = clock_mono_ns() + s->keepalive_ns;
    return s;
}

void ssh_session_close(ssh_session *s)
{
    int64_t deadline = ssh_deadline(GOODBYE_S);
    int rc;

    if (!s)
        return;
    if (s->fd >= 0 && !s->broken) {
        do
            rc = libssh2_session_disconnect(s->raw, "done");
        while (ssh_again(s, rc, deadline));
        ssh_flush(s);
    }
    /* From here on the library is told that there is no connection. */
    s->broken = true;
    while (libssh2_session_free(s->raw) == LIBSSH2_ERROR_EAGAIN)
        s->spins = 0;
    if (s->fd >= 0)
        close(s->fd);
    ssh_proxy_end(&s->proxy);
    free(s->out);
    free(s);
}
