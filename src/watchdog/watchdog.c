/* watchdog.c - the thread that hears, and is heard. */
#include "watchdog.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/agent/event.h"
#include "src/common/clock.h"
#include "src/common/log.h"

/* Beats within the limit, and the longest and shortest time between two. */
#define BEATS 12
#define BEAT_MOST_NS (5 * CLOCK_S)
#define BEAT_LEAST_NS (20 * CLOCK_MS)
/* Answers that are missing before it is asked for by all addresses again. */
#define MISSING 3

struct watchdog {
    watchdog_conf c;
    watchdog_pulse pulse;
    pthread_t thread;
    int stop; /* an eventfd */
    int64_t limit_ns, beat_ns;
    judge judge;      /* rank 0 */
    bool noted;       /* ... has said whom it does not hear */
    int known;        /* else: the address that answers, or -1 */
    int64_t heard_ns; /* ... and when it did last; 0: never */
};

watchdog_pulse *watchdog_pulse_of(watchdog *w)
{
    return w ? &w->pulse : NULL;
}

/* --- the end --- */

_Noreturn static void end_default(const char *words)
{
    log_error("%s", words);
    event_print(json_pack("{s:s, s:o, s:b}", "event", "fault", "text",
                          event_text(words), "cut", 1));
    _exit(PE_EXIT_UNAVAILABLE);
}

static void end(watchdog *w, const char *words)
{
    if (w->c.end)
        w->c.end(w->c.arg, words);
    else
        end_default(words);
}

/* --- rank 0 --- */

static judge_beat beat_of(const watchdog *w)
{
    const watchdog_pulse *p = &w->pulse;

    return (judge_beat){
        .rank = w->c.rank,
        .waits = atomic_load_explicit(&p->waits, memory_order_relaxed),
        .turns = atomic_load_explicit(&p->turns, memory_order_relaxed),
        .rounds = atomic_load_explicit(&p->rounds, memory_order_relaxed)};
}

static void note_unheard(watchdog *w)
{
    text who = {0}, words = {0};

    w->noted = true;
    if (!w->c.note)
        return;
    if (judge_unheard(&w->judge, &who) && who.data)
        text_add(&words,
                 "pool '%s': %s cannot be heard at port %u (UDP) of %s: where "
                 "the network between them is cut, nobody sees it",
                 w->c.pilot, who.data, w->c.place.port, w->judge.hosts);
    if (words.data)
        w->c.note(w->c.arg, words.data);
    text_free(&who);
    text_free(&words);
}

/* False: this world is over. */
static bool head_look(watchdog *w, int64_t now)
{
    judge_beat own = beat_of(w);
    text why = {0}, words = {0};
    bool over;

    judge_hear(&w->judge, &own, now);
    over = judge_look(&w->judge, now, &why);
    if (over) {
        text_add(&words, "%s (unheard: %.3gs)", why.data ? why.data : "",
                 w->c.limit_s);
        end(w, words.data ? words.data : "a host has not answered");
    }
    text_free(&why);
    text_free(&words);
    return !over;
}

static void head_hear(watchdog *w, int64_t now)
{
    struct sockaddr_storage from;
    watchdog_message m;

    while (place_receive(w->c.fd, &m, sizeof(m), &from)) {
        if (memcmp(m.key, w->c.place.key, sizeof(m.key)) != 0)
            continue;
        judge_hear(&w->judge, &m.beat, now);
        place_answer(w->c.fd, &m, sizeof(m), &from);
    }
}

/* --- any other rank --- */

static void rank_say(const watchdog *w)
{
    watchdog_message m = {0};

    memcpy(m.key, w->c.place.key, sizeof(m.key));
    m.beat = beat_of(w);
    for (int k = 0; k < w->c.place.n; k++)
        if (w->known < 0 || w->known == k)
            place_send(w->c.fd, &w->c.place, k, &m, sizeof(m));
}

static void rank_hear(watchdog *w, int64_t now)
{
    struct sockaddr_storage from;
    watchdog_message m;

    while (place_receive(w->c.fd, &m, sizeof(m), &from)) {
        if (memcmp(m.key, w->c.place.key, sizeof(m.key)) != 0)
            continue;
        w->heard_ns = now;
        w->known = place_find(&w->c.place, &from);
    }
}

