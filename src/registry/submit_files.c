/* submit_files.c - files of a user that travel with a pilot, and what has to
 * be there before its job is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/locate.h"
#include "src/common/text.h"
#include "src/registry/submit_private.h"

#define STAGED "in" /* folder of staged files: ours are beside it */
#define FETCH_S 900.0

/* A file of this host as [name] into [dir]. */
static int file_send(const submit_plan *p, const submit_place *at,
                     const char *dir, const char *from, const char *name,
                     pe_error *errp)
{
    char *to = text_format("%s/%s", dir, name);
    int status = to ? host_put(at->host, from, to, p->progress, p->arg, errp)
                    : pe_error_nomem(errp);

    free(to);
    return status;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* --- staged files --- */

/* "FROM" or "FROM:NAME" */
static int stage_in(const submit_plan *p, const submit_place *at,
                    const char *dir, const char *item, pe_error *errp)
{
    const char *colon = strrchr(item, ':');
    char *from = colon ? text_format("%.*s", (int)(colon - item), item)
                       : text_format("%s", item);
    char *path = from ? locate_absolute(p->submit_dir, from, errp) : NULL;
    const char *name = colon ? colon + 1 : base_name(item);
    int status = -1;

    if (!from)
        pe_error_nomem(errp);
    if (path && (strchr(name, '/') || !*name || *name == '.'))
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                     "stage-in: '%s' is no name of a file in the pilot's "
                     "folder " STAGED "/",
                     name);
    else if (path)
        status = file_send(p, at, dir, path, name, errp);
    free(path);
    free(from);
    return status;
}

int files_stage_in(const submit_plan *p, const submit_place *at, pe_error *errp)
{
    const struct request_list *l = &p->request->list[REQUEST_STAGE_IN];
    char *dir;
    int status;

    if (l->n == 0)
        return 0;
    dir = text_format("%s/" STAGED, at->dir);
    status = dir ? host_mkdir(at->host, dir, errp) : pe_error_nomem(errp);
    for (size_t i = 0; status == 0 && i < l->n; i++)
        status = stage_in(p, at, dir, l->items[i], errp);
    free(dir);
    return status;
}

/* --- functions --- */

/* Does this override name a file of ours that has to travel?  Its path then,
 * else NULL.
 */
static const char *travels(const char *override)
{
    size_t len = strcspn(override, "=");
    static const char tail[] = ".function";
    static const char model[] = "restore=";
    size_t n = sizeof(tail) - 1;

    if (!strncmp(override, model, sizeof(model) - 1) &&
        override[sizeof(model) - 1] == '/')
        return override + sizeof(model) - 1;
    if (!override[len] || override[len + 1] != '/' || len < n ||
        strncmp(override + len - n, tail, n) != 0)
        return NULL;
    return override + len + 1;
}

/* The path in "PATH:SYMBOL" or "PATH", new memory. */
static char *object_of(const char *function)
{
    const char *symbol = strrchr(function, ':');

    return text_format(
        "%.*s", symbol ? (int)(symbol - function) : (int)strlen(function),
        function);
}

char *files_object_name(const pipeline_request *q, size_t i, const char *path)
{
    const char *base = base_name(path);
    bool taken = false;

    for (size_t k = 0; k < i; k++) {
        const char *function = travels(q->overrides[k]);
        char *other = function ? object_of(function) : NULL;
        bool same = other && !strcmp(other, path);
        bool same_base = other && !strcmp(base_name(other), base);
        free(other);
        if (same)
            return files_object_name(q, k, path);
        taken = taken || same_base;
    }
    return taken ? text_format("%zu-%s", i + 1, base) : text_format("%s", base);
}

/* The file that is object [path] for the machine of [at]: it, or what lies
 * beside it in a folder of that name, as with programs.  New memory.
 */
