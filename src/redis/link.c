/* link.c - a connection to Redis that mends itself. */
#include "src/redis/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/login/login.h"
#include "src/login/tls.h"

#define CONNECT_S 5.0  /* default time-outs */
#define COMMAND_S 10.0 /* well above a model of 20 MB, 0.2 s */
#define REDIS_PORT 6379
#define RECONNECT_TRIES 5 /* 50 + 100 + 200 + 400 ms: a restart takes less */
#define ASK_WORDS 8

/* --- create and destroy --- */

static int refuse_url(pe_error *errp, const char *name, const char *why)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "'%s' %s; write redis://HOST:PORT, rediss://HOST:PORT "
                        "(TLS) or unix:///PATH in pilots.NAME.endpoint",
                        name, why);
}

static int check_url(const url *u, const char *name, pe_error *errp)
{
    struct sockaddr_un address;

    if (!strcmp(u->scheme, "unix")) {
        if (*u->host || u->path[0] != '/')
            return refuse_url(errp, name, "names no socket");
        /* The client would silently use a part of it. */
        if (strlen(u->path) >= sizeof(address.sun_path))
            return refuse_url(errp, name, "is too long for a socket's path");
        return 0;
    }
    if (strcmp(u->scheme, "redis") != 0 && strcmp(u->scheme, "rediss") != 0)
        return refuse_url(errp, name, "is no address of a Redis");
    if (!*u->host)
        return refuse_url(errp, name, "names no host");
    if (*u->path && strcmp(u->path, "/") != 0)
        return refuse_url(errp, name,
                          "names a database, and a run uses "
                          "database 0");
    return 0;
}

static int copy_text(char **top, const char *from, pe_error *errp)
{
    if (from && !(*top = strdup(from)))
        return pe_error_nomem(errp);
    return 0;
}

/* Who we are, where the file of logins says it: it goes before what the
 * caller says.
 */
static int take_login(redis_link *l, const redis_conf *c, pe_error *errp)
{
    login *found = NULL;
    const char *user;
    int rc = 0;

    if (c->logins && login_open(c->logins, c->list, c->url, &found, errp) < 0)
        return -1;
    user = found ? login_text(found, "user") : NULL;
    l->list = c->list;
    if (user && copy_text(&l->logins, c->logins, errp) == 0 &&
        copy_text(&l->endpoint, c->url, errp) == 0)
        rc = copy_text(&l->user, user, errp);
    else if (user)
        rc = -1;
    login_close(found);
    return rc;
}

/* As error texts call it. */
static int make_name(redis_link *l, const char *where, pe_error *errp)
{
    l->name = l->user ? text_format("%s as '%s'", where, l->user)
                      : text_format("%s", where);
    return l->name ? 0 : pe_error_nomem(errp);
}

redis_link *redis_link_create(const redis_conf *c, redis_setup_f setup,
                              void *arg, pe_error *errp)
{
    redis_link *l = calloc(1, sizeof(*l));

    if (!l) {
        pe_error_nomem(errp);
        return NULL;
    }
    l->setup = setup;
    l->arg = arg;
    l->fd = -1;
    pthread_mutex_init(&l->lock, NULL);
    l->connect_s = c->connect_timeout_s > 0 ? c->connect_timeout_s : CONNECT_S;
    l->dial = c->dial;
    l->dial_arg = c->dial_arg;
    l->command_s = c->command_timeout_s > 0 ? c->command_timeout_s : COMMAND_S;
    if (url_parse(c->url, &l->url, errp) < 0 ||
        check_url(&l->url, c->url, errp) < 0 ||
        copy_text(&l->from, c->from, errp) < 0 || take_login(l, c, errp) < 0)
        goto error;
    if (!l->logins &&
        (copy_text(&l->password_file, c->password_file, errp) < 0 ||
         copy_text(&l->password, c->password, errp) < 0 ||
         copy_text(&l->user, c->user, errp) < 0))
        goto error;
    if (!l->user && *l->url.user && copy_text(&l->user, l->url.user, errp) < 0)
        goto error;
    if (make_name(l, c->url, errp) < 0)
        goto error;
    if (!strcmp(l->url.scheme, "rediss") &&
        !(l->tls = login_tls_open(c->logins, c->list, c->url, errp))) {
        pe_error_prefix(errp, "Redis at %s", c->url);
        goto error;
    }
    return l;
error:
    redis_link_destroy(l);
    return NULL;
}

