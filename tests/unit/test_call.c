/* test_call.c - functions behind an address. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"
#include "scratch.h"
#include "source_bench.h"
#include "src/common/clock.h"
#include "src/context/context.h"
#include "src/program/call.h"

static char url[64];

static void test_judge(void)
{
    static const struct {
        long status;
        const char *data;
        enum call_answer answer;
    } rows[] = {
        {200, "\x93NUMPY..", CALL_BLOCK},
        {201, "\x93NUMPY..", CALL_BLOCK},
        {200, "\x93NUMP", CALL_LATER},
        {200, "<html>", CALL_LATER},
        {200, "", CALL_LATER},
        {204, "", CALL_NOTHING},
        {302, "", CALL_LATER},
        {400, "", CALL_REFUSES},
        {400, "\x93NUMPY", CALL_REFUSES},
        {401, "", CALL_LATER},
        {403, "", CALL_LATER},
        {404, "", CALL_LATER},
        {408, "", CALL_LATER},
        {413, "", CALL_REFUSES},
        {415, "", CALL_REFUSES},
        {422, "", CALL_REFUSES},
        {429, "", CALL_LATER},
        {500, "", CALL_FAILED},
        {501, "", CALL_FAILED},
        {502, "", CALL_LATER},
        {503, "", CALL_LATER},
        {504, "", CALL_LATER},
        {599, "", CALL_FAILED},
        {100, "", CALL_LATER},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        CU_ASSERT_EQUAL(
            call_judge(rows[i].status, rows[i].data, strlen(rows[i].data)),
            rows[i].answer);
}

static void begin(source_bench *b, const char *script)
{
    source_log[0] = '\0';
    endpoint_play(script);
    source_init(b, "call");
    b->setup.run = "r";
    source_set(b, "url", url);
    source_set(b, "limit", "200ms");
    source_set(b, "most", "1MiB");
}

/* A block of 3 x 2 through the function; what came of it, in words. */
static void ask(source_bench *b, char *out, size_t cap)
{
    pe_block in = {0}, got = {0};
    int rc;

    CU_ASSERT_EQUAL_FATAL(pe_block_reserve(&in, 3, 2, PE_F4, NULL), 0);
    for (uint32_t i = 0; i < 6; i++)
        ((float *)in.data)[i] = (float)i;
    in.device = "dev/1";
    in.boot = 4;
    in.seq = 7;
    in.has_seq = 1;
    rc = b->ops->process_edge(b->ctx, &in, &got);
    if (rc == PE_FORWARD)
        snprintf(out, cap, "%u x %u f%d, last %g", got.points, got.features,
                 (int)got.dtype,
                 pe_block_at(&got, got.points - 1, got.features - 1));
    else
        snprintf(out, cap, "%s",
                 rc == PE_NOTHING ? "nothing" : context_error(b->ctx));
    pe_block_release(&in);
    pe_block_release(&got);
}

/* What a row of answers makes of one block, after how many calls, and what is
 * said of it.
 */
