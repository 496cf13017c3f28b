/* test_crew.c - what a pilot's processes say is believed, and how they end. */
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/agent/crew.h"

#define COUNT(a) (sizeof(a) / sizeof(a[0]))

/* tell JSON: an event of an agent that was started with the mark $1. */
#define TELL "tell() { printf '\\036%s %s\\n' \"$mark\" \"$1\"; }; mark=$1; "

struct heard {
    crew *crew;
    const char *script;
    char events[256], died[256];
    size_t lines;
};

static int command(void *arg, crew_command *c, pe_error *errp)
{
    struct heard *h = arg;
    const char *words[] = {"sh", "-c", h->script, "sh", h->crew->reader.mark};

    (void)errp;
    c->argv = calloc(COUNT(words) + 1, sizeof(char *));
    for (size_t i = 0; c->argv && i < COUNT(words); i++)
        c->argv[i] = strdup(words[i]);
    return c->argv ? 0 : -1;
}

static void event(void *arg, json_t *o)
{
    struct heard *h = arg;
    size_t len = strlen(h->events);

    snprintf(h->events + len, sizeof(h->events) - len, "%s;",
             json_string_value(json_object_get(o, "event")));
}

static void line(void *arg, const char *words)
{
    struct heard *h = arg;

    (void)words;
    h->lines++;
}

static int64_t died(void *arg, const char *what, int64_t delay_ns)
{
    struct heard *h = arg;

    (void)delay_ns;
    snprintf(h->died, sizeof(h->died), "%s", what);
    return -1;
}

static void stumbled(void *arg, const char *what)
{
    struct heard *h = arg;

    snprintf(h->died, sizeof(h->died), "%s", what);
}

static const crew_ops ops = {.command = command,
                             .event = event,
                             .line = line,
                             .died = died,
                             .stumbled = stumbled};

/* Look until it is over, or for 30 s. */
static void run(crew *c)
{
    int64_t until = clock_mono_ns() + 30 * CLOCK_S;

    while (!crew_is_over(c) && clock_mono_ns() < until) {
        crew_turn(c, clock_mono_ns());
        clock_sleep_ns(1000000, 0);
    }
}

/* Starts again, as the breaker says but in the next turn that is later. */
static int64_t died_again(void *arg, const char *what, int64_t delay_ns)
{
    died(arg, what, delay_ns);
    return delay_ns < 0 ? -1 : 1;
}

/* Starts that take long and come to nothing are not tried for ever: the
 * breaker alone would have forgotten the first of them.
 */
static void test_stillborn(void)
{
    static const struct {
        const char *script;
        int starts;
    } rows[] = {
        {"exit 1", RESTART_DEATHS},
        {TELL "tell '{\"event\":\"ready\"}'; exit 1", 8},
        {TELL "tell '{\"event\":\"error\",\"kind\":\"retry\"}'; exit 1", 8},
    };
    static const crew_ops again = {
        .command = command, .event = event, .line = line, .died = died_again};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct heard h = {.script = rows[i].script};
        crew c = {.ops = &again, .arg = &h};
        int64_t now = 0;
        h.crew = &c;
        for (int k = 0; k < 8 && !crew_is_over(&c); k++) {
            now += RESTART_WINDOW_NS; /* each takes that long */
            crew_turn(&c, now);
            CU_ASSERT(process_wait(c.proc, 20000));
            while (c.state == CREW_RUNS)
                crew_turn(&c, now);
        }
        CU_ASSERT_EQUAL(c.starts, rows[i].starts);
        CU_ASSERT_EQUAL(c.state == CREW_LOST, rows[i].starts < 8);
        crew_close(&c);
    }
}

/* A death that is held against a block is none of the five, since the block is
 * refused in the end; but without any progress there is an end to that, too.
 */
