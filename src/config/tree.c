/* tree.c - a YAML file as a tree that knows where each value stands. */
#include "tree.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "src/common/file.h"
#include "src/common/text.h"

/* Aliases make a small file a large tree, or an endless one. */
enum { FILE_MAX = 1 << 20, DEPTH_MAX = 32, NODES_MAX = 100000 };

static void clear_children(tree *t)
{
    for (size_t i = 0; i < t->n; i++) {
        tree *c = &t->child[i];
        clear_children(c);
        free(c->key);
        free(c->where);
    }
    free(t->child);
    free(t->value);
    t->child = NULL;
    t->value = NULL;
    t->n = 0;
}

void tree_destroy(tree *t)
{
    if (!t)
        return;
    clear_children(t);
    free(t->key);
    free(t->where);
    free(t);
}

/* A new last child, an empty mapping; NULL: no memory. */
static tree *add_child(tree *t, const char *key, const char *where)
{
    tree *c = realloc(t->child, (t->n + 1) * sizeof(*c));

    if (!c)
        return NULL;
    t->child = c;
    c = &t->child[t->n];
    *c = (tree){.kind = TREE_MAP,
                .key = key ? strdup(key) : NULL,
                .where = strdup(where)};
    if ((key && !c->key) || !c->where) {
        free(c->key);
        free(c->where);
        return NULL;
    }
    t->n++;
    return c;
}

/* Number of the child whose key is the first [len] bytes of [key], or n. */
static size_t find(const tree *t, const char *key, size_t len)
{
    size_t i = 0;

    if (t->kind != TREE_MAP)
        return t->n;
    while (i < t->n && (strncmp(t->child[i].key, key, len) != 0 ||
                        t->child[i].key[len] != '\0'))
        i++;
    return i;
}

const tree *tree_get(const tree *t, const char *key)
{
    size_t i = t ? find(t, key, strlen(key)) : 0;

    return t && i < t->n ? &t->child[i] : NULL;
}

const tree *tree_at(const tree *t, const char *path)
{
    while (t && *path) {
        size_t len = strcspn(path, ".");
        size_t i = find(t, path, len);
        t = i < t->n ? &t->child[i] : NULL;
        path += len + (path[len] == '.');
    }
    return t;
}

/* --- from libyaml's document --- */

struct build {
    yaml_document_t *doc;
    const char *file;
    const char *where; /* of every node; NULL: its line in the file */
    size_t n_nodes;
    pe_error *errp;
};

static int build_node(struct build *b, yaml_node_t *n, tree *t, int depth);

static int refuse_at(const struct build *b, size_t line, const char *what)
{
    if (b->where)
        return pe_error_set(b->errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "%s: %s",
                            b->where, what);
    return pe_error_set(b->errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "%s:%zu: %s",
                        b->file, line, what);
}

static int refuse(const struct build *b, const yaml_node_t *n, const char *what)
{
    return refuse_at(b, n->start_mark.line + 1, what);
}

static int refuse_twice(const struct build *b, const yaml_node_t *n,
                        const char *key)
{
    char what[128];

    snprintf(what, sizeof(what), "'%.80s' is there twice", key);
    return refuse(b, n, what);
}

/* The text of a scalar; NULL when a NUL would cut it short. */
static const char *scalar(const yaml_node_t *n)
{
    const char *s = (const char *)n->data.scalar.value;

    return strlen(s) == n->data.scalar.length ? s : NULL;
}

/* Child [key] of [t], as [n] says; [mark] is where it is named. */
static int build_child(struct build *b, tree *t, const char *key,
                       const yaml_mark_t *mark, yaml_node_t *n, int depth)
{
    int line = (int)mark->line + 1;
    char *where = b->where ? text_format("%s", b->where)
                           : text_format("%s:%d", b->file, line);
    tree *c = where ? add_child(t, key, where) : NULL;

    free(where);
    if (!c)
        return pe_error_nomem(b->errp);
    c->line = b->where ? 0 : line;
    return build_node(b, n, c, depth + 1);
}

