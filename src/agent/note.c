/* note.c - which block a user's function has, told to who comes after a death.
 */
#include "note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/random.h"
#include "src/common/text.h"

#define MAGIC UINT64_C(0x3165746f6e455050) /* "PPEnote1" */
#define FUNCTIONS_MAX 32
#define THREADS_MAX 100000
#define VMSTAT "/proc/vmstat"
#define HOST_MAX 64

/* Of the file; the notes follow. */
typedef struct head {
    uint64_t magic, id;
    uint64_t oom_kills; /* of the host, when it began */
    uint32_t n;
    atomic_int asked; /* to end */
    atomic_int how;   /* the end, in no thread that is known */
    atomic_int n_functions;
    char host[HOST_MAX];
    struct {
        char stage[64], words[192];
    } function[FUNCTIONS_MAX];
} head;

struct note_page {
    char *path;
    head *head; /* mapped */
    note *notes;
    size_t bytes;
};

_Static_assert(sizeof(note) == 64, "a line");

/* The one of this process, for handlers. */
static _Atomic(head *) here;

static size_t head_bytes(void)
{
    return (sizeof(head) + 63) / 64 * 64;
}

uint64_t note_oom_kills(void)
{
    size_t len = 0;
    char *data = file_read(VMSTAT, 1 << 20, &len, NULL);
    const char *at = data ? strstr(data, "\noom_kill ") : NULL;
    uint64_t n = at ? strtoull(at + strlen("\noom_kill "), NULL, 10) : 0;

    free(data);
    return n;
}

/* --- of this process --- */

