/* effective.c - every key of a pipeline with its value, as YAML. */
#include "pipeline_private.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "src/codec/wish.h"
#include "src/place/place.h"
#include "src/scale/scale.h"

#define SAFE "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* Can [s] stand without quotes? */
static bool is_plain(const char *s)
{
    size_t len = strlen(s);

    return len > 0 && (isalnum((unsigned char)*s) || *s == '/' || *s == '.') &&
           strspn(s, SAFE "_./:@%+=,-") == len && s[len - 1] != ':';
}

static void print_text(FILE *f, const char *s)
{
    if (is_plain(s)) {
        fputs(s, f);
        return;
    }
    fputc('"', f);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            fprintf(f, "\\%c", *s);
        else if ((unsigned char)*s < ' ' || *s == 0x7f)
            fprintf(f, "\\x%02x", (unsigned char)*s);
        else
            fputc(*s, f);
    }
    fputc('"', f);
}

/* "KEY: VALUE" on a line; a NULL [value] has none. */
static void print_key(FILE *f, int indent, const char *key, const char *value)
{
    if (!value)
        return;
    fprintf(f, "%*s", indent, "");
    print_text(f, key);
    fputs(": ", f);
    print_text(f, value);
    fputc('\n', f);
}

static void print_section(FILE *f, int indent, const char *key)
{
    fprintf(f, "%*s", indent, "");
    print_text(f, key);
    fputs(":\n", f);
}

static void print_int(FILE *f, int indent, const char *key, long long value)
{
    fprintf(f, "%*s%s: %lld\n", indent, "", key, value);
}

/* Sizes and times in the largest unit that leaves no fraction. */
static void print_size(FILE *f, int indent, const char *key, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
    size_t u = 0;

    while (u + 1 < sizeof(units) / sizeof(units[0]) && bytes > 0 &&
           bytes % 1024 == 0) {
        bytes /= 1024;
        u++;
    }
    fprintf(f, "%*s%s: %llu%s\n", indent, "", key, (unsigned long long)bytes,
            units[u]);
}

static void print_time(FILE *f, int indent, const char *key, double seconds)
{
    static const struct {
        const char *name;
        long long ns;
    } units[] = {{"h", 3600000000000}, {"m", 60000000000}, {"s", 1000000000},
                 {"ms", 1000000},      {"us", 1000},       {"ns", 1}};
    long long ns = llround(seconds * 1e9);
    size_t u = ns == 0 ? 2 : 0;

    while (ns % units[u].ns != 0)
        u++;
    fprintf(f, "%*s%s: %lld%s\n", indent, "", key, ns / units[u].ns,
            units[u].name);
}

static void print_item(FILE *f, int indent, const char *value)
{
    fprintf(f, "%*s- ", indent, "");
    print_text(f, value);
    fputc('\n', f);
}

static void print_list(FILE *f, int indent, const char *key, char *const *items,
                       size_t n)
{
    if (n == 0)
        return;
    fprintf(f, "%*s%s:\n", indent, "", key);
    for (size_t i = 0; i < n; i++)
        print_item(f, indent + 2, items[i]);
}

/* A default that the pool counts with, in its place among the words. */
static void print_default(FILE *f, int indent, const pipeline_pilot *k,
                          enum request_word w)
{
    if (k->kind != PILOT_POOL)
        return;
    if (w == REQUEST_NTASKS)
        print_int(f, indent, request_specs[w].name, k->ntasks);
    if (w == REQUEST_CPUS_PER_TASK)
        print_int(f, indent, request_specs[w].name, k->cpus_per_task);
}

static void print_request(FILE *f, int indent, const pipeline_pilot *k)
{
    const resource_request *q = &k->request;

    for (int w = 0; w < REQUEST_N_WORDS; w++) {
        const char *name = request_specs[w].name;
        if (q->word[w])
            print_key(f, indent, name, q->word[w]);
        else
            print_default(f, indent, k, (enum request_word)w);
        print_list(f, indent, name, q->list[w].items, q->list[w].n);
    }
}

