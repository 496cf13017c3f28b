/* test_spool.c - blocks on the disk of a device: order, room, who may. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "spool_bench.h"
#include "src/common/file.h"

static spool_found found;
static pe_error e;

static spool *open_one(uint64_t size, enum spool_sync sync)
{
    spool *s;

    e = (pe_error){0};
    s = bench_open(size, sync, &found, &e);
    if (!s)
        printf("# %s\n", e.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    return s;
}

static void boot(spool *s, uint64_t n, bool left)
{
    bool more = !left;

    CU_ASSERT_EQUAL(spool_resolve(s, n, &more, &e), 0);
    CU_ASSERT_EQUAL(more, left);
}

/* Records in order, over several files and a restart. */
static void test_order(void)
{
    for (int sync = 0; sync < SPOOL_N_SYNCS; sync++) {
        spool *s = open_one(4 * BENCH_MIB, (enum spool_sync)sync);
        spool_record r;
        spool_stats st;

        CU_ASSERT_EQUAL(found.records + found.lost, 0);
        boot(s, 7, false);
        for (uint64_t i = 0; i < 500; i++)
            CU_ASSERT_EQUAL(bench_put(s, i, 20, i < 10), 1);
        st = spool_stats_get(s);
        CU_ASSERT_EQUAL(st.records, 500);
        CU_ASSERT_EQUAL(st.behind, 490);
        CU_ASSERT_PTR_NOT_NULL(bench_chunk(2));
        for (int64_t i = 10; i < 100; i++) {
            CU_ASSERT_EQUAL(bench_take(s, &r), i);
            CU_ASSERT_EQUAL(r.ordinal, (uint64_t)i);
            CU_ASSERT_EQUAL(r.boot, 7);
        }
        spool_ack(s, 90, 89);
        CU_ASSERT_EQUAL(spool_stats_get(s).records, 410);
        spool_close(s);

        s = open_one(4 * BENCH_MIB, (enum spool_sync)sync);
        CU_ASSERT_EQUAL(found.records, 410);
        CU_ASSERT_EQUAL(found.lost, 0);
        CU_ASSERT_EQUAL(found.boot, 7);
        boot(s, 9, false);
        CU_ASSERT_EQUAL(bench_put(s, 0, 3, false), 1);
        for (int64_t i = 90; i < 500; i++) {
            CU_ASSERT_EQUAL(bench_take(s, &r), i);
            CU_ASSERT_EQUAL(r.boot, 7);
        }
        CU_ASSERT_EQUAL(bench_take(s, &r), 0);
        CU_ASSERT_EQUAL(r.boot, 9);
        CU_ASSERT_EQUAL(r.ordinal, 500);
        CU_ASSERT_EQUAL(bench_take(s, &r), -1);
        spool_ack(s, 411, 500);
        CU_ASSERT_EQUAL(spool_stats_get(s).bytes, 0);
        spool_close(s);
        CU_ASSERT_EQUAL(access(bench_path("."), F_OK), -1); /* all is gone */
    }
}

/* Where acknowledgements keep up a few files are used again and again. */
static void test_again(void)
{
    spool *s = open_one(4 * BENCH_MIB, SPOOL_SECOND);
    int files = 0;

    boot(s, 1, false);
    for (uint64_t i = 0; i < 3000; i++) {
        CU_ASSERT_EQUAL(bench_put(s, i, 20, true), 1);
        if (i >= 20)
            spool_ack(s, 1, i - 20);
    }
    CU_ASSERT(s->number > 40); /* so many files were begun */
    while (bench_chunk(files))
        files++;
    CU_ASSERT(files <= 3);
    CU_ASSERT_EQUAL(spool_stats_get(s).records, 20);
    spool_close(s);
    s = open_one(4 * BENCH_MIB, SPOOL_SECOND);
    CU_ASSERT_EQUAL(found.records, 20);
    CU_ASSERT_EQUAL(found.lost, 0);
    UNIT_EQUAL(found.first, "");
    spool_close(s);
    bench_clear();
}

/* --- room --- */

static uint64_t bytes_on_disk(void)
{
    uint64_t sum = 0;
    struct stat st;

    for (int i = 0; bench_chunk(i); i++)
        if (stat(bench_path(bench_chunk(i)), &st) == 0)
            sum += (uint64_t)st.st_size;
    return sum;
}

