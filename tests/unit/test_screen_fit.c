/* test_screen_fit.c - any document fits on any screen, cut between characters.
 */
#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_quoted.h"
#include "src/common/text.h"
#include "src/watch/screen_private.h"

static screen_lines lines;

/* [doc] on [s]; the lines are there until the next call. */
static void show(const json_t *doc, screen *s)
{
    screen_free(&lines);
    screen_make(doc, s, &lines);
    CU_ASSERT_FALSE(lines.failed);
}

static screen screen_of(int rows, int cols)
{
    return (screen){
        .rows = rows, .cols = cols, .looks = 1, .rank = -1, .partition = -1};
}

static bool is_utf8(const char *s)
{
    size_t n;

    for (; *s; s += n)
        if (!(n = text_utf8(s, strlen(s))))
            return false;
    return true;
}

/* The line of the screen that begins with [words], without looks; "": none. */
static const char *line_of(const char *words)
{
    static char out[4096];

    for (size_t i = 0; i < lines.n; i++) {
        snprintf(out, sizeof(out), "%s", lines.line[i]);
        screen_strip(out);
        if (!strncmp(out, words, strlen(words)))
            return out;
    }
    return "";
}

/* --- bad documents --- */

/* What is of another type than it should be is as if it were not there. */
static void test_bad(void)
{
    static const struct {
        const char *doc, *words, *line;
    } rows[] = {
        {"{}", "?", "?  ?  "},
        {"[]", "rate", "rate     ?"},
        {"{'run': 5, 'state': []}", "?", "?  ?  "},
        {"{'rate': 'fast'}", "rate", "rate     0 blocks/s  0 points/s  0 MB/s"},
        {"{'lag': {'blocks': '9'}}", "lag", "lag      0 blocks  "},
        {"{'lag': {'blocks': 9}}", "lag",
         "lag      9 blocks, and nothing is processed  "},
        {"{'lag': {'blocks': 9}, 'exit': 0}", "lag",
         "lag      9 blocks were left  "},
        {"{'lag': {'blocks': 9, 'seconds': 2, 'blocks_per_s': -30}}", "lag",
         "lag      9 blocks = 2.0 s of work, shrinks by 30/s  "},
        {"{'lag': {'blocks': 9, 'seconds': 2, 'blocks_per_s': 0.9}}", "lag",
         "lag      9 blocks = 2.0 s of work  "},
        {"{'model': 7}", "model", "model    ? version 0, commit "},
        {"{'blocks': []}", "blocks", "blocks   ?"},
        {"{'blocks': {'refused': 0}}", "blocks", "blocks   ?"},
        {"{'blocks': {'applied': 0, 'lost': 3}, 'masked': 2}", "blocks",
         "blocks   0 applied  3 lost  2 points masked  "},
        {"{'hops': [1, {'hop': 'x'}]}", "pressure", "pressure ? ?  x ?"},
        {"{'hops': [{'hop': 'x', 'pressure': 'new', 'text': 't'}]}", "pressure",
         "pressure x new"},
        {"{'verdict': 3}", "verdict", ""},
        {"{'pilots': [1, [], {}]}", "- ",
         "-            -     -                -        -       - "},
        {"{'pilots': 'none'}", "no ", "no pilots are known"},
        {"{'trouble': [{}]}", "away", "away     ? does not answer since "},
        {"{'exit': 69, 'state': 'failed', 'run': 'r'}", "r",
         "r  failed (69)  "},
        {"{'run': 'r', 'left_s': -5, 'share': 0.123}", "r",
         "r  ?  left 0.0 s  read 12%  "},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *doc = json_quoted(rows[i].doc);
        screen s = screen_of(40, 200);

        s.looks = 0;
        show(doc, &s);
        const char *line = line_of(rows[i].words);
        if (*rows[i].line)
            CU_ASSERT_EQUAL(strncmp(line, rows[i].line, strlen(rows[i].line)),
                            0);
        if (strncmp(line, rows[i].line, strlen(rows[i].line)) != 0 ||
            (!*rows[i].line && *line))
            UNIT_EQUAL(line, rows[i].line);
        json_decref(doc);
    }
}

