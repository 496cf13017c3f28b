/* run_bench.c - `pilot run` with services and agents that are scripts. */
#include "run_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"

#define TEXT_MAX (1 << 20)

char run_folder[] = "/tmp/test-run-XXXXXX";

const char run_stream_yaml[] =
    "version: 1\n"
    "pipeline: stream\n"
    "pilots:\n"
    "  devices: {kind: edge, devices: 2}\n"
    "  pool: {kind: pool, ntasks: 2}\n"
    "stages:\n"
    "  sense: {pilot: devices, function: generator,\n"
    "          options: {features: 4, blocks: 8}}\n"
    "  learn: {pilot: pool, function: kmeans}\n";

static const char smoke_yaml[] =
    "version: 1\n"
    "pipeline: smoke\n"
    "pilots: {pool: {kind: pool, ntasks: 2}}\n"
    "stages:\n"
    "  sense: {pilot: pool, function: generator,\n"
    "          options: {features: 4, blocks: 8}}\n"
    "  learn: {pilot: pool, function: kmeans}\n"
    "results: off\n";

const char *run_path(const char *name)
{
    static char paths[32][128];
    char path[128];
    int i = 0;

    snprintf(path, sizeof(path), "%s/%s", run_folder, name);
    while (i < 31 && *paths[i] && strcmp(paths[i], path))
        i++;
    return memcpy(paths[i], path, sizeof(path));
}

const char *run_content(const char *name)
{
    static char *kept;

    free(kept);
    kept = file_read(run_path(name), TEXT_MAX, NULL, NULL);
    return kept ? kept : "";
}

void run_set(const char *pool, const char *edge)
{
    static const char *const names[] = {"home", "log", "log.mpirun", NULL};

    for (const char *const *name = names; *name; name++)
        file_remove_tree(run_path(*name), NULL);
    setenv("FAKE_POOL", pool, 1);
    setenv("FAKE_EDGE", edge, 1);
    setenv("PILOT_BROKER", "host:9092", 1);
    setenv("PILOT_PARAMS", "redis://host:6379", 1);
    unsetenv("FAKE_FAILS");
    unsetenv("FAKE_SERVICES");
    unsetenv("FAKE_SCORE");
    unsetenv("FAKE_COMMIT");
}

process *run_start(const char *const *args)
{
    const char *argv[16] = {"tests/unit/pilot_fake"};
    const process_spec spec = {.argv = argv,
                               .out_path = run_path("out"),
                               .err_path = run_path("err"),
                               .new_group = true};
    pe_error e = {0};

    for (int i = 0; args[i] && i < 14; i++)
        argv[i + 1] = args[i];
    unlink(spec.out_path);
    unlink(spec.err_path);
    process *p = process_start(&spec, &e);
    UNIT_EQUAL(e.text, "");
    return p;
}

int run_end(process *p)
{
    CU_ASSERT(process_wait(p, 30000));
    int status = process_status(p);
    process_destroy(p);
    return status;
}

int run_pilot(const char *const *args)
{
    return run_end(run_start(args));
}

void run_await_for(int seconds, const char *name, const char *part)
{
    int64_t until = clock_mono_ns() + seconds * INT64_C(1000000000);

    while (!strstr(run_content(name), part) && clock_mono_ns() < until)
        clock_sleep_ns(10000000, 1);
    UNIT_CONTAINS(run_content(name), part);
}

void run_await(const char *name, const char *part)
{
    run_await_for(10, name, part);
}

static int agents_link(void)
{
    static const char *const names[][2] = {
        {"agent", "pilot-agent"},
        {"agent", "pilot-edge"},
        {"pilot-services", "pilot-services"},
        {"mpirun", "mpirun"},
        {"pilot-score", "pilot-score"},
    };
    const char *source = getenv("top_srcdir") ? getenv("top_srcdir") : ".";
    char *root = realpath(source, NULL);
    int status = root ? file_mkdir(run_path("libexec"), NULL) : -1;

    for (size_t i = 0; status == 0 && i < sizeof(names) / sizeof(names[0]);
         i++) {
        char from[4096], to[256];
        snprintf(from, sizeof(from), "%s/tests/unit/fakes/%s", root,
                 names[i][0]);
        snprintf(to, sizeof(to), "%s/libexec/%s", run_folder, names[i][1]);
        status = symlink(from, to);
    }
    free(root);
    root = realpath("tests/unit/supervisor_fake", NULL);
    if (!root || symlink(root, run_path("libexec/pilot-supervisor")) < 0)
        status = -1;
    free(root);
    return status;
}

static int files_make(void)
{
    char *path = text_format("%s/libexec:%s", run_folder, getenv("PATH"));

    setenv("PATH", path, 1);
    free(path);
    setenv("PILOT_LIBEXEC", run_path("libexec"), 1);
    setenv("PILOT_HOME", run_path("home"), 1);
    setenv("FAKE_LOG", run_path("log"), 1);
    unsetenv("PILOT_PASSWORD_FILE");
    if (agents_link() < 0)
        return -1;
    return file_write(run_path("smoke.yaml"), smoke_yaml, strlen(smoke_yaml),
                      0600, NULL) +
           file_write(run_path("stream.yaml"), run_stream_yaml,
                      strlen(run_stream_yaml), 0600, NULL);
}

int run_main(const char *suite, const unit_test *tests)
{
    if (!mkdtemp(run_folder) || files_make() < 0)
        return 99;
    int status = unit_main(suite, tests);
    file_remove_tree(run_folder, NULL);
    return status;
}
