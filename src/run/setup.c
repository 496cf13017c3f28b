/* setup.c - a run's id, its state folder, its request. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/random.h"
#include "src/common/text.h"
#include "src/common/words.h"
#include "src/registry/submit.h"
#include "src/request/defaults.h"
#include "src/run/restore.h"
#include "src/run/run.h"

#define FILE_MAX_BYTES (4 << 20) /* of a pipeline file */
#define NAME_MAX_BYTES 100       /* a topic is longer, and at most 249 */

char *run_path(const struct run *r, const char *name, pe_error *errp)
{
    char *path = text_format("%s/%s", r->req->dir, name);

    if (!path)
        pe_error_nomem(errp);
    return path;
}

int run_name_check(const char *name, pe_error *errp)
{
    size_t len = strlen(name);
    bool good = isalnum((unsigned char)*name) && len <= NAME_MAX_BYTES;

    for (size_t i = 0; good && i < len; i++)
        good = isalnum((unsigned char)name[i]) || strchr("._-", name[i]);
    if (good)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "'%.120s' is no name of a run: letters, digits, '.', "
                        "'_' and '-', at most %d, the first a letter or digit",
                        name, NAME_MAX_BYTES);
}

/* PIPELINE-DATE-TIME-XXXX in new memory. */
static char *name_make(const char *pipeline_name, pe_error *errp)
{
    time_t now = time(NULL);
    struct tm utc;
    char stamp[32], id[5], *name;

    if (random_id(id, 2, errp) < 0)
        return NULL;
    if (!gmtime_r(&now, &utc) ||
        strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &utc) == 0)
        stamp[0] = '\0';
    name = text_format("%s-%s-%s", pipeline_name, stamp, id);
    if (!name)
        pe_error_nomem(errp);
    return name;
}

/* One command at a time follows a run; the lock ends with us. */
static int run_lock(struct run *r, pe_error *errp)
{
    char *path = run_path(r, "lock", errp);

    if (!path)
        return -1;
    r->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int status = r->lock_fd < 0 ? -1 : flock(r->lock_fd, LOCK_EX | LOCK_NB);
    if (status < 0 && r->lock_fd >= 0 && errno == EWOULDBLOCK)
        pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                     "another 'pilot run' follows %s; wait until it ends",
                     r->req->run);
    else if (status < 0)
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE, "cannot lock %s: %s",
                     path, strerror(errno));
    free(path);
    return status;
}

static int is_begun(const struct dirent *e)
{
    static const char *const before[] = {
        ".",    "..",     "lock", "pipeline.yaml", "restore.safetensors",
        "sign", ".python"};
    for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++)
        if (!strcmp(e->d_name, before[i]))
            return 0;
    return 1;
}

/* A folder that a command has left which was killed before there was anything
 * to go on with: what is written before its request (.python by a Python that
 * begins one), and nobody is at it.
 */
static bool is_left(const struct run *r)
{
    struct dirent **list = NULL;
    int n = scandir(r->req->dir, &list, is_begun, NULL);

    for (int i = 0; i < n; i++)
        free(list[i]);
    free(list);
    return n == 0;
}

static int folder_make(struct run *r, pe_error *errp)
{
    int why;

    if (file_mkdir(r->home, errp) < 0) {
        if (errp)
            errp->exit_code = PE_EXIT_CREATE;
        return -1;
    }
    if (mkdir(r->req->dir, 0700) == 0) {
        r->made_dir = true;
        return run_lock(r, errp);
    }
    why = errno;
    if (why == EEXIST && is_left(r)) {
        r->made_dir = run_lock(r, errp) == 0; /* else it is another's */
        return r->made_dir ? 0 : -1;
    }
    if (why == EEXIST)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CREATE,
                            "run %s is there already: go on with it by 'pilot "
                            "run --resume %s', or choose another --run",
                            r->req->run, r->req->run);
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE,
                        "cannot make folder %s: %s", r->req->dir,
                        strerror(why));
}

static int file_copy(const char *from, const char *to, pe_error *errp)
{
    size_t len = 0;
    char *data = file_read(from, FILE_MAX_BYTES, &len, errp);
    int status = data ? file_write(to, data, len, 0600, errp) : -1;

    free(data);
    return status;
}

/* Whose the run is, from now on: nobody's else, wherever its pilots are. */
static int claim_make(struct run *r, pe_error *errp)
{
    char id[PE_COMMIT_ID_LEN + 1], name[256] = "";

    if (random_id(id, PE_COMMIT_ID_LEN / 2, errp) < 0)
        return -1;
    if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
        snprintf(name, sizeof(name), "unknown");
    r->req->claim =
        text_format("%s %lld %s %s", id, (long long)time(NULL), name, r->home);
    return r->req->claim ? 0 : pe_error_nomem(errp);
}

