/* test_pbs.c - OpenPBS, against what a real one answered. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "played.h"
#include "scratch.h"
#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/backend/backends.h"
#include "src/backend/pbs/private.h"
#include "src/backend/backend.h"

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

/* ---- whole calls ---- */

static resource *open_pbs(void)
{
    pe_error e = {0};
    resource *r = backend_open("pbs://", &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    return r;
}

static void test_describe(void)
{
    resource *r = open_pbs();
    resource_job jobs[] = {
        played_job("0.pbsserver", NULL), played_job("9.pbsserver", NULL),
        played_job("27.pbsserver", NULL), played_job("999.pbsserver", NULL)};
    pe_error e = {0};

    /* one answer of 54 jobs, one of which has bytes that are no UTF-8 */
    played_set("qstat=qstat-xf-dsv.all");
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, COUNT(jobs), &e), 0);
    UNIT_EQUAL(e.text, "");
    UNIT_EQUAL(resource_seen_name(jobs[0].seen), "done");
    UNIT_EQUAL(resource_seen_name(jobs[1].seen), "canceled");
    UNIT_EQUAL(resource_seen_name(jobs[2].seen), "canceled");
    UNIT_EQUAL(resource_seen_name(jobs[3].seen), "absent");
    CU_ASSERT_EQUAL(played_calls("qstat"), 1);
    UNIT_CONTAINS(played_log(), " qstat -x -f -F dsv 0.pbsserver 9.pbsserver "
                                "27.pbsserver 999.pbsserver\n");
    resource_close(r);
}

/* A job that is not known beside others, and none that is. */
static void test_unknown(void)
{
    resource *r = open_pbs();
    resource_job job = played_job("999999.pbsserver", NULL);
    pe_error e = {0};

    played_set("qstat=qstat-f.unknown-id");
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), 0);
    CU_ASSERT_EQUAL(job.seen, RESOURCE_ABSENT);
    played_set("qstat=qstat.bad-id");
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), 0);
    CU_ASSERT_EQUAL(job.seen, RESOURCE_ABSENT);
    /* nobody to ask about: nobody is asked */
    played_set("qstat=status:1");
    CU_ASSERT_EQUAL(r->ops->describe(r, NULL, 0, &e), 0);
    job = played_job("not an id", NULL);
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), 0);
    CU_ASSERT_EQUAL(played_calls("qstat"), 0);
    resource_close(r);
}

static void test_describe_errors(void)
{
    static const struct {
        const char *play, *text;
    } rows[] = {
        {"qstat=qstat.server-down",
         "qstat on this host says: Connection refused; cannot connect to "
         "server pbsserver (errno=15010); try again later ('qstat -B')"},
        /* it prints a document all the same */
        {"qstat=qstat-f-json.server-down", "Connection refused"},
        {"qstat=status:1", "qstat on this host says: nothing, and ended with"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource *r = open_pbs();
        resource_job job = played_job("0.pbsserver", NULL);
        pe_error e = {0};
        played_set(rows[i].play);
        CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), -1);
        UNIT_CONTAINS(e.text, rows[i].text);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
        CU_ASSERT_EQUAL(job.seen, RESOURCE_ABSENT);
        resource_close(r);
    }
}

static void test_time_limit(void)
{
    resource *r;
    resource_job job = played_job("0.pbsserver", NULL);
    pe_error e = {0};

    setenv("PILOT_SCHEDULER_TIMEOUT", "0.2", 1);
    r = open_pbs();
    played_set("qstat=sleep");
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), -1);
    UNIT_EQUAL(e.text, "qstat on this host: no answer within 0.2 s: "
                       "the command was stopped");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    unsetenv("PILOT_SCHEDULER_TIMEOUT");
    resource_close(r);
}

/* A server that keeps no history says so once, and nothing of any job: with
 * status 0, or in other versions with one of its own.
 */
