/* test_script_run.c - job scripts under a shell, outside of any scheduler. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "script_say.h"
#include "scratch.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/backend/backends.h"
#include "src/common/process.h"
#include "src/resource/script.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define STEP_NS 2000000

static const struct say nothing[] = {{0, NULL}};

static const char *const folders[] = {"plain",
                                      "with blanks",
                                      "it's \"quoted\"",
                                      "$(touch pwned) `touch pwned`",
                                      "-n",
                                      "a;b&c|d",
                                      "gr\xc3\xb6-\xc3\x9f",
                                      "percent%j%s",
                                      "back\\slash",
                                      "star*[x]?"};

static const resource_ops *const plain_ops[] = {&slurm_ops, &pbs_ops,
                                                &local_ops};

static char *supervisor; /* path of the fake one */

static char *in(const char *folder, const char *name)
{
    return text_format("%s/%s/%s", scratch_folder, folder, name);
}

static char *read_in(const char *folder, const char *name)
{
    char *path = in(folder, name);
    char *data = file_read(path, 65536, NULL, NULL);

    free(path);
    return data ? data : text_format("%s", "");
}

static int lines_count(const char *folder, const char *name)
{
    char *data = read_in(folder, name);
    int n = 0;

    for (const char *c = data; *c; c++)
        n += *c == '\n';
    free(data);
    return n;
}

/* Write the script of pilot FOLDER, which starts in FOLDER/start. */
static void script_write(const resource_ops *ops, const char *folder,
                         const struct say *say)
{
    char *dir = text_format("%s/%s", scratch_folder, folder);
    char *start = in(folder, "start here"), *path = in(folder, "job.sh");
    resource_request q = {0};
    const resource_spec s = {.pilot = "r/p",
                             .kind = "pool",
                             .dir = dir,
                             .supervisor = supervisor,
                             .submit_dir = start,
                             .request = &q};
    pe_error e = {0};

    file_remove_tree(dir, NULL);
    CU_ASSERT_EQUAL_FATAL(file_mkdir(start, &e), 0);
    say_all(&q, say);
    char *script = ops->script(&s, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(script);
    CU_ASSERT_EQUAL(file_write(path, script, strlen(script), 0600, NULL), 0);
    free(script);
    free(dir);
    free(start);
    free(path);
    request_free(&q);
}

static process *script_start(const char *folder, const char *const *env)
{
    char *path = in(folder, "job.sh");
    const char *argv[] = {"bash", path, NULL};
    const process_spec spec = {.argv = argv, .env = env, .new_group = true};
    pe_error e = {0};
    process *p = process_start(&spec, &e);

    UNIT_EQUAL(e.text, "");
    free(path);
    return p;
}

/* Wait until file [name] has [n] lines; false after 20 s. */
static bool lines_await(const char *folder, const char *name, int n)
{
    for (int i = 0; i < 10000; i++) {
        if (lines_count(folder, name) >= n)
            return true;
        clock_sleep_ns(STEP_NS, 1);
    }
    return false;
}

static void test_run_folders(void)
{
    static const struct say say[] = {{REQUEST_CPUS_PER_TASK, "3"},
                                     {REQUEST_SETUP, "echo \"setup $UNSET\""},
                                     {0, NULL}};
    static const char *const env[] = {"FAKE_STATUS=7", "NCPUS=64",
                                      "OMP_NUM_THREADS=64", NULL};

    for (size_t i = 0; i < COUNT(folders); i++)
        for (size_t k = 0; k < COUNT(plain_ops); k++) {
            script_write(plain_ops[k], folders[i], say);
            process *p = script_start(folders[i], env);
            CU_ASSERT_FATAL(p != NULL && process_wait(p, 20000));
            CU_ASSERT_EQUAL(process_status(p), 7);
            process_destroy(p);
            char *out = read_in(folders[i], "out");
            char *err = read_in(folders[i], "err");
            char *facts = read_in(folders[i], "facts");
            char *want = text_format("cwd=%s/%s/start here\nPILOT_DIR=%s/%s\n"
                                     "OMP_NUM_THREADS=3\nNCPUS=3\n",
                                     scratch_folder, folders[i], scratch_folder,
                                     folders[i]);
            UNIT_EQUAL(out, "setup \nout of the pilot\n");
            UNIT_EQUAL(err, "err of the pilot\n");
            UNIT_EQUAL(facts, want);
            free(out);
            free(err);
            free(facts);
            free(want);
        }
    char *pwned = text_format("%s/pwned", scratch_folder);
    CU_ASSERT_EQUAL(access(pwned, F_OK), -1);
    free(pwned);
}

static void test_run_signals(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGXCPU};
    static const char *const env[] = {"FAKE_STATUS=5", "FAKE_SIGNALS=5", NULL};

    for (size_t k = 0; k < COUNT(plain_ops); k++) {
        script_write(plain_ops[k], "signals", nothing);
        process *p = script_start("signals", env);
        CU_ASSERT_FATAL(lines_await("signals", "facts", 4));
        for (size_t i = 0; i < COUNT(signals); i++) {
            CU_ASSERT_FALSE(process_ended(p));
            kill(process_pid(p), signals[i]);
            CU_ASSERT(lines_await("signals", "signals", (int)i + 1));
        }
        CU_ASSERT(process_wait(p, 20000));
        CU_ASSERT_EQUAL(process_status(p), 5);
        process_destroy(p);
        char *got = read_in("signals", "signals");
        UNIT_EQUAL(got, "TERM\nINT\nUSR1\nUSR2\nXCPU\n");
        free(got);
    }
}

