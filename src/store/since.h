/* since.h - times that are numbers since an instant, as CF and NeXus say. */
#ifndef STORE_SINCE_H
#define STORE_SINCE_H

#include <stdbool.h>
#include <stdint.h>

/* Room for why something is no clock. */
#define SINCE_WHY 128

typedef struct since {
    int64_t base_s;  /* the instant, in seconds since 1970 */
    int64_t unit_ns; /* of the numbers */
} since;

/* Units of CF, "days since 2026-01-01 12:00 +1:00", by [calendar] (NULL or "":
 * the standard one, which is Julian before 1582-10-15).  An instant without a
 * zone is of UTC.  false: they are no clock, and [why] says it: "its calendar
 * is noleap".
 */
bool since_parse(const char *units, const char *calendar, since *out,
                 char why[SINCE_WHY]);

/* Units of NeXus, "ms", since [start], of ISO 8601; without a zone it is
 * [zone_s] seconds east of UTC.
 */
bool since_start(const char *units, const char *start, int zone_s, since *out,
                 char why[SINCE_WHY]);

/* The time that [value] stands for, in ns since 1970; false: it is none, or
 * before 1900 or after 2200.
 */
bool since_ns(const since *s, double value, int64_t *nsp);
bool since_whole_ns(const since *s, int64_t value, int64_t *nsp);

#endif
