/* supervisor_bench.c - one supervisor, whose agents are lines of shell. */
#include "supervisor_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"

#define FILE_MAX (1 << 20)
#define PROGRAM "tests/unit/supervisor_fake"

static const char yaml[] = "version: 1\n"
                           "pipeline: p\n"
                           "pilots:\n"
                           "  pool: {kind: pool, ntasks: 2}\n"
                           "  devices: {kind: edge, devices: 2}\n"
                           "  bus: {kind: broker}\n"
                           "  store: {kind: params}\n"
                           "stages:\n"
                           "  sense: {pilot: devices, function: generator}\n"
                           "  learn: {pilot: pool, function: kmeans}\n";

/* The same in an allocation. */
static const char shared_yaml[] =
    "version: 1\n"
    "pipeline: p\n"
    "pilots:\n"
    "  share: {kind: allocation, ntasks: 3}\n"
    "  shared-bus: {kind: broker, within: share}\n"
    "  store: {kind: params}\n"
    "  shared-pool: {kind: pool, within: share, ntasks: 2}\n"
    "  devices: {kind: edge, devices: 2}\n"
    "stages:\n"
    "  sense: {pilot: devices, function: generator}\n"
    "  learn: {pilot: shared-pool, function: kmeans}\n";

static const char prelude[] =
    "#!/bin/sh\n"
    "mark='' dir='' args='' before='' got=''\n"
    "for word; do\n"
    "    case $before in\n"
    "    --events) mark=$word ;;\n"
    "    --dir) dir=$word args=\"$args DIR\" ;;\n"
    "    *) args=\"$args $word\" ;;\n"
    "    esac\n"
    "    before=$word\n"
    "done\n"
    "dir=${dir:-$1}\n"
    "case $dir in\n"
    "/*)\n"
    "    mkdir -p \"$dir\"\n"
    "    echo \"${0##*/}$args\" >>\"$dir/args\"\n"
    "    start=$(($(cat \"$dir/starts\" 2>/dev/null || echo 0) + 1))\n"
    "    echo $start >\"$dir/starts\" ;;\n"
    "esac\n"
    "tell() { printf '\\036%s %s\\n' \"$mark\" \"$*\"; }\n";

/* SCRATCH/NAME in new memory. */
static char *at(const char *name)
{
    return text_format("%s/%s", scratch_folder, name);
}

void bench_begin(void)
{
    static const char *const variables[] = {"FAKE_FAILS", "FAKE_CONTROL",
                                            "FAKE_ORDER", "FAKE_BEATS",
                                            "SLURM_JOB_ID"};
    static const char *const names[] = {"home", "log", "log.mpirun"};

    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *path = at(names[i]);
        file_remove_tree(path, NULL);
        free(path);
    }
    bench_put("p.yaml", yaml);
    bench_put("shared.yaml", shared_yaml);
}

void bench_program(const char *name, const char *lines)
{
    char *file = text_format("libexec/%s", name), *path = at(file);
    char *script = text_format("%s%s", prelude, lines);

    unlink(path);
    CU_ASSERT_EQUAL_FATAL(file_write(path, script, strlen(script), 0700, NULL),
                          0);
    free(script);
    free(path);
    free(file);
}

void bench_request(const char *name, const char *kind, const char *members,
                   const char *supervise)
{
    bool shared = !strncmp(name, "share", 5);
    char *file = text_format("%s/request.json", name);
    char *json = text_format(
        "{\"schema\": 1, \"run\": \"r\", \"file\": \"%s/home/r/%s.yaml\", "
        "\"pilot\": \"%s\", \"member\": \"%s\", \"place\": 0%s, "
        "\"supervise\": {\"id\": \"r/%s\", \"kind\": \"%s\", \"ranks\": 2, "
        "\"cpus_per_task\": 1, \"home\": \"%s/home\"%s}}",
        scratch_folder, shared ? "shared" : "p", name, name, members, name,
        kind, scratch_folder, supervise);

    bench_put(file, json);
    free(json);
    free(file);
}

