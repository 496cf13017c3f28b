/* test_pilot_submit.c - submit and resize, as users call them. */
#include "unit.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pilot_command.h"
#include "scratch.h"

#include "src/backend/backend.h"
#include "src/backend/backends.h"
#include "src/common/file.h"
#include "src/request/request.h"

static const char pool_yaml[] =
    "version: 1\n"
    "pipeline: p\n"
    "pilots: {pool: {kind: pool, ntasks: 2}}\n"
    "stages: {learn: {pilot: pool, function: kmeans}}\n"
    "streams: {in: {topic: t}}\n";

static const char many_yaml[] =
    "version: 1\n"
    "pipeline: p\n"
    "pilots: {a: {kind: pool}, b: {kind: pool}, d: {kind: edge}}\n"
    "stages:\n"
    "  sense: {pilot: d, function: generator}\n"
    "  learn: {pilot: [a, b], function: kmeans}\n";

/* SCRATCH/name, kept to the end. */
static char *in_scratch(const char *name)
{
    static char paths[4][400];
    static int n;

    n = (n + 1) % 4;
    snprintf(paths[n], sizeof(paths[n]), "%s/%s", scratch_folder, name);
    return paths[n];
}

static void file_put(const char *name, const char *data)
{
    pe_error e = {0};

    CU_ASSERT_EQUAL(file_write(in_scratch(name), data, strlen(data), 0600, &e),
                    0);
}

/* A home, two pipeline files, services that nobody calls. */
static void start(void)
{
    begin();
    file_put("pool.yaml", pool_yaml);
    file_put("many.yaml", many_yaml);
    setenv("PILOT_BROKER", "127.0.0.1:1", 1);
    setenv("PILOT_PARAMS", "redis://127.0.0.1:2", 1);
    unsetenv("PILOT_PASSWORD_FILE");
    setenv("XDG_CONFIG_HOME", scratch_folder, 1);
}

static bool is_there(const char *run)
{
    char path[500];

    snprintf(path, sizeof(path), "%s/%s", rehearse_home, run);
    return access(path, F_OK) == 0;
}

/* How many jobs of that scheduler are not over. */
static int jobs_alive(const char *url)
{
    pe_error e = {0};
    resource *r = backend_open(url, &e);
    int n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    for (int i = 1; i < 8; i++) {
        resource_job job = {.dir = "/nowhere"};
        snprintf(job.id, sizeof(job.id), "%d.rehearsal", i);
        if (r->ops->describe(r, &job, 1, &e) == 0)
            n += job.seen >= RESOURCE_QUEUED && job.seen <= RESOURCE_ENDING;
    }
    resource_close(r);
    return n;
}

/* --- what comes of it --- */

static void test_submit(void)
{
    const char *url;
    pilot_record r;

    start();
    url = rehearse_script("q", "queue for-ever Resources");
    expect(PILOT("submit", "--resource", url, "-n", "4", "-t", "30", "--run",
                 "t", "--parsable", in_scratch("pool.yaml")),
           0, "t/pool;1.rehearsal\n", "ntasks 4 (command line)");
    r = on_disk("t/pool");
    CU_ASSERT_EQUAL(r.state, PILOT_QUEUED);
    CU_ASSERT_FALSE(r.submitting);
    CU_ASSERT_EQUAL(r.ranks, 4);
    UNIT_EQUAL(r.sched_id, "1.rehearsal");
    CU_ASSERT_EQUAL(jobs_alive(url), 1);
    UNIT_CONTAINS(content("home/t/pool/request.json"), "\"ntasks\": \"4\"");
    UNIT_CONTAINS(content("home/t/pool/pipeline.yaml"), "pipeline: p");
    /* One more joins the run under a name of its own. */
    expect(PILOT("submit", "--resource", url, "--run", "t",
                 in_scratch("pool.yaml")),
           0, "t/pool.2\n", "2 ranks x 1 core");
    /* Ranks that are missing are one more pilot. */
    expect(PILOT("resize", "t/pool", "-n", "7", "--parsable"), 0,
           "t/pool.3;3.rehearsal\n", "brings 3 more ranks");
    CU_ASSERT_EQUAL(on_disk("t/pool.3").ranks, 3);
    expect(PILOT("cancel", "--now", "--run", "t"), 0, NULL, NULL);
    CU_ASSERT_EQUAL(jobs_alive(url), 0);
}

