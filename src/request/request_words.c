/* request_words.c - the words of a request. */
#include <string.h>

#include "src/request/request.h"

#define DAY INT64_C(86400)

#define TEXT .type = REQUEST_TYPE_TEXT
#define FLAG .type = REQUEST_TYPE_FLAG
#define LIST .type = REQUEST_TYPE_LIST
#define NUMBER(most) .type = REQUEST_TYPE_INT, .min = 1, .max = (most)
#define TIME(most) \
    .type = REQUEST_TYPE_TIME, .min = 1, .max = (most), .value = "TIME"

const request_spec request_specs[REQUEST_N_WORDS + 1] =
    {
        /* passed on to the scheduler */
        [REQUEST_NODES] =
            {
                .name = "nodes",
                .letter = 'N',
                NUMBER(1000000),
                .value = "N",
                .prose = "hosts",
            },
        [REQUEST_NTASKS] =
            {
                .name = "ntasks",
                .letter = 'n',
                NUMBER(16777216),
                .value = "N",
                .prose = "MPI ranks",
            },
        [REQUEST_NTASKS_PER_NODE] =
            {
                .name = "ntasks-per-node",
                NUMBER(65536),
                .value = "N",
                .prose = "MPI ranks of a host, at most",
            },
        [REQUEST_CPUS_PER_TASK] =
            {
                .name = "cpus-per-task",
                .letter = 'c',
                NUMBER(65536),
                .value = "N",
                .prose = "cores of a rank",
            },
        [REQUEST_GPUS_PER_NODE] =
            {
                .name = "gpus-per-node",
                TEXT,
                .value = "[TYPE:]N",
                .prose = "GPUs of a host",
            },
        [REQUEST_MEM] =
            {
                .name = "mem",
                TEXT,
                .value = "SIZE",
                .prose = "memory of a host: 4G, 400M; 0 is all of it",
            },
        [REQUEST_EXCLUSIVE] =
            {
                .name = "exclusive",
                FLAG,
                .prose = "hosts with no other job on them",
            },
        [REQUEST_TIME] =
            {
                .name = "time",
                .letter = 't',
                TIME(3653 * DAY),
                .prose = "limit: 30 (minutes), 1:30:00, 1-12, 90s, 2h",
            },
        [REQUEST_TIME_MIN] =
            {
                .name = "time-min",
                TIME(3653 * DAY),
                .prose = "a limit that will do if the job starts sooner",
            },
        [REQUEST_PARTITION] =
            {
                .name = "partition",
                .letter = 'p',
                TEXT,
                .value = "NAME",
                .prose = "partition; on PBS the queue",
            },
        [REQUEST_QOS] =
            {
                .name = "qos",
                .letter = 'q',
                TEXT,
                .value = "NAME",
                .prose = "quality of service; on PBS the queue",
            },
        [REQUEST_ACCOUNT] =
            {
                .name = "account",
                .letter = 'A',
                .alias = "project",
                TEXT,
                .value = "NAME",
                .prose = "account that is charged",
            },
        [REQUEST_JOB_NAME] =
            {
                .name = "job-name",
                .letter = 'J',
                TEXT,
                .value = "NAME",
                .prose = "name of the job; else RUN.PILOT",
            },
        [REQUEST_OUTPUT] =
            {
                .name = "output",
                .letter = 'o',
                TEXT,
                .value = "FILE",
                .prose = "what the scheduler's own shell prints",
            },
        [REQUEST_ERROR] =
            {
                .name = "error",
                .letter = 'e',
                TEXT,
                .value = "FILE",
                .prose = "what it prints to its standard error",
            },
        [REQUEST_CHDIR] =
            {
                .name = "chdir",
                .letter = 'D',
                TEXT,
                .value = "FOLDER",
                .prose = "where the pilot starts; else where you are",
            },
        [REQUEST_OPEN_MODE] =
            {
                .name = "open-mode",
                TEXT,
                .choices = "append truncate",
                .value = "MODE",
                .prose = "of the output files, when a job runs again",
            },
        [REQUEST_DEPENDENCY] =
            {
                .name = "dependency",
                .letter = 'd',
                TEXT,
                .value = "TYPE:ID",
                .prose = "wait for other jobs: afterok:17",
            },
        [REQUEST_BEGIN] =
            {
                .name = "begin",
                .letter = 'b',
                TEXT,
                .value = "WHEN",
                .prose = "earliest start: 16:00, 2026-11-23T16:00",
            },
        [REQUEST_HOLD] =
            {
                .name = "hold",
                .letter = 'H',
                FLAG,
                .prose = "submit it held, for a later release",
            },
        [REQUEST_REQUEUE] =
            {
                .name = "requeue",
                FLAG,
                .prose = "run again after preemption or the loss of a host",
            },
        [REQUEST_SIGNAL] =
            {
                .name = "signal",
                TEXT,
                .value = "[B:]SIG[@SECONDS]",
                .prose = "signal ahead of the end",
            },
        [REQUEST_RESERVATION] =
            {
                .name = "reservation",
                TEXT,
                .value = "NAME",
                .prose = "run in a reservation",
            },
        [REQUEST_CONSTRAINT] =
            {
                .name = "constraint",
                .letter = 'C',
                TEXT,
                .value = "LIST",
                .prose = "features of the hosts",
            },
        [REQUEST_NODELIST] =
            {
                .name = "nodelist",
                .letter = 'w',
                TEXT,
                .value = "HOSTS",
                .prose = "these hosts, and others as needed",
            },
        [REQUEST_EXCLUDE] =
            {
                .name = "exclude",
                .letter = 'x',
                TEXT,
                .value = "HOSTS",
                .prose = "none of these hosts",
            },
        [REQUEST_MAIL_TYPE] =
            {
                .name = "mail-type",
                TEXT,
                .value = "LIST",
                .prose = "NONE, BEGIN, END, FAIL, ALL and more",
            },
        [REQUEST_MAIL_USER] =
            {
                .name = "mail-user",
                TEXT,
                .value = "ADDRESS",
                .prose = "who gets the mail",
            },
        [REQUEST_LICENSES] =
            {
                .name = "licenses",
                .letter = 'L',
                TEXT,
                .value = "LIST",
                .prose = "licenses the job holds",
            },
        [REQUEST_EXPORT] =
            {
                .name = "export",
                TEXT,
                .value = "ALL|NONE|LIST",
                .prose = "environment that the job gets",
            },
        [REQUEST_ARRAY] =
            {
                .name = "array",
                .letter = 'a',
                TEXT,
                .value = "INDEXES",
                .prose = "not for pilots: see 'pilot resize'",
            },
        /* ours */
        [REQUEST_LAUNCHER] =
            {
                .name = "launcher",
                TEXT,
                .choices = "auto srun mpirun mpiexec",
                .value = "NAME",
                .prose = "what starts the ranks",
                .ours = true,
            },
        [REQUEST_WRAP] =
            {
                .name = "wrap",
                TEXT,
                .value = "WORDS",
                .prose = "in front of each rank: apptainer exec IMAGE",
                .ours = true,
            },
        [REQUEST_HELLO_TIMEOUT] =
            {
                .name = "hello-timeout",
                TIME(7 * DAY),
                .prose = "MISSING when a job runs and says nothing for so long",
                .ours = true,
            },
        [REQUEST_LEAD] =
            {
                .name = "lead",
                TIME(7 * DAY),
                .prose = "take nothing new so long before the end",
                .ours = true,
            },
        [REQUEST_CHAIN] =
            {
                .name = "chain",
                NUMBER(10000),
                .value = "N",
                .prose = "successors, one after the other",
                .ours = true,
            },
        [REQUEST_SETUP] =
            {
                .name = "setup",
                LIST,
                .value = "LINE",
                .prose = "shell line of the site: module load openmpi",
                .ours = true,
            },
        [REQUEST_DIRECTIVES] =
            {
                .name = "directives",
                LIST,
                .value = "OPTION",
                .prose = "option of the scheduler, in place of ours",
                .ours = true,
            },
        [REQUEST_NO_DIRECTIVE] =
            {
                .name = "no-directive",
                LIST,
                .value = "OPTION",
                .prose = "leave this option of ours out",
                .ours = true,
            },
        [REQUEST_STAGE_IN] =
            {
                .name = "stage-in",
                LIST,
                .value = "FILE",
                .prose = "into in/ of the pilot's folder",
                .ours = true,
            },
        [REQUEST_STAGE_OUT] =
            {
                .name = "stage-out",
                LIST,
                .value = "FILE",
                .prose = "out of the pilot's folder, at its end",
                .ours = true,
            },
        [REQUEST_EXTRA] =
            {
                .name = "extra",
                LIST,
                .value = "WORD",
                .prose = "for sbatch or qsub, as it stands",
                .ours = true,
            },
};

int request_word_find(const char *name)
{
    for (int i = 0; name && i < REQUEST_N_WORDS; i++)
        if (!strcmp(request_specs[i].name, name) ||
            (request_specs[i].alias && !strcmp(request_specs[i].alias, name)))
            return i;
    return -1;
}
