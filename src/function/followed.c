/* followed.c - which file a followed source goes on with after a restart. */
#include "followed.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/function/host.h"

#define KEY_MAX 512
#define VALUE_MAX 256
#define RETRY_NS 100000000

static void key_of(pe_context *ctx, char key[KEY_MAX])
{
    snprintf(key, KEY_MAX, "follow/%s/%s", pe_context_stage(ctx),
             pe_context_device(ctx));
}

/* What was kept; a service that is away is waited for, since without its
 * answer rows would be read twice or never.
 */
static void recall(pe_context *ctx, followed *f)
{
    char key[KEY_MAX], value[VALUE_MAX] = "";
    int n;

    if (!context_has_shared(ctx))
        return;
    key_of(ctx, key);
    while ((n = pe_context_get(ctx, key, value, VALUE_MAX - 1)) < 0 &&
           !pe_context_cancelled(ctx))
        clock_sleep_ns(RETRY_NS, 0);
    value[n > 0 ? n : 0] = '\0';
    sscanf(value, "%63s %" SCNu64 " %63s %" SCNu64, f->now.identity,
           &f->now.first, f->before.identity, &f->before.first);
}

int followed_keep(pe_context *ctx, const followed *f)
{
    char key[KEY_MAX], value[VALUE_MAX];
    int n;

    if (!context_has_shared(ctx))
        return 0;
    key_of(ctx, key);
    n = snprintf(value, sizeof(value), "%s %" PRIu64 " %s %" PRIu64,
                 f->now.identity, f->now.first, f->before.identity,
                 f->before.first);
    return pe_context_put(ctx, key, value, (uint32_t)n);
}

/* The file of [identity] in the folder of [path], new memory; NULL: it is not
 * there.
 */
static char *file_find(const char *path, const char *identity)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash + 1 - path)) : NULL;
    DIR *dir = opendir(folder ? folder : ".");
    char *found = NULL, is[CSV_IDENTITY_MAX];
    struct dirent *e;

    while (dir && !found && *identity && (e = readdir(dir))) {
        found = text_format("%s%s", folder ? folder : "", e->d_name);
        if (found && csv_identity(found, is) == 0 && !strcmp(is, identity))
            break;
        free(found);
        found = NULL;
    }
    if (dir)
        closedir(dir);
    free(folder);
    return found;
}

/* The file that is followed has this name no more, and no other here. */
static void gone(pe_context *ctx, const char *path, const char *identity,
                 followed *f)
{
    pe_context_log(ctx,
                   "%s: the file that was followed is gone; what it held "
                   "behind row %" PRIu64 " was not read",
                   path, f->start);
    f->before = f->now;
    f->now.first = f->start;
    snprintf(f->now.identity, sizeof(f->now.identity), "%s", identity);
}

int followed_find(pe_context *ctx, const char *path, uint64_t position,
                  followed *f)
{
    char is[CSV_IDENTITY_MAX] = "";

    memset(f, 0, sizeof(*f));
    f->start = position;
    recall(ctx, f);
    csv_identity(path, is); /* "" : it is not there now */
    if (!*f->now.identity) {
        snprintf(f->now.identity, sizeof(f->now.identity), "%s", is);
        return 0;
    }
    if (strcmp(f->now.identity, is) != 0) {
        f->from = file_find(path, f->now.identity);
        if (!f->from)
            gone(ctx, path, is, f);
    } else if (position < f->now.first) {
        f->from = file_find(path, f->before.identity);
        if (f->from && strcmp(f->before.identity, is) != 0) {
            f->now = f->before;
            return 0;
        }
        free(f->from);
        f->from = NULL;
        pe_context_log(ctx,
                       "%s: rows %" PRIu64 " to %" PRIu64 " are of a file "
                       "that is gone; they were not read",
                       path, position, f->now.first);
        f->start = f->now.first;
    }
    return 0;
}
