/* provider.h - machines that are made for pilots, by four executables. */
#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>

#include <pilot/error.h>

#include "src/host/host.h"

/* A provider is a folder with the executables `up`, `list`, `address` and
 * `down`, and maybe `price`; doc/providers.md says what each of them reads and
 * prints.  One thread at a time.
 */
typedef struct provider provider;

enum {
    PROVIDER_ID_MAX = 128,
    PROVIDER_NAME_MAX = 288,
    PROVIDER_WORDS_MAX = 256
};

/* "exec:///FOLDER?OPTION=VALUE&...", or "NAME://TARGET?..." of a provider that
 * is ours and lies in libexec.  Nobody is called.  Errors: input, 78: no such
 * folder, an executable that is missing or is none, an option that is no
 * OPTION=VALUE, a value of one of ours that is no price or no time.
 */
provider *provider_open(const char *url, pe_error *errp);
void provider_close(provider *p); /* may be NULL */

/* Seconds that a question may take from now on; `up` and `down` three times
 * that.
 */
void provider_limit(provider *p, double timeout_s);

/* What to call it: its URL without options.  Borrowed. */
const char *provider_label(const provider *p);
/* Seconds that the files of a pilot stay on its machine behind its end. */
int provider_linger_s(const provider *p);
/* How long a machine may take until it answers. */
double provider_boot_s(const provider *p);

/* The name of the machine of pilot [pilot], RUN/NAME: it carries both, and
 * whose home the pilot is of.
 */
void provider_name(const provider *p, const char *pilot,
                   char out[PROVIDER_NAME_MAX]);
/* A folder of this host for what belongs to machine [name]: new memory; it is
 * made when [make].  NULL on error.
 */
char *provider_folder(const provider *p, const char *name, bool make,
                      pe_error *errp);

enum provider_state {
    PROVIDER_UNKNOWN, /* a word that is not known */
    PROVIDER_PENDING,
    PROVIDER_RUNNING,
    PROVIDER_STOPPING,
    PROVIDER_GONE,
};

typedef struct provider_machine {
    char id[PROVIDER_ID_MAX];
    char name[PROVIDER_NAME_MAX];
    enum provider_state state;
    char native[64];                 /* the word it was said by */
    char reason[PROVIDER_WORDS_MAX]; /* "" */
} provider_machine;

typedef struct provider_list {
    provider_machine *items;
    size_t n;
    bool whole; /* what is not in it is not there */
} provider_list;

void provider_list_free(provider_list *l); /* leaves it zeroed */
/* The machine of [id], or (NULL) of [name], that is not gone, else one that
 * is; NULL: none.
 */
const provider_machine *provider_list_find(const provider_list *l,
                                           const char *id, const char *name);

/* How a machine is reached. */
typedef struct provider_address {
    char ssh[512];       /* ssh://USER@HOST:PORT */
    char identity[1024]; /* key file; "": as SSH has it */
    char host_key[2048]; /* "TYPE BASE64"; "": known_hosts has it */
    char off[256];       /* command by which the machine ends itself; "" */
} provider_address;

typedef struct provider_ask {
    const char *name, *pilot;
    double ttl_s; /* the machine ends itself after */
    int cpus;
    const char *mem; /* NULL: not asked for */
} provider_ask;

/* Each runs one executable, with a time limit and bounded output.  Errors:
 * retry, 69: no answer, or none that can be read: what came of it is not
 * known; input or fatal: it was refused, nothing was done.
 */
int provider_list_ask(provider *p, provider_list *out, pe_error *errp);
/* [id] gets the new machine's.  The same name again is the same machine. */
int provider_up(provider *p, const provider_ask *ask, char id[PROVIDER_ID_MAX],
                pe_error *errp);
/* 1: [out] has it, 0: it has none yet. */
int provider_address_ask(provider *p, const char *id, const char *name,
                         provider_address *out, pe_error *errp);
/* One that is over, or is not known, is success. */
int provider_down(provider *p, const char *id, const char *name,
                  pe_error *errp);

/* A machine for [ask]: the one that is there under its name, else a new one,
 * seen in the list, running, with an address.  Waits, up to its boot time.
 * Errors: retry, 69: whether there is a machine is not known; else none is
 * left (input 78 or 75, fatal), and what was begun was ended.
 */
int provider_make(provider *p, const provider_ask *ask, provider_machine *out,
                  provider_address *at, pe_error *errp);
/* End it, and see in the list that it does.  Error: retry, 69. */
int provider_end(provider *p, const char *id, const char *name, pe_error *errp);
/* The machine as a host: SSH, and its key from its provider; [name] is the
 * machine's.  The caller closes it.
 */
host *provider_host(const provider *p, const char *name,
                    const provider_address *at, pe_error *errp);

/* Try a provider out, a line for each thing that it owes; machines are made
 * and ended.  Returns the number of lines that are not ok, -1 on error.
 */
typedef void (*provider_line_f)(void *arg, bool ok, const char *text);
int provider_conform(provider *p, provider_line_f line, void *arg,
                     pe_error *errp);

#endif
