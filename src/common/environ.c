/* environ.c - the environment that a child gets. */
#include "environ.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

extern char **environ;

/* By these a process finds its rank and the servers that wait for it.  A child
 * that has them and begins with MPI, as many a package of Python does when it
 * is imported, fails, or takes the place of its parent.
 */
static const char *const of_rank[] = {
    "OMPI_COMM_WORLD_",
    "OMPI_UNIVERSE_",
    "OMPI_APP_CTX_",
    "OMPI_FIRST_RANKS=",
    "OMPI_NUM_APP_CTX=",
    "OMPI_FILE_LOCATION=",
    "OMPI_ARGV=",
    "OMPI_COMMAND=",
    "OMPI_MCA_ess=",
    "OMPI_MCA_ess_base_",
    "OMPI_MCA_orte_ess_",
    "OMPI_MCA_orte_hnp_uri=",
    "OMPI_MCA_orte_local_daemon_uri=",
    "PMIX_",
    "PMI_",
    "HYDI_",
    "MPI_LOCAL",
    "SLURM_STEP", /* Open MPI takes who has it for a rank that srun started */
    NULL,
};

/* What launchers are told, by users and by us, and what they add. */
static const char *const settings[] = {
    "OMPI_", "PMIX_MCA_", "PRTE_", "HYDRA_", "HWLOC_PLUGINS_PATH=", NULL,
};

/* Who has one of these was started as a rank. */
static const char *const ranks[] = {
    "OMPI_COMM_WORLD_RANK",
    "PMIX_RANK",
    "PMI_RANK",
};

static bool begins(const char *entry, const char *const *heads)
{
    for (; *heads; heads++)
        if (!strncmp(entry, *heads, strlen(*heads)))
            return true;
    return false;
}

static bool is_setting(const char *entry)
{
    return begins(entry, settings) &&
           (!begins(entry, of_rank) || !strncmp(entry, "PMIX_MCA_", 9));
}

static bool is_rank(void)
{
    for (size_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++)
        if (getenv(ranks[i]))
            return true;
    return false;
}

/* Is the name of [entry] one of those in [list], with blanks between? */
static bool is_named(const char *entry, const char *list)
{
    size_t n = strcspn(entry, "=");

    for (size_t len; list && *list; list += len + (list[len] == ' ')) {
        len = strcspn(list, " ");
        if (len == n && !strncmp(entry, list, n))
            return true;
    }
    return false;
}

static bool is_of_mpi(const char *entry, const char *kept)
{
    if (is_setting(entry))
        return !is_named(entry, kept);
    return begins(entry, of_rank) ||
           !strncmp(entry, ENVIRON_MPI "=", sizeof(ENVIRON_MPI));
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

/* [env] gives it no other value. */
static bool is_kept(const char *entry, const char *const *env)
{
    for (size_t i = 0; env && env[i]; i++)
        if (same_name(env[i], entry))
            return !strcmp(env[i], entry);
    return true;
}

char *environ_settings(const char *const *env, pe_error *errp)
{
    text t = {0};

    for (char **e = environ; e && *e; e++)
        if (is_setting(*e) && is_kept(*e, env))
            text_add(&t, "%s%.*s", t.len ? " " : ENVIRON_MPI "=",
                     (int)strcspn(*e, "="), *e);
    if (!t.failed)
        return t.data;
    text_free(&t);
    pe_error_nomem(errp);
    return NULL;
}

char **environ_make(const char *const *env, bool no_rank, pe_error *errp)
{
    const char *kept = getenv(ENVIRON_MPI);
    const char *const *ours = (const char *const *)environ;
    size_t room = list_count(ours) + list_count(env) + 1;
    char **all = calloc(room, sizeof(*all));
    size_t n = 0;

    if (!all) {
        pe_error_nomem(errp);
        return NULL;
    }
    no_rank = no_rank && is_rank();
    for (size_t i = 0; ours && ours[i]; i++)
        if (!is_replaced(ours[i], env) &&
            !(no_rank && is_of_mpi(ours[i], kept)))
            all[n++] = environ[i];
    for (size_t i = 0; env && env[i]; i++)
        all[n++] = (char *)env[i];
    return all;
}
