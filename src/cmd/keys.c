/* keys.c - `pilot config keys`: what a pipeline file may say. */
#include "keys.h"

#include <string.h>

#include <pilot/model.h>

#include "src/function/builtin.h"
#include "src/model/specs.h"
#include "src/pipeline/keys.h"

/* How a list is written. */
typedef struct form {
    FILE *f;
    bool markdown;
} form;

/* A row of it; [range] and [def] may be empty. */
typedef struct key {
    const char *name, *value, *def, *prose;
} key;

static void put_head(const form *o, const char *path, const char *prose)
{
    if (o->markdown)
        fprintf(o->f,
                "\n### %s\n\n%s\n\n| key | value | default | what |\n"
                "|---|---|---|---|\n",
                path, prose);
    else
        fprintf(o->f, "\n%s: %s\n", path, prose);
}

/* A bar ends a cell. */
static void put_cell(const form *o, const char *words)
{
    for (; *words; words++)
        fprintf(o->f, *words == '|' ? "\\|" : "%c", *words);
}

static void put_key(const form *o, const key *k)
{
    if (!o->markdown) {
        fprintf(o->f, "  %-18s %-28s %s%s%s%s\n", k->name, k->value, k->prose,
                *k->def ? " [" : "", k->def, *k->def ? "]" : "");
        return;
    }
    fprintf(o->f, "| `%s` | ", k->name);
    put_cell(o, k->value);
    fprintf(o->f, " | %s%s%s | ", *k->def ? "`" : "", k->def,
            *k->def ? "`" : "");
    put_cell(o, k->prose);
    fputs(" |\n", o->f);
}

/* Words of [choices] with a bar between. */
static void value_choices(const char *choices, char *out, size_t cap)
{
    snprintf(out, cap, "%s", choices);
    for (char *p = out; *p; p++)
        if (*p == ' ')
            *p = '|';
}

/* Bounds are told where they are more than those of the type. */
static void value_number(const char *what, const pe_option_spec *s, char *out,
                         size_t cap)
{
    if (s->max >= 1e9)
        snprintf(out, cap, s->min > 0 ? "%s, from %g" : "%s", what, s->min);
    else
        snprintf(out, cap, "%s, %g to %g", what, s->min, s->max);
}

static void put_option(const form *o, const pe_option_spec *s)
{
    char value[256];

    if (s->choices)
        value_choices(s->choices, value, sizeof(value));
    else if (s->type == PE_OPTION_INT)
        value_number("N", s, value, sizeof(value));
    else if (s->type == PE_OPTION_FLOAT)
        value_number("X", s, value, sizeof(value));
    else
        snprintf(value, sizeof(value), "%s",
                 s->type == PE_OPTION_BOOL   ? "yes|no"
                 : s->type == PE_OPTION_SIZE ? "SIZE"
                 : s->type == PE_OPTION_TIME ? "TIME"
                                             : "TEXT");
    put_key(o, &(key){s->name, value, s->def ? s->def : "", s->prose});
}

static void put_word(const form *o, const request_spec *s)
{
    char value[256];

    if (s->choices)
        value_choices(s->choices, value, sizeof(value));
    else
        snprintf(value, sizeof(value), "%s", s->value ? s->value : "yes|no");
    put_key(o, &(key){s->name, value, "", s->prose});
}

static void put_mapping(const form *o, const pipeline_mapping *m)
{
    put_head(o, *m->path ? m->path : "FILE", m->prose);
    for (const pe_option_spec *s = m->keys; s && s->name; s++)
        put_option(o, s);
    if (m->kind >= 0)
        put_key(o, &(key){"resource", "URL", "local://", "where it runs"});
    for (int w = 0; w < REQUEST_N_WORDS; w++)
        if (pipeline_mapping_has(m, (enum request_word)w))
            put_word(o, &request_specs[w]);
}

/* The options of [name], which is a function, or a model. */
static void put_options(const form *o, const char *name, const char *prose,
                        const pe_option_spec *s)
{
    put_head(o, name, prose);
    for (; s && s->name; s++)
        put_option(o, s);
}

void keys_print(FILE *f, bool markdown)
{
    const form o = {f, markdown};

    if (markdown)
        fputs("# Every key\n\n"
              "Made by `pilot config keys --markdown` from the tables that the "
              "programs read\nfiles with. A SIZE and a TIME have their unit: "
              "64MiB, 250ms, 2h.\n\n## Mappings of a pipeline file\n",
              f);
    for (const pipeline_mapping *m = pipeline_mappings(); m->path; m++)
        put_mapping(&o, m);
    if (markdown)
        fputs("\n## Options of functions\n", f);
    for (const char *const *n = builtin_names(); *n; n++)
        put_options(&o, *n, "a function", builtin_find(*n)->ops->options);
    if (markdown)
        fputs("\n## Options of models\n", f);
    for (const char *const *n = pe_model_names(); *n; n++)
        put_options(&o, *n, "a model", model_specs(pe_model_find(*n)));
}
