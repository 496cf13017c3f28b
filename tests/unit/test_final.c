/* test_final.c - rows of files, and of a run without services, by a model. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"
#include "src/answer/answer.h"
#include "src/answer/final.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/function/host.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { ROWS = 250, BLOCK = 100 };

/* Row 117, when k-means is fitted to all. */
#define ALONE                                                             \
    "rows that had a centre as good as to themselves when the model was " \
    "fitted, and were left out then: 1\n"

static char at[8][400];

/* SCRATCH/name; eight of them at a time. */
static const char *in_scratch(const char *name)
{
    static int turn;
    char *to = at[turn++ % 8];

    snprintf(to, sizeof(at[0]), "%s/%s", scratch_folder, name);
    return to;
}

static void put(const char *name, const void *data, size_t len)
{
    pe_error e = {0};

    CU_ASSERT_EQUAL(file_write(in_scratch(name), data, len, 0600, &e), 0);
    UNIT_EQUAL(e.text, "");
}

static void put_text(const char *name, const char *words)
{
    put(name, words, strlen(words));
}

/* --- a file, a model, a run --- */

/* Three columns, a row a minute; row 117 is far off, row 42 has no value. */
static void make_rows(const char *name)
{
    text t = {0};

    text_add(&t, "when,temp,hum,press\n");
    for (int i = 0; i < ROWS; i++) {
        text_add(&t, "2026-11-29 %02d:%02d:00,", i / 60, i % 60);
        if (i == 42)
            text_add(&t, ",1,2\n");
        else
            text_add(&t, "%g,%g,%g\n", i == 117 ? 500.0 : i % 7, i % 11 * 1.0,
                     i % 13 * 1.0);
    }
    put(name, t.data, t.len);
    text_free(&t);
}

/* k-means of [features] columns that has learned, or waits for more rows. */
static void make_model(const char *name, const char *kind, uint32_t features,
                       bool warm)
{
    pe_options *o = pe_model_options(kind, NULL);
    pe_buffer file = {0};
    pe_model *m;
    pe_delta *d;
    pe_block b = {0};

    if (!strcmp(kind, "kmeans"))
        pe_options_set(o, "clusters", "3", NULL);
    pe_options_set(o, "contamination", "0.01", NULL);
    m = pe_model_create(kind, o, features, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    d = pe_delta_create(m, NULL);
    pe_block_reserve(&b, warm ? 300 : 3, features, PE_F8, NULL);
    for (uint32_t i = 0; i < b.points * features; i++)
        ((double *)b.data)[i] = i * 7 % 13;
    CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, NULL), 0);
    CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
    m->version = 4;
    snprintf(m->commit, sizeof(m->commit), "c0ffee");
    CU_ASSERT_EQUAL(pe_model_encode(m, &file, NULL), 0);
    put(name, file.data, file.len);
    pe_buffer_free(&file);
    pe_block_release(&b);
    pe_delta_destroy(d);
    pe_model_destroy(m);
    pe_options_destroy(o);
}

/* A local run in folder [run] that has read rows.csv: [more] of its stages. */
static void make_run(const char *run, const char *more, const char *learn)
{
    char words[1500], name[64];

    snprintf(name, sizeof(name), "%s", run);
    mkdir(in_scratch(name), 0700);
    snprintf(name, sizeof(name), "%s/pool", run);
    mkdir(in_scratch(name), 0700);
    snprintf(words, sizeof(words),
             "version: 1\npipeline: p\npilots: {pool: {kind: pool}}\nstages:\n"
             "  sense: {pilot: pool, function: file, block: {points: %d},\n"
             "          options: {path: \"%s\"}}\n%s"
             "  learn: {pilot: pool, function: %s}\n",
             BLOCK, in_scratch("rows.csv"), more, learn);
    snprintf(name, sizeof(name), "%s/pipeline.yaml", run);
    put_text(name, words);
    snprintf(name, sizeof(name), "%s/request.json", run);
    snprintf(words, sizeof(words),
             "{\"schema\": 1, \"run\": \"%s\", \"file\": \"pipeline.yaml\", "
             "\"overrides\": []}",
             run);
    put_text(name, words);
    snprintf(name, sizeof(name), "%s/pool/final.json", run);
    put_text(name, "{\"offsets\": [3], \"blocks\": 3, \"points\": 249}");
    snprintf(name, sizeof(name), "%s/pool/model.safetensors", run);
    make_model(name, "kmeans", 3, true);
}

static int told;

static void tell(void *arg, uint64_t rows, double share)
{
    CU_ASSERT_PTR_EQUAL(arg, &told);
    CU_ASSERT(rows <= ROWS);
    CU_ASSERT(share <= 1);
    told++;
}

