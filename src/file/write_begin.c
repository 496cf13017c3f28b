/* write_begin.c - how a file of rows begins: what they look like, and what
 * their columns are called.
 */
#include "write_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/columns.h"
#include "src/context/context.h"

/* What a file of such rows is known by. */
static char *layout_of(const write_state *st)
{
    text t = {0};

    text_add(&t, "%s%s%s of", st->format == WRITE_CSV ? "csv" : "npy",
             st->values ? " rows" : "", st->scores ? " scores" : "");
    text_add(&t, " %u features f%d", st->shape.features, (int)st->shape.dtype);
    for (uint32_t k = 0; k < st->columns.n && k < 16; k++)
        text_add(&t, "%s%u", k ? "," : " columns ", st->columns.columns[k]);
    if (t.failed)
        return NULL;
    return t.data;
}

/* --- what columns are called --- */

/* Under which the first one of a stage who knows tells it to the others, who
 * may have to begin a file with a block that does not say it.
 */
static void shared_key(const pe_context *ctx, char key[200])
{
    snprintf(key, 200, "write/%.150s/columns", pe_context_stage(ctx));
}

/* As the block says, or as another writer has said; "": nobody does.  What
 * cannot be asked is not known.
 */
static int find_names(pe_context *ctx, write_state *st)
{
    const char *list = context_columns_get(ctx);
    char key[200], *kept = NULL;
    int len = -1;

    shared_key(ctx, key);
    if (list && context_has_shared(ctx) && !write_on_device(ctx))
        pe_context_put(ctx, key, list, (uint32_t)strlen(list));
    if (!list && context_has_shared(ctx) && !write_on_device(ctx)) {
        kept = malloc(COLUMNS_BYTES_MAX + 1);
        if (kept)
            len = pe_context_get(ctx, key, kept, COLUMNS_BYTES_MAX);
        if (len > 0)
            kept[len] = '\0';
    }
    free(st->names);
    st->names = strdup(list ? list : len > 0 ? kept : "");
    free(kept);
    return st->names ? 0 : pe_context_fail(ctx, "out of memory");
}

/* A list as people see it. */
static const char *shown(const char *list, char out[200])
{
    text t = {0};
    size_t all = strlen(list), len;
    const char *name;

    for (uint32_t k = 0; (name = columns_at(list, all, k, &len)); k++)
        text_add(&t, "%s%.*s", k ? ", " : "", (int)len, name);
    text_shown(t.data ? t.data : "", t.len, out, 200);
    text_free(&t);
    return out;
}

void write_check_names(pe_context *ctx, write_state *st)
{
    const char *list = context_columns_get(ctx);
    const char *has = part_columns(st->part);
    char old[200], new[200];
    text names = {0};

    if (!list || st->renamed || !st->values || !strcmp(list, st->names))
        return;
    free(st->names);
    st->names = strdup(list);
    st->shape.names = st->names ? st->names : "";
    write_names(&st->shape, &names);
    st->renamed = names.len > 0 && strcmp(names.data, has) != 0;
    if (st->renamed && *has)
        context_tell(ctx,
                     "gets columns that are called %s now; its file calls "
                     "them %s, as they were called when it was begun",
                     shown(names.data, new), shown(has, old));
    else if (st->renamed)
        context_tell(ctx,
                     "was not told what its columns are called, %s, when "
                     "its file was begun: there they are x0, x1, ...",
                     shown(names.data, new));
    text_free(&names);
}

/* --- the file --- */

static int put_head(pe_context *ctx, write_state *st, const char *layout)
{
    part_start start = {.layout = layout};
    text names = {0};
    pe_error e = {0};
    int rc;

    write_names(&st->shape, &names);
    if (names.len > COLUMNS_BYTES_MAX) {
        pe_context_log(ctx,
                       "the names of its columns have more than %d bytes: "
                       "they are called x0, x1, ...",
                       COLUMNS_BYTES_MAX);
        names.len = 0;
    }
    start.columns = names.len ? names.data : "";
    st->lines.len = 0;
    if (st->format == WRITE_CSV)
        write_csv_titles(&st->shape, start.columns, &st->lines);
    else
        write_npy_head(&st->shape, start.columns, &st->lines);
    start.head = st->lines.data;
    start.len = st->lines.len;
    rc = st->lines.failed || names.failed ? pe_error_nomem(&e)
                                          : part_begin(st->part, &start, &e);
    text_free(&names);
    return rc < 0 ? context_fail_with(ctx, &e) : 0;
}

static int begin(pe_context *ctx, write_state *st, const char *layout)
{
    if (find_names(ctx, st) < 0)
        return -1;
    st->shape.names = st->names;
    if (st->values && !*st->names)
        pe_context_log(ctx,
                       "nobody says what its columns are called: in %s "
                       "they are x0, x1, ...",
                       st->path);
    return put_head(ctx, st, layout);
}

int write_take_shape(pe_context *ctx, write_state *st, const pe_block *in)
{
    bool first = st->shape.features == 0;
    char *layout;
    int rc = 0;

    if (!first && st->shape.features != in->features)
        return pe_context_fail(ctx,
                               "features changed from %u to %u, and a "
                               "file has rows of one kind",
                               st->shape.features, in->features);
    if (!first)
        return 0;
    if (st->columns.n > 0 && rows_columns_check(ctx, &st->columns, in) < 0)
        return -1;
    st->shape = (write_shape){.values = st->values,
                              .scores = st->scores,
                              .columns = &st->columns,
                              .names = "",
                              .features = in->features,
                              .dtype = in->dtype};
    layout = layout_of(st);
    if (!layout)
        rc = pe_context_fail(ctx, "out of memory");
    else if (!*part_layout(st->part))
        rc = begin(ctx, st, layout);
    else if (strcmp(part_layout(st->part), layout) != 0)
        rc = pe_context_fail(ctx,
                             "the file has %s, and this block makes %s: take "
                             "another path",
                             part_layout(st->part), layout);
    free(layout);
    if (rc < 0)
        st->shape.features = 0;
    return rc;
}
