/* loom.c - strands in turn on threads. */
#include "strand.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "src/common/clock.h"
#include "src/strand/switch.h"

/* A strand that has so long without a wait lets others have their turn. */
#define SLICE_NS CLOCK_MS
/* ... which is looked at so often. */
#define PASSES 16
#define NEVER INT64_MAX
#define NOWHERE SIZE_MAX

enum state { READY, RUNS, WAITS, ENDED };

typedef struct thread thread;

struct strand {
    loom *of;
    stand *at;
    void (*run)(void *arg);
    void *arg;
    bool over; /* under the lock of the loom */
    _Atomic(thread *) on;
    /* The rest is under the lock of its thread. */
    enum state state;
    bool told;     /* it was woken while it did not wait */
    bool woken;    /* ... while it did */
    int64_t until; /* of its wait */
    size_t heap;   /* its place among those who wait for a time */
    strand *next;  /* of those who are ready */
    thread *to;    /* where it goes on; NULL: where it is */
};

/* A thread of a loom, or of a strand that has parted. */
struct thread {
    pthread_t id;
    bool running; /* it was started */
    stand *home;
    /* its own */
    strand *here; /* who runs, ... */
    int64_t since_ns;
    unsigned passes;
    /* The rest is under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    strand *first, *last; /* ready */
    strand **heap;        /* who waits for a time, the earliest first */
    size_t n, cap;        /* ... at most so many: the strands it has */
    size_t strands;
    bool sleeps, stop;
    thread *next; /* under the lock of the loom: of its [own] */
};

struct loom {
    unsigned n, turn;
    thread *threads;
    pthread_mutex_t lock;
    pthread_cond_t over; /* a strand is */
    thread *own;         /* under lock: threads of strands that have parted */
};

static _Thread_local thread *thread_here;

/* Not inlined: a strand that was moved has another thread. */
__attribute__((noinline)) static thread *here(void)
{
    return thread_here;
}

strand *strand_here(void)
{
    const thread *t = here();

    return t ? t->here : NULL;
}

/* --- those who wait for a time --- */

static void heap_put(thread *t, size_t at, strand *s)
{
    t->heap[at] = s;
    s->heap = at;
}

