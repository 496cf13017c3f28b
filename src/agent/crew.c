/* crew.c - the processes of a pilot: started, heard, started again. */
#include "crew.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/words.h"

#define LEAVE_MS 3000 /* after KILL, or of one whose end was not seen */
/* Between the last word and the end: MPI is finalised in much less. */
#define END_NS (60 * CLOCK_S)
/* mpirun waits for hosts that it does not reach; asked to end, it may, too. */
#define CUT_NS (3 * CLOCK_S)

void crew_command_free(crew_command *c)
{
    words_free(c->argv);
    words_free(c->env);
    memset(c, 0, sizeof(*c));
}

static void incarnation_clear(crew *c)
{
    process_destroy(c->proc);
    event_reader_free(&c->reader);
    c->proc = NULL;
    c->closed = false;
    c->told = (agent_told){0};
    c->fault[0] = '\0';
    c->noted = false;
    c->cut_ns = 0;
    c->pressed = 0;
}

static int start(crew *c, pe_error *errp)
{
    crew_command command = {0};
    process_spec spec = {.err_path = c->err_path, .new_group = true};

    incarnation_clear(c);
    if (event_mark_make(c->reader.mark, errp) < 0)
        return -1;
    if (c->ops->command(c->arg, &command, errp) == 0) {
        spec.argv = (const char *const *)command.argv;
        spec.env = (const char *const *)command.env;
        c->proc = process_start(&spec, errp);
    }
    crew_command_free(&command);
    if (!c->proc)
        return -1;
    c->state = CREW_RUNS;
    c->starts++;
    if (!c->ops->started || c->ops->started(c->arg, errp) == 0)
        return 0;
    process_destroy(c->proc);
    c->proc = NULL;
    return -1;
}

/* --- what it says --- */

/* Blocks that it has sent, or applied. */
static void progress_take(crew *c, const json_t *event)
{
    const json_t *n = json_object_get(event, "blocks");
    int64_t done;

    if (!n)
        n = json_object_get(event, "sent");
    done = json_integer_value(n);
    if (done <= c->done)
        return;
    c->done = done;
    c->suspected = 0;
}

/* Its death will say it. */
static void fault_take(crew *c, const json_t *event)
{
    const char *words = json_string_value(json_object_get(event, "text"));

    if (!*c->fault)
        snprintf(c->fault, sizeof(c->fault), "%.500s", words ? words : "?");
    c->noted = c->noted || json_is_true(json_object_get(event, "noted"));
    if (json_is_true(json_object_get(event, "cut")) && !c->cut_ns)
        c->cut_ns = clock_mono_ns();
}

static void event_take(void *arg, json_t *event)
{
    crew *c = arg;
    const char *kind = json_string_value(json_object_get(event, "event"));
    bool had_final = c->told.final;

    if (kind && !strcmp(kind, "fault")) {
        fault_take(c, event);
        return;
    }
    if (kind && !strcmp(kind, "progress"))
        progress_take(c, event);
    if (!agent_told_take(&c->told, event))
        return;
    if (c->told.final && !had_final)
        c->final_ns = clock_mono_ns();
    c->ops->event(c->arg, event);
}

static void line_take(void *arg, const char *line)
{
    crew *c = arg;

    if (c->ops->line)
        c->ops->line(c->arg, line);
}

static void hear(crew *c, size_t max)
{
    if (!c->closed)
        c->closed = !event_read(&c->reader, process_fd(c->proc), max,
                                event_take, line_take, c);
}

/* --- its end --- */

static void died(crew *c, int64_t now_ns)
{
    int64_t delay;
    char how[64], what[600];

    if (c->mark)
        process_kill_marked(c->mark); /* ranks that outlive their launcher */
    process_status_words(process_status(c->proc), how);
    if (c->cut_ns) /* by a signal of ours, often */
        snprintf(what, sizeof(what), "was cut off: %s", c->fault);
    else
        snprintf(what, sizeof(what), "%s%s%s", how, *c->fault ? " in " : "",
                 c->fault);
    c->stillborn = c->told.ready || c->told.error ? 0 : c->stillborn + 1;
    if (c->told.fatal || c->stillborn >= RESTART_DEATHS)
        delay = -1;
    else if (c->told.error && c->told.exit_code == PE_EXIT_AGAIN)
        delay = RESTART_AGAIN_NS;
    else if (c->noted) /* the block is found, and refused in the end */
        delay = ++c->suspected < RESTART_SUSPECTS ? RESTART_SUSPECT_NS : -1;
    else
        delay = restart_delay(&c->deaths, now_ns);
    if (!c->told.error)
        c->told.exit_code = PE_EXIT_FAILED;
    delay = c->ops->died(c->arg, what, delay);
    c->state = delay < 0 ? CREW_LOST : CREW_WAITS;
    c->due_ns = now_ns + delay;
}

