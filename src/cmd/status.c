/* status.c - `pilot status`: pilots, and why they do not run. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "src/cmd/cmd.h"
#include "src/cmd/map.h"
#include "src/cmd/status_learned.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/run/pilots.h"

#define DAY_NS (86400 * CLOCK_S)
#define COLUMNS_MAX 32
#define REASON_MIN 20 /* columns of a terminal */
#define BELOW_INDENT 4
#define SCHEMA 1
#define DEFAULT_FORMAT "pilot,name,kind,state,reason,ranks,left,sched_id"
#define MAP_FORMAT "pilot,name,state,ranks,partitions"

struct status_options {
    const char *states, *format;
    bool all, json, no_header, refresh, map, learned, help;
};

#define OPTION(kind, member) \
    OPTION_##kind, offsetof(struct status_options, member)

static const option_spec options[] = {
    {"all", 'a', OPTION(FLAG, all), NULL, NULL,
     "also those that ended more than a day ago"},
    {"states", 't', OPTION(TEXT, states), "LIST", NULL,
     "only those in one of these states"},
    {"format", 'o', OPTION(TEXT, format), "COLUMNS", NULL,
     "columns, comma-separated; 'all' for all of them"},
    {"map", 'm', OPTION(FLAG, map), NULL, NULL,
     "the pools that live, and who has which partitions, and why"},
    {"learned", 'l', OPTION(FLAG, learned), NULL, NULL,
     "what each device that learns has learned, and when it told of it"},
    {"refresh", 'r', OPTION(FLAG, refresh), NULL, NULL,
     "ask the schedulers now, however lately they answered"},
    {"json", 'j', OPTION(FLAG, json), NULL, NULL, "print JSON"},
    {"no-header", 0, OPTION(FLAG, no_header), NULL, NULL,
     "print no line of titles"},
    {"help", 'h', OPTION(FLAG, help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"[OPTION]... [ID|RUN|SCHED_ID]...",
                                       NULL};

static const option_usage usage = {
    .command = "pilot status",
    .synopsis = synopsis,
    .prose = "List pilots that live or ended within a day, and why they do "
             "not run.",
    .options = options,
    .min_args = 0,
    .max_args = -1,
};

/* --- columns --- */

/* What a cell is made of. */
typedef struct row {
    const pilot_record *r;
    const json_t *beat; /* or NULL */
    int64_t now;
} row;

typedef struct column {
    const char *name, *title;
    void (*put)(const row *x, text *out);
    bool right;
} column;

#define PUT_TEXT(member)                              \
    static void put_##member(const row *x, text *out) \
    {                                                 \
        text_add(out, "%s", x->r->member);            \
    }
#define PUT_COUNT(member)                             \
    static void put_##member(const row *x, text *out) \
    {                                                 \
        if (x->r->member > 0)                         \
            text_add(out, "%d", x->r->member);        \
    }
#define PUT_TIME(member)                              \
    static void put_##member(const row *x, text *out) \
    {                                                 \
        time_put(x->r->member, out);                  \
    }

static void time_put(int64_t ns, text *out)
{
    time_t s = (time_t)(ns / CLOCK_S);
    struct tm local;
    char stamp[32];

    if (ns > 0 && localtime_r(&s, &local) &&
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &local) > 0)
        text_add(out, "%s", stamp);
}

PUT_TEXT(id)
PUT_TEXT(run)
PUT_TEXT(name)
PUT_TEXT(kind)
PUT_TEXT(sched_id)
PUT_TEXT(resource)
PUT_TEXT(host)
PUT_TEXT(native)
PUT_TEXT(endpoint)
PUT_TEXT(dir)
PUT_TEXT(successor)
PUT_COUNT(ranks)
PUT_COUNT(nodes)
PUT_COUNT(restarts)
PUT_TIME(created_ns)
PUT_TIME(submitted_ns)
PUT_TIME(started_ns)
PUT_TIME(ended_ns)
PUT_TIME(seen_ns)

static void put_state(const row *x, text *out)
{
    text_add(out, "%s", pilot_state_name(x->r->state));
}

static void put_reason(const row *x, text *out)
{
    pilots_reason(x->r, x->now, out);
}

static void put_left(const row *x, text *out)
{
    pilots_left(x->r, x->now, out);
}

static void put_exit(const row *x, text *out)
{
    if (x->r->exit_code >= 0)
        text_add(out, "%d", x->r->exit_code);
}

static void put_partitions(const row *x, text *out)
{
    char *list =
        pilot_state_is_final(x->r->state) ? NULL : beat_partitions(x->beat);

    text_add(out, "%s", list ? list : "");
    free(list);
}

static const column columns[] = {
    {"pilot", "PILOT", put_id, false},
    {"run", "RUN", put_run, false},
    {"name", "NAME", put_name, false},
    {"kind", "KIND", put_kind, false},
    {"state", "STATE", put_state, false},
    {"reason", "REASON", put_reason, false},
    {"ranks", "RANKS", put_ranks, true},
    {"nodes", "NODES", put_nodes, true},
    {"left", "LEFT", put_left, true},
    {"sched_id", "SCHED_ID", put_sched_id, false},
    {"resource", "RESOURCE", put_resource, false},
    {"host", "HOST", put_host, false},
    {"native", "NATIVE", put_native, false},
    {"restarts", "RESTARTS", put_restarts, true},
    {"exit", "EXIT", put_exit, true},
    {"partitions", "PARTITIONS", put_partitions, false},
    {"endpoint", "ENDPOINT", put_endpoint, false},
    {"created", "CREATED", put_created_ns, false},
    {"submitted", "SUBMITTED", put_submitted_ns, false},
    {"started", "STARTED", put_started_ns, false},
    {"ended", "ENDED", put_ended_ns, false},
    {"seen", "SEEN", put_seen_ns, false},
    {"dir", "DIR", put_dir, false},
    {"successor", "SUCCESSOR", put_successor, false},
};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

typedef struct table {
    const column *columns[COLUMNS_MAX];
    size_t n;
    size_t width[COLUMNS_MAX];
    size_t below; /* reasons have lines of their own, so wide; 0: a column */
} table;

static int column_unknown(const char *word, size_t len, pe_error *errp)
{
    char *copy = text_format("%.*s", (int)len, word), nearest[32] = "";
    text words = {0};

    for (size_t i = 0; i < N_COLUMNS; i++)
        text_add(&words, "%s ", columns[i].name);
    if (copy && words.data && !words.failed)
        text_nearest(copy, words.data, nearest, sizeof(nearest));
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                 "option --format: there is no column '%.*s'%s%s%s; the "
                 "columns are %s",
                 (int)len, word, *nearest ? "; did you mean " : "", nearest,
                 *nearest ? "?" : "", words.data ? words.data : "");
    text_free(&words);
    free(copy);
    return -1;
}

