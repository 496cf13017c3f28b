/* scale.h - when a pool gets more ranks, or an edge more devices, and when they
 * have fewer: policy, facts, decision.
 */
#ifndef SCALE_SCALE_H
#define SCALE_SCALE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <pilot/error.h>
#include <pilot/options.h>

#include "src/config/tree.h"

struct text; /* src/common/text.h */

/* --- policy.c: what the file says --- */

/* What an event of outside asks for. */
typedef struct scale_event {
    char *name;
    bool set; /* so many ranks; else so many more, or fewer */
    int n;
} scale_event;

/* From a time of day on there are so many ranks at least. */
typedef struct scale_time {
    char *words;   /* as it was said: "mon-fri 08:00" */
    unsigned days; /* bit 0: Sunday */
    int minute;    /* of the day */
    bool utc;      /* else the time of the host that decides */
    int ranks;
} scale_time;

typedef struct scale_policy {
    const char *unit; /* "rank"; "device": of an edge, and ... */
    int each;         /* ... each member has so many; of ranks 0 */
    double lag_s;     /* work that waits longer calls for ranks; 0: none does */
    int min, max;     /* ranks, or devices, of all members together */
    int step;      /* ranks added at once, at most; 0: as many as there are */
    double hold_s; /* fewer do for so long before some leave */
    double cooldown_s; /* between two additions */
    double budget;     /* core hours; 0: no limit */
    bool energy;  /* as few joules as the lag allows; else ranks have room */
    char *unless; /* hops that no rank relieves, blank-separated */
    scale_event *events;
    size_t n_events;
    scale_time *times;
    size_t n_times;
} scale_policy;

/* What stands in it, beside `on` and `at`. */
extern const pe_option_spec scale_keys[];

/* Read the mapping [t] of a pool that begins with [n] ranks; or of an edge
 * whose every pilot [has_devices], [n] of them, and no lag to go by.  Errors:
 * input, 78, "WHERE: ...": an unknown key or hop, one that an edge has no use
 * for, no max, bounds that cross, a time or event that is none, nothing to
 * decide by.
 */
scale_policy *scale_policy_read(const tree *t, int n, bool has_devices,
                                pe_error *errp);
void scale_policy_destroy(scale_policy *p); /* may be NULL */
/* Call [visit] for each key that has a value, in order, as the file would
 * have it; [section]: "", "on" or "at", of which [key] is one.
 */
void scale_policy_each(const scale_policy *p,
                       void (*visit)(void *arg, const char *section,
                                     const char *key, const char *value),
                       void *arg);
/* All of it on one line, for people. */
void scale_policy_words(const scale_policy *p, struct text *out);
const scale_event *scale_event_find(const scale_policy *p, const char *name);

/* --- schedule.c --- */

/* Parse "[DAY[-DAY]] HH:MM[Z]" into [out], whose words are left alone: 0, or
 * -1.
 */
int scale_time_parse(const char *s, scale_time *out);
/* The row of [p] that holds at [local] and [utc], which are the same instant:
 * the newest before it; NULL: it has none.
 */
const scale_time *scale_time_at(const scale_policy *p, const struct tm *local,
                                const struct tm *utc);

/* --- decide.c --- */

/* One pilot of the pool. */
typedef struct scale_member {
    char name[96];
    int ranks;
    bool is_first;    /* that of the file: it never leaves whole */
    bool waits;       /* it is submitted, and not up */
    bool in_queue;    /* ... and has no nodes yet */
    bool leaves;      /* asked to end, or ending */
    int64_t since_ns; /* when it was submitted */
    char state[16];   /* for people */
} scale_member;

#define SCALE_MEMBERS_MAX 256

/* What is known of the run now. */
typedef struct scale_facts {
    int64_t now_ns;     /* real time */
    bool ends;          /* the run drains, or is over */
    const char *silent; /* why nothing is known of it; NULL: it is */
    bool lag_known;     /* the lag in seconds is */
    double lag_blocks, lag_s;
    bool grows_known;
    double grows;      /* blocks/s by which the lag grows */
    double rate;       /* blocks/s that are processed */
    double busy;       /* share of the ranks' time that work takes */
    const char *bound; /* the bottleneck; "" */
    scale_member member[SCALE_MEMBERS_MAX];
    size_t n_members;
    int partitions;
    double core_hours;        /* used by all members */
    bool joules_known;        /* the counters of all their hosts are */
    double joules, points;    /* so far: a look compares it with the last */
    const scale_time *time;   /* the row that holds now; NULL: none */
    const scale_event *event; /* that came, and was not taken; NULL: none */
} scale_facts;

/* The lag in seconds of work, of lag_blocks, rate and busy: ranks that are busy
 * half of their time can do twice the rate.
 */
void scale_facts_lag(scale_facts *f);

/* What so many ranks took while there were so many. */
typedef struct scale_cost {
    int ranks;
    double joules, points, seconds;
} scale_cost;

