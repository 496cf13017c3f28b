/* test_live_odd.c - the document of a run whose facts are odd: half written,
 * of another pilot, or of clocks that disagree.
 */
#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_quoted.h"
#include "src/live/live.h"

/* Facts are as of 100 s, so that ages are easy to read. */
#define NOW "'run':'r','now_ns':100000000000,'looked_ns':100000000000"
#define S "000000000"

/* A pool with a beat of 99 s that has told of its last 4 s. */
#define LAST                                                                 \
    "'last':{'seconds':4.0,'ranks':2,'blocks':{'applied':400},'points':4000" \
    ",'bytes':8000000,'busy_s':2.0,'fetch_s':0.4,'reduce_s':0.0,'idle_s':0," \
    "'commit_ms':5.0,'commits':4}"
#define POOL(extra)                                                     \
    "{'kind':'pool','state':'ACTIVE','time_ns':99" S ",'ranks':2" extra \
    ",'progress':{'time_ns':99" S ",'lag':3," LAST "}}"

/* Member [path], "lag.blocks", of the document of [facts]; "-": none. */
static const char *part_of(const char *facts, const char *path)
{
    json_t *all = json_quoted(facts), *doc = live_make(all, NULL);
    char *words = strdup(path), *rest = words, *word;
    const char *out = "-";
    json_t *o = doc;

    CU_ASSERT_PTR_NOT_NULL_FATAL(doc);
    while (o && (word = strsep(&rest, ".")))
        o = json_is_array(o) ? json_array_get(o, (size_t)atoi(word))
                             : json_object_get(o, word);
    if (o)
        out = json_shown(json_incref(o));
    free(words);
    json_decref(doc);
    json_decref(all);
    return out;
}

typedef struct row {
    const char *facts, *path, *want;
} row;

