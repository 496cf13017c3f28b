/* args.c - the words of a commit. */
#include "args.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/params/layout.h"

static void args_add_text(redis_args *a, const char *text)
{
    redis_args_add(a, text, strlen(text));
}

/* A name as it stands in a line of the state. */
static void args_add_name(redis_args *a, const char *name)
{
    char *word = params_name_encode(name);

    if (word)
        redis_args_own(a, word, strlen(word));
    else
        a->failed = 1;
}

/* --- a commit --- */

static int refuse(pe_error *errp, const char *what)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "a commit is refused before it is sent: %s", what);
}

/* No blanks, and nothing that a name would be encoded for. */
static bool is_word(const char *s)
{
    for (; *s; s++)
        if (*s <= ' ' || *s > '~' || *s == '%')
            return false;
    return true;
}

static int range_check(const params_range *r, pe_error *errp)
{
    if (!r->topic || !*r->topic || r->partition < 0 || !is_word(r->topic))
        return refuse(errp, "a range names no topic or partition");
    if (r->from < 0 || r->to < r->from)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "a commit is refused before it is sent: range "
                            "[%" PRId64 ", %" PRId64 ") of %s/%d",
                            r->from, r->to, r->topic, (int)r->partition);
    return 0;
}

static int commit_check(const params_commit *c, pe_error *errp)
{
    params_counters add = c->add;

    if (params_id_check(c->id) < 0 ||
        (*c->base && params_id_check(c->base) < 0))
        return refuse(errp, "an id is not 32 hexadecimal digits");
    if (!c->writer || !*c->writer || !c->kind || !*c->kind ||
        !is_word(c->kind) || strlen(c->kind) >= PARAMS_KIND_MAX)
        return refuse(errp, "it names no writer or kind of model");
    if (c->model_len > 0 && !c->model)
        return refuse(errp, "its model has a length but no bytes");
    if (c->fence > PARAMS_FENCE_MAX || c->version > INT64_MAX || c->time_ns < 0)
        return refuse(errp, "its fence, version or time is out of range");
    for (size_t i = 0; i < PARAMS_N_COUNTERS; i++)
        if (*params_counter_at(&add, i) > PARAMS_COUNTER_MAX)
            return refuse(errp, "a counter is out of range");
    for (size_t i = 0; i < c->n_ranges; i++)
        if (range_check(&c->ranges[i], errp) < 0)
            return -1;
    for (size_t i = 0; i < c->n_devices; i++)
        if (!c->devices[i].device || !*c->devices[i].device ||
            c->devices[i].partition < 0)
            return refuse(errp, "a device has no name or partition");
    return 0;
}

static bool is_given(const params_commit *c, size_t i)
{
    params_counters add = c->add;

    return !params_counter_is_rare(i) || *params_counter_at(&add, i) > 0;
}

static size_t counters_given(const params_commit *c)
{
    size_t n = 0;

    for (size_t i = 0; i < PARAMS_N_COUNTERS; i++)
        n += is_given(c, i);
    return n;
}

static int add_head(redis_args *a, const params_commit *c, char *const *names,
                    pe_error *errp)
{
    char digest[DIGEST_SHA1_HEX + 1];

    /* Hashed here and not in the script, where every other client of the
     * server would wait for it.
     */
    if (digest_sha1(c->model, c->model_len, digest, errp) < 0)
        return -1;
    args_add_text(a, names[PARAMS_CHANNEL]);
    args_add_text(a, c->id);
    args_add_text(a, c->base);
    args_add_name(a, c->writer);
    redis_args_addf(a, "%" PRIu64, c->fence);
    redis_args_addf(a, "%" PRIu64, c->version);
    redis_args_addf(a, "%" PRId64, c->time_ns);
    redis_args_addf(a, "%s", digest);
    args_add_text(a, c->kind);
    redis_args_add(a, c->model, c->model_len);
    redis_args_addf(a, "%zu", counters_given(c));
    redis_args_addf(a, "%zu", c->n_ranges);
    redis_args_addf(a, "%zu", c->n_devices);
    return 0;
}

static void add_lists(redis_args *a, const params_commit *c)
{
    params_counters add = c->add;

    for (size_t i = 0; i < PARAMS_N_COUNTERS; i++) {
        if (!is_given(c, i))
            continue;
        args_add_text(a, params_counter_fields[i].name);
        redis_args_addf(a, "%" PRIu64, *params_counter_at(&add, i));
    }
    for (size_t i = 0; i < c->n_ranges; i++) {
        const params_range *r = &c->ranges[i];
        redis_args_addf(a, "%s/%d", r->topic, (int)r->partition);
        if (r->mark)
            redis_args_addf(a, "%" PRId64 "/%" PRIu64, r->to, r->mark);
        else
            redis_args_addf(a, "%" PRId64, r->to);
    }
    for (size_t i = 0; i < c->n_devices; i++) {
        const params_device *d = &c->devices[i];
        args_add_name(a, d->device);
        redis_args_addf(a, "%d/%" PRIu64 "/%" PRIu64, (int)d->partition,
                        d->boot, d->seq);
    }
    for (size_t i = 0; i < c->n_ranges; i++)
        redis_args_addf(a, "%" PRId64, c->ranges[i].from);
    redis_args_addf(a, "%" PRIu64, c->revision);
}

int params_commit_args(const params_commit *c, const char *script,
                       char *const *names, redis_args *out, pe_error *errp)
{
    *out = (redis_args){0};
    if (commit_check(c, errp) < 0)
        return -1;
    args_add_text(out, "EVALSHA");
    args_add_text(out, script);
    args_add_text(out, "4");
    for (int i = PARAMS_KEY_STATE; i <= PARAMS_KEY_FENCE; i++)
        args_add_text(out, names[i]);
    if (add_head(out, c, names, errp) < 0)
        return -1;
    add_lists(out, c);
    return out->failed ? pe_error_nomem(errp) : 0;
}