static void test_suspected(void)
{
#define NOTED "tell '{\"event\":\"fault\",\"text\":\"f\",\"noted\":true}';"
    static const struct {
        const char *script;
        int starts;
        bool lost;
    } rows[] = {
        {TELL "tell '{\"event\":\"ready\"}';" NOTED "kill -11 $$",
         RESTART_SUSPECTS, true},
        {TELL "tell '{\"event\":\"ready\"}'; n=$(cat n 2>/dev/null || echo 0);"
              "echo $((n + 1)) >n;"
              "tell '{\"event\":\"progress\",\"blocks\":'$n'}';" NOTED
              "kill -11 $$",
         40, false},
        {TELL "tell '{\"event\":\"ready\"}';"
              "tell '{\"event\":\"fault\",\"text\":\"f\"}'; kill -11 $$",
         RESTART_DEATHS, true},
    };
    static const crew_ops again = {
        .command = command, .event = event, .line = line, .died = died_again};
    char folder[] = "/tmp/pilot-crew.XXXXXX", *before = getcwd(NULL, 0);

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    CU_ASSERT_EQUAL_FATAL(chdir(folder), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct heard h = {.script = rows[i].script};
        crew c = {.ops = &again, .arg = &h};
        int64_t now = CLOCK_S;

        h.crew = &c;
        for (int k = 0; k < 40 && !crew_is_over(&c); k++) {
            now += CLOCK_S;
            crew_turn(&c, now);
            CU_ASSERT(process_wait(c.proc, 20000));
            while (c.state == CREW_RUNS)
                crew_turn(&c, now);
        }
        CU_ASSERT_EQUAL(c.starts, rows[i].starts);
        CU_ASSERT_EQUAL(c.state == CREW_LOST, rows[i].lost);
        crew_close(&c);
    }
    unlink("n");
    CU_ASSERT_EQUAL(chdir(before), 0);
    rmdir(folder);
    free(before);
}

/* What started ranks of which one host is not heard may wait for it: it is
 * asked to end, and then made to, and that is a death as any.
 */
static void test_cut(void)
{
    struct heard h = {.script = TELL
                      "trap '' TERM; tell '{\"event\":\"fault\",\"text\":"
                      "\"host n2 is mute\",\"cut\":true}';"
                      "while :; do sleep 0.1; done"};
    crew c = {.ops = &ops, .arg = &h};
    int64_t until = clock_mono_ns() + 30 * CLOCK_S;

    h.crew = &c;
    while (!c.cut_ns && clock_mono_ns() < until)
        crew_turn(&c, clock_mono_ns());
    crew_turn(&c, c.cut_ns + CLOCK_S);
    CU_ASSERT_EQUAL(c.pressed, 0);
    for (int k = 1; k <= 2; k++) {
        crew_turn(&c, c.cut_ns + 4 * CLOCK_S);
        CU_ASSERT_EQUAL(c.pressed, k);
    }
    CU_ASSERT(process_wait(c.proc, 20000));
    run(&c);
    UNIT_EQUAL(h.events, "");
    UNIT_EQUAL(h.died, "was cut off: host n2 is mute");
    CU_ASSERT_EQUAL(c.state, CREW_LOST);
    crew_close(&c);
}

/* Five deaths within two minutes are the end, but not to be told to try again:
 * a service whose disk is full is waited for.
 */
static void test_again(void)
{
    static const struct {
        const char *script;
        int starts;
    } rows[] = {
        {TELL "tell '{\"event\":\"error\",\"kind\":\"retry\",\"exit\":69}';"
              "exit 69",
         RESTART_DEATHS},
        {TELL "tell '{\"event\":\"error\",\"kind\":\"retry\",\"exit\":75}';"
              "exit 75",
         8},
    };
    static const crew_ops again = {
        .command = command, .event = event, .line = line, .died = died_again};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct heard h = {.script = rows[i].script};
        crew c = {.ops = &again, .arg = &h};
        h.crew = &c;
        for (int k = 0; k < 8 && !crew_is_over(&c); k++) {
            crew_turn(&c, CLOCK_S + k);
            CU_ASSERT(process_wait(c.proc, 20000));
            while (c.state == CREW_RUNS)
                crew_turn(&c, CLOCK_S + k);
        }
        CU_ASSERT_EQUAL(c.starts, rows[i].starts);
        crew_close(&c);
    }
}

