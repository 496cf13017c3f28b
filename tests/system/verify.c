/* verify.c - checks a run from outside: records and Redis against each other.
 *
 * Reads every record below the committed offsets, drops repeats by (device,
 * boot, seq), folds the rest into its own audit and compares it with the
 * audit model that the pool committed, byte for byte.  With --blocks N it
 * also asks that every device of ours has exactly the blocks 0..N-1.  With
 * --refused N so many blocks lie in the topic of refused ones, and those are in
 * no model.
 *
 * It shares neither the rule for repeats nor a reader with the pool, nor
 * anything with `pilot verify`, which is checked against it.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pilot/model.h>

#include "models/audit/audit.h"
#include "src/block/npy.h"
#include "src/block/sender.h"
#include "src/broker/broker.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/model/safetensors.h"
#include "src/params/params.h"

enum { DEVICE_NAME = 512 };

struct device {
    char name[DEVICE_NAME];
    uint64_t boot, next_seq;
    bool ours, any;
    int64_t gaps;
    int64_t row[AUDIT_LANES];
};

struct check {
    const char *broker, *url, *password_file, *run;
    char logins[4096]; /* of the run, "": it needs none */
    int64_t blocks;    /* of every device of ours; -1: any number */
    params_state state;
    pe_model *model; /* NULL: nothing was learned */
    struct device *d;
    size_t n;
    int64_t unreadable, repeats;
    int64_t refused; /* that there are to be; -1: nobody has asked */
    struct place {
        int32_t partition;
        int64_t offset;
        bool forged; /* nothing that it says of its device is true */
    } * bad;         /* each once */
    size_t n_bad;
};

static void die(const pe_error *e)
{
    printf("verify: %s\n", e->text);
    exit(1);
}

static struct device *find(struct check *c, const char *name)
{
    struct device *d;

    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->d[i].name, name))
            return &c->d[i];
    d = realloc(c->d, (c->n + 1) * sizeof(*d));
    if (!d)
        exit(1);
    c->d = d;
    d = &d[c->n++];
    memset(d, 0, sizeof(*d));
    snprintf(d->name, sizeof(d->name), "%s", name);
    return d;
}

/* Is this record the first of its identity?  In offset order, as rule 5. */
static bool is_new(struct check *c, struct device *d, const pe_block *b)
{
    if (!b->has_seq)
        return true;
    d->ours = true;
    if (d->any &&
        (b->boot < d->boot || (b->boot == d->boot && b->seq < d->next_seq))) {
        c->repeats++;
        return false;
    }
    if (b->seq != (d->any && b->boot == d->boot ? d->next_seq : 0))
        d->gaps++;
    d->any = true;
    d->boot = b->boot;
    d->next_seq = b->seq + 1;
    return true;
}

/* The device's name: RUN/DEVICE for one of another run, and where a stranger
 * has the name of a device of ours, foreign/NAME.
 */
static void put_name(const struct check *c, const broker_record *r,
                     const record_headers *h, pe_block *b, char *name)
{
    char said[SENDER_NAME];
    const int64_t *row;
    enum sender whose =
        sender_decode(h, c->run, r->key, r->key_len, r->partition, said);

    snprintf(name, DEVICE_NAME, "%s", said);
    if (whose != SENDER_STRANGER)
        return;
    b->has_seq = 0;
    snprintf(name, DEVICE_NAME, "foreign/%s", said);
    for (size_t i = 0; c->model && i < audit_devices(c->model); i++)
        if (!strcmp(audit_device(c->model, i, &row), name))
            return;
    snprintf(name, DEVICE_NAME, "%s", said);
}

static const struct place *refused_at(const struct check *c, int32_t partition,
                                      int64_t offset)
{
    for (size_t i = 0; i < c->n_bad; i++)
        if (c->bad[i].partition == partition && c->bad[i].offset == offset)
            return &c->bad[i];
    return NULL;
}

