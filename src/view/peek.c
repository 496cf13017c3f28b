/* peek.c - `pilot peek`: the newest records of a topic, whoever wrote them. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/view/view.h"
#include "src/view/topic_look.h"
#include "src/codec/wish.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"

#define MOST 1000       /* records */
#define SHOWN 6         /* values of the first row in the table */
#define SHOWN_JSON 1024 /* ... and in JSON, of each row */
#define ROWS_JSON 100

struct peek_options {
    const char *n;
    option_list set;
    bool refused, results, json, no_header, help;
};

#define AT(member) offsetof(struct peek_options, member)

static const option_spec options[] = {
    {"number", 'n', OPTION_TEXT, AT(n), "N", NULL, "how many; default: 5"},
    {"refused", 0, OPTION_FLAG, AT(refused), NULL, NULL,
     "of those that the pool refused, with the reason"},
    {"results", 0, OPTION_FLAG, AT(results), NULL, NULL,
     "of its results, scores"},
    {"set", 0, OPTION_LIST, AT(set), "NAME=VALUE", NULL,
     "how records are read: codec, columns, time, rows, frames, delimiter, "
     "decimal, as in streams:; default: as the run does"},
    {"json", 'j', OPTION_FLAG, AT(json), NULL, NULL,
     "print JSON, an object a line"},
    {"no-header", 0, OPTION_FLAG, AT(no_header), NULL, NULL,
     "print no line of titles"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"[OPTION]... RUN", "[OPTION]... TOPIC",
                                       "[OPTION]... kafka://HOST:PORT/TOPIC",
                                       NULL};

static const option_usage usage = {
    .command = "pilot peek",
    .synopsis = synopsis,
    .prose = "Show the newest records of a topic: what they are, what is in "
             "them, and why one cannot be read.",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .operand = "a RUN or a TOPIC",
};

/* A record and what was made of it. */
typedef struct peeked {
    const broker_record *r;
    record_headers h;
    codec *codec;
    codec_facts f;
    pe_block b;
    int rc;
    pe_error bad;
} peeked;

typedef struct peek {
    codec *given, *found; /* as the run reads them; by their bytes */
    peeked p;
} peek;

/* What a device or a pool has written says so. */
static bool is_ours(const record_headers *h)
{
    const record_header *type = record_find(h, "content-type");

    return (type && type->value && type->len == strlen("application/x-npy") &&
            !memcmp(type->value, "application/x-npy", type->len)) ||
           (record_find(h, "pe_origin") && !record_find(h, "pe_reason"));
}

static void take(peek *k, const broker_record *r)
{
    peeked *p = &k->p;

    p->b = (pe_block){.storage = p->b.storage, .capacity = p->b.capacity};
    p->bad.kind = PE_ERROR_NONE;
    p->r = r;
    if (broker_record_headers(r, &p->h, &p->bad) < 0)
        record_clear(&p->h);
    p->codec = is_ours(&p->h) ? k->found : k->given;
    p->rc = codec_decode(p->codec, r->value, r->len, &p->b, &p->f, &p->bad);
}

/* Text of header [name], or NULL. */
static const char *header(const peeked *p, const char *name, char *out,
                          size_t cap)
{
    const record_header *h = record_find(&p->h, name);

    if (!h || !h->value)
        return NULL;
    text_shown(h->value, h->len, out, cap);
    return out;
}

/* --- a table --- */

static void print_values(const peeked *p)
{
    uint32_t n = p->b.features < SHOWN ? p->b.features : SHOWN;
    char name[CODEC_NAME_MAX + 16];
    bool column = p->b.features == 1 && p->b.points > 1;

    if (column) /* of one column the first of its rows */
        n = p->b.points < SHOWN ? p->b.points : SHOWN;
    for (uint32_t i = 0; i < n; i++) {
        codec_feature(p->codec, column ? 0 : i, name, sizeof(name));
        if (column || (name[0] >= '0' && name[0] <= '9'))
            printf("%s%.6g", i ? " " : "",
                   pe_block_at(&p->b, column ? i : 0, column ? 0 : i));
        else
            printf("%s%s=%.6g", i ? " " : "", name, pe_block_at(&p->b, 0, i));
    }
    printf("%s\n", n < (column ? p->b.points : p->b.features) ? " ..." : "");
}

static void print_row(const peeked *p)
{
    const broker_record *r = p->r;
    char time[32] = "", key[17] = "-", shape[32] = "-", said[640];
    const char *reason = header(p, "pe_reason", said, sizeof(said));

    /* A broker keeps milliseconds. */
    if (r->time_ns > 0) {
        record_time(r->time_ns, time, sizeof(time));
        memcpy(time + strlen("2026-11-29T08:00:00.000"), "Z", 2);
    }
    if (r->key_len > 0)
        text_shown(r->key, r->key_len, key, sizeof(key));
    if (p->rc == CODEC_BLOCK || p->rc == CODEC_ROUNDED)
        snprintf(shape, sizeof(shape), "%ux%u", p->b.points, p->b.features);
    printf("%9" PRId32 " %10" PRId64 " %-24s %-16s %-8s %9s  ", r->partition,
           r->offset, time, key, p->f.codec ? p->f.codec : "-", shape);
    if (reason)
        printf("refused: %s\n", reason);
    else if (p->rc < 0)
        printf("cannot be read: %s\n", p->bad.text);
    else if (p->rc == CODEC_SKIPPED)
        printf("no rows: %s\n", p->f.skip);
    else
        print_values(p);
}

/* --- JSON --- */

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *values_of(const peeked *p)
{
    json_t *rows = json_array();

    for (uint32_t i = 0; i < p->b.points && i < ROWS_JSON; i++) {
        json_t *row = json_array();

        for (uint32_t j = 0; j < p->b.features && j < SHOWN_JSON; j++)
            json_array_append_new(row, number(pe_block_at(&p->b, i, j)));
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *columns_of(const peeked *p)
{
    json_t *list = json_array();
    char name[CODEC_NAME_MAX + 16];

    for (uint32_t j = 0; j < p->b.features && j < SHOWN_JSON; j++) {
        codec_feature(p->codec, j, name, sizeof(name));
        json_array_append_new(list, json_string(name));
    }
    return list;
}

static void add_block(json_t *o, const peeked *p)
{
    json_object_set_new(o, "points", json_integer(p->b.points));
    json_object_set_new(o, "features", json_integer(p->b.features));
    json_object_set_new(o, "columns", columns_of(p));
    json_object_set_new(o, "values", values_of(p));
}

/* What was cut may end within a character. */
static json_t *clean(const char *words)
{
    char said[sizeof(((pe_error *)NULL)->text)];

    text_shown(words, strlen(words), said, sizeof(said));
    return json_string(said);
}

static json_t *headers_of(const peeked *p)
{
    json_t *o = json_object();
    char said[640], name[64];

    for (size_t i = 0; i < p->h.n; i++)
        if (header(p, p->h.h[i].name, said, sizeof(said))) {
            text_shown(p->h.h[i].name, strlen(p->h.h[i].name), name,
                       sizeof(name));
            json_object_set_new(o, name, json_string(said));
        }
    return o;
}

static void print_json(const peeked *p)
{
    const broker_record *r = p->r;
    char time[32] = "", said[640];
    json_t *o = json_object();

    if (r->time_ns > 0)
        record_time(r->time_ns, time, sizeof(time));
    text_shown(r->key ? r->key : "", r->key_len, said, sizeof(said));
    json_object_set_new(o, "partition", json_integer(r->partition));
    json_object_set_new(o, "offset", json_integer(r->offset));
    json_object_set_new(o, "time", json_string(time));
    json_object_set_new(o, "key", json_string(said));
    json_object_set_new(o, "bytes", json_integer((json_int_t)r->len));
    if (p->f.codec)
        json_object_set_new(o, "codec", json_string(p->f.codec));
    if (p->f.time_ns > 0) {
        record_time(p->f.time_ns, time, sizeof(time));
        json_object_set_new(o, "sense", json_string(time));
    }
    if (p->f.source) {
        text_shown(p->f.source, p->f.source_len, said, sizeof(said));
        json_object_set_new(o, "source", json_string(said));
    }
    if (p->rc < 0)
        json_object_set_new(o, "error", clean(p->bad.text));
    else if (p->rc == CODEC_SKIPPED)
        json_object_set_new(o, "aside", json_string(p->f.skip));
    else
        add_block(o, p);
    json_object_set_new(o, "headers", headers_of(p));
    json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17));
    putchar('\n');
    json_decref(o);
}

/* --- all of it --- */

static int take_options(const struct peek_options *o, pe_options *set,
                        pe_error *errp)
{
    if (o->results && o->refused)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "one of --refused and --results");
    for (size_t i = 0; i < o->set.n; i++)
        if (view_set_option(set, o->set.items[i], "columns=temp,hum", errp) < 0)
            return -1;
    return 0;
}

