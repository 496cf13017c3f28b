/* replay.c - `pilot refused replay`: refused blocks into the run's topic again.
 *
 * What is sent again has another place in the topic, so it wants an identity by
 * which it is applied once: that of a device of a run called ~refused, which
 * has the number of the partition, BOOT the number of a batch, SEQ the place in
 * it. A batch is a list of blocks that is written down before the first of them
 * is sent; each block is in one batch.  Whoever finds one that is not marked as
 * sent sends all of it again, and the pool drops what is there already. Batches
 * go one behind the other, so no BOOT comes behind a larger one as a new block.
 */
#include "private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/via.h"
#include "src/block/npy.h"
#include "src/codec/codec.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/login/seal.h"
#include "src/params/params.h"

#define RUN "~refused"
#define BATCH 1000 /* blocks */
#define FLUSH_MS 60000
#define SENT ".sent"
#define TRIES 100

struct replay {
    const struct refused_options *o;
    look_place at;
    params *p;
    refusals all;
    bool *done; /* of all: it is in a batch */
    params_word *batch;
    size_t n_batch;
    uint64_t cut, edge, forged, sent, unreadable;
};

/* --- which blocks --- */

static bool is_sent(const struct replay *r, const char *boot)
{
    char name[40];

    snprintf(name, sizeof(name), "%s" SENT, boot);
    for (size_t i = 0; i < r->n_batch; i++)
        if (!strcmp(r->batch[i].name, name))
            return true;
    return false;
}

static uint64_t boot_of(const char *name)
{
    int64_t boot;

    return text_parse_int(name, &boot) == 0 && boot > 0 ? (uint64_t)boot : 0;
}

static int fetch(struct replay *r, pe_error *errp)
{
    params_words_free(r->batch, r->n_batch);
    r->batch = NULL;
    r->n_batch = 0;
    return params_replays_fetch(r->p, &r->batch, &r->n_batch, errp);
}

/* Call [each] for the blocks of a batch: "0/12 0/17 3/5", each that is there,
 * with its SEQ: its place among those of its partition, which stand together.
 */
static int each_of(const struct replay *r, const char *list,
                   int (*each)(void *arg, const refusal *f, int64_t seq,
                               pe_error *errp),
                   void *arg, pe_error *errp)
{
    int32_t before = -1;
    int64_t seq = 0;
    int rc = 0;

    while (rc == 0 && *list) {
        char word[48];
        size_t n = strcspn(list, " ");
        int32_t partition;
        int64_t offset;
        const refusal *f;

        snprintf(word, sizeof(word), "%.*s", (int)n, list);
        list += n + (list[n] == ' ');
        if (refusal_place(word, &partition, &offset, NULL) < 0)
            continue;
        seq = partition == before ? seq + 1 : 0;
        before = partition;
        f = refusals_find(&r->all, partition, offset);
        if (f)
            rc = each(arg, f, seq, errp);
    }
    return rc;
}

static int mark_done(void *arg, const refusal *f, int64_t seq, pe_error *errp)
{
    struct replay *r = arg;

    (void)seq;
    (void)errp;
    r->done[f - r->all.r] = true;
    return 0;
}

/* Did a stage of devices refuse it?  The pool cannot do that one's part. */
static bool is_of_edge(const struct replay *r, const refusal *f)
{
    for (size_t i = 0; i < r->at.pl->n_stages; i++)
        if (!strcmp(r->at.pl->stages[i].name, f->stage))
            return r->at.pl->stages[i].role == STAGE_EDGE;
    return false;
}

static bool is_asked(const struct replay *r, const refusal *f, char **places,
                     int n)
{
    char place[48];

    if (r->o->reason && !strstr(f->reason, r->o->reason))
        return false;
    snprintf(place, sizeof(place), "%" PRId32 "/%" PRId64, f->partition,
             f->offset);
    for (int i = 0; i < n; i++)
        if (!strcmp(places[i], place))
            return true;
    return n == 0;
}

