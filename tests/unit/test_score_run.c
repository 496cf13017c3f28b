/* test_score_run.c - `pilot score RUN`: rows of a run without services, read
 * again from its files.
 */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include <pilot/model.h>

#include "pilot_command.h"
#include "scratch.h"
#include "src/answer/answer.h"
#include "src/common/file.h"
#include "src/file/file_identity.h"

enum { ROWS = 95, POINTS = 10, D = 2 };

static const char pipeline[] =
    "version: 1\n"
    "pipeline: again\n"
    "pilots: {pool: {kind: pool, ntasks: 1}}\n"
    "stages:\n"
    "  sense: {pilot: pool, function: %s, block: {points: 10},\n"
    "          options: {%s}}\n"
    "  learn: {pilot: pool, function: %s}\n";

static void put(const char *run, const char *name, const void *data, size_t len)
{
    char path[700];

    snprintf(path, sizeof(path), "%s/%s/%s", rehearse_home, run, name);
    *strrchr(path, '/') = '\0';
    CU_ASSERT_EQUAL(file_mkdir(path, NULL), 0);
    path[strlen(path)] = '/';
    CU_ASSERT_EQUAL(file_write(path, data, len, 0600, NULL), 0);
}

static void put_text(const char *run, const char *name, const char *words)
{
    put(run, name, words, strlen(words));
}

static const char *at(const char *name)
{
    static char paths[4][700];
    static int n;
    char *path = paths[n++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", rehearse_home, name);
    return path;
}

/* A model of 300 rows, version 3. */
static pe_buffer the_model(void)
{
    pe_options *o = pe_model_options("kmeans", NULL);
    pe_buffer file = {0};
    pe_block b = {0};
    pe_delta *d;
    pe_model *m;

    pe_options_set(o, "clusters", "3", NULL);
    pe_options_set(o, "contamination", "0.02", NULL);
    m = pe_model_create("kmeans", o, D, NULL);
    d = pe_delta_create(m, NULL);
    pe_block_reserve(&b, 300, D, PE_F8, NULL);
    for (int i = 0; i < 300 * D; i++)
        ((double *)b.data)[i] = (i / D * 37 + i % D * 11) % 90;
    CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, NULL), 0);
    CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
    m->version = 3;
    CU_ASSERT_EQUAL(pe_model_encode(m, &file, NULL), 0);
    pe_block_release(&b);
    pe_delta_destroy(d);
    pe_model_destroy(m);
    pe_options_destroy(o);
    return file;
}

/* Rows of two numbers, the last far off. */
static void table_put(int rows)
{
    text t = {0};

    for (int i = 0; i < rows; i++)
        text_add(&t, "%d,%d\n", i == rows - 1 ? 5000 : i * 37 % 90,
                 (i * 37 + 11) % 90);
    CU_ASSERT_FATAL(!t.failed);
    scratch_write("t.csv", t.data);
    text_free(&t);
}

/* Run r of the table, as its pool has left it; [files]: what final.json says of
 * them.
 */
static void run_put(const char *function, const char *options,
                    const char *learns, const char *files)
{
    pe_buffer model = the_model();
    char *yaml = text_format(pipeline, function, options, learns);
    char *left = text_format("{\"version\": 3, \"blocks\": 10, \"points\": 95, "
                             "\"offsets\": [10]%s%s}",
                             files ? ", \"files\": " : "", files ? files : "");

    begin();
    put_text("r", "pipeline.yaml", yaml);
    put_text("r", "request.json",
             "{\"schema\": 1, \"run\": \"r\", \"file\": \"pipeline.yaml\", "
             "\"overrides\": []}");
    put("r", "pool/model.safetensors", model.data, model.len);
    put_text("r", "pool/final.json", left);
    pe_buffer_free(&model);
    free(left);
    free(yaml);
}

static char *options_of(const char *file)
{
    return text_format("path: %s/%s, header: \"no\", delimiter: comma",
                       scratch_folder, file);
}

/* The table as it is now, as JSON. */
static char *identity(void)
{
    char now[FILE_IDENTITY_MAX];

    file_identity(scratch_path, now);
    return text_format("{\"%s\": \"%s\"}", scratch_path, now);
}

static void prepare(void)
{
    char *options = options_of("t.csv"), *files;

    table_put(ROWS);
    files = identity();
    run_put("file", options, "kmeans", files);
    free(files);
    free(options);
}

