/* supervise.h - what the supervisor of a pilot is told, in its request. */
#ifndef REGISTRY_SUPERVISE_H
#define REGISTRY_SUPERVISE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/pipeline/pipeline.h"

/* The object "supervise" of a pilot's request.json.  Strings are new memory.
 */
typedef struct supervise {
    char *id;       /* RUN/NAME */
    char *kind;     /* pool, edge, ... */
    char *libexec;  /* folder of the agents; NULL: beside the supervisor */
    char *launcher; /* of a pool: auto, srun, mpirun, mpiexec */
    char *wrap;
    bool secure;     /* a service: with TLS and logins */
    char *listen;    /* of a service: address or interface; NULL: 127.0.0.1 */
    char *advertise; /* the name others reach it by; NULL: that of [listen] */
    char *home;      /* the registry there, for a successor */
    int ranks, cpus_per_task;
    int chain;      /* successors to come */
    double time_s;  /* asked for; 0: no limit */
    double lead_s;  /* 0: made from what the pool tells */
    double hello_s; /* agents that are silent longer are given up, ranks
                       the second time */
    char **tenants; /* of an allocation: members in it, in the order of their
                       start; NULL-ended; NULL: none */
    bool batch;     /* in a job: it has an end that a scheduler knows */
} supervise;

/* A file of the pilot's folder: what it has taken over the lives of its
 * processes.
 */
#define SUPERVISE_LIFE "life.json"

#define SUPERVISE_HELLO_S 120.0

json_t *supervise_json(const supervise *s); /* new; NULL: no memory */
/* [out] is overwritten.  Errors: input, 65, naming what is missing. */
int supervise_parse(const json_t *o, supervise *out, pe_error *errp);
void supervise_free(supervise *s); /* leaves it zeroed */

#endif
