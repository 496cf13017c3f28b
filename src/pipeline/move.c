/* move.c - which stages may cross between devices and pool, and when. */
#include "move.h"

#include <string.h>

#include "src/function/host.h"

static int refuse(const pipeline_stage *s, const char *why, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "stage '%s' cannot move: %s", s->name, why);
}

/* Is [s] built in, as [name]? */
static bool is_built_in(const pipeline_stage *s, const char *name)
{
    return !strcmp(s->function, name);
}

/* What it does rests on what it was told, and on nothing it has seen. */
static int check_standardise(const pipeline_stage *s, const move_facts *f,
                             pe_error *errp)
{
    if (f->scaling || pe_options_has(s->options, "mean") ||
        pe_options_has(s->options, "scale"))
        return 0;
    return refuse(s,
                  "standardise has learned its scale from what each device or "
                  "rank has seen, and the other side would begin anew; give "
                  "it mean and scale, or files that end, whose scaling the "
                  "run keeps",
                  errp);
}

static int check_state(const pipeline_stage *s, bool to_pool,
                       const move_facts *f, pe_error *errp)
{
    if (function_keeps(s->loaded))
        return refuse(s,
                      "write has its files on the side where it is, each cut "
                      "and synced with what that side sends or commits; put "
                      "another 'write' on the other side",
                      errp);
    if (is_built_in(s, "drift"))
        return refuse(s,
                      "drift compares with what it has seen, which the other "
                      "side has not; drain the run, change the file, and go "
                      "on with 'pilot run --resume'",
                      errp);
    if (is_built_in(s, "standardise"))
        return check_standardise(s, f, errp);
    if (to_pool && !f->model && is_built_in(s, "filter") &&
        !strcmp(pe_options_string(s->options, "warming"), "drop"))
        return refuse(s,
                      "with 'warming: drop' it would let no block through to "
                      "make the first model; move it once there is one",
                      errp);
    return 0;
}

/* `score` does on devices what the model of the pool does of every block. */
static int check_side(const pipeline_stage *s, bool to_pool, pe_error *errp)
{
    const pe_function *ops = function_ops(s->loaded);

    if (to_pool && !ops->process_cloud && !is_built_in(s, "score"))
        return refuse(s,
                      "its function has no process_cloud, and so does not run "
                      "on a pool",
                      errp);
    if (!to_pool && !ops->process_edge)
        return refuse(s,
                      "its function has no process_edge, and so does not run "
                      "on devices",
                      errp);
    return 0;
}

/* Devices have the first stages of the row, and the pool what follows. */
static int check_place(const pipeline *pl, size_t i, bool to_pool,
                       size_t through, pe_error *errp)
{
    const pipeline_stage *s = &pl->stages[i], *between;

    if (to_pool ? i + 1 == through : i == through)
        return 0;
    between = &pl->stages[to_pool ? through - 1 : through];
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "stage '%s' cannot move: '%s', which %s, is on the "
                        "%s; move that one first",
                        s->name, between->name,
                        to_pool ? "takes its blocks" : "gives it its blocks",
                        to_pool ? "devices" : "pool");
}

int move_check(const pipeline *pl, size_t i, bool to_pool, const move_facts *f,
               pe_error *errp)
{
    const pipeline_stage *s = &pl->stages[i];

    if (pl->shape != PIPELINE_WHOLE)
        return refuse(s, "this run has no devices and a pool to move between",
                      errp);
    if (pl->n_streams > 1)
        return refuse(s,
                      "the run has several pools in a row, and stages stay "
                      "where their file says; drain it, change the file, and "
                      "go on with 'pilot run --resume'",
                      errp);
    if (pipeline_learner(pl))
        return refuse(s, "the model learns on devices, and no row leaves them",
                      errp);
    if (i == 0)
        return refuse(s, "a source stays where it senses", errp);
    if (s == pipeline_last_stage(pl))
        return refuse(s, "the last stage is what the pool is for", errp);
    if (to_pool ? i >= f->through : i < f->through)
        return 0;
    if (check_side(s, to_pool, errp) < 0 ||
        check_state(s, to_pool, f, errp) < 0 ||
        check_place(pl, i, to_pool, f->through, errp) < 0)
        return -1;
    return 1;
}
