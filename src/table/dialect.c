/* dialect.c - what is chosen of a text file, and how it is said. */
#include "dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/table/number.h"

#define ITEM_MAX 256
#define SHOWN_MAX 300 /* characters of names in the line */

void dialect_free(table_dialect *d)
{
    if (!d)
        return;
    for (size_t j = 0; d->columns && j < d->n; j++) {
        free(d->columns[j].name);
        free(d->columns[j].unit);
    }
    free(d->columns);
    free(d->missing);
    free(d->words);
    memset(d, 0, sizeof(*d));
    d->clock = d->clock_day = -1;
}

static char *copy_of(const char *s)
{
    return s ? strdup(s) : NULL;
}

int dialect_copy(table_dialect *to, const table_dialect *from, pe_error *errp)
{
    bool good;

    *to = *from;
    to->columns = calloc(from->n ? from->n : 1, sizeof(*to->columns));
    to->missing =
        calloc(from->n_missing ? from->n_missing : 1, sizeof(*to->missing));
    to->words = copy_of(from->words);
    good = to->columns && to->missing && (to->words || !from->words);
    for (size_t j = 0; good && j < from->n; j++) {
        to->columns[j] = from->columns[j];
        to->columns[j].name = copy_of(from->columns[j].name);
        to->columns[j].unit = copy_of(from->columns[j].unit);
        good = to->columns[j].name && to->columns[j].unit;
    }
    if (good && from->n_missing > 0)
        memcpy(to->missing, from->missing,
               from->n_missing * sizeof(*to->missing));
    if (good)
        return 0;
    dialect_free(to);
    return pe_error_nomem(errp);
}

/* --- values that are none --- */

int dialect_missing_set(table_dialect *d, const char *list, pe_error *errp)
{
    static const char usual[] = "\nna\nn/a\nnan\n-nan\nnull\nnone\nnil\n#n/a\n"
                                "<na>\n1.#qnan\n-1.#ind\n";
    text words = {0};
    double value;

    text_add(&words, "%s", usual);
    while (list && *list) {
        size_t n = strcspn(list, ",");
        const char *at = list, *end = list + n;
        while (at < end && *at == ' ')
            at++;
        while (end > at && end[-1] == ' ')
            end--;
        if (number_parse(at, end, '.', &value)) {
            double *more =
                reallocarray(d->missing, d->n_missing + 1, sizeof(*more));
            if (!more)
                break;
            d->missing = more;
            d->missing[d->n_missing++] = value;
        } else if (at < end) {
            for (const char *p = at; p < end; p++) {
                char c = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
                text_add_bytes(&words, &c, 1);
            }
            text_add(&words, "\n");
        }
        list += n + (list[n] == ',');
    }
    if (words.failed || (list && *list)) {
        text_free(&words);
        return pe_error_nomem(errp);
    }
    d->words = words.data;
    return 0;
}

bool dialect_missing(const table_dialect *d, span f)
{
    size_t n = (size_t)(f.end - f.at);
    char word[32];

    if (n == 0)
        return true;
    if (n + 3 > sizeof(word) || !d->words)
        return false;
    word[0] = word[n + 1] = '\n';
    word[n + 2] = '\0';
    for (size_t i = 0; i < n; i++)
        word[i + 1] =
            f.at[i] >= 'A' && f.at[i] <= 'Z' ? (char)(f.at[i] | 0x20) : f.at[i];
    return !memchr(word, '\0', n + 2) && strstr(d->words, word) != NULL;
}

bool dialect_missing_number(const table_dialect *d, double value)
{
    for (size_t i = 0; i < d->n_missing; i++)
        if (d->missing[i] == value)
            return true;
    return false;
}

/* --- lists of columns --- */

/* The item in the quotes that open at [p]; what is behind them, NULL: they are
 * left open.  Two of them are one of the name.
 */
static const char *quoted_item(const char *p, char item[ITEM_MAX], size_t *np)
{
    for (p++; *p && (*p != '"' || p[1] == '"'); p++) {
        p += *p == '"';
        if (*np + 1 < ITEM_MAX)
            item[(*np)++] = *p;
    }
    if (!*p)
        return NULL;
    p++;
    return p + strspn(p, " ");
}

/* The next item of list [p], in quotes or not, an item that is too long is "";
 * what is behind it.  NULL: *whyp says why not.
 */
static const char *list_item(const char *p, char item[ITEM_MAX],
                             const char **whyp)
{
    size_t n = 0;

    p += strspn(p, " ");
    if (*p == '"') {
        p = quoted_item(p, item, &n);
        *whyp = p ? "text stands behind a quote" : "a quote is left open";
        if (!p || (*p && *p != ','))
            return NULL;
    } else {
        const char *from = p;
        p += strcspn(p, ",");
        n = (size_t)(p - from) < ITEM_MAX ? (size_t)(p - from) : 0;
        memcpy(item, from, n);
        while (n && item[n - 1] == ' ')
            n--;
    }
    item[n] = '\0';
    return *p ? p + 1 : p;
}

