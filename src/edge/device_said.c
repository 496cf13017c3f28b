/* device_said.c - what a device says of rows beside their values. */
#include <stdlib.h>
#include <string.h>

#include "src/block/columns.h"
#include "src/block/npy.h"
#include "src/block/scale.h"
#include "src/block/times.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/edge/device_private.h"

/* Names go with the first block and with each so many: who begins to read in
 * the middle of a topic has them soon.
 */
#define NAMES_EVERY 256
/* Headers beside ours. */
#define HEADERS_ROOM 4096

static const char *function_of(const device *d, size_t i)
{
    return d->conf.stages[i].ops->name ? d->conf.stages[i].ops->name : "";
}

/* --- names --- */

/* Those of the source, behind all stages; on the way those that ask for it are
 * told what columns are called in front of them.  Nobody knows what a function
 * of a user makes of its columns.
 */
static int find_columns(device *d)
{
    const char *names = context_columns_get(d->ctx[0]);
    bool known = names;
    text list = {0}, behind = {0};
    int rc = 0;

    text_add(&list, "%s", known ? names : "");
    for (size_t i = 1; rc == 0 && i < d->n_stages; i++) {
        const pe_options *o = d->conf.stages[i].setup.options;

        if (function_named(d->conf.stages[i].ops, o))
            rc = context_columns(d->ctx[i], known ? list.data : NULL);
        known = known &&
                function_columns(function_of(d, i), o, list.data, &behind) == 0;
        list.len = 0;
        text_add_bytes(&list, behind.data ? behind.data : "",
                       known ? behind.len : 0);
    }
    text_free(&behind);
    if (rc == 0 && !list.failed && known && list.len <= COLUMNS_BYTES_MAX) {
        d->said.columns = list.data;
        return 0;
    }
    rc = rc < 0 || list.failed ? pe_error_nomem(&d->error) : 0;
    text_free(&list);
    return rc;
}

/* --- as it is sensed --- */

int said_begin(device *d, const pe_block *b)
{
    device_said *s = &d->said;
    uint32_t n;
    const int64_t *times = context_times_get(d->ctx[0], &n);

    if (!s->named && find_columns(d) < 0)
        return -1;
    s->named = true;
    s->source = b->source;
    s->points = b->points;
    s->n_scaled = 0;
    s->unknown = false;
    s->timed = times && n == b->points;
    if (!s->timed)
        return 0;
    if (n > s->cap) {
        int64_t *more = realloc(s->times, n * sizeof(*more));

        if (!more)
            return pe_error_nomem(&d->error);
        s->times = more;
        more = realloc(s->lent, n * sizeof(*more));
        if (!more)
            return pe_error_nomem(&d->error);
        s->lent = more;
        s->cap = n;
    }
    memcpy(s->times, times, n * sizeof(*times));
    return 0;
}

/* Stage [i] is told the times of the rows of [b], where it keeps them. */
void said_lend(device *d, size_t i, const pe_block *b)
{
    const device_said *s = &d->said;
    bool known;

    if (!function_ops_keep(d->conf.stages[i].ops))
        return;
    known = s->timed && b->points <= s->points &&
            times_pick(s->source, s->points, s->times, b->source, b->points,
                       s->lent) == 0;
    context_times(d->ctx[i], s->lent, known ? b->points : 0);
}

/* --- what a stage makes of it --- */

/* One more scaling: sensed = shift + scale x (mean + value / factor). */
static int add_scale(device *d, const context_scaling *f)
{
    device_said *s = &d->said;

    if (scale_reserve(&s->shift, &s->scale, &s->cap_scaled, f->n, &d->error) <
        0)
        return -1;
    for (uint32_t k = 0; k < f->n; k++) {
        double shift = s->n_scaled ? s->shift[k] : 0;
        double scale = s->n_scaled ? s->scale[k] : 1;

        s->shift[k] = shift + scale * f->mean[k];
        s->scale[k] = scale / f->factor[k];
    }
    s->n_scaled = f->n;
    return 0;
}

static bool keeps_values(const char *name)
{
    return !strcmp(name, "score") || !strcmp(name, "filter") ||
           !strcmp(name, "drift");
}

int said_stage(device *d, size_t i, const pe_block *b)
{
    device_said *s = &d->said;
    const context_scaling f = context_scale_get(d->ctx[i]);
    const char *name = function_of(d, i);

    /* Rows that are left out change no scale; other columns do. */
    if (f.n == 0 && s->n_scaled > 0 && !keeps_values(name))
        s->unknown = true;
    if (f.n == 0 || s->unknown || f.n != b->features ||
        (s->n_scaled && s->n_scaled != f.n))
        return 0;
    return add_scale(d, &f);
}

/* --- as it leaves --- */

/* A record is no larger than it may be for what is said of its rows. */
static bool fits(const device *d, const queue_slot *slot, size_t more)
{
    return !d->conf.message_bytes ||
           slot->len + more + HEADERS_ROOM <= d->conf.message_bytes;
}

/* Room for a header of the slot, empty. */
static text *header(text **at)
{
    if (!*at)
        *at = calloc(1, sizeof(**at));
    if (*at)
        (*at)->len = 0;
    return *at;
}

static size_t len_of(const text *t)
{
    return t ? t->len : 0;
}

static void end_times(device *d, queue_slot *slot)
{
    device_said *s = &d->said;
    const pe_block *b = &slot->block;
    text *t = header(&slot->times);

    if (!t || !s->timed || b->points > s->points ||
        times_pick(s->source, s->points, s->times, b->source, b->points,
                   s->times) < 0)
        return;
    if (times_encode(s->times, b->points, t) == 0 && fits(d, slot, t->len))
        return;
    t->len = 0;
    if (!s->told)
        log_info("%s: the times of the rows of a block do not fit beside it: "
                 "they have that of the block; take fewer points",
                 d->conf.name);
    s->told = true;
}

static void end_scale(device *d, queue_slot *slot)
{
    const device_said *s = &d->said;
    text *t;

    if (slot->scale)
        slot->scale->len = 0;
    if (!s->n_scaled || s->unknown || s->n_scaled != slot->block.features)
        return;
    t = header(&slot->scale);
    if (t && (scale_encode(s->shift, s->scale, s->n_scaled, t) < 0 ||
              !fits(d, slot, len_of(slot->times) + t->len)))
        t->len = 0;
}

int said_end(device *d, queue_slot *slot)
{
    device_said *s = &d->said;
    size_t len;

    end_times(d, slot);
    end_scale(d, slot);
    len = s->columns ? strlen(s->columns) : 0;
    slot->named =
        len > 0 && s->n++ % NAMES_EVERY == 0 &&
        fits(d, slot, len_of(slot->times) + len_of(slot->scale) + len);
    return 0;
}

static void add(record_headers *h, const char *name, const text *t)
{
    if (len_of(t) > 0)
        record_add_borrowed(h, name, t->data, t->len);
}

void said_add(const device *d, const queue_slot *slot, record_headers *h)
{
    add(h, "pe_times", slot->times);
    add(h, "pe_scale", slot->scale);
    if (slot->named || slot->columns) {
        const char *names = slot->columns ? slot->columns : d->said.columns;

        record_add_borrowed(h, "pe_columns", names, strlen(names));
    }
}

void said_moved(device *d)
{
    free(d->said.columns);
    d->said.columns = NULL;
    d->said.named = false;
    d->said.n = 0; /* the next record has the names */
}

void said_free(device *d)
{
    free(d->said.times);
    free(d->said.lent);
    free(d->said.shift);
    free(d->said.scale);
    free(d->said.columns);
}
