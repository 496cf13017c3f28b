/* login.c - what opens a service: TLS, names and secrets, out of a file. */
#include "src/login/login.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/text.h"

#define FILE_MAX (8 << 20)

struct login {
    json_t *file, *entry; /* the second is part of the first */
};

const char *login_role_word(enum login_role role)
{
    static const char *const words[LOGIN_N_ROLES] = {
        [LOGIN_OPERATOR] = "operator",
        [LOGIN_POOL] = "pool",
        [LOGIN_DEVICE] = "device",
    };

    return words[role];
}

char *login_role_path(const char *path, enum login_role role)
{
    char *own = text_format("%s.%s", path, login_role_word(role));

    if (role != LOGIN_OPERATOR && (!own || access(own, F_OK) == 0))
        return own;
    free(own);
    return strdup(path);
}

static bool is_for(json_t *entry, const char *endpoint)
{
    json_t *all = json_object_get(entry, "endpoints");

    for (size_t i = 0; i < json_array_size(all); i++) {
        const char *s = json_string_value(json_array_get(all, i));

        if (s && !strcmp(s, endpoint))
            return true;
    }
    return false;
}

static json_t *entry_find(json_t *file, const char *list, const char *endpoint)
{
    json_t *all = json_object_get(file, list);

    for (size_t i = 0; i < json_array_size(all); i++)
        if (is_for(json_array_get(all, i), endpoint))
            return json_array_get(all, i);
    return NULL;
}

static json_t *file_parse(const char *path, pe_error *errp)
{
    size_t len = 0;
    char *data = file_read_private(path, FILE_MAX, &len, errp);
    json_t *o = data ? json_loadb(data, len, 0, NULL) : NULL;

    if (data && json_integer_value(json_object_get(o, "schema")) != 1) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s is no file of logins; 'pilot run' writes it", path);
        json_decref(o);
        o = NULL;
    }
    if (data)
        explicit_bzero(data, len);
    free(data);
    return o;
}

/* The texts of a tree of JSON, before it goes. */
static void json_clear(json_t *o)
{
    const char *key;
    json_t *v;
    size_t i;

    if (json_is_string(o))
        explicit_bzero((char *)json_string_value(o), json_string_length(o));
    json_array_foreach(o, i, v)
    {
        json_clear(v);
    }
    json_object_foreach(o, key, v)
    {
        json_clear(v);
    }
}

static void file_clear(json_t *file)
{
    json_clear(json_object_get(file, LOGIN_BROKERS));
    json_clear(json_object_get(file, LOGIN_PARAMS));
    json_decref(file);
}

/* Who holds secrets leaves no core behind, unless the limit is raised again. */
static void core_forbid(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_CORE, &l) == 0 && l.rlim_cur > 0) {
        l.rlim_cur = 0;
        (void)setrlimit(RLIMIT_CORE, &l);
    }
}

int login_open(const char *path, const char *list, const char *endpoint,
               login **outp, pe_error *errp)
{
    json_t *file = file_parse(path, errp), *entry;
    login *l;

    *outp = NULL;
    if (!file)
        return -1;
    entry = entry_find(file, list, endpoint);
    l = entry ? calloc(1, sizeof(*l)) : NULL;
    if (!l) {
        file_clear(file);
        return entry ? pe_error_nomem(errp) : 0;
    }
    core_forbid();
    l->file = file;
    l->entry = entry;
    *outp = l;
    return 0;
}

void login_close(login *l)
{
    if (!l)
        return;
    file_clear(l->file);
    free(l);
}

const char *login_text(const login *l, const char *key)
{
    return json_string_value(json_object_get(l->entry, key));
}

bool login_flag(const login *l, const char *key)
{
    return !json_is_false(json_object_get(l->entry, key));
}

int login_options(const login *l,
                  int (*each)(void *arg, const char *name, const char *value,
                              pe_error *errp),
                  void *arg, pe_error *errp)
{
    const char *name;
    json_t *v;

    json_object_foreach(json_object_get(l->entry, "options"), name, v)
    {
        const char *value = json_string_value(v);

        if (value && each(arg, name, value, errp) < 0)
            return -1;
    }
    return 0;
}
