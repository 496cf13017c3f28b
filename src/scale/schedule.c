/* schedule.c - times of the week from which on a pool has other bounds. */
#include <stdlib.h>
#include <string.h>

#include "scale.h"

#define DAYS 7
#define ALL_DAYS 0x7fu
#define MINUTES (24 * 60)
#define WEEK (DAYS * MINUTES)

static const char *const day_names[DAYS] = {"sun", "mon", "tue", "wed",
                                            "thu", "fri", "sat"};

/* The day whose name is at *sp, which moves behind it; -1: none. */
static int day_take(const char **sp)
{
    for (int i = 0; i < DAYS; i++)
        if (!strncmp(*sp, day_names[i], 3)) {
            *sp += 3;
            return i;
        }
    return -1;
}

/* "mon " or "fri-mon " in front of the time; without, all days. */
static int days_take(const char **sp, unsigned *daysp)
{
    int first = day_take(sp), last = first;

    *daysp = ALL_DAYS;
    if (first < 0)
        return 0;
    if (**sp == '-') {
        (*sp)++;
        last = day_take(sp);
    }
    if (last < 0 || **sp != ' ')
        return -1;
    (*sp)++;
    *daysp = 0;
    for (int d = first;; d = (d + 1) % DAYS) {
        *daysp |= 1u << d;
        if (d == last)
            return 0;
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int scale_time_parse(const char *s, scale_time *out)
{
    unsigned days;
    int hour, minute;
    bool utc;

    if (days_take(&s, &days) < 0)
        return -1;
    if (!is_digit(s[0]) || !is_digit(s[1]) || s[2] != ':' || !is_digit(s[3]) ||
        !is_digit(s[4]))
        return -1;
    hour = 10 * (s[0] - '0') + s[1] - '0';
    minute = 10 * (s[3] - '0') + s[4] - '0';
    utc = s[5] == 'Z';
    if (hour > 23 || minute > 59 || s[5 + utc] != '\0')
        return -1;
    out->days = days;
    out->minute = 60 * hour + minute;
    out->utc = utc;
    return 0;
}

/* Minutes since [t] was last reached, less than a week. */
static int minutes_since(const scale_time *t, const struct tm *now)
{
    int at = now->tm_wday * MINUTES + now->tm_hour * 60 + now->tm_min;
    int least = WEEK;

    for (int d = 0; d < DAYS; d++) {
        int since = (at - d * MINUTES - t->minute + WEEK) % WEEK;
        if ((t->days & 1u << d) && since < least)
            least = since;
    }
    return least;
}

const scale_time *scale_time_at(const scale_policy *p, const struct tm *local,
                                const struct tm *utc)
{
    const scale_time *newest = NULL;
    int least = WEEK;

    for (size_t i = 0; i < p->n_times; i++) {
        const scale_time *t = &p->times[i];
        int since = minutes_since(t, t->utc ? utc : local);
        if (since < least) {
            least = since;
            newest = t;
        }
    }
    return newest;
}
