/* marks.h - a few bits of each offset of a topic: what other topics say of it.
 */
#ifndef VERIFY_MARKS_H
#define VERIFY_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

/* Most offsets of a partition: 1 GiB of bits. */
#define MARKS_MOST (INT64_C(1) << 32)

/* Of the offsets [first, end) of a partition; 2 bits each. */
typedef struct marks {
    int64_t first, end;
    unsigned char *bits;
    size_t cap;
} marks;

/* Starts zeroed.  Errors: input, 65: more than MARKS_MOST. */
int marks_open(marks *m, int64_t first, int64_t end, pe_error *errp);
void marks_close(marks *m);

/* Mark [offset] with [bit] (1 or 2): 1: it had it; 0: not; 2: it is outside;
 * -1: no memory.
 */
int marks_put(marks *m, int64_t offset, unsigned bit, pe_error *errp);
/* Its bits, which are none then. */
unsigned marks_take(marks *m, int64_t offset);
/* The first offset from [from] on that still has [bit]; -1: none. */
int64_t marks_next(const marks *m, int64_t from, unsigned bit);

#endif
