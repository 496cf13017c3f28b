/* gather.c - suspects of a pool, in the parameter service. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/common/text.h"
#include "suspects_private.h"

static int put(params *p, const suspect *s, pe_error *errp)
{
    char name[48];
    text words = {0};
    int rc;

    snprintf(name, sizeof(name), "%" PRId32 "/%" PRId64, s->lane, s->at);
    suspect_words(s, &words);
    rc = words.failed
             ? pe_error_nomem(errp)
             : params_suspect_put(p, &(params_word){name, words.data}, errp);
    text_free(&words);
    return rc;
}

static int fetch(params *p, suspects *out, pe_error *errp)
{
    params_word *w;
    size_t n;
    int rc = params_suspects_fetch(p, &w, &n, errp);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        suspect one = {0}, *s;
        int end;

        if (suspect_place(&one, w[i].name, &end) < 0 || w[i].name[end] ||
            suspect_parse(&one, w[i].text) < 0)
            continue;
        s = suspects_add(out, errp);
        if (s)
            *s = one;
        else
            rc = -1;
    }
    if (rc == 0)
        params_words_free(w, n);
    return rc;
}

static int64_t next_of(const params_state *st, const char *topic, int32_t lane)
{
    for (size_t i = 0; i < st->n_offsets; i++)
        if (st->offsets[i].partition == lane &&
            !strcmp(st->offsets[i].topic, topic))
            return st->offsets[i].next;
    return 0;
}

int suspects_load(params *p, const params_state *st, const char *topic,
                  suspects *out, pe_error *errp)
{
    size_t kept = 0;
    char name[48];

    out->n = 0;
    if (fetch(p, out, errp) < 0)
        return -1;
    for (size_t i = 0; i < out->n; i++) {
        const suspect *s = &out->s[i];

        if (s->at >= next_of(st, topic, s->lane)) {
            out->s[kept++] = *s;
            continue;
        }
        snprintf(name, sizeof(name), "%" PRId32 "/%" PRId64, s->lane, s->at);
        if (params_suspect_drop(p, name, errp) < 0)
            return -1;
    }
    out->n = kept;
    return 0;
}

/* --- gathered --- */

struct gathering {
    params *p;
    suspects known;
    text told;
};

static int visit(void *arg, const note_death *d, pe_error *errp)
{
    struct gathering *g = arg;
    int rc = suspects_count(&g->known, d, d->partition, d->offset, errp);
    const suspect *s;
    char how[64];

    if (rc <= 0)
        return rc;
    s = suspects_find(&g->known, d->partition, d->offset);
    if (!s || put(g->p, s, errp) < 0)
        return -1;
    note_how(d->how, how);
    text_add(&g->told,
             "%sblock %" PRId32 "/%" PRId64 " is suspected, %d of %d: a rank "
             "%s %s %s",
             g->told.len ? "; " : "", s->lane, s->at, s->deaths, SUSPECT_DEATHS,
             how, s->behind ? "behind" : "within", s->words);
    return 0;
}

int suspects_gather(params *p, const char *dir, char **toldp, pe_error *errp)
{
    struct gathering g = {.p = p};
    int rc = fetch(p, &g.known, errp);

    *toldp = NULL;
    if (rc == 0)
        rc = suspects_each(dir, true, visit, &g, errp);
    suspects_free(&g.known);
    if (rc == 0 && g.told.failed)
        rc = pe_error_nomem(errp);
    if (rc == 0) {
        *toldp = g.told.data;
        return 0;
    }
    text_free(&g.told);
    return -1;
}