enum { SCALE_COSTS_MAX = 16 };

/* What was before; all zero at first. */
typedef struct scale_history {
    int64_t over_ns;    /* since when the lag is too large; 0: it is not */
    int64_t calm_ns;    /* since when fewer ranks would do; 0: they would not */
    int64_t changed_ns; /* when the number of ranks changed last, or was on its
                           way */
    int64_t down_ns;    /* when ranks were sent away last; 0: never */
    int64_t retry_ns;   /* none is submitted before; 0: whenever */
    int failures;       /* submissions that came to nothing, in a row */
    int turns;          /* ranks were wanted again soon after they were sent
                           away: hold is 2^turns as long */
    int by_lag;         /* 1: the newest submission was for one */
    uint64_t looks, submitted, refused, failed, ended, canceled;
    /* Of a policy that is about energy (energy.c): */
    scale_cost cost[SCALE_COSTS_MAX];
    int n_costs, cost_ranks;
    int64_t cost_ns;       /* of the last look, */
    double joules, points; /* ... and what they were then */
} scale_history;

enum scale_action {
    SCALE_NOTHING,
    SCALE_GROW,   /* submit a member of to - from ranks, or devices */
    SCALE_END,    /* [member] ends what it has and leaves */
    SCALE_SHRINK, /* [member] goes on with [ranks] ranks */
    SCALE_CANCEL, /* [member] is taken out of its queue */
};

/* What it comes from. */
enum scale_cause {
    SCALE_BY_NOTHING, /* all is well */
    SCALE_BY_SILENCE,
    SCALE_BY_END,
    SCALE_BY_LAG,
    SCALE_BY_CALM, /* fewer do */
    SCALE_BY_TIME,
    SCALE_BY_EVENT,
    SCALE_BY_BOUNDS, /* more than max, fewer than min */
    SCALE_BY_BUDGET,
    SCALE_BY_ENERGY, /* another number takes fewer joules */
    /* More are wanted, but: */
    SCALE_BY_HOP,        /* they would not help */
    SCALE_BY_IDLE,       /* those that are there wait */
    SCALE_BY_PARTITIONS, /* they would have none */
    SCALE_BY_PENDING,    /* others are on their way */
    SCALE_BY_BACKOFF,    /* the scheduler would not have the last ones */
    SCALE_BY_COOLDOWN,
    SCALE_BY_DRAINING, /* the lag goes away without them */
    SCALE_N_CAUSES
};

typedef struct scale_decision {
    enum scale_action action;
    enum scale_cause cause;
    int from, to;     /* ranks, with those on their way */
    char member[96];  /* it is about; of SCALE_GROW: "" */
    int ranks;        /* that a member goes on with */
    bool event_taken; /* what the event asked for is done, or stood already */
    char words[320];
} scale_decision;

const char *scale_action_name(enum scale_action a); /* "grow" */
const char *scale_cause_name(enum scale_cause c);   /* "lag" */

/* What is to be done now: a pure function.  [h] gets what the next call has to
 * know of this look; nothing is counted as done.
 */
scale_decision scale_decide(const scale_policy *p, const scale_facts *f,
                            scale_history *h);

/* What became of a decision. */
enum scale_outcome {
    SCALE_DONE,    /* submitted; asked to leave; canceled */
    SCALE_REFUSED, /* by who would have to do it */
    SCALE_FAILED,  /* submitted, and it ended before it was up */
};
/* Take it into [h]: a failure is waited after, longer each time. */
void scale_note(const scale_policy *p, scale_history *h,
                const scale_decision *d, enum scale_outcome o, int64_t now_ns);
/* A member has come up: what failed before is forgotten. */
void scale_note_up(scale_history *h);

/* --- energy.c --- */

/* A look at [ranks] ranks that are up, none coming or leaving (0: some are). */
void scale_energy_look(const scale_facts *f, scale_history *h, int ranks);
/* Joules for a million points; 0: not known. */
double scale_energy_cost(const scale_history *h, int ranks);
/* How many of [fewest] to [most] take the least, as far as it is known:
 * [fewest] as long as it has not been tried.
 */
int scale_energy_ranks(const scale_history *h, int fewest, int most);
/* What is known of it, for people. */
void scale_energy_words(const scale_facts *f, const scale_history *h, char *out,
                        size_t cap);

/* --- history.c: what stands in the parameter service --- */

/* New; NULL: no memory. */
json_t *scale_history_json(const scale_history *h);
/* What is missing is 0; [o] may be NULL. */
void scale_history_take(const json_t *o, scale_history *out);
/* A row for each decision: {"time_ns", "action", "cause", "from", "to",
 * "member", "words", "lag_s" (where known), "bound", "waited_s": since the lag
 * that called for it was seen}; "outcome" is added when it is known.
 */
json_t *scale_decision_json(const scale_decision *d, const scale_facts *f,
                            const scale_history *h);

#endif
