/* names.c - names by number. */
#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/random.h"
#include "src/agent/event.h"

static size_t probe(const names *t, const char *name)
{
    size_t i = (size_t)random_hash(0, name, strlen(name)) & (t->cap_index - 1);

    while (t->index[i] && strcmp(t->name[t->index[i] - 1], name) != 0)
        i = (i + 1) & (t->cap_index - 1);
    return i;
}

/* Twice the room, with every name in its place. */
static int grow(names *t)
{
    size_t cap = t->cap ? 2 * t->cap : 32;
    char **name = realloc(t->name, cap * sizeof(*name));
    size_t *index = calloc(2 * cap, sizeof(*index));

    if (name)
        t->name = name;
    if (!name || !index) {
        free(index);
        return -1;
    }
    free(t->index);
    t->cap = cap;
    t->index = index;
    t->cap_index = 2 * cap;
    for (size_t i = 0; i < t->n; i++)
        t->index[probe(t, t->name[i])] = i + 1;
    return 0;
}

int32_t names_take(names *t, const char *name)
{
    size_t at = t->n ? probe(t, name) : 0;

    if (t->n && t->index[at])
        return (int32_t)(t->index[at] - 1);
    if (t->n >= (t->most ? t->most : NAMES_MAX)) {
        t->beyond++;
        return -1;
    }
    if (t->n == t->cap && grow(t) < 0)
        return -2;
    t->name[t->n] = strdup(name);
    if (!t->name[t->n])
        return -2;
    at = probe(t, name);
    t->index[at] = ++t->n;
    return (int32_t)(t->n - 1);
}

void names_clear(names *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->name[i]);
    free(t->name);
    free(t->index);
    memset(t, 0, sizeof(*t));
}

json_t *names_list(const names *t)
{
    json_t *list = json_array();

    for (size_t i = 0; i < t->n; i++)
        json_array_append_new(list, event_text(t->name[i]));
    return list;
}
