/* buffer.c - a growing byte string. */
#include <pilot/model.h>

#include <stdlib.h>
#include <string.h>

int pe_buffer_reserve(pe_buffer *b, size_t cap, pe_error *errp)
{
    if (cap <= b->cap)
        return 0;
    unsigned char *data = realloc(b->data, cap);
    if (!data)
        return pe_error_nomem(errp);
    b->data = data;
    b->cap = cap;
    return 0;
}

int pe_buffer_append(pe_buffer *b, const void *data, size_t len, pe_error *errp)
{
    size_t need;

    if (__builtin_add_overflow(b->len, len, &need))
        return pe_error_nomem(errp);
    /* Doubling keeps many small appends linear. */
    if (need > b->cap) {
        size_t twice = b->cap < SIZE_MAX / 2 ? 2 * b->cap : need;
        if (pe_buffer_reserve(b, need > twice ? need : twice, errp) < 0)
            return -1;
    }
    if (len)
        memcpy(b->data + b->len, data, len);
    b->len = need;
    return 0;
}

void pe_buffer_free(pe_buffer *b)
{
    if (!b)
        return;
    free(b->data);
    memset(b, 0, sizeof(*b));
}
