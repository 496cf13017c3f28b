/* order.c - the offset that must come next, of every partition read. */
#include "src/broker/order.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/random.h"

/* Of the end of a record, which differs where the front is a header. */
#define MARK_BYTES 16

struct order_place {
    int64_t next;
    uint64_t mark; /* of the record before; 0: not known */
    bool read;
    bool checks; /* that record is to come first */
};

uint64_t order_mark_of(const broker_record *r, int64_t ms)
{
    size_t n = r->len < MARK_BYTES ? r->len : MARK_BYTES;
    uint64_t h = random_mix((uint64_t)ms, r->len);

    if (r->key_len)
        h = random_hash(h, r->key, r->key_len);
    if (n)
        h = random_hash(h, (const char *)r->value + r->len - n, n);
    return h ? h : 1;
}

static int bad_position(const order *o, const broker_position *p,
                        const char *what, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "position %s/%" PRId32 "/%" PRId64 " %s", o->topic,
                        p->partition, p->offset, what);
}

static int count_places(const order *o, const broker_position *p, size_t n,
                        size_t *countp, pe_error *errp)
{
    *countp = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i].partition < 0 || p[i].offset < 0)
            return bad_position(o, &p[i], "is none", errp);
        if ((size_t)p[i].partition >= *countp)
            *countp = (size_t)p[i].partition + 1;
    }
    return 0;
}

int order_assign(order *o, const broker_position *p, size_t n, pe_error *errp)
{
    struct order_place *place;
    size_t count;

    if (count_places(o, p, n, &count, errp) < 0)
        return -1;
    place = calloc(count ? count : 1, sizeof(*place));
    if (!place)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < n; i++) {
        struct order_place *at = &place[p[i].partition];

        if (at->read) {
            free(place);
            return bad_position(o, &p[i], "is the partition's second", errp);
        }
        *at = (struct order_place){.next = p[i].offset,
                                   .mark = p[i].mark,
                                   .read = true,
                                   .checks = p[i].mark && p[i].offset > 0};
    }
    free(o->place);
    o->place = place;
    o->n = count;
    return 0;
}

void order_free(order *o)
{
    free(o->place);
    o->place = NULL;
    o->n = 0;
}

static struct order_place *find_place(const order *o, int32_t partition)
{
    if (partition < 0 || (size_t)partition >= o->n || !o->place[partition].read)
        return NULL;
    return &o->place[partition];
}

bool order_is_check(const order *o, int32_t partition, int64_t offset)
{
    const struct order_place *at = find_place(o, partition);

    return at && at->checks && offset == at->next - 1;
}

int order_check(order *o, int32_t partition, uint64_t mark, pe_error *errp)
{
    struct order_place *at = find_place(o, partition);

    if (at && at->mark != mark)
        return pe_error_set(
            errp, PE_ERROR_FATAL, PE_EXIT_DATA,
            "record %s/%" PRId32 "/%" PRId64 " is not the one that was read "
            "there: the topic was deleted and made again, or the broker lost "
            "acknowledged records; start another run, on a topic of its own "
            "or this one as it is now",
            o->topic, partition, at->next - 1);
    if (at)
        at->checks = false;
    return 0;
}

void order_mark(order *o, int32_t partition, uint64_t mark)
{
    struct order_place *at = find_place(o, partition);

    if (at)
        at->mark = mark;
}

size_t order_checks(const order *o)
{
    size_t n = 0;

    for (size_t k = 0; k < o->n; k++)
        n += o->place[k].checks;
    return n;
}

bool order_uncheck(order *o, int32_t partition)
{
    struct order_place *at = find_place(o, partition);

    if (!at || !at->checks)
        return false;
    at->checks = false;
    at->mark = 0;
    return true;
}

size_t order_count(const order *o)
{
    size_t n = 0;

    for (size_t k = 0; k < o->n; k++)
        n += o->place[k].read;
    return n;
}

size_t order_again(order *o, broker_position *p)
{
    size_t n = 0;

    for (size_t k = 0; k < o->n; k++) {
        struct order_place *at = &o->place[k];

        if (!at->read)
            continue;
        at->checks = at->mark && at->next > 0;
        p[n++] = (broker_position){(int32_t)k, at->next, at->mark};
    }
    return n;
}

int order_take(order *o, int32_t partition, int64_t offset, pe_error *errp)
{
    struct order_place *at = find_place(o, partition);

    if (!at || offset < at->next)
        return 0;
    if (at->checks && !o->gaps_allowed)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                            "record %s/%" PRId32 "/%" PRId64 " is missing, and "
                            "was read: a compacted topic? set "
                            "streams.STAGE.gaps to allow",
                            o->topic, partition, at->next - 1);
    if (offset > at->next && !o->gaps_allowed)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                            "records %s/%" PRId32 "/%" PRId64 " to %" PRId64
                            " are missing: a transactional or compacted "
                            "topic? set streams.STAGE.gaps to allow",
                            o->topic, partition, at->next, offset - 1);
    at->checks = false;
    at->next = offset + 1;
    return 1;
}

int64_t order_next(const order *o, int32_t partition)
{
    const struct order_place *at = find_place(o, partition);

    return at ? at->next : -1;
}
