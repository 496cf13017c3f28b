/* npy.c - NumPy .npy format, versions 1.0 to 3.0 in, 1.0 out. */
#include "npy.h"

#include <ctype.h>
#include <string.h>

#include "src/common/text.h"

#define MAGIC "\x93NUMPY"
#define MAGIC_LEN 6
#define PREFIX_LEN 10 /* magic, version, length: what v1.0 has */

/* NumPy's own limit (format._MAX_HEADER_SIZE). */
#define DICT_MAX 10000

/* Longest piece of a bad header that is shown. */
#define SHOWN_MAX 48

/* The header under scanning; [why] is what is wrong with it. */
typedef struct scanner {
    const char *at, *end;
    const char *why;
} scanner;

/* A piece of the header. */
typedef struct span {
    const char *at;
    size_t len;
} span;

/* What the three keys say. */
typedef struct header {
    span descr; /* without quotes */
    span shape; /* with parentheses */
    uint64_t dim[2];
    unsigned dims;
    int fortran;
    int has_descr, has_shape, has_fortran;
} header;

void npy_header(unsigned char out[NPY_HEADER_LEN], enum pe_dtype dtype,
                uint32_t points, uint32_t features)
{
    static const char start[] = "{'descr': '<f";
    static const char middle[] = "', 'fortran_order': False, 'shape': (";
    char *p = (char *)out;

    memcpy(p, MAGIC "\x01\x00", MAGIC_LEN + 2);
    out[8] = NPY_HEADER_LEN - PREFIX_LEN;
    out[9] = 0;
    memset(p + PREFIX_LEN, ' ', NPY_HEADER_LEN - PREFIX_LEN);
    p += PREFIX_LEN;
    memcpy(p, start, sizeof(start) - 1);
    p += sizeof(start) - 1;
    *p++ = (char)('0' + dtype);
    memcpy(p, middle, sizeof(middle) - 1);
    p += sizeof(middle) - 1;
    p += text_put_u64(p, points);
    *p++ = ',';
    if (features > 0)
        p += 1 + text_put_u64(p + 1, features);
    memcpy(p, "), }", 4);
    out[NPY_HEADER_LEN - 1] = '\n';
}

static int refuse(pe_error *errp, const char *why)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "not a .npy record: %s", why);
}

/* [s] cut and without odd characters into [out], for an error text. */
static const char *shown(span s, char out[SHOWN_MAX + 1])
{
    size_t n = s.len < SHOWN_MAX ? s.len : SHOWN_MAX;

    for (size_t i = 0; i < n; i++)
        out[i] = s.at[i] >= ' ' && s.at[i] <= '~' ? s.at[i] : '?';
    out[n] = '\0';
    return out;
}

static int scan_fail(scanner *s, const char *why)
{
    s->why = why;
    return -1;
}

static void skip_blanks(scanner *s)
{
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\t' || *s->at == '\n'))
        s->at++;
}

/* Take [c] if it is next. */
static int take(scanner *s, char c)
{
    skip_blanks(s);
    if (s->at == s->end || *s->at != c)
        return 0;
    s->at++;
    return 1;
}

/* 'text' or "text"; what needs an escape is not a key or dtype of ours. */
static int scan_string(scanner *s, span *out)
{
    skip_blanks(s);
    if (s->at == s->end || (*s->at != '\'' && *s->at != '"'))
        return scan_fail(s, "a quoted text is missing in its header");
    const char *start = s->at + 1;
    const char *close = memchr(start, *s->at, (size_t)(s->end - start));
    if (!close || memchr(start, '\\', (size_t)(close - start)))
        return scan_fail(s, "a quoted text in its header does not end");
    *out = (span){start, (size_t)(close - start)};
    s->at = close + 1;
    return 0;
}

static int scan_descr(scanner *s, header *h)
{
    skip_blanks(s);
    if (s->at < s->end && (*s->at == '[' || *s->at == '('))
        return scan_fail(s, "structured arrays are refused; send '<f4' or "
                            "'<f8'");
    return scan_string(s, &h->descr);
}

static int scan_word(scanner *s, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len))
        return 0;
    s->at += len;
    return 1;
}

