/* walk_array.c - lists of numbers and arrays of msgpack-numpy, as fields. */
#include "walk.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

/* --- msgpack-numpy: {nd, type, kind, shape, data} --- */

typedef struct numpy {
    bool is; /* nd, type and data are there */
    bool nd, has_type, has_data, masked;
    element e;
    const char *other; /* what it is an array of, if not of numbers */
    uint64_t dim[CODEC_DIMS_MAX];
    unsigned dims;
    const char *data;
    size_t len;
} numpy;

/* "<f8" */
static void take_type(const doc *d, const doc_node *v, numpy *n)
{
    char said[16] = "";
    size_t len = doc_text(d, v, said, sizeof(said) - 1);
    const char *p = said;
    unsigned long size;
    char *end;

    n->has_type = true;
    n->other = "an array of no plain numbers";
    if (len == SIZE_MAX || len < 2)
        return;
    n->e.big = *p == '>';
    p += strchr("<>|=", *p) != NULL;
    if (!isdigit((unsigned char)p[1]))
        return;
    size = strtoul(p + 1, &end, 10);
    if (*end || size > 8 || !element_is_known(*p, size))
        return;
    n->e.kind = *p;
    n->e.size = (unsigned char)size;
    n->other = NULL;
}

static int take_shape(doc *d, doc_node *v, numpy *n, pe_error *errp)
{
    doc_node item;
    int rc;

    if (v->kind != DOC_LIST)
        return codec_fail(errp, "a shape is none");
    while ((rc = doc_more(d, v, errp)) > 0) {
        if (doc_value(d, &item, errp) < 0)
            return -1;
        if (item.kind != DOC_NUMBER || !(item.number >= 0) ||
            item.number > 4294967295.0 || n->dims == CODEC_DIMS_MAX)
            return codec_fail(errp, "a shape is none");
        n->dim[n->dims++] = (uint64_t)item.number;
    }
    return rc;
}

/* One member; 0: it is none of such an array's. */
static int take_member(doc *d, numpy *n, pe_error *errp)
{
    doc_node key, v;

    if (doc_key(d, &key, errp) < 0 || doc_value(d, &v, errp) < 0)
        return -1;
    if (doc_is(d, &key, "nd") && v.kind == DOC_BOOL) {
        n->is = true;
        n->nd = v.number != 0;
    } else if (doc_is(d, &key, "type")) {
        take_type(d, &v, n);
    } else if (doc_is(d, &key, "shape")) {
        return take_shape(d, &v, n, errp) < 0 ? -1 : 1;
    } else if (doc_is(d, &key, "data") &&
               (v.kind == DOC_BYTES || v.kind == DOC_TEXT)) {
        n->has_data = true;
        n->data = v.at;
        n->len = v.len;
    } else if (doc_is(d, &key, "data") && v.kind == DOC_MAP && n->is) {
        /* numpy.ma: the array within, also where it is masked. */
        n->has_data = n->masked = true;
    } else if (!doc_is(d, &key, "kind")) {
        return 0;
    }
    return doc_skip(d, &v, errp) < 0 ? -1 : 1;
}

static int check_data(walk *w, const numpy *n, size_t *countp, pe_error *errp)
{
    size_t count = 1, bytes;
    char shape[64];

    for (unsigned i = 0; i < n->dims; i++)
        if (__builtin_mul_overflow(count, (size_t)n->dim[i], &count))
            count = SIZE_MAX;
    if (!__builtin_mul_overflow(count, (size_t)n->e.size, &bytes) &&
        bytes == n->len) {
        *countp = count;
        return 0;
    }
    grid_shape_text(n->dim, n->dims, shape, sizeof(shape));
    return codec_fail(errp,
                      "'%s': %zu byte%s of data where shape %s of %s has "
                      "others",
                      codec_shown_name(w->path, w->len), n->len, text_s(n->len),
                      shape, element_name(n->e));
}

/* 1: it is one, and behind us; 0: it is none, and [w] is where it was. */
static int read_numpy(walk *w, doc_node *v, numpy *n, size_t *countp,
                      pe_error *errp)
{
    doc at = w->d;
    doc_node head = *v;
    pe_error e = {0};
    int rc = w->d.packed && v->left <= 5, more = 1;

    *n = (numpy){.other = "an array of no plain numbers"};
    while (rc > 0 && (more = doc_more(&w->d, v, &e)) > 0)
        rc = take_member(&w->d, n, &e);
    if (rc <= 0 || more < 0 || !n->is || !n->has_type || !n->has_data) {
        w->d = at;
        *v = head;
        return 0;
    }
    if (!n->nd)
        n->dims = 0;
    if (n->masked)
        n->other = "a masked array, whose mask is lost";
    if (n->other)
        return 1;
    return check_data(w, n, countp, errp) < 0 ? -1 : 1;
}

