/* text.h - strings: growing text, parsing of sizes, times and numbers. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

/* Growing text; starts zeroed, data is NULL or NUL-ended.  After a failed
 * allocation `failed` is set and further calls do nothing, so a caller may
 * check once at the end.
 */
typedef struct text {
    char *data;
    size_t len, cap;
    int failed;
} text;

void text_add(text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void text_add_bytes(text *t, const char *bytes, size_t len);
void text_free(text *t);

/* "%s"-like into new memory, NULL when there is none; the caller frees. */
char *text_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Decimal digits of [value] into [out] (at least 20 bytes, no NUL); their
 * number is returned.  For hot paths.
 */
size_t text_put_u64(char *out, uint64_t value);

/* "s" behind a word for [n] things, "" for one: "%lld block%s %s lost". */
static inline const char *text_s(uint64_t n)
{
    return n == 1 ? "" : "s";
}
/* The verb behind it. */
static inline const char *text_are(uint64_t n)
{
    return n == 1 ? "is" : "are";
}
static inline const char *text_were(uint64_t n)
{
    return n == 1 ? "was" : "were";
}
static inline const char *text_have(uint64_t n)
{
    return n == 1 ? "has" : "have";
}

/* Whole-string parsers: 0, or -1 when [s] is not wholly such a value (empty,
 * trailing characters, overflow, no unit).  *valuep changes on success only.
 */
int text_parse_int(const char *s, int64_t *valuep);
int text_parse_float(const char *s, double *valuep); /* finite only */
int text_parse_bool(const char *s, int *valuep); /* true yes on false no off */
int text_parse_size(const char *s, uint64_t *bytesp); /* 64MiB 4kB 512B */
int text_parse_time(const char *s, double *secondsp); /* 250ms 1us 30s 2m 1h
                                                         7d */

/* Bytes of the character of UTF-8 at [s], of which [left] (> 0) are there, 0:
 * it is none (no overlong form, no surrogate, nothing beyond U+10FFFF).
 */
size_t text_utf8(const void *s, size_t left);
/* The same, 0 also of a control character. */
size_t text_printable(const void *s, size_t left);
/* [len] bytes at [s] into [out], cut to [cap] behind a whole character and
 * "..." then; what text_printable does not know becomes '?'.
 */
void text_shown(const void *s, size_t len, char *out, size_t cap);

/* The same as a name that nothing is lost of: what text_printable does not know
 * becomes %XX, a byte each.
 */
void text_named(const void *s, size_t len, char *out, size_t cap);

/* The word of the blank-separated [words] nearest to [word] (edit distance
 * at most a third of its length, at least 1), copied to [out]; "" if none.
 */
void text_nearest(const char *word, const char *words, char *out, size_t cap);

#endif
