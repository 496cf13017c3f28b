/* read.c - the topics of a layer, read once from front to back. */
#include "read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/random.h"
#include "src/common/text.h"
#include "src/run/signals.h"

#define WAIT_MS 100
/* Marks of transactions at the end of a log are no records, and nobody says
 * that they are there.
 */
#define SILENT_NS (INT64_C(10) * CLOCK_S)
#define SILENT_TRIES 3 /* a broker that is busy is asked anew before */
#define AWAY_NS (INT64_C(30) * CLOCK_S)

static int interrupted(pe_error *errp)
{
    struct signals s = signals_take();

    if (s.ends == 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_RETRY, (enum pe_exit)(128 + s.last),
                        "interrupted");
}

static int is_silent(int64_t since, bool away, const char *topic,
                     pe_error *errp)
{
    int64_t ns = clock_mono_ns() - since;

    if (interrupted(errp) < 0)
        return -1;
    if (ns < (away ? AWAY_NS : SILENT_NS))
        return 0;
    return away ? pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                               "the broker of topic %s does not answer", topic)
                : 1;
}

/* --- the topic --- */

static void add_hole(layer_part *k, int64_t from, int64_t to)
{
    if (to <= from)
        return;
    if (k->holes == 0)
        k->hole = from;
    k->holes += to - from;
}

static void check_mark(layer *l, const layer_part *k, const source_item *r)
{
    if (r->block.offset + 1 != k->next || !k->mark || k->mark == r->mark)
        return;
    pe_error_set(&l->damage, PE_ERROR_FATAL, PE_EXIT_DATA,
                 "record %s/%d/%" PRId64 " is not the one that was committed: "
                 "the topic was made anew, or has lost its end",
                 l->topic, (int)r->block.partition, r->block.offset);
}

static void say_idle(layer_side *s, const source_item *r, const char *why)
{
    if (s->idle.n++ == 0)
        snprintf(s->idle.words, sizeof(s->idle.words),
                 "%.120s/%d/%" PRId64 " %s",
                 r->block.topic ? r->block.topic : "-", (int)r->block.partition,
                 r->block.offset, why);
}

/* What the topics beside say of it, and should not, or do not. */
static void check_sides(layer *l, const source_item *r, unsigned said,
                        enum recount_word word)
{
    static const char *const idle[] = {
        [RECOUNT_REPEAT] = "is a repeat",
        [RECOUNT_ASIDE] = "holds no rows",
        [RECOUNT_BAD] = "was refused",
    };
    bool some = word == RECOUNT_APPLIED || word == RECOUNT_EITHER;

    if (said & RECOUNT_RESULT && word != RECOUNT_LEFT && !some)
        say_idle(&l->results, r, idle[word]);
    if (said & RECOUNT_REFUSED &&
        (word == RECOUNT_REPEAT || word == RECOUNT_ASIDE))
        say_idle(&l->refused, r, idle[word]);
    if (word == RECOUNT_APPLIED && l->results.on && !(said & RECOUNT_RESULT) &&
        l->count.without.n++ == 0)
        snprintf(l->count.without.words, sizeof(l->count.without.words),
                 "%.120s/%d/%" PRId64, l->topic, (int)r->block.partition,
                 r->block.offset);
    l->count.refusals += word == RECOUNT_BAD && !(said & RECOUNT_REFUSED);
}

static int take(layer *l, layer_part *k, source_item *r, pe_error *errp)
{
    unsigned said = marks_take(&k->marks, r->block.offset);
    int word = recount_take(&l->count, r, said, errp);

    if (word < 0)
        return -1;
    k->seen++;
    check_mark(l, k, r);
    check_sides(l, r, said, (enum recount_word)word);
    return 0;
}

/* Records of a partition, from [from] to [to], and what is done with each. */
struct walk {
    layer *l;
    source_reader *s;
    int32_t partition;
    int64_t from, to;
    int (*each)(layer *l, layer_part *k, source_item *r, pe_error *errp);
};

/* 0: all of them; 1: the log says nothing more behind *atp; -1. */
static int walk(const struct walk *w, source_item *r, int64_t *atp,
                pe_error *errp)
{
    const source_ops *ops = w->s->ops;
    broker_position at = {w->partition, w->from, 0};
    int64_t since = clock_mono_ns();
    int tries = 0;
    char away[256];
    int rc = ops->assign(w->s, &at, 1, errp);

    for (*atp = w->from; rc == 0 && *atp < w->to;) {
        rc = ops->fetch(w->s, 0, r, errp);
        if (rc == 0) {
            ops->wait(w->s, WAIT_MS);
            rc = is_silent(since, ops->away(w->s, away, sizeof(away)),
                           w->l->topic, errp);
            if (rc == 1 && ++tries < SILENT_TRIES) {
                at.offset = *atp;
                rc = ops->assign(w->s, &at, 1, errp);
                since = clock_mono_ns();
            }
            continue;
        }
        if (rc < 0)
            break;
        since = clock_mono_ns();
        rc = tries = 0;
        if (r->block.offset < w->to) {
            layer_part *k = &w->l->part[w->partition];

            add_hole(k, *atp, r->block.offset);
            rc = w->each(w->l, k, r, errp);
            *atp = r->block.offset + 1;
        } else {
            rc = 1;
        }
        ops->release(w->s, r);
    }
    return rc;
}

