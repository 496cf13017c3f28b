/* inspect_topic.c - `pilot inspect kafka://HOST:PORT/TOPIC`. */
#include "inspect_topic.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/common/log.h"
#include "src/view/view.h"
#include "src/view/topic_look.h"
#include "src/codec/wish.h"
#include "src/common/shell.h"
#include "src/common/text.h"

#define LOOKED 100 /* records */
#define KINDS 24
#define LISTED_MAX 60
/* Of a record: what it has beside its numbers, and what any may be. */
#define ROOM (64u << 10)
#define LEAST (4u << 20)

/* Records of one kind: a codec, or what they are instead. */
typedef struct kind {
    const char *words;
    bool rows; /* it is a codec */
    uint64_t n;
    const broker_record *last; /* the newest that could be read, else was not */
    bool read;
    char why[300]; /* of one that was not */
} kind;

typedef struct kinds {
    kind k[KINDS];
    size_t n;
} kinds;

static kind *kind_of(kinds *s, const char *words, bool rows)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->k[i].words, words))
            return &s->k[i];
    if (s->n == KINDS)
        return &s->k[KINDS - 1];
    s->k[s->n] = (kind){.words = words, .rows = rows};
    return &s->k[s->n++];
}

static void count(kinds *s, codec *c, const broker_record *r, pe_block *b)
{
    codec_facts f;
    pe_error e = {0};
    int rc = codec_decode(c, r->value, r->len, b, &f, &e);
    kind *k = kind_of(s,
                      rc == CODEC_SKIPPED ? f.skip
                      : f.codec           ? f.codec
                                          : "unknown",
                      rc != CODEC_SKIPPED && f.codec);

    k->n++;
    if (rc >= 0 || !k->read)
        k->last = r;
    k->read = k->read || rc >= 0;
    if (rc < 0)
        snprintf(k->why, sizeof(k->why), "%.299s", e.text);
}

static const kind *most_of(const kinds *s)
{
    const kind *most = NULL;

    for (size_t i = 0; i < s->n; i++)
        if (s->k[i].rows && (!most || s->k[i].n > most->n))
            most = &s->k[i];
    return most;
}

static void print_columns(const codec *c)
{
    size_t n = codec_columns(c);
    codec_column k;

    printf("     #  %-24s %-12s %-16s\n", "column", "type", "shape");
    for (size_t i = 0; i < n && i < LISTED_MAX; i++) {
        codec_column_of(c, i, &k);
        printf("  %4zu  %-24s %-12s %-16s %s\n", i, *k.name ? k.name : "-",
               k.type, k.shape,
               k.taken          ? "learned"
               : k.clock        ? "the clock"
               : k.may_be_clock ? "may be the clock"
               : k.number       ? "not named"
                                : "left out");
    }
    if (n > LISTED_MAX)
        printf("        ... and %zu more\n", n - LISTED_MAX);
}

/* Names that could be learned from, as columns: has them; "" where nothing has
 * to be said.
 */
static void list_names(const codec *c, bool taken, text *t)
{
    char line[CODEC_LINE_MAX];
    codec_column k;

    for (size_t i = 0; i < codec_columns(c); i++) {
        codec_column_of(c, i, &k);
        if (!*k.name || (taken ? !k.taken : !k.number || k.may_be_clock))
            continue;
        text_add(t, "%s%s", t->len ? "," : "",
                 codec_wish_name(k.name, true, line));
    }
}

/* The records that are learned from: the newest of them, as it was read. */
typedef struct found {
    const codec *c;
    const kind *k;
    const pe_block *b;
} found;

/* Lines of a stream, and the same as words of a command. */
typedef struct lines {
    text file, set;
} lines;

/* A word of YAML that means itself, as a shell's does. */
static bool is_plain(const char *value)
{
    return isalnum((unsigned char)*value) && shell_is_plain(value) &&
           !strchr(value, ':') && strcasecmp(value, "null") != 0;
}

/* [value] as it stands between double quotes. */
static void add_line(lines *l, const char *name, const char *value)
{
    const char *quote = is_plain(value) ? "" : "\"";
    text word = {0};

    text_add(&l->file, "      %s: \"%s\"\n", name, value);
    text_add(&word, "streams.sensors.%s=%s%s%s", name, quote, value, quote);
    text_add(&l->set, " --set ");
    shell_add_word(&l->set, word.data ? word.data : "");
    l->set.failed = l->set.failed || word.failed;
    text_free(&word);
}

static void add_wish(void *arg, const char *name, const char *value)
{
    char *quoted = malloc(2 * strlen(value) + 1), *to = quoted;

    if (!quoted) {
        ((lines *)arg)->set.failed = 1;
        return;
    }
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            *to++ = '\\';
        *to++ = *value;
    }
    *to = '\0';
    if (strcmp(name, "columns") != 0 && strcmp(name, "codec") != 0)
        add_line(arg, name, quoted);
    free(quoted);
}

