/* fake_service.c - a parameter service and models of one number. */
#include "fake_service.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/params/params.h"
#include "unit.h"

static struct {
    pthread_mutex_t lock;
    char commit[PE_COMMIT_ID_LEN + 1];
    bool announced, away, bad;
    uint64_t version;
    int64_t time_ns;
    int fetched;
} service = {.lock = PTHREAD_MUTEX_INITIALIZER};

static atomic_int models_alive;

int pe_model_score(const pe_model *m, const pe_block *b, float *scores,
                   pe_error *errp)
{
    (void)errp;
    for (uint32_t i = 0; i < b->points; i++)
        scores[i] = (float)m->version;
    return 0;
}

static pe_model *new_model(uint64_t version)
{
    pe_model *m = calloc(1, sizeof(*m));

    m->version = version;
    atomic_fetch_add(&models_alive, 1);
    return m;
}

pe_model *pe_model_decode(const void *data, size_t len, pe_error *errp)
{
    uint64_t version;

    if (len != sizeof(version)) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "no model");
        return NULL;
    }
    memcpy(&version, data, len);
    return new_model(version);
}

pe_model *pe_model_copy(const pe_model *m, pe_error *errp)
{
    (void)errp;
    return new_model(m->version);
}

void pe_model_destroy(pe_model *m)
{
    if (m)
        atomic_fetch_sub(&models_alive, 1);
    free(m);
}

void pe_buffer_free(pe_buffer *b)
{
    free(b->data);
    *b = (pe_buffer){0};
}

struct params {
    int unused;
};

struct params_follower {
    int unused;
};

static int service_away(pe_error *errp)
{
    pthread_mutex_lock(&service.lock);
    bool away = service.away;
    pthread_mutex_unlock(&service.lock);
    return away
               ? pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE, "away")
               : 0;
}

params *params_open(const params_conf *c, const char *run, pe_error *errp)
{
    (void)c;
    UNIT_EQUAL(run, "r1");
    return service_away(errp) < 0 ? NULL : calloc(1, sizeof(params));
}

void params_close(params *p)
{
    free(p);
}

params_follower *params_follower_open(const params_conf *c, const char *run,
                                      pe_error *errp)
{
    (void)c;
    (void)run;
    return service_away(errp) < 0 ? NULL : calloc(1, sizeof(params_follower));
}

void params_follower_close(params_follower *f)
{
    free(f);
}

int params_follower_wait(params_follower *f, int timeout_ms,
                         char commit[PE_COMMIT_ID_LEN + 1], pe_error *errp)
{
    int rc = 0;

    (void)f;
    (void)timeout_ms;
    if (service_away(errp) < 0)
        return -1;
    clock_sleep_ns(1000000, 0);
    pthread_mutex_lock(&service.lock);
    if (service.announced) {
        memcpy(commit, service.commit, sizeof(service.commit));
        service.announced = false;
        rc = 1;
    }
    pthread_mutex_unlock(&service.lock);
    return rc;
}

int params_ids_fetch(params *p, char commit[PE_COMMIT_ID_LEN + 1],
                     uint64_t *versionp, uint64_t *fencep, pe_error *errp)
{
    (void)p;
    if (service_away(errp) < 0)
        return -1;
    pthread_mutex_lock(&service.lock);
    memcpy(commit, service.commit, sizeof(service.commit));
    *versionp = service.version;
    pthread_mutex_unlock(&service.lock);
    *fencep = 0;
    return 0;
}

int params_model_fetch(params *p, pe_buffer *out,
                       char commit[PE_COMMIT_ID_LEN + 1], uint64_t *versionp,
                       int64_t *time_nsp, pe_error *errp)
{
    (void)p;
    if (service_away(errp) < 0)
        return -1;
    pthread_mutex_lock(&service.lock);
    memcpy(commit, service.commit, sizeof(service.commit));
    *versionp = service.version;
    *time_nsp = service.time_ns;
    out->len = service.bad ? 3 : sizeof(service.version);
    out->data = calloc(1, out->len);
    if (!service.bad)
        memcpy(out->data, &service.version, out->len);
    service.fetched++;
    pthread_mutex_unlock(&service.lock);
    return 0;
}

void service_commit(uint64_t version, bool announce, bool bad)
{
    pthread_mutex_lock(&service.lock);
    snprintf(service.commit, sizeof(service.commit), "%032d", (int)version);
    service.version = version;
    service.time_ns = clock_real_ns();
    service.announced = announce;
    service.bad = bad;
    pthread_mutex_unlock(&service.lock);
}

void service_set_away(bool away)
{
    pthread_mutex_lock(&service.lock);
    service.away = away;
    pthread_mutex_unlock(&service.lock);
}

int service_take_fetched(void)
{
    pthread_mutex_lock(&service.lock);
    int n = service.fetched;
    service.fetched = 0;
    pthread_mutex_unlock(&service.lock);
    return n;
}

int service_models_alive(void)
{
    return atomic_load(&models_alive);
}
