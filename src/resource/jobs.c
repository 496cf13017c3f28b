/* jobs.c - the jobs of a query, found by id or path; foreign text and times.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/resource/scheduler.h"

/* Between a submit by our clock and by that of the scheduler. */
#define SAME_NS (600 * CLOCK_S)

struct key {
    char *text;
    resource_job *job;
};

struct keys {
    struct key *at;
    size_t n;
};

struct job_index {
    struct keys id, path;
};

static int key_compare(const void *a, const void *b)
{
    return strcmp(((const struct key *)a)->text, ((const struct key *)b)->text);
}

static int key_add(struct keys *k, char *word, resource_job *job)
{
    if (!word)
        return -1;
    k->at[k->n++] = (struct key){word, job};
    return 0;
}

static void keys_free(struct keys *k)
{
    for (size_t i = 0; i < k->n; i++)
        free(k->at[i].text);
    free(k->at);
}

void job_index_destroy(job_index *x)
{
    if (!x)
        return;
    keys_free(&x->id);
    keys_free(&x->path);
    free(x);
}

job_index *job_index_create(resource_job *jobs, size_t n,
                            char *(*path_of)(const char *dir), pe_error *errp)
{
    job_index *x = calloc(1, sizeof(*x));

    if (!x)
        goto nomem;
    x->id.at = calloc(n + 1, sizeof(*x->id.at));
    x->path.at = calloc(n + 1, sizeof(*x->path.at));
    if (!x->id.at || !x->path.at)
        goto nomem;
    for (size_t i = 0; i < n; i++) {
        if (jobs[i].seen != RESOURCE_ABSENT)
            continue;
        if (*jobs[i].id &&
            key_add(&x->id, text_format("%s", jobs[i].id), &jobs[i]) < 0)
            goto nomem;
        if (!*jobs[i].id && jobs[i].dir &&
            key_add(&x->path, path_of(jobs[i].dir), &jobs[i]) < 0)
            goto nomem;
    }
    qsort(x->id.at, x->id.n, sizeof(*x->id.at), key_compare);
    qsort(x->path.at, x->path.n, sizeof(*x->path.at), key_compare);
    return x;
nomem:
    job_index_destroy(x);
    pe_error_nomem(errp);
    return NULL;
}

/* Is [k] before, at or behind [word] of [len] bytes? */
static int key_order(const struct key *k, const char *word, size_t len)
{
    size_t own = strlen(k->text);
    int r = memcmp(k->text, word, own < len ? own : len);

    return r ? r : (own > len) - (own < len);
}

static size_t keys_call(const struct keys *k, const char *word, size_t len,
                        job_f f, void *arg)
{
    size_t low = 0, high = k->n, n = 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (key_order(&k->at[middle], word, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < k->n && key_order(&k->at[low], word, len) == 0; low++, n++)
        f(k->at[low].job, arg);
    return n;
}

size_t job_index_by_id(const job_index *x, const char *id, size_t len, job_f f,
                       void *arg)
{
    return keys_call(&x->id, id, len, f, arg);
}

size_t job_index_by_path(const job_index *x, const char *path, size_t len,
                         job_f f, void *arg)
{
    return keys_call(&x->path, path, len, f, arg);
}

bool scheduler_is_other(const resource_job *job, bool same, int64_t submit_ns)
{
    int64_t apart = submit_ns - job->since_ns;

    if (same || !job->dir || job->since_ns == 0 || submit_ns == 0)
        return false;
    return apart > SAME_NS || apart < -SAME_NS;
}

void scheduler_job_clear(resource_job *job)
{
    resource_job empty = {.dir = job->dir,
                          .since_ns = job->since_ns,
                          .seen = RESOURCE_ABSENT,
                          .exit_code = -1,
                          .signal = -1};

    memcpy(empty.id, job->id, sizeof(empty.id));
    *job = empty;
}

void scheduler_copy(char *out, size_t cap, const char *s, size_t len)
{
    size_t at = 0;

    for (size_t n; len > 0; s += n, len -= n) {
        unsigned char c = (unsigned char)*s;
        n = text_utf8(s, len);
        if (at + (n ? n : 1) + 1 > cap)
            break;
        if (n > 1)
            memcpy(out + at, s, n);
        else
            out[at] = n == 0 ? '?' : c < ' ' || c == 0x7f ? ' ' : (char)c;
        at += n ? n : 1;
        n = n ? n : 1;
    }
    if (cap > 0)
        out[at] = '\0';
}

static int64_t time_parse(const char *s, size_t len, const char *format)
{
    struct tm tm = {0};
    char copy[32];

    if (len == 0 || len >= sizeof(copy))
        return 0;
    memcpy(copy, s, len);
    copy[len] = '\0';
    const char *end = strptime(copy, format, &tm);
    if (!end || *end)
        return 0;
    int64_t t = timegm(&tm);
    return t > 0 && t < INT64_MAX / CLOCK_S ? t * CLOCK_S : 0;
}

int64_t scheduler_time_iso(const char *s, size_t len)
{
    return time_parse(s, len, "%Y-%m-%dT%H:%M:%S");
}

int64_t scheduler_time_c(const char *s, size_t len)
{
    return time_parse(s, len, "%a %b %d %H:%M:%S %Y");
}
