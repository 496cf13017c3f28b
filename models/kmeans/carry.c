/* carry.c - centres that go on with other options. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "private.h"
#include "src/common/random.h"
#include "src/common/text.h"

/* A new centre is put so much of a limit, which is 32 widths of the first fit,
 * beside the one it comes from: far enough to be told from it, and well within
 * the same points.
 */
#define ASIDE 0x1p-8

struct ranked {
    double count;
    uint32_t at;
};

/* The heaviest first; of two alike the one that came first. */
static int by_count(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static void copy_centre(struct kmeans *to, uint32_t j,
                        const struct kmeans *from, uint32_t i)
{
    size_t width = to->stride * sizeof(double), s = to->stride;

    memcpy(to->centers + j * s, from->centers + i * s, width);
    memcpy(to->origins + j * s, from->origins + i * s, width);
    to->counts[j] = from->counts[i];
    to->births[j] = from->births[i];
}

static uint32_t heaviest(const struct kmeans *k, uint32_t n)
{
    uint32_t at = 0;

    for (uint32_t j = 1; j < n; j++)
        if (k->counts[j] > k->counts[at])
            at = j;
    return at;
}

/* Centre [j] is half of the heaviest of those before it. */
static void split(struct kmeans *k, uint32_t j)
{
    uint32_t from = heaviest(k, j), d = k->base.features;
    double *c = k->centers + (size_t)j * k->stride;
    const double *at = k->centers + (size_t)from * k->stride;

    for (uint32_t f = 0; f < d; f++) {
        uint64_t draw = random_mix(k->base.seed ^ j, f);
        double far = (double)(draw >> 11) * 0x1p-53 - 0.5;

        c[f] = at[f] + 2 * far * ASIDE * k->limit[f];
    }
    memcpy(k->origins + (size_t)j * k->stride, c, k->stride * sizeof(*c));
    k->counts[from] /= 2;
    k->counts[j] = k->counts[from];
    /* What is committed is what all agree on. */
    k->births[j] = random_mix(k->births[from] + j, k->base.version + 1) | 1;
}

/* Which of the centres are among the [n] heaviest, new memory; *lostp is the
 * share of the points of all others.
 */
static bool *choose(const struct kmeans *k, uint32_t n, double *lostp)
{
    struct ranked *r = malloc(k->k * sizeof(*r));
    bool *stays = calloc(k->k, sizeof(*stays));
    double all = 0, lost = 0;

    for (uint32_t i = 0; r && i < k->k; i++) {
        r[i] = (struct ranked){k->counts[i], i};
        all += k->counts[i];
    }
    if (r)
        qsort(r, k->k, sizeof(*r), by_count);
    for (uint32_t i = 0; r && stays && i < k->k; i++) {
        stays[r[i].at] = i < n;
        lost += i < n ? 0 : r[i].count;
    }
    *lostp = all > 0 ? lost / all : 0;
    if (!r) {
        free(stays);
        stays = NULL;
    }
    free(r);
    return stays;
}

/* The heaviest as they are, in their order; then halves of the heaviest. */
static int take_centres(struct kmeans *to, const struct kmeans *from,
                        double *lostp, pe_error *errp)
{
    bool *stays = choose(from, to->k, lostp);
    uint32_t j = 0;

    if (!stays)
        return pe_error_nomem(errp);
    for (uint32_t i = 0; i < from->k; i++)
        if (stays[i])
            copy_centre(to, j++, from, i);
    for (; j < to->k; j++)
        split(to, j);
    free(stays);
    return 0;
}

/* [fresh]: the scores there are do not do for the threshold. */
static void tell(const struct kmeans *to, const struct kmeans *from,
                 double lost, bool fresh, char *words, size_t cap)
{
    const char *tail = fresh ? "; the window of its threshold is dropped" : "";

    if (to->k > from->k)
        snprintf(words, cap,
                 "all %u centres stay, and %u %s new, %s of the heaviest%s",
                 from->k, to->k - from->k, text_are(to->k - from->k),
                 to->k - from->k == 1 ? "a half" : "halves", tail);
    else if (to->k < from->k)
        snprintf(words, cap,
                 "%u of %u centres stay, those with the fewest points are "
                 "dropped, %.3g%% of all%s",
                 to->k, from->k, 100 * lost, tail);
    else
        snprintf(words, cap, "all %u centres stay%s", to->k, tail);
}

int kmeans_carry(pe_model *m, const pe_model *was, const pe_tensors *t,
                 char *words, size_t cap, pe_error *errp)
{
    const struct kmeans *from = kmeans_cof(was);
    struct kmeans *to = kmeans_of(m);
    double lost = 0;
    pe_error none;
    bool fresh;

    if (warmup_decode(&to->warmup, m, t, errp) < 0)
        return -1;
    if (was->warming) {
        snprintf(words, cap, "the rows of its warm-up stay");
        return 1;
    }
    memcpy(to->limit, from->limit, to->stride * sizeof(*to->limit));
    to->stale = from->stale;
    fresh = threshold_decode(&to->threshold, t, &none) < 0;
    if (take_centres(to, from, &lost, errp) < 0)
        return -1;
    kmeans_set_magic(to);
    kmeans_prepare(to);
    tell(to, from, lost, fresh, words, cap);
    return 1;
}
