/* lane.c - the blocks of one partition in order, as the pool took them. */
#include "lane.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/origin.h"
#include "src/block/times.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/text.h"

#define WAIT_MS 100
/* A broker that is there and shows no more of what it had. */
#define SILENT_NS (INT64_C(60) * 1000000000)

int lane_init(lane *l, const lane_conf *c, pe_error *errp)
{
    memset(l, 0, sizeof(*l));
    l->c = *c;
    l->next = c->first;
    l->done = c->end >= 0 && c->first >= c->end;
    if (pthread_mutex_init(&l->lock, NULL) != 0)
        return pe_error_nomem(errp);
    return 0;
}

/* What a lane that is done keeps is counts. */
static void close_all(lane *l)
{
    if (l->source)
        l->source->ops->close(l->source);
    l->source = NULL;
    stages_close(l->stages);
    l->stages = NULL;
    names_clear(&l->senders);
    free(l->device);
    l->device = NULL;
    l->cap_devices = 0;
}

void lane_fini(lane *l)
{
    close_all(l);
    free(l->columns);
    pthread_mutex_destroy(&l->lock);
}

static int open_all(lane *l, pe_error *errp)
{
    const broker_position at = {l->c.partition, l->c.first, 0};

    if (l->c.staged && !(l->stages = stages_open(&l->c.stages, errp)))
        return -1;
    l->source = l->c.open(l->c.arg, l->c.partition, errp);
    if (!l->source)
        return -1;
    l->since_ns = clock_mono_ns();
    return l->source->ops->assign(l->source, &at, 1, errp);
}

/* --- who sent it --- */

static lane_device *device_of(lane *l, const char *name)
{
    int32_t at = names_take(&l->senders, name);

    if (at < 0)
        return NULL;
    if ((size_t)at >= l->cap_devices) {
        size_t cap = 2 * (size_t)at + 16;
        lane_device *d = realloc(l->device, cap * sizeof(*d));

        if (!d)
            return NULL;
        memset(d + l->cap_devices, 0, (cap - l->cap_devices) * sizeof(*d));
        l->device = d;
        l->cap_devices = cap;
    }
    return &l->device[at];
}

/* A record that its device has sent before; else it is the newest now. */
static bool is_repeat(lane_device *d, const pe_block *b)
{
    if (!d || !b->has_seq)
        return false;
    if (d->known &&
        (b->boot < d->boot || (b->boot == d->boot && b->seq <= d->seq)))
        return true;
    d->known = true;
    d->boot = b->boot;
    d->seq = b->seq;
    return false;
}

/* Where the rows of [b], of [d], have their numbers from: its source, else they
 * are counted.
 */
static void number_rows(lane_block *b, lane_device *d)
{
    b->row = origin_of(b->record.block.source, 0).first;
    b->of_device = b->row < 0;
    if (b->of_device)
        b->row = d ? d->rows : -1;
    if (d)
        d->rows += b->record.block.points;
}

/* --- a record --- */

static void refuse(lane *l, const lane_block *b, const pe_error *e)
{
    l->counts.refused++;
    if (!*l->first_refused)
        snprintf(l->first_refused, sizeof(l->first_refused),
                 "%.100s/%d/%" PRId64 ": %.300s",
                 b->record.block.topic ? b->record.block.topic : "-",
                 (int)l->c.partition, b->record.block.offset, e->text);
}

/* As the pool checks it for a model that is strict. */
static int check_strict(const lane *l, const pe_block *b, pe_error *errp)
{
    for (uint32_t i = 0; l->c.strict && i < b->points; i++)
        for (uint32_t k = 0; k < b->features; k++)
            if (!(fabs(pe_block_at(b, i, k)) <= (double)FLT_MAX))
                return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                    "point %u, feature %u is not finite, or "
                                    "too large (strict)",
                                    i, k);
    return 0;
}

/* Through the stages, into data that is [b]'s own: the next block uses theirs
 * again.
 */
