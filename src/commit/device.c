/* device.c - the newest block of each device, by its name. */
#include "device.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/random.h"

/* Each block's: by words, since nobody else sees it. */
static size_t hash(const char *name)
{
    size_t len = strlen(name);
    uint64_t h = len, word;

    for (; len >= sizeof(word); len -= sizeof(word), name += sizeof(word)) {
        memcpy(&word, name, sizeof(word));
        h = random_mix(h, word);
    }
    word = 0;
    memcpy(&word, name, len);
    return (size_t)random_mix(h, word);
}

static size_t probe(const commit_devices *t, const char *name)
{
    size_t i = hash(name) & (t->cap_index - 1);

    while (t->index[i] && strcmp(t->d[t->index[i] - 1].last.device, name))
        i = (i + 1) & (t->cap_index - 1);
    return i;
}

static int grow_index(commit_devices *t, pe_error *errp)
{
    size_t cap = t->cap_index ? 2 * t->cap_index : 64;
    size_t *index = calloc(cap, sizeof(*index));

    if (!index)
        return pe_error_nomem(errp);
    free(t->index);
    t->index = index;
    t->cap_index = cap;
    for (size_t i = 0; i < t->n; i++)
        t->index[probe(t, t->d[i].last.device)] = i + 1;
    return 0;
}

static int grow_table(commit_devices *t, pe_error *errp)
{
    size_t cap = t->cap ? 2 * t->cap : 32;
    commit_device *d = realloc(t->d, cap * sizeof(*d));

    if (!d)
        return pe_error_nomem(errp);
    t->d = d;
    t->cap = cap;
    return 0;
}

size_t commit_device_look(const commit_devices *t, const char *name)
{
    return t->n ? t->index[probe(t, name)] - 1 : SIZE_MAX;
}

size_t commit_device_find(commit_devices *t, const char *name, pe_error *errp)
{
    size_t slot;

    if (2 * (t->n + 1) > t->cap_index && grow_index(t, errp) < 0)
        return SIZE_MAX;
    slot = probe(t, name);
    if (t->index[slot])
        return t->index[slot] - 1;
    if (t->n == t->cap && grow_table(t, errp) < 0)
        return SIZE_MAX;
    memset(&t->d[t->n], 0, sizeof(t->d[t->n]));
    t->d[t->n].last.device = strdup(name);
    if (!t->d[t->n].last.device) {
        pe_error_nomem(errp);
        return SIZE_MAX;
    }
    t->index[slot] = ++t->n;
    return t->n - 1;
}

void commit_devices_clear(commit_devices *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->d[i].last.device);
    free(t->d);
    free(t->index);
    memset(t, 0, sizeof(*t));
}
