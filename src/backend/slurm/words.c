/* words.c - states and reasons of Slurm, and what they mean for people.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "private.h"
#include "src/common/clock.h"

static const struct {
    const char *word;
    enum resource_seen seen;
} states[] = {
    {"PENDING", RESOURCE_QUEUED},
    {"RUNNING", RESOURCE_RUNNING},
    {"COMPLETED", RESOURCE_DONE},
    {"COMPLETING", RESOURCE_ENDING},
    {"CANCELLED", RESOURCE_CANCELED},
    {"FAILED", RESOURCE_FAILED},
    {"TIMEOUT", RESOURCE_TIMEOUT},
    {"DEADLINE", RESOURCE_TIMEOUT},
    {"CONFIGURING", RESOURCE_STARTING},
    {"SUSPENDED", RESOURCE_SUSPENDED},
    {"STOPPED", RESOURCE_SUSPENDED},
    {"NODE_FAIL", RESOURCE_NODE_LOST},
    {"BOOT_FAIL", RESOURCE_NODE_LOST},
    {"PREEMPTED", RESOURCE_PREEMPTED},
    {"OUT_OF_MEMORY", RESOURCE_FAILED},
    {"LAUNCH_FAILED", RESOURCE_FAILED},
    {"RECONFIG_FAIL", RESOURCE_FAILED},
    {"POWER_UP_NODE", RESOURCE_STARTING},
    {"REQUEUED", RESOURCE_QUEUED},
    {"REQUEUE_FED", RESOURCE_QUEUED},
    {"REQUEUE_HOLD", RESOURCE_HELD},
    {"SPECIAL_EXIT", RESOURCE_HELD},
    {"RESV_DEL_HOLD", RESOURCE_HELD},
    {"RESIZING", RESOURCE_RUNNING},
    {"SIGNALING", RESOURCE_RUNNING},
    {"UPDATE_DB", RESOURCE_RUNNING},
    {"STAGE_OUT", RESOURCE_ENDING},
    {"REVOKED", RESOURCE_ABSENT}, /* its sibling runs on another cluster */
};

enum resource_seen slurm_state(const char *word, size_t len)
{
    size_t n = 0;

    while (n < len && word[n] != ' ' && word[n] != '+') /* "CANCELLED by 0" */
        n++;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (strlen(states[i].word) == n && !strncmp(states[i].word, word, n))
            return states[i].seen;
    return RESOURCE_UNKNOWN;
}

#define NEVER true, false
#define WAITS false, false
#define HELD false, true

#define AS_IT_STANDS "cancel it and "

