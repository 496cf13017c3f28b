/* screen.c - a run on a screen: what is above the list, and keys. */
#include "screen.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "screen_private.h"
#include "src/monitor/value.h"

#define NS_PER_S 1000000000

/* --- lines --- */

void screen_add(screen_lines *l, const screen *s, const text *t)
{
    char **more = l->line;
    char *line = t->failed ? NULL : strdup(t->data ? t->data : "");

    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 32;
        more = reallocarray(l->line, l->cap, sizeof(*more));
    }
    if (!line || !more) {
        free(line);
        l->failed = true;
        return;
    }
    if (s->cols > 0)
        screen_cut(line, (size_t)s->cols);
    l->line = more;
    l->line[l->n++] = line;
}

void screen_free(screen_lines *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->line[i]);
    free(l->line);
    *l = (screen_lines){0};
}

/* --- numbers for people --- */

void put_count(text *t, double n)
{
    static const char *const units[] = {"", "k", "M", "G", "T"};
    size_t u = 0;

    for (; fabs(n) >= 99999.5 && u < 4; u++)
        n /= 1000;
    if (u == 0 && fabs(n) < 100 && n != rint(n))
        text_add(t, "%.3g", n);
    else if (u == 0)
        text_add(t, "%.0f", n);
    else
        text_add(t, "%.*f%s", fabs(n) < 100 ? 1 : 0, n, units[u]);
}

void put_bytes(text *t, double n)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t u = 0;

    for (; n >= 999.5 && u < 4; u++)
        n /= 1000;
    text_add(t, u ? "%.3g %s" : "%.0f %s", n, units[u]);
}

void put_span(text *t, double s)
{
    if (s < 60)
        text_add(t, "%.*f s", s < 9.95 ? 1 : 0, s);
    else if (s < 3600)
        text_add(t, "%dm%02ds", (int)(s / 60), (int)s % 60);
    else if (s < 86400)
        text_add(t, "%dh%02dm", (int)(s / 3600), (int)(s / 60) % 60);
    else
        text_add(t, "%.1f d", s / 86400);
}

void put_look(text *t, enum screen_look look)
{
    char c = (char)look;

    text_add_bytes(t, &c, 1);
}

static void put_clock(text *t, json_int_t ns)
{
    time_t s = (time_t)(ns / NS_PER_S);
    struct tm local;
    char stamp[16] = "?";

    if (localtime_r(&s, &local))
        strftime(stamp, sizeof(stamp), "%H:%M:%S", &local);
    text_add(t, "%s", stamp);
}

bool has(const json_t *o, const char *key)
{
    return json_object_get(o, key) != NULL;
}

/* --- sparklines --- */

void screen_note(screen *s, const json_t *doc)
{
    const json_t *rate = json_object_get(doc, "rate");
    const json_t *lag = json_object_get(doc, "lag");

    s->looks++;
    if (s->n_past == SCREEN_PAST) {
        memmove(s->rate, s->rate + 1, (SCREEN_PAST - 1) * sizeof(double));
        memmove(s->lag, s->lag + 1, (SCREEN_PAST - 1) * sizeof(double));
        s->n_past--;
    }
    s->rate[s->n_past] = value_real(rate, "blocks_per_s");
    s->lag[s->n_past++] = value_real(lag, "blocks");
}

/* The newest [room] of [n] values, from 0 to the largest of them. */
static void put_past(text *t, const screen *s, const double *v, size_t room)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char plain[] = "_.-:=+*#";
    size_t from = s->n_past > room ? s->n_past - room : 0;
    double most = 0;

    for (size_t i = from; i < s->n_past; i++)
        most = v[i] > most ? v[i] : most;
    for (size_t i = from; i < s->n_past; i++) {
        int k = most > 0 ? (int)rint(7 * v[i] / most) : 0;

        k = k < 0 ? 0 : k > 7 ? 7 : k;
        if (s->ascii)
            text_add(t, "%c", plain[k]);
        else
            text_add(t, "%s", bars[k]);
    }
}

/* --- the summary --- */

static enum screen_look state_look(const char *state)
{
    if (!strcmp(state, "running") || !strcmp(state, "done"))
        return SCREEN_GOOD;
    if (!strcmp(state, "failed") || !strcmp(state, "stalled") ||
        !strcmp(state, "gone") || !strcmp(state, "silent") ||
        !strcmp(state, "unknown"))
        return SCREEN_BAD;
    return SCREEN_WARN;
}

