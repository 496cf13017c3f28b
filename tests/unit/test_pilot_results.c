/* test_pilot_results.c - `pilot results`, `score`, `model` and `runs`. */
#include "unit.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <jansson.h>

#include <pilot/model.h>

#include "pilot_command.h"
#include "scratch.h"
#include "src/answer/answer.h"
#include "src/block/npy.h"
#include "src/common/file.h"

/* --- a run that has ended --- */

static const char pipeline[] =
    "version: 1\n"
    "pipeline: p\n"
    "pilots:\n"
    "  devices: {kind: edge, devices: 1}\n"
    "  pool: {kind: pool, ntasks: 1}\n"
    "stages:\n"
    "  sense: {pilot: devices, function: generator,\n"
    "          options: {features: 2, blocks: 2}}\n"
    "  learn: {pilot: pool, function: kmeans}\n"
    "streams: {sense: {topic: \"TOPIC\"}}\n";

static void put(const char *run, const char *name, const void *data, size_t len)
{
    char path[600];

    snprintf(path, sizeof(path), "%s/%s/%s", rehearse_home, run, name);
    *strrchr(path, '/') = '\0';
    file_mkdir(path, NULL);
    path[strlen(path)] = '/';
    CU_ASSERT_EQUAL(file_write(path, data, len, 0600, NULL), 0);
}

static void put_text(const char *run, const char *name, const char *words)
{
    put(run, name, words, strlen(words));
}

/* A run [run] with topic [topic], done. */
static void run_put(const char *run, const char *topic)
{
    char request[900], yaml[900];
    const char *at = strstr(pipeline, "TOPIC");

    snprintf(yaml, sizeof(yaml), "%.*s%s%s", (int)(at - pipeline), pipeline,
             topic, at + 5);
    put_text(run, "pipeline.yaml", yaml);
    snprintf(request, sizeof(request),
             "{\"schema\": 1, \"run\": \"%s\", \"file\": \"pipeline.yaml\", "
             "\"overrides\": [], \"broker\": \"host:9092\", \"params\": "
             "\"redis://host:6379\"}",
             run);
    put_text(run, "request.json", request);
    put_text(run, "summary.json",
             "{\"pipeline\": \"p\", \"state\": \"done\", \"blocks\": "
             "{\"applied\": 7}, \"final\": {\"outliers\": 2}}");
}

/* Four rows, two of them outliers, one masked; values of the highest. */
static void answers_put(const char *run)
{
    static const answer_row rows[] = {
        {.time_ns = 1, .row = 5, .source = 0, .score = 1},
        {.row = 6, .source = 0, .score = 9, .label = ANSWER_OUTLIER},
        {.row = 0, .device = 1, .source = -1, .label = ANSWER_MASKED},
        {.row = 7, .source = 0, .score = 4.5f, .label = ANSWER_OUTLIER},
    };
    char file[ANSWER_HEAD + sizeof(rows)];
    float nan = strtof("nan", NULL);

    answer_head(file, 4);
    memcpy(file + ANSWER_HEAD, rows, sizeof(rows));
    memcpy(file + ANSWER_HEAD + 2 * sizeof(rows[0]) +
               offsetof(answer_row, score),
           &nan, sizeof(nan));
    put(run, "results/rows.npy", file, sizeof(file));
    put_text(run, "results/results.json",
             "{\"schema\": 1, \"rows\": 4, \"outliers\": 2, \"masked\": 1, "
             "\"kind\": \"kmeans\", \"version\": 3, \"threshold\": 4.25, "
             "\"threshold_from\": \"exact\", \"devices\": [\"dev-0\", "
             "\"dev-1\"], \"sources\": [\"a,b.csv\"], \"top\": [], "
             "\"notes\": [\"something was odd\"]}");
}

/* --- results --- */

