/* test_verify.c - runs counted again: what is found of each thing that is
 * wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline_file.h"
#include "src/common/text.h"
#include "src/verify/judge.h"
#include "src/verify/marks.h"
#include "src/verify/show.h"

#define AUDIT HEAD SENSE "  learn: {pilot: pool, function: audit}\n"
#define STREAM "streams: {sense: {partitions: 2}}\n"
#define LEN 4 /* points of a block, one column */

/* --- records --- */

static double values[LEN] = {1, 2, 3, 4};

typedef struct record {
    const char *device;
    int32_t partition;
    int64_t offset;
    uint64_t boot, seq;
    enum sender sender;
    const char *bad, *aside;
} record;

static source_item item_of(const record *k)
{
    source_item r = {
        .block = {.data = values,
                  .points = LEN,
                  .features = 1,
                  .dtype = PE_F8,
                  .device = k->device,
                  .topic = "t",
                  .partition = k->partition,
                  .offset = k->offset,
                  .boot = k->boot,
                  .seq = k->seq,
                  .has_seq = k->sender != SENDER_STRANGER},
        .aside = k->aside,
        .sender = k->sender,
        .foreign = k->sender != SENDER_OURS,
        .raw_len = 100,
        .mark = 7,
    };

    if (k->bad)
        pe_error_set(&r.bad, PE_ERROR_INPUT, PE_EXIT_DATA, "%s", k->bad);
    return r;
}

static int take(recount *c, const record *k, unsigned said)
{
    source_item r = item_of(k);

    return recount_take(c, &r, said, NULL);
}

/* Each record, and what becomes of it behind those before. */
static void test_rule(void)
{
    static const struct {
        record r;
        unsigned said;
        enum recount_word word;
        uint64_t order, missing, unknown, moved;
    } table[] = {
        {{"d", 0, 0, 1, 0, 0, NULL, NULL}, 1, RECOUNT_APPLIED, 0, 0, 0, 0},
        {{"d", 0, 1, 1, 1, 0, NULL, NULL}, 1, RECOUNT_APPLIED, 0, 0, 0, 0},
        {{"d", 0, 2, 1, 1, 0, NULL, NULL}, 0, RECOUNT_REPEAT, 0, 0, 0, 0},
        {{"d", 0, 3, 1, 0, 0, NULL, NULL}, 0, RECOUNT_REPEAT, 0, 0, 0, 0},
        {{"d", 0, 4, 1, 4, 0, NULL, NULL}, 1, RECOUNT_APPLIED, 0, 2, 0, 0},
        /* One that was never there is no repeat, whatever the rule says. */
        {{"d", 0, 5, 1, 3, 0, NULL, NULL}, 0, RECOUNT_REPEAT, 1, 2, 0, 0},
        {{"d", 0, 6, 3, 0, 0, NULL, NULL}, 0, RECOUNT_APPLIED, 1, 2, 0, 0},
        {{"d", 0, 7, 2, 0, 0, NULL, NULL}, 0, RECOUNT_REPEAT, 2, 2, 0, 0},
        {{"d", 0, 8, 4, 1, 0, NULL, NULL}, 0, RECOUNT_APPLIED, 2, 3, 0, 0},
        {{"d", 1, 0, 4, 2, 0, NULL, NULL}, 0, RECOUNT_APPLIED, 2, 3, 0, 1},
        {{"e", 0, 9, 1, 0, 0, "junk", NULL}, 2, RECOUNT_BAD, 2, 3, 0, 1},
        {{"e", 0, 9, 1, 0, 0, "junk", NULL}, 2, RECOUNT_REPEAT, 2, 3, 0, 1},
        {{"e", 0, 10, 1, 1, 0, NULL, NULL}, 2, RECOUNT_LEFT, 2, 3, 0, 1},
        {{"e", 0, 11, 1, 2, 0, NULL, NULL}, 3, RECOUNT_EITHER, 2, 3, 0, 1},
        /* Nobody knows how many blocks of others there were. */
        {{"r/d", 0, 12, 1, 9, SENDER_OTHER, NULL, NULL},
         1,
         RECOUNT_APPLIED,
         2,
         3,
         0,
         1},
        {{"s", 0, 13, 0, 0, SENDER_STRANGER, NULL, NULL},
         1,
         RECOUNT_APPLIED,
         2,
         3,
         0,
         1},
        {{"s", 0, 13, 0, 0, SENDER_STRANGER, NULL, NULL},
         1,
         RECOUNT_APPLIED,
         2,
         3,
         0,
         1},
        {{"s", 0, 14, 0, 0, SENDER_STRANGER, NULL, "start"},
         0,
         RECOUNT_ASIDE,
         2,
         3,
         0,
         1},
    };
    recount c = {.results = true, .audits = true};

    for (size_t i = 0; i < COUNT(table); i++) {
        int word = take(&c, &table[i].r, table[i].said);

        if (word != (int)table[i].word || c.order.n != table[i].order ||
            c.missing.n != table[i].missing || c.moved.n != table[i].moved ||
            c.unknown.n != table[i].unknown)
            printf("# record %zu: %d, order %llu, missing %llu\n", i, word,
                   (unsigned long long)c.order.n,
                   (unsigned long long)c.missing.n);
        CU_ASSERT_EQUAL(word, (int)table[i].word);
        CU_ASSERT_EQUAL(c.order.n, table[i].order);
        CU_ASSERT_EQUAL(c.missing.n, table[i].missing);
        CU_ASSERT_EQUAL(c.moved.n, table[i].moved);
        CU_ASSERT_EQUAL(c.unknown.n, table[i].unknown);
    }
    UNIT_EQUAL(c.order.words, "t/0/5 is d/1/3");
    UNIT_EQUAL(c.missing.words, "t/0/4 is d/1/4, behind 2");
    UNIT_EQUAL(c.moved.words, "t/1/0 is of 'd', which was in partition 0");
    CU_ASSERT_EQUAL(c.sure.applied, 10);
    CU_ASSERT_EQUAL(c.sure.refused, 2);
    CU_ASSERT_EQUAL(c.sure.refused_own, 2);
    CU_ASSERT_EQUAL(c.sure.deduplicated, 5);
    CU_ASSERT_EQUAL(c.sure.foreign, 4);
    CU_ASSERT_EQUAL(c.sure.bytes, 1300);
    CU_ASSERT_EQUAL(c.sure.points, 9 * LEN);
    CU_ASSERT_EQUAL(c.either.applied, 1);
    recount_free(&c);
}

