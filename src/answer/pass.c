/* pass.c - every row of some partitions, scored by one model. */
#include "pass.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/answer/values.h"
#include "src/block/origin.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"

#define PROGRESS_NS 500000000

/* One thread.  A lane's blocks are taken in order, by whoever has its lock,
 * and scored beside each other, each to its own place in the lane's part.
 */
typedef struct worker {
    pass *p;
    pthread_t thread;
    pe_model *m; /* kernels are for one thread at a time */
    lane_block b;
    size_t lane; /* ... of this one */
    pe_block aligned;
    float *scores;
    answer_row *rows;
    size_t cap;     /* of both */
    double *values; /* of all rows of a block */
    size_t cap_values;
    uint64_t *counted;
    uint64_t masked;
    top top;
    origin_reader rows_of; /* the block at hand; kind ORIGIN_NONE: has none */
    bool inexact_rows;
    pe_error error;
} worker;

int pass_write(int fd, const void *data, size_t len, uint64_t at,
               const char *path, pe_error *errp)
{
    const char *from = data;

    while (len > 0) {
        ssize_t n = pwrite(fd, from, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_error(errp, errno, "write", path, PE_EXIT_CREATE);
        from += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static int reserve(worker *w, uint32_t points, pe_error *errp)
{
    float *scores;
    answer_row *rows;

    if (points <= w->cap)
        return 0;
    scores = realloc(w->scores, points * sizeof(*scores));
    w->scores = scores ? scores : w->scores;
    rows = realloc(w->rows, points * sizeof(*rows));
    w->rows = rows ? rows : w->rows;
    if (!scores || !rows)
        return pe_error_nomem(errp);
    w->cap = points;
    return 0;
}

static int score(worker *w, pe_error *errp)
{
    pe_block *b = &w->b.block;

    if (reserve(w, b->points, errp) < 0)
        return -1;
    if (!(w->m->ops->flags & PE_MODEL_UNALIGNED) &&
        ((uintptr_t)b->data & 63) != 0) {
        if (pe_block_copy(&w->aligned, b, errp) < 0)
            return -1;
        b->data = w->aligned.data;
    }
    return pe_model_score(w->m, b, w->scores, errp);
}

/* --- rows --- */

/* Numbers of the device, and of the file in front of ":ROW". */
static int name_numbers(worker *w, answer_row *r, pe_error *errp)
{
    const pe_block *b = &w->b.record.block;
    const lane_conf *c = &w->p->lanes[w->lane].c;
    bool file = c->what != NULL;             /* and no device's */
    char source[RECORD_SOURCE_MAX + 1] = ""; /* its path */
    int rc = 0;

    if (c->named)
        snprintf(source, sizeof(source), "%s", c->named);
    else if (!w->b.of_device)
        snprintf(source, sizeof(source), "%.*s", (int)origin_path(b->source),
                 b->source);
    pthread_mutex_lock(&w->p->lock);
    if (!w->p->n_values) {
        w->p->behind = !w->b.one_to_one && !w->b.picked;
        w->p->n_values = w->p->behind ? w->b.block.features : b->features;
    }
    if (!w->top.row)
        rc = top_open(&w->top, pass_top_most(w->p->n_values), w->p->n_values,
                      errp);
    r->device = file ? -1 : names_take(&w->p->devices, b->device);
    r->source = *source ? names_take(&w->p->sources, source) : -1;
    pthread_mutex_unlock(&w->p->lock);
    return r->device == -2 || r->source == -2 ? pe_error_nomem(errp) : rc;
}

static void keep_values(worker *w, uint32_t i, uint64_t at)
{
    size_t n = w->top.n_values;

    if (top_wants(&w->top, w->scores[i], (int32_t)w->lane, at))
        memcpy(top_take(&w->top, w->scores[i], (int32_t)w->lane, at),
               w->values + i * n, n * sizeof(*w->values));
}

/* The values of all rows of the block, as they were sensed. */
static int take_values(worker *w, pe_error *errp)
{
    uint32_t points = w->b.block.points, n = w->top.n_values;
    size_t need = (size_t)points * n;

    if (need > w->cap_values) {
        double *more = realloc(w->values, need * sizeof(*more));

        if (!more)
            return pe_error_nomem(errp);
        w->values = more;
        w->cap_values = need;
    }
    for (uint32_t i = 0; i < points; i++)
        lane_values(&w->b, i, n, w->values + (size_t)i * n);
    return values_put(w->p, w->lane, w->b.at, w->values, points, errp);
}

/* Are points without a file those that their device has sensed? */
static bool is_counted(const worker *w)
{
    return w->b.one_to_one && !w->p->lanes[w->lane].c.reshaped;
}

/* Of point [i], which is the next one. */
static void number_row(worker *w, answer_row *r, uint32_t i)
{
    if (w->rows_of.kind != ORIGIN_NONE) {
        origin_rows rows = origin_next(&w->rows_of);

        r->row = rows.first;
        r->last = rows.last;
        return;
    }
    if (is_counted(w) && r->row >= 0)
        r->row += i;
    r->last = r->row;
}

static void fill_row(worker *w, const answer_row *of, uint32_t i)
{
    answer_row *r = &w->rows[i];

    *r = *of;
    r->point = i;
    r->score = w->scores[i];
    number_row(w, r, i);
    if (w->b.timed)
        r->time_ns = w->b.said.times[i];
    r->label = isnan(r->score) ? ANSWER_MASKED : ANSWER_INLIER;
    if (r->label == ANSWER_MASKED) {
        w->masked++;
        return;
    }
    exact_count(w->counted, r->score);
    keep_values(w, i, w->b.at + i);
}

static int give_out(worker *w, pe_error *errp)
{
    const pe_block *b = &w->b.record.block;
    answer_row of = {.time_ns = b->sense_ns ? b->sense_ns : b->broker_ns,
                     .row = w->b.row,
                     .offset = b->offset,
                     .partition = b->partition};

    if (w->p->lanes[w->lane].c.again)
        of.time_ns = 0;
    if (name_numbers(w, &of, errp) < 0 || take_values(w, errp) < 0)
        return -1;
    origin_open(&w->rows_of, w->b.of_device ? NULL : w->b.block.source);
    w->inexact_rows = w->inexact_rows || w->rows_of.kind == ORIGIN_SOME ||
                      (w->rows_of.kind == ORIGIN_NONE && !is_counted(w));
    for (uint32_t i = 0; i < w->b.block.points; i++)
        fill_row(w, &of, i);
    atomic_fetch_add(&w->p->scored, w->b.block.points);
    return pass_write(w->p->fd[w->lane], w->rows,
                      w->b.block.points * sizeof(answer_row),
                      w->b.at * sizeof(answer_row), w->p->folder, errp);
}

static int answer(worker *w, pe_error *errp)
{
    return score(w, errp) < 0 ? -1 : give_out(w, errp);
}

static int offer(const worker *w)
{
    pthread_mutex_lock(&w->p->lock);
    draw_offer(w->p->draw, &w->b.block);
    pthread_mutex_unlock(&w->p->lock);
    return 0;
}

/* --- threads --- */

/* Take a block of lane [k], whose lock we have, and give the lock back; false:
 * an error.
 */
static bool work(worker *w, size_t k)
{
    lane *l = &w->p->lanes[k];
    int rc = -1;

    w->lane = k;
    if (!atomic_load(&w->p->failed))
        rc = lane_next(l, &w->b, &w->error);
    /* In the order of its blocks, on which the last bit of a sum depends. */
    if (rc > 0 && w->p->sums &&
        overall_add(&w->p->sums[k], &w->b.block, &w->error) < 0)
        rc = -1;
    pthread_mutex_unlock(&l->lock);
    if (rc <= 0)
        return rc == 0;
    rc = w->p->sums ? 0 : w->p->draw ? offer(w) : answer(w, &w->error);
    lane_release(l, &w->b);
    return rc == 0;
}

static bool is_done(lane *l)
{
    bool done;

    pthread_mutex_lock(&l->lock);
    done = l->done;
    pthread_mutex_unlock(&l->lock);
    return done;
}

/* A lane of its own to the end of that; so no more are open than threads. */
static bool run_own(worker *w)
{
    for (;;) {
        size_t k;

        pthread_mutex_lock(&w->p->lock);
        k = w->p->turn < w->p->c->n_lanes ? w->p->turn++ : SIZE_MAX;
        pthread_mutex_unlock(&w->p->lock);
        if (k == SIZE_MAX)
            return true;
        while (!is_done(&w->p->lanes[k])) {
            pthread_mutex_lock(&w->p->lanes[k].lock);
            if (!work(w, k))
                return false;
        }
    }
}

/* Then those of others: one whose lock is free, else the first there is. */
static bool run_others(worker *w)
{
    for (;;) {
        size_t k = SIZE_MAX, n = w->p->c->n_lanes;

        for (size_t i = 0; i < n; i++) {
            if (pthread_mutex_trylock(&w->p->lanes[i].lock) != 0) {
                k = k == SIZE_MAX ? i : k;
                continue;
            }
            if (!w->p->lanes[i].done) {
                if (!work(w, i))
                    return false;
                k = i;
                break;
            }
            pthread_mutex_unlock(&w->p->lanes[i].lock);
        }
        if (k == SIZE_MAX)
            return true;
        if (!is_done(&w->p->lanes[k])) {
            pthread_mutex_lock(&w->p->lanes[k].lock);
            if (!work(w, k))
                return false;
        }
    }
}

static void *worker_main(void *arg)
{
    worker *w = arg;

    if (run_own(w) && run_others(w))
        return NULL;
    pthread_mutex_lock(&w->p->lock);
    if (w->error.kind != PE_ERROR_NONE && !atomic_load(&w->p->failed))
        w->p->error = w->error;
    pthread_mutex_unlock(&w->p->lock);
    atomic_store(&w->p->failed, true);
    return NULL;
}

size_t pass_top_most(uint32_t n_values)
{
    size_t most = PASS_TOP_BYTES / (sizeof(double) * (n_values ? n_values : 1));

    return most > PASS_TOP ? PASS_TOP : most > 0 ? most : 1;
}

static int worker_init(worker *w, pass *p, pe_error *errp)
{
    w->p = p;
    w->m = pe_model_decode(p->model, p->model_len, errp);
    w->counted = calloc(EXACT_LANES, sizeof(*w->counted));
    if (!w->m)
        return -1;
    return w->counted ? 0 : pe_error_nomem(errp);
}

/* What one has counted becomes everybody's. */
static void worker_fini(worker *w)
{
    pass *p = w->p;

    if (w->counted && p->counted)
        for (size_t k = 0; k < EXACT_LANES; k++)
            p->counted[k] += w->counted[k];
    if (w->top.row && p->top.row)
        top_merge(&p->top, &w->top);
    p->masked += w->masked;
    p->inexact_rows = p->inexact_rows || w->inexact_rows;
    pe_model_destroy(w->m);
    pe_block_release(&w->aligned);
    lane_block_free(&w->b);
    free(w->values);
    free(w->scores);
    free(w->rows);
    free(w->counted);
    top_free(&w->top);
}

/* How much of what is there has been taken, [0, 1]; -1: nobody knows. */
static double share_of(pass *p)
{
    double done = 0, all = 0;

    for (size_t i = 0; i < p->c->n_lanes; i++) {
        lane *l = &p->lanes[i];

        if (l->c.end < 0)
            return -1;
        all += (double)(l->c.end - l->c.first);
        if (pthread_mutex_trylock(&l->lock) != 0)
            continue;
        done += (double)(l->next - l->c.first);
        pthread_mutex_unlock(&l->lock);
    }
    return all > 0 ? done / all : 1;
}

static void tell(pass *p)
{
    double share = share_of(p);

    if (share >= 0)
        share = (p->stage + share) / p->stages;
    p->c->progress(p->c->arg, atomic_load(&p->scored), share);
}

static void join(pass *p, worker *w)
{
    struct timespec until;

    do {
        int64_t at = clock_real_ns() + PROGRESS_NS;

        until = (struct timespec){.tv_sec = at / 1000000000,
                                  .tv_nsec = at % 1000000000};
        if (p->c->progress)
            tell(p);
    } while (pthread_timedjoin_np(w->thread, NULL, &until) == ETIMEDOUT);
}

static int threads_of(const pass *p)
{
    cpu_set_t set;

    if (p->c->threads > 0)
        return p->c->threads;
    return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

/* Threads over all blocks, once. */
static int run(pass *p, pe_error *errp)
{
    int n = threads_of(p), started = 0;
    worker *w = calloc((size_t)n, sizeof(*w));
    int rc = w ? 0 : pe_error_nomem(errp);

    for (int i = 0; rc == 0 && i < n; i++)
        rc = worker_init(&w[i], p, errp);
    for (; rc == 0 && started < n; started++)
        if (pthread_create(&w[started].thread, NULL, worker_main,
                           &w[started]) != 0)
            break;
    if (rc == 0 && started == 0)
        rc = pe_error_nomem(errp);
    for (int i = 0; i < started; i++)
        join(p, &w[i]);
    p->stage++;
    if (rc == 0 && atomic_load(&p->failed)) {
        *errp = p->error;
        rc = -1;
    }
    if (rc == 0 && !p->draw && !p->sums)
        rc = top_open(&p->top, pass_top_most(p->n_values), p->n_values, errp);
    for (int i = 0; w && i < n; i++)
        if (w[i].p)
            worker_fini(&w[i]);
    free(w);
    return rc;
}

/* All blocks may be read several times: the last one is told of. */
int pass_blocks(pass *p, pe_error *errp)
{
    bool last = !p->draw && !p->sums;
    enum log_level was = last ? LOG_LEVEL_INFO : log_limit(LOG_LEVEL_WARN);
    int rc = run(p, errp);

    if (!last)
        log_limit(was);
    return rc;
}

/* --- before and after --- */

static int open_parts(pass *p, pe_error *errp)
{
    for (size_t i = 0; i < p->c->n_lanes; i++) {
        char *path = text_format("%s/part-%zu", p->folder, i);

        if (!path)
            return pe_error_nomem(errp);
        /* Read by nobody else: it goes with us. */
        p->fd[i] = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (p->fd[i] < 0)
            file_error(errp, errno, "make", path, PE_EXIT_CREATE);
        else
            unlink(path);
        free(path);
        if (p->fd[i] < 0)
            return -1;
    }
    return 0;
}

static int begin(pass *p, pe_error *errp)
{
    const pass_conf *c = p->c;

    p->folder = text_format("%s.part", c->folder);
    p->lanes = calloc(c->n_lanes + 1, sizeof(*p->lanes));
    p->fd = calloc(c->n_lanes + 1, sizeof(*p->fd));
    p->counted = calloc(EXACT_LANES, sizeof(*p->counted));
    for (size_t i = 0; p->fd && i < c->n_lanes; i++)
        p->fd[i] = -1;
    if (!p->folder || !p->lanes || !p->fd || !p->counted)
        return pe_error_nomem(errp);
    p->m = pe_model_decode(c->model, c->model_len, errp);
    if (!p->m)
        return -1;
    p->stream = p->m->threshold;
    p->model = c->model;
    p->model_len = c->model_len;
    p->stages = 1 + pass_scalings(p) + (c->fit && p->m->ops->fit != NULL);
    for (size_t i = 0; i < c->n_lanes; i++)
        if (lane_init(&p->lanes[i], &c->lanes[i], errp) < 0)
            return -1;
    if (file_folder_recover(c->folder, errp) < 0 ||
        file_remove_tree(p->folder, errp) < 0 ||
        file_mkdir(p->folder, errp) < 0)
        return -1;
    return open_parts(p, errp) < 0 ? -1 : values_open(p, errp);
}

int pass_run(const pass_conf *c, pe_error *errp)
{
    pass p = {.c = c,
              .lock = PTHREAD_MUTEX_INITIALIZER,
              .sources = {.most = NAMES_FILES_MAX},
              .start_ns = clock_mono_ns()};
    int rc = begin(&p, errp);

    if (rc == 0)
        rc = pass_scale(&p, errp);
    if (rc == 0)
        rc = pass_fit(&p, errp);
    if (rc == 0)
        rc = pass_blocks(&p, errp);
    if (rc == 0)
        rc = pass_conclude(&p, errp);
    if (rc < 0 && p.folder)
        file_remove_tree(p.folder, NULL);
    for (size_t i = 0; p.lanes && i < c->n_lanes; i++)
        lane_fini(&p.lanes[i]);
    for (size_t i = 0; p.fd && i < c->n_lanes; i++)
        if (p.fd[i] >= 0)
            close(p.fd[i]);
    values_close(&p);
    names_clear(&p.devices);
    names_clear(&p.sources);
    top_free(&p.top);
    pe_model_destroy(p.m);
    pe_buffer_free(&p.fitted);
    free(p.counted);
    free(p.lanes);
    free(p.fd);
    free(p.folder);
    return rc;
}
