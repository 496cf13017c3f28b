/* refusals.c - what lies in the topic of refused blocks. */
#include "refusals.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/poison/reason.h"

/* --- one record --- */

/* New memory; NULL: none. */
static char *header_text(const record_headers *h, const char *name)
{
    const record_header *k = record_find(h, name);
    char said[640] = "-";

    if (k && k->value && k->len > 0)
        text_shown(k->value, k->len, said, sizeof(said));
    return strdup(said);
}

static uint64_t header_number(const record_headers *h, const char *name,
                              uint64_t other)
{
    const record_header *k = record_find(h, name);
    uint64_t n = other;

    if (k && record_number(k, &n, NULL) < 0)
        n = other;
    return n;
}

/* TOPIC/PARTITION/OFFSET; a topic has no '/'. */
static int take_origin(const record_headers *h, refusal *f)
{
    char *words = header_text(h, "pe_origin"), *slash;
    int rc = words ? 1 : -1;

    slash = words ? strchr(words, '/') : NULL;
    if (slash && refusal_place(slash + 1, &f->partition, &f->offset, NULL) == 0)
        rc = 0;
    if (rc == 0) {
        *slash = '\0';
        f->topic = words;
        return 0;
    }
    free(words);
    return rc;
}

/* DEVICE/BOOT/SEQ; without it the key. */
static char *device_of(const record_headers *h, const broker_record *r)
{
    char *words = header_text(h, "ce_id"), said[256] = "-", *slash;

    if (words && (slash = strrchr(words, '/'))) {
        *slash = '\0';
        if ((slash = strrchr(words, '/')))
            *slash = '\0';
        return words;
    }
    free(words);
    if (r->key_len > 0)
        text_shown(r->key, r->key_len, said, sizeof(said));
    return strdup(said);
}

int refusal_read(const broker_record *r, refusal *out, pe_error *errp)
{
    record_headers h = {0};
    int rc;

    *out = (refusal){.at = r->offset, .time_ns = r->time_ns, .bytes = r->len};
    if (broker_record_headers(r, &h, NULL) < 0 ||
        !record_find(&h, "pe_reason") || !record_find(&h, "pe_origin"))
        return 1;
    rc = take_origin(&h, out);
    if (rc > 0)
        return 1;
    out->device = device_of(&h, r);
    out->stage = header_text(&h, "pe_stage");
    out->reason = header_text(&h, "pe_reason");
    out->attempts = header_number(&h, "pe_attempts", 1);
    out->cut = header_number(&h, "pe_cut", 0);
    if (rc == 0 && out->device && out->stage && out->reason)
        return 0;
    refusal_free(out);
    return pe_error_nomem(errp);
}

void refusal_free(refusal *f)
{
    free(f->topic);
    free(f->device);
    free(f->stage);
    free(f->reason);
    *f = (refusal){0};
}

int refusal_place(const char *word, int32_t *partitionp, int64_t *offsetp,
                  pe_error *errp)
{
    const char *slash = strchr(word, '/');
    char part[16] = "";
    int64_t partition = -1, offset = -1;

    if (slash && (size_t)(slash - word) < sizeof(part)) {
        memcpy(part, word, (size_t)(slash - word));
        if (text_parse_int(part, &partition) == 0 && partition >= 0 &&
            partition <= INT32_MAX && text_parse_int(slash + 1, &offset) == 0 &&
            offset >= 0) {
            *partitionp = (int32_t)partition;
            *offsetp = offset;
            return 0;
        }
    }
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "'%s' names no block: write PARTITION/OFFSET, as "
                        "'pilot refused list' shows them",
                        word);
}

/* --- all of them --- */

