/* bluesky.c - documents of bluesky: events are rows, all others are aside. */
#include "walk.h"

#include <string.h>

static const struct {
    const char *name;
    const char *words; /* of those that hold no rows */
} kinds[] = {
    {"event", NULL},
    {"event_page", NULL},
    {"start", "start document"},
    {"stop", "stop document"},
    {"descriptor", "descriptor"},
    {"resource", "resource document"},
    {"datum", "datum document"},
    {"datum_page", "datum document"},
    {"stream_resource", "stream_resource document"},
    {"stream_datum", "stream_datum document"},
    {"bulk_events", "bulk_events document"},
    {"bulk_datum", "datum document"},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* What an event says of its time, in its own words: `time`, or that of one of
 * its keys.
 */
#define OWN_TIME "time"
#define KEY_TIMES "timestamps"

/* A clock that is a column of `data` goes before the document's own. */
static int read_time(walk *w, doc_node *v, pe_error *errp)
{
    if (w->c->clocked)
        return doc_skip(&w->d, v, errp);
    memcpy(w->path, OWN_TIME, strlen(OWN_TIME)); /* for an error */
    w->len = strlen(OWN_TIME);
    return walk_clock(w, v, errp);
}

/* The times of single keys, one of which may be named. */
static int read_times(walk *w, doc_node *v, const char *name, pe_error *errp)
{
    doc_node key, value;
    int rc;

    while ((rc = doc_more(&w->d, v, errp)) > 0) {
        if (doc_key(&w->d, &key, errp) < 0 ||
            doc_value(&w->d, &value, errp) < 0)
            return -1;
        rc = doc_is(&w->d, &key, name) ? read_time(w, &value, errp)
                                       : doc_skip(&w->d, &value, errp);
        if (rc < 0)
            return -1;
    }
    return rc;
}

/* What stands in an event beside its data. */
static int read_beside(walk *w, const doc_node *key, doc_node *v,
                       pe_error *errp)
{
    const char *time = w->c->time;
    size_t n = strlen(KEY_TIMES);
    bool own = time ? !strcmp(time, OWN_TIME) : !w->c->no_time;

    if (own && doc_is(&w->d, key, OWN_TIME) &&
        (v->kind == DOC_NUMBER || v->kind == DOC_LIST))
        return read_time(w, v, errp);
    if (time && !strncmp(time, KEY_TIMES, n) && time[n] == '.' &&
        doc_is(&w->d, key, KEY_TIMES) && v->kind == DOC_MAP)
        return read_times(w, v, time + n + 1, errp);
    return doc_skip(&w->d, v, errp);
}

/* [v]: its document. */
static int read_event(walk *w, doc_node *v, pe_error *errp)
{
    doc_node key, value;
    bool data = false;
    int rc;

    if (v->kind != DOC_MAP)
        return codec_fail(errp, "its event is %s, and not a map",
                          doc_kind_name(v->kind));
    while ((rc = doc_more(&w->d, v, errp)) > 0) {
        bool is_data;

        if (doc_key(&w->d, &key, errp) < 0 ||
            doc_value(&w->d, &value, errp) < 0)
            return -1;
        is_data = doc_is(&w->d, &key, "data") && value.kind == DOC_MAP;
        w->len = 0;
        rc = is_data ? walk_map(w, &value, errp)
                     : read_beside(w, &key, &value, errp);
        if (rc < 0)
            return -1;
        data = data || is_data;
    }
    if (rc == 0 && !data)
        return codec_fail(errp, "its event has no 'data'");
    return rc;
}

/* Half a document is none, also of those that nothing is taken of. */
static int end_pair(walk *w, doc_node *list, pe_error *errp)
{
    int rc = doc_more(&w->d, list, errp);

    if (rc > 0 || (rc == 0 && doc_is_left(&w->d)))
        return codec_fail(errp, "something follows its document");
    return rc;
}

static int read_pair(walk *w, doc_node *list, size_t kind, pe_error *errp)
{
    codec *c = w->c;
    doc_node item;
    int rc = doc_more(&w->d, list, errp);

    if (rc == 0)
        return codec_fail(errp, "behind the name '%s' is no document",
                          kinds[kind].name);
    if (rc < 0 || doc_value(&w->d, &item, errp) < 0)
        return -1;
    c->one_row = !strcmp(kinds[kind].name, "event");
    c->other_kind = !kinds[kind].words;
    c->other_words = "event of another stream";
    rc = kinds[kind].words ? doc_skip(&w->d, &item, errp)
                           : read_event(w, &item, errp);
    if (rc < 0 || end_pair(w, list, errp) < 0)
        return -1;
    c->facts.skip = kinds[kind].words;
    return kinds[kind].words ? CODEC_SKIPPED : 0;
}

bool walk_bluesky(walk *w, int *rcp, pe_error *errp)
{
    doc at = w->d;
    doc_node list, name;
    pe_error e = {0};
    size_t k = 0;

    if (doc_value(&w->d, &list, &e) == 0 && doc_more(&w->d, &list, &e) > 0 &&
        doc_value(&w->d, &name, &e) == 0 && name.kind == DOC_TEXT) {
        while (k < KINDS && !doc_is(&w->d, &name, kinds[k].name))
            k++;
        if (k < KINDS) {
            *rcp = read_pair(w, &list, k, errp);
            return true;
        }
    }
    w->d = at;
    return false;
}
