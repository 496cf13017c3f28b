/* exec.c - the places of providers: a machine for each pilot. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/backend/backends.h"
#include "src/backend/exec/private.h"
#include "src/common/clock.h"
#include "src/common/interrupt.h"
#include "src/common/text.h"
#include "src/resource/scheduler.h"

/* Beside the pilot's own time: until its files are there, and to tidy up. */
#define MARGIN_S 900.0
#define DIAL_NS CLOCK_S /* between two tries at a machine that boots */

typedef struct exec {
    resource base;
    provider *p;
    machine *machines; /* opened ones, and those that cannot be had */
} exec;

/* The provider of [r], with the limits of now. */
static provider *provider_of(resource *r)
{
    provider *p = ((exec *)r)->p;

    if (r->timeout_s > 0)
        provider_limit(p, r->timeout_s);
    return p;
}

static void exec_close(resource *r)
{
    exec *x = (exec *)r;

    machine_destroy_all(x->machines);
    provider_close(x->p);
    free(x);
}

static resource *open_as(const resource_ops *ops, const char *url,
                         pe_error *errp)
{
    exec *x = calloc(1, sizeof(*x));

    if (!x) {
        pe_error_nomem(errp);
        return NULL;
    }
    x->base.ops = ops;
    x->base.url = text_format("%s", url);
    if (!x->base.url)
        pe_error_nomem(errp);
    else if ((x->p = provider_open(url, errp)) != NULL &&
             (x->base.host = host_open_local(errp)) != NULL)
        return &x->base;
    resource_close(&x->base);
    return NULL;
}

/* --- what there is --- */

/* "RUN/NAME", the end of a pilot's folder, in [out]; "": it is none. */
static void pilot_of(const char *dir, char out[RESOURCE_TEXT_MAX])
{
    const char *at = dir ? strrchr(dir, '/') : NULL;

    out[0] = '\0';
    while (at && at > dir && at[-1] != '/')
        at--;
    if (at && at > dir && strlen(at) < RESOURCE_TEXT_MAX)
        snprintf(out, RESOURCE_TEXT_MAX, "%s", at);
}

static const provider_machine *
machine_find(const provider *p, const provider_list *l, const resource_job *job)
{
    char pilot[RESOURCE_TEXT_MAX], name[PROVIDER_NAME_MAX];

    if (*job->id)
        return provider_list_find(l, job->id, NULL);
    pilot_of(job->dir, pilot);
    if (!*pilot)
        return NULL;
    provider_name(p, pilot, name);
    return provider_list_find(l, NULL, name);
}

static void absent_see(const provider *p, const provider_list *l,
                       resource_job *job)
{
    if (l->whole)
        return;
    job->seen = RESOURCE_UNKNOWN;
    snprintf(job->prose, sizeof(job->prose),
             "%.160s did not list all machines, and not this one",
             provider_label(p));
}

static void machine_see(const provider *p, const provider_machine *m,
                        resource_job *job)
{
    static const enum resource_seen seen[] = {
        [PROVIDER_UNKNOWN] = RESOURCE_UNKNOWN,
        [PROVIDER_PENDING] = RESOURCE_STARTING,
        [PROVIDER_RUNNING] = RESOURCE_RUNNING,
        [PROVIDER_STOPPING] = RESOURCE_ENDING,
        [PROVIDER_GONE] = RESOURCE_NODE_LOST,
    };

    snprintf(job->id, sizeof(job->id), "%s", m->id);
    snprintf(job->native, sizeof(job->native), "%s", m->native);
    scheduler_copy(job->reason, sizeof(job->reason), m->reason,
                   strlen(m->reason));
    job->nodes = 1;
    job->seen = seen[m->state];
    if (m->state == PROVIDER_RUNNING && !machine_is_started(p, m->name))
        job->seen = RESOURCE_STARTING; /* files are on their way to it */
    if (m->state == PROVIDER_UNKNOWN)
        snprintf(job->prose, sizeof(job->prose),
                 "its provider says '%s', which is none of pending, running, "
                 "stopping and gone",
                 m->native);
    if (m->state == PROVIDER_GONE)
        snprintf(job->prose, sizeof(job->prose),
                 "its machine is gone, by its time to live or from outside%s"
                 "%.190s",
                 *m->reason ? ": " : "", m->reason);
}

