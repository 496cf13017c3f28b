/* fields.c - what a record holds, gathered; which of it are the columns. */
#include "codec_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/codec/wish.h"
#include "src/table/stamp.h"

#define SHOWN 8 /* fields that an error names */
#define WORD_MAX_BYTES 64
#define LIST_MAX 400

/* --- gathering --- */

/* Room for one more of [size] bytes each; doubled, so that a steady stream
 * soon asks for none.
 */
static int grow(void **at, size_t n, size_t more, size_t *capp, size_t size,
                pe_error *errp)
{
    size_t cap = *capp ? *capp : 16;
    void *p;

    if (n + more <= *capp)
        return 0;
    while (cap < n + more)
        cap *= 2;
    p = realloc(*at, cap * size);
    if (!p)
        return pe_error_nomem(errp);
    *at = p;
    *capp = cap;
    return 0;
}

codec_field *codec_field_add(codec *c, const char *name, size_t len,
                             pe_error *errp)
{
    codec_field *f;

    if (c->n_field == GRID_FIELDS_MAX) {
        codec_fail(errp, "it holds more than %d things", GRID_FIELDS_MAX);
        return NULL;
    }
    if (grow((void **)&c->field, c->n_field, 1, &c->cap_field,
             sizeof(*c->field), errp) < 0 ||
        grow((void **)&c->names, c->n_names, len + 1, &c->cap_names, 1, errp) <
            0)
        return NULL;
    f = &c->field[c->n_field++];
    memset(f, 0, sizeof(*f));
    f->name = c->n_names;
    f->name_len = len;
    memcpy(c->names + c->n_names, name, len);
    c->n_names += len;
    return f;
}

const char *codec_field_name(const codec *c, const codec_field *f)
{
    return c->names + f->name;
}

double *codec_number_room(codec *c, size_t n, pe_error *errp)
{
    if (n > PE_BLOCK_BYTES_MAX / sizeof(double) ||
        c->n_number > PE_BLOCK_BYTES_MAX / sizeof(double) - n) {
        codec_fail(errp, "it holds more numbers than a block may have (1 GiB); "
                         "send smaller records");
        return NULL;
    }
    if (grow((void **)&c->number, c->n_number, n, &c->cap_number,
             sizeof(*c->number), errp) < 0)
        return NULL;
    c->n_number += n;
    return c->number + c->n_number - n;
}

int codec_number_add(codec *c, double v, pe_error *errp)
{
    double *at = codec_number_room(c, 1, errp);

    if (!at)
        return -1;
    *at = v;
    return 0;
}

int64_t *codec_times_room(codec *c, size_t n, pe_error *errp)
{
    if (grow((void **)&c->times, c->n_times, n, &c->cap_times,
             sizeof(*c->times), errp) < 0)
        return NULL;
    c->n_times += n;
    return c->times + c->n_times - n;
}

int codec_time_push(codec *c, pe_error *errp)
{
    int64_t *ns;

    /* Of rows in front of the first time nothing is known: none has any. */
    if (c->facts.time_ns == 0)
        return 0;
    ns = codec_times_room(c, 1, errp);
    if (!ns)
        return -1;
    *ns = c->facts.time_ns;
    return 0;
}

/* --- names --- */

static bool is_want(const codec *c, size_t i, const char *name, size_t len)
{
    return !strncmp(c->want[i], name, len) && !c->want[i][len];
}

size_t codec_want_find(const codec *c, const char *name, size_t len,
                       size_t *hintp)
{
    if (memchr(name, '\0', len))
        return SIZE_MAX;
    for (size_t k = 0; k < c->n_want; k++) {
        size_t i = (*hintp + k) % c->n_want;

        if (is_want(c, i, name, len)) {
            *hintp = i + 1;
            return i;
        }
    }
    return SIZE_MAX;
}

bool codec_is_clock(const codec *c, const char *name, size_t len)
{
    return c->time && strlen(c->time) == len && !memcmp(c->time, name, len);
}

/* --- the clock --- */

/* Units of a number since 1970, in ns, by its size: what lies between 1973 and
 * 2255 in one of them is in no other; 0: none.
 */
static double unit_of(double v)
{
    for (double unit = 1e9; unit >= 1; unit /= 1e3)
        if (v >= 1e17 / unit && v < 9e18 / unit)
            return unit;
    return 0;
}

bool codec_may_be_clock(const char *name, size_t len, double v)
{
    static const char *const words[] = {"time", "ts",    "stamp",
                                        "date", "epoch", "utc"};
    static const char *const last[] = {"at", "t"};
    char low[WORD_MAX_BYTES + 1] = "";
    const char *word;

    if (unit_of(v) == 0 || len > WORD_MAX_BYTES)
        return false;
    memcpy(low, name, len);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasestr(low, words[i]))
            return true;
    /* Too short to be looked for within a name: header.at, created_at. */
    word = low + len;
    while (word > low && word[-1] != '.' && word[-1] != '_')
        word--;
    for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++)
        if (!strcasecmp(word, last[i]))
            return true;
    return false;
}

