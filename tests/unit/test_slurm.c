/* test_slurm.c - Slurm, against what a real one answered. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "played.h"
#include "scratch.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/backend/backend.h"
#include "src/backend/slurm/format.h"
#include "src/backend/slurm/private.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char *script_of(const char *dir)
{
    return text_format("%s/job.sh", dir);
}

/* Every recorded state. */
static const struct state_row {
    const char *name, *id;
    enum resource_seen seen;
    bool never;
    int nodes;
    const char *prose; /* a part of it; "" that there is none */
} states[] = {
    {"array-done", "20", RESOURCE_DONE, false, 1, ""},
    {"array-pending", "20", RESOURCE_QUEUED, false, 1,
     "waits for its turn: others have a higher priority; expected to start at "
     "2026-11-23 14:40"},
    {"array-running", "25", RESOURCE_RUNNING, false, 1, ""},
    {"cancelled-pending", "16", RESOURCE_CANCELED, false, 1, ""},
    {"cancelled-running", "9", RESOURCE_CANCELED, false, 1, ""},
    {"completed", "1", RESOURCE_DONE, false, 1, ""},
    {"completed-2nodes", "2", RESOURCE_DONE, false, 2, ""},
    {"completed-afterany", "14", RESOURCE_DONE, false, 1, ""},
    {"completed-step-failed", "8", RESOURCE_DONE, false, 1, ""},
    {"completing", "9", RESOURCE_ENDING, false, 1, ""},
    {"deadline", "35", RESOURCE_TIMEOUT, false, 1,
     "its --deadline came before it could run"},
    {"dependency-on-unknown-job", "51", RESOURCE_DONE, false, 1, ""},
    {"failed-127", "7", RESOURCE_FAILED, false, 1, "its err in the pilot's"},
    {"failed-exit3", "3", RESOURCE_FAILED, false, 1, "its err in the pilot's"},
    {"failed-output-dir", "5", RESOURCE_FAILED, false, 1,
     "its script was killed, or its folder or that of --output is not there"},
    {"failed-signal9", "4", RESOURCE_FAILED, false, 1,
     "its script was killed, or its folder or that of --output is not there"},
    {"held-admin", "16", RESOURCE_HELD, false, 1,
     "held by an administrator of the site: ask them why"},
    {"held-user", "16", RESOURCE_HELD, false, 1,
     "held: 'scontrol release ID' lets it go"},
    {"node-fail", "53", RESOURCE_NODE_LOST, false, 1, "a node of it was lost"},
    {"node-fail-requeued", "54", RESOURCE_QUEUED, false, 1,
     "waits for its time to begin; expected to start at 2026-11-23 14:31"},
    {"pending-begintime", "15", RESOURCE_QUEUED, false, 1,
     "waits for its time to begin; expected to start at 2026-11-23 15:25"},
    {"pending-dependency", "13", RESOURCE_QUEUED, false, 1,
     "waits for another job (--dependency)"},
    {"pending-dependency-never", "13", RESOURCE_QUEUED, true, 1,
     "the job it waits for did not end as --dependency wants it: cancel it"},
    {"pending-node-drained", "52", RESOURCE_QUEUED, false, 1,
     "nodes it needs are down, drained or reserved"},
    {"pending-partition-down", "17", RESOURCE_QUEUED, false, 1,
     "its partition is down: submit to another (--partition), or wait"},
    {"pending-partition-timelimit", "21", RESOURCE_QUEUED, true, 1,
     "it asks for more time than its partition gives (sinfo -o '%P %l')"},
    {"pending-priority", "12", RESOURCE_QUEUED, false, 1,
     "waits for its turn: others have a higher priority; expected to start at "
     "2026-11-23 14:30"},
    {"pending-resources", "11", RESOURCE_QUEUED, false, 1,
     "waits for nodes to become free; expected to start at 2026-11-23 14:30"},
    {"pending-singleton", "19", RESOURCE_QUEUED, false, 1,
     "waits for another job (--dependency)"},
    {"pending-too-many-cpus", "50", RESOURCE_QUEUED, true, 1,
     "its partition has no room for such a request"},
    {"pending-too-many-nodes", "49", RESOURCE_QUEUED, true, 99,
     "its partition has no room for such a request"},
    {"preempted-no-requeue", "30", RESOURCE_PREEMPTED, false, 3,
     "made room for a job of higher priority"},
    {"preempted-requeued", "28", RESOURCE_QUEUED, false, 3,
     "waits for its time to begin; expected to start"},
    {"released", "16", RESOURCE_QUEUED, false, 1, "waits for its turn"},
    {"requeue-hold", "27", RESOURCE_HELD, false, 1,
     "queued again and held: 'scontrol release ID' lets it go"},
    {"requeued", "27", RESOURCE_QUEUED, false, 1, "waits for its time"},
    {"requeued-after-end", "2", RESOURCE_QUEUED, false, 2,
     "waits for its time"},
    {"running", "1", RESOURCE_RUNNING, false, 1, ""},
    {"running-2nodes", "2", RESOURCE_RUNNING, false, 2, ""},
    {"shrunk", "32", RESOURCE_RUNNING, false, 1, ""},
    {"suspended", "27", RESOURCE_SUSPENDED, false, 1,
     "suspended by an administrator or by a job of higher priority"},
    {"timeout", "33", RESOURCE_TIMEOUT, false, 1,
     "its time was over: ask for more with --time, or for successors"},
    {"timeout-warned", "34", RESOURCE_TIMEOUT, false, 1, "its time was over"},
    {"workdir-missing", "6", RESOURCE_FAILED, false, 1,
     "its script was killed, or its folder or that of --output is not there"},
};

static const struct state_row *state_find(const char *name)
{
    for (size_t i = 0; i < COUNT(states); i++)
        if (!strcmp(states[i].name, name))
            return &states[i];
    return NULL;
}

static void state_check(const struct state_row *row, const recorded *r)
{
    resource_job job = played_job(row->id, "/home/user1/work");
    job_index *x = job_index_create(&job, 1, script_of, NULL);
    size_t len = 0;
    char *lines = recorded_squeue(r, SLURM_SQUEUE_FORMAT, &len);
    bool waits = row->seen == RESOURCE_QUEUED || row->seen == RESOURCE_HELD;

    slurm_parse_queue(lines, len, NULL, x);
    played_print(row->name, &job);
    UNIT_EQUAL(resource_seen_name(job.seen), resource_seen_name(row->seen));
    CU_ASSERT_EQUAL(job.never, row->never);
    CU_ASSERT_EQUAL(job.nodes, row->nodes);
    if (*row->prose)
        UNIT_CONTAINS(job.prose, row->prose);
    else
        UNIT_EQUAL(job.prose, "");
    CU_ASSERT(job.submit_ns > 0);
    CU_ASSERT_EQUAL(job.start_ns > 0, !waits);
    CU_ASSERT_EQUAL(job.end_ns > 0, !waits);
    CU_ASSERT_EQUAL(job.exit_code, -1); /* squeue has no word for it */
    UNIT_EQUAL(job.id, row->id);
    job_index_destroy(x);
    free(lines);
}