/* The next batch, "" when there is nothing left. */
static void choose(struct replay *r, char **places, int n, text *list)
{
    const refusal *batch[BATCH] = {NULL};
    size_t chosen = 0;

    r->cut = r->edge = r->forged = 0;
    for (size_t i = 0; i < r->all.n && chosen < BATCH; i++) {
        const refusal *f = &r->all.r[i];

        if (r->done[i] || !is_asked(r, f, places, n))
            continue;
        /* We would sign what nobody has said. */
        if (!strncmp(f->reason, SEAL_FORGED, strlen(SEAL_FORGED))) {
            r->forged++;
            continue;
        }
        if (f->cut || is_of_edge(r, f)) {
            r->cut += f->cut > 0;
            r->edge += f->cut == 0;
            continue;
        }
        batch[chosen++] = f;
    }
    refusals_as_read(batch, chosen);
    for (size_t i = 0; i < chosen; i++)
        text_add(list, "%s%" PRId32 "/%" PRId64, i > 0 ? " " : "",
                 batch[i]->partition, batch[i]->offset);
}

/* --- sent --- */

struct sending {
    struct replay *r;
    broker_producer *producer;
    codec *codec;
    seal *seal; /* NULL: records are not signed */
    uint64_t boot;
    const char *list;
    int64_t seq; /* of the record at hand; -1: it is in another batch */
    const refusal *f;
    int64_t failed; /* not stored */
    pe_block b, copy;
    record_headers h;
    pe_error error;
};

static void delivered(void *arg, void *opaque, int32_t partition,
                      int64_t offset)
{
    struct sending *s = arg;

    (void)opaque;
    (void)partition;
    s->failed += offset < 0;
}

static int find_seq(void *arg, const refusal *f, int64_t seq, pe_error *errp)
{
    struct sending *s = arg;

    (void)errp;
    if (f == s->f)
        s->seq = seq;
    return 0;
}

/* As a device writes it: a stranger's own way would have no identity. */
static int frame_of(struct sending *s, const broker_record *rec,
                    const void **framep, size_t *lenp)
{
    codec_facts facts;
    pe_error e = {0};

    s->b = (pe_block){.storage = s->b.storage, .capacity = s->b.capacity};
    if (codec_decode(s->codec, rec->value, rec->len, &s->b, &facts, &e) >
        CODEC_ROUNDED)
        return 1;
    if (e.kind != PE_ERROR_NONE || s->b.points == 0)
        return 1;
    if (pe_block_copy(&s->copy, &s->b, &s->error) < 0)
        return -1;
    *framep = npy_frame(&s->copy, lenp);
    return *framep ? 0 : 1;
}

static int produce(struct sending *s, const broker_record *rec)
{
    char device[16], origin[512];
    broker_output o = {.topic = s->f->topic,
                       .partition = s->f->partition,
                       .key = device,
                       .headers = &s->h,
                       .copy = true};
    pe_block id = {.device = device,
                   .boot = s->boot,
                   .seq = (uint64_t)s->seq,
                   .has_seq = 1,
                   .edge_ns = rec->time_ns};
    int rc = frame_of(s, rec, &o.value, &o.len);

    s->r->unreadable += rc > 0;
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    snprintf(device, sizeof(device), "%" PRId32, s->f->partition);
    snprintf(origin, sizeof(origin), "%s/%" PRId32 "/%" PRId64, s->f->topic,
             s->f->partition, s->f->offset);
    if (record_encode(&s->h, RUN, s->f->stage, &id, &s->error) < 0)
        return -1;
    record_add(&s->h, "pe_replayed", origin);
    if (s->seal &&
        seal_sign(s->seal,
                  &(seal_place){o.topic, o.partition, o.key, strlen(o.key)},
                  &s->h, o.value, o.len, &s->error) < 0)
        return -1;
    while ((rc = broker_produce(s->producer, &o, &s->error)) == 1)
        broker_producer_poll(s->producer, 100);
    s->r->sent += rc == 0;
    return rc;
}

/* The last record of each origin counts, as in the list. */
static int take(void *arg, broker_record *rec)
{
    struct sending *s = arg;
    refusal f = {0};
    int rc = refusal_read(rec, &f, &s->error);

    if (rc == 0) {
        s->f = refusals_find(&s->r->all, f.partition, f.offset);
        s->seq = -1;
        if (s->f && s->f->at == f.at)
            each_of(s->r, s->list, find_seq, s, NULL);
        if (s->seq >= 0)
            rc = produce(s, rec);
    }
    refusal_free(&f);
    broker_record_release(rec);
    return rc < 0;
}

