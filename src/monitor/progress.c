/* progress.c - a run while it goes on, in one line of a terminal. */
#include <string.h>

#include "src/common/text.h"
#include "src/monitor/counter.h"
#include "src/monitor/private.h"
#include "src/monitor/value.h"

/* What the pilots told last, together. */
struct news {
    bool pools, edges;
    json_int_t lag, version, outliers; /* of pools */
    json_int_t sensed, sent, queued;   /* of edges */
    json_int_t rows;                   /* of files that end, all edges */
    double share;  /* ... of the one that is least far, from 0; -1: none */
    double left_s; /* ... and how long it will take; 0: not known */
    const char *stalled; /* hop that stands still; "": none does */
};

/* A piece of the line; those of the highest rank go first where there is no
 * room.
 */
struct piece {
    int rank;
    text t;
};

enum { PIECES = 16 };

struct line {
    struct piece piece[PIECES];
    size_t n;
};

/* How far the files of an edge are. */
static void read_take(struct news *s, const json_t *event)
{
    double share = value_real(event, "share");
    double t = value_real(event, "t");

    if (!json_object_get(event, "share"))
        return;
    s->rows += value_int(event, "rows");
    if (s->share >= 0 && share >= s->share)
        return;
    s->share = share;
    s->left_s = share > 0 && t > 0 ? t * (1 - share) / share : 0;
}

static void news_take(struct news *s, const json_t *event)
{
    json_int_t version = value_int(event, "version");
    json_int_t outliers = value_int(event, "outliers");
    const json_t *stalled = json_object_get(event, "stalled");

    if (stalled)
        s->stalled = value_text(stalled, "hop", "?");
    if (json_object_get(event, "blocks")) {
        s->pools = true;
        s->lag += value_int(event, "lag"); /* each its own partitions */
        s->version = version > s->version ? version : s->version;
        s->outliers = outliers > s->outliers ? outliers : s->outliers;
        read_take(s, event); /* files that ranks read */
        return;
    }
    read_take(s, event);
    s->edges = s->edges || value_int(event, "sensed") > 0;
    s->sensed += value_int(event, "sensed");
    s->sent += value_int(event, "sent");
    s->queued += value_int(event, "sensed") - value_int(event, "sent") -
                 value_int(event, "filtered") - value_int(event, "dropped");
}

static text *piece_add(struct line *l, int rank)
{
    l->piece[l->n].rank = rank;
    return &l->piece[l->n++].t;
}

static void applied_add(struct line *l, const monitor *m)
{
    const struct monitor_sample *was = &m->sample[0], *is = &m->sample[1];
    double dt = was->t > 0 ? is->t - was->t : 0;

    text_add(piece_add(l, 0), "%.1f s  applied %lld", is->t,
             (long long)is->blocks);
    if (dt > 0)
        text_add(piece_add(l, 3), " (%.0f/s, %.1f MB/s)",
                 (double)(is->blocks - was->blocks) / dt,
                 (is->mb - was->mb) / dt);
}

/* Behind the sources: what lies in the broker, and on the devices. */
static void lag_add(struct line *l, const struct news *s)
{
    text_add(piece_add(l, 1), "  lag %lld", (long long)(s->lag + s->queued));
    if (s->queued > 0)
        text_add(piece_add(l, 2), " (%lld on devices)", (long long)s->queued);
}

/* "120000 rows, 42%, 0:12 left" */
static void read_add(struct line *l, const struct news *s)
{
    if (s->share < 0)
        return;
    text_add(piece_add(l, 3), "  %lld row%s", (long long)s->rows,
             text_s((uint64_t)s->rows));
    text_add(piece_add(l, 1), "  %.0f%% read", 100 * s->share);
    if (s->left_s >= 1 && s->share < 1)
        text_add(piece_add(l, 2), ", %lld:%02lld left",
                 (long long)s->left_s / 60, (long long)s->left_s % 60);
}

/* What is no part of a run where all goes well, from the first one on. */
static void faults_add(struct line *l, const monitor *m)
{
    static const char *const keys[] = {"dropped", "lost",   "refused",
                                       "skipped", "masked", NULL};

    for (const char *const *key = keys; *key; key++) {
        json_int_t n = value_int(m->base, *key), told;
        const char *pilot;
        json_t *event;
        json_object_foreach(m->progress, pilot, event)
        {
            told = value_int(event, *key);
            /* Pools tell the numbers of the run. */
            if (!json_object_get(event, "blocks"))
                n += told;
            else if (told > n)
                n = told;
        }
        if (n > 0)
            text_add(piece_add(l, 1), "  %s %lld", *key, (long long)n);
    }
}

/* Take out what there is least need of until [cap] bytes hold the rest. */
static void line_fit(struct line *l, char *out, size_t cap)
{
    size_t len = 0, at = 0;

    for (size_t i = 0; i < l->n; i++)
        len += l->piece[i].t.len;
    for (int rank = 9; rank > 0; rank--)
        for (size_t i = l->n; i-- > 0 && len + 1 > cap;)
            if (l->piece[i].rank == rank) {
                len -= l->piece[i].t.len;
                text_free(&l->piece[i].t);
            }
    out[0] = '\0';
    for (size_t i = 0; i < l->n; i++) {
        const char *s = l->piece[i].t.data;
        if (s && at + 1 < cap)
            at += (size_t)snprintf(out + at, cap - at, "%s",
                                   at == 0 ? s + strspn(s, " ") : s);
        text_free(&l->piece[i].t);
    }
}

void monitor_progress(const monitor *m, char *out, size_t cap)
{
    struct news s = {.share = -1, .stalled = ""};
    struct line l = {.n = 0};
    const char *pilot;
    json_t *event;

    json_object_foreach(m->progress, pilot, event)
    {
        news_take(&s, event);
    }
    if (*s.stalled)
        text_add(piece_add(&l, 0), "  STALLED (%s)", s.stalled);
    if (s.pools)
        applied_add(&l, m);
    if (s.pools || s.queued > 0)
        lag_add(&l, &s);
    read_add(&l, &s);
    faults_add(&l, m);
    if (s.version > 0)
        text_add(piece_add(&l, 5), "  model v%lld", (long long)s.version);
    if (s.pools)
        text_add(piece_add(&l, 4), "  outliers %lld", (long long)s.outliers);
    if (s.edges)
        text_add(piece_add(&l, s.pools ? 6 : 0), "  sensed %lld  sent %lld",
                 (long long)s.sensed, (long long)s.sent);
    line_fit(&l, out, cap);
}