static int exec_describe(resource *r, resource_job *jobs, size_t n,
                         pe_error *errp)
{
    provider *p = provider_of(r);
    provider_list l;

    for (size_t i = 0; i < n; i++)
        scheduler_job_clear(&jobs[i]);
    if (provider_list_ask(p, &l, errp) < 0) {
        if (errp) /* nothing is known of any machine */
            errp->kind = PE_ERROR_RETRY;
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        const provider_machine *m = machine_find(p, &l, &jobs[i]);
        if (m)
            machine_see(p, m, &jobs[i]);
        else
            absent_see(p, &l, &jobs[i]);
    }
    provider_list_free(&l);
    return 0;
}

/* The machine of [id] in [out].  1; 0: it is not there any more; -1. */
static int machine_look(provider *p, const char *id, provider_machine *out,
                        pe_error *errp)
{
    provider_list l;
    const provider_machine *m;
    int found = 0;

    if (provider_list_ask(p, &l, errp) < 0)
        return -1;
    m = provider_list_find(&l, id, NULL);
    if (m) {
        *out = *m;
        found = 1;
    } else if (!l.whole) {
        found = pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                             "%s did not list all machines, and not %.64s",
                             provider_label(p), id);
    }
    provider_list_free(&l);
    return found;
}

static int exec_cancel(resource *r, const char *id, bool now, pe_error *errp)
{
    provider *p = provider_of(r);
    provider_machine m;
    int found;

    (void)now; /* who is up was asked to finish before */
    found = machine_look(p, id, &m, errp);
    if (found <= 0)
        return found;
    /* Also one that has ended itself: where it is still listed, it may cost. */
    return provider_end(p, id, m.name, errp);
}

/* --- machines, opened --- */

static machine *machine_keep(exec *x, machine *m)
{
    if (m) {
        m->next = x->machines;
        x->machines = m;
        m->base.timeout_s = x->base.timeout_s;
    }
    return m;
}

static machine *machine_dial(exec *x, provider *p, const char *id,
                             pe_error *errp)
{
    provider_machine m;
    provider_address at;
    int found = machine_look(p, id, &m, errp);

    if (found > 0 && m.state != PROVIDER_GONE && m.state != PROVIDER_STOPPING) {
        found = provider_address_ask(p, id, m.name, &at, errp);
        if (found > 0)
            return machine_keep(x, machine_open(p, &m, &at, errp));
        if (found == 0)
            pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                         "machine %.64s of %s has no address", id,
                         provider_label(p));
    } else if (found >= 0) {
        pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                     "machine %.64s of %s is not there any more", id,
                     provider_label(p));
    }
    return NULL;
}

/* One that cannot be had is not asked for again. */
static resource *exec_at(resource *r, const char *id, pe_error *errp)
{
    exec *x = (exec *)r;
    pe_error e = {0};
    machine *m;

    for (m = x->machines; m; m = m->next)
        if (!strcmp(m->id, id))
            break;
    if (!m && !*id)
        pe_error_set(&e, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                     "it has no machine of %s yet", provider_label(x->p));
    else if (!m)
        m = machine_dial(x, provider_of(r), id, &e);
    if (!m && *id)
        m = machine_keep(x, machine_lost(id, &e, errp));
    if (m && m->base.host)
        return &m->base;
    if (errp)
        *errp = m ? m->why : e;
    return NULL;
}

/* --- make --- */

static int ask_fill(const resource_spec *s, const provider *p,
                    char name[PROVIDER_NAME_MAX], provider_ask *out,
                    pe_error *errp)
{
    double time_s = request_seconds(s->request, REQUEST_TIME);
    request_shape shape;

    if (request_shape_of(s->request, &shape, errp) < 0)
        return -1;
    provider_name(p, s->pilot, name);
    *out = (provider_ask){
        .name = name,
        .pilot = s->pilot,
        .ttl_s = time_s + provider_boot_s(p) + provider_linger_s(p) + MARGIN_S,
        .cpus = shape.ntasks * shape.cpus_per_task,
        .mem = s->request->word[REQUEST_MEM],
    };
    return 0;
}

