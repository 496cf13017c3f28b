/* test_stamp.c - what a text may be as a time, and what none is. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "src/table/stamp.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define S INT64_C(1000000000)

enum {
    YMD = STAMP_MAY_YMD | STAMP_HAS_DAY,
    DMY = STAMP_MAY_DMY | STAMP_HAS_DAY,
    MDY = STAMP_MAY_MDY | STAMP_HAS_DAY,
    EITHER = STAMP_MAY_DMY | STAMP_MAY_MDY | STAMP_HAS_DAY,
    CLOCK = STAMP_HAS_CLOCK,
    ZONE = STAMP_HAS_ZONE,
};

static void test_shapes(void)
{
    static const struct {
        const char *text;
        unsigned want;
    } rows[] = {
        {"2026-11-29", YMD},
        {"2026/11/29", YMD},
        {"2026.11.29", YMD},
        {"2026-1-2", YMD},
        {"2026-11-29T08:15", YMD | CLOCK},
        {"2026-11-29t08:15:00", YMD | CLOCK},
        {"2026-11-29_08:15:00", YMD | CLOCK},
        {"2026-11-29   08:15:00", YMD | CLOCK},
        {"2026-11-29 08:15:00Z", YMD | CLOCK | ZONE},
        {"2026-11-29 08:15:00z", YMD | CLOCK | ZONE},
        {"2026-11-29 08:15:00 UTC", YMD | CLOCK | ZONE},
        {"2026-11-29 08:15:00 GMT", YMD | CLOCK | ZONE},
        {"2026-11-29 08:15:00.123456789012", YMD | CLOCK},
        {"2026-11-29 08:15:00+01:00", YMD | CLOCK | ZONE},
        {"2026-11-29 08:15:00-0130", YMD | CLOCK | ZONE},
        {"2026-11-29 08:15:00+14", YMD | CLOCK | ZONE},
        {"29.11.2026", DMY},
        {"29/11/2026", DMY},
        {"11/29/2026", MDY},
        {"1/2/2026", EITHER},
        {"01-02-2026", EITHER},
        {"1.2.2026", DMY}, /* nobody writes months first so */
        {"31.12.2026 23:59:60", DMY | CLOCK},
        {"11/29/2026 8:15 PM", MDY | CLOCK},
        {"11/29/2026 8:15pm", MDY | CLOCK},
        {"08:15", CLOCK},
        {"8:15:00", CLOCK},
        {"24:00:00", CLOCK},
        {"08:15:00Z", CLOCK | ZONE},
        /* Leap years of the calendar. */
        {"2000-02-29", YMD},
        {"1904-02-29", YMD},
        {"1900-02-29", STAMP_NO},
        {"2100-02-29", STAMP_NO},
        {"2026-02-30", STAMP_NO},
        {"2026-04-31", STAMP_NO},
        {"2026-00-10", STAMP_NO},
        {"2026-13-10", STAMP_NO},
        {"2026-11-0", STAMP_NO},
        {"1899-12-31", STAMP_NO},
        {"2201-01-01", STAMP_NO},
        {"32/13/2026", STAMP_NO},
        /* What only looks like one. */
        {"", STAMP_NO},
        {"2026", STAMP_NO},
        {"2026-11", STAMP_NO},
        {"2026-11/29", STAMP_NO},
        {"2026-11-291", STAMP_NO},
        {"20266-11-29", STAMP_NO},
        {"29.11.26", STAMP_NO},
        {"2026-11-29x", STAMP_NO},
        {"2026-11-29 ", STAMP_NO},
        {"2026-11-29 x", STAMP_NO},
        {"2026-11-29T", STAMP_NO},
        {"2026-11-29 8", STAMP_NO},
        {"2026-11-29 08:1", STAMP_NO},
        {"2026-11-29 08:60", STAMP_NO},
        {"2026-11-29 25:00", STAMP_NO},
        {"2026-11-29 08:15:61", STAMP_NO},
        {"2026-11-29 08:15:", STAMP_NO},
        {"2026-11-29 08:15:00.", STAMP_NO},
        {"2026-11-29 08:15:00+", STAMP_NO},
        {"2026-11-29 08:15:00+1", STAMP_NO},
        {"2026-11-29 08:15:00+15", STAMP_NO},
        {"2026-11-29 08:15:00+01:6", STAMP_NO},
        {"2026-11-29 08:15:00+01:60", STAMP_NO},
        {"2026-11-29 08:15:00 CET", STAMP_NO},
        {"2026-11-29 13:15:00 PM", STAMP_NO},
        {"8:15:00 XM", STAMP_NO},
        {"1:2:3", STAMP_NO},
        {"10.0.0.1", STAMP_NO},
        {"2026-11-29 08:15:00 and so on, for longer than any time is written, "
         "whatever it may say",
         STAMP_NO},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned got =
            stamp_shape(rows[i].text, rows[i].text + strlen(rows[i].text));

        if (got != rows[i].want)
            printf("# '%s': %u, and not %u\n", rows[i].text, got, rows[i].want);
        CU_ASSERT_EQUAL(got, rows[i].want);
    }
}

