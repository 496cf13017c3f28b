/* npy_header.c - what the header of a .npy array says. */
#include "npy_header.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MAGIC "\x93NUMPY"
#define MAGIC_LEN 6
#define PREFIX_LEN 10 /* magic, version, length: what v1.0 has */

/* Longest piece of a bad header that is shown. */
#define SHOWN_MAX 48

/* Records within records. */
#define DEPTH_MAX 8

/* Longest name of a field within fields. */
#define NAME_MAX_LEN 256

/* The header under scanning; the error is filled where it stops. */
typedef struct scanner {
    const char *at, *end;
    npy_array *array;
    int has_descr, has_shape, has_fortran;
    pe_error *errp;
} scanner;

/* A piece of the header. */
typedef struct span {
    const char *at;
    size_t len;
} span;

static int fail(scanner *s, const char *why)
{
    return pe_error_set(s->errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s", why);
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

static void skip_blanks(scanner *s)
{
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\t' || *s->at == '\n'))
        s->at++;
}

/* Is [c] next? */
static bool is_next(scanner *s, char c)
{
    skip_blanks(s);
    return s->at < s->end && *s->at == c;
}

/* Take [c] if it is next. */
static bool take(scanner *s, char c)
{
    if (!is_next(s, c))
        return false;
    s->at++;
    return true;
}

/* 'text' or "text"; what needs an escape is not a key or dtype of ours. */
static int scan_string(scanner *s, span *out)
{
    skip_blanks(s);
    if (s->at == s->end || (*s->at != '\'' && *s->at != '"'))
        return fail(s, "a quoted text is missing in its header");
    const char *start = s->at + 1;
    const char *close = memchr(start, *s->at, (size_t)(s->end - start));
    if (!close || memchr(start, '\\', (size_t)(close - start)))
        return fail(s, "a quoted text in its header does not end");
    *out = (span){start, (size_t)(close - start)};
    s->at = close + 1;
    return 0;
}

/* A whole number; Python 2 wrote some with an L behind. */
static int scan_dim(scanner *s, uint64_t *dimp)
{
    uint64_t value = 0;

    skip_blanks(s);
    if (s->at == s->end || !isdigit((unsigned char)*s->at))
        return fail(s, "'shape' is not a tuple of whole numbers");
    for (; s->at < s->end && isdigit((unsigned char)*s->at); s->at++)
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(*s->at - '0'), &value))
            return fail(s, "a dimension in 'shape' is too large");
    if (s->at < s->end && *s->at == 'L')
        s->at++;
    *dimp = value;
    return 0;
}

/* "()", "(N,)", "(N, F)" and longer ones; a number in brackets is none. */
static int scan_tuple(scanner *s, grid_shape *shape)
{
    bool comma = true;
    unsigned n = 0;

    if (!take(s, '('))
        return fail(s, "'shape' is not a tuple");
    while (!take(s, ')')) {
        if (!comma)
            return fail(s, "a comma or ')' is missing in 'shape'");
        if (n == GRID_DIMS_MAX)
            return fail(s, "'shape' has more than 32 axes");
        if (scan_dim(s, &shape->dim[n]) < 0)
            return -1;
        n++;
        comma = take(s, ',');
    }
    if (n == 1 && !comma)
        return fail(s, "'shape' is a number, not a tuple");
    shape->dims = n;
    return 0;
}

/* --- what an item is --- */

/* A type that is no number: what it is, and what to do. */
static const char *other_type(char kind)
{
    switch (kind) {
    case 'O':
        return "objects of Python";
    case 'c':
        return "complex numbers; give their real and imaginary parts apart";
    case 'f':
        return "a float that other machines do not have; give '<f8'";
    case 'S':
    case 'a':
    case 'U':
        return "text";
    case 'M':
    case 'm':
        return "times; give seconds as numbers";
    case 'V':
        return "bytes without a meaning";
    default:
        return "no type that is known";
    }
}

/* "<f8": its parts.  False: it is no number; *kindp says of which kind. */
static bool parse_type(span t, element *out, size_t *bytesp, char *kindp)
{
    const char *p = t.at, *end = t.at + t.len;
    size_t size = 0;
    bool big = false;

    if (p < end && strchr("<>|=", *p))
        big = *p++ == '>';
    *kindp = p < end ? *p++ : '\0';
    for (; p < end && isdigit((unsigned char)*p) && size < (1u << 24); p++)
        size = size * 10 + (size_t)(*p - '0');
    /* Characters of four bytes, and what units of time follow in brackets. */
    *bytesp = *kindp == 'U' ? 4 * size : size;
    if (p != end || !element_is_known(*kindp, size))
        return false;
    *out = (element){*kindp, (unsigned char)size, big};
    return true;
}

static int refuse_type(scanner *s, span t, char kind)
{
    char piece[SHOWN_MAX + 1];

    return pe_error_set(s->errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "dtype '%s' is refused: it is %s", shown(t, piece),
                        other_type(kind));
}

static int scan_fields(scanner *s, span prefix, size_t base, size_t *bytesp,
                       int depth);

