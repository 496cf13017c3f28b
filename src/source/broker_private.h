/* broker_private.h - what the files of the topic's source share. */
#ifndef SOURCE_BROKER_PRIVATE_H
#define SOURCE_BROKER_PRIVATE_H

#include "source.h"
#include "src/block/record.h"
#include "src/codec/codec.h"
#include "src/common/text.h"
#include "src/login/seal.h"

enum { BROKER_ASIDES = 16 }; /* kinds that are counted apart */

/* Records that hold no rows, of one kind. */
struct asides {
    const char *kind;
    uint64_t n;
};

struct topic_source {
    source_reader base;
    const pipeline *pl;
    const char *run;
    broker_conf broker;
    broker_consumer_conf conf;
    char topic[256];
    char group[128];
    uint64_t queue_bytes;
    enum source_lanes lanes;
    bool learns;                 /* the model learns on devices */
    broker_consumer **consumers; /* one a lane */
    int32_t *last;               /* ... and the last partition it may have */
    size_t n;
    record_headers headers; /* scratch of one record */
    bool rounding;          /* it has been said that numbers are rounded, */
    const char *told;       /* ... and what records of this codec hold */
    codec *codec;
    seal *seal;   /* keys of a run that is signed; NULL: it is not */
    text columns; /* names of those that were named, as header pe_columns */
    uint32_t n_columns;
    struct asides asides[BROKER_ASIDES];
    uint64_t aside;
    char first_aside[320]; /* where, */
    char aside_words[640]; /* and all of it */
};

/* Fill [r], which holds a record, as far as it says what it is; what is wrong
 * with it is in r->bad.
 */
void broker_decode(struct topic_source *s, source_item *r);

#endif
