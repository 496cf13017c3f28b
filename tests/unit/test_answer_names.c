/* test_answer_names.c - where rows are from, of more files than anybody thinks
 * of, and of those that are copies.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "src/answer/names.h"
#include "src/answer/pass.h"
#include "src/common/file.h"
#include "src/common/text.h"

/* --- the table of names --- */

static void test_most(void)
{
    static const struct {
        size_t most, taken;
    } rows[] = {{0, NAMES_MAX}, {1, 1}, {100, 100}, {70000, 70000}};

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        names t = {.most = rows[k].most};
        char name[32];
        json_t *list;

        for (size_t i = 0; i < 70010; i++) {
            int32_t want = i < rows[k].taken ? (int32_t)i : -1;

            snprintf(name, sizeof(name), "file-%zu", i);
            if (names_take(&t, name) != want)
                CU_FAIL("another number");
        }
        CU_ASSERT_EQUAL(t.n, rows[k].taken);
        CU_ASSERT_EQUAL(t.beyond, 70010 - rows[k].taken);
        /* Those that have one keep it. */
        CU_ASSERT_EQUAL(names_take(&t, "file-0"), 0);
        list = names_list(&t);
        CU_ASSERT_EQUAL(json_array_size(list), rows[k].taken);
        UNIT_EQUAL(json_string_value(json_array_get(list, 0)), "file-0");
        json_decref(list);
        names_clear(&t);
        CU_ASSERT_EQUAL(t.n, 0);
    }
}

/* What is no text has a name that is. */
static void test_bytes(void)
{
    names t = {0};
    json_t *list;

    CU_ASSERT_EQUAL(names_take(&t, "a\xff"
                                   "b"),
                    0);
    CU_ASSERT_EQUAL(names_take(&t, ""), 1);
    CU_ASSERT_EQUAL(names_take(&t, "h\xc3\xa9"), 2);
    list = names_list(&t);
    UNIT_CONTAINS(json_string_value(json_array_get(list, 0)), "a");
    UNIT_EQUAL(json_string_value(json_array_get(list, 1)), "");
    UNIT_EQUAL(json_string_value(json_array_get(list, 2)), "h\xc3\xa9");
    json_decref(list);
    names_clear(&t);
}

/* --- a pass over rows of many files --- */

enum { D = 2 };

/* Block o is one row, of device o and of file o. */
typedef struct made {
    source_reader base;
    int64_t next;
} made;

static int64_t blocks;

static int made_assign(source_reader *s, const broker_position *p, size_t n,
                       pe_error *errp)
{
    (void)n;
    (void)errp;
    ((made *)s)->next = p->offset;
    return 0;
}

static int made_fetch(source_reader *s, size_t which, source_item *r,
                      pe_error *errp)
{
    pe_block *b = &r->block;
    int64_t o = ((made *)s)->next++;

    (void)which;
    if (o >= blocks || pe_block_reserve(b, 1, D, PE_F8, errp) < 0)
        return o >= blocks ? 0 : -1;
    ((double *)b->data)[0] = (double)(o % 89);
    ((double *)b->data)[1] = (double)(o % 83);
    snprintf(r->text, 64, "dev-%lld", (long long)o);
    b->device = r->text;
    snprintf(r->text + 64, 64, "f-%lld.csv:3", (long long)o);
    b->source = r->text + 64;
    b->topic = "topic";
    b->offset = o;
    b->has_seq = 0;
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
    usleep((unsigned)timeout_ms);
}

static int64_t made_end(source_reader *s, int32_t partition)
{
    (void)partition;
    return ((made *)s)->next > blocks ? blocks : -1;
}

static void made_close(source_reader *s)
{
    free(s);
}

static const source_ops made_ops = {
    .assign = made_assign,
    .fetch = made_fetch,
    .release = made_release,
    .wait = made_wait,
    .end = made_end,
    .close = made_close,
};

static source_reader *made_open(void *arg, int32_t partition, pe_error *errp)
{
    made *m = calloc(1, sizeof(*m));

    (void)arg;
    (void)partition;
    if (!m) {
        pe_error_nomem(errp);
        return NULL;
    }
    m->base.ops = &made_ops;
    return &m->base;
}

