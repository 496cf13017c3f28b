/* source.h - where messages come from. */
#ifndef GATHER_SOURCE_H
#define GATHER_SOURCE_H

#include "src/gather/gather.h"

typedef struct gather_source_conf {
    const char *url;    /* mqtt://HOST:PORT/FILTER, mqtts:// by TLS;
                           zmq:tcp://HOST:PORT, or another of its addresses */
    const char *name;   /* who we are: an MQTT session has this client id */
    const char *device; /* mqtt: number of the topic's level that names it,
                           from 1; NULL: the filter's first '+'.  zmq: the
                           name of the one there is; NULL: [name] */
    const char *auth;   /* mqtt: file of mode 0600 with user, password, ca,
                           certificate, key; NULL: none */
    const char *parts; /* zmq: "last", "each", or a number from 1; NULL: last */
    const char *seq;   /* zmq: member of the JSON in the first part that numbers
                          messages; NULL: they have no numbers */
    int hwm;           /* zmq: messages that it keeps for us; 0: 1,000 */
    bool bind;         /* zmq: they connect to us */
    bool old;          /* mqtt: 3.1.1, not 5 */
} gather_source_conf;

typedef struct gather_source gather_source;

/* What each kind does; [s] begins with the base. */
typedef struct gather_source_ops {
    gather_source *(*open)(const gather_source_conf *c, gather *g,
                           pe_error *errp);
    void (*close)(gather_source *s);
    /* Take what comes within [timeout_ms]; a server that is away is waited for.
     * -1: fatal.
     */
    int (*turn)(gather_source *s, int timeout_ms, pe_error *errp);
    const char *stage;
} gather_source_ops;

struct gather_source {
    const gather_source_ops *ops;
};

extern const gather_source_ops gather_mqtt, gather_zmq;

/* By the scheme of [url]; NULL: input, 64, none of ours; 78, left out when this
 * was built.
 */
const gather_source_ops *gather_source_find(const char *url, pe_error *errp);

#endif
