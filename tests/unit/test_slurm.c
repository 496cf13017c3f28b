/* test_slurm.c - Slurm: what its answers mean, as a real one gave them. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "played.h"
#include "src/common/clock.h"
#include "src/common/text.h"
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

int main(void)
{
    static const unit_test tests[] = {
        {"every recorded state", test_states},
        {"facts of a job that runs", test_running_facts},
        {"lines nobody recorded", test_lines},
        {"an id that is used again", test_reused},
        {"reasons nobody recorded", test_reasons},
        {"every recorded state of accounting", test_accounting},
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
