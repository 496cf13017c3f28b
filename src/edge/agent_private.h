/* agent_private.h - inside of an edge agent, for the files of this folder. */
#ifndef EDGE_AGENT_PRIVATE_H
#define EDGE_AGENT_PRIVATE_H

#include <pthread.h>

#include "src/agent/traced.h"
#include "src/edge/agent.h"
#include "src/edge/plan.h"
#include "src/edge/report.h"

/* One device and what the run knows of it. */
typedef struct agent_device {
    device_conf conf;
    learner_conf learn; /* where it does */
    device *device;
    char name[256];
    int64_t stored;      /* offset the run had reached on its partition */
    uint64_t known;      /* largest BOOT the run has applied of it */
    uint64_t skipped;    /* device_skipped, as far as it was looked at */
    uint64_t drifts;     /* changes of it that were said */
    tally_counts before; /* what it has counted in processes before this one */
    uint64_t spool_full; /* how often it was said that its spool is */
    bool end_put;
    int64_t end_next; /* ... to this offset */
} agent_device;

typedef struct agent_stages agent_stages; /* agent_stages.c */

/* Looks at all devices, about a second apart. */
enum { AGENT_LOOKS = 4 };
typedef struct agent_look {
    int64_t ns;       /* monotonic; 0: none */
    device_stats *of; /* of each device */
    broker_answers answers;
} agent_look;

typedef struct agent {
    const char *pilot;
    const atomic_int *signals;
    pipeline_request *req;
    pipeline *pl;
    plan plan;
    params *params; /* under lock: shared with functions */
    params *layer;  /* under lock: of the layer that reads their topic; it may
                       be the same */
    agent_stages *stages; /* of the newest revision; NULL: of the file */
    uint64_t revision;
    bool stages_passed; /* all work by it, or that they do not is said */
    int64_t stages_ns;  /* next look */
    pthread_mutex_t lock;
    params_conf params_conf;
    broker_producer_conf producer;
    struct seal *seal; /* keys of the devices; NULL: records are not signed */
    context_host shared;
    follower *follower;
    sender *sender;
    broker_answers answers; /* of all of it, once it is closed */
    traced *traced;         /* NULL: nothing is */
    device_scale *scale;
    executor *executor; /* of devices that wait for nothing but their time */
    agent_device *devices;
    int n;
    tally *tally;
    struct {
        char *dir; /* NULL: there are none */
        spool **of;
        tally_spooled *found; /* in each when it was opened ... */
        uint64_t *boots;      /* ... and the largest BOOT of it */
        int n;
        spool_keeper *keeper;
        uint64_t sent;   /* blocks, all devices, when it was looked last ... */
        int64_t sent_ns; /* ... that they had grown */
        bool blind;      /* it is not known yet what the run has applied */
        bool left;       /* they are not waited for any more */
    } spools;
    context_skip_list skips;  /* of all devices, as of the last look */
    size_t skips_told;        /* reasons of it that were said */
    char drift[DEVICE_DRIFT]; /* the first change a device has found */
    agent_look look[AGENT_LOOKS];
    size_t looks;      /* how many there were; the newest is the last */
    uint64_t sensed;   /* blocks, all devices, at the last look */
    int64_t sensed_ns; /* ... and when they had grown; 0: not yet */

    int64_t start_ns, end_ns; /* of the blocks, monotonic; 0: not yet */
    int64_t control_ns, progress_ns, boots_ns, ends_ns; /* next time of each */
    uint64_t resent;  /* blocks, told of before, that are sensed once more */
    uint64_t acked;   /* blocks, all devices, when it was looked last ... */
    int64_t acked_ns; /* ... that they had grown, monotonic */
    report_stalled stalled;
    bool wait_told;     /* that a drain waits for the broker */
    int64_t late_ns;    /* the same */
    bool booted;        /* the devices know their BOOT */
    bool boots_told;    /* ... that it is waited for */
    bool ends_told;     /* the same of the ends */
    int64_t reached_ns; /* last answer of Redis */
    int64_t orphan_ns;  /* since when nobody hears us; 0: somebody does */
    size_t through;     /* so many stages are to be on the devices ... */
    pe_error unmoved;   /* ... and cannot be, before a device has tried */
    bool draining, leaving;
    bool alone; /* the run has no pool, whose end is waited for */
} agent;

/* --- agent_boots.c --- */

/* Live devices get their BOOT before they send; they sense meanwhile.  To be
 * called in every turn.  -1 is for errors that will not pass.
 */
