/* policy.c - the `scale` of a pool, or an edge, as the file says it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scale.h"
#include "src/common/text.h"
#include "src/common/words.h"
#include "src/config/section.h"

#define RANKS_MAX 65536
#define DAY_S 86400.0

/* As monitor_verdict has them. */
#define HOPS "source edge link broker fetch kernel reduce params"

const pe_option_spec scale_keys[] = {
    {"lag", PE_OPTION_TIME, 0.1, DAY_S, NULL, NULL,
     "work that waits longer calls for more ranks"},
    {"min", PE_OPTION_INT, 1, RANKS_MAX, NULL, NULL,
     "ranks, or devices, there are at least"},
    {"max", PE_OPTION_INT, 1, RANKS_MAX, NULL, NULL,
     "ranks, or devices, there are at most"},
    {"step", PE_OPTION_INT, 1, RANKS_MAX, NULL, NULL,
     "ranks that are added at once, at most"},
    {"hold", PE_OPTION_TIME, 1, 7 * DAY_S, "2m", NULL,
     "fewer would have done for so long before some leave"},
    {"cooldown", PE_OPTION_TIME, 0, DAY_S, "10s", NULL,
     "from ranks that came up to the next that are added"},
    {"budget", PE_OPTION_FLOAT, 1e-6, 1e12, NULL, NULL,
     "core hours of the pool; then it has min"},
    {"for", PE_OPTION_STRING, 0, 0, "lag", "lag energy",
     "energy: as few joules as the lag allows"},
    {"unless", PE_OPTION_STRING, 0, 0, "link broker reduce params", NULL,
     "none are added while one of these is the bottleneck"},
    {0},
};

static bool is_word_of(const char *word, size_t len, const char *words)
{
    while (*words) {
        size_t n = strcspn(words, " ");
        if (n == len && !strncmp(words, word, len))
            return true;
        words += n + (words[n] == ' ');
    }
    return false;
}

static int check_unless(const scale_policy *p, const tree *t, pe_error *errp)
{
    for (const char *s = p->unless; *s;) {
        size_t n = strcspn(s, " ");
        if (n > 0 && !is_word_of(s, n, HOPS))
            return section_error(tree_get(t, "unless"), errp,
                                 "unless: '%.*s' is not one of: " HOPS, (int)n,
                                 s);
        s += n + (s[n] == ' ');
    }
    return 0;
}

/* --- on: --- */

/* Devices come and go with their pilot, of which each has as many. */
static int check_each(const scale_policy *p, const tree *t, const char *where,
                      int n, pe_error *errp)
{
    if (p->each == 0 || n % p->each == 0)
        return 0;
    return section_error(t, errp,
                         "%s: %d is no number of whole pilots, of which each "
                         "has %d devices",
                         where, n < 0 ? -n : n, p->each);
}

static int event_read(scale_policy *p, const tree *t, pe_error *errp)
{
    scale_event *e = &p->events[p->n_events];
    bool failed = false;
    int64_t n = 0;
    const char *s = t->kind == TREE_SCALAR ? t->value : "";
    bool set = *s != '+' && *s != '-';

    for (const char *c = t->key; *c; c++)
        if (*c <= ' ' || *c > '~')
            return section_error(t, errp,
                                 "on: '%s' is no name of an event: letters, "
                                 "digits and signs, without blanks",
                                 t->key);
    if (text_parse_int(s + (*s == '+' && s[1] != '-' && s[1] != '+'), &n) < 0 ||
        n < -RANKS_MAX || n > RANKS_MAX || (n == 0))
        return section_error(t, errp,
                             "on: %s: '%s' is no number of %ss: +2 are two "
                             "more, -2 two fewer, 8 so many",
                             t->key, s, p->unit);
    if (set && (n < p->min || n > p->max))
        return section_error(t, errp,
                             "on: %s: %lld %s%s %s not between min %d and "
                             "max %d",
                             t->key, (long long)n, p->unit, text_s((uint64_t)n),
                             text_are((uint64_t)n), p->min, p->max);
    if (check_each(p, t, "on", (int)n, errp) < 0)
        return -1;
    if (!set && p->each > 0 && n != p->each && n != -p->each)
        return section_error(t, errp,
                             "on: %s: a pilot of %d device%s comes or goes at "
                             "a time: %+d, %+d, or so many",
                             t->key, p->each, text_s((uint64_t)p->each),
                             p->each, -p->each);
    e->name = words_copy(t->key, &failed);
    e->set = set;
    e->n = (int)n;
    p->n_events++;
    return failed ? pe_error_nomem(errp) : 0;
}

