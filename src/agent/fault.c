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

#include "src/agent/event.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/text.h"

#define PLACES_MAX 1024 /* threads that call functions */
#define LOOK_NS CLOCK_S
#define STUCK_LOOKS 5 /* seconds, about */
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

    if (words)
        event_fault(words);
    sigaction(sig, &before[sig], NULL);
    raise(sig);
}

void fault_open(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, 0};
    static char stack[STACK_BYTES];
    /* Where the stack itself has run out. */
    const stack_t own = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction a = {.sa_handler = on_fault,
                          .sa_flags = SA_ONSTACK | SA_NODEFER};

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
        int looks, told; /* since it is in this call; then when told last */
    } seen[PLACES_MAX];
};

static void stuck_tell(const struct watcher *w, const char *words, int looks)
{
    char line[1024];

    snprintf(line, sizeof(line), "%s: %.900s has not come back for %d s",
             w->who, words, looks);
    log_warn("%s", line);
    event_print(json_pack("{s:s, s:s, s:o}", "event", "note", "pilot", w->pilot,
                          "text", event_text(line)));
}

static void place_watch(struct watcher *w, int i)
{
    const char *in = atomic_load(&places[i].in);
    unsigned long calls = atomic_load(&places[i].calls);

    if (!in || calls != w->seen[i].calls) {
        w->seen[i].looks = w->seen[i].told = 0;
        w->seen[i].calls = calls;
        return;
    }
    w->seen[i].looks++;
    if (w->seen[i].looks < STUCK_LOOKS ||
        w->seen[i].looks < 2 * w->seen[i].told)
        return;
    w->seen[i].told = w->seen[i].looks;
    stuck_tell(w, in, w->seen[i].looks);
}

static void *watch(void *arg)
{
    struct watcher *w = arg;

    for (;;) {
        int n = atomic_load(&n_places);
        for (int i = 0; i < n && i < PLACES_MAX; i++)
            place_watch(w, i);
        clock_sleep_ns(LOOK_NS, 0);
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