static int prepare(lane *l, lane_block *b, pe_error *errp)
{
    int rc = PE_FORWARD;

    b->block = b->record.block;
    b->block.storage = NULL;
    if (l->stages) {
        rc = stages_run(l->stages, &b->block, b->record.through, errp);
        bool made = rc > 0 && b->block.data != b->record.block.data;

        if (made && pe_block_copy(&b->work, &b->block, errp) < 0)
            return -1;
        if (made)
            b->block.data = b->work.data;
        if (rc > 0 && b->block.source) {
            record_source_fit(b->block.source, b->source);
            b->block.source = b->source;
        }
    }
    b->one_to_one = b->block.points == b->record.block.points;
    if (rc > 0 && (!l->c.features || b->block.features == l->c.features))
        return check_strict(l, &b->block, errp) < 0 ? -1 : rc;
    if (rc <= 0)
        return rc;
    return pe_error_set(errp, l->c.what ? PE_ERROR_FATAL : PE_ERROR_INPUT,
                        PE_EXIT_DATA,
                        "%s has %u columns%s, the model was made for %u",
                        l->c.what ? l->c.what : "it", b->block.features,
                        l->stages ? " behind the stages" : "", l->c.features);
}

/* --- what it says of its rows --- */

/* Behind a stage that has moved they may be called otherwise. */
static int take_columns(lane *l, const lane_block *b, const source_text *t,
                        pe_error *errp)
{
    if (!t->at || b->record.through != 0)
        return 0;
    if (!l->columns)
        l->columns = strndup(t->at, t->len);
    else
        l->called = l->called || strlen(l->columns) != t->len ||
                    memcmp(l->columns, t->at, t->len) != 0;
    return l->columns ? 0 : pe_error_nomem(errp);
}

/* Where stages of the pool have left rows out, which ones they have kept; where
 * they have joined some, the times of those alone.
 */
static int pick_rows(lane_block *b, pe_error *errp)
{
    const pe_block *in = &b->record.block, *out = &b->block;
    origin_reader rows;

    b->timed = b->said.timed;
    b->picked = false;
    if (b->one_to_one)
        return 0;
    b->timed = b->timed && out->points <= in->points &&
               times_pick(in->source, in->points, b->said.times, out->source,
                          out->points, b->said.times) == 0;
    if (!origin_open(&rows, out->source) || rows.each > 1)
        return 0;
    if (in->points > b->cap_from) {
        int64_t *more = realloc(b->from, in->points * sizeof(*more));

        if (!more)
            return pe_error_nomem(errp);
        b->from = more;
        b->cap_from = in->points;
    }
    for (uint32_t i = 0; i < in->points; i++)
        b->from[i] = i;
    b->picked = out->points <= in->points &&
                times_pick(in->source, in->points, b->from, out->source,
                           out->points, b->from) == 0;
    return 0;
}

static int take_said(lane *l, lane_block *b, pe_error *errp)
{
    const source_ops *ops = l->source->ops;
    const source_said words =
        ops->said ? ops->said(l->source, &b->record) : b->record.said;

    if (take_columns(l, b, &words.columns, errp) < 0 ||
        said_take(&b->said, &words, &b->record.block, &l->counts.unread, errp) <
            0)
        return -1;
    if (pick_rows(b, errp) < 0)
        return -1;
    l->counts.undone += b->said.scaled;
    l->counts.scaled += l->c.standardised && !b->said.scaled &&
                        (b->record.through == 0 ||
                         stages_standardise(l->c.stages.pl, b->record.through));
    return 0;
}

void lane_values(const lane_block *b, uint32_t i, uint32_t n, double *to)
{
    static const said as_they_are;

    if (b->one_to_one || b->picked)
        said_values(&b->said, &b->record.block,
                    b->picked ? (uint32_t)b->from[i] : i, n, to);
    else
        said_values(&as_they_are, &b->block, i, n, to);
}

void lane_block_free(lane_block *b)
{
    pe_block_release(&b->work);
    pe_block_release(&b->record.block);
    said_free(&b->said);
    free(b->from);
}

