/* result_out.c - scored rows for people and programs. */
#include "result_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/agent/event.h"
#include "src/block/record.h"
#include "src/common/log.h"
#include "src/common/text.h"

/* Before there is a model there is no threshold. */
static const char *label_name(const result_row *r)
{
    return r->label == ANSWER_OUTLIER  ? "outlier"
           : r->label == ANSWER_INLIER ? "inlier"
           : isnan(r->threshold)       ? "warming"
                                       : "masked";
}

/* "7", or of a row that is made of several "0-9". */
static void rows_of(const result_row *r, char out[48])
{
    int n = snprintf(out, 48, "%" PRId64, r->row);

    if (r->last > r->row)
        snprintf(out + n, 48 - (size_t)n, "-%" PRId64, r->last);
}

/* "FILE row N", else "DEVICE row N"; the caller frees. */
static char *place_of(const result_row *r)
{
    char rows[48];

    if (r->place)
        return text_format("%s", r->place);
    if (r->row < 0)
        return text_format("%s", *r->source ? r->source : r->device);
    rows_of(r, rows);
    return text_format("%s row%s %s", *r->source ? r->source : r->device,
                       r->last > r->row ? "s" : "", rows);
}

static void time_of(const result_row *r, char out[32])
{
    snprintf(out, 32, "%.31s", r->time ? r->time : "");
    if (!r->time && r->time_ns)
        record_time(r->time_ns, out, 32);
}

/* --- formats --- */

/* RFC 4180. */
static void print_field(const char *s, FILE *f)
{
    if (!strpbrk(s, ",\"\r\n")) {
        fputs(s, f);
        return;
    }
    fputc('"', f);
    for (; *s; s++) {
        if (*s == '"')
            fputc('"', f);
        fputc(*s, f);
    }
    fputc('"', f);
}

void result_titles(enum result_format format, const result_columns *c, FILE *f)
{
    char number[RESULT_NUMBER];

    if (format == RESULT_TEXT)
        fprintf(f, "%-30s %-12s %12s %12s %-7s %7s  %s\n", "TIME", "DEVICE",
                "SCORE", "THRESHOLD", "LABEL", "VERSION", "ROW: VALUES");
    if (format != RESULT_CSV)
        return;
    fprintf(f, "time,device,source,row,score,threshold,label,version");
    for (uint32_t k = 0; k < c->n; k++) {
        fputc(',', f);
        print_field(result_columns_at(c, k, number), f);
    }
    fputc('\n', f);
}

static void print_text(const result_row *r, const result_columns *c, FILE *f)
{
    char time[32], number[RESULT_NUMBER], *place = place_of(r);

    time_of(r, time);
    fprintf(f, "%-30s %-12s %12.6g %12.6g %-7s %7" PRIu64 "  %s", time,
            r->device, (double)r->score, r->threshold, label_name(r),
            r->version, place ? place : "");
    for (uint32_t k = 0; r->values && k < c->n; k++)
        fprintf(f, "%s%s=%.6g", k ? " " : ": ", result_columns_at(c, k, number),
                r->values[k]);
    fputc('\n', f);
    free(place);
}

/* The shortest decimal that is read back as [x], into [words]: 0.1 is 0.1. */
static const char *shortest(double x, char words[32])
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(words, 32, "%.*g", digits, x);
        if (strtod(words, NULL) == x)
            break;
    }
    return words;
}

static void print_csv(const result_row *r, const result_columns *c, FILE *f)
{
    char time[32], rows[48], words[32];

    time_of(r, time);
    fprintf(f, "%s,", time);
    print_field(r->device, f);
    fputc(',', f);
    print_field(r->source, f);
    rows_of(r, rows);
    fprintf(f, ",%s,", r->row >= 0 ? rows : "");
    if (!isnan(r->score))
        fprintf(f, "%.9g", (double)r->score);
    fputc(',', f);
    if (!isnan(r->threshold))
        fputs(shortest(r->threshold, words), f);
    fprintf(f, ",%s,%" PRIu64, label_name(r), r->version);
    for (uint32_t k = 0; k < c->n; k++) {
        fputc(',', f);
        if (r->values && !isnan(r->values[k]))
            fputs(shortest(r->values[k], words), f);
    }
    fputc('\n', f);
}

/* --- JSON: by hand; the library writes every number to so many digits --- */

static void print_string(const char *s, FILE *f)
{
    json_t *o = event_text(s); /* also what is no UTF-8 */

    json_dumpf(o, f, JSON_ENCODE_ANY);
    json_decref(o);
}

