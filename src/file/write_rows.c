/* write_rows.c - rows of blocks as CSV, or as items of a NumPy array. */
#include "write_rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/block/columns.h"
#include "src/block/origin.h"

/* As answers have them (src/answer/answer.h). */
enum { MASKED = -1, INLIER = 0, OUTLIER = 1 };

/* --- a row --- */

/* Rows of one block, one after another. */
typedef struct row_reader {
    const pe_block *b;
    const write_scored *scored;
    origin_reader rows;
    size_t path; /* bytes of the source that are the file's */
    uint32_t i;
} row_reader;

typedef struct row {
    origin_rows rows;
    float score;
    int label;
} row;

static void begin(row_reader *r, const pe_block *b, const write_scored *scored)
{
    *r = (row_reader){.b = b, .scored = scored};
    r->path = origin_path(b->source);
    origin_open(&r->rows, b->source);
}

static row next(row_reader *r)
{
    float score = r->scored->score ? r->scored->score[r->i] : NAN;
    row out = {.rows = origin_next(&r->rows), .score = score};

    out.label = isnan(score)                           ? MASKED
                : (double)score > r->scored->threshold ? OUTLIER
                                                       : INLIER;
    r->i++;
    return out;
}

static int64_t time_of(const pe_block *b, const write_scored *s, uint32_t i)
{
    if (s->time)
        return s->time[i];
    return b->sense_ns ? b->sense_ns : b->broker_ns;
}

static uint32_t column(const write_shape *s, uint32_t k)
{
    return s->columns->n > 0 ? s->columns->columns[k] : k;
}

uint32_t write_values(const write_shape *s)
{
    if (!s->values)
        return 0;
    return s->columns->n > 0 ? s->columns->n : s->features;
}

/* --- CSV --- */

/* RFC 4180. */
static void add_field(text *t, const char *s, size_t len)
{
    bool plain = true;

    for (size_t i = 0; i < len; i++)
        plain = plain && !strchr(",\"\r\n", s[i]);
    if (plain) {
        text_add_bytes(t, s, len);
        return;
    }
    text_add_bytes(t, "\"", 1);
    for (size_t i = 0; i < len; i++)
        text_add_bytes(t, s[i] == '"' ? "\"\"" : s + i, 1 + (s[i] == '"'));
    text_add_bytes(t, "\"", 1);
}

static const char *const titles[] = {"time",  "device",    "source", "row",
                                     "score", "threshold", "label",  "version"};

static bool is_title(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        if (strlen(titles[i]) == len && !strncmp(name, titles[i], len))
            return true;
    return len == 0;
}

void write_names(const write_shape *s, text *t)
{
    size_t all = strlen(s->names), len;

    for (uint32_t k = 0; *s->names && k < write_values(s); k++) {
        const char *name = columns_at(s->names, all, column(s, k), &len);

        text_add(t, "%s", k > 0 ? "\t" : "");
        if (name && !is_title(name, len))
            text_add_bytes(t, name, len);
        else
            text_add(t, "x%u", column(s, k));
    }
}

void write_csv_titles(const write_shape *s, const char *names, text *t)
{
    size_t all = strlen(names), len;

    text_add(t, "time,device,source,row%s",
             s->scores ? ",score,threshold,label,version" : "");
    for (uint32_t k = 0; k < write_values(s); k++) {
        const char *name = all ? columns_at(names, all, k, &len) : NULL;

        text_add(t, ",");
        if (name)
            add_field(t, name, len);
        else
            text_add(t, "x%u", column(s, k));
    }
    text_add(t, "\n");
}

/* What is no number is nothing. */
static void add_number(text *t, double x, int digits)
{
    if (isnan(x))
        text_add_bytes(t, ",", 1);
    else
        text_add(t, ",%.*g", digits, x);
}

static void add_rows(text *t, const origin_rows *r)
{
    text_add_bytes(t, ",", 1);
    if (r->first < 0)
        return;
    text_add(t, "%" PRId64, r->first);
    if (r->last > r->first)
        text_add(t, "-%" PRId64, r->last);
}

static void add_score(text *t, const row *r, const write_scored *scored)
{
    const char *label = r->label == OUTLIER  ? "outlier"
                        : r->label == INLIER ? "inlier"
                        : scored->score      ? "masked"
                                             : "warming";

    add_number(t, (double)r->score, 9);
    add_number(t, scored->threshold, 17);
    text_add(t, ",%s,%" PRIu64, label, scored->version);
}

void write_csv(const write_shape *s, const pe_block *b,
               const write_scored *scored, text *t)
{
    int digits = b->dtype == PE_F4 ? 9 : 17;
    char time[40] = "";
    row_reader r;

    begin(&r, b, scored);
    while (r.i < b->points && !t->failed) {
        uint32_t i = r.i;
        int64_t ns = time_of(b, scored, i);
        row one = next(&r);

        if (ns && (i == 0 || scored->time))
            record_time(ns, time, sizeof(time));

        text_add(t, "%s,", time);
        add_field(t, b->device, strlen(b->device));
        text_add_bytes(t, ",", 1);
        add_field(t, b->source ? b->source : "", r.path);
        add_rows(t, &one.rows);
        if (s->scores)
            add_score(t, &one, scored);
        for (uint32_t k = 0; k < write_values(s); k++)
            add_number(t, pe_block_at(b, i, column(s, k)), digits);
        text_add_bytes(t, "\n", 1);
    }
}

/* --- an array --- */

#define LABELS_BYTES (8 + WRITE_DEVICE + WRITE_SOURCE + 8 + 8)
#define SCORES_BYTES (4 + 4 + 8 + 8)