static int order(const void *a, const void *b)
{
    const refusal *x = a, *y = b;

    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

void refusals_sort(refusals *l)
{
    size_t n = 0;

    if (l->n > 1)
        qsort(l->r, l->n, sizeof(*l->r), order);
    for (size_t i = 0; i < l->n; i++) {
        refusal *before = n > 0 ? &l->r[n - 1] : NULL;

        if (before && before->partition == l->r[i].partition &&
            before->offset == l->r[i].offset)
            refusal_free(&l->r[--n]);
        l->r[n++] = l->r[i];
    }
    l->n = n;
}

static int grow(refusals *l, pe_error *errp)
{
    size_t cap = l->cap ? 2 * l->cap : 64;
    refusal *more;

    if (l->n < l->cap)
        return 0;
    more = realloc(l->r, cap * sizeof(*more));
    if (!more)
        return pe_error_nomem(errp);
    l->r = more;
    l->cap = cap;
    return 0;
}

static int take(void *arg, broker_record *r)
{
    refusals *l = arg;
    refusal f = {0};
    int rc;

    if (l->n >= REFUSALS_MAX) {
        l->beyond++;
        broker_record_release(r);
        return 0;
    }
    rc = refusal_read(r, &f, &l->error);
    broker_record_release(r);
    if (rc > 0)
        l->others++;
    if (rc == 0 && grow(l, &l->error) < 0) {
        refusal_free(&f);
        return 1;
    }
    if (rc == 0)
        l->r[l->n++] = f;
    return rc < 0;
}

int refusals_read(const look_place *at, refusals *out, pe_error *errp)
{
    look l = {0};
    int rc;

    *out = (refusals){0};
    rc = look_each(at, &l, take, out, errp);
    if (rc == 0 && out->error.kind != PE_ERROR_NONE) {
        if (errp)
            *errp = out->error;
        rc = -1;
    }
    if (rc == 0 && l.missing > 0)
        rc = pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                          "%llu partition%s of topic %s did not give %s last "
                          "records within 10 s: try again",
                          (unsigned long long)l.missing, text_s(l.missing),
                          at->topic, l.missing == 1 ? "its" : "their");
    look_close(&l);
    if (rc == 0)
        refusals_sort(out);
    return rc;
}

void refusals_free(refusals *l)
{
    for (size_t i = 0; i < l->n; i++)
        refusal_free(&l->r[i]);
    free(l->r);
    *l = (refusals){0};
}

const refusal *refusals_find(const refusals *l, int32_t partition,
                             int64_t offset)
{
    size_t low = 0, high = l->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const refusal *f = &l->r[mid];

        if (f->partition == partition && f->offset == offset)
            return f;
        if (f->partition < partition ||
            (f->partition == partition && f->offset < offset))
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* --- by their reasons --- */

/* A refusal, and what it counts under. */
struct row {
    char *kind;
    const refusal *of;
};

static int order_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int rc = strcmp(x->of->stage, y->of->stage);

    if (rc == 0)
        rc = strcmp(x->kind, y->kind);
    return rc ? rc : order(x->of, y->of);
}

static int order_counts(const void *a, const void *b)
{
    const refusal_count *x = a, *y = b;

    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return order(x->last, y->last);
}

static size_t fold(const struct row *rows, size_t n, refusal_count *out)
{
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        bool same = i > 0 &&
                    !strcmp(rows[i].of->stage, rows[i - 1].of->stage) &&
                    !strcmp(rows[i].kind, rows[i - 1].kind);

        if (!same)
            out[k++].n = 0;
        out[k - 1].n++;
        out[k - 1].last = rows[i].of;
    }
    return k;
}

int refusals_count(const refusals *l, refusal_count **out, size_t *np,
                   pe_error *errp)
{
    struct row *rows = calloc(l->n + 1, sizeof(*rows));
    refusal_count *counts = calloc(l->n + 1, sizeof(*counts));
    char kind[640];
    int rc = rows && counts ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < l->n; i++) {
        reason_kind(l->r[i].reason, kind, sizeof(kind));
        rows[i] = (struct row){strdup(kind), &l->r[i]};
        rc = rows[i].kind ? 0 : -1;
    }
    if (rc == 0) {
        if (l->n > 1)
            qsort(rows, l->n, sizeof(*rows), order_rows);
        *np = fold(rows, l->n, counts);
        if (*np > 1)
            qsort(counts, *np, sizeof(*counts), order_counts);
        *out = counts;
        counts = NULL;
    }
    for (size_t i = 0; rows && i < l->n; i++)
        free(rows[i].kind);
    free(rows);
    free(counts);
    return rc < 0 ? pe_error_nomem(errp) : 0;
}
