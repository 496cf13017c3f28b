/* pipeline.h - a pipeline file, read and checked: pilots, stages, streams. */
#ifndef PIPELINE_PIPELINE_H
#define PIPELINE_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/block.h>
#include <pilot/error.h>
#include <pilot/options.h>

#include "src/broker/broker.h"
#include "src/codec/codec.h"
#include "src/login/login.h"
#include "src/params/params.h"
#include "src/request/request.h"
#include "src/spool/spool.h"

struct function;     /* src/function/host.h */
struct json_t;       /* jansson */
struct scale_policy; /* src/scale/scale.h */
struct place_wish;   /* src/place/place.h */

enum pilot_kind {
    PILOT_POOL,
    PILOT_EDGE,
    PILOT_BROKER,
    PILOT_PARAMS,
    PILOT_ALLOCATION, /* a job that others live in: their `within` */
    PILOT_N_KINDS
};

typedef struct pipeline_span {
    int from, to; /* both in it */
} pipeline_span;

typedef struct pipeline_auth pipeline_auth;

typedef struct pipeline_pilot {
    char *name;
    enum pilot_kind kind;
    /* Where it lives; an edge pilot may have several places, with [devices]
     * at each.  "local://" where none is given.
     */
    char **resources;
    size_t n_resources;
    bool resource_given;
    bool same_host; /* its nodes are this machine */
    int within;     /* index of the allocation it lives in; -1: none */
    resource_request request; /* scheduler's words */
    int devices;              /* edge: at each place */
    int ntasks;               /* pool: MPI ranks */
    int cpus_per_task;        /* pool */
    char *via;                /* edge, pool: ssh://HOST that carries its
                                 connections; NULL: none */
    char *broker, *params;    /* edge, pool: where it reaches them; NULL: at
                                 their endpoints */
    char *endpoint;           /* broker, params: NULL = managed */
    char *endpoint_from; /* who named it: "FILE:LINE, pilots.NAME.endpoint",
                            "--set ...", or a variable */
    bool clear;          /* managed: in the clear wherever it listens */
    char *listen;        /* managed: address it listens on; NULL: see
                            pipeline_listen */
    struct pipeline_auth *auth; /* broker, params: TLS, and who we are; NULL:
                                   in the clear */
    char *password_file;        /* params */
    char *user;                 /* params */
    double time_s;              /* 0: no limit */
    uint64_t queue_bytes;       /* edge: memory queue of a device */
    bool full_drop; /* edge: full queue drops the oldest block instead
                       of blocking the source */
    struct {
        uint64_t size; /* of each device; 0: there is none */
        bool drop;     /* a full one drops the oldest blocks */
        enum spool_sync sync;
        char *dir;         /* NULL: in the folder of the pilot */
    } spool;               /* edge: disk behind that queue */
    pipeline_span *urgent; /* edge: devices whose blocks go ahead, by
                              their numbers in it, ascending */
    size_t n_urgent;
    char *site; /* edge, pool, allocation: where it is; NULL: see
                   pipeline_site */
    struct scale_policy *scale; /* pool: when it gets more ranks, or fewer;
                                   NULL: when somebody says so */
} pipeline_pilot;

enum stage_role {
    STAGE_SOURCE,    /* first stage: produce_edge */
    STAGE_EDGE,      /* process_edge on an edge pilot */
    STAGE_CLOUD,     /* model or process_cloud on a pool */
    STAGE_ELSEWHERE, /* the same in a layer that is not the one seen */
};

