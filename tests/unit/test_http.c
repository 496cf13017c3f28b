/* test_http.c - the web server of a run, over a hub of the test's own. */
#include "unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "src/page/html.h"
#include "src/serve/http.h"

#define TOKEN "0123456789abcdef"

/* --- a hub that says what the test has put there --- */

struct hub {
    pthread_mutex_t lock;
    hub_piece *piece[HUB_TEXTS];
    uint64_t seq;
    void (*tell)(void *arg);
    void *arg;
};

static hub own = {.lock = PTHREAD_MUTEX_INITIALIZER};

void hub_piece_drop(hub_piece *p)
{
    if (p && atomic_fetch_sub(&p->holders, 1) == 1)
        free(p);
}

hub_piece *hub_take(hub *h, enum hub_text kind, uint64_t *seqp)
{
    hub_piece *p;

    pthread_mutex_lock(&h->lock);
    p = h->piece[kind];
    atomic_fetch_add(&p->holders, 1);
    if (seqp)
        *seqp = h->seq;
    pthread_mutex_unlock(&h->lock);
    return p;
}

uint64_t hub_seq(hub *h)
{
    uint64_t seq;

    pthread_mutex_lock(&h->lock);
    seq = h->seq;
    pthread_mutex_unlock(&h->lock);
    return seq;
}

void hub_listen(hub *h, void (*tell)(void *arg), void *arg)
{
    h->tell = tell;
    h->arg = arg;
}

/* The hub is locked: a server that was woken before cannot look between. */
static void put_locked(enum hub_text kind, const char *data, size_t len)
{
    hub_piece *p = malloc(sizeof(*p) + len + 1), *was;

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    atomic_init(&p->holders, 1);
    p->len = len;
    memcpy(p->data, data, len);
    p->data[len] = '\0';
    was = own.piece[kind];
    own.piece[kind] = p;
    own.seq += kind == HUB_EVENT;
    hub_piece_drop(was);
}

static void put(enum hub_text kind, const char *data, size_t len)
{
    pthread_mutex_lock(&own.lock);
    put_locked(kind, data, len);
    pthread_mutex_unlock(&own.lock);
}

static void put_text(enum hub_text kind, const char *s)
{
    put(kind, s, strlen(s));
}

/* --- a client --- */

static http *server;
static char got[1 << 20]; /* an answer, as it came */
static size_t got_len;

static void begin(const char *token)
{
    pe_error e = {0};

    put_text(HUB_PAGE, "<!doctype html>page");
    put_text(HUB_JSON, "{\"run\":\"r\"}");
    put_text(HUB_METRICS, "pilot_run_info{run=\"r\"} 1\n");
    put_text(HUB_EVENT, "data: {}\n\n");
    server = http_open(&own, "127.0.0.1:0", token, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(server);
}

/* The server holds nothing any more: each text is the hub's alone. */
static void end(void)
{
    http_close(server);
    server = NULL;
    for (int i = 0; i < HUB_TEXTS; i++) {
        CU_ASSERT_EQUAL(atomic_load(&own.piece[i]->holders), 1);
        hub_piece_drop(own.piece[i]);
        own.piece[i] = NULL;
    }
}

static int dial(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)http_port(server))};
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static void say(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n <= 0)
            return; /* it hung up: what it said is there to be read */
        bytes += n;
        len -= (size_t)n;
    }
}

/* All that comes until it hangs up. */
static void hear(int fd)
{
    ssize_t n;

    got_len = 0;
    while (got_len + 1 < sizeof(got) &&
           (n = recv(fd, got + got_len, sizeof(got) - 1 - got_len, 0)) > 0)
        got_len += (size_t)n;
    got[got_len] = '\0';
    close(fd);
}

/* Its status; 0: it has said nothing. */
static int ask(const char *method, const char *target, const char *head)
{
    char request[2048];
    int fd = dial(), status = 0;

    snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\n%s%s\r\n", method,
             target, "Connection: close\r\n", head);
    say(fd, request, strlen(request));
    hear(fd);
    sscanf(got, "HTTP/1.1 %d ", &status);
    return status;
}

