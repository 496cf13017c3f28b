/* choose.c - which columns of a text file are learned from. */
#include "dialect.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

#define SHOWN 8 /* columns that an error names */

/* --- the clock --- */

/* A day that can be read in two ways. */
static int ask_day(const table_column *c, const char *path, pe_error *errp)
{
    return pe_error_set(
        errp, PE_ERROR_INPUT, PE_EXIT_DATA,
        "%s: the days in column '%s' may be written day first or month "
        "first: give format: dmy or format: mdy, or time: none",
        path, c->name);
}

static bool may_be(const table_column *c, enum stamp_kind kind)
{
    unsigned need = kind == STAMP_YMD   ? STAMP_MAY_YMD
                    : kind == STAMP_DMY ? STAMP_MAY_DMY
                    : kind == STAMP_MDY ? STAMP_MAY_MDY
                                        : 0;

    return need && (c->shape & need);
}

/* A column is the clock, as it was found or as it is wished. */
static int set_clock(table_dialect *d, const table_wish *w, int j,
                     const char *path, pe_error *errp)
{
    table_column *c = &d->columns[j];

    if (w->stamp.kind != STAMP_NONE)
        d->stamp = w->stamp;
    else if (c->type == TABLE_TIME)
        d->stamp = c->stamp;
    d->stamp.zone_s = w->stamp.zone_s;
    d->stamp.decimal = d->syntax.decimal;
    if (d->stamp.kind == STAMP_NONE) {
        if (c->type == TABLE_TIME && (c->shape & STAMP_HAS_DAY))
            return ask_day(c, path, errp);
        return pe_error_set(
            errp, PE_ERROR_INPUT, PE_EXIT_DATA,
            "%s: column '%s' is no time that is known: give format: "
            "iso, dmy, mdy, s, ms, us, ns, or a pattern like "
            "%%d.%%m.%%Y %%H:%%M:%%S",
            path, c->name);
    }
    d->clock = j;
    c->use = TABLE_CLOCK;
    return 0;
}

/* A day in the column before a time of day. */
static bool is_pair(const table_dialect *d, size_t j)
{
    const table_column *a = j > 0 ? &d->columns[j - 1] : NULL;
    const table_column *c = &d->columns[j];

    return a && a->type == TABLE_TIME && c->type == TABLE_TIME &&
           (a->shape & STAMP_HAS_DAY) && !(a->shape & STAMP_HAS_CLOCK) &&
           (c->shape & STAMP_HAS_CLOCK) && !(c->shape & STAMP_HAS_DAY);
}

static int set_pair(table_dialect *d, const table_wish *w, size_t j,
                    const char *path, pe_error *errp)
{
    table_column *day = &d->columns[j - 1];

    if (w->stamp.kind != STAMP_NONE && may_be(day, w->stamp.kind))
        day->stamp.kind = w->stamp.kind;
    if (day->stamp.kind == STAMP_NONE)
        return ask_day(day, path, errp);
    d->stamp = day->stamp;
    d->stamp.zone_s = w->stamp.zone_s;
    d->clock = (int)j;
    d->clock_day = (int)j - 1;
    day->use = d->columns[j].use = TABLE_CLOCK;
    return 0;
}

static int find_clock(table_dialect *d, const table_wish *w, const char *path,
                      pe_error *errp)
{
    if (d->known == TABLE_LVM && d->clock >= 0) {
        d->columns[d->clock].use = TABLE_CLOCK;
        return 0;
    }
    for (size_t j = 0; j < d->n; j++) {
        const table_column *c = &d->columns[j];
        if (c->type != TABLE_TIME || c->why) /* excluded */
            continue;
        if (j + 1 < d->n && is_pair(d, j + 1))
            return set_pair(d, w, j + 1, path, errp);
        if (c->stamp.kind != STAMP_NONE || (c->shape & STAMP_HAS_DAY))
            return set_clock(d, w, (int)j, path, errp);
    }
    if (w->stamp.kind != STAMP_NONE)
        return pe_error_set(
            errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
            "format: no column of %s is known for a time: name it by "
            "time:",
            path);
    return 0;
}

static int choose_clock(table_dialect *d, const table_wish *w, const char *path,
                        pe_error *errp)
{
    int *list = NULL, n, rc;

    if (!w->time)
        return find_clock(d, w, path, errp);
    d->clock = -1;
    if (!strcmp(w->time, "none"))
        return 0;
    n = dialect_list(d, "time", w->time, path, &list, errp);
    if (n < 0)
        return -1;
    if (n == 2 && list[1] == list[0] + 1 && is_pair(d, (size_t)list[1]))
        rc = set_pair(d, w, (size_t)list[1], path, errp);
    else if (n == 1)
        rc = set_clock(d, w, list[0], path, errp);
    else
        rc = pe_error_set(
            errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
            "time: '%s' is not one column of %s, nor a day with the time "
            "of day behind it",
            w->time, path);
    free(list);
    return rc;
}

