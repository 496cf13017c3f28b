/* test_backends.c - one contract for every backend: processes of this host
 * and behind SSH, Slurm and PBS played from recordings here and behind SSH,
 * what batch:// stands for, and the rehearsal.
 */
#include "backend_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_rest.h"
#include "played.h"
#include "rehearse_home.h"
#include "scratch.h"
#include "src/backend/backend.h"
#include "src/backend/pbs/private.h"
#include "src/backend/slurm/format.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "ssh_server.h"
#include "unit.h"

#define SLEEPS "echo >\"$1/up\"; exec sleep 1000\n"
#define DEAF "trap '' TERM; echo >\"$1/up\"; while :; do sleep 1; done\n"
#define ENDS(status)                                                  \
    "echo '{\"status\": " status ", \"time_ns\": 12}' >\"$1/exit\"; " \
    "exit " status "\n"

static ssh_server server;
static const char *far_version; /* what qsub says behind SSH */

/* The server, if it is not up; [version] of a scheduler's commands there. */
static void server_want(const char *version)
{
    static char *extra;

    if (server.pid > 0 && far_version && !strcmp(far_version, version))
        return;
    ssh_server_kill(&server);
    free(extra);
    extra = text_format("SetEnv PATH=%s FAKE_DATA=%s FAKE_LOG=%s "
                        "FAKE_PLAY=%s FAKE_VERSION=%s\n",
                        getenv("PATH"), getenv("FAKE_DATA"), getenv("FAKE_LOG"),
                        played_file(), version);
    server.extra = extra;
    far_version = version;
    CU_ASSERT_EQUAL_FATAL(ssh_server_run(&server), 0);
}

static char *far_url(const char *scheme)
{
    return text_format("%s://%s", scheme, server.url + strlen("ssh://"));
}

/* ---- processes: here, and behind SSH ---- */

static const char *local_play(contract_job *j, enum contract_part part)
{
    if (part == PART_AWAY || part == PART_SILENT || part == PART_CUT)
        return "this host is always there";
    if (part != PART_OVER)
        contract_open(j, "local://");
    if (part == PART_REFUSES)
        j->s.submit_dir = "/no/where";
    return NULL;
}

static const char *ssh_play(contract_job *j, enum contract_part part)
{
    if (part == PART_SILENT || part == PART_CUT)
        return "test_ssh_host breaks connections, at every step";
    server_want("none");
    if (part != PART_OVER)
        contract_open(j, server.url);
    if (part == PART_REFUSES)
        j->s.submit_dir = "/no/where";
    if (part == PART_AWAY)
        ssh_server_kill(&server);
    return NULL;
}

static const char *process_show(contract_job *j, enum resource_seen seen)
{
    bool runs = seen == RESOURCE_RUNNING;

    if (!runs && seen != RESOURCE_DONE && seen != RESOURCE_FAILED)
        return "a process has no such state";
    CU_ASSERT_PTR_NULL(case_kind->play(j, PART_READY));
    contract_act(j, runs                    ? SLEEPS
                    : seen == RESOURCE_DONE ? ENDS("0")
                                            : ENDS("3"));
    CU_ASSERT_EQUAL(contract_submit(j, NULL), 0);
    char *mark = text_format("%s/%s", j->dir, runs ? "up" : "exit");
    for (int i = 0; access(mark, F_OK) < 0 && i < 12000; i++)
        clock_sleep_ns(5 * CLOCK_MS, 1);
    free(mark);
    CU_ASSERT(contract_await(j, seen));
    return NULL;
}

static void process_tidy(contract_job *j)
{
    if (!*j->id)
        return;
    CU_ASSERT_PTR_NULL(case_kind->play(j, PART_READY));
    CU_ASSERT_EQUAL(j->r->ops->cancel(j->r, j->id, true, NULL), 0);
}

static const contract_kind local_kind = {.scheme = "local",
                                         .place = "this host",
                                         .stranger = "999999.12345",
                                         .play = local_play,
                                         .show = process_show,
                                         .tidy = process_tidy};
static const contract_kind ssh_kind = {.scheme = "ssh",
                                       .place = "127.0.0.1",
                                       .stranger = "999999.12345",
                                       .play = ssh_play,
                                       .show = process_show,
                                       .tidy = process_tidy};

/* ---- Slurm ---- */

