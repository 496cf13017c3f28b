/* ranks.c - what ranks know of each other, and of their hosts. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ranks.h"
#include "src/model/path.h"

#define HOST_MAX WATCHDOG_HOST_MAX

/* Different names among [n] of HOST_MAX bytes; the first stays first. */
static int hosts_count(const char *names, int n)
{
    int different = 0;

    for (int i = 0; i < n; i++) {
        int k = 0;
        while (k < i && strcmp(names + k * HOST_MAX, names + i * HOST_MAX) != 0)
            k++;
        different += k == i;
    }
    return different;
}

static const char *threads_name(int provided)
{
    switch (provided) {
    case MPI_THREAD_SINGLE:
        return "single";
    case MPI_THREAD_FUNNELED:
        return "funneled";
    case MPI_THREAD_SERIALIZED:
        return "serialized";
    default:
        return "multiple";
    }
}

/* A number that environment variables set, as a text; "not set". */
static const char *setting(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : "not set";
}

static void tell(const char *names, int size, int provided)
{
    int hosts = hosts_count(names, size);

    printf("%d rank%s on %d host%s (%s%s), MPI threads %s, kernels %s, "
           "OMP_NUM_THREADS %s\n",
           size, size == 1 ? "" : "s", hosts, hosts == 1 ? "" : "s", names,
           hosts > 1 ? ", ..." : "", threads_name(provided),
           path_name(path_now()), setting("OMP_NUM_THREADS"));
}

/* On rank 0 the names of all hosts, new memory; NULL elsewhere. */
static char *hosts_gather(int rank, int size)
{
    char own[HOST_MAX] = "", *all = NULL;

    gethostname(own, sizeof(own) - 1);
    if (rank == 0)
        all = calloc((size_t)size, HOST_MAX);
    if (rank == 0 && !all)
        MPI_Abort(MPI_COMM_WORLD, PE_EXIT_FAILED);
    MPI_Gather(own, HOST_MAX, MPI_CHAR, all, HOST_MAX, MPI_CHAR, 0,
               MPI_COMM_WORLD);
    return all;
}

int ranks_check(int ranks, int number)
{
    char *all = NULL;
    int rank, size, sum = 0, one = 1, provided, status = PE_EXIT_OK;

    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    all = hosts_gather(rank, size);
    MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (size != ranks || sum != ranks) {
        status = PE_EXIT_CONFIG;
        if (rank == 0 && number == 0)
            fprintf(stderr,
                    "%d ranks were asked for and %d know of each other: this "
                    "launcher does not speak to this MPI; use its "
                    "own mpirun or mpiexec, or srun --mpi=pmix\n",
                    ranks, size);
    } else if (rank == 0) {
        tell(all, size, provided);
    }
    free(all);
    MPI_Finalize();
    return status;
}

void ranks_of_host(int *rankp, int *sizep)
{
    MPI_Comm host;

    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL,
                        &host);
    MPI_Comm_rank(host, rankp);
    MPI_Comm_size(host, sizep);
    MPI_Comm_free(&host);
}

int ranks_watch(const watchdog_conf *c, watchdog **wp, pe_error *errp)
{
    watchdog_conf own = *c;
    char *hosts = NULL;
    int rank, size;

    *wp = NULL;
    ranks_of_host(&rank, &size);
    if (c->limit_s <= 0 || size == c->size)
        return 0;
    own.fd = c->rank == 0 ? place_open(&own.place, errp) : -1;
    MPI_Bcast(&own.place, sizeof(own.place), MPI_BYTE, 0, MPI_COMM_WORLD);
    own.hosts = hosts = hosts_gather(c->rank, c->size);
    if (own.place.port)
        *wp = watchdog_open(&own, errp);
    free(hosts);
    return *wp || (c->rank != 0 && !own.place.port) ? 0 : -1;
}
