/* decide.c - who is to have which partition: a pure function. */
#include <stdlib.h>
#include <string.h>

#include "place.h"

/* Round trips that differ by less are alike: by a factor, or by so much, below
 * which a busy host says nothing.  Who has a partition keeps it up to KEEP, so
 * that trips which go up and down move nothing.
 */
#define ALIKE_FACTOR 2
#define ALIKE_US 5000
#define KEEP_FACTOR 3
#define KEEP_US 10000
#define KEEP_LIMIT 1.25 /* of max-latency */

/* All of one call. */
typedef struct deal {
    const place_wish *w;
    const place_member *m;
    size_t n;
    int32_t partitions;
    int *holder;       /* of each partition; -1: nobody */
    unsigned char *in; /* [partitions][n]: is it one of the best? */
    unsigned char *keep;
    int64_t *given, *need, *share, *rest; /* of each member */
    place_row *row;
} deal;

/* --- which members are the best for one partition --- */

static size_t count(const unsigned char *in, size_t n)
{
    size_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += in[i];
    return sum;
}

/* Leave only those of [in] that are in d->keep, where there is one: [cause]
 * goes into what decided, else into what could not be had.
 */
static bool narrow(const deal *d, unsigned char *in, place_row *r,
                   unsigned cause)
{
    size_t before = count(in, d->n), after = 0;

    for (size_t i = 0; i < d->n; i++)
        after += in[i] && d->keep[i];
    if (after == 0) {
        r->unmet |= cause;
        return false;
    }
    for (size_t i = 0; i < d->n; i++)
        in[i] = in[i] && d->keep[i];
    if (after < before)
        r->by |= cause;
    return true;
}

/* Whoever has just come up takes nothing from one that lives: a pool that
 * comes and goes would have its partitions move each time.
 */
static void leave_new(const deal *d, unsigned char *in, int32_t k, place_row *r)
{
    for (size_t i = 0; i < d->n; i++)
        d->keep[i] = d->m[i].settled || d->holder[k] == (int)i;
    (void)narrow(d, in, r, PLACE_NEW); /* the one that has it is there */
}

static void leave_avoided(const deal *d, unsigned char *in, place_row *r)
{
    for (size_t i = 0; i < d->n; i++)
        d->keep[i] = !place_site_is_of(d->m[i].site, d->w->avoid);
    narrow(d, in, r, PLACE_AVOID);
}

static void take_sites(const deal *d, unsigned char *in, place_row *r)
{
    for (size_t i = 0; i < d->n; i++)
        d->keep[i] = place_site_is_of(d->m[i].site, d->w->site);
    narrow(d, in, r, PLACE_SITE);
}

/* Is one there?  Where none is, distances decide. */
static bool take_devices(const deal *d, unsigned char *in, const char *at,
                         place_row *r)
{
    for (size_t i = 0; i < d->n; i++)
        d->keep[i] = !strcmp(d->m[i].site, at);
    if (narrow(d, in, r, PLACE_DEVICES))
        return true;
    r->unmet &= ~(unsigned)PLACE_DEVICES;
    return false;
}

static void take_nearest(const deal *d, unsigned char *in, int32_t k,
                         place_row *r)
{
    int64_t best = 0;

    for (size_t i = 0; i < d->n; i++) {
        int64_t us = d->m[i].trip_us[k];

        if (in[i] && us > 0 && (best == 0 || us < best))
            best = us;
    }
    for (size_t i = 0; i < d->n; i++) {
        bool has = d->holder[k] == (int)i;
        int64_t far = best * (has ? KEEP_FACTOR : ALIKE_FACTOR);
        int64_t slack = best + (has ? KEEP_US : ALIKE_US);

        d->keep[i] = d->m[i].trip_us[k] > 0 &&
                     d->m[i].trip_us[k] <= (far > slack ? far : slack);
    }
    narrow(d, in, r, PLACE_TRIP);
}

/* One whose trip is not known yet is not too far.  Where all are, the nearest
 * is the best there is.
 */
static void leave_far(const deal *d, unsigned char *in, int32_t k, place_row *r)
{
    double limit = d->w->max_s * 1e6;

    for (size_t i = 0; i < d->n; i++)
        d->keep[i] = d->m[i].trip_us[k] <=
                     limit * (d->holder[k] == (int)i ? KEEP_LIMIT : 1);
    if (!narrow(d, in, r, PLACE_LATENCY))
        take_nearest(d, in, k, r);
}

/* What is preferred, in the order of its weight. */
static void prefer(const deal *d, unsigned char *in, int32_t k, const char *at)
{
    place_row *r = &d->row[k];
    bool near = false;

    if (d->w->avoid)
        leave_avoided(d, in, r);
    if (d->w->max_s > 0)
        leave_far(d, in, k, r);
    if (d->w->site)
        take_sites(d, in, r);
    if (d->w->near && at)
        near = take_devices(d, in, at, r);
    if (d->w->near)
        take_nearest(d, in, k, r);
    if (near)
        r->unmet &= ~(unsigned)PLACE_TRIP;
}

/* Would it go from one that lives to some that have just come up? */
static bool goes_to_new(const deal *d, const unsigned char *in, int32_t k)
{
    int h = d->holder[k];

    if (h < 0 || in[h])
        return false;
    for (size_t i = 0; i < d->n; i++)
        if (in[i] && d->m[i].settled)
            return false;
    return true;
}

