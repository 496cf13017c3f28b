/* columns.c - the names of a block's columns, as header pe_columns has them. */
#include "columns.h"

#include <string.h>

void columns_add(text *list, size_t n, const char *name)
{
    if (n > 0)
        text_add_bytes(list, "\t", 1);
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;

        text_add_bytes(list, c < ' ' || c == 0x7f ? " " : name, 1);
    }
    if (!list->data)
        text_add(list, "%s", ""); /* one name, which is empty */
}

uint32_t columns_count(const char *list, size_t len)
{
    uint32_t n = list ? 1 : 0;

    for (size_t i = 0; list && i < len; i++)
        n += list[i] == '\t';
    return n;
}

const char *columns_at(const char *list, size_t len, uint32_t k, size_t *lenp)
{
    const char *at = list, *end = list + len, *tab;

    for (; list; at = tab + 1) {
        tab = memchr(at, '\t', (size_t)(end - at));
        *lenp = (size_t)((tab ? tab : end) - at);
        if (k-- == 0)
            return at;
        if (!tab)
            break;
    }
    return NULL;
}