/* What was refused once is decided by the count that is committed. */
static void test_settle(void)
{
    static const record r = {"d", 0, 0, 1, 0, 0, NULL, NULL};
    static const record s = {"d", 0, 1, 1, 1, 0, NULL, NULL};
    static const struct {
        uint64_t refused;
        int known;
        uint64_t applied, points;
        int64_t blocks;
    } table[] = {{2, 1, 0, 0, 0}, {0, 1, 2, 2 * LEN, 2}, {1, 0, 0, 0, 0}};

    for (size_t i = 0; i < COUNT(table); i++) {
        recount c = {.audits = true};

        CU_ASSERT_EQUAL(take(&c, &r, RECOUNT_REFUSED), RECOUNT_EITHER);
        CU_ASSERT_EQUAL(take(&c, &s, RECOUNT_REFUSED), RECOUNT_EITHER);
        CU_ASSERT_EQUAL(recount_settle(&c, table[i].refused), table[i].known);
        CU_ASSERT_EQUAL(c.sure.applied, table[i].applied);
        CU_ASSERT_EQUAL(c.sure.refused, 2 - table[i].applied);
        CU_ASSERT_EQUAL(c.sure.points, table[i].points);
        CU_ASSERT_EQUAL(c.more[0].sure[0], table[i].blocks);
        recount_free(&c);
    }
}

/* Order is told apart from repeats as far as memory goes, and beyond it that
 * it cannot be.
 */
