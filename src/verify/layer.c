/* layer.c - one layer of a run: what is committed, and what its topics hold. */
#include "layer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "read.h"
#include "src/agent/via.h"

/* --- what it is --- */

static bool is_one_of(const char *word, const char *const *list)
{
    while (*list && strcmp(*list, word) != 0)
        list++;
    return *list != NULL;
}

/* A stage that gives a block for each, whatever its options. */
static bool keeps_blocks(const pipeline_stage *s)
{
    static const char *const known[] = {"score", "select", "standardise",
                                        "drift", "write",  NULL};

    return is_one_of(s->function, known);
}

/* A source whose blocks are counted. */
static bool counts_blocks(const pipeline_stage *s)
{
    static const char *const known[] = {"generator", "proc", NULL};

    return is_one_of(s->function, known) ||
           (!strcmp(s->function, "file") &&
            !pe_options_bool(s->options, "follow"));
}

/* Of a run that was swapped only the number of its stages is known here. */
static bool stages_keep(const layer *l, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (l->state.revision || !keeps_blocks(&l->pl->stages[i]))
            return false;
    return true;
}

static bool drops_none(const pipeline *pl)
{
    for (size_t i = 0; i < pl->n_pilots; i++)
        if (pl->pilots[i].kind == PILOT_EDGE &&
            (pl->pilots[i].full_drop || pl->pilots[i].spool.drop))
            return false;
    return true;
}

static void know(layer *l)
{
    const pipeline *pl = l->pl;
    const pipeline_stage *last = pipeline_last_stage(pl);
    const pipeline_stage *sense = pipeline_stage_of(pl, STAGE_SOURCE);
    size_t end = (size_t)(last - pl->stages);
    size_t ahead = pipeline_ahead(pl);

    l->count.stages = end;
    l->count.ahead = ahead;
    l->count.results = l->results.on;
    l->count.audits =
        last->is_model && !strcmp(last->function, "audit") && end <= ahead;
    l->drawn = !last->is_model || !strncmp(last->function, "python", 6);
    /* A stage of the pool may have been with the devices meanwhile. */
    l->dense = sense && pl->seen == 0 && drops_none(pl) &&
               counts_blocks(sense) && stages_keep(l, 1, end);
    l->filters = !last->is_model || l->state.revision ||
                 !stages_keep(l, sense ? 1 : 0, end);
}

/* --- what is committed --- */

static int load(layer *l, const char *dir, size_t at, pe_error *errp)
{
    l->req = pipeline_request_read(dir, errp);
    if (!l->req)
        return -1;
    l->pl = pipeline_load(l->req->file, (const char *const *)l->req->overrides,
                          l->req->n_overrides, errp);
    if (!l->pl)
        return -1;
    if (pipeline_is_local(l->pl))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "run %s has no broker and no parameter service: "
                            "nothing of it can be counted again",
                            l->req->run);
    if (!pipeline_last_stage(l->pl))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "run %s has no pool: its devices write to a topic "
                            "that others read, and nothing is committed",
                            l->req->run);
    if (pipeline_see(l->pl, l->req, at, errp) < 0)
        return -1;
    snprintf(l->name, sizeof(l->name), "%s", pipeline_layer_name(l->pl, at));
    pipeline_topic(l->pl, l->req->run, "", l->topic, sizeof(l->topic));
    l->results.on = l->pl->results;
    l->refused.on = true;
    pipeline_topic(l->pl, l->req->run, PIPELINE_RESULTS, l->results.topic,
                   sizeof(l->results.topic));
    pipeline_topic(l->pl, l->req->run, PIPELINE_REFUSED, l->refused.topic,
                   sizeof(l->refused.topic));
    return via_open(l->req, errp);
}

static const params_offset *offset_of(const params_offset *o, size_t n,
                                      const char *topic, int32_t partition)
{
    for (size_t i = 0; i < n; i++)
        if (o[i].partition == partition && !strcmp(o[i].topic, topic))
            return &o[i];
    return NULL;
}

/* From where to where each partition is committed; offsets of other topics are
 * said by who judges.
 */
