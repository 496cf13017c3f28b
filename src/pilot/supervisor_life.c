/* supervisor_life.c - what a pilot has taken in lives before this process. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/pilot/supervisor.h"
#include "src/registry/supervise.h"

#define BYTES_MAX 4096

static double real_of(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

void life_open(supervisor *s)
{
    char *path = text_format("%s/%s", s->dir, SUPERVISE_LIFE);
    char *data = path ? file_read(path, BYTES_MAX, NULL, NULL) : NULL;
    json_t *o = data ? json_loads(data, 0, NULL) : NULL;
    char host[256] = "";
    const char *was = json_string_value(json_object_get(o, "host"));

    gethostname(host, sizeof(host) - 1);
    s->life.starts = (int)real_of(o, "starts");
    s->life.restarts = (int)real_of(o, "restarts");
    s->life.cpu_s = real_of(o, "cpu_s");
    /* Counters of another host do not go on here. */
    if (was && !strcmp(was, host))
        s->energy.joules = real_of(o, "joules");
    json_decref(o);
    free(data);
    free(path);
}

int life_starts(const supervisor *s)
{
    int n = s->life.starts;

    for (size_t i = 0; i < s->n_units; i++)
        n += s->units[i].crew.starts;
    return n;
}

int life_restarts(const supervisor *s)
{
    int n = s->life.restarts;

    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i].crew.starts > 1)
            n += s->units[i].crew.starts - 1;
    return n;
}

/* With agents that live, as far as they have told it. */
double life_cpu_s(const supervisor *s)
{
    double sum = s->life.cpu_s + clock_cpu_s();

    for (size_t i = 0; i < s->n_units; i++)
        sum += s->units[i].crew.cpu_s;
    if (s->n_units > 0 && s->units[0].crew.state == CREW_RUNS)
        sum += real_of(s->progress, "cpu_s");
    return sum;
}

void life_keep(const supervisor *s)
{
    char host[256] = "", *path = text_format("%s/%s", s->dir, SUPERVISE_LIFE);
    pe_error e = {0};
    char *json;
    json_t *o;

    gethostname(host, sizeof(host) - 1);
    o = json_pack("{s:i, s:i, s:f, s:f, s:s}", "starts", life_starts(s),
                  "restarts", life_restarts(s), "cpu_s", life_cpu_s(s),
                  "joules", s->energy.joules, "host", host);
    json = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    if (path && json && file_write(path, json, strlen(json), 0600, &e) < 0)
        log_warn("%s", e.text);
    free(json);
    json_decref(o);
    free(path);
}

void life_tell(const supervisor *s, json_t *final)
{
    json_t *life = json_object_get(final, "life");
    double cpu_s =
        life_cpu_s(s) - real_of(s->progress, "cpu_s") + real_of(final, "cpu_s");

    char host[256] = "";

    gethostname(host, sizeof(host) - 1);
    json_object_set_new(final, "host", event_text(host));
    json_object_set_new(final, "cpu_s", json_real(cpu_s));
    if (life_starts(s) < 2)
        return;
    if (!life) {
        life = json_object();
        json_object_set_new(final, "life", life);
    }
    json_object_set_new(life, "n", json_integer(life_starts(s)));
    json_object_set_new(life, "since_ns",
                        json_integer((json_int_t)s->begun_ns));
}
