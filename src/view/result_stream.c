/* result_stream.c - the scores of a stream, as the pool wrote them. */
#include "result_stream.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/via.h"
#include "src/block/origin.h"
#include "src/block/times.h"
#include "src/view/result_rows.h"
#include "src/codec/codec.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/pipeline/pipeline.h"
#include "src/run/signals.h"

#define POLL_MS 100
#define SILENT_NS (INT64_C(30) * 1000000000)
#define VALUES_PARTITIONS 64

/* Offsets of one partition that were seen: a bit each. */
typedef struct seen {
    unsigned char *bits;
    size_t cap; /* bytes */
} seen;

typedef struct stream {
    const result_wish *w;
    bool follow;
    pipeline_request *req;
    pipeline *pl;
    char topic[256];
    broker_consumer *consumer;
    broker_position *at; /* of every partition */
    int64_t *end;        /* what was there at the start */
    seen *seen;          /* by partition of the origin */
    record_headers headers;
    codec *codec; /* .npy, or da00 */
    pe_block block;
    int64_t *times; /* of the rows of a record */
    uint32_t cap_times;
    result_rows *source;    /* what the scores are of; NULL: not looked up */
    result_columns columns; /* once the first row was printed, ... */
    bool titled;            /* ... with the line of titles */
    double *values;         /* of a row: columns.n */
    int32_t partition;      /* of the record at hand: where it came from, */
    int64_t offset;         /* -1: nobody says */
    uint64_t rows, outliers, repeats, others;
} stream;

/* --- opening --- */

static int load(stream *s, const char *dir, pe_error *errp)
{
    s->req = pipeline_request_read(dir, errp);
    if (!s->req)
        return -1;
    s->pl = pipeline_load(s->req->file, (const char *const *)s->req->overrides,
                          s->req->n_overrides, errp);
    if (!s->pl)
        return -1;
    if (pipeline_is_local(s->pl) || !s->pl->results)
        return pe_error_set(
            errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
            "run %s writes no results to a topic (%s)", s->req->run,
            s->pl->results ? "it has no broker" : "results: off");
    pipeline_topic(s->pl, s->req->run, PIPELINE_RESULTS, s->topic,
                   sizeof(s->topic));
    return via_open(s->req, errp);
}

static int find_ends(stream *s, pe_error *errp)
{
    broker_conf c = {0};
    broker_admin *a;
    int rc = 0;

    pipeline_request_broker(s->req, &c, "pilot-results");
    a = broker_admin_open(&c, errp);
    if (!a)
        return -1;
    for (int32_t k = 0; rc == 0 && k < s->pl->partitions; k++) {
        s->at[k].partition = k;
        rc = broker_watermarks(a, s->topic, k, &s->at[k].offset, &s->end[k],
                               errp);
    }
    broker_admin_close(a);
    return rc;
}

static int open_stream(stream *s, pe_error *errp)
{
    size_t n = (size_t)s->pl->partitions;
    broker_consumer_conf c = {.topic = s->topic,
                              .group = "pilot-results",
                              .message_bytes = s->pl->message_bytes,
                              .queue_bytes = UINT64_C(16) << 20,
                              .gaps_allowed = true};

    s->at = calloc(n, sizeof(*s->at));
    s->end = calloc(n, sizeof(*s->end));
    s->seen = calloc(n, sizeof(*s->seen));
    if (!s->at || !s->end || !s->seen)
        return pe_error_nomem(errp);
    s->codec = codec_open(&(codec_wish){0}, errp);
    if (!s->codec)
        return -1;
    if (find_ends(s, errp) < 0)
        return -1;
    pipeline_request_broker(s->req, &c.broker, "pilot-results");
    s->consumer = broker_consumer_open(&c, errp);
    return s->consumer ? broker_consumer_assign(s->consumer, s->at, n, errp)
                       : -1;
}

static void close_stream(stream *s)
{
    broker_consumer_close(s->consumer);
    codec_close(s->codec);
    pe_block_release(&s->block);
    for (int k = 0; s->seen && k < s->pl->partitions; k++)
        free(s->seen[k].bits);
    free(s->seen);
    free(s->at);
    free(s->end);
    free(s->times);
    free(s->values);
    result_columns_free(&s->columns);
    result_rows_close(s->source);
    pipeline_destroy(s->pl);
    pipeline_request_destroy(s->req);
}

/* --- a record --- */

/* Text of header [name] into [out]; false: it is not there. */
static bool header(const stream *s, const char *name, char *out, size_t cap)
{
    const record_header *h = record_find(&s->headers, name);

    *out = '\0';
    if (h && h->value)
        snprintf(out, cap, "%.*s", (int)h->len, h->value);
    return *out != '\0';
}

