/* device_scale.c - what `standardise` on devices has to do, found once. */
#include "src/edge/device_scale.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/edge/device_private.h"

#define KEY_MAX 256
#define KEPT_MAX (32 << 20) /* bytes: a million columns */
#define RETRY_NS (100 * CLOCK_MS)

struct device_scale {
    pthread_mutex_t lock;
    size_t n;
    bool *told; /* what follows is known, as far as it can be */
    overall *overalls;
    context_scaling *given;
};

device_scale *device_scale_create(size_t n, pe_error *errp)
{
    device_scale *s = calloc(1, sizeof(*s));

    if (s) {
        pthread_mutex_init(&s->lock, NULL);
        s->n = n;
        s->told = calloc(n, sizeof(*s->told));
        s->overalls = calloc(n, sizeof(*s->overalls));
        s->given = calloc(n, sizeof(*s->given));
    }
    if (s && s->told && s->overalls && s->given)
        return s;
    device_scale_destroy(s);
    pe_error_nomem(errp);
    return NULL;
}

void device_scale_destroy(device_scale *s)
{
    if (!s)
        return;
    for (size_t i = 0; s->overalls && i < s->n; i++)
        overall_free(&s->overalls[i]);
    pthread_mutex_destroy(&s->lock);
    free(s->told);
    free(s->overalls);
    free(s->given);
    free(s);
}

static bool cancelled(const device *d)
{
    return atomic_load_explicit(&d->cancelled, memory_order_relaxed) != 0;
}

static void tell(const device *d, size_t i, const char *words)
{
    char line[1100];

    snprintf(line, sizeof(line), "stage '%.100s' %s",
             d->conf.stages[i].setup.stage, words);
    if (d->host.tell)
        d->host.tell(d->host.arg, line);
}

static void key_of(const device *d, size_t i, char key[KEY_MAX])
{
    snprintf(key, KEY_MAX, "standardise/%s", d->conf.stages[i].setup.stage);
}

/* What the run has kept: 1 it is there; 0: it has nothing; -1: it is no such
 * thing.  A service that is away is waited for.
 */
static int recall(device *d, size_t i, overall *w)
{
    char key[KEY_MAX], *value;
    pe_error e = {0};
    int n = -1, rc = 0;

    if (!d->host.get)
        return 0;
    value = malloc(KEPT_MAX);
    if (!value)
        return pe_error_nomem(&d->error);
    key_of(d, i, key);
    while ((n = d->host.get(d->host.arg, key, value, KEPT_MAX, &e)) < 0 &&
           !cancelled(d))
        clock_sleep_ns(RETRY_NS, 0);
    if (n > 0)
        rc = overall_decode(w, value, (size_t)n, &d->error) < 0 ? -1 : 1;
    free(value);
    return rc;
}

/* So that all devices, and those of a restart, do the same.  1: it is kept; 0:
 * another has been first, or there is nowhere to keep it; -1: no memory.
 */
static int keep(device *d, size_t i, const overall *w)
{
    char key[KEY_MAX];
    pe_error e = {0};
    size_t len;
    void *value;
    int rc = -1;

    if (!d->host.once)
        return 0;
    value = overall_encode(w, &len, &d->error);
    if (!value)
        return -1;
    key_of(d, i, key);
    while (len <= KEPT_MAX && !cancelled(d) &&
           (rc = d->host.once(d->host.arg, key, value, (uint32_t)len, &e)) < 0)
        clock_sleep_ns(RETRY_NS, 0);
    free(value);
    return rc > 0;
}

static const char *path_of(const device *d)
{
    const pe_options *o = d->conf.stages[0].setup.options;

    return o && pe_options_has(o, "path") ? pe_options_string(o, "path")
                                          : "the source";
}

