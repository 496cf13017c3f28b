/* test_wire.c - messages between ranks: whole, cut, overlong, scrambled. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "src/commit/frame.h"
#include "src/commit/store.h"
#include "src/common/random.h"
#include "src/rank/wire.h"

enum { PARTITIONS = 3 };

/* --- a message of each kind, and whether it is read as it was written --- */

static params_range ranges[] = {{NULL, 0, 3, 9, 77}, {NULL, 2, 0, 0, 0}};
static params_device devices[] = {{(char *)(uintptr_t) "d", 0, 1, 8},
                                  {(char *)(uintptr_t) "", 2, 5, UINT64_MAX}};
static params_offset offsets[] = {{(char *)(uintptr_t) "t", 0, 9, 77},
                                  {(char *)(uintptr_t) "t", 2, 4, 0}};
static uint64_t cells[] = {0, 4, 1};
static unsigned char own[PARTITIONS] = {1, 0, 1};
static int64_t reached[PARTITIONS] = {9, 0, 4};

static int encode_part(pe_buffer *b)
{
    wire_part m = {.term = 4,
                   .epoch = 12,
                   .add = {.applied = 6, .unscored = 3},
                   .points = 150,
                   .masked = 5,
                   .outliers = 2,
                   .ranges = ranges,
                   .n_ranges = 2,
                   .devices = devices,
                   .n_devices = 2,
                   .cells = cells,
                   .n_cells = 3,
                   .blob = "blob",
                   .blob_len = 4};

    return wire_part_encode(&m, b, NULL);
}

static int decode_part(const void *data, size_t len, bool look, pe_error *errp)
{
    wire_part m;

    if (wire_part_decode(data, len, PARTITIONS, &m, errp) < 0)
        return -1;
    if (look) {
        CU_ASSERT_EQUAL(m.term, 4);
        CU_ASSERT_EQUAL(m.epoch, 12);
        CU_ASSERT_EQUAL(m.add.applied, 6);
        CU_ASSERT_EQUAL(m.add.unscored, 3);
        CU_ASSERT_EQUAL(m.points, 150);
        CU_ASSERT_EQUAL(m.masked, 5);
        CU_ASSERT_EQUAL(m.outliers, 2);
        CU_ASSERT_EQUAL(m.n_ranges, 2);
        CU_ASSERT_EQUAL(m.ranges[0].to, 9);
        CU_ASSERT_EQUAL(m.ranges[0].mark, 77);
        CU_ASSERT_EQUAL(m.ranges[1].partition, 2);
        CU_ASSERT_EQUAL(m.n_devices, 2);
        UNIT_EQUAL(m.devices[0].device, "d");
        CU_ASSERT_EQUAL(m.devices[0].seq, 8);
        UNIT_EQUAL(m.devices[1].device, "");
        CU_ASSERT_EQUAL(m.devices[1].seq, UINT64_MAX);
        CU_ASSERT_EQUAL(m.n_cells, 3);
        CU_ASSERT_EQUAL(m.cells[1], 4);
        CU_ASSERT_EQUAL(m.blob_len, 4);
        CU_ASSERT_EQUAL(memcmp(m.blob, "blob", 4), 0);
    }
    wire_part_free(&m);
    return 0;
}

static int encode_model(pe_buffer *b)
{
    wire_news m = {.term = 2,
                   .epoch = 7,
                   .commit_ns = 99,
                   .model = "model",
                   .model_len = 5};

    return wire_news_encode(&m, PARTITIONS, b, NULL);
}

static int decode_model(const void *data, size_t len, bool look, pe_error *errp)
{
    wire_news m;

    if (wire_news_decode(data, len, PARTITIONS, &m, errp) < 0)
        return -1;
    if (look) {
        CU_ASSERT_FALSE(m.is_state);
        CU_ASSERT_EQUAL(m.term, 2);
        CU_ASSERT_EQUAL(m.epoch, 7);
        CU_ASSERT_EQUAL(m.commit_ns, 99);
        CU_ASSERT_EQUAL(m.model_len, 5);
        CU_ASSERT_EQUAL(memcmp(m.model, "model", 5), 0);
    }
    wire_news_free(&m);
    return 0;
}

