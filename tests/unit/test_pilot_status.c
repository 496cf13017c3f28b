/* test_pilot_status.c - status and log, as users call them.
 *
 * The program under test is `pilot`; its pilots are jobs of rehearsed
 * schedulers, whose scripts play the supervisor.
 */
#include "unit.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "pilot_command.h"
#include "scratch.h"

#include "src/common/clock.h"
#include "src/common/file.h"

/* --- options --- */

static const struct option_row {
    const char *command, *name, *letter, *good, *bad, *error;
} option_rows[] = {
    {"status", "all", "-a", NULL, NULL, NULL},
    {"status", "states", "-t", "DONE,queued", "DONE,WAITING",
     "option --states: there is no state 'WAITING'; the states are NEW "},
    {"status", "states", "-t", "failed", "FAILD",
     "there is no state 'FAILD'; did you mean FAILED?"},
    {"status", "format", "-o", "pilot,exit,ended", "pilot,stat",
     "option --format: there is no column 'stat'; did you mean state?; the "
     "columns are pilot run "},
    {"status", "format", "-o", "all", "pilot,,",
     "option --format: there is no column ''"},
    {"status", "map", "-m", NULL, NULL, NULL},
    {"status", "learned", "-l", NULL, NULL, NULL},
    {"status", "refresh", "-r", NULL, NULL, NULL},
    {"status", "json", "-j", NULL, NULL, NULL},
    {"status", "no-header", NULL, NULL, NULL, NULL},
    {"wait", "until", "-u", "end", "done",
     "option --until: 'done' is none of: active flowing end; see 'pilot wait "
     "--help'"},
    {"wait", "timeout", "-t", "1s", "10",
     "option --timeout: '10' is no time: write a number and its unit, as in "
     "90s, 10m or 2h"},
    {"wait", "timeout", "-t", "0", "-5s", "'-5s' is no time"},
    {"wait", "quiet", "-Q", NULL, NULL, NULL},
    {"cancel", "grace", "-g", "1s", "soon",
     "option --grace: 'soon' is no "
     "time"},
    {"cancel", "now", NULL, NULL, NULL, NULL},
    {"cancel", "quiet", "-Q", NULL, NULL, NULL},
    {"log", "lines", "-n", "3", "three",
     "option --lines: 'three' is no number from 0 to 1000000"},
    {"log", "lines", "-n", "0", "-1", "'-1' is no number"},
    {"log", "follow", "-f", NULL, NULL, NULL},
    {"log", "out", NULL, NULL, NULL, NULL},
    {"log", "err", NULL, NULL, NULL, NULL},
};

/* Long, "=" and short, with a value where it wants one. */
static void option_good(const struct option_row *o)
{
    char *longest = text_format("--%s", o->name);
    char *joined = text_format("--%s=%s", o->name, o->good ? o->good : "x");

    if (o->good) {
        expect(PILOT(o->command, longest, o->good, "t/p"), 0, NULL, NULL);
        expect(PILOT(o->command, joined, "t/p"), 0, NULL, NULL);
        if (o->letter)
            expect(PILOT(o->command, o->letter, o->good, "t/p"), 0, NULL, NULL);
    } else {
        expect(PILOT(o->command, "t/p", longest), 0, NULL, NULL);
        if (o->letter)
            expect(PILOT(o->command, "t/p", o->letter), 0, NULL, NULL);
        expect(PILOT(o->command, joined, "t/p"), PE_EXIT_USAGE, NULL,
               "takes no value; see 'pilot ");
    }
    free(joined);
    free(longest);
}

static void option_bad(const struct option_row *o)
{
    char *longest = text_format("--%s", o->name);
    char *cut = text_format("--%.*s", (int)strlen(o->name) - 1, o->name);

    if (o->bad) {
        expect(PILOT(o->command, "t/p", longest, o->bad), PE_EXIT_USAGE, NULL,
               o->error);
        expect(PILOT(o->command, "t/p", longest), PE_EXIT_USAGE, NULL,
               "wants a value");
        expect(PILOT(o->command, longest, "", "t/p"), PE_EXIT_USAGE, NULL,
               "option --");
    }
    /* Never abbreviated. */
    expect(PILOT(o->command, cut, "t/p"), PE_EXIT_USAGE, NULL,
           "unknown option --");
    free(cut);
    free(longest);
}

