/* followed.c - which file a followed source goes on with after a restart. */
#include "followed.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/context/context.h"

#define KEY_MAX 512
#define VALUE_MAX 256
#define RETRY_NS (100 * CLOCK_MS)

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
    sscanf(value, "%63s %" SCNu64 " %zu %" SCNx64 " %63s %" SCNu64,
           f->now.identity, &f->now.first, &f->now.head.len,
           &f->now.head.digest, f->before.identity, &f->before.first);
}

int followed_keep(pe_context *ctx, const followed *f)
{
    char key[KEY_MAX], value[VALUE_MAX];
    int n;

    if (!context_has_shared(ctx))
        return 0;
    key_of(ctx, key);
    n = snprintf(value, sizeof(value),
                 "%s %" PRIu64 " %zu %016" PRIx64 " %s %" PRIu64,
                 f->now.identity, f->now.first, f->now.head.len,
                 f->now.head.digest, f->before.identity, f->before.first);
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
    char *found = NULL, is[TABLE_IDENTITY_MAX];
    struct dirent *e;

    while (dir && !found && *identity && (e = readdir(dir))) {
        found = text_format("%s%s", folder ? folder : "", e->d_name);
        if (found && table_identity(found, is) == 0 && !strcmp(is, identity))
            break;
        free(found);
        found = NULL;
    }
    if (dir)
        closedir(dir);
    free(folder);
    return found;
}

/* What was followed is not there any more: go on with what is. */
static void gone(pe_context *ctx, const char *path, const char *what,
                 const char *identity, followed *f)
{
    pe_context_log(ctx,
                   "%s: the file that was followed %s; what it held behind "
                   "row %" PRIu64 " was not read",
                   path, what, f->start);
    f->before = f->now;
    f->now = (followed_file){.first = f->start};
    snprintf(f->now.identity, sizeof(f->now.identity), "%s", identity);
}

/* The file of [identity] among [l], or in the folder of [path]. */
static char *find(const char *path, const file_list *l, const char *identity)
{
    char is[TABLE_IDENTITY_MAX];

    for (size_t i = 0; *identity && i < l->n; i++)
        if (table_identity(l->paths[i], is) == 0 && !strcmp(is, identity))
            return strdup(l->paths[i]);
    return file_find(path, identity);
}

/* The file before the one that is read now still has rows that are wanted. */
static int step_back(pe_context *ctx, const char *path, const file_list *l,
                     uint64_t position, followed *f)
{
    f->from = find(path, l, f->before.identity);
    if (f->from && strcmp(f->before.identity, f->now.identity) != 0) {
        f->now = f->before;
        return 1;
    }
    free(f->from);
    f->from = NULL;
    pe_context_log(ctx,
                   "%s: rows %" PRIu64 " to %" PRIu64 " are of a file "
                   "that is gone; they were not read",
                   path, position, f->now.first);
    f->start = f->now.first;
    return 0;
}

int followed_find(pe_context *ctx, const char *path, const file_list *l,
                  uint64_t position, followed *f)
{
    const char *other = l->paths[l->several ? l->n - 1 : 0];
    char is[TABLE_IDENTITY_MAX] = "";

    memset(f, 0, sizeof(*f));
    f->start = position;
    recall(ctx, f);
    if (!*f->now.identity) {
        table_identity(l->paths[0], f->now.identity); /* "" : not there now */
        return 0;
    }
    if (position < f->now.first && step_back(ctx, path, l, position, f))
        return 0;
    f->from = find(path, l, f->now.identity);
    if (!f->from) {
        table_identity(other, is);
        f->from = l->several ? strdup(other) : NULL;
        gone(ctx, path, "is gone", is, f);
    } else if (!table_head_is(f->from, &f->now.head)) {
        snprintf(is, sizeof(is), "%s", f->now.identity);
        gone(ctx, path, "was cut, or written anew", is, f);
    }
    return 0;
}
