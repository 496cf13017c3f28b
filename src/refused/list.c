/* list.c - `pilot refused list`: which blocks were refused, and why. */
#include "private.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/log.h"
#include "src/common/text.h"

/* A broker keeps milliseconds. */
static void time_text(const refusal *f, char out[32])
{
    snprintf(out, 32, "-");
    if (f->time_ns <= 0)
        return;
    record_time(f->time_ns, out, 32);
    memcpy(out + strlen("2026-11-29T08:00:00.000"), "Z", 2);
}

json_t *refusal_json(const refusal *f)
{
    char time[32];
    json_t *o;

    time_text(f, time);
    o = json_pack("{s:i, s:I, s:s, s:s, s:s, s:I, s:s, s:I}", "partition",
                  (int)f->partition, "offset", (json_int_t)f->offset, "device",
                  f->device, "time", time, "stage", f->stage, "attempts",
                  (json_int_t)f->attempts, "reason", f->reason, "bytes",
                  (json_int_t)f->bytes);
    if (o && f->cut)
        json_object_set_new(o, "cut", json_integer((json_int_t)f->cut));
    return o;
}

void refusal_line(json_t *o)
{
    if (o)
        json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(o);
}

static void print_rows(const struct refused_options *o, const refusals *l)
{
    char time[32];

    if (!o->json && !o->no_header && l->n > 0)
        printf("%9s %10s %-20s %-24s %-12s %8s  %s\n", "PARTITION", "OFFSET",
               "DEVICE", "TIME", "STAGE", "ATTEMPTS", "REASON");
    for (size_t i = 0; i < l->n; i++) {
        const refusal *f = &l->r[i];

        if (o->json) {
            refusal_line(refusal_json(f));
            continue;
        }
        time_text(f, time);
        printf("%9" PRId32 " %10" PRId64 " %-20s %-24s %-12s %8" PRIu64
               "  %s\n",
               f->partition, f->offset, f->device, time, f->stage, f->attempts,
               f->reason);
    }
}

static void print_counts(const struct refused_options *o,
                         const refusal_count *c, size_t n)
{
    if (!o->json && !o->no_header && n > 0)
        printf("%9s %-12s %-21s  %s\n", "BLOCKS", "STAGE", "LAST",
               "REASON OF THE LAST");
    for (size_t i = 0; i < n; i++) {
        const refusal *f = c[i].last;
        char place[40];

        snprintf(place, sizeof(place), "%" PRId32 "/%" PRId64, f->partition,
                 f->offset);
        if (o->json)
            refusal_line(json_pack("{s:I, s:s, s:s, s:s}", "blocks",
                                   (json_int_t)c[i].n, "stage", f->stage,
                                   "last", place, "reason", f->reason));
        else
            printf("%9zu %-12s %-21s  %s\n", c[i].n, f->stage, place,
                   f->reason);
    }
}

static void say_rest(const refusals *l, const look_place *at)
{
    log_info("%zu refused block%s in topic %s", l->n, text_s(l->n), at->topic);
    if (l->others > 0)
        log_warn("%" PRIu64 " record%s of it no pool has written", l->others,
                 text_s(l->others));
    if (l->beyond > 0)
        log_warn("%" PRIu64 " more are not looked at: this command holds %d "
                 "at most",
                 l->beyond, REFUSALS_MAX);
}

int refused_list(const struct refused_options *o, char **args, int n,
                 pe_error *errp)
{
    look_place at = {0};
    refusals l = {0};
    refusal_count *counts = NULL;
    size_t n_counts = 0;
    int rc = look_find(args[0], PIPELINE_REFUSED, &at, errp);

    (void)n;
    if (rc == 0)
        rc = refusals_read(&at, &l, errp);
    if (rc == 0 && o->reasons)
        rc = refusals_count(&l, &counts, &n_counts, errp);
    if (rc == 0) {
        if (o->reasons)
            print_counts(o, counts, n_counts);
        else
            print_rows(o, &l);
        fflush(stdout);
        say_rest(&l, &at);
    }
    free(counts);
    refusals_free(&l);
    look_leave(&at);
    return rc;
}
