/* supervisor_command.c - the command line of what runs in a pilot. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/locate.h"
#include "src/common/text.h"
#include "src/common/words.h"
#include "src/launcher/launcher.h"
#include "src/pilot/scratch.h"
#include "src/pilot/supervisor.h"

#define WORDS_MAX 16

static char *program_find(const supervisor *s, const char *name,
                          const char *installed, pe_error *errp)
{
    char *path =
        s->conf.libexec ? text_format("%s/%s", s->conf.libexec, name) : NULL;

    if (path && access(path, X_OK) == 0)
        return path;
    free(path);
    return locate_program(name, installed, errp);
}

/* What is unusual about the way ranks are started, said once. */
static void launch_tell(supervisor *s, const char *told)
{
    if (s->told_launch || !*told)
        return;
    s->told_launch = true;
    tell_note(s, told);
}

static int pool_launch(supervisor *s, const char *const *argv,
                       const scratch *tmp, crew_command *c, pe_error *errp)
{
    const launcher_spec spec = {.launcher = s->conf.launcher,
                                .ntasks = s->conf.ranks,
                                .cpus_per_task = s->conf.cpus_per_task,
                                .program = argv,
                                .wrap = s->conf.wrap,
                                .dir = s->dir,
                                .session_dir = tmp->session,
                                .shared_dir = tmp->shared};
    launcher_allocation a = LAUNCHER_ALONE;
    launcher_command l = {0};

    if (s->conf.batch)
        launcher_allocation_find(&a);
    if (launcher_make(&spec, &a, &l, errp) < 0)
        return -1;
    launch_tell(s, l.told);
    c->argv = l.argv;
    c->env = l.env;
    return 0;
}

static int pool_command(const unit *u, crew_command *c, pe_error *errp)
{
    supervisor *s = u->s;
    char *agent = program_find(s, "pilot-agent", PILOT_LIBEXECDIR, errp);
    char ranks[16];
    scratch tmp = {0};
    int status = agent ? 0 : -1;

    snprintf(ranks, sizeof(ranks), "%d", s->conf.ranks);
    const char *argv[] = {agent,      s->dir,
                          "--pilot",  s->req->pilot,
                          "--member", s->req->member,
                          "--ranks",  ranks,
                          "--events", u->crew.reader.mark,
                          NULL};
    if (status == 0)
        status = scratch_make(&tmp, s->dir, errp);
    if (status == 0)
        status = pool_launch(s, argv, &tmp, c, errp);
    scratch_free(&tmp);
    free(agent);
    return status;
}

static int edge_command(const unit *u, crew_command *c, pe_error *errp)
{
    const supervisor *s = u->s;
    char *agent = program_find(s, "pilot-edge", PILOT_BINDIR, errp);
    const char *argv[] = {agent,         s->dir,     "--pilot",
                          s->req->pilot, "--events", u->crew.reader.mark,
                          NULL};
    int status = agent ? words_add_all(&c->argv, argv, errp) : -1;

    free(agent);
    return status;
}

/* The services script in the foreground: it tells when it is up, and stops
 * what it started when it is asked to end.
 */
static int service_command(const unit *u, crew_command *c, pe_error *errp)
{
    const supervisor *s = u->s;
    char *program = program_find(s, "pilot-services", PILOT_LIBEXECDIR, errp);
    char *folder = text_format("%s/service", s->dir);
    const char *argv[WORDS_MAX];
    size_t n = 0;
    int status = -1;

    if (program && !folder)
        pe_error_nomem(errp);
    if (!program || !folder)
        goto done;
    argv[n++] = program;
    argv[n++] = "run";
    argv[n++] = "--only";
    argv[n++] = s->pilot->kind == PILOT_BROKER ? "kafka" : "redis";
    argv[n++] = "--dir";
    argv[n++] = folder;
    argv[n++] = "--events";
    argv[n++] = u->crew.reader.mark;
    if (s->conf.secure)
        argv[n++] = "--secure";
    if (s->conf.listen) {
        argv[n++] = "--listen";
        argv[n++] = s->conf.listen;
    }
    if (s->conf.advertise) {
        argv[n++] = "--advertise";
        argv[n++] = s->conf.advertise;
    }
    argv[n] = NULL;
    status = words_add_all(&c->argv, argv, errp);
done:
    free(folder);
    free(program);
    return status;
}

/* A tenant of an allocation is a pilot with a supervisor of its own. */
static int tenant_command(const unit *u, crew_command *c, pe_error *errp)
{
    char *folder = locate_folder(u->s->dir, errp);
    char *program =
        program_find(u->s, "pilot-supervisor", PILOT_LIBEXECDIR, errp);
    char *dir = folder ? text_format("%s/%s", folder, u->name) : NULL;
    const char *argv[] = {program, dir, "--events", u->crew.reader.mark, NULL};
    int status = -1;

    if (folder && program && !dir)
        pe_error_nomem(errp);
    if (dir && program)
        status = words_add_all(&c->argv, argv, errp);
    free(dir);
    free(program);
    free(folder);
    return status;
}

/* Where the words of what is started begin in the pilot's err. */
static int64_t err_size(void)
{
    struct stat st;

    return fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size
                                                                 : 0;
}

int kind_command(void *arg, crew_command *c, pe_error *errp)
{
    unit *u = arg;
    supervisor *s = u->s;
    int status = -1;

    u->err_from = u->err_path ? 0 : err_size();

    switch (s->pilot->kind) {
    case PILOT_POOL:
        status = pool_command(u, c, errp);
        break;
    case PILOT_EDGE:
        status = edge_command(u, c, errp);
        break;
    case PILOT_BROKER:
    case PILOT_PARAMS:
        status = service_command(u, c, errp);
        break;
    case PILOT_ALLOCATION:
    case PILOT_N_KINDS:
        return tenant_command(u, c, errp);
    }
    return status < 0 ? -1 : words_add(&c->env, strdup(s->mark), errp);
}