static int scan_fortran(scanner *s, header *h)
{
    skip_blanks(s);
    if (scan_word(s, "True"))
        h->fortran = 1;
    else if (!scan_word(s, "False"))
        return scan_fail(s, "'fortran_order' is neither True nor False");
    return 0;
}

static int scan_dim(scanner *s, uint64_t *dimp)
{
    uint64_t value = 0;

    skip_blanks(s);
    if (s->at == s->end || !isdigit((unsigned char)*s->at))
        return scan_fail(s, "'shape' is not a tuple of whole numbers");
    for (; s->at < s->end && isdigit((unsigned char)*s->at); s->at++)
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(*s->at - '0'), &value))
            return scan_fail(s, "a dimension in 'shape' is too large");
    *dimp = value;
    return 0;
}

/* "()", "(N,)", "(N, F)" and longer ones, of which two are kept. */
static int scan_shape(scanner *s, header *h)
{
    uint64_t dim = 0;
    int comma = 1;

    if (!take(s, '('))
        return scan_fail(s, "'shape' is not a tuple");
    const char *start = s->at - 1;
    while (!take(s, ')')) {
        if (!comma)
            return scan_fail(s, "a comma or ')' is missing in 'shape'");
        if (scan_dim(s, &dim) < 0)
            return -1;
        if (h->dims < 2)
            h->dim[h->dims] = dim;
        h->dims++;
        comma = take(s, ',');
    }
    if (h->dims == 1 && !comma)
        return scan_fail(s, "'shape' is a number, not a tuple");
    h->shape = (span){start, (size_t)(s->at - start)};
    return 0;
}

static int span_is(span s, const char *word)
{
    return s.len == strlen(word) && !memcmp(s.at, word, s.len);
}

/* One "key: value". */
static int scan_item(scanner *s, header *h)
{
    const struct {
        const char *key;
        int *seen;
        int (*scan)(scanner *s, header *h);
    } keys[] = {{"descr", &h->has_descr, scan_descr},
                {"fortran_order", &h->has_fortran, scan_fortran},
                {"shape", &h->has_shape, scan_shape}};
    span key;

    if (scan_string(s, &key) < 0)
        return -1;
    if (!take(s, ':'))
        return scan_fail(s, "':' is missing behind a key of its header");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (!span_is(key, keys[i].key))
            continue;
        if ((*keys[i].seen)++)
            return scan_fail(s, "a key is twice in its header");
        return keys[i].scan(s, h);
    }
    return scan_fail(s, "its header has a key other than 'descr', "
                        "'fortran_order' and 'shape'");
}

static int scan_dict(scanner *s, header *h)
{
    int comma = 1;

    if (!take(s, '{'))
        return scan_fail(s, "its header is not a Python dict");
    while (!take(s, '}')) {
        if (!comma)
            return scan_fail(s, "a comma or '}' is missing in its header");
        if (scan_item(s, h) < 0)
            return -1;
        comma = take(s, ',');
    }
    if (!h->has_descr || !h->has_fortran || !h->has_shape)
        return scan_fail(s, "its header lacks one of 'descr', "
                            "'fortran_order' and 'shape'");
    skip_blanks(s);
    if (s->at != s->end)
        return scan_fail(s, "text follows the dict of its header");
    return 0;
}

/* Find the dict between the prefix and the data. */
static int find_dict(const unsigned char *p, size_t len, scanner *s,
                     size_t *data_offsetp, pe_error *errp)
{
    size_t prefix = PREFIX_LEN;
    size_t dict;

    if (len < PREFIX_LEN || memcmp(p, MAGIC, MAGIC_LEN))
        return refuse(errp, "it does not start with \\x93NUMPY");
    if (p[6] < 1 || p[6] > 3 || p[7] != 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a .npy record: version %u.%u is none of "
                            "1.0, 2.0 and 3.0",
                            p[6], p[7]);
    dict = (size_t)p[8] | (size_t)p[9] << 8;
    if (p[6] > 1) {
        prefix += 2;
        if (len < prefix)
            return refuse(errp, "it ends within its header");
        dict |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    }
    if (dict > DICT_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a .npy record: a header of %zu bytes is "
                            "longer than %d",
                            dict, DICT_MAX);
    if (len - prefix < dict)
        return refuse(errp, "it ends within its header");
    s->at = (const char *)p + prefix;
    s->end = s->at + dict;
    s->why = NULL;
    *data_offsetp = prefix + dict;
    return 0;
}

