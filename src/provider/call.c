/* call.c - one of the executables is run: JSON in, JSON out, within limits. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/process.h"
#include "src/common/text.h"
#include "src/common/words.h"
#include "src/provider/private.h"

#define ANSWER_MAX (1 << 20)
#define SHOWN 120          /* bytes of an answer that is none */
#define LONG 3             /* times the limit of a question: up, down */
#define PREFIX "PROVIDER_" /* of what is in the environment */
#define SLOW_NS CLOCK_S
#define HANG_S 0.5

/* --- faults of a trial --- */

bool provider_fault_due(provider *p, enum provider_verb v, enum fault_kind k)
{
    if (p->fault != k || p->fault_verb != v || p->fault_times <= 0)
        return false;
    p->fault_times--;
    return true;
}

/* --- what it is told --- */

/* "PROVIDER_MAX_PRICE" of "max-price". */
static char *variable(const char *before, const char *name, const char *value)
{
    char *out = text_format(PREFIX "%s%s=%s", before, name, value);

    for (char *c = out; c && *c && *c != '='; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    return out;
}

/* A shell has no reader of JSON: the same stands in its environment. */
static int variables_add(char ***listp, const char *before, const json_t *o,
                         pe_error *errp)
{
    const char *name;
    json_t *v;

    json_object_foreach((json_t *)o, name, v)
    {
        char *number = json_is_string(v) || json_is_object(v)
                           ? NULL
                           : json_dumps(v, JSON_ENCODE_ANY);
        const char *value = json_is_string(v) ? json_string_value(v) : number;
        int status = 0;
        if (json_is_object(v))
            status = variables_add(listp, "opt_", v, errp);
        else
            status = words_add(
                listp, variable(before, name, value ? value : ""), errp);
        free(number);
        if (status < 0)
            return -1;
    }
    return 0;
}

static int write_all(int fd, const char *s, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, s, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        s += n;
        len -= (size_t)n;
    }
    return 0;
}

/* A file without a name that holds [in]. */
static int input_open(const json_t *in, pe_error *errp)
{
    char *text_of = json_dumps(in, JSON_COMPACT | JSON_SORT_KEYS);
    int fd = text_of ? memfd_create("provider", MFD_CLOEXEC) : -1;

    if (!text_of)
        return pe_error_nomem(errp);
    if (fd < 0 || write_all(fd, text_of, strlen(text_of)) < 0 ||
        write_all(fd, "\n", 1) < 0) {
        pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                     "cannot keep what a provider is told: %s",
                     strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    free(text_of);
    return fd;
}

/* --- what it says --- */

void provider_words(const char *s, size_t len, char *out, size_t cap)
{
    char *copy;

    while (len > 0 && isspace((unsigned char)*s)) {
        s++;
        len--;
    }
    while (len > 0 && isspace((unsigned char)s[len - 1]))
        len--;
    copy = strndup(s, len);
    for (char *c = copy; c && *c; c++)
        if (isspace((unsigned char)*c))
            *c = ' ';
    text_shown(copy ? copy : "", copy ? strlen(copy) : 0, out, cap);
    free(copy);
}

/* It ended with a status that is not 0. */
static int refused(const char *path, const process_answer *a, pe_error *errp)
{
    char said[400] = "", how[64];
    size_t from = a->err.len > sizeof(said) - 1 ? a->err.len - 300 : 0;
    enum pe_error_class kind = PE_ERROR_INPUT;
    enum pe_exit code = PE_EXIT_CONFIG;

    if (a->status == PE_EXIT_UNAVAILABLE || a->status >= 128) {
        kind = PE_ERROR_RETRY;
        code = PE_EXIT_UNAVAILABLE;
    } else if (a->status == PE_EXIT_AGAIN) {
        code = PE_EXIT_AGAIN;
    } else if (a->status == PE_EXIT_PERMISSION) {
        kind = PE_ERROR_FATAL;
        code = PE_EXIT_PERMISSION;
    }
    if (a->err.data)
        provider_words(a->err.data + from, a->err.len - from, said,
                       sizeof(said));
    process_status_words(a->status, how);
    return pe_error_set(errp, kind, code, "%s %s%s%s", path, how,
                        *said ? ": " : ", and said nothing", said);
}

/* It ended well, and this is no JSON. */
static int unreadable(const char *path, const text *out, pe_error *errp)
{
    size_t at = out->data ? strspn(out->data, " \t\r\n") : 0;
    bool page = out->data && out->data[at] == '<';
    char said[SHOWN + 4] = "";

    if (out->data)
        provider_words(out->data, out->len, said, sizeof(said));
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "%s printed %s and no JSON object%s%s%s", path,
                        page           ? "a page of HTML"
                        : out->len > 0 ? "something else"
                                       : "nothing",
                        *said ? ": '" : "", said, *said ? "'" : "");
}

static json_t *answer_read(const char *path, const process_answer *a,
                           pe_error *errp)
{
    json_t *o;

    if (a->status != 0) {
        refused(path, a, errp);
        return NULL;
    }
    o = a->out.data ? json_loadb(a->out.data, a->out.len, 0, NULL) : NULL;
    if (json_is_object(o))
        return o;
    json_decref(o);
    unreadable(path, &a->out, errp);
    return NULL;
}