/* [n] numbers in a row, of field [name]: NAME[0], NAME[1], ... */
static int add_many(scanner *s, span name, element e, size_t base, uint64_t n)
{
    char one[NAME_MAX_LEN + 24];

    for (uint64_t i = 0; i < n; i++) {
        int len = snprintf(one, sizeof(one), "%.*s[%llu]", (int)name.len,
                           name.at, (unsigned long long)i);
        if (grid_items_add(&s->array->items, e, base + (size_t)i * e.size, one,
                           (size_t)len, s->errp) < 0)
            return -1;
    }
    return 0;
}

/* How many numbers a field is. */
typedef struct many {
    bool is_array;
    uint64_t n;
} many;

/* A field that is a number, or several, or is left out. */
static int add_plain(scanner *s, span name, span type, size_t base, many m,
                     size_t *bytesp)
{
    grid_items *t = &s->array->items;
    element e;
    char kind;
    size_t bytes;

    if (!parse_type(type, &e, &bytes, &kind)) {
        if (kind == 'O') /* all of the data is a pickle */
            return refuse_type(s, type, kind);
        /* NumPy gives the room between fields as '' of 'V'. */
        if (name.len > 0 || kind != 'V')
            grid_items_leave_out(t, name.at, name.len, type.at, type.len);
    } else if (m.is_array ? add_many(s, name, e, base, m.n) < 0
                          : grid_items_add(t, e, base, name.at, name.len,
                                           s->errp) < 0) {
        return -1;
    }
    if (__builtin_mul_overflow(bytes, m.n, bytesp))
        return fail(s, "a field in its header is too large");
    return 0;
}

/* The optional third part of a field: (2, 3); their product. */
static int scan_subarray(scanner *s, many *m)
{
    grid_shape shape;

    *m = (many){false, 1};
    if (!take(s, ',') || is_next(s, ')'))
        return 0;
    m->is_array = true;
    if (scan_tuple(s, &shape) < 0)
        return -1;
    for (unsigned i = 0; i < shape.dims; i++)
        if (__builtin_mul_overflow(m->n, shape.dim[i], &m->n))
            return fail(s, "a field in its header is too large");
    return 0;
}

/* A quoted text that nobody looks at, whatever stands in it. */
static int skip_string(scanner *s)
{
    char quote;

    skip_blanks(s);
    if (s->at == s->end || (*s->at != '\'' && *s->at != '"'))
        return fail(s, "a quoted text is missing in its header");
    quote = *s->at++;
    for (; s->at < s->end && *s->at != quote; s->at++)
        s->at += *s->at == '\\' && s->at + 1 < s->end;
    if (s->at == s->end)
        return fail(s, "a quoted text in its header does not end");
    s->at++;
    return 0;
}

/* 'name', or ('title', 'name'). */
static int scan_name(scanner *s, span *name)
{
    if (!take(s, '('))
        return scan_string(s, name);
    if (skip_string(s) < 0)
        return -1;
    if (!take(s, ',') || scan_string(s, name) < 0 || !take(s, ')'))
        return fail(s, "a field in its header has no name");
    return 0;
}

/* A record within a record; its fields are NAME.FIELD. */
static int scan_record(scanner *s, span name, size_t base, size_t *bytesp,
                       int depth)
{
    many m;

    if (scan_fields(s, name, base, bytesp, depth + 1) < 0 ||
        scan_subarray(s, &m) < 0)
        return -1;
    return m.is_array ? fail(s, "a field in its header is an array of records; "
                                "give each record a row")
                      : 0;
}

/* One "('name', '<f4', (2,))" of a list; its bytes. */
static int scan_field(scanner *s, span prefix, size_t base, size_t *bytesp,
                      int depth)
{
    char full[NAME_MAX_LEN];
    span name, type;
    many m;
    int len;

    if (!take(s, '('))
        return fail(s, "a field in its header is not a tuple");
    if (scan_name(s, &name) < 0)
        return -1;
    len = prefix.len
              ? snprintf(full, sizeof(full), "%.*s.%.*s", (int)prefix.len,
                         prefix.at, (int)name.len, name.at)
              : snprintf(full, sizeof(full), "%.*s", (int)name.len, name.at);
    if (len < 0 || len >= (int)sizeof(full))
        return fail(s, "a field in its header has a name of more than 255 "
                       "bytes");
    name = (span){full, (size_t)len};
    if (!take(s, ','))
        return fail(s, "a field in its header has no type");
    if (is_next(s, '[')) {
        if (scan_record(s, name, base, bytesp, depth) < 0)
            return -1;
    } else {
        if (scan_string(s, &type) < 0 || scan_subarray(s, &m) < 0 ||
            add_plain(s, name, type, base, m, bytesp) < 0)
            return -1;
    }
    return take(s, ')') ? 0 : fail(s, "a field in its header does not end");
}

