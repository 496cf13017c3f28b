/* devices.c - which numbers the messages of each device have. */
#include "src/gather/devices.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

typedef struct device {
    char *name;
    bool numbered;
    uint64_t boot, seq; /* the newest that its sender gave */
    uint64_t next;      /* what we give */
} device;

struct devices {
    void *root; /* of tsearch */
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const device *)a)->name, ((const device *)b)->name);
}

static void device_free(void *p)
{
    device *d = p;

    free(d->name);
    free(d);
}

devices *devices_create(pe_error *errp)
{
    devices *d = calloc(1, sizeof(*d));

    if (!d)
        pe_error_nomem(errp);
    return d;
}

void devices_destroy(devices *d)
{
    if (!d)
        return;
    tdestroy(d->root, device_free);
    free(d);
}

static device *find(devices *d, const char *name, pe_error *errp)
{
    device key = {.name = (char *)(uintptr_t)name}, *made;
    void *there = tfind(&key, &d->root, compare);

    if (there)
        return *(device **)there;
    made = calloc(1, sizeof(*made));
    if (made && (made->name = strdup(name)) && tsearch(made, &d->root, compare))
        return made;
    if (made)
        device_free(made);
    pe_error_nomem(errp);
    return NULL;
}

int devices_given(devices *d, const char *name, uint64_t boot, uint64_t seq,
                  devices_word *w, pe_error *errp)
{
    device *v = find(d, name, errp);

    *w = (devices_word){0};
    if (!v)
        return -1;
    if (v->numbered && (boot < v->boot || (boot == v->boot && seq <= v->seq))) {
        w->repeat = true;
        return 0;
    }
    if (v->numbered && boot == v->boot)
        w->lost = seq - v->seq - 1;
    v->numbered = true;
    v->boot = boot;
    v->seq = seq;
    return 0;
}

int devices_next(devices *d, const char *name, uint64_t *seqp, pe_error *errp)
{
    device *v = find(d, name, errp);

    if (!v)
        return -1;
    *seqp = v->next++;
    return 0;
}