static params_state a_state(void)
{
    return (params_state){.commit = "0123456789abcdef0123456789abcdef",
                          .version = 41,
                          .fence = 2,
                          .time_ns = -5,
                          .counters = {.applied = 1000, .bytes = 7},
                          .model = {(unsigned char *)(uintptr_t) "model", 5, 0},
                          .offsets = offsets,
                          .n_offsets = 2,
                          .devices = devices,
                          .n_devices = 2};
}

static void look_state(const params_state *s)
{
    UNIT_EQUAL(s->commit, "0123456789abcdef0123456789abcdef");
    CU_ASSERT_EQUAL(s->version, 41);
    CU_ASSERT_EQUAL(s->fence, 2);
    CU_ASSERT_EQUAL(s->time_ns, -5);
    CU_ASSERT_EQUAL(s->counters.applied, 1000);
    CU_ASSERT_EQUAL(s->counters.bytes, 7);
    CU_ASSERT_EQUAL(s->model.len, 5);
    CU_ASSERT_EQUAL(memcmp(s->model.data, "model", 5), 0);
    CU_ASSERT_EQUAL(s->n_offsets, 2);
    UNIT_EQUAL(s->offsets[1].topic, "t");
    CU_ASSERT_EQUAL(s->offsets[1].partition, 2);
    CU_ASSERT_EQUAL(s->offsets[1].next, 4);
    CU_ASSERT_EQUAL(s->offsets[0].mark, 77);
    CU_ASSERT_EQUAL(s->n_devices, 2);
    UNIT_EQUAL(s->devices[0].device, "d");
    CU_ASSERT_EQUAL(s->devices[1].boot, 5);
}

static int encode_state(pe_buffer *b)
{
    wire_news m = {.term = 2,
                   .is_state = true,
                   .lease = 3,
                   .state = a_state(),
                   .own = own,
                   .reached = reached};

    return wire_news_encode(&m, PARTITIONS, b, NULL);
}

static int decode_state(const void *data, size_t len, bool look, pe_error *errp)
{
    wire_news m;

    if (wire_news_decode(data, len, PARTITIONS, &m, errp) < 0)
        return -1;
    if (look) {
        CU_ASSERT_TRUE(m.is_state);
        CU_ASSERT_EQUAL(m.lease, 3);
        look_state(&m.state);
        CU_ASSERT_EQUAL(m.model_len, 5);
        CU_ASSERT_EQUAL(memcmp(m.own, own, sizeof(own)), 0);
        CU_ASSERT_EQUAL(memcmp(m.reached, reached, sizeof(reached)), 0);
    }
    wire_news_free(&m);
    return 0;
}

static int encode_task(pe_buffer *b)
{
    const wire_task t = {3, 8, {"temp\thum", 8}, 2};
    source_item r = {.foreign = true,
                     .through = 3,
                     .block = {.points = 25,
                               .features = 32,
                               .dtype = PE_F4,
                               .device = "dev",
                               .source = "a.csv:7",
                               .partition = 2,
                               .offset = 60,
                               .boot = 4,
                               .seq = 61,
                               .has_seq = 1,
                               .version = 5,
                               .sense_ns = 1,
                               .edge_ns = 2,
                               .broker_ns = 3,
                               .fetch_ns = 4}};

    return wire_task_encode(&t, &r, b, NULL);
}

