/* main.c - pilot-link: a slow link to a server that is near. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/link/proxy.h"

#define CONNECTIONS_MAX 4096
#define FILES_BESIDE 32 /* of the program itself */
#define TURN_NS INT64_C(3600000000000)

typedef struct options {
    bool help, json;
    const char *profile, *delay, *rate, *every, *seed, *buffer, *connections,
        *stats;
} options;

#define ROW(field) offsetof(options, field)

static const option_spec rows[] = {
    {"profile", 'p', OPTION_TEXT, ROW(profile), "NAME", link_profile_names,
     "what the link is like; default: wan"},
    {"delay", 'd', OPTION_TEXT, ROW(delay), "TIME..TIME", NULL,
     "one way, like 70ms..80ms"},
    {"rate", 'r', OPTION_TEXT, ROW(rate), "RATE..RATE", NULL,
     "of each way, like 60Mbit..100Mbit"},
    {"every", 0, OPTION_TEXT, ROW(every), "TIME", NULL,
     "how long a rate lasts; default: 1s"},
    {"seed", 0, OPTION_TEXT, ROW(seed), "N", NULL,
     "another one, another weather; default: 1"},
    {"buffer", 0, OPTION_TEXT, ROW(buffer), "SIZE", NULL,
     "of a connection, each way; default: 4MiB"},
    {"connections", 0, OPTION_TEXT, ROW(connections), "N", NULL,
     "at a time; default: 256"},
    {"stats", 0, OPTION_TEXT, ROW(stats), "FILE", NULL,
     "at the end, and at SIGUSR1, write what went over it, as JSON"},
    {"help", 'h', OPTION_FLAG, ROW(help), NULL, NULL, "this text"},
    {0},
};

static const char *const synopsis[] = {"[OPTION]... [LISTEN=]HOST:PORT...",
                                       NULL};

static const option_usage usage = {
    .command = "pilot-link",
    .synopsis = synopsis,
    .prose = "Carry connections to HOST:PORT over a link that is slow; all "
             "share it.  LISTEN is a port, or HOST:PORT; without, a free port "
             "of 127.0.0.1.  Prints a line \"LISTEN HOST:PORT\" for each, and "
             "carries until SIGTERM or SIGINT.",
    .options = rows,
    .min_args = 1,
    .max_args = -1,
    .operand = "a HOST:PORT",
};

static volatile sig_atomic_t ended, asked;

static void on_signal(int sig)
{
    if (sig == SIGUSR1)
        asked = 1;
    else
        ended = 1;
}

/* The signals are let in only while the proxy waits.  *unblockedp: then. */
static void set_signals(sigset_t *unblockedp)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t ours;

    sigemptyset(&action.sa_mask);
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGUSR1);
    sigprocmask(SIG_BLOCK, &ours, unblockedp);
    sigdelset(unblockedp, SIGTERM);
    sigdelset(unblockedp, SIGINT);
    sigdelset(unblockedp, SIGUSR1);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
}

/* --- options --- */

static int number(const char *name, const char *s, int64_t most, int64_t *out,
                  pe_error *errp)
{
    int64_t n;

    if (text_parse_int(s, &n) < 0 || n < 1 || n > most)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--%s '%s' is no number from 1 to %lld", name, s,
                            (long long)most);
    *out = n;
    return 0;
}

static int take_weather(const options *o, link_weather *w, pe_error *errp)
{
    int64_t seed;

    if (link_profile(o->profile ? o->profile : "wan", w, errp) < 0)
        return -1;
    if (o->delay && link_delay_parse(o->delay, &w->delay_s, errp) < 0)
        return pe_error_prefix(errp, "--delay");
    if (o->rate && link_rate_parse(o->rate, &w->rate, errp) < 0)
        return pe_error_prefix(errp, "--rate");
    if (o->every &&
        (text_parse_time(o->every, &w->every_s) < 0 || w->every_s < 0.001))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--every '%s' is no time of 1ms and more, like 1s",
                            o->every);
    if (o->seed && number("seed", o->seed, INT64_MAX, &seed, errp) < 0)
        return -1;
    if (o->seed)
        w->seed = (uint64_t)seed;
    return 0;
}

static int take_options(const options *o, proxy_conf *c, pe_error *errp)
{
    int64_t connections = 256;
    uint64_t buffer = UINT64_C(4) << 20;

    if (take_weather(o, &c->weather, errp) < 0)
        return -1;
    if (o->buffer && (text_parse_size(o->buffer, &buffer) < 0 ||
                      buffer < PROXY_BUFFER_MIN || buffer > SIZE_MAX / 2))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--buffer '%s' is no size of 64KiB and more",
                            o->buffer);
    if (o->connections && number("connections", o->connections, CONNECTIONS_MAX,
                                 &connections, errp) < 0)
        return -1;
    c->buffer = (size_t)buffer;
    c->connections = (size_t)connections;
    return 0;
}