static void print_place(FILE *f, const pipeline *p, const pipeline_pilot *k)
{
    if (k->within >= 0)
        print_key(f, 4, "within", p->pilots[k->within].name);
    else if (k->n_resources == 1)
        print_key(f, 4, "resource", k->resources[0]);
    else
        print_list(f, 4, "resource", k->resources, k->n_resources);
    if (k->same_host)
        print_key(f, 4, "same-host", "yes");
    print_key(f, 4, "site", k->site);
    print_key(f, 4, "via", k->via);
    print_key(f, 4, "broker", k->broker);
    print_key(f, 4, "params", k->params);
}

typedef struct scale_print {
    FILE *f;
    const char *section; /* that was opened last */
} scale_print;

static void print_scale_key(void *arg, const char *section, const char *key,
                            const char *value)
{
    scale_print *s = arg;

    if (*section && strcmp(section, s->section) != 0)
        print_section(s->f, 6, section);
    s->section = section;
    print_key(s->f, *section ? 8 : 6, key, value);
}

static void print_scale(FILE *f, const scale_policy *p)
{
    scale_print s = {f, ""};

    if (!p)
        return;
    print_section(f, 4, "scale");
    scale_policy_each(p, print_scale_key, &s);
}

static void print_spool(FILE *f, const pipeline_pilot *k)
{
    if (k->spool.size == 0)
        return;
    print_section(f, 4, "spool");
    print_size(f, 6, "size", k->spool.size);
    print_key(f, 6, "full", k->spool.drop ? "drop-oldest" : "block");
    print_key(f, 6, "sync", pipeline_spool_syncs[k->spool.sync]);
    print_key(f, 6, "dir", k->spool.dir);
}

static void print_login(void *arg, const char *name, const char *text)
{
    print_key(arg, 6, name, text);
}

static void print_auth(FILE *f, const pipeline_auth *a)
{
    if (a && pipeline_auth_file(a, -1, NULL))
        print_key(f, 4, "auth", pipeline_auth_file(a, -1, NULL));
    else if (a) {
        print_section(f, 4, "auth");
        pipeline_auth_each(a, print_login, f);
    }
}

static void print_pilot(FILE *f, const pipeline *p, const pipeline_pilot *k)
{
    print_section(f, 2, k->name);
    print_key(f, 4, "kind", pilot_kind_name(k->kind));
    print_place(f, p, k);
    print_request(f, 4, k);
    if (k->kind == PILOT_EDGE) {
        print_int(f, 4, "devices", k->devices);
        print_size(f, 4, "queue", k->queue_bytes);
        print_key(f, 4, "full", k->full_drop ? "drop" : "block");
        pipeline_print_urgent(k, f);
        print_spool(f, k);
    }
    print_key(f, 4, "endpoint", k->endpoint);
    print_key(f, 4, "listen", k->listen);
    if (k->clear)
        print_key(f, 4, "clear", "yes");
    print_key(f, 4, "password-file", k->password_file);
    print_key(f, 4, "user", k->user);
    print_auth(f, k->auth);
    print_scale(f, k->scale);
}

static void print_option(void *arg, const char *name, const char *text)
{
    print_key(arg, 6, name, text);
}

static void count_option(void *arg, const char *name, const char *text)
{
    (void)name;
    (void)text;
    ++*(int *)arg;
}

/* `pilot: NAME`, or the list. */
static void print_names(FILE *f, int indent, const pipeline *p,
                        const pipeline_stage *s)
{
    const int *pilots = s->n_learners ? s->learners : s->pilots;
    size_t n = s->n_learners ? s->n_learners : s->n_pilots;

    if (n == 1) {
        print_key(f, indent, "pilot", p->pilots[pilots[0]].name);
        return;
    }
    fprintf(f, "%*spilot:\n", indent, "");
    for (size_t i = 0; i < n; i++)
        print_item(f, indent + 2, p->pilots[pilots[i]].name);
}

static void print_wished(void *arg, const char *key, const char *value)
{
    print_key(arg, 6, key, value);
}

