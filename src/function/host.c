/* host.c - loads functions: built in, or out of a shared object. */
#include "host.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/object.h"
#include "src/common/sign.h"
#include "src/common/text.h"
#include "src/function/builtin.h"
#include "src/program/share.h"

struct function {
    const pe_function *ops;
    void *handle; /* of the loader; NULL: built in */
    bool sealed;  /* it stays open */
};

static int refuse_name(const char *spec, pe_error *errp)
{
    char near[64];
    size_t len = strlen(spec);

    if (len > 3 && !strcmp(spec + len - 3, ".so"))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "function '%s' lacks its symbol; write %s:SYMBOL",
                            spec, spec);
    text_nearest(spec, builtin_words, near, sizeof(near));
    if (near[0])
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "there is no function '%s'; did you mean '%s'?",
                            spec, near);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "there is no function '%s'; it is one of %s, or "
                        "PATH.so:SYMBOL",
                        spec, builtin_words);
}

/* Is [ops], found as [spec], something this program can call? */
static int check_ops(const pe_function *ops, const char *spec, pe_error *errp)
{
    if (ops->abi != PE_FUNCTION_ABI)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "function '%s' was built for ABI %u and this "
                            "program has ABI %u; build it again with the "
                            "headers of this release",
                            spec, ops->abi, PE_FUNCTION_ABI);
    if (!ops->produce_edge && !ops->process_edge && !ops->process_cloud)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "function '%s' has no entry point; set "
                            "produce_edge, process_edge or process_cloud",
                            spec);
    return 0;
}

/* Can this program load [path]?  The loader says of an object of another
 * machine that there is no such file.
 */
static int check_machine(const char *path, const char *spec, pe_error *errp)
{
    char its[OBJECT_MACHINE], ours[OBJECT_MACHINE];
    pe_error e = {0};

    if (object_machine(path, its, &e) < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "function '%s' cannot be opened: %s: %s", spec,
                            path, e.text);
    object_machine_here(ours);
    if (ours[0] && strcmp(its, ours) != 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "function '%s' was built for %s, and this program "
                            "for %s: build it here, and put what other "
                            "machines load into %s/ beside it",
                            spec, its, ours, its);
    return 0;
}

/* What was opened once stays open: the loader knows an object by the name that
 * it was opened by, so another one under the same /proc/self/fd/N would be
 * taken for it.  The same file is the same object, as it is by its path.
 */
static struct sealed {
    char *path;
    dev_t dev;
    ino_t ino;
    struct timespec changed;
    void *handle;
    struct sealed *next;
} * sealed_all;
static pthread_mutex_t sealed_lock = PTHREAD_MUTEX_INITIALIZER;

static struct sealed *sealed_find(const char *path, const struct stat *st)
{
    struct sealed *s = sealed_all;

    while (s &&
           (strcmp(s->path, path) != 0 || s->dev != st->st_dev ||
            s->ino != st->st_ino || s->changed.tv_sec != st->st_ctim.tv_sec ||
            s->changed.tv_nsec != st->st_ctim.tv_nsec))
        s = s->next;
    return s;
}

/* Its handle, for good; NULL: [errp], or else dlerror, says why. */
static void *sealed_open(const sign_trust *t, const char *path, pe_error *errp)
{
    struct stat st = {0};
    struct sealed *s;
    char name[32];
    int fd;

    if (stat(path, &st) == 0 && (s = sealed_find(path, &st)))
        return s->handle;
    fd = sign_seal(t, path, errp);
    s = fd < 0 ? NULL : calloc(1, sizeof(*s));
    if (fd < 0)
        return NULL;
    if (!s || !(s->path = strdup(path))) {
        pe_error_nomem(errp);
        free(s);
        close(fd);
        return NULL;
    }
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    s->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!s->handle) {
        close(fd);
        free(s->path);
        free(s);
        return NULL;
    }
    s->dev = st.st_dev;
    s->ino = st.st_ino;
    s->changed = st.st_ctim;
    s->next = sealed_all;
    sealed_all = s;
    return s->handle;
}

/* Where this host says whose functions it takes, the file is read once, looked
 * at, and what was read is opened.
 */
static int object_open(function *f, const char *path, const char *spec,
                       pe_error *errp)
{
    pe_error e = {0};
    sign_trust *t = sign_trust_open(&e);

    if (t) {
        pthread_mutex_lock(&sealed_lock);
        f->handle = sealed_open(t, path, &e);
        pthread_mutex_unlock(&sealed_lock);
        f->sealed = true;
        sign_trust_close(t);
    } else if (e.kind == PE_ERROR_NONE) {
        f->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    }
    if (f->handle)
        return 0;
    if (e.kind == PE_ERROR_NONE)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "function '%s' cannot be opened: %s", spec,
                            dlerror());
    return pe_error_set(errp, e.kind, e.exit_code, "function '%s': %s", spec,
                        e.text);
}

/* Open [path] and find [symbol]; what is open stays in f->handle. */
static int open_object(function *f, const char *path, const char *symbol,
                       const char *spec, pe_error *errp)
{
    if (check_machine(path, spec, errp) < 0 ||
        object_open(f, path, spec, errp) < 0)
        return -1;
    f->ops = dlsym(f->handle, symbol);
    if (!f->ops)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s has no symbol '%s'; it must define "
                            "`const pe_function %s`",
                            path, symbol, symbol);
    return check_ops(f->ops, spec, errp);
}

/* The loader looks for a name without '/' in places of its own, so a path
 * always gets a folder.
 */
static char *object_path(const char *dir, const char *spec, size_t len)
{
    if (spec[0] == '/')
        return text_format("%.*s", (int)len, spec);
    return text_format("%s/%.*s", dir ? dir : ".", (int)len, spec);
}

