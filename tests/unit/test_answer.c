/* test_answer.c - all rows by one model: threshold, order, what is left out. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "src/answer/exact.h"
#include "src/answer/names.h"
#include "src/answer/pass.h"
#include "src/answer/top.h"
#include "src/common/drift.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/model/quantile.h"

/* --- the exact threshold --- */

static uint64_t seed;

static double uniform(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(seed >> 11) / 9007199254740992.0;
}

static double threshold_of(const float *x, size_t n, double share)
{
    uint64_t *lanes = calloc(EXACT_LANES, sizeof(*lanes));
    exact e;
    double t;

    for (size_t i = 0; i < n; i++)
        exact_count(lanes, x[i]);
    CU_ASSERT_EQUAL(exact_begin(&e, lanes, share), 0);
    for (size_t i = 0; i < n; i++)
        exact_look(&e, x[i]);
    t = exact_end(&e);
    exact_free(&e);
    free(lanes);
    return t;
}

/* As numpy.percentile has it, whatever the scores are. */
static void test_exact(void)
{
    static const double shares[] = {0.5, 0.1, 0.02, 0.001, 1e-6};
    enum { N = 3001 };
    float x[N];
    double v[N];

    seed = 7;
    for (int kind = 0; kind < 5; kind++) {
        for (int i = 0; i < N; i++) {
            double u = uniform();

            x[i] = (float)(kind == 0   ? u
                           : kind == 1 ? exp(80 * u - 40)
                           : kind == 2 ? floor(4 * u) /* ties */
                           : kind == 3 ? u - 0.5
                                       : 0.25);
        }
        for (size_t k = 0; k < sizeof(shares) / sizeof(shares[0]); k++) {
            for (int i = 0; i < N; i++)
                v[i] = (double)x[i];
            CU_ASSERT_DOUBLE_EQUAL(threshold_of(x, N, shares[k]),
                                   pe_quantile_exact(v, N, 1 - shares[k]),
                                   1e-12 * fabs(v[0]) + 1e-9 * 1e-3);
        }
    }
    x[0] = 3;
    CU_ASSERT_EQUAL(threshold_of(x, 1, 0.1), 3);
    CU_ASSERT(isnan(threshold_of(x, 0, 0.1)));
    x[0] = -0.0f;
    x[1] = 0.0f;
    CU_ASSERT_EQUAL(threshold_of(x, 2, 0.5), 0);
}

/* --- drift --- */

static uint64_t drift_at(double step, uint64_t when, double outliers)
{
    drift d = {0};

    seed = 3;
    for (uint64_t i = 0; i < 100000; i++) {
        double x = uniform() + uniform() + uniform();

        if (uniform() < outliers)
            x += 1000;
        if (i >= when)
            x += step;
        if (drift_take(&d, x))
            return i;
    }
    return UINT64_MAX;
}

static void test_drift(void)
{
    uint64_t at;

    CU_ASSERT_EQUAL(drift_at(0, 0, 0), UINT64_MAX);
    CU_ASSERT_EQUAL(drift_at(0, 0, 0.02), UINT64_MAX);
    at = drift_at(0.5, 50000, 0);
    CU_ASSERT(at >= 50000 && at < 50400);
    at = drift_at(-0.5, 50000, 0);
    CU_ASSERT(at >= 50000 && at < 50400);
}

/* --- names, top --- */

static void test_names(void)
{
    names t = {0};
    char name[32];

    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 1000; i++) {
            snprintf(name, sizeof(name), "device-%d", i);
            CU_ASSERT_EQUAL(names_take(&t, name), i);
        }
    for (int i = 1000; i < NAMES_MAX; i++) {
        snprintf(name, sizeof(name), "device-%d", i);
        names_take(&t, name);
    }
    CU_ASSERT_EQUAL(names_take(&t, "one too many"), -1);
    CU_ASSERT_EQUAL(names_take(&t, "device-7"), 7);
    CU_ASSERT_EQUAL(t.beyond, 1);
    names_clear(&t);
}

