/* submit.c - a pilot gets its folder, its script, and its place in a queue. */
#include "submit_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/agent/tally.h"
#include "src/backend/backend.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/interrupt.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/registry/observe.h"
#include "src/registry/supervise.h"

#define TRIES 4 /* at a scheduler that does not answer, with back-off */

/* --- the record --- */

static int record_fill(const submit_plan *p, const submit_place *at,
                       pilot_record *r, pe_error *errp)
{
    request_shape shape;

    memset(r, 0, sizeof(*r));
    if (request_shape_of(p->request, &shape, errp) < 0)
        return -1;
    snprintf(r->id, sizeof(r->id), "%s/%s", p->run->run, p->member);
    snprintf(r->run, sizeof(r->run), "%s", p->run->run);
    snprintf(r->name, sizeof(r->name), "%s", p->member);
    snprintf(r->kind, sizeof(r->kind), "%s", pilot_kind_name(p->pilot->kind));
    snprintf(r->resource, sizeof(r->resource), "%s", p->url);
    snprintf(r->dir, sizeof(r->dir), "%s", at->dir);
    if (backend_is_here(p->url)) /* of several that share this home */
        gethostname(r->host, sizeof(r->host) - 1);
    r->state = PILOT_NEW;
    r->submitting = true;
    r->exit_code = -1;
    r->nodes = shape.nodes;
    if (p->pilot->kind == PILOT_POOL)
        r->ranks = p->ntasks ? p->ntasks : shape.ntasks;
    r->created_ns = clock_real_ns();
    r->hello_timeout_s = request_seconds(p->request, REQUEST_HELLO_TIMEOUT);
    return 0;
}

/* Is [k] a part of the allocation [home]? */
static bool is_part(const submit_plan *p, const pipeline_pilot *k)
{
    return k->within >= 0 && &p->pl->pilots[k->within] == p->pilot;
}

/* Records of the tenants of an allocation: they share its job. */
static int tenants_record(const submit_plan *p, const pilot_record *r,
                          pe_error *errp)
{
    for (size_t i = 0; i < p->pl->n_pilots; i++) {
        const pipeline_pilot *k = &p->pl->pilots[i];
        pilot_record part = *r;
        if (!is_part(p, k))
            continue;
        snprintf(part.id, sizeof(part.id), "%s/%s", r->run, k->name);
        snprintf(part.name, sizeof(part.name), "%s", k->name);
        snprintf(part.kind, sizeof(part.kind), "%s", pilot_kind_name(k->kind));
        snprintf(part.dir, sizeof(part.dir), "%.*s/%s",
                 (int)(strrchr(r->dir, '/') - r->dir), r->dir, k->name);
        part.ranks = k->kind == PILOT_POOL ? k->ntasks : 0;
        if (pilot_record_create(p->home, &part, errp) < 0)
            return -1;
    }
    return 0;
}

/* What a submission tells of one record. */
struct outcome {
    const char *sched_id;
};

static int outcome_note(pilot_record *r, void *arg, pe_error *errp)
{
    const struct outcome *o = arg;

    (void)errp;
    r->submitting = false;
    snprintf(r->sched_id, sizeof(r->sched_id), "%s", o->sched_id);
    r->submitted_ns = clock_real_ns();
    r->state = pilot_state_next(r->state, PILOT_ON_SUBMITTED, r->cancel_asked);
    return 0;
}

static int outcome_tell(const submit_plan *p, const char *sched_id,
                        pilot_record *out, pe_error *errp)
{
    struct outcome o = {.sched_id = sched_id};

    for (size_t i = 0; i < p->pl->n_pilots; i++) {
        const pipeline_pilot *k = &p->pl->pilots[i];
        char id[sizeof(out->id)];
        if (!is_part(p, k))
            continue;
        snprintf(id, sizeof(id), "%s/%s", p->run->run, k->name);
        if (pilot_record_change(p->home, id, outcome_note, &o, NULL, errp) < 0)
            return -1;
    }
    return pilot_record_change(p->home, out->id, outcome_note, &o, out, errp);
}