static void test_spans(void)
{
    recount c = {0};
    record r = {"d", 0, 0, 1, 0, 0, NULL, NULL};

    for (int i = 0; i < RECOUNT_SPANS + 1; i++) {
        r.seq = 2 * (uint64_t)i;
        CU_ASSERT_EQUAL(take(&c, &r, 0), RECOUNT_APPLIED);
    }
    CU_ASSERT_EQUAL(c.missing.n, RECOUNT_SPANS);
    CU_ASSERT_EQUAL(take(&c, &r, 0), RECOUNT_REPEAT);
    CU_ASSERT_EQUAL(c.order.n + c.unknown.n, 0);
    r.seq -= 1;
    CU_ASSERT_EQUAL(take(&c, &r, 0), RECOUNT_REPEAT);
    CU_ASSERT_EQUAL(c.order.n, 1);
    r.seq = 2;
    CU_ASSERT_EQUAL(take(&c, &r, 0), RECOUNT_REPEAT);
    CU_ASSERT_EQUAL(c.order.n, 1);
    CU_ASSERT_EQUAL(c.unknown.n, 1);
    recount_free(&c);
}

/* No more devices of other runs are known than a pool knows. */
static void test_others(void)
{
    recount c = {0};
    char name[32];
    record r = {name, 0, 0, 1, 0, SENDER_OTHER, NULL, NULL};

    for (int i = 0; i < COMMIT_OTHERS + 2; i++) {
        snprintf(name, sizeof(name), "r/%d", i);
        CU_ASSERT_EQUAL(take(&c, &r, 0), RECOUNT_APPLIED);
    }
    CU_ASSERT_EQUAL(c.unheard.n, 2);
    CU_ASSERT_EQUAL(take(&c, &r, 0), RECOUNT_APPLIED);
    r.sender = SENDER_OURS;
    CU_ASSERT_EQUAL(take(&c, &r, 0), RECOUNT_APPLIED);
    CU_ASSERT_EQUAL(take(&c, &r, 0), RECOUNT_REPEAT);
    recount_free(&c);
}

/* Blocks that a layer in front has committed, by their names of there. */
static void test_crossing(void)
{
    static const record in[] = {{"d", 0, 0, 1, 0, 0, NULL, NULL},
                                {"d", 0, 1, 1, 1, 0, NULL, NULL}};
    static const record out[] = {
        {"d", 0, 0, 1, 0, 0, NULL, NULL},
        {"d", 0, 1, 1, 1, 0, NULL, NULL},
        {"d", 0, 2, 1, 1, 0, NULL, NULL}, /* again */
        {"d", 0, 3, 1, 2, 0, NULL, NULL}, /* not committed there */
        {"~site/3/key", 0, 4, 1, 8, SENDER_OTHER, NULL, NULL},
        {"~site/3/key", 0, 5, 1, 9, SENDER_OTHER, NULL, NULL},
        {"~other/3/key", 0, 6, 1, 1, SENDER_OTHER, NULL, NULL},
    };
    recount a = {0}, b = {0};
    params_offset at = {.partition = 3, .next = 9};
    recount_front front;

    for (size_t i = 0; i < COUNT(in); i++)
        take(&a, &in[i], 0);
    front =
        (recount_front){a.devices.d, a.devices.n, &a.devices, "site", &at, 1};
    b.front = &front;
    for (size_t i = 0; i < COUNT(out); i++)
        take(&b, &out[i], 0);
    CU_ASSERT_EQUAL(b.crossed, 3);
    recount_free(&a);
    recount_free(&b);
}

static void test_marks(void)
{
    marks m;
    pe_error e = {0};

    CU_ASSERT_EQUAL(marks_open(&m, 5, 1000, NULL), 0);
    CU_ASSERT_EQUAL(marks_put(&m, 5, 1, NULL), 0);
    CU_ASSERT_EQUAL(marks_put(&m, 5, 1, NULL), 1);
    CU_ASSERT_EQUAL(marks_put(&m, 5, 2, NULL), 0);
    CU_ASSERT_EQUAL(marks_put(&m, 999, 2, NULL), 0);
    CU_ASSERT_EQUAL(marks_put(&m, 4, 1, NULL), 2);
    CU_ASSERT_EQUAL(marks_put(&m, 1000, 1, NULL), 2);
    CU_ASSERT_EQUAL(marks_next(&m, 0, 1), 5);
    CU_ASSERT_EQUAL(marks_next(&m, 6, 2), 999);
    CU_ASSERT_EQUAL(marks_take(&m, 5), 3);
    CU_ASSERT_EQUAL(marks_take(&m, 5), 0);
    CU_ASSERT_EQUAL(marks_take(&m, 4), 0);
    CU_ASSERT_EQUAL(marks_take(&m, 1 << 20), 0);
    CU_ASSERT_EQUAL(marks_next(&m, 0, 1), -1);
    CU_ASSERT_EQUAL(marks_next(&m, 0, 2), 999);
    marks_close(&m);
    CU_ASSERT_EQUAL(marks_open(&m, 0, MARKS_MOST + 1, &e), -1);
    UNIT_EQUAL(e.text, "offsets 0 to 4294967297 of a partition are more than "
                       "4294967296, which is all that is looked at");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
}

