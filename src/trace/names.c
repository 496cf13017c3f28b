/* names.c - names by hash. */
#include "names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "row.h"
#include "src/common/random.h"

/* "..." and 16 digits. */
#define TAIL 19

void names_cut(const char *name, size_t len, char out[NAMES_LONGEST + 1])
{
    size_t n = len <= NAMES_LONGEST ? len : NAMES_LONGEST - TAIL;

    memcpy(out, name, n);
    out[n] = '\0';
    if (n < len)
        snprintf(out + n, NAMES_LONGEST + 1 - n, "...%016" PRIx64,
                 random_hash(0, name, len));
}

bool names_was_cut(const char *name)
{
    return strlen(name) == NAMES_LONGEST &&
           !strncmp(name + NAMES_LONGEST - TAIL, "...", 3);
}

static uint32_t *slot_of(const names *t, const char *name)
{
    uint64_t at = random_hash(0, name, strlen(name));

    for (;; at++) {
        uint32_t *s = &t->slot[at & (2 * t->cap - 1)];

        if (*s == 0 || !strcmp(t->name[*s - 1], name))
            return s;
    }
}

uint32_t names_find(const names *t, const char *name)
{
    uint32_t at = t->n ? *slot_of(t, name) : 0;

    return at ? at - 1 : TRACE_NO_DEVICE;
}

/* Half of the slots stay free. */
static int grow(names *t)
{
    uint32_t cap = t->cap ? 2 * t->cap : 64;
    char **more = realloc(t->name, cap * sizeof(*more));
    uint32_t *slot;

    if (!more)
        return -1;
    t->name = more;
    slot = calloc((size_t)2 * cap, sizeof(*slot));
    if (!slot)
        return -1;
    free(t->slot);
    t->slot = slot;
    t->cap = cap;
    for (uint32_t i = 0; i < t->n; i++)
        *slot_of(t, t->name[i]) = i + 1;
    return 0;
}

uint32_t names_add(names *t, const char *name, uint32_t max)
{
    if (t->n >= max || (t->n == t->cap && grow(t) < 0))
        return TRACE_NO_DEVICE;
    t->name[t->n] = strdup(name);
    if (!t->name[t->n])
        return TRACE_NO_DEVICE;
    *slot_of(t, name) = t->n + 1;
    return t->n++;
}

void names_free(names *t)
{
    for (uint32_t i = 0; i < t->n; i++)
        free(t->name[i]);
    free(t->name);
    free(t->slot);
    *t = (names){0};
}
