/* test_pbs.c - OpenPBS: what its answers mean, as a real one gave them. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "played.h"
#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/backend/pbs/private.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What we make of `qstat -f` is what -F dsv printed, byte for byte, for every
 * job that was recorded in both shapes: the other states may be trusted too.
 */
static void test_shapes(void)
{
    const recorded *all =
        recorded_find(played_all, played_n, "qstat-xf-dsv.all");
    int n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(all);
    for (size_t i = 0; i < played_n; i++) {
        const recorded *r = &played_all[i];
        size_t len = 0;
        if (strncmp(r->name, "qstat-xf.", 9) || r->status != 0)
            continue;
        char *dsv = recorded_dsv(r, &len);
        CU_ASSERT_FATAL(len > 10 && dsv[len - 1] == '\n');
        CU_ASSERT_PTR_NULL(memchr(dsv, '\n', len - 1));
        n += memmem(all->out, all->out_len, dsv, len) != NULL;
        free(dsv);
    }
    printf("# %d of them are the same in both\n", n);
    CU_ASSERT(n >= 15);
}

/* Every recorded state. */
static const struct state_row {
    const char *name, *id;
    enum resource_seen seen;
    bool never;
    int restarts, exit_code, signal;
    const char *prose;
} states[] = {
    {"array-finished", "21[].pbsserver", RESOURCE_FAILED, false, 0, 0, 0,
     "a part of it failed"},
    {"array-held", "21[].pbsserver", RESOURCE_HELD, false, 0, -1, -1,
     "held: 'qrls ID' lets it go"},
    {"array-queued", "21[].pbsserver", RESOURCE_QUEUED, false, 0, -1, -1,
     "waits for hosts to become free"},
    {"array-running", "21[].pbsserver", RESOURCE_RUNNING, false, 0, -1, -1, ""},
    {"array-subjob-deleted", "21[4].pbsserver", RESOURCE_CANCELED, false, 0, -1,
     15, ""},
    {"array-subjob-deleted-queued", "21[6].pbsserver", RESOURCE_FAILED, false,
     0, 0, 0, "a part of it failed"},
    {"array-subjob-failed", "21[2].pbsserver", RESOURCE_FAILED, false, 0, 1, 0,
     "its script ended with 1; its err in"},
    {"array-subjob-finished", "21[1].pbsserver", RESOURCE_DONE, false, 0, 0, 0,
     ""},
    {"array-subjob-running", "21[1].pbsserver", RESOURCE_RUNNING, false, 0, -1,
     -1, ""},
    {"bad-shell", "6.pbsserver", RESOURCE_FAILED, false, 0, 254, 0,
     "as it does when its shell is not there"},
    {"deleted-force", "10.pbsserver", RESOURCE_DONE, false, 0, 0, 0, ""},
    {"deleted-queued", "15.pbsserver", RESOURCE_CANCELED, false, 0, -1, -1, ""},
    {"deleted-running", "8.pbsserver", RESOURCE_CANCELED, false, 0, 143, 0, ""},
    {"deleted-stubborn", "9.pbsserver", RESOURCE_CANCELED, false, 0, -1, 15,
     ""},
    {"deleting", "9.pbsserver", RESOURCE_RUNNING, false, 0, -1, -1, ""},
    {"dependency-failed", "17.pbsserver", RESOURCE_FAILED, false, 0, -1, -1,
     "never ran: the job it waited for did not end as --dependency wants it"},
    {"exiting", "24.pbsserver", RESOURCE_ENDING, false, 0, -1, -1, ""},
    {"finished-127", "5.pbsserver", RESOURCE_FAILED, false, 0, 127, 0,
     "its script ended with 127: a command in it was not found"},
    {"finished-2nodes", "1.pbsserver", RESOURCE_DONE, false, 0, 0, 0, ""},
    {"finished-afterany", "18.pbsserver", RESOURCE_DONE, false, 0, 0, 0, ""},
    {"finished-exit3", "2.pbsserver", RESOURCE_FAILED, false, 0, 3, 0,
     "its script ended with 3"},
    {"finished-ok", "0.pbsserver", RESOURCE_DONE, false, 0, 0, 0, ""},
    {"finished-output-dir", "7.pbsserver", RESOURCE_DONE, false, 0, 0, 0,
     "done, but its output could not be brought back"},
    {"finished-signal15", "4.pbsserver", RESOURCE_FAILED, false, 0, 143, 0,
     "its script ended with 143"},
    {"finished-signal9", "3.pbsserver", RESOURCE_FAILED, false, 0, 137, 0,
     "its script ended with 137"},
    {"held-dependency", "17.pbsserver", RESOURCE_QUEUED, false, 0, -1, -1,
     "waits for another job (--dependency)"},
    {"held-qhold", "15.pbsserver", RESOURCE_HELD, false, 0, -1, -1,
     "held: 'qrls ID' lets it go"},
    {"held-system", "15.pbsserver", RESOURCE_HELD, false, 0, -1, -1,
     "held by the site: ask them why"},
    {"held-user", "13.pbsserver", RESOURCE_HELD, false, 0, -1, -1,
     "held: 'qrls ID' lets it go"},
    {"killed-walltime", "11.pbsserver", RESOURCE_TIMEOUT, false, 0, -1, -1,
     "its time was over: ask for more with --time"},
    {"killed-walltime-trap", "12.pbsserver", RESOURCE_TIMEOUT, false, 0, -1, -1,
     "its time was over"},
    {"node-down-running", "66.pbsserver", RESOURCE_RUNNING, false, 0, -1, -1,
     ""},
    {"node-fail-not-rerunnable", "66.pbsserver", RESOURCE_NODE_LOST, false, 0,
     -1, -1, "a host of it was lost"},
    {"node-fail-requeued", "67.pbsserver", RESOURCE_QUEUED, false, 1, -1, -1,
     "a host of it was lost, and it was queued again"},
    {"odd-escapes", "26.pbsserver", RESOURCE_HELD, false, 0, -1, -1, "held"},
    {"odd-latin1", "27.pbsserver", RESOURCE_HELD, false, 0, -1, -1, "held"},
    {"odd-numbers", "25.pbsserver", RESOURCE_HELD, false, 0, -1, -1, "held"},
    {"odd-quotes", "28.pbsserver", RESOURCE_HELD, false, 0, -1, -1, "held"},
    {"preempted", "22.pbsserver", RESOURCE_SUSPENDED, false, 0, -1, -1,
     "suspended, to make room for a job of higher priority"},
    {"preempted-resumed", "22.pbsserver", RESOURCE_RUNNING, false, 0, -1, -1,
     ""},
    {"queued-altered", "15.pbsserver", RESOURCE_QUEUED, false, 0, -1, -1,
     "waits for hosts to become free"},
    {"queued-moved", "15.pbsserver", RESOURCE_QUEUED, false, 0, -1, -1,
     "waits for hosts to become free"},
    {"queued-never", "19.pbsserver", RESOURCE_QUEUED, true, 0, -1, -1,
     "no host has so much: cancel it"},
    {"queued-resources", "15.pbsserver", RESOURCE_QUEUED, false, 0, -1, -1,
     "waits for hosts to become free"},
    {"queued-stopped-queue", "20.pbsserver", RESOURCE_QUEUED, false, 0, -1, -1,
     "its queue is stopped: move it to another ('qmove QUEUE ID')"},
    {"requeued", "14.pbsserver", RESOURCE_QUEUED, false, 1, -1, -1,
     "was queued again"},
    {"rerunning", "14.pbsserver", RESOURCE_RUNNING, false, 1, -1, -1, ""},
    {"running", "0.pbsserver", RESOURCE_RUNNING, false, 0, -1, -1, ""},
    {"running-2nodes", "1.pbsserver", RESOURCE_RUNNING, false, 0, -1, -1, ""},
    {"suspended", "14.pbsserver", RESOURCE_SUSPENDED, false, 0, -1, -1,
     "suspended"},
    {"waiting-time", "16.pbsserver", RESOURCE_QUEUED, false, 0, -1, -1,
     "waits for its time to begin"},
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
    resource_job job = played_job(row->id, NULL);
    job_index *x = job_index_create(&job, 1, pbs_mark, NULL);
    size_t len = 0;
    char *line = recorded_dsv(r, &len);
    bool waits = row->seen == RESOURCE_QUEUED || row->seen == RESOURCE_HELD;
    bool never_ran =
        waits ||
        (row->exit_code == -1 && row->signal == -1 &&
         (row->seen == RESOURCE_FAILED || row->seen == RESOURCE_CANCELED));

    pbs_parse(line, len, x);
    played_print(row->name, &job);
    UNIT_EQUAL(resource_seen_name(job.seen), resource_seen_name(row->seen));
    CU_ASSERT_EQUAL(job.never, row->never);
    CU_ASSERT_EQUAL(job.restarts, row->restarts);
    CU_ASSERT_EQUAL(job.exit_code, row->exit_code);
    CU_ASSERT_EQUAL(job.signal, row->signal);
    if (*row->prose)
        UNIT_CONTAINS(job.prose, row->prose);
    else
        UNIT_EQUAL(job.prose, "");
    CU_ASSERT(job.submit_ns > 0);
    CU_ASSERT_EQUAL(job.start_ns > 0, !never_ran);
    CU_ASSERT_EQUAL(job.end_ns > 0, !waits);
    job_index_destroy(x);
    free(line);
}

