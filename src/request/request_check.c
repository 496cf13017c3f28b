/* request_check.c - what a value of each word may be. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/common/text.h"
#include "src/request/request_private.h"

#define DIGITS "0123456789"
#define VALUE_MAX 4096 /* bytes of a value */
#define NAME_MAX_BYTES 200

/* Signals that `sbatch --signal` knows by name. */
#define SIGNALS \
    "HUP INT QUIT ABRT KILL ALRM TERM USR1 USR2 URG CONT STOP TSTP TTIN TTOU"
#define MAIL_TYPES                                                         \
    "NONE BEGIN END FAIL REQUEUE ALL INVALID_DEPEND STAGE_OUT TIME_LIMIT " \
    "TIME_LIMIT_90 TIME_LIMIT_80 TIME_LIMIT_50 ARRAY_TASKS"

/* [value] for a message: short, and of one line. */
static const char *shown(const char *value, char out[64])
{
    size_t n = 0;

    for (; n < 48 && value[n]; n++)
        out[n] = isprint((unsigned char)value[n]) ? value[n] : '?';
    snprintf(out + n, 64 - n, "%s", value[n] ? "..." : "");
    return out;
}

static int refuse(enum request_word w, const char *value, const char *why,
                  pe_error *errp)
{
    char out[64];

    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE, "%s: '%s' %s",
                        request_specs[w].name, shown(value, out), why);
}

/* Is [word] of [len] bytes one of the blank-separated [words]?  Returns it
 * there, or NULL; without regard to case.
 */
static const char *word_in(const char *words, const char *word, size_t len)
{
    for (const char *w = words; *w; w += strspn(w, " ")) {
        size_t n = strcspn(w, " ");
        if (n == len && !strncasecmp(w, word, n))
            return w;
        w += n;
    }
    return NULL;
}

/* What may be in a value of [w] beside what may be in all. */
static const char *more_bytes(enum request_word w)
{
    switch (w) {
    case REQUEST_JOB_NAME:
    case REQUEST_OUTPUT:
    case REQUEST_ERROR:
    case REQUEST_CHDIR:
        return " ";
    case REQUEST_DEPENDENCY:
        return "?[]";
    case REQUEST_CONSTRAINT:
        return "[]()&|*!";
    case REQUEST_NODELIST:
    case REQUEST_EXCLUDE:
        return "[]";
    case REQUEST_LICENSES:
        return "|";
    default:
        return "";
    }
}

/* What no value and no line can hold. */
static int controls_check(enum request_word w, const char *value, bool tabs,
                          pe_error *errp)
{
    for (const char *c = value; *c; c++) {
        if (*c == '\n' || *c == '\r')
            return refuse(w, value, "holds an end of line", errp);
        if (((unsigned char)*c < ' ' && !(tabs && *c == '\t')) || *c == 0x7f)
            return refuse(w, value, "holds a control character", errp);
    }
    return 0;
}

/* Why byte [c] cannot be in a value of [w]. */
static int byte_refuse(enum request_word w, const char *value, unsigned char c,
                       pe_error *errp)
{
    const char *more = more_bytes(w);
    char why[160];

    if (c > 127)
        return refuse(w, value, "holds a byte that is not ASCII", errp);
    const char shown_byte[] = {(char)c, '\0'};
    snprintf(why, sizeof(why),
             "holds %s: letters, digits%s and %s%s may be in it",
             c == ' ' ? "a blank" : shown_byte, *more == ' ' ? ", blanks" : "",
             REQUEST_SAFE, *more == ' ' ? more + 1 : more);
    return refuse(w, value, why, errp);
}

/* A directive line is read by sbatch or qsub, not by a shell: what could end
 * a value, begin a comment or be taken for an option is kept out.
 */
