/* guard.c - calls of functions that may end the process. */
#include <stdlib.h>
#include <string.h>

#include "chain_private.h"
#include "src/agent/fault.h"
#include "src/common/clock.h"

int chain_note(chain *st, chain_function *f, pe_error *errp)
{
    const pipeline_stage *s = f->stage;
    char *path;

    f->noted = -1;
    if (s->limit_s > 0)
        fault_limits((int64_t)(s->limit_s * CLOCK_S));
    if (!st->c.notes ||
        (function_is_builtin(function_ops(f->fn)) && s->limit_s <= 0))
        return 0;
    if (!st->notes) {
        path = suspects_path(st->c.notes, st->c.rank);
        st->notes = path ? note_open(path, 1, errp) : NULL;
        if (!path)
            pe_error_nomem(errp);
        free(path);
        if (!st->notes)
            return -1;
    }
    f->noted = note_function(st->notes, s->name, f->words);
    return 0;
}

int chain_suspect(chain *st, const char *words, pe_error *errp)
{
    return suspects_parse(&st->suspects, words, errp);
}

bool chain_is_wary(const chain *st, int32_t partition, int64_t next)
{
    for (size_t i = 0; i < st->suspects.n; i++)
        if (st->suspects.s[i].lane == partition && st->suspects.s[i].at >= next)
            return true;
    return false;
}

/* Is [b] to be refused rather than shown to [f]? */
static bool is_guilty(chain *st, const chain_function *f, const pe_block *b,
                      pe_error *errp)
{
    const suspect *s = suspects_find(&st->suspects, b->partition, b->offset);
    char why[sizeof(errp->text)];

    /* Another function may get on with it. */
    if (!s || !suspect_is_guilty(s) || strcmp(s->stage, f->stage->name) != 0 ||
        strncmp(s->words, f->words, sizeof(s->words) - 1) != 0)
        return false;
    suspect_reason(s, why, sizeof(why));
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s", why);
    st->refuser = f->stage;
    st->attempts = s->deaths;
    return true;
}

int chain_call(chain *st, chain_function *f, const pe_block *in, pe_error *errp)
{
    const pe_block *origin = st->item ? &st->item->block : in;
    note *n = f->noted >= 0 ? note_of(st->notes, 0) : NULL;
    int64_t limit = (int64_t)(f->stage->limit_s * CLOCK_S);
    int rc;

    if (n && st->suspects.n > 0 && is_guilty(st, f, origin, errp))
        return CHAIN_CONDEMNED;
    if (n || limit)
        fault_note(n, limit);
    if (n)
        note_enter(n, f->noted, origin);
    fault_enter(f->words);
    rc = function_ops(f->fn)->process_cloud(f->ctx, in, &f->out);
    fault_leave();
    if (n)
        note_leave(n);
    if (limit)
        fault_note(n, 0);
    return rc;
}