static final_conf conf_of(const char *run, const char *model)
{
    final_conf c = {.progress = tell, .arg = &told};

    c.run = run;
    c.model = model;
    return c;
}

/* The notes of [a], a line each. */
static const char *notes_of(const answers *a)
{
    static char out[2000];
    const json_t *note;
    size_t i, len = 0;

    out[0] = '\0';
    json_array_foreach(json_object_get(a->info, "notes"), i, note) len +=
        (size_t)snprintf(out + len, sizeof(out) - len, "%s\n",
                         json_string_value(note));
    return out;
}

static const char *word_of(const answers *a, const char *key)
{
    const char *s = json_string_value(json_object_get(a->info, key));

    return s ? s : "";
}

/* Rows of rows.csv, whoever has scored them. */
static void check_rows(const answers *a)
{
    CU_ASSERT_EQUAL_FATAL(a->n, ROWS);
    CU_ASSERT_EQUAL(a->n_values, 3);
    UNIT_EQUAL(answers_column(a, 0), "temp");
    UNIT_EQUAL(answers_column(a, 2), "press");
    for (int i = 0; i < ROWS; i++) {
        const answer_row *r = &a->rows[i];

        CU_ASSERT_EQUAL(r->row, i);
        CU_ASSERT_EQUAL(r->time_ns,
                        (INT64_C(1795910400) + 60 * i) * INT64_C(1000000000));
        CU_ASSERT_EQUAL(r->label == ANSWER_MASKED, i == 42);
        if (i == 117)
            CU_ASSERT_EQUAL(r->label, ANSWER_OUTLIER);
        CU_ASSERT_EQUAL(answers_values(a, (uint64_t)i)[1],
                        i == 42 ? 1 : i % 11);
    }
    CU_ASSERT_EQUAL(a->top[0], 117);
    CU_ASSERT_EQUAL(answers_values(a, 117)[0], 500);
}

/* --- files by a model --- */

