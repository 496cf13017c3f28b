/* note.h - which block a user's function has, told to who comes after a death.
 *
 * A process that crashes, or is killed, tells nothing.  So in front of a call
 * that may end it the block is noted in memory that is a file's: a line of
 * cache, some stores.  Whoever comes next reads it, and how the process ended
 * as far as that is known: a handler of signals, or who watches the limit, has
 * noted it there, too.  Functions that are built in are not noted.
 */
#ifndef AGENT_NOTE_H
#define AGENT_NOTE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pilot/block.h>
#include <pilot/error.h>

enum { NOTE_NOWHERE, NOTE_INSIDE, NOTE_BEHIND }; /* note.at */

/* How a process ended, where it is no signal. */
enum { NOTE_UNKNOWN = 0, NOTE_LIMIT = -1, NOTE_EXIT = -2, NOTE_MEMORY = -3 };

/* One thread's, a line of cache; only it writes. */
typedef struct note {
    _Alignas(64) atomic_int at;
    int32_t function; /* number of note_function */
    int32_t partition;
    int64_t offset;
    uint64_t boot, seq;
    atomic_int how; /* the process ended in this thread */
} note;

typedef struct note_page note_page;

/* Make file [path] anew, for [n] threads.  Errors: 73. */
note_page *note_open(const char *path, int n, pe_error *errp);
/* The end of a process that has told it: the file goes.  May be NULL. */
void note_close(note_page *p);
note *note_of(note_page *p, int i);
/* A number for the function of [stage] that [words] describe; -1: there is no
 * room for another one, and its blocks are not noted.
 */
int note_function(note_page *p, const char *stage, const char *words);

/* Around a call for [b].  The thread's own. */
static inline void note_enter(note *n, int number, const pe_block *b)
{
    n->function = number;
    n->partition = b->partition;
    n->offset = b->offset;
    n->boot = b->boot;
    n->seq = b->seq;
    atomic_store_explicit(&n->at, NOTE_INSIDE, memory_order_release);
}

static inline void note_leave(note *n)
{
    atomic_store_explicit(&n->at, NOTE_BEHIND, memory_order_release);
}

/* In a handler of signals, or about to end the process: it ends like that, in
 * the thread of [n]; NULL: nobody knows in which.  True: it is noted, and a
 * block will be found by it.  And: somebody has asked it to end.
 */
bool note_died(note *n, int how);
void note_asked(void);

/* --- of a process that is gone --- */

/* What is to be held against a block. */
typedef struct note_death {
    uint64_t id; /* of the process, so that nothing counts twice */
    int thread;
    bool inside; /* else the function had come back from this block */
    int how;
    int32_t partition;
    int64_t offset;
    uint64_t boot, seq;
    char stage[64], words[192];
} note_death;

/* How many processes of this host the kernel has killed for want of memory
 * since it was booted; 0: not known.
 */
uint64_t note_oom_kills(void);

/* Call [visit] for each block that the process of file [path] died of: that of
 * the thread in which it ended; of one that was killed for want of memory that
 * of the one thread that was within a function, where there is one.  One that
 * was killed from outside, or asked to end, died of none.  0, or -1: as [visit]
 * says; where there is no such file, nothing is told.
 */
int note_read(const char *path,
              int (*visit)(void *arg, const note_death *d, pe_error *errp),
              void *arg, pe_error *errp);

/* "signal 11 (Segmentation fault)", "its limit", ... */
void note_how(int how, char out[64]);

#endif
