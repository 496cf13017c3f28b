/* launcher_words.c - what a launcher printed, as far as it tells a reason. */
#include <stdbool.h>
#include <string.h>

#include "src/launcher/launcher.h"

#define RULE_MIN 20    /* dashes of a line around a help text */
#define REASON_MAX 200 /* bytes of one that are more than its beginning */

/* Texts that say no more than that a rank ended: why stands before. */
static const char *const empty_words[] = {
    "Primary job ",
    "mpirun detected that one or more processes exited",
    "mpiexec detected that one or more processes exited",
    "prterun detected that one or more processes exited",
    "mpirun has exited due to process",
    "MPI_ABORT was invoked",
    NULL};

static bool is_rule(const char *line, size_t len)
{
    size_t dashes = strspn(line, "-");

    return dashes >= RULE_MIN && dashes == len;
}

static size_t rules_count(const char *s)
{
    size_t n = 0;

    for (size_t len; *s; s += len + (s[len] == '\n')) {
        len = strcspn(s, "\n");
        n += is_rule(s, len);
    }
    return n;
}

static bool is_empty(const char *s)
{
    for (const char *const *w = empty_words; *w; w++)
        if (!strncmp(s, *w, strlen(*w)))
            return true;
    return false;
}

/* Bytes of the help text at [s], of [len], that are its reason: its first
 * paragraph, and more while they are short.
 */
static size_t reason_len(const char *s, size_t len)
{
    size_t keep = 0;

    if (is_empty(s))
        return 0;
    for (size_t at = 0; at < len; at++)
        if (at + 1 == len || (s[at] == '\n' && s[at + 1] == '\n')) {
            if (keep > 0 && at > REASON_MAX)
                break;
            keep = at + 1;
        }
    return keep;
}

void launcher_words(char *said)
{
    bool inside = rules_count(said) % 2 == 1;
    char *out = said, *text = inside ? NULL : said; /* NULL: it was cut off */

    for (char *s = said; *s;) {
        size_t len = strcspn(s, "\n");
        bool rule = is_rule(s, len);
        char *next = s + len + (s[len] == '\n');
        if (rule && inside) {
            size_t keep = text ? reason_len(text, (size_t)(s - text)) : 0;
            if (keep > 0)
                memmove(out, text, keep);
            out += keep;
        } else if (!rule && !inside) {
            memmove(out, s, (size_t)(next - s));
            out += next - s;
        }
        if (rule) {
            inside = !inside;
            text = next;
        }
        s = next;
    }
    *out = '\0';
}
