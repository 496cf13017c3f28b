/* test_pilot_score.c - `pilot score` and `pilot inspect`, by files and pipes.
 */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include <pilot/model.h>

#include "pilot_command.h"
#include "scratch.h"
#include "src/answer/answer.h"
#include "src/common/file.h"

enum { ROWS = 300, D = 3 };

static char model[300], table[300]; /* files */

/* --- what is scored, and by what --- */

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

/* Column [k] of row [i]; row 17 is far off. */
static double value(int i, int k)
{
    return i == 17 ? 1000 + k : (i * 37 + k * 11) % 90;
}

/* One that has learned from the table, or (not [learned]) from nothing. */
static pe_buffer model_make(const char *kind, bool learned)
{
    pe_options *o = pe_model_options(kind, NULL);
    pe_buffer file = {0};
    pe_block b = {0};
    pe_delta *d;
    pe_model *m;

    if (!strcmp(kind, "kmeans"))
        pe_options_set(o, "clusters", "3", NULL);
    pe_options_set(o, "contamination", "0.003", NULL);
    m = pe_model_create(kind, o, D, NULL);
    d = pe_delta_create(m, NULL);
    pe_block_reserve(&b, ROWS, D, PE_F8, NULL);
    for (int i = 0; i < ROWS * D; i++)
        ((double *)b.data)[i] = (i / D * 37 + i % D * 11) % 90;
    if (learned) {
        CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, NULL), 0);
        CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
        CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
        m->threshold = 200;
        m->version = 5;
    }
    CU_ASSERT_EQUAL(pe_model_encode(m, &file, NULL), 0);
    pe_block_release(&b);
    pe_delta_destroy(d);
    pe_model_destroy(m);
    pe_options_destroy(o);
    return file;
}

static void model_put(const char *name, const char *kind, bool learned)
{
    pe_buffer file = model_make(kind, learned);

    scratch_write_bytes(name, file.data, file.len);
    pe_buffer_free(&file);
}

static char *table_make(void)
{
    text t = {0};

    text_add(&t, "a,b,c\n");
    for (int i = 0; i < ROWS; i++)
        text_add(&t, "%g,%g,%g\n", value(i, 0), value(i, 1), value(i, 2));
    CU_ASSERT_FATAL(!t.failed);
    return t.data;
}

/* A table, a model of it, and nothing else in the home. */
static void prepare(void)
{
    char *words = table_make();

    begin();
    model_put("m.st", "kmeans", true);
    snprintf(model, sizeof(model), "%s", scratch_path);
    scratch_write("t.csv", words);
    snprintf(table, sizeof(table), "%s", scratch_path);
    free(words);
}

/* "pilot ..." by a shell, in the folder of the files, M being the model. */
static int shell(const char *line)
{
    char *here = realpath("pilot", NULL);
    char *script =
        text_format("cd %s; M=%s; pilot() { %s \"$@\"; }; "
                    "exec >out 2>err; %s",
                    scratch_folder, model, here ? here : "pilot", line);
    const char *argv[] = {"bash", "-c", script, NULL};
    const process_spec spec = {.argv = argv};
    const process_limits limits = {120, 65536};
    process_answer a = {.status = -1};
    int status;

    CU_ASSERT_EQUAL(process_run(&spec, &limits, &a, NULL), 0);
    status = a.status;
    process_answer_free(&a);
    free(script);
    free(here);
    return status;
}

static size_t lines_of(const char *words)
{
    size_t n = 0;

    for (; *words; words++)
        n += *words == '\n';
    return n;
}

/* Nothing of a scoring stays in the home. */
static void expect_clean(void)
{
    CU_ASSERT_EQUAL(shell("ls -d $PILOT_HOME/score-*"), 2);
}

/* --- files --- */

static void test_formats(void)
{
    prepare();
    expect(PILOT("score", model, table, "--outliers", "--csv"), 0,
           "time,device,source,row,score,threshold,label,version,", NULL);
    CU_ASSERT_EQUAL(lines_of(content("out")), 2);
    UNIT_CONTAINS(content("out"), "t.csv,17,");
    UNIT_CONTAINS(content("out"), ",200,outlier,5,1000,1001,1002\n");
    UNIT_CONTAINS(content("err"),
                  "1 outlier of 300 rows (kmeans, version 5); "
                  "threshold 200: that of the model, version 5");
    expect(PILOT("score", model, table, "--csv", "--no-header"), 0, NULL, NULL);
    CU_ASSERT_EQUAL(lines_of(content("out")), ROWS);
    expect(PILOT("score", model, table, "--top", "2", "--json"), 0,
           "\"row\":17,", NULL);
    CU_ASSERT_EQUAL(lines_of(content("out")), 2);
    expect(PILOT("score", model, table, "--top", "1"), 0,
           "t.csv row 17: a=1000", NULL);
    expect(PILOT("score", "-Q", model, table, "--npy"), 0, NULL, NULL);
    UNIT_CONTAINS(content("out") + 10, "'shape': (300,), }");
    UNIT_EQUAL(content("err"), "");
    expect_clean();
}

