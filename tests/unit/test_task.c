/* test_task.c - tasks: their texts, slices one by one, and a rank that does
 * them beside its stream.
 */
#include "unit.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "service_case.h"
#include "src/block/npy.h"
#include "src/common/clock.h"
#include "src/task/task.h"
#include "src/params/task.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const pipeline none;

/* --- texts --- */

static void test_text(void)
{
    char *set[] = {(char *)"a=1", (char *)"b=x y", NULL};
    char *by_comma[] = {(char *)"delimiter=comma", NULL};
    task_spec s = {.function = (char *)"f.so:f",
                   .digest = (char *)"d1",
                   .over = (char *)"/x.csv",
                   .points = 7,
                   .options = set,
                   .read = by_comma,
                   .by = (char *)"me",
                   .time_ns = 5};
    task_spec got;
    char *words = task_spec_text(&s, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(words);
    CU_ASSERT_EQUAL(task_spec_parse(words, &got, NULL), 0);
    UNIT_EQUAL(got.function, "f.so:f");
    UNIT_EQUAL(got.digest, "d1");
    UNIT_EQUAL(got.over, "/x.csv");
    UNIT_EQUAL(got.options[1], "b=x y");
    CU_ASSERT_PTR_NULL(got.options[2]);
    UNIT_EQUAL(got.read[0], "delimiter=comma");
    UNIT_EQUAL(got.by, "me");
    CU_ASSERT_EQUAL(got.points, 7);
    CU_ASSERT_EQUAL(got.time_ns, 5);
    task_spec_free(&got);
    free(words);
    s.by = (char *)"\xff";
    CU_ASSERT_PTR_NULL(task_spec_text(&s, NULL));
}

static void test_text_refused(void)
{
    static const char *const rows[] = {
        "",
        "{}",
        "[1]",
        "{\"function\": 1, \"points\": 1}",
        "{\"function\": \"f\", \"points\": 0}",
        "{\"function\": \"f\", \"points\": 1, \"options\": [1]}"};

    for (size_t i = 0; i < COUNT(rows); i++) {
        task_spec s;
        pe_error e = {0};

        CU_ASSERT_EQUAL(task_spec_parse(rows[i], &s, &e), -1);
        UNIT_CONTAINS(e.text, "is no task: some other program wrote");
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        task_spec_free(&s);
    }
}

/* --- slices --- */

static slice_work *open_of(task_spec *s, pe_error *errp)
{
    static const slice_conf c = {
        .pl = &none, .run = "r", .task = "t", .function = NULL, .ranks = 1};
    slice_conf of = c;

    of.function = s->function;
    return slice_open(&of, s, errp);
}

/* The first value of the result, or -1. */
static double value_of(const pe_buffer *b)
{
    pe_block k = {0};
    double x = -1;

    if (b->len && npy_decode(b->data, b->len, &k, NULL) >= 0)
        memcpy(&x, k.data, sizeof(x));
    pe_block_release(&k);
    return x;
}

static void test_numbers(void)
{
    char *set[] = {(char *)"columns=0", NULL};
    task_spec s = {.function = (char *)"select", .points = 1, .options = set};
    pe_buffer out = {0};
    pe_error e = {0};
    uint64_t end = 0;
    slice_work *w = open_of(&s, &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(w);
    for (uint64_t i = 5; i < 8; i += 2) {
        CU_ASSERT_EQUAL(slice_do(w, i, &out, &end, &e), SLICE_DONE);
        CU_ASSERT_EQUAL(value_of(&out), (double)i);
    }
    slice_close(w);
    set[0] = (char *)"columns=3"; /* there is one */
    w = open_of(&s, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w);
    CU_ASSERT_EQUAL(slice_do(w, 1, &out, &end, &e), SLICE_FAILED);
    UNIT_CONTAINS(e.text, "3");
    CU_ASSERT_EQUAL(out.len, 0);
    slice_close(w);
    pe_buffer_free(&out);
}

/* Rows of a file: forward, back, behind its end, and each as often as it
 * likes.
 */
static void test_rows(void)
{
    static const struct {
        uint64_t slice;
        enum slice_word word;
        double first;
    } rows[] = {{0, SLICE_DONE, 10}, {1, SLICE_DONE, 12}, {3, SLICE_DONE, 16},
                {4, SLICE_END, 0},   {1, SLICE_DONE, 12}, {9, SLICE_END, 0},
                {2, SLICE_DONE, 14}};
    char *set[] = {(char *)"columns=0", NULL};
    task_spec s = {.function = (char *)"select",
                   .over = scratch_path,
                   .points = 2,
                   .options = set};
    pe_buffer out = {0};
    slice_work *w;
    pe_error e = {0};

    scratch_write("rows.txt", "10\n11\n12\n13\n14\n15\n16\n");
    w = open_of(&s, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(w);
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t end = 0;

        CU_ASSERT_EQUAL(slice_do(w, rows[i].slice, &out, &end, &e),
                        rows[i].word);
        if (rows[i].word == SLICE_DONE)
            CU_ASSERT_EQUAL(value_of(&out), rows[i].first);
        if (rows[i].word == SLICE_END)
            CU_ASSERT(end == 4 || end == rows[i].slice);
    }
    slice_close(w);
    pe_buffer_free(&out);
}

static void test_refused(void)
{
    static const struct {
        const char *function, *set, *text;
    } rows[] = {
        {"selekt", NULL, "no function 'selekt'"},
        {"generator", NULL, "function 'generator' has no process_cloud"},
        {"select", "colums=0", "colums"},
        {"select", "columns", "write NAME=VALUE"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *set[] = {(char *)rows[i].set, NULL};
        task_spec s = {
            .function = (char *)rows[i].function, .points = 1, .options = set};
        pe_error e = {0};

        CU_ASSERT_PTR_NULL(open_of(&s, &e));
        UNIT_CONTAINS(e.text, rows[i].text);
    }
}

static void test_no_file(void)
{
    char *set[] = {(char *)"columns=0", NULL};
    task_spec s = {.function = (char *)"select",
                   .over = (char *)"/none/at/all.txt",
                   .points = 2,
                   .options = set};
    pe_buffer out = {0};
    pe_error e = {0};
    uint64_t end;
    slice_work *w = open_of(&s, &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(w);
    CU_ASSERT_EQUAL(slice_do(w, 0, &out, &end, &e), SLICE_BROKEN);
    UNIT_CONTAINS(e.text, "/none/at/all.txt");
    slice_close(w);
}

/* --- a rank --- */

static pipeline_request request(void)
{
    const params_conf c = service_conf();

    return (pipeline_request){.run = (char *)"ranks",
                              .dir = scratch_folder,
                              .params_url = (char *)c.url};
}

/* Of task [name]: 1: it is over. */
static int look(params *p, const char *name, params_task *out)
{
    params_task *all = NULL;
    size_t n = 0;
    int over = 0;

    CU_ASSERT_EQUAL(params_tasks_fetch(p, &all, &n, NULL), 0);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(all[i].name, name)) {
            *out = all[i];
            over =
                all[i].state ||
                (all[i].known && all[i].done + all[i].failed == all[i].slices);
        }
    params_tasks_free(all, n);
    return over;
}

static bool wait_over(params *p, const char *name, params_task *out)
{
    int64_t limit = clock_mono_ns() + 20 * CLOCK_S;
    int over;

    while (!(over = look(p, name, out)) && clock_mono_ns() < limit)
        clock_sleep_ns(5 * CLOCK_MS, 0);
    return over;
}

#define SELECT(column)                                                     \
    "{\"function\":\"select\",\"points\":1,\"options\":[\"columns=" column \
    "\"]}"

static void test_ranks(void)
{
    params *p = service_run("ranks");
    pipeline_request req = request();
    const tasks_conf c = {
        .pl = &none, .req = &req, .member = "pool", .world = 0xa1, .ranks = 1};
    tasks *t = tasks_open(&c, NULL);
    params_task k = {0};
    uint64_t done = 9, failed = 9;

    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    params_task_put(p, "good", SELECT("0"), 12, NULL);
    /* A rank that is busy begins nothing. */
    tasks_wake(t);
    clock_sleep_ns(30 * CLOCK_MS, 0);
    tasks_count(t, &done, &failed);
    CU_ASSERT_EQUAL(done + failed, 0);
    tasks_idle(t, true);
    CU_ASSERT_TRUE(wait_over(p, "good", &k));
    CU_ASSERT_EQUAL(k.done, 12);
    /* Others come, also when the threads sleep. */
    params_task_put(p, "bad", SELECT("4"), 3, NULL);
    tasks_wake(t);
    CU_ASSERT_TRUE(wait_over(p, "bad", &k));
    CU_ASSERT_EQUAL(k.failed, 3);
    params_task_put(p, "broken", "{\"function\":\"nobody\",\"points\":1}", 3,
                    NULL);
    params_task_put(p, "torn", "{}", 3, NULL);
    tasks_wake(t);
    CU_ASSERT_TRUE(wait_over(p, "broken", &k));
    CU_ASSERT_TRUE(wait_over(p, "torn", &k));
    CU_ASSERT_EQUAL(k.done + k.failed, 0);
    CU_ASSERT_TRUE(tasks_close(t));
    params_close(p);
}

/* A rank that ends leaves its slice to others. */
static void test_leave(void)
{
    params *p = service_run("ranks");
    pipeline_request req = request();
    const tasks_conf c = {
        .pl = &none, .req = &req, .member = "pool", .world = 0xb2, .ranks = 1};
    tasks *t = tasks_open(&c, NULL);
    params_task k = {0};

    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    tasks_idle(t, true);
    params_task_put(p, "long", SELECT("0"), 50000, NULL);
    tasks_wake(t);
    while (k.done == 0)
        look(p, "long", &k);
    CU_ASSERT_TRUE(tasks_close(t));
    t = tasks_open(&c, NULL);
    params_task_stop(p, "long", "canceled", NULL);
    tasks_wake(t);
    CU_ASSERT_TRUE(tasks_close(t));
    CU_ASSERT_TRUE(tasks_close(NULL));
    params_close(p);
}

/* ... in the middle of one: it is as if it had not been begun. */
static void test_leave_slice(void)
{
    params *p = service_run("ranks");
    pipeline_request req = request();
    const tasks_conf c = {
        .pl = &none, .req = &req, .member = "pool", .world = 0xc3, .ranks = 1};
    const char *field = "HGET pilot:{ranks}:claims patient/0";
    tasks *t = tasks_open(&c, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    tasks_idle(t, true);
    params_task_put(p, "patient",
                    "{\"function\":\"tests/unit/pipeline_object.so:patient\","
                    "\"points\":1}",
                    1, NULL);
    tasks_wake(t);
    for (int i = 0; i < 2000 && !strstr(service_ask(field), "c3/0"); i++)
        clock_sleep_ns(5 * CLOCK_MS, 0);
    CU_ASSERT_TRUE(tasks_close(t));
    UNIT_CONTAINS(service_ask(field), "0 0 pool/c3/0");
    params_close(p);
}

/* The rank has its stream: whatever a thread of tasks is at, it does not wait
 * for it.
 */
static void test_wake_never_waits(void)
{
    params *p = service_run("wakes");
    pipeline_request req = request();
    const tasks_conf c = {
        .pl = &none, .req = &req, .member = "pool", .world = 0xd4, .ranks = 1};
    void *object = dlopen("tests/unit/pipeline_object.so", RTLD_NOW);
    atomic_int *closing = object ? dlsym(object, "clingy_closing") : NULL;
    atomic_int *closed = object ? dlsym(object, "clingy_closed") : NULL;
    atomic_int *go = object ? dlsym(object, "clingy_go") : NULL;
    tasks *t;
    params_task k = {0};

    req.run = (char *)"wakes";
    t = tasks_open(&c, NULL);
    CU_ASSERT_FATAL(t && closing && closed && go);
    tasks_idle(t, true);
    params_task_put(p, "clingy",
                    "{\"function\":\"tests/unit/pipeline_object.so:clingy\","
                    "\"points\":1}",
                    1, NULL);
    tasks_wake(t);
    CU_ASSERT_TRUE(wait_over(p, "clingy", &k));
    for (int i = 0; i < 2000 && !atomic_load(closing); i++)
        clock_sleep_ns(5 * CLOCK_MS, 0);
    CU_ASSERT_EQUAL(atomic_load(closing), 1);
    params_task_put(p, "later", SELECT("0"), 1, NULL);
    tasks_wake(t);
    CU_ASSERT_EQUAL(atomic_load(closed), 0);
    atomic_store(go, 1);
    CU_ASSERT_TRUE(wait_over(p, "later", &k));
    CU_ASSERT_TRUE(tasks_close(t));
    params_close(p);
    dlclose(object);
}

int main(void)
{
    static const unit_test tests[] = {
        {"task: text", test_text},
        {"task: texts that are none", test_text_refused},
        {"task: slices that are numbers", test_numbers},
        {"task: slices of rows", test_rows},
        {"task: functions that are refused", test_refused},
        {"task: a file that is not there", test_no_file},
        {"task: a rank", test_ranks},
        {"task: a rank that ends", test_leave},
        {"task: ... in the middle of a slice", test_leave_slice},
        {"task: a rank never waits for them", test_wake_never_waits},
        {0},
    };

    if (!redis_server_installed()) {
        printf("1..0 # SKIP no redis-server\n");
        return 0;
    }
    alarm(300);
    if (redis_server_open(&service_server) < 0) {
        printf("Bail out! redis-server does not start\n");
        return 1;
    }
    scratch_make();
    int rc = unit_main("task", tests);
    scratch_remove();
    redis_server_close(&service_server);
    return rc;
}
