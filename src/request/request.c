/* request.c - what a pilot asks a scheduler for: kept, merged, read. */
#include "request.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/common/words.h"
#include "src/request/request_private.h"

/* Append [item], which is taken (NULL: no memory). */
static int list_add(struct request_list *l, char *item, pe_error *errp)
{
    if (words_add(&l->items, item, errp) < 0)
        return -1;
    l->n++;
    return 0;
}

static void list_free(struct request_list *l)
{
    words_free(l->items);
    memset(l, 0, sizeof(*l));
}

/* [a], then [b]; new memory. */
static int list_join(struct request_list *out, const struct request_list *a,
                     const struct request_list *b, pe_error *errp)
{
    struct request_list all = {0};

    for (size_t i = 0; i < a->n + b->n; i++) {
        const char *item = i < a->n ? a->items[i] : b->items[i - a->n];
        if (list_add(&all, strdup(item), errp) < 0) {
            list_free(&all);
            return -1;
        }
    }
    *out = all;
    return 0;
}

int request_set(resource_request *r, enum request_word word, const char *value,
                bool bare_minutes, const char *from, pe_error *errp)
{
    char *kept;

    if ((int)word < 0 || word >= REQUEST_N_WORDS || !value)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "no such word, or no value");
    kept = request_check(word, value, bare_minutes, errp);
    if (!kept)
        return -1;
    if (request_specs[word].type == REQUEST_TYPE_LIST) {
        if (list_add(&r->list[word], kept, errp) < 0)
            return -1;
    } else {
        free(r->word[word]);
        r->word[word] = kept;
    }
    r->from[word] = from;
    return 0;
}

/* [over] with what [under] has beside it; new memory. */
static int request_join(resource_request *out, const resource_request *over,
                        const resource_request *under, pe_error *errp)
{
    resource_request all = {0};

    for (int w = 0; w < REQUEST_N_WORDS; w++) {
        bool mine = over->word[w] || over->list[w].n > 0;
        const char *word = over->word[w] ? over->word[w] : under->word[w];
        all.from[w] = mine ? over->from[w] : under->from[w];
        if (word && !(all.word[w] = text_format("%s", word))) {
            pe_error_nomem(errp);
            goto error;
        }
        if (list_join(&all.list[w], &under->list[w], &over->list[w], errp) < 0)
            goto error;
    }
    *out = all;
    return 0;
error:
    request_free(&all);
    return -1;
}

int request_merge(resource_request *r, const resource_request *under,
                  pe_error *errp)
{
    resource_request all;

    if (request_join(&all, r, under, errp) < 0)
        return -1;
    request_free(r);
    *r = all;
    return 0;
}

int request_copy(resource_request *to, const resource_request *from,
                 pe_error *errp)
{
    static const resource_request none;

    return request_join(to, from, &none, errp);
}

void request_free(resource_request *r)
{
    if (!r)
        return;
    for (int w = 0; w < REQUEST_N_WORDS; w++) {
        free(r->word[w]);
        list_free(&r->list[w]);
    }
    memset(r, 0, sizeof(*r));
}

int64_t request_int(const resource_request *r, enum request_word w, int64_t def)
{
    int64_t value = def;

    return r->word[w] && text_parse_int(r->word[w], &value) == 0 ? value : def;
}

double request_seconds(const resource_request *r, enum request_word w)
{
    int64_t seconds = 0;

    if (!r->word[w] || request_time_parse(r->word[w], false, &seconds) < 0)
        return 0;
    return (double)seconds;
}

bool request_flag(const resource_request *r, enum request_word w)
{
    return r->word[w] && !strcmp(r->word[w], "true");
}

static int shape_error(pe_error *errp, const char *what)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE, "%s", what);
}

static int shape_check(const request_shape *n, pe_error *errp)
{
    int64_t room = (int64_t)n->nodes * n->ntasks_per_node;
    int64_t cores = (int64_t)n->ntasks * n->cpus_per_task;

    if (n->nodes > n->ntasks)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "ntasks is %d and nodes is %d: some would have no "
                            "rank; ask for fewer nodes",
                            n->ntasks, n->nodes);
    if (room > 0 && n->ntasks > room)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "ntasks is %d, and nodes x ntasks-per-node gives "
                            "room for %" PRId64 ": change one of them",
                            n->ntasks, room);
    if (cores > INT_MAX)
        return shape_error(errp, "ntasks x cpus-per-task are more cores than "
                                 "can be counted");
    return 0;
}

int request_shape_of(const resource_request *r, request_shape *out,
                     pe_error *errp)
{
    int64_t nodes = request_int(r, REQUEST_NODES, 0);
    int64_t ntasks = request_int(r, REQUEST_NTASKS, 0);
    int64_t per_node = request_int(r, REQUEST_NTASKS_PER_NODE, 0);

    if (nodes == 0 && per_node > 0)
        nodes = ntasks > 0 ? (ntasks + per_node - 1) / per_node : 1;
    if (ntasks == 0)
        ntasks = (nodes > 0 ? nodes : 1) * (per_node > 0 ? per_node : 1);
    if (ntasks > INT_MAX || nodes > INT_MAX)
        return shape_error(errp, "nodes x ntasks-per-node are more ranks than "
                                 "can be counted");
    const request_shape shape = {
        .nodes = (int)nodes,
        .ntasks = (int)ntasks,
        .ntasks_per_node = (int)per_node,
        .cpus_per_task = (int)request_int(r, REQUEST_CPUS_PER_TASK, 1)};
    if (shape_check(&shape, errp) < 0)
        return -1;
    *out = shape;
    return 0;
}