/* What reads a file says what it found, by the file's name alone. */
static void test_words(void)
{
    prepare();
    scratch_write("odd.csv", "a,b,c\n1,2,3\n4,5\n7,?,9\n10,11,12\n");
    expect(shell("pilot score $M odd.csv --csv --no-header"), 0, NULL,
           "pilot score: odd.csv: ");
    CU_ASSERT_EQUAL(lines_of(content("out")), 3);
    UNIT_CONTAINS(content("out"), "odd.csv,3,"); /* one was left out */
    UNIT_CONTAINS(content("err"), "odd.csv:3: the row has 2 fields");
    UNIT_CONTAINS(content("err"), "odd.csv:4: column b, '?', is not a number");
    UNIT_CONTAINS(content("err"), "1 row was left out, 1 field became NaN");
    CU_ASSERT_PTR_NULL(strstr(content("err"), "sense-0"));
    scratch_write("some.csv", "a,b,c\n1,2,3\n7,?,9\n10,11,12\n");
    expect(shell("pilot score $M some.csv --csv"), 0, NULL,
           "some.csv: 1 field became NaN");
    CU_ASSERT_PTR_NULL(strstr(content("err"), "0 rows"));
    scratch_write("some.csv", "a,b,c\n1,2,3\n7,8\n10,11,12\n");
    expect(shell("pilot score $M some.csv --csv"), 0, NULL,
           "some.csv: 1 row was left out\n");
    CU_ASSERT_PTR_NULL(strstr(content("err"), "0 fields"));
    expect_clean();
}

static void test_several(void)
{
    prepare();
    expect(
        shell("mkdir -p d && cp t.csv d/a.csv && head -n 11 t.csv >d/b.csv && "
              "pilot score $M d --csv --no-header"),
        0, "d/b.csv,9,", NULL);
    CU_ASSERT_EQUAL(lines_of(content("out")), ROWS + 10);
    expect(shell("pilot score $M 'd/a*.csv' --csv --no-header"), 0,
           "d/a.csv,17,", NULL);
    CU_ASSERT_EQUAL(lines_of(content("out")), ROWS);
    expect(shell("pilot score $M d/b.csv t.csv --csv --no-header"), 0,
           "t.csv,299,", NULL);
    CU_ASSERT_EQUAL(lines_of(content("out")), ROWS + 10);
    expect(shell("tail -n +2 t.csv | tr , ';' >s.csv && pilot score $M s.csv "
                 "--set delimiter=';' --set header=no --csv --no-header"),
           0, "s.csv,299,", NULL);
    expect_clean();
}

static void test_refused(void)
{
    static const struct {
        const char *line;
        int status;
        const char *err;
    } rows[] = {
        {"pilot score $M", 64, "m.st is a model: a FILE with rows is missing"},
        {"pilot score nothing t.csv", 78, "nothing is no run in "},
        {"pilot score $M gone.csv", 65, "gone.csv cannot be opened"},
        {"pilot score t.csv t.csv", 65, "not a model file"},
        {"pilot score warm.st t.csv", 65, "still warming up after 0 rows"},
        {"pilot score none.st t.csv", 78, "gives no scores"},
        {"pilot score $M two.csv", 65,
         "two.csv has 2 columns, the model was made for 3"},
        {"pilot score $M empty.csv", 65, "empty.csv"},
        {"pilot score $M . ", 65, "/pipe is a pipe, and no file of rows"},
        {"pilot score $M /dev/zero", 65, "/dev/zero is a device, and no file"},
        {"pilot score $M - </dev/zero", 65, "stdin is a device"},
        {"pilot score $M t.csv --set frob=1", 78, "frob"},
        {"pilot score $M t.csv --set bad=maybe", 78, "bad"},
        {"pilot score $M - --set decimal=comma <two.csv", 65, "stdin"},
        {"pilot score $M - <two.csv", 65,
         "stdin has 2 columns, the model was made for 3"},
        {"pilot score $M - <empty.csv", 65, "stdin"},
        {"TMPDIR=/no/where pilot score $M - <t.csv", 73,
         "cannot make a file in /no/where"},
    };

    prepare();
    model_put("warm.st", "kmeans", false);
    model_put("none.st", "passthrough", false);
    scratch_write("two.csv", "a,b\n1,2\n3,4\n");
    scratch_write("empty.csv", "");
    CU_ASSERT_EQUAL(shell("rm -rf d s.csv; mkfifo pipe"), 0);
    for (size_t i = 0; i < N(rows); i++) {
        expect(shell(rows[i].line), rows[i].status, NULL, rows[i].err);
        CU_ASSERT_PTR_NULL(strstr(content("err"), "/proc/"));
        CU_ASSERT_PTR_NULL(strstr(content("err"), "stage '"));
    }
    CU_ASSERT_EQUAL(shell("rm pipe"), 0);
    expect_clean();
}