size_t write_npy_item(const write_shape *s)
{
    return LABELS_BYTES + (s->scores ? SCORES_BYTES : 0) +
           (size_t)write_values(s) * s->dtype;
}

#define SHAPE ", 'shape': ("
#define ALIGN 64
#define DIGITS 20 /* of a number of rows, as it grows */

/* A title is a literal of Python, in UTF-8. */
static void add_title(text *t, const char *names)
{
    size_t left = strlen(names), n;

    for (const char *p = names; left > 0; p += n, left -= n) {
        n = text_printable(p, left);
        if (n == 0)
            text_add(t, "%s", *p == '\t' ? "\\t" : "?");
        else if (n == 1 && (*p == '\'' || *p == '\\'))
            text_add(t, "\\%c", *p);
        else
            text_add_bytes(t, p, n);
        n = n ? n : 1;
    }
}

static void add_values(const write_shape *s, const char *names, text *t)
{
    text_add(t, ", (");
    if (*names) {
        text_add(t, "('");
        add_title(t, names);
        text_add(t, "', 'x')");
    } else {
        text_add(t, "'x'");
    }
    text_add(t, ", '<f%d', (%u,))", (int)s->dtype, write_values(s));
}

/* Version 3 says that it is UTF-8, which NumPy has known since 1.17. */
static bool is_ascii(const char *s)
{
    while (*s && (unsigned char)*s < 0x80)
        s++;
    return !*s;
}

void write_npy_head(const write_shape *s, const char *names, text *t)
{
    bool plain = is_ascii(names);
    size_t begin = plain ? 10 : 12, len;
    const char zero[12] = {0};

    text_add_bytes(t, "\x93NUMPY", 6);
    text_add_bytes(t, plain ? "\x01" : "\x03", 1);
    text_add_bytes(t, zero, begin - 7);
    text_add(t,
             "{'descr': [('time_ns', '<i8'), ('device', 'S%d'), "
             "('source', 'S%d'), ('row', '<i8'), ('last', '<i8')%s",
             WRITE_DEVICE, WRITE_SOURCE,
             s->scores ? ", ('score', '<f4'), ('label', '<i4'), "
                         "('threshold', '<f8'), ('version', '<u8')"
                       : "");
    if (s->values)
        add_values(s, names, t);
    text_add(t, "], 'fortran_order': False" SHAPE "0,), }");
    len = t->len + DIGITS < WRITE_NPY_HEAD
              ? WRITE_NPY_HEAD
              : (t->len + DIGITS) / ALIGN * ALIGN + ALIGN;
    while (!t->failed && t->len < len - 1)
        text_add_bytes(t, " ", 1);
    text_add_bytes(t, "\n", 1);
    for (size_t i = 0; !t->failed && i < begin - 8; i++)
        t->data[8 + i] = (char)((len - begin) >> 8 * i);
}

void write_recount(unsigned char *head, size_t len, uint64_t n)
{
    char shape[64], *at;
    size_t to;

    if (len < WRITE_NPY_HEAD || memcmp(head, "\x93NUMPY", 6) != 0)
        return;
    at = memmem(head, len, SHAPE, strlen(SHAPE));
    if (!at)
        return;
    snprintf(shape, sizeof(shape), SHAPE "%" PRIu64 ",), }", n);
    to = strlen(shape);
    if (to >= (size_t)(head + len - (unsigned char *)at))
        return;
    memset(at, ' ', (size_t)(head + len - 1 - (unsigned char *)at));
    memcpy(at, shape, to);
}

static unsigned char *put(unsigned char *to, const void *from, size_t n)
{
    memcpy(to, from, n);
    return to + n;
}

/* [len] bytes of [s] into [cap], the end of them where there are more. */
static unsigned char *put_name(unsigned char *to, const char *s, size_t len,
                               size_t cap)
{
    memset(to, 0, cap);
    if (len > cap) {
        s += len - cap;
        len = cap;
    }
    if (len > 0)
        memcpy(to, s, len);
    return to + cap;
}

static unsigned char *put_score(unsigned char *to, const row *r,
                                const write_scored *scored)
{
    const int32_t label = r->label;

    to = put(to, &r->score, sizeof(r->score));
    to = put(to, &label, sizeof(label));
    to = put(to, &scored->threshold, sizeof(scored->threshold));
    return put(to, &scored->version, sizeof(scored->version));
}

static unsigned char *put_values(unsigned char *to, const write_shape *s,
                                 const pe_block *b, uint32_t i)
{
    for (uint32_t k = 0; k < write_values(s); k++) {
        double x = pe_block_at(b, i, column(s, k));
        float f = (float)x;

        to =
            s->dtype == PE_F4 ? put(to, &f, sizeof(f)) : put(to, &x, sizeof(x));
    }
    return to;
}

void write_npy(const write_shape *s, const pe_block *b,
               const write_scored *scored, unsigned char *to)
{
    row_reader r;

    begin(&r, b, scored);
    while (r.i < b->points) {
        uint32_t i = r.i;
        int64_t time = time_of(b, scored, i);
        row one = next(&r);

        to = put(to, &time, sizeof(time));
        to = put_name(to, b->device, strlen(b->device), WRITE_DEVICE);
        to = put_name(to, b->source, r.path, WRITE_SOURCE);
        to = put(to, &one.rows.first, sizeof(one.rows.first));
        to = put(to, &one.rows.last, sizeof(one.rows.last));
        if (s->scores)
            to = put_score(to, &one, scored);
        if (s->values)
            to = put_values(to, s, b, i);
    }
}
