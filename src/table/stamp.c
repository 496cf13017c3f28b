/* stamp.c - times out of text. */
#include "stamp.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "src/common/clock.h"
#include "src/table/number.h"

#define TEXT_MAX 80

/* 1900 and 2200, in seconds since 1970. */
#define LEAST_S INT64_C(-2208988800)
#define MOST_S INT64_C(7258118400)

/* A time in its parts. */
typedef struct parts {
    int a, b, c;      /* of the day, as they stand; */
    int a_digits;     /* digits of the first */
    int hour, minute; /* -1: no time of day */
    int second;
    int64_t fraction_ns;
    bool has_zone;
    int zone_s;
} parts;

/* A number of [least] to [most] digits; what follows, or NULL. */
static const char *take_int(const char *p, const char *end, int least, int most,
                            int *valuep, int *digitsp)
{
    int n = 0, value = 0;

    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        if (++n > most)
            return NULL;
        value = value * 10 + (*p - '0');
    }
    *valuep = value;
    if (digitsp)
        *digitsp = n;
    return n >= least ? p : NULL;
}

static const char *take_fraction(const char *p, const char *end, int64_t *nsp)
{
    int64_t unit = CLOCK_S / 10;
    const char *from = p;

    for (*nsp = 0; p < end && *p >= '0' && *p <= '9'; p++, unit /= 10)
        *nsp += unit * (*p - '0');
    return p > from ? p : NULL;
}

/* "Z", "+01:00", "-0130", "+02" */
static const char *take_zone(const char *p, const char *end, parts *t)
{
    int hours, minutes = 0, sign;

    while (p < end && *p == ' ')
        p++;
    if (p == end)
        return p;
    t->has_zone = true;
    t->zone_s = 0;
    if (*p == 'Z' || *p == 'z')
        return p + 1;
    if (end - p >= 3 && (!strncmp(p, "UTC", 3) || !strncmp(p, "GMT", 3)))
        return p + 3;
    if (*p != '+' && *p != '-')
        return NULL;
    sign = *p == '-' ? -1 : 1;
    p = take_int(p + 1, end < p + 3 ? end : p + 3, 2, 2, &hours, NULL);
    if (!p || hours > 14)
        return NULL;
    p += p < end && *p == ':';
    if (p < end && !(p = take_int(p, end, 2, 2, &minutes, NULL)))
        return NULL;
    t->zone_s = sign * (hours * 3600 + minutes * 60);
    return minutes < 60 ? p : NULL;
}

static const char *take_half(const char *p, const char *end, parts *t)
{
    const char *q = p;

    while (q < end && *q == ' ')
        q++;
    if (end - q < 2 || strncasecmp(q + 1, "m", 1) != 0 || !strchr("aApP", *q) ||
        t->hour > 12)
        return p;
    t->hour = t->hour % 12 + (strchr("pP", *q) ? 12 : 0);
    return q + 2;
}

/* "08:15", "8:15:00", "08:15:00.25", with a half of the day and a zone. */
static const char *take_clock(const char *p, const char *end, parts *t)
{
    p = take_int(p, end, 1, 2, &t->hour, NULL);
    if (!p || p == end || *p != ':')
        return NULL;
    p = take_int(p + 1, end, 2, 2, &t->minute, NULL);
    if (p && p < end && *p == ':') {
        p = take_int(p + 1, end, 2, 2, &t->second, NULL);
        if (p && p < end && (*p == '.' || *p == ','))
            p = take_fraction(p + 1, end, &t->fraction_ns);
    }
    if (!p || t->hour > 24 || t->minute > 59 || t->second > 60)
        return NULL;
    p = take_half(p, end, t);
    return take_zone(p, end, t);
}

/* Three numbers with the same mark between them. */
static const char *take_day(const char *p, const char *end, parts *t)
{
    char mark;

    p = take_int(p, end, 1, 4, &t->a, &t->a_digits);
    if (!p || p == end || !strchr("-/.", *p))
        return NULL;
    mark = *p;
    p = take_int(p + 1, end, 1, 2, &t->b, NULL);
    if (!p || p == end || *p != mark)
        return NULL;
    return take_int(p + 1, end, t->a_digits == 4 ? 1 : 4,
                    t->a_digits == 4 ? 2 : 4, &t->c, NULL);
}

