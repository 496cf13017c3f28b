/* safetensors.c - the safetensors file format. */
#include "tensors_private.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 8
#define ALIGNMENT 8

/* Longest header read: the bound of the format's own library. */
#define HEADER_MAX ((uint64_t)100 << 20)

/* --- encode --- */

static json_t *describe(const tensor *x, size_t begin)
{
    json_t *shape = json_array();

    for (size_t i = 0; shape && i < x->rank; i++)
        if (json_array_append_new(shape,
                                  json_integer((json_int_t)x->shape[i]))) {
            json_decref(shape);
            return NULL;
        }
    return json_pack("{s:s, s:o, s:[I,I]}", "dtype", tensor_type_name(x->type),
                     "shape", shape, "data_offsets", (json_int_t)begin,
                     (json_int_t)begin + (json_int_t)x->bytes);
}

/* The JSON header; *bytesp is the length of the tensors behind it. */
static char *header_text(const pe_tensors *t, size_t *bytesp)
{
    json_t *header = json_object();
    char *text = NULL;
    size_t at = 0;

    if (json_object_set(header, TENSORS_METADATA, t->meta) < 0)
        goto done;
    for (size_t i = 0; i < t->n; i++) {
        const tensor *x = &t->tensor[i];
        if (json_object_set_new(header, x->name, describe(x, at)) < 0)
            goto done;
        at += x->bytes;
    }
    *bytesp = at;
    text = json_dumps(header, JSON_COMPACT);
done:
    json_decref(header);
    return text;
}

static void put_length(unsigned char *out, uint64_t n)
{
    for (int i = 0; i < LENGTH_BYTES; i++)
        out[i] = (unsigned char)(n >> (8 * i));
}

int pe_tensors_encode(const pe_tensors *t, pe_buffer *out, pe_error *errp)
{
    size_t bytes = 0;
    char *text = header_text(t, &bytes);
    int rc = -1;

    out->len = 0;
    if (!text)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "the model's header cannot be written: a name is "
                            "not UTF-8, or there is no memory");
    size_t len = strlen(text);
    size_t padded = (len + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);

    if (pe_buffer_reserve(out, LENGTH_BYTES + padded + bytes, errp) < 0)
        goto done;
    put_length(out->data, padded);
    memcpy(out->data + LENGTH_BYTES, text, len);
    memset(out->data + LENGTH_BYTES + len, ' ', padded - len);
    out->len = LENGTH_BYTES + padded;
    for (size_t i = 0; i < t->n; i++) {
        memcpy(out->data + out->len, t->tensor[i].data, t->tensor[i].bytes);
        out->len += t->tensor[i].bytes;
    }
    rc = 0;
done:
    free(text);
    return rc;
}

/* --- decode --- */

/* Where the next tensor's bytes are. */
typedef struct extent {
    uint64_t begin, end;
} extent;

static uint64_t get_length(const unsigned char *p)
{
    uint64_t n = 0;

    for (int i = 0; i < LENGTH_BYTES; i++)
        n |= (uint64_t)p[i] << (8 * i);
    return n;
}

static int refuse(pe_error *errp, const char *what, const char *name)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "not a model file: %s%.60s", what, name);
}

static int read_natural(const json_t *j, uint64_t *valuep)
{
    if (!json_is_integer(j) || json_integer_value(j) < 0)
        return -1;
    *valuep = (uint64_t)json_integer_value(j);
    return 0;
}

static int read_type(const json_t *j, enum tensor_type *typep)
{
    static const enum tensor_type known[] = {TENSOR_F64, TENSOR_F32, TENSOR_I64,
                                             TENSOR_U64};
    const char *name = json_string_value(j);

    for (size_t i = 0; name && i < sizeof(known) / sizeof(known[0]); i++)
        if (!strcmp(name, tensor_type_name(known[i]))) {
            *typep = known[i];
            return 0;
        }
    return -1;
}

static int read_shape(const json_t *j, tensor_form *f, size_t *needp)
{
    f->rank = json_array_size(j);
    if (!json_is_array(j) || f->rank > TENSOR_RANK_MAX)
        return -1;
    for (size_t i = 0; i < f->rank; i++)
        if (read_natural(json_array_get(j, i), &f->shape[i]) < 0)
            return -1;
    return tensor_bytes(f, needp);
}