static int load_object(function *f, const char *spec, const char *colon,
                       const char *dir, pe_error *errp)
{
    char *path;
    int rc;

    if (colon == spec || colon[1] == '\0')
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "function '%s' is not PATH.so:SYMBOL", spec);
    path = object_path(dir, spec, (size_t)(colon - spec));
    if (!path)
        return pe_error_nomem(errp);
    rc = open_object(f, path, colon + 1, spec, errp);
    free(path);
    return rc;
}

function *function_load(const char *spec, const char *dir, pe_error *errp)
{
    const char *colon = strrchr(spec, ':');
    const builtin *row = builtin_find(spec);
    function *f = calloc(1, sizeof(*f));
    int rc = 0;

    if (!f) {
        pe_error_nomem(errp);
        return NULL;
    }
    if (row)
        f->ops = row->ops;
    else if (colon)
        rc = load_object(f, spec, colon, dir, errp);
    else
        rc = refuse_name(spec, errp);
    if (rc < 0) {
        function_unload(f);
        return NULL;
    }
    return f;
}

void function_unload(function *f)
{
    if (!f)
        return;
    if (f->handle && !f->sealed)
        dlclose(f->handle);
    free(f);
}

const pe_function *function_ops(const function *f)
{
    return f->ops;
}

/* A set being filled, and whether all went well so far. */
typedef struct filling {
    pe_options *set;
    int rc;
    pe_error *errp;
} filling;

static void set_option(void *arg, const char *name, const char *value)
{
    filling *f = arg;

    if (f->rc == 0)
        f->rc = pe_options_set(f->set, name, value, f->errp);
}

pe_options *function_options(const function *f, const pe_options *given,
                             pe_error *errp)
{
    filling fill = {.set = pe_options_create(f->ops->options, errp),
                    .errp = errp};

    if (!fill.set)
        return NULL;
    if (!f->ops->options)
        pe_options_allow_any(fill.set);
    if (given)
        pe_options_each(given, set_option, &fill);
    if (fill.rc == 0)
        return fill.set;
    pe_options_destroy(fill.set);
    return NULL;
}

int function_check(const function *f, const context_setup *set, pe_error *errp)
{
    const builtin *row = builtin_of(f->ops);
    pe_context *ctx;
    int rc;

    if (!row || (!row->checked && !row->check))
        return 0;
    ctx = context_create(set, errp);
    if (!ctx)
        return -1;
    rc = row->check ? row->check(ctx) : f->ops->open(ctx);
    if (rc < 0)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "%s",
                     context_error(ctx));
    else if (!row->check)
        f->ops->close(ctx);
    context_destroy(ctx);
    return rc;
}

const char *const *function_names(void)
{
    return builtin_names();
}

const pe_function *function_find(const char *name)
{
    const builtin *row = builtin_find(name);

    return row ? row->ops : NULL;
}

bool function_rereadable(const function *f, const pe_options *o)
{
    const builtin *row = builtin_of(f->ops);

    return row && row->rereadable && !(row->once && o && row->once(o));
}

bool function_is_builtin(const pe_function *ops)
{
    return builtin_of(ops) != NULL;
}

bool function_scores(const function *f, const pe_options *o)
{
    const builtin *row = builtin_of(f->ops);

    return row && row->scores && !(row->unscored && o && row->unscored(o));
}

bool function_ops_keep(const pe_function *ops)
{
    const builtin *row = builtin_of(ops);

    return row && row->settle;
}

bool function_keeps(const function *f)
{
    return function_ops_keep(f->ops);
}

/* The error that a hook has left, as the agent's. */
static int take_failure(const pe_context *ctx, pe_error *errp)
{
    const pe_error *e = context_failure(ctx);

    return pe_error_set(
        errp, e->kind == PE_ERROR_INPUT ? PE_ERROR_FATAL : e->kind,
        e->exit_code, "stage '%s': %s", pe_context_stage(ctx), e->text);
}

int function_finish(const pe_function *ops, pe_context *ctx, pe_error *errp)
{
    const builtin *row = builtin_of(ops);

    if (!row || !row->finish || row->finish(ctx) == 0)
        return 0;
    return take_failure(ctx, errp);
}

bool function_named(const pe_function *ops, const pe_options *o)
{
    const builtin *row = builtin_of(ops);

    return row && row->named && row->named(o);
}

int function_sync(const pe_function *ops, pe_context *ctx, pe_error *errp)
{
    const builtin *row = builtin_of(ops);

    if (!row || !row->sync || row->sync(ctx) == 0)
        return 0;
    return take_failure(ctx, errp);
}

int function_settle(const pe_function *ops, pe_context *ctx,
                    const context_committed *c, pe_error *errp)
{
    const builtin *row = builtin_of(ops);

    if (!row || !row->settle || row->settle(ctx, c) == 0)
        return 0;
    return take_failure(ctx, errp);
}

void function_lend(const pe_function *ops, pe_context *ctx, pe_block *b)
{
    const builtin *row = builtin_of(ops);

    if (row && row->lend)
        row->lend(ctx, b);
}

void function_recall(pe_block *b)
{
    share_recall(b);
}

bool function_prompt(const function *f)
{
    const builtin *row = builtin_of(f->ops);

    return row && row->prompt;
}

bool function_framed(const function *f, const pe_options *o)
{
    const builtin *row = builtin_of(f->ops);

    return row && row->framed && row->framed(o);
}

int function_columns(const char *name, const pe_options *o, const char *list,
                     text *out)
{
    const builtin *row = builtin_find(name);

    out->len = 0;
    return row && row->columns ? row->columns(o, list, out) : -1;
}
