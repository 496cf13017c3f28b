/* verbs.c - what the executables of a provider are asked, and answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/common/text.h"
#include "src/provider/private.h"

#define ID_LETTERS                                                   \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" \
    "._:+@-"

static const struct {
    const char *word;
    enum provider_state state;
} states[] = {
    {"pending", PROVIDER_PENDING},
    {"running", PROVIDER_RUNNING},
    {"stopping", PROVIDER_STOPPING},
    {"gone", PROVIDER_GONE},
};

static enum provider_state state_of(const char *word)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (!strcasecmp(states[i].word, word))
            return states[i].state;
    return PROVIDER_UNKNOWN;
}

static const char *string_of(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));

    return s ? s : "";
}

/* What [verb] said is JSON, and not what it should be. */
static int odd(const provider *p, enum provider_verb v, const char *what,
               pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "%s/%s: %s (doc/providers.md)", p->folder,
                        provider_verb_name(v), what);
}

/* An id is a word of names of files and of command lines. */
static bool id_take(const json_t *o, char out[PROVIDER_ID_MAX])
{
    const char *id = string_of(o, "id");

    if (!*id || *id == '-' || *id == '.' || strlen(id) >= PROVIDER_ID_MAX ||
        strspn(id, ID_LETTERS) != strlen(id))
        return false;
    snprintf(out, PROVIDER_ID_MAX, "%s", id);
    return true;
}

static json_t *about(const provider *p, const char *id, const char *name,
                     pe_error *errp)
{
    char *folder = provider_folder(p, name, true, errp);
    json_t *in = folder ? json_pack("{s:s, s:s, s:s}", "id", id, "name", name,
                                    "folder", folder)
                        : NULL;

    if (folder && !in)
        pe_error_nomem(errp);
    free(folder);
    return in;
}

/* --- list --- */

void provider_close(provider *p)
{
    if (!p)
        return;
    free(p->label);
    free(p->folder);
    free(p->target);
    free(p->state);
    json_decref(p->options);
    free(p);
}

void provider_list_free(provider_list *l)
{
    free(l->items);
    memset(l, 0, sizeof(*l));
}

static bool is_better(const provider_machine *a, const provider_machine *b)
{
    return !b || (b->state == PROVIDER_GONE && a->state != PROVIDER_GONE);
}

const provider_machine *provider_list_find(const provider_list *l,
                                           const char *id, const char *name)
{
    const provider_machine *found = NULL;

    for (size_t i = 0; i < l->n; i++) {
        const provider_machine *m = &l->items[i];
        bool is =
            id && *id ? !strcmp(m->id, id) : name && !strcmp(m->name, name);
        if (is && is_better(m, found))
            found = m;
    }
    return found;
}

/* Is the machine one of this home's? */
static bool is_ours(const provider *p, const char *name)
{
    size_t n = strlen(name), own = strlen(p->owner);

    return !strncmp(name, "pilot+", 6) && n > own && name[n - own - 1] == '+' &&
           !strcmp(name + n - own, p->owner);
}

static int machine_take(provider *p, const json_t *o, provider_machine *m,
                        pe_error *errp)
{
    const char *state = string_of(o, "state");
    const char *reason = string_of(o, "reason");

    memset(m, 0, sizeof(*m));
    if (!id_take(o, m->id))
        return odd(p, VERB_LIST,
                   "a machine has no \"id\" of letters, digits and ._:+@-",
                   errp);
    if (strlen(string_of(o, "name")) >= sizeof(m->name))
        return odd(p, VERB_LIST, "the \"name\" of a machine is too long", errp);
    if (!*state)
        return odd(p, VERB_LIST, "a machine has no \"state\"", errp);
    snprintf(m->name, sizeof(m->name), "%s", string_of(o, "name"));
    provider_words(state, strlen(state), m->native, sizeof(m->native));
    provider_words(reason, strlen(reason), m->reason, sizeof(m->reason));
    m->state = state_of(state);
    return 0;
}

/* Those of this home. */
static int machines_take(provider *p, const json_t *array, provider_list *out,
                         pe_error *errp)
{
    size_t n = json_array_size(array);

    out->items = calloc(n + 1, sizeof(*out->items));
    if (!out->items)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < n; i++) {
        const json_t *o = json_array_get(array, i);
        if (!json_is_object(o))
            return odd(p, VERB_LIST, "a machine is no object", errp);
        if (!is_ours(p, string_of(o, "name")))
            continue;
        if (machine_take(p, o, &out->items[out->n], errp) < 0)
            return -1;
        out->n++;
    }
    return 0;
}

static void list_spoil(provider *p, provider_list *l)
{
    bool half = provider_fault_due(p, VERB_LIST, FAULT_HALF);

    if (half)
        l->whole = false;
    if (half || provider_fault_due(p, VERB_LIST, FAULT_HIDDEN))
        l->n = 0;
    if (l->n > 0 && provider_fault_due(p, VERB_LIST, FAULT_STATE))
        for (size_t i = 0; i < l->n; i++) {
            l->items[i].state = PROVIDER_UNKNOWN;
            snprintf(l->items[i].native, sizeof(l->items[i].native),
                     "defrosting");
        }
}