static const char *const slurm_plays[N_PARTS] = {
    [PART_READY] = "sbatch=sbatch.ok-parsable squeue=status:0 "
                   "sacct=sacct.unknown-id scancel=scancel.ok",
    [PART_REFUSES] = "sbatch=sbatch.err-partition squeue=status:0 "
                     "sacct=sacct.unknown-id scancel=scancel.denied "
                     "scontrol=scontrol-update-grow.denied",
    [PART_AWAY] = "sbatch=sbatch.server-down squeue=squeue.server-down "
                  "scancel=scancel.server-down sinfo=sinfo.server-down "
                  "scontrol=scancel.server-down",
    [PART_SILENT] = "squeue=sleep",
    [PART_OVER] = "scancel=scancel.finished,scancel-verbose.finished,"
                  "scancel.unknown-id",
    [PART_SHRINKS] = "scontrol=scontrol-update-shrink.ok",
    [PART_ENDS] = "squeue=squeue.running-2nodes",
    [PART_FITS] = "scontrol=scontrol-ping.up sinfo=sinfo.idle",
};

static const char *const slurm_states[RESOURCE_N_SEEN] = {
    [RESOURCE_QUEUED] = "squeue.pending-priority",
    [RESOURCE_HELD] = "squeue.held-user",
    [RESOURCE_RUNNING] = "squeue.running-2nodes",
    [RESOURCE_SUSPENDED] = "squeue.suspended",
    [RESOURCE_ENDING] = "squeue.completing",
    [RESOURCE_DONE] = "squeue.completed",
    [RESOURCE_FAILED] = "squeue.failed-exit3",
    [RESOURCE_CANCELED] = "squeue.cancelled-running",
    [RESOURCE_TIMEOUT] = "squeue.timeout",
    [RESOURCE_PREEMPTED] = "squeue.preempted-no-requeue",
    [RESOURCE_NODE_LOST] = "squeue.node-fail",
};

/* What squeue printed of a job, as that of [j] with id [id]; its end, when
 * that is asked for alone.
 */
static char *slurm_line(const contract_job *j, const char *name, const char *id)
{
    const recorded *r = recorded_find(played_all, played_n, name);
    size_t len;
    char *line, *out;

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    line = recorded_squeue(r, SLURM_SQUEUE_FORMAT, &len);
    out = text_format("%s%.*s|%s/job.sh\n", id,
                      (int)(strstr(line, "|/") - strchr(line, '|')),
                      strchr(line, '|'), j->dir);
    free(line);
    return out;
}

static void slurm_queue(const contract_job *j, const char *name,
                        const char *sbatch)
{
    char *line = slurm_line(j, name, "37"), *play;

    scratch_write("queue", line);
    play = text_format("sbatch=%s squeue=file:%s sacct=sacct.unknown-id "
                       "scancel=scancel.ok",
                       sbatch, scratch_path);
    played_set(play);
    free(play);
    free(line);
}

/* ---- PBS ---- */

static const char *const pbs_plays[N_PARTS] = {
    [PART_READY] = "qsub=qsub.ok qstat=qstat-f.unknown-id qselect=status:0 "
                   "qdel=qdel.running qsig=status:0",
    [PART_REFUSES] = "qsub=qsub.err-queue qstat=qstat-f.unknown-id "
                     "qselect=status:0 qdel=qdel.denied "
                     "pbs_release_nodes=status:1",
    [PART_AWAY] = "qsub=qsub.server-down qstat=qstat.server-down "
                  "qselect=qstat.server-down qdel=qdel.server-down "
                  "pbs_release_nodes=qdel.server-down",
    [PART_SILENT] = "qstat=sleep qselect=sleep",
    [PART_OVER] = "qdel=qdel.finished,qdel.exiting,qdel.unknown-id "
                  "qsig=qsig.exiting",
    [PART_SHRINKS] = "pbs_release_nodes=status:0",
    [PART_FITS] = "qstat=qstat-Bf-json.up,qstat-Qf-json.all "
                  "pbsnodes=pbsnodes-json.free",
};

static const char *const pbs_states[RESOURCE_N_SEEN] = {
    [RESOURCE_QUEUED] = "qstat-xf.queued-resources",
    [RESOURCE_HELD] = "qstat-xf.held-user",
    [RESOURCE_RUNNING] = "qstat-xf.running-2nodes",
    [RESOURCE_SUSPENDED] = "qstat-xf.suspended",
    [RESOURCE_ENDING] = "qstat-xf.exiting",
    [RESOURCE_DONE] = "qstat-xf.finished-ok",
    [RESOURCE_FAILED] = "qstat-xf.finished-exit3",
    [RESOURCE_CANCELED] = "qstat-xf.deleted-running",
    [RESOURCE_TIMEOUT] = "qstat-xf.killed-walltime",
    [RESOURCE_NODE_LOST] = "qstat-xf.node-fail-not-rerunnable",
};