/* What is kept does not depend on the order it comes in. */
static void test_top(void)
{
    top a, b;

    CU_ASSERT_EQUAL(top_open(&a, 10, 1, NULL), 0);
    CU_ASSERT_EQUAL(top_open(&b, 10, 1, NULL), 0);
    for (int i = 0; i < 1000; i++) {
        int k = 999 - i;
        float x = (float)(i % 100), y = (float)(k % 100);

        if (top_wants(&a, x, 0, (uint64_t)i))
            *top_take(&a, x, 0, (uint64_t)i) = i;
        if (top_wants(&b, y, 0, (uint64_t)k))
            *top_take(&b, y, 0, (uint64_t)k) = k;
    }
    top_merge(&b, &a); /* the same once more: they are higher than none */
    top_sort(&a);
    CU_ASSERT_EQUAL(a.n, 10);
    for (int i = 0; i < 10; i++) {
        CU_ASSERT_EQUAL(a.row[i].score, 99);
        CU_ASSERT_EQUAL(a.row[i].at, 99 + 100 * (uint64_t)i);
        CU_ASSERT_EQUAL(a.values[a.row[i].slot], 99 + 100 * i);
    }
    top_free(&a);
    top_free(&b);
}

/* --- a pass --- */

enum { PARTS = 3, BLOCKS = 40, POINTS = 25, D = 3 };

/* A source that is made up: block o of partition p. */
typedef struct made {
    source_reader base;
    int32_t partition;
    int64_t next;
} made;

static bool deny; /* a source that cannot be opened */

static int made_assign(source_reader *s, const broker_position *p, size_t n,
                       pe_error *errp)
{
    made *m = (made *)s;

    CU_ASSERT_EQUAL(n, 1);
    if (deny)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "no such file");
    m->partition = p->partition;
    m->next = p->offset;
    return 0;
}

/* Offset 7 repeats 6, 9 cannot be read, 11 has another number of columns, and
 * of 13 one value is not finite.
 */
static int made_fetch(source_reader *s, size_t which, source_item *r,
                      pe_error *errp)
{
    made *m = (made *)s;
    pe_block *b = &r->block;
    int64_t o = m->next++;
    uint32_t d = o == 11 ? D + 1 : D;
    double *x;

    (void)which;
    if (o >= BLOCKS)
        return 0;
    if (pe_block_reserve(b, POINTS, d, PE_F8, errp) < 0)
        return -1;
    x = b->data;
    for (uint32_t i = 0; i < POINTS; i++)
        for (uint32_t k = 0; k < d; k++)
            x[i * d + k] =
                (double)((m->partition * 7 + o * 31 + i * 17 + k) % 101);
    if (o == 13)
        x[2] = (double)NAN;
    b->device = r->text;
    snprintf(r->text, 64, "dev-%d", (int)m->partition);
    b->topic = "topic";
    b->partition = m->partition;
    b->offset = o;
    b->boot = 1;
    b->seq = (uint64_t)(o == 7 ? 6 : o);
    b->has_seq = 1;
    b->sense_ns = 1000 + o;
    b->source = NULL;
    if (o % 2 == 0) {
        snprintf(r->text + 64, 64, "file-%d.csv:%d", (int)m->partition,
                 (int)o * 1000);
        b->source = r->text + 64;
    }
    r->bad.kind = o == 9 ? PE_ERROR_INPUT : PE_ERROR_NONE;
    snprintf(r->bad.text, sizeof(r->bad.text), "it is bad");
    return 1;
}

static source_said made_said(source_reader *s, const source_item *r)
{
    (void)s;
    (void)r;
    return (source_said){0};
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
    usleep(1000);
}

static int64_t made_end(source_reader *s, int32_t partition)
{
    (void)partition;
    return ((made *)s)->next > BLOCKS ? BLOCKS : -1;
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
    (void)partition;
    (void)errp;
    m->base.ops = &made_ops;
    return &m->base;
}

