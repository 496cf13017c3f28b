/* runs.c - `pilot runs`: the runs there are; one that nobody needs is removed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/agent/tally.h"
#include "src/agent/via.h"
#include "src/cmd/cmd.h"
#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/pilot/topics.h"
#include "src/run/history.h"
#include "src/run/pilots.h"

struct runs_options {
    const char *rm;
    bool json, no_header, force, help;
};

#define AT(member) offsetof(struct runs_options, member)

static const option_spec options[] = {
    {"rm", 0, OPTION_TEXT, AT(rm), "RUN", NULL,
     "remove a run that has ended: its folder, topics and keys"},
    {"force", 0, OPTION_FLAG, AT(force), NULL, NULL,
     "with --rm: remove the folder where its services cannot be reached"},
    {"json", 'j', OPTION_FLAG, AT(json), NULL, NULL,
     "print JSON, an object a line"},
    {"no-header", 0, OPTION_FLAG, AT(no_header), NULL, NULL,
     "print no line of titles"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"[OPTION]...", "--rm RUN [--force]",
                                       NULL};

static const option_usage usage = {
    .command = "pilot runs",
    .synopsis = synopsis,
    .prose = "List the runs there are, or remove one.",
    .options = options,
    .min_args = 0,
    .max_args = 0,
};

/* --- what is known of one --- */

typedef struct known {
    char *run, *dir;
    time_t began;
    json_t *summary; /* or NULL */
    bool followed;   /* a command follows it */
    bool scored;     /* its rows are being scored */
    bool lives;      /* a pilot of it is not over */
    int lock[2];     /* held, so that neither begins; -1: not */
} known;

static void let_go(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void known_free(known *k)
{
    json_decref(k->summary);
    let_go(k->lock[0]);
    let_go(k->lock[1]);
    free(k->run);
    free(k->dir);
}

/* Does somebody hold lock [name] in [dir]?  If nobody does, *fdp holds it, or
 * is -1: there is none, and with [make] none can be made.
 */
static bool is_held(const char *dir, const char *name, bool make, int *fdp)
{
    char *path = text_format("%s/%s", dir, name);
    int fd =
        path ? open(path, O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0), 0600) : -1;
    bool held =
        fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;

    free(path);
    if (held) {
        close(fd);
        fd = -1;
    }
    *fdp = fd;
    return held;
}

/* Does a pilot of [run] live, for all that pilots have written? */
static bool any_lives(const pilots *p, const char *run)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->r[i].run, run) && !pilot_state_is_final(p->r[i].state))
            return true;
    return false;
}

/* Is there a run [name]?  Then [k] is to be freed; with [keep] it has the locks
 * of the run that nobody else has.
 */
static bool known_read(const pilots *p, const char *name, bool keep, known *k)
{
    char *dir = locate_run(p->home, name, NULL);
    char *file = dir ? text_format("%s/pipeline.yaml", dir) : NULL;
    struct stat st;
    bool is = file && stat(file, &st) == 0;

    free(file);
    *k = (known){.lock = {-1, -1}};
    if (!is) {
        free(dir);
        return false;
    }
    k->dir = dir;
    k->run = text_format("%s", name);
    k->began = st.st_mtime;
    k->summary = run_summary_read(dir);
    k->followed = is_held(dir, "lock", keep, &k->lock[0]);
    k->scored = is_held(dir, "results.lock", keep, &k->lock[1]);
    if (!keep) {
        let_go(k->lock[0]);
        let_go(k->lock[1]);
        k->lock[0] = k->lock[1] = -1;
    }
    k->lives = any_lives(p, name);
    return k->run != NULL;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static const char *state_of(const known *k)
{
    if (k->followed)
        return "running";
    if (k->lives)
        return "pilots";
    return k->summary ? text_of(k->summary, "state") : "cut off";
}

/* --- the list --- */

static int by_time(const void *a, const void *b)
{
    const known *x = a, *y = b;

    return x->began != y->began ? (x->began > y->began ? 1 : -1)
                                : strcmp(x->run, y->run);
}

static int read_all(const pilots *p, known **out, size_t *np, pe_error *errp)
{
    DIR *d = opendir(p->home);
    const struct dirent *e;
    known *list = NULL;
    size_t n = 0;

    while (d && (e = readdir(d))) {
        known k, *more;

        if (!known_read(p, e->d_name, false, &k))
            continue;
        more = realloc(list, (n + 1) * sizeof(*list));
        if (!more) {
            known_free(&k);
            for (size_t i = 0; i < n; i++)
                known_free(&list[i]);
            free(list);
            closedir(d);
            return pe_error_nomem(errp);
        }
        list = more;
        list[n++] = k;
    }
    if (d)
        closedir(d);
    if (n > 0)
        qsort(list, n, sizeof(*list), by_time);
    *out = list;
    *np = n;
    return 0;
}

static void one_print(const known *k, bool json)
{
    const json_t *blocks = json_object_get(k->summary, "blocks");
    const json_t *final = json_object_get(k->summary, "final");
    const json_t *outliers = json_object_get(final, "outliers");
    long long applied =
        (long long)json_integer_value(json_object_get(blocks, "applied"));
    struct tm local;
    char date[32] = "";
    json_t *o;

    if (localtime_r(&k->began, &local))
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &local);
    if (!json) {
        printf("%-40s %-19s %-12s %-8s %10lld ", k->run, date,
               *text_of(k->summary, "pipeline")
                   ? text_of(k->summary, "pipeline")
                   : "-",
               state_of(k), applied);
        if (outliers)
            printf("%10lld\n", (long long)json_integer_value(outliers));
        else
            printf("%10s\n", "-");
        return;
    }
    o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:O*}", "run", k->run, "date",
                  date, "pipeline", text_of(k->summary, "pipeline"), "state",
                  state_of(k), "blocks", (json_int_t)applied, "outliers",
                  outliers);
    if (o)
        json_dumpf(o, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(o);
}

