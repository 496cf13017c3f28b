/* tree.c - a YAML file as a tree that knows where each value stands. */
#include "tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "src/common/file.h"
#include "src/common/text.h"

enum { FILE_MAX = 1 << 20, DEPTH_MAX = 32 };

static void clear(tree *t)
{
    for (size_t i = 0; i < t->n; i++)
        clear(&t->child[i]);
    free(t->child);
    free(t->key);
    free(t->value);
    free(t->where);
    memset(t, 0, sizeof(*t));
}

void tree_destroy(tree *t)
{
    if (!t)
        return;
    clear(t);
    free(t);
}

static tree *add_child(tree *t, const char *key, const char *where)
{
    tree *c = realloc(t->child, (t->n + 1) * sizeof(*c));

    if (!c)
        return NULL;
    t->child = c;
    c = &t->child[t->n];
    memset(c, 0, sizeof(*c));
    c->key = key ? strdup(key) : NULL;
    c->where = strdup(where);
    if ((key && !c->key) || !c->where) {
        clear(c);
        return NULL;
    }
    t->n++;
    return c;
}

const tree *tree_get(const tree *t, const char *key)
{
    for (size_t i = 0; t && t->kind == TREE_MAP && i < t->n; i++)
        if (!strcmp(t->child[i].key, key))
            return &t->child[i];
    return NULL;
}

const tree *tree_at(const tree *t, const char *path)
{
    char key[256];

    while (t && *path) {
        size_t n = strcspn(path, ".");

        if (n >= sizeof(key))
            return NULL;
        memcpy(key, path, n);
        key[n] = '\0';
        t = tree_get(t, key);
        path += n + (path[n] == '.');
    }
    return t;
}

/* --- from libyaml's document --- */

struct build {
    yaml_document_t *doc;
    const char *file;
    pe_error *errp;
};

static int bad(const struct build *b, const yaml_node_t *n, const char *what)
{
    return pe_error_set(b->errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "%s:%zu: %s",
                        b->file, n->start_mark.line + 1, what);
}

static int build_node(const struct build *b, yaml_node_t *n, tree *t,
                      int depth);

static char *place(const struct build *b, const yaml_node_t *n)
{
    return text_format("%s:%zu", b->file, n->start_mark.line + 1);
}

static int build_child(const struct build *b, tree *t, const char *key,
                       yaml_node_t *n, int depth)
{
    char *where = place(b, n);
    tree *c = where ? add_child(t, key, where) : NULL;

    free(where);
    if (!c)
        return pe_error_nomem(b->errp);
    return build_node(b, n, c, depth + 1);
}

static int build_map(const struct build *b, yaml_node_t *n, tree *t, int depth)
{
    yaml_node_pair_t *p = n->data.mapping.pairs.start;

    t->kind = TREE_MAP;
    for (; p < n->data.mapping.pairs.top; p++) {
        yaml_node_t *k = yaml_document_get_node(b->doc, p->key);
        const char *key;

        if (k->type != YAML_SCALAR_NODE)
            return bad(b, k, "a key must be a word");
        key = (const char *)k->data.scalar.value;
        if (tree_get(t, key))
            return pe_error_set(b->errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                "%s:%zu: '%s' is there twice", b->file,
                                k->start_mark.line + 1, key);
        if (build_child(b, t, key, yaml_document_get_node(b->doc, p->value),
                        depth) < 0)
            return -1;
    }
    return 0;
}

static int build_list(const struct build *b, yaml_node_t *n, tree *t, int depth)
{
    yaml_node_item_t *i = n->data.sequence.items.start;

    t->kind = TREE_LIST;
    for (; i < n->data.sequence.items.top; i++)
        if (build_child(b, t, NULL, yaml_document_get_node(b->doc, *i), depth) <
            0)
            return -1;
    return 0;
}

static int build_node(const struct build *b, yaml_node_t *n, tree *t, int depth)
{
    if (depth > DEPTH_MAX)
        return bad(b, n, "too deeply nested");
    if (n->type == YAML_MAPPING_NODE)
        return build_map(b, n, t, depth);
    if (n->type == YAML_SEQUENCE_NODE)
        return build_list(b, n, t, depth);
    t->kind = TREE_SCALAR;
    t->value = strdup((const char *)n->data.scalar.value);
    return t->value ? 0 : pe_error_nomem(b->errp);
}

