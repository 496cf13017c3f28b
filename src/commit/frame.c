/* frame.c - values in and out of a flat message, with every length checked. */
#include "frame.h"

#include <stdlib.h>
#include <string.h>

#include "src/params/wire.h"

/* --- writing --- */

static void put(frame_writer *w, const void *data, size_t len)
{
    if (w->rc == 0)
        w->rc = pe_buffer_append(w->to, data, len, w->errp);
}

void frame_put_u64(frame_writer *w, uint64_t v)
{
    put(w, &v, sizeof(v));
}

void frame_put_i64(frame_writer *w, int64_t v)
{
    put(w, &v, sizeof(v));
}

void frame_put_bytes(frame_writer *w, const void *data, size_t len)
{
    frame_put_u64(w, len);
    put(w, data, len);
}

/* With its NUL, so that a reader need not copy it. */
void frame_put_text(frame_writer *w, const char *s)
{
    frame_put_bytes(w, s, strlen(s) + 1);
}

void frame_begin(frame_writer *w, pe_buffer *to, pe_error *errp)
{
    *w = (frame_writer){.to = to, .errp = errp};
    to->len = 0;
    frame_put_u64(w, 0);
}

int frame_end(frame_writer *w)
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
static const void *take(frame_reader *r, size_t len)
{
    const unsigned char *at = r->at;

    if (r->bad || (size_t)(r->end - at) < len) {
        r->bad = true;
        return NULL;
    }
    r->at += len;
    return at;
}

uint64_t frame_take_u64(frame_reader *r)
{
    uint64_t v = 0;
    const void *at = take(r, sizeof(v));

    if (at)
        memcpy(&v, at, sizeof(v));
    return v;
}

int64_t frame_take_i64(frame_reader *r)
{
    return (int64_t)frame_take_u64(r);
}

int32_t frame_take_i32(frame_reader *r)
{
    int64_t v = frame_take_i64(r);

    if (v >= INT32_MIN && v <= INT32_MAX)
        return (int32_t)v;
    r->bad = true;
    return 0;
}

bool frame_take_bool(frame_reader *r)
{
    uint64_t v = frame_take_u64(r);

    r->bad = r->bad || v > 1;
    return v == 1;
}

const void *frame_take_bytes(frame_reader *r, size_t *lenp)
{
    uint64_t len = frame_take_u64(r);
    const void *at = take(r, (size_t)len);

    *lenp = at ? (size_t)len : 0;
    return at;
}

const char *frame_take_text(frame_reader *r)
{
    size_t len;
    const char *at = frame_take_bytes(r, &len);

    if (len && strnlen(at, len) == len - 1)
        return at;
    r->bad = true;
    return "";
}

size_t frame_take_count(frame_reader *r, size_t least)
{
    uint64_t n = frame_take_u64(r);

    if (n <= (size_t)(r->end - r->at) / least)
        return (size_t)n;
    r->bad = true;
    return 0;
}

void frame_open(frame_reader *r, const void *data, size_t len)
{
    uint64_t size;

    *r = (frame_reader){.at = data, .end = (const unsigned char *)data + len};
    size = frame_take_u64(r);
    if (size <= (size_t)(r->end - r->at))
        r->end = r->at + size;
    else
        r->bad = true;
}

int frame_check(const frame_reader *r, const char *what, pe_error *errp)
{
    if (!r->bad && r->at == r->end)
        return 0;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "a message that is to be %s is none: it %s", what,
                        r->bad ? "is cut, or holds what cannot be"
                               : "goes on behind its end");
}

/* --- what messages are made of --- */

void frame_put_counters(frame_writer *w, const params_counters *c)
{
    params_counters copy = *c;

    for (size_t i = 0; i < PARAMS_N_COUNTERS; i++)
        frame_put_u64(w, *params_counter_at(&copy, i));
}

void frame_take_counters(frame_reader *r, params_counters *c)
{
    for (size_t i = 0; i < PARAMS_N_COUNTERS; i++)
        *params_counter_at(c, i) = frame_take_u64(r);
}

