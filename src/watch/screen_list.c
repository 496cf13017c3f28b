/* screen_list.c - pilots, ranks, partitions, devices: a table, and keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "screen_private.h"
#include "src/monitor/value.h"

/* --- cells --- */

static void put_missing(text *t)
{
    text_add(t, "-");
}

static void put_share(text *t, const json_t *o, const char *key)
{
    if (has(o, key))
        text_add(t, "%.0f%%", 100 * value_real(o, key));
    else
        put_missing(t);
}

static void put_number(text *t, const json_t *o, const char *key)
{
    if (has(o, key))
        put_count(t, value_real(o, key));
    else
        put_missing(t);
}

static void put_age(text *t, const json_t *o, const char *key)
{
    if (has(o, key))
        put_span(t, value_real(o, key));
    else
        put_missing(t);
}

static void put_name(text *t, const json_t *o, const char *key)
{
    text_add(t, "%s", *value_text(o, key, "") ? value_text(o, key, "") : "-");
}

static void put_rate(text *t, const json_t *o, const char *key)
{
    put_number(t, json_object_get(o, "rate"), key);
}

static void put_model(text *t, const json_t *o, const char *key)
{
    const json_t *m = json_object_get(o, key);

    if (!m) {
        put_missing(t);
        return;
    }
    text_add(t, "%lld, ", (long long)value_int(m, "version"));
    put_span(t, value_real(m, "age_s"));
}

static void put_mb(text *t, const json_t *o, const char *key)
{
    if (has(o, key))
        put_bytes(t, 1e6 * value_real(o, key));
    else
        put_missing(t);
}

/* Ranks of a pool, devices of an edge. */
static void put_size(text *t, const json_t *o, const char *key)
{
    (void)key;
    if (has(o, "devices"))
        text_add(t, "%lld dev", (long long)value_int(o, "devices"));
    else if (value_int(o, "ranks") > 0)
        text_add(t, "%lld rank%s", (long long)value_int(o, "ranks"),
                 value_int(o, "ranks") == 1 ? "" : "s");
    else
        put_missing(t);
}

/* What its time goes into, the largest first. */
static void put_times(text *t, const json_t *o, const char *key)
{
    static const char *const names[] = {"busy", "fetch",   "reduce",
                                        "idle", "blocked", "paced"};
    bool done[6] = {false};

    (void)key;
    for (int shown = 0; shown < 3; shown++) {
        int best = -1;

        for (int i = 0; i < 6; i++)
            if (!done[i] && has(o, names[i]) &&
                (best < 0 ||
                 value_real(o, names[i]) > value_real(o, names[best])))
                best = i;
        if (best < 0 || (shown > 0 && value_real(o, names[best]) < 0.005))
            break;
        done[best] = true;
        text_add(t, "%s%s %.0f%%", shown ? ", " : "", names[best],
                 100 * value_real(o, names[best]));
    }
    if (!t->len) {
        const char *why = value_text(o, "reason", "");
        text_add(t, "%s", *why ? why : value_text(o, "endpoint", ""));
    }
}

static void put_end(text *t, const json_t *o, const char *key)
{
    (void)key;
    if (json_is_true(json_object_get(o, "dead")))
        text_add(t, "dead");
    else if (json_is_true(json_object_get(o, "ended")))
        text_add(t, "ended");
    else
        put_missing(t);
}

/* --- tables --- */

typedef struct column {
    const char *title, *key;
    int width; /* < 0: to the left; 0: what is left of the line */
    void (*put)(text *t, const json_t *o, const char *key);
} column;

static const column of_pilots[] = {
    {"PILOT", "name", -13, put_name},
    {"KIND", "kind", -6, put_name},
    {"STATE", "state", -9, put_name},
    {"SIZE", "ranks", 9, put_size},
    {"BLOCKS/S", "blocks_per_s", 9, put_rate},
    {"BEAT", "beat_s", 8, put_age},
    {"TIME", "", 0, put_times},
    {NULL, NULL, 0, NULL},
};

static const column of_ranks[] = {
    {"RANK", "rank", 5, put_number},
    {"BUSY", "busy", 6, put_share},
    {"FETCH", "fetch", 6, put_share},
    {"REDUCE", "reduce", 7, put_share},
    {"IDLE", "idle", 6, put_share},
    {"BLOCKS/S", "blocks_per_s", 9, put_number},
    {"HELPED/S", "helped_per_s", 9, put_number},
    {"LAG", "lag", 7, put_number},
    {"FETCHED", "backlog", 8, put_number},
    {"MEMORY", "rss_mb", 8, put_mb},
    {" POOL", "pilot", 0, put_name},
    {NULL, NULL, 0, NULL},
};

static const column of_partitions[] = {
    {"PARTITION", "partition", 9, put_number},
    {"COMMITTED", "committed", 10, put_number},
    {"END", "end", 10, put_number},
    {"LAG", "lag", 8, put_number},
    {"OF WORK", "seconds", 9, put_age},
    {"RANK", "rank", 5, put_number},
    {" POOL", "pilot", 0, put_name},
    {NULL, NULL, 0, NULL},
};

