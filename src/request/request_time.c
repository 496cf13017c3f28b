/* request_time.c - times as sbatch reads them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "src/common/text.h"
#include "src/request/request.h"

#define DIGITS "0123456789"
#define FIELD_MAX 9 /* digits of a field: no sum of them overflows */
#define MINUTE 60
#define HOUR 3600
#define DAY 86400

/* Up to three numbers at [s], ':' between them; how many, or -1. */
static int fields_read(const char *s, int64_t field[3])
{
    int n = 0;

    for (;;) {
        size_t len = strspn(s, DIGITS);
        if (n == 3 || len == 0 || len > FIELD_MAX)
            return -1;
        field[n] = 0;
        for (size_t i = 0; i < len; i++)
            field[n] = 10 * field[n] + (s[i] - '0');
        n++;
        if (!s[len])
            return n;
        if (s[len] != ':')
            return -1;
        s += len + 1;
    }
}

/* "m", "m:s", "h:m:s". */
static int clock_read(const char *s, bool bare_minutes, int64_t *secondsp)
{
    int64_t f[3];
    int n = fields_read(s, f);

    if (n < 0 || (n == 1 && !bare_minutes))
        return -1;
    *secondsp = n == 1   ? f[0] * MINUTE
                : n == 2 ? f[0] * MINUTE + f[1]
                         : f[0] * HOUR + f[1] * MINUTE + f[2];
    return 0;
}

/* "d-h", "d-h:m", "d-h:m:s". */
static int days_read(const char *s, int64_t *secondsp)
{
    size_t len = strspn(s, DIGITS);
    int64_t f[3] = {0}, days = 0;

    if (len == 0 || len > FIELD_MAX || s[len] != '-' ||
        fields_read(s + len + 1, f) < 0)
        return -1;
    for (size_t i = 0; i < len; i++)
        days = 10 * days + (s[i] - '0');
    *secondsp = days * DAY + f[0] * HOUR + f[1] * MINUTE + f[2];
    return 0;
}

/* "90s", "30m", "2h", "1d": whole seconds. */
static int unit_read(const char *s, int64_t *secondsp)
{
    double seconds;

    if (text_parse_time(s, &seconds) < 0 || seconds >= 1e15 ||
        floor(seconds) != seconds)
        return -1;
    *secondsp = (int64_t)seconds;
    return 0;
}

int request_time_parse(const char *s, bool bare_minutes, int64_t *secondsp)
{
    int64_t seconds = 0;

    if (!s)
        return -1;
    if (!strcasecmp(s, "UNLIMITED") || !strcasecmp(s, "INFINITE")) {
        *secondsp = 0;
        return 0;
    }
    if (clock_read(s, bare_minutes, &seconds) < 0 &&
        days_read(s, &seconds) < 0 && unit_read(s, &seconds) < 0)
        return -1;
    if (seconds <= 0)
        return -1;
    *secondsp = seconds;
    return 0;
}

void request_time_format(int64_t seconds, char *out, size_t cap)
{
    int64_t days = seconds / DAY, rest = seconds % DAY;
    int n = 0;

    if (days > 0)
        n = snprintf(out, cap, "%" PRId64 "-", days);
    if (n >= 0 && (size_t)n < cap)
        snprintf(out + n, cap - (size_t)n,
                 "%02" PRId64 ":%02" PRId64 ":%02" PRId64, rest / HOUR,
                 rest % HOUR / MINUTE, rest % MINUTE);
}
