/* wire.c - the messages between ranks, as bytes. */
#include "wire.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "src/commit/frame.h"

/* --- a part of an epoch --- */

int wire_part_encode(const wire_part *m, pe_buffer *to, pe_error *errp)
{
    frame_writer w;

    frame_begin(&w, to, errp);
    frame_put_i64(&w, m->term);
    frame_put_i64(&w, m->epoch);
    frame_put_counters(&w, &m->add);
    frame_put_u64(&w, m->points);
    frame_put_u64(&w, m->masked);
    frame_put_u64(&w, m->outliers);
    frame_put_u64(&w, m->tried);
    frame_put_u64(&w, m->failed);
    frame_put_text(&w, m->why ? m->why : "");
    frame_put_text(&w, m->refusal ? m->refusal : "");
    frame_put_u64(&w, m->n_ranges);
    for (size_t i = 0; i < m->n_ranges; i++)
        frame_put_range(&w, &m->ranges[i]);
    frame_put_u64(&w, m->n_devices);
    for (size_t i = 0; i < m->n_devices; i++)
        frame_put_device(&w, &m->devices[i]);
    frame_put_u64(&w, m->n_cells);
    for (size_t i = 0; i < m->n_cells; i++)
        frame_put_u64(&w, m->cells[i]);
    frame_put_bytes(&w, m->blob, m->blob_len);
    return frame_end(&w);
}

/* A list of *np things of [size] bytes in memory; NULL: there is none. */
static void *new_list(frame_reader *r, size_t least, size_t size, size_t *np)
{
    void *list;

    *np = frame_take_count(r, least);
    list = calloc(*np + 1, size);
    if (!list)
        *np = 0;
    return list;
}

static bool take_lists(frame_reader *r, int32_t n_partitions, wire_part *m)
{
    m->ranges =
        new_list(r, FRAME_RANGE_BYTES, sizeof(*m->ranges), &m->n_ranges);
    for (size_t i = 0; i < m->n_ranges; i++) {
        frame_take_range(r, &m->ranges[i]);
        r->bad = r->bad || m->ranges[i].partition < 0 ||
                 m->ranges[i].partition >= n_partitions;
    }
    m->devices =
        new_list(r, FRAME_DEVICE_BYTES, sizeof(*m->devices), &m->n_devices);
    for (size_t i = 0; i < m->n_devices; i++)
        frame_take_device(r, &m->devices[i]);
    m->cells = new_list(r, sizeof(uint64_t), sizeof(*m->cells), &m->n_cells);
    for (size_t i = 0; i < m->n_cells; i++)
        m->cells[i] = frame_take_u64(r);
    return m->ranges && m->devices && m->cells;
}

int wire_part_decode(const void *data, size_t len, int32_t n_partitions,
                     wire_part *m, pe_error *errp)
{
    frame_reader r;
    int rc = 0;

    *m = (wire_part){0};
    frame_open(&r, data, len);
    m->term = frame_take_i64(&r);
    m->epoch = frame_take_i64(&r);
    frame_take_counters(&r, &m->add);
    m->points = frame_take_u64(&r);
    m->masked = frame_take_u64(&r);
    m->outliers = frame_take_u64(&r);
    m->tried = frame_take_u64(&r);
    m->failed = frame_take_u64(&r);
    m->why = frame_take_text(&r);
    m->refusal = frame_take_text(&r);
    if (!take_lists(&r, n_partitions, m))
        rc = pe_error_nomem(errp);
    m->blob = frame_take_bytes(&r, &m->blob_len);
    if (rc == 0)
        rc = frame_check(&r, "a part of an epoch", errp);
    if (rc < 0)
        wire_part_free(m);
    return rc;
}

void wire_part_free(wire_part *m)
{
    free(m->ranges);
    free(m->devices);
    free(m->cells);
    *m = (wire_part){0};
}

/* --- a model or a state --- */

