/* commit_call.h - commits of one range, sent to a Redis of the test's own. */
#ifndef TESTS_COMMIT_CALL_H
#define TESTS_COMMIT_CALL_H

#include "redis_server.h"
#include "src/params/params.h"

extern redis_server call_server;

/* The parameters of a run; NULL has been said. */
params *call_run(const char *run, double timeout_s);

/* Id number [n]; 0 is the state before the first commit. */
void call_set_id(char id[PE_COMMIT_ID_LEN + 1], int n);

/* A commit of one range, and what it points to. */
typedef struct call {
    params_commit c;
    params_range range;
    params_device device;
    char model[64];
} call;

/* Blocks [from, to) of a partition, as commit number [id] on [base]. */
void call_fill(call *k, int id, int base, const char *writer, int partition,
               int64_t from, int64_t to);
/* What the script answers; -1: an error, which is printed. */
int call_send(params *p, const call *k);
/* ... to a range of partition 0. */
int call_send_one(params *p, int id, int base, int64_t from, int64_t to);
/* So many partitions begin at 0. */
void call_init_offsets(params *p, int partitions);

/* Everything a commit could have written, as raw replies; caller frees. */
char *call_snapshot(const char *run);
/* It is still as [before], which is freed. */
void call_expect_unchanged(char *before, const char *run);

#endif
