/* onward.c - where the partitions of the next stream end, for its layer. */
#include "forward.h"

#include <stdio.h>

#define TIMEOUT_S 5.0

static int put_ends(const pipeline *next, const pipeline_request *at,
                    broker_admin *a, params *p, bool dead, pe_error *errp)
{
    char topic[256], name[32];
    int64_t low;
    int rc = 0;

    pipeline_topic(next, at->run, "", topic, sizeof(topic));
    for (int k = 0; rc == 0 && k < next->partitions; k++) {
        params_end end = {.device = name, .partition = k, .dead = dead};

        snprintf(name, sizeof(name), "@%d", k);
        rc = broker_watermarks(a, topic, k, &low, &end.next, errp);
        if (rc == 0)
            rc = params_end_put(p, &end, errp);
    }
    return rc;
}

int forward_ends(const pipeline *pl, const pipeline_request *req, bool dead,
                 pe_error *errp)
{
    pipeline next;
    pipeline_request at;
    broker_conf b = {0};
    params_conf c = {0};
    broker_admin *a = NULL;
    params *p = NULL;
    char key[512];
    int rc = -1;

    pipeline_peek(pl, req, pl->seen + 1, &next, &at);
    pipeline_layer_key(pl, req->run, pl->seen + 1, key, sizeof(key));
    pipeline_request_broker(&at, &b, "pilot-agent-forward");
    pipeline_request_params(&at, &c);
    b.timeout_s = TIMEOUT_S;
    c.no_commits = true;
    a = broker_admin_open(&b, errp);
    if (a)
        p = params_open(&c, key, errp);
    if (p)
        rc = put_ends(&next, &at, a, p, dead, errp);
    params_close(p);
    broker_admin_close(a);
    return rc;
}
