/* run_bench.h - `pilot run` with services and agents that are scripts. */
#ifndef TESTS_RUN_BENCH_H
#define TESTS_RUN_BENCH_H

#include "unit.h"

#include "src/common/process.h"

/* The program under test is pilot with fake services (fake_services.c); its
 * agents, its mpirun and its pilot-services are scripts in fakes/.
 */

extern char run_folder[];            /* of run_main */
extern const char run_stream_yaml[]; /* FOLDER/stream.yaml; smoke.yaml beside */

/* FOLDER/name; every path is kept to the end. */
const char *run_path(const char *name);
/* Content of FOLDER/name, "" when there is none; until the next call. */
const char *run_content(const char *name);

/* Begin anew: no runs, no notes, and agents that do this. */
void run_set(const char *pool, const char *edge);

/* "pilot ARG..." in the background, its output in files out and err. */
process *run_start(const char *const *args);
int run_end(process *p); /* its exit status */
int run_pilot(const char *const *args);
#define PILOT(...) run_pilot((const char *const[]){__VA_ARGS__, NULL})

/* Wait until FOLDER/name contains [part], for 10 s, or for [seconds]. */
void run_await(const char *name, const char *part);
void run_await_for(int seconds, const char *name, const char *part);

/* unit_main in a folder of our own, with the files and programs of a run. */
int run_main(const char *suite, const unit_test *tests);

#endif