static int decode_task(const void *data, size_t len, bool look, pe_error *errp)
{
    wire_task t;
    source_item r = {0};
    const pe_block *b = &r.block;

    if (wire_task_decode(data, len, &t, &r, errp) < 0)
        return -1;
    if (look) {
        CU_ASSERT_EQUAL(t.term, 3);
        CU_ASSERT_EQUAL(t.epoch, 8);
        CU_ASSERT_TRUE(r.foreign);
        CU_ASSERT_EQUAL(r.through, 3);
        CU_ASSERT_EQUAL(r.said.named, 2);
        CU_ASSERT_EQUAL(b->points, 25);
        CU_ASSERT_EQUAL(b->features, 32);
        CU_ASSERT_EQUAL(b->dtype, PE_F4);
        UNIT_EQUAL(b->device, "dev");
        UNIT_EQUAL(b->source, "a.csv:7");
        CU_ASSERT_EQUAL(b->partition, 2);
        CU_ASSERT_EQUAL(b->offset, 60);
        CU_ASSERT_EQUAL(b->boot, 4);
        CU_ASSERT_EQUAL(b->seq, 61);
        CU_ASSERT_EQUAL(b->has_seq, 1);
        CU_ASSERT_EQUAL(b->version, 5);
        CU_ASSERT_EQUAL(b->sense_ns, 1);
        CU_ASSERT_EQUAL(b->fetch_ns, 4);
        CU_ASSERT_PTR_NULL(r.said.times.at);
        CU_ASSERT_EQUAL(r.said.columns.len, 8);
        CU_ASSERT_EQUAL(memcmp(r.said.columns.at, "temp\thum", 8), 0);
    }
    return 0;
}

static int encode_done(pe_buffer *b)
{
    const wire_task t = {.term = 3, .epoch = 8};

    return wire_done_encode(&t, b, NULL);
}

static int decode_done(const void *data, size_t len, bool look, pe_error *errp)
{
    wire_task t;

    if (wire_done_decode(data, len, &t, errp) < 0)
        return -1;
    CU_ASSERT_TRUE(!look || (t.term == 3 && t.epoch == 8));
    return 0;
}

static const struct kind {
    const char *what;
    int (*encode)(pe_buffer *b);
    int (*decode)(const void *data, size_t len, bool look, pe_error *errp);
} kinds[] = {
    {"a part of an epoch", encode_part, decode_part},
    {"a model or a state", encode_model, decode_model},
    {"a model or a state", encode_state, decode_state},
    {"a block of another rank", encode_task, decode_task},
    {"the word that a block is done", encode_done, decode_done},
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* [len] bytes in memory of their own, so that a sanitizer sees what is read
 * behind them.
 */
static int decode(const struct kind *k, const void *data, size_t len, bool look,
                  pe_error *errp)
{
    void *copy = malloc(len ? len : 1);
    int rc;

    memcpy(copy, data, len);
    *errp = (pe_error){0};
    rc = k->decode(copy, len, look, errp);
    free(copy);
    return rc;
}

static void expect_none(const struct kind *k, const pe_error *e,
                        const char *why)
{
    CU_ASSERT_EQUAL(e->kind, PE_ERROR_FATAL);
    UNIT_CONTAINS(e->text, k->what);
    UNIT_CONTAINS(e->text, why);
}

static void test_whole(void)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        pe_buffer b = {0};
        pe_error e;
        char page[128] = {0};

        CU_ASSERT_EQUAL(kinds[i].encode(&b), 0);
        CU_ASSERT_EQUAL(decode(&kinds[i], b.data, b.len, true, &e), 0);
        /* What fills its last page up is no part of it. */
        CU_ASSERT_EQUAL(pe_buffer_append(&b, page, sizeof(page), NULL), 0);
        CU_ASSERT_EQUAL(decode(&kinds[i], b.data, b.len, true, &e), 0);
        /* The buffer is used again. */
        CU_ASSERT_EQUAL(kinds[i].encode(&b), 0);
        CU_ASSERT_EQUAL(decode(&kinds[i], b.data, b.len, true, &e), 0);
        pe_buffer_free(&b);
    }
}