static void test_no_history(void)
{
    static const struct {
        const char *play, *first, *then;
    } rows[] = {
        {"qstat=status:36,qstat-xf.running,qstat-f.finished-ok", "running",
         "absent"},
        {"qstat=qstat-xf-dsv.no-history,qstat-f-dsv.no-history-held,"
         "qstat-f-dsv.no-history-gone",
         "held", "absent"},
        {"qstat=qstat-xf-dsv.no-history,qstat-f-dsv.no-history-gone,"
         "qstat-f-dsv.no-history-held",
         "absent", "held"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource *r = open_pbs();
        resource_job job = played_job("0.pbsserver", NULL);
        played_set(rows[i].play);
        CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, NULL), 0);
        UNIT_EQUAL(resource_seen_name(job.seen), rows[i].first);
        CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, NULL), 0);
        UNIT_EQUAL(resource_seen_name(job.seen), rows[i].then);
        CU_ASSERT_EQUAL(played_calls("qstat"), 3);
        UNIT_CONTAINS(played_log(), " qstat -x -f -F dsv 0.pbsserver\n");
        UNIT_CONTAINS(played_log(), " qstat -f -F dsv 0.pbsserver\n");
        resource_close(r);
    }
}

/* The end of a job, and a submission that was cut off, where there is no
 * history.
 */
static void test_no_history_else(void)
{
    resource *r = open_pbs();
    resource_job job = played_job("", "/p/1");
    pe_error e = {0};
    int64_t end_ns = -1;
    char *play;

    played_set("qstat=qstat-xf-dsv.no-history,qstat-f-dsv.no-history-held");
    CU_ASSERT_EQUAL(pbs_ops.scheduler->end(r, "0.pbsserver", &end_ns, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL(end_ns, 0); /* not begun */
    resource_close(r);
    r = open_pbs();
    scratch_write("lines", "Job Id: 0.pbsserver|job_state=Q|"
                           "Variable_List=PILOT_DIR=/p/1\n");
    play = text_format("qselect=qselect-x.no-history,qselect.no-history "
                       "qstat=file:%s",
                       scratch_path);
    played_set(play);
    CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), 0);
    UNIT_EQUAL(e.text, "");
    UNIT_EQUAL(job.id, "0.pbsserver");
    UNIT_EQUAL(resource_seen_name(job.seen), "queued");
    UNIT_CONTAINS(played_log(), " qstat -f -F dsv 0.pbsserver\n");
    free(play);
    resource_close(r);
}

/* A submit that was cut off: the job is found by its mark among ours. */
static void test_search(void)
{
    static const char lines[] =
        "Job Id: 2.s|job_state=R|qtime=Mon Nov 23 14:31:54 2026|"
        "Variable_List=PILOT_DIR=/p/2\n"
        "Job Id: 3.s|job_state=Q|qtime=Mon Nov 23 14:32:54 2026|"
        "Variable_List=PILOT_DIR=/p/1\n"
        "Job Id: 4.s|job_state=F|qtime=Mon Nov 23 14:30:54 2026|"
        "Variable_List=PILOT_DIR=/p/1\n";
    resource *r = open_pbs();
    resource_job jobs[] = {played_job("", "/p/1"), played_job("2.s", "/p/2"),
                           played_job("", "/p/9")};
    char *play, *name;
    pe_error e = {0};

    scratch_write("ids", "2.s\n3.s\n4.s\n");
    name = text_format("%s", scratch_path);
    scratch_write("lines", lines);
    play = text_format("qselect=status:36,file:%s qstat=file:%s", name,
                       scratch_path);
    played_set(play);
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, COUNT(jobs), &e), 0);
    UNIT_EQUAL(e.text, "");
    UNIT_EQUAL(jobs[0].id, "3.s");
    UNIT_EQUAL(resource_seen_name(jobs[0].seen), "queued");
    UNIT_EQUAL(resource_seen_name(jobs[1].seen), "running");
    UNIT_EQUAL(jobs[2].id, "");
    UNIT_CONTAINS(played_log(), " qselect -x -u ");
    UNIT_CONTAINS(played_log(), " qstat -f -F dsv 2.s 2.s 3.s 4.s\n");
    played_set("qselect=qstat.server-down qstat=status:0");
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, 1, &e), 0); /* it has an id */
    jobs[0] = played_job("", "/p/1");
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, 1, &e), -1);
    UNIT_CONTAINS(e.text, "qselect on this host says: Connection refused");
    free(play);
    free(name);
    resource_close(r);
}