/* "[('x', '<f4'), ...]"; the bytes of such a record. */
static int scan_fields(scanner *s, span prefix, size_t base, size_t *bytesp,
                       int depth)
{
    bool comma = true;
    size_t sum = 0, bytes = 0;

    if (depth > DEPTH_MAX)
        return fail(s, "records in its header are within too many others");
    take(s, '[');
    while (!take(s, ']')) {
        if (!comma)
            return fail(s, "a comma or ']' is missing in its header");
        if (scan_field(s, prefix, base + sum, &bytes, depth) < 0)
            return -1;
        if (__builtin_add_overflow(sum, bytes, &sum) || sum > UINT32_MAX)
            return fail(s, "a field in its header is too large");
        comma = take(s, ',');
    }
    *bytesp = sum;
    return 0;
}

static int scan_descr(scanner *s)
{
    grid_items *t = &s->array->items;
    size_t bytes = 0;
    span type;
    char kind;

    if (is_next(s, '(') || is_next(s, '{'))
        return fail(s, "'descr' is neither a type nor a list of fields");
    if (!is_next(s, '[')) {
        if (scan_string(s, &type) < 0)
            return -1;
        return parse_type(type, &t->type, &t->bytes, &kind)
                   ? 0
                   : refuse_type(s, type, kind);
    }
    if (scan_fields(s, (span){"", 0}, 0, &bytes, 0) < 0)
        return -1;
    t->bytes = bytes;
    if (t->n == 0)
        return pe_error_set(s->errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "none of its fields is a number: %s",
                            *t->left_out ? t->left_out : "it has none");
    return 0;
}

/* --- the dict --- */

static bool scan_word(scanner *s, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
        return false;
    s->at += len;
    return true;
}

static int scan_fortran(scanner *s)
{
    skip_blanks(s);
    s->array->shape.fortran = scan_word(s, "True");
    if (!s->array->shape.fortran && !scan_word(s, "False"))
        return fail(s, "'fortran_order' is neither True nor False");
    return 0;
}

static int scan_shape(scanner *s)
{
    return scan_tuple(s, &s->array->shape);
}

static bool span_is(span s, const char *word)
{
    return s.len == strlen(word) && !memcmp(s.at, word, s.len);
}

/* One "key: value". */
static int scan_item(scanner *s)
{
    const struct {
        const char *key;
        int *seen;
        int (*scan)(scanner *s);
    } keys[] = {{"descr", &s->has_descr, scan_descr},
                {"fortran_order", &s->has_fortran, scan_fortran},
                {"shape", &s->has_shape, scan_shape}};
    span key;

    if (scan_string(s, &key) < 0)
        return -1;
    if (!take(s, ':'))
        return fail(s, "':' is missing behind a key of its header");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (!span_is(key, keys[i].key))
            continue;
        if ((*keys[i].seen)++)
            return fail(s, "a key is twice in its header");
        return keys[i].scan(s);
    }
    return fail(s, "its header has a key other than 'descr', "
                   "'fortran_order' and 'shape'");
}

static int scan_dict(scanner *s)
{
    bool comma = true;

    if (!take(s, '{'))
        return fail(s, "its header is not a Python dict");
    while (!take(s, '}')) {
        if (!comma)
            return fail(s, "a comma or '}' is missing in its header");
        if (scan_item(s) < 0)
            return -1;
        comma = take(s, ',');
    }
    if (!s->has_descr || !s->has_fortran || !s->has_shape)
        return fail(s, "its header lacks one of 'descr', 'fortran_order' and "
                       "'shape'");
    skip_blanks(s);
    if (s->at != s->end)
        return fail(s, "text follows the dict of its header");
    return 0;
}

/* Find the dict between the prefix and the data. */
static int find_dict(const unsigned char *p, size_t len, scanner *s)
{
    size_t prefix = PREFIX_LEN;
    size_t dict;

    if (len < PREFIX_LEN || memcmp(p, MAGIC, MAGIC_LEN) != 0)
        return fail(s, "it does not start with \\x93NUMPY");
    if (p[6] < 1 || p[6] > 3 || p[7] != 0)
        return pe_error_set(s->errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "version %u.%u is none of 1.0, 2.0 and 3.0", p[6],
                            p[7]);
    dict = (size_t)p[8] | (size_t)p[9] << 8;
    if (p[6] > 1) {
        prefix += 2;
        if (len < prefix)
            return fail(s, "it ends within its header");
        dict |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    }
    if (dict > NPY_DICT_MAX)
        return pe_error_set(s->errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "a header of %zu bytes is longer than %d", dict,
                            NPY_DICT_MAX);
    if (len - prefix < dict)
        return fail(s, "it ends within its header");
    s->at = (const char *)p + prefix;
    s->end = s->at + dict;
    s->array->data_offset = prefix + dict;
    return 0;
}

int npy_array_read(npy_array *a, const void *buf, size_t len, pe_error *errp)
{
    scanner s = {.array = a, .errp = errp};

    memset(a, 0, sizeof(*a));
    if (find_dict(buf, len, &s) == 0 && scan_dict(&s) == 0)
        return 0;
    npy_array_clear(a);
    return -1;
}

void npy_array_clear(npy_array *a)
{
    grid_items_clear(&a->items);
}

uint64_t npy_array_bytes(const npy_array *a)
{
    uint64_t n = a->items.bytes;

    for (unsigned i = 0; i < a->shape.dims; i++)
        if (__builtin_mul_overflow(n, a->shape.dim[i], &n))
            return 0;
    return n;
}