static const char *body(void)
{
    const char *s = strstr(got, "\r\n\r\n");

    return s ? s + 4 : "";
}

#define HOST "Host: 127.0.0.1\r\n"

/* --- where it listens --- */

static void test_places(void)
{
    static const struct {
        const char *place, *words;
        enum pe_exit status;
    } rows[] = {
        {"", "--listen : it is HOST:PORT, as 127.0.0.1:8080", PE_EXIT_USAGE},
        {"8080", "it is HOST:PORT", PE_EXIT_USAGE},
        {":8080", "it is HOST:PORT", PE_EXIT_USAGE},
        {"127.0.0.1", "it is HOST:PORT", PE_EXIT_USAGE},
        {"127.0.0.1:", "it is HOST:PORT", PE_EXIT_USAGE},
        {"127.0.0.1:http", "it is HOST:PORT", PE_EXIT_USAGE},
        {"127.0.0.1:-1", "it is HOST:PORT", PE_EXIT_USAGE},
        {"127.0.0.1:65536", "it is HOST:PORT", PE_EXIT_USAGE},
        {"127.0.0.1:99999999999999999999", "it is HOST:PORT", PE_EXIT_USAGE},
        {"127.0.0.1:80 ", "it is HOST:PORT", PE_EXIT_USAGE},
        {"192.0.2.1:0", "cannot listen at 192.0.2.1:0: ", PE_EXIT_CREATE},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        pe_error e = {0};

        CU_ASSERT_PTR_NULL(http_open(&own, rows[i].place, NULL, &e));
        UNIT_CONTAINS(e.text, rows[i].words);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, rows[i].status);
    }
    http_close(NULL);
}

static void test_taken(void)
{
    char want[100];
    pe_error e = {0};

    begin(NULL);
    snprintf(want, sizeof(want), "127.0.0.1:%d", http_port(server));
    UNIT_EQUAL(http_place(server), want);
    CU_ASSERT_PTR_NULL(http_open(&own, http_place(server), NULL, &e));
    snprintf(want, sizeof(want),
             "cannot listen at 127.0.0.1:%d: ", http_port(server));
    UNIT_CONTAINS(e.text, want);
    UNIT_CONTAINS(e.text, "; --listen HOST:PORT names another place, port 0 "
                          "any that is free");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    CU_ASSERT_EQUAL(ask("GET", "/json", HOST), 200); /* the first one lives */
    end();
}

/* --- what it says --- */

static void test_routes(void)
{
    static const struct {
        const char *target;
        int status;
        const char *type, *body;
    } rows[] = {
        {"/json", 200, "application/json", "{\"run\":\"r\"}"},
        {"/json?x=%00%ff", 200, "application/json", "{\"run\":\"r\"}"},
        {"/metrics", 200, "text/plain; version=0.0.4; charset=utf-8",
         "pilot_run_info{run=\"r\"} 1\n"},
        {"/none", 404, "text/plain; charset=utf-8",
         "404: there are /, /events, /json and /metrics\n"},
        {"/json/", 404, "text/plain; charset=utf-8", "404: there are "},
        {"/../json", 404, "text/plain; charset=utf-8", "404: there are "},
        {"/<script>", 404, "text/plain; charset=utf-8", "404: there are "},
        {"/JSON", 404, "text/plain; charset=utf-8", "404: there are "},
    };
    static const char *const always[] = {"\r\nCache-Control: no-store\r\n",
                                         "\r\nX-Content-Type-Options: "
                                         "nosniff\r\n",
                                         "\r\nX-Frame-Options: DENY\r\n",
                                         "\r\nReferrer-Policy: "
                                         "no-referrer\r\n"};
    char type[100];

    begin(NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        CU_ASSERT_EQUAL(ask("GET", rows[i].target, HOST), rows[i].status);
        snprintf(type, sizeof(type), "\r\nContent-Type: %s\r\n", rows[i].type);
        UNIT_CONTAINS(got, type);
        for (int k = 0; k < 4; k++)
            UNIT_CONTAINS(got, always[k]);
        if (rows[i].status == 200)
            UNIT_EQUAL(body(), rows[i].body);
        else
            UNIT_CONTAINS(body(), rows[i].body);
        CU_ASSERT_PTR_NULL(strstr(got, "<script>"));
    }
    if (html_is_there()) {
        CU_ASSERT_EQUAL(ask("GET", "/", HOST), 200);
        UNIT_CONTAINS(got, "\r\nContent-Type: text/html; charset=utf-8\r\n");
        UNIT_EQUAL(body(), "<!doctype html>page");
    } else {
        CU_ASSERT_EQUAL(ask("GET", "/", HOST), 404);
        UNIT_CONTAINS(body(), "404: this pilot was configured without reports");
    }
    end();
}

