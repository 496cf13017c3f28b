/* test_device.c - a device: what becomes of a block. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device_bench.h"
#include "fake_service.h"
#include "src/block/npy.h"
#include "src/common/clock.h"
#include "src/common/file.h"

static void test_device_plain(void)
{
    bench b;

    bench_init(&b, &bench_count, NULL);
    atomic_store(&bench_blocks, 10);
    b.conf.id.first = 5; /* a start behind what was applied */
    fake.next_offset = 100;
    bench_start(&b);
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT_EQUAL(device_state_get(b.device), DEVICE_ENDED);
    CU_ASSERT_EQUAL(device_next_offset(b.device), 110);
    for (int i = 0; i < 10; i++) {
        char source[32];
        CU_ASSERT_EQUAL(fake.stored[i].partition, 2);
        CU_ASSERT_EQUAL(fake.stored[i].boot, 1);
        CU_ASSERT_EQUAL(fake.stored[i].seq, 5 + i);
        CU_ASSERT_EQUAL(fake.stored[i].first, 5 + i);
        snprintf(source, sizeof(source), "f:%d", i);
        UNIT_EQUAL(fake.stored[i].source, source);
        CU_ASSERT(llabs(clock_real_ns() - fake.stored[i].sense_ns) <
                  INT64_C(10000000000));
    }
    device_stats p = {0};
    device_progress(b.device, &p);
    CU_ASSERT_EQUAL(p.sent, 10);
    device_stats s = bench_stop(&b);
    CU_ASSERT_EQUAL(s.sensed, 10);
    CU_ASSERT_EQUAL(s.sent, 10);
    CU_ASSERT_EQUAL(s.points, 30);
    CU_ASSERT_EQUAL(s.bytes, 10 * (NPY_HEADER_LEN + 48));
    CU_ASSERT(s.busy_ns > 0);
}

static void test_device_nothing(void)
{
    bench b;

    bench_init(&b, &bench_count, NULL);
    atomic_store(&bench_blocks, 0);
    bench_start(&b);
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT_EQUAL(device_state_get(b.device), DEVICE_ENDED);
    CU_ASSERT_EQUAL(device_next_offset(b.device), -1);
    CU_ASSERT_EQUAL(bench_stop(&b).sensed, 0);
}

/* Whatever a function hands on: the record holds the right values under the
 * identity of what was sensed.
 */
static void test_device_process(void)
{
    static const uint32_t points[] = {0, 3, 100, 2, 3};
    bench b;

    bench_init(&b, &bench_count, &bench_odd);
    atomic_store(&bench_blocks, 50);
    bench_start(&b);
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT_EQUAL_FATAL(fake.n_stored, 40);
    for (int i = 0, seq = 0; i < 40; i++) {
        seq += 1 + (i % 4 == 0);
        const fake_record *r = &fake.stored[i];
        CU_ASSERT_EQUAL(r->seq, seq - 1);
        CU_ASSERT_EQUAL(r->first, seq - 1);
        CU_ASSERT_EQUAL(r->points, points[(seq - 1) % 5]);
        UNIT_EQUAL(r->model, (seq - 1) % 5 == 1 ? "3" : "0");
        /* Of other numbers of rows nobody knows which they are. */
        char source[40];
        if (r->points == 3)
            snprintf(source, sizeof(source), "f:%d", seq - 1);
        else
            snprintf(source, sizeof(source), "f:%d-%d*", seq - 1, seq + 1);
        UNIT_EQUAL(r->source, source);
    }
    device_stats s = bench_stop(&b);
    CU_ASSERT_EQUAL(s.sensed, 50);
    CU_ASSERT_EQUAL(s.sent, 40);
    CU_ASSERT_EQUAL(s.filtered, 10);
    CU_ASSERT_EQUAL(s.outliers, 20);
    CU_ASSERT_EQUAL(s.scored, 30);
}

static void test_device_framed(void)
{
    bench b;

    bench_init(&b, function_find("generator"), NULL);
    pe_options_set(b.options, "distinct", "2", NULL);
    pe_options_set(b.options, "blocks", "20", NULL);
    pe_options_set(b.options, "features", "2", NULL);
    bench_start(&b);
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT_EQUAL_FATAL(fake.n_stored, 20);
    for (int i = 2; i < 20; i++)
        CU_ASSERT_EQUAL(fake.stored[i].first, fake.stored[i - 2].first);
    CU_ASSERT_NOT_EQUAL(fake.stored[0].first, fake.stored[1].first);
    CU_ASSERT_EQUAL(bench_stop(&b).sent, 20);
}

