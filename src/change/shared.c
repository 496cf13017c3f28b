/* shared.c - what commands that change a run share. */
#include "src/change/shared.h"

#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/locate.h"
#include "src/common/text.h"
#include "src/run/run.h"

int change_run_read(change_run *r, pe_error *errp)
{
    r->home = locate_home(errp);
    if (!r->home)
        return -1;
    r->dir = text_format("%s/%s", r->home, r->name);
    if (!r->dir)
        return pe_error_nomem(errp);
    if (access(r->dir, F_OK) < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "there is no run %s in %s", r->name, r->home);
    r->req = pipeline_request_read(r->dir, errp);
    return r->req ? 0 : -1;
}

void change_run_free(change_run *r)
{
    pipeline_request_destroy(r->req);
    free(r->dir);
    free(r->home);
    free(r->name);
}

int change_split(const char *word, const char *what, char **runp, char **partp,
                 pe_error *errp)
{
    const char *slash = strchr(word, '/');

    *runp = slash ? strndup(word, (size_t)(slash - word)) : strdup(word);
    if (!*runp || (slash && !(*partp = strdup(slash + 1))))
        return pe_error_nomem(errp);
    if (slash && !slash[1])
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "'%s' names no %s; write RUN/%s", word, what,
                            strcmp(what, "stage") ? "NAME" : "STAGE");
    return run_name_check(*runp, errp);
}

int change_check_alive(live *at, const char *run, const char *to_do,
                       pe_error *errp)
{
    json_t *doc = live_look(at, errp);
    const char *state = json_string_value(json_object_get(doc, "state"));
    int rc = doc ? 0 : -1;

    if (state && live_is_over(state))
        rc = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                          "run %s is over (%s): there is nobody to %s; start "
                          "another run",
                          run, state, to_do);
    json_decref(doc);
    return rc;
}

int change_object(const char *f, char **pathp, const char **symbolp,
                  pe_error *errp)
{
    const char *colon = strrchr(f, ':');
    char *given;

    if (!colon)
        return 0;
    given = strndup(f, (size_t)(colon - f));
    if (!given)
        return pe_error_nomem(errp);
    *pathp = locate_absolute(NULL, given, errp);
    free(given);
    *symbolp = colon + 1;
    return *pathp ? 0 : -1;
}

void change_who(char out[128])
{
    const struct passwd *p = getpwuid(getuid());
    char machine[64] = "?";

    if (gethostname(machine, sizeof(machine) - 1) < 0)
        snprintf(machine, sizeof(machine), "?");
    snprintf(out, 128, "%.60s@%.60s", p ? p->pw_name : "?", machine);
}
