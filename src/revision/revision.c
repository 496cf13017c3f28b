/* revision.c - a revision: read, changed, written, told. */
#include "revision.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

#define FUNCTION "function"
#define OPTIONS "options"
#define PILOT "pilot"

static bool is_map_of_texts(const json_t *o)
{
    const char *key;
    json_t *v;

    if (o && !json_is_object(o))
        return false;
    json_object_foreach((json_t *)o, key,
                        v) if (!json_is_string(v)) return false;
    return true;
}

static bool is_text(const json_t *v)
{
    return !v || json_is_string(v);
}

static bool is_stage(const json_t *s)
{
    return json_is_object(s) && is_text(json_object_get(s, FUNCTION)) &&
           is_text(json_object_get(s, PILOT)) &&
           is_map_of_texts(json_object_get(s, OPTIONS));
}

static bool is_revision(const json_t *doc)
{
    json_t *stages = json_object_get(doc, "stages"), *s;
    const char *name;

    if (!json_is_object(stages) ||
        !is_map_of_texts(json_object_get(doc, "files")))
        return false;
    json_object_foreach(stages, name, s) if (!is_stage(s)) return false;
    return true;
}

revision *revision_parse(uint64_t number, const char *words, pe_error *errp)
{
    revision *r = calloc(1, sizeof(*r));
    json_error_t why;

    if (!r) {
        pe_error_nomem(errp);
        return NULL;
    }
    r->number = number;
    r->doc = words ? json_loads(words, 0, &why)
                   : json_pack("{s:{}, s:{}}", "stages", "files");
    if (r->doc && is_revision(r->doc))
        return r;
    if (!words)
        pe_error_nomem(errp);
    else
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                     "revision %llu of the stages is none: some other program "
                     "wrote to the keys of this run, or another version of "
                     "pilot-edge",
                     (unsigned long long)number);
    revision_destroy(r);
    return NULL;
}

char *revision_text(const revision *r, pe_error *errp)
{
    char *out = json_dumps(r->doc, JSON_COMPACT | JSON_SORT_KEYS);

    if (!out)
        pe_error_nomem(errp);
    return out;
}

void revision_destroy(revision *r)
{
    if (!r)
        return;
    json_decref(r->doc);
    free(r);
}

/* --- what is said --- */

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static int64_t number_of(const json_t *o, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(o, key));
}

const char *revision_by(const revision *r)
{
    return text_of(r->doc, "by");
}

const char *revision_why(const revision *r)
{
    return text_of(r->doc, "why");
}

int64_t revision_time(const revision *r)
{
    return number_of(r->doc, "time_ns");
}

uint64_t revision_is(const revision *r)
{
    return (uint64_t)number_of(r->doc, "is");
}

uint64_t revision_before(const revision *r)
{
    return (uint64_t)number_of(r->doc, "before");
}

/* --- stages --- */

static json_t *stage_of(const revision *r, const char *s)
{
    return r ? json_object_get(json_object_get(r->doc, "stages"), s) : NULL;
}

const char *revision_function(const revision *r, const char *s)
{
    return json_string_value(json_object_get(stage_of(r, s), FUNCTION));
}

const char *revision_pilot(const revision *r, const char *s)
{
    return json_string_value(json_object_get(stage_of(r, s), PILOT));
}

/* The digest that function [f] of [r] is of; NULL: it is of no file. */
static const char *digest_of(const revision *r, const char *f)
{
    const char *colon = f ? strrchr(f, ':') : NULL;
    char *name = colon ? strndup(f, (size_t)(colon - f)) : NULL;
    const char *digest = name ? json_string_value(json_object_get(
                                    json_object_get(r->doc, "files"), name))
                              : NULL;

    free(name);
    return digest;
}

bool revision_same(const revision *a, const revision *b, const char *s)
{
    const json_t *x = stage_of(a, s), *y = stage_of(b, s);
    const char *f, *g;

    if (!x || !y)
        return !x && !y;
    f = digest_of(a, revision_function(a, s));
    g = digest_of(b, revision_function(b, s));
    if ((f || g) && (!f || !g || strcmp(f, g) != 0))
        return false;
    return json_equal(x, y);
}

/* What it has of [s], made where it has nothing yet; NULL: no memory. */
static json_t *stage_make(revision *r, const char *s)
{
    json_t *o = stage_of(r, s);

    if (o)
        return o;
    if (json_object_set_new(json_object_get(r->doc, "stages"), s,
                            json_object()) < 0)
        return NULL;
    return stage_of(r, s);
}

