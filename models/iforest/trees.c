/* trees.c - trees that have left their device, as an item of a delta. */
#include "trees.h"

#include <math.h>
#include <string.h>

#include "src/common/varint.h"

/* --- bytes of one tree --- */

size_t trees_room(size_t n)
{
    return (2 * n + 1) * VARINT_MAX;
}

size_t trees_write(unsigned char *out, const struct forest_told *node, size_t n,
                   uint32_t rows, uint64_t least)
{
    size_t len = varint_put(out, rows);

    for (size_t i = 0; i < n; i++) {
        if (node[i].rows) {
            len += varint_put(out + len, 0);
            len +=
                varint_put(out + len, node[i].rows < least ? 0 : node[i].rows);
            continue;
        }
        len += varint_put(out + len, 1 + (uint64_t)node[i].feature);
        memcpy(out + len, &node[i].node, sizeof(node[i].node));
        len += sizeof(node[i].node);
    }
    return len;
}

/* What a tree is read for: [m] alone says what it may be. */
struct reading {
    const struct iforest *m;
    const unsigned char *p;
    size_t len, at;
    uint64_t least, rows, sum; /* sum: in leaves */
    uint32_t node, depth;      /* that comes next */
    bool bad;
};

struct node {
    bool leaf;
    uint64_t rows;
    uint32_t feature;
    forest_key key;
};

static uint64_t read_number(struct reading *r)
{
    uint64_t v = 0;
    size_t n = varint_take(r->p + r->at, r->len - r->at, &v);

    r->bad = r->bad || n == 0;
    r->at += n;
    return v;
}

static void read_split(struct reading *r, uint64_t feature, struct node *out)
{
    uint32_t features = r->m->base.features;
    forest_key key = 0;

    if (feature >= features || r->depth >= r->m->forest.depth ||
        r->len - r->at < sizeof(key)) {
        r->bad = true;
        return;
    }
    memcpy(&key, r->p + r->at, sizeof(key));
    r->at += sizeof(key);
    /* Packed, it names its feature: nothing else is compared with.  -0 is no
     * key.
     */
    r->bad = r->bad || !isfinite(forest_value_of(key)) ||
             forest_key_of(forest_value_of(key)) != key ||
             (features <= FOREST_PACKED && key % FOREST_PACKED != feature);
    out->feature = (uint32_t)feature;
    out->key = key;
}

static void read_leaf(struct reading *r, struct node *out)
{
    out->rows = read_number(r);
    r->bad = r->bad || (out->rows && out->rows < r->least) ||
             out->rows > r->rows - r->sum;
    r->sum += r->bad ? 0 : out->rows;
}

static struct node read_node(struct reading *r)
{
    uint64_t word = read_number(r);
    struct node out = {.leaf = word == 0};

    if (out.leaf)
        read_leaf(r, &out);
    else
        read_split(r, word - 1, &out);
    return out;
}

/* Path behind a leaf that does not say how many rows it has: as it is on
 * average of all that are too few.
 */
static double path_of_few(uint64_t least, uint64_t rows)
{
    uint64_t n = least <= rows ? least - 1 : rows;
    double sum = 0;

    for (uint64_t i = 1; i <= n; i++)
        sum += forest_mean_path((double)i);
    return n ? sum / (double)n : 0;
}

/* The leaf's length as if its tree were one of psi rows.  A file has it as a
 * float: it is one.
 */
static uint32_t leaf_value(const struct reading *r, uint64_t rows)
{
    double psi = forest_mean_path(r->m->psi > 1 ? r->m->psi : 2);
    double path = r->depth + (rows ? forest_mean_path((double)rows)
                                   : path_of_few(r->least, r->rows));

    path *= psi / forest_mean_path((double)r->rows);
    return (uint32_t)(float)lrint(path * (1 << FOREST_FRACTION));
}

/* Where the tree goes, and its keys from their origin to the model's. */
struct target {
    struct iforest *m;
    uint32_t t;
    const struct trees_item *it;
};

/* As iforest_moved, but finite with any feature in its lowest bits. */
static forest_key move_key(forest_key key, double by)
{
    double v = (double)forest_value_of(key) + by;

    return forest_key_of((float)fmin(fmax(v, -0x1p127), 0x1p127));
}

