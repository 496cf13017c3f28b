/* test_number.c - numbers and times out of text. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/table/number.h"
#include "src/table/stamp.h"

static uint64_t state;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* A number as programs write them, of any length and size. */
static void make_text(char *out, size_t cap)
{
    uint64_t kind = next(), bits = next();
    int digits = (int)(kind >> 8 & 15), small = (int)(next() % 60) - 30;
    double any;

    switch (kind % 6) {
    case 0: /* any double, to the last bit */
        memcpy(&any, &bits, sizeof(any));
        any = isfinite(any) ? any : 1.5;
        snprintf(out, cap, "%.17g", any);
        break;
    case 1: /* as numpy.savetxt */
        snprintf(out, cap, "%.18e", ldexp((double)(int64_t)bits, small - 63));
        break;
    case 2: /* as loggers */
        snprintf(out, cap, "%s%llu.%0*llu", kind & 256 ? "-" : "",
                 (unsigned long long)(bits % 100000), digits + 1,
                 (unsigned long long)(bits >> 40));
        break;
    case 3:
        snprintf(out, cap, "%lluE%+d", (unsigned long long)bits, small * 2);
        break;
    case 4:
        snprintf(out, cap, "%.*g", digits + 1,
                 (double)(int64_t)bits / (double)(next() | 1));
        break;
    default: /* halfway between two doubles, or nearly */
        snprintf(out, cap, "%llu%s",
                 (unsigned long long)((bits >> 11 | UINT64_C(1) << 52) * 2 + 1),
                 kind & 256 ? "" : "e-9");
    }
}

/* Two million texts: the same bits as strtod. */
static void test_numbers_oracle(void)
{
    int differ = 0, refused = 0;

    state = UINT64_C(88172645463325252);
    for (int i = 0; i < 2000000; i++) {
        char text[96];
        double want, got = -1;
        make_text(text, sizeof(text));
        want = strtod(text, NULL);
        if (!number_parse(text, text + strlen(text), '.', &got))
            refused++;
        else if (memcmp(&got, &want, sizeof(got)) != 0)
            differ++;
    }
    CU_ASSERT_EQUAL(refused, 0);
    CU_ASSERT_EQUAL(differ, 0);
}

