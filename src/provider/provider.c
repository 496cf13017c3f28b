/* provider.c - which executables a URL means, and what it says to them. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/random.h"
#include "src/common/text.h"
#include "src/common/url.h"
#include "src/provider/private.h"

#define OWN "exec" /* scheme of a folder of the user's */
#define TIMEOUT_S 20.0
#define BOOT_S 300.0
#define SETTLE_S 30.0
#define LINGER_S 300.0
#define TRIAL_TTL_S 60.0
#define OWNER_BYTES 4

static const char *const verbs[N_VERBS] = {
    [VERB_UP] = "up",     [VERB_LIST] = "list",   [VERB_ADDRESS] = "address",
    [VERB_DOWN] = "down", [VERB_PRICE] = "price",
};

const char *provider_verb_name(enum provider_verb v)
{
    return v < N_VERBS ? verbs[v] : "?";
}

/* --- options --- */

/* %XX of [s] in its place; -1: none of that. */
static int unescape(char *s)
{
    char *to = s;

    for (; *s; s++, to++) {
        char hex[3] = {0};
        *to = *s;
        if (*s != '%')
            continue;
        if (!isxdigit((unsigned char)s[1]) || !isxdigit((unsigned char)s[2]))
            return -1;
        memcpy(hex, s + 1, 2);
        *to = (char)strtol(hex, NULL, 16);
        if (iscntrl((unsigned char)*to))
            return -1;
        s += 2;
    }
    *to = '\0';
    return 0;
}

static bool is_name(const char *s)
{
    return *s &&
           strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(s);
}

static int time_take(const char *name, const char *value, double *secondsp,
                     pe_error *errp)
{
    if (text_parse_time(value, secondsp) == 0 && *secondsp > 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s: '%.64s' is no time: write a number and its unit, "
                        "as in 90s or 10m",
                        name, value);
}

static int price_take(const char *value, double *pricep, pe_error *errp)
{
    if (text_parse_float(value, pricep) == 0 && *pricep >= 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "max-price: '%.64s' is no price: write a number, per "
                        "hour, in the provider's currency",
                        value);
}

/* Options of ours; what is none goes to the executables. */
static int option_take(provider *p, const char *name, const char *value,
                       pe_error *errp)
{
    double linger_s = 0;
    int status;

    if (!strcmp(name, "max-price"))
        return price_take(value, &p->max_price, errp);
    if (!strcmp(name, "boot"))
        return time_take(name, value, &p->boot_s, errp);
    if (!strcmp(name, "settle"))
        return time_take(name, value, &p->settle_s, errp);
    if (!strcmp(name, "trial-ttl"))
        return time_take(name, value, &p->trial_ttl_s, errp);
    if (!strcmp(name, "linger")) {
        status = time_take(name, value, &linger_s, errp);
        p->linger_s = (int)linger_s;
        return status;
    }
    if (json_object_set_new(p->options, name, json_string(value)) == 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s: its value is no UTF-8", name);
}

/* "A=1&B=2" behind '?' of [path]. */
static int options_take(provider *p, const char *path, pe_error *errp)
{
    const char *query = strchr(path, '?');
    char *copy = text_format("%s", query ? query + 1 : ""), *save = NULL;
    int status = copy ? 0 : pe_error_nomem(errp);

    for (char *item = copy ? strtok_r(copy, "&", &save) : NULL;
         item && status == 0; item = strtok_r(NULL, "&", &save)) {
        char *value = strchr(item, '=');
        if (value)
            *value++ = '\0';
        if (!value || !is_name(item) || unescape(value) < 0)
            status = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                  "'%.64s' behind '?' is no NAME=VALUE; write "
                                  "&NAME=VALUE, the name in small letters",
                                  item);
        else
            status = option_take(p, item, value, errp);
    }
    free(copy);
    return status;
}

/* --- the executables --- */

static int executable_check(const provider *p, const char *name, pe_error *errp)
{
    char *path = text_format("%s/%s", p->folder, name);
    struct stat st;
    int status = 0;

    if (!path)
        return pe_error_nomem(errp);
    if (stat(path, &st) < 0)
        status = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                              "%s is not there: a provider is a folder with "
                              "the executables up, list, address and down",
                              path);
    else if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
        status = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                              "%s is not executable: chmod +x %s", path, path);
    free(path);
    return status;
}

static int folder_check(const provider *p, pe_error *errp)
{
    struct stat st;

    if (!*p->folder)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "it names no folder: write %s:///FOLDER, where up, "
                            "list, address and down are",
                            OWN);
    if (stat(p->folder, &st) < 0 || !S_ISDIR(st.st_mode))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "there is no folder %.400s: write %s:///FOLDER, "
                            "where up, list, address and down are",
                            p->folder, OWN);
    for (int v = 0; v < VERB_PRICE; v++)
        if (executable_check(p, verbs[v], errp) < 0)
            return -1;
    if (p->max_price < 0 || executable_check(p, verbs[VERB_PRICE], NULL) == 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "max-price cannot be held: this provider has no "
                        "executable `price` that tells what a machine costs");
}

