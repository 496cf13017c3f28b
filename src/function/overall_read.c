/* overall_read.c - all rows of a source that ends, as a stage will get them. */
#include "overall.h"

#include <stdlib.h>
#include <string.h>

#include "src/function/builtin.h"

/* One that is open. */
typedef struct reading {
    const overall_step *step;
    pe_context *ctx;
    pe_block out;
} reading;

bool overall_asked(const pe_function *ops, const pe_options *o)
{
    return ops == &standardise_function && standardise_wants_all(o);
}

const char *overall_lacks(const overall_step *step, size_t n)
{
    const builtin *source = builtin_of(step[0].ops);

    if (!source || !source->rereadable || !source->ends ||
        !source->ends(step[0].setup.options))
        return "the source has no end, or cannot be read again";
    for (size_t i = 1; i < n; i++) {
        const builtin *row = builtin_of(step[i].ops);

        if (!row)
            return "a function that is not built in stands before it";
        if (row->outside)
            return "a program stands before it, which is not asked ahead";
        if (row->ops == &filter_function)
            return "'filter' stands before it, which keeps rows by the model";
    }
    return NULL;
}

/* Those that hand on what they get, and may do more than that. */
static bool is_idle(const overall_step *s)
{
    const builtin *row = builtin_of(s->ops);

    return row && row->scores;
}

static int failed(const pe_context *ctx, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "stage '%s': %s",
                        pe_context_stage(ctx), context_error(ctx));
}

static int open_step(reading *r, const atomic_int *cancelled, pe_error *errp)
{
    context_setup set = r->step->setup;
    pe_context *ctx;

    set.device = "";
    set.index = 0;
    set.size = 1;
    set.position = 0;
    set.again = false;
    set.writer = NULL;
    set.host = NULL;
    set.cancelled = cancelled;
    set.quiet = true;
    ctx = context_create(&set, errp);
    if (!ctx)
        return -1;
    if (r->step->ops->open && r->step->ops->open(ctx) < 0) {
        failed(ctx, errp);
        context_destroy(ctx);
        return -1;
    }
    r->ctx = ctx;
    return 0;
}

static void close_step(reading *r)
{
    if (r->ctx && r->step->ops->close)
        r->step->ops->close(r->ctx);
    context_destroy(r->ctx);
    pe_block_release(&r->out);
}

static int process(reading *r, const pe_block *in)
{
    pe_context_pass(r->ctx, in, &r->out);
    return r->step->cloud ? r->step->ops->process_cloud(r->ctx, in, &r->out)
                          : r->step->ops->process_edge(r->ctx, in, &r->out);
}

/* The block of the source through the steps behind it, into the sums. */
static int take_block(reading *r, size_t n, overall *w, pe_error *errp)
{
    const pe_block *b = &r[0].out;
    int rc = PE_FORWARD;

    for (size_t i = 1; rc > 0 && i < n; i++) {
        if (is_idle(r[i].step))
            continue;
        rc = process(&r[i], b);
        if (rc < 0 && r[i].step->cloud)
            return 0; /* that block is refused */
        if (rc < 0)
            return failed(r[i].ctx, errp);
        b = &r[i].out;
    }
    return rc > 0 ? overall_add(w, b, errp) : 0;
}

static bool is_cancelled(const atomic_int *cancelled)
{
    return cancelled &&
           atomic_load_explicit(cancelled, memory_order_relaxed) != 0;
}

static int read_all(reading *r, size_t n, const atomic_int *cancelled,
                    overall *w, pe_error *errp)
{
    int rc = PE_FORWARD;

    while (rc != PE_NOTHING) {
        if (is_cancelled(cancelled)) {
            *errp = (pe_error){0};
            return -1;
        }
        r[0].out.source = NULL;
        rc = r[0].step->ops->produce_edge(r[0].ctx, &r[0].out);
        if (rc < 0)
            return failed(r[0].ctx, errp);
        if (rc == PE_FORWARD && take_block(r, n, w, errp) < 0)
            return -1;
    }
    return 0;
}

static int look(const overall_step *step, size_t n, const atomic_int *cancelled,
                overall *w, pe_error *errp)
{
    reading *r = calloc(n, sizeof(*r));
    int rc = r ? 0 : pe_error_nomem(errp);

    for (size_t i = 0; r && i < n; i++)
        r[i].step = &step[i];
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (!is_idle(&step[i]))
            rc = open_step(&r[i], cancelled, errp);
    if (rc == 0)
        rc = read_all(r, n, cancelled, w, errp);
    for (size_t i = 0; r && i < n; i++)
        close_step(&r[i]);
    free(r);
    return rc;
}

int overall_read(const overall_step *step, size_t n,
                 const atomic_int *cancelled, overall *w, pe_error *errp)
{
    int rc = look(step, n, cancelled, w, errp);

    if (rc == 0)
        rc = overall_end(w, errp);
    if (rc > 0)
        rc = look(step, n, cancelled, w, errp);
    else
        return rc;
    return rc == 0 ? overall_end(w, errp) : -1;
}