static int bytes_check(enum request_word w, const char *value, pe_error *errp)
{
    const char *more = more_bytes(w);

    if (controls_check(w, value, false, errp) < 0)
        return -1;
    if (*value == '-')
        return refuse(w, value, "begins with '-', as an option does", errp);
    if (*value == ' ')
        return refuse(w, value, "begins with a blank", errp);
    for (const char *c = value; *c; c++) {
        unsigned char u = (unsigned char)*c;
        if (u > 127 ||
            (!isalnum(u) && !strchr(REQUEST_SAFE, u) && !strchr(more, u)))
            return byte_refuse(w, value, u, errp);
    }
    return 0;
}

/* sbatch counts nodes by 1,024 too, and takes a range of them: "2k", "2-4".
 * *lenp: what of [value] is the number.
 */
static int nodes_suffix(const char *value, size_t *lenp, int64_t *unitp,
                        pe_error *errp)
{
    const char *end = value + strspn(value, DIGITS);

    *lenp = (size_t)(end - value);
    if (end > value && *end && strchr("kKmM", *end)) {
        *unitp = toupper((unsigned char)*end) == 'K' ? 1024 : 1048576;
        end++;
    }
    if (end > value && *end == '-')
        return refuse(REQUEST_NODES, value,
                      "is a range, and the number of ranks would depend on "
                      "it: say one number",
                      errp);
    if (end == value || *end)
        return refuse(REQUEST_NODES, value,
                      "is no number; -N is --nodes, a job's name is -J", errp);
    return 0;
}

static char *number_check(enum request_word w, const char *value,
                          pe_error *errp)
{
    const request_spec *s = &request_specs[w];
    size_t len = strlen(value);
    int64_t n = -1, unit = 1;
    char digits[24], why[160];

    if (w == REQUEST_NODES && nodes_suffix(value, &len, &unit, errp) < 0)
        return NULL;
    snprintf(digits, sizeof(digits), "%.*s", (int)len, value);
    if (strspn(value, DIGITS) < len) {
        refuse(w, value, "is no number", errp);
        return NULL;
    }
    if (len >= sizeof(digits) || text_parse_int(digits, &n) < 0 ||
        __builtin_mul_overflow(n, unit, &n) || n < s->min || n > s->max) {
        snprintf(why, sizeof(why), "is not from %" PRId64 " to %" PRId64,
                 s->min, s->max);
        refuse(w, value, why, errp);
        return NULL;
    }
    return text_format("%" PRId64, n);
}

static char *time_check(enum request_word w, const char *value,
                        bool bare_minutes, pe_error *errp)
{
    const request_spec *s = &request_specs[w];
    bool unlimited_is_ok = w == REQUEST_TIME || w == REQUEST_HELLO_TIMEOUT;
    int64_t seconds;
    char out[32], most[32], why[160];

    bare_minutes = bare_minutes && !s->ours;
    if (request_time_parse(value, bare_minutes, &seconds) < 0) {
        snprintf(why, sizeof(why),
                 "is no time: say %s1:30:00 (hours), 1-12 (days-hours), 90s, "
                 "30m, 2h or 1d, and more than nothing",
                 bare_minutes ? "30 (minutes), " : "");
        refuse(w, value, why, errp);
        return NULL;
    }
    if (seconds == 0 && !unlimited_is_ok) {
        refuse(w, value, "has no meaning here: say a time", errp);
        return NULL;
    }
    if (seconds > s->max) {
        request_time_format(s->max, most, sizeof(most));
        snprintf(why, sizeof(why), "is more than %s", most);
        refuse(w, value, why, errp);
        return NULL;
    }
    request_time_format(seconds, out, sizeof(out));
    return text_format("%s", seconds ? out : "UNLIMITED");
}

static char *flag_check(enum request_word w, const char *value, pe_error *errp)
{
    int on;

    if (text_parse_bool(value, &on) == 0)
        return text_format("%s", on ? "true" : "false");
    refuse(w, value, "is neither true nor false", errp);
    return NULL;
}