/* Home, and the folder of run [name] in it, as text. */
static int places_fill(struct run *r, const char *name, pe_error *errp)
{
    r->home = locate_home(errp);
    if (!r->home || claim_make(r, errp) < 0)
        return -1;
    r->req->dir = text_format("%s/%s", r->home, name);
    r->req->file = r->req->dir ? run_path(r, "pipeline.yaml", errp) : NULL;
    return r->req->file ? 0 : pe_error_nomem(errp);
}

static int request_create(struct run *r, pe_error *errp)
{
    r->req = calloc(1, sizeof(*r->req));
    return r->req ? 0 : pe_error_nomem(errp);
}

static int file_load(struct run *r, pe_error *errp)
{
    pipeline_request *q = r->req;

    if (run_overrides_take(q, r->o, errp) < 0)
        return -1;
    r->p = pipeline_load(r->o->file, (const char *const *)q->overrides,
                         q->n_overrides, errp);
    if (!r->p)
        return -1;
    r->local = pipeline_is_local(r->p);
    if (pipeline_via_here(r->p) &&
        !(q->via = text_format("%s", pipeline_via_here(r->p))))
        return pe_error_nomem(errp);
    return run_overrides_settle(q, r->p, r->o->file, errp);
}

/* What is asked of the places of [k], behind what users and site have as
 * defaults.
 */
static int places_check(const pipeline_pilot *k, pe_error *errp)
{
    resource_request q = {0};
    int status = 0;

    for (size_t i = 0; status == 0 && k->within < 0 && i < k->n_resources;
         i++) {
        status = request_copy(&q, &k->request, errp);
        if (status == 0)
            status = defaults_merge(&q, k->resources[i], errp);
        if (status == 0)
            status = submit_check(k->name, k->kind == PILOT_POOL,
                                  k->resources[i], &q, 0, errp);
        request_free(&q);
    }
    return status;
}

/* Places and files that are named, as agents will see them: behind all
 * overrides.
 */
static int files_check(const struct run *r, pe_error *errp)
{
    const pipeline_request *q = r->req;
    pipeline *p = pipeline_load(r->o->file, (const char *const *)q->overrides,
                                q->n_overrides, errp);
    int status = p ? pipeline_check_files(p, errp) : -1;

    for (size_t i = 0; status == 0 && i < p->n_pilots; i++)
        status = places_check(&p->pilots[i], errp);
    pipeline_destroy(p);
    return status;
}

/* The model to begin with, as the command line or else the file names it, new
 * memory; NULL with no error set: none is named.
 */
static char *restore_path(const struct run_options *o, const pipeline *p,
                          pe_error *errp)
{
    char *folder, *path;

    if (o->restore)
        return locate_absolute(NULL, o->restore, errp);
    if (!p->restore)
        return NULL;
    folder = locate_folder(o->file, errp);
    path = folder ? locate_absolute(folder, p->restore, errp) : NULL;
    free(folder);
    return path;
}

/* It is looked at, and kept in the folder of the run: the file may go. */
static int restore_settle(struct run *r, bool make, pe_error *errp)
{
    pe_error e = {0};
    char *path = restore_path(r->o, r->p, &e), *words = NULL, *copy = NULL;
    int status = 0;

    if (e.kind != PE_ERROR_NONE) {
        *errp = e;
        return -1;
    }
    if (!path)
        return 0;
    if (make && !(copy = run_path(r, "restore.safetensors", errp)))
        status = -1;
    if (status == 0)
        status = restore_take(r->p, path, copy, &words, errp);
    if (status == 0 && copy)
        status =
            run_override_add(r->req, text_format("restore=%s", copy), errp);
    if (status == 0 && make)
        log_info("%s", words);
    free(words);
    free(copy);
    free(path);
    return status;
}

int run_setup_new(struct run *r, pe_error *errp)
{
    if (r->o->name && run_name_check(r->o->name, errp) < 0)
        return -1;
    if (request_create(r, errp) < 0 || file_load(r, errp) < 0 ||
        files_check(r, errp) < 0)
        return -1;
    r->req->run = r->o->name ? text_format("%s", r->o->name)
                             : name_make(r->p->name, errp);
    if (!r->req->run)
        return r->o->name ? pe_error_nomem(errp) : -1;
    if (places_fill(r, r->req->run, errp) < 0 || folder_make(r, errp) < 0 ||
        restore_settle(r, true, errp) < 0 || run_sign_settle(r, true, errp) < 0)
        return -1;
    return file_copy(r->o->file, r->req->file, errp);
}

