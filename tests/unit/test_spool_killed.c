/* test_spool_killed.c - a spool whose process is killed, whose power is cut,
 * whose bytes are changed.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "spool_bench.h"

static spool_found found;
static pe_error e;

/* --- killed anywhere --- */

enum { PUTS = 30, WINDOW = 4, SCALE = 60, BLOCKS = 12 };

/* What a life has promised; it outlives it. */
typedef struct promise {
    uint64_t boot;     /* of this life, where it came to have one */
    uint64_t accepted; /* blocks of it */
    uint64_t safe;     /* ... of them, those that a cut of power leaves */
    uint64_t acked;
} promise;

/* Blocks are accepted, and acknowledged so many later; two turns of a keeper
 * make safe what is there at the first one.
 */
static void live(promise *p, enum spool_sync sync, uint64_t boot)
{
    spool *s = bench_open(2 * BENCH_MIB, sync, &found, &e);
    pe_block b[BLOCKS] = {{0}};
    uint64_t turned = 0;
    int fds[64], rc;
    bool more = true;

    if (!s)
        _exit(70);
    for (uint64_t i = 0; i < PUTS; i++) {
        if (i == 5) {
            if (spool_resolve(s, boot, &more, &e) < 0 || more)
                _exit(71);
            p->boot = boot;
        }
        rc = i % 3 == 0 || i >= 24 ? bench_put(s, i, SCALE, false)
             : i % 2               ? bench_put(s, i, SCALE, true)
                                   : bench_make(s, &b[i % BLOCKS], i, SCALE);
        if (rc != 1)
            _exit(72);
        p->accepted = i + 1;
        if (sync == SPOOL_EACH)
            p->safe = i + 1;
        if (i >= WINDOW + 5 && i < 24) {
            p->acked = i - WINDOW + 1;
            spool_ack(s, 1, i - WINDOW);
        }
        if (sync == SPOOL_SECOND && i % 5 == 4) {
            size_t n = spool_turn(s, fds, 64);

            for (size_t k = 0; k < n; k++) {
                fsync(fds[k]);
                close(fds[k]);
            }
            p->safe = turned;
            turned = i + 1;
        }
    }
    _exit(0);
}

static bool life(promise *p, enum spool_sync sync, uint64_t boot, int at)
{
    int status = 0;
    pid_t pid;

    memset(p, 0, sizeof(*p));
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        bench_kill_at = at;
        bench_calls = 0;
        live(p, sync, boot);
    }
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status))
        CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
    return WIFEXITED(status);
}

/* The next life finds what was promised, in order, each once, under its BOOT,
 * and nothing that was never there.
 */
static void check(const promise *p, enum spool_sync sync)
{
    uint64_t must = bench_power ? p->safe : p->accepted, first, n = 0;
    spool_record r;
    bool more = true;
    int64_t at, last = -1;
    spool *s;

    bench_rebooted = bench_power;
    s = bench_open(2 * BENCH_MIB, sync, &found, &e);
    if (!s)
        printf("# %s\n", e.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    /* Of what a cut of power may take the end may be left. */
    if (!bench_power || sync == SPOOL_EACH) {
        CU_ASSERT_EQUAL(found.lost, 0);
        UNIT_EQUAL(found.first, "");
    }
    CU_ASSERT(found.boot == 3 || found.boot == 0);
    /* Before it was known nothing was sent, so it may have another now. */
    for (uint64_t boot = 500; more; boot++)
        CU_ASSERT_EQUAL(spool_resolve(s, boot, &more, &e), 0);
    first = p->acked;
    while ((at = bench_take(s, &r)) >= 0) {
        if (n++ == 0 && (uint64_t)at < first)
            first = (uint64_t)at; /* once more */
        if (last >= 0 && (uint64_t)at < must)
            CU_ASSERT_EQUAL(at, last + 1);
        CU_ASSERT(at > last);
        CU_ASSERT(!p->boot || r.boot == p->boot);
        CU_ASSERT(!found.boot || r.boot == found.boot);
        last = at;
    }
    /* One that was written and not told yet may be there, too. */
    if (must > p->acked || last >= 0) {
        CU_ASSERT(must <= p->acked || last + 1 >= (int64_t)must);
        CU_ASSERT(last <= (int64_t)p->accepted);
        CU_ASSERT((uint64_t)last + 1 == first + n || n == 0 || bench_power);
    }
    CU_ASSERT_EQUAL(spool_stats_get(s).lost, 0);
    spool_close(s);
}

static int live_all(enum spool_sync sync, bool halves, bool power)
{
    promise *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool whole = false;
    int at;

    CU_ASSERT_FATAL(p != MAP_FAILED);
    for (at = 1; !whole && at < 1000; at += halves ? 2 : 1) {
        bench_clear();
        bench_halves = halves;
        bench_power = power;
        whole = life(p, sync, 3, at);
        if (!whole)
            check(p, sync);
    }
    CU_ASSERT(whole);
    bench_power = false;
    check(p, sync);
    munmap(p, sizeof(*p));
    bench_clear();
    return at;
}

static void test_killed(void)
{
    for (int sync = 0; sync < SPOOL_N_SYNCS; sync++) {
        CU_ASSERT(live_all((enum spool_sync)sync, false, false) > PUTS);
        CU_ASSERT(live_all((enum spool_sync)sync, true, false) > PUTS);
    }
}

static void test_power(void)
{
    CU_ASSERT(live_all(SPOOL_EACH, false, true) > PUTS);
    CU_ASSERT(live_all(SPOOL_SECOND, false, true) > PUTS);
    CU_ASSERT(live_all(SPOOL_SECOND, true, true) > PUTS);
}

/* --- changed --- */

enum { FILES = 3, TOTAL = 12 };

typedef struct file {
    char name[CHUNK_NAME];
    char *data;
    size_t len;
} file;

/* A spool of some files; the last one into [out], else that of [which]. */
static void make(file *out, int which, uint64_t boot, enum spool_sync sync)
{
    spool *s = bench_open(2 * BENCH_MIB, sync, &found, &e);
    bool more;

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(boot ? spool_resolve(s, boot, &more, &e) : 0, 0);
    /* Each file is full with four. */
    s->chunk_bytes = FORMAT_RECORDS_AT + 4 * format_span(8, 300);
    for (uint64_t i = 0; i < TOTAL; i++)
        CU_ASSERT_EQUAL(bench_put(s, i, 2, false), 1);
    spool_close(s);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bench_chunk(FILES - 1));
    snprintf(out->name, sizeof(out->name), "%s", bench_chunk(which));
    out->data = bench_load(out->name, &out->len);
}

