/* file.c - an isolation forest as tensors and metadata. */
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "src/model/safetensors.h"
#include "trees.h"

/* Heaps as `feature`, `threshold` and `value`, (trees, 2^depth) each: node 1
 * is the root; a row goes right where x[feature] - shift > threshold; value
 * [i] is the path length of way i.  Floats hold all of it exactly.
 */
static int put_trees(const struct forest *f, pe_tensors *t, pe_error *errp)
{
    const tensor_form whole = {TENSOR_I64, 2, {f->trees, f->stride}};
    const tensor_form real = {TENSOR_F32, 2, {f->trees, f->stride}};
    size_t n = (size_t)f->trees * f->stride;
    int64_t *feature = malloc(n * sizeof(*feature));
    float *x = malloc(n * sizeof(*x));
    int rc = -1;

    if (!feature || !x) {
        pe_error_nomem(errp);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        feature[i] = f->feature[i];
        x[i] = i % f->stride ? forest_value_of(f->node[i]) : 0;
    }
    if (pe_tensors_put(t, "feature", &whole, feature, errp) < 0 ||
        pe_tensors_put(t, "threshold", &real, x, errp) < 0)
        goto done;
    for (size_t i = 0; i < n; i++)
        x[i] = (float)f->leaf[i] / (1 << FOREST_FRACTION);
    rc = pe_tensors_put(t, "value", &real, x, errp);
done:
    free(feature);
    free(x);
    return rc;
}

/* Rows of the window, oldest last added first in memory as they are. */
static int put_window(const struct iforest *m, pe_tensors *t, pe_error *errp)
{
    size_t d = m->base.features;
    const tensor_form form = {TENSOR_F32, 2, {m->rows, d}};
    float *x = malloc((m->rows * d + 1) * sizeof(*x));
    int rc;

    if (!x)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < m->rows; i++)
        for (size_t f = 0; f < d; f++)
            x[i * d + f] = forest_value_of(m->window[i * m->width + f]);
    rc = pe_tensors_put(t, "window", &form, x, errp);
    free(x);
    return rc;
}

/* --- where devices learn --- */

static bool is_of_devices(const struct iforest *m)
{
    for (uint32_t t = 0; t < m->forest.trees; t++)
        if (m->whose[t])
            return true;
    return false;
}

static int put_devices(const struct iforest *m, pe_tensors *t, pe_error *errp)
{
    const tensor_form each = {TENSOR_U64, 1, {m->forest.trees}};
    const tensor_form words = {TENSOR_U64, 1, {m->waiting.blob.len / 8}};

    if (is_of_devices(m) &&
        (pe_tensors_put(t, "tree_device", &each, m->whose, errp) < 0 ||
         pe_tensors_put(t, "tree_rows", &each, m->stands, errp) < 0))
        return -1;
    if (m->waiting.blob.len == 0)
        return 0;
    return pe_tensors_put_u64(t, "parts", m->parts, errp) < 0
               ? -1
               : pe_tensors_put(t, "waiting", &words, m->waiting.blob.data,
                                errp);
}

int iforest_encode(const pe_model *base, pe_tensors *t, pe_error *errp)
{
    const struct iforest *m = iforest_cof(base);
    const tensor_form form = {TENSOR_F64, 1, {base->features}};

    return pe_tensors_put_u64(t, "psi", m->sampled, errp) < 0 ||
                   pe_tensors_put_u64(t, "grown", m->grown, errp) < 0 ||
                   pe_tensors_put_u64(t, "ring", m->ring, errp) < 0 ||
                   pe_tensors_put_u64(t, "next", m->next, errp) < 0 ||
                   pe_tensors_put(t, "shift", &form, m->shift, errp) < 0 ||
                   put_trees(&m->forest, t, errp) < 0 ||
                   put_window(m, t, errp) < 0 || put_devices(m, t, errp) < 0 ||
                   threshold_encode(&m->threshold, t, errp) < 0
               ? -1
               : warmup_encode(&m->warmup, base, t, errp);
}

static int refuse(const char *what, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "not an isolation forest: %s", what);
}

