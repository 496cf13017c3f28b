/* key.c - `pilot key`: keys that sign functions, and signing them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/sign.h"
#include "src/common/text.h"
#include "src/login/seal.h"
#include "src/rights/rights.h"
#include "src/run/run.h"

struct key_options {
    const char *key, *name;
    bool help;
};

#define OPTION(kind, member) OPTION_##kind, offsetof(struct key_options, member)

static const option_spec options[] = {
    {"key", 'k', OPTION(TEXT, key), "FILE", NULL,
     "the key; default: key in the folder of the state of runs"},
    {"name", 0, OPTION(TEXT, name), "NAME", NULL,
     "make: whose it is, for people who read a file of trust"},
    {"help", 'h', OPTION(FLAG, help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {
    "make [--key FILE] [--name NAME]", "sign [--key FILE] FUNCTION.so...",
    "check FUNCTION.so...", "gateway RUN NAME FILE", NULL};

static const option_usage usage = {
    .command = "pilot key",
    .synopsis = synopsis,
    .prose = "Make a key of your own, sign functions by it, and see whether "
             "this host takes them.  gateway: a file with the key by which "
             "pilot-gateway --name NAME, or a run NAME of devices alone, signs "
             "the records that it writes for RUN, which is signed.",
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .operand = "make, sign, check or gateway",
};

static char *key_path(const struct key_options *o, pe_error *errp)
{
    char *home, *path;

    if (o->key) {
        path = strdup(o->key);
    } else {
        home = locate_home(errp);
        if (!home)
            return NULL;
        path = file_mkdir(home, errp) < 0 ? NULL : text_format("%s/key", home);
        free(home);
    }
    if (!path)
        pe_error_nomem(errp);
    return path;
}

static int make(const struct key_options *o, pe_error *errp)
{
    char machine[256] = "", *path = key_path(o, errp), *name;
    const char *user = getenv("USER");
    int status = -1;

    gethostname(machine, sizeof(machine) - 1);
    name = text_format("%s%s%s", user ? user : "", user ? "@" : "", machine);
    if (path && name)
        status = sign_key_make(path, o->name ? o->name : name, errp);
    else if (path)
        pe_error_nomem(errp);
    if (status == 0)
        printf("key %s; hosts take what it signs when the line of %s.pub is "
               "in their ~/.config/pilot/trust\n",
               path, path);
    free(name);
    free(path);
    return status;
}

static int sign(const struct key_options *o, int n, char **files,
                pe_error *errp)
{
    char *path = key_path(o, errp);
    int status = path ? 0 : -1;

    for (int i = 0; status == 0 && i < n; i++) {
        status = sign_file(path, files[i], errp);
        if (status == 0)
            printf("%s: signed\n", files[i]);
    }
    free(path);
    return status;
}

static int check(int n, char **files, pe_error *errp)
{
    sign_trust *t = sign_trust_open(errp);
    int status = t ? 0 : -1;

    if (!t && errp->kind == PE_ERROR_NONE)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "this host has no file of trust, and takes every "
                     "function: make ~/.config/pilot/trust");
    for (int i = 0; status == 0 && i < n; i++) {
        int fd = sign_seal(t, files[i], errp);

        status = fd < 0 ? -1 : 0;
        if (fd >= 0) {
            printf("%s: taken\n", files[i]);
            close(fd);
        }
    }
    sign_trust_close(t);
    return status;
}

/* The line of [name], out of the keys of [run]. */
static char *gateway_line(const char *run, const char *name, pe_error *errp)
{
    char *home = locate_home(errp);
    char *path = home ? text_format("%s/%s/sign", home, run) : NULL;
    seal *s = NULL;
    char *line = NULL;

    if (home && !path)
        pe_error_nomem(errp);
    else if (path && access(path, F_OK) < 0)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "%s is not there: run %s has not begun here, or not with "
                     "'sign: yes'",
                     path, run);
    else if (path)
        s = seal_open(path, errp);
    if (s)
        line = seal_line(s, name, NULL, errp);
    seal_close(s);
    free(path);
    free(home);
    return line;
}

/* One that would be the run itself could speak for its devices. */
static int gateway(char **words, pe_error *errp)
{
    const char *run = words[0], *name = words[1], *file = words[2];
    char *line;
    int status;

    if (run_name_check(run, errp) < 0)
        return -1;
    if (!strcmp(run, name) || run_name_check(name, errp) < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "'%.100s' is no name of a gateway of run %.100s: "
                            "letters, digits, '.', '_' and '-', and another "
                            "one than the run's",
                            name, run);
    if (access(file, F_OK) == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CREATE,
                            "%s is there already", file);
    line = gateway_line(run, name, errp);
    if (!line)
        return -1;
    status = file_write(file, line, strlen(line), 0600, errp);
    explicit_bzero(line, strlen(line));
    free(line);
    if (status == 0)
        printf("%s: who has it signs as devices of %s\n", file, name);
    return status;
}

static int dispatch(const struct key_options *o, int n, char **words,
                    pe_error *errp)
{
    if (!strcmp(words[0], "make") && n == 1)
        return make(o, errp);
    if (!strcmp(words[0], "sign") && n > 1)
        return sign(o, n - 1, words + 1, errp);
    if (!strcmp(words[0], "check") && n > 1)
        return check(n - 1, words + 1, errp);
    if (!strcmp(words[0], "gateway") && n == 4)
        return gateway(words + 1, errp);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "pilot key make, pilot key sign FUNCTION.so, pilot key "
                        "check FUNCTION.so, or pilot key gateway RUN NAME "
                        "FILE");
}

int rights_key(int argc, char **argv)
{
    struct key_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first < 0 || option_operands(&usage, argc - first, &e) < 0 ||
        dispatch(&o, argc - first, argv + first, &e) < 0)
        return log_failure(&e);
    return PE_EXIT_OK;
}