/* JSON has no NaN and no infinity, and to its readers 2 is another type than
 * 2.0.
 */
static void print_number(double x, const char *words, FILE *f)
{
    fputs(isfinite(x) ? words : "null", f);
    if (isfinite(x) && !strpbrk(words, ".e"))
        fputs(".0", f);
}

static void print_json(const result_row *r, const result_columns *c, FILE *f)
{
    char time[32], name[RESULT_NUMBER], words[32];

    time_of(r, time);
    fputs("{\"time\":", f);
    print_string(time, f);
    fputs(",\"device\":", f);
    print_string(r->device, f);
    fputs(",\"source\":", f);
    print_string(r->source, f);
    if (r->row >= 0)
        fprintf(f, ",\"row\":%" PRId64, r->row);
    else
        fputs(",\"row\":null", f);
    fputs(",\"score\":", f);
    snprintf(words, sizeof(words), "%.9g", (double)r->score);
    print_number((double)r->score, words, f);
    fputs(",\"threshold\":", f);
    print_number(r->threshold, shortest(r->threshold, words), f);
    fprintf(f, ",\"label\":\"%s\",\"version\":%" PRIu64, label_name(r),
            r->version);
    if (r->last > r->row)
        fprintf(f, ",\"last\":%" PRId64, r->last);
    for (uint32_t k = 0; r->values && k < c->n; k++) {
        fputs(k ? "," : ",\"values\":{", f);
        print_string(result_columns_at(c, k, name), f);
        fputc(':', f);
        print_number(r->values[k], shortest(r->values[k], words), f);
    }
    fputs(r->values && c->n ? "}}\n" : "}\n", f);
}

void result_print(enum result_format format, const result_row *r,
                  const result_columns *c, FILE *f)
{
    if (format == RESULT_TEXT)
        print_text(r, c, f);
    else if (format == RESULT_CSV)
        print_csv(r, c, f);
    else
        print_json(r, c, f);
}

/* --- which rows --- */

static bool is_wanted(const result_wish *w, const answer_row *r)
{
    return w->outliers ? r->label == ANSWER_OUTLIER
                       : !w->top || r->label != ANSWER_MASKED;
}

/* Is row [x] below row [y]?  Of equal scores the later one is. */
static bool is_below(const answers *a, uint64_t x, uint64_t y)
{
    float sx = a->rows[x].score, sy = a->rows[y].score;

    return sx != sy ? sx < sy : x > y;
}

/* Heap of the highest, the lowest of them first. */
static void sink(const answers *a, uint64_t *heap, uint64_t n, uint64_t i)
{
    for (;;) {
        uint64_t low = i;

        for (uint64_t c = 2 * i + 1; c < n && c < 2 * i + 3; c++)
            if (is_below(a, heap[c], heap[low]))
                low = c;
        if (low == i)
            return;
        uint64_t row = heap[i];
        heap[i] = heap[low];
        heap[low] = row;
        i = low;
    }
}

/* The [w->top] highest, highest first, into new memory; *np of them. */
static uint64_t *highest(const answers *a, const result_wish *w, uint64_t *np)
{
    uint64_t most = w->top < a->n ? w->top : a->n, n = 0;
    uint64_t *heap = most < SIZE_MAX / sizeof(*heap)
                         ? calloc((size_t)most + 1, sizeof(*heap))
                         : NULL;

    for (uint64_t i = 0; heap && i < a->n; i++) {
        if (!is_wanted(w, &a->rows[i]))
            continue;
        if (n < most) {
            heap[n++] = i;
            for (uint64_t k = n / 2; n == most && k-- > 0;)
                sink(a, heap, n, k);
        } else if (is_below(a, heap[0], i)) {
            heap[0] = i;
            sink(a, heap, n, 0);
        }
    }
    for (uint64_t k = n / 2; heap && k-- > 0;)
        sink(a, heap, n, k);
    for (uint64_t left = n; heap && left > 1;) { /* the lowest to the end */
        uint64_t row = heap[0];
        heap[0] = heap[--left];
        heap[left] = row;
        sink(a, heap, left, 0);
    }
    *np = n;
    return heap;
}