static int file_map(note_page *p, pe_error *errp)
{
    void *data;
    int fd = open(p->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        return file_error(errp, errno, "create", p->path, PE_EXIT_CREATE);
    /* Room that is not there would kill us when it is written to. */
    errno = posix_fallocate(fd, 0, (off_t)p->bytes);
    if (errno) {
        file_error(errp, errno, "write", p->path, PE_EXIT_CREATE);
        close(fd);
        return -1;
    }
    data = mmap(NULL, p->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (data == MAP_FAILED)
        return file_error(errp, errno, "map", p->path, PE_EXIT_CREATE);
    p->head = data;
    p->notes = (note *)(void *)((char *)data + head_bytes());
    return 0;
}

static int head_fill(head *h, int n, pe_error *errp)
{
    char id[2 * sizeof(h->id) + 1];

    if (random_id(id, sizeof(h->id), errp) < 0)
        return -1;
    h->id = strtoull(id, NULL, 16);
    h->oom_kills = note_oom_kills();
    h->n = (uint32_t)n;
    gethostname(h->host, sizeof(h->host) - 1);
    h->magic = MAGIC;
    return 0;
}

note_page *note_open(const char *path, int n, pe_error *errp)
{
    note_page *p = calloc(1, sizeof(*p));

    if (!p || !(p->path = strdup(path))) {
        pe_error_nomem(errp);
        note_close(p);
        return NULL;
    }
    p->bytes = head_bytes() + (size_t)n * sizeof(note);
    if (file_map(p, errp) < 0 || head_fill(p->head, n, errp) < 0) {
        note_close(p);
        return NULL;
    }
    atomic_store(&here, p->head);
    return p;
}

void note_close(note_page *p)
{
    if (!p)
        return;
    if (p->head) {
        atomic_store(&here, NULL);
        munmap(p->head, p->bytes);
        unlink(p->path);
    }
    free(p->path);
    free(p);
}

note *note_of(note_page *p, int i)
{
    return &p->notes[i];
}

int note_function(note_page *p, const char *stage, const char *words)
{
    head *h = p->head;
    int n = atomic_load(&h->n_functions);

    for (int i = 0; i < n; i++)
        if (!strncmp(h->function[i].stage, stage, 63) &&
            !strncmp(h->function[i].words, words, 191))
            return i;
    if (n == FUNCTIONS_MAX)
        return -1;
    snprintf(h->function[n].stage, sizeof(h->function[n].stage), "%s", stage);
    snprintf(h->function[n].words, sizeof(h->function[n].words), "%s", words);
    atomic_store(&h->n_functions, n + 1);
    return n;
}

bool note_died(note *n, int how)
{
    head *h = atomic_load(&here);

    if (!h)
        return false;
    if (n && atomic_load(&n->at) != NOTE_NOWHERE) {
        atomic_store(&n->how, how);
        return true;
    }
    atomic_store(&h->how, how);
    return false;
}

void note_asked(void)
{
    head *h = atomic_load(&here);

    if (h)
        atomic_store(&h->asked, 1);
}

/* --- of one that is gone --- */

/* The file, whole, in new memory that is aligned; NULL: there is none. */
static head *file_load(const char *path)
{
    size_t len = 0, most = head_bytes() + THREADS_MAX * sizeof(note);
    char *data = file_read(path, most, &len, NULL);
    head *h = data && len >= head_bytes() && len % 64 == 0
                  ? aligned_alloc(64, len)
                  : NULL;

    if (h)
        memcpy(h, data, len);
    free(data);
    if (h && h->magic == MAGIC &&
        len == head_bytes() + (size_t)h->n * sizeof(note))
        return h;
    free(h);
    return NULL;
}

/* Has the kernel killed a process of that host since, and it may be this one?
 */
static bool wanted_memory(const head *h)
{
    char host[HOST_MAX] = "";

    gethostname(host, sizeof(host) - 1);
    return !atomic_load(&h->asked) && !strcmp(host, h->host) &&
           note_oom_kills() > h->oom_kills;
}

/* The one thread that is within a function; -1: none is, or several. */
static int only_inside(const head *h, const note *notes)
{
    int one = -1;

    for (uint32_t i = 0; i < h->n; i++) {
        if (atomic_load(&notes[i].at) != NOTE_INSIDE)
            continue;
        if (one >= 0)
            return -1;
        one = (int)i;
    }
    return one;
}

/* False: it says no function that there is. */
static bool death_of(const head *h, int i, const note *n, int how,
                     note_death *out)
{
    note_death d = {.id = h->id,
                    .thread = i,
                    .inside = atomic_load(&n->at) == NOTE_INSIDE,
                    .how = how,
                    .partition = n->partition,
                    .offset = n->offset,
                    .boot = n->boot,
                    .seq = n->seq};

    if (n->function < 0 || n->function >= FUNCTIONS_MAX)
        return false;
    memcpy(d.stage, h->function[n->function].stage, sizeof(d.stage));
    memcpy(d.words, h->function[n->function].words, sizeof(d.words));
    d.stage[sizeof(d.stage) - 1] = d.words[sizeof(d.words) - 1] = '\0';
    *out = d;
    return true;
}

int note_read(const char *path,
              int (*visit)(void *arg, const note_death *d, pe_error *errp),
              void *arg, pe_error *errp)
{
    head *h = file_load(path);
    const note *notes;
    note_death d;
    bool told = false;
    int rc = 0, one;

    if (!h)
        return 0;
    notes = (const note *)(const void *)((const char *)h + head_bytes());
    for (uint32_t i = 0; rc == 0 && i < h->n; i++) {
        int how = atomic_load(&notes[i].how);

        told = told || how;
        if (how && atomic_load(&notes[i].at) != NOTE_NOWHERE)
            rc = death_of(h, (int)i, &notes[i], how, &d) ? visit(arg, &d, errp)
                                                         : 0;
    }
    one = only_inside(h, notes);
    if (rc == 0 && !told && !atomic_load(&h->how) && one >= 0 &&
        wanted_memory(h))
        rc = death_of(h, one, &notes[one], NOTE_MEMORY, &d)
                 ? visit(arg, &d, errp)
                 : 0;
    free(h);
    return rc;
}

void note_how(int how, char out[64])
{
    switch (how) {
    case NOTE_LIMIT:
        snprintf(out, 64, "did not come back within its limit");
        break;
    case NOTE_EXIT:
        snprintf(out, 64, "called exit");
        break;
    case NOTE_MEMORY:
        snprintf(out, 64, "was killed for want of memory");
        break;
    default:
        snprintf(out, 64, "crashed by signal %d (%.30s)", how, strsignal(how));
        break;
    }
}
