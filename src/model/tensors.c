/* tensors.c - a set of named tensors and strings in memory. */
#include "tensors_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

static const struct {
    const char *name;
    size_t bytes;
} types[] = {
    [TENSOR_F64] = {"F64", 8},
    [TENSOR_F32] = {"F32", 4},
    [TENSOR_I64] = {"I64", 8},
    [TENSOR_U64] = {"U64", 8},
};

const char *tensor_type_name(enum tensor_type type)
{
    return types[type].name;
}

size_t tensor_type_bytes(enum tensor_type type)
{
    return types[type].bytes;
}

int tensor_bytes(const tensor_form *f, size_t *bytesp)
{
    size_t bytes = types[f->type].bytes;

    for (size_t i = 0; i < f->rank; i++)
        if (__builtin_mul_overflow(bytes, f->shape[i], &bytes))
            return -1;
    *bytesp = bytes;
    return 0;
}

pe_tensors *pe_tensors_create(pe_error *errp)
{
    pe_tensors *t = calloc(1, sizeof(*t));

    if (t)
        t->meta = json_object();
    if (!t || !t->meta) {
        pe_tensors_destroy(t);
        pe_error_nomem(errp);
        return NULL;
    }
    return t;
}

void pe_tensors_destroy(pe_tensors *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++) {
        free(t->tensor[i].name);
        free(t->tensor[i].data);
    }
    free(t->tensor);
    json_decref(t->meta);
    free(t);
}

static int set_grow(pe_tensors *t, pe_error *errp)
{
    if (t->n < t->cap)
        return 0;
    size_t cap = t->cap ? 2 * t->cap : 8;
    tensor *more = realloc(t->tensor, cap * sizeof(*more));
    if (!more)
        return pe_error_nomem(errp);
    t->tensor = more;
    t->cap = cap;
    return 0;
}

int pe_tensors_put(pe_tensors *t, const char *name, const tensor_form *form,
                   const void *data, pe_error *errp)
{
    tensor x = {.type = form->type, .rank = form->rank};

    if (x.rank > TENSOR_RANK_MAX || !strcmp(name, TENSORS_METADATA) ||
        pe_tensors_find(t, name) || tensor_bytes(form, &x.bytes))
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "tensor '%s' cannot be added: its name or shape "
                            "is not usable",
                            name);
    if (set_grow(t, errp) < 0)
        return -1;
    x.name = strdup(name);
    x.data = malloc(x.bytes ? x.bytes : 1);
    if (!x.name || !x.data) {
        free(x.name);
        free(x.data);
        return pe_error_nomem(errp);
    }
    for (size_t i = 0; i < x.rank; i++)
        x.shape[i] = form->shape[i];
    if (x.bytes)
        memcpy(x.data, data, x.bytes);
    t->tensor[t->n++] = x;
    return 0;
}

const tensor *pe_tensors_find(const pe_tensors *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (!strcmp(t->tensor[i].name, name))
            return &t->tensor[i];
    return NULL;
}

const tensor *pe_tensors_at(const pe_tensors *t, size_t i)
{
    return i < t->n ? &t->tensor[i] : NULL;
}

const char *pe_tensors_type_name(enum tensor_type type)
{
    return tensor_type_name(type);
}

const void *pe_tensors_get(const pe_tensors *t, const char *name,
                           enum tensor_type type, size_t rank, uint64_t *shape,
                           pe_error *errp)
{
    const tensor *x = pe_tensors_find(t, name);

    if (!x || x->type != type || x->rank != rank) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "the model has no tensor '%s' of type %s with %zu "
                     "dimension%s",
                     name, types[type].name, rank, text_s(rank));
        return NULL;
    }
    for (size_t i = 0; i < rank; i++)
        shape[i] = x->shape[i];
    return x->data;
}

int pe_tensors_put_text(pe_tensors *t, const char *key, const char *value,
                        pe_error *errp)
{
    if (json_object_set_new(t->meta, key, json_string(value)) < 0)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "metadata '%s' cannot be stored: its text is not "
                            "UTF-8, or there is no memory",
                            key);
    return 0;
}

