/* request.c - the words of a request, as sbatch hears them. */
#include "private.h"

static const resource_foreign foreign[] = {
    {'a', "--ar", "--array", RESOURCE_ARRAY_WHY},
    {'\0', "--te", "--test-only",
     "it submits nothing; 'pilot submit --dry-run' shows the job"},
    {'\0', ":", ":",
     "the parts of a heterogeneous job would be pilots that know nothing of "
     "each other: submit one pilot for each"},
    {'\0', NULL, NULL, NULL},
};

/* What sbatch calls them; slurmrestd's words for these have the same names. */
#define OPTIONS                                                               \
    [REQUEST_NODES] = "--nodes=", [REQUEST_NTASKS] = "--ntasks=",             \
    [REQUEST_NTASKS_PER_NODE] = "--ntasks-per-node=",                         \
    [REQUEST_CPUS_PER_TASK] = "--cpus-per-task=", [REQUEST_MEM] = "--mem=",   \
    [REQUEST_EXCLUSIVE] = "--exclusive", [REQUEST_TIME] = "--time=",          \
    [REQUEST_TIME_MIN] = "--time-min=", [REQUEST_PARTITION] = "--partition=", \
    [REQUEST_QOS] = "--qos=", [REQUEST_ACCOUNT] = "--account=",               \
    [REQUEST_JOB_NAME] = "--job-name=", [REQUEST_OUTPUT] = "--output=",       \
    [REQUEST_ERROR] = "--error=", [REQUEST_CHDIR] = "--chdir=",               \
    [REQUEST_OPEN_MODE] = "--open-mode=",                                     \
    [REQUEST_DEPENDENCY] = "--dependency=", [REQUEST_BEGIN] = "--begin=",     \
    [REQUEST_HOLD] = "--hold",                                                \
    [REQUEST_REQUEUE] = "--requeue or --no-requeue",                          \
    [REQUEST_RESERVATION] = "--reservation=",                                 \
    [REQUEST_CONSTRAINT] = "--constraint=",                                   \
    [REQUEST_MAIL_TYPE] = "--mail-type=",                                     \
    [REQUEST_MAIL_USER] = "--mail-user=", [REQUEST_LICENSES] = "--licenses="

const resource_words slurm_words = {
    .option =
        {OPTIONS, [REQUEST_GPUS_PER_NODE] = "--gpus-per-node=",
         [REQUEST_SIGNAL] = "--signal=", [REQUEST_NODELIST] = "--nodelist=",
         [REQUEST_EXCLUDE] = "--exclude=", [REQUEST_EXPORT] = "--export="},
    .refusal =
        {
            [REQUEST_ARRAY] = RESOURCE_ARRAY_WHY,
        },
    .foreign = foreign,
    .flags = "HhkOQsvVW",
};

/* What v0.0.38 has no word for, or one that it passes over; of the later ones
 * the same.
 */
#define NO_NODES                                                   \
    "slurmrestd takes no names of nodes: ask for --constraint or " \
    "--reservation"

const resource_words slurmrest_words = {
    .option = {OPTIONS},
    .refusal =
        {
            [REQUEST_ARRAY] = RESOURCE_ARRAY_WHY,
            [REQUEST_NODELIST] = NO_NODES,
            [REQUEST_EXCLUDE] = NO_NODES,
            [REQUEST_GPUS_PER_NODE] =
                "slurmrestd has no word that reads it: ask for a partition or "
                "a --constraint that has them",
            [REQUEST_SIGNAL] = "slurmrestd signals no script: a pilot goes by "
                               "its own clock, see --lead",
            [REQUEST_EXPORT] = "a job has the environment of the command that "
                               "submits it: see --setup",
        },
    .foreign = foreign,
    .flags = "",
};
