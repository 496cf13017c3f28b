/* facts.c - what a pipeline says, by name. */
#include "pipeline_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/function/builtin.h"
#include "src/function/host.h"
#include "src/model/path.h"
#include "src/place/place.h"
#include "src/scale/scale.h"

const char *pilot_kind_name(enum pilot_kind kind)
{
    static const char *const names[] = {
        [PILOT_POOL] = "pool",
        [PILOT_EDGE] = "edge",
        [PILOT_BROKER] = "broker",
        [PILOT_PARAMS] = "params",
        [PILOT_ALLOCATION] = "allocation",
    };

    return names[kind];
}

bool pilot_kind_is_service(enum pilot_kind kind)
{
    return kind == PILOT_BROKER || kind == PILOT_PARAMS;
}

const pipeline_pilot *pipeline_pilot_find(const pipeline *p, const char *name)
{
    for (size_t i = 0; i < p->n_pilots; i++)
        if (p->pilots[i].name && !strcmp(p->pilots[i].name, name))
            return &p->pilots[i];
    return NULL;
}

const pipeline_pilot *pipeline_pilot_of(const pipeline *p, enum pilot_kind kind)
{
    for (size_t i = 0; i < p->n_pilots; i++)
        if (p->pilots[i].kind == kind)
            return &p->pilots[i];
    return NULL;
}

const pipeline_stage *pipeline_stage_of(const pipeline *p, enum stage_role role)
{
    for (size_t i = 0; i < p->n_stages; i++)
        if (p->stages[i].role == role)
            return &p->stages[i];
    return NULL;
}

int pipeline_stage_index(const pipeline *p, const char *name, size_t len)
{
    for (size_t i = 0; i < p->n_stages; i++)
        if (strlen(p->stages[i].name) == len &&
            !memcmp(p->stages[i].name, name, len))
            return (int)i;
    return -1;
}

size_t pipeline_ahead(const pipeline *p)
{
    size_t n = 0;

    while (n < p->n_stages && p->stages[n].role != STAGE_CLOUD)
        n++;
    return n;
}

const pipeline_stage *pipeline_last_stage(const pipeline *p)
{
    for (size_t i = p->n_stages; i > 0; i--)
        if (p->stages[i - 1].role == STAGE_CLOUD)
            return &p->stages[i - 1];
    return NULL;
}

const pipeline_stage *pipeline_learner(const pipeline *p)
{
    const pipeline_stage *s = pipeline_last_stage(p);

    return s && s->n_learners > 0 ? s : NULL;
}

/* Does it divide?  One with a `mean` and no `scale`, or a scale of 1 alone,
 * does not.
 */
static bool is_scaling(const pipeline_stage *s)
{
    bool here = strcmp(s->function, "standardise") == 0;
    const char *scale = here ? pe_options_text(s->options, "scale") : NULL;
    char *end;

    if (!here || !scale)
        return here && !pe_options_has(s->options, "mean");
    while (*scale) {
        double by = strtod(scale, &end);

        if (end > scale && (by < 1 || by > 1))
            return true;
        scale = end > scale ? end : scale + 1;
    }
    return false;
}

/* Nobody knows what a function of a user makes of columns that were scaled. */
static bool is_scaled(const pipeline *p)
{
    bool scaled = false;

    for (size_t i = 0; i < p->n_stages; i++) {
        const pipeline_stage *s = &p->stages[i];

        if (s->is_model)
            break;
        scaled = is_scaling(s) || (scaled && builtin_find(s->function));
    }
    return scaled;
}

const char *pipeline_scaler(const pipeline *p)
{
    const pipeline_stage *on = pipeline_last_stage(p);

    if (is_scaled(p))
        return NULL;
    if (p->n_stages > 0 && p->stages[0].role == STAGE_SOURCE &&
        (!on || !strcmp(p->stages[0].function, "file")))
        on = &p->stages[0];
    return on && on->n_pilots ? p->pilots[on->pilots[0]].name : "pool";
}

bool pipeline_is_local(const pipeline *p)
{
    return p->shape == PIPELINE_LOCAL;
}

static int devices_of(const pipeline_pilot *k)
{
    return k->kind == PILOT_EDGE ? k->devices * (int)k->n_resources : 0;
}

int pipeline_first_device(const pipeline *p, const pipeline_pilot *k, int place)
{
    int first = 0;

    for (const pipeline_pilot *at = p->pilots; at != k; at++)
        first += devices_of(at);
    return first + place * k->devices;
}

int pipeline_edge_may_grow(const pipeline *p, const pipeline_pilot *k,
                           pe_error *errp)
{
    for (size_t i = 0; i < p->n_stages; i++) {
        const pipeline_stage *s = &p->stages[i];

        for (size_t j = 0; s->role == STAGE_SOURCE && j < s->n_pilots; j++)
            if (&p->pilots[s->pilots[j]] == k && !strcmp(s->function, "file"))
                return pe_error_set(
                    errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                    "stage '%s' reads files, whose rows the devices of '%s' "
                    "deal out between them: those of another pilot would read "
                    "the same rows again",
                    s->name, k->name);
    }
    return 0;
}

