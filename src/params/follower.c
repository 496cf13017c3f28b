/* follower.c - hear of commits as they are announced. */
#include "params.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/params/private.h"
#include "src/params/reply.h"
#include "src/params/wire.h"

struct params_follower {
    redis_link *link;
    char *channel;
    int64_t next_try_ns; /* not to connect before */
    unsigned failures;   /* in a row */
    pe_error last;       /* of the last attempt to connect */
};

static int subscribe(redis_link *l, void *arg, pe_error *errp)
{
    const params_follower *f = arg;
    const char *words[] = {"SUBSCRIBE", f->channel};
    const redis_command cmd = {2, words, NULL};
    redisReply *r;

    if (redis_link_try(l, &cmd, 1, &r, errp) < 0)
        return -1;
    int rc = redis_reply_check(r, REDIS_REPLY_ARRAY, l->name, words[0], errp);
    freeReplyObject(r);
    return rc;
}

params_follower *params_follower_open(const params_conf *c, const char *run,
                                      pe_error *errp)
{
    params_follower *f = calloc(1, sizeof(*f));

    if (!f) {
        pe_error_nomem(errp);
        return NULL;
    }
    f->channel = params_key_name(run, PARAMS_CHANNEL, errp);
    if (f->channel)
        f->link = params_link_make(c, subscribe, f, errp);
    if (!f->link || redis_link_connect(f->link, errp) < 0) {
        params_follower_close(f);
        return NULL;
    }
    return f;
}

void params_follower_close(params_follower *f)
{
    if (!f)
        return;
    redis_link_destroy(f->link);
    free(f->channel);
    free(f);
}

/* Connect again, unless the last attempt is too fresh. */
static int follower_connect(params_follower *f, int64_t deadline,
                            pe_error *errp)
{
    int64_t until = f->next_try_ns < deadline ? f->next_try_ns : deadline;

    clock_sleep_ns(until - clock_mono_ns(), 0);
    if (clock_mono_ns() >= f->next_try_ns) {
        if (redis_link_connect(f->link, &f->last) == 0) {
            f->failures = 0;
            return 0;
        }
        f->next_try_ns = clock_mono_ns() + redis_backoff_ns(f->failures++);
    }
    if (errp)
        *errp = f->last;
    return -1;
}

/* Id in a "message" of the channel; other replies and other people's words
 * are passed over.
 */
static int message_parse(const redisReply *r, char *commit)
{
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 3 ||
        r->element[0]->type != REDIS_REPLY_STRING ||
        r->element[2]->type != REDIS_REPLY_STRING ||
        strcmp(r->element[0]->str, "message") != 0)
        return -1;
    return params_announcement_parse(r->element[2]->str, r->element[2]->len,
                                     commit);
}

/* Take what has arrived.  1: *commit is the newest id of it; 0: none; -1:
 * the connection broke.
 */
static int take_arrived(redis_link *l, char *commit)
{
    int got = 0;
    void *r = NULL;

    while (redisGetReplyFromReader(l->ctx, &r) == REDIS_OK) {
        if (!r)
            return got;
        if (message_parse(r, commit) == 0)
            got = 1;
        freeReplyObject(r);
        r = NULL;
    }
    return -1;
}

/* Is there something to read, before the deadline? */
static bool readable(const redis_link *l, int64_t deadline)
{
    struct pollfd pfd = {.fd = l->ctx->fd, .events = POLLIN};
    int64_t left = deadline - clock_mono_ns();

    /* Rounded up, not to spin through the last millisecond. */
    return poll(&pfd, 1,
                left > 0 ? (int)((left + CLOCK_MS - 1) / CLOCK_MS) : 0) > 0;
}

int params_follower_wait(params_follower *f, int timeout_ms,
                         char commit[PE_COMMIT_ID_LEN + 1], pe_error *errp)
{
    int64_t deadline = clock_mono_ns() + timeout_ms * CLOCK_MS;
    int got = 0;

    if (!f->link->ctx && follower_connect(f, deadline, errp) < 0)
        return -1;
    for (;;) {
        int rc = take_arrived(f->link, commit);
        if (rc < 0)
            break;
        got |= rc;
        /* After the first one only what is there already. */
        if (!readable(f->link, got ? 0 : deadline))
            return got;
        if (redisBufferRead(f->link->ctx) != REDIS_OK)
            break;
    }
    redis_link_fail(f->link, got ? NULL : errp);
    return got ? 1 : -1;
}