/* --- a run --- */

static params_offset offsets[2];
static params_device devices[2];
static params_end ends[2];
static layer_part parts[2];
static commit_device last[2];

/* Two devices of three blocks each, all of them committed, and exact. */
static void run_make(layer *l, const char *yaml)
{
    pe_options *o = pe_model_options("audit", NULL);
    pe_model *m = pe_model_create("audit", o, 1, NULL);
    pe_delta *d = pe_delta_create(m, NULL);

    *l = (layer){
        .pl = pipeline_file_good(yaml, NULL),
        .name = "pool",
        .topic = "t",
        .part = parts,
        .n_parts = 2,
        .results = {.on = true, .topic = "t.results"},
        .refused = {.on = true, .topic = "t.refused"},
        .count = {.stages = 1, .ahead = 1, .results = true, .audits = true},
        .dense = true,
        .ends = ends,
        .n_ends = 2,
        .last = last,
        .n_last = 2,
        .settled = 1};
    for (int p = 0; p < 2; p++) {
        const char *name = p ? "devices-1" : "devices-0";

        for (int i = 0; i < 3; i++) {
            const record k = {name, p, i, 1, (uint64_t)i, 0, NULL, NULL};
            source_item r = item_of(&k);

            CU_ASSERT_EQUAL(recount_take(&l->count, &r, 1, NULL), 0);
            CU_ASSERT_EQUAL(pe_model_update(m, d, &r.block, NULL, NULL), 0);
        }
        parts[p] = (layer_part){.next = 3, .high = 3, .seen = 3};
        offsets[p] = (params_offset){"t", p, 3, 7};
        devices[p] = (params_device){(char *)(uintptr_t)name, p, 1, 2};
        ends[p] = (params_end){(char *)(uintptr_t)name, p, 3, false};
        last[p] = l->count.devices.d[p];
    }
    CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
    strcpy(m->commit, "c1");
    m->version = 1;
    CU_ASSERT_EQUAL(pe_model_encode(m, &l->state.model, NULL), 0);
    strcpy(l->state.commit, "c1");
    l->state.version = 1;
    l->state.counters =
        (params_counters){.applied = 6, .points = 6 * LEN, .bytes = 600};
    l->state.offsets = offsets;
    l->state.n_offsets = 2;
    l->state.devices = devices;
    l->state.n_devices = 2;
    pe_delta_destroy(d);
    pe_model_destroy(m);
    pe_options_destroy(o);
}

static void run_free(layer *l)
{
    for (int i = 0; i < 2; i++)
        marks_close(&parts[i].marks);
    free(l->state.model.data);
    recount_free(&l->count);
    pipeline_destroy(l->pl);
}

static void add_mark(int64_t offset, unsigned bit)
{
    CU_ASSERT_EQUAL(marks_open(&parts[0].marks, 0, 3, NULL), 0);
    CU_ASSERT_EQUAL(marks_put(&parts[0].marks, offset, bit, NULL), 0);
}

