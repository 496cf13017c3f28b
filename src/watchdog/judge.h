/* judge.h - which ranks of a pool are not heard any more, and do its rounds
 * stand still?  Of what was heard alone: no sockets, no clock, no threads.
 */
#ifndef WATCHDOG_JUDGE_H
#define WATCHDOG_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "src/common/text.h"

#define WATCHDOG_HOST_MAX 64 /* bytes of a host's name, with its NUL */

/* What a rank says of itself. */
typedef struct judge_beat {
    int32_t rank;
    bool waits;             /* its loop is in a collective, */
    uint64_t turns, rounds; /* has come by so often, so many rounds ended */
} judge_beat;

/* A rank, monotonic times. */
typedef struct judge_rank {
    int64_t heard_ns;  /* its newest beat; 0: there was none */
    int64_t turned_ns; /* its loop was seen to go on */
    int64_t moved_ns;  /* it was not in a collective, or one had ended */
    uint64_t turns, rounds;
} judge_rank;

typedef struct judge {
    int n;
    judge_rank *ranks;
    char *hosts; /* n x WATCHDOG_HOST_MAX: the name of each rank's */
    int64_t limit_ns, beat_ns;
} judge;

/* For [n] ranks on [hosts] (copied) that are to be heard every [beat_ns], and
 * are missed after [limit_ns].
 */
int judge_init(judge *j, int n, const char *hosts, pe_error *errp);
void judge_fini(judge *j);

void judge_hear(judge *j, const judge_beat *b, int64_t now);
/* For [ns] until now nobody has listened: that does not count. */
void judge_forgive(judge *j, int64_t ns);

/* Why the world cannot go on, into [out], empty before: "host n2 (ranks 4-7)
 * has not answered n1 for 60 s"; false: it can.  A rank that was never heard
 * is not missed, and one that is in a function is not waited for.
 */
bool judge_look(const judge *j, int64_t now, text *out);

/* Ranks that were never heard, by host, into [out]; false: there are none. */
bool judge_unheard(const judge *j, text *out);

#endif
