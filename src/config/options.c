/* options.c - named, typed values of a stage, checked against a table. */
#include <pilot/options.h>

#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/config/value.h"

/* A row's value; text is NULL where there is none. */
typedef struct entry {
    char *text;
    config_value value;
} entry;

/* An option outside of the table (pe_options_allow_any). */
typedef struct extra {
    char *name, *text;
} extra;

struct pe_options {
    const pe_option_spec *specs; /* borrowed; may be NULL */
    entry *entries;              /* one per row */
    size_t n_specs;
    bool any;
    extra *extras;
    size_t n_extras;
};

static int replace_text(char **slotp, const char *s, pe_error *errp)
{
    char *copy = strdup(s);

    if (!copy)
        return pe_error_nomem(errp);
    free(*slotp);
    *slotp = copy;
    return 0;
}

static int set_entry(pe_options *o, size_t i, const char *s, pe_error *errp)
{
    const pe_option_spec *spec = &o->specs[i];
    config_value value = {0};

    if (config_value_parse(spec, spec->name, s, &value, errp) < 0 ||
        replace_text(&o->entries[i].text, s, errp) < 0)
        return -1;
    o->entries[i].value = value;
    return 0;
}

pe_options *pe_options_create(const pe_option_spec *specs, pe_error *errp)
{
    pe_options *o = calloc(1, sizeof(*o));

    if (!o) {
        pe_error_nomem(errp);
        return NULL;
    }
    o->specs = specs;
    while (specs && specs[o->n_specs].name)
        o->n_specs++;
    o->entries = calloc(o->n_specs + 1, sizeof(*o->entries));
    if (!o->entries) {
        pe_error_nomem(errp);
        goto error;
    }
    for (size_t i = 0; i < o->n_specs; i++)
        if (specs[i].def && set_entry(o, i, specs[i].def, errp) < 0) {
            pe_error_prefix(errp, "default of an option");
            goto error;
        }
    return o;
error:
    pe_options_destroy(o);
    return NULL;
}

void pe_options_destroy(pe_options *o)
{
    if (!o)
        return;
    for (size_t i = 0; o->entries && i < o->n_specs; i++)
        free(o->entries[i].text);
    for (size_t i = 0; i < o->n_extras; i++) {
        free(o->extras[i].name);
        free(o->extras[i].text);
    }
    free(o->entries);
    free(o->extras);
    free(o);
}

/* The row of [name], or -1. */
static ptrdiff_t find_row(const pe_options *o, const char *name)
{
    for (size_t i = 0; o && name && i < o->n_specs; i++)
        if (!strcmp(o->specs[i].name, name))
            return (ptrdiff_t)i;
    return -1;
}

static extra *find_extra(const pe_options *o, const char *name)
{
    for (size_t i = 0; o && name && i < o->n_extras; i++)
        if (!strcmp(o->extras[i].name, name))
            return &o->extras[i];
    return NULL;
}

static int add_extra(pe_options *o, const char *name, const char *s,
                     pe_error *errp)
{
    extra *x = find_extra(o, name);

    if (x)
        return replace_text(&x->text, s, errp);
    extra *more = realloc(o->extras, (o->n_extras + 1) * sizeof(*more));
    if (!more)
        return pe_error_nomem(errp);
    o->extras = more;
    x = &more[o->n_extras];
    *x = (extra){.name = strdup(name), .text = strdup(s)};
    if (!x->name || !x->text) {
        free(x->name);
        free(x->text);
        return pe_error_nomem(errp);
    }
    o->n_extras++;
    return 0;
}

/* An unknown name: the nearest known one, or all there are. */
static int refuse_name(const pe_options *o, const char *name, pe_error *errp)
{
    text names = {0};
    char nearest[64];

    for (size_t i = 0; i < o->n_specs; i++)
        text_add(&names, "%s%s", i ? " " : "", o->specs[i].name);
    text_nearest(name, names.data, nearest, sizeof(nearest));
    if (*nearest)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "unknown option '%s'; did you mean '%s'?", name, nearest);
    else if (names.data)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "unknown option '%s'; known are: %s", name, names.data);
    else
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "unknown option '%s'; there are none here", name);
    text_free(&names);
    return -1;
}

int pe_options_set(pe_options *o, const char *name, const char *s,
                   pe_error *errp)
{
    if (!o || !name || !s)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "an option needs a name and a value");
    ptrdiff_t row = find_row(o, name);
    if (row >= 0)
        return set_entry(o, (size_t)row, s, errp);
    return o->any ? add_extra(o, name, s, errp) : refuse_name(o, name, errp);
}

void pe_options_allow_any(pe_options *o)
{
    if (o)
        o->any = true;
}

bool pe_options_has(const pe_options *o, const char *name)
{
    return pe_options_text(o, name) != NULL;
}

/* The value of [name], a row of [type] that has one; a zero otherwise. */
static config_value get(const pe_options *o, const char *name,
                        enum pe_option_type type)
{
    ptrdiff_t row = find_row(o, name);

    if (row < 0 || o->specs[row].type != type || !o->entries[row].text)
        return (config_value){0};
    return o->entries[row].value;
}

int64_t pe_options_int(const pe_options *o, const char *name)
{
    return get(o, name, PE_OPTION_INT).i;
}

double pe_options_float(const pe_options *o, const char *name)
{
    return get(o, name, PE_OPTION_FLOAT).f;
}

bool pe_options_bool(const pe_options *o, const char *name)
{
    return get(o, name, PE_OPTION_BOOL).b;
}

const char *pe_options_string(const pe_options *o, const char *name)
{
    ptrdiff_t row = find_row(o, name);

    if (row >= 0 && o->specs[row].type != PE_OPTION_STRING)
        return NULL;
    return pe_options_text(o, name);
}

uint64_t pe_options_size(const pe_options *o, const char *name)
{
    return get(o, name, PE_OPTION_SIZE).size;
}

double pe_options_time(const pe_options *o, const char *name)
{
    return get(o, name, PE_OPTION_TIME).f;
}

const char *pe_options_text(const pe_options *o, const char *name)
{
    ptrdiff_t row = find_row(o, name);

    if (row >= 0)
        return o->entries[row].text;
    const extra *x = find_extra(o, name);
    return x ? x->text : NULL;
}

void pe_options_each(const pe_options *o,
                     void (*visit)(void *arg, const char *name,
                                   const char *text),
                     void *arg)
{
    for (size_t i = 0; o && i < o->n_specs; i++)
        if (o->entries[i].text)
            visit(arg, o->specs[i].name, o->entries[i].text);
    for (size_t i = 0; o && i < o->n_extras; i++)
        visit(arg, o->extras[i].name, o->extras[i].text);
}
