/* test_slurm_ask.c - Slurm is asked: one question, its helper, no answer. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "played.h"
#include "scratch.h"
#include "src/backend/slurm/private.h"
#include "src/common/file.h"
#include "src/common/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_describe(void)
{
    resource *r = played_resource("slurm://");
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
    resource *r = played_resource("slurm://");
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
    resource *r = played_resource("slurm://");
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
        resource *r = played_resource("slurm://");
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
    r = played_resource("slurm://");
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
    resource *r = played_resource("slurm://");
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
    resource *r = played_resource("slurm://");
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
    r = played_resource("slurm://");
    played_set("squeue=status:0 "
               "sacct=sacct.no-accounting,sacct-c.jobcomp-unreadable");
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(r->ops->describe(r, jobs, COUNT(jobs), NULL), 0);
        UNIT_EQUAL(resource_seen_name(jobs[0].seen), "absent");
    }
    CU_ASSERT_EQUAL(played_calls("sacct"), 2);
    resource_close(r);
}

/* What a job has taken, as a cluster with counters in its nodes has it, and one
 * without.
 */
static void test_energy(void)
{
    static const struct {
        const char *play;
        double joules; /* 0: none, and */
        int kind;
        const char *why;
    } rows[] = {
        {"sacct-energy.steps", 450, PE_ERROR_NONE, ""},
        {"sacct-energy.two-nodes", 600, PE_ERROR_NONE, ""},
        {"sacct-energy.batch", 300, PE_ERROR_NONE, ""},
        {"sacct-energy.cancelled", 200, PE_ERROR_NONE, ""},
        {"sacct-energy.running", 0, PE_ERROR_RETRY,
         "does not know yet that the job is over"},
        {"sacct-energy.unknown-id", 0, PE_ERROR_RETRY, "does not know yet"},
        {"sacct-energy.none", 0, PE_ERROR_INPUT,
         "has none of the job: its AcctGatherEnergyType counts none"},
        {"sacct.no-accounting", 0, PE_ERROR_INPUT,
         "this Slurm keeps no accounting (sacct: accounting storage is"},
        {"sacct.completed", 0, PE_ERROR_INPUT, "has none of the job"},
    };
    resource *r = played_resource("slurm://");

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *play = text_format("sacct=%s", rows[i].play);
        pe_error e = {0};
        double joules = 0;
        int rc;

        played_set(play);
        rc = r->ops->energy(r, "7;other", &joules, &e);
        CU_ASSERT_EQUAL(rc, rows[i].joules > 0 ? 0 : -1);
        CU_ASSERT_DOUBLE_EQUAL(joules, rows[i].joules, 1e-9);
        CU_ASSERT_EQUAL((int)e.kind, (int)rows[i].kind);
        UNIT_CONTAINS(e.text, rows[i].why);
        free(play);
    }
    UNIT_CONTAINS(played_log(),
                  " sacct -P -j 7 -o JobIDRaw,State,NNodes,Elapsed,"
                  "ConsumedEnergyRaw -M other\n");
    CU_ASSERT_EQUAL(r->ops->energy(r, "7 8", &(double){0}, NULL), -1);
    resource_close(r);
}

/* Which nodes steps were on: none is counted twice or left out.  The head is
 * that of the recorded answers; no cluster of theirs ran mpirun.
 */
static void test_energy_nodes(void)
{
#define HEAD "JobIDRaw|State|NNodes|Elapsed|ConsumedEnergyRaw\n"
    static const struct {
        const char *lines;
        double joules;
        const char *why;
    } rows[] = {
        {"9|COMPLETED|3|1|70\n9.batch|COMPLETED|1|1|40\n9.0|COMPLETED|2|1|70\n",
         110, ""},
        {"9|COMPLETED|4|1|70\n9.batch|COMPLETED|1|1|40\n9.0|COMPLETED|2|1|70\n",
         0, "tells of steps on 2 of the 4 nodes of the job"},
        {"9|COMPLETED|2|1|\n9.batch|COMPLETED|1|1|40\n", 0,
         "tells of steps on 1 of the 2 nodes"},
        {"9|COMPLETED|1|1|\n9.extern|COMPLETED|1|1|40\n", 0, "has none of"},
        {"9|TIMEOUT|1|1|18446744073709551614\n9.0|FAILED|1|1|5\n", 5, ""},
        {"", 0, "does not know yet"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *all = text_format("%s%s", HEAD, rows[i].lines);
        pe_error e = {0};
        double joules = 0;

        slurm_parse_energy(all, strlen(all), &joules, &e);
        CU_ASSERT_DOUBLE_EQUAL(joules, rows[i].joules, 1e-9);
        UNIT_CONTAINS(e.text, rows[i].why);
        free(all);
    }
#undef HEAD
}

static void test_thousand(void)
{
    enum { N = 1000 };
    resource *r = played_resource("slurm://");
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
    resource *r = played_resource("slurm://");
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
    resource *r = played_resource("slurm://");
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
    r = played_resource("slurm://");
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
        r = played_resource("slurm://");
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

int main(void)
{
    static const unit_test tests[] = {
        {"one question for all jobs", test_describe},
        {"settings of the user do not matter", test_settings},
        {"jobs by their folder", test_describe_all},
        {"no answer", test_describe_errors},
        {"a time limit", test_time_limit},
        {"no such command", test_missing_command},
        {"no accounting", test_no_accounting},
        {"energy of a job", test_energy},
        {"energy, node by node", test_energy_nodes},
        {"a thousand jobs", test_thousand},
        {"bytes that are no text", test_bytes},
        {"other clusters", test_clusters},
        {"the helper", test_helper},
        {NULL, NULL},
    };

    unsetenv("PILOT_LIBEXEC");
    unsetenv("PILOT_SCHEDULER_TIMEOUT");
    played_open("sbatch squeue sacct scancel scontrol sinfo sacctmgr",
                "slurm.rec");
    int status = unit_main("slurm: questions", tests);
    played_close();
    return status;
}
