/* test_slurm_lib.c - pilot-slurm with the library of this host and without a
 * controller: fake_slurm.c answers in its place.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>

#include "scratch.h"
#include "src/common/process.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* What one call of it came to. */
static process_answer said;

/* Call it with the words of [line]; [calls]: FAKE_SLURM; [conf]: SLURM_CONF. */
static int ask(const char *line, const char *calls, const char *conf)
{
    const char *build = getenv("top_builddir");
    char program[512], words[256], fake[128], where[512];
    const char *argv[8] = {program};
    const char *env[] = {"TZ=UTC", fake, where, NULL};
    const process_limits limits = {30, 1 << 16};
    process_spec spec = {.argv = argv, .env = env};
    char *rest = NULL;
    pe_error e = {0};
    size_t n = 1;

    snprintf(program, sizeof(program), "%s/tests/unit/fake_slurm",
             build ? build : ".");
    snprintf(words, sizeof(words), "%s", line);
    snprintf(fake, sizeof(fake), "FAKE_SLURM=%s", calls);
    snprintf(where, sizeof(where), "SLURM_CONF=%s", conf);
    for (char *w = strtok_r(words, " ", &rest); w && n + 1 < COUNT(argv);
         w = strtok_r(NULL, " ", &rest))
        argv[n++] = w;
    process_answer_free(&said);
    said = (process_answer){.status = -1};
    CU_ASSERT_EQUAL_FATAL(process_run(&spec, &limits, &said, &e), 0);
    return said.status;
}

static const char *words_of(const text *t)
{
    return t->data ? t->data : "";
}

/* --- wrong use --- */

static void test_usage(void)
{
    static const char *const lines[] = {
        "",          "frob",           "jobs a b",
        "end",       "end 0",          "end -1",
        "end 7x",    "end 4294967294", "end 7 8",
        "cancel",    "cancel x",       "ping 7",
        "version 1", "--help x",       "end 99999999999999999999",
    };

    for (size_t i = 0; i < COUNT(lines); i++) {
        CU_ASSERT_EQUAL(ask(lines[i], "", ""), PE_EXIT_USAGE);
        UNIT_EQUAL(words_of(&said.out), "");
        UNIT_CONTAINS(words_of(&said.err), "Usage: pilot-slurm COMMAND\n");
    }
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(ask(i ? "-h" : "--help", "", ""), 0);
        UNIT_EQUAL(words_of(&said.err), "");
        UNIT_CONTAINS(words_of(&said.out), "78 the library does not fit");
    }
    CU_ASSERT_EQUAL(ask("jobs other", "", ""), PE_EXIT_CONFIG);
    UNIT_EQUAL(words_of(&said.err),
               "pilot-slurm: jobs: clusters by name are asked through "
               "squeue\n");
}

/* No configuration, or none that it likes: 78, and one line. */
static void test_conf(void)
{
    const char *err;

    CU_ASSERT_EQUAL(ask("jobs", "", "/nowhere/slurm.conf"), PE_EXIT_CONFIG);
    UNIT_EQUAL(words_of(&said.err), "pilot-slurm: /nowhere/slurm.conf: No such "
                                    "file or directory\n");
    scratch_write("slurm.conf", "ClusterName=c\nSlurmctldHost=h\nFrob=1\n");
    CU_ASSERT_EQUAL(ask("ping", "init=real", scratch_path), PE_EXIT_CONFIG);
    err = words_of(&said.err);
    UNIT_CONTAINS(err, "pilot-slurm: the library cannot be used here: ");
    UNIT_CONTAINS(err, "Frob");
    CU_ASSERT_PTR_EQUAL(strchr(err, '\n'), err + strlen(err) - 1);
    CU_ASSERT_PTR_NULL(strstr(err + 1, "pilot-slurm: error"));
    /* The version needs no controller, and no configuration. */
    CU_ASSERT_EQUAL(ask("version", "ping=1001", "/nowhere"), 0);
    UNIT_CONTAINS(words_of(&said.out), "pilot-slurm, library of Slurm ");
}

/* --- what fails --- */

