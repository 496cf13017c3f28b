/* wire.c - the messages between ranks, as bytes. */
#include "wire.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "src/commit/pack.h"

/* --- a part of an epoch --- */

int wire_part_encode(const wire_part *m, pe_buffer *to, pe_error *errp)
{
    pack w;

    pack_begin(&w, to, errp);
    pack_i64(&w, m->term);
    pack_i64(&w, m->epoch);
    pack_counters(&w, &m->add);
    pack_u64(&w, m->points);
    pack_u64(&w, m->masked);
    pack_u64(&w, m->outliers);
    pack_u64(&w, m->n_ranges);
    for (size_t i = 0; i < m->n_ranges; i++)
        pack_range(&w, &m->ranges[i]);
    pack_u64(&w, m->n_devices);
    for (size_t i = 0; i < m->n_devices; i++)
        pack_device(&w, &m->devices[i]);
    pack_u64(&w, m->n_cells);
    for (size_t i = 0; i < m->n_cells; i++)
        pack_u64(&w, m->cells[i]);
    pack_bytes(&w, m->blob, m->blob_len);
    return pack_end(&w);
}

/* A list of *np things of [size] bytes in memory; NULL: there is none. */
static void *new_list(unpack *r, size_t least, size_t size, size_t *np)
{
    void *list;

    *np = unpack_count(r, least);
    list = calloc(*np + 1, size);
    if (!list)
        *np = 0;
    return list;
}

static bool take_lists(unpack *r, int32_t n_partitions, wire_part *m)
{
    m->ranges = new_list(r, PACK_RANGE_BYTES, sizeof(*m->ranges), &m->n_ranges);
    for (size_t i = 0; i < m->n_ranges; i++) {
        unpack_range(r, &m->ranges[i]);
        r->bad = r->bad || m->ranges[i].partition < 0 ||
                 m->ranges[i].partition >= n_partitions;
    }
    m->devices =
        new_list(r, PACK_DEVICE_BYTES, sizeof(*m->devices), &m->n_devices);
    for (size_t i = 0; i < m->n_devices; i++)
        unpack_device(r, &m->devices[i]);
    m->cells = new_list(r, sizeof(uint64_t), sizeof(*m->cells), &m->n_cells);
    for (size_t i = 0; i < m->n_cells; i++)
        m->cells[i] = unpack_u64(r);
    return m->ranges && m->devices && m->cells;
}

int wire_part_decode(const void *data, size_t len, int32_t n_partitions,
                     wire_part *m, pe_error *errp)
{
    unpack r;
    int rc = 0;

    *m = (wire_part){0};
    unpack_begin(&r, data, len);
    m->term = unpack_i64(&r);
    m->epoch = unpack_i64(&r);
    unpack_counters(&r, &m->add);
    m->points = unpack_u64(&r);
    m->masked = unpack_u64(&r);
    m->outliers = unpack_u64(&r);
    if (!take_lists(&r, n_partitions, m))
        rc = pe_error_nomem(errp);
    m->blob = unpack_bytes(&r, &m->blob_len);
    if (rc == 0)
        rc = unpack_end(&r, "a part of an epoch", errp);
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
    pack w;

    pack_begin(&w, to, errp);
    pack_i64(&w, m->term);
    pack_i64(&w, m->epoch);
    pack_i64(&w, m->commit_ns);
    pack_u64(&w, m->is_state);
    if (!m->is_state) {
        pack_bytes(&w, m->model, m->model_len);
        return pack_end(&w);
    }
    pack_u64(&w, m->lease);
    pack_state(&w, &m->state);
    for (int32_t k = 0; k < n_partitions; k++) {
        pack_u64(&w, m->own[k]);
        pack_i64(&w, m->reached[k]);
    }
    return pack_end(&w);
}

static int take_state(unpack *r, int32_t n_partitions, wire_news *m,
                      pe_error *errp)
{
    size_t n = (size_t)n_partitions;

    m->lease = unpack_u64(r);
    m->own = malloc(n);
    m->reached = calloc(n, sizeof(*m->reached));
    if (!m->own || !m->reached)
        return pe_error_nomem(errp);
    if (unpack_state(r, &m->state, errp) < 0)
        return -1;
    m->model = m->state.model.data;
    m->model_len = m->state.model.len;
    for (size_t k = 0; k < n; k++) {
        m->own[k] = unpack_bool(r);
        m->reached[k] = unpack_i64(r);
    }
    return 0;
}