/* Nothing is said of a stage that is as in the file. */
static void stage_settle(revision *r, const char *s)
{
    json_t *o = stage_of(r, s);

    if (json_object_size(json_object_get(o, OPTIONS)) == 0)
        json_object_del(o, OPTIONS);
    if (json_object_size(o) == 0)
        json_object_del(json_object_get(r->doc, "stages"), s);
}

static int refuse_text(const char *what, const char *value, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "%s '%.100s' cannot be kept: it is not UTF-8, or there "
                        "is no memory",
                        what, value);
}

static int put_text(json_t *o, const char *key, const char *value,
                    const char *what, pe_error *errp)
{
    if (!value) {
        json_object_del(o, key);
        return 0;
    }
    if (json_object_set_new(o, key, json_string(value)) < 0)
        return refuse_text(what, value, errp);
    return 0;
}

int revision_set_function(revision *r, const char *s, const char *function,
                          pe_error *errp)
{
    json_t *o = stage_make(r, s);
    int rc;

    if (!o)
        return refuse_text("stage", s, errp);
    json_object_del(o, OPTIONS);
    rc = put_text(o, FUNCTION, function, FUNCTION, errp);
    stage_settle(r, s);
    return rc;
}

int revision_set_pilot(revision *r, const char *s, const char *pilot,
                       pe_error *errp)
{
    json_t *o = stage_make(r, s);
    int rc;

    if (!o)
        return refuse_text("stage", s, errp);
    rc = put_text(o, PILOT, pilot, PILOT, errp);
    stage_settle(r, s);
    return rc;
}

int revision_set_option(revision *r, const char *s, const char *name,
                        const char *value, pe_error *errp)
{
    json_t *o = stage_make(r, s);

    if (!o)
        return refuse_text("stage", s, errp);
    if (!json_object_get(o, OPTIONS) &&
        json_object_set_new(o, OPTIONS, json_object()) < 0)
        return pe_error_nomem(errp);
    return put_text(json_object_get(o, OPTIONS), name, value, "value", errp);
}

/* --- for people --- */

/* The options of [now] that [was] has not, or has otherwise, and those that
 * only [was] has; [n] things stand in front.
 */
static size_t tell_options(const json_t *was, const json_t *now, size_t n,
                           text *out)
{
    const char *name;
    json_t *v;

    json_object_foreach((json_t *)now, name,
                        v) if (!json_equal(v, json_object_get(was, name)))
        text_add(out, "%s%s=%s", n++ ? ", " : "", name, json_string_value(v));
    json_object_foreach((json_t *)was, name, v) if (!json_object_get(now, name))
        text_add(out, "%s%s as in the file", n++ ? ", " : "", name);
    return n;
}

static void tell_stage(const revision *before, const revision *r,
                       const char *name, text *out)
{
    const json_t *was = stage_of(before, name), *now = stage_of(r, name);
    const char *f = revision_function(r, name), *p = revision_pilot(r, name);
    size_t n = 0;

    if (revision_same(before, r, name))
        return;
    text_add(out, "%s%s: ", out->len ? "; " : "", name);
    if (!now) {
        text_add(out, "as in the file");
        return;
    }
    if (f && (!json_equal(json_object_get(was, FUNCTION),
                          json_object_get(now, FUNCTION)) ||
              digest_of(r, f)))
        text_add(out, "%s%s", n++ ? ", " : "", f);
    if (!f && json_object_get(was, FUNCTION))
        text_add(out, "%sthe function of the file", n++ ? ", " : "");
    if (!json_equal(json_object_get(was, PILOT), json_object_get(now, PILOT)) &&
        (p || json_object_get(was, PILOT)))
        text_add(out, "%son %s", n++ ? ", " : "", p ? p : "its pilot");
    tell_options(json_object_get(was, OPTIONS), json_object_get(now, OPTIONS),
                 n, out);
}

void revision_words(const revision *before, const revision *r, text *out)
{
    const json_t *was = before ? json_object_get(before->doc, "stages") : NULL;
    const json_t *now = json_object_get(r->doc, "stages");
    const char *name;
    json_t *s;

    text_add_bytes(out, "", 0);
    json_object_foreach((json_t *)now, name, s)
        tell_stage(before, r, name, out);
    json_object_foreach((json_t *)was, name, s) if (!json_object_get(now, name))
        tell_stage(before, r, name, out);
    if (out->len == 0)
        text_add(out, "nothing");
}
