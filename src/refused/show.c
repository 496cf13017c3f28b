/* show.c - `pilot refused show`: one refused block, whole. */
#include "private.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/codec/codec.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"

#define ROWS 5
#define VALUES 8
#define FILE_MODE 0600 /* what was measured is its owner's */

/* The last record of one origin; the topic is read to its end for it. */
struct search {
    int32_t partition;
    int64_t offset;
    bool found;
    broker_record record;
    refusal f;
    pe_error error;
};

static void drop(struct search *s)
{
    if (s->found)
        broker_record_release(&s->record);
    refusal_free(&s->f);
    s->found = false;
}

static int take(void *arg, broker_record *r)
{
    struct search *s = arg;
    refusal f = {0};
    int rc = refusal_read(r, &f, &s->error);

    if (rc == 0 && f.partition == s->partition && f.offset == s->offset) {
        drop(s);
        s->record = *r;
        s->f = f;
        s->found = true;
        return 0;
    }
    refusal_free(&f);
    broker_record_release(r);
    return rc < 0;
}

/* What the record is as a block, read as the run does. */
struct shown {
    codec *codec;
    codec_facts facts;
    pe_block b;
    int rc;
    pe_error bad;
};

static int decode(const struct search *s, const look_place *at, struct shown *v,
                  pe_error *errp)
{
    const codec_wish any = {0};

    v->codec = codec_open(at->pl ? &at->pl->codec : &any, errp);
    if (!v->codec)
        return -1;
    v->rc = codec_decode(v->codec, s->record.value, s->record.len, &v->b,
                         &v->facts, &v->bad);
    return 0;
}

static bool has_rows(const struct shown *v)
{
    return v->rc == CODEC_BLOCK || v->rc == CODEC_ROUNDED;
}

static void print_values(const struct shown *v)
{
    uint32_t rows = v->b.points < ROWS ? v->b.points : ROWS;
    uint32_t n = v->b.features < VALUES ? v->b.features : VALUES;

    for (uint32_t i = 0; i < rows; i++) {
        printf("%8u ", i);
        for (uint32_t j = 0; j < n; j++)
            printf(" %.9g", pe_block_at(&v->b, i, j));
        printf("%s\n", n < v->b.features ? " ..." : "");
    }
    if (rows < v->b.points)
        printf("%8s\n", "...");
}

static void print_headers(const struct search *s)
{
    record_headers h = {0};
    char said[640], name[64];

    if (broker_record_headers(&s->record, &h, NULL) < 0)
        return;
    for (size_t i = 0; i < h.n; i++) {
        const record_header *k = &h.h[i];

        text_shown(k->name, strlen(k->name), name, sizeof(name));
        text_shown(k->value ? k->value : "", k->value ? k->len : 0, said,
                   sizeof(said));
        printf("%-14s %s\n", name, said);
    }
}

static void print_text(const struct search *s, const struct shown *v)
{
    print_headers(s);
    printf("%-14s %" PRIu64 "\n", "bytes", s->f.bytes);
    if (s->f.cut)
        printf("%-14s the record had %" PRIu64 " byte%s; those behind are "
               "lost\n",
               "cut", s->f.cut, text_s(s->f.cut));
    if (v->rc < 0)
        printf("%-14s cannot be read: %s\n", "block", v->bad.text);
    else if (!has_rows(v))
        printf("%-14s holds no rows: %s\n", "block", v->facts.skip);
    else
        printf("%-14s %ux%u, %s\n", "block", v->b.points, v->b.features,
               v->facts.codec);
    if (has_rows(v))
        print_values(v);
}

static json_t *values_json(const struct shown *v)
{
    json_t *rows = json_array();

    for (uint32_t i = 0; i < v->b.points && i < ROWS; i++) {
        json_t *row = json_array();

        for (uint32_t j = 0; j < v->b.features; j++) {
            double x = pe_block_at(&v->b, i, j);

            json_array_append_new(row,
                                  isfinite(x) ? json_real(x) : json_null());
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

static void print_json(const struct search *s, const struct shown *v)
{
    json_t *o = refusal_json(&s->f);

    if (has_rows(v)) {
        json_object_set_new(o, "points", json_integer(v->b.points));
        json_object_set_new(o, "features", json_integer(v->b.features));
        json_object_set_new(o, "codec", json_string(v->facts.codec));
        json_object_set_new(o, "values", values_json(v));
    }
    refusal_line(o);
}

static int show(const struct refused_options *o, const struct search *s,
                const look_place *at, pe_error *errp)
{
    struct shown v = {0};
    int rc = decode(s, at, &v, errp);

    if (rc == 0 && o->out)
        rc =
            file_write(o->out, s->record.value, s->record.len, FILE_MODE, errp);
    if (rc == 0 && o->json)
        print_json(s, &v);
    else if (rc == 0)
        print_text(s, &v);
    fflush(stdout);
    if (rc == 0 && o->out)
        log_info("its %zu byte%s, as they came, %s in %s%s", s->record.len,
                 text_s(s->record.len), text_are(s->record.len), o->out,
                 s->f.cut ? ", which is cut" : "");
    codec_close(v.codec);
    pe_block_release(&v.b);
    return rc;
}

int refused_show(const struct refused_options *o, char **args, int n,
                 pe_error *errp)
{
    struct search s = {0};
    look_place at = {0};
    look l = {0};
    int rc = refusal_place(args[1], &s.partition, &s.offset, errp);

    (void)n;
    if (rc == 0)
        rc = look_find(args[0], PIPELINE_REFUSED, &at, errp);
    if (rc == 0)
        rc = look_each(&at, &l, take, &s, errp);
    if (rc == 0 && s.error.kind != PE_ERROR_NONE) {
        *errp = s.error;
        rc = -1;
    }
    if (rc == 0 && !s.found)
        rc = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                          "block %s is not among the refused of topic %s: "
                          "'pilot refused list %s' shows those",
                          args[1], at.topic, args[0]);
    if (rc == 0)
        rc = show(o, &s, &at, errp);
    drop(&s);
    look_close(&l);
    look_leave(&at);
    return rc;
}
