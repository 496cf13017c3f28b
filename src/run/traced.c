/* traced.c - the trace of a run, at its end: fetched, and folded into a file.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/process.h"
#include "src/registry/trace_out.h"
#include "src/run/run.h"
#include "src/run/signals.h"

#define TURN_MS 100

static void fetch(struct run *r)
{
    for (size_t i = 0; i < r->n_agents && !run_interrupted(r); i++) {
        const agent *a = &r->agents[i];
        pe_error e = {0};

        if (a->attached || !*a->record.id ||
            (a->pilot->kind != PILOT_POOL && a->pilot->kind != PILOT_EDGE))
            continue;
        signals_step("the trace of %s is fetched", a->record.id);
        if (trace_out(r->home, &a->record, &e) < 0)
            log_warn("the trace of %s stays where it is: %s", a->record.id,
                     e.text);
        signals_step_end();
    }
}

/* Until it has ended, or somebody has no time for it. */
static int wait_for(struct run *r, process *p)
{
    int status = -1;

    while (!process_wait(p, TURN_MS) && !run_interrupted(r))
        ;
    if (process_ended(p))
        status = process_status(p);
    process_destroy(p);
    return status;
}

static void fold(struct run *r, const char *program, const char *path)
{
    const char *argv[] = {program, "--fold", r->req->dir, path, NULL};
    struct stat st;
    pe_error e = {0};
    process *p =
        process_start(&(process_spec){.argv = argv, .new_group = true}, &e);
    int status = p ? wait_for(r, p) : -1;

    if (status == 0 && stat(path, &st) == 0)
        log_info("trace in %s (%.1f MB); 'pilot trace %s' shows it", path,
                 (double)st.st_size / 1e6, r->req->run);
    else
        log_warn("the trace stays in its logs, which 'pilot trace %s' reads, "
                 "too%s%s",
                 r->req->run, *e.text ? ": " : "", e.text);
}

void run_traced_end(struct run *r)
{
    char *program, *path;
    pe_error e = {0};

    if (!r->p->trace || r->stop_signal)
        return;
    fetch(r);
    program = locate_program("pilot-hdf5", PILOT_LIBEXECDIR, &e);
    path = run_path(r, "trace.h5", &e);
    if (program && path)
        fold(r, program, path);
    else
        log_info("the trace stays in its logs, which 'pilot trace %s' reads: "
                 "there is no HDF5 here",
                 r->req->run);
    free(program);
    free(path);
}
