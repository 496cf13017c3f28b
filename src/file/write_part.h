/* write_part.h - a file of rows that grows piece by piece and can be cut to
 * those that count.
 *
 * Beside FILE lies FILE.index, a text: whose the file is, what its rows look
 * like, and a line for each piece that is whole in it: where it comes from,
 * where it ends, and a check sum.  Lines are written when the rows they speak
 * of are on the disk (part_sync): so, whatever a cut of power takes, a file is
 * never shorter than its index says.  What is in the file and not in the index
 * was not finished.  Who opens a file cuts it first (part_cut): pieces that do
 * not count go, and the index begins anew with what is there for good.
 *
 * Others may declare pieces void (part_fence): those that a writer has made of
 * blocks which are theirs by now.
 */
#ifndef FILE_WRITE_PART_H
#define FILE_WRITE_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#define PART_INDEX ".index"

typedef struct part part;

/* Where a piece comes from: a partition and an offset, or BOOT and SEQ. */
typedef struct part_place {
    uint64_t lane, at;
} part_place;

typedef struct part_conf {
    const char *path;
    const char *owner; /* run and stage; a file of others is refused */
    bool claims;       /* it is the owner who opens it, and no visitor */
    bool lazy;         /* nothing is had on the disk: the kernel does that, and
                          lines are written with their rows */
    double patience_s; /* for another process that has it open */
    /* The disk is full, which [e] says; 0: try again, -1: give up with [e].
     * NULL: give up.
     */
    int (*wait)(void *arg, const pe_error *e);
    void *arg;
    /* Have [head], what stands before the rows, say that they are [rows]; NULL:
     * it says nothing of that.
     */
    void (*recount)(unsigned char *head, size_t len, uint64_t rows);
} part_conf;

/* Take FILE for writing; strings of [c] are copied.  Errors: input, 73: there
 * is a file that is not ours; retry, 75: another process has it; others as
 * file_error.
 */
part *part_open(const part_conf *c, pe_error *errp);
void part_close(part *p); /* may be NULL */

/* Does a piece of that place count? */
typedef bool part_counts(void *arg, const part_place *at);

/* What went: rows that do not count, and bytes of what was not finished. */
typedef struct part_gone {
    uint64_t rows, bytes;
} part_gone;

/* Cut the file to the pieces that [counts] says yes to and nobody has declared
 * void.  To be called before anything else, and any number of times.  Error:
 * 65: the file is shorter than its index says; or (the first time that its
 * owner cuts it) what stays is not what was written.
 */
int part_cut(part *p, part_counts *counts, void *arg, part_gone *gone,
             pe_error *errp);

/* What the rows look like, as it was begun; "": nothing is in it. */
const char *part_layout(const part *p);
/* What their columns are called (columns.h); "": they have no names. */
const char *part_columns(const part *p);
uint64_t part_rows(const part *p);

/* How a file begins: what its rows look like, a line; what their columns are
 * called; and what stands before them.
 */
typedef struct part_start {
    const char *layout, *columns;
    const void *head;
    size_t len;
} part_start;

/* Begin a file in which nothing is. */
int part_begin(part *p, const part_start *s, pe_error *errp);
/* Add a piece of [n] rows, whole. */
int part_append(part *p, const part_place *at, const void *rows, size_t len,
                uint32_t n, pe_error *errp);
/* Have on the disk what was added, and the head say so.  Errors: the disk does
 * not take it, which nobody can mend who goes on; or as part_append.
 */
int part_sync(part *p, pe_error *errp);
/* As part_sync, and the head, too: nothing more is added. */
int part_finish(part *p, pe_error *errp);
/* Since when (monotonic ns) something waits for that; 0: nothing does. */
int64_t part_waits_ns(const part *p);

/* Declare void in the file at [path], of [owner], what comes from [lane] from
 * [at] on, until its writer cuts it.  A file of others, or none, is left
 * alone.
 */
int part_fence(const char *path, const char *owner, const part_place *from,
               size_t n, pe_error *errp);

#endif
