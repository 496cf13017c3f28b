/* audit.c - counts and sums of every device: what proves that a run is exact.
 */
#include "audit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/model/safetensors.h"

struct row {
    char *name;
    int64_t lane[AUDIT_LANES];
};

struct audit {
    pe_model base;
    struct row *rows;
    size_t n;
};

/* An entry of a delta's blob: this, then the name. */
struct entry {
    uint64_t len;
    int64_t lane[AUDIT_LANES];
};

static void add(int64_t *into, const int64_t *from)
{
    for (int i = 0; i < AUDIT_LANES; i++)
        into[i] = (int64_t)((uint64_t)into[i] + (uint64_t)from[i]);
}

void audit_fold(int64_t row[AUDIT_LANES], const pe_block *b)
{
    uint64_t sum = 0, squares = 0;

    for (uint32_t i = 0; i < b->points; i++) {
        for (uint32_t k = 0; k < b->features; k++) {
            double x = pe_block_at(b, i, k) * 1024;
            uint64_t v = fabs(x) < 9e18 ? (uint64_t)llrint(x) : 0;

            sum += v;
            squares += v * v;
        }
    }
    add(row, (int64_t[]){1, b->points, (int64_t)sum, (int64_t)squares});
}

size_t audit_devices(const pe_model *m)
{
    return ((const struct audit *)m)->n;
}

const char *audit_device(const pe_model *m, size_t i, const int64_t **rowp)
{
    const struct row *r = &((const struct audit *)m)->rows[i];

    *rowp = r->lane;
    return r->name;
}

static pe_model *create(const pe_options *o, uint32_t features, pe_error *errp)
{
    struct audit *a = calloc(1, sizeof(*a));

    (void)o;
    (void)features;
    if (!a) {
        pe_error_nomem(errp);
        return NULL;
    }
    a->base.threshold = INFINITY; /* nothing is an outlier */
    return &a->base;
}

static void destroy(pe_model *m)
{
    struct audit *a = (struct audit *)m;

    if (!a)
        return;
    for (size_t i = 0; i < a->n; i++)
        free(a->rows[i].name);
    free(a->rows);
    free(a);
}

static int delta_init(const pe_model *base, pe_delta *d, pe_error *errp)
{
    (void)base;
    return pe_delta_alloc(d, errp);
}

static int score(const pe_model *m, const pe_block *b, float *scores,
                 pe_error *errp)
{
    (void)m;
    (void)errp;
    memset(scores, 0, b->points * sizeof(*scores));
    return 0;
}

/* --- the blob: entries one after the other --- */

static unsigned char *find(pe_buffer *b, const char *name, size_t len)
{
    struct entry e;

    for (size_t at = 0; at + sizeof(e) <= b->len; at += sizeof(e) + e.len) {
        memcpy(&e, b->data + at, sizeof(e));
        if (e.len == len && !memcmp(b->data + at + sizeof(e), name, len))
            return b->data + at;
    }
    return NULL;
}

static int put(pe_buffer *b, const char *name, size_t len, const int64_t *lane,
               pe_error *errp)
{
    unsigned char *there = find(b, name, len);
    struct entry e = {.len = len};

    if (there) {
        memcpy(&e, there, sizeof(e));
        add(e.lane, lane);
        memcpy(there, &e, sizeof(e));
        return 0;
    }
    add(e.lane, lane);
    if (pe_buffer_reserve(b, b->len + sizeof(e) + len, errp) < 0)
        return -1;
    memcpy(b->data + b->len, &e, sizeof(e));
    memcpy(b->data + b->len + sizeof(e), name, len);
    b->len += sizeof(e) + len;
    return 0;
}

static int update(const pe_model *base, pe_delta *d, const pe_block *b,
                  float *scores, pe_error *errp)
{
    const char *name = b->device ? b->device : "";
    int64_t lane[AUDIT_LANES] = {0};

    audit_fold(lane, b);
    if (put(&d->blob, name, strlen(name), lane, errp) < 0)
        return -1;
    d->points += b->points;
    return scores ? score(base, b, scores, errp) : 0;
}