/* What is refused leaves nothing. */
static void test_refused(void)
{
    static const struct {
        const char *script, *args[6];
        int status;
        const char *err;
    } rows[] = {
        {"refuse no such account", {"pool.yaml"}, 78, "no such account"},
        {"run",
         {"many.yaml", "-n", "4"},
         64,
         "many.yaml has several pilots: say which with --pilot: a, b, d"},
        {"run",
         {"many.yaml", "--pilot", "c"},
         64,
         "has no pilot 'c' to be submitted"},
        {"run",
         {"pool.yaml", "-N", "myjob"},
         64,
         "-N is --nodes, a job's name is -J"},
        {"run", {"pool.yaml", "-n", "0"}, 64, "ntasks: '0' is not from 1"},
        {"run", {"pool.yaml", "-t", "soon"}, 64, "time: 'soon' is no time"},
        {"run", {"pool.yaml", "--tim", "3"}, 64, "did you mean --time?"},
        {"run", {"pool.yaml", "-J", "x\n#SBATCH --uid=0"}, 64, "job-name: "},
        {"run", {"nosuch.yaml"}, 78, "nosuch.yaml"},
    };

    for (size_t i = 0; i < N(rows); i++) {
        const char *args[12] = {"submit", "--run", "t", "--resource"};
        int n = 5;
        start();
        args[4] = rehearse_script("s", rows[i].script);
        for (int k = 0; k < 6 && rows[i].args[k]; k++)
            args[n++] = strstr(rows[i].args[k], ".yaml")
                            ? in_scratch(rows[i].args[k])
                            : rows[i].args[k];
        expect(pilot(args), rows[i].status, NULL, rows[i].err);
        UNIT_EQUAL(content("out"), "");
        CU_ASSERT_FALSE(is_there("t/pool"));
        CU_ASSERT_EQUAL(jobs_alive(args[4]), 0);
    }
}

/* Services that are nowhere, and endpoints that cannot be reached. */
static void test_services(void)
{
    start();
    unsetenv("PILOT_BROKER");
    expect(PILOT("submit", "--run", "t", "--resource",
                 rehearse_script("s", "run"), in_scratch("pool.yaml")),
           78, NULL,
           "no broker is known: give its endpoint in the file, set "
           "PILOT_BROKER");
    CU_ASSERT_FALSE(is_there("t"));
    setenv("PILOT_BROKER", "127.0.0.1:1", 1);
    file_put("far.yaml",
             "version: 1\n"
             "pipeline: p\n"
             "pilots: {pool: {kind: pool, resource: \"slurm+ssh://h\"}, "
             "broker: {kind: broker}}\n"
             "stages: {learn: {pilot: pool, function: kmeans}}\n"
             "streams: {in: {topic: t}}\n");
    expect(PILOT("submit", "--run", "t", in_scratch("far.yaml")), 78, NULL,
           "pilot 'pool' on slurm+ssh://h cannot reach 127.0.0.1:1");
}

/* A scheduler that does not answer, or whose answer is not heard: one job. */
static void test_unknown_outcome(void)
{
    static const struct {
        const char *script, *err;
    } rows[] = {
        {"fail-submit 1\nqueue for-ever", "trying again"},
        {"submit-lost\nqueue for-ever", "trying again"},
        {"fail-submit 1\nfail-query 1\nqueue for-ever", "trying again"},
    };

    for (size_t i = 0; i < N(rows); i++) {
        const char *url;
        start();
        url = rehearse_script("s", rows[i].script);
        expect(PILOT("submit", "--run", "t", "--resource", url,
                     in_scratch("pool.yaml")),
               0, "t/pool\n", rows[i].err);
        CU_ASSERT_EQUAL(jobs_alive(url), 1);
        CU_ASSERT_EQUAL(state_of("t/pool"), PILOT_QUEUED);
        expect(PILOT("cancel", "--now", "t"), 0, NULL, NULL);
        CU_ASSERT_EQUAL(jobs_alive(url), 0);
    }
}

/* It never answers: kept in doubt, not lost. */
static void test_scheduler_away(void)
{
    const char *url;

    start();
    url = rehearse_script("s", "fail-submit 9\nfail-query 9\nqueue for-ever");
    expect(PILOT("submit", "--run", "t", "--resource", url,
                 in_scratch("pool.yaml")),
           PE_EXIT_UNAVAILABLE, NULL,
           "t/pool is kept as it is: 'pilot status t/pool' finds out");
    CU_ASSERT_EQUAL(state_of("t/pool"), PILOT_NEW);
    CU_ASSERT_EQUAL(jobs_alive(url), 0);
}

