/* foreign.c - a producer that is not ours.
 *
 * usage: foreign version: of the client
 *        foreign TOPIC PARTITION KIND COUNT [KEY [NAME=VALUE...]]
 * broker: PILOT_BROKER; codec: FOREIGN_CODEC; FOREIGN_TIME: record time, ms;
 * FOREIGN_TRANSACTION=NAME: all in one transaction, whose mark follows them.
 * FOREIGN_LOGIN: a file of lines NAME=VALUE, settings of the client, which ends
 *                with the first thing that goes wrong.
 * KIND: npy (10 x 3 doubles), wide (10 x 5), widest (1 x 300000 floats), nan
 *       (every second row NaN), big (10 x 3 values of 1e300), long (500000 x
 *       3 zeros), junk (no .npy), heap (6 MiB that are none), @FILE (its bytes)
 * KEY, VALUE: %XX is a byte, @ the number of the record, from 0.
 */
#include <librdkafka/rdkafka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/npy.h"
#include "src/common/file.h"

static const struct kind {
    const char *name;
    uint32_t rows, cols;
    enum pe_dtype dtype;
} kinds[] = {
    {"npy", 10, 3, PE_F8}, {"wide", 10, 5, PE_F8},
    {"nan", 10, 3, PE_F8}, {"widest", 1, 300000, PE_F4},
    {"big", 10, 3, PE_F8}, {"long", 500000, 3, PE_F8},
    {"junk", 0, 9, PE_F4}, {"heap", 0, 6 << 20, PE_F4},
};

static double value(const char *kind, uint32_t row, uint32_t col)
{
    if (!strcmp(kind, "nan") && row % 2)
        return NAN;
    if (!strcmp(kind, "big"))
        return 1e300;
    return row + col / 10.0;
}

static void *owned; /* what is sent, where it is no block's */

static const void *make_junk(const struct kind *k, size_t *lenp)
{
    char *bytes = calloc(1, k->cols);

    if (!bytes)
        exit(1);
    memcpy(bytes, "not numpy", 9);
    *lenp = k->cols;
    return owned = bytes;
}

static const void *make_file(const char *path, size_t *lenp)
{
    pe_error e = {0};

    owned = file_read(path, 64 << 20, lenp, &e);
    if (!owned) {
        fprintf(stderr, "foreign: %s\n", e.text);
        exit(1);
    }
    return owned;
}

static const void *make(const char *name, pe_block *b, size_t *lenp)
{
    const struct kind *k = kinds;
    pe_error e = {0};

    if (name[0] == '@')
        return make_file(name + 1, lenp);
    while (k < kinds + sizeof(kinds) / sizeof(*kinds) && strcmp(k->name, name))
        k++;
    if (k == kinds + sizeof(kinds) / sizeof(*kinds))
        exit(64);
    if (k->rows == 0)
        return make_junk(k, lenp);
    if (pe_block_reserve(b, k->rows, k->cols, k->dtype, &e) < 0)
        exit(1);
    memset(b->data, 0, pe_block_bytes(b));
    if (k->rows == 10) {
        double *v = b->data;

        for (uint32_t i = 0; i < k->rows; i++)
            for (uint32_t c = 0; c < k->cols; c++)
                v[i * k->cols + c] = value(name, i, c);
    }
    return npy_frame(b, lenp);
}

/* Bytes of [s], with %XX taken for one and @ for [number]. */
static size_t unescape(const char *s, int number, char *out)
{
    unsigned byte;
    size_t n = 0;

    for (; *s; n++) {
        if (*s == '@') {
            n += (size_t)sprintf(out + n, "%d", number) - 1;
            s++;
        } else if (*s == '%' && sscanf(s + 1, "%2x", &byte) == 1) {
            out[n] = (char)byte;
            s += 3;
        } else {
            out[n] = *s++;
        }
    }
    return n;
}

static rd_kafka_headers_t *headers(int argc, char **argv, int number)
{
    rd_kafka_headers_t *h = rd_kafka_headers_new(8);
    char bytes[1024];

    for (int i = 6; i < argc; i++) {
        const char *is = strchr(argv[i], '=');
        size_t n = is ? unescape(is + 1, number, bytes) : 0;

        rd_kafka_header_add(h, argv[i], is ? is - argv[i] : -1,
                            is ? bytes : NULL, (ssize_t)n);
    }
    return h;
}

