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
#include "src/common/random.h"
#include "src/common/text.h"

#define MAGIC UINT64_C(0x326c6c6174455050) /* "PPEtall2" */
#define DEVICES_MAX 1000000

enum { AGAIN = 1, SPOOLS = 2 };

/* Of the file; the slots follow, and behind them what each device had counted
 * before.
 */
typedef struct head {
    uint64_t magic;
    uint32_t n, flags;
    tally_counts before; /* of the incarnations before the one of the slots */
    uint64_t lives;      /* ... with that one */
    uint64_t pad[13];
} head;

typedef union past {
    tally_counts of;
    char line[128];
} past;

_Static_assert(sizeof(head) == 256 && sizeof(tally_slot) == 128, "whole lines");

struct tally {
    char *path;
    head *head; /* mapped */
    tally_slot *slots;
    size_t bytes;
    past *past;
    uint64_t *boots; /* of the incarnation before; NULL: there was none */
    int n_boots;
    uint64_t lost;                /* with it */
    const tally_spooled *spooled; /* of each device; NULL: none */
    int n;
};

static char *path_of(const char *dir)
{
    return text_format("%s/" TALLY_FILE, dir);
}

static uint64_t load(const atomic_uint_fast64_t *a)
{
    return atomic_load_explicit(a, memory_order_relaxed);
}

/* The file of a process that is gone, whole; NULL: there is none. */
static head *file_load(const char *path)
{
    size_t len = 0, each = sizeof(tally_slot) + sizeof(past);
    size_t max = sizeof(head) + DEVICES_MAX * each;
    char *data = file_read(path, max, &len, NULL);
    head *h = data && len >= sizeof(*h) && len % sizeof(past) == 0
                  ? aligned_alloc(sizeof(past), len)
                  : NULL;

    if (h)
        memcpy(h, data, len);
    free(data);
    if (h && h->magic == MAGIC && len == sizeof(*h) + (uint64_t)h->n * each)
        return h;
    free(h);
    return NULL;
}

/* What was in the queue of a device, or in its spool. */
static uint64_t left_of(const tally_slot *s)
{
    return load(&s->sensed) + load(&s->carried) - load(&s->filtered) -
           load(&s->dropped) - load(&s->sent) - load(&s->lost);
}

static void slot_add(tally_counts *c, const tally_slot *s, uint32_t flags)
{
    uint64_t left = left_of(s);

    c->sensed += load(&s->sensed) - (flags & AGAIN ? left : 0);
    c->filtered += load(&s->filtered);
    c->dropped += load(&s->dropped);
    c->sent += load(&s->sent);
    c->lost += load(&s->lost) + (flags ? 0 : left);
    c->spooled += flags & SPOOLS ? left : 0;
    c->points += load(&s->points);
    c->bytes += load(&s->bytes);
    c->scored += load(&s->scored);
    c->unscored += load(&s->unscored);
    c->outliers += load(&s->outliers);
    c->drifts += load(&s->drifts);
    c->syncs += load(&s->syncs);
    c->rows += load(&s->rows);
    c->kept += load(&s->kept);
}

/* All that is known of a pilot whose process is gone. */
static tally_counts sum_of(const head *h, const tally_slot *slots)
{
    tally_counts c = h->before;

    for (uint32_t i = 0; i < h->n; i++)
        slot_add(&c, &slots[i], h->flags);
    return c;
}

/* Of what device [slot] had spooled there is [now] so much: the rest is lost;
 * where it is more, since the mark of a spool lags behind, it was counted as
 * sent, and is sent again.
 */
static void spooled_settle(tally_counts *c, const tally_slot *slot,
                           uint64_t now)
{
    uint64_t left = left_of(slot), more = now > left ? now - left : 0;

    c->lost += left > now ? left - now : 0;
    c->sent -= more < c->sent ? more : c->sent;
}

/* Of all that is known, [c], what was spooled. */
static void take_spooled(tally_counts *c, const head *h, const tally *t)
{
    const tally_slot *slots = h ? (const tally_slot *)(h + 1) : NULL;

    c->spooled = 0;
    for (uint32_t i = 0; h && h->flags & SPOOLS && i < h->n; i++)
        spooled_settle(c, &slots[i],
                       t->spooled && (int)i < t->n ? t->spooled[i].records : 0);
    /* Whose counts are gone is sensed anew. */
    for (int i = 0; !h && t->spooled && i < t->n; i++) {
        c->sensed += t->spooled[i].records + t->spooled[i].lost;
        c->lost += t->spooled[i].lost;
    }
}

