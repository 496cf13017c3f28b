/* test_trace.c - logs of a trace: read, and joined. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "logs_case.h"
#include "src/common/clock.h"
#include "src/common/file.h"

/* --- what is there --- */

static void test_joined(void)
{
    trace_log *edge, *pool;
    trace_block b = {0};
    trace *t;
    uint64_t n = 0;

    logs_begin();
    edge = logs_open("devices", "edge", 0, "r1");
    pool = logs_open("pool", "pool", 0, "r1");
    for (uint64_t i = 0; i < 100; i++) {
        logs_edge(edge, i % 2 ? "d-0" : "d-1", i);
        logs_work(pool, i % 2 ? "d-0" : "d-1", i);
    }
    logs_commit(pool, 2, 6, 1);
    logs_commit(pool, 7, 10, 2); /* epoch 11 is not in it */
    trace_log_add(edge, LAYOUT_MODEL,
                  &(trace_model){.version = 2, .time_ns = 9500});
    trace_log_close(edge);
    trace_log_close(pool);
    t = logs_trace();
    while (trace_next(t, TRACE_BLOCKS, &b, NULL) > 0) {
        int64_t seq = (int64_t)b.seq, ns = 0;
        bool in = seq < 90;

        UNIT_EQUAL(trace_device(t, b.device), seq % 2 ? "d-0" : "d-1");
        CU_ASSERT_EQUAL(b.boot, 5);
        CU_ASSERT_EQUAL(b.offset, seq + 100);
        CU_ASSERT_EQUAL(b.flags, TRACE_HAS_SEQ | TRACE_HAS_EDGE |
                                     TRACE_HAS_RANK |
                                     (in ? TRACE_COMMITTED : 0));
        CU_ASSERT_EQUAL(b.stamp[TRACE_SENSE], 1000 + seq);
        CU_ASSERT_EQUAL(b.stamp[TRACE_ACKED], 3000 + seq);
        CU_ASSERT_EQUAL(b.stamp[TRACE_END], 6000 + seq);
        CU_ASSERT_EQUAL(b.stamp[TRACE_COMMIT], seq < 50 ? 9001 : in ? 9002 : 0);
        CU_ASSERT_EQUAL(b.stamp[TRACE_MODEL], in ? 9500 : 0);
        CU_ASSERT_EQUAL(b.commit_version, seq < 50 ? 1 : in ? 2 : 0);
        CU_ASSERT_TRUE(trace_hop_ns(&b, TRACE_HOP_PROCESS, &ns));
        CU_ASSERT_EQUAL(ns, 1000);
        CU_ASSERT_FALSE(trace_hop_ns(&b, TRACE_HOP_RESULT, &ns));
        n++;
    }
    CU_ASSERT_EQUAL(n, 100);
    /* again from the first one, and other kinds between */
    CU_ASSERT_EQUAL(logs_count(t, TRACE_COMMITS), 2);
    CU_ASSERT_EQUAL(logs_count(t, TRACE_MODELS), 1);
    CU_ASSERT_EQUAL(logs_count(t, TRACE_RANKS), 0);
    CU_ASSERT_EQUAL(logs_count(t, TRACE_BLOCKS), 100);
    CU_ASSERT_EQUAL(trace_facts_get(t).rows, 200);
    CU_ASSERT_EQUAL(trace_facts_get(t).unended, 0);
    UNIT_EQUAL(trace_facts_get(t).run, "r1");
    UNIT_EQUAL(trace_facts_get(t).missing, "");
    UNIT_EQUAL(trace_process_at(t, 1)->member, "pool");
    CU_ASSERT_PTR_NULL(trace_process_at(t, 2));
    trace_close(t);
}

/* Of a block that ranks had several times the one that was committed counts. */
static void test_repeats(void)
{
    trace_log *pool;
    trace_block b = {0};
    layout_work w;
    trace *t;

    logs_begin();
    pool = logs_open("pool", "pool", 0, "r1");
    w = logs_work_of(pool, "d", 1);
    w.term = 2; /* that epoch was dropped */
    w.start = 7000;
    trace_log_add(pool, LAYOUT_WORK, &w);
    logs_work(pool, "d", 1);
    w.outcome = TRACE_DUPLICATE;
    w.term = 1;
    w.start = 8000;
    trace_log_add(pool, LAYOUT_WORK, &w);
    logs_commit(pool, 2, 2, 1);
    trace_log_close(pool);
    t = logs_trace();
    CU_ASSERT_EQUAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 1);
    CU_ASSERT_EQUAL(b.outcome, TRACE_APPLIED);
    CU_ASSERT_EQUAL(b.repeats, 2);
    CU_ASSERT_EQUAL(b.stamp[TRACE_START], 5001);
    CU_ASSERT_EQUAL(b.stamp[TRACE_COMMIT], 9001);
    CU_ASSERT_EQUAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 0);
    trace_close(t);
}

/* Records of others have no seq, and go by their place. */
static void test_strangers(void)
{
    trace_log *pool;
    trace_block b = {0};
    layout_work w;
    trace *t;

    logs_begin();
    pool = logs_open("pool", "pool", 0, "r1");
    for (uint64_t i = 0; i < 3; i++) {
        w = logs_work_of(pool, "other", i);
        w.flags = 0;
        w.boot = w.seq = 0;
        trace_log_add(pool, LAYOUT_WORK, &w);
    }
    trace_log_close(pool);
    t = logs_trace();
    for (int64_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 1);
        CU_ASSERT_EQUAL(b.offset, 100 + i);
        CU_ASSERT_EQUAL(b.flags, TRACE_HAS_RANK);
        UNIT_EQUAL(trace_device(t, b.device), "other");
    }
    trace_close(t);
}

