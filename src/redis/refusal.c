/* refusal.c - error replies of Redis: what a caller can do about each. */
#include "src/redis/reply.h"

#include <string.h>

#define ACL_FIX                                                              \
    "'pilot acl RUN' prints the rules of an operator, a pool and a device; " \
    "an "                                                                    \
    "administrator sets them by ACL SETUSER"

#define PASSWORD_FIX "set the right one in pilots.NAME.password-file"

typedef struct refusal {
    const char *prefix; /* of the reply */
    enum pe_error_class kind;
    enum pe_exit exit_code;
    const char *fix;
} refusal;

static const refusal refusals[] = {
    {"LOADING", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "it is starting; try again"},
    {"BUSY", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "somebody's script runs for too long; end it with SCRIPT KILL"},
    {"NOSCRIPT", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "its scripts were flushed; try again"},
    {"OOM", PE_ERROR_RETRY, PE_EXIT_AGAIN,
     "its memory is full; raise it with CONFIG SET maxmemory"},
    {"MISCONF", PE_ERROR_RETRY, PE_EXIT_AGAIN,
     "it cannot write to its disk; look at its log and free some space"},
    {"NOREPLICAS", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "it lacks replicas; start them or set min-replicas-to-write 0"},
    {"MASTERDOWN", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "it is a replica without a primary; give the primary's address"},
    {"CLUSTERDOWN", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "its cluster is down; try again"},
    {"TRYAGAIN", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "its cluster is moving keys; try again"},
    {"ERR max number of clients", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "raise it with CONFIG SET maxclients"},
    {"MOVED", PE_ERROR_FATAL, PE_EXIT_CONFIG,
     "clusters are not followed; give the address of one primary"},
    {"READONLY", PE_ERROR_FATAL, PE_EXIT_CONFIG,
     "it is a replica; give the primary's address"},
    {"DENIED", PE_ERROR_FATAL, PE_EXIT_CONFIG,
     "it is in protected mode; give it a password or an address to bind"},
    {"NOAUTH", PE_ERROR_FATAL, PE_EXIT_PERMISSION,
     "it wants a password; name the file that holds it in "
     "pilots.NAME.password-file"},
    {"WRONGPASS", PE_ERROR_FATAL, PE_EXIT_PERMISSION,
     "user or password is wrong; " PASSWORD_FIX},
    {"ERR invalid password", PE_ERROR_FATAL, PE_EXIT_PERMISSION, PASSWORD_FIX},
    {"ERR AUTH <password> called", PE_ERROR_FATAL, PE_EXIT_CONFIG,
     "it wants no password; leave out pilots.NAME.password-file"},
    {"ERR Client sent AUTH", PE_ERROR_FATAL, PE_EXIT_CONFIG,
     "it wants no password; leave out pilots.NAME.password-file"},
    {"NOPERM", PE_ERROR_FATAL, PE_EXIT_CONFIG, ACL_FIX},
    {"WRONGTYPE", PE_ERROR_FATAL, PE_EXIT_DATA,
     "some other program wrote to the keys of this run, or another version "
     "of pilot-edge: finish the run with that one, or choose another --run"},
};

static const refusal other = {"", PE_ERROR_FATAL, PE_EXIT_FAILED,
                              "it must be Redis 6 or newer, with its "
                              "commands under their own names"};

static const refusal disk_full = {
    "", PE_ERROR_RETRY, PE_EXIT_AGAIN,
    "its disk is full; free some space there, and it goes on by itself"};

/* Redis 6 wraps the error of a command in a script into another. */
static const char *unwrap(const char *text)
{
    static const char outer[] = "ERR Error running script", mark[] = ": -";
    const char *inner =
        strncmp(text, outer, strlen(outer)) ? NULL : strstr(text, mark);

    return inner ? inner + strlen(mark) : text;
}

static const refusal *refusal_find(const char *text)
{
    text = unwrap(text);
    if (strstr(text, "No space left on device"))
        return &disk_full;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        if (!strncmp(text, refusals[i].prefix, strlen(refusals[i].prefix)))
            return &refusals[i];
    return &other;
}

int redis_refusal_set(pe_error *errp, const char *url, const char *text,
                      int secret)
{
    const refusal *r = refusal_find(text);
    int shown = secret ? (int)strcspn(text, " ") : 400;

    return pe_error_set(errp, r->kind, r->exit_code,
                        "Redis at %s says '%.*s': %s", url, shown, text,
                        r->fix);
}
