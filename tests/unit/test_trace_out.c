/* test_trace_out.c - a trace as text, as JSON and as CSV. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logs_case.h"
#include "src/watch/trace_out.h"

#define MS 1000000LL

static char *said;
static trace_sums sums;

/* What [how] prints of the logs that are there; until the next call. */
static const char *shown(int (*how)(trace *t, FILE *f))
{
    size_t len = 0;
    FILE *f;
    trace *t = logs_trace();

    free(said);
    said = NULL;
    f = open_memstream(&said, &len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(how(t, f), 0);
    CU_ASSERT_EQUAL(fclose(f), 0);
    CU_ASSERT_EQUAL(strlen(said), len);
    trace_close(t);
    return said;
}

static int as_text(trace *t, FILE *f)
{
    int rc = trace_sum(t, &sums, NULL);

    trace_print_text(t, &sums, f);
    return rc;
}

static int as_json(trace *t, FILE *f)
{
    int rc = trace_sum(t, &sums, NULL);

    return rc < 0 ? rc : trace_print_json(t, &sums, f);
}

static int as_csv(trace *t, FILE *f)
{
    return trace_write_csv(t, f, NULL);
}

/* Block [seq] of device d that took [took] ns in a rank, from [at] ns on. */
static layout_work work_at(trace_log *l, uint64_t seq, int64_t at, int64_t took)
{
    layout_work w = logs_work_of(l, "d", seq);

    w.fetch = w.start = at;
    w.end = at + took;
    return w;
}

/* The line of [text] that begins with [words], without its end; "": none. */
static const char *line_of(const char *text, const char *words)
{
    static char out[512];

    *out = '\0';
    for (const char *s = text; s && *s; s = strchr(s, '\n')) {
        s += *s == '\n';
        if (!strncmp(s, words, strlen(words))) {
            snprintf(out, sizeof(out), "%.*s", (int)strcspn(s, "\n"), s);
            break;
        }
    }
    return out;
}

/* --- a run with nothing, and with one block --- */

static void test_none(void)
{
    const char *s;

    logs_begin();
    trace_log_close(logs_open("pool", "pool", 0, "r1"));
    UNIT_EQUAL(shown(as_text),
               "trace     run r1, 1 process\n"
               "blocks    0 of 0 devices, 0 committed in 0 commits, 0.0 s\n"
               "          0 applied, 0 refused, 0 duplicate, 0 set aside; 0 by "
               "a rank that helped\n"
               "clocks    offsets were not measured\n"
               "lost      nothing: every block is traced\n");
    UNIT_EQUAL(shown(as_csv),
               "device,boot,seq,partition,offset,term,epoch,version,"
               "commit_version,bytes,points,outliers,rank,outcome,committed,"
               "helped,repeats,sense_ns,edge_ns,acked_ns,broker_ns,fetch_ns,"
               "start_ns,end_ns,result_ns,commit_ns,model_ns,sent_ns\n");
    s = shown(as_json);
    UNIT_CONTAINS(s, "\"devices\": 0,");
    UNIT_CONTAINS(s, "\"backward\": 0");
    UNIT_CONTAINS(s, "\"missing\": \"\",");
}

static void test_one(void)
{
    trace_log *l;

    logs_begin();
    l = logs_open("pool", "pool", 0, "r1");
    layout_work w = work_at(l, 3, 2000 * MS, 4 * MS);
    w.version = 6;
    w.bytes = 80;
    w.flags |= TRACE_HELPED;
    trace_log_add(l, LAYOUT_WORK, &w);
    trace_log_add(l, LAYOUT_COMMIT,
                  &(trace_commit){.version = 9,
                                  .term = 1,
                                  .first_epoch = 2,
                                  .last_epoch = 2,
                                  .time_ns = 3500 * MS});
    trace_log_close(l);
    UNIT_EQUAL(shown(as_text),
               "trace     run r1, 1 process\n"
               "blocks    1 of 1 device, 1 committed in 1 commit, 1.5 s\n"
               "          1 applied, 0 refused, 0 duplicate, 0 set aside; 1 by "
               "a rank that helped\n"
               "latency   hop               n    p50 ms    p90 ms    p99 ms    "
               "max ms\n"
               "          wait              1      0.00      0.00      0.00    "
               "  0.00\n"
               "          process           1      4.00      4.00      4.00    "
               "  4.00\n"
               "          commit            1   1496.00   1496.00   1496.00   "
               "1496.00\n"
               "clocks    offsets were not measured\n"
               "lost      nothing: every block is traced\n");
    UNIT_EQUAL(line_of(shown(as_csv), "d,"),
               "d,5,3,1,103,1,2,6,9,80,10,1,0,applied,1,1,0,,,,,2000000000,"
               "2000000000,2004000000,,3500000000,,3500000000");
}

/* --- stamps that are not there, and clocks that disagree --- */

/* No stamp at all: it is a block, and has no latency and no time. */
static void test_no_stamps(void)
{
    trace_log *l;
    const char *s;

    logs_begin();
    l = logs_open("devices", "edge", 0, "r1");
    trace_log_add(l, LAYOUT_EDGE,
                  &(layout_edge){.device = trace_log_device(l, "d"),
                                 .offset = -1,
                                 .seq = 1});
    trace_log_close(l);
    s = shown(as_text);
    UNIT_CONTAINS(s, "\nblocks    1 of 1 device, 0 committed in 0 commits, 0.0 "
                     "s\n");
    UNIT_CONTAINS(s, "\n          1 known from its device alone\n");
    CU_ASSERT_PTR_NULL(strstr(s, "latency"));
    CU_ASSERT_PTR_NULL(strstr(s, "below 0"));
    UNIT_EQUAL(line_of(shown(as_csv), "d,"),
               "d,0,1,0,-1,0,0,0,0,0,0,0,0,unknown,0,0,0,,,,,,,,,,,");
}

static json_int_t hop_number(const char *hop, const char *key)
{
    json_t *o = json_loads(shown(as_json), 0, NULL);
    const json_t *h = json_object_get(json_object_get(o, "latency_ms"), hop);
    json_int_t n;

    CU_ASSERT_PTR_NOT_NULL_FATAL(json_object_get(h, key));
    n = json_integer_value(json_object_get(h, key));
    json_decref(o);
    return n;
}

/* A hop below 0 is counted by itself, in no percentile, and is no 0 there; a
 * block counts once however many of its hops are so.
 */
static void test_backward(void)
{
    static const int64_t took[] = {-5 * MS, 8 * MS, -1, 0, 2 * MS, -9000 * MS};
    trace_log *l;
    const char *s;

    logs_begin();
    l = logs_open("pool", "pool", 0, "r1");
    for (uint64_t i = 0; i < 6; i++) {
        layout_work w = work_at(l, i, 10000 * MS, took[i]);

        w.fetch = took[i] == -1 ? 20000 * MS : w.fetch; /* wait, too */
        trace_log_add(l, LAYOUT_WORK, &w);
    }
    trace_log_close(l);
    s = shown(as_text);
    CU_ASSERT_EQUAL(sums.backward, 3);
    CU_ASSERT_EQUAL(sums.hop[TRACE_HOP_PROCESS].negative, 3);
    CU_ASSERT_EQUAL(sums.hop[TRACE_HOP_WAIT].negative, 1);
    UNIT_EQUAL(line_of(s, "          process"),
               "          process           3      2.03      8.00      8.00    "
               "  8.00  and 3 below 0");
    UNIT_EQUAL(line_of(s, "          wait"),
               "          wait              5      0.00      0.00      0.00    "
               "  0.00  and 1 below 0");
    UNIT_CONTAINS(s,
                  "          3 blocks have a latency below 0, which is in no "
                  "percentile: the clocks of\n          two hosts disagree "
                  "by more than it took\n");
    CU_ASSERT_EQUAL(hop_number("process", "n"), 3);
    CU_ASSERT_EQUAL(hop_number("process", "negative"), 3);
    CU_ASSERT_EQUAL(hop_number("wait", "negative"), 1);
    CU_ASSERT_EQUAL(hop_number("total", "n"), 0);
    UNIT_CONTAINS(said, "\"backward\": 3");
}

/* --- what happened to blocks --- */

static void test_outcomes(void)
{
    static const uint8_t outcome[] = {
        TRACE_APPLIED, TRACE_APPLIED,   TRACE_APPLIED, TRACE_REFUSED,
        TRACE_REFUSED, TRACE_DUPLICATE, TRACE_ASIDE,   200};
    trace_log *edge, *pool;
    const char *s;

    logs_begin();
    edge = logs_open("devices", "edge", 0, "r1");
    pool = logs_open("pool", "pool", 0, "r1");
    for (uint64_t i = 0; i < 8; i++) {
        layout_work w = logs_work_of(pool, "d", i);

        w.outcome = outcome[i];
        w.flags |= i < 2 ? TRACE_HELPED : 0;
        trace_log_add(pool, LAYOUT_WORK, &w);
        if (i > 0) /* told of by ranks alone */
            logs_edge(edge, "d", i);
    }
    layout_work again = logs_work_of(pool, "d", 0);
    again.start = 1; /* of old */
    trace_log_add(pool, LAYOUT_WORK, &again);
    logs_edge(edge, "e", 1);    /* told of by its device alone */
    logs_commit(pool, 9, 9, 1); /* of others */
    trace_log_close(edge);
    trace_log_close(pool);
    s = shown(as_text);
    UNIT_CONTAINS(s, "\nblocks    9 of 2 devices, 0 committed in 1 commit, ");
    UNIT_CONTAINS(s, "\n          3 applied, 2 refused, 1 duplicate, 1 set "
                     "aside; 2 by a rank that helped\n"
                     "          1 time a rank had one again\n"
                     "          1 known from its device alone\n"
                     "          1 known from ranks alone\n");
    CU_ASSERT_EQUAL(sums.outcome[TRACE_UNKNOWN], 2);
    CU_ASSERT_EQUAL(sums.points, 90);
    s = shown(as_json);
    UNIT_CONTAINS(s, "\"applied\": 3,");
    UNIT_CONTAINS(s, "\"without_edge\": 1,");
    UNIT_CONTAINS(s, "\"without_rank\": 1,");
    UNIT_CONTAINS(s, "\"repeats\": 1,");
    s = shown(as_csv);
    UNIT_CONTAINS(s, "\nd,5,7,1,107,1,2,0,0,0,10,1,0,unknown,");
    UNIT_CONTAINS(s, "\nd,5,6,1,106,1,2,0,0,0,10,1,0,aside,");
    UNIT_CONTAINS(s, ",applied,0,1,1,,,,,4000,5000,6000,,,,\n");
}

/* A record of others has neither boot nor seq, and is said to have none. */
static void test_stranger(void)
{
    trace_log *l;
    layout_work w;

    logs_begin();
    l = logs_open("pool", "pool", 0, "r1");
    w = logs_work_of(l, "x", 2);
    w.flags = 0;
    trace_log_add(l, LAYOUT_WORK, &w);
    w.device = TRACE_NO_DEVICE;
    w.offset = 200;
    trace_log_add(l, LAYOUT_WORK, &w);
    trace_log_close(l);
    shown(as_csv);
    CU_ASSERT_EQUAL(strncmp(line_of(said, "x"), "x,,,1,102,1,", 12), 0);
    CU_ASSERT_EQUAL(strncmp(line_of(said, "?"), "?,,,1,200,1,", 12), 0);
    /* Nobody misses what its device would have told. */
    shown(as_text);
    CU_ASSERT_EQUAL(sums.no_edge, 0);
    CU_ASSERT_EQUAL(sums.blocks, 2);
}

/* --- what is not there --- */

static void test_lost(void)
{
    char path[512];

    logs_begin();
    trace_log *l = logs_open("pool", "pool", 1, "r1");
    logs_work(l, "d", 1);
    trace_log_flush(l);
    snprintf(path, sizeof(path), "%s/pool/trace/pool.1.1.log", logs_folder);
    FILE *f = fopen(path, "ab"); /* it is killed within a write */
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs("0123456789", f);
    fclose(f);
    shown(as_text);
    UNIT_CONTAINS(line_of(said, "lost"), "lost      pool rank 1, process ");
    UNIT_CONTAINS(line_of(said, "lost"),
                  ", has not closed its log: it lives, or was killed and at "
                  "most its last second is not here");
    UNIT_CONTAINS(said, "\n          10 bytes torn at the end of logs\n");
    CU_ASSERT_PTR_NULL(strstr(said, "nothing: every"));
    shown(as_json);
    UNIT_CONTAINS(said, "\"ended\": false,");
    UNIT_CONTAINS(said, "\"torn_bytes\": 10,");
    trace_log_close(l);
}

/* --- hostile names --- */

static const char *const hostile[] = {
    "a,b",
    "a\"b",
    "\"",
    "\"\"",
    ",",
    "a\nb",
    "\r\n",
    "\r",
    "",
    " a ",
    "=1+1",
    "a;b\tc",
    "\\",
    "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
    "\x01\x1b[31m\x7f",
    "'",
    "NULL",
    "%s%n",
};

enum { HOSTILE = sizeof(hostile) / sizeof(hostile[0]) };

/* The next field of [s] as RFC 4180 has it, into [out]; what ends it. */
static const char *field(const char *s, char *out)
{
    bool quoted = *s == '"';

    for (s += quoted; *s; s++) {
        if (quoted && *s == '"' && *++s != '"')
            break;
        if (!quoted && strchr(",\n", *s))
            break;
        *out++ = *s;
    }
    *out = '\0';
    return s;
}

static void test_csv_names(void)
{
    char word[1024], longest[512];
    const char *s;
    trace_log *l;

    memset(longest, '"', 511);
    longest[511] = '\0';
    logs_begin();
    l = logs_open("pool", "pool", 0, "r1");
    for (int i = 0; i < HOSTILE; i++)
        logs_work(l, hostile[i], (uint64_t)i);
    logs_work(l, longest, HOSTILE);
    trace_log_close(l);
    s = strchr(shown(as_csv), '\n') + 1;
    for (int i = 0; i <= HOSTILE; i++) {
        int n = 1;

        s = field(s, word);
        UNIT_EQUAL(word, i < HOSTILE ? hostile[i] : longest);
        for (; *s == ','; n++) {
            s = field(s + 1, word);
            if (n == 2)
                CU_ASSERT_EQUAL(atoi(word), i);
        }
        CU_ASSERT_EQUAL(n, 17 + TRACE_STAMPS);
        CU_ASSERT_EQUAL_FATAL(*s, '\n');
        s++;
    }
    UNIT_EQUAL(s, "");
}

/* Quotes only where they are needed. */
static void test_csv_quotes(void)
{
    static const char *const rows[] = {"\n\"a,b\",5,0,",  "\n\"a\"\"b\",5,1,",
                                       "\n\"\"\"\",5,2,", "\n\"\"\"\"\"\",5,3,",
                                       "\n,5,8,",         "\n a ,5,9,",
                                       "\n=1+1,5,10,",    "\n',5,15,"};
    trace_log *l;

    logs_begin();
    l = logs_open("pool", "pool", 0, "r1");
    for (int i = 0; i < HOSTILE; i++)
        logs_work(l, hostile[i], (uint64_t)i);
    trace_log_close(l);
    shown(as_csv);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        UNIT_CONTAINS(said, rows[i]);
}

/* --- very many --- */

static void test_many(void)
{
    enum { MANY = 100000 };
    trace_log *l;
    size_t lines = 0;

    logs_begin();
    l = logs_open("pool", "pool", 0, "r1");
    for (uint64_t i = 0; i < MANY; i++) {
        layout_work w =
            work_at(l, i * 7919 % MANY, 1000 * MS, (int64_t)(i % 100) * MS);

        trace_log_add(l, LAYOUT_WORK, &w);
        if (i % 8000 == 0)
            trace_log_flush(l);
    }
    trace_log_close(l);
    shown(as_csv);
    for (const char *s = said; (s = strchr(s, '\n')); s++)
        lines++;
    CU_ASSERT_EQUAL(lines, MANY + 1);
    UNIT_CONTAINS(said, "\nd,5,99999,1,100099,");
    shown(as_text);
    UNIT_CONTAINS(said, "\nblocks    100000 of 1 device, 0 committed in 0 ");
    CU_ASSERT_EQUAL(histogram_count(&sums.hop[TRACE_HOP_PROCESS]), MANY);
    CU_ASSERT_EQUAL(sums.hop[TRACE_HOP_PROCESS].max_ns, 99 * MS);
    /* A percentile is at most 3.2% off, and never too low. */
    double p50 = histogram_quantile_ms(&sums.hop[TRACE_HOP_PROCESS], 0.5);
    CU_ASSERT_TRUE(p50 >= 49 && p50 <= 50 * 1.032);
    CU_ASSERT_EQUAL(sums.backward, 0);
}

int main(void)
{
    static const unit_test tests[] = {
        {"no block", test_none},
        {"one block", test_one},
        {"no stamps", test_no_stamps},
        {"below 0", test_backward},
        {"outcomes", test_outcomes},
        {"a stranger", test_stranger},
        {"what is lost", test_lost},
        {"names in CSV", test_csv_names},
        {"quotes in CSV", test_csv_quotes},
        {"a hundred thousand", test_many},
        {0},
    };
    int status = logs_main("trace_out", tests);

    free(said);
    return status;
}