static void test_device_errors(void)
{
    static const struct {
        enum bench_behaviour behaviour;
        const char *text;
        uint64_t sensed;
    } rows[] = {
        {BENCH_BAD_LENS, "device dev-0, stage 'infer': bad lens", 5},
        {BENCH_WORDLESS,
         "device dev-0, stage 'infer': the function failed without a word", 5},
        {BENCH_EMPTY_BLOCK,
         "device dev-0: an empty block was forwarded; return PE_NOTHING "
         "instead",
         5},
        {BENCH_NO_OPEN, "device dev-0, stage 'sense': no sensor", 0},
        {BENCH_SENSOR_LOST, "device dev-0, stage 'sense': sensor lost", 8},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bench b;
        bench_init(&b, &bench_count, &bench_broken);
        atomic_store(&bench_blocks, 8);
        bench_behaviour = rows[i].behaviour;
        bench_closed = 0;
        bench_start(&b);
        CU_ASSERT(bench_wait(bench_over, &b));
        CU_ASSERT_EQUAL(device_state_get(b.device), DEVICE_FAILED);
        UNIT_EQUAL(device_error(b.device)->text, rows[i].text);
        CU_ASSERT_EQUAL(device_error(b.device)->kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(device_stats_get(b.device).sensed, rows[i].sensed);
        device_join(b.device);
        sender_close(b.sender);
        device_destroy(b.device);
        pe_options_destroy(b.options);
        /* A function that did not open is not closed. */
        CU_ASSERT_EQUAL(bench_closed,
                        rows[i].behaviour == BENCH_NO_OPEN ? 0 : 1);
    }
}

static char kept[64];

/* A device whose second stage keeps rows in the folder of [kept]. */
static void keep_start(bench *b, pe_options **options)
{
    const pe_function *write = function_find("write");
    char path[100];

    bench_init(b, &bench_count, write);
    *options = pe_options_create(write->options, NULL);
    snprintf(path, sizeof(path), "%s/k.csv", kept);
    CU_ASSERT_EQUAL(pe_options_set(*options, "path", path, NULL), 0);
    CU_ASSERT_EQUAL(pe_options_set(*options, "what", "rows", NULL), 0);
    b->stages[1].setup.options = *options;
    bench_start(b);
    CU_ASSERT(bench_wait(bench_over, b));
}

static size_t lines_kept(const char *name)
{
    char path[100], *data;
    size_t len = 0, n = 0;

    snprintf(path, sizeof(path), "%s/%s", kept, name);
    data = file_read(path, 1 << 20, &len, NULL);
    for (size_t i = 0; i < len; i++)
        n += data[i] == '\n';
    free(data);
    return n;
}

/* What is sensed again after a start takes the place of what was kept; a file
 * that cannot be written to is no fault of a block.
 */
static void test_device_keeps(void)
{
    pe_options *options;
    char path[100];
    bench b;

    snprintf(kept, sizeof(kept), "/tmp/pilot-test-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(kept));
    atomic_store(&bench_blocks, 10);
    for (int life = 0; life < 2; life++) {
        keep_start(&b, &options);
        CU_ASSERT_EQUAL(device_state_get(b.device), DEVICE_ENDED);
        CU_ASSERT_EQUAL(bench_stop(&b).sent, 10);
        pe_options_destroy(options);
        CU_ASSERT_EQUAL(lines_kept("k.dev-0.csv"), 31);
    }
    snprintf(path, sizeof(path), "%s/k.dev-0.csv.index", kept);
    unlink(path);
    keep_start(&b, &options);
    CU_ASSERT_EQUAL(device_state_get(b.device), DEVICE_FAILED);
    UNIT_CONTAINS(device_error(b.device)->text,
                  "device dev-0, stage 'infer': ");
    UNIT_CONTAINS(device_error(b.device)->text, "is there and is not ours");
    CU_ASSERT_EQUAL(device_error(b.device)->kind, PE_ERROR_FATAL);
    CU_ASSERT_EQUAL(device_error(b.device)->exit_code, PE_EXIT_CREATE);
    bench_stop(&b);
    pe_options_destroy(options);
    CU_ASSERT_EQUAL(file_remove_tree(kept, NULL), 0);
}

static void test_device_too_large(void)
{
    bench b;

    bench_init(&b, &bench_count, NULL);
    atomic_store(&bench_blocks, 3);
    fake.len_max = 100;
    bench_start(&b);
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT_EQUAL(device_state_get(b.device), DEVICE_FAILED);
    UNIT_EQUAL(device_error(b.device)->text, "too large");
    bench_stop(&b);
}

static follower *followed;
static pe_model *mine;
static uint64_t mine_seen;

static bool has_model(bench *b)
{
    (void)b;
    return follower_model(followed, &mine, &mine_seen) != NULL;
}

/* Before there is one, it says how much went by. */
static void test_device_unscored(void)
{
    bench b;

    bench_init(&b, &bench_count, function_find("score"));
    atomic_store(&bench_blocks, 10);
    bench_start(&b);
    CU_ASSERT(bench_wait(bench_over, &b));
    device_stats s = bench_stop(&b);
    CU_ASSERT_EQUAL(s.sent, 10);
    CU_ASSERT_EQUAL(s.scored, 0);
    CU_ASSERT_EQUAL(s.unscored, 30);
}

/* A device scores with the model of the moment. */
static void test_device_model(void)
{
    params_conf conf = {0};
    bench b;

    service_commit(7, true, false);
    followed = follower_start(&conf, "r1", NULL);
    CU_ASSERT(bench_wait(has_model, NULL));
    bench_init(&b, &bench_count, function_find("score"));
    atomic_store(&bench_blocks, 5);
    b.conf.follower = followed;
    bench_start(&b);
    CU_ASSERT(bench_wait(bench_over, &b));
    UNIT_EQUAL(fake.stored[4].model, "7");
    device_stats s = bench_stop(&b);
    CU_ASSERT_EQUAL(s.scored, 15);
    CU_ASSERT_EQUAL(s.outliers, 15); /* 7 is above the threshold, 0 */
    pe_model_destroy(mine);
    follower_destroy(followed);
    CU_ASSERT_EQUAL(service_models_alive(), 0);
}

int main(void)
{
    static const unit_test tests[] = {
        {"device: from source to acknowledgement", test_device_plain},
        {"device: a source without blocks", test_device_nothing},
        {"device: what functions hand on", test_device_process},
        {"device: frames in place", test_device_framed},
        {"device: errors", test_device_errors},
        {"device: rows that a stage keeps", test_device_keeps},
        {"device: a record too large", test_device_too_large},
        {"device: before there is a model", test_device_unscored},
        {"device: scores with the newest model", test_device_model},
        {NULL, NULL},
    };

    return unit_main("device", tests);
}