static bool rank_look(watchdog *w, int64_t now)
{
    int64_t silent = w->heard_ns ? now - w->heard_ns : 0;
    text words = {0};

    if (silent > MISSING * w->beat_ns)
        w->known = -1;
    if (silent <= w->limit_ns)
        return true;
    text_add(&words,
             "rank 0 has not answered rank %d for %.0f s (unheard: %.3gs)",
             w->c.rank, (double)silent / CLOCK_S, w->c.limit_s);
    end(w, words.data ? words.data : "rank 0 has not answered");
    text_free(&words);
    return false;
}

/* --- the thread --- */

/* Since [last] this process, or all of its host, was not at work: who was not
 * heard meanwhile may have spoken.
 */
static void forgive(watchdog *w, int64_t ns)
{
    if (ns <= 2 * w->beat_ns + CLOCK_S)
        return;
    if (w->c.rank == 0)
        judge_forgive(&w->judge, ns);
    else if (w->heard_ns)
        w->heard_ns += ns;
}

static bool look(watchdog *w, int64_t now)
{
    if (w->c.rank != 0) {
        rank_say(w);
        return rank_look(w, now);
    }
    return head_look(w, now);
}

static void *watch(void *arg)
{
    watchdog *w = arg;
    struct pollfd fds[2] = {{.fd = w->c.fd, .events = POLLIN},
                            {.fd = w->stop, .events = POLLIN}};
    int64_t begun = clock_mono_ns(), last = begun, due = begun;

    for (;;) {
        int64_t now = clock_mono_ns();

        forgive(w, now - last);
        last = now;
        if (fds[1].revents)
            return NULL;
        if (w->c.rank == 0)
            head_hear(w, now);
        else
            rank_hear(w, now);
        if (w->c.rank == 0 && !w->noted && now - begun > w->limit_ns)
            note_unheard(w);
        if (now >= due && !look(w, now))
            return NULL;
        if (now >= due)
            due = now + w->beat_ns;
        poll(fds, 2, (int)((due - now) / CLOCK_MS) + 1);
    }
}

static int thread_start(watchdog *w, pe_error *errp)
{
    sigset_t all, kept;
    int err;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &kept);
    err = pthread_create(&w->thread, NULL, watch, w);
    pthread_sigmask(SIG_SETMASK, &kept, NULL);
    if (err)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "cannot start a thread: %s", strerror(err));
    return 0;
}

static void watchdog_free(watchdog *w)
{
    judge_fini(&w->judge);
    if (w->c.fd >= 0)
        close(w->c.fd);
    if (w->stop >= 0)
        close(w->stop);
    free(w);
}

static int fill(watchdog *w, pe_error *errp)
{
    w->limit_ns = (int64_t)(w->c.limit_s * (double)CLOCK_S);
    w->beat_ns = w->limit_ns / BEATS;
    if (w->beat_ns > BEAT_MOST_NS)
        w->beat_ns = BEAT_MOST_NS;
    if (w->beat_ns < BEAT_LEAST_NS)
        w->beat_ns = BEAT_LEAST_NS;
    w->judge.limit_ns = w->limit_ns;
    w->judge.beat_ns = w->beat_ns;
    w->known = -1;
    w->stop = eventfd(0, EFD_CLOEXEC);
    if (w->stop < 0)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "cannot make an eventfd: %s", strerror(errno));
    if (w->c.rank != 0)
        return (w->c.fd = place_connect(errp)) < 0 ? -1 : 0;
    return judge_init(&w->judge, w->c.size, w->c.hosts, errp);
}

watchdog *watchdog_open(const watchdog_conf *c, pe_error *errp)
{
    watchdog *w = calloc(1, sizeof(*w));

    if (!w) {
        pe_error_nomem(errp);
        if (c->rank == 0)
            close(c->fd);
        return NULL;
    }
    w->c = *c;
    w->stop = -1;
    if (c->rank != 0)
        w->c.fd = -1;
    if (fill(w, errp) == 0 && thread_start(w, errp) == 0)
        return w;
    watchdog_free(w);
    return NULL;
}

void watchdog_close(watchdog *w)
{
    uint64_t one = 1;

    if (!w)
        return;
    (void)!write(w->stop, &one, sizeof(one));
    pthread_join(w->thread, NULL);
    watchdog_free(w);
}
