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
    if (vsnprintf(line, sizeof(line), fmt, ap) < 0)
        line[0] = '\0';
    va_end(ap);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "%s: %s",
                        t->where, line);
}

int section_check(const tree *t, pe_error *errp)
{
    if (!t || t->kind == TREE_MAP || (t->kind == TREE_SCALAR && !*t->value))
        return 0;
    return section_error(t, errp, "%s: a mapping is expected here",
                         t->key ? t->key : "the file");
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

static bool is_row(const pe_option_spec *specs, const char *key)
{
    for (; specs->name; specs++)
        if (!strcmp(specs->name, key))
            return true;
    return false;
}

static int refuse_key(const tree *t, const pe_option_spec *specs,
                      const char *also, pe_error *errp)
{
    text words = {0};
    char nearest[128];

    for (; specs->name; specs++)
        text_add(&words, "%s%s", words.len ? " " : "", specs->name);
    if (also)
        text_add(&words, " %s", also);
    text_nearest(t->key, words.data, nearest, sizeof(nearest));
    if (*nearest)
        section_error(t, errp, "unknown key '%s'; did you mean '%s'?", t->key,
                      nearest);
    else
        section_error(t, errp, "unknown key '%s'; known are: %s", t->key,
                      words.data ? words.data : "");
    text_free(&words);
    return -1;
}

static int set_one(pe_options *o, const tree *c, pe_error *errp)
{
    if (c->kind != TREE_SCALAR)
        return section_error(c, errp, "%s: one value is expected here", c->key);
    if (pe_options_set(o, c->key, c->value, errp) < 0)
        return pe_error_prefix(errp, "%s", c->where);
    return 0;
}

int section_fill(pe_options *o, const tree *t, pe_error *errp)
{
    if (section_check(t, errp) < 0)
        return -1;
    for (size_t i = 0; t && i < t->n; i++)
        if (set_one(o, &t->child[i], errp) < 0)
            return -1;
    return 0;
}

static int read_keys(pe_options *o, const tree *t, const pe_option_spec *specs,
                     const char *also, pe_error *errp)
{
    if (section_check(t, errp) < 0)
        return -1;
    for (size_t i = 0; t && i < t->n; i++) {
        const tree *c = &t->child[i];
        if (is_word(also, c->key))
            continue;
        if (!is_row(specs, c->key))
            return refuse_key(c, specs, also, errp);
        if (c->kind == TREE_SCALAR && !*c->value)
            return section_error(c, errp, "%s: the value is missing", c->key);
        if (set_one(o, c, errp) < 0)
            return -1;
    }
    return 0;
}

pe_options *section_read(const tree *t, const pe_option_spec *specs,
                         const char *also, pe_error *errp)
{
    pe_options *o = pe_options_create(specs, errp);

    if (o && read_keys(o, t, specs, also, errp) < 0) {
        pe_options_destroy(o);
        return NULL;
    }
    return o;
}
