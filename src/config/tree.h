/* tree.h - a YAML file as a tree that knows where each value stands. */
#ifndef CONFIG_TREE_H
#define CONFIG_TREE_H

#include <stddef.h>

#include <pilot/error.h>

enum tree_kind { TREE_SCALAR, TREE_MAP, TREE_LIST };

typedef struct tree {
    enum tree_kind kind;
    char *key;   /* in its mapping; NULL in a list and at the root */
    char *value; /* of a scalar, else NULL */
    char *where; /* "FILE:LINE", "--set PATH=VALUE", or as tree_set was told;
                    the line is that of the key */
    int line;    /* in the file; 0: not out of it */
    struct tree *child;
    size_t n;
} tree;

/* Read [file]: one YAML document, a mapping; anchors are followed.  Errors:
 * input, 78: cannot be read (77: not allowed), not YAML, a key twice, too
 * deep or too large a tree.
 */
tree *tree_read(const char *file, pe_error *errp);
/* The same of a file that need not say anything: then it is a mapping of none.
 */
tree *tree_read_or_empty(const char *file, pe_error *errp);
void tree_destroy(tree *t); /* may be NULL */

/* Set what "PATH=VALUE" says, making mappings on the way.  A VALUE that
 * starts with a quote, '{' or '[' is read as YAML; any other is taken as it
 * stands; an empty one removes the key.  Errors: input, 64: no such form; 78:
 * not YAML.
 */
int tree_override(tree *t, const char *assignment, pe_error *errp);

/* Make the scalar at [path] be [value], said at [where].  NULL [value]:
 * remove it.  Errors: input, 64: an empty key in [path].
 */
int tree_set(tree *t, const char *path, const char *value, const char *where,
             pe_error *errp);

/* The child [key] of a mapping, or NULL.  [t] may be NULL. */
const tree *tree_get(const tree *t, const char *key);
/* As above, over a path with dots. */
const tree *tree_at(const tree *t, const char *path);

#endif
