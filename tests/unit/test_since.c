/* test_since.c - times that are numbers since an instant. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "src/store/since.h"

#define S INT64_C(1000000000)

/* Units, calendar, a number, and the time it stands for. */
static void test_times(void)
{
    static const struct {
        const char *units, *calendar;
        double value;
        int64_t ns;
    } table[] = {
        {"seconds since 2026-01-01", NULL, 0, 1767225600 * S},
        {"seconds since 2026-01-01", "", 0.25, 1767225600 * S + S / 4},
        {"days since 1970-1-1", "standard", 1.5, 129600 * S},
        {"  days   since   1970-01-01 ", "STANDARD", 1, 86400 * S},
        {"hours since 1900-01-01 00:00:0.0", "gregorian", 1e6, 1391011200 * S},
        {"h since 1970-01-01T06:00", NULL, 1, 25200 * S},
        {"minutes since 2000-01-01 12:30 +1:00", NULL, 2, 946726320 * S},
        {"min since 2000-01-01 12:30:00 1:00", NULL, 2, 946726320 * S},
        {"ms since 1970-01-01T00:00:00Z", NULL, 1500.25, 1500250000},
        {"milliseconds since 1970-01-01", NULL, -1500, -1500000000},
        {"microseconds since 1970-01-01 UTC", NULL, 7, 7000},
        {"us since 1970-01-01 gmt", NULL, 0.5, 500},
        {"nanoseconds since 1970-01-01", NULL, 5, 5},
        {"weeks since 1970-01-01", NULL, 1, 604800 * S},
        {"Seconds Since 1970-01-01 -0530", NULL, 0, 19800 * S},
        {"s since 1970-01-01 +05:30", NULL, 0, -19800 * S},
        {"s since 2024-02-29 24:00", NULL, 0, 1709251200 * S},
        /* Before 1582-10-15 the standard calendar is Julian. */
        {"days since 0001-01-01", NULL, 719165, 86400 * S},
        {"days since 1-1-1", "proleptic_gregorian", 719163, 86400 * S},
        {"days since 1582-10-04", NULL, 141429, 86400 * S},
        {"days since 1582-10-15", NULL, 141428, 86400 * S},
        {"days since 1500-02-29", NULL, 171597, 86400 * S},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char why[SINCE_WHY] = "";
        since s = {0};
        int64_t ns = -1;
        CU_ASSERT(since_parse(table[i].units, table[i].calendar, &s, why));
        UNIT_EQUAL(why, "");
        CU_ASSERT(since_ns(&s, table[i].value, &ns));
        CU_ASSERT_EQUAL(ns, table[i].ns);
        if (ns != table[i].ns)
            UNIT_EQUAL(table[i].units, "");
    }
}