/* --- features --- */

static const char *reason(const table_column *c)
{
    switch (c->type) {
    case TABLE_TEXT:
        return c->hint ? c->hint : "text";
    case TABLE_EMPTY:
        return "no value";
    case TABLE_TIME:
        return c->shape && !(c->shape & STAMP_HAS_DAY)
                   ? "a time of day without a day"
                   : "another time";
    default:
        return c->hint;
    }
}

/* One that was named is learned from, unless it never can be. */
static int take(table_dialect *d, int j, bool sure, const char *path,
                pe_error *errp)
{
    table_column *c = &d->columns[j];

    if (c->use == TABLE_CLOCK)
        return pe_error_set(
            errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
            "columns: '%s' of %s is the clock; give time: none to "
            "learn from it",
            c->name, path);
    if (c->use == TABLE_LEARNED)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "columns: '%s' is named twice", c->name);
    if (!sure && (c->type == TABLE_TEXT || (c->type == TABLE_TIME && c->shape)))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "columns: '%s' of %s is %s and no numbers", c->name,
                            path, c->type == TABLE_TEXT ? "text" : "times");
    c->use = TABLE_LEARNED;
    c->feature = (int)d->n_features++;
    return 0;
}

static int take_named(table_dialect *d, const table_wish *w, const char *path,
                      pe_error *errp)
{
    int *list = NULL, rc = 0;
    int n = dialect_list(d, "columns", w->columns, path, &list, errp);

    if (n < 0)
        return -1;
    for (int i = 0; rc == 0 && i < n; i++)
        rc = take(d, list[i], w->sure, path, errp);
    free(list);
    return rc;
}

static void take_numbers(table_dialect *d)
{
    for (size_t j = 0; j < d->n; j++) {
        table_column *c = &d->columns[j];
        if (c->use == TABLE_LEFT && !c->why && !reason(c)) {
            c->use = TABLE_LEARNED;
            c->feature = (int)d->n_features++;
        }
    }
}

static int exclude(table_dialect *d, const table_wish *w, const char *path,
                   pe_error *errp)
{
    int *list = NULL;
    int n = dialect_list(d, "exclude", w->exclude, path, &list, errp);

    for (int i = 0; i < n; i++)
        d->columns[list[i]].why = "excluded";
    free(list);
    return n < 0 ? -1 : 0;
}

/* LabVIEW writes each channel's x beside it where they are several. */
static void leave_out_x(table_dialect *d)
{
    for (size_t j = 1; d->known == TABLE_LVM && j < d->n; j++)
        if (!strcmp(d->columns[j].name, "X_Value"))
            d->columns[j].hint = "another time";
}

/* With what there is in its place. */
static int no_numbers(const table_dialect *d, const char *path, pe_error *errp)
{
    text t = {0};

    for (size_t j = 0; j < d->n && j < SHOWN; j++)
        text_add(&t, "%s'%.40s' is %s", j ? ", " : "", d->columns[j].name,
                 d->columns[j].use == TABLE_CLOCK ? "the clock"
                                                  : d->columns[j].why);
    if (d->n > SHOWN)
        text_add(&t, ", ...");
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                 "%s: no row of it can be learned from: none of its %zu "
                 "column%s holds numbers (%s)",
                 path, d->n, d->n == 1 ? "" : "s", t.data ? t.data : "");
    text_free(&t);
    return -1;
}

int dialect_choose(table_dialect *d, const table_wish *w, const char *path,
                   pe_error *errp)
{
    d->n_features = 0;
    leave_out_x(d);
    for (size_t j = 0; j < d->n; j++) {
        d->columns[j].use = TABLE_LEFT;
        d->columns[j].why = NULL;
        d->columns[j].feature = -1;
    }
    if (w->exclude && exclude(d, w, path, errp) < 0)
        return -1;
    if (choose_clock(d, w, path, errp) < 0)
        return -1;
    if (w->columns && take_named(d, w, path, errp) < 0)
        return -1;
    if (!w->columns)
        take_numbers(d);
    for (size_t j = 0; j < d->n; j++)
        if (d->columns[j].use == TABLE_LEFT && !d->columns[j].why)
            d->columns[j].why =
                reason(&d->columns[j]) ? reason(&d->columns[j]) : "not named";
    return d->n_features > 0 ? 0 : no_numbers(d, path, errp);
}