static void test_methods(void)
{
    static const char *const methods[] = {"POST",  "PUT",   "DELETE", "OPTIONS",
                                          "TRACE", "PATCH", "get"};

    begin(NULL);
    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
        CU_ASSERT_EQUAL(ask(methods[i], "/json", HOST), 405);
        UNIT_CONTAINS(got, "\r\nAllow: GET, HEAD\r\n");
        UNIT_EQUAL(body(), "405: there is GET alone\n");
    }
    CU_ASSERT_EQUAL(ask("HEAD", "/json", HOST), 200);
    UNIT_CONTAINS(got, "\r\nContent-Length: 11\r\n");
    UNIT_EQUAL(body(), "");
    end();
}

/* A text of any bytes and of any length is there to its end. */
static void test_whole(void)
{
    size_t len = 700001;
    char *big = malloc(len);

    CU_ASSERT_PTR_NOT_NULL_FATAL(big);
    for (size_t i = 0; i < len; i++)
        big[i] = (char)(i * 7 % 251);
    begin(NULL);
    put(HUB_JSON, big, len);
    CU_ASSERT_EQUAL(ask("GET", "/json", HOST), 200);
    UNIT_CONTAINS(got, "\r\nContent-Length: 700001\r\n");
    CU_ASSERT_EQUAL_FATAL(got_len - (size_t)(body() - got), len);
    CU_ASSERT_EQUAL(memcmp(body(), big, len), 0);
    put(HUB_JSON, "", 0);
    CU_ASSERT_EQUAL(ask("GET", "/json", HOST), 200);
    UNIT_EQUAL(body(), "");
    end();
    free(big);
}

/* --- who may ask --- */

static void test_token(void)
{
    static const struct {
        const char *query, *head;
        int status;
    } rows[] = {
        {"", "", 401},
        {"?token=", "", 401},
        {"?token", "", 401},
        {"?token=0123456789abcde", "", 401},   /* a letter less */
        {"?token=0123456789abcdef0", "", 401}, /* ... and more */
        {"?token=0123456789abcdeF", "", 401},
        {"?token=%00" TOKEN, "", 401},
        {"", "Authorization: " TOKEN "\r\n", 401},
        {"", "Authorization: Basic " TOKEN "\r\n", 401},
        {"", "Authorization: Bearer\r\n", 401},
        {"", "Authorization: Bearer x" TOKEN "\r\n", 401},
        {"", "Cookie: token=" TOKEN "\r\n", 401},
        {"?token=x", "Authorization: Bearer " TOKEN "\r\n", 401},
        {"?token=" TOKEN, "", 200},
        {"?a=b&token=" TOKEN, "", 200},
        {"", "Authorization: Bearer " TOKEN "\r\n", 200},
        {"?token=" TOKEN, "Authorization: Bearer x\r\n", 200},
    };
    static const char *const paths[] = {"/json", "/metrics", "/events",
                                        "/none"};
    char target[200];

    begin(TOKEN);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char head[200];

        snprintf(target, sizeof(target), "/json%s", rows[i].query);
        snprintf(head, sizeof(head), "Host: any.example.org\r\n%s",
                 rows[i].head);
        if (ask("GET", target, head) != rows[i].status)
            printf("# %s %s\n", target, rows[i].head);
        CU_ASSERT_PTR_NOT_NULL(strstr(
            got, rows[i].status == 200 ? "HTTP/1.1 200 " : "HTTP/1.1 401 "));
        CU_ASSERT_PTR_NULL(strstr(got, TOKEN)); /* it tells nobody */
        if (rows[i].status == 401)
            UNIT_CONTAINS(got, "\r\nWWW-Authenticate: Bearer\r\n");
    }
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        CU_ASSERT_EQUAL(ask("GET", paths[i], HOST), 401);
        UNIT_CONTAINS(body(), "'Authorization: Bearer TOKEN'\n");
    }
    end();
}