int codec_clock_number(codec *c, double v, pe_error *errp)
{
    double unit = isnan(v) ? 0 : unit_of(v), each, whole;

    if (c->no_time)
        return 0;
    if (unit == 0)
        return codec_fail(errp,
                          "its time %.17g is none since 1970, in s, ms, us or "
                          "ns; name another by time:, or time: none",
                          v);
    /* Whole seconds apart, for a double has no room for ns. */
    each = 1e9 / unit;
    whole = unit == 1 ? 0 : floor(v / each);
    c->facts.time_ns =
        (int64_t)whole * 1000000000 + (int64_t)((v - whole * each) * unit);
    return 0;
}

/* Whole nanoseconds, for which a double has no room; else 0. */
static int64_t whole_ns(element e, const void *raw, double v)
{
    uint64_t whole;

    if (e.size != sizeof(whole) || e.kind == 'f' || unit_of(v) != 1)
        return 0;
    memcpy(&whole, raw, sizeof(whole));
    return (int64_t)(e.big ? __builtin_bswap64(whole) : whole);
}

int codec_clock_field(codec *c, codec_field *f, pe_error *errp)
{
    const char *raw = f->raw;
    size_t n = f->dims > 0 ? (size_t)f->dim[0] : 1;
    double v;

    f->clock = c->clocked = true;
    c->n_times = 0;
    if (f->type || f->dims > 1)
        return codec_fail(errp,
                          "its time '%s' is %s; name another by time:, or "
                          "time: none",
                          codec_shown_name(codec_field_name(c, f), f->name_len),
                          f->type ? f->type : "an array of several axes");
    for (size_t i = 0; i < n; i++) {
        element_load((element_from){f->e, raw + i * f->stride, f->stride}, 1,
                     (element_to){&v, PE_F8, 1});
        if (codec_clock_number(c, v, errp) < 0)
            return -1;
        if (whole_ns(f->e, raw + i * f->stride, v))
            c->facts.time_ns = whole_ns(f->e, raw + i * f->stride, v);
        if (codec_time_push(c, errp) < 0)
            return -1;
    }
    return 0;
}

bool codec_text_time(const char *s, size_t len, int64_t *nsp)
{
    static const stamp_format iso = {.kind = STAMP_YMD, .decimal = '.'};
    unsigned shape = len < 64 ? stamp_shape(s, s + len) : 0;

    return (shape & STAMP_MAY_YMD) && (shape & STAMP_HAS_DAY) &&
           (shape & STAMP_HAS_CLOCK) && stamp_parse(&iso, s, s + len, nsp);
}

int codec_clock_text(codec *c, const char *s, size_t len, pe_error *errp)
{
    if (codec_text_time(s, len, &c->facts.time_ns))
        return 0;
    return codec_fail(errp,
                      "its time '%s' is none of ISO 8601; name another by "
                      "time:, or time: none",
                      codec_shown(s, len));
}

/* --- what is learned from --- */

static const char *shown_field(const codec *c, const codec_field *f)
{
    return codec_shown_name(codec_field_name(c, f), f->name_len);
}

/* What an error lists: of the fields that could be columns, or of those that
 * are none.
 */
enum listed { COLUMNS, LINE, OTHERS };

static size_t list_one(const codec *c, const codec_field *f, enum listed what,
                       char *out, size_t cap)
{
    char line[CODEC_LINE_MAX];
    const char *name = shown_field(c, f);
    int n;

    if (what == OTHERS)
        n = snprintf(out, cap, "%s (%s)", name, f->type ? f->type : "null");
    else
        n = snprintf(out, cap, "%s",
                     what == LINE ? codec_wish_name(name, true, line) : name);
    return (size_t)n;
}

/* "temp, hum, ..." into a room of LIST_MAX bytes, as many as it has room for:
 * as words, as the line of a file, or with their types.
 */
static const char *list_fields(const codec *c, enum listed what, char *out)
{
    const char *between = what == LINE ? "," : ", ";
    const size_t cap = LIST_MAX - sizeof(", ...");
    size_t n = 0, used = 0, len, gap, room;

    for (size_t i = 0; i < c->n_field; i++) {
        const codec_field *f = &c->field[i];

        if ((what == OTHERS ? !f->type && !f->null : f->type != NULL) ||
            f->clock || (what != OTHERS && f->may_be_clock))
            continue;
        gap = used ? strlen(between) : 0;
        room = used + gap < cap ? cap - used - gap : 0;
        len = n < SHOWN && room ? list_one(c, f, what, out + used + gap, room)
                                : room;
        memcpy(out + used, between, gap);
        if (len >= room) {
            memcpy(out + used + gap, "...", sizeof("..."));
            return out;
        }
        used += gap + len;
        n++;
    }
    out[used] = '\0';
    return out;
}

