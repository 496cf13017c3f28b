/* urgent.c - devices whose blocks go ahead of the others, and their partitions.
 *
 * What is committed of a partition is everything up to an offset, so blocks of
 * one are dispatched in their order.  Urgent devices have partitions of their
 * own therefore: the first ones of each stream.
 */
#include "pipeline_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/config/section.h"

/* --- which devices --- */

static int devices_of(const pipeline_pilot *k)
{
    return k->kind == PILOT_EDGE ? k->devices * (int)k->n_resources : 0;
}

static int add_span(pipeline_pilot *k, int from, int to, pe_error *errp)
{
    pipeline_span *more = realloc(k->urgent, (k->n_urgent + 1) * sizeof(*more));

    if (!more)
        return pe_error_nomem(errp);
    k->urgent = more;
    k->urgent[k->n_urgent++] = (pipeline_span){from, to};
    return 0;
}

/* A number of at most four digits at *sp; -1: there is none. */
static int read_number(const char **sp)
{
    int n = 0, digits = 0;

    for (; **sp >= '0' && **sp <= '9' && digits < 5; digits++)
        n = 10 * n + *(*sp)++ - '0';
    return digits > 0 && digits < 5 ? n : -1;
}

/* One of "0,3-5", the numbers ascending; *sp goes behind it. */
static int read_span(pipeline_pilot *k, const char **sp, const tree *t,
                     pe_error *errp)
{
    int least = k->n_urgent ? k->urgent[k->n_urgent - 1].to + 1 : 0;
    int from = read_number(sp), to = from;

    if (**sp == '-') {
        ++*sp;
        to = read_number(sp);
    }
    if (from < 0 || to < from || (**sp && **sp != ','))
        return section_error(t, errp,
                             "urgent: '%s' is not true, false or numbers of "
                             "devices as 0,3-5",
                             t->value);
    if (from < least)
        return section_error(
            t, errp, "urgent: '%s': the numbers have to ascend", t->value);
    if (to >= devices_of(k))
        return section_error(t, errp,
                             "urgent: '%s': pilot '%s' has devices 0 to %d",
                             t->value, k->name, devices_of(k) - 1);
    if (**sp == ',' && !*++*sp)
        return section_error(t, errp, "urgent: '%s' ends with ','", t->value);
    return add_span(k, from, to, errp);
}

int pipeline_take_urgent(pipeline_pilot *k, const tree *t, pe_error *errp)
{
    const tree *u = tree_get(t, "urgent");
    const char *s = u ? u->value : "false";

    if (k->kind != PILOT_EDGE || !strcmp(s, "false") || !strcmp(s, "no"))
        return 0;
    if (!strcmp(s, "true") || !strcmp(s, "yes"))
        return add_span(k, 0, devices_of(k) - 1, errp);
    do {
        if (read_span(k, &s, u, errp) < 0)
            return -1;
    } while (*s);
    return 0;
}

/* Urgent ones of the first [n] devices of [k]. */
static int urgent_below(const pipeline_pilot *k, int n)
{
    int sum = 0;

    for (size_t i = 0; i < k->n_urgent && k->urgent[i].from < n; i++)
        sum +=
            (k->urgent[i].to < n ? k->urgent[i].to + 1 : n) - k->urgent[i].from;
    return sum;
}

/* ... and of all devices before number [d]; *isp: is that one urgent? */
static int urgent_before(const pipeline *p, int d, bool *isp)
{
    int sum = 0;

    *isp = false;
    for (size_t i = 0; i < p->n_pilots; i++) {
        const pipeline_pilot *k = &p->pilots[i];
        int n = devices_of(k);

        if (d < n) {
            *isp = urgent_below(k, d + 1) > urgent_below(k, d);
            return sum + urgent_below(k, d);
        }
        sum += urgent_below(k, n);
        d -= n;
    }
    return sum;
}

int pipeline_urgent_devices(const pipeline *p)
{
    bool is;

    return urgent_before(p, pipeline_devices(p), &is);
}

/* --- which partitions --- */

