/* pilots.c - what the commands that look at pilots share. */
#include "pilots.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/locate.h"
#include "src/common/log.h"

/* Nothing was heard for so long: that is worth a word. */
#define QUIET_NS (90 * CLOCK_S)

int pilots_open(pilots *p, pe_error *errp)
{
    memset(p, 0, sizeof(*p));
    p->home = locate_home(errp);
    if (p->home)
        p->reach = reach_create(p->home, errp);
    if (p->reach)
        p->cache = observe_cache_create(errp);
    p->heard = json_object();
    if (p->cache && p->heard)
        return 0;
    if (p->cache)
        pe_error_nomem(errp);
    return -1;
}

void pilots_close(pilots *p)
{
    for (size_t i = 0; i < p->n_troubles; i++)
        free(p->troubles[i]);
    free(p->troubles);
    json_decref(p->heard);
    free(p->r);
    observe_cache_destroy(p->cache);
    reach_destroy(p->reach);
    free(p->home);
}

/* --- select --- */

static bool has(const pilot_record *r, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(r[i].id, id))
            return true;
    return false;
}

/* Add what [word] means to *rp. */
static int word_add(pilots *p, const char *word, pilot_record **rp, size_t *np,
                    pe_error *errp)
{
    pilot_record *found, *more;
    size_t n;

    if (pilot_records_find(p->home, word, &found, &n, errp) < 0)
        return -1;
    more = reallocarray(*rp, *np + n + 1, sizeof(*more));
    if (!more) {
        free(found);
        return pe_error_nomem(errp);
    }
    *rp = more;
    for (size_t i = 0; i < n; i++)
        if (!has(more, *np, found[i].id))
            more[(*np)++] = found[i];
    free(found);
    return 0;
}

int pilots_select(pilots *p, char *const *words, size_t n, pe_error *errp)
{
    pilot_record *r = NULL;
    size_t n_r = 0;
    int status = 0;

    if (n == 0)
        status = pilot_records_read(p->home, &r, &n_r, &p->torn, errp);
    for (size_t i = 0; status == 0 && i < n; i++)
        status = word_add(p, words[i], &r, &n_r, errp);
    if (status < 0) {
        free(r);
        return -1;
    }
    free(p->r);
    p->r = r;
    p->n = n_r;
    return 0;
}

/* --- observe --- */

static json_t *beats_fetch(void *arg, const char *run)
{
    return reach_beats(((pilots *)arg)->reach, run);
}

/* "TEXT (asked 12 s ago)" is the same trouble. */
static bool is_same(const char *told, const char *what)
{
    size_t len = strlen(told);

    return !strncmp(told, what, len) &&
           (!what[len] || !strncmp(what + len, " (asked ", 8));
}

static void trouble_tell(void *arg, const char *what)
{
    pilots *p = arg;
    char **list;

    for (size_t i = 0; i < p->n_troubles; i++)
        if (is_same(p->troubles[i], what))
            return;
    list = reallocarray(p->troubles, p->n_troubles + 1, sizeof(*list));
    if (list) {
        p->troubles = list;
        list[p->n_troubles] = text_format("%s", what);
        p->n_troubles += list[p->n_troubles] != NULL;
    }
    log_warn("%s", what);
}

static void beat_keep(void *arg, const pilot_record *r, const json_t *o)
{
    json_object_set(((pilots *)arg)->heard, r->id, (json_t *)o);
}

/* How often schedulers may be asked, as the environment has it; -1: what it
 * has is no time.
 */
static int64_t period_of(pe_error *errp)
{
    const char *value = getenv("PILOT_POLL");
    double seconds;

    if (!value || !*value)
        return 0;
    if (text_parse_time(value, &seconds) < 0 || seconds <= 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "PILOT_POLL: '%s' is no time: write a number and "
                            "its unit, as in 30s or 5m",
                            value);
    return (int64_t)(seconds * 1e9);
}