/* Recordings of other questions than ours. */
static bool is_other(const char *name)
{
    static const char *const others[] = {"all-pending", "bad-id", "munge-down",
                                         "no-config",   "none",   "server-down",
                                         "unknown-id"};

    for (size_t i = 0; i < COUNT(others); i++)
        if (!strcmp(others[i], name))
            return true;
    return false;
}

static void test_states(void)
{
    size_t n = 0;

    for (size_t i = 0; i < played_n; i++) {
        const recorded *r = &played_all[i];
        if (strncmp(r->name, "squeue.", 7) || is_other(r->name + 7))
            continue;
        const struct state_row *row = state_find(r->name + 7);
        if (!row) {
            printf("# %s is not in the table\n", r->name);
            CU_FAIL("a recording without a row");
            continue;
        }
        state_check(row, r);
        n++;
    }
    CU_ASSERT_EQUAL(n, COUNT(states));
}

static void test_running_facts(void)
{
    const recorded *r =
        recorded_find(played_all, played_n, "squeue.running-2nodes");
    resource_job job = played_job("2", NULL);
    job_index *x = job_index_create(&job, 1, script_of, NULL);
    size_t len = 0;
    char *lines = recorded_squeue(r, SLURM_SQUEUE_FORMAT, &len);

    slurm_parse_queue(lines, len, NULL, x);
    UNIT_EQUAL(job.native, "RUNNING");
    UNIT_EQUAL(job.hosts, "node[2-3]");
    UNIT_EQUAL(job.reason, "");
    CU_ASSERT_EQUAL(job.submit_ns, 1795443918 * CLOCK_S);
    CU_ASSERT_EQUAL(job.start_ns, 1795443919 * CLOCK_S);
    CU_ASSERT_EQUAL(job.end_ns, 1795444219 * CLOCK_S);
    job_index_destroy(x);
    free(lines);
}

/* Lines that nobody recorded: what the helper adds, and what a parser meets.
 */
