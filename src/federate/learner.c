/* learner.c - a model that learns on a device, and tells of it by deltas. */
#include "learner.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/federate/delta.h"

/* Rows that are kept as they are, of a warm-up, at most. */
#define RAW_BYTES (UINT64_C(4) << 20)

struct learner {
    learner_conf c, next; /* next: from when nothing is held */
    bool revised;         /* there is a next, or was one */
    pe_model *base;       /* what [delta] is learned from; NULL: not yet */
    pe_delta *delta;      /* NULL: not yet */
    uint64_t blocks, first, last; /* of the delta */
    bool told;                    /* there was a delta */
    size_t veiled;                /* bytes of what stands for rows */
    int64_t since_ns;             /* of the last delta, or the first block */
    pe_block aligned;             /* copy of a block; its storage stays */
    pe_buffer bytes;
};

learner *learner_create(const learner_conf *c, pe_error *errp)
{
    learner *l = calloc(1, sizeof(*l));

    if (!l) {
        pe_error_nomem(errp);
        return NULL;
    }
    l->c = *c;
    return l;
}

void learner_destroy(learner *l)
{
    if (!l)
        return;
    pe_delta_destroy(l->delta);
    pe_model_destroy(l->base);
    pe_block_release(&l->aligned);
    pe_buffer_free(&l->bytes);
    free(l);
}

void learner_revise(learner *l, const learner_conf *c)
{
    int32_t number = l->c.number;

    l->next = *c;
    l->next.number = number;
    l->revised = true;
}

/* --- what is learned from --- */

/* Is [m] a model as [c] wants it?  What all models have does not shape one. */
static bool is_of(const pe_model *m, const learner_conf *c)
{
    if (strcmp(m->ops->name, c->kind) != 0)
        return false;
    for (const pe_option_spec *s = m->ops->options; s && s->name; s++) {
        const char *is = pe_options_text(m->options, s->name);
        const char *wanted = pe_options_text(c->options, s->name);

        if (strcmp(is ? is : "", wanted ? wanted : "") != 0)
            return false;
    }
    return true;
}

/* Nothing is held: the newest revision is what comes is learned by. */
static void take_revision(learner *l)
{
    l->c = l->next;
    if (!l->base || is_of(l->base, &l->c))
        return;
    pe_delta_destroy(l->delta);
    pe_model_destroy(l->base);
    l->delta = NULL;
    l->base = NULL;
    l->told = false;
}

static bool is_same(const pe_model *a, const pe_model *b)
{
    return a && !strcmp(a->commit, b->commit) && a->version == b->version;
}

/* Nothing is held: the newest model of the run, or one of our own that warms
 * up, is the base of what comes.
 */
static int take_base(learner *l, const pe_model *newest, uint32_t features,
                     pe_error *errp)
{
    pe_delta *fresh;
    pe_model *base;

    /* What the run has is not for these rows: say so as a rank would. */
    if (newest && newest->warming && newest->features == features)
        newest = NULL;
    /* Until there is a commit under a revision, the model is of before it. */
    if (newest && l->revised && !is_of(newest, &l->c))
        newest = NULL;
    if (newest ? is_same(l->base, newest) : l->base && !l->base->version)
        return 0;
    base = newest ? pe_model_copy(newest, errp)
                  : pe_model_create(l->c.kind, l->c.options, features, errp);
    fresh = base ? pe_delta_create(base, errp) : NULL;
    if (!fresh) {
        pe_model_destroy(base);
        return -1;
    }
    if (l->delta && base->ops->remember)
        base->ops->remember(fresh, l->delta);
    pe_delta_destroy(l->delta);
    pe_model_destroy(l->base);
    l->base = base;
    l->delta = fresh;
    return 0;
}

/* Models read aligned rows. */
static const pe_block *align(learner *l, const pe_block *b, pe_error *errp)
{
    if ((uintptr_t)b->data % 64 == 0 ||
        l->base->ops->flags & PE_MODEL_UNALIGNED)
        return b;
    return pe_block_copy(&l->aligned, b, errp) < 0 ? NULL : &l->aligned;
}

/* Bounded memory: what stands for the rows takes their place. */
static int keep_bounded(learner *l, pe_error *errp)
{
    int rc;

    if (!l->base->warming || l->delta->blob.len - l->veiled < RAW_BYTES)
        return 0;
    rc = pe_delta_veil(l->base, l->delta, l->c.least, errp);
    l->veiled = rc > 0 ? l->delta->blob.len : l->veiled;
    return rc < 0 ? -1 : 0;
}

int learner_fold(learner *l, const pe_model *newest, const pe_block *b,
                 pe_error *errp)
{
    const pe_block *in;
    pe_block own;

    if (l->blocks == 0 && l->revised)
        take_revision(l);
    if (l->blocks == 0 && take_base(l, newest, b->features, errp) < 0)
        return -1;
    in = align(l, b, errp);
    if (!in)
        return -1;
    /* Draws of a model are by origin: the same whenever it is sensed. */
    own = *in;
    own.partition = l->c.number;
    own.offset = (int64_t)b->seq;
    if (pe_model_update(l->base, l->delta, &own, NULL, errp) < 0)
        return -1;
    if (l->blocks++ == 0)
        l->first = b->seq;
    l->last = b->seq;
    if (!l->since_ns)
        l->since_ns = clock_mono_ns();
    return keep_bounded(l, errp);
}

/* --- deltas --- */

static bool is_enough(const learner *l)
{
    const pe_model_ops *ops = l->base->ops;

    return !l->base->warming || !ops->full || ops->full(l->base, l->delta);
}

bool learner_due(const learner *l, int64_t now_ns)
{
    if (l->blocks == 0)
        return false;
    if (!is_enough(l))
        return false;
    return !l->told ||
           now_ns - l->since_ns >= (int64_t)(l->c.within_s * (double)CLOCK_S);
}

static int encode(learner *l, learner_delta *out, pe_error *errp)
{
    const pe_delta *d = l->delta;

    if (federate_encode(l->base, d, &l->bytes, errp) < 0)
        return -1;
    *out = (learner_delta){.data = l->bytes.data,
                           .len = l->bytes.len,
                           .blocks = l->blocks,
                           .rows = d->points,
                           .masked = d->masked,
                           .outliers = d->outliers,
                           .first = l->first,
                           .last = l->last,
                           .version = l->base->version,
                           .features = l->base->features};
    return 0;
}

int learner_cut(learner *l, int64_t now_ns, learner_delta *out, pe_error *errp)
{
    int rc;

    if (l->blocks == 0)
        return 0;
    rc = pe_delta_veil(l->base, l->delta, l->c.least, errp);
    if (rc <= 0)
        return rc;
    if (encode(l, out, errp) < 0 || pe_delta_reset(l->delta, l->base, errp) < 0)
        return -1;
    l->blocks = 0;
    l->veiled = 0;
    l->told = true;
    l->since_ns = now_ns;
    return 1;
}

uint64_t learner_held(const learner *l, uint64_t *rowsp)
{
    *rowsp = l->blocks ? l->delta->points : 0;
    return l->blocks;
}

uint64_t learner_least(const learner *l)
{
    return l->c.least;
}

uint64_t learner_version(const learner *l)
{
    return l->base ? l->base->version : 0;
}
