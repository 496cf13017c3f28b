/* task_out.c - what came of the slices of a task, as one array. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/npy.h"
#include "src/change/task.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/params/task.h"

#define SHOWN 10

/* What is merged so far; bytes of [data] begin with room for a header. */
typedef struct merged {
    pe_buffer data;
    uint64_t rows;
    uint32_t points, features; /* of the first result */
    uint64_t n, empty;         /* results with rows, and without */
    bool sums;
} merged;

static double value_at(const pe_block *b, size_t i)
{
    double x;
    float y;

    if (b->dtype == PE_F4) {
        memcpy(&y, (const char *)b->data + i * sizeof(y), sizeof(y));
        return (double)y;
    }
    memcpy(&x, (const char *)b->data + i * sizeof(x), sizeof(x));
    return x;
}

static int add_rows(merged *m, const pe_block *b, pe_error *errp)
{
    size_t n = (size_t)b->points * b->features;

    for (size_t i = 0; i < n; i++) {
        double x = value_at(b, i);

        if (pe_buffer_append(&m->data, &x, sizeof(x), errp) < 0)
            return -1;
    }
    m->rows += b->points;
    return 0;
}

static void add_sums(merged *m, const pe_block *b)
{
    size_t n = (size_t)b->points * b->features;

    for (size_t i = 0; i < n; i++) {
        unsigned char *at = m->data.data + NPY_HEADER_LEN + i * sizeof(double);
        double x;

        memcpy(&x, at, sizeof(x));
        x += value_at(b, i);
        memcpy(at, &x, sizeof(x));
    }
}

static int add(merged *m, uint64_t slice, const pe_buffer *result,
               pe_error *errp)
{
    pe_block b = {0};
    int rc = 0;

    if (result->len == 0) {
        m->empty++;
        return 0;
    }
    if (npy_decode(result->data, result->len, &b, errp) < 0)
        rc = -1;
    if (rc == 0 && m->n == 0) {
        m->features = b.features;
        m->points = b.points;
    }
    if (rc == 0 &&
        (b.features != m->features || (m->sums && b.points != m->points)))
        rc = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                          "slice %" PRIu64 " has %u x %u values, and the first "
                          "one %u x %u: they cannot be merged",
                          slice, b.points, b.features, m->points, m->features);
    if (rc == 0 && m->sums && m->n > 0)
        add_sums(m, &b);
    else if (rc == 0)
        rc = add_rows(m, &b, errp);
    m->n++;
    pe_block_release(&b);
    return rc;
}

/* Results in the order of the slices; *missingp: so many are not there. */
static int collect(params *p, const params_task *t, merged *m,
                   uint64_t *missingp, pe_error *errp)
{
    const unsigned char room[NPY_HEADER_LEN] = {0};
    pe_buffer one = {0};
    uint64_t seen = 0;
    int rc = pe_buffer_append(&m->data, room, sizeof(room), errp);

    /* Where the end is not known yet, what is there ends with the last. */
    for (uint64_t i = 0;
         rc >= 0 && (t->known ? i < t->slices : seen < t->done + t->failed);
         i++) {
        bool failed = false;

        rc = params_slice_fetch(p, t->name, i, &one, &failed, errp);
        seen += rc == 1;
        if (rc == 0 || failed)
            ++*missingp;
        else if (rc == 1)
            rc = add(m, i, &one, errp);
        if (i == UINT32_MAX)
            break;
    }
    pe_buffer_free(&one);
    return rc < 0 ? -1 : 0;
}

static int check(const params_task *t, const merged *m, uint64_t missing,
                 bool partial, pe_error *errp)
{
    if (!partial && (missing > 0 || !t->known))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "task '%s': %" PRIu64
                            " slices are done and %" PRIu64
                            " have failed%s; --partial takes what there is",
                            t->name, t->done, t->failed,
                            missing > t->failed ? ", others are not done" : "");
    if (m->n > 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "task '%s': no slice has a result", t->name);
}

int task_out(params *p, const params_task *t, const char *merge, bool partial,
             const char *path, pe_error *errp)
{
    merged m = {.sums = strcmp(merge, "rows") != 0};
    bool mean = !strcmp(merge, "mean");
    uint64_t missing = 0;
    int rc = collect(p, t, &m, &missing, errp);

    if (rc == 0)
        rc = check(t, &m, missing, partial, errp);
    for (size_t i = 0; rc == 0 && mean && i < (size_t)m.points * m.features;
         i++) {
        double x, *at = (double *)(void *)(m.data.data + NPY_HEADER_LEN) + i;

        memcpy(&x, at, sizeof(x));
        x /= (double)m.n;
        memcpy(at, &x, sizeof(x));
    }
    if (rc == 0) {
        npy_header(m.data.data, PE_F8, (uint32_t)m.rows, m.features);
        rc = file_write(path, m.data.data, m.data.len, 0666, errp);
    }
    if (rc == 0)
        log_info("%s: %" PRIu64 " x %u values of %" PRIu64 " slice%s%s", path,
                 m.rows, m.features, m.n, text_s(m.n),
                 missing ? ", and others lack" : "");
    if (rc == 0 && missing + m.empty > 0)
        log_warn("slices that are not in it: %" PRIu64
                 ", that have given nothing: %" PRIu64,
                 missing, m.empty);
    pe_buffer_free(&m.data);
    return rc;
}

int task_out_failed(params *p, const params_task *t, pe_error *errp)
{
    uint64_t found = 0;
    pe_buffer one = {0};
    int rc = 0;

    for (uint64_t i = 0;
         rc >= 0 && found < t->failed && found < SHOWN && i < UINT32_MAX; i++) {
        bool failed = false;

        rc = params_slice_fetch(p, t->name, i, &one, &failed, errp);
        if (rc != 1 || !failed)
            continue;
        found++;
        printf("  slice %" PRIu64 ": %.*s\n", i, (int)one.len,
               (const char *)one.data);
    }
    if (rc >= 0 && t->failed > SHOWN)
        printf("  ... and %" PRIu64 " more\n", t->failed - SHOWN);
    pe_buffer_free(&one);
    return rc < 0 ? -1 : 0;
}