int provider_list_ask(provider *p, provider_list *out, pe_error *errp)
{
    json_t *o = provider_call(p, VERB_LIST, json_object(), errp);
    const json_t *array = json_object_get(o, "machines");
    const json_t *whole = json_object_get(o, "whole");
    int status = -1;

    memset(out, 0, sizeof(*out));
    if (!o)
        return -1;
    if (!json_is_array(array))
        odd(p, VERB_LIST, "there is no array \"machines\"", errp);
    else if (!json_is_boolean(whole))
        odd(p, VERB_LIST,
            "\"whole\" does not say, by true or false, whether these are all",
            errp);
    else
        status = machines_take(p, array, out, errp);
    out->whole = json_is_true(whole);
    json_decref(o);
    if (status < 0)
        provider_list_free(out);
    else
        list_spoil(p, out);
    return status;
}

/* --- up, down --- */

int provider_up(provider *p, const provider_ask *ask, char id[PROVIDER_ID_MAX],
                pe_error *errp)
{
    json_t *in = about(p, "", ask->name, errp), *out;
    int status = -1;

    if (!in)
        return -1;
    if (json_object_set_new(in, "pilot", json_string(ask->pilot)) < 0 ||
        json_object_set_new(in, "ttl", json_integer((json_int_t)ask->ttl_s)) <
            0 ||
        json_object_set_new(in, "cpus", json_integer(ask->cpus)) < 0 ||
        json_object_set_new(in, "mem", json_string(ask->mem ? ask->mem : "")) <
            0 ||
        (p->max_price >= 0 &&
         json_object_set_new(in, "max-price", json_real(p->max_price)) < 0)) {
        json_decref(in);
        return pe_error_nomem(errp);
    }
    out = provider_call(p, VERB_UP, in, errp);
    if (!out)
        return -1;
    if (id_take(out, id))
        status = 0;
    else
        odd(p, VERB_UP, "there is no \"id\" of letters, digits and ._:+@-",
            errp);
    json_decref(out);
    return status;
}

int provider_down(provider *p, const char *id, const char *name, pe_error *errp)
{
    json_t *in = about(p, id, name, errp);
    json_t *out = in ? provider_call(p, VERB_DOWN, in, errp) : NULL;
    int status = out ? 0 : -1;

    json_decref(out);
    return status;
}

int provider_price(provider *p, double *pricep, pe_error *errp)
{
    json_t *out = provider_call(p, VERB_PRICE, json_object(), errp);
    const json_t *price = json_object_get(out, "price");
    int status = -1;

    if (out && json_is_number(price) && json_number_value(price) >= 0) {
        *pricep = json_number_value(price);
        status = 0;
    } else if (out) {
        odd(p, VERB_PRICE, "there is no number \"price\"", errp);
    }
    json_decref(out);
    return status;
}

/* --- address --- */

static bool is_word(const char *s, size_t most)
{
    for (const char *c = s; *c; c++)
        if (*c <= ' ' || *c == 0x7f)
            return false;
    return strlen(s) < most;
}

static int address_take(provider *p, const json_t *o, provider_address *out,
                        pe_error *errp)
{
    const char *host_name = string_of(o, "host"), *user = string_of(o, "user");
    const char *key = string_of(o, "host-key"), *off = string_of(o, "off");
    const json_t *port = json_object_get(o, "port");
    json_int_t number = port ? json_integer_value(port) : 22;
    bool v6 = strchr(host_name, ':') != NULL;
    int n;

    memset(out, 0, sizeof(*out));
    if (!*host_name)
        return 0;
    if (!is_word(host_name, 256) || !is_word(user, 64) || number < 1 ||
        number > 65535)
        return odd(p, VERB_ADDRESS,
                   "\"host\", \"port\" or \"user\" is none of SSH", errp);
    if (strlen(key) >= sizeof(out->host_key) - 1 || strchr(key, '\n') ||
        strlen(off) >= sizeof(out->off) || strchr(off, '\n') ||
        strlen(string_of(o, "identity")) >= sizeof(out->identity))
        return odd(p, VERB_ADDRESS,
                   "\"host-key\", \"identity\" or \"off\" is too long, or has "
                   "more than one line",
                   errp);
    n = snprintf(out->ssh, sizeof(out->ssh), "ssh://%s%s%s%s%s:%d", user,
                 *user ? "@" : "", v6 ? "[" : "", host_name, v6 ? "]" : "",
                 (int)number);
    snprintf(out->identity, sizeof(out->identity), "%s",
             string_of(o, "identity"));
    snprintf(out->host_key, sizeof(out->host_key), "%s", key);
    snprintf(out->off, sizeof(out->off), "%s", off);
    return n > 0 ? 1 : 0;
}

int provider_address_ask(provider *p, const char *id, const char *name,
                         provider_address *out, pe_error *errp)
{
    json_t *in = about(p, id, name, errp);
    json_t *o = in ? provider_call(p, VERB_ADDRESS, in, errp) : NULL;
    int found = o ? address_take(p, o, out, errp) : -1;

    json_decref(o);
    if (found > 0 && provider_fault_due(p, VERB_ADDRESS, FAULT_NOWHERE))
        return 0;
    return found;
}
