/* environment.c - what PILOT_BROKER and its like say in place of a file. */
#include "pipeline_private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/text.h"

bool pipeline_is_of_kind(const tree *t, enum pilot_kind kind)
{
    const tree *k = tree_get(t, "kind");

    return k && k->kind == TREE_SCALAR &&
           !strcmp(k->value, pilot_kind_name(kind));
}

static bool is_from_command_line(const tree *t)
{
    return !strncmp(t->where, "--set ", strlen("--set "));
}

/* Set or remove (NULL [value]) [key] of pilot [t], on behalf of [variable]. */
static int replace_key(tree *root, const tree *t, const char *key,
                       const char *value, const char *variable, pe_error *errp)
{
    const tree *there = tree_get(t, key);

    if (there && is_from_command_line(there))
        return 0;
    char *path = text_format("pilots.%s.%s", t->key, key);
    int status = path ? tree_set(root, path, value, variable, errp)
                      : pe_error_nomem(errp);
    free(path);
    return status;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* A relative name in the environment is meant from where the user is, one in
 * the file from where that lies.
 */
static int take_file(tree *root, const tree *t, const char *key,
                     const char *value, const char *name, pe_error *errp)
{
    char *here = *value == '/' ? NULL : getcwd(NULL, 0);
    char *path = here ? text_format("%s/%s", here, value) : NULL;
    int status =
        *value != '/' && !path
            ? pe_error_nomem(errp)
            : replace_key(root, t, key, path ? path : value, name, errp);

    free(here);
    free(path);
    return status;
}

/* User and password belong to the service they open: with another endpoint,
 * those of the file go.
 */
static int take_params(tree *root, const tree *t, pe_error *errp)
{
    const char *address = variable("PILOT_PARAMS");
    const char *secret = variable("PILOT_PASSWORD_FILE");
    const char *auth = variable("PILOT_PARAMS_AUTH");
    const tree *old = tree_get(t, "endpoint");

    if (address && old && !is_from_command_line(old) &&
        (replace_key(root, t, "password-file", NULL, "PILOT_PARAMS", errp) <
             0 ||
         replace_key(root, t, "auth", NULL, "PILOT_PARAMS", errp) < 0 ||
         replace_key(root, t, "user", NULL, "PILOT_PARAMS", errp) < 0))
        return -1;
    if (address &&
        replace_key(root, t, "endpoint", address, "PILOT_PARAMS", errp) < 0)
        return -1;
    if (auth && (address || old) &&
        take_file(root, t, "auth", auth, "PILOT_PARAMS_AUTH", errp) < 0)
        return -1;
    return secret ? take_file(root, t, "password-file", secret,
                              "PILOT_PASSWORD_FILE", errp)
                  : 0;
}

/* The same of a broker and its `auth`. */
static int take_broker(tree *root, const tree *t, const char *endpoint,
                       pe_error *errp)
{
    const char *auth = variable("PILOT_BROKER_AUTH");
    const tree *old = tree_get(t, "endpoint");

    if (endpoint && old && !is_from_command_line(old) &&
        replace_key(root, t, "auth", NULL, "PILOT_BROKER", errp) < 0)
        return -1;
    if (endpoint &&
        replace_key(root, t, "endpoint", endpoint, "PILOT_BROKER", errp) < 0)
        return -1;
    return auth && (endpoint || old)
               ? take_file(root, t, "auth", auth, "PILOT_BROKER_AUTH", errp)
               : 0;
}

/* The file says where one is to be started: that is no endpoint to replace. */
static bool is_placed(const tree *t)
{
    return tree_get(t, "within") || tree_get(t, "resource") ||
           tree_get(t, "listen");
}

int pipeline_take_environment(tree *root, pe_error *errp)
{
    const tree *pilots = tree_get(root, "pilots");
    bool first = true;

    if (!pilots || pilots->kind != TREE_MAP)
        return 0;
    for (size_t i = 0; i < pilots->n; i++) {
        const tree *t = &pilots->child[i];
        if (pipeline_check_name(t, "pilot", errp) < 0)
            return -1;
        if (is_placed(t))
            continue;
        if (first && pipeline_is_of_kind(t, PILOT_BROKER)) {
            if (take_broker(root, t, variable("PILOT_BROKER"), errp) < 0)
                return -1;
            first = false; /* others are those of a stream */
        }
        if (pipeline_is_of_kind(t, PILOT_PARAMS) &&
            take_params(root, t, errp) < 0)
            return -1;
    }
    return 0;
}
