/* tally.h - what an edge agent has counted, in a file that outlives it. */
#ifndef AGENT_TALLY_H
#define AGENT_TALLY_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

/* A process that is killed tells nothing, and its last event lags.  So devices
 * count in memory that is a file's, `counts` in the folder of their pilot: the
 * next incarnation goes on from it, also that of a later command, and where
 * there is none the supervisor tells what it says.
 */
typedef struct tally tally;

/* One device's, cache lines of its own; only its own thread writes. */
typedef struct tally_slot {
    _Alignas(128) atomic_uint_fast64_t boot;
    atomic_uint_fast64_t sensed, filtered, dropped, sent; /* blocks */
    atomic_uint_fast64_t points, bytes;                   /* of those sent */
    atomic_uint_fast64_t scored, unscored, outliers;      /* points */
    atomic_uint_fast64_t drifts;
    atomic_uint_fast64_t syncs, rows, kept; /* learned: see device_learned */
    atomic_uint_fast64_t lost;              /* blocks that its spool has lost */
    atomic_uint_fast64_t carried; /* blocks in its spool when it began */
} tally_slot;

/* Blocks of a pilot; sensed = filtered + dropped + sent + lost, and what is in
 * its queues, or spooled.  The rest as above.
 */
typedef struct tally_counts {
    uint64_t sensed, filtered, dropped, sent, lost;
    uint64_t points, bytes, scored, unscored, outliers, drifts;
    uint64_t syncs, rows, kept;
    uint64_t id; /* of the file: counts of two that have the same are one */
    uint64_t spooled; /* on disks, of a process that is dead */
} tally_counts;

/* What is in the spools of devices: records to be sent, and those that are bad
 * there.
 */
typedef struct tally_spooled {
    uint64_t records, lost;
} tally_spooled;

/* Open the file of folder [dir] for [n] devices.  What an earlier incarnation
 * left is taken over: its queues are lost, or, of a source that can be read
 * [again], as if they had never been sensed; or they are in the spools, which
 * hold [spooled] (of each device; NULL: there are none), and what is not is
 * lost.  Errors: 73, the file cannot be made.
 */
tally *tally_open(const char *dir, int n, bool again,
                  const tally_spooled *spooled, pe_error *errp);
void tally_close(tally *t); /* may be NULL; the file stays */

tally_slot *tally_slot_of(tally *t, int i);
/* BOOT that device [i] had in the incarnation before; 0: there was none. */
uint64_t tally_boot_before(const tally *t, int i);
/* Of device [i] alone, in the incarnations before this one. */
tally_counts tally_device_before(const tally *t, int i);
/* How many processes have counted here, with this one. */
uint64_t tally_lives(const tally *t);
/* Of all incarnations before this one; *lostp: lost with the last of them. */
tally_counts tally_before(const tally *t, uint64_t *lostp);

/* What is in the file of a process that is dead: 0, or -1: there is none. */
int tally_read(const char *dir, tally_counts *out);
/* Its name in the folder of its pilot. */
#define TALLY_FILE "counts"

/* Member "counted" of events that have counts: whose they are; new. */
json_t *tally_id(const tally_counts *c);

/* The "progress" event of edge pilot [pilot] (event.h); a new reference, NULL:
 * no memory.
 */
json_t *tally_event(const char *pilot, const tally_counts *c, bool again,
                    double seconds);

#endif