/* A record of the topic of refused blocks. */
static void take_refused(struct check *c, const broker_record *r)
{
    const record_header *h;
    record_headers all;
    char words[512], *slash;
    pe_error e = {0};
    struct place at;

    if (broker_record_headers(r, &all, &e) < 0 ||
        !(h = record_find(&all, "pe_origin")) || h->len >= sizeof(words))
        return;
    memcpy(words, h->value, h->len);
    words[h->len] = '\0';
    slash = strchr(words, '/');
    if (!slash || sscanf(slash, "/%d/%ld", &at.partition, &at.offset) != 2 ||
        refused_at(c, at.partition, at.offset))
        return;
    h = record_find(&all, "pe_reason");
    at.forged = h && h->len > 7 && !memcmp(h->value, "forged:", 7);
    c->bad = realloc(c->bad, (c->n_bad + 1) * sizeof(*c->bad));
    if (!c->bad)
        exit(1);
    c->bad[c->n_bad++] = at;
}

static void take(struct check *c, const broker_record *r)
{
    record_headers h;
    static pe_block b; /* its storage, for what has to be converted */
    pe_error e = {0};
    char buf[1024], name[DEVICE_NAME];
    const struct place *bad = refused_at(c, r->partition, r->offset);
    struct device *d;

    if (bad && bad->forged)
        return;
    b = (pe_block){.storage = b.storage, .capacity = b.capacity};
    if (broker_record_headers(r, &h, &e) < 0 ||
        record_decode(&h, &b, buf, sizeof(buf), &e) < 0 ||
        npy_decode(r->value, r->len, &b, &e) < 0 ||
        (c->model && b.features != c->model->features)) {
        c->unreadable++;
        return;
    }
    put_name(c, r, &h, &b, name);
    d = find(c, name);
    if (is_new(c, d, &b) && !bad)
        audit_fold(d->row, &b);
}

static void read_partition(struct check *c, const params_offset *o,
                           void (*each)(struct check *c,
                                        const broker_record *r))
{
    broker_consumer_conf conf = {
        .broker = {.endpoint = c->broker,
                   .logins = *c->logins ? c->logins : NULL,
                   .client_id = "verify"},
        .topic = o->topic,
        .group = "verify",
        .message_bytes = 4 << 20,
        .queue_bytes = 16 << 20,
        .check_crcs = true,
    };
    broker_position at = {o->partition, 0, 0};
    broker_consumer *k;
    broker_record r;
    pe_error e = {0};

    if (o->next == 0)
        return;
    k = broker_consumer_open(&conf, &e);
    if (!k || broker_consumer_assign(k, &at, 1, &e) < 0)
        die(&e);
    while (at.offset < o->next) {
        int rc = broker_consumer_fetch(k, 1000, &r, &e);

        if (rc < 0)
            die(&e);
        if (rc == 0)
            continue;
        if (r.offset < o->next)
            each(c, &r);
        at.offset = r.offset + 1;
        broker_record_release(&r);
    }
    broker_consumer_close(k);
}

static void read_refused(struct check *c, const params_offset *o)
{
    broker_conf conf = {.endpoint = c->broker,
                        .logins = *c->logins ? c->logins : NULL,
                        .client_id = "verify"};
    char topic[300];
    params_offset all = {.topic = topic, .partition = o->partition};
    broker_admin *a;
    pe_error e = {0};
    int64_t low;

    snprintf(topic, sizeof(topic), "%s.refused", o->topic);
    a = broker_admin_open(&conf, &e);
    if (!a ||
        broker_watermarks(a, topic, o->partition, &low, &all.next, &e) < 0)
        die(&e);
    broker_admin_close(a);
    read_partition(c, &all, take_refused);
}

static int compare(struct check *c, const char *name, const int64_t *row)
{
    static const char *const lane[] = {"blocks", "points", "sum", "sumsq"};
    const struct device *d = find(c, name);
    int bad = 0;

    for (int i = 0; i < AUDIT_LANES; i++) {
        if (d->row[i] == row[i])
            continue;
        printf("%s: %s is %lld in the model, %lld in the records\n", name,
               lane[i], (long long)row[i], (long long)d->row[i]);
        bad++;
    }
    return bad;
}

static void read_model(struct check *c)
{
    pe_error e = {0};

    if (!c->state.model.len)
        return;
    c->model = pe_model_decode(c->state.model.data, c->state.model.len, &e);
    if (!c->model)
        die(&e);
    if (!strcmp(c->model->ops->name, "audit"))
        return;
    pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_USAGE,
                 "run %s has a model %s, and this compares that of an audit: "
                 "ask 'pilot verify'",
                 c->run, c->model->ops->name);
    die(&e);
}

