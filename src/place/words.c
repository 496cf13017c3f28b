/* words.c - why a partition is where it is, for people. */
#include <stdarg.h>
#include <stdio.h>

#include "place.h"
#include "src/common/text.h"

/* One reason more. */
__attribute__((format(printf, 2, 3))) static void part(text *out,
                                                       const char *fmt, ...)
{
    char line[400];
    va_list ap;

    va_start(ap, fmt);
    if (vsnprintf(line, sizeof(line), fmt, ap) < 0)
        line[0] = '\0';
    va_end(ap);
    text_add(out, "%s%s", out->len ? "; " : "", line);
}

/* The shortest known trip of partition [k], but for member [but]; -1: none. */
static int nearest(const place_member *m, size_t n, int32_t k, int but)
{
    int best = -1;

    for (size_t i = 0; i < n; i++)
        if ((int)i != but && m[i].trip_us[k] > 0 &&
            (best < 0 || m[i].trip_us[k] < m[best].trip_us[k]))
            best = (int)i;
    return best;
}

static double ms(const place_member *m, int32_t k)
{
    return m->trip_us[k] / 1e3;
}

static void trip_put(const place_member *m, size_t n, int32_t k, int who,
                     text *out)
{
    int other = nearest(m, n, k, who);

    if (other >= 0 && ms(&m[other], k) > ms(&m[who], k))
        part(out, "near its broker, %.3g ms there and back (%s: %.3g ms)",
             ms(&m[who], k), m[other].name, ms(&m[other], k));
    else
        part(out, "near its broker, %.3g ms there and back", ms(&m[who], k));
}

static void new_put(const place_member *m, size_t n, int who, text *out)
{
    for (size_t i = 0; i < n; i++)
        if ((int)i != who && !m[i].settled) {
            part(out, "stays: %s has just come up", m[i].name);
            return;
        }
}

void place_why(const place_look *l, int32_t k, const place_row *r, text *out)
{
    const place_wish *w = l->wish;
    const place_member *m = l->m;
    const char *at = l->at ? l->at[k] : NULL;
    size_t n = l->n;

    if (r->member < 0) {
        part(out, "no pool is up");
        return;
    }
    if (n == 1) {
        part(out, "no choice: no other pool of this stream is up");
        return;
    }
    if (r->by & PLACE_NEW)
        new_put(m, n, r->member, out);
    if (r->by & PLACE_AVOID)
        part(out, "avoid: others are at %s", w->avoid);
    if (r->by & PLACE_LATENCY)
        part(out,
             "max-latency: it is %.3g ms from its broker, others more "
             "than %.9g ms",
             ms(&m[r->member], k), w->max_s * 1e3);
    if (r->by & PLACE_SITE)
        part(out, "site: it is at %s", m[r->member].site);
    if (r->by & PLACE_DEVICES)
        part(out, "near its devices, at %s", at ? at : "?");
    if (r->by & PLACE_TRIP)
        trip_put(m, n, k, r->member, out);
    if (r->alike > 1)
        part(out, "a share by ranks, of %d pools", r->alike);
}

static bool site_is_up(const place_wish *w, const place_member *m, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (place_site_is_of(m[i].site, w->site))
            return true;
    return false;
}

void place_unmet(const place_look *l, int32_t k, const place_row *r, text *out)
{
    const place_wish *w = l->wish;
    const place_member *m = l->m;
    size_t n = l->n;
    int best = nearest(m, n, k, -1);

    if (r->by & PLACE_NEW) /* it will be, and why it is not says so */
        return;
    if (r->unmet & PLACE_AVOID)
        part(out, "avoid %s: every pool that is up is there", w->avoid);
    if (r->unmet & PLACE_LATENCY && best >= 0)
        part(out, "max-latency %.9gms: the nearest pool, %s, is %.3g ms away",
             w->max_s * 1e3, m[best].name, ms(&m[best], k));
    if (r->unmet & PLACE_SITE)
        part(out, "site %s: no pool there is up%s", w->site,
             site_is_up(w, m, n) ? " but such as come last for another reason"
                                 : "");
    if (r->unmet & PLACE_TRIP && best < 0 && n > 1)
        part(out, "near data: no round trip to the broker is measured yet");
}
