/* test_program.c - words of commands, arrays out of pipes, programs as stages.
 */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "source_bench.h"
#include "src/block/npy.h"
#include "src/block/npy_stream.h"
#include "src/common/clock.h"
#include "src/common/words.h"
#include "src/program/program.h"
#include "src/program/share.h"
#include "src/program/voice.h"

#define HEADED "head -c 128 >/dev/null; "

static void test_words(void)
{
    static const struct {
        const char *line, *words, *error;
    } rows[] = {
        {"cat", "cat|", ""},
        {"  a\tb \n c ", "a|b|c|", ""},
        {"sh -c 'a  b' \"c 'd'\"", "sh|-c|a  b|c 'd'|", ""},
        {"a\\ b \"c\\\"\\n\" '\\'", "a b|c\"\\n|\\|", ""},
        {"a '' b''c", "a||bc|", ""},
        {"$HOME `x` | >y", "$HOME|`x`|||>y|", ""},
        {"", "", "'' names no program"},
        {" \t", "", "' \t' names no program"},
        {"a 'b", "", "'a 'b' has a quote without its end"},
        {"a \"b\\\"", "", "'a \"b\\\"' has a quote without its end"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pe_error e = {0};
        char got[128] = "", **words = program_words(rows[i].line, &e);

        for (size_t k = 0; words && words[k]; k++) {
            strncat(got, words[k], sizeof(got) - strlen(got) - 1);
            strncat(got, "|", sizeof(got) - strlen(got) - 1);
        }
        UNIT_EQUAL(got, rows[i].words);
        UNIT_EQUAL(e.text, rows[i].error);
        words_free(words);
    }
}

/* --- arrays out of a pipe --- */

/* Put [bytes] into [s] in pieces of [step] at most; what is wrong, or "". */
static const char *stream_bytes(npy_stream *s, const unsigned char *bytes,
                                size_t len, size_t step)
{
    static pe_error e;
    size_t at = 0, want;

    e = (pe_error){0};
    for (;;) {
        unsigned char *to = npy_stream_room(s, 4096, &want, &e);

        if (!to || want == 0)
            return e.text;
        want = want < step ? want : step;
        if (want > len - at)
            return "more is wanted";
        memcpy(to, bytes + at, want);
        npy_stream_put(s, want);
        at += want;
    }
}

static void test_stream(void)
{
    unsigned char two[2 * (NPY_HEADER_LEN + 24)];

    for (int i = 0; i < 2; i++) {
        unsigned char *at = two + i * (NPY_HEADER_LEN + 24);

        npy_header(at, PE_F8, 3, 1);
        memset(at + NPY_HEADER_LEN, 'a' + i, 24);
    }
    for (size_t step = 1; step < 200; step += 7) {
        npy_stream s = {0};

        UNIT_EQUAL(stream_bytes(&s, two, sizeof(two), step), "");
        CU_ASSERT_EQUAL(s.len, NPY_HEADER_LEN + 24);
        CU_ASSERT_EQUAL(s.rows, 3);
        CU_ASSERT_EQUAL(s.data[s.len - 1], 'a');
        npy_stream_next(&s);
        UNIT_EQUAL(stream_bytes(&s, two + NPY_HEADER_LEN + 24,
                                NPY_HEADER_LEN + 24, step),
                   "");
        CU_ASSERT_EQUAL(s.data[s.len - 1], 'b');
        npy_stream_free(&s);
    }
}

static void test_stream_bad(void)
{
    static const struct {
        const char *bytes, *error;
    } rows[] = {
        {"hello, world", "no .npy array begins with 'hel'"},
        {"\x93NUMPX", "no .npy array begins with '?NUMPX'"},
        {"\x93NUMPY", "more is wanted"},
        {"\x93NUMPY\x02\x01\xff\xff\x01\x01", "no .npy array has a header so"},
        {"\x93NUMPY\x01\x01\x04\x01{}", "more is wanted"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        npy_stream s = {0};

        UNIT_CONTAINS(stream_bytes(&s, (const unsigned char *)rows[i].bytes,
                                   strlen(rows[i].bytes), 3),
                      rows[i].error);
        npy_stream_free(&s);
    }
}

static void test_stream_sizes(void)
{
    static const struct {
        uint32_t points, features;
        const char *error;
    } rows[] = {
        {0, 4, ""},
        {124, 4, ""},
        {125, 4, "an array of 4000 bytes, and all of it may have 4096"},
        {UINT32_MAX, UINT32_MAX, "an array of 18446744073709551615 bytes"},
        {1u << 30, 1, "an array of 8589934592 bytes"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned char bytes[4096] = {0};
        npy_stream s = {0};

        npy_header(bytes, PE_F8, rows[i].points, rows[i].features);
        UNIT_CONTAINS(stream_bytes(&s, bytes, sizeof(bytes), 4096),
                      rows[i].error);
        npy_stream_free(&s);
    }
}

/* --- what it says for people --- */

static void test_voice(void)
{
    pe_context *ctx = context_create(&(context_setup){.stage = "s"}, NULL);
    char many[2 * (VOICE_PER_MINUTE + 50)];
    voice v = {0};

    source_log[0] = '\0';
    voice_take(&v, ctx, "one\n\n\033[31mtw", 12, 0);
    voice_take(&v, ctx, "o\nthree", 7, 0);
    UNIT_EQUAL(source_log, "s: one\ns: ?[31mtwo\n");
    voice_end(&v, ctx);
    UNIT_CONTAINS(source_log, "s: three\n");
    for (size_t i = 0; i < sizeof(many); i++)
        many[i] = "x\n"[i % 2];
    source_log[0] = '\0';
    voice_take(&v, ctx, many, sizeof(many), 1);
    CU_ASSERT_EQUAL(v.kept_back, 50);
    voice_take(&v, ctx, "y\n", 2, 61 * CLOCK_S);
    UNIT_CONTAINS(source_log, "50 more lines of the program are not shown\n");
    UNIT_CONTAINS(source_log, "s: y\n");
    context_destroy(ctx);
}

/* --- a stage --- */

/* Put a block of [points] x 2 through "sh -c SCRIPT", [times]; the words of
 * the last answer, or the error.
 */
static void ask(source_bench *b, uint32_t points, char *out, size_t cap)
{
    pe_block in = {0}, got = {0};
    int rc;

    CU_ASSERT_EQUAL_FATAL(pe_block_reserve(&in, points, 2, PE_F4, NULL), 0);
    for (uint32_t i = 0; i < 2 * points; i++)
        ((float *)in.data)[i] = (float)i;
    rc = b->ops->process_cloud(b->ctx, &in, &got);
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

static void begin(source_bench *b, const char *script)
{
    char line[600];

    source_log[0] = '\0';
    source_init(b, "exec");
    snprintf(line, sizeof(line), "sh -c \"%s\"", script);
    source_set(b, "command", line);
    source_set(b, "folder", scratch_folder);
    source_set(b, "limit", "30s"); /* a busy machine may take its time */
    source_set(b, "most", "1MiB");
}

static void test_answers(void)
{
    static const struct {
        const char *script, *answer;
        uint32_t points;
    } rows[] = {
        {"exec cat", "3 x 2 f4, last 5", 3},
        {"exec cat", "40000 x 2 f4, last 79999", 40000},
        {"exec dd bs=7 2>/dev/null", "3 x 2 f4, last 5", 3},
        {HEADED "head -c 24 >/dev/null; cat five", "5 x 1 f8, last 4", 3},
        {HEADED "head -c 24 >/dev/null; cat none; cat >/dev/null", "nothing",
         3},
        {HEADED "head -c 24 >/dev/null; cat cube; cat >/dev/null",
         "not a .npy record: it has 3 axes", 3},
        {HEADED "head -c 24 >/dev/null; cat number; cat >/dev/null",
         "shape () is refused: it is one number, and has no rows", 3},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[1200];
        source_bench b;

        begin(&b, rows[i].script);
        CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
        ask(&b, rows[i].points, got, sizeof(got));
        UNIT_CONTAINS(got, rows[i].answer);
        if (!strstr(rows[i].script, "; cat >")) { /* it waits for ever */
            ask(&b, rows[i].points, got, sizeof(got));
            UNIT_CONTAINS(got, rows[i].answer);
        }
        source_end(&b);
    }
}

/* Words in place of arrays. */
static void test_words_for_arrays(void)
{
    static const struct {
        const char *file, *answer;
    } rows[] = {
        {"pass", "3 x 2 f4, last 5"},
        {"nothing", "nothing"},
        {"refuse", ": all that is behind it"},
        {"endless", "it answered with a word that is none"},
        {"odd", "it answered with a word that is none"},
        {"wide", "it answered with 1048576 x 4294967295 numbers of 8 bytes, "
                 "for which its memory has no room"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[1200], script[200];
        source_bench b;

        snprintf(script, sizeof(script),
                 HEADED "head -c 24 >/dev/null; cat %s; " HEADED
                        "head -c 24 >/dev/null; cat %s; cat >/dev/null",
                 rows[i].file, rows[i].file);
        begin(&b, script);
        CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
        for (int turn = 0; turn < 2; turn++) {
            ask(&b, 3, got, sizeof(got));
            UNIT_CONTAINS(got, rows[i].answer);
        }
        /* A program that refuses is well. */
        if (!strcmp(rows[i].file, "refuse"))
            CU_ASSERT_PTR_NULL(strstr(source_log, "killed"));
        source_end(&b);
    }
}

/* A program that has the memory gets the second block through it, and answers
 * there.
 */
static void test_shared(void)
{
    char got[1200];
    source_bench b;

    begin(&b, "S=${PILOT_SHARED%:*}; " HEADED
              "head -c 24 >/dev/null; printf x | dd of=$S conv=notrunc "
              "status=none; cat pass; head -c 32 >word; tail -c +4097 $S | "
              "head -c 24 >seen; tail -c +129 five | dd of=$S conv=notrunc "
              "status=none bs=4096 seek=4097; cat block; cat >/dev/null");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    ask(&b, 3, got, sizeof(got));
    UNIT_EQUAL(got, "3 x 2 f4, last 5");
    ask(&b, 3, got, sizeof(got));
    UNIT_EQUAL(got, "4 x 1 f8, last 3");
    source_end(&b);
}

static void test_refused(void)
{
    static const struct {
        const char *script, *error;
    } rows[] = {
        {"head -c 1 >/dev/null; echo hello; cat",
         "no .npy array begins with 'hello?"},
        {HEADED "echo hello there; cat >/dev/null",
         "no .npy array begins with 'hello ther'"},
        {"echo a reason >&2; kill -9 $$",
         "it was killed by signal 9; it last said 'a reason'"},
        {HEADED "echo why >&2; echo ------ >&2; exit 3",
         "it ended with status 3; it last said 'why'"},
        {HEADED "exit 3", "it ended with status 3"},
        {HEADED "exit 0", "it ended with status 0"},
        {HEADED "setsid sleep 2 & exit 4", "it ended with status 4"},
        {HEADED "head -c 300 five | head -c 140; exit 1",
         "it ended with status 1 behind 140 of 168 bytes of an array"},
        {HEADED "head -c 100 five; exit 1",
         "it ended with status 1 in the head of an array"},
        {HEADED "cat huge; sleep 9",
         "an array of 2147483648 bytes, and all of it may have 1048576"},
        {"sleep 9", "it gave no answer within 0.3 s"},
        {"exec 1>&-; sleep 9", "it has closed its output"},
        {HEADED "cat five; cat five >/dev/null; cat >/dev/null",
         "5 x 1 f8, last 4"},
        {HEADED "head -c 24 >/dev/null; cat five five; cat >/dev/null", ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[1200];
        source_bench b;

        begin(&b, rows[i].script);
        if (strstr(rows[i].error, "within 0.3 s"))
            source_set(&b, "limit", "300ms");
        CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
        ask(&b, 3, got, sizeof(got));
        UNIT_CONTAINS(got, rows[i].error);
        source_end(&b);
    }
}

/* A program that never reads takes a pipe's room of a block, and no more. */
static void test_ignores(void)
{
    char got[1200];
    source_bench b;

    /* It waits until it is asked: what comes before is another fault. */
    begin(&b, "head -c 1 >/dev/null; cat five; sleep 9");
    source_set(&b, "limit", "300ms");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    ask(&b, 1000000, got, sizeof(got));
    UNIT_CONTAINS(got, " of the 8000128 bytes of a block");
    source_end(&b);
    begin(&b, "exec 0<&-; sleep 9");
    source_set(&b, "limit", "3s");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    ask(&b, 1000000, got, sizeof(got));
    UNIT_CONTAINS(got, "it has closed its input, and did not answer");
    source_end(&b);
}

/* Refused blocks cost the next ones nothing; one that dies is shown the block
 * again, for another may have killed it.
 */
static void test_goes_on(void)
{
    char got[1200];
    source_bench b;

    begin(&b, "test -e died && exec cat; touch died; " HEADED "kill -9 $$");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    ask(&b, 3, got, sizeof(got));
    UNIT_EQUAL(got, "3 x 2 f4, last 5");
    UNIT_CONTAINS(source_log, "was killed by signal 9");
    source_end(&b);

    begin(&b, "test -e bad && exec cat; touch bad; echo bad");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    ask(&b, 3, got, sizeof(got));
    UNIT_CONTAINS(got, "'bad");
    CU_ASSERT_EQUAL(context_failure(b.ctx)->kind, PE_ERROR_INPUT);
    ask(&b, 4, got, sizeof(got));
    UNIT_EQUAL(got, "4 x 2 f4, last 7");
    source_end(&b);
}

/* One that was never of use ends the agent, and not every block of the run. */
static void test_useless(void)
{
    char got[1200] = "";
    source_bench b;

    begin(&b, "exit 4");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    for (int i = 0; i < 3; i++)
        ask(&b, 3, got, sizeof(got));
    UNIT_CONTAINS(got, "ended with status 4 (started 5 times, and never of");
    CU_ASSERT_EQUAL(context_failure(b.ctx)->kind, PE_ERROR_FATAL);
    source_end(&b);
}

/* --- its surroundings --- */

static void test_env(void)
{
    char got[1200];
    source_bench b;

    begin(&b, "test $PILOT_STAGE$PILOT_INDEX$A = sense0b && exec cat");
    source_set(&b, "env", "A=b 'C=d e'");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    ask(&b, 3, got, sizeof(got));
    UNIT_EQUAL(got, "3 x 2 f4, last 5");
    source_end(&b);
}

static void test_not_there(void)
{
    static const struct {
        const char *name, *value, *error;
    } rows[] = {
        {"command", "no-such-program x", "no-such-program is not there"},
        {"command", "/no/such", "command: /no/such is no program here"},
        {"command", "./such", "/./such is no program here"},
        {"command", "a 'b", "command: 'a 'b' has a quote without its end"},
        {"env", "A", "env: 'A' is not NAME=VALUE"},
        {"env", "=A", "env: '=A' is not NAME=VALUE"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        source_bench b;

        begin(&b, "cat");
        source_set(&b, rows[i].name, rows[i].value);
        CU_ASSERT_EQUAL(source_open(&b), -1);
        UNIT_CONTAINS(context_error(b.ctx), rows[i].error);
        CU_ASSERT_EQUAL(context_failure(b.ctx)->exit_code, PE_EXIT_CONFIG);
        source_end(&b);
    }
}

static void test_no_command(void)
{
    source_bench b;

    source_init(&b, "exec");
    CU_ASSERT_EQUAL(source_open(&b), -1);
    UNIT_CONTAINS(context_error(b.ctx), "option command is not given");
    source_end(&b);
    source_init(&b, "exec");
    source_set(&b, "command", "./x");
    CU_ASSERT_EQUAL(source_open(&b), -1);
    UNIT_CONTAINS(context_error(b.ctx), "no program here; give folder:");
    source_end(&b);
    begin(&b, "cat");
    source_set(&b, "format", "csv");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    char got[1200];
    ask(&b, 3, got, sizeof(got));
    UNIT_CONTAINS(got, "format: csv is for a source");
    source_end(&b);
}

/* Whatever it has started goes with it. */
static void test_nothing_stays(void)
{
    char got[1200], line[32] = "";
    source_bench b;
    FILE *f;
    pid_t pid;

    begin(&b, "trap '' TERM; sleep 1000 & echo $! >child; exec cat");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    ask(&b, 3, got, sizeof(got));
    UNIT_EQUAL(got, "3 x 2 f4, last 5");
    scratch_write("other", "");
    snprintf(got, sizeof(got), "%s/child", scratch_folder);
    f = fopen(got, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof(line), f));
    fclose(f);
    pid = (pid_t)atoi(line);
    CU_ASSERT_EQUAL(kill(pid, 0), 0);
    source_end(&b);
    /* Somebody else's child is a zombie until its new parent looks. */
    for (int i = 0; i < 1000 && kill(pid, 0) == 0; i++) {
        snprintf(got, sizeof(got), "/proc/%d/stat", (int)pid);
        f = fopen(got, "r");
        bool zombie = !f || (fgets(got, sizeof(got), f) && strstr(got, ") Z"));
        if (f)
            fclose(f);
        if (zombie)
            break;
        CU_ASSERT_NOT_EQUAL_FATAL(i, 999);
        clock_sleep_ns(5 * CLOCK_MS, 1);
    }
}

/* Arrays in files for the scripts. */
static void write_array(const char *name, uint32_t points, uint32_t features,
                        size_t data)
{
    unsigned char bytes[NPY_HEADER_LEN + 40] = {0};

    npy_header(bytes, PE_F8, points, features);
    for (size_t i = 0; i < data; i++)
        ((double *)(bytes + NPY_HEADER_LEN))[i] = (double)i;
    scratch_write_bytes(name, bytes, NPY_HEADER_LEN + 8 * data);
}

static void write_shape(const char *name, const char *shape)
{
    unsigned char bytes[NPY_HEADER_LEN + 8] = "\x93NUMPY\x01";
    char *dict = (char *)bytes + 10;

    bytes[8] = NPY_HEADER_LEN - 10;
    memset(dict, ' ', NPY_HEADER_LEN - 10);
    dict[snprintf(dict, NPY_HEADER_LEN - 10,
                  "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }",
                  shape)] = ' ';
    bytes[NPY_HEADER_LEN - 1] = '\n';
    scratch_write_bytes(name, bytes, sizeof(bytes));
}

/* A word, and what follows it. */
static void write_word(const char *name, share_word w, const char *behind)
{
    unsigned char bytes[SHARE_WORD_LEN + 64];

    memcpy(w.magic, SHARE_MAGIC, SHARE_MAGIC_LEN);
    memcpy(bytes, &w, sizeof(w));
    memcpy(bytes + sizeof(w), behind, strlen(behind));
    scratch_write_bytes(name, bytes, sizeof(w) + strlen(behind));
}

static void test_files(void)
{
    static const char long_reason[] = "all that is behind it";

    write_word("pass", (share_word){.kind = SHARE_PASS}, "");
    write_word("nothing", (share_word){.kind = SHARE_NOTHING}, "");
    write_word(
        "refuse",
        (share_word){.kind = SHARE_REFUSES, .rows = sizeof(long_reason) - 1},
        long_reason);
    write_word("endless", (share_word){.kind = SHARE_REFUSES, .rows = 401}, "");
    write_word("odd", (share_word){.kind = 9}, "");
    write_word("wide",
               (share_word){.kind = SHARE_BLOCK,
                            .element = 8,
                            .rows = 1 << 20,
                            .columns = UINT32_MAX},
               "");
    write_word("block",
               (share_word){
                   .kind = SHARE_BLOCK, .element = 8, .rows = 4, .columns = 1},
               "");
    write_array("five", 5, 1, 5);
    write_array("none", 0, 2, 0);
    write_array("huge", 1 << 28, 1, 0);
    write_shape("cube", "(1, 1, 1)");
    write_shape("number", "()");
}

int main(void)
{
    static const unit_test tests[] = {
        {"words of a command", test_words},
        {"arrays, piece by piece", test_stream},
        {"what is no array", test_stream_bad},
        {"sizes of arrays", test_stream_sizes},
        {"lines for people", test_voice},
        {"files for the programs", test_files},
        {"answers", test_answers},
        {"words in place of arrays", test_words_for_arrays},
        {"memory in common", test_shared},
        {"what is refused", test_refused},
        {"a program that ignores its input", test_ignores},
        {"it goes on behind a death", test_goes_on},
        {"one that is never of use", test_useless},
        {"environment", test_env},
        {"what is not there", test_not_there},
        {"options that lack", test_no_command},
        {"nothing stays", test_nothing_stays},
        {NULL, NULL},
    };

    signal(SIGPIPE, SIG_IGN);
    return source_main("program", tests);
}
