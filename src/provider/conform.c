/* conform.c - a provider is tried out: what it owes, case by case. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/interrupt.h"
#include "src/common/random.h"
#include "src/common/text.h"
#include "src/provider/conform_private.h"

#define NOBODY "nobody-0000000000000000"
#define TTL_S 1800.0 /* of machines that a trial ends itself */
#define STEP_NS (200 * CLOCK_MS)
#define REACH_NS CLOCK_S

/* --- steps --- */

int trial_wrong(pe_error *errp, const char *fmt, ...)
{
    char what[600];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED, "%s", what);
}

static provider_ask ask_of(const trial *t, int k, double ttl_s)
{
    return (provider_ask){
        .name = t->name[k], .pilot = t->pilot[k], .ttl_s = ttl_s, .cpus = 1};
}

int trial_make(trial *t, int k, pe_error *errp)
{
    provider_ask ask = ask_of(t, k, TTL_S);

    return provider_make(t->p, &ask, &t->m[k], &t->at[k], errp);
}

int trial_up(trial *t, int k, double ttl_s, char id[PROVIDER_ID_MAX],
             pe_error *errp)
{
    provider_ask ask = ask_of(t, k, ttl_s);

    return provider_up(t->p, &ask, id, errp);
}

int trial_end(trial *t, int k, pe_error *errp)
{
    return provider_end(t->p, t->m[k].id, t->name[k], errp);
}

int trial_count(trial *t, int k, pe_error *errp)
{
    provider_list l;
    int n = 0;

    if (provider_list_ask(t->p, &l, errp) < 0)
        return -1;
    for (size_t i = 0; i < l.n; i++)
        n += !strcmp(l.items[i].name, t->name[k]) &&
             l.items[i].state != PROVIDER_GONE &&
             l.items[i].state != PROVIDER_STOPPING;
    provider_list_free(&l);
    return n;
}

int trial_expect(trial *t, int k, int n, pe_error *errp)
{
    int64_t until = clock_mono_ns() + (int64_t)(t->p->settle_s * 1e9);
    int there;

    for (;;) {
        there = trial_count(t, k, errp);
        if (there == n)
            return 0;
        if (clock_mono_ns() >= until || interrupt_sleep(STEP_NS, errp) < 0)
            break;
    }
    if (there < 0)
        return -1;
    return trial_wrong(errp, "the list has %d machines of that name, not %d",
                       there, n);
}

void trial_fault(trial *t, enum provider_verb v, enum fault_kind fault,
                 int times)
{
    t->p->fault = fault;
    t->p->fault_verb = v;
    t->p->fault_times = times;
}

/* --- cases without a machine --- */

static int list_answers(trial *t, pe_error *errp)
{
    provider_list l;
    bool whole;

    if (provider_list_ask(t->p, &l, errp) < 0)
        return -1;
    whole = l.whole;
    provider_list_free(&l);
    return whole ? 0 : trial_wrong(errp, "it says that it is not whole");
}

static int list_is_clean(trial *t, pe_error *errp)
{
    return trial_expect(t, 0, 0, errp);
}

static int down_unknown(trial *t, pe_error *errp)
{
    return provider_down(t->p, NOBODY, t->name[0], errp);
}

static int address_unknown(trial *t, pe_error *errp)
{
    provider_address at;
    pe_error e = {0};

    if (provider_address_ask(t->p, NOBODY, t->name[0], &at, &e) > 0)
        return trial_wrong(errp, "machine " NOBODY " has address %s", at.ssh);
    return 0;
}

static int price_holds(trial *t, pe_error *errp)
{
    double given = t->p->max_price, price = 0;
    pe_error e = {0};
    int made;

    if (given < 0)
        return 0;
    if (provider_price(t->p, &price, errp) < 0)
        return -1;
    if (price <= 0)
        return trial_wrong(errp, "it costs nothing, says `price`");
    t->p->max_price = price / 2;
    made = trial_make(t, 0, &e);
    t->p->max_price = given;
    if (made == 0)
        return trial_wrong(errp,
                           "a machine that costs %g was started under a "
                           "cap of %g",
                           price, price / 2);
    return trial_expect(t, 0, 0, errp);
}

/* --- cases with one --- */

static int up_makes(trial *t, pe_error *errp)
{
    return trial_make(t, 0, errp);
}

