/* test_document_odd.c - documents of odd facts, and what a page makes of words.
 */
#include "unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_quoted.h"
#include "src/page/document.h"
#include "src/page/html.h"

static json_t *made, *report;

static void make_of(json_t *f)
{
    json_decref(made);
    made = document_make(f, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(made);
    report = json_object_get(made, "report");
    json_decref(f);
}

static const char *shown(const json_t *o, const char *key)
{
    return json_shown(json_incref(json_object_get(o, key)));
}

static const char *lack(const char *section)
{
    const char *s = json_string_value(
        json_object_get(json_object_get(report, "lacks"), section));

    return s ? s : "";
}

/* --- words --- */

static const char *const words[] = {
    "",
    "plain",
    "<",
    "&amp;",
    "</script><script>alert(1)</script>",
    "<!--",
    "]]>",
    "\" onload=\"x",
    "' onload='x",
    "\\\"\\n",
    "\n\r\t\x01\x7f",
    "@DATA@",
    "@TITLE@@CSS@@JS@",
    "@",
    "\xc3\xa9\xe2\x80\xa8\xe2\x80\xa9\xf0\x9f\x92\xa5",
    "javascript:alert(1)",
};

enum { WORDS = sizeof(words) / sizeof(*words) };

/* HTML back to what it was; NULL: it has what a browser would act on. */
static char *unescape(const char *s)
{
    static const struct {
        const char *entity;
        char is;
    } all[] = {{"&lt;", '<'},
               {"&gt;", '>'},
               {"&amp;", '&'},
               {"&quot;", '"'},
               {"&#39;", '\''}};
    char *out = malloc(strlen(s) + 1), *to = out;

    while (*s) {
        size_t i = 0;

        if (strchr("<>\"'", *s)) {
            free(out);
            return NULL;
        }
        if (*s != '&') {
            *to++ = *s++;
            continue;
        }
        while (i < 5 && strncmp(s, all[i].entity, strlen(all[i].entity)) != 0)
            i++;
        if (i == 5) {
            free(out);
            return NULL;
        }
        *to++ = all[i].is;
        s += strlen(all[i].entity);
    }
    *to = '\0';
    return out;
}

static void test_escape(void)
{
    for (int i = 0; i < WORDS; i++) {
        text t = {0};
        char *back;

        html_escape(words[i], &t);
        back = unescape(t.data ? t.data : "");
        CU_ASSERT_PTR_NOT_NULL_FATAL(back);
        UNIT_EQUAL(back, words[i]);
        free(back);
        text_free(&t);
    }
}

/* As a value and as a key: nothing in it ends a script, and all comes back. */
static void test_json(void)
{
    for (int i = 0; i < WORDS; i++) {
        json_t *o = json_pack("{s:s, s:[s]}", words[i], "key", "value",
                              words[i]),
               *back;
        text t = {0};

        CU_ASSERT_EQUAL_FATAL(html_json(o, &t, NULL), 0);
        CU_ASSERT_EQUAL(strcspn(t.data, "<>&"), t.len);
        for (size_t k = 0; k < t.len; k++)
            CU_ASSERT_TRUE(t.data[k] >= ' ' && t.data[k] <= 0x7f);
        back = json_loadb(t.data, t.len, 0, NULL);
        CU_ASSERT_TRUE(json_equal(back, o));
        json_decref(back);
        json_decref(o);
        text_free(&t);
    }
}

static int count(const char *s, const char *part)
{
    int n = 0;

    for (; (s = strstr(s, part)); s += strlen(part))
        n++;
    return n;
}

/* What stands in for a name is not looked through for names: a page has one
 * document, whatever its run is called.
 */
static void test_page(void)
{
    text plain = {0};

    if (!html_is_there())
        return;
    make_of(json_pack("{s:s}", "run", "plain"));
    CU_ASSERT_EQUAL_FATAL(html_page(made, NULL, &plain, NULL), 0);
    for (int i = 0; i < WORDS; i++) {
        text t = {0}, escaped = {0};
        char title[300];

        make_of(json_pack("{s:s}", "run", words[i]));
        CU_ASSERT_EQUAL_FATAL(html_page(made, words[i], &t, NULL), 0);
        html_escape(words[i], &escaped);
        snprintf(title, sizeof(title), "<title>Run %s</title>",
                 escaped.data ? escaped.data : "");
        CU_ASSERT_EQUAL(count(t.data, title), 1);
        snprintf(title, sizeof(title), " data-events=\"%s\"",
                 escaped.data ? escaped.data : "");
        CU_ASSERT_EQUAL(count(t.data, title), 1);
        CU_ASSERT_EQUAL(count(t.data, "\"report\":{"), 1);
        CU_ASSERT_EQUAL(count(t.data, "<script"), count(plain.data, "<script"));
        CU_ASSERT_EQUAL(count(t.data, "<!--"), count(plain.data, "<!--"));
        text_free(&escaped);
        text_free(&t);
    }
    text_free(&plain);
}

/* A name that is cut within a character is no reason to leave out its row. */
static void test_cut(void)
{
    char name[200] = "x";

    for (int i = 0; i < 60; i++)
        strcat(name, "\xc3\xa9");
    make_of(json_pack("{s:s, s:b, s:{s:{s:{s:s, s:i, s:i, s:i}}}}", "run", "r",
                      "over", 1, "summary", "detail", name, "event", "pool",
                      "ranks", 1, "seconds", 2, "busy_s", 1));
    UNIT_CONTAINS(shown(report, "arithmetic"), "['x??");
    UNIT_CONTAINS(shown(report, "arithmetic"),
                  "?: 1 rank x 2 s from first fetch to last commit = 2 s: "
                  "stages and model 1 s (50%)");
}

/* --- members of another kind --- */

static void test_wrong_kind(void)
{
    static const char *const rows[] = {
        "{}",
        "{'run': 'r', 'summary': 1, 'live': 'x', 'beats': [1], 'fold': 2, "
        "'commits': {}, 'offsets': 'x', 'trace': [], 'refused': 3, 'why': 4, "
        "'over': 5, 'now_ns': 'x', 'state': 6}",
        "{'run': 'r', 'over': true, 'summary': {'blocks': [], 'detail': 'x', "
        "'cpu_s': 1, 'latency_ms': [1], 'verdict': 'x', 'model': 3}}",
        "{'run': 'r', 'live': {'partitions': {}, 'pilots': 'x', 'devices': 1, "
        "'model': [], 'blocks': 2, 'stalled': 'x', 'trouble': 5, 'notes': {}, "
        "'left_out': []}}",
        "{'run': 'r', 'beats': {'a': null, 'b': 1}, 'trace': {'processes': "
        "[null, 1, {}, {'host': 5}]}, 'commits': [null, 1, {}], 'offsets': "
        "[], 'summary': {'detail': {'a': null, 'b': {'seconds': 'x'}}, "
        "'cpu_s': {'a': 'x'}, 'latency_ms': {'total': 1}}}",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        static const char *const sections[] = {
            "series",     "latency",  "ranks",   "hops",
            "partitions", "machines", "verdict", "config"};
        char *data;

        make_of(json_quoted(rows[i]));
        UNIT_EQUAL(shown(report, "schema"), "1");
        UNIT_EQUAL(shown(report, "arithmetic"), "[]");
        /* each section that is not there says so */
        for (size_t k = 0; k < 8; k++) {
            if (!*lack(sections[k]))
                printf("# %s of %s\n", sections[k], rows[i]);
            CU_ASSERT_TRUE(*lack(sections[k]));
        }
        CU_ASSERT_PTR_NULL(json_object_get(report, "series"));
        CU_ASSERT_PTR_NULL(json_object_get(report, "core_hours_per_million"));
        data = json_dumps(made, 0);
        CU_ASSERT_PTR_NOT_NULL(data);
        free(data);
    }
}

/* --- curves out of commits, of clocks that go back --- */

static double sum_of(const char *lane)
{
    const json_t *list =
                     json_object_get(json_object_get(report, "series"), lane),
                 *o;
    double sum = 0;
    size_t i;

    json_array_foreach(list, i, o)
    {
        CU_ASSERT_TRUE(json_number_value(o) >= 0);
        sum += json_number_value(o);
    }
    return sum;
}

static void test_commits(void)
{
    static const struct {
        const char *commits;
        double blocks, step_s;
        const char *start_ns;
    } rows[] = {
        {"[{'time_ns': 1000000000, 'blocks': 9}, {'time_ns': 2000000000, "
         "'blocks': 4}, {'time_ns': 3000000000, 'blocks': 5}]",
         9, 0.1, "1000000000"},
        /* a clock that is set back, and comes forward again */
        {"[{'time_ns': 5000000000}, {'time_ns': 4000000000, 'blocks': 2}, "
         "{'time_ns': 6000000000, 'blocks': 3}]",
         3, 0.1, "5000000000"},
        {"[{'time_ns': 1000000000}, {'time_ns': 1000000001, 'blocks': 7}]", 7,
         0.1, "1000000000"},
        /* a run that lay still for a year */
        {"[{'time_ns': 1000000000}, {'time_ns': 31537000000000000, 'blocks': "
         "7}]",
         7, 209715.2, "1000000000"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        json_t *f = json_quoted("{'run': 'r'}");
        const json_t *s;

        json_object_set_new(f, "commits", json_quoted(rows[i].commits));
        make_of(f);
        s = json_object_get(report, "series");
        CU_ASSERT_DOUBLE_EQUAL(sum_of("blocks"), rows[i].blocks, 1e-6);
        CU_ASSERT_EQUAL(sum_of("points"), 0);
        CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(s, "step_s")),
                               rows[i].step_s, 1e-6);
        UNIT_EQUAL(shown(s, "from_s"), "0.0");
        UNIT_EQUAL(shown(s, "start_ns"), rows[i].start_ns);
        CU_ASSERT_TRUE(json_array_size(json_object_get(s, "blocks")) <= 240);
    }
}