static void test_ends(void)
{
    static const struct {
        const char *what, *script, *events, *died;
        enum crew_state state;
        int exit_code;
    } rows[] = {
        {"a whole life", TELL "tell '{\"event\":\"pool\"}'", "pool;", "",
         CREW_DONE, 0},
        {"half a line of somebody in front",
         TELL "printf 'half '; tell '{\"event\":\"pool\"}'", "pool;", "",
         CREW_DONE, 0},
        {"a function prints a final event, and dies",
         "echo '{\"event\":\"pool\",\"state\":\"done\"}'; kill -9 $$", "",
         "was killed by signal 9", CREW_LOST, 1},
        {"a rank plays back what another agent said",
         "printf '\\036%s %s\\n' beef '{\"event\":\"pool\"}'; exit 3", "",
         "ended with status 3", CREW_LOST, 1},
        {"killed behind its final event",
         TELL "tell '{\"event\":\"pool\"}'; kill -11 $$", "pool;",
         "had done its work, and then was killed by signal 11", CREW_DONE, 0},
        {"a launcher's own status is no signal", "exit 205", "",
         "ended with status 205", CREW_LOST, 1},
        {"the function it dies in is said, the first one",
         TELL
         "tell '{\"event\":\"fault\",\"text\":\"stage one\"}'; "
         "tell '{\"event\":\"fault\",\"text\":\"stage two\"}'; kill -11 $$",
         "", "was killed by signal 11 in stage one", CREW_LOST, 1},
        {"a fault without a word",
         TELL "tell '{\"event\":\"fault\"}'; kill -6 $$", "",
         "was killed by signal 6 in ?", CREW_LOST, 1},
        {"a second error is a launcher's echo of the first",
         TELL "tell '{\"event\":\"error\",\"kind\":\"input\",\"exit\":65}';"
              "tell '{\"event\":\"error\",\"kind\":\"fatal\",\"exit\":70}';"
              "exit 1",
         "error;", "ended with status 1", CREW_LOST, 65},
        {"an error whose status is none",
         TELL "tell '{\"event\":\"error\",\"kind\":\"input\",\"exit\":300}';"
              "exit 9",
         "error;", "ended with status 9", CREW_LOST, 1},
        {"what is said at the very end is heard",
         TELL "tell '{\"event\":\"progress\"}'; "
              "tell '{\"event\":\"pool\",\"state\":\"failed\"}'",
         "progress;pool;", "", CREW_DONE, 1},
        {"a last word that failed, and an end to match",
         TELL "tell '{\"event\":\"pool\",\"state\":\"failed\"}'; exit 1",
         "pool;", "", CREW_DONE, 1},
        {"events without a kind are nobody's",
         TELL "tell '{}'; tell '[]'; exit 2", "", "ended with status 2",
         CREW_LOST, 1},
        {"the error says it all",
         TELL "tell '{\"event\":\"error\",\"kind\":\"input\",\"exit\":65}';"
              "exit 1",
         "error;", "ended with status 1", CREW_LOST, 65},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct heard h = {.script = rows[i].script};
        crew c = {.ops = &ops, .arg = &h};
        h.crew = &c;
        run(&c);
        printf("# %s\n", rows[i].what);
        UNIT_EQUAL(h.events, rows[i].events);
        UNIT_EQUAL(h.died, rows[i].died);
        CU_ASSERT_EQUAL(c.state, rows[i].state);
        CU_ASSERT_EQUAL(c.told.exit_code, rows[i].exit_code);
        crew_close(&c);
    }
}

/* It told its end and stays: it is ended, and that is said. */
static void test_stays(void)
{
    struct heard h = {.script =
                          TELL "tell '{\"event\":\"pool\"}'; exec sleep 600"};
    crew c = {.ops = &ops, .arg = &h};
    int64_t until = clock_mono_ns() + 30 * CLOCK_S;

    h.crew = &c;
    while (!c.told.final && clock_mono_ns() < until)
        crew_turn(&c, clock_mono_ns());
    crew_turn(&c, c.final_ns + 59 * CLOCK_S);
    CU_ASSERT_EQUAL(c.state, CREW_RUNS);
    crew_turn(&c, c.final_ns + 61 * CLOCK_S);
    CU_ASSERT_EQUAL(c.state, CREW_DONE);
    UNIT_EQUAL(h.died, "had done its work, and then did not end");
    CU_ASSERT_EQUAL(c.told.exit_code, 0);
    crew_close(&c);
}

/* A supervisor stays as long as those it tells of. */
static void test_lingers(void)
{
    struct heard h = {.script =
                          TELL "tell '{\"event\":\"pool\"}'; exec sleep 600"};
    crew c = {.ops = &ops, .arg = &h, .lingers = true};
    int64_t until = clock_mono_ns() + 30 * CLOCK_S;

    h.crew = &c;
    while (!c.told.final && clock_mono_ns() < until)
        crew_turn(&c, clock_mono_ns());
    crew_turn(&c, c.final_ns + 3600 * CLOCK_S);
    CU_ASSERT_EQUAL(c.state, CREW_RUNS);
    crew_kill(&c, 3000);
    CU_ASSERT_EQUAL(c.state, CREW_DONE);
    UNIT_EQUAL(h.died, "");
    crew_close(&c);
}