/* Two files a connection. */
static int have_files(size_t connections, size_t routes, pe_error *errp)
{
    rlim_t wanted = 2 * connections + routes + FILES_BESIDE;
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= wanted)
        return 0;
    l.rlim_cur = l.rlim_max < wanted ? l.rlim_max : wanted;
    if (l.rlim_cur >= wanted && setrlimit(RLIMIT_NOFILE, &l) == 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%zu connections take %llu open files and %llu are "
                        "allowed: give less --connections, or ulimit -n",
                        connections, (unsigned long long)wanted,
                        (unsigned long long)l.rlim_max);
}

/* "LISTEN=TARGET" or "TARGET". */
static int open_route(proxy *p, const char *operand, text *ready,
                      pe_error *errp)
{
    const char *equals = strchr(operand, '=');
    const char *target = equals ? equals + 1 : operand, *at;
    char *listen =
        equals ? text_format("%.*s", (int)(equals - operand), operand) : NULL;
    int status;

    if (equals && !listen)
        return pe_error_nomem(errp);
    status = proxy_route(p, listen, target, &at, errp);
    free(listen);
    if (status < 0)
        return pe_error_prefix(errp, "%s", operand);
    text_add(ready, "%s %s\n", at, target);
    return ready->failed ? pe_error_nomem(errp) : 0;
}

/* --- what went over it --- */

static void add_way(text *t, const char *name, const proxy_stats *s,
                    enum link_way way)
{
    const proxy_way *w = &s->way[way];

    text_add(t,
             ",\n  \"%s\": {\"bytes\": %lld, \"busy\": %.4f, "
             "\"mbit_per_s\": %.3f, \"delay_ms\": %.3f, "
             "\"delay_max_ms\": %.3f}",
             name, (long long)w->bytes,
             s->seconds > 0 ? w->busy_s / s->seconds : 0,
             s->seconds > 0 ? 8e-6 * (double)w->bytes / s->seconds : 0,
             1e3 * w->delay_s, 1e3 * w->most_s);
}

static int write_stats(const proxy *p, const char *file, pe_error *errp)
{
    proxy_stats s = proxy_stats_get(p);
    text t = {0};
    int status;

    text_add(&t,
             "{\n  \"seconds\": %.3f,\n  \"connections\": %lld,\n"
             "  \"open\": %zu,\n  \"refused\": %lld,\n  \"broken\": %lld",
             s.seconds, (long long)s.accepted, s.open, (long long)s.refused,
             (long long)s.broken);
    add_way(&t, "up", &s, LINK_UP);
    add_way(&t, "down", &s, LINK_DOWN);
    text_add(&t, "\n}\n");
    status = t.failed ? pe_error_nomem(errp)
                      : file_write(file, t.data, t.len, 0644, errp);
    text_free(&t);
    return status;
}

static int carry(proxy *p, const options *o, const sigset_t *unblocked,
                 pe_error *errp)
{
    pe_error e;

    while (!ended) {
        if (proxy_turn(p, TURN_NS, unblocked, errp) < 0)
            return -1;
        if (asked && o->stats && write_stats(p, o->stats, &e) < 0)
            log_warn("%s", e.text);
        asked = 0;
    }
    return o->stats ? write_stats(p, o->stats, errp) : 0;
}

static int run(const options *o, char **operands, int n, pe_error *errp)
{
    proxy_conf conf = {0};
    text ready = {0};
    proxy *p = NULL;
    sigset_t unblocked;
    int status = -1;

    if (take_options(o, &conf, errp) < 0 ||
        have_files(conf.connections, (size_t)n, errp) < 0)
        return -1;
    p = proxy_create(&conf, errp);
    if (!p)
        return -1;
    set_signals(&unblocked);
    for (int i = 0; i < n; i++)
        if (open_route(p, operands[i], &ready, errp) < 0)
            goto out;
    if (fputs(ready.data, stdout) == EOF || fflush(stdout) != 0) {
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE,
                     "cannot say where it listens: standard output fails");
        goto out;
    }
    status = carry(p, o, &unblocked, errp);
out:
    text_free(&ready);
    proxy_destroy(p);
    return status;
}

int main(int argc, char **argv)
{
    options o = {0};
    pe_error e = {0};
    int first;

    log_init(log_write_stderr, "pilot-link", LOG_LEVEL_INFO);
    first = option_parse(&usage, argc, argv, &o, &e);
    if (first < 0)
        return log_failure(&e);
    if (o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (option_operands(&usage, argc - first, &e) < 0 ||
        run(&o, argv + first, argc - first, &e) < 0)
        return log_failure(&e);
    return PE_EXIT_OK;
}
