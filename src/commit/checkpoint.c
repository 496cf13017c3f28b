/* checkpoint.c - files of the model, written now and then beside a run. */
#include "checkpoint.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/failpoint.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"

#define AGAIN_NS (10 * CLOCK_S) /* after one that failed */

/* Names sort as versions do. */
#define NAME "model-%020llu.safetensors"

struct checkpoint {
    char *folder;
    int64_t every_ns, due_ns; /* the latter the offerer's, but under lock */
    int keep;

    pthread_mutex_t lock; /* all down to the blank line */
    pthread_cond_t wake;
    void *model; /* to be written; NULL: none is */
    size_t len;
    uint64_t version;
    bool stop, failing, fresh;
    char words[CHECKPOINT_WORDS];
    uint64_t written, failed;

    pthread_t thread;
    bool runs;
};

/* --- the thread --- */

static int is_ours(const struct dirent *e)
{
    unsigned long long version;
    int n = 0;

    return sscanf(e->d_name, "model-%20llu.safetensors%n", &version, &n) == 1 &&
           n > 0 && e->d_name[n] == '\0';
}

/* Those beyond [keep], the oldest first. */
static void prune(const checkpoint *c)
{
    struct dirent **list = NULL;
    int n = scandir(c->folder, &list, is_ours, alphasort);

    for (int i = 0; i < n; i++) {
        char *path = i < n - c->keep
                         ? text_format("%s/%s", c->folder, list[i]->d_name)
                         : NULL;

        if (path && unlink(path) < 0)
            log_warn("%s is not removed", path);
        free(path);
        free(list[i]);
    }
    free(list);
}

static int save(const checkpoint *c, const void *model, size_t len,
                uint64_t version, pe_error *errp)
{
    char *path =
        text_format("%s/" NAME, c->folder, (unsigned long long)version);
    int rc = path ? file_mkdir(c->folder, errp) : pe_error_nomem(errp);

    if (rc == 0 && FAILPOINT_FAILS(FAILPOINT_CHECKPOINT, errp))
        rc = -1;
    if (rc == 0)
        rc = file_write(path, model, len, 0600, errp);
    if (rc == 0)
        log_info("checkpoint %s", path);
    free(path);
    return rc;
}

/* Under the lock: what came of it. */
static void settle(checkpoint *c, int rc, const pe_error *e)
{
    c->written += rc == 0;
    c->failed += rc < 0;
    if (rc < 0) {
        c->due_ns = clock_mono_ns() + AGAIN_NS;
        log_warn("no checkpoint: %s", e->text);
    }
    if (rc < 0 && !c->failing)
        snprintf(c->words, sizeof(c->words),
                 "a checkpoint is not written, and the run goes on: %.400s",
                 e->text);
    if (rc == 0 && c->failing)
        snprintf(c->words, sizeof(c->words),
                 "checkpoints are written again; %llu were not",
                 (unsigned long long)c->failed);
    c->fresh = c->fresh || c->failing != (rc < 0);
    c->failing = rc < 0;
}

static void *work(void *arg)
{
    checkpoint *c = arg;

    pthread_mutex_lock(&c->lock);
    for (;;) {
        pe_error e = {0};
        void *model;
        int rc;

        while (!c->model && !c->stop)
            pthread_cond_wait(&c->wake, &c->lock);
        if (!c->model)
            break;
        model = c->model;
        pthread_mutex_unlock(&c->lock);
        rc = save(c, model, c->len, c->version, &e);
        if (rc == 0)
            prune(c);
        pthread_mutex_lock(&c->lock);
        settle(c, rc, &e);
        free(c->model);
        c->model = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* --- who offers, and asks --- */

void checkpoint_offer(checkpoint *c, const void *model, size_t len,
                      uint64_t version)
{
    int64_t now = clock_mono_ns();
    void *copy = NULL;

    pthread_mutex_lock(&c->lock);
    if (len > 0 && !c->model && now >= c->due_ns)
        copy = malloc(len);
    if (copy) {
        memcpy(copy, model, len);
        c->model = copy;
        c->len = len;
        c->version = version;
        c->due_ns = now + c->every_ns;
        pthread_cond_signal(&c->wake);
    }
    pthread_mutex_unlock(&c->lock);
}

bool checkpoint_news(checkpoint *c, char out[CHECKPOINT_WORDS])
{
    bool fresh;

    pthread_mutex_lock(&c->lock);
    fresh = c->fresh;
    c->fresh = false;
    if (fresh)
        memcpy(out, c->words, CHECKPOINT_WORDS);
    pthread_mutex_unlock(&c->lock);
    return fresh;
}

void checkpoint_count(checkpoint *c, uint64_t *writtenp, uint64_t *failedp)
{
    pthread_mutex_lock(&c->lock);
    *writtenp = c->written;
    *failedp = c->failed;
    pthread_mutex_unlock(&c->lock);
}

checkpoint *checkpoint_open(const checkpoint_conf *conf, pe_error *errp)
{
    checkpoint *c = calloc(1, sizeof(*c));

    if (c)
        c->folder = strdup(conf->folder);
    if (!c || !c->folder) {
        pe_error_nomem(errp);
        free(c);
        return NULL;
    }
    c->every_ns = (int64_t)(conf->every_s * 1e9);
    c->due_ns = clock_mono_ns() + c->every_ns;
    c->keep = conf->keep;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, NULL);
    c->runs = pthread_create(&c->thread, NULL, work, c) == 0;
    if (c->runs)
        return c;
    pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                 "a thread cannot be started");
    checkpoint_close(c);
    return NULL;
}

void checkpoint_close(checkpoint *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    if (c->runs)
        pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c->model);
    free(c->folder);
    free(c);
}