static void test_results(void)
{
    begin();
    run_put("r", "t-{run}");
    answers_put("r");
    expect(
        PILOT("results", "r", "--csv"), 0,
        "time,device,source,row,score,threshold,label,version\n"
        "1970-01-01T00:00:00.000000001Z,dev-0,\"a,b.csv\",5,1,4.25,inlier,3\n"
        ",dev-0,\"a,b.csv\",6,9,4.25,outlier,3\n"
        ",dev-1,,0,,4.25,masked,3\n"
        ",dev-0,\"a,b.csv\",7,4.5,4.25,outlier,3\n",
        "pilot: 2 outliers of 4 rows (kmeans, version 3); threshold 4.25: "
        "exact\n"
        "pilot: 1 row has no score: a value is not finite, or too large\n"
        "pilot: something was odd\n");
    expect(PILOT("results", "r", "--outliers", "--csv", "--no-header"), 0,
           ",dev-0,\"a,b.csv\",6,9,4.25,outlier,3\n,dev-0,", NULL);
    UNIT_EQUAL(content("out"), ",dev-0,\"a,b.csv\",6,9,4.25,outlier,3\n"
                               ",dev-0,\"a,b.csv\",7,4.5,4.25,outlier,3\n");
    PILOT("results", "r", "--top", "2", "--csv", "--no-header");
    UNIT_EQUAL(content("out"), ",dev-0,\"a,b.csv\",6,9,4.25,outlier,3\n"
                               ",dev-0,\"a,b.csv\",7,4.5,4.25,outlier,3\n");
    expect(PILOT("results", "r", "--top", "9", "--json"), 0,
           "{\"time\":\"\",\"device\":\"dev-0\",\"source\":\"a,b.csv\","
           "\"row\":6,\"score\":9.0,\"threshold\":4.25,\"label\":\"outlier\","
           "\"version\":3}\n",
           NULL);
    CU_ASSERT_PTR_NULL(strstr(content("out"), "masked"));
    expect(PILOT("results", "r"), 0, "dev-1 row 0\n", NULL);
    expect(PILOT("results", "r", "--npy", "--outliers"), 0, NULL, NULL);
    UNIT_CONTAINS(content("out") + 6 + 2 + 2, "'shape': (2,), }");
}

/* Values of all four rows, under names that are not all fit to be titles. */
static void values_put(const char *run, const char *columns, const char *kept)
{
    enum { D = 4 };
    static const double x[4][D] = {{1, 0.1, -2, 1e300},
                                   {2, 0.1 + 0.2, -3, 0},
                                   {3, 0, -4, 0},
                                   {4, 0.4, -5, 7}};
    unsigned char file[NPY_HEADER_LEN + sizeof(x)];
    char info[700];

    npy_header(file, PE_F8, 4, D);
    memcpy(file + NPY_HEADER_LEN, x, sizeof(x));
    ((double *)(void *)(file + NPY_HEADER_LEN))[2 * D + 1] =
        strtod("nan", NULL);
    put(run, "results/values.npy", file, sizeof(file));
    snprintf(info, sizeof(info),
             "{\"schema\": 1, \"rows\": 4, \"outliers\": 2, \"kind\": "
             "\"kmeans\", \"version\": 3, \"threshold\": 4.25, "
             "\"threshold_from\": \"exact\", \"devices\": [\"dev-0\", "
             "\"dev-1\"], \"sources\": [\"a.csv\"], \"top\": [], "
             "\"values\": \"%s\", \"columns\": %s}",
             kept, columns);
    put_text(run, "results/results.json", info);
}