/* It had told its end, and then did not just leave.  What it told is so: that
 * is no failure where all was counted, but it is said.
 */
static void ended_badly(crew *c, const char *how)
{
    char what[128];

    snprintf(what, sizeof(what), "had done its work, and then %s", how);
    if (c->ops->stumbled && !c->told.error && !c->told.failed)
        c->ops->stumbled(c->arg, what);
}

static void reap(crew *c, int64_t now_ns)
{
    char how[64];

    if (!(c->closed ? process_leaves(c->proc) : process_ended(c->proc)))
        return;
    hear(c, EVENT_REST_MAX); /* what it said last */
    c->cpu_s += process_cpu_s(c->proc);
    process_status_words(process_status(c->proc), how);
    if (c->told.final && process_status(c->proc) != 0 && !c->released)
        ended_badly(c, how);
    if (c->told.final && c->told.failed && !c->told.exit_code)
        c->told.exit_code = PE_EXIT_FAILED;
    if (c->told.final || c->released)
        c->state = CREW_DONE;
    else
        died(c, now_ns);
}

/* Its ranks have ended since a host is not heard, and it has not. */
static void press(crew *c, int64_t now_ns)
{
    if (!c->cut_ns || now_ns - c->cut_ns < CUT_NS)
        return;
    process_signal(c->proc, c->pressed++ ? SIGKILL : SIGTERM);
    c->cut_ns = now_ns;
}

/* It could not even be started: as a death that tells its reason. */
static void failed_start(crew *c, const pe_error *e)
{
    json_t *event =
        json_pack("{s:s, s:s, s:o, s:s, s:i}", "event", "error", "pilot", "",
                  "text", event_text(e->text), "kind", event_kind_name(e->kind),
                  "exit", e->exit_code ? (int)e->exit_code : PE_EXIT_FAILED);

    if (event)
        event_take(c, event);
    json_decref(event);
    c->state = CREW_LOST;
    c->ops->died(c->arg, "was not started", -1);
}

static void start_if_due(crew *c, int64_t now_ns)
{
    pe_error e = {0};

    if (c->state != CREW_WAITS || now_ns < c->due_ns)
        return;
    if (c->released)
        c->state = CREW_DONE;
    else if (start(c, &e) < 0)
        failed_start(c, &e);
}

void crew_turn(crew *c, int64_t now_ns)
{
    start_if_due(c, now_ns);
    if (c->state != CREW_RUNS)
        return;
    hear(c, EVENT_TURN_MAX);
    if (c->told.final && !c->lingers && !c->released &&
        now_ns - c->final_ns > END_NS) {
        ended_badly(c, "did not end");
        crew_kill(c, LEAVE_MS);
        return;
    }
    press(c, now_ns);
    reap(c, now_ns);
    start_if_due(c, now_ns); /* at once: a turn is 0.1 s */
}

int crew_fd(const crew *c)
{
    return c->state == CREW_RUNS && !c->closed ? process_fd(c->proc) : -1;
}

bool crew_is_over(const crew *c)
{
    return c->state == CREW_DONE || c->state == CREW_LOST;
}

void crew_signal(crew *c, int sig)
{
    if (c->state == CREW_RUNS)
        process_signal(c->proc, sig);
}

void crew_release(crew *c)
{
    c->released = true;
}

/* Ranks have process groups of their own, so killing mpirun would leave
 * them; asked to, it takes them with it.
 */
static void end_all(crew *c, int leave_ms)
{
    process_signal(c->proc, SIGTERM);
    if (!process_wait(c->proc, leave_ms))
        process_signal(c->proc, SIGKILL);
    process_wait(c->proc, LEAVE_MS);
    if (c->mark)
        process_end_marked(c->mark, leave_ms);
}

void crew_kill(crew *c, int leave_ms)
{
    c->released = true;
    if (c->state != CREW_RUNS)
        return;
    end_all(c, leave_ms);
    crew_turn(c, clock_mono_ns());
}

void crew_again(crew *c, const char *what)
{
    int64_t delay;

    if (c->state != CREW_RUNS || c->released)
        return;
    end_all(c, LEAVE_MS);
    if (process_ended(c->proc))
        c->cpu_s += process_cpu_s(c->proc);
    if (!c->told.error)
        c->told.exit_code = PE_EXIT_FAILED;
    delay = c->ops->died(c->arg, what, 0);
    c->state = delay < 0 ? CREW_LOST : CREW_WAITS;
    c->due_ns = 0;
}

void crew_close(crew *c)
{
    if (c->ops)
        crew_kill(c, LEAVE_MS);
    incarnation_clear(c);
}