static void check(const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        UNIT_EQUAL(part_of(rows[i].facts, rows[i].path), rows[i].want);
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

/* --- of another type than they should be --- */

static void test_types(void)
{
    static const row rows[] = {
        {"{}", "state", "'unknown'"},
        {"{}", "run", "''"},
        {"{}", "pilots", "[]"},
        {"[]", "state", "'unknown'"},
        {"{" NOW "}", "state", "'gone'"},
        {"{" NOW ",'beats':[1,2]}", "pilots", "[]"},
        {"{" NOW ",'beats':{'a':1,'b':null,'c':[]}}", "pilots", "[]"},
        {"{" NOW ",'beats':{'a':{}}}", "pilots.0",
         "{'name':'a','kind':'','state':'SILENT','beat_s':100.0}"},
        {"{" NOW ",'beats':{'a':{'kind':5,'state':[],'time_ns':'x'}}}",
         "pilots.0.kind", "''"},
        {"{" NOW ",'beats':{'p':{'kind':'pool','time_ns':99" S
         ",'progress':[]}}}",
         "rate", "-"},
        {"{" NOW ",'beats':{'p':{'kind':'pool','time_ns':99" S
         ",'progress':{'time_ns':99" S ",'last':7}}}}",
         "rate", "-"},
        {"{" NOW ",'beats':{'p':{'kind':'pool','time_ns':99" S
         ",'progress':{'time_ns':99" S
         ",'rank':[5,[],[0]],'last':{'seconds':0}}}}}",
         "ranks", "[{'pilot':'p'},{'pilot':'p'},{'pilot':'p','rank':0}]"},
        {"{" NOW ",'state':{'version':1,'offsets':[7,[],['t']]}}",
         "partitions.2", "{'partition':0,'committed':0}"},
        {"{" NOW ",'state':{'version':1,'devices':[7,['d',1]]}}", "devices",
         "[{'device':'?'},{'device':'d','partition':1}]"},
        {"{" NOW ",'state':{'version':1,'offsets':[['t',0,5]]},'high':{'t':{"
         "'0':'many'}}}",
         "lag", "-"},
        {"{" NOW ",'leases':[4,{'partitions':[0]}],'state':{'version':1,"
         "'offsets':[['t',0,5]]}}",
         "partitions.0", "{'partition':0,'committed':5,'pilot':'?','rank':0}"},
        {"{" NOW ",'trouble':7,'notes':7}", "state", "'gone'"},
    };

    CHECK(rows);
}

/* --- clocks that disagree --- */

/* What is of a later time than now is of now, and no age is below 0. */
static void test_later(void)
{
    static const row rows[] = {
        {"{" NOW ",'beats':{'p':{'kind':'pool','state':'ACTIVE','time_ns':250" S
         "}}}",
         "pilots.0.beat_s", "0.0"},
        {"{" NOW ",'state':{'commit':'c','version':1,'time_ns':250" S "}}",
         "model.age_s", "0.0"},
        {"{" NOW ",'beats':{'e':{'kind':'edge','time_ns':99" S
         ",'progress':{'time_ns':99" S ",'model':{'version':3,'time_ns':250" S
         "}}}}}",
         "pilots.0.model", "{'version':3,'age_s':0.0}"},
        /* When it was heard, by our clock, is known better. */
        {"{" NOW ",'heard':{'p':98" S
         "},'beats':{'p':{'kind':'pool','state':'ACTIVE','time_ns':5" S "}}}",
         "pilots.0.beat_s", "2.0"},
        {"{" NOW ",'heard':{'p':80" S
         "},'beats':{'p':{'kind':'pool','state':'ACTIVE','time_ns':250" S "}}}",
         "pilots.0.state", "'SILENT'"},
        /* Its time is over, and it has not ended. */
        {"{" NOW ",'beats':{'p':" POOL(",'limit_ns':90" S) "}}", "left_s",
         "-10.0"},
        {"{" NOW ",'beats':{'p':" POOL(",'limit_ns':90" S ",'status':0") "}}",
         "left_s", "-"},
        /* One was born before the run, as its clock has it. */
        {"{" NOW ",'beats':{'p':" POOL(",'born_ns':40" S) ",'q':" POOL(
             ",'born_ns':130" S) "}}",
         "seconds", "60.0"},
    };

    CHECK(rows);
}

/* --- how old a beat may be --- */

static void test_silent(void)
{
    static const struct {
        const char *time, *state, *rate;
    } rows[] = {
        {"100" S, "'ACTIVE'", "100.0"},   {"85000000001", "'ACTIVE'", "100.0"},
        {"85" S, "'ACTIVE'", "100.0"}, /* for 15 s */
        {"84999999999", "'SILENT'", "-"}, {"1", "'SILENT'", "-"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char facts[1024];

        snprintf(facts, sizeof(facts),
                 "{" NOW ",'beats':{'p':{'kind':'pool','state':'ACTIVE',"
                 "'time_ns':%s,'progress':{'time_ns':%s," LAST "}}}}",
                 rows[i].time, rows[i].time);
        UNIT_EQUAL(part_of(facts, "pilots.0.state"), rows[i].state);
        UNIT_EQUAL(part_of(facts, "rate.blocks_per_s"), rows[i].rate);
    }
}

/* --- lags --- */

#define TWO(high)                                                  \
    "{" NOW                                                        \
    ",'beats':{'p':" POOL("") "},'state':{'version':1,'offsets':[" \
                              "['t',1,50],['t',0,40]]},'high':{'t':" high "}"

static void test_lag(void)
{
    static const row rows[] = {
        {TWO("{'0':60,'1':70}") "}", "lag", "{'blocks':40,'seconds':0.4}"},
        /* The log was made anew: its end is in front of what is committed. */
        {TWO("{'0':10,'1':70}") "}", "lag.blocks", "20"},
        {TWO("{'0':10,'1':5}") "}", "lag", "{'blocks':0,'seconds':0.0}"},
        {TWO("{'0':10,'1':5}") "}", "partitions.0.lag", "0"},
        /* One partition is not known: the others are what there is. */
        {TWO("{'1':70}") "}", "lag.blocks", "20"},
        {TWO("{'1':70}") "}", "partitions.0.end", "-"},
        /* None is: what the pool says. */
        {TWO("{}") "}", "lag.blocks", "3"},
        {TWO("{'7':9}") "}", "lag.blocks", "3"},
        /* It grows and shrinks since the other look. */
        {TWO("{'0':60,'1':70}") ",'lag_then':{'blocks':20,'time_ns':90" S "}}",
         "lag.blocks_per_s", "2.0"},
        {TWO("{'0':60,'1':70}") ",'lag_then':{'blocks':90,'time_ns':90" S "}}",
         "lag.blocks_per_s", "-5.0"},
        /* ... which was not before this one. */
        {TWO("{'0':60,'1':70}") ",'lag_then':{'blocks':90,'time_ns':100" S "}}",
         "lag.blocks_per_s", "-"},
        {TWO("{'0':60,'1':70}") ",'lag_then':{'blocks':90,'time_ns':200" S "}}",
         "lag.blocks_per_s", "-"},
    };

    CHECK(rows);
}

/* --- two pools, and shares --- */

static void test_two(void)
{
    static const char two[] =
        "{" NOW ",'beats':{'p':" POOL("") ",'q':" POOL("") "}}";
    static const row rows[] = {
        {two, "rate",
         "{'seconds':4.0,'blocks_per_s':200.0,'points_per_s':2000.0,"
         "'mb_per_s':4.0}"},
        {two, "lag.blocks", "6"},
        {two, "lag.seconds", "0.03"},
        {two, "pilots.0.busy", "0.25"},
        {two, "pilots.1.rate.blocks_per_s", "100.0"},
        {two, "hops.3.text",
         "'0.03 s of work wait; ranks process 25% of the time and fetch 5%'"},
        /* Ranks were busy for longer than there was time: a share is no more
         * than all of it.
         */
        {"{" NOW ",'beats':{'p':{'kind':'pool','time_ns':99" S
         ",'progress':{'time_ns':99" S
         ",'last':{'seconds':4,'ranks':2,'busy_s':99}}}}}",
         "pilots.0.busy", "1.0"},
        {"{" NOW ",'beats':{'p':{'kind':'pool','time_ns':99" S
         ",'progress':{'time_ns':99" S
         ",'last':{'seconds':4,'ranks':2,'busy_s':99}}}}}",
         "hops.3.share", "1.0"},
        /* A follower is no pilot of the run. */
        {"{" NOW ",'beats':{'@p':" POOL("") "}}", "pilots", "[]"},
        {"{" NOW ",'beats':{'@p':" POOL("") "}}", "rate", "-"},
    };

    CHECK(rows);
}

/* --- names --- */

/* In the way of blocks, then by name; devices as people count. */
static void test_order(void)
{
    static const char beats[] =
        "{" NOW ",'beats':{'z':{'kind':'pool'},'b':{'kind':'edge'},'y':{'kind':"
        "'broker'},'a':{'kind':'pool'},'\xc3\xa9':{'kind':'params'},'':{'kind':"
        "'edge'}}}";
    static const char devices[] =
        "{" NOW ",'state':{'version':1,'devices':[['d-10'],['d-9'],['d-1'],"
        "['a,b\\n'],['\xf0\x9f\x98\x80']]}}";
    static const row rows[] = {
        {beats, "pilots.0.name", "'\xc3\xa9'"},
        {beats, "pilots.1.name", "''"},
        {beats, "pilots.2.name", "'b'"},
        {beats, "pilots.3.name", "'y'"},
        {beats, "pilots.4.name", "'a'"},
        {beats, "pilots.5.name", "'z'"},
        {devices, "devices.0.device", "'a,b\\n'"},
        {devices, "devices.1.device", "'d-1'"},
        {devices, "devices.2.device", "'d-9'"},
        {devices, "devices.3.device", "'d-10'"},
        {devices, "devices.4.device", "'\xf0\x9f\x98\x80'"},
    };

    CHECK(rows);
}

/* --- a run that is none --- */

/* A name that no run can have is told as that, whatever its bytes are. */
static void test_name(void)
{
    static const char *const names[] = {"", "a b", "\xff\xfe", "x\xc3", "../x"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        pe_error e = {0};

        CU_ASSERT_PTR_NULL(live_open("/tmp/pilot-no-home", names[i], &e));
        UNIT_CONTAINS(e.text, "is no name of a run: letters, ");
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"names that no run can have", test_name},
        {"another type", test_types},
        {"later than now", test_later},
        {"silent", test_silent},
        {"lag", test_lag},
        {"two pools", test_two},
        {"order", test_order},
        {0},
    };

    return unit_main("live_odd", tests);
}
