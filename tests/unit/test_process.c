/* test_process.c - child processes: start, signal, reap, read. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/interrupt.h"
#include "src/common/text.h"
#include "src/common/environ.h"
#include "src/common/process.h"

static char folder[] = "/tmp/test-process-XXXXXX";

static process *sh(const char *script, const char *const *env, bool group)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    const process_spec spec = {.argv = argv, .env = env, .new_group = group};
    pe_error e = {0};

    process *p = process_start(&spec, &e);
    UNIT_EQUAL(e.text, "");
    return p;
}

/* What [p] prints until its end, in a buffer of ours. */
static const char *output(process *p)
{
    static char out[4096];
    size_t len = 0;
    ssize_t n;

    CU_ASSERT(process_wait(p, 10000));
    while ((n = read(process_fd(p), out + len, sizeof(out) - 1 - len)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    return out;
}

static void test_null(void)
{
    const char *none[] = {NULL};
    const process_spec empty = {.argv = none};
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(process_start(NULL, &e));
    UNIT_EQUAL(e.text, "no program was named");
    CU_ASSERT_PTR_NULL(process_start(&empty, NULL));
    CU_ASSERT_EQUAL(process_fd(NULL), -1);
    CU_ASSERT_EQUAL(process_pid(NULL), -1);
    CU_ASSERT(process_ended(NULL));
    CU_ASSERT(process_wait(NULL, -1));
    CU_ASSERT_EQUAL(process_cpu_s(NULL), 0);
    process_signal(NULL, SIGTERM);
    process_destroy(NULL);
    CU_ASSERT_EQUAL(process_kill_marked(NULL), 0);
    CU_ASSERT_EQUAL(process_kill_marked(""), 0);
}

static void test_missing(void)
{
    static const struct {
        const char *program, *text;
    } rows[] = {
        {"mpirun", "mpirun is not there: install openmpi-bin"},
        {"redis-server", "redis-server is not there: install redis-server"},
        {"java", "java is not there: install default-jre-headless"},
        {"no-such-program", "no-such-program is not there: install it, or put "
                            "its folder on PATH"},
        {"/nowhere/mpiexec", "/nowhere/mpiexec is not there: install it, or "
                             "put its folder on PATH"},
    };
    char *path = text_format("%s", getenv("PATH"));

    setenv("PATH", folder, 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *argv[] = {rows[i].program, NULL};
        const process_spec spec = {.argv = argv};
        pe_error e = {0};
        CU_ASSERT_PTR_NULL(process_start(&spec, &e));
        UNIT_EQUAL(e.text, rows[i].text);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        e.text[0] = '\0';
        CU_ASSERT_EQUAL(process_find(rows[i].program, &e), -1);
        UNIT_EQUAL(e.text, rows[i].text);
    }
    setenv("PATH", "", 1);
    CU_ASSERT_EQUAL(process_find("sh", NULL), -1);
    setenv("PATH", "/nowhere::/bin:/usr/bin", 1);
    CU_ASSERT_EQUAL(process_find("sh", NULL), 0);
    CU_ASSERT_EQUAL(process_find("/bin/sh", NULL), 0);
    setenv("PATH", path, 1);
    free(path);
}

static void test_not_executable(void)
{
    const struct {
        const char *program, *error;
        enum pe_exit code;
    } rows[] = {
        {folder, "cannot be started: it is a folder", PE_EXIT_CONFIG},
        {"/etc/passwd", "cannot be started: Permission denied",
         PE_EXIT_PERMISSION},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *argv[] = {rows[i].program, NULL};
        const process_spec spec = {.argv = argv};
        pe_error e = {0};

        CU_ASSERT_PTR_NULL(process_start(&spec, &e));
        UNIT_CONTAINS(e.text, rows[i].error);
        CU_ASSERT_EQUAL(e.exit_code, rows[i].code);
    }
}

static void test_status(void)
{
    static const struct {
        const char *script;
        int status;
    } rows[] = {
        {"exit 0", 0},
        {"exit 78", 78},
        {"kill -9 $$", 128 + 9},
        {"kill -TERM $$", 128 + 15},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        process *p = sh(rows[i].script, NULL, false);
        CU_ASSERT(process_wait(p, 10000));
        CU_ASSERT(process_ended(p));
        CU_ASSERT_EQUAL(process_status(p), rows[i].status);
        process_destroy(p);
    }
}

static void test_pipe(void)
{
    process *p = sh("printf 'one\\ntwo'; cat", NULL, false);

    UNIT_EQUAL(output(p), "one\ntwo"); /* and cat had nothing to read */
    process_destroy(p);
}

static void test_pipe_in(void)
{
    const char *argv[] = {"sh", "-c", "read x; echo got $x; cat", NULL};
    const process_spec spec = {.argv = argv, .in_pipe = true};
    process *p = process_start(&spec, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL(write(process_in_fd(p), "one\ntwo", 7), 7);
    process_in_close(p);
    CU_ASSERT_EQUAL(process_in_fd(p), -1);
    process_in_close(p);
    UNIT_EQUAL(output(p), "got one\ntwo");
    process_destroy(p);
}

/* Its leader is over, has to be killed, or leaves somebody behind. */
static void test_end_group(void)
{
    static const struct {
        const char *script;
        int status;
    } rows[] = {
        {"echo; exit 3", 3},
        {"sleep 1000 & echo; exit 4", 4},
        {"trap '' TERM; echo; while :; do sleep 1000; done", 128 + 9},
        {"echo; exec sleep 1000", 128 + 15},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        process *p = sh(rows[i].script, NULL, true);
        char byte;

        while (read(process_fd(p), &byte, 1) != 1) /* it has come that far */
            clock_sleep_ns(CLOCK_MS, 0);
        CU_ASSERT_EQUAL(process_over(p, rows[i].status < 128 ? 10000 : 0),
                        rows[i].status < 128);
        process_end_group(p, rows[i].status == 128 + 9 ? 20 : 10000);
        CU_ASSERT_EQUAL(process_status(p), rows[i].status);
        while (read(process_fd(p), &byte, 1) != 0) /* nobody has it open */
            clock_sleep_ns(CLOCK_MS, 0);
        CU_ASSERT_TRUE(process_over(p, 0)); /* also when it was reaped */
        process_end_group(p, 0);
        process_release(p);
    }
}

static void test_pipe_does_not_block(void)
{
    process *p = sh("sleep 30", NULL, true);
    char byte;

    CU_ASSERT_EQUAL(read(process_fd(p), &byte, 1), -1);
    CU_ASSERT_EQUAL(errno, EAGAIN);
    CU_ASSERT_FALSE(process_ended(p));
    CU_ASSERT_FALSE(process_wait(p, 20));
    process_destroy(p);
}

static void test_environment(void)
{
    const char *env[] = {"TEST_NEW=a", "TEST_OLD=after", NULL};

    setenv("TEST_OLD", "before", 1);
    setenv("TEST_OLDER", "kept", 1);
    process *p = sh("echo $TEST_NEW $TEST_OLD $TEST_OLDER; env | grep -c "
                    "^TEST_OLD=",
                    env, false);
    UNIT_EQUAL(output(p), "a after kept\n1\n");
    process_destroy(p);
}

#define RANK_OF "OMPI_COMM_WORLD_RANK"

/* Names that a child has of those that are set here. */
static const char *heard(bool no_rank)
{
    static const char *const argv[] = {
        "sh", "-c", "env | sed -n 's/=here$//p' | sort | tr '\\n' ' '", NULL};
    const process_spec spec = {.argv = argv, .no_rank = no_rank};
    process *p = process_start(&spec, NULL);
    const char *out = output(p);

    process_destroy(p);
    return out;
}

/* A program of a user that begins with MPI is not taken for a rank, and has the
 * settings of its user and none of ours.
 */
static void test_no_rank(void)
{
    static const char *const names[] = {"HWLOC_PLUGINS_PATH",
                                        "HYDI_CONTROL_FD",
                                        "MPI_LOCALRANKID",
                                        "OMPI_COMM_WORLD_SIZE",
                                        "OMPI_MCA_btl",
                                        "OMPI_MCA_ess",
                                        "OMPI_MCA_orte_hnp_uri",
                                        "OMPI_MCA_plm",
                                        "PM",
                                        "PMIX_MCA_gds",
                                        "PMIX_MCA_psec",
                                        "PMIX_NAMESPACE",
                                        "PMI_FD",
                                        "PRTE_MCA_a",
                                        "PRTE_MCA_b",
                                        "SLURM_JOB_ID",
                                        "SLURM_STEP_ID"};
    static const char *const words[] = {
        "OMPI_MCA_plm=isolated", "PMIX_MCA_gds=hash", "PRTE_MCA_a=here", NULL};
    char all[512] = "", *kept;
    size_t n = 0;

    unsetenv(RANK_OF);
    unsetenv(ENVIRON_MPI);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        setenv(names[i], "here", 1);
        n += (size_t)snprintf(all + n, sizeof(all) - n, "%s ", names[i]);
    }
    UNIT_EQUAL(heard(true), all); /* it is no rank */
    kept = environ_settings(words, NULL);
    UNIT_CONTAINS(kept, ENVIRON_MPI "=");
    UNIT_CONTAINS(kept, "OMPI_MCA_btl");
    UNIT_CONTAINS(kept, "PRTE_MCA_a"); /* as its user has it */
    UNIT_CONTAINS(kept, "PRTE_MCA_b");
    CU_ASSERT_PTR_NULL(strstr(kept, "OMPI_MCA_plm")); /* that will be ours */
    CU_ASSERT_PTR_NULL(strstr(kept, "PMIX_MCA_gds"));
    CU_ASSERT_PTR_NULL(strstr(kept, "PMIX_NAMESPACE"));
    free(kept);
    setenv(RANK_OF, "0", 1);
    UNIT_EQUAL(heard(false), all);
    UNIT_EQUAL(heard(true), "PM SLURM_JOB_ID ");
    setenv(ENVIRON_MPI, "OMPI_MCA_btl PMIX_MCA_psec PRTE_MCA_b", 1);
    UNIT_EQUAL(heard(true),
               "OMPI_MCA_btl PM PMIX_MCA_psec PRTE_MCA_b SLURM_JOB_ID ");
    unsetenv(RANK_OF);
    unsetenv(ENVIRON_MPI);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
}

/* Both streams in files, added to what is there. */
static void test_files(void)
{
    char *out = text_format("%s/out", folder);
    char *err = text_format("%s/err", folder);
    const char *argv[] = {"sh", "-c", "echo to-out; echo to-err >&2", NULL};
    const process_spec spec = {.argv = argv, .out_path = out, .err_path = err};
    struct stat st;

    for (int i = 0; i < 2; i++) {
        process *p = process_start(&spec, NULL);
        CU_ASSERT_EQUAL(process_fd(p), -1);
        CU_ASSERT(process_wait(p, 10000));
        process_destroy(p);
    }
    char *text_out = file_read(out, 1024, NULL, NULL);
    char *text_err = file_read(err, 1024, NULL, NULL);
    UNIT_EQUAL(text_out, "to-out\nto-out\n");
    UNIT_EQUAL(text_err, "to-err\nto-err\n");
    CU_ASSERT_EQUAL(stat(err, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    free(text_err);
    free(text_out);
    free(err);
    free(out);
}

/* A folder that is missing is not a program that is. */
static void test_file_missing(void)
{
    const char *argv[] = {"true", NULL};
    const process_spec spec = {.argv = argv, .err_path = "/nowhere/err"};
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(process_start(&spec, &e));
    UNIT_EQUAL(e.text, "cannot write /nowhere/err: No such file or directory");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
}

/* A child is not deaf to what we ignore or hold back. */
static void test_signals_restored(void)
{
    sigset_t held;

    sigemptyset(&held);
    sigaddset(&held, SIGTERM);
    sigprocmask(SIG_BLOCK, &held, NULL);
    signal(SIGINT, SIG_IGN);
    process *p = sh("kill -INT $$; exit 3", NULL, true);
    CU_ASSERT(process_wait(p, 10000));
    CU_ASSERT_EQUAL(process_status(p), 128 + SIGINT);
    process_destroy(p);
    p = sh("kill -TERM $$; exit 3", NULL, true);
    CU_ASSERT(process_wait(p, 10000));
    CU_ASSERT_EQUAL(process_status(p), 128 + SIGTERM);
    process_destroy(p);
    signal(SIGINT, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &held, NULL);
}

static void test_group(void)
{
    process *p = sh("sleep 30 & wait", NULL, true);

    CU_ASSERT_EQUAL(getpgid(process_pid(p)), process_pid(p));
    process_signal(p, SIGTERM); /* reaches the sleep too: its pipe closes */
    CU_ASSERT(process_wait(p, 10000));
    CU_ASSERT_EQUAL(process_status(p), 128 + SIGTERM);
    process_destroy(p);
    p = sh("exit 0", NULL, false);
    CU_ASSERT_NOT_EQUAL(getpgid(process_pid(p)), process_pid(p));
    process_destroy(p);
}

static void test_destroy_ends(void)
{
    process *p = sh("sleep 30", NULL, true);
    pid_t pid = process_pid(p);
    int64_t before = clock_mono_ns();

    process_destroy(p);
    CU_ASSERT(clock_mono_ns() - before < INT64_C(4000000000));
    CU_ASSERT_EQUAL(kill(pid, 0), -1);
}

/* A folder to start in, stderr through a pipe, a session of its own. */
static void test_start(void)
{
    const char *argv[] = {"sh", "-c", "pwd; echo problem >&2", NULL};
    process_spec spec = {
        .argv = argv, .folder = folder, .err_pipe = true, .new_session = true};
    char err[64] = "";
    pe_error e = {0};

    process *p = process_start(&spec, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL(getsid(process_pid(p)), process_pid(p));
    UNIT_CONTAINS(output(p), folder);
    CU_ASSERT_EQUAL(read(process_err_fd(p), err, sizeof(err) - 1), 8);
    UNIT_EQUAL(err, "problem\n");
    process_destroy(p);
    spec.folder = "/no/where";
    CU_ASSERT_PTR_NULL(process_start(&spec, &e));
    UNIT_EQUAL(e.text, "cannot start in /no/where: No such file or directory");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(process_err_fd(NULL), -1);
}

static void test_release(void)
{
    process *p = sh("sleep 30", NULL, true);
    pid_t pid = process_pid(p);

    process_release(p);
    process_release(NULL);
    CU_ASSERT_EQUAL(kill(pid, 0), 0);
    kill(-pid, SIGKILL);
    CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
}

static void test_run(void)
{
    static const struct {
        const char *script;
        double timeout_s;
        const char *error; /* NULL: none */
        int status;
        const char *out, *err;
    } rows[] = {
        {"echo a; echo b >&2; exit 4", 10, NULL, 4, "a\n", "b\n"},
        {"exec >&- 2>&-; sleep 0.1; exit 5", 10, NULL, 5, "", ""},
        {"sleep 1 & echo a", 10, NULL, 0, "a\n", ""},
        {"sleep 300", 0.2, "no answer within 0.2 s: the command was stopped", 0,
         "", ""},
        {"exec >&- 2>&-; sleep 300", 0.2,
         "no answer within 0.2 s: the command was stopped", 0, "", ""},
        {"while :; do echo yes; done", 10, "sh says more than 1000 bytes", 0,
         "", ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *argv[] = {"sh", "-c", rows[i].script, NULL};
        const process_spec spec = {.argv = argv};
        const process_limits limits = {rows[i].timeout_s, 1000};
        process_answer a = {0};
        pe_error e = {0};
        int rc = process_run(&spec, &limits, &a, &e);
        CU_ASSERT_EQUAL(rc, rows[i].error ? -1 : 0);
        UNIT_EQUAL(e.text, rows[i].error ? rows[i].error : "");
        if (rc == 0) {
            CU_ASSERT_EQUAL(a.status, rows[i].status);
            UNIT_EQUAL(a.out.data ? a.out.data : "", rows[i].out);
            UNIT_EQUAL(a.err.data ? a.err.data : "", rows[i].err);
        } else {
            CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
        }
        process_answer_free(&a);
    }
}

static void test_cpu(void)
{
    process *p =
        sh("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done", NULL, false);

    CU_ASSERT_EQUAL(process_cpu_s(p), 0);
    CU_ASSERT(process_wait(p, 60000));
    CU_ASSERT(process_cpu_s(p) > 0.01);
    process_destroy(p);
}

/* Somebody wants the end at once: the command is stopped. */
static void test_run_interrupted(void)
{
    static const char *const argv[] = {"sleep", "600", NULL};
    const process_spec spec = {.argv = argv};
    const process_limits limits = {.max = 1000};
    process_answer a = {0};
    pe_error e = {0};

    interrupt_set(INTERRUPT_NOW);
    CU_ASSERT_EQUAL(process_run(&spec, &limits, &a, &e), -1);
    interrupt_set(INTERRUPT_NONE);
    UNIT_EQUAL(e.text, "interrupted");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_AGAIN);
    process_answer_free(&a);
}

/* Only what carries the whole mark is killed. */
static void test_kill_marked(void)
{
    const char *ours[] = {"TEST_MARK=/a/b", NULL};
    const char *other[] = {"TEST_MARK=/a/bc", NULL};
    process *p = sh("exec sleep 30", ours, true);
    process *q = sh("exec sleep 30", other, true);

    CU_ASSERT_EQUAL(process_kill_marked("TEST_MARK=/a/x"), 0);
    CU_ASSERT_EQUAL(process_kill_marked("TEST_MARK=/a/b"), 1);
    CU_ASSERT(process_wait(p, 10000));
    CU_ASSERT_EQUAL(process_status(p), 128 + SIGKILL);
    CU_ASSERT_FALSE(process_ended(q));
    process_destroy(q);
    process_destroy(p);
}

/* Who has closed its output ends at once, or goes on without a word. */
static void test_leaves(void)
{
    process *p = sh("exec sleep 30 >&-", NULL, true);

    CU_ASSERT_FALSE(process_leaves(p));
    process_signal(p, SIGKILL);
    CU_ASSERT(process_wait(p, 10000));
    CU_ASSERT(process_leaves(p));
    CU_ASSERT_EQUAL(process_status(p), 128 + SIGKILL);
    process_destroy(p);
    CU_ASSERT(process_leaves(NULL));
}

/* Nothing is on its standard input, or what is on ours. */
static void test_input(void)
{
    const char *argv[] = {"cat", NULL};
    int ends[2], kept = dup(STDIN_FILENO);

    for (int ours = 0; ours < 2; ours++) {
        const process_spec spec = {.argv = argv, .in_ours = ours};
        process *p;

        CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
        CU_ASSERT_EQUAL(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
        CU_ASSERT_EQUAL(write(ends[1], "rows\n", 5), 5);
        close(ends[0]);
        close(ends[1]);
        p = process_start(&spec, NULL);
        CU_ASSERT_EQUAL(dup2(kept, STDIN_FILENO), STDIN_FILENO);
        UNIT_EQUAL(output(p), ours ? "rows\n" : "");
        process_destroy(p);
    }
    close(kept);
}

/* All of them, and what they start while they are looked for; those that are
 * dying are waited for.
 */
static void test_end_marked(void)
{
    static const char tree[] = "for i in 1 2 3 4 5; do\n"
                               "    setsid sh -c 'while :; do setsid sleep 0.05"
                               " & sleep 0.01; done' &\n"
                               "done\n"
                               "wait\n";
    const char *ours[] = {"TEST_MARK=/a/tree", NULL};
    const char *other[] = {"TEST_MARK=/a/treetop", NULL};
    process *p = sh(tree, ours, true), *q = sh("exec sleep 30", other, true);

    clock_sleep_ns(200 * CLOCK_MS, 1);
    CU_ASSERT_EQUAL(process_end_marked("TEST_MARK=/a/tree", 20000), 0);
    CU_ASSERT_EQUAL(process_kill_marked("TEST_MARK=/a/tree"), 0);
    CU_ASSERT(process_wait(p, 10000));
    CU_ASSERT_EQUAL(process_status(p), 128 + SIGKILL);
    CU_ASSERT_FALSE(process_ended(q));
    CU_ASSERT_EQUAL(process_end_marked(NULL, 20000), 0);
    process_destroy(q);
    process_destroy(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"NULL and empty arguments", test_null},
        {"a missing program is named with its package", test_missing},
        {"a file that cannot be run", test_not_executable},
        {"exit status, or 128 + signal", test_status},
        {"stdout comes through the pipe, stdin is empty", test_pipe},
        {"standard input of ours", test_input},
        {"standard input through a pipe", test_pipe_in},
        {"the end of a group", test_end_group},
        {"who has closed its output", test_leaves},
        {"the pipe never blocks", test_pipe_does_not_block},
        {"variables are added and replaced", test_environment},
        {"what is no rank does not hear of one", test_no_rank},
        {"stdout and stderr into files", test_files},
        {"a file that cannot be made", test_file_missing},
        {"signals are as in a new process", test_signals_restored},
        {"a process group of its own, or ours", test_group},
        {"destroy ends what runs", test_destroy_ends},
        {"folder, stderr and session", test_start},
        {"a child that is released lives on", test_release},
        {"a child from start to end", test_run},
        {"CPU seconds", test_cpu},
        {"a command that is interrupted", test_run_interrupted},
        {"processes with a mark are killed, others not", test_kill_marked},
        {"and nothing is left of them", test_end_marked},
        {NULL, NULL},
    };

    if (!mkdtemp(folder))
        return 99;
    int status = unit_main("process", tests);
    file_remove_tree(folder, NULL);
    return status;
}