static void test_lines(void)
{
    static const struct {
        const char *line;
        enum resource_seen seen;
        int exit_code, signal, restarts;
        const char *prose;
    } rows[] = {
        {"7|FAILED|1|N/A|N/A|N/A|1|node1|2|3:0|NonZeroExitCode|/w/job.sh",
         RESOURCE_FAILED, 3, 0, 2, "its script ended with 3; its err in"},
        {"7|FAILED|1|N/A|N/A|N/A|1|node1|0|127:0|NonZeroExitCode|/w/job.sh",
         RESOURCE_FAILED, 127, 0, 0, "ended with 127: a command in it"},
        {"7|FAILED|1|N/A|N/A|N/A|1|node1|0|0:53|JobLaunchFailure|/w/job.sh",
         RESOURCE_FAILED, 0, 53, 0, "could not be started: its folder, or"},
        {"7|OUT_OF_MEMORY|1|N/A|N/A|N/A|1|n|0|0:125|OutOfMemory|/w/job.sh",
         RESOURCE_FAILED, 0, 125, 0, "used more memory than it had"},
        {"7|PENDING|1|N/A|N/A|N/A|1||1|-|BeginTime|/w/job.sh", RESOURCE_QUEUED,
         -1, -1, 1, "was queued again, and Slurm waits two minutes"},
        {"7|PENDING|0|N/A|N/A|N/A|1||0|-|None|/w/job.sh", RESOURCE_HELD, -1, -1,
         0, "held: 'scontrol release ID' lets it go"},
        {"7|PENDING|1|N/A|N/A|N/A|1||0|-|None|/w/job.sh", RESOURCE_QUEUED, -1,
         -1, 0, ""},
        {"7|PENDING|1|N/A|N/A|N/A|1||-|-|Something new|/w/job.sh",
         RESOURCE_QUEUED, -1, -1, 0, "Slurm says: Something new"},
        {"7|PENDING|1|N/A|N/A|N/A|1||-|-|odd|reason|with bars|/w/a|b/job.sh",
         RESOURCE_QUEUED, -1, -1, 0, "Slurm says: odd|reason|with bars"},
        {"7|CONFIGURING|1|N/A|N/A|N/A|2K|n|-|-|None|/w/job.sh",
         RESOURCE_STARTING, -1, -1, 0, ""},
        {"7|BRAND_NEW|1|N/A|N/A|N/A|1|n|-|-|None|/w/job.sh", RESOURCE_UNKNOWN,
         -1, -1, 0, ""},
        {"7|REQUEUED|1|N/A|N/A|N/A|1|n|-|-|None|/w/job.sh", RESOURCE_QUEUED, -1,
         -1, 0, ""},
        {"7|SPECIAL_EXIT|1|N/A|N/A|N/A|1|n|-|-|None|/w/job.sh", RESOURCE_HELD,
         -1, -1, 0, "held: 'scontrol release ID' lets it go"},
        {"7|BOOT_FAIL|1|N/A|N/A|N/A|1|n|-|-|None|/w/job.sh", RESOURCE_NODE_LOST,
         -1, -1, 0, "a node of it was lost"},
        {"7|RUNNING|1|N/A", RESOURCE_ABSENT, -1, -1, 0, ""},
        {"77|RUNNING|1|N/A|N/A|N/A|1|n|-|-|None|/w/job.sh", RESOURCE_ABSENT, -1,
         -1, 0, ""},
        {"x|RUNNING|1|N/A|N/A|N/A|1|n|-|-|None|/w/job.sh", RESOURCE_ABSENT, -1,
         -1, 0, ""},
        {"CLUSTER: other", RESOURCE_ABSENT, -1, -1, 0, ""},
        {"", RESOURCE_ABSENT, -1, -1, 0, ""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource_job job = played_job("7", NULL);
        job_index *x = job_index_create(&job, 1, script_of, NULL);
        slurm_parse_queue(rows[i].line, strlen(rows[i].line), NULL, x);
        UNIT_EQUAL(resource_seen_name(job.seen),
                   resource_seen_name(rows[i].seen));
        CU_ASSERT_EQUAL(job.exit_code, rows[i].exit_code);
        CU_ASSERT_EQUAL(job.signal, rows[i].signal);
        CU_ASSERT_EQUAL(job.restarts, rows[i].restarts);
        if (*rows[i].prose)
            UNIT_CONTAINS(job.prose, rows[i].prose);
        else
            UNIT_EQUAL(job.prose, "");
        job_index_destroy(x);
    }
}

/* Ids are used again: a job of another folder and another time is not ours. */
static void test_reused(void)
{
#define LINE(submit, dir) \
    "7|RUNNING|1|" submit "|" submit "|N/A|1|n|0|-|None|" dir "/job.sh"
    static const struct {
        const char *line;
        enum resource_seen seen;
    } rows[] = {
        {LINE("2026-11-23T12:00:00", "/w/a"), RESOURCE_RUNNING},
        {LINE("2026-11-25T12:00:00", "/w/a"), RESOURCE_RUNNING}, /* again */
        {LINE("2026-11-23T12:05:00", "/site/copy"), RESOURCE_RUNNING},
        {LINE("2026-11-25T12:00:00", "/w/b"), RESOURCE_ABSENT},
        {LINE("2026-11-25T12:00:00", "/w/a/b"), RESOURCE_ABSENT},
        {LINE("2026-11-20T12:00:00", "/w/b"), RESOURCE_ABSENT},
        {LINE("N/A", "/w/b"), RESOURCE_RUNNING},
    };
    static const char head[] = "JobIDRaw|State|Submit\n";
    static const struct {
        const char *line;
        enum resource_seen seen;
    } accounts_of[] = {
        {"7|COMPLETED|2026-11-23T12:00:01", RESOURCE_DONE},
        {"7|COMPLETED|2026-11-25T12:00:01", RESOURCE_DONE},
        {"7|COMPLETED|2026-11-20T12:00:01", RESOURCE_ABSENT},
        {"7|COMPLETED|", RESOURCE_DONE},
    };

    for (size_t i = 0; i < COUNT(rows) + COUNT(accounts_of); i++) {
        resource_job job = played_job("7", "/w/a");
        job.since_ns = scheduler_time_iso("2026-11-23T12:00:00", 19);
        job_index *x = job_index_create(&job, 1, script_of, NULL);
        size_t k = i - COUNT(rows);
        if (i < COUNT(rows)) {
            slurm_parse_queue(rows[i].line, strlen(rows[i].line), NULL, x);
            CU_ASSERT_EQUAL(job.seen, rows[i].seen);
        } else {
            char *out = text_format("%s%s\n", head, accounts_of[k].line);
            slurm_parse_accounting(out, strlen(out), NULL, x);
            CU_ASSERT_EQUAL(job.seen, accounts_of[k].seen);
            free(out);
        }
        job_index_destroy(x);
    }
}

/* Reasons that were not recorded. */
static void test_reasons(void)
{
    static const struct {
        const char *reason;
        bool known, never, held;
    } rows[] = {
        {"QOSMaxNodePerJobLimit", true, true, false},
        {"AssocMaxWallDurationPerJobLimit", true, true, false},
        {"QOSMinCpuNotSatisfied", true, true, false},
        {"QOSMaxCpuPerUserLimit", true, false, false},
        {"AssocGrpCpuLimit", true, false, false},
        {"AssocGrpCPUMinutesLimit", true, false, false},
        {"AssociationJobLimit", true, false, false},
        {"QOSNotAllowed", true, true, false},
        {"InvalidAccount", true, true, false},
        {"InvalidQOS", true, true, false},
        {"AccountNotAllowed", true, true, false},
        {"BadConstraints", true, true, false},
        {"PartitionNodeLimit", true, true, false},
        {"ReqNodeNotAvail, May be reserved for other job", true, false, false},
        {"Nodes required for job are DOWN, DRAINED or reserved for jobs in "
         "higher priority partitions",
         true, false, false},
        {"launch failed requeued held", true, false, true},
        {"JobHoldMaxRequeue", true, false, true},
        {"ReservationDeleted", true, false, true},
        {"Reservation", true, false, false},
        {"Licenses", true, false, false},
        {"SomethingOfNextYear", false, false, false},
        {"", false, false, false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const slurm_reason *r = slurm_reason_find(rows[i].reason);
        CU_ASSERT_EQUAL(r != NULL, rows[i].known);
        CU_ASSERT_EQUAL(r && r->never, rows[i].never);
        CU_ASSERT_EQUAL(r && r->held, rows[i].held);
        CU_ASSERT(!r || strlen(r->prose) < 190); /* and a time behind it */
    }
}

/* Every recorded state of accounting; what is not over is stale. */
static const struct account_row {
    const char *name, *id;
    enum resource_seen seen;
    int exit_code, signal;
} accounts[] = {
    {"all", "9", RESOURCE_CANCELED, 0, 0},
    {"array-done", "25", RESOURCE_FAILED, 1, 0},
    {"array-pending", "20", RESOURCE_ABSENT, -1, -1},
    {"array-running", "24", RESOURCE_ABSENT, -1, -1},
    {"cancelled-pending", "16", RESOURCE_CANCELED, 0, 0},
    {"cancelled-running", "9", RESOURCE_CANCELED, 0, 0},
    {"completed", "1", RESOURCE_DONE, 0, 0},
    {"completed-2nodes", "2", RESOURCE_DONE, 0, 0},
    {"completed-afterany", "14", RESOURCE_DONE, 0, 0},
    {"completed-step-failed", "8", RESOURCE_DONE, 0, 0},
    {"completing", "9", RESOURCE_CANCELED, 0, 0},
    {"deadline", "35", RESOURCE_TIMEOUT, 1, 0},
    {"dependency-on-unknown-job", "51", RESOURCE_DONE, 0, 0},
    {"failed-127", "7", RESOURCE_FAILED, 127, 0},
    {"failed-exit3", "3", RESOURCE_FAILED, 3, 0},
    {"failed-output-dir", "5", RESOURCE_FAILED, 0, 53},
    {"failed-signal9", "4", RESOURCE_FAILED, 0, 9},
    {"held-admin", "16", RESOURCE_ABSENT, -1, -1},
    {"held-user", "16", RESOURCE_ABSENT, -1, -1},
    {"no-accounting", "1", RESOURCE_ABSENT, -1, -1},
    {"node-fail", "53", RESOURCE_NODE_LOST, 0, 0},
    {"node-fail-requeued", "54", RESOURCE_NODE_LOST, 0, 0},
    {"pending-begintime", "15", RESOURCE_ABSENT, -1, -1},
    {"pending-dependency", "13", RESOURCE_ABSENT, -1, -1},
    {"pending-dependency-never", "13", RESOURCE_ABSENT, -1, -1},
    {"pending-node-drained", "52", RESOURCE_ABSENT, -1, -1},
    {"pending-partition-down", "17", RESOURCE_ABSENT, -1, -1},
    {"pending-partition-timelimit", "21", RESOURCE_ABSENT, -1, -1},
    {"pending-priority", "12", RESOURCE_ABSENT, -1, -1},
    {"pending-resources", "11", RESOURCE_ABSENT, -1, -1},
    {"pending-singleton", "19", RESOURCE_ABSENT, -1, -1},
    {"pending-too-many-cpus", "50", RESOURCE_ABSENT, -1, -1},
    {"pending-too-many-nodes", "49", RESOURCE_ABSENT, -1, -1},
    {"preempted-no-requeue", "30", RESOURCE_PREEMPTED, 0, 0},
    {"preempted-requeued", "28", RESOURCE_PREEMPTED, 0, 0},
    {"released", "16", RESOURCE_ABSENT, -1, -1},
    {"requeue-hold", "27", RESOURCE_ABSENT, -1, -1},
    {"requeued", "27", RESOURCE_ABSENT, -1, -1},
    {"requeued-after-end", "2", RESOURCE_ABSENT, -1, -1},
    {"running", "1", RESOURCE_ABSENT, -1, -1},
    {"running-2nodes", "2", RESOURCE_ABSENT, -1, -1},
    {"server-down", "1", RESOURCE_DONE, 0, 0},
    {"shrunk", "32", RESOURCE_ABSENT, -1, -1},
    {"suspended", "27", RESOURCE_ABSENT, -1, -1},
    {"timeout", "33", RESOURCE_TIMEOUT, 0, 0},
    {"timeout-warned", "34", RESOURCE_TIMEOUT, 0, 0},
    {"unknown-id", "999999", RESOURCE_ABSENT, -1, -1},
    {"workdir-missing", "6", RESOURCE_FAILED, 0, 53},
};

static const struct account_row *account_find(const char *name)
{
    for (size_t i = 0; i < COUNT(accounts); i++)
        if (!strcmp(accounts[i].name, name))
            return &accounts[i];
    return NULL;
}

static void test_accounting(void)
{
    size_t n = 0;

    for (size_t i = 0; i < played_n; i++) {
        const recorded *r = &played_all[i];
        if (strncmp(r->name, "sacct.", 6))
            continue;
        const struct account_row *row = account_find(r->name + 6);
        if (!row) {
            printf("# %s is not in the table\n", r->name);
            CU_FAIL("a recording without a row");
            continue;
        }
        resource_job job = played_job(row->id, NULL);
        job_index *x = job_index_create(&job, 1, script_of, NULL);
        slurm_parse_accounting(r->out, r->out_len, NULL, x);
        played_print(r->name, &job);
        UNIT_EQUAL(resource_seen_name(job.seen), resource_seen_name(row->seen));
        CU_ASSERT_EQUAL(job.exit_code, row->exit_code);
        CU_ASSERT_EQUAL(job.signal, row->signal);
        job_index_destroy(x);
        n++;
    }
    CU_ASSERT_EQUAL(n, COUNT(accounts));
}

/* ---- whole calls, through the commands ---- */

static resource *open_slurm(void)
{
    pe_error e = {0};
    resource *r = backend_open("slurm://", &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    return r;
}

static void test_describe(void)
{
    resource *r = open_slurm();
    resource_job jobs[] = {played_job("1", NULL), played_job("17", NULL),
                           played_job("999999", NULL), played_job("33", NULL)};
    pe_error e = {0};

    played_set("squeue=squeue.running sacct=sacct.timeout");
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, COUNT(jobs), &e), 0);
    UNIT_EQUAL(e.text, "");
    UNIT_EQUAL(resource_seen_name(jobs[0].seen), "running");
    UNIT_EQUAL(resource_seen_name(jobs[1].seen), "absent");
    UNIT_EQUAL(resource_seen_name(jobs[2].seen), "absent");
    UNIT_EQUAL(resource_seen_name(jobs[3].seen), "timeout");
    CU_ASSERT_EQUAL(played_calls("squeue"), 1);
    CU_ASSERT_EQUAL(played_calls("sacct"), 1);
    UNIT_CONTAINS(played_log(), " squeue -h -a --me -t all -o "
                                "'%A|%T|%Q|%V|%S|%e|%D|%N|-|-|%r|%o'\n");
    UNIT_CONTAINS(played_log(),
                  " sacct -P -X -j 17,999999,33 -o JobIDRaw,State,ExitCode,"
                  "Reason,Submit,Start,End,NNodes,NodeList\n");
    /* nothing absent: nobody is asked about the past */
    played_set("squeue=squeue.running");
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, 1, &e), 0);
    CU_ASSERT_EQUAL(played_calls("sacct"), 0);
    resource_close(r);
}

