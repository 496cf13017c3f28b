/* record.h - the registry: what is known of every pilot, on disk. */
#ifndef REGISTRY_RECORD_H
#define REGISTRY_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/registry/lifecycle.h"

/* HOME/RUN/NAME/ is the folder of pilot RUN/NAME:
 *
 *   request.json   what the agents of the pilot read (src/pipeline/pipeline.h)
 *                  and, as "pilot", what the supervisor reads (supervise.h)
 *   job.sh         the job script
 *   state.json     the record below; written by commands, under `lock`
 *   state.old      the one before, while the newest is not safe on the disk;
 *                  state.new: the next one, while it is written
 *   submit.lock    held by the command that submits it (pilot_record_hold)
 *   beat.json      written by the supervisor while it runs (beat.h)
 *   exit           written by the supervisor at its end (beat.h)
 *   out, err       of the job and of its agents
 *
 * A pilot on another host has all but the record there; request.json is here,
 * too.
 */
typedef struct pilot_record {
    char id[256];            /* RUN/NAME */
    char run[128], name[96]; /* NAME: of the pilot in the file, and ".2" and
                                so on for one that was added to it */
    char kind[16];
    char resource[512];             /* URL */
    char sched_id[RESOURCE_ID_MAX]; /* "" before the scheduler's answer */
    char dir[1024];                 /* its folder on the resource's host */
    char host[256];                 /* where its supervisor runs; "" before */
    enum pilot_state state;
    char native[64];    /* the scheduler's last word */
    char reason[512];   /* why it is not running, or how it ended */
    char progress[512]; /* of one that is up, for people (beat.h); "" */
    char endpoint[256]; /* of a broker or params pilot that is up */
    bool submitting;    /* a submit is under way or was cut off */
    bool cancel_asked;
    bool never; /* as it is asked for it will never run */
    int ranks, nodes;
    int restarts;  /* by the scheduler */
    int exit_code; /* -1: not known */
    int64_t created_ns, submitted_ns, started_ns, active_ns, ended_ns;
    int64_t limit_ns;    /* when its time is over; 0: no limit, or not yet
                            known */
    int64_t observed_ns; /* last answer of the scheduler about it */
    int64_t seen_ns;     /* last sign of life of the pilot itself */
    int64_t beat_ns;     /* time of its newest beat, by its own clock */
    int64_t stale_ns;    /* beats and exit records up to this time, by its
                            own clock, are of an earlier life: it was queued
                            again */
    double hello_timeout_s;
    char successor[256]; /* id of the one that goes on with its work; "" */
} pilot_record;

/* 0 when [id] may be the id of a pilot: RUN/NAME, both of letters, digits and
 * "._-", the first a letter or digit.  Errors: input, 64.
 */
int pilot_id_check(const char *id, pe_error *errp);

/* Write the first record of [r] into the folder [home]/[run]/[name], which is
 * made; state NEW and `submitting` are up to the caller.  Errors: input, 73:
 * there is one already.
 */
int pilot_record_create(const char *home, const pilot_record *r,
                        pe_error *errp);

/* Tell other commands that a submit of [id] is under way, for as long as the
 * file descriptor that is returned is open (it ends with the process): until
 * then nobody takes it for cut off, however long files are copied.  -1 on
 * error.
 */
int pilot_record_hold(const char *home, const char *id, pe_error *errp);
bool pilot_record_is_held(const char *home, const char *id);

/* Change a record: it is read under its lock into *r, [change] edits it (0:
 * write, 1: leave as it is, -1: error), and it is written whole.  Two
 * commands at once take turns.  Errors: also retry, 75: the lock is held for
 * more than 10 s.
 */
typedef int (*pilot_record_change_f)(pilot_record *r, void *arg,
                                     pe_error *errp);
int pilot_record_change(const char *home, const char *id,
                        pilot_record_change_f change, void *arg,
                        pilot_record *out, pe_error *errp);

/* The same for [n] pilots at once, sorted by id, each with its own [arg] and
 * [out] (the record as it is on disk afterwards): for commands that bring a
 * thousand up to date.  Nothing waits for the disk: after a loss of power a
 * record may be the one before, so this is for what can be learned again.  A
 * pilot that cannot be changed is left as it is; the first such error is
 * returned after the others are done.
 */
typedef struct pilot_record_edit {
    const char *id;
    void *arg;
    pilot_record *out;
} pilot_record_edit;
int pilot_records_change(const char *home, const pilot_record_edit *edits,
                         size_t n, pilot_record_change_f change,
                         pe_error *errp);

/* Read one.  1: there is none such.  A record that is torn (a crash of an
 * older version, an edit by hand) is an error of class input, 65, that names
 * the file.
 */
int pilot_record_read(const char *home, const char *id, pilot_record *out,
                      pe_error *errp);

/* All of them, in the order of their creation; torn ones are left out and
 * counted in *tornp (may be NULL).  The caller frees the array.
 */
int pilot_records_read(const char *home, pilot_record **out, size_t *np,
                       size_t *tornp, pe_error *errp);

/* Those that [word] means: a pilot id, a run id (all of the run), or a
 * scheduler id (of PBS also its number alone).  Newest chain member last.
 * Errors: input, 78: nothing is called so, with the nearest one; or a
 * scheduler id that is one of several schedulers.
 */
int pilot_records_find(const char *home, const char *word, pilot_record **out,
                       size_t *np, pe_error *errp);

json_t *pilot_record_json(const pilot_record *r); /* for --json; new */

#endif