static void test_full(void)
{
    spool *s = open_one(2 * BENCH_MIB, SPOOL_SECOND);
    spool_record r;
    uint64_t n = 0, dropped, kept;
    int64_t at = -1;

    while (bench_put(s, n, 50, n < 3) == 1)
        n++;
    CU_ASSERT(n > 300 && spool_full(s, 5100));
    CU_ASSERT(bytes_on_disk() <= 2 * BENCH_MIB);
    /* What is acknowledged makes room, a file at a time. */
    for (uint64_t i = 3; i < 20; i++)
        CU_ASSERT_EQUAL(bench_take(s, &r), (int64_t)i);
    spool_ack(s, 20, 19);
    CU_ASSERT(!spool_full(s, 5100));
    while (bench_put(s, n, 50, false) == 1)
        n++;
    CU_ASSERT(bytes_on_disk() <= 2 * BENCH_MIB);
    /* Dropped: the oldest, a file at a time, none that somebody has. */
    at = bench_take(s, &r);
    CU_ASSERT_EQUAL(at, 20);
    dropped = spool_drop(s);
    CU_ASSERT(dropped > 5 && dropped < 20);
    kept = spool_stats_get(s).records;
    CU_ASSERT_EQUAL(kept, n - 20 - dropped);
    CU_ASSERT_EQUAL(bench_put(s, n, 50, false), 1);
    for (int64_t last = at; (at = bench_take(s, &r)) >= 0; last = at) {
        CU_ASSERT(at > last);
        kept--;
    }
    CU_ASSERT_EQUAL(kept, 0); /* with 20, and the one that was put */
    CU_ASSERT_EQUAL(spool_stats_get(s).lost, 0);
    while (spool_drop(s))
        CU_FAIL("nothing is left that nobody has");
    spool_close(s);
    /* What was dropped is not missed. */
    s = open_one(2 * BENCH_MIB, SPOOL_SECOND);
    CU_ASSERT_EQUAL(found.records, n + 1 - 20 - dropped);
    CU_ASSERT_EQUAL(found.lost, 0);
    spool_close(s);
    bench_clear();
}

/* A disk that fills, or fails. */
static void test_disk(void)
{
    static const struct {
        int error;
        const char *why;
    } rows[] = {{ENOSPC, "the disk is full"},
                {EDQUOT, "the quota is used up"},
                {EFBIG, "files may not be larger here"}};
    spool_record rec = {.data = "x", .len = 1, .meta = "0 0", .meta_len = 4};
    spool_put put;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        spool *s = open_one(4 * BENCH_MIB, SPOOL_SECOND);
        spool_record r;

        for (uint64_t k = 0; k < 5; k++)
            CU_ASSERT_EQUAL(bench_put(s, k, 1, false), 1);
        bench_errno = rows[i].error;
        CU_ASSERT_EQUAL(spool_append(s, &rec, false, &put, &e), 0);
        UNIT_EQUAL(put.why, rows[i].why);
        bench_errno = 0;
        CU_ASSERT_EQUAL(bench_put(s, 5, 1, false), 1);
        for (int64_t k = 0; k < 6; k++)
            CU_ASSERT_EQUAL(bench_take(s, &r), k);
        spool_close(s);
        s = open_one(4 * BENCH_MIB, SPOOL_SECOND);
        CU_ASSERT_EQUAL(found.records, 6);
        spool_close(s);
        bench_clear();
    }
    /* A new file that has no room. */
    spool *s = open_one(4 * BENCH_MIB, SPOOL_SECOND);
    bench_errno = ENOSPC;
    CU_ASSERT_EQUAL(spool_append(s, &rec, false, &put, &e), 0);
    bench_errno = EIO;
    CU_ASSERT_EQUAL(spool_append(s, &rec, false, &put, &e), -1);
    UNIT_CONTAINS(e.text, "cannot write to ");
    UNIT_CONTAINS(e.text, "/spool/dev-0: ");
    bench_clear();
    spool_close(s);
    /* What the kernel could not write is gone: no further one is accepted. */
    s = open_one(4 * BENCH_MIB, SPOOL_EACH);
    CU_ASSERT_EQUAL(bench_put(s, 0, 1, true), 1);
    bench_sync_errno = EIO;
    CU_ASSERT_EQUAL(bench_put(s, 1, 1, true), -1);
    bench_sync_errno = 0;
    CU_ASSERT_EQUAL(spool_append(s, &rec, true, &put, &e), -1);
    UNIT_CONTAINS(e.text, "cannot sync ");
    spool_close(s);
    bench_clear();
}

/* --- incarnations --- */

/* Two lives that never knew their BOOT, and ours. */
static void test_boots(void)
{
    spool_record r;
    spool *s;

    for (uint64_t life = 0; life < 2; life++) {
        s = open_one(4 * BENCH_MIB, SPOOL_SECOND);
        CU_ASSERT_EQUAL(found.boot, 0);
        for (uint64_t i = 0; i < 40; i++)
            CU_ASSERT_EQUAL(bench_put(s, i, 40, false), 1);
        spool_close(s);
    }
    s = open_one(4 * BENCH_MIB, SPOOL_SECOND);
    CU_ASSERT_EQUAL(found.records, 80);
    CU_ASSERT_EQUAL(bench_put(s, 0, 1, false), 1);
    boot(s, 5, true);
    spool_close(s);
    /* One more, whose agent died in between: the first keeps what it has. */
    s = open_one(4 * BENCH_MIB, SPOOL_SECOND);
    CU_ASSERT_EQUAL(found.boot, 5);
    boot(s, 8, true);
    boot(s, 9, true);
    boot(s, 10, false);
    CU_ASSERT_EQUAL(bench_put(s, 0, 1, false), 1);
    for (int i = 0; i < 82; i++) {
        static const uint64_t boots[] = {5, 8, 9, 10};
        int life = i < 40 ? 0 : i < 80 ? 1 : i < 81 ? 2 : 3;

        CU_ASSERT_EQUAL(bench_take(s, &r), i < 80 ? i % 40 : 0);
        CU_ASSERT_EQUAL(r.boot, boots[life]);
    }
    spool_close(s);
    bench_clear();
}