/* --- more than is shown --- */

static void test_many(void)
{
    json_t *records = json_array(), *devices = json_array();
    const json_t *o;
    char word[40];

    for (int i = 0; i < 200; i++) {
        snprintf(word, sizeof(word), "reason %c%c of %d", 'a' + i % 20,
                 'a' + i / 20 % 3, i);
        json_array_append_new(records, json_pack("{s:s}", "reason", word));
        snprintf(word, sizeof(word), "device-%03d", i);
        json_array_append_new(devices, json_pack("{s:s, s:i}", "device", word,
                                                 "partition", i % 2));
    }
    make_of(json_pack("{s:s, s:{s:o, s:{s:i, s:i}, s:[{s:i}, {s:i}]}, s:{s:s, "
                      "s:o}}",
                      "run", "r", "live", "devices", devices, "blocks",
                      "refused", 300, "refused_own", 1, "partitions",
                      "partition", 0, "partition", 1, "refused", "topic", "t",
                      "records", records));
    o = json_object_get(report, "refused");
    CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "reasons")), 50);
    UNIT_EQUAL(json_string_value(json_object_get(o, "words")),
               "300 blocks were refused and changed nothing, 1 of them of this "
               "run's devices. Reasons of the newest 200 in topic t; those "
               "that differ in numbers alone are one. 30 more have other "
               "reasons.");
    o = json_array_get(json_object_get(report, "partitions"), 1);
    UNIT_CONTAINS(json_string_value(json_object_get(o, "devices")),
                  "device-001, device-003, ");
    UNIT_CONTAINS(json_string_value(json_object_get(o, "devices")),
                  "device-027 and 86 more");
}

