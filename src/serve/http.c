/* http.c - serves a run over HTTP, by libmicrohttpd. */
#include "http.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "src/common/text.h"
#include "src/page/html.h"

#define PATIENCE_S 15 /* for a client that takes or sends nothing */
#define EVENT_BYTES 16384
#define BEARER "Bearer "

/* A page that follows. */
typedef struct stream {
    http *s;
    struct MHD_Connection *c;
    hub_piece *piece; /* being sent, from [at] on */
    size_t at;
    uint64_t seq; /* of it */
    bool asleep;  /* it has the newest, and waits */
    struct stream *next;
} stream;

struct http {
    hub *h;
    const char *token;
    struct MHD_Daemon *d;
    int fd;
    char place[300];
    int port;
    pthread_mutex_t lock; /* of the streams */
    stream *streams;
    int n_streams;
    bool ends; /* no stream may sleep any more */
};

/* --- who may ask --- */

/* In the same time wherever they differ. */
static bool is_same(const char *a, const char *b)
{
    size_t n = strlen(b), differ = strlen(a) ^ n;

    for (size_t i = 0; i < n && i < strlen(a); i++)
        differ |= (unsigned char)(a[i] ^ b[i]);
    return differ == 0;
}

static bool is_allowed(const http *s, struct MHD_Connection *c)
{
    const char *given =
        MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "token");
    const char *head = MHD_lookup_connection_value(
        c, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);

    if (!s->token)
        return true;
    if (given)
        return is_same(given, s->token);
    return head && !strncmp(head, BEARER, strlen(BEARER)) &&
           is_same(head + strlen(BEARER), s->token);
}

/* Is Host: [host] an address, or localhost?  Any other name, be it one that
 * begins with an address, belongs to somebody.
 */
static bool is_here(const char *host)
{
    size_t n = strcspn(host, ":");
    char address[16];
    struct in_addr four;

    if (*host == '[') { /* no name has it, which somebody could register */
        n = strspn(host + 1, "0123456789abcdefABCDEF:.");
        return n > 0 && host[n + 1] == ']' &&
               (!host[n + 2] || host[n + 2] == ':');
    }
    if (n == strlen("localhost") && !strncasecmp(host, "localhost", n))
        return true;
    if (n == 0 || n >= sizeof(address))
        return false;
    memcpy(address, host, n);
    address[n] = '\0';
    return inet_pton(AF_INET, address, &four) == 1;
}

/* Without a token: a page of elsewhere that has its name point here is sent
 * away, by the name that the browser says it asks.
 */
static bool is_name_ours(const http *s, struct MHD_Connection *c)
{
    const char *host =
        MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);

    return s->token || !host || is_here(host);
}

/* --- answers --- */

static bool add_headers(struct MHD_Response *r, unsigned status,
                        const char *type)
{
    const struct {
        const char *name, *value;
        bool wanted;
    } headers[] = {
        {MHD_HTTP_HEADER_CONTENT_TYPE, type, true},
        {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store", true},
        {"X-Content-Type-Options", "nosniff", true},
        {"X-Frame-Options", "DENY", true},
        {"Referrer-Policy", "no-referrer", true},
        {MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer",
         status == MHD_HTTP_UNAUTHORIZED},
        {MHD_HTTP_HEADER_ALLOW, "GET, HEAD",
         status == MHD_HTTP_METHOD_NOT_ALLOWED},
    };

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        if (headers[i].wanted &&
            MHD_add_response_header(r, headers[i].name, headers[i].value) !=
                MHD_YES)
            return false;
    return true;
}

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status,
                              struct MHD_Response *r, const char *type)
{
    enum MHD_Result rc = MHD_NO;

    if (!r)
        return MHD_NO;
    if (add_headers(r, status, type))
        rc = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result say(struct MHD_Connection *c, unsigned status,
                           const char *words)
{
    return answer(c, status,
                  MHD_create_response_from_buffer(strlen(words),
                                                  (void *)(uintptr_t)words,
                                                  MHD_RESPMEM_MUST_COPY),
                  "text/plain; charset=utf-8");
}

static ssize_t piece_read(void *arg, uint64_t at, char *out, size_t max)
{
    const hub_piece *p = arg;

    if (at >= p->len)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (max > p->len - at)
        max = p->len - at;
    memcpy(out, p->data + at, max);
    return (ssize_t)max;
}

static void piece_drop(void *arg)
{
    hub_piece_drop(arg);
}

static enum MHD_Result piece_send(http *s, struct MHD_Connection *c,
                                  enum hub_text kind, const char *type)
{
    hub_piece *p = hub_take(s->h, kind, NULL);
    struct MHD_Response *r = MHD_create_response_from_callback(
        p->len, EVENT_BYTES, piece_read, p, piece_drop);

