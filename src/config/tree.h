/* tree.h - a YAML file as a tree that knows where each value stands. */
#ifndef CONFIG_TREE_H
#define CONFIG_TREE_H

#include <stddef.h>

#include <pilot/error.h>

enum tree_kind { TREE_SCALAR, TREE_MAP, TREE_LIST };

typedef struct tree {
    enum tree_kind kind;
    char *key;   /* in its mapping; NULL in a list and at the root */
    char *value; /* of a scalar */
    char *where; /* "FILE:LINE", or "--set PATH=VALUE" */
    struct tree *child;
    size_t n;
} tree;

/* Read [file].  Errors: input, 78: cannot be read, not YAML, a key twice. */
tree *tree_read(const char *file, pe_error *errp);
void tree_destroy(tree *t);

/* Set what "PATH=VALUE" says, making mappings on the way; an empty VALUE
 * removes the key.
 */
int tree_override(tree *t, const char *assignment, pe_error *errp);

/* The child [key] of a mapping, or NULL. */
const tree *tree_get(const tree *t, const char *key);
/* As above, over a path with dots. */
const tree *tree_at(const tree *t, const char *path);

#endif