/* One of a kind is one. */
static void test_one(void)
{
    make_of(json_quoted(
        "{'run': 'r', 'over': true, 'trace': {'dropped': 1, 'lost': 1, "
        "'torn_bytes': 1, 'nameless': 1, 'cut': 1, 'unended': 1}}"));
    UNIT_EQUAL(
        shown(report, "notes"),
        "['trace: 1 row was dropped, for which there was no room in memory: "
        "curves and percentiles are without them','trace: 1 row could not be "
        "written, as on a full disk: curves and percentiles are without "
        "them','trace: 1 byte behind the last whole second cut off: a process "
        "was killed while it wrote','trace: 1 device is without a name, beyond "
        "those a trace has room for','trace: 1 device has a name that is too "
        "long for a trace: it is cut, and has a hash at its end','trace: 1 of "
        "its processes did not close it, being killed: up to a second of each "
        "is missing']");
    make_of(json_quoted("{'run': 'r', 'live': {'left_out': {'devices': 1, "
                        "'ranks': 2}}}"));
    UNIT_EQUAL(shown(report, "notes"),
               "['1 device more is in no table','2 ranks more are in no "
               "table']");
}

/* --- no memory --- */

static long left;

static void *failing_malloc(size_t n)
{
    return left-- > 0 ? malloc(n) : NULL;
}