static void print_row(const answers *a, const result_wish *w,
                      const result_columns *c, uint64_t i, FILE *f)
{
    const answer_row *r = &a->rows[i];
    const result_row out = {
        .time_ns = r->time_ns,
        .device = answers_device(a, r->device),
        .source = answers_source(a, r->source),
        .row = r->row,
        .last = r->last,
        .score = r->score,
        .threshold = answers_threshold(a),
        .label = r->label,
        .version =
            (uint64_t)json_integer_value(json_object_get(a->info, "version")),
        .values = answers_values(a, i),
    };

    result_print(w->format, &out, c, f);
}

static void write_row(const answers *a, const result_columns *c, uint64_t i,
                      FILE *f)
{
    static const double none = (double)NAN;
    const double *values = answers_values(a, i);

    fwrite(&a->rows[i], sizeof(*a->rows), 1, f);
    if (values)
        fwrite(values, sizeof(*values), c->n, f);
    for (uint32_t k = 0; !values && k < c->n; k++)
        fwrite(&none, sizeof(none), 1, f);
}

/* What stands in front of [n] rows, or of all that are wanted. */
static int print_head(const answers *a, const result_wish *w,
                      const result_columns *c, uint64_t n, FILE *f,
                      pe_error *errp)
{
    if (w->npy) {
        for (uint64_t i = 0; !w->top && i < a->n; i++)
            n += is_wanted(w, &a->rows[i]);
        return result_npy_head(c, n, f, errp);
    }
    if (w->titles)
        result_titles(w->format, c, f);
    return 0;
}

/* Those of [list], of [n]; without a list all that are wanted. */
static void print_rows(const answers *a, const result_wish *w,
                       const result_columns *c, const uint64_t *list,
                       uint64_t n, FILE *f)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t k = list ? list[i] : i;

        if (!list && !is_wanted(w, &a->rows[k]))
            continue;
        if (w->npy)
            write_row(a, c, k, f);
        else
            print_row(a, w, c, k, f);
        if (ferror(f))
            break; /* nobody reads, or the disk is full: main says it */
    }
}

int result_answers(const answers *a, const result_wish *w, FILE *f,
                   pe_error *errp)
{
    uint64_t n = 0, *list = w->top ? highest(a, w, &n) : NULL;
    result_columns c = {0};
    int rc = w->top && !list ? pe_error_nomem(errp) : 0;

    if (rc == 0)
        rc = result_columns_make(&c, a, errp);
    if (rc == 0)
        rc = print_head(a, w, &c, n, f, errp);
    if (rc == 0)
        print_rows(a, w, &c, list, w->top ? n : a->n, f);
    result_columns_free(&c);
    free(list);
    return rc;
}

/* --- what it comes to --- */

void result_tell(const answers *a)
{
    const json_t *info = a->info, *note;
    size_t i;

    long long outliers = json_integer_value(json_object_get(info, "outliers"));
    long long rows = json_integer_value(json_object_get(info, "rows"));
    long long masked = json_integer_value(json_object_get(info, "masked"));

    log_info("%lld outlier%s of %lld row%s (%s, version %lld); threshold "
             "%.6g: %s",
             outliers, outliers == 1 ? "" : "s", rows, rows == 1 ? "" : "s",
             json_string_value(json_object_get(info, "kind")),
             (long long)json_integer_value(json_object_get(info, "version")),
             answers_threshold(a),
             json_string_value(json_object_get(info, "threshold_from")));
    if (masked > 0)
        log_info("%lld row%s no score: a value is not finite, or too large",
                 masked, masked == 1 ? " has" : "s have");
    json_array_foreach(json_object_get(info, "notes"), i, note)
        log_warn("%s", json_string_value(note));
}

/* --- what is asked --- */

static int refuse(pe_error *errp, const char *command, const char *why)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "%s; see '%s --help'", why, command);
}

int result_wish_of(const result_asked *o, const char *command, result_wish *w,
                   pe_error *errp)
{
    int64_t top = 0;

    if (o->csv + o->json + o->npy > 1)
        return refuse(errp, command, "one of --csv, --json, --npy");
    if (o->npy && isatty(STDOUT_FILENO))
        return refuse(errp, command, "--npy is for a file: ... --npy > FILE");
    if (o->top && (text_parse_int(o->top, &top) < 0 || top < 1))
        return refuse(errp, command, "--top wants a number of rows");
    *w = (result_wish){.outliers = o->outliers,
                       .npy = o->npy,
                       .titles = !o->no_header,
                       .format = o->csv    ? RESULT_CSV
                                 : o->json ? RESULT_JSON
                                           : RESULT_TEXT,
                       .top = (uint64_t)top};
    return 0;
}