    if (!r)
        hub_piece_drop(p);
    return answer(c, MHD_HTTP_OK, r, type);
}

/* --- streams --- */

/* More of a stream: what is left of an event, else the next one, else it sleeps
 * until there is one.  Events that came meanwhile are left out.
 */
static ssize_t stream_read(void *arg, uint64_t at, char *out, size_t max)
{
    stream *t = arg;
    http *s = t->s;
    size_t n = 0;

    (void)at;
    pthread_mutex_lock(&s->lock);
    if (s->ends) {
        pthread_mutex_unlock(&s->lock);
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (!t->piece || t->at == t->piece->len) {
        hub_piece_drop(t->piece);
        t->piece = NULL;
        t->at = 0;
        if (hub_seq(s->h) != t->seq)
            t->piece = hub_take(s->h, HUB_EVENT, &t->seq);
    }
    if (t->piece) {
        n = t->piece->len - t->at < max ? t->piece->len - t->at : max;
        memcpy(out, t->piece->data + t->at, n);
        t->at += n;
    } else {
        t->asleep = true;
        MHD_suspend_connection(t->c);
    }
    pthread_mutex_unlock(&s->lock);
    return (ssize_t)n;
}

static void stream_close(void *arg)
{
    stream *t = arg, **at;
    http *s = t->s;

    pthread_mutex_lock(&s->lock);
    for (at = &s->streams; *at && *at != t; at = &(*at)->next)
        ;
    if (*at) {
        *at = t->next;
        s->n_streams--;
    }
    pthread_mutex_unlock(&s->lock);
    hub_piece_drop(t->piece);
    free(t);
}

static void streams_wake(void *arg)
{
    http *s = arg;

    pthread_mutex_lock(&s->lock);
    for (stream *t = s->streams; t; t = t->next)
        if (t->asleep) {
            t->asleep = false;
            MHD_resume_connection(t->c);
        }
    pthread_mutex_unlock(&s->lock);
}

static enum MHD_Result stream_open(http *s, struct MHD_Connection *c)
{
    struct MHD_Response *r;
    stream *t = calloc(1, sizeof(*t));
    bool full;

    if (!t)
        return MHD_NO;
    t->s = s;
    t->c = c;
    pthread_mutex_lock(&s->lock);
    full = s->n_streams >= HTTP_STREAMS;
    if (!full) {
        t->next = s->streams;
        s->streams = t;
        s->n_streams++;
    }
    pthread_mutex_unlock(&s->lock);
    if (full) {
        free(t);
        return say(c, MHD_HTTP_SERVICE_UNAVAILABLE,
                   "503: too many pages follow this run; close some\n");
    }
    r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, EVENT_BYTES,
                                          stream_read, t, stream_close);
    if (!r)
        stream_close(t);
    return answer(c, MHD_HTTP_OK, r, "text/event-stream");
}

/* --- requests --- */

static enum MHD_Result route(http *s, struct MHD_Connection *c, const char *url)
{
    if (!is_allowed(s, c))
        return say(c, MHD_HTTP_UNAUTHORIZED,
                   "401: the URL that 'pilot serve' has printed has a token; "
                   "a client says it as 'Authorization: Bearer TOKEN'\n");
    if (!is_name_ours(s, c))
        return say(c, MHD_HTTP_FORBIDDEN,
                   "403: ask by the address that 'pilot serve' listens at\n");
    if (!strcmp(url, "/") && !html_is_there())
        return say(c, MHD_HTTP_NOT_FOUND,
                   "404: this pilot was configured without reports; there are "
                   "/json and /metrics\n");
    if (!strcmp(url, "/"))
        return piece_send(s, c, HUB_PAGE, "text/html; charset=utf-8");
    if (!strcmp(url, "/json"))
        return piece_send(s, c, HUB_JSON, "application/json");
    if (!strcmp(url, "/metrics"))
        return piece_send(s, c, HUB_METRICS,
                          "text/plain; version=0.0.4; charset=utf-8");
    if (!strcmp(url, "/events"))
        return stream_open(s, c);
    return say(c, MHD_HTTP_NOT_FOUND,
               "404: there are /, /events, /json and /metrics\n");
}

/* The library says how many arguments there are. */
/* NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result request(void *arg, struct MHD_Connection *c,
                               const char *url, const char *method,
                               const char *version, const char *data,
                               size_t *lenp, void **state)
{
    static int seen;
    http *s = arg;

    (void)version;
    (void)data;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return say(c, MHD_HTTP_METHOD_NOT_ALLOWED, "405: there is GET alone\n");
    if (*state != &seen) { /* its head; a body is not taken */
        *state = &seen;
        return MHD_YES;
    }
    if (*lenp > 0)
        return MHD_NO;
    return route(s, c, url);
}

