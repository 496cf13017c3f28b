/* text.c - a pe_pipeline as the text of a pipeline file. */
#include "library.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

/* Each field is a line, in this order, behind two that are no field's. */
enum { HEAD_LINES = 2 };

enum section { SECTION_NONE, SECTION_PILOTS, SECTION_STAGES };

static const struct field {
    const char *name;
    enum section section;
    size_t at;
    const char *key, *kind;
} fields[] = {
    {"name", SECTION_NONE, offsetof(pe_pipeline, name), "pipeline", NULL},
    {"function_context", SECTION_NONE, offsetof(pe_pipeline, function_context),
     "context", NULL},
    {"pilot_cloud_processing", SECTION_PILOTS,
     offsetof(pe_pipeline, pilot_cloud_processing), "processing", "pool"},
    {"pilot_cloud_broker", SECTION_PILOTS,
     offsetof(pe_pipeline, pilot_cloud_broker), "broker", "broker"},
    {"pilot_cloud_params", SECTION_PILOTS,
     offsetof(pe_pipeline, pilot_cloud_params), "params", "params"},
    {"pilot_edge", SECTION_PILOTS, offsetof(pe_pipeline, pilot_edge), "edge",
     "edge"},
    {"produce_function_handler", SECTION_STAGES,
     offsetof(pe_pipeline, produce_function_handler), "produce", NULL},
    {"process_edge_function_handler", SECTION_STAGES,
     offsetof(pe_pipeline, process_edge_function_handler), "process_edge",
     NULL},
    {"process_cloud_function_handler", SECTION_STAGES,
     offsetof(pe_pipeline, process_cloud_function_handler), "process_cloud",
     NULL},
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

/* "", or what makes a pilot with all defaults of a service that is not named.
 */
static const char *words_of(const pe_pipeline *p, const struct field *f)
{
    const char *words =
        *(const char *const *)(const void *)((const char *)p + f->at);
    bool service =
        f->kind && (!strcmp(f->kind, "broker") || !strcmp(f->kind, "params"));

    return !words && service && p->pilot_edge ? "" : words;
}

static const pe_handler *handler_of(const pe_pipeline *p, const struct field *f)
{
    return (const void *)((const char *)p + f->at);
}

static bool is_there(const pe_pipeline *p, const struct field *f)
{
    const pe_handler *h = handler_of(p, f);

    return f->section == SECTION_STAGES ? h->function || h->name
                                        : words_of(p, f) != NULL;
}

static int refuse(const char *field, const char *why, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "%s: %s", field,
                        why);
}

/* All in one line, so that a line is a field. */
static int check_line(const char *field, const char *words, pe_error *errp)
{
    for (const char *w = words; w && *w; w++)
        if ((unsigned char)*w < 0x20 && *w != '\t')
            return refuse(field, "a line that ends has no place in it", errp);
    return 0;
}

static int check_handler(const struct field *f, const pe_handler *h,
                         pe_error *errp)
{
    if (h->function && h->name)
        return refuse(f->name, "give a function or a name, not both", errp);
    if (!h->function && !h->name && (h->options || h->keys))
        return refuse(f->name, "it has options and no function", errp);
    if (h->name && strpbrk(h->name, "\"\\"))
        return refuse(f->name, "a name has neither '\"' nor '\\' in it", errp);
    if (check_line(f->name, h->name, errp) < 0 ||
        check_line(f->name, h->options, errp) < 0)
        return -1;
    return check_line(f->name, h->keys, errp);
}