void redis_link_destroy(redis_link *l)
{
    if (!l)
        return;
    redis_link_drop(l);
    login_tls_close(l->tls);
    pthread_mutex_destroy(&l->lock);
    free(l->name);
    free(l->from);
    free(l->user);
    free(l->password_file);
    if (l->password)
        explicit_bzero(l->password, strlen(l->password));
    free(l->password);
    free(l->logins);
    free(l->endpoint);
    free(l->folder);
    free(l);
}

void redis_link_drop(redis_link *l)
{
    pthread_mutex_lock(&l->lock);
    l->fd = -1;
    pthread_mutex_unlock(&l->lock);
    if (l->ctx)
        redisFree(l->ctx);
    l->ctx = NULL;
    login_tls_hang_up(l->line);
    l->line = NULL;
}

void redis_link_cut(redis_link *l)
{
    pthread_mutex_lock(&l->lock);
    l->cut = true;
    if (l->fd >= 0)
        shutdown(l->fd, SHUT_RDWR);
    pthread_mutex_unlock(&l->lock);
}

static bool is_cut(redis_link *l)
{
    bool cut;

    pthread_mutex_lock(&l->lock);
    cut = l->cut;
    pthread_mutex_unlock(&l->lock);
    return cut;
}

/* The new connection may be cut from now on, and may have been before. */
static int guard(redis_link *l, pe_error *errp)
{
    bool cut;

    pthread_mutex_lock(&l->lock);
    cut = l->cut;
    l->fd = cut ? -1 : l->ctx->fd;
    pthread_mutex_unlock(&l->lock);
    if (!cut)
        return 0;
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "Redis at %s is not asked any more", l->name);
}

bool params_link_is_local(const redis_link *l)
{
    const char *host = l->url.host;

    return !l->dial &&
           (!strcmp(l->url.scheme, "unix") || !strcmp(host, "localhost") ||
            !strcmp(host, "::1") || !strncmp(host, "127.", 4));
}

/* --- errors of the connection --- */

#define FULL_BYTES (UINT64_C(1) << 20) /* a commit has no room in so little */

/* A server whose log cannot be written ends: what then looks like one that
 * nobody has started.
 */
static bool is_disk_full(const redis_link *l)
{
    struct statvfs s;

    return l->folder && statvfs(l->folder, &s) == 0 &&
           (uint64_t)s.f_bavail * s.f_frsize < FULL_BYTES;
}

static int unreachable(const redis_link *l, pe_error *errp)
{
    const char *why = l->ctx ? l->ctx->errstr : "no memory for it";
    char words[sizeof(l->ctx->errstr)] = "";
    char fix[400] = "start one with `pilot services start`, or set "
                    "pilots.NAME.endpoint";

    snprintf(words, sizeof(words), "%s", why);
    if (*words >= 'A' && *words <= 'Z')
        *words = (char)(*words - 'A' + 'a');
    if (is_disk_full(l))
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "Redis at %s cannot be reached (%s): its disk is "
                            "full; free some space in %s and start it again",
                            l->name, words, l->folder);
    if (l->from)
        snprintf(fix, sizeof(fix),
                 "start it, or name another endpoint (this one: %s)", l->from);
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "Redis at %s cannot be reached (%s): is it running? %s",
                        l->name, words, fix);
}

/* errno is that of the failed client call. */
int redis_link_fail(redis_link *l, pe_error *errp)
{
    int code = l->ctx->err;

    l->timed_out =
        code == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (code == REDIS_ERR_PROTOCOL)
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                     "what listens at %s is no Redis (%s): %s%s%s", l->name,
                     l->ctx->errstr,
                     l->from ? "name another endpoint (this one: "
                             : "set pilots.NAME.endpoint",
                     l->from ? l->from : "", l->from ? ")" : "");
    else if (l->timed_out)
        pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                     "Redis at %s did not answer within %g s: is it stopped, "
                     "or its disk too slow?",
                     l->name, l->command_s);
    else
        pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                     "the connection to Redis at %s broke (%s): is it still "
                     "running?",
                     l->name, l->ctx->errstr);
    redis_link_drop(l);
    return -1;
}

/* --- connect --- */

static struct timeval to_timeval(double s)
{
    struct timeval tv = {.tv_sec = (time_t)s};

    tv.tv_usec = (suseconds_t)((s - (double)tv.tv_sec) * 1e6);
    return tv;
}

/* A context on a connection that somebody else makes, or NULL. */
static redisContext *dial_foreign(redis_link *l, int port, pe_error *errp)
{
    int fd = l->dial(l->dial_arg, l->url.host, port, errp);

    if (fd < 0) {
        pe_error_prefix(errp, "Redis at %s cannot be reached", l->name);
        return NULL;
    }
    redisContext *ctx = redisConnectFd(fd);
    if (!ctx) {
        close(fd);
        pe_error_nomem(errp);
    }
    return ctx;
}

