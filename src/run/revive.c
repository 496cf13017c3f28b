/* revive.c - services a run had of its own, up again for a while. */
#include "src/run/revive.h"

#include <stdlib.h>
#include <unistd.h>

#include "src/common/text.h"

/* Had it services of its own, which are down? */
static int are_down(const char *home, const char *run, pe_error *errp)
{
    char *folder = text_format("%s/%s/services", home, run);
    int down = folder && access(folder, F_OK) == 0 && !run_endpoints_up(folder);

    if (!folder)
        down = pe_error_nomem(errp);
    free(folder);
    return down;
}

int revive_open(revival *v, const char *home, const char *run, pe_error *errp)
{
    int down = are_down(home, run, errp);

    if (down <= 0)
        return down;
    v->o = (struct run_options){.resume = run};
    v->r = (struct run){.o = &v->o, .lock_fd = -1};
    v->open = true;
    if (run_setup_resume(&v->r, errp) < 0 ||
        run_endpoints_resolve(&v->r, errp) < 0)
        return -1;
    /* A port of theirs may have been taken. */
    return pipeline_request_write(v->r.req, errp);
}

void revive_close(revival *v)
{
    if (!v->open)
        return;
    if (v->r.req && v->r.p)
        run_services_close(&v->r);
    run_setup_release(&v->r, false);
    v->open = false;
}

int revive_hint(const char *dir, pe_error *errp)
{
    char *folder = text_format("%s/services", dir);
    pe_error e = *errp;

    if (folder && e.exit_code == PE_EXIT_UNAVAILABLE &&
        access(folder, F_OK) == 0 && !run_endpoints_up(folder))
        pe_error_set(errp, e.kind, e.exit_code,
                     "%s (it was this run's own and ended with it: 'pilot "
                     "services start --dir %s' starts it again)",
                     e.text, folder);
    free(folder);
    return -1;
}
