/* make.c - a machine for a pilot, and none twice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/interrupt.h"
#include "src/common/text.h"
#include "src/provider/private.h"

#define STEP_NS (200 * CLOCK_MS) /* between two looks, at first */
#define STEP_MAX_NS (5 * CLOCK_S)
#define CONNECT_S 5.0

/* A wait with growing steps. */
struct patience {
    int64_t until;
    unsigned step;
};

static struct patience patience_of(double seconds)
{
    return (struct patience){clock_mono_ns() + (int64_t)(seconds * 1e9), 0};
}

/* Sleep until the next look.  1, 0: the time is over, -1: interrupted. */
static int patience_take(struct patience *w, pe_error *errp)
{
    int64_t left = w->until - clock_mono_ns();
    int64_t step = clock_backoff_ns(w->step++, STEP_NS, STEP_MAX_NS);

    if (left <= 0)
        return 0;
    return interrupt_sleep(step < left ? step : left, errp) < 0 ? -1 : 1;
}

/* --- looks --- */

/* The machine of [id], or of [name], in [out].  1; 0: the list has none; -1. */
static int look(provider *p, const char *id, const char *name,
                provider_machine *out, bool *wholep, pe_error *errp)
{
    provider_list l;
    const provider_machine *m;

    if (provider_list_ask(p, &l, errp) < 0)
        return -1;
    *wholep = l.whole;
    m = provider_list_find(&l, id, name);
    if (m)
        *out = *m;
    provider_list_free(&l);
    return m ? 1 : 0;
}

/* The same until the list has it.  A list that fails is asked again. */
static int look_for(provider *p, const char *id, const char *name,
                    provider_machine *out, pe_error *errp)
{
    struct patience w = patience_of(p->settle_s);
    pe_error e = {0};
    bool whole;
    int found, go;

    for (;;) {
        e = (pe_error){0};
        found = look(p, id, name, out, &whole, &e);
        if (found > 0 && out->state != PROVIDER_GONE)
            return 1;
        go = patience_take(&w, &e);
        if (go > 0)
            continue;
        if (errp && (found < 0 || go < 0))
            *errp = e;
        return found < 0 || go < 0 ? -1 : 0;
    }
}

/* --- an end --- */

/* Is it over, or on its way to that? */
static bool ends(const provider_machine *m)
{
    return m->state == PROVIDER_STOPPING || m->state == PROVIDER_GONE;
}

void provider_forget(const provider *p, const char *name)
{
    char *folder = *name ? provider_folder(p, name, false, NULL) : NULL;

    if (folder)
        file_remove_tree(folder, NULL);
    free(folder);
}

int provider_end(provider *p, const char *id, const char *name, pe_error *errp)
{
    struct patience w = patience_of(p->settle_s);
    provider_machine m;
    bool whole = false;
    int found;

    if (provider_down(p, id, name, errp) < 0) {
        if (errp)
            errp->kind = PE_ERROR_RETRY;
        return -1;
    }
    for (;;) {
        found = look(p, id, name, &m, &whole, errp);
        if ((found == 0 && whole) || (found > 0 && ends(&m))) {
            provider_forget(p, name);
            return 0;
        }
        if (patience_take(&w, NULL) <= 0)
            break;
    }
    if (found < 0)
        return -1;
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "%s/down said yes, and %g s later machine %s is %s",
                        p->folder, p->settle_s, id,
                        found > 0 ? m.native
                                  : "not in a list that is not "
                                    "whole");
}

/* --- a beginning --- */

/* What was begun is ended, and [errp], which says why, says that, too. */
static int give_up(provider *p, const char *id, const char *name,
                   pe_error *errp)
{
    pe_error own = {0}, e = {0};

    if (!errp)
        errp = &own;
    if (provider_end(p, id, name, &e) == 0) {
        if (errp->kind == PE_ERROR_RETRY)
            errp->kind = PE_ERROR_FATAL;
        return pe_error_set(errp, errp->kind, errp->exit_code,
                            "%.700s; machine %s was ended", errp->text, id);
    }
    return pe_error_set(errp, PE_ERROR_RETRY, errp->exit_code,
                        "%.400s; and machine %s is not known to be ended: "
                        "%.400s; it ends itself when its time is over",
                        errp->text, id, e.text);
}

static int price_check(provider *p, pe_error *errp)
{
    double price = 0;

    if (p->max_price < 0)
        return 0;
    if (provider_price(p, &price, errp) < 0)
        return -1;
    if (price <= p->max_price)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s: a machine costs %g an hour, and max-price is %g: "
                        "nothing was started",
                        p->label, price, p->max_price);
}

/* Nothing was begun yet: no error leaves a doubt. */
static int nothing_begun(pe_error *errp)
{
    if (errp && errp->kind == PE_ERROR_RETRY)
        errp->kind = PE_ERROR_FATAL;
    return -1;
}