/* Signals that come before the pilot can hear them are told to it. */
static void test_run_early(void)
{
    static const struct say slow[] = {
        {REQUEST_SETUP, "kill -s USR1 $$; kill -s TERM $$"}, {0, NULL}};
    static const struct {
        const struct say *say;
        const char *env[4];
        const char *signals; /* in any order */
    } rows[] = {
        {slow, {"FAKE_SIGNALS=2", NULL}, "USR1\nTERM\n"},
        {nothing, {"FAKE_SIGNALS=1", "FAKE_DEAF=1", NULL}, "USR1\n"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t k = 0; k < COUNT(plain_ops); k++) {
            script_write(plain_ops[k], "early", rows[i].say);
            process *p = script_start("early", rows[i].env);
            CU_ASSERT_FATAL(process_wait(p, 20000));
            CU_ASSERT_EQUAL(process_status(p), 0);
            process_destroy(p);
            char *got = read_in("early", "signals");
            CU_ASSERT_EQUAL(strlen(got), strlen(rows[i].signals));
            CU_ASSERT_PTR_NOT_NULL(strstr(got, "USR1\n"));
            CU_ASSERT(!i == (strstr(got, "TERM\n") != NULL));
            free(got);
        }
}

/* One that comes between the start of the pilot and the first wait for it, at
 * whichever command: the pilot hears it, now or when it is started again.
 */
static void test_run_between(void)
{
    static const char *const commands[] = {"told=",     "born=",  "for\\ _",
                                           "pilot=\\$", "woken=", "wait"};
    static const char *const env[] = {"FAKE_SIGNALS=1", NULL};

    for (size_t i = 0; i < COUNT(commands); i++)
        for (int k = 0; k < 4; k++) {
            char *line = text_format("set -T; trap 'case ${hit-}$BASH_COMMAND "
                                     "in %s*) hit=y; kill -s USR1 $$ ;; esac' "
                                     "DEBUG",
                                     commands[i]);
            const struct say at[] = {{REQUEST_SETUP, line}, {0, NULL}};
            script_write(&local_ops, "between", at);
            process *p = script_start("between", env);
            CU_ASSERT(process_wait(p, 20000));
            if (!process_ended(p))
                process_signal(p, SIGKILL);
            char *got = read_in("between", "signals");
            UNIT_EQUAL(got, "USR1\n");
            CU_ASSERT_EQUAL(process_status(p), 0);
            process_destroy(p);
            free(got);
            free(line);
        }
}

/* The pilot ends at the signal that wakes the shell up: its status is kept. */
static void test_run_status(void)
{
    static const char *const env[] = {"FAKE_STATUS=3", "FAKE_SIGNALS=1", NULL};

    script_write(&slurm_ops, "status", nothing);
    for (int i = 0; i < 30; i++) {
        char *facts = in("status", "facts");
        unlink(facts);
        free(facts);
        process *p = script_start("status", env);
        CU_ASSERT_FATAL(lines_await("status", "facts", 4));
        kill(process_pid(p), SIGTERM);
        CU_ASSERT(process_wait(p, 20000));
        CU_ASSERT_EQUAL(process_status(p), 3);
        process_destroy(p);
    }
    CU_ASSERT_EQUAL(lines_count("status", "out"), 30); /* appended */
}

static void test_run_broken(void)
{
    static const struct say away[] = {{REQUEST_CHDIR, "/nowhere/at/all"},
                                      {0, NULL}};
    char *dir = text_format("%s/broken", scratch_folder);
    process *p;

    script_write(&local_ops, "broken", away);
    p = script_start("broken", NULL);
    CU_ASSERT(process_wait(p, 20000));
    CU_ASSERT_EQUAL(process_status(p), 73);
    process_destroy(p);
    char *err = read_in("broken", "err");
    UNIT_CONTAINS(err, "/nowhere/at/all");
    free(err);

    script_write(&local_ops, "broken", nothing);
    char *script = in("broken", "job.sh"), *copy = in(".", "copy.sh");
    rename(script, copy);
    file_remove_tree(dir, NULL); /* its folder is gone */
    const char *argv[] = {"bash", copy, NULL};
    char *to = in(".", "shell.err");
    const process_spec spec = {.argv = argv, .err_path = to};
    p = process_start(&spec, NULL);
    CU_ASSERT(process_wait(p, 20000));
    CU_ASSERT_EQUAL(process_status(p), 73);
    process_destroy(p);
    free(script);
    free(copy);
    free(to);
    free(dir);
}

/* The id in DIR/job.id is that of the shell. */
static void test_run_id(void)
{
    static const char *const env[] = {"FAKE_SIGNALS=1", NULL};

    script_write(&local_ops, "id", nothing);
    process *p = script_start("id", env);
    CU_ASSERT_FATAL(lines_await("id", "facts", 4));
    char *id = read_in("id", "job.id");
    char *want = text_format("%ld.", (long)process_pid(p));
    CU_ASSERT_EQUAL(strncmp(id, want, strlen(want)), 0);
    CU_ASSERT(strlen(id) > strlen(want) + 1);
    kill(process_pid(p), SIGTERM);
    CU_ASSERT(process_wait(p, 20000));
    process_destroy(p);
    free(id);
    free(want);
}

static void test_open_mode(void)
{
    static const struct say say[] = {{REQUEST_OPEN_MODE, "truncate"},
                                     {0, NULL}};

    script_write(&slurm_ops, "mode", say);
    for (int i = 0; i < 2; i++) {
        process *p = script_start("mode", NULL);
        CU_ASSERT(process_wait(p, 20000));
        CU_ASSERT_EQUAL(process_status(p), 0);
        process_destroy(p);
    }
    CU_ASSERT_EQUAL(lines_count("mode", "out"), 1);
}

int main(void)
{
    static const unit_test tests[] = {
        {"runs by hand, in odd folders", test_run_folders},
        {"signals reach the pilot", test_run_signals},
        {"signals before the pilot can hear", test_run_early},
        {"a signal between start and wait", test_run_between},
        {"the pilot's status is kept", test_run_status},
        {"folders that are not there", test_run_broken},
        {"the id of a process", test_run_id},
        {"output anew", test_open_mode},
        {NULL, NULL},
    };
    const char *build = getenv("top_builddir");
    char *path =
        text_format("%s/tests/unit/fake_supervisor", build ? build : ".");

    supervisor = realpath(path, NULL);
    free(path);
    if (!supervisor)
        return 99;
    scratch_make();
    int status = unit_main("script: runs", tests);
    scratch_remove();
    free(supervisor);
    return status;
}
