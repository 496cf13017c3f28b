/* commit_call.c - commits of one range, sent to a Redis of the test's own. */
#include "commit_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

redis_server call_server;

params *call_run(const char *run, double timeout_s)
{
    params_conf conf = {.url = call_server.url,
                        .connect_timeout_s = timeout_s,
                        .command_timeout_s = timeout_s};
    pe_error e = {0};
    params *p = params_open(&conf, run, &e);

    if (!p)
        printf("# %s\n", e.text);
    CU_ASSERT_PTR_NOT_NULL(p);
    return p;
}

void call_set_id(char id[PE_COMMIT_ID_LEN + 1], int n)
{
    if (n)
        snprintf(id, PE_COMMIT_ID_LEN + 1, "%032x", (unsigned)n);
    else
        *id = '\0';
}

void call_fill(call *k, int id, int base, const char *writer, int partition,
               int64_t from, int64_t to)
{
    *k = (call){.range = {"t", partition, from, to, 1 + (uint64_t)to},
                .device = {(char *)"d-0", partition, 1, (uint64_t)to}};
    call_set_id(k->c.id, id);
    call_set_id(k->c.base, base);
    snprintf(k->model, sizeof(k->model), "model %d", id);
    k->c.writer = writer;
    k->c.version = (uint64_t)id;
    k->c.time_ns = 1000 + id;
    k->c.kind = "kmeans";
    k->c.model = k->model;
    k->c.model_len = strlen(k->model);
    k->c.add =
        (params_counters){.applied = (uint64_t)(to - from), .points = 100};
    k->c.ranges = &k->range;
    k->c.n_ranges = 1;
    k->c.devices = &k->device;
    k->c.n_devices = 1;
}

int call_send(params *p, const call *k)
{
    pe_error e = {0};
    int answer = params_commit_send(p, &k->c, &e);

    if (answer < 0)
        printf("# %s\n", e.text);
    return answer;
}

int call_send_one(params *p, int id, int base, int64_t from, int64_t to)
{
    call k;

    call_fill(&k, id, base, "w", 0, from, to);
    return call_send(p, &k);
}

void call_init_offsets(params *p, int partitions)
{
    int64_t stored;

    for (int i = 0; i < partitions; i++)
        CU_ASSERT_EQUAL(params_offset_init(p, "t", i, 0, &stored, NULL), 0);
}

char *call_snapshot(const char *run)
{
    static const char *const commands[][2] = {
        {"GET", "state"},  {"GET", "model"},  {"HGETALL", "first"},
        {"GET", "fence"},  {"TYPE", "state"}, {"TYPE", "model"},
        {"TYPE", "first"}, {"TYPE", "fence"}};
    char line[128];
    char *all = calloc(1, 1 << 20);

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        snprintf(line, sizeof(line), "%s pilot:{%s}:%s", commands[i][0], run,
                 commands[i][1]);
        strncat(all, redis_server_ask(&call_server, line), 1 << 16);
    }
    return all;
}

void call_expect_unchanged(char *before, const char *run)
{
    char *after = call_snapshot(run);

    UNIT_EQUAL(after, before);
    free(after);
    free(before);
}