static int read_all(device *d, size_t i, const char **whyp)
{
    const device_stage *stages = d->conf.stages;
    overall_step *step = calloc(i, sizeof(*step));
    device_scale *s = d->conf.scale;
    int rc = 0;

    if (!step)
        return pe_error_nomem(&d->error);
    for (size_t k = 0; k < i; k++) {
        step[k] =
            (overall_step){.ops = stages[k].ops, .setup = stages[k].setup};
        step[k].setup.given = &s->given[k];
    }
    *whyp = overall_lacks(step, i);
    if (!*whyp)
        rc = overall_read(step, i, &d->cancelled, &s->overalls[i], &d->error);
    free(step);
    return rc;
}

/* Another pilot of the run was first: all scale as it does.  What differs by
 * more than the order of a sum is of other rows.
 */
static void take_theirs(device *d, size_t i, overall *theirs)
{
    overall *w = &d->conf.scale->overalls[i];
    context_scaling a = overall_scaling(w), b = overall_scaling(theirs);
    bool other = a.n != b.n || w->rows != theirs->rows;
    char words[900];

    for (uint32_t k = 0; !other && k < a.n; k++)
        other = fabs(a.factor[k] - b.factor[k]) > 1e-6 * fabs(b.factor[k]) ||
                fabs((a.mean[k] - b.mean[k]) * b.factor[k]) > 1e-6;
    if (other) {
        snprintf(words, sizeof(words),
                 "scales by the %" PRIu64 " row%s that another pilot has read, "
                 "and %.300s here holds %" PRIu64 " other%s: give pilots the "
                 "same files, or each a run of its own",
                 theirs->rows, text_s(theirs->rows), path_of(d), w->rows,
                 text_s(w->rows));
        tell(d, i, words);
    }
    overall_free(w);
    *w = *theirs;
}

/* What was read, for all that come; of two pilots who have read one wins. */
static int settle(device *d, size_t i)
{
    overall *w = &d->conf.scale->overalls[i], theirs = {0};
    char words[900];
    int rc = keep(d, i, w);

    if (rc == 0)
        rc = recall(d, i, &theirs) > 0 ? 2 : d->error.kind ? -1 : 1;
    if (rc == 1) {
        overall_words(w, path_of(d), words, sizeof(words));
        tell(d, i, words);
    }
    if (rc == 2)
        take_theirs(d, i, &theirs);
    return rc < 0 ? -1 : 0;
}

static int find(device *d, size_t i)
{
    device_scale *s = d->conf.scale;
    overall *w = &s->overalls[i];
    const char *why = NULL;
    char words[900];
    int rc = recall(d, i, w);

    if (rc == 0) {
        rc = read_all(d, i, &why);
        if (rc == 0 && (why || w->rows == 0)) {
            snprintf(words, sizeof(words), OVERALL_LEARNS,
                     why ? why : "the source has none yet");
            tell(d, i, words);
        } else if (rc == 0) {
            rc = settle(d, i);
        }
    }
    s->told[i] = rc >= 0;
    return rc < 0 ? -1 : 0;
}

int device_scale_find(device *d, size_t i, const context_scaling **givenp)
{
    device_scale *s = d->conf.scale;
    int rc = 0;

    *givenp = NULL;
    if (!s ||
        !overall_asked(d->conf.stages[i].ops, d->conf.stages[i].setup.options))
        return 0;
    pthread_mutex_lock(&s->lock);
    if (!s->told[i] && !cancelled(d)) {
        d->error = (pe_error){0};
        rc = find(d, i);
        if (rc == 0)
            s->given[i] = overall_scaling(&s->overalls[i]);
        if (rc < 0)
            overall_free(&s->overalls[i]);
    }
    *givenp = &s->given[i];
    pthread_mutex_unlock(&s->lock);
    if (rc < 0 && d->error.kind == PE_ERROR_NONE)
        return 0; /* cancelled: no block will come */
    return rc < 0 ? pe_error_prefix(&d->error, "device %s", d->conf.name) : 0;
}