static void set_length(pe_buffer *b, uint64_t len)
{
    memcpy(b->data, &len, sizeof(len));
}

/* Cut anywhere: by who sent it, or on its way. */
static void test_cut(void)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        pe_buffer b = {0};
        pe_error e;

        CU_ASSERT_EQUAL(kinds[i].encode(&b), 0);
        for (size_t len = 0; len < b.len; len++) {
            CU_ASSERT_EQUAL(decode(&kinds[i], b.data, len, false, &e), -1);
            expect_none(&kinds[i], &e, "is cut");
        }
        for (size_t len = 0; len < b.len - 8; len++) {
            set_length(&b, len);
            CU_ASSERT_EQUAL(decode(&kinds[i], b.data, b.len, false, &e), -1);
            expect_none(&kinds[i], &e, "is cut");
        }
        pe_buffer_free(&b);
    }
}

static void test_overlong(void)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        pe_buffer b = {0};
        pe_error e;

        CU_ASSERT_EQUAL(kinds[i].encode(&b), 0);
        CU_ASSERT_EQUAL(pe_buffer_append(&b, "x", 1, NULL), 0);
        set_length(&b, b.len - 8);
        CU_ASSERT_EQUAL(decode(&kinds[i], b.data, b.len, false, &e), -1);
        expect_none(&kinds[i], &e, "goes on behind its end");
        pe_buffer_free(&b);
    }
}

/* Any number of eight bytes as large as can be: nothing is asked of memory, or
 * read, for things that are not there.
 */
static void test_scrambled(void)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        pe_buffer b = {0};
        pe_error e;

        CU_ASSERT_EQUAL(kinds[i].encode(&b), 0);
        for (size_t at = 0; at + 8 <= b.len; at++) {
            CU_ASSERT_EQUAL(kinds[i].encode(&b), 0);
            memset(b.data + at, at & 1 ? 0x7f : 0xff, 8);
            (void)decode(&kinds[i], b.data, b.len, false, &e);
        }
        for (uint64_t n = 0; n < 20000; n++) {
            size_t at = random_mix(n, i) % b.len;

            CU_ASSERT_EQUAL(kinds[i].encode(&b), 0);
            b.data[at] = (unsigned char)random_mix(i, n);
            if (decode(&kinds[i], b.data, b.len, false, &e) < 0)
                UNIT_CONTAINS(e.text, "is none");
        }
        pe_buffer_free(&b);
    }
}

/* A partition that is none, a block that MPI cannot count, an own that is
 * neither: decoded by nobody.
 */
static void test_values(void)
{
    params_range odd = {NULL, PARTITIONS, 0, 1, 0};
    wire_part part = {.ranges = &odd, .n_ranges = 1};
    source_item r = {.block = {.points = 1 << 16,
                               .features = 1 << 16,
                               .dtype = PE_F4,
                               .device = "d"}};
    wire_task t = {0};
    pe_buffer b = {0};
    pe_error e = {0};

    CU_ASSERT_EQUAL(wire_part_encode(&part, &b, NULL), 0);
    CU_ASSERT_EQUAL(wire_part_decode(b.data, b.len, PARTITIONS, &part, &e), -1);
    UNIT_CONTAINS(e.text, "holds what cannot be");
    CU_ASSERT_PTR_NULL(part.ranges);
    CU_ASSERT_EQUAL(wire_task_encode(&t, &r, &b, NULL), 0);
    CU_ASSERT_EQUAL(wire_task_decode(b.data, b.len, &t, &r, &e), -1);
    UNIT_CONTAINS(e.text, "holds what cannot be");
    r.block.points = 1;
    r.block.dtype = (enum pe_dtype)5;
    CU_ASSERT_EQUAL(wire_task_encode(&t, &r, &b, NULL), 0);
    CU_ASSERT_EQUAL(wire_task_decode(b.data, b.len, &t, &r, &e), -1);
    pe_buffer_free(&b);
}