static void test_numbers_table(void)
{
    static const struct {
        const char *text;
        char decimal;
        const char *want; /* NULL: it is none */
    } rows[] = {
        {"0", '.', "0"},
        {"-0", '.', "-0"},
        {"+7", '.', "7"},
        {".5", '.', "0.5"},
        {"5.", '.', "5"},
        {"1e400", '.', "inf"},
        {"-1e400", '.', "-inf"},
        {"1e-400", '.', "0"},
        {"0e99999", '.', "0"},
        {"1e99999999999", '.', "inf"},
        {"4.9e-324", '.', "4.9406564584124654e-324"},
        {"1.7976931348623157e308", '.', "1.7976931348623157e+308"},
        {"9007199254740993", '.', "9007199254740992"},
        {"00000000000000000000000000000012.5", '.', "12.5"},
        {"1,5", ',', "1.5"},
        {"-1,5e2", ',', "-150"},
        {"1.5", ',', NULL},
        {"1,5", '.', NULL},
        {"Inf", '.', "inf"},
        {"-infinity", '.', "-inf"},
        {"", '.', NULL},
        {".", '.', NULL},
        {"-", '.', NULL},
        {"+-1", '.', NULL},
        {"1e", '.', NULL},
        {"1e+", '.', NULL},
        {"1.2.3", '.', NULL},
        {"0x1f", '.', NULL},
        {"nan", '.', NULL},
        {"infinite", '.', NULL},
        {"1 2", '.', NULL},
        {"12a", '.', NULL},
        {"1_000", '.', NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double value = 0;
        char got[40] = "none";
        const char *end = rows[i].text + strlen(rows[i].text);
        if (number_parse(rows[i].text, end, rows[i].decimal, &value))
            snprintf(got, sizeof(got), "%.17g", value);
        UNIT_EQUAL(got, rows[i].want ? rows[i].want : "none");
    }
}

/* The byte behind is no part of it, whatever it is. */
static void test_numbers_scan(void)
{
    static const struct {
        const char *text;
        int used; /* -1: it is not plain */
    } rows[] = {
        {"12,3\n\0\0\0\0\0\0\0", 2},
        {"1.5e3;\0\0\0\0\0\0\0\0", 5},
        {"123456789.25\n\0\0\0\0\0\0\0", 12},
        {"x\0\0\0\0\0\0\0\0", -1},
        {"1e\n\0\0\0\0\0\0\0\0", -1},
        {",\0\0\0\0\0\0\0\0", -1},
        {"12345678901234567890\n\0\0\0\0\0\0\0\0", -1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double value;
        const char *end = number_scan(rows[i].text, '.', &value);
        CU_ASSERT_EQUAL(end ? (int)(end - rows[i].text) : -1, rows[i].used);
    }
}

static void test_stamps(void)
{
    static const struct {
        const char *format, *text, *zone;
        int64_t want; /* ns; 0: it is none */
    } rows[] = {
#define S INT64_C(1000000000)
        {"iso", "2026-11-29T08:15:00Z", "UTC", 1795940100 * S},
        {"iso", "2026-11-29 08:15:00", "+01:00", 1795936500 * S},
        {"iso", "2026-11-29 08:15:00.25+0130", "UTC", 1795934700 * S + S / 4},
        {"iso", "2026-11-29 08:15:00,000000001", "UTC", 1795940100 * S + 1},
        {"iso", "2026/11/29 08:15", "UTC", 1795940100 * S},
        {"iso", "2026-11-29", "UTC", 1795910400 * S},
        {"iso", "1969-12-31 23:59:59", "UTC", -S},
        {"iso", "2026-02-29", "UTC", 0},
        {"iso", "2024-02-29", "UTC", 1709164800 * S},
        {"iso", "2026-11-29 25:00:00", "UTC", 0},
        {"iso", "29.11.2026", "UTC", 0},
        {"iso", "2026-11-29 08:15:00 x", "UTC", 0},
        {"dmy", "29.11.2026 08:15:00", "UTC", 1795940100 * S},
        {"dmy", "1/2/2026", "UTC", 1769904000 * S},
        {"mdy", "1/2/2026", "UTC", 1767312000 * S},
        {"mdy", "11/29/2026 8:15:00 PM", "UTC", 1795983300 * S},
        {"mdy", "11/29/2026 12:15:00 am", "UTC", 1795911300 * S},
        {"s", "1795940100", "UTC", 1795940100 * S},
        {"s", "1795940100.5", "UTC", 1795940100 * S + S / 2},
        {"ms", "1795940100123", "UTC", 1795940100 * S + 123000000},
        {"us", "1795940100123456", "UTC", 1795940100 * S + 123456000},
        {"ns", "1795940100123456789", "UTC", 1795940100 * S + 123456789},
        {"s", "1e300", "UTC", 0},
        {"s", "later", "UTC", 0},
        {"%d-%b-%Y %H:%M:%S.%f", "29-Nov-2026 08:15:00.5", "UTC",
         1795940100 * S + S / 2},
        {"%Y,%j,%H%M", "2026,333,0815", "UTC", 1795940100 * S},
        {"%Y%m%d%H%M%S%z", "20261129081500+0100", "UTC", 1795936500 * S},
        {"%H:%M", "08:15 x", "UTC", 0},
#undef S
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        stamp_format f = {.decimal = '.'};
        int64_t got = 0;
        const char *end = rows[i].text + strlen(rows[i].text);
        CU_ASSERT_EQUAL(stamp_word(rows[i].format, &f, NULL), 0);
        CU_ASSERT_EQUAL(stamp_zone(rows[i].zone, &f.zone_s, NULL), 0);
        if (!stamp_parse(&f, rows[i].text, end, &got))
            got = 0;
        if (got != rows[i].want)
            printf("# %s: %lld\n", rows[i].text, (long long)got);
        CU_ASSERT_EQUAL(got, rows[i].want);
    }
}

static void test_stamp_words(void)
{
    stamp_format f = {0};
    pe_error e = {0};
    int zone;

    CU_ASSERT_EQUAL(stamp_word("ymd", &f, &e), -1);
    UNIT_EQUAL(e.text, "format: 'ymd' is none of iso, dmy, mdy, s, ms, us, ns, "
                       "and no pattern like %d.%m.%Y %H:%M:%S");
    CU_ASSERT_EQUAL(stamp_zone("Berlin", &zone, &e), -1);
    UNIT_EQUAL(e.text, "zone: 'Berlin' is none; write UTC, or what is added to "
                       "it, as +01:00");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
}

int main(void)
{
    static const unit_test tests[] = {
        {"numbers: the bits of strtod", test_numbers_oracle},
        {"numbers: table", test_numbers_table},
        {"numbers: what follows them", test_numbers_scan},
        {"times: table", test_stamps},
        {"times: words of a user", test_stamp_words},
        {NULL, NULL},
    };

    return unit_main("number", tests);
}