static void test_options(void)
{
    pilot_record r;

    begin();
    r = record_of("t/p", "rehearsal://", "1.rehearsal", PILOT_DONE);
    record_put(&r);
    for (size_t i = 0; i < N(option_rows); i++) {
        const struct option_row *o = &option_rows[i];
        char *line = text_format("%.2s%s --%s ", o->letter ? o->letter : "  ",
                                 o->letter ? "," : " ", o->name);
        option_good(o);
        option_bad(o);
        expect(PILOT(o->command, "--help"), 0, line, NULL);
        expect(PILOT(o->command, "-h"), 0, "Usage: pilot ", NULL);
        UNIT_EQUAL(content("err"), "");
        expect(PILOT(o->command, "-Z"), PE_EXIT_USAGE, NULL,
               "unknown option -Z; see 'pilot ");
        free(line);
    }
}

static void test_operands(void)
{
    begin();
    expect(PILOT("wait"), PE_EXIT_USAGE, NULL,
           "pilot: an ID is missing; see 'pilot wait --help'\n");
    expect(PILOT("log"), PE_EXIT_USAGE, NULL, "an ID is missing");
    expect(PILOT("log", "a/b", "c/d"), PE_EXIT_USAGE, NULL,
           "too many operands");
    expect(PILOT("cancel"), PE_EXIT_USAGE, NULL,
           "which pilots: name them, or say --run RUN or --all");
    expect(PILOT("cancel", "--all", "t/p"), PE_EXIT_USAGE, NULL,
           "which pilots");
    expect(PILOT("cancel", "--all", "--run", "t"), PE_EXIT_USAGE, NULL,
           "which pilots");
    expect(PILOT("statsu"), PE_EXIT_USAGE, NULL,
           "unknown command 'statsu'; did you mean 'pilot status'?");
}

/* What is called is not there. */
static void test_unknown(void)
{
    static const char *const commands[] = {"status", "wait", "cancel", "log"};
    pilot_record r;

    begin();
    r = record_of("monday/pool", "rehearsal://", "1.rehearsal", PILOT_DONE);
    record_put(&r);
    for (size_t i = 0; i < N(commands); i++) {
        expect(PILOT(commands[i], "mondya"), PE_EXIT_CONFIG, NULL,
               "pilot: 'mondya' is no pilot, run or scheduler id; did you mean "
               "monday?\n");
        expect(PILOT(commands[i], "monday/pol"), PE_EXIT_CONFIG, NULL,
               "did you mean monday/pool?");
        expect(PILOT(commands[i], "mon"), PE_EXIT_CONFIG, NULL,
               "'mon' is no pilot, run or scheduler id; 'pilot status --all' "
               "shows them");
        expect(PILOT(commands[i], "a b;$(touch x)'\n\x1b[31m"), PE_EXIT_CONFIG,
               NULL, "pilot: 'a b;$(touch x)'  [31m' is no pilot");
        expect(PILOT(commands[i], "../../etc"), PE_EXIT_CONFIG, NULL,
               "'../../etc' is no pilot");
        UNIT_EQUAL(content("out"), "");
    }
    expect(PILOT("cancel", "--run", "monday/pool"), PE_EXIT_CONFIG, NULL,
           "'monday/pool' is no run; did you mean pilot monday/pool?");
    expect(PILOT("status", "--", "-r"), PE_EXIT_CONFIG, NULL,
           "'-r' is no pilot");
}

/* --- status --- */

