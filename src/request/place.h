/* place.h - a resource's URL: the words for places where pilots can live. */
#ifndef REQUEST_PLACE_H
#define REQUEST_PLACE_H

#include <stdbool.h>

#include <pilot/error.h>

/* What a URL may be; a new scheduler gets its two, and a row in place.c. */
#define PLACE_URLS                                                         \
    "local:// ssh://HOST slurm:// slurm+ssh://HOST slurmrest://HOST:PORT " \
    "slurmrest:///SOCKET pbs:// pbs+ssh://HOST "                           \
    "exec:///FOLDER ec2://REGION/TYPE openstack://CLOUD/FLAVOR "           \
    "virsh:///TEMPLATE batch:// rehearsal:///SCRIPT"
/* Its schemes alone, without what stands for one of the others. */
#define PLACE_SCHEMES \
    "local ssh slurm slurmrest pbs exec ec2 openstack virsh rehearsal"

/* A URL taken apart.  Whether it can be used here is src/backend's to know. */
typedef struct place_url {
    const char *scheme; /* "slurm" of "slurm+ssh://..." */
    bool behind_ssh;    /* its host is reached by SSH */
    bool same_host;     /* what lives there is on this very host, as far as
                           the URL tells */
    char user[64];
    char host[256];
    int port; /* 0: not given */
} place_url;

/* Errors: input, 78: "'URL' ...". */
int place_parse(const char *s, place_url *out, pe_error *errp);

/* The facts above of a URL that was looked at before; false for one that is
 * none.
 */
bool place_is_behind_ssh(const char *s);
bool place_is_same_host(const char *s);

/* Does [s] leave it to us: "batch://", the allocation we are in, else this
 * host's one scheduler?
 */
bool place_is_batch(const char *s);

#endif
