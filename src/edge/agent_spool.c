/* agent_spool.c - the spools of an agent's devices: opened, told, given up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/event.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/edge/agent_private.h"

/* A drain waits so long for a broker that acknowledges nothing: what is spooled
 * is not lost.
 */
#define LEAVE_NS (20 * CLOCK_S)

/* Records of the largest kind that a spool has to hold, so that one may be
 * dropped, or sent, while another is written.
 */
#define RECORDS_MIN 8

/* --- opened --- */

/* Why there is none though the file says so; NULL: there is one. */
static const char *needless(const agent *a)
{
    if (a->plan.rereadable)
        return "its source can be read again";
    if (pipeline_learner(a->pl))
        return "its devices send what they have learned, not their blocks";
    return NULL;
}

static int check_size(const agent *a, pe_error *errp)
{
    const pipeline_pilot *k = a->plan.pilot;
    uint64_t least = RECORDS_MIN * a->pl->message_bytes;

    if (k->spool.size >= least)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "pilot '%s': its spool has a size of %.1f MiB, and has "
                        "to hold %d records of the largest kind: say 'spool: "
                        "{size: %.0fMiB}' or more, or make the blocks smaller",
                        k->name, (double)k->spool.size / 1048576, RECORDS_MIN,
                        (double)least / 1048576 + 0.5);
}

static void tell_found(const agent *a, const spool_found *sum)
{
    char words[700];

    if (sum->records > 0) {
        snprintf(words, sizeof(words),
                 "pilot %.60s: %llu block%s (%.1f MB) that an agent before has "
                 "left in %.300s %s sent first",
                 a->pilot, (unsigned long long)sum->records,
                 text_s(sum->records), (double)sum->bytes / 1e6, a->spools.dir,
                 sum->records == 1 ? "is" : "are");
        report_note(a->pilot, words);
    }
    if (!*sum->first)
        return;
    snprintf(words, sizeof(words),
             "pilot %.60s: its spool is damaged, and %llu block%s lost; the "
             "first fault: %.400s",
             a->pilot, (unsigned long long)sum->lost,
             sum->lost == 1 ? " is" : "s are", sum->first);
    report_note(a->pilot, words);
}

static int open_all(agent *a, int n, pe_error *errp)
{
    const pipeline_pilot *k = a->plan.pilot;
    spool_found sum = {0};

    for (int i = 0; i < n; i++) {
        char name[256];
        spool_conf c = {.dir = a->spools.dir,
                        .run = a->req->run,
                        .device = name,
                        .size = k->spool.size,
                        .sync = k->spool.sync};
        spool_found f;

        agent_device_name(a, i, name, sizeof(name));
        a->spools.of[i] = spool_open(&c, &f, errp);
        if (!a->spools.of[i])
            return pe_error_prefix(errp, "pilot %s", a->pilot);
        a->spools.n = i + 1;
        a->spools.found[i] = (tally_spooled){f.records, f.lost};
        a->spools.boots[i] = f.boot;
        sum.records += f.records;
        sum.bytes += f.bytes;
        sum.lost += f.lost;
        if (!*sum.first)
            memcpy(sum.first, f.first, sizeof(sum.first));
    }
    tell_found(a, &sum);
    return 0;
}

int agent_spools_open(agent *a, const char *folder, pe_error *errp)
{
    const pipeline_pilot *k = a->plan.pilot;
    size_t n = (size_t)k->devices;
    const char *why = needless(a);
    char words[300];

    if (k->spool.size == 0)
        return 0;
    if (why) {
        snprintf(words, sizeof(words), "pilot %.60s: its spool is not used: %s",
                 a->pilot, why);
        report_note(a->pilot, words);
        return 0;
    }
    if (check_size(a, errp) < 0)
        return -1;
    a->spools.dir = k->spool.dir ? text_format("%s/%s/%s", k->spool.dir,
                                               a->req->run, a->pilot)
                                 : text_format("%s/spool", folder);
    a->spools.of = calloc(n, sizeof(*a->spools.of));
    a->spools.found = calloc(n, sizeof(*a->spools.found));
    a->spools.boots = calloc(n, sizeof(*a->spools.boots));
    if (!a->spools.dir || !a->spools.of || !a->spools.found || !a->spools.boots)
        return pe_error_nomem(errp);
    if (open_all(a, (int)n, errp) < 0)
        return -1;
    if (k->spool.sync == SPOOL_EACH)
        return 0;
    a->spools.keeper = spool_keeper_start(a->spools.of, n, errp);
    return a->spools.keeper ? 0 : -1;
}