/* --- the script alone --- */

static void test_dry_run(void)
{
    static const char *const urls[] = {"slurm://", "pbs://", "local://",
                                       "slurm+ssh://me@nowhere.invalid",
                                       "ssh://pi@nowhere.invalid"};
    char *first = NULL;

    for (size_t i = 0; i < N(urls); i++) {
        start();
        for (int k = 0; k < 2; k++) {
            expect(PILOT("submit", "--dry-run", "--resource", urls[i], "-n",
                         "4", "--set", "pilots.pool.same-host=yes",
                         in_scratch("pool.yaml")),
                   0, "#!/bin/bash\n", "would be submitted by: ");
            if (k == 0)
                first = text_format("%s", content("out"));
        }
        UNIT_EQUAL(content("out"), first);
        free(first);
        CU_ASSERT_FALSE(is_there("RUN"));
    }
}

/* What a place will never give is refused before anything is made. */
static void test_impossible(void)
{
    static const struct {
        const char *url, *word, *value;
        int status;
        const char *err;
    } rows[] = {
        {"local://", "--chain", "2", PE_EXIT_CONFIG,
         "on local:// it has no end: say time (--time 2h), or leave chain out"},
        {"ssh://pi@nowhere.invalid", "--chain", "1", PE_EXIT_CONFIG,
         "on ssh://pi@nowhere.invalid it has no end"},
        {"slurm://", "--chain", "2", 0, NULL},
        {"local://", "-n", "100000", PE_EXIT_CONFIG,
         "ntasks: 100000 ranks take 781 GiB or more, and this host has "},
        {"slurm://", "-n", "100000", 0, NULL},
    };

    for (size_t i = 0; i < N(rows); i++)
        for (int real = 0; real < (rows[i].status ? 2 : 1); real++) {
            start();
            expect(PILOT("submit", "--run=t", real ? "-Q" : "--dry-run",
                         "--resource", rows[i].url, rows[i].word, rows[i].value,
                         "--set", "pilots.pool.same-host=yes",
                         in_scratch("pool.yaml")),
                   rows[i].status, NULL, rows[i].err);
            CU_ASSERT_FALSE(is_there("t"));
        }
}

/* What is asked for, in numbers and words that are right. */
static void test_echo(void)
{
    static const struct {
        const char *n, *c, *err;
    } rows[] = {
        {"1", "1", "/pool on slurm://: 1 rank x 1 core, "},
        {"4", "2", "/pool on slurm://: 4 ranks x 2 cores, "},
    };

    for (size_t i = 0; i < N(rows); i++) {
        start();
        expect(PILOT("submit", "--dry-run", "--resource", "slurm://", "-n",
                     rows[i].n, "-c", rows[i].c, "--set",
                     "pilots.pool.same-host=yes", in_scratch("pool.yaml")),
               0, NULL, rows[i].err);
    }
}

/* --- every option --- */

/* A value that word [w] takes. */
static const char *good_value(const request_spec *s)
{
    static char word[32];

    if (s->choices) {
        snprintf(word, sizeof(word), "%.*s", (int)strcspn(s->choices, " "),
                 s->choices);
        return word;
    }
    switch (s->type) {
    case REQUEST_TYPE_INT:
        return "1";
    case REQUEST_TYPE_TIME:
        return "90s";
    default:
        break;
    }
    if (!strcmp(s->name, "mem"))
        return "4G";
    if (!strcmp(s->name, "gpus-per-node"))
        return "a100:2";
    if (!strcmp(s->name, "begin"))
        return "2030-01-02T03:04:05";
    if (!strcmp(s->name, "dependency"))
        return "afterok:12";
    if (!strcmp(s->name, "signal"))
        return "B:USR1@60";
    if (!strcmp(s->name, "mail-type"))
        return "END";
    if (!strcmp(s->name, "directives"))
        return "--comment=x";
    if (!strcmp(s->name, "no-directive"))
        return "--job-name";
    if (!strcmp(s->name, "export"))
        return "NONE";
    return "x";
}

/* "submit --dry-run OPTION [VALUE] FILE" on Slurm. */
static int dry(const char *option, const char *value)
{
    const char *args[12] = {"submit",     "--dry-run",
                            "--resource", "slurm://",
                            "--set",      "pilots.pool.same-host=yes",
                            "--set",      "pilots.pool.ntasks=1"};
    int n = 8;

    args[n++] = option;
    if (value)
        args[n++] = value;
    args[n++] = in_scratch("pool.yaml");
    return pilot(args);
}

