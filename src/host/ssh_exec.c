/* ssh_exec.c - shell scripts run at the other end. */
#include "ssh_exec.h"

#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/random.h"
#include "src/common/text.h"

#define SHELL "exec /bin/sh -s"
#define CHUNK 32768
#define ANSWER_MAX ((size_t)1 << 20)
#define REPLY_S 20.0 /* of the server itself: a channel, a shell started */
#define NOISE_MAX ((size_t)1 << 20) /* what a login shell may print */

/* A script under way. */
struct exec {
    ssh_session *s;
    const ssh_script *script;
    LIBSSH2_CHANNEL *channel;
    char mark[33]; /* tells our output from the login shell's */
    text out, err;
    int64_t deadline;
};

/* --- channels --- */

static int channel_open(struct exec *x, bool *sentp, pe_error *errp)
{
    int64_t deadline = ssh_deadline(REPLY_S);
    int rc;

    do {
        x->channel = libssh2_channel_open_session(x->s->raw);
        rc = ssh_errno(x->s, x->channel);
    } while (!x->channel && ssh_again(x->s, rc, deadline));
    if (!x->channel)
        return ssh_fail(x->s, rc, "open a channel", errp);
    do
        rc = libssh2_channel_exec(x->channel, SHELL);
    while (ssh_again(x->s, rc, deadline));
    if (rc < 0)
        return ssh_fail(x->s, rc, "start a shell", errp);
    *sentp = true;
    return 0;
}

/* Close it and wait, shortly, for the other side to agree. */
static void channel_close(struct exec *x)
{
    int64_t deadline = ssh_deadline(REPLY_S);
    int rc;

    if (!x->channel)
        return;
    do
        rc = libssh2_channel_free(x->channel);
    while (ssh_again(x->s, rc, deadline));
    ssh_flush(x->s);
    x->channel = NULL;
}

static int send_all(struct exec *x, const text *script, pe_error *errp)
{
    int64_t deadline = ssh_deadline(REPLY_S);
    size_t at = 0;
    ssize_t n;
    int rc;

    while (at < script->len) {
        do
            n = libssh2_channel_write(x->channel, script->data + at,
                                      script->len - at);
        while (ssh_again(x->s, n, deadline));
        if (n < 0)
            return ssh_fail(x->s, n, "send a command", errp);
        at += (size_t)n;
    }
    do
        rc = libssh2_channel_send_eof(x->channel);
    while (ssh_again(x->s, rc, deadline));
    return rc < 0 ? ssh_fail(x->s, rc, "send a command", errp) : 0;
}

/* --- what comes back --- */

/* Read of one stream what there is: bytes, or an error, EAGAIN too. */
static ssize_t stream_read(struct exec *x, int stream, text *into)
{
    char chunk[CHUNK];
    ssize_t n =
        libssh2_channel_read_ex(x->channel, stream, chunk, sizeof(chunk));

    if (n > 0)
        text_add_bytes(into, chunk, (size_t)n);
    return n;
}

/* Both streams.  1: they are at their end; 0: sleep first; -1.  0 bytes are
 * no end: the library says so also when it has read a packet of another kind.
 * It is asked until it has nothing, since no sleep would end for what it has
 * read ahead.
 */
static int streams_read(struct exec *x, pe_error *errp)
{
    size_t max = (x->script->max ? x->script->max : ANSWER_MAX) + NOISE_MAX;

    while (libssh2_channel_eof(x->channel) != 1) {
        ssize_t out = stream_read(x, 0, &x->out);
        ssize_t err = stream_read(x, SSH_EXTENDED_DATA_STDERR, &x->err);
        if (out < 0 && out != LIBSSH2_ERROR_EAGAIN)
            return ssh_fail(x->s, out, "read an answer", errp);
        if (err < 0 && err != LIBSSH2_ERROR_EAGAIN)
            return ssh_fail(x->s, err, "read an answer", errp);
        if (x->out.failed || x->err.failed)
            return pe_error_nomem(errp);
        if (x->out.len > max || x->err.len > max)
            return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                                "%s: %s says more than %zu bytes", x->s->name,
                                x->script->what, max - NOISE_MAX);
        if (out < 0 && err < 0)
            return 0;
    }
    return 1;
}

static int follow(struct exec *x, pe_error *errp)
{
    int over;

    while ((over = streams_read(x, errp)) == 0) {
        if (clock_mono_ns() >= x->deadline)
            return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                                "%s: no answer within %g s: the command was "
                                "stopped",
                                x->s->name, x->script->timeout_s);
        if (!ssh_sleep(x->s, x->deadline))
            return ssh_fail(x->s, LIBSSH2_ERROR_EAGAIN, "read an answer", errp);
    }
    return over < 0 ? -1 : 0;
}

/* --- status --- */

static int status_of_signal(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } signals[] = {
        {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"FPE", SIGFPE},
        {"HUP", SIGHUP},   {"ILL", SIGILL},   {"INT", SIGINT},
        {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"QUIT", SIGQUIT},
        {"SEGV", SIGSEGV}, {"TERM", SIGTERM}, {"USR1", SIGUSR1},
        {"USR2", SIGUSR2},
    };

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        if (!strcmp(signals[i].name, name))
            return 128 + signals[i].number;
    return 255; /* one that the protocol has no name for */
}

