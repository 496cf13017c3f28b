/* ssh_session.h - one authenticated SSH connection. */
#ifndef HOST_SSH_SESSION_H
#define HOST_SSH_SESSION_H

#include <libssh2.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/host/ssh_proxy.h"
#include "src/host/ssh_target.h"

/* libssh2 is used without blocking, and never sees a socket that takes less
 * than it is given: what it sends goes through a buffer of ours.  Most of its
 * functions cannot go on after a packet that was sent in part: they build it
 * on the stack and then refuse, as another one, what they are called with.
 * What is buffered is bounded by the windows of the channels.
 *
 * One thread at a time.
 */
typedef struct ssh_session {
    LIBSSH2_SESSION *raw;
    int fd;
    ssh_proxy proxy;    /* what is at its other end, if any */
    const char *name;   /* of the host, for messages; borrowed */
    unsigned char *out; /* [out_at, out_len) waits to be sent */
    size_t out_at, out_len, out_cap;
    unsigned spins;       /* reads of nothing since the last sleep */
    bool dry;             /* the library has all that was there to read, and
                             has dealt with it; until the next sleep */
    int64_t keepalive_ns; /* period */
    int64_t tick_ns;      /* next one */
    int64_t heard_ns;     /* last bytes of the server */
    int64_t slept_ns;     /* end of the last sleep */
    bool broken;          /* of no use any more */
    pe_error why;         /* of the failure that made it so */
    char farewell[160];   /* what the server said at its end */
} ssh_session;

/* Connect, check the host key, authenticate.  [t] is borrowed as long as the
 * session lives.  Errors: as host_open_ssh at use.
 */
ssh_session *ssh_session_open(const ssh_target *t, const host_conf *c,
                              pe_error *errp);
void ssh_session_close(ssh_session *s); /* may be NULL */

/* CLOCK_MONOTONIC, [seconds] from now; <= 0: never. */
int64_t ssh_deadline(double seconds);

/* Is a call that returned [rc] to be made again?  Sends what waits and sleeps
 * until something happens, keeping the connection alive.  False: no; when
 * [rc] was EAGAIN then the session is broken, and ssh_fail knows why.  So:
 *
 *   do
 *       rc = libssh2_...(...);
 *   while (ssh_again(s, rc, deadline));
 *   if (rc < 0)
 *       return ssh_fail(s, rc, "open a channel", errp);
 */
bool ssh_again(ssh_session *s, ssize_t rc, int64_t deadline);

/* The sleep alone, until something happens or [deadline].  False: it broke. */
bool ssh_sleep(ssh_session *s, int64_t deadline);

/* Note that the session is of no use, and why; the first reason stays.
 * Returns -1.
 */
int ssh_break(ssh_session *s, const char *why);

/* Error number of the last call, for those that return a pointer. */
int ssh_errno(const ssh_session *s, const void *result);

/* Why [doing] did not work: retry, 69, and the session is broken; or fatal,
 * 1, when the server refuses.  Returns -1.
 */
int ssh_fail(ssh_session *s, ssize_t rc, const char *doing, pe_error *errp);

/* Send what the socket takes of what waits.  -1: it broke. */
int ssh_flush(ssh_session *s);
size_t ssh_pending(const ssh_session *s); /* bytes */

/* Let the library deal with all that has arrived, with the help of [channel],
 * until the session is dry or [channel] has no more to say.  Most of its
 * functions stop at any packet and may then say "nothing", "at its end" or
 * "closed" too early; on a dry session they are right.  0, or the library's
 * error.
 *
 * A read would do it too, but not one of another size than the reads of that
 * channel: one that has to wait for new keys with an increase of the window
 * leaves it to the next, which then counts another increase than was sent.
 */
int ssh_drain(ssh_session *s, LIBSSH2_CHANNEL *channel);

/* What is due by time: call it before each sleep of one's own; it sets
 * *untilp to the time of the next call, if that is sooner.  -1: it broke.
 */
int ssh_tick(ssh_session *s, int64_t now, int64_t *untilp);
/* After each sleep of one's own. */
void ssh_woken(ssh_session *s, int64_t now);

/* --- the parts of ssh_session_open --- */

/* Connected socket; -1: retry, 69. */
int ssh_dial(const ssh_target *t, int64_t deadline, pe_error *errp);
/* Say before the handshake which host keys we know. */
struct ssh_known;
int ssh_trust_prepare(ssh_session *s, const ssh_target *t,
                      struct ssh_known *known, pe_error *errp);
/* Behind the handshake: is it the host it should be?  Fatal, 77. */
int ssh_trust_check(ssh_session *s, const ssh_target *t,
                    const struct ssh_known *known, pe_error *errp);
/* Fatal, 77, with all that was tried. */
int ssh_authenticate(ssh_session *s, const ssh_target *t, int64_t deadline,
                     pe_error *errp);

#endif