static tree *build_root(yaml_parser_t *parser, const char *file, pe_error *errp)
{
    yaml_document_t doc;
    struct build b = {&doc, file, errp};
    yaml_node_t *root;
    tree *t;

    if (!yaml_parser_load(parser, &doc)) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "%s:%zu: %s", file,
                     parser->problem_mark.line + 1, parser->problem);
        return NULL;
    }
    t = calloc(1, sizeof(*t));
    root = yaml_document_get_root_node(&doc);
    if (!t) {
        pe_error_nomem(errp);
    } else if (!root || root->type != YAML_MAPPING_NODE) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "%s:1: a pipeline is a mapping: version, pipeline, "
                     "pilots, stages",
                     file);
        tree_destroy(t);
        t = NULL;
    } else if (!(t->where = place(&b, root)) ||
               build_node(&b, root, t, 0) < 0) {
        tree_destroy(t);
        t = NULL;
    }
    yaml_document_delete(&doc);
    return t;
}

static tree *parse(const char *data, size_t len, const char *file,
                   pe_error *errp)
{
    yaml_parser_t parser;
    tree *t;

    if (!yaml_parser_initialize(&parser)) {
        pe_error_nomem(errp);
        return NULL;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)data, len);
    t = build_root(&parser, file, errp);
    yaml_parser_delete(&parser);
    return t;
}

tree *tree_read(const char *file, pe_error *errp)
{
    size_t len;
    char *data = file_read(file, FILE_MAX, &len, errp);
    tree *t;

    if (!data) {
        if (errp)
            errp->exit_code = PE_EXIT_CONFIG;
        return NULL;
    }
    t = parse(data, len, file, errp);
    free(data);
    return t;
}

/* --- overrides --- */

static tree *make_path(tree *t, char *path, const char *where)
{
    char *key, *rest = path;

    while ((key = strsep(&rest, "."))) {
        tree *c = (tree *)(uintptr_t)tree_get(t, key);

        if (!*key)
            return NULL;
        if (!c) {
            if (t->kind != TREE_MAP) {
                free(t->value);
                t->value = NULL;
                t->kind = TREE_MAP;
            }
            c = add_child(t, key, where);
            if (!c)
                return NULL;
            c->kind = TREE_MAP;
        }
        t = c;
    }
    return t;
}

static void remove_path(tree *t, const char *path)
{
    char parent[256];
    const char *dot = strrchr(path, '.');

    if (dot) {
        memcpy(parent, path, (size_t)(dot - path));
        parent[dot - path] = '\0';
        t = (tree *)(uintptr_t)tree_at(t, parent);
        path = dot + 1;
    }
    for (size_t i = 0; t && i < t->n; i++) {
        if (!t->child[i].key || strcmp(t->child[i].key, path))
            continue;
        clear(&t->child[i]);
        memmove(&t->child[i], &t->child[i + 1],
                (t->n - i - 1) * sizeof(*t->child));
        t->n--;
        return;
    }
}

int tree_override(tree *t, const char *assignment, pe_error *errp)
{
    const char *eq = strchr(assignment, '=');
    char path[256], *where;
    tree *c;

    if (!eq || eq == assignment || eq - assignment >= (int)sizeof(path))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--set %s: write PATH=VALUE, as "
                            "epoch.interval=1s",
                            assignment);
    memcpy(path, assignment, (size_t)(eq - assignment));
    path[eq - assignment] = '\0';
    if (!eq[1]) {
        remove_path(t, path);
        return 0;
    }
    where = text_format("--set %s", assignment);
    c = where ? make_path(t, path, where) : NULL;
    if (!c) {
        free(where);
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--set %s: no such path", assignment);
    }
    free(c->where);
    c->where = where;
    for (size_t i = 0; i < c->n; i++)
        clear(&c->child[i]);
    c->n = 0;
    c->kind = TREE_SCALAR;
    free(c->value);
    c->value = strdup(eq + 1);
    return c->value ? 0 : pe_error_nomem(errp);
}
