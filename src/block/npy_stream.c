/* npy_stream.c - .npy arrays one behind the other, as they come out of a pipe.
 */
#include "npy_stream.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

#define MAGIC "\x93NUMPY"
#define MAGIC_LEN 6
#define PREFIX_LEN 10 /* magic, version, and length of version 1.0 */
#define SHOWN_MAX 48

static int refuse_bytes(const npy_stream *s, pe_error *errp)
{
    char shown[SHOWN_MAX];

    text_shown(s->data, s->len, shown, sizeof(shown));
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "no .npy array begins with '%s'", shown);
}

static int reserve(npy_stream *s, size_t cap, pe_error *errp)
{
    unsigned char *data;

    if (cap <= s->cap)
        return 0;
    data = realloc(s->data, cap);
    if (!data)
        return pe_error_nomem(errp);
    s->data = data;
    s->cap = cap;
    return 0;
}

/* Bytes of the header, of which the first PREFIX_LEN are there; 0: it is longer
 * than any is.
 */
static size_t head_of(const unsigned char *p)
{
    size_t n;

    if (p[MAGIC_LEN] < 2)
        return PREFIX_LEN + (p[8] | (size_t)p[9] << 8);
    n = p[8] | (size_t)p[9] << 8; /* the upper half of it has to be 0 */
    return n > NPY_DICT_MAX ? 0 : PREFIX_LEN + 2 + n;
}

/* The header is there: how much follows? */
static int take_head(npy_stream *s, size_t most, pe_error *errp)
{
    npy_array a = {0};
    bool empty = false;
    uint64_t bytes;
    int rc = npy_array_read(&a, s->data, s->len, errp);

    for (unsigned i = 0; rc == 0 && i < a.shape.dims; i++)
        empty = empty || a.shape.dim[i] == 0;
    bytes = rc < 0 || empty ? 0 : npy_array_bytes(&a);
    if (bytes == 0 && !empty) /* too many to count */
        bytes = UINT64_MAX;
    if (rc == 0) /* a single number is no row, which who decodes it says */
        s->rows = a.shape.dims > 0 ? a.shape.dim[0] : 1;
    npy_array_clear(&a);
    if (rc < 0)
        return pe_error_prefix(errp, "no .npy array");
    if (bytes > most - s->head)
        return pe_error_set(
            errp, PE_ERROR_INPUT, PE_EXIT_DATA,
            "an array of %llu bytes, and all of it may have %zu",
            (unsigned long long)bytes, most);
    s->whole = s->head + (size_t)bytes;
    return 0;
}

/* What is known of the array by the bytes that are there. */
static int look(npy_stream *s, size_t most, pe_error *errp)
{
    size_t n = s->len < MAGIC_LEN ? s->len : MAGIC_LEN;

    if (memcmp(s->data, MAGIC, n) != 0)
        return refuse_bytes(s, errp);
    if (s->len >= PREFIX_LEN && s->head == 0) {
        s->head = head_of(s->data);
        if (s->head == 0 || s->head > NPY_HEAD_MAX || s->head > most)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "no .npy array has a header so long");
    }
    if (s->head && s->len == s->head && s->whole == 0)
        return take_head(s, most, errp);
    return 0;
}

unsigned char *npy_stream_room(npy_stream *s, size_t most, size_t *wantp,
                               pe_error *errp)
{
    size_t upto;

    if (s->len > 0 && look(s, most, errp) < 0)
        return NULL;
    upto = s->whole ? s->whole : s->head ? s->head : PREFIX_LEN;
    if (reserve(s, upto, errp) < 0)
        return NULL;
    *wantp = upto - s->len;
    return s->data + s->len;
}

void npy_stream_put(npy_stream *s, size_t n)
{
    s->len += n;
}

void npy_stream_next(npy_stream *s)
{
    s->len = s->head = s->whole = 0;
    s->rows = 0;
}

void npy_stream_free(npy_stream *s)
{
    free(s->data);
    *s = (npy_stream){0};
}
