/* resize.c - `pilot resize`: more ranks or devices for a run, or fewer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/cmd/cmd.h"
#include "src/common/clock.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/run/again.h"
#include "src/run/reach.h"

struct resize_options {
    const char *ntasks;
    bool parsable, help;
};

#define RANKS_MAX 65536

#define AT(member) offsetof(struct resize_options, member)

static const option_spec options[] = {
    {"ntasks", 'n', OPTION_TEXT, AT(ntasks), "N", NULL,
     "ranks, or devices, there shall be, or +N more, -N fewer: more are "
     "another "
     "pilot"},
    {"parsable", 0, OPTION_FLAG, AT(parsable), NULL, NULL,
     "print PILOT;SCHEDULER_ID of what was added"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"PILOT -n N|+N|-N", NULL};

static const option_usage usage = {
    .command = "pilot resize",
    .synopsis = synopsis,
    .prose = "Give a pool more ranks, or fewer. No MPI world grows: a pilot "
             "is added to the run and\ntakes its share of the partitions. "
             "Ranks leave at a commit; their nodes stay with the job.\nAn edge "
             "pilot gets another one beside it, with as many devices of its "
             "own; 'pilot cancel'\nends that.",
    .options = options,
    .operand = "a PILOT",
    .min_args = 1,
    .max_args = 1,
};

/* Ranks leave: an order that the supervisor carries out.  An operator gives it,
 * by the login and the way of the run: those of the pilot are a pool's.
 */
static int shrink(struct again *a, int64_t n, pe_error *errp)
{
    char order[32];
    reach *way;
    params *p;
    int status;

    if (a->old.state != PILOT_ACTIVE && a->old.state != PILOT_STALLED &&
        a->old.state != PILOT_STARTING)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_AGAIN,
                            "%s is %s: its ranks can leave once it is active",
                            a->old.id, pilot_state_name(a->old.state));
    way = reach_create(a->home, errp);
    if (!way)
        return -1;
    p = reach_params(way, a->old.run, errp);
    if (!p && errp->kind == PE_ERROR_NONE)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "%s has no parameter service that could tell it so",
                     a->old.run);
    snprintf(order, sizeof(order), "ranks %lld", (long long)n);
    status = p ? params_order_put(p, a->old.name, order, errp) : -1;
    reach_destroy(way);
    if (status == 0)
        log_info("%s goes on with %lld of %d rank%s", a->old.id, (long long)n,
                 a->old.ranks, text_s((uint64_t)a->old.ranks));
    return status;
}

/* [what] it has more of: ranks, devices. */
static int grow(struct again *a, int64_t more, const char *what, bool parsable,
                pe_error *errp)
{
    pilot_record added;

    if (again_submit(a, &added, errp) < 0)
        return -1;
    log_info("%s brings %lld more %s%s", added.id, (long long)more, what,
             more == 1 ? "" : "s");
    if (parsable)
        printf("%s;%s\n", added.id, added.sched_id);
    else
        printf("%s\n", added.id);
    return 0;
}

static int pool_grow(struct again *a, int64_t more, bool parsable,
                     pe_error *errp)
{
    a->ntasks = (int)more;
    return grow(a, more, "rank", parsable, errp);
}

/* What option -n says, of a pool of [ranks] ranks; -1: it is no number. */
static int ranks_take(const char *s, int ranks, int64_t *np, pe_error *errp)
{
    bool more = s && *s == '+', fewer = s && *s == '-';
    int64_t n;

    if (s && text_parse_int(s + (more || fewer), &n) == 0 && n >= 1 &&
        n <= RANKS_MAX) {
        *np = more ? ranks + n : fewer ? ranks - n : n;
        if (*np >= 1)
            return 0;
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "option --ntasks: of %d ranks none would be left; "
                            "'pilot cancel' ends a pilot",
                            ranks);
    }
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "option --ntasks: '%s' is no number of ranks from "
                        "1 to 65536; see 'pilot resize --help'",
                        s ? s : "");
}

/* Devices have their file, and what they have sent, by their names: they stay
 * where they are, and others come, or go with the pilot they came with.
 */
static int edge_resize(struct again *a, const struct resize_options *o,
                       pe_error *errp)
{
    char base[96];
    const pipeline_pilot *k;
    int64_t n;

    snprintf(base, sizeof(base), "%.*s", (int)strcspn(a->old.name, "."),
             a->old.name);
    k = pipeline_pilot_find(a->pl, base);
    if (!k)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s: there is no pilot '%s' in its file", a->old.id,
                            base);
    if (ranks_take(o->ntasks, k->devices, &n, errp) < 0)
        return -1;
    if (n == k->devices)
        return 0;
    if (n < k->devices)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s: devices stay with their pilot; 'pilot cancel' "
                            "ends one that was added",
                            a->old.id);
    if (n != 2 * (int64_t)k->devices)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s: a pilot that is added has as many devices as "
                            "the file says: -n +%d",
                            a->old.id, k->devices);
    if (pipeline_edge_may_grow(a->pl, k, errp) < 0)
        return -1;
    a->added = true;
    return grow(a, k->devices, "device", o->parsable, errp);
}

static int resize(const struct resize_options *o, const char *id,
                  pe_error *errp)
{
    struct again a = {0};
    int64_t n;
    int status = -1;

    /* Before anything is looked for. */
    if (ranks_take(o->ntasks, RANKS_MAX + 1, &n, errp) < 0)
        return -1;
    if (again_open(&a, id, errp) == 0) {
        bool edge = !strcmp(a.old.kind, "edge");
        if (!edge && strcmp(a.old.kind, "pool") != 0)
            pe_error_set(
                errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                "%s is of kind %s: pools have ranks, and edges devices",
                a.old.id, a.old.kind);
        else if (edge)
            status = edge_resize(&a, o, errp);
        else if (pipeline_is_local(a.pl))
            pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                         "%s has no broker that pools could share a stream of",
                         a.old.run);
        else if (ranks_take(o->ntasks, a.old.ranks, &n, errp) < 0)
            status = -1;
        else if (n == a.old.ranks)
            status = 0;
        else if (n < a.old.ranks)
            status = shrink(&a, n, errp);
        else
            status = pool_grow(&a, n - a.old.ranks, o->parsable, errp);
    }
    again_close(&a);
    return status;
}

int cmd_resize(int argc, char **argv)
{
    struct resize_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);

    if (first < 0)
        return log_failure(&e);
    if (o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (option_operands(&usage, argc - first, &e) < 0 ||
        resize(&o, argv[first], &e) < 0)
        return log_failure(&e);
    return PE_EXIT_OK;
}
