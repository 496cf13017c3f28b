/* launcher.h - what starts the ranks inside an allocation: apart from how the
 * allocation was got.
 */
#ifndef LAUNCHER_LAUNCHER_H
#define LAUNCHER_LAUNCHER_H

#include <stdbool.h>
#include <stddef.h>

#include <pilot/error.h>

/* What is to be started. */
typedef struct launcher_spec {
    const char *launcher; /* auto, srun, mpirun, mpiexec */
    int ntasks, cpus_per_task;
    const char *const *program; /* argv of a rank, NULL-ended */
    const char *wrap;           /* shell words in front of the program of a
                                   rank, or NULL: a container */
    const char *dir;            /* a folder for files of the launcher */
    const char *session_dir;    /* mpirun's own; NULL: as it likes */
    const char *shared_dir;     /* for memory the ranks share; NULL */
} launcher_spec;

/* A command line and the environment it needs. */
typedef struct launcher_command {
    char **argv;    /* NULL-ended */
    char **env;     /* "NAME=VALUE", NULL-ended */
    char told[256]; /* what is unusual, for people; "" */
} launcher_command;

/* The allocation this process is in, as its environment tells. */
typedef struct launcher_allocation {
    enum { LAUNCHER_NONE, LAUNCHER_SLURM, LAUNCHER_PBS } kind;
    char id[128];
    int nodes;         /* 1 outside */
    int slots;         /* ranks it was asked for; 0: not told */
    const char *hosts; /* SLURM_JOB_NODELIST, path of PBS_NODEFILE; or NULL */
} launcher_allocation;

/* The program that `auto` starts ranks with outside of Slurm: "mpirun", or the
 * mpiexec of an MPICH that this was built with.
 */
const char *launcher_default(void);

void launcher_allocation_find(launcher_allocation *a);
/* That of a pilot of this host itself: none, whatever the environment of the
 * shell that started it tells (that of a job that is over, say).
 */
#define LAUNCHER_ALONE                    \
    (launcher_allocation)                 \
    {                                     \
        .kind = LAUNCHER_NONE, .nodes = 1 \
    }

/* [c] starts zeroed.  `auto`: srun in a Slurm allocation where it speaks to the
 * MPI of this build (pmix; an MPICH: pmi2), else mpirun, or MPICH's mpiexec.
 * mpirun gets the hosts of the allocation where the Open MPI at hand does not
 * speak to the scheduler, and inside PBS without ssh between nodes an agent
 * around pbs_tmrsh.  Errors: input, 78: no such launcher here, or one that
 * cannot start these ranks (srun without either; more ranks than the allocation
 * has room for), with the fix.
 */
int launcher_make(const launcher_spec *s, const launcher_allocation *a,
                  launcher_command *c, pe_error *errp);
void launcher_command_free(launcher_command *c);
/* Nothing is started in [dir] any more: remove the environment that was kept
 * there, which may hold what is nobody else's.
 */
void launcher_clean(const char *dir);

/* Leave of [said], the end of what a launcher and its ranks printed, what
 * tells a reason: of the help texts that Open MPI puts between two lines of
 * dashes the beginning only, and nothing of those which tell no more than that
 * a rank has ended.
 */
void launcher_words(char *said);

#endif
