/* fields.c - an entry of a stream as a record. */
#include <stdlib.h>
#include <string.h>

#include "src/stream/fetch.h"
#include "src/common/clock.h"

/* Field [i] of an entry and its value; false behind the last. */
static bool field_at(const redisReply *entry, size_t i, const redisReply **name,
                     const redisReply **value)
{
    const redisReply *list = entry->element[1];

    if (2 * i + 1 >= list->elements)
        return false;
    *name = list->element[2 * i];
    *value = list->element[2 * i + 1];
    return true;
}

void fetched_fields(const redisReply *entry, broker_record *r)
{
    const redisReply *name, *value;

    for (size_t i = 0; field_at(entry, i, &name, &value); i++) {
        if (name->len != 1)
            continue;
        if (*name->str == 'v') {
            r->value = value->str;
            r->len = value->len;
        } else if (*name->str == 'k') {
            r->key = value->str;
            r->key_len = value->len;
        } else if (*name->str == 't') {
            r->time_ns = strtoll(value->str, NULL, 10) * CLOCK_MS;
        }
    }
}

void fetched_headers(const redisReply *entry, record_headers *h)
{
    const redisReply *name, *value;

    record_clear(h);
    for (size_t i = 0;
         h->n < RECORD_HEADERS_MAX && field_at(entry, i, &name, &value); i++)
        if (name->len >= 2 && name->str[1] == '.' &&
            (*name->str == 'h' || *name->str == 'n'))
            record_add_borrowed(h, name->str + 2,
                                *name->str == 'h' ? value->str : NULL,
                                value->len);
}

void fetched_free(redisReply *entry)
{
    redis_replies_free(&entry, 1);
}
