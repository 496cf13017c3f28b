/* write_bench.c - the stage that keeps rows, and the calls it writes with. */
#include "write_bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/file.h"
#include "unit.h"

/* --- what is on the disk, and what only the kernel has --- */

#define FILES 64

typedef struct held {
    ino_t ino;  /* nobody else's: it is open */
    char *data; /* as it was synced last */
    size_t len;
} held;

typedef struct entry {
    char name[80];
    ino_t ino;
} entry;

static held synced[FILES];
static entry listed[FILES]; /* names, as the folder was synced last */
static size_t n_synced, n_listed;
unsigned power;

static size_t list_now(entry *out)
{
    DIR *d = opendir(scratch_folder);
    struct dirent *e;
    size_t n = 0;

    while (d && (e = readdir(d)) && n < FILES)
        if (e->d_name[0] != '.') {
            snprintf(out[n].name, sizeof(out[n].name), "%.79s", e->d_name);
            out[n++].ino = e->d_ino;
        }
    if (d)
        closedir(d);
    return n;
}

static held *held_of(ino_t ino)
{
    for (size_t i = 0; i < n_synced; i++)
        if (synced[i].ino == ino)
            return &synced[i];
    return NULL;
}

static void note_synced(int fd)
{
    struct stat st;
    char path[40];
    held *h;

    if (power == POWER_STAYS || fstat(fd, &st) < 0)
        return;
    if (S_ISDIR(st.st_mode)) {
        n_listed = list_now(listed);
        return;
    }
    h = held_of(st.st_ino);
    if (!h && n_synced < FILES)
        h = &synced[n_synced++];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (!h || (!h->data && open(path, O_RDONLY | O_CLOEXEC) < 0))
        abort();
    free(h->data);
    *h = (held){st.st_ino, malloc((size_t)st.st_size + 1), (size_t)st.st_size};
    if (!h->data || pread(fd, h->data, h->len, 0) != (ssize_t)h->len)
        abort();
}

void power_on(void)
{
    entry now[FILES];
    size_t n = list_now(now);

    for (size_t i = 0; i < n; i++) {
        int fd = open(in_folder(now[i].name), O_RDONLY | O_CLOEXEC);

        note_synced(fd);
        close(fd);
    }
    n_listed = list_now(listed);
}

/* What is on the disk of [e] then: of a file that was never synced, nothing. */
static held content_of(const entry *e)
{
    bool index = strstr(e->name, ".index");
    const held *h = held_of(e->ino);
    held out = h ? *h : (held){0};
    struct stat st;

    /* Under that name there may be another by now. */
    if (stat(in_folder(e->name), &st) < 0 || st.st_ino != e->ino)
        return out;
    if (power & (index ? POWER_LOSES_INDEX : POWER_LOSES_ROWS))
        return out;
    out.data = file_read(in_folder(e->name), 1 << 24, &out.len, NULL);
    return out.data ? out : h ? *h : (held){0};
}

