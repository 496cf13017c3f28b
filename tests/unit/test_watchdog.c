/* test_watchdog.c - hosts that are not heard, and rounds that do not end. */
#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/watchdog/watchdog.h"

#define COUNT(a) (sizeof(a) / sizeof(a[0]))
#define LIMIT (60 * CLOCK_S)
#define BEAT (5 * CLOCK_S)
#define T0 (1000 * CLOCK_S)

/* --- judge --- */

/* Six ranks on three hosts. */
static const char hosts[6][WATCHDOG_HOST_MAX] = {"n1", "n1", "n2",
                                                 "n2", "n3", "n2"};

/* What a rank does, a beat every 5 s from T0 on. */
struct rank {
    int until;     /* the last second in which it is heard; -1: never */
    int turns_to;  /* its loop goes on until then */
    int rounds_to; /* its rounds end until then */
    bool waits;    /* ... and after that it is in one */
};

#define WELL                \
    {                       \
        600, 600, 600, true \
    }
#define IN_ROUND           \
    {                      \
        600, 600, 30, true \
    }

static const struct {
    struct rank ranks[6];
    int now; /* seconds behind T0 */
    const char *words, *unheard;
} rows[] = {
    {{WELL, WELL, WELL, WELL, WELL, WELL}, 200, NULL, NULL},
    /* a host */
    {{WELL, WELL, {30, 30, 30, true}, {30, 30, 30, true}, WELL, WELL},
     90,
     NULL,
     NULL},
    {{WELL, WELL, {30, 30, 30, true}, {30, 30, 30, true}, WELL, WELL},
     91,
     "host n2 (ranks 2-3) has not answered n1 for 61 s",
     NULL},
    {{WELL,
      WELL,
      {30, 30, 30, true},
      {30, 30, 30, true},
      {20, 20, 20, true},
      {30, 30, 30, true}},
     100,
     "host n2 (ranks 2-3 and 1 more), host n3 (rank 4) have not answered n1 "
     "for 70 s",
     NULL},
    /* a rank of our own that was stopped */
    {{WELL, {10, 10, 10, true}, WELL, WELL, WELL, WELL},
     75,
     "host n1 (rank 1) has not answered n1 for 65 s",
     NULL},
    /* who was never heard is not missed, but said */
    {{WELL,
      WELL,
      {-1, 0, 0, false},
      WELL,
      {-1, 0, 0, false},
      {-1, 0, 0, false}},
     400,
     NULL,
     "host n2 (ranks 2 and 1 more), host n3 (rank 4)"},
    /* one in a function for long, for which all others wait */
    {{IN_ROUND, IN_ROUND, IN_ROUND, IN_ROUND, IN_ROUND, {600, 30, 30, true}},
     400,
     NULL,
     NULL},
    /* all wait, each for the others */
    {{IN_ROUND, IN_ROUND, IN_ROUND, IN_ROUND, IN_ROUND, IN_ROUND},
     90,
     NULL,
     NULL},
    {{IN_ROUND, IN_ROUND, IN_ROUND, IN_ROUND, IN_ROUND, IN_ROUND},
     95,
     "all 6 ranks answer, and wait for each other for 65 s: a connection of "
     "MPI between them is gone",
     NULL},
    /* not yet in its loop */
    {{IN_ROUND, IN_ROUND, IN_ROUND, IN_ROUND, IN_ROUND, {600, 600, 0, false}},
     400,
     NULL,
     NULL},
};

static void play(judge *j, const struct rank *ranks, int now)
{
    for (int s = 0; s <= now; s++)
        for (int r = 0; r < 6; r++) {
            const struct rank *k = &ranks[r];
            judge_beat b = {.rank = r, .waits = k->waits};

            b.turns = (uint64_t)(s < k->turns_to ? s : k->turns_to);
            b.rounds = (uint64_t)(s < k->rounds_to ? s : k->rounds_to);
            if (s % 5 == 0 && s <= k->until)
                judge_hear(j, &b, T0 + s * CLOCK_S);
        }
}

