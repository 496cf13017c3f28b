/* test_origin.c - which rows of a file the points of a block are made of. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/origin.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* "0 2-3 -": of each point. */
static char *points_of(const char *source, uint32_t points, char out[256])
{
    origin_reader o;
    int n = 0;

    *out = '\0';
    origin_open(&o, source);
    for (uint32_t i = 0; i < points && n < 200; i++) {
        origin_rows r = origin_next(&o);
        origin_rows alone = origin_of(source, i);

        CU_ASSERT_EQUAL(r.first, alone.first);
        CU_ASSERT_EQUAL(r.last, alone.last);
        if (i > 0)
            out[n++] = ' ';
        if (r.first < 0)
            n += snprintf(out + n, 20, "-");
        else if (r.first == r.last)
            n += snprintf(out + n, 40, "%lld", (long long)r.first);
        else
            n += snprintf(out + n, 60, "%lld-%lld", (long long)r.first,
                          (long long)r.last);
    }
    out[n] = '\0';
    return out;
}

static void test_read(void)
{
    static const struct {
        const char *source;
        uint32_t points;
        const char *rows;
        size_t path;
    } rows[] = {
        {"a:b.csv:7", 4, "7 8 9 10", 7},
        {"a.csv:0-3,5-9", 10, "0 1 2 3 5 6 7 8 9 -", 5},
        {"a.csv:4-4", 2, "4 -", 5},
        {"a.csv:1,3,8", 4, "1 3 8 -", 5},
        {"a.csv:7+", 2, "7 -", 5},
        {"a.csv:0-9/4", 4, "0-3 4-7 8-9 -", 5},
        {"a.csv:0-1,5,7-8/3", 2, "0-5 7-8", 5},
        {"a.csv:7/3", 2, "7 -", 5},
        {"a.csv:3-12*", 3, "3-12 3-12 3-12", 5},
        {"a.csv:9223372036854775807", 1, "9223372036854775807", 5},
        /* What is none. */
        {NULL, 2, "- -", 0},
        {"a.csv", 1, "-", 0},
        {"a.csv:", 1, "-", 0},
        {"a.csv:x", 1, "-", 0},
        {"a.csv:3-1", 1, "-", 0},
        {"a.csv:1-2,", 2, "- -", 0},
        {"a.csv:1-2,x", 2, "- -", 0},
        {"a.csv:1-2/0", 2, "- -", 0},
        {"a.csv:1-2/x", 2, "- -", 0},
        {"a.csv:1-2**", 1, "-", 0},
        {"a.csv:99999999999999999999", 1, "-", 0},
    };
    char text[256];

    for (size_t i = 0; i < COUNT(rows); i++) {
        UNIT_EQUAL(points_of(rows[i].source, rows[i].points, text),
                   rows[i].rows);
        CU_ASSERT_EQUAL(origin_path(rows[i].source), rows[i].path);
    }
}

/* Points that stay, by a mask with a character for each. */
static void test_keep(void)
{
    static const struct {
        const char *source, *mask, *left;
    } rows[] = {
        {"f:10", "xx.x", "f:10-11,13"},
        {"f:10", "...x", "f:13"},
        {"f:10", "xxxx", "f:10-13"},
        {"f:10", "....", ""},
        {"f:0-3,8-9", ".xxxxx", "f:1-3,8-9"},
        {"f:0-3,8-9", "x....x", "f:0,9"},
        {"f:2,4,6", "x.x", "f:2,6"},
        /* Of joined rows whole ones, of which the last is a short one. */
        {"f:0-9/4", "x.x", "f:0-3,8-9/4"},
        {"f:0-9/4", "xx.", "f:0-7/4"},
        {"f:0-1,5,7-9/3", ".x", "f:7-9/3"},
        {"f:3-12*", "x..", "f:3-12*"},
        {"f:7+", "x.", "f:7"},
        {"f:7+", ".x", ""},
        {"no rows", "x.", ""},
        {NULL, "x.", ""},
    };
    static origin_list l;

    for (size_t i = 0; i < COUNT(rows); i++) {
        origin_reader o;

        origin_begin(&l, rows[i].source);
        origin_open(&o, rows[i].source);
        for (const char *c = rows[i].mask; *c; c++)
            origin_keep(&l, &o, *c == 'x');
        origin_end(&l, &o);
        UNIT_EQUAL(l.text, rows[i].left);
    }
}

