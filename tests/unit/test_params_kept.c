/* test_params_kept.c - what the parameter service keeps, and who follows it. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service_case.h"
#include "src/common/clock.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* --- what is read --- */

static void test_ids_and_model(void)
{
    params *p = service_run("model");
    char id[PE_COMMIT_ID_LEN + 1] = "x";
    uint64_t version = 9, fence = 9;
    int64_t time_ns = 9;
    pe_buffer model = {0};

    CU_ASSERT_EQUAL(params_ids_fetch(p, id, &version, &fence, NULL), 0);
    UNIT_EQUAL(id, "");
    CU_ASSERT_EQUAL(version, 0);
    CU_ASSERT_EQUAL(fence, 0);
    CU_ASSERT_EQUAL(params_model_fetch(p, &model, id, &version, &time_ns, NULL),
                    0);
    UNIT_EQUAL(id, "");
    CU_ASSERT_EQUAL(model.len, 0);
    CU_ASSERT_EQUAL(service_commit(p, ID_1), PARAMS_OK);
    for (int i = 0; i < 2; i++) { /* into nothing, and into old memory */
        CU_ASSERT_EQUAL(
            params_model_fetch(p, &model, id, &version, &time_ns, NULL), 0);
        UNIT_EQUAL(id, ID_1);
        CU_ASSERT_EQUAL(version, 1);
        CU_ASSERT_EQUAL(time_ns, 7);
        CU_ASSERT_EQUAL(model.len, 10);
        CU_ASSERT_EQUAL(memcmp(model.data, ID_1, 10), 0);
    }
    CU_ASSERT_EQUAL(params_ids_fetch(p, id, &version, &fence, NULL), 0);
    UNIT_EQUAL(id, ID_1);
    free(model.data);
    params_close(p);
}

