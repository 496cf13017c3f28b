/* energy.c - what a run has taken, by accounting and by its hosts' counters. */
#include <string.h>

#include "src/monitor/private.h"
#include "src/monitor/value.h"

typedef struct sums {
    json_t *hosts;  /* HOST -> joules of its counters */
    json_t *billed; /* HOST -> true: a job that was accounted for was there */
    json_t *pilots; /* NAME -> joules */
    json_t *why;    /* one has neither; NULL */
    const char *source;
    double billed_j;
} sums;

/* A host counts for all that runs on it, so pilots of one host say the same
 * joules: the one that lived longest has the most of them.
 */
static void host_take(sums *s, const char *name, const json_t *e)
{
    const char *host = value_text(e, "host", "?");
    double joules = value_real(e, "joules");

    if (!json_object_get(s->hosts, host) || joules > value_real(s->hosts, host))
        json_object_set_new(s->hosts, host, json_real(joules));
    json_object_set(s->pilots, name, json_object_get(e, "joules"));
}

static json_t *unknown(const char *pilot, const json_t *e,
                       const json_t *account)
{
    const char *why = value_text(account, "why", NULL);

    return json_pack("{s:o}", "why",
                     json_sprintf("%s on %s: %s%s%s", pilot,
                                  value_text(e, "host", "?"),
                                  value_text(e, "why", "it tells nothing"),
                                  why ? "; " : "", why ? why : ""));
}

static void account_take(sums *s, const char *name, const json_t *account)
{
    if (!json_object_get(account, "joules"))
        return;
    s->billed_j += value_real(account, "joules");
    s->source = value_text(account, "source", "?");
    json_object_set(s->pilots, name, json_object_get(account, "joules"));
}

/* What is not accounted for, by counters. */
static void final_take(sums *s, const char *name, const json_t *e,
                       const json_t *account)
{
    const char *host = value_text(e, "host", "?");

    if (!e || json_object_get(account, "joules") ||
        json_object_get(account, "in") || json_object_get(s->billed, host))
        return;
    if (json_object_get(e, "joules"))
        host_take(s, name, e);
    else if (!s->why)
        s->why = unknown(name, e, account);
}

/* Each pilot's energy and what its scheduler says. */
static void all_take(sums *s, const json_t *finals, const json_t *accounts)
{
    const char *name;
    const json_t *final, *account;

    json_object_foreach((json_t *)accounts, name, account)
    {
        const json_t *e =
            json_object_get(json_object_get(finals, name), "energy");

        account_take(s, name, account);
        if (json_object_get(account, "joules") && e)
            json_object_set_new(s->billed, value_text(e, "host", "?"),
                                json_true());
    }
    json_object_foreach((json_t *)finals, name, final)
    {
        final_take(s, name, json_object_get(final, "energy"),
                   json_object_get(accounts, name));
    }
}

static json_t *sum_make(const sums *s, long long points)
{
    int hosts = (int)json_object_size(s->hosts);
    double sum = s->billed_j;
    const char *name;
    json_t *n;

    json_object_foreach(s->hosts, name, n) sum += json_number_value(n);
    return json_pack(
        "{s:f, s:o, s:i, s:o, s:O}", "joules", sum, "joules_per_million_points",
        points > 0 ? json_real(sum / ((double)points / 1e6)) : json_null(),
        "hosts", hosts, "source",
        json_sprintf("%s%s%s", hosts > 0 ? "rapl" : "",
                     hosts > 0 && s->source ? ", " : "",
                     s->source ? s->source : ""),
        "pilots", s->pilots);
}

json_t *monitor_energy(const json_t *finals, const json_t *accounts,
                       long long points)
{
    sums s = {.hosts = json_object(),
              .billed = json_object(),
              .pilots = json_object()};
    json_t *out = NULL;

    all_take(&s, finals, accounts);
    if (s.why)
        out = json_incref(s.why);
    else if (json_object_size(s.pilots) > 0)
        out = sum_make(&s, points);
    if (out && json_object_size(accounts) > 0)
        json_object_set(out, "accounts", (json_t *)accounts);
    json_decref(s.hosts);
    json_decref(s.billed);
    json_decref(s.pilots);
    json_decref(s.why);
    return out;
}