/* What qstat printed of a job, as that of [j] with id [id]. */
static char *pbs_line(const contract_job *j, const char *name, const char *id)
{
    static const char list[] = "|Variable_List=";
    const recorded *r = recorded_find(played_all, played_n, name);
    char *mark = pbs_mark(j->dir), *line, *at, *out;
    size_t len;

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    line = recorded_dsv(r, &len);
    at = strstr(line, list);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    at += strlen(list);
    out =
        text_format("Job Id: %s%.*s" PBS_MARK "=%s,%s", id,
                    (int)(at - strchr(line, '|')), strchr(line, '|'), mark, at);
    free(line);
    free(mark);
    return out;
}

static void pbs_queue(const contract_job *j, const char *name, const char *qsub)
{
    const recorded *ok = recorded_find(played_all, played_n, "qsub.ok");
    char *id = text_format("%.*s", (int)ok->out_len - 1, ok->out);
    char *line = pbs_line(j, name, id), *play, *ids;

    scratch_write("ids", id);
    scratch_append("\n");
    ids = text_format("%s", scratch_path);
    scratch_write("queue", line);
    play = text_format("qsub=%s qstat=file:%s qselect=file:%s "
                       "qdel=qdel.running qsig=status:0",
                       qsub, scratch_path, ids);
    played_set(play);
    free(play);
    free(ids);
    free(line);
    free(id);
}

/* ---- both of them, at four places ---- */

static const char *opened_url; /* of the kind under test */
static const char *opened_version;

static void played_open_url(contract_job *j)
{
    char *far;

    setenv("FAKE_VERSION", opened_version, 1);
    if (!strchr(opened_url, '+')) {
        contract_open(j, opened_url);
        return;
    }
    server_want(opened_version);
    far = far_url(opened_url);
    contract_open(j, far);
    free(far);
}

static const char *slurm_play(contract_job *j, enum contract_part part)
{
    if (part != PART_OVER)
        played_open_url(j);
    if (part == PART_CUT)
        slurm_queue(j, slurm_states[RESOURCE_QUEUED], "sleep");
    else
        played_set(slurm_plays[part]);
    return NULL;
}

static const char *slurm_show(contract_job *j, enum resource_seen seen)
{
    if (!slurm_states[seen])
        return "it was not recorded";
    played_open_url(j);
    slurm_queue(j, slurm_states[seen], "sbatch.ok-parsable");
    CU_ASSERT_EQUAL(contract_submit(j, NULL), 0);
    return NULL;
}

static const char *pbs_play(contract_job *j, enum contract_part part)
{
    if (part != PART_OVER)
        played_open_url(j);
    if (part == PART_CUT)
        pbs_queue(j, pbs_states[RESOURCE_QUEUED], "sleep");
    else if (part == PART_ENDS)
        pbs_queue(j, pbs_states[RESOURCE_RUNNING], "qsub.ok");
    else
        played_set(pbs_plays[part]);
    return NULL;
}

static const char *pbs_show(contract_job *j, enum resource_seen seen)
{
    if (!pbs_states[seen])
        return "it was not recorded";
    played_open_url(j);
    pbs_queue(j, pbs_states[seen], "qsub.ok");
    CU_ASSERT_EQUAL(contract_submit(j, NULL), 0);
    return NULL;
}

#define SLURM_KIND                                              \
    .scheme = "slurm", .stranger = "999999", .is_played = true, \
    .play = slurm_play, .show = slurm_show
#define PBS_KIND                                                        \
    .scheme = "pbs", .stranger = "999999.pbsserver", .is_played = true, \
    .play = pbs_play, .show = pbs_show

static const contract_kind slurm_kind = {.place = "this host", SLURM_KIND},
                           far_slurm_kind = {.place = "127.0.0.1", SLURM_KIND},
                           pbs_kind = {.place = "this host", PBS_KIND},
                           far_pbs_kind = {.place = "127.0.0.1", PBS_KIND};

/* ---- Slurm by slurmrestd ---- */

static int rest_port;

static void rest_open(contract_job *j)
{
    char *url = text_format("slurmrest://127.0.0.1:%d", rest_port);

    contract_open(j, url);
    free(url);
}