/* It has an address; its SSH may be on its way yet. */
static int machine_await(const provider *p, machine *m, pe_error *errp)
{
    int64_t until =
        clock_mono_ns() + (int64_t)(provider_boot_s(p) * (double)CLOCK_S);

    while (!host_machine(m->base.host, errp)) {
        if (errp && errp->kind != PE_ERROR_RETRY)
            return -1;
        if (clock_mono_ns() >= until)
            return -1;
        if (interrupt_sleep(DIAL_NS, errp) < 0)
            return -1;
    }
    return 0;
}

/* What cannot be used is ended; [errp] has why. */
static void machine_end(provider *p, const provider_machine *m, pe_error *errp)
{
    pe_error e = {0};

    pe_error_prefix(errp, "machine %s", m->id);
    if (provider_end(p, m->id, m->name, &e) == 0) {
        if (errp->kind == PE_ERROR_RETRY)
            errp->kind = PE_ERROR_FATAL;
        return;
    }
    pe_error_set(errp, PE_ERROR_RETRY, errp->exit_code,
                 "%.500s; and it is not known to be ended: %.400s", errp->text,
                 e.text);
}

static resource *exec_make(resource *r, const resource_spec *s,
                           char id[RESOURCE_ID_MAX], pe_error *errp)
{
    exec *x = (exec *)r;
    provider *p = provider_of(r);
    char name[PROVIDER_NAME_MAX];
    provider_ask ask;
    provider_machine seen;
    provider_address at;
    pe_error own = {0};
    machine *m;

    if (!errp)
        errp = &own;
    if (ask_fill(s, p, name, &ask, errp) < 0 ||
        provider_make(p, &ask, &seen, &at, errp) < 0)
        return NULL;
    snprintf(id, RESOURCE_ID_MAX, "%s", seen.id);
    m = machine_keep(x, machine_open(p, &seen, &at, errp));
    if (m && machine_await(p, m, errp) == 0)
        return &m->base;
    machine_end(p, &seen, errp);
    return NULL;
}

/* --- the rest --- */

static char *exec_command(const resource_spec *s, pe_error *errp)
{
    char *out = text_format(
        "up\n# A machine for %s, unless there is one; job.sh is started on it "
        "over SSH.\n",
        s->pilot);

    if (!out)
        pe_error_nomem(errp);
    return out;
}

static int exec_doctor(resource *r, const resource_request *q,
                       void (*line)(void *arg, bool ok, const char *text),
                       void *arg, pe_error *errp)
{
    const scheduler_report to = {line, arg};
    provider *p = provider_of(r);
    provider_list l;
    size_t n = 0;

    (void)q;
    if (provider_list_ask(p, &l, errp) < 0)
        return -1;
    for (size_t i = 0; i < l.n; i++)
        n += l.items[i].state != PROVIDER_GONE;
    scheduler_say(&to, l.whole,
                  text_format("%s answers%s, and has %zu machine%s of this "
                              "home; --conform tries it out",
                              provider_label(p),
                              l.whole ? "" : ", not with all machines", n,
                              n == 1 ? "" : "s"));
    provider_list_free(&l);
    return 0;
}

static int exec_conform(resource *r,
                        void (*line)(void *arg, bool ok, const char *text),
                        void *arg, pe_error *errp)
{
    return provider_conform(provider_of(r), line, arg, errp) < 0 ? -1 : 0;
}

#define PROVIDER(word, people)                                    \
    static resource *word##_open(const char *url, pe_error *errp) \
    {                                                             \
        return open_as(&word##_ops, url, errp);                   \
    }                                                             \
    const resource_ops word##_ops = {.scheme = #word,             \
                                     .name = (people),            \
                                     .open = word##_open,         \
                                     .script = machine_script,    \
                                     .command = exec_command,     \
                                     .describe = exec_describe,   \
                                     .cancel = exec_cancel,       \
                                     .make = exec_make,           \
                                     .at = exec_at,               \
                                     .conform = exec_conform,     \
                                     .doctor = exec_doctor,       \
                                     .close = exec_close}

PROVIDER(exec, "a provider");
PROVIDER(ec2, "EC2");
PROVIDER(openstack, "OpenStack");
PROVIDER(virsh, "libvirt");
