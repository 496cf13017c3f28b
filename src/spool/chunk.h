/* chunk.h - one file of a spool: made, written, looked through. */
#ifndef SPOOL_CHUNK_H
#define SPOOL_CHUNK_H

#include <pilot/error.h>

#include "src/spool/format.h"

#define CHUNK_NAME 32

/* What is known of a chunk. */
typedef struct chunk {
    uint64_t number, life;
    uint64_t boot;        /* of all its records; 0: not known */
    uint64_t first, last; /* ordinals: of its first record, behind its last */
    uint64_t n;           /* records that are good */
    uint64_t bad;         /* those that were found to be bad */
    uint64_t bytes;       /* of them */
    uint64_t end;         /* where the next one goes, and no good one lies */
    bool doubtful; /* its head is bad: where no BOOT is known, there may have
                      been one */
    bool dirty;    /* something was written since it was synced */
    uint64_t cell; /* bytes of one of its cells; 0: it has none */
} chunk;

/* A record that an earlier process has left in a cell. */
typedef struct chunk_left {
    uint64_t ordinal, number, at, span;
    uint64_t boot, life;
} chunk_left;

typedef struct chunk_lefts {
    chunk_left *at;
    size_t n, cap;
} chunk_lefts;

/* Something that is bad in a chunk: where, and why.  */
typedef struct chunk_fault {
    uint64_t at;
    const char *why;
} chunk_fault;

void chunk_name(uint64_t number, char out[CHUNK_NAME]);
/* The number in [name]; -1: it is no chunk's. */
int chunk_number(const char *name, uint64_t *numberp);

/* Write all of [len] bytes at [at], or read them: 0, or -1 with errno; reading
 * beyond the end is EIO.
 */
int chunk_write(int fd, const void *data, size_t len, uint64_t at);
int chunk_read(int fd, void *data, size_t len, uint64_t at);

/* Write the head of [c], and its BOOT where it has one, into [fd]; -1: errno.
 */
int chunk_begin(int fd, const chunk *c, const char *machine, const char *owner);
/* The BOOT of a chunk that is there, on the disk before it returns. */
int chunk_put_boot(int fd, chunk *c);

/* Keep [r], of a cell at [at]; -1: no memory. */
int chunk_keep_left(chunk_lefts *l, const format_record *r, uint64_t at);

/* The next record of chunk [number] in [fd] at or behind *atp, before [end]:
 * 1, its head into [out] and its place into *atp; 0: there is none; -1: errno.
 * What is no record is passed by, looking for one.
 */
int chunk_next(int fd, uint64_t number, uint64_t end, uint64_t *atp,
               format_record *out);
/* Why a record is bad that was cut short, by a kill or a cut of power. */
extern const char chunk_torn[];
/* All bytes behind the head [r] at [at] into [buf] (r->meta + r->len): NULL, or
 * what is wrong with them.  One that is not sealed is believed where [whole].
 */
const char *chunk_payload(int fd, const format_record *r, uint64_t at,
                          bool whole, void *buf);
/* Seal record [r] at [at], whose bytes are in [buf]; -1: errno. */
int chunk_seal(int fd, format_record *r, uint64_t at, const void *buf);

/* What a file of so many bytes holds from ordinal [from] on, as far as it can
 * be told; [machine] is ours.  Into [c], whose number is set; the first fault
 * into [f], whose why is NULL without.  Errors: input, 78: it is of another
 * version, or of another owner; 74 a disk that does not read.
 */
typedef struct chunk_look {
    const char *machine, *owner;
    const char *path; /* for errors */
    uint64_t from;
    chunk_lefts *lefts; /* those of cells */
} chunk_look;
int chunk_scan(int fd, const chunk_look *l, chunk *c, chunk_fault *f,
               pe_error *errp);

#endif