static const char *rest_play(contract_job *j, enum contract_part part)
{
    static const enum fake_rest how[N_PARTS] = {
        [PART_READY] = FAKE_REST_READY, [PART_REFUSES] = FAKE_REST_REFUSES,
        [PART_AWAY] = FAKE_REST_AWAY,   [PART_SILENT] = FAKE_REST_SILENT,
        [PART_CUT] = FAKE_REST_CUT,     [PART_OVER] = FAKE_REST_OVER,
        [PART_ENDS] = FAKE_REST_HIDES,
    };

    if (part != PART_OVER && part != PART_ENDS)
        rest_open(j);
    fake_rest_play(how[part]);
    return NULL;
}

#define REST_RUNS \
    "\"nodes\": \"n[1-2]\", \"node_count\": 2, \"end_time\": 1796045929"

static const char *rest_show(contract_job *j, enum resource_seen seen)
{
    static const char *const states[RESOURCE_N_SEEN] = {
        [RESOURCE_QUEUED] = "",
        [RESOURCE_HELD] = "\"priority\": 0, \"state_reason\": \"JobHeldUser\"",
        [RESOURCE_RUNNING] = "\"job_state\": \"RUNNING\", " REST_RUNS,
        [RESOURCE_SUSPENDED] = "\"job_state\": \"SUSPENDED\"",
        [RESOURCE_ENDING] = "\"job_state\": \"COMPLETING\"",
        [RESOURCE_DONE] = "\"job_state\": \"COMPLETED\", \"exit_code\": 0",
        [RESOURCE_FAILED] = "\"job_state\": \"FAILED\", \"exit_code\": 768",
        [RESOURCE_CANCELED] = "\"job_state\": \"CANCELLED\"",
        [RESOURCE_TIMEOUT] = "\"job_state\": \"TIMEOUT\"",
        [RESOURCE_NODE_LOST] = "\"job_state\": \"NODE_FAIL\"",
    };

    if (!states[seen])
        return "it would be the same";
    rest_open(j);
    fake_rest_play(FAKE_REST_READY);
    fake_rest_job(states[seen]);
    CU_ASSERT_EQUAL(contract_submit(j, NULL), 0);
    return NULL;
}

static const contract_kind rest_kind = {.scheme = "slurmrest",
                                        .place = "this host",
                                        .stranger = "999999",
                                        .no_line = true,
                                        .play = rest_play,
                                        .show = rest_show};

/* What is granted is what was asked for, or is taken back; who is let in. */
static void test_rest(void)
{
    contract_job j;
    pe_error e = {0};

    case_kind = &rest_kind;
    contract_begin(&j);
    CU_ASSERT_PTR_NULL(rest_play(&j, PART_READY));
    request_set(&j.q, REQUEST_TIME, "1h", true, "line", NULL);
    request_set(&j.q, REQUEST_NODES, "2", true, "line", NULL);
    request_set(&j.q, REQUEST_PARTITION, "debug", true, "line", NULL);
    fake_rest_job("\"node_count\": 2, \"time_limit\": 60");
    CU_ASSERT_EQUAL(contract_submit(&j, &e), 0);
    UNIT_EQUAL(e.text, "");
    UNIT_EQUAL(j.id, "37");
    UNIT_CONTAINS(fake_rest_posted(), "\"partition\": \"debug\"");
    UNIT_CONTAINS(fake_rest_posted(), "\"comment\": \"pilot:");
    CU_ASSERT_PTR_NULL(strcasestr(fake_rest_head(), "x-slurm-user"));
    fake_rest_job("\"node_count\": 1, \"time_limit\": 30");
    CU_ASSERT_EQUAL(contract_submit(&j, &e), -1);
    UNIT_CONTAINS(e.text, "grants nodes 1 in place of 2, time_limit 30 min in "
                          "place of 60; job 37 was taken back");
    UNIT_CONTAINS(fake_rest_head(), "DELETE /slurm/v0.0.");
    UNIT_CONTAINS(fake_rest_head(), "/job/37 ");
    fake_rest_play(FAKE_REST_LOCKED);
    CU_ASSERT_EQUAL(j.r->ops->cancel(j.r, "37", false, &e), -1);
    UNIT_CONTAINS(e.text, "lets us not in ('Authentication failure'): is the "
                          "token over? 'scontrol token' makes one");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_PERMISSION);
    contract_end(&j);
}

