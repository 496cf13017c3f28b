/* ring.c - trees of devices in the model of all.
 *
 * A delta of w rows renews the share w / H of the ring, its oldest trees, where
 * H is the rows of one round: what each device has learned from between its two
 * last deltas, or the window, if that is more.  So over a round each device
 * brings as many trees as rows, and what it brought stays for one at least.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "src/common/random.h"
#include "src/model/buckets.h"
#include "trees.h"

/* --- a round --- */

struct voice {
    uint64_t device, rows;
    bool now; /* it is heard in this delta */
};

struct voices {
    struct voice *v;
    size_t n;
};

static struct voice *voice_of(struct voices *all, uint64_t device)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i].device == device)
            return &all->v[i];
    all->v[all->n] = (struct voice){.device = device};
    return &all->v[all->n++];
}

/* Those of the ring; room for [more]. */
static int hear_ring(const struct iforest *m, size_t more, struct voices *all,
                     pe_error *errp)
{
    all->v = malloc((m->forest.trees + more) * sizeof(*all->v));
    if (!all->v)
        return pe_error_nomem(errp);
    for (uint32_t t = 0; t < m->forest.trees; t++)
        if (m->whose[t])
            voice_of(all, m->whose[t])->rows = m->stands[t];
    return 0;
}

static double sum_of(const struct voices *all)
{
    double sum = 0;

    for (size_t i = 0; i < all->n; i++)
        sum += (double)all->v[i].rows;
    return sum;
}

double iforest_round(const struct iforest *m, uint64_t rows)
{
    struct voices all = {0};
    double most = 0, sum = 0;

    if (hear_ring(m, 0, &all, NULL) < 0)
        return (double)rows;
    for (size_t i = 0; i < all.n; i++)
        most = fmax(most, (double)all.v[i].rows);
    sum = sum_of(&all) - most;
    free(all.v);
    return sum + (double)rows;
}

/* --- items, in the order of their records --- */

struct list {
    struct trees_item *it;
    size_t n;
};

static int list_items(const pe_delta *d, struct list *out, pe_error *errp)
{
    struct item_ref *refs;

    if (item_sort(&d->blob, ITEM_TREES, &refs, &out->n, errp) < 0)
        return -1;
    out->it = calloc(out->n + 1, sizeof(*out->it));
    for (size_t i = 0; out->it && i < out->n; i++) {
        out->it[i].data = refs[i].data - sizeof(struct item_origin);
        memcpy(&out->it[i].head, out->it[i].data, sizeof(out->it[i].head));
    }
    free(refs);
    return out->it ? 0 : pe_error_nomem(errp);
}

static void put_tree(struct iforest *m, struct trees_walk *w, uint32_t t)
{
    trees_take(w, m, t);
    m->whose[t] = w->it->head.device;
    m->stands[t] = w->it->head.rows;
    m->grown++;
}

/* --- into a model that has its trees --- */

/* Trees of an item that are due: what is left of a tree is one by chance, the
 * same wherever it is merged.
 */
static uint32_t count_due(const struct iforest *m, const struct trees_item *it,
                          double horizon)
{
    uint64_t key =
        random_mix(random_mix(m->base.seed, (uint64_t)it->head.from.partition),
                   (uint64_t)it->head.from.offset);
    random_stream draw = {key, 0};
    double share = (double)it->head.rows / horizon * m->forest.trees;
    double n = floor(share + random_uniform(&draw));

    return (uint32_t)fmin(n, (double)it->head.from.n);
}

static int renew_ring(struct iforest *m, const struct list *items,
                      pe_error *errp)
{
    struct voices all = {0};
    double horizon;

    if (hear_ring(m, items->n, &all, errp) < 0)
        return -1;
    for (size_t i = 0; i < items->n; i++) {
        struct voice *v = voice_of(&all, items->it[i].head.device);

        v->rows = (v->now ? v->rows : 0) + items->it[i].head.rows;
        v->now = true;
    }
    horizon = fmax(sum_of(&all), (double)m->cap);
    free(all.v);
    for (size_t i = 0; i < items->n; i++) {
        const struct trees_head *h = &items->it[i].head;
        struct trees_walk w = {.it = &items->it[i]};

        for (uint32_t n = count_due(m, w.it, horizon); n > 0; n--) {
            put_tree(m, &w, m->ring);
            m->ring = (m->ring + 1) % m->forest.trees;
        }
        for (uint32_t t = 0; t < m->forest.trees; t++)
            if (m->whose[t] == h->device)
                m->stands[t] = h->rows;
    }
    forest_prepare(&m->forest);
    return 0;
}

