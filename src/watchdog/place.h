/* place.h - where rank 0 hears the others: a port of UDP, and its addresses. */
#ifndef WATCHDOG_PLACE_H
#define WATCHDOG_PLACE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

#define PLACE_ADDRESSES 16

/* The same bytes for all ranks of a world, however they get there.  An address
 * of IPv4 is one of IPv6 that begins with ::ffff.
 */
typedef struct watchdog_place {
    unsigned char key[16]; /* who has it is of this world */
    uint16_t port;         /* 0: rank 0 hears nothing */
    uint16_t n;
    struct in6_addr at[PLACE_ADDRESSES];
} watchdog_place;

/* Rank 0: a socket, and where it is: all addresses of this host but its own
 * loop, at most PLACE_ADDRESSES.  The socket, or -1: an error of the system.
 */
int place_open(watchdog_place *out, pe_error *errp);
/* The socket of any other rank. */
int place_connect(pe_error *errp);

/* [len] bytes from socket [fd] to address [k].  What cannot be sent is lost, as
 * on its way.
 */
void place_send(int fd, const watchdog_place *p, int k, const void *data,
                size_t len);
/* A message of exactly [len] bytes; where it came from into [*from], as it is
 * for place_answer.  False: there is none.
 */
bool place_receive(int fd, void *data, size_t len,
                   struct sockaddr_storage *from);
void place_answer(int fd, const void *data, size_t len,
                  const struct sockaddr_storage *to);
/* Which of the addresses of [p] it is, -1: none of them. */
int place_find(const watchdog_place *p, const struct sockaddr_storage *from);

#endif