static void test_files(void)
{
    char *files[] = {(char *)in_scratch("rows.csv"), NULL};
    final_conf c = conf_of(NULL, in_scratch("m.st"));
    pe_error e = {0};
    answers a;

    make_rows("rows.csv");
    make_model("m.st", "kmeans", 3, true);
    c.out = in_scratch("out");
    c.files = files;
    c.n_files = 1;
    CU_ASSERT_EQUAL(final_files(&c, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT(told > 0);
    CU_ASSERT_EQUAL_FATAL(answers_open(c.out, &a, &e), 0);
    check_rows(&a);
    UNIT_EQUAL(word_of(&a, "threshold_from"), "that of the model, version 4");
    UNIT_EQUAL(answers_source(&a, a.rows[0].source), in_scratch("rows.csv"));
    UNIT_EQUAL(answers_device(&a, a.rows[0].device), "");
    UNIT_EQUAL(notes_of(&a), "");
    answers_close(&a);
}

/* Two files, each from its own first row on, with options for both. */
static void test_two_files(void)
{
    char *files[2], *set[] = {"header=yes", "exclude=\"x\""};
    final_conf c = conf_of(NULL, in_scratch("m.st"));
    pe_error e = {0};
    answers a;

    put_text("one.csv", "a,x,b,c\n1,9,2,3\n4,9,5,6\n");
    put_text("two.csv", "a,x,b,c\n7,9,8,9\n");
    files[0] = strdup(in_scratch("one.csv"));
    files[1] = strdup(in_scratch("two.csv"));
    c.out = in_scratch("out");
    c.files = files;
    c.n_files = 2;
    c.set = set;
    c.n_set = 2;
    CU_ASSERT_EQUAL(final_files(&c, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL_FATAL(answers_open(c.out, &a, &e), 0);
    CU_ASSERT_EQUAL_FATAL(a.n, 3);
    CU_ASSERT_EQUAL(a.rows[1].row, 1);
    CU_ASSERT_EQUAL(a.rows[2].row, 0);
    UNIT_EQUAL(answers_source(&a, a.rows[2].source), files[1]);
    CU_ASSERT_EQUAL(answers_values(&a, 2)[1], 8);
    answers_close(&a);
    free(files[0]);
    free(files[1]);
}

static void test_bad_files(void)
{
    static const struct {
        const char *file, *rows; /* NULL: there is none */
        const char *set;
        const char *text;
        enum pe_exit exit_code;
    } rows[] = {
        {"wide.csv", "a,b,c,d\n1,2,3,4\n", NULL,
         "wide.csv has 4 columns, the model was made for 3", PE_EXIT_DATA},
        {"gone.csv", NULL, NULL, "gone.csv", PE_EXIT_DATA},
        {"empty.csv", "", NULL, "empty.csv: no row of it can be learned from",
         PE_EXIT_DATA},
        {"text.csv", "a,b\nx,y\nz,w\n", NULL, "text.csv: no row", PE_EXIT_DATA},
        {"odd.csv", "a,b,c\n1,2,3\n", "heder=yes", "heder", PE_EXIT_CONFIG},
        {"odd.csv", "a,b,c\n1,2,3\n", "columns=q", "columns: 'q'",
         PE_EXIT_CONFIG},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *files[] = {strdup(in_scratch(rows[i].file))};
        char *set[] = {(char *)(uintptr_t)rows[i].set};
        final_conf c = conf_of(NULL, in_scratch("m.st"));
        pe_error e = {0};

        if (rows[i].rows)
            put_text(rows[i].file, rows[i].rows);
        c.out = in_scratch("bad");
        c.files = files;
        c.n_files = 1;
        c.set = set;
        c.n_set = rows[i].set != NULL;
        CU_ASSERT_EQUAL(final_files(&c, &e), -1);
        UNIT_CONTAINS(e.text, rows[i].text);
        CU_ASSERT_EQUAL(access(c.out, F_OK), -1); /* nothing of it stays */
        free(files[0]);
    }
}

static void test_bad_models(void)
{
    static const struct {
        const char *name, *text;
        enum pe_exit exit_code;
    } rows[] = {
        {"none.st", "none.st", PE_EXIT_CONFIG},
        {"empty.st", "is no model: it is empty", PE_EXIT_DATA},
        {"torn.st", "not a model file", PE_EXIT_DATA},
        {"cold.st",
         "is still warming up after 3 rows: it needs more of them, or a "
         "smaller `warmup`",
         PE_EXIT_DATA},
        {"audit.st", "is of kind audit, which gives no scores", PE_EXIT_CONFIG},
    };
    char *files[] = {strdup(in_scratch("rows.csv"))};

    put_text("empty.st", "");
    put_text("torn.st", "something else, which is longer than a length");
    make_model("cold.st", "kmeans", 3, false);
    make_model("audit.st", "audit", 3, true);
    for (size_t i = 0; i < COUNT(rows); i++) {
        final_conf c = conf_of(NULL, in_scratch(rows[i].name));
        pe_error e = {0};

        c.out = in_scratch("bad");
        c.files = files;
        c.n_files = 1;
        CU_ASSERT_EQUAL(final_files(&c, &e), -1);
        UNIT_CONTAINS(e.text, rows[i].text);
        if (i > 0)
            CU_ASSERT_EQUAL(e.exit_code, rows[i].exit_code);
    }
    free(files[0]);
}

/* --- a run without services --- */

static void test_run(void)
{
    char *run = strdup(in_scratch("r1")), *files[1];
    final_conf c = conf_of(run, NULL);
    char *folder = strdup(in_scratch("r1/results"));
    pe_error e = {0};
    answers a;

    make_run("r1", "", "kmeans");
    CU_ASSERT_EQUAL(final_run(&c, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL_FATAL(answers_open(folder, &a, &e), 0);
    check_rows(&a);
    UNIT_EQUAL(word_of(&a, "run"), "r1");
    UNIT_EQUAL(word_of(&a, "threshold_from"),
               "exact for contamination 0.01 over all 249 scores");
    UNIT_EQUAL(answers_device(&a, a.rows[0].device), "sense-0");
    UNIT_EQUAL(notes_of(&a), ALONE);
    answers_close(&a);
    CU_ASSERT_EQUAL(access(in_scratch("r1/model.safetensors"), R_OK), 0);
    /* A file of others by its model: the exact threshold, and its options. */
    put_text("new.csv", "when,temp,hum,press\n2026-11-30 00:00:00,400,1,2\n");
    files[0] = strdup(in_scratch("new.csv"));
    c.files = files;
    c.n_files = 1;
    c.out = in_scratch("out");
    CU_ASSERT_EQUAL(final_files(&c, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL_FATAL(answers_open(c.out, &a, &e), 0);
    CU_ASSERT_EQUAL(a.n, 1);
    CU_ASSERT_EQUAL(a.rows[0].label, ANSWER_OUTLIER);
    UNIT_EQUAL(word_of(&a, "threshold_from"), "that of the answers of run r1");
    answers_close(&a);
    free(files[0]);
    free(folder);
    free(run);
}

/* Behind a stage of the pool: values are those of the file. */
static void test_stages(void)
{
    static const struct {
        const char *stage, *note;
        uint64_t rows;
    } rows[] = {
        {"  scale: {pilot: pool, function: standardise}\n", "", ROWS},
        {"  pick: {pilot: pool, function: select, options: {columns: "
         "\"2,1,0\"}}\n",
         "", ROWS},
        {"  watch: {pilot: pool, function: drift, options: {on: \"1\"}}\n", "",
         ROWS},
        {"  join: {pilot: pool, function: aggregate, options: {rows: 10}}\n",
         "and 25 rows in 3 blocks were scored again", 25},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char name[8], *run, *folder;
        final_conf c;
        pe_error e = {0};
        answers a;

        snprintf(name, sizeof(name), "s%zu", i);
        make_run(name, rows[i].stage, "kmeans");
        run = strdup(in_scratch(name));
        folder = text_format("%s/results", run);
        c = conf_of(run, NULL);
        CU_ASSERT_EQUAL(final_run(&c, &e), 0);
        UNIT_EQUAL(e.text, "");
        CU_ASSERT_EQUAL_FATAL(answers_open(folder, &a, &e), 0);
        CU_ASSERT_EQUAL(a.n, rows[i].rows);
        UNIT_CONTAINS(notes_of(&a), rows[i].note);
        if (rows[i].rows == ROWS) {
            CU_ASSERT_EQUAL(answers_values(&a, 8)[0], 1);
            CU_ASSERT_EQUAL(answers_values(&a, 117)[0], 500);
            UNIT_EQUAL(answers_column(&a, 0), "temp");
        } else {
            UNIT_EQUAL(answers_column(&a, 0), "temp_mean");
        }
        answers_close(&a);
        free(folder);
        free(run);
    }
}

/* What is not what the run has learned from is said, or refused. */
static void test_changed(void)
{
    static const char less[] = "{\"offsets\": [2], \"blocks\": 3, \"points\": "
                               "249}";
    char *run = strdup(in_scratch("r2"));
    final_conf c = conf_of(run, NULL);
    pe_error e = {0};
    answers a;

    make_run("r2", "", "kmeans");
    put_text("r2/pool/final.json", less);
    CU_ASSERT_EQUAL(final_run(&c, &e), 0);
    CU_ASSERT_EQUAL_FATAL(answers_open(in_scratch("r2/results"), &a, &e), 0);
    UNIT_EQUAL(notes_of(&a),
               "the run learned from 249 rows in 3 blocks, and 199 rows in 2 "
               "blocks were scored again\n" ALONE);
    answers_close(&a);
    put_text("r2/pool/final.json",
             "{\"offsets\": [5], \"blocks\": 3, \"points\": 249}");
    CU_ASSERT_EQUAL(final_run(&c, &e), -1);
    UNIT_CONTAINS(e.text, "ends behind 3 blocks now, and the run has learned "
                          "from 5: it is not what it was");
    /* The answers of before stay. */
    CU_ASSERT_EQUAL_FATAL(answers_open(in_scratch("r2/results"), &a, &e), 0);
    answers_close(&a);
    free(run);
}

static void test_bad_runs(void)
{
    char *run = strdup(in_scratch("r3"));
    final_conf c = conf_of(run, NULL);
    pe_error e = {0};
    int fd;

    CU_ASSERT_EQUAL(final_run(&c, &e), -1); /* there is none */
    UNIT_CONTAINS(e.text, "r3/request.json");
    make_run("r3", "", "passthrough");
    e = (pe_error){0};
    CU_ASSERT_EQUAL(final_run(&c, &e), -1);
    UNIT_EQUAL(e.text, "run r3 has no model that scores rows (passthrough)");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    make_run("r3", "", "kmeans");
    unlink(in_scratch("r3/pool/model.safetensors"));
    e = (pe_error){0};
    CU_ASSERT_EQUAL(final_run(&c, &e), -1);
    UNIT_EQUAL(e.text, "run r3 has left no model: it did not come to its end");
    make_run("r3", "", "kmeans");
    fd =
        open(in_scratch("r3/results.lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CU_ASSERT_EQUAL_FATAL(flock(fd, LOCK_EX | LOCK_NB), 0);
    e = (pe_error){0};
    CU_ASSERT_EQUAL(final_run(&c, &e), -1);
    UNIT_EQUAL(e.text, "the rows of run r3 are being scored already");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_AGAIN);
    close(fd);
    CU_ASSERT_EQUAL(final_run(&c, &e), 0);
    free(run);
}

int main(void)
{
    static const unit_test tests[] = {
        {"a file by a model", test_files},
        {"two files", test_two_files},
        {"files that are none", test_bad_files},
        {"models that are none", test_bad_models},
        {"a run without services", test_run},
        {"a run behind stages", test_stages},
        {"a run whose source has changed", test_changed},
        {"runs that cannot be scored", test_bad_runs},
        {0},
    };

    scratch_make();
    int status = unit_main("final", tests);
    scratch_remove();
    return status;
}