/* What a user's own settings do to the commands is kept out. */
static void test_settings(void)
{
    resource *r = open_slurm();
    resource_job job = played_job("1", NULL);
    char *script = text_format("%s/bin/squeue", scratch_folder);
    char *moved = text_format("%s/squeue.link", scratch_folder);
    static const char body[] =
        "#!/bin/sh\n"
        "printf '%s' \"1|RUNNING|1|N/A|N/A|N/A|1|n|-|-|\"\n"
        "echo \"${SQUEUE_PARTITION-}${SLURM_TIME_FORMAT-}$TZ$LC_ALL|/x\"\n";

    setenv("SQUEUE_PARTITION", "debug", 1);
    setenv("SLURM_TIME_FORMAT", "relative", 1);
    rename(script, moved);
    file_write(script, body, sizeof(body) - 1, 0700, NULL);
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, NULL), 0);
    UNIT_EQUAL(job.reason, "UTCC");
    rename(moved, script);
    unsetenv("SQUEUE_PARTITION");
    unsetenv("SLURM_TIME_FORMAT");
    free(script);
    free(moved);
    resource_close(r);
}

static void test_describe_all(void)
{
    resource *r = open_slurm();
    resource_job jobs[] = {
        played_job("2", NULL), played_job("30", NULL), played_job("35", NULL),
        played_job("", "/home/user1/work"), played_job("", "/nowhere")};
    pe_error e = {0};

    played_set("squeue=squeue-all.text sacct=sacct.unknown-id");
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, COUNT(jobs), &e), 0);
    CU_ASSERT(jobs[0].seen != RESOURCE_ABSENT);
    UNIT_EQUAL(resource_seen_name(jobs[1].seen), "preempted");
    CU_ASSERT(jobs[2].seen != RESOURCE_ABSENT);
    /* the newest of all that ran this script */
    CU_ASSERT(jobs[3].seen != RESOURCE_ABSENT);
    CU_ASSERT(atoi(jobs[3].id) > 30);
    UNIT_EQUAL(resource_seen_name(jobs[4].seen), "absent");
    UNIT_EQUAL(jobs[4].id, "");
    CU_ASSERT_EQUAL(played_calls("squeue"), 1);
    resource_close(r);
}

/* Errors of the one question: nothing is known of any job. */
static void test_describe_errors(void)
{
    static const struct {
        const char *play;
        enum pe_error_class kind;
        enum pe_exit exit_code;
        const char *text;
    } rows[] = {
        {"squeue=squeue.server-down", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
         "squeue on this host says: Unable to contact slurm controller "
         "(connect failure); try again later ('scontrol ping')"},
        {"squeue=squeue.munge-down", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
         "munged does not run here, or clocks differ: tell the site"},
        {"squeue=squeue.no-config", PE_ERROR_INPUT, PE_EXIT_CONFIG,
         "no slurm.conf is found: set SLURM_CONF"},
        {"squeue=status:3", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
         "squeue on this host says: nothing, and ended with 3"},
        {"squeue=squeue.unknown-id", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
         "says: Invalid job id specified"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource *r = open_slurm();
        resource_job job = played_job("1", NULL);
        pe_error e = {0};
        job.seen = RESOURCE_RUNNING;
        played_set(rows[i].play);
        CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), -1);
        UNIT_CONTAINS(e.text, rows[i].text);
        CU_ASSERT_EQUAL(e.kind, rows[i].kind);
        CU_ASSERT_EQUAL(e.exit_code, rows[i].exit_code);
        CU_ASSERT_EQUAL(job.seen, RESOURCE_ABSENT);
        UNIT_EQUAL(job.id, "1");
        resource_close(r);
    }
}

