/* recorded.c - answers of real schedulers, and the shapes they can be asked
 * for in.
 */
#include "recorded.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/file.h"
#include "src/common/text.h"

/* What was recorded: `squeue -o` with these letters. */
static const char letters[] = "iAFKjuPaqTtrRDCNBMlLVSeQEZo";
enum { N_LETTERS = sizeof(letters) - 1 };

static void give_up(const char *path, const char *why)
{
    fprintf(stderr, "%s: %s\n", path, why);
    exit(99);
}

/* The entry at [s]; bytes it takes, 0 at the end. */
static size_t entry_read(const char *path, const char *s, size_t len,
                         recorded *r)
{
    int head = 0;

    if (len == 0)
        return 0;
    if (sscanf(s, "### %63s %d %zu %zu%n", r->name, &r->status, &r->out_len,
               &r->err_len, &head) != 4)
        give_up(path, "no entry where one should be");
    r->out = s + head + 1;
    r->err = r->out + r->out_len;
    size_t all = (size_t)head + 1 + r->out_len + r->err_len + 1;
    if (all > len || s[all - 1] != '\n')
        give_up(path, "an entry is cut off");
    return all;
}

recorded *recorded_read(const char *path, size_t *np, char **datap)
{
    size_t len = 0, n = 0, cap = 0;
    char *data = file_read(path, 16777216, &len, NULL);
    recorded *all = NULL;

    if (!data)
        give_up(path, "cannot be read");
    for (size_t at = 0, used;; at += used, n++) {
        if (n == cap) {
            cap = cap ? 2 * cap : 64;
            all = realloc(all, cap * sizeof(*all));
            if (!all)
                give_up(path, "out of memory");
        }
        used = entry_read(path, data + at, len - at, &all[n]);
        if (used == 0)
            break;
    }
    *np = n;
    *datap = data;
    return all;
}

const recorded *recorded_find(const recorded *all, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(all[i].name, name))
            return &all[i];
    return NULL;
}

static char *take(text *t, size_t *lenp)
{
    if (t->failed)
        give_up("recorded", "out of memory");
    text_add_bytes(t, "", 0);
    *lenp = t->len;
    return t->data;
}

/* Field [i] of the line of [len] bytes at [s]. */
static void field_add(text *out, const char *s, size_t len, size_t i)
{
    for (; i > 0; i--) {
        const char *bar = memchr(s, '|', len);
        if (!bar)
            give_up("recorded", "a line of squeue has too few fields");
        len -= (size_t)(bar + 1 - s);
        s = bar + 1;
    }
    const char *bar = memchr(s, '|', len);
    text_add_bytes(out, s, bar ? (size_t)(bar - s) : len);
}

char *recorded_squeue(const recorded *r, const char *format, size_t *lenp)
{
    text out = {0};

    for (const char *s = r->out, *end = s + r->out_len; s < end;) {
        const char *line = s;
        size_t len =
            (size_t)((const char *)memchr(s, '\n', (size_t)(end - s)) - s);
        for (const char *f = format; *f; f++) {
            const char *at = f[0] == '%' ? strchr(letters, f[1]) : NULL;
            if (at)
                field_add(&out, line, len, (size_t)(at - letters));
            else
                text_add_bytes(&out, f, 1);
            f += at != NULL;
        }
        text_add(&out, "\n");
        s += len + 1;
    }
    return take(&out, lenp);
}

char *recorded_sinfo(const recorded *r, const char *format, size_t *lenp)
{
    static const char columns[] = "PalDtN";
    text out = {0};
    char *copy = text_format("%.*s", (int)r->out_len, r->out), *save = NULL;

    for (char *line = strtok_r(copy, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        char word[6][64];
        if (sscanf(line, "%63s %63s %63s %63s %63s %63s", word[0], word[1],
                   word[2], word[3], word[4], word[5]) != 6 ||
            !strcmp(word[0], "PARTITION"))
            continue;
        for (const char *f = format; *f; f++) {
            const char *at = f[0] == '%' ? strchr(columns, f[1]) : NULL;
            if (at)
                text_add(&out, "%s", word[at - columns]);
            else
                text_add_bytes(&out, f, 1);
            f += at != NULL;
        }
        text_add(&out, "\n");
    }
    free(copy);
    return take(&out, lenp);
}

/* qstat escapes backslashes, but for those that escape something themselves,
 * and makes ends of lines visible.
 */
static void dsv_byte(text *out, const char *s, const char *end)
{
    bool escapes = s + 1 < end && strchr("'\",", s[1]);

    if (*s == '\n')
        text_add(out, "\\n");
    else if (*s == '|' || (*s == '\\' && !escapes))
        text_add(out, "\\%c", *s);
    else
        text_add_bytes(out, s, 1);
}

/* Does a new attribute begin at [s]?  "    NAME = ". */
static bool is_attribute(const char *s, const char *end)
{
    const char *newline = memchr(s, '\n', (size_t)(end - s));
    const char *equal =
        memmem(s, (size_t)((newline ? newline : end) - s), " = ", 3);

    return end - s > 5 && !memcmp(s, "    ", 4) && s[4] != ' ' && equal &&
           !memchr(s + 4, ' ', (size_t)(equal - s - 4));
}

/* The attribute at [s], to the next one; a line that was folded goes on
 * behind a tab, a value with an end of line in it goes on as it is.
 */
static const char *dsv_attribute(text *out, const char *s, const char *end)
{
    const char *equal = memmem(s, (size_t)(end - s), " = ", 3);

    text_add(out, "|%.*s=", (int)(equal - s - 4), s + 4);
    for (s = equal + 3; s < end; s++) {
        if (*s == '\n' &&
            (s + 1 == end || is_attribute(s + 1, end) || s[1] == '\n'))
            return s + 1;
        if (*s == '\n' && s[1] == '\t')
            s++;
        else
            dsv_byte(out, s, end);
    }
    return end;
}

char *recorded_dsv(const recorded *r, size_t *lenp)
{
    const char *s = r->out, *end = s + r->out_len;
    text out = {0};

    while (s < end) {
        const char *newline = memchr(s, '\n', (size_t)(end - s));
        size_t len = newline ? (size_t)(newline - s) : (size_t)(end - s);
        if (is_attribute(s, end)) {
            s = dsv_attribute(&out, s, end);
            continue;
        }
        if (!strncmp(s, "Job Id: ", 8)) {
            text_add(&out, "%s", out.len ? "\n" : "");
            text_add_bytes(&out, s, len);
        }
        s += len + 1;
    }
    text_add(&out, "%s", out.len ? "\n" : "");
    return take(&out, lenp);
}