int wire_news_decode(const void *data, size_t len, int32_t n_partitions,
                     wire_news *m, pe_error *errp)
{
    unpack r;
    int rc = 0;

    *m = (wire_news){0};
    unpack_begin(&r, data, len);
    m->term = unpack_i64(&r);
    m->epoch = unpack_i64(&r);
    m->commit_ns = unpack_i64(&r);
    m->is_state = unpack_bool(&r);
    if (m->is_state)
        rc = take_state(&r, n_partitions, m, errp);
    else
        m->model = unpack_bytes(&r, &m->model_len);
    if (rc == 0)
        rc = unpack_end(&r, "a model or a state", errp);
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
static void put_cut(pack *w, const char *s, size_t cap)
{
    char text[POOL_TEXT];
    size_t n = s ? strnlen(s, cap - 1) : 0;

    if (n)
        memcpy(text, s, n);
    text[n] = '\0';
    pack_text(w, text);
}

int wire_task_encode(const wire_task *t, const pool_record *r, pe_buffer *to,
                     pe_error *errp)
{
    const pe_block *b = &r->block;
    size_t n = strnlen(b->device, POOL_TEXT - 2) + 1;
    pack w;

    pack_begin(&w, to, errp);
    pack_i64(&w, t->term);
    pack_i64(&w, t->epoch);
    pack_u64(&w, r->foreign);
    pack_u64(&w, b->points);
    pack_u64(&w, b->features);
    pack_u64(&w, (uint64_t)b->dtype);
    pack_i64(&w, b->partition);
    pack_i64(&w, b->offset);
    pack_u64(&w, b->has_seq != 0);
    pack_u64(&w, b->boot);
    pack_u64(&w, b->seq);
    pack_u64(&w, b->version);
    pack_i64(&w, b->sense_ns);
    pack_i64(&w, b->edge_ns);
    pack_i64(&w, b->broker_ns);
    pack_i64(&w, b->fetch_ns);
    put_cut(&w, b->device, n);
    put_cut(&w, b->source, POOL_TEXT - n);
    return pack_end(&w);
}

/* Both strings into the record; "" is no source. */
static void take_texts(unpack *u, pool_record *r)
{
    const char *device = unpack_text(u), *source = unpack_text(u);
    size_t n = strlen(device) + 1, m = strlen(source) + 1;

    if (n + m > POOL_TEXT) {
        u->bad = true;
        return;
    }
    memcpy(r->text, device, n);
    memcpy(r->text + n, source, m);
    r->block.device = r->text;
    r->block.source = m > 1 ? r->text + n : NULL;
}

/* Is it a block that MPI can count? */
static bool is_shape(uint64_t points, uint64_t features, uint64_t dtype)
{
    return (dtype == PE_F4 || dtype == PE_F8) && points > 0 && features > 0 &&
           points <= INT_MAX / dtype && features <= INT_MAX / dtype / points;
}

int wire_task_decode(const void *data, size_t len, wire_task *t, pool_record *r,
                     pe_error *errp)
{
    pe_block *b = &r->block;
    uint64_t points, features, dtype;
    unpack u;

    unpack_begin(&u, data, len);
    t->term = unpack_i64(&u);
    t->epoch = unpack_i64(&u);
    r->foreign = unpack_bool(&u);
    points = unpack_u64(&u);
    features = unpack_u64(&u);
    dtype = unpack_u64(&u);
    u.bad = u.bad || !is_shape(points, features, dtype);
    b->points = (uint32_t)points;
    b->features = (uint32_t)features;
    b->dtype = (enum pe_dtype)dtype;
    b->partition = unpack_i32(&u);
    b->offset = unpack_i64(&u);
    b->has_seq = unpack_bool(&u);
    b->boot = unpack_u64(&u);
    b->seq = unpack_u64(&u);
    b->version = unpack_u64(&u);
    b->sense_ns = unpack_i64(&u);
    b->edge_ns = unpack_i64(&u);
    b->broker_ns = unpack_i64(&u);
    b->fetch_ns = unpack_i64(&u);
    take_texts(&u, r);
    return unpack_end(&u, "a block of another rank", errp);
}

int wire_done_encode(const wire_task *t, pe_buffer *to, pe_error *errp)
{
    pack w;

    pack_begin(&w, to, errp);
    pack_i64(&w, t->term);
    pack_i64(&w, t->epoch);
    return pack_end(&w);
}

int wire_done_decode(const void *data, size_t len, wire_task *t, pe_error *errp)
{
    unpack r;

    unpack_begin(&r, data, len);
    t->term = unpack_i64(&r);
    t->epoch = unpack_i64(&r);
    return unpack_end(&r, "the word that a block is done", errp);
}
