/* doctor.c - lines of `pilot doctor` about an OpenPBS or PBS Pro site. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

#include "src/common/text.h"

static const char *word_of(const json_t *object, const char *key)
{
    const char *word = json_string_value(json_object_get(object, key));

    return word ? word : "";
}

static bool is_true(const json_t *object, const char *key)
{
    return !strcmp(word_of(object, key), "True");
}

/* Member [key] of what [argv] prints in JSON, a new reference.  NULL with
 * *failedp unset: it was said what is wrong.
 */
static json_t *json_ask(resource *r, const char *const *argv, const char *key,
                        const scheduler_report *to, bool *failedp,
                        pe_error *errp)
{
    host_answer a = {0};
    char words[256];
    json_t *all = NULL, *part = NULL;

    *failedp = scheduler_ask(r, argv, &a, errp) < 0;
    if (*failedp)
        return NULL;
    scheduler_words(&a, words, sizeof(words));
    /* Its status first: without a server it prints a document all the same. */
    if (a.status == 0)
        all = json_loadb(a.out, a.out_len, 0, NULL);
    part = json_incref(json_object_get(all, key));
    if (a.status != 0)
        scheduler_say(to, false,
                      text_format("%s on %s says: %s", argv[0],
                                  host_name(r->host), words));
    else if (!part)
        scheduler_say(to, false,
                      text_format("%s on %s gives no answer that can be read",
                                  argv[0], host_name(r->host)));
    json_decref(all);
    host_answer_free(&a);
    return part;
}

/* It says how long it would keep them, also when it keeps none. */
static void say_history(const scheduler_report *to, const char *name,
                        const json_t *server)
{
    if (is_true(server, "job_history_enable"))
        scheduler_say(to, true,
                      text_format("server %s keeps finished jobs for %s", name,
                                  word_of(server, "job_history_duration")));
    else
        scheduler_say(to, false,
                      text_format("server %s keeps no finished jobs: how one "
                                  "ended is known from its own record only",
                                  name));
}

/* The server's line; its default queue into [queue]. */
static int server_check(resource *r, const scheduler_report *to, char *queue,
                        size_t cap, bool *upp, pe_error *errp)
{
    static const char *const argv[] = {"qstat", "-B", "-f", "-F", "json", NULL};
    bool failed;
    json_t *servers = json_ask(r, argv, "Server", to, &failed, errp);
    const char *name;
    json_t *server;

    *upp = false;
    json_object_foreach(servers, name, server)
    {
        const char *state = word_of(server, "server_state");
        *upp = true;
        scheduler_say(to, true,
                      text_format("PBS %s: server %s is %s",
                                  word_of(server, "pbs_version"), name, state));
        say_history(to, name, server);
        snprintf(queue, cap, "%s", word_of(server, "default_queue"));
    }
    json_decref(servers);
    return failed ? -1 : 0;
}

static void say_time(const scheduler_report *to, const char *name,
                     const json_t *queue, const resource_request *q)
{
    const char *most =
        word_of(json_object_get(queue, "resources_max"), "walltime");
    int64_t limit = pbs_seconds(most, strlen(most));
    double asked = request_seconds(q, REQUEST_TIME);

    if (limit > 0 && asked > (double)limit)
        scheduler_say(
            to, false,
            text_format("queue %s gives %s and %s is asked for: lower --time, "
                        "or take another queue",
                        name, most, q->word[REQUEST_TIME]));
    else
        scheduler_say(to, true,
                      text_format("time limit of queue %s: %s", name,
                                  *most ? most : "none of its own"));
}

static void say_queue(const scheduler_report *to, const char *name,
                      const json_t *queue, const resource_request *q)
{
    bool open = is_true(queue, "enabled"), runs = is_true(queue, "started");

    scheduler_say(
        to, open && runs,
        text_format(!open  ? "queue %s takes no jobs: take another"
                    : runs ? "queue %s is open"
                           : "queue %s is stopped: jobs wait there until the "
                             "site starts it, or take another",
                    name));
    say_time(to, name, queue, q);
}

static int queue_check(resource *r, const scheduler_report *to,
                       const char *wanted, const resource_request *q,
                       pe_error *errp)
{
    static const char *const argv[] = {"qstat", "-Q", "-f", "-F", "json", NULL};
    bool failed;
    json_t *queues = json_ask(r, argv, "Queue", to, &failed, errp), *queue;
    text names = {0};
    const char *name;

    json_object_foreach(queues, name, queue)
        text_add(&names, "%s%s", names.len ? " " : "", name);
    queue = json_object_get(queues, wanted);
    if (queue)
        say_queue(to, wanted, queue, q);
    else if (queues)
        scheduler_say(to, false,
                      text_format("queue %s is not there: it is one of %s",
                                  *wanted ? wanted : "(no default one)",
                                  names.data ? names.data : "none"));
    text_free(&names);
    json_decref(queues);
    return failed ? -1 : 0;
}

/* Can a host in state "free" or "job-busy,..." run a job, now or later? */
static bool is_usable(const char *state)
{
    static const char *const bad[] = {"down",    "offline",      "stale",
                                      "unknown", "provisioning", NULL};

    for (const char *const *b = bad; *b; b++)
        if (strstr(state, *b))
            return false;
    return *state != '\0';
}

static int nodes_check(resource *r, const scheduler_report *to,
                       const resource_request *q, pe_error *errp)
{
    static const char *const argv[] = {"pbsnodes", "-a", "-F", "json", NULL};
    bool failed;
    json_t *nodes = json_ask(r, argv, "nodes", to, &failed, errp), *node;
    request_shape shape = {0};
    int usable = 0, all = 0;
    const char *name;

    json_object_foreach(nodes, name, node)
    {
        usable += is_usable(word_of(node, "state"));
        all++;
    }
    if (nodes && request_shape_of(q, &shape, NULL) == 0 && shape.nodes > usable)
        scheduler_say(
            to, false,
            text_format("%d of %d host%s %s usable, and %d %s asked for: "
                        "lower --nodes, or wait",
                        usable, all, text_s((uint64_t)all),
                        text_are((uint64_t)usable), shape.nodes,
                        text_are((uint64_t)shape.nodes)));
    else if (nodes)
        scheduler_say(to, usable > 0,
                      text_format("%d of %d host%s %s usable", usable, all,
                                  text_s((uint64_t)all),
                                  text_are((uint64_t)usable)));
    json_decref(nodes);
    return failed ? -1 : 0;
}

int pbs_doctor(resource *r, const resource_request *q,
               void (*line)(void *arg, bool ok, const char *text), void *arg,
               pe_error *errp)
{
    const scheduler_report to = {line, arg};
    const char *asked = q->word[REQUEST_PARTITION] ? q->word[REQUEST_PARTITION]
                                                   : q->word[REQUEST_QOS];
    char queue[64] = "";
    bool up;

    if (server_check(r, &to, queue, sizeof(queue), &up, errp) < 0)
        return -1;
    if (!up)
        return 0;
    if (queue_check(r, &to, asked ? asked : queue, q, errp) < 0 ||
        nodes_check(r, &to, q, errp) < 0)
        return -1;
    return 0;
}