static int columns_take(table *t, const char *format, pe_error *errp)
{
    t->n = 0;
    if (!strcmp(format, "all")) {
        for (; t->n < N_COLUMNS; t->n++)
            t->columns[t->n] = &columns[t->n];
        return 0;
    }
    for (size_t len; *format; format += len + (format[len] == ',')) {
        const column *c = NULL;
        len = strcspn(format, ",");
        for (size_t i = 0; i < N_COLUMNS && !c; i++)
            if (strlen(columns[i].name) == len &&
                !strncmp(columns[i].name, format, len))
                c = &columns[i];
        if (!c)
            return column_unknown(format, len, errp);
        if (t->n == COLUMNS_MAX)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                                "option --format: more than %d columns",
                                COLUMNS_MAX);
        t->columns[t->n++] = c;
    }
    return 0;
}

/* --- which --- */

/* A set of states out of "QUEUED,held". */
static int states_take(const char *list, bool set[PILOT_N_STATES],
                       pe_error *errp)
{
    char word[32], nearest[32];
    text names = {0};

    for (int s = 0; s < PILOT_N_STATES; s++)
        set[s] = !list;
    for (size_t len; list && *list; list += len + (list[len] == ',')) {
        len = strcspn(list, ",");
        snprintf(word, sizeof(word), "%.*s", len < 31 ? (int)len : 31, list);
        for (char *c = word; *c; c++)
            *c = (char)toupper((unsigned char)*c);
        int s = pilot_state_find(word);
        if (s >= 0) {
            set[s] = true;
            continue;
        }
        for (s = 0; s < PILOT_N_STATES; s++)
            text_add(&names, "%s ", pilot_state_name((enum pilot_state)s));
        text_nearest(word, names.data ? names.data : "", nearest,
                     sizeof(nearest));
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                     "option --states: there is no state '%.*s'%s%s%s; the "
                     "states are %s",
                     (int)len, list, *nearest ? "; did you mean " : "", nearest,
                     *nearest ? "?" : "", names.data ? names.data : "");
        text_free(&names);
        return -1;
    }
    return 0;
}

