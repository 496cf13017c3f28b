/* section.c - one mapping of a file read through a table of options. */
#include "section.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "src/common/text.h"

int section_error(const tree *t, pe_error *errp, const char *fmt, ...)
{
    char line[768];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "%s: %s",
                        t->where, line);
}

static bool is_word(const char *words, const char *w)
{
    size_t len = strlen(w);

    for (const char *c = words; c && *c; c += strspn(c, " ")) {
        size_t n = strcspn(c, " ");

        if (n == len && !strncmp(c, w, n))
            return true;
        c += n;
    }
    return false;
}

static int unknown_key(const tree *t, const pe_option_spec *specs,
                       const char *also, pe_error *errp)
{
    text words = {0};
    char near[128] = "";

    for (; specs && specs->name; specs++)
        text_add(&words, "%s ", specs->name);
    text_add(&words, "%s", also ? also : "");
    if (words.data)
        text_nearest(t->key, words.data, near, sizeof(near));
    section_error(t, errp, "unknown key '%s'%s%s%s", t->key,
                  *near ? "; did you mean " : "; known: ",
                  *near        ? near
                  : words.data ? words.data
                               : "",
                  *near ? "?" : "");
    text_free(&words);
    return -1;
}

static bool in_table(const pe_option_spec *specs, const char *key)
{
    for (; specs && specs->name; specs++)
        if (!strcmp(specs->name, key))
            return true;
    return !specs;
}

int section_fill(pe_options *o, const tree *t, const pe_option_spec *specs,
                 const char *also, pe_error *errp)
{
    for (size_t i = 0; t && i < t->n; i++) {
        const tree *c = &t->child[i];

        if (t->kind != TREE_MAP)
            return section_error(t, errp, "a mapping is expected here");
        if (is_word(also, c->key))
            continue;
        if (!in_table(specs, c->key))
            return unknown_key(c, specs, also, errp);
        if (c->kind != TREE_SCALAR)
            return section_error(c, errp, "%s: one value is expected here",
                                 c->key);
        if (pe_options_set(o, c->key, c->value, errp) < 0)
            return pe_error_prefix(errp, "%s", c->where);
    }
    if (t && t->kind == TREE_SCALAR)
        return section_error(t, errp, "%s: a mapping is expected here",
                             t->key ? t->key : "");
    return 0;
}

pe_options *section_read(const tree *t, const pe_option_spec *specs,
                         const char *also, pe_error *errp)
{
    pe_options *o = pe_options_create(specs, errp);

    if (o && section_fill(o, t, specs, also, errp) < 0) {
        pe_options_destroy(o);
        return NULL;
    }
    return o;
}