static void print_stage(FILE *f, const pipeline *p, const pipeline_stage *s)
{
    int n_options = 0;

    print_section(f, 2, s->name);
    print_names(f, 4, p, s);
    print_key(f, 4, "function", s->function);
    if (s->from >= 0)
        print_key(f, 4, "from", p->stages[s->from].name);
    if (s->role == STAGE_SOURCE) {
        print_section(f, 4, "block");
        print_int(f, 6, "points", s->points);
        print_time(f, 6, "within", s->within_s);
        fprintf(f, "      rate: %.15g\n", s->rate);
    }
    if (s->n_learners > 0) {
        print_time(f, 4, "sync", s->sync_s);
        print_int(f, 4, "least", (long long)s->least);
    }
    if (s->n_learners > 0 && s->stale_s > 0)
        print_time(f, 4, "stale", s->stale_s);
    if (s->prefer) {
        print_section(f, 4, "prefer");
        place_wish_each(s->prefer, print_wished, f);
    }
    if (s->limit_s > 0)
        print_time(f, 4, "limit", s->limit_s);
    pe_options_each(s->options, count_option, &n_options);
    if (n_options == 0)
        return;
    print_section(f, 4, "options");
    pe_options_each(s->options, print_option, f);
}

static void print_wish(void *arg, const char *name, const char *text)
{
    print_key(arg, 4, name, text);
}

static void print_stream(FILE *f, const pipeline *p)
{
    print_section(f, 2, p->stream_name);
    print_int(f, 4, "partitions", p->partitions);
    if (p->urgent > 0)
        print_int(f, 4, "urgent", p->urgent);
    print_key(f, 4, "compression", p->compression);
    print_key(f, 4, "format", p->dtype == PE_F4 ? "f4" : "f8");
    print_key(f, 4, "topic", p->topic);
    print_key(f, 4, "broker", p->stream_broker);
    print_key(f, 4, "gaps", p->gaps_allowed ? "allow" : "stop");
    print_size(f, 4, "message-max", p->message_bytes);
    if (p->stream)
        codec_wish_each(p->stream, print_wish, f);
}

void pipeline_print_config(const pipeline *p, FILE *f)
{
    print_int(f, 0, "version", 1);
    print_key(f, 0, "pipeline", p->name);
    print_section(f, 0, "pilots");
    for (size_t i = 0; i < p->n_pilots; i++)
        print_pilot(f, p, &p->pilots[i]);
    print_section(f, 0, "stages");
    for (size_t i = 0; i < p->n_stages; i++)
        print_stage(f, p, &p->stages[i]);
    if (p->n_context > 0)
        print_section(f, 0, "context");
    for (size_t i = 0; i < p->n_context; i++)
        print_key(f, 2, p->context_keys[i], p->context_values[i]);
    print_section(f, 0, "streams");
    for (size_t k = 0; k < p->n_streams; k++) {
        pipeline of;

        pipeline_peek(p, NULL, k, &of, NULL);
        print_stream(f, &of);
    }
    print_section(f, 0, "epoch");
    if (p->epoch_blocks > 0)
        print_int(f, 2, "blocks", (long long)p->epoch_blocks);
    else
        print_time(f, 2, "interval", p->epoch_s);
    print_key(f, 0, "results", p->results ? "topic" : "off");
    if (p->results_da00)
        print_key(f, 0, "results-format", "da00");
    print_key(f, 0, "results-topic", p->results_topic);
    print_key(f, 0, "until", p->until_eof ? "eof" : "end");
    print_key(f, 0, "trace", p->trace ? "true" : "false");
    if (p->sign)
        print_key(f, 0, "sign", p->sign_file ? p->sign_file : "yes");
    print_key(f, 0, "restore", p->restore);
    if (p->checkpoint_s > 0) {
        print_section(f, 0, "checkpoint");
        print_time(f, 2, "every", p->checkpoint_s);
        print_int(f, 2, "keep", p->checkpoint_keep);
    }
    if (p->refuse.share > 0)
        fprintf(f, "refuse-max: %.15g%%\n", 100 * p->refuse.share);
    else if (p->refuse.there)
        print_int(f, 0, "refuse-max", p->refuse.most);
    print_time(f, 0, "stall", p->stall_s);
    print_time(f, 0, "unheard", p->unheard_s);
}