/* Nothing is left of a pilot that no scheduler has. */
static void forget_one(const submit_plan *p, const submit_place *at,
                       const char *member)
{
    char *here = text_format("%s/%s/%s", p->home, p->run->run, member);

    if (here)
        file_remove_tree(here, NULL);
    free(here);
    if (!at->home || !at->host || host_is_local(at->host))
        return;
    char *there = text_format("%s/%s/%s", at->home, p->run->run, member);
    if (there)
        host_remove_tree(at->host, there, NULL);
    free(there);
}

static void forget(const submit_plan *p, const submit_place *at)
{
    for (size_t i = 0; i < p->pl->n_pilots; i++)
        if (is_part(p, &p->pl->pilots[i]))
            forget_one(p, at, p->pl->pilots[i].name);
    forget_one(p, at, p->member);
}

/* What an earlier incarnation said of itself is over. */
static void renew_one(const submit_plan *p, const char *member)
{
    static const char *const names[] = {"state.json", "beat.json", "exit",
                                        "summary.json", NULL};

    for (const char *const *name = names; *name; name++) {
        char *path =
            text_format("%s/%s/%s/%s", p->home, p->run->run, member, *name);
        if (path)
            unlink(path);
        free(path);
    }
}

/* A job of this pilot that lives is not forgotten for another. */
static int renew_check(const submit_plan *p, pe_error *errp)
{
    const observe_conf c = {.home = p->home, .now = true};
    pilot_record r;
    char id[sizeof(r.id)];

    snprintf(id, sizeof(id), "%s/%s", p->run->run, p->member);
    if (!p->renew || pilot_record_read(p->home, id, &r, NULL) != 0)
        return 0;
    if (observe(&c, &r, 1, errp) < 0)
        return -1;
    if (pilot_state_is_final(r.state))
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CREATE,
                        "%s is %s as job %s: 'pilot wait %s', or 'pilot cancel "
                        "%s', before its run goes on",
                        r.id, pilot_state_name(r.state),
                        *r.sched_id ? r.sched_id : "-", r.id, r.id);
}

/* What counts over all incarnations of a pilot. */
static const char *const lasting[] = {SUPERVISE_LIFE, TALLY_FILE, NULL};

/* The same where the pilot will live; of a new one nothing is to be there. */
static void renew_there(const submit_plan *p, const submit_place *at)
{
    static const char *const names[] = {"beat.json", "exit", NULL};

    if (!at->host || host_is_local(at->host))
        return;
    for (const char *const *name = p->renew ? names : lasting; *name; name++) {
        char *path = text_format("%s/%s", at->dir, *name);
        if (path)
            host_remove_tree(at->host, path, NULL);
        free(path);
    }
}

/* One of that name may have come to nothing. */
static void begin_anew(const submit_plan *p)
{
    for (const char *const *name = lasting; *name; name++) {
        char *path =
            text_format("%s/%s/%s/%s", p->home, p->run->run, p->member, *name);
        if (path)
            unlink(path);
        free(path);
    }
}

static void renew(const submit_plan *p)
{
    if (!p->renew) {
        begin_anew(p);
        return;
    }
    renew_one(p, p->member);
    for (size_t i = 0; i < p->pl->n_pilots; i++)
        if (is_part(p, &p->pl->pilots[i]))
            renew_one(p, p->pl->pilots[i].name);
}

/* --- the scheduler --- */

static resource_spec spec_of(const submit_plan *p, const submit_place *at,
                             const char *id, const resource_request *q)
{
    return (resource_spec){
        .pilot = id,
        .kind = pilot_kind_name(p->pilot->kind),
        .dir = at->dir,
        .supervisor = at->supervisor,
        .submit_dir =
            at->host && !host_is_local(at->host) ? at->dir : p->submit_dir,
        .request = q,
    };
}