/* What a trial makes of it. */
static int answer_spoil(provider *p, enum provider_verb v, process_answer *a,
                        pe_error *errp)
{
    static const char page[] = "<!DOCTYPE html><html><body>Sign in</body>\n";

    if (provider_fault_due(p, v, FAULT_SLOW))
        clock_sleep_ns(SLOW_NS, 1);
    if (provider_fault_due(p, v, FAULT_LOST))
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "%s/%s: no answer", p->folder,
                            provider_verb_name(v));
    if (provider_fault_due(p, v, FAULT_CUT) && a->out.len > 0) {
        a->out.len /= 2;
        a->out.data[a->out.len] = '\0';
    }
    if (provider_fault_due(p, v, FAULT_HTML)) {
        text_free(&a->out);
        text_add(&a->out, "%s", page);
        if (a->out.failed)
            return pe_error_nomem(errp);
    }
    return 0;
}

static int run(provider *p, enum provider_verb v, const char *path,
               const process_spec *s, process_answer *a, pe_error *errp)
{
    static const char *const hang[] = {"sleep", "3600", NULL};
    static const char *const flood[] = {"yes", NULL};
    process_spec own = *s;
    process_limits limits = {.timeout_s = p->timeout_s, .max = ANSWER_MAX};

    if (v == VERB_UP || v == VERB_DOWN)
        limits.timeout_s *= LONG;
    if (provider_fault_due(p, v, FAULT_HANG)) {
        own.argv = hang;
        limits.timeout_s = HANG_S;
    }
    if (provider_fault_due(p, v, FAULT_FLOOD))
        own.argv = flood;
    if (process_run(&own, &limits, a, errp) == 0)
        return 0;
    if (errp && errp->exit_code == PE_EXIT_AGAIN && a->out.len > 0)
        errp->exit_code = PE_EXIT_UNAVAILABLE; /* it did begin */
    return pe_error_prefix(errp, "%s", path);
}

/* --- the call --- */

/* The words of [in] where a shell finds them. */
static char **environment(const json_t *in, pe_error *errp)
{
    char **list = NULL;

    if (variables_add(&list, "", in, errp) == 0)
        return list;
    words_free(list);
    return NULL;
}

/* What every one of them is told. */
static int input_fill(const provider *p, enum provider_verb v, json_t *in,
                      pe_error *errp)
{
    if (in && json_object_set_new(in, "protocol", json_integer(1)) == 0 &&
        json_object_set_new(in, "verb", json_string(provider_verb_name(v))) ==
            0 &&
        json_object_set_new(in, "target", json_string(p->target)) == 0 &&
        json_object_set_new(in, "owner", json_string(p->owner)) == 0 &&
        json_object_set_new(in, "provider", json_string(p->folder)) == 0 &&
        json_object_set(in, "options", p->options) == 0)
        return 0;
    return pe_error_nomem(errp);
}

/* One that is to be run twice says what the second one does. */
static json_t *call(provider *p, enum provider_verb v, const char *path,
                    const process_spec *s, pe_error *errp)
{
    process_answer a = {0};
    json_t *out = NULL;
    bool twice = provider_fault_due(p, v, FAULT_TWICE);

    if (run(p, v, path, s, &a, errp) == 0) {
        if (twice) {
            process_answer_free(&a);
            a = (process_answer){0};
        }
        if ((!twice || run(p, v, path, s, &a, errp) == 0) &&
            answer_spoil(p, v, &a, errp) == 0)
            out = answer_read(path, &a, errp);
    }
    process_answer_free(&a);
    return out;
}

/* An answer that is given without a call. */
static json_t *faked(provider *p, enum provider_verb v, const char *path,
                     pe_error *errp)
{
    if (provider_fault_due(p, v, FAULT_YES))
        return json_pack("{s:s}", "id", "trial-that-is-nowhere");
    provider_fault_due(p, v, FAULT_QUOTA);
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_AGAIN,
                 "%s ended with status 75: the quota is used up", path);
    return NULL;
}

static bool is_faked(provider *p, enum provider_verb v)
{
    return p->fault_verb == v && p->fault_times > 0 &&
           (p->fault == FAULT_YES || p->fault == FAULT_QUOTA);
}

json_t *provider_call(provider *p, enum provider_verb v, json_t *in,
                      pe_error *errp)
{
    char *path = text_format("%s/%s", p->folder, provider_verb_name(v));
    const char *argv[] = {path, NULL};
    process_spec s = {.argv = argv};
    char in_path[32], **env = NULL;
    json_t *out = NULL;
    int fd = -1;

    if (!path)
        pe_error_nomem(errp);
    else if (is_faked(p, v))
        out = faked(p, v, path, errp);
    else if (input_fill(p, v, in, errp) == 0 &&
             (fd = input_open(in, errp)) >= 0)
        env = environment(in, errp);
    if (env) {
        snprintf(in_path, sizeof(in_path), "/proc/self/fd/%d", fd);
        s.in_path = in_path;
        s.env = (const char *const *)env;
        s.folder = json_string_value(json_object_get(in, "folder"));
        out = call(p, v, path, &s, errp);
    }
    words_free(env);
    if (fd >= 0)
        close(fd);
    json_decref(in);
    free(path);
    return out;
}
