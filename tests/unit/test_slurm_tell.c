/* test_slurm_tell.c - Slurm is told: submit, cancel, shrink; its doctor. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler_tables.h"
#include "scratch.h"
#include "src/common/file.h"
#include "src/common/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- submit ---- */

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
        resource *r = played_resource("slurm://");
        resource_request q = {0};
        const resource_spec s = scheduler_spec(&q);
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
        resource *r = played_resource("slurm://");
        resource_request q = {0};
        resource_spec s = scheduler_spec(&q);
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
        resource *r = played_resource("slurm://");
        resource_request q = {0};
        resource_spec s = scheduler_spec(&q);
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
    resource *r = played_resource("slurm://");
    resource_request nothing = {0};
    const resource_spec none = scheduler_spec(&nothing);
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

static const scheduler_refusal refusals[] = {
    {"sbatch.err-account-strict", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "sbatch on this host says: Batch job submission failed: Invalid account "
     "or account/partition combination specified"},
    {"sbatch.err-array", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Invalid job array"},
    {"sbatch.err-array-syntax", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Invalid job array"},
    {"sbatch.err-begin", PE_ERROR_INPUT, PE_EXIT_USAGE,
     "sbatch on this host says: Invalid time specification (pos=0): whenever; "
     "Invalid --begin specification"},
    {"sbatch.err-constraint", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Invalid feature specification"},
    {"sbatch.err-dependency-syntax", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Job dependency problem"},
    {"sbatch.err-directive", PE_ERROR_INPUT, PE_EXIT_USAGE,
     "sbatch on this host says: unrecognized option '--no-such-option'"},
    {"sbatch.err-dos", PE_ERROR_INPUT, PE_EXIT_CONFIG, "DOS line breaks"},
    {"sbatch.err-empty", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Batch script is empty!"},
    {"sbatch.err-gres", PE_ERROR_INPUT, PE_EXIT_CONFIG, "generic resource"},
    {"sbatch.err-license", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Invalid license"},
    {"sbatch.err-memory", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Memory specification can not be satisfied; Batch job submission failed: "
     "Requested node configuration is not available"},
    {"sbatch.err-missing-script", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Unable to open file nosuch.sh"},
    {"sbatch.err-no-account-strict", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Invalid account"},
    {"sbatch.err-no-shebang", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "This does not look like a batch script"},
    {"sbatch.err-nodelist", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Invalid node name specified"},
    {"sbatch.err-option", PE_ERROR_INPUT, PE_EXIT_USAGE, "unrecognized option"},
    {"sbatch.err-partition", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "sbatch on this host says: invalid partition specified: nosuch; Batch "
     "job submission failed: Invalid partition name specified"},
    {"sbatch.err-qos-strict", PE_ERROR_INPUT, PE_EXIT_CONFIG, "Invalid qos"},
    {"sbatch.err-reservation", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Requested reservation is invalid"},
    {"sbatch.err-signal", PE_ERROR_INPUT, PE_EXIT_USAGE, "Invalid --signal"},
    {"sbatch.err-time", PE_ERROR_INPUT, PE_EXIT_USAGE, "Invalid --time"},
    {"sbatch.err-timelimit-strict", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "Requested time limit is invalid"},
    {"sbatch.err-too-many-cpus-strict", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "More processors requested than permitted"},
    {"sbatch.err-too-many-nodes-strict", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "More processors requested than permitted"},
    {"sbatch.munge-down", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "munged does not run"},
    {"sbatch.no-config", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "no slurm.conf is found"},
    {"sbatch.server-down", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "Unable to contact slurm controller (connect failure); try again later"},
    {"sbatch.test-only", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "it says: Job 38 to start at 2026-11-23T14:36:30"},
};

/* An answer of sbatch that gives no id on a line of its own. */
static bool gives_none(const recorded *r)
{
    return !strncmp(r->name, "sbatch.", 7) &&
           (r->status != 0 || r->out_len == 0);
}

static void test_submit_refused(void)
{
    scheduler_refusals("slurm://", "sbatch", gives_none, refusals,
                       COUNT(refusals));
}

static void test_submit_hangs(void)
{
    resource_request q = {0};
    const resource_spec s = scheduler_spec(&q);
    char id[RESOURCE_ID_MAX] = "";
    pe_error e = {0};
    resource *r;

    setenv("PILOT_SCHEDULER_TIMEOUT", "0.2", 1);
    r = played_resource("slurm://");
    played_set("sbatch=sleep");
    CU_ASSERT_EQUAL(r->ops->submit(r, &s, id, &e), -1);
    UNIT_EQUAL(e.text, "sbatch on this host: no answer within 0.2 s: "
                       "the command was stopped");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    unsetenv("PILOT_SCHEDULER_TIMEOUT");
    resource_close(r);
}

/* ---- cancel, shrink ---- */

static const scheduler_call cancels[] = {
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
    {"scancel=scancel.bad-id", "16", false, -1, PE_EXIT_CONFIG,
     "scancel on this host says: Invalid job id abc", " scancel 16\n"},
    {"scancel=status:1", "16", false, -1, PE_EXIT_CONFIG,
     "scancel on this host", " scancel 16\n"},
    {"scancel=scancel.ok", "-u", false, -1, PE_EXIT_CONFIG,
     "'-u' is no id of a job", ""},
    {"scancel=scancel.ok", "", false, -1, PE_EXIT_CONFIG,
     "'' is no id of a job", ""},
    {"scancel=scancel.ok", "1 2", false, -1, PE_EXIT_CONFIG,
     "'1 2' is no id of a job", ""},
};

static void test_cancel(void)
{
    scheduler_cancels("slurm://", "scancel", "scancel", cancels,
                      COUNT(cancels));
}

static void test_shrink(void)
{
    resource *r = played_resource("slurm://");
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

static const scheduler_examination examinations[] = {
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
    scheduler_doctors("slurm://", examinations, COUNT(examinations));
}

int main(void)
{
    static const unit_test tests[] = {
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
    int status = unit_main("slurm: orders", tests);
    played_close();
    return status;
}
