/* weather.c - what a link does at a time: delay and rate, by a seed. */
#include "weather.h"

#include <string.h>

#include "src/common/random.h"
#include "src/common/text.h"

#define DELAY_MAX_S 60.0
#define RATE_MIN 1e3
#define RATE_MAX 1e12
#define EVERY_S 1.0
#define SEED 1

/* What a draw is for. */
enum draw { DRAW_DELAY, DRAW_RATE };

static const struct {
    const char *name;
    link_range delay_s, rate;
} profiles[] = {
    {"none", {0, 0}, {0, 0}},
    {"lan", {50e-6, 150e-6}, {1e9, 1e9}},
    {"mobile", {20e-3, 60e-3}, {5e6, 20e6}},
    /* Jetstream to LRZ, as the paper measured it: 140 to 160 ms there and
     * back, 60 to 100 Mbit/s.
     */
    {"wan", {70e-3, 80e-3}, {60e6, 100e6}},
};

const char link_profile_names[] = "none lan mobile wan";

int link_profile(const char *name, link_weather *out, pe_error *errp)
{
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        if (strcmp(profiles[i].name, name) != 0)
            continue;
        *out = (link_weather){.delay_s = profiles[i].delay_s,
                              .rate = profiles[i].rate,
                              .every_s = EVERY_S,
                              .seed = SEED};
        return 0;
    }
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "there is no profile '%s': %s", name,
                        link_profile_names);
}

/* --- ranges --- */

typedef int (*value_parse_f)(const char *s, double *out);

static int rate_parse(const char *s, double *out)
{
    static const struct {
        const char *unit;
        double factor;
    } units[] = {{"Gbit", 1e9}, {"Mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}};
    size_t n = strspn(s, "0123456789.");
    char number[32];

    if (n == 0 || n >= sizeof(number))
        return -1;
    memcpy(number, s, n);
    number[n] = '\0';
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(s + n, units[i].unit) != 0)
            continue;
        if (text_parse_float(number, out) < 0)
            return -1;
        *out *= units[i].factor;
        return *out >= RATE_MIN && *out <= RATE_MAX ? 0 : -1;
    }
    return -1;
}

static int delay_parse(const char *s, double *out)
{
    if (text_parse_time(s, out) < 0)
        return -1;
    return *out >= 0 && *out <= DELAY_MAX_S ? 0 : -1;
}

/* "VALUE" or "LEAST..MOST". */
static int range_parse(const char *s, value_parse_f parse, link_range *out)
{
    const char *dots = strstr(s, "..");
    link_range r;
    char least[64];

    if (!dots) {
        if (parse(s, &r.least) < 0)
            return -1;
        r.most = r.least;
    } else {
        size_t n = (size_t)(dots - s);
        if (n >= sizeof(least))
            return -1;
        memcpy(least, s, n);
        least[n] = '\0';
        if (parse(least, &r.least) < 0 || parse(dots + 2, &r.most) < 0)
            return -1;
    }
    if (r.least > r.most)
        return -1;
    *out = r;
    return 0;
}

int link_delay_parse(const char *s, link_range *out, pe_error *errp)
{
    if (range_parse(s, delay_parse, out) == 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "'%s' is no delay: give a time like 75ms, or the "
                        "least and the most like 70ms..80ms, up to 60s",
                        s);
}

int link_rate_parse(const char *s, link_range *out, pe_error *errp)
{
    if (range_parse(s, rate_parse, out) == 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "'%s' is no rate: give one like 80Mbit (kbit, Mbit, "
                        "Gbit a second), or the least and the most like "
                        "60Mbit..100Mbit, from 1kbit on",
                        s);
}

/* --- the weather --- */

/* Draw [n] of [what] within [r]. */
static double draw(const link_weather *w, unsigned what, uint64_t n,
                   const link_range *r)
{
    random_stream s = {.key = random_mix(random_mix(w->seed, what), n)};

    return r->least + (r->most - r->least) * random_uniform(&s);
}

double link_delay_at(const link_weather *w, double at_s)
{
    double at = at_s > 0 ? at_s / w->every_s : 0;
    uint64_t n = (uint64_t)at;
    double a = draw(w, DRAW_DELAY, n, &w->delay_s);
    double b = draw(w, DRAW_DELAY, n + 1, &w->delay_s);

    return a + (b - a) * (at - (double)n);
}

double link_rate_at(const link_weather *w, enum link_way way, double at_s)
{
    uint64_t n = at_s > 0 ? (uint64_t)(at_s / w->every_s) : 0;

    return draw(w, DRAW_RATE + (unsigned)way, n, &w->rate);
}
