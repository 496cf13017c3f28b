/* spool_private.h - inside of a spool, for the files of this folder. */
#ifndef SPOOL_PRIVATE_H
#define SPOOL_PRIVATE_H

#include <pthread.h>

#include "src/spool/cells.h"
#include "src/spool/chunk.h"
#include "src/spool/spool.h"

/* A place in the log: of a record, or where the next one will be. */
typedef struct place {
    uint64_t number; /* of the chunk */
    uint64_t at;
    uint64_t ordinal;
} place;

struct mark; /* mark.c */

struct spool {
    char *dir, *path, *owner;
    char machine[40];
    uint64_t size, chunk_bytes;
    enum spool_sync sync;
    int dir_fd, lock_fd;
    pthread_mutex_t lock; /* of all that follows */
    chunk *chunks; /* oldest first; new records go to the last of this life */
    size_t n, cap;
    uint64_t life, boot; /* ours; 0: not known */
    int fd;              /* of the last chunk, once we write it; -1 */
    uint64_t number;     /* largest that a chunk has had */
    uint64_t spare;      /* number of a file to be used again; 0: none ... */
    uint64_t spare_bytes;
    uint64_t used;        /* bytes of the files of all chunks */
    uint64_t next, acked; /* ordinals: of the next record, below: done with */
    uint64_t records, bytes, behind, lost;
    place read;  /* what nobody has begins here */
    int read_fd; /* of chunk read_number; -1: none is open */
    uint64_t read_number;
    place sealed;     /* all before is sealed, */
    place due;        /* ... and before this to be at the next turn */
    bool unnamed;     /* a file was made since names were synced */
    cells *cells;     /* NULL: it has none */
    chunk_lefts left; /* by earlier processes in theirs; in order, those from
                         [left_next] on are not read */
    size_t left_next, left_acked;
    uint64_t left_bytes; /* of those that are not acknowledged */
    char *buf;           /* of spool_read */
    size_t buf_cap;
    struct mark *mark;
    bool failed; /* a sync has, because of [error] */
    pe_error error;
};

/* --- folder.c --- */

/* Folder [dir]/[name], made where it is not there, ours alone, and locked:
 * s->dir_fd, s->lock_fd.
 */
int folder_open(spool *s, const char *dir, const char *name, pe_error *errp);
/* All numbers of chunks in it, sorted; the caller frees. */
int folder_list(const spool *s, uint64_t **out, size_t *np, pe_error *errp);
int folder_file(const spool *s, uint64_t number, int flags);
uint64_t folder_bytes(const spool *s, uint64_t number);
void folder_remove(spool *s, uint64_t number);
/* Chunk [number] is no chunk any more, but NUMBER.chunk.bad. */
void folder_aside(spool *s, uint64_t number);
/* Nothing is left in it: it goes. */
void folder_leave(spool *s, const char *dir, bool empty);

/* --- mark.c: up to where records are acknowledged --- */

struct mark *mark_open(int dir_fd, uint64_t *ackedp);
void mark_set(struct mark *m, uint64_t acked);
void mark_close(struct mark *m);

/* --- read.c --- */

/* Number and place of the first record at or behind *p: the chunk it is in, or
 * NULL; *fdp, of the chunk *numberp, follows.
 */
chunk *spool_find(spool *s, place *p, int *fdp, uint64_t *numberp,
                  format_record *r, pe_error *errp);

/* --- spool.c --- */

chunk *spool_chunk(spool *s, uint64_t number);
/* The chunk behind number [number], or NULL. */
chunk *spool_chunk_behind(spool *s, uint64_t number);
/* Records of cells up to [s->acked] are done with: files of them go. */
void spool_ack_left(spool *s);
/* Room for [len] bytes in *bufp. */
int spool_room(char **bufp, size_t *capp, size_t len, pe_error *errp);
/* Seal what is older than the last call but one; the descriptors of what is to
 * be synced into [fds], at most [max]: the caller closes them.
 */
size_t spool_turn(spool *s, int *fds, size_t max);
void spool_fail(spool *s, const pe_error *e);

#endif
