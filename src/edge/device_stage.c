/* device_stage.c - the functions of a device, and what they make of a block. */
#include "src/agent/fault.h"
#include "src/block/npy.h"
#include "src/common/clock.h"
#include "src/edge/device_private.h"
#include "src/edge/device_scale.h"

/* Stage [i] begins to work at [now_ns]; a function of a user may not come
 * back.
 */
void stage_enter(device *d, size_t i, int64_t now_ns)
{
    atomic_store_explicit(&d->at_since_ns, now_ns, memory_order_relaxed);
    atomic_store_explicit(&d->at, (int)i, memory_order_release);
}

void stage_leave(device *d)
{
    atomic_store_explicit(&d->at, -1, memory_order_relaxed);
}

/* The error function [i] left, as the device's. */
int stage_failed(device *d, const pe_context *ctx)
{
    const pe_error *e = context_failure(ctx);
    bool known = e->kind != PE_ERROR_NONE;
    const char *text = e->text;

    return pe_error_set(&d->error, known ? e->kind : PE_ERROR_INPUT,
                        known ? e->exit_code : PE_EXIT_DATA,
                        "device %s, stage '%s': %s", d->conf.name,
                        pe_context_stage(ctx),
                        text[0] ? text : "the function failed without a word");
}

/* [given]: the scaling of all rows; or NULL. */
static int open_with(device *d, const device_stage *s, size_t i,
                     const context_scaling *given, pe_context **out)
{
    const pe_function *ops = s->ops;
    context_setup setup = s->setup;
    pe_context *ctx;
    int rc = 0;

    setup.given = given;
    setup.device = d->conf.name;
    setup.index = d->conf.index;
    setup.position = d->conf.rereadable ? d->conf.id.first : 0;
    setup.again = d->conf.rereadable;
    setup.writer = d->conf.name;
    setup.host = &d->host;
    setup.cancelled = &d->cancelled;
    ctx = context_create(&setup, &d->error);
    if (!ctx)
        return -1;
    stage_enter(d, i, clock_mono_ns());
    if (ops->open)
        rc = ops->open(ctx);
    stage_leave(d);
    if (rc < 0) {
        stage_failed(d, ctx);
        context_destroy(ctx); /* never opened, so never closed */
        return -1;
    }
    *out = ctx;
    d->keeps = d->keeps || function_ops_keep(ops);
    return 0;
}

int stage_open(device *d, const device_stage *s, pe_context **ctx)
{
    return open_with(d, s, 0, NULL, ctx);
}

int stages_open_one(device *d, size_t i)
{
    const context_scaling *given = NULL;

    if (device_scale_find(d, i, &given) < 0)
        return -1;
    return open_with(d, &d->conf.stages[i], i, given, &d->ctx[i]);
}

int stages_open(device *d)
{
    for (size_t i = 0; i < d->n_stages; i++)
        if (stages_open_one(d, i) < 0)
            return -1;
    return 0;
}

/* [out] says what comes of [in] and takes its place.  A block that was passed
 * on has the data of [in], whose storage stays; any other changes places.
 */
static void adopt(pe_block *in, pe_block *out)
{
    pe_block old = *in;

    *in = *out;
    if (out->data != old.data) {
        *out = old;
        return;
    }
    in->storage = old.storage;
    in->capacity = old.capacity;
}

/* Agents have died of a block in this stage: it goes on as it is, to be
 * refused.
 */
#define STAGE_CONDEMNED 2

/* Put [b] through stage [i]; the answer of the function. */
static int process_one(device *d, size_t i, pe_block *b)
{
    const device_stage *s = &d->conf.stages[i];
    pe_block *out = &d->scratch;
    int rc;

    pe_context_pass(d->ctx[i], b, out);
    said_lend(d, i, b);
    atomic_store_explicit(&d->at, (int)i, memory_order_relaxed);
    if (s->guarded >= 0 &&
        !device_guard_enter(s->guarded, d->conf.index, b, d->slot->refused))
        return STAGE_CONDEMNED;
    fault_enter(s->words);
    rc = s->ops->process_edge(d->ctx[i], b, out);
    fault_leave();
    if (s->guarded >= 0)
        device_guard_leave(s->guarded, d->conf.index);
    d->stats.outliers += context_take_outliers(d->ctx[i]);
    d->unmet = context_take_unmet(d->ctx[i]) || d->unmet;
    if (rc < 0)
        return stage_failed(d, d->ctx[i]);
    if (rc > 0) {
        out->source = origin_trust(&d->blur, b, out);
        adopt(b, out);
    }
    return rc > 0 && said_stage(d, i, b) < 0 ? -1 : rc;
}

