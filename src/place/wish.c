/* wish.c - the `prefer` of a stage as the file says it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"
#include "src/common/words.h"
#include "src/config/section.h"

#define SITE_BYTES_MAX 64

const pe_option_spec place_keys[] = {
    {"near", PE_OPTION_STRING, 0, 0, NULL, "data",
     "data: where its devices are, else by round trips to the broker"},
    {"site", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "sites whose pools come first, blank-separated"},
    {"avoid", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "sites whose pools come last, blank-separated"},
    {"max-latency", PE_OPTION_TIME, 1e-6, 3600, NULL, NULL,
     "pools with a longer round trip to the broker come last"},
    {0},
};

bool place_site_check(const char *s)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    size_t len = strlen(s);

    return len > 0 && len <= SITE_BYTES_MAX && strspn(s, letters) == len;
}

/* The next word of *sp, into [out]; false: there is none. */
static bool word_take(const char **sp, char *out, size_t cap)
{
    const char *s = *sp ? *sp + strspn(*sp, " ") : "";
    size_t n = strcspn(s, " ");

    snprintf(out, cap, "%.*s", (int)n, s);
    *sp = s + n;
    return n > 0;
}

bool place_site_is_of(const char *site, const char *words)
{
    char word[SITE_BYTES_MAX + 2];

    while (word_take(&words, word, sizeof(word)))
        if (!strcmp(word, site))
            return true;
    return false;
}

static int check_names(const tree *t, const char *key, const char *words,
                       pe_error *errp)
{
    const char *at = words;
    char word[SITE_BYTES_MAX + 2];

    while (word_take(&at, word, sizeof(word)))
        if (!place_site_check(word))
            return section_error(
                tree_get(t, key), errp,
                "%s: '%s' is no name of a site: letters, "
                "digits, '_', '-' and '.', at most %d; several "
                "with a blank between them",
                key, word, SITE_BYTES_MAX);
    return 0;
}

static int check(const place_wish *w, const tree *t, pe_error *errp)
{
    const char *at = w->site;
    char word[SITE_BYTES_MAX + 2];

    if (check_names(t, "site", w->site, errp) < 0 ||
        check_names(t, "avoid", w->avoid, errp) < 0)
        return -1;
    while (word_take(&at, word, sizeof(word)))
        if (place_site_is_of(word, w->avoid))
            return section_error(tree_get(t, "avoid"), errp,
                                 "prefer: site '%s' is both preferred (site) "
                                 "and avoided (avoid); leave one of them out",
                                 word);
    if (w->near || w->site || w->avoid || w->max_s > 0)
        return 0;
    return section_error(t, errp,
                         "prefer: nothing is preferred; known are: near site "
                         "avoid max-latency");
}

place_wish *place_wish_read(const tree *t, pe_error *errp)
{
    place_wish *w = calloc(1, sizeof(*w));
    pe_options *o = w ? section_read(t, place_keys, NULL, errp) : NULL;
    bool failed = false;
    int rc = -1;

    if (!w)
        pe_error_nomem(errp);
    if (o) {
        w->near = pe_options_has(o, "near");
        w->site = words_copy(pe_options_string(o, "site"), &failed);
        w->avoid = words_copy(pe_options_string(o, "avoid"), &failed);
        w->max_s = pe_options_has(o, "max-latency")
                       ? pe_options_time(o, "max-latency")
                       : 0;
        rc = failed ? pe_error_nomem(errp) : check(w, t, errp);
    }
    pe_options_destroy(o);
    if (rc == 0)
        return w;
    place_wish_destroy(w);
    return NULL;
}

void place_wish_destroy(place_wish *w)
{
    if (!w)
        return;
    free(w->site);
    free(w->avoid);
    free(w);
}

static bool same_text(const char *a, const char *b)
{
    return !strcmp(a ? a : "", b ? b : "");
}

bool place_wish_same(const place_wish *a, const place_wish *b)
{
    return a->near == b->near && same_text(a->site, b->site) &&
           same_text(a->avoid, b->avoid) && fabs(a->max_s - b->max_s) < 1e-9;
}

void place_wish_each(const place_wish *w,
                     void (*visit)(void *arg, const char *key,
                                   const char *value),
                     void *arg)
{
    char s[32];

    if (w->near)
        visit(arg, "near", "data");
    if (w->site)
        visit(arg, "site", w->site);
    if (w->avoid)
        visit(arg, "avoid", w->avoid);
    snprintf(s, sizeof(s), "%.9gms", w->max_s * 1e3);
    if (w->max_s > 0)
        visit(arg, "max-latency", s);
}
