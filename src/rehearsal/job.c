/* job.c - what a rehearsed scheduler knows of its jobs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/text.h"
#include "private.h"

#define JOB_MAX 16384
#define COUNTS_MAX (16 << 20)
#define SUFFIX ".rehearsal"

char *rehearsal_folder(host *h, pe_error *errp)
{
    const char *home = host_home(h, errp);
    char *folder = home ? text_format("%s/rehearsal", home) : NULL;

    if (home && !folder)
        pe_error_nomem(errp);
    if (folder && file_mkdir(folder, errp) < 0) {
        free(folder);
        return NULL;
    }
    return folder;
}

/* --- one job --- */

/* "12.rehearsal" -> FOLDER/12.json in new memory; NULL when [id] is none. */
static char *job_path(const char *folder, const char *id)
{
    size_t digits = strspn(id, "0123456789");

    if (digits == 0 || digits > 9 || strcmp(id + digits, SUFFIX) != 0)
        return NULL;
    return text_format("%s/%.*s.json", folder, (int)digits, id);
}

static int number_of(const char *name)
{
    size_t digits = strspn(name, "0123456789");

    if (digits == 0 || digits > 9 || strcmp(name + digits, ".json") != 0)
        return -1;
    return atoi(name);
}

/* The largest number in use; 0: none. */
static int number_last(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *e;
    int last = 0;

    while (dir && (e = readdir(dir)) != NULL)
        if (number_of(e->d_name) > last)
            last = number_of(e->d_name);
    if (dir)
        closedir(dir);
    return last;
}

int rehearsal_job_create(const char *folder, rehearsal_job *j, pe_error *errp)
{
    int number = number_last(folder), fd = -1;
    char *path = NULL;

    do {
        free(path);
        path = text_format("%s/%d.json", folder, ++number);
        if (path)
            fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    } while (path && fd < 0 && errno == EEXIST);
    if (!path)
        return pe_error_nomem(errp);
    if (fd < 0) {
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE, "cannot make %s: %s",
                     path, strerror(errno));
        free(path);
        return -1;
    }
    snprintf(j->id, sizeof(j->id), "%d" SUFFIX, number);
    close(fd);
    free(path);
    return 0;
}

static json_t *job_build(const rehearsal_job *j)
{
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:b, s:i, s:i, s:i, s:i, s:f, "
        "s:I, s:I, s:I, s:I, s:s}",
        "id", j->id, "script", j->script, "dir", j->dir, "submit_dir",
        j->submit_dir, "seen", (int)j->seen, "native", j->native, "reason",
        j->reason, "never", (int)j->never, "exit_code", j->exit_code, "signal",
        j->signal, "restarts", j->restarts, "nodes", j->nodes, "limit_s",
        j->limit_s, "submit_ns", (json_int_t)j->submit_ns, "start_ns",
        (json_int_t)j->start_ns, "end_ns", (json_int_t)j->end_ns, "player",
        (json_int_t)j->player, "player_start", j->player_start);
}

int rehearsal_job_write(const char *folder, const rehearsal_job *j,
                        pe_error *errp)
{
    char *path = job_path(folder, j->id);
    json_t *o = job_build(j);
    char *data = o ? json_dumps(o, JSON_INDENT(1)) : NULL;
    int status;

    if (!path || !data)
        status = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                              "rehearsed job %s cannot be kept: a path of it "
                              "is not UTF-8",
                              j->id);
    else
        status = file_write(path, data, strlen(data), 0600, errp);
    json_decref(o);
    free(data);
    free(path);
    return status;
}

static void text_take(const json_t *o, const char *key, char *out, size_t cap)
{
    const char *s = json_string_value(json_object_get(o, key));

    snprintf(out, cap, "%s", s ? s : "");
}

