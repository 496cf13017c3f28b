/* launcher_case.c - the environments of jobs, and commands made in them. */
#include "launcher_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "src/common/shell.h"
#include "src/common/text.h"

extern char **environ;

/* ... and with no settings of MPI by whoever runs the test. */
void case_outside(void)
{
    static const char *const names[] = {"SLURM_JOB_ID",
                                        "SLURM_JOB_NUM_NODES",
                                        "SLURM_NTASKS",
                                        "SLURM_JOB_NODELIST",
                                        "SLURM_TASKS_PER_NODE",
                                        "SLURM_JOB_CPUS_PER_NODE",
                                        "PBS_JOBID",
                                        "PBS_NODEFILE",
                                        "OMP_NUM_THREADS",
                                        "OPENBLAS_NUM_THREADS",
                                        "LD_LIBRARY_PATH",
                                        "PILOT_DIR",
                                        "PILOT_HOME"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
    for (char **e = environ; *e;) {
        char name[64];

        if (strncmp(*e, "OMPI_", 5) && strncmp(*e, "PMIX_", 5) &&
            strncmp(*e, "PRTE_", 5) && strncmp(*e, "HWLOC_", 6)) {
            e++;
            continue;
        }
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(*e, "="), *e);
        if (unsetenv(name) < 0)
            break;
        e = environ;
    }
}

char *case_joined(char *const *words, const char *between)
{
    text out = {0};

    for (; words && *words; words++)
        text_add(&out, "%s%s", out.len ? between : "", *words);
    text_add(&out, "%s", "");
    return out.data;
}

void case_in_slurm(void)
{
    setenv("SLURM_JOB_ID", "2", 1);
    setenv("SLURM_JOB_NUM_NODES", "2", 1);
    setenv("SLURM_NTASKS", "4", 1);
    setenv("SLURM_JOB_NODELIST", "node[2-3]", 1);
    setenv("SLURM_TASKS_PER_NODE", "2(x2)", 1);
    setenv("SLURM_JOB_CPUS_PER_NODE", "2(x2)", 1);
}

void case_in_pbs(const char *lines)
{
    setenv("PBS_JOBID", "1.pbsserver", 1);
    scratch_write("nodefile", lines);
    setenv("PBS_NODEFILE", scratch_path, 1);
}

static const char *const program[] = {"/opt/pilot agent", "--ranks", "4", NULL};

launcher_spec case_spec(const char *launcher, int ntasks)
{
    const launcher_spec s = {.launcher = launcher,
                             .ntasks = ntasks,
                             .cpus_per_task = 1,
                             .program = program,
                             .dir = scratch_folder};

    return s;
}

char *case_made(const launcher_spec *s, launcher_command *c, pe_error *errp)
{
    launcher_allocation a;
    text out = {0};

    launcher_allocation_find(&a);
    if (launcher_make(s, &a, c, errp) < 0)
        return NULL;
    shell_add_words(&out, (const char *const *)c->argv);
    return out.data;
}
