/* ssh_target.c - where an SSH URL leads, by what the user has configured. */
#include "ssh_target.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "src/common/process.h"
#include "src/common/shell.h"
#include "src/common/text.h"
#include "src/common/url.h"

#define ASK_S 20.0 /* of `ssh -G`: a Match may run a command */
#define ASK_MAX ((size_t)1 << 20)
#define SITE_KNOWN_HOSTS "/etc/ssh/ssh_known_hosts" /* ssh's own */

/* --- what ssh has configured --- */

/* A path of `ssh -G` in new memory: "~/", the tokens of IdentityFile, and what
 * lies in the home that ssh takes from the passwd where we are told another.
 */
static char *path_of(const ssh_target *t, const ssh_homes *homes,
                     const char *path)
{
    const struct passwd *pw = getpwuid(geteuid());
    size_t n = strlen(homes->passwd_home);
    text out = {0};

    if (!strncmp(path, "~/", 2)) {
        text_add(&out, "%s", homes->home);
        path++;
    } else if (!strncmp(path, homes->passwd_home, n) &&
               !strncmp(path + n, "/.ssh/", 6)) {
        text_add(&out, "%s", homes->home);
        path += n;
    }
    for (; *path; path++) {
        const char *put = NULL;
        if (*path == '%' && path[1]) {
            path++;
            put = *path == 'd'   ? homes->home
                  : *path == 'h' ? t->host
                  : *path == 'n' ? t->name
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

/* Put a copy of [value], changed by path_of, at the end of a list. */
static int list_add(char **list, size_t *np, size_t max, char *value)
{
    if (!value)
        return -1;
    if (*np < max)
        list[(*np)++] = value;
    else
        free(value);
    return 0;
}

/* Files stand behind each other; each is absolute. */
static int take_known(ssh_target *t, const ssh_homes *homes, char *value)
{
    while (value && *value && strcmp(value, "none") != 0) {
        char *next = strstr(value + 1, " /");
        if (next)
            *next++ = '\0';
        if (list_add(t->known, &t->n_known, SSH_KNOWN_FILES,
                     path_of(t, homes, value)) < 0)
            return -1;
        value = next;
    }
    return 0;
}

/* Words of the command for ssh itself, as the user would call it. */
static void add_ssh(text *out, const ssh_target *t, const ssh_homes *homes)
{
    text_add(out, "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes");
    if (strcmp(homes->home, homes->passwd_home) != 0) {
        text option = {0};
        text_add(out, " -F ");
        text_add(&option, "%s/config", t->folder);
        shell_add_word(out, access(option.data ? option.data : "", R_OK) == 0
                                ? option.data
                                : "/dev/null");
        text_free(&option);
        text_add(&option, "UserKnownHostsFile=\"%s\"", t->known_hosts);
        text_add(out, " -o ");
        shell_add_word(out, option.data ? option.data : "");
        text_free(&option);
    }
}

/* ProxyJump "a,b": b is where we are let through, and a the way to it. */
static char *jump_command(const ssh_target *t, const ssh_homes *homes,
                          const char *jumps)
{
    const char *comma = strrchr(jumps, ','), *last = comma ? comma + 1 : jumps;
    text out = {0}, word = {0};

    add_ssh(&out, t, homes);
    if (comma) {
        text_add(&word, "%.*s", (int)(comma - jumps), jumps);
        text_add(&out, " -J ");
        shell_add_word(&out, word.data ? word.data : "");
        text_free(&word);
    }
    text_add(&out, " -W '[%s]:%d' -- ", t->host, t->port);
    text_add(&word, "%s%s", strncmp(last, "ssh://", 6) ? "ssh://" : "", last);
    shell_add_word(&out, word.data ? word.data : "");
    if (word.failed)
        text_free(&out);
    text_free(&word);
    if (out.failed)
        text_free(&out);
    return out.data;
}

/* A ProxyCommand with its tokens. */
static char *proxy_command(const ssh_target *t, const char *command)
{
    text out = {0};

    for (const char *c = command; *c; c++) {
        if (*c != '%' || !c[1]) {
            text_add_bytes(&out, c, 1);
            continue;
        }
        c++;
        if (*c == 'p')
            text_add(&out, "%d", t->port);
        else if (*c == 'h' || *c == 'n' || *c == 'r')
            text_add(&out, "%s",
                     *c == 'h'   ? t->host
                     : *c == 'n' ? t->name
                                 : t->user);
        else if (*c == '%')
            text_add(&out, "%%");
        else
            text_add(&out, "%%%c", *c);
    }
    if (out.failed)
        text_free(&out);
    return out.data;
}

/* What is only understood when the rest is known. */
struct later {
    char *identities[SSH_IDENTITIES];
    size_t n_identities;
    char *user_known, *site_known, *jump, *command, *agent;
    bool all_usual, passes_fd;
};

static void take_line(ssh_target *t, struct later *l, const char *key,
                      char *value)
{
    int64_t port;

    if (!strcmp(key, "hostname"))
        snprintf(t->host, sizeof(t->host), "%s", value);
    else if (!strcmp(key, "hostkeyalias") && strcmp(value, "none") != 0)
        snprintf(t->known_as, sizeof(t->known_as), "%s", value);
    else if (!strcmp(key, "port") && text_parse_int(value, &port) == 0)
        t->port = (int)port;
    else if (!strcmp(key, "user"))
        snprintf(t->user, sizeof(t->user), "%s", value);
    else if (!strcmp(key, "identityfile") && l->n_identities < SSH_IDENTITIES)
        l->identities[l->n_identities++] = value;
    else if (!strcmp(key, "userknownhostsfile"))
        l->user_known = value;
    else if (!strcmp(key, "globalknownhostsfile"))
        l->site_known = value;
    else if (!strcmp(key, "identityagent"))
        l->agent = value;
    else if (!strcmp(key, "proxyjump") && strcmp(value, "none") != 0)
        l->jump = value;
    else if (!strcmp(key, "proxycommand") && strcmp(value, "none") != 0)
        l->command = value;
    else if (!strcmp(key, "proxyusefdpass"))
        l->passes_fd = !strcmp(value, "yes");
    /* Nobody names the usual keys and one of a token among them. */
    if (!strcmp(key, "identityfile") && !strcmp(value, "~/.ssh/id_ed25519_sk"))
        l->all_usual = true;
}

/* IdentityAgent: a socket, none, or a variable that has it. */
static char *agent_of(const struct later *l)
{
    const char *path = getenv("SSH_AUTH_SOCK");

    if (l->agent && !strcmp(l->agent, "none"))
        return NULL;
    if (l->agent && *l->agent == '$')
        path = getenv(l->agent + 1);
    else if (l->agent && strcmp(l->agent, "SSH_AUTH_SOCK") != 0)
        path = l->agent;
    return path && *path ? strdup(path) : NULL;
}

static int take_later(ssh_target *t, const struct later *l,
                      const ssh_homes *homes, pe_error *errp)
{
    bool named = t->n_identities > 0;
    int status = 0;

    for (size_t i = 0; i < l->n_identities && !named && !l->all_usual; i++)
        if (strcasecmp(l->identities[i], "none") != 0)
            status |= list_add(t->identities, &t->n_identities, SSH_IDENTITIES,
                               path_of(t, homes, l->identities[i]));
    if (!t->known_hosts)
        status |= take_known(t, homes, l->user_known);
    if (!t->known_hosts && t->n_known == 0)
        t->known_hosts = text_format("%s/known_hosts", t->folder);
    if (t->known_hosts)
        status |= list_add(t->known, &t->n_known, SSH_KNOWN_FILES,
                           strdup(t->known_hosts));
    else
        t->known_hosts = strdup(t->known[0]);
    char site[] = SITE_KNOWN_HOSTS;
    status |= take_known(t, homes, l->site_known ? l->site_known : site);
    free(t->agent);
    t->agent = agent_of(l);
    if (l->jump || l->command) {
        t->through =
            text_format("%s %s", l->jump ? "ProxyJump" : "ProxyCommand",
                        l->jump ? l->jump : l->command);
        t->proxy = l->jump ? jump_command(t, homes, l->jump)
                           : proxy_command(t, l->command);
        if (!t->proxy || !t->through)
            status = -1;
    }
    if (status < 0 || !t->known_hosts)
        return pe_error_nomem(errp);
    if (t->proxy && l->passes_fd)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s: ProxyUseFdpass is not possible here; write a "
                            "ProxyCommand that copies what it is given",
                            t->name);
    return 0;
}

int ssh_target_config(ssh_target *t, const ssh_homes *homes, char *printed,
                      pe_error *errp)
{
    struct later l = {0};
    char *save = NULL;

    for (char *at = strtok_r(printed, "\n", &save); at;
         at = strtok_r(NULL, "\n", &save)) {
        char *value = strchr(at, ' ');
        if (value) {
            *value++ = '\0';
            take_line(t, &l, at, value);
        }
    }
    return take_later(t, &l, homes, errp);
}

/* Ask ssh.  What it answers to a name, and to a user and a port that were
 * said, goes into *printedp; "" where there is no ssh and nothing to ask.
 */
static int ask(const ssh_target *t, const ssh_homes *homes, process_answer *a,
               pe_error *errp)
{
    char *config = text_format("%s/config", t->folder), port[16];
    bool has = config && access(config, F_OK) == 0;
    const char *argv[12] = {"ssh", "-G"};
    int n = 2, status = -1;

    if (strcmp(homes->home, homes->passwd_home) != 0) {
        argv[n++] = "-F";
        argv[n++] = has ? config : "/dev/null";
    }
    if (*t->user) {
        argv[n++] = "-l";
        argv[n++] = t->user;
    }
    if (t->port) {
        snprintf(port, sizeof(port), "%d", t->port);
        argv[n++] = "-p";
        argv[n++] = port;
    }
    argv[n++] = "--";
    argv[n++] = t->name;
    const process_spec spec = {.argv = argv, .err_pipe = true};
    const process_limits limits = {.timeout_s = ASK_S, .max = ASK_MAX};
    if (!config) {
        pe_error_nomem(errp);
    } else if (process_find("ssh", NULL) < 0) {
        status = has ? pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                    "%s: what %s says of it is read by ssh, "
                                    "which is not there: install "
                                    "openssh-client",
                                    t->name, config)
                     : 0;
    } else if ((status = process_run(&spec, &limits, a, errp)) == 0 &&
               a->status != 0) {
        char *said = a->err.data ? a->err.data : "";
        said[strcspn(said, "\r\n")] = '\0';
        status = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                              "%s: 'ssh -G %s' says '%.300s'", t->name, t->name,
                              said);
    }
    free(config);
    return status;
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

/* Where no ssh was asked. */
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
    ssh_homes homes = {.home = home, .passwd_home = pw ? pw->pw_dir : "/"};
    process_answer a = {0};
    char none[1] = "";
    int status = -1;

    *t = (ssh_target){0};
    if (!home || !*home)
        homes.home = homes.passwd_home;
    if (take_url(from, t, errp) < 0)
        return -1;
    t->folder = text_format("%s/.ssh", homes.home);
    if (c && c->known_hosts)
        t->known_hosts = text_format("%s", c->known_hosts);
    if (c && c->identity && (t->identities[0] = text_format("%s", c->identity)))
        t->n_identities = 1;
    if (!t->folder || (c && c->known_hosts && !t->known_hosts) ||
        (c && c->identity && !t->n_identities))
        pe_error_nomem(errp);
    else if (ask(t, &homes, &a, errp) == 0 &&
             ssh_target_config(t, &homes, a.out.data ? a.out.data : none,
                               errp) == 0)
        status = take_defaults(t, pw, errp);
    process_answer_free(&a);
    if (status < 0)
        ssh_target_clear(t);
    return status;
}

void ssh_target_clear(ssh_target *t)
{
    for (size_t i = 0; i < t->n_identities; i++)
        free(t->identities[i]);
    for (size_t i = 0; i < t->n_known; i++)
        free(t->known[i]);
    free(t->folder);
    free(t->known_hosts);
    free(t->agent);
    free(t->through);
    free(t->proxy);
    *t = (ssh_target){0};
}
