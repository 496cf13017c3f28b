/* signals.c - the wishes of whoever runs a command, also in a long step. */
#include "src/run/signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "src/common/interrupt.h"
#include "src/common/log.h"

#define ANSWER_MS 300 /* a short step needs no words */

static struct {
    pthread_mutex_t lock;
    struct signals come;
    char step[512]; /* "": none */
    int in_step;    /* wishes to end that came during it, */
    bool silent;    /* and the first has no answer yet */
    int signal_fd, event_fd;
} self = {.lock = PTHREAD_MUTEX_INITIALIZER, .signal_fd = -1, .event_fd = -1};

/* A wish to end while nobody looks for one. */
static void step_answer(int sig)
{
    switch (++self.in_step) {
    case 1:
        self.silent = true;
        interrupt_set(INTERRUPT_SOON);
        return;
    case 2:
        self.silent = false;
        log_info("giving up: %s; once more leaves at once", self.step);
        interrupt_set(INTERRUPT_NOW);
        return;
    default:
        _exit(128 + sig);
    }
}

static void take(int sig)
{
    const uint64_t one = 1;

    pthread_mutex_lock(&self.lock);
    if (sig == SIGHUP) {
        self.come.hung = true;
    } else {
        self.come.ends++;
        self.come.last = sig;
        if (*self.step)
            step_answer(sig);
    }
    pthread_mutex_unlock(&self.lock);
    if (write(self.event_fd, &one, sizeof(one)) < 0)
        return; /* it is readable already */
}

/* Is there one whose answer is due?  It is given, when [now]. */
static bool answer_due(bool now)
{
    bool due;

    pthread_mutex_lock(&self.lock);
    due = self.silent;
    if (due && now) {
        log_info("interrupted while %s: that step is ended first; once more "
                 "gives it up",
                 self.step);
        self.silent = false;
    }
    pthread_mutex_unlock(&self.lock);
    return due;
}

static void *run(void *arg)
{
    struct signalfd_siginfo info;

    for (;;) {
        struct pollfd p = {.fd = self.signal_fd, .events = POLLIN};
        if (answer_due(false) && poll(&p, 1, ANSWER_MS) == 0)
            answer_due(true);
        ssize_t n = read(self.signal_fd, &info, sizeof(info));
        if (n == sizeof(info))
            take((int)info.ssi_signo);
        else if (n >= 0 || errno != EINTR)
            return arg;
    }
}

int signals_open(pe_error *errp)
{
    pthread_t thread;
    sigset_t set;
    int err = 0;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    self.signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    self.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (self.signal_fd < 0 || self.event_fd < 0)
        err = errno;
    if (!err)
        err = pthread_create(&thread, NULL, run, NULL);
    if (err)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "cannot watch signals: %s", strerror(err));
    pthread_detach(thread);
    return 0;
}

int signals_fd(void)
{
    return self.event_fd;
}

struct signals signals_take(void)
{
    struct signals come;
    uint64_t n;

    if (self.event_fd >= 0 && read(self.event_fd, &n, sizeof(n)) < 0)
        n = 0; /* nothing new */
    pthread_mutex_lock(&self.lock);
    come = self.come;
    self.come = (struct signals){0};
    pthread_mutex_unlock(&self.lock);
    return come;
}

void signals_step(const char *fmt, ...)
{
    va_list ap;

    pthread_mutex_lock(&self.lock);
    va_start(ap, fmt);
    vsnprintf(self.step, sizeof(self.step), fmt, ap);
    va_end(ap);
    self.in_step = 0;
    pthread_mutex_unlock(&self.lock);
}

void signals_step_end(void)
{
    pthread_mutex_lock(&self.lock);
    self.step[0] = '\0';
    self.silent = false;
    interrupt_set(INTERRUPT_NONE);
    pthread_mutex_unlock(&self.lock);
}
