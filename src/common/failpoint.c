/* failpoint.c - places where a process is made to fail, for tests. */
#include "failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/text.h"

#define MOST 16

enum action { ACT_KILL, ACT_STOP, ACT_EXIT, ACT_DELAY, ACT_ERROR, ACT_N };

static const char *const actions[ACT_N] = {"kill", "stop", "exit", "delay",
                                           "error"};

static const struct {
    const char *name;
    bool fails; /* what is done there has a way to fail */
} points[FAILPOINT_N] = {
    [FAILPOINT_ASSIGN] = {"assign", true},
    [FAILPOINT_FETCH] = {"fetch", false},
    [FAILPOINT_COMPUTE] = {"compute", false},
    [FAILPOINT_REDUCE] = {"reduce", false},
    [FAILPOINT_RESULTS] = {"results", false},
    [FAILPOINT_COMMIT] = {"commit", true},
    [FAILPOINT_ANNOUNCE] = {"announce", true},
    [FAILPOINT_CHECKPOINT] = {"checkpoint", true},
    [FAILPOINT_DRAIN] = {"drain", false},
    [FAILPOINT_SENSED] = {"sensed", false},
    [FAILPOINT_SPOOLED] = {"spooled", false},
    [FAILPOINT_SENT] = {"sent", false},
    [FAILPOINT_ACKED] = {"acked", false},
    [FAILPOINT_END] = {"end", true},
};

/* One of the list; what happens once has a file that says it did. */
static struct spec {
    enum action action;
    enum failpoint point;
    int64_t nth, delay_ms;
    atomic_llong come;
    char done[4096];
} specs[MOST];
static size_t n_specs;

int failpoint_on;

/* --- the list --- */

static int refuse(const char *word, const char *why, pe_error *errp)
{
    char list[256] = "";
    size_t n = 0;

    for (int i = 0; i < FAILPOINT_N; i++)
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "",
                              points[i].name);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "PILOT_FAULT: '%.100s': %s; write "
                        "ACTION@POINT[:NTH[:WHO]] with kill, stop, exit, "
                        "delay=MS or error, and one of %s",
                        word, why, list);
}

/* Number of the one called [name], n where there is none. */
static int action_find(const char *name, struct spec *s)
{
    const char *value = strchr(name, '=');
    size_t len = value ? (size_t)(value - name) : strlen(name);
    int i = 0;

    while (i < ACT_N &&
           (strlen(actions[i]) != len || strncmp(actions[i], name, len) != 0))
        i++;
    if (i == ACT_N || (i == ACT_DELAY) != (value != NULL))
        return -1;
    s->action = (enum action)i;
    return value ? text_parse_int(value + 1, &s->delay_ms) : 0;
}

static int point_find(const char *name, struct spec *s)
{
    int i = 0;

    while (i < FAILPOINT_N && strcmp(points[i].name, name) != 0)
        i++;
    s->point = (enum failpoint)i;
    return i == FAILPOINT_N ? -1 : 0;
}

/* [word] is cut into its parts.  1: it is for us; 0: not. */
static int parse(char *word, const char *pilot, int rank, struct spec *s,
                 pe_error *errp)
{
    char whole[128], ours[32], *at, *nth, *who = NULL;

    snprintf(whole, sizeof(whole), "%s", word);
    snprintf(ours, sizeof(ours), "rank%d", rank);
    at = strchr(word, '@');
    if (!at)
        return refuse(whole, "it names no point", errp);
    *at++ = '\0';
    nth = strchr(at, ':');
    if (nth) {
        *nth++ = '\0';
        who = strchr(nth, ':');
    }
    if (who)
        *who++ = '\0';
    s->nth = 1;
    if (action_find(word, s) < 0)
        return refuse(whole, "there is no such action", errp);
    if (point_find(at, s) < 0)
        return refuse(whole, "there is no such point", errp);
    if (nth && (text_parse_int(nth, &s->nth) < 0 || s->nth < 1))
        return refuse(whole, "NTH is a number from 1 on", errp);
    if (s->action == ACT_ERROR && !points[s->point].fails)
        return refuse(whole, "nothing can fail there", errp);
    return !who || !strcmp(who, pilot) || (rank >= 0 && !strcmp(who, ours));
}

static int add(char *word, size_t number, const char *dir, const char *pilot,
               int rank, pe_error *errp)
{
    struct spec *s = &specs[n_specs];
    int rc, n;

    if (n_specs == MOST)
        return refuse(word, "there are too many", errp);
    rc = parse(word, pilot, rank, s, errp);
    if (rc <= 0)
        return rc;
    n = snprintf(s->done, sizeof(s->done), "%s/fault.%zu", dir, number);
    if (n < 0 || (size_t)n >= sizeof(s->done))
        return refuse(dir, "its name is too long", errp);
    n_specs++;
    return 0;
}

int failpoint_open(const char *dir, const char *pilot, int rank, pe_error *errp)
{
    const char *list = getenv("PILOT_FAULT");
    char *copy, *at, *word;
    int rc = 0;

    if (!list || !*list)
        return 0;
    copy = strdup(list);
    if (!copy)
        return pe_error_nomem(errp);
    word = strtok_r(copy, ",", &at);
    for (size_t i = 0; rc == 0 && word; i++) {
        rc = add(word, i, dir, pilot, rank, errp);
        word = strtok_r(NULL, ",", &at);
    }
    free(copy);
    if (rc < 0)
        return -1;
    failpoint_on = n_specs > 0;
    if (failpoint_on)
        log_warn("fault points are on: PILOT_FAULT=%s", list);
    return 0;
}

/* --- what happens --- */

/* The first of all processes that come here. */
static bool is_first(const struct spec *s)
{
    int fd = open(s->done, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno != EEXIST)
        log_error("%s cannot be made: the fault point does nothing", s->done);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int act(const struct spec *s, pe_error *errp)
{
    const char *name = points[s->point].name;

    log_warn("fault point %s: %s", name, actions[s->action]);
    if (s->action == ACT_KILL)
        raise(SIGKILL);
    if (s->action == ACT_STOP)
        raise(SIGSTOP);
    if (s->action == ACT_EXIT)
        _exit(PE_EXIT_FAILED);
    return s->action != ACT_ERROR
               ? 0
               : pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                              "fault point %s of PILOT_FAULT", name);
}

int failpoint_hit(enum failpoint p, pe_error *errp)
{
    for (size_t i = 0; i < n_specs; i++) {
        struct spec *s = &specs[i];
        int64_t come;

        if (s->point != p)
            continue;
        come = atomic_fetch_add(&s->come, 1) + 1;
        if (s->action == ACT_DELAY && come >= s->nth)
            clock_sleep_ns(s->delay_ms * 1000000, 0);
        if (s->action != ACT_DELAY && come == s->nth && is_first(s) &&
            act(s, errp) < 0)
            return -1;
    }
    return 0;
}
