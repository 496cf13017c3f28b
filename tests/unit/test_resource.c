/* test_resource.c - places by their URL, where we are, a host alone. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "played.h"
#include "scratch.h"
#include "src/backend/backend.h"
#include "src/backend/backends.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/request/place.h"
#include "src/resource/scheduler.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define STEP_NS 2000000

static char *supervisor; /* path of the fake one */

static void environment_clear(void)
{
    static const char *const names[] = {"SLURM_JOB_ID",
                                        "PBS_JOBID",
                                        "PILOT_LIBEXEC",
                                        "FAKE_PLAY",
                                        "PILOT_SCHEDULER_TIMEOUT",
                                        "FAKE_VERSION"};

    for (size_t i = 0; i < COUNT(names); i++)
        unsetenv(names[i]);
}

static void test_names(void)
{
    CU_ASSERT_EQUAL(RESOURCE_N_SEEN, 14);
    UNIT_EQUAL(resource_seen_name(RESOURCE_ABSENT), "absent");
    UNIT_EQUAL(resource_seen_name(RESOURCE_NODE_LOST), "node-lost");
    UNIT_EQUAL(resource_seen_name(RESOURCE_UNKNOWN), "unknown");
    UNIT_EQUAL(resource_seen_name(RESOURCE_N_SEEN), "unknown");
    for (int s = 0; s < RESOURCE_N_SEEN; s++)
        CU_ASSERT_PTR_NOT_NULL(resource_seen_name(s));
}

/* Who names what there is names all that there is. */
static void test_said(void)
{
    for (const resource_ops *const *o = backends; *o; o++) {
        char *url = text_format(" %s://", (*o)->scheme);
        char *section = text_format(" %s ", (*o)->scheme);
        UNIT_CONTAINS(" " PLACE_URLS, url);
        UNIT_CONTAINS(" " PLACE_SCHEMES " ", section);
        free(section);
        free(url);
    }
}

static void test_urls(void)
{
    static const struct {
        const char *url;
        const resource_ops *ops; /* NULL: an error */
        const char *error;
    } rows[] = {
        {"local://", &local_ops, NULL},
        {"local:///", &local_ops, NULL},
        {"ssh://pi@sensor-7", &ssh_ops, NULL},
        {"slurm://", &slurm_ops, NULL},
        {"slurm+ssh://me@login.site:2222", &slurm_ops, NULL},
        {"pbs://", &pbs_ops, NULL},
        {"pbs+ssh://login.site", &pbs_ops, NULL},
        {"exec:///opt/site/provider?image=x", &exec_ops, NULL},
        {"ec2://us-east-1/t3.micro?image=x", &ec2_ops, NULL},
        {"openstack://site/m1", &openstack_ops, NULL},
        {"virsh:///a.xml", &virsh_ops, NULL},
        {"exec+ssh://h/opt", NULL, "'exec+ssh://h/opt' is not one of: "},
        {"batch://", &local_ops, NULL},
        {NULL, &local_ops, NULL},
        {"", &local_ops, NULL},
        {"sge://", NULL, "resource: 'sge://' is not one of: local:// ssh://"},
        {"slurm", NULL, "resource: 'slurm' is not one of: "},
        {"ssh://", NULL, "resource: 'ssh://' names no host: ssh://HOST"},
        {"pbs+ssh://", NULL, "names no host: pbs+ssh://HOST"},
        {"slurm://login", NULL,
         "'slurm://login': slurm:// is of this host and takes none"},
        {"local://me@", NULL, "local:// is of this host and takes none"},
        {"ssh://a/b", NULL, "nothing may follow the host"},
        {"ssh://me:secret@a", NULL, "resource: URL '...@a': a password is"},
        {"ssh://a b", NULL, "the host is too long or has odd characters"},
    };

    environment_clear();
    played_set("sbatch=status:1 qsub=status:1");
    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        const resource_ops *ops = backend_ops(rows[i].url, &e);
        CU_ASSERT_PTR_EQUAL(ops, rows[i].ops);
        UNIT_CONTAINS(e.text, rows[i].error ? rows[i].error : "");
        if (rows[i].error) {
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
            CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        } else {
            UNIT_EQUAL(e.text, "");
        }
    }
}