/* What somebody has done to it. */
static void nothing(layer *l)
{
    (void)l;
}
static void lose(layer *l)
{
    l->state.counters.applied--;
}
static void twice(layer *l)
{
    l->state.counters.applied++;
}
static void refuse(layer *l)
{
    l->state.counters.applied--;
    l->state.counters.refused++;
}
static void faded(layer *l)
{
    refuse(l);
    l->refused.unkept = 1;
}
static void unfold(layer *l)
{
    l->count.more[0].sure[0]++;
}
static void change(layer *l)
{
    l->count.more[1].sure[2]--;
}
static void forget(layer *l)
{
    devices[1].device = (char *)(uintptr_t) "nobody";
    (void)l;
}
static void repeat(layer *l)
{
    devices[0].seq--;
    (void)l;
}
static void back(layer *l)
{
    parts[0].next = 1;
    parts[0].seen = 1;
    (void)l;
}
static void below(layer *l)
{
    parts[0].first = 4;
    (void)l;
}
static void cut(layer *l)
{
    parts[1].high = 2;
    (void)l;
}
static void old(layer *l)
{
    parts[1].unkept = 2;
    parts[1].seen = 1;
    l->count.sure.applied -= 2;
}
static void hole(layer *l)
{
    parts[1].holes = 2;
    parts[1].hole = 1;
    (void)l;
}
static void allowed(layer *l)
{
    hole(l);
    l->pl->gaps_allowed = true;
    l->state.counters.applied -= 2;
}
static void disorder(layer *l)
{
    l->count.order = (recount_place){2, "x"};
}
static void unknown(layer *l)
{
    l->count.unknown = (recount_place){1, "x"};
}
static void missing(layer *l)
{
    l->count.missing = (recount_place){3, "x"};
}
static void filtered(layer *l)
{
    missing(l);
    l->dense = false;
}
static void silent(layer *l)
{
    l->count.without = (recount_place){1, "t/0/2"};
}
static void expired(layer *l)
{
    silent(l);
    l->results.unkept = 9;
}
static void filters(layer *l)
{
    silent(l);
    l->filters = true;
}
static void again(layer *l)
{
    l->results.repeats = 4;
}
static void orphan(layer *l)
{
    add_mark(1, RECOUNT_RESULT);
    (void)l;
}
static void idle(layer *l)
{
    l->results.idle = (recount_place){1, "t/0/1 is a repeat"};
}
static void ahead(layer *l)
{
    l->results.ahead = 5;
}
static void unheard(layer *l)
{
    l->count.refusals = 1;
}
static void early(layer *l)
{
    ends[0].next = 9;
    (void)l;
}
static void opened(layer *l)
{
    ends[0].next = PARAMS_END_OPEN;
    (void)l;
}
static void newer(layer *l)
{
    strcpy(l->state.commit, "c2");
}
static void learned(layer *l)
{
    l->state.counters.points -= 1;
    l->state.counters.masked += 1;
}
static void mixed(layer *l)
{
    l->settled = 0;
}
static void damaged(layer *l)
{
    pe_error_set(&l->damage, PE_ERROR_FATAL, PE_EXIT_DATA, "it is bad");
}
static void staged(layer *l)
{
    l->count.staged = 1;
    l->count.sure.points = 3;
}
static void other(layer *l)
{
    offsets[0].topic = (char *)(uintptr_t) "u";
    (void)l;
}