static void put_split(const struct target *to, uint32_t at,
                      const struct node *node)
{
    struct forest *f = &to->m->forest;
    size_t i = (size_t)to->t * f->stride + at;
    double by =
        trees_shift(to->it, node->feature) - to->m->shift[node->feature];
    forest_key key = node->key;

    if (by < 0 || by > 0) {
        key = move_key(key, by);
        if (f->features <= FOREST_PACKED)
            key = key / FOREST_PACKED * FOREST_PACKED + node->feature;
    }
    f->node[i] = key;
    f->feature[i] = (uint16_t)node->feature;
}

/* To the end of the tree; [to] NULL: it is only looked at. */
static void read_tree(struct reading *r, const struct target *to)
{
    struct {
        uint32_t node, depth;
    } stack[FOREST_DEPTH_MAX + 2] = {{1, 0}};

    r->sum = 0;
    r->rows = read_number(r);
    r->bad = r->bad || r->rows < 2 || r->rows > iforest_told_rows(r->m);
    for (size_t n = 1; n > 0 && !r->bad;) {
        struct node node;

        r->node = stack[n - 1].node;
        r->depth = stack[n - 1].depth;
        node = read_node(r);
        if (r->bad)
            break;
        if (node.leaf) {
            n--;
            if (to)
                forest_put_leaf(&to->m->forest, to->t, r->node, r->depth,
                                leaf_value(r, node.rows));
            continue;
        }
        if (to)
            put_split(to, r->node, &node);
        stack[n].node = 2 * r->node;
        stack[n - 1].node = 2 * r->node + 1;
        stack[n].depth = ++stack[n - 1].depth;
        n++;
    }
}

/* --- an item --- */

static size_t head_len(uint32_t features)
{
    return sizeof(struct trees_head) + features * sizeof(double);
}

bool trees_next(const pe_buffer *blob, size_t *atp, struct trees_item *out)
{
    struct item item;

    while (item_next(blob->data, blob->len, atp, &item, &out->data)) {
        if (item.kind != ITEM_TREES || item.len < sizeof(out->head))
            continue;
        memcpy(&out->head, out->data, sizeof(out->head));
        out->len = item.len;
        return true;
    }
    return false;
}

double trees_shift(const struct trees_item *it, uint32_t f)
{
    double shift;

    memcpy(&shift, it->data + sizeof(it->head) + f * sizeof(shift),
           sizeof(shift));
    return shift;
}

static struct reading reading_of(const struct trees_walk *w,
                                 const struct iforest *m)
{
    size_t head = head_len(m->base.features);

    return (struct reading){.m = m,
                            .p = w->it->data + head,
                            .len = w->it->head.bytes,
                            .at = w->at,
                            .least = w->it->head.least};
}

bool trees_check(const struct trees_item *it, const struct iforest *m)
{
    size_t head = head_len(m->base.features);
    const struct trees_head *h = &it->head;
    struct trees_walk w = {.it = it};
    struct reading r;

    if (it->len < head || h->bytes > it->len - head ||
        it->len - head - h->bytes >= sizeof(uint64_t) || h->from.n == 0 ||
        h->from.n > m->forest.trees || h->rows == 0 ||
        h->rows > UINT64_C(1) << 53 || h->least < 1)
        return false;
    for (uint32_t f = 0; f < m->base.features; f++)
        if (!isfinite(trees_shift(it, f)))
            return false;
    r = reading_of(&w, m);
    for (uint64_t t = 0; t < h->from.n && !r.bad; t++)
        read_tree(&r, NULL);
    return !r.bad && r.at == r.len;
}

int trees_put(const struct trees_item *it, const struct trees_head *head,
              const struct iforest *m, pe_delta *to, pe_error *errp)
{
    size_t front = head_len(m->base.features), len;
    struct trees_walk w = {.it = it};
    struct reading r = reading_of(&w, m);
    struct trees_head h = *head;
    unsigned char *out;

    for (uint64_t t = 0; t < h.from.n; t++)
        read_tree(&r, NULL);
    h.bytes = r.at;
    len = (front + r.at + 7) / 8 * 8;
    out = item_reserve(to, ITEM_TREES, len, errp);
    if (!out)
        return -1;
    memcpy(out, it->data, front + r.at);
    memset(out + front + r.at, 0, len - front - r.at);
    memcpy(out, &h, sizeof(h));
    item_commit(to, len);
    return 0;
}

void trees_take(struct trees_walk *w, struct iforest *m, uint32_t t)
{
    const struct target to = {m, t, w->it};
    struct reading r;

    if (w->taken == w->it->head.from.n)
        *w = (struct trees_walk){.it = w->it};
    r = reading_of(w, m);
    read_tree(&r, &to);
    w->at = r.at;
    w->taken++;
}
