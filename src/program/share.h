/* share.h - words by which a program answers without an array, and memory that
 * it has in common with us, so that a block goes through no pipe.
 */
#ifndef PROGRAM_SHARE_H
#define PROGRAM_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/block.h>
#include <pilot/error.h>

/* A word is 32 bytes in the order of this host, for it never leaves it.  The
 * first eight tell it from an array, whose second byte is an N.
 */
#define SHARE_MAGIC "\x93PILOT\1\n"
enum { SHARE_MAGIC_LEN = 8, SHARE_WORD_LEN = 32, SHARE_REASON_MAX = 400 };

enum share_kind {
    SHARE_BLOCK = 1, /* rows x columns lie in the memory */
    SHARE_PASS,      /* an answer: the block goes on as it came */
    SHARE_NOTHING,   /* ... nothing goes on */
    SHARE_REFUSES,   /* ... it is refused; [rows] bytes of the reason follow */
};

typedef struct share_word {
    char magic[SHARE_MAGIC_LEN];
    uint32_t kind;
    uint32_t element; /* bytes of a number: 4 or 8 */
    uint64_t rows, columns;
} share_word;

/* The memory, of which a page tells whether the program has it too (a number
 * that is not 0, at its start; 2: and it never writes where the blocks are),
 * and behind it lie two rooms of [room] bytes: for blocks, and for answers.
 * Starts zeroed.
 */
typedef struct share {
    int fd;
    unsigned char *at; /* NULL: there is none */
    size_t room;
    bool outgrown; /* a block that was made here grew out of it */
} share;

/* Pages that are never touched take no memory.  What the system does not grant
 * is not there, and blocks go through the pipe.
 */
void share_open(share *s);
void share_close(share *s);
/* Where a program finds it, to be freed: "/proc/PID/fd/N:ROOM"; NULL: no
 * memory, or it is not there.
 */
char *share_place(const share *s);

/* A program begins, which has not looked at it yet. */
void share_begin(share *s);
/* Does the program of now have it, and [b] room in it? */
bool share_takes(const share *s, const pe_block *b);
/* Put [b] there, where it does not lie already; [w] says so. */
void share_put(share *s, const pe_block *b, share_word *w);
/* Have [b] made there, in place of storage of its own, where the program does
 * not write to blocks.  One block of a process has such a room, until
 * share_recall; one that grows out of it is the last.  All from one thread.
 */
void share_lend(share *s, pe_block *b);
/* [b] is done with: if it has such a room it has no storage any more. */
void share_recall(pe_block *b);
/* The answer that [w] tells of, in [out], whose data is the memory's.  Errors:
 * input: it is none.
 */
int share_get(const share *s, const share_word *w, pe_block *out,
              pe_error *errp);

#endif
