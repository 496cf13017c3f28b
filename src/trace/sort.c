/* sort.c - sorted runs in a file without a name, merged. */
#include "sort.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/text.h"

#define READ_AHEAD 64 /* items of a run */
#define ITEMS_FIRST 1024

/* A sorted run in the file. */
typedef struct run {
    off_t at, end;
    sort_item *ahead;
    uint32_t n, i;
} run;

struct sort {
    sort_item *item;
    uint32_t n, cap, most, i;
    sort_item **order; /* of [item] */
    int fd;            /* of the file; -1: there is none */
    char *folder;
    off_t end;
    run *runs;
    uint32_t n_runs;
    uint32_t *heap; /* runs, the one with the smallest item first */
    uint32_t n_heap;
    bool taken; /* the first item of the first run was given */
};

static int compare(const sort_item *a, const sort_item *b)
{
    for (int k = 0; k < 3; k++)
        if (a->key[k] != b->key[k])
            return a->key[k] < b->key[k] ? -1 : 1;
    return (a->work < b->work) - (a->work > b->work);
}

static int by_key(const void *x, const void *y)
{
    return compare(*(sort_item *const *)x, *(sort_item *const *)y);
}

sort *sort_create(uint32_t most, pe_error *errp)
{
    sort *s = calloc(1, sizeof(*s));

    if (!s) {
        pe_error_nomem(errp);
        return NULL;
    }
    s->fd = -1;
    s->most = most;
    return s;
}

void sort_free(sort *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    for (uint32_t i = 0; i < s->n_runs; i++)
        free(s->runs[i].ahead);
    free(s->runs);
    free(s->heap);
    free(s->item);
    free(s->order);
    free(s->folder);
    free(s);
}

/* --- a run into the file --- */

static int open_file(sort *s, pe_error *errp)
{
    const char *folder = getenv("TMPDIR");
    char *path;

    if (!folder || !*folder)
        folder = "/tmp";
    s->folder = strdup(folder);
    path = text_format("%s/pilot-trace-XXXXXX", folder);
    if (!s->folder || !path) {
        free(path);
        return pe_error_nomem(errp);
    }
    s->fd = mkostemp(path, 02000000); /* O_CLOEXEC */
    if (s->fd < 0)
        file_error(errp, errno, "make", path, PE_EXIT_CREATE);
    else
        unlink(path);
    free(path);
    return s->fd < 0 ? -1 : 0;
}

static int write_out(sort *s, const void *data, size_t n, pe_error *errp)
{
    const char *p = data;

    while (n > 0) {
        ssize_t got = pwrite(s->fd, p, n, s->end);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            file_error(errp, got < 0 ? errno : ENOSPC, "sort blocks in",
                       s->folder, PE_EXIT_CREATE);
            return pe_error_prefix(errp, "set TMPDIR to a folder with room");
        }
        p += got;
        n -= (size_t)got;
        s->end += got;
    }
    return 0;
}

static void put_in_order(sort *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        s->order[i] = &s->item[i];
    if (s->n)
        qsort(s->order, s->n, sizeof(*s->order), by_key);
}

static int write_run(sort *s, pe_error *errp)
{
    run *more = realloc(s->runs, (s->n_runs + 1) * sizeof(*more));
    sort_item batch[READ_AHEAD];
    uint32_t k = 0;

    if (!more)
        return pe_error_nomem(errp);
    s->runs = more;
    if (s->fd < 0 && open_file(s, errp) < 0)
        return -1;
    put_in_order(s);
    s->runs[s->n_runs] = (run){.at = s->end};
    for (uint32_t i = 0; i < s->n; i++) {
        batch[k++] = *s->order[i];
        if (k < READ_AHEAD && i + 1 < s->n)
            continue;
        if (write_out(s, batch, k * sizeof(*batch), errp) < 0)
            return -1;
        k = 0;
    }
    s->runs[s->n_runs++].end = s->end;
    s->n = 0;
    return 0;
}