static void test_every_option(void)
{
    start();
    for (const request_spec *s = request_specs; s->name; s++) {
        bool flag = s->type == REQUEST_TYPE_FLAG;
        const char *value = flag ? NULL : good_value(s);
        int want =
            slurm_ops.words->refusal[s - request_specs] ? PE_EXIT_USAGE : 0;
        char name[64];
        if (!strcmp(s->name, "extra"))
            continue; /* stands behind "--" */
        snprintf(name, sizeof(name), "--%s", s->name);
        expect(dry(name, value), want, NULL, want ? s->name : NULL);
        snprintf(name, sizeof(name), "-%c", s->letter);
        if (s->letter)
            expect(dry(name, value), want, NULL, NULL);
        snprintf(name, sizeof(name), "--%s", s->alias ? s->alias : "");
        if (s->alias)
            expect(dry(name, value), want, NULL, NULL);
        snprintf(name, sizeof(name), "--%s", s->name);
        /* No value, or one that cannot stand in a directive. */
        if (!flag)
            expect(dry(name, "a\nb"), PE_EXIT_USAGE, NULL, s->name);
    }
}

/* What stands behind "--" reaches the scheduler as it is. */
static void test_extra(void)
{
    start();
    expect(PILOT("submit", "--dry-run", "--resource", "slurm://", "--set",
                 "pilots.pool.same-host=yes", in_scratch("pool.yaml"), "--",
                 "--exclusive=user", "--comment=a b"),
           0, NULL, "--exclusive=user '--comment=a b'");
}

/* --- killed --- */

/* kill -9 at every step: one job at most, and it is found again. */
static void test_killed(void)
{
    char *preload = realpath("tests/unit/kill_at.so", NULL);
    bool killed = true;
    int at, alive_max = 0;

    for (at = 1; killed && at < 200; at++) {
        char number[16];
        const char *url;
        start();
        url = rehearse_script("q", "queue for-ever");
        snprintf(number, sizeof(number), "%d", at);
        setenv("KILL_AT", number, 1);
        setenv("LD_PRELOAD", preload, 1);
        /* A sanitizer wants to be the first that is loaded. */
        setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
        int status = PILOT("submit", "--run", "t", "--resource", url,
                           in_scratch("pool.yaml"));
        unsetenv("LD_PRELOAD");
        unsetenv("ASAN_OPTIONS");
        unsetenv("KILL_AT");
        killed = status == 128 + SIGKILL;
        CU_ASSERT(killed || status == 0);
        int alive = jobs_alive(url);
        alive_max = alive > alive_max ? alive : alive_max;
        CU_ASSERT(alive <= 1);
        /* Whoever looks sees whole records. */
        CU_ASSERT_EQUAL(PILOT("status", "--refresh"), 0);
        CU_ASSERT_PTR_NULL(strstr(content("err"), "cannot be read"));
        if (alive == 1)
            UNIT_CONTAINS(content("out"), "1.rehearsal");
        /* One that the scheduler does not know may still be on its way: half
         * a minute later it is given up.
         */
        if (strstr(content("out"), "t/pool"))
            expect(PILOT("cancel", "--now", "t/pool"),
                   alive ? 0 : PE_EXIT_AGAIN, NULL, NULL);
        if (alive)
            CU_ASSERT_EQUAL(state_of("t/pool"), PILOT_CANCELED);
        CU_ASSERT_EQUAL(jobs_alive(url), 0);
    }
    printf("# killed at %d places\n", at - 2);
    CU_ASSERT(at > 10);
    CU_ASSERT_EQUAL(alive_max, 1);
    CU_ASSERT_FALSE(killed);
    free(preload);
}

/* --- successors --- */

/* A pool in the queue with [links] successors to come; its scheduler. */
static const char *chained(const char *script, const char *links)
{
    const char *url;

    start();
    url = rehearse_script("q", script);
    expect(PILOT("submit", "--run", "t", "--resource", url, "--chain", links,
                 in_scratch("pool.yaml")),
           0, "t/pool\n", NULL);
    return url;
}

