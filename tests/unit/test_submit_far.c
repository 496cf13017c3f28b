/* test_submit_far.c - a pilot on another host: what travels, what comes back,
 * what is left of one that nobody has.
 */
#include "unit.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "src/agent/via.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/registry/observe.h"
#include "src/registry/stage_out.h"
#include "src/registry/submit.h"
#include "ssh_server.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static ssh_server server;
static pipeline *pl;

static const char yaml[] = "version: 1\n"
                           "pipeline: p\n"
                           "pilots:\n"
                           "  share: {kind: allocation, ntasks: 3}\n"
                           "  bus: {kind: broker, within: share}\n"
                           "  tank: {kind: pool, within: share, ntasks: 2}\n"
                           "  pool: {kind: pool, ntasks: 2}\n"
                           "  devices: {kind: edge}\n"
                           "stages:\n"
                           "  sense: {pilot: devices, function: generator}\n"
                           "  learn: {pilot: [tank, pool], function: kmeans}\n";

/* A supervisor that leaves a result, and ends as asked. */
static const char supervisor[] =
    "#!/bin/sh\n"
    "cd \"$1\" || exit\n"
    "echo \"$0\" >ran\n"
    "echo some rows >rows.csv\n"
    "echo a model >model.json\n"
    "printf '{\"schema\": 1, \"state\": \"DONE\", \"time_ns\": %s, "
    "\"status\": 0}' \"$(date +%s%N)\" >.exit\n"
    "mv .exit exit\n";

/* --- files: near/, far/ (homes), libexec/, work/ --- */

static const char *at(const char *name)
{
    static char paths[16][256];
    static int turn;
    char *path = paths[turn++ % 16];

    snprintf(path, sizeof(paths[0]), "%s/%s", server.dir, name);
    return path;
}

