/* walk_objects.c - a list of objects within an object: a row each, under paths
 * like samples.temp.
 */
#include "walk.h"

#include <math.h>
#include <string.h>

/* Each value of each object is looked for among those of the first one. */
#define VALUES_MAX 1024

static bool is_column(const codec_field *f)
{
    return !f->type;
}

/* The first object says what the columns are.  Returns how many. */
static int take_first(walk *w, doc_node *list, size_t *columnsp, pe_error *errp)
{
    codec *c = w->c;
    size_t base = c->n_number, n = 0;
    doc_node item;

    if (doc_more(&w->d, list, errp) < 0 || doc_value(&w->d, &item, errp) < 0 ||
        walk_map(w, &item, errp) < 0)
        return -1;
    c->n_number = base;
    for (size_t i = w->first; i < c->n_field; i++) {
        codec_field *f = &c->field[i];

        w->timed = w->timed || f->clock;
        if (!f->type && (f->dims > 0 || f->raw))
            f->type = "a list within a list of objects";
        if (!is_column(f))
            continue;
        f->null = false;
        f->at = base + n++;
        f->dims = 1;
    }
    *columnsp = n;
    return 0;
}

static codec_field *find(walk *w)
{
    codec *c = w->c;
    size_t n = c->n_field - w->first;

    for (size_t k = 0; k < n; k++) {
        size_t i = (w->hint + k) % n;
        codec_field *f = &c->field[w->first + i];

        if (f->name_len == w->len &&
            !memcmp(codec_field_name(c, f), w->path, w->len)) {
            w->hint = i + 1;
            return f;
        }
    }
    return NULL;
}

void walk_listed(walk *w, const doc_node *v, bool number, double value)
{
    codec_field *f = find(w);

    /* Text may be there or not; a number has to be in all, and once. */
    if (!f || !is_column(f)) {
        w->uneven = w->uneven || (!f && number);
        return;
    }
    if (!number || f->dim[0] == w->row) {
        w->uneven = true;
        return;
    }
    f->dim[0] = w->row;
    f->lost = f->lost || v->lost;
    w->c->number[w->base + f->at - w->list_base] = value;
    w->found++;
}

static int take_object(walk *w, doc_node *v, size_t columns, pe_error *errp)
{
    double *at = codec_number_room(w->c, columns, errp);

    if (!at)
        return -1;
    w->base = (size_t)(at - w->c->number);
    w->row++;
    w->found = 0;
    w->hint = 0;
    if (walk_map(w, v, errp) < 0)
        return -1;
    w->uneven = w->uneven || w->found != columns;
    return w->timed ? codec_time_push(w->c, errp) : 0;
}

/* All of them, until one is unlike the first. */
static int take_all(walk *w, doc_node *list, size_t columns, pe_error *errp)
{
    doc_node item;
    int rc = 1;

    if (w->timed)
        w->c->n_times = 0;
    while (!w->uneven && (rc = doc_more(&w->d, list, errp)) > 0) {
        if (doc_value(&w->d, &item, errp) < 0)
            return -1;
        if (item.kind != DOC_MAP)
            w->uneven = true;
        else if (take_object(w, &item, columns, errp) < 0)
            return -1;
    }
    return rc < 0 ? -1 : 0;
}

static void finish(walk *w, size_t columns, const char *why)
{
    codec *c = w->c;

    for (size_t i = w->first; i < c->n_field; i++) {
        codec_field *f = &c->field[i];

        if (!is_column(f))
            continue;
        f->type = why;
        f->dim[0] = w->row;
        f->stride = columns * sizeof(double);
    }
    if (why)
        c->n_number = w->list_base;
    if (why && w->timed)
        c->n_times = 0;
}

int walk_objects(walk *w, doc_node *v, pe_error *errp)
{
    const doc at = w->d;
    doc_node head = *v;
    const char *why = NULL;
    size_t columns;
    int rc;

    w->first = w->c->n_field;
    w->list_base = w->c->n_number;
    w->listed = true;
    w->uneven = w->timed = false;
    rc = take_first(w, v, &columns, errp);
    w->d = at;
    *v = head;
    if (rc == 0 && w->c->n_field - w->first > VALUES_MAX)
        why = "in a list of objects with too many values";
    if (rc == 0 && !why && columns > 0) {
        rc = take_all(w, v, columns, errp);
        why = w->uneven ? "in a list of uneven objects" : NULL;
    }
    if (rc == 0)
        finish(w, columns, why);
    w->listed = false;
    w->row = 0;
    w->d = at;
    *v = head;
    return rc < 0 ? -1 : doc_skip(&w->d, v, errp);
}
