/* sent.h - which rows of a device are in deltas that the topic has. */
#ifndef FEDERATE_SENT_H
#define FEDERATE_SENT_H

#include "src/broker/broker.h"

typedef struct sent_conf {
    broker_conf broker;
    const char *run, *topic, *device;
    int32_t partition;
    uint64_t message_bytes;     /* largest record */
    int64_t from;               /* offset that the run had reached */
    struct seal_signer *signer; /* who has signed them; NULL: nobody has */
    uint64_t boot; /* of the device, whose source can be read again */
} sent_conf;

/* *nextp becomes the SEQ behind the last block of the device that is in its
 * partition, from that offset on, committed or not; where there is none it
 * stays.  A source goes on there: rows cannot be taken out of a delta again.
 * Errors: of the broker (69 where it gives nothing for a minute).
 */
int federate_find_sent(const sent_conf *c, uint64_t *nextp, pe_error *errp);

#endif