/* The request with what the plan adds to it. */
static int request_settle(const submit_plan *p, resource_request *q,
                          pe_error *errp)
{
    char text_of[32], after[RESOURCE_ID_MAX + 16];

    if (request_copy(q, p->request, errp) < 0)
        return -1;
    snprintf(text_of, sizeof(text_of), "%d", p->ntasks);
    if (p->ntasks &&
        request_set(q, REQUEST_NTASKS, text_of, true, "command line", errp) < 0)
        return -1;
    snprintf(after, sizeof(after), "afterany:%s", p->after ? p->after : "");
    if (p->after &&
        request_set(q, REQUEST_DEPENDENCY, after, true, "chain", errp) < 0)
        return -1;
    return 0;
}

static int plan_check(const submit_plan *p, pe_error *errp)
{
    return submit_check(p->pilot->name, p->pilot->kind == PILOT_POOL, p->url,
                        p->request, p->ntasks, errp);
}

/* A pilot on its way to a scheduler. */
struct handing {
    resource *r;
    const submit_place *at;
    const pilot_record *record;
    char id[RESOURCE_ID_MAX]; /* of its job */
    bool doubt;      /* the scheduler may have it in spite of an error */
    resource *maker; /* of a machine of its own; NULL: it gets none */
    char machine[RESOURCE_ID_MAX]; /* its id */
};

/* An earlier try may have reached the scheduler after all. */
static int job_find(struct handing *h, pe_error *errp)
{
    resource_job job = {.dir = h->at->dir, .since_ns = h->record->created_ns};

    if (h->r->ops->describe(h->r, &job, 1, errp) < 0)
        return -1;
    if (job.seen == RESOURCE_ABSENT || !*job.id)
        return 0;
    memcpy(h->id, job.id, RESOURCE_ID_MAX);
    return 1;
}

/* No double submission: after an unknown outcome the scheduler is asked for
 * the job before it is given another.
 */
static int hand_over(struct handing *h, const resource_spec *s, pe_error *errp)
{
    bool doubt = false;

    for (int tries = 0;; tries++) {
        int found = doubt ? job_find(h, errp) : 0;
        if (found > 0)
            return 0;
        doubt = doubt && found < 0;
        if (!doubt && h->r->ops->submit(h->r, s, h->id, errp) == 0)
            return 0;
        if (errp->kind != PE_ERROR_RETRY) {
            if (h->doubt) /* all is kept that may be of a job */
                errp->kind = PE_ERROR_RETRY;
            return -1;
        }
        doubt = h->doubt = true;
        if (tries + 1 == TRIES)
            return -1;
        if (interrupt_check(INTERRUPT_SOON, NULL) == 0)
            log_warn("%s; trying again", errp->text);
        if (interrupt_sleep(
                clock_backoff_ns((unsigned)tries, CLOCK_S, 8 * CLOCK_S), errp) <
            0)
            return -1;
    }
}

/* --- a machine of its own --- */

/* Where it lives was not known before. */
static int dir_note(pilot_record *r, void *arg, pe_error *errp)
{
    (void)errp;
    snprintf(r->dir, sizeof(r->dir), "%s", (const char *)arg);
    return 0;
}

/* The machine is made once the record names the pilot: a command that dies
 * leaves none that nobody knows of.
 */
static int machine_make(const submit_plan *p, struct handing *h,
                        submit_place *at, pilot_record *out, pe_error *errp)
{
    resource_spec s = spec_of(p, at, out->id, p->request);
    resource *m = h->r->ops->make(h->r, &s, h->machine, errp);

    if (!m) {
        h->doubt = errp->kind == PE_ERROR_RETRY;
        return -1;
    }
    h->maker = h->r;
    h->r = m;
    place_close(at);
    if (place_open(p, m->host, at, errp) < 0)
        return -1;
    return pilot_record_change(p->home, out->id, dir_note, at->dir, out, errp);
}

