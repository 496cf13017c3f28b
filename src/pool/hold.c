/* hold.c - stages that may come from devices are opened on all ranks first.
 *
 * A rank opens a stage also when the first record comes that has not been
 * through it; to be asked before is how `pilot move` knows that it can be, as
 * long as nothing has moved yet.
 */
#include "pool_private.h"

#include <string.h>

#include "src/agent/event.h"
#include "src/common/log.h"

static int64_t open_now(const pool *p)
{
    return (int64_t)(p->c.pl->n_stages - chain_held(&p->stages));
}

/* What rank 0 was asked for last. */
static int64_t asked(const pool *p)
{
    const char *stage = p->head->view.hold;
    int i = pipeline_stage_index(p->c.pl, stage, strlen(stage));

    return i < 0 ? 0 : (int64_t)p->c.pl->n_stages - (i + 1);
}

void hold_say(const pool *p, int64_t *v)
{
    v[R_HOLD_ALL] = p->head ? asked(p) : 0;
    v[R_HOLD_LESS] = -open_now(p);
    v[R_HOLD_NOT] = p->hold.tried ? 1 + p->rank : 0;
}

void hold_decide(pool *p, const int64_t *v)
{
    int64_t n = v[R_HOLD_ALL];

    if (n != p->hold.tried)
        p->hold.tried = 0;
    if (n <= open_now(p) || p->hold.tried ||
        chain_hold(&p->stages, p->c.pl->n_stages - (size_t)n, &p->hold.why) ==
            0)
        return;
    p->hold.tried = n;
    log_warn("rank %d: %s", p->rank, p->hold.why.text);
}

void hold_tell(const pool *p, json_t *o)
{
    const int64_t *v = p->rounds.in;
    int64_t i = (int64_t)p->c.pl->n_stages + v[R_HOLD_LESS] - 1;
    json_t *place;
    char why[80];

    if (pipeline_is_local(p->c.pl) || i < 0 || v[R_HOLD_LESS] == 0)
        return;
    place = json_pack("{s:s}", "behind", p->c.pl->stages[i].name);
    snprintf(why, sizeof(why), "rank %d cannot open it: see its log",
             (int)v[R_HOLD_NOT] - 1);
    if (v[R_HOLD_NOT])
        json_object_set_new(place, "why",
                            event_text(p->hold.tried ? p->hold.why.text : why));
    json_object_set_new(o, "place", place);
}
