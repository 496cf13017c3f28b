/* test_forward.c - records that wait for room on their way to a next layer. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "src/forward/held.h"

static void add(held_list *l, const char *key, const char *value,
                const char *times, void *opaque)
{
    record_headers h;
    char *borrowed = strdup(times), *bytes = strdup(value), *name = strdup(key);
    broker_output o = {.topic = "t",
                       .partition = 3,
                       .key = name,
                       .value = bytes,
                       .len = strlen(value),
                       .headers = &h,
                       .copy = true,
                       .opaque = opaque};

    record_clear(&h);
    record_add(&h, "ce_id", value);
    record_add_borrowed(&h, "pe_times", borrowed, strlen(times));
    record_add_borrowed(&h, "pe_null", NULL, 0);
    CU_ASSERT_EQUAL(held_add(l, &o, NULL), 0);
    /* What was borrowed goes with the record it came in. */
    memset(borrowed, '#', strlen(borrowed));
    memset(bytes, '#', strlen(bytes));
    memset(name, '#', strlen(name));
    memset(&h, 0, sizeof(h));
    free(borrowed);
    free(bytes);
    free(name);
}

static void check(const held_list *l, const char *key, const char *value,
                  const char *times, const void *opaque)
{
    const broker_output *o = held_first(l);
    const record_header *h;

    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    UNIT_EQUAL(o->key, key);
    UNIT_EQUAL(o->topic, "t");
    CU_ASSERT_EQUAL(o->partition, 3);
    CU_ASSERT_EQUAL(o->len, strlen(value));
    CU_ASSERT_EQUAL(memcmp(o->value, value, o->len), 0);
    CU_ASSERT_PTR_EQUAL(o->opaque, opaque);
    h = record_find(o->headers, "ce_id");
    CU_ASSERT_PTR_NOT_NULL_FATAL(h);
    CU_ASSERT_EQUAL(memcmp(h->value, value, h->len), 0);
    h = record_find(o->headers, "pe_times");
    CU_ASSERT_PTR_NOT_NULL_FATAL(h);
    CU_ASSERT_EQUAL(h->len, strlen(times));
    CU_ASSERT_EQUAL(memcmp(h->value, times, h->len), 0);
    h = record_find(o->headers, "pe_null");
    CU_ASSERT_PTR_NOT_NULL_FATAL(h);
    CU_ASSERT_PTR_NULL(h->value);
}

/* A device's blocks stay in order, also across an empty list. */
static void test_order(void)
{
    held_list l = {0};
    int a, b, c;

    CU_ASSERT_PTR_NULL(held_first(&l));
    held_pop(&l);
    add(&l, "d-0", "one", "1/1", &a);
    add(&l, "d-1", "two", "22/1", &b);
    check(&l, "d-0", "one", "1/1", &a);
    held_pop(&l);
    check(&l, "d-1", "two", "22/1", &b);
    held_pop(&l);
    CU_ASSERT_PTR_NULL(held_first(&l));
    add(&l, "d-0", "three", "333/1", &c);
    check(&l, "d-0", "three", "333/1", &c);
    held_pop(&l);
    CU_ASSERT_PTR_NULL(held_first(&l));
}

int main(void)
{
    static const unit_test tests[] = {
        {"in order, and whole", test_order},
        {0},
    };

    return unit_main("forward", tests);
}