static void test_values(void)
{
    begin();
    run_put("r", "t-{run}");
    answers_put("r");
    values_put("r", "[\"temp\", \"score\", \"temp\", \"a \\\"b\\\", c\"]",
               "all");
    expect(PILOT("results", "r", "--csv"), 0,
           "time,device,source,row,score,threshold,label,version,temp,score_2,"
           "temp_2,\"a \"\"b\"\", c\"\n",
           NULL);
    UNIT_CONTAINS(content("out"), ",inlier,3,1,0.1,-2,1e+300\n");
    UNIT_CONTAINS(content("out"), ",masked,3,3,,-4,0\n");
    expect(PILOT("results", "r", "--top", "1", "--json"), 0,
           "\"values\":{\"temp\":2.0,\"score_2\":0.30000000000000004,\"temp_"
           "2\":-3.0,"
           "\"a \\\"b\\\", c\":0.0}}\n",
           NULL);
    expect(PILOT("results", "r", "--outliers"), 0,
           "a.csv row 7: temp=4 score_2=0.4 temp_2=-5 a \"b\", c=7\n", NULL);
    /* Nobody named them. */
    values_put("r", "null", "all");
    expect(PILOT("results", "r", "--csv"), 0, "version,x0,x1,x2,x3\n", NULL);
    expect(PILOT("results", "r", "--top", "1", "--json"), 0,
           "\"values\":{\"x0\":2.0,\"x1\":0.30000000000000004,", NULL);
    values_put("r", "[\"only one\"]", "all");
    expect(PILOT("results", "r", "--csv"), 0, "version,only one,x1,x2,x3\n",
           NULL);
    /* What is not kept is not printed. */
    values_put("r", "null", "top");
    expect(PILOT("results", "r", "--csv"), 0, "threshold,label,version\n",
           NULL);
}