static bool parse(const char *format, const char *zone, const char *text,
                  int64_t *nsp)
{
    stamp_format f = {.decimal = '.'};

    CU_ASSERT_EQUAL(stamp_word(format, &f, NULL), 0);
    CU_ASSERT_EQUAL(stamp_zone(zone, &f.zone_s, NULL), 0);
    return stamp_parse(&f, text, text + strlen(text), nsp);
}

/* The same moment, however it is written. */
static void test_one_moment(void)
{
    static const struct {
        const char *format, *zone, *text;
    } rows[] = {
        {"iso", "UTC", "2026-11-29T08:15:00Z"},
        {"iso", "UTC", "2026-11-29 08:15"},
        {"iso", "Z", "2026-11-29 08:15"},
        {"iso", "GMT", "2026-11-29 08:15"},
        {"iso", "+01:00", "2026-11-29 09:15"},
        {"iso", "+01", "2026-11-29 09:15"},
        {"iso", "-0930", "2026-11-28 22:45"},
        {"iso", "+14:00", "2026-11-29 22:15"},
        {"iso", "+05:00", "2026-11-29 08:15 UTC"}, /* its own one counts */
        {"iso", "+05:00", "2026-11-29 09:15+01"},
        {"dmy", "UTC", "29/11/2026 8:15 am"},
        {"dmy", "UTC", "29-11-2026 08:15:00.000"},
        {"mdy", "UTC", "11/29/2026 08:15"},
        {"s", "UTC", "1795940100"},
        {"s", "UTC", "1795940100.0"},
        {"s", "UTC", "1.7959401e9"},
        {"s", "UTC", "+1795940100"},
        {"ms", "UTC", "1795940100000"},
        {"ms", "UTC", "1795940100000.0"},
        {"us", "UTC", "1795940100000000"},
        {"ns", "UTC", "1795940100000000000"},
        {"%s%%%d", "UTC", ""}, /* no local time: none */
        {"%d.%m.%Y %H:%M", "UTC", "29.11.2026 08:15"},
        {"%d.%m.%Y %H:%M", "+01:00", "29.11.2026 09:15"},
        {"%Y%%%j %H:%M", "UTC", "2026%333 08:15"},
        {"%m/%d/%Y %I:%M %p", "UTC", "11/29/2026 08:15 AM"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ns = 0;
        bool is = parse(rows[i].format, rows[i].zone, rows[i].text, &ns);

        CU_ASSERT_EQUAL(is, *rows[i].text != '\0');
        if (is && ns != 1795940100 * S)
            printf("# %s '%s': %lld\n", rows[i].format, rows[i].text,
                   (long long)ns);
        CU_ASSERT_EQUAL(ns, is ? 1795940100 * S : 0);
    }
}

/* What is before 1900 or after 2200 is no time, and nothing overflows. */
static void test_bounds(void)
{
    static const struct {
        const char *format, *text;
        bool is;
    } rows[] = {
        {"iso", "1900-01-01 00:00:00", true},
        {"iso", "2200-01-01 00:00:00", true},
        {"iso", "2200-01-01 00:00:01", false},
        {"iso", "1900-01-01 00:00:00+01:00", false},
        {"s", "-2208988800", true},
        {"s", "7258118400", true},
        {"s", "7258118401", false},
        {"s", "-7258118401", false},
        {"s", "99999999999999999999", false},
        {"ms", "7258118400000", true},
        {"ms", "7258118400001", false},
        {"ns", "7258118400000000000", true},
        {"ns", "9999999999999999999", false},
        {"s", "1e30", false},
        {"s", "-inf", false},
        {"s", "nan", false},
        {"s", "", false},
        {"s", "12:00", false},
        {"%Y", "1850", false},
        {"%Y", "2026", true},
        {"%Y", "20266", false},
        {"%d", "99", false},
        {"%z", "x", false},
        {"%f", "x", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ns = 77;
        bool is = parse(rows[i].format, "UTC", rows[i].text, &ns);

        if (is != rows[i].is)
            printf("# %s '%s'\n", rows[i].format, rows[i].text);
        CU_ASSERT_EQUAL(is, rows[i].is);
        CU_ASSERT(is || ns == 77);
    }
}

/* Numbers keep all their digits. */
static void test_digits(void)
{
    static const struct {
        const char *format, *text;
        int64_t want;
    } rows[] = {
        {"s", "1795940100.123456789", 1795940100 * S + 123456789},
        {"s", "0.000000001", 1},
        {"s", "-0.5", -S / 2},
        {"ms", "1795940100123.5", 1795940100 * S + 123500000},
        {"us", "1795940100123456", 1795940100 * S + 123456000},
        {"ns", "1795940100123456789", 1795940100 * S + 123456789},
        {"ns", "17", 17},
        {"ns", "-17", -17},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ns = 0;

        CU_ASSERT(parse(rows[i].format, "UTC", rows[i].text, &ns));
        /* A double of these years has steps of 0.2 us. */
        int64_t off = strchr(rows[i].text, '.') ? 500 : 0;
        CU_ASSERT(ns - rows[i].want <= off && rows[i].want - ns <= off);
    }
}

static bool reads(const stamp_format *f, const char *s, int64_t *ns)
{
    return stamp_parse(f, s, s + strlen(s), ns);
}

static void test_elapsed(void)
{
    stamp_format f = {
        .kind = STAMP_ELAPSED, .decimal = ',', .base_ns = 1795940100 * S};
    int64_t ns = 0;

    CU_ASSERT(reads(&f, "0,25", &ns));
    CU_ASSERT_EQUAL(ns, 1795940100 * S + S / 4);
    CU_ASSERT(reads(&f, "60", &ns));
    CU_ASSERT_EQUAL(ns, 1795940160 * S);
    CU_ASSERT_FALSE(reads(&f, "0.25", &ns));
    f.kind = STAMP_NONE;
    CU_ASSERT_FALSE(reads(&f, "60", &ns));
}

static void test_names(void)
{
    static const struct {
        const char *word, *name;
    } rows[] = {{"iso", "ISO 8601"},
                {"dmy", "day, month, year"},
                {"mdy", "month, day, year"},
                {"s", "seconds since 1970"},
                {"ms", "milliseconds since 1970"},
                {"us", "microseconds since 1970"},
                {"ns", "nanoseconds since 1970"},
                {"%d/%m", "%d/%m"}};
    stamp_format none = {0}, elapsed = {.kind = STAMP_ELAPSED};

    for (size_t i = 0; i < COUNT(rows); i++) {
        stamp_format f = {0};

        CU_ASSERT_EQUAL(stamp_word(rows[i].word, &f, NULL), 0);
        UNIT_EQUAL(stamp_name(&f), rows[i].name);
    }
    UNIT_EQUAL(stamp_name(&none), "");
    UNIT_EQUAL(stamp_name(&elapsed), "seconds since its header's time");
}

static void test_zones(void)
{
    static const struct {
        const char *word;
        int want; /* s; -1: none */
    } rows[] = {
        {"UTC", 0},        {"GMT", 0},      {"Z", 0},       {"z", 0},
        {"+01:00", 3600},  {"+0100", 3600}, {"+01", 3600},  {"-05:30", -19800},
        {"+14:00", 50400}, {"", -1},        {"+", -1},      {"+1", -1},
        {"+15:00", -1},    {"+01:60", -1},  {"+01:0", -1},  {"01:00", -1},
        {"CET", -1},       {"UTC+1", -1},   {"+01:00 ", -1}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        int zone = -1;

        CU_ASSERT_EQUAL(stamp_zone(rows[i].word, &zone, &e),
                        rows[i].want == -1 ? -1 : 0);
        CU_ASSERT_EQUAL(zone, rows[i].want);
        if (rows[i].want == -1)
            UNIT_CONTAINS(e.text, "' is none; write UTC, or what is added");
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"times: shapes", test_shapes},
        {"times: one moment", test_one_moment},
        {"times: bounds", test_bounds},
        {"times: digits", test_digits},
        {"times: since a header's", test_elapsed},
        {"times: names", test_names},
        {"times: zones", test_zones},
        {NULL, NULL},
    };

    return unit_main("stamp", tests);
}