/* --- all of it --- */

/* 1: to be scored; 0: done with; -1: error. */
static int take(lane *l, lane_block *b, pe_error *errp)
{
    source_item *r = &b->record;
    pe_error bad = {0};
    lane_device *d;
    int rc;

    l->next = r->block.offset + 1;
    d = device_of(l, r->block.device);
    if (is_repeat(d, &r->block)) {
        l->counts.repeated++;
        return 0;
    }
    if (r->bad.kind != PE_ERROR_NONE) {
        refuse(l, b, &r->bad);
        return 0;
    }
    if (r->aside) {
        l->counts.filtered++;
        return 0;
    }
    number_rows(b, d);
    rc = prepare(l, b, &bad);
    if (rc < 0 && l->c.what && bad.kind == PE_ERROR_INPUT)
        pe_error_prefix(&bad, "%s", l->c.what);
    if (rc < 0 && (l->c.what || bad.kind != PE_ERROR_INPUT)) {
        *errp = bad;
        return -1;
    }
    if (rc < 0)
        refuse(l, b, &bad);
    if (rc == PE_NOTHING)
        l->counts.filtered++;
    if (rc <= 0)
        return 0;
    if (take_said(l, b, errp) < 0)
        return -1;
    l->counts.scored++;
    b->at = l->rows;
    l->rows += b->block.points;
    return 1;
}

/* Records of a source are released before it is closed. */
static void close_when_done(lane *l)
{
    if (l->done && l->held == 0)
        close_all(l);
}

static void release(const lane *l, lane_block *b)
{
    l->source->ops->release(l->source, &b->record);
}

void lane_release(lane *l, lane_block *b)
{
    pthread_mutex_lock(&l->lock);
    release(l, b);
    l->held--;
    close_when_done(l);
    pthread_mutex_unlock(&l->lock);
}

/* No record came: is that the end, and how long is it waited for? */
static int wait_for(lane *l, pe_error *errp)
{
    int64_t end = l->source->ops->end(l->source, l->c.partition);
    char away[256];

    if (end >= 0 && l->c.end >= 0)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                            "the source of partition %d ends behind %" PRId64
                            " blocks now, and the run has learned from %" PRId64
                            ": it is not what it was",
                            (int)l->c.partition, end, l->c.end);
    if (end >= 0) {
        l->done = true;
        return 0;
    }
    if (l->c.end >= 0 && clock_mono_ns() - l->since_ns > SILENT_NS &&
        !(l->source->ops->away &&
          l->source->ops->away(l->source, away, sizeof(away))))
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "partition %d gives nothing behind offset %" PRId64
                            ", and the run has learned up to %" PRId64,
                            (int)l->c.partition, l->next, l->c.end);
    l->source->ops->wait(l->source, WAIT_MS);
    return 0;
}

static int next(lane *l, lane_block *b, pe_error *errp)
{
    while (!l->done) {
        int rc = l->source->ops->fetch(l->source, 0, &b->record, errp);

        if (rc < 0)
            return -1;
        if (rc == 0)
            return wait_for(l, errp);
        l->since_ns = clock_mono_ns();
        if (l->c.end >= 0 && b->record.block.offset >= l->c.end) {
            release(l, b); /* what stood in front of it is gone */
            l->done = true;
            break;
        }
        rc = take(l, b, errp);
        if (l->c.end >= 0 && l->next >= l->c.end)
            l->done = true;
        if (rc == 1)
            return 1;
        release(l, b);
        if (rc < 0)
            return -1;
    }
    return 0;
}

int lane_next(lane *l, lane_block *b, pe_error *errp)
{
    int rc;

    if (l->done)
        return 0;
    if (!l->source && open_all(l, errp) < 0) {
        close_all(l); /* another thread would take it for one that is open */
        return -1;
    }
    rc = next(l, b, errp);
    l->held += rc == 1;
    close_when_done(l);
    return rc;
}