/* --- what can be read once only --- */

static void test_input(void)
{
    static const char *const lines[] = {
        "pilot score $M - --outliers --csv --no-header <t.csv",
        "cat t.csv | pilot score $M - --outliers --csv --no-header",
        "pilot score $M /dev/stdin --outliers --csv --no-header <t.csv",
        "gzip -c t.csv | pilot score $M - --outliers --csv --no-header",
        "pilot score $M -o --csv --no-header - t.csv <t.csv | head -n 1",
    };

    prepare();
    for (size_t i = 0; i < N(lines); i++) {
        expect(shell(lines[i]), 0, ",,stdin,17,", NULL);
        CU_ASSERT_EQUAL(lines_of(content("out")), 1);
        CU_ASSERT_PTR_NULL(strstr(content("err"), "/proc/"));
    }
    /* One with a name is called by it, a substituted one, too. */
    expect(shell("mkfifo f; cat t.csv >f & pilot score $M f -o --csv "
                 "--no-header; wait; rm f"),
           0, NULL, NULL);
    UNIT_CONTAINS(content("out"), ",,f,17,");
    expect(shell("pilot score $M <(cat t.csv) -o --csv --no-header"), 0, ",17,",
           NULL);
    UNIT_CONTAINS(content("out"), ",,/dev/fd/");
    expect_clean();
}

/* A pipe without a writer is said; a signal gives it up. */
static void test_alone(void)
{
    char *pipe = text_format("%s/alone", scratch_folder);
    process *p;

    prepare();
    CU_ASSERT_EQUAL(mkfifo(pipe, 0600), 0);
    p = pilot_start((const char *const[]){"score", model, pipe, NULL}, NULL);
    err_await("/alone is a pipe that nobody writes into yet");
    process_signal(p, SIGINT);
    CU_ASSERT_EQUAL(pilot_end(p), 130);
    p = pilot_start((const char *const[]){"inspect", pipe, NULL}, NULL);
    err_await("/alone is a pipe that nobody writes into yet");
    process_signal(p, SIGINT);
    CU_ASSERT_EQUAL(pilot_end(p), 130);
    CU_ASSERT_EQUAL(unlink(pipe), 0);
    free(pipe);
    expect_clean();
}

/* --- by the model of a run --- */

static const char run_yaml[] =
    "version: 1\n"
    "pipeline: p\n"
    "pilots:\n"
    "  devices: {kind: edge, devices: 1}\n"
    "  broker: {kind: broker%s}\n"
    "  params: {kind: params%s}\n"
    "  pool: {kind: pool, ntasks: 1}\n"
    "stages:\n"
    "  sense: {pilot: devices, function: file,\n"
    "          options: {path: gone.csv, columns: \"c,b,a\"}}\n"
    "  learn: {pilot: pool, function: kmeans}\n";

static void run_put(const char *run, const char *place, bool kept)
{
    char *yaml = text_format(run_yaml, place, place);
    char *request = text_format(
        "{\"schema\": 1, \"run\": \"%s\", \"file\": \"pipeline.yaml\", "
        "\"overrides\": [], \"broker\": \"127.0.0.1:1\", \"params\": "
        "\"redis://127.0.0.1:1\"}",
        run);
    pe_buffer file = model_make("kmeans", true);

    put_text(run, "pipeline.yaml", yaml);
    put_text(run, "request.json", request);
    if (kept)
        put(run, "model.safetensors", file.data, file.len);
    pe_buffer_free(&file);
    free(request);
    free(yaml);
}

/* By the model that is kept, with the options of its source: nobody is asked.
 */
static void test_run(void)
{
    prepare();
    run_put("r", "", true);
    expect(PILOT("score", "r", table, "--top", "1", "--csv", "--no-header"), 0,
           "t.csv,17,", "threshold 200: that of the model, version 5");
    /* Columns in the order of the run. */
    UNIT_CONTAINS(content("out"), ",1002,1001,1000\n");
    expect(shell("pilot score r - --top 1 --csv --no-header <t.csv"), 0,
           "stdin,17,", NULL);
    expect_clean();
}

