/* trace.c - the trace of a run: opened, and its rows one by one. */
#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "private.h"
#include "src/common/file.h"
#include "src/common/text.h"

static int refuse_none(const char *path, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "there is no trace in %s: it is recorded by 'pilot run "
                        "--trace', or 'trace: true' in the pipeline",
                        path);
}

static int open_folder(trace *t, pe_error *errp)
{
    char *folded = text_format("%s/trace.h5", t->path);
    struct stat st;
    int n = folded ? scan_folder(t, errp) : pe_error_nomem(errp);
    int rc = n < 0 ? -1 : 0;

    if (n == 0 && stat(folded, &st) == 0) {
        free(t->path);
        t->path = folded;
        return ask_open(t, errp);
    }
    if (n == 0)
        rc = refuse_none(t->path, errp);
    free(folded);
    return rc;
}

trace *trace_open(const char *path, pe_error *errp)
{
    trace *t = calloc(1, sizeof(*t));
    struct stat st;
    int rc;

    if (!t || !(t->path = strdup(path))) {
        pe_error_nomem(errp);
        trace_close(t);
        return NULL;
    }
    if (stat(path, &st) < 0)
        rc = file_error(errp, errno, "read", path, PE_EXIT_DATA);
    else
        rc = S_ISDIR(st.st_mode) ? open_folder(t, errp) : ask_open(t, errp);
    if (rc == 0)
        return t;
    trace_close(t);
    return NULL;
}

void trace_close(trace *t)
{
    if (!t)
        return;
    join_free(t->join);
    ask_end(t);
    free(t->process);
    scan_free(t);
    free(t->run);
    free(t->missing);
    free(t->path);
    free(t);
}

/* --- rows as they lie in logs --- */

static enum layout_kind kind_of(enum trace_kind kind)
{
    static const enum layout_kind of[TRACE_KINDS] = {
        [TRACE_BLOCKS] = LAYOUT_BLOCK, [TRACE_COMMITS] = LAYOUT_COMMIT,
        [TRACE_RANKS] = LAYOUT_RANK,   [TRACE_MODELS] = LAYOUT_MODEL,
        [TRACE_CLOCKS] = LAYOUT_CLOCK,
    };

    return of[kind];
}

static void set_log(enum trace_kind kind, void *row, uint32_t log)
{
    switch (kind) {
    case TRACE_COMMITS:
        ((trace_commit *)row)->log = log;
        break;
    case TRACE_RANKS:
        ((trace_rank *)row)->log = log;
        break;
    case TRACE_MODELS:
        ((trace_model *)row)->log = log;
        break;
    case TRACE_CLOCKS:
        ((trace_clock *)row)->log = log;
        break;
    default:
        break;
    }
}

static int next_plain(trace *t, void *row, pe_error *errp)
{
    while (t->at < t->n) {
        source *s = &t->s[t->at];
        enum segments_word word = SEGMENTS_END;

        if (s->g.s.kind == kind_of(t->kind) && s->g.row < s->g.s.n) {
            segments_row(&s->g, s->g.row++, row);
            set_log(t->kind, row, t->at);
            return 1;
        }
        if (s->g.at < s->whole && segments_next(&s->g, &word, errp) < 0)
            return -1;
        if (word != SEGMENTS_ONE && ++t->at < t->n)
            segments_rewind(&t->s[t->at].g);
    }
    return 0;
}

static int start(trace *t, enum trace_kind kind, pe_error *errp)
{
    join_free(t->join);
    t->join = NULL;
    t->kind = kind;
    t->at = 0;
    t->reading = true;
    if (t->facts.folded)
        return ask_start(t, kind, errp);
    if (kind == TRACE_BLOCKS)
        return (t->join = join_create(t, errp)) ? 0 : -1;
    segments_rewind(&t->s[0].g);
    return 0;
}

int trace_next(trace *t, enum trace_kind kind, void *row, pe_error *errp)
{
    int rc = 0;

    if (!t->reading || t->kind != kind)
        rc = start(t, kind, errp);
    if (rc == 0 && t->facts.folded)
        rc = ask_next(t, row, errp);
    else if (rc == 0)
        rc = kind == TRACE_BLOCKS ? join_next(t->join, row, errp)
                                  : next_plain(t, row, errp);
    if (rc <= 0)
        t->reading = false;
    return rc;
}

/* --- what it is --- */

const char *trace_device(const trace *t, uint32_t i)
{
    return i < t->names.n ? t->names.name[i] : "?";
}

uint32_t trace_devices(const trace *t)
{
    return t->names.n;
}

const trace_process *trace_process_at(const trace *t, uint32_t i)
{
    return i < t->n ? &t->s[i].p : NULL;
}

trace_facts trace_facts_get(const trace *t)
{
    return t->facts;
}

int trace_last_layer(trace *t, uint32_t *lastp, pe_error *errp)
{
    const trace_process *p;
    trace_block b;
    int rc = 0;

    *lastp = 0;
    for (uint32_t i = 0; (p = trace_process_at(t, i)); i++)
        *lastp = p->layer > *lastp ? p->layer : *lastp;
    if (!trace_facts_get(t).folded)
        return 0;
    while ((rc = trace_next(t, TRACE_BLOCKS, &b, errp)) > 0)
        *lastp = b.layer > *lastp ? b.layer : *lastp;
    return rc;
}