static const struct run_case {
    void (*harm)(layer *l);
    enum pe_exit status;
    const char *kind, *what, *text; /* NULL: nothing is found */
} cases[] = {
    {nothing, PE_EXIT_OK, NULL, NULL, NULL},
    {lose, PE_EXIT_FAILED, "fault", "lost",
     "applied: 5 in what is committed, 6 by the records: blocks are lost"},
    {lose, PE_EXIT_FAILED, "fault", "lost",
     "6 records lie below the committed offsets, and applied + refused + "
     "deduplicated is 5"},
    {twice, PE_EXIT_FAILED, "fault", "double",
     "applied: 7 in what is committed, 6 by the records: blocks were applied "
     "twice"},
    {refuse, PE_EXIT_FAILED, "fault", "counter",
     "refused: 1 in what is committed, 0 by the records"},
    {faded, PE_EXIT_DATA, "undecided", "counter",
     "refused: 1 in what is committed, 0 by the records"},
    {unfold, PE_EXIT_FAILED, "fault", "lost",
     "devices-0: blocks is 3 in the model, 4 by the records"},
    {change, PE_EXIT_FAILED, "fault", "model",
     "devices-1: sum is 30720 in the model, 30719 by the records"},
    {forget, PE_EXIT_FAILED, "fault", "device",
     "nobody stands at 1/2, and no record below the committed offsets is its"},
    {forget, PE_EXIT_FAILED, "fault", "device",
     "1 device has records below the committed offsets, and stands nowhere"},
    {repeat, PE_EXIT_FAILED, "fault", "device",
     "devices-0 stands at 1/1, and its records below the committed offsets "
     "end at 1/2"},
    {back, PE_EXIT_FAILED, "fault", "double",
     "4 records lie below the committed offsets, and applied + refused + "
     "deduplicated is 6"},
    {below, PE_EXIT_FAILED, "fault", "offset",
     "partition 0 is committed to 3, and the run began at 4"},
    {cut, PE_EXIT_FAILED, "fault", "log",
     "partition 1 is committed to 3, and the log ends at 2: it was made anew"},
    {old, PE_EXIT_DATA, "undecided", "log",
     "records 0 to 1 of partition 1 are not kept any more: what the model has "
     "of them cannot be checked"},
    {hole, PE_EXIT_FAILED, "fault", "lost",
     "2 offsets of partition 1, from 1 on, have no record"},
    {allowed, PE_EXIT_DATA, "note", "gap",
     "2 offsets of partition 1, from 1 on, have no record (gaps: allow)"},
    {disorder, PE_EXIT_FAILED, "fault", "order",
     "2 blocks came behind later ones of their device, and were taken for "
     "repeats: the first is x"},
    {unknown, PE_EXIT_DATA, "undecided", "order",
     "1 repeat is of blocks so long ago"},
    {missing, PE_EXIT_FAILED, "fault", "missing",
     "3 numbers (SEQ) of devices are not in the topic: the first is in front "
     "of x"},
    {filtered, PE_EXIT_OK, "limit", "missing",
     "which stages, a full queue or the source may be the reason for"},
    {silent, PE_EXIT_FAILED, "fault", "result",
     "1 block has no result in t.results: the first is t/0/2"},
    {expired, PE_EXIT_DATA, "undecided", "result",
     "(it does not keep all any more)"},
    {filters, PE_EXIT_OK, "limit", "result", "1 block has no result"},
    {again, PE_EXIT_OK, "note", "result",
     "4 records in t.results are of a block that has one already (rule 8"},
    {orphan, PE_EXIT_FAILED, "fault", "result",
     "1 record in t.results is of no block of this run"},
    {idle, PE_EXIT_FAILED, "fault", "result",
     "of blocks that were not applied: the first is of t/0/1 is a repeat"},
    {ahead, PE_EXIT_OK, "note", "result",
     "5 records in t.results are of blocks that are not committed"},
    {unheard, PE_EXIT_FAILED, "fault", "refused",
     "1 record cannot be read, and is not in t.refused"},
    {early, PE_EXIT_FAILED, "fault", "end",
     "the end of devices-0, 0/9, is behind the log"},
    {opened, PE_EXIT_OK, NULL, NULL, NULL},
    {newer, PE_EXIT_FAILED, "fault", "model",
     "the model is of commit c1 (1), and c2 (1) is committed"},
    {learned, PE_EXIT_FAILED, "fault", "model",
     "the model has learned from 24 points, and 23 are counted"},
    {mixed, PE_EXIT_DATA, "undecided", "refused",
     "0 blocks stand in t.refused, and 0 are counted"},
    {damaged, PE_EXIT_FAILED, "fault", "stored", "it is bad"},
    {staged, PE_EXIT_OK, "limit", "points",
     "points: stages of the pool may make others of them"},
    {other, PE_EXIT_DATA, "undecided", "offset",
     "1 offset that is committed is of no partition of t"},
};

static const finding *find(const findings *f, const struct run_case *k)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(finding_kind_name(f->list[i].kind), k->kind) &&
            !strcmp(f->list[i].what, k->what) &&
            strstr(f->list[i].text, k->text))
            return &f->list[i];
    return NULL;
}