static pe_buffer the_model(void)
{
    pe_options *o = pe_model_options("kmeans", NULL);
    pe_buffer file = {0};
    pe_delta *d;
    pe_model *m;
    pe_block b = {0};

    pe_options_set(o, "clusters", "3", NULL);
    pe_options_set(o, "contamination", "0.05", NULL);
    m = pe_model_create("kmeans", o, D, NULL);
    d = pe_delta_create(m, NULL);
    pe_block_reserve(&b, 300, D, PE_F8, NULL);
    for (int i = 0; i < 300 * D; i++)
        ((double *)b.data)[i] = (i * 37) % 90;
    CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, NULL), 0);
    CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
    CU_ASSERT_FALSE(m->warming);
    CU_ASSERT_EQUAL(pe_model_encode(m, &file, NULL), 0);
    pe_block_release(&b);
    pe_delta_destroy(d);
    pe_model_destroy(m);
    pe_options_destroy(o);
    return file;
}

static int64_t blocks = BLOCKS; /* that the run has learned from */

/* One over all partitions, into [folder]. */
static int pass_of(const char *folder, int threads, bool ends, const char *what,
                   bool strict, pe_error *errp)
{
    pe_buffer model = the_model();
    static const pipeline pl;
    lane_conf lanes[PARTS];
    json_t *info =
        json_pack("{s:[s], s:s}", "notes", "said before", "run", "r1");
    const pass_expected expected = {PARTS * (BLOCKS - 3), 1};
    pass_conf c = {.folder = folder,
                   .model = model.data,
                   .model_len = model.len,
                   .threshold = (double)NAN,
                   .lanes = lanes,
                   .n_lanes = PARTS,
                   .threads = threads,
                   .expected = &expected,
                   .info = info};
    int rc;

    for (int p = 0; p < PARTS; p++)
        lanes[p] = (lane_conf){.open = made_open,
                               .stages = {.pl = &pl},
                               .features = D,
                               .partition = p,
                               .what = what,
                               .again = what != NULL,
                               .strict = strict,
                               .end = ends ? blocks : -1};
    rc = pass_run(&c, errp);
    json_decref(info);
    pe_buffer_free(&model);
    return rc;
}

static int pass_once(const char *folder, int threads, bool ends,
                     const char *what, pe_error *errp)
{
    return pass_of(folder, threads, ends, what, false, errp);
}

static long long count_of(const answers *a, const char *object, const char *key)
{
    const json_t *o = object ? json_object_get(a->info, object) : a->info;

    return (long long)json_integer_value(json_object_get(o, key));
}