/* --- who may --- */

static void refused(const char *words, enum pe_exit code)
{
    e = (pe_error){0};
    CU_ASSERT_PTR_NULL(bench_open(4 * BENCH_MIB, SPOOL_SECOND, &found, &e));
    UNIT_CONTAINS(e.text, words);
    CU_ASSERT_EQUAL(e.exit_code, code);
}

static void test_folder(void)
{
    char dir[300], path[300];
    spool *s = open_one(4 * BENCH_MIB, SPOOL_SECOND);
    int status = 0;
    pid_t pid;

    snprintf(dir, sizeof(dir), "%s/spool", scratch_folder);
    /* Another process; flock is of the open file, so ours will do. */
    refused("two agents cannot share one", PE_EXIT_AGAIN);
    UNIT_CONTAINS(e.text, "spool: process ");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(bench_put(s, 0, 1, true), 1);
    spool_close(s);

    chmod(bench_path("."), 0750);
    refused("others can open ", PE_EXIT_PERMISSION);
    UNIT_CONTAINS(e.text, "'chmod 700 ");
    chmod(bench_path("."), 0700);
    snprintf(path, sizeof(path), "%s/other", scratch_folder);
    rename(dir, path);
    CU_ASSERT_EQUAL(symlink(path, dir), 0);
    refused("is a link or no folder", PE_EXIT_PERMISSION);
    unlink(dir);
    scratch_write("spool", "a file");
    refused("is a link or no folder", PE_EXIT_PERMISSION);
    unlink(dir);
    rename(path, dir);
    if (geteuid() == 0) {
        CU_ASSERT_EQUAL(chown(dir, 12345, 12345), 0);
        refused("belongs to another user", PE_EXIT_PERMISSION);
        CU_ASSERT_EQUAL(chown(dir, 0, 0), 0);
        pid = fork();
        if (pid == 0) { /* nobody may write there */
            chmod(scratch_folder, 0755);
            snprintf(path, sizeof(path), "%s/spool", scratch_folder);
            file_remove_tree(path, NULL);
            if (setuid(65534) < 0)
                _exit(9);
            _exit(!bench_open(4 * BENCH_MIB, SPOOL_SECOND, &found, &e) &&
                          e.exit_code == PE_EXIT_PERMISSION
                      ? 0
                      : 1);
        }
        waitpid(pid, &status, 0);
        CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    bench_clear();
}

/* --- what is not ours to read --- */

/* The first chunk with a head that [change] made. */
static void with_head(void (*change)(format_chunk *h))
{
    spool *s = open_one(4 * BENCH_MIB, SPOOL_SECOND);
    format_chunk *h;
    char *data;
    size_t len;

    CU_ASSERT_EQUAL(bench_put(s, 0, 1, true), 1);
    spool_close(s);
    data = bench_load(bench_chunk(0), &len);
    h = (format_chunk *)data;
    change(h);
    format_chunk_seal(h);
    bench_store(bench_chunk(0), data, len);
    free(data);
}

static void newer(format_chunk *h)
{
    h->version = 3;
}

static void strange(format_chunk *h)
{
    snprintf(h->owner, sizeof(h->owner), "r2/dev-9");
}

static void test_strangers(void)
{
    with_head(newer);
    refused("0000000000000001.chunk is of version 3 of a spool, and this is a "
            "program for version 2: send what is in it with the program that "
            "wrote it, or remove its folder",
            PE_EXIT_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(bench_chunk(0)); /* it is still there */
    bench_clear();
    with_head(strange);
    refused("belongs to device r2/dev-9; name another folder", PE_EXIT_CONFIG);
    bench_clear();
}

int main(void)
{
    static const unit_test tests[] = {
        {"spool: records in order, over a restart", test_order},
        {"spool: files that are used again", test_again},
        {"spool: no room, and the oldest dropped", test_full},
        {"spool: a disk that fills, or fails", test_disk},
        {"spool: lives without a BOOT", test_boots},
        {"spool: a folder that is not ours alone", test_folder},
        {"spool: another version, another device", test_strangers},
        {0},
    };
    int status;

    scratch_make();
    status = unit_main("spool", tests);
    scratch_remove();
    return status;
}
