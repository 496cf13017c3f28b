/* conclude.c - the rest of a pass: threshold, labels, files. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/answer/values.h"
#include "src/block/npy.h"
#include "src/common/clock.h"
#include "src/common/drift.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/agent/event.h"

#define CHUNK 16384 /* rows at a time */

/* The answers on their way into files. */
typedef struct ending {
    pass *p;
    answer_row *rows; /* CHUNK */
    exact exact;
    double threshold;
    char from[160]; /* by what it was found */
    int fd;         /* rows.npy */
    char *path;
    uint64_t written, outliers;
    int32_t *device, *source; /* numbers by those the threads gave */
    size_t lane;
    drift drift;        /* of the lane at work */
    uint64_t drifts;    /* lanes with one, ... */
    answer_row drifted; /* ... the first */
    double mean;        /* of its scores up to there */
} ending;

static int read_rows(int fd, answer_row *to, size_t n, uint64_t at,
                     pe_error *errp)
{
    char *into = (char *)to;
    size_t len = n * sizeof(*to);
    uint64_t from = at * sizeof(*to);

    while (len > 0) {
        ssize_t got = pread(fd, into, len, (off_t)from);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                                "scores that were written cannot be read "
                                "again: %s",
                                got < 0 ? strerror(errno) : "they are cut");
        into += got;
        from += (uint64_t)got;
        len -= (size_t)got;
    }
    return 0;
}

/* [visit] every chunk of rows, lane by lane, in order. */
static int each_chunk(ending *e,
                      int (*visit)(ending *e, size_t n, pe_error *errp),
                      pe_error *errp)
{
    for (e->lane = 0; e->lane < e->p->c->n_lanes; e->lane++) {
        uint64_t all = e->p->lanes[e->lane].rows;

        memset(&e->drift, 0, sizeof(e->drift));
        for (uint64_t at = 0; at < all; at += CHUNK) {
            size_t n = all - at < CHUNK ? (size_t)(all - at) : CHUNK;

            if (read_rows(e->p->fd[e->lane], e->rows, n, at, errp) < 0 ||
                visit(e, n, errp) < 0)
                return -1;
        }
    }
    return 0;
}

/* --- threshold --- */

static int look(ending *e, size_t n, pe_error *errp)
{
    (void)errp;
    for (size_t i = 0; i < n; i++)
        if (e->rows[i].label != ANSWER_MASKED)
            exact_look(&e->exact, e->rows[i].score);
    return 0;
}

static int find_threshold(ending *e, pe_error *errp)
{
    const pass_conf *c = e->p->c;
    double share =
        c->contamination > 0 ? c->contamination : e->p->m->contamination;

    if (!isnan(c->threshold)) {
        e->threshold = c->threshold;
        snprintf(e->from, sizeof(e->from), "%s",
                 c->threshold_from ? c->threshold_from : "given");
        return 0;
    }
    if (exact_begin(&e->exact, e->p->counted, share) < 0)
        return pe_error_nomem(errp);
    if (each_chunk(e, look, errp) < 0)
        return -1;
    e->threshold = exact_end(&e->exact);
    snprintf(e->from, sizeof(e->from),
             "exact for contamination %g over all %" PRIu64 " scores", share,
             e->exact.n);
    return 0;
}

/* --- rows.npy --- */

static void look_for_drift(ending *e, const answer_row *r)
{
    double mean = e->drift.mean;

    if (!drift_take(&e->drift, (double)r->score))
        return;
    if (e->drifts++ == 0) {
        e->drifted = *r;
        e->mean = mean;
    }
}

static int label(ending *e, size_t n, pe_error *errp)
{
    for (size_t i = 0; i < n; i++) {
        answer_row *r = &e->rows[i];

        r->device = r->device < 0 ? -1 : e->device[r->device];
        r->source = r->source < 0 ? -1 : e->source[r->source];
        if (r->label == ANSWER_MASKED)
            continue;
        r->label =
            (double)r->score > e->threshold ? ANSWER_OUTLIER : ANSWER_INLIER;
        e->outliers += r->label == ANSWER_OUTLIER;
        look_for_drift(e, r);
    }
    if (pass_write(e->fd, e->rows, n * sizeof(*e->rows),
                   ANSWER_HEAD + e->written * sizeof(*e->rows), e->path,
                   errp) < 0)
        return -1;
    e->written += n;
    return 0;
}