/* Folder of the executables of provider [name], which is one of ours. */
static char *ours_find(const char *name, pe_error *errp)
{
    char *up = text_format("providers/%s/up", name);
    char *path = up ? locate_program(up, PILOT_LIBEXECDIR, errp) : NULL;
    char *folder = path ? locate_folder(path, errp) : NULL;

    if (!up)
        pe_error_nomem(errp);
    free(path);
    free(up);
    return folder;
}

/* --- whose machines --- */

/* The first line of HOME/.machines/owner, which is made once. */
static int owner_read(provider *p, const char *path, pe_error *errp)
{
    size_t len = 0;
    char *data = file_read(path, 64, &len, errp);

    if (!data)
        return -1;
    snprintf(p->owner, sizeof(p->owner), "%.*s",
             (int)strspn(data, "0123456789abcdef"), data);
    free(data);
    if (strlen(p->owner) == 2 * OWNER_BYTES)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s does not hold the 8 hex digits that names of "
                        "machines end with: write those of the machines there "
                        "are, or remove it",
                        path);
}

/* Two commands at once: the first one's stays. */
static int owner_make(const provider *p, const char *path, pe_error *errp)
{
    char id[2 * OWNER_BYTES + 1];
    char *temp;
    int status = -1;

    if (random_id(id, OWNER_BYTES, errp) < 0 || file_mkdir(p->state, errp) < 0)
        return -1;
    temp = text_format("%s.%s", path, id);
    if (!temp)
        return pe_error_nomem(errp);
    if (file_write(temp, id, sizeof(id) - 1, 0600, errp) == 0)
        status = link(temp, path) == 0 || errno == EEXIST
                     ? 0
                     : file_error(errp, errno, "write", path, PE_EXIT_CREATE);
    unlink(temp);
    free(temp);
    return status;
}

static int owner_take(provider *p, pe_error *errp)
{
    char *home = locate_home(errp), *path = NULL;
    int status = -1;

    if (!home)
        return -1;
    p->state = text_format("%s/.machines", home);
    path = p->state ? text_format("%s/owner", p->state) : NULL;
    if (!path)
        pe_error_nomem(errp);
    else if (access(path, F_OK) == 0 || owner_make(p, path, errp) == 0)
        status = owner_read(p, path, errp);
    free(path);
    free(home);
    return status;
}

/* --- open --- */

static int parts_take(provider *p, const url *u, pe_error *errp)
{
    int len = (int)strcspn(u->path, "?");
    bool own = !strcmp(u->scheme, OWN);

    p->label = text_format("%s://%s%.*s", u->scheme, u->host, len, u->path);
    /* Of a folder there is no place behind it. */
    p->target = text_format("%s%.*s", u->host, own ? 0 : len, u->path);
    p->options = json_object();
    if (!p->label || !p->target || !p->options)
        return pe_error_nomem(errp);
    if (own && *u->host)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "a folder of this host is meant: %s:///%s%.*s", OWN,
                            u->host, len, u->path);
    if (!own)
        p->folder = ours_find(u->scheme, errp);
    else if (!(p->folder = text_format("%.*s", len, u->path)))
        pe_error_nomem(errp);
    return p->folder ? 0 : -1;
}

static int whole_take(provider *p, const char *s, pe_error *errp)
{
    url u;

    if (url_parse(s, &u, errp) < 0 || parts_take(p, &u, errp) < 0 ||
        options_take(p, u.path, errp) < 0 || folder_check(p, errp) < 0)
        return -1;
    return owner_take(p, errp);
}

provider *provider_open(const char *s, pe_error *errp)
{
    provider *p = calloc(1, sizeof(*p));

    if (!p) {
        pe_error_nomem(errp);
        return NULL;
    }
    p->timeout_s = TIMEOUT_S;
    p->boot_s = BOOT_S;
    p->settle_s = SETTLE_S;
    p->linger_s = (int)LINGER_S;
    p->trial_ttl_s = TRIAL_TTL_S;
    p->max_price = -1;
    if (whole_take(p, s, errp) == 0)
        return p;
    pe_error_prefix(errp, "%s", p->label ? p->label : "resource");
    provider_close(p);
    return NULL;
}

void provider_limit(provider *p, double timeout_s)
{
    p->timeout_s = timeout_s;
}

const char *provider_label(const provider *p)
{
    return p->label;
}

int provider_linger_s(const provider *p)
{
    return p->linger_s;
}

double provider_boot_s(const provider *p)
{
    return p->boot_s;
}

void provider_name(const provider *p, const char *pilot,
                   char out[PROVIDER_NAME_MAX])
{
    snprintf(out, PROVIDER_NAME_MAX, "pilot+%.255s+%s", pilot, p->owner);
    for (char *c = out; *c; c++)
        if (*c == '/')
            *c = '+';
}

char *provider_folder(const provider *p, const char *name, bool make,
                      pe_error *errp)
{
    char *out = text_format("%s/%s", p->state, name);

    if (!out)
        pe_error_nomem(errp);
    if (out && make && file_mkdir(out, errp) < 0) {
        free(out);
        return NULL;
    }
    return out;
}