/* Rows, in order, with where they are from; each block as the pool took it. */
static void test_pass(void)
{
    char *folder = text_format("%s/pass", scratch_folder);
    char *part = text_format("%s/pass.part", scratch_folder);
    char *torn = text_format("%s/pass.part/rows.npy", scratch_folder);
    size_t len = 0, first_len = 0;
    char *first = NULL;
    answers a;
    pe_error e = {0};

    for (int threads = 1; threads <= 4; threads++) {
        /* What a killed one has left is in nobody's way. */
        file_mkdir(part, NULL);
        file_write(torn, "torn", 4, 0600, NULL);
        CU_ASSERT_EQUAL(pass_once(folder, threads, threads % 2, NULL, &e), 0);
        UNIT_EQUAL(e.text, "");
        CU_ASSERT_EQUAL(access(part, F_OK), -1);
        CU_ASSERT_EQUAL_FATAL(answers_open(folder, &a, &e), 0);
        CU_ASSERT_EQUAL(a.n, PARTS * (BLOCKS - 3) * POINTS);
        CU_ASSERT_EQUAL(count_of(&a, "blocks", "scored"), PARTS * (BLOCKS - 3));
        CU_ASSERT_EQUAL(count_of(&a, "blocks", "refused"), PARTS * 2);
        CU_ASSERT_EQUAL(count_of(&a, "blocks", "repeated"), PARTS);
        CU_ASSERT_EQUAL(count_of(&a, NULL, "masked"), PARTS);
        CU_ASSERT_EQUAL(count_of(&a, NULL, "scored"), (long long)a.n - PARTS);
        for (uint64_t i = 0; i < a.n; i++) {
            const answer_row *r = &a.rows[i];

            CU_ASSERT_EQUAL(r->partition, (int32_t)(i / (a.n / PARTS)));
            CU_ASSERT(r->offset != 7 && r->offset != 9 && r->offset != 11);
            CU_ASSERT_EQUAL(r->point, i % POINTS);
            CU_ASSERT_EQUAL(r->time_ns, 1000 + r->offset);
            CU_ASSERT_EQUAL(r->device, r->partition);
            CU_ASSERT_EQUAL(r->source, r->offset % 2 ? -1 : r->partition);
            if (r->offset % 2 == 0)
                CU_ASSERT_EQUAL(r->row, r->offset * 1000 + r->point);
            CU_ASSERT_EQUAL(r->label == ANSWER_MASKED,
                            r->offset == 13 && r->point == 0);
            CU_ASSERT_EQUAL(r->label == ANSWER_OUTLIER,
                            (double)r->score > answers_threshold(&a));
        }
        answers_close(&a);
        char *path = text_format("%s/rows.npy", folder);
        char *data = file_read(path, 1 << 24, &len, NULL);
        if (first) {
            CU_ASSERT_EQUAL(len, first_len);
            CU_ASSERT_EQUAL(memcmp(first, data, len), 0);
            free(data);
        } else {
            first = data;
            first_len = len;
        }
        free(path);
    }
    free(first);
    free(torn);
    free(part);
    free(folder);
}

