/* result_columns.c - what the values of a row are called. */
#include "result_columns.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/columns.h"
#include "src/common/text.h"

/* --- names --- */

static const char *const reserved[] = {
    "time",  "time_ns", "device",    "source", "row",   "score", "threshold",
    "label", "version", "partition", "offset", "point", "values"};

#define RESERVED (sizeof(reserved) / sizeof(reserved[0]))

/* [name] as one that is not there yet; -1: no memory. */
static int take(names *t, const char *name)
{
    size_t n = t->n;
    int32_t at = names_take(t, name);

    for (int i = 2; at >= 0 && t->n == n; i++) {
        char *other = text_format("%s_%d", name, i);

        at = other ? names_take(t, other) : -2;
        free(other);
    }
    return at < 0 ? -1 : 0;
}

/* Names in front of those of values, which may not have them. */
static int reserve(result_columns *c, uint32_t n, pe_error *errp)
{
    memset(c, 0, sizeof(*c));
    c->n = n;
    for (size_t i = 0; i < RESERVED; i++)
        if (names_take(&c->names, reserved[i]) < 0)
            return pe_error_nomem(errp);
    return 0;
}

/* Value [k] is called [name], NULL or "" : by its number. */
static int add(result_columns *c, uint32_t k, const char *name, pe_error *errp)
{
    char number[RESULT_NUMBER];

    snprintf(number, sizeof(number), "x%" PRIu32, k);
    return take(&c->names, name && *name ? name : number) < 0
               ? pe_error_nomem(errp)
               : 0;
}

int result_columns_make(result_columns *c, const answers *a, pe_error *errp)
{
    int rc;

    if (!answers_column(a, 0) || a->n_values > NAMES_MAX / 2) {
        *c = (result_columns){.n = a->n_values};
        return 0;
    }
    rc = reserve(c, a->n_values, errp);
    for (uint32_t k = 0; rc == 0 && k < a->n_values; k++)
        rc = add(c, k, answers_column(a, k), errp);
    if (rc < 0)
        result_columns_free(c);
    return rc;
}

int result_columns_take(result_columns *c, uint32_t n, const char *list,
                        pe_error *errp)
{
    size_t len = list ? strlen(list) : 0, size;
    int rc;

    if (columns_count(list, len) != n || n > NAMES_MAX / 2) {
        *c = (result_columns){.n = n};
        return 0;
    }
    rc = reserve(c, n, errp);
    for (uint32_t k = 0; rc == 0 && k < n; k++) {
        const char *at = columns_at(list, len, k, &size);
        char *name = text_format("%.*s", (int)size, at);

        rc = name ? add(c, k, name, errp) : pe_error_nomem(errp);
        free(name);
    }
    if (rc < 0)
        result_columns_free(c);
    return rc;
}

void result_columns_free(result_columns *c)
{
    names_clear(&c->names);
    memset(c, 0, sizeof(*c));
}

const char *result_columns_at(const result_columns *c, uint32_t k,
                              char number[RESULT_NUMBER])
{
    if (c->names.n > 0)
        return c->names.name[RESERVED + k];
    snprintf(number, RESULT_NUMBER, "x%" PRIu32, k);
    return number;
}

/* --- .npy --- */

/* As a text of Python; true: it is ASCII. */
static bool add_literal(text *t, const char *s)
{
    bool ascii = true;

    text_add(t, "'");
    for (; *s; s++) {
        if (*s == '\'' || *s == '\\')
            text_add(t, "\\");
        text_add_bytes(t, s, 1);
        ascii = ascii && (unsigned char)*s < 0x80;
    }
    text_add(t, "'");
    return ascii;
}

/* Version 1.0 where that can say it, else 3.0, whose text is UTF-8 of any
 * length.
 */
static void print_head(text *words, bool ascii, FILE *f)
{
    size_t front = ascii && words->len < 65000 ? 10 : 12;
    size_t len = (front + words->len + 64) / 64 * 64 - front;
    unsigned char head[12] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

    head[6] = front == 10 ? 1 : 3;
    for (size_t i = 8; i < front; i++)
        head[i] = (unsigned char)(len >> 8 * (i - 8));
    fwrite(head, 1, front, f);
    fprintf(f, "%-*s\n", (int)len - 1, words->data);
}

int result_npy_head(const result_columns *c, uint64_t n, FILE *f,
                    pe_error *errp)
{
    text words = {0};
    bool ascii = true;

    text_add(&words, "{'descr': [" ANSWER_FIELDS);
    for (uint32_t k = 0; k < c->n; k++) {
        char number[RESULT_NUMBER];

        text_add(&words, ", (");
        ascii = add_literal(&words, result_columns_at(c, k, number)) && ascii;
        text_add(&words, ", '<f8')");
    }
    text_add(&words, "], 'fortran_order': False, 'shape': (%" PRIu64 ",), }",
             n);
    if (!words.failed)
        print_head(&words, ascii, f);
    if (words.failed) {
        text_free(&words);
        return pe_error_nomem(errp);
    }
    text_free(&words);
    return 0;
}
