/* ssh_target.c - where an SSH URL leads: it, and ~/.ssh/config. */
#include "ssh_target.h"

#include <errno.h>
#include <fnmatch.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/text.h"
#include "src/common/url.h"

#define CONFIG_MAX ((size_t)1 << 20)
#define BLANKS " \t\r\f\v"

/* --- ~/.ssh/config --- */

/* The next word of *atp, without its quotes, or NULL; *atp is moved behind
 * it.
 */
static char *take_word(char **atp)
{
    char *word = *atp + strspn(*atp, BLANKS);
    size_t n;

    if (!*word || *word == '#')
        return NULL;
    if (*word == '"') {
        word++;
        n = strcspn(word, "\"");
    } else {
        n = strcspn(word, BLANKS);
    }
    *atp = word + n + (word[n] != '\0');
    word[n] = '\0';
    return word;
}

/* "KEY VALUES" or "KEY=VALUES": the key, and *atp at the values. */
static char *take_key(char **atp)
{
    char *key = *atp + strspn(*atp, BLANKS);
    size_t n = strcspn(key, BLANKS "=");
    char *rest = key + n;

    if (!*key || *key == '#')
        return NULL;
    rest += strspn(rest, BLANKS);
    if (*rest == '=')
        rest++;
    key[n] = '\0';
    *atp = rest;
    return key;
}

/* Is [name] meant by the patterns of a Host line? */
static bool host_matches(const char *name, char *patterns)
{
    bool is = false;
    char *word;

    while ((word = take_word(&patterns)) != NULL) {
        bool not = *word == '!';
        if (fnmatch(word + not, name, FNM_NOESCAPE) != 0)
            continue;
        if (not )
            return false;
        is = true;
    }
    return is;
}

/* [path] of an IdentityFile: "~/" and the tokens %d %h %r %u %%. */
static char *identity_path(const ssh_target *t, const char *home,
                           const char *path)
{
    const struct passwd *pw = getpwuid(geteuid());
    text out = {0};

    if (!strncmp(path, "~/", 2)) {
        text_add(&out, "%s", home);
        path++;
    }
    for (; *path; path++) {
        const char *put = NULL;
        if (*path == '%' && path[1]) {
            path++;
            put = *path == 'd'   ? home
                  : *path == 'h' ? t->host
                  : *path == 'r' ? t->user
                  : *path == 'u' ? (pw ? pw->pw_name : "")
                                 : NULL;
        }
        if (put)
            text_add(&out, "%s", put);
        else
            text_add_bytes(&out, path, 1);
    }
    if (out.failed)
        text_free(&out);
    return out.data;
}

/* "%h.site" has the name that was written. */
static void take_host_name(ssh_target *t, const char *value)
{
    const char *token = strstr(value, "%h");
    char *name = token ? text_format("%.*s%s%s", (int)(token - value), value,
                                     t->name, token + 2)
                       : text_format("%s", value);

    if (name && strlen(name) < sizeof(t->host))
        memcpy(t->host, name, strlen(name) + 1);
    free(name);
}

/* One line below a Host that is meant. */
static void take_setting(ssh_target *t, bool *has_host, const char *key,
                         const char *value, text *identities)
{
    int64_t port;

    if (!strcasecmp(key, "hostname") && !*has_host) {
        take_host_name(t, value);
        *has_host = true;
    } else if (!strcasecmp(key, "port") && !t->port) {
        if (text_parse_int(value, &port) == 0 && port > 0 && port < 65536)
            t->port = (int)port;
    } else if (!strcasecmp(key, "user") && !*t->user) {
        snprintf(t->user, sizeof(t->user), "%s", value);
    } else if (!strcasecmp(key, "identityfile")) {
        text_add(identities, "%s\n", value);
    } else if ((!strcasecmp(key, "proxyjump") ||
                !strcasecmp(key, "proxycommand")) &&
               strcasecmp(value, "none") != 0) {
        t->proxied = true;
    }
}

