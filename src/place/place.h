/* place.h - which pool has which partition, by what the file prefers. */
#ifndef PLACE_PLACE_H
#define PLACE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>
#include <pilot/options.h>

#include "src/config/tree.h"
#include "src/params/params.h"

struct text; /* src/common/text.h */

/* --- wish.c: what the file says --- */

/* The `prefer` of a stage.  All zero: nothing, and partitions are shared by
 * ranks alone.
 */
typedef struct place_wish {
    bool near;    /* near its data: site of its devices, else round trip */
    char *site;   /* names of sites, blank-separated; NULL: any */
    char *avoid;  /* ... and of those that come last; NULL: none */
    double max_s; /* round trip to the broker; 0: any */
} place_wish;

/* What may stand in it. */
extern const pe_option_spec place_keys[];

/* Read the mapping [t].  Errors: input, 78, "WHERE: ...": an unknown key, a
 * time without its unit, a name that is none, a site that is both preferred
 * and avoided, nothing preferred.
 */
place_wish *place_wish_read(const tree *t, pe_error *errp);
void place_wish_destroy(place_wish *w); /* may be NULL */
bool place_wish_same(const place_wish *a, const place_wish *b);
/* Call [visit] for each key that has a value, as the file would have it. */
void place_wish_each(const place_wish *w,
                     void (*visit)(void *arg, const char *key,
                                   const char *value),
                     void *arg);
/* Is [site] one of the names in [words], which may be NULL? */
bool place_site_is_of(const char *site, const char *words);
/* Is [s] a name of a site: letters, digits, "_-.", at most 64? */
bool place_site_check(const char *s);

/* --- facts.c: what members say of themselves --- */

/* One pool of the stream, as the others see it. */
typedef struct place_member {
    const char *name;
    char site[72]; /* "": not known */
    int ranks;
    bool settled;     /* up for long enough to take from others */
    int32_t *trip_us; /* to the broker of each partition; 0: not known */
    const int32_t *has;
    size_t n_has;
} place_member;

/* SITE;SETTLED;PARTITIONS:US,..., in new memory; NULL: no memory. */
char *place_facts_text(const char *site, bool settled, const int32_t *trip_us,
                       int32_t partitions);
/* The members that [l] has, in their order; names and lists are borrowed from
 * there.  What cannot be read is not known.  NULL: no memory.
 */
place_member *place_members(const params_lease *l, size_t n, int32_t partitions,
                            pe_error *errp);
void place_members_free(place_member *m, size_t n);

/* --- decide.c --- */

/* What left other members out, or what nobody could do. */
enum place_cause {
    PLACE_NEW = 1,      /* they have just come up, and another has it */
    PLACE_AVOID = 2,    /* they are at sites that come last */
    PLACE_LATENCY = 4,  /* they are too far off */
    PLACE_SITE = 8,     /* they are at other sites */
    PLACE_DEVICES = 16, /* they are not where its devices are */
    PLACE_TRIP = 32,    /* they are farther from its broker */
};

typedef struct place_row {
    int member;     /* who is to have the partition; -1: there is none */
    unsigned by;    /* of place_cause */
    unsigned unmet; /* ... preferences that had to be left aside */
    int alike;      /* members that are as good, itself among them */
} place_row;

/* What is decided about. */
typedef struct place_look {
    const place_wish *wish;
    const place_member *m; /* the earlier joined before the later */
    size_t n;
    const char *const *at; /* site of the devices of each partition (NULL, or
                              NULL inside: not known) */
    int32_t partitions;
} place_look;

/* A pure function: a row for each partition.  Where several members are as good
 * they share by ranks (largest remainders, the earlier of equals), and whoever
 * has a partition keeps it.  Errors: no memory.
 */
int place_decide(const place_look *l, place_row *row, pe_error *errp);

/* --- words.c: for people --- */

/* Why partition [k] is where row [r] has it. */
void place_why(const place_look *l, int32_t k, const place_row *r,
               struct text *out);
/* What of the wish could not be had for it; nothing where all could. */
void place_unmet(const place_look *l, int32_t k, const place_row *r,
                 struct text *out);
/* "0-3,7" of [list], in order. */
void place_list_put(const int32_t *list, size_t n, struct text *out);

#endif