static void test_open(void)
{
    pe_error e = {0};
    resource *r;

    environment_clear();
    r = backend_open("local://", &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    UNIT_EQUAL(r->url, "local://");
    CU_ASSERT_PTR_EQUAL(r->ops, &local_ops);
    CU_ASSERT_EQUAL(r->timeout_s, 20);
    resource_close(r);
    resource_close(NULL);
    setenv("PILOT_SCHEDULER_TIMEOUT", "1.5", 1);
    r = backend_open("slurm://", &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_EQUAL(r->timeout_s, 1.5);
    resource_close(r);
    setenv("PILOT_SCHEDULER_TIMEOUT", "soon", 1);
    CU_ASSERT_PTR_NULL(backend_open("slurm://", &e));
    UNIT_EQUAL(e.text, "PILOT_SCHEDULER_TIMEOUT is 'soon': it is a number of "
                       "seconds");
    unsetenv("PILOT_SCHEDULER_TIMEOUT");
    /* A host is reached when it is used. */
    r = backend_open("pbs+ssh://me@login.site:2222", &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    UNIT_EQUAL(host_name(r->host), "login.site");
    CU_ASSERT_PTR_EQUAL(r->ops, &pbs_ops);
    resource_close(r);
    r = backend_open("ssh://[::1]", &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    UNIT_EQUAL(host_name(r->host), "::1");
    CU_ASSERT_FALSE(host_is_local(r->host));
    resource_close(r);
    CU_ASSERT_PTR_NULL(backend_open("nowhere://", &e));
}

static void test_default(void)
{
    static const struct {
        const char *sbatch, *qsub; /* what --version prints; NULL: it fails */
        const char *slurm, *pbs;   /* ids of a job we are in */
        enum backend_where where;
        const char *url, *job, *why;
    } rows[] = {
        {NULL, NULL, NULL, NULL, BACKEND_HERE, "local://", "",
         "there is no scheduler here: this host is used"},
        {"slurm 22.05.8\n", NULL, NULL, NULL, BACKEND_SCHEDULER, "slurm://", "",
         "Slurm is the one scheduler of this host: --resource local:// is this "
         "host itself"},
        {NULL, "pbs_version = 23.06.06\n", NULL, NULL, BACKEND_SCHEDULER,
         "pbs://", "", "PBS is the one scheduler of this host"},
        /* Slurm's wrapper is called qsub as well */
        {"slurm 22.05.8\n", "Usage:\n qsub\n", NULL, NULL, BACKEND_SCHEDULER,
         "slurm://", "", "Slurm is the one scheduler"},
        {"slurm 22.05.8\n", "pbs_version = 23.06.06\n", NULL, NULL,
         BACKEND_HERE, "local://", "",
         "this host has Slurm and PBS, so none is taken: name one with"},
        {NULL, NULL, "17", NULL, BACKEND_INSIDE, "slurm://", "17",
         "this is job 17 of Slurm: its allocation is used"},
        {NULL, NULL, NULL, "1.pbsserver", BACKEND_INSIDE, "pbs://",
         "1.pbsserver", "this is job 1.pbsserver of PBS"},
        {"slurm 22.05.8\n", NULL, NULL, "1.pbsserver", BACKEND_INSIDE, "pbs://",
         "1.pbsserver", "this is job 1.pbsserver of PBS"},
    };
    char url[64], job[RESOURCE_ID_MAX], why[256];

    for (size_t i = 0; i < COUNT(rows); i++) {
        text play = {0};
        environment_clear();
        if (rows[i].slurm)
            setenv("SLURM_JOB_ID", rows[i].slurm, 1);
        if (rows[i].pbs)
            setenv("PBS_JOBID", rows[i].pbs, 1);
        scratch_write("sbatch", rows[i].sbatch ? rows[i].sbatch : "");
        text_add(&play, rows[i].sbatch ? "sbatch=file:%s" : "sbatch=status:1",
                 scratch_path);
        scratch_write("qsub", rows[i].qsub ? rows[i].qsub : "");
        text_add(&play, rows[i].qsub ? " qsub=file:%s" : " qsub=status:1",
                 scratch_path);
        played_set(play.data);
        CU_ASSERT_EQUAL(backend_default(url, job, why, sizeof(why)),
                        rows[i].where);
        UNIT_EQUAL(url, rows[i].url);
        UNIT_EQUAL(job, rows[i].job);
        UNIT_CONTAINS(why, rows[i].why);
        text_free(&play);
    }
    environment_clear();
}

static void test_end(void)
{
    static const struct {
        const char *slurm, *pbs, *line;
        const char *command;
        int result;
        int64_t end_s;
        const char *error;
    } rows[] = {
        {NULL, NULL, "", "squeue", 0, 0, ""},
        {"17", NULL, "2026-11-23T14:30:19\n", "squeue", 0, 1795444219, ""},
        {"17", NULL, "NONE\n", "squeue", 0, 0, ""},
        {"17", NULL, "", "squeue", 0, 0, ""},
        {NULL, "1.s",
         "Job Id: 1.s|job_state=R|stime=Mon Nov 23 14:31:59 2026|"
         "Resource_List.walltime=00:05:00\n",
         "qstat", 0, 1795444619, ""},
        {NULL, "1.s",
         "Job Id: 1.s|job_state=R|stime=Mon Nov 23 14:31:59 2026\n", "qstat", 0,
         0, ""},
        {NULL, "1.s", "\n", "qstat", -1, 0,
         "qstat on this host does not know job 1.s"},
        {"1 -x", NULL, "", "squeue", -1, 0, "'1 -x' is no id of a job"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        int64_t end = 7;
        environment_clear();
        if (rows[i].slurm)
            setenv("SLURM_JOB_ID", rows[i].slurm, 1);
        if (rows[i].pbs)
            setenv("PBS_JOBID", rows[i].pbs, 1);
        scratch_write("line", rows[i].line);
        char *play = text_format("%s=file:%s", rows[i].command, scratch_path);
        played_set(play);
        CU_ASSERT_EQUAL(backend_end_of_allocation(&end, &e), rows[i].result);
        CU_ASSERT_EQUAL(end, rows[i].end_s * CLOCK_S);
        UNIT_EQUAL(e.text, rows[i].error);
        free(play);
    }
    environment_clear();
}

static void test_end_errors(void)
{
    int64_t end;
    pe_error e = {0};

    environment_clear();
    setenv("SLURM_JOB_ID", "17", 1);
    played_set("squeue=status:1");
    CU_ASSERT_EQUAL(backend_end_of_allocation(&end, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    UNIT_CONTAINS(played_log(), " squeue -h -a -j 17 -o %e\n");
    setenv("PILOT_SCHEDULER_TIMEOUT", "0.2", 1);
    played_set("squeue=sleep");
    CU_ASSERT_EQUAL(backend_end_of_allocation(&end, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    environment_clear();
}

/* From TERM to KILL, as the scheduler of the job is set; else as it comes. */
static void test_grace(void)
{
    static const struct {
        const char *slurm, *pbs, *queue, *lines; /* NULL: it does not answer */
        double grace_s;
        const char *log;
    } rows[] = {
        {NULL, NULL, NULL, "KillWait = 5 sec\n", 0, ""},
        {"17", NULL, NULL,
         "Configuration data as of 2026-11-23T14:30:19\n"
         "KillOnBadExit           = 0\nKillWait                = 5 sec\n",
         5, " scontrol show config\n"},
        {"17", NULL, NULL, "KillWaitAlso = 9\nMinKillWait = 8\n", 30, ""},
        {"17", NULL, NULL, "KillWait = UNLIMITED\nKillWait = 4\n", 30, ""},
        {"17", NULL, NULL, "KillWait", 30, ""},
        {"17", NULL, NULL, "", 30, ""},
        {"17", NULL, NULL, NULL, 30, " scontrol show config\n"},
        {NULL, "1.s", "workq",
         "Queue: workq\n    queue_type = Execution\n    kill_delay = 2\n", 2,
         " qstat -Qf workq\n"},
        {NULL, "1.s", NULL, "\tkill_delay = 60\n", 60, " qstat -Qf\n"},
        {NULL, "1.s", "workq", "Queue: workq\n", 10, " qstat -Qf workq\n"},
        {NULL, "1.s", "workq", NULL, 10, ""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *play;
        environment_clear();
        unsetenv("PBS_QUEUE");
        if (rows[i].slurm)
            setenv("SLURM_JOB_ID", rows[i].slurm, 1);
        if (rows[i].pbs)
            setenv("PBS_JOBID", rows[i].pbs, 1);
        if (rows[i].queue)
            setenv("PBS_QUEUE", rows[i].queue, 1);
        scratch_write("lines", rows[i].lines ? rows[i].lines : "");
        play = rows[i].lines ? text_format("scontrol=file:%s qstat=file:%s",
                                           scratch_path, scratch_path)
                             : text_format("scontrol=status:1 qstat=status:1");
        played_set(play);
        CU_ASSERT_EQUAL(backend_grace_of_allocation(), rows[i].grace_s);
        UNIT_CONTAINS(played_log(), rows[i].log);
        free(play);
    }
    unsetenv("PBS_QUEUE");
    environment_clear();
}

/* ---- a host alone ---- */

struct direct {
    resource *r;
    resource_request q;
    resource_spec s;
    char *dir;
    char id[RESOURCE_ID_MAX];
};

static void direct_start(struct direct *d, const char *name)
{
    pe_error e = {0};
    char *path, *script;

    memset(d, 0, sizeof(*d));
    d->r = backend_open("local://", &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d->r);
    d->dir = text_format("%s/%s", scratch_folder, name);
    d->s = (resource_spec){.pilot = "r/p",
                           .kind = "edge",
                           .dir = d->dir,
                           .supervisor = supervisor,
                           .submit_dir = scratch_folder,
                           .request = &d->q};
    CU_ASSERT_EQUAL_FATAL(file_mkdir(d->dir, &e), 0);
    script = d->r->ops->script(&d->s, &e);
    path = text_format("%s/job.sh", d->dir);
    CU_ASSERT_EQUAL(file_write(path, script, strlen(script), 0600, &e), 0);
    CU_ASSERT_EQUAL(d->r->ops->submit(d->r, &d->s, d->id, &e), 0);
    UNIT_EQUAL(e.text, "");
    free(path);
    free(script);
}

static void direct_end(struct direct *d)
{
    d->r->ops->cancel(d->r, d->id, true, NULL);
    resource_close(d->r);
    free(d->dir);
}

static resource_job direct_look(struct direct *d, const char *id)
{
    resource_job job = {.dir = d->dir};
    pe_error e = {0};

    snprintf(job.id, sizeof(job.id), "%s", id);
    CU_ASSERT_EQUAL(d->r->ops->describe(d->r, &job, 1, &e), 0);
    UNIT_EQUAL(e.text, "");
    return job;
}

/* Wait until DIR/NAME is there with an end of line; false after 20 s. */
static bool file_await(struct direct *d, const char *name)
{
    char *path = text_format("%s/%s", d->dir, name);
    bool there = false;

    for (int i = 0; !there && i < 10000; i++) {
        char *data = file_read(path, 65536, NULL, NULL);
        there = data && strchr(data, '\n');
        free(data);
        if (!there)
            clock_sleep_ns(STEP_NS, 1);
    }
    free(path);
    return there;
}

/* Wait until it does not run any more. */
static resource_job direct_await(struct direct *d)
{
    resource_job job = direct_look(d, d->id);

    for (int i = 0; job.seen == RESOURCE_RUNNING && i < 10000; i++) {
        clock_sleep_ns(STEP_NS, 1);
        job = direct_look(d, d->id);
    }
    return job;
}

static void direct_record(struct direct *d, const char *record)
{
    char *path = text_format("%s/exit", d->dir);

    CU_ASSERT_EQUAL(file_write(path, record, strlen(record), 0600, NULL), 0);
    free(path);
}

static void test_direct(void)
{
    struct direct d;
    resource_job job;
    pe_error e = {0};

    setenv("FAKE_SIGNALS", "1", 1);
    direct_start(&d, "alone one");
    CU_ASSERT(strchr(d.id, '.') != NULL);
    CU_ASSERT_FATAL(file_await(&d, "facts"));
    job = direct_look(&d, d.id);
    UNIT_EQUAL(resource_seen_name(job.seen), "running");
    UNIT_EQUAL(job.hosts, "this host");
    /* an id that was lost on the way is found again */
    CU_ASSERT(file_await(&d, "job.id"));
    job = direct_look(&d, "");
    UNIT_EQUAL(job.id, d.id);
    UNIT_EQUAL(resource_seen_name(job.seen), "running");
    /* the same number, another process */
    char *other = text_format("%s0", d.id);
    job = direct_look(&d, other);
    UNIT_EQUAL(resource_seen_name(job.seen), "absent");
    free(other);
    CU_ASSERT_EQUAL(d.r->ops->cancel(d.r, d.id, false, &e), 0);
    job = direct_await(&d);
    /* without a record nothing is known of its end */
    UNIT_EQUAL(resource_seen_name(job.seen), "absent");
    CU_ASSERT_EQUAL(job.exit_code, -1);
    CU_ASSERT_EQUAL(d.r->ops->cancel(d.r, d.id, false, &e), 0); /* is over */
    direct_record(&d, "{\"schema\": 1, \"status\": 0, \"time_ns\": 12}\n");
    job = direct_look(&d, d.id);
    UNIT_EQUAL(resource_seen_name(job.seen), "done");
    CU_ASSERT_EQUAL(job.end_ns, 12);
    direct_record(&d, "{\"status\": 3}");
    job = direct_look(&d, d.id);
    UNIT_EQUAL(resource_seen_name(job.seen), "failed");
    CU_ASSERT_EQUAL(job.exit_code, 3);
    UNIT_CONTAINS(job.prose, "it ended with 3; its err");
    direct_record(&d, "{\"status\": 143}");
    CU_ASSERT_EQUAL(direct_look(&d, d.id).signal, 15);
    direct_record(&d, "torn {");
    UNIT_EQUAL(resource_seen_name(direct_look(&d, d.id).seen), "absent");
    direct_end(&d);
    unsetenv("FAKE_SIGNALS");
}

/* One that does not hear TERM is killed, and only when it is to end now. */
static void test_direct_stubborn(void)
{
    struct direct d;
    pe_error e = {0};

    setenv("FAKE_SIGNALS", "1000", 1);
    direct_start(&d, "stubborn");
    CU_ASSERT_FATAL(file_await(&d, "facts"));
    CU_ASSERT_EQUAL(d.r->ops->cancel(d.r, d.id, false, &e), 0);
    CU_ASSERT(file_await(&d, "signals"));
    UNIT_EQUAL(resource_seen_name(direct_look(&d, d.id).seen), "running");
    CU_ASSERT_EQUAL(d.r->ops->cancel(d.r, d.id, true, &e), 0);
    UNIT_EQUAL(resource_seen_name(direct_await(&d).seen), "absent");
    direct_end(&d);
    unsetenv("FAKE_SIGNALS");
}

static void test_direct_ids(void)
{
    static const char *const bad[] = {
        "", "17", ".5", "1.5", "17.", "x.5", "99999999999999999999.5", "0.5"};
    resource *r = backend_open("local://", NULL);
    resource_job job = {.dir = scratch_folder};
    pe_error e = {0};

    for (size_t i = 0; i < COUNT(bad); i++) {
        CU_ASSERT_EQUAL(r->ops->cancel(r, bad[i], false, &e), -1);
        UNIT_CONTAINS(e.text, "is no id of a process");
        snprintf(job.id, sizeof(job.id), "%s", bad[i]);
        CU_ASSERT_EQUAL(r->ops->describe(r, &job, 1, &e), 0);
        UNIT_EQUAL(resource_seen_name(job.seen), "absent");
        UNIT_EQUAL(job.id, bad[i]);
    }
    CU_ASSERT_PTR_NULL(r->ops->shrink);
    CU_ASSERT_TRUE(r->ops->is_direct);
    resource_close(r);
}

static void line_add(void *arg, bool ok, const char *line)
{
    text_add(arg, "%s %s\n", ok ? "ok" : "--", line);
}

static void test_direct_words(void)
{
    resource *r = backend_open("local://", NULL);
    resource_request q = {0};
    const resource_spec s = {.dir = "/it's", .request = &q};
    text lines = {0};
    char *command = r->ops->command(&s, NULL);

    UNIT_EQUAL(command, "bash '/it'\\''s'/job.sh\n");
    CU_ASSERT_EQUAL(r->ops->doctor(r, &q, line_add, &lines, NULL), 0);
    request_set(&q, REQUEST_NODES, "2", true, "line", NULL);
    CU_ASSERT_EQUAL(r->ops->doctor(r, &q, line_add, &lines, NULL), 0);
    UNIT_EQUAL(lines.data,
               "ok this host has no queue and no time limit, and is a x86_64\n"
               "-- --nodes is 2, and without a scheduler there is one host: "
               "leave it out, or give another --resource\n");
    text_free(&lines);
    free(command);
    request_free(&q);
    resource_close(r);
}

/* Clocks of schedulers end where 64 bits of nanoseconds do: not known. */
static void test_times(void)
{
    static const struct {
        const char *text;
        int64_t want_s;
    } rows[] = {{"2026-11-29T10:00:00", 1795946400},
                {"2262-01-01T00:00:00", 9214646400},
                {"2263-01-01T00:00:00", 0},
                {"9999-12-31T23:59:59", 0},
                {"1969-12-31T23:59:59", 0},
                {"Unknown", 0}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        CU_ASSERT_EQUAL(scheduler_time_iso(rows[i].text, strlen(rows[i].text)),
                        rows[i].want_s * CLOCK_S);
}

int main(void)
{
    static const unit_test tests[] = {
        {"names of what is seen", test_names},
        {"every backend is said", test_said},
        {"URLs", test_urls},
        {"open and close", test_open},
        {"times beyond nanoseconds", test_times},
        {"where we are", test_default},
        {"when the allocation ends", test_end},
        {"when nobody says when it ends", test_end_errors},
        {"how long it waits before it kills", test_grace},
        {"a process and its end", test_direct},
        {"a process that does not end", test_direct_stubborn},
        {"ids of processes", test_direct_ids},
        {"words for a host alone", test_direct_words},
        {NULL, NULL},
    };
    const char *build = getenv("top_builddir");
    char *path =
        text_format("%s/tests/unit/fake_supervisor", build ? build : ".");

    supervisor = realpath(path, NULL);
    free(path);
    if (!supervisor)
        return 99;
    played_open("sbatch squeue scontrol qsub qstat", "slurm.rec");
    int status = unit_main("resource", tests);
    played_close();
    free(supervisor);
    return status;
}
