/* test_values.c - every row with its own time and the values that were sensed.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "src/answer/pass.h"
#include "src/common/file.h"
#include "src/common/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { PARTS = 2, BLOCKS = 12, POINTS = 10, D = 3 };

/* What the records of the test say of their rows. */
static struct {
    const char *times, *scale, *columns, *others; /* of the second partition */
    bool asked;  /* the source is asked, and no header says it */
    int points;  /* of a block, 0: POINTS */
    bool files;  /* they are rows of a file */
    bool masked; /* value 1 of each block's row 3 is infinite */
} say;

typedef struct made {
    source_reader base;
    int32_t partition;
    int64_t next;
} made;

static made *made_of(source_reader *s)
{
    return (made *)s;
}

static int made_assign(source_reader *s, const broker_position *p, size_t n,
                       pe_error *errp)
{
    (void)n;
    (void)errp;
    made_of(s)->partition = p->partition;
    made_of(s)->next = p->offset;
    return 0;
}

static double value(int32_t part, int64_t block, uint32_t i, uint32_t k)
{
    return (double)((part * 7 + block * 31 + i * 17 + k * k * 5) % 101);
}

static source_text text_of(const char *s)
{
    return s ? (source_text){s, strlen(s)} : (source_text){0};
}

static source_said said_of(int32_t partition)
{
    return (source_said){
        .times = text_of(say.times),
        .scale = text_of(say.scale),
        .columns = text_of(partition && say.others ? say.others : say.columns)};
}

static source_said made_said(source_reader *s, const source_item *r)
{
    CU_ASSERT_EQUAL(made_of(s)->partition, r->block.partition);
    return say.asked ? said_of(r->block.partition) : r->said;
}

static int made_fetch(source_reader *s, size_t which, source_item *r,
                      pe_error *errp)
{
    made *m = made_of(s);
    pe_block *b = &r->block;
    int64_t o = m->next++;
    uint32_t n = say.points ? (uint32_t)say.points : POINTS;

    (void)which;
    if (o >= BLOCKS)
        return 0;
    if (pe_block_reserve(b, n, D, PE_F8, errp) < 0)
        return -1;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < D; k++)
            ((double *)b->data)[i * D + k] = value(m->partition, o, i, k);
    if (say.masked)
        ((double *)b->data)[3 * D + 1] = INFINITY;
    b->device = r->text;
    snprintf(r->text, 64, "dev-%d", (int)m->partition);
    b->topic = "topic";
    b->partition = m->partition;
    b->offset = o;
    b->boot = 1;
    b->seq = (uint64_t)o;
    b->has_seq = 1;
    b->sense_ns = 5000 + o;
    b->source = NULL;
    if (say.files) {
        snprintf(r->text + 64, 64, "f.csv:%d", (int)o * 100);
        b->source = r->text + 64;
    }
    r->said = say.asked ? (source_said){0} : said_of(m->partition);
    r->bad.kind = PE_ERROR_NONE;
    return 1;
}

static void made_release(source_reader *s, source_item *r)
{
    (void)s;
    (void)r;
}

static void made_wait(source_reader *s, int timeout_ms)
{
    (void)s;
    (void)timeout_ms;
}

static int64_t made_end(source_reader *s, int32_t partition)
{
    (void)partition;
    return made_of(s)->next > BLOCKS ? BLOCKS : -1;
}

static void made_close(source_reader *s)
{
    free(s);
}

static const source_ops made_ops = {
    .assign = made_assign,
    .fetch = made_fetch,
    .release = made_release,
    .said = made_said,
    .wait = made_wait,
    .end = made_end,
    .close = made_close,
};

static source_reader *made_open(void *arg, int32_t partition, pe_error *errp)
{
    made *m = calloc(1, sizeof(*m));

    (void)arg;
    (void)errp;
    m->base.ops = &made_ops;
    m->partition = partition;
    return &m->base;
}

