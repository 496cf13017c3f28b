/* endpoint.c - a function behind an address that does what a test asks for. */
#include "endpoint.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/block/npy.h"
#include "src/common/clock.h"

#define HEAD_MAX 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char script[256] = "echo";
static unsigned calls;
static char last_head[HEAD_MAX];
static int listener = -1;

void endpoint_play(const char *words)
{
    pthread_mutex_lock(&lock);
    snprintf(script, sizeof(script), "%s", words);
    pthread_mutex_unlock(&lock);
}

unsigned endpoint_calls(void)
{
    pthread_mutex_lock(&lock);
    unsigned n = calls;
    pthread_mutex_unlock(&lock);
    return n;
}

const char *endpoint_head(void)
{
    return last_head;
}

/* The word for the next request. */
static void take_word(const char *head, char word[16])
{
    pthread_mutex_lock(&lock);
    char *blank = strchr(script, ' ');

    snprintf(word, 16, "%.*s", (int)strcspn(script, " "), script);
    if (blank)
        memmove(script, blank + 1, strlen(blank));
    snprintf(last_head, sizeof(last_head), "%s", head);
    calls++;
    pthread_mutex_unlock(&lock);
}

static void send_all(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        at += n;
        len -= (size_t)n;
    }
}

static void answer(int fd, const char *status, const char *type,
                   const void *body, size_t len)
{
    char head[256];
    int n = snprintf(head, sizeof(head),
                     "HTTP/1.1 %s\r\nContent-Type: %s\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     status, type, len);

    send_all(fd, head, (size_t)n);
    send_all(fd, body, len);
}

static void answer_text(int fd, const char *status, const char *type,
                        const char *text)
{
    answer(fd, status, type, text, strlen(text));
}

/* Packed although nobody asked for that: one piece of deflate as it is. */
static void answer_packed(int fd, const unsigned char *body, size_t len)
{
    unsigned char packed[4096] = {1};

    if (len > sizeof(packed) - 5)
        return;
    packed[1] = (unsigned char)len;
    packed[2] = (unsigned char)(len >> 8);
    packed[3] = (unsigned char)~packed[1];
    packed[4] = (unsigned char)~packed[2];
    memcpy(packed + 5, body, len);
    answer(fd, "200 OK\r\nContent-Encoding: deflate", "application/x-npy",
           packed, len + 5);
}

static void answer_big(int fd)
{
    static const char zeros[65536] = "\x93NUMPY";
    char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    send_all(fd, head, sizeof(head) - 1);
    for (int i = 0; i < 64; i++) {
        send_all(fd, "10000\r\n", 7);
        send_all(fd, zeros, sizeof(zeros));
        send_all(fd, "\r\n", 2);
    }
}

/* false: the connection is to be closed. */
static bool act(int fd, const char *word, const unsigned char *body, size_t len)
{
    static const char npy[] = "application/x-npy";
    unsigned char none[NPY_HEADER_LEN];

    if (!strcmp(word, "close"))
        return false;
    if (!strcmp(word, "slow")) {
        clock_sleep_ns(2 * CLOCK_S, 1);
        return false;
    }
    if (!strcmp(word, "echo"))
        answer(fd, "200 OK", npy, body, len);
    else if (!strcmp(word, "packed"))
        answer_packed(fd, body, len);
    else if (!strcmp(word, "spoilt"))
        answer(fd, "200 OK", npy, body, len / 2);
    else if (!strcmp(word, "empty"))
        answer(fd, "204 No Content", npy, "", 0);
    else if (!strcmp(word, "html"))
        answer_text(fd, "200 OK", "text/html", "<html>log in</html>");
    else if (!strcmp(word, "busy"))
        answer_text(fd, "429 Too Many\r\nRetry-After: 1", "text/plain", "busy");
    else if (!strcmp(word, "big"))
        answer_big(fd);
    else if (!strcmp(word, "cut")) {
        send_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nhalf", 44);
        return false;
    } else if (!strcmp(word, "none")) {
        npy_header(none, PE_F4, 0, 2);
        answer(fd, "200 OK", npy, none, sizeof(none));
    } else
        answer_text(fd, word, "text/plain", "so\x1b it is");
    return strcmp(word, "big") != 0;
}

/* The head of a request; false: there is none. */
static bool read_head(int fd, char head[HEAD_MAX])
{
    size_t n = 0;

    while (n < HEAD_MAX - 1 && recv(fd, head + n, 1, 0) == 1) {
        head[++n] = '\0';
        if (n >= 4 && !strcmp(head + n - 4, "\r\n\r\n"))
            return true;
    }
    return false;
}

static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char head[HEAD_MAX], word[16];
    bool more = true;

    while (more && read_head(fd, head)) {
        const char *at = strcasestr(head, "content-length:");
        size_t len = at ? strtoul(at + 15, NULL, 10) : 0;
        unsigned char *body = malloc(len + 1);

        if (!body ||
            (len > 0 && recv(fd, body, len, MSG_WAITALL) != (ssize_t)len))
            more = false;
        if (more) {
            take_word(head, word);
            more = act(fd, word, body, len);
        }
        free(body);
    }
    close(fd);
    return NULL;
}

static void *listen_on(void *arg)
{
    int fd;

    (void)arg;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        pthread_t t;

        if (pthread_create(&t, NULL, serve, (void *)(intptr_t)fd) != 0)
            close(fd);
        else
            pthread_detach(t);
    }
    return NULL;
}

int endpoint_start(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int yes = 1;
    pthread_t t;

    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 ||
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
        bind(listener, (struct sockaddr *)&a, len) < 0 ||
        listen(listener, 64) < 0 ||
        getsockname(listener, (struct sockaddr *)&a, &len) < 0 ||
        pthread_create(&t, NULL, listen_on, NULL) != 0)
        return -1;
    pthread_detach(t);
    return ntohs(a.sin_port);
}
