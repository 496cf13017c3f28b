/* test_record.c - headers of a record, written and read. */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/block/record.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static record_headers r;

/* Value of [name] as text in static memory, "-" when it is missing. */
static const char *value(const char *name)
{
    static char buf[4096];
    const record_header *h = record_find(&r, name);

    if (!h)
        return "-";
    snprintf(buf, sizeof(buf), "%.*s", (int)h->len, h->value);
    return buf;
}

static const pe_block full = {.device = "d-7",
                              .source = "/data/a.npy:4000",
                              .boot = 1700000000,
                              .seq = RECORD_NUMBER_MAX,
                              .has_seq = 1,
                              .version = 42,
                              .sense_ns = INT64_C(1795458120123456789),
                              .edge_ns = INT64_C(1795458120123999999)};

static void test_encode(void)
{
    static const struct {
        const char *name, *want;
    } table[] = {
        {"ce_specversion", "1.0"},
        {"ce_id", "d-7/1700000000/4611686018427387903"},
        {"ce_source", "/pilot-edge/run-1/d-7"},
        {"ce_type", "org.pilot-edge.block.v1"},
        {"ce_time", "2026-11-23T18:22:00.123456789Z"},
        {"content-type", "application/x-npy"},
        {"pe_seq", "4611686018427387903"},
        {"pe_boot", "1700000000"},
        {"pe_stage", "sense"},
        {"pe_sense_ns", "1795458120123456789"},
        {"pe_edge_ns", "1795458120123999999"},
        {"pe_model", "42"},
        {"pe_source", "/data/a.npy:4000"},
    };

    /* Twice: what was there before goes. */
    for (int pass = 0; pass < 2; pass++) {
        CU_ASSERT_EQUAL(record_encode(&r, "run-1", "sense", &full, NULL), 0);
        CU_ASSERT_EQUAL(r.n, COUNT(table));
        for (size_t i = 0; i < COUNT(table); i++)
            UNIT_EQUAL(value(table[i].name), table[i].want);
    }
}

static void test_encode_sparse(void)
{
    static const char *const absent[] = {
        "ce_id",       "ce_time",    "pe_seq",   "pe_boot",
        "pe_sense_ns", "pe_edge_ns", "pe_model", "pe_source"};
    pe_block b = {.boot = 4, .seq = 5};

    CU_ASSERT_EQUAL(record_encode(&r, "run-1", "sense", &b, NULL), 0);
    CU_ASSERT_EQUAL(r.n, 5);
    for (size_t i = 0; i < COUNT(absent); i++)
        UNIT_EQUAL(value(absent[i]), "-");
    UNIT_EQUAL(value("ce_source"), "/pilot-edge/run-1/");
}

