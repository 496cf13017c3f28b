/* blas.c - the few BLAS calls that kernels make; only here is OpenBLAS. */
#include "blas.h"

#ifdef PE_OPENBLAS

#include <cblas.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

static struct {
    __typeof__(cblas_sgemm) *sgemm;
    __typeof__(cblas_dgemm) *dgemm;
    __typeof__(openblas_set_num_threads) *set_threads;
} blas;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int threads = 1;

/* Symbol [name] of [handle] as a function; C has no cast for it. */
#define SYMBOL(slot, handle, name) (*(void **)&(slot) = dlsym(handle, name))

static void load(void)
{
    static const char *const names[] = {"libopenblas.so.0", "libopenblas.so",
                                        NULL};
    sigset_t all, was;
    void *handle = NULL;

    /* Threads it starts at once, and those of its own, leave signals alone. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &was);
    setenv("OPENBLAS_NUM_THREADS", "1", 0);
    for (const char *const *n = names; *n && !handle; n++)
        handle = dlopen(*n, RTLD_NOW | RTLD_LOCAL);
    pthread_sigmask(SIG_SETMASK, &was, NULL);
    if (!handle)
        return;
    SYMBOL(blas.set_threads, handle, "openblas_set_num_threads");
    SYMBOL(blas.dgemm, handle, "cblas_dgemm");
    SYMBOL(blas.sgemm, handle, "cblas_sgemm");
    if (blas.set_threads)
        blas.set_threads(threads);
}

bool blas_open(void)
{
    pthread_once(&once, load);
    return blas.sgemm && blas.dgemm;
}

void blas_set_threads(int n)
{
    threads = n;
    if (blas.set_threads)
        blas.set_threads(n);
}

static CBLAS_TRANSPOSE turn(bool t)
{
    return t ? CblasTrans : CblasNoTrans;
}

/* Both have the arguments that whoever knows BLAS expects. */
/* NOLINTNEXTLINE(readability-function-size) */
void blas_sgemm(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a,
                size_t lda, const float *b, size_t ldb, float *c, size_t ldc,
                bool add)
{
    blas.sgemm(CblasRowMajor, turn(ta), turn(tb), (int)m, (int)n, (int)k, 1, a,
               (int)lda, b, (int)ldb, add, c, (int)ldc);
}

/* NOLINTNEXTLINE(readability-function-size) */
void blas_dgemm(bool ta, bool tb, size_t m, size_t n, size_t k, const double *a,
                size_t lda, const double *b, size_t ldb, double *c, size_t ldc,
                bool add)
{
    blas.dgemm(CblasRowMajor, turn(ta), turn(tb), (int)m, (int)n, (int)k, 1, a,
               (int)lda, b, (int)ldb, add, c, (int)ldc);
}

#else /* configure --without-openblas */

#include <stdlib.h>

bool blas_open(void)
{
    return false;
}

void blas_set_threads(int n)
{
    (void)n;
}

/* Nobody calls these: blas_open says so. */
/* NOLINTNEXTLINE(readability-function-size) */
void blas_sgemm(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a,
                size_t lda, const float *b, size_t ldb, float *c, size_t ldc,
                bool add)
{
    (void)ta, (void)tb, (void)m, (void)n, (void)k, (void)a, (void)lda;
    (void)b, (void)ldb, (void)c, (void)ldc, (void)add;
    abort();
}

/* NOLINTNEXTLINE(readability-function-size) */
void blas_dgemm(bool ta, bool tb, size_t m, size_t n, size_t k, const double *a,
                size_t lda, const double *b, size_t ldb, double *c, size_t ldc,
                bool add)
{
    (void)ta, (void)tb, (void)m, (void)n, (void)k, (void)a, (void)lda;
    (void)b, (void)ldb, (void)c, (void)ldc, (void)add;
    abort();
}

#endif