static int list(const pilots *p, const struct runs_options *o, pe_error *errp)
{
    known *all = NULL;
    size_t n = 0;

    if (read_all(p, &all, &n, errp) < 0)
        return -1;
    if (!o->json && !o->no_header)
        printf("%-40s %-19s %-12s %-8s %10s %10s\n", "RUN", "DATE", "PIPELINE",
               "STATE", "BLOCKS", "OUTLIERS");
    for (size_t i = 0; i < n; i++) {
        one_print(&all[i], o->json);
        known_free(&all[i]);
    }
    free(all);
    return 0;
}

/* --- removing --- */

/* Keys and topics, where the services still are. */
static int forget(const known *k, pipeline_request *req, pe_error *errp)
{
    pipeline *pl = pipeline_load(req->file, (const char *const *)req->overrides,
                                 req->n_overrides, errp);
    params_conf c = {.no_commits = true};
    params *p;
    int rc;

    if (!pl)
        return -1;
    rc = pipeline_is_local(pl) || !req->broker ? 1 : via_open(req, errp);
    if (rc == 0)
        rc = topics_delete(pl, req, errp);
    if (rc == 0) {
        pipeline_request_params(req, &c);
        c.no_commits = true;
        p = params_open(&c, k->run, errp);
        rc = p ? params_run_delete(p, errp) : -1;
        params_close(p);
    }
    pipeline_destroy(pl);
    return rc < 0 ? -1 : 0;
}

/* Services that were started for the run lie in its folder. */
static bool has_own_services(const known *k)
{
    char *path = text_format("%s/services", k->dir);
    bool has = path && access(path, F_OK) == 0;

    free(path);
    return has;
}

static int clear_services(const known *k, bool force, pe_error *errp)
{
    pipeline_request *req;
    int rc = 0;

    if (has_own_services(k))
        return 0;
    req = pipeline_request_read(k->dir, errp);
    rc = req ? forget(k, req, errp) : -1;
    pipeline_request_destroy(req);
    if (rc == 0)
        return 0;
    if (!force)
        return pe_error_prefix(errp,
                               "run %s is not removed, for its topics and keys "
                               "cannot be (--force removes the folder alone)",
                               k->run);
    log_warn("topics and keys of run %s stay: %s", k->run, errp->text);
    errp->kind = PE_ERROR_NONE;
    return 0;
}

/* Blocks of its devices that nobody but their spools has: what they have
 * counted says so, wherever those lie.
 */
static uint64_t spooled_of(const known *k)
{
    DIR *d = opendir(k->dir);
    const struct dirent *e;
    uint64_t n = 0;

    while (d && (e = readdir(d))) {
        char *path =
            *e->d_name == '.' ? NULL : text_format("%s/%s", k->dir, e->d_name);
        tally_counts c;

        if (path && tally_read(path, &c) == 0)
            n += c.spooled;
        free(path);
    }
    if (d)
        closedir(d);
    return n;
}

/* --- one at a time --- */

/* Is the lock that [fd] holds still the one of that name?  Who had it before
 * may have removed it.
 */
