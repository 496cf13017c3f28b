/* backend_cases.c - what every backend owes: cases for all of them. */
#include "backend_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "played.h"
#include "scratch.h"
#include "src/backend/backend.h"
#include "src/backend/backends.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/shell.h"
#include "src/common/text.h"
#include "src/resource/scheduler.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define AWAIT_NS (60 * CLOCK_S)
#define STEP_NS (5 * CLOCK_MS)

const contract_kind *case_kind;

/* ---- a job ---- */

void contract_begin(contract_job *j)
{
    static int turn;
    static const char lines[] = "#!/bin/sh\n. \"$1/act\"\n";

    memset(j, 0, sizeof(*j));
    j->dir = text_format("%s/a pilot's %d", scratch_folder, ++turn);
    j->supervisor = text_format("%s/supervisor", scratch_folder);
    j->s = (resource_spec){.pilot = "r/p",
                           .kind = "pool",
                           .dir = j->dir,
                           .supervisor = j->supervisor,
                           .submit_dir = scratch_folder,
                           .request = &j->q};
    CU_ASSERT_EQUAL_FATAL(file_mkdir(j->dir, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(
        file_write(j->supervisor, lines, sizeof(lines) - 1, 0700, NULL), 0);
}

void contract_end(contract_job *j)
{
    if (case_kind->tidy)
        case_kind->tidy(j);
    resource_close(j->r);
    request_free(&j->q);
    free(j->dir);
    free(j->supervisor);
}

void contract_open(contract_job *j, const char *url)
{
    pe_error e = {0};

    resource_close(j->r);
    j->r = backend_open(url, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(j->r);
}

static void file_put(const contract_job *j, const char *name, const char *data)
{
    char *path = text_format("%s/%s", j->dir, name);

    CU_ASSERT_EQUAL(file_write(path, data, strlen(data), 0600, NULL), 0);
    free(path);
}

void contract_act(const contract_job *j, const char *lines)
{
    file_put(j, "act", lines);
}

int contract_submit(contract_job *j, pe_error *errp)
{
    char *script = j->r->ops->script(&j->s, errp);
    int status = -1;

    if (script) {
        file_put(j, "job.sh", script);
        status = j->r->ops->submit(j->r, &j->s, j->id, errp);
    }
    free(script);
    return status;
}

/* What is known of the job of [j] by now. */
static resource_job look(const contract_job *j)
{
    resource_job job = played_job(j->id, j->dir);
    pe_error e = {0};

    CU_ASSERT_EQUAL(j->r->ops->describe(j->r, &job, 1, &e), 0);
    UNIT_EQUAL(e.text, "");
    return job;
}

bool contract_await(contract_job *j, enum resource_seen seen)
{
    int64_t until = clock_mono_ns() + AWAIT_NS;
    resource_job job = look(j);

    while (job.seen != seen && clock_mono_ns() < until) {
        clock_sleep_ns(STEP_NS, 1);
        job = look(j);
    }
    if (job.seen != seen)
        printf("# seen as %s (%s), not as %s\n", resource_seen_name(job.seen),
               job.native, resource_seen_name(seen));
    return job.seen == seen;
}

bool contract_skipped(const char *what, const char *why)
{
    if (why)
        printf("# SKIP %s: %s: %s\n", case_kind->scheme, what, why);
    return why != NULL;
}

void contract_retry(const pe_error *e)
{
    CU_ASSERT_EQUAL(e->kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e->exit_code, PE_EXIT_UNAVAILABLE);
    CU_ASSERT(*e->text != '\0' && !strchr(e->text, '\n'));
}

/* Nothing is known of [job], and what was asked is still there. */
static void absent_check(const resource_job *job, const char *id,
                         const char *dir)
{
    CU_ASSERT_EQUAL(job->seen, RESOURCE_ABSENT);
    UNIT_EQUAL(job->id, id);
    CU_ASSERT_PTR_EQUAL(job->dir, dir);
    CU_ASSERT_EQUAL(job->since_ns, 12);
    CU_ASSERT(strcmp(job->native, "OLD") != 0); /* "ended" is a process's */
    UNIT_EQUAL(job->reason, "");
    UNIT_EQUAL(job->prose, "");
    UNIT_EQUAL(job->hosts, "");
    CU_ASSERT_FALSE(job->never);
    CU_ASSERT_EQUAL(job->exit_code, -1);
    CU_ASSERT_EQUAL(job->signal, -1);
    CU_ASSERT(job->restarts == 0 && job->nodes == 0);
    CU_ASSERT(job->submit_ns == 0 && job->start_ns == 0 && job->end_ns == 0);
}

/* A job of which an earlier answer told everything. */
static resource_job told(const char *id, const char *dir)
{
    resource_job job = {.dir = dir,
                        .since_ns = 12,
                        .seen = RESOURCE_RUNNING,
                        .native = "OLD",
                        .reason = "old",
                        .prose = "old",
                        .never = true,
                        .exit_code = 7,
                        .signal = 7,
                        .restarts = 7,
                        .submit_ns = 7,
                        .start_ns = 7,
                        .end_ns = 7,
                        .nodes = 7,
                        .hosts = "old"};

    snprintf(job.id, sizeof(job.id), "%s", id);
    return job;
}

/* ---- what it is ---- */

void case_facts(void)
{
    contract_job j;
    const resource_ops *o;

    contract_begin(&j);
    CU_ASSERT_PTR_NULL(case_kind->play(&j, PART_READY));
    o = j.r->ops;
    UNIT_EQUAL(o->scheme, case_kind->scheme);
    CU_ASSERT(*o->name != '\0');
    CU_ASSERT_PTR_EQUAL(backend_ops(j.r->url, NULL), o);
    CU_ASSERT(!o->create != !o->open);
    CU_ASSERT(o->script && o->command && o->submit && o->describe &&
              o->cancel && o->close);
    UNIT_EQUAL(host_name(j.r->host), case_kind->place);
    /* who has a queue has its words, and says how its end is asked for */
    CU_ASSERT(!o->words == !o->scheduler);
    CU_ASSERT(!o->is_direct || !o->scheduler);
    CU_ASSERT(!o->is_here || o->is_direct);
    if (o->scheduler) {
        CU_ASSERT(o->scheduler->variable && o->scheduler->version);
        CU_ASSERT(o->scheduler->end && o->scheduler->grace_s > 0);
    }
    contract_end(&j);
}

void case_limit(void)
{
    contract_job j;

    contract_begin(&j);
    setenv("PILOT_SCHEDULER_TIMEOUT", "7.5", 1);
    case_kind->play(&j, PART_READY);
    CU_ASSERT_EQUAL(j.r->timeout_s, 7.5);
    unsetenv("PILOT_SCHEDULER_TIMEOUT");
    case_kind->play(&j, PART_READY);
    CU_ASSERT_EQUAL(j.r->timeout_s, 20);
    contract_end(&j);
}

/* ---- scripts and commands ---- */

void case_script(void)
{
    contract_job j;
    pe_error e = {0};
    char *script, *again;

    contract_begin(&j);
    case_kind->play(&j, PART_READY);
    script = j.r->ops->script(&j.s, &e);
    again = j.r->ops->script(&j.s, &e);
    UNIT_EQUAL(e.text, "");
    UNIT_EQUAL(script, again);
    UNIT_CONTAINS(script, "PILOT_DIR='");
    free(script);
    free(again);
    request_set(&j.q, REQUEST_ARRAY, "1-5", true, "line", NULL);
    CU_ASSERT_PTR_NULL(j.r->ops->script(&j.s, &e));
    UNIT_CONTAINS(e.text, "--array cannot be asked of ");
    UNIT_CONTAINS(e.text, "pilots join a run one by one");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
    CU_ASSERT_PTR_NULL(j.r->ops->script(&j.s, NULL));
    request_free(&j.q);
    j.s.dir = "/a\nb";
    CU_ASSERT_PTR_NULL(j.r->ops->script(&j.s, &e));
    UNIT_CONTAINS(e.text, "the folder of the pilot has an end of line");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
    contract_end(&j);
}

/* They stand in the command that submits, in their order and in front of the
 * script; who has no such command says that nobody hears them.
 */
void case_extra(void)
{
    contract_job j;
    char *command, *script, *at;
    const char *words = "'--comment=a b' -Z";

    contract_begin(&j);
    case_kind->play(&j, PART_READY);
    request_set(&j.q, REQUEST_EXTRA, "--comment=a b", true, "line", NULL);
    request_set(&j.q, REQUEST_EXTRA, "-Z", true, "line", NULL);
    command = j.r->ops->command(&j.s, NULL);
    script = j.r->ops->script(&j.s, NULL);
    if (case_kind->no_line) {
        pe_error e = {0};
        CU_ASSERT_PTR_NULL(script);
        CU_ASSERT_PTR_NULL(j.r->ops->script(&j.s, &e));
        UNIT_CONTAINS(e.text, "'--comment=a b': words of sbatch's own");
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
    } else if (j.r->ops->is_direct) {
        CU_ASSERT_PTR_NULL(strstr(command, words));
        UNIT_CONTAINS(script, "# No scheduler here hears of: words behind --");
    } else {
        UNIT_CONTAINS(command, words);
        at = strstr(command, words);
        CU_ASSERT(at && strstr(at, "/job.sh'\n"));
        CU_ASSERT_PTR_NULL(strstr(script, "-Z"));
    }
    if (case_kind->is_played) {
        CU_ASSERT_EQUAL(contract_submit(&j, NULL), 0);
        at = command + strcspn(command, "\n");
        at[at[0] == '\n'] = '\0'; /* notes for people may follow */
        UNIT_CONTAINS(played_log(), command);
    }
    free(command);
    free(script);
    contract_end(&j);
}

/* ---- questions ---- */

void case_found(void)
{
    contract_job j;
    pe_error e = {0};

    contract_begin(&j);
    CU_ASSERT_PTR_NULL(case_kind->show(&j, RESOURCE_RUNNING));
    CU_ASSERT(*j.id != '\0');
    resource_job jobs[] = {
        played_job("", j.dir),   played_job("", "/no/where"),
        played_job(j.id, j.dir), played_job(j.id, NULL),
        played_job("", NULL),    played_job(case_kind->stranger, "/no/where"),
        played_job("", j.dir)};
    CU_ASSERT_EQUAL(j.r->ops->describe(j.r, jobs, COUNT(jobs), &e), 0);
    UNIT_EQUAL(e.text, "");
    for (size_t i = 0; i < COUNT(jobs); i++) {
        bool ours = i == 0 || i == 2 || i == 3 || i == 6;
        UNIT_EQUAL(resource_seen_name(jobs[i].seen),
                   ours ? "running" : "absent");
        UNIT_EQUAL(jobs[i].id, ours ? j.id : i == 5 ? case_kind->stranger : "");
    }
    CU_ASSERT_PTR_EQUAL(jobs[0].dir, j.dir);
    CU_ASSERT_PTR_NULL(jobs[3].dir);
    CU_ASSERT_EQUAL(j.r->ops->describe(j.r, NULL, 0, &e), 0);
    contract_end(&j);
}

static bool is_over(enum resource_seen s)
{
    return s >= RESOURCE_DONE && s <= RESOURCE_NODE_LOST;
}

static void state_check(const resource_job *job, enum resource_seen seen)
{
    UNIT_EQUAL(resource_seen_name(job->seen), resource_seen_name(seen));
    CU_ASSERT(*job->native != '\0');
    CU_ASSERT_FALSE(job->never);
    if (seen == RESOURCE_RUNNING) {
        CU_ASSERT(*job->hosts != '\0');
        CU_ASSERT(job->nodes > 0);
    }
    if (!is_over(seen))
        CU_ASSERT(job->exit_code == -1 && job->signal == -1);
    if (seen == RESOURCE_DONE)
        CU_ASSERT(job->exit_code <= 0 && job->signal <= 0);
    if (seen == RESOURCE_FAILED) {
        CU_ASSERT(job->exit_code != 0);
        CU_ASSERT(job->exit_code == -1 || job->exit_code == 3);
    }
    /* how it ended, and why it waits, is there for people */
    if (seen == RESOURCE_QUEUED || seen == RESOURCE_HELD ||
        seen == RESOURCE_TIMEOUT || seen == RESOURCE_NODE_LOST)
        CU_ASSERT(*job->prose != '\0');
    CU_ASSERT_PTR_NULL(strpbrk(job->prose, "\n\t"));
}

void case_states(void)
{
    int n = 0;

    for (int s = RESOURCE_QUEUED; s < RESOURCE_N_SEEN; s++) {
        enum resource_seen seen = (enum resource_seen)s;
        contract_job j;
        resource_job job;
        contract_begin(&j);
        if (!contract_skipped(resource_seen_name(seen),
                              case_kind->show(&j, seen))) {
            job = look(&j);
            played_print(resource_seen_name(seen), &job);
            state_check(&job, seen);
            n++;
        }
        contract_end(&j);
    }
    CU_ASSERT(n >= 3);
}

void case_clear(void)
{
    contract_job j;

    contract_begin(&j);
    case_kind->play(&j, PART_READY);
    resource_job jobs[] = {told(case_kind->stranger, j.dir), told("", NULL),
                           told("no id", NULL)};
    CU_ASSERT_EQUAL(j.r->ops->describe(j.r, jobs, COUNT(jobs), NULL), 0);
    absent_check(&jobs[0], case_kind->stranger, j.dir);
    absent_check(&jobs[1], "", NULL);
    absent_check(&jobs[2], "no id", NULL);
    contract_end(&j);
}

void case_unknown(void)
{
    contract_job j;
    resource_job job;

    contract_begin(&j);
    case_kind->play(&j, PART_READY);
    snprintf(j.id, sizeof(j.id), "%s", case_kind->stranger);
    job = look(&j);
    CU_ASSERT_EQUAL(job.seen, RESOURCE_ABSENT);
    j.id[0] = '\0';
    job = look(&j);
    CU_ASSERT_EQUAL(job.seen, RESOURCE_ABSENT);
    UNIT_EQUAL(job.id, "");
    contract_end(&j);
}

/* Then nothing is known of any job. */
static void question_fails(enum contract_part part, const char *what,
                           const char *words)
{
    contract_job j;
    pe_error e = {0};

    contract_begin(&j);
    if (!contract_skipped(what, case_kind->play(&j, part))) {
        resource_job jobs[] = {told(case_kind->stranger, j.dir),
                               told("", j.dir)};
        CU_ASSERT_EQUAL(j.r->ops->describe(j.r, jobs, 2, &e), -1);
        contract_retry(&e);
        UNIT_CONTAINS(e.text, words);
        absent_check(&jobs[0], case_kind->stranger, j.dir);
        absent_check(&jobs[1], "", j.dir);
        CU_ASSERT_EQUAL(j.r->ops->describe(j.r, jobs, 2, NULL), -1);
    }
    contract_end(&j);
}

void case_away(void)
{
    question_fails(PART_AWAY, "is away", "");
}

void case_silent(void)
{
    setenv("PILOT_SCHEDULER_TIMEOUT", "0.3", 1);
    question_fails(PART_SILENT, "is silent", "in");
    unsetenv("PILOT_SCHEDULER_TIMEOUT");
}

/* ---- submissions ---- */

void case_refused(void)
{
    contract_job j;
    pe_error e = {0};

    contract_begin(&j);
    if (!contract_skipped("refuses", case_kind->play(&j, PART_REFUSES))) {
        CU_ASSERT_EQUAL(contract_submit(&j, &e), -1);
        printf("# %s\n", e.text);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT(e.exit_code == PE_EXIT_CONFIG ||
                  e.exit_code == PE_EXIT_USAGE);
        CU_ASSERT(*e.text != '\0' && !strchr(e.text, '\n'));
        UNIT_EQUAL(j.id, "");
        CU_ASSERT_EQUAL(contract_submit(&j, NULL), -1);
    }
    contract_end(&j);
}

void case_submit_away(void)
{
    contract_job j;
    pe_error e = {0};

    contract_begin(&j);
    if (!contract_skipped("is away", case_kind->play(&j, PART_AWAY))) {
        CU_ASSERT_EQUAL(contract_submit(&j, &e), -1);
        contract_retry(&e);
        UNIT_EQUAL(j.id, "");
    }
    contract_end(&j);
}

/* It is asked for before another is submitted, and it is there. */
void case_cut(void)
{
    contract_job j;
    pe_error e = {0};
    resource_job job;

    contract_begin(&j);
    setenv("PILOT_SCHEDULER_TIMEOUT", "0.5", 1);
    const char *why = case_kind->play(&j, PART_CUT);
    unsetenv("PILOT_SCHEDULER_TIMEOUT");
    if (!contract_skipped("is cut off", why)) {
        CU_ASSERT_EQUAL(contract_submit(&j, &e), -1);
        contract_retry(&e);
        UNIT_EQUAL(j.id, "");
        j.r->timeout_s = 20;
        job = look(&j);
        UNIT_EQUAL(resource_seen_name(job.seen), "queued");
        CU_ASSERT(*job.id != '\0');
        memcpy(j.id, job.id, sizeof(j.id));
        UNIT_EQUAL(resource_seen_name(look(&j).seen), "queued");
    }
    contract_end(&j);
}
