/* receipts.c - which messages came before, in memory that is a file's: it is
 * there when the process is killed.
 */
#include "src/gather/receipts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/text.h"

#define MAGIC UINT64_C(0x3153545052454750) /* "PGERPTS1" */

typedef struct entry {
    uint32_t id; /* 0: none */
    uint32_t taken;
    uint64_t hash, boot, seq;
} entry;

typedef struct memory {
    uint64_t magic;
    uint64_t next; /* counted on */
    entry at[RECEIPTS_N];
} memory;

struct receipts {
    memory *map;
};

/* All of [fd] is there on the disk, so that none of it is missing later. */
static int fill(int fd)
{
    static const memory empty = {.magic = MAGIC};
    const char *at = (const char *)&empty;
    memory there;
    ssize_t n = pread(fd, &there, sizeof(there), 0);

    if (n == (ssize_t)sizeof(there) && there.magic == MAGIC)
        return 0;
    for (size_t done = 0; done < sizeof(empty); done += (size_t)n) {
        n = pwrite(fd, at + done, sizeof(empty) - done, (off_t)done);
        if (n < 0 && errno != EINTR)
            return -1;
        n = n < 0 ? 0 : n;
    }
    return ftruncate(fd, sizeof(empty));
}

receipts *receipts_open(const char *dir, pe_error *errp)
{
    receipts *r = calloc(1, sizeof(*r));
    char *path = text_format("%s/receipts", dir);
    int fd;

    if (!r || !path) {
        pe_error_nomem(errp);
        free(path);
        free(r);
        return NULL;
    }
    fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    r->map = fd < 0 || fill(fd) < 0
                 ? MAP_FAILED
                 : mmap(NULL, sizeof(memory), PROT_READ | PROT_WRITE,
                        MAP_SHARED, fd, 0);
    if (r->map == MAP_FAILED) {
        file_error(errp, errno, "write to", path, PE_EXIT_CREATE);
        free(r);
        r = NULL;
    }
    if (fd >= 0)
        close(fd);
    free(path);
    return r;
}

void receipts_close(receipts *r)
{
    if (r)
        munmap(r->map, sizeof(memory));
    free(r);
}

enum receipts_word receipts_find(const receipts *r, receipt *what)
{
    const memory *m = r->map;
    uint64_t n = m->next < RECEIPTS_N ? m->next : RECEIPTS_N;

    for (uint64_t i = 1; i <= n; i++) {
        const entry *e = &m->at[(m->next - i) % RECEIPTS_N];

        if (e->id == 0 || e->id != what->id || e->hash != what->hash)
            continue;
        what->boot = e->boot;
        what->seq = e->seq;
        return e->taken ? RECEIPTS_TAKEN : RECEIPTS_BEGUN;
    }
    return RECEIPTS_NEW;
}

/* A kill comes between any two of these, and the compiler keeps their order. */
void receipts_begin(receipts *r, const receipt *what)
{
    entry *e = &r->map->at[r->map->next % RECEIPTS_N];

    e->id = 0;
    atomic_signal_fence(memory_order_seq_cst);
    *e = (entry){.hash = what->hash, .boot = what->boot, .seq = what->seq};
    atomic_signal_fence(memory_order_seq_cst);
    e->id = what->id;
    r->map->next++;
}

void receipts_end(receipts *r)
{
    atomic_signal_fence(memory_order_seq_cst);
    r->map->at[(r->map->next - 1) % RECEIPTS_N].taken = 1;
}