static char *object_for(const submit_place *at, const char *path,
                        pe_error *errp)
{
    char its[OBJECT_MACHINE], found[OBJECT_MACHINE] = "";
    size_t folder = (size_t)(base_name(path) - path);
    bool fits = !at->machine[0] || object_machine(path, its, NULL) < 0 ||
                !strcmp(its, at->machine);
    char *file = fits ? text_format("%s", path)
                      : text_format("%.*s%s/%s", (int)folder, path, at->machine,
                                    base_name(path));

    if (!file)
        pe_error_nomem(errp);
    if (!file || fits ||
        (object_machine(file, found, NULL) == 0 && !strcmp(found, at->machine)))
        return file;
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                 "%s was built for %s, and the pilot on %s is for %s: build it "
                 "for that, too, as %s",
                 path, its, host_name(at->host), at->machine, file);
    free(file);
    return NULL;
}

/* The object of override [i] beside the request, and the override that says
 * so.
 */
static char *function_send(const submit_plan *p, const submit_place *at,
                           const char *dir, size_t i, pe_error *errp)
{
    const char *override = p->run->overrides[i];
    const char *from = travels(override), *symbol = strrchr(from, ':');
    char *path = object_of(from);
    char *name = path ? files_object_name(p->run, i, path) : NULL;
    char *source = name ? object_for(at, path, errp) : NULL;
    char *out = NULL;

    if (!name)
        pe_error_nomem(errp);
    else if (source && file_send(p, at, dir, source, name, errp) == 0)
        out = text_format("%.*s%s/%s%s", (int)(from - override), override, dir,
                          name, symbol ? symbol : "");
    free(source);
    free(name);
    free(path);
    return out;
}

char **files_overrides(const submit_plan *p, const submit_place *at,
                       const char *dir, pe_error *errp)
{
    const pipeline_request *q = p->run;
    char **list = calloc(q->n_overrides + 1, sizeof(*list));
    bool far = !host_is_local(at->host);

    for (size_t i = 0; list && i < q->n_overrides; i++) {
        list[i] = far && travels(q->overrides[i])
                      ? function_send(p, at, dir, i, errp)
                      : strdup(q->overrides[i]);
        if (list[i])
            continue;
        while (i > 0)
            free(list[--i]);
        free(list);
        return NULL;
    }
    if (!list)
        pe_error_nomem(errp);
    return list;
}

/* --- the broker's jars --- */

static bool has_broker(const submit_plan *p)
{
    bool yes = p->pilot->kind == PILOT_BROKER;

    for (size_t i = 0; i < p->pl->n_pilots; i++) {
        const pipeline_pilot *k = &p->pl->pilots[i];
        yes = yes || (k->kind == PILOT_BROKER && k->within >= 0 &&
                      &p->pl->pilots[k->within] == p->pilot);
    }
    return yes;
}

static int fetch_refuse(const host_answer *a, const submit_place *at,
                        pe_error *errp)
{
    const char *words = a->err ? a->err : "";

    return pe_error_set(errp, PE_ERROR_INPUT,
                        a->status == PE_EXIT_UNAVAILABLE ? PE_EXIT_UNAVAILABLE
                                                         : PE_EXIT_CONFIG,
                        "the broker's jars cannot be fetched on %s, and its "
                        "node may reach no mirror; pilot-services says: %.*s",
                        host_name(at->host), (int)strcspn(words, "\n"), words);
}

int files_fetch(const submit_plan *p, const submit_place *at, pe_error *errp)
{
    char *program;
    const char *argv[] = {NULL, "fetch", NULL};
    host_answer a = {0};
    int status = -1;

    if (!has_broker(p))
        return 0;
    program = at->libexec
                  ? text_format("%s/pilot-services", at->libexec)
                  : locate_program("pilot-services", PILOT_LIBEXECDIR, errp);
    if (at->libexec && !program)
        pe_error_nomem(errp);
    argv[0] = program;
    if (program)
        status = host_run(at->host, argv, NULL, FETCH_S, &a, errp);
    /* Lines of the site's own may name a Kafka that is there. */
    if (status == 0 && a.status != 0 && p->request->list[REQUEST_SETUP].n == 0)
        status = fetch_refuse(&a, at, errp);
    host_answer_free(&a);
    free(program);
    return status;
}
