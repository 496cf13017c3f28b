/* stamp.h - times out of text. */
#ifndef TABLE_STAMP_H
#define TABLE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

/* How a time is written. */
enum stamp_kind {
    STAMP_NONE, /* it is none, or not known */
    STAMP_YMD,  /* 2026-11-29 08:15:00.25, also with / or . or a T, with a
                   zone; a day alone */
    STAMP_DMY,  /* 29.11.2026 08:15:00 */
    STAMP_MDY,  /* 11/29/2026 08:15:00 PM */
    STAMP_S,    /* numbers since 1970: seconds, ... */
    STAMP_MS,   /* ... thousandths, ... */
    STAMP_US,
    STAMP_NS,
    STAMP_ELAPSED, /* seconds since [base_ns] */
    STAMP_PATTERN, /* as strptime, with %f for a fraction */
};

typedef struct stamp_format {
    enum stamp_kind kind;
    char decimal;        /* mark of numbers */
    int zone_s;          /* east of UTC, of times that name no zone */
    int64_t base_ns;     /* of STAMP_ELAPSED */
    const char *pattern; /* of STAMP_PATTERN, borrowed */
} stamp_format;

/* What a text may be as a time. */
enum stamp_shape {
    STAMP_NO = 0,
    STAMP_MAY_YMD = 1,
    STAMP_MAY_DMY = 2,
    STAMP_MAY_MDY = 4,
    STAMP_HAS_DAY = 8,    /* with a day, ... */
    STAMP_HAS_CLOCK = 16, /* ... a time of day, */
    STAMP_HAS_ZONE = 32,  /* ... and a zone */
};

/* Bits of stamp_shape of [at, end), which is not a number. */
unsigned stamp_shape(const char *at, const char *end);

/* The time that is the whole of [at, end), in ns since 1970; a time of day
 * alone is none.  false: it is not written so, or is before 1900 or after
 * 2200.
 */
bool stamp_parse(const stamp_format *f, const char *at, const char *end,
                 int64_t *nsp);

/* The word of a user, "iso dmy mdy s ms us ns" or a pattern with '%' (which is
 * borrowed).  Errors: input, 78.
 */
int stamp_word(const char *word, stamp_format *f, pe_error *errp);
/* "UTC", "+01:00" as seconds.  Errors: input, 78. */
int stamp_zone(const char *word, int *zone_sp, pe_error *errp);

/* For people: "ISO 8601", "day.month.year", ... */
const char *stamp_name(const stamp_format *f);

#endif