static void check(bool told, const text *got, const char *want)
{
    CU_ASSERT_EQUAL(told, want != NULL);
    if (want && got->data)
        CU_ASSERT_STRING_EQUAL(got->data, want);
    CU_ASSERT_EQUAL(got->data != NULL, want != NULL);
}

static void test_judge(void)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        judge j = {.limit_ns = LIMIT, .beat_ns = BEAT};
        text why = {0}, unheard = {0};
        pe_error e = {0};

        CU_ASSERT_EQUAL_FATAL(judge_init(&j, 6, hosts[0], &e), 0);
        play(&j, rows[i].ranks, rows[i].now);
        check(judge_look(&j, T0 + rows[i].now * CLOCK_S, &why), &why,
              rows[i].words);
        check(judge_unheard(&j, &unheard), &unheard, rows[i].unheard);
        text_free(&why);
        text_free(&unheard);
        judge_fini(&j);
    }
}

/* Time in which nobody has listened does not count; ranks that are none are
 * not heard.
 */
static void test_forgiven(void)
{
    judge j = {.limit_ns = LIMIT, .beat_ns = BEAT};
    const struct rank all[6] = {WELL, WELL, WELL, WELL, WELL, WELL};
    text why = {0};
    pe_error e = {0};

    CU_ASSERT_EQUAL_FATAL(judge_init(&j, 6, hosts[0], &e), 0);
    play(&j, all, 100);
    judge_hear(&j, &(judge_beat){.rank = 6}, T0);
    judge_hear(&j, &(judge_beat){.rank = -1}, T0);
    judge_forgive(&j, 1000 * CLOCK_S);
    CU_ASSERT_FALSE(judge_look(&j, T0 + 1150 * CLOCK_S, &why));
    CU_ASSERT_PTR_NULL(why.data);
    CU_ASSERT(judge_look(&j, T0 + 1170 * CLOCK_S, &why));
    text_free(&why);
    judge_fini(&j);
}

/* --- the thread --- */

struct heard {
    pthread_mutex_t lock;
    char end[512], note[512];
    atomic_int ends, notes;
};

static void take_end(void *arg, const char *words)
{
    struct heard *h = arg;

    pthread_mutex_lock(&h->lock);
    snprintf(h->end, sizeof(h->end), "%s", words);
    pthread_mutex_unlock(&h->lock);
    atomic_fetch_add(&h->ends, 1);
}

static void take_note(void *arg, const char *words)
{
    struct heard *h = arg;

    pthread_mutex_lock(&h->lock);
    snprintf(h->note, sizeof(h->note), "%s", words);
    pthread_mutex_unlock(&h->lock);
    atomic_fetch_add(&h->notes, 1);
}

/* Rank 0 of a world of [size], at the loop of this host. */
static watchdog_conf head_conf(struct heard *h, int size, double limit_s)
{
    watchdog_conf c = {.pilot = "p",
                       .size = size,
                       .limit_s = limit_s,
                       .hosts = hosts[1],
                       .end = take_end,
                       .note = take_note,
                       .arg = h};
    pe_error e = {0};

    c.fd = place_open(&c.place, &e);
    CU_ASSERT_FATAL(c.fd >= 0);
    c.place.n = 1;
    memset(&c.place.at[0], 0, sizeof(c.place.at[0]));
    memcpy(c.place.at[0].s6_addr + 10, "\xff\xff\x7f\0\0\1", 6);
    return c;
}

static bool within(const atomic_int *n, int least)
{
    int64_t until = clock_mono_ns() + 30 * CLOCK_S;

    while (atomic_load(n) < least && clock_mono_ns() < until)
        clock_sleep_ns(CLOCK_MS, 0);
    return atomic_load(n) >= least;
}

