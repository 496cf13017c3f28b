/* dial.c - brokers behind a login node: names and connections of a client. */
#include "src/broker/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/log.h"
#include "src/common/text.h"

/* 127.77.0.0 is the first name's. */
#define FIRST_ADDRESS UINT32_C(0x7f4d0000)
#define NAMES_MAX 65536

struct dialer {
    broker_dial_f dial;
    void *arg;
    pthread_mutex_t lock; /* of what follows */
    char **names;
    size_t n;
    char reason[sizeof(((pe_error *)0)->text)];
};

dialer *dialer_create(broker_dial_f dial, void *arg, pe_error *errp)
{
    dialer *d = calloc(1, sizeof(*d));

    if (!d) {
        pe_error_nomem(errp);
        return NULL;
    }
    d->dial = dial;
    d->arg = arg;
    pthread_mutex_init(&d->lock, NULL);
    return d;
}

void dialer_destroy(dialer *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->n; i++)
        free(d->names[i]);
    free(d->names);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

void dialer_reason(dialer *d, char *out, size_t cap)
{
    pthread_mutex_lock(&d->lock);
    snprintf(out, cap, "%s", d->reason);
    pthread_mutex_unlock(&d->lock);
}

/* Place of [name] in the table, put there if it is new; -1: no room. */
static int name_place(dialer *d, const char *name)
{
    for (size_t i = 0; i < d->n; i++)
        if (!strcmp(d->names[i], name))
            return (int)i;
    if (d->n == NAMES_MAX)
        return -1;
    char **more = realloc(d->names, (d->n + 1) * sizeof(*more));
    if (!more)
        return -1;
    d->names = more;
    more[d->n] = strdup(name);
    return more[d->n] ? (int)d->n++ : -1;
}

/* As getaddrinfo(3), and freeaddrinfo(3) when all but *out is NULL. */
static int on_resolve(const char *node, const char *service,
                      const struct addrinfo *hints, struct addrinfo **out,
                      void *opaque)
{
    dialer *d = dialer_of(opaque);
    struct {
        struct addrinfo info;
        struct sockaddr_in address;
    } * a;
    int64_t port = 0;

    if (!node && !service && !hints) {
        free(*out);
        return 0;
    }
    if (hints && hints->ai_family == AF_INET6)
        return EAI_FAMILY;
    if (!node || !service || text_parse_int(service, &port) < 0 || port < 1 ||
        port > 65535)
        return EAI_SERVICE;
    pthread_mutex_lock(&d->lock);
    int place = name_place(d, node);
    pthread_mutex_unlock(&d->lock);
    a = place < 0 ? NULL : calloc(1, sizeof(*a));
    if (!a)
        return EAI_MEMORY;
    a->address.sin_family = AF_INET;
    a->address.sin_port = htons((uint16_t)port);
    a->address.sin_addr.s_addr = htonl(FIRST_ADDRESS + (uint32_t)place);
    a->info.ai_family = AF_INET;
    a->info.ai_socktype = SOCK_STREAM;
    a->info.ai_protocol = IPPROTO_TCP;
    a->info.ai_addr = (struct sockaddr *)&a->address;
    a->info.ai_addrlen = sizeof(a->address);
    *out = &a->info;
    return 0;
}

/* Name and port that [address] stands for; -1: none of ours. */
static int name_of(dialer *d, const struct sockaddr *address, char *name,
                   size_t cap, int *portp)
{
    struct sockaddr_in a;
    int rc = -1;

    if (address->sa_family != AF_INET)
        return -1;
    memcpy(&a, address, sizeof(a));
    uint32_t place = ntohl(a.sin_addr.s_addr) - FIRST_ADDRESS;
    pthread_mutex_lock(&d->lock);
    if (place < d->n) {
        snprintf(name, cap, "%s", d->names[place]);
        *portp = ntohs(a.sin_port);
        rc = 0;
    }
    pthread_mutex_unlock(&d->lock);
    return rc;
}

static void note(dialer *d, const char *reason)
{
    pthread_mutex_lock(&d->lock);
    snprintf(d->reason, sizeof(d->reason), "%s", reason);
    pthread_mutex_unlock(&d->lock);
}

/* Put the connection in the place of the client's own socket; an errno. */
static int take_over(int fd, int own)
{
    int flags = fcntl(fd, F_GETFL);
    int err = 0;

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        dup3(fd, own, O_CLOEXEC) < 0)
        err = errno;
    close(fd);
    return err;
}

static int on_connect(int own, const struct sockaddr *address, int len,
                      const char *id, void *opaque)
{
    dialer *d = dialer_of(opaque);
    char name[512];
    pe_error e = {0};
    int port;

    (void)len;
    if (name_of(d, address, name, sizeof(name), &port) < 0)
        return EADDRNOTAVAIL;
    int fd = d->dial(d->arg, name, port, &e);
    note(d, fd < 0 ? e.text : "");
    if (fd >= 0)
        return take_over(fd, own);
    log_debug("kafka: %s: %s", id, e.text);
    return e.exit_code == PE_EXIT_PERMISSION ? EACCES : ECONNREFUSED;
}

void dialer_install(rd_kafka_conf_t *k)
{
    rd_kafka_conf_set_resolve_cb(k, on_resolve);
    rd_kafka_conf_set_connect_cb(k, on_connect);
}
