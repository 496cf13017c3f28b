/* onward.c - blocks that go on to the next layer, acknowledged before the
 * commit.
 */
#include "pool_private.h"

#include <stdlib.h>

#include "src/block/columns.h"
#include "src/common/clock.h"
#include "src/common/text.h"

#define AGAIN_NS (500 * CLOCK_MS) /* between two tries to tell the ends */

static void delivered(void *arg, void *opaque, bool stored)
{
    pool *p = arg;
    uint64_t t = trail_take(&p->trail, opaque, stored);

    if ((int64_t)(t / 2) != p->term.number)
        return;
    if (!stored)
        term_want(&p->term);
    else
        p->epochs.slot[t & 1].unacked--;
}

int onward_open(pool *p, pe_error *errp)
{
    const forward_conf c = {p->c.pl, p->c.req, delivered, p};

    if (!p->c.pl->forwards)
        return 0;
    p->forward = forward_open(&c, errp);
    return p->forward ? 0 : -1;
}

/* What the columns are called behind all stages, where the record says what
 * they are in front of them.
 */
static source_text name_columns(pool *p, const source_item *r,
                                const pe_block *out)
{
    const chain_function *last = &p->stages.last;
    text list = {0}, behind = {0};
    int rc;

    if (!r->said.columns.at || !p->stages.names)
        return (source_text){0};
    rc = chain_columns(&p->stages, p->stages.names, &list);
    if (rc == 0 && last->fn)
        rc = function_columns(last->stage->function, last->options, list.data,
                              &behind);
    else if (rc == 0)
        text_add(&behind, "%s", list.data);
    text_free(&list);
    free(p->columns);
    p->columns = NULL;
    if (rc < 0 || behind.failed || behind.len > COLUMNS_BYTES_MAX ||
        columns_count(behind.data, behind.len) != out->features) {
        text_free(&behind);
        return (source_text){0};
    }
    p->columns = behind.data;
    return (source_text){behind.data, behind.len};
}

/* Does no stage of this layer change anything of a block? */
static bool is_whole(const chain *st)
{
    for (size_t i = 0; i < st->n_pre; i++)
        if (st->pre[i].ctx)
            return false;
    return !st->last.fn;
}

int onward_send(pool *p, pool_slot *s, const source_item *r, pe_block *out,
                pe_error *errp)
{
    forward_block b = {.item = r, .out = out, .whole = is_whole(&p->stages)};
    pe_error e = {0};
    int rc;

    if (forward_fit(p->forward, pe_block_bytes(out), errp) < 0)
        return -1;
    b.columns = name_columns(p, r, out);
    b.opaque = trail_give(&p->trail, 2 * (uint64_t)p->term.number +
                                         (uint64_t)(s - p->epochs.slot));
    rc = forward_send(p->forward, &b, &e);
    if (rc == 0) {
        s->unacked++;
        s->add.forwarded++;
        return 0;
    }
    trail_take(&p->trail, b.opaque, false);
    if (e.kind == PE_ERROR_RETRY) { /* the term ends, and it comes again */
        term_want(&p->term);
        return 0;
    }
    *errp = e;
    return -1;
}

void onward_poll(pool *p)
{
    pe_error e = {0};

    if (!p->forward || forward_poll(p->forward, &e) == 0)
        return;
    if (e.kind == PE_ERROR_RETRY)
        term_want(&p->term);
    else
        fate_fail(&p->fate, &e);
}

int onward_tell(pool *p, pe_error *errp)
{
    bool told = false;
    pe_error e = {0};

    if (!p->head || !p->forward || p->term.order == PHASE_DRAINED ||
        p->fate.failed)
        return 0;
    while (forward_ends(p->c.pl, p->c.req, p->head->view.any_dead, &e) < 0) {
        char words[900];

        if (e.kind != PE_ERROR_RETRY || atomic_load(p->c.drain)) {
            *errp = e;
            return -1;
        }
        snprintf(
            words, sizeof(words),
            "pool %s is through, and cannot tell the next layer yet: %.700s",
            p->c.member, e.text);
        if (!told && p->c.progress)
            head_note(p, words);
        told = true;
        clock_sleep_ns(AGAIN_NS, 1);
    }
    return 0;
}
