/* origin.c - where each value of a pipeline file was said. */
#include "pipeline_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

/* "PATH = VALUE    WHERE" of every scalar below [t]; [path] is of [t]. */
static void print_below(const tree *t, const char *path, FILE *f)
{
    for (size_t i = 0; i < t->n; i++) {
        const tree *c = &t->child[i];
        char *at = c->key
                       ? text_format("%s%s%s", path, *path ? "." : "", c->key)
                       : text_format("%s[%zu]", path, i);
        if (!at)
            return;
        if (c->kind == TREE_SCALAR)
            fprintf(f, "%-40s = %-24s %s\n", at, c->value, c->where);
        else
            print_below(c, at, f);
        free(at);
    }
}

int pipeline_print_origins(const char *path, const char *const *overrides,
                           size_t n_overrides, void *file, pe_error *errp)
{
    tree *root = pipeline_read_tree(path, overrides, n_overrides, errp);

    if (!root)
        return -1;
    print_below(root, "", file);
    tree_destroy(root);
    return 0;
}