static int get_trees(struct forest *f, const pe_tensors *t, pe_error *errp)
{
    uint64_t a[2], b[2], c[2];
    const int64_t *feature =
        pe_tensors_get(t, "feature", TENSOR_I64, 2, a, errp);
    const float *threshold =
        feature ? pe_tensors_get(t, "threshold", TENSOR_F32, 2, b, errp) : NULL;
    const float *value =
        threshold ? pe_tensors_get(t, "value", TENSOR_F32, 2, c, errp) : NULL;

    if (!value)
        return -1;
    if (a[0] != f->trees || a[1] != f->stride || memcmp(a, b, sizeof(a)) ||
        memcmp(a, c, sizeof(a)))
        return refuse("the trees are not of the shape of its options", errp);
    for (size_t i = 0; i < a[0] * a[1]; i++) {
        if (feature[i] < 0 || feature[i] >= f->features ||
            !(value[i] >= 0 && value[i] < 4096))
            return refuse("a node is out of range", errp);
        f->feature[i] = (uint16_t)feature[i];
        f->node[i] = i % f->stride ? forest_key_of(threshold[i]) : 0;
        f->leaf[i] = (uint32_t)(value[i] * (1 << FOREST_FRACTION));
        /* Packed, it names its feature: nothing else is compared with. */
        if (f->features <= FOREST_PACKED && i % f->stride &&
            f->node[i] % FOREST_PACKED != f->feature[i])
            return refuse("a threshold does not name its feature", errp);
    }
    forest_prepare(f);
    return 0;
}

static int get_window(struct iforest *m, const pe_tensors *t, pe_error *errp)
{
    uint64_t shape[2];
    size_t d = m->base.features;
    const float *x = pe_tensors_get(t, "window", TENSOR_F32, 2, shape, errp);

    if (!x)
        return -1;
    if (shape[0] > m->cap || shape[1] != d)
        return refuse("the window is not of the shape of its options", errp);
    m->rows = shape[0];
    for (size_t i = 0; i < m->rows; i++)
        for (size_t f = 0; f < d; f++)
            m->window[i * m->width + f] = forest_key_of(x[i * d + f]);
    return 0;
}

static int get_each(const struct iforest *m, const pe_tensors *t,
                    const char *name, uint64_t *to, pe_error *errp)
{
    uint64_t n;
    const uint64_t *from = pe_tensors_get(t, name, TENSOR_U64, 1, &n, errp);

    if (!from)
        return -1;
    if (n != m->forest.trees)
        return refuse("its devices are not those of its trees", errp);
    memcpy(to, from, n * sizeof(*to));
    return 0;
}

static int get_waiting(struct iforest *m, const pe_tensors *t, pe_error *errp)
{
    struct trees_item it;
    uint64_t n;
    size_t at = 0, end = 0;
    const uint64_t *words =
        pe_tensors_get(t, "waiting", TENSOR_U64, 1, &n, errp);

    if (!words || pe_tensors_u64(t, "parts", &m->parts, errp) < 0 ||
        pe_buffer_append(&m->waiting.blob, words, n * sizeof(*words), errp) < 0)
        return -1;
    for (; trees_next(&m->waiting.blob, &at, &it); end = at)
        if (!trees_check(&it, m))
            return refuse("a tree that waits cannot be", errp);
    return end == m->waiting.blob.len ? 0
                                      : refuse("what waits is not trees", errp);
}

static int get_devices(struct iforest *m, const pe_tensors *t, pe_error *errp)
{
    if (pe_tensors_find(t, "tree_device") &&
        (get_each(m, t, "tree_device", m->whose, errp) < 0 ||
         get_each(m, t, "tree_rows", m->stands, errp) < 0))
        return -1;
    return pe_tensors_find(t, "waiting") ? get_waiting(m, t, errp) : 0;
}

static int get_state(struct iforest *m, const pe_tensors *t, pe_error *errp)
{
    uint64_t psi, ring, next, d;
    const double *shift = pe_tensors_get(t, "shift", TENSOR_F64, 1, &d, errp);

    if (!shift || pe_tensors_u64(t, "psi", &psi, errp) < 0 ||
        pe_tensors_u64(t, "grown", &m->grown, errp) < 0 ||
        pe_tensors_u64(t, "ring", &ring, errp) < 0 ||
        pe_tensors_u64(t, "next", &next, errp) < 0)
        return -1;
    if (d != m->base.features || psi > m->psi || ring >= m->forest.trees ||
        next >= m->cap)
        return refuse("its counters are out of range", errp);
    memcpy(m->shift, shift, d * sizeof(*shift));
    m->sampled = (uint32_t)psi;
    m->ring = (uint32_t)ring;
    m->next = next;
    return 0;
}

int iforest_decode(pe_model *base, const pe_tensors *t, pe_error *errp)
{
    struct iforest *m = iforest_of(base);

    if (get_state(m, t, errp) < 0 || get_trees(&m->forest, t, errp) < 0 ||
        get_window(m, t, errp) < 0 || get_devices(m, t, errp) < 0 ||
        threshold_decode(&m->threshold, t, errp) < 0)
        return -1;
    return warmup_decode(&m->warmup, base, t, errp);
}