static void test_encode_long(void)
{
    static char name[RECORD_SCRATCH];
    pe_block b = full;
    pe_error e = {0};

    memset(name, 'n', sizeof(name) - 1);
    b.device = name;
    CU_ASSERT_EQUAL(record_encode(&r, "run", "stage", &b, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    UNIT_CONTAINS(e.text, "the headers of a record of device 'nnn");
    CU_ASSERT_EQUAL(record_encode(&r, name, "stage", &full, &e), -1);
    CU_ASSERT_EQUAL(record_encode(&r, "run", name, &full, &e), -1);
    b = full;
    name[RECORD_SOURCE_MAX + 1] = '\0';
    b.source = name;
    CU_ASSERT_EQUAL(record_encode(&r, "run", "stage", &b, &e), -1);
    UNIT_CONTAINS(e.text, "shorten the names of run, stage, device or source");
    /* The longest source that is written can be read. */
    char buf[RECORD_SOURCE_MAX + 1];
    pe_block back = {0};
    name[RECORD_SOURCE_MAX] = '\0';
    CU_ASSERT_EQUAL(record_encode(&r, "run", "stage", &b, &e), 0);
    CU_ASSERT_EQUAL(record_decode(&r, &back, buf, sizeof(buf), &e), 0);
    UNIT_EQUAL(back.source, name);
}

static void test_add(void)
{
    static const struct {
        int64_t number;
        const char *want;
    } table[] = {{0, "0"},
                 {-1, "-1"},
                 {INT64_MAX, "9223372036854775807"},
                 {INT64_MIN, "-9223372036854775808"}};
    char text[] = "copied";

    record_clear(&r);
    record_add(&r, "a", text);
    text[0] = 'X';
    UNIT_EQUAL(value("a"), "copied");
    record_add_borrowed(&r, "b", text, 3);
    UNIT_EQUAL(value("b"), "Xop");
    text[0] = 'Y';
    UNIT_EQUAL(value("b"), "Yop");
    record_add_u64(&r, "c", UINT64_MAX);
    UNIT_EQUAL(value("c"), "18446744073709551615");
    for (size_t i = 0; i < COUNT(table); i++) {
        record_add_i64(&r, "d", table[i].number);
        UNIT_EQUAL(value("d"), table[i].want);
    }
    UNIT_EQUAL(value("e"), "-");
    CU_ASSERT_EQUAL(r.n, 7);
    CU_ASSERT_EQUAL(r.overflow, 0);
    record_clear(&r);
    CU_ASSERT_EQUAL(r.n, 0);
    CU_ASSERT_PTR_NULL(record_find(&r, "a"));
}

static void test_add_overflow(void)
{
    static char name[RECORD_SCRATCH + 1];

    record_clear(&r);
    for (int i = 0; i < RECORD_HEADERS_MAX; i++)
        record_add_u64(&r, "n", 1);
    CU_ASSERT_EQUAL(r.overflow, 0);
    record_add_borrowed(&r, "one more", "", 0);
    CU_ASSERT_EQUAL(r.overflow, 1);
    CU_ASSERT_EQUAL(r.n, RECORD_HEADERS_MAX);

    record_clear(&r);
    CU_ASSERT_EQUAL(r.overflow, 0);
    memset(name, 'n', sizeof(name) - 1);
    record_add(&r, "fills", name);
    CU_ASSERT_EQUAL(r.overflow, 0);
    record_add(&r, "empty", "");
    CU_ASSERT_EQUAL(r.overflow, 0);
    record_add_i64(&r, "full", 1);
    CU_ASSERT_EQUAL(r.overflow, 1);
    CU_ASSERT_EQUAL(r.n, 2);
    record_clear(&r);
    record_add(&r, "some", "x");
    record_add(&r, "too long", name);
    CU_ASSERT_EQUAL(r.overflow, 1);
    UNIT_EQUAL(value("too long"), "-");
}

static void test_round(void)
{
    char buf[512];
    pe_block b = {.device = "kept", .offset = 12, .points = 3};
    pe_error e = {0};

    CU_ASSERT_EQUAL(record_encode(&r, "run-1", "sense", &full, &e), 0);
    CU_ASSERT_EQUAL(record_decode(&r, &b, buf, sizeof(buf), &e), 0);
    CU_ASSERT_EQUAL(b.has_seq, 1);
    CU_ASSERT_EQUAL(b.boot, full.boot);
    CU_ASSERT_EQUAL(b.seq, full.seq);
    CU_ASSERT_EQUAL(b.sense_ns, full.sense_ns);
    CU_ASSERT_EQUAL(b.edge_ns, full.edge_ns);
    CU_ASSERT_EQUAL(b.version, full.version);
    UNIT_EQUAL(b.source, full.source);
    CU_ASSERT_PTR_EQUAL(b.source, buf);
    UNIT_EQUAL(b.device, "kept");
    CU_ASSERT_EQUAL(b.offset, 12);
    CU_ASSERT_EQUAL(b.points, 3);
}

static void test_decode_foreign(void)
{
    char buf[512];
    pe_block b = full;

    record_clear(&r);
    record_add(&r, "pe", "x");
    record_add(&r, "", "x");
    record_add(&r, "pe_", "x");
    record_add(&r, "pe_sequence", "x");
    record_add(&r, "pe_bootstrap", "x");
    record_add(&r, "pe_editor", "x");
    record_add(&r, "pe_mode", "x");
    record_add(&r, "pe_stage", "x");
    record_add(&r, "traceparent", "x");
    CU_ASSERT_EQUAL(record_decode(&r, &b, buf, sizeof(buf), NULL), 0);
    CU_ASSERT_EQUAL(b.has_seq, 0);
    CU_ASSERT_EQUAL(b.boot, 0);
    CU_ASSERT_EQUAL(b.seq, 0);
    CU_ASSERT_EQUAL(b.sense_ns, 0);
    CU_ASSERT_EQUAL(b.edge_ns, 0);
    CU_ASSERT_EQUAL(b.version, 0);
    CU_ASSERT_PTR_NULL(b.source);
}

static void test_decode_identity(void)
{
    char buf[512];
    pe_block b = {0};

    record_clear(&r);
    record_add(&r, "pe_seq", "5");
    CU_ASSERT_EQUAL(record_decode(&r, &b, buf, sizeof(buf), NULL), 0);
    CU_ASSERT_EQUAL(b.has_seq, 0);
    record_add(&r, "pe_boot", "0");
    CU_ASSERT_EQUAL(record_decode(&r, &b, buf, sizeof(buf), NULL), 0);
    CU_ASSERT_EQUAL(b.has_seq, 1);
    CU_ASSERT_EQUAL(b.seq, 5);
    record_add(&r, "pe_seq", "6");
    CU_ASSERT_EQUAL(record_decode(&r, &b, buf, sizeof(buf), NULL), 0);
    CU_ASSERT_EQUAL(b.seq, 6);
    record_clear(&r);
    record_add(&r, "pe_boot", "1");
    CU_ASSERT_EQUAL(record_decode(&r, &b, buf, sizeof(buf), NULL), 0);
    CU_ASSERT_EQUAL(b.has_seq, 0);
    record_add(&r, "pe_sense_ns", "-9223372036854775807");
    CU_ASSERT_EQUAL(record_decode(&r, &b, buf, sizeof(buf), NULL), 0);
    CU_ASSERT_EQUAL(b.sense_ns, -INT64_MAX);
}

static void test_decode_bad(void)
{
    static const struct {
        const char *name, *value;
        size_t len;
        const char *want;
    } table[] = {
        {"pe_seq", NULL, 0, "header pe_seq has no value"},
        {"pe_seq", "", 0, "header pe_seq has no value"},
        {"pe_seq", "12x", 3, "header pe_seq is not a whole number"},
        {"pe_seq", "-1", 2, "header pe_seq is not a whole number"},
        {"pe_seq", " 1", 2, "header pe_seq is not a whole number"},
        {"pe_seq", "1\0", 2, "header pe_seq is not a whole number"},
        {"pe_seq", "18446744073709551616", 20, "pe_seq is larger than 64"},
        {"pe_seq", "99999999999999999999", 20, "pe_seq is larger than 64"},
        /* The largest are a stray's: nothing could follow them. */
        {"pe_seq", "18446744073709551615", 20, "pe_seq is larger than 62"},
        {"pe_boot", "18446744073709551615", 20, "pe_boot is larger than 62"},
        {"pe_boot", "4611686018427387904", 19, "pe_boot is larger than 62"},
        {"pe_boot", "/", 1, "header pe_boot is not a whole number"},
        {"pe_boot", ":", 1, "header pe_boot is not a whole number"},
        {"pe_model", "v1", 2, "header pe_model is not a whole number"},
        {"pe_sense_ns", "1e9", 3, "header pe_sense_ns is not a whole number"},
        {"pe_sense_ns", "-", 1, "header pe_sense_ns is not a whole number"},
        {"pe_sense_ns", "--1", 3, "header pe_sense_ns is not a whole"},
        {"pe_sense_ns", NULL, 0, "header pe_sense_ns has no value"},
        {"pe_edge_ns", "9223372036854775808", 19, "larger than 63 bits"},
        {"pe_source", NULL, 0, "header pe_source is not text"},
        {"pe_source", "a\0b", 3, "header pe_source is not text"},
        {"pe_source", "12345678", 8, "header pe_source is too long"},
    };

    for (size_t i = 0; i < COUNT(table); i++) {
        char buf[8];
        pe_block b = {.seq = 99, .has_seq = 1};
        pe_error e = {0};
        record_clear(&r);
        record_add(&r, "pe_boot", "3");
        record_add_borrowed(&r, table[i].name, table[i].value, table[i].len);
        CU_ASSERT_EQUAL(record_decode(&r, &b, buf, sizeof(buf), &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        UNIT_CONTAINS(e.text, table[i].want);
        CU_ASSERT_EQUAL(b.seq, 99);
        CU_ASSERT_EQUAL(b.has_seq, 1);
    }
}

static void test_time(void)
{
    static const struct {
        int64_t ns;
        const char *want;
    } table[] = {
        {0, "1970-01-01T00:00:00.000000000Z"},
        {-1, "1969-12-31T23:59:59.999999999Z"},
        {INT64_C(951782400000000000), "2000-02-29T00:00:00.000000000Z"},
        {INT64_C(951868799999999999), "2000-02-29T23:59:59.999999999Z"},
        {INT64_C(951868800000000000), "2000-03-01T00:00:00.000000000Z"},
        {INT64_C(4107542400000000000), "2100-03-01T00:00:00.000000000Z"},
        {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
        {INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
    };
    char out[31];

    for (size_t i = 0; i < COUNT(table); i++) {
        record_time(table[i].ns, out, sizeof(out));
        UNIT_EQUAL(out, table[i].want);
    }
    record_time(0, out, 30);
    UNIT_EQUAL(out, "");
    out[0] = 'x';
    record_time(0, out, 0);
    CU_ASSERT_EQUAL(out[0], 'x');
}

/* Every day an int64 of nanoseconds can name, against gmtime. */
static void test_time_days(void)
{
    int bad = 0;

    for (int64_t day = -106751; day <= 106751; day++) {
        char out[31], want[32];
        time_t t = (time_t)(day * 86400);
        struct tm tm;
        gmtime_r(&t, &tm);
        strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000000000Z", &tm);
        record_time(day * INT64_C(86400000000000), out, sizeof(out));
        bad += strcmp(out, want) != 0;
    }
    CU_ASSERT_EQUAL(bad, 0);
}

/* Names are told apart by all of their bytes, not by what is kept of them. */
static void test_find(void)
{
    static const char *const names[] = {"abc", "axz",    "",         "a",
                                        "bb",  "pe_seq", "pe_sequel"};

    record_clear(&r);
    CU_ASSERT_PTR_NULL(record_find(&r, "abc"));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        record_add_borrowed(&r, names[i], names[i], strlen(names[i]));
    record_add_borrowed(&r, "axz", "last", 4);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const record_header *h = record_find(&r, names[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(h);
        UNIT_EQUAL(h->name, names[i]);
    }
    CU_ASSERT_PTR_EQUAL(record_find(&r, "axz"), &r.h[7]);
    CU_ASSERT_PTR_NULL(record_find(&r, "aqq")); /* of the tag of abc */
    CU_ASSERT_PTR_NULL(record_find(&r, "pe_boot"));
    record_clear(&r);
    CU_ASSERT_PTR_NULL(record_find(&r, "abc"));
}

int main(void)
{
    static const unit_test tests[] = {
        {"encode: every header", test_encode},
        {"encode: what is unknown is left out", test_encode_sparse},
        {"encode: names too long", test_encode_long},
        {"add: values", test_add},
        {"add: overflow", test_add_overflow},
        {"decode: what encode wrote", test_round},
        {"decode: headers of others", test_decode_foreign},
        {"decode: identity needs both halves", test_decode_identity},
        {"decode: malformed", test_decode_bad},
        {"time: table", test_time},
        {"time: every day", test_time_days},
        {"find: by all of a name", test_find},
        {NULL, NULL},
    };
    return unit_main("record", tests);
}
