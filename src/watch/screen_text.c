/* screen_text.c - lines as wide as a screen: columns of characters, words. */
#include <stdlib.h>
#include <string.h>

#include "screen_private.h"

/* --- characters --- */

static bool is_look(char c)
{
    return c > 0 && c < SCREEN_LOOKS;
}

/* Ranges of Unicode, in order: characters that take no column of their own, and
 * those of East Asia (Wide and Fullwidth) and emoji, which take two.
 */
typedef struct range {
    unsigned first, last;
} range;

static const range none[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a},
    {0x064b, 0x065f}, {0x0900, 0x0902}, {0x093c, 0x093c}, {0x0941, 0x0948},
    {0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x1160, 0x11ff},
    {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x202a, 0x202e},
    {0x2060, 0x2064}, {0x20d0, 0x20ff}, {0x302a, 0x302d}, {0x3099, 0x309a},
    {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0001, 0xe01ef},
};

static const range two[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},
    {0x23e9, 0x23ec},   {0x25fd, 0x25fe},   {0x2614, 0x2615},
    {0x2648, 0x2653},   {0x26aa, 0x26ab},   {0x2705, 0x2705},
    {0x2728, 0x2728},   {0x274c, 0x274c},   {0x2753, 0x2755},
    {0x2795, 0x2797},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},
    {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},
    {0x4e00, 0xa4cf},   {0xa960, 0xa97c},   {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},
    {0xff01, 0xff60},   {0xffe0, 0xffe6},   {0x16fe0, 0x18cff},
    {0x1b000, 0x1b2ff}, {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf},
    {0x1f18e, 0x1f19a}, {0x1f200, 0x1f320}, {0x1f32d, 0x1f64f},
    {0x1f680, 0x1f6ff}, {0x1f7e0, 0x1f7eb}, {0x1f90c, 0x1f9ff},
    {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};

static int in_range(const void *key, const void *item)
{
    const unsigned *c = key;
    const range *r = item;

    return *c < r->first ? -1 : *c > r->last;
}

static bool is_of(unsigned c, const range *all, size_t n)
{
    return bsearch(&c, all, n, sizeof(*all), in_range) != NULL;
}

/* Bytes of the character at [s], at least 1, and the columns it takes. */
static size_t character(const char *s, size_t *colsp)
{
    size_t n = text_utf8(s, strlen(s));
    unsigned c = (unsigned char)*s;

    *colsp = 1;
    if (n < 2)
        return 1;
    c &= 0x7fU >> n;
    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((unsigned char)s[i] & 0x3f);
    if (is_of(c, none, sizeof(none) / sizeof(*none)))
        *colsp = 0;
    else if (is_of(c, two, sizeof(two) / sizeof(*two)))
        *colsp = 2;
    return n;
}

/* --- lines --- */

size_t screen_width(const char *line)
{
    size_t n = 0, cols;

    while (*line) {
        if (is_look(*line)) {
            line++;
            continue;
        }
        line += character(line, &cols);
        n += cols;
    }
    return n;
}

void screen_strip(char *line)
{
    char *to = line;

    for (; *line; line++)
        if (!is_look(*line))
            *to++ = *line;
    *to = '\0';
}

size_t screen_fit(const char *line, size_t cols, size_t *usedp)
{
    size_t at = 0, n = 0, wide;

    while (line[at]) {
        size_t bytes = 1;

        if (!is_look(line[at])) {
            bytes = character(line + at, &wide);
            if (n + wide > cols)
                break;
            n += wide;
        }
        at += bytes;
    }
    if (usedp)
        *usedp = n;
    return at;
}

void screen_cut(char *line, size_t cols)
{
    line[screen_fit(line, cols, NULL)] = '\0';
}

/* Bytes of [words] for a line of [room] columns: words as they fit, else
 * characters, of which there is one at least.
 */
static size_t line_of(const char *words, size_t room)
{
    size_t fits = screen_fit(words, room, NULL), n = fits, any;

    if (!words[fits])
        return fits;
    while (n > 0 && words[n] != ' ')
        n--;
    return n ? n : fits ? fits : character(words, &any);
}

/* A screen that is too narrow for a label and words has the label above them.
 */
#define NARROW 30
#define INDENT 9

static void narrow_label(const screen *s, const char *label, screen_lines *out)
{
    text t = {0};

    if (!*label)
        return;
    put_look(&t, SCREEN_DIM);
    text_add(&t, "%s", label);
    screen_add(out, s, &t);
    text_free(&t);
}

void screen_words(const screen *s, const char *label, enum screen_look look,
                  const char *words, int most, screen_lines *out)
{
    bool narrow = s->cols > 0 && s->cols < NARROW;
    size_t room = narrow ? (size_t)s->cols : (size_t)s->cols - INDENT;

    if (narrow && *words)
        narrow_label(s, label, out);
    most = narrow ? 4 * most : most; /* as much of it, on shorter lines */
    for (int i = 0; *words && (i < most || s->cols == 0); i++) {
        bool last = s->cols > 0 && i + 1 == most;
        size_t n = s->cols > 0 ? line_of(words, room) : strlen(words);
        bool cut = last && words[n] != '\0';
        text t = {0};

        if (cut)
            n = screen_fit(words, room > 3 ? room - 3 : 0, NULL);
        if (!narrow) {
            put_look(&t, SCREEN_DIM);
            text_add(&t, "%-8s ", i ? "" : label);
        }
        put_look(&t, look);
        text_add_bytes(&t, words, n);
        if (cut)
            text_add(&t, "...");
        screen_add(out, s, &t);
        text_free(&t);
        words += n;
        words += strspn(words, " ");
    }
}