/* The same of each device, as far as there is one now. */
static void devices_take_over(tally *t, const head *h, const tally_slot *slots)
{
    const past *old = (const past *)(slots + h->n);

    for (uint32_t i = 0; i < h->n && i < t->head->n; i++) {
        t->past[i].of = old[i].of;
        slot_add(&t->past[i].of, &slots[i], h->flags);
        t->past[i].of.spooled = 0;
        if (h->flags & SPOOLS)
            spooled_settle(&t->past[i].of, &slots[i],
                           t->spooled ? t->spooled[i].records : 0);
    }
}

static int take_over(tally *t, const head *h, head *first, pe_error *errp)
{
    const tally_slot *slots = h ? (const tally_slot *)(h + 1) : NULL;

    if (!h) {
        take_spooled(&first->before, NULL, t);
        t->lost = first->before.lost;
        return 0;
    }
    first->before = sum_of(h, slots);
    take_spooled(&first->before, h, t);
    first->lives = h->lives + 1;
    t->lost = first->before.lost - h->before.lost;
    t->boots = calloc(h->n + 1, sizeof(*t->boots));
    t->n_boots = (int)h->n;
    for (uint32_t i = 0; t->boots && i < h->n; i++)
        t->boots[i] = load(&slots[i].boot);
    return t->boots ? 0 : pe_error_nomem(errp);
}

static void lay_out(tally *t, void *data)
{
    t->head = data;
    t->slots = (tally_slot *)(t->head + 1);
    t->past = (past *)(t->slots + t->head->n);
}

/* A new file in place of the old one, [h], at once: nothing is counted twice.
 */
static int file_make(tally *t, const head *h, const head *first, pe_error *errp)
{
    void *data = aligned_alloc(sizeof(past), t->bytes);
    int fd, rc;

    if (!data)
        return pe_error_nomem(errp);
    memset(data, 0, t->bytes);
    memcpy(data, first, sizeof(*first));
    lay_out(t, data);
    if (h)
        devices_take_over(t, h, (const tally_slot *)(h + 1));
    for (int i = 0; t->spooled && i < t->n; i++)
        atomic_store(&t->slots[i].carried, t->spooled[i].records);
    rc = file_write(t->path, data, t->bytes, 0600, errp);
    free(data);
    t->head = NULL;
    if (rc < 0)
        return -1;
    fd = open(t->path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return file_error(errp, errno, "open", t->path, PE_EXIT_CREATE);
    data = mmap(NULL, t->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (data == MAP_FAILED)
        return file_error(errp, errno, "map", t->path, PE_EXIT_CREATE);
    lay_out(t, data);
    return 0;
}

static int id_make(uint64_t *idp, pe_error *errp)
{
    char digits[17];

    if (random_id(digits, 8, errp) < 0)
        return -1;
    *idp = strtoull(digits, NULL, 16);
    return 0;
}

tally *tally_open(const char *dir, int n, bool again,
                  const tally_spooled *spooled, pe_error *errp)
{
    tally *t = calloc(1, sizeof(*t));
    int status = -1;
    head *h;
    head first = {.magic = MAGIC,
                  .n = (uint32_t)n,
                  .flags = (again ? AGAIN : 0U) | (spooled ? SPOOLS : 0U),
                  .lives = 1};

    if (!t || !(t->path = path_of(dir))) {
        pe_error_nomem(errp);
        tally_close(t);
        return NULL;
    }
    t->spooled = spooled;
    t->n = n;
    if (id_make(&first.before.id, errp) < 0) {
        tally_close(t);
        return NULL;
    }
    t->bytes = sizeof(head) + (size_t)n * (sizeof(tally_slot) + sizeof(past));
    h = file_load(t->path);
    if (take_over(t, h, &first, errp) == 0)
        status = file_make(t, h, &first, errp);
    free(h);
    if (status == 0)
        return t;
    tally_close(t);
    return NULL;
}

void tally_close(tally *t)
{
    if (!t)
        return;
    if (t->head)
        munmap(t->head, t->bytes);
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

tally_counts tally_device_before(const tally *t, int i)
{
    return t->past[i].of;
}

uint64_t tally_lives(const tally *t)
{
    return t->head->lives;
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

json_t *tally_id(const tally_counts *c)
{
    return json_sprintf("%016llx", (unsigned long long)c->id);
}

json_t *tally_event(const char *pilot, const tally_counts *c, bool again,
                    double seconds)
{
    json_t *o = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:f, s:o}", "event",
        "progress", "pilot", pilot, "sensed", (json_int_t)c->sensed, "filtered",
        (json_int_t)c->filtered, "dropped", (json_int_t)c->dropped, "sent",
        (json_int_t)c->sent, "lost", (json_int_t)c->lost, "rereadable", again,
        "t", seconds, "counted", tally_id(c));

    if (o && c->spooled)
        json_object_set_new(o, "spooled", json_integer((json_int_t)c->spooled));
    return o;
}