/* Codes are the library's, and so are the words for them. */
static void test_errors(void)
{
    static const struct {
        const char *line, *call;
        int code, status;
        const char *place;
    } rows[] = {
        {"end 7", "end", ESLURM_INVALID_JOB_ID, PE_EXIT_DATA, "end"},
        {"end 404", "end", 0, PE_EXIT_DATA, "end"}, /* an empty answer */
        {"jobs", "jobs", ESLURM_ACCESS_DENIED, PE_EXIT_PERMISSION, "jobs"},
        {"cancel 7", "cancel", ESLURM_USER_ID_MISSING, PE_EXIT_PERMISSION,
         "cancel"},
        {"jobs", "jobs", SLURM_COMMUNICATIONS_CONNECTION_ERROR,
         PE_EXIT_UNAVAILABLE, "jobs"},
        {"ping", "partitions", SLURM_COMMUNICATIONS_CONNECTION_ERROR,
         PE_EXIT_UNAVAILABLE, "ping"},
        /* of another version: squeue is asked from then on */
        {"jobs", "jobs", SLURM_PROTOCOL_VERSION_ERROR, PE_EXIT_CONFIG, "jobs"},
        {"end 7", "end", SLURM_UNEXPECTED_MSG_ERROR, PE_EXIT_CONFIG, "end"},
        {"jobs", "ping", SLURM_PROTOCOL_VERSION_ERROR, PE_EXIT_CONFIG,
         "the controller"},
        {"jobs", "ping", SLURM_PROTOCOL_SOCKET_ZERO_BYTES_SENT, PE_EXIT_CONFIG,
         "the controller"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        int code = rows[i].code ? rows[i].code : ESLURM_INVALID_JOB_ID;
        char calls[64], want[256];

        snprintf(calls, sizeof(calls), "%s=%d", rows[i].call, rows[i].code);
        CU_ASSERT_EQUAL(ask(rows[i].line, calls, ""), rows[i].status);
        snprintf(want, sizeof(want), "pilot-slurm: %s: %s\n", rows[i].place,
                 slurm_strerror(code));
        UNIT_EQUAL(words_of(&said.err), want);
        UNIT_EQUAL(words_of(&said.out), "");
    }
}

/* The primary controller is away: another may answer, or none does. */
static void test_standby(void)
{
    char calls[64], want[256];

    snprintf(calls, sizeof(calls), "ping=%d jobs=hang",
             SLURM_COMMUNICATIONS_CONNECTION_ERROR);
    CU_ASSERT_EQUAL(ask("jobs", calls, ""), PE_EXIT_UNAVAILABLE);
    snprintf(want, sizeof(want),
             "pilot-slurm: the controller does not answer: %s\n",
             slurm_strerror(SLURM_COMMUNICATIONS_CONNECTION_ERROR));
    UNIT_EQUAL(words_of(&said.err), want);
    *strchr(calls, ' ') = '\0';
    CU_ASSERT_EQUAL(ask("end 21", calls, ""), 0);
    UNIT_EQUAL(words_of(&said.out), "2026-11-29T08:00:00\n");
    UNIT_EQUAL(words_of(&said.err), "");
}

/* An end that was there before is one. */
static void test_cancel(void)
{
    static const int codes[] = {0, ESLURM_ALREADY_DONE, ESLURM_INVALID_JOB_ID};

    for (size_t i = 0; i < COUNT(codes); i++) {
        char calls[64];

        snprintf(calls, sizeof(calls), "cancel=%d", codes[i]);
        CU_ASSERT_EQUAL(ask("cancel 7", calls, ""), 0);
        UNIT_EQUAL(words_of(&said.out), "");
        UNIT_EQUAL(words_of(&said.err), "");
    }
}

/* --- what is printed --- */

static void test_jobs(void)
{
    static const char *const want[] = {
        "7|PENDING|0|2026-11-29T08:00:00|N/A|N/A|3||0|-|JobHeldUser|(null)\n",
        "8|RUNNING|4294901759|2026-11-29T08:00:00|2026-11-29T08:01:01|NONE|2|"
        "node[1-2]|4|-|None|/w/job.sh\n",
        "9|COMPLETED|1|2026-11-29T08:00:00|2026-11-29T08:00:00|"
        "2026-11-29T09:00:00|1|n|0|3:0|None|/w/job.sh\n",
        "10|COMPLETING|1|N/A|N/A|2026-11-29T08:00:00|1||0|0:9|TimeLimit|"
        "/w/job.sh\n",
        "4294967293|PENDING|1|N/A|N/A|N/A|1|a?b|0|-|Nodes?down?or?so?|"
        "/w/a|b?\xc3\xa9.sh\n",
    };
    const char *at;

    CU_ASSERT_EQUAL(ask("jobs", "", ""), 0);
    UNIT_EQUAL(words_of(&said.err), "");
    at = words_of(&said.out);
    for (size_t i = 0; i < COUNT(want); i++) {
        const char *end = strchr(at, '\n');
        char *line = strndup(at, end ? (size_t)(end - at) + 1 : strlen(at));

        UNIT_EQUAL(line, want[i]);
        free(line);
        at = end ? end + 1 : at + strlen(at);
    }
    UNIT_EQUAL(at, "");
}

/* Of an array the task that was asked for, if it is there. */
static void test_end(void)
{
    static const struct {
        const char *line, *out;
    } rows[] = {
        {"end 25", "2026-11-29T08:00:05\n"},
        {"end 20", "NONE\n"},
        {"end 26", "N/A\n"},
        {"end 21", "2026-11-29T08:00:00\n"},
        {"end 99", "2026-11-29T08:00:00\n"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        CU_ASSERT_EQUAL(ask(rows[i].line, "", ""), 0);
        UNIT_EQUAL(words_of(&said.out), rows[i].out);
        UNIT_EQUAL(words_of(&said.err), "");
    }
    CU_ASSERT_EQUAL(ask("ping", "", ""), 0);
    UNIT_EQUAL(words_of(&said.out), "");
}

int main(void)
{
    static const unit_test tests[] = {
        {"wrong use", test_usage},
        {"configurations that are none", test_conf},
        {"what fails", test_errors},
        {"a primary controller that is away", test_standby},
        {"a job that is ended", test_cancel},
        {"lines of jobs", test_jobs},
        {"the end of a job", test_end},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("slurm_lib", tests);
    process_answer_free(&said);
    scratch_remove();
    return status;
}