static void test_hosts(void)
{
    static const struct {
        const char *host;
        int status;
    } rows[] = {
        {"127.0.0.1", 200},          {"10.1.2.3:8080", 200},
        {"LOCALHOST:1", 200},        {"[::1]:8080", 200},
        {"[fe80::1]", 200},          {"localhost.", 403},
        {"localhosts", 403},         {"evil.example.org:8080", 403},
        {"127.0.0.1.evil.org", 403}, {"127.0.0.1evil", 403},
        {"999.0.0.1", 403},          {"[::1].evil.org", 403},
        {"[::1]evil", 403},          {"[::1", 403},
        {"[::1%25evil]", 403},       {":8080", 403},
        {"0x7f000001", 403},
    };
    char head[200];

    begin(NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int status;

        snprintf(head, sizeof(head), "Host: %s\r\n", rows[i].host);
        status = ask("GET", "/metrics", head);
        if (status != rows[i].status)
            printf("# Host: %s\n", rows[i].host);
        CU_ASSERT_EQUAL(status, rows[i].status);
        if (rows[i].status == 403)
            UNIT_EQUAL(body(), "403: ask by the address that 'pilot serve' "
                               "listens at\n");
    }
    end();
}

/* --- what is no request --- */

static void test_garbage(void)
{
    static char long_head[200000];
    static const struct {
        const char *bytes;
        size_t len;
        bool ends;
    } rows[] = {
        {"\0\0\0\0\r\n\r\n", 8, false},
        {"\xff\xfe garbage\r\n\r\n", 13, true},
        {"GET\r\n\r\n", 7, true},
        {"GET /json HTTP/9.9\r\n\r\n", 22, true},
        {"GET /json HTTP/1.1\r\nContent-Length: x\r\n\r\n", 41, true},
        {"GET /json", 9, false},
        {"", 0, false},
        {long_head, sizeof(long_head), true},
    };

    memset(long_head, 'x', sizeof(long_head));
    memcpy(long_head, "GET /json HTTP/1.1\r\nA: ", 23);
    begin(NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int fd = dial();

        got[0] = '\0';
        say(fd, rows[i].bytes, rows[i].len);
        if (rows[i].ends)
            hear(fd);
        else /* more of it would be waited for */
            close(fd);
        CU_ASSERT_PTR_NULL(strstr(got, " 200 "));
        CU_ASSERT_PTR_NULL(strstr(got, "\"run\""));
        CU_ASSERT_EQUAL(ask("GET", "/json", HOST), 200); /* as before */
    }
    end();
}

/* --- pages that follow --- */

static int follow(void)
{
    static const char request[] = "GET /events HTTP/1.1\r\n" HOST "\r\n";
    int fd = dial();

    say(fd, request, sizeof(request) - 1);
    return fd;
}