/* A day, a time of day, or both, and nothing else. */
static bool split(const char *p, const char *end, parts *t, bool *has_dayp)
{
    const char *q;

    memset(t, 0, sizeof(*t));
    t->hour = -1;
    q = take_day(p, end, t);
    *has_dayp = q != NULL;
    if (!q) {
        q = take_clock(p, end, t);
        return q == end;
    }
    if (q == end)
        return true;
    if (*q != 'T' && *q != 't' && *q != ' ' && *q != '_')
        return false;
    for (q++; q < end && *q == ' ';)
        q++;
    return take_clock(q, end, t) == end;
}

static bool is_day(int year, int month, int day)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (year < 1900 || year > 2200 || month < 1 || month > 12 || day < 1 ||
        day > days[month - 1])
        return false;
    return month != 2 || day < 29 ||
           (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

unsigned stamp_shape(const char *at, const char *end)
{
    unsigned shape = 0;
    bool has_day;
    parts t;

    if (end - at > TEXT_MAX || !split(at, end, &t, &has_day))
        return STAMP_NO;
    if (t.hour >= 0)
        shape |= STAMP_HAS_CLOCK;
    if (t.has_zone)
        shape |= STAMP_HAS_ZONE;
    if (!has_day)
        return shape;
    shape |= STAMP_HAS_DAY;
    if (t.a_digits == 4)
        shape |= is_day(t.a, t.b, t.c) ? STAMP_MAY_YMD : 0;
    else
        shape |= (is_day(t.c, t.b, t.a) ? STAMP_MAY_DMY : 0) |
                 (is_day(t.c, t.a, t.b) ? STAMP_MAY_MDY : 0);
    if (shape & STAMP_MAY_DMY && memchr(at, '.', 3))
        shape &= ~(unsigned)STAMP_MAY_MDY; /* nobody writes months first so */
    return shape & (STAMP_MAY_YMD | STAMP_MAY_DMY | STAMP_MAY_MDY) ? shape
                                                                   : STAMP_NO;
}

/* Its fields are those of a calendar, but for days of a year in January. */
static int64_t seconds_of(const struct tm *tm)
{
    int64_t days = clock_day(INT64_C(1900) + tm->tm_year, tm->tm_mon + 1,
                             tm->tm_mday, false);

    return ((days * 24 + tm->tm_hour) * 60 + tm->tm_min) * 60 + tm->tm_sec;
}

static bool join(const stamp_format *f, const struct tm *tm, const parts *t,
                 int64_t *nsp)
{
    int64_t s = seconds_of(tm) - (t->has_zone ? t->zone_s : f->zone_s);

    if (s < LEAST_S || s > MOST_S)
        return false;
    *nsp = s * CLOCK_S + t->fraction_ns;
    return true;
}

static bool parse_day(const stamp_format *f, const char *at, const char *end,
                      int64_t *nsp)
{
    struct tm tm = {0};
    int year, month, day;
    bool has_day;
    parts t;

    if (!split(at, end, &t, &has_day) || !has_day ||
        (t.a_digits == 4) != (f->kind == STAMP_YMD))
        return false;
    year = f->kind == STAMP_YMD ? t.a : t.c;
    month = f->kind == STAMP_MDY ? t.a : t.b;
    day = f->kind == STAMP_YMD ? t.c : f->kind == STAMP_DMY ? t.a : t.b;
    if (!is_day(year, month, day))
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = day;
    if (t.hour >= 0) {
        tm.tm_hour = t.hour;
        tm.tm_min = t.minute;
        tm.tm_sec = t.second;
    }
    return join(f, &tm, &t, nsp);
}

/* One conversion of a pattern; what follows in the text, or NULL. */
static const char *take_conversion(char c, const char *p, struct tm *tm,
                                   parts *t, bool *of_yearp)
{
    char one[] = {'%', c, '\0'};

    switch (c) {
    case 'f':
        return take_fraction(p, p + strlen(p), &t->fraction_ns);
    case '%':
        return *p == '%' ? p + 1 : NULL;
    case 'z':
        t->has_zone = true;
        p = strptime(p, one, tm);
        t->zone_s = (int)tm->tm_gmtoff;
        return p;
    case 'j':
        *of_yearp = true;
        break;
    case 's': /* strptime would make it local */
        return NULL;
    default:
        break;
    }
    return strptime(p, one, tm);
}

static bool parse_pattern(const stamp_format *f, const char *at,
                          const char *end, int64_t *nsp)
{
    struct tm tm = {.tm_mday = 1, .tm_year = 70};
    bool of_year = false; /* the day is one of the year */
    char text[TEXT_MAX + 1];
    const char *p = text;
    parts t = {0};

    if (end - at > TEXT_MAX)
        return false;
    memcpy(text, at, (size_t)(end - at));
    text[end - at] = '\0';
    for (const char *w = f->pattern; *w && p; w++) {
        if (*w == '%' && w[1])
            p = take_conversion(*++w, p, &tm, &t, &of_year);
        else
            p = *p == *w ? p + 1 : NULL;
    }
    if (!p || *p)
        return false;
    if (of_year) {
        tm.tm_mon = 0;
        tm.tm_mday = tm.tm_yday + 1;
    }
    return join(f, &tm, &t, nsp);
}

static bool parse_since(const stamp_format *f, const char *at, const char *end,
                        int64_t *nsp)
{
    static const double units[] = {[STAMP_S] = 1e9,
                                   [STAMP_MS] = 1e6,
                                   [STAMP_US] = 1e3,
                                   [STAMP_NS] = 1,
                                   [STAMP_ELAPSED] = 1e9};
    int64_t whole = 0, base = f->kind == STAMP_ELAPSED ? f->base_ns : 0;
    double value, ns;
    const char *p = at;

    /* Nanoseconds of these years are more than a double holds. */
    for (; p < end && *p >= '0' && *p <= '9' && p - at < 18; p++)
        whole = whole * 10 + (*p - '0');
    if (!number_parse(at, end, f->decimal, &value))
        return false;
    ns = value * units[f->kind];
    if (!(fabs(ns / 1e9) <= (double)MOST_S))
        return false;
    if (p > at && (p == end || (f->kind == STAMP_S && *p == f->decimal))) {
        int64_t rest = llround((value - (double)whole) * units[f->kind]);
        *nsp = base + whole * (int64_t)units[f->kind] + (p == end ? 0 : rest);
    } else if (f->kind == STAMP_NS && end - at == 19 &&
               strspn(at, "0123456789") >= 19) {
        *nsp = base + whole * 10 + (at[18] - '0');
    } else {
        *nsp = base + llround(ns);
    }
    return true;
}

bool stamp_parse(const stamp_format *f, const char *at, const char *end,
                 int64_t *nsp)
{
    switch (f->kind) {
    case STAMP_NONE:
        return false;
    case STAMP_YMD:
    case STAMP_DMY:
    case STAMP_MDY:
        return parse_day(f, at, end, nsp);
    case STAMP_PATTERN:
        return parse_pattern(f, at, end, nsp);
    default:
        return parse_since(f, at, end, nsp);
    }
}

static const struct {
    const char *word;
    enum stamp_kind kind;
    const char *name;
} words[] = {
    {"iso", STAMP_YMD, "ISO 8601"},
    {"dmy", STAMP_DMY, "day, month, year"},
    {"mdy", STAMP_MDY, "month, day, year"},
    {"s", STAMP_S, "seconds since 1970"},
    {"ms", STAMP_MS, "milliseconds since 1970"},
    {"us", STAMP_US, "microseconds since 1970"},
    {"ns", STAMP_NS, "nanoseconds since 1970"},
};

int stamp_word(const char *word, stamp_format *f, pe_error *errp)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(words[i].word, word)) {
            f->kind = words[i].kind;
            return 0;
        }
    if (!strchr(word, '%'))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "format: '%s' is none of iso, dmy, mdy, s, ms, us, "
                            "ns, and no pattern like %%d.%%m.%%Y %%H:%%M:%%S",
                            word);
    f->kind = STAMP_PATTERN;
    f->pattern = word;
    return 0;
}

int stamp_zone(const char *word, int *zone_sp, pe_error *errp)
{
    const char *end = word + strlen(word);
    parts t = {0};

    if (!*word || take_zone(word, end, &t) != end)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "zone: '%s' is none; write UTC, or what is added "
                            "to it, as +01:00",
                            word);
    *zone_sp = t.zone_s;
    return 0;
}

const char *stamp_name(const stamp_format *f)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].kind == f->kind)
            return words[i].name;
    return f->kind == STAMP_ELAPSED   ? "seconds since its header's time"
           : f->kind == STAMP_PATTERN ? f->pattern
                                      : "";
}
