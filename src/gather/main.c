/* main.c - pilot-gateway: messages of MQTT or ZeroMQ into a topic. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/failpoint.h"
#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/gather/source.h"
#include "src/view/topic_look.h"

#define SPOOL_BYTES (UINT64_C(1) << 30)
#define MESSAGE_BYTES (UINT64_C(1) << 20)
#define IDLE_MS 100 /* a turn, where nothing is under way */
#define BUSY_MS 5
#define LEAVE_NS (5 * CLOCK_S)

typedef struct options {
    bool help, bind, mqtt3;
    const char *name, *device, *auth, *codec, *columns, *time, *rows, *spool,
        *size, *sync, *message_max, *parts, *seq, *hwm, *sign;
} options;

#define ROW(field) offsetof(options, field)

static const option_spec rows[] = {
    {"name", 'n', OPTION_TEXT, ROW(name), "NAME", NULL,
     "of this gateway: client id of its session, and run of its devices; "
     "default: gateway"},
    {"device", 0, OPTION_TEXT, ROW(device), "WHAT", NULL,
     "MQTT: number of the topic's level that names the device, default: the "
     "filter's first '+'; ZeroMQ: its name, default: that of the gateway"},
    {"auth", 0, OPTION_TEXT, ROW(auth), "FILE", NULL,
     "MQTT: file of mode 0600 with user, password, ca, certificate, key"},
    {"mqtt3", 0, OPTION_FLAG, ROW(mqtt3), NULL, NULL,
     "speak MQTT 3.1.1, not 5"},
    {"bind", 0, OPTION_FLAG, ROW(bind), NULL, NULL,
     "ZeroMQ: others connect to us"},
    {"parts", 0, OPTION_TEXT, ROW(parts), "WHICH", NULL,
     "ZeroMQ: last, each, or a number; default: last"},
    {"seq", 0, OPTION_TEXT, ROW(seq), "MEMBER", NULL,
     "ZeroMQ: member of the JSON in the first part that numbers messages"},
    {"hwm", 0, OPTION_TEXT, ROW(hwm), "N", NULL,
     "ZeroMQ: messages that it holds for us; default: 1000"},
    {"codec", 0, OPTION_TEXT, ROW(codec), "NAME", CODEC_NAMES,
     "of the messages; default: each is known by its first bytes"},
    {"columns", 0, OPTION_TEXT, ROW(columns), "LIST", NULL,
     "what to learn from: names, paths a.b, numbers and ranges"},
    {"time", 0, OPTION_TEXT, ROW(time), "COLUMN", NULL, "which is the clock"},
    {"rows", 0, OPTION_TEXT, ROW(rows), "AXIS", NULL,
     "axis that counts rows, or record: each message is one row"},
    {"spool", 0, OPTION_TEXT, ROW(spool), "DIR", NULL,
     "where messages are until the broker has them; default: gateway/NAME in "
     "PILOT_HOME"},
    {"size", 0, OPTION_TEXT, ROW(size), "SIZE", NULL,
     "of that, at most; default: 1GiB"},
    {"sync", 0, OPTION_TEXT, ROW(sync), "WHEN", "each 1s never",
     "when a message is on the disk: before it is acknowledged (each, the "
     "default), within a second, or when the kernel comes to it"},
    {"message-max", 0, OPTION_TEXT, ROW(message_max), "SIZE", NULL,
     "the largest record the topic takes; default: 1MiB"},
    {"sign", 0, OPTION_TEXT, ROW(sign), "FILE", NULL,
     "sign records, for a run that is signed, by the key that 'pilot key "
     "gateway RUN NAME FILE' has made"},
    {"help", 'h', OPTION_FLAG, ROW(help), NULL, NULL, "this text"},
    {0},
};

static const char *const synopsis[] = {
    "[OPTION]... mqtt://HOST[:PORT]/FILTER TOPIC",
    "[OPTION]... zmq:tcp://HOST:PORT TOPIC", NULL};

static const option_usage usage = {
    .command = "pilot-gateway",
    .synopsis = synopsis,
    .prose = "Take messages of MQTT or ZeroMQ, each on our disk before its "
             "sender is told so, and forward them to TOPIC, each once and in "
             "the order of its device.  TOPIC is kafka://HOST:PORT/NAME, "
             "redis://HOST:PORT/NAME, or a NAME of the broker that is known.",
    .options = rows,
    .min_args = 2,
    .max_args = 2,
    .operand = "a source and a TOPIC",
};

static volatile sig_atomic_t ended;

static void on_signal(int sig)
{
    (void)sig;
    ended = 1;
}

static int size_of(const char *name, const char *s, uint64_t least,
                   uint64_t *out, pe_error *errp)
{
    if (!s ||
        (text_parse_size(s, out) == 0 && *out >= least && *out <= INT64_MAX))
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "--%s '%s' is no size of %" PRIu64 " bytes and more",
                        name, s, least);
}

