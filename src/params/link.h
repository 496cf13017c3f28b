/* link.h - a connection to Redis that mends itself. */
#ifndef PARAMS_LINK_H
#define PARAMS_LINK_H

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdbool.h>

#include "src/common/url.h"
#include "src/params/params.h"

typedef struct params_link params_link;

/* What a new connection needs beyond AUTH: a script, a subscription.  Called
 * each time one is made; talks through params_link_try only.  0, or -1.
 */
typedef int (*params_setup_f)(params_link *l, void *arg, pe_error *errp);

/* One thread at a time.  Programs ignore SIGPIPE: the client write()s. */
struct params_link {
    redisContext *ctx; /* NULL: not connected */
    bool timed_out;    /* ctx went because a reply did not come in time */
    char *name;        /* the URL as the user gave it */
    char *from;        /* who named it; NULL: nobody knows */
    url url;
    char *user, *password_file; /* NULL: none */
    char *folder; /* of a server on this host, where it is known; or NULL */
    double connect_s, command_s;
    struct login_tls *tls;       /* of rediss://; NULL: in the clear */
    struct login_tls_line *line; /* under ctx, where there is tls */
    params_dial_f dial;          /* NULL: none */
    void *dial_arg;
    params_setup_f setup; /* may be NULL */
    void *arg;
    pthread_mutex_t lock; /* for what follows */
    int fd;               /* of ctx, as long as it may be cut; -1 */
    bool cut;             /* nothing is asked any more */
};

/* One command; lens NULL: every word ends with NUL. */
typedef struct params_command {
    int argc;
    const char **argv;
    const size_t *lens;
} params_command;

/* New, not yet connected link.  [c] is copied.  Errors: input, 78, for a URL
 * that is none of redis://HOST:PORT, rediss://HOST:PORT and unix:///PATH; those
 * of login_tls_open.
 */
params_link *params_link_create(const params_conf *c, params_setup_f setup,
                                void *arg, pe_error *errp);
void params_link_destroy(params_link *l); /* may be NULL */

/* Connect once: dial, time-outs, keep-alive, AUTH, PING, setup.  Errors:
 * retry, 69, not reached; what the server says to AUTH and PING; setup's.
 */
int params_link_connect(params_link *l, pe_error *errp);

/* Is the server on this host? */
bool params_link_is_local(const params_link *l);

/* Close the connection; the next call makes a new one. */
void params_link_drop(params_link *l);

/* From any thread: whoever waits for an answer waits no longer, and nothing is
 * asked any more.
 */
void params_link_cut(params_link *l);

/* Close the connection after a failed client call and say why: retry, 69; or
 * fatal, 78, when the other side does not speak the protocol.  Returns -1.
 */
int params_link_fail(params_link *l, pe_error *errp);

/* Nanoseconds to wait before attempt [n] (0, 1, ...) to connect again: 50 ms
 * doubling up to 2 s, a quarter of it random so that clients spread out.
 */
int64_t params_backoff_ns(unsigned n);

/* Send [n] commands at once and read their [n] replies, on the connection as
 * it is.  Error replies are replies.  The caller frees them (with
 * params_replies_free); on error there are none.
 */
int params_link_try(params_link *l, const params_command *cmds, size_t n,
                    redisReply **replies, pe_error *errp);
void params_replies_free(redisReply **replies, size_t n);

/* The same, but a connection that is not there or breaks is made again, with
 * back-off, and all commands are sent once more: they must be idempotent.  A
 * reply that does not come in time is an error at once.  Errors: retry, 69,
 * and the outcome is unknown.
 */
int params_link_call(params_link *l, const params_command *cmds, size_t n,
                     redisReply **replies, pe_error *errp);

/* One idempotent command of NULL-ended words.  Its reply, which is of [type]
 * or nil; NULL on error, also for an error reply.
 */
redisReply *params_link_ask(params_link *l, int type, pe_error *errp, ...)
    __attribute__((sentinel));

/* [n] (at most PARAMS_MULTI_MAX) idempotent commands as one transaction: an
 * array of their replies, none of which is an error.  NULL on error.
 */
#define PARAMS_MULTI_MAX 4
redisReply *params_link_multi(params_link *l, const params_command *cmds,
                              size_t n, pe_error *errp);

#endif
