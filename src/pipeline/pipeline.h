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
#include "src/params/params.h"

struct function; /* src/function/host.h */

enum pilot_kind { PILOT_POOL, PILOT_EDGE, PILOT_BROKER, PILOT_PARAMS };

typedef struct pipeline_pilot {
    char *name;
    enum pilot_kind kind;
    char *resource;       /* "local://" where none is given */
    int devices;          /* edge */
    int ntasks;           /* pool: MPI ranks */
    int cpus_per_task;    /* pool */
    char *endpoint;       /* broker, params: NULL = managed */
    char *password_file;  /* params */
    char *user;           /* params */
    double time_s;        /* 0: no limit */
    uint64_t queue_bytes; /* edge: memory queue of a device */
    bool full_drop;       /* edge: full queue drops the oldest block instead
                             of blocking the source */
} pipeline_pilot;

enum stage_role {
    STAGE_SOURCE, /* first stage: produce_edge */
    STAGE_EDGE,   /* process_edge on an edge pilot */
    STAGE_CLOUD,  /* model or process_cloud on a pool */
};

typedef struct pipeline_stage {
    char *name;
    char *function; /* generator, kmeans, PATH.so:SYMBOL */
    int pilot;      /* index into pilots */
    int from;       /* index into stages; -1: source */
    enum stage_role role;
    bool is_model;           /* function names a model (pe_model_find) */
    uint32_t points;         /* source: block: {points:} */
    double within_s;         /* source: block: {within:} */
    double rate;             /* source: blocks/s per device, 0: as fast as it
                                goes; block: {rate:} */
    pe_options *options;     /* checked against the function's own table */
    struct function *loaded; /* keeps that table; NULL: a model */
    char *file;              /* where it stands, for messages */
    int line;                /* 0: made by --set */
} pipeline_stage;

/* What reason and origin may add to a record that is passed on as it came. */
#define PIPELINE_HEADER_BYTES 65536

typedef struct pipeline {
    char *name;
    char *file; /* as the user named it */
    pipeline_pilot *pilots;
    size_t n_pilots;
    pipeline_stage *stages;
    size_t n_stages;
    /* context: map */
    char **context_keys, **context_values;
    size_t n_context;
    /* the one stream that crosses the broker: out of the last edge stage */
    int stream_stage; /* index of the stage it leaves; -1: smoke, the
                         source runs in the pool */
    int partitions;
    char *compression;
    enum pe_dtype dtype;
    char *topic;            /* NULL: pilot.RUN.STAGE */
    uint64_t message_bytes; /* largest record: from points x features or
                               4 MiB, whichever is more */
    bool gaps_allowed;
    /* epoch: */
    double epoch_s;        /* interval; 0 with blocks */
    uint64_t epoch_blocks; /* 0: by time */
    bool results;          /* topic or off */
    bool until_eof;        /* --until eof, or until: eof in the file */
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

/* First pilot of [kind], or NULL. */
const pipeline_pilot *pipeline_pilot_of(const pipeline *p,
                                        enum pilot_kind kind);
/* The stage of [role]: first of it, or NULL. */
const pipeline_stage *pipeline_stage_of(const pipeline *p,
                                        enum stage_role role);
/* The last stage on a pool, a model or a function; those of STAGE_CLOUD above
 * it prepare its blocks, in the order of the file.
 */
const pipeline_stage *pipeline_last_stage(const pipeline *p);
/* Select the kernels of this process (src/model/path.h): PILOT_KERNEL of the
 * environment, else the model's option.  Error: this machine has none such.
 */
int pipeline_use_kernel(const pipeline *p, pe_error *errp);
const char *pilot_kind_name(enum pilot_kind kind);

/* True when no broker and no parameter service takes part. */
bool pipeline_is_local(const pipeline *p);

/* Total of devices over all edge pilots; device d has partition
 * d mod partitions and is called DEVICES-NAME-d ("devices-0").
 */
int pipeline_devices(const pipeline *p);
/* Name of device [d] into [out]. */
void pipeline_device_name(const pipeline *p, int d, char *out, size_t cap);

/* Topic of run [run] into [out]; suffix "", ".results" or ".refused". */
void pipeline_topic(const pipeline *p, const char *run, const char *suffix,
                    char *out, size_t cap);

/* Rank that owns partition [partition] of [ranks]: partition mod ranks. */
int pipeline_owner(int partition, int ranks);

/* The plan as text for --dry-run: pilots, ranks, partition map, topics,
 * keys; and the effective configuration, key by key.
 */
void pipeline_print_plan(const pipeline *p, const char *run, void *file);

/* What agents share on their command line: where run [run] keeps its files
 * and how services are reached.  Written by `pilot run` as RUN_DIR/request
 * .json, read by pilot-agent and pilot-edge.
 */
typedef struct pipeline_request {
    char *run;
    char *dir;        /* state directory of the run, absolute */
    char *file;       /* copy of the pipeline file, in dir */
    char **overrides; /* NULL-ended; relative paths made absolute */
    size_t n_overrides;
    char *broker;        /* endpoint, or NULL */
    char *params_url;    /* or NULL */
    char *password_file; /* or NULL */
    char *user;          /* of the parameter service; NULL: its default */
    bool resumed;
} pipeline_request;

int pipeline_request_write(const pipeline_request *r, pe_error *errp);
/* From [dir]/request.json.  NULL on error. */
pipeline_request *pipeline_request_read(const char *dir, pe_error *errp);
void pipeline_request_destroy(pipeline_request *r);

/* Connection settings out of a request; strings borrowed from it. */
void pipeline_request_broker(const pipeline_request *r, broker_conf *c,
                             const char *client_id);
void pipeline_request_params(const pipeline_request *r, params_conf *c);

#endif