/* Column of this name: -1 none, -2 several. */
static int named(const table_dialect *d, const char *name)
{
    int at = -1;

    for (size_t j = 0; j < d->n; j++)
        if (d->columns[j].named && !strcmp(d->columns[j].name, name))
            at = at == -1 ? (int)j : -2;
    return at;
}

static void nearest_name(const table_dialect *d, const char *name, char *out,
                         size_t cap)
{
    text words = {0};

    for (size_t j = 0; j < d->n && j < 1000; j++)
        if (!strchr(d->columns[j].name, ' '))
            text_add(&words, "%s ", d->columns[j].name);
    text_nearest(name, words.data ? words.data : "", out, cap);
    text_free(&words);
}

/* Columns that follow each other, the last one among them. */
struct range {
    int64_t first, last;
};

/* A column, or a range "5-8"; -1: none (said). */
static int parse_item(const table_dialect *d, const char *what,
                      const char *item, const char *path, struct range *r,
                      pe_error *errp)
{
    char first[ITEM_MAX], nearest[ITEM_MAX];
    const char *dash = strchr(item, '-');
    int at = named(d, item);

    if (at >= 0) {
        r->first = r->last = at;
        return 0;
    }
    if (at == -2)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s: '%s' is the name of several columns of %s: "
                            "give their numbers, which count from 0",
                            what, item, path);
    snprintf(first, sizeof(first), "%.*s", dash ? (int)(dash - item) : ITEM_MAX,
             item);
    if (text_parse_int(first, &r->first) < 0 ||
        text_parse_int(dash ? dash + 1 : first, &r->last) < 0 || r->first < 0 ||
        r->first > r->last) {
        nearest_name(d, item, nearest, sizeof(nearest));
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s: '%s' is no column of %s%s%s%s; 'pilot inspect "
                            "%s' lists them",
                            what, item, path,
                            *nearest ? "; did you mean '" : "", nearest,
                            *nearest ? "'?" : "", path);
    }
    if ((uint64_t)r->last >= d->n)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s: column %lld is not there: %s has %zu, which "
                            "count from 0",
                            what, (long long)r->last, path, d->n);
    return 0;
}

int dialect_list(const table_dialect *d, const char *what, const char *list,
                 const char *path, int **outp, pe_error *errp)
{
    const char *why, *at = list;
    char item[ITEM_MAX];
    int *out = NULL, n = 0;
    struct range r;

    do {
        const char *from = at;

        at = list_item(at, item, &why);
        if (!at) {
            free(out);
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                "%s: '%s': %s at character %zu", what, list,
                                why,
                                (size_t)(from - list) + strspn(from, " ") + 1);
        }
        if (parse_item(d, what, item, path, &r, errp) < 0) {
            free(out);
            return -1;
        }
        int *more = reallocarray(out, (size_t)(n + r.last - r.first) + 1,
                                 sizeof(*more));
        if (!more) {
            free(out);
            return pe_error_nomem(errp);
        }
        out = more;
        for (; r.first <= r.last; r.first++)
            out[n++] = (int)r.first;
    } while (*at);
    *outp = out;
    return n;
}