static void title_add(const json_t *doc, const screen *s, screen_lines *out)
{
    const char *state = value_text(doc, "state", "?");
    text t = {0};

    put_look(&t, SCREEN_BAD);
    if (s->looks > 0) /* nothing beats in a pipe */
        text_add(&t, "%s ",
                 s->looks % 2 ? (s->ascii ? "*" : "♥")
                              : (s->ascii ? "o" : "♡"));
    put_look(&t, SCREEN_BOLD);
    text_add(&t, "%s", value_text(doc, "run", "?"));
    put_look(&t, SCREEN_PLAIN);
    if (has(doc, "pipeline"))
        text_add(&t, "  %s", value_text(doc, "pipeline", ""));
    text_add(&t, "  ");
    put_look(&t, state_look(state));
    text_add(&t, "%s", state);
    put_look(&t, SCREEN_PLAIN);
    if (has(doc, "exit") && value_int(doc, "exit") != 0)
        text_add(&t, " (%lld)", (long long)value_int(doc, "exit"));
    if (has(doc, "seconds")) {
        text_add(&t, "  ");
        put_span(&t, value_real(doc, "seconds"));
    }
    if (has(doc, "left_s")) {
        text_add(&t, "  left ");
        put_span(&t, fmax(value_real(doc, "left_s"), 0));
    }
    if (has(doc, "share"))
        text_add(&t, "  read %.0f%%", 100 * value_real(doc, "share"));
    text_add(&t, "  ");
    put_look(&t, SCREEN_DIM);
    put_clock(&t, value_int(doc, "time_ns"));
    screen_add(out, s, &t);
    text_free(&t);
}

static void label(text *t, const char *name)
{
    put_look(t, SCREEN_DIM);
    text_add(t, "%-8s ", name);
    put_look(t, SCREEN_PLAIN);
}

static void rate_add(const json_t *doc, const screen *s, screen_lines *out)
{
    const json_t *rate = json_object_get(doc, "rate");
    text t = {0};

    label(&t, "rate");
    if (rate) {
        put_count(&t, value_real(rate, "blocks_per_s"));
        text_add(&t, " blocks/s  ");
        put_count(&t, value_real(rate, "points_per_s"));
        text_add(&t, " points/s  %.3g MB/s  ", value_real(rate, "mb_per_s"));
        put_look(&t, SCREEN_GOOD);
        if (s->cols > 0)
            put_past(&t, s, s->rate, s->cols > 70 ? (size_t)s->cols - 58 : 12);
    } else {
        text_add(&t, "?");
    }
    screen_add(out, s, &t);
    text_free(&t);
}

static void lag_add(const json_t *doc, const screen *s, screen_lines *out)
{
    const json_t *lag = json_object_get(doc, "lag");
    double grows = value_real(lag, "blocks_per_s");
    text t = {0};

    label(&t, "lag");
    if (lag) {
        put_count(&t, value_real(lag, "blocks"));
        text_add(&t, " block%s", value_int(lag, "blocks") == 1 ? "" : "s");
        if (has(lag, "seconds")) {
            text_add(&t, " = ");
            put_span(&t, value_real(lag, "seconds"));
            text_add(&t, " of work");
        } else if (has(doc, "exit") && value_int(lag, "blocks") > 0) {
            text_add(&t, value_int(lag, "blocks") == 1 ? " was left"
                                                       : " were left");
        } else if (value_int(lag, "blocks") > 0) {
            text_add(&t, ", and nothing is processed");
        }
        if (fabs(grows) >= 1 && !has(doc, "exit")) {
            text_add(&t, ", %s ", grows > 0 ? "grows by" : "shrinks by");
            put_count(&t, rint(fabs(grows)));
            text_add(&t, "/s");
        }
        text_add(&t, "  ");
        put_look(&t, SCREEN_WARN);
        if (s->cols > 0)
            put_past(&t, s, s->lag, s->cols > 70 ? (size_t)s->cols - 58 : 12);
    } else {
        text_add(&t, "?");
    }
    screen_add(out, s, &t);
    text_free(&t);
}

/* A line for each of several layers. */
static void layers_add(const json_t *doc, const screen *s, screen_lines *out)
{
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(doc, "layers"), i, row)
    {
        const json_t *lag = json_object_get(row, "lag");
        const json_t *blocks = json_object_get(row, "blocks");
        text t = {0};

        label(&t, i ? "" : "layers");
        text_add(&t, "%-16.16s lag ", value_text(row, "layer", "?"));
        if (lag)
            put_count(&t, value_real(lag, "blocks"));
        else
            text_add(&t, "?");
        text_add(&t, "  applied ");
        put_count(&t, value_real(blocks, "applied"));
        if (value_int(blocks, "refused") > 0) {
            text_add(&t, "  refused ");
            put_count(&t, value_real(blocks, "refused"));
        }
        if (has(row, "blocks_per_s"))
            text_add(&t, "  %.1f blocks/s", value_real(row, "blocks_per_s"));
        screen_add(out, s, &t);
        text_free(&t);
    }
}

