/* device.c - the functions of an edge agent that may end it, and blocks of its
 * devices that agents have died of.
 */
#include "device.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/fault.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/function/host.h"
#include "suspects.h"

#define STAGES_MAX 32
#define FILE_MAX ((size_t)1 << 20)

static struct {
    struct {
        char stage[64], words[192];
        int64_t limit_ns;
    } stage[STAGES_MAX];
    atomic_int n;
    int opened; /* of them are in the page */
    bool again;
    note_page *page; /* NULL: nothing is noted */
    suspects known;
} guard;

static void note_stages(void)
{
    for (; guard.page && guard.opened < guard.n; guard.opened++)
        note_function(guard.page, guard.stage[guard.opened].stage,
                      guard.stage[guard.opened].words);
}

int device_guard(const pipeline_stage *s, const char *words)
{
    int n = atomic_load(&guard.n);

    if (!s->loaded ||
        (function_is_builtin(function_ops(s->loaded)) && s->limit_s <= 0))
        return -1;
    for (int i = 0; i < n; i++)
        if (!strncmp(guard.stage[i].stage, s->name, 63) &&
            !strncmp(guard.stage[i].words, words, 191))
            return i;
    if (n == STAGES_MAX)
        return -1;
    snprintf(guard.stage[n].stage, sizeof(guard.stage[n].stage), "%s", s->name);
    snprintf(guard.stage[n].words, sizeof(guard.stage[n].words), "%s", words);
    guard.stage[n].limit_ns = (int64_t)(s->limit_s * CLOCK_S);
    if (s->limit_s > 0)
        fault_limits(guard.stage[n].limit_ns);
    atomic_store(&guard.n, n + 1);
    note_stages();
    return n;
}

/* --- of the agent before --- */

static char *path_of(const char *dir)
{
    return text_format("%s/suspects", dir);
}

static int load(const char *path, pe_error *errp)
{
    size_t len = 0;
    char *data = file_read(path, FILE_MAX, &len, NULL);
    int rc = data ? suspects_parse(&guard.known, data, errp) : 0;

    free(data);
    return rc;
}

static int store(const char *path, pe_error *errp)
{
    text words = {0};
    int rc;

    suspects_text(&guard.known, &words);
    rc = words.failed ? pe_error_nomem(errp)
                      : file_write(path, words.data ? words.data : "",
                                   words.len, 0600, errp);
    text_free(&words);
    return rc;
}

static int visit(void *arg, const note_death *d, pe_error *errp)
{
    text *told = arg;
    char how[64];
    const suspect *s;
    int rc;

    if (!guard.again) /* what it had is lost, and does not come again */
        return 0;
    rc = suspects_count(&guard.known, d, d->thread, (int64_t)d->seq, errp);
    s = suspects_find(&guard.known, d->thread, (int64_t)d->seq);
    if (rc <= 0 || !s)
        return rc;
    note_how(d->how, how);
    text_add(told,
             "%sblock %llu of device %d is suspected, %d of %d: an agent %s %s "
             "%s",
             told->len ? "; " : "", (unsigned long long)d->seq, d->thread,
             s->deaths, SUSPECT_DEATHS, how, s->behind ? "behind" : "within",
             s->words);
    return 0;
}

/* Counted first, and then the notes go: a death counts once by its id. */
static int gather(const char *dir, const char *path, text *told, pe_error *errp)
{
    if (load(path, errp) < 0 ||
        suspects_each(dir, false, visit, told, errp) < 0)
        return -1;
    if (told->len > 0 && store(path, errp) < 0)
        return -1;
    return suspects_each(dir, true, NULL, NULL, errp);
}

int device_guard_open(const char *dir, int n, bool again, char **toldp,
                      pe_error *errp)
{
    char *path = path_of(dir), *notes = suspects_path(dir, 0);
    text told = {0};
    int rc = path && notes ? 0 : pe_error_nomem(errp);

    *toldp = NULL;
    guard.again = again;
    if (rc == 0)
        rc = gather(dir, path, &told, errp);
    if (rc == 0 && guard.n > 0) {
        guard.page = note_open(notes, n, errp);
        rc = guard.page ? 0 : -1;
    }
    if (rc == 0 && fault_limited())
        rc = fault_watch(NULL, "the agent", errp);
    note_stages();
    free(path);
    free(notes);
    if (rc == 0 && !told.failed)
        *toldp = told.data;
    else
        text_free(&told);
    return rc;
}

void device_guard_close(void)
{
    note_close(guard.page);
    guard.page = NULL;
    guard.opened = 0;
    atomic_store(&guard.n, 0);
    suspects_free(&guard.known);
}

/* --- at work --- */

static bool is_guilty(int number, int i, const pe_block *b,
                      char why[DEVICE_REASON])
{
    char reason[DEVICE_REASON - 64];
    const suspect *s = suspects_find(&guard.known, i, (int64_t)b->seq);

    if (!s || !suspect_is_guilty(s) ||
        strcmp(s->stage, guard.stage[number].stage) != 0 ||
        strcmp(s->words, guard.stage[number].words) != 0)
        return false;
    suspect_reason(s, reason, sizeof(reason));
    snprintf(why, DEVICE_REASON, "%s\t%s", s->stage, reason);
    return true;
}

bool device_guard_enter(int number, int i, const pe_block *b,
                        char why[DEVICE_REASON])
{
    note *n = guard.page ? note_of(guard.page, i) : NULL;

    if (guard.known.n > 0 && is_guilty(number, i, b, why))
        return false;
    fault_note(n, guard.stage[number].limit_ns);
    if (n)
        note_enter(n, number, b);
    return true;
}

void device_guard_leave(int number, int i)
{
    note *n = guard.page ? note_of(guard.page, i) : NULL;

    if (n)
        note_leave(n);
    if (guard.stage[number].limit_ns > 0)
        fault_note(n, 0);
}
