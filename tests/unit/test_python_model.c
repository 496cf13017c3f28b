/* test_python_model.c - an object of Python as a model: learned, committed,
 * put together again.  The objects are those of python/tests/objects.py.
 */
#include "unit.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pilot/model.h>

#include "blobs.h"
#include "src/common/text.h"

enum { POINTS = 50, FEATURES = 3, BLOCKS = 6 };

static char *folder; /* of the objects */

static pe_model *new_model(const char *object, const char *limit)
{
    pe_options *o = pe_model_options("python", NULL);
    pe_model *m;

    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    CU_ASSERT_EQUAL(pe_options_set(o, "object", object, NULL), 0);
    CU_ASSERT_EQUAL(pe_options_set(o, "python", "/usr/bin/python3", NULL), 0);
    CU_ASSERT_EQUAL(pe_options_set(o, "folder", folder, NULL), 0);
    CU_ASSERT_EQUAL(pe_options_set(o, "limit", limit, NULL), 0);
    m = pe_model_create("python", o, FEATURES, NULL);
    pe_options_destroy(o);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    return m;
}

/* Block [i], its first number [first] unless that is 0; what is wrong. */
static const char *learn(const pe_model *m, pe_delta *d, int i, double first)
{
    static pe_error e;
    float scores[POINTS];
    pe_block b = {0};

    e = (pe_error){0};
    blobs_fill(&b, POINTS, FEATURES, PE_F8, 7, i, NULL);
    if (first != 0)
        *(double *)b.data = first;
    if (pe_model_update(m, d, &b, scores, &e) == 0)
        CU_ASSERT_EQUAL(isnan(scores[0]) != 0, m->warming);
    pe_block_release(&b);
    return e.text;
}

static void commit(pe_model *m, pe_delta *d)
{
    pe_error e = {0};

    CU_ASSERT_EQUAL(pe_delta_seal(m, d, &e), 0);
    CU_ASSERT_EQUAL(pe_model_apply(m, d, &e), 0);
    UNIT_EQUAL(e.text, "");
    m->version++;
    CU_ASSERT_EQUAL(pe_delta_reset(d, m, NULL), 0);
}

static bool same(const pe_model *a, const pe_model *b)
{
    pe_buffer x = {0}, y = {0};
    bool equal;

    CU_ASSERT_EQUAL(pe_model_encode(a, &x, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_encode(b, &y, NULL), 0);
    equal = x.len == y.len && !memcmp(x.data, y.data, x.len);
    pe_buffer_free(&x);
    pe_buffer_free(&y);
    return equal;
}

/* Three blocks, a commit, three blocks, a commit; with [fault] on the way. */
static pe_model *learned(const char *object, double fault, const char *why)
{
    pe_model *m = new_model(object, "60s");
    pe_delta *d = pe_delta_create(m, NULL);

    for (int i = 0; i < BLOCKS; i++) {
        if (fault != 0 && i % 3 == 1)
            UNIT_CONTAINS(learn(m, d, i, fault), why);
        UNIT_EQUAL(learn(m, d, i, 0), "");
        if (i % 3 == 2)
            commit(m, d);
    }
    pe_delta_destroy(d);
    CU_ASSERT_EQUAL(m->points, BLOCKS * POINTS);
    return m;
}

/* Whatever a block does to the object, behind it the object is as if there had
 * been none.
 */
static void test_faults(void)
{
    static const struct {
        double fault;
        const char *why;
    } rows[] = {
        {1000, "objects.py:Faults: ValueError: of no use"},
        {2000, "the Python of objects.py:Faults has ended: it ended with "
               "status 9"},
    };
    pe_model *want = learned("objects.py:Faults", 0, "");

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pe_model *m = learned("objects.py:Faults", rows[i].fault, rows[i].why);

        CU_ASSERT_TRUE(same(m, want));
        pe_model_destroy(m);
    }
    pe_model_destroy(want);
}

