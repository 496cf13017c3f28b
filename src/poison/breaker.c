/* breaker.c - a run that refuses too much is stopped. */
#include "breaker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reason.h"

#include "src/common/text.h"

#define SINCE "@since" /* beside the suspects, of which none is called so */

/* --- what is too much --- */

static uint64_t blocks(breaker_counts a, breaker_counts b)
{
    return b.applied - a.applied + b.refused - a.refused;
}

/* Is the share of those from [a] to [b] too large? */
static bool is_share(const breaker *b, breaker_counts from, breaker_counts to)
{
    uint64_t n = blocks(from, to);

    return b->limit.share > 0 && n >= BREAKER_LEAST &&
           (double)(to.refused - from.refused) > b->limit.share * (double)n;
}

/* The marks that the newest blocks begin behind. */
static void mark(breaker *b, breaker_counts now)
{
    while (b->n > 1 && blocks(b->mark[1], now) >= BREAKER_BLOCKS) {
        memmove(b->mark, b->mark + 1, (b->n - 1) * sizeof(*b->mark));
        b->n--;
    }
    if (b->n == BREAKER_MARKS) /* every other one will do */
        for (b->n = 0; 2 * b->n < BREAKER_MARKS; b->n++)
            b->mark[b->n] = b->mark[2 * b->n];
    b->mark[b->n++] = now;
}

static void say(breaker *b, breaker_counts from, breaker_counts now,
                const char *run)
{
    size_t top = 0;
    char limit[32];

    for (size_t i = 1; i < b->n_reasons; i++)
        if (b->reason[i].n > b->reason[top].n)
            top = i;
    if (b->limit.share > 0)
        snprintf(limit, sizeof(limit), "%.4g%%", 100 * b->limit.share);
    else
        snprintf(limit, sizeof(limit), "%" PRId64, b->limit.most);
    snprintf(b->words, sizeof(b->words),
             "%" PRIu64 " of %" PRIu64 " block%s %s refused, and refuse-max "
             "is %s%s%.400s; 'pilot refused list --reasons %.130s' has all of "
             "them; when that is mended: 'pilot run --resume %.130s'",
             now.refused - from.refused, blocks(from, now),
             text_s(blocks(from, now)), text_were(now.refused - from.refused),
             limit, b->n_reasons ? ", most of them since " : "",
             b->n_reasons ? b->reason[top].last : "", run, run);
}

bool breaker_look(breaker *b, breaker_counts now, const char *run)
{
    const pipeline_refuse *l = &b->limit;
    breaker_counts from = b->since;
    bool trips;

    /* The state went back: what was seen is not so any more. */
    if (b->n > 0 && (now.applied < b->mark[b->n - 1].applied ||
                     now.refused < b->mark[b->n - 1].refused))
        b->n = 0;
    if (now.applied < from.applied || now.refused < from.refused)
        from = b->since = now;
    trips = is_share(b, from, now) ||
            (l->most >= 0 && now.refused - from.refused > (uint64_t)l->most);
    if (!trips && b->n > 0 && is_share(b, b->mark[0], now)) {
        from = b->mark[0];
        trips = true;
    }
    mark(b, now);
    if (!l->there || !trips || *b->words)
        return false;
    say(b, from, now, run);
    return true;
}

void breaker_note(breaker *b, const char *reason, uint64_t n)
{
    char kind[BREAKER_WORDS];
    size_t i;

    if (!b->limit.there || n == 0 || !*reason)
        return;
    reason_kind(reason, kind, sizeof(kind));
    for (i = 0; i < b->n_reasons && strcmp(b->reason[i].kind, kind) != 0; i++)
        ;
    if (i == BREAKER_KINDS)
        return; /* the most frequent ones come first, mostly */
    if (i == b->n_reasons) {
        b->n_reasons++;
        memcpy(b->reason[i].kind, kind, sizeof(kind));
    }
    b->reason[i].n += n;
    snprintf(b->reason[i].last, sizeof(b->reason[i].last), "%s", reason);
}

/* --- in the parameter service --- */

static int find(params *p, breaker_counts *out, pe_error *errp)
{
    params_word *w;
    size_t n;
    int found = 0;

    if (params_suspects_fetch(p, &w, &n, errp) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        found = found || (!strcmp(w[i].name, SINCE) &&
                          sscanf(w[i].text, "%" SCNu64 " %" SCNu64,
                                 &out->applied, &out->refused) == 2);
    params_words_free(w, n);
    return found;
}

int breaker_since(params *p, breaker_counts *out, pe_error *errp)
{
    char name[] = SINCE, said[48];
    params_facts f = {0};
    int rc = find(p, out, errp);

    if (rc != 0)
        return rc < 0 ? -1 : 0;
    if (params_facts_fetch(p, &f, errp) < 0)
        return -1;
    *out = (breaker_counts){f.state.counters.applied,
                            f.state.counters.refused - f.state.counters.forged};
    params_facts_free(&f);
    snprintf(said, sizeof(said), "%" PRIu64 " %" PRIu64, out->applied,
             out->refused);
    return params_suspect_put(p, &(params_word){name, said}, errp);
}

int breaker_again(params *p, pe_error *errp)
{
    return params_suspect_drop(p, SINCE, errp);
}