/* Where the services are gone, the words are true. */
static void test_run_gone(void)
{
    prepare();
    run_put("r", ", resource: \"local://\"", false);
    expect(PILOT("score", "r"), 69, NULL,
           "(services that are pilots of a run end with it: where this one is "
           "over, its rows cannot be read again, and 'pilot score r FILE' "
           "scores files by the model it has left)");
    run_put("own", "", false);
    put_text("own", "services/env", "PILOT_BROKER=127.0.0.1:1\n");
    expect(PILOT("model", "show", "own"), 69, NULL,
           "(it was this run's own and ended with it: 'pilot services start "
           "--dir ");
    UNIT_CONTAINS(content("err"), "/own/services' starts it again)");
    expect(PILOT("results", "own"), 65, NULL, "'pilot score own' makes them");
}

/* --- inspect --- */

static void test_inspect(void)
{
    prepare();
    expect(shell("pilot inspect t.csv"), 0, "t.csv: ", NULL);
    UNIT_CONTAINS(content("out"), "300 rows\n");
    UNIT_CONTAINS(content("out"), "\nfor a pipeline file:\n  sense:\n");
    UNIT_CONTAINS(content("out"), "      path: \"t.csv\"\n");
    UNIT_CONTAINS(content("out"), "       1002         0  learned\n");
    expect(shell("cat t.csv | pilot inspect -"), 0, "stdin: ", NULL);
    UNIT_CONTAINS(content("out"), "      path: \"FILE\"\n");
    CU_ASSERT_PTR_NULL(strstr(content("out"), "/proc/"));
    expect(shell("pilot inspect --set missing=1000 --set header=1 t.csv"), 0,
           "      missing: \"1000\"\n", NULL);
    UNIT_CONTAINS(content("out"), "         1  learned\n");
    /* One that cannot be read keeps the others from nothing. */
    expect(shell("pilot inspect gone.csv t.csv /dev/zero"), 65,
           "\nt.csv: ", "gone.csv cannot be opened");
    UNIT_CONTAINS(content("err"), "/dev/zero is a device, and no file of rows");
    scratch_write("odd.csv", "a,b\n1,2\n3\n5,6\n");
    expect(shell("pilot inspect odd.csv"), 0,
           "1 of them cannot be taken\n  the first: odd.csv:3: it has 1 field "
           "and not 2\n",
           NULL);
    expect(shell("pilot inspect - <odd.csv"), 0,
           "  the first: stdin:3: it has 1 field ", NULL);
    scratch_write("two.csv", "1,75754\n2,5\n");
    expect(shell("pilot inspect two.csv"), 65, NULL, "two.csv:2: '2,5' may be");
    expect(shell("pilot inspect - <two.csv"), 65, NULL,
           "stdin:2: '2,5' may be");
    expect(shell("pilot inspect --set decimal=comma two.csv"), 0,
           "two.csv: ", NULL);
}

/* Columns of time and of text, units, and what is left out, in one line. */
static void test_inspect_columns(void)
{
    static const char lines[] = "time,temp,status,none\n"
                                "2026-01-01T00:00:00Z,1.5,ok,\n"
                                "2026-01-01T00:00:01Z,2.5,bad,\n"
                                "2026-01-01T00:00:02Z,,ok,\n";

    prepare();
    scratch_write("log.csv", lines);
    expect(shell("pilot inspect --set header=yes log.csv"), 0, "the clock\n",
           NULL);
    UNIT_CONTAINS(content("out"), "left out: ");
    UNIT_CONTAINS(content("out"), "log.csv: 1 column of 4: temp");
    UNIT_CONTAINS(content("out"), "         1  learned\n");
    expect(shell("pilot inspect --set header=yes --set columns=temp log.csv"),
           0, "columns", NULL);
}

int main(void)
{
    static const unit_test tests[] = {
        {"rows of a file, for people and programs", test_formats},
        {"what is said of a file", test_words},
        {"folders, patterns, several files", test_several},
        {"what cannot be scored", test_refused},
        {"standard input and pipes", test_input},
        {"a pipe that nobody writes into", test_alone},
        {"by the model a run has kept", test_run},
        {"runs whose services are gone", test_run_gone},
        {"inspect", test_inspect},
        {"inspect: what columns are", test_inspect_columns},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("pilot_score", tests);
    scratch_remove();
    return status;
}