/* The longer of two that begin alike stands first. */
static const slurm_reason reasons[] = {
    {"None", "", WAITS},
    {"Priority", "waits for its turn: others have a higher priority", WAITS},
    {"Resources", "waits for nodes to become free", WAITS},
    {"DependencyNeverSatisfied",
     "the job it waits for did not end as --dependency wants it: cancel it and "
     "submit again without, or with afterany",
     NEVER},
    {"Dependency", "waits for another job (--dependency)", WAITS},
    {"BeginTime", "waits for its time to begin", WAITS},
    {"JobHeldAdmin", "held by an administrator of the site: ask them why",
     HELD},
    {"JobHeldUser", "held: 'scontrol release ID' lets it go", HELD},
    {"JobHoldMaxRequeue",
     "held after it was queued again too often: look at its err, then "
     "'scontrol release ID'",
     HELD},
    {"job requeued in held state",
     "queued again and held: 'scontrol release ID' lets it go", HELD},
    {"launch failed requeued held",
     "it could not be started on its nodes and is held now: look at their "
     "state, then 'scontrol release ID'",
     HELD},
    {"user env retrieval failed requeued held",
     "the user's environment could not be had on its nodes, and it is held: "
     "'scontrol release ID' tries again",
     HELD},
    {"ReservationDeleted",
     "its reservation is gone, and it is held: cancel it "
     "and submit without --reservation",
     HELD},
    {"Reservation", "waits for its reservation to begin", WAITS},
    {"PartitionDown",
     "its partition is down: submit to another (--partition), or wait", WAITS},
    {"PartitionInactive",
     "its partition is inactive: submit to another (--partition), or wait",
     WAITS},
    {"PartitionNodeLimit",
     "it asks for more or fewer nodes than its partition gives: " AS_IT_STANDS
     "change --nodes or --partition",
     NEVER},
    {"PartitionTimeLimit",
     "it asks for more time than its partition gives (sinfo -o '%P "
     "%l'): " AS_IT_STANDS "lower --time or change --partition",
     NEVER},
    {"PartitionConfig",
     "its partition has no room for such a request (nodes, cores, memory, "
     "groups): " AS_IT_STANDS "ask for less, or of another --partition",
     NEVER},
    {"BadConstraints",
     "no node has what it asks for (--constraint, --mem, "
     "--gpus-per-node): " AS_IT_STANDS "ask for less",
     NEVER},
    {"ReqNodeNotAvail",
     "nodes it needs are down, drained or reserved: it waits for them, unless "
     "it is submitted with other nodes (--nodelist, --exclude)",
     WAITS},
    {"Nodes required for job are DOWN",
     "nodes it needs are down, drained or reserved: it waits for them", WAITS},
    {"NodeDown", "a node it needs is down: it waits for it", WAITS},
    {"FrontEndDown", "the front end of its nodes is down: it waits", WAITS},
    {"InvalidAccount",
     "its account is not valid here (sacctmgr show associations): " AS_IT_STANDS
     "change --account",
     NEVER},
    {"AccountNotAllowed",
     "its account may not use this partition: " AS_IT_STANDS
     "change --account or --partition",
     NEVER},
    {"InvalidQOS",
     "its quality of service is not valid here: " AS_IT_STANDS "change --qos",
     NEVER},
    {"QOSNotAllowed",
     "its quality of service may not be used in this partition: " AS_IT_STANDS
     "change --qos or --partition",
     NEVER},
    {"AssociationTimeLimit",
     "its account has used up its time: ask for more, or use another --account",
     WAITS},
    {"AssociationJobLimit",
     "its account runs as many jobs as it may: waits for one to end", WAITS},
    {"Association", "its account is at a limit: waits for others to end",
     WAITS},
    {"MaxMemPerLimit",
     "it asks for more memory than a job may have: " AS_IT_STANDS "lower --mem",
     NEVER},
    {"Licenses", "waits for a license (--licenses)", WAITS},
    {"JobArrayTaskLimit", "waits for others of its array to end", WAITS},
    {"BurstBuffer", "waits for its burst buffer", WAITS},
    {"Cleaning", "was queued again; its last run is still being cleaned up",
     WAITS},
    {"Prolog", "its nodes are being made ready", WAITS},
    {"Power", "waits for power to be granted to its nodes", WAITS},
    {"DeadLine", "its --deadline came before it could run", WAITS},
    {"SystemFailure",
     "a failure of Slurm, a file system or the network: "
     "ask the site",
     WAITS},
    {"InactiveLimit", "ended by Slurm for being idle", WAITS},
    {NULL, NULL, WAITS},
};

static const slurm_reason limit_of_job = {
    NULL,
    "it asks for more than one job may have of its account or quality of "
    "service: " AS_IT_STANDS "ask for less",
    NEVER};
static const slurm_reason limit_of_all = {
    NULL,
    "its account, user or quality of service is at a limit: waits for others "
    "to end",
    WAITS};

/* "QOSMaxNodePerJobLimit", "AssocGrpCpuLimit": what they name is either the
 * request itself or what is used by all together.
 */
static const slurm_reason *limit_find(const char *reason)
{
    static const char *const own[] = {"PerJob",       "PerNode", "NotSatisfied",
                                      "WallDuration", "MinCPU",  NULL};

    if (strncmp(reason, "QOS", 3) && strncmp(reason, "Assoc", 5))
        return NULL;
    for (const char *const *p = own; *p; p++)
        if (strstr(reason, *p))
            return &limit_of_job;
    return &limit_of_all;
}

const slurm_reason *slurm_reason_find(const char *reason)
{
    for (const slurm_reason *r = reasons; r->prefix; r++)
        if (!strncmp(reason, r->prefix, strlen(r->prefix)))
            return r;
    return limit_find(reason);
}

/* "; expected to start at 2026-11-23 14:30" in the zone of who reads it. */
static void guess_text(int64_t start_ns, char *out, size_t cap)
{
    time_t t = (time_t)(start_ns / CLOCK_S);
    struct tm tm;

    out[0] = '\0';
    if (start_ns > 0 && localtime_r(&t, &tm) &&
        strftime(out, cap, "; expected to start at %Y-%m-%d %H:%M", &tm) == 0)
        out[0] = '\0';
}