/* Twice as many: most runs are far shorter than what may be kept. */
static int make_room(sort *s, pe_error *errp)
{
    uint32_t cap = s->cap ? 2 * s->cap : ITEMS_FIRST;
    sort_item *item;
    sort_item **order;

    if (cap > s->most)
        cap = s->most;
    item = realloc(s->item, cap * sizeof(*item));
    if (!item)
        return pe_error_nomem(errp);
    s->item = item;
    order = realloc(s->order, cap * sizeof(*order));
    if (!order)
        return pe_error_nomem(errp);
    s->order = order;
    s->cap = cap;
    return 0;
}

int sort_add(sort *s, const sort_item *i, pe_error *errp)
{
    if (s->n == s->most && write_run(s, errp) < 0)
        return -1;
    if (s->n == s->cap && make_room(s, errp) < 0)
        return -1;
    s->item[s->n++] = *i;
    return 0;
}

/* --- merging --- */

/* The next item of [r] is there: 1; it has ended: 0. */
static int refill(const sort *s, run *r, pe_error *errp)
{
    size_t want = READ_AHEAD * sizeof(sort_item);
    ssize_t got;

    if (r->i < r->n)
        return 1;
    if (r->at == r->end)
        return 0;
    if ((off_t)want > r->end - r->at)
        want = (size_t)(r->end - r->at);
    got = pread(s->fd, r->ahead, want, r->at);
    if (got < 0 || (size_t)got < want)
        return file_error(errp, got < 0 ? errno : EIO, "sort blocks in",
                          s->folder, PE_EXIT_DATA);
    r->at += got;
    r->n = (uint32_t)(want / sizeof(sort_item));
    r->i = 0;
    return 1;
}

static bool before(const sort *s, uint32_t a, uint32_t b)
{
    const run *x = &s->runs[s->heap[a]], *y = &s->runs[s->heap[b]];

    return compare(&x->ahead[x->i], &y->ahead[y->i]) < 0;
}

static void sink(sort *s, uint32_t at)
{
    for (;;) {
        uint32_t least = at, left = 2 * at + 1;

        for (uint32_t c = left; c < left + 2 && c < s->n_heap; c++)
            if (before(s, c, least))
                least = c;
        if (least == at)
            return;
        uint32_t t = s->heap[at];
        s->heap[at] = s->heap[least];
        s->heap[least] = t;
        at = least;
    }
}

int sort_end(sort *s, pe_error *errp)
{
    if (s->n_runs == 0) {
        put_in_order(s);
        return 0;
    }
    if (s->n && write_run(s, errp) < 0)
        return -1;
    s->heap = malloc(s->n_runs * sizeof(*s->heap));
    if (!s->heap)
        return pe_error_nomem(errp);
    for (uint32_t i = 0; i < s->n_runs; i++) {
        run *r = &s->runs[i];
        r->ahead = malloc(READ_AHEAD * sizeof(*r->ahead));
        if (!r->ahead)
            return pe_error_nomem(errp);
        if (refill(s, r, errp) < 0)
            return -1;
        s->heap[s->n_heap++] = i;
    }
    for (uint32_t i = s->n_heap; i-- > 0;)
        sink(s, i);
    return 0;
}

static int advance(sort *s, pe_error *errp)
{
    run *r = &s->runs[s->heap[0]];
    int rc;

    r->i++;
    rc = refill(s, r, errp);
    if (rc < 0)
        return -1;
    if (rc == 0)
        s->heap[0] = s->heap[--s->n_heap];
    sink(s, 0);
    return 0;
}

int sort_next(sort *s, const sort_item **itemp, pe_error *errp)
{
    if (s->n_runs == 0) {
        if (s->i == s->n)
            return 0;
        *itemp = s->order[s->i++];
        return 1;
    }
    if (s->taken && advance(s, errp) < 0)
        return -1;
    s->taken = s->n_heap > 0;
    if (!s->taken)
        return 0;
    const run *r = &s->runs[s->heap[0]];
    *itemp = &r->ahead[r->i];
    return 1;
}
