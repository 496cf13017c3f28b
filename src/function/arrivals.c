/* arrivals.c - when the blocks of a generator come. */
#include "arrivals.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/file.h"
#include "src/common/random.h"
#include "src/common/text.h"

#define TRACE_BYTES_MAX ((size_t)256 << 20)

/* The swell of a season, ((1 - cos) / 2)^2 of its phase: 0 at its ends, 1 in
 * the middle, and so much in the mean.
 */
#define SWELL_MEAN 0.375

/* Enough for the last bit of a double. */
#define HALVINGS 60

/* --- season --- */

/* The swell summed up to [t]. */
static double swell_sum(double season, double t)
{
    double x = 2 * M_PI * t / season;

    return SWELL_MEAN * t +
           season / (2 * M_PI) * (sin(2 * x) / 16 - sin(x) / 2);
}

/* When as many blocks were due as a steady rate of 1 has at [unit]: by halves
 * between the lowest rate all the time, and the highest.
 */
static double season_time(const arrivals_spec *s, double unit)
{
    double lowest = s->rate / (1 + (s->peak - 1) * SWELL_MEAN);
    double least = unit / (lowest * s->peak), most = unit / lowest;

    for (int i = 0; i < HALVINGS; i++) {
        double t = (least + most) / 2;
        double sum = lowest * (t + (s->peak - 1) * swell_sum(s->season_s, t));
        if (sum < unit)
            least = t;
        else
            most = t;
    }
    return (least + most) / 2;
}

/* --- the schedule --- */

/* Gap before block [n], in mean gaps. */
static double gap(const arrivals *a, uint64_t n)
{
    random_stream r = {.key = random_mix(a->spec.key, a->spec.position + n)};

    switch (a->spec.kind) {
    case ARRIVALS_POISSON:
        return -log(1 - random_uniform(&r));
    case ARRIVALS_BURSTS:
        return n > 0 && fmod((double)n, a->spec.burst) == 0 ? a->spec.burst : 0;
    default:
        return n > 0;
    }
}

/* Line [at] of a trace that begins again and again, in its own time. */
static double line_time(const arrivals_trace *t, uint64_t at)
{
    uint64_t rounds = at / t->n;

    return (double)rounds * t->length_s + t->at_s[at % t->n];
}

static double trace_time(const arrivals_spec *s, uint64_t n)
{
    return (line_time(s->trace, s->position + n) -
            line_time(s->trace, s->position)) /
           s->speed;
}

static void settle(arrivals *a)
{
    const arrivals_spec *s = &a->spec;
    double t = 0;

    if (s->kind == ARRIVALS_TRACE) {
        t = trace_time(s, a->n);
    } else if (s->rate > 0) {
        a->unit += gap(a, a->n);
        t = s->season_s > 0 ? season_time(s, a->unit) : a->unit / s->rate;
    }
    a->due_s = s->after_s + t;
}

void arrivals_start(arrivals *a, const arrivals_spec *spec)
{
    *a = (arrivals){.spec = *spec};
    settle(a);
}

void arrivals_next(arrivals *a)
{
    a->n++;
    settle(a);
}

/* --- a recorded load --- */

static int line_error(const char *path, size_t line, pe_error *errp,
                      const char *why)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "%s:%zu: %s",
                        path, line, why);
}

static int grow(arrivals_trace *t, pe_error *errp)
{
    size_t n = t->n ? 2 * t->n : 1024;
    double *at = realloc(t->at_s, n * sizeof(*at));
    uint32_t *points;

    if (!at)
        return pe_error_nomem(errp);
    t->at_s = at;
    points = realloc(t->points, n * sizeof(*points));
    if (!points)
        return pe_error_nomem(errp);
    t->points = points;
    return 0;
}

/* One line, without its comment; 0 points: it says none. */
static const char *line_take(char *s, double *atp, int64_t *pointsp)
{
    char *save = NULL;
    char *at = strtok_r(s, " \t,\r", &save);
    char *points = strtok_r(NULL, " \t,\r", &save);

    *pointsp = 0;
    if (text_parse_float(at, atp) < 0 || *atp < 0)
        return "a line is a time in seconds, from 0 on, and the points of its "
               "block where they differ";
    if (points && (text_parse_int(points, pointsp) < 0 || *pointsp < 1))
        return "the points of a block are a number from 1 on";
    return strtok_r(NULL, " \t,\r", &save) ? "there is a third value" : NULL;
}

/* Line [number], which has something in it. */
static int line_add(arrivals_trace *t, const char *path, size_t number, char *s,
                    uint32_t most, pe_error *errp)
{
    bool full = t->n == 0 || (t->n >= 1024 && (t->n & (t->n - 1)) == 0);
    int64_t points;
    char words[96];
    double at;
    const char *why = line_take(s, &at, &points);

    if (why)
        return line_error(path, number, errp, why);
    if (t->n && at < t->at_s[t->n - 1])
        return line_error(path, number, errp,
                          "it is earlier than the line before; sort them");
    if (t->n && (points > 0) != (t->points[0] > 0))
        return line_error(path, number, errp,
                          "either each line has points or none has");
    if (points > most) {
        snprintf(words, sizeof(words),
                 "%lld points are more than block: {points: %u}",
                 (long long)points, most);
        return line_error(path, number, errp, words);
    }
    if (full && grow(t, errp) < 0)
        return -1;
    t->at_s[t->n] = at;
    t->points[t->n++] = (uint32_t)points;
    return 0;
}

static void finish(arrivals_trace *t)
{
    double first = t->at_s[0], last = t->at_s[t->n - 1] - first;

    for (size_t i = 0; i < t->n; i++)
        t->at_s[i] -= first;
    t->length_s = t->n > 1 ? last * (double)t->n / (double)(t->n - 1) : 0;
    if (t->points[0] == 0) {
        free(t->points);
        t->points = NULL;
    }
}

int arrivals_trace_read(arrivals_trace *t, const char *path, uint32_t most,
                        pe_error *errp)
{
    char *data = file_read(path, TRACE_BYTES_MAX, NULL, errp);
    char *next = data, *line;
    size_t number = 0;
    int status = data ? 0 : -1;

    memset(t, 0, sizeof(*t));
    while (status == 0 && (line = strsep(&next, "\n"))) {
        line[strcspn(line, "#")] = '\0';
        line += strspn(line, " \t\r");
        number++;
        if (*line && !(number == 1 && isalpha((unsigned char)*line)))
            status = line_add(t, path, number, line, most, errp);
    }
    free(data);
    if (status == 0 && t->n == 0)
        status = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                              "%s has no line with a time", path);
    if (status == 0)
        finish(t);
    else
        arrivals_trace_free(t);
    return status;
}

void arrivals_trace_free(arrivals_trace *t)
{
    free(t->at_s);
    free(t->points);
    memset(t, 0, sizeof(*t));
}
