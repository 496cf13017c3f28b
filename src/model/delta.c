/* delta.c - what blocks have changed, as a plain value. */
#include <pilot/model.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Room for [bytes]; what was there is not kept. */
static int reserve(void **p, size_t *hadp, size_t bytes, pe_error *errp)
{
    void *q;

    if (*p && bytes <= *hadp)
        return 0;
    bytes = (bytes + 64) / 64 * 64;
    q = aligned_alloc(64, bytes);
    if (!q)
        return pe_error_nomem(errp);
    free(*p);
    *p = q;
    *hadp = bytes;
    return 0;
}

int pe_delta_alloc(pe_delta *d, pe_error *errp)
{
    size_t sum = d->n_sum * sizeof(*d->sum);
    size_t count = d->n_count * sizeof(*d->count);

    if (reserve((void **)&d->sum, &d->bytes[0], sum, errp) < 0 ||
        reserve((void **)&d->count, &d->bytes[1], count, errp) < 0 ||
        reserve((void **)&d->tag, &d->bytes[2], d->n_tag * sizeof(*d->tag),
                errp) < 0)
        return -1;
    memset(d->sum, 0, sum);
    memset(d->count, 0, count);
    return 0;
}

int pe_delta_reset(pe_delta *d, const pe_model *base, pe_error *errp)
{
    size_t had = d->n_cells * sizeof(*d->cells);

    d->blob.len = 0;
    d->points = d->masked = d->outliers = 0;
    d->sealed = false;
    if (reserve((void **)&d->cells, &had, base->features * sizeof(*d->cells),
                errp) < 0)
        return -1;
    d->n_cells = base->features;
    memset(d->cells, 0, d->n_cells * sizeof(*d->cells));
    return base->ops->delta_init(base, d, errp);
}

pe_delta *pe_delta_create(const pe_model *base, pe_error *errp)
{
    pe_delta *d = calloc(1, sizeof(*d));

    if (!d) {
        pe_error_nomem(errp);
        return NULL;
    }
    if (pe_delta_reset(d, base, errp) < 0) {
        pe_delta_destroy(d);
        return NULL;
    }
    return d;
}

void pe_delta_destroy(pe_delta *d)
{
    if (!d)
        return;
    free(d->sum);
    free(d->count);
    free(d->tag);
    free(d->cells);
    pe_buffer_free(&d->blob);
    if (d->work)
        d->work_destroy(d->work);
    free(d);
}

int pe_delta_seal(const pe_model *base, pe_delta *d, pe_error *errp)
{
    if (d->sealed)
        return 0;
    d->sealed = true;
    return base->ops->seal ? base->ops->seal(base, d, errp) : 0;
}

int pe_delta_veil(const pe_model *base, pe_delta *d, uint64_t least,
                  pe_error *errp)
{
    int rc;

    if (!base->ops->veil)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "model %s cannot learn where its rows have to stay",
                            base->ops->name);
    rc = base->ops->veil(base, d, least, errp);
    d->sealed = rc > 0 && !base->warming;
    return rc;
}

int pe_delta_admit(const pe_model *base, pe_delta *d, const pe_block *from,
                   pe_error *errp)
{
    if (!base->ops->admit)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "model %s takes nothing that devices have learned",
                            base->ops->name);
    if (!pe_delta_finite(d))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "a delta with a sum that is not finite");
    return base->ops->admit(base, d, from, errp);
}

bool pe_delta_empty(const pe_delta *d)
{
    return !d->points && !d->masked && !d->blob.len;
}

bool pe_delta_finite(const pe_delta *d)
{
    for (size_t i = 0; i < d->n_sum; i++)
        if (!isfinite(d->sum[i]))
            return false;
    return true;
}

static bool same_lanes(const pe_delta *a, const pe_delta *b)
{
    return a->n_sum == b->n_sum && a->n_count == b->n_count &&
           a->n_tag == b->n_tag &&
           (!a->n_tag || !memcmp(a->tag, b->tag, a->n_tag * sizeof(*a->tag)));
}

static void add_lanes(pe_delta *into, const pe_delta *from)
{
    for (size_t i = 0; i < into->n_sum; i++)
        into->sum[i] += from->sum[i];
    for (size_t i = 0; i < into->n_count; i++)
        into->count[i] =
            (int64_t)((uint64_t)into->count[i] + (uint64_t)from->count[i]);
}

/* A delta that was made while warming has none: its rows are in the blob. */
static bool has_lanes(const pe_delta *d)
{
    return d->n_sum || d->n_count || d->n_tag;
}

static int take_lanes(pe_delta *into, const pe_delta *from, pe_error *errp)
{
    into->n_sum = from->n_sum;
    into->n_count = from->n_count;
    into->n_tag = from->n_tag;
    if (pe_delta_alloc(into, errp) < 0)
        return -1;
    add_lanes(into, from);
    if (from->n_tag)
        memcpy(into->tag, from->tag, from->n_tag * sizeof(*from->tag));
    return 0;
}

static int merge_lanes(const pe_model_ops *ops, pe_delta *into,
                       const pe_delta *from, pe_error *errp)
{
    if (!has_lanes(from))
        return 0;
    if (!has_lanes(into))
        return take_lanes(into, from, errp);
    if (ops->align_lanes && !same_lanes(into, from))
        ops->align_lanes(into, from);
    add_lanes(into, from);
    return 0;
}

void pe_delta_count(pe_delta *d, const pe_model *base, const float *scores,
                    uint32_t points)
{
    for (uint32_t i = 0; i < points; i++) {
        bool there = !isnan(scores[i]);

        d->points += there;
        d->masked += !there;
        d->outliers += (double)scores[i] > base->threshold;
    }
}

int pe_delta_merge(const pe_model_ops *ops, pe_delta *into,
                   const pe_delta *from, pe_error *errp)
{
    if (from->blob.len && ops->merge_blob &&
        ops->merge_blob(into, from->blob.data, from->blob.len, errp) < 0)
        return -1;
    if (merge_lanes(ops, into, from, errp) < 0)
        return -1;
    into->points += from->points;
    into->masked += from->masked;
    for (uint32_t i = 0; i < from->n_cells && i < into->n_cells; i++)
        into->cells[i] += from->cells[i];
    into->outliers += from->outliers;
    into->sealed = into->sealed || from->sealed;
    return 0;
}
