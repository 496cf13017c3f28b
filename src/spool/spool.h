/* spool.h - the blocks of one device on its disk, until the broker has them. */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/block.h>
#include <pilot/error.h>

/* A log of records in a folder of its own (format.h): appended, read in order,
 * acknowledged in order.  What an earlier process of the device has left in
 * there comes first.  One thread uses it, but for spool_resolve and what a
 * spool_keeper does.
 */
typedef struct spool spool;

/* When a record is on the disk, so that a cut of power does not take it: before
 * it is accepted; within a second, unless it is acknowledged by then; when the
 * kernel comes to it.  A kill of the process takes none of them.
 */
enum spool_sync { SPOOL_EACH, SPOOL_SECOND, SPOOL_NEVER, SPOOL_N_SYNCS };

typedef struct spool_conf {
    const char *dir; /* of all devices of a pilot */
    const char *run, *device;
    uint64_t size; /* bytes of its files, at most */
    enum spool_sync sync;
} spool_conf;

/* What was there when it was opened. */
typedef struct spool_found {
    uint64_t records, bytes; /* to be sent */
    uint64_t lost;           /* records that were there and are bad, as far as
                                it can be told */
    uint64_t boot;           /* the largest of them; 0: none is known */
    char first[400];         /* the first fault: FILE, at which byte, why */
} spool_found;

typedef struct spool_record {
    uint64_t ordinal, boot, seq; /* boot 0: not known yet */
    const void *meta, *data;     /* what is said of the value; the value */
    uint32_t meta_len, len;
    bool stays; /* the value, where it is, until it is acknowledged; see
                   spool_lend */
} spool_record;

/* What it holds now. */
typedef struct spool_stats {
    uint64_t records, bytes; /* not acknowledged */
    uint64_t behind;         /* of them, those that nobody has taken */
    uint64_t lost;           /* found bad by spool_read */
} spool_stats;

/* Open it, making its folder; [found] tells what it holds.  Errors: retry, 75:
 * another process has it; permission, 77: a folder that is not ours alone, or a
 * link; input, 78: files of another version, run or device; 73: no folder can
 * be made there.
 */
spool *spool_open(const spool_conf *c, spool_found *found, pe_error *errp);
/* Its files go where nothing is left to send.  May be NULL. */
void spool_close(spool *s);

/* Append [r] (ordinal and boot are the spool's): 1 accepted, *ordinalp tells
 * which it is; 0 there is no room: *whyp tells where another than its size is
 * the reason, and is NULL else; -1 error, fatal: the disk has failed.  Who
 * [keeps] it goes on to send it; else spool_read gives it again.
 */
typedef struct spool_put {
    uint64_t ordinal;
    const char *why;
} spool_put;
int spool_append(spool *s, const spool_record *r, bool keeps, spool_put *out,
                 pe_error *errp);
/* Before a block is made in [b], of [bytes] of data if that is known (else 0):
 * where it can be, its storage is memory of the spool's, which outlives a kill.
 * A record whose value begins with it, who [keeps] it, and which [stays], is
 * not written.  [b] may come from a queue that had a record in it, which is
 * done with.
 */
void spool_lend(spool *s, pe_block *b, size_t bytes);
/* Is there no room for a record of [len] bytes? */
bool spool_full(spool *s, uint64_t len);
/* The oldest record that nobody has, and now the caller has: 1, until the next
 * call; 0 there is none; -1 error.  What is bad is passed by and counted, and
 * said in the log with its place.
 */
int spool_read(spool *s, spool_record *out, pe_error *errp);
/* [n] records more are acknowledged, up to and with [ordinal]. */
void spool_ack(spool *s, uint64_t n, uint64_t ordinal);
/* Drop the oldest file that nobody has anything of: its records; 0: there is
 * none.
 */
uint64_t spool_drop(spool *s);

/* The oldest incarnation without one, at last ours, has this BOOT, which is on
 * the disk when it returns; *leftp: there are others.  Any thread.  Errors: the
 * disk has failed.
 */
int spool_resolve(spool *s, uint64_t boot, bool *leftp, pe_error *errp);

spool_stats spool_stats_get(spool *s);

/* --- keeper.c: what is on the disk within a second --- */

/* A thread for all spools of a process. */
typedef struct spool_keeper spool_keeper;
spool_keeper *spool_keeper_start(spool *const *s, size_t n, pe_error *errp);
void spool_keeper_stop(spool_keeper *k); /* before they are closed; NULL */

#endif
