/* fault.c - which function a process was in when it died, or does not come
 * back from.
 */
#include "fault.h"

#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/agent/event.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/text.h"

#define PLACES_MAX 1024 /* threads that call functions */
#define LOOK_NS CLOCK_S
#define STUCK_NS (5 * CLOCK_S)
#define LOOK_LEAST_NS (5 * CLOCK_MS)
#define LOOKS 10 /* within a limit */
#define STACK_BYTES 65536

static fault_place places[PLACES_MAX];
static atomic_int n_places;
_Thread_local fault_place *fault_here;

fault_place *fault_register(void)
{
    int i = atomic_fetch_add(&n_places, 1);

    if (i < PLACES_MAX)
        fault_here = &places[i];
    return fault_here;
}

char *fault_words(const char *stage, const char *entry, const char *function)
{
    char *words = text_format("stage '%s', %s of %s", stage, entry, function);

    for (char *c = words; c && *c; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c > '~' || *c == '"' ||
            *c == '\\')
            *c = '?';
    return words;
}

/* --- deaths --- */

/* What was there before: Open MPI's handler prints where it was. */
static struct sigaction before[NSIG];

/* Everything here may be called in a handler. */
static void on_fault(int sig)
{
    const char *words =
        fault_here ? atomic_load_explicit(&fault_here->in, memory_order_relaxed)
                   : NULL;

    bool noted =
        note_died(fault_here ? atomic_load(&fault_here->note) : NULL, sig);

    if (words || noted)
        event_fault(words ? words : "behind a function", noted);
    sigaction(sig, &before[sig], NULL);
    raise(sig);
}

/* A function has called exit: what else runs at the end of a process would do
 * so beside threads that are at work, and the crash of one would say nothing.
 */
static void on_exit_within(void)
{
    const char *words = fault_here ? atomic_load(&fault_here->in) : NULL;
    char line[1024];

    if (!words)
        return;
    snprintf(line, sizeof(line), "%.900s, which called exit", words);
    event_fault(line, note_died(atomic_load(&fault_here->note), NOTE_EXIT));
    log_error("%s", line);
    _exit(PE_EXIT_FAILED);
}

void fault_open(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, 0};
    static char stack[STACK_BYTES];
    /* Where the stack itself has run out. */
    const stack_t own = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction a = {.sa_handler = on_fault,
                          .sa_flags = SA_ONSTACK | SA_NODEFER};

    atexit(on_exit_within);
    sigaltstack(&own, NULL);
    sigemptyset(&a.sa_mask);
    for (const int *sig = faults; *sig; sig++)
        sigaction(*sig, &a, &before[*sig]);
}

/* --- functions that do not come back --- */

struct watcher {
    const char *pilot;
    char who[64];
    struct {
        unsigned long calls;
        int64_t in_ns, told_ns; /* in this call; when told last */
    } seen[PLACES_MAX];
};

static atomic_int_fast64_t look_ns = LOOK_NS;

void fault_limits(int64_t limit_ns)
{
    int64_t look = limit_ns / LOOKS;

    if (look < LOOK_LEAST_NS)
        look = LOOK_LEAST_NS;
    if (look >= LOOK_NS) /* a limit of 10 s and more */
        look = LOOK_NS - 1;
    if (look < atomic_load(&look_ns))
        atomic_store(&look_ns, look);
}

bool fault_limited(void)
{
    return atomic_load(&look_ns) < LOOK_NS;
}

static void stuck_tell(const struct watcher *w, const char *words, int64_t ns)
{
    char line[1024];

    snprintf(line, sizeof(line), "%s: %.900s has not come back for %lld s",
             w->who, words, (long long)(ns / CLOCK_S));
    log_warn("%s", line);
    event_print(event_note(w->pilot, line));
}

/* No other way is there to have a thread back from native code. */
_Noreturn static void limit_end(const struct watcher *w, fault_place *p,
                                const char *words, int64_t limit_ns)
{
    bool noted = note_died(atomic_load(&p->note), NOTE_LIMIT);
    char line[1024];

    snprintf(line, sizeof(line),
             "%.800s, which did not come back within its limit of %.3g s",
             words, (double)limit_ns * 1e-9);
    log_error("%s: %s", w->who, line);
    event_fault(line, noted);
    _exit(PE_EXIT_FAILED);
}

/* [passed_ns] since the last look: no more than we meant to sleep, about, since
 * else it was this process that did not run.
 */
static void place_watch(struct watcher *w, int i, int64_t passed_ns)
{
    const char *in = atomic_load(&places[i].in);
    unsigned long calls = atomic_load(&places[i].calls);
    int64_t limit = atomic_load(&places[i].limit_ns);

    if (!in || calls != w->seen[i].calls) {
        w->seen[i].in_ns = w->seen[i].told_ns = 0;
        w->seen[i].calls = calls;
        return;
    }
    w->seen[i].in_ns += passed_ns;
    if (limit > 0 && w->seen[i].in_ns > limit)
        limit_end(w, &places[i], in, limit);
    if (!w->pilot || w->seen[i].in_ns < STUCK_NS ||
        w->seen[i].in_ns < 2 * w->seen[i].told_ns)
        return;
    w->seen[i].told_ns = w->seen[i].in_ns;
    stuck_tell(w, in, w->seen[i].in_ns);
}

static void *watch(void *arg)
{
    struct watcher *w = arg;
    int64_t last = clock_mono_ns();

    for (;;) {
        int n = atomic_load(&n_places);
        int64_t look = atomic_load(&look_ns), now = clock_mono_ns();
        int64_t passed = now - last < 2 * look ? now - last : 2 * look;

        last = now;
        for (int i = 0; i < n && i < PLACES_MAX; i++)
            place_watch(w, i, passed);
        clock_sleep_ns(look, 0);
    }
    return NULL;
}

int fault_watch(const char *pilot, const char *who, pe_error *errp)
{
    struct watcher *w = calloc(1, sizeof(*w)); /* for good */
    sigset_t all, kept;
    pthread_t thread;
    int err;

    if (!w)
        return pe_error_nomem(errp);
    w->pilot = pilot;
    snprintf(w->who, sizeof(w->who), "%s", who);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &kept);
    err = pthread_create(&thread, NULL, watch, w);
    pthread_sigmask(SIG_SETMASK, &kept, NULL);
    if (err) {
        free(w);
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "cannot start a thread: %s", strerror(err));
    }
    pthread_detach(thread);
    return 0;
}