static void test_rest_token(void)
{
    contract_job j;
    pe_error e = {0};

    contract_begin(&j);
    scratch_write("token", "secret.of.file\n");
    setenv("PILOT_SLURM_TOKEN_FILE", scratch_path, 1);
    setenv("SLURM_JWT", "secret.of.environment", 1);
    CU_ASSERT_EQUAL(chmod(scratch_path, 0640), 0);
    CU_ASSERT_PTR_NULL(backend_open("slurmrest://127.0.0.1:1", &e));
    UNIT_CONTAINS(e.text, "PILOT_SLURM_TOKEN_FILE: ");
    CU_ASSERT_EQUAL(chmod(scratch_path, 0600), 0);
    CU_ASSERT_PTR_NULL(rest_play(&j, PART_READY));
    CU_ASSERT_EQUAL(contract_submit(&j, &e), 0);
    UNIT_CONTAINS(fake_rest_head(), "X-SLURM-USER-TOKEN: secret.of.file\r\n");
    CU_ASSERT_PTR_NULL(strstr(fake_rest_posted(), "secret.of"));
    unsetenv("PILOT_SLURM_TOKEN_FILE");
    CU_ASSERT_PTR_NULL(rest_play(&j, PART_READY));
    CU_ASSERT_EQUAL(contract_submit(&j, &e), 0);
    UNIT_CONTAINS(fake_rest_head(), "TOKEN: secret.of.environment\r\n");
    unsetenv("SLURM_JWT");
    CU_ASSERT_PTR_NULL(backend_open("slurmrest://host", &e));
    UNIT_CONTAINS(e.text, "write slurmrest://HOST:PORT or slurmrest:///PATH");
    contract_end(&j);
}

/* ---- the rehearsal ---- */

static const char *const rehearsal_plays[N_PARTS] = {
    [PART_READY] = "queue for-ever Priority",
    [PART_REFUSES] = "refuse invalid account 'x'",
    [PART_AWAY] = "fail-submit 99\nfail-query 99\nfail-cancel 99",
    [PART_SILENT] = "slow-query 1h",
    [PART_CUT] = "submit-lost\nqueue for-ever Priority",
    [PART_SHRINKS] = "run",
    [PART_FITS] = "run",
};

static const struct play {
    const char *script, *act;
} rehearsal_states[RESOURCE_N_SEEN] = {
    [RESOURCE_QUEUED] = {"queue for-ever Resources", SLEEPS},
    [RESOURCE_HELD] = {"hold for-ever JobHeldUser", SLEEPS},
    [RESOURCE_STARTING] = {"start for-ever", SLEEPS},
    [RESOURCE_RUNNING] = {"run", SLEEPS},
    [RESOURCE_SUSPENDED] = {"run @up\nsuspend for-ever", SLEEPS},
    [RESOURCE_ENDING] = {"grace 1h\nrun @up\ntimeout", DEAF},
    [RESOURCE_DONE] = {"run", ENDS("0")},
    [RESOURCE_FAILED] = {"run", ENDS("3")},
    [RESOURCE_CANCELED] = {"queue 10ms\ncancel", SLEEPS},
    [RESOURCE_TIMEOUT] = {"run @up\ntimeout", SLEEPS},
    [RESOURCE_PREEMPTED] = {"run @up\npreempt", SLEEPS},
    [RESOURCE_NODE_LOST] = {"run @up\nnode-loss", SLEEPS},
    [RESOURCE_UNKNOWN] = {"odd for-ever SPECIAL_EXIT", SLEEPS},
};

static const char *rehearsal_play(contract_job *j, enum contract_part part)
{
    if (part != PART_OVER)
        contract_open(j, rehearse_script("played", rehearsal_plays[part]));
    return NULL;
}

static const char *rehearsal_show(contract_job *j, enum resource_seen seen)
{
    const struct play *p = &rehearsal_states[seen];

    rehearse_home_make();
    contract_act(j, p->act);
    contract_open(j, rehearse_script("shown", p->script));
    CU_ASSERT_EQUAL(contract_submit(j, NULL), 0);
    CU_ASSERT(contract_await(j, seen));
    return NULL;
}

static void rehearsal_tidy(contract_job *j)
{
    (void)j;
    CU_ASSERT_EQUAL(rehearse_end_all(), 0);
}

static const contract_kind rehearsal_kind = {.scheme = "rehearsal",
                                             .place = "this host",
                                             .stranger = "999.rehearsal",
                                             .play = rehearsal_play,
                                             .show = rehearsal_show,
                                             .tidy = rehearsal_tidy};

/* ---- which one is under test ---- */

