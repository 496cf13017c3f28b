/* far_server.c - TCP servers of a test, in threads of its process. */
#include "far_server.h"

#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536

struct guest {
    far_server *s;
    int fd;
};

static int send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static void echo(struct guest *g, char *chunk)
{
    ssize_t n;

    while ((n = read(g->fd, chunk, CHUNK)) > 0) {
        atomic_fetch_add(&g->s->bytes, n);
        if (send_all(g->fd, chunk, (size_t)n) < 0)
            break;
    }
}

static void count(struct guest *g, char *chunk)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    char line[128];
    long long total = 0;
    ssize_t n;
    int at;

    EVP_DigestInit_ex(md, EVP_sha256(), NULL);
    while ((n = read(g->fd, chunk, CHUNK)) > 0) {
        EVP_DigestUpdate(md, chunk, (size_t)n);
        total += n;
        atomic_fetch_add(&g->s->bytes, n);
    }
    EVP_DigestFinal_ex(md, digest, NULL);
    EVP_MD_CTX_free(md);
    at = snprintf(line, sizeof(line), "%lld ", total);
    for (int i = 0; i < 32; i++)
        at += snprintf(line + at, sizeof(line) - (size_t)at, "%02x", digest[i]);
    line[at++] = '\n';
    send_all(g->fd, line, (size_t)at);
}

static void flood(struct guest *g, char *chunk)
{
    memset(chunk, 'f', CHUNK);
    while (send_all(g->fd, chunk, CHUNK) == 0)
        atomic_fetch_add(&g->s->bytes, CHUNK);
}

static void *serve(void *arg)
{
    struct guest *g = arg;
    char *chunk = malloc(CHUNK);

    switch (g->s->way) {
    case FAR_ECHO:
        echo(g, chunk);
        break;
    case FAR_COUNT:
        count(g, chunk);
        break;
    case FAR_FLOOD:
        flood(g, chunk);
        break;
    case FAR_GREET:
        send_all(g->fd, "hello", 5);
        shutdown(g->fd, SHUT_WR);
        count(g, chunk);
        break;
    case FAR_CLOSE:
    case FAR_DEAF:
        break;
    }
    close(g->fd);
    atomic_fetch_add(&g->s->ended, 1);
    free(chunk);
    free(g);
    return NULL;
}

static void *accept_all(void *arg)
{
    far_server *s = arg;
    pthread_t thread;
    int fd;

    while ((fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        struct guest *g = malloc(sizeof(*g));
        *g = (struct guest){s, fd};
        atomic_fetch_add(&s->served, 1);
        if (pthread_create(&thread, NULL, serve, g) == 0)
            pthread_detach(thread);
    }
    return NULL;
}

/* With a queue that is full the kernel answers nobody. */
static void fill(far_server *s, const struct sockaddr_in *a)
{
    for (int i = 0; i < 8; i++) {
        s->fill[i] =
            socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (connect(s->fill[i], (const struct sockaddr *)a, sizeof(*a)) < 0)
            continue;
    }
}

int far_server_open(far_server *s, enum far_way way)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);

    memset(s, 0, sizeof(*s));
    s->way = way;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(s->fd, (struct sockaddr *)&a, len) < 0 ||
        listen(s->fd, way == FAR_DEAF ? 0 : 200) < 0 ||
        getsockname(s->fd, (struct sockaddr *)&a, &len) < 0)
        return -1;
    s->port = ntohs(a.sin_port);
    if (way == FAR_DEAF) {
        fill(s, &a);
        return 0;
    }
    return pthread_create(&s->thread, NULL, accept_all, s) == 0 ? 0 : -1;
}

void far_server_close(far_server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    if (s->way != FAR_DEAF)
        pthread_join(s->thread, NULL);
    close(s->fd);
    for (int i = 0; s->way == FAR_DEAF && i < 8; i++)
        close(s->fill[i]);
    /* Its connections end with those of the test. */
    while (atomic_load(&s->ended) < atomic_load(&s->served))
        usleep(1000);
}