static int up_is_shown(trial *t, pe_error *errp)
{
    provider_list l;
    const provider_machine *m;
    int status = 0;

    if (provider_list_ask(t->p, &l, errp) < 0)
        return -1;
    m = provider_list_find(&l, t->m[0].id, NULL);
    if (!m)
        status = trial_wrong(errp, "%s is not in the list", t->m[0].id);
    else if (strcmp(m->name, t->name[0]) != 0)
        status = trial_wrong(errp, "%s has the name '%s' there, not '%s'",
                             t->m[0].id, m->name, t->name[0]);
    else if (m->state != PROVIDER_RUNNING)
        status = trial_wrong(errp, "%s is '%s' there, not running", t->m[0].id,
                             m->native);
    provider_list_free(&l);
    return status;
}

static int up_twice(trial *t, pe_error *errp)
{
    char id[PROVIDER_ID_MAX] = "";
    provider_list l;
    int status = 0;

    if (trial_up(t, 0, TTL_S, id, errp) < 0)
        return -1;
    if (strcmp(id, t->m[0].id) != 0)
        status = trial_wrong(errp, "the same name made %s beside %s", id,
                             t->m[0].id);
    if (provider_list_ask(t->p, &l, NULL) == 0) {
        if (provider_list_find(&l, id, NULL) && status < 0)
            provider_end(t->p, id, t->name[0], NULL);
        provider_list_free(&l);
    }
    return status < 0 ? -1 : trial_expect(t, 0, 1, errp);
}

static int machine_answers(trial *t, pe_error *errp)
{
    int64_t until = clock_mono_ns() + (int64_t)(t->p->boot_s * 1e9);
    const char *machine;
    host *h;

    if (!*t->at[0].ssh)
        return trial_wrong(errp, "there is no machine");
    h = provider_host(t->p, t->name[0], &t->at[0], errp);
    machine = h ? host_machine(h, errp) : NULL;
    while (h && !machine && clock_mono_ns() < until) {
        if (interrupt_sleep(REACH_NS, errp) < 0)
            break;
        machine = host_machine(h, errp);
    }
    int status = machine ? 0 : -1;
    host_close(h);
    return status;
}

static int has_host_key(trial *t, pe_error *errp)
{
    if (!*t->at[0].ssh)
        return trial_wrong(errp, "there is no machine");
    if (*t->at[0].host_key)
        return 0;
    return trial_wrong(errp, "`address` has no \"host-key\", so a new machine "
                             "is not known by SSH");
}

static int two_apart(trial *t, pe_error *errp)
{
    provider_address other;

    if (trial_make(t, 1, errp) < 0)
        return -1;
    if (!strcmp(t->m[0].id, t->m[1].id))
        return trial_wrong(errp, "two names are one machine, %s", t->m[0].id);
    if (!strcmp(t->at[0].ssh, t->at[1].ssh))
        return trial_wrong(errp, "both machines have address %s", t->at[0].ssh);
    if (provider_address_ask(t->p, t->m[0].id, t->name[0], &other, errp) < 0)
        return -1;
    return strcmp(other.ssh, t->at[0].ssh) == 0
               ? 0
               : trial_wrong(errp, "the address of %s changed from %s to %s",
                             t->m[0].id, t->at[0].ssh, other.ssh);
}

static int down_ends_one(trial *t, pe_error *errp)
{
    if (trial_end(t, 1, errp) < 0 || trial_expect(t, 1, 0, errp) < 0)
        return -1;
    return trial_expect(t, 0, 1, errp);
}

static int down_again(trial *t, pe_error *errp)
{
    return provider_down(t->p, t->m[1].id, t->name[1], errp);
}

static int down_ends_last(trial *t, pe_error *errp)
{
    return trial_end(t, 0, errp) < 0 ? -1 : trial_expect(t, 0, 0, errp);
}

/* Nobody ends it. */
static int ends_itself(trial *t, pe_error *errp)
{
    double wait_s = t->p->trial_ttl_s * 2 + t->p->boot_s;
    int64_t until = clock_mono_ns() + (int64_t)(wait_s * 1e9);
    char id[PROVIDER_ID_MAX] = "";

    if (trial_up(t, 0, t->p->trial_ttl_s, id, errp) < 0)
        return -1;
    memcpy(t->m[0].id, id, sizeof(id));
    while (trial_count(t, 0, NULL) != 0) {
        if (clock_mono_ns() >= until)
            return trial_wrong(errp,
                               "with a ttl of %g s it is there after %g s: a "
                               "lost laptop would pay on",
                               t->p->trial_ttl_s, wait_s);
        if (interrupt_sleep(STEP_NS, errp) < 0)
            return -1;
    }
    return 0;
}

