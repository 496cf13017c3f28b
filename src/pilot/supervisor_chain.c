/* supervisor_chain.c - submits the pilot that goes on with our work. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/text.h"
#include "src/pilot/supervisor.h"

/* A scheduler that is down may be back before we end. */
#define AGAIN_NS (60 * CLOCK_S)
/* A slow one gets all the time it takes: a second try would not be quicker.
 * It is asked again where it has said nothing for so long: there is one
 * successor, however often it is asked for.
 */
#define SUBMIT_NS (600 * CLOCK_S)
#define CLOSE_MS 60000 /* at our end, where nobody ends us before */
#define ANSWER_MAX 4096

static char *answer_path(const supervisor *s)
{
    return text_format("%s/successor", s->dir);
}

/* "pilot submit --successor ID": what was asked for this pilot, after it. */
static process *start(const supervisor *s, pe_error *errp)
{
    char *program = locate_program("pilot", PILOT_BINDIR, errp);
    char *out = answer_path(s);
    char *home = text_format("PILOT_HOME=%s", s->conf.home);
    const char *argv[] = {program,       "submit",   "--parsable",
                          "--successor", s->conf.id, NULL};
    const char *env[] = {home, NULL};
    process_spec spec = {
        .argv = argv, .env = env, .out_path = out, .new_group = true};
    process *p = NULL;

    if (program && (!out || !home))
        pe_error_nomem(errp);
    else if (program)
        p = process_start(&spec, errp);
    free(home);
    free(out);
    free(program);
    return p;
}

/* "ID;SCHEDULER_ID" */
static void answer_take(supervisor *s)
{
    char line[640], *path = answer_path(s);
    char *data = path ? file_read(path, ANSWER_MAX, NULL, NULL) : NULL;

    if (data) {
        snprintf(s->successor, sizeof(s->successor), "%.*s",
                 (int)strcspn(data, ";\n"), data);
        snprintf(line, sizeof(line), "%s goes on when this pilot ends",
                 s->successor);
        tell_note(s, line);
        s->changed = true;
    }
    if (path)
        unlink(path);
    free(data);
    free(path);
}

static void failed(supervisor *s, const char *why)
{
    char line[1200];

    s->chain_ns = clock_mono_ns() + AGAIN_NS;
    snprintf(line, sizeof(line),
             "the successor was not submitted: %s; tried again in a minute",
             why);
    tell_note(s, line);
}

static void submission_reap(supervisor *s)
{
    char why[96];

    if (!process_ended(s->chain_proc)) {
        if (clock_mono_ns() < s->chain_ns)
            return;
        failed(s, "the scheduler took more than ten minutes");
    } else if (process_status(s->chain_proc) == 0) {
        answer_take(s);
    } else {
        snprintf(why, sizeof(why), "'pilot submit' ended with status %d",
                 process_status(s->chain_proc));
        failed(s, why);
    }
    process_destroy(s->chain_proc);
    s->chain_proc = NULL;
}

void chain_open(supervisor *s)
{
    char *path = text_format("%s/beat.json", s->dir);
    json_t *beat = path ? json_load_file(path, 0, NULL) : NULL;
    const char *id = json_string_value(json_object_get(beat, "successor"));

    if (id)
        snprintf(s->successor, sizeof(s->successor), "%s", id);
    json_decref(beat);
    free(path);
}

void chain_turn(supervisor *s)
{
    pe_error e = {0};

    if (s->chain_proc) {
        submission_reap(s);
        return;
    }
    if (s->conf.chain <= 0 || s->pilot->kind != PILOT_POOL || !s->conf.home ||
        *s->successor || s->stopped || s->state != SUPERVISOR_ACTIVE ||
        clock_mono_ns() < s->chain_ns)
        return;
    s->chain_ns = clock_mono_ns() + SUBMIT_NS;
    s->chain_proc = start(s, &e);
    if (!s->chain_proc)
        failed(s, e.text);
}

/* "pilot cancel --now ID": there is nothing left for it to go on with. */
static void cancel(const supervisor *s)
{
    char *program = locate_program("pilot", PILOT_BINDIR, NULL);
    char *home = text_format("PILOT_HOME=%s", s->conf.home);
    const char *argv[] = {program, "cancel", "--now", s->successor, NULL};
    const char *env[] = {home, NULL};
    process_spec spec = {.argv = argv, .env = env, .new_group = true};
    process *p = program && home ? process_start(&spec, NULL) : NULL;

    /* In a hurry it goes on by itself, as long as it can. */
    if (process_wait(p, time_left_ms(s, CLOSE_MS)))
        process_destroy(p);
    else
        process_release(p);
    free(home);
    free(program);
}

void chain_close(supervisor *s)
{
    bool over = s->status == 0 && s->final && !s->units[0].crew.told.drained;

    /* It may be in the queue already. */
    if (s->chain_proc && process_wait(s->chain_proc, time_left_ms(s, CLOSE_MS)))
        submission_reap(s);
    process_release(s->chain_proc); /* one that still asks may be heard */
    s->chain_proc = NULL;
    if (*s->successor && (over || s->canceled))
        cancel(s);
}
