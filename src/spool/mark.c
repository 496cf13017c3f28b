/* mark.c - up to where the records of a spool are acknowledged.
 *
 * Memory that is a file's: it is written with every acknowledgement, and is
 * there when the process is killed.  Where it is old, or was torn, records are
 * sent once more, and the pool drops them.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/pack/pack.h"
#include "src/spool/spool_private.h"

#define MARK_MAGIC UINT64_C(0x314b52414d455053) /* "SPEMARK1" */

typedef struct turn {
    uint64_t magic, serial, acked, check;
} turn;

struct mark {
    turn *map; /* two, written in turn */
    uint64_t serial;
};

static uint64_t check_of(turn t)
{
    t.check = 0;
    return pack_check(0, &t, sizeof(t));
}

static bool is_good(const turn *t)
{
    return t->magic == MARK_MAGIC && t->check == check_of(*t);
}

struct mark *mark_open(int dir_fd, uint64_t *ackedp)
{
    struct mark *m = calloc(1, sizeof(*m));
    turn both[2] = {{0}};
    int fd = m ? openat(dir_fd, "mark",
                        O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)
               : -1;

    *ackedp = 0;
    if (fd < 0) {
        free(m);
        return NULL;
    }
    if (chunk_read(fd, both, sizeof(both), 0) < 0)
        memset(both, 0, sizeof(both));
    /* Bytes that are there, so that none is missing on a full disk. */
    m->map = chunk_write(fd, both, sizeof(both), 0) < 0
                 ? MAP_FAILED
                 : mmap(NULL, sizeof(both), PROT_READ | PROT_WRITE, MAP_SHARED,
                        fd, 0);
    close(fd);
    if (m->map == MAP_FAILED) {
        free(m);
        return NULL;
    }
    for (int i = 0; i < 2; i++)
        if (is_good(&both[i]) && both[i].serial >= m->serial) {
            m->serial = both[i].serial;
            *ackedp = both[i].acked;
        }
    return m;
}

void mark_set(struct mark *m, uint64_t acked)
{
    turn t = {.magic = MARK_MAGIC, .serial = ++m->serial, .acked = acked};

    t.check = check_of(t);
    m->map[t.serial % 2] = t;
}

void mark_close(struct mark *m)
{
    if (m)
        munmap(m->map, 2 * sizeof(turn));
    free(m);
}