/* What --npy prints: version, length of the head, the head, bytes behind it. */
static size_t npy_read(unsigned *versionp, char *head, size_t cap)
{
    char path[600];
    size_t len = 0, front;
    uint32_t n = 0;
    unsigned char *data;

    snprintf(path, sizeof(path), "%s/out", scratch_folder);
    data = (unsigned char *)file_read(path, 1 << 20, &len, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    CU_ASSERT_EQUAL(memcmp(data, "\x93NUMPY", 6), 0);
    *versionp = data[6];
    front = data[6] == 1 ? 10 : 12;
    for (size_t i = 8; i < front; i++)
        n |= (uint32_t)data[i] << 8 * (i - 8);
    CU_ASSERT_EQUAL((front + n) % 64, 0);
    CU_ASSERT_EQUAL(data[front + n - 1], '\n');
    snprintf(head, cap, "%.*s", (int)n, (const char *)data + front);
    free(data);
    return len - front - n;
}

static void test_npy(void)
{
    char head[1200];
    unsigned version;

    begin();
    run_put("r", "t-{run}");
    answers_put("r");
    PILOT("results", "r", "--npy");
    CU_ASSERT_EQUAL(npy_read(&version, head, sizeof(head)),
                    4 * sizeof(answer_row));
    CU_ASSERT_EQUAL(version, 1);
    UNIT_CONTAINS(head, "('label', '<i4')], 'fortran_order': False, 'shape': "
                        "(4,), }");
    values_put("r", "[\"temp\", \"row\", \"it's\", \"a\\\\b\"]", "all");
    PILOT("results", "r", "--npy", "--outliers");
    CU_ASSERT_EQUAL(npy_read(&version, head, sizeof(head)),
                    2 * (sizeof(answer_row) + 4 * sizeof(double)));
    CU_ASSERT_EQUAL(version, 1);
    UNIT_CONTAINS(head, "('label', '<i4'), ('temp', '<f8'), ('row_2', '<f8'), "
                        "('it\\'s', '<f8'), ('a\\\\b', '<f8')], ");
    UNIT_CONTAINS(head, "'shape': (2,), }");
    /* What is not ASCII is UTF-8, which version 3 has. */
    values_put("r",
               "[\"\xc2\xb0"
               "C\", \"b\", \"c\", \"d\"]",
               "all");
    PILOT("results", "r", "--npy");
    npy_read(&version, head, sizeof(head));
    CU_ASSERT_EQUAL(version, 3);
    UNIT_CONTAINS(head, "('\xc2\xb0"
                        "C', '<f8'), ('b', '<f8')");
}

/* Values that are not those of the rows are nobody's. */
static void test_values_torn(void)
{
    char path[600];

    begin();
    run_put("r", "t-{run}");
    answers_put("r");
    values_put("r", "null", "all");
    snprintf(path, sizeof(path), "%s/r/results/values.npy", rehearse_home);
    CU_ASSERT_EQUAL(truncate(path, 200), 0);
    expect(PILOT("results", "r"), 65, NULL,
           "values.npy is not what results.json says; 'pilot score RUN' makes "
           "the answers again");
    CU_ASSERT_EQUAL(unlink(path), 0);
    expect(PILOT("results", "r"), 65, NULL, "values.npy cannot be read");
}

static void test_refused(void)
{
    static const struct {
        const char *args[6];
        int status;
        const char *err;
    } rows[] = {
        {{"results"}, 64, "a RUN is missing"},
        {{"results", "r", "--csv", "--json"}, 64, "one of --csv, --json"},
        {{"results", "r", "--final", "-f"}, 64, "--final is of the end"},
        {{"results", "r", "--stream", "--top", "3"}, 64, "are of the final"},
        {{"results", "r", "--top", "x"}, 64, "--top wants a number of rows"},
        {{"results", "r", "--top", "0"}, 64, "--top wants a number of rows"},
        {{"results", "none"}, 78, "there is no run none in"},
        {{"results", "../home"}, 78, "there is no run ../home in"},
        {{"results", "."}, 78, "there is no run . in"},
        {{"results", ".."}, 78, "there is no run .. in"},
        {{"results", ""}, 78, "there is no run  in"},
        {{"results", "services"}, 78, "there is no run services in"},
        {{"results", "r"}, 65, "run r has no final answers"},
        {{"score"}, 64, "a MODEL or RUN is missing"},
        {{"score", "none"}, 78, "none is no run in"},
        {{"score", ".."}, 78, ".. is no run in"},
        {{"score", ""}, 78, " is no run in"},
        {{"score", "r", "--set", "a=b"}, 64, "--set is for files"},
        {{"model", "show"}, 64, "and a RUN are missing"},
        {{"model", "frob", "r"}, 64, "'frob' is not a command of pilot model"},
        {{"model", "get", "r"}, 64, "takes a RUN and a FILE"},
        {{"model", "show", "none"}, 78, "and no file; 'pilot runs' lists"},
        {{"model", "list", ".."}, 78, ".. is no run in"},
        {{"model", "list", "r"}, 65, "run r has no model yet"},
        {{"runs", "x"}, 64, "too many operands"},
        {{"runs", "--rm", "none"}, 78, "there is no run none in"},
        {{"runs", "--rm", ".."}, 78, "there is no run .. in"},
    };

    begin();
    run_put("r", "t-{run}");
    put_text("services", "note", "");
    for (size_t i = 0; i < N(rows); i++)
        expect(pilot(rows[i].args), rows[i].status, NULL, rows[i].err);
    /* A file that is no model, as one. */
    scratch_write("no.safetensors", "no");
    expect(PILOT("model", "show", scratch_path), 65, NULL, "not a model file");
    expect(PILOT("score", scratch_path), 64, NULL, "a FILE with rows is");
}

/* --- models --- */

static void test_model(void)
{
    pe_options *o = pe_model_options("kmeans", NULL);
    pe_model *m = pe_model_create("kmeans", o, 3, NULL);
    pe_buffer file = {0};
    char to[400];

    begin();
    run_put("r", "t-{run}");
    m->version = 4;
    CU_ASSERT_EQUAL(pe_model_encode(m, &file, NULL), 0);
    put("r", "model.safetensors", file.data, file.len);
    expect(PILOT("model", "show", "r"), 0, "features       3\n", NULL);
    UNIT_CONTAINS(content("out"), "warming up: it gives no scores");
    UNIT_CONTAINS(content("out"),
                  "  centers      F64  25x3         k x d; the");
    expect(PILOT("model", "list", "r"), 0, "4        kmeans",
           "only the newest");
    expect(PILOT("model", "list", "r", "--version", "3"), 65, NULL,
           "version 3 is not kept: only the newest is, version 4");
    snprintf(to, sizeof(to), "%s/m.safetensors", scratch_folder);
    expect(PILOT("model", "get", "r", to), 0, NULL, "kmeans, version 4");
    expect(PILOT("model", "get", "r", to), 73, NULL, "is there already");
    expect(PILOT("model", "get", "r", to, "--force"), 0, NULL, "version 4");
    pe_buffer_free(&file);
    pe_model_destroy(m);
    pe_options_destroy(o);
}

/* --- runs --- */

static void test_runs(void)
{
    char path[600];

    begin();
    setenv("FAKE_LOG", "/dev/null", 1);
    run_put("old", "t-{run}");
    run_put("shared", "sensors");
    put_text("cut", "pipeline.yaml", "version: 1\n");
    put_text("nothing", "note", "");
    expect(PILOT("runs"), 0, "old  ", NULL);
    UNIT_CONTAINS(content("out"),
                  "p            done              7          2");
    UNIT_CONTAINS(content("out"), "cut off");
    CU_ASSERT_PTR_NULL(strstr(content("out"), "nothing"));
    expect(PILOT("runs", "--json"), 0,
           "\"pipeline\":\"p\",\"state\":\"done\",\"blocks\":7,\"outliers\":2}",
           NULL);
    /* Its services do not answer: nothing is removed, but by force. */
    setenv("FAKE_FAILS", "delete", 1);
    expect(PILOT("runs", "--rm", "old"), 69, NULL,
           "pilot: run old is not removed, for its topics and keys cannot be");
    snprintf(path, sizeof(path), "%s/old", rehearse_home);
    CU_ASSERT_EQUAL(access(path, F_OK), 0);
    expect(PILOT("runs", "--rm", "old", "--force"), 0, NULL,
           "topics and keys of run old stay: delete is away");
    CU_ASSERT_EQUAL(access(path, F_OK), -1);
    unsetenv("FAKE_FAILS");
    expect(PILOT("runs", "--rm", "shared"), 0, NULL,
           "topic sensors is not this run's alone and stays");
}

/* Whose rows are being scored is not removed under that. */
static void test_remove_scored(void)
{
    char path[600];
    int fd;

    begin();
    setenv("FAKE_LOG", "/dev/null", 1);
    run_put("r", "t-{run}");
    put_text("r", "results.lock", "");
    snprintf(path, sizeof(path), "%s/r/results.lock", rehearse_home);
    fd = open(path, O_RDWR | O_CLOEXEC);
    CU_ASSERT_EQUAL_FATAL(flock(fd, LOCK_EX | LOCK_NB), 0);
    expect(PILOT("runs", "--rm", "r", "--force"), 75, NULL,
           "rows of run r are being scored: remove it when that is done");
    CU_ASSERT_EQUAL(access(path, F_OK), 0);
    close(fd);
    expect(PILOT("runs", "--rm", "r"), 0, NULL, "run r is removed");
    CU_ASSERT_EQUAL(access(path, F_OK), -1);
}

int main(void)
{
    static const unit_test tests[] = {
        {"results", test_results},
        {"values by the names of their columns", test_values},
        {"an array of rows and values", test_npy},
        {"values that are damaged", test_values_torn},
        {"what is refused", test_refused},
        {"models", test_model},
        {"runs", test_runs},
        {"a run that is scored is not removed", test_remove_scored},
        {0},
    };

    setenv("PILOT_UNDER_TEST", "tests/unit/pilot_fake", 1);
    scratch_make();
    int status = unit_main("pilot_results", tests);
    scratch_remove();
    return status;
}