static void test_time_limit(void)
{
    resource *r;
    resource_job job = played_job("1", NULL);
    pe_error e = {0};

    setenv("PILOT_SCHEDULER_TIMEOUT", "0.3", 1);
    r = open_slurm();
    played_set("squeue=sleep");
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), -1);
    UNIT_EQUAL(e.text, "squeue on this host: no answer within 0.3 s: "
                       "the command was stopped");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    /* accounting that hangs says nothing, and is no error */
    played_set("squeue=status:0 sacct=sleep");
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), 0);
    CU_ASSERT_EQUAL(job.seen, RESOURCE_ABSENT);
    unsetenv("PILOT_SCHEDULER_TIMEOUT");
    resource_close(r);
}

static void test_missing_command(void)
{
    char *path = text_format("%s", getenv("PATH"));
    resource *r = open_slurm();
    resource_job job = played_job("1", NULL);
    pe_error e = {0};

    setenv("PATH", "/usr/bin:/bin", 1);
    if (access("/usr/bin/squeue", F_OK) == 0)
        setenv("PATH", "/bin/..", 1); /* env(1) is not found either */
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), -1);
    UNIT_CONTAINS(e.text, "is not there");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    setenv("PATH", path, 1);
    free(path);
    resource_close(r);
}

static void test_no_accounting(void)
{
    resource *r = open_slurm();
    resource_job jobs[] = {played_job("1", NULL), played_job("2", NULL),
                           played_job("4", NULL)};

    /* jobs that completed are in a file that sacct may read */
    played_set("squeue=status:0 "
               "sacct=sacct.no-accounting,sacct-c.jobcomp-filetxt");
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(r->ops->describe(r, jobs, COUNT(jobs), NULL), 0);
        UNIT_EQUAL(resource_seen_name(jobs[0].seen), "done");
        UNIT_EQUAL(resource_seen_name(jobs[1].seen), "failed");
        UNIT_EQUAL(resource_seen_name(jobs[2].seen), "absent");
    }
    CU_ASSERT_EQUAL(played_calls("sacct"), 3);
    UNIT_CONTAINS(played_log(), " sacct -c -P -j 1,2,4\n");
    resource_close(r);
    /* or may not: then nobody is asked again */
    r = open_slurm();
    played_set("squeue=status:0 "
               "sacct=sacct.no-accounting,sacct-c.jobcomp-unreadable");
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(r->ops->describe(r, jobs, COUNT(jobs), NULL), 0);
        UNIT_EQUAL(resource_seen_name(jobs[0].seen), "absent");
    }
    CU_ASSERT_EQUAL(played_calls("sacct"), 2);
    resource_close(r);
}

static void test_thousand(void)
{
    enum { N = 1000 };
    resource *r = open_slurm();
    resource_job *jobs = calloc(N, sizeof(*jobs));
    char *dirs[N], *play;
    text lines = {0};
    int running = 0, found = 0;

    for (int i = 0; i < N; i++) {
        char id[16];
        dirs[i] = text_format("/home/me/pilots/%d", i);
        snprintf(id, sizeof(id), "%d", 5000 + i);
        jobs[i] = played_job(i % 2 ? id : "", dirs[i]);
        text_add(&lines,
                 "%d|RUNNING|1|2026-11-23T14:25:16|2026-11-23T14:25:17|N/A|1|"
                 "n|-|-|None|%s/job.sh\n",
                 5000 + i, dirs[i]);
    }
    scratch_write("lines", lines.data);
    play = text_format("squeue=file:%s", scratch_path);
    played_set(play);
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, N, NULL), 0);
    for (int i = 0; i < N; i++) {
        running += jobs[i].seen == RESOURCE_RUNNING;
        found += atoi(jobs[i].id) == 5000 + i;
        free(dirs[i]);
    }
    CU_ASSERT_EQUAL(running, N);
    CU_ASSERT_EQUAL(found, N);
    CU_ASSERT_EQUAL(played_calls("squeue"), 1);
    free(play);
    free(jobs);
    text_free(&lines);
    resource_close(r);
}

/* Bytes of others that are no text. */
static void test_bytes(void)
{
    static const char lines[] =
        "6|RUNNING|1|N/A|N/A|N/A|1|n|-|-|\xff\xfe|/caf\xe9/job.sh\n"
        "7|PENDING|1|N/A|N/A|N/A|1|n|-|-|caf\xe9 \x1b[31m \0 gr\xc3\xb6|/w\n"
        "\0\0\0||||||||||||\n";
    resource *r = open_slurm();
    resource_job jobs[] = {played_job("6", NULL), played_job("7", NULL),
                           played_job("", "/caf\xe9")};
    char *play;

    scratch_write_bytes("lines", lines, sizeof(lines) - 1);
    play = text_format("squeue=file:%s", scratch_path);
    played_set(play);
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, COUNT(jobs), NULL), 0);
    UNIT_EQUAL(jobs[0].reason, "??");
    UNIT_EQUAL(jobs[1].reason, "caf?  [31m   gr\xc3\xb6");
    UNIT_EQUAL(jobs[2].id, "6");
    free(play);
    resource_close(r);
}

static void test_clusters(void)
{
    static const char lines[] =
        "CLUSTER: other\n"
        "37|RUNNING|1|N/A|N/A|N/A|1|n|-|-|None|/w/job.sh\n";
    resource *r = open_slurm();
    resource_job jobs[] = {played_job("37;other", NULL), played_job("37", NULL),
                           played_job("38;other", NULL)};
    pe_error e = {0};
    char *play;

    scratch_write("lines", lines);
    play = text_format("squeue=file:%s,status:0 sacct=sacct.unknown-id",
                       scratch_path);
    played_set(play);
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, COUNT(jobs), &e), 0);
    UNIT_EQUAL(resource_seen_name(jobs[0].seen), "running");
    UNIT_EQUAL(jobs[0].id, "37;other");
    UNIT_EQUAL(resource_seen_name(jobs[1].seen), "absent");
    UNIT_EQUAL(resource_seen_name(jobs[2].seen), "absent");
    CU_ASSERT_EQUAL(played_calls("squeue"), 2);
    UNIT_CONTAINS(played_log(), "|%o' -M other\n");
    UNIT_CONTAINS(played_log(), " sacct -P -X -j 38 -o ");
    played_set("scancel=scancel.ok scontrol=scontrol-update-shrink.ok");
    CU_ASSERT_EQUAL(r->ops->cancel(r, "37;other", false, &e), 0);
    CU_ASSERT_EQUAL(r->ops->shrink(r, "37;other", 2, &e), 0);
    UNIT_CONTAINS(played_log(), " scancel -M other 37\n");
    UNIT_CONTAINS(played_log(),
                  " scontrol update JobId=37 NumNodes=2 -M other\n");
    free(play);
    resource_close(r);
}