const trial_case trial_plain[] = {
    {"list has nothing of this trial", list_is_clean},
    {"down of an unknown machine is no error", down_unknown},
    {"an unknown machine has no address", address_unknown},
    {"a cap on the price is held (where max-price is given)", price_holds},
    {"up makes a machine, which runs and has an address", up_makes},
    {"list has it by its id and name", up_is_shown},
    {"up of the same name again is the same machine", up_twice},
    {"address tells the key of the machine", has_host_key},
    {"the machine answers over SSH", machine_answers},
    {"a second name is a second machine, with its own address", two_apart},
    {"down ends the one that is meant", down_ends_one},
    {"down again is no error", down_again},
    {"down of the last one leaves none", down_ends_last},
    {"a machine ends itself after its ttl", ends_itself},
    {NULL, NULL},
};

/* --- all of them --- */

/* Whatever a case has left. */
static void tidy(trial *t)
{
    provider_list l;

    t->p->fault_times = 0;
    if (provider_list_ask(t->p, &l, NULL) < 0)
        return;
    for (size_t i = 0; i < l.n; i++)
        for (int k = 0; k < 2; k++)
            if (!strcmp(l.items[i].name, t->name[k]) &&
                l.items[i].state != PROVIDER_GONE)
                provider_end(t->p, l.items[i].id, t->name[k], NULL);
    provider_list_free(&l);
}

/* A line; 1: it is not ok; -1: no memory. */
static int case_run(trial *t, const trial_case *c, provider_line_f line,
                    void *arg, pe_error *errp)
{
    pe_error e = {0};
    int status = c->run(t, &e);
    char *what = status == 0 ? text_format("%s", c->title)
                             : text_format("%s: %s", c->title, e.text);

    t->p->fault_times = 0;
    if (!what)
        return pe_error_nomem(errp);
    line(arg, status == 0, what);
    free(what);
    return status < 0;
}

static int table_run(trial *t, const trial_case *c, provider_line_f line,
                     void *arg, pe_error *errp)
{
    int bad = 0, rc;

    for (; c->run; c++) {
        if (interrupt_check(INTERRUPT_SOON, errp) < 0)
            return -1;
        rc = case_run(t, c, line, arg, errp);
        if (rc < 0)
            return -1;
        bad += rc;
    }
    return bad;
}

/* Nothing is left behind it, whatever became of the cases. */
static int leak_check(trial *t, provider_line_f line, void *arg)
{
    pe_error e = {0};
    int bad;

    tidy(t);
    bad = trial_expect(t, 0, 0, &e) < 0 || trial_expect(t, 1, 0, &e) < 0;
    if (bad) {
        char *what = text_format("nothing is left running: %s: look for '%s'",
                                 e.text, t->name[0]);
        line(arg, false, what ? what : "something is left running");
        free(what);
    } else {
        line(arg, true, "nothing is left running");
        provider_forget(t->p, t->name[0]);
        provider_forget(t->p, t->name[1]);
    }
    return bad;
}

int provider_conform(provider *p, provider_line_f line, void *arg,
                     pe_error *errp)
{
    static const trial_case first = {"list answers, and is whole",
                                     list_answers};
    trial t = {.p = p};
    char tag[9];
    int plain, faults = 0, bad;

    if (random_id(tag, 4, errp) < 0)
        return -1;
    for (int k = 0; k < 2; k++) {
        snprintf(t.pilot[k], sizeof(t.pilot[k]), "trial-%s/m%d", tag, k + 1);
        provider_name(p, t.pilot[k], t.name[k]);
    }
    bad = case_run(&t, &first, line, arg, errp);
    if (bad != 0) /* without a list nothing could be ended */
        return bad;
    plain = table_run(&t, trial_plain, line, arg, errp);
    tidy(&t);
    if (plain >= 0)
        faults = table_run(&t, trial_faults, line, arg, errp);
    bad = leak_check(&t, line, arg);
    return plain < 0 || faults < 0 ? -1 : plain + faults + bad;
}
