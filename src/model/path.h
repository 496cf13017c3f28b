/* path.h - which of the kernels written for a model runs in this process. */
#ifndef MODEL_PATH_H
#define MODEL_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include <pilot/error.h>

/* Every kernel is there as plain C, the oracle of the others, and on BLAS;
 * the rest depends on what it was built for and where it runs.
 */
enum model_path {
    PATH_PLAIN,
    PATH_BLAS,
    PATH_NEON,
    PATH_AVX2,
    PATH_AVX512,
    PATH_COUNT
};

/* Words an option `kernel` may have. */
#define PATH_WORDS "auto plain blas neon avx2 avx512"

const char *path_name(enum model_path p);

/* True when it was built and this machine can run it. */
bool path_usable(enum model_path p);

/* The path of this process: the one selected, else the fastest usable. */
enum model_path path_now(void);

/* Select by name; "auto" is the fastest usable.  Of the whole process, so it
 * is called before kernels run.  Error (input, 78): there is no such path,
 * or this machine cannot run it; those it can are named.
 */
int path_select(const char *name, pe_error *errp);

/* Usable paths as "plain, blas, avx2" into [out]; looks for OpenBLAS. */
void path_list(char *out, size_t cap);

#endif
