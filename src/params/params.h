/* params.h - the parameter service: model, offsets and devices in one step. */
#ifndef PARAMS_PARAMS_H
#define PARAMS_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>
#include <pilot/model.h>

/* Keys are in DESIGN section 9: pilot:{RUN}:state, :model, :first, :fence,
 * :ends, :announce, :pilots, :orders, :leases, :control, :shared, :boots,
 * :home, :commits, :stages, :files, :places, :keeper, :scale, :events,
 * :suspects, :tasks, :slices, :claims, :replays, :trials.
 */

/* The NAME of key pilot:{RUN}:NAME number [i], from 0; NULL behind the last.
 */
const char *params_key_word(size_t i);

/* A connected stream socket to [host]:[port], which the caller closes; -1. */
typedef int (*params_dial_f)(void *arg, const char *host, int port,
                             pe_error *errp);

typedef struct params_conf {
    const char *url;           /* redis://HOST:PORT, rediss://HOST:PORT (TLS)
                                  or unix:///PATH */
    const char *logins;        /* path of a file of them (src/login), which has
                                  what TLS needs; NULL: none */
    const char *from;          /* who named it, for error texts; NULL: nobody
                                  knows */
    const char *user;          /* NULL: default user */
    const char *password_file; /* NULL: none */
    const char *sign;          /* path of a file of keys (src/login/seal.h), by
                                  which ends are signed; NULL: they are not */
    double connect_timeout_s;  /* 0: 5 s */
    double command_timeout_s;  /* 0: 10 s */
    bool later; /* params_open does not mind a service that is away: each call
                   tries to reach it */
    bool no_commits;    /* a device: its user may lack the right to run
                           scripts, and none is loaded; settings of the
                           server are not looked at either */
    params_dial_f dial; /* makes the connections to redis:// URLs; NULL: we
                           do */
    void *dial_arg;     /* has to live as long as what is opened */
} params_conf;

/* One connection; one thread at a time.  A call on a connection that broke
 * connects again (with AUTH, script, time-outs) before it fails, for up to a
 * second; a reply that does not come in time is an error at once.  Every call
 * may be made again after an error of class retry.  Programs ignore SIGPIPE.
 */
typedef struct params params;

/* Can what the file of logins says be used?  No server is asked.  Errors:
 * input, of the file (65, 77), of the URL, or of a value (78).
 */
int params_login_check(const params_conf *c, pe_error *errp);

/* Does the file of logins say as whom we log in?  Then roles are told apart,
 * and what the caller says of user and password goes for nothing.  What cannot
 * be read says nothing; opening tells.
 */
bool params_login_named(const params_conf *c);

/* Errors: retry, 69 (cannot be reached, with the fix); 77 (wrong password);
 * 78 (scripts not allowed for this user; maxmemory-policy that evicts).
 */
params *params_open(const params_conf *c, const char *run, pe_error *errp);
void params_close(params *p); /* may be NULL */
/* From any thread: a command that waits for its answer ends with an error of
 * class retry, and so do all that follow.
 */
void params_cut(params *p);

/* Next offset of a partition. */
typedef struct params_offset {
    char *topic;
    int32_t partition;
    int64_t next;
    uint64_t mark; /* of the record before (broker.h); 0: not known */
} params_offset;

/* The newest block of a device that was applied. */
typedef struct params_device {
    char *device;
    int32_t partition;
    uint64_t boot, seq;
} params_device;

/* Field DEVICE -> PARTITION/NEXT_OFFSET[/dead]: rule 9. */
#define PARAMS_END_OPEN INT64_MAX /* of a device that was added: not yet */
typedef struct params_end {
    char *device;
    int32_t partition;
    int64_t next;
    bool dead; /* written for a device that died: the run fails */
} params_end;

/* Stages of a file whose places are told apart; those behind are one. */
enum { PARAMS_PLACES = 16 };

/* Counters that live and die with the model and offsets they belong to. */
typedef struct params_counters {
    uint64_t applied, refused, deduplicated, foreign; /* blocks */
    uint64_t points, masked, outliers;                /* points */
    uint64_t bytes;
    uint64_t refused_own; /* blocks of this run's devices among the refused */
    uint64_t unscored;    /* points that were learned from before there was a
                             model to score them */
    uint64_t forwarded;   /* blocks handed on to the next layer */
    uint64_t stale;       /* rows of devices' deltas that are left out */
    /* Blocks that ranks applied, by how many stages of the file they had been
     * through when they came.
     */
    uint64_t through[PARAMS_PLACES];
    uint64_t forged; /* blocks among the refused that are not signed by who they
                        say they are of */
} params_counters;