static int build_map(struct build *b, yaml_node_t *n, tree *t, int depth)
{
    t->kind = TREE_MAP;
    for (yaml_node_pair_t *p = n->data.mapping.pairs.start;
         p < n->data.mapping.pairs.top; p++) {
        yaml_node_t *k = yaml_document_get_node(b->doc, p->key);
        const char *key = k->type == YAML_SCALAR_NODE ? scalar(k) : NULL;
        if (!key || !*key)
            return refuse(b, k, "a key must be a word");
        if (tree_get(t, key))
            return refuse_twice(b, k, key);
        if (build_child(b, t, key, &k->start_mark,
                        yaml_document_get_node(b->doc, p->value), depth) < 0)
            return -1;
    }
    return 0;
}

static int build_list(struct build *b, yaml_node_t *n, tree *t, int depth)
{
    t->kind = TREE_LIST;
    for (yaml_node_item_t *i = n->data.sequence.items.start;
         i < n->data.sequence.items.top; i++) {
        yaml_node_t *item = yaml_document_get_node(b->doc, *i);
        if (build_child(b, t, NULL, &item->start_mark, item, depth) < 0)
            return -1;
    }
    return 0;
}

static int build_node(struct build *b, yaml_node_t *n, tree *t, int depth)
{
    if (depth > DEPTH_MAX)
        return refuse(b, n, "too deeply nested");
    if (++b->n_nodes > NODES_MAX)
        return refuse(b, n, "too many values");
    if (n->type == YAML_MAPPING_NODE)
        return build_map(b, n, t, depth);
    if (n->type == YAML_SEQUENCE_NODE)
        return build_list(b, n, t, depth);
    if (!scalar(n))
        return refuse(b, n, "a value holds a NUL byte");
    t->kind = TREE_SCALAR;
    t->value = strdup(scalar(n));
    return t->value ? 0 : pe_error_nomem(b->errp);
}

/* The next document of [parser], which may be empty. */
static int load(struct build *b, yaml_parser_t *parser)
{
    if (yaml_parser_load(parser, b->doc))
        return 0; /* else there is nothing to delete */
    if (parser->error == YAML_MEMORY_ERROR)
        return pe_error_nomem(b->errp);
    return refuse_at(b, parser->problem_mark.line + 1,
                     parser->problem ? parser->problem : "not YAML");
}

static int check_single(struct build *b, yaml_parser_t *parser)
{
    yaml_document_t more;
    struct build next = *b;

    next.doc = &more;
    if (load(&next, parser) < 0)
        return -1;
    yaml_node_t *root = yaml_document_get_root_node(&more);
    int status = root ? refuse(b, root, "a second document") : 0;
    yaml_document_delete(&more);
    return status;
}

static int parse_with(struct build *b, yaml_parser_t *parser, tree *t)
{
    yaml_document_t doc;
    int status;

    b->doc = &doc;
    status = load(b, parser);
    if (status == 0) {
        yaml_node_t *root = yaml_document_get_root_node(&doc);
        status = root ? build_node(b, root, t, 0) : 0;
        if (status == 0 && root)
            status = check_single(b, parser);
        yaml_document_delete(&doc);
    }
    b->doc = NULL;
    return status;
}

/* Fill [t] with what [data] says; an empty document leaves it as it is. */
static int parse(struct build *b, const char *data, size_t len, tree *t)
{
    yaml_parser_t parser;

    if (!yaml_parser_initialize(&parser))
        return pe_error_nomem(b->errp);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)data, len);
    int status = parse_with(b, &parser, t);
    yaml_parser_delete(&parser);
    return status;
}

static tree *make_root(const char *file)
{
    tree *t = calloc(1, sizeof(*t));

    if (t)
        t->where = text_format("%s:1", file);
    if (t && !t->where) {
        free(t);
        return NULL;
    }
    return t;
}

/* Nothing but comments, or not even those. */
static bool is_empty(const tree *t)
{
    return t->kind == TREE_SCALAR && (!t->value || !*t->value);
}

static tree *read_tree(const char *file, bool may_be_empty, pe_error *errp)
{
    struct build b = {.file = file, .errp = errp};
    size_t len = 0;
    tree *t = NULL;
    char *data = file_read(file, FILE_MAX, &len, errp);

    if (!data) {
        if (errp && errp->exit_code == PE_EXIT_DATA)
            errp->exit_code = PE_EXIT_CONFIG;
        return NULL;
    }
    t = make_root(file);
    if (!t) {
        pe_error_nomem(errp);
        goto error;
    }
    t->line = 1;
    if (parse(&b, data, len, t) < 0)
        goto error;
    if (may_be_empty && is_empty(t))
        t->kind = TREE_MAP;
    if (t->kind != TREE_MAP) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "%s:1: a mapping of keys to values is expected%s", file,
                     len == 0 ? "; the file is empty" : "");
        goto error;
    }
    free(data);
    return t;