static int place_parts(layer *l, params *p, pe_error *errp)
{
    params_offset *first;
    size_t n;

    if (params_firsts_fetch(p, &first, &n, errp) < 0)
        return -1;
    l->n_parts = (size_t)l->pl->partitions;
    l->part = calloc(l->n_parts + 1, sizeof(*l->part));
    for (size_t i = 0; l->part && i < l->n_parts; i++) {
        const int32_t k = (int32_t)i;
        const params_offset *from = offset_of(first, n, l->topic, k);
        const params_offset *to =
            offset_of(l->state.offsets, l->state.n_offsets, l->topic, k);

        l->part[i].first = from ? from->next : 0;
        l->part[i].next = to ? to->next : l->part[i].first;
        l->part[i].mark = to ? to->mark : 0;
    }
    params_offsets_free(first, n);
    return l->part ? 0 : pe_error_nomem(errp);
}

/* Nothing is committed: was it?  The history is asked, and then once more, for
 * a first commit may have come meanwhile.
 */
static int look_gone(layer *l, params *p, pe_error *errp)
{
    params_row *row = NULL;
    size_t n = 0;
    int rc = params_rows_fetch(p, NULL, 1, &row, &n, errp);

    if (rc == 0 && n > 0)
        rc = params_state_fetch(p, &l->state, errp);
    if (rc == 0 && n > 0 && !*l->state.commit)
        pe_error_set(&l->damage, PE_ERROR_FATAL, PE_EXIT_DATA,
                     "commit %s (version %" PRIu64 ") was made, and no state "
                     "is there any more: it was evicted, or deleted",
                     row->commit, row->version);
    free(row);
    return rc;
}

int layer_open(layer *l, const char *dir, size_t at, pe_error *errp)
{
    params_conf c = {0};
    params *p;
    int rc = load(l, dir, at, errp);

    if (rc < 0)
        return -1;
    pipeline_request_params(l->req, &c);
    c.no_commits = true;
    p = params_open(&c, pipeline_request_key(l->req), errp);
    rc = p ? params_state_fetch(p, &l->state, errp) : -1;
    if (rc == 0 && !*l->state.commit)
        rc = look_gone(l, p, errp);
    if (rc < 0 && p && errp && errp->exit_code == PE_EXIT_DATA) {
        l->damage = *errp;
        errp->kind = PE_ERROR_NONE;
        rc = 0;
    }
    if (rc == 0)
        rc = params_ends_fetch(p, &l->ends, &l->n_ends, errp);
    if (rc == 0 && l->damage.kind == PE_ERROR_NONE)
        rc = place_parts(l, p, errp);
    if (rc == 0)
        know(l);
    params_close(p);
    return rc;
}

/* --- what its topics hold --- */

static int measure(layer *l, pe_error *errp)
{
    broker_conf c = {0};
    broker_admin *a;
    int n = 0, rc;

    pipeline_request_broker(l->req, &c, "pilot-verify");
    a = broker_admin_open(&c, errp);
    if (!a)
        return -1;
    rc = broker_topic_partitions(a, l->topic, &n, errp);
    for (size_t i = 0; rc == 0 && i < l->n_parts; i++) {
        layer_part *k = &l->part[i];

        if ((int)i < n)
            rc = broker_watermarks(a, l->topic, (int32_t)i, &k->low, &k->high,
                                   errp);
        if (rc == 0)
            rc = marks_open(&k->marks, k->first, k->next, errp);
    }
    broker_admin_close(a);
    return rc;
}

int layer_read(layer *l, const layer *front, pe_error *errp)
{
    bool gaps = l->pl->gaps_allowed;
    int rc;

    if (l->damage.kind != PE_ERROR_NONE)
        return 0;
    if (front && front->damage.kind == PE_ERROR_NONE) {
        l->front = (recount_front){
            front->last, front->n_last,        &front->count.devices,
            front->name, front->state.offsets, front->state.n_offsets};
        l->count.front = &l->front;
    }
    /* What is missing is found here, not by the client. */
    l->pl->gaps_allowed = true;
    rc = measure(l, errp);
    if (rc == 0 && l->results.on)
        rc = read_side(l, &l->results, RECOUNT_RESULT, errp);
    if (rc == 0)
        rc = read_side(l, &l->refused, RECOUNT_REFUSED, errp);
    if (rc == 0)
        rc = read_topic(l, errp);
    if (rc == 0)
        l->settled = recount_settle(&l->count, l->state.counters.refused);
    l->pl->gaps_allowed = gaps;
    return rc;
}

void layer_close(layer *l)
{
    for (size_t i = 0; l->part && i < l->n_parts; i++)
        marks_close(&l->part[i].marks);
    free(l->part);
    free(l->last);
    same_free(&l->results.same);
    recount_free(&l->count);
    params_ends_free(l->ends, l->n_ends);
    params_state_free(&l->state);
    pipeline_destroy(l->pl);
    pipeline_request_destroy(l->req);
}