static void test_status(void)
{
    pilot_record r;
    const char *url;

    begin();
    expect(PILOT("status"), 0, NULL, NULL);
    UNIT_EQUAL(content("out"),
               "PILOT NAME KIND STATE REASON RANKS LEFT SCHED_ID\n");
    UNIT_EQUAL(content("err"), "");
    url = rehearse_script("queue", "queue for-ever Resources");
    pilot_submit("monday/pool", url, JOB_ACTIVE);
    reason_await(url, "1.rehearsal");
    url = rehearse_script("never", "never it wants 9 nodes, there are 3");
    pilot_submit("monday/big", url, JOB_ACTIVE);
    reason_await(url, "2.rehearsal");
    url = rehearse_script("run", "limit 2h\nrun");
    pilot_submit("tuesday/pool", url,
                 SUPERVISOR "say beat.json ACTIVE ', \"ranks\": 8'\n"
                            "sleep 1000 & wait");
    r = record_of("tuesday/old", url, "77", PILOT_FAILED);
    snprintf(r.reason, sizeof(r.reason), "no \x1b[31mdisk\n\xc2\x9b left");
    r.exit_code = 3;
    record_put(&r);
    r = record_of("tuesday/older", url, "78", PILOT_DONE);
    r.ended_ns -= 86400 * CLOCK_S + CLOCK_S;
    record_put(&r);
    expect(PILOT("wait", "-Q", "--until", "active", "tuesday/pool"), 0, NULL,
           NULL);
    expect(PILOT("status", "--refresh"), 0, NULL, NULL);
    UNIT_EQUAL(content("err"), "");
    UNIT_CONTAINS(content("out"),
                  "PILOT        NAME KIND STATE  REASON                        "
                  "                                      RANKS    LEFT "
                  "SCHED_ID\n"
                  "monday/pool  pool pool QUEUED waits in the queue (Resources)"
                  "                                          -       - "
                  "1.rehearsal\n"
                  "monday/big   big  pool QUEUED as it is asked for it will "
                  "never run: it wants 9 nodes, there are 3     -       - "
                  "2.rehearsal\n");
    UNIT_CONTAINS(content("out"), "tuesday/pool pool pool ACTIVE -");
    UNIT_CONTAINS(content("out"), "     8 1:5");
    UNIT_CONTAINS(content("out"), "tuesday/old  old  pool FAILED no  [31mdisk "
                                  "  left");
    CU_ASSERT_PTR_NULL(strstr(content("out"), "tuesday/older"));
    /* Those that were asked for are shown however old. */
    expect(PILOT("status", "tuesday/older"), 0, "tuesday/older", NULL);
    expect(PILOT("status", "--all"), 0, "tuesday/older", NULL);
    expect(PILOT("status", "tuesday"), 0, "tuesday/older", NULL);
    expect(PILOT("status", "--no-header", "-o", "state,pilot,exit", "77"), 0,
           NULL, NULL);
    UNIT_EQUAL(content("out"), "FAILED tuesday/old    3\n");
    expect(PILOT("status", "--states", "failed,ACTIVE", "-o", "pilot"), 0, NULL,
           NULL);
    UNIT_EQUAL(content("out"), "PILOT\ntuesday/pool\ntuesday/old\n");
    /* The number alone, as PBS takes it. */
    expect(PILOT("status", "--no-header", "-o", "pilot", "2"), 0, NULL, NULL);
    UNIT_EQUAL(content("out"), "monday/big\n");
}

