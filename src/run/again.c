/* again.c - one more of a pilot there is: its successor, or an addition. */
#include "again.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/locate.h"
#include "src/common/text.h"
#include "src/registry/observe.h"

#define NAME_TRIES 5 /* others give names to their pilots, too */

/* What the old one asked for, less what is about that one alone. */
static int request_take(struct again *a, pe_error *errp)
{
    static const enum request_word own[] = {
        REQUEST_OUTPUT, REQUEST_ERROR, REQUEST_DEPENDENCY,
        REQUEST_BEGIN,  REQUEST_HOLD,  REQUEST_N_WORDS};

    if (submit_request_of(a->req, &a->request, errp) < 0)
        return -1;
    for (const enum request_word *w = own; *w != REQUEST_N_WORDS; w++) {
        free(a->request.word[*w]);
        a->request.word[*w] = NULL;
    }
    return 0;
}

static int record_choose(struct again *a, const char *id, pe_error *errp)
{
    pilot_record *found = NULL;
    size_t n = 0;

    a->home = locate_home(errp);
    if (!a->home || pilot_records_find(a->home, id, &found, &n, errp) < 0)
        return -1;
    if (n == 1)
        a->old = found[0];
    else
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                     "%s has %zu pilots: say which, as RUN/NAME", id, n);
    free(found);
    return n == 1 ? 0 : -1;
}

/* A pilot that is added has other devices: their keys are made of the run's
 * own, and not of those that the one before has.
 */
static int keys_take(struct again *a, pe_error *errp)
{
    char *own =
        a->req->sign ? text_format("%s/%s/sign", a->home, a->old.run) : NULL;

    if (!a->req->sign)
        return 0;
    if (!own)
        return pe_error_nomem(errp);
    free(a->req->sign);
    a->req->sign = own;
    return 0;
}

/* Its folder here: of one on another host, request.json is there. */
static int request_read(struct again *a, pe_error *errp)
{
    char *dir = text_format("%s/%s", a->home, a->old.id);

    if (!dir)
        pe_error_nomem(errp);
    else
        a->req = pipeline_request_read(dir, errp);
    free(dir);
    if (!a->req || keys_take(a, errp) < 0)
        return -1;
    a->pl = pipeline_load(a->req->file, (const char *const *)a->req->overrides,
                          a->req->n_overrides, errp);
    return a->pl ? 0 : -1;
}

int again_open(struct again *a, const char *id, pe_error *errp)
{
    if (record_choose(a, id, errp) < 0 || request_read(a, errp) < 0)
        return -1;
    return request_take(a, errp);
}

void again_close(struct again *a)
{
    request_free(&a->request);
    pipeline_destroy(a->pl);
    pipeline_request_destroy(a->req);
    free(a->home);
    memset(a, 0, sizeof(*a));
}

/* Other ranks are other nodes: the scheduler chooses them. */
static void resize(struct again *a)
{
    static const enum request_word shape[] = {
        REQUEST_NODES, REQUEST_NTASKS, REQUEST_NTASKS_PER_NODE,
        REQUEST_NODELIST, REQUEST_N_WORDS};

    for (const enum request_word *w = shape; a->ntasks && *w != REQUEST_N_WORDS;
         w++) {
        free(a->request.word[*w]);
        a->request.word[*w] = NULL;
    }
}

/* The successor that an earlier try has named: 1: it has its job, or had it;
 * 0: none has been made for it (or there is none), so that name is free, in
 * [member]; -1: that is not known yet.
 */
static int successor_find(const struct again *a, char member[96],
                          pilot_record *out, pe_error *errp)
{
    const observe_conf c = {.home = a->home, .now = true};
    int found;

    *member = '\0';
    if (!a->after || !*a->old.successor)
        return 0;
    found = pilot_record_read(a->home, a->old.successor, out, errp);
    if (found < 0 || (found == 0 && observe(&c, out, 1, errp) < 0))
        return -1;
    snprintf(member, 96, "%s", strrchr(a->old.successor, '/') + 1);
    if (found > 0)
        return 0;
    if (*out->sched_id)
        return 1;
    if (pilot_state_is_final(out->state))
        return 0;
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                        "%s is being submitted: whether the scheduler has it "
                        "is not known yet",
                        out->id);
}

/* A free name, or another one where somebody was quicker. */
static int submit_named(const struct again *a, submit_plan *p, const char *base,
                        char member[96], pilot_record *out, pe_error *errp)
{
    p->renew = *member != '\0';
    for (int tries = 0; tries < NAME_TRIES; tries++) {
        if (!p->renew &&
            submit_member_next(a->home, a->old.run, base, member, 96, errp) < 0)
            return -1;
        if (submit(p, out, errp) == 0)
            return 0;
        if (p->renew || errp->exit_code != PE_EXIT_CREATE ||
            errp->kind != PE_ERROR_INPUT)
            break;
    }
    return -1;
}

int again_submit(struct again *a, pilot_record *out, pe_error *errp)
{
    char base[96], member[96], *cwd;
    submit_plan p = {.home = a->home,
                     .pl = a->pl,
                     .run = a->req,
                     .member = member,
                     .place = a->added ? -1 : a->req->place,
                     .url = a->old.resource,
                     .request = &a->request,
                     .ntasks = a->ntasks,
                     .predecessor = a->after ? a->old.id : NULL,
                     .after = a->after ? a->old.sched_id : NULL};
    int status = successor_find(a, member, out, errp);

    if (status != 0)
        return status < 0 ? -1 : 0;
    cwd = getcwd(NULL, 0);
    p.submit_dir = cwd ? cwd : "/";
    resize(a);
    /* "NAME.2" is one more of NAME. */
    snprintf(base, sizeof(base), "%.*s", (int)strcspn(a->old.name, "."),
             a->old.name);
    p.pilot = pipeline_pilot_find(a->pl, base);
    status = p.pilot ? submit_named(a, &p, base, member, out, errp)
                     : pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                    "%s: there is no pilot '%s' in its file",
                                    a->old.id, base);
    free(cwd);
    return status;
}
