/* service_case.h - runs on a Redis of the test's own. */
#ifndef TESTS_SERVICE_CASE_H
#define TESTS_SERVICE_CASE_H

#include "redis_server.h"
#include "src/params/params.h"

#define ID_1 "11111111111111111111111111111111"
#define ID_2 "22222222222222222222222222222222"

extern redis_server service_server;

/* How it is reached, and a run on it; NULL has been said. */
params_conf service_conf(void);
params *service_run(const char *run);
/* As redis_server_ask. */
const char *service_ask(const char *line);
/* Commit [0, 5) of partition 0, or, as ID_2, [5, 9) on top of it. */
int service_commit(params *p, const char *id);

#endif
