/* html.c - fills the template of a page. */
#include "html.h"

#include <stdlib.h>
#include <string.h>

#include "src/page/asset.h"

bool html_is_there(void)
{
    return asset_get(ASSET_CHARTS).len > 0;
}

void html_escape(const char *s, text *out)
{
    for (; *s; s++)
        switch (*s) {
        case '<':
            text_add(out, "&lt;");
            break;
        case '>':
            text_add(out, "&gt;");
            break;
        case '&':
            text_add(out, "&amp;");
            break;
        case '"':
            text_add(out, "&quot;");
            break;
        case '\'':
            text_add(out, "&#39;");
            break;
        default:
            text_add_bytes(out, s, 1);
        }
}

int html_json(const json_t *doc, text *out, pe_error *errp)
{
    char *json = json_dumps(doc, JSON_COMPACT | JSON_ENSURE_ASCII |
                                     JSON_REAL_PRECISION(9));

    if (!json)
        return pe_error_nomem(errp);
    /* These stand in strings alone, where JSON has another word for them. */
    for (const char *s = json; *s;) {
        size_t plain = strcspn(s, "<>&");

        text_add_bytes(out, s, plain);
        s += plain;
        if (*s)
            text_add(out, "\\u%04x", (unsigned)*s++);
    }
    free(json);
    return out->failed ? pe_error_nomem(errp) : 0;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static void asset_add(text *out, enum asset_name name)
{
    asset a = asset_get(name);

    text_add_bytes(out, a.data, a.len);
}

/* What stands in the place of @NAME@; 1: there is no such name. */
static int fill(const char *name, size_t len, const json_t *doc,
                const char *events, text *out, pe_error *errp)
{
#define IS(word) (len == sizeof(word) - 1 && !memcmp(name, word, len))
    if (IS("TITLE")) {
        text_add(out, "Run ");
        html_escape(text_of(doc, "run"), out);
    } else if (IS("CONNECT")) {
        text_add(out, "%s", events ? "'self'" : "'none'");
    } else if (IS("EVENTS")) {
        if (!events)
            return 0;
        text_add(out, "data-events=\"");
        html_escape(events, out);
        text_add(out, "\"");
    } else if (IS("LICENCE")) {
        html_escape(asset_get(ASSET_LICENCE).data, out);
    } else if (IS("CSS")) {
        asset_add(out, ASSET_CSS);
    } else if (IS("JS")) {
        asset_add(out, ASSET_JS);
    } else if (IS("CHARTS")) {
        asset_add(out, ASSET_CHARTS);
    } else if (IS("DATA")) {
        return html_json(doc, out, errp);
    } else {
        return 1;
    }
#undef IS
    return 0;
}

int html_page(const json_t *doc, const char *events, text *out, pe_error *errp)
{
    const char *s = asset_get(ASSET_HTML).data, *end;
    int rc = 0;

    if (!html_is_there())
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                            "this pilot was configured without reports: "
                            "--json prints their figures");
    while (rc >= 0 && (end = strchr(s, '@'))) {
        size_t len = strspn(end + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

        text_add_bytes(out, s, (size_t)(end - s));
        s = end + 1;
        if (len == 0 || s[len] != '@') {
            text_add(out, "@");
            continue;
        }
        rc = fill(s, len, doc, events, out, errp);
        s += len + 1;
    }
    text_add(out, "%s", s);
    return rc < 0 || out->failed ? (rc < 0 ? rc : pe_error_nomem(errp)) : 0;
}
