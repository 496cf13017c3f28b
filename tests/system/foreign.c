/* foreign.c - a producer that is not ours: records without our headers.
 *
 * usage: foreign TOPIC PARTITION KIND COUNT [KEY]     broker: PILOT_BROKER
 * KIND: npy (10 x 3 doubles), wide (10 x 5), nan (every second row NaN),
 *       junk (no .npy), fortran, big (12 x 3 values of 1e300)
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/npy.h"
#include "src/broker/broker.h"

static double value(const char *kind, uint32_t row, uint32_t col)
{
    if (!strcmp(kind, "nan") && row % 2)
        return NAN;
    if (!strcmp(kind, "big"))
        return 1e300;
    return row + col / 10.0;
}

static const void *make(const char *kind, pe_block *b, size_t *lenp)
{
    uint32_t cols = strcmp(kind, "wide") ? 3 : 5;
    pe_error e = {0};
    double *v;

    if (!strcmp(kind, "junk")) {
        *lenp = 9;
        return "not numpy";
    }
    if (pe_block_reserve(b, 10, cols, PE_F8, &e) < 0)
        exit(1);
    v = b->data;
    for (uint32_t i = 0; i < 10; i++)
        for (uint32_t k = 0; k < cols; k++)
            v[i * cols + k] = value(kind, i, k);
    return npy_frame(b, lenp);
}

int main(int argc, char **argv)
{
    broker_producer_conf c = {.compression = "none",
                              .message_bytes = 4 << 20,
                              .queue_bytes = 16 << 20,
                              .in_flight = 1};
    broker_producer *p;
    pe_block b = {0};
    pe_error e = {0};
    const void *value_of;
    size_t len;

    if (argc < 5)
        return 64;
    c.broker.endpoint = getenv("PILOT_BROKER");
    c.broker.client_id = "foreign";
    p = broker_producer_open(&c, &e);
    value_of = make(argv[3], &b, &len);
    for (int i = 0; p && i < atoi(argv[4]); i++)
        if (broker_produce(p, argv[1], atoi(argv[2]), argc > 5 ? argv[5] : NULL,
                           value_of, len, NULL, true, NULL, &e) != 0)
            break;
    if (!p || broker_producer_flush(p, 10000, &e) < 0) {
        fprintf(stderr, "foreign: %s\n", e.text);
        return 1;
    }
    broker_producer_close(p);
    pe_block_release(&b);
    return 0;
}