int agent_take_boots(agent *a, pe_error *errp);

/* Who device [i] is by [state]: its identity, and its largest BOOT. */
int agent_identify(agent *a, int i, const params_state *state, pe_error *errp);

/* --- agent_learned.c --- */

/* Behind the figures of a device that learns: syncs, rows learned, rows held,
 * version it learns from, seconds since its last delta (null: none), MB up.
 */
void agent_learned_row(json_t *row, const agent_device *d, uint64_t bytes);
/* Of all, for the final event; NULL: none learns. */
json_t *agent_learned(const agent *a);

/* --- agent_place.c --- */

/* Where stages are to be now, and have devices follow.  An error is one of the
 * parameter service.
 */
int agent_take_place(agent *a, pe_error *errp);
/* Add member `place` (event.h) to [o], which may be NULL; the one or the other.
 */
json_t *agent_place_add(agent *a, json_t *o);
/* --- agent_spool.c --- */

/* Before the tally, which counts what is found: the spools of all devices, in
 * [folder] where the file names none.
 */
int agent_spools_open(agent *a, const char *folder, pe_error *errp);
void agent_spools_close(agent *a); /* behind the devices */
/* To be called in every turn: says that one is full; a drain does not wait for
 * a broker that is away.
 */
void agent_spools_turn(agent *a);
/* Has it spools, so that it begins without the services?  An error [e] of
 * theirs that will pass is said then, and none.
 */
bool agent_spools_bear(const agent *a, pe_error *e);
/* Blocks in all of them, and when the oldest was sensed (0: there is none). */
uint64_t agent_spooled(const agent *a, uint64_t *bytesp, int64_t *oldestp);
/* Add member `spool` (event.h) to [o], which may be NULL; the one or the other.
 */
json_t *agent_spool_add(agent *a, json_t *o);

/* Name of device [i]. */
void agent_device_name(const agent *a, int i, char *out, size_t cap);

#define AGENT_AWAY_NS (60 * CLOCK_S) /* leave without Redis after this */

/* --- agent_ends.c --- */

/* The run waits for devices of its file; those that were added ask it to, and
 * again, for a service may lose it.
 */
int agent_open_ends(agent *a, pe_error *errp);
/* Write the end of a device all of whose blocks are acknowledged. */
int agent_put_end(agent *a, agent_device *d, pe_error *errp);
/* Once all have ended, to be called in every turn. */
void agent_keep_ends(agent *a);
/* Is another supervisor waited for first? */
bool agent_ends_wait(const agent *a);

/* --- agent_stages.c --- */

/* Before there are devices: the newest revision of the stages, which agent_plan
 * then is of.  Errors: retry, 75: it does not work here, and is not taken back.
 */
int agent_first_stages(agent *a, pe_error *errp);
plan *agent_plan(agent *a);
const pipeline *agent_pipeline(const agent *a);
/* How devices learn by [pl], into [out]; false: they do not. */
bool agent_learner(const pipeline *pl, learner_conf *out);
/* To be called in every turn: devices get the stages of another revision, and
 * what they say of it is passed on.  -1 is for errors that will not pass.
 */
int agent_take_stages(agent *a, pe_error *errp);
void agent_stages_free(agent *a); /* behind the devices */

/* --- agent_tell.c --- */

/* To be called in every turn: what has been counted; what is late. */
void agent_tell_progress(agent *a);
void agent_tell_late(agent *a);
/* Does a server hold up blocks that were sensed, [sent] being acknowledged?  To
 * be asked now and then; true: [w] says which.
 */
bool agent_waits(agent *a, uint64_t sent, report_waits *w);
/* agent_recent.c - what devices have done in the last seconds, as further
 * members of the progress event (event.h), of their figures [now]; NULL: not
 * known yet.
 */
json_t *agent_recent(agent *a, const device_stats *now, int64_t now_ns);
void agent_recent_free(agent *a);
/* The same of canned looks, for tests. */
json_t *agent_last(const device_stats *then, const device_stats *now, int n,
                   double seconds);
json_t *agent_rows(const agent_device *d, const device_stats *then,
                   const device_stats *now, int n, double seconds);

/* Has that, or a stage, lasted so long that the pilot stands still?  [w]: what
 * agent_waits said, NULL: nothing.  Says so, and that it goes on.
 */
void agent_stalls(agent *a, const report_waits *w);
/* A drain begins: what it waits for is told after some seconds. */
void agent_tell_soon(agent *a);
/* The final event; the devices have been joined. */
void agent_tell_final(agent *a);

#endif
