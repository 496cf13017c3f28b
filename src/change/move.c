/* move.c - `pilot move`: a stage crosses between devices and pool. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/via.h"
#include "src/change/change.h"
#include "src/change/move.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/pipeline/move.h"

#define SCALING_MAX (32 << 20)

struct move_options {
    const char *to;
    const char *timeout;
    bool help;
};

#define AT(member) offsetof(struct move_options, member)

static const option_spec options[] = {
    {"to", 't', OPTION_TEXT, AT(to), "SIDE", NULL,
     "pool, devices, or one pilot of either kind by its name"},
    {"timeout", 0, OPTION_TEXT, AT(timeout), "TIME", NULL,
     "wait so long for pilots to follow; default: 30s"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"RUN/STAGE --to SIDE", NULL};

static const option_usage usage = {
    .command = "pilot move",
    .synopsis = synopsis,
    .prose = "Move a processing stage of a live run from its devices to the "
             "pool, or back, while blocks flow. Each block passes the stage "
             "once: its record says which stages it has been through.",
    .options = options,
    .operand = "a RUN/STAGE",
    .min_args = 1,
    .max_args = 1,
};

static int usage_error(pe_error *errp, const char *what)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "%s; see 'pilot move --help'", what);
}

/* --- what is asked for --- */

static int unknown_stage(const struct move *m, const char *name, pe_error *errp)
{
    text known = {0};

    for (size_t i = 0; i < m->pl->n_stages; i++)
        text_add(&known, "%s%s", i ? ", " : "", m->pl->stages[i].name);
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                 "run %s has no stage '%s'; it has: %s", m->req->run, name,
                 known.data ? known.data : "");
    text_free(&known);
    return -1;
}

static int unknown_side(const struct move *m, const char *to, pe_error *errp)
{
    text known = {0};

    for (size_t i = 0; i < m->pl->n_pilots; i++)
        text_add(&known, ", %s", m->pl->pilots[i].name);
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                 "option --to: there is no pilot '%s'; give pool, devices, or "
                 "one of: %s",
                 to, known.len > 2 ? known.data + 2 : "");
    text_free(&known);
    return -1;
}

static size_t pools(const pipeline *pl)
{
    size_t n = 0;

    for (size_t i = 0; i < pl->n_pilots; i++)
        n += pl->pilots[i].kind == PILOT_POOL;
    return n;
}

/* A pilot that is called as a side is means all of that side. */
static int take_side(struct move *m, const char *to, pe_error *errp)
{
    const pipeline_pilot *k = pipeline_pilot_find(m->pl, to);

    m->to_pool = !strcmp(to, "pool");
    if (m->to_pool || !strcmp(to, "devices"))
        return 0;
    if (k && k->kind == PILOT_POOL && pools(m->pl) > 1)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "option --to: the stages of pools run on all of "
                            "them, so '%s' alone can have none: give pool",
                            to);
    if (k && k->kind == PILOT_POOL) {
        m->to_pool = true;
        return 0;
    }
    if (k && k->kind != PILOT_EDGE)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "option --to: pilot '%s' is of kind %s and runs no "
                            "stages",
                            to, pilot_kind_name(k->kind));
    m->only = k;
    return k ? 0 : unknown_side(m, to, errp);
}

static int open_run(struct move *m, const char *run, pe_error *errp)
{
    params_conf c = {0};
    char *home = locate_home(errp), *dir;

    if (!home)
        return -1;
    dir = locate_run(home, run, errp);
    if (!dir && errp->kind == PE_ERROR_NONE)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "there is no run '%s' in %s; 'pilot runs' lists the runs",
                     run, home);
    if (dir)
        m->req = pipeline_request_read(dir, errp);
    free(home);
    free(dir);
    if (!m->req)
        return -1;
    m->pl = pipeline_load(m->req->file, (const char *const *)m->req->overrides,
                          m->req->n_overrides, errp);
    if (!m->pl || via_open(m->req, errp) < 0)
        return -1;
    if (!m->req->params_url)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "run %s has no parameter service: its stages are "
                            "all in one pool, and none can move",
                            m->req->run);
    pipeline_request_params(m->req, &c);
    c.no_commits = true;
    m->params = params_open(&c, m->req->run, errp);
    return m->params ? 0 : -1;
}

