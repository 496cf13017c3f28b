/* broker_decode.c - what a record of the topic is: whose, and what it holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker_private.h"
#include "src/block/columns.h"
#include "src/block/npy.h"
#include "src/block/times.h"
#include "src/common/clock.h"
#include "src/common/log.h"

#define DELTA "application/x-pilot-delta"

/* Is it what a device of this run is called? */
static bool is_device(const struct topic_source *s, const char *name)
{
    const char *dash = strrchr(name, '-');
    char pilot[SENDER_NAME];
    const pipeline_pilot *k;

    if (!dash)
        return false;
    snprintf(pilot, sizeof(pilot), "%.*s", (int)(dash - name), name);
    k = pipeline_pilot_find(s->pl, pilot);
    return k && k->kind == PILOT_EDGE;
}

/* A stranger speaks for no device of ours, by whatever key. */
static void own_name(const struct topic_source *s, char *name)
{
    char copy[SENDER_NAME];

    if (!is_device(s, name))
        return;
    memcpy(copy, name, sizeof(copy));
    snprintf(name, SENDER_NAME, "foreign/%.*s", SENDER_NAME - 9, copy);
}

static void decode_sender(struct topic_source *s, source_item *r)
{
    const broker_record *b = &r->held;

    r->sender = sender_decode(&s->headers, s->run, b->key, b->key_len,
                              b->partition, r->text);
    r->foreign = r->sender != SENDER_OURS;
    if (r->sender == SENDER_STRANGER)
        own_name(s, r->text);
}

/* In a run that is signed a record is what it says it is, or it is nobody's:
 * nothing that it says is heeded, so the numbers of its device stay.
 */
static void check_signature(struct topic_source *s, source_item *r)
{
    const broker_record *b = &r->held;
    const seal_place at = {s->topic, b->partition, b->key, b->key_len};

    r->forged =
        seal_check(s->seal, &at, &s->headers, b->value, b->len, &r->bad) < 0;
    if (!r->forged && r->sender == SENDER_STRANGER) {
        r->forged = true;
        pe_error_set(&r->bad, PE_ERROR_INPUT, PE_EXIT_DATA,
                     SEAL_FORGED "it is signed by a device, and has another "
                                 "key, or no number");
    }
    if (!r->forged)
        return;
    own_name(s, r->text);
    r->sender = SENDER_STRANGER;
    r->foreign = true;
    record_clear(&s->headers);
}

static void say_rounded(struct topic_source *s, const broker_record *b)
{
    if (s->rounding)
        return;
    s->rounding = true;
    log_warn("record %s/%d/%lld has whole numbers beyond 2^53, which have no "
             "exact double and are rounded, from here on",
             s->topic, (int)b->partition, (long long)b->offset);
}

/* --- records of others --- */

/* Once, what is learned from, and what is not. */
static void say_found(struct topic_source *s, const codec_facts *f,
                      const pe_block *k)
{
    size_t n = codec_columns(s->codec);
    text taken = {0}, left = {0};
    codec_column c;

    s->told = f->codec;
    for (size_t i = 0; i < n && left.len < 300 && taken.len < 300; i++) {
        codec_column_of(s->codec, i, &c);
        if (c.taken)
            text_add(&taken, " %s", c.name);
        else
            text_add(&left, "%s%s (%s)", left.len ? ", " : " ", c.name,
                     c.clock ? "the clock" : c.type);
    }
    if (strcmp(f->codec, "npy") != 0 && !taken.failed && !left.failed)
        log_info("records of others in %s are %s: %u column%s:%s%s%s", s->topic,
                 f->codec, k->features, k->features == 1 ? "" : "s",
                 taken.data ? taken.data : "", left.len ? "; left out:" : "",
                 left.len ? left.data : "");
    text_free(&taken);
    text_free(&left);
}