/* N links are N successors, and the last one has none. */
static void test_chain(void)
{
    const char *url = chained("queue for-ever", "2");

    UNIT_CONTAINS(content("home/t/pool/request.json"), "\"chain\": 2");
    expect(PILOT("submit", "--parsable", "--successor", "t/pool"), 0,
           "t/pool.2;2.rehearsal\n", NULL);
    UNIT_CONTAINS(content("home/t/pool.2/request.json"), "\"chain\": 1");
    expect(PILOT("submit", "--parsable", "--successor", "t/pool.2"), 0,
           "t/pool.3;3.rehearsal\n", NULL);
    UNIT_CONTAINS(content("home/t/pool.3/request.json"), "\"chain\": 0");
    CU_ASSERT_EQUAL(jobs_alive(url), 3);
    UNIT_EQUAL(on_disk("t/pool").successor, "t/pool.2");
    UNIT_EQUAL(on_disk("t/pool.2").successor, "t/pool.3");
    expect(PILOT("cancel", "--now", "--run", "t"), 0, NULL, NULL);
}

/* However often it is asked for: one successor. */
static void test_successor_once(void)
{
    const char *url = chained("queue for-ever", "3");

    for (int i = 0; i < 3; i++) {
        expect(PILOT("submit", "--parsable", "--successor", "t/pool"), 0,
               "t/pool.2;2.rehearsal\n", NULL);
        CU_ASSERT_EQUAL(jobs_alive(url), 2);
    }
    /* Its name is taken by one more, which is none. */
    expect(PILOT("resize", "t/pool", "-n", "4", "--parsable"), 0,
           "t/pool.3;3.rehearsal\n", NULL);
    expect(PILOT("submit", "--successor", "t/pool.2"), 0, "t/pool.4\n", NULL);
    expect(PILOT("cancel", "--now", "--run", "t"), 0, NULL, NULL);
    CU_ASSERT_EQUAL(jobs_alive(url), 0);
}

/* What its scheduler refuses at first has the same name at the next try. */
static void test_successor_refused(void)
{
    const char *url = chained("queue for-ever", "3");

    rehearse_script("q", "refuse no such account");
    expect(PILOT("submit", "--successor", "t/pool"), 78, NULL,
           "no such account");
    CU_ASSERT_FALSE(is_there("t/pool.2"));
    rehearse_script("q", "queue for-ever");
    expect(PILOT("submit", "--successor", "t/pool"), 0, "t/pool.2\n", NULL);
    CU_ASSERT_EQUAL(jobs_alive(url), 2);
    expect(PILOT("cancel", "--now", "--run", "t"), 0, NULL, NULL);
}

/* Killed at every step and asked for again: never two. */
static void test_successor_killed(void)
{
    char *preload = realpath("tests/unit/kill_at.so", NULL);
    bool killed = true;

    for (int at = 1; killed && at < 300; at += 3) {
        char number[16];
        const char *url = chained("queue for-ever", "3");
        snprintf(number, sizeof(number), "%d", at);
        setenv("KILL_AT", number, 1);
        setenv("LD_PRELOAD", preload, 1);
        setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
        int status = PILOT("submit", "--successor", "t/pool");
        unsetenv("LD_PRELOAD");
        unsetenv("ASAN_OPTIONS");
        unsetenv("KILL_AT");
        killed = status == 128 + SIGKILL;
        CU_ASSERT(killed || status == 0);
        status = PILOT("submit", "--parsable", "--successor", "t/pool");
        CU_ASSERT(status == 0 || status == PE_EXIT_AGAIN);
        if (status == 0) {
            UNIT_CONTAINS(content("out"), ";2.rehearsal\n");
            CU_ASSERT_EQUAL(jobs_alive(url), 2);
        }
        CU_ASSERT(jobs_alive(url) <= 2);
    }
    CU_ASSERT_FALSE(killed);
    free(preload);
}

int main(void)
{
    static const unit_test tests[] = {
        {"submit, join, resize", test_submit},
        {"what is refused leaves nothing", test_refused},
        {"services that are nowhere", test_services},
        {"answers that are not heard", test_unknown_outcome},
        {"a scheduler that is away", test_scheduler_away},
        {"the script alone, the same bytes", test_dry_run},
        {"every option, short, long, wrong", test_every_option},
        {"behind --", test_extra},
        {"submit, killed at every step", test_killed},
        {"a chain of N has N successors", test_chain},
        {"what a place will never give", test_impossible},
        {"what is asked for, in words", test_echo},
        {"one successor, however often asked for", test_successor_once},
        {"a successor that is refused at first", test_successor_refused},
        {"a successor, killed at every step", test_successor_killed},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("pilot submit", tests);
    status |= rehearse_end_all();
    scratch_remove();
    return status;
}