void frame_put_range(frame_writer *w, const params_range *g)
{
    frame_put_i64(w, g->partition);
    frame_put_i64(w, g->from);
    frame_put_i64(w, g->to);
    frame_put_u64(w, g->mark);
}

void frame_take_range(frame_reader *r, params_range *g)
{
    g->partition = frame_take_i32(r);
    g->from = frame_take_i64(r);
    g->to = frame_take_i64(r);
    g->mark = frame_take_u64(r);
}

void frame_put_device(frame_writer *w, const params_device *d)
{
    frame_put_text(w, d->device);
    frame_put_i64(w, d->partition);
    frame_put_u64(w, d->boot);
    frame_put_u64(w, d->seq);
}

void frame_take_device(frame_reader *r, params_device *d)
{
    d->device = (char *)(uintptr_t)frame_take_text(r);
    d->partition = frame_take_i32(r);
    d->boot = frame_take_u64(r);
    d->seq = frame_take_u64(r);
}

/* --- a state --- */

void frame_put_state(frame_writer *w, const params_state *s)
{
    frame_put_text(w, s->commit);
    frame_put_u64(w, s->version);
    frame_put_u64(w, s->fence);
    frame_put_u64(w, s->revision);
    frame_put_i64(w, s->time_ns);
    frame_put_counters(w, &s->counters);
    frame_put_bytes(w, s->model.data, s->model.len);
    frame_put_u64(w, s->n_offsets);
    for (size_t i = 0; i < s->n_offsets; i++) {
        const params_offset *o = &s->offsets[i];

        frame_put_text(w, o->topic);
        frame_put_i64(w, o->partition);
        frame_put_i64(w, o->next);
        frame_put_u64(w, o->mark);
    }
    frame_put_u64(w, s->n_devices);
    for (size_t i = 0; i < s->n_devices; i++)
        frame_put_device(w, &s->devices[i]);
}

static int take_offsets(frame_reader *r, params_state *s)
{
    size_t n = frame_take_count(r, 33);

    s->offsets = calloc(n + 1, sizeof(*s->offsets));
    for (; s->offsets && s->n_offsets < n; s->n_offsets++) {
        params_offset *o = &s->offsets[s->n_offsets];

        o->topic = strdup(frame_take_text(r));
        o->partition = frame_take_i32(r);
        o->next = frame_take_i64(r);
        o->mark = frame_take_u64(r);
        if (!o->topic)
            return -1;
    }
    return s->offsets ? 0 : -1;
}

static int take_devices(frame_reader *r, params_state *s)
{
    size_t n = frame_take_count(r, FRAME_DEVICE_BYTES);

    s->devices = calloc(n + 1, sizeof(*s->devices));
    for (; s->devices && s->n_devices < n; s->n_devices++) {
        params_device *d = &s->devices[s->n_devices];

        frame_take_device(r, d);
        d->device = strdup(d->device);
        if (!d->device)
            return -1;
    }
    return s->devices ? 0 : -1;
}

int frame_take_state(frame_reader *r, params_state *s, pe_error *errp)
{
    const char *commit = frame_take_text(r);
    const void *model;
    size_t len = strlen(commit);

    *s = (params_state){0};
    r->bad = r->bad || len > PE_COMMIT_ID_LEN;
    memcpy(s->commit, commit, len > PE_COMMIT_ID_LEN ? 0 : len);
    s->version = frame_take_u64(r);
    s->fence = frame_take_u64(r);
    s->revision = frame_take_u64(r);
    s->time_ns = frame_take_i64(r);
    frame_take_counters(r, &s->counters);
    model = frame_take_bytes(r, &len);
    if (len && pe_buffer_append(&s->model, model, len, errp) < 0)
        return -1;
    return take_offsets(r, s) < 0 || take_devices(r, s) < 0
               ? pe_error_nomem(errp)
               : 0;
}