/* Columns that were named go by those names. */
static void name_columns(struct topic_source *s, source_item *r)
{
    char name[CODEC_NAME_MAX + 16];

    if (!s->pl->codec.columns)
        return;
    if (s->columns.len == 0) {
        s->n_columns = r->block.features;
        for (uint32_t i = 0; i < s->n_columns; i++) {
            codec_feature(s->codec, i, name, sizeof(name));
            columns_add(&s->columns, i, name);
        }
    }
    if (!s->columns.failed && s->columns.len <= COLUMNS_BYTES_MAX &&
        r->block.features == s->n_columns)
        r->said.columns = (source_text){s->columns.data, s->columns.len};
}

/* ... and rows have their own times, where those fit. */
static void time_rows(const codec_facts *f, source_item *r)
{
    text times = {0};

    if (f->n_times < 2 ||
        times_encode(f->times, (uint32_t)f->n_times, &times) < 0) {
        text_free(&times);
        return;
    }
    r->times = times.data;
    r->said.times = (source_text){times.data, times.len};
}

static void count_aside(struct topic_source *s, const source_item *r)
{
    struct asides *k = s->asides;

    if (s->aside++ == 0)
        snprintf(s->first_aside, sizeof(s->first_aside), "%s/%d/%lld", s->topic,
                 (int)r->held.partition, (long long)r->held.offset);
    while (k < s->asides + BROKER_ASIDES - 1 && k->kind && k->kind != r->aside)
        k++;
    k->kind = r->aside;
    k->n++;
}

/* What a stranger's record holds, its time, and, without a key, whose it is. */
static void decode_foreign(struct topic_source *s, source_item *r)
{
    const broker_record *b = &r->held;
    codec_facts f;
    int rc = codec_decode(s->codec, b->value, b->len, &r->block, &f, &r->bad);

    if (f.source_len && b->key_len == 0) {
        sender_name(f.source, f.source_len, r->text);
        own_name(s, r->text);
    }
    if (f.time_ns > 0 && !r->block.sense_ns)
        r->block.sense_ns = f.time_ns;
    if (rc == CODEC_ROUNDED)
        say_rounded(s, b);
    if (rc == CODEC_SKIPPED) {
        r->aside = f.skip;
        count_aside(s, r);
    } else if (rc >= 0) {
        name_columns(s, r);
        time_rows(&f, r);
        if (f.codec != s->told)
            say_found(s, &f, &r->block);
    }
}

static void decode_value(struct topic_source *s, source_item *r)
{
    const broker_record *b = &r->held;

    if (r->sender == SENDER_STRANGER)
        decode_foreign(s, r);
    else if (npy_decode(b->value, b->len, &r->block, &r->bad) > 0)
        say_rounded(s, b);
}

/* --- what devices have learned --- */

static int take_header(struct topic_source *s, const char *name, uint64_t most,
                       uint64_t *valuep, pe_error *errp)
{
    const record_header *h = record_find(&s->headers, name);

    if (h && record_number(h, valuep, errp) < 0)
        return -1;
    if (h && *valuep <= most)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "header %s of a delta is %s", name,
                        h ? "too large" : "missing");
}

/* What a device has learned is merged; its value is for who does it. */
static void decode_delta(struct topic_source *s, source_item *r)
{
    pe_block *b = &r->block;
    uint64_t features, rows;

    r->is_delta = true;
    if (r->sender != SENDER_OURS)
        pe_error_set(&r->bad, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "a delta of another run's device, or of nobody's");
    else if (take_header(s, "pe_features", UINT32_MAX, &features, &r->bad) ==
                 0 &&
             take_header(s, "pe_rows", INT64_MAX, &rows, &r->bad) == 0 &&
             take_header(s, "pe_first", b->seq, &r->first, &r->bad) == 0) {
        b->features = (uint32_t)features;
        b->points = rows < UINT32_MAX ? (uint32_t)rows : UINT32_MAX;
        b->dtype = PE_F8;
    }
}

