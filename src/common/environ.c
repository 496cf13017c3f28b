/* environ.c - the environment that a child gets. */
#include "environ.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

/* By these a process finds its rank and the servers that wait for it.  A child
 * that has them and begins with MPI, as many a package of Python does when it
 * is imported, fails, or takes the place of its parent.  Settings of users
 * (OMPI_MCA_btl, SLURM_JOB_ID) are none of them.
 */
static const char *const of_rank[] = {
    "OMPI_COMM_WORLD_",
    "OMPI_UNIVERSE_",
    "OMPI_APP_CTX_",
    "OMPI_FIRST_RANKS=",
    "OMPI_NUM_APP_CTX=",
    "OMPI_FILE_LOCATION=",
    "OMPI_MCA_orte_",
    "OMPI_MCA_ess",
    "OMPI_MCA_pmix=",
    "OMPI_MCA_initial_wdir=",
    "PMIX_",
    "PMI_",
    "PRTE_",
    "HYDI_",
    "MPI_LOCALNRANKS=",
    "MPI_LOCALRANKID=",
};

static bool is_of_rank(const char *entry)
{
    for (size_t i = 0; i < sizeof(of_rank) / sizeof(of_rank[0]); i++)
        if (!strncmp(entry, of_rank[i], strlen(of_rank[i])))
            return true;
    return false;
}

/* True when [a] and [b], both "NAME=VALUE", have one name. */
static bool same_name(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");

    return !strncmp(a, b, n) && b[n] == '=';
}

static bool is_replaced(const char *entry, const char *const *env)
{
    for (size_t i = 0; env && env[i]; i++)
        if (same_name(env[i], entry))
            return true;
    return false;
}

static size_t list_count(const char *const *list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    return n;
}

char **environ_make(const char *const *env, bool no_rank, pe_error *errp)
{
    const char *const *ours = (const char *const *)environ;
    size_t room = list_count(ours) + list_count(env) + 1;
    char **all = calloc(room, sizeof(*all));
    size_t n = 0;

    if (!all) {
        pe_error_nomem(errp);
        return NULL;
    }
    for (size_t i = 0; ours && ours[i]; i++)
        if (!is_replaced(ours[i], env) && !(no_rank && is_of_rank(ours[i])))
            all[n++] = environ[i];
    for (size_t i = 0; env && env[i]; i++)
        all[n++] = (char *)env[i];
    return all;
}
