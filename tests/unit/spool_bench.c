/* spool_bench.c - a spool with records whose content tells who they are. */
#include "spool_bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "unit.h"

/* --- calls that matter --- */

int bench_calls, bench_kill_at, bench_errno, bench_sync_errno;
bool bench_halves, bench_power, bench_rebooted;

/* What is on the disk when the power goes: the files whose names were synced,
 * each as it was synced last.
 */
enum { FILES = 64 };
static struct {
    char name[64];
    bool named;
    char *data;
    size_t len;
} kept[FILES];
static int n_kept;

static int kept_find(const char *name)
{
    for (int i = 0; i < n_kept; i++)
        if (!strcmp(kept[i].name, name))
            return i;
    snprintf(kept[n_kept].name, sizeof(kept[0].name), "%s", name);
    return n_kept++;
}

static void keep_names(void)
{
    DIR *d = opendir(bench_path("."));
    const struct dirent *e;

    for (int i = 0; i < n_kept; i++)
        kept[i].named = false;
    while (d && (e = readdir(d)))
        if (*e->d_name != '.')
            kept[kept_find(e->d_name)].named = true;
    if (d)
        closedir(d);
}

static void keep_bytes(int fd)
{
    char link[64], path[512];
    ssize_t n;
    int i;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n <= 0)
        return;
    path[n] = '\0';
    i = kept_find(strrchr(path, '/') + 1);
    free(kept[i].data);
    kept[i].data = bench_load(kept[i].name, &kept[i].len);
}

static void cut_power(void)
{
    DIR *d = opendir(bench_path("."));
    const struct dirent *e;

    while (d && (e = readdir(d))) {
        int i = kept_find(e->d_name);

        if (*e->d_name == '.')
            continue;
        if (kept[i].named)
            bench_store(e->d_name, kept[i].data ? kept[i].data : "",
                        kept[i].len);
        else
            unlink(bench_path(e->d_name));
    }
    /* Names that were to go, and had not. */
    for (int i = 0; i < n_kept; i++)
        if (kept[i].named && access(bench_path(kept[i].name), F_OK) < 0)
            bench_store(kept[i].name, kept[i].data ? kept[i].data : "",
                        kept[i].len);
}

static bool is_time(void)
{
    return ++bench_calls == bench_kill_at;
}

static void die(void)
{
    bench_kill_at = 0;
    if (bench_power)
        cut_power();
    raise(SIGKILL);
}

ssize_t __real_pwritev(int fd, const struct iovec *v, int n, off_t at);
ssize_t __wrap_pwritev(int fd, const struct iovec *v, int n, off_t at);
ssize_t __wrap_pwritev(int fd, const struct iovec *v, int n, off_t at)
{
    if (is_time()) {
        if (bench_halves)
            __real_pwritev(fd, v, 2, at); /* no value, no tail */
        die();
    }
    if (bench_errno) {
        errno = bench_errno;
        return -1;
    }
    return __real_pwritev(fd, v, n, at);
}

ssize_t __real_pwrite(int fd, const void *p, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t len, off_t at)
{
    if (is_time())
        die();
    if (bench_errno) {
        errno = bench_errno;
        return -1;
    }
    return __real_pwrite(fd, p, len, at);
}

int __real_renameat(int a, const char *from, int b, const char *to);
int __wrap_renameat(int a, const char *from, int b, const char *to);
int __wrap_renameat(int a, const char *from, int b, const char *to)
{
    if (is_time())
        die();
    return __real_renameat(a, from, b, to);
}