static bool is_there(int fd, const char *path)
{
    struct stat ours, now;

    return fstat(fd, &ours) == 0 && stat(path, &now) == 0 &&
           ours.st_dev == now.st_dev && ours.st_ino == now.st_ino;
}

/* Whoever removes the run in [dir] before us is waited for: 1: it is ours to
 * remove, as long as *fdp is open; 0: it is gone; -1.
 */
static int take_removal(const char *dir, int *fdp, pe_error *errp)
{
    char *path = text_format("%s/remove.lock", dir);
    int rc = 1;

    if (!path)
        return pe_error_nomem(errp);
    *fdp = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fdp < 0)
        rc = errno == ENOENT
                 ? 0
                 : file_error(errp, errno, "make", path, PE_EXIT_CREATE);
    if (rc > 0 && flock(*fdp, LOCK_EX | LOCK_NB) < 0) {
        log_info("another 'pilot runs --rm' is at it, and waited for");
        while (flock(*fdp, LOCK_EX) < 0 && errno == EINTR)
            ;
    }
    if (rc > 0 && !is_there(*fdp, path))
        rc = 0;
    free(path);
    return rc;
}

/* --- the folder --- */

#define REMOVED ".removed-"

/* What somebody who was killed has not come to remove. */
static void clear_removed(const char *home)
{
    DIR *d = opendir(home);
    const struct dirent *e;

    while (d && (e = readdir(d))) {
        char *path = !strncmp(e->d_name, REMOVED, strlen(REMOVED))
                         ? text_format("%s/%s", home, e->d_name)
                         : NULL;

        if (path)
            file_remove_tree(path, NULL);
        free(path);
    }
    if (d)
        closedir(d);
}

/* It is gone for everybody before a part of it is. */
static int remove_folder(const char *home, const known *k, pe_error *errp)
{
    char *path = text_format("%s/" REMOVED "%s", home, k->run);
    int rc = path ? file_remove_tree(path, errp) : pe_error_nomem(errp);

    if (rc == 0 && rename(k->dir, path) < 0)
        rc = file_error(errp, errno, "remove", k->dir, PE_EXIT_CREATE);
    if (rc == 0)
        rc = file_remove_tree(path, errp);
    free(path);
    return rc;
}

static int remove_known(const pilots *p, const known *k,
                        const struct runs_options *o, pe_error *errp)
{
    uint64_t spooled;

    if (k->followed || k->lives)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "run %s has not ended: 'pilot cancel --run %s' "
                            "ends it",
                            k->run, k->run);
    if (k->scored)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "rows of run %s are being scored: remove it when "
                            "that is done",
                            k->run);
    spooled = o->force ? 0 : spooled_of(k);
    if (spooled > 0)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "run %s has %llu block%s on the disks of its "
                            "devices that %s never sent: 'pilot run --resume "
                            "%s' sends %s (--force removes the run all the "
                            "same)",
                            k->run, (unsigned long long)spooled,
                            text_s(spooled), spooled == 1 ? "was" : "were",
                            k->run, spooled == 1 ? "it" : "them");
    if (clear_services(k, o->force, errp) < 0 ||
        remove_folder(p->home, k, errp) < 0)
        return -1;
    log_info("run %s is removed", k->run);
    return 0;
}

static int remove_run(const pilots *p, const struct runs_options *o,
                      pe_error *errp)
{
    char *dir = locate_run(p->home, o->rm, errp);
    int fd = -1, rc = dir ? take_removal(dir, &fd, errp) : -1;
    known k;

    clear_removed(p->home);
    if (!dir && errp->kind == PE_ERROR_NONE) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "there is no run %s in %s; 'pilot runs' lists them", o->rm,
                     p->home);
    } else if (rc > 0 && known_read(p, o->rm, true, &k)) {
        rc = remove_known(p, &k, o, errp);
        known_free(&k);
    } else if (rc >= 0) {
        log_info("run %s was removed by another command", o->rm);
        rc = 0;
    }
    let_go(fd);
    free(dir);
    return rc;
}

int cmd_runs(int argc, char **argv)
{
    struct runs_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e), rc = -1;
    pilots p = {0};

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first < 0 || option_operands(&usage, argc - first, &e) < 0)
        return log_failure(&e);
    if (pilots_open(&p, &e) == 0 && pilots_select(&p, NULL, 0, &e) == 0 &&
        pilots_observe(&p, PILOTS_ASK_NOT, &e) >= 0)
        rc = o.rm ? remove_run(&p, &o, &e) : list(&p, &o, &e);
    pilots_close(&p);
    return rc < 0 ? log_failure(&e) : PE_EXIT_OK;
}