/* --- the first trees --- */

/* As many as its share can ask for, now that [total] rows are known of. */
static uint64_t count_kept(const struct iforest *m, const struct trees_head *h,
                           double total)
{
    double share = ceil((double)h->rows / total * m->forest.trees);

    return share < (double)h->from.n ? (uint64_t)share : h->from.n;
}

/* What waits, with [it]: of a device that has spoken before the new trees, for
 * all of its rows.
 */
static int wait_for(struct iforest *m, const struct trees_item *it,
                    pe_error *errp)
{
    struct trees_head own = it->head, other;
    pe_delta all = {0};
    struct trees_item old;
    double total = (double)own.rows;
    int rc = 0;

    for (size_t at = 0; trees_next(&m->waiting.blob, &at, &old);) {
        total += (double)old.head.rows;
        own.rows += old.head.device == own.device ? old.head.rows : 0;
    }
    for (size_t at = 0; rc == 0 && trees_next(&m->waiting.blob, &at, &old);) {
        other = old.head;
        other.from.n = count_kept(m, &other, total);
        if (other.device != own.device)
            rc = trees_put(&old, &other, m, &all, errp);
    }
    own.from.n = count_kept(m, &own, total);
    if (rc == 0)
        rc = trees_put(it, &own, m, &all, errp);
    pe_buffer_free(&m->waiting.blob);
    m->waiting.blob = all.blob;
    m->parts++;
    return rc;
}

/* Enough for the first trees: rows, and devices.  Some that stay silent hold
 * nobody up once the others have said four times as much as was asked for.
 */
static bool is_quorum(const struct iforest *m)
{
    uint64_t devices = 0;
    double rows = 0;
    struct trees_item it;

    for (size_t at = 0; trees_next(&m->waiting.blob, &at, &it); devices++)
        rows += (double)it.head.rows;
    return rows > 0 && rows >= (double)m->warmup.want &&
           (devices >= m->quorum || m->parts >= 4 * (uint64_t)m->quorum);
}

struct weighed {
    double shift, rows;
};

static int by_shift(const void *a, const void *b)
{
    double x = ((const struct weighed *)a)->shift;
    double y = ((const struct weighed *)b)->shift;

    return (x > y) - (x < y);
}

/* The origin that half of the rows do not lie above. */
static int set_shift(struct iforest *m, const struct list *items, double total,
                     pe_error *errp)
{
    struct weighed *w = malloc((items->n + 1) * sizeof(*w));

    if (!w)
        return pe_error_nomem(errp);
    for (uint32_t f = 0; f < m->base.features; f++) {
        double sum = 0;
        size_t i = 0;

        for (size_t k = 0; k < items->n; k++)
            w[k] = (struct weighed){trees_shift(&items->it[k], f),
                                    (double)items->it[k].head.rows};
        qsort(w, items->n, sizeof(*w), by_shift);
        while (i + 1 < items->n && (sum += w[i].rows) < total / 2)
            i++;
        m->shift[f] = w[i].shift;
    }
    free(w);
    return 0;
}

/* Where they lie is no matter of who has sent them: the ring is renewed from
 * one end to the other.
 */
static uint32_t *shuffle(const struct iforest *m, pe_error *errp)
{
    random_stream draw = {random_mix(m->base.seed, 0x72696e67), 0};
    uint32_t n = m->forest.trees, *place = malloc(n * sizeof(*place));

    if (!place) {
        pe_error_nomem(errp);
        return NULL;
    }
    for (uint32_t t = 0; t < n; t++) {
        uint32_t k = (uint32_t)random_below(&draw, t + 1);

        place[t] = place[k];
        place[k] = t;
    }
    return place;
}