static int events_read(scale_policy *p, const tree *t, pe_error *errp)
{
    if (!t)
        return 0;
    if (section_check(t, errp) < 0)
        return -1;
    p->events = calloc(t->n + 1, sizeof(*p->events));
    if (!p->events)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < t->n; i++)
        if (event_read(p, &t->child[i], errp) < 0)
            return -1;
    return 0;
}

/* --- at: --- */

static int time_read(scale_policy *p, const tree *t, pe_error *errp)
{
    scale_time *row = &p->times[p->n_times];
    bool failed = false;
    int64_t n = 0;

    if (scale_time_parse(t->key, row) < 0)
        return section_error(t, errp,
                             "at: '%s' is no time of the week: \"22:00\", "
                             "\"mon-fri 08:00\", or of UTC \"08:00Z\"",
                             t->key);
    if (t->kind != TREE_SCALAR || text_parse_int(t->value, &n) < 0 ||
        n < p->min || n > p->max)
        return section_error(t, errp,
                             "at: %s: '%s' is no number of %ss between min "
                             "%d and max %d",
                             t->key, t->value ? t->value : "", p->unit, p->min,
                             p->max);
    if (check_each(p, t, "at", (int)n, errp) < 0)
        return -1;
    row->words = words_copy(t->key, &failed);
    row->ranks = (int)n;
    p->n_times++;
    return failed ? pe_error_nomem(errp) : 0;
}

static int times_read(scale_policy *p, const tree *t, pe_error *errp)
{
    if (!t)
        return 0;
    if (section_check(t, errp) < 0)
        return -1;
    p->times = calloc(t->n + 1, sizeof(*p->times));
    if (!p->times)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < t->n; i++)
        if (time_read(p, &t->child[i], errp) < 0)
            return -1;
    return 0;
}

/* --- all of it --- */

static int values_take(scale_policy *p, const pe_options *o, int begin,
                       pe_error *errp)
{
    bool failed = false;

    p->lag_s = pe_options_has(o, "lag") ? pe_options_time(o, "lag") : 0;
    p->min = pe_options_has(o, "min") ? (int)pe_options_int(o, "min") : begin;
    p->max = (int)pe_options_int(o, "max");
    p->step = pe_options_has(o, "step") ? (int)pe_options_int(o, "step") : 0;
    p->hold_s = pe_options_time(o, "hold");
    p->cooldown_s = pe_options_time(o, "cooldown");
    p->budget = pe_options_has(o, "budget") ? pe_options_float(o, "budget") : 0;
    p->energy = !strcmp(pe_options_string(o, "for"), "energy");
    p->unless = words_copy(pe_options_string(o, "unless"), &failed);
    return failed ? pe_error_nomem(errp) : 0;
}

static int bounds_check(const scale_policy *p, const tree *t, int begin,
                        pe_error *errp)
{
    const char *key = p->each > 0 ? "devices" : "ntasks";

    if (p->max == 0)
        return section_error(t, errp,
                             "scale: it needs max, the most %ss there may "
                             "be",
                             p->unit);
    if (p->min > p->max)
        return section_error(tree_get(t, "min") ? tree_get(t, "min") : t, errp,
                             "scale: min %d is more than max %d%s%s%s", p->min,
                             p->max, tree_get(t, "min") ? "" : " (min is ",
                             tree_get(t, "min") ? "" : key,
                             tree_get(t, "min") ? "" : ")");
    if (begin > p->max)
        return section_error(tree_get(t, "max"), errp,
                             "scale: it begins with %d %s%s (%s), which is "
                             "more than max %d",
                             begin, p->unit, text_s((uint64_t)begin), key,
                             p->max);
    if (check_each(p, tree_get(t, "max"), "max", p->max, errp) < 0)
        return -1;
    if (tree_get(t, "min") &&
        check_each(p, tree_get(t, "min"), "min", p->min, errp) < 0)
        return -1;
    return 0;
}

/* Nothing waits in front of a device, and it has no cores of its own. */
static int check_keys(const scale_policy *p, const tree *t, pe_error *errp)
{
    static const char *const keys[] = {"lag",    "step", "cooldown",
                                       "budget", "for",  "unless"};

    for (size_t i = 0; p->each > 0 && i < sizeof(keys) / sizeof(*keys); i++)
        if (tree_get(t, keys[i]))
            return section_error(tree_get(t, keys[i]), errp,
                                 "scale: %s is for pools; devices come and go "
                                 "by at (times) and on (events)",
                                 keys[i]);
    return 0;
}

