/* sites.c - where pilots are, and what stages prefer of that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline_private.h"
#include "src/common/text.h"
#include "src/common/words.h"
#include "src/config/section.h"
#include "src/place/place.h"
#include "src/request/place.h"

/* --- where --- */

/* The host of a URL, else the partition of a scheduler, else its scheme. */
static const char *site_of(const pipeline_pilot *k, const place_url *u)
{
    const char *partition = k->request.word[REQUEST_PARTITION];

    return *u->host ? u->host : partition && *partition ? partition : u->scheme;
}

void pipeline_site(const pipeline *p, const pipeline_pilot *k, int place,
                   char *out, size_t cap)
{
    place_url u = {.scheme = "local"};

    if (!k->site && k->within >= 0)
        k = &p->pilots[k->within];
    if (place < 0 || (size_t)place >= k->n_resources)
        place = 0;
    if (!k->site)
        (void)place_parse(k->resources[place], &u, NULL); /* it was checked */
    snprintf(out, cap, "%s", k->site ? k->site : site_of(k, &u));
    for (char *c = out; *c; c++) {
        const char one[2] = {*c, '\0'};

        if (!place_site_check(one))
            *c = '_';
    }
}

/* The devices of one place, all at [site]: NULL where others are, too. */
static void place_note(const pipeline *p, const pipeline_pilot *k, int place,
                       char **at, bool *mixed, bool *failedp)
{
    int first = pipeline_first_device(p, k, place);
    char site[72];

    pipeline_site(p, k, place, site, sizeof(site));
    for (int d = first; d < first + k->devices; d++) {
        int part = pipeline_partition(p, d);

        if (at[part] && strcmp(at[part], site) != 0)
            mixed[part] = true;
        if (!at[part])
            at[part] = words_copy(site, failedp);
    }
}

char **pipeline_sites(const pipeline *p, pe_error *errp)
{
    size_t n = (size_t)p->partitions;
    char **at = calloc(n + 1, sizeof(*at));
    bool *mixed = calloc(n + 1, sizeof(*mixed));
    bool failed = !at || !mixed;

    for (size_t i = 0; !failed && p->seen == 0 && i < p->n_pilots; i++)
        for (int k = 0; p->pilots[i].kind == PILOT_EDGE &&
                        k < (int)p->pilots[i].n_resources;
             k++)
            place_note(p, &p->pilots[i], k, at, mixed, &failed);
    for (size_t k = 0; at && mixed && k < n; k++)
        if (mixed[k] || failed) {
            free(at[k]);
            at[k] = NULL;
        }
    free(mixed);
    if (!failed)
        return at;
    free(at);
    pe_error_nomem(errp);
    return NULL;
}

/* --- what is preferred --- */

const place_wish *pipeline_wish(const pipeline *p)
{
    for (size_t i = 0; i < p->n_stages; i++)
        if (p->stages[i].prefer && p->stages[i].layer == (int)p->seen)
            return p->stages[i].prefer;
    return NULL;
}

int pipeline_read_prefer(pipeline_stage *s, const tree *t, pe_error *errp)
{
    const tree *w = tree_get(t, "prefer");

    if (!w)
        return 0;
    s->prefer = place_wish_read(w, errp);
    return s->prefer ? 0 : pe_error_prefix(errp, "stage '%s'", s->name);
}

/* Is [site] where a pilot is that runs stages?  What sites there are goes into
 * [known].
 */
static bool site_is_there(const pipeline *p, const char *site, text *known)
{
    bool there = false;
    char own[72];

    for (size_t i = 0; i < p->n_pilots; i++) {
        const pipeline_pilot *k = &p->pilots[i];

        if (k->kind != PILOT_POOL && k->kind != PILOT_EDGE)
            continue;
        for (int at = 0; at < (int)k->n_resources; at++) {
            pipeline_site(p, k, at, own, sizeof(own));
            there = there || !strcmp(own, site);
            text_add(known, "%s%s (%s)", known->len ? ", " : "", own, k->name);
        }
    }
    return there;
}

/* Every name of [words], at key [key] of [t], is a site of this file. */
static int check_sites(const pipeline *p, const char *words, const tree *t,
                       const char *key, pe_error *errp)
{
    for (const char *s = words ? words : ""; *s;) {
        size_t n = strcspn(s, " ");
        char *site = text_format("%.*s", (int)n, s);
        text known = {0};
        bool there = n == 0 || (site && site_is_there(p, site, &known));

        if (!there)
            section_error(tree_get(t, key), errp,
                          "prefer: %s: no pilot is at site '%s'; sites are: %s",
                          key, site ? site : "", known.data ? known.data : "");
        free(site);
        text_free(&known);
        if (!there)
            return -1;
        s += n + (s[n] == ' ');
    }
    return 0;
}

/* Can it be honoured at all? */
static int check_can(const pipeline *p, const pipeline_stage *s, const tree *t,
                     pe_error *errp)
{
    if (s->layer < 0)
        return section_error(t, errp,
                             "prefer: stage '%s' runs on devices, each of "
                             "which has its own blocks; say it of a stage on a "
                             "pool, and 'pilot move' takes this one there",
                             s->name);
    if (pipeline_is_local(p))
        return section_error(t, errp,
                             "prefer: without a broker the pool has all there "
                             "is, and nothing can be elsewhere");
    if (p->epoch_blocks > 0)
        return section_error(t, errp,
                             "prefer: with 'epoch: {blocks: %llu}' one pool "
                             "takes all partitions; say 'epoch: {interval: "
                             "...}'",
                             (unsigned long long)p->epoch_blocks);
    return 0;
}

/* Stages of one layer have the same partitions. */
static int check_alike(const pipeline *p, const pipeline_stage *s,
                       const tree *t, pe_error *errp)
{
    for (const pipeline_stage *k = p->stages; k < s; k++)
        if (k->prefer && k->layer == s->layer &&
            !place_wish_same(k->prefer, s->prefer))
            return section_error(t, errp,
                                 "prefer: stage '%s' shares its partitions "
                                 "with stage '%s', which prefers something "
                                 "else; say it once",
                                 s->name, k->name);
    return 0;
}

int pipeline_check_prefer(const pipeline *p, const tree *root, pe_error *errp)
{
    for (size_t i = 0; i < p->n_stages; i++) {
        const pipeline_stage *s = &p->stages[i];
        const tree *t =
            tree_get(tree_get(tree_get(root, "stages"), s->name), "prefer");

        if (!s->prefer)
            continue;
        if (check_can(p, s, t, errp) < 0 || check_alike(p, s, t, errp) < 0 ||
            check_sites(p, s->prefer->site, t, "site", errp) < 0 ||
            check_sites(p, s->prefer->avoid, t, "avoid", errp) < 0)
            return -1;
    }
    return 0;
}
