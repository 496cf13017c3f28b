/* scaling.c - one scaling for all rows of a run. */
#include "scaling.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/text.h"
#include "src/source/ahead.h"

#define KEPT_MAX (32 << 20) /* bytes: a million columns */
#define KEPT "standardise"  /* .STAGE, in the folder of a run */

int scaling_open(scaling *s, const pipeline *pl, pe_error *errp)
{
    s->n = pl->n_stages;
    s->overalls = calloc(s->n + 1, sizeof(*s->overalls));
    s->given = calloc(s->n + 1, sizeof(*s->given));
    return s->overalls && s->given ? 0 : pe_error_nomem(errp);
}

void scaling_close(scaling *s)
{
    for (size_t i = 0; s->overalls && i < s->n; i++)
        overall_free(&s->overalls[i]);
    free(s->overalls);
    free(s->given);
    *s = (scaling){0};
}

const context_scaling *scaling_of(const scaling *s, const pipeline *pl,
                                  const pipeline_stage *of)
{
    return &s->given[of - pl->stages];
}

void scaling_set(scaling *s, size_t i)
{
    s->given[i] = overall_scaling(&s->overalls[i]);
}

/* --- what devices have kept --- */

static int fetch_one(scaling *s, size_t i, const pipeline_stage *stage,
                     params *p, pe_error *errp)
{
    char *key = text_format("standardise/%s", stage->name);
    char *value = malloc(KEPT_MAX);
    size_t len = 0;
    int rc = key && value
                 ? params_shared_get(p, key, value, KEPT_MAX, &len, errp)
                 : pe_error_nomem(errp);

    if (rc == 0 && len > 0)
        rc = overall_decode(&s->overalls[i], value, len, errp);
    free(key);
    free(value);
    return rc;
}

static int find_one(scaling *s, size_t i, const pipeline *pl,
                    const pipeline_request *req, pe_error *errp)
{
    const char *why;

    return ahead_find(&(ahead_conf){pl, req, NULL}, &pl->stages[i],
                      &s->overalls[i], &why, errp) < 0
               ? -1
               : 0;
}

int scaling_fetch(scaling *s, const pipeline *pl, const pipeline_request *req,
                  params *p, pe_error *errp)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < s->n; i++) {
        const pipeline_stage *stage = &pl->stages[i];

        if (!ahead_asked(stage))
            continue;
        if (!p)
            rc = find_one(s, i, pl, req, errp);
        else if (stage->role == STAGE_EDGE)
            rc = fetch_one(s, i, stage, p, errp);
        scaling_set(s, i);
    }
    return rc;
}

/* --- in the folder of the run --- */

static char *path_of(const pipeline_request *req, const pipeline_stage *stage,
                     pe_error *errp)
{
    char *path = text_format("%s/" KEPT ".%s", req->dir, stage->name);

    if (!path)
        pe_error_nomem(errp);
    return path;
}

int scaling_write(const scaling *s, const pipeline *pl,
                  const pipeline_request *req, pe_error *errp)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < s->n; i++) {
        size_t len;
        char *path;
        void *data;

        if (s->given[i].n == 0)
            continue;
        path = path_of(req, &pl->stages[i], errp);
        data = path ? overall_encode(&s->overalls[i], &len, errp) : NULL;
        rc = data ? file_write(path, data, len, 0600, errp) : -1;
        free(data);
        free(path);
    }
    return rc;
}

static int read_one(scaling *s, size_t i, const char *path, pe_error *errp)
{
    size_t len = 0;
    char *data = file_read(path, KEPT_MAX, &len, errp);
    int rc = data ? overall_decode(&s->overalls[i], data, len, errp) : -1;

    free(data);
    if (rc == 0)
        scaling_set(s, i);
    return rc;
}

int scaling_read(scaling *s, const pipeline *pl, const pipeline_request *req,
                 pe_error *errp)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < s->n; i++) {
        char *path;

        if (!ahead_asked(&pl->stages[i]))
            continue;
        path = path_of(req, &pl->stages[i], errp);
        if (!path)
            return -1;
        if (access(path, R_OK) == 0)
            rc = read_one(s, i, path, errp);
        free(path);
    }
    return rc;
}