static int open_codecs(peek *k, const struct peek_options *o,
                       const pe_options *set, const look_place *at,
                       pe_error *errp)
{
    codec_wish w = at->pl && o->set.n == 0 ? at->pl->codec : codec_wish_of(set);

    k->given = codec_open(&w, errp);
    k->found = k->given ? codec_open(&(codec_wish){0}, errp) : NULL;
    return k->found ? 0 : -1;
}

static void show(peek *k, const struct peek_options *o, const look *l,
                 const look_place *at)
{
    if (!o->json && !o->no_header && l->n > 0)
        printf("%9s %10s %-24s %-16s %-8s %9s  %s\n", "PARTITION", "OFFSET",
               "TIME", "KEY", "CODEC", "SHAPE", "FIRST VALUES");
    for (size_t i = 0; i < l->n; i++) {
        take(k, &l->record[i]);
        if (o->json)
            print_json(&k->p);
        else
            print_row(&k->p);
    }
    fflush(stdout);
    log_info("the newest %zu of about %" PRIu64 " record%s of topic %s, %d "
             "partition%s",
             l->n, l->kept, text_s(l->kept), at->topic, l->partitions,
             text_s((uint64_t)l->partitions));
    if (l->missing > 0)
        log_warn("%" PRIu64 " of its partitions did not give the last "
                 "records within 10 s: they may be marks of transactions",
                 l->missing);
}

