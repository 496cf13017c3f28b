/* test_frame.c - flat messages: what goes in comes out, what is cut is none. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "src/commit/frame.h"
#include "src/params/wire.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* --- values --- */

static void test_values(void)
{
    pe_buffer b = {0};
    pe_error e = {0};
    frame_writer w;
    frame_reader r;
    size_t len;
    const char *data;

    frame_begin(&w, &b, &e);
    frame_put_u64(&w, UINT64_MAX);
    frame_put_i64(&w, INT64_MIN);
    frame_put_i64(&w, INT32_MIN);
    frame_put_u64(&w, 1);
    frame_put_u64(&w, 0);
    frame_put_text(&w, "");
    frame_put_text(&w, "a text");
    frame_put_bytes(&w, "\0x", 2);
    frame_put_bytes(&w, "", 0);
    CU_ASSERT_EQUAL(frame_end(&w), 0);
    /* Behind it is the rest of a page. */
    CU_ASSERT_EQUAL(pe_buffer_append(&b, "rest", 4, &e), 0);

    frame_open(&r, b.data, b.len);
    CU_ASSERT_EQUAL(frame_take_u64(&r), UINT64_MAX);
    CU_ASSERT_EQUAL(frame_take_i64(&r), INT64_MIN);
    CU_ASSERT_EQUAL(frame_take_i32(&r), INT32_MIN);
    CU_ASSERT_TRUE(frame_take_bool(&r));
    CU_ASSERT_FALSE(frame_take_bool(&r));
    UNIT_EQUAL(frame_take_text(&r), "");
    UNIT_EQUAL(frame_take_text(&r), "a text");
    CU_ASSERT_EQUAL(frame_check(&r, "it", &e), -1);
    UNIT_EQUAL(e.text, "a message that is to be it is none: it goes on behind "
                       "its end");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    data = frame_take_bytes(&r, &len);
    CU_ASSERT_EQUAL(len, 2);
    CU_ASSERT_EQUAL(memcmp(data, "\0x", 2), 0);
    CU_ASSERT_PTR_NOT_NULL(frame_take_bytes(&r, &len));
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_EQUAL(frame_check(&r, "it", &e), 0);
    pe_buffer_free(&b);
}

/* A buffer is used again: nothing of the message before is left. */
static void test_used_again(void)
{
    pe_buffer b = {0};
    frame_writer w;
    frame_reader r;

    for (uint64_t i = 0; i < 3; i++) {
        frame_begin(&w, &b, NULL);
        for (uint64_t k = 0; k < 3 - i; k++)
            frame_put_u64(&w, k + i);
        CU_ASSERT_EQUAL(frame_end(&w), 0);
        CU_ASSERT_EQUAL(b.len, 8 + 8 * (3 - i));
        frame_open(&r, b.data, b.len);
        for (uint64_t k = 0; k < 3 - i; k++)
            CU_ASSERT_EQUAL(frame_take_u64(&r), k + i);
        CU_ASSERT_EQUAL(frame_check(&r, "it", NULL), 0);
    }
    pe_buffer_free(&b);
}

/* --- what cannot be --- */

/* A frame of one number. */
static pe_buffer number(uint64_t v)
{
    pe_buffer b = {0};
    frame_writer w;

    frame_begin(&w, &b, NULL);
    frame_put_u64(&w, v);
    CU_ASSERT_EQUAL(frame_end(&w), 0);
    return b;
}

static void take_bool(frame_reader *r)
{
    CU_ASSERT_FALSE(frame_take_bool(r));
}

static void take_i32(frame_reader *r)
{
    CU_ASSERT_EQUAL(frame_take_i32(r), 0);
}

static void take_bytes(frame_reader *r)
{
    size_t len = 7;

    CU_ASSERT_PTR_NULL(frame_take_bytes(r, &len));
    CU_ASSERT_EQUAL(len, 0);
}

static void take_text(frame_reader *r)
{
    UNIT_EQUAL(frame_take_text(r), "");
}

static void take_count(frame_reader *r)
{
    CU_ASSERT_EQUAL(frame_take_count(r, 8), 0);
}

static void take_two(frame_reader *r)
{
    frame_take_u64(r);
    CU_ASSERT_EQUAL(frame_take_u64(r), 0);
}