static void model_add(const json_t *doc, const screen *s, screen_lines *out)
{
    const json_t *m = json_object_get(doc, "model");
    text t = {0};

    label(&t, "model");
    if (!m) {
        text_add(&t, "none yet");
    } else {
        text_add(&t, "%s version %lld", value_text(m, "kind", "?"),
                 (long long)value_int(m, "version"));
        if (has(m, "age_s")) {
            text_add(&t, ", ");
            put_span(&t, value_real(m, "age_s"));
            text_add(&t, " old");
        }
        if (has(m, "bytes")) {
            text_add(&t, ", ");
            put_bytes(&t, value_real(m, "bytes"));
        }
        if (has(m, "threshold"))
            text_add(&t, ", threshold %.4g", value_real(m, "threshold"));
        if (json_is_true(json_object_get(m, "warming")))
            text_add(&t, ", warming up");
        text_add(&t, ", commit %.8s", value_text(m, "commit", ""));
    }
    screen_add(out, s, &t);
    text_free(&t);
}

/* What was not as it should be, where there is any. */
static void counts_add(const json_t *doc, const screen *s, screen_lines *out)
{
    static const struct {
        const char *key, *word;
        bool of_blocks, bad;
    } rows[] = {
        {"applied", "applied", true, false},
        {"outliers", "outliers", false, false},
        {"refused", "refused", true, true},
        {"dropped", "dropped", true, true},
        {"spooled", "spooled", true, false},
        {"lost", "lost", true, true},
        {"masked", "points masked", false, true},
        {"stale", "rows stale", false, true},
        {"skipped", "rows skipped", false, true},
        {"filtered", "filtered", true, false},
        {"deduplicated", "repeats", true, false},
        {"foreign", "of others", true, false},
    };
    const json_t *blocks = json_object_get(doc, "blocks");
    bool any = false;
    text t = {0};

    label(&t, "blocks");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const json_t *of = rows[i].of_blocks ? blocks : doc;

        if (!has(of, rows[i].key) || (i > 1 && value_int(of, rows[i].key) == 0))
            continue;
        any = true;
        put_look(&t, rows[i].bad ? SCREEN_WARN : SCREEN_PLAIN);
        put_count(&t, value_real(of, rows[i].key));
        text_add(&t, " %s", rows[i].word);
        put_look(&t, SCREEN_PLAIN);
        text_add(&t, "  ");
    }
    if (!any)
        text_add(&t, "?");
    screen_add(out, s, &t);
    text_free(&t);
}

enum screen_look pressure_look(const char *pressure)
{
    return !strcmp(pressure, "ok")     ? SCREEN_GOOD
           : !strcmp(pressure, "low")  ? SCREEN_WARN
           : !strcmp(pressure, "high") ? SCREEN_BAD
                                       : SCREEN_DIM;
}

static void hops_add(const json_t *doc, const screen *s, screen_lines *out)
{
    const json_t *hop;
    size_t i;
    text t = {0};

    label(&t, "pressure");
    json_array_foreach(json_object_get(doc, "hops"), i, hop)
    {
        const char *pressure = value_text(hop, "pressure", "?");

        text_add(&t, "%s%s ", i ? "  " : "", value_text(hop, "hop", "?"));
        put_look(&t, pressure_look(pressure));
        text_add(&t, "%s", pressure);
        put_look(&t, SCREEN_PLAIN);
    }
    screen_add(out, s, &t);
    text_free(&t);
}

/* The words of the hops that press: what an operator wants to know. */
static void pressing_add(const json_t *doc, const screen *s, bool all,
                         screen_lines *out)
{
    const json_t *hop;
    size_t i;

    json_array_foreach(json_object_get(doc, "hops"), i, hop)
    {
        const char *pressure = value_text(hop, "pressure", "?");

        if (all || !strcmp(pressure, "high"))
            screen_words(s, value_text(hop, "hop", ""), SCREEN_PLAIN,
                         value_text(hop, "text", ""), 2, out);
    }
}

static void trouble_add(const json_t *doc, const screen *s, screen_lines *out)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(doc, "trouble"), i, one)
    {
        text t = {0};

        text_add(&t, "%s does not answer since ",
                 value_text(one, "server", "?"));
        put_clock(&t, value_int(one, "since_ns"));
        text_add(&t, ": %s", value_text(one, "text", ""));
        if (!strcmp(value_text(one, "server", ""), "redis") &&
            value_int(doc, "looked_ns")) {
            text_add(&t, "; what follows is as of ");
            put_clock(&t, value_int(doc, "looked_ns"));
        }
        screen_words(s, "away", SCREEN_BAD, t.data ? t.data : "", 3, out);
        text_free(&t);
    }
}

