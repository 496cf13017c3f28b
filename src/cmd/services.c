/* services.c - `pilot services`: a Kafka and a Redis to use, by the script; a
 * topic for others to write to, by ourselves.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/broker/broker.h"
#include "src/cmd/cmd.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/view/topic_look.h"

#define PARTITIONS_MAX 4096
#define NAME_MAX_BYTES 249
#define SCHEME "kafka://"

/* --- topic --- */

struct topic_options {
    const char *partitions, *message_max;
    bool help;
};

#define OPTION(kind, member) \
    OPTION_##kind, offsetof(struct topic_options, member)

static const option_spec options[] = {
    {"partitions", 0, OPTION(TEXT, partitions), "N", NULL,
     "how many it is to have; default: 1, or those it has"},
    {"message-max", 0, OPTION(TEXT, message_max), "SIZE", NULL,
     "the largest record it is to take (64MiB); default: the broker's"},
    {"help", 'h', OPTION(FLAG, help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {
    "[OPTION]... NAME", "[OPTION]... kafka://HOST:PORT/NAME", NULL};

static const option_usage usage = {
    .command = "pilot services topic",
    .synopsis = synopsis,
    .prose = "Make a topic for others to write to, where there is none of that "
             "name, and say what there is.",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .operand = "a NAME",
};

static int take_options(const struct topic_options *o, broker_topic *t,
                        pe_error *errp)
{
    int64_t n = 0;

    if (o->partitions &&
        (text_parse_int(o->partitions, &n) < 0 || n < 1 || n > PARTITIONS_MAX))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--partitions %s: it is a number from 1 to %d",
                            o->partitions, PARTITIONS_MAX);
    t->partitions = (int)n;
    if (o->message_max &&
        (text_parse_size(o->message_max, &t->message_bytes) < 0 ||
         t->message_bytes < 1 || t->message_bytes > INT32_MAX))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--message-max %s: it is a size like 64MiB",
                            o->message_max);
    return 0;
}

static int check_name(const char *name, pe_error *errp)
{
    static const char known[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    if (strspn(name, known) == strlen(name) && strlen(name) <= NAME_MAX_BYTES)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "'%s' can be the name of no topic: letters, digits, "
                        "'.', '_' and '-', %d at most",
                        name, NAME_MAX_BYTES);
}

/* What is there already stays as it is. */
static int check_there(const look_place *at, const broker_topic *t, int n,
                       pe_error *errp)
{
    if (n == 0 || t->partitions == 0 || t->partitions == n)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "topic %s at %s has %d partition%s, and not %d: leave "
                        "--partitions out to use it as it is, or give another "
                        "name",
                        t->name, at->req->broker, n, n == 1 ? "" : "s",
                        t->partitions);
}

static int count_records(broker_admin *a, const char *topic, int n,
                         uint64_t *recordsp, pe_error *errp)
{
    int64_t low, high;

    *recordsp = 0;
    for (int i = 0; i < n; i++) {
        if (broker_watermarks(a, topic, i, &low, &high, errp) < 0)
            return -1;
        *recordsp += (uint64_t)(high - low);
    }
    return 0;
}

static void say_topic(const look_place *at, bool made, int n, uint64_t records)
{
    char *url = look_url(at->req->broker, at->topic);

    printf("topic %s at %s: %s, %d partition%s", at->topic, at->req->broker,
           made ? "made" : "there already", n, n == 1 ? "" : "s");
    if (!made)
        printf(", about %" PRIu64 " record%s", records,
               records == 1 ? "" : "s");
    printf("\nto look into it: pilot inspect %s\n", url ? url : at->topic);
    free(url);
}

static int ensure_topic(broker_admin *a, const look_place *at, broker_topic *t,
                        pe_error *errp)
{
    uint64_t records = 0;
    int there, n;

    t->name = at->topic;
    if (broker_topic_partitions(a, at->topic, &there, errp) < 0 ||
        check_there(at, t, there, errp) < 0)
        return -1;
    t->gaps_allowed = true; /* what it keeps is a matter of who reads it */
    t->partitions = there ? there : t->partitions ? t->partitions : 1;
    if (broker_topic_ensure(a, t, &n, errp) < 0)
        return -1;
    /* One that has just been made has none, and may not even answer yet. */
    if (there > 0 && count_records(a, at->topic, n, &records, errp) < 0)
        return -1;
    say_topic(at, there == 0, n, records);
    return 0;
}

/* [word]: NAME, of the broker that is known, or a URL. */
static int topic_do(const struct topic_options *o, const char *word,
                    pe_error *errp)
{
    bool is_url = look_is_url(word);
    char *url = text_format("%s%s", is_url ? "" : SCHEME "/", word);
    broker_topic t = {0};
    broker_conf c = {0};
    look_place at = {0};
    broker_admin *a = NULL;
    int rc = url ? take_options(o, &t, errp) : pe_error_nomem(errp);

    if (rc == 0)
        rc = look_find(url, "", &at, errp);
    if (rc == 0)
        rc = check_name(at.topic, errp);
    if (rc == 0) {
        pipeline_request_broker(at.req, &c, "pilot-services");
        a = broker_admin_open(&c, errp);
        rc = a ? ensure_topic(a, &at, &t, errp) : -1;
    }
    broker_admin_close(a);
    look_leave(&at);
    free(url);
    return rc;
}

static int services_topic(int argc, char **argv)
{
    struct topic_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first < 0 || option_operands(&usage, argc - first, &e) < 0 ||
        topic_do(&o, argv[first], &e) < 0)
        return log_failure(&e);
    return PE_EXIT_OK;
}

/* --- all else it does, and its --help, are the script's --- */

int cmd_services(int argc, char **argv)
{
    pe_error e = {0};
    char *program;

    if (argc > 1 && !strcmp(argv[1], "topic"))
        return services_topic(argc - 1, argv + 1);
    program = locate_program("pilot-services", PILOT_LIBEXECDIR, &e);
    if (!program)
        return log_failure(&e);
    argv[0] = program;
    execv(program, argv);
    pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_CONFIG, "cannot start %s: %s",
                 program, strerror(errno));
    free(program);
    return log_failure(&e);
}