static void test_states(void)
{
    size_t n = 0;

    for (size_t i = 0; i < played_n; i++) {
        const recorded *r = &played_all[i];
        if (strncmp(r->name, "qstat-xf.", 9))
            continue;
        const struct state_row *row = state_find(r->name + 9);
        if (!row)
            printf("# %s is not in the table\n", r->name);
        CU_ASSERT_PTR_NOT_NULL_FATAL(row);
        state_check(row, r);
        n++;
    }
    CU_ASSERT_EQUAL(n, COUNT(states));
}

static void test_running_facts(void)
{
    const recorded *r =
        recorded_find(played_all, played_n, "qstat-xf.running-2nodes");
    resource_job job = played_job("1.pbsserver", NULL);
    job_index *x = job_index_create(&job, 1, pbs_mark, NULL);
    size_t len = 0;
    char *line = recorded_dsv(r, &len);

    pbs_parse(line, len, x);
    UNIT_EQUAL(job.native, "R");
    UNIT_EQUAL(job.hosts, "node1,node2");
    UNIT_EQUAL(job.reason, "Job run at Mon Nov 23 at 14:31 on "
                           "(node1:ncpus=2)+(node2:ncpus=2)");
    CU_ASSERT_EQUAL(job.nodes, 2);
    CU_ASSERT_EQUAL(job.submit_ns, 1795444316 * CLOCK_S);
    CU_ASSERT_EQUAL(job.start_ns, 1795444319 * CLOCK_S);
    CU_ASSERT_EQUAL(job.end_ns, 1795444619 * CLOCK_S); /* + walltime */
    job_index_destroy(x);
    free(line);
}