void agent_spools_close(agent *a)
{
    spool_keeper_stop(a->spools.keeper);
    for (int i = 0; i < a->spools.n; i++)
        spool_close(a->spools.of[i]);
    free(a->spools.of);
    free(a->spools.found);
    free(a->spools.boots);
    free(a->spools.dir);
}

bool agent_spools_bear(const agent *a, pe_error *e)
{
    if (a->plan.pilot->spool.size == 0 || needless(a) ||
        e->kind != PE_ERROR_RETRY)
        return false;
    log_warn("%s; blocks are spooled meanwhile", e->text);
    e->kind = PE_ERROR_NONE;
    return true;
}

/* --- told --- */

uint64_t agent_spooled(const agent *a, uint64_t *bytesp, int64_t *oldestp)
{
    uint64_t n = 0;

    *bytesp = 0;
    *oldestp = 0;
    for (int i = 0; i < a->n; i++) {
        spool_stats s = {0};
        int64_t oldest;

        if (!a->devices[i].device ||
            !device_spooled(a->devices[i].device, &s, &oldest))
            continue;
        n += s.records;
        *bytesp += s.bytes;
        if (oldest && (!*oldestp || oldest < *oldestp))
            *oldestp = oldest;
    }
    return n;
}

json_t *agent_spool_add(agent *a, json_t *o)
{
    uint64_t bytes, n;
    int64_t oldest;
    double age;

    if (!a->spools.dir)
        return o;
    if (!o)
        o = json_object();
    n = agent_spooled(a, &bytes, &oldest);
    /* A clock may have gone back meanwhile. */
    age = oldest && n ? (double)(clock_real_ns() - oldest) / 1e9 : 0;
    json_object_set_new(o, "spool",
                        json_pack("{s:o, s:I, s:I, s:f}", "dir",
                                  event_text(a->spools.dir), "blocks",
                                  (json_int_t)n, "bytes", (json_int_t)bytes,
                                  "age_s", age > 0 ? age : 0.0));
    return o;
}

/* No room, at once and every minute. */
static void tell_full(agent *a)
{
    for (int i = 0; i < a->n; i++) {
        agent_device *d = &a->devices[i];
        char why[DEVICE_FULL], words[500];
        uint64_t n = device_spool_full(d->device, why);

        if (n == d->spool_full)
            continue;
        d->spool_full = n;
        snprintf(words, sizeof(words),
                 "device %.100s: its spool in %.200s is full: %s; %s", d->name,
                 a->spools.dir, why,
                 d->conf.spool_drop ? "the oldest blocks are dropped, and "
                                      "counted"
                                    : "its source waits");
        report_note(a->pilot, words);
    }
}

/* --- given up --- */

/* A drain ends without a broker: what is spooled waits for the next agent. */
static void give_up(agent *a, uint64_t sent)
{
    int64_t now = clock_mono_ns();
    uint64_t bytes, n;
    int64_t oldest;

    if (sent != a->spools.sent || a->spools.sent_ns == 0) {
        a->spools.sent = sent;
        a->spools.sent_ns = now;
    }
    if (!a->draining || a->spools.left)
        a->spools.sent_ns = a->draining ? a->spools.sent_ns : now;
    if (!a->draining || a->spools.left || now - a->spools.sent_ns < LEAVE_NS)
        return;
    n = agent_spooled(a, &bytes, &oldest);
    if (n == 0)
        return;
    a->spools.left = true;
    for (int i = 0; i < a->n; i++)
        device_leave(a->devices[i].device);
}

void agent_spools_turn(agent *a)
{
    uint64_t sent = 0;

    if (!a->spools.dir || a->start_ns == 0)
        return;
    for (int i = 0; i < a->n; i++) {
        device_stats s = {0};

        device_progress(a->devices[i].device, &s);
        sent += s.sent;
    }
    tell_full(a);
    give_up(a, sent);
}
