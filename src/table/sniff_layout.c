/* sniff_layout.c - what stands between fields, and where the rows begin. */
#include "sniff_private.h"

#include <string.h>

#include "src/common/text.h"

enum { NEAR = 4, FAR = 40, MOST_FIELDS = 64 };

/* What a delimiter makes of the last records. */
typedef struct fit {
    size_t fields; /* of most records; 0: it is none of this file */
    double score;  /* share of records and of their fields that fit */
} fit;

/* The number that most of [n] counts are; *sharep: how many. */
static size_t most_of(const size_t *counts, size_t n, double *sharep)
{
    size_t best = 0, best_n = 0;

    for (size_t i = 0; i < n; i++) {
        size_t same = 0;
        for (size_t k = 0; k < n; k++)
            same += counts[k] == counts[i];
        if (same > best_n) {
            best = counts[i];
            best_n = same;
        }
    }
    *sharep = n ? (double)best_n / (double)n : 0;
    return best;
}

static bool is_value(const sniffer *s, span f)
{
    enum field_kind k = sniff_kind(s->d, f, '.', NULL);

    if (k == FIELD_TEXT && s->w->decimal != '.') /* with ',' in quotes */
        k = sniff_kind(s->d, f, ',', NULL);
    return k != FIELD_TEXT;
}

/* The last records that are none of comment; the index of the first. */
static size_t last_records(const sniffer *s, size_t want, size_t *out)
{
    size_t n = 0;

    for (size_t i = s->n; i-- > 0 && n < want;)
        if (!s->rec[i].comment)
            out[n++] = i;
    return n;
}

/* How s->d->syntax.delimiter fits the last [want] records; -1: no memory. */
static int fit_of(sniffer *s, size_t want, fit *out)
{
    size_t rec[FAR] = {0}, counts[FAR] = {0};
    size_t n = last_records(s, want, rec);
    size_t fields = 0, values = 0;
    double share;

    for (size_t i = 0; i < n; i++) {
        counts[i] = sniff_fields(s, rec[i]);
        if (!counts[i])
            return -1;
    }
    *out = (fit){most_of(counts, n, &share), 0};
    for (size_t i = 0; i < n; i++) {
        if (counts[i] != out->fields)
            continue;
        sniff_fields(s, rec[i]);
        for (size_t j = 0; j < counts[i] && j < MOST_FIELDS; j++) {
            values += is_value(s, s->fields[j]);
            fields++;
        }
    }
    if (out->fields < 2 || share < 0.6)
        out->fields = 0;
    else
        out->score = share * (double)values / (double)fields;
    return 0;
}

static int fit_best(sniffer *s, fit *out)
{
    fit far, near;

    if (fit_of(s, FAR, &far) < 0 || fit_of(s, NEAR, &near) < 0)
        return -1;
    *out = far.score >= near.score ? far : near;
    return 0;
}

static const char *delimiter_word(char c)
{
    return c == '\t'  ? "tab"
           : c == ' ' ? "space"
           : c == ';' ? "semicolon"
           : c == '|' ? "pipe"
                      : "comma";
}

/* Two that fit alike. */
static int two_fit(sniffer *s, char a, char b)
{
    size_t rec[1] = {0};

    last_records(s, 1, rec);
    span r = s->rec[rec[0]].at;
    int n = (int)(r.end - r.at < 60 ? r.end - r.at : 60);
    return sniff_fail(s, s->rec[rec[0]].line,
                      "'%.*s' may be read with '%s' or with '%s' between its "
                      "fields: give delimiter: %s or delimiter: %s",
                      n, r.at, delimiter_word(a), delimiter_word(b),
                      delimiter_word(a), delimiter_word(b));
}

static int choose_delimiter(sniffer *s)
{
    static const char candidates[] = "\t;|,"; /* blanks only if none of them */
    fit best = {0}, f;
    char chosen = 0, rival = 0;

    for (const char *c = candidates; *c; c++) {
        if (*c == ',' && s->w->decimal == ',')
            continue;
        s->d->syntax.delimiter = *c;
        if (fit_best(s, &f) < 0)
            return -1;
        if (!f.fields || (chosen && f.score < best.score - 1e-9))
            continue;
        rival = chosen && f.score < best.score + 1e-9 ? chosen : 0;
        chosen = *c;
        best = f;
    }
    s->d->syntax.delimiter = ' ';
    if (fit_best(s, &f) < 0)
        return -1;
    if (f.fields && (!chosen || f.score > best.score + 0.05)) {
        chosen = ' ';
        rival = 0;
    }
    if (chosen && rival && best.score > 0)
        return two_fit(s, rival, chosen);
    /* One column: whatever does not stand in it. */
    s->d->syntax.delimiter = chosen ? chosen : s->w->decimal == ',' ? ';' : ',';
    return 1;
}