/* --- the server --- */

static int listen_at(http *s, const struct addrinfo *a, pe_error *errp)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof(at);
    char host[64];
    int one = 1;

    s->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 ||
        setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(s->fd, a->ai_addr, a->ai_addrlen) < 0 || listen(s->fd, 64) < 0 ||
        getsockname(s->fd, (struct sockaddr *)&at, &len) < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CREATE,
                            "cannot listen at %s: %s; --listen HOST:PORT names "
                            "another place, port 0 any that is free",
                            s->place, strerror(errno));
    if (at.ss_family == AF_INET6) {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)&at;
        s->port = ntohs(six->sin6_port);
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof(host));
        snprintf(s->place, sizeof(s->place), "[%s]:%d", host, s->port);
    } else {
        struct sockaddr_in *four = (struct sockaddr_in *)&at;
        s->port = ntohs(four->sin_port);
        inet_ntop(AF_INET, &four->sin_addr, host, sizeof(host));
        snprintf(s->place, sizeof(s->place), "%s:%d", host, s->port);
    }
    return 0;
}

static int place_find(http *s, const char *words, pe_error *errp)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICSERV};
    const char *colon = strrchr(words, ':');
    struct addrinfo *a = NULL;
    int64_t port = -1;
    char host[256];
    int rc;

    if (!colon || colon == words || text_parse_int(colon + 1, &port) < 0 ||
        port < 0 || port > 65535)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--listen %s: it is HOST:PORT, as 127.0.0.1:8080",
                            words);
    snprintf(s->place, sizeof(s->place), "%s", words);
    snprintf(host, sizeof(host), "%.*s", (int)(colon - words), words);
    if (*host == '[' && host[strlen(host) - 1] == ']') {
        memmove(host, host + 1, strlen(host));
        host[strlen(host) - 1] = '\0';
    }
    rc = getaddrinfo(host, colon + 1, &hints, &a);
    if (rc != 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--listen %s: host %s is not known: %s", words,
                            host, gai_strerror(rc));
    rc = listen_at(s, a, errp);
    freeaddrinfo(a);
    return rc;
}

http *http_open(hub *h, const char *listen, const char *token, pe_error *errp)
{
    http *s = calloc(1, sizeof(*s));

    if (!s) {
        pe_error_nomem(errp);
        return NULL;
    }
    s->h = h;
    s->token = token;
    s->fd = -1;
    pthread_mutex_init(&s->lock, NULL);
    if (place_find(s, listen, errp) < 0)
        goto error;
    s->d = MHD_start_daemon(
        MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD |
            MHD_ALLOW_SUSPEND_RESUME,
        0, NULL, NULL, request, s, MHD_OPTION_LISTEN_SOCKET, s->fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CLIENTS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)PATIENCE_S, MHD_OPTION_END);
    if (!s->d) {
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE,
                     "the web server at %s does not start", s->place);
        goto error;
    }
    s->fd = -1; /* the server's */
    hub_listen(h, streams_wake, s);
    return s;
error:
    http_close(s);
    return NULL;
}

void http_close(http *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->ends = true;
    pthread_mutex_unlock(&s->lock);
    streams_wake(s); /* the server is not to be stopped over their sleep */
    if (s->d)
        MHD_stop_daemon(s->d);
    if (s->fd >= 0)
        close(s->fd);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

const char *http_place(const http *s)
{
    return s->place;
}

int http_port(const http *s)
{
    return s->port;
}
