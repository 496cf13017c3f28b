/* path.c - which of the kernels written for a model runs in this process. */
#include "path.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "blas.h"

static const char *const names[PATH_COUNT] = {"plain", "blas", "neon", "avx2",
                                              "avx512"};

/* One more than the path selected; 0: none was. */
static atomic_int selected;

const char *path_name(enum model_path p)
{
    return names[p];
}

#ifdef PE_X86_KERNELS
static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw");
}

static bool has_vectors(enum model_path p)
{
    if (p == PATH_AVX512)
        return has_avx512();
    return p == PATH_AVX2 && __builtin_cpu_supports("avx2") &&
           __builtin_cpu_supports("fma");
}
#elif defined(PE_ARM_KERNELS)
static bool has_vectors(enum model_path p)
{
    return p == PATH_NEON; /* part of every AArch64 */
}
#else
static bool has_vectors(enum model_path p)
{
    (void)p;
    return false;
}
#endif

bool path_usable(enum model_path p)
{
    return p == PATH_PLAIN || (p == PATH_BLAS && blas_open()) || has_vectors(p);
}

static enum model_path fastest(void)
{
    enum model_path p = PATH_COUNT;

    while (--p > PATH_PLAIN)
        if (path_usable(p))
            break;
    return p;
}

enum model_path path_now(void)
{
    int p = atomic_load_explicit(&selected, memory_order_relaxed);

    if (p == 0) {
        p = (int)fastest() + 1;
        atomic_store_explicit(&selected, p, memory_order_relaxed);
    }
    return (enum model_path)(p - 1);
}

int path_select(const char *name, pe_error *errp)
{
    char list[64];

    if (!strcmp(name, "auto")) {
        atomic_store(&selected, (int)fastest() + 1);
        return 0;
    }
    for (int p = 0; p < PATH_COUNT; p++)
        if (!strcmp(names[p], name) && path_usable((enum model_path)p)) {
            atomic_store(&selected, p + 1);
            return 0;
        }
    path_list(list, sizeof(list));
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "this machine does not run the kernels '%s'; it runs "
                        "%s",
                        name, list);
}

void path_list(char *out, size_t cap)
{
    size_t len = 0;

    *out = '\0';
    for (int p = 0; p < PATH_COUNT; p++)
        if (path_usable((enum model_path)p) && len < cap)
            len += (size_t)snprintf(out + len, cap - len, "%s%s",
                                    len ? ", " : "", names[p]);
}
