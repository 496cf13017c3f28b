/* supervisor_bench.h - one supervisor, whose agents are lines of shell. */
#ifndef TESTS_SUPERVISOR_BENCH_H
#define TESTS_SUPERVISOR_BENCH_H

#include "unit.h"

#include "src/common/process.h"

/* The program under test is pilot-supervisor with services that only take
 * notes (fake_services.c) in SCRATCH/log.  Its run "r" is in SCRATCH/home, its
 * programs are in SCRATCH/libexec.
 */

/* What the lines of an agent may be. */
#define BENCH_READY "tell '{\"event\":\"ready\",\"pilot\":\"p\"}'\n"
#define BENCH_POOL(state)                                                   \
    "tell '{\"event\":\"pool\",\"pilot\":\"pool\",\"state\":\"" state "\"," \
    "\"ranks\":2,\"points\":8000,\"blocks\":{\"fetched\":8,\"applied\":8}," \
    "\"model\":{\"kind\":\"kmeans\",\"version\":2,\"points\":8000},"        \
    "\"seconds\":1,\"busy_s\":1.9}'\n"
#define BENCH_EDGE(state)                                                \
    "tell '{\"event\":\"edge\",\"pilot\":\"devices\",\"state\":\"" state \
    "\",\"devices\":2,\"blocks\":{\"sensed\":8,\"sent\":8}}'\n"
/* Until a signal of [names] comes: it is noted in $dir/signals. */
#define BENCH_WAIT(names)                                                  \
    "for s in " names "; do trap \"echo $s >>'$dir/signals'; got=$s\" $s;" \
    " done\n"                                                              \
    "while [ -z \"$got\" ]; do sleep 0.02; done\n"

/* Begin anew: a home without pilots, no notes, nothing that fails, and the
 * pipeline whose pilots are these: pool, devices, bus (a broker), store (a
 * parameter service) and share (an allocation with shared-bus and
 * shared-pool).
 */
void bench_begin(void);

/* Program [name]: these [lines] of a shell, which have `tell EVENT`, $dir (the
 * folder it was given), $start (how often it was started there, from 1) and
 * $got (empty).  Its words, but for the mark of events, are in $dir/args.
 */
void bench_program(const char *name, const char *lines);

/* The request of pilot [name], a [kind]: more members of it and of what is for
 * its supervisor, each with a comma in front; "": none.
 */
void bench_request(const char *name, const char *kind, const char *members,
                   const char *supervise);

/* File NAME below the run's folder: written; its content, "" when it is not
 * there, until the next call; waited for until it has [part].
 */
void bench_put(const char *name, const char *content);
const char *bench_file(const char *name);
void bench_await(const char *name, const char *part);
/* What the services noted. */
const char *bench_log(void);

/* The supervisor of pilot [name], as its job starts it: its output is in files
 * out and err of its folder.  With a [mark] it is attached to a command.
 */
process *bench_start(const char *name, const char *mark);
int bench_end(process *p); /* its exit status */
int bench_run(const char *name);
/* The same with these words, output as above in SCRATCH/home/r. */
int bench_words(const char *const *words);

/* unit_main in a scratch folder with those programs. */
int bench_main(const char *suite, const unit_test *tests);

#endif
