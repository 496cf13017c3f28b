/* pick.c - which columns of an array are wanted. */
#include "private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The choice under way. */
typedef struct choice {
    const store_table *s;
    uint32_t all;
    store_name_of name_of;
    const void *arg;
    uint32_t *list; /* in the order they were asked for */
    size_t n, cap;
    pe_error *errp;
} choice;

static const char *name_of(const choice *c, uint32_t i)
{
    return c->name_of ? c->name_of(c->arg, i) : NULL;
}

/* Column [item] ([len] bytes) is called so; -1: none is. */
static int64_t find_name(const choice *c, const char *item, size_t len)
{
    for (uint32_t i = 0; i < c->all; i++) {
        const char *name = name_of(c, i);
        if (name && strlen(name) == len && !memcmp(name, item, len))
            return i;
    }
    return -1;
}

/* "3" or "5-8". */
static bool parse_range(const char *item, int64_t *fromp, int64_t *top)
{
    char first[32];
    const char *dash = strchr(item, '-');

    if (!dash || dash == item) {
        *top = 0;
        if (text_parse_int(item, fromp) < 0)
            return false;
        *top = *fromp;
        return *fromp >= 0;
    }
    snprintf(first, sizeof(first), "%.*s", (int)(dash - item), item);
    return text_parse_int(first, fromp) == 0 &&
           text_parse_int(dash + 1, top) == 0 && *fromp >= 0 && *fromp <= *top;
}

/* No column is called [item]: which one was meant? */
static int refuse(const choice *c, const char *option, const char *item)
{
    char near[128] = "";
    text words = {0};

    for (uint32_t i = 0; i < c->all && i < 4096; i++)
        if (name_of(c, i))
            text_add(&words, "%s ", name_of(c, i));
    if (words.data)
        text_nearest(item, words.data, near, sizeof(near));
    text_free(&words);
    return pe_error_set(c->errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s: '%s' is no column of %s, which has %u, from 0 "
                        "on%s%s%s",
                        option, item, c->s->name, c->all,
                        *near ? "; did you mean '" : "", near,
                        *near ? "'?" : "");
}

static int add(choice *c, int64_t from, int64_t to)
{
    for (int64_t i = from; i <= to; i++) {
        if (c->n == c->cap) {
            size_t cap = c->cap ? 2 * c->cap : 64;
            uint32_t *list = realloc(c->list, cap * sizeof(*list));
            if (!list)
                return pe_error_nomem(c->errp);
            c->list = list;
            c->cap = cap;
        }
        c->list[c->n++] = (uint32_t)i;
    }
    return 0;
}

static int add_item(choice *c, const char *option, const char *item)
{
    int64_t from = find_name(c, item, strlen(item)), to = from;

    if (from < 0 && (!parse_range(item, &from, &to) || to >= c->all))
        return refuse(c, option, item);
    if (c->n + (size_t)(to - from) >= GRID_FIELDS_MAX)
        return pe_error_set(c->errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s names more than %d columns", option,
                            GRID_FIELDS_MAX);
    return add(c, from, to);
}

/* The columns of the comma list [words]. */
static int add_list(choice *c, const char *option, const char *words)
{
    char item[256];

    for (const char *at = words; at;) {
        const char *end = strchr(at, ',');
        size_t len = end ? (size_t)(end - at) : strlen(at);
        const char *next = end ? end + 1 : NULL;

        for (; len && *at == ' '; len--)
            at++;
        while (len && at[len - 1] == ' ')
            len--;
        if (len >= sizeof(item))
            len = sizeof(item) - 1;
        memcpy(item, at, len);
        item[len] = '\0';
        if (add_item(c, option, item) < 0)
            return -1;
        at = next;
    }
    return 0;
}

/* What is in [c] but not in [out]. */
static void leave_out(choice *c, const choice *out)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++) {
        bool gone = false;
        for (size_t k = 0; k < out->n && !gone; k++)
            gone = out->list[k] == c->list[i];
        if (!gone)
            c->list[n++] = c->list[i];
    }
    c->n = n;
}

static int choose(choice *c, const store_wish *w)
{
    choice out = *c;
    int rc = w->columns ? add_list(c, "columns", w->columns)
                        : add(c, 0, (int64_t)c->all - 1);

    if (rc == 0 && w->exclude) {
        rc = add_list(&out, "exclude", w->exclude);
        leave_out(c, &out);
        free(out.list);
    }
    if (rc == 0 && c->n == 0)
        return pe_error_set(c->errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s: `columns` and `exclude` leave no column",
                            c->s->name);
    return rc;
}

int store_pick(store_table *s, const store_wish *w, uint32_t all,
               store_name_of named, const void *arg, pe_error *errp)
{
    choice c = {.s = s, .all = all, .name_of = named, .arg = arg, .errp = errp};

    s->columns = all;
    s->name_of = named;
    s->named = arg;
    if (!w->columns && !w->exclude)
        return 0;
    if (choose(&c, w) < 0) {
        free(c.list);
        return -1;
    }
    s->column = c.list;
    s->columns = (uint32_t)c.n;
    return 0;
}