static void heap_up(thread *t, size_t at, strand *s)
{
    while (at > 0 && t->heap[(at - 1) / 2]->until > s->until) {
        heap_put(t, at, t->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(t, at, s);
}

static void heap_down(thread *t, size_t at, strand *s)
{
    for (;;) {
        size_t child = 2 * at + 1;

        if (child + 1 < t->n &&
            t->heap[child + 1]->until < t->heap[child]->until)
            child++;
        if (child >= t->n || t->heap[child]->until >= s->until)
            break;
        heap_put(t, at, t->heap[child]);
        at = child;
    }
    heap_put(t, at, s);
}

static void heap_add(thread *t, strand *s)
{
    heap_up(t, t->n++, s);
}

static void heap_remove(thread *t, strand *s)
{
    size_t at = s->heap;
    strand *last = t->heap[--t->n];

    s->heap = NOWHERE;
    if (s == last)
        return;
    if (at > 0 && t->heap[(at - 1) / 2]->until > last->until)
        heap_up(t, at, last);
    else
        heap_down(t, at, last);
}

/* --- whose turn it is; under the lock of the thread --- */

static void ready(thread *t, strand *s)
{
    s->state = READY;
    s->next = NULL;
    if (t->first)
        t->last->next = s;
    else
        t->first = s;
    t->last = s;
}

static void ready_due(thread *t, int64_t now)
{
    while (t->n > 0 && t->heap[0]->until <= now) {
        strand *s = t->heap[0];

        heap_remove(t, s);
        ready(t, s);
    }
}

/* A strand more, which is ready; -1: no memory. */
static int take(thread *t, strand *s)
{
    if (t->strands == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 8;
        strand **more = reallocarray(t->heap, cap, sizeof(strand *));

        if (!more)
            return -1;
        t->heap = more;
        t->cap = cap;
    }
    t->strands++;
    atomic_store(&s->on, t);
    ready(t, s);
    if (t->sleeps)
        pthread_cond_signal(&t->wake);
    return 0;
}

/* Its thread, locked. */
static thread *lock_of(strand *s)
{
    for (;;) {
        thread *t = atomic_load(&s->on);

        pthread_mutex_lock(&t->lock);
        if (t == atomic_load(&s->on))
            return t;
        pthread_mutex_unlock(&t->lock);
    }
}

static void end(thread *t, strand *s)
{
    loom *l = s->of;

    t->strands--;
    pthread_mutex_lock(&l->lock);
    s->over = true;
    pthread_cond_broadcast(&l->over);
    pthread_mutex_unlock(&l->lock);
}

static void move(thread *t, strand *s)
{
    thread *to = s->to;

    s->to = NULL;
    t->strands--;
    pthread_mutex_lock(&to->lock);
    (void)take(to, s); /* there is room: see strand_part */
    pthread_mutex_unlock(&to->lock);
}

/* The strand that ran gave the thread away. */
static void settle(thread *t, strand *s)
{
    if (s->state == ENDED)
        end(t, s);
    else if (s->to)
        move(t, s);
    else if (s->state == RUNS)
        ready(t, s);
    else if (s->state == WAITS && s->until != NEVER)
        heap_add(t, s);
}

static void turn(thread *t)
{
    strand *s = t->first;

    t->first = s->next;
    s->state = RUNS;
    pthread_mutex_unlock(&t->lock);
    t->here = s;
    t->passes = 0;
    stand_go(t->home, s->at, 0);
    t->here = NULL;
    pthread_mutex_lock(&t->lock);
    settle(t, s);
}

static void *serve(void *arg)
{
    thread *t = arg;

    stand_take(t->home);
    thread_here = t;
    pthread_mutex_lock(&t->lock);
    while (!t->stop || t->strands > 0) {
        t->since_ns = clock_mono_ns();
        ready_due(t, t->since_ns);
        if (t->first) {
            turn(t);
            continue;
        }
        t->sleeps = true;
        if (t->n > 0)
            clock_cond_wait(&t->wake, &t->lock, t->heap[0]->until);
        else
            pthread_cond_wait(&t->wake, &t->lock);
        t->sleeps = false;
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* --- threads --- */

static void thread_init(thread *t)
{
    *t = (thread){0};
    pthread_mutex_init(&t->lock, NULL);
    clock_cond_init(&t->wake);
}

static int thread_start(thread *t, pe_error *errp)
{
    if (t->running)
        return 0;
    if (!t->home)
        t->home = stand_new();
    if (!t->home)
        return pe_error_nomem(errp);
    if (pthread_create(&t->id, NULL, serve, t) != 0)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "a thread cannot be started");
    t->running = true;
    return 0;
}

static void thread_stop(thread *t)
{
    if (t->running) {
        pthread_mutex_lock(&t->lock);
        t->stop = true;
        pthread_cond_signal(&t->wake);
        pthread_mutex_unlock(&t->lock);
        pthread_join(t->id, NULL);
    }
    stand_free(t->home);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    free(t->heap);
}

static unsigned processors(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : CPU_COUNT(&set);

    return n < 1 ? 1 : (unsigned)n;
}

loom *loom_create(unsigned threads, pe_error *errp)
{
    loom *l = calloc(1, sizeof(*l));

    if (l) {
        l->n = threads ? threads : processors();
        l->threads = calloc(l->n, sizeof(*l->threads));
    }
    if (!l || !l->threads) {
        free(l);
        pe_error_nomem(errp);
        return NULL;
    }
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->over, NULL);
    for (unsigned i = 0; i < l->n; i++)
        thread_init(&l->threads[i]);
    return l;
}

void loom_destroy(loom *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < l->n; i++)
        thread_stop(&l->threads[i]);
    while (l->own) {
        thread *t = l->own;

        l->own = t->next;
        thread_stop(t);
        free(t);
    }
    pthread_cond_destroy(&l->over);
    pthread_mutex_destroy(&l->lock);
    free(l->threads);
    free(l);
}

/* --- strands --- */

static void enter(void)
{
    strand *s = here()->here;
    thread *t;

    stand_begun(s->at);
    s->run(s->arg);
    t = lock_of(s);
    s->state = ENDED;
    pthread_mutex_unlock(&t->lock);
    stand_go(s->at, t->home, 1);
}

strand *strand_start(loom *l, void (*run)(void *arg), void *arg, pe_error *errp)
{
    thread *t = &l->threads[l->turn % l->n];
    strand *s = calloc(1, sizeof(*s));
    int rc;

    if (s)
        s->at = stand_make(STRAND_STACK, enter);
    if (!s || !s->at) {
        free(s);
        pe_error_nomem(errp);
        return NULL;
    }
    s->of = l;
    s->run = run;
    s->arg = arg;
    s->heap = NOWHERE;
    rc = thread_start(t, errp);
    if (rc == 0) {
        pthread_mutex_lock(&t->lock);
        rc = take(t, s);
        pthread_mutex_unlock(&t->lock);
        if (rc < 0)
            pe_error_nomem(errp);
    }
    if (rc == 0) {
        l->turn++;
        return s;
    }
    stand_free(s->at);
    free(s);
    return NULL;
}

void strand_join(strand *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->of->lock);
    while (!s->over)
        pthread_cond_wait(&s->of->over, &s->of->lock);
    pthread_mutex_unlock(&s->of->lock);
    stand_free(s->at);
    free(s);
}

