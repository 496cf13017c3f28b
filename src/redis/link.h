/* link.h - a connection to Redis that mends itself. */
#ifndef REDIS_LINK_H
#define REDIS_LINK_H

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdbool.h>

#include "src/common/url.h"
#include "src/redis/reply.h"

typedef struct redis_link redis_link;

/* A connected stream socket to [host]:[port], which the caller closes; -1. */
typedef int (*redis_dial_f)(void *arg, const char *host, int port,
                            pe_error *errp);

/* How a server is reached; strings are borrowed during the call only. */
typedef struct redis_conf {
    const char *url;    /* redis://HOST:PORT, rediss://HOST:PORT (TLS) or
                           unix:///PATH */
    const char *logins; /* path of a file of them (src/login), which has what
                           TLS needs; NULL: none */
    const char *list;   /* of that file */
    const char *from;   /* who named it, for error texts; NULL: nobody knows */
    const char *user;   /* NULL: the one of the URL, else the default user */
    const char *password;
    const char *password_file; /* read at each connect; NULL: none */
    double connect_timeout_s;  /* 0: 5 s */
    double command_timeout_s;  /* 0: 10 s */
    redis_dial_f dial; /* makes the connections to redis:// URLs; NULL: we do */
    void *dial_arg;    /* has to live as long as the link */
} redis_conf;

/* What a new connection needs beyond AUTH: a script, a subscription.  Called
 * each time one is made; talks through redis_link_try only.  0, or -1.
 */
typedef int (*redis_setup_f)(redis_link *l, void *arg, pe_error *errp);

/* One thread at a time.  Programs ignore SIGPIPE: the client write()s. */
struct redis_link {
    redisContext *ctx; /* NULL: not connected */
    bool timed_out;    /* ctx went because a reply did not come in time */
    char *name;        /* the URL as the user gave it, and as whom */
    char *from;        /* who named it; NULL: nobody knows */
    url url;
    char *user, *password, *password_file; /* NULL: none */
    char *logins;     /* they stand in there; NULL: they do not */
    const char *list; /* of that, a constant */
    char *endpoint;   /* under this name */
    char *folder;     /* of a server on this host, where it is known; or NULL */
    double connect_s, command_s;
    struct login_tls *tls;       /* of rediss://; NULL: in the clear */
    struct login_tls_line *line; /* under ctx, where there is tls */
    redis_dial_f dial;           /* NULL: none */
    void *dial_arg;
    redis_setup_f setup; /* may be NULL */
    void *arg;
    pthread_mutex_t lock; /* for what follows */
    int fd;               /* of ctx, as long as it may be cut; -1 */
    bool cut;             /* nothing is asked any more */
};

/* One command; lens NULL: every word ends with NUL. */
typedef struct redis_command {
    int argc;
    const char **argv;
    const size_t *lens;
} redis_command;

/* New, not yet connected link.  [c] is copied.  Errors: input, 78, for a URL
 * that is none of redis://HOST:PORT, rediss://HOST:PORT and unix:///PATH; those
 * of login_tls_open.
 */
redis_link *redis_link_create(const redis_conf *c, redis_setup_f setup,
                              void *arg, pe_error *errp);
void redis_link_destroy(redis_link *l); /* may be NULL */

/* Connect once: dial, time-outs, keep-alive, AUTH, PING, setup.  Errors:
 * retry, 69, not reached; what the server says to AUTH and PING; setup's.
 */
int redis_link_connect(redis_link *l, pe_error *errp);

/* Is the server on this host? */
bool params_link_is_local(const redis_link *l);

/* Close the connection; the next call makes a new one. */
void redis_link_drop(redis_link *l);

/* From any thread: whoever waits for an answer waits no longer, and nothing is
 * asked any more.
 */
void redis_link_cut(redis_link *l);

/* Close the connection after a failed client call and say why: retry, 69; or
 * fatal, 78, when the other side does not speak the protocol.  Returns -1.
 */
int redis_link_fail(redis_link *l, pe_error *errp);

/* Nanoseconds to wait before attempt [n] (0, 1, ...) to connect again: 50 ms
 * doubling up to 2 s, a quarter of it random so that clients spread out.
 */
int64_t redis_backoff_ns(unsigned n);

/* Send [n] commands at once and read their [n] replies, on the connection as
 * it is.  Error replies are replies.  The caller frees them (with
 * redis_replies_free); on error there are none.
 */
int redis_link_try(redis_link *l, const redis_command *cmds, size_t n,
                   redisReply **replies, pe_error *errp);
void redis_replies_free(redisReply **replies, size_t n);

/* The same, but a connection that is not there or breaks is made again, with
 * back-off, and all commands are sent once more: they must be idempotent.  A
 * reply that does not come in time is an error at once.  Errors: retry, 69,
 * and the outcome is unknown.
 */
int redis_link_call(redis_link *l, const redis_command *cmds, size_t n,
                    redisReply **replies, pe_error *errp);

/* One idempotent command of NULL-ended words.  Its reply, which is of [type]
 * or nil; NULL on error, also for an error reply.
 */
redisReply *redis_link_ask(redis_link *l, int type, pe_error *errp, ...)
    __attribute__((sentinel));

/* [n] (at most REDIS_MULTI_MAX) idempotent commands as one transaction: an
 * array of their replies, none of which is an error.  NULL on error.
 */
#define REDIS_MULTI_MAX 4
redisReply *redis_link_multi(redis_link *l, const redis_command *cmds, size_t n,
                             pe_error *errp);

#endif