static int read_part(layer *l, source_reader *s, int32_t p, source_item *r,
                     pe_error *errp)
{
    layer_part *k = &l->part[p];
    int64_t from = k->first > k->low ? k->first : k->low, at = from;
    int64_t to = k->next < k->high ? k->next : k->high;
    const struct walk w = {l, s, p, from, to, take};
    int rc = 0;

    k->unkept = (k->next < from ? k->next : from) - k->first;
    if (from < to)
        rc = walk(&w, r, &at, errp);
    if (rc == 1) {
        add_hole(k, at, to);
        rc = 0;
    }
    return rc;
}

/* What the layer in front has handed on is not all committed here. */
static int take_rest(layer *l, layer_part *k, source_item *r, pe_error *errp)
{
    params_counters sure = l->count.sure, either = l->count.either;
    int rc = recount_take(&l->count, r, 0, errp);

    (void)k;
    l->count.sure = sure;
    l->count.either = either;
    return rc < 0 ? -1 : 0;
}

static int read_rest(layer *l, source_reader *s, source_item *r, pe_error *errp)
{
    bool audits = l->count.audits;
    int64_t at;
    int rc = 0;

    l->count.audits = false;
    for (size_t i = 0; rc >= 0 && i < l->n_parts; i++) {
        layer_part *k = &l->part[i], was = *k;
        const struct walk w = {l, s, (int32_t)i, k->next, k->high, take_rest};

        if (k->next >= k->low && k->next < k->high)
            rc = walk(&w, r, &at, errp);
        *k = was; /* holes there are of no interest */
    }
    l->count.audits = audits;
    return rc < 0 ? -1 : 0;
}

/* As far as they are committed, for who compares. */
static int keep_devices(layer *l, pe_error *errp)
{
    const commit_devices *t = &l->count.devices;

    l->last = calloc(t->n + 1, sizeof(*l->last));
    if (!l->last)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < t->n; i++)
        l->last[i] = t->d[i];
    l->n_last = t->n;
    return 0;
}

int read_topic(layer *l, pe_error *errp)
{
    source_item r = {0};
    source_reader *s =
        source_open_broker(l->pl, l->req, false, READ_QUEUE_BYTES, errp);
    pe_error e = {0};
    int rc = s ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < l->n_parts; i++)
        rc = read_part(l, s, (int32_t)i, &r, &e);
    if (rc == 0)
        rc = keep_devices(l, &e);
    if (rc == 0 && l->count.front)
        rc = read_rest(l, s, &r, &e);
    if (s && rc < 0 && e.exit_code == PE_EXIT_DATA) {
        l->damage = e; /* a check sum of the log */
        rc = 0;
    } else if (s && rc < 0 && errp) {
        *errp = e;
    }
    if (s)
        s->ops->close(s);
    pe_block_release(&r.block);
    return rc;
}

/* --- those beside it --- */

static bool header(const record_headers *h, const char *name, char *out,
                   size_t cap)
{
    const record_header *k = record_find(h, name);

    *out = '\0';
    if (k && k->value && k->len < cap)
        snprintf(out, cap, "%.*s", (int)k->len, k->value);
    return *out != '\0';
}

/* TOPIC/PARTITION/OFFSET of this layer's topic: its part and offset; NULL: it
 * is no such thing.
 */
static layer_part *origin_part(layer *l, const char *origin, int64_t *offsetp)
{
    size_t n = strlen(l->topic);
    char part[24];
    int64_t partition;
    const char *slash;

    if (strncmp(origin, l->topic, n) != 0 || origin[n] != '/')
        return NULL;
    origin += n + 1;
    slash = strchr(origin, '/');
    if (!slash)
        return NULL;
    snprintf(part, sizeof(part), "%.*s", (int)(slash - origin), origin);
    if (text_parse_int(part, &partition) < 0 || partition < 0 ||
        partition >= (int64_t)l->n_parts ||
        text_parse_int(slash + 1, offsetp) < 0)
        return NULL;
    return &l->part[partition];
}

/* Rank and start of a pool make no difference to what a model says of a block,
 * once stages are what they were.
 */