/* --- decimal marks --- */

static bool has_both(const sniffer *s, char mark, span f)
{
    return memchr(f.at, mark, (size_t)(f.end - f.at)) &&
           sniff_kind(s->d, f, mark, NULL) == FIELD_NUMBER;
}

/* Which mark numbers have; asked for where there are both. */
static int choose_decimal(sniffer *s)
{
    size_t rec[FAR] = {0}, n = last_records(s, FAR, rec), points = 0,
           commas = 0;
    size_t odd = s->n;
    span shown = {0};

    if (s->w->decimal)
        return 1;
    for (size_t i = 0; i < n; i++) {
        size_t k = sniff_fields(s, rec[i]);
        if (!k)
            return -1;
        for (size_t j = 0; j < k; j++) {
            points += has_both(s, '.', s->fields[j]);
            if (has_both(s, ',', s->fields[j])) {
                commas++;
                odd = rec[i];
                shown = s->fields[j];
            }
        }
    }
    if (points && commas)
        return sniff_fail(s, s->rec[odd].line,
                          "'%.*s' may be a number with a decimal comma, but "
                          "others have a point: give decimal: comma or "
                          "decimal: point",
                          (int)(shown.end - shown.at), shown.at);
    s->d->syntax.decimal = commas ? ',' : '.';
    return 1;
}

static bool all_digits(span f, bool sign)
{
    if (sign && f.at < f.end && (*f.at == '-' || *f.at == '+'))
        f.at++;
    if (f.at == f.end)
        return false;
    for (; f.at < f.end; f.at++)
        if (*f.at < '0' || *f.at > '9')
            return false;
    return true;
}

/* "1,75754": two columns, or one? */
static int ask_comma(sniffer *s)
{
    size_t seen = 0, last = 0;

    if (s->w->delimiter || s->w->decimal || s->d->syntax.delimiter != ',')
        return 1;
    for (size_t i = 0; i < s->n; i++) {
        size_t n = s->rec[i].comment ? 0 : sniff_fields(s, i);
        if (s->rec[i].comment)
            continue;
        if (!n)
            return -1;
        /* A header of two names says it. */
        if (n == 2 && seen == 0 &&
            sniff_kind(s->d, s->fields[0], '.', NULL) == FIELD_TEXT &&
            sniff_kind(s->d, s->fields[1], '.', NULL) == FIELD_TEXT)
            return 1;
        if (n == 2 && (!all_digits(s->fields[0], true) ||
                       !all_digits(s->fields[1], false)))
            return 1;
        if (n > 2)
            return 1;
        last = n == 2 ? i : last;
        seen += n == 2;
    }
    if (seen == 0)
        return 1;
    span r = split_trim(&s->d->syntax, s->rec[last].at);
    return sniff_fail(s, s->rec[last].line,
                      "'%.*s' may be two columns, or one number with a decimal "
                      "comma: give delimiter: comma or decimal: comma",
                      (int)(r.end - r.at < 60 ? r.end - r.at : 60), r.at);
}

int sniff_delimiter(sniffer *s)
{
    size_t rec[1] = {0};
    int rc = 1;

    if (!last_records(s, 1, rec))
        return 0;
    if (!s->w->delimiter)
        rc = choose_delimiter(s);
    if (rc > 0)
        rc = choose_decimal(s);
    return rc > 0 ? ask_comma(s) : rc;
}

/* --- header --- */

static bool unit_like(span f)
{
    static const char *const words =
        " c f k degc degf pa hpa kpa mpa mbar bar v mv kv a ma ua w kw % m mm "
        "cm km um nm s ms us ns min h d hz khz mhz ghz g kg mg ug ppm ppb deg "
        "rad m/s m2 m3 l/s km/h w/m2 w/m^2 mol n nm j kj ohm db rpm ts rn smp "
        "avg max tot 1 - ";
    char word[16];
    size_t n = (size_t)(f.end - f.at);

    if (n == 0)
        return true;
    if (*f.at == '[' || *f.at == '(' || (unsigned char)*f.at >= 0x80)
        return true;
    if (n + 3 > sizeof(word))
        return false;
    word[0] = ' ';
    for (size_t i = 0; i < n; i++)
        word[i + 1] =
            f.at[i] >= 'A' && f.at[i] <= 'Z' ? (char)(f.at[i] | 0x20) : f.at[i];
    word[n + 1] = ' ';
    word[n + 2] = '\0';
    return strstr(words, word) != NULL;
}