static void test_helper(void)
{
    resource *r;
    resource_job job = played_job("7", NULL);
    pe_error e = {0};
    char *helper = text_format("%s/pilot-slurm", scratch_folder);
    char *play;

    scratch_write("lines", "7|FAILED|1|N/A|N/A|N/A|1|n|1|3:0|None|/w/job.sh\n");
    play = text_format("pilot-slurm=file:%s", scratch_path);
    setenv("PILOT_LIBEXEC", scratch_folder, 1);
    played_link(helper);
    r = open_slurm();
    played_set(play);
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), 0);
    CU_ASSERT_EQUAL(job.exit_code, 3);
    CU_ASSERT_EQUAL(job.restarts, 1);
    UNIT_CONTAINS(played_log(), " pilot-slurm jobs\n");
    CU_ASSERT_EQUAL(played_calls("squeue"), 0);
    /* it cannot reach the controller: that is the answer */
    played_set("pilot-slurm=status:69 squeue=squeue.running");
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    UNIT_CONTAINS(e.text, "pilot-slurm on this host says: nothing");
    CU_ASSERT_EQUAL(played_calls("squeue"), 0);
    resource_close(r);
    /* it does not fit: squeue, for good */
    for (int i = 0; i < 2; i++) {
        static const char *const plays[] = {
            "pilot-slurm=status:78 squeue=squeue.running",
            "pilot-slurm=status:139 squeue=squeue.running"};
        job = played_job("1", NULL);
        r = open_slurm();
        played_set(plays[i]);
        CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), 0);
        CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), 0);
        UNIT_EQUAL(resource_seen_name(job.seen), "running");
        CU_ASSERT_EQUAL(played_calls("pilot-slurm"), 1);
        CU_ASSERT_EQUAL(played_calls("squeue"), 2);
        resource_close(r);
    }
    unsetenv("PILOT_LIBEXEC");
    unlink(helper);
    free(helper);
    free(play);
}

/* ---- submit ---- */

static resource_spec spec_of(resource_request *q)
{
    const resource_spec s = {.pilot = "r/p",
                             .kind = "pool",
                             .dir = "/home/me/p",
                             .supervisor = "/x",
                             .submit_dir = scratch_folder,
                             .request = q};

    return s;
}

static void test_submit(void)
{
    static const struct {
        const char *out, *id; /* NULL: there is none */
    } rows[] = {{"37\n", "37"},
                {"37;other\n", "37;other"},
                {"Welcome to our site!\n38\n", "38"},
                {"38\nhave a nice day\n", "38"},
                {"38", "38"},
                {"Submitted batch job 38\n", NULL},
                {"", NULL},
                {"38x\n", NULL}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource *r = open_slurm();
        resource_request q = {0};
        const resource_spec s = spec_of(&q);
        char id[RESOURCE_ID_MAX] = "";
        pe_error e = {0};
        scratch_write("answer", rows[i].out);
        char *play = text_format("sbatch=file:%s", scratch_path);
        played_set(play);
        CU_ASSERT_EQUAL(r->ops->submit(r, &s, id, &e), rows[i].id ? 0 : -1);
        UNIT_EQUAL(id, rows[i].id ? rows[i].id : "");
        if (!rows[i].id) {
            UNIT_CONTAINS(e.text, "whether there is one is not known");
            CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
        }
        free(play);
        resource_close(r);
    }
}

/* The command line: what stood behind "--" as it is, the pilot's folder
 * whatever it is called, the folder of the call.
 */
