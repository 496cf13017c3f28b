/* screen_clean.c - a document whose words do nothing to a terminal. */
#include "screen.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

static bool is_clean(const char *s, size_t len)
{
    size_t n = 1;

    for (size_t i = 0; i < len && n > 0; i += n)
        n = text_printable(s + i, len - i);
    return n > 0 || len == 0;
}

static int clean_string(json_t *o)
{
    const char *s = json_string_value(o);
    size_t len = json_string_length(o);
    char *shown;
    int rc;

    if (is_clean(s, len))
        return 0;
    shown = malloc(len + 1);
    if (!shown)
        return -1;
    text_shown(s, len, shown, len + 1);
    rc = json_string_set(o, shown);
    free(shown);
    return rc;
}

int screen_clean(json_t *doc)
{
    const char *key;
    json_t *o;
    size_t i;
    int rc = 0;

    if (json_is_string(doc))
        return clean_string(doc);
    json_object_foreach(doc, key, o)
    {
        rc = rc < 0 ? rc : screen_clean(o);
    }
    json_array_foreach(doc, i, o)
    {
        rc = rc < 0 ? rc : screen_clean(o);
    }
    return rc;
}