/* Others have their turn. */
static void leave(strand *s)
{
    stand_go(s->at, here()->home, 0);
}

bool strand_wait(int64_t until_ns)
{
    strand *s = strand_here();
    thread *t = lock_of(s);
    bool told = s->told;

    s->told = false;
    if (!told) {
        s->state = WAITS;
        s->until = until_ns;
        s->woken = false;
    }
    pthread_mutex_unlock(&t->lock);
    if (told)
        return true;
    leave(s);
    return s->woken;
}

void strand_wake(strand *s)
{
    thread *t = lock_of(s);

    if (s->state == WAITS) {
        if (s->heap != NOWHERE)
            heap_remove(t, s);
        s->woken = true;
        ready(t, s);
        if (t->sleeps)
            pthread_cond_signal(&t->wake);
    } else {
        s->told = true;
    }
    pthread_mutex_unlock(&t->lock);
}

void strand_pass(void)
{
    thread *t = here();

    if (!t || !t->here || ++t->passes % PASSES != 0 ||
        clock_mono_ns() - t->since_ns < SLICE_NS)
        return;
    leave(t->here);
}

void strand_sleep(int64_t until_ns)
{
    if (!strand_here())
        clock_sleep_ns(until_ns - clock_mono_ns(), 0);
    else
        while (strand_wait(until_ns))
            ;
}

int strand_part(pe_error *errp)
{
    strand *s = strand_here();
    thread *t = calloc(1, sizeof(*t));

    if (!t)
        return pe_error_nomem(errp);
    thread_init(t);
    t->heap = calloc(1, sizeof(strand *));
    t->cap = 1;
    if (!t->heap)
        pe_error_nomem(errp);
    if (!t->heap || thread_start(t, errp) < 0) {
        thread_stop(t);
        free(t);
        return -1;
    }
    pthread_mutex_lock(&s->of->lock);
    t->next = s->of->own;
    s->of->own = t;
    pthread_mutex_unlock(&s->of->lock);
    s->to = t;
    leave(s);
    return 0;
}
