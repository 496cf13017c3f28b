/* test_known.c - what is known of a run whose folder is torn, or half there. */
#include "unit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json_quoted.h"
#include "src/common/file.h"
#include "src/page/html.h"
#include "src/page/known.h"
#include "src/serve/hub.h"

#define PIPELINE "version: 1\npipeline: p # </script>\"\\\xff\x01\n"
#define KILLED                                                            \
    "the command that followed the run was killed, or went away, before " \
    "it could write one"

static char folder[] = "/tmp/pilot-test.XXXXXX";
static json_t *facts;

/* Write file [name] of the folder. */
static void put(const char *name, const char *data)
{
    char path[300];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    CU_ASSERT_EQUAL_FATAL(file_write(path, data, strlen(data), 0600, NULL), 0);
}

static void put_quoted(const char *name, const char *quoted)
{
    char *s = strdup(quoted);

    for (char *c = s; *c; c++)
        if (*c == '\'')
            *c = '"';
    put(name, s);
    free(s);
}

static void run_remove(void)
{
    static const char *const files[] = {"r/pipeline.yaml", "r/request.json",
                                        "r/summary.json", "r/commits.json",
                                        "r/lock"};
    char path[300];

    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        unlink(path);
    }
}

/* A run that has no more than its pipeline. */
static void run_make(void)
{
    char path[300];

    snprintf(path, sizeof(path), "%s/r", folder);
    mkdir(path, 0700);
    run_remove();
    put("r/pipeline.yaml", PIPELINE);
}