static json_t *info_of(void)
{
    char *data = file_read(at("r/results/results.json"), 1 << 20, NULL, NULL);
    json_t *o = data ? json_loads(data, 0, NULL) : NULL;

    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    free(data);
    return o;
}

/* --- rows --- */

static void test_rows(void)
{
    json_t *info;

    prepare();
    expect(PILOT("score", "r"), 0, "",
           "1 outlier of 95 rows (kmeans, version 3); threshold ");
    UNIT_CONTAINS(content("err"),
                  "exact for contamination 0.02 over all 95 scores");
    UNIT_CONTAINS(content("err"), "'pilot results r' prints the rows");
    UNIT_EQUAL(content("out"), "");
    info = info_of();
    UNIT_EQUAL(json_string_value(json_object_get(info, "run")), "r");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(
                        json_object_get(info, "blocks"), "scored")),
                    10);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(info, "fitted")), 94);
    UNIT_EQUAL(
        json_string_value(json_array_get(json_object_get(info, "notes"), 0)),
        "rows that had a centre as good as to themselves when the model "
        "was fitted, and were left out then: 1");
    CU_ASSERT_EQUAL(json_array_size(json_object_get(info, "notes")), 1);
    CU_ASSERT_EQUAL(strlen(json_string_value(json_object_get(info, "digest"))),
                    40);
    json_decref(info);
    /* The model is with the answers. */
    CU_ASSERT_EQUAL(access(at("r/model.safetensors"), F_OK), 0);
    expect(PILOT("results", "r", "--top", "1", "--csv", "--no-header"), 0,
           "/t.csv,94,", NULL);
    /* Made once more, they are the same, and nothing stays beside. */
    expect(PILOT("score", "r", "--top", "1"), 0, "/t.csv row 94: x0=5000",
           NULL);
    CU_ASSERT_EQUAL(access(at("r/results.part"), F_OK), -1);
    CU_ASSERT_EQUAL(access(at("r/results.old"), F_OK), -1);
}

/* What a killed one has put aside comes back, also where the next one fails. */
static void test_put_aside(void)
{
    prepare();
    expect(PILOT("score", "r"), 0, NULL, NULL);
    CU_ASSERT_EQUAL(rename(at("r/results"), at("r/results.old")), 0);
    expect(PILOT("results", "r", "--top", "1"), 0, " row 94: ", NULL);
    CU_ASSERT_EQUAL(unlink(scratch_path), 0);
    expect(PILOT("score", "r"), 65, NULL, "t.csv cannot be opened");
    expect(PILOT("results", "r", "--top", "1"), 0, " row 94: ", NULL);
    CU_ASSERT_EQUAL(access(at("r/results/rows.npy"), F_OK), 0);
    CU_ASSERT_EQUAL(access(at("r/results.old"), F_OK), -1);
}

/* --- files that are others by now --- */

static void set_time(long s)
{
    const struct timespec times[] = {{s, 0}, {s, 0}};

    CU_ASSERT_EQUAL(utimensat(AT_FDCWD, scratch_path, times, 0), 0);
}

static void change_nothing(void)
{
}

static void change_number(void)
{
    int fd = open(scratch_path, O_WRONLY | O_CLOEXEC);

    CU_ASSERT_EQUAL(pwrite(fd, "1", 1, 0), 1);
    close(fd);
    set_time(1000);
}

static void change_time(void)
{
    set_time(2000);
}

static void change_rows(void)
{
    scratch_append("1,2\n");
    set_time(1000);
}

static void change_file(void)
{
    char *aside = text_format("%s.1", scratch_path);

    CU_ASSERT_EQUAL(rename(scratch_path, aside), 0);
    table_put(ROWS);
    set_time(1000);
    free(aside);
}

static void test_changed(void)
{
    static const struct {
        void (*change)(void);
        bool said;
    } rows[] = {
        {change_nothing, false}, {change_number, true}, {change_time, true},
        {change_rows, true},     {change_file, true},
    };

    for (size_t i = 0; i < N(rows); i++) {
        char *options = options_of("t.csv"), *files, *words;

        table_put(ROWS);
        set_time(1000);
        files = identity();
        run_put("file", options, "kmeans", files);
        rows[i].change();
        words = text_format("%s is not what it was when the run began: its "
                            "rows are scored as they are now",
                            scratch_path);
        expect(PILOT("score", "r"), 0, NULL, rows[i].said ? words : NULL);
        CU_ASSERT(rows[i].said || !strstr(content("err"), "is not what"));
        free(words);
        free(files);
        free(options);
    }
}

