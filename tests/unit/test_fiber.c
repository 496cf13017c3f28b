/* test_fiber.c - many lines of work on few threads. */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/fiber/cond.h"

#define MANY 200
#define NEVER INT64_MAX

static fiber *start(executor *l, void (*run)(void *arg), void *arg)
{
    fiber *s = fiber_start(l, run, arg, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    return s;
}

static executor *make(unsigned threads)
{
    executor *l = executor_create(threads, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    return l;
}

/* --- times --- */

static atomic_int done;

static void nap(void *arg)
{
    int64_t until = clock_mono_ns() + *(int *)arg * CLOCK_US * 10;

    CU_ASSERT_PTR_NOT_NULL(fiber_self());
    for (int i = 0; i < 5; i++) {
        fiber_sleep(until);
        CU_ASSERT_TRUE(clock_mono_ns() >= until);
        until += CLOCK_MS;
    }
    atomic_fetch_add(&done, 1);
}

/* Each wakes at its time, whatever the order they came in. */
static void test_fiber_sleep(void)
{
    static const unsigned threads[] = {1, 2, 0};
    int number[MANY];
    fiber *s[MANY];

    CU_ASSERT_PTR_NULL(fiber_self());
    for (size_t k = 0; k < sizeof(threads) / sizeof(*threads); k++) {
        executor *l = make(threads[k]);

        atomic_store(&done, 0);
        for (int i = 0; i < MANY; i++) {
            number[i] = i * 37 % MANY;
            s[i] = start(l, nap, &number[i]);
        }
        for (int i = 0; i < MANY; i++)
            fiber_join(s[i]);
        CU_ASSERT_EQUAL(atomic_load(&done), MANY);
        executor_destroy(l);
    }
    fiber_sleep(clock_mono_ns() + CLOCK_MS); /* of a thread */
}

/* --- conditions --- */

/* A ball that goes round: who has its number passes it on. */
typedef struct ring {
    pthread_mutex_t lock;
    fiber_cond cond[3];
    int at, rounds;
} ring;

typedef struct player {
    ring *of;
    int number;
} player;

static void play(void *arg)
{
    const player *p = arg;
    ring *r = p->of;

    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < r->rounds; i++) {
        while (r->at % 3 != p->number)
            fiber_cond_wait(&r->cond[p->number], &r->lock,
                            clock_mono_ns() + 60 * CLOCK_S);
        r->at++;
        fiber_cond_signal(&r->cond[r->at % 3]);
    }
    pthread_mutex_unlock(&r->lock);
}

/* Two fibers, of one thread or of two, and a thread. */
static void test_fiber_cond(void)
{
    for (unsigned threads = 1; threads <= 2; threads++) {
        executor *l = make(threads);
        ring r = {.lock = PTHREAD_MUTEX_INITIALIZER, .rounds = 300};
        player p[3] = {{&r, 0}, {&r, 1}, {&r, 2}};
        fiber *s[2];

        for (int i = 0; i < 3; i++)
            CU_ASSERT_EQUAL(fiber_cond_init(&r.cond[i]), 0);
        s[0] = start(l, play, &p[0]);
        s[1] = start(l, play, &p[1]);
        play(&p[2]);
        fiber_join(s[0]);
        fiber_join(s[1]);
        CU_ASSERT_EQUAL(r.at, 900);
        for (int i = 0; i < 3; i++)
            fiber_cond_destroy(&r.cond[i]);
        executor_destroy(l);
    }
}

static void wait_told(void *arg)
{
    (void)arg;
    fiber_wake(fiber_self()); /* it is kept, once */
    fiber_wake(fiber_self());
    CU_ASSERT_TRUE(fiber_wait(NEVER));
    CU_ASSERT_FALSE(fiber_wait(clock_mono_ns() + CLOCK_MS));
    CU_ASSERT_FALSE(fiber_wait(0)); /* that is over */
}

static void test_fiber_told(void)
{
    executor *l = make(1);

    fiber_join(start(l, wait_told, NULL));
    fiber_join(NULL);
    executor_destroy(l);
    executor_destroy(NULL);
}

/* --- turns --- */

static atomic_int flag;

static void set_flag(void *arg)
{
    (void)arg;
    atomic_store(&flag, 1);
}

static void pass_on(void *arg)
{
    (void)arg;
    while (!atomic_load(&flag))
        fiber_yield();
}

static void part(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(fiber_part(NULL), 0);
    CU_ASSERT_PTR_NOT_NULL(fiber_self());
    while (!atomic_load(&flag))
        ; /* it lets nobody have a turn */
    fiber_sleep(clock_mono_ns() + CLOCK_MS);
}

/* Who does not wait keeps others of its thread waiting no longer than a slice,
 * and who has a thread of its own nobody.
 */
static void test_fiber_turns(void)
{
    static void (*const run[])(void *) = {pass_on, part};

    for (size_t i = 0; i < sizeof(run) / sizeof(*run); i++) {
        executor *l = make(1);
        fiber *s[2];

        atomic_store(&flag, 0);
        s[0] = start(l, run[i], NULL);
        s[1] = start(l, set_flag, NULL);
        fiber_join(s[0]);
        fiber_join(s[1]);
        executor_destroy(l);
    }
    fiber_yield(); /* of a thread: nothing */
}

int main(void)
{
    static const unit_test tests[] = {
        {"sleep", test_fiber_sleep},
        {"condition", test_fiber_cond},
        {"told", test_fiber_told},
        {"turns", test_fiber_turns},
        {NULL, NULL},
    };

    return unit_main("fiber", tests);
}