static void put(const char *name, const char *content, mode_t mode)
{
    char *folder = text_format("%s", at(name));

    *strrchr(folder, '/') = '\0';
    CU_ASSERT_EQUAL_FATAL(file_mkdir(folder, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(
        file_write(at(name), content, strlen(content), mode, NULL), 0);
    free(folder);
}

static const char *content(const char *name)
{
    static char *kept[4];
    static int turn;
    char **slot = &kept[turn++ % 4];

    free(*slot);
    *slot = file_read(at(name), 1 << 20, NULL, NULL);
    return *slot ? *slot : "";
}

static void await(const char *name)
{
    int64_t until = clock_mono_ns() + 60 * CLOCK_S;

    while (!*content(name) && clock_mono_ns() < until)
        clock_sleep_ns(10 * CLOCK_MS, 1);
    CU_ASSERT(*content(name) != '\0');
}

static bool is_there(const char *name)
{
    return access(at(name), F_OK) == 0;
}

/* The server anew, [more] in the environment of its sessions. */
static int server_start(const char *more)
{
    static char *extra;

    ssh_server_kill(&server);
    free(extra);
    extra = text_format("SetEnv PILOT_HOME=%s%s\n", at("far"), more);
    server.extra = extra;
    return ssh_server_run(&server);
}

static void server_set(const char *more)
{
    CU_ASSERT_EQUAL_FATAL(server_start(more), 0);
}

/* Begin anew: no pilots here and there, and all programs. */
static void begin(void)
{
    static const char *const names[] = {"pilot-supervisor", "pilot-agent",
                                        "pilot-services", "pilot"};
    static const char *const folders[] = {"near", "far", "libexec", "work"};

    for (size_t i = 0; i < N(folders); i++)
        file_remove_tree(at(folders[i]), NULL);
    for (size_t i = 0; i < N(names); i++) {
        char *name = text_format("libexec/%s", names[i]);
        put(name, supervisor, 0755);
        free(name);
    }
    put("work/p.yaml", yaml, 0600);
    put("work/data.csv", "1,2\n", 0600);
    put("work/secret", "hunter2\n", 0600);
    CU_ASSERT_EQUAL(file_mkdir(at("near"), NULL), 0);
}

/* --- submissions --- */

static char *file_kept, *secret_kept;

/* A run with [overrides]. */
static pipeline_request run_of(char **overrides, size_t n)
{
    free(file_kept);
    free(secret_kept);
    file_kept = text_format("%s", at("work/p.yaml"));
    secret_kept = text_format("%s", at("work/secret"));
    return (pipeline_request){.run = (char *)"r",
                              .file = file_kept,
                              .overrides = overrides,
                              .n_overrides = n,
                              .broker = (char *)"h:9092",
                              .params_url = (char *)"redis://h:6379",
                              .password_file = secret_kept};
}

static submit_plan plan_of(const char *pilot, const pipeline_request *run,
                           const resource_request *q)
{
    static char home[256], work[256];

    snprintf(home, sizeof(home), "%s", at("near"));
    snprintf(work, sizeof(work), "%s", at("work"));
    return (submit_plan){.home = home,
                         .pl = pl,
                         .pilot = pipeline_pilot_find(pl, pilot),
                         .run = run,
                         .member = pilot,
                         .url = server.url,
                         .request = q,
                         .submit_dir = work};
}

static void ask(resource_request *q, enum request_word word, const char *value)
{
    pe_error e = {0};

    CU_ASSERT_EQUAL(request_set(q, word, value, true, "line", &e), 0);
    UNIT_EQUAL(e.text, "");
}

static const char *machine(void)
{
    static struct utsname u;

    uname(&u);
    return u.machine;
}

static void test_travels(void)
{
    static const char *const names[] = {"pilot-supervisor", "pilot-agent",
                                        "pilot"};
    pipeline_request run = run_of(NULL, 0);
    resource_request q = {0};
    pilot_record r;
    pe_error e = {0};
    struct stat st;

    begin();
    ask(&q, REQUEST_STAGE_IN, "data.csv");
    ask(&q, REQUEST_STAGE_IN, "data.csv:other.csv");
    submit_plan p = plan_of("pool", &run, &q);
    CU_ASSERT_EQUAL(submit(&p, &r, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT(*r.sched_id != '\0');
    UNIT_CONTAINS(r.dir, "/far/r/pool");
    await("far/r/pool/ran");
    /* Programs, once for a machine of this kind. */
    for (size_t i = 0; i < N(names); i++) {
        char *name = text_format("far/agents/%s/%s", machine(), names[i]);
        UNIT_EQUAL(content(name), supervisor);
        CU_ASSERT_EQUAL(stat(at(name), &st), 0);
        CU_ASSERT_EQUAL(st.st_mode & 0111, 0111);
        free(name);
    }
    UNIT_CONTAINS(content("far/r/pool/ran"), "/far/agents/");
    /* Files. */
    UNIT_EQUAL(content("far/r/pool/pipeline.yaml"), yaml);
    UNIT_EQUAL(content("far/r/pool/in/data.csv"), "1,2\n");
    UNIT_EQUAL(content("far/r/pool/in/other.csv"), "1,2\n");
    UNIT_CONTAINS(content("far/r/pool/request.json"),
                  "\"file\": \"pipeline.yaml\"");
    UNIT_CONTAINS(content("far/r/pool/request.json"),
                  "\"password_file\": \"password\"");
    UNIT_CONTAINS(content("far/r/pool/password"), "hunter2");
    CU_ASSERT_EQUAL(stat(at("far/r/pool/password"), &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    CU_ASSERT_PTR_NULL(strstr(content("far/r/pool/job.sh"), "hunter2"));
    CU_ASSERT_PTR_NULL(strstr(content("far/r/pool/request.json"), "hunter2"));
    /* Here: a record, and what it asked for. */
    CU_ASSERT_EQUAL(pilot_record_read(at("near"), "r/pool", &r, &e), 0);
    UNIT_EQUAL(r.resource, server.url);
    CU_ASSERT_FALSE(r.submitting);
    UNIT_CONTAINS(content("near/r/pool/request.json"), "\"stage-in\"");
    CU_ASSERT_FALSE(is_there("near/r/pool/password"));
    request_free(&q);
}

/* A pilot that goes on: what the one before has said is not its own. */
static void test_renewed(void)
{
    pipeline_request run = run_of(NULL, 0);
    resource_request q = {0};
    pilot_record r;
    pe_error e = {0};

    begin();
    submit_plan p = plan_of("pool", &run, &q);
    CU_ASSERT_EQUAL(submit(&p, &r, &e), 0);
    await("far/r/pool/exit");
    /* A second one of that name is refused, */
    CU_ASSERT_EQUAL(submit(&p, &r, &e), -1);
    UNIT_EQUAL(e.text, "there is a pilot r/pool already");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    /* and one that goes on is not. */
    put("far/r/pool/beat.json", "of before", 0600);
    put("near/r/pool/summary.json", "of before", 0600);
    put("libexec/pilot-supervisor",
        "#!/bin/sh\nls \"$1\" >\"$1/seen\"\nsleep 600\n", 0755);
    p.renew = true;
    CU_ASSERT_EQUAL(submit(&p, &r, &e), 0);
    UNIT_EQUAL(e.text, "there is a pilot r/pool already"); /* no other */
    await("far/r/pool/seen");
    CU_ASSERT_PTR_NULL(strstr(content("far/r/pool/seen"), "beat.json"));
    CU_ASSERT_PTR_NULL(strstr(content("far/r/pool/seen"), "exit"));
    CU_ASSERT_FALSE(is_there("near/r/pool/summary.json"));
    /* While it lives there is none that goes on for it. */
    e = (pe_error){0};
    CU_ASSERT_EQUAL(submit(&p, &r, &e), -1);
    UNIT_CONTAINS(e.text, "r/pool is ");
    UNIT_CONTAINS(e.text, ": 'pilot wait r/pool', or 'pilot cancel r/pool', "
                          "before its run goes on");
    CU_ASSERT_EQUAL(pilot_record_read(at("near"), "r/pool", &r, NULL), 0);
    resource *place = backend_open(server.url, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(place);
    CU_ASSERT_EQUAL(place->ops->cancel(place, r.sched_id, true, NULL), 0);
    resource_close(place);
}

/* Agents for a machine of another kind have to be there. */
static void test_machines(void)
{
    char *more = text_format(" PATH=%s:/usr/bin:/bin", at("bin"));
    pipeline_request run = run_of(NULL, 0);
    resource_request q = {0};
    pilot_record r;
    pe_error e = {0};

    begin();
    put("bin/uname", "#!/bin/sh\necho toaster\n", 0755);
    server_set(more);
    submit_plan p = plan_of("pool", &run, &q);
    CU_ASSERT_EQUAL(submit(&p, &r, &e), -1);
    UNIT_CONTAINS(e.text, "127.0.0.1 is a machine of kind toaster, and there "
                          "is no pilot-supervisor for it: build there, and "
                          "put it into ");
    UNIT_CONTAINS(e.text, "/libexec/toaster");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    CU_ASSERT_FALSE(is_there("near/r/pool"));
    CU_ASSERT_FALSE(is_there("far/r/pool"));
    put("libexec/toaster/pilot-supervisor", supervisor, 0755);
    put("libexec/toaster/pilot-agent", "its own", 0755);
    put("libexec/toaster/pilot", "its own", 0755);
    e = (pe_error){0};
    CU_ASSERT_EQUAL(submit(&p, &r, &e), 0);
    UNIT_EQUAL(e.text, "");
    await("far/r/pool/ran");
    UNIT_CONTAINS(content("far/r/pool/ran"), "/far/agents/toaster/");
    UNIT_EQUAL(content("far/agents/toaster/pilot-agent"), "its own");
    server_set("");
    free(more);
}

/* Nothing is left of one that could not be filled, here and there. */
static void test_forgotten(void)
{
    static const struct {
        enum request_word word;
        const char *value, *error;
    } rows[] = {
        {REQUEST_STAGE_IN, "none.csv",
         "none.csv of this host: it is not "
         "there"},
        {REQUEST_STAGE_IN, "data.csv:a/b",
         "stage-in: 'a/b' is no name of a "
         "file"},
        {REQUEST_NODES, "2",
         "--nodes is 2, and without a scheduler there is "
         "one host"},
    };

    for (size_t i = 0; i < N(rows); i++) {
        pipeline_request run = run_of(NULL, 0);
        resource_request q = {0};
        pilot_record r;
        pe_error e = {0};
        begin();
        ask(&q, rows[i].word, rows[i].value);
        submit_plan p = plan_of("pool", &run, &q);
        CU_ASSERT_EQUAL(submit(&p, &r, &e), -1);
        UNIT_CONTAINS(e.text, rows[i].error);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_FALSE(is_there("near/r/pool"));
        CU_ASSERT_FALSE(is_there("far/r/pool"));
        request_free(&q);
    }
}

/* A host that is away has nothing of it, and neither have we. */
static void test_away(void)
{
    pipeline_request run = run_of(NULL, 0);
    resource_request q = {0};
    pilot_record r;
    pe_error e = {0};

    begin();
    ssh_server_kill(&server);
    submit_plan p = plan_of("pool", &run, &q);
    CU_ASSERT_EQUAL(submit(&p, &r, &e), -1);
    UNIT_CONTAINS(e.text, "cannot be reached: Connection refused");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_FALSE(is_there("near/r/pool"));
    server_set("");
}

/* Functions of a user's own go along, two of one name as two. */
static void test_functions(void)
{
    char *overrides[4];
    resource_request q = {0};
    pilot_record r;
    pe_error e = {0};

    begin();
    put("work/o.so", "an object", 0755);
    put("work/two/o.so", "another", 0755);
    overrides[0] = text_format("stages.sense.function=%s:f", at("work/o.so"));
    overrides[1] =
        text_format("stages.learn.function=%s:g", at("work/two/o.so"));
    overrides[2] = text_format("epoch.interval=1s");
    overrides[3] = text_format("stages.sense.function=%s:h", at("work/o.so"));
    pipeline_request run = run_of(overrides, 4);
    submit_plan p = plan_of("pool", &run, &q);
    CU_ASSERT_EQUAL(submit(&p, &r, &e), 0);
    UNIT_EQUAL(e.text, "");
    await("far/r/pool/ran");
    UNIT_EQUAL(content("far/r/pool/o.so"), "an object");
    UNIT_EQUAL(content("far/r/pool/2-o.so"), "another");
    UNIT_CONTAINS(content("far/r/pool/request.json"), "/far/r/pool/o.so:f\"");
    UNIT_CONTAINS(content("far/r/pool/request.json"), "/far/r/pool/2-o.so:g\"");
    UNIT_CONTAINS(content("far/r/pool/request.json"), "\"epoch.interval=1s\"");
    UNIT_CONTAINS(content("near/r/pool/request.json"), "work/two/o.so:g\"");
    for (size_t i = 0; i < N(overrides); i++)
        free(overrides[i]);
}

/* One that no agent there could load is not sent. */
static void test_function_machine(void)
{
    char head[64], *override = NULL, *said = NULL;
    resource_request q = {0};
    pilot_record r;
    pe_error e = {0};
    FILE *f = fopen("/proc/self/exe", "r");

    begin();
    CU_ASSERT_EQUAL_FATAL(fread(head, sizeof(head), 1, f), 1);
    fclose(f);
    file_write(at("libexec/pilot-agent"), head, sizeof(head), 0755, NULL);
    head[18] = 22; /* e_machine */
    file_write(at("work/o.so"), head, sizeof(head), 0755, NULL);
    override = text_format("stages.sense.function=%s:f", at("work/o.so"));
    pipeline_request run = run_of(&override, 1);
    submit_plan p = plan_of("pool", &run, &q);
    CU_ASSERT_EQUAL(submit(&p, &r, &e), -1);
    said = text_format("%s was built for s390x, and the pilot on ",
                       at("work/o.so"));
    UNIT_CONTAINS(e.text, said);
    UNIT_CONTAINS(e.text, ": build it for that, too, as ");
    free(said);
    free(override);
}

/* An allocation brings the pilots that live in it. */
static void test_allocation(void)
{
    static const char *const parts[] = {"bus", "tank"};
    pipeline_request run = run_of(NULL, 0);
    resource_request q = {0};
    pilot_record r;
    pe_error e = {0};

    begin();
    ask(&q, REQUEST_TIME, "90");
    submit_plan p = plan_of("share", &run, &q);
    CU_ASSERT_EQUAL(submit(&p, &r, &e), 0);
    UNIT_EQUAL(e.text, "");
    await("far/r/share/ran");
    UNIT_CONTAINS(content("far/r/share/request.json"), "\"parts\": [");
    for (size_t i = 0; i < N(parts); i++) {
        char *file = text_format("far/r/%s/request.json", parts[i]);
        char *id = text_format("r/%s", parts[i]);
        pilot_record part;
        UNIT_CONTAINS(content(file), parts[i]);
        UNIT_CONTAINS(content(file), "\"time_s\": 5400.0");
        CU_ASSERT_EQUAL(pilot_record_read(at("near"), id, &part, NULL), 0);
        UNIT_EQUAL(part.sched_id, r.sched_id);
        UNIT_CONTAINS(part.dir, id);
        CU_ASSERT_EQUAL(part.ranks, i == 1 ? 2 : 0);
        free(id);
        free(file);
    }
    request_free(&q);
    /* ... and takes them with it when it cannot be. */
    begin();
    ask(&q, REQUEST_STAGE_IN, "none.csv");
    CU_ASSERT_EQUAL(submit(&p, &r, &e), -1);
    CU_ASSERT_FALSE(is_there("near/r/bus"));
    CU_ASSERT_FALSE(is_there("near/r/tank"));
    CU_ASSERT_FALSE(is_there("far/r/bus"));
    CU_ASSERT_FALSE(is_there("far/r/share"));
    request_free(&q);
}

/* --- what comes back --- */

static void told(void *arg, const char *path)
{
    text_add(arg, "%s\n", strrchr(path, '/') + 1);
}

static void test_stage_out(void)
{
    pipeline_request run = run_of(NULL, 0);
    resource_request q = {0};
    pilot_record r;
    pe_error e = {0};
    text paths = {0};

    begin();
    ask(&q, REQUEST_STAGE_OUT, "rows.csv");
    ask(&q, REQUEST_STAGE_OUT, "none.csv");
    ask(&q, REQUEST_STAGE_OUT, "model.json:kept.json");
    submit_plan p = plan_of("pool", &run, &q);
    CU_ASSERT_EQUAL(submit(&p, &r, &e), 0);
    await("far/r/pool/exit");
    /* What is there comes, and the first that is not is told. */
    CU_ASSERT_EQUAL(stage_out(at("near"), &r, told, &paths, &e), -1);
    UNIT_CONTAINS(e.text, "none.csv");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    UNIT_EQUAL(paths.data, "rows.csv\nkept.json\n");
    UNIT_EQUAL(content("work/rows.csv"), "some rows\n");
    UNIT_EQUAL(content("work/kept.json"), "a model\n");
    /* Again, when it is there, too. */
    put("far/r/pool/none.csv", "late\n", 0600);
    e = (pe_error){0};
    CU_ASSERT_EQUAL(stage_out(at("near"), &r, NULL, NULL, &e), 3);
    UNIT_EQUAL(e.text, "");
    UNIT_EQUAL(content("work/none.csv"), "late\n");
    text_free(&paths);
    request_free(&q);
    /* One that asked for nothing, and one that left no request. */
    begin();
    p = plan_of("pool", &run, &q);
    CU_ASSERT_EQUAL(submit(&p, &r, &e), 0);
    CU_ASSERT_EQUAL(stage_out(at("near"), &r, NULL, NULL, &e), 0);
    unlink(at("near/r/pool/request.json"));
    CU_ASSERT_EQUAL(stage_out(at("near"), &r, NULL, NULL, &e), 0);
    put("near/r/pool/request.json", "{", 0600);
    CU_ASSERT_EQUAL(stage_out(at("near"), &r, NULL, NULL, &e), -1);
    UNIT_CONTAINS(e.text, "near/r/pool/request.json:1: ");
    await("far/r/pool/exit");
}

/* --- connections through a login node --- */

/* What is dialed comes out there: its own sshd says its name. */
static void test_via(void)
{
    char said[5] = "", request[] = "{\"run\": \"r\", \"file\": \"p\"}";
    pipeline_request *r;
    pe_error e = {0};
    int fd;

    begin();
    put("work/request.json", request, 0600);
    r = pipeline_request_read(at("work"), &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_EQUAL(via_open(r, &e), 0); /* it has none */
    CU_ASSERT_PTR_NULL(r->dial);
    r->via = text_format("%s", server.url);
    CU_ASSERT_EQUAL(via_open(r, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(r->dial);
    fd = r->dial(r->dial_arg, "127.0.0.1", server.port, &e);
    CU_ASSERT_FATAL(fd >= 0);
    for (size_t got = 0; got < 4;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 30000) <= 0)
            break;
        ssize_t n = read(fd, said + got, 4 - got);
        if (n == 0)
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    UNIT_EQUAL(said, "SSH-");
    close(fd);
    pipeline_request_destroy(r); /* and with it the tunnel */
    /* Kept in its request, for those who read it. */
    r = pipeline_request_read(at("work"), NULL);
    r->via = text_format("%s", server.url);
    CU_ASSERT_EQUAL(pipeline_request_write(r, &e), 0);
    pipeline_request_destroy(r);
    r = pipeline_request_read(at("work"), NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    UNIT_EQUAL(r->via, server.url);
    /* One that cannot be reached, and one that is none. */
    ssh_server_kill(&server);
    CU_ASSERT_EQUAL(via_open(r, &e), -1);
    char *want = text_format("via %s: ", server.url);
    UNIT_CONTAINS(e.text, want);
    UNIT_CONTAINS(e.text, "Connection refused");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_PTR_NULL(r->dial);
    free(want);
    pipeline_request_destroy(r);
    server_set("");
}

int main(void)
{
    static const unit_test tests[] = {
        {"what travels", test_travels},
        {"a pilot that goes on", test_renewed},
        {"machines of other kinds", test_machines},
        {"nothing is left", test_forgotten},
        {"a host that is away", test_away},
        {"functions of a user's own", test_functions},
        {"functions of another machine", test_function_machine},
        {"an allocation and its tenants", test_allocation},
        {"results", test_stage_out},
        {"connections through a login node", test_via},
        {NULL, NULL},
    };

    if (!ssh_server_installed()) {
        printf("1..0 # SKIP no sshd\n");
        return 0;
    }
    if (ssh_server_open(&server) < 0 || file_mkdir(at("work"), NULL) < 0 ||
        ssh_server_write(&server, "work/p.yaml", yaml) < 0 ||
        server_start("") < 0)
        return 99;
    setenv("PILOT_LIBEXEC", at("libexec"), 1);
    pl = pipeline_load(at("work/p.yaml"), NULL, 0, NULL);
    int status = pl ? unit_main("submit: far", tests) : 99;
    pipeline_destroy(pl);
    free(file_kept);
    free(secret_kept);
    ssh_server_close(&server);
    return status;
}
