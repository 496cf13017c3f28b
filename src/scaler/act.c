/* act.c - a decision is carried out by the commands that people have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/text.h"

/* A slow scheduler gets all the time it takes, but not for ever. */
#define LIMIT_NS (600 * CLOCK_S)
#define ANSWER_MAX 65536

/* --- by a command --- */

static int command_start(scaler *s, const char *const *words, pe_error *errp)
{
    char *program = locate_program("pilot", PILOT_BINDIR, errp);
    char *home = text_format("PILOT_HOME=%s", s->home);
    const char *argv[8] = {program};
    const char *env[] = {home, NULL};
    size_t n = 1;

    if (program && !home)
        pe_error_nomem(errp);
    for (; *words && n < 7; n++)
        argv[n] = *words++;
    process_spec spec = {.argv = argv,
                         .env = env,
                         .out_path = s->act.out,
                         .err_path = s->act.err,
                         .new_group = true};
    /* Files are added to. */
    unlink(s->act.out);
    unlink(s->act.err);
    if (program && home)
        s->act.proc = process_start(&spec, errp);
    free(home);
    free(program);
    s->act.began_ns = clock_mono_ns();
    return s->act.proc ? 1 : -1;
}

static int grow(scaler *s, const scale_decision *d, pe_error *errp)
{
    char *id = text_format("%s/%s", s->run, s->first), n[16];
    int rc;

    snprintf(n, sizeof(n), "+%d", d->to - d->from);
    const char *words[] = {"resize", "--parsable", "-n", n, id, NULL};
    rc = id ? command_start(s, words, errp) : pe_error_nomem(errp);
    free(id);
    return rc;
}

static int cancel(scaler *s, const scale_decision *d, pe_error *errp)
{
    char *id = text_format("%s/%s", s->run, d->member);
    const char *words[] = {"cancel", "-Q", id, NULL};
    int rc = id ? command_start(s, words, errp) : pe_error_nomem(errp);

    free(id);
    return rc;
}

/* --- by an order --- */

static int order(scaler *s, const scale_decision *d, pe_error *errp)
{
    params *p = live_params(s->live, errp);
    char word[32] = "end";

    if (d->action == SCALE_SHRINK)
        snprintf(word, sizeof(word), "ranks %d", d->ranks);
    if (!p || params_order_put(p, d->member, word, errp) < 0)
        return -1;
    if (d->action != SCALE_END)
        return 0;
    if (!strcmp(s->watched, d->member))
        *s->watched = '\0'; /* that it ends soon is no failure */
    if (s->n_leaving < SCALE_MEMBERS_MAX)
        snprintf(s->leaving[s->n_leaving++], sizeof(s->leaving[0]), "%s",
                 d->member);
    return 0;
}

int act_begin(scaler *s, const scale_decision *d, pe_error *errp)
{
    s->act.d = *d;
    switch (d->action) {
    case SCALE_GROW:
        return grow(s, d, errp);
    case SCALE_CANCEL:
        return cancel(s, d, errp);
    case SCALE_END: /* devices send what they have, and end, when canceled */
        return s->policy->each > 0 ? cancel(s, d, errp) : order(s, d, errp);
    case SCALE_SHRINK:
        return order(s, d, errp);
    case SCALE_NOTHING:
        break;
    }
    return 0;
}

/* --- what came of it --- */

/* The last line that was said, without the program's name. */
static void refusal_take(const scaler *s, pe_error *errp)
{
    size_t len = 0;
    char *said = file_read(s->act.err, ANSWER_MAX, &len, NULL);
    char *line = said, *end;

    if (said) {
        while (len > 0 && said[len - 1] == '\n')
            said[--len] = '\0';
        end = strrchr(said, '\n');
        line = end ? end + 1 : said;
        line += strncmp(line, "pilot: ", 7) == 0 ? 7 : 0;
    }
    pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN, "%.400s",
                 line && *line ? line : "it ended without a word");
    free(said);
}

/* "RUN/NAME;SCHEDULER_ID" of a member that was submitted. */
static void member_take(scaler *s)
{
    char *said = file_read(s->act.out, ANSWER_MAX, NULL, NULL);
    const char *name = said ? strchr(said, '/') : NULL;

    if (name)
        snprintf(s->watched, sizeof(s->watched), "%.*s",
                 (int)strcspn(name + 1, ";\n"), name + 1);
    s->up_ns = 0;
    free(said);
}

int act_turn(scaler *s, pe_error *errp)
{
    process *p = s->act.proc;
    int status;

    if (!p)
        return 1;
    if (!process_ended(p)) {
        if (clock_mono_ns() - s->act.began_ns < LIMIT_NS)
            return 0;
        process_destroy(p);
        s->act.proc = NULL;
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "it took more than ten minutes");
    }
    status = process_status(p);
    process_destroy(p);
    s->act.proc = NULL;
    if (status != 0) {
        refusal_take(s, errp);
        return -1;
    }
    if (s->act.d.action == SCALE_GROW)
        member_take(s);
    return 1;
}

void act_close(scaler *s)
{
    process_release(s->act.proc);
    s->act.proc = NULL;
    if (s->act.out)
        unlink(s->act.out);
    if (s->act.err)
        unlink(s->act.err);
    free(s->act.out);
    free(s->act.err);
    s->act.out = s->act.err = NULL;
}
