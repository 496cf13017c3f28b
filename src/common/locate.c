/* locate.c - where the state of runs and the programs of pilots are. */
#include "locate.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/text.h"

static char *nomem(pe_error *errp)
{
    pe_error_nomem(errp);
    return NULL;
}

char *locate_run(const char *home, const char *name, pe_error *errp)
{
    char *dir = text_format("%s/%s", home, name);
    char *pipeline = dir ? text_format("%s/pipeline.yaml", dir) : NULL;
    bool is = *name && *name != '.' && !strchr(name, '/');

    if (!pipeline) {
        free(dir);
        return nomem(errp);
    }
    if (!is || access(pipeline, F_OK) < 0) {
        free(dir);
        dir = NULL;
    }
    free(pipeline);
    return dir;
}

char *locate_absolute(const char *folder, const char *path, pe_error *errp)
{
    char *cwd = NULL;

    if (*path == '/')
        folder = "";
    else if (!folder)
        folder = cwd = getcwd(NULL, 0);
    if (!folder) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "the working directory is gone: %s", strerror(errno));
        return NULL;
    }
    char *out = text_format("%s%s%s", folder, *folder ? "/" : "", path);
    free(cwd);
    return out ? out : nomem(errp);
}

char *locate_folder(const char *path, pe_error *errp)
{
    char *out = locate_absolute(NULL, path, errp);
    char *slash = out ? strrchr(out, '/') : NULL;

    if (slash)
        slash[slash == out] = '\0';
    return out;
}

/* Value of variable [name], NULL when it is not set or empty. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

char *locate_home(pe_error *errp)
{
    const char *own = variable("PILOT_HOME");
    const char *state = variable("XDG_STATE_HOME");
    const char *user = variable("HOME");
    char *out;

    if (own)
        return locate_absolute(NULL, own, errp);
    if (!state && !user) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "neither PILOT_HOME nor HOME is set: set PILOT_HOME to "
                     "the folder that keeps the state of runs");
        return NULL;
    }
    out = state ? text_format("%s/pilot", state)
                : text_format("%s/.local/state/pilot", user);
    return out ? out : nomem(errp);
}

/* Folder of the running program in [out]; "" when it cannot be told. */
static void own_folder(char out[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);

    out[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = '\0';
}

char *locate_program(const char *name, const char *installed, pe_error *errp)
{
    const char *libexec = variable("PILOT_LIBEXEC");
    char own[PATH_MAX];

    own_folder(own);
    const struct {
        const char *folder, *sub;
    } places[] = {
        {libexec, ""},
        {own, ""},
        {own, "/scripts"},
        {installed, ""},
    };
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (!places[i].folder)
            continue;
        char *path =
            text_format("%s%s/%s", places[i].folder, places[i].sub, name);
        if (!path)
            return nomem(errp);
        if (access(path, X_OK) == 0)
            return path;
        free(path);
    }
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                 "%s is neither in %s nor in %s: install it, or set "
                 "PILOT_LIBEXEC to its folder",
                 name, libexec ? libexec : own, installed);
    return NULL;
}
