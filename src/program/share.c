/* share.c - memory that a program has in common with us.
 *
 * It is a file without a name, which the program opens through /proc: so no
 * other child that is started meanwhile inherits it, and nothing is left of it
 * whoever is killed.
 */
#include "share.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/block/lend.h"
#include "src/common/text.h"

enum {
    HEAD = 4096,     /* bytes in front of the two rooms */
    ROOM = 16 << 20, /* a block of 1,000 points of 2,000 columns */
    ALL = HEAD + 2 * ROOM,
    READS = 2, /* what a program says that does not write to its blocks */
};

/* The memory in which a block is made; NULL: none is. */
static struct {
    unsigned char *at;
    share *of; /* NULL: it is closed */
} lent;

void share_open(share *s)
{
    void *at;

    *s = (share){.fd = memfd_create("pilot-block", MFD_CLOEXEC)};
    if (s->fd < 0)
        return;
    if (ftruncate(s->fd, ALL) == 0) {
        at = mmap(NULL, ALL, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
        if (at != MAP_FAILED) {
            s->at = at;
            s->room = ROOM;
            return;
        }
    }
    close(s->fd);
    s->fd = -1;
}

void share_close(share *s)
{
    if (!s->at)
        return;
    if (lent.at == s->at)
        lent.of = NULL; /* its block is there still */
    else
        munmap(s->at, ALL);
    close(s->fd);
    *s = (share){.fd = -1};
}

char *share_place(const share *s)
{
    return s->at ? text_format("/proc/%d/fd/%d:%zu", (int)getpid(), s->fd,
                               s->room)
                 : NULL;
}

static uint64_t *flag(const share *s)
{
    return (uint64_t *)(void *)s->at;
}

void share_begin(share *s)
{
    if (s->at)
        __atomic_store_n(flag(s), 0, __ATOMIC_RELEASE);
}

static bool is_there(const share *s, const pe_block *b)
{
    return b->data == s->at + HEAD;
}

bool share_takes(const share *s, const pe_block *b)
{
    uint64_t has = s->at ? __atomic_load_n(flag(s), __ATOMIC_ACQUIRE) : 0;

    return has && (has == READS || !is_there(s, b)) &&
           pe_block_bytes(b) <= s->room;
}

/* --- where a block is made --- */

static void recall(bool outgrown)
{
    if (lent.of)
        lent.of->outgrown = outgrown;
    else
        munmap(lent.at, ALL);
    lent.at = NULL;
    lent.of = NULL;
}

/* Its block needs more, or is released. */
static void give_back(void *storage)
{
    (void)storage; /* there is one */
    recall(true);
}

void share_lend(share *s, pe_block *b)
{
    if (!s->at || s->outgrown || lent.at || b->capacity & BLOCK_LENT ||
        __atomic_load_n(flag(s), __ATOMIC_ACQUIRE) != READS)
        return;
    block_lender(give_back);
    free(b->storage);
    b->storage = s->at + HEAD - PE_BLOCK_HEADROOM;
    b->capacity = (PE_BLOCK_HEADROOM + s->room) | BLOCK_LENT;
    lent.at = s->at;
    lent.of = s;
}

void share_recall(pe_block *b)
{
    if (!(b->capacity & BLOCK_LENT))
        return;
    recall(false);
    b->data = b->storage = NULL;
    b->capacity = 0;
}

/* --- blocks and answers --- */

void share_put(share *s, const pe_block *b, share_word *w)
{
    if (!is_there(s, b))
        memcpy(s->at + HEAD, b->data, pe_block_bytes(b));
    *w = (share_word){.kind = SHARE_BLOCK,
                      .element = b->dtype == PE_F8 ? 8 : 4,
                      .rows = b->points,
                      .columns = b->features};
    memcpy(w->magic, SHARE_MAGIC, SHARE_MAGIC_LEN);
}

int share_get(const share *s, const share_word *w, pe_block *out,
              pe_error *errp)
{
    uint64_t n;

    *out = (pe_block){0};
    if ((w->element != 4 && w->element != 8) || w->rows > UINT32_MAX ||
        w->columns == 0 || w->columns > UINT32_MAX ||
        __builtin_mul_overflow(w->rows, w->columns, &n) || !s->at ||
        n > s->room / w->element)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "it answered with %llu x %llu numbers of %u bytes, "
                            "for which its memory has no room",
                            (unsigned long long)w->rows,
                            (unsigned long long)w->columns, w->element);
    out->data = s->at + HEAD + s->room;
    out->dtype = w->element == 8 ? PE_F8 : PE_F4;
    out->points = (uint32_t)w->rows;
    out->features = (uint32_t)w->columns;
    return 0;
}