/* TOPIC/PARTITION/OFFSET: was it seen?  1: yes; 0: no, and it is now. */
static int see(stream *s, const char *origin, pe_error *errp)
{
    const char *slash = strrchr(origin, '/');
    int64_t offset = 0, partition = 0;
    size_t byte;
    seen *k;
    char part[24];

    s->offset = -1;
    const char *p = slash;
    while (p && p > origin && *--p != '/')
        ;
    snprintf(part, sizeof(part), "%.*s", slash && p ? (int)(slash - p - 1) : 0,
             p ? p + 1 : "");
    if (!slash || text_parse_int(slash + 1, &offset) < 0 ||
        text_parse_int(part, &partition) < 0 || offset < 0 || partition < 0 ||
        partition >= s->pl->partitions)
        return 0;
    s->partition = (int32_t)partition;
    s->offset = offset;
    k = &s->seen[partition];
    byte = (size_t)(offset / 8);
    if (byte >= k->cap) {
        size_t cap = 2 * byte + 64;
        unsigned char *bits = realloc(k->bits, cap);

        if (!bits)
            return pe_error_nomem(errp);
        memset(bits + k->cap, 0, cap - k->cap);
        k->bits = bits;
        k->cap = cap;
    }
    if (k->bits[byte] >> (offset % 8) & 1)
        return 1;
    k->bits[byte] |= (unsigned char)(1u << (offset % 8));
    return 0;
}

/* What headers say of all rows of a record. */
typedef struct facts {
    char rows[RECORD_SOURCE_MAX + 1]; /* PATH:ROWS */
    char source[RECORD_SOURCE_MAX + 1], id[300], device[300], time[40];
    double threshold;
    int64_t version, time_ns;
} facts;

static int facts_take(const stream *s, const broker_record *r, facts *f,
                      pe_error *errp)
{
    char words[64];

    *f = (facts){0};
    if (!header(s, "pe_threshold", words, sizeof(words)))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s/%d/%" PRId64 " holds no scores: the last stage "
                            "of run %s is no model",
                            s->topic, (int)r->partition, r->offset,
                            s->req->run);
    f->threshold = strtod(words, NULL);
    if (header(s, "pe_version", words, sizeof(words)))
        text_parse_int(words, &f->version);
    if (header(s, "pe_source", f->rows, sizeof(f->rows)) &&
        origin_path(f->rows) > 0)
        snprintf(f->source, sizeof(f->source), "%.*s",
                 (int)origin_path(f->rows), f->rows);
    header(s, "ce_id", f->id, sizeof(f->id));
    header(s, "ce_time", f->time, sizeof(f->time));
    snprintf(f->device, sizeof(f->device), "%.*s", (int)r->key_len,
             r->key ? r->key : "");
    f->time_ns = r->time_ns;
    return 0;
}

static int label_of(const facts *f, float score)
{
    return isnan(score)                   ? ANSWER_MASKED
           : (double)score > f->threshold ? ANSWER_OUTLIER
                                          : ANSWER_INLIER;
}

static bool has_outliers(const facts *f, const pe_block *b)
{
    for (uint32_t i = 0; i < b->points; i++)
        if (label_of(f, (float)pe_block_at(b, i, 0)) == ANSWER_OUTLIER)
            return true;
    return false;
}

/* The time of each row, where the record says it; NULL: it does not, or there
 * is no room for it.
 */
static const int64_t *times_of(stream *s, const pe_block *b)
{
    const record_header *h = record_find(&s->headers, "pe_times");

    if (!h || !h->value)
        return NULL;
    if (b->points > s->cap_times) {
        int64_t *more = realloc(s->times, b->points * sizeof(*more));

        if (!more)
            return NULL;
        s->times = more;
        s->cap_times = b->points;
    }
    return times_decode(h->value, h->len, b->points, s->times) == 0 ? s->times
                                                                    : NULL;
}

/* The rows that the record's scores are of: 1; 0: they cannot be had; -1. */
static int rows_of(stream *s, const pe_block *b, result_record *out,
                   pe_error *errp)
{
    int rc = 0;

    if (s->source && s->offset >= 0)
        rc = result_rows_get(s->source, s->partition, s->offset, out, errp);
    if (rc > 0 && out->block->points != b->points)
        return 0; /* a stage of the pool has made others of them */
    return rc;
}

/* Titles are printed when it is known what there is. */
static int print_titles(stream *s, const result_record *rows, pe_error *errp)
{
    const char *called = s->source ? result_rows_columns(s->source) : NULL;

    if (s->titled)
        return 0;
    s->titled = true;
    if (rows && result_columns_take(&s->columns, rows->block->features, called,
                                    errp) < 0)
        return -1;
    s->values = calloc(s->columns.n + 1, sizeof(*s->values));
    if (!s->values)
        return pe_error_nomem(errp);
    if (s->w->titles)
        result_titles(s->w->format, &s->columns, stdout);
    return 0;
}

