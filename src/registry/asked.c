/* asked.c - when schedulers were asked, and whether they answered. */
#include "asked.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/registry/observe.h"

#define FILE_MAX (4 << 20)
#define BACKOFF_FIRST_NS (5 * CLOCK_S) /* where nobody is to be spared */
#define BACKOFF_MAX_NS (600 * CLOCK_S)
#define FORGET_NS (30 * 86400 * CLOCK_S)
#define LOCK_WAIT_NS                                          \
    (40 * CLOCK_S) /* longer than clients of schedulers block \
                    */
#define LOCK_STEP_NS (10 * CLOCK_MS)

asked *asked_of(asked_list *l, const char *url)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->items[i].url, url))
            return &l->items[i];
    asked *items = reallocarray(l->items, l->n + 1, sizeof(*items));
    if (!items)
        return NULL;
    l->items = items;
    memset(&items[l->n], 0, sizeof(*items));
    snprintf(items[l->n].url, sizeof(items->url), "%s", url);
    return &items[l->n++];
}

void asked_free(asked_list *l)
{
    free(l->items);
    memset(l, 0, sizeof(*l));
}

static int64_t number_of(const json_t *o, const char *key)
{
    int64_t n = json_integer_value(json_object_get(o, key));

    return n > 0 ? n : 0;
}

static int asked_take(asked_list *l, const char *url, const json_t *o)
{
    asked *a = asked_of(l, url);
    const char *trouble = json_string_value(json_object_get(o, "trouble"));
    int64_t failures = number_of(o, "failures");

    if (!a)
        return -1;
    a->answered_ns = number_of(o, "answered_ns");
    a->tried_ns = number_of(o, "tried_ns");
    a->failures = failures < 1000 ? (int)failures : 1000;
    snprintf(a->trouble, sizeof(a->trouble), "%s", trouble ? trouble : "");
    return 0;
}

int asked_load(const char *home, asked_list *l, pe_error *errp)
{
    char *path = text_format("%s/schedulers.json", home);
    size_t len = 0;
    char *data = path ? file_read(path, FILE_MAX, &len, NULL) : NULL;
    json_t *all = data ? json_loadb(data, len, 0, NULL) : NULL, *o;
    int status = path ? 0 : -1;
    const char *url;

    json_object_foreach(all, url, o) if (status == 0) status =
        asked_take(l, url, o);
    json_decref(all);
    free(data);
    free(path);
    return status < 0 ? pe_error_nomem(errp) : 0;
}

static json_t *asked_build(const asked_list *l)
{
    json_t *all = json_object();
    int64_t now = clock_real_ns();

    for (size_t i = 0; all && i < l->n; i++) {
        const asked *a = &l->items[i];
        if (now - a->tried_ns > FORGET_NS)
            continue;
        json_t *o = json_pack("{s:I, s:I, s:i}", "answered_ns",
                              (json_int_t)a->answered_ns, "tried_ns",
                              (json_int_t)a->tried_ns, "failures", a->failures);
        /* Words that are no text are not kept. */
        json_object_set_new(o, "trouble", json_string(a->trouble));
        json_object_set_new(all, a->url, o);
    }
    return all;
}

int asked_save(const char *home, const asked_list *l, pe_error *errp)
{
    json_t *all = asked_build(l);
    char *data = all ? json_dumps(all, JSON_INDENT(1)) : NULL;
    char *path = text_format("%s/schedulers.json", home);
    int status = data && path ? file_write(path, data, strlen(data), 0600, errp)
                              : pe_error_nomem(errp);

    json_decref(all);
    free(data);
    free(path);
    return status;
}

bool asked_is_due(const asked *a, bool queues, int64_t period_ns,
                  int64_t now_ns)
{
    int64_t wait = queues ? period_ns : 0;

    if (a->failures > 0) {
        int64_t first = queues ? period_ns : BACKOFF_FIRST_NS;
        int64_t most = first < BACKOFF_MAX_NS ? BACKOFF_MAX_NS : first;
        wait = clock_backoff_ns((unsigned)a->failures - 1, first, most);
    }
    if (queues && period_ns == OBSERVE_NEVER_NS)
        return false;
    return now_ns - a->tried_ns >= wait || now_ns < a->tried_ns;
}

int asked_lock(const char *home)
{
    char *path = text_format("%s/schedulers.lock", home);
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    int64_t until = clock_mono_ns() + LOCK_WAIT_NS;

    free(path);
    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (clock_mono_ns() > until) {
            close(fd);
            return -1;
        }
        clock_sleep_ns(LOCK_STEP_NS, 1);
    }
    return fd;
}
