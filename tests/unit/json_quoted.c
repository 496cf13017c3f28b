/* json_quoted.c - JSON in C text, without its quotes. */
#include "json_quoted.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

json_t *json_quoted(const char *quoted)
{
    json_error_t why = {0};
    char *s = strdup(quoted);

    for (char *c = s; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_t *o = json_loads(s, JSON_DECODE_ANY, &why);
    UNIT_EQUAL(why.text, "");
    free(s);
    return o;
}

const char *json_shown(json_t *o)
{
    static char out[8192];
    size_t n = json_dumpb(o, out, sizeof(out) - 1,
                          JSON_COMPACT | JSON_PRESERVE_ORDER |
                              JSON_REAL_PRECISION(6) | JSON_ENCODE_ANY);

    out[n < sizeof(out) ? n : 0] = '\0';
    for (char *c = out; *c; c++)
        if (*c == '"')
            *c = '\'';
    json_decref(o);
    return out;
}