static int compare(layer_side *s, const broker_record *r,
                   const record_headers *h, const char *origin, pe_error *errp)
{
    char commit[128], revision[32];
    uint64_t what;
    int rc;

    if (!header(h, "pe_commit", commit, sizeof(commit)))
        return 0;
    header(h, "pe_revision", revision, sizeof(revision));
    what = random_hash(1, origin, strlen(origin));
    what = random_hash(what, commit, strlen(commit));
    what = random_hash(what, revision, strlen(revision));
    rc = same_take(&s->same, what, random_hash(2, r->value, r->len), errp);
    if (rc == 1 && s->different.n++ == 0)
        snprintf(s->different.words, sizeof(s->different.words),
                 "%.120s/%d/%" PRId64 ", of %.150s", s->topic,
                 (int)r->partition, r->offset, origin);
    return rc < 0 ? -1 : 0;
}

static int take_side(layer *l, layer_side *s, unsigned bit,
                     const broker_record *r, const record_headers *h,
                     pe_error *errp)
{
    char run[256], origin[512];
    layer_part *k;
    int64_t offset = 0;
    int rc;

    header(h, "pe_run", run, sizeof(run));
    if (strcmp(run, l->req->run) != 0)
        return 0;
    s->records++;
    header(h, "pe_origin", origin, sizeof(origin));
    k = origin_part(l, origin, &offset);
    if (!k || offset < k->first) {
        s->strays++;
        return 0;
    }
    if (offset >= k->next) {
        s->ahead++;
        return 0;
    }
    rc = marks_put(&k->marks, offset, bit, errp);
    s->repeats += rc == 1;
    s->blocks += rc == 0;
    if (rc < 0 || bit != RECOUNT_RESULT)
        return rc < 0 ? -1 : 0;
    return compare(s, r, h, origin, errp);
}

struct side_part {
    broker_position at;
    int64_t end;
};

static int side_places(layer *l, layer_side *s, struct side_part **out, int *np,
                       pe_error *errp)
{
    broker_conf c = {0};
    broker_admin *a;
    int rc;

    pipeline_request_broker(l->req, &c, "pilot-verify");
    a = broker_admin_open(&c, errp);
    if (!a)
        return -1;
    rc = broker_topic_partitions(a, s->topic, np, errp);
    *out = calloc((size_t)*np + 1, sizeof(**out));
    if (rc == 0 && !*out)
        rc = pe_error_nomem(errp);
    for (int32_t i = 0; rc == 0 && i < *np; i++) {
        struct side_part *k = &(*out)[i];

        k->at.partition = i;
        rc = broker_watermarks(a, s->topic, i, &k->at.offset, &k->end, errp);
        s->unkept += k->at.offset;
    }
    broker_admin_close(a);
    return rc;
}

/* Partitions one after another: a queue for each is not needed. */
static int read_side_part(layer *l, layer_side *s, unsigned bit,
                          broker_consumer *c, const struct side_part *k,
                          pe_error *errp)
{
    int64_t since = clock_mono_ns(), at = k->at.offset;
    broker_position from = k->at;
    record_headers h;
    int tries = 0;
    char away[256];
    int rc = broker_consumer_assign(c, &from, 1, errp);

    while (rc == 0 && at < k->end) {
        broker_record r;

        rc = broker_consumer_fetch(c, WAIT_MS, &r, errp);
        if (rc == 0) {
            rc =
                is_silent(since, broker_consumer_is_away(c, away, sizeof(away)),
                          s->topic, errp);
            if (rc == 1 && ++tries >= SILENT_TRIES)
                return 0;
            if (rc == 1) {
                from.offset = at;
                rc = broker_consumer_assign(c, &from, 1, errp);
                since = clock_mono_ns();
            }
            continue;
        }
        if (rc < 0)
            return -1;
        since = clock_mono_ns();
        tries = 0;
        at = r.offset + 1;
        rc = broker_record_headers(&r, &h, errp);
        if (rc == 0)
            rc = take_side(l, s, bit, &r, &h, errp);
        broker_record_release(&r);
    }
    return rc;
}

int read_side(layer *l, layer_side *s, unsigned bit, pe_error *errp)
{
    broker_consumer_conf c = {.topic = s->topic,
                              .group = "pilot-verify",
                              .message_bytes =
                                  l->pl->message_bytes + PIPELINE_HEADER_BYTES,
                              .queue_bytes = READ_QUEUE_BYTES,
                              .gaps_allowed = true};
    struct side_part *part = NULL;
    broker_consumer *k = NULL;
    int n = 0, rc = side_places(l, s, &part, &n, errp);

    if (rc == 0 && n > 0) {
        pipeline_request_broker(l->req, &c.broker, "pilot-verify");
        k = broker_consumer_open(&c, errp);
        rc = k ? 0 : -1;
    }
    for (int i = 0; rc == 0 && i < n; i++)
        if (part[i].at.offset < part[i].end)
            rc = read_side_part(l, s, bit, k, &part[i], errp);
    broker_consumer_close(k);
    free(part);
    return rc;
}