typedef struct pipeline_stage {
    char *name;
    char *function; /* generator, kmeans, PATH.so:SYMBOL */
    int *pilots;    /* indices into pilots, all of one kind */
    size_t n_pilots;
    int from; /* index into stages; -1: source */
    enum stage_role role;
    int layer;           /* on a pool: which layer it is of, from 0; else -1 */
    bool is_model;       /* function names a model (pe_model_find) */
    int *learners;       /* of a model that learns on devices: their pilots,
                            while `pilots` are the pools that merge */
    size_t n_learners;   /* 0: it learns where it runs */
    double sync_s;       /* ... between two deltas of a device */
    double stale_s;      /* ... age from which none is merged; 0: any */
    double limit_s;      /* longest call of its function; 0: any */
    uint64_t least;      /* ... rows that a number which leaves is of */
    uint32_t points;     /* source: block: {points:} */
    double within_s;     /* source: block: {within:} */
    double rate;         /* source: blocks/s per device, 0: as fast as it
                            goes; block: {rate:} */
    pe_options *options; /* checked against the function's own table */
    struct place_wish *prefer; /* on a pool: which of several has which
                                  partition; NULL: a share by ranks */
    struct function *loaded;   /* keeps that table; NULL: a model */
    char *file;                /* where it stands, for messages */
    int line;                  /* 0: made by --set */
} pipeline_stage;

/* What flows between two pilots: the records of one topic. */
typedef struct pipeline_stream {
    int stage;  /* index of the stage it leaves; -1: of none here */
    char *name; /* that stage's, or as the file calls it */
    int partitions;
    int urgent; /* so many of them, the first, are of urgent blocks */
    char *compression;
    enum pe_dtype dtype;
    char *topic;            /* {run} in it is the run's; NULL:
                               pilot.RUN.STAGE */
    uint64_t message_bytes; /* largest record: from points x features or
                               4 MiB, whichever is more */
    bool gaps_allowed;
    char *broker;       /* HOST:PORT,...; NULL: the run's */
    pe_options *stream; /* as it was read; has the texts of: */
    codec_wish codec;   /* how records of others are read */
} pipeline_stream;

/* What reason and origin may add to a record that is passed on as it came. */
#define PIPELINE_HEADER_BYTES 65536

/* `refuse-max`: more refused blocks stop a run. */
typedef struct pipeline_refuse {
    bool there;
    double share; /* 0: any */
    int64_t most; /* blocks; -1: any number */
} pipeline_refuse;

/* Which half of the way a file describes. */
enum pipeline_shape {
    PIPELINE_WHOLE, /* devices, a stream, pools */
    PIPELINE_LOCAL, /* the source runs in the pool: no broker, no parameter
                       service */
    PIPELINE_POOLS, /* pools on a topic that others write to */
    PIPELINE_EDGES, /* devices that write to a topic others read */
};

typedef struct pipeline {
    enum pipeline_shape shape;
    char *name;
    char *file; /* as the user named it */
    pipeline_pilot *pilots;
    size_t n_pilots;
    pipeline_stage *stages;
    size_t n_stages;
    /* context: map */
    char **context_keys, **context_values;
    size_t n_context;
    /* Layers are the pools in a row, each with a stream in front: from 0 on,
     * in the way of blocks.  What follows is borrowed from the stream of the
     * one that is [seen], the last one unless pipeline_see chose another.
     */
    pipeline_stream *streams;
    size_t n_streams, seen;
    bool forwards;       /* it hands its blocks on to the next stream */
    bool results_wanted; /* of the last layer */
    int stream_stage;
    char *stream_name;
    int partitions, urgent;
    char *compression;
    enum pe_dtype dtype;
    char *topic;
    uint64_t message_bytes;
    bool gaps_allowed;
    char *stream_broker;
    pe_options *stream;
    codec_wish codec;
    /* epoch: */
    double epoch_s;        /* interval; 0 with blocks */
    uint64_t epoch_blocks; /* 0: by time */
    bool results;          /* topic or off */
    bool results_da00;     /* ... as da00, else .npy */
    char *results_topic;   /* {run} in it is the run's; NULL: its own */
    pipeline_refuse refuse;
    double stall_s;      /* as the file's stall; 0: never */
    double unheard_s;    /* as the file's unheard; 0: never */
    bool until_eof;      /* --until eof, or until: eof in the file */
    bool sign;           /* records are signed (src/login/seal.h), ... */
    char *sign_file;     /* ... with the keys of this file; NULL: those of the
                            run's own */
    bool trace;          /* what becomes of every block is recorded */
    double checkpoint_s; /* between two files of the model; 0: none */
    int checkpoint_keep; /* so many of them */
    char *restore;       /* a model to begin with, or NULL */
} pipeline;

