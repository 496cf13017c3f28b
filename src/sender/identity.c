/* identity.c - who a device is to the run: boot, position, end, schedule. */
#include "identity.h"

#include <string.h>

static const params_device *find_device(const params_state *s,
                                        const char *device)
{
    for (size_t i = 0; i < s->n_devices; i++)
        if (!strcmp(s->devices[i].device, device))
            return &s->devices[i];
    return NULL;
}

static int check_known(const params_device *known, int partition,
                       bool rereadable, pe_error *errp)
{
    if (known->partition != partition)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "device %s is fixed to partition %d in this run "
                            "and would now have %d; give the run its number "
                            "of partitions back, or start a new run",
                            known->device, (int)known->partition, partition);
    if (rereadable && known->boot != IDENTITY_FIXED_BOOT)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "device %s had a live source in this run (boot "
                            "%llu) and now has one that can be read again; "
                            "start a new run",
                            known->device, (unsigned long long)known->boot);
    return 0;
}

int identity_of(const params_state *s, const identity_facts *d, identity *out,
                uint64_t *knownp, pe_error *errp)
{
    const params_device *known = find_device(s, d->device);

    if (known && check_known(known, d->partition, d->rereadable, errp) < 0)
        return -1;
    *knownp = known ? known->boot : 0;
    out->boot = d->rereadable ? IDENTITY_FIXED_BOOT : 0;
    out->first = d->rereadable && known ? known->seq + 1 : 0;
    return 0;
}

int64_t identity_offset(const params_state *s, const char *topic, int partition)
{
    for (size_t i = 0; i < s->n_offsets; i++)
        if (s->offsets[i].partition == partition &&
            !strcmp(s->offsets[i].topic, topic))
            return s->offsets[i].next;
    return 0;
}

int64_t identity_due_ns(int64_t start_ns, double rate, uint64_t n)
{
    return start_ns + (int64_t)(1e9 * (double)n / rate);
}
