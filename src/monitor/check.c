/* check.c - may a run say that it is done? */
#include <string.h>

#include "src/common/text.h"
#include "src/monitor/counter.h"
#include "src/monitor/private.h"
#include "src/monitor/value.h"

static void fail(json_t *summary, int exit_code, json_t *reason)
{
    json_array_append_new(json_object_get(summary, "errors"), reason);
    json_object_set_new(summary, "state", json_string("failed"));
    if (value_int(summary, "exit") == PE_EXIT_OK)
        json_object_set_new(summary, "exit", json_integer(exit_code));
}

/* --- do blocks add up?  (rule 9) --- */

static void edges_balance(json_t *summary, const json_t *b)
{
    long long sensed = value_int(b, "sensed"), sent = value_int(b, "sent"),
              filtered = value_int(b, "filtered"),
              dropped = value_int(b, "dropped"),
              spooled = value_int(b, "spooled"), lost = value_int(b, "lost");

    if (sensed != sent + filtered + dropped + spooled + lost)
        fail(summary, PE_EXIT_FAILED,
             json_sprintf("blocks do not add up at the edge: %lld sensed, but "
                          "%lld sent + %lld filtered + %lld dropped + %lld "
                          "spooled + %lld lost",
                          sensed, sent, filtered, dropped, spooled, lost));
}

/* How many of [twice] repeats may have been counted as sent: all, where an edge
 * died before it could tell, for the next one tells them once more.
 */
static long long told_twice(const monitor *m, const json_t *blocks,
                            long long twice)
{
    long long resent = value_int(blocks, "resent");

    return m->inexact || resent > twice ? twice : resent;
}

/* Edges that died may have sent more than they could tell; then the pool may
 * have seen more than we know of, but never less.
 */
bool monitor_adds_up(const monitor *m, const json_t *blocks, long long in,
                     long long out, long long twice)
{
    return (m->inexact || in >= out) &&
           in - out <= told_twice(m, blocks, twice);
}

static void pool_balance(const monitor *m, json_t *summary, const json_t *b)
{
    long long sent = value_int(b, "sent"), foreign = value_int(b, "foreign"),
              applied = value_int(b, "applied"),
              refused = value_int(b, "refused"),
              twice = value_int(b, "deduplicated"), out = applied + refused;

    if (!monitor_adds_up(m, b, sent + foreign, out, twice))
        fail(summary, PE_EXIT_FAILED,
             json_sprintf("blocks do not add up at the pool: %lld sent + %lld "
                          "foreign, but %lld applied + %lld refused",
                          sent, foreign, applied, refused));
}

/* Each layer has what the one before it has handed on, the first what edges
 * have sent.
 */
static void layers_balance(const monitor *m, json_t *summary)
{
    char why[400];
    int status = monitor_layers_check(m, summary, why, sizeof(why));

    if (status != PE_EXIT_OK)
        fail(summary, status, json_string(why));
}

void monitor_left(const monitor *m, const json_t *pool, const json_t *edges,
                  json_t *summary)
{
    json_t *b = json_object_get(summary, "blocks");
    json_int_t left = value_int(b, "sent") + value_int(b, "foreign") -
                      value_int(b, "applied") - value_int(b, "refused") -
                      told_twice(m, b, value_int(b, "deduplicated"));

    if (m->layers > 1) /* stages of layers may have let blocks go */
        return;
    if (pool && json_array_size(edges) > 0 && left > 0)
        json_object_set_new(b, "left", json_integer(left));
}

/* --- was anything learned? --- */

static const char *first_of(const json_t *summary, const char *key)
{
    return value_text(json_object_get(summary, "first"), key, NULL);
}

static void refusals_check(json_t *summary, const json_t *b)
{
    long long own = value_int(b, "refused_own");
    const char *first = first_of(summary, "refused_own");

    if (own > 0)
        fail(summary, PE_EXIT_DATA,
             json_sprintf("%lld block%s of this run's devices %s refused, and "
                          "nothing of %s learned%s%s",
                          own, own == 1 ? "" : "s", own == 1 ? "was" : "were",
                          own == 1 ? "it" : "them",
                          first ? "; the first: " : "", first ? first : ""));
}

/* "12 filtered, 3 masked": what became of it all. */
static void fates_add(text *t, const json_t *summary)
{
    static const char *const none[] = {
        "sensed",  "sent",          "fetched",      "spooled",
        "applied", "replayed",      "foreign",      "unchecked",
        "slices",  "slices_failed", "deduplicated", NULL};
    const char *between = "";

    for (const counter *c = counters; c->key; c++) {
        long long n = (long long)counter_value(c, summary);
        bool told = n > 0;
        for (const char *const *k = none; *k; k++)
            told = told && strcmp(*k, c->key);
        if (!told)
            continue;
        /* "blocks", "rows": the plural of what is counted. */
        text_add(t, "%s%lld %.*s %s", between, n,
                 (int)strlen(c->object) - (n == 1), c->object, c->words);
        between = ", ";
    }
}

/* What the first of what was left out was, and which columns: the place, and
 * the fix.
 */
static void fix_add(text *t, const json_t *summary)
{
    static const char *const keys[] = {"skipped", "masked", "refused", "aside",
                                       NULL};

    if (json_object_size(json_object_get(summary, "masked_cells")) > 0) {
        text_add(t, " (cells that are no finite number, of ");
        counter_cells(summary, t);
        text_add(t, "): mend those columns, or leave them out by a `select` "
                    "stage");
    }

    for (const char *const *key = keys; *key; key++)
        if (first_of(summary, *key)) {
            text_add(t, "; the first: %s", first_of(summary, *key));
            return;
        }
}

static void learned_check(const monitor *m, json_t *summary, const json_t *b,
                          bool edges)
{
    bool came = value_int(b, "applied") + value_int(b, "refused") > 0;
    text fates = {0}, t = {0};

    if (m->until_eof && !came && !edges) {
        json_object_set_new(summary, "empty",
                            json_string("the topic holds no record: nothing "
                                        "was learned, and there is no model"));
        return;
    }
    fates_add(&fates, summary);
    text_add(&t, "no row was learned from: ");
    if (!came && value_int(b, "sensed") == 0)
        text_add(&t, "%s%s",
                 edges ? "the devices sensed nothing" : "no record came",
                 fates.len ? "; " : "");
    else if (!fates.len)
        text_add(&t, "the stages let no row through");
    text_add(&t, "%s", fates.len ? fates.data : "");
    fix_add(&t, summary);
    if (!t.failed && !fates.failed)
        fail(summary, PE_EXIT_DATA, json_string(t.data));
    text_free(&fates);
    text_free(&t);
}

void monitor_check(const monitor *m, const json_t *pool, const json_t *edges,
                   json_t *summary)
{
    const json_t *b = json_object_get(summary, "blocks");
    bool have_edges = json_array_size(edges) > 0;

    /* Only a run with edges of its own knows what was sent. */
    if (have_edges && !m->inexact)
        edges_balance(summary, b);
    if (m->layers > 1)
        layers_balance(m, summary);
    else if (have_edges && pool)
        pool_balance(m, summary, b);
    refusals_check(summary, b);
    if (pool && value_int(pool, "points") == 0 &&
        value_int(b, "refused_own") == 0)
        learned_check(m, summary, b, have_edges);
}
