/* energy.c - what the hosts of a run have taken, by their pilots' last words.
 */
#include <string.h>

#include "src/monitor/private.h"
#include "src/monitor/value.h"

/* A host counts for all that runs on it, so pilots of one host say the same
 * joules: the one that lived longest has the most of them.
 */
static void host_take(json_t *hosts, const json_t *e)
{
    const char *host = value_text(e, "host", "?");
    double joules = value_real(e, "joules");

    if (!json_object_get(hosts, host) || joules > value_real(hosts, host))
        json_object_set_new(hosts, host, json_real(joules));
}

static json_t *unknown(const char *pilot, const json_t *e)
{
    return json_pack("{s:o}", "why",
                     json_sprintf("%s on %s: %s", pilot,
                                  value_text(e, "host", "?"),
                                  value_text(e, "why", "it tells nothing")));
}

json_t *monitor_energy(const json_t *finals, long long points)
{
    json_t *hosts = json_object(), *pilots = json_object(), *out = NULL, *n;
    const char *name;
    const json_t *final;
    double sum = 0;

    json_object_foreach((json_t *)finals, name, final)
    {
        const json_t *e = json_object_get(final, "energy");
        if (!e || out)
            continue;
        if (!json_object_get(e, "joules")) {
            out = unknown(name, e);
            continue;
        }
        host_take(hosts, e);
        json_object_set(pilots, name, json_object_get(e, "joules"));
    }
    json_object_foreach(hosts, name, n) sum += json_number_value(n);
    if (!out && json_object_size(hosts) > 0)
        out = json_pack("{s:f, s:o, s:i, s:s, s:O}", "joules", sum,
                        "joules_per_million_points",
                        points > 0 ? json_real(sum / ((double)points / 1e6))
                                   : json_null(),
                        "hosts", (int)json_object_size(hosts), "source", "rapl",
                        "pilots", pilots);
    json_decref(pilots);
    json_decref(hosts);
    return out;
}
