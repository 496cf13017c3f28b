/* result_out.c - scored rows for people and programs. */
#include "result_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* FILE:ROW, else DEVICE/ROW; the caller frees. */
static char *place_of(const result_row *r)
{
    if (r->place)
        return text_format("%s", r->place);
    if (r->row < 0)
        return text_format("%s", *r->source ? r->source : r->device);
    return text_format("%s%c%" PRId64, *r->source ? r->source : r->device,
                       *r->source ? ':' : '/', r->row);
}

static void time_of(const result_row *r, char out[32])
{
    snprintf(out, 32, "%.31s", r->time ? r->time : "");
    if (!r->time && r->time_ns)
        record_time(r->time_ns, out, 32);
}

/* --- formats --- */

void result_titles(enum result_format format, uint32_t n_values, FILE *f)
{
    if (format == RESULT_TEXT)
        fprintf(f, "%-30s %-12s %12s %12s %-7s %7s  %s\n", "TIME", "DEVICE",
                "SCORE", "THRESHOLD", "LABEL", "VERSION", "ROW: VALUES");
    if (format != RESULT_CSV)
        return;
    fprintf(f, "time,device,source,row,score,threshold,label,version");
    for (uint32_t k = 0; k < n_values; k++)
        fprintf(f, ",x%u", k);
    fputc('\n', f);
}

static void print_text(const result_row *r, FILE *f)
{
    char time[32], *place = place_of(r);

    time_of(r, time);
    fprintf(f, "%-30s %-12s %12.6g %12.6g %-7s %7" PRIu64 "  %s", time,
            r->device, (double)r->score, r->threshold, label_name(r),
            r->version, place ? place : "");
    for (uint32_t k = 0; r->values && k < r->n_values; k++)
        fprintf(f, "%s%.6g", k ? " " : ": ", r->values[k]);
    fputc('\n', f);
    free(place);
}

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

static void print_csv(const result_row *r, uint32_t n_values, FILE *f)
{
    char time[32];

    time_of(r, time);
    fprintf(f, "%s,", time);
    print_field(r->device, f);
    fputc(',', f);
    print_field(r->source, f);
    if (r->row >= 0)
        fprintf(f, ",%" PRId64 ",", r->row);
    else
        fprintf(f, ",,");
    if (!isnan(r->score))
        fprintf(f, "%.9g", (double)r->score);
    if (isnan(r->threshold))
        fputc(',', f);
    else
        fprintf(f, ",%.17g", r->threshold);
    fprintf(f, ",%s,%" PRIu64, label_name(r), r->version);
    for (uint32_t k = 0; k < n_values; k++) {
        if (r->values && k < r->n_values)
            fprintf(f, ",%.17g", r->values[k]);
        else
            fputc(',', f);
    }
    fputc('\n', f);
}

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static void print_json(const result_row *r, FILE *f)
{
    char time[32];
    json_t *values = json_array(), *o;

    time_of(r, time);
    for (uint32_t k = 0; r->values && k < r->n_values; k++)
        json_array_append_new(values, number(r->values[k]));
    o = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:I}", "time", time,
                  "device", r->device, "source", r->source, "row",
                  r->row >= 0 ? json_integer(r->row) : json_null(), "score",
                  number((double)r->score), "threshold", number(r->threshold),
                  "label", label_name(r), "version", (json_int_t)r->version);
    if (r->values)
        json_object_set(o, "values", values);
    json_decref(values);
    if (o)
        json_dumpf(o, f, JSON_COMPACT | JSON_REAL_PRECISION(9));
    fputc('\n', f);
    json_decref(o);
}

void result_print(enum result_format format, const result_row *r,
                  uint32_t n_values, FILE *f)
{
    if (format == RESULT_TEXT)
        print_text(r, f);
    else if (format == RESULT_CSV)
        print_csv(r, n_values, f);
    else
        print_json(r, f);
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
    uint64_t *heap = calloc(most + 1, sizeof(*heap));

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

static void print_row(const answers *a, const result_wish *w, uint64_t i,
                      FILE *f)
{
    const answer_row *r = &a->rows[i];
    const result_row out = {
        .time_ns = r->time_ns,
        .device = answers_device(a, r->device),
        .source = answers_source(a, r->source),
        .row = r->row,
        .score = r->score,
        .threshold = answers_threshold(a),
        .label = r->label,
        .version =
            (uint64_t)json_integer_value(json_object_get(a->info, "version")),
        .values = answers_values(a, i),
        .n_values = a->n_values,
    };

    result_print(w->format, &out, a->n_values, f);
}

static void print_head(const answers *a, const result_wish *w, uint64_t n,
                       FILE *f)
{
    char head[ANSWER_HEAD];

    for (uint64_t i = 0; !w->top && i < a->n; i++)
        n += is_wanted(w, &a->rows[i]);
    answer_head(head, n);
    fwrite(head, 1, sizeof(head), f);
}

int result_answers(const answers *a, const result_wish *w, FILE *f,
                   pe_error *errp)
{
    uint64_t n = 0, *list = w->top ? highest(a, w, &n) : NULL;

    if (w->top && !list)
        return pe_error_nomem(errp);
    if (w->npy)
        print_head(a, w, n, f);
    else if (w->titles)
        result_titles(w->format, a->n_values, f);
    for (uint64_t i = 0; i < (w->top ? n : a->n); i++) {
        uint64_t k = list ? list[i] : i;

        if (!list && !is_wanted(w, &a->rows[k]))
            continue;
        if (w->npy)
            fwrite(&a->rows[k], sizeof(*a->rows), 1, f);
        else
            print_row(a, w, k, f);
        if (ferror(f))
            break; /* nobody reads, or the disk is full: main says it */
    }
    free(list);
    return 0;
}

/* --- what it comes to --- */

void result_tell(const answers *a)
{
    const json_t *info = a->info, *note;
    size_t i;

    log_info("%lld outliers of %lld rows (%s, version %lld); threshold %.6g: "
             "%s",
             (long long)json_integer_value(json_object_get(info, "outliers")),
             (long long)json_integer_value(json_object_get(info, "rows")),
             json_string_value(json_object_get(info, "kind")),
             (long long)json_integer_value(json_object_get(info, "version")),
             answers_threshold(a),
             json_string_value(json_object_get(info, "threshold_from")));
    if (json_integer_value(json_object_get(info, "masked")) > 0)
        log_info(
            "%lld rows have no score: a value is not finite, or too large",
            (long long)json_integer_value(json_object_get(info, "masked")));
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
