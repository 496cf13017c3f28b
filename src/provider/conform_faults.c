/* conform_faults.c - a provider is tried out while its answers suffer: the
 * executables are run as they are, and what they say is cut, delayed, lost,
 * doubled or replaced on its way.
 */
#include <string.h>

#include "src/provider/conform_private.h"

#define SHORT_S 2.0 /* instead of the patience that an answer would get */

/* --- shapes of cases --- */

/* In spite of the fault there is one machine, which then ends. */
static int one_made(trial *t, enum provider_verb v, enum fault_kind k,
                    int times, pe_error *errp)
{
    pe_error e = {0};
    int made, one;

    trial_fault(t, v, k, times);
    made = trial_make(t, 0, errp);
    t->p->fault_times = 0;
    one = made == 0 ? trial_expect(t, 0, 1, errp) : -1;
    if (made == 0 && trial_end(t, 0, &e) < 0 && one == 0)
        return trial_wrong(errp, "%s", e.text);
    return one;
}

/* It is an error, and no machine is there. */
static int none_made(trial *t, enum provider_verb v, enum fault_kind k,
                     int times, pe_error *errp)
{
    double settle_s = t->p->settle_s, boot_s = t->p->boot_s;
    pe_error e = {0};
    int made;

    t->p->settle_s = settle_s < SHORT_S ? settle_s : SHORT_S;
    if (k == FAULT_NOWHERE)
        t->p->boot_s = boot_s < SHORT_S ? boot_s : SHORT_S;
    trial_fault(t, v, k, times);
    made = trial_make(t, 0, &e);
    t->p->fault_times = 0;
    t->p->settle_s = settle_s;
    t->p->boot_s = boot_s;
    if (made == 0) {
        trial_end(t, 0, NULL);
        return trial_wrong(errp, "it was taken for a success");
    }
    return trial_expect(t, 0, 0, errp);
}

/* --- up --- */

static int up_lost(trial *t, pe_error *errp)
{
    return one_made(t, VERB_UP, FAULT_LOST, 1, errp);
}

static int up_cut(trial *t, pe_error *errp)
{
    return one_made(t, VERB_UP, FAULT_CUT, 1, errp);
}

static int up_page(trial *t, pe_error *errp)
{
    return one_made(t, VERB_UP, FAULT_HTML, 1, errp);
}

static int up_slow(trial *t, pe_error *errp)
{
    return one_made(t, VERB_UP, FAULT_SLOW, 1, errp);
}

static int up_doubled(trial *t, pe_error *errp)
{
    return one_made(t, VERB_UP, FAULT_TWICE, 1, errp);
}

static int up_quota(trial *t, pe_error *errp)
{
    return none_made(t, VERB_UP, FAULT_QUOTA, 1, errp);
}

static int up_idle(trial *t, pe_error *errp)
{
    return none_made(t, VERB_UP, FAULT_YES, 1, errp);
}

static int up_hangs(trial *t, pe_error *errp)
{
    return none_made(t, VERB_UP, FAULT_HANG, 1, errp);
}

static int up_nowhere(trial *t, pe_error *errp)
{
    return none_made(t, VERB_ADDRESS, FAULT_NOWHERE, 1000000, errp);
}

/* Made by a command that died behind it: the next one goes on with it. */
static int up_resumed(trial *t, pe_error *errp)
{
    char id[PROVIDER_ID_MAX] = "";
    int made;

    if (trial_up(t, 0, 1800, id, errp) < 0 || trial_expect(t, 0, 1, errp) < 0)
        return -1;
    made = one_made(t, VERB_UP, FAULT_NONE, 0, errp);
    if (made == 0 && strcmp(id, t->m[0].id) != 0)
        return trial_wrong(errp, "%s was there, and %s was made", id,
                           t->m[0].id);
    return made;
}

/* --- list --- */

static int list_page(trial *t, pe_error *errp)
{
    return none_made(t, VERB_LIST, FAULT_HTML, 1, errp);
}

static int list_cut(trial *t, pe_error *errp)
{
    return none_made(t, VERB_LIST, FAULT_CUT, 1, errp);
}

