/* test_screen.c - a run on screens of several sizes, and keys. */
#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/watch/screen.h"

static json_t *doc;

static const char words[] =
    "{\"run\":\"r\",\"pipeline\":\"p\",\"state\":\"running\",\"time_ns\":0,"
    "\"seconds\":754,\"left_s\":4000,\"words\":\"\","
    "\"rate\":{\"blocks_per_s\":205.5,\"points_per_s\":205500,\"mb_per_s\":52}"
    ",\"lag\":{\"blocks\":1203,\"seconds\":5.9,\"blocks_per_s\":12.4},"
    "\"model\":{\"kind\":\"kmeans\",\"version\":46,\"age_s\":0.3,\"bytes\":"
    "49200,\"threshold\":10.24,\"commit\":\"bf689e3567f8\",\"warming\":true},"
    "\"blocks\":{\"applied\":1914,\"refused\":2,\"dropped\":0},\"outliers\":"
    "95107,\"hops\":[{\"hop\":\"edge\",\"pressure\":\"ok\",\"text\":\"e\"},"
    "{\"hop\":\"pool\",\"pressure\":\"high\",\"text\":\"ranks process 99% of "
    "the time and there is more to say about it than fits into one line\"}],"
    "\"verdict\":{\"text\":\"processing-bound\"},\"stalled\":[],\"trouble\":["
    "],\"notes\":[\"n\"],"
    "\"pilots\":[{\"name\":\"devices\",\"kind\":\"edge\",\"state\":\"ACTIVE\","
    "\"devices\":2,\"beat_s\":0.5,\"rate\":{\"blocks_per_s\":200},\"busy\":"
    "0.1,\"paced\":0.9},{\"name\":\"pool\",\"kind\":\"pool\",\"state\":"
    "\"ACTIVE\",\"ranks\":2,\"beat_s\":0.7,\"busy\":0.99},{\"name\":\"b\","
    "\"kind\":\"broker\",\"state\":\"ACTIVE\",\"endpoint\":\"h:9\"}],"
    "\"ranks\":[{\"pilot\":\"pool\",\"rank\":0,\"busy\":0.99},{\"pilot\":"
    "\"pool\",\"rank\":1,\"busy\":0.5,\"rss_mb\":34.9}],"
    "\"partitions\":[{\"partition\":0,\"pilot\":\"pool\",\"rank\":0,\"lag\":7,"
    "\"end\":9,\"committed\":2},{\"partition\":1,\"pilot\":\"pool\",\"rank\":1}"
    ",{\"partition\":2,\"pilot\":\"pool\",\"rank\":0}],"
    "\"devices\":[{\"device\":\"d-0\",\"partition\":0,\"pilot\":\"devices\","
    "\"full\":0.5},{\"device\":\"d-1\",\"partition\":1,\"pilot\":\"devices\"},"
    "{\"device\":\"other\",\"partition\":0}],\"left_out\":{\"devices\":9}}";