/* The run is not over before it has had them. */
static int put_ends(struct sending *s, pe_error *errp)
{
    struct replay *r = s->r;
    broker_conf c = {0};
    broker_admin *a;
    int n = 0, rc;

    pipeline_request_broker(r->at.req, &c, "pilot-refused");
    a = broker_admin_open(&c, errp);
    if (!a)
        return -1;
    rc = broker_topic_partitions(a, r->all.r[0].topic, &n, errp);
    for (int32_t k = 0; rc == 0 && k < n; k++) {
        char name[40];
        params_end e = {.device = name, .partition = k};
        int64_t low;

        snprintf(name, sizeof(name), RUN "/%" PRId32, k);
        rc = broker_watermarks(a, r->all.r[0].topic, k, &low, &e.next, errp);
        if (rc == 0)
            rc = params_end_put(r->p, &e, errp);
    }
    broker_admin_close(a);
    return rc;
}

static int mark_sent(struct replay *r, const char *boot, pe_error *errp)
{
    char name[40], one[] = "1";

    snprintf(name, sizeof(name), "%s" SENT, boot);
    return params_replay_once(r->p, &(params_word){name, one}, errp) < 0 ? -1
                                                                         : 0;
}

static int open_sending(struct sending *s, pe_error *errp)
{
    const pipeline *pl = s->r->at.pl;
    broker_producer_conf c = {.compression = pl->compression,
                              .message_bytes =
                                  pl->message_bytes + PIPELINE_HEADER_BYTES,
                              .queue_bytes = 4 * pl->message_bytes,
                              .in_flight = 1,
                              .delivered = delivered,
                              .arg = s};

    s->codec = codec_open(&pl->codec, errp);
    if (!s->codec || pipeline_seal(pl, s->r->at.req, &s->seal, errp) < 0)
        return -1;
    pipeline_request_broker(s->r->at.req, &c.broker, "pilot-refused");
    s->producer = broker_producer_open(&c, errp);
    return s->producer ? 0 : -1;
}

static int send_all(struct sending *s, pe_error *errp)
{
    look l = {0};
    int rc = look_each(&s->r->at, &l, take, s, errp);

    look_close(&l);
    if (rc == 0 && s->error.kind != PE_ERROR_NONE) {
        *errp = s->error;
        rc = -1;
    }
    if (rc == 0)
        rc = broker_producer_flush(s->producer, FLUSH_MS, errp);
    if (rc == 0 && s->failed > 0)
        rc = pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                          "%" PRId64 " block%s %s not stored by the broker: "
                          "do it again, and what is there is not doubled",
                          s->failed, text_s((uint64_t)s->failed),
                          text_were((uint64_t)s->failed));
    return rc < 0 ? -1 : put_ends(s, errp);
}

/* One batch, of which some may have been sent by who died of it. */
static int send_batch(struct replay *r, const params_word *w, pe_error *errp)
{
    struct sending s = {.r = r, .boot = boot_of(w->name), .list = w->text};
    int rc = open_sending(&s, errp);

    if (rc == 0)
        rc = send_all(&s, errp);
    if (rc == 0)
        rc = mark_sent(r, w->name, errp);
    broker_producer_close(s.producer);
    codec_close(s.codec);
    seal_close(s.seal);
    pe_block_release(&s.b);
    pe_block_release(&s.copy);
    return rc;
}

/* The first batch that is not sent, and all that are marked; NULL: none. */
static const params_word *first_open(struct replay *r, uint64_t *nextp)
{
    const params_word *first = NULL;

    *nextp = 1;
    memset(r->done, 0, (r->all.n + 1) * sizeof(*r->done));
    for (size_t i = 0; i < r->n_batch; i++) {
        const params_word *w = &r->batch[i];
        uint64_t boot = boot_of(w->name);

        if (boot == 0)
            continue;
        *nextp = boot >= *nextp ? boot + 1 : *nextp;
        each_of(r, w->text, mark_done, r, NULL);
        if (!is_sent(r, w->name) && (!first || boot < boot_of(first->name)))
            first = w;
    }
    return first;
}

