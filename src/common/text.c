/* text.c - strings: growing text, parsing of sizes, times and numbers. */
#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

/* Longest word text_nearest looks at. */
#define WORD_MAX 64

/* Room for [more] bytes and a NUL behind what is there. */
static int text_grow(text *t, size_t more)
{
    size_t need;

    if (__builtin_add_overflow(t->len, more, &need) ||
        __builtin_add_overflow(need, 1, &need))
        return -1;
    if (need <= t->cap)
        return 0;
    size_t cap = t->cap < need / 2 ? need : 2 * t->cap;
    cap = cap < 64 ? 64 : cap;
    cap = cap < need ? need : cap;
    char *data = realloc(t->data, cap);
    if (!data)
        return -1;
    t->data = data;
    t->cap = cap;
    return 0;
}

void text_add_bytes(text *t, const char *bytes, size_t len)
{
    if (t->failed || text_grow(t, len) < 0) {
        t->failed = 1;
        return;
    }
    if (len)
        memcpy(t->data + t->len, bytes, len);
    t->len += len;
    t->data[t->len] = '\0';
}

void text_add(text *t, const char *fmt, ...)
{
    char *more = NULL;
    va_list ap;

    if (t->failed)
        return;
    va_start(ap, fmt);
    int n = vasprintf(&more, fmt, ap);
    va_end(ap);
    if (n < 0) {
        t->failed = 1;
        return;
    }
    text_add_bytes(t, more, (size_t)n);
    free(more);
}

void text_free(text *t)
{
    if (!t)
        return;
    free(t->data);
    memset(t, 0, sizeof(*t));
}

char *text_format(const char *fmt, ...)
{
    char *s = NULL;
    va_list ap;

    va_start(ap, fmt);
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    return n < 0 ? NULL : s;
}

