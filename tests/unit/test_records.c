/* test_records.c - the registry: two at once, kill -9, torn files. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/registry/record.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static char home[300];

/* Begin with no registry. */
static void home_make(void)
{
    snprintf(home, sizeof(home), "%s/home", scratch_folder);
    file_remove_tree(home, NULL);
}

static pilot_record record_of(const char *run, const char *name)
{
    pilot_record r;

    memset(&r, 0, sizeof(r));
    snprintf(r.id, sizeof(r.id), "%s/%s", run, name);
    snprintf(r.run, sizeof(r.run), "%s", run);
    snprintf(r.name, sizeof(r.name), "%s", name);
    snprintf(r.kind, sizeof(r.kind), "pool");
    snprintf(r.resource, sizeof(r.resource), "slurm://");
    r.exit_code = -1;
    r.submitting = true;
    return r;
}

static void create(const char *run, const char *name, const char *sched_id,
                   int64_t created_ns)
{
    pilot_record r = record_of(run, name);
    pe_error e = {0};

    snprintf(r.sched_id, sizeof(r.sched_id), "%s", sched_id);
    r.created_ns = created_ns;
    CU_ASSERT_EQUAL(pilot_record_create(home, &r, &e), 0);
    UNIT_EQUAL(e.text, "");
}

static const char *in_home(const char *name)
{
    static char path[1024];

    snprintf(path, sizeof(path), "%s/%s", home, name);
    return path;
}

static void put(const char *name, const char *content)
{
    CU_ASSERT_EQUAL_FATAL(
        file_write(in_home(name), content, strlen(content), 0600, NULL), 0);
}

/* --- one --- */

