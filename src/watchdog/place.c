/* place.c - where rank 0 hears the others: a port of UDP, and its addresses. */
#include "place.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- addresses --- */

static void map_ipv4(struct in6_addr *out, const struct in_addr *a)
{
    memset(out, 0, sizeof(*out));
    out->s6_addr[10] = out->s6_addr[11] = 0xff;
    memcpy(out->s6_addr + 12, a, sizeof(*a));
}

/* False: it is no address that another host could ask for. */
static bool address_of(const struct sockaddr *a, struct in6_addr *out)
{
    if (a->sa_family == AF_INET) {
        map_ipv4(out, &((const struct sockaddr_in *)(const void *)a)->sin_addr);
        return true;
    }
    if (a->sa_family != AF_INET6)
        return false;
    *out = ((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
    return !IN6_IS_ADDR_LINKLOCAL(out);
}

static void addresses_find(watchdog_place *p)
{
    struct ifaddrs *all = NULL;

    if (getifaddrs(&all) < 0)
        return;
    for (const struct ifaddrs *i = all; i && p->n < PLACE_ADDRESSES;
         i = i->ifa_next)
        if (i->ifa_addr && i->ifa_flags & IFF_UP &&
            !(i->ifa_flags & IFF_LOOPBACK) &&
            address_of(i->ifa_addr, &p->at[p->n]))
            p->n++;
    freeifaddrs(all);
}

/* --- sockets --- */

/* Of both kinds, or, where the kernel has no IPv6, of the one. */
static int socket_make(int *familyp, pe_error *errp)
{
    const int how = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    int off = 0, fd = socket(AF_INET6, how, 0);

    *familyp = AF_INET6;
    if (fd >= 0)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    else
        fd = socket(*familyp = AF_INET, how, 0);
    if (fd < 0)
        pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                     "cannot open a socket of UDP: %s", strerror(errno));
    return fd;
}

static in_port_t port_of(const struct sockaddr_storage *a)
{
    return a->ss_family == AF_INET
               ? ((const struct sockaddr_in *)(const void *)a)->sin_port
               : ((const struct sockaddr_in6 *)(const void *)a)->sin6_port;
}

int place_open(watchdog_place *out, pe_error *errp)
{
    struct sockaddr_storage a = {0};
    socklen_t len = sizeof(a);
    int family, fd = socket_make(&family, errp);

    memset(out, 0, sizeof(*out));
    if (fd < 0)
        return -1;
    a.ss_family = (sa_family_t)family;
    if (bind(fd, (const struct sockaddr *)&a,
             family == AF_INET ? sizeof(struct sockaddr_in)
                               : sizeof(struct sockaddr_in6)) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0 ||
        getrandom(out->key, sizeof(out->key), 0) != sizeof(out->key)) {
        pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                     "cannot open a port of UDP: %s", strerror(errno));
        close(fd);
        return -1;
    }
    out->port = ntohs(port_of(&a));
    addresses_find(out);
    return fd;
}

int place_connect(pe_error *errp)
{
    int family;

    return socket_make(&family, errp);
}

void place_send(int fd, const watchdog_place *p, int k, const void *data,
                size_t len)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6,
                               .sin6_port = htons(p->port),
                               .sin6_addr = p->at[k]};
    struct sockaddr_in four = {.sin_family = AF_INET,
                               .sin_port = htons(p->port)};

    if (sendto(fd, data, len, MSG_NOSIGNAL, (const struct sockaddr *)&six,
               sizeof(six)) >= 0 ||
        !IN6_IS_ADDR_V4MAPPED(&p->at[k]) || errno != EAFNOSUPPORT)
        return;
    memcpy(&four.sin_addr, p->at[k].s6_addr + 12, sizeof(four.sin_addr));
    (void)!sendto(fd, data, len, MSG_NOSIGNAL, (const struct sockaddr *)&four,
                  sizeof(four));
}

bool place_receive(int fd, void *data, size_t len,
                   struct sockaddr_storage *from)
{
    ssize_t n;

    do {
        socklen_t size = sizeof(*from);
        n = recvfrom(fd, data, len, MSG_TRUNC, (struct sockaddr *)from, &size);
    } while ((n >= 0 && (size_t)n != len) || (n < 0 && errno == EINTR) ||
             (n < 0 && errno == ECONNREFUSED));
    return n >= 0;
}

void place_answer(int fd, const void *data, size_t len,
                  const struct sockaddr_storage *to)
{
    (void)!sendto(fd, data, len, MSG_NOSIGNAL, (const struct sockaddr *)to,
                  to->ss_family == AF_INET ? sizeof(struct sockaddr_in)
                                           : sizeof(struct sockaddr_in6));
}

int place_find(const watchdog_place *p, const struct sockaddr_storage *from)
{
    struct in6_addr a;

    if (!address_of((const struct sockaddr *)from, &a))
        return -1;
    for (int k = 0; k < p->n; k++)
        if (!memcmp(&a, &p->at[k], sizeof(a)))
            return k;
    return -1;
}