/* Read [path], apply [overrides] ("PATH=VALUE", in order), fill in what is
 * not given, check everything that can be checked without touching a server:
 * unknown keys (nearest valid one is named), types, units, ranges, stages on
 * unknown pilots, functions that are not there or have another ABI version,
 * literal passwords.  Errors: input, 78, "FILE:LINE: ...".
 */
pipeline *pipeline_load(const char *path, const char *const *overrides,
                        size_t n_overrides, pe_error *errp);
void pipeline_destroy(pipeline *p); /* may be NULL */

/* Open what the file names and pilots on this host will open: sources' files,
 * files with passwords.  Before a run is started, and where a file is only
 * looked at.  Errors: input, 65 (a source: with the line of its stage), 77 (a
 * password that others can read).
 */
int pipeline_check_files(const pipeline *p, pe_error *errp);

/* Pilot [name], or NULL. */
const pipeline_pilot *pipeline_pilot_find(const pipeline *p, const char *name);
/* First pilot of [kind], or NULL. */
const pipeline_pilot *pipeline_pilot_of(const pipeline *p,
                                        enum pilot_kind kind);
/* The stage of [role]: first of it, or NULL. */
const pipeline_stage *pipeline_stage_of(const pipeline *p,
                                        enum stage_role role);
/* Index of the stage called by [len] bytes at [name], or -1. */
int pipeline_stage_index(const pipeline *p, const char *name, size_t len);
/* So many stages, the first of the row, are in front of the pool as the file
 * has it; `pilot move` changes that of a live run, record by record.
 */
size_t pipeline_ahead(const pipeline *p);
/* The last stage on a pool, a model or a function; those of STAGE_CLOUD above
 * it prepare its blocks, in the order of the file.
 */
const pipeline_stage *pipeline_last_stage(const pipeline *p);
/* It, where it learns on devices (src/federate); else NULL. */
const pipeline_stage *pipeline_learner(const pipeline *p);
/* Do [a] and [b], of two readings of one file, do the same: function, options?
 */
bool pipeline_stage_same(const pipeline_stage *a, const pipeline_stage *b);
/* The pilot on which a `standardise` in front of the last stage would best be:
 * that of a file, of which it sees all rows before the first; NULL: there is
 * one already that scales what the model gets.
 */
const char *pipeline_scaler(const pipeline *p);
/* Select the kernels of this process (src/model/path.h): PILOT_KERNEL of the
 * environment, else the model's option.  Error: this machine has none such.
 */
int pipeline_use_kernel(const pipeline *p, pe_error *errp);
const char *pilot_kind_name(enum pilot_kind kind);
/* One that others talk to: a broker or a parameter service. */
bool pilot_kind_is_service(enum pilot_kind kind);

/* The layer of pool [k]; of all else the first one. */
size_t pipeline_layer_of(const pipeline *p, const pipeline_pilot *k);
/* What layer [layer] is called: as its first pilot. */
const char *pipeline_layer_name(const pipeline *p, size_t layer);
/* By what name the parameter service keeps the state of layer [layer] of [run]:
 * RUN of the last one, RUN/LAYER of those before.
 */
void pipeline_layer_key(const pipeline *p, const char *run, size_t layer,
                        char *out, size_t cap);

/* True when no broker and no parameter service takes part. */
bool pipeline_is_local(const pipeline *p);

/* Total of devices over all edge pilots and places; they are called
 * DEVICES-NAME-d ("devices-0").
 */
int pipeline_devices(const pipeline *p);
/* ... and those of them that are urgent. */
int pipeline_urgent_devices(const pipeline *p);
/* The partition of device [d], for the whole run: d mod partitions; where some
 * are urgent, the same among those of its kind.
 */
