/* sniff_columns.c - what the columns of a text file hold. */
#include "sniff_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/common/text.h"

/* What the rows that were looked at have in one column. */
typedef struct tally {
    uint64_t numbers, stamps, texts, rows;
    uint64_t marked;   /* of the texts: numbers, but for marks of thousands */
    unsigned all, any; /* shapes of stamps */
    double least, most, last;
    bool falls; /* it does not only grow ... */
    bool same;  /* ... or stays for a row */
    bool steps; /* each is one more than the one before */
    bool whole; /* all are integers */
    uint64_t text_line;
} tally;

static void count_number(tally *t, double value)
{
    if (t->numbers++ == 0) {
        t->least = t->most = value;
        t->steps = t->whole = true;
    } else {
        t->falls = t->falls || value < t->last;
        t->same = t->same || value == t->last;
        t->steps = t->steps && value == t->last + 1;
    }
    t->least = value < t->least ? value : t->least;
    t->most = value > t->most ? value : t->most;
    t->whole = t->whole && value == trunc(value);
    t->last = value;
}

/* Digits in threes behind a mark, as in 1.234,5 of a file of decimal commas;
 * what it may mean is not guessed, but those who wrote it are told. */
static bool is_marked(span f, char decimal)
{
    const char mark = decimal == ',' ? '.' : ',';
    const char *p = f.at + (f.at < f.end && (*f.at == '-' || *f.at == '+'));
    size_t digits = 0, marks = 0;

    for (; p < f.end && *p != decimal; p++) {
        if (*p == mark && (marks ? digits == 3 : digits > 0 && digits <= 3)) {
            marks++;
            digits = 0;
        } else if (*p >= '0' && *p <= '9') {
            digits++;
        } else {
            return false;
        }
    }
    for (p += p < f.end; p < f.end; p++)
        if (*p < '0' || *p > '9')
            return false;
    return marks > 0 && digits == 3;
}

static void count_field(sniffer *s, tally *t, span f, uint64_t line)
{
    double value = 0;
    unsigned shape;

    t->rows++;
    switch (sniff_kind(s->d, f, s->d->syntax.decimal, &value)) {
    case FIELD_NUMBER:
        count_number(t, value);
        break;
    case FIELD_STAMP:
        shape = stamp_shape(f.at, f.end);
        t->all = t->stamps++ ? t->all & shape : shape;
        t->any |= shape;
        break;
    case FIELD_TEXT:
        t->texts++;
        t->marked += is_marked(f, s->d->syntax.decimal);
        t->text_line = t->text_line ? t->text_line : line;
        break;
    default:
        break;
    }
}

/* Is the name one of a time?  "Time (s)", "timestamp", "t_ms", ... */
static bool names_time(const char *name)
{
    static const char *const words[] = {
        "time",     "timestamp", "ts",      "t",    "epoch", "date",
        "datetime", "elapsed",   "seconds", "unix", "utc",   "clock"};
    size_t n = strcspn(name, " _([./-");

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (n == strlen(words[i]) && !strncasecmp(name, words[i], n))
            return true;
    n = strlen(name);
    return (n > 4 && (!strcasecmp(name + n - 4, "time") ||
                      !strncasecmp(name, "time", 4))) ||
           (n > 9 && !strcasecmp(name + n - 9, "timestamp"));
}

/* Numbers of this century since 1970, in which unit; STAMP_NONE: in none. */
static enum stamp_kind epoch_of(const tally *t)
{
    static const struct {
        enum stamp_kind kind;
        double unit;
    } units[] = {
        {STAMP_S, 1}, {STAMP_MS, 1e3}, {STAMP_US, 1e6}, {STAMP_NS, 1e9}};
    const double from = 946684800, to = 4102444800; /* 2000, 2100 */

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (t->least >= from * units[i].unit && t->most < to * units[i].unit)
            return units[i].kind;
    return STAMP_NONE;
}

static void set_number(const sniffer *s, table_column *c, const tally *t,
                       size_t j)
{
    bool timely = c->named ? names_time(c->name) : j == 0;
    bool first = j == 0;
    enum stamp_kind epoch = t->falls ? STAMP_NONE : epoch_of(t);

    c->type = TABLE_NUMBER;
    if (epoch != STAMP_NONE && timely && (c->named || t->numbers > 1)) {
        c->type = TABLE_TIME;
        c->stamp.kind = epoch;
        c->stamp.decimal = s->d->syntax.decimal;
    } else if (c->named && timely && t->numbers > 1 && !t->falls && !t->same) {
        c->hint = "time that has passed, for it only rises; name it in "
                  "columns: to learn from it";
    } else if (s->d->known == TABLE_TOA5 &&
               (!strcmp(c->name, "RECORD") || !strcmp(c->unit, "RN"))) {
        c->hint = "numbers of records";
    } else if (first && !c->named && s->d->name_line && t->steps &&
               t->numbers > 1) {
        c->hint = "a count of rows without a name";
    }
}

static void set_stamp(table_column *c, const tally *t, const stamp_format *w)
{
    unsigned ways = t->all & (STAMP_MAY_YMD | STAMP_MAY_DMY | STAMP_MAY_MDY);

    c->type = TABLE_TIME;
    c->shape = t->all;
    c->stamp.zone_s = w->zone_s;
    if (ways == STAMP_MAY_YMD)
        c->stamp.kind = STAMP_YMD;
    else if (ways == STAMP_MAY_DMY)
        c->stamp.kind = STAMP_DMY;
    else if (ways == STAMP_MAY_MDY)
        c->stamp.kind = STAMP_MDY;
}

static void set_text(table_column *c, const tally *t)
{
    c->type = TABLE_TEXT;
    if (t->marked > 0 && t->marked == t->texts)
        c->hint = "numbers with marks between thousands, which have to go";
}

static void set_type(sniffer *s, size_t j, const tally *t)
{
    table_column *c = &s->d->columns[j];

    if (t->stamps > t->numbers + t->texts)
        set_stamp(c, t, &s->w->stamp);
    else if (t->texts > t->numbers || (t->stamps && t->stamps >= t->numbers))
        set_text(c, t);
    else if (t->numbers == 0)
        c->type = TABLE_EMPTY;
    else
        set_number(s, c, t, j);
}

int sniff_columns(sniffer *s)
{
    size_t columns = s->d->n, seen = 0;
    tally *t = calloc(columns ? columns : 1, sizeof(*t));
    int rc = 1;

    if (!t)
        return pe_error_nomem(s->errp);
    for (size_t i = s->first; rc > 0 && i < s->n; i++) {
        size_t n = s->rec[i].comment ? 0 : sniff_fields(s, i);
        if (s->rec[i].comment)
            continue;
        if (!n)
            rc = -1;
        if (n != columns && !(s->d->has_blanks && n == columns + 1))
            continue;
        for (size_t j = 0; j < columns; j++)
            count_field(s, &t[j], s->fields[j], s->rec[i].line);
        seen++;
    }
    /* Of rows that are all cut nothing is known, unless there are no more. */
    if (rc > 0 && seen == 0 && !s->whole)
        rc = 0;
    for (size_t j = 0; rc > 0 && j < columns; j++)
        set_type(s, j, &t[j]);
    free(t);
    return rc;
}