/* Leave only what is to be shown; [named]: the user asked for them. */
static void filter(pilots *p, const struct status_options *o, bool named,
                   const bool states[PILOT_N_STATES])
{
    int64_t now = clock_real_ns();
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++) {
        const pilot_record *r = &p->r[i];
        bool old = pilot_state_is_final(r->state) && now - r->ended_ns > DAY_NS;
        bool owns = !strcmp(r->kind, "pool") && !pilot_state_is_final(r->state);
        if (states[r->state] && (named || o->all || !old) && (!o->map || owns))
            p->r[n++] = p->r[i];
    }
    p->n = n;
}

/* --- table --- */

/* Columns of a terminal that [s] takes: characters, not bytes. */
static size_t width_of(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* Text of a cell in new memory; "-" for nothing. */
static char *cell(const column *c, const pilots *p, size_t i, int64_t now)
{
    const row x = {&p->r[i], json_object_get(p->heard, p->r[i].id), now};
    text t = {0};

    c->put(&x, &t);
    if (t.data && *t.data)
        return t.data;
    text_free(&t);
    return text_format("-");
}

static void widths_take(table *t, const pilots *p, int64_t now)
{
    for (size_t k = 0; k < t->n; k++) {
        t->width[k] = strlen(t->columns[k]->title);
        for (size_t i = 0; i < p->n; i++) {
            char *s = cell(t->columns[k], p, i, now);
            size_t width = s ? width_of(s) : 0;
            if (width > t->width[k])
                t->width[k] = width;
            free(s);
        }
    }
}

static size_t terminal_columns(void)
{
    struct winsize w = {0};

    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
        return 0;
    return w.ws_col;
}

/* All columns but [but], with a blank behind each. */
static size_t width_but(const table *t, void (*but)(const row *, text *))
{
    size_t width = 0;

    for (size_t k = 0; k < t->n; k++)
        if (t->columns[k]->put != but)
            width += t->width[k] + 1;
    return width;
}

static void column_drop(table *t, void (*put)(const row *, text *))
{
    size_t n = 0;

    for (size_t k = 0; k < t->n; k++)
        if (t->columns[k]->put != put) {
            t->columns[n] = t->columns[k];
            t->width[n++] = t->width[k];
        }
    t->n = n;
}

/* On a terminal a reason takes what is left of the line, or the next line
 * where too little is left; columns that the user did not ask for go until the
 * others fit.  Elsewhere nothing is cut.
 */
static void widths_fit(table *t, bool chosen)
{
    static void (*const spare[])(const row *, text *) = {
        put_name, put_sched_id, put_left, put_ranks, put_kind};
    const size_t n_spare = chosen ? 0 : sizeof(spare) / sizeof(spare[0]);
    size_t wide = terminal_columns(), others = width_but(t, put_reason);

    if (wide == 0)
        return;
    if (n_spare > 0 && others + REASON_MIN > wide)
        column_drop(t, put_name); /* PILOT ends in it */
    others = width_but(t, put_reason);
    if (n_spare > 0 && others + REASON_MIN > wide) {
        t->below = wide;
        column_drop(t, put_reason);
    }
    for (size_t i = 0; t->below && i < n_spare && width_but(t, NULL) > wide + 1;
         i++)
        column_drop(t, spare[i]);
    for (size_t k = 0; k < t->n; k++) {
        size_t room = wide >= others + REASON_MIN ? wide - others : REASON_MIN;
        if (t->columns[k]->put == put_reason && t->width[k] > room)
            t->width[k] = room;
    }
}

/* Print [s] in [width] columns; what is longer ends in "...". */
static void cell_print(const char *s, size_t width, bool right, bool last)
{
    size_t w = width_of(s), room = width > 3 ? width - 3 : 0;

    if (w > width) {
        for (; *s && room > 0; room--)
            do
                putchar(*s++);
            while (((unsigned char)*s & 0xc0) == 0x80);
        fputs("...", stdout);
        w = width;
    } else if (right) {
        printf("%*s%s", (int)(width - w), "", s);
        w = width;
    } else {
        fputs(s, stdout);
    }
    if (last)
        putchar('\n');
    else
        printf("%*s", (int)(width - w + 1), "");
}

/* A reason on a line of its own; that a pilot is done needs none. */
static void below_print(const table *t, const pilot_record *r, int64_t now)
{
    text why = {0};

    pilots_reason(r, now, &why);
    if (t->below > BELOW_INDENT && why.len > 0 && r->state != PILOT_DONE) {
        size_t room = t->below - BELOW_INDENT, width = width_of(why.data);
        printf("%*s", BELOW_INDENT, "");
        cell_print(why.data, width < room ? width : room, false, true);
    }
    text_free(&why);
}

static void table_print(table *t, const pilots *p, bool header, bool chosen)
{
    int64_t now = clock_real_ns();

    widths_take(t, p, now);
    widths_fit(t, chosen);
    for (size_t k = 0; header && k < t->n; k++)
        cell_print(t->columns[k]->title, t->width[k], t->columns[k]->right,
                   k + 1 == t->n);
    for (size_t i = 0; i < p->n; i++) {
        for (size_t k = 0; k < t->n; k++) {
            char *s = cell(t->columns[k], p, i, now);
            cell_print(s ? s : "?", t->width[k], t->columns[k]->right,
                       k + 1 == t->n);
            free(s);
        }
        if (t->below)
            below_print(t, &p->r[i], now);
    }
}

/* --- JSON --- */

/* A record, and what is made of it and of the clock. */
static json_t *pilot_build(const pilots *p, const pilot_record *r, int64_t now)
{
    const json_t *o = json_object_get(p->heard, r->id);
    json_t *all = pilot_record_json(r);
    json_t *partitions = json_object_get(o, "partitions");
    text why = {0};

    pilots_reason(r, now, &why);
    json_object_set_new(all, "why", json_string(why.data ? why.data : ""));
    text_free(&why);
    if (r->limit_ns > 0 && !pilot_state_is_final(r->state))
        json_object_set_new(all, "left_s",
                            json_real((double)(r->limit_ns - now) / 1e9));
    if (partitions && !pilot_state_is_final(r->state))
        json_object_set(all, "partitions", partitions);
    return all;
}

static int json_print(const pilots *p, bool map, pe_error *errp)
{
    int64_t now = clock_real_ns();
    json_t *list = json_array(), *troubles = json_array(), *all;

    for (size_t i = 0; i < p->n; i++)
        json_array_append_new(list, pilot_build(p, &p->r[i], now));
    for (size_t i = 0; i < p->n_troubles; i++)
        json_array_append_new(troubles, json_string(p->troubles[i]));
    all = json_pack("{s:i, s:o, s:o, s:I}", "schema", SCHEMA, "pilots", list,
                    "troubles", troubles, "unreadable", (json_int_t)p->torn);
    if (!all)
        return pe_error_nomem(errp);
    if (map)
        json_object_set_new(all, "map", map_make(p));
    json_dumpf(all, stdout, JSON_INDENT(2)); /* main looks at stdout */
    putchar('\n');
    json_decref(all);
    return 0;
}

/* --- the command --- */

static void maps_show(const pilots *p, bool header)
{
    json_t *maps = map_make(p);

    map_print(maps, header);
    json_decref(maps);
}

static int show(pilots *p, const struct status_options *o, table *t,
                pe_error *errp)
{
    if (o->learned)
        return status_learned(p, !o->no_header, o->json, errp);
    if (o->json)
        return json_print(p, o->map, errp);
    table_print(t, p, !o->no_header, o->format || o->map);
    if (o->map && !o->format)
        maps_show(p, !o->no_header);
    if (p->torn > 0)
        log_warn("%zu record%s in %s cannot be read and %s left out; 'pilot "
                 "status RUN/NAME' says why",
                 p->torn, p->torn == 1 ? "" : "s", p->home,
                 p->torn == 1 ? "is" : "are");
    return 0;
}

static int status_do(const struct status_options *o, size_t n, char **words)
{
    bool states[PILOT_N_STATES];
    pilots p = {0};
    table t = {.n = 0};
    pe_error e = {0};
    int silent = 0, status = PE_EXIT_OK;

    if (columns_take(&t,
                     o->format ? o->format
                     : o->map  ? MAP_FORMAT
                               : DEFAULT_FORMAT,
                     &e) < 0 ||
        states_take(o->states, states, &e) < 0)
        return log_failure(&e);
    if (pilots_open(&p, &e) < 0 || pilots_select(&p, words, n, &e) < 0 ||
        (silent = pilots_observe(
             &p, o->refresh ? PILOTS_ASK_NOW : PILOTS_ASK_IF_DUE, &e)) < 0) {
        status = log_failure(&e);
    } else {
        filter(&p, o, n > 0, states);
        if (show(&p, o, &t, &e) < 0)
            status = log_failure(&e);
        else if (silent > 0 && o->refresh)
            status = PE_EXIT_UNAVAILABLE;
    }
    pilots_close(&p);
    return status;
}

int cmd_status(int argc, char **argv)
{
    struct status_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);

    if (first < 0)
        return log_failure(&e);
    if (o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    return status_do(&o, (size_t)(argc - first), argv + first);
}
