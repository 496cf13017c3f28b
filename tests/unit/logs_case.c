/* logs_case.c - a folder of a run, and logs of a trace in it. */
#include "logs_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/common/file.h"

static char folder[] = "/tmp/test_trace-XXXXXX";
char logs_folder[64];

void logs_begin(void)
{
    snprintf(logs_folder, sizeof(logs_folder), "%s/run", folder);
    file_remove_tree(logs_folder, NULL);
    mkdir(logs_folder, 0700);
}

trace_log *logs_open(const char *pilot, const char *kind, int rank,
                     const char *run)
{
    char dir[256];
    trace_log *l;
    pe_error e = {0};

    snprintf(dir, sizeof(dir), "%s/%s", logs_folder, pilot);
    mkdir(dir, 0700);
    l = trace_log_open(&(trace_writer){.folder = dir,
                                       .run = run,
                                       .pilot = pilot,
                                       .member = pilot,
                                       .kind = kind,
                                       .rank = rank,
                                       .ranks = 2,
                                       .world = 7},
                       &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    return l;
}

void logs_edge(trace_log *l, const char *device, uint64_t seq)
{
    layout_edge r = {.device = trace_log_device(l, device),
                     .partition = 1,
                     .boot = 5,
                     .seq = seq,
                     .offset = (int64_t)seq + 100,
                     .bytes = 80,
                     .points = 10,
                     .features = 1,
                     .sense = 1000 + (int64_t)seq,
                     .edge = 2000 + (int64_t)seq,
                     .acked = 3000 + (int64_t)seq};

    trace_log_add(l, LAYOUT_EDGE, &r);
}

layout_work logs_work_of(trace_log *l, const char *device, uint64_t seq)
{
    return (layout_work){.device = trace_log_device(l, device),
                         .partition = 1,
                         .boot = 5,
                         .seq = seq,
                         .offset = (int64_t)seq + 100,
                         .term = 1,
                         .epoch = 2 + (int64_t)seq / 10,
                         .points = 10,
                         .outliers = 1,
                         .outcome = TRACE_APPLIED,
                         .flags = TRACE_HAS_SEQ,
                         .fetch = 4000 + (int64_t)seq,
                         .start = 5000 + (int64_t)seq,
                         .end = 6000 + (int64_t)seq};
}

void logs_work(trace_log *l, const char *device, uint64_t seq)
{
    layout_work w = logs_work_of(l, device, seq);

    trace_log_add(l, LAYOUT_WORK, &w);
}

void logs_commit(trace_log *l, int64_t first, int64_t last, uint64_t v)
{
    trace_commit c = {.version = v,
                      .term = 1,
                      .first_epoch = first,
                      .last_epoch = last,
                      .time_ns = 9000 + (int64_t)v};

    trace_log_add(l, LAYOUT_COMMIT, &c);
}

void logs_path(const char *pilot, char out[512])
{
    snprintf(out, 512, "%s/%s/trace/%s.0.1.log", logs_folder, pilot, pilot);
}

trace *logs_trace(void)
{
    pe_error e = {0};
    trace *t = trace_open(logs_folder, &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    return t;
}

uint64_t logs_count(trace *t, enum trace_kind kind)
{
    union {
        trace_block b;
        trace_commit c;
        trace_rank r;
        trace_model m;
        trace_clock k;
    } row;
    pe_error e = {0};
    uint64_t n = 0;
    int rc;

    while ((rc = trace_next(t, kind, &row, &e)) > 0)
        n++;
    CU_ASSERT_EQUAL(rc, 0);
    return n;
}

int logs_main(const char *suite, const unit_test *tests)
{
    int status;

    if (!mkdtemp(folder))
        return 1;
    status = unit_main(suite, tests);
    file_remove_tree(folder, NULL);
    return status;
}