int walk_numpy(walk *w, doc_node *v, pe_error *errp)
{
    size_t count = 0;
    codec_field *f;
    numpy n;
    int rc = read_numpy(w, v, &n, &count, errp);

    if (rc <= 0)
        return rc;
    f = walk_field(w, errp);
    if (!f)
        return -1;
    f->type = n.other;
    f->e = n.e;
    f->raw = n.data;
    f->stride = n.e.size;
    f->dims = n.dims;
    memcpy(f->dim, n.dim, sizeof(n.dim));
    if (!f->type && count == 0)
        f->type = "an empty array";
    if (codec_is_clock(w->c, w->path, w->len) &&
        codec_clock_field(w->c, f, errp) < 0)
        return -1;
    return 1;
}

/* --- lists --- */

/* What lists within each other have turned out to be so far. */
typedef struct nest {
    uint64_t dim[CODEC_DIMS_MAX];
    bool known[CODEC_DIMS_MAX];
    unsigned leaf; /* how deep the numbers are; 0: none came yet */
    bool lost;
    bool objects; /* the first item of all is one */
    const char *why;
} nest;

static int is_none(nest *s, const char *why)
{
    s->why = why;
    return 0;
}

/* [n] at this level: the same as every time? */
static bool agree(nest *s, unsigned level, uint64_t n)
{
    if (level >= CODEC_DIMS_MAX)
        return false;
    if (!s->known[level]) {
        s->known[level] = true;
        s->dim[level] = n;
    }
    return s->dim[level] == n;
}

static bool agree_leaf(nest *s, unsigned level)
{
    if (s->leaf == 0)
        s->leaf = level;
    return s->leaf == level;
}

static int push_numpy(walk *w, const numpy *n, size_t count, nest *s,
                      unsigned level, pe_error *errp)
{
    double *to;

    if (n->other)
        return is_none(s, "a list of arrays of no plain numbers");
    for (unsigned i = 0; i < n->dims; i++)
        if (!agree(s, level + i, n->dim[i]))
            return is_none(s, "a list of arrays of several shapes");
    if (!agree_leaf(s, level + n->dims))
        return is_none(s, "a list of lists and numbers");
    to = codec_number_room(w->c, count, errp);
    if (!to)
        return -1;
    if (element_load((element_from){n->e, n->data, n->e.size}, count,
                     (element_to){to, PE_F8, 1}))
        s->lost = true;
    return 1;
}

static int push_list(walk *w, doc_node *list, nest *s, unsigned level,
                     pe_error *errp);

/* An item at [level].  1: numbers; 0: something else, s->why; -1. */
static int push_item(walk *w, nest *s, unsigned level, pe_error *errp)
{
    size_t count = 1;
    doc_node v;
    numpy n;
    int rc;

    if (doc_value(&w->d, &v, errp) < 0)
        return -1;
    switch (v.kind) {
    case DOC_LIST:
        return push_list(w, &v, s, level, errp);
    case DOC_MAP:
        rc = read_numpy(w, &v, &n, &count, errp);
        s->objects = rc == 0 && level == 1 && s->leaf == 0;
        if (rc == 0)
            return is_none(s, "a list of objects");
        return rc < 0 ? -1 : push_numpy(w, &n, count, s, level, errp);
    case DOC_NUMBER:
    case DOC_BOOL:
    case DOC_NIL:
        if (!agree_leaf(s, level))
            return is_none(s, "a list of lists and numbers");
        s->lost = s->lost || v.lost;
        rc = codec_number_add(w->c, v.kind == DOC_NIL ? (double)NAN : v.number,
                              errp);
        return rc < 0 ? -1 : 1;
    default:
        return is_none(s, "a list of text");
    }
}

static int push_list(walk *w, doc_node *list, nest *s, unsigned level,
                     pe_error *errp)
{
    uint64_t n = 0;
    int rc, more;

    if (level >= CODEC_DIMS_MAX)
        return is_none(s, "a list of too many axes");
    while ((more = doc_more(&w->d, list, errp)) > 0) {
        rc = push_item(w, s, level + 1, errp);
        if (rc <= 0)
            return rc;
        n++;
    }
    if (more < 0)
        return -1;
    if (n == 0)
        return is_none(s, "an empty list");
    return agree(s, level, n) ? 1 : is_none(s, "a list of uneven lists");
}

int walk_list(walk *w, doc_node *v, pe_error *errp)
{
    size_t before = w->c->n_number;
    doc at = w->d;
    doc_node head = *v;
    nest s = {0};
    codec_field *f = walk_field(w, errp);
    size_t which = w->c->n_field - 1;
    int rc = f ? push_list(w, v, &s, 0, errp) : -1;

    if (rc < 0)
        return -1;
    f = &w->c->field[which];
    if (rc > 0) {
        f->dims = s.leaf;
        f->lost = s.lost;
        memcpy(f->dim, s.dim, sizeof(s.dim));
        return 0;
    }
    w->c->n_number = before;
    w->d = at;
    *v = head;
    if (s.objects && !w->listed) {
        w->c->n_field = which;
        return walk_objects(w, v, errp);
    }
    f->type = s.why;
    return doc_skip(&w->d, v, errp);
}
