/* suspects.c - blocks that processes have died of, and how often. */
#include "suspects_private.h"

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

suspect *suspects_add(suspects *l, pe_error *errp)
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
        s = suspects_add(l, errp);
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
void suspect_words(const suspect *s, text *out)
{
    text_add(out, "%016" PRIx64 " %d %d %d\t%s\t%s", s->id, s->deaths, s->how,
             s->behind, s->stage, s->words);
}

int suspect_parse(suspect *s, const char *words)
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

int suspect_place(suspect *s, const char *name, int *np)
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
        suspect_words(&l->s[i], out);
        text_add(out, "\n");
    }
}

int suspects_parse(suspects *l, const char *words, pe_error *errp)
{
    l->n = 0;
    while (*words) {
        suspect one = {0}, *s;
        int n;

        if (suspect_place(&one, words, &n) == 0 && words[n] == ' ' &&
            suspect_parse(&one, words + n + 1) == 0) {
            s = suspects_add(l, errp);
            if (!s)
                return -1;
            *s = one;
        }
        words += strcspn(words, "\n");
        words += *words == '\n';
    }
    return 0;
}