/* Everything a pool starts from, read in one step. */
typedef struct params_state {
    char commit[PE_COMMIT_ID_LEN + 1]; /* "" before the first */
    uint64_t version, fence;
    uint64_t revision; /* of the stages that made it; 0: those of the file */
    int64_t time_ns;
    params_counters counters;
    pe_buffer model; /* empty before the first */
    params_offset *offsets;
    size_t n_offsets;
    params_device *devices;
    size_t n_devices;
} params_state;

/* [out] is overwritten.  Errors: fatal, 65, where what is stored does not
 * agree with its digest (evicted, or written by another program), or is of
 * another version's layout.
 */
int params_state_fetch(params *p, params_state *out, pe_error *errp);
void params_state_free(params_state *s);

/* Only the ids: what an idle owner re-reads (rule 4).  [commit] gets the
 * id.
 */
int params_ids_fetch(params *p, char commit[PE_COMMIT_ID_LEN + 1],
                     uint64_t *versionp, uint64_t *fencep, pe_error *errp);

/* Store the first offset of a partition unless there is one (HSETNX);
 * *storedp = what is there afterwards, wherever commits have moved it to.
 */
int params_offset_init(params *p, const char *topic, int32_t partition,
                       int64_t offset, int64_t *storedp, pe_error *errp);

/* The first offsets that are stored, wherever commits have moved them to; for
 * params_offsets_free.
 */
int params_firsts_fetch(params *p, params_offset **out, size_t *np,
                        pe_error *errp);
void params_offsets_free(params_offset *o, size_t n);

/* A commit (rule 1).  All strings borrowed. */
typedef struct params_range {
    const char *topic;
    int32_t partition;
    int64_t from, to; /* blocks [from, to) are in the delta */
    uint64_t mark;    /* of record to - 1 (broker.h); 0: not known */
} params_range;

typedef struct params_commit {
    char id[PE_COMMIT_ID_LEN + 1];   /* 128 random bits, made once per delta */
    char base[PE_COMMIT_ID_LEN + 1]; /* id of the state it was applied to */
    const char *writer;              /* PILOT:INCARNATION */
    uint64_t fence;
    uint64_t version; /* of the base, plus one */
    uint64_t revision;
    int64_t time_ns;
    const char *kind; /* of the model */
    const void *model;
    size_t model_len;
    params_counters add; /* added to the stored counters */
    const params_range *ranges;
    size_t n_ranges;
    const params_device *devices;
    size_t n_devices;
    /* For its row in the history of commits; 0: it has none. */
    int64_t began_ns; /* monotonic, when it was begun */
    double threshold; /* of the model; NAN: none */
    bool warming;
} params_commit;

enum params_answer {
    PARAMS_OK,      /* stored and announced */
    PARAMS_DUP,     /* was stored before: this is a resend */
    PARAMS_FENCED,  /* an operator's reset (INCR of :fence): reload */
    PARAMS_OFFSET,  /* another writer moved a partition: reload */
    PARAMS_STALE,   /* another base: apply to the newest model and resend */
    PARAMS_REVISED, /* the state is of a newer revision of the stages: reload */
    PARAMS_EMPTY,   /* moves no offset: refused */
};

/* One EVALSHA, which writes all of it with one command; behind it, without
 * which a commit holds as well, an announcement and its row of the history.
 * Returns a params_answer, or -1: with class retry the outcome is unknown and
 * the *same* call is to be made again.
 */
int params_commit_send(params *p, const params_commit *c, pe_error *errp);

const char *params_answer_name(enum params_answer a);

/* The history: what a commit was, a row each of the newest PARAMS_ROWS_MAX or
 * somewhat more.  One is written behind its commit, so it may be lost: a
 * version is not there then.  After a roll-back versions come again.
 */
#define PARAMS_ROWS_MAX 1000
typedef struct params_row {
    char id[48]; /* of the row, by which others follow it */
    char commit[PE_COMMIT_ID_LEN + 1], writer[160], kind[64];
    uint64_t version, time_ns;
    uint64_t revision; /* of the stages */
    uint64_t bytes;    /* of the model */
    uint64_t blocks, refused, points, outliers;
    uint64_t partitions, records; /* whose offsets it moved, and by how many */
    char moved[1024]; /* "0:10-20,3:7-9": the first of them; ",+N": so many
                         more */
    uint64_t us;      /* how long it took, from the end of its epochs */
    uint64_t warming;
    double threshold; /* NAN: none */
} params_row;

/* The newest [most] rows, or those behind row [after], at most [most]; oldest
 * first.  The caller frees *out.  Errors: fatal, 65, where there is something
 * else.
 */