/* --- any size --- */

#define LONG                                                               \
    "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 \xc3\xa9t\xc3\xa9 sans-un-blanc" \
    "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82" \
    "\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"

/* All of it there, twelve rows in each list, and no word in ASCII. */
static json_t *full_make(void)
{
    json_t *doc = json_quoted(
        "{'run': '" LONG "', 'pipeline': '" LONG "', 'state': 'stalled', "
        "'seconds': 90000, 'left_s': 100, 'share': 0.5, 'words': 'w', "
        "'stalled': [{'text': '" LONG LONG LONG "'}], 'trouble': [{'server': "
        "'redis', 'since_ns': 1, 'text': '" LONG LONG "'}], 'looked_ns': 5, "
        "'rate': {'blocks_per_s': 1e9}, 'lag': {'blocks': 123456789}, 'hops': "
        "[{'hop': '" LONG "', 'pressure': 'high', 'text': '" LONG LONG "'}], "
        "'verdict': {'text': '" LONG LONG LONG "'}, 'notes': ['" LONG "'], "
        "'model': {'kind': '" LONG "', 'commit': '0123456789'}, "
        "'left_out': {'devices': 3, 'pilots': 1}}");
    static const char *const lists[] = {"pilots", "ranks", "partitions",
                                        "devices"};

    for (int k = 0; k < 4; k++) {
        json_t *list = json_array();

        for (int i = 0; i < 12; i++)
            json_array_append_new(
                list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i}",
                                "name", LONG, "kind", LONG, "state", LONG,
                                "reason", LONG, "device", LONG, "pilot", LONG,
                                "rank", i, "partition", i));
        json_object_set_new(doc, lists[k], list);
    }
    return doc;
}

/* What there is of [doc] is no higher and no wider than the screen, no
 * character is cut in two, and one row has the cursor.
 */
static void check_fit(const json_t *doc, screen *s)
{
    size_t chosen = 0, wide = 0, torn = 0;

    show(doc, s);
    for (size_t i = 0; i < lines.n; i++) {
        chosen += strchr(lines.line[i], SCREEN_CHOSEN) != NULL;
        wide += screen_width(lines.line[i]) > (size_t)s->cols;
        torn += !is_utf8(lines.line[i]);
    }
    if (lines.n > (size_t)s->rows || wide || torn)
        printf("# %d rows of %d, level %d\n", s->rows, s->cols, (int)s->level);
    CU_ASSERT_TRUE(lines.n >= 1 && lines.n <= (size_t)s->rows);
    CU_ASSERT_EQUAL(wide, 0);
    CU_ASSERT_EQUAL(torn, 0);
    CU_ASSERT_EQUAL(chosen, s->rows >= 8);
}

static void test_sizes(void)
{
    static const int rows[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                               11, 12, 13, 14, 15, 16, 20, 24, 50, 100};
    json_t *doc = full_make();

    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
        for (int cols = 1; cols <= 300; cols += cols < 90 ? 1 : 30)
            for (int level = 0; level <= SCREEN_DEVICES; level++) {
                screen s = screen_of(rows[r], cols);

                screen_note(&s, doc);
                s.level = (enum screen_level)level;
                s.cursor = (size_t)(cols % 14); /* beyond the last, too */
                s.top = (size_t)(cols % 9);
                check_fit(doc, &s);
                CU_ASSERT_TRUE(s.cursor < 12 || s.rows < 8);
            }
    json_decref(doc);
}

/* A screen that is made larger or smaller keeps its cursor in sight. */
static void test_resized(void)
{
    static const int rows[] = {100, 8, 24, 9, 1, 50, 12};
    json_t *doc = full_make();
    screen s = screen_of(24, 80);

    s.cursor = 11;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        s.rows = rows[i];
        check_fit(doc, &s);
        CU_ASSERT_EQUAL(s.cursor, 11);
    }
    json_decref(doc);
}