int wire_news_encode(const wire_news *m, int32_t n_partitions, pe_buffer *to,
                     pe_error *errp)
{
    frame_writer w;

    frame_begin(&w, to, errp);
    frame_put_i64(&w, m->term);
    frame_put_i64(&w, m->epoch);
    frame_put_i64(&w, m->commit_ns);
    frame_put_u64(&w, m->is_state);
    if (!m->is_state) {
        frame_put_bytes(&w, m->model, m->model_len);
        return frame_end(&w);
    }
    frame_put_u64(&w, m->lease);
    frame_put_u64(&w, m->revision);
    frame_put_text(&w, m->stages ? m->stages : "");
    frame_put_u64(&w, m->fresh);
    frame_put_text(&w, m->suspects ? m->suspects : "");
    frame_put_state(&w, &m->state);
    for (int32_t k = 0; k < n_partitions; k++) {
        frame_put_u64(&w, m->own[k]);
        frame_put_i64(&w, m->reached[k]);
    }
    return frame_end(&w);
}

static int take_state(frame_reader *r, int32_t n_partitions, wire_news *m,
                      pe_error *errp)
{
    size_t n = (size_t)n_partitions;

    m->lease = frame_take_u64(r);
    m->revision = frame_take_u64(r);
    m->stages = frame_take_text(r);
    m->fresh = frame_take_bool(r);
    m->suspects = frame_take_text(r);
    m->own = malloc(n);
    m->reached = calloc(n, sizeof(*m->reached));
    if (!m->own || !m->reached)
        return pe_error_nomem(errp);
    if (frame_take_state(r, &m->state, errp) < 0)
        return -1;
    m->model = m->state.model.data;
    m->model_len = m->state.model.len;
    for (size_t k = 0; k < n; k++) {
        m->own[k] = frame_take_bool(r);
        m->reached[k] = frame_take_i64(r);
    }
    return 0;
}

int wire_news_decode(const void *data, size_t len, int32_t n_partitions,
                     wire_news *m, pe_error *errp)
{
    frame_reader r;
    int rc = 0;

    *m = (wire_news){0};
    frame_open(&r, data, len);
    m->term = frame_take_i64(&r);
    m->epoch = frame_take_i64(&r);
    m->commit_ns = frame_take_i64(&r);
    m->is_state = frame_take_bool(&r);
    if (m->is_state)
        rc = take_state(&r, n_partitions, m, errp);
    else
        m->model = frame_take_bytes(&r, &m->model_len);
    if (rc == 0)
        rc = frame_check(&r, "a model or a state", errp);
    if (rc < 0)
        wire_news_free(m);
    return rc;
}

void wire_news_free(wire_news *m)
{
    params_state_free(&m->state);
    free(m->own);
    free(m->reached);
    *m = (wire_news){0};
}

/* --- a block for a helper, and that it is done --- */

/* At most [cap] bytes of [s] with its NUL. */
static void put_cut(frame_writer *w, const char *s, size_t cap)
{
    char text[SOURCE_TEXT];
    size_t n = s ? strnlen(s, cap - 1) : 0;

    if (n)
        memcpy(text, s, n);
    text[n] = '\0';
    frame_put_text(w, text);
}

static void put_said(frame_writer *w, const source_text *t)
{
    frame_put_bytes(w, t->at ? t->at : "", t->at ? t->len : 0);
}

static void take_said(frame_reader *u, source_text *t)
{
    t->at = frame_take_bytes(u, &t->len);
    if (!t->len)
        t->at = NULL;
}