static void test_cannot_be(void)
{
    static const struct {
        uint64_t number;
        void (*take)(frame_reader *r);
    } rows[] = {
        {2, take_bool},
        {UINT64_MAX, take_bool},
        {(uint64_t)INT32_MAX + 1, take_i32},
        {(uint64_t)((int64_t)INT32_MIN - 1), take_i32},
        {1, take_bytes},
        {UINT64_MAX, take_bytes},
        {0, take_text}, /* not even a NUL */
        {1, take_text},
        {1, take_count},
        {UINT64_MAX / 8, take_count},
        {5, take_two},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_buffer b = number(rows[i].number);
        pe_error e = {0};
        frame_reader r;

        frame_open(&r, b.data, b.len);
        rows[i].take(&r);
        CU_ASSERT_TRUE(r.bad);
        /* Nothing is read any more. */
        CU_ASSERT_EQUAL(frame_take_u64(&r), 0);
        CU_ASSERT_EQUAL(frame_take_count(&r, 1), 0);
        CU_ASSERT_EQUAL(frame_check(&r, "a word", &e), -1);
        UNIT_EQUAL(e.text, "a message that is to be a word is none: it is "
                           "cut, or holds what cannot be");
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_FAILED);
        pe_buffer_free(&b);
    }
}

/* A text with a NUL within it, or without one at its end. */
static void test_texts_that_are_none(void)
{
    static const char *const texts[] = {"a\0b", "abc"};

    for (size_t i = 0; i < COUNT(texts); i++) {
        pe_buffer b = {0};
        frame_writer w;
        frame_reader r;

        frame_begin(&w, &b, NULL);
        frame_put_bytes(&w, texts[i], 3);
        CU_ASSERT_EQUAL(frame_end(&w), 0);
        frame_open(&r, b.data, b.len);
        UNIT_EQUAL(frame_take_text(&r), "");
        CU_ASSERT_TRUE(r.bad);
        pe_buffer_free(&b);
    }
}

/* The frame says that it is longer than what there is. */
static void test_length(void)
{
    static const struct {
        uint64_t says;
        size_t there;
        bool bad;
    } rows[] = {
        {8, 16, false}, {9, 16, true}, {UINT64_MAX, 16, true}, {0, 16, false},
        {8, 15, true},  {8, 7, true},  {8, 0, true},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned char bytes[16] = {0};
        frame_reader r;

        memcpy(bytes, &rows[i].says, sizeof(rows[i].says));
        frame_open(&r, bytes, rows[i].there);
        CU_ASSERT_EQUAL(r.bad, rows[i].bad);
    }
}

/* --- what messages are made of --- */

static void test_parts(void)
{
    const params_range range = {NULL, 7, -3, INT64_MAX, 99};
    const params_device device = {(char *)"d-1", 5, UINT64_MAX, 12};
    params_counters counters, got_counters = {0};
    params_range got_range = {0};
    params_device got_device = {0};
    pe_buffer b = {0};
    pe_error e = {0};
    frame_writer w;
    frame_reader r;
    size_t range_bytes, device_bytes;

    for (size_t i = 0; i < PARAMS_N_COUNTERS; i++)
        *params_counter_at(&counters, i) = 1000 + i;
    frame_begin(&w, &b, &e);
    frame_put_counters(&w, &counters);
    range_bytes = b.len;
    frame_put_range(&w, &range);
    range_bytes = b.len - range_bytes;
    device_bytes = b.len;
    frame_put_device(&w, &device);
    device_bytes = b.len - device_bytes;
    CU_ASSERT_EQUAL(frame_end(&w), 0);
    CU_ASSERT_EQUAL(range_bytes, FRAME_RANGE_BYTES);
    CU_ASSERT_EQUAL(device_bytes, FRAME_DEVICE_BYTES + strlen("d-1"));

    frame_open(&r, b.data, b.len);
    frame_take_counters(&r, &got_counters);
    frame_take_range(&r, &got_range);
    frame_take_device(&r, &got_device);
    CU_ASSERT_EQUAL(frame_check(&r, "parts", &e), 0);
    CU_ASSERT_EQUAL(memcmp(&got_counters, &counters, sizeof(counters)), 0);
    CU_ASSERT_EQUAL(got_range.partition, 7);
    CU_ASSERT_EQUAL(got_range.from, -3);
    CU_ASSERT_EQUAL(got_range.to, INT64_MAX);
    CU_ASSERT_EQUAL(got_range.mark, 99);
    UNIT_EQUAL(got_device.device, "d-1");
    CU_ASSERT_EQUAL(got_device.partition, 5);
    CU_ASSERT_EQUAL(got_device.boot, UINT64_MAX);
    CU_ASSERT_EQUAL(got_device.seq, 12);
    pe_buffer_free(&b);
}

/* --- a state --- */

static params_state make_state(void)
{
    static params_offset offsets[] = {{(char *)"t", 0, 12, 34},
                                      {(char *)"t", 1, 0, 0},
                                      {(char *)"u", 0, 5, 6}};
    static params_device devices[] = {{(char *)"d-0", 0, 1, 2},
                                      {(char *)"", 1, 3, 4}};
    params_state s = {.version = 3,
                      .fence = 4,
                      .time_ns = -5,
                      .offsets = offsets,
                      .n_offsets = COUNT(offsets),
                      .devices = devices,
                      .n_devices = COUNT(devices)};

    memset(s.commit, 'c', PE_COMMIT_ID_LEN);
    s.counters.applied = 77;
    s.model.data = (unsigned char *)"model";
    s.model.len = 5;
    return s;
}

