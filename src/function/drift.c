/* drift.c - built-in function: says when a column, or the score, has changed.
 */
#include "builtin.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/columns.h"
#include "src/block/origin.h"
#include "src/common/drift.h"
#include "src/common/text.h"
#include "src/function/host.h"

enum drift_method { DRIFT_SCALED, DRIFT_PAGE_HINKLEY, DRIFT_ADWIN };

enum { ON_SCORE = -1, ON_NAME = -2 };

typedef struct drift_state {
    int64_t column; /* its number, or as above */
    char what[80];  /* for people */
    bool told;      /* that nobody has said yet what columns are called */
    enum drift_method method;
    drift scaled;
    page_hinkley plain;
    adwin window;
    double sum; /* of what was seen since the last change */
    uint64_t n;
    float *scores;
    uint32_t cap;
} drift_state;

/* --- options --- */

/* What stands in [on]: score, a column's number, or else its name. */
static int64_t column_of(const pe_options *o)
{
    const char *on = pe_options_string(o, "on");
    int64_t column;

    if (!strcmp(on, "score"))
        return ON_SCORE;
    return text_parse_int(on, &column) < 0 || column < 0 ? ON_NAME : column;
}

bool drift_unscored(const pe_options *o)
{
    return column_of(o) != ON_SCORE;
}

bool drift_named(const pe_options *o)
{
    return column_of(o) == ON_NAME;
}

/* The number of the column called [name] in [list]; -1: there is none. */
static int64_t find_column(const char *list, const char *name)
{
    size_t all = strlen(list), len;
    const char *at;

    for (uint32_t k = 0; (at = columns_at(list, all, k, &len)); k++)
        if (strlen(name) == len && !strncmp(at, name, len))
            return k;
    return -1;
}

/* The names of [list] for people, and the one nearest to [name]; "": none is.
 */
static void show_names(const char *list, const char *name, char shown[300],
                       char near[80])
{
    size_t all = strlen(list), len;
    text names = {0}, words = {0};
    const char *at;

    for (uint32_t k = 0; (at = columns_at(list, all, k, &len)); k++) {
        text_add(&names, "%s%.*s", k ? ", " : "", (int)len, at);
        if (!memchr(at, ' ', len))
            text_add(&words, " %.*s", (int)len, at);
    }
    text_shown(names.data ? names.data : "", names.len, shown, 300);
    text_nearest(name, words.data ? words.data : "", near, 80);
    text_free(&names);
    text_free(&words);
}

/* 1: the column is known; 0: nobody says yet what columns are called; -1. */
static int resolve(pe_context *ctx, drift_state *st)
{
    const char *on = pe_options_string(pe_context_options(ctx), "on");
    const char *list = context_columns_get(ctx);
    char shown[300], near[80];
    pe_error e = {0};

    if (st->column != ON_NAME)
        return 1;
    if (!list) {
        if (!st->told)
            context_tell(ctx,
                         "waits for the names of columns, to find '%.100s' "
                         "among them: blocks go on unseen until one says them; "
                         "'on' may be the number of a column, from 0",
                         on);
        st->told = true;
        return 0;
    }
    st->column = find_column(list, on);
    if (st->column >= 0)
        return 1;
    st->column = ON_NAME;
    show_names(list, on, shown, near);
    pe_error_set(&e, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                 "on: '%.100s' is neither score, nor the number of a column, "
                 "from 0, nor one of their names: %s%s%s%s",
                 on, shown, *near ? "; did you mean '" : "", near,
                 *near ? "'?" : "");
    return context_fail_with(ctx, &e);
}

static double float_of(const pe_options *o, const char *name, double usual)
{
    return pe_options_has(o, name) ? pe_options_float(o, name) : usual;
}

static void begin(drift_state *st, const pe_options *o)
{
    bool adwins = !strcmp(pe_options_string(o, "method"), "adwin");

    st->method = adwins                         ? DRIFT_ADWIN
                 : pe_options_bool(o, "scaled") ? DRIFT_SCALED
                                                : DRIFT_PAGE_HINKLEY;
    st->scaled.slack = float_of(o, "delta", 0.1);
    st->scaled.far = float_of(o, "threshold", 100);
    st->plain = (page_hinkley){.slack = float_of(o, "delta", 0.005),
                               .far = float_of(o, "threshold", 50),
                               .keep = pe_options_float(o, "alpha"),
                               .least = (uint64_t)pe_options_int(o, "min")};
    page_hinkley_begin(&st->plain);
    adwin_begin(&st->window, float_of(o, "delta", 0.002));
}

static void drift_close(pe_context *ctx)
{
    drift_state *st = pe_context_state(ctx);

    if (!st)
        return;
    free(st->scores);
    free(st);
    pe_context_set_state(ctx, NULL);
}

static int check(pe_context *ctx, const pe_options *o)
{
    bool adwins = !strcmp(pe_options_string(o, "method"), "adwin");
    const char *on = pe_options_string(o, "on");
    int64_t column;

    if (!*on || (text_parse_int(on, &column) == 0 && column < 0))
        return pe_context_fail(ctx,
                               "on: '%s' is neither score, nor the number of a "
                               "column, from 0, nor its name",
                               on);
    if (adwins && pe_options_has(o, "threshold"))
        return pe_context_fail(ctx, "threshold is of page-hinkley; how sure "
                                    "adwin is stands in delta");
    if (adwins && float_of(o, "delta", 0.002) >= 1)
        return pe_context_fail(ctx, "delta of adwin is a probability, below 1");
    return 0;
}