/* From a copy it goes on to the same bytes, also where an epoch was lost. */
static void test_restore(void)
{
    pe_model *m = new_model("objects.py:Gauss", "60s"), *copy;
    pe_delta *d = pe_delta_create(m, NULL), *lost;

    CU_ASSERT_TRUE(m->warming);
    UNIT_EQUAL(learn(m, d, 0, 0), "");
    commit(m, d);
    CU_ASSERT_FALSE(m->warming);
    copy = pe_model_copy(m, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    UNIT_EQUAL(learn(m, d, 1, 0), "");
    commit(m, d);
    lost = pe_delta_create(copy, NULL);
    UNIT_EQUAL(learn(copy, lost, 4, 0), "");
    CU_ASSERT_EQUAL(pe_delta_reset(lost, copy, NULL), 0);
    UNIT_EQUAL(learn(copy, lost, 1, 0), "");
    commit(copy, lost);
    CU_ASSERT_TRUE(same(m, copy));
    pe_delta_destroy(lost);
    pe_delta_destroy(d);
    pe_model_destroy(copy);
    pe_model_destroy(m);
}

static void test_scores(void)
{
    pe_model *m = learned("objects.py:Gauss", 0, "");
    float scores[POINTS];
    pe_block b = {0};
    pe_error e = {0};

    blobs_fill(&b, POINTS, FEATURES, PE_F4, 7, 1, NULL);
    ((float *)b.data)[0] = 1e6F;
    ((float *)b.data)[FEATURES] = NAN;
    CU_ASSERT_EQUAL(pe_model_score(m, &b, scores, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_TRUE((double)scores[0] > m->threshold);
    CU_ASSERT_TRUE(isnan(scores[1]));
    CU_ASSERT_TRUE(scores[2] >= 0);
    pe_block_release(&b);
    pe_model_destroy(m);
}

/* What no object can be made of is no fault of a block. */
static void test_no_object(void)
{
    static const struct {
        const char *object, *why;
    } rows[] = {
        {"objects.py:Nothing", "AttributeError: objects.py has no 'Nothing'"},
        {"nowhere:x", "ModuleNotFoundError: No module named 'nowhere'"},
        {"objects.py:Fitted", "TypeError: Fitted has no partial_fit"},
        {"objects.py:NoScores", "TypeError: NoScores gives no scores"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pe_model *m = new_model(rows[i].object, "60s");
        pe_delta *d = pe_delta_create(m, NULL);
        pe_error e = {0};
        pe_block b = {0};

        blobs_fill(&b, POINTS, FEATURES, PE_F8, 7, 0, NULL);
        CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, &e), -1);
        UNIT_CONTAINS(e.text, rows[i].why);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        CU_ASSERT_TRUE(pe_delta_empty(d));
        pe_block_release(&b);
        pe_delta_destroy(d);
        pe_model_destroy(m);
    }
}

/* Two states in one epoch, and a file that is cut. */
static void test_impossible(void)
{
    pe_model *m = new_model("objects.py:Gauss", "60s"), *back;
    pe_delta *a = pe_delta_create(m, NULL), *b = pe_delta_create(m, NULL);
    pe_options *none = pe_model_options("python", NULL);
    pe_buffer x = {0};
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(pe_model_create("python", none, 1, &e));
    UNIT_CONTAINS(e.text, "option object is not given");
    UNIT_EQUAL(learn(m, a, 0, 0), "");
    CU_ASSERT_EQUAL(pe_delta_seal(m, a, NULL), 0);
    UNIT_EQUAL(learn(m, b, 1, 0), "");
    CU_ASSERT_EQUAL(pe_delta_seal(m, b, NULL), 0);
    CU_ASSERT_EQUAL(pe_delta_merge(m->ops, a, b, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_apply(m, a, &e), -1);
    UNIT_CONTAINS(e.text, "an epoch has more than one state");
    pe_model_destroy(m);
    m = new_model("objects.py:Gauss", "60s");
    CU_ASSERT_EQUAL(pe_model_apply(m, b, &e), 0);
    CU_ASSERT_EQUAL(pe_model_encode(m, &x, NULL), 0);
    for (size_t len = 0; len < x.len; len += 61) {
        back = pe_model_decode(x.data, len, &e);
        CU_ASSERT_PTR_NULL(back);
        pe_model_destroy(back);
    }
    pe_buffer_free(&x);
    pe_options_destroy(none);
    pe_delta_destroy(a);
    pe_delta_destroy(b);
    pe_model_destroy(m);
}

int main(void)
{
    static const unit_test tests[] = {
        {"a block that fails", test_faults},
        {"saved and read back", test_restore},
        {"scores", test_scores},
        {"what is no model", test_no_object},
        {"what cannot be", test_impossible},
        {NULL, NULL},
    };
    const char *top = getenv("srcdir");
    char *near = text_format("%s/python", top ? top : "."), *path;
    int rc;

    signal(SIGPIPE, SIG_IGN);
    path = near ? realpath(near, NULL) : NULL;
    free(near);
    if (!path)
        return 99;
    setenv("PYTHONPATH", path, 1);
    setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
    folder = text_format("%s/tests", path);
    /* NOLINTNEXTLINE(cert-env33-c): a word of ours. */
    if (system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") != 0) {
        puts("1..0 # SKIP /usr/bin/python3 has no NumPy");
        return 77;
    }
    rc = unit_main("python_model", tests);
    free(folder);
    free(path);
    return rc;
}
