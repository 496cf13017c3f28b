/* fiber.c - fibers in turn on threads. */
#include "fiber.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "src/common/clock.h"
#include "src/fiber/stack.h"

/* A fiber that has so long without a wait lets others have their turn. */
#define SLICE_NS CLOCK_MS
/* ... which is looked at so often. */
#define PASSES 16
#define NEVER INT64_MAX
#define NOWHERE SIZE_MAX

enum state { READY, RUNS, WAITS, ENDED };

typedef struct thread thread;

struct fiber {
    executor *of;
    fiber_stack *at;
    void (*run)(void *arg);
    void *arg;
    bool over; /* under the lock of the executor */
    _Atomic(thread *) on;
    /* The rest is under the lock of its thread. */
    enum state state;
    bool told;     /* it was woken while it did not wait */
    bool woken;    /* ... while it did */
    int64_t until; /* of its wait */
    size_t heap;   /* its place among those who wait for a time */
    fiber *next;   /* of those who are ready */
    thread *to;    /* where it goes on; NULL: where it is */
};

/* A thread of an executor, or of a fiber that has parted. */
struct thread {
    pthread_t id;
    bool running; /* it was started */
    fiber_stack *home;
    /* its own */
    fiber *here; /* who runs, ... */
    int64_t since_ns;
    unsigned passes;
    /* The rest is under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    fiber *first, *last; /* ready */
    fiber **heap;        /* who waits for a time, the earliest first */
    size_t n, cap;       /* ... at most so many: the fibers it has */
    size_t fibers;
    bool sleeps, stop;
    thread *next; /* under the lock of the executor: of its [own] */
};

struct executor {
    unsigned n, turn;
    thread *threads;
    pthread_mutex_t lock;
    pthread_cond_t over; /* a fiber is */
    thread *own;         /* under lock: threads of fibers that have parted */
};

static _Thread_local thread *thread_here;

/* Not inlined: a fiber that was moved has another thread. */
__attribute__((noinline)) static thread *here(void)
{
    return thread_here;
}

fiber *fiber_self(void)
{
    const thread *t = here();

    return t ? t->here : NULL;
}

/* --- those who wait for a time --- */

static void heap_put(thread *t, size_t at, fiber *f)
{
    t->heap[at] = f;
    f->heap = at;
}

