/* service_case.c - runs on a Redis of the test's own. */
#include "service_case.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

redis_server service_server;

params_conf service_conf(void)
{
    return (params_conf){.url = service_server.url,
                         .connect_timeout_s = 5,
                         .command_timeout_s = 5};
}

params *service_run(const char *run)
{
    params_conf c = service_conf();
    pe_error e = {0};
    params *p = params_open(&c, run, &e);

    if (!p)
        printf("# %s\n", e.text);
    CU_ASSERT_PTR_NOT_NULL(p);
    return p;
}

const char *service_ask(const char *line)
{
    return redis_server_ask(&service_server, line);
}

int service_commit(params *p, const char *id)
{
    int second = !strcmp(id, ID_2);
    params_range range = {"t", 0, second ? 5 : 0, second ? 9 : 5, UINT64_MAX};
    params_commit c = {.writer = "w",
                       .version = second ? 2 : 1,
                       .time_ns = 7,
                       .kind = "kmeans",
                       .model = id,
                       .model_len = 10,
                       .ranges = &range,
                       .n_ranges = 1};
    int64_t stored;

    memcpy(c.id, id, sizeof(c.id));
    if (second)
        memcpy(c.base, ID_1, sizeof(c.base));
    params_offset_init(p, "t", 0, 0, &stored, NULL);
    return params_commit_send(p, &c, NULL);
}