int pilots_observe(pilots *p, enum pilots_ask ask, pe_error *errp)
{
    int64_t period = period_of(errp);
    const observe_conf c = {
        .home = p->home,
        .now = ask == PILOTS_ASK_NOW,
        .period_ns = ask == PILOTS_ASK_NOT ? OBSERVE_NEVER_NS : period,
        .cache = p->cache,
        .beats = beats_fetch,
        .arg = p,
        .trouble = trouble_tell,
        .heard = beat_keep};
    size_t before = p->n_troubles;

    if (period < 0)
        return -1;
    if (observe(&c, p->r, p->n, errp) < 0)
        return -1;
    return (int)(p->n_troubles - before);
}

/* --- words --- */

void pilots_age(int64_t ns, text *out)
{
    static const struct {
        int64_t from, unit;
        const char *name;
    } units[] = {
        {2 * 86400, 86400, "d"}, {2 * 3600, 3600, "h"}, {120, 60, "min"}};
    int64_t s = ns > 0 ? ns / CLOCK_S : 0;

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (s >= units[i].from) {
            text_add(out, "%lld %s", (long long)(s / units[i].unit),
                     units[i].name);
            return;
        }
    text_add(out, "%lld s", (long long)s);
}

void pilots_left(const pilot_record *r, int64_t now_ns, text *out)
{
    long long s = (r->limit_ns - now_ns) / CLOCK_S;

    if (r->limit_ns == 0 || pilot_state_is_final(r->state)) {
        text_add(out, "-");
        return;
    }
    s = s > 0 ? s : 0;
    if (s >= 86400)
        text_add(out, "%lld-%02lld:", s / 86400, s / 3600 % 24);
    else if (s >= 3600)
        text_add(out, "%lld:", s / 3600);
    text_add(out, s >= 3600 ? "%02lld:%02lld" : "%lld:%02lld", s / 60 % 60,
             s % 60);
}

/* Bytes of schedulers do not reach a terminal as controls. */
static void clean_add(text *out, const char *s)
{
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;
        char c = *p < ' ' || *p == 0x7f || c1 ? ' ' : (char)*p;
        text_add_bytes(out, &c, 1);
        p += c1;
    }
}

static int64_t newest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* How long nobody has said anything about a pilot that should be heard. */
static int64_t quiet_ns(const pilot_record *r, int64_t now_ns)
{
    int64_t last = newest(r->submitted_ns, r->created_ns);

    if (pilot_state_is_final(r->state) || r->state == PILOT_NEW)
        return 0;
    last = newest(last, r->seen_ns);
    /* Of one that is up it is the beat that counts. */
    if (!pilot_state_is_up(r->state))
        last = newest(last, r->observed_ns);
    return now_ns - last;
}

void pilots_reason(const pilot_record *r, int64_t now_ns, text *out)
{
    const char *between = "";

    if (r->cancel_asked && !pilot_state_is_final(r->state)) {
        text_add(out, "asked to end");
        between = "; ";
    }
    if (*r->reason) {
        text_add(out, "%s", between);
        clean_add(out, r->reason);
        between = "; ";
    }
    if (*r->progress && pilot_state_is_up(r->state)) {
        text_add(out, "%s", between);
        clean_add(out, r->progress);
        between = "; ";
    }
    if (quiet_ns(r, now_ns) > QUIET_NS) {
        text_add(out, "%slast seen ", between);
        pilots_age(quiet_ns(r, now_ns), out);
        text_add(out, " ago");
    }
}

int pilots_time(const char *option, const char *value, double *secondsp,
                pe_error *errp)
{
    if (!strcmp(value, "0")) {
        *secondsp = 0;
        return 0;
    }
    if (text_parse_time(value, secondsp) == 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "option --%s: '%s' is no time: write a number and its "
                        "unit, as in 90s, 10m or 2h",
                        option, value);
}