static int write_rows(ending *e, pe_error *errp)
{
    char head[ANSWER_HEAD];

    e->path = text_format("%s/rows.npy", e->p->folder);
    if (!e->path)
        return pe_error_nomem(errp);
    e->fd = open(e->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (e->fd < 0)
        return file_error(errp, errno, "make", e->path, PE_EXIT_CREATE);
    if (each_chunk(e, label, errp) < 0)
        return -1;
    answer_head(head, e->written);
    if (pass_write(e->fd, head, sizeof(head), 0, e->path, errp) < 0)
        return -1;
    if (fsync(e->fd) < 0)
        return file_error(errp, errno, "write", e->path, PE_EXIT_CREATE);
    return 0;
}

/* --- names --- */

static int by_name(const void *a, const void *b, void *arg)
{
    const names *t = arg;

    return strcmp(t->name[*(const int32_t *)a], t->name[*(const int32_t *)b]);
}

/* Names in their order, however threads met them; [mapp] gets the new number
 * of each old one.
 */
static int sort_names(names *t, int32_t **mapp, pe_error *errp)
{
    int32_t *order = calloc(t->n + 1, sizeof(*order));
    int32_t *map = calloc(t->n + 1, sizeof(*map));
    char **name = calloc(t->n + 1, sizeof(*name));

    *mapp = map;
    if (!order || !map || !name) {
        free(order);
        free(name);
        return pe_error_nomem(errp);
    }
    for (size_t i = 0; i < t->n; i++)
        order[i] = (int32_t)i;
    qsort_r(order, t->n, sizeof(*order), by_name, t);
    for (size_t i = 0; i < t->n; i++) {
        map[order[i]] = (int32_t)i;
        name[i] = t->name[order[i]];
    }
    if (t->n > 0)
        memcpy(t->name, name, t->n * sizeof(*name));
    free(order);
    free(name);
    return 0;
}

/* --- top.npy --- */

static int write_top(const ending *e, pe_error *errp)
{
    top *t = &e->p->top;
    char *path = text_format("%s/top.npy", e->p->folder);
    size_t row = t->n_values * sizeof(double);
    unsigned char *data = malloc(NPY_HEADER_LEN + t->n * row);
    int rc;

    if (!path || !data) {
        free(path);
        free(data);
        return pe_error_nomem(errp);
    }
    npy_header(data, PE_F8, (uint32_t)t->n, t->n_values);
    for (size_t i = 0; i < t->n; i++)
        memcpy(data + NPY_HEADER_LEN + i * row,
               t->values + t->row[i].slot * t->n_values, row);
    rc = file_write(path, data, NPY_HEADER_LEN + t->n * row, 0600, errp);
    free(path);
    free(data);
    return rc;
}

/* --- results.json --- */

static json_t *top_list(const pass *p)
{
    json_t *list = json_array();
    uint64_t *base = calloc(p->c->n_lanes + 1, sizeof(*base));

    for (size_t i = 0; base && i < p->c->n_lanes; i++)
        base[i + 1] = base[i] + p->lanes[i].rows;
    for (size_t i = 0; base && i < p->top.n; i++)
        json_array_append_new(
            list, json_integer((json_int_t)base[p->top.row[i].lane] +
                               (json_int_t)p->top.row[i].at));
    free(base);
    return list;
}

static json_t *counts_of(const pass *p)
{
    lane_counts sum = {0};

    for (size_t i = 0; i < p->c->n_lanes; i++) {
        const lane_counts *k = &p->lanes[i].counts;

        sum.scored += k->scored;
        sum.refused += k->refused;
        sum.repeated += k->repeated;
        sum.filtered += k->filtered;
    }
    return json_pack("{s:I, s:I, s:I, s:I}", "scored", (json_int_t)sum.scored,
                     "refused", (json_int_t)sum.refused, "repeated",
                     (json_int_t)sum.repeated, "filtered",
                     (json_int_t)sum.filtered);
}

__attribute__((format(printf, 2, 3))) static void note(json_t *notes,
                                                       const char *fmt, ...)
{
    char line[1200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    json_array_append_new(notes, event_text(line));
}

/* Blocks that the pool counts as applied. */
static uint64_t scored_blocks(const pass *p)
{
    uint64_t n = 0;

    for (size_t i = 0; i < p->c->n_lanes; i++)
        n += p->lanes[i].counts.scored + p->lanes[i].counts.filtered;
    return n;
}

static void note_dominated(const pass *p, json_t *notes)
{
    const pipeline *pl = p->c->n_lanes ? p->c->lanes[0].stages.pl : NULL;
    const char *pilot = pl ? pipeline_scaler(pl) : "pool";
    char *name = values_model_column(p, p->m->dominant), words[640];

    if (pilot && pe_model_dominated(p->m, name, pilot, words, sizeof(words)))
        note(notes, "%s", words);
    free(name);
}

/* Not to all rows, or to none. */
static void note_fitted(const pass *p, json_t *notes)
{
    if (p->drawn > 0 && !p->m->fitted)
        note(notes,
             "the model is as the stream has left it: %" PRIu64
             " rows are too few to fit it to, or it is too large for that",
             p->drawn);
    if (p->m->fitted && p->drawn < p->drawn_of)
        note(notes,
             "the model was fitted to %" PRIu64
             " rows, drawn at random from all %" PRIu64,
             p->drawn, p->drawn_of);
    if (p->m->fitted && p->m->fitted < p->drawn)
        note(notes,
             "rows that had a centre as good as to themselves when the model "
             "was fitted, and were left out then: %" PRIu64,
             p->drawn - p->m->fitted);
}

/* What nobody should have to find out. */
static void notes_of(const ending *e, json_t *notes)
{
    const pass *p = e->p;

    for (size_t i = 0; i < p->c->n_lanes; i++)
        if (*p->lanes[i].first_refused) {
            note(notes, "a record was refused: %s", p->lanes[i].first_refused);
            break;
        }
    if (p->c->expected && (p->c->expected->blocks != scored_blocks(p) ||
                           p->c->expected->points != e->written - p->masked))
        note(notes,
             "the run learned from %" PRIu64 " row%s in %" PRIu64
             " block%s, and %" PRIu64 " row%s in %" PRIu64
             " block%s were scored again",
             p->c->expected->points, text_s(p->c->expected->points),
             p->c->expected->blocks, text_s(p->c->expected->blocks),
             e->written - p->masked, text_s(e->written - p->masked),
             scored_blocks(p), text_s(scored_blocks(p)));
    note_fitted(p, notes);
    values_notes(p, e->written, notes);
    note_dominated(p, notes);
    if (p->devices.beyond > 0)
        note(notes,
             "the first %d devices have their names here; those of %" PRIu64
             " block%s of others are not kept",
             NAMES_MAX, p->devices.beyond, text_s(p->devices.beyond));
    if (p->sources.beyond > 0)
        note(notes,
             "the first %d files have their names here; those of %" PRIu64
             " block%s of others are not kept",
             NAMES_FILES_MAX, p->sources.beyond, text_s(p->sources.beyond));
    if (p->inexact_rows)
        note(notes,
             "rows were joined or left out before the model, and of some "
             "it is not known which: their number is that of the first "
             "row of their block, or from where to where they are");
}

static json_t *drift_of(const ending *e)
{
    if (e->drifts == 0)
        return json_null();
    return json_pack("{s:I, s:I, s:i, s:i, s:f}", "partitions",
                     (json_int_t)e->drifts, "row", (json_int_t)e->drifted.row,
                     "source", (int)e->drifted.source, "device",
                     (int)e->drifted.device, "mean_before", e->mean);
}

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *info_make(const ending *e)
{
    const pass *p = e->p;
    double share =
        p->c->contamination > 0 ? p->c->contamination : p->m->contamination;
    json_t *notes = json_array();
    json_t *info = json_pack(
        "{s:i, s:s, s:I, s:s, s:i, s:I, s:f, s:o, s:s, s:o, s:I, s:I, s:I, "
        "s:I, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:f}",
        "schema", ANSWER_SCHEMA, "kind", p->m->ops->name, "version",
        (json_int_t)p->m->version, "commit", p->m->commit, "features",
        (int)p->m->features, "model_points", (json_int_t)p->m->points,
        "contamination", share, "threshold", number(e->threshold),
        "threshold_from", e->from, "model_threshold", number(p->stream), "rows",
        (json_int_t)e->written, "scored", (json_int_t)(e->written - p->masked),
        "outliers", (json_int_t)e->outliers, "masked", (json_int_t)p->masked,
        "blocks", counts_of(p), "devices", names_list(&p->devices), "sources",
        names_list(&p->sources), "top", top_list(p), "drift", drift_of(e),
        "values", values_kept(p) ? "all" : "top", "columns", values_columns(p),
        "seconds", (double)(clock_mono_ns() - p->start_ns) / 1e9);

    notes_of(e, notes);
    if (info) {
        json_object_set_new(info, "fitted",
                            json_integer((json_int_t)p->m->fitted));
        json_object_set(info, "notes", notes);
        json_object_update_missing(info, p->c->info);
        json_array_extend(json_object_get(info, "notes"),
                          json_object_get(p->c->info, "notes"));
    }
    json_decref(notes);
    return info;
}

static int write_info(const ending *e, pe_error *errp)
{
    json_t *info = info_make(e);
    char *data =
        info ? json_dumps(info, JSON_INDENT(1) | JSON_PRESERVE_ORDER) : NULL;
    char *path = text_format("%s/results.json", e->p->folder);
    int rc = data && path ? file_write(path, data, strlen(data), 0600, errp)
                          : pe_error_nomem(errp);

    free(path);
    free(data);
    json_decref(info);
    return rc;
}

/* --- the model --- */

/* One that was fitted has its threshold from all rows, too. */
static int keep_model(const ending *e, pe_error *errp)
{
    pass *p = e->p;
    const pass_conf *c = p->c;

    if (p->m->fitted) {
        p->m->threshold = e->threshold;
        p->fitted.len = 0;
        if (pe_model_encode(p->m, &p->fitted, errp) < 0)
            return -1;
        p->model = p->fitted.data;
        p->model_len = p->fitted.len;
    }
    return c->keep ? c->keep(c->keep_arg, p->model, p->model_len, errp) : 0;
}

/* --- all of it --- */

int pass_conclude(pass *p, pe_error *errp)
{
    ending e = {.p = p, .fd = -1};
    int rc;

    e.rows = malloc(CHUNK * sizeof(*e.rows));
    rc = e.rows ? 0 : pe_error_nomem(errp);
    if (rc == 0)
        rc = sort_names(&p->devices, &e.device, errp);
    if (rc == 0)
        rc = sort_names(&p->sources, &e.source, errp);
    if (rc == 0)
        rc = find_threshold(&e, errp);
    if (rc == 0)
        rc = write_rows(&e, errp);
    top_sort(&p->top);
    if (rc == 0 && p->top.n > 0)
        rc = write_top(&e, errp);
    if (rc == 0)
        rc = values_write(p, errp);
    if (rc == 0)
        rc = keep_model(&e, errp);
    if (rc == 0)
        rc = write_info(&e, errp);
    if (rc == 0)
        rc = file_folder_replace(p->folder, p->c->folder, errp);
    if (e.fd >= 0)
        close(e.fd);
    exact_free(&e.exact);
    free(e.path);
    free(e.rows);
    free(e.device);
    free(e.source);
    return rc;
}