/* The pilots that wait for a server say so themselves. */
static void waits_add(const json_t *doc, const screen *s, screen_lines *out)
{
    const json_t *pilot;
    size_t i;

    json_array_foreach(json_object_get(doc, "pilots"), i, pilot)
    {
        const json_t *waits = json_object_get(pilot, "waits");
        text t = {0};

        if (!waits)
            continue;
        text_add(&t, "%s, since ", value_text(pilot, "name", "?"));
        put_clock(&t, value_int(waits, "since_ns"));
        text_add(&t, ": %s", value_text(waits, "text", ""));
        screen_words(s, "waits", SCREEN_BAD, t.data ? t.data : "", 2, out);
        text_free(&t);
    }
}

static void stalled_add(const json_t *doc, const screen *s, screen_lines *out)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(doc, "stalled"), i, one)
    {
        screen_words(s, "STALLED", SCREEN_BAD, value_text(one, "text", ""), 2,
                     out);
    }
}

void screen_summary(const json_t *doc, const screen *s, bool all,
                    screen_lines *out)
{
    const json_t *verdict = json_object_get(doc, "verdict"), *note;
    const char *words = value_text(doc, "words", "");
    bool stalled = json_array_size(json_object_get(doc, "stalled")) > 0;
    size_t i;

    title_add(doc, s, out);
    trouble_add(doc, s, out);
    if (*words && !stalled)
        screen_words(s, "", SCREEN_BAD, words, 2, out);
    stalled_add(doc, s, out);
    waits_add(doc, s, out);
    rate_add(doc, s, out);
    lag_add(doc, s, out);
    if (json_array_size(json_object_get(doc, "hops")) > 0)
        hops_add(doc, s, out);
    pressing_add(doc, s, all, out);
    if (*value_text(verdict, "text", ""))
        screen_words(s, "verdict", SCREEN_PLAIN,
                     value_text(verdict, "text", ""), 2, out);
    layers_add(doc, s, out);
    model_add(doc, s, out);
    counts_add(doc, s, out);
    json_array_foreach(json_object_get(doc, "notes"), i, note)
    {
        screen_words(s, "note", SCREEN_WARN, json_string_value(note), 2, out);
    }
}

/* --- all of it --- */

static void help_add(const screen *s, screen_lines *out)
{
    text t = {0};

    put_look(&t, SCREEN_DIM);
    text_add(&t, "%s",
             s->level == SCREEN_PILOTS ? "enter: look into  q: leave"
                                       : "enter: look into  q: back");
    text_add(&t, "  arrows, page, home, end: move");
    screen_add(out, s, &t);
    text_free(&t);
}

/* Lines of [from] that there is room for; the first ones matter most. */
static void lines_move(screen_lines *from, screen_lines *to, size_t most)
{
    for (size_t i = 0; i < from->n; i++) {
        text t = {.data = from->line[i]};
        const screen any = {0};

        if (to->n < most)
            screen_add(to, &any, &t);
    }
    to->failed = to->failed || from->failed;
    screen_free(from);
}

void screen_make(const json_t *doc, screen *s, screen_lines *out)
{
    size_t rows = s->rows > 1 ? (size_t)s->rows : 1, list = 0;
    screen_lines top = {0};
    bool help = rows >= 12;
    const text none = {0};

    *out = (screen_lines){0};
    screen_summary(doc, s, false, &top);
    /* The list has a third of the screen at least, with its title. */
    if (rows >= 8)
        list = top.n + rows / 3 < rows ? rows - top.n : rows / 3;
    lines_move(&top, out, rows - list);
    if (help)
        list--;
    if (list > screen_count(doc, s) + 1) {
        screen_add(out, s, &none);
        list--;
    }
    if (list > 1)
        screen_list(doc, s, list, out);
    while (help && out->n + 1 < rows && !out->failed)
        screen_add(out, s, &none);
    if (help)
        help_add(s, out);
}

void screen_plain(const json_t *doc, screen *s, screen_lines *out)
{
    *out = (screen_lines){0};
    s->cols = 0;
    screen_summary(doc, s, true, out);
    for (int level = SCREEN_PILOTS; level <= SCREEN_DEVICES; level++) {
        const text none = {0};

        s->level = (enum screen_level)level;
        s->pilot[0] = '\0';
        s->rank = s->partition = -1;
        s->cursor = SIZE_MAX;
        s->top = 0;
        if (screen_count(doc, s) == 0)
            continue;
        screen_add(out, s, &none);
        screen_list(doc, s, SIZE_MAX, out);
    }
}