/* 1: there may be more; 0: all is sent. */
static int step(struct replay *r, char **places, int n, pe_error *errp)
{
    const params_word *open;
    uint64_t next;
    char name[24];
    text list = {0};
    int rc = fetch(r, errp);

    if (rc < 0)
        return -1;
    open = first_open(r, &next);
    if (open)
        return send_batch(r, open, errp) < 0 ? -1 : 1;
    choose(r, places, n, &list);
    snprintf(name, sizeof(name), "%" PRIu64, next);
    if (list.failed)
        rc = pe_error_nomem(errp);
    else if (list.len > 0) /* of two commands one is first: look again */
        rc = params_replay_once(r->p, &(params_word){name, list.data}, errp) < 0
                 ? -1
                 : 1;
    text_free(&list);
    return rc;
}

static int open_run(struct replay *r, const char *run, pe_error *errp)
{
    params_conf c = {.no_commits = true};

    if (look_find(run, PIPELINE_REFUSED, &r->at, errp) < 0)
        return -1;
    if (!r->at.pl || r->at.pl->n_streams > 1)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "'%s' is %s: only those of a run of one layer are "
                            "sent again",
                            run, r->at.pl ? "a run of several" : "no run");
    if (refusals_read(&r->at, &r->all, errp) < 0)
        return -1;
    r->done = calloc(r->all.n + 1, sizeof(*r->done));
    if (!r->done)
        return pe_error_nomem(errp);
    pipeline_request_params(r->at.req, &c);
    r->p = params_open(&c, r->at.req->run, errp);
    return r->p ? 0 : -1;
}

/* Is each place that was named one of the refused? */
static int check_named(const struct replay *r, char **places, int n,
                       pe_error *errp)
{
    for (int i = 0; i < n; i++) {
        int32_t partition;
        int64_t offset;
        bool there = false;

        if (refusal_place(places[i], &partition, &offset, errp) < 0)
            return -1;
        for (size_t k = 0; k < r->all.n && !there; k++)
            there = r->all.r[k].partition == partition &&
                    r->all.r[k].offset == offset;
        if (!there)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "block %s is not among the refused: 'pilot "
                                "refused list %s' shows those",
                                places[i], r->at.req->run);
    }
    return 0;
}

static void say(const struct replay *r)
{
    log_info("%" PRIu64 " of %zu refused block%s sent again to topic %s",
             r->sent, r->all.n, text_s(r->all.n),
             r->all.n ? r->all.r[0].topic : "-");
    if (r->cut > 0)
        log_warn("%" PRIu64 " %s not whole, and stay%s", r->cut,
                 text_are(r->cut), r->cut == 1 ? "s" : "");
    if (r->edge > 0)
        log_warn("%" PRIu64 " were refused on their device, whose part no pool "
                 "can do, and stay",
                 r->edge);
    if (r->forged > 0)
        log_warn("%" PRIu64 " are not signed by who they say they are of, and "
                 "stay",
                 r->forged);
    if (r->unreadable > 0)
        log_warn("%" PRIu64 " still cannot be read, and stay", r->unreadable);
}

int refused_replay(const struct refused_options *o, char **args, int n,
                   pe_error *errp)
{
    struct replay r = {.o = o};
    int rc = 0, tries = 0;

    for (int i = 1; rc == 0 && i < n; i++) {
        int32_t partition;
        int64_t offset;

        rc = refusal_place(args[i], &partition, &offset, errp);
    }
    if (rc == 0)
        rc = open_run(&r, args[0], errp);
    if (rc == 0)
        rc = check_named(&r, args + 1, n - 1, errp);
    if (rc == 0 && r.all.n > 0)
        do
            rc = step(&r, args + 1, n - 1, errp);
        while (rc > 0 && tries++ < TRIES * (int)(1 + r.all.n / BATCH));
    if (rc >= 0)
        say(&r);
    params_words_free(r.batch, r.n_batch);
    params_close(r.p);
    refusals_free(&r.all);
    free(r.done);
    look_leave(&r.at);
    return rc < 0 ? -1 : 0;
}