static int merge_blob(pe_delta *into, const unsigned char *from, size_t len,
                      pe_error *errp)
{
    struct entry e;

    for (size_t at = 0; at + sizeof(e) <= len; at += sizeof(e) + e.len) {
        memcpy(&e, from + at, sizeof(e));
        if (e.len > len - at - sizeof(e))
            return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                                "audit: a delta is cut");
        if (put(&into->blob, (const char *)from + at + sizeof(e), e.len, e.lane,
                errp) < 0)
            return -1;
    }
    return 0;
}

/* --- the model --- */

static int compare_name(const struct row *r, const char *name, size_t len)
{
    int c = strncmp(r->name, name, len);

    return c ? c : r->name[len] != '\0';
}

/* The row of [name]; a new one where it keeps the rows in order of name. */
static struct row *find_row(struct audit *a, const char *name, size_t len,
                            pe_error *errp)
{
    struct row *r, fresh = {0};
    size_t at = 0;

    while (at < a->n && compare_name(&a->rows[at], name, len) < 0)
        at++;
    if (at < a->n && compare_name(&a->rows[at], name, len) == 0)
        return &a->rows[at];
    fresh.name = strndup(name, len);
    r = realloc(a->rows, (a->n + 1) * sizeof(*r));
    if (r)
        a->rows = r;
    if (!r || !fresh.name) {
        free(fresh.name);
        pe_error_nomem(errp);
        return NULL;
    }
    memmove(r + at + 1, r + at, (a->n - at) * sizeof(*r));
    r[at] = fresh;
    a->n++;
    return &r[at];
}

static int apply(pe_model *m, const pe_delta *d, pe_error *errp)
{
    struct audit *a = (struct audit *)m;
    struct entry e;

    for (size_t at = 0; at < d->blob.len; at += sizeof(e) + e.len) {
        struct row *r;

        memcpy(&e, d->blob.data + at, sizeof(e));
        r = find_row(a, (const char *)d->blob.data + at + sizeof(e), e.len,
                     errp);
        if (!r)
            return -1;
        add(r->lane, e.lane);
    }
    m->points += d->points;
    return 0;
}

static int encode(const pe_model *m, pe_tensors *t, pe_error *errp)
{
    const struct audit *a = (const struct audit *)m;
    const tensor_form form = {TENSOR_I64, 2, {a->n, AUDIT_LANES}};
    const char **names = calloc(a->n + 1, sizeof(*names));
    int64_t *lanes = calloc(a->n + 1, sizeof(a->rows->lane));
    int rc = -1;

    if (!names || !lanes) {
        pe_error_nomem(errp);
        goto done;
    }
    for (size_t i = 0; i < a->n; i++) {
        names[i] = a->rows[i].name;
        memcpy(lanes + i * AUDIT_LANES, a->rows[i].lane,
               sizeof(a->rows[i].lane));
    }
    if (pe_tensors_put_list(t, "devices", names, a->n, errp) == 0)
        rc = pe_tensors_put(t, "audit", &form, lanes, errp);
done:
    free(names);
    free(lanes);
    return rc;
}

static int decode(pe_model *m, const pe_tensors *t, pe_error *errp)
{
    struct audit *a = (struct audit *)m;
    const int64_t *lanes;
    uint64_t shape[2];
    size_t n;
    char **names;
    int rc = -1;

    lanes = pe_tensors_get(t, "audit", TENSOR_I64, 2, shape, errp);
    if (!lanes)
        return -1;
    names = pe_tensors_list(t, "devices", &n, errp);
    if (!names)
        return -1;
    if (n != shape[0] || shape[1] != AUDIT_LANES) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "not an audit: %zu devices", n);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        struct row *r = find_row(a, names[i], strlen(names[i]), errp);

        if (!r)
            goto done;
        memcpy(r->lane, lanes + i * AUDIT_LANES, sizeof(r->lane));
    }
    rc = 0;
done:
    free(names);
    return rc;
}

const pe_model_ops audit_ops = {
    .abi = PE_MODEL_ABI,
    .name = "audit",
    .prose = "counts and sums of every device, exact",
    .flags = PE_MODEL_UNALIGNED | PE_MODEL_NO_SCORES,
    .create = create,
    .destroy = destroy,
    .delta_init = delta_init,
    .update = update,
    .score = score,
    .merge_blob = merge_blob,
    .apply = apply,
    .encode = encode,
    .decode = decode,
};
