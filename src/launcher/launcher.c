/* launcher.c - what starts the ranks of a pool. */
#include "launcher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/environ.h"
#include "src/common/process.h"
#include "src/common/text.h"
#include "src/common/words.h"
#include "src/host/host.h"
#include "src/launcher/launcher_private.h"

#define LOOK_S 20 /* for srun to list what it knows */

void launcher_arg(launcher_command *c, char *s, pe_error *errp)
{
    words_add(&c->argv, s, errp);
}

void launcher_env(launcher_command *c, char *s, pe_error *errp)
{
    words_add(&c->env, s, errp);
}

void launcher_args(launcher_command *c, const char *const *words,
                   pe_error *errp)
{
    for (; *words; words++)
        launcher_arg(c, text_format("%s", *words), errp);
}

void launcher_command_free(launcher_command *c)
{
    if (!c)
        return;
    words_free(c->argv);
    words_free(c->env);
    memset(c, 0, sizeof(*c));
}

/* The words of a wrapper are a shell's, with its quotes and variables, read
 * where the rank runs.
 */
void launcher_program(const launcher_spec *s, launcher_command *c,
                      pe_error *errp)
{
    if (s->wrap && *s->wrap) {
        launcher_arg(c, text_format("/bin/sh"), errp);
        launcher_arg(c, text_format("-c"), errp);
        launcher_arg(c, text_format("exec %s \"$@\"", s->wrap), errp);
        launcher_arg(c, text_format("sh"), errp);
    }
    launcher_args(c, s->program, errp);
}

/* What `srun --mpi=list` says, on one line; -1: it is not there. */
static int mpi_list(char *out, size_t cap, pe_error *errp)
{
    static const char *const argv[] = {"srun", "--mpi=list", NULL};
    host_answer a = {0};
    host *h = NULL;
    int r = -1;

    out[0] = '\0';
    if (process_find("srun", errp) < 0)
        return -1;
    h = host_open_local(errp);
    if (h)
        r = host_run(h, argv, NULL, LOOK_S, &a, errp);
    if (r == 0)
        snprintf(out, cap, "%s %s", a.out ? a.out : "", a.err ? a.err : "");
    for (char *s = out; *s; s++)
        if (*s == '\n' || *s == '\t')
            *s = ' ';
    host_answer_free(&a);
    host_close(h);
    return r;
}

/* How srun speaks to the MPI of this build: Open MPI's knows pmix alone, and
 * MPICH's own is pmi2.  By another one each rank would be alone in a world of
 * its own.
 */
static const char *srun_mpi(void)
{
    return !strcmp(PE_LAUNCHER, "mpirun") ? "pmix" : "pmi2";
}

static int srun_check(const launcher_allocation *a, pe_error *errp)
{
    char list[512];

    if (a->kind != LAUNCHER_SLURM)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "srun outside of a Slurm job would queue one of "
                            "its own: submit the pilot to slurm://, or say "
                            "--launcher " PE_LAUNCHER);
    if (mpi_list(list, sizeof(list), errp) < 0)
        return -1;
    if (strstr(list, srun_mpi()))
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "srun here does not offer %s (it says: %.200s): every "
                        "rank would be alone; say --launcher " PE_LAUNCHER,
                        srun_mpi(), list);
}

static int launcher_srun(const launcher_spec *s, launcher_command *c,
                         pe_error *errp)
{
    /* --overlap: a step that waits for another to end would wait unseen. */
    static const char *const always[] = {"--kill-on-bad-exit=1", "--overlap",
                                         "--export=ALL", NULL};

    launcher_arg(c, text_format("srun"), errp);
    launcher_arg(c, text_format("--mpi=%s", srun_mpi()), errp);
    launcher_args(c, always, errp);
    launcher_arg(c, text_format("--ntasks=%d", s->ntasks), errp);
    /* srun has it no more from the job since 22.05 */
    launcher_arg(c, text_format("--cpus-per-task=%d", s->cpus_per_task), errp);
    launcher_program(s, c, errp);
    return 0;
}

/* More ranks than the job was asked for would be started on top of each
 * other, or not at all.
 */
static int room_check(const launcher_spec *s, const launcher_allocation *a,
                      pe_error *errp)
{
    int cores = launcher_cores_of_job(a);
    int64_t wanted = (int64_t)s->ntasks * s->cpus_per_task;

    if (a->kind == LAUNCHER_NONE)
        return 0;
    if (a->slots > 0 && s->ntasks > a->slots)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "job %s was asked for %d rank%s, and %d are to be "
                            "started: submit it with --ntasks %d, or set the "
                            "pool's ntasks to %d",
                            a->id, a->slots, a->slots == 1 ? "" : "s",
                            s->ntasks, s->ntasks, a->slots);
    if (a->slots == 0 && cores > 0 && wanted > cores)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "job %s has %d core%s, and %d ranks of %d are to "
                            "be started: ask for it with --ntasks %d%s, or "
                            "start fewer",
                            a->id, cores, cores == 1 ? "" : "s", s->ntasks,
                            s->cpus_per_task, s->ntasks,
                            s->cpus_per_task > 1 ? " and --cpus-per-task" : "");
    return 0;
}

static int spec_check(const launcher_spec *s, pe_error *errp)
{
    if (s->program && s->program[0] && s->ntasks > 0 && s->cpus_per_task > 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "nothing is to be started: no program, or no ranks");
}

const char *launcher_default(void)
{
    return !strcmp(PE_LAUNCHER, "mpiexec") ? PE_MPIEXEC : PE_LAUNCHER;
}

static bool is_launcher(const char *name)
{
    return !strcmp(name, "srun") || !strcmp(name, "mpirun") ||
           !strcmp(name, "mpiexec");
}

static int launcher_build(const launcher_spec *s, const launcher_allocation *a,
                          launcher_command *c, pe_error *errp)
{
    bool choose = !s->launcher || !strcmp(s->launcher, "auto");
    const char *name = choose ? PE_LAUNCHER : s->launcher;

    if (!is_launcher(name))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "launcher '%.32s': it is auto, srun, mpirun or "
                            "mpiexec",
                            name);
    if (choose && a->kind == LAUNCHER_SLURM && srun_check(a, NULL) == 0)
        return launcher_srun(s, c, errp);
    if (!strcmp(name, "srun"))
        return srun_check(a, errp) < 0 ? -1 : launcher_srun(s, c, errp);
    if (process_find(!strcmp(name, "mpiexec") ? PE_MPIEXEC : name, errp) < 0)
        return -1;
    return !strcmp(name, "mpirun") ? launcher_mpirun(s, a, c, errp)
                                   : launcher_mpiexec(s, a, c, errp);
}

int launcher_make(const launcher_spec *s, const launcher_allocation *a,
                  launcher_command *c, pe_error *errp)
{
    pe_error e = {0};
    char *kept;
    int rc;

    if (spec_check(s, errp) < 0 || room_check(s, a, errp) < 0)
        return -1;
    rc = launcher_build(s, a, c, &e);
    kept = rc < 0 ? NULL : environ_settings((const char *const *)c->env, &e);
    if (kept)
        launcher_env(c, kept, &e);
    if (rc == 0 && e.kind == PE_ERROR_NONE)
        return 0;
    launcher_command_free(c);
    if (errp)
        *errp = e;
    return -1;
}
