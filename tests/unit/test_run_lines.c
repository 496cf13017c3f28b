/* test_run_lines.c - command lines of `pilot`, and what `run` makes of one. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "run_bench.h"

static const struct {
    const char *args[8];
    int status;
    const char *out, *err;
} lines[] = {
    {{NULL}, 64, "", "Usage: pilot COMMAND "},
    {{"--help"}, 0, "Usage: pilot COMMAND ", ""},
    {{"-h"}, 0, "  run        run a pipeline", ""},
    {{"--version"}, 0, "pilot ", ""},
    {{"-V"}, 0, "libjansson ", ""},
    {{"rum"},
     64,
     "",
     "unknown command 'rum'; did you mean 'pilot run'?; see 'pilot "
     "--help'\n"},
    {{"xyz"}, 64, "", "unknown command 'xyz'; see 'pilot --help'\n"},
    {{"ls"}, 64, "", "did you mean 'pilot status'?"},
    {{"a.yaml"}, 64, "", "'a.yaml' is no command; did you mean 'pilot run "},
    {{"help"}, 0, "Usage: pilot COMMAND ", ""},
    {{"help", "run"}, 0, "Usage: pilot run [OPTION]... FILE\n", ""},
    {{"help", "rum"}, 64, "", "unknown command 'rum'; did you mean 'pilot run"},
    {{"run", "--help"}, 0, "Usage: pilot run [OPTION]... FILE\n", ""},
    {{"run", "-h"}, 0, "--set PATH=VALUE", ""},
    {{"run"}, 64, "", "a FILE is missing; see 'pilot run --help'\n"},
    {{"run", "a", "b"}, 64, "", "too many operands"},
    {{"run", "--until", "noon", "a"},
     64,
     "",
     "option --until: 'noon' is not "
     "eof; "},
    {{"run", "--run", "../x", "@smoke"}, 64, "", "'../x' is no name of a run"},
    {{"run", "--resume", "t", "a"},
     64,
     "",
     "--resume goes on with a run as "
     "it is"},
    {{"run", "--resume", "t", "--dry-run"}, 64, "", "--resume goes on"},
    {{"run", "--resume", "../x"}, 64, "", "'../x' is no name of a run"},
    {{"run", "--summary", "/nowhere/s", "@smoke"},
     73,
     "",
     "cannot write /nowhere/s: No such file or directory\n"},
    {{"run", "--summary", "/", "@smoke"},
     73,
     "",
     "cannot write /: it is a folder; name a file in it\n"},
    {{"run", "/nowhere/file"}, 78, "", "/nowhere/file"},
    {{"run", "--dry-run", "@stream"}, 0, "RUN", ""},
    {{"run", "--dry-run", "@stream", "--set", "pilots.pool.ntasks=100000"},
     78,
     "",
     "pilot 'pool': ntasks: 100000 ranks take 781 GiB or more, and this host "
     "has "},
    {{"run", "--dry-run", "@stream", "--set", "pilots.pool.chain=2"},
     78,
     "",
     "pilot 'pool': chain: a successor comes when the time of the one before "
     "is over, and on local:// it has no end: say time (--time 2h), or leave "
     "chain out\n"},
    {{"run", "--dry-run", "@stream", "--set", "pilots.pool.chain=2", "--set",
      "pilots.pool.time=2h"},
     0,
     "RUN",
     ""},
    {{"run", "--dry-run", "@smoke", "--set", "stages.learn.function=kmeens"},
     78,
     "",
     "did you mean 'kmeans'?"},
    {{"config", "--help"}, 0, "Usage: pilot config check", ""},
    {{"config"}, 64, "", "is missing"},
    {{"config", "check"}, 64, "", "is missing"},
    {{"config", "check", "@smoke", "@stream"}, 0, "stream.yaml: ok\n", ""},
    {{"config", "check", "@smoke", "/nowhere/file"},
     78,
     "smoke.yaml: ok\n",
     "/nowhere/file"},
    {{"config", "show", "@smoke"}, 0, "generator", ""},
    {{"config", "show", "@smoke", "@smoke"},
     64,
     "",
     "pilot config show takes one FILE, not 2"},
    {{"config", "chek", "@smoke"},
     64,
     "",
     "'chek' is not a command of pilot config: 'pilot config check FILE...'"},
    {{"config", "@smoke"}, 64, "", "smoke.yaml' is not a command of pilot"},
    {{"config", "show", "--set", "x.y=1", "@smoke"}, 78, "", "x"},
};

static void test_lines(void)
{
    run_set("ok", "ok");
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *args[10] = {NULL};
        for (int k = 0; k < 8 && lines[i].args[k]; k++) {
            const char *a = lines[i].args[k];
            args[k] = !strcmp(a, "@smoke")    ? run_path("smoke.yaml")
                      : !strcmp(a, "@stream") ? run_path("stream.yaml")
                                              : a;
        }
        int status = run_pilot(args);
        if (status != lines[i].status)
            printf("# line %zu: status %d\n", i, status);
        CU_ASSERT_EQUAL(status, lines[i].status);
        UNIT_CONTAINS(run_content("out"), lines[i].out);
        UNIT_CONTAINS(run_content("err"), lines[i].err);
        CU_ASSERT_EQUAL(!*lines[i].out, !*run_content("out"));
        CU_ASSERT_EQUAL(!*lines[i].err, !*run_content("err"));
    }
    CU_ASSERT_EQUAL(access(run_path("home"), F_OK), -1);
}

static void test_quiet(void)
{
    run_set("killed ok", "ok");
    CU_ASSERT_EQUAL(PILOT("run", "-Q", run_path("stream.yaml")), 0);
    UNIT_EQUAL(run_content("err"), "");
    UNIT_CONTAINS(run_content("out"), "run       stream-20");
}

/* Files an agent is to find are named from the root. */
static void test_paths(void)
{
    char want[300];

    run_set("ok", "ok");
    CU_ASSERT_EQUAL(PILOT("run", "--run", "t", "--until", "eof", "--set",
                          "stages.sense.function=file", "--set",
                          "stages.sense.options={path: data.npy}",
                          run_path("stream.yaml")),
                    0);
    snprintf(want, sizeof(want), "stages.sense.options.path=%s/data.npy",
             run_folder);
    UNIT_CONTAINS(run_content("home/t/request.json"), want);
    UNIT_CONTAINS(run_content("home/t/request.json"), "\"until=eof\"");
}

int main(void)
{
    static const unit_test tests[] = {
        {"command lines", test_lines},
        {"quiet", test_quiet},
        {"relative paths", test_paths},
        {NULL, NULL},
    };

    return run_main("run: lines", tests);
}
