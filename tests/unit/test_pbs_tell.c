/* test_pbs_tell.c - OpenPBS is told: submit, cancel, shrink; its doctor. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler_tables.h"
#include "scratch.h"
#include "src/common/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- submit ---- */

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
        resource *r = played_resource("pbs://");
        resource_request q = {0};
        resource_spec s = scheduler_spec(&q);
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
    resource *r = played_resource("pbs://");
    resource_request q = {0};
    const resource_spec s = scheduler_spec(&q);
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
    resource *r = played_resource("pbs://");
    resource_request q = {0};
    const resource_spec s = scheduler_spec(&q);
    char id[RESOURCE_ID_MAX] = "";

    played_set("qsub=qsub.block-exit3");
    CU_ASSERT_EQUAL(r->ops->submit(r, &s, id, NULL), 0);
    UNIT_EQUAL(id, "64.pbsserver");
    resource_close(r);
}

static const scheduler_refusal refusals[] = {
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

/* An answer of qsub that gives no id. */
static bool gives_none(const recorded *r)
{
    bool select = !strncmp(r->name, "qsub-select.", 12);

    return select ? r->status != 0
                  : !strncmp(r->name, "qsub.", 5) && r->out_len == 0;
}

static void test_submit_refused(void)
{
    scheduler_refusals("pbs://", "qsub", gives_none, refusals, COUNT(refusals));
}

/* ---- cancel, shrink ---- */

static const scheduler_call cancels[] = {
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
    {"qdel=qdel.bad-id", "0.pbsserver", false, -1, PE_EXIT_USAGE,
     "qdel on this host says: illegally formed job identifier: abc", " qdel "},
    {"qdel=qdel.two-one-unknown", "999998.pbsserver", false, 0, 0, "",
     " qdel "},
    {"qdel=qdel-force.running", "10.pbsserver", false, 0, 0, "",
     " qdel 10.pbsserver\n"},
    {"qdel=qdel-x.finished", "0.pbsserver", false, 0, 0, "", " qdel "},
    {"qdel=status:1", "0.pbsserver", false, -1, PE_EXIT_USAGE,
     "qdel on this host", " qdel "},
    {"qdel=qdel.running", "21[].pbsserver", false, 0, 0, "",
     " qdel '21[].pbsserver'\n"},
    {"qdel=qdel.running", "abc", false, -1, PE_EXIT_CONFIG,
     "'abc' is no id of a job", ""},
    {"qdel=qdel.running", "-W", false, -1, PE_EXIT_CONFIG,
     "'-W' is no id of a job", ""},
};

static void test_cancel(void)
{
    scheduler_cancels("pbs://", "qdel", "qsig", cancels, COUNT(cancels));
}

static void test_shrink(void)
{
    resource *r = played_resource("pbs://");
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

#define SERVER                                      \
    "ok PBS 23.06.06: server pbsserver is Active\n" \
    "ok server pbsserver keeps finished jobs for 24:00:00\n"

/* qstat is asked about the server first, then about its queues */
#define UP "qstat=qstat-Bf-json.up,qstat-Qf-json.all pbsnodes=pbsnodes-json."

static const scheduler_examination examinations[] = {
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
            "-- 1 of 2 hosts is usable, and 2 are asked for: lower --nodes, "
            "or wait\n"},
    {UP "offline",
     {REQUEST_PARTITION},
     {"stopped"},
     SERVER "-- queue stopped is stopped: jobs wait there until the site "
            "starts it, or take another\n"
            "ok time limit of queue stopped: none of its own\n"
            "ok 1 of 2 hosts is usable\n"},
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
            "-- pbsnodes on this host says: Connection refused; cannot "
            "connect to server pbsserver, error=15010\n"},
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
    scheduler_doctors("pbs://", examinations, COUNT(examinations));
}

int main(void)
{
    static const unit_test tests[] = {
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
    int status = unit_main("pbs: orders", tests);
    played_close();
    return status;
}
