/* judge.c - which ranks are not heard any more, do rounds stand still? */
#include "judge.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"

#define HOSTS_TOLD 4
/* So many beats without a turn of its loop: it is in a function. */
#define TURNS 3

int judge_init(judge *j, int n, const char *hosts, pe_error *errp)
{
    size_t bytes = (size_t)n * WATCHDOG_HOST_MAX;

    j->n = n;
    j->ranks = calloc((size_t)n, sizeof(*j->ranks));
    j->hosts = malloc(bytes);
    if (!j->ranks || !j->hosts)
        return pe_error_nomem(errp);
    memcpy(j->hosts, hosts, bytes);
    for (int r = 0; r < n; r++)
        j->hosts[(size_t)(r + 1) * WATCHDOG_HOST_MAX - 1] = '\0';
    return 0;
}

void judge_fini(judge *j)
{
    free(j->ranks);
    free(j->hosts);
    j->ranks = NULL;
    j->hosts = NULL;
}

static const char *host_of(const judge *j, int rank)
{
    return j->hosts + (size_t)rank * WATCHDOG_HOST_MAX;
}

/* --- what is heard --- */

void judge_hear(judge *j, const judge_beat *b, int64_t now)
{
    judge_rank *r;

    if (b->rank < 0 || b->rank >= j->n)
        return;
    r = &j->ranks[b->rank];
    if (!r->heard_ns || b->turns != r->turns)
        r->turned_ns = now;
    if (!r->heard_ns || b->rounds != r->rounds || !b->waits)
        r->moved_ns = now;
    r->turns = b->turns;
    r->rounds = b->rounds;
    r->heard_ns = now;
}

void judge_forgive(judge *j, int64_t ns)
{
    for (int k = 0; k < j->n; k++) {
        judge_rank *r = &j->ranks[k];
        if (!r->heard_ns)
            continue;
        r->heard_ns += ns;
        r->turned_ns += ns;
        r->moved_ns += ns;
    }
}

/* --- what it means --- */

static bool is_silent(const judge *j, int rank, int64_t now)
{
    int64_t heard = j->ranks[rank].heard_ns;

    return heard && now - heard > j->limit_ns;
}

static bool is_unheard(const judge *j, int rank, int64_t now)
{
    (void)now;
    return j->ranks[rank].heard_ns == 0;
}

typedef bool (*pick)(const judge *j, int rank, int64_t now);

/* "2", "2-3", "2-3 and 6 more": those of the host of [first] that [is] picks.
 */
static void ranks_add(const judge *j, int first, pick is, int64_t now,
                      text *out)
{
    int last = first, more = 0;

    for (int r = first + 1; r < j->n; r++) {
        if (!is(j, r, now) || strcmp(host_of(j, r), host_of(j, first)) != 0)
            continue;
        if (more == 0 && r == last + 1)
            last = r;
        else
            more++;
    }
    text_add(out, "host %s (rank%s %d", host_of(j, first),
             last > first || more ? "s" : "", first);
    if (last > first)
        text_add(out, "-%d", last);
    if (more)
        text_add(out, " and %d more", more);
    text_add(out, ")");
}

/* Is a rank of this host picked in front of [rank]? */
static bool is_told(const judge *j, int rank, pick is, int64_t now)
{
    for (int r = 0; r < rank; r++)
        if (is(j, r, now) && !strcmp(host_of(j, r), host_of(j, rank)))
            return true;
    return false;
}

/* How many hosts were named. */
static int hosts_add(const judge *j, pick is, int64_t now, text *out)
{
    int n = 0;

    for (int r = 0; r < j->n; r++) {
        if (!is(j, r, now) || is_told(j, r, is, now))
            continue;
        if (n++ >= HOSTS_TOLD)
            continue;
        text_add(out, "%s", n > 1 ? ", " : "");
        ranks_add(j, r, is, now, out);
    }
    if (n > HOSTS_TOLD)
        text_add(out, " and %d more", n - HOSTS_TOLD);
    return n;
}

/* The one that was heard last: all are silent for so long. */
static int64_t silence(const judge *j, int64_t now)
{
    int64_t least = INT64_MAX;

    for (int r = 0; r < j->n; r++)
        if (is_silent(j, r, now) && now - j->ranks[r].heard_ns < least)
            least = now - j->ranks[r].heard_ns;
    return least;
}

/* For how long all ranks are in a collective that does not end; 0: they are
 * not.
 */
static int64_t stands(const judge *j, int64_t now)
{
    int64_t least = INT64_MAX;

    for (int k = 0; k < j->n; k++) {
        const judge_rank *r = &j->ranks[k];
        if (!r->heard_ns || now - r->turned_ns > TURNS * j->beat_ns)
            return 0;
        if (now - r->moved_ns < least)
            least = now - r->moved_ns;
    }
    return least > j->limit_ns ? least : 0;
}

bool judge_look(const judge *j, int64_t now, text *out)
{
    int n = hosts_add(j, is_silent, now, out);
    int64_t ns = n > 0 ? silence(j, now) : stands(j, now);

    if (n > 0)
        text_add(out, " %s not answered %s for %.0f s", n > 1 ? "have" : "has",
                 host_of(j, 0), (double)ns / CLOCK_S);
    else if (ns > 0)
        text_add(out,
                 "all %d ranks answer, and wait for each other for %.0f s: a "
                 "connection of MPI between them is gone",
                 j->n, (double)ns / CLOCK_S);
    return n > 0 || ns > 0;
}

bool judge_unheard(const judge *j, text *out)
{
    return hosts_add(j, is_unheard, 0, out) > 0;
}