static int started_badly(void *arg, pe_error *errp)
{
    (void)arg;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE, "no record");
}

/* What cannot be noted is not left running. */
static void test_started(void)
{
    static const crew_ops noted = {.command = command,
                                   .started = started_badly,
                                   .event = event,
                                   .died = died};
    struct heard h = {.script = "exec sleep 600"};
    crew c = {.ops = &noted, .arg = &h};

    h.crew = &c;
    crew_turn(&c, clock_mono_ns());
    CU_ASSERT_EQUAL(c.state, CREW_LOST);
    CU_ASSERT_EQUAL(c.starts, 1);
    CU_ASSERT_PTR_NULL(c.proc);
    CU_ASSERT_EQUAL(c.told.exit_code, PE_EXIT_CREATE);
    UNIT_EQUAL(h.events, "error;");
    UNIT_EQUAL(h.died, "was not started");
    crew_close(&c);
}

/* What cannot even be made a command of. */
static int no_command(void *arg, crew_command *c, pe_error *errp)
{
    (void)arg;
    (void)c;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "no mpirun");
}

static int wrong_command(void *arg, crew_command *c, pe_error *errp)
{
    (void)arg;
    (void)errp;
    c->argv = calloc(2, sizeof(char *));
    c->argv[0] = strdup("/nowhere/agent");
    return 0;
}

static void test_not_started(void)
{
    static const crew_ops none = {
        .command = no_command, .event = event, .died = died};
    static const crew_ops wrong = {
        .command = wrong_command, .event = event, .died = died};
    static const crew_ops *const kinds[] = {&none, &wrong};

    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct heard h = {.script = ""};
        crew c = {.ops = kinds[i], .arg = &h};
        crew_turn(&c, clock_mono_ns());
        CU_ASSERT_EQUAL(c.state, CREW_LOST);
        CU_ASSERT_EQUAL(c.starts, 0);
        CU_ASSERT_EQUAL(c.told.exit_code, PE_EXIT_CONFIG);
        CU_ASSERT(c.told.fatal);
        CU_ASSERT_EQUAL(crew_fd(&c), -1);
        UNIT_EQUAL(h.events, "error;");
        UNIT_EQUAL(h.died, "was not started");
        crew_signal(&c, SIGTERM); /* nobody is there to hear it */
        crew_kill(&c, 10);
        CU_ASSERT_EQUAL(c.state, CREW_LOST);
        crew_close(&c);
    }
}

/* One that is told to leave is not started again, and has not died, whether
 * it runs or is yet to start.
 */
static void test_released(void)
{
    static const crew_ops again = {
        .command = command, .event = event, .line = line, .died = died_again};
    struct heard h = {.script = "exec sleep 600"};
    crew c = {.ops = &again, .arg = &h, .due_ns = INT64_MAX};

    h.crew = &c;
    crew_turn(&c, CLOCK_S);
    CU_ASSERT_EQUAL(c.state, CREW_WAITS);
    c.due_ns = 0;
    crew_release(&c);
    crew_turn(&c, CLOCK_S);
    CU_ASSERT_EQUAL(c.state, CREW_DONE);
    CU_ASSERT_EQUAL(c.starts, 0);
    crew_close(&c);
    c = (crew){.ops = &again, .arg = &h};
    crew_turn(&c, CLOCK_S);
    CU_ASSERT_EQUAL(c.state, CREW_RUNS);
    crew_release(&c);
    crew_signal(&c, SIGKILL);
    CU_ASSERT(process_wait(c.proc, 20000));
    while (c.state == CREW_RUNS)
        crew_turn(&c, CLOCK_S);
    CU_ASSERT_EQUAL(c.state, CREW_DONE);
    CU_ASSERT_EQUAL(c.starts, 1);
    UNIT_EQUAL(h.died, "");
    crew_close(&c);
}

/* One that is deaf is killed, with all that carries its mark and has left its
 * group; what carries another stays.
 */