/* One entry of the header; the sizes agree when this returns 0. */
static int read_entry(const char *name, const json_t *j, tensor_form *f,
                      extent *e, size_t bytes, pe_error *errp)
{
    const json_t *offsets = json_object_get(j, "data_offsets");
    size_t need;

    if (read_type(json_object_get(j, "dtype"), &f->type) < 0)
        return refuse(errp, "no known dtype in tensor ", name);
    if (read_shape(json_object_get(j, "shape"), f, &need) < 0)
        return refuse(errp, "no usable shape in tensor ", name);
    if (json_array_size(offsets) != 2 ||
        read_natural(json_array_get(offsets, 0), &e->begin) < 0 ||
        read_natural(json_array_get(offsets, 1), &e->end) < 0 ||
        e->begin > e->end || e->end > bytes)
        return refuse(errp,
                      "the file ends before, or the header misplaces, "
                      "tensor ",
                      name);
    if (e->end - e->begin != need)
        return refuse(errp, "shape and size differ in tensor ", name);
    return 0;
}

static int by_begin(const void *a, const void *b)
{
    const extent *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Do the extents cover [bytes] once, without a gap? */
static int check_cover(extent *e, size_t n, size_t bytes, pe_error *errp)
{
    uint64_t at = 0;

    qsort(e, n, sizeof(*e), by_begin);
    for (size_t i = 0; i < n; i++) {
        if (e[i].begin != at)
            return refuse(errp, "tensors overlap or leave a gap", "");
        at = e[i].end;
    }
    if (at != bytes)
        return refuse(errp, "bytes behind the last tensor", "");
    return 0;
}

static int read_meta(pe_tensors *t, const json_t *j, pe_error *errp)
{
    const char *key;
    json_t *value;

    if (!json_is_object(j))
        return refuse(errp, "no metadata", "");
    json_object_foreach((json_t *)j, key, value)
    {
        if (!json_is_string(value))
            return refuse(errp, "metadata that is not text: ", key);
        if (json_object_set(t->meta, key, value) < 0)
            return pe_error_nomem(errp);
    }
    return 0;
}

static int read_tensors(pe_tensors *t, json_t *header,
                        const unsigned char *data, size_t bytes, pe_error *errp)
{
    extent *e = calloc(json_object_size(header) + 1, sizeof(*e));
    const char *name;
    json_t *value;
    size_t n = 0;
    int rc = -1;

    if (!e)
        return pe_error_nomem(errp);
    json_object_foreach(header, name, value)
    {
        tensor_form form;

        if (!strcmp(name, TENSORS_METADATA))
            continue;
        if (read_entry(name, value, &form, &e[n], bytes, errp) < 0 ||
            pe_tensors_put(t, name, &form, data + e[n].begin, errp) < 0)
            goto done;
        n++;
    }
    rc = check_cover(e, n, bytes, errp);
done:
    free(e);
    return rc;
}

static json_t *read_header(const unsigned char *data, size_t len,
                           size_t *behindp, pe_error *errp)
{
    json_error_t why;

    if (len < LENGTH_BYTES) {
        refuse(errp, "too short", "");
        return NULL;
    }
    uint64_t n = get_length(data);
    if (n > len - LENGTH_BYTES || n > HEADER_MAX) {
        refuse(errp, "its header is longer than the file or 100 MiB", "");
        return NULL;
    }
    json_t *header = json_loadb((const char *)data + LENGTH_BYTES, (size_t)n,
                                JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(header)) {
        refuse(errp, "its header is no JSON object: ", header ? "" : why.text);
        json_decref(header);
        return NULL;
    }
    *behindp = LENGTH_BYTES + (size_t)n;
    return header;
}

pe_tensors *pe_tensors_decode(const void *data, size_t len, pe_error *errp)
{
    size_t behind;
    json_t *header = read_header(data, len, &behind, errp);
    pe_tensors *t = header ? pe_tensors_create(errp) : NULL;

    if (t &&
        (read_meta(t, json_object_get(header, TENSORS_METADATA), errp) < 0 ||
         read_tensors(t, header, (const unsigned char *)data + behind,
                      len - behind, errp) < 0)) {
        pe_tensors_destroy(t);
        t = NULL;
    }
    json_decref(header);
    return t;
}