scale_policy *scale_policy_read(const tree *t, int n, bool has_devices,
                                pe_error *errp)
{
    scale_policy *p = calloc(1, sizeof(*p));
    pe_options *o = p ? section_read(t, scale_keys, "on at", errp) : NULL;
    int status = -1;

    if (!p)
        pe_error_nomem(errp);
    if (o) {
        p->unit = has_devices ? "device" : "rank";
        p->each = has_devices ? n : 0;
        status = check_keys(p, t, errp);
    }
    if (status == 0)
        status = values_take(p, o, n, errp);
    if (status == 0)
        status = bounds_check(p, t, n, errp);
    if (status == 0)
        status = check_unless(p, t, errp);
    if (status == 0)
        status = events_read(p, tree_get(t, "on"), errp);
    if (status == 0)
        status = times_read(p, tree_get(t, "at"), errp);
    if (status == 0 && p->lag_s <= 0 && p->n_events + p->n_times == 0)
        status = section_error(t, errp,
                               "scale: it has nothing to decide by: %sat "
                               "(times) or on (events)",
                               p->each > 0 ? "" : "lag, ");
    if (status == 0 && p->energy && p->lag_s <= 0)
        status = section_error(tree_get(t, "for"), errp,
                               "for: energy needs lag, the bound within which "
                               "joules are saved");
    pe_options_destroy(o);
    if (status == 0)
        return p;
    scale_policy_destroy(p);
    return NULL;
}

void scale_policy_destroy(scale_policy *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_events; i++)
        free(p->events[i].name);
    for (size_t i = 0; i < p->n_times; i++)
        free(p->times[i].words);
    free(p->events);
    free(p->times);
    free(p->unless);
    free(p);
}

const scale_event *scale_event_find(const scale_policy *p, const char *name)
{
    for (size_t i = 0; i < p->n_events; i++)
        if (!strcmp(p->events[i].name, name))
            return &p->events[i];
    return NULL;
}

/* --- in words --- */

/* In the largest unit that leaves no fraction. */
static void time_words(double s, char out[32])
{
    if (s >= 3600 && s == (double)(long)(s / 3600) * 3600)
        snprintf(out, 32, "%ldh", (long)(s / 3600));
    else if (s >= 60 && s == (double)(long)(s / 60) * 60)
        snprintf(out, 32, "%ldm", (long)(s / 60));
    else
        snprintf(out, 32, "%.9gs", s);
}

void scale_policy_each(const scale_policy *p,
                       void (*visit)(void *arg, const char *section,
                                     const char *key, const char *value),
                       void *arg)
{
    char s[32];

    if (p->lag_s > 0) {
        time_words(p->lag_s, s);
        visit(arg, "", "lag", s);
    }
    snprintf(s, sizeof(s), "%d", p->min);
    visit(arg, "", "min", s);
    snprintf(s, sizeof(s), "%d", p->max);
    visit(arg, "", "max", s);
    if (p->step > 0) {
        snprintf(s, sizeof(s), "%d", p->step);
        visit(arg, "", "step", s);
    }
    time_words(p->hold_s, s);
    visit(arg, "", "hold", s);
    if (p->each == 0) {
        time_words(p->cooldown_s, s);
        visit(arg, "", "cooldown", s);
    }
    if (p->budget > 0) {
        snprintf(s, sizeof(s), "%.9g", p->budget);
        visit(arg, "", "budget", s);
    }
    if (p->energy)
        visit(arg, "", "for", "energy");
    if (p->each == 0)
        visit(arg, "", "unless", p->unless);
    for (size_t i = 0; i < p->n_times; i++) {
        snprintf(s, sizeof(s), "%d", p->times[i].ranks);
        visit(arg, "at", p->times[i].words, s);
    }
    for (size_t i = 0; i < p->n_events; i++) {
        snprintf(s, sizeof(s), p->events[i].set ? "%d" : "%+d", p->events[i].n);
        visit(arg, "on", p->events[i].name, s);
    }
}

static void words_visit(void *arg, const char *section, const char *key,
                        const char *value)
{
    text *out = arg;
    const char *blank = *section ? " " : "";

    text_add(out, "%s%s%s%s %s", out->len ? ", " : "", section, blank, key,
             *value ? value : "nothing");
}

void scale_policy_words(const scale_policy *p, text *out)
{
    scale_policy_each(p, words_visit, out);
}
