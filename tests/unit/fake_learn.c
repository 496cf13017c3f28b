/* fake_learn.c - devices under test that do not learn: no models are linked. */
#include "src/edge/device_private.h"

int learn_open(device *d, const learner_conf *c, pe_error *errp)
{
    (void)d;
    (void)errp;
    return c ? -1 : 0;
}

void learn_close(device *d)
{
    (void)d;
}

void learn_revise(device *d, const learner_conf *c)
{
    (void)d;
    (void)c;
}

int learn_block(device *d, const pe_block *b)
{
    (void)d;
    (void)b;
    return -1;
}

int learn_turn(device *d)
{
    (void)d;
    return -1;
}

int learn_end(device *d)
{
    (void)d;
    return -1;
}

void learn_headers(const queue_slot *slot, record_headers *h)
{
    (void)slot;
    (void)h;
}

void learn_publish(device *d, uint64_t stored)
{
    (void)d;
    (void)stored;
}

void learn_progress(const device *d, device_learned *out)
{
    (void)d;
    (void)out;
}