/* Put TLS under the connection that there is. */
static int dial_tls(redis_link *l, pe_error *errp)
{
    int fd = fcntl(l->ctx->fd, F_DUPFD_CLOEXEC, 0), plain;

    redisFree(l->ctx);
    l->ctx = NULL;
    if (fd < 0)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "no descriptor for Redis at %s: raise `ulimit -n`",
                            l->name);
    l->line =
        login_tls_dial(l->tls, fd, l->url.host, l->connect_s, &plain, errp);
    if (!l->line)
        return pe_error_prefix(errp, "Redis at %s", l->name);
    l->ctx = redisConnectFd(plain);
    if (l->ctx && redisSetTimeout(l->ctx, to_timeval(l->command_s)) == REDIS_OK)
        return 0;
    if (!l->ctx)
        close(plain);
    return pe_error_nomem(errp);
}

static int dial(redis_link *l, pe_error *errp)
{
    struct timeval connect = to_timeval(l->connect_s);
    struct timeval command = to_timeval(l->command_s);
    bool local = !strcmp(l->url.scheme, "unix");
    bool foreign = l->dial && !local;
    int port = l->url.port ? l->url.port : REDIS_PORT;

    if (foreign)
        l->ctx = dial_foreign(l, port, errp);
    else
        l->ctx = local ? redisConnectUnixWithTimeout(l->url.path, connect)
                       : redisConnectWithTimeout(l->url.host, port, connect);
    if (foreign && !l->ctx)
        return -1;
    if (!l->ctx || l->ctx->err)
        return unreachable(l, errp);
    /* A program that this process starts must not hold the connection. */
    if (fcntl(l->ctx->fd, F_SETFD, FD_CLOEXEC) < 0 ||
        redisSetTimeout(l->ctx, command) != REDIS_OK ||
        (!local && !foreign && redisEnableKeepAlive(l->ctx) != REDIS_OK))
        return unreachable(l, errp);
    return l->tls ? dial_tls(l, errp) : 0;
}

/* One command on the new connection that is to be answered with [want]. */
static int greet(redis_link *l, redis_command cmd, const char *want, int secret,
                 pe_error *errp)
{
    redisReply *r;
    int rc;

    if (redis_link_try(l, &cmd, 1, &r, errp) < 0)
        return -1;
    if (r->type == REDIS_REPLY_ERROR)
        rc = redis_refusal_set(errp, l->name, r->str, secret);
    else
        rc = redis_reply_check(r, REDIS_REPLY_STATUS, l->name, want, errp);
    freeReplyObject(r);
    return rc;
}

/* Read anew each time: it may have been changed. */
static char *password_read(const redis_link *l, pe_error *errp)
{
    login *found = NULL;
    const char *password;
    char *copy;

    if (!l->logins)
        return file_read_secret(l->password_file, errp);
    if (login_open(l->logins, l->list, l->endpoint, &found, errp) < 0)
        return NULL;
    password = found ? login_text(found, "password") : NULL;
    copy = strdup(password ? password : "");
    login_close(found);
    if (!copy)
        pe_error_nomem(errp);
    return copy;
}

static int authenticate(redis_link *l, pe_error *errp)
{
    const char *words[3] = {"AUTH"};
    redis_command cmd = {1, words, NULL};
    char *password = l->password ? strdup(l->password) : NULL;

    if (l->password && !password)
        return pe_error_nomem(errp);
    if (!l->user && !l->password_file && !password)
        return 0;
    if (l->logins || l->password_file) {
        free(password);
        password = password_read(l, errp);
        if (!password)
            return -1;
    }
    if (l->user)
        words[cmd.argc++] = l->user;
    words[cmd.argc++] = password ? password : "";
    int rc = greet(l, cmd, "AUTH", 1, errp);
    if (password)
        explicit_bzero(password, strlen(password));
    free(password);
    return rc;
}

int redis_link_connect(redis_link *l, pe_error *errp)
{
    const char *ping = "PING";

    redis_link_drop(l);
    if (dial(l, errp) == 0 && guard(l, errp) == 0 &&
        authenticate(l, errp) == 0 &&
        greet(l, (redis_command){1, &ping, NULL}, ping, 0, errp) == 0 &&
        (!l->setup || l->setup(l, l->arg, errp) == 0))
        return 0;
    redis_link_drop(l);
    return -1;
}

int64_t redis_backoff_ns(unsigned n)
{
    return clock_backoff_apart_ns(n, 50 * CLOCK_MS, 2 * CLOCK_S);
}