static void test_judge(void)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        findings f = {0};
        layer l;

        run_make(&l, AUDIT STREAM);
        cases[i].harm(&l);
        judge_layer(&l, NULL, &f);
        if (findings_exit(&f) != cases[i].status ||
            (cases[i].kind ? !find(&f, &cases[i]) : f.n > 0)) {
            printf("# case %zu:\n", i);
            for (size_t k = 0; k < f.n; k++)
                printf("# %s (%s): %s\n", finding_kind_name(f.list[k].kind),
                       f.list[k].what, f.list[k].text);
        }
        CU_ASSERT_EQUAL(findings_exit(&f), cases[i].status);
        if (cases[i].kind)
            CU_ASSERT_PTR_NOT_NULL(find(&f, &cases[i]))
        else
            CU_ASSERT_EQUAL(f.n, 0);
        findings_free(&f);
        run_free(&l);
    }
}

/* A model that is not learned again says so. */
static void test_other_model(void)
{
    findings f = {0};
    layer l;

    run_make(&l, AUDIT STREAM);
    l.count.audits = false;
    judge_layer(&l, NULL, &f);
    CU_ASSERT_EQUAL(findings_exit(&f), PE_EXIT_OK);
    CU_ASSERT_EQUAL_FATAL(f.n, 1);
    UNIT_CONTAINS(f.list[0].text, "what the model (audit) has learned is not "
                                  "learned again");
    findings_free(&f);
    run_free(&l);
}

/* From one layer to the next. */
static void test_joint(void)
{
    findings f = {0};
    layer l, front = {.name = "site"};

    run_make(&l, AUDIT STREAM);
    front.state.counters.forwarded = l.count.crossed = 6;
    judge_layer(&l, &front, &f);
    CU_ASSERT_EQUAL(f.n, 0);
    l.count.crossed = 5;
    judge_layer(&l, &front, &f);
    CU_ASSERT_EQUAL_FATAL(f.n, 1);
    UNIT_EQUAL(f.list[0].what, "lost");
    UNIT_EQUAL(f.list[0].text, "layer site has handed 6 blocks on, and 5 of "
                               "those it has committed are in t");
    l.count.crossed = 7;
    judge_layer(&l, &front, &f);
    UNIT_EQUAL(f.list[1].what, "double");
    findings_free(&f);
    run_free(&l);
}

static void test_show(void)
{
    findings f = {0};
    char *out = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&out, &len);
    layer l;

    run_make(&l, AUDIT STREAM);
    lose(&l);
    judge_layer(&l, NULL, &f);
    show_table("r", &l, 1, &f, to);
    CU_ASSERT_EQUAL(show_json("r", &l, 1, &f, to), 0);
    fclose(to);
    UNIT_CONTAINS(out, "  applied                       5                6  "
                       "<--\n");
    UNIT_CONTAINS(out, "  ends                       2/2\n");
    UNIT_CONTAINS(out, "fault (lost): 6 records lie below");
    UNIT_CONTAINS(out, "r: NOT EXACT: 5 blocks applied, 2 faults\n");
    UNIT_CONTAINS(out, "{\"schema\":1,\"run\":\"r\",\"verdict\":\"not exact\","
                       "\"exit\":1,\"layers\":[{\"layer\":\"pool\",");
    UNIT_CONTAINS(out, "\"applied\":{\"state\":5,\"records\":6}");
    UNIT_CONTAINS(out, "{\"kind\":\"fault\",\"what\":\"lost\",\"layer\":"
                       "\"pool\",\"text\":\"6 records lie");
    free(out);
    findings_free(&f);
    run_free(&l);
}

static const unit_test tests[] = {
    {"the rule for repeats, and what it cannot see", test_rule},
    {"refused in a term that was dropped", test_settle},
    {"blocks out of order, as far as memory goes", test_spans},
    {"devices of other runs beyond what a pool knows", test_others},
    {"blocks of the layer in front", test_crossing},
    {"marks of offsets", test_marks},
    {"everything that is wrong has its word", test_judge},
    {"a model that is not learned again", test_other_model},
    {"from layer to layer", test_joint},
    {"table and JSON", test_show},
    {NULL, NULL},
};

int main(void)
{
    return pipeline_file_main("verify", tests);
}
