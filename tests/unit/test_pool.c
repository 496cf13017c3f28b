/* test_pool.c - the pool's tables: devices, slots. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/pool/pool_private.h"

static void test_devices(void)
{
    pool_devices t = {0};
    pe_error e = {0};
    char name[32];

    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "device-%d", i);
        CU_ASSERT_EQUAL(pool_device_find(&t, name, &e), (size_t)i);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "device-%d", i);
        CU_ASSERT_EQUAL(pool_device_find(&t, name, &e), (size_t)i);
        UNIT_EQUAL(t.d[i].name, name);
    }
    CU_ASSERT_FALSE(t.d[3].known);
    pool_devices_clear(&t);
    CU_ASSERT_EQUAL(t.n, 0);
    CU_ASSERT_EQUAL(pool_device_find(&t, "", &e), 0);
    pool_devices_clear(&t);
}

static pool *new_pool(void)
{
    pool *p = calloc(1, sizeof(*p));

    p->n_parts = 2;
    p->parts = calloc(2, sizeof(*p->parts));
    p->parts[0].next = 5;
    p->parts[1].next = 9;
    for (int i = 0; i < 2; i++) {
        p->slot[i].from = calloc(2, sizeof(int64_t));
        p->slot[i].to = calloc(2, sizeof(int64_t));
    }
    return p;
}

static void free_pool(pool *p)
{
    for (int i = 0; i < 2; i++) {
        pool_slot_clear(p, &p->slot[i]);
        free(p->slot[i].from);
        free(p->slot[i].to);
        free(p->slot[i].touch);
        pe_delta_destroy(p->slot[i].delta);
    }
    pool_devices_clear(&p->devices);
    free(p->parts);
    free(p);
}

static void test_slots(void)
{
    pool *p = new_pool();
    pe_error e = {0};
    pool_slot *s;

    CU_ASSERT_PTR_NULL(pool_slot_of(p, 2));
    CU_ASSERT_EQUAL(pool_slot_open(p, 2, NULL, 0, &e), 0);
    s = pool_slot_of(p, 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(s->from[1], 9);
    CU_ASSERT_EQUAL(s->to[1], 9);
    CU_ASSERT_PTR_NULL(pool_slot_of(p, 4)); /* same place, other epoch */
    CU_ASSERT_EQUAL(pool_slot_open(p, 3, NULL, 0, &e), 0);
    CU_ASSERT_PTR_NOT_NULL(pool_slot_of(p, 2));
    CU_ASSERT_PTR_NOT_NULL(pool_slot_of(p, 3));
    pool_slot_clear(p, s);
    CU_ASSERT_PTR_NULL(pool_slot_of(p, 2));
    free_pool(p);
}

/* Each epoch keeps the newest block of its own, not of the one after. */
static void test_touch(void)
{
    pool *p = new_pool();
    pe_error e = {0};
    size_t a = pool_device_find(&p->devices, "a", &e);
    size_t b = pool_device_find(&p->devices, "b", &e);

    pool_slot_open(p, 2, NULL, 0, &e);
    pool_slot_open(p, 3, NULL, 0, &e);
    CU_ASSERT_EQUAL(pool_slot_touch(p, &p->slot[0], a, 1, 10), 0);
    CU_ASSERT_EQUAL(pool_slot_touch(p, &p->slot[0], b, 1, 20), 0);
    CU_ASSERT_EQUAL(pool_slot_touch(p, &p->slot[0], a, 1, 11), 0);
    CU_ASSERT_EQUAL(pool_slot_touch(p, &p->slot[1], a, 1, 12), 0);
    CU_ASSERT_EQUAL(p->slot[0].n_touch, 2);
    CU_ASSERT_EQUAL(p->slot[0].touch[0].seq, 11);
    CU_ASSERT_EQUAL(p->slot[1].touch[0].seq, 12);
    pool_slot_clear(p, &p->slot[0]);
    CU_ASSERT_EQUAL(p->devices.d[a].touched[0], 0);
    CU_ASSERT_EQUAL(p->devices.d[a].touched[1], 1);
    free_pool(p);
}

static void test_models(void)
{
    pe_error e = {0};
    pe_options *o = pe_model_options("passthrough", &e);
    pool_model *m =
        pool_model_create(pe_model_create("passthrough", o, 4, &e), &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    CU_ASSERT_PTR_EQUAL(pool_model_hold(m), m);
    CU_ASSERT_EQUAL(m->refs, 2);
    pool_model_drop(m);
    CU_ASSERT_EQUAL(m->refs, 1);
    pool_model_drop(m);
    pool_model_drop(NULL);
    CU_ASSERT_PTR_NULL(pool_model_hold(NULL));
    pe_options_destroy(o);
}

int main(void)
{
    static const unit_test tests[] = {
        {"devices by name", test_devices},
        {"an epoch has one place of two", test_slots},
        {"newest block of a device, by epoch", test_touch},
        {"models are shared", test_models},
        {0},
    };

    return unit_main("pool", tests);
}
