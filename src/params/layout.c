/* layout.c - the text of a stored state: one fact a line. */
#include "layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAYOUT "2"

/* --- names --- */

static bool is_plain(unsigned char c)
{
    return c >= ' ' && c != '%' && c != 0x7f;
}

char *params_name_encode(const char *name)
{
    char *out = malloc(3 * strlen(name) + 1), *to = out;

    if (!out)
        return NULL;
    for (; *name; name++)
        if (is_plain((unsigned char)*name))
            *to++ = *name;
        else
            to += snprintf(to, 4, "%%%02X", (unsigned char)*name);
    *to = '\0';
    return out;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

int params_name_decode(char *name)
{
    char *to = name;

    for (; *name; name++) {
        if (*name != '%') {
            *to++ = *name;
            continue;
        }
        int high = hex_digit(name[1]), low = high < 0 ? -1 : hex_digit(name[2]);
        if (low < 0 || (high == 0 && low == 0))
            return -1;
        *to++ = (char)(16 * high + low);
        name += 2;
    }
    *to = '\0';
    return 0;
}

/* --- the head --- */

/* "WORD VALUE\n" at *textp, which moves behind it; the value's length, or -1.
 */
static int take_fact(const char **textp, const char *word, const char **valuep)
{
    size_t n = strlen(word);
    const char *value = *textp + n + 1, *end;

    if (strncmp(*textp, word, n) != 0 || (*textp)[n] != ' ' ||
        !(end = strchr(value, '\n')))
        return -1;
    *textp = end + 1;
    *valuep = value;
    return (int)(end - value);
}

static int take_text(const char **textp, const char *word, char *out,
                     size_t cap)
{
    const char *value;
    int n = take_fact(textp, word, &value);

    if (n < 0 || (size_t)n >= cap)
        return -1;
    memcpy(out, value, (size_t)n);
    out[n] = '\0';
    return 0;
}

static int take_count(const char **textp, const char *word, uint64_t *countp)
{
    const char *at = *textp;
    char digits[32];

    if (take_text(&at, word, digits, sizeof(digits)) < 0 ||
        params_number_parse(digits, INT64_MAX, countp) < 0)
        return -1;
    *textp = at;
    return 0;
}

/* *textp moves behind the head. */
static int take_head(const char **textp, params_head *h)
{
    char layout[8];

    *h = (params_head){0};
    if (!**textp)
        return 0;
    if (take_text(textp, "layout", layout, sizeof(layout)) < 0 ||
        strcmp(layout, LAYOUT) != 0 ||
        take_text(textp, "commit", h->commit, sizeof(h->commit)) < 0 ||
        params_id_check(h->commit) < 0 ||
        take_count(textp, "version", &h->version) < 0 ||
        take_count(textp, "time_ns", &h->time_ns) < 0 ||
        take_text(textp, "digest", h->digest, sizeof(h->digest)) < 0)
        return -1;
    if (take_text(textp, "model", h->kind, sizeof(h->kind)) < 0)
        return -1;
    /* Not there before the first change of the stages. */
    (void)take_count(textp, "revision", &h->revision);
    return 0;
}

int params_head_parse(const char *text, params_head *h)
{
    return take_head(&text, h);
}

/* --- all of it --- */

static int refuse(const char *key, const char *what, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "the state in %s %s: some other program wrote to the "
                        "keys of this run, or another version of pilot-edge",
                        key, what);
}

static int refuse_sum(const char *key, pe_error *errp)
{
    return refuse(key, "does not agree with its digest", errp);
}

/* The last line is the sum of what is before it: *endp is where that begins.
 */
static int check_sum(const char *text, const char *key, const char **endp,
                     pe_error *errp)
{
    static const char word[] = "\nsum ";
    size_t len = strlen(text), tail = strlen(word) + DIGEST_SHA1_HEX + 1;
    char sum[DIGEST_SHA1_HEX + 1];
    const char *at;

    if (len < tail || text[len - 1] != '\n')
        return refuse_sum(key, errp);
    at = text + len - tail;
    if (strncmp(at, word, strlen(word)) != 0)
        return refuse_sum(key, errp);
    if (digest_sha1(text, len - tail + 1, sum, errp) < 0)
        return -1;
    *endp = at + 1;
    return strncmp(at + strlen(word), sum, DIGEST_SHA1_HEX)
               ? refuse_sum(key, errp)
               : 0;
}

/* One line "WORD VALUE NAME" of the lists behind the counters. */
static int take_row(char *line, params_state *s)
{
    pe_error e = {0};
    char *value = strchr(line, ' ');
    char *name = value ? strchr(value + 1, ' ') : NULL;

    if (!name)
        return -1;
    *value++ = '\0';
    *name++ = '\0';
    if (params_name_decode(name) < 0)
        return -1;
    if (!strcmp(line, "offset") &&
        params_offset_parse(name, value, &s->offsets[s->n_offsets], &e) == 0)
        s->n_offsets++;
    else if (!strcmp(line, "device") &&
             params_device_parse(name, value, &s->devices[s->n_devices], &e) ==
                 0)
        s->n_devices++;
    else
        return strcmp(line, "writer") ? -1 : 0;
    return 0;
}

/* The rows from [text] to [end]. */
static int take_rows(const char *text, const char *end, const char *key,
                     params_state *s, pe_error *errp)
{
    size_t len = (size_t)(end - text), n = 1;
    char *copy = strndup(text, len), *at = copy, *line;
    int rc = 0;

    for (size_t i = 0; i < len; i++)
        n += text[i] == '\n';
    s->offsets = calloc(n, sizeof(*s->offsets));
    s->devices = calloc(n, sizeof(*s->devices));
    if (!copy || !s->offsets || !s->devices)
        rc = pe_error_nomem(errp);
    while (rc == 0 && *at) {
        line = strsep(&at, "\n");
        if (take_row(line, s) < 0)
            rc = refuse(key, "has a line that is none", errp);
    }
    free(copy);
    return rc;
}

int params_layout_parse(const char *text, const char *key, params_head *h,
                        params_state *out, pe_error *errp)
{
    const char *end = text;

    if (*text && check_sum(text, key, &end, errp) < 0)
        return -1;
    if (take_head(&text, h) < 0)
        return refuse(key, "is of another layout", errp);
    memcpy(out->commit, h->commit, sizeof(out->commit));
    out->version = h->version;
    out->revision = h->revision;
    out->time_ns = (int64_t)h->time_ns;
    /* One that is not there counts what came later than this state. */
    for (size_t i = 0; i < PARAMS_N_COUNTERS; i++)
        (void)take_count(&text, params_counter_fields[i].name,
                         params_counter_at(&out->counters, i));
    return take_rows(text, end, key, out, errp);
}