/* What was made for a pilot that did not come to be. */
static void machine_end(struct handing *h, submit_place *at, pe_error *errp)
{
    pe_error e = {0};

    if (!h->maker || h->doubt)
        return;
    if (h->maker->ops->cancel(h->maker, h->machine, true, &e) == 0) {
        at->host = NULL; /* and its files */
        return;
    }
    h->doubt = true;
    pe_error_set(errp, PE_ERROR_RETRY, errp->exit_code,
                 "%.500s; and its machine is not ended: %.400s", errp->text,
                 e.text);
}

/* --- all of it --- */

char *submit_script(const submit_plan *p, char **commandp, pe_error *errp)
{
    const resource_ops *ops = backend_ops(p->url, errp);
    submit_place at = {0};
    resource_request q = {0};
    char *script = NULL, id[256];

    snprintf(id, sizeof(id), "%s/%s", p->run->run, p->member);
    if (ops && plan_check(p, errp) == 0 && place_here(p, &at, errp) == 0 &&
        request_settle(p, &q, errp) == 0) {
        resource_spec s = spec_of(p, &at, id, &q);
        script = ops->script(&s, errp);
        if (script && commandp)
            *commandp = ops->command(&s, errp);
    }
    request_free(&q);
    place_close(&at);
    return script;
}

int submit_prepare(const submit_plan *p, pilot_record *out, pe_error *errp)
{
    submit_place at = {0};
    int status = place_here(p, &at, errp);

    if (status == 0)
        status = record_fill(p, &at, out, errp);
    out->submitting = false;
    renew(p);
    if (status == 0)
        status = pilot_record_create(p->home, out, errp);
    if (status == 0)
        status = tenants_record(p, out, errp);
    at.host = host_open_local(errp);
    if (!at.host || status < 0 || place_fill(p, &at, errp) < 0)
        status = -1;
    host_close(at.host);
    at.host = NULL;
    place_close(&at);
    return status;
}

int submit_started(const submit_plan *p, const char *sched_id,
                   pilot_record *out, pe_error *errp)
{
    return outcome_tell(p, sched_id, out, errp);
}

static int write_script(const submit_place *at, const resource_ops *ops,
                        const resource_spec *s, pe_error *errp)
{
    char *script = ops->script(s, errp);
    char *path = script ? text_format("%s/job.sh", at->dir) : NULL;
    int status = -1;

    if (script && !path)
        pe_error_nomem(errp);
    if (path)
        status = host_write(at->host, path, script, strlen(script), 0700, errp);
    free(path);
    free(script);
    return status;
}

/* What `pilot resize` and a successor start from lies beside the record, also
 * when the pilot lives elsewhere.
 */
static int keep_here(const submit_plan *p, pe_error *errp)
{
    submit_place at = {0};
    int status = place_here(p, &at, errp);

    at.host = status == 0 ? host_open_local(errp) : NULL;
    if (!at.host || place_fill(p, &at, errp) < 0)
        status = -1;
    host_close(at.host);
    at.host = NULL;
    place_close(&at);
    return status;
}

/* Everything but the record of success. */
static int submit_to(const submit_plan *p, struct handing *h, pe_error *errp)
{
    const submit_place *at = h->at;
    resource_request q = {0};
    int status = request_settle(p, &q, errp);
    resource_spec s = spec_of(p, at, h->record->id, &q);

    if (status == 0)
        status = place_fill(p, at, errp);
    if (status == 0)
        status = write_script(at, h->r->ops, &s, errp);
    if (status == 0 && !host_is_local(at->host))
        status = keep_here(p, errp);
    if (status == 0 && !h->r->ops->is_direct)
        status = files_fetch(p, at, errp);
    if (status == 0)
        status = interrupt_check(INTERRUPT_SOON, errp);
    if (status == 0)
        status = hand_over(h, &s, errp);
    request_free(&q);
    return status;
}