int pipeline_partition(const pipeline *p, int d);
/* The partition in [next], a look at the stream behind that of [p], of what
 * comes out of partition [k].
 */
int pipeline_partition_next(const pipeline *p, const pipeline *next, int k);
/* Number of the first device of pilot [k] at its place [place]. */
int pipeline_first_device(const pipeline *p, const pipeline_pilot *k,
                          int place);
/* May another pilot like [k], of kind edge, be added, with devices of its own?
 * Input, 78: its devices deal out the rows of files between them.
 */
int pipeline_edge_may_grow(const pipeline *p, const pipeline_pilot *k,
                           pe_error *errp);
/* Name of device [d] into [out]. */
void pipeline_device_name(const pipeline *p, int d, char *out, size_t cap);

#define PIPELINE_RESULTS ".results"
#define PIPELINE_REFUSED ".refused"

/* Topic of run [run] into [out]; suffix "", PIPELINE_RESULTS or
 * PIPELINE_REFUSED.
 */
void pipeline_topic(const pipeline *p, const char *run, const char *suffix,
                    char *out, size_t cap);

/* Does its name hold the run's, so that no other run writes there? */
bool pipeline_topic_is_own(const pipeline *p, const char *suffix);

/* Where pilot [k] is, of several places the one with number [place]: its
 * `site`, that of the allocation it lives in, the host of its resource, the
 * partition of its scheduler, or "local", "slurm", ...
 */
void pipeline_site(const pipeline *p, const pipeline_pilot *k, int place,
                   char *out, size_t cap);
/* The site of the devices that write each partition of the stream that is seen,
 * in new memory, as is each of them: NULL where they are at several, or of
 * another layer.  NULL: no memory.
 */
char **pipeline_sites(const pipeline *p, pe_error *errp);
/* What the stages of the layer that is seen prefer; NULL: nothing. */
const struct place_wish *pipeline_wish(const pipeline *p);

/* Rank that owns partition [partition] of [ranks]: partition mod ranks. */
int pipeline_owner(int partition, int ranks);

/* The plan as text for --dry-run: pilots, ranks, partition map, topics,
 * keys; and the effective configuration, key by key.
 */
void pipeline_print_plan(const pipeline *p, const char *run, void *file);

/* Every value that was said, with where: a line of the file, --set, or the
 * environment.  What is not there is built in (see the plan).
 */
int pipeline_print_origins(const char *path, const char *const *overrides,
                           size_t n_overrides, void *file, pe_error *errp);

/* What agents share on their command line: where run [run] keeps its files
 * and how services are reached.  Written by `pilot run` as RUN_DIR/request
 * .json, read by pilot-agent and pilot-edge.
 */
typedef struct pipeline_request {
    char *run;
    char *dir;        /* the folder it was read from, absolute */
    char *file;       /* copy of the pipeline file, in dir */
    char **overrides; /* NULL-ended; relative paths made absolute */
    size_t n_overrides;
    char *broker;        /* endpoint, or NULL */
    char *stream_broker; /* ... of the stream that is seen, where it has one of
                            its own; NULL: that one */
    char *key; /* by which the parameter service has the layer that is seen;
                  NULL: the run's name */
    char *params_url;    /* or NULL */
    char *password_file; /* or NULL */
    char *logins;        /* file of logins (broker_conf), or NULL */
    char *sign;          /* file of keys (src/login/seal.h), or NULL */
    char *broker_auth, *params_auth; /* file with the `auth` of them, where they
                            are named outside of the pipeline file; not handed
                            on */
    char *user;  /* of the parameter service; NULL: its default */
    char *claim; /* whose the run is (params_claim_take), or NULL */
    bool resumed;
    int place;    /* of an edge pilot: which of its resources */
    char *member; /* name of this instance of the pilot; NULL: the pilot's */
    char *pilot;  /* of the file; NULL in the folder of a run */
    char *via;    /* ssh://HOST that carries the connections, or NULL */
    struct json_t *supervise; /* for its supervisor (src/registry/supervise.h),
                                 kept as it is; NULL: none */
    /* Who named the endpoints, for error texts; NULL: nobody knows.  They are
     * not handed on.
     */
    char *broker_from, *params_from;
    /* Set by via_open, for those who connect. */
    int (*dial)(void *arg, const char *host, int port, pe_error *errp);
    void *dial_arg;
    void (*dial_close)(void *arg);
} pipeline_request;