/* What is to be said of the records, that they are read so again. */
static void add_records(lines *l, const pe_options *o, const codec *c,
                        const kind *k)
{
    text names = {0};
    char line[CODEC_LINE_MAX];
    codec_column column;

    list_names(c, k->read, &names);
    if (strcmp(k->words, "npy") != 0) {
        add_line(l, "codec", k->words);
        if (names.len > 0 && !names.failed)
            add_line(l, "columns", names.data);
    }
    for (size_t i = 0; i < codec_columns(c); i++) {
        codec_column_of(c, i, &column);
        if (!column.may_be_clock || column.taken)
            continue;
        add_line(l, "time", codec_wish_name(column.name, false, line));
        break;
    }
    codec_wish_each(o, add_wish, l);
    text_free(&names);
}

/* A score for each row goes into one record, too.  Of what could not be read it
 * is not known how many rows it has: hardly one for each four bytes.
 */
static void add_room(lines *l, const kind *k, const pe_block *b)
{
    size_t need = k->read ? b->points * sizeof(float) : k->last->len;
    char size[24];

    if (need + ROOM < LEAST)
        return;
    snprintf(size, sizeof(size), "%zuMiB", ((need + ROOM) >> 20) + 1);
    add_line(l, "message-max", size);
}

/* A command that runs as it stands, and the lines of a file. */
static void print_lines(const pe_options *o, const look_place *at,
                        const look *l, const found *what)
{
    lines s = {0};
    char partitions[16];

    if (!look_is_known(at))
        text_add(&s.set, " --set pilots.broker.endpoint=%s", at->req->broker);
    add_line(&s, "topic", at->topic);
    snprintf(partitions, sizeof(partitions), "%d", l->partitions);
    add_line(&s, "partitions", partitions);
    add_records(&s, o, what->c, what->k);
    add_room(&s, what->k, what->b);
    if (s.file.failed || s.set.failed)
        log_warn("there is no memory for the lines that would read it");
    else
        printf("\nto learn from what is in it, where the folder jobs/ is:\n"
               "  pilot run jobs/pool.yaml --until eof%s\n"
               "\nin a pipeline file of a pool on this topic:\n"
               "  streams:\n    sensors:\n%s",
               s.set.data, s.file.data);
    text_free(&s.file);
    text_free(&s.set);
}

static void print_kinds(const kinds *s, const look *l)
{
    for (size_t i = 0; i < s->n; i++)
        printf("%s%" PRIu64 " %s", i ? ", " : "", s->k[i].n, s->k[i].words);
    printf("%s\n", s->n ? " of the newest" : "no record is in it");
    for (size_t i = 0; i < s->n; i++)
        if (*s->k[i].why)
            printf("  cannot be read: %s\n", s->k[i].why);
    if (l->missing)
        printf("  %" PRIu64 " partition%s did not give the last records\n",
               l->missing, text_s(l->missing));
}

static void show(const pe_options *o, codec *c, const char *word,
                 const look_place *at, const look *l)
{
    kinds s = {0};
    pe_block b = {0};
    codec_facts f;
    pe_error e = {0};
    const kind *most;

    for (size_t i = 0; i < l->n; i++)
        count(&s, c, &l->record[i], &b);
    printf("%s: topic of %d partition%s, about %" PRIu64 " record%s: ", word,
           l->partitions, text_s((uint64_t)l->partitions), l->kept,
           text_s(l->kept));
    print_kinds(&s, l);
    most = most_of(&s);
    if (most) {
        codec_decode(c, most->last->value, most->last->len, &b, &f, &e);
        print_columns(c);
        print_lines(o, at, l, &(found){c, most, &b});
    }
    pe_block_release(&b);
}

int inspect_topic(const option_list *set, const char *word)
{
    pe_error e = {0};
    pe_options *o = pe_options_create(codec_options, &e);
    look_place at = {0};
    look l = {0};
    codec *c = NULL;
    bool failed = !o;

    for (size_t i = 0; !failed && i < set->n; i++)
        failed = view_set_option(o, set->items[i], "columns=temp,hum", &e) < 0;
    if (!failed) {
        codec_wish w = codec_wish_of(o);

        c = codec_open(&w, &e);
    }
    failed = !c || look_find(word, "", &at, &e) < 0 ||
             look_newest(&at, LOOKED, &l, &e) < 0;
    if (!failed)
        show(o, c, word, &at, &l);
    look_close(&l);
    look_leave(&at);
    codec_close(c);
    pe_options_destroy(o);
    return failed ? log_failure(&e) : PE_EXIT_OK;
}