int params_rows_fetch(params *p, const char *after, size_t most,
                      params_row **out, size_t *np, pe_error *errp);

/* Everything but the model. */
typedef struct params_facts {
    params_state state; /* its model is empty, its fence 0 */
    char kind[256];     /* of the model */
    uint64_t model_bytes;
} params_facts;

/* As params_state_fetch, for who looks now and then. */
int params_facts_fetch(params *p, params_facts *out, pe_error *errp);
void params_facts_free(params_facts *f);

/* Ends of devices.  A dead end never replaces the one that the device wrote
 * itself; that one replaces a dead end.
 */
int params_end_put(params *p, const params_end *e, pe_error *errp);
/* Forget the dead, and never an end a device writes at the same time. */
int params_end_clear_dead(params *p, pe_error *errp);
/* Forget all ends: a run that goes on has none, be it that its devices were
 * drained or died; a source that did end says so again.
 */
int params_ends_clear(params *p, pe_error *errp);
int params_ends_fetch(params *p, params_end **out, size_t *np, pe_error *errp);
void params_ends_free(params_end *e, size_t n);

/* Incarnations (BOOT) of live devices, by device: field DEVICE -> the number
 * handed out last.
 */
typedef struct params_boot {
    const char *device;
    uint64_t known;  /* largest that is known to have been used; 0: none */
    int64_t log_end; /* next offset of the device's partition, now */
    uint64_t boot;   /* out */
} params_boot;

/* What follows [last] where the partition ends at [log_end].  No clock has a
 * part in it: a log only grows, and where it went back this is counted.  So a
 * number that a roll-back of the service took back is not handed out again
 * once a record bears it: the log is longer then.
 */
uint64_t params_boot_next(uint64_t last, int64_t log_end);

/* Hand each of [n] devices its next number, which is larger than all it had,
 * and nobody else's.  May be made again.  Errors: retry; fatal, 78: none is
 * left; fatal, 65: some other program wrote to the key.
 */
int params_boots_take(params *p, params_boot *b, size_t n, pe_error *errp);

/* Leases: which pool of the run has which partitions.  They spread the work
 * and are no lock: a commit is safe by its compare, whoever sends it.
 */
typedef struct params_member {
    const char *name;        /* of a pool's instance: letters, digits, "_-." */
    const char *incarnation; /* hex digits, other ones after each start */
    int ranks;
    int32_t partitions;  /* of the run */
    int64_t ttl_ms;      /* a member that is silent for longer is dead */
    uint64_t generation; /* as the call that joined was told; 0 before */
    const char *facts;   /* what the others are to know of us (src/place),
                            printable, without blanks; NULL: nothing */
    const char *only;    /* instead of a share by ranks: these, as "0-3,7";
                            NULL: a share */
} params_member;

/* What a member has, as it stands in the service. */
typedef struct params_lease {
    char *member;
    int ranks;
    int64_t expires_ms; /* by the server's clock */
    uint64_t joined;    /* smaller: earlier */
    char *incarnation;
    int32_t *partitions; /* in order */
    size_t n_partitions;
    char *facts; /* "" where it says none */
} params_lease;

enum params_lease_word {
    PARAMS_LEASE_JOIN = 1,   /* the first call of this incarnation */
    PARAMS_LEASE_SETTLE = 2, /* nothing of ours is under way: what we have
                                too many is given back */
    PARAMS_LEASE_ALONE = 4,  /* all partitions, or no member */
    PARAMS_LEASE_LEAVE = 8,  /* give all back */
};

typedef struct params_share {
    bool replaced;          /* another incarnation has taken this name: nothing
                               is ours any more */
    int32_t share, surplus; /* what is due to us; what we have beyond that */
    uint64_t generation;    /* which of those that joined we are */
    params_lease *leases;   /* of all members */
    size_t n;
} params_share;

/* One sign of life, due several times in a ttl.  Partitions that nobody holds
 * are ours up to our share, by ranks; those of a member that is dead or leaves
 * are nobody's.  [words] are of params_lease_word.  One EVALSHA; may be made
 * again.  [out] is overwritten, and for params_leases_free.  Errors: input,
 * for a name or a number that is none; fatal, 65, when some other program
 * wrote to the key.
 */
int params_lease_beat(params *p, const params_member *m, unsigned words,
                      params_share *out, pe_error *errp);

/* All members, also dead ones that nobody has missed yet. */
int params_leases_fetch(params *p, params_lease **out, size_t *np,
                        pe_error *errp);
void params_leases_free(params_lease *l, size_t n);