/* Which records are found: a bit for each; in order, and none of them wrong. */
static unsigned read_all(void)
{
    spool *s = bench_open(2 * BENCH_MIB, SPOOL_SECOND, &found, &e);
    int64_t at, last = -1;
    unsigned seen = 0;
    spool_record r;

    if (!s)
        printf("# %s\n", e.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    while ((at = bench_take(s, &r)) >= 0) {
        CU_ASSERT(at > last && at < TOTAL);
        CU_ASSERT_EQUAL(r.boot, 7);
        seen |= 1U << at;
        last = at;
    }
    CU_ASSERT_EQUAL((uint64_t)__builtin_popcount(seen), found.records);
    s->records = 1; /* it stays */
    spool_close(s);
    return seen;
}

static unsigned all_but(int from, int to)
{
    unsigned out = (1U << TOTAL) - 1;

    for (int i = from; i < to; i++)
        out &= ~(1U << i);
    return out;
}

/* The last file cut anywhere. */
static void test_cut(void)
{
    file f;

    make(&f, FILES - 1, 7, SPOOL_SECOND);
    for (size_t len = 0; len <= f.len; len += len % 64 < 56 ? 7 : 1) {
        unsigned seen;
        int whole = 0;

        bench_store(f.name, f.data, len);
        seen = read_all();
        for (uint64_t i = 0, at = FORMAT_RECORDS_AT; i < 4; i++) {
            const format_record *r = (format_record *)(f.data + at);

            at += format_span(r->meta, r->len);
            whole += at <= len;
        }
        CU_ASSERT_EQUAL(seen, all_but(8 + whole, TOTAL));
        remove(bench_path(f.name));
        /* What is bad all through was put aside. */
        char aside[CHUNK_NAME + 8];
        snprintf(aside, sizeof(aside), "%s.bad", f.name);
        remove(bench_path(aside));
    }
    free(f.data);
    bench_clear();
}

/* A bit of every byte of a file in the middle. */
static void test_flip(void)
{
    static const char *const kinds[] = {"is damaged", "fails its check sum",
                                        "has no head"};
    unsigned told[3] = {0};
    file f;

    make(&f, 1, 7, SPOOL_SECOND);
    /* Each byte of heads, and some of the others. */
    for (size_t i = 0; i < f.len; i += i < 1200 ? 2 : 5) {
        unsigned missing, seen;

        f.data[i] ^= (char)(1 << i % 8);
        bench_store(f.name, f.data, f.len);
        f.data[i] ^= (char)(1 << i % 8);
        seen = read_all();
        missing = (unsigned)(TOTAL - __builtin_popcount(seen));
        CU_ASSERT(missing <= 1);
        CU_ASSERT_EQUAL(found.lost, missing);
        if (missing)
            CU_ASSERT(seen == all_but(4, 5) || seen == all_but(5, 6) ||
                      seen == all_but(6, 7) || seen == all_but(7, 8));
        for (int k = 0; k < 3; k++)
            told[k] += strstr(found.first, kinds[k]) != NULL;
        if (*found.first) {
            UNIT_CONTAINS(found.first, f.name);
            UNIT_CONTAINS(found.first, " at byte ");
        }
    }
    CU_ASSERT(told[0] > 30 && told[1] > 30 && told[2] > 200);
    free(f.data);
    bench_clear();
}

/* Pieces of zeros and of noise, anywhere. */
static void test_noise(void)
{
    unsigned rng = 12345;
    file f;

    make(&f, 1, 7, SPOOL_SECOND);
    for (int i = 0; i < 240; i++) {
        char *bytes = malloc(f.len);
        size_t from = (rng = rng * 1103515245 + 12345) % f.len;
        size_t n = (rng = rng * 1103515245 + 12345) >> 8;
        unsigned seen;

        n = n % (i % 2 ? 200 : f.len) + 1;
        memcpy(bytes, f.data, f.len);
        for (size_t k = from; k < from + n && k < f.len; k++)
            bytes[k] =
                i % 4 < 2 ? 0 : (char)((rng = rng * 1103515245 + 12345) >> 16);
        bench_store(f.name, bytes, f.len);
        seen = read_all();
        CU_ASSERT((seen & all_but(4, 8)) == all_but(4, 8));
        CU_ASSERT_EQUAL(found.lost,
                        (unsigned)(TOTAL - __builtin_popcount(seen)));
        /* What is whole is found, whatever lies around it. */
        for (uint64_t k = 4, at = FORMAT_RECORDS_AT; k < 8; k++) {
            const format_record *r = (format_record *)(f.data + at);
            uint64_t end = at + format_span(r->meta, r->len);

            if (!memcmp(bytes + at, f.data + at, end - at))
                CU_ASSERT(seen & 1U << k);
            at = end;
        }
        free(bytes);
        char aside[CHUNK_NAME + 8];
        snprintf(aside, sizeof(aside), "%s.bad", f.name);
        remove(bench_path(aside));
    }
    free(f.data);
    bench_clear();
}

/* Records that were written before their BOOT was known, in a file that may
 * have had one: they are not sent under another.
 */
static void test_doubt(void)
{
    file f;

    make(&f, 1, 0, SPOOL_SECOND);
    f.data[20] ^= 1;
    bench_store(f.name, f.data, f.len);
    free(f.data);
    spool *s = bench_open(2 * BENCH_MIB, SPOOL_SECOND, &found, &e);
    CU_ASSERT_EQUAL(found.records, TOTAL - 4);
    CU_ASSERT_EQUAL(found.lost, 4);
    UNIT_CONTAINS(found.first, "has no head at byte 0");
    spool_close(s);
    bench_clear();
    /* A file next to it knows it. */
    spool_record r;
    bool more;
    s = bench_open(2 * BENCH_MIB, SPOOL_SECOND, &found, &e);
    s->chunk_bytes = FORMAT_RECORDS_AT + 4 * format_span(8, 300);
    for (uint64_t i = 0; i < TOTAL; i++)
        CU_ASSERT_EQUAL(bench_put(s, i, 2, false), 1);
    CU_ASSERT_EQUAL(spool_resolve(s, 7, &more, &e), 0);
    spool_close(s);
    snprintf(f.name, sizeof(f.name), "%s", bench_chunk(1));
    f.data = bench_load(f.name, &f.len);
    memset(f.data, 0, FORMAT_RECORDS_AT);
    bench_store(f.name, f.data, f.len);
    free(f.data);
    s = bench_open(2 * BENCH_MIB, SPOOL_SECOND, &found, &e);
    CU_ASSERT_EQUAL(found.records, TOTAL);
    for (int64_t i = 0; i < TOTAL; i++) {
        CU_ASSERT_EQUAL(bench_take(s, &r), i);
        CU_ASSERT_EQUAL(r.boot, 7);
    }
    spool_close(s);
    bench_clear();
}

/* A disk that changes its mind behind our back. */
static void test_while_read(void)
{
    file f;
    spool_record r;
    uint64_t n = 0;

    make(&f, 1, 7, SPOOL_SECOND);
    spool *s = bench_open(2 * BENCH_MIB, SPOOL_SECOND, &found, &e);
    CU_ASSERT_EQUAL(found.records, TOTAL);
    memset(f.data + FORMAT_RECORDS_AT + 80, 1, 10); /* a value */
    memset(f.data + FORMAT_RECORDS_AT + format_span(4, 235), 1,
           10); /* a head */
    bench_store(f.name, f.data, f.len);
    while (bench_take(s, &r) >= 0)
        n++;
    CU_ASSERT(n >= TOTAL - 2 && n < TOTAL);
    CU_ASSERT_EQUAL(spool_stats_get(s).lost, TOTAL - n);
    CU_ASSERT_EQUAL(spool_stats_get(s).behind, 0);
    CU_ASSERT_EQUAL(spool_stats_get(s).records, n);
    spool_close(s);
    free(f.data);
    bench_clear();
}

int main(void)
{
    static const unit_test tests[] = {
        {"spool: killed anywhere", test_killed},
        {"spool: power that is cut anywhere", test_power},
        {"spool: cut anywhere", test_cut},
        {"spool: a bit of every byte changed", test_flip},
        {"spool: zeros and noise", test_noise},
        {"spool: a BOOT that is gone", test_doubt},
        {"spool: changed while it is read", test_while_read},
        {0},
    };
    int status;

    scratch_make();
    status = unit_main("spool_killed", tests);
    scratch_remove();
    return status;
}
