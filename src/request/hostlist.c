/* hostlist.c - "node[1-3,07],login": names of hosts, one by one. */
#include "hostlist.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

#define NAMES_MAX 1048576
#define DIGITS "0123456789"

static int list_error(const char *s, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "'%.200s' is no list of hosts, as in node[1-3,7]", s);
}

/* Room for one more name; it doubles, as often as [h] is full. */
static int name_room(hostlist *h)
{
    char **names;

    if (h->n > 0 && (h->n & (h->n - 1)) != 0)
        return 0;
    names = realloc(h->names, (h->n ? 2 * h->n : 1) * sizeof(*names));
    if (!names)
        return -1;
    h->names = names;
    return 0;
}

/* Append [name], which is taken (NULL: no memory). */
static int name_add(hostlist *h, char *name, pe_error *errp)
{
    if (name && h->n >= NAMES_MAX) {
        free(name);
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "more than %d hosts", NAMES_MAX);
    }
    if (!name || name_room(h) < 0) {
        free(name);
        return pe_error_nomem(errp);
    }
    h->names[h->n++] = name;
    return 0;
}

/* "7" or "08-11" of [len] bytes; *widthp: digits, when zeros stand in front.
 */
static int range_read(const char *s, size_t len, int64_t *lowp, int64_t *highp,
                      int *widthp)
{
    size_t low = strspn(s, DIGITS);
    char digits[20];

    if (low == 0 || low > 18 || low > len)
        return -1;
    memcpy(digits, s, low);
    digits[low] = '\0';
    *widthp = *s == '0' ? (int)low : 0;
    if (text_parse_int(digits, lowp) < 0)
        return -1;
    *highp = *lowp;
    if (low == len)
        return 0;
    size_t high = len - low - 1;
    if (s[low] != '-' || high == 0 || high > 18 ||
        strspn(s + low + 1, DIGITS) < high)
        return -1;
    memcpy(digits, s + low + 1, high);
    digits[high] = '\0';
    return text_parse_int(digits, highp) < 0 || *highp < *lowp ? -1 : 0;
}

static int entry_add(hostlist *h, const char *head, const char *s,
                     const char *whole, pe_error *errp);

/* [head] with each number of "1-3,7", which is at [s] up to the bracket at
 * [close], and what follows that.
 */
static int ranges_add(hostlist *h, const char *head, const char *s,
                      const char *close, const char *whole, pe_error *errp)
{
    int64_t low, high;
    int width;

    for (; s < close; s++) {
        size_t n = strcspn(s, ",]");
        if (range_read(s, n, &low, &high, &width) < 0)
            return list_error(whole, errp);
        for (; low <= high; low++) {
            char *name = text_format("%s%0*" PRId64, head, width, low);
            int r = name ? entry_add(h, name, close + 1, whole, errp)
                         : pe_error_nomem(errp);
            free(name);
            if (r < 0)
                return -1;
        }
        s += n;
    }
    return 0;
}

/* What [s], the rest of an entry behind [head], stands for. */
static int entry_add(hostlist *h, const char *head, const char *s,
                     const char *whole, pe_error *errp)
{
    size_t plain = strcspn(s, "[]");
    char *name = text_format("%s%.*s", head, (int)plain, s);
    const char *open = s + plain;
    const char *close = *open == '[' ? strchr(open, ']') : NULL;
    int r;

    if (!*open)
        return name_add(h, name, errp);
    if (!name)
        return pe_error_nomem(errp);
    r = close && close > open + 1
            ? ranges_add(h, name, open + 1, close, whole, errp)
            : list_error(whole, errp);
    free(name);
    return r;
}

/* Bytes of the entry at [s]: to the comma outside of brackets. */
static size_t entry_len(const char *s)
{
    int depth = 0;
    size_t n = 0;

    for (; s[n] && (s[n] != ',' || depth > 0); n++)
        depth += (s[n] == '[') - (s[n] == ']');
    return n;
}

int hostlist_add(hostlist *h, const char *s, pe_error *errp)
{
    const char *whole = s;
    size_t before = h->n;
    int r = 0;

    for (size_t n; r == 0 && *s; s += n + (s[n] == ',')) {
        n = entry_len(s);
        char *entry = text_format("%.*s", (int)n, s);
        if (!entry)
            r = pe_error_nomem(errp);
        else if (n == 0)
            r = list_error(whole, errp);
        else
            r = entry_add(h, "", entry, whole, errp);
        free(entry);
    }
    while (r < 0 && h->n > before)
        free(h->names[--h->n]);
    return r;
}

void hostlist_free(hostlist *h)
{
    for (size_t i = 0; i < h->n; i++)
        free(h->names[i]);
    free(h->names);
    memset(h, 0, sizeof(*h));
}