static pe_buffer state_frame(const params_state *s)
{
    pe_buffer b = {0};
    frame_writer w;

    frame_begin(&w, &b, NULL);
    frame_put_state(&w, s);
    CU_ASSERT_EQUAL(frame_end(&w), 0);
    return b;
}

static void test_state(void)
{
    params_state s = make_state(), got;
    pe_buffer b = state_frame(&s);
    pe_error e = {0};
    frame_reader r;

    frame_open(&r, b.data, b.len);
    CU_ASSERT_EQUAL(frame_take_state(&r, &got, &e), 0);
    CU_ASSERT_EQUAL(frame_check(&r, "a state", &e), 0);
    pe_buffer_free(&b); /* it has memory of its own */
    UNIT_EQUAL(got.commit, s.commit);
    CU_ASSERT_EQUAL(got.version, 3);
    CU_ASSERT_EQUAL(got.fence, 4);
    CU_ASSERT_EQUAL(got.time_ns, -5);
    CU_ASSERT_EQUAL(got.counters.applied, 77);
    CU_ASSERT_EQUAL_FATAL(got.n_offsets, 3);
    UNIT_EQUAL(got.offsets[2].topic, "u");
    CU_ASSERT_EQUAL(got.offsets[0].next, 12);
    CU_ASSERT_EQUAL(got.offsets[0].mark, 34);
    CU_ASSERT_EQUAL_FATAL(got.n_devices, 2);
    UNIT_EQUAL(got.devices[0].device, "d-0");
    UNIT_EQUAL(got.devices[1].device, "");
    CU_ASSERT_EQUAL(got.devices[1].seq, 4);
    CU_ASSERT_EQUAL(got.model.len, 5);
    CU_ASSERT_EQUAL(memcmp(got.model.data, "model", 5), 0);
    params_state_free(&got);
}

static void test_state_of_nothing(void)
{
    params_state s = {0}, got;
    pe_buffer b = state_frame(&s);
    frame_reader r;

    frame_open(&r, b.data, b.len);
    CU_ASSERT_EQUAL(frame_take_state(&r, &got, NULL), 0);
    CU_ASSERT_EQUAL(frame_check(&r, "a state", NULL), 0);
    UNIT_EQUAL(got.commit, "");
    CU_ASSERT_EQUAL(got.n_offsets, 0);
    CU_ASSERT_EQUAL(got.n_devices, 0);
    CU_ASSERT_EQUAL(got.model.len, 0);
    params_state_free(&got);
    pe_buffer_free(&b);
}

/* Cut anywhere, in memory that ends there, it is refused, and what was made of
 * it can be freed: see it with ASan.
 */
static void test_state_cut(void)
{
    params_state s = make_state(), got;
    pe_buffer b = state_frame(&s);

    for (size_t len = 0; len < b.len; len++) {
        unsigned char *cut = malloc(len ? len : 1);
        uint64_t says = len >= 8 ? len - 8 : 0;
        frame_reader r;

        memcpy(cut, b.data, len);
        if (len >= 8)
            memcpy(cut, &says, sizeof(says));
        frame_open(&r, cut, len);
        CU_ASSERT_EQUAL(frame_take_state(&r, &got, NULL), 0);
        CU_ASSERT_EQUAL(frame_check(&r, "a state", NULL), -1);
        params_state_free(&got);
        free(cut);
    }
    pe_buffer_free(&b);
}

/* An id that is longer than ids are. */
static void test_state_long_id(void)
{
    pe_buffer b = {0};
    params_state got;
    frame_writer w;
    frame_reader r;

    frame_begin(&w, &b, NULL);
    frame_put_text(&w, "0123456789abcdef0123456789abcdef0");
    for (int i = 0; i < 64; i++)
        frame_put_u64(&w, 0);
    CU_ASSERT_EQUAL(frame_end(&w), 0);
    frame_open(&r, b.data, b.len);
    CU_ASSERT_EQUAL(frame_take_state(&r, &got, NULL), 0);
    CU_ASSERT_TRUE(r.bad);
    UNIT_EQUAL(got.commit, "");
    params_state_free(&got);
    pe_buffer_free(&b);
}

int main(void)
{
    static const unit_test tests[] = {
        {"values in and out", test_values},
        {"a buffer is used again", test_used_again},
        {"what cannot be", test_cannot_be},
        {"texts that are none", test_texts_that_are_none},
        {"a frame beyond its message", test_length},
        {"counters, ranges, devices", test_parts},
        {"a state", test_state},
        {"a state of nothing", test_state_of_nothing},
        {"a state that is cut anywhere", test_state_cut},
        {"a state with an id too long", test_state_long_id},
        {0},
    };

    return unit_main("frame", tests);
}