static void test_refused(void)
{
    static const struct {
        const char *units, *calendar, *why;
    } table[] = {
        {"days", NULL, "its units 'days' do not say since when"},
        {"", NULL, "its units '' do not say since when"},
        {"days since", NULL, "its units 'days since' do not say since when"},
        {"months since 2000-01-01", NULL,
         "it counts 'months', which is no length of time"},
        {"years since 2000-01-01", NULL, "it counts 'years'"},
        {"a unit of one's own, that has many words since 2000-01-01", NULL,
         "it counts 'a'"},
        {"days since 2000-01-01", "noleap", "its calendar is noleap"},
        {"days since 2000-01-01", "360_day", "its calendar is 360_day"},
        {"days since 2000-01-01", "julian", "its calendar is julian"},
        {"days since 2026-02-29", NULL, "'2026-02-29' is no instant, as "},
        {"days since 1500-02-29", "proleptic_gregorian", "is no instant"},
        {"days since 1900-02-29", NULL, "is no instant"},
        {"days since 2000-13-01", NULL, "is no instant"},
        {"days since 2000-00-01", NULL, "is no instant"},
        {"days since 2000-01-00", NULL, "is no instant"},
        {"days since 0-1-1", NULL, "'0-1-1' is no instant"},
        {"days since 2000-01", NULL, "is no instant"},
        {"days since 20000101", NULL, "is no instant"},
        {"days since yesterday", NULL, "'yesterday' is no instant"},
        {"days since 2000-01-01 25:00", NULL, "is no instant"},
        {"days since 2000-01-01 12:60", NULL, "is no instant"},
        {"days since 2000-01-01 12:", NULL, "is no instant"},
        {"days since 2000-01-01 12:00:", NULL, "is no instant"},
        {"days since 2000-01-01 12:00 +16", NULL, "is no instant"},
        {"days since 2000-01-01 12:00 +1:99", NULL, "is no instant"},
        {"days since 2000-01-01 12:00 CET", NULL, "is no instant"},
        {"days since 2000-01-01 12:00Z and on", NULL, "is no instant"},
        {"days since 1234567-01-01", NULL, "is no instant"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char why[SINCE_WHY] = "";
        since s = {0};
        CU_ASSERT_FALSE(
            since_parse(table[i].units, table[i].calendar, &s, why));
        UNIT_CONTAINS(why, table[i].why);
    }
}

/* Numbers that are no time people have data of. */
static void test_out_of_range(void)
{
    static const double values[] = {-30000, 90000,    1e30, -1e30,
                                    9e18,   INFINITY, NAN,  -INFINITY};
    const since days = {0, 86400 * S}, weeks = {0, 7 * 86400 * S};
    const since seconds = {0, S};
    int64_t ns = 1;

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        CU_ASSERT_FALSE(since_ns(&days, values[i], &ns));
    CU_ASSERT_FALSE(since_whole_ns(&weeks, INT64_MAX, &ns));
    CU_ASSERT_FALSE(since_whole_ns(&weeks, INT64_MIN, &ns));
    CU_ASSERT_FALSE(since_whole_ns(&seconds, INT64_MAX, &ns));
    CU_ASSERT_FALSE(since_whole_ns(&seconds, -2208988801, &ns));
    CU_ASSERT_FALSE(since_whole_ns(&seconds, 7258118401, &ns));
    CU_ASSERT_EQUAL(ns, 1);
    CU_ASSERT(since_whole_ns(&seconds, -2208988800, &ns));
    CU_ASSERT_EQUAL(ns, -2208988800 * S);
}

/* Whole numbers keep all of their digits. */
static void test_whole(void)
{
    const since nanoseconds = {0, 1}, ms = {1, 1000000}, day = {0, 86400 * S};
    int64_t ns = 0;

    CU_ASSERT(since_whole_ns(&nanoseconds, 1767225600123456789, &ns));
    CU_ASSERT_EQUAL(ns, 1767225600123456789);
    CU_ASSERT(since_whole_ns(&nanoseconds, -1, &ns));
    CU_ASSERT_EQUAL(ns, -1);
    CU_ASSERT(since_whole_ns(&ms, -1500, &ns));
    CU_ASSERT_EQUAL(ns, -500000000);
    CU_ASSERT(since_whole_ns(&day, 20454, &ns));
    CU_ASSERT_EQUAL(ns, 1767225600 * S);
}

/* NeXus says the instant apart, and may leave its zone to the user. */
static void test_start(void)
{
    static const struct {
        const char *units, *start;
        int zone_s;
        int64_t base_s; /* -1: refused */
        const char *why;
    } table[] = {
        {"s", "2026-01-01T00:00:00", 0, 1767225600, ""},
        {"ms", "2026-01-01T00:00:00", 3600, 1767222000, ""},
        {"us", "2026-01-01T00:00:00+02:00", 3600, 1767218400, ""},
        {"min", "2026-01-01 00:00:00.125Z", 3600, 1767225600, ""},
        {"degree", "2026-01-01T00:00:00", 0, -1,
         "it counts 'degree', which is no length of time"},
        {"", "2026-01-01T00:00:00", 0, -1, "it counts ''"},
        {"s", "noon", 0, -1, "'noon' is no instant"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char why[SINCE_WHY] = "";
        since s = {0};
        bool is = since_start(table[i].units, table[i].start, table[i].zone_s,
                              &s, why);
        CU_ASSERT_EQUAL(is, table[i].base_s != -1);
        UNIT_CONTAINS(why, table[i].why);
        if (is)
            CU_ASSERT_EQUAL(s.base_s, table[i].base_s);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"times", test_times},          {"no clock", test_refused},
        {"no time", test_out_of_range}, {"whole numbers", test_whole},
        {"since a start", test_start},  {NULL, NULL},
    };

    return unit_main("since", tests);
}