/* The document of [f], where calls for memory fail from the [n]th on. */
static json_t *make_failing(const json_t *f, long n, pe_error *errp)
{
    json_t *o;

    left = n;
    json_set_alloc_funcs(failing_malloc, free);
    o = document_make(f, errp);
    json_set_alloc_funcs(malloc, free);
    return o;
}

/* Where there is not memory for all of it there is none of it, but an error. */
static void test_no_memory(void)
{
    json_t *f = json_quoted(
        "{'run': 'r', 'live': {'state': 'running', 'blocks': {'refused': 1}, "
        "'model': {'kind': 'k'}, 'partitions': [{'partition': 0, 'pilot': "
        "'p'}], 'pilots': [{'name': 'p'}]}, 'refused': {'topic': 't', "
        "'records': [{'reason': 'x'}]}, 'commits': [{'time_ns': 1}, "
        "{'time_ns': 5, 'blocks': 1}], 'beats': {'p': {'host': 'h'}}}");
    text t = {0};
    pe_error e = {0};
    json_t *o = NULL, *whole = document_make(f, NULL);
    long n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
    for (; !o && n < 10000; n++) {
        e = (pe_error){0};
        o = make_failing(f, n, &e);
        UNIT_EQUAL(e.text, o ? "" : "out of memory");
        CU_ASSERT_EQUAL(e.kind, o ? PE_ERROR_NONE : PE_ERROR_FATAL);
    }
    CU_ASSERT_TRUE(json_equal(o, whole));
    CU_ASSERT_TRUE(n > 100);
    json_decref(o);
    json_decref(whole);
    e = (pe_error){0};
    left = 0;
    json_set_alloc_funcs(failing_malloc, free);
    CU_ASSERT_EQUAL(html_json(f, &t, &e), -1);
    json_set_alloc_funcs(malloc, free);
    UNIT_EQUAL(e.text, "out of memory");
    text_free(&t);
    t.failed = 1;
    e = (pe_error){0};
    CU_ASSERT_EQUAL(html_json(f, &t, &e), -1);
    UNIT_EQUAL(e.text, "out of memory");
    if (html_is_there())
        CU_ASSERT_EQUAL(html_page(f, NULL, &t, &e), -1);
    json_decref(f);
}

int main(void)
{
    static const unit_test tests[] = {
        {"words in HTML", test_escape},
        {"words in a script", test_json},
        {"words in a page", test_page},
        {"a name that is cut", test_cut},
        {"members of another kind", test_wrong_kind},
        {"commits of a clock that goes back", test_commits},
        {"more than is shown", test_many},
        {"one of a kind", test_one},
        {"no memory", test_no_memory},
        {NULL, NULL},
    };
    int status = unit_main("document_odd", tests);

    json_decref(made);
    return status;
}