error:
    tree_destroy(t);
    free(data);
    return NULL;
}

tree *tree_read(const char *file, pe_error *errp)
{
    return read_tree(file, false, errp);
}

tree *tree_read_or_empty(const char *file, pe_error *errp)
{
    return read_tree(file, true, errp);
}

/* --- overrides --- */

/* Key [key] of [len] bytes under [t], which becomes a mapping if it is none;
 * NULL: no memory.
 */
static tree *descend(tree *t, const char *key, size_t len, const char *where)
{
    size_t i = find(t, key, len);

    if (i < t->n && t->kind == TREE_MAP)
        return &t->child[i];
    if (t->kind != TREE_MAP)
        clear_children(t);
    t->kind = TREE_MAP;
    char *name = text_format("%.*s", (int)len, key);
    tree *c = name ? add_child(t, name, where) : NULL;
    free(name);
    return c;
}

/* The node at [path], made where it is missing and emptied. */
static tree *make_path(tree *t, const char *path, const char *where,
                       pe_error *errp)
{
    for (const char *key = path; t && key;) {
        size_t len = strcspn(key, ".");
        t = descend(t, key, len, where);
        key = key[len] ? key + len + 1 : NULL;
    }
    char *copy = t ? text_format("%s", where) : NULL;
    if (!copy) {
        pe_error_nomem(errp);
        return NULL;
    }
    free(t->where);
    t->where = copy;
    t->line = 0;
    clear_children(t);
    t->kind = TREE_MAP;
    return t;
}

static void remove_path(tree *t, const char *path)
{
    for (;;) {
        size_t len = strcspn(path, ".");
        size_t i = find(t, path, len);
        if (i == t->n)
            return;
        if (path[len]) {
            t = &t->child[i];
            path += len + 1;
            continue;
        }
        clear_children(&t->child[i]);
        free(t->child[i].key);
        free(t->child[i].where);
        memmove(&t->child[i], &t->child[i + 1],
                (t->n - i - 1) * sizeof(*t->child));
        t->n--;
        return;
    }
}

/* Is there a word before, between and behind the dots? */
static bool is_path(const char *path)
{
    size_t len = strcspn(path, ".");

    for (; len > 0 && path[len]; len = strcspn(path, "."))
        path += len + 1;
    return len > 0;
}

int tree_set(tree *t, const char *path, const char *value, const char *where,
             pe_error *errp)
{
    if (!is_path(path))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "%s: write PATH=VALUE, as in epoch.interval=1s",
                            where);
    if (!value) {
        remove_path(t, path);
        return 0;
    }
    tree *c = make_path(t, path, where, errp);
    if (!c)
        return -1;
    c->kind = TREE_SCALAR;
    c->value = strdup(value);
    return c->value ? 0 : pe_error_nomem(errp);
}

/* Fill what tree_set made at [path] with what [value] says as YAML. */
static int fill_yaml(tree *t, const char *path, const char *value,
                     const char *where, pe_error *errp)
{
    struct build b = {.file = where, .where = where, .errp = errp};
    tree *c = make_path(t, path, where, errp);

    return c ? parse(&b, value, strlen(value), c) : -1;
}

int tree_override(tree *t, const char *assignment, pe_error *errp)
{
    size_t len = strcspn(assignment, "=");
    const char *value = assignment[len] ? assignment + len + 1 : "";
    char *path =
        text_format("%.*s", assignment[len] ? (int)len : 0, assignment);
    char *where = text_format("--set %s", assignment);
    int status = -1;

    if (!path || !where) {
        pe_error_nomem(errp);
        goto done;
    }
    status = tree_set(t, path, *value ? value : NULL, where, errp);
    if (status == 0 && *value && strchr("\"'{[", *value))
        status = fill_yaml(t, path, value, where, errp);
done:
    free(path);
    free(where);
    return status;
}
