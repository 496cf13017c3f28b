/* since.c - times that are numbers since an instant, as CF and NeXus say. */
#include "since.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "src/common/clock.h"

#define NS INT64_C(1000000000)
#define DAY_S 86400

/* 1900 and 2200, in seconds since 1970. */
#define LEAST_S INT64_C(-2208988800)
#define MOST_S INT64_C(7258118400)

/* More of whole units is no time of any unit, and has no room in seconds. */
#define UNITS_MOST INT64_C(10000000000000)

/* --- units --- */

static int64_t unit_of(const char *word, size_t n)
{
    static const struct {
        int64_t ns;
        const char *words; /* between blanks */
    } units[] = {
        {1, " ns nsec nsecs nanosecond nanoseconds "},
        {1000, " us usec usecs microsecond microseconds "},
        {1000000, " ms msec msecs millisecond milliseconds "},
        {NS, " s sec secs second seconds "},
        {60 * NS, " min mins minute minutes "},
        {3600 * NS, " h hr hrs hour hours "},
        {DAY_S * NS, " d day days "},
        {7 * DAY_S * NS, " week weeks "},
    };
    char key[32];

    if (n == 0 || n + 3 > sizeof(key))
        return 0;
    snprintf(key, sizeof(key), " %.*s ", (int)n, word);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcasestr(units[i].words, key))
            return units[i].ns;
    return 0;
}

static bool no_unit(const char *word, size_t n, char why[SINCE_WHY])
{
    snprintf(why, SINCE_WHY, "it counts '%.*s', which is no length of time",
             n < 40 ? (int)n : 40, word);
    return false;
}

/* --- days --- */

static bool is_leap(int64_t year, bool julian)
{
    return year % 4 == 0 && (julian || year % 100 != 0 || year % 400 == 0);
}

static int days_of(int64_t year, int month, bool julian)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year, julian));
}

/* --- the instant --- */

/* Up to [most] digits. */
static bool digits(const char **atp, int most, int64_t *valuep)
{
    const char *at = *atp;
    int64_t value = 0;

    while (*at >= '0' && *at <= '9' && most-- > 0)
        value = value * 10 + (*at++ - '0');
    if (at == *atp || (*at >= '0' && *at <= '9'))
        return false;
    *atp = at;
    *valuep = value;
    return true;
}

static bool take_day(const char **atp, bool mixed, int64_t *daysp)
{
    int64_t year, month, day;
    const char *at = *atp;
    bool julian;

    if (!digits(&at, 6, &year) || *at++ != '-' || !digits(&at, 2, &month) ||
        *at++ != '-' || !digits(&at, 2, &day) || year < 1 || month < 1 ||
        month > 12)
        return false;
    julian = mixed && year * 10000 + month * 100 + day < 15821015;
    if (day < 1 || day > days_of(year, (int)month, julian))
        return false;
    *daysp = clock_day(year, (int)month, (int)day, julian);
    *atp = at;
    return true;
}

/* "12", "12:30", "12:30:15.25"; fractions of a second are not kept. */
static bool take_clock(const char **atp, int64_t *secondsp)
{
    int64_t hour, minute = 0, second = 0;
    const char *at = *atp;

    if (!digits(&at, 2, &hour))
        return false;
    if (*at == ':' && (at++, !digits(&at, 2, &minute)))
        return false;
    if (*at == ':' && (at++, !digits(&at, 2, &second)))
        return false;
    if (*at == '.')
        while (*++at >= '0' && *at <= '9')
            ;
    if (hour > 24 || minute > 59 || second > 60)
        return false;
    *secondsp = hour * 3600 + minute * 60 + second;
    *atp = at;
    return true;
}