static int take_number(const struct peek_options *o, int64_t *np,
                       pe_error *errp)
{
    *np = 5;
    if (!o->n || (text_parse_int(o->n, np) == 0 && *np >= 1 && *np <= MOST))
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "-n %s: it is a number from 1 to %d", o->n, MOST);
}

static int peek_do(const struct peek_options *o, const char *word)
{
    const char *suffix = o->results   ? PIPELINE_RESULTS
                         : o->refused ? PIPELINE_REFUSED
                                      : "";
    look_place at = {0};
    look l = {0};
    peek k = {0};
    pe_error e = {0};
    int64_t n;
    pe_options *set = pe_options_create(codec_options, &e);
    int rc = set ? take_number(o, &n, &e) : -1;

    if (rc == 0)
        rc = take_options(o, set, &e);
    if (rc == 0)
        rc = look_find(word, suffix, &at, &e);
    if (rc == 0)
        rc = open_codecs(&k, o, set, &at, &e);
    if (rc == 0)
        rc = look_newest(&at, (size_t)n, &l, &e);
    if (rc == 0)
        show(&k, o, &l, &at);
    look_close(&l);
    codec_close(k.given);
    codec_close(k.found);
    pe_block_release(&k.p.b);
    look_leave(&at);
    pe_options_destroy(set);
    return rc < 0 ? log_failure(&e) : PE_EXIT_OK;
}

int view_peek(int argc, char **argv)
{
    struct peek_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);
    int status;

    if (first < 0) {
        status = log_failure(&e);
    } else if (o.help) {
        option_help(&usage, stdout);
        status = PE_EXIT_OK;
    } else if (option_operands(&usage, argc - first, &e) < 0) {
        status = log_failure(&e);
    } else {
        status = peek_do(&o, argv[first]);
    }
    option_list_free(&o.set);
    return status;
}