static int no_numbers(const codec *c, pe_error *errp)
{
    char list[LIST_MAX];

    list_fields(c, OTHERS, list);
    return codec_fail(errp, "it holds no numbers to learn from%s%s",
                      *list ? ", but " : "", list);
}

static int ask_columns(const codec *c, size_t n, pe_error *errp)
{
    const codec_field *clock = NULL, *null = NULL;
    char list[LIST_MAX], time[CODEC_LINE_MAX] = "";

    for (size_t i = 0; i < c->n_field; i++) {
        const codec_field *f = &c->field[i];

        clock = !clock && f->may_be_clock && !c->time ? f : clock;
        null = !null && f->null ? f : null;
    }
    if (clock)
        codec_wish_name(shown_field(c, clock), false, time);
    return codec_fail(
        errp,
        "it holds %zu columns of numbers%s%s%s: say which, in their order, by "
        "columns: \"%s\"%s%s%s in streams:",
        n, null ? " ('" : "", null ? shown_field(c, null) : "",
        null ? "' is null)" : "", list_fields(c, LINE, list),
        *time ? ", time: \"" : "", time, *time ? "\"" : "");
}

static int no_such(const codec *c, const char *name, pe_error *errp)
{
    char list[LIST_MAX];

    list_fields(c, COLUMNS, list);
    if (c->n_field == 1 && c->field[0].name_len == 0)
        return codec_fail(errp,
                          "it is an array, and has no '%s', which columns: "
                          "names",
                          codec_shown_name(name, strlen(name)));
    if (!*list)
        return no_numbers(c, errp);
    return codec_fail(errp, "it has no '%s', which columns: names; it has %s",
                      codec_shown_name(name, strlen(name)), list);
}

static int choose(codec *c, size_t field, pe_error *errp)
{
    if (grow((void **)&c->chosen, c->n_chosen, 1, &c->cap_chosen,
             sizeof(*c->chosen), errp) < 0)
        return -1;
    c->chosen[c->n_chosen++] = field;
    if (field != SIZE_MAX)
        c->field[field].taken = true;
    return 0;
}

/* Those named, each once; *foundp: how many are there. */
static int find_wanted(codec *c, size_t *foundp, pe_error *errp)
{
    size_t hint = 0;

    for (size_t i = 0; i < c->n_want; i++)
        if (choose(c, SIZE_MAX, errp) < 0)
            return -1;
    for (size_t i = 0; i < c->n_field; i++) {
        const codec_field *f = &c->field[i];
        size_t k =
            codec_want_find(c, codec_field_name(c, f), f->name_len, &hint);

        if (k == SIZE_MAX)
            continue;
        if (c->chosen[k] != SIZE_MAX)
            return codec_fail(errp, "it has '%s' twice", shown_field(c, f));
        c->chosen[k] = i;
        (*foundp)++;
    }
    return 0;
}

static int choose_wanted(codec *c, pe_error *errp)
{
    size_t found = 0;

    if (find_wanted(c, &found, errp) < 0)
        return -1;
    if (found == 0 && c->other_kind) {
        c->facts.skip = c->other_words;
        return CODEC_SKIPPED;
    }
    for (size_t k = 0; k < c->n_want; k++) {
        codec_field *f =
            c->chosen[k] == SIZE_MAX ? NULL : &c->field[c->chosen[k]];

        if (!f)
            return no_such(c, c->want[k], errp);
        if (f->type)
            return codec_fail(errp, "'%s', which columns: names, is %s",
                              shown_field(c, f), f->type);
        f->taken = true;
    }
    return 0;
}

/* The field that is meant, where no columns are named; SIZE_MAX: none, or one
 * of several, of which [*np] are counted.
 */
static size_t only_field(const codec *c, size_t *np)
{
    size_t first = SIZE_MAX, one = SIZE_MAX;

    *np = 0;
    for (size_t i = 0; i < c->n_field; i++) {
        const codec_field *f = &c->field[i];

        if (f->type || f->clock || f->aside)
            continue;
        if (f->first && first == SIZE_MAX)
            first = i;
        one = i;
        (*np)++;
    }
    return first != SIZE_MAX ? first : *np == 1 ? one : SIZE_MAX;
}

/* All fields that are numbers, in their order. */
static int choose_all(codec *c, pe_error *errp)
{
    for (size_t i = 0; i < c->n_field; i++) {
        const codec_field *f = &c->field[i];

        if (!f->type && !f->clock && !f->aside && choose(c, i, errp) < 0)
            return -1;
    }
    return c->n_chosen > 0 ? 0 : no_numbers(c, errp);
}

int codec_choose(codec *c, pe_error *errp)
{
    size_t one, n;

    c->n_chosen = 0;
    if (c->want)
        return choose_wanted(c, errp);
    if (c->positional)
        return choose_all(c, errp);
    one = only_field(c, &n);
    if (n == 0 || (n == 1 && c->field[one].null))
        return no_numbers(c, errp);
    return one == SIZE_MAX ? ask_columns(c, n, errp) : choose(c, one, errp);
}
