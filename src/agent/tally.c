/* tally.c - what an edge agent has counted, in a file that outlives it. */
#include "tally.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/text.h"

#define MAGIC UINT64_C(0x316c6c6174455050) /* "PPEtall1" */
#define DEVICES_MAX 1000000

/* Of the file; the slots follow. */
typedef struct head {
    uint64_t magic;
    uint32_t n, again;
    tally_counts before; /* of the incarnations before the one of the slots */
    uint64_t pad;
} head;

_Static_assert(sizeof(head) == 64 && sizeof(tally_slot) == 64, "a line each");

struct tally {
    char *path;
    head *head; /* mapped */
    tally_slot *slots;
    size_t bytes;
    uint64_t *boots; /* of the incarnation before; NULL: there was none */
    int n_boots;
    uint64_t lost; /* with it */
};

static char *path_of(const char *dir)
{
    return text_format("%s/counts", dir);
}

static uint64_t load(const atomic_uint_fast64_t *a)
{
    return atomic_load_explicit(a, memory_order_relaxed);
}

/* The file of a process that is gone, whole; NULL: there is none. */
static head *file_load(const char *path)
{
    size_t len = 0, max = sizeof(head) + DEVICES_MAX * sizeof(tally_slot);
    char *data = file_read(path, max, &len, NULL);
    head *h = data && len >= sizeof(*h) && len % sizeof(*h) == 0
                  ? aligned_alloc(sizeof(*h), len)
                  : NULL;

    if (h)
        memcpy(h, data, len);
    free(data);
    if (h && h->magic == MAGIC &&
        len == sizeof(*h) + (uint64_t)h->n * sizeof(tally_slot))
        return h;
    free(h);
    return NULL;
}

/* All that is known of a pilot whose process is gone. */
static tally_counts sum_of(const head *h, const tally_slot *slots)
{
    tally_counts c = h->before;

    for (uint32_t i = 0; i < h->n; i++) {
        uint64_t sensed = load(&slots[i].sensed);
        uint64_t filtered = load(&slots[i].filtered);
        uint64_t dropped = load(&slots[i].dropped);
        uint64_t sent = load(&slots[i].sent);
        uint64_t left = sensed - filtered - dropped - sent;
        c.sensed += h->again ? sensed - left : sensed;
        c.filtered += filtered;
        c.dropped += dropped;
        c.sent += sent;
        c.lost += h->again ? 0 : left;
    }
    return c;
}

static int take_over(tally *t, tally_counts *before, pe_error *errp)
{
    head *h = file_load(t->path);
    const tally_slot *slots;

    if (!h)
        return 0;
    slots = (const tally_slot *)(h + 1);
    *before = sum_of(h, slots);
    t->lost = before->lost - h->before.lost;
    t->boots = calloc(h->n + 1, sizeof(*t->boots));
    t->n_boots = (int)h->n;
    for (uint32_t i = 0; t->boots && i < h->n; i++)
        t->boots[i] = load(&slots[i].boot);
    free(h);
    return t->boots ? 0 : pe_error_nomem(errp);
}

/* A new file in place of the old one, at once: nothing is counted twice. */
static int file_make(tally *t, const head *first, pe_error *errp)
{
    void *data = calloc(1, t->bytes);
    int fd, rc;

    if (!data)
        return pe_error_nomem(errp);
    memcpy(data, first, sizeof(*first));
    rc = file_write(t->path, data, t->bytes, 0600, errp);
    free(data);
    if (rc < 0)
        return -1;
    fd = open(t->path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return file_error(errp, errno, "open", t->path, PE_EXIT_CREATE);
    data = mmap(NULL, t->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (data == MAP_FAILED)
        return file_error(errp, errno, "map", t->path, PE_EXIT_CREATE);
    t->head = data;
    t->slots = (tally_slot *)(t->head + 1);
    return 0;
}

tally *tally_open(const char *dir, int n, bool again, pe_error *errp)
{
    tally *t = calloc(1, sizeof(*t));
    head first = {.magic = MAGIC, .n = (uint32_t)n, .again = again};

    if (!t || !(t->path = path_of(dir))) {
        pe_error_nomem(errp);
        tally_close(t, false);
        return NULL;
    }
    t->bytes = sizeof(head) + (size_t)n * sizeof(tally_slot);
    if (take_over(t, &first.before, errp) == 0 &&
        file_make(t, &first, errp) == 0)
        return t;
    tally_close(t, false);
    return NULL;
}

void tally_close(tally *t, bool told)
{
    if (!t)
        return;
    if (t->head)
        munmap(t->head, t->bytes);
    if (told)
        unlink(t->path);
    free(t->boots);
    free(t->path);
    free(t);
}

tally_slot *tally_slot_of(tally *t, int i)
{
    return &t->slots[i];
}

uint64_t tally_boot_before(const tally *t, int i)
{
    return i < t->n_boots ? t->boots[i] : 0;
}

tally_counts tally_before(const tally *t, uint64_t *lostp)
{
    if (lostp)
        *lostp = t->lost;
    return t->head->before;
}

int tally_read(const char *dir, tally_counts *out)
{
    char *path = path_of(dir);
    head *h = path ? file_load(path) : NULL;

    free(path);
    if (!h)
        return -1;
    *out = sum_of(h, (tally_slot *)(h + 1));
    free(h);
    return 0;
}

void tally_forget(const char *dir)
{
    char *path = path_of(dir);

    if (path)
        unlink(path);
    free(path);
}

json_t *tally_event(const char *pilot, const tally_counts *c, bool again,
                    double seconds)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:f}", "event",
                     "progress", "pilot", pilot, "sensed",
                     (json_int_t)c->sensed, "filtered", (json_int_t)c->filtered,
                     "dropped", (json_int_t)c->dropped, "sent",
                     (json_int_t)c->sent, "lost", (json_int_t)c->lost,
                     "rereadable", again, "t", seconds);
}