/* Of columns whose spreads are as [widths] apart. */
static pe_buffer make_model(const double widths[D])
{
    pe_options *o = pe_model_options("kmeans", NULL);
    pe_buffer file = {0};
    pe_model *m;
    pe_delta *d;
    pe_block b = {0};

    pe_options_set(o, "clusters", "3", NULL);
    m = pe_model_create("kmeans", o, D, NULL);
    d = pe_delta_create(m, NULL);
    pe_block_reserve(&b, 300, D, PE_F8, NULL);
    for (int i = 0; i < 300 * D; i++)
        ((double *)b.data)[i] = (i * 37 % 90) * widths[i % D];
    CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, NULL), 0);
    CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_encode(m, &file, NULL), 0);
    pe_block_release(&b);
    pe_delta_destroy(d);
    pe_model_destroy(m);
    pe_options_destroy(o);
    return file;
}

/* --- a pass --- */

static const double alike[D] = {1, 1, 1}, one[D] = {1, 1000, 1};
static const pipeline no_stages;

typedef struct wish {
    uint64_t bytes;
    int threads;
    bool standardised;
    const double *widths;
    const pipeline *pl; /* NULL: without stages */
    const char *what;   /* a file's name */
} wish;

/* Answers into [a]; the caller closes them. */
static void pass(const wish *w, answers *a)
{
    char *folder = text_format("%s/values", scratch_folder);
    pe_buffer model = make_model(w->widths ? w->widths : alike);
    json_t *info = json_pack("{s:[], s:s}", "notes", "run", "r1");
    lane_conf lanes[PARTS];
    pe_model *m = pe_model_decode(model.data, model.len, NULL);
    const pass_conf c = {.folder = folder,
                         .model = model.data,
                         .model_len = model.len,
                         .threshold = (double)NAN,
                         .lanes = lanes,
                         .n_lanes = PARTS,
                         .threads = w->threads ? w->threads : 2,
                         .values_bytes = w->bytes,
                         .info = info};
    pe_error e = {0};

    for (int p = 0; p < PARTS; p++) {
        lanes[p] = (lane_conf){
            .open = made_open,
            .stages = {.pl = w->pl ? w->pl : &no_stages, .run = "r1", .m = m},
            .staged = w->pl != NULL,
            .features = D,
            .partition = p,
            .standardised = w->standardised,
            .what = w->what,
            .end = -1};
    }
    CU_ASSERT_EQUAL(pass_run(&c, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL_FATAL(answers_open(folder, a, &e), 0);
    pe_model_destroy(m);
    json_decref(info);
    pe_buffer_free(&model);
    free(folder);
}

/* The notes of [a], a line each. */
static const char *notes_of(const answers *a)
{
    static char out[2000];
    const json_t *note;
    size_t i, at = 0;

    out[0] = '\0';
    json_array_foreach(json_object_get(a->info, "notes"), i, note) at +=
        (size_t)snprintf(out + at, sizeof(out) - at, "%s\n",
                         json_string_value(note));
    return out;
}

static void check_values(const answers *a, const double shift[D],
                         const double scale[D])
{
    for (uint64_t i = 0; i < a->n; i++) {
        const answer_row *r = &a->rows[i];
        const double *v = answers_values(a, i);

        CU_ASSERT_PTR_NOT_NULL_FATAL(v);
        for (uint32_t k = 0; k < D; k++)
            CU_ASSERT_DOUBLE_EQUAL(v[k],
                                   shift[k] + scale[k] * value(r->partition,
                                                               r->offset,
                                                               r->point, k),
                                   1e-12);
    }
}

static const double zero[D] = {0, 0, 0}, unit[D] = {1, 1, 1};

/* Of every row, the same for any number of threads. */
static void test_all(void)
{
    char *path = text_format("%s/values/values.npy", scratch_folder);
    char *first = NULL;
    size_t len = 0, first_len = 0;

    memset(&say, 0, sizeof(say));
    say.columns = "temp\thum\twind";
    for (int threads = 1; threads <= 4; threads++) {
        answers a;
        char *data;

        say.asked = threads % 2;
        pass(&(const wish){.threads = threads}, &a);
        CU_ASSERT_EQUAL(a.n, PARTS * BLOCKS * POINTS);
        CU_ASSERT_EQUAL(a.n_values, D);
        CU_ASSERT_PTR_NOT_NULL(a.all);
        check_values(&a, zero, unit);
        UNIT_EQUAL(answers_column(&a, 0), "temp");
        UNIT_EQUAL(answers_column(&a, 2), "wind");
        CU_ASSERT_PTR_NULL(answers_column(&a, 3));
        UNIT_EQUAL(notes_of(&a), "");
        data = file_read(path, 1 << 20, &len, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(data);
        if (first) {
            CU_ASSERT_EQUAL(len, first_len);
            CU_ASSERT_EQUAL(memcmp(first, data, len), 0);
            free(data);
        } else {
            first = data;
            first_len = len;
        }
        answers_close(&a);
    }
    free(first);
    free(path);
}

/* Where they find no room only the highest have some, and that is said. */
static void test_bound(void)
{
    static const struct {
        uint64_t bytes;
        bool all;
    } rows[] = {{PARTS * BLOCKS * POINTS * D * 8, true},
                {PARTS * BLOCKS * POINTS * D * 8 - 1, false},
                {1, false}};

    memset(&say, 0, sizeof(say));
    say.columns = "a\tb\tc";
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *path = text_format("%s/values/values.npy", scratch_folder);
        answers a;

        pass(&(const wish){.bytes = rows[i].bytes}, &a);
        CU_ASSERT_EQUAL(a.all != NULL, rows[i].all);
        CU_ASSERT_EQUAL(access(path, F_OK), rows[i].all ? 0 : -1);
        CU_ASSERT_PTR_NOT_NULL(answers_values(&a, a.top[0]));
        UNIT_EQUAL(answers_column(&a, 1), "b");
        if (rows[i].all)
            UNIT_EQUAL(notes_of(&a), "");
        else
            UNIT_EQUAL(notes_of(&a),
                       "values are kept of the 240 highest rows alone: those "
                       "of all 240 would take more than 0 MiB\n");
        answers_close(&a);
        free(path);
    }
}

/* --- times --- */

static void test_times(void)
{
    static const struct {
        const char *times;
        int64_t first, fourth;
        const char *note;
    } rows[] = {
        {"100/7", 100, 121, ""},
        {"100/10:1*4,0*5", 100, 130, ""},
        {NULL, 5000, 5000, ""},
        {"100/10:1*4", 5000, 5000,
         "24 blocks have a header pe_times or pe_scale that cannot be read: it "
         "is as if it were not there\n"},
        {"", 5000, 5000,
         "24 blocks have a header pe_times or pe_scale that cannot be read: it "
         "is as if it were not there\n"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        answers a;

        memset(&say, 0, sizeof(say));
        say.times = rows[i].times;
        pass(&(const wish){0}, &a);
        CU_ASSERT_EQUAL(a.rows[0].time_ns, rows[i].first);
        CU_ASSERT_EQUAL(a.rows[3].time_ns, rows[i].fourth);
        UNIT_EQUAL(notes_of(&a), rows[i].note);
        answers_close(&a);
    }
}

/* Rows of a file have the time that the file says, or none. */
static void test_file_times(void)
{
    answers a;

    memset(&say, 0, sizeof(say));
    pass(&(const wish){.what = "f.csv"}, &a);
    CU_ASSERT_EQUAL(a.rows[0].time_ns, 0);
    answers_close(&a);
    say.times = "100/7";
    pass(&(const wish){.what = "f.csv"}, &a);
    CU_ASSERT_EQUAL(a.rows[1].time_ns, 107);
    answers_close(&a);
}

/* --- values that were scaled --- */

static void test_scale(void)
{
    static const double shift[D] = {5, -7, 0.5}, scale[D] = {2, 10, 0.25};
    answers a;

    memset(&say, 0, sizeof(say));
    say.scale = "5:2,-7:10,0.5:0.25";
    pass(&(const wish){.standardised = true}, &a);
    check_values(&a, shift, scale);
    UNIT_EQUAL(notes_of(&a),
               "values are as they were sensed: what 'standardise' of the "
               "devices made of them is undone\n");
    answers_close(&a);
    /* A row that is masked was not scaled. */
    say.masked = true;
    pass(&(const wish){.standardised = true}, &a);
    CU_ASSERT_EQUAL(a.rows[3].label, ANSWER_MASKED);
    CU_ASSERT_EQUAL(answers_values(&a, 3)[0], value(0, 0, 3, 0));
    CU_ASSERT(isinf(answers_values(&a, 3)[1]));
    CU_ASSERT_EQUAL(answers_values(&a, 4)[0], 5 + 2 * value(0, 0, 4, 0));
    answers_close(&a);
    /* Records that do not say it. */
    memset(&say, 0, sizeof(say));
    pass(&(const wish){.standardised = true}, &a);
    check_values(&a, zero, unit);
    UNIT_EQUAL(notes_of(&a),
               "24 blocks have the values that 'standardise' of "
               "the devices made: their records do not say how\n");
    answers_close(&a);
    say.scale = "5:2,-7:10";
    pass(&(const wish){0}, &a);
    UNIT_CONTAINS(notes_of(&a), "24 blocks have a header pe_times or pe_scale");
    answers_close(&a);
}

/* --- names --- */

static void test_names(void)
{
    static const struct {
        const char *columns, *others, *first, *note;
    } rows[] = {
        {"a\tb\tc", NULL, "a", ""},
        {"a\tb\tc", "a\tb\tc", "a", ""},
        {"a\tb\tc", "a\tb\td", "a",
         "not all records call the columns alike: the names are those of the "
         "first one\n"},
        {NULL, "a\tb\tc", "a", ""},
        {"a\tb", NULL, NULL, ""}, /* of other columns */
        {"a\tb\tc\td", NULL, NULL, ""},
        {NULL, NULL, NULL, ""},
        {"\xff\tb\tc", NULL, "?", ""},
        {"\tb\tc", NULL, "", ""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        answers a;

        memset(&say, 0, sizeof(say));
        say.columns = rows[i].columns;
        say.others = rows[i].others;
        pass(&(const wish){0}, &a);
        if (rows[i].first)
            UNIT_EQUAL(answers_column(&a, 0), rows[i].first);
        else
            CU_ASSERT_PTR_NULL(answers_column(&a, 0));
        UNIT_EQUAL(notes_of(&a), rows[i].note);
        answers_close(&a);
    }
}

/* Stages of the pool: [stage] as YAML. */
static pipeline *load(const char *stage)
{
    char yaml[1000];
    pe_error e = {0};
    pipeline *p;

    snprintf(yaml, sizeof(yaml),
             "version: 1\npipeline: p\npilots: {pool: {kind: pool}}\n"
             "stages:\n  sense: {pilot: pool, function: generator}\n"
             "  more: {pilot: pool, %s}\n"
             "  learn: {pilot: pool, function: kmeans}\n",
             stage);
    scratch_write("p.yaml", yaml);
    p = pipeline_load(scratch_path, NULL, 0, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

/* What the pool makes of rows does not show; where it joins them it does. */
static void test_behind(void)
{
    static const double widths[D] = {1, 1, 1000};
    pipeline *p = load("function: select, options: {columns: \"2,1,0\"}");
    answers a;

    memset(&say, 0, sizeof(say));
    say.columns = "a\tb\tc";
    say.times = "100/7";
    pass(&(const wish){.pl = p}, &a);
    check_values(&a, zero, unit);
    UNIT_EQUAL(answers_column(&a, 0), "a");
    CU_ASSERT_EQUAL(a.rows[3].time_ns, 121);
    answers_close(&a);
    /* The model's column 2 is the first that is sensed. */
    pass(&(const wish){.pl = p, .widths = widths}, &a);
    UNIT_CONTAINS(notes_of(&a), "column 2 ('a') had ");
    answers_close(&a);
    pipeline_destroy(p);
    p = load("function: aggregate, options: {rows: 5, what: max}");
    pass(&(const wish){.pl = p}, &a);
    CU_ASSERT_EQUAL(a.n, PARTS * BLOCKS * 2);
    UNIT_EQUAL(answers_column(&a, 1), "b_max");
    CU_ASSERT_EQUAL(a.rows[1].time_ns, 5000); /* of its block */
    UNIT_CONTAINS(notes_of(&a), "rows were joined or left out");
    for (uint32_t k = 0; k < D; k++) {
        double most = 0;

        for (uint32_t i = 0; i < 5; i++)
            most = fmax(most, value(0, 0, i, k));
        CU_ASSERT_EQUAL(answers_values(&a, 0)[k], most);
    }
    answers_close(&a);
    pipeline_destroy(p);
}

/* Rows that the pool has left have their own times, and what was sensed. */
static void test_kept(void)
{
    pipeline *p = load("function: filter, options: {keep: inliers, threshold: "
                       "40}");
    answers a;

    memset(&say, 0, sizeof(say));
    say.columns = "a\tb\tc";
    say.times = "100/7";
    say.scale = "5:2,-7:10,0.5:0.25";
    say.files = true;
    pass(&(const wish){.pl = p}, &a);
    CU_ASSERT(a.n > 0 && a.n < PARTS * BLOCKS * POINTS);
    for (uint64_t i = 0; i < a.n; i++) {
        const answer_row *r = &a.rows[i];
        uint32_t row = (uint32_t)(r->row - r->offset * 100);

        CU_ASSERT_FATAL(row < POINTS);
        CU_ASSERT_EQUAL(r->time_ns, 100 + 7 * row);
        CU_ASSERT_EQUAL(answers_values(&a, i)[0],
                        5 + 2 * value(r->partition, r->offset, row, 0));
    }
    UNIT_EQUAL(answers_column(&a, 0), "a");
    answers_close(&a);
    pipeline_destroy(p);
    /* Rows that are joined have the time of the last. */
    p = load("function: aggregate, options: {rows: 5}");
    pass(&(const wish){.pl = p}, &a);
    CU_ASSERT_EQUAL(a.rows[0].time_ns, 100 + 7 * 4);
    CU_ASSERT_EQUAL(a.rows[1].time_ns, 100 + 7 * 9);
    CU_ASSERT_EQUAL(a.rows[1].row, 5);
    answers_close(&a);
    pipeline_destroy(p);
}

/* --- one column for all --- */

static void test_dominated(void)
{
    answers a;

    memset(&say, 0, sizeof(say));
    say.columns = "temp\tpress\twind";
    pass(&(const wish){.widths = one}, &a);
    UNIT_EQUAL(
        notes_of(&a),
        "column 1 ('press') had 100% of the variance when the model "
        "began: the distances of kmeans are those of this column; so "
        "that all 3 count, put a stage in front of it, as scale: {pilot: "
        "pool, function: standardise}\n");
    answers_close(&a);
    say.columns = NULL;
    pass(&(const wish){.widths = one}, &a);
    UNIT_CONTAINS(notes_of(&a), "column 1 had 100% of the variance");
    answers_close(&a);
}

static void test_weigh(void)
{
    static const struct {
        double widths[D];
        const char *want;
    } rows[] = {
        {{1, 1, 1}, ""},
        {{1, 10, 1}, ""}, /* 98% */
        {{1, 15, 1}, "column 1 had 99.12% of the variance"},
        {{1e-5, 1e-5, 1e-3}, "column 2 had 99.98% of the variance"},
        {{1, 0, 0}, ""}, /* the others do not move at all */
        {{1e4, 0, 1}, "column 0 had 100% of the variance"},
        {{1e30, 1e30, 1}, ""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_buffer b = make_model(rows[i].widths);
        pe_model *m = pe_model_decode(b.data, b.len, NULL);
        char words[512] = "";

        CU_ASSERT_PTR_NOT_NULL_FATAL(m);
        CU_ASSERT_EQUAL(pe_model_dominated(m, NULL, words, sizeof(words)),
                        *rows[i].want != '\0');
        UNIT_CONTAINS(words, rows[i].want);
        pe_model_destroy(m);
        pe_buffer_free(&b);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"values of all rows", test_all},
        {"values: no more than there is room for", test_bound},
        {"times of rows", test_times},
        {"times of a file's rows", test_file_times},
        {"values that devices have scaled", test_scale},
        {"names of columns", test_names},
        {"values behind stages of the pool", test_behind},
        {"rows that stages of the pool have kept", test_kept},
        {"a column that outweighs all others", test_dominated},
        {"how columns are weighed", test_weigh},
        {0},
    };

    scratch_make();
    int status = unit_main("values", tests);
    scratch_remove();
    return status;
}