/* --- names that are cut --- */

#define E "\xc3\xa9"            /* two bytes */
#define EURO "\xe2\x82\xac"     /* three */
#define FACE "\xf0\x9f\x98\x80" /* four, and two columns */
#define KANJI "\xe6\xbc\xa2"    /* two columns */
#define ACUTE "\xcc\x81"        /* upon the letter before it */

/* A name has thirteen columns, of which the last stays blank. */
static void test_names(void)
{
    static const struct {
        const char *name, *cell;
    } rows[] = {
        {"", "-            "},
        {"a", "a            "},
        {"123456789012", "123456789012 "},
        {"1234567890123", "123456789012 "},
        {"12345678901" E, "12345678901" E " "},
        {"12345678901" E "x", "12345678901" E " "},
        {"123456789012" E, "123456789012 "},
        {"12345678901" EURO EURO, "12345678901" EURO " "},
        {"12345678901" FACE FACE, "12345678901  "}, /* it takes two */
        {"1234567890" FACE FACE, "1234567890" FACE " "},
        {FACE "2345678901" E FACE, FACE "2345678901 "},
        {KANJI KANJI KANJI KANJI KANJI KANJI KANJI,
         KANJI KANJI KANJI KANJI KANJI KANJI " "},
        {"x" KANJI KANJI KANJI KANJI KANJI KANJI,
         "x" KANJI KANJI KANJI KANJI KANJI "  "},
        {"e" ACUTE "23456789012", "e" ACUTE "23456789012 "}, /* takes none */
        {E E E E E E E E E E E E E E, E E E E E E E E E E E E " "},
        {EURO, EURO "            "},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *doc = json_pack("{s:[{s:s,s:s}]}", "pilots", "name",
                                rows[i].name, "kind", "edge");
        screen s = screen_of(40, 80);
        char want[128];

        show(doc, &s);
        snprintf(want, sizeof(want), "%sedge  ", rows[i].cell);
        const char *line = line_of(rows[i].cell);
        if (strncmp(line, want, strlen(want)) != 0)
            UNIT_EQUAL(line, want);
        else
            CU_PASS("is cut there");
        json_decref(doc);
    }
}

/* The line as a whole, at any column. */
static void test_edge(void)
{
    static const char name[] = "a" E EURO FACE "b";
    static const char *const shown[] = {
        "a",        "a" E,           "a" E EURO,
        "a" E EURO, "a" E EURO FACE, "a" E EURO FACE "b"};
    json_t *doc = json_pack("{s:s}", "run", name);

    for (int cols = 1; cols <= 6; cols++) {
        screen s = screen_of(1, cols);
        char line[64];

        s.looks = 0;
        show(doc, &s);
        CU_ASSERT_EQUAL_FATAL(lines.n, 1);
        snprintf(line, sizeof(line), "%s", lines.line[0]);
        CU_ASSERT_EQUAL(screen_width(line), (size_t)(cols == 4 ? 3 : cols));
        screen_strip(line);
        UNIT_EQUAL(line, shown[cols - 1]);
    }
    json_decref(doc);
}

/* --- words on several lines --- */

static void check_words(const char *words, int cols, const char *first,
                        const char *second)
{
    json_t *doc = json_pack("{s:{s:s}}", "verdict", "text", words);
    screen s = screen_of(40, cols);
    size_t at = 0;
    char line[512];

    show(doc, &s);
    while (at < lines.n && !strstr(lines.line[at], "verdict"))
        at++;
    for (int i = 0; i < 2; i++) {
        const char *want = i ? second : first;

        if (!want)
            continue;
        CU_ASSERT_FATAL(at + (size_t)i < lines.n);
        snprintf(line, sizeof(line), "%s", lines.line[at + (size_t)i]);
        screen_strip(line);
        UNIT_EQUAL(line, want);
    }
    json_decref(doc);
}