/* Give [b] the identity its record keeps for ever. */
static void stamp(const device *d, pe_block *b, int64_t sense_ns)
{
    b->device = d->conf.name;
    b->topic = NULL;
    b->partition = -1;
    b->offset = -1;
    b->boot = atomic_load_explicit(&d->tally->boot, memory_order_relaxed);
    b->seq = d->seq;
    b->has_seq = 1;
    b->sense_ns = sense_ns;
}

/* What the source says, which has a clock of its own; else the intended time
 * where there is a schedule, or now.
 */
static int64_t sense_ns(const device *d, const pe_block *b)
{
    if (b->sense_ns)
        return b->sense_ns;
    return d->due_ns >= 0 ? d->start_ns + d->due_ns : clock_real_ns();
}

/* Put a block that was sensed through the stages: 1 it goes on, 0 not. */
int stages_process(device *d, pe_block *b)
{
    int64_t sense = sense_ns(d, b);
    int rc = 1;

    if (d->broken.kind != PE_ERROR_NONE) {
        d->error = d->broken;
        return -1;
    }
    b->version = 0;
    d->unmet = false;
    stamp(d, b, sense);
    if (said_begin(d, b) < 0)
        return -1;
    if (d->keeps && !d->unsynced_ns)
        d->unsynced_ns = clock_mono_ns();
    for (size_t i = 1; rc > 0 && i < d->n_stages; i++) {
        rc = process_one(d, i, b);
        if (rc < 0 && stages_go_back(d, i))
            rc = process_one(d, i, b);
        if (rc == STAGE_CONDEMNED)
            d->slot->through = i;
        if (rc == STAGE_CONDEMNED)
            break;
    }
    if (rc >= 0)
        stages_passed(d);
    stamp(d, b, sense); /* whatever the stages made of it */
    b->edge_ns = clock_real_ns();
    if (rc > 0 && b->version)
        d->stats.scored += b->points;
    else if (rc > 0 && d->unmet)
        d->stats.unscored += b->points;
    return rc;
}

/* Have the .npy bytes of the slot's block in one piece: in place where it is
 * a frame already or lies in storage with headroom, else by a copy.
 */
int stages_frame(device *d, queue_slot *slot)
{
    pe_block *b = &slot->block;

    if (b->points == 0 || b->features == 0)
        return pe_error_set(&d->error, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "device %s: an empty block was forwarded; return "
                            "PE_NOTHING instead",
                            d->conf.name);
    if (d->framed_at && b->data == d->framed_at) {
        slot->frame = (const char *)b->data - NPY_HEADER_LEN;
        slot->len = NPY_HEADER_LEN + pe_block_bytes(b);
        return 0;
    }
    slot->frame = npy_frame(b, &slot->len);
    if (slot->frame)
        return 0;
    if (pe_block_copy(&d->scratch, b, &d->error) < 0)
        return -1;
    pe_block copy = d->scratch;
    d->scratch = *b;
    *b = copy;
    slot->frame = npy_frame(b, &slot->len);
    return 0;
}

int stages_sync(device *d)
{
    d->unsynced_ns = 0;
    for (size_t i = 1; i < d->n_stages; i++)
        if (function_sync(d->conf.stages[i].ops, d->ctx[i], &d->error) < 0)
            return pe_error_prefix(&d->error, "device %s", d->conf.name);
    return 0;
}

/* All is sent that was sensed: what functions keep is made ready. */
int stages_finish(device *d)
{
    for (size_t i = 1; i < d->n_stages; i++)
        if (function_finish(d->conf.stages[i].ops, d->ctx[i], &d->error) < 0)
            return pe_error_prefix(&d->error, "device %s", d->conf.name);
    return 0;
}

void stages_close_one(device *d, size_t i)
{
    const pe_function *ops = d->conf.stages[i].ops;

    if (d->ctx[i] && ops->close)
        ops->close(d->ctx[i]);
    context_destroy(d->ctx[i]);
    d->ctx[i] = NULL;
}

void stages_close(device *d)
{
    stages_forget(d);
    for (size_t i = 0; d->ctx && i < d->n_stages; i++)
        stages_close_one(d, i);
}
