/* launcher_private.h - a command line under construction. */
#ifndef LAUNCHER_LAUNCHER_PRIVATE_H
#define LAUNCHER_LAUNCHER_PRIVATE_H

#include "src/launcher/launcher.h"
#include "src/request/hostlist.h"

/* What the MPI of this build starts ranks with, and what its mpiexec is
 * called; configure knows.
 */
#ifndef PE_LAUNCHER
#define PE_LAUNCHER "mpirun"
#define PE_MPIEXEC "mpiexec"
#endif

/* Append a word to argv or an entry to env; [s] is taken (NULL: no memory). */
void launcher_arg(launcher_command *c, char *s, pe_error *errp);
void launcher_env(launcher_command *c, char *s, pe_error *errp);
/* Append copies of the NULL-ended [words]. */
void launcher_args(launcher_command *c, const char *const *words,
                   pe_error *errp);

/* The hosts of [a], each as often as it is to have ranks, in their order. */
int launcher_hosts(const launcher_spec *s, const launcher_allocation *a,
                   hostlist *out, pe_error *errp);
/* Cores of a Slurm job by SLURM_JOB_CPUS_PER_NODE, "2(x2),4"; 0: not told. */
int launcher_cores_of_job(const launcher_allocation *a);

/* An agent around pbs_tmrsh, in the folder of [s], by this name on PATH. */
#define LAUNCHER_AGENT "pilot-tmrsh"
/* Write it, for a job of PBS, with what is in [c] by now as its environment.
 * 1: there is one; 0: ssh it is; -1: no folder for it.
 */
int launcher_agent(const launcher_spec *s, const launcher_allocation *a,
                   launcher_command *c, pe_error *errp);
/* Open MPI's mpirun, and any mpiexec. */
int launcher_mpirun(const launcher_spec *s, const launcher_allocation *a,
                    launcher_command *c, pe_error *errp);
int launcher_mpiexec(const launcher_spec *s, const launcher_allocation *a,
                     launcher_command *c, pe_error *errp);
/* The program of a rank with what is wrapped around it. */
void launcher_program(const launcher_spec *s, launcher_command *c,
                      pe_error *errp);

#endif