/* Lines nobody recorded. */
static void test_lines(void)
{
#define JOB "Job Id: 7.s|job_state="
#define RAN "|stime=Mon Nov 23 14:31:54 2026|substate=93|Exit_status="
    static const struct {
        const char *line;
        enum resource_seen seen;
        const char *prose;
    } rows[] = {
        {JOB "F" RAN "-27", RESOURCE_FAILED, "used more memory than it had"},
        {JOB "F" RAN "-24", RESOURCE_FAILED, "used more cores than it had"},
        {JOB "F" RAN "-28", RESOURCE_TIMEOUT, "its time was over"},
        {JOB "F" RAN "-2", RESOURCE_FAILED, "could not run it (status -2)"},
        {JOB "F" RAN "265", RESOURCE_FAILED, "killed by signal 9"},
        {JOB "F", RESOURCE_FAILED, "never ran, and PBS does not say why"},
        {JOB "Q|comment=Not Running: Queue queue job limit has been reached.",
         RESOURCE_QUEUED, "a limit of the site is reached"},
        {JOB "Q|comment=Not Running: Insufficient amount of resource: ncpus",
         RESOURCE_QUEUED, "waits for what it asks for to become free"},
        {JOB "Q|comment=something of next year", RESOURCE_QUEUED, ""},
        {JOB "M", RESOURCE_QUEUED, "is on its way to another server"},
        {JOB "U", RESOURCE_SUSPENDED, "suspended"},
        {JOB "Z", RESOURCE_UNKNOWN, ""},
        {JOB, RESOURCE_UNKNOWN, ""},
        {"Job Id: 7.s", RESOURCE_UNKNOWN, ""},
        {"Job Id: 7.s|", RESOURCE_UNKNOWN, ""},
        {"Job Id: 77.s|job_state=R", RESOURCE_ABSENT, ""},
        {"job_state=R", RESOURCE_ABSENT, ""},
        {"", RESOURCE_ABSENT, ""},
        {JOB "R|comment=a\\|job_state=F\\\\|substate=42", RESOURCE_RUNNING, ""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource_job job = played_job("7.s", NULL);
        job_index *x = job_index_create(&job, 1, pbs_mark, NULL);
        pbs_parse(rows[i].line, strlen(rows[i].line), x);
        UNIT_EQUAL(resource_seen_name(job.seen),
                   resource_seen_name(rows[i].seen));
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
#define AT(day, dir)                                               \
    "Job Id: 7.s|job_state=R|qtime=Mon Nov " day " 12:00:00 2026|" \
    "Variable_List=A=b,PILOT_DIR=" dir
    static const struct {
        const char *line;
        enum resource_seen seen;
    } rows[] = {
        {AT("23", "/w/a%20b"), RESOURCE_RUNNING},
        {AT("25", "/w/a%20b"), RESOURCE_RUNNING}, /* queued again */
        {AT("23", "/w/b"), RESOURCE_RUNNING},
        {AT("25", "/w/b"), RESOURCE_ABSENT},
        {AT("20", "/w/b"), RESOURCE_ABSENT},
        {"Job Id: 7.s|job_state=R|qtime=Mon Nov 25 12:00:00 2026",
         RESOURCE_ABSENT},
        {"Job Id: 7.s|job_state=R", RESOURCE_RUNNING},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource_job job = played_job("7.s", "/w/a b");
        job.since_ns = scheduler_time_iso("2026-11-23T12:00:00", 19);
        job_index *x = job_index_create(&job, 1, pbs_mark, NULL);
        pbs_parse(rows[i].line, strlen(rows[i].line), x);
        CU_ASSERT_EQUAL(job.seen, rows[i].seen);
        job_index_destroy(x);
    }
}

static void test_marks(void)
{
    static const struct {
        const char *dir, *mark;
    } rows[] = {
        {"/home/me/p_1.2-3", "/home/me/p_1.2-3"},
        {"/it's \"a,b\\c\" 100%", "/it%27s%20%22a%2Cb%5Cc%22%20100%25"},
        {"/gr\xc3\xb6\n", "/gr%C3%B6%0A"},
    };
    static const struct {
        const char *before, *behind; /* the mark */
        bool found;
    } lists[] = {
        {"PILOT_DIR=", "", true},
        {"A=1,PILOT_DIR=", ",B=2", true},
        {"A=x\\,y,PILOT_DIR=", "", true},
        {"A=a\\\\,PILOT_DIR=", "", true},
        {"A=x\\,PILOT_DIR=", "", false},
        {"MY_PILOT_DIR=", "", false},
        {"PILOT_DIR=", "x", false},
        {"PILOT_DIR=x", "", false},
        {"A=", "", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *mark = pbs_mark(rows[i].dir);
        UNIT_EQUAL(mark, rows[i].mark);
        for (size_t k = 0; k < COUNT(lists); k++) {
            resource_job job = played_job("", rows[i].dir);
            job_index *x = job_index_create(&job, 1, pbs_mark, NULL);
            text line = {0};
            text_add(&line, "Job Id: 5.s|job_state=R|Variable_List=%s%s%s",
                     lists[k].before, mark, lists[k].behind);
            pbs_parse(line.data, line.len, x);
            UNIT_EQUAL(job.id, lists[k].found ? "5.s" : "");
            text_free(&line);
            job_index_destroy(x);
        }
        free(mark);
    }
}

static void test_seconds(void)
{
    static const struct {
        const char *s;
        int64_t seconds;
    } rows[] = {{"00:05:00", 300}, {"100:00:00", 360000},
                {"90", 90},        {"1:30", 90},
                {"", -1},          {"x", -1},
                {"1:2:3:4", -1},   {"1234567890123", -1},
                {"-5", -1}};

    for (size_t i = 0; i < COUNT(rows); i++)
        CU_ASSERT_EQUAL(pbs_seconds(rows[i].s, strlen(rows[i].s)),
                        rows[i].seconds);
}

int main(void)
{
    static const unit_test tests[] = {
        {"two shapes of one answer", test_shapes},
        {"every recorded state", test_states},
        {"facts of a job that runs", test_running_facts},
        {"lines nobody recorded", test_lines},
        {"an id that is used again", test_reused},
        {"marks", test_marks},
        {"times", test_seconds},
        {NULL, NULL},
    };

    unsetenv("PILOT_SCHEDULER_TIMEOUT");
    setenv("FAKE_VERSION", "pbs_version = 23.06.06", 1);
    played_open("qsub qstat qdel qsig qselect pbsnodes pbs_release_nodes",
                "pbs.rec");
    int status = unit_main("pbs", tests);
    played_close();
    return status;
}