int wire_task_encode(const wire_task *t, const source_item *r, pe_buffer *to,
                     pe_error *errp)
{
    const pe_block *b = &r->block;
    size_t n = strnlen(b->device, SOURCE_TEXT - 2) + 1;
    frame_writer w;

    frame_begin(&w, to, errp);
    frame_put_i64(&w, t->term);
    frame_put_i64(&w, t->epoch);
    frame_put_u64(&w, r->foreign);
    frame_put_u64(&w, r->through);
    frame_put_u64(&w, b->points);
    frame_put_u64(&w, b->features);
    frame_put_u64(&w, (uint64_t)b->dtype);
    frame_put_i64(&w, b->partition);
    frame_put_i64(&w, b->offset);
    frame_put_u64(&w, b->has_seq != 0);
    frame_put_u64(&w, b->boot);
    frame_put_u64(&w, b->seq);
    frame_put_u64(&w, b->version);
    frame_put_i64(&w, b->sense_ns);
    frame_put_i64(&w, b->edge_ns);
    frame_put_i64(&w, b->broker_ns);
    frame_put_i64(&w, b->fetch_ns);
    put_cut(&w, b->device, n);
    put_cut(&w, b->source, SOURCE_TEXT - n);
    put_said(&w, &r->said.times);
    put_said(&w, &t->columns);
    frame_put_u64(&w, t->named);
    return frame_end(&w);
}

/* Both strings into the record; "" is no source. */
static void take_texts(frame_reader *u, source_item *r)
{
    const char *device = frame_take_text(u), *from = frame_take_text(u);
    size_t n = strlen(device) + 1, m = strlen(from) + 1;

    if (n + m > SOURCE_TEXT) {
        u->bad = true;
        return;
    }
    memcpy(r->text, device, n);
    memcpy(r->text + n, from, m);
    r->block.device = r->text;
    r->block.source = m > 1 ? r->text + n : NULL;
}

/* Is it a block that MPI can count? */
static bool is_shape(uint64_t points, uint64_t features, uint64_t dtype)
{
    return (dtype == PE_F4 || dtype == PE_F8) && points > 0 && features > 0 &&
           points <= INT_MAX / dtype && features <= INT_MAX / dtype / points;
}

int wire_task_decode(const void *data, size_t len, wire_task *t, source_item *r,
                     pe_error *errp)
{
    pe_block *b = &r->block;
    uint64_t points, features, dtype, through;
    frame_reader u;

    frame_open(&u, data, len);
    t->term = frame_take_i64(&u);
    t->epoch = frame_take_i64(&u);
    r->foreign = frame_take_bool(&u);
    through = frame_take_u64(&u);
    points = frame_take_u64(&u);
    features = frame_take_u64(&u);
    dtype = frame_take_u64(&u);
    u.bad = u.bad || !is_shape(points, features, dtype) || through > UINT32_MAX;
    r->through = (uint32_t)through;
    b->points = (uint32_t)points;
    b->features = (uint32_t)features;
    b->dtype = (enum pe_dtype)dtype;
    b->partition = frame_take_i32(&u);
    b->offset = frame_take_i64(&u);
    b->has_seq = frame_take_bool(&u);
    b->boot = frame_take_u64(&u);
    b->seq = frame_take_u64(&u);
    b->version = frame_take_u64(&u);
    b->sense_ns = frame_take_i64(&u);
    b->edge_ns = frame_take_i64(&u);
    b->broker_ns = frame_take_i64(&u);
    b->fetch_ns = frame_take_i64(&u);
    take_texts(&u, r);
    r->said = (source_said){0};
    take_said(&u, &r->said.times);
    take_said(&u, &r->said.columns);
    r->said.named = t->named = (uint32_t)frame_take_u64(&u);
    return frame_check(&u, "a block of another rank", errp);
}

int wire_done_encode(const wire_task *t, pe_buffer *to, pe_error *errp)
{
    frame_writer w;

    frame_begin(&w, to, errp);
    frame_put_i64(&w, t->term);
    frame_put_i64(&w, t->epoch);
    return frame_end(&w);
}

int wire_done_decode(const void *data, size_t len, wire_task *t, pe_error *errp)
{
    frame_reader r;

    frame_open(&r, data, len);
    t->term = frame_take_i64(&r);
    t->epoch = frame_take_i64(&r);
    return frame_check(&r, "the word that a block is done", errp);
}
