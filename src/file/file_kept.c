/* file_kept.c - are the files those that a run has begun to read? */
#include "file_kept.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/context/context.h"

#define KEY_MAX 512
#define VALUE_MAX 128
#define COLUMNS_MAX 16384
#define RETRY_NS (100 * CLOCK_MS)

typedef struct kept {
    uint64_t n;      /* files */
    uint64_t size;   /* of the last one */
    uint64_t digest; /* of all, see file_list_digest */
} kept;

static void key_of(pe_context *ctx, const char *what, char key[KEY_MAX])
{
    snprintf(key, KEY_MAX, "%s/%s/%s", what, pe_context_stage(ctx),
             pe_context_device(ctx));
}

/* What was kept, "" : nothing.  A service that is away is waited for. */
static void get(pe_context *ctx, const char *key, char *value, uint32_t cap)
{
    int n;

    while ((n = pe_context_get(ctx, key, value, cap - 1)) < 0 &&
           !pe_context_cancelled(ctx))
        clock_sleep_ns(RETRY_NS, 0);
    value[n > 0 ? n : 0] = '\0';
}

static void put(pe_context *ctx, const char *key, const char *value)
{
    while (pe_context_put(ctx, key, value, (uint32_t)strlen(value)) < 0 &&
           !pe_context_cancelled(ctx))
        clock_sleep_ns(RETRY_NS, 0);
}

/* 1 it was kept, 0 it was not. */
static int recall(pe_context *ctx, const char *key, kept *k)
{
    char value[VALUE_MAX];

    get(ctx, key, value, sizeof(value));
    return sscanf(value, "%" SCNu64 " %" SCNu64 " %" SCNx64, &k->n, &k->size,
                  &k->digest) == 3;
}

static int keep(pe_context *ctx, const char *key, const file_list *l)
{
    uint64_t size = file_size_of(l->paths[l->n - 1]);
    char value[VALUE_MAX];

    snprintf(value, sizeof(value), "%zu %" PRIu64 " %016" PRIx64, l->n, size,
             file_list_digest(l, l->n, size));
    put(ctx, key, value);
    return 0;
}

static int other(pe_context *ctx, const char *path, const char *why)
{
    return pe_context_fail(ctx,
                           "%s: %s, and blocks of it were learned from: put "
                           "it back as it was, or begin another run",
                           path, why);
}

/* How the files differ from what was kept; NULL: in nothing that matters. */
static const char *difference(const kept *k, const file_list *l)
{
    uint64_t size;

    if (k->n == 0 || k->n > l->n)
        return "files of it are gone since this run began";
    if (file_list_digest(l, k->n, k->size) != k->digest)
        return l->several ? "other files are in it, or in front, than when "
                            "this run began"
                          : "it begins otherwise than when this run began";
    size = file_size_of(l->paths[k->n - 1]);
    if (size < k->size)
        return "it is shorter than when this run began";
    if (size > k->size && k->n < l->n)
        return "a file that was its last has grown, and there are others "
               "behind it";
    return NULL;
}

int file_kept_check(pe_context *ctx, const char *path, const file_list *l)
{
    uint64_t position = pe_context_position(ctx), size;
    char key[KEY_MAX];
    const char *why;
    kept k;

    if (!context_has_shared(ctx))
        return 0;
    key_of(ctx, "file", key);
    if (position == 0 || !recall(ctx, key, &k))
        return keep(ctx, key, l);
    why = difference(&k, l);
    if (why)
        return other(ctx, path, why);
    size = file_size_of(l->paths[l->n - 1]);
    if (l->n > k.n)
        pe_context_log(ctx,
                       "%s: %" PRIu64 " file%s come since this run began, and "
                       "%s read, too",
                       path, (uint64_t)l->n - k.n,
                       l->n - k.n == 1 ? " has" : "s have",
                       l->n - k.n == 1 ? "is" : "are");
    else if (size > k.size)
        pe_context_log(ctx,
                       "%s has grown by %" PRIu64 " byte%s since this run "
                       "began, which %s read, too",
                       l->paths[l->n - 1], size - k.size, text_s(size - k.size),
                       text_are(size - k.size));
    return keep(ctx, key, l);
}

char *file_kept_columns(pe_context *ctx)
{
    char key[KEY_MAX];
    char *list;

    if (!context_has_shared(ctx) || pe_context_position(ctx) == 0)
        return NULL;
    list = malloc(COLUMNS_MAX + 1);
    if (!list)
        return NULL;
    key_of(ctx, "columns", key);
    get(ctx, key, list, COLUMNS_MAX + 1);
    if (*list)
        return list;
    free(list);
    return NULL;
}

void file_keep_columns(pe_context *ctx, const char *list)
{
    char key[KEY_MAX];

    if (!context_has_shared(ctx) || strlen(list) > COLUMNS_MAX)
        return;
    key_of(ctx, "columns", key);
    put(ctx, key, list);
}