static const column of_devices[] = {
    {"DEVICE", "device", -14, put_name}, {"PART", "partition", 5, put_number},
    {"SEQ", "seq", 8, put_number},       {"SENT", "sent", 8, put_number},
    {"QUEUED", "queued", 7, put_number}, {"FULL", "full", 5, put_share},
    {"MODEL", "model", 12, put_model},   {"", "", 6, put_end},
    {"TIME", "", 0, put_times},          {NULL, NULL, 0, NULL},
};

/* ... that learn. */
static const column of_learners[] = {
    {"DEVICE", "device", -14, put_name},
    {"PART", "partition", 5, put_number},
    {"SYNCS", "syncs", 6, put_number},
    {"LEARNED", "learned", 9, put_number},
    {"HELD", "held", 8, put_number},
    {"AGE", "age_s", 7, put_age},
    {"UP", "up_mb", 8, put_mb},
    {"MODEL", "model", 12, put_model},
    {"", "", 6, put_end},
    {NULL, NULL, 0, NULL},
};

static const struct {
    const char *list, *word;
    const column *columns;
} tables[] = {
    [SCREEN_PILOTS] = {"pilots", "pilots", of_pilots},
    [SCREEN_RANKS] = {"ranks", "ranks", of_ranks},
    [SCREEN_PARTITIONS] = {"partitions", "partitions", of_partitions},
    [SCREEN_DEVICES] = {"devices", "devices", of_devices},
};

static const column *columns_of(const json_t *doc, const screen *s)
{
    const json_t *o;
    size_t i;

    if (s->level == SCREEN_DEVICES)
        json_array_foreach(json_object_get(doc, "devices"), i, o)
        {
            if (has(o, "syncs"))
                return of_learners;
        }
    return tables[s->level].columns;
}

/* --- which rows --- */

static bool is_shown(const screen *s, const json_t *o)
{
    if (s->level == SCREEN_PILOTS)
        return true;
    if (*s->pilot && strcmp(value_text(o, "pilot", ""), s->pilot) != 0 &&
        !(s->level == SCREEN_DEVICES && s->partition >= 0))
        return false;
    if (s->level == SCREEN_PARTITIONS && s->rank >= 0)
        return value_int(o, "rank") == s->rank;
    if (s->level == SCREEN_DEVICES && s->partition >= 0)
        return has(o, "partition") && value_int(o, "partition") == s->partition;
    return true;
}

/* The [k]-th row that is shown; NULL: there are fewer. */
static const json_t *row_at(const json_t *doc, const screen *s, size_t k)
{
    const json_t *o;
    size_t i;

    json_array_foreach(json_object_get(doc, tables[s->level].list), i,
                       o) if (is_shown(s, o) && k-- == 0) return o;
    return NULL;
}

size_t screen_count(const json_t *doc, const screen *s)
{
    const json_t *o;
    size_t i, n = 0;

    json_array_foreach(json_object_get(doc, tables[s->level].list), i, o) n +=
        is_shown(s, o);
    return n;
}

/* --- lines --- */

/* [cell] in [width] columns, one of which stays blank. */
static void put_cell(text *t, const char *cell, int width)
{
    size_t wide = (size_t)abs(width), w = screen_width(cell);
    size_t room = wide > w ? wide - w : 0;

    if (width == 0) {
        text_add(t, " %s", cell);
    } else if (width > 0) {
        text_add(t, "%*s%s", (int)room, "", cell);
    } else {
        size_t n = screen_fit(cell, wide - 1, &w);

        text_add_bytes(t, cell, n);
        text_add(t, "%*s", (int)(wide - w), "");
    }
}

/* Where the list is, and how many are not in it; nothing of the outermost. */
static bool where_add(const json_t *doc, const screen *s, screen_lines *out)
{
    const char *list = tables[s->level].list;
    json_int_t left = value_int(json_object_get(doc, "left_out"), list);
    text t = {0};

    put_look(&t, SCREEN_BOLD);
    text_add(&t, "%s", list);
    put_look(&t, SCREEN_PLAIN);
    if (*s->pilot)
        text_add(&t, " of %s", s->pilot);
    if (s->level > SCREEN_RANKS && s->rank >= 0)
        text_add(&t, ", rank %lld", s->rank);
    if (s->level > SCREEN_PARTITIONS && s->partition >= 0)
        text_add(&t, ", partition %lld", s->partition);
    if (left > 0)
        text_add(&t, " (%lld more %s left out)", (long long)left,
                 left == 1 ? "is" : "are");
    if (s->level == SCREEN_PILOTS && left == 0)
        t.len = 0;
    if (t.len > 0)
        screen_add(out, s, &t);
    left = (json_int_t)t.len;
    text_free(&t);
    return left > 0;
}

static void title_add(const column *columns, const screen *s, screen_lines *out)
{
    text t = {0};

    put_look(&t, SCREEN_BOLD);
    for (const column *c = columns; c->title; c++)
        put_cell(&t, c->title, c->width);
    screen_add(out, s, &t);
    text_free(&t);
}

