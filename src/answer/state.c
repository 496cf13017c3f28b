/* state.c - the model of a run, and how far it has come. */
#include "src/answer/final_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/agent/via.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/model/blas.h"
#include "src/revision/revision.h"

#define STATE_MAX_BYTES (64 << 20)

int final_load(final *f, pe_error *errp)
{
    f->req = pipeline_request_read(f->c->run, errp);
    if (!f->req)
        return -1;
    f->pl = pipeline_load(f->req->file, (const char *const *)f->req->overrides,
                          f->req->n_overrides, errp);
    if (!f->pl || pipeline_use_kernel(f->pl, errp) < 0)
        return -1;
    blas_set_threads(1);
    return via_open(f->req, errp);
}

int final_check_model(const final *f, pe_error *errp)
{
    const pipeline_stage *last = pipeline_last_stage(f->pl);
    const pe_model_ops *ops =
        last && last->is_model ? pe_model_find(last->function) : NULL;

    if (ops && !(ops->flags & PE_MODEL_NO_SCORES))
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "run %s has no model that scores rows (%s)",
                        f->req->run, last ? last->function : "no pool");
}

/* --- state: of the parameter service --- */

/* The model is that of the last revision of the stages, and so are the stages
 * before it.
 */
static int revise(final *f, pe_error *errp)
{
    revision *r;
    pipeline *pl;

    if (f->state.revision == 0)
        return 0;
    r = revision_load_number(f->params, f->state.revision, errp);
    pl = r ? revision_pipeline(f->params, f->req, r, errp) : NULL;
    revision_destroy(r);
    if (!pl)
        return -1;
    pipeline_destroy(f->pl);
    f->pl = pl;
    return 0;
}

static int fetch_state(final *f, pe_error *errp)
{
    params_conf c = {.no_commits = true};

    pipeline_request_params(f->req, &c);
    c.no_commits = true;
    f->params = params_open(&c, f->req->run, errp);
    if (!f->params || params_state_fetch(f->params, &f->state, errp) < 0)
        return -1;
    return revise(f, errp);
}

/* --- state: what a local run has left --- */

static int read_local(final *f, pe_error *errp)
{
    const pipeline_pilot *pool = pipeline_pilot_of(f->pl, PILOT_POOL);
    char *path = text_format("%s/%s/" ANSWER_MODEL, f->req->dir, pool->name);
    char *list = text_format("%s/%s/final.json", f->req->dir, pool->name);
    size_t len = 0, n;
    char *model = NULL, *data = NULL;
    json_t *o = NULL;
    int rc = -1;

    if (!path || !list) {
        pe_error_nomem(errp);
        goto done;
    }
    if (access(path, F_OK) < 0) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "run %s has left no model: it did not come to its end",
                     f->req->run);
        goto done;
    }
    model = file_read(path, FILE_LARGE_MAX, &len, errp);
    data = model ? file_read(list, STATE_MAX_BYTES, &n, errp) : NULL;
    if (!data || pe_buffer_append(&f->state.model, model, len, errp) < 0)
        goto done;
    o = json_loads(data, 0, NULL);
    n = json_array_size(json_object_get(o, "offsets"));
    f->state.offsets = calloc(n + 1, sizeof(*f->state.offsets));
    if (!f->state.offsets) {
        pe_error_nomem(errp);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        f->state.offsets[i].partition = (int32_t)i;
        f->state.offsets[i].next = json_integer_value(
            json_array_get(json_object_get(o, "offsets"), i));
    }
    f->state.n_offsets = n;
    f->state.counters.applied =
        (uint64_t)json_integer_value(json_object_get(o, "blocks"));
    f->state.counters.points =
        (uint64_t)json_integer_value(json_object_get(o, "points"));
    f->files = json_incref(json_object_get(o, "files"));
    rc = 0;
done:
    json_decref(o);
    free(data);
    free(model);
    free(list);
    free(path);
    return rc;
}

int final_fetch(final *f, pe_error *errp)
{
    return pipeline_is_local(f->pl) ? read_local(f, errp)
                                    : fetch_state(f, errp);
}

int final_decode(final *f, pe_error *errp)
{
    const char *what = f->req ? f->req->run : f->c->model;

    if (f->state.model.len > 0)
        f->m = pe_model_decode(f->state.model.data, f->state.model.len, errp);
    else if (f->req)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "run %s has no model: nothing was committed", what);
    else
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s is no model: it is empty", what);
    if (!f->m)
        return -1;
    if (f->m->ops->flags & PE_MODEL_NO_SCORES)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s is of kind %s, which gives no scores", what,
                            f->m->ops->name);
    if (!f->m->warming)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "the model of %s is still warming up after %" PRIu64
                        " rows: it needs more of them, or a smaller `warmup`",
                        what, f->m->points);
}

void final_close(final *f)
{
    broker_admin_close(f->admin);
    scaling_close(&f->scaling);
    params_close(f->params);
    params_state_free(&f->state);
    pe_model_destroy(f->m);
    free(f->lanes);
    pipeline_destroy(f->pl);
    pipeline_request_destroy(f->req);
    json_decref(f->info);
    json_decref(f->files);
    if (f->lock_fd >= 0)
        close(f->lock_fd);
}