static void heap_up(thread *t, size_t at, fiber *f)
{
    while (at > 0 && t->heap[(at - 1) / 2]->until > f->until) {
        heap_put(t, at, t->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(t, at, f);
}

static void heap_down(thread *t, size_t at, fiber *f)
{
    for (;;) {
        size_t child = 2 * at + 1;

        if (child + 1 < t->n &&
            t->heap[child + 1]->until < t->heap[child]->until)
            child++;
        if (child >= t->n || t->heap[child]->until >= f->until)
            break;
        heap_put(t, at, t->heap[child]);
        at = child;
    }
    heap_put(t, at, f);
}

static void heap_add(thread *t, fiber *f)
{
    heap_up(t, t->n++, f);
}

static void heap_remove(thread *t, fiber *f)
{
    size_t at = f->heap;
    fiber *last = t->heap[--t->n];

    f->heap = NOWHERE;
    if (f == last)
        return;
    if (at > 0 && t->heap[(at - 1) / 2]->until > last->until)
        heap_up(t, at, last);
    else
        heap_down(t, at, last);
}

/* --- whose turn it is; under the lock of the thread --- */

static void ready(thread *t, fiber *f)
{
    f->state = READY;
    f->next = NULL;
    if (t->first)
        t->last->next = f;
    else
        t->first = f;
    t->last = f;
}

static void ready_due(thread *t, int64_t now)
{
    while (t->n > 0 && t->heap[0]->until <= now) {
        fiber *f = t->heap[0];

        heap_remove(t, f);
        ready(t, f);
    }
}

/* A fiber more, which is ready; -1: no memory. */
static int take(thread *t, fiber *f)
{
    if (t->fibers == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 8;
        fiber **more = reallocarray(t->heap, cap, sizeof(fiber *));

        if (!more)
            return -1;
        t->heap = more;
        t->cap = cap;
    }
    t->fibers++;
    atomic_store(&f->on, t);
    ready(t, f);
    if (t->sleeps)
        pthread_cond_signal(&t->wake);
    return 0;
}

/* Its thread, locked. */
static thread *lock_of(fiber *f)
{
    for (;;) {
        thread *t = atomic_load(&f->on);

        pthread_mutex_lock(&t->lock);
        if (t == atomic_load(&f->on))
            return t;
        pthread_mutex_unlock(&t->lock);
    }
}

static void end(thread *t, fiber *f)
{
    executor *x = f->of;

    t->fibers--;
    pthread_mutex_lock(&x->lock);
    f->over = true;
    pthread_cond_broadcast(&x->over);
    pthread_mutex_unlock(&x->lock);
}

static void move(thread *t, fiber *f)
{
    thread *to = f->to;

    f->to = NULL;
    t->fibers--;
    pthread_mutex_lock(&to->lock);
    (void)take(to, f); /* there is room: see fiber_part */
    pthread_mutex_unlock(&to->lock);
}

/* The fiber that ran gave the thread away. */
static void settle(thread *t, fiber *f)
{
    if (f->state == ENDED)
        end(t, f);
    else if (f->to)
        move(t, f);
    else if (f->state == RUNS)
        ready(t, f);
    else if (f->state == WAITS && f->until != NEVER)
        heap_add(t, f);
}

static void turn(thread *t)
{
    fiber *f = t->first;

    t->first = f->next;
    f->state = RUNS;
    pthread_mutex_unlock(&t->lock);
    t->here = f;
    t->passes = 0;
    stack_go(t->home, f->at, 0);
    t->here = NULL;
    pthread_mutex_lock(&t->lock);
    settle(t, f);
}

static void *serve(void *arg)
{
    thread *t = arg;

    stack_take(t->home);
    thread_here = t;
    pthread_mutex_lock(&t->lock);
    while (!t->stop || t->fibers > 0) {
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
        t->home = stack_new();
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
    stack_free(t->home);
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

executor *executor_create(unsigned threads, pe_error *errp)
{
    executor *x = calloc(1, sizeof(*x));

    if (x) {
        x->n = threads ? threads : processors();
        x->threads = calloc(x->n, sizeof(*x->threads));
    }
    if (!x || !x->threads) {
        free(x);
        pe_error_nomem(errp);
        return NULL;
    }
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->over, NULL);
    for (unsigned i = 0; i < x->n; i++)
        thread_init(&x->threads[i]);
    return x;
}

void executor_destroy(executor *x)
{
    if (!x)
        return;
    for (unsigned i = 0; i < x->n; i++)
        thread_stop(&x->threads[i]);
    while (x->own) {
        thread *t = x->own;

        x->own = t->next;
        thread_stop(t);
        free(t);
    }
    pthread_cond_destroy(&x->over);
    pthread_mutex_destroy(&x->lock);
    free(x->threads);
    free(x);
}

/* --- fibers --- */

static void enter(void)
{
    fiber *f = here()->here;
    thread *t;

    stack_begun(f->at);
    f->run(f->arg);
    t = lock_of(f);
    f->state = ENDED;
    pthread_mutex_unlock(&t->lock);
    stack_go(f->at, t->home, 1);
}

fiber *fiber_start(executor *x, void (*run)(void *arg), void *arg,
                   pe_error *errp)
{
    thread *t = &x->threads[x->turn % x->n];
    fiber *f = calloc(1, sizeof(*f));
    int rc;

    if (f)
        f->at = stack_make(FIBER_STACK, enter);
    if (!f || !f->at) {
        free(f);
        pe_error_nomem(errp);
        return NULL;
    }
    f->of = x;
    f->run = run;
    f->arg = arg;
    f->heap = NOWHERE;
    rc = thread_start(t, errp);
    if (rc == 0) {
        pthread_mutex_lock(&t->lock);
        rc = take(t, f);
        pthread_mutex_unlock(&t->lock);
        if (rc < 0)
            pe_error_nomem(errp);
    }
    if (rc == 0) {
        x->turn++;
        return f;
    }
    stack_free(f->at);
    free(f);
    return NULL;
}

void fiber_join(fiber *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->of->lock);
    while (!f->over)
        pthread_cond_wait(&f->of->over, &f->of->lock);
    pthread_mutex_unlock(&f->of->lock);
    stack_free(f->at);
    free(f);
}

/* Others have their turn. */
static void leave(fiber *f)
{
    stack_go(f->at, here()->home, 0);
}

bool fiber_wait(int64_t until_ns)
{
    fiber *f = fiber_self();
    thread *t = lock_of(f);
    bool told = f->told;

    f->told = false;
    if (!told) {
        f->state = WAITS;
        f->until = until_ns;
        f->woken = false;
    }
    pthread_mutex_unlock(&t->lock);
    if (told)
        return true;
    leave(f);
    return f->woken;
}

void fiber_wake(fiber *f)
{
    thread *t = lock_of(f);

    if (f->state == WAITS) {
        if (f->heap != NOWHERE)
            heap_remove(t, f);
        f->woken = true;
        ready(t, f);
        if (t->sleeps)
            pthread_cond_signal(&t->wake);
    } else {
        f->told = true;
    }
    pthread_mutex_unlock(&t->lock);
}

void fiber_yield(void)
{
    thread *t = here();

    if (!t || !t->here || ++t->passes % PASSES != 0 ||
        clock_mono_ns() - t->since_ns < SLICE_NS)
        return;
    leave(t->here);
}

void fiber_sleep(int64_t until_ns)
{
    if (!fiber_self())
        clock_sleep_ns(until_ns - clock_mono_ns(), 0);
    else
        while (fiber_wait(until_ns))
            ;
}

int fiber_part(pe_error *errp)
{
    fiber *f = fiber_self();
    thread *t = calloc(1, sizeof(*t));

    if (!t)
        return pe_error_nomem(errp);
    thread_init(t);
    t->heap = calloc(1, sizeof(fiber *));
    t->cap = 1;
    if (!t->heap)
        pe_error_nomem(errp);
    if (!t->heap || thread_start(t, errp) < 0) {
        thread_stop(t);
        free(t);
        return -1;
    }
    pthread_mutex_lock(&f->of->lock);
    t->next = f->of->own;
    f->of->own = t;
    pthread_mutex_unlock(&f->of->lock);
    f->to = t;
    leave(f);
    return 0;
}
