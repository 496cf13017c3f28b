/* suspects.c - blocks that processes have died of, and how often. */
#include "suspects.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

void suspects_free(suspects *l)
{
    free(l->s);
    *l = (suspects){0};
}

suspect *suspects_find(const suspects *l, int32_t lane, int64_t at)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->s[i].lane == lane && l->s[i].at == at)
            return &l->s[i];
    return NULL;
}

static suspect *add(suspects *l, pe_error *errp)
{
    size_t cap = l->cap ? 2 * l->cap : 8;
    suspect *more;

    if (l->n == l->cap) {
        more = realloc(l->s, cap * sizeof(*more));
        if (!more) {
            pe_error_nomem(errp);
            return NULL;
        }
        l->s = more;
        l->cap = cap;
    }
    l->s[l->n] = (suspect){0};
    return &l->s[l->n++];
}

int suspects_count(suspects *l, const note_death *d, int32_t lane, int64_t at,
                   pe_error *errp)
{
    suspect *s = suspects_find(l, lane, at);

    if (s && s->id == d->id)
        return 0;
    if (!s)
        s = add(l, errp);
    if (!s)
        return -1;
    s->lane = lane;
    s->at = at;
    s->id = d->id;
    s->deaths++;
    s->how = d->how;
    s->behind = !d->inside;
    text_shown(d->stage, strlen(d->stage), s->stage, sizeof(s->stage));
    text_shown(d->words, strlen(d->words), s->words, sizeof(s->words));
    return 1;
}

void suspect_reason(const suspect *s, char *out, size_t cap)
{
    char how[64];

    note_how(s->how, how);
    snprintf(out, cap, "%d process%s ended %s it: %s; the last one %s",
             s->deaths, s->deaths == 1 ? "" : "es",
             s->behind ? "behind" : "within", s->words, how);
}

/* --- as text --- */

/* "LANE/AT ID DEATHS HOW BEHIND", stage and words behind a tab each. */
static void add_words(const suspect *s, text *out)
{
    text_add(out, "%016" PRIx64 " %d %d %d\t%s\t%s", s->id, s->deaths, s->how,
             s->behind, s->stage, s->words);
}

static int parse_words(suspect *s, const char *words)
{
    int n = 0, behind = 0;

    if (sscanf(words, "%16" SCNx64 " %d %d %d\t%63[^\t\n]\t%191[^\t\n]%n",
               &s->id, &s->deaths, &s->how, &behind, s->stage, s->words,
               &n) != 6 ||
        n == 0)
        return -1;
    s->behind = behind != 0;
    return 0;
}

static int parse_place(suspect *s, const char *name, int *np)
{
    *np = 0;
    return sscanf(name, "%" SCNd32 "/%" SCNd64 "%n", &s->lane, &s->at, np) ==
                       2 &&
                   *np > 0
               ? 0
               : -1;
}

void suspects_text(const suspects *l, text *out)
{
    for (size_t i = 0; i < l->n; i++) {
        text_add(out, "%" PRId32 "/%" PRId64 " ", l->s[i].lane, l->s[i].at);
        add_words(&l->s[i], out);
        text_add(out, "\n");
    }
}

int suspects_parse(suspects *l, const char *words, pe_error *errp)
{
    l->n = 0;
    while (*words) {
        suspect one = {0}, *s;
        int n;

        if (parse_place(&one, words, &n) == 0 && words[n] == ' ' &&
            parse_words(&one, words + n + 1) == 0) {
            s = add(l, errp);
            if (!s)
                return -1;
            *s = one;
        }
        words += strcspn(words, "\n");
        words += *words == '\n';
    }
    return 0;
}

/* --- in the parameter service --- */

static int put(params *p, const suspect *s, pe_error *errp)
{
    char name[48];
    text words = {0};
    int rc;

    snprintf(name, sizeof(name), "%" PRId32 "/%" PRId64, s->lane, s->at);
    add_words(s, &words);
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

        if (parse_place(&one, w[i].name, &end) < 0 || w[i].name[end] ||
            parse_words(&one, w[i].text) < 0)
            continue;
        s = add(out, errp);
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
        rc = suspects_each(dir, visit, &g, errp);
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
