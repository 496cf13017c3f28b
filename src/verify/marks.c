/* marks.c - a few bits of each offset of a topic: what other topics say of it.
 */
#include "marks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { EACH = 2, IN_BYTE = 4 }; /* bits of an offset, offsets in a byte */

int marks_open(marks *m, int64_t first, int64_t end, pe_error *errp)
{
    *m = (marks){.first = first, .end = end > first ? end : first};
    if (m->end - first <= MARKS_MOST)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "offsets %" PRId64 " to %" PRId64 " of a partition are "
                        "more than %" PRId64 ", which is all that is looked at",
                        first, end, MARKS_MOST);
}

void marks_close(marks *m)
{
    free(m->bits);
    *m = (marks){0};
}

static int grow(marks *m, size_t need, pe_error *errp)
{
    size_t cap = 2 * need + 64;
    unsigned char *bits = realloc(m->bits, cap);

    if (!bits)
        return pe_error_nomem(errp);
    memset(bits + m->cap, 0, cap - m->cap);
    m->bits = bits;
    m->cap = cap;
    return 0;
}

int marks_put(marks *m, int64_t offset, unsigned bit, pe_error *errp)
{
    size_t at = (size_t)(offset - m->first);
    unsigned shift = at % IN_BYTE * EACH;

    if (offset < m->first || offset >= m->end)
        return 2;
    if (at / IN_BYTE >= m->cap && grow(m, at / IN_BYTE + 1, errp) < 0)
        return -1;
    if (m->bits[at / IN_BYTE] >> shift & bit)
        return 1;
    m->bits[at / IN_BYTE] |= (unsigned char)(bit << shift);
    return 0;
}

unsigned marks_take(marks *m, int64_t offset)
{
    size_t at = (size_t)(offset - m->first);
    unsigned shift = at % IN_BYTE * EACH, all = (1u << EACH) - 1, bits;

    if (offset < m->first || at / IN_BYTE >= m->cap)
        return 0;
    bits = m->bits[at / IN_BYTE] >> shift & all;
    m->bits[at / IN_BYTE] &= (unsigned char)~(all << shift);
    return bits;
}

int64_t marks_next(const marks *m, int64_t from, unsigned bit)
{
    size_t at = (size_t)((from > m->first ? from : m->first) - m->first);

    for (; at / IN_BYTE < m->cap; at++) {
        if (!m->bits[at / IN_BYTE]) {
            at |= IN_BYTE - 1;
            continue;
        }
        if (m->bits[at / IN_BYTE] >> at % IN_BYTE * EACH & bit)
            return m->first + (int64_t)at;
    }
    return -1;
}