static void test_words(void)
{
    check_words("one two", 30, "verdict  one two", NULL);
    /* 21 columns are left of 30. */
    check_words("123456789 1234567890", 30, "verdict  123456789 1234567890",
                NULL);
    check_words("123456789 12345678901 x", 30, "verdict  123456789 12345678901",
                "         x");
    check_words("123456789 123456789012", 30, "verdict  123456789",
                "         123456789012");
    /* A word that is longer is cut, and goes on. */
    check_words("123456789012345678901234", 30,
                "verdict  123456789012345678901", "         234");
    /* ... behind a whole character. */
    check_words("12345678901234567890" E "1", 30,
                "verdict  12345678901234567890" E, "         1");
    check_words("12345678901234567890" FACE "1", 30,
                "verdict  12345678901234567890", "         " FACE "1");
    check_words("1234567890123456789" FACE "1", 30,
                "verdict  1234567890123456789" FACE, "         1");
    check_words(
        KANJI KANJI KANJI KANJI KANJI KANJI KANJI KANJI KANJI KANJI KANJI, 30,
        "verdict  " KANJI KANJI KANJI KANJI KANJI KANJI KANJI KANJI KANJI KANJI,
        "         " KANJI);
    /* What is more than there are lines for ends in dots. */
    check_words("123456789012345678901 123456789012345678901 x", 30,
                "verdict  123456789012345678901",
                "         123456789012345678...");
    check_words("a   b", 30, "verdict  a   b", NULL);
}

/* A pipe has no edge: nothing is cut there. */
static void test_pipe(void)
{
    json_t *doc = full_make();
    screen s = screen_of(24, 80);
    bool whole = false;

    screen_free(&lines);
    screen_plain(doc, &s, &lines);
    CU_ASSERT_FALSE(lines.failed);
    for (size_t i = 0; i < lines.n; i++) {
        whole = whole || strstr(lines.line[i], LONG LONG LONG);
        CU_ASSERT_PTR_NULL(strchr(lines.line[i], SCREEN_CHOSEN));
    }
    CU_ASSERT_TRUE(whole);
    /* Its four lists are there, with all their rows. */
    CU_ASSERT_TRUE(lines.n >= 4 * 14);
    json_decref(doc);
}

/* --- numbers --- */

static void check_number(void (*put)(text *t, double n), double n,
                         const char *want)
{
    text t = {0};

    put(&t, n);
    UNIT_EQUAL(t.data, want);
    text_free(&t);
}