/* The folder as a disk may have it that was cut off now. */
static void power_cut(void)
{
    entry now[FILES], *to = power & POWER_LOSES_NAMES ? listed : now;
    size_t n_now = list_now(now), n = to == now ? n_now : n_listed;
    held content[FILES];

    for (size_t i = 0; i < n; i++)
        content[i] = content_of(&to[i]);
    for (size_t i = 0; i < n_now; i++)
        unlink(in_folder(now[i].name));
    for (size_t i = 0; i < n; i++) {
        int fd =
            open(in_folder(to[i].name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0 || syscall(SYS_write, fd, content[i].data, content[i].len) !=
                          (ssize_t)content[i].len)
            abort();
        close(fd);
    }
}

/* --- calls that change files, and what becomes of them --- */

int calls, kill_at, full;
bool is_half;

static bool dies(void)
{
    return ++calls == kill_at;
}

static void die(void)
{
    if (power != POWER_STAYS)
        power_cut();
    kill(getpid(), SIGKILL);
}

static ssize_t put(int fd, const void *data, size_t n, off_t at)
{
    bool last = fd > 2 && dies();

    if (fd > 2 && full > 0) {
        full--;
        errno = ENOSPC;
        return -1;
    }
    if (last && is_half)
        n /= 2;
    if (last && !is_half)
        die();
    n = (size_t)(at < 0 ? syscall(SYS_write, fd, data, n)
                        : syscall(SYS_pwrite64, fd, data, n, at));
    if (last)
        die();
    return (ssize_t)n;
}

ssize_t write(int fd, const void *data, size_t n)
{
    return put(fd, data, n, -1);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
    return put(fd, data, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off_t at)
{
    return put(fd, data, n, at);
}

int rename(const char *from, const char *to)
{
    if (dies())
        die();
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int fsync(int fd)
{
    if (dies())
        die();
    note_synced(fd); /* and no more: a disk has to be waited for */
    return 0;
}

int fdatasync(int fd)
{
    if (dies())
        die();
    note_synced(fd);
    return 0;
}

static int cut_to(int fd, off_t length)
{
    if (dies())
        die();
    return (int)syscall(SYS_ftruncate, fd, length);
}

int ftruncate(int fd, off_t length)
{
    return cut_to(fd, length);
}

int ftruncate64(int fd, off_t length)
{
    return cut_to(fd, length);
}

/* --- a model in place of the real ones: scores are the first column --- */

static pe_model model = {.features = 2, .threshold = 2, .version = 12};
bool have_model;

int pe_model_score(const pe_model *m, const pe_block *b, float *scores,
                   pe_error *errp)
{
    if (b->features != m->features)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "features changed from %u to %u", m->features,
                            b->features);
    for (uint32_t i = 0; i < b->points; i++)
        scores[i] = (float)pe_block_at(b, i, 0);
    return 0;
}

static const pe_model *host_model(void *arg)
{
    (void)arg;
    return have_model ? &model : NULL;
}

char told[2048];
atomic_int cancelled;
bool cancels;

static void host_tell(void *arg, const char *words)
{
    (void)arg;
    snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s\n", words);
    if (cancels)
        atomic_store(&cancelled, 1);
}

char shared[400];
bool is_shared;

static int host_put(void *arg, const char *key, const void *value, uint32_t len,
                    pe_error *errp)
{
    (void)arg;
    (void)errp;
    snprintf(shared, sizeof(shared), "%s=%.*s", key, (int)len,
             (const char *)value);
    return 0;
}

static int host_get(void *arg, const char *key, void *value, uint32_t cap,
                    pe_error *errp)
{
    size_t n = strlen(key), len;

    (void)arg;
    (void)errp;
    if (strncmp(shared, key, n) != 0 || shared[n] != '=')
        return 0;
    len = strlen(shared + n + 1);
    memcpy(value, shared + n + 1, len < cap ? len : cap);
    return (int)len;
}

static const context_host hosts[] = {
    {.model = host_model, .tell = host_tell},
    {.model = host_model, .tell = host_tell, .put = host_put, .get = host_get}};

/* --- a stage at work --- */

/* [options] is "NAME=VALUE;NAME=VALUE".  The answer of the open hook. */
int bench_open(bench *b, const char *options, context_setup set)
{
    char *copy = strdup(options), *rest = copy, *item;
    pe_error e = {0};

    memset(b, 0, sizeof(*b));
    b->fn = function_load("write", NULL, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->fn);
    b->options = function_options(b->fn, NULL, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->options);
    while ((item = strsep(&rest, ";")) && *item) {
        char *value = strchr(item, '=');

        *value++ = '\0';
        CU_ASSERT_EQUAL(pe_options_set(b->options, item, value, &e), 0);
        UNIT_EQUAL(e.text, "");
    }
    free(copy);
    set.run = set.run ? set.run : "r1";
    set.stage = "keep";
    set.options = b->options;
    set.host = &hosts[is_shared];
    set.cancelled = &cancelled;
    b->ctx = context_create(&set, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->ctx);
    return function_ops(b->fn)->open(b->ctx);
}

void bench_close(bench *b)
{
    function_ops(b->fn)->close(b->ctx);
    context_destroy(b->ctx);
    pe_options_destroy(b->options);
    function_unload(b->fn);
    pe_block_release(&b->in);
    pe_block_release(&b->out);
}

context_setup device(const char *name)
{
    return (context_setup){.device = name, .writer = name, .size = 1};
}

context_setup rank(const char *writer, int index)
{
    return (context_setup){.writer = writer, .index = index, .size = 2};
}

void settle(bench *b, const int64_t *next, const unsigned char *own)
{
    static const unsigned char all[] = {1, 1};
    const context_committed c = {.next = next, .own = own ? own : all, .n = 2};
    pe_error e = {0};

    CU_ASSERT_EQUAL(function_settle(function_ops(b->fn), b->ctx, &c, &e), 0);
    UNIT_EQUAL(e.text, "");
}

void sync_all(bench *b)
{
    pe_error e = {0};

    CU_ASSERT_EQUAL(function_sync(function_ops(b->fn), b->ctx, &e), 0);
    UNIT_EQUAL(e.text, "");
}

/* A block of [points] rows of 2 columns: its number, and 10 times it plus the
 * row.
 */
int feed(bench *b, int32_t partition, int64_t offset, uint32_t points)
{
    const pe_function *f = function_ops(b->fn);
    double *x;

    CU_ASSERT_EQUAL(pe_block_reserve(&b->in, points, 2, PE_F8, NULL), 0);
    x = b->in.data;
    for (uint32_t i = 0; i < points; i++) {
        x[2 * i] = (double)(100 * partition + offset);
        x[2 * i + 1] = 10 * x[2 * i] + i;
    }
    b->in.device = "d-0";
    b->in.source = "f.csv:7";
    b->in.partition = partition;
    b->in.offset = offset;
    b->in.boot = 1;
    b->in.seq = (uint64_t)offset;
    b->in.has_seq = 1;
    b->in.sense_ns = 1000000000;
    return *pe_context_device(b->ctx)
               ? f->process_edge(b->ctx, &b->in, &b->out)
               : f->process_cloud(b->ctx, &b->in, &b->out);
}

static char folder_path[6000];

/* PATH of [name] in our folder. */
const char *in_folder(const char *name)
{
    snprintf(folder_path, sizeof(folder_path), "%s/%s", scratch_folder, name);
    return folder_path;
}

char *read_file(const char *name, size_t *lenp)
{
    pe_error e = {0};
    char *data = file_read(in_folder(name), 1 << 24, lenp, &e);

    UNIT_EQUAL(e.text, "");
    return data ? data : strdup("");
}

void check_file(const char *name, const char *want)
{
    size_t len;
    char *data = read_file(name, &len);

    UNIT_EQUAL(data, want);
    free(data);
}

void path_option(char out[400], const char *name, const char *more)
{
    snprintf(out, 400, "path=%s/%s%s", scratch_folder, name, more);
}

void remove_all(void)
{
    file_remove_tree(scratch_folder, NULL);
    CU_ASSERT_EQUAL(mkdir(scratch_folder, 0700), 0);
    *told = *shared = '\0';
}

/* Rows of [name], which has x0 and x1 alone, as "BLOCK.ROW ", sorted as they
 * are; "?" is what is no such row.
 */
char *rows_in(const char *name, char out[2000])
{
    size_t len, n = 0;
    char *data = read_file(name, &len), *line = data, *end;

    *out = '\0';
    line = strchr(line, '\n') ? strchr(line, '\n') + 1 : line + len;
    for (; (end = strchr(line, '\n')); line = end + 1) {
        double x0, x1;
        const char *at = strstr(line, ",f.csv,");

        *end = '\0';
        at = at ? strchr(at + 7, ',') : NULL;
        if (at && sscanf(at, ",%lf,%lf", &x0, &x1) == 2)
            n +=
                (size_t)snprintf(out + n, 2000 - n, "%g.%g ", x0, x1 - 10 * x0);
        else
            n += (size_t)snprintf(out + n, 2000 - n, "? ");
    }
    if (*line)
        snprintf(out + n, 2000 - n, "torn");
    free(data);
    return out;
}