static void test_answers(void)
{
    static const struct {
        const char *script, *got;
        unsigned calls;
        const char *said;
    } rows[] = {
        {"echo", "3 x 2 f4, last 5", 1, ""},
        {"packed", "3 x 2 f4, last 5", 1, ""},
        {"empty", "nothing", 1, ""},
        {"none", "nothing", 1, ""},
        {"close echo", "3 x 2 f4, last 5", 2, "it is called again"},
        {"503 502 echo", "3 x 2 f4, last 5", 3,
         "answers with status 503, text/plain: 'so? it is'; it is called "
         "again"},
        {"html echo", "3 x 2 f4, last 5", 2,
         "status 200, text/html: '<html>log in</html>'"},
        {"slow echo", "3 x 2 f4, last 5", 2, "imed out"},
        {"cut echo", "3 x 2 f4, last 5", 2, "it was answered after "},
        {"404 500 echo", "3 x 2 f4, last 5", 3, " s and 3 calls"},
        {"400", "answers with status 400, text/plain: 'so? it is'", 1, ""},
        {"spoilt", "not a .npy record: ", 1, ""},
        {"503 422", "answers with status 422", 2, "it is called again"},
        {"big", "answers with more than 1048576 bytes", 1, ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned before = endpoint_calls();
        char got[1200];
        source_bench b;

        begin(&b, rows[i].script);
        CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
        ask(&b, got, sizeof(got));
        UNIT_CONTAINS(got, rows[i].got);
        CU_ASSERT_EQUAL(endpoint_calls() - before, rows[i].calls);
        UNIT_CONTAINS(source_log, rows[i].said);
        if (!*rows[i].said)
            UNIT_EQUAL(source_log, "");
        endpoint_play("echo"); /* another block is as if nothing had been */
        ask(&b, got, sizeof(got));
        UNIT_EQUAL(got, "3 x 2 f4, last 5");
        source_end(&b);
    }
}

static void test_tries(void)
{
    unsigned before = endpoint_calls();
    char got[1200];
    source_bench b;

    begin(&b, "500 503 500 echo");
    source_set(&b, "tries", "2");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    ask(&b, got, sizeof(got));
    UNIT_CONTAINS(got, "status 500");
    CU_ASSERT_EQUAL(context_failure(b.ctx)->kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(endpoint_calls() - before, 3);
    ask(&b, got, sizeof(got));
    UNIT_EQUAL(got, "3 x 2 f4, last 5");
    source_end(&b);
}

static void test_asked_pause(void)
{
    char got[1200];
    source_bench b;
    int64_t from = clock_mono_ns();

    begin(&b, "busy echo");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    ask(&b, got, sizeof(got));
    UNIT_EQUAL(got, "3 x 2 f4, last 5");
    CU_ASSERT(clock_mono_ns() - from >=
              CLOCK_S); /* not sooner than asked for */
    source_end(&b);
}

/* A wait that is ended refuses nothing: the agent ends with the block. */
static void test_cancel(void)
{
    char got[1200];
    source_bench b;

    begin(&b, "503");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    b.cancelled = 1;
    ask(&b, got, sizeof(got));
    UNIT_CONTAINS(got, "the block that waits for it is not processed");
    CU_ASSERT_EQUAL(context_failure(b.ctx)->kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(context_failure(b.ctx)->exit_code, PE_EXIT_AGAIN);
    source_end(&b);
}

static void test_headers(void)
{
    char got[1200];
    source_bench b;

    scratch_write("token", "sesame\n");
    begin(&b, "echo");
    source_set(&b, "token-file", scratch_path);
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    ask(&b, got, sizeof(got));
    UNIT_CONTAINS(endpoint_head(), "POST /f HTTP/1.1\r\n");
    UNIT_CONTAINS(endpoint_head(), "Content-Type: application/x-npy\r\n");
    UNIT_CONTAINS(endpoint_head(), "Ce-Id: dev/1/4/7\r\n");
    UNIT_CONTAINS(endpoint_head(), "Ce-Source: /pilot-edge/r/sense\r\n");
    UNIT_CONTAINS(endpoint_head(), "Authorization: Bearer sesame\r\n");
    CU_ASSERT_PTR_NULL(strstr(endpoint_head(), "Expect"));
    source_end(&b);
}

static void test_bad(void)
{
    static const struct {
        const char *name, *value, *error;
    } rows[] = {
        {"url", "ftp://x", "url: 'ftp://x' begins with neither http:// nor"},
        {"url", "http://me:hush@x/f?a", "url: a login does not belong into it"},
        {"url", "https://hush@x", "url: a login does not belong into it"},
        {"token-file", "/no/such", "token-file: "},
    };
    source_bench b;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(&b, "echo");
        source_set(&b, rows[i].name, rows[i].value);
        CU_ASSERT_EQUAL(source_open(&b), -1);
        UNIT_CONTAINS(context_error(b.ctx), rows[i].error);
        source_end(&b);
    }
    source_init(&b, "call");
    CU_ASSERT_EQUAL(source_open(&b), -1);
    UNIT_CONTAINS(context_error(b.ctx), "option url is not given");
    source_end(&b);
}

int main(void)
{
    static const unit_test tests[] = {
        {"what an answer means", test_judge},
        {"answers", test_answers},
        {"calls of which the function fails", test_tries},
        {"a pause that is asked for", test_asked_pause},
        {"a wait that is ended", test_cancel},
        {"headers", test_headers},
        {"what cannot be", test_bad},
        {NULL, NULL},
    };

    snprintf(url, sizeof(url), "http://127.0.0.1:%d/f", endpoint_start(0));
    return source_main("call", tests);
}
