/* launcher_agent.c - what starts Open MPI's daemons on the hosts of a PBS job.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/process.h"
#include "src/common/shell.h"
#include "src/common/text.h"
#include "src/launcher/launcher_private.h"

#define ANSWER_S "30" /* for a host of the job to start something */
#define SETTINGS LAUNCHER_AGENT ".env"

extern char **environ;

/* pbs_tmrsh runs no shell, and mpirun hands it a shell's words.  MoM starts
 * them with an environment of its own: no PATH by which a daemon would find
 * its parts, and this agent among them.  So ours goes along, in a file: it may
 * be long, and not for everybody's eyes.  A host that has died is waited for
 * by pbs_tmrsh without an end: until PBS has noticed and queues or ends the
 * job, starts fail, and say why.
 */
static const char script[] =
    "#!/bin/sh\n"
    "h=$1\n"
    "shift\n"
    "timeout " ANSWER_S " pbs_tmrsh \"$h\" /bin/true </dev/null >&2 || {\n"
    "    echo \"pilot: host $h of job $PBS_JOBID cannot be reached"
    " (pbs_tmrsh)\" >&2\n"
    "    exit 69\n"
    "}\n"
    "exec pbs_tmrsh \"$h\" /bin/sh -c '. \"$0\" && eval \"$1\"' %s \"$*\"\n";

/* Of this host, this task or this terminal: not of the whole job. */
static bool is_local(const char *entry)
{
    static const char *const heads[] = {
        "PBS_", "TMPDIR=",    "TMP=",   "TEMP=", "HOST=",    "HOSTNAME=",
        "PWD=", "OLDPWD=",    "SHLVL=", "_=",    "DISPLAY=", "SSH_",
        "XDG_", "XAUTHORITY", "DBUS_",  NULL};

    for (const char *const *h = heads; *h; h++)
        if (!strncmp(entry, *h, strlen(*h)))
            return true;
    return false;
}

/* A name that a shell can set; its functions have others. */
static bool is_settable(const char *entry)
{
    size_t n = strcspn(entry, "=");

    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)entry[i]) && entry[i] != '_')
            return false;
    return n > 0 && entry[n] && !isdigit((unsigned char)*entry);
}

static void setting_add(text *out, const char *entry)
{
    size_t n = strcspn(entry, "=");

    if (is_local(entry) || !is_settable(entry))
        return;
    text_add(out, "export %.*s=", (int)n, entry);
    shell_add_word(out, entry + n + 1);
    text_add(out, "\n");
}

/* Our environment, and over it that of the command. */
static int settings_write(const char *path, const launcher_command *c,
                          pe_error *errp)
{
    text out = {0};
    int r;

    for (char **e = environ; e && *e; e++)
        setting_add(&out, *e);
    for (char **e = c->env; e && *e; e++)
        setting_add(&out, *e);
    text_add(&out, "%s", "");
    r = out.failed ? pe_error_nomem(errp)
                   : file_write(path, out.data, out.len, 0600, errp);
    text_free(&out);
    return r;
}

static int script_write(const char *path, const char *settings, pe_error *errp)
{
    text word = {0}, out = {0};
    int r = -1;

    shell_add_word(&word, settings);
    if (!word.failed)
        text_add(&out, script, word.data);
    if (word.failed || out.failed)
        pe_error_nomem(errp);
    else
        r = file_write(path, out.data, out.len, 0700, errp);
    text_free(&word);
    text_free(&out);
    return r;
}

/* Open MPI takes an agent's blanks for ends of words, so it is named without
 * its folder, which goes to the front of PATH: here and, since every daemon
 * looks for it, there.
 */
static int path_add(const launcher_spec *s, launcher_command *c, pe_error *errp)
{
    const char *path = getenv("PATH");

    if (strchr(s->dir, ':'))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s has a ':' in its name, so that it cannot be "
                            "on PATH: set PILOT_HOME to another folder",
                            s->dir);
    launcher_env(c, text_format("PATH=%s:%s", s->dir, path ? path : ""), errp);
    return 0;
}

int launcher_agent(const launcher_spec *s, const launcher_allocation *a,
                   launcher_command *c, pe_error *errp)
{
    char *file = NULL, *settings = NULL;
    int r = -1;

    if (a->kind != LAUNCHER_PBS || process_find("pbs_tmrsh", NULL) < 0)
        return 0;
    if (path_add(s, c, errp) < 0)
        return -1;
    file = text_format("%s/" LAUNCHER_AGENT, s->dir);
    settings = text_format("%s/" SETTINGS, s->dir);
    if (!file || !settings)
        pe_error_nomem(errp);
    else if (settings_write(settings, c, errp) == 0 &&
             script_write(file, settings, errp) == 0)
        r = 1;
    free(file);
    free(settings);
    return r;
}

void launcher_clean(const char *dir)
{
    char *settings = text_format("%s/" SETTINGS, dir);

    if (settings)
        unlink(settings);
    free(settings);
}