static void choose(const deal *d, int32_t k, const char *at)
{
    unsigned char *in = d->in + (size_t)k * d->n;
    place_row *r = &d->row[k];

    *r = (place_row){.member = -1};
    memset(in, 1, d->n);
    prefer(d, in, k, at);
    if (goes_to_new(d, in, k)) {
        *r = (place_row){.member = -1};
        memset(in, 1, d->n);
        leave_new(d, in, k, r);
        prefer(d, in, k, at);
    }
    r->alike = (int)count(in, d->n);
}

/* --- shares of those that are as good --- */

/* Into d->share: [total] by the ranks of those with need >= 0. */
static void set_shares(const deal *d, int64_t total)
{
    int64_t ranks = 0, left = total;

    for (size_t i = 0; i < d->n; i++)
        ranks += d->need[i] < 0 ? 0 : d->m[i].ranks;
    for (size_t i = 0; i < d->n; i++) {
        if (d->need[i] < 0)
            continue;
        d->share[i] = total * d->m[i].ranks / ranks;
        d->rest[i] = total * d->m[i].ranks % ranks;
        left -= d->share[i];
    }
    for (; left > 0; left--) {
        size_t most = d->n;

        for (size_t i = 0; i < d->n; i++)
            if (d->need[i] >= 0 && (most == d->n || d->rest[i] > d->rest[most]))
                most = i;
        if (most == d->n)
            return;
        d->share[most]++;
        d->rest[most] = -1;
    }
}

/* How many of [size] partitions each member of [in] is to get, into d->need,
 * where it counts what they have been given of others.
 */
static void allot(const deal *d, const unsigned char *in, int64_t size)
{
    bool again = true;

    for (size_t i = 0; i < d->n; i++)
        d->need[i] = in[i] ? 0 : -1;
    while (again) {
        int64_t total = size;

        again = false;
        for (size_t i = 0; i < d->n; i++)
            total += d->need[i] < 0 ? 0 : d->given[i];
        set_shares(d, total);
        for (size_t i = 0; i < d->n; i++)
            if (d->need[i] >= 0 && d->share[i] < d->given[i]) {
                d->need[i] = -1; /* it has enough of others */
                again = true;
            }
    }
    for (size_t i = 0; i < d->n; i++)
        d->need[i] = d->need[i] < 0 ? 0 : d->share[i] - d->given[i];
}

static bool is_same(const deal *d, int32_t a, int32_t b)
{
    return !memcmp(d->in + (size_t)a * d->n, d->in + (size_t)b * d->n, d->n);
}

static void give(deal *d, int32_t k, size_t member)
{
    d->row[k].member = (int)member;
    d->given[member]++;
    d->need[member]--;
}

/* Those for which the same members are the best as for [first]: who has one
 * keeps it, the rest in order.
 */
static void deal_alike(deal *d, int32_t first)
{
    const unsigned char *in = d->in + (size_t)first * d->n;
    int64_t size = 0;

    for (int32_t k = first; k < d->partitions; k++)
        size += d->row[k].member < 0 && is_same(d, k, first);
    allot(d, in, size);
    for (int32_t k = first; k < d->partitions; k++) {
        int h = d->holder[k];

        if (d->row[k].member < 0 && h >= 0 && is_same(d, k, first) && in[h] &&
            d->need[h] > 0)
            give(d, k, (size_t)h);
    }
    for (int32_t k = first; k < d->partitions; k++) {
        if (d->row[k].member >= 0 || !is_same(d, k, first))
            continue;
        for (size_t i = 0; i < d->n && d->row[k].member < 0; i++)
            if (in[i] && d->need[i] > 0)
                give(d, k, i);
    }
}

/* The fewer could have it the earlier: the others even that out. */
static void deal_all(deal *d)
{
    for (size_t alike = 1; alike <= d->n; alike++)
        for (int32_t k = 0; k < d->partitions; k++)
            if (d->row[k].member < 0 && d->row[k].alike == (int)alike)
                deal_alike(d, k);
}

/* --- all of it --- */

static int deal_open(deal *d, pe_error *errp)
{
    size_t n = d->n, all = (size_t)d->partitions;

    d->holder = calloc(all + 1, sizeof(*d->holder));
    d->in = calloc(all + 1, n);
    d->keep = calloc(n, 1);
    d->given = calloc(4 * n, sizeof(*d->given));
    if (!d->holder || !d->in || !d->keep || !d->given)
        return pe_error_nomem(errp);
    d->need = d->given + n;
    d->share = d->need + n;
    d->rest = d->share + n;
    for (size_t k = 0; k < all; k++)
        d->holder[k] = -1;
    for (size_t i = 0; i < n; i++)
        for (size_t a = 0; a < d->m[i].n_has; a++)
            if (d->m[i].has[a] < d->partitions)
                d->holder[d->m[i].has[a]] = (int)i;
    return 0;
}

int place_decide(const place_look *l, place_row *row, pe_error *errp)
{
    deal d = {.w = l->wish,
              .m = l->m,
              .n = l->n,
              .partitions = l->partitions,
              .row = row};
    int rc = 0;

    for (int32_t k = 0; k < l->partitions; k++)
        row[k] = (place_row){.member = -1};
    if (l->n == 0)
        return 0;
    rc = deal_open(&d, errp);
    for (int32_t k = 0; rc == 0 && k < l->partitions; k++)
        choose(&d, k, l->at ? l->at[k] : NULL);
    if (rc == 0)
        deal_all(&d);
    free(d.holder);
    free(d.in);
    free(d.keep);
    free(d.given);
    return rc;
}