size_t text_put_u64(char *out, uint64_t value)
{
    char digits[20];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

/* Length of the sign in front of [s]; strtol and its kin also skip blanks,
 * which is not wanted here.
 */
static size_t sign_len(const char *s)
{
    return *s == '-' || *s == '+';
}

int text_parse_int(const char *s, int64_t *valuep)
{
    if (!s)
        return -1;
    const char *digits = s + sign_len(s);
    size_t n = strspn(digits, DIGITS);

    if (n == 0 || digits[n])
        return -1;
    int saved_errno = errno;
    errno = 0;
    long long value = strtoll(s, NULL, 10);
    int overflow = errno == ERANGE;
    errno = saved_errno;
    if (overflow)
        return -1;
    *valuep = value;
    return 0;
}

int text_parse_float(const char *s, double *valuep)
{
    char *end;

    /* Only decimal characters: strtod also reads blanks, hex, inf and nan. */
    if (!s || !*s || s[strspn(s, DIGITS "+-.eE")])
        return -1;
    int saved_errno = errno;
    double value = strtod(s, &end);
    errno = saved_errno;
    if (*end || !isfinite(value))
        return -1;
    *valuep = value;
    return 0;
}

int text_parse_bool(const char *s, int *valuep)
{
    static const struct {
        const char *word;
        int value;
    } words[] = {{"true", 1},  {"yes", 1}, {"on", 1},
                 {"false", 0}, {"no", 0},  {"off", 0}};

    for (size_t i = 0; s && i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(s, words[i].word)) {
            *valuep = words[i].value;
            return 0;
        }
    return -1;
}

typedef struct unit {
    const char *name;
    double factor;
} unit;

static const unit size_units[] = {
    {"B", 1},        {"kB", 1e3},   {"MB", 1e6},     {"GB", 1e9},
    {"TB", 1e12},    {"KiB", 1024}, {"MiB", 0x1p20}, {"GiB", 0x1p30},
    {"TiB", 0x1p40}, {NULL, 0},
};

static const unit time_units[] = {
    {"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1},
    {"m", 60},    {"h", 3600},  {"d", 86400}, {NULL, 0},
};

/* Split "12.5ms" into the text of the number and the factor of the unit. */
static int unit_split(const char *s, const unit *units, char *number,
                      size_t cap, double *factorp)
{
    if (!s)
        return -1;
    size_t n = strspn(s, DIGITS ".");

    if (n == 0 || n >= cap)
        return -1;
    memcpy(number, s, n);
    number[n] = '\0';
    for (const unit *u = units; u->name; u++)
        if (!strcmp(s + n, u->name)) {
            *factorp = u->factor;
            return 0;
        }
    return -1;
}

int text_parse_size(const char *s, uint64_t *bytesp)
{
    char number[32];
    double factor;
    int64_t value;
    uint64_t bytes;

    if (unit_split(s, size_units, number, sizeof(number), &factor) < 0 ||
        text_parse_int(number, &value) < 0 ||
        __builtin_mul_overflow((uint64_t)value, (uint64_t)factor, &bytes))
        return -1;
    *bytesp = bytes;
    return 0;
}

int text_parse_time(const char *s, double *secondsp)
{
    char number[32];
    double factor, value;

    if (unit_split(s, time_units, number, sizeof(number), &factor) < 0 ||
        text_parse_float(number, &value) < 0)
        return -1;
    *secondsp = value * factor;
    return 0;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Edit distance in which two neighbours that are swapped are one edit (optimal
 * string alignment), with three rows; [n] is at most WORD_MAX.
 */
static size_t edit_distance(const char *a, size_t m, const char *b, size_t n)
{
    size_t rows[3][WORD_MAX + 1];

    for (size_t j = 0; j <= n; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3];
        const size_t *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            row[j] = min3(above[j] + 1, row[j - 1] + 1,
                          above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = min3(row[j], row[j], before[j - 2] + 1);
        }
    }
    return rows[m % 3][n];
}

void text_nearest(const char *word, const char *words, char *out, size_t cap)
{
    size_t len = strlen(word);
    size_t best = len / 3 > 1 ? len / 3 + 1 : 2; /* first distance too far */

    if (cap)
        out[0] = '\0';
    for (const char *w = words; w && *w;) {
        size_t n = strcspn(w, " ");
        if (n > 0 && n <= WORD_MAX && n < cap && len <= WORD_MAX) {
            size_t distance = edit_distance(word, len, w, n);
            if (distance < best) {
                best = distance;
                memcpy(out, w, n);
                out[n] = '\0';
            }
        }
        w += n + (w[n] == ' ');
    }
}

/* --- UTF-8 --- */

size_t text_utf8(const void *bytes, size_t left)
{
    const unsigned char *s = bytes;
    static const struct {
        unsigned char from, to, second_from, second_to, len;
    } row[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
        {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    if (*s < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        size_t n = row[i].len;

        if (*s < row[i].from || *s > row[i].to || left < n ||
            s[1] < row[i].second_from || s[1] > row[i].second_to)
            continue;
        for (size_t k = 2; k < n; k++)
            if ((s[k] & 0xc0) != 0x80)
                return 0;
        return n;
    }
    return 0;
}

size_t text_printable(const void *s, size_t left)
{
    const unsigned char *p = s;

    if (*p < 0x80)
        return *p >= ' ' && *p != 0x7f;
    /* U+0080 to U+009F are control characters, too. */
    return *p == 0xc2 && left > 1 && p[1] < 0xa0 ? 0 : text_utf8(p, left);
}

/* A byte that is shown in another way. */
static size_t put_odd(unsigned char c, bool hex, char to[4])
{
    static const char digits[] = "0123456789ABCDEF";

    to[0] = hex ? '%' : '?';
    to[1] = digits[c >> 4];
    to[2] = digits[c & 15];
    return hex ? 3 : 1;
}

static void show(const char *p, size_t len, bool hex, char *out, size_t cap)
{
    size_t at = 0, cut = 0, n;

    for (size_t i = 0; i < len; i += n) {
        size_t clean = text_printable(p + i, len - i);
        char odd[4];
        size_t room = clean ? clean : put_odd((unsigned char)p[i], hex, odd);

        n = clean ? clean : 1;
        if (at + room >= cap) {
            snprintf(out + cut, cap - cut, "...");
            return;
        }
        memcpy(out + at, clean ? p + i : odd, room);
        at += room;
        if (at + sizeof("...") <= cap)
            cut = at;
    }
    out[at] = '\0';
}

void text_shown(const void *s, size_t len, char *out, size_t cap)
{
    show(s, len, false, out, cap);
}

void text_named(const void *s, size_t len, char *out, size_t cap)
{
    show(s, len, true, out, cap);
}