/* --- of whom --- */

static void test_other_run(void)
{
    pe_error e = {0};

    logs_begin();
    trace_log_close(logs_open("devices", "edge", 0, "r1"));
    trace_log_close(logs_open("pool", "pool", 0, "r2"));
    CU_ASSERT_PTR_NULL(trace_open(logs_folder, &e));
    UNIT_CONTAINS(e.text, "pool.0.1.log is of run r2, and others in");
    UNIT_CONTAINS(e.text, "are of run r1: move it away");
}

static void test_none(void)
{
    pe_error e = {0};

    logs_begin();
    CU_ASSERT_PTR_NULL(trace_open(logs_folder, &e));
    UNIT_CONTAINS(e.text, "it is recorded by 'pilot run --trace'");
    CU_ASSERT_PTR_NULL(trace_open("/nowhere/at/all", &e));
    UNIT_CONTAINS(e.text, "cannot read /nowhere/at/all");
}

/* Logs of a run that was restarted often: more than may be open at first. */
static void test_many(void)
{
    struct rlimit was, l;
    pe_error e = {0};
    trace *t;

    logs_begin();
    for (int i = 0; i < 80; i++)
        trace_log_close(logs_open("pool", "pool", i, "r1"));
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &was), 0);
    l = was;
    l.rlim_cur = 40;
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &l), 0);
    t = logs_trace();
    CU_ASSERT_EQUAL(trace_facts_get(t).processes, 80);
    trace_close(t);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &was), 0);
    if (fork() == 0) { /* what is lowered stays so */
        static const char words[] = " logs that may be open here: raise the "
                                    "limit (ulimit -Hn)";
        l.rlim_max = l.rlim_cur = 40;
        setrlimit(RLIMIT_NOFILE, &l);
        t = trace_open(logs_folder, &e);
        _exit(t || !strstr(e.text, words));
    }
    int status = -1;
    CU_ASSERT_TRUE(wait(&status) > 0);
    CU_ASSERT_EQUAL(status, 0);
}

/* A pilot whose folder is empty has kept its logs. */
static void test_missing(void)
{
    char dir[512];
    trace *t;

    logs_begin();
    trace_log_close(logs_open("pool", "pool", 0, "r1"));
    snprintf(dir, sizeof(dir), "%s/far/trace", logs_folder);
    CU_ASSERT_EQUAL(file_mkdir(dir, NULL), 0);
    t = logs_trace();
    UNIT_EQUAL(trace_facts_get(t).missing, "far");
    trace_close(t);
}

/* A start of a process has a log of its own, whatever was there. */
static void test_restarts(void)
{
    trace *t;

    logs_begin();
    for (uint64_t i = 0; i < 3; i++) {
        trace_log *l = logs_open("devices", "edge", 0, "r1");

        logs_edge(l, "d", i);
        trace_log_close(l);
    }
    t = logs_trace();
    CU_ASSERT_EQUAL(trace_facts_get(t).processes, 3);
    CU_ASSERT_EQUAL(logs_count(t, TRACE_BLOCKS), 3);
    trace_close(t);
}

static int ask(void *arg, int64_t *nsp, pe_error *errp)
{
    (void)errp;
    *nsp = clock_real_ns() + *(const int64_t *)arg;
    return 0;
}

/* The offset of a clock, and how well it is known. */
static void test_clock(void)
{
    int64_t ahead = 5000000000;
    const trace_process *p;
    trace_log *l;
    trace *t = NULL;

    logs_begin();
    l = trace_log_open(&(trace_writer){.folder = logs_folder,
                                       .run = "r1",
                                       .pilot = "p",
                                       .member = "p",
                                       .kind = "edge",
                                       .ranks = 1,
                                       .ask = ask,
                                       .arg = &ahead},
                       NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    do { /* it is measured beside us */
        trace_close(t);
        trace_log_flush(l);
        t = logs_trace();
        p = trace_process_at(t, 0);
    } while (p->bound_ns < 0);
    CU_ASSERT_TRUE(llabs(p->offset_ns - ahead) <= p->bound_ns);
    CU_ASSERT_EQUAL(logs_count(t, TRACE_CLOCKS), 1);
    trace_close(t);
    trace_log_close(l);
}

static void test_words(void)
{
    UNIT_EQUAL(trace_stamp_name(TRACE_SENSE), "sense");
    UNIT_EQUAL(trace_stamp_name(TRACE_MODEL), "model");
    CU_ASSERT_PTR_NULL(trace_stamp_name(TRACE_STAMPS));
    UNIT_EQUAL(trace_hop_name(TRACE_HOP_TOTAL), "total");
    CU_ASSERT_PTR_NULL(trace_hop_name(TRACE_HOPS));
    UNIT_EQUAL(trace_outcome_name(TRACE_REFUSED), "refused");
    UNIT_EQUAL(trace_outcome_name(99), "unknown");
}

int main(void)
{
    static const unit_test tests[] = {
        {"joined", test_joined},
        {"repeats", test_repeats},
        {"strangers", test_strangers},
        {"of two runs", test_other_run},
        {"none", test_none},
        {"more than may be open", test_many},
        {"missing", test_missing},
        {"restarts", test_restarts},
        {"clock", test_clock},
        {"words", test_words},
        {0},
    };

    return logs_main("trace", tests);
}