int pipeline_partition(const pipeline *p, int d)
{
    bool is;
    int before = urgent_before(p, d, &is);

    if (p->urgent == 0)
        return d % p->partitions;
    return is ? before % p->urgent
              : p->urgent + (d - before) % (p->partitions - p->urgent);
}

int pipeline_partition_next(const pipeline *p, const pipeline *next, int k)
{
    if (next->urgent == 0)
        return k % next->partitions;
    if (k < p->urgent)
        return k % next->urgent;
    return next->urgent + (k - p->urgent) % (next->partitions - next->urgent);
}

/* As large a part of [partitions] as [some] is of [all], but of neither kind
 * none.
 */
static int part_of(int partitions, int some, int all)
{
    int n = (int)(((int64_t)partitions * some + all / 2) / all);

    if (n < 1)
        n = 1;
    return n < partitions ? n : partitions - 1;
}

/* What comes into the stream that is seen: so many of *allp are urgent. */
static int urgent_in(const pipeline *p, int *allp)
{
    const pipeline_stream *before = p->seen ? &p->streams[p->seen - 1] : NULL;

    *allp = before ? before->partitions : pipeline_devices(p);
    return before ? before->urgent : pipeline_urgent_devices(p);
}

/* Where it is said that there are urgent blocks: in the stream, or, if it says
 * nothing, the first pilot.
 */
static const tree *said_at(const pipeline *p, const tree *root, const tree *own)
{
    const tree *t = tree_get(own, "urgent");

    for (size_t i = 0; !t && i < p->n_pilots; i++)
        if (p->pilots[i].n_urgent)
            t = tree_get(tree_get(tree_get(root, "pilots"), p->pilots[i].name),
                         "urgent");
    return t ? t : root;
}

int pipeline_settle_urgent(pipeline *p, const pe_options *o, const tree *root,
                           const tree *own, pe_error *errp)
{
    const tree *t = said_at(p, root, own);
    bool said = pe_options_has(o, "urgent");
    int all, some = urgent_in(p, &all);

    p->urgent = (int)pe_options_int(o, "urgent");
    if (!said && some > 0)
        p->urgent = part_of(p->partitions, some, all);
    if (p->seen == 0 && some > 0 && some == all)
        return section_error(t, errp,
                             "urgent: all devices are, so none is ahead of "
                             "another; leave it out");
    if (p->urgent == 0 && (some == 0 || (said && p->seen > 0)))
        return 0;
    if (pipeline_is_local(p))
        return section_error(t, errp,
                             "urgent: the source runs in the pool, without a "
                             "topic whose partitions could be urgent");
    if (p->urgent == 0 || p->urgent >= p->partitions)
        return section_error(t, errp,
                             "urgent: urgent blocks have partitions of their "
                             "own, and so have the others: of the %d of stream "
                             "'%s' %d cannot be urgent; set "
                             "streams.%s.partitions to 2 or more, and "
                             "streams.%s.urgent between 0 and that",
                             p->partitions, p->stream_name, p->urgent,
                             p->stream_name, p->stream_name);
    return 0;
}

int pipeline_check_urgent(const pipeline *p, const tree *root, pe_error *errp)
{
    for (size_t k = 0; k < p->n_streams; k++)
        if (p->streams[k].urgent > 0 && p->epoch_blocks > 0)
            return section_error(
                said_at(
                    p, root,
                    tree_get(tree_get(root, "streams"), p->streams[k].name)),
                errp,
                "urgent: with 'epoch: {blocks: %llu}' blocks are processed by "
                "their numbers, in turn of all partitions, and none goes "
                "ahead; say 'epoch: {interval: ...}'",
                (unsigned long long)p->epoch_blocks);
    return 0;
}

void pipeline_print_urgent(const pipeline_pilot *k, FILE *f)
{
    if (k->n_urgent == 0)
        return;
    fputs("    urgent: \"", f);
    for (size_t i = 0; i < k->n_urgent; i++) {
        fprintf(f, "%s%d", i ? "," : "", k->urgent[i].from);
        if (k->urgent[i].to > k->urgent[i].from)
            fprintf(f, "-%d", k->urgent[i].to);
    }
    fputs("\"\n", f);
}
