/* event.c - `pilot event`: tell a run of something that happened outside. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/cmd/cmd.h"
#include "src/common/clock.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/live/live.h"
#include "src/monitor/value.h"
#include "src/scaler/scaler.h"

struct event_options {
    bool help;
};

static const option_spec options[] = {
    {"help", 'h', OPTION_FLAG, offsetof(struct event_options, help), NULL, NULL,
     "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"RUN NAME", NULL};

static const option_usage usage = {
    .command = "pilot event",
    .synopsis = synopsis,
    .prose = "Tell a run that NAME has happened: its policy says, under 'on', "
             "what follows.\n'pilot scale RUN' shows what did.",
    .options = options,
    .operand = "a RUN and a NAME",
    .min_args = 2,
    .max_args = 2,
};

/* Does the policy in [o] name it?  Else it would wait for nobody. */
static int name_check(const json_t *o, const char *run, const char *name,
                      pe_error *errp)
{
    const json_t *events = json_object_get(o, "events"), *one;
    text known = {0};
    size_t i;
    int rc;

    json_array_foreach(events, i, one)
    {
        const char *s = json_string_value(one);
        if (s && !strcmp(s, name)) {
            text_free(&known);
            return 0;
        }
        text_add(&known, "%s%s", i ? ", " : "", s ? s : "");
    }
    rc = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                      "the policy of run %s names no event '%s': %s%s", run,
                      name,
                      known.len ? "it has "
                                : "write what follows under 'on' "
                                  "of its pilot's 'scale'",
                      known.len ? known.data : "");
    text_free(&known);
    return rc;
}

static int event_tell(params *p, const char *run, const char *name,
                      pe_error *errp)
{
    json_t *o = scaler_told(p, run, errp);
    int rc = o ? name_check(o, run, name, errp) : -1;
    char *id = text_format("%lld.%d", (long long)clock_real_ns(), getpid());
    char *copy = strdup(name), *keeper = NULL;
    const params_event e = {.name = copy, .id = id, .time_ns = clock_real_ns()};

    if (rc == 0 && (!id || !copy))
        rc = pe_error_nomem(errp);
    if (rc == 0)
        rc = params_event_put(p, &e, errp);
    if (rc == 0)
        keeper = params_keeper_fetch(p, NULL);
    if (keeper && !*keeper)
        log_warn("nobody decides about run %s now: it is taken when somebody "
                 "does",
                 run);
    free(keeper);
    free(copy);
    free(id);
    json_decref(o);
    return rc;
}

int cmd_event(int argc, char **argv)
{
    struct event_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e), rc = -1;
    char *home = NULL;
    live *l = NULL;
    params *p = NULL;

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first >= 0 && option_operands(&usage, argc - first, &e) == 0)
        home = locate_home(&e);
    if (home)
        l = live_open(home, argv[first], &e);
    if (l)
        p = live_params(l, &e);
    if (p)
        rc = event_tell(p, argv[first], argv[first + 1], &e);
    live_close(l);
    free(home);
    return rc < 0 ? log_failure(&e) : PE_EXIT_OK;
}
