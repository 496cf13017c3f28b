/* settle.c - a server that was started anew writes its log anew first.
 *
 * A batch stands between MULTI and EXEC in the append-only file.  Torn in it,
 * the file is cut behind the last whole command, so that the MULTI stays open,
 * and what is acknowledged from then on is behind it: the next start takes it
 * for a part of that batch, which nobody was told of.  No client sees whether a
 * log was torn; a log that is written anew has nothing of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/stream/stream.h"
#include "src/common/clock.h"
#include "src/common/log.h"

#define LOOK_NS (20 * CLOCK_MS)

/* What INFO persistence says of the log. */
typedef struct aof {
    bool on, busy, done; /* done: written anew since the start */
} aof;

/* The word behind "[name]:" at the front of a line; "": there is none. */
static const char *fact(const char *info, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = info; at && *at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (!strncmp(at, name, len) && at[len] == ':')
            return at + len + 1;
    }
    return "";
}

static int look(redis_link *l, aof *out, pe_error *errp)
{
    const char *words[] = {"INFO", "persistence"}, *info;
    const redis_command cmd = {2, words, NULL};
    redisReply *r;
    int rc;

    if (redis_link_try(l, &cmd, 1, &r, errp) < 0)
        return -1;
    rc = redis_reply_check(r, REDIS_REPLY_STRING, l->name, "INFO", errp);
    info = rc == 0 ? r->str : "";
    out->on = *fact(info, "aof_enabled") == '1';
    out->busy = *fact(info, "aof_rewrite_in_progress") == '1' ||
                *fact(info, "aof_rewrite_scheduled") == '1';
    out->done = *fact(info, "aof_last_rewrite_time_sec") != '-' &&
                !strncmp(fact(info, "aof_last_bgrewrite_status"), "ok", 2);
    redis_replies_free(&r, 1);
    return rc;
}

static int begin(redis_link *l, pe_error *errp)
{
    const char *words[] = {"BGREWRITEAOF"};
    const redis_command cmd = {1, words, NULL};
    redisReply *r;
    int rc = 0;

    if (redis_link_try(l, &cmd, 1, &r, errp) < 0)
        return -1;
    if (redis_reply_is_error(r, "NOPERM"))
        rc = redis_refusal_set(errp, l->name, r->str, 0);
    else if (r->type == REDIS_REPLY_ERROR) /* another client was first */
        log_debug("broker %s: BGREWRITEAOF: %s", l->name, r->str);
    redis_replies_free(&r, 1);
    return rc;
}

int stream_log_settle(redis_link *l, pe_error *errp)
{
    int64_t limit = clock_mono_ns() + (int64_t)(l->command_s * 1e9);
    aof a;

    if (look(l, &a, errp) < 0)
        return -1;
    if (a.on && !a.done && !a.busy && begin(l, errp) < 0)
        return -1;
    while (a.on && !a.done) {
        if (clock_mono_ns() > limit)
            return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                                "%s writes its log anew behind its start, and "
                                "is not done yet: has its disk room for it?",
                                l->name);
        clock_sleep_ns(LOOK_NS, 0);
        if (look(l, &a, errp) < 0)
            return -1;
    }
    return 0;
}