/* The key files, when the rest is known that their names may have in them. */
static void take_identities(ssh_target *t, const char *home, char *list)
{
    char *save = NULL;

    for (char *path = strtok_r(list, "\n", &save);
         path && t->n_identities < SSH_IDENTITIES;
         path = strtok_r(NULL, "\n", &save))
        if (strcasecmp(path, "none") != 0 &&
            (t->identities[t->n_identities] = identity_path(t, home, path)))
            t->n_identities++;
}

void ssh_target_config(ssh_target *t, const char *home, const char *config)
{
    char *copy = strdup(config), *save = NULL;
    bool meant = true, named = t->n_identities > 0, has_host = false;
    text identities = {0};

    for (char *at = copy ? strtok_r(copy, "\n", &save) : NULL; at;
         at = strtok_r(NULL, "\n", &save)) {
        const char *key = take_key(&at);
        if (!key)
            continue;
        if (!strcasecmp(key, "host")) {
            meant = host_matches(t->name, at);
        } else if (!strcasecmp(key, "match")) {
            meant = false;
        } else if (meant) {
            const char *value = take_word(&at);
            if (value)
                take_setting(t, &has_host, key, value, &identities);
        }
    }
    if (identities.data && !named)
        take_identities(t, home, identities.data);
    text_free(&identities);
    free(copy);
}

/* --- the URL --- */

static bool is_ssh(const char *scheme)
{
    size_t n = strlen(scheme);

    return n >= 3 && !strcmp(scheme + n - 3, "ssh") &&
           (n == 3 || scheme[n - 4] == '+');
}

static int take_url(const char *from, ssh_target *t, pe_error *errp)
{
    url u;

    if (url_parse(from, &u, errp) < 0)
        return -1;
    if (!is_ssh(u.scheme) || !*u.host || u.path[strspn(u.path, "/")])
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "'%s' is no SSH host; write "
                            "ssh://[USER@]HOST[:PORT]",
                            from);
    snprintf(t->name, sizeof(t->name), "%s", u.host);
    snprintf(t->host, sizeof(t->host), "%s", u.host);
    snprintf(t->user, sizeof(t->user), "%s", u.user);
    t->port = u.port;
    return 0;
}

static int take_defaults(ssh_target *t, const struct passwd *pw, pe_error *errp)
{
    if (!*t->user && pw)
        snprintf(t->user, sizeof(t->user), "%s", pw->pw_name);
    if (!*t->user)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s: this user has no name here; write "
                            "ssh://USER@%s",
                            t->name, t->name);
    if (!t->port)
        t->port = SSH_PORT;
    return 0;
}

int ssh_target_parse(const char *from, const host_conf *c, ssh_target *t,
                     pe_error *errp)
{
    const struct passwd *pw = getpwuid(geteuid());
    const char *home = getenv("HOME");
    char *config = NULL, *path = NULL;
    int status = -1;

    *t = (ssh_target){0};
    if (!home || !*home)
        home = pw ? pw->pw_dir : "/";
    if (take_url(from, t, errp) < 0)
        return -1;
    t->folder = text_format("%s/.ssh", home);
    path = text_format("%s/.ssh/config", home);
    t->known_hosts = c && c->known_hosts
                         ? text_format("%s", c->known_hosts)
                         : text_format("%s/.ssh/known_hosts", home);
    if (c && c->identity && (t->identities[0] = text_format("%s", c->identity)))
        t->n_identities = 1;
    if (!t->folder || !path || !t->known_hosts ||
        (c && c->identity && !t->n_identities)) {
        pe_error_nomem(errp);
        goto done;
    }
    config = file_read(path, CONFIG_MAX, NULL, NULL);
    if (config)
        ssh_target_config(t, home, config);
    status = take_defaults(t, pw, errp);
done:
    free(config);
    free(path);
    if (status < 0)
        ssh_target_clear(t);
    return status;
}

void ssh_target_clear(ssh_target *t)
{
    for (size_t i = 0; i < t->n_identities; i++)
        free(t->identities[i]);
    free(t->folder);
    free(t->known_hosts);
    *t = (ssh_target){0};
}
