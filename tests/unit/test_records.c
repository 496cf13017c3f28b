/* test_records.c - the registry: records, torn files, what a word means. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "records_case.h"
#include "scratch.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/registry/record.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* --- one --- */

static void test_members(void)
{
    pilot_record r = records_one("run-1", "pool.2"), got;
    pe_error e = {0};
    struct stat st;

    records_begin();
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
    CU_ASSERT_EQUAL(pilot_record_create(records_home, &r, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL(pilot_record_read(records_home, "run-1/pool.2", &got, &e),
                    0);
    /* Every byte. */
    CU_ASSERT_EQUAL(memcmp(&r, &got, sizeof(r)), 0);
    CU_ASSERT_EQUAL(stat(records_path("run-1/pool.2"), &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);
    CU_ASSERT_EQUAL(stat(records_path("run-1/pool.2/state.json"), &st), 0);
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
        pilot_record r = records_one("r", "p"), got;
        records_begin();
        snprintf(r.reason, sizeof(r.reason), "%s", table[i].bytes);
        CU_ASSERT_EQUAL(pilot_record_create(records_home, &r, NULL), 0);
        CU_ASSERT_EQUAL(pilot_record_read(records_home, "r/p", &got, NULL), 0);
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

    records_begin();
    for (size_t i = 0; i < N(bad); i++) {
        r = records_one("x", "y");
        snprintf(r.id, sizeof(r.id), "%s", bad[i]);
        CU_ASSERT_EQUAL(pilot_record_create(records_home, &r, &e), -1);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
        /* Errors are one line. */
        snprintf(want, sizeof(want), "'%s' is no id of a pilot: it is RUN/NAME",
                 strchr(bad[i], '\n') ? "r/p " : bad[i]);
        UNIT_CONTAINS(e.text, want);
        CU_ASSERT_EQUAL(pilot_record_read(records_home, bad[i], &r, &e), 1);
        CU_ASSERT_EQUAL(pilot_record_hold(records_home, bad[i], &e), -1);
        CU_ASSERT_FALSE(pilot_record_is_held(records_home, bad[i]));
    }
    CU_ASSERT_EQUAL(access(records_home, F_OK), -1);
}

static void test_twice(void)
{
    pilot_record r = records_one("r", "p");
    pe_error e = {0};

    records_begin();
    records_create("r", "p", "1", 1);
    CU_ASSERT_EQUAL(pilot_record_create(records_home, &r, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    UNIT_EQUAL(e.text, "there is a pilot r/p already");
    /* A folder alone is one whose making was cut off. */
    file_mkdir(records_path("r/q"), NULL);
    records_create("r", "q", "", 2);
}

static void test_change(void)
{
    int ranks = 5;
    pilot_record out;
    pe_error e = {0};

    records_begin();
    CU_ASSERT_EQUAL(pilot_record_change(records_home, "r/p", records_set_ranks,
                                        &ranks, &out, &e),
                    -1);
    UNIT_CONTAINS(e.text, "there is no pilot r/p in /");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    CU_ASSERT_EQUAL(pilot_record_change(records_home, "..", records_set_ranks,
                                        &ranks, &out, &e),
                    -1);
    UNIT_CONTAINS(e.text, "there is no pilot .. in /");
    records_create("r", "p", "1", 1);
    CU_ASSERT_EQUAL(pilot_record_change(records_home, "r/p", records_set_ranks,
                                        &ranks, NULL, &e),
                    0);
    pilot_record_read(records_home, "r/p", &out, NULL);
    CU_ASSERT_EQUAL(out.ranks, 5);
    ranks = 0; /* not to be written */
    CU_ASSERT_EQUAL(pilot_record_change(records_home, "r/p", records_set_ranks,
                                        &ranks, &out, &e),
                    0);
    CU_ASSERT_EQUAL(out.ranks, 0);
    ranks = -1; /* an error */
    CU_ASSERT_EQUAL(pilot_record_change(records_home, "r/p", records_set_ranks,
                                        &ranks, &out, &e),
                    -1);
    UNIT_EQUAL(e.text, "no");
    pilot_record_read(records_home, "r/p", &out, NULL);
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
        records_begin();
        records_create("r", "p", "1", 1);
        records_create("r", "good", "2", 2);
        records_put("r/p/state.json", table[i].content);
        CU_ASSERT_EQUAL(pilot_record_read(records_home, "r/p", &r, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        UNIT_CONTAINS(e.text, table[i].error);
        UNIT_CONTAINS(e.text, records_home);
        CU_ASSERT_EQUAL(pilot_record_change(records_home, "r/p",
                                            records_set_ranks, &ranks, &r, &e),
                        -1);
        /* The others are not hurt. */
        CU_ASSERT_EQUAL(pilot_records_read(records_home, &all, &n, &torn, &e),
                        0);
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

    records_begin();
    CU_ASSERT_EQUAL(pilot_records_read(records_home, &all, &n, &torn, &e), 0);
    CU_ASSERT_EQUAL(n, 0);
    CU_ASSERT_EQUAL(torn, 0);
    free(all);
    records_create("r", "p", "1", 1);
    records_put("schedulers.json", "{}");
    records_put("r/request.json", "{}");
    records_put("r/p/.state.json.XyZ", "{ half of one");
    file_mkdir(records_path("services/kafka"), NULL);
    file_mkdir(records_path(".hidden/p"), NULL);
    records_put(".hidden/p/state.json", "{}");
    file_mkdir(records_path("r/a b"), NULL);
    records_put("r/a b/state.json", "{}");
    CU_ASSERT_EQUAL(symlink("/nowhere", records_path("r/link")), 0);
    CU_ASSERT_EQUAL(mkfifo(records_path("fifo"), 0600), 0);
    CU_ASSERT_EQUAL(pilot_records_read(records_home, &all, &n, &torn, &e), 0);
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

    records_begin();
    records_create("one", "edge", "100", 1);
    records_create("one", "pool", "200x", 2);
    records_create("one", "pool.2", "200", 3);
    records_create("two", "pool", "7.pbsserver", 4);
    records_create("three", "pool", "200", 5);
    records_create("four", "pool", "300", 6); /* whose id was used again */
    records_create("five", "core", "300", 700 * CLOCK_S);
    records_create("five", "pool", "300", 700 * CLOCK_S + 1);
    pilot_record_read(records_home, "three/pool", &r, NULL);
    snprintf(r.resource, sizeof(r.resource), "slurm+ssh://u@far");
    o = pilot_record_json(&r);
    data = json_dumps(o, 0);
    records_put("three/pool/state.json", data);
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
        int status =
            pilot_records_find(records_home, words[i].word, &found, &n, &e);
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
    records_put("two/pool/state.json", "{");
    CU_ASSERT_EQUAL(pilot_records_find(records_home, "two", &found, &n, &e),
                    -1);
    UNIT_CONTAINS(e.text, "two/pool/state.json is no record of a pilot");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    CU_ASSERT_EQUAL(
        pilot_records_find(records_home, "two/pool", &found, &n, &e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
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
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("records", tests);
    scratch_remove();
    return status;
}
