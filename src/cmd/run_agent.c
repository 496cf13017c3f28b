/* run_agent.c - the processes of a pilot: start, read, end. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/cmd/locate.h"
#include "src/cmd/run.h"
#include "src/common/log.h"
#include "src/common/text.h"

#define TAIL_BYTES 4096
#define TAIL_LINES 5

int run_agent_start(agent *a, pe_error *errp)
{
    process_destroy(a->proc);
    event_reader_free(&a->reader);
    a->closed = a->ready = a->told = a->fatal = false;
    a->proc = run_launch(a, errp);
    if (!a->proc)
        return -1;
    a->state = AGENT_RUNS;
    return 0;
}

/* The one message of a pilot that fails; ranks may say it more than once. */
static void error_take(agent *a, const json_t *event)
{
    const char *what = json_string_value(json_object_get(event, "text"));
    const char *kind = json_string_value(json_object_get(event, "kind"));
    const json_t *code = json_object_get(event, "exit");

    if (a->told)
        return;
    a->told = true;
    a->fatal = event_kind(kind) != PE_ERROR_RETRY;
    a->exit_code = (int)json_integer_value(code);
    if (a->exit_code <= 0 || a->exit_code > 255)
        a->exit_code = PE_EXIT_FAILED;
    run_progress_clear(a->run);
    log_error("%s", what ? what : "a pilot failed without a word");
    monitor_error(a->run->monitor, what ? what : "");
}

static void final_take(agent *a, const json_t *event)
{
    const char *state = json_string_value(json_object_get(event, "state"));

    a->final = true;
    a->failed = state && !strcmp(state, "failed");
    a->drained = state && !strcmp(state, "drained");
}

static void event_take(void *arg, json_t *event)
{
    agent *a = arg;
    const char *kind = json_string_value(json_object_get(event, "event"));

    monitor_take(a->run->monitor, a->pilot->name, event);
    if (!kind)
        return;
    if (!strcmp(kind, "error"))
        error_take(a, event);
    if (!strcmp(kind, "pool") || !strcmp(kind, "edge"))
        final_take(a, event);
    if (!strcmp(kind, "ready")) {
        a->ready = true;
        if (a->run->drained && a->run->local) /* it missed the signal */
            run_agent_drain(a);
    }
}

static void line_take(void *arg, const char *line)
{
    const agent *a = arg;

    log_debug("%s: %s", a->pilot->name, line);
}

void run_agent_read(agent *a)
{
    char bytes[16384];
    ssize_t n;

    while ((n = read(process_fd(a->proc), bytes, sizeof(bytes))) > 0)
        if (event_feed(&a->reader, bytes, (size_t)n, event_take, line_take, a) <
            0)
            return;
    a->closed = n == 0;
}

void run_agent_drain(agent *a)
{
    process_signal(a->proc, a->pilot->kind == PILOT_POOL ? SIGUSR1 : SIGTERM);
}

bool run_agent_is_over(const agent *a)
{
    return a->state == AGENT_DONE || a->state == AGENT_GIVEN_UP;
}

/* Where the last TAIL_LINES lines of [s] begin. */
static char *tail_of(char *s)
{
    char *p = s + strlen(s);
    int lines = 0;

    if (p > s && p[-1] == '\n')
        p--;
    while (p > s) {
        if (p[-1] == '\n' && ++lines == TAIL_LINES)
            break;
        p--;
    }
    return p;
}

void run_agent_tail(const agent *a)
{
    char bytes[TAIL_BYTES + 1], *save = NULL;
    int fd = open(a->err_path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (lseek(fd, -TAIL_BYTES, SEEK_END) < 0)
        lseek(fd, 0, SEEK_SET); /* it is shorter */
    ssize_t n = read(fd, bytes, TAIL_BYTES);
    close(fd);
    bytes[n > 0 ? n : 0] = '\0';
    for (char *line = strtok_r(tail_of(bytes), "\n", &save); line;
         line = strtok_r(NULL, "\n", &save))
        log_error("%s: %s", a->pilot->name, line);
}

static int agent_fill(agent *a, struct run *r, const pipeline_pilot *pilot,
                      pe_error *errp)
{
    bool pool = pilot->kind == PILOT_POOL;

    a->run = r;
    a->pilot = pilot;
    if (pool && process_find("mpirun", errp) < 0)
        return -1;
    a->program = pool ? locate_program("pilot-agent", PILOT_LIBEXECDIR, errp)
                      : locate_program("pilot-edge", PILOT_BINDIR, errp);
    if (!a->program)
        return -1;
    a->err_path = text_format("%s/%s.err", r->req->dir, pilot->name);
    a->mark = text_format("PILOT_AGENT=%s/%s", r->req->dir, pilot->name);
    return a->err_path && a->mark ? 0 : pe_error_nomem(errp);
}

int run_agents_create(struct run *r, pe_error *errp)
{
    r->agents = calloc(r->p->n_pilots + 1, sizeof(*r->agents));
    if (!r->agents)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < r->p->n_pilots; i++) {
        const pipeline_pilot *pilot = &r->p->pilots[i];
        /* What the topic holds now is the end: nothing is added to it. */
        bool edge = pilot->kind == PILOT_EDGE && !r->local && !r->p->until_eof;
        if (!edge && pilot->kind != PILOT_POOL)
            continue;
        agent *a = &r->agents[r->n_agents++];
        if (agent_fill(a, r, pilot, errp) < 0)
            return -1;
        /* What a command that was killed has left of this very run. */
        process_kill_marked(a->mark);
    }
    return 0;
}

/* Ranks have process groups of their own, so killing mpirun would leave
 * them; asked to, it takes them with it.  Edges need no time.
 */
void run_agents_destroy(struct run *r)
{
    for (size_t i = 0; i < r->n_agents; i++)
        process_signal(r->agents[i].proc, r->agents[i].pilot->kind == PILOT_POOL
                                              ? SIGTERM
                                              : SIGKILL);
    for (size_t i = 0; i < r->n_agents; i++) {
        agent *a = &r->agents[i];
        process_destroy(a->proc);
        if (a->mark)
            process_kill_marked(a->mark);
        event_reader_free(&a->reader);
        run_launch_clean(a);
        free(a->program);
        free(a->err_path);
        free(a->mark);
    }
    free(r->agents);
    r->agents = NULL;
    r->n_agents = 0;
}