/* What comes, until [words] is in it; false: it does not. */
static bool hear_until(int fd, const char *words)
{
    got_len = 0;
    got[0] = '\0';
    while (!strstr(got, words)) {
        ssize_t n = recv(fd, got + got_len, sizeof(got) - 1 - got_len, 0);

        if (n <= 0)
            return false;
        got_len += (size_t)n;
        got[got_len] = '\0';
    }
    return true;
}

static void tell(void)
{
    own.tell(own.arg);
}

static void test_stream(void)
{
    size_t len = 100000;
    char *big = malloc(len + 4);
    int fd;

    CU_ASSERT_PTR_NOT_NULL_FATAL(big);
    begin(NULL);
    put_text(HUB_EVENT, "data: one\n\n");
    fd = follow();
    CU_ASSERT_TRUE(hear_until(fd, "data: one\n\n"));
    UNIT_CONTAINS(got, "\r\nContent-Type: text/event-stream\r\n");
    tell(); /* of nothing new; heard at once, or any time later */
    pthread_mutex_lock(&own.lock);
    put_locked(HUB_EVENT, "data: two\n\n", 11);
    put_locked(HUB_EVENT, "data: three\n\n", 13); /* nobody was told */
    pthread_mutex_unlock(&own.lock);
    tell();
    CU_ASSERT_TRUE(hear_until(fd, "data: three\n\n"));
    CU_ASSERT_PTR_NULL(strstr(got, "one"));
    CU_ASSERT_PTR_NULL(strstr(got, "two"));
    /* one that does not fit a buffer, with another one behind it */
    memset(big, 'x', len);
    memcpy(big, "data: ", 6);
    memcpy(big + len, "END", 4);
    put_text(HUB_EVENT, big);
    tell();
    CU_ASSERT_TRUE(hear_until(fd, "END"));
    put_text(HUB_EVENT, "data: five\n\n");
    tell();
    CU_ASSERT_TRUE(hear_until(fd, "data: five\n\n"));
    end(); /* while it sleeps */
    CU_ASSERT_FALSE(hear_until(fd, "data: "));
    close(fd);
    free(big);
}

/* Those that are too many are told so; when one goes, another one may come. */
static void test_streams(void)
{
    int fd[HTTP_STREAMS], status = 503;

    begin(NULL);
    for (int i = 0; i < HTTP_STREAMS; i++) {
        fd[i] = follow();
        CU_ASSERT_TRUE(hear_until(fd[i], "data: {}\n\n"));
    }
    CU_ASSERT_EQUAL(ask("GET", "/events", HOST), 503);
    UNIT_EQUAL(body(), "503: too many pages follow this run; close some\n");
    CU_ASSERT_EQUAL(ask("GET", "/json", HOST), 200); /* of others there are */
    close(fd[0]);
    for (int i = 0; i < 20000 && status == 503; i++) {
        put_text(HUB_EVENT, "data: next\n\n");
        tell(); /* its end is found when it is written to */
        fd[0] = follow();
        CU_ASSERT_TRUE(hear_until(fd[0], "\r\n\r\n"));
        sscanf(got, "HTTP/1.1 %d ", &status);
        if (status == 503)
            close(fd[0]);
    }
    CU_ASSERT_EQUAL(status, 200);
    for (int i = 1; i < HTTP_STREAMS; i++) /* and the others have gone on */
        CU_ASSERT_TRUE(hear_until(fd[i], "data: next\n\n"));
    end();
    for (int i = 0; i < HTTP_STREAMS; i++)
        close(fd[i]);
}

int main(void)
{
    static const unit_test tests[] = {
        {"places that are none", test_places},
        {"a place that is taken", test_taken},
        {"what is served", test_routes},
        {"methods", test_methods},
        {"a text is there to its end", test_whole},
        {"tokens", test_token},
        {"names of hosts", test_hosts},
        {"what is no request", test_garbage},
        {"a page that follows", test_stream},
        {"more of them than there is room for", test_streams},
        {NULL, NULL},
    };

    return unit_main("http", tests);
}