static void test_members(void)
{
    pilot_record r = record_of("run-1", "pool.2"), got;
    pe_error e = {0};
    struct stat st;

    home_make();
    snprintf(r.sched_id, sizeof(r.sched_id), "17");
    snprintf(r.dir, sizeof(r.dir), "/far/run-1/pool.2");
    snprintf(r.host, sizeof(r.host), "node3");
    snprintf(r.native, sizeof(r.native), "PENDING");
    snprintf(r.reason, sizeof(r.reason),
             "\"quoted\" \\ \n\t\x1b[31m \xc3\xa9 '$(x)'");
    snprintf(r.endpoint, sizeof(r.endpoint), "h:9092");
    snprintf(r.successor, sizeof(r.successor), "run-1/pool.3");
    r.state = PILOT_DRAINING;
    r.cancel_asked = r.never = true;
    r.ranks = 8;
    r.nodes = 2;
    r.restarts = 3;
    r.exit_code = 137;
    r.created_ns = INT64_C(1700000000000000001);
    r.submitted_ns = r.created_ns + 1;
    r.started_ns = r.created_ns + 2;
    r.active_ns = r.created_ns + 3;
    r.ended_ns = r.created_ns + 4;
    r.limit_ns = r.created_ns + 5;
    r.observed_ns = r.created_ns + 6;
    r.seen_ns = r.created_ns + 7;
    r.beat_ns = r.created_ns + 8;
    r.stale_ns = r.created_ns + 9;
    r.hello_timeout_s = 12.5;
    CU_ASSERT_EQUAL(pilot_record_create(home, &r, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL(pilot_record_read(home, "run-1/pool.2", &got, &e), 0);
    /* Every byte. */
    CU_ASSERT_EQUAL(memcmp(&r, &got, sizeof(r)), 0);
    CU_ASSERT_EQUAL(stat(in_home("run-1/pool.2"), &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);
    CU_ASSERT_EQUAL(stat(in_home("run-1/pool.2/state.json"), &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
}

/* A scheduler's words may be no text at all. */
static void test_bytes(void)
{
    static const struct {
        const char *bytes, *text;
    } table[] = {
        {"caf\xe9", "caf?"},
        {"\xc3\xa9", "\xc3\xa9"},
        {"\xc3", "?"},
        {"\xc0\xaf", "??"},
        {"\xe0\x80\x80", "???"},
        {"\xed\xa0\x80", "???"},
        {"\xf4\x90\x80\x80", "????"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"\xff\xfe", "??"},
    };

    for (size_t i = 0; i < N(table); i++) {
        pilot_record r = record_of("r", "p"), got;
        home_make();
        snprintf(r.reason, sizeof(r.reason), "%s", table[i].bytes);
        CU_ASSERT_EQUAL(pilot_record_create(home, &r, NULL), 0);
        CU_ASSERT_EQUAL(pilot_record_read(home, "r/p", &got, NULL), 0);
        UNIT_EQUAL(got.reason, table[i].text);
    }
}

static void test_ids(void)
{
    static const char *const bad[] = {
        "",       "r",    "/",    "r/",    "/p",        "r/p/q",
        "../x",   "r/..", ".r/p", "r/.p",  "r p/q",     "r/p\n",
        "r/$(x)", "-r/p", "r/-p", "r/p;q", "\xc3\xa9/p"};
    char want[256];
    pilot_record r;
    pe_error e;

    home_make();
    for (size_t i = 0; i < N(bad); i++) {
        r = record_of("x", "y");
        snprintf(r.id, sizeof(r.id), "%s", bad[i]);
        CU_ASSERT_EQUAL(pilot_record_create(home, &r, &e), -1);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
        /* Errors are one line. */
        snprintf(want, sizeof(want), "'%s' is no id of a pilot: it is RUN/NAME",
                 strchr(bad[i], '\n') ? "r/p " : bad[i]);
        UNIT_CONTAINS(e.text, want);
        CU_ASSERT_EQUAL(pilot_record_read(home, bad[i], &r, &e), 1);
        CU_ASSERT_EQUAL(pilot_record_hold(home, bad[i], &e), -1);
        CU_ASSERT_FALSE(pilot_record_is_held(home, bad[i]));
    }
    CU_ASSERT_EQUAL(access(home, F_OK), -1);
}

static void test_twice(void)
{
    pilot_record r = record_of("r", "p");
    pe_error e = {0};

    home_make();
    create("r", "p", "1", 1);
    CU_ASSERT_EQUAL(pilot_record_create(home, &r, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    UNIT_EQUAL(e.text, "there is a pilot r/p already");
    /* A folder alone is one whose making was cut off. */
    file_mkdir(in_home("r/q"), NULL);
    create("r", "q", "", 2);
}

static int set_ranks(pilot_record *r, void *arg, pe_error *errp)
{
    (void)errp;
    r->ranks = *(int *)arg;
    return r->ranks < 0 ? pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "no")
                        : r->ranks == 0;
}

static void test_change(void)
{
    int ranks = 5;
    pilot_record out;
    pe_error e = {0};

    home_make();
    CU_ASSERT_EQUAL(
        pilot_record_change(home, "r/p", set_ranks, &ranks, &out, &e), -1);
    UNIT_CONTAINS(e.text, "there is no pilot r/p in /");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    CU_ASSERT_EQUAL(
        pilot_record_change(home, "..", set_ranks, &ranks, &out, &e), -1);
    UNIT_CONTAINS(e.text, "there is no pilot .. in /");
    create("r", "p", "1", 1);
    CU_ASSERT_EQUAL(
        pilot_record_change(home, "r/p", set_ranks, &ranks, NULL, &e), 0);
    pilot_record_read(home, "r/p", &out, NULL);
    CU_ASSERT_EQUAL(out.ranks, 5);
    ranks = 0; /* not to be written */
    CU_ASSERT_EQUAL(
        pilot_record_change(home, "r/p", set_ranks, &ranks, &out, &e), 0);
    CU_ASSERT_EQUAL(out.ranks, 0);
    ranks = -1; /* an error */
    CU_ASSERT_EQUAL(
        pilot_record_change(home, "r/p", set_ranks, &ranks, &out, &e), -1);
    UNIT_EQUAL(e.text, "no");
    pilot_record_read(home, "r/p", &out, NULL);
    CU_ASSERT_EQUAL(out.ranks, 5);
}

/* --- torn files --- */

static void test_torn(void)
{
    static const struct {
        const char *content, *error;
    } table[] = {
        {"", "state.json is no record of a pilot ("},
        {"{\"schema\": 1, \"id\": \"r/", "state.json is no record of a pilot "},
        {"[]", "state.json is no record of a pilot (no object)"},
        {"{}", "state.json is of another version of this program"},
        {"{\"schema\": 2}", "state.json is of another version"},
        {"{\"schema\": 1}", "state.json is the record of pilot ''"},
        {"{\"schema\": 1, \"id\": \"r/q\"}",
         "state.json is the record of pilot 'r/q': files were copied or moved "
         "by hand"},
        {"{\"schema\": 1, \"id\": 7}", "state.json: id is not what it may be"},
        {"{\"schema\": 1, \"id\": \"r/p\", \"state\": \"LOST\"}",
         "state.json: state is not what it may be"},
        {"{\"schema\": 1, \"id\": \"r/p\", \"ranks\": 99999999999}",
         "state.json: ranks is not what it may be"},
        {"{\"schema\": 1, \"id\": \"r/p\", \"never\": 1}",
         "state.json: never is not what it may be"},
        {"{\"schema\": 1, \"id\": \"r/p\", \"seen_ns\": -1}",
         "state.json: seen_ns is not what it may be"},
        {"{\"schema\": 1, \"id\": \"r/p\", \"hello_timeout_s\": \"1\"}",
         "state.json: hello_timeout_s is not what it may be"},
        {"{\"schema\": 1, \"id\": \"r/p\", \"kind\": \"0123456789abcdef\"}",
         "state.json: kind is not what it may be"},
        {"{\"schema\": 1, \"id\": \"r/p\", \"kind\": \"a\\u0000b\"}",
         "state.json is no record of a pilot ("},
    };
    pilot_record r, *all;
    size_t n, torn;
    int ranks = 1;

    for (size_t i = 0; i < N(table); i++) {
        pe_error e = {0};
        home_make();
        create("r", "p", "1", 1);
        create("r", "good", "2", 2);
        put("r/p/state.json", table[i].content);
        CU_ASSERT_EQUAL(pilot_record_read(home, "r/p", &r, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        UNIT_CONTAINS(e.text, table[i].error);
        UNIT_CONTAINS(e.text, home);
        CU_ASSERT_EQUAL(
            pilot_record_change(home, "r/p", set_ranks, &ranks, &r, &e), -1);
        /* The others are not hurt. */
        CU_ASSERT_EQUAL(pilot_records_read(home, &all, &n, &torn, &e), 0);
        CU_ASSERT_EQUAL(n, 1);
        CU_ASSERT_EQUAL(torn, 1);
        UNIT_EQUAL(n ? all[0].id : "", "r/good");
        free(all);
    }
}

/* What is in a home and is no pilot. */
static void test_litter(void)
{
    pilot_record *all;
    size_t n, torn;
    pe_error e = {0};

    home_make();
    CU_ASSERT_EQUAL(pilot_records_read(home, &all, &n, &torn, &e), 0);
    CU_ASSERT_EQUAL(n, 0);
    CU_ASSERT_EQUAL(torn, 0);
    free(all);
    create("r", "p", "1", 1);
    put("schedulers.json", "{}");
    put("r/request.json", "{}");
    put("r/p/.state.json.XyZ", "{ half of one");
    file_mkdir(in_home("services/kafka"), NULL);
    file_mkdir(in_home(".hidden/p"), NULL);
    put(".hidden/p/state.json", "{}");
    file_mkdir(in_home("r/a b"), NULL);
    put("r/a b/state.json", "{}");
    CU_ASSERT_EQUAL(symlink("/nowhere", in_home("r/link")), 0);
    CU_ASSERT_EQUAL(mkfifo(in_home("fifo"), 0600), 0);
    CU_ASSERT_EQUAL(pilot_records_read(home, &all, &n, &torn, &e), 0);
    CU_ASSERT_EQUAL(n, 1);
    CU_ASSERT_EQUAL(torn, 0);
    free(all);
}

/* --- finding --- */

/* What is looked for, in the registry of words_home_make(). */
static const struct {
    const char *word, *ids, *error;
} words[] = {
    {"one/pool", "one/pool", ""},
    {"one", "one/edge one/pool one/pool.2", ""},
    {"two", "two/pool", ""},
    {"100", "one/edge", ""},
    {"7.pbsserver", "two/pool", ""},
    {"7", "two/pool", ""}, /* as qdel takes it */
    {"200", "",
     "scheduler id 200 is that of pilot one/pool.2 at slurm:// "
     "and of three/pool at slurm+ssh://u@far: name the pilot"},
    {"one/poo", "",
     "'one/poo' is no pilot, run or scheduler id; did you "
     "mean one/pool?"},
    {"onn", "",
     "'onn' is no pilot, run or scheduler id; did you mean "
     "one?"},
    {"edge", "", "did you mean one/edge?"},
    {"pool", "", "did you mean five/pool?"},
    {"10", "", "did you mean 100?"},
    {"7.pbs", "",
     "'7.pbs' is no pilot, run or scheduler id; 'pilot "
     "status --all' shows them"},
    {"xyzzy", "", "'pilot status --all' shows them"},
    {"", "", "'' is no pilot, run or scheduler id"},
    {".", "", "'.' is no pilot, run or scheduler id"},
    {"300", "five/core five/pool", ""},
    {"..", "", "'..' is no pilot, run or scheduler id"},
    {"../home/one", "", "'../home/one' is no pilot"},
    {"$(x)\n'\"", "", "'$(x) '\"' is no pilot, run or scheduler id"},
};

/* Some runs; two schedulers that both have a job 200. */
static void words_home_make(void)
{
    pilot_record r;
    json_t *o;
    char *data;

    home_make();
    create("one", "edge", "100", 1);
    create("one", "pool", "200x", 2);
    create("one", "pool.2", "200", 3);
    create("two", "pool", "7.pbsserver", 4);
    create("three", "pool", "200", 5);
    create("four", "pool", "300", 6); /* whose id was used again */
    create("five", "core", "300", 700 * CLOCK_S);
    create("five", "pool", "300", 700 * CLOCK_S + 1);
    pilot_record_read(home, "three/pool", &r, NULL);
    snprintf(r.resource, sizeof(r.resource), "slurm+ssh://u@far");
    o = pilot_record_json(&r);
    data = json_dumps(o, 0);
    put("three/pool/state.json", data);
    free(data);
    json_decref(o);
}

static void test_find(void)
{
    words_home_make();
    for (size_t i = 0; i < N(words); i++) {
        pilot_record *found;
        pe_error e = {0};
        text ids = {0};
        size_t n;
        int status = pilot_records_find(home, words[i].word, &found, &n, &e);
        CU_ASSERT_EQUAL(status, *words[i].ids ? 0 : -1);
        for (size_t k = 0; k < n; k++)
            text_add(&ids, "%s%s", k ? " " : "", found[k].id);
        UNIT_EQUAL(ids.data ? ids.data : "", words[i].ids);
        UNIT_CONTAINS(e.text, words[i].error);
        if (status < 0)
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        text_free(&ids);
        free(found);
    }
}

/* Nothing but a torn one is called so. */
static void test_find_torn(void)
{
    pilot_record *found;
    pe_error e = {0};
    size_t n;

    words_home_make();
    put("two/pool/state.json", "{");
    CU_ASSERT_EQUAL(pilot_records_find(home, "two", &found, &n, &e), -1);
    UNIT_CONTAINS(e.text, "two/pool/state.json is no record of a pilot");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    CU_ASSERT_EQUAL(pilot_records_find(home, "two/pool", &found, &n, &e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
}

/* --- two at once --- */

static int add_one(pilot_record *r, void *arg, pe_error *errp)
{
    (void)arg;
    (void)errp;
    r->ranks++;
    return 0;
}

/* In a child: [times] changes of one pilot, or of three by batches. */
static void child_add(int times, bool batch)
{
    static const char *const ids[] = {"r/p", "r/q", "r/s"};
    pilot_record out[3];
    pilot_record_edit edits[3];

    for (size_t i = 0; i < 3; i++)
        edits[i] = (pilot_record_edit){ids[i], NULL, &out[i]};
    for (int i = 0; i < times; i++)
        if (batch ? pilot_records_change(home, edits, 3, add_one, NULL) < 0
                  : pilot_record_change(home, "r/p", add_one, NULL, out, NULL) <
                        0)
            _exit(1);
    _exit(0);
}

static void test_writers(void)
{
    enum { CHILDREN = 6, TIMES = 15 };
    pilot_record r;
    int status;

    home_make();
    create("r", "p", "1", 1);
    create("r", "q", "2", 2);
    create("r", "s", "3", 3);
    for (int i = 0; i < CHILDREN; i++)
        if (fork() == 0)
            child_add(TIMES, i % 2);
    for (int i = 0; i < CHILDREN; i++) {
        CU_ASSERT(wait(&status) > 0);
        CU_ASSERT_EQUAL(status, 0);
    }
    CU_ASSERT_EQUAL(pilot_record_read(home, "r/p", &r, NULL), 0);
    CU_ASSERT_EQUAL(r.ranks, CHILDREN * TIMES);
    CU_ASSERT_EQUAL(pilot_record_read(home, "r/s", &r, NULL), 0);
    CU_ASSERT_EQUAL(r.ranks, CHILDREN / 2 * TIMES);
}

/* Readers take no lock, and see whole records only. */
static void test_kill(void)
{
    enum { ROUNDS = 40 };
    int before = 0;

    home_make();
    create("r", "p", "1", 1);
    create("r", "q", "2", 2);
    create("r", "s", "3", 3);
    for (int i = 0; i < ROUNDS; i++) {
        pid_t pid = fork();
        pilot_record r, *all;
        size_t n, torn;
        if (pid == 0)
            child_add(1000000, i % 2);
        /* 1 to 20 ms: it dies at another place each time. */
        clock_sleep_ns((i % 20 + 1) * INT64_C(1000000), 1);
        CU_ASSERT_EQUAL(pilot_records_read(home, &all, &n, &torn, NULL), 0);
        CU_ASSERT_EQUAL(n, 3);
        CU_ASSERT_EQUAL(torn, 0);
        free(all);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        CU_ASSERT_EQUAL(pilot_record_read(home, "r/p", &r, NULL), 0);
        CU_ASSERT(r.ranks >= before);
        before = r.ranks;
        /* The lock went with it. */
        CU_ASSERT_EQUAL(
            pilot_record_change(home, "r/p", add_one, NULL, &r, NULL), 0);
        CU_ASSERT_EQUAL(r.ranks, ++before);
    }
}

/* --- many --- */

static void test_batch(void)
{
    static const char *const ids[] = {"r/p", "r/none", "r/torn", "r/z"};
    pilot_record out[4];
    pilot_record_edit edits[4];
    pe_error e = {0};

    home_make();
    create("r", "p", "1", 1);
    create("r", "torn", "2", 2);
    create("r", "z", "3", 3);
    put("r/torn/state.json", "{");
    for (size_t i = 0; i < 4; i++) {
        memset(&out[i], 7, sizeof(out[i]));
        edits[i] = (pilot_record_edit){ids[i], NULL, &out[i]};
    }
    /* The good ones are done all the same; the first error is told. */
    CU_ASSERT_EQUAL(pilot_records_change(home, edits, 4, add_one, &e), -1);
    UNIT_CONTAINS(e.text, "there is no pilot r/none in ");
    CU_ASSERT_EQUAL(out[0].ranks, 1);
    CU_ASSERT_EQUAL(out[3].ranks, 1);
    CU_ASSERT_EQUAL(((unsigned char *)&out[1])[0], 7);
    CU_ASSERT_EQUAL(((unsigned char *)&out[2])[0], 7);
    pilot_record_read(home, "r/z", &out[0], NULL);
    CU_ASSERT_EQUAL(out[0].ranks, 1);
    CU_ASSERT_EQUAL(pilot_records_change(home, NULL, 0, add_one, &e), 0);
}

/* A loss of power may leave what was not synced torn: the version before is
 * taken then.
 */
static void test_old(void)
{
    pilot_record out, r, *all;
    pilot_record_edit edit = {"r/p", NULL, &out};
    int ranks = 7;
    size_t n, torn;
    pe_error e = {0};

    home_make();
    create("r", "p", "17", 1);
    CU_ASSERT_EQUAL(
        pilot_record_change(home, "r/p", set_ranks, &ranks, NULL, &e), 0);
    CU_ASSERT_EQUAL(access(in_home("r/p/state.old"), F_OK), -1);
    for (int i = 0; i < 2; i++) /* of two the safe one stays */
        CU_ASSERT_EQUAL(pilot_records_change(home, &edit, 1, add_one, &e), 0);
    CU_ASSERT_EQUAL(pilot_record_read(home, "r/p", &r, &e), 0);
    CU_ASSERT_EQUAL(r.ranks, 9);
    put("r/p/state.json", "");
    CU_ASSERT_EQUAL(pilot_record_read(home, "r/p", &r, &e), 0);
    CU_ASSERT_EQUAL(r.ranks, 7);
    UNIT_EQUAL(r.sched_id, "17");
    CU_ASSERT_EQUAL(pilot_records_read(home, &all, &n, &torn, &e), 0);
    CU_ASSERT_EQUAL(n, 1);
    CU_ASSERT_EQUAL(torn, 0);
    CU_ASSERT_EQUAL(n ? all[0].ranks : 0, 7);
    free(all);
    /* Both. */
    put("r/p/state.old", "{");
    CU_ASSERT_EQUAL(pilot_record_read(home, "r/p", &r, &e), -1);
    UNIT_CONTAINS(e.text, "/state.json is no record of a pilot");
    CU_ASSERT_EQUAL(pilot_records_read(home, &all, &n, &torn, &e), 0);
    CU_ASSERT_EQUAL(torn, 1);
    free(all);
    /* One that was not synced and is whole is the newest. */
    home_make();
    create("r", "p", "17", 1);
    CU_ASSERT_EQUAL(pilot_records_change(home, &edit, 1, add_one, &e), 0);
    CU_ASSERT_EQUAL(access(in_home("r/p/state.old"), F_OK), 0);
    CU_ASSERT_EQUAL(
        pilot_record_change(home, "r/p", set_ranks, &ranks, NULL, &e), 0);
    CU_ASSERT_EQUAL(access(in_home("r/p/state.old"), F_OK), -1);
}

/* As pilot_record_create leaves it, without its waits for the disk. */
static void touch(const char *id, const char *name)
{
    char *path = text_format("%s/%s", in_home(id), name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    CU_ASSERT(fd >= 0);
    close(fd);
    free(path);
}

/* How long; told, not asserted: the machine may be busy. */
static void test_thousand(void)
{
    enum { PILOTS = 1000 };
    pilot_record *all, *out = calloc(PILOTS, sizeof(*out));
    pilot_record_edit *edits = calloc(PILOTS, sizeof(*edits));
    char run[32], name[32];
    size_t n, torn;
    int64_t t;

    home_make();
    for (int i = 0; i < PILOTS; i++) {
        pilot_record r;
        json_t *o;
        char *data;
        snprintf(run, sizeof(run), "run-%d", i / 10);
        snprintf(name, sizeof(name), "pool-%d", i % 10);
        r = record_of(run, name);
        r.created_ns = PILOTS - i;
        snprintf(r.reason, sizeof(r.reason), "waits for resources");
        o = pilot_record_json(&r);
        data = json_dumps(o, JSON_INDENT(1));
        file_mkdir(in_home(r.id), NULL);
        char *path = text_format("%s/state.json", in_home(r.id));
        FILE *f = fopen(path, "w");
        fputs(data, f);
        fclose(f);
        free(path);
        touch(r.id, "lock");
        touch(r.id, "state.new");
        free(data);
        json_decref(o);
    }
    for (int i = 0; i < 3; i++) {
        t = clock_mono_ns();
        CU_ASSERT_EQUAL(pilot_records_read(home, &all, &n, &torn, NULL), 0);
        printf("# %zu records read in %.1f ms\n", n,
               (double)(clock_mono_ns() - t) / 1e6);
        if (i < 2)
            free(all);
    }
    CU_ASSERT_EQUAL(n, PILOTS);
    CU_ASSERT_EQUAL(torn, 0);
    for (size_t i = 1; i < n; i++)
        CU_ASSERT(all[i - 1].created_ns < all[i].created_ns);
    for (size_t i = 0; i < n; i++)
        edits[i] = (pilot_record_edit){all[i].id, NULL, &out[i]};
    t = clock_mono_ns();
    CU_ASSERT_EQUAL(pilot_records_change(home, edits, n, add_one, NULL), 0);
    printf("# %zu records changed in %.1f ms\n", n,
           (double)(clock_mono_ns() - t) / 1e6);
    for (size_t i = 0; i < n; i++)
        CU_ASSERT_EQUAL(out[i].ranks, 1);
    free(edits);
    free(out);
    free(all);
}

/* --- submits under way --- */

static void test_hold(void)
{
    int fd;

    home_make();
    create("r", "p", "", 1);
    CU_ASSERT_FALSE(pilot_record_is_held(home, "r/p"));
    fd = pilot_record_hold(home, "r/p", NULL);
    CU_ASSERT(fd >= 0);
    CU_ASSERT(pilot_record_is_held(home, "r/p"));
    close(fd);
    CU_ASSERT_FALSE(pilot_record_is_held(home, "r/p"));
    /* It ends with the process, however that ends. */
    int ends[2];
    CU_ASSERT_EQUAL(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        bool good = pilot_record_hold(home, "r/p", NULL) >= 0 &&
                    write(ends[1], "x", 1) == 1;
        while (good)
            pause();
        _exit(1);
    }
    char byte;
    CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 1);
    CU_ASSERT(pilot_record_is_held(home, "r/p"));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    CU_ASSERT_FALSE(pilot_record_is_held(home, "r/p"));
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    static const unit_test tests[] = {
        {"every member, to the byte", test_members},
        {"bytes that are no text", test_bytes},
        {"ids that are none", test_ids},
        {"created twice, and after a crash", test_twice},
        {"changes", test_change},
        {"torn records", test_torn},
        {"what is no pilot", test_litter},
        {"what a word means", test_find},
        {"a word for a torn record", test_find_torn},
        {"writers at once", test_writers},
        {"writers killed in the middle", test_kill},
        {"many at once", test_batch},
        {"the version before", test_old},
        {"a thousand", test_thousand},
        {"a submit under way", test_hold},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("records", tests);
    scratch_remove();
    return status;
}