/* What a rank that is us would say. */
static void say(int fd, const watchdog_place *p, unsigned char wrong)
{
    watchdog_message m = {.beat = {.rank = 1}};

    memcpy(m.key, p->key, sizeof(m.key));
    m.key[3] ^= wrong;
    place_send(fd, p, 0, &m, sizeof(m));
}

static bool hear(int fd, watchdog_message *m, struct sockaddr_storage *from)
{
    struct pollfd f = {.fd = fd, .events = POLLIN};

    return poll(&f, 1, 30000) > 0 && place_receive(fd, m, sizeof(*m), from);
}

/* Rank 0 answers who is of its world, says whom it cannot hear, and misses who
 * was there.
 */
static void test_missed(void)
{
    struct heard h = {.lock = PTHREAD_MUTEX_INITIALIZER};
    watchdog_conf c = head_conf(&h, 2, 0.3);
    struct sockaddr_storage from;
    watchdog_message m;
    pe_error e = {0};
    watchdog *w = watchdog_open(&c, &e);
    int fd = place_connect(&e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(w);
    CU_ASSERT_FATAL(fd >= 0);
    say(fd, &c.place, 1); /* a stranger */
    (void)!write(fd, "", 1);
    CU_ASSERT(within(&h.notes, 1));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(h.note, "pool 'p': host n2 (rank 1) cannot be heard at port "));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(h.note, " (UDP) of n1: where the network between them is cut, "
                       "nobody sees it"));
    CU_ASSERT_EQUAL(atomic_load(&h.ends), 0);
    CU_ASSERT_FALSE(place_receive(fd, &m, sizeof(m), &from));
    say(fd, &c.place, 0);
    CU_ASSERT(hear(fd, &m, &from));
    CU_ASSERT_EQUAL(place_find(&c.place, &from), 0);
    CU_ASSERT(within(&h.ends, 1));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(h.end, "host n2 (rank 1) has not answered n1 for 0 s (unheard: "
                      "0.3s)"));
    watchdog_close(w);
    close(fd);
}

/* A rank says how it goes, and ends when rank 0 answers no more; one that was
 * never answered stays.
 */
static void test_alone(void)
{
    struct heard h = {.lock = PTHREAD_MUTEX_INITIALIZER};
    watchdog_conf c = head_conf(&h, 2, 0.3);
    struct sockaddr_storage from;
    watchdog_message m = {0};
    pe_error e = {0};
    int fd = c.fd;
    watchdog *w;

    c.rank = 1;
    w = watchdog_open(&c, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w);
    pulse_turn(watchdog_pulse_of(w), true);
    pulse_round(watchdog_pulse_of(w));
    while (!m.beat.waits && hear(fd, &m, &from))
        continue;
    CU_ASSERT_EQUAL(m.beat.rank, 1);
    CU_ASSERT_EQUAL(m.beat.turns, 1);
    CU_ASSERT_EQUAL(m.beat.rounds, 1);
    CU_ASSERT_EQUAL(memcmp(m.key, c.place.key, sizeof(m.key)), 0);
    CU_ASSERT_EQUAL(atomic_load(&h.ends), 0);
    place_answer(fd, &m, sizeof(m), &from);
    CU_ASSERT(within(&h.ends, 1));
    CU_ASSERT_PTR_NOT_NULL(strstr(
        h.end, "rank 0 has not answered rank 1 for 0 s (unheard: 0.3s)"));
    watchdog_close(w);
    watchdog_close(NULL);
    CU_ASSERT_PTR_NULL(watchdog_pulse_of(NULL));
    pulse_turn(NULL, true);
    pulse_round(NULL);
    close(fd);
}

int main(void)
{
    static const unit_test tests[] = {
        {"ranks that are missed, rounds that stand", test_judge},
        {"time that does not count", test_forgiven},
        {"a rank that is missed", test_missed},
        {"a rank that is alone", test_alone},
        {NULL, NULL},
    };

    return unit_main("watchdog", tests);
}