/* `up`; where its answer was not heard the list tells. */
static int start(provider *p, const provider_ask *ask, provider_machine *out,
                 pe_error *errp)
{
    pe_error e = {0};
    int found;

    memset(out, 0, sizeof(*out));
    if (provider_up(p, ask, out->id, &e) == 0) {
        char id[PROVIDER_ID_MAX];
        memcpy(id, out->id, sizeof(id));
        found = look_for(p, id, NULL, out, errp);
        if (found > 0 && !strcmp(out->name, ask->name))
            return 0;
        if (found > 0) /* what it did start has another id */
            return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                                "%s/up said %s, which `list` has under another "
                                "name, %s",
                                p->folder, id, out->name);
        if (found == 0)
            pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                         "%s/up said %s, and `list` never showed such a "
                         "machine in %g s",
                         p->folder, id, p->settle_s);
        return give_up(p, id, ask->name, errp);
    }
    if (e.kind != PE_ERROR_RETRY) { /* refused */
        if (errp)
            *errp = e;
        return -1;
    }
    found = look_for(p, NULL, ask->name, out, NULL);
    if (found > 0)
        return 0;
    if (errp)
        *errp = e;
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "%.600s; whether there is a machine of it is not "
                        "known: if there is, it ends itself when its time is "
                        "over",
                        e.text);
}

/* The one that is there under the name, or a new one. */
static int find_or_start(provider *p, const provider_ask *ask,
                         provider_machine *out, pe_error *errp)
{
    bool whole;
    int found = look(p, NULL, ask->name, out, &whole, errp);

    if (found < 0)
        return nothing_begun(errp);
    if (found > 0 && out->state == PROVIDER_STOPPING)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_AGAIN,
                            "machine %s of the same pilot is being ended: try "
                            "again when it is gone",
                            out->id);
    if (found > 0 && out->state != PROVIDER_GONE)
        return 0;
    if (!whole)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_UNAVAILABLE,
                            "%s/list does not have all machines: whether this "
                            "pilot has one already is not known, and nothing "
                            "was started",
                            p->folder);
    if (price_check(p, errp) < 0)
        return nothing_begun(errp);
    return start(p, ask, out, errp);
}

/* One more look at a machine on its way.  1: it is there; 0: not yet; -1: it
 * will not be.
 */
static int arrive(provider *p, provider_machine *m, provider_address *at,
                  pe_error *last, pe_error *errp)
{
    provider_machine seen = *m;
    bool whole = false;
    int found = look(p, m->id, m->name, &seen, &whole, last);

    if (found > 0)
        *m = seen;
    if (found > 0 && ends(m))
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "machine %s ended while it was started%s%s", m->id,
                            *m->reason ? ": " : "", m->reason);
    if (found <= 0 || m->state != PROVIDER_RUNNING)
        return 0;
    return provider_address_ask(p, m->id, m->name, at, last) > 0 ? 1 : 0;
}

static int await(provider *p, provider_machine *m, provider_address *at,
                 pe_error *errp)
{
    struct patience w = patience_of(p->boot_s);
    pe_error last = {0};
    int there, go;

    for (;;) {
        last = (pe_error){0};
        there = arrive(p, m, at, &last, errp);
        if (there != 0)
            return there > 0 ? 0 : -1;
        go = patience_take(&w, errp);
        if (go < 0)
            return -1;
        if (go == 0)
            break;
    }
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "machine %s is %s and has no address after %g s%s%s",
                        m->id, m->native, p->boot_s,
                        *last.text ? ": " : ": files reach it over SSH alone",
                        last.text);
}

int provider_make(provider *p, const provider_ask *ask, provider_machine *out,
                  provider_address *at, pe_error *errp)
{
    pe_error own = {0};

    if (!errp)
        errp = &own;
    if (find_or_start(p, ask, out, errp) < 0)
        return -1;
    if (await(p, out, at, errp) == 0)
        return 0;
    return give_up(p, out->id, ask->name, errp);
}

/* --- as a host --- */

/* A file that has the key of the machine alone; new memory. */
static char *known_hosts_write(const provider *p, const char *name,
                               const provider_address *at, pe_error *errp)
{
    char *folder = provider_folder(p, name, true, errp);
    char *path = folder ? text_format("%s/known_hosts", folder) : NULL;
    const char *from = strchr(at->ssh, '@');
    const char *port = strrchr(at->ssh, ':');
    bool v6;
    char *line;
    int len;

    from = from ? from + 1 : at->ssh + strlen("ssh://");
    v6 = *from == '[';
    len = (int)(port - from) - (v6 ? 2 : 0);
    from += v6;
    line = text_format("%.*s,[%.*s]%s %s\n", len, from, len, from, port,
                       at->host_key);
    if (folder && (!path || !line))
        pe_error_nomem(errp);
    if (!path || !line ||
        file_write(path, line, strlen(line), 0600, errp) < 0) {
        free(path);
        path = NULL;
    }
    free(line);
    free(folder);
    return path;
}

host *provider_host(const provider *p, const char *name,
                    const provider_address *at, pe_error *errp)
{
    char *known = NULL;
    host_conf c = {.connect_timeout_s = CONNECT_S};
    host *h = NULL;

    if (*at->host_key) {
        known = known_hosts_write(p, name, at, errp);
        if (!known)
            return NULL;
        c.known_hosts = known;
    }
    if (*at->identity)
        c.identity = at->identity;
    h = host_open_ssh(at->ssh, &c, errp);
    free(known);
    return h;
}
