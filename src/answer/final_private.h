/* final_private.h - what is known of a run whose rows are scored. */
#ifndef ANSWER_FINAL_PRIVATE_H
#define ANSWER_FINAL_PRIVATE_H

#include <stdatomic.h>

#include "final.h"
#include "pass.h"

typedef struct final {
    const final_conf *c;
    pipeline_request *req;
    pipeline *pl;
    char topic[256];
    params *params;
    broker_admin *admin;
    params_state state;
    pe_model *m; /* for the functions of its lanes, one thread at a time */
    scaling scaling;
    lane_conf *lanes;
    size_t n;
    json_t *info;
    json_t *files; /* those of a local run as they were, or NULL */
    int lock_fd;
    atomic_int drain; /* stays 0 */
} final;

/* The run in c->run: its request and its file. */
int final_load(final *f, pe_error *errp);
/* 78: its last stage is no model, or one that gives no scores. */
int final_check_model(const final *f, pe_error *errp);
/* Model, counters and offsets, of the parameter service or as a local run has
 * left them.
 */
int final_fetch(final *f, pe_error *errp);
/* The model out of f->state, which has learned enough to score. */
int final_decode(final *f, pe_error *errp);
void final_close(final *f);

#endif
