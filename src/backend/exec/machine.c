/* machine.c - a pilot on a machine that was made for it: a process there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "src/backend/backends.h"
#include "src/backend/direct.h"
#include "src/backend/exec/private.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/resource/script.h"

#define MARK "started"
#define COPY_S 600.0 /* for files to reach it, before its job is started */

/* --- the script --- */

/* How long it may live and its memory are its provider's to hear. */
static int machine_directives(const resource_spec *s, text *out, pe_error *errp)
{
    static const enum request_word heard[] = {
        REQUEST_NODES, REQUEST_NTASKS, REQUEST_CPUS_PER_TASK,
        REQUEST_CHDIR, REQUEST_TIME,   REQUEST_MEM};

    return direct_unheard(s, heard, sizeof(heard) / sizeof(heard[0]), out,
                          errp);
}

static const script_dialect dialect = {
    .directives = machine_directives,
    .shell = DIRECT_SHELL
    "\n# The machine was made for this pilot, and goes with it.\n"
    "if [ -x \"$PILOT_DIR/off\" ]; then\n"
    "    trap 'setsid \"$PILOT_DIR/off\" </dev/null >/dev/null 2>&1 &' EXIT\n"
    "fi\n",
};

char *machine_script(const resource_spec *s, pe_error *errp)
{
    return script_make(&dialect, s, errp);
}

/* --- its job --- */

/* What the machine runs behind its pilot. */
static int off_write(const machine *m, const char *dir, pe_error *errp)
{
    char *path = text_format("%s/off", dir);
    char *script =
        text_format("#!/bin/sh\nsleep %d\nexec %s\n", m->linger_s, m->off);
    int status = path && script ? host_write(m->base.host, path, script,
                                             strlen(script), 0700, errp)
                                : pe_error_nomem(errp);

    free(script);
    free(path);
    return status;
}

static int machine_submit(resource *r, const resource_spec *s,
                          char id[RESOURCE_ID_MAX], pe_error *errp)
{
    machine *m = (machine *)r;

    if (*m->off && off_write(m, s->dir, errp) < 0)
        return -1;
    if (ssh_ops.submit(r, s, id, errp) < 0)
        return -1;
    /* Without it the pilot is seen as starting for a while longer. */
    m->is_marked = file_write(m->mark, "", 0, 0600, NULL) == 0;
    return 0;
}

static int machine_describe(resource *r, resource_job *jobs, size_t n,
                            pe_error *errp)
{
    return ssh_ops.describe(r, jobs, n, errp);
}

static int machine_cancel(resource *r, const char *id, bool now, pe_error *errp)
{
    return ssh_ops.cancel(r, id, now, errp);
}

static void machine_close(resource *r)
{
    machine *m = (machine *)r;

    free(m->mark);
    free(m);
}

static const resource_ops machine_ops = {
    .scheme = "ssh",
    .name = "a machine",
    .is_direct = true,
    .script = machine_script,
    .submit = machine_submit,
    .describe = machine_describe,
    .cancel = machine_cancel,
    .close = machine_close,
};

/* --- open --- */

static char *mark_path(const provider *p, const char *name, pe_error *errp)
{
    char *folder = provider_folder(p, name, false, errp);
    char *path = folder ? text_format("%s/" MARK, folder) : NULL;

    if (folder && !path)
        pe_error_nomem(errp);
    free(folder);
    return path;
}

bool machine_is_started(const provider *p, const char *name)
{
    char *path = mark_path(p, name, NULL);
    char *folder = provider_folder(p, name, false, NULL);
    struct stat st;
    bool is = true; /* one of an older life of this home: nobody is at it */

    if (path && folder && stat(path, &st) < 0 && stat(folder, &st) == 0)
        is = difftime(time(NULL), st.st_mtime) > provider_boot_s(p) + COPY_S;
    free(folder);
    free(path);
    return is;
}

machine *machine_open(const provider *p, const provider_machine *seen,
                      const provider_address *at, pe_error *errp)
{
    machine *m = calloc(1, sizeof(*m));

    if (!m) {
        pe_error_nomem(errp);
        return NULL;
    }
    m->base.ops = &machine_ops;
    m->linger_s = provider_linger_s(p);
    snprintf(m->id, sizeof(m->id), "%s", seen->id);
    snprintf(m->off, sizeof(m->off), "%s", at->off);
    m->mark = mark_path(p, seen->name, errp);
    m->base.url = text_format("%s", at->ssh);
    if (m->mark && !m->base.url)
        pe_error_nomem(errp);
    if (m->mark && m->base.url)
        m->base.host = provider_host(p, seen->name, at, errp);
    if (m->base.host)
        return m;
    machine_destroy_all(m);
    return NULL;
}

machine *machine_lost(const char *id, const pe_error *why, pe_error *errp)
{
    machine *m = calloc(1, sizeof(*m));

    if (!m) {
        pe_error_nomem(errp);
        return NULL;
    }
    m->base.ops = &machine_ops;
    m->why = *why;
    snprintf(m->id, sizeof(m->id), "%s", id);
    return m;
}

void machine_destroy_all(machine *list)
{
    while (list) {
        machine *next = list->next;
        resource_close(&list->base);
        list = next;
    }
}
