/* failpoint.c - places where a process is made to fail, for tests. */
#include "failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
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

/* A list that is a file, which may be another one any time. */
static struct {
    pthread_mutex_t lock; /* of the list, too, then */
    char path[4000], pilot[256];
    int rank;
    ino_t inode; /* of the list that we have; 0: none */
    struct timespec changed;
} watched = {.lock = PTHREAD_MUTEX_INITIALIZER};

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
    const char *between = *watched.path ? "." : "/fault.";
    struct spec *s = &specs[n_specs];
    int rc, n;

    if (n_specs == MOST)
        return refuse(word, "there are too many", errp);
    rc = parse(word, pilot, rank, s, errp);
    if (rc <= 0)
        return rc;
    n = snprintf(s->done, sizeof(s->done), "%s%s%zu", dir, between, number);
    if (n < 0 || (size_t)n >= sizeof(s->done))
        return refuse(dir, "its name is too long", errp);
    s->come = 0;
    n_specs++;
    return 0;
}

/* The words of [list]. */
static int add_all(const char *list, const char *dir, const char *pilot,
                   int rank, pe_error *errp)
{
    char *copy = strdup(list), *at, *word;
    int rc = 0;

    if (!copy)
        return pe_error_nomem(errp);
    word = strtok_r(copy, ",\n", &at);
    for (size_t i = 0; rc == 0 && word; i++) {
        rc = add(word, i, dir, pilot, rank, errp);
        word = strtok_r(NULL, ",\n", &at);
    }
    free(copy);
    return rc;
}

/* Under the lock: the file as it is now, where it has changed. */
static int look(pe_error *errp)
{
    struct stat st;
    char *list;
    int rc;

    if (stat(watched.path, &st) < 0)
        st.st_ino = 0;
    if (st.st_ino == watched.inode &&
        (!st.st_ino || (st.st_mtim.tv_sec == watched.changed.tv_sec &&
                        st.st_mtim.tv_nsec == watched.changed.tv_nsec)))
        return 0;
    watched.inode = st.st_ino;
    watched.changed = st.st_mtim;
    n_specs = 0;
    if (!st.st_ino)
        return 0;
    list = file_read(watched.path, 4096, NULL, errp);
    if (!list)
        return -1;
    rc = add_all(list, watched.path, watched.pilot, watched.rank, errp);
    if (rc == 0 && n_specs > 0)
        log_warn("fault points are on: %s", list);
    free(list);
    return rc;
}

static int watch(const char *path, const char *pilot, int rank, pe_error *errp)
{
    if (strlen(path) >= sizeof(watched.path))
        return refuse(path, "its name is too long", errp);
    snprintf(watched.path, sizeof(watched.path), "%s", path);
    snprintf(watched.pilot, sizeof(watched.pilot), "%s", pilot);
    watched.rank = rank;
    watched.inode = 0;
    n_specs = 0;
    failpoint_on = 1;
    return look(errp);
}

int failpoint_open(const char *dir, const char *pilot, int rank, pe_error *errp)
{
    const char *list = getenv("PILOT_FAULT");

    if (!list || !*list)
        return 0;
    if (*list == '@')
        return watch(list + 1, pilot, rank, errp);
    if (add_all(list, dir, pilot, rank, errp) < 0)
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

static int act(enum action action, const char *name, pe_error *errp)
{
    log_warn("fault point %s: %s", name, actions[action]);
    if (action == ACT_KILL)
        raise(SIGKILL);
    if (action == ACT_STOP)
        raise(SIGSTOP);
    if (action == ACT_EXIT)
        _exit(PE_EXIT_FAILED);
    return action != ACT_ERROR
               ? 0
               : pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                              "fault point %s of PILOT_FAULT", name);
}

/* What the [i]th has in store for who comes to [p]. */
static bool is_due(struct spec *s, enum failpoint p)
{
    int64_t come;

    if (s->point != p)
        return false;
    come = atomic_fetch_add(&s->come, 1) + 1;
    if (s->action == ACT_DELAY)
        return come >= s->nth;
    return come == s->nth && is_first(s);
}

int failpoint_hit(enum failpoint p, pe_error *errp)
{
    struct {
        enum action action;
        int64_t delay_ms;
    } due[MOST];
    size_t n = 0;
    pe_error e = {0};

    /* Not held while anything happens: others have their own. */
    if (*watched.path)
        pthread_mutex_lock(&watched.lock);
    if (*watched.path && look(&e) < 0)
        log_error("%s: %s", watched.path, e.text);
    for (size_t i = 0; i < n_specs; i++)
        if (is_due(&specs[i], p)) {
            due[n].action = specs[i].action;
            due[n++].delay_ms = specs[i].delay_ms;
        }
    if (*watched.path)
        pthread_mutex_unlock(&watched.lock);
    for (size_t i = 0; i < n; i++) {
        if (due[i].action == ACT_DELAY)
            clock_sleep_ns(due[i].delay_ms * 1000000, 0);
        else if (act(due[i].action, points[p].name, errp) < 0)
            return -1;
    }
    return 0;
}