static void test_killed(void)
{
    char mark[] = "CREW_TEST_MARK=/one", other[] = "CREW_TEST_MARK=/other";
    const char *argv[] = {"sleep", "600", NULL}, *env[] = {other, NULL};
    const process_spec spec = {.argv = argv, .env = env, .new_group = true};
    struct heard h = {.script =
                          TELL "trap '' TERM; export CREW_TEST_MARK=/one\n"
                               "setsid sleep 600 & setsid sleep 600 &\n"
                               "tell '{\"event\":\"ready\"}'\n"
                               "while :; do sleep 1; done"};
    crew c = {.ops = &ops, .arg = &h, .mark = mark};
    process *bystander = process_start(&spec, NULL);
    int64_t until = clock_mono_ns() + 30 * CLOCK_S;

    h.crew = &c;
    while (!c.told.ready && clock_mono_ns() < until)
        crew_turn(&c, clock_mono_ns());
    CU_ASSERT(c.told.ready);
    CU_ASSERT(crew_fd(&c) >= 0);
    crew_kill(&c, 2000);
    CU_ASSERT_EQUAL(c.state, CREW_DONE);
    UNIT_EQUAL(h.died, "");
    CU_ASSERT_EQUAL(process_kill_marked(mark), 0);
    CU_ASSERT_FALSE(process_ended(bystander));
    crew_close(&c);
    process_destroy(bystander);
}

/* What is believed of a process: the first error, and the last state. */
static void test_told(void)
{
    static const struct {
        const char *event;
        bool is_new;
        agent_told want;
    } rows[] = {
        {"{}", false, {0}},
        {"{\"event\":\"ready\"}", true, {.ready = true}},
        {"{\"event\":\"error\",\"kind\":\"retry\",\"exit\":75}",
         true,
         {.ready = true, .error = true, .exit_code = 75}},
        {"{\"event\":\"error\",\"kind\":\"input\",\"exit\":65}",
         false,
         {.ready = true, .error = true, .exit_code = 75}},
        {"{\"event\":\"edge\",\"state\":\"drained\"}",
         true,
         {.ready = true,
          .error = true,
          .exit_code = 75,
          .final = true,
          .drained = true}},
    };
    agent_told t = {0};

    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *o = json_loads(rows[i].event, 0, NULL);
        CU_ASSERT_EQUAL(agent_told_take(&t, o), rows[i].is_new);
        CU_ASSERT_EQUAL(t.ready, rows[i].want.ready);
        CU_ASSERT_EQUAL(t.error, rows[i].want.error);
        CU_ASSERT_EQUAL(t.fatal, rows[i].want.fatal);
        CU_ASSERT_EQUAL(t.exit_code, rows[i].want.exit_code);
        CU_ASSERT_EQUAL(t.final, rows[i].want.final);
        CU_ASSERT_EQUAL(t.failed, rows[i].want.failed);
        CU_ASSERT_EQUAL(t.drained, rows[i].want.drained);
        json_decref(o);
    }
}

/* One that talks without a stop is heard in turns, and can be ended. */
static void test_chatty(void)
{
    struct heard h = {.script = "exec yes"};
    crew c = {.ops = &ops, .arg = &h};

    h.crew = &c;
    for (int i = 0; i < 50; i++) { /* each of them comes back */
        crew_turn(&c, clock_mono_ns());
        clock_sleep_ns(1000000, 0);
    }
    CU_ASSERT_TRUE(h.lines > 1000);
    CU_ASSERT_EQUAL(c.state, CREW_RUNS);
    crew_kill(&c, 3000);
    CU_ASSERT_EQUAL(c.state, CREW_DONE);
    UNIT_EQUAL(h.died, "");
    crew_close(&c);
}

int main(void)
{
    static const unit_test tests[] = {
        {"how it ends, and what is believed", test_ends},
        {"starts that come to nothing", test_stillborn},
        {"a block is held to be the cause", test_suspected},
        {"told to try again", test_again},
        {"a host is not heard", test_cut},
        {"one that does not leave", test_stays},
        {"one that may stay", test_lingers},
        {"one that cannot be noted", test_started},
        {"one that was never started", test_not_started},
        {"one that is to leave", test_released},
        {"one that is deaf, and its children", test_killed},
        {"what is believed", test_told},
        {"one that talks without a stop", test_chatty},
        {NULL, NULL},
    };

    return unit_main("crew", tests);
}
