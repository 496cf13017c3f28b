/* guests.c - pilots that were added to a run while this command follows it: it
 * has not started them, and their share is in the summary all the same.
 */
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/run/run.h"

/* Beats come every 2 s: who is silent for so long is not waited for. */
#define HEARD_NS (8 * CLOCK_S)

static json_int_t int_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

/* The pool, or edge pilot, of the file that NAME.2, NAME.3, ... is of; NULL:
 * none.
 */
static const pipeline_pilot *pilot_of(const struct run *r, const char *member)
{
    size_t n = strcspn(member, ".");

    for (size_t i = 0; member[n] && i < r->p->n_pilots; i++) {
        const pipeline_pilot *k = &r->p->pilots[i];

        if ((k->kind == PILOT_POOL || k->kind == PILOT_EDGE) &&
            !strncmp(k->name, member, n) && !k->name[n])
            return k;
    }
    return NULL;
}

/* A new entry: {"seq", "heard_ns", "final", "over"}; NULL: it is none of this
 * command, as it was over before.
 */
static json_t *guest_make(const struct run *r, const json_t *beat)
{
    bool over = json_object_get(beat, "status") != NULL;
    int64_t begun = clock_real_ns() - (clock_mono_ns() - r->start_ns);

    if (over && int_of(beat, "born_ns") < begun)
        return NULL;
    return json_pack("{s:I, s:I, s:b, s:b}", "seq", (json_int_t)-1, "heard_ns",
                     (json_int_t)0, "final", 0, "over", 0);
}

/* Its supervisor tells it to no command but by its beat, which has a number. */
static void deaths_take(struct run *r, const char *name, json_t *g,
                        json_int_t deaths)
{
    const pipeline_pilot *of = pilot_of(r, name);
    json_int_t more = deaths - int_of(g, "restarts");

    if (more <= 0)
        return;
    for (json_int_t i = 0; i < more; i++)
        monitor_lost(r->monitor, name, of && of->kind == PILOT_EDGE);
    json_object_set_new(g, "restarts", json_integer(deaths));
    run_progress_clear(r);
    if (more == 1)
        log_warn("pilot %s, which was added, died; it is started again", name);
    else
        log_warn("pilot %s, which was added, died %lld times; it is started "
                 "again",
                 name, (long long)more);
}

static void end_take(struct run *r, const char *name, json_t *g,
                     const json_t *beat)
{
    const char *why = json_string_value(
        json_object_get(json_object_get(beat, "error"), "text"));

    if (!json_object_get(beat, "status") ||
        json_is_true(json_object_get(g, "over")))
        return;
    monitor_cpu(r->monitor, name,
                json_number_value(json_object_get(beat, "cpu_s")));
    json_object_set_new(g, "over", json_true());
    if (int_of(beat, "status") == 0 || !why)
        return;
    run_progress_clear(r);
    log_warn("pilot %s, which was added, has failed: %s", name, why);
}

static void beat_take(struct run *r, const char *name, json_t *g,
                      const json_t *beat)
{
    const json_t *final = json_object_get(beat, "final");
    const json_t *progress = json_object_get(beat, "progress");

    if (int_of(beat, "seq") == int_of(g, "seq"))
        return;
    json_object_set_new(g, "seq", json_integer(int_of(beat, "seq")));
    json_object_set_new(g, "heard_ns",
                        json_integer((json_int_t)clock_mono_ns()));
    deaths_take(r, name, g, int_of(beat, "restarts"));
    if (json_is_object(progress) && !json_is_object(final))
        monitor_take(r->monitor, name, progress);
    if (json_is_object(final) && !json_is_true(json_object_get(g, "final"))) {
        monitor_take(r->monitor, name, final);
        json_object_set_new(g, "final", json_true());
    }
    end_take(r, name, g, beat);
}

void run_guest_hear(struct run *r, const char *name, const char *said)
{
    json_t *beat, *g = json_object_get(r->guests, name);

    if (r->start_ns == 0 || (!g && !pilot_of(r, name)))
        return;
    if (!r->guests && !(r->guests = json_object()))
        return;
    beat = json_loads(said, 0, NULL);
    if (beat && !g) {
        json_t *made = guest_make(r, beat);
        if (made)
            json_object_set_new(r->guests, name, made);
        g = json_object_get(r->guests, name);
    }
    if (beat && g)
        beat_take(r, name, g, beat);
    json_decref(beat);
}

static bool is_agent(const struct run *r, const char *name)
{
    for (size_t i = 0; i < r->n_agents; i++)
        if (!strcmp(r->agents[i].member, name))
            return true;
    return false;
}

bool run_guests_work(const struct run *r)
{
    int64_t now = clock_mono_ns();
    const char *name;
    json_t *g;

    json_object_foreach(r->guests, name, g)
    {
        if (!json_is_true(json_object_get(g, "final")) &&
            !json_is_true(json_object_get(g, "over")) && !is_agent(r, name) &&
            now - int_of(g, "heard_ns") < HEARD_NS)
            return true;
    }
    return false;
}

void run_guests_end(struct run *r)
{
    const char *name;
    json_t *g;

    json_object_foreach(r->guests, name, g)
    {
        if (!json_is_true(json_object_get(g, "final")) && !is_agent(r, name))
            monitor_untold(r->monitor, name);
    }
    json_decref(r->guests);
    r->guests = NULL;
}
