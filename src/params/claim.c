/* claim.c - whose a run is: of one home, which may be seen from many hosts. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/params/private.h"
#include "src/params/reply.h"

/* The four words of a claim; the last one, a path, may have blanks. */
typedef struct claim {
    char *text; /* what the others point into */
    const char *id, *since, *host, *home;
} claim;

static int claim_parse(const char *text, claim *c)
{
    const char **words[] = {&c->id, &c->since, &c->host, &c->home};
    char *at = strdup(text);

    *c = (claim){.text = at};
    for (int i = 0; at && i < 4; i++) {
        *words[i] = at;
        at = i < 3 ? strchr(at, ' ') : NULL;
        if (at)
            *at++ = '\0';
    }
    return c->home && *c->home ? 0 : -1;
}

static int refuse(const params *p, const claim *c, pe_error *errp)
{
    uint64_t since = 0;
    char when[32] = "an unknown time";
    struct tm utc;
    time_t t;

    params_number_parse(c->since, UINT64_C(1) << 40, &since);
    t = (time_t)since;
    if (gmtime_r(&t, &utc))
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%SZ", &utc);
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_AGAIN,
                        "a run of this name is that of %s, in %s, since %s: "
                        "two would take each other's blocks for repeats; go on "
                        "there, or choose another --run (is that home gone "
                        "for good: redis-cli DEL '%s')",
                        c->host, c->home, when, p->names[PARAMS_KEY_HOME]);
}

/* What is stored under the key of claims; new memory, or NULL: error. */
static char *stored(params *p, pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_STRING, errp, "GET",
                                   p->names[PARAMS_KEY_HOME], NULL);
    const char *text = r ? redis_reply_text(r, "") : NULL;
    char *copy = r ? strdup(text ? text : "?") : NULL;

    if (r && !copy)
        pe_error_nomem(errp);
    if (r)
        freeReplyObject(r);
    return copy;
}

/* Unless there is one. */
static int put(params *p, const char *text, pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_STATUS, errp, "SET",
                                   p->names[PARAMS_KEY_HOME], text, "NX", NULL);

    if (!r)
        return -1;
    freeReplyObject(r);
    return 0;
}

/* Is [there] that of [ours]: the same run, or one before it in that home? */
static int compare(const params *p, const claim *ours, const char *there,
                   pe_error *errp)
{
    claim c = {0};
    int rc = 0;

    if (claim_parse(there, &c) < 0)
        rc = pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                          "%s names no home: some other program wrote to the "
                          "keys of this run",
                          p->names[PARAMS_KEY_HOME]);
    else if (strcmp(c.id, ours->id) != 0 && (strcmp(c.host, ours->host) != 0 ||
                                             strcmp(c.home, ours->home) != 0))
        rc = refuse(p, &c, errp);
    free(c.text);
    return rc;
}

int params_claim_take(params *p, const char *text, pe_error *errp)
{
    claim ours = {0};
    char *there = NULL;
    int rc = -1;

    if (claim_parse(text, &ours) < 0) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "'%.100s' is no claim of a run", text);
    } else {
        /* Who may not write it finds it there. */
        there = stored(p, errp);
        rc = there ? 0 : -1;
        if (there && !*there && (rc = put(p, text, errp)) == 0) {
            free(there);
            there = stored(p, errp);
            rc = there ? 0 : -1;
        }
        if (rc == 0)
            rc = compare(p, &ours, there, errp);
    }
    free(there);
    free(ours.text);
    return rc;
}

int params_claim_drop(params *p, const char *text, pe_error *errp)
{
    char *there = stored(p, errp);
    int rc = there ? 0 : -1;

    if (there && !strcmp(there, text)) {
        redisReply *r =
            redis_link_ask(p->link, REDIS_REPLY_INTEGER, errp, "UNLINK",
                           p->names[PARAMS_KEY_HOME], NULL);
        rc = r ? 0 : -1;
        if (r)
            freeReplyObject(r);
    }
    free(there);
    return rc;
}