/* What people read, and who has a value. */
static void test_answers(void)
{
    char *folder = text_format("%s/answers", scratch_folder);
    char *info = text_format("%s/answers/results.json", scratch_folder);
    char *rows = text_format("%s/answers/rows.npy", scratch_folder);
    char *values = text_format("%s/answers/top.npy", scratch_folder);
    const json_t *notes;
    answers a;
    pe_error e = {0};

    CU_ASSERT_EQUAL(answers_open(folder, &a, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_NONE);
    CU_ASSERT_EQUAL(pass_once(folder, 2, true, NULL, &e), 0);
    CU_ASSERT_EQUAL_FATAL(answers_open(folder, &a, &e), 0);
    UNIT_EQUAL(answers_device(&a, 1), "dev-1");
    UNIT_EQUAL(answers_source(&a, 2), "file-2.csv");
    UNIT_EQUAL(answers_source(&a, -1), "");
    UNIT_EQUAL(json_string_value(json_object_get(a.info, "run")), "r1");
    UNIT_EQUAL(json_string_value(json_object_get(a.info, "threshold_from")),
               "exact for contamination 0.05 over all 2772 scores");
    notes = json_object_get(a.info, "notes");
    UNIT_EQUAL(json_string_value(json_array_get(notes, 0)),
               "a record was refused: topic/0/9: it is bad");
    UNIT_EQUAL(json_string_value(json_array_get(notes, 1)),
               "the run learned from 1 row in 111 blocks, and 2772 rows in "
               "111 blocks were scored again");
    UNIT_EQUAL(json_string_value(json_array_get(notes, 2)), "said before");
    CU_ASSERT_EQUAL(a.n_top, 1000);
    for (size_t i = 1; i < a.n_top; i++)
        CU_ASSERT(a.rows[a.top[i - 1]].score >= a.rows[a.top[i]].score);
    const answer_row *r = &a.rows[a.top[0]];
    const double *v = answers_values(&a, a.top[0]);
    CU_ASSERT_PTR_NOT_NULL_FATAL(v);
    CU_ASSERT_EQUAL(
        v[0],
        (double)((r->partition * 7 + r->offset * 31 + r->point * 17) % 101));
    answers_close(&a);
    /* One whose values are gone says so, ... */
    CU_ASSERT_EQUAL(unlink(values), 0);
    CU_ASSERT_EQUAL(answers_open(folder, &a, &e), -1);
    UNIT_CONTAINS(e.text, "top.npy cannot be read; 'pilot score RUN' makes");
    /* ... and one that was cut. */
    CU_ASSERT_EQUAL(truncate(rows, 1000), 0);
    CU_ASSERT_EQUAL(answers_open(folder, &a, &e), -1);
    UNIT_CONTAINS(e.text, "rows.npy is not what results.json says");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    CU_ASSERT_EQUAL(file_write(info, "{", 1, 0600, NULL), 0);
    CU_ASSERT_EQUAL(answers_open(folder, &a, &e), -1);
    UNIT_CONTAINS(e.text, "results.json is no JSON");
    free(values);
    free(rows);
    free(info);
    free(folder);
}

/* A file of other columns ends it, and leaves nothing. */
static void test_columns(void)
{
    char *folder = text_format("%s/columns", scratch_folder);
    char *part = text_format("%s/columns.part", scratch_folder);
    pe_error e = {0};

    CU_ASSERT_EQUAL(pass_once(folder, 3, false, "data.csv", &e), -1);
    UNIT_EQUAL(e.text, "data.csv has 4 columns, the model was made for 3");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    CU_ASSERT_EQUAL(access(folder, F_OK), -1);
    CU_ASSERT_EQUAL(access(part, F_OK), -1);
    free(part);
    free(folder);
}

/* A model that is strict had such a block refused, and so has its pass. */
static void test_strict(void)
{
    char *folder = text_format("%s/strict", scratch_folder);
    answers a;
    pe_error e = {0};

    CU_ASSERT_EQUAL(pass_of(folder, 2, true, NULL, true, &e), 0);
    CU_ASSERT_EQUAL_FATAL(answers_open(folder, &a, &e), 0);
    CU_ASSERT_EQUAL(count_of(&a, NULL, "masked"), 0);
    CU_ASSERT_EQUAL(count_of(&a, "blocks", "refused"), PARTS * 3);
    CU_ASSERT_EQUAL(a.n, PARTS * (BLOCKS - 4) * POINTS);
    answers_close(&a);
    free(folder);
}

/* A source that was cut since. */
static void test_changed(void)
{
    char *folder = text_format("%s/changed", scratch_folder);
    pe_error e = {0};

    blocks = BLOCKS + 1;
    CU_ASSERT_EQUAL(pass_once(folder, 1, true, NULL, &e), -1);
    UNIT_EQUAL(e.text, "the source of partition 0 ends behind 40 blocks now, "
                       "and the run has learned from 41: it is not what it "
                       "was");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    CU_ASSERT_EQUAL(access(folder, F_OK), -1);
    blocks = BLOCKS;
    free(folder);
}

/* One that could not be opened is not read by the thread that comes next. */
static void test_denied(void)
{
    static const pipeline pl;
    const lane_conf c = {
        .open = made_open, .stages = {.pl = &pl}, .features = D, .end = -1};
    lane_block b = {0};
    lane l;

    CU_ASSERT_EQUAL_FATAL(lane_init(&l, &c, NULL), 0);
    deny = true;
    for (int i = 0; i < 2; i++) {
        pe_error e = {0};

        CU_ASSERT_EQUAL(lane_next(&l, &b, &e), -1);
        UNIT_EQUAL(e.text, "no such file");
        CU_ASSERT_PTR_NULL(l.source);
    }
    deny = false;
    lane_fini(&l);
    pe_block_release(&b.record.block);
}

int main(void)
{
    static const unit_test tests[] = {
        {"exact threshold", test_exact},
        {"drift", test_drift},
        {"names", test_names},
        {"top", test_top},
        {"a pass over partitions", test_pass},
        {"answers", test_answers},
        {"columns", test_columns},
        {"strict", test_strict},
        {"a source that was cut", test_changed},
        {"a source that cannot be opened", test_denied},
        {0},
    };

    scratch_make();
    int status = unit_main("answer", tests);
    scratch_remove();
    return status;
}
