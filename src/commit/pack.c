/* pack.c - values in and out of a flat message, with every length checked. */
#include "pack.h"

#include <stdlib.h>
#include <string.h>

#include "src/params/wire.h"

/* --- writing --- */

static void put(pack *w, const void *data, size_t len)
{
    if (w->rc == 0)
        w->rc = pe_buffer_append(w->to, data, len, w->errp);
}

void pack_u64(pack *w, uint64_t v)
{
    put(w, &v, sizeof(v));
}

void pack_i64(pack *w, int64_t v)
{
    put(w, &v, sizeof(v));
}

void pack_bytes(pack *w, const void *data, size_t len)
{
    pack_u64(w, len);
    put(w, data, len);
}

/* With its NUL, so that a reader need not copy it. */
void pack_text(pack *w, const char *s)
{
    pack_bytes(w, s, strlen(s) + 1);
}

void pack_begin(pack *w, pe_buffer *to, pe_error *errp)
{
    *w = (pack){.to = to, .errp = errp};
    to->len = 0;
    pack_u64(w, 0);
}

int pack_end(pack *w)
{
    uint64_t len;

    if (w->rc < 0)
        return -1;
    len = w->to->len - sizeof(len);
    memcpy(w->to->data, &len, sizeof(len));
    return 0;
}

/* --- reading --- */

/* [len] bytes of the message; NULL: they are not there. */
static const void *take(unpack *r, size_t len)
{
    const unsigned char *at = r->at;

    if (r->bad || (size_t)(r->end - at) < len) {
        r->bad = true;
        return NULL;
    }
    r->at += len;
    return at;
}

uint64_t unpack_u64(unpack *r)
{
    uint64_t v = 0;
    const void *at = take(r, sizeof(v));

    if (at)
        memcpy(&v, at, sizeof(v));
    return v;
}

int64_t unpack_i64(unpack *r)
{
    return (int64_t)unpack_u64(r);
}

int32_t unpack_i32(unpack *r)
{
    int64_t v = unpack_i64(r);

    if (v >= INT32_MIN && v <= INT32_MAX)
        return (int32_t)v;
    r->bad = true;
    return 0;
}

bool unpack_bool(unpack *r)
{
    uint64_t v = unpack_u64(r);

    r->bad = r->bad || v > 1;
    return v == 1;
}

const void *unpack_bytes(unpack *r, size_t *lenp)
{
    uint64_t len = unpack_u64(r);
    const void *at = take(r, (size_t)len);

    *lenp = at ? (size_t)len : 0;
    return at;
}

const char *unpack_text(unpack *r)
{
    size_t len;
    const char *at = unpack_bytes(r, &len);

    if (len && strnlen(at, len) == len - 1)
        return at;
    r->bad = true;
    return "";
}

size_t unpack_count(unpack *r, size_t least)
{
    uint64_t n = unpack_u64(r);

    if (n <= (size_t)(r->end - r->at) / least)
        return (size_t)n;
    r->bad = true;
    return 0;
}

void unpack_begin(unpack *r, const void *data, size_t len)
{
    uint64_t size;

    *r = (unpack){.at = data, .end = (const unsigned char *)data + len};
    size = unpack_u64(r);
    if (size <= (size_t)(r->end - r->at))
        r->end = r->at + size;
    else
        r->bad = true;
}

int unpack_end(const unpack *r, const char *what, pe_error *errp)
{
    if (!r->bad && r->at == r->end)
        return 0;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "a message that is to be %s is none: it %s", what,
                        r->bad ? "is cut, or holds what cannot be"
                               : "goes on behind its end");
}

/* --- what messages are made of --- */

void pack_counters(pack *w, const params_counters *c)
{
    params_counters copy = *c;

    for (size_t i = 0; i < PARAMS_N_COUNTERS; i++)
        pack_u64(w, *params_counter_at(&copy, i));
}

void unpack_counters(unpack *r, params_counters *c)
{
    for (size_t i = 0; i < PARAMS_N_COUNTERS; i++)
        *params_counter_at(c, i) = unpack_u64(r);
}

void pack_range(pack *w, const params_range *g)
{
    pack_i64(w, g->partition);
    pack_i64(w, g->from);
    pack_i64(w, g->to);
    pack_u64(w, g->mark);
}

void unpack_range(unpack *r, params_range *g)
{
    g->partition = unpack_i32(r);
    g->from = unpack_i64(r);
    g->to = unpack_i64(r);
    g->mark = unpack_u64(r);
}

void pack_device(pack *w, const params_device *d)
{
    pack_text(w, d->device);
    pack_i64(w, d->partition);
    pack_u64(w, d->boot);
    pack_u64(w, d->seq);
}

void unpack_device(unpack *r, params_device *d)
{
    d->device = (char *)(uintptr_t)unpack_text(r);
    d->partition = unpack_i32(r);
    d->boot = unpack_u64(r);
    d->seq = unpack_u64(r);
}

/* --- a state --- */

void pack_state(pack *w, const params_state *s)
{
    pack_text(w, s->commit);
    pack_u64(w, s->version);
    pack_u64(w, s->fence);
    pack_i64(w, s->time_ns);
    pack_counters(w, &s->counters);
    pack_bytes(w, s->model.data, s->model.len);
    pack_u64(w, s->n_offsets);
    for (size_t i = 0; i < s->n_offsets; i++) {
        const params_offset *o = &s->offsets[i];

        pack_text(w, o->topic);
        pack_i64(w, o->partition);
        pack_i64(w, o->next);
        pack_u64(w, o->mark);
    }
    pack_u64(w, s->n_devices);
    for (size_t i = 0; i < s->n_devices; i++)
        pack_device(w, &s->devices[i]);
}

static int take_offsets(unpack *r, params_state *s)
{
    size_t n = unpack_count(r, 33);

    s->offsets = calloc(n + 1, sizeof(*s->offsets));
    for (; s->offsets && s->n_offsets < n; s->n_offsets++) {
        params_offset *o = &s->offsets[s->n_offsets];

        o->topic = strdup(unpack_text(r));
        o->partition = unpack_i32(r);
        o->next = unpack_i64(r);
        o->mark = unpack_u64(r);
        if (!o->topic)
            return -1;
    }
    return s->offsets ? 0 : -1;
}

static int take_devices(unpack *r, params_state *s)
{
    size_t n = unpack_count(r, PACK_DEVICE_BYTES);

    s->devices = calloc(n + 1, sizeof(*s->devices));
    for (; s->devices && s->n_devices < n; s->n_devices++) {
        params_device *d = &s->devices[s->n_devices];

        unpack_device(r, d);
        d->device = strdup(d->device);
        if (!d->device)
            return -1;
    }
    return s->devices ? 0 : -1;
}

int unpack_state(unpack *r, params_state *s, pe_error *errp)
{
    const char *commit = unpack_text(r);
    const void *model;
    size_t len = strlen(commit);

    *s = (params_state){0};
    r->bad = r->bad || len > PE_COMMIT_ID_LEN;
    memcpy(s->commit, commit, len > PE_COMMIT_ID_LEN ? 0 : len);
    s->version = unpack_u64(r);
    s->fence = unpack_u64(r);
    s->time_ns = unpack_i64(r);
    unpack_counters(r, &s->counters);
    model = unpack_bytes(r, &len);
    if (len && pe_buffer_append(&s->model, model, len, errp) < 0)
        return -1;
    return take_offsets(r, s) < 0 || take_devices(r, s) < 0
               ? pe_error_nomem(errp)
               : 0;
}
