/* test_strand.c - many lines of work on few threads. */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/strand/bell.h"

#define MANY 200
#define NEVER INT64_MAX

static strand *start(loom *l, void (*run)(void *arg), void *arg)
{
    strand *s = strand_start(l, run, arg, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    return s;
}

static loom *make(unsigned threads)
{
    loom *l = loom_create(threads, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    return l;
}

/* --- times --- */

static atomic_int done;

static void nap(void *arg)
{
    int64_t until = clock_mono_ns() + *(int *)arg * CLOCK_US * 10;

    CU_ASSERT_PTR_NOT_NULL(strand_here());
    for (int i = 0; i < 5; i++) {
        strand_sleep(until);
        CU_ASSERT_TRUE(clock_mono_ns() >= until);
        until += CLOCK_MS;
    }
    atomic_fetch_add(&done, 1);
}

/* Each wakes at its time, whatever the order they came in. */
static void test_strand_sleep(void)
{
    static const unsigned threads[] = {1, 2, 0};
    int number[MANY];
    strand *s[MANY];

    CU_ASSERT_PTR_NULL(strand_here());
    for (size_t k = 0; k < sizeof(threads) / sizeof(*threads); k++) {
        loom *l = make(threads[k]);

        atomic_store(&done, 0);
        for (int i = 0; i < MANY; i++) {
            number[i] = i * 37 % MANY;
            s[i] = start(l, nap, &number[i]);
        }
        for (int i = 0; i < MANY; i++)
            strand_join(s[i]);
        CU_ASSERT_EQUAL(atomic_load(&done), MANY);
        loom_destroy(l);
    }
    strand_sleep(clock_mono_ns() + CLOCK_MS); /* of a thread */
}

/* --- bells --- */

/* A ball that goes round: who has its number passes it on. */
typedef struct ring {
    pthread_mutex_t lock;
    bell bell[3];
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
            bell_wait(&r->bell[p->number], &r->lock,
                      clock_mono_ns() + 60 * CLOCK_S);
        r->at++;
        bell_ring(&r->bell[r->at % 3]);
    }
    pthread_mutex_unlock(&r->lock);
}

/* Two strands, of one thread or of two, and a thread. */
static void test_strand_bell(void)
{
    for (unsigned threads = 1; threads <= 2; threads++) {
        loom *l = make(threads);
        ring r = {.lock = PTHREAD_MUTEX_INITIALIZER, .rounds = 300};
        player p[3] = {{&r, 0}, {&r, 1}, {&r, 2}};
        strand *s[2];

        for (int i = 0; i < 3; i++)
            CU_ASSERT_EQUAL(bell_init(&r.bell[i]), 0);
        s[0] = start(l, play, &p[0]);
        s[1] = start(l, play, &p[1]);
        play(&p[2]);
        strand_join(s[0]);
        strand_join(s[1]);
        CU_ASSERT_EQUAL(r.at, 900);
        for (int i = 0; i < 3; i++)
            bell_destroy(&r.bell[i]);
        loom_destroy(l);
    }
}

static void wait_told(void *arg)
{
    (void)arg;
    strand_wake(strand_here()); /* it is kept, once */
    strand_wake(strand_here());
    CU_ASSERT_TRUE(strand_wait(NEVER));
    CU_ASSERT_FALSE(strand_wait(clock_mono_ns() + CLOCK_MS));
    CU_ASSERT_FALSE(strand_wait(0)); /* that is over */
}

static void test_strand_told(void)
{
    loom *l = make(1);

    strand_join(start(l, wait_told, NULL));
    strand_join(NULL);
    loom_destroy(l);
    loom_destroy(NULL);
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
        strand_pass();
}

static void part(void *arg)
{
    (void)arg;
    CU_ASSERT_EQUAL(strand_part(NULL), 0);
    CU_ASSERT_PTR_NOT_NULL(strand_here());
    while (!atomic_load(&flag))
        ; /* it lets nobody have a turn */
    strand_sleep(clock_mono_ns() + CLOCK_MS);
}

/* Who does not wait keeps others of its thread waiting no longer than a slice,
 * and who has a thread of its own nobody.
 */
static void test_strand_turns(void)
{
    static void (*const run[])(void *) = {pass_on, part};

    for (size_t i = 0; i < sizeof(run) / sizeof(*run); i++) {
        loom *l = make(1);
        strand *s[2];

        atomic_store(&flag, 0);
        s[0] = start(l, run[i], NULL);
        s[1] = start(l, set_flag, NULL);
        strand_join(s[0]);
        strand_join(s[1]);
        loom_destroy(l);
    }
    strand_pass(); /* of a thread: nothing */
}

int main(void)
{
    static const unit_test tests[] = {
        {"sleep", test_strand_sleep},
        {"bell", test_strand_bell},
        {"told", test_strand_told},
        {"turns", test_strand_turns},
        {NULL, NULL},
    };

    return unit_main("strand", tests);
}