static bool is_units(sniffer *s, size_t rec)
{
    size_t n = sniff_fields(s, rec), like = 0;

    for (size_t j = 0; j < n; j++)
        like += unit_like(s->fields[j]);
    return 2 * like >= n;
}

/* Do the [n] fields hold a value, so that they are a row? */
static bool is_row(sniffer *s, size_t n)
{
    char decimal = s->d->syntax.decimal;

    for (size_t j = 0; j < n; j++) {
        enum field_kind k = sniff_kind(s->d, s->fields[j], decimal, NULL);
        if (k != FIELD_TEXT && k != FIELD_EMPTY)
            return true;
    }
    return false;
}

/* Fields of most rows, by the last ones. */
static int count_columns(sniffer *s)
{
    size_t rec[FAR] = {0}, counts[FAR] = {0}, near;
    size_t n = last_records(s, FAR, rec);
    double share = 0, near_share;

    for (size_t i = 0; i < n; i++)
        if (!(counts[i] = sniff_fields(s, rec[i])))
            return -1;
    s->d->n = most_of(counts, n, &share);
    near = most_of(counts, n < NEAR ? n : NEAR, &near_share);
    if (share < 0.6 && near_share > share)
        s->d->n = near;
    return 1;
}

/* The header is a comment: the last one in front of the rows, with as many
 * fields, none of them a value.
 */
static void names_in_comment(sniffer *s)
{
    size_t at = s->first;

    while (at > 0 && !s->rec[at - 1].comment)
        at--;
    if (at == 0)
        return;
    size_t n = sniff_fields(s, at - 1);
    if (n != s->d->n || is_row(s, n) || n < 2)
        return;
    s->names = at - 1;
    s->d->named_by_comment = true;
}

/* 0, 1, 2, ...: what pandas writes over columns that have no names. */
static bool is_sequence(sniffer *s, size_t n, bool *bare_firstp)
{
    size_t from = s->fields[0].at == s->fields[0].end ? 1 : 0;
    double value;

    *bare_firstp = from == 1;
    for (size_t j = from; j < n; j++)
        if (sniff_kind(s->d, s->fields[j], '.', &value) != FIELD_NUMBER ||
            value != (double)(j - from) ||
            s->fields[j].end - s->fields[j].at > 6)
            return false;
    return n - from >= (from ? 1 : 3);
}

/* Do later rows hold numbers with a fraction? */
static bool has_fractions(sniffer *s, size_t from)
{
    for (size_t i = from; i < s->n && i < from + FAR; i++)
        for (size_t j = 0, n = s->rec[i].comment ? 0 : sniff_fields(s, i);
             j < n; j++)
            if (has_both(s, s->d->syntax.decimal, s->fields[j]))
                return true;
    return false;
}

/* Are most fields of the first row text over values, or is there text and are
 * its numbers 1, 2, 3, as channels are named?
 */
static bool text_over_values(sniffer *s, size_t first)
{
    char decimal = s->d->syntax.decimal;
    size_t texts[MOST_FIELDS], n_texts = 0, n = sniff_fields(s, first);

    size_t numbers = 0;
    double value, last = 0;
    bool steps = true;

    for (size_t j = 0; j < n && n_texts < MOST_FIELDS; j++) {
        enum field_kind k = sniff_kind(s->d, s->fields[j], decimal, &value);
        if (k == FIELD_TEXT)
            texts[n_texts++] = j;
        if (k != FIELD_NUMBER)
            continue;
        steps = steps && (numbers == 0 || value == last + 1);
        last = value;
        numbers++;
    }
    if (2 * n_texts <= n && !(steps && numbers > 1))
        return false;
    for (size_t k = 0; k < n_texts; k++) {
        size_t values = 0, rows = 0;
        for (size_t i = first + 1; i < s->n && rows < FAR; i++) {
            if (s->rec[i].comment || sniff_fields(s, i) != n)
                continue;
            enum field_kind kind =
                sniff_kind(s->d, s->fields[texts[k]], decimal, NULL);
            values += kind == FIELD_NUMBER || kind == FIELD_STAMP;
            rows++;
        }
        if (rows >= 1 && values == rows)
            return true;
    }
    return false;
}