/* Have [p], and [r], which may be NULL, tell of layer [layer], whose stages are
 * STAGE_CLOUD then: for processes of that layer.
 */
int pipeline_see(pipeline *p, pipeline_request *r, size_t layer,
                 pe_error *errp);
/* The same for a look at its stream: *pp and *rp are copies that borrow all of
 * [p] and [r], but for roles, which stay.
 */
void pipeline_peek(const pipeline *p, const pipeline_request *r, size_t layer,
                   pipeline *pp, pipeline_request *rp);
/* The name by which the parameter service has the layer that is seen. */
const char *pipeline_request_key(const pipeline_request *r);

/* The `via` of the first pilot on this very host that has one: commands here
 * go that way, too.  Or NULL.
 */
const char *pipeline_via_here(const pipeline *p);

int pipeline_request_write(const pipeline_request *r, pe_error *errp);
/* Its text, new memory: for a folder on another host. */
char *pipeline_request_text(const pipeline_request *r, pe_error *errp);
/* From [dir]/request.json.  NULL on error. */
pipeline_request *pipeline_request_read(const char *dir, pe_error *errp);
void pipeline_request_destroy(pipeline_request *r);

/* --- auth.c --- */

/* Keys of `auth` whose values are files, NULL-ended. */
extern const char *const pipeline_auth_files[];
/* The value of [key] of these, or NULL; with a NULL [key] the file that all of
 * it stands in.  [role]: what that one says of itself; -1: what is said for
 * all.
 */
const char *pipeline_auth_file(const pipeline_auth *a, int role,
                               const char *key);

/* As whom [role] logs in, in new memory, into *userp; NULL: by other means. */
int pipeline_auth_user(const pipeline_auth *a, enum login_role role,
                       char **userp, pe_error *errp);

/* --- sign.c --- */

/* Is what `sign` says the name of a file, and neither yes nor no? */
bool pipeline_is_sign_file(const char *words);
/* The file of keys for the devices of [k], its instance [member] at [place]
 * (-1: it was added), in new memory to be cleared.  NULL: an error of the run's
 * own file.
 */
char *pipeline_device_keys(const pipeline *p, const pipeline_request *r,
                           const pipeline_pilot *k, const char *member,
                           int place, pe_error *errp);
/* The keys of a run that is signed, into *sealp; NULL: it is not.  Errors: of
 * the file; 78, there is none.
 */
struct seal;
int pipeline_seal(const pipeline *p, const pipeline_request *r,
                  struct seal **sealp, pe_error *errp);

/* --- logins.c --- */

/* The text of a file of logins (broker_conf) for the services of [p], and for
 * those of [r] where no pilot is one: what all files say that an `auth` names,
 * for one role.  *textp = NULL: none is needed.  The caller clears and frees
 * it.
 */
int pipeline_logins(const pipeline *p, const pipeline_request *r,
                    enum login_role role, char **textp, pe_error *errp);
/* The same as a file that nobody else sees, its path into [out]: a descriptor,
 * -1: error, -2: none is needed.
 */
int pipeline_logins_open(const pipeline *p, const pipeline_request *r,
                         enum login_role role, char *out, size_t cap,
                         pe_error *errp);

/* Connection settings out of a request; strings borrowed from it. */
void pipeline_request_broker(const pipeline_request *r, broker_conf *c,
                             const char *client_id);
void pipeline_request_params(const pipeline_request *r, params_conf *c);

#endif
