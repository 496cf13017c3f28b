/* doctor_resource.c - `pilot doctor` about the place of pilots. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/backend/backend.h"
#include "src/cmd/doctor.h"
#include "src/common/clock.h"
#include "src/common/random.h"
#include "src/common/text.h"
#include "src/resource/script.h"

#define JOB_S 120.0
#define LOOK_NS (2 * CLOCK_S)

/* --- a host that is not this one --- */

static void far_host(doctor *d, host *h)
{
    const char *argv[] = {"df", "-Pk", NULL, NULL};
    host_answer a = {0};
    pe_error e = {0};
    const char *machine = host_machine(h, &e), *home;
    long long free_kib;

    doctor_line(d, machine != NULL, "%s%s%s", machine ? host_name(h) : "",
                machine ? " answers: a machine of kind " : "",
                machine ? machine : e.text);
    home = machine ? host_home(h, &e) : NULL;
    if (!home) {
        if (machine)
            doctor_line(d, false, "%s", e.text);
        return;
    }
    if (host_mkdir(h, home, &e) < 0) {
        doctor_line(d, false, "%s", e.text);
        return;
    }
    argv[2] = home;
    if (host_run(h, argv, NULL, 10, &a, &e) == 0 && a.status == 0 &&
        sscanf(a.out, "%*[^\n] %*s %*s %*s %lld", &free_kib) == 1)
        doctor_line(d, true, "%s:%s has %lld MiB free", host_name(h), home,
                    free_kib / 1024);
    host_answer_free(&a);
}

/* --- a job that looks for us --- */

struct trial {
    resource *r;
    char *dir, *mark;
    char id[RESOURCE_ID_MAX];
};

static int script_write(const struct trial *t, const resource_spec *s,
                        pe_error *errp)
{
    char *script = t->r->ops->script(s, errp);
    char *path = script ? text_format("%s/job.sh", t->dir) : NULL;
    int status =
        path ? host_write(t->r->host, path, script, strlen(script), 0700, errp)
             : -1;

    free(path);
    free(script);
    return status;
}

/* The supervisor of this job is a shell line that writes a file. */
static int looker_write(const struct trial *t, char **programp, pe_error *errp)
{
    static const char line[] =
        "#!/bin/sh\nhostname >\"$1/seen.new\" && mv \"$1/seen.new\" "
        "\"$1/seen\"\n";

    *programp = text_format("%s/look", t->dir);
    if (!*programp)
        return pe_error_nomem(errp);
    return host_write(t->r->host, *programp, line, strlen(line), 0700, errp);
}

static void trial_wait(doctor *d, const struct trial *t)
{
    int64_t until = clock_mono_ns() + (int64_t)(JOB_S * 1e9);
    pe_error e = {0};
    size_t len = 0;
    char *seen = NULL;

    while (clock_mono_ns() < until) {
        free(seen);
        seen = host_read(t->r->host, t->mark, 0, 256, &len, &e);
        if (seen && len > 0)
            break;
        clock_sleep_ns(LOOK_NS, 0);
    }
    if (seen && len > 0)
        doctor_line(d, true, "a job on %.*s has written to %s",
                    (int)strcspn(seen, "\n"), seen, t->dir);
    else
        doctor_line(d, false,
                    "job %s has written nothing to %s within %.0f s: it waits, "
                    "or compute nodes do not reach that folder: set PILOT_HOME "
                    "to one that they share",
                    t->id, t->dir, JOB_S);
    free(seen);
}

static void trial_run(doctor *d, struct trial *t)
{
    resource_request q = {0};
    char *program = NULL;
    pe_error e = {0};
    resource_spec s = {.pilot = "doctor/look",
                       .kind = "look",
                       .dir = t->dir,
                       .submit_dir = t->dir,
                       .request = &q};

    if (request_copy(&q, &d->request, &e) < 0 ||
        request_set(&q, REQUEST_TIME, "1", true, "doctor", &e) < 0 ||
        looker_write(t, &program, &e) < 0)
        goto done;
    s.supervisor = program;
    if (script_write(t, &s, &e) < 0 ||
        t->r->ops->submit(t->r, &s, t->id, &e) < 0)
        goto done;
    trial_wait(d, t);
    t->r->ops->cancel(t->r, t->id, true, NULL);
done:
    if (e.kind != PE_ERROR_NONE)
        doctor_line(d, false, "%s", e.text);
    free(program);
    request_free(&q);
}

static void trial(doctor *d, resource *r)
{
    struct trial t = {.r = r};
    pe_error e = {0};
    char tag[9] = "";
    const char *home = host_home(r->host, &e);

    if (home && random_id(tag, 4, &e) == 0) {
        t.dir = text_format("%s/doctor-%s", home, tag);
        t.mark = t.dir ? text_format("%s/seen", t.dir) : NULL;
    }
    if (!t.mark || host_mkdir(r->host, t.dir, &e) < 0) {
        doctor_line(d, false, "%s", e.text);
    } else {
        trial_run(d, &t);
        host_remove_tree(r->host, t.dir, NULL);
    }
    free(t.mark);
    free(t.dir);
}

/* --- what a place owes --- */

static void conform(doctor *d, resource *r)
{
    pe_error e = {0};

    if (!r->ops->conform)
        doctor_line(d, false,
                    "--conform: %s is no provider of machines: there is "
                    "nothing of a site's own to be tried",
                    r->ops->name);
    else if (r->ops->conform(r, doctor_say, d, &e) < 0)
        doctor_line(d, false, "%s", e.text);
}

/* --- all of it --- */

void doctor_resource(doctor *d)
{
    pe_error e = {0};
    resource *r = backend_open(d->url, &e);

    if (!r) {
        doctor_line(d, false, "%s", e.text);
        return;
    }
    if (!host_is_local(r->host))
        far_host(d, r->host);
    if (r->ops->doctor && r->ops->doctor(r, &d->request, doctor_say, d, &e) < 0)
        doctor_line(d, false, "%s", e.text);
    if (d->conform)
        conform(d, r);
    else if (!r->ops->is_direct && d->job && !r->ops->make)
        trial(d, r);
    else if (!r->ops->is_direct && !r->ops->make)
        doctor_line(d, true,
                    "not tried: whether compute nodes can write to "
                    "PILOT_HOME; --job submits a job of a minute that "
                    "does");
    resource_close(r);
}
