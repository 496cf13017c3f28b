/* gather.h - messages of others, one by one, into a topic: each is on our disk
 * before its sender is told that we have it, and in the topic once.
 */
#ifndef GATHER_GATHER_H
#define GATHER_GATHER_H

#include "src/broker/broker.h"
#include "src/codec/codec.h"
#include "src/spool/spool.h"

typedef struct gather_conf {
    const char *name;  /* of this gateway: the run of its devices' records */
    const char *stage; /* how messages come: "mqtt", "zmq" */
    broker_conf broker;
    const char *topic;
    uint64_t message_bytes; /* the largest record that the topic takes */
    codec_wish wish;
    const char *sign; /* file of keys (src/login/seal.h); NULL: records are not
                         signed */
    const char *dir;  /* of the spool, and of the count of our starts */
    uint64_t size;    /* of the spool */
    enum spool_sync sync;
} gather_conf;

/* A message as it came. */
typedef struct gather_message {
    const char *device;
    const void *data;
    size_t len;
    bool has_seq; /* its sender has numbered it: in [boot], which grows with
                     each of its starts, from 0 or from anywhere */
    uint64_t boot, seq;
    uint32_t id;         /* that its broker knows it by until we acknowledge
                            it; 0: none */
    bool again;          /* the broker says that it sends it again */
    const char *refused; /* why it cannot be taken as it is; NULL: it can */
} gather_message;

typedef struct gather_counts {
    uint64_t taken;     /* are in the spool, or were */
    uint64_t forwarded; /* the broker has */
    uint64_t refused;   /* of taken: no codec reads them; the pool refuses */
    uint64_t skipped;   /* hold no rows, and are not meant to */
    uint64_t repeats;   /* came before */
    uint64_t lost;      /* by sequence: numbers that never came */
    uint64_t dropped;   /* larger than the topic takes */
} gather_counts;

typedef struct gather gather;

/* Errors: those of spool_open and broker_producer_open; input, 78: there is no
 * such topic.
 */
gather *gather_open(const gather_conf *c, pe_error *errp);
/* What is not forwarded stays in the spool.  May be NULL. */
void gather_close(gather *g);

/* Would a message be taken now? */
bool gather_has_room(gather *g);
/* On return it is in the spool, or counted as one that goes nowhere.  -1: the
 * disk has failed, and the sender must not be told that we have it.
 */
int gather_take(gather *g, const gather_message *m, pe_error *errp);
/* [n] messages of [device] in front of number [seq] never came. */
void gather_lose(gather *g, const char *device, uint64_t n, uint64_t seq);
/* Hand on what is in the spool, as far as the broker takes it now. -1: the
 * producer is broken.
 */
int gather_forward(gather *g, pe_error *errp);
/* Records that are not yet forwarded. */
uint64_t gather_waiting(gather *g);
gather_counts gather_counts_get(const gather *g);

#endif