static void set(rd_kafka_conf_t *c, const char *name, const char *text)
{
    char why[256];

    if (rd_kafka_conf_set(c, name, text, why, sizeof(why))) {
        fprintf(stderr, "foreign: %s\n", why);
        exit(1);
    }
}

/* Lines NAME=VALUE. */
static void set_login(rd_kafka_conf_t *c, const char *path)
{
    char line[1024], *is;
    FILE *f = fopen(path, "r");

    if (!f) {
        perror(path);
        exit(1);
    }
    while (fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        is = strchr(line, '=');
        if (is) {
            *is = '\0';
            set(c, line, is + 1);
        }
    }
    fclose(f);
}

static int given_up;

static void on_answer(rd_kafka_t *k, const rd_kafka_message_t *m, void *arg)
{
    (void)k;
    (void)arg;
    if (m->err && !given_up++)
        fprintf(stderr, "foreign: %s\n", rd_kafka_err2name(m->err));
}

static void on_error(rd_kafka_t *k, int err, const char *why, void *arg)
{
    (void)k;
    (void)arg;
    fprintf(stderr, "foreign: %s: %s\n",
            rd_kafka_err2name((rd_kafka_resp_err_t)err), why);
    exit(1);
}

static rd_kafka_t *open_client(void)
{
    rd_kafka_conf_t *c = rd_kafka_conf_new();
    const char *codec = getenv("FOREIGN_CODEC");

    set(c, "bootstrap.servers", getenv("PILOT_BROKER"));
    set(c, "message.max.bytes", "100000000");
    set(c, "compression.codec", codec ? codec : "none");
    set(c, "linger.ms", "5");
    if (getenv("FOREIGN_TRANSACTION"))
        set(c, "transactional.id", getenv("FOREIGN_TRANSACTION"));
    if (getenv("FOREIGN_LOGIN")) {
        set_login(c, getenv("FOREIGN_LOGIN"));
        set(c, "log_level", "0");
        rd_kafka_conf_set_error_cb(c, on_error);
    }
    rd_kafka_conf_set_dr_msg_cb(c, on_answer);
    return rd_kafka_new(RD_KAFKA_PRODUCER, c, NULL, 0);
}

static void check(rd_kafka_error_t *e)
{
    if (!e)
        return;
    fprintf(stderr, "foreign: %s\n", rd_kafka_error_string(e));
    exit(1);
}

static void begin(rd_kafka_t *k)
{
    if (!getenv("FOREIGN_TRANSACTION"))
        return;
    check(rd_kafka_init_transactions(k, 20000));
    check(rd_kafka_begin_transaction(k));
}

static void send_one(rd_kafka_t *k, int argc, char **argv, int number,
                     const void *v, size_t len)
{
    const char *time = getenv("FOREIGN_TIME");
    char key[1024];
    size_t n = argc > 5 ? unescape(argv[5], number, key) : 0;
    rd_kafka_resp_err_t err;

    err = rd_kafka_producev(
        k, RD_KAFKA_V_TOPIC(argv[1]), RD_KAFKA_V_PARTITION(atoi(argv[2])),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(n ? key : NULL, n),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)v, len),
        RD_KAFKA_V_TIMESTAMP(time ? atoll(time) : 0),
        RD_KAFKA_V_HEADERS(headers(argc, argv, number)), RD_KAFKA_V_END);
    given_up += err != 0;
}

int main(int argc, char **argv)
{
    rd_kafka_t *k = argc > 4 ? open_client() : NULL;
    pe_block b = {0};
    const void *v;
    size_t len;

    if (argc == 2 && !strcmp(argv[1], "version"))
        return puts(rd_kafka_version_str()) < 0;
    if (!k)
        return 64;
    v = make(argv[3], &b, &len);
    begin(k);
    for (int i = 0; i < atoi(argv[4]); i++)
        send_one(k, argc, argv, i, v, len);
    if (rd_kafka_flush(k, 20000) || given_up) {
        fputs("foreign: not all was sent\n", stderr);
        return 1;
    }
    if (getenv("FOREIGN_TRANSACTION"))
        check(rd_kafka_commit_transaction(k, 20000));
    rd_kafka_destroy(k);
    pe_block_release(&b);
    free(owned);
    return 0;
}
