/* merge.c - deltas of devices, as a rank of a pool gets them. */
#include "merge.h"

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/federate/delta.h"

#define PATIENCE_NS (3 * CLOCK_S)

bool federate_is_early(const pe_model *base, source_item *r)
{
    int64_t now;

    if (!r->is_delta || !base || r->block.version <= base->version)
        return false;
    now = clock_mono_ns();
    if (!r->waits_ns)
        r->waits_ns = now;
    return now - r->waits_ns < PATIENCE_NS;
}

void federate_check(const params_device *known, source_item *r)
{
    if (!r->is_delta || known->boot != r->block.boot || r->first > known->seq)
        return;
    pe_error_set(&r->bad, PE_ERROR_INPUT, PE_EXIT_DATA,
                 "a delta of blocks %llu to %llu, and those to %llu were "
                 "merged before",
                 (unsigned long long)r->first, (unsigned long long)r->block.seq,
                 (unsigned long long)known->seq);
}

static void leave_out(const source_item *r, uint64_t rows, const char *why,
                      params_counters *add)
{
    const pe_block *b = &r->block;

    log_warn("delta %s/%d/%lld of device %s is left out with its %llu rows: %s",
             b->topic ? b->topic : "-", (int)b->partition, (long long)b->offset,
             b->device, (unsigned long long)rows, why);
    add->stale += rows;
}

/* Made for the model before a revision, which is not to be had any more: no
 * fault of who has sent it.
 */
static bool is_of_before(const federate_rules *rules, const pe_error *e)
{
    return rules->revised && e->kind == PE_ERROR_INPUT;
}

int64_t federate_merge(const pe_model *base, pe_delta *d, const source_item *r,
                       const federate_rules *rules, params_counters *add,
                       pe_error *errp)
{
    const pe_block *b = &r->block;
    double age_s = (double)(b->broker_ns - b->sense_ns) / (double)CLOCK_S;
    bool stale = rules->stale_s > 0 && b->sense_ns && age_s > rules->stale_s;
    pe_delta own = {0};
    int64_t points = -1;
    pe_error e = {0};
    int rc = federate_decode(r->raw, r->raw_len, base, b, &own, &e);

    if (rc > 0 && !stale)
        rc = pe_delta_merge(base->ops, d, &own, &e) < 0 ? -1 : 1;
    if (rc < 0 && !is_of_before(rules, &e)) {
        *errp = e;
        goto done;
    }
    own.points = rc < 0 ? b->points : own.points;
    if (rc < 0)
        leave_out(r, own.points, e.text, add);
    else if (rc == 0)
        leave_out(r, own.points, "the model it was made of is gone", add);
    else if (stale)
        leave_out(r, own.points, "it is older than `stale`", add);
    rc = rc > 0 && !stale;
    points = rc ? b->points : 0;
    add->applied++;
    add->points += rc ? own.points : 0;
    add->masked += own.masked;
    add->outliers += rc ? own.outliers : 0;
    add->unscored += rc && !own.n_count ? own.points : 0;
    add->bytes += r->raw_len;
done:
    federate_clear(&own);
    return points;
}
