/* record_json.c - a record as JSON, for the disk and for programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/registry/record_private.h"

#define SCHEMA 1

enum field_type {
    FIELD_TEXT,
    FIELD_FLAG,
    FIELD_INT,
    FIELD_NS,
    FIELD_REAL,
    FIELD_STATE,
};

typedef struct field {
    const char *name;
    enum field_type type;
    size_t at, size;
} field;

#define FIELD(kind, member)                                    \
    {                                                          \
#member, FIELD_##kind, offsetof(pilot_record, member), \
            sizeof(((pilot_record *)0)->member),               \
    }

/* The members of a record, as they stand on disk. */
static const field fields[] = {
    FIELD(TEXT, id),         FIELD(TEXT, run),
    FIELD(TEXT, name),       FIELD(TEXT, kind),
    FIELD(TEXT, resource),   FIELD(TEXT, sched_id),
    FIELD(TEXT, dir),        FIELD(TEXT, host),
    FIELD(STATE, state),     FIELD(TEXT, native),
    FIELD(TEXT, reason),     FIELD(TEXT, endpoint),
    FIELD(FLAG, submitting), FIELD(FLAG, cancel_asked),
    FIELD(FLAG, never),      FIELD(INT, ranks),
    FIELD(INT, nodes),       FIELD(INT, restarts),
    FIELD(INT, exit_code),   FIELD(NS, created_ns),
    FIELD(NS, submitted_ns), FIELD(NS, started_ns),
    FIELD(NS, active_ns),    FIELD(NS, ended_ns),
    FIELD(NS, limit_ns),     FIELD(NS, observed_ns),
    FIELD(NS, seen_ns),      FIELD(NS, beat_ns),
    FIELD(NS, stale_ns),     FIELD(REAL, hello_timeout_s),
    FIELD(TEXT, successor),  FIELD(TEXT, progress),
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

/* --- out --- */

/* Words of schedulers may hold any bytes; those that are no text become "?".
 */
static json_t *text_build(const char *s)
{
    char *copy = text_format("%s", s);
    json_t *out;

    if (!copy)
        return NULL;
    for (char *p = copy, *end = copy + strlen(copy); p < end;) {
        size_t n = text_utf8(p, (size_t)(end - p));
        if (n == 0)
            *p = '?';
        p += n ? n : 1;
    }
    out = json_string_nocheck(copy);
    free(copy);
    return out;
}

static json_t *field_build(const field *f, const pilot_record *r)
{
    const void *at = (const char *)r + f->at;

    switch (f->type) {
    case FIELD_TEXT:
        return text_build(at);
    case FIELD_FLAG:
        return json_boolean(*(const bool *)at);
    case FIELD_INT:
        return json_integer(*(const int *)at);
    case FIELD_NS:
        return json_integer(*(const int64_t *)at);
    case FIELD_REAL:
        return json_real(*(const double *)at);
    case FIELD_STATE:
        return json_string(pilot_state_name(r->state));
    }
    return NULL;
}

json_t *pilot_record_json(const pilot_record *r)
{
    json_t *o = json_pack("{s:i}", "schema", SCHEMA);

    for (size_t i = 0; o && i < N_FIELDS; i++)
        if (json_object_set_new(o, fields[i].name, field_build(&fields[i], r)) <
            0) {
            json_decref(o);
            return NULL;
        }
    return o;
}

char *record_dump(const pilot_record *r, pe_error *errp)
{
    json_t *o = pilot_record_json(r);
    char *data = o ? json_dumps(o, JSON_INDENT(1)) : NULL;

    json_decref(o);
    if (!data)
        pe_error_nomem(errp);
    return data;
}

/* --- in --- */

static int text_take(const field *f, const json_t *v, char *at)
{
    const char *s = json_string_value(v);
    size_t len = s ? json_string_length(v) : 0;

    if (!s || len >= f->size || strlen(s) != len)
        return -1;
    memcpy(at, s, len);
    return 0;
}

static int int_take(const json_t *v, int64_t min, int64_t max, int64_t *valuep)
{
    if (!json_is_integer(v) || json_integer_value(v) < min ||
        json_integer_value(v) > max)
        return -1;
    *valuep = json_integer_value(v);
    return 0;
}

static int field_take(const field *f, const json_t *v, pilot_record *r)
{
    void *at = (char *)r + f->at;
    int64_t n = 0;
    int status = 0;

    switch (f->type) {
    case FIELD_TEXT:
        return text_take(f, v, at);
    case FIELD_FLAG:
        *(bool *)at = json_is_true(v);
        return json_is_boolean(v) ? 0 : -1;
    case FIELD_INT:
        status = int_take(v, INT32_MIN, INT32_MAX, &n);
        *(int *)at = (int)n;
        return status;
    case FIELD_NS:
        status = int_take(v, 0, INT64_MAX, &n);
        *(int64_t *)at = n;
        return status;
    case FIELD_REAL:
        *(double *)at = json_number_value(v);
        return json_is_number(v) ? 0 : -1;
    case FIELD_STATE:
        status = pilot_state_find(json_string_value(v));
        r->state = status < 0 ? PILOT_NEW : (enum pilot_state)status;
        return status < 0 ? -1 : 0;
    }
    return -1;
}

/* Members that are left out keep their zero: an older version wrote them. */
static int record_take(const json_t *o, const char *path, pilot_record *r,
                       pe_error *errp)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        const json_t *v = json_object_get(o, fields[i].name);
        if (v && field_take(&fields[i], v, r) < 0)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "%s: %s is not what it may be: mend the file, "
                                "or remove it when the job is over",
                                path, fields[i].name);
    }
    return 0;
}

int record_parse(const char *data, size_t len, const char *path, const char *id,
                 pilot_record *out, pe_error *errp)
{
    json_error_t why = {.text = ""};
    json_t *o = json_loadb(data, len, 0, &why);
    int status = -1;

    memset(out, 0, sizeof(*out));
    out->exit_code = -1;
    if (!json_is_object(o))
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s is no record of a pilot (%s): mend the file, or "
                     "remove it when the job is over",
                     path, *why.text ? why.text : "no object");
    else if (json_integer_value(json_object_get(o, "schema")) != SCHEMA)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s is of another version of this program: its schema "
                     "is not %d",
                     path, SCHEMA);
    else
        status = record_take(o, path, out, errp);
    if (status == 0 && strcmp(out->id, id) != 0)
        status = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                              "%s is the record of pilot '%s': files were "
                              "copied or moved by hand",
                              path, out->id);
    if (status == 0) {
        size_t run = strcspn(id, "/");
        memset(out->run, 0, sizeof(out->run));
        memcpy(out->run, id, run < sizeof(out->run) ? run : 0);
        snprintf(out->name, sizeof(out->name), "%s", id + run + 1);
    }
    json_decref(o);
    return status;
}