/* Status and signal come before the close, and may come behind the end of
 * output.
 */
static int status_read(struct exec *x, int *statusp, pe_error *errp)
{
    int64_t deadline = ssh_deadline(REPLY_S);
    char *name = NULL;
    int rc;

    do {
        rc = ssh_drain(x->s, x->channel);
        if (rc == 0)
            rc = libssh2_channel_wait_closed(x->channel);
    } while (ssh_again(x->s, rc, deadline));
    if (rc < 0)
        return ssh_fail(x->s, rc, "get the end of a command", errp);
    libssh2_channel_get_exit_signal(x->channel, &name, NULL, NULL, NULL, NULL,
                                    NULL);
    *statusp = name ? status_of_signal(name)
                    : libssh2_channel_get_exit_status(x->channel);
    if (name)
        libssh2_free(x->s->raw, name);
    return 0;
}

/* --- begin and end --- */

static void script_make(const struct exec *x, text *out)
{
    text_add(out,
             "{ began() {\n"
             "printf '\\n%s %%s %%s\\n' \"$$\" \"$1\"; printf '\\n%s\\n' >&2\n"
             "}\n"
             "%s"
             "exit; }\n",
             x->mark, x->mark, x->script->body);
}

/* Behind our mark and its line; NULL: it is not there. */
static char *behind_mark(const text *t, const char *mark)
{
    char *at = t->data ? memmem(t->data, t->len, mark, strlen(mark)) : NULL;
    char *end = at ? memchr(at, '\n', t->len - (size_t)(at - t->data)) : NULL;

    return end ? end + 1 : NULL;
}

/* Move what is behind [from] into new memory of the answer. */
static char *cut(text *t, const char *from, size_t *lenp)
{
    *lenp = t->len - (size_t)(from - t->data);
    memmove(t->data, from, *lenp + 1);
    char *data = t->data;
    *t = (text){0};
    return data;
}

static int no_shell(const struct exec *x, pe_error *errp)
{
    const char *said = x->err.len ? x->err.data : x->out.data;

    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                        "%s runs no commands for this user; its login shell "
                        "says '%.*s'",
                        x->s->name, said ? (int)strcspn(said, "\r\n") : 0,
                        said ? said : "");
}

static int answer_take(struct exec *x, char word[32], host_answer *a,
                       pe_error *errp)
{
    char *out = behind_mark(&x->out, x->mark);
    char *err = behind_mark(&x->err, x->mark);

    if (!out || !err || status_read(x, &a->status, errp) < 0)
        return out && err ? -1 : no_shell(x, errp);
    char *line = memmem(x->out.data, x->out.len, x->mark, strlen(x->mark));
    if (sscanf(line + strlen(x->mark), " %*d %31s", word) != 1)
        return no_shell(x, errp);
    a->out = cut(&x->out, out, &a->out_len);
    a->err = cut(&x->err, err, &a->err_len);
    return 0;
}

static int exec_once(struct exec *x, char word[32], host_answer *a, bool *sentp,
                     pe_error *errp)
{
    text script = {0};
    int status = -1;

    script_make(x, &script);
    if (script.failed)
        pe_error_nomem(errp);
    else if (channel_open(x, sentp, errp) == 0 &&
             send_all(x, &script, errp) == 0 && follow(x, errp) == 0)
        status = answer_take(x, word, a, errp);
    text_free(&script);
    return status;
}

/* A command that goes on without us: its processes are a group, or at least
 * one of them is known.
 */
static void stop(struct exec *x)
{
    char *line = x->out.data
                     ? memmem(x->out.data, x->out.len, x->mark, strlen(x->mark))
                     : NULL;
    char body[256], word[32];
    host_answer a = {0};
    int pid;

    if (x->s->broken || !line ||
        sscanf(line + strlen(x->mark), " %d", &pid) != 1 || pid <= 1)
        return;
    snprintf(body, sizeof(body),
             "began ok\n"
             "for s in TERM KILL; do\n"
             "kill -s $s -- -%d 2>/dev/null || kill -s $s %d 2>/dev/null || "
             "exit 0\n"
             "[ $s = KILL ] || sleep 1\n"
             "done\n",
             pid, pid);
    const ssh_script end = {.body = body, .timeout_s = REPLY_S, .what = "kill"};
    struct exec k = {.s = x->s, .script = &end};
    bool sent;
    memcpy(k.mark, x->mark, sizeof(k.mark));
    k.deadline = ssh_deadline(end.timeout_s);
    exec_once(&k, word, &a, &sent, NULL);
    channel_close(&k);
    text_free(&k.out);
    text_free(&k.err);
    host_answer_free(&a);
}

int ssh_exec(ssh_session *s, const ssh_script *script, char word[32],
             host_answer *a, bool *sentp, pe_error *errp)
{
    struct exec x = {.s = s, .script = script};
    bool sent = false;
    int status = -1;

    *word = '\0';
    *a = (host_answer){0};
    x.deadline = ssh_deadline(script->timeout_s);
    if (random_id(x.mark, 16, errp) == 0)
        status = exec_once(&x, word, a, &sent, errp);
    if (status < 0 && x.channel)
        stop(&x);
    channel_close(&x);
    text_free(&x.out);
    text_free(&x.err);
    if (status < 0)
        host_answer_free(a);
    if (sentp)
        *sentp = sent;
    return status;
}