static int drift_open(pe_context *ctx)
{
    const pe_options *o = pe_context_options(ctx);
    drift_state *st;

    if (check(ctx, o) < 0)
        return -1;
    st = calloc(1, sizeof(*st));
    if (!st)
        return pe_context_fail(ctx, "out of memory");
    st->column = column_of(o);
    if (st->column == ON_NAME)
        text_shown(pe_options_string(o, "on"),
                   strlen(pe_options_string(o, "on")), st->what,
                   sizeof(st->what));
    else
        snprintf(st->what, sizeof(st->what), "%" PRId64, st->column);
    begin(st, o);
    pe_context_set_state(ctx, st);
    return 0;
}

/* --- values --- */

/* True: it has changed with [x]; *meanp is that of what came before. */
static bool take(drift_state *st, double x, double *meanp)
{
    bool found;

    *meanp = st->n ? st->sum / (double)st->n : x;
    if (st->method == DRIFT_SCALED)
        found = drift_take(&st->scaled, x);
    else if (st->method == DRIFT_PAGE_HINKLEY)
        found = page_hinkley_take(&st->plain, x);
    else
        found = adwin_take(&st->window, x);
    st->sum += x;
    st->n++;
    if (!found)
        return false;
    st->scaled = (drift){.slack = st->scaled.slack, .far = st->scaled.far};
    page_hinkley_begin(&st->plain);
    adwin_begin(&st->window, st->window.delta);
    st->sum = 0;
    st->n = 0;
    return true;
}

static void say(pe_context *ctx, const drift_state *st, const pe_block *b,
                uint32_t i, double before, double x)
{
    int64_t row = origin_of(b->source, i).first;
    int len = (int)origin_path(b->source);
    char what[100], where[300];

    snprintf(what, sizeof(what), "column %s", st->what);
    if (row >= 0)
        snprintf(where, sizeof(where), "%.*s row %" PRId64 ", block %" PRIu64,
                 len < 200 ? len : 200, b->source, row, b->seq);
    else
        snprintf(where, sizeof(where),
                 "row %" PRIu32 " of block %" PRIu64 " of %.100s", i, b->seq,
                 b->device ? b->device : "-");
    context_drift(ctx,
                  "%s has changed at %s: its mean was %.6g, there it is "
                  "%.6g (%s)",
                  st->column < 0 ? "the score" : what, where, before, x,
                  st->method == DRIFT_ADWIN ? "ADWIN" : "Page-Hinkley");
}

static int make_room(pe_context *ctx, drift_state *st, uint32_t points)
{
    float *scores;

    if (points <= st->cap)
        return 0;
    scores = realloc(st->scores, points * sizeof(*scores));
    if (!scores)
        return pe_context_fail(ctx, "out of memory for %u scores", points);
    st->scores = scores;
    st->cap = points;
    return 0;
}

/* 1: there are scores; 0: no model yet; -1. */
static int score(pe_context *ctx, drift_state *st, const pe_block *in)
{
    if (make_room(ctx, st, in->points) < 0)
        return -1;
    return pe_context_score(ctx, in, st->scores, NULL, NULL);
}

/* --- entry points --- */

static int drift_process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    drift_state *st = pe_context_state(ctx);
    int rc = resolve(ctx, st);

    if (rc <= 0)
        return rc < 0 ? -1 : pe_context_pass(ctx, in, out);
    if (st->column >= (int64_t)in->features)
        return pe_context_fail(ctx,
                               "on: %" PRId64 " is out of range, the block has "
                               "%u features, 0 to %u",
                               st->column, in->features, in->features - 1);
    if (st->column < 0)
        rc = score(ctx, st, in);
    if (rc < 0)
        return -1;
    for (uint32_t i = 0; rc > 0 && i < in->points; i++) {
        double x = st->column < 0 ? (double)st->scores[i]
                                  : pe_block_at(in, i, (uint32_t)st->column);
        double before;

        /* What models mask has no part in it. */
        if (fabs(x) <= (double)FLT_MAX && take(st, x, &before))
            say(ctx, st, in, i, before, x);
    }
    return pe_context_pass(ctx, in, out);
}

static const pe_option_spec options[] = {
    {"on", PE_OPTION_STRING, 0, 0, "score", NULL,
     "what is looked at: score, or a column, by its number, from 0, or name"},
    {"method", PE_OPTION_STRING, 0, 0, "page-hinkley", "page-hinkley adwin",
     "how a change of its mean is found"},
    {"scaled", PE_OPTION_BOOL, 0, 0, "true", NULL,
     "page-hinkley: in standard deviations of what was seen, 5 at most"},
    {"delta", PE_OPTION_FLOAT, 1e-12, 1e300, NULL, NULL,
     "page-hinkley: how far values may lie off their mean, 0.1, or 0.005 where "
     "they are not scaled; adwin: chance of a false alarm, 0.002"},
    {"threshold", PE_OPTION_FLOAT, 1e-12, 1e300, NULL, NULL,
     "page-hinkley: what adds up to a change, 100, or 50 where values are not "
     "scaled"},
    {"alpha", PE_OPTION_FLOAT, 0, 1, "0.9999", NULL,
     "page-hinkley, not scaled: what is kept of the sum with each value"},
    {"min", PE_OPTION_INT, 1, 9e15, "30", NULL,
     "page-hinkley, not scaled: values before a change is looked for"},
    {0},
};

const pe_function drift_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "drift",
    .prose = "says when the mean of a column, or of the score, has changed",
    .options = options,
    .open = drift_open,
    .close = drift_close,
    .process_edge = drift_process,
    .process_cloud = drift_process,
};