static void test_join(void)
{
    static const struct {
        const char *source;
        uint32_t points, each;
        const char *joined, *rows;
    } rows[] = {
        {"f:10", 5, 2, "f:10-14/2", "10-11 12-13 14"},
        {"f:10", 5, 1, "f:10-14", "10 11 12 13 14"},
        {"f:10", 1, 3, "f:10/3", "10 - -"},
        {"f:0-1,5-6", 4, 3, "f:0-1,5-6/3", "0-5 6"},
        /* Joined ones, and what stayed of them. */
        {"f:10-14/2", 3, 2, "f:10-14/4", "10-13 14"},
        {"f:0-3,8-9/4", 2, 2, "f:0-3,8-9/8", "0-9"},
        {"f:3-12*", 4, 2, "f:3-12*", "3-12 3-12"},
        {"f:0-3/9223372036854775807", 1, 16777216, "f:0-3*", "0-3"},
        {NULL, 4, 2, "", "- -"},
    };
    static origin_list l;
    char text[256];

    for (size_t i = 0; i < COUNT(rows); i++) {
        uint32_t n = 1;

        CU_ASSERT_EQUAL(
            origin_join(&l, rows[i].source, rows[i].points, rows[i].each),
            i != 7);
        UNIT_EQUAL(l.text, rows[i].joined);
        for (const char *c = rows[i].rows; *c; c++)
            n += *c == ' ';
        UNIT_EQUAL(points_of(l.text, n, text), rows[i].rows);
    }
}

/* Every other row of many: they find no room, and that is said; what fits is
 * read as it was written.
 */
static void test_bounds(void)
{
    static char path[3000];
    static origin_list l;

    memset(path, 'p', sizeof(path));
    for (uint32_t n = 100; n <= 1600; n += 100)
        for (size_t len = 5; len < sizeof(path) - 8; len += 700) {
            origin_reader o;
            bool fits;

            memcpy(path + len, ":1000", 6);
            origin_begin(&l, path);
            origin_open(&o, path);
            for (uint32_t i = 0; i < n; i++)
                origin_keep(&l, &o, i % 2 == 0);
            fits = origin_end(&l, &o);
            memset(path + len, 'p', 6);
            CU_ASSERT(strlen(l.text) <= RECORD_SOURCE_MAX);
            CU_ASSERT_EQUAL(fits, strchr(l.text, '*') == NULL);
            CU_ASSERT_EQUAL(origin_of(l.text, 0).first, 1000);
            CU_ASSERT_EQUAL(origin_of(l.text, n / 2 - 1).last, 1000 + n - 2);
            CU_ASSERT_EQUAL(origin_of(l.text, n / 2 - 1).first,
                            fits ? 1000 + n - 2 : 1000);
            CU_ASSERT(fits || n > 300 || len > 1000);
            CU_ASSERT(!fits || n < 1000);
        }
}

/* Somebody's own function says what it does with rows, or nobody knows. */
static void test_trust(void)
{
    static const struct {
        const char *before, *after;
        uint32_t from, to;
        const char *source;
    } rows[] = {
        {"f:4", "f:4", 10, 10, "f:4"},
        {"f:4", "f:4", 10, 3, "f:4-13*"},
        {"f:4", "f:4", 10, 20, "f:4-13*"},
        {"f:4", "f:5-7", 10, 3, "f:5-7"},
        {"f:4-13*", "f:4-13*", 3, 2, "f:4-13*"},
        {"f:0-5/2", "f:0-5/2", 3, 2, "f:0-5*"},
        {"who knows", "who knows", 3, 2, "who knows"},
    };
    static origin_list l;

    for (size_t i = 0; i < COUNT(rows); i++) {
        const pe_block in = {.source = rows[i].before, .points = rows[i].from},
                       out = {.source = rows[i].after, .points = rows[i].to};

        UNIT_EQUAL(origin_trust(&l, &in, &out), rows[i].source);
    }
    CU_ASSERT_PTR_NULL(
        origin_trust(&l, &(pe_block){.points = 3}, &(pe_block){.points = 2}));
}

int main(void)
{
    static const unit_test tests[] = {
        {"origin: rows of points", test_read},
        {"origin: what stays", test_keep},
        {"origin: what is joined", test_join},
        {"origin: what finds no room", test_bounds},
        {"origin: functions that say nothing", test_trust},
        {0},
    };

    return unit_main("origin", tests);
}
