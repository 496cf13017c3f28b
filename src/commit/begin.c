/* begin.c - rank 0, before the first block: the store, the topic against what
 * is stored, the committer.
 */
#include "begin.h"

#include <stdlib.h>
#include <string.h>

#include "src/broker/guard.h"
#include "src/common/random.h"
#include "lease.h"

#define LOOK_MS 20000
#define SETTLE_SHARE 4 /* of a ttl is a pool new, to the others */

struct begin {
    const pipeline *pl;
    const pipeline_request *req;
    pool_store *store;
    broker_admin *admin;
    char topic[256];
    int64_t *low, *high;
};

static int read_watermarks(const struct begin *b, pe_error *errp)
{
    int rc = 0;

    for (int32_t k = 0; rc == 0 && k < b->pl->partitions; k++)
        rc = broker_watermarks(b->admin, b->topic, k, &b->low[k], &b->high[k],
                               errp);
    return rc;
}

static int store_first(const struct begin *b, pe_error *errp)
{
    int64_t stored;

    for (int32_t k = 0; k < b->pl->partitions; k++)
        if (b->store->ops->first(b->store, k, b->low[k], &stored, errp) < 0)
            return -1;
    return 0;
}

static int lost(const struct begin *b, const params_offset *o, const char *what,
                int64_t where, pe_error *errp)
{
    return pe_error_set(
        errp, PE_ERROR_FATAL, PE_EXIT_DATA,
        "run '%s' stands at %s/%d/%lld, but the topic %s %lld: records are "
        "lost, or it was made again; start another run%s",
        b->req->run, b->topic, (int)o->partition, (long long)o->next, what,
        (long long)where,
        o->next < where ? ", or set streams.STAGE.gaps to allow" : "");
}

/* Does the log reach from where the run stands?  Another pool may have read
 * and committed since the watermarks were read: an end before the stored
 * offset is one only where it is still there behind the state.
 */
static int check_range(const struct begin *b, const params_offset *o,
                       pe_error *errp)
{
    int64_t low = b->low[o->partition], high = b->high[o->partition], now;

    if (o->next < low && !b->pl->gaps_allowed)
        return lost(b, o, "begins at", low, errp);
    if (o->next <= high)
        return 0;
    if (broker_watermarks(b->admin, b->topic, o->partition, &now, &high, errp) <
        0)
        return -1;
    return o->next > high ? lost(b, o, "ends at", high, errp) : 0;
}

static int look(const struct begin *b, const broker_position *p, size_t n,
                pe_error *errp)
{
    broker_conf conf = {0};
    broker_guard *g;
    int rc;

    if (n == 0)
        return 0;
    pipeline_request_broker(b->req, &conf, "pilot-agent-guard");
    g = broker_guard_open(&conf, b->topic, b->pl->message_bytes, errp);
    if (!g)
        return -1;
    rc = broker_guard_start(g, p, n, errp);
    if (rc == 0)
        rc = broker_guard_poll(g, LOOK_MS, errp);
    broker_guard_close(g);
    if (rc == 0)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "topic %s cannot be read: the broker does not show "
                            "the last committed records within %d s",
                            b->topic, LOOK_MS / 1000);
    return rc < 0 ? -1 : 0;
}

static int check_state(const struct begin *b, const params_state *s,
                       pe_error *errp)
{
    broker_position *p = calloc(s->n_offsets + 1, sizeof(*p));
    size_t n = 0;
    int rc = p ? 0 : pe_error_nomem(errp);

    for (size_t i = 0; rc == 0 && i < s->n_offsets; i++) {
        const params_offset *o = &s->offsets[i];

        if (strcmp(o->topic, b->topic) != 0 || o->partition < 0 ||
            o->partition >= b->pl->partitions)
            continue;
        rc = check_range(b, o, errp);
        /* What is not kept any more cannot be looked at. */
        if (o->mark && o->next > b->low[o->partition])
            p[n++] = (broker_position){o->partition, o->next, o->mark};
    }
    if (rc == 0)
        rc = look(b, p, n, errp);
    free(p);
    return rc;
}

static int check_topic(struct begin *b, pe_error *errp)
{
    broker_conf conf = {0};
    params_state s = {0};
    int rc = -1;

    b->low = calloc((size_t)b->pl->partitions, sizeof(*b->low));
    if (!b->low)
        return pe_error_nomem(errp);
    pipeline_request_broker(b->req, &conf, "pilot-agent");
    b->admin = broker_admin_open(&conf, errp);
    if (b->admin && read_watermarks(b, errp) == 0 &&
        store_first(b, errp) == 0 &&
        b->store->ops->load(b->store, &s, errp) == 0)
        rc = check_state(b, &s, errp);
    params_state_free(&s);
    broker_admin_close(b->admin);
    free(b->low);
    return rc;
}

static pool_store *open_store(struct begin *b, pe_error *errp)
{
    if (pipeline_is_local(b->pl))
        return pool_store_memory(errp);
    b->store = pool_store_params(b->pl, b->req, errp);
    if (b->store && check_topic(b, errp) < 0) {
        b->store->ops->close(b->store);
        return NULL;
    }
    return b->store;
}

/* What the file prefers of where partitions are, if anything. */
static int open_placer(const struct begin *b, const pipeline_pilot *pilot,
                       int64_t ttl_ms, placer **out, pe_error *errp)
{
    char site[72];
    placer_conf c = {.wish = pipeline_wish(b->pl),
                     .site = site,
                     .partitions = b->pl->partitions,
                     .topic = b->topic};

    *out = NULL;
    if (!c.wish)
        return 0;
    pipeline_site(b->pl, pilot, 0, site, sizeof(site));
    pipeline_request_broker(b->req, &c.broker, NULL);
    c.settle_s =
        (double)(ttl_ms > 0 ? ttl_ms : LEASE_TTL_MS) * 1e-3 / SETTLE_SHARE;
    c.at = pipeline_sites(b->pl, errp);
    if (c.at)
        *out = placer_open(&c, errp);
    return *out ? 0 : -1;
}

committer *begin_committer(const pipeline *pl, const pipeline_request *req,
                           const pipeline_pilot *pilot, const params_member *m,
                           int64_t *high, pe_error *errp)
{
    struct begin b = {.pl = pl, .req = req, .high = high};
    char id[17];
    committer_conf conf = {
        .topic = b.topic,
        .req = req,
        .member = *m,
        .alone = pl->epoch_blocks > 0,
        .n_devices = pipeline_is_local(pl) ? 0 : pipeline_devices(pl),
        .interval_s = 0.1,
    };

    if (pl->seen > 0) /* the layer before says an end for each */
        conf.n_devices = pl->partitions;
    pipeline_topic(pl, req->run, "", b.topic, sizeof(b.topic));
    if (random_id(id, 8, errp) < 0)
        return NULL;
    conf.member.incarnation = id;
    conf.member.partitions = pl->partitions;
    conf.store = open_store(&b, errp);
    if (!conf.store)
        return NULL;
    if (open_placer(&b, pilot, m->ttl_ms, &conf.placer, errp) == 0)
        return committer_start(&conf, errp);
    conf.store->ops->close(conf.store);
    return NULL;
}