/* sbatch's sizes are mebibytes when they have no unit. */
static char *memory_check(const char *value, bool bare, pe_error *errp)
{
    size_t len = strspn(value, DIGITS);
    const char *unit = value + len;
    const char *digits = value + strspn(value, "0");
    int left = (int)(unit - digits);

    if (len > 0 && left == 0 && !*unit)
        return text_format("0");
    if (left > 0 && left <= 15 && strlen(unit) <= 2 &&
        (*unit ? strchr("KMGTkmgt", *unit) != NULL : bare) &&
        (!*unit || !unit[1] || unit[1] == 'B' || unit[1] == 'b'))
        return text_format("%.*s%c", left, digits,
                           *unit ? toupper((unsigned char)*unit) : 'M');
    refuse(REQUEST_MEM, value,
           bare ? "is no size: say 4G, 400M, 4000 (MiB), or 0 for all"
                : "is no size with a unit: say 4G, 400M, or 0 for all",
           errp);
    return NULL;
}

/* "N", "TYPE:N", "TYPE:N,TYPE:N". */
static bool gpus_are_ok(const char *value)
{
    for (const char *at = value;; at++) {
        size_t len = strcspn(at, ",");
        const char *colon = memchr(at, ':', len);
        const char *number = colon ? colon + 1 : at;
        size_t digits = strspn(number, DIGITS);
        if (colon == at || digits == 0 || digits > 6 ||
            number + digits != at + len)
            return false;
        at += len;
        if (!*at)
            return true;
    }
}

/* "[{R|B}:]SIG[@SECONDS]". */
static bool signal_is_ok(const char *value)
{
    const char *colon = strchr(value, ':');
    const char *sig = colon ? colon + 1 : value;
    size_t len = strcspn(sig, "@");
    const char *at = sig[len] ? sig + len + 1 : NULL;
    int64_t n = 0;

    if (colon && (colon == value || colon - value > 2 ||
                  strspn(value, "RB") != (size_t)(colon - value)))
        return false;
    if (at && (!isdigit((unsigned char)*at) || text_parse_int(at, &n) < 0 ||
               n > 65535))
        return false;
    if (len > 0 && len <= 2 && strspn(sig, DIGITS) == len)
        return atoi(sig) > 0 && atoi(sig) < 65;
    if (len > 3 && !strncasecmp(sig, "SIG", 3)) {
        sig += 3;
        len -= 3;
    }
    return len > 0 && word_in(SIGNALS, sig, len) != NULL;
}

/* A list of mail types, in capitals; NULL: one is none. */
static char *mail_types(const char *value)
{
    text out = {0};

    for (const char *at = value;; at++) {
        size_t len = strcspn(at, ",");
        const char *w = word_in(MAIL_TYPES, at, len);
        if (len == 0 || !w) {
            text_free(&out);
            return NULL;
        }
        text_add(&out, "%s%.*s", out.len ? "," : "", (int)len, w);
        at += len;
        if (!*at)
            return out.data;
    }
}

/* Does [name] of [len] bytes read like that of a secret? */
static bool is_secret(const char *name, size_t len)
{
    static const char *const parts[] = {"PASS", "SECRET", "TOKEN", NULL};

    for (const char *const *p = parts; *p; p++)
        for (size_t i = 0; i + strlen(*p) <= len; i++)
            if (!strncasecmp(name + i, *p, strlen(*p)))
                return true;
    return len >= 3 && !strncasecmp(name + len - 3, "KEY", 3);
}