static int list_hangs(trial *t, pe_error *errp)
{
    return none_made(t, VERB_LIST, FAULT_HANG, 1, errp);
}

static int list_floods(trial *t, pe_error *errp)
{
    return none_made(t, VERB_LIST, FAULT_FLOOD, 1, errp);
}

static int list_half(trial *t, pe_error *errp)
{
    return none_made(t, VERB_LIST, FAULT_HALF, 1, errp);
}

/* A list that is behind: the machine is there, and `up` is asked again. */
static int list_stale(trial *t, pe_error *errp)
{
    char id[PROVIDER_ID_MAX] = "";

    if (trial_up(t, 0, 1800, id, errp) < 0 || trial_expect(t, 0, 1, errp) < 0)
        return -1;
    return one_made(t, VERB_LIST, FAULT_HIDDEN, 1, errp);
}

static int list_word(trial *t, pe_error *errp)
{
    return one_made(t, VERB_LIST, FAULT_STATE, 2, errp);
}

/* --- address, down --- */

static int address_lost(trial *t, pe_error *errp)
{
    return one_made(t, VERB_ADDRESS, FAULT_LOST, 1, errp);
}

static int address_page(trial *t, pe_error *errp)
{
    return one_made(t, VERB_ADDRESS, FAULT_HTML, 1, errp);
}

/* The end is asked for again where the first time was not heard. */
static int down_lost(trial *t, pe_error *errp)
{
    pe_error e = {0};

    if (trial_make(t, 0, errp) < 0)
        return -1;
    trial_fault(t, VERB_DOWN, FAULT_LOST, 1);
    if (trial_end(t, 0, &e) == 0)
        return trial_wrong(errp, "no answer was taken for one");
    return trial_end(t, 0, errp) < 0 ? -1 : trial_expect(t, 0, 0, errp);
}

static int down_idle(trial *t, pe_error *errp)
{
    double settle_s = t->p->settle_s;
    pe_error e = {0};
    int ended;

    if (trial_make(t, 0, errp) < 0)
        return -1;
    trial_fault(t, VERB_DOWN, FAULT_YES, 1);
    t->p->settle_s = settle_s < SHORT_S ? settle_s : SHORT_S;
    ended = trial_end(t, 0, &e);
    t->p->settle_s = settle_s;
    if (ended == 0)
        return trial_wrong(errp, "its word was taken for an end");
    return trial_end(t, 0, errp) < 0 ? -1 : trial_expect(t, 0, 0, errp);
}

static int down_doubled(trial *t, pe_error *errp)
{
    if (trial_make(t, 0, errp) < 0)
        return -1;
    trial_fault(t, VERB_DOWN, FAULT_TWICE, 1);
    return trial_end(t, 0, errp) < 0 ? -1 : trial_expect(t, 0, 0, errp);
}

const trial_case trial_faults[] = {
    {"up: the answer is lost, and there is one machine", up_lost},
    {"up: half of the answer comes, and there is one machine", up_cut},
    {"up: a page of HTML comes, and there is one machine", up_page},
    {"up: the answer is late, and there is one machine", up_slow},
    {"up: it is run twice, and there is one machine", up_doubled},
    {"up: its command died behind it, and there is one machine", up_resumed},
    {"up: the quota is used up, and there is none", up_quota},
    {"up: it says yes and does nothing, and there is none", up_idle},
    {"up: it hangs, and there is none", up_hangs},
    {"up: the machine has no address, and is ended", up_nowhere},
    {"list: a page of HTML comes, and nothing is started", list_page},
    {"list: half of the answer comes, and nothing is started", list_cut},
    {"list: it hangs, and nothing is started", list_hangs},
    {"list: no end of bytes comes, and nothing is started", list_floods},
    {"list: half of the machines come, and nothing is started", list_half},
    {"list: it is behind, and there is one machine", list_stale},
    {"list: a state that is not known is waited for", list_word},
    {"address: the answer is lost, and asked for again", address_lost},
    {"address: a page of HTML comes, and it is asked again", address_page},
    {"down: the answer is lost, and again is no error", down_lost},
    {"down: it says yes and does nothing, which is seen", down_idle},
    {"down: it is run twice, and is no error", down_doubled},
    {NULL, NULL},
};