/* --- files --- */

static char *in_run(const char *name)
{
    return text_format("%s/home/r/%s", scratch_folder, name);
}

void bench_put(const char *name, const char *content)
{
    char *path = in_run(name), *folder = text_format("%s", path);

    *strrchr(folder, '/') = '\0';
    CU_ASSERT_EQUAL_FATAL(file_mkdir(folder, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(
        file_write(path, content, strlen(content), 0600, NULL), 0);
    free(folder);
    free(path);
}

const char *bench_file(const char *name)
{
    static char *kept[4];
    static int turn;
    char *path = in_run(name), **slot = &kept[turn++ % 4];

    free(*slot);
    *slot = file_read(path, FILE_MAX, NULL, NULL);
    free(path);
    return *slot ? *slot : "";
}

void bench_await(const char *name, const char *part)
{
    int64_t until = clock_mono_ns() + 60 * CLOCK_S;

    while (!strstr(bench_file(name), part) && clock_mono_ns() < until)
        clock_sleep_ns(10 * CLOCK_MS, 1);
    UNIT_CONTAINS(bench_file(name), part);
}

const char *bench_log(void)
{
    static char *kept;
    char *path = at("log");

    free(kept);
    kept = file_read(path, FILE_MAX, NULL, NULL);
    free(path);
    return kept ? kept : "";
}

/* --- the program --- */

static process *start(const char *const *argv, const char *folder)
{
    char *out = text_format("%s/out", folder);
    char *err = text_format("%s/err", folder);
    const process_spec spec = {
        .argv = argv, .out_path = out, .err_path = err, .new_group = true};
    pe_error e = {0};
    process *p;

    unlink(out);
    unlink(err);
    p = process_start(&spec, &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    free(err);
    free(out);
    return p;
}

process *bench_start(const char *name, const char *mark)
{
    char *folder = in_run(name);
    const char *argv[] = {PROGRAM, folder, mark ? "--events" : NULL, mark,
                          NULL};
    process *p = start(argv, folder);

    free(folder);
    return p;
}

int bench_end(process *p)
{
    CU_ASSERT(process_wait(p, 60000));
    int status = process_status(p);
    process_destroy(p);
    return status;
}

int bench_run(const char *name)
{
    return bench_end(bench_start(name, NULL));
}

int bench_words(const char *const *words)
{
    const char *argv[8] = {PROGRAM};
    char *folder = in_run("");

    for (int i = 0; words[i] && i < 6; i++)
        argv[i + 1] = words[i];
    file_mkdir(folder, NULL);
    int status = bench_end(start(argv, folder));
    free(folder);
    return status;
}

/* --- set-up --- */

static int programs_make(void)
{
    const char *source = getenv("top_srcdir");
    char *root = realpath(source ? source : ".", NULL);
    char *mpirun = text_format("%s/tests/unit/fakes/mpirun", root);
    char *libexec = at("libexec"), *link = at("libexec/mpirun");
    char *log = at("log");
    char *path = text_format("%s:%s", libexec, getenv("PATH"));
    int status = root && file_mkdir(libexec, NULL) == 0 ? 0 : -1;

    if (status == 0)
        status = symlink(mpirun, link);
    setenv("PATH", path, 1);
    setenv("PILOT_LIBEXEC", libexec, 1);
    setenv("FAKE_LOG", log, 1);
    unsetenv("PILOT_BROKER");
    unsetenv("PILOT_PARAMS");
    unsetenv("PILOT_PASSWORD_FILE");
    free(path);
    free(log);
    free(link);
    free(libexec);
    free(mpirun);
    free(root);
    return status;
}

int bench_main(const char *suite, const unit_test *tests)
{
    scratch_make();
    int status = programs_make() < 0 ? 99 : unit_main(suite, tests);
    scratch_remove();
    return status;
}