/* Column [j] as an item of a list; quotes where the name needs them. */
static void add_item(const table_dialect *d, size_t j, text *out)
{
    const table_column *c = &d->columns[j];

    if (!c->named || named(d, c->name) < 0) {
        text_add(out, "%zu", j);
    } else if (!strpbrk(c->name, ",\"") && *c->name != ' ') {
        text_add(out, "%s", c->name);
    } else {
        text_add(out, "\"");
        for (const char *p = c->name; *p; p++)
            text_add_bytes(out, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
        text_add(out, "\"");
    }
}

char *dialect_columns(const table_dialect *d)
{
    size_t *at = calloc(d->n_features ? d->n_features : 1, sizeof(*at));
    text out = {0};

    for (size_t j = 0; at && j < d->n; j++)
        if (d->columns[j].feature >= 0)
            at[d->columns[j].feature] = j;
    for (size_t k = 0; at && k < d->n_features; k++) {
        size_t to = k;
        /* Columns without names in a row are a range. */
        while (to + 1 < d->n_features && !d->name_line &&
               at[to + 1] == at[to] + 1)
            to++;
        if (k > 0)
            text_add(&out, ",");
        if (to > k) {
            text_add(&out, "%zu-%zu", at[k], at[to]);
            k = to;
        } else {
            add_item(d, at[k], &out);
        }
    }
    free(at);
    if (out.failed)
        text_free(&out);
    return out.data;
}

/* --- the line --- */

static void add_names(const table_dialect *d, text *out)
{
    size_t from = out->len, left = d->n_features;

    for (size_t k = 0; k < d->n_features && out->len - from < SHOWN_MAX; k++)
        for (size_t j = 0; j < d->n; j++)
            if (d->columns[j].feature == (int)k) {
                text_add(out, " %s", d->columns[j].name);
                left--;
                break;
            }
    if (left > 0)
        text_add(out, " and %zu more", left);
}

/* The zone that times without one are taken to be of. */
static void add_zone(const table_dialect *d, text *out)
{
    int minutes = d->stamp.zone_s / 60;
    bool days = d->stamp.kind == STAMP_YMD || d->stamp.kind == STAMP_DMY ||
                d->stamp.kind == STAMP_MDY;

    if (d->known == TABLE_LVM ||
        (d->stamp.kind == STAMP_PATTERN && !strstr(d->stamp.pattern, "%z")))
        days = true;
    if (!days || d->columns[d->clock].shape & STAMP_HAS_ZONE)
        return;
    text_add(out, ", UTC");
    if (minutes != 0)
        text_add(out, "%c%02d:%02d", minutes < 0 ? '-' : '+', abs(minutes) / 60,
                 abs(minutes) % 60);
}

/* What is left out, by reason. */
static void add_left(const table_dialect *d, text *out)
{
    for (size_t j = 0; j < d->n; j++) {
        const char *why = d->columns[j].why;
        size_t n = 0, from = out->len;
        bool said = false;
        if (d->columns[j].use != TABLE_LEFT)
            continue;
        for (size_t k = 0; k < j && !said; k++)
            said = d->columns[k].use == TABLE_LEFT &&
                   !strcmp(d->columns[k].why, why);
        if (said)
            continue;
        text_add(out, "; ");
        for (size_t k = j; k < d->n; k++) {
            if (d->columns[k].use != TABLE_LEFT ||
                strcmp(d->columns[k].why, why) != 0)
                continue;
            if (n++ && out->len - from > SHOWN_MAX / 2)
                continue;
            text_add(out, "%s%s%s", n > 1 ? " " : "",
                     d->columns[k].named ? "" : "column ", d->columns[k].name);
        }
        text_add(out,
                 out->len - from > SHOWN_MAX / 2 ? " ... (%zu) are"
                 : n == 1                        ? " is"
                                                 : " are",
                 n);
        text_add(out, " left out (%s)", why);
    }
}

static void add_layout(const table_dialect *d, text *out)
{
    const char *marks[] = {[0] = "",
                           ['\t'] = "tabs",
                           [' '] = "blanks",
                           [';'] = "';'",
                           ['|'] = "'|'"};
    char c = d->syntax.delimiter;

    if (d->known != TABLE_ANY)
        text_add(out, "; it is a file of %s",
                 d->known == TABLE_TOA5 ? "a Campbell logger (TOA5)"
                                        : "LabVIEW (.lvm)");
    else if (d->n > 1 && c != ',')
        text_add(out, "; %s between fields", marks[(unsigned char)c]);
    if (d->syntax.decimal == ',')
        text_add(out, "; decimal commas");
    if (d->named_by_comment)
        text_add(out, "; the comment in line %llu is the header",
                 (unsigned long long)d->name_line);
    else if (d->name_line > 1 && d->known == TABLE_ANY)
        text_add(out, "; line %llu is the header",
                 (unsigned long long)d->name_line);
    else if (!d->name_line)
        text_add(out, "; no header");
    if (d->unit_line && d->known == TABLE_ANY)
        text_add(out, "; line %llu has units",
                 (unsigned long long)d->unit_line);
    if (d->passed)
        text_add(out, "; %llu line%s in front of that %s passed over",
                 (unsigned long long)d->passed, d->passed == 1 ? "" : "s",
                 d->passed == 1 ? "is" : "are");
}

int dialect_line(const table_dialect *d, text *out)
{
    text_add(out, "%zu column%s of %zu:", d->n_features,
             d->n_features == 1 ? "" : "s", d->n);
    add_names(d, out);
    if (d->clock >= 0) {
        text_add(out, "; %s%s", d->columns[d->clock].named ? "" : "column ",
                 d->clock_day >= 0 ? d->columns[d->clock_day].name
                                   : d->columns[d->clock].name);
        if (d->clock_day >= 0)
            text_add(out, " and %s are", d->columns[d->clock].name);
        else
            text_add(out, " is");
        text_add(out, " the clock (%s", stamp_name(&d->stamp));
        add_zone(d, out);
        text_add(out, ")");
    }
    add_left(d, out);
    add_layout(d, out);
    return out->failed ? -1 : 0;
}