/* Every kind begins with its URL: it opens, and is of that backend. */
static void begin(const contract_kind *k, const char *url, const char *version)
{
    contract_job j = {0};

    unsetenv("PILOT_LIBEXEC"); /* where Slurm's helper would be */
    case_kind = k;
    opened_url = url;
    opened_version = version;
    if (k == &rehearsal_kind)
        rehearse_home_make();
    CU_ASSERT_PTR_NULL(k->play(&j, PART_READY));
    UNIT_EQUAL(j.r->ops->scheme, k->scheme);
    resource_close(j.r);
}

#define SLURM_SAYS "slurm-22.05.8"
#define PBS_SAYS "pbs_version=23.06.06"

static void begin_local(void)
{
    begin(&local_kind, NULL, NULL);
}

static void begin_ssh(void)
{
    begin(&ssh_kind, NULL, NULL);
}

static void begin_slurm(void)
{
    begin(&slurm_kind, "slurm://", SLURM_SAYS);
}

static void begin_pbs(void)
{
    begin(&pbs_kind, "pbs://", PBS_SAYS);
}

static void begin_batch_slurm(void)
{
    begin(&slurm_kind, "batch://", SLURM_SAYS);
}

static void begin_batch_pbs(void)
{
    begin(&pbs_kind, "batch://", PBS_SAYS);
}

static void begin_rest(void)
{
    begin(&rest_kind, NULL, NULL);
}

static void begin_rest_typed(void)
{
    fake_rest_api("v0.0.42");
    begin(&rest_kind, NULL, NULL);
}

static void begin_far_slurm(void)
{
    begin(&far_slurm_kind, "slurm+ssh", SLURM_SAYS);
}

static void begin_far_pbs(void)
{
    begin(&far_pbs_kind, "pbs+ssh", PBS_SAYS);
}

static void begin_rehearsal(void)
{
    begin(&rehearsal_kind, NULL, NULL);
}

/* What a job that we are in would say of batch://. */
static void outside(void)
{
    unsetenv("SLURM_JOB_ID");
    unsetenv("PBS_JOBID");
    unsetenv("PILOT_SCHEDULER_TIMEOUT");
}

static int run(void)
{
    static const unit_test tests[] = {
        {"local: opens", begin_local},
        BACKEND_CASES("local"),
        {"rehearsal: opens", begin_rehearsal},
        BACKEND_CASES("rehearsal"),
        {"slurm: opens", begin_slurm},
        BACKEND_CASES("slurm"),
        {"slurmrest: opens", begin_rest},
        BACKEND_CASES("slurmrest"),
        {"slurmrest: what is granted", test_rest},
        {"slurmrest: tokens", test_rest_token},
        {"slurmrest, typed: opens", begin_rest_typed},
        BACKEND_CASES("slurmrest, typed"),
        {"slurmrest, typed: what is granted", test_rest},
        {"pbs: opens", begin_pbs},
        BACKEND_CASES("pbs"),
        {"batch of Slurm: opens", begin_batch_slurm},
        BACKEND_CASES("batch of Slurm"),
        {"batch of PBS: opens", begin_batch_pbs},
        BACKEND_CASES("batch of PBS"),
        {NULL, NULL},
    };
    static const unit_test far_tests[] = {
        {"ssh: opens", begin_ssh},
        BACKEND_CASES("ssh"),
        {"slurm+ssh: opens", begin_far_slurm},
        BACKEND_CASES("slurm+ssh"),
        {"pbs+ssh: opens", begin_far_pbs},
        BACKEND_CASES("pbs+ssh"),
        {NULL, NULL},
    };
    enum { N = sizeof(tests) / sizeof(*tests) };
    enum { N_FAR = sizeof(far_tests) / sizeof(*far_tests) };
    static unit_test all[N - 1 + N_FAR];

    memcpy(all, tests, sizeof(tests));
    if (ssh_server_installed() && ssh_server_open(&server) == 0)
        memcpy(all + N - 1, far_tests, sizeof(far_tests));
    else
        printf("# SKIP ssh, slurm+ssh, pbs+ssh: no sshd here\n");
    return unit_main("backends", all);
}

int main(void)
{
    int status;

    outside();
    rest_port = fake_rest_start();
    played_open("sbatch squeue sacct scancel scontrol sinfo sacctmgr qsub "
                "qstat qdel qsig qselect pbsnodes pbs_release_nodes",
                "slurm.rec pbs.rec");
    status = run();
    rehearse_end_all();
    ssh_server_close(&server);
    played_close();
    return status;
}