static int print_rows(stream *s, const facts *f, const pe_block *b,
                      pe_error *errp)
{
    const int64_t *times = times_of(s, b);
    result_record rows = {0};
    int has =
        s->w->outliers && !has_outliers(f, b) ? 0 : rows_of(s, b, &rows, errp);
    char place[360];
    origin_reader o;

    if (has < 0)
        return -1;
    origin_open(&o, f->rows);
    for (uint32_t i = 0; i < b->points; i++) {
        float score = (float)pe_block_at(b, i, 0);
        int label = label_of(f, score);
        origin_rows at = origin_next(&o);
        result_row out = {.time_ns = times ? times[i] : f->time_ns,
                          .time = !times && *f->time ? f->time : NULL,
                          .device = f->device,
                          .source = f->source,
                          .place = *f->source ? NULL : place,
                          .row = at.first,
                          .last = at.last,
                          .score = score,
                          .threshold = f->threshold,
                          .label = label,
                          .version = (uint64_t)f->version};

        s->rows++;
        s->outliers += label == ANSWER_OUTLIER;
        if (s->w->outliers && label != ANSWER_OUTLIER)
            continue;
        if (print_titles(s, has ? &rows : NULL, errp) < 0)
            return -1;
        snprintf(place, sizeof(place), "%s row %u", *f->id ? f->id : f->device,
                 i);
        if (has && s->columns.n) {
            said_values(rows.said, rows.block, i, s->columns.n, s->values);
            out.values = s->values;
        }
        result_print(s->w->format, &out, &s->columns, stdout);
    }
    return 0;
}

static int take(stream *s, const broker_record *r, pe_error *errp)
{
    char origin[512], run[128];
    codec_facts found;
    facts f;
    int rc;

    if (broker_record_headers(r, &s->headers, errp) < 0)
        return -1;
    if (header(s, "pe_run", run, sizeof(run)) &&
        strcmp(run, s->req->run) != 0) {
        s->others++;
        return 0;
    }
    header(s, "pe_origin", origin, sizeof(origin));
    rc = see(s, origin, errp);
    s->repeats += rc == 1;
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    if (facts_take(s, r, &f, errp) < 0 ||
        codec_decode(s->codec, r->value, r->len, &s->block, &found, errp) < 0)
        return -1;
    return print_rows(s, &f, &s->block, errp);
}

/* --- all of them --- */

static bool is_whole(const stream *s)
{
    for (int32_t k = 0; k < s->pl->partitions; k++)
        if (s->at[k].offset < s->end[k])
            return false;
    return true;
}

static int read_all(stream *s, pe_error *errp)
{
    int64_t since = clock_mono_ns();

    while ((s->follow || !is_whole(s)) && signals_take().ends == 0) {
        broker_record r;
        int rc = broker_consumer_fetch(s->consumer, POLL_MS, &r, errp);

        if (rc == 0 && !s->follow && clock_mono_ns() - since > SILENT_NS)
            return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                                "topic %s gives nothing more, and should",
                                s->topic);
        if (rc == 0 && s->follow)
            fflush(stdout);
        if (rc == 0)
            continue;
        if (rc < 0)
            return -1;
        since = clock_mono_ns();
        s->at[r.partition].offset = r.offset + 1;
        rc = take(s, &r, errp);
        broker_record_release(&r);
        if (rc < 0 || ferror(stdout))
            return rc;
    }
    return 0;
}

/* A consumer for each partition is too much where there are many. */
static int open_rows(stream *s, pe_error *errp)
{
    if (s->pl->partitions > VALUES_PARTITIONS) {
        log_info("values of rows are not looked up in more than %d partitions",
                 VALUES_PARTITIONS);
        return 0;
    }
    s->pl->gaps_allowed = true; /* what is not kept any more has no values */
    s->source = result_rows_open(s->pl, s->req, errp);
    return s->source ? 0 : -1;
}

int result_stream(const char *dir, const result_wish *w, bool follow,
                  pe_error *errp)
{
    stream *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return pe_error_nomem(errp);
    s->w = w;
    s->follow = follow;
    rc = signals_open(errp);
    if (rc == 0)
        rc = load(s, dir, errp);
    if (rc == 0)
        rc = open_stream(s, errp);
    if (rc == 0)
        rc = open_rows(s, errp);
    if (rc == 0)
        rc = read_all(s, errp);
    if (rc == 0)
        rc = print_titles(s, NULL, errp);
    fflush(stdout);
    if (rc == 0)
        log_info("%" PRIu64 " outlier%s of %" PRIu64 " row%s in the stream, "
                 "each by the model it met there",
                 s->outliers, s->outliers == 1 ? "" : "s", s->rows,
                 s->rows == 1 ? "" : "s");
    if (s->repeats > 0)
        log_info("%" PRIu64 " block%s %s scored more than once: the first "
                 "time counts",
                 s->repeats, text_s(s->repeats), text_were(s->repeats));
    if (s->others > 0)
        log_info("%" PRIu64 " block%s in the topic %s of other runs", s->others,
                 text_s(s->others), text_are(s->others));
    close_stream(s);
    free(s);
    return rc;
}
