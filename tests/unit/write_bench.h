/* write_bench.h - the stage that keeps rows, and the calls it writes with. */
#ifndef TESTS_UNIT_WRITE_BENCH_H
#define TESTS_UNIT_WRITE_BENCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/function/host.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Calls that change files: so far; the one before which, or in the middle of
 * which, this process is killed, 0: none; and how many find no room on the
 * disk.
 */
extern int calls, kill_at, full;
extern bool is_half; /* a call that is killed has written the first half */

/* A process that is killed takes the power with it: what is lost then of what
 * was not synced.
 */
enum {
    POWER_STAYS = 0,
    POWER_GOES = 1,
    POWER_LOSES_ROWS = 2,
    POWER_LOSES_INDEX = 4,
    POWER_LOSES_NAMES = 8
};
extern unsigned power;
/* All that is in our folder now is on the disk; once in a process. */
void power_on(void);

/* What stages of ranks have told each other, KEY=VALUE, where they can. */
extern char shared[400];
extern bool is_shared;

/* A model whose scores are the first column; and what was told, whereupon the
 * stage may be cancelled.
 */
extern bool have_model, cancels;
extern char told[2048];
extern atomic_int cancelled;

typedef struct bench {
    function *fn;
    pe_options *options;
    pe_context *ctx;
    pe_block in, out;
} bench;

/* [options] is "NAME=VALUE;NAME=VALUE".  The answer of the open hook. */
int bench_open(bench *b, const char *options, context_setup set);
void bench_close(bench *b);
context_setup device(const char *name);
context_setup rank(const char *writer, int index);
void settle(bench *b, const int64_t *next, const unsigned char *own);
void sync_all(bench *b);
/* A block of [points] rows of 2 columns: its number, and 10 times it plus the
 * row.
 */
int feed(bench *b, int32_t partition, int64_t offset, uint32_t points);

/* PATH of [name] in our folder. */
const char *in_folder(const char *name);
char *read_file(const char *name, size_t *lenp);
void check_file(const char *name, const char *want);
void path_option(char out[400], const char *name, const char *more);
void remove_all(void);
/* Rows of [name], which has x0 and x1 alone, as "BLOCK.ROW ", sorted as they
 * are; "?" is what is no such row.
 */
char *rows_in(const char *name, char out[2000]);

#endif