int pe_tensors_put_u64(pe_tensors *t, const char *key, uint64_t value,
                       pe_error *errp)
{
    char s[24];

    snprintf(s, sizeof(s), "%" PRIu64, value);
    return pe_tensors_put_text(t, key, s, errp);
}

int pe_tensors_put_double(pe_tensors *t, const char *key, double value,
                          pe_error *errp)
{
    char s[40];

    /* NaN has a sign that says nothing. */
    if (value != value)
        snprintf(s, sizeof(s), "nan");
    else
        snprintf(s, sizeof(s), "%.17g", value);
    return pe_tensors_put_text(t, key, s, errp);
}

int pe_tensors_put_list(pe_tensors *t, const char *key,
                        const char *const *values, size_t n, pe_error *errp)
{
    json_t *list = json_array();
    char *s = NULL;
    int rc = -1;

    for (size_t i = 0; list && i < n; i++)
        if (json_array_append_new(list, json_string(values[i])) < 0)
            goto done;
    s = list ? json_dumps(list, JSON_COMPACT) : NULL;
    if (s)
        rc = pe_tensors_put_text(t, key, s, errp);
done:
    if (!s)
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                     "list '%s' cannot be stored: a text is not UTF-8, or "
                     "there is no memory",
                     key);
    free(s);
    json_decref(list);
    return rc;
}

const char *pe_tensors_text(const pe_tensors *t, const char *key)
{
    return json_string_value(json_object_get(t->meta, key));
}

static int meta_error(const char *key, const char *s, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "the model's metadata '%s' is %s%.40s", key,
                        s ? "not usable: " : "missing", s ? s : "");
}

int pe_tensors_u64(const pe_tensors *t, const char *key, uint64_t *valuep,
                   pe_error *errp)
{
    const char *s = pe_tensors_text(t, key);

    if (!s || !*s || s[strspn(s, "0123456789")])
        return meta_error(key, s, errp);
    errno = 0;
    unsigned long long value = strtoull(s, NULL, 10);
    if (errno)
        return meta_error(key, s, errp);
    *valuep = value;
    return 0;
}

int pe_tensors_double(const pe_tensors *t, const char *key, double *valuep,
                      pe_error *errp)
{
    const char *s = pe_tensors_text(t, key);
    char *end;

    if (!s || !*s || s[strspn(s, "0123456789+-.einfa")])
        return meta_error(key, s, errp);
    double value = strtod(s, &end);
    if (*end)
        return meta_error(key, s, errp);
    *valuep = value;
    return 0;
}

/* Copy the strings of [list] behind an array of pointers to them. */
static char **list_copy(const json_t *list)
{
    size_t n = json_array_size(list);
    size_t bytes = (n + 1) * sizeof(char *);

    for (size_t i = 0; i < n; i++) {
        const json_t *s = json_array_get(list, i);
        bytes += json_string_length(s) + 1;
    }
    char **out = malloc(bytes);
    if (!out)
        return NULL;
    char *to = (char *)(out + n + 1);
    for (size_t i = 0; i < n; i++) {
        const json_t *s = json_array_get(list, i);
        size_t len = json_string_length(s) + 1;
        out[i] = to;
        memcpy(to, json_string_value(s), len);
        to += len;
    }
    out[n] = NULL;
    return out;
}

char **pe_tensors_list(const pe_tensors *t, const char *key, size_t *np,
                       pe_error *errp)
{
    const char *s = pe_tensors_text(t, key);
    json_t *list = s ? json_loads(s, 0, NULL) : NULL;
    bool strings = json_is_array(list);
    char **out = NULL;

    for (size_t i = 0; strings && i < json_array_size(list); i++)
        strings = json_is_string(json_array_get(list, i));
    if (!strings) {
        meta_error(key, s, errp);
    } else {
        *np = json_array_size(list);
        out = list_copy(list);
        if (!out)
            pe_error_nomem(errp);
    }
    json_decref(list);
    return out;
}