static int compare_all(struct check *c)
{
    const pe_model *m = c->model;
    size_t n = m ? audit_devices(m) : 0;
    int bad = 0;

    for (size_t i = 0; i < n; i++) {
        const int64_t *row;
        const char *name = audit_device(m, i, &row);

        bad += compare(c, name, row);
    }
    if (n < c->n) {
        printf("the model has %zu devices, the records %zu\n", n, c->n);
        bad++;
    }
    return bad;
}

static int check_devices(struct check *c)
{
    int bad = 0;

    for (size_t i = 0; i < c->n; i++) {
        const struct device *d = &c->d[i];

        if (d->gaps) {
            printf("%s: %lld gaps in seq\n", d->name, (long long)d->gaps);
            bad++;
        }
        if (d->ours && !strchr(d->name, '/') && c->blocks >= 0 &&
            d->row[0] != c->blocks) {
            printf("%s: %lld blocks, %lld were sensed\n", d->name,
                   (long long)d->row[0], (long long)c->blocks);
            bad++;
        }
    }
    return bad;
}

static void parse(struct check *c, int argc, char **argv)
{
    static const struct option o[] = {
        {"broker", required_argument, NULL, 'b'},
        {"params", required_argument, NULL, 'p'},
        {"password-file", required_argument, NULL, 'w'},
        {"blocks", required_argument, NULL, 'n'},
        {"refused", required_argument, NULL, 'r'},
        {0},
    };
    int k;

    c->broker = getenv("PILOT_BROKER");
    c->url = getenv("PILOT_PARAMS");
    c->password_file = getenv("PILOT_PASSWORD_FILE");
    c->blocks = c->refused = -1;
    while ((k = getopt_long(argc, argv, "", o, NULL)) != -1) {
        if (k == 'b')
            c->broker = optarg;
        else if (k == 'p')
            c->url = optarg;
        else if (k == 'w')
            c->password_file = optarg;
        else if (k == 'r' && text_parse_int(optarg, &c->refused) == 0)
            continue;
        else if (k != 'n' || text_parse_int(optarg, &c->blocks) < 0)
            exit(64);
    }
    if (optind + 1 != argc || !c->broker || !c->url) {
        fputs("usage: verify [--blocks N] [--refused N] RUN\n", stderr);
        exit(64);
    }
    c->run = argv[optind];
    if (getenv("PILOT_HOME"))
        snprintf(c->logins, sizeof(c->logins), "%s/%s/logins",
                 getenv("PILOT_HOME"), c->run);
    if (access(c->logins, R_OK) != 0)
        *c->logins = '\0';
}

int main(int argc, char **argv)
{
    struct check c = {0};
    params_conf conf = {0};
    params *p;
    pe_error e = {0};
    int64_t blocks = 0;
    int bad;

    signal(SIGPIPE, SIG_IGN); /* clients of Redis write() */
    log_init(log_write_stderr, "verify", LOG_LEVEL_WARN);
    parse(&c, argc, argv);
    conf.url = c.url;
    conf.password_file = c.password_file;
    p = params_open(&conf, c.run, &e);
    if (!p || params_state_fetch(p, &c.state, &e) < 0)
        die(&e);
    read_model(&c);
    for (size_t i = 0; c.refused >= 0 && i < c.state.n_offsets; i++)
        read_refused(&c, &c.state.offsets[i]);
    for (size_t i = 0; i < c.state.n_offsets; i++)
        read_partition(&c, &c.state.offsets[i], take);
    bad = compare_all(&c) + check_devices(&c);
    if (c.refused >= 0 && c.n_bad != (size_t)c.refused) {
        printf("%zu blocks are refused, and not %lld\n", c.n_bad,
               (long long)c.refused);
        bad++;
    }
    for (size_t i = 0; i < c.n; i++)
        blocks += c.d[i].row[0];
    if (blocks != (int64_t)c.state.counters.applied) {
        printf("%lld blocks in the records, %llu counted as applied\n",
               (long long)blocks, (unsigned long long)c.state.counters.applied);
        bad++;
    }
    printf("%s: %lld blocks of %zu devices, %lld repeats, %lld refused, "
           "version %llu\n",
           bad ? "NOT EXACT" : "exact", (long long)blocks, c.n,
           (long long)c.repeats, (long long)c.unreadable,
           (unsigned long long)c.state.version);
    pe_model_destroy(c.model);
    params_state_free(&c.state);
    params_close(p);
    free(c.d);
    free(c.bad);
    return bad != 0;
}