static int64_t number_take(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

#define TEXT(member) text_take(o, #member, j->member, sizeof(j->member))
#define NUMBER(member) j->member = number_take(o, #member)
#define SMALL(member) j->member = (int)number_take(o, #member)

static void job_take(const json_t *o, rehearsal_job *j)
{
    int64_t seen = number_take(o, "seen");

    TEXT(id);
    TEXT(script);
    TEXT(dir);
    TEXT(submit_dir);
    TEXT(native);
    TEXT(reason);
    TEXT(player_start);
    SMALL(exit_code);
    SMALL(signal);
    SMALL(restarts);
    SMALL(nodes);
    NUMBER(submit_ns);
    NUMBER(start_ns);
    NUMBER(end_ns);
    NUMBER(player);
    j->seen = seen > 0 && seen < RESOURCE_N_SEEN ? (enum resource_seen)seen
                                                 : RESOURCE_ABSENT;
    j->never = json_is_true(json_object_get(o, "never"));
    j->limit_s = json_number_value(json_object_get(o, "limit_s"));
}

/* A file that is empty belongs to a job that is being made. */
static int job_load(const char *path, rehearsal_job *j)
{
    size_t len = 0;
    char *data = file_read(path, JOB_MAX, &len, NULL);
    json_t *o = data ? json_loadb(data, len, 0, NULL) : NULL;
    int status = o ? 0 : 1;

    memset(j, 0, sizeof(*j));
    if (o)
        job_take(o, j);
    json_decref(o);
    free(data);
    return status;
}

int rehearsal_job_read(const char *folder, const char *id, rehearsal_job *j,
                       pe_error *errp)
{
    char *path = job_path(folder, id);

    (void)errp;
    memset(j, 0, sizeof(*j));
    if (!path)
        return 1;
    int status = job_load(path, j);
    free(path);
    return status;
}

/* --- all of them --- */

static int by_number(const void *a, const void *b)
{
    const rehearsal_job *x = a, *y = b;

    return atoi(x->id) - atoi(y->id);
}

int rehearsal_jobs_read(const char *folder, const char *script,
                        rehearsal_job **out, size_t *np, pe_error *errp)
{
    DIR *dir = opendir(folder);
    const struct dirent *e;
    rehearsal_job *jobs = NULL;
    size_t n = 0, cap = 0;
    int status = 0;

    while (dir && status == 0 && (e = readdir(dir)) != NULL) {
        if (number_of(e->d_name) < 0)
            continue;
        if (n == cap) {
            cap = cap ? 2 * cap : 16;
            rehearsal_job *more = reallocarray(jobs, cap, sizeof(*jobs));
            if (!more) {
                status = pe_error_nomem(errp);
                break;
            }
            jobs = more;
        }
        char *path = text_format("%s/%s", folder, e->d_name);
        if (path && job_load(path, &jobs[n]) == 0 &&
            !strcmp(jobs[n].script, script))
            n++;
        free(path);
    }
    if (dir)
        closedir(dir);
    if (n > 1)
        qsort(jobs, n, sizeof(*jobs), by_number);
    *out = jobs;
    *np = n;
    return status;
}

/* --- counts --- */

/* Lines of [data] that are [line]. */
static int lines_count(const char *data, const char *line)
{
    size_t len = strlen(line);
    int n = 0;

    for (const char *at = data; at && *at; at = strchr(at, '\n')) {
        at += *at == '\n';
        n += !strncmp(at, line, len) && at[len] == '\n';
    }
    return n;
}

int rehearsal_count(const char *folder, const char *what, const char *script,
                    pe_error *errp)
{
    char *path = text_format("%s/%s", folder, what);
    int fd =
        path ? open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    char *data = NULL;
    int n = -1;

    if (fd >= 0 && flock(fd, LOCK_EX) == 0 &&
        (data = file_read(path, COUNTS_MAX, NULL, errp)) != NULL) {
        n = lines_count(data, script);
        if (dprintf(fd, "%s\n", script) < 0)
            n = -1;
    }
    if (n < 0)
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE,
                     "cannot count in %s/%s: %s", folder, what,
                     strerror(errno));
    if (fd >= 0)
        close(fd);
    free(data);
    free(path);
    return n;
}