/* What its own parser cannot know: which field is meant. */
static int check(const pe_pipeline *p, pe_error *errp)
{
    if (p->abi != PE_PIPELINE_ABI)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "the pipeline has ABI %u and this library has %u: "
                            "set abi to PE_PIPELINE_ABI, and build again",
                            p->abi, PE_PIPELINE_ABI);
    for (size_t i = 0; i < N_FIELDS; i++) {
        const struct field *f = &fields[i];
        if ((f->section == SECTION_STAGES
                 ? check_handler(f, handler_of(p, f), errp)
                 : check_line(f->name, words_of(p, f), errp)) < 0)
            return -1;
    }
    if (!p->name || !*p->name)
        return refuse("name", "it is missing", errp);
    if (!p->pilot_cloud_processing &&
        (!p->pilot_edge || is_there(p, &fields[N_FIELDS - 1])))
        return refuse("pilot_cloud_processing",
                      "it is missing, and handlers run there", errp);
    if (!p->pilot_edge && is_there(p, &fields[N_FIELDS - 2]))
        return refuse("pilot_edge",
                      "it is missing, and process_edge_function_handler runs "
                      "there",
                      errp);
    if (!p->pilot_edge && (p->pilot_cloud_broker || p->pilot_cloud_params))
        return refuse("pilot_edge",
                      "it is missing: without devices nothing goes through a "
                      "broker",
                      errp);
    return 0;
}

/* The pilot of a stage: the source is where the devices are. */
static const char *pilot_of(const pe_pipeline *p, const struct field *f)
{
    return strcmp(f->key, "process_cloud") != 0 && p->pilot_edge ? "edge"
                                                                 : "processing";
}

static int add_stage(text *t, const pe_pipeline *p, const struct field *f,
                     pe_error *errp)
{
    const pe_handler *h = handler_of(p, f);
    char *where = h->function ? handler_where(h->function, errp) : NULL;

    if (h->function && !where)
        return pe_error_prefix(errp, "%s", f->name);
    text_add(t, "  %s: {pilot: %s, function: \"%s\"%s%s%s%s%s}\n", f->key,
             pilot_of(p, f), where ? where : h->name, h->keys ? ", " : "",
             h->keys ? h->keys : "", h->options ? ", options: {" : "",
             h->options ? h->options : "", h->options ? "}" : "");
    free(where);
    return 0;
}

static int add_field(text *t, const pe_pipeline *p, const struct field *f,
                     pe_error *errp)
{
    const char *words;

    if (f->section == SECTION_STAGES)
        return add_stage(t, p, f, errp);
    words = words_of(p, f);
    if (f->section == SECTION_PILOTS)
        text_add(t, "  %s: {kind: %s%s%s}\n", f->key, f->kind,
                 *words ? ", " : "", words);
    else if (strcmp(f->key, "context") == 0)
        text_add(t, "%s: {%s}\n", f->key, words);
    else
        text_add(t, "%s: %s\n", f->key, words);
    return 0;
}

static const char *const headings[] = {"", "pilots:\n", "stages:\n"};

char *pe_pipeline_text(const pe_pipeline *p, pe_error *errp)
{
    enum section section = SECTION_NONE;
    text t = {0};
    int status = check(p, errp);

    if (status == 0)
        text_add(&t, "# %s, made by libpilot\nversion: 1\n", p->name);
    for (size_t i = 0; status == 0 && i < N_FIELDS; i++) {
        if (fields[i].section != section)
            text_add(&t, "%s", headings[fields[i].section]);
        section = fields[i].section;
        if (is_there(p, &fields[i]))
            status = add_field(&t, p, &fields[i], errp);
    }
    if (status == 0 && p->rest)
        text_add(&t, "%s%s", p->rest,
                 *p->rest && p->rest[strlen(p->rest) - 1] != '\n' ? "\n" : "");
    if (status == 0 && !t.failed)
        return t.data;
    if (status == 0)
        pe_error_nomem(errp);
    text_free(&t);
    return NULL;
}

const char *text_field(const pe_pipeline *p, int line)
{
    enum section section = SECTION_NONE;
    int at = HEAD_LINES;

    for (size_t i = 0; i < N_FIELDS; i++) {
        at += fields[i].section != section;
        section = fields[i].section;
        if (is_there(p, &fields[i]) && ++at == line)
            return fields[i].name;
    }
    return line > at ? "rest" : NULL;
}