/* Connect, again and again for a short while, as long as it may help. */
static int reconnect(redis_link *l, pe_error *errp)
{
    int64_t deadline = clock_mono_ns() + (int64_t)(l->connect_s * 1e9);
    pe_error e;

    for (unsigned n = 0; redis_link_connect(l, &e) < 0; n++) {
        if (e.kind != PE_ERROR_RETRY || n + 1 == RECONNECT_TRIES || is_cut(l) ||
            clock_mono_ns() + redis_backoff_ns(n) > deadline) {
            if (errp)
                *errp = e;
            return -1;
        }
        clock_sleep_ns(redis_backoff_ns(n), 1);
    }
    return 0;
}

/* --- commands --- */

void redis_replies_free(redisReply **replies, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (replies[i])
            freeReplyObject(replies[i]);
        replies[i] = NULL;
    }
}

int redis_link_try(redis_link *l, const redis_command *cmds, size_t n,
                   redisReply **replies, pe_error *errp)
{
    int rc = REDIS_OK;

    memset(replies, 0, n * sizeof(*replies));
    for (size_t i = 0; i < n && rc == REDIS_OK; i++)
        rc = redisAppendCommandArgv(l->ctx, cmds[i].argc, cmds[i].argv,
                                    cmds[i].lens);
    for (size_t i = 0; i < n && rc == REDIS_OK; i++) {
        void *reply = NULL;
        rc = redisGetReply(l->ctx, &reply);
        replies[i] = reply;
    }
    if (rc == REDIS_OK)
        return 0;
    redis_link_fail(l, errp);
    redis_replies_free(replies, n);
    return -1;
}

int redis_link_call(redis_link *l, const redis_command *cmds, size_t n,
                    redisReply **replies, pe_error *errp)
{
    bool fresh = !l->ctx;

    if (fresh && reconnect(l, errp) < 0)
        return -1;
    if (redis_link_try(l, cmds, n, replies, errp) == 0)
        return 0;
    if (fresh || l->timed_out || reconnect(l, errp) < 0)
        return -1;
    return redis_link_try(l, cmds, n, replies, errp);
}

redisReply *redis_link_ask(redis_link *l, int type, pe_error *errp, ...)
{
    const char *words[ASK_WORDS];
    redis_command cmd = {0, words, NULL};
    redisReply *r;
    va_list ap;

    va_start(ap, errp);
    while (cmd.argc < ASK_WORDS && (words[cmd.argc] = va_arg(ap, char *)))
        cmd.argc++;
    va_end(ap);
    if (redis_link_call(l, &cmd, 1, &r, errp) < 0)
        return NULL;
    if (r->type == REDIS_REPLY_NIL ||
        redis_reply_check(r, type, l->name, words[0], errp) == 0)
        return r;
    freeReplyObject(r);
    return NULL;
}

/* The replies of MULTI, the queued commands, and EXEC. */
static int check_multi(const redis_link *l, redisReply **r, size_t n,
                       pe_error *errp)
{
    redisReply *exec = r[n - 1];

    for (size_t i = 0; i < n - 1; i++)
        if (redis_reply_check(r[i], REDIS_REPLY_STATUS, l->name, "MULTI",
                              errp) < 0)
            return -1;
    if (redis_reply_check(exec, REDIS_REPLY_ARRAY, l->name, "EXEC", errp) < 0)
        return -1;
    if (exec->elements != n - 2)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "Redis at %s answers EXEC with %zu replies "
                            "instead of %zu",
                            l->name, exec->elements, n - 2);
    for (size_t i = 0; i < exec->elements; i++)
        if (exec->element[i]->type == REDIS_REPLY_ERROR)
            return redis_refusal_set(errp, l->name, exec->element[i]->str, 0);
    return 0;
}

redisReply *redis_link_multi(redis_link *l, const redis_command *cmds, size_t n,
                             pe_error *errp)
{
    const char *multi = "MULTI", *exec = "EXEC";
    redis_command all[REDIS_MULTI_MAX + 2] = {{1, &multi, NULL}};
    redisReply *r[REDIS_MULTI_MAX + 2];
    redisReply *out = NULL;

    for (size_t i = 0; i < n; i++)
        all[i + 1] = cmds[i];
    all[n + 1] = (redis_command){1, &exec, NULL};
    if (redis_link_call(l, all, n + 2, r, errp) < 0)
        return NULL;
    if (check_multi(l, r, n + 2, errp) == 0) {
        out = r[n + 1];
        r[n + 1] = NULL;
    }
    redis_replies_free(r, n + 2);
    return out;
}