/* A run is of one home: a folder of runs, that many hosts may see.  [claim] is
 * "ID SECONDS HOST HOME": random, since when, and where; whoever takes it first
 * has it, and so has everybody with the same ID, and a later run of this name
 * in that home.  Errors: fatal, 75, naming the home that has it.
 */
int params_claim_take(params *p, const char *claim, pe_error *errp);
/* Give it back, where it is [claim]'s: of a run that came to nothing. */
int params_claim_drop(params *p, const char *claim, pe_error *errp);

/* Who is to commit next, where pools are in each other's way: a name, for so
 * long.  A hint, on which nothing exact rests.  0: nobody, 1: another than
 * [who], 2: [who]; -1: error.
 */
int params_next_look(params *p, const char *who, pe_error *errp);
/* It is to be [who], for [ms], unless it is another. */
int params_next_ask(params *p, const char *who, int64_t ms, pe_error *errp);
/* No more, where it is [who]: 0, or -1. */
int params_next_drop(params *p, const char *who, pe_error *errp);

/* Control words of a run ("drain", "stop"), read by its agents; "" when there
 * is none.  Errors: input, when the word does not fit.
 */
int params_control_put(params *p, const char *word, pe_error *errp);
int params_control_fetch(params *p, char *word, size_t cap, pe_error *errp);

/* The newest beat of each pilot of the run (src/registry/beat.h), as JSON text.
 */
typedef struct params_pilot {
    char *pilot; /* its name in the run */
    char *beat;
} params_pilot;
int params_pilot_put(params *p, const char *pilot, const char *beat,
                     pe_error *errp);
int params_pilots_fetch(params *p, params_pilot **out, size_t *np,
                        pe_error *errp);
void params_pilots_free(params_pilot *pilots, size_t n);

/* An order to one pilot ("drain"), read by its supervisor; "" takes it back,
 * and is what is read when there is none.  Errors: input, when the word does
 * not fit.
 */
int params_order_put(params *p, const char *pilot, const char *word,
                     pe_error *errp);
int params_order_fetch(params *p, const char *pilot, char *word, size_t cap,
                       pe_error *errp);

/* Where stages are that have moved.  Of an edge pilot: its devices put blocks
 * through the stages up to [stage]; of PARAMS_PLACE_POOL: ranks have open all
 * that follow [stage].  "" takes it back, and is what is read where there is
 * none: then it is as the pipeline file says.  Errors: input, when the word
 * does not fit.
 */
#define PARAMS_PLACE_POOL "@pool"
int params_place_put(params *p, const char *who, const char *stage,
                     pe_error *errp);
int params_place_fetch(params *p, const char *who, char *stage, size_t cap,
                       pe_error *errp);

/* Who decides about the size of the run's pool: the first that takes it, and
 * as long as it takes it again within [ttl_ms].  It keeps others quiet and is
 * no lock: what a keeper does is safe when two do it.  [id] is of this process,
 * with what people want to know of it.  1: it is ours; 0: another's.
 */
int params_keeper_take(params *p, const char *id, int64_t ttl_ms,
                       pe_error *errp);
/* Give it back, where it is ours. */
int params_keeper_leave(params *p, const char *id, pe_error *errp);
/* Whose it is, new memory; "": nobody's. */
char *params_keeper_fetch(params *p, pe_error *errp);

/* What the keeper has decided (src/scaler/scaler.h), JSON; fetch: new memory,
 * "" where there is none.
 */
int params_scale_put(params *p, const char *json, pe_error *errp);
char *params_scale_fetch(params *p, pe_error *errp);

/* Events of outside that nobody has taken yet.  [id] makes one of several of a
 * name, so that a call may be made again; neither has blanks.
 */
typedef struct params_event {
    char *name, *id;
    int64_t time_ns; /* real time of who told it */
} params_event;
int params_event_put(params *p, const params_event *e, pe_error *errp);
/* In the order of their times. */
int params_events_fetch(params *p, params_event **out, size_t *np,
                        pe_error *errp);
int params_event_drop(params *p, const params_event *e, pe_error *errp);
void params_events_free(params_event *e, size_t n);

/* The newest model and its id, read in one step: out is left empty and
 * commit "" when there is none.  [out] starts zeroed or holds an earlier
 * model, whose memory is used again.  Errors: retry, when the model is not
 * the one the digest belongs to (evicted, or written by another program).
 */
int params_model_fetch(params *p, pe_buffer *out,
                       char commit[PE_COMMIT_ID_LEN + 1], uint64_t *versionp,
                       int64_t *time_nsp, pe_error *errp);

