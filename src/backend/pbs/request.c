/* request.c - the words of a request, as qsub hears them. */
#include "private.h"

static const resource_foreign foreign[] = {
    {'J', NULL, NULL, RESOURCE_ARRAY_WHY},
    {'I', NULL, NULL,
     "a pilot has no terminal: start one in your interactive job with 'pilot "
     "run --set pilots.NAME.resource=batch://'"},
    {'\0', NULL, NULL, NULL},
};

/* The options are for people: what one makes depends on the others. */
const resource_words pbs_words = {
    .option =
        {
            [REQUEST_NODES] = "-l select=N:...",
            [REQUEST_NTASKS] = "-l select=...:mpiprocs=R",
            [REQUEST_NTASKS_PER_NODE] = "-l select=...:mpiprocs=R",
            [REQUEST_CPUS_PER_TASK] = "-l select=...:ncpus=C:ompthreads=T",
            [REQUEST_GPUS_PER_NODE] = "-l select=...:ngpus=N",
            [REQUEST_MEM] = "-l select=...:mem=SIZE",
            [REQUEST_EXCLUSIVE] = "-l place=...:exclhost",
            [REQUEST_TIME] = "-l walltime=TIME",
            [REQUEST_PARTITION] = "-q NAME",
            [REQUEST_QOS] = "-q NAME",
            [REQUEST_ACCOUNT] = "-A NAME",
            [REQUEST_JOB_NAME] = "-N NAME",
            [REQUEST_OUTPUT] = "-o FILE",
            [REQUEST_ERROR] = "-e FILE",
            [REQUEST_CHDIR] = "cd FOLDER, in the script",
            [REQUEST_DEPENDENCY] = "-W depend=TYPE:ID",
            [REQUEST_BEGIN] = "-a WHEN",
            [REQUEST_HOLD] = "-h",
            [REQUEST_REQUEUE] = "-r y or -r n",
            [REQUEST_RESERVATION] = "-q NAME",
            [REQUEST_NODELIST] = "-l select=1:host=HOST:...",
            [REQUEST_MAIL_TYPE] = "-m LETTERS",
            [REQUEST_MAIL_USER] = "-M ADDRESS",
            [REQUEST_EXPORT] = "-V, -v LIST",
        },
    .refusal =
        {
            [REQUEST_TIME_MIN] =
                "a range takes the place of the limit there: leave --time out "
                "as well, and pass '-- -l min_walltime=MIN -l "
                "max_walltime=MAX'",
            [REQUEST_OPEN_MODE] =
                "it writes the files of -o and -e anew at each run: leave it "
                "out, the pilot's own out and err are appended to",
            [REQUEST_SIGNAL] =
                "it sends no signal ahead of the end: leave it out, the pilot "
                "goes by its own clock (--lead)",
            [REQUEST_CONSTRAINT] =
                "features are resources of a chunk there, named by the site: "
                "give the pilot the directive '-l "
                "select=N:ncpus=C:mpiprocs=R:FEATURE=VALUE'",
            [REQUEST_EXCLUDE] =
                "a host cannot be left out there: name those it shall have "
                "with --nodelist",
            [REQUEST_LICENSES] =
                "licenses are resources there, named by the site: pass '-- -l "
                "NAME=COUNT'",
            [REQUEST_ARRAY] = RESOURCE_ARRAY_WHY,
        },
    .foreign = foreign,
    .flags = "hVXz",
};