int pipeline_devices(const pipeline *p)
{
    int n = 0;

    for (size_t i = 0; i < p->n_pilots; i++)
        n += devices_of(&p->pilots[i]);
    return n;
}

void pipeline_device_name(const pipeline *p, int d, char *out, size_t cap)
{
    if (cap)
        *out = '\0';
    for (size_t i = 0; i < p->n_pilots; i++) {
        const pipeline_pilot *k = &p->pilots[i];
        if (d < devices_of(k)) {
            snprintf(out, cap, "%s-%d", k->name, d);
            return;
        }
        d -= devices_of(k);
    }
}

/* The name that the file has for that topic, or NULL. */
static const char *named_topic(const pipeline *p, const char *suffix)
{
    if (p->results_topic && !strcmp(suffix, PIPELINE_RESULTS))
        return p->results_topic;
    /* What a pool writes goes to no topic that other runs share. */
    if (*suffix && p->topic && !strstr(p->topic, PIPELINE_RUN))
        return NULL;
    return p->topic;
}

void pipeline_topic(const pipeline *p, const char *run, const char *suffix,
                    char *out, size_t cap)
{
    const char *name = named_topic(p, suffix);
    const char *mark = name ? strstr(name, PIPELINE_RUN) : NULL;
    const char *end = name && name == p->results_topic ? "" : suffix;

    if (mark)
        snprintf(out, cap, "%.*s%s%s%s", (int)(mark - name), name, run,
                 mark + strlen(PIPELINE_RUN), end);
    else if (name)
        snprintf(out, cap, "%s%s", name, end);
    else
        snprintf(out, cap, "pilot.%s.%s%s", run, p->stream_name, suffix);
}

bool pipeline_topic_is_own(const pipeline *p, const char *suffix)
{
    const char *name = named_topic(p, suffix);

    return !name || strstr(name, PIPELINE_RUN);
}

int pipeline_owner(int partition, int ranks)
{
    return partition % ranks;
}

static void free_list(char **list, size_t n)
{
    for (size_t i = 0; list && i < n; i++)
        free(list[i]);
    free(list);
}

void pipeline_destroy(pipeline *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_pilots; i++) {
        free(p->pilots[i].name);
        free_list(p->pilots[i].resources, p->pilots[i].n_resources);
        request_free(&p->pilots[i].request);
        free(p->pilots[i].via);
        free(p->pilots[i].broker);
        free(p->pilots[i].params);
        free(p->pilots[i].listen);
        free(p->pilots[i].endpoint);
        free(p->pilots[i].endpoint_from);
        free(p->pilots[i].site);
        free(p->pilots[i].password_file);
        pipeline_auth_destroy(p->pilots[i].auth);
        free(p->pilots[i].user);
        free(p->pilots[i].urgent);
        free(p->pilots[i].spool.dir);
        scale_policy_destroy(p->pilots[i].scale);
    }
    for (size_t i = 0; i < p->n_stages; i++) {
        free(p->stages[i].name);
        free(p->stages[i].pilots);
        free(p->stages[i].learners);
        free(p->stages[i].function);
        free(p->stages[i].file);
        pe_options_destroy(p->stages[i].options);
        place_wish_destroy(p->stages[i].prefer);
        function_unload(p->stages[i].loaded);
    }
    free_list(p->context_keys, p->n_context);
    free_list(p->context_values, p->n_context);
    free(p->pilots);
    free(p->stages);
    pipeline_free_streams(p);
    free(p->results_topic);
    free(p->restore);
    free(p->sign_file);
    free(p->name);
    free(p->file);
    free(p);
}

int pipeline_use_kernel(const pipeline *p, pe_error *errp)
{
    const pipeline_stage *s = pipeline_last_stage(p);
    const char *word = getenv("PILOT_KERNEL");

    if (!word && s && s->is_model)
        word = pe_options_string(s->options, "kernel");
    if (!word || path_select(word, errp) == 0)
        return 0;
    return s ? pe_error_prefix(errp, "stage '%s'", s->name) : -1;
}

/* Has every option of one set the same text in the other? */
struct comparing {
    const pe_options *other;
    bool same;
};

static void compare(void *arg, const char *name, const char *text)
{
    struct comparing *c = arg;
    const char *there = pe_options_text(c->other, name);

    c->same = c->same && there && !strcmp(there, text);
}

bool pipeline_stage_same(const pipeline_stage *a, const pipeline_stage *b)
{
    struct comparing c = {b->options, !strcmp(a->function, b->function)};

    if (!c.same)
        return false;
    pe_options_each(a->options, compare, &c);
    c.other = a->options;
    if (c.same)
        pe_options_each(b->options, compare, &c);
    return c.same;
}