/* Shared state of functions.  A key that is not there: *lenp = 0.  Errors:
 * input, when the value is longer than [cap].
 */
int params_shared_put(params *p, const char *key, const void *value, size_t len,
                      pe_error *errp);
/* As long as there is none: 1 it is stored; 0: there is one. */
int params_shared_once(params *p, const char *key, const void *value,
                       size_t len, pe_error *errp);
int params_shared_get(params *p, const char *key, void *value, size_t cap,
                      size_t *lenp, pe_error *errp);

/* Revisions: what the stages of the run are now, as changes against its
 * pipeline file (src/revision/revision.h makes and reads the texts).  They
 * count from 1; 0 is the file as it is.
 */
typedef struct params_revision {
    uint64_t number;
    char *text;
} params_revision;

/* The newest one, 0: there is none; and why it is to be taken back, "": nobody
 * has said so ([failed] may be NULL).  Errors: fatal, 65, where something else
 * is stored.
 */
int params_revision_now(params *p, uint64_t *nowp, char *failed, size_t cap,
                        pe_error *errp);
/* The same, and how many tasks the run has been given: grows with each. */
int params_revision_look(params *p, uint64_t *nowp, char *failed, size_t cap,
                         uint64_t *tasksp, pe_error *errp);
/* Its text, new memory; of 0 there is none.  Errors: fatal, 65: it is gone. */
int params_revision_fetch(params *p, uint64_t number, params_revision *out,
                          pe_error *errp);
/* All there are, in order. */
int params_revisions_fetch(params *p, params_revision **out, size_t *np,
                           pe_error *errp);
void params_revisions_free(params_revision *r, size_t n); /* may be NULL */
/* [words] are revision after + 1, unless there is one behind [after] already.
 * 1: it is stored; 0: somebody was first.  May be made again: a text is told
 * from others by what is in it.
 */
int params_revision_put(params *p, uint64_t after, const char *words,
                        pe_error *errp);
/* Whoever cannot work with [number] says why: the pool takes it back. */
int params_revision_fail(params *p, uint64_t number, const char *why,
                         pe_error *errp);
/* [member] begins with [number] now, for the *timesp-th time since it last said
 * that it stands: as many of its processes came to nothing before.
 */
int params_revision_begin(params *p, uint64_t number, const char *member,
                          uint64_t *timesp, pe_error *errp);
int params_revision_stands(params *p, uint64_t number, const char *member,
                           pe_error *errp);

/* A field of a hash, and its text. */
typedef struct params_word {
    char *name, *text;
} params_word;
void params_words_free(params_word *w, size_t n); /* may be NULL */

/* Blocks that are suspected of ending the processes that work on them
 * (src/poison/suspects.h makes and reads the texts).  A put takes the place of
 * what was there, and each call may be made again.
 */
int params_suspects_fetch(params *p, params_word **out, size_t *np,
                          pe_error *errp);
int params_suspect_put(params *p, const params_word *w, pe_error *errp);
int params_suspect_drop(params *p, const char *name, pe_error *errp);

/* Batches of refused blocks that were sent again (src/refused/replay.c); a
 * field that is there stays: 1 it is put, 0 there is one.
 */
int params_replays_fetch(params *p, params_word **out, size_t *np,
                         pe_error *errp);
int params_replay_once(params *p, const params_word *w, pe_error *errp);

/* Files that revisions name, by their SHA-256.  Errors: input, 65: too large;
 * 73: too many.  fetch: fatal, 65: it is not there.
 */
#define PARAMS_FILE_MAX ((size_t)16 << 20)
#define PARAMS_FILES_MAX 64
int params_file_put(params *p, const char *digest, const void *data, size_t len,
                    pe_error *errp);
int params_file_fetch(params *p, const char *digest, pe_buffer *out,
                      pe_error *errp);

/* The server's clock, CLOCK_REALTIME nanoseconds. */
int params_time_fetch(params *p, int64_t *nsp, pe_error *errp);

/* Delete every key of the run. */
int params_run_delete(params *p, pe_error *errp);

/* Follower: its own connection, subscribed to the announcements.  Waits up
 * to [timeout_ms] for an announcement; 1: *commit holds the id announced
 * last; 0: none; -1: error (retry: it connects again at the next call).  An
 * announcement is a hint only: ids may be missed while disconnected.
 */
typedef struct params_follower params_follower;
params_follower *params_follower_open(const params_conf *c, const char *run,
                                      pe_error *errp);
void params_follower_close(params_follower *f);
int params_follower_wait(params_follower *f, int timeout_ms,
                         char commit[PE_COMMIT_ID_LEN + 1], pe_error *errp);

#endif
