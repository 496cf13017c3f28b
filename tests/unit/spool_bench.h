/* spool_bench.h - a spool with records whose content tells who they are. */
#ifndef TESTS_SPOOL_BENCH_H
#define TESTS_SPOOL_BENCH_H

#include <stdbool.h>

#include "src/spool/spool_private.h"

#define BENCH_MIB (UINT64_C(1) << 20)

/* Calls of libc that a test counts and spoils; see spool_bench.c. */
extern int bench_calls, bench_kill_at; /* kill -9 before that call */
extern int bench_errno; /* of writes from now on; 0: they are well */
extern int bench_sync_errno;
extern bool bench_halves;   /* the call at which it is killed does half */
extern bool bench_power;    /* ... and takes what was not synced */
extern bool bench_rebooted; /* this machine runs since then */

/* Open the spool of device "dev-0" in `spool` of the scratch folder. */
spool *bench_open(uint64_t size, enum spool_sync sync, spool_found *found,
                  pe_error *errp);
/* Append the record with number [seq], as much as 100 * [scale] bytes and more:
 * what spool_append says.
 */
int bench_put(spool *s, uint64_t seq, uint64_t scale, bool keeps);
/* The same of a record that is made in [b], which keeps it. */
int bench_make(spool *s, pe_block *b, uint64_t seq, uint64_t scale);
/* Read and check: the number of the next record; -1: there is none. */
int64_t bench_take(spool *s, spool_record *out);
/* Path of file [name] of the spool, until the next call. */
const char *bench_path(const char *name);
/* Name of its chunk [i], the oldest is 0; NULL: there is none. */
const char *bench_chunk(int i);
char *bench_load(const char *name, size_t *lenp);
void bench_store(const char *name, const void *data, size_t len);
/* All of the spool goes. */
void bench_clear(void);

#endif