static void begin(screen *s, int rows, int cols)
{
    if (!doc)
        doc = json_loads(words, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(doc);
    *s = (screen){.rows = rows, .cols = cols, .rank = -1, .partition = -1};
    for (int i = 0; i < 5; i++)
        screen_note(s, doc);
}

/* The screen as text, without looks. */
static const char *shown(screen *s)
{
    static char out[65536];
    screen_lines l;

    screen_make(doc, s, &l);
    CU_ASSERT_FALSE(l.failed);
    CU_ASSERT_TRUE((int)l.n <= s->rows);
    *out = '\0';
    for (size_t i = 0; i < l.n; i++) {
        CU_ASSERT_TRUE(screen_width(l.line[i]) <= (size_t)s->cols);
        screen_strip(l.line[i]);
        strcat(out, l.line[i]);
        strcat(out, "\n");
    }
    screen_free(&l);
    return out;
}

static size_t rows_of(const char *all)
{
    size_t n = 0;

    for (; *all; all++)
        n += *all == '\n';
    return n;
}

static void test_usual(void)
{
    screen s;
    const char *t;

    begin(&s, 24, 80);
    t = shown(&s);
    CU_ASSERT_EQUAL(rows_of(t), 24);
    UNIT_CONTAINS(t, "♥ r  p  running  12m34s  left 1h06m  ");
    UNIT_CONTAINS(t, "rate     206 blocks/s  206k points/s  52 MB/s  █████\n");
    UNIT_CONTAINS(t, "lag      1203 blocks = 5.9 s of work, grows by 12/s  █");
    UNIT_CONTAINS(t, "pressure edge ok  pool high\n");
    UNIT_CONTAINS(t, "pool     ranks process 99% of the time and there is more "
                     "to say about it than\n         fits into one line\n");
    UNIT_CONTAINS(t, "verdict  processing-bound\n");
    UNIT_CONTAINS(t,
                  "model    kmeans version 46, 0.3 s old, 49.2 kB, threshold "
                  "10.24, warming up, ");
    UNIT_CONTAINS(t, "blocks   1914 applied  95107 outliers  2 refused");
    UNIT_CONTAINS(t, "note     n\n");
    UNIT_CONTAINS(t, "\nPILOT        KIND  STATE ");
    UNIT_CONTAINS(t, "\ndevices      edge  ACTIVE       2 dev      200   0.5 s "
                     "paced 90%, busy 10%\n");
    UNIT_CONTAINS(t, "\nb            broke ACTIVE           -        -       - "
                     "h:9\n");
    UNIT_CONTAINS(t, "\nenter: look into  q: leave ");
}

/* Whatever the size, no line is wider and none is too many. */
static void test_sizes(void)
{
    static const int sizes[][2] = {{1, 1},    {1, 80},   {3, 20},  {7, 30},
                                   {8, 30},   {11, 60},  {12, 79}, {24, 5},
                                   {50, 132}, {200, 400}};
    screen s;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (int level = 0; level <= SCREEN_DEVICES; level++) {
            begin(&s, sizes[i][0], sizes[i][1]);
            s.level = (enum screen_level)level;
            s.cursor = 99;
            CU_ASSERT_TRUE(rows_of(shown(&s)) >= 1);
        }
    begin(&s, 1, 30);
    UNIT_EQUAL(shown(&s), "♥ r  p  running  12m34s  left \n");
    /* A small one has the list still. */
    begin(&s, 10, 60);
    UNIT_CONTAINS(shown(&s), "\nPILOT ");
}

static void test_ascii(void)
{
    screen s;
    const char *t;

    begin(&s, 24, 80);
    s.ascii = true;
    t = shown(&s);
    for (; *t; t++)
        CU_ASSERT_TRUE((unsigned char)*t < 0x80);
    UNIT_CONTAINS(shown(&s), "* r  p  running");
    UNIT_CONTAINS(shown(&s), "52 MB/s  #####\n");
    /* The heart beats with each look. */
    screen_note(&s, doc);
    UNIT_CONTAINS(shown(&s), "o r  p  running");
}

static void test_keys(void)
{
    screen s;

    begin(&s, 24, 80);
    shown(&s);
    CU_ASSERT_EQUAL(s.n_list, 3);
    /* Into an edge, and back. */
    CU_ASSERT_TRUE(screen_press(&s, doc, SCREEN_IN));
    UNIT_CONTAINS(shown(&s),
                  "\ndevices of devices (9 more are left out)\nDEVICE ");
    CU_ASSERT_EQUAL(s.n_list, 2);
    CU_ASSERT_TRUE(screen_press(&s, doc, SCREEN_OUT));
    CU_ASSERT_EQUAL(s.level, SCREEN_PILOTS);
    shown(&s);
    /* Into a pool, a rank, a partition, its devices. */
    CU_ASSERT_TRUE(screen_press(&s, doc, SCREEN_DOWN));
    CU_ASSERT_TRUE(screen_press(&s, doc, SCREEN_IN));
    UNIT_CONTAINS(shown(&s), "RANK  BUSY");
    UNIT_CONTAINS(shown(&s), "\n    1   50%     -      -     -        -");
    CU_ASSERT_TRUE(screen_press(&s, doc, SCREEN_IN));
    UNIT_CONTAINS(shown(&s), "\npartitions of pool, rank 0\n");
    CU_ASSERT_EQUAL(s.n_list, 2);
    CU_ASSERT_TRUE(screen_press(&s, doc, SCREEN_IN));
    UNIT_CONTAINS(shown(&s), "\ndevices of pool, rank 0, partition 0 (9 ");
    CU_ASSERT_EQUAL(s.n_list, 2);
    UNIT_CONTAINS(shown(&s), "\nother ");
    /* There is nothing further in. */
    CU_ASSERT_TRUE(screen_press(&s, doc, SCREEN_IN));
    CU_ASSERT_EQUAL(s.level, SCREEN_DEVICES);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_TRUE(screen_press(&s, doc, SCREEN_OUT));
    CU_ASSERT_EQUAL(s.level, SCREEN_PILOTS);
    CU_ASSERT_FALSE(screen_press(&s, doc, SCREEN_OUT));
    /* A service has nothing inside. */
    shown(&s);
    screen_press(&s, doc, SCREEN_END);
    screen_press(&s, doc, SCREEN_IN);
    CU_ASSERT_EQUAL(s.level, SCREEN_PILOTS);
}

/* The cursor stays in the list, and in sight. */
static void test_cursor(void)
{
    json_t *many = json_array(), *was;
    screen s;

    begin(&s, 16, 80);
    was = json_incref(json_object_get(doc, "pilots"));
    for (int i = 0; i < 100; i++)
        json_array_append_new(
            many, json_pack("{s:o}", "name", json_sprintf("pilot-%d", i)));
    json_object_set_new(doc, "pilots", many);
    UNIT_CONTAINS(shown(&s), "pilot-0 ");
    screen_press(&s, doc, SCREEN_UP);
    CU_ASSERT_EQUAL(s.cursor, 0);
    screen_press(&s, doc, SCREEN_END);
    UNIT_CONTAINS(shown(&s), "pilot-99 ");
    screen_press(&s, doc, SCREEN_DOWN);
    CU_ASSERT_EQUAL(s.cursor, 99);
    screen_press(&s, doc, SCREEN_PAGE_UP);
    CU_ASSERT_TRUE(s.cursor < 99);
    screen_press(&s, doc, SCREEN_HOME);
    UNIT_CONTAINS(shown(&s), "pilot-0 ");
    screen_press(&s, doc, SCREEN_PAGE_DOWN);
    CU_ASSERT_TRUE(s.cursor > 1);
    /* They went meanwhile. */
    s.cursor = s.top = 90;
    json_object_set_new(doc, "pilots", was);
    shown(&s);
    CU_ASSERT_EQUAL(s.cursor, 2);
}

static void test_bad(void)
{
    screen s;
    const char *t;

    begin(&s, 24, 80);
    json_object_set_new(doc, "state", json_string("stalled"));
    json_object_set_new(doc, "stalled",
                        json_pack("[{s:s}]", "text", "pool stands still"));
    json_object_set_new(doc, "trouble",
                        json_pack("[{s:s, s:I, s:s}]", "server", "redis",
                                  "since_ns", 1LL, "text", "refused"));
    json_object_del(doc, "rate");
    json_object_del(doc, "model");
    t = shown(&s);
    UNIT_CONTAINS(t, "STALLED  pool stands still\n");
    UNIT_CONTAINS(t, "away     redis does not answer since ");
    UNIT_CONTAINS(t, "rate     ?\n");
    UNIT_CONTAINS(t, "model    none yet\n");
    json_decref(doc);
    /* Nothing at all is no reason to fall. */
    doc = json_object();
    shown(&s);
    json_decref(doc);
    doc = NULL;
}

static void test_plain(void)
{
    screen_lines l;
    char all[65536] = "";
    screen s;

    begin(&s, 24, 80);
    s.looks = 0;
    screen_plain(doc, &s, &l);
    for (size_t i = 0; i < l.n; i++) {
        screen_strip(l.line[i]);
        strcat(strcat(all, l.line[i]), "\n");
    }
    screen_free(&l);
    CU_ASSERT_EQUAL(strncmp(all, "r  p  running", 13), 0);
    UNIT_CONTAINS(all, "than fits into one line\n");
    UNIT_CONTAINS(all, "edge     e\n");
    UNIT_CONTAINS(all, "\nPILOT ");
    UNIT_CONTAINS(all, "\n RANK ");
    UNIT_CONTAINS(all, "\nPARTITION ");
    UNIT_CONTAINS(all, "\nDEVICE ");
    UNIT_CONTAINS(all, "\nother ");
}

int main(void)
{
    static const unit_test tests[] = {
        {"80 x 24", test_usual},
        {"every size", test_sizes},
        {"a terminal without UTF-8", test_ascii},
        {"keys", test_keys},
        {"the cursor", test_cursor},
        {"plain text", test_plain},
        {"what stands still", test_bad},
        {NULL, NULL},
    };
    int status = unit_main("screen", tests);

    json_decref(doc);
    return status;
}
