/* recorded.h - answers of real schedulers, and the shapes they can be asked
 * for in.
 */
#ifndef TESTS_RECORDED_H
#define TESTS_RECORDED_H

#include <stddef.h>

/* One answer: tests/data/make_recorded.py. */
typedef struct recorded {
    char name[64]; /* "squeue.running" */
    int status;
    const char *out, *err; /* bytes, not NUL-ended */
    size_t out_len, err_len;
} recorded;

/* All of file [path], in its order; the program ends when it cannot be read.
 * The array and *datap are the caller's to free.
 */
recorded *recorded_read(const char *path, size_t *np, char **datap);
/* The one called [name], or NULL. */
const recorded *recorded_find(const recorded *all, size_t n, const char *name);

/* The lines of a recorded `squeue -o` (27 fields, see the source) as another
 * [format] would have them; new memory, *lenp bytes.
 */
char *recorded_squeue(const recorded *r, const char *format, size_t *lenp);
/* A recorded table of `sinfo` as [format] of %P %a %l %D %t has it. */
char *recorded_sinfo(const recorded *r, const char *format, size_t *lenp);
/* A recorded `qstat -f` (one job, folded) as `-F dsv` has it. */
char *recorded_dsv(const recorded *r, size_t *lenp);

#endif
