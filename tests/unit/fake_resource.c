/* fake_resource.c - places and hosts that say what a test wants them to. */
#include "fake_resource.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/backend/backend.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/common/process.h"

struct fake fake;

struct host {
    bool local;
};

void fake_clear(void)
{
    memset(&fake, 0, sizeof(fake));
}

resource_job *fake_job(const char *id, enum resource_seen seen)
{
    resource_job *job = &fake.jobs[fake.n_jobs++];

    memset(job, 0, sizeof(*job));
    snprintf(job->id, sizeof(job->id), "%s", id);
    job->seen = seen;
    job->exit_code = job->signal = -1;
    return job;
}

/* --- places --- */

static const resource_job *known(const resource_job *job)
{
    for (size_t i = 0; i < fake.n_jobs; i++) {
        const resource_job *k = &fake.jobs[i];
        if (*job->id ? !strcmp(k->id, job->id)
                     : k->dir && !strcmp(k->dir, job->dir))
            return k;
    }
    return NULL;
}

static int describe(resource *r, resource_job *jobs, size_t n, pe_error *errp)
{
    size_t len = strlen(fake.urls);

    fake.describes++;
    fake.asked = n;
    snprintf(fake.urls + len, sizeof(fake.urls) - len, "%s ", r->url);
    if (fake.silent && !strcmp(fake.silent, r->url))
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "%s does not answer", r->url);
    for (size_t i = 0; i < n; i++) {
        const resource_job *k = known(&jobs[i]);
        const char *dir = jobs[i].dir;
        jobs[i].seen = RESOURCE_ABSENT;
        if (k) {
            jobs[i] = *k;
            jobs[i].dir = dir;
        }
    }
    return 0;
}

static void place_close(resource *r)
{
    free(r->host);
    free(r->url);
    free(r);
}

static const resource_ops queue_ops = {.scheme = "queue",
                                       .name = "Queue",
                                       .is_direct = false,
                                       .describe = describe,
                                       .close = place_close};
static const resource_ops direct_ops = {.scheme = "direct",
                                        .name = "Direct",
                                        .is_direct = true,
                                        .describe = describe,
                                        .close = place_close};

const resource_ops *backend_ops(const char *url, pe_error *errp)
{
    if (!strncmp(url, "queue:", 6) || !strncmp(url, "far:", 4))
        return &queue_ops;
    if (!strncmp(url, "direct:", 7))
        return &direct_ops;
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "'%s' is no resource",
                 url);
    return NULL;
}

resource *backend_open(const char *url, pe_error *errp)
{
    const resource_ops *ops = backend_ops(url, errp);
    resource *r = ops ? calloc(1, sizeof(*r)) : NULL;

    if (!r)
        return NULL;
    fake.opens++;
    r->ops = ops;
    r->url = text_format("%s", url);
    r->host = calloc(1, sizeof(*r->host));
    r->host->local = strncmp(url, "far:", 4) != 0;
    return r;
}

void resource_close(resource *r)
{
    if (!r)
        return;
    fake.closes++;
    r->ops->close(r);
}

host *resource_host(resource *r, const char *id, pe_error *errp)
{
    (void)id;
    (void)errp;
    return r->host;
}

/* --- hosts --- */

bool host_is_local(const host *h)
{
    return h->local;
}

const char *host_name(const host *h)
{
    return h->local ? "this host" : "far";
}

void host_answer_free(host_answer *a)
{
    free(a->out);
    free(a->err);
    memset(a, 0, sizeof(*a));
}

int host_run(host *h, const char *const *argv, const char *folder,
             double timeout_s, host_answer *a, pe_error *errp)
{
    char path[] = "/tmp/fake-run-XXXXXX";
    int fd = mkstemp(path);
    const process_spec s = {.argv = argv, .out_path = path};
    process *p = fd >= 0 ? process_start(&s, errp) : NULL;

    (void)h;
    (void)folder;
    (void)timeout_s;
    memset(a, 0, sizeof(*a));
    fake.runs++;
    if (fd < 0 || !p)
        return -1;
    process_wait(p, -1);
    a->status = process_status(p);
    a->out = file_read(path, 1 << 26, &a->out_len, errp);
    a->err = text_format("%s", "");
    process_destroy(p);
    close(fd);
    unlink(path);
    return a->out ? 0 : -1;
}