int __real_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags)
{
    if (is_time())
        die();
    return __real_unlinkat(fd, name, flags);
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    if (is_time())
        die();
    if (bench_sync_errno) {
        errno = bench_sync_errno;
        return -1;
    }
    if (bench_power)
        keep_bytes(fd);
    return 0;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    struct stat st;

    if (is_time())
        die();
    if (bench_sync_errno) {
        errno = bench_sync_errno;
        return -1;
    }
    if (bench_power && fstat(fd, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            keep_names();
        else
            keep_bytes(fd);
    }
    return 0;
}

void __real_format_machine(char out[40]);
void __wrap_format_machine(char out[40]);
void __wrap_format_machine(char out[40])
{
    memset(out, 0, 40);
    memcpy(out, bench_rebooted ? "second" : "first", 6);
}

/* --- records --- */

spool *bench_open(uint64_t size, enum spool_sync sync, spool_found *found,
                  pe_error *errp)
{
    char dir[256];
    spool_conf c = {dir, "r1", "dev-0", size, sync};

    snprintf(dir, sizeof(dir), "%s/spool", scratch_folder);
    return spool_open(&c, found, errp);
}

static size_t len_of(uint64_t seq, uint64_t scale)
{
    return (size_t)(scale * 100 + seq * 7 % 64);
}

int bench_put(spool *s, uint64_t seq, uint64_t scale, bool keeps)
{
    char meta[32];
    size_t len = len_of(seq, scale);
    unsigned char *data = malloc(len + 1);
    spool_put put;
    pe_error e = {0};
    int rc;

    memset(data, (int)(seq * 31 % 251), len);
    snprintf(meta, sizeof(meta), "%llu %llu", (unsigned long long)seq,
             (unsigned long long)scale);
    rc = spool_append(s,
                      &(spool_record){.seq = seq,
                                      .meta = meta,
                                      .meta_len = (uint32_t)strlen(meta) + 1,
                                      .data = data,
                                      .len = (uint32_t)len},
                      keeps, &put, &e);
    free(data);
    return rc;
}

int bench_make(spool *s, pe_block *b, uint64_t seq, uint64_t scale)
{
    char meta[32];
    size_t len = len_of(seq, scale);
    spool_put put;
    pe_error e = {0};

    spool_lend(s, b, len);
    if (pe_block_reserve(b, (uint32_t)(len / 8 + 1), 1, PE_F8, &e) < 0)
        return -1;
    memset(b->storage, (int)(seq * 31 % 251), len);
    snprintf(meta, sizeof(meta), "%llu %llu", (unsigned long long)seq,
             (unsigned long long)scale);
    return spool_append(s,
                        &(spool_record){.seq = seq,
                                        .meta = meta,
                                        .meta_len = (uint32_t)strlen(meta) + 1,
                                        .data = b->storage,
                                        .len = (uint32_t)len,
                                        .stays = true},
                        true, &put, &e);
}

int64_t bench_take(spool *s, spool_record *out)
{
    pe_error e = {0};
    unsigned long long seq, scale;
    const unsigned char *data;

    if (spool_read(s, out, &e) <= 0)
        return -1;
    CU_ASSERT_EQUAL_FATAL(sscanf(out->meta, "%llu %llu", &seq, &scale), 2);
    CU_ASSERT_EQUAL(out->seq, seq);
    CU_ASSERT_EQUAL_FATAL(out->len, len_of(seq, scale));
    data = out->data;
    for (size_t i = 0; i < out->len; i++)
        if (data[i] != seq * 31 % 251)
            CU_FAIL_FATAL("another value");
    return (int64_t)seq;
}

/* --- files --- */

const char *bench_path(const char *name)
{
    static char path[512];

    snprintf(path, sizeof(path), "%.200s/spool/dev-0/%.200s", scratch_folder,
             name);
    return path;
}

const char *bench_chunk(int i)
{
    static char name[CHUNK_NAME];

    for (uint64_t n = 1; n < 10000; n++) {
        chunk_name(n, name);
        if (access(bench_path(name), F_OK) == 0 && i-- == 0)
            return name;
    }
    return NULL;
}

char *bench_load(const char *name, size_t *lenp)
{
    char *data = file_read(bench_path(name), 64 * BENCH_MIB, lenp, NULL);

    if (!data)
        *lenp = 0;
    return data;
}

void bench_store(const char *name, const void *data, size_t len)
{
    int fd = open(bench_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(__real_pwrite(fd, data, len, 0), (ssize_t)len);
    close(fd);
}

void bench_clear(void)
{
    char dir[256];

    bench_calls = bench_kill_at = bench_errno = bench_sync_errno = 0;
    bench_halves = bench_power = bench_rebooted = false;
    for (int i = 0; i < n_kept; i++)
        free(kept[i].data);
    memset(kept, 0, sizeof(kept));
    n_kept = 0;
    snprintf(dir, sizeof(dir), "%s/spool", scratch_folder);
    file_remove_tree(dir, NULL);
}