static void test_status_json(void)
{
    pilot_record r;
    const char *url;
    json_t *o, *one;

    begin();
    url = rehearse_script("run", "limit 2h\nrun");
    pilot_submit("t/pool", url,
                 SUPERVISOR "say beat.json ACTIVE ', \"ranks\": 8, "
                            "\"partitions\": [0, 1, 2]'\nsleep 1000 & wait");
    r = record_of("t/torn", url, "78", PILOT_QUEUED);
    record_put(&r);
    pilot_put("t/torn", "state.json", "{\"schema\"");
    expect(PILOT("wait", "-Q", "--until", "active", "t/pool"), 0, NULL, NULL);
    expect(PILOT("status", "--json", "--refresh"), 0, NULL, NULL);
    o = json_loads(content("out"), 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "schema")), 1);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "unreadable")), 1);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "troubles")), 0);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "pilots")), 1);
    one = json_array_get(json_object_get(o, "pilots"), 0);
    UNIT_EQUAL(json_string_value(json_object_get(one, "id")), "t/pool");
    UNIT_EQUAL(json_string_value(json_object_get(one, "state")), "ACTIVE");
    UNIT_EQUAL(json_string_value(json_object_get(one, "why")), "");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(one, "ranks")), 8);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(one, "partitions")), 3);
    double left = json_real_value(json_object_get(one, "left_s"));
    if (left <= 7000 || left > 7200)
        printf("# left_s %g\n", left);
    CU_ASSERT(left > 7000 && left <= 7200);
    json_decref(o);
    expect(PILOT("status"), 0, NULL, "pilot: 1 record in /");
    expect(PILOT("status", "t/torn"), PE_EXIT_DATA, NULL,
           "t/torn/state.json is no record of a pilot");
    /* Who has what. */
    expect(PILOT("status", "--map"), 0, NULL, NULL);
    UNIT_EQUAL(content("out"), "PILOT  NAME STATE  RANKS PARTITIONS\n"
                               "t/pool pool ACTIVE     8 0-2\n");
}

/* What each device has learned: who was silent for longest comes first. */
static void test_status_learned(void)
{
    static const char pool[] =
        SUPERVISOR "say beat.json ACTIVE ', \"progress\": {\"version\": 7}'\n"
                   "sleep 1000 & wait";
    /* Of 66 devices three tell. */
    static const char edge[] = SUPERVISOR
        "say beat.json ACTIVE ', \"progress\": {\"last\": {\"devices\": 66}, "
        "\"device\": ["
        "[\"d-0\", 9, 9, 0, 0, 0, 0, 0, 3, 120, 5, 7, 2.0, 0.5], "
        "[\"d-1\", 9, 9, 0, 0, 0, 0, 0, 0, 0, 40, 0, null, 0.0], "
        "[\"d-2\", 9, 9, 0, 0, 0, 0, 0, 2, 90, 0, 4, 9.0, 0.25]]}'\n"
        "sleep 1000 & wait";
    const char *url, *line;
    json_t *o, *one;

    begin();
    url = rehearse_script("run", "limit 2h\nrun");
    pilot_submit("l/pool", url, pool);
    pilot_submit("l/edge", url, edge);
    expect(PILOT("wait", "-Q", "--until", "active", "l/pool", "l/edge"), 0,
           NULL, NULL);
    expect(PILOT("status", "--learned", "l"), 0, NULL, NULL);
    line = content("out");
    UNIT_CONTAINS(line, "DEVICE            SYNCS         ROWS      HELD    "
                        "AGE_S  BEHIND    UP_MB  PILOT\nd-1 ");
    UNIT_CONTAINS(line, "\nand 63 more\n");
    CU_ASSERT_TRUE(strstr(line, "d-1") < strstr(line, "d-2"));
    CU_ASSERT_TRUE(strstr(line, "d-2") < strstr(line, "d-0"));
    expect(PILOT("status", "--learned", "--json", "l"), 0, NULL, NULL);
    o = json_loads(content("out"), 0, NULL);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "left_out")), 63);
    one = json_array_get(json_object_get(o, "devices"), 2);
    UNIT_EQUAL(json_string_value(json_object_get(one, "device")), "d-2");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(one, "rows")), 90);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(one, "behind")), 3);
    json_decref(o);
    expect(PILOT("status", "--learned", "l/pool"), 0, NULL, NULL);
    UNIT_EQUAL(content("out"), "no device of these pilots learns\n");
}

