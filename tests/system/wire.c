/* wire.c - is a value of a row in any record of a topic?
 *
 * usage: wire ROWS.csv TOPIC PARTITIONS [plant]
 * Looks for each number of the file as a double, for each two of a row side by
 * side as floats, and for each as it is written, at every byte of every value,
 * key and header.  plant: a value is put where it would be found.
 * exit: 0 none was found, 1 one was, 2 nothing could be looked at
 * broker: PILOT_BROKER
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/record.h"
#include "src/broker/broker.h"

enum { WORDS_MAX = 1 << 21, LINE = 4096, TRIES = 100 };

static uint64_t words[WORDS_MAX]; /* the eight bytes of each, in order */
static size_t n_words;
static char texts[64][32]; /* some of them as they are written */
static size_t n_texts;
static size_t n_records, n_bytes;

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void add_word(const void *bytes)
{
    if (n_words < WORDS_MAX)
        memcpy(&words[n_words++], bytes, sizeof(words[0]));
}

static void add_row(char *line, size_t number)
{
    double before = 0;
    char *save = NULL;
    int k = 0;

    for (char *s = strtok_r(line, ",\n", &save); s;
         s = strtok_r(NULL, ",\n", &save), k++) {
        double v = strtod(s, NULL);
        float pair[2] = {(float)before, (float)v};

        add_word(&v);
        if (k > 0)
            add_word(pair);
        if (number % 997 == 0 && k == 0 && n_texts < 64)
            snprintf(texts[n_texts++], sizeof(texts[0]), "%s", s);
        before = v;
    }
}

static int read_rows(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[LINE];
    size_t n = 0;

    if (!f)
        return -1;
    while (fgets(line, sizeof(line), f))
        add_row(line, n++);
    fclose(f);
    qsort(words, n_words, sizeof(words[0]), by_value);
    return n_words > 0 ? 0 : -1;
}

static int look(const char *what, int64_t offset, const void *data, size_t len)
{
    uint64_t word;

    n_bytes += len;
    for (size_t i = 0; data && i + sizeof(word) <= len; i++) {
        memcpy(&word, (const char *)data + i, sizeof(word));
        if (!bsearch(&word, words, n_words, sizeof(word), by_value))
            continue;
        printf("record %lld: %s has a value of a row at byte %zu\n",
               (long long)offset, what, i);
        return 1;
    }
    for (size_t i = 0; data && i < n_texts; i++)
        if (memmem(data, len, texts[i], strlen(texts[i]))) {
            printf("record %lld: %s has the text %s\n", (long long)offset, what,
                   texts[i]);
            return 1;
        }
    return 0;
}

static int look_into(const broker_record *r, int plant)
{
    record_headers h;
    int found;

    n_records++;
    if (plant && r->len > 64) {
        char *copy = malloc(r->len);

        if (!copy)
            return 2;
        memcpy(copy, r->value, r->len);
        memcpy(copy + 41, &words[n_words / 2], sizeof(words[0]));
        found = look("value", r->offset, copy, r->len);
        free(copy);
        return found;
    }
    found = look("value", r->offset, r->value, r->len);
    found = found || look("key", r->offset, r->key, r->key_len);
    if (broker_record_headers(r, &h, NULL) < 0)
        return 2;
    for (size_t i = 0; i < h.n && !found; i++)
        found = look(h.h[i].name, r->offset, h.h[i].value, h.h[i].len);
    return found;
}

static int look_partition(broker_admin *a, broker_consumer *c,
                          const char *topic, int partition, int plant)
{
    broker_position at = {.partition = partition};
    int64_t high = 0;
    int found = 0, empty = 0, rc;

    if (broker_watermarks(a, topic, partition, &at.offset, &high, NULL) < 0 ||
        broker_consumer_assign(c, &at, 1, NULL) < 0)
        return 2;
    while (!found && at.offset < high && empty < TRIES) {
        broker_record r = {0};

        rc = broker_consumer_fetch(c, 200, &r, NULL);
        if (rc < 0)
            return 2;
        if (rc == 0) {
            empty++;
            continue;
        }
        found = look_into(&r, plant);
        at.offset = r.offset + 1;
        broker_record_release(&r);
    }
    return empty < TRIES ? found : 2;
}

int main(int argc, char **argv)
{
    const broker_conf b = {.endpoint = getenv("PILOT_BROKER"),
                           .client_id = "wire"};
    broker_consumer_conf conf = {.broker = b,
                                 .group = "wire",
                                 .message_bytes = 1 << 24,
                                 .queue_bytes = 1 << 25};
    broker_consumer *c = NULL;
    broker_admin *a = NULL;
    int found = 2;

    if (argc < 4 || read_rows(argv[1]) < 0)
        return 2;
    conf.topic = argv[2];
    a = broker_admin_open(&b, NULL);
    c = broker_consumer_open(&conf, NULL);
    if (a && c)
        found = 0;
    for (int k = 0; k < atoi(argv[3]) && !found; k++)
        found = look_partition(a, c, argv[2], k, argc > 4);
    broker_consumer_close(c);
    broker_admin_close(a);
    printf("%zu records, %zu bytes, %zu numbers\n", n_records, n_bytes,
           n_words);
    return n_records > 0 ? found : 2;
}
