/* defaults.c - what a user and a site ask for every pilot of a scheduler. */
#include "defaults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/text.h"
#include "src/config/section.h"
#include "src/config/tree.h"
#include "src/request/place.h"

#define NAME "pilot/pilots.yaml"
#define SECTIONS PLACE_SCHEMES " all"

/* --- one file --- */

static int refuse_word(const tree *c, pe_error *errp)
{
    text words = {0};
    char nearest[64];

    for (int w = 0; w < REQUEST_N_WORDS; w++)
        text_add(&words, "%s%s", w ? " " : "", request_specs[w].name);
    text_nearest(c->key, words.data ? words.data : "", nearest,
                 sizeof(nearest));
    text_free(&words);
    return section_error(
        c, errp, "%s: no word of a request%s%s%s (man pilot-submit)", c->key,
        *nearest ? "; did you mean '" : "", nearest, *nearest ? "'?" : "");
}

static int word_take(resource_request *q, const tree *c, const char *from,
                     pe_error *errp)
{
    int word = request_word_find(c->key);
    size_t n = c->kind == TREE_LIST ? c->n : 1;

    if (word < 0)
        return refuse_word(c, errp);
    for (size_t i = 0; i < n; i++) {
        const tree *v = c->kind == TREE_LIST ? &c->child[i] : c;
        if (v->kind != TREE_SCALAR)
            return section_error(c, errp, "%s: one value is expected here",
                                 c->key);
        if (request_set(q, (enum request_word)word, v->value, false, from,
                        errp) < 0) {
            if (errp)
                errp->exit_code = PE_EXIT_CONFIG;
            return pe_error_prefix(errp, "%s", c->where);
        }
    }
    return 0;
}

static int section_take(resource_request *q, const tree *t, const char *from,
                        pe_error *errp)
{
    if (section_check(t, errp) < 0)
        return -1;
    for (size_t i = 0; t && i < t->n; i++)
        if (word_take(q, &t->child[i], from, errp) < 0)
            return -1;
    return 0;
}

static int schemes_check(const tree *root, pe_error *errp)
{
    char nearest[32];

    for (size_t i = 0; i < root->n; i++) {
        text_nearest(root->child[i].key, SECTIONS, nearest, sizeof(nearest));
        if (strcmp(nearest, root->child[i].key) != 0)
            return section_error(&root->child[i], errp,
                                 "'%s' is not one of: " SECTIONS,
                                 root->child[i].key);
    }
    return 0;
}

static int file_take(resource_request *q, const char *path, const char *scheme,
                     const char *from, pe_error *errp)
{
    resource_request own = {0};
    tree *root;
    int status;

    if (access(path, F_OK) < 0)
        return 0;
    root = tree_read_or_empty(path, errp);
    status = root ? schemes_check(root, errp) : -1;
    if (status == 0)
        status = section_take(&own, tree_get(root, scheme), from, errp);
    if (status == 0)
        status = request_merge(q, &own, errp);
    request_free(&own);
    if (status == 0)
        status = section_take(&own, tree_get(root, "all"), from, errp);
    if (status == 0)
        status = request_merge(q, &own, errp);
    request_free(&own);
    tree_destroy(root);
    return status;
}

/* --- where they are --- */

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static int user_take(resource_request *q, const char *scheme, pe_error *errp)
{
    const char *own = variable("XDG_CONFIG_HOME"), *home = variable("HOME");
    char *path = own    ? text_format("%s/" NAME, own)
                 : home ? text_format("%s/.config/" NAME, home)
                        : NULL;
    int status = path ? file_take(q, path, scheme, "user file", errp) : 0;

    free(path);
    return status;
}

static int site_take(resource_request *q, const char *scheme, pe_error *errp)
{
    const char *list = variable("XDG_CONFIG_DIRS");
    int status = 0;

    if (!list)
        list = PILOT_SYSCONFDIR;
    for (size_t n; status == 0 && *list; list += n + (list[n] == ':')) {
        n = strcspn(list, ":");
        char *path = text_format("%.*s/" NAME, (int)n, list);
        status = path ? file_take(q, path, scheme, "site file", errp)
                      : pe_error_nomem(errp);
        free(path);
    }
    return status;
}

int defaults_merge(resource_request *q, const char *url, pe_error *errp)
{
    place_url p;

    if (place_parse(url, &p, errp) < 0)
        return -1;
    return user_take(q, p.scheme, errp) < 0 ? -1 : site_take(q, p.scheme, errp);
}
