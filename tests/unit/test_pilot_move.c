/* test_pilot_move.c - `pilot move`: what it asks of pilots, and what of their
 * answers.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pilot_command.h"
#include "scratch.h"
#include "src/common/file.h"

static void put(const char *name, const char *data)
{
    char path[400];

    snprintf(path, sizeof(path), "%s/r/%s", rehearse_home, name);
    CU_ASSERT_EQUAL_FATAL(file_write(path, data, strlen(data), 0600, NULL), 0);
    setenv("FAKE_BEATS", path, 1);
}

/* Run r: sense and pick on devices a and b, join and learn on the pool. */
static void run_make(void)
{
    char path[400];

    begin();
    snprintf(path, sizeof(path), "%s/r", rehearse_home);
    CU_ASSERT_EQUAL_FATAL(file_mkdir(path, NULL), 0);
    put("pipeline.yaml",
        "version: 1\n"
        "pipeline: p\n"
        "pilots:\n"
        "  a: {kind: edge}\n"
        "  b: {kind: edge}\n"
        "  broker: {kind: broker}\n"
        "  one: {kind: pool}\n"
        "  two: {kind: pool}\n"
        "stages:\n"
        "  sense: {pilot: [a, b], function: generator}\n"
        "  pick: {pilot: [a, b], function: select, options: {columns: "
        "\"0\"}}\n"
        "  join: {pilot: [one, two], function: aggregate, options: {rows: "
        "2}}\n"
        "  learn: {pilot: [one, two], function: kmeans}\n");
    put("request.json",
        "{\"schema\": 1, \"run\": \"r\", \"file\": \"pipeline.yaml\", "
        "\"params\": \"redis://x:1\"}");
    snprintf(path, sizeof(path), "%s/log", scratch_folder);
    unlink(path);
    setenv("FAKE_LOG", path, 1);
}

/* What was asked of pilots, in order. */
static const char *places(void)
{
    static char out[1000];
    const char *log = content("log");

    *out = '\0';
    for (const char *at = log; (at = strstr(at, "place ")); at++)
        snprintf(out + strlen(out), sizeof(out) - strlen(out), "%.*s\n",
                 (int)strcspn(at, "\n"), at);
    return out;
}

#define POOL(name, behind, why)                                        \
    name " {\"schema\": 1, \"kind\": \"pool\", \"state\": \"ACTIVE\"," \
         "\"progress\": {\"place\": {\"behind\": \"" behind "\"" why "}}}\n"
#define EDGE(name, through, more)                                         \
    name " {\"schema\": 1, \"kind\": \"edge\", \"state\": \"ACTIVE\","    \
         "\"progress\": {\"place\": {\"through\": \"" through "\", " more \
         "}}}\n"
#define ALL "\"left\": 0"

static void test_asked(void)
{
    static const struct {
        const char *what, *to, *beats;
        int status;
        const char *err, *log;
    } rows[] = {
        /* To devices: a follows late, and is asked alone. */
        {"r/join", "devices", EDGE("a", "pick", ALL) EDGE("b", "join", ALL), 0,
         "not all devices of a have begun another block", "place a join\n"},
        {"r/join", "b", EDGE("a", "pick", ALL) EDGE("b", "join", ALL), 0,
         "stage 'join' is on b already", ""},
        {"r/pick", "pool", EDGE("a", "sense", ALL) EDGE("b", "sense", ALL), 0,
         "stage 'pick' is on the pool already", ""},
        /* Nobody is up. */
        {"r/pick", "pool", "", 75, "no pilot of pool 'pool' is up in run r",
         ""},
        {"r/pick", "pool", POOL("one", "pick", ""), 75,
         "no pilot of devices 'a' is up in run r", ""},
        /* The pool cannot: it is taken back, and no device is asked. */
        {"r/pick", "pool",
         POOL("one", "pick", ", \"why\": \"no such file\"")
             EDGE("a", "pick", ALL) EDGE("b", "pick", ALL),
         78, "stage 'pick' stays where it is; one: no such file",
         "place @pool \nplace @pool sense\nplace @pool \n"},
        /* One pool has it, and the other does not answer. */
        {"r/pick", "pool",
         POOL("one", "sense", "") POOL("two.2", "pick", "")
             EDGE("a", "pick", ALL) EDGE("b", "pick", ALL),
         75,
         "stage 'pick' stays where it is: pilot two.2 did not answer within "
         "0.2 s",
         "place @pool sense\nplace @pool \n"},
        /* Pools have it; devices of a follow with their next block. */
        {"r/pick", "pool",
         POOL("one", "sense", "") POOL("two", "sense", "")
             EDGE("a", "pick", "\"left\": 1") EDGE("b", "sense", ALL),
         0, "not all devices of a have begun another block within 0.2 s",
         "place @pool sense\nplace a sense\n"},
        {"r/pick", "two", "", 78, "'two' alone can have none: give pool", ""},
        {"r/pick", "broker", "", 78, "of kind broker and runs no stages", ""},
        {"r/pick", "c", "", 78, "there is no pilot 'c'", ""},
        {"r/none", "pool", "", 78,
         "run r has no stage 'none'; it has: sense, pick, join, learn", ""},
        {"r/join", "a", EDGE("a", "sense", ALL), 78,
         "stage 'join' cannot move: 'pick', which gives it its blocks, is on "
         "the pool; move that one first",
         ""},
    };

    for (size_t i = 0; i < N(rows); i++) {
        run_make();
        put("beats", rows[i].beats);
        expect(PILOT("move", "--timeout", "200ms", "--to", rows[i].to,
                     rows[i].what),
               rows[i].status, "", rows[i].err);
        UNIT_EQUAL(places(), rows[i].log);
    }
}

static void test_away(void)
{
    run_make();
    put("beats", "");
    setenv("FAKE_FAILS", "places", 1);
    expect(PILOT("move", "--to", "pool", "r/pick"), 69, "", "places is away");
    unsetenv("FAKE_FAILS");
    put("request.json",
        "{\"schema\": 1, \"run\": \"r\", \"file\": \"pipeline.yaml\"}");
    expect(PILOT("move", "--to", "pool", "r/pick"), 78, "",
           "run r has no parameter service");
}

int main(void)
{
    static const unit_test tests[] = {
        {"pilot move: what is asked, and answered", test_asked},
        {"pilot move: no parameter service", test_away},
        {NULL, NULL},
    };
    int rc;

    setenv("PILOT_UNDER_TEST", "tests/unit/pilot_fake", 1);
    scratch_make();
    rc = unit_main("pilot_move", tests);
    unsetenv("FAKE_BEATS");
    scratch_remove();
    return rc;
}