/* --- may it? --- */

static int find_facts(struct move *m, move_facts *f, pe_error *errp)
{
    char commit[PE_COMMIT_ID_LEN + 1], key[256], *value;
    uint64_t version = 0, fence = 0;
    size_t len = 0;
    int rc;

    if (params_ids_fetch(m->params, commit, &version, &fence, errp) < 0)
        return -1;
    f->model = version > 0;
    value = malloc(SCALING_MAX);
    if (!value)
        return pe_error_nomem(errp);
    snprintf(key, sizeof(key), "standardise/%s", m->pl->stages[m->stage].name);
    rc = params_shared_get(m->params, key, value, SCALING_MAX, &len, errp);
    f->scaling = len > 0;
    free(value);
    return rc;
}

/* Which edge pilots are to follow, in m->edge; their number, or -1. */
static int find_edges(struct move *m, pe_error *errp)
{
    const pipeline_stage *source = &m->pl->stages[0];
    move_facts f = {0};

    if (find_facts(m, &f, errp) < 0)
        return -1;
    m->edge = calloc(source->n_pilots + 1, sizeof(*m->edge));
    if (!m->edge)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < source->n_pilots; i++) {
        const pipeline_pilot *k = &m->pl->pilots[source->pilots[i]];
        int rc;

        if ((m->only && m->only != k) || k->kind != PILOT_EDGE)
            continue;
        if (move_through(m, k, &f.through, errp) < 0)
            return -1;
        rc = move_check(m->pl, m->stage, m->to_pool, &f, errp);
        if (rc < 0)
            return -1;
        if (rc > 0)
            m->edge[m->n_edges++] = (struct move_edge){k, f.through};
    }
    if (source->role == STAGE_SOURCE && m->pl->shape == PIPELINE_WHOLE)
        return (int)m->n_edges;
    return move_check(m->pl, m->stage, m->to_pool, &f, errp);
}

/* --- the command --- */

static int move(struct move *m, const char *what, const char *to,
                pe_error *errp)
{
    const char *slash = strrchr(what, '/'), *name = slash ? slash + 1 : "";
    char *run = slash ? strndup(what, (size_t)(slash - what)) : NULL;
    int rc, at;

    if (!slash || !*name)
        return usage_error(errp, "say which stage of which run, as RUN/STAGE");
    rc = run ? open_run(m, run, errp) : pe_error_nomem(errp);
    free(run);
    if (rc < 0)
        return -1;
    at = pipeline_stage_index(m->pl, name, strlen(name));
    if (at < 0)
        return unknown_stage(m, name, errp);
    m->stage = (size_t)at;
    if (take_side(m, to, errp) < 0)
        return -1;
    rc = find_edges(m, errp);
    if (rc < 0)
        return -1;
    if (rc == 0) {
        log_info("stage '%s' is on %s already", name,
                 m->to_pool ? "the pool"
                 : m->only  ? m->only->name
                            : "the devices");
        return 0;
    }
    return move_run(m, errp);
}

int change_move(int argc, char **argv)
{
    struct move_options o = {0};
    struct move m = {.timeout_s = 30};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e), rc;

    if (first < 0)
        return log_failure(&e);
    if (o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    rc = option_operands(&usage, argc - first, &e);
    if (rc == 0 && !o.to)
        rc = usage_error(&e, "say where it is to go: --to pool, --to devices "
                             "or --to PILOT");
    if (rc == 0 && o.timeout && text_parse_time(o.timeout, &m.timeout_s) < 0)
        rc = usage_error(&e, "option --timeout takes a time, as 30s or 2m");
    if (rc == 0)
        rc = move(&m, argv[first], o.to, &e);
    params_close(m.params);
    pipeline_destroy(m.pl);
    pipeline_request_destroy(m.req);
    free(m.edge);
    return rc < 0 ? log_failure(&e) : PE_EXIT_OK;
}