static void test_numbers(void)
{
    static const struct {
        void (*put)(text *t, double n);
        double n;
        const char *want;
    } rows[] = {
        {put_count, 0, "0"},
        {put_count, 0.25, "0.25"},
        {put_count, 12.345, "12.3"},
        {put_count, 99, "99"},
        {put_count, 100.4, "100"},
        {put_count, 99999.4, "99999"},
        {put_count, 123456, "123k"},
        {put_count, 99999499, "99999k"},
        {put_count, 123456789, "123M"},
        {put_count, -5, "-5"},
        {put_count, -123456, "-123k"},
        {put_count, 2e15, "2000T"},
        {put_bytes, 0, "0 B"},
        {put_bytes, 999, "999 B"},
        {put_bytes, 999.5, "1 kB"},
        {put_bytes, 1234, "1.23 kB"},
        {put_bytes, 49200, "49.2 kB"},
        {put_bytes, 1e6, "1 MB"},
        {put_bytes, 5e15, "5e+03 TB"},
        {put_span, 0, "0.0 s"},
        {put_span, 9.94, "9.9 s"},
        {put_span, 9.95, "10 s"},
        {put_span, 60, "1m00s"},
        {put_span, 61.9, "1m01s"},
        {put_span, 3599, "59m59s"},
        {put_span, 3600, "1h00m"},
        {put_span, 86399, "23h59m"},
        {put_span, 86400, "1.0 d"},
        {put_span, 8640000, "100.0 d"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_number(rows[i].put, rows[i].n, rows[i].want);
}

/* --- the past --- */

/* Bars of the newest looks, from 0 to the largest that is shown. */
static void test_past(void)
{
    screen s = screen_of(24, 80);
    json_t *doc = NULL;

    s.ascii = true;
    for (int i = 0; i < 100; i++) { /* one peak, long ago */
        json_decref(doc);
        doc = json_pack("{s:{s:f}, s:{s:f}}", "rate", "blocks_per_s",
                        i == 50 ? 1e6 : (double)(i % 8), "lag", "blocks", 0.0);
        screen_note(&s, doc);
    }
    CU_ASSERT_EQUAL(s.n_past, SCREEN_PAST);
    show(doc, &s);
    UNIT_EQUAL(line_of("rate"), "rate     3 blocks/s  0 points/s  0 MB/s  "
                                "*#_.-:=+*#_.-:=+*#_.-:");
    UNIT_CONTAINS(line_of("lag"), "  ____________________");
    /* A wide one still sees the peak, beside which all else is nothing. */
    s.cols = 300;
    show(doc, &s);
    UNIT_CONTAINS(line_of("rate"), "__________#_________");
    json_decref(doc);
}

/* What a device is called comes from the topic, from anybody. */
static void test_clean(void)
{
    json_t *doc = json_pack("{s:s, s:[{s:s}, s], s:i}", "run", "r\x1b[2J\x07",
                            "list", "device", "caf\xc3\xa9\n", "\x7f", "n", 1);

    CU_ASSERT_EQUAL_FATAL(screen_clean(doc), 0);
    UNIT_EQUAL(json_string_value(json_object_get(doc, "run")), "r?[2J?");
    UNIT_EQUAL(json_string_value(json_object_get(
                   json_array_get(json_object_get(doc, "list"), 0), "device")),
               "caf\xc3\xa9?");
    UNIT_EQUAL(
        json_string_value(json_array_get(json_object_get(doc, "list"), 1)),
        "?");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(doc, "n")), 1);
    json_decref(doc);
}

/* A screen that is narrow has the label above the words, and loses none of
 * them, however narrow it is.
 */
static void test_narrow(void)
{
    static const char said[] = "ab " KANJI "c de";
    json_t *doc = json_pack("{s:{s:s}}", "verdict", "text", said);

    for (int cols = 2; cols < 30; cols++) {
        screen s = screen_of(60, cols);
        char got[200] = "", line[256], *to = got;
        size_t at = 0;

        show(doc, &s);
        while (at < lines.n &&
               !strstr(lines.line[at], cols < 7 ? "ve" : "verd"))
            at++;
        CU_ASSERT_FATAL(at < lines.n);
        for (at++; at < lines.n; at++) {
            snprintf(line, sizeof(line), "%s", lines.line[at]);
            CU_ASSERT_TRUE(screen_width(line) <= (size_t)cols);
            screen_strip(line);
            if (!strncmp(line, "mo", 2)) /* model is next */
                break;
            for (const char *c = line; *c; c++)
                if (*c != ' ')
                    *to++ = *c;
        }
        UNIT_EQUAL(got, "ab" KANJI "cde");
    }
    json_decref(doc);
}

int main(void)
{
    static const unit_test tests[] = {
        {"words on a narrow screen", test_narrow},
        {"bad documents", test_bad},
        {"every size", test_sizes},
        {"another size", test_resized},
        {"names that are cut", test_names},
        {"the edge", test_edge},
        {"words", test_words},
        {"a pipe", test_pipe},
        {"numbers", test_numbers},
        {"the past", test_past},
        {"what a terminal obeys", test_clean},
        {NULL, NULL},
    };
    int status = unit_main("screen_fit", tests);

    screen_free(&lines);
    return status;
}