/* "ALL", "NONE", or NAME[=VALUE] with commas between; why not, or NULL. */
static const char *export_fault(const char *value)
{
    bool none = !strcasecmp(value, "NONE");

    for (const char *at = value; !none; at++) {
        size_t len = strcspn(at, ","), name = 0;
        while (name < len &&
               (isalnum((unsigned char)at[name]) || at[name] == '_'))
            name++;
        if (name == 0 || isdigit((unsigned char)*at) ||
            (name < len && at[name] != '='))
            return "is no list of names: say ALL, NONE, or NAME,NAME=VALUE";
        if (name < len && is_secret(at, name))
            return "puts a secret where others can read it: give its name "
                   "alone, or a password file";
        if (name == len && len == 4 && !strncasecmp(at, "NONE", 4))
            return "has NONE among names";
        at += len;
        if (!*at)
            break;
    }
    return NULL;
}

static const char *dependency_fault(const char *value)
{
    if (strchr(value, ',') && strchr(value, '?'))
        return "has both ',' and '?': only one of them may part a list";
    return NULL;
}

/* What is wrong with a text whose bytes are all right, or NULL. */
static const char *text_fault(enum request_word w, const char *value)
{
    switch (w) {
    case REQUEST_GPUS_PER_NODE:
        return gpus_are_ok(value) ? NULL : "is neither N nor TYPE:N";
    case REQUEST_SIGNAL:
        return signal_is_ok(value) ? NULL
                                   : "is no signal: say B:USR1@60, that is "
                                     "[{R|B}:]NAME[@SECONDS]";
    case REQUEST_EXPORT:
        return export_fault(value);
    case REQUEST_DEPENDENCY:
        return dependency_fault(value);
    case REQUEST_JOB_NAME:
        return strlen(value) > NAME_MAX_BYTES ? "is too long for a name" : NULL;
    default:
        return NULL;
    }
}

static char *text_check(enum request_word w, const char *value, bool bare,
                        pe_error *errp)
{
    const request_spec *s = &request_specs[w];
    const char *why;
    char *mail;

    if (s->choices && !word_in(s->choices, value, strlen(value))) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                     "%s: it is one of: %s", s->name, s->choices);
        return NULL;
    }
    if (s->ours)
        return controls_check(w, value, false, errp) < 0
                   ? NULL
                   : text_format("%s", value);
    if (bytes_check(w, value, errp) < 0)
        return NULL;
    if (w == REQUEST_MEM)
        return memory_check(value, bare, errp);
    if (w == REQUEST_MAIL_TYPE) {
        mail = mail_types(value);
        if (!mail)
            refuse(w, value, "is no list of: " MAIL_TYPES, errp);
        return mail;
    }
    why = text_fault(w, value);
    if (why) {
        refuse(w, value, why, errp);
        return NULL;
    }
    return text_format("%s", value);
}

static char *item_check(enum request_word w, const char *value, pe_error *errp)
{
    if (w != REQUEST_EXTRA && controls_check(w, value, true, errp) < 0)
        return NULL;
    if (w == REQUEST_DIRECTIVES && *value != '-') {
        refuse(w, value, "is no option: it begins with '-'", errp);
        return NULL;
    }
    return text_format("%s", value);
}

char *request_check(enum request_word w, const char *value, bool bare_minutes,
                    pe_error *errp)
{
    const request_spec *s = &request_specs[w];
    char *out = NULL;
    pe_error e = {0};

    if (!*value && w != REQUEST_EXTRA && w != REQUEST_SETUP)
        refuse(w, value, "is empty", &e);
    else if (strlen(value) > VALUE_MAX)
        refuse(w, value, "is too long", &e);
    else if (s->type == REQUEST_TYPE_INT)
        out = number_check(w, value, &e);
    else if (s->type == REQUEST_TYPE_TIME)
        out = time_check(w, value, bare_minutes, &e);
    else if (s->type == REQUEST_TYPE_FLAG)
        out = flag_check(w, value, &e);
    else if (s->type == REQUEST_TYPE_LIST)
        out = item_check(w, value, &e);
    else
        out = text_check(w, value, bare_minutes, &e);
    if (out)
        return out;
    if (e.kind == PE_ERROR_NONE)
        pe_error_nomem(errp);
    else if (errp)
        *errp = e;
    return NULL;
}