/* The scheduler was not reached, or its answer was not heard. */
static int keep_in_doubt(const pilot_record *out, pe_error *errp)
{
    pe_error_prefix(errp, "%s", out->id);
    log_warn("%s is kept as it is: 'pilot status %s' finds out whether the "
             "scheduler has it, 'pilot cancel %s' gives it up",
             out->id, out->id, out->id);
    return -1;
}

/* With the record made and held: others know that we are at it. */
static int submit_held(const submit_plan *p, resource *r, submit_place *at,
                       pilot_record *out, pe_error *errp)
{
    struct handing h = {.r = r, .at = at, .record = out};
    int fd = pilot_record_hold(p->home, out->id, errp);
    int status = fd;

    if (status >= 0 && r->ops->make)
        status = machine_make(p, &h, at, out, errp);
    if (status >= 0 && tenants_record(p, out, errp) < 0) {
        machine_end(&h, at, errp); /* the tenants are another's */
        forget_one(p, at, p->member);
        close(fd);
        return -1;
    }
    if (status >= 0)
        status = submit_to(p, &h, errp);
    if (status < 0)
        machine_end(&h, at, errp);
    if (status == 0)
        status = outcome_tell(p, h.maker ? h.machine : h.id, out, errp);
    else if (h.doubt)
        keep_in_doubt(out, errp);
    else
        forget(p, at);
    if (fd >= 0)
        close(fd);
    return status;
}

static int successor_set(pilot_record *r, void *arg, pe_error *errp)
{
    const char *id = arg;

    if (!strcmp(r->successor, id))
        return 1;
    if (*r->successor)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "%s goes on for %s already", r->successor, r->id);
    snprintf(r->successor, sizeof(r->successor), "%.255s", id);
    return 0;
}

/* Before any scheduler hears of it the predecessor's record names it: whoever
 * tries again, or at the same time, finds this one and makes no other.
 */
static int successor_claim(const submit_plan *p, const pilot_record *out,
                           pe_error *errp)
{
    pilot_record old;

    if (!p->predecessor)
        return 0;
    return pilot_record_change(p->home, p->predecessor, successor_set,
                               (void *)out->id, &old, errp);
}

int submit(const submit_plan *p, pilot_record *out, pe_error *errp)
{
    resource *r = backend_open(p->url, errp);
    submit_place at = {0};
    pe_error own = {0};
    int status = r && plan_check(p, errp) == 0 ? 0 : -1;

    if (!errp)
        errp = &own; /* its class decides what is kept */
    if (status == 0) /* of a machine that is to be made this host stands in */
        status = r->ops->make ? place_here(p, &at, errp)
                              : place_open(p, r->host, &at, errp);
    if (status == 0)
        status = renew_check(p, errp);
    if (status == 0) {
        renew(p);
        renew_there(p, &at);
    }
    if (status == 0)
        status = record_fill(p, &at, out, errp);
    if (status == 0)
        status = pilot_record_create(p->home, out, errp);
    if (status == 0 && successor_claim(p, out, errp) < 0) {
        forget_one(p, &at, p->member);
        status = -1;
    }
    if (status == 0)
        status = submit_held(p, r, &at, out, errp);
    place_close(&at);
    resource_close(r);
    return status;
}

int submit_member_next(const char *home, const char *run, const char *name,
                       char *out, size_t cap, pe_error *errp)
{
    for (int i = 1; i < 100000; i++) {
        char *path;
        bool there;
        if (i == 1)
            snprintf(out, cap, "%s", name);
        else
            snprintf(out, cap, "%s.%d", name, i);
        path = text_format("%s/%s/%s/state.json", home, run, out);
        if (!path)
            return pe_error_nomem(errp);
        there = access(path, F_OK) == 0;
        free(path);
        if (!there)
            return 0;
    }
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CREATE,
                        "run %s has 99999 pilots called %s", run, name);
}