static void test_submit_words(void)
{
    static const struct {
        const char *dir, *extra, *output, *command;
    } rows[] = {
        {"/home/me/p", NULL, NULL,
         "sbatch --parsable --output=/home/me/p/scheduler.out "
         "--job-name=r.p /home/me/p/job.sh\n"},
        {"/home/me/p", "--comment=a 'b' $c\n--uid=0", NULL,
         "sbatch --parsable --output=/home/me/p/scheduler.out "
         "--job-name=r.p '--comment=a '\\''b'\\'' $c\n--uid=0' "
         "/home/me/p/job.sh\n"},
        {"/home/me/p", NULL, "o.txt",
         "sbatch --parsable --job-name=r.p --output=o.txt /home/me/p/job.sh\n"},
        {"/it's 100%j", NULL, NULL,
         "sbatch --parsable '--output=/it'\\''s 100%%j/scheduler.out' "
         "--job-name=r.p '/it'\\''s 100%j/job.sh'\n"},
        {"/back\\slash", NULL, NULL,
         "sbatch --parsable --job-name=r.p '/back\\slash/job.sh'\n"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource *r = open_slurm();
        resource_request q = {0};
        resource_spec s = spec_of(&q);
        char id[RESOURCE_ID_MAX] = "", *want, *command;
        s.dir = rows[i].dir;
        if (rows[i].extra)
            request_set(&q, REQUEST_EXTRA, rows[i].extra, true, "line", NULL);
        if (rows[i].output)
            request_set(&q, REQUEST_OUTPUT, rows[i].output, true, "", NULL);
        played_set("sbatch=sbatch.ok-parsable");
        CU_ASSERT_EQUAL(r->ops->submit(r, &s, id, NULL), 0);
        UNIT_EQUAL(id, "37");
        want = text_format("%s %s", strrchr(scratch_folder, '/') + 1,
                           rows[i].command);
        UNIT_EQUAL(played_log(), want);
        command = r->ops->command(&s, NULL);
        UNIT_EQUAL(command, rows[i].command);
        free(want);
        free(command);
        request_free(&q);
        resource_close(r);
    }
}

/* SBATCH_PARTITION and its like count more than the lines of a script, and
 * less than a command line: what was asked for is on that.  What would make
 * more than one job of it is not handed on.
 */
static void test_submit_environment(void)
{
    static const struct {
        enum request_word word;
        const char *value, *part;
    } rows[] = {
        {REQUEST_PARTITION, "short", " --partition=short "},
        {REQUEST_TIME, "0:10:00", " --time=00:10:00 "},
        {REQUEST_TIME, "0:10:00", " --signal=B:USR1@60 "},
        {REQUEST_NODES, "2", " --nodes=2 "},
        {REQUEST_ACCOUNT, "proj", " --account=proj "},
        {REQUEST_EXCLUSIVE, "true", " --exclusive "},
        {REQUEST_REQUEUE, "false", " --no-requeue "},
        {REQUEST_DIRECTIVES, "-C fast", " -C fast "},
        {REQUEST_DIRECTIVES, "--mem=1G", " --mem=1G "},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource *r = open_slurm();
        resource_request q = {0};
        resource_spec s = spec_of(&q);
        char id[RESOURCE_ID_MAX] = "", *script;
        pe_error e = {0};
        CU_ASSERT_EQUAL(
            request_set(&q, rows[i].word, rows[i].value, true, "line", &e), 0);
        played_set("sbatch=sbatch.ok-parsable");
        CU_ASSERT_EQUAL(r->ops->submit(r, &s, id, &e), 0);
        UNIT_EQUAL(e.text, "");
        UNIT_CONTAINS(played_log(), rows[i].part);
        script = r->ops->script(&s, NULL);
        UNIT_CONTAINS(script, "#SBATCH ");
        free(script);
        request_free(&q);
        resource_close(r);
    }
    resource *r = open_slurm();
    resource_request nothing = {0};
    const resource_spec none = spec_of(&nothing);
    char id[RESOURCE_ID_MAX], *seen = text_format("%s/seen", scratch_folder);
    char *sbatch = text_format("%s/bin/sbatch", scratch_folder);
    char *script = text_format("#!/bin/sh\nenv >'%s'\necho 37\n", seen), *said;
    played_set("");
    unlink(sbatch);
    CU_ASSERT_EQUAL(file_write(sbatch, script, strlen(script), 0700, NULL), 0);
    setenv("SBATCH_ARRAY_INX", "1-3", 1);
    setenv("SBATCH_WAIT", "1", 1);
    setenv("SBATCH_ACCOUNT", "mine", 1);
    CU_ASSERT_EQUAL(r->ops->submit(r, &none, id, NULL), 0);
    said = file_read(seen, 1 << 20, NULL, NULL);
    UNIT_CONTAINS(said, "SBATCH_ACCOUNT=mine\n");
    CU_ASSERT_PTR_NULL(strstr(said, "SBATCH_ARRAY_INX"));
    CU_ASSERT_PTR_NULL(strstr(said, "SBATCH_WAIT"));
    unlink(sbatch);
    played_link(sbatch);
    unsetenv("SBATCH_ARRAY_INX");
    unsetenv("SBATCH_WAIT");
    unsetenv("SBATCH_ACCOUNT");
    free(said);
    free(script);
    free(sbatch);
    free(seen);
    resource_close(r);
}

static const struct refusal {
    const char *name;
    enum pe_error_class kind;
    enum pe_exit exit_code;
    const char *text;
} refusals[] = {
    {"err-account-strict", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "sbatch on this host says: Batch job submission failed: Invalid account "
     "or account/partition combination specified"},
    {"err-array", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Invalid job array"},
    {"err-array-syntax", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Invalid job array"},
    {"err-begin", PE_ERROR_INPUT, PE_EXIT_USAGE,
     "sbatch on this host says: Invalid time specification (pos=0): whenever; "
     "Invalid --begin specification"},
    {"err-constraint", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Invalid feature specification"},
    {"err-dependency-syntax", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Job dependency problem"},
    {"err-directive", PE_ERROR_INPUT, PE_EXIT_USAGE,
     "sbatch on this host says: unrecognized option '--no-such-option'"},
    {"err-dos", PE_ERROR_INPUT, PE_EXIT_CONFIG, "DOS line breaks"},
    {"err-empty", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Batch script is empty!"},
    {"err-gres", PE_ERROR_INPUT, PE_EXIT_CONFIG, "generic resource"},
    {"err-license", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Invalid license"},
    {"err-memory", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Memory specification can not be satisfied; Batch job submission failed: "
     "Requested node configuration is not available"},
    {"err-missing-script", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Unable to open file nosuch.sh"},
    {"err-no-account-strict", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Invalid account"},
    {"err-no-shebang", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "This does not look like a batch script"},
    {"err-nodelist", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Invalid node name specified"},
    {"err-option", PE_ERROR_INPUT, PE_EXIT_USAGE, "unrecognized option"},
    {"err-partition", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "sbatch on this host says: invalid partition specified: nosuch; Batch "
     "job submission failed: Invalid partition name specified"},
    {"err-qos-strict", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Invalid qos"},
    {"err-reservation", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Requested reservation is invalid"},
    {"err-signal", PE_ERROR_INPUT, PE_EXIT_USAGE, "Invalid --signal"},
    {"err-time", PE_ERROR_INPUT, PE_EXIT_USAGE, "Invalid --time"},
    {"err-timelimit-strict", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Requested time limit is invalid"},
    {"err-too-many-cpus-strict", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "More processors requested than permitted"},
    {"err-too-many-nodes-strict", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "More processors requested than permitted"},
    {"munge-down", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE, "munged does not run"},
    {"no-config", PE_ERROR_INPUT, PE_EXIT_CONFIG, "no slurm.conf is found"},
    {"server-down", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "Unable to contact slurm controller (connect failure); try again later"},
    {"test-only", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "it says: Job 38 to start at 2026-11-23T14:36:30"},
};

static const struct refusal *refusal_find(const char *name)
{
    for (size_t i = 0; i < COUNT(refusals); i++)
        if (!strcmp(refusals[i].name, name))
            return &refusals[i];
    return NULL;
}

/* Every recorded answer of sbatch that gives no id on a line of its own. */
static void test_submit_refused(void)
{
    size_t n = 0;

    for (size_t i = 0; i < played_n; i++) {
        const char *name = played_all[i].name;
        if (strncmp(name, "sbatch.", 7) ||
            (played_all[i].status == 0 && played_all[i].out_len > 0))
            continue;
        const struct refusal *f = refusal_find(name + 7);
        if (!f) {
            printf("# %s is not in the table\n", name);
            CU_FAIL("a recording without a row");
            continue;
        }
        resource *r = open_slurm();
        resource_request q = {0};
        const resource_spec s = spec_of(&q);
        char id[RESOURCE_ID_MAX] = "", *play;
        pe_error e = {0};
        play = text_format("sbatch=%s", name);
        played_set(play);
        CU_ASSERT_EQUAL(r->ops->submit(r, &s, id, &e), -1);
        printf("# %s: %s\n", name, e.text);
        UNIT_CONTAINS(e.text, f->text);
        CU_ASSERT_EQUAL(e.kind, f->kind);
        CU_ASSERT_EQUAL(e.exit_code, f->exit_code);
        UNIT_EQUAL(id, "");
        free(play);
        resource_close(r);
        n++;
    }
    CU_ASSERT_EQUAL(n, COUNT(refusals));
}

static void test_submit_hangs(void)
{
    resource_request q = {0};
    const resource_spec s = spec_of(&q);
    char id[RESOURCE_ID_MAX] = "";
    pe_error e = {0};
    resource *r;

    setenv("PILOT_SCHEDULER_TIMEOUT", "0.2", 1);
    r = open_slurm();
    played_set("sbatch=sleep");
    CU_ASSERT_EQUAL(r->ops->submit(r, &s, id, &e), -1);
    UNIT_EQUAL(e.text, "sbatch on this host: no answer within 0.2 s: "
                       "the command was stopped");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    unsetenv("PILOT_SCHEDULER_TIMEOUT");
    resource_close(r);
}

/* ---- cancel, shrink ---- */

static const struct call {
    const char *play, *id;
    bool now;
    int result;
    enum pe_exit exit_code;
    const char *text, *log; /* a part of it */
} cancels[] = {
    {"scancel=scancel.ok", "16", false, 0, 0, "", " scancel 16\n"},
    {"scancel=scancel.ok", "16", true, 0, 0, "",
     " scancel --full --signal=KILL 16\n"},
    {"scancel=scancel.finished", "1", false, 0, 0, "", " scancel 1\n"},
    {"scancel=scancel-verbose.finished", "1", true, 0, 0, "", " scancel 1\n"},
    {"scancel=scancel.unknown-id", "999999", false, 0, 0, "", "999999\n"},
    {"scancel=scancel.denied", "2", false, -1, PE_EXIT_PERMISSION,
     "scancel on this host says: Kill job error on job id 2: "
     "Access/permission denied",
     " scancel 2\n"},
    {"scancel=scancel.denied,scancel.ok", "2", true, 0, 0, "", " scancel 2\n"},
    {"scancel=scancel.server-down", "1", false, -1, PE_EXIT_UNAVAILABLE,
     "Unable to contact slurm controller", " scancel 1\n"},
    {"scancel=scancel.ok", "-u", false, -1, PE_EXIT_CONFIG,
     "'-u' is no id of a job", ""},
    {"scancel=scancel.ok", "", false, -1, PE_EXIT_CONFIG,
     "'' is no id of a job", ""},
    {"scancel=scancel.ok", "1 2", false, -1, PE_EXIT_CONFIG,
     "'1 2' is no id of a job", ""},
};

static void test_cancel(void)
{
    resource *r = open_slurm();

    for (size_t i = 0; i < COUNT(cancels); i++) {
        const struct call *c = &cancels[i];
        pe_error e = {0};
        played_set(c->play);
        CU_ASSERT_EQUAL(r->ops->cancel(r, c->id, c->now, &e), c->result);
        UNIT_CONTAINS(e.text, c->text);
        if (c->result == 0)
            UNIT_EQUAL(e.text, "");
        CU_ASSERT_EQUAL(e.exit_code, c->exit_code);
        UNIT_CONTAINS(played_log(), c->log);
        CU_ASSERT_EQUAL(played_calls("scancel"), *c->log ? 1 + c->now : 0);
    }
    resource_close(r);
}

static void test_shrink(void)
{
    resource *r = open_slurm();
    pe_error e = {0};

    played_set("scontrol=scontrol-update-shrink.ok");
    CU_ASSERT_EQUAL(r->ops->shrink(r, "32", 1, &e), 0);
    UNIT_CONTAINS(played_log(), " scontrol update JobId=32 NumNodes=1\n");
    played_set("scontrol=scontrol-update-grow.denied");
    CU_ASSERT_EQUAL(r->ops->shrink(r, "32", 3, &e), -1);
    UNIT_EQUAL(e.text, "scontrol update on this host says: Requested operation "
                       "not supported on this system for job 32");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    played_set("scontrol=scontrol-update.denied");
    CU_ASSERT_EQUAL(r->ops->shrink(r, "2", 1, &e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_PERMISSION);
    CU_ASSERT_EQUAL(r->ops->shrink(r, "x", 1, &e), -1);
    resource_close(r);
}

/* ---- doctor ---- */

static void line_add(void *arg, bool ok, const char *line)
{
    text_add(arg, "%s %s\n", ok ? "ok" : "--", line);
}

static const struct examination {
    const char *play;
    enum request_word word[3];
    const char *value[3];
    const char *lines;
} examinations[] = {
    {"scontrol=scontrol-ping.up sinfo=sinfo.idle",
     {0},
     {NULL},
     "ok Slurm on this host: Slurmctld(primary) at login1 is UP\n"
     "ok partition debug is up\n"
     "ok time limit of partition debug: infinite; --time is not asked for, so "
     "its default counts\n"
     "ok partition debug has 3 usable nodes of 3\n"},
    {"scontrol=scontrol-ping.up sinfo=sinfo.drained",
     {REQUEST_PARTITION, REQUEST_TIME, REQUEST_NODES},
     {"short", "30", "3"},
     "ok Slurm on this host: Slurmctld(primary) at login1 is UP\n"
     "ok partition short is up\n"
     "-- partition short gives 2:00 and 00:30:00 is asked for: lower --time, "
     "or take another --partition\n"
     "-- partition short has 2 usable nodes of 3, and 3 are asked for: lower "
     "--nodes, or wait\n"},
    {"scontrol=scontrol-ping.up sinfo=sinfo.node-down",
     {REQUEST_PARTITION, REQUEST_TIME},
     {"closed", "30"},
     "ok Slurm on this host: Slurmctld(primary) at login1 is UP\n"
     "-- partition closed is down: jobs wait there until the site opens it, "
     "or take another --partition\n"
     "ok time limit of partition closed: 1:00:00, asked for: 00:30:00\n"
     "ok partition closed has 2 usable nodes of 3\n"},
    {"scontrol=scontrol-ping.up sinfo=sinfo.idle sacctmgr=status:0",
     {REQUEST_PARTITION, REQUEST_ACCOUNT},
     {"nosuch", "proj"},
     "ok Slurm on this host: Slurmctld(primary) at login1 is UP\n"
     "-- partition nosuch is not there: it is one of debug low short closed\n"
     "-- account proj is not there: 'sacctmgr show associations user=$USER' "
     "lists yours\n"},
    {"scontrol=scontrol-ping.up sinfo=sinfo.server-down sacctmgr=status:1",
     {REQUEST_ACCOUNT},
     {"proj"},
     "ok Slurm on this host: Slurmctld(primary) at login1 is UP\n"
     "-- sinfo says: slurm_load_partitions: Unable to contact slurm "
     "controller (connect failure)\n"
     "ok account proj: not checked, there is no accounting to ask\n"},
    {"scontrol=scontrol-ping.server-down",
     {0},
     {NULL},
     "-- Slurm on this host: Slurmctld(primary) at login1 is DOWN; nothing "
     "can be submitted until it is up\n"},
};

static void test_doctor(void)
{
    resource *r = open_slurm();

    for (size_t i = 0; i < COUNT(examinations); i++) {
        const struct examination *x = &examinations[i];
        resource_request q = {0};
        pe_error e = {0};
        text lines = {0};
        for (int k = 0; k < 3 && x->value[k]; k++)
            request_set(&q, x->word[k], x->value[k], true, "line", &e);
        played_set(x->play);
        CU_ASSERT_EQUAL(r->ops->doctor(r, &q, line_add, &lines, &e), 0);
        UNIT_EQUAL(e.text, "");
        UNIT_EQUAL(lines.data, x->lines);
        text_free(&lines);
        request_free(&q);
    }
    resource_close(r);
}

int main(void)
{
    static const unit_test tests[] = {
        {"every recorded state", test_states},
        {"facts of a job that runs", test_running_facts},
        {"lines nobody recorded", test_lines},
        {"an id that is used again", test_reused},
        {"reasons nobody recorded", test_reasons},
        {"every recorded state of accounting", test_accounting},
        {"one question for all jobs", test_describe},
        {"settings of the user do not matter", test_settings},
        {"jobs by their folder", test_describe_all},
        {"no answer", test_describe_errors},
        {"a time limit", test_time_limit},
        {"no such command", test_missing_command},
        {"no accounting", test_no_accounting},
        {"a thousand jobs", test_thousand},
        {"bytes that are no text", test_bytes},
        {"other clusters", test_clusters},
        {"the helper", test_helper},
        {"submit", test_submit},
        {"submit: the command line", test_submit_words},
        {"submit: the environment", test_submit_environment},
        {"submit: every recorded refusal", test_submit_refused},
        {"submit: a time limit", test_submit_hangs},
        {"cancel", test_cancel},
        {"shrink", test_shrink},
        {"doctor", test_doctor},
        {NULL, NULL},
    };

    unsetenv("PILOT_LIBEXEC");
    unsetenv("PILOT_SCHEDULER_TIMEOUT");
    played_open("sbatch squeue sacct scancel scontrol sinfo sacctmgr",
                "slurm.rec");
    int status = unit_main("slurm", tests);
    played_close();
    return status;
}