int run_setup_resume(struct run *r, pe_error *errp)
{
    char *dir = NULL;

    r->home = locate_home(errp);
    if (!r->home || run_name_check(r->o->resume, errp) < 0)
        return -1;
    dir = text_format("%s/%s", r->home, r->o->resume);
    if (!dir)
        return pe_error_nomem(errp);
    if (access(dir, F_OK) < 0)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "there is no run %s in %s", r->o->resume, r->home);
    else
        r->req = pipeline_request_read(dir, errp);
    free(dir);
    if (!r->req || run_lock(r, errp) < 0)
        return -1;
    r->req->resumed = true;
    if (!r->req->claim && claim_make(r, errp) < 0)
        return -1;
    r->p = pipeline_load(r->req->file, (const char *const *)r->req->overrides,
                         r->req->n_overrides, errp);
    if (!r->p)
        return -1;
    if (pipeline_is_local(r->p))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "run %s had no parameter service to keep its "
                            "model: there is nothing to go on with",
                            r->req->run);
    return run_sign_settle(r, false, errp);
}

/* The run that is there: its endpoints count, its file stays. */
static int join(struct run *r, const char *dir, pe_error *errp)
{
    pipeline_request *first = pipeline_request_read(dir, errp);
    pipeline_request *q = r->req;

    if (!first)
        return -1;
    q->broker = first->broker;
    q->params_url = first->params_url;
    q->password_file = first->password_file;
    q->user = first->user;
    q->claim = first->claim;
    q->logins = first->logins;
    first->broker = first->params_url = first->password_file = NULL;
    first->user = first->claim = first->logins = NULL;
    pipeline_request_destroy(first);
    q->dir = text_format("%s", dir);
    q->file = locate_absolute(NULL, r->o->file, errp);
    r->joined = true;
    if (!q->dir || !q->file)
        return pe_error_nomem(errp);
    return run_sign_settle(r, false, errp);
}

/* Names only: for a run that is not made. */
static int pretend(struct run *r, pe_error *errp)
{
    r->req->run = text_format("%s", r->o->name ? r->o->name : "RUN");
    if (!r->req->run)
        return pe_error_nomem(errp);
    return places_fill(r, r->req->run, errp);
}

int run_setup_join(struct run *r, pe_error *errp)
{
    char *dir = NULL;
    int status = -1;

    if (r->o->name && run_name_check(r->o->name, errp) < 0)
        return -1;
    if (request_create(r, errp) < 0 || file_load(r, errp) < 0 ||
        files_check(r, errp) < 0)
        return -1;
    if (r->o->dry_run)
        return pretend(r, errp);
    r->home = locate_home(errp);
    if (!r->home)
        return -1;
    r->req->run = r->o->name ? text_format("%s", r->o->name)
                             : name_make(r->p->name, errp);
    dir = r->req->run ? text_format("%s/%s/request.json", r->home, r->req->run)
                      : NULL;
    if (!dir) {
        pe_error_nomem(errp);
    } else if (access(dir, F_OK) == 0) {
        *strrchr(dir, '/') = '\0';
        status = join(r, dir, errp);
    } else {
        free(r->home);
        status = places_fill(r, r->req->run, errp);
        if (status == 0 &&
            (folder_make(r, errp) < 0 || restore_settle(r, true, errp) < 0 ||
             run_sign_settle(r, true, errp) < 0 ||
             file_copy(r->o->file, r->req->file, errp) < 0))
            status = -1;
    }
    free(dir);
    return status;
}

void run_setup_release(struct run *r, bool forget)
{
    if (forget && r->made_dir)
        file_remove_tree(r->req->dir, NULL);
    if (r->lock_fd >= 0)
        close(r->lock_fd);
    pipeline_destroy(r->p);
    pipeline_request_destroy(r->req);
    free(r->home);
}

int run_setup_plan(const struct run_options *o, void *file, pe_error *errp)
{
    struct run r = {.o = o, .lock_fd = -1};
    int status = -1;

    if (o->name && run_name_check(o->name, errp) < 0)
        return -1;
    if (request_create(&r, errp) == 0 && file_load(&r, errp) == 0)
        status = files_check(&r, errp);
    if (status == 0)
        status = restore_settle(&r, false, errp);
    if (status == 0 && file)
        pipeline_print_plan(r.p, o->name ? o->name : "RUN", file);
    pipeline_destroy(r.p);
    pipeline_request_destroy(r.req);
    return status;
}
