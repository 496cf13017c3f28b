/* weather.h - what a link does at a time: delay and rate, by a seed. */
#ifndef LINK_WEATHER_H
#define LINK_WEATHER_H

#include <stdint.h>

#include <pilot/error.h>

/* The two ways of a link: from who connects to the server, and back. */
enum link_way { LINK_UP, LINK_DOWN, LINK_WAYS };

typedef struct link_range {
    double least, most;
} link_range;

/* A link.  Rate and delay wander within their ranges; the same numbers give
 * the same weather at the same time after the start.
 */
typedef struct link_weather {
    link_range delay_s; /* one way; both ways at a time have the same */
    link_range rate;    /* bits a second, of each way; 0: without limit */
    double every_s;     /* a new draw each; above 0 */
    uint64_t seed;
} link_weather;

/* The link called [name]; seed and every_s have their defaults.  Errors:
 * input, 64, with the names there are.
 */
int link_profile(const char *name, link_weather *out, pe_error *errp);
/* Blank-separated, for --help. */
extern const char link_profile_names[];

/* "70ms..80ms" or "75ms"; "60Mbit..100Mbit" or "8kbit" (bit, kbit, Mbit, Gbit:
 * thousands).  Errors: input, 64.
 */
int link_delay_parse(const char *s, link_range *out, pe_error *errp);
int link_rate_parse(const char *s, link_range *out, pe_error *errp);

/* At [at_s] seconds after the start.  The delay goes in a straight line from
 * one draw to the next, so that it jumps nowhere; a rate stays for a draw.
 */
double link_delay_at(const link_weather *w, double at_s);
double link_rate_at(const link_weather *w, enum link_way way, double at_s);

#endif