/* A scheduler that does not answer: what was known, and how old it is. */
static void test_status_silent(void)
{
    pilot_record r;
    const char *url;

    begin();
    unsetenv("PILOT_POLL");
    url = rehearse_script("silent", "fail-query 2\nqueue for-ever Resources");
    pilot_submit("t/pool", url, JOB_ACTIVE);
    r = record_of("t/active", url, "99.rehearsal", PILOT_ACTIVE);
    r.active_ns = r.seen_ns = r.created_ns = r.submitted_ns = r.started_ns =
        clock_real_ns() - 400 * CLOCK_S;
    record_put(&r);
    expect(PILOT("status"), 0, "t/active", NULL);
    UNIT_EQUAL(content("err"), "pilot: the rehearsed scheduler does not answer "
                               "a question\n");
    UNIT_CONTAINS(content("out"), "ACTIVE last seen 6 min ago");
    /* Not asked again at once, but it is said again. */
    expect(PILOT("status"), 0, "t/pool", NULL);
    UNIT_CONTAINS(content("err"), "does not answer a question (asked ");
    CU_ASSERT_EQUAL(questions(), 1);
    /* On demand, and then the exit status tells. */
    expect(PILOT("status", "--refresh"), PE_EXIT_UNAVAILABLE, "t/pool", NULL);
    CU_ASSERT_EQUAL(questions(), 2);
    expect(PILOT("status", "--refresh"), 0, "waits in the queue (Resources)",
           NULL);
    UNIT_EQUAL(content("err"), "");
    CU_ASSERT_EQUAL(state_of("t/active"), PILOT_MISSING);
    /* And not again for half a minute. */
    expect(PILOT("status"), 0, NULL, NULL);
    expect(PILOT("status"), 0, NULL, NULL);
    CU_ASSERT_EQUAL(questions(), 3);
}

/* A job that the scheduler knows of, without a player: we are it. */
static void job_put(int number, const char *script, const char *dir)
{
    static char start[32];
    char path[512];
    FILE *f;

    if (!*start)
        CU_ASSERT(process_state(getpid(), start));
    snprintf(path, sizeof(path), "%s/rehearsal/%d.json", rehearse_home, number);
    f = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fprintf(f,
            "{\"id\": \"%d.rehearsal\", \"script\": \"%s\", \"dir\": \"%s\", "
            "\"seen\": %d, \"native\": \"PENDING\", \"reason\": \"Priority\", "
            "\"submit_ns\": 1, \"player\": %d, \"player_start\": \"%s\"}",
            number, script, dir, RESOURCE_QUEUED, (int)getpid(), start);
    fclose(f);
}