/* "Z", "UTC", "+1:00", "-0530", "2". */
static bool take_zone(const char **atp, int64_t *eastp)
{
    static const char *const utc[] = {"UTC", "GMT", "Z"};
    const char *at = *atp;
    int64_t hour, minute = 0;
    bool west = *at == '-';

    for (size_t i = 0; i < 3; i++)
        if (!strncasecmp(at, utc[i], strlen(utc[i]))) {
            *atp = at + strlen(utc[i]);
            *eastp = 0;
            return true;
        }
    at += *at == '-' || *at == '+';
    if (!digits(&at, 4, &hour))
        return false;
    if (hour > 99) {
        minute = hour % 100;
        hour /= 100;
    } else if (*at == ':' && (at++, !digits(&at, 2, &minute))) {
        return false;
    }
    if (hour > 15 || minute > 59)
        return false;
    *eastp = (west ? -1 : 1) * (hour * 3600 + minute * 60);
    *atp = at;
    return true;
}

static void skip_blanks(const char **atp)
{
    *atp += strspn(*atp, " \t");
}

/* All of [s] is an instant. */
static bool take_instant(const char *s, bool mixed, int zone_s, int64_t *basep)
{
    int64_t days, seconds = 0, east = zone_s;

    skip_blanks(&s);
    if (!take_day(&s, mixed, &days))
        return false;
    s += *s == 'T' || *s == 't';
    skip_blanks(&s);
    if (*s >= '0' && *s <= '9' && !take_clock(&s, &seconds))
        return false;
    skip_blanks(&s);
    if (*s && !take_zone(&s, &east))
        return false;
    skip_blanks(&s);
    *basep = days * DAY_S + seconds - east;
    return !*s;
}

/* --- what both conventions say --- */

static bool no_instant(const char *s, char why[SINCE_WHY])
{
    snprintf(why, SINCE_WHY, "'%.60s' is no instant, as 2026-01-01T00:00:00Z",
             s + strspn(s, " "));
    return false;
}

bool since_parse(const char *units, const char *calendar, since *out,
                 char why[SINCE_WHY])
{
    const char *at = strcasestr(units, " since ");
    size_t n;
    bool mixed = true;

    if (!at) {
        snprintf(why, SINCE_WHY, "its units '%.40s' do not say since when",
                 units);
        return false;
    }
    if (calendar && *calendar && strcasecmp(calendar, "standard") != 0 &&
        strcasecmp(calendar, "gregorian") != 0) {
        mixed = false;
        if (strcasecmp(calendar, "proleptic_gregorian") != 0) {
            snprintf(why, SINCE_WHY, "its calendar is %.40s", calendar);
            return false;
        }
    }
    units += strspn(units, " \t");
    n = strcspn(units, " \t");
    out->unit_ns = unit_of(units, n);
    if (out->unit_ns == 0)
        return no_unit(units, n, why);
    at += strlen(" since ");
    return take_instant(at, mixed, 0, &out->base_s) || no_instant(at, why);
}

bool since_start(const char *units, const char *start, int zone_s, since *out,
                 char why[SINCE_WHY])
{
    out->unit_ns = unit_of(units, strlen(units));
    if (out->unit_ns == 0)
        return no_unit(units, strlen(units), why);
    return take_instant(start, false, zone_s, &out->base_s) ||
           no_instant(start, why);
}

/* --- times --- */

/* [whole] units and [rest_ns]. */
static bool add_up(const since *s, int64_t whole, int64_t rest_ns, int64_t *nsp)
{
    int64_t per = NS / s->unit_ns, seconds;

    if (per > 1) { /* a part of a second */
        seconds = whole / per - (whole % per < 0);
        rest_ns += (whole - seconds * per) * s->unit_ns;
    } else {
        if (whole > UNITS_MOST || whole < -UNITS_MOST)
            return false;
        seconds = whole * (s->unit_ns / NS);
    }
    seconds += s->base_s + rest_ns / NS;
    if (seconds < LEAST_S || seconds > MOST_S)
        return false;
    *nsp = seconds * NS + rest_ns % NS;
    return true;
}

bool since_ns(const since *s, double value, int64_t *nsp)
{
    double whole = floor(value);

    if (!(whole > -9e18 && whole < 9e18))
        return false;
    return add_up(s, (int64_t)whole,
                  llround((value - whole) * (double)s->unit_ns), nsp);
}

bool since_whole_ns(const since *s, int64_t value, int64_t *nsp)
{
    return add_up(s, value, 0, nsp);
}
