/* blas.h - the few BLAS calls that kernels make. */
#ifndef MODEL_BLAS_H
#define MODEL_BLAS_H

#include <stdbool.h>
#include <stddef.h>

/* OpenBLAS is loaded when a kernel first needs it, not when a program
 * starts: it begins threads as it is loaded, which a command or a device does
 * not want, and which would take signals meant for the program.
 */

/* True when it is there; loads it. */
bool blas_open(void);

/* Threads BLAS may use in this process, one where nothing is said: ranks ask
 * for their own cores.  Counts when called before blas_open, too.
 */
void blas_set_threads(int n);

/* c (m x n) = a (m x k) b (k x n), or with a transposed (stored k x m), or b
 * transposed (stored n x k); [add]: added to c.  Row-major; ld* are the row
 * lengths as stored.  Only after blas_open.
 */
void blas_sgemm(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a,
                size_t lda, const float *b, size_t ldb, float *c, size_t ldc,
                bool add);
void blas_dgemm(bool ta, bool tb, size_t m, size_t n, size_t k, const double *a,
                size_t lda, const double *b, size_t ldb, double *c, size_t ldc,
                bool add);

#endif