static void row_add(const column *columns, const json_t *o, const screen *s,
                    bool chosen, screen_lines *out)
{
    text t = {0};

    put_look(&t, chosen ? SCREEN_CHOSEN : SCREEN_PLAIN);
    for (const column *c = columns; c->title; c++) {
        text cell = {0};

        c->put(&cell, o, c->key);
        put_cell(&t, cell.data ? cell.data : "", c->width);
        text_free(&cell);
    }
    screen_add(out, s, &t);
    text_free(&t);
}

static void none_add(const screen *s, screen_lines *out)
{
    text t = {0};

    put_look(&t, SCREEN_DIM);
    text_add(&t, "no %s are known", tables[s->level].word);
    screen_add(out, s, &t);
    text_free(&t);
}

void screen_list(const json_t *doc, screen *s, size_t rows, screen_lines *out)
{
    size_t n = screen_count(doc, s), room;
    bool plain = s->cursor == SIZE_MAX; /* nobody moves in it */

    if (rows > 2 && where_add(doc, s, out))
        rows--;
    room = rows > 1 ? rows - 1 : 0;
    s->n_list = n;
    if (!plain && s->cursor >= n)
        s->cursor = n ? n - 1 : 0;
    if (!plain && s->cursor < s->top)
        s->top = s->cursor;
    if (!plain && s->cursor >= s->top + room)
        s->top = s->cursor + 1 - room;
    title_add(columns_of(doc, s), s, out);
    if (n == 0 && room > 0)
        none_add(s, out);
    for (size_t i = s->top; i < n && i - s->top < room; i++)
        row_add(columns_of(doc, s), row_at(doc, s, i), s, i == s->cursor, out);
}

/* --- keys --- */

static void enter(screen *s, enum screen_level level)
{
    s->level = level;
    s->cursor = s->top = 0;
}

/* Into a pilot: the ranks of a pool, where it tells of them, or the devices of
 * an edge.
 */
static void enter_pilot(screen *s, const json_t *doc, const json_t *o)
{
    const char *kind = value_text(o, "kind", "");
    screen next = *s;

    snprintf(next.pilot, sizeof(next.pilot), "%s", value_text(o, "name", ""));
    next.rank = next.partition = -1;
    if (!strcmp(kind, "edge")) {
        enter(&next, SCREEN_DEVICES);
    } else if (!strcmp(kind, "pool")) {
        enter(&next, SCREEN_RANKS);
        if (screen_count(doc, &next) == 0)
            next.level = SCREEN_PARTITIONS;
    } else {
        return;
    }
    *s = next;
}

static void go_in(screen *s, const json_t *doc)
{
    const json_t *o = row_at(doc, s, s->cursor);

    if (!o)
        return;
    if (s->level == SCREEN_PILOTS) {
        enter_pilot(s, doc, o);
    } else if (s->level == SCREEN_RANKS) {
        s->rank = value_int(o, "rank");
        enter(s, SCREEN_PARTITIONS);
    } else if (s->level == SCREEN_PARTITIONS) {
        s->partition = value_int(o, "partition");
        enter(s, SCREEN_DEVICES);
    }
}

/* False: there is nothing further out. */
static bool go_out(screen *s)
{
    switch (s->level) {
    case SCREEN_PILOTS:
        return false;
    case SCREEN_RANKS:
        s->pilot[0] = '\0';
        enter(s, SCREEN_PILOTS);
        break;
    case SCREEN_PARTITIONS:
        if (s->rank >= 0) {
            enter(s, SCREEN_RANKS);
        } else {
            s->pilot[0] = '\0';
            enter(s, SCREEN_PILOTS);
        }
        s->rank = -1;
        break;
    case SCREEN_DEVICES:
        if (s->partition >= 0) {
            enter(s, SCREEN_PARTITIONS);
        } else {
            s->pilot[0] = '\0';
            enter(s, SCREEN_PILOTS);
        }
        s->partition = -1;
        break;
    }
    return true;
}

bool screen_press(screen *s, const json_t *doc, enum screen_key key)
{
    size_t page = s->rows > 12 ? (size_t)s->rows / 3 : 4;
    size_t last = s->n_list ? s->n_list - 1 : 0;

    switch (key) {
    case SCREEN_UP:
        s->cursor -= s->cursor > 0;
        break;
    case SCREEN_DOWN:
        s->cursor += s->cursor < last;
        break;
    case SCREEN_PAGE_UP:
        s->cursor = s->cursor > page ? s->cursor - page : 0;
        break;
    case SCREEN_PAGE_DOWN:
        s->cursor = s->cursor + page < last ? s->cursor + page : last;
        break;
    case SCREEN_HOME:
        s->cursor = 0;
        break;
    case SCREEN_END:
        s->cursor = last;
        break;
    case SCREEN_IN:
        go_in(s, doc);
        break;
    case SCREEN_OUT:
        return go_out(s);
    }
    return true;
}