/* Each device has as many as its rows ask for, but for one. */
static int first_trees(struct iforest *m, pe_error *errp)
{
    struct list items;
    double total = 0, sum = 0;
    uint32_t *place, t = 0;
    int rc = -1;

    if (list_items(&m->waiting, &items, errp) < 0)
        return -1;
    place = shuffle(m, errp);
    for (size_t i = 0; i < items.n; i++)
        total += (double)items.it[i].head.rows;
    if (place)
        rc = set_shift(m, &items, total, errp);
    for (size_t i = 0; rc == 0 && i < items.n; i++) {
        struct trees_walk w = {.it = &items.it[i]};

        sum += (double)w.it->head.rows;
        while (t < m->forest.trees &&
               (i + 1 == items.n || (t + 0.5) / m->forest.trees * total < sum))
            put_tree(m, &w, place[t++]);
    }
    free(place);
    free(items.it);
    if (rc < 0)
        return -1;
    m->sampled = m->psi;
    m->base.warming = false;
    pe_buffer_free(&m->waiting.blob);
    forest_prepare(&m->forest);
    return 0;
}

static int take_first(struct iforest *m, const struct list *items,
                      pe_error *errp)
{
    for (size_t i = 0; i < items->n; i++)
        if (wait_for(m, &items->it[i], errp) < 0)
            return -1;
    return is_quorum(m) ? first_trees(m, errp) : 0;
}

int iforest_take_trees(struct iforest *m, const pe_delta *d, pe_error *errp)
{
    struct list items;
    int rc;

    if (m->threshold.lanes && buckets_add(m->threshold.lanes, d) < 0)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "an isolation forest: scores that fit no window");
    if (list_items(d, &items, errp) < 0)
        return -1;
    rc = items.n == 0       ? 0
         : !m->base.warming ? renew_ring(m, &items, errp)
                            : take_first(m, &items, errp);
    free(items.it);
    return rc;
}

/* --- what comes of devices --- */

static int refuse(const char *why, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "a delta of an isolation forest %s", why);
}

static int admit_lanes(const struct iforest *m, const pe_delta *d,
                       pe_error *errp)
{
    uint64_t scores = 0;

    if (d->n_sum || d->n_tag || d->n_count != threshold_lanes(&m->threshold))
        return refuse("for a model of other options", errp);
    for (size_t i = 0; i < d->n_count; i++) {
        if (d->count[i] < 0 || (uint64_t)d->count[i] > 2 * d->points)
            return refuse("with numbers that are no counts", errp);
        scores += (uint64_t)d->count[i];
    }
    if (scores > 2 * d->points)
        return refuse("whose counts do not add up to its rows", errp);
    return 0;
}

/* Items alone, and they are trees for all of its rows. */
static int admit_items(const struct iforest *m, pe_delta *d,
                       const pe_block *from, pe_error *errp)
{
    bool lanes = d->n_count > 0;
    uint64_t rows = 0, device = item_device(from);
    const unsigned char *p;
    struct item item;
    size_t at = 0;

    while (item_next(d->blob.data, d->blob.len, &at, &item, &p)) {
        struct trees_item it = {.data = p, .len = item.len};

        if (!lanes && item.kind == ITEM_BUCKETS &&
            buckets_check(p, item.len, d->points))
            continue;
        if (item.kind != ITEM_TREES || item.len < sizeof(it.head))
            return refuse("with an item that is none", errp);
        memcpy(&it.head, p, sizeof(it.head));
        if (!trees_check(&it, m))
            return refuse("with trees that cannot be", errp);
        it.head.from.partition = from->partition;
        it.head.from.offset = from->offset;
        it.head.device = device ? device : 1;
        memcpy(d->blob.data + (p - d->blob.data), &it.head, sizeof(it.head));
        rows += it.head.rows;
    }
    if (at != d->blob.len || rows != d->points)
        return refuse("whose trees do not add up to its rows", errp);
    return 1;
}

int iforest_admit(const pe_model *base, pe_delta *d, const pe_block *from,
                  pe_error *errp)
{
    const struct iforest *m = iforest_cof(base);

    if (d->n_count && base->warming)
        return 0;
    if ((d->n_sum || d->n_tag || d->n_count) && admit_lanes(m, d, errp) < 0)
        return -1;
    return admit_items(m, d, from, errp);
}