static pe_buffer the_model(void)
{
    pe_options *o = pe_model_options("kmeans", NULL);
    pe_buffer file = {0};
    pe_block b = {0};
    pe_delta *d;
    pe_model *m;

    pe_options_set(o, "clusters", "3", NULL);
    m = pe_model_create("kmeans", o, D, NULL);
    d = pe_delta_create(m, NULL);
    pe_block_reserve(&b, 300, D, PE_F8, NULL);
    for (int i = 0; i < 300 * D; i++)
        ((double *)b.data)[i] = (i * 37) % 90;
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

/* Into [folder]; [named]: the lane is one file, called so. */
static void pass_of(const char *folder, const char *named, answers *a)
{
    static const pipeline pl;
    pe_buffer model = the_model();
    lane_conf l = {.open = made_open,
                   .stages = {.pl = &pl},
                   .features = D,
                   .what = named,
                   .named = named,
                   .end = -1};
    json_t *info = json_pack("{s:[], s:s}", "notes", "run", "r");
    const pass_conf c = {.folder = folder,
                         .model = model.data,
                         .model_len = model.len,
                         .threshold = (double)NAN,
                         .lanes = &l,
                         .n_lanes = 1,
                         .threads = 2,
                         .info = info};
    pe_error e = {0};

    CU_ASSERT_EQUAL(pass_run(&c, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL_FATAL(answers_open(folder, a, &e), 0);
    json_decref(info);
    pe_buffer_free(&model);
}

/* Each row has its file, and what is not kept is said. */
static void test_pass(void)
{
    char *folder = text_format("%s/many", scratch_folder);
    const json_t *notes;
    char want[160];
    bool right = true;
    answers a;

    blocks = NAMES_MAX + 100;
    pass_of(folder, NULL, &a);
    CU_ASSERT_EQUAL(a.n, (uint64_t)blocks);
    for (uint64_t i = 0; i < a.n; i++) {
        snprintf(want, sizeof(want), "f-%llu.csv", (unsigned long long)i);
        right = right && a.rows[i].row == 3 &&
                !strcmp(answers_source(&a, a.rows[i].source), want);
    }
    CU_ASSERT(right);
    notes = json_object_get(a.info, "notes");
    CU_ASSERT_EQUAL(json_array_size(notes), 1);
    snprintf(want, sizeof(want),
             "the first %d devices have their names here; those of 100 blocks "
             "of others are not kept",
             NAMES_MAX);
    UNIT_EQUAL(json_string_value(json_array_get(notes, 0)), want);
    answers_close(&a);
    free(folder);
}

/* Rows of a copy are of what was copied. */
static void test_named(void)
{
    char *folder = text_format("%s/named", scratch_folder);
    answers a;

    blocks = 7;
    pass_of(folder, "stdin:/entry/data", &a);
    CU_ASSERT_EQUAL(a.n, 7);
    for (uint64_t i = 0; i < a.n; i++) {
        UNIT_EQUAL(answers_source(&a, a.rows[i].source), "stdin:/entry/data");
        CU_ASSERT_EQUAL(a.rows[i].device, -1);
    }
    CU_ASSERT_EQUAL(json_array_size(json_object_get(a.info, "sources")), 1);
    answers_close(&a);
    free(folder);
}

/* Answers that were put aside by who was killed are there all the same. */
static void test_aside(void)
{
    char *folder = text_format("%s/aside", scratch_folder);
    char *old = text_format("%s/aside.old", scratch_folder);
    answers a;
    pe_error e = {0};

    blocks = 5;
    pass_of(folder, NULL, &a);
    answers_close(&a);
    CU_ASSERT_EQUAL(rename(folder, old), 0);
    CU_ASSERT_EQUAL_FATAL(answers_open(folder, &a, &e), 0);
    CU_ASSERT_EQUAL(a.n, 5);
    answers_close(&a);
    /* The next ones take their place. */
    blocks = 6;
    pass_of(folder, NULL, &a);
    CU_ASSERT_EQUAL(a.n, 6);
    answers_close(&a);
    CU_ASSERT_EQUAL(access(old, F_OK), -1);
    /* None at all is no error, and no answers. */
    CU_ASSERT_EQUAL(file_remove_tree(folder, NULL), 0);
    CU_ASSERT_EQUAL(answers_open(folder, &a, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_NONE);
    free(old);
    free(folder);
}

int main(void)
{
    static const unit_test tests[] = {
        {"as many names as there may be", test_most},
        {"names that are no text", test_bytes},
        {"more files than 65536", test_pass},
        {"rows of a copy", test_named},
        {"answers that were put aside", test_aside},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("answer_names", tests);
    scratch_remove();
    return status;
}