static int take_options(const options *o, gather_conf *g, gather_source_conf *s,
                        pe_error *errp)
{
    int64_t hwm = 0;

    g->name = o->name ? o->name : "gateway";
    g->size = SPOOL_BYTES;
    g->message_bytes = MESSAGE_BYTES;
    g->sync = !o->sync || !strcmp(o->sync, "each") ? SPOOL_EACH
              : !strcmp(o->sync, "1s")             ? SPOOL_SECOND
                                                   : SPOOL_NEVER;
    g->wish = (codec_wish){.codec = o->codec,
                           .columns = o->columns,
                           .time = o->time,
                           .rows = o->rows};
    if (strspn(g->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789._-") != strlen(g->name) ||
        !*g->name || *g->name == '.' || strlen(g->name) > 64)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--name '%s': letters, digits, '.', '_' and '-', "
                            "64 at most",
                            g->name);
    if (o->hwm &&
        (text_parse_int(o->hwm, &hwm) < 0 || hwm < 1 || hwm > 1000000))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--hwm %s: it is a number from 1 to 1000000",
                            o->hwm);
    *s = (gather_source_conf){.name = g->name,
                              .device = o->device,
                              .auth = o->auth,
                              .parts = o->parts,
                              .seq = o->seq,
                              .hwm = (int)hwm,
                              .bind = o->bind,
                              .old = o->mqtt3};
    if (size_of("size", o->size, 1 << 20, &g->size, errp) < 0)
        return -1;
    return size_of("message-max", o->message_max, 16384, &g->message_bytes,
                   errp);
}

static void say_counts(gather *g)
{
    gather_counts n = gather_counts_get(g);
    uint64_t left = gather_waiting(g);

    printf("%" PRIu64 " message%s taken, %" PRIu64 " forwarded", n.taken,
           text_s(n.taken), n.forwarded);
    if (left)
        printf(", %" PRIu64 " in the spool for the next start", left);
    if (n.refused)
        printf(", refused by codec: %" PRIu64, n.refused);
    if (n.skipped)
        printf(", without rows: %" PRIu64, n.skipped);
    if (n.repeats)
        printf(", repeats: %" PRIu64, n.repeats);
    if (n.lost)
        printf(", lost by sequence: %" PRIu64, n.lost);
    if (n.dropped)
        printf(", too large and dropped: %" PRIu64, n.dropped);
    printf("\n");
}

/* What is in the spool is handed on, for a while. */
static int leave(gather *g, pe_error *errp)
{
    int64_t limit = clock_mono_ns() + LEAVE_NS;

    while (gather_waiting(g) > 0 && clock_mono_ns() < limit) {
        if (gather_forward(g, errp) < 0)
            return -1;
        clock_sleep_ns(BUSY_MS * CLOCK_MS, 0);
    }
    return 0;
}

static int carry(gather_source *s, gather *g, pe_error *errp)
{
    while (!ended) {
        if (s->ops->turn(s, gather_waiting(g) ? BUSY_MS : IDLE_MS, errp) < 0 ||
            gather_forward(g, errp) < 0)
            return -1;
    }
    return leave(g, errp);
}

/* Where it keeps messages, new memory. */
static char *spool_folder(const options *o, const char *name, pe_error *errp)
{
    char *home = o->spool ? NULL : locate_home(errp), *dir = NULL;

    if (o->spool)
        dir = strdup(o->spool);
    else if (home)
        dir = text_format("%s/gateway/%s", home, name);
    if (!dir && (o->spool || home))
        pe_error_nomem(errp);
    free(home);
    if (dir && file_mkdir(dir, errp) < 0) {
        free(dir);
        dir = NULL;
    }
    return dir;
}

static int gather_all(gather_conf *c, gather_source_conf *s, pe_error *errp)
{
    const gather_source_ops *ops = gather_source_find(s->url, errp);
    gather_source *source = NULL;
    gather *g = NULL;
    int rc = -1;

    if (!ops)
        return -1;
    c->stage = ops->stage;
    g = gather_open(c, errp);
    if (g)
        source = ops->open(s, g, errp);
    if (source) {
        printf("gathering %s into %s\n", s->url, c->topic);
        fflush(stdout);
        rc = carry(source, g, errp);
        say_counts(g);
        ops->close(source);
    }
    gather_close(g);
    return rc;
}

static int run(const options *o, char **operands, pe_error *errp)
{
    gather_conf c = {0};
    gather_source_conf s = {0};
    look_place at = {0};
    char *dir = NULL;
    int rc = take_options(o, &c, &s, errp);

    if (rc == 0) {
        dir = spool_folder(o, c.name, errp);
        rc = dir ? failpoint_open(dir, "gateway", -1, errp) : -1;
    }
    if (rc == 0) {
        rc = look_find(operands[1], "", &at, errp);
    }
    if (rc == 0) {
        s.url = operands[0];
        c.dir = dir;
        c.sign = o->sign;
        c.topic = at.topic;
        pipeline_request_broker(at.req, &c.broker, "pilot-gateway");
        rc = gather_all(&c, &s, errp);
    }
    look_leave(&at);
    free(dir);
    return rc;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal};
    options o = {0};
    pe_error e = {0};
    int first;

    log_init(log_write_stderr, "pilot-gateway", LOG_LEVEL_INFO);
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    first = option_parse(&usage, argc, argv, &o, &e);
    if (first < 0)
        return log_failure(&e);
    if (o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (option_operands(&usage, argc - first, &e) < 0 ||
        run(&o, argv + first, &e) < 0)
        return log_failure(&e);
    return PE_EXIT_OK;
}