static void explain_waiting(resource_job *job, int64_t expected_ns)
{
    const slurm_reason *r = slurm_reason_find(job->reason);
    char guess[64] = "";

    if (r && !r->never && !r->held)
        guess_text(expected_ns, guess, sizeof(guess));

    if (job->restarts > 0 && !strcmp(job->reason, "BeginTime"))
        snprintf(job->prose, sizeof(job->prose),
                 "was queued again, and Slurm waits two minutes");
    else if (r)
        snprintf(job->prose, sizeof(job->prose), "%s%s", r->prose, guess);
    else if (!*job->reason)
        snprintf(job->prose, sizeof(job->prose), "%s",
                 job->seen == RESOURCE_HELD
                     ? "held: 'scontrol release ID' lets it go"
                     : "");
    else
        snprintf(job->prose, sizeof(job->prose), "Slurm says: %.200s",
                 job->reason);
    job->never = r && r->never;
}

/* Slurm's own "signal" for a file or folder that is not there. */
#define SIGNAL_NO_FILE 53

static void explain_failure(resource_job *job)
{
    const char *what = "failed; its err in the pilot's folder may say why";

    if (!strncmp(job->native, "OUT_OF_MEMORY", 13))
        what = "used more memory than it had: ask for more with --mem";
    else if (job->signal == SIGNAL_NO_FILE)
        what = "could not be started: its folder, or that of --output, is not "
               "there on the node";
    else if (job->signal <= 0 && !strncmp(job->reason, "JobLaunchFailure", 16))
        what = "its script was killed, or its folder or that of --output is "
               "not there on the node";
    else if (job->exit_code == 127)
        what = "its script ended with 127: a command in it was not found";
    else if (!strncmp(job->reason, "BadConstraints", 14))
        what = "no node has what it asks for: ask for less";
    else if (job->signal > 0)
        what = NULL;
    if (what && (job->exit_code <= 0 || job->exit_code == 127))
        snprintf(job->prose, sizeof(job->prose), "%s", what);
    else if (!what)
        snprintf(job->prose, sizeof(job->prose),
                 "its script was killed by signal %d", job->signal);
    else
        snprintf(job->prose, sizeof(job->prose),
                 "its script ended with %d; its err in the pilot's folder may "
                 "say why",
                 job->exit_code);
}

void slurm_explain(resource_job *job, int64_t expected_ns)
{
    const char *what = "";

    switch (job->seen) {
    case RESOURCE_QUEUED:
    case RESOURCE_HELD:
        explain_waiting(job, expected_ns);
        return;
    case RESOURCE_FAILED:
        explain_failure(job);
        return;
    case RESOURCE_TIMEOUT:
        what = strncmp(job->native, "DEADLINE", 8)
                   ? "its time was over: ask for more with --time, or for "
                     "successors with --chain"
                   : "its --deadline came before it could run";
        break;
    case RESOURCE_NODE_LOST:
        what = "a node of it was lost";
        break;
    case RESOURCE_PREEMPTED:
        what = "made room for a job of higher priority";
        break;
    case RESOURCE_SUSPENDED:
        what = "suspended by an administrator or by a job of higher priority";
        break;
    default:
        break;
    }
    snprintf(job->prose, sizeof(job->prose), "%s", what);
}

static const scheduler_fault faults[] = {
    {"Unable to contact slurm controller", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "try again later ('scontrol ping')"},
    {"Socket timed out", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "it may have been done all the same"},
    {"Zero Bytes were transmitted", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "it may have been done all the same"},
    {"authentication error", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "munged does not run here, or clocks differ: tell the site"},
    {"Could not establish a configuration source", PE_ERROR_INPUT,
     PE_EXIT_CONFIG,
     "no slurm.conf is found: set SLURM_CONF, or go to a host "
     "of the cluster"},
    {"temporarily unable to accept job", PE_ERROR_RETRY, PE_EXIT_AGAIN, NULL},
    {"Resource temporarily unavailable", PE_ERROR_RETRY, PE_EXIT_AGAIN, NULL},
    {"ermission denied", PE_ERROR_FATAL, PE_EXIT_PERMISSION, NULL},
    {"Invalid user id", PE_ERROR_FATAL, PE_EXIT_PERMISSION, NULL},
    {NULL, PE_ERROR_INPUT, PE_EXIT_CONFIG, NULL},
};

const scheduler_ways slurm_ways = {
    .faults = faults,
    .usage_least = 255, /* sbatch's own view of its options */
    .usage_most = 255,
    .id_marks = ";", /* "37;cluster" */
};