static int check_dtype(span descr, enum pe_dtype *dtypep, pe_error *errp)
{
    char piece[SHOWN_MAX + 1];

    if (span_is(descr, "<f4")) {
        *dtypep = PE_F4;
        return 0;
    }
    if (span_is(descr, "<f8")) {
        *dtypep = PE_F8;
        return 0;
    }
    if (memchr(descr.at, 'O', descr.len))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "object arrays are refused; send '<f4' or '<f8'");
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "dtype '%s' is refused; send '<f4' or '<f8'",
                        shown(descr, piece));
}

static int shape_refuse(pe_error *errp, span shape, const char *why)
{
    char piece[SHOWN_MAX + 1];

    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "shape %s is refused: %s", shown(shape, piece), why);
}

/* Size of the data, with dimensions that fit a block. */
static int check_shape(const header *h, enum pe_dtype dtype, size_t *bytesp,
                       pe_error *errp)
{
    uint64_t points = h->dim[0];
    uint64_t features = h->dims == 2 ? h->dim[1] : 1;

    if (h->dims < 1 || h->dims > 2)
        return shape_refuse(errp, h->shape, "it has not 1 or 2 dimensions");
    if (points == 0 || features == 0)
        return shape_refuse(errp, h->shape, "a dimension is 0");
    if (points > UINT32_MAX || features > UINT32_MAX ||
        __builtin_mul_overflow((size_t)points, (size_t)features, bytesp) ||
        __builtin_mul_overflow(*bytesp, (size_t)dtype, bytesp))
        return shape_refuse(errp, h->shape, "it is too large");
    if (h->fortran && points > 1 && features > 1)
        return shape_refuse(errp, h->shape,
                            "Fortran order; send a C-ordered array");
    return 0;
}

/* Header of [buf]: where the data starts and how many bytes it has. */
static int decode_header(const void *buf, size_t len, pe_block *b,
                         size_t *offsetp, size_t *bytesp, pe_error *errp)
{
    scanner s;
    header h = {0};
    enum pe_dtype dtype = PE_F4;
    size_t offset = 0;

    if (find_dict(buf, len, &s, &offset, errp) < 0)
        return -1;
    if (scan_dict(&s, &h) < 0)
        return refuse(errp, s.why);
    if (check_dtype(h.descr, &dtype, errp) < 0 ||
        check_shape(&h, dtype, bytesp, errp) < 0)
        return -1;
    b->points = (uint32_t)h.dim[0];
    b->features = h.dims == 2 ? (uint32_t)h.dim[1] : 1;
    b->dtype = dtype;
    *offsetp = offset;
    return 0;
}

int npy_decode_header(const void *buf, size_t len, pe_block *b,
                      size_t *data_offsetp, pe_error *errp)
{
    size_t bytes;

    return decode_header(buf, len, b, data_offsetp, &bytes, errp);
}

int npy_decode(const void *buf, size_t len, pe_block *b, pe_error *errp)
{
    pe_block shape;
    size_t offset, bytes;

    if (decode_header(buf, len, &shape, &offset, &bytes, errp) < 0)
        return -1;
    if (len - offset != bytes)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a .npy record: %zu bytes of data where "
                            "%u x %u '<f%d' are %zu",
                            len - offset, shape.points, shape.features,
                            (int)shape.dtype, bytes);
    if (bytes > PE_BLOCK_BYTES_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "a block of %u points x %u features is larger "
                            "than 1 GiB; send smaller blocks",
                            shape.points, shape.features);
    b->data = (unsigned char *)(uintptr_t)buf + offset;
    b->points = shape.points;
    b->features = shape.features;
    b->dtype = shape.dtype;
    return 0;
}

const void *npy_frame(pe_block *b, size_t *lenp)
{
    unsigned char *start = b->storage;

    if (!start || b->data != start + NPY_HEADER_LEN)
        return NULL;
    npy_header(start, b->dtype, b->points, b->features);
    *lenp = NPY_HEADER_LEN + pe_block_bytes(b);
    return start;
}
