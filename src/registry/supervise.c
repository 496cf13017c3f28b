/* supervise.c - what the supervisor of a pilot is told, as JSON. */
#include "supervise.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/words.h"

/* One row a member. */
static const struct row {
    const char *name;
    enum { ROW_TEXT, ROW_INT, ROW_REAL, ROW_BOOL, ROW_LIST } type;
    size_t at;
} rows[] = {
#define AT(member) offsetof(supervise, member)
    {"id", ROW_TEXT, AT(id)},
    {"kind", ROW_TEXT, AT(kind)},
    {"libexec", ROW_TEXT, AT(libexec)},
    {"launcher", ROW_TEXT, AT(launcher)},
    {"wrap", ROW_TEXT, AT(wrap)},
    {"listen", ROW_TEXT, AT(listen)},
    {"advertise", ROW_TEXT, AT(advertise)},
    {"home", ROW_TEXT, AT(home)},
    {"ranks", ROW_INT, AT(ranks)},
    {"cpus_per_task", ROW_INT, AT(cpus_per_task)},
    {"chain", ROW_INT, AT(chain)},
    {"time_s", ROW_REAL, AT(time_s)},
    {"lead_s", ROW_REAL, AT(lead_s)},
    {"hello_s", ROW_REAL, AT(hello_s)},
    {"parts", ROW_LIST, AT(tenants)},
    {"batch", ROW_BOOL, AT(batch)},
    {"secure", ROW_BOOL, AT(secure)},
#undef AT
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static json_t *list_json(char *const *list)
{
    json_t *a = json_array();

    for (; a && *list; list++)
        if (json_array_append_new(a, json_string(*list)) < 0) {
            json_decref(a);
            return NULL;
        }
    return a;
}

/* The value of a row; NULL: it has none. */
static json_t *row_json(const supervise *s, const struct row *row)
{
    const char *at = (const char *)s + row->at;

    switch (row->type) {
    case ROW_TEXT: {
        const char *text = *(char *const *)at;
        return text ? json_string(text) : NULL;
    }
    case ROW_INT:
        return json_integer(*(const int *)at);
    case ROW_REAL:
        return json_real(*(const double *)at);
    case ROW_BOOL:
        return json_boolean(*(const bool *)at);
    case ROW_LIST: {
        char *const *list = *(char **const *)at;
        return list ? list_json(list) : NULL;
    }
    }
    return NULL;
}

json_t *supervise_json(const supervise *s)
{
    json_t *o = json_object();

    for (size_t i = 0; o && i < N_ROWS; i++) {
        json_t *value = row_json(s, &rows[i]);
        if (value && json_object_set_new(o, rows[i].name, value) < 0) {
            json_decref(o);
            return NULL;
        }
    }
    return o;
}

static char **list_parse(const json_t *a, bool *failedp)
{
    size_t n = json_array_size(a);
    char **list = calloc(n + 1, sizeof(*list));

    for (size_t i = 0; list && i < n; i++)
        list[i] = words_copy(json_string_value(json_array_get(a, i)), failedp);
    if (!list)
        *failedp = true;
    return list;
}

static void row_parse(supervise *s, const struct row *row, const json_t *v,
                      bool *failedp)
{
    char *at = (char *)s + row->at;

    switch (row->type) {
    case ROW_TEXT:
        *(char **)at = words_copy(json_string_value(v), failedp);
        break;
    case ROW_INT:
        *(int *)at = (int)json_integer_value(v);
        break;
    case ROW_REAL:
        *(double *)at = json_number_value(v);
        break;
    case ROW_BOOL:
        *(bool *)at = json_is_true(v);
        break;
    case ROW_LIST:
        *(char ***)at = list_parse(v, failedp);
        break;
    }
}

int supervise_parse(const json_t *o, supervise *out, pe_error *errp)
{
    bool failed = false;

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < N_ROWS; i++) {
        const json_t *v = json_object_get(o, rows[i].name);
        if (v)
            row_parse(out, &rows[i], v, &failed);
    }
    if (!failed && out->id && out->kind)
        return 0;
    supervise_free(out);
    if (failed)
        return pe_error_nomem(errp);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "request.json says nothing for a supervisor: it is "
                        "no pilot's");
}

void supervise_free(supervise *s)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        char *at = (char *)s + rows[i].at;
        if (rows[i].type == ROW_TEXT)
            free(*(char **)at);
        if (rows[i].type == ROW_LIST)
            words_free(*(char ***)at);
    }
    memset(s, 0, sizeof(*s));
}