static void test_thousand(void)
{
    enum { N = 3000 };
    resource *r = open_pbs();
    resource_job *jobs = calloc(N, sizeof(*jobs));
    text lines = {0};
    char *play;
    int running = 0;

    for (int i = 0; i < N; i++) {
        char id[32];
        snprintf(id, sizeof(id), "%d.pbsserver", 100000 + i);
        jobs[i] = played_job(id, NULL);
        text_add(&lines, "Job Id: %s|job_state=R|substate=42\n", id);
    }
    scratch_write("lines", lines.data);
    play = text_format("qstat=file:%s", scratch_path);
    played_set(play);
    CU_ASSERT_EQUAL(r->ops->describe(r, jobs, N, NULL), 0);
    for (int i = 0; i < N; i++)
        running += jobs[i].seen == RESOURCE_RUNNING;
    CU_ASSERT_EQUAL(running, N);
    CU_ASSERT_EQUAL(played_calls("qstat"), 3); /* a packet of SSH each */
    free(play);
    free(jobs);
    text_free(&lines);
    resource_close(r);
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

static void test_submit_words(void)
{
    static const struct {
        const char *dir;
        enum request_word word[2];
        const char *value[2];
        const char *command, *notes;
    } rows[] = {
        {"/home/me/p",
         {0},
         {NULL},
         "qsub -v PILOT_DIR=/home/me/p -o /home/me/p/scheduler.out -j oe "
         "/home/me/p/job.sh\n",
         ""},
        {"/it's, so",
         {0},
         {NULL},
         "qsub -v PILOT_DIR=/it%27s%2C%20so -o '/it'\\''s, so/scheduler.out' "
         "-j oe '/it'\\''s, so/job.sh'\n",
         ""},
        {"/a:b", {0}, {NULL}, "qsub -v PILOT_DIR=/a%3Ab /a:b/job.sh\n", ""},
        {"/p", {REQUEST_OUTPUT}, {"o"}, "qsub -v PILOT_DIR=/p /p/job.sh\n", ""},
        {"/p",
         {REQUEST_ERROR},
         {"e"},
         "qsub -v PILOT_DIR=/p -o /p/scheduler.out /p/job.sh\n",
         ""},
        {"/p",
         {REQUEST_DIRECTIVES},
         {"-j n"},
         "qsub -v PILOT_DIR=/p -o /p/scheduler.out /p/job.sh\n",
         ""},
        {"/p",
         {REQUEST_EXPORT},
         {"ALL,A=b"},
         "qsub -V -v PILOT_DIR=/p,A=b -o /p/scheduler.out -j oe /p/job.sh\n",
         ""},
        {"/p",
         {REQUEST_EXPORT},
         {"A,B=c"},
         "qsub -v PILOT_DIR=/p,A,B=c -o /p/scheduler.out -j oe /p/job.sh\n",
         ""},
        {"/p",
         {REQUEST_EXPORT},
         {"NONE"},
         "qsub -v PILOT_DIR=/p -o /p/scheduler.out -j oe /p/job.sh\n",
         ""},
        {"/p",
         {REQUEST_EXTRA, REQUEST_QOS},
         {"-l a b", "workq"},
         "qsub -v PILOT_DIR=/p -o /p/scheduler.out -j oe '-l a b' "
         "/p/job.sh\n",
         "# --qos is the queue there: -q workq\n"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource *r = open_pbs();
        resource_request q = {0};
        resource_spec s = spec_of(&q);
        char id[RESOURCE_ID_MAX] = "", *want, *command;
        pe_error e = {0};
        s.dir = rows[i].dir;
        for (int k = 0; k < 2 && rows[i].value[k]; k++)
            request_set(&q, rows[i].word[k], rows[i].value[k], true, "", &e);
        played_set("qsub=qsub.ok");
        CU_ASSERT_EQUAL(r->ops->submit(r, &s, id, &e), 0);
        UNIT_EQUAL(e.text, "");
        UNIT_CONTAINS(id, ".pbsserver");
        want = text_format("%s %s", strrchr(scratch_folder, '/') + 1,
                           rows[i].command);
        UNIT_EQUAL(played_log(), want);
        free(want);
        command = r->ops->command(&s, NULL);
        want = text_format("%s%s", rows[i].command, rows[i].notes);
        UNIT_EQUAL(command, want);
        free(want);
        free(command);
        request_free(&q);
        resource_close(r);
    }
}

/* Slurm's wrapper is called qsub as well. */
static void test_submit_wrapper(void)
{
    resource *r = open_pbs();
    resource_request q = {0};
    const resource_spec s = spec_of(&q);
    char id[RESOURCE_ID_MAX] = "";
    pe_error e = {0};

    setenv("FAKE_VERSION", "Usage: qsub [-a start_time]", 1);
    played_set("qsub=qsub.ok");
    CU_ASSERT_EQUAL(r->ops->submit(r, &s, id, &e), -1);
    UNIT_EQUAL(e.text, "the qsub on this host is not that of PBS: if it is "
                       "Slurm's, the resource is slurm://");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    UNIT_EQUAL(played_log(), "");
    setenv("FAKE_VERSION", "pbs_version = 23.06.06", 1);
    CU_ASSERT_EQUAL(r->ops->submit(r, &s, id, &e), 0);
    resource_close(r);
}

/* `-- -W block=true`: the status is the job's, and there is one. */
static void test_submit_blocks(void)
{
    resource *r = open_pbs();
    resource_request q = {0};
    const resource_spec s = spec_of(&q);
    char id[RESOURCE_ID_MAX] = "";

    played_set("qsub=qsub.block-exit3");
    CU_ASSERT_EQUAL(r->ops->submit(r, &s, id, NULL), 0);
    UNIT_EQUAL(id, "64.pbsserver");
    resource_close(r);
}

static const struct refusal {
    const char *name;
    enum pe_error_class kind;
    enum pe_exit exit_code;
    const char *text;
} refusals[] = {
    {"qsub-select.bad-mem", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "qsub on this host says: Illegal attribute or resource value select.mem"},
    {"qsub-select.bad-syntax", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Illegal"},
    {"qsub-select.empty", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Illegal"},
    {"qsub-select.ncpus-and-select", PE_ERROR_INPUT, PE_EXIT_USAGE,
     "cannot be used with \"select\" or \"place\", resource is: ncpus"},
    {"qsub-select.negative", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Illegal"},
    {"qsub-select.ngpus", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Unknown resource: ngpus; this site has no resource of that name"},
    {"qsub-select.place-bad", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Illegal"},
    {"qsub-select.trailing-colon", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Illegal"},
    {"qsub-select.unknown-l", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Unknown resource Resource_List.nosuch"},
    {"qsub-select.unknown-resource", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Unknown resource: nosuch"},
    {"qsub-select.walltime-bad", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Illegal"},
    {"qsub-select.walltime-days", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Illegal"},
    {"qsub-select.walltime-in-select", PE_ERROR_INPUT, PE_EXIT_USAGE,
     "Resource invalid in \"select\" specification: walltime"},
    {"qsub-select.zero", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Illegal"},
    {"qsub.dos", PE_ERROR_INPUT, PE_EXIT_USAGE, "script contains cr, lf"},
    {"qsub.err-array", PE_ERROR_INPUT, PE_EXIT_USAGE,
     "qsub on this host says: illegal -J value"},
    {"qsub.err-array-size", PE_ERROR_INPUT, PE_EXIT_USAGE, "size limit"},
    {"qsub.err-attr", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Error (15002)"},
    {"qsub.err-date", PE_ERROR_INPUT, PE_EXIT_USAGE, "illegal -a value"},
    {"qsub.err-dependency-syntax", PE_ERROR_INPUT, PE_EXIT_USAGE,
     "illegal -W value"},
    {"qsub.err-directive", PE_ERROR_INPUT, PE_EXIT_USAGE,
     "directive error: --nosuch"},
    {"qsub.err-env-singlequote", PE_ERROR_INPUT, PE_EXIT_USAGE,
     "cannot send environment with the job"},
    {"qsub.err-missing-script", PE_ERROR_INPUT, PE_EXIT_USAGE,
     "script file:: No such file or directory"},
    {"qsub.err-name", PE_ERROR_INPUT, PE_EXIT_USAGE, "illegal -N value"},
    {"qsub.err-name-too-long", PE_ERROR_INPUT, PE_EXIT_USAGE,
     "Job name is too long"},
    {"qsub.err-option", PE_ERROR_INPUT, PE_EXIT_USAGE, "invalid option"},
    {"qsub.err-option-short", PE_ERROR_INPUT, PE_EXIT_USAGE,
     "invalid option -- 'Y'"},
    {"qsub.err-queue", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Unknown queue"},
    {"qsub.err-queue-disabled", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Queue is not enabled"},
    {"qsub.err-queue-limit", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Job violates queue and/or server resource limits"},
    {"qsub.err-server", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "cannot connect to server pbsserver (errno=15008)"},
    {"qsub.err-variable", PE_ERROR_INPUT, PE_EXIT_USAGE,
     "cannot send environment with the job"},
    {"qsub.ok-quiet", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "gave no id of a job, and whether there is one is not known"},
    {"qsub.server-down", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "Connection refused; cannot connect to server pbsserver (errno=15010); "
     "try again later ('qstat -B')"},
};

static const struct refusal *refusal_find(const char *name)
{
    for (size_t i = 0; i < COUNT(refusals); i++)
        if (!strcmp(refusals[i].name, name))
            return &refusals[i];
    return NULL;
}

/* Every recorded answer of qsub that gives no id. */
static void test_submit_refused(void)
{
    size_t n = 0;

    for (size_t i = 0; i < played_n; i++) {
        const char *name = played_all[i].name;
        bool select = !strncmp(name, "qsub-select.", 12);
        if ((strncmp(name, "qsub.", 5) && !select) ||
            (played_all[i].status == 0 && select) ||
            (!select && played_all[i].out_len > 0))
            continue;
        const struct refusal *f = refusal_find(name);
        if (!f) {
            printf("# %s is not in the table\n", name);
            CU_FAIL("a recording without a row");
            continue;
        }
        resource *r = open_pbs();
        resource_request q = {0};
        const resource_spec s = spec_of(&q);
        char id[RESOURCE_ID_MAX] = "", *play;
        pe_error e = {0};
        play = text_format("qsub=%s", name);
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

/* ---- cancel, shrink ---- */

static const struct call {
    const char *play, *id;
    bool now;
    int result;
    enum pe_exit exit_code;
    const char *text, *log;
} cancels[] = {
    {"qdel=qdel.running", "8.pbsserver", false, 0, 0, "",
     " qdel 8.pbsserver\n"},
    {"qdel=qdel.queued", "15.pbsserver", false, 0, 0, "", " qdel "},
    {"qdel=qdel.running qsig=status:0", "8.pbsserver", true, 0, 0, "",
     " qsig -s KILL 8.pbsserver\n"},
    {"qdel=qdel.queued qsig=status:168", "15.pbsserver", true, 0, 0, "",
     " qdel 15.pbsserver\n"},
    {"qdel=qdel.finished", "0.pbsserver", false, 0, 0, "", " qdel "},
    {"qdel=qdel.unknown-id", "9.pbsserver", false, 0, 0, "", " qdel "},
    {"qdel=qdel.exiting", "6.pbsserver", false, 0, 0, "", " qdel "},
    {"qdel=qdel.exiting qsig=qsig.exiting", "6.pbsserver", true, 0, 0, "",
     " qdel "},
    {"qdel=qdel.denied", "0.pbsserver", false, -1, PE_EXIT_PERMISSION,
     "qdel on this host says: Unauthorized Request  0.pbsserver", " qdel "},
    {"qdel=qdel.server-down", "0.pbsserver", false, -1, PE_EXIT_UNAVAILABLE,
     "Couldn't connect to cluster: pbsserver", " qdel "},
    {"qdel=qdel.running", "21[].pbsserver", false, 0, 0, "",
     " qdel '21[].pbsserver'\n"},
    {"qdel=qdel.running", "abc", false, -1, PE_EXIT_CONFIG,
     "'abc' is no id of a job", ""},
    {"qdel=qdel.running", "-W", false, -1, PE_EXIT_CONFIG,
     "'-W' is no id of a job", ""},
};

static void test_cancel(void)
{
    resource *r = open_pbs();

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
        CU_ASSERT_EQUAL(played_calls("qdel"), *c->log != '\0');
        CU_ASSERT_EQUAL(played_calls("qsig"), c->now);
    }
    resource_close(r);
}

static void test_shrink(void)
{
    resource *r = open_pbs();
    pe_error e = {0};

    played_set("pbs_release_nodes=status:0");
    CU_ASSERT_EQUAL(r->ops->shrink(r, "1.pbsserver", 3, &e), 0);
    UNIT_CONTAINS(played_log(), " pbs_release_nodes -j 1.pbsserver -k 2\n");
    CU_ASSERT_EQUAL(r->ops->shrink(r, "1.pbsserver", 1, &e), 0);
    UNIT_CONTAINS(played_log(), " pbs_release_nodes -j 1.pbsserver -a\n");
    played_set("pbs_release_nodes=qdel.denied");
    CU_ASSERT_EQUAL(r->ops->shrink(r, "1.pbsserver", 1, &e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_PERMISSION);
    CU_ASSERT_EQUAL(r->ops->shrink(r, "x", 1, &e), -1);
    resource_close(r);
}

/* ---- doctor ---- */

static void line_add(void *arg, bool ok, const char *line)
{
    text_add(arg, "%s %s\n", ok ? "ok" : "--", line);
}

#define SERVER                                      \
    "ok PBS 23.06.06: server pbsserver is Active\n" \
    "ok server pbsserver keeps finished jobs for 24:00:00\n"
/* qstat is asked about the server first, then about its queues */
#define UP "qstat=qstat-Bf-json.up,qstat-Qf-json.all pbsnodes=pbsnodes-json."

static const struct examination {
    const char *play;
    enum request_word word[3];
    const char *value[3];
    const char *lines;
} examinations[] = {
    {UP "free",
     {0},
     {NULL},
     SERVER "ok queue workq is open\n"
            "ok time limit of queue workq: none of its own\n"
            "ok 2 of 2 hosts are usable\n"},
    {"qstat=qstat-Bf-json.no-history,qstat-Qf-json.all "
     "pbsnodes=pbsnodes-json.free",
     {0},
     {NULL},
     "ok PBS 23.06.06: server pbsserver is Active\n"
     "-- server pbsserver keeps no finished jobs: how one ended is known from "
     "its own record only\n"
     "ok queue workq is open\n"
     "ok time limit of queue workq: none of its own\n"
     "ok 2 of 2 hosts are usable\n"},
    {UP "down",
     {REQUEST_QOS, REQUEST_TIME, REQUEST_NODES},
     {"short", "30", "2"},
     SERVER "ok queue short is open\n"
            "-- queue short gives 00:02:00 and 00:30:00 is asked for: lower "
            "--time, or take another queue\n"
            "-- 1 of 2 hosts are usable, and 2 are asked for: lower --nodes, "
            "or wait\n"},
    {UP "offline",
     {REQUEST_PARTITION},
     {"stopped"},
     SERVER "-- queue stopped is stopped: jobs wait there until the site "
            "starts it, or take another\n"
            "ok time limit of queue stopped: none of its own\n"
            "ok 1 of 2 hosts are usable\n"},
    {UP "one-busy",
     {REQUEST_PARTITION},
     {"closed"},
     SERVER "-- queue closed takes no jobs: take another\n"
            "ok time limit of queue closed: none of its own\n"
            "ok 2 of 2 hosts are usable\n"},
    {UP "server-down",
     {REQUEST_PARTITION},
     {"nosuch"},
     SERVER "-- queue nosuch is not there: it is one of workq short closed "
            "stopped urgent\n"
            "-- pbsnodes on this host says: Connection refused; pbsnodes: "
            "cannot connect to server pbsserver, error=15010\n"},
    {"qstat=qstat-f-json.server-down",
     {0},
     {NULL},
     "-- qstat on this host says: Connection refused; cannot connect to "
     "server pbsserver (errno=15010)\n"},
    {"qstat=qstat.none",
     {0},
     {NULL},
     "-- qstat on this host gives no answer that can be read\n"},
};

static void test_doctor(void)
{
    resource *r = open_pbs();

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
        {"two shapes of one answer", test_shapes},
        {"every recorded state", test_states},
        {"facts of a job that runs", test_running_facts},
        {"lines nobody recorded", test_lines},
        {"an id that is used again", test_reused},
        {"marks", test_marks},
        {"times", test_seconds},
        {"one question for all jobs", test_describe},
        {"jobs that are not known", test_unknown},
        {"no answer", test_describe_errors},
        {"a time limit", test_time_limit},
        {"no history", test_no_history},
        {"no history: ends, searches", test_no_history_else},
        {"jobs by their mark", test_search},
        {"three thousand jobs", test_thousand},
        {"submit: the command line", test_submit_words},
        {"submit: another qsub", test_submit_wrapper},
        {"submit: a command that waits for the job", test_submit_blocks},
        {"submit: every recorded refusal", test_submit_refused},
        {"cancel", test_cancel},
        {"shrink", test_shrink},
        {"doctor", test_doctor},
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