/* Strings that are longer than a record has room for are cut. */
static void test_texts(void)
{
    char longer[2 * SOURCE_TEXT];
    source_item r = {.block = {.points = 1,
                               .features = 1,
                               .dtype = PE_F8,
                               .device = "d"}},
                back = {0};
    wire_task t = {0};
    pe_buffer b = {0};

    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    CU_ASSERT_EQUAL(wire_task_encode(&t, &r, &b, NULL), 0);
    CU_ASSERT_EQUAL(wire_task_decode(b.data, b.len, &t, &back, NULL), 0);
    CU_ASSERT_PTR_NULL(back.block.source);
    r.block.source = longer;
    CU_ASSERT_EQUAL(wire_task_encode(&t, &r, &b, NULL), 0);
    CU_ASSERT_EQUAL(wire_task_decode(b.data, b.len, &t, &back, NULL), 0);
    CU_ASSERT_EQUAL(strlen(back.block.source), SOURCE_TEXT - 3);
    r.block.device = longer;
    CU_ASSERT_EQUAL(wire_task_encode(&t, &r, &b, NULL), 0);
    CU_ASSERT_EQUAL(wire_task_decode(b.data, b.len, &t, &back, NULL), 0);
    CU_ASSERT_EQUAL(strlen(back.block.device), SOURCE_TEXT - 2);
    CU_ASSERT_PTR_NULL(back.block.source);
    pe_buffer_free(&b);
}

/* The times of rows go with a block, whatever they are. */
static void test_times(void)
{
    source_item r = {.block = {.points = 2,
                               .features = 1,
                               .dtype = PE_F8,
                               .device = "d"}},
                back = {.said.columns = {"of before", 9}};
    wire_task t = {0};
    pe_buffer b = {0};

    CU_ASSERT_EQUAL(wire_task_encode(&t, &r, &b, NULL), 0);
    CU_ASSERT_EQUAL(wire_task_decode(b.data, b.len, &t, &back, NULL), 0);
    CU_ASSERT_PTR_NULL(back.said.times.at);
    CU_ASSERT_PTR_NULL(back.said.columns.at);
    r.said.times = (source_text){"17/5", 4};
    CU_ASSERT_EQUAL(wire_task_encode(&t, &r, &b, NULL), 0);
    CU_ASSERT_EQUAL(wire_task_decode(b.data, b.len, &t, &back, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(back.said.times.len, 4);
    CU_ASSERT_EQUAL(memcmp(back.said.times.at, "17/5", 4), 0);
    /* It is the message's. */
    CU_ASSERT((const unsigned char *)back.said.times.at > b.data);
    CU_ASSERT((const unsigned char *)back.said.times.at < b.data + b.len);
    pe_buffer_free(&b);
}

/* The store in memory copies by the same bytes. */
static void test_copy(void)
{
    params_state s = a_state(), copy;

    CU_ASSERT_EQUAL(pool_store_memory_copy(&s, &copy, NULL), 0);
    look_state(&copy);
    CU_ASSERT_PTR_NOT_EQUAL(copy.devices[0].device, s.devices[0].device);
    params_state_free(&copy);
    memset(&s, 0, sizeof(s));
    CU_ASSERT_EQUAL(pool_store_memory_copy(&s, &copy, NULL), 0);
    CU_ASSERT_EQUAL(copy.n_offsets, 0);
    UNIT_EQUAL(copy.commit, "");
    params_state_free(&copy);
}

int main(void)
{
    static const unit_test tests[] = {
        {"as it was written", test_whole},
        {"cut", test_cut},
        {"overlong", test_overlong},
        {"scrambled", test_scrambled},
        {"values that cannot be", test_values},
        {"strings that are too long", test_texts},
        {"times of rows", test_times},
        {"a copy of a state", test_copy},
        {0},
    };

    return unit_main("wire", tests);
}