static void pilot_touch(const pilot_record *r, const char *name)
{
    char *path = text_format("%s/%s", r->dir, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    CU_ASSERT(fd >= 0);
    close(fd);
    free(path);
}

/* How long it takes is told, not asserted. */
static void test_status_thousand(void)
{
    enum { PILOTS = 1000 };
    const char *url;
    char *folder;

    begin();
    unsetenv("PILOT_POLL");
    url = rehearse_script("many", "run");
    folder = text_format("%s/rehearsal", rehearse_home);
    file_mkdir(folder, NULL);
    for (int i = 1; i <= PILOTS; i++) {
        char id[64], sched_id[64];
        snprintf(id, sizeof(id), "run-%d/pool-%d", i / 10, i % 10);
        snprintf(sched_id, sizeof(sched_id), "%d.rehearsal", i);
        pilot_record r = record_of(id, url, sched_id, PILOT_QUEUED);
        json_t *o = pilot_record_json(&r);
        file_mkdir(r.dir, NULL);
        char *path = text_format("%s/state.json", r.dir);
        json_dump_file(o, path, JSON_INDENT(1));
        json_decref(o);
        free(path);
        /* What pilot_record_create makes, without its waits for the disk. */
        pilot_touch(&r, "lock");
        pilot_touch(&r, "state.new");
        job_put(i, url + strlen("rehearsal://"), r.dir);
    }
    for (int i = 0; i < 3; i++) {
        int64_t t = clock_mono_ns();
        expect(PILOT("status", "-o", "pilot,state,reason", "--no-header",
                     i == 2 ? "--refresh" : "--all"),
               0, "run-5/pool-3   QUEUED waits in the queue (Priority)\n",
               NULL);
        printf("# status of %d pilots, look %d: %.0f ms\n", PILOTS, i,
               (double)(clock_mono_ns() - t) / 1e6);
        CU_ASSERT_EQUAL(questions(), i == 2 ? 2 : 1);
    }
    file_remove_tree(folder, NULL);
    free(folder);
}

/* --- a terminal --- */

/* A terminal of [columns]; its slave's path into [path]. */
static int tty_open(unsigned short columns, char path[64])
{
    struct winsize w = {.ws_row = 24, .ws_col = columns};
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    CU_ASSERT(fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0);
    CU_ASSERT_EQUAL(ptsname_r(fd, path, 64), 0);
    CU_ASSERT_EQUAL(ioctl(fd, TIOCSWINSZ, &w), 0);
    CU_ASSERT_EQUAL(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* What was written to it so far, added to [t]. */
static void tty_read(int fd, text *t)
{
    char bytes[4096];
    ssize_t n;

    while ((n = read(fd, bytes, sizeof(bytes))) > 0)
        text_add_bytes(t, bytes, (size_t)n);
}

/* Where a reason has no room it gets a line; what is there twice, or is least
 * needed, goes; and no line is longer than the terminal.
 */
static void test_terminal_narrow(void)
{
    static const struct {
        unsigned short columns;
        const char *text;
    } rows[] = {
        {120,
         "PILOT                                   NAME    KIND STATE  REASON "},
        {80, "PILOT                                   KIND STATE  RANKS LEFT "
             "SCHED_ID\r\n"
             "quickstart-20260101-120000-0123/devices edge FAILED     -    - "
             "1\r\n"
             "    a reason that goes on and on until no line of a terminal "
             "holds it, nor th...\r\n"},
        {64,
         "PILOT                                   KIND STATE  RANKS LEFT\r\n"},
        {50, "PILOT                                   STATE\r\n"},
    };
    const char *const status[] = {"status", NULL};
    pilot_record r;

    begin();
    r = record_of("quickstart-20260101-120000-0123/devices", "rehearsal://",
                  "1", PILOT_FAILED);
    snprintf(r.kind, sizeof(r.kind), "edge");
    snprintf(r.reason, sizeof(r.reason),
             "a reason that goes on and on until no line of a terminal holds "
             "it, nor the next one");
    record_put(&r);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char path[64];
        text t = {0};
        int fd = tty_open(rows[i].columns, path);
        int slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
        CU_ASSERT_EQUAL(pilot_end(pilot_start(status, path)), 0);
        tty_read(fd, &t);
        UNIT_CONTAINS(t.data, rows[i].text);
        for (char *line = t.data, *end; (end = strstr(line, "\r\n")) != NULL;
             line = end + 2)
            CU_ASSERT(end - line <= rows[i].columns);
        text_free(&t);
        close(slave);
        close(fd);
    }
}

static void test_terminal(void)
{
    const char *const status[] = {"status", "t/p", NULL};
    const char *const wait[] = {"wait", "t/q", NULL};
    char path[64];
    text t = {0};
    pilot_record r;
    int fd, slave;

    begin();
    r = record_of("t/p", "rehearsal://", "1", PILOT_FAILED);
    snprintf(r.reason, sizeof(r.reason),
             "a reason that goes on and on, \xc3\xa9 included, as the words of "
             "schedulers like to do, until no line of a terminal holds it");
    record_put(&r);
    fd = tty_open(80, path);
    slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC); /* stays open */
    CU_ASSERT_EQUAL(pilot_end(pilot_start(status, path)), 0);
    tty_read(fd, &t);
    UNIT_CONTAINS(t.data, "t/p   p    pool FAILED a reason that goes on and "
                          "on, \xc3\xa9 in...     -    - 1\r\n");
    for (char *line = t.data, *end; (end = strstr(line, "\r\n")) != NULL;
         line = end + 2)
        CU_ASSERT(end - line <= 80);
    text_free(&t);
    /* The whole of it where nobody looks. */
    expect(PILOT("status", "t/p"), 0, "until no line of a terminal holds it",
           NULL);
    /* A wait says what it waits for, and cleans up behind it. */
    pilot_submit("t/q", rehearse_script("wait", "queue 1s Resources\nrun"),
                 JOB_DONE);
    CU_ASSERT_EQUAL(pilot_end(pilot_start(wait, path)), 0);
    tty_read(fd, &t);
    UNIT_CONTAINS(t.data, "0 of 1; t/q is QUEUED: waits in the queue");
    UNIT_CONTAINS(t.data, "t/q is DONE: ended with status 0\r\n");
    text_free(&t);
    close(slave);
    close(fd);
}

/* --- log --- */

static void test_log(void)
{
    const char *url;

    begin();
    pilot_submit("t/p", rehearse_script("run", "run"), JOB_DONE);
    expect(PILOT("wait", "-Q", "t/p"), 0, NULL, NULL);
    expect(PILOT("log", "t/p"), 0, NULL, NULL);
    UNIT_EQUAL(content("out"),
               "==> out <==\nworking\n\n==> err <==\ntrouble\n");
    expect(PILOT("log", "--out", "t/p"), 0, NULL, NULL);
    UNIT_EQUAL(content("out"), "working\n");
    expect(PILOT("log", "--err", "1.rehearsal"), 0, NULL, NULL);
    UNIT_EQUAL(content("out"), "trouble\n");
    UNIT_EQUAL(content("err"), "");
    pilot_put("t/p", "err", "one\ntwo\n\nfour");
    expect(PILOT("log", "--err", "-n", "2", "t/p"), 0, NULL, NULL);
    UNIT_EQUAL(content("out"), "\nfour");
    expect(PILOT("log", "--err", "-n", "0", "t/p"), 0, NULL, NULL);
    UNIT_EQUAL(content("out"), "");
    expect(PILOT("log", "--err", "-n", "99", "t/p"), 0, NULL, NULL);
    UNIT_EQUAL(content("out"), "one\ntwo\n\nfour");
    pilot_put("t/p", "err", "one\ntwo\nthree\n");
    expect(PILOT("log", "--err", "-n1", "t/p"), 0, NULL, NULL);
    UNIT_EQUAL(content("out"), "three\n");
    /* A run is not a pilot, unless it has only one. */
    expect(PILOT("log", "--out", "t"), 0, "working", NULL);
    url = rehearse_script("q", "queue for-ever Resources");
    pilot_submit("t/q", url, JOB_DONE);
    reason_await(url, "2.rehearsal");
    expect(PILOT("log", "t"), PE_EXIT_USAGE, NULL,
           "'t' has 2 pilots: name one, for instance t/p");
    expect(PILOT("log", "t/q"), 0, NULL,
           "pilot: t/q has written nothing: it is QUEUED: waits in the queue "
           "(Resources)\n");
}

/* All of it, from the queue to its end. */
static void test_log_follow(void)
{
    const char *const args[] = {"log", "-f", "--out", "t/p", NULL};
    text want = {0};
    process *p;

    begin();
    pilot_submit("t/p", rehearse_script("s", "queue 500ms\nrun"),
                 SUPERVISOR
                 "say beat.json ACTIVE\n"
                 "for i in $(seq 40); do echo line $i; sleep 0.02; done\n"
                 "say exit DONE ', \"status\": 0'\necho last");
    p = pilot_start(args, NULL);
    CU_ASSERT_EQUAL(pilot_end(p), 0);
    for (int i = 1; i <= 40; i++)
        text_add(&want, "line %d\n", i);
    text_add(&want, "last\n");
    UNIT_EQUAL(content("out"), want.data);
    text_free(&want);
}

int main(void)
{
    static const unit_test tests[] = {
        {"every option", test_options},
        {"operands", test_operands},
        {"what is not there", test_unknown},
        {"status", test_status},
        {"status as JSON, and the map", test_status_json},
        {"status of what devices have learned", test_status_learned},
        {"status without an answer", test_status_silent},
        {"status of a thousand", test_status_thousand},
        {"a terminal", test_terminal},
        {"a terminal that is narrow", test_terminal_narrow},
        {"log", test_log},
        {"log, followed", test_log_follow},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("pilot status", tests);
    status |= rehearse_end_all();
    scratch_remove();
    return status;
}