static void look(const char *run)
{
    pe_error e = {0};

    json_decref(facts);
    facts = known_quickly(run, "pilot 9", &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(facts);
}

static const char *why(const char *key)
{
    const char *s =
        json_string_value(json_object_get(json_object_get(facts, "why"), key));

    return s ? s : "";
}

static const char *shown(const char *key)
{
    return json_shown(json_incref(json_object_get(facts, key)));
}

/* --- files --- */

static void test_bare(void)
{
    run_make();
    look("r");
    UNIT_EQUAL(shown("run"), "'r'");
    UNIT_EQUAL(shown("by"), "'pilot 9'");
    UNIT_EQUAL(shown("state"), "'cut off'");
    UNIT_EQUAL(shown("beats"), "{}");
    UNIT_EQUAL(why("summary"), KILLED);
    UNIT_CONTAINS(why("config"), "r/request.json");
    UNIT_CONTAINS(why("trace"), "'pilot report' reads the trace");
    CU_ASSERT_TRUE(strlen(why("commits")) > 0);
    CU_ASSERT_TRUE(json_integer_value(json_object_get(facts, "began_ns")) > 0);
    CU_ASSERT_PTR_NULL(json_object_get(facts, "over"));
    CU_ASSERT_PTR_NULL(json_object_get(facts, "summary"));
    CU_ASSERT_PTR_NULL(json_object_get(facts, "config"));
}

/* A file that was cut, or is none of ours, is named with what is wrong. */
static void test_torn(void)
{
    static const struct {
        const char *file, *data, *key, *words;
    } rows[] = {
        {"summary.json", "", "summary", "r/summary.json is no whole JSON ("},
        {"summary.json", "{'run': 'r', 'sta", "summary", ", line 1)"},
        {"summary.json", "{'run':\n\n'r'", "summary", ", line 3)"},
        {"summary.json", "{'a': 1} {", "summary", "is no whole JSON (end of"},
        {"summary.json", "{'a': '\xff'}", "summary", "is no whole JSON ("},
        {"summary.json", "{'a': 1e999}", "summary", "is no whole JSON ("},
        {"summary.json", "[1]", "summary",
         "r/summary.json is JSON and no object, so pilot has not written it: "
         "put a copy of it back, or move it away"},
        {"commits.json", "", "commits", "r/commits.json is no whole JSON ("},
        {"commits.json", "{'commits': [{'ver", "commits",
         "line 1): it was cut off, or changed; put a copy of it back, or move "
         "it away"},
        {"commits.json", "[1]", "commits",
         "r/commits.json is JSON and no object"},
        {"commits.json", "{}", "commits",
         "file commits.json of its folder has none"},
        {"request.json", "", "config", "r/request.json:"},
        {"request.json", "{'run': 'r', ", "config", "r/request.json:1: "},
        {"request.json", "{}", "config",
         "r/request.json is not complete; it is written by 'pilot run'"},
        {"request.json", "[1]", "config", "is not complete"},
        {"request.json", "{'run': 'r', 'file': 5}", "config",
         "is not complete"},
        {"request.json", "{'run': 'r', 'file': 'none.yaml'}", "config",
         "r/none.yaml"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char path[64];

        run_make();
        snprintf(path, sizeof(path), "r/%s", rows[i].file);
        put_quoted(path, rows[i].data);
        look("r");
        UNIT_CONTAINS(why(rows[i].key), rows[i].words);
        CU_ASSERT_PTR_NULL(json_object_get(facts, rows[i].key));
        CU_ASSERT_PTR_NULL(json_object_get(facts, "over"));
        UNIT_EQUAL(shown("state"), "'cut off'"); /* and all else is there */
    }
}

static void test_whole(void)
{
    run_make();
    put_quoted("r/summary.json", "{'state': 'done', 'exit': 0}");
    put_quoted("r/commits.json",
               "{'commits': [{'version': 1}], 'partitions': []}");
    put_quoted("r/request.json", "{'run': 'r', 'file': 'pipeline.yaml', "
                                 "'set': ['a=\\u0007b', '<x>'], 'broker': "
                                 "'kafka:1'}");
    look("r");
    UNIT_EQUAL(shown("over"), "true");
    UNIT_EQUAL(shown("summary"), "{'state':'done','exit':0}");
    UNIT_EQUAL(why("summary"), "");
    UNIT_EQUAL(shown("commits"), "[{'version':1}]");
    UNIT_EQUAL(shown("offsets"), "[]");
    UNIT_EQUAL(why("config"), "");
    /* bytes that are no text are seen to be none */
    UNIT_EQUAL(json_string_value(
                   json_object_get(json_object_get(facts, "config"), "text")),
               "version: 1\npipeline: p # </script>\"\\??\n");
    json_object_set_new(json_object_get(facts, "config"), "text", json_null());
    UNIT_EQUAL(shown("config"),
               "{'text':null,'file':'pipeline.yaml','set':['a=?b','<x>'],"
               "'broker':'kafka:1','params':''}");
}

/* A configuration that is larger than one is, is not taken in. */
static void test_huge(void)
{
    size_t len = (1 << 20) + 1;
    char *big = malloc(len + 1);

    CU_ASSERT_PTR_NOT_NULL_FATAL(big);
    memset(big, '#', len);
    big[len] = '\0';
    run_make();
    put_quoted("r/request.json", "{'run': 'r', 'file': 'pipeline.yaml'}");
    put("r/pipeline.yaml", big);
    look("r");
    CU_ASSERT_PTR_NULL(json_object_get(facts, "config"));
    UNIT_CONTAINS(why("config"), "r/pipeline.yaml");
    big[len - 1] = '\0'; /* a byte less is no more than that */
    put("r/pipeline.yaml", big);
    look("r");
    UNIT_EQUAL(why("config"), "");
    CU_ASSERT_PTR_NOT_NULL(json_object_get(facts, "config"));
    free(big);
}

/* Who follows it holds its lock: it is not over, whatever lies there. */
static void test_followed(void)
{
    char path[300];
    int fd;

    run_make();
    put_quoted("r/summary.json", "{'state': 'done'}");
    put("r/lock", "");
    snprintf(path, sizeof(path), "%s/r/lock", folder);
    fd = open(path, O_RDWR | O_CLOEXEC);
    CU_ASSERT_EQUAL_FATAL(flock(fd, LOCK_EX | LOCK_NB), 0);
    look("r");
    UNIT_EQUAL(shown("state"), "'starting'");
    UNIT_EQUAL(why("summary"), "the run is not over");
    CU_ASSERT_PTR_NULL(json_object_get(facts, "over"));
    CU_ASSERT_PTR_NULL(json_object_get(facts, "summary"));
    close(fd);
    look("r");
    UNIT_EQUAL(shown("over"), "true");
}

/* --- runs that are none --- */

static void test_none(void)
{
    static const char *const names[] = {
        "none", "", ".", "..", "../r", "r/../r", "r/", "/", "a\nb",
    };
    static const char *const keys[] = {"commits", "config", "beats"};

    run_make();
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        pe_error e = {0};

        look(names[i]);
        for (size_t k = 0; k < 3; k++)
            UNIT_EQUAL(why(keys[k]), "the folder of the run is not on this "
                                     "host");
        UNIT_EQUAL(why("summary"), "this host has no folder of the run");
        CU_ASSERT_PTR_NULL(json_object_get(facts, "state"));
        CU_ASSERT_PTR_NULL(known_facts(names[i], "pilot 9", &e));
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        UNIT_CONTAINS(e.text, i == 0 ? "there is no run none in /tmp/"
                                     : "' is no name of a run: letters, ");
        CU_ASSERT_EQUAL(e.exit_code, i == 0 ? PE_EXIT_CONFIG : PE_EXIT_USAGE);
    }
    look("a\nb\x1b[31m\xff");
    UNIT_EQUAL(shown("run"), "'a?b?[31m?'");
}

/* --- a hub over such a run --- */

static const char *text_of(hub *h, enum hub_text kind, hub_piece **pp)
{
    hub_piece *p = hub_take(h, kind, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL(strlen(p->data), p->len);
    *pp = p;
    return p->data;
}

static hub *hub_make(void)
{
    pe_error e = {0};
    hub *h;

    run_make();
    put_quoted("r/request.json", "{'run': 'r', 'file': 'pipeline.yaml', "
                                 "'params': 'redis://127.0.0.1:1'}");
    h = hub_open(folder, "r", "events?token=<\"", 0, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(h);
    return h;
}

/* Its services do not answer: it is shown as far as it is known, once for all
 * who ask, and what one of them holds is not changed below it.
 */
static void test_hub(void)
{
    hub *h = hub_make();
    hub_piece *event, *json, *page, *metrics;
    const char *s = text_of(h, HUB_EVENT, &event);
    uint64_t seq = 0;
    json_t *doc;

    CU_ASSERT_EQUAL(strncmp(s, "data: {", 7), 0);
    CU_ASSERT_PTR_EQUAL(strchr(s, '\n'), s + event->len - 2); /* one event */
    CU_ASSERT_EQUAL(strcspn(s, "<>&\r"), event->len);
    text_of(h, HUB_JSON, &json);
    CU_ASSERT_EQUAL(strncmp(s + 6, json->data, json->len), 0);
    doc = json_loadb(json->data, json->len, 0, NULL);
    UNIT_EQUAL(json_string_value(json_object_get(doc, "run")), "r");
    UNIT_CONTAINS(
        json_string_value(json_object_get(
            json_object_get(json_object_get(doc, "report"), "config"), "text")),
        "</script>");
    json_decref(doc);
    s = text_of(h, HUB_PAGE, &page);
    if (html_is_there()) {
        UNIT_CONTAINS(s, "data-events=\"events?token=&lt;&quot;\"");
        CU_ASSERT_PTR_NULL(strstr(s, "</script>\\\""));
    }
    UNIT_CONTAINS(text_of(h, HUB_METRICS, &metrics),
                  "pilot_run_state{run=\"r\",state=\"unknown\"} 1\n");
    UNIT_CONTAINS(metrics->data,
                  "pilot_server_unreachable{run=\"r\",server=\"redis\"} 1\n");
    CU_ASSERT_EQUAL(hub_seq(h), 1);
    CU_ASSERT_EQUAL(hub_look(h, NULL), 0);
    CU_ASSERT_EQUAL(hub_seq(h), 2);
    hub_piece_drop(metrics);
    metrics = hub_take(h, HUB_METRICS, &seq);
    CU_ASSERT_EQUAL(seq, 2);
    CU_ASSERT_EQUAL(atomic_load(&json->holders), 1); /* ours alone */
    CU_ASSERT_EQUAL(json->data[0], '{');
    hub_piece_drop(json);
    json = hub_take(h, HUB_JSON, NULL);
    CU_ASSERT_EQUAL(atomic_load(&json->holders), 2); /* the hub's, too */
    hub_piece_drop(json);
    hub_piece_drop(page);
    hub_piece_drop(NULL);
    hub_close(h);
    hub_close(NULL);
    hub_piece_drop(event); /* it outlives the hub */
    hub_piece_drop(metrics);
}

/* A summary that is torn is no summary, and is named while the run is looked
 * at, too; one that is whole again is one.
 */
static void test_hub_torn(void)
{
    static const char *const torn[] = {"", "{'state': 'do", "[1]"};

    for (size_t i = 0; i < sizeof(torn) / sizeof(*torn); i++) {
        hub *h = hub_make();
        hub_piece *json;

        put_quoted("r/summary.json", torn[i]);
        CU_ASSERT_EQUAL(hub_look(h, NULL), 0);
        UNIT_CONTAINS(text_of(h, HUB_JSON, &json),
                      "/r/summary.json is no whole object of JSON: it was cut "
                      "off, or changed; put a copy of it back, or move it "
                      "away");
        hub_piece_drop(json);
        put_quoted("r/summary.json", "{'state': 'done'}");
        CU_ASSERT_EQUAL(hub_look(h, NULL), 0);
        CU_ASSERT_PTR_NULL(
            strstr(text_of(h, HUB_JSON, &json), "no whole object"));
        hub_piece_drop(json);
        hub_close(h);
    }
}

static void test_hub_none(void)
{
    pe_error e = {0};

    run_make();
    CU_ASSERT_PTR_NULL(hub_open(folder, "r", "events", 0, &e));
    UNIT_CONTAINS(e.text, "r/request.json");
    e = (pe_error){0};
    CU_ASSERT_PTR_NULL(hub_open(folder, "none", "events", 0, &e));
    UNIT_CONTAINS(e.text, "there is no run none in ");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    /* a service that could have it does not answer */
    e = (pe_error){0};
    setenv("PILOT_PARAMS", "redis://127.0.0.1:1", 1);
    CU_ASSERT_PTR_NULL(hub_open(folder, "none", "events", 0, &e));
    unsetenv("PILOT_PARAMS");
    UNIT_CONTAINS(e.text, "127.0.0.1:1");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
}

int main(void)
{
    static const unit_test tests[] = {
        {"a pipeline alone", test_bare},
        {"files that are torn", test_torn},
        {"a whole folder", test_whole},
        {"a configuration that is too large", test_huge},
        {"a run that is followed", test_followed},
        {"runs that are none", test_none},
        {"a hub without services", test_hub},
        {"a hub over a torn summary", test_hub_torn},
        {"a hub of no run", test_hub_none},
        {NULL, NULL},
    };
    int status;

    if (!mkdtemp(folder))
        return 99;
    setenv("PILOT_HOME", folder, 1);
    unsetenv("PILOT_PARAMS");
    unsetenv("PILOT_BROKER");
    status = unit_main("known", tests);
    json_decref(facts);
    file_remove_tree(folder, NULL);
    return status;
}