/* The first record holds values: may it be a header all the same?  1 it is,
 * 0 no, -1 asked.
 */
static int ask_header(sniffer *s, size_t first)
{
    size_t n = sniff_fields(s, first);
    bool bare_first = false;
    span r = split_trim(&s->d->syntax, s->rec[first].at);
    bool sequence = n == s->d->n && is_sequence(s, n, &bare_first);

    if (s->w->header != TABLE_HEADER_AUTO || first + 1 >= s->n)
        return 0;
    if (sequence && bare_first)
        return 1;
    if (!(sequence && has_fractions(s, first + 1)) &&
        !text_over_values(s, first))
        return 0;
    return sniff_fail(s, s->rec[first].line,
                      "'%.*s' may be a header or a row: give header: yes or "
                      "header: no",
                      (int)(r.end - r.at < 60 ? r.end - r.at : 60), r.at);
}

/* Names and units out of the [n] records from [first] on. */
static void header_lines(sniffer *s, size_t first, size_t n)
{
    size_t last = first;

    for (size_t i = first, k = 0; k < n && i < s->n; i++) {
        k += !s->rec[i].comment;
        last = i;
    }
    s->names = first;
    if (n < 2)
        return;
    s->units = last;
    if (n > 2 && !is_units(s, last)) {
        s->names = last;
        s->units = s->n;
    } else if (n > 2) {
        for (s->names = last - 1; s->rec[s->names].comment;)
            s->names--;
    }
}

/* Records without a value from [first] on, of the right number of fields. */
static size_t count_header(sniffer *s, size_t first, size_t *rowp)
{
    size_t lines = 0, i;

    for (i = first; i < s->n; i++) {
        size_t n = s->rec[i].comment ? 0 : sniff_fields(s, i);
        if (s->rec[i].comment)
            continue;
        if ((n == s->d->n || n + 1 == s->d->n) && is_row(s, n))
            break;
        lines++;
    }
    *rowp = i;
    return lines;
}

/* The first record of the table: of as many fields as its rows, or one less
 * where rows end with a delimiter.
 */
static size_t find_table(sniffer *s)
{
    size_t i = 0;

    for (; i < s->n; i++) {
        size_t n = s->rec[i].comment ? 0 : sniff_fields(s, i);
        if (n == s->d->n || (n > 1 && n + 1 == s->d->n))
            break;
    }
    return i;
}

/* As many header lines as were asked for. */
static int header_given(sniffer *s, size_t lines)
{
    size_t i = 0, first = s->n;

    for (size_t k = 0; i < s->n && k < lines; i++) {
        if (s->rec[i].comment)
            continue;
        if (first == s->n)
            first = i;
        k++;
    }
    s->first = i;
    while (s->first < s->n && s->rec[s->first].comment)
        s->first++;
    if (lines && first < s->n) {
        s->names = first;
        s->units = lines > 1 && first + 1 < s->first ? first + 1 : s->n;
    }
    return 1;
}

int sniff_header(sniffer *s)
{
    size_t table, row, lines;
    int rc;

    s->first = s->names = s->units = s->n;
    if (count_columns(s) < 0)
        return -1;
    if (s->w->header > 0)
        return header_given(s, (size_t)s->w->header);
    table = find_table(s);
    lines = count_header(s, table, &row);
    for (size_t i = 0; i < table; i++)
        s->d->passed += !s->rec[i].comment;
    if (s->w->header == TABLE_HEADER_NO) {
        row = table;
        lines = 0;
    } else if (s->w->header == TABLE_HEADER_YES && lines == 0) {
        lines = 1;
        row = table + 1;
    }
    s->first = row;
    if (lines)
        header_lines(s, table, lines);
    else if (row < s->n && s->w->header != TABLE_HEADER_NO) {
        rc = ask_header(s, row);
        if (rc < 0)
            return -1;
        if (rc > 0) {
            s->names = row;
            s->first = row + 1;
        } else {
            names_in_comment(s);
        }
    }
    while (s->first < s->n && s->rec[s->first].comment)
        s->first++;
    return 1;
}
