/* tender.c - the process that looks after the `scale` of a run's pool. */
#include "tender.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/locate.h"

#define AGAIN_FIRST_NS (2 * CLOCK_S)
#define AGAIN_MOST_NS (60 * CLOCK_S)
#define STOP_MS 30000 /* for what it ends */
#define LEAVE_MS 3000
#define LINE_MAX_BYTES 4096

bool tender_is_due(const pipeline *p)
{
    for (size_t i = 0; i < p->n_pilots; i++)
        if (p->pilots[i].scale)
            return true;
    return false;
}

static process *start(const char *home, const char *run, pe_error *errp)
{
    char *program = locate_program("pilot", PILOT_BINDIR, errp);
    char *env_home = text_format("PILOT_HOME=%s", home);
    const char *argv[] = {program, "scale", "--keep", run, NULL};
    /* What it submits is not ours to end. */
    const char *env[] = {env_home, "PILOT_AGENT=", NULL};
    process_spec spec = {.argv = argv, .env = env, .new_group = true};
    process *p = NULL;

    if (program && !env_home)
        pe_error_nomem(errp);
    else if (program)
        p = process_start(&spec, errp);
    free(env_home);
    free(program);
    return p;
}

/* Whole lines of what it said. */
static void lines_take(tender *s)
{
    char *line = s->said.data, *end;

    while (line && (end = strchr(line, '\n'))) {
        *end = '\0';
        s->line(s->arg, line);
        line = end + 1;
    }
    if (line && line != s->said.data) {
        s->said.len = strlen(line);
        memmove(s->said.data, line, s->said.len + 1);
    }
    if (s->said.len > LINE_MAX_BYTES) /* no line of ours */
        text_free(&s->said);
}

static void said_take(tender *s)
{
    char bytes[LINE_MAX_BYTES];
    ssize_t n;

    while (s->proc && (n = read(process_fd(s->proc), bytes, sizeof(bytes))) > 0)
        text_add_bytes(&s->said, bytes, (size_t)n);
    lines_take(s);
}

static void again_later(tender *s)
{
    process_destroy(s->proc);
    s->proc = NULL;
    s->due_ns = clock_mono_ns() +
                clock_backoff_ns(s->starts, AGAIN_FIRST_NS, AGAIN_MOST_NS);
    s->starts++;
}

void tender_turn(tender *s, const char *home, const char *run)
{
    pe_error e = {0};

    said_take(s);
    if (s->proc && process_ended(s->proc))
        again_later(s);
    if (s->proc || clock_mono_ns() < s->due_ns)
        return;
    s->proc = start(home, run, &e);
    if (s->proc)
        return;
    s->line(s->arg, e.text);
    again_later(s);
}

int tender_fd(const tender *s)
{
    return s->proc ? process_fd(s->proc) : -1;
}

void tender_close(tender *s, bool stop, int wait_ms)
{
    if (s->proc && stop)
        process_signal(s->proc, SIGINT);
    if (s->proc && !process_wait(s->proc, stop ? STOP_MS : wait_ms)) {
        process_signal(s->proc, SIGTERM);
        process_wait(s->proc, LEAVE_MS);
    }
    said_take(s);
    process_destroy(s->proc);
    s->proc = NULL;
    text_free(&s->said);
}
