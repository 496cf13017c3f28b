/* fake_rest.c - a slurmrestd that does what a test asks for. */
#include "fake_rest.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/common/clock.h"

#define HEAD_MAX 4096
#define BODY_MAX (1 << 20)
#define ERROR(number, words) \
    "{\"errors\": [{\"error_number\": " number ", \"error\": \"" words "\"}]}"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum fake_rest how;
static char members[1024], head[HEAD_MAX], body[BODY_MAX];
static const char *its_api = "v0.0.38", *to_say;
static int listener = -1;

void fake_rest_play(enum fake_rest h)
{
    pthread_mutex_lock(&lock);
    how = h;
    if (h == FAKE_REST_READY)
        body[0] = members[0] = '\0';
    pthread_mutex_unlock(&lock);
}

void fake_rest_api(const char *api)
{
    pthread_mutex_lock(&lock);
    its_api = api;
    pthread_mutex_unlock(&lock);
}

void fake_rest_say(const char *said)
{
    pthread_mutex_lock(&lock);
    to_say = said;
    pthread_mutex_unlock(&lock);
}

void fake_rest_job(const char *m)
{
    pthread_mutex_lock(&lock);
    snprintf(members, sizeof(members), "%s", m);
    pthread_mutex_unlock(&lock);
}

const char *fake_rest_posted(void)
{
    return body;
}

const char *fake_rest_head(void)
{
    return head;
}

static bool is_typed(void)
{
    return strcmp(its_api, "v0.0.38") != 0;
}

/* [job] as the later ones have it. */
static void type(json_t *job)
{
    json_int_t code = json_integer_value(json_object_get(job, "exit_code"));
    const char *name;
    json_t *v;
    void *next;

    json_object_foreach_safe(job, next, name, v)
    {
        if (!strcmp(name, "exit_code"))
            v = json_pack("{s:{s:b, s:I}, s:{s:{s:b, s:I}}}", "return_code",
                          "set", (code & 0x7f) == 0, "number", code >> 8,
                          "signal", "id", "set", (code & 0x7f) != 0, "number",
                          code & 0x7f);
        else if (!strcmp(name, "job_state"))
            v = json_pack("[O]", v);
        else if (json_is_integer(v) && strcmp(name, "job_id") != 0)
            v = json_pack("{s:b, s:b, s:O}", "set", 1, "infinite", 0, "number",
                          v);
        else
            continue;
        json_object_set_new(job, name, v);
    }
}

/* The job that was posted, as a list of jobs; with none while there is none. */
static char *jobs(bool hidden)
{
    json_t *all = json_loads(body, 0, NULL);
    const json_t *asked = json_object_get(all, "job");
    json_t *job = json_object(), *more;
    char *text = NULL, extra[1100];

    if (asked && !hidden) {
        snprintf(extra, sizeof(extra), "{%s}", members);
        more = json_loads(extra, 0, NULL);
        json_object_update(job, (json_t *)asked);
        json_object_set_new(job, "job_id", json_integer(37));
        json_object_set_new(job, "job_state", json_string("PENDING"));
        json_object_set_new(job, "priority", json_integer(5));
        json_object_set_new(job, "state_reason", json_string("Resources"));
        json_object_set_new(job, "requeue", json_true());
        json_object_update(job, more);
        json_decref(more);
        if (is_typed())
            type(job);
        json_t *out = json_pack("{s:[], s:[O]}", "errors", "jobs", job);
        text = json_dumps(out, 0);
        json_decref(out);
    }
    json_decref(job);
    json_decref(all);
    return text ? text : strdup("{\"errors\": [], \"jobs\": []}");
}

/* The answer, new memory; NULL: none. */
static char *answer(const char *method, const char *path)
{
    bool one = strstr(path, "/job/") != NULL;
    bool ours = body[0] && strstr(path, "/job/37") != NULL;

    if (how == FAKE_REST_SILENT) {
        clock_sleep_ns(CLOCK_S, 1);
        return NULL;
    }
    if (how == FAKE_REST_LOCKED)
        return strdup("Authentication failure");
    if (how == FAKE_REST_AWAY)
        return strdup(ERROR("-1", "Unspecified error"));
    if (strstr(path, "/ping"))
        return strdup(
            is_typed() ? "{\"errors\": [], \"pings\": [{\"pinged\": \"UP\"}]}"
                       : "{\"errors\": [], \"pings\": [{\"ping\": \"UP\"}]}");
    if (to_say)
        return strdup(to_say);
    if (!strcmp(method, "POST")) {
        if (how == FAKE_REST_CUT)
            return NULL;
        if (how == FAKE_REST_REFUSES)
            return strdup("{\"errors\": [{\"error_code\": 2000, "
                          "\"error\": \"Invalid partition name specified\"}]}");
        return strdup("{\"errors\": [{\"error_code\": 2015, \"error\": "
                      "\"Requested partition configuration not available "
                      "now\"}], \"job_id\": 37}");
    }
    if (how == FAKE_REST_OVER)
        return strdup(one ? ERROR("2017", "Invalid job id specified")
                          : "{\"errors\": [], \"jobs\": []}");
    if (one && !ours)
        return strdup(ERROR("2017", "Invalid job id specified"));
    if (!strcmp(method, "DELETE"))
        return strdup("{\"errors\": []}");
    return jobs(!one && how == FAKE_REST_HIDES);
}

static bool head_read(int fd)
{
    size_t n = 0;

    while (n < HEAD_MAX - 1 && recv(fd, head + n, 1, 0) == 1) {
        head[++n] = '\0';
        if (n >= 4 && !strcmp(head + n - 4, "\r\n\r\n"))
            return true;
    }
    return false;
}

static void body_read(int fd)
{
    const char *at = strcasestr(head, "content-length:");
    size_t len = at ? strtoul(at + 15, NULL, 10) : 0, n = 0;

    if (strcasestr(head, "expect: 100"))
        send(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL);
    while (n < len && n < BODY_MAX - 1) {
        ssize_t got = recv(fd, body + n, len - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    body[n] = '\0';
}

static void serve(int fd)
{
    char method[16], path[256], out[256];

    while (head_read(fd) && sscanf(head, "%15s %255s", method, path) == 2) {
        pthread_mutex_lock(&lock);
        if (!strcmp(method, "POST"))
            body_read(fd);
        bool has = strstr(path, its_api) != NULL;
        char *said =
            has ? answer(method, path) : strdup("Unable find requested URL.");
        pthread_mutex_unlock(&lock);
        if (!said)
            return;
        int n = snprintf(out, sizeof(out),
                         "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n",
                         has ? "200 OK" : "404 NOT FOUND", strlen(said));
        send(fd, out, (size_t)n, MSG_NOSIGNAL | MSG_MORE);
        send(fd, said, strlen(said), MSG_NOSIGNAL);
        free(said);
    }
}

static void *accept_all(void *arg)
{
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; close(fd))
        serve(fd);
    return arg;
}

int fake_rest_start(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    pthread_t thread;

    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&a, len) < 0 ||
        listen(listener, 8) < 0 ||
        getsockname(listener, (struct sockaddr *)&a, &len) < 0 ||
        pthread_create(&thread, NULL, accept_all, NULL) != 0)
        return -1;
    pthread_detach(thread);
    return ntohs(a.sin_port);
}