/* A run of which nobody knows: nothing is said of its files. */
static void test_unknown(void)
{
    char *options = options_of("t.csv");

    table_put(ROWS);
    run_put("file", options, "kmeans", NULL);
    expect(PILOT("score", "r"), 0, NULL, "of 95 rows");
    CU_ASSERT_PTR_NULL(strstr(content("err"), "is not what"));
    /* One that was not there then has no identity. */
    run_put("file", options, "kmeans", "{\"/other.csv\": \"1 2 3 4\"}");
    expect(PILOT("score", "r"), 0, NULL, "/t.csv is not what it was");
    free(options);
}

/* --- what cannot be scored again --- */

static void test_shorter(void)
{
    prepare();
    table_put(42);
    expect(PILOT("score", "r"), 65, NULL,
           "the source of partition 0 ends behind 5 blocks now, and the run "
           "has learned from 10: it is not what it was");
    CU_ASSERT_EQUAL(access(at("r/results"), F_OK), -1);
    CU_ASSERT_EQUAL(access(at("r/results.part"), F_OK), -1);
}

static void test_refused(void)
{
    char *options = options_of("t.csv");
    char *gone = options_of("gone.csv");
    int fd;

    table_put(ROWS);
    run_put("generator", "features: 2, blocks: 10, seed: 1", "kmeans", NULL);
    expect(PILOT("score", "r"), 0, NULL, NULL); /* it gives them again */
    run_put("proc", "", "kmeans", NULL);
    expect(PILOT("score", "r"), 78, NULL,
           "the rows of 'proc' cannot be had a second time, and without a "
           "broker nobody has kept them");
    run_put("file", options, "audit", NULL);
    expect(PILOT("score", "r"), 78, NULL,
           "run r has no model that scores rows (audit)");
    run_put("file", gone, "kmeans", NULL);
    expect(PILOT("score", "r"), 65, NULL, "gone.csv cannot be opened");
    run_put("file", options, "kmeans", NULL);
    CU_ASSERT_EQUAL(unlink(at("r/pool/model.safetensors")), 0);
    expect(PILOT("score", "r"), 78, NULL,
           "run r has left no model: it did not come to its end");
    run_put("file", options, "kmeans", NULL);
    CU_ASSERT_EQUAL(unlink(at("r/pool/final.json")), 0);
    expect(PILOT("score", "r"), 65, NULL, "final.json");
    /* Somebody is at it. */
    run_put("file", options, "kmeans", NULL);
    put_text("r", "results.lock", "");
    fd = open(at("r/results.lock"), O_RDWR | O_CLOEXEC);
    CU_ASSERT_EQUAL_FATAL(flock(fd, LOCK_EX | LOCK_NB), 0);
    expect(PILOT("score", "r"), 75, NULL,
           "the rows of run r are being scored already");
    close(fd);
    expect(PILOT("score", "r"), 0, NULL, NULL);
    expect(PILOT("score", "r", "--set", "a=b"), 64, NULL, "--set is for files");
    free(gone);
    free(options);
}

/* Another number of rows than was learned from is said. */
static void test_expected(void)
{
    char *options = options_of("t.csv");
    char *files;

    table_put(ROWS);
    files = identity();
    run_put("file", options, "kmeans", files);
    put_text("r", "pool/final.json",
             "{\"version\": 3, \"blocks\": 9, \"points\": 90, \"offsets\": "
             "[10]}");
    expect(PILOT("score", "r"), 0, NULL,
           "the run learned from 90 rows in 9 blocks, and 95 rows in 10 blocks "
           "were scored again");
    free(files);
    free(options);
}

int main(void)
{
    static const unit_test tests[] = {
        {"rows of a file, again", test_rows},
        {"answers that were put aside", test_put_aside},
        {"a file that is another one by now", test_changed},
        {"a file of which nobody knows", test_unknown},
        {"a file that is shorter", test_shorter},
        {"what cannot be scored again", test_refused},
        {"other rows than were learned from", test_expected},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("score_run", tests);
    scratch_remove();
    return status;
}