static void test_wrong_model(void)
{
    static const char *const spoils[] = {"SET pilot:{torn}:model 1111111112",
                                         "DEL pilot:{torn}:model"};
    params *p = service_run("torn");
    char id[PE_COMMIT_ID_LEN + 1] = "";
    uint64_t version;
    int64_t time_ns;
    pe_buffer model = {0};
    params_state s;
    pe_error e;

    CU_ASSERT_EQUAL(service_commit(p, ID_1), PARAMS_OK);
    for (size_t i = 0; i < N(spoils); i++) {
        service_ask(spoils[i]);
        CU_ASSERT_EQUAL(
            params_model_fetch(p, &model, id, &version, &time_ns, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
        UNIT_CONTAINS(e.text, "is not the one of commit " ID_1);
        /* No device but a pool: it does not heal by waiting. */
        CU_ASSERT_EQUAL(params_state_fetch(p, &s, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
        UNIT_CONTAINS(e.text, "is not the one of commit " ID_1);
        CU_ASSERT_PTR_NULL(s.model.data);
    }
    free(model.data);
    params_close(p);
}

static void test_malformed(void)
{
    static const struct {
        const char *spoil, *part;
    } rows[] = {
        {"SET pilot:{bad}:state x", "the state in pilot:{bad}:state"},
        {"SETRANGE pilot:{bad}:state 60 x", "does not agree with its digest"},
        {"SETRANGE pilot:{bad}:state 60 \"\\x00\"", "state is malformed"},
        {"SET pilot:{bad}:fence x", "fence is malformed"},
        {"HSET pilot:{bad}:first t 1", "TOPIC/PARTITION"},
        {"HSET pilot:{bad}:first u/1 \"1\\x00\"", "no text"},
        {"SET pilot:{bad}:first x", "WRONGTYPE"},
        {"LPUSH pilot:{bad}:fence x", "WRONGTYPE"},
        {"HSET pilot:{bad}:state commit x", "another version of pilot-edge"},
    };
    params *p = service_run("bad");
    params_state s;
    pe_error e;

    for (size_t i = 0; i < N(rows); i++) {
        CU_ASSERT_EQUAL(service_commit(p, ID_1), PARAMS_OK);
        if (!strncmp(rows[i].spoil, "HSET pilot:{bad}:state", 22) ||
            !strncmp(rows[i].spoil, "SET pilot:{bad}:first", 21))
            service_ask("DEL pilot:{bad}:state pilot:{bad}:first");
        CU_ASSERT_NOT_EQUAL(*service_ask(rows[i].spoil), '-');
        CU_ASSERT_EQUAL(params_state_fetch(p, &s, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        UNIT_CONTAINS(e.text, rows[i].part);
        CU_ASSERT_PTR_NULL(s.offsets);
        CU_ASSERT_EQUAL(params_run_delete(p, NULL), 0);
    }
    params_close(p);
}

static void test_offset_init(void)
{
    params *p = service_run("first");
    params_offset *first;
    size_t n;
    int64_t stored = -7;
    pe_error e;

    CU_ASSERT_EQUAL(params_firsts_fetch(p, &first, &n, NULL), 0);
    CU_ASSERT_EQUAL(n, 0);
    params_offsets_free(first, n);

    CU_ASSERT_EQUAL(params_offset_init(p, "t", 3, 42, &stored, NULL), 0);
    CU_ASSERT_EQUAL(stored, 42);
    CU_ASSERT_EQUAL(params_offset_init(p, "t", 3, 50, &stored, NULL), 0);
    CU_ASSERT_EQUAL(stored, 42);
    CU_ASSERT_EQUAL(params_firsts_fetch(p, &first, &n, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(n, 1);
    UNIT_EQUAL(first[0].topic, "t");
    CU_ASSERT_EQUAL(first[0].partition, 3);
    CU_ASSERT_EQUAL(first[0].next, 42);
    params_offsets_free(first, n);
    CU_ASSERT_EQUAL(params_offset_init(p, "t", -1, 0, &stored, &e), -1);
    CU_ASSERT_EQUAL(params_offset_init(p, "t", 0, -1, &stored, &e), -1);
    CU_ASSERT_EQUAL(params_offset_init(p, "", 0, 0, &stored, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    service_ask("HSET pilot:{first}:first t/4 x");
    CU_ASSERT_EQUAL(params_offset_init(p, "t", 4, 0, &stored, &e), -1);
    UNIT_CONTAINS(e.text, "the offset of t/4");
    CU_ASSERT_EQUAL(params_firsts_fetch(p, &first, &n, &e), -1);
    CU_ASSERT_EQUAL(stored, 42);
    params_close(p);
}

/* --- ends, control words, shared state --- */

static const params_end *end_of(const params_end *ends, size_t n,
                                const char *device)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(ends[i].device, device))
            return &ends[i];
    return NULL;
}

static void test_ends(void)
{
    static const params_end put[] = {
        {(char *)"d/0", 0, 10, false},
        {(char *)"d/1", 1, 11, true},
        {(char *)"d/2", 2, 12, true},
        {(char *)"d/2", 2, 13, false},
        {(char *)"d/0", 0, 99, true},
        /* One that was added has none, until it ends, or is dead. */
        {(char *)"a.2-0", 0, PARAMS_END_OPEN, false},
        {(char *)"a.2-0", 0, 5, true},
        {(char *)"a.2-0", 0, 6, true},
    };
    params *p = service_run("ends");
    params_end *ends;
    pe_error e;
    size_t n;

    CU_ASSERT_EQUAL(params_ends_fetch(p, &ends, &n, NULL), 0);
    CU_ASSERT_EQUAL(n, 0);
    params_ends_free(ends, n);
    for (size_t i = 0; i < N(put); i++)
        CU_ASSERT_EQUAL(params_end_put(p, &put[i], NULL), 0);
    CU_ASSERT_EQUAL(params_ends_fetch(p, &ends, &n, NULL), 0);
    CU_ASSERT_EQUAL(n, 4);
    const params_end *end = end_of(ends, n, "a.2-0");
    CU_ASSERT_TRUE(end && end->dead && end->next == 5);
    end = end_of(ends, n, "d/0");
    CU_ASSERT_TRUE(end && !end->dead && end->next == 10);
    end = end_of(ends, n, "d/1");
    CU_ASSERT_TRUE(end && end->dead && end->next == 11 && end->partition == 1);
    end = end_of(ends, n, "d/2");
    CU_ASSERT_TRUE(end && !end->dead && end->next == 13);
    params_ends_free(ends, n);

    CU_ASSERT_EQUAL(params_end_clear_dead(p, NULL), 0);
    CU_ASSERT_EQUAL(params_end_clear_dead(p, NULL), 0);
    CU_ASSERT_EQUAL(params_ends_fetch(p, &ends, &n, NULL), 0);
    CU_ASSERT_EQUAL(n, 2);
    CU_ASSERT_PTR_NULL(end_of(ends, n, "d/1"));
    params_ends_free(ends, n);

    params_end bad = {NULL, 0, 0, false};
    CU_ASSERT_EQUAL(params_end_put(p, &bad, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    service_ask("HSET pilot:{ends}:ends d/3 odd");
    CU_ASSERT_EQUAL(params_ends_fetch(p, &ends, &n, &e), -1);
    UNIT_CONTAINS(e.text, "DEVICE -> PARTITION/OFFSET");
    CU_ASSERT_PTR_NULL(ends);
    params_close(p);
}

/* A run is of one home, which many hosts may see. */
static void test_claims(void)
{
    static const struct {
        const char *claim;
        int refused;
    } rows[] = {
        {ID_1 " 1700000000 hostA /home/u/my runs", 0},
        {ID_1 " 1700000000 hostA /home/u/my runs", 0}, /* resumed */
        {ID_1 " 1700000009 hostB /home/u/my runs", 0}, /* the same folder */
        {ID_2 " 1700000009 hostA /home/u/my runs", 0}, /* a later run there */
        {ID_2 " 1700000009 hostB /home/u/my runs", 1},
        {ID_2 " 1700000009 hostA /home/u/other", 1},
    };
    params *p = service_run("claims");
    pe_error e;

    for (size_t i = 0; i < N(rows); i++) {
        int rc = params_claim_take(p, rows[i].claim, &e);

        CU_ASSERT_EQUAL(rc, rows[i].refused ? -1 : 0);
        if (!rows[i].refused)
            continue;
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_AGAIN);
        UNIT_CONTAINS(e.text, "a run of this name is that of hostA, in "
                              "/home/u/my runs, since 2023-11-14 22:13:20Z");
        UNIT_CONTAINS(e.text, "choose another --run");
    }
    /* Who has it not gives nothing back. */
    CU_ASSERT_EQUAL(params_claim_drop(p, rows[4].claim, &e), 0);
    CU_ASSERT_EQUAL(params_claim_take(p, rows[4].claim, &e), -1);
    CU_ASSERT_EQUAL(params_claim_drop(p, rows[0].claim, &e), 0);
    CU_ASSERT_EQUAL(params_claim_take(p, rows[4].claim, &e), 0);
    CU_ASSERT_EQUAL(params_claim_take(p, "no claim", &e), -1);
    UNIT_CONTAINS(e.text, "'no claim' is no claim of a run");
    service_ask("SET pilot:{claims}:home x");
    CU_ASSERT_EQUAL(params_claim_take(p, rows[0].claim, &e), -1);
    UNIT_CONTAINS(e.text, "pilot:{claims}:home names no home");
    params_close(p);
}

static void test_control(void)
{
    params *p = service_run("control");
    char word[6] = "x";
    pe_error e;

    CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), NULL), 0);
    UNIT_EQUAL(word, "");
    CU_ASSERT_EQUAL(params_control_put(p, "drain", NULL), 0);
    CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), NULL), 0);
    UNIT_EQUAL(word, "drain");
    CU_ASSERT_EQUAL(params_control_fetch(p, word, 5, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(params_control_put(p, "", NULL), 0);
    CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), NULL), 0);
    UNIT_EQUAL(word, "");
    params_close(p);
}

static void test_shared(void)
{
    static const char value[] = "a\0b\r\n";
    params *p = service_run("shared");
    char got[8] = "";
    size_t len = 9;
    pe_error e;

    CU_ASSERT_EQUAL(params_shared_get(p, "k", got, sizeof(got), &len, NULL), 0);
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_EQUAL(params_shared_put(p, "k", value, 5, NULL), 0);
    CU_ASSERT_EQUAL(params_shared_put(p, "empty", NULL, 0, NULL), 0);
    CU_ASSERT_EQUAL(params_shared_get(p, "k", got, 5, &len, NULL), 0);
    CU_ASSERT_EQUAL(len, 5);
    CU_ASSERT_EQUAL(memcmp(got, value, 5), 0);
    CU_ASSERT_EQUAL(params_shared_get(p, "k", got, 4, &len, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    UNIT_CONTAINS(e.text, "k holds 5 bytes and there is room for 4");
    CU_ASSERT_EQUAL(params_shared_get(p, "empty", got, 4, &len, NULL), 0);
    CU_ASSERT_EQUAL(len, 0);
    /* Of two the first wins. */
    CU_ASSERT_EQUAL(params_shared_once(p, "once", "first", 5, NULL), 1);
    CU_ASSERT_EQUAL(params_shared_once(p, "once", "other", 5, NULL), 0);
    CU_ASSERT_EQUAL(params_shared_once(p, "k", "other", 5, NULL), 0);
    CU_ASSERT_EQUAL(params_shared_get(p, "once", got, 5, &len, NULL), 0);
    CU_ASSERT_EQUAL(memcmp(got, "first", 5), 0);
    params_close(p);
}

static void test_delete(void)
{
    static const char *const names[] = {"pilots", "leases"};
    params *p = service_run("gone"), *other = service_run("gone2");
    params_end end = {(char *)"d", 0, 5, false};
    params *both[] = {p, other};
    char line[128];

    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(service_commit(both[i], ID_1), PARAMS_OK);
        CU_ASSERT_EQUAL(params_end_put(both[i], &end, NULL), 0);
        CU_ASSERT_EQUAL(params_control_put(both[i], "stop", NULL), 0);
        CU_ASSERT_EQUAL(params_shared_put(both[i], "k", "v", 1, NULL), 0);
        for (size_t j = 0; j < N(names); j++) {
            snprintf(line, sizeof(line), "HSET pilot:{gone%s}:%s f v",
                     i ? "2" : "", names[j]);
            service_ask(line);
        }
        if (i)
            service_ask("INCR pilot:{gone2}:fence");
    }
    CU_ASSERT_EQUAL(params_run_delete(p, NULL), 0);
    UNIT_CONTAINS(service_ask("KEYS pilot:{gone}*"), "*0\r\n");
    UNIT_CONTAINS(service_ask("KEYS pilot:{gone2}*"), "*9\r\n");
    CU_ASSERT_EQUAL(params_run_delete(p, NULL), 0);
    params_close(p);
    params_close(other);
}

/* --- follower --- */

static void test_follower(void)
{
    params_conf c = service_conf();
    params *p = service_run("follow"), *other = service_run("follow2");
    params_follower *f = params_follower_open(&c, "follow", NULL);
    char id[PE_COMMIT_ID_LEN + 1] = "none";

    CU_ASSERT_PTR_NOT_NULL(f);
    int64_t start = clock_mono_ns();
    CU_ASSERT_EQUAL(params_follower_wait(f, 50, id, NULL), 0);
    CU_ASSERT_TRUE(clock_mono_ns() - start >= 50 * CLOCK_MS);
    service_ask("PUBLISH pilot:{follow}:announce hello");
    CU_ASSERT_EQUAL(service_commit(other, ID_1), PARAMS_OK);
    CU_ASSERT_EQUAL(params_follower_wait(f, 50, id, NULL), 0);
    UNIT_EQUAL(id, "none");
    CU_ASSERT_EQUAL(service_commit(p, ID_1), PARAMS_OK);
    CU_ASSERT_EQUAL(params_follower_wait(f, 5000, id, NULL), 1);
    UNIT_EQUAL(id, ID_1);
    CU_ASSERT_EQUAL(params_follower_wait(f, 0, id, NULL), 0);
    params_close(p);
    params_close(other);
    params_follower_close(f);
}

/* Of many that arrived meanwhile, more than one read brings, the newest
 * counts; and then there is no waiting for another.
 */
static void test_follower_newest(void)
{
    params_conf c = service_conf();
    params *p = service_run("newest");
    params_follower *f = params_follower_open(&c, "newest", NULL);
    char id[PE_COMMIT_ID_LEN + 1] = "";

    service_ask(
        "EVAL \"for i = 1, 300 do redis.call('PUBLISH', ARGV[1], "
        "string.format('%032x %d', i, i)) end\" 0 pilot:{newest}:announce");
    CU_ASSERT_EQUAL(service_commit(p, ID_1), PARAMS_OK);
    CU_ASSERT_EQUAL(service_commit(p, ID_2), PARAMS_OK);
    service_ask("PING"); /* the server has written all of them by now */
    int64_t start = clock_mono_ns();
    CU_ASSERT_EQUAL(params_follower_wait(f, 5000, id, NULL), 1);
    CU_ASSERT_TRUE(clock_mono_ns() - start < 2500 * CLOCK_MS);
    UNIT_EQUAL(id, ID_2);
    params_close(p);
    params_follower_close(f);
}

static void test_follower_restart(void)
{
    params_conf c = service_conf();
    params *p = service_run("again");
    params_follower *f = params_follower_open(&c, "again", NULL);
    char id[PE_COMMIT_ID_LEN + 1] = "";
    pe_error e = {0};
    int rc = 0;

    CU_ASSERT_EQUAL(service_commit(p, ID_1), PARAMS_OK);
    CU_ASSERT_EQUAL(params_follower_wait(f, 5000, id, NULL), 1);
    redis_server_kill(&service_server);
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(params_follower_wait(f, 20, id, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    }
    /* A caller without a pause of its own does not spin. */
    int64_t start = clock_mono_ns();
    for (int i = 0; i < 10; i++)
        params_follower_wait(f, 20, id, &e);
    CU_ASSERT_TRUE(clock_mono_ns() - start > 100 * CLOCK_MS);
    CU_ASSERT_EQUAL(redis_server_run(&service_server), 0);
    for (int i = 0; i < 100 && params_follower_wait(f, 100, id, &e) < 0; i++)
        ;
    CU_ASSERT_EQUAL(service_commit(p, ID_2), PARAMS_OK);
    rc = params_follower_wait(f, 5000, id, &e);
    CU_ASSERT_EQUAL(rc, 1);
    UNIT_EQUAL(id, ID_2);
    params_close(p);
    params_follower_close(f);
}

int main(void)
{
    static const unit_test tests[] = {
        {"ids and model", test_ids_and_model},
        {"a model that is not the one committed", test_wrong_model},
        {"a state that is malformed", test_malformed},
        {"the first offset stays", test_offset_init},
        {"ends", test_ends},
        {"a run is of one home", test_claims},
        {"control words", test_control},
        {"shared state", test_shared},
        {"delete a run, and no other", test_delete},
        {"a follower hears of commits", test_follower},
        {"a follower takes the newest", test_follower_newest},
        {"a follower outlives the server", test_follower_restart},
        {NULL, NULL},
    };

    if (!redis_server_installed()) {
        printf("1..0 # SKIP no redis-server\n");
        return 0;
    }
    alarm(300);
    if (redis_server_open(&service_server) < 0) {
        printf("Bail out! redis-server does not start\n");
        return 1;
    }
    int rc = unit_main("params_kept", tests);
    redis_server_close(&service_server);
    return rc;
}