/* Rows stay on devices where they learn, and deltas come from nowhere else. */
static void decode_kind(struct topic_source *s, source_item *r)
{
    const record_header *h = record_find(&s->headers, "content-type");
    bool is_delta = h && h->value && h->len == sizeof(DELTA) - 1 &&
                    !memcmp(h->value, DELTA, h->len);

    if (is_delta && s->learns)
        decode_delta(s, r);
    else if (is_delta || s->learns)
        pe_error_set(&r->bad, PE_ERROR_INPUT, PE_EXIT_DATA,
                     s->learns ? "rows, where devices learn and send deltas"
                               : "a delta, where no device learns");
    else
        decode_value(s, r);
}

static source_text header_of(const struct topic_source *s, const char *name)
{
    const record_header *h = record_find(&s->headers, name);

    return h && h->value ? (source_text){h->value, h->len} : (source_text){0};
}

/* Devices of any run of ours say it alike. */
static void decode_said(const struct topic_source *s, source_item *r)
{
    r->said = (source_said){0};
    if (r->sender == SENDER_STRANGER)
        return;
    r->said.times = header_of(s, "pe_times");
    r->said.scale = header_of(s, "pe_scale");
    r->said.columns = header_of(s, "pe_columns");
}

/* How far its device has put it through the stages: a stage may have moved
 * since.  What is no stage of this pipeline says nothing.
 */
static uint32_t decode_through(const struct topic_source *s,
                               const source_item *r)
{
    const source_text t = header_of(s, "pe_stage");
    size_t n;

    if (r->sender != SENDER_OURS || !t.at)
        return 0;
    n = (size_t)pipeline_stage_index(s->pl, t.at, t.len) + 1; /* none: 0 */
    return n == pipeline_ahead(s->pl) ? 0 : (uint32_t)n;
}

/* A device of ours knows that agents have died of the block (src/poison). */
static void decode_refused(const struct topic_source *s, source_item *r)
{
    source_text why = header_of(s, "pe_refused");
    const char *tab = why.at ? memchr(why.at, '\t', why.len) : NULL;
    char said[400];

    r->refuser = (source_text){0};
    if (r->sender != SENDER_OURS || !tab)
        return;
    r->refuser = (source_text){why.at, (size_t)(tab - why.at)};
    text_shown(tab + 1, why.len - r->refuser.len - 1, said, sizeof(said));
    pe_error_set(&r->bad, PE_ERROR_INPUT, PE_EXIT_DATA, "%s", said);
}

void broker_decode(struct topic_source *s, source_item *r)
{
    broker_record *b = &r->held;
    pe_block *k = &r->block;

    /* Its storage stays for what has to be converted. */
    *k = (pe_block){.storage = k->storage, .capacity = k->capacity};
    r->bad.kind = PE_ERROR_NONE;
    r->aside = NULL;
    r->is_delta = r->forged = false;
    r->waits_ns = 0;
    r->times = NULL;
    r->raw = b->value;
    r->raw_len = b->len;
    r->mark = b->mark;
    k->device = r->text;
    k->topic = s->topic;
    k->partition = b->partition;
    k->offset = b->offset;
    k->broker_ns = b->time_ns;
    if (broker_record_headers(b, &s->headers, &r->bad) < 0)
        record_clear(&s->headers);
    decode_sender(s, r);
    if (s->seal)
        check_signature(s, r);
    decode_said(s, r);
    r->through = r->said.named = decode_through(s, r);
    if (r->bad.kind == PE_ERROR_NONE &&
        record_decode(&s->headers, k, r->text + SENDER_NAME,
                      SOURCE_TEXT - SENDER_NAME, &r->bad) == 0)
        decode_kind(s, r);
    decode_refused(s, r);
    if (r->sender == SENDER_STRANGER)
        k->has_seq = 0;
    k->fetch_ns = clock_real_ns();
}
