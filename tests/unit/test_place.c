/* test_place.c - which pool has which partition, and why: a table. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline_file.h"
#include "src/common/text.h"
#include "src/config/tree.h"
#include "src/live/map.h"
#include "src/params/wire.h"
#include "src/place/placer.h"

#define MAX 16

/* --- leases out of text, decisions into text --- */

typedef struct world {
    params_lease l[MAX];
    size_t n;
    place_wish *wish;
    place_member *m;
    place_row row[4096];
    const char *at[MAX];
    int partitions;
} world;

/* "NAME RANKS PARTITIONS FACTS" of each line; "-": none. */
static void leases_take(world *w, const char *lines)
{
    char name[32], ranks[16], has[64], facts[200], value[400];
    int used;

    while (sscanf(lines, " %31s %15s %63s %199s%n", name, ranks, has, facts,
                  &used) == 4) {
        pe_error e = {0};

        snprintf(value, sizeof(value), "%s/9/1/1/a1/%s%s%s", ranks,
                 strcmp(has, "-") ? has : "", strcmp(facts, "-") ? "/" : "",
                 strcmp(facts, "-") ? facts : "");
        CU_ASSERT_EQUAL(params_lease_parse(name, value, &w->l[w->n], &e), 0);
        UNIT_EQUAL(e.text, "");
        w->n++;
        lines += used;
    }
}

static place_wish *wish_of(const char *yaml, pe_error *errp)
{
    FILE *f = fopen("w.yaml", "w");
    place_wish *w = NULL;
    tree *t;

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fprintf(f, "prefer: {%s}\n", yaml);
    fclose(f);
    t = tree_read("w.yaml", errp);
    if (t)
        w = place_wish_read(tree_get(t, "prefer"), errp);
    remove("w.yaml");
    tree_destroy(t);
    return w;
}

static void sites_take(world *w, const char *at)
{
    static char words[MAX][16];
    int used;

    for (int k = 0; k < w->partitions; k++) {
        w->at[k] = NULL;
        if (sscanf(at, " %15s%n", words[k], &used) == 1) {
            w->at[k] = strcmp(words[k], "-") ? words[k] : NULL;
            at += used;
        }
    }
}

static world *world_make(const char *yaml, const char *leases, const char *at,
                         int partitions)
{
    world *w = calloc(1, sizeof(*w));
    pe_error e = {0};

    CU_ASSERT_PTR_NOT_NULL_FATAL(w);
    w->partitions = partitions;
    leases_take(w, leases);
    sites_take(w, at);
    w->wish = *yaml ? wish_of(yaml, &e) : calloc(1, sizeof(*w->wish));
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(w->wish);
    return w;
}

static void world_free(world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        free(w->l[i].member);
        free(w->l[i].incarnation);
        free(w->l[i].partitions);
        free(w->l[i].facts);
    }
    place_members_free(w->m, w->n);
    place_wish_destroy(w->wish);
    free(w);
}

static place_look look_of(const world *w, bool sites)
{
    return (place_look){.wish = w->wish,
                        .m = w->m,
                        .n = w->n,
                        .at = sites ? w->at : NULL,
                        .partitions = w->partitions};
}

static void decide_by(world *w, bool sites)
{
    pe_error e = {0};
    place_look l;

    place_members_free(w->m, w->n);
    w->m = place_members(w->l, w->n, w->partitions, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w->m);
    l = look_of(w, sites);
    CU_ASSERT_EQUAL(place_decide(&l, w->row, &e), 0);
}

static void decide(world *w)
{
    decide_by(w, true);
}

/* "0-3 far; 4 near" of the decision; static. */
static const char *dealt(const world *w)
{
    static char out[1024];
    size_t at = 0;

    *out = '\0';
    for (int a = 0, b; a < w->partitions; a = b) {
        int m = w->row[a].member;

        b = a + 1;
        while (b < w->partitions && w->row[b].member == m)
            b++;
        at += (size_t)snprintf(out + at, sizeof(out) - at,
                               b > a + 1 ? "%s%d-%d %s" : "%s%d%.0d %s",
                               a ? "; " : "", a, b > a + 1 ? b - 1 : 0,
                               m < 0 ? "nobody" : w->m[m].name);
    }
    return out;
}

static const char *why(const world *w, int k, bool unmet)
{
    static char out[600];
    place_look l = look_of(w, true);
    text t = {0};

    if (unmet)
        place_unmet(&l, k, &w->row[k], &t);
    else
        place_why(&l, k, &w->row[k], &t);
    snprintf(out, sizeof(out), "%s", t.data ? t.data : "");
    text_free(&t);
    return out;
}

/* --- the table --- */

#define NEAR "lab;1;0-3:400"
#define FAR "barn;1;0-3:41000"

static void test_table(void)
{
    static const struct {
        const char *wish, *leases, *at, *dealt, *why, *unmet;
    } rows[] = {
        /* Nothing is preferred: shares by ranks, who has keeps. */
        {"", "", "", "0-3 nobody", "no pool is up", ""},
        {"", "a 2 0-3 -", "", "0-3 a", "no choice: no other pool of this", ""},
        {"", "a 2 0-3 - b 2 - -", "", "0-1 a; 2-3 b",
         "a share by ranks, of 2 pools", ""},
        {"", "a 1 2-3 - b 3 0 -", "", "0-1 b; 2 a; 3 b", "a share by", ""},
        {"", "a 1 - - b 1 - - c 1 - -", "", "0-1 a; 2 b; 3 c", "of 3 pools",
         ""},
        /* A site, and none of it. */
        {"site: lab", "far 4 0-3 " FAR " near 1 - " NEAR, "", "0-3 near",
         "site: it is at lab", ""},
        {"site: moon", "far 1 0-3 " FAR " near 1 - " NEAR, "",
         "0-1 far; 2-3 near", "a share by ranks, of 2 pools",
         "site moon: no pool there is up"},
        {"site: lab barn", "far 1 0-3 " FAR " near 1 - " NEAR, "",
         "0-1 far; 2-3 near", "a share", ""},
        {"site: lab", "a 1 0-3 lab;1; b 3 - lab;1; c 9 - barn;1;", "",
         "0 a; 1-3 b", "site: it is at lab; a share by ranks, of 2 pools", ""},
        {"site: lab", "a 1 0-3 -", "", "0-3 a", "no choice",
         "site lab: no pool there is up"},
        /* What is to be avoided comes last, and is better than nobody. */
        {"avoid: barn", "far 4 0-3 " FAR " near 1 - " NEAR, "", "0-3 near",
         "avoid: others are at barn", ""},
        {"avoid: barn", "far 4 0-3 " FAR, "", "0-3 far", "no choice",
         "avoid barn: every pool that is up is there"},
        {"avoid: barn, site: lab", "a 1 0-3 barn;1; b 1 - hall;1; c 1 - lab;1;",
         "", "0-3 c", "avoid: others are at barn; site: it is at lab", ""},
        /* Near its data: the site of its devices, else the round trip. */
        {"near: data", "far 4 0-3 " FAR " near 1 - " NEAR, "", "0-3 near",
         "near its broker, 0.4 ms there and back (far: 41 ms)", ""},
        {"near: data", "far 4 0-3 " FAR " near 1 - " NEAR, "barn barn lab -",
         "0-1 far; 2-3 near", "near its devices, at barn", ""},
        {"near: data", "far 1 0-3 " FAR " near 1 - " NEAR, "hall hall hall -",
         "0-3 near", "near its broker", ""},
        {"near: data",
         "a 1 0-3 lab;1;0-1:300,2-3:90000 b 1 - "
         "lab;1;0-1:70000,2-3:400",
         "", "0-1 a; 2-3 b", "near its broker, 0.3 ms there and back (b: 70",
         ""},
        {"near: data", "a 1 0-3 lab;1; b 1 - lab;1;", "", "0-1 a; 2-3 b",
         "a share", "near data: no round trip to the broker is measured yet"},
        /* Alike: by less than 5 ms, or a factor of 2. */
        {"near: data", "a 1 0-3 x;1;0-3:4000 b 1 - x;1;0-3:300", "",
         "0-1 a; 2-3 b", "a share", ""},
        {"near: data", "a 1 0-3 x;1;0-3:30000 b 1 - x;1;0-3:16000", "",
         "0-1 a; 2-3 b", "a share", ""},
        /* Who has it keeps it a little longer. */
        {"near: data", "a 1 0-3 x;1;0-3:8000 b 1 - x;1;0-3:300", "",
         "0-1 a; 2-3 b", "a share", ""},
        {"near: data", "a 1 - x;1;0-3:8000 b 1 0-3 x;1;0-3:300", "", "0-3 b",
         "near its broker", ""},
        {"near: data", "a 1 0-3 x;1;0-3:11000 b 1 - x;1;0-3:300", "", "0-3 b",
         "near its broker", ""},
        /* A limit, and nobody within. */
        {"max-latency: 50ms", "a 1 0-3 x;1;0-3:80000 b 1 - x;1;0-3:9000", "",
         "0-3 b",
         "max-latency: it is 9 ms from its broker, others more than "
         "50 ms",
         ""},
        {"max-latency: 50ms", "a 1 0-3 x;1;0-3:9000 b 1 - x;1;0-3:40000", "",
         "0-1 a; 2-3 b", "a share", ""},
        {"max-latency: 5ms", "a 1 0-3 x;1;0-3:80000 b 1 - x;1;0-3:9000", "",
         "0-3 b", "near its broker, 9 ms there and back (a: 80 ms)",
         "max-latency 5ms: the nearest pool, b, is 9 ms away"},
        {"max-latency: 50ms", "a 1 0-3 x;1;0-3:60000 b 1 - x;1;0-3:70000", "",
         "0-3 a", "max-latency: it is 60 ms from its broker", ""},
        {"max-latency: 50ms", "a 1 0-3 x;1;0-3:63000 b 1 - x;1;0-3:70000", "",
         "0-1 a; 2-3 b", "a share by ranks, of 2 pools",
         "max-latency 50ms: the nearest pool, a, is 63 ms away"},
        /* The limit weighs more than the site. */
        {"max-latency: 50ms, site: x",
         "a 1 0-3 x;1;0-3:80000 b 1 - y;1;0-3:9000", "", "0-3 b", "max-latency",
         "site x: no pool there is up but such as come last for another "
         "reason"},
        /* One that has just come up takes nothing from others, */
        {"site: lab", "far 1 0-3 " FAR " near 1 - lab;0;", "", "0-3 far",
         "stays: near has just come up", ""},
        {"site: lab", "far 1 0-3 barn;0; near 1 - lab;1;", "", "0-3 near",
         "site: it is at lab", ""},
        /* ... but what is nobody's. */
        {"site: lab", "far 1 - " FAR " near 1 - lab;0;", "", "0-3 near",
         "site: it is at lab", ""},
        {"site: barn", "far 1 0-3 " FAR " near 1 - lab;0;", "", "0-3 far",
         "site: it is at barn", ""},
        /* What some can have alone, the others leave to them. */
        {"near: data", "a 1 0-3 lab;1; b 1 - barn;1;", "lab lab lab barn",
         "0-2 a; 3 b", "near its devices, at lab", ""},
        {"near: data", "a 1 0-3 lab;1; b 1 - lab;1; c 1 - barn;1;",
         "lab lab barn barn", "0 a; 1 b; 2-3 c", "near its devices", ""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        world *w = world_make(rows[i].wish, rows[i].leases, rows[i].at, 4);
        bool same;

        decide(w);
        same = !strcmp(dealt(w), rows[i].dealt) &&
               strstr(why(w, 0, false), rows[i].why);
        UNIT_EQUAL(dealt(w), rows[i].dealt);
        UNIT_CONTAINS(why(w, 0, false), rows[i].why);
        UNIT_EQUAL(why(w, 0, true), rows[i].unmet);
        if (!same)
            printf("# {%s} %s\n", rows[i].wish, rows[i].leases);
        world_free(w);
    }
}

/* Where nothing is preferred, shares are those of the leases' own script, which
 * test_lease has.
 */
static void test_shares(void)
{
    static const struct {
        int partitions;
        const char *leases, *shares;
    } rows[] = {
        {7, "a 4 - - b 4 - -", "4 3"},
        {10, "a 1 - - b 2 - - c 4 - -", "1 3 6"},
        {3, "a 1 - - b 1 - - c 1 - - d 1 - -", "1 1 1 0"},
        {2, "a 1 - - b 1 - - c 5 - -", "0 0 2"},
        {4096, "a 7 - - b 5 - - c 3 - -", "1912 1365 819"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        world *w = world_make("", rows[i].leases, "", 4);
        const char *want = rows[i].shares;
        int n[MAX] = {0};
        char *end;

        w->partitions = rows[i].partitions;
        decide_by(w, false);
        for (int k = 0; k < w->partitions; k++)
            n[w->row[k].member]++;
        for (size_t m = 0; m < w->n; m++, want = end)
            CU_ASSERT_EQUAL(n[m], strtol(want, &end, 10));
        world_free(w);
    }
}

/* --- as it goes on --- */

/* Member [m] has what was decided for it. */
static void settle(world *w, size_t m)
{
    params_lease *l = &w->l[m];

    free(l->partitions);
    l->partitions = calloc((size_t)w->partitions + 1, sizeof(int32_t));
    l->n_partitions = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(l->partitions);
    for (int k = 0; k < w->partitions; k++)
        if (w->row[k].member == (int)m)
            l->partitions[l->n_partitions++] = k;
}

static void facts_set(world *w, size_t m, const char *site, int us)
{
    char facts[64];

    snprintf(facts, sizeof(facts), "%s;1;0-3:%d", site, us);
    free(w->l[m].facts);
    w->l[m].facts = strdup(facts);
}

/* Trips that go up and down about a limit move partitions once at most. */
static void test_no_flapping(void)
{
    static const struct {
        const char *wish;
        int a, b; /* us; a's goes up and down by a fifth */
    } rows[] = {
        {"near: data", 9000, 3000},
        {"near: data", 60000, 30000},
        {"max-latency: 50ms", 48000, 9000},
        {"near: data, max-latency: 50ms", 50000, 25000},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        world *w = world_make(rows[i].wish, "a 1 0-3 - b 1 - -", "", 4);
        unsigned seed = 7;
        char before[1024] = "";
        int moved = 0;

        for (int turn = 0; turn < 2000; turn++) {
            seed = seed * 1103515245u + 12345u;
            facts_set(w, 0, "x",
                      rows[i].a * (90 + (int)(seed >> 16) % 21) / 100);
            facts_set(w, 1, "x", rows[i].b);
            decide(w);
            moved += strcmp(before, dealt(w)) != 0;
            snprintf(before, sizeof(before), "%s", dealt(w));
            settle(w, 0);
            settle(w, 1);
        }
        if (moved > 2)
            printf("# {%s}: %d moves\n", rows[i].wish, moved);
        CU_ASSERT(moved <= 2);
        world_free(w);
    }
}

/* The preferred one dies, and comes back; each step as the others see it. */
static void test_comes_back(void)
{
    world *w =
        world_make("site: lab", "far 2 - barn;1; near 2 0-3 lab;1;", "", 4);

    decide(w);
    UNIT_EQUAL(dealt(w), "0-3 near");
    place_members_free(w->m, 2);
    w->m = NULL;
    w->n = 1; /* far is alone */
    decide(w);
    UNIT_EQUAL(dealt(w), "0-3 far");
    UNIT_EQUAL(why(w, 0, true), "site lab: no pool there is up");
    settle(w, 0);
    w->n = 2;
    w->l[1].n_partitions = 0;
    free(w->l[1].facts);
    w->l[1].facts = strdup("lab;0;");
    place_members_free(w->m, 1);
    w->m = NULL;
    decide(w);
    UNIT_EQUAL(dealt(w), "0-3 far");
    free(w->l[1].facts);
    w->l[1].facts = strdup("lab;1;");
    decide(w);
    UNIT_EQUAL(dealt(w), "0-3 near");
    world_free(w);
}

/* --- facts --- */

static void test_facts(void)
{
    static const int32_t us[] = {250, 250, 0, 12000};
    static const struct {
        const char *facts, *site;
        bool settled;
        int32_t us[4];
    } rows[] = {
        {"", "", true, {0}},
        {"lab;1;0-1:250,3-3:12000", "lab", true, {250, 250, 0, 12000}},
        {"lab;0;", "lab", false, {0}},
        {";1;", "", true, {0}},
        /* What is not ours to read is not known, and hurts nobody. */
        {"nonsense", "", true, {0}},
        {"lab", "", true, {0}},
        {"lab;1", "lab", true, {0}},
        {"lab;1;0-9999:5", "lab", true, {5, 5, 5, 5}},
        {"lab;1;2-2:-5,3-3:6", "lab", true, {0, 0, 0, 6}},
        {"lab;1;0-1:x", "lab", true, {0}},
        {"lab;1;-7-1:3", "lab", true, {3, 3, 0, 0}},
    };
    char *s = place_facts_text("lab", true, us, 4);

    UNIT_EQUAL(s, "lab;1;0-1:250,3-3:12000");
    free(s);
    for (size_t i = 0; i < COUNT(rows); i++) {
        params_lease l = {.member = "a", .ranks = 1};
        place_member *m;

        l.facts = (char *)rows[i].facts;
        m = place_members(&l, 1, 4, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(m);
        UNIT_EQUAL(m->site, rows[i].site);
        CU_ASSERT_EQUAL(m->settled, rows[i].settled);
        CU_ASSERT(!memcmp(m->trip_us, rows[i].us, sizeof(rows[i].us)));
        place_members_free(m, 1);
    }
}

/* --- the placer, which asks no broker where no distance is wished --- */

static void test_placer(void)
{
    world *w = world_make("site: lab", "far 1 0-3 barn;1; near 1 - lab;1;",
                          "lab lab lab lab", 4);
    placer_conf c = {.wish = w->wish,
                     .site = "lab",
                     .partitions = 4,
                     .topic = "t",
                     .settle_s = 3600};
    placer *p = placer_open(&c, NULL);
    bool other = false;

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    UNIT_EQUAL(placer_facts(p), "lab;0;");
    UNIT_EQUAL(placer_want(p, "near", w->l, w->n, &other, NULL), "0-3");
    CU_ASSERT_TRUE(other);
    UNIT_EQUAL(placer_want(p, "near", w->l, w->n, &other, NULL), "0-3");
    CU_ASSERT_FALSE(other);
    UNIT_EQUAL(placer_want(p, "far", w->l, w->n, &other, NULL), "");
    CU_ASSERT_TRUE(other);
    placer_close(p);
    c.settle_s = 0;
    p = placer_open(&c, NULL);
    UNIT_EQUAL(placer_facts(p), "lab;1;");
    placer_close(p);
    placer_close(NULL);
    world_free(w);
}

/* --- the map --- */

static void test_map(void)
{
    world *w = world_make("site: lab",
                          "far 2 0-2 barn;1;0-3:9000 "
                          "near 2 - lab;1;0-3:400",
                          "", 4);
    json_t *o = json_object(), *row;
    const char *words;
    map_look l;

    l = (map_look){.wish = w->wish, .partitions = 4, .leases = w->l, .n = w->n};
    CU_ASSERT_EQUAL(live_map_layer(&l, o, NULL), 0);
    row = json_array_get(json_object_get(o, "partitions"), 1);
    UNIT_EQUAL(json_string_value(json_object_get(row, "pilot")), "far");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(row, "rank")), 1);
    words = json_string_value(json_object_get(row, "why"));
    UNIT_EQUAL(words, "on its way to near: site: it is at lab");
    row = json_array_get(json_object_get(o, "partitions"), 3);
    CU_ASSERT_PTR_NULL(json_object_get(row, "pilot"));
    words = json_string_value(json_object_get(row, "why"));
    UNIT_EQUAL(words, "nobody has it yet, near is to take it: site: it is at "
                      "lab");
    CU_ASSERT_PTR_NULL(json_object_get(row, "unmet"));
    row = json_array_get(json_object_get(o, "members"), 0);
    UNIT_EQUAL(json_string_value(json_object_get(row, "site")), "barn");
    CU_ASSERT(json_real_value(json_object_get(row, "trip_ms")) > 8.9);
    json_decref(o);
    world_free(w);
}

/* --- the file --- */

static void test_wish_refused(void)
{
    static const struct {
        const char *yaml, *text;
    } rows[] = {
        {"", "prefer: nothing is preferred; known are: near site avoid"},
        {"nearr: data", "unknown key 'nearr'; did you mean 'near'?"},
        {"near: me", "near: 'me' is not one of: data"},
        {"max-latency: 50", "max-latency: '50' needs a unit: 50ms, 50s"},
        {"site: a/b", "site: 'a/b' is no name of a site: letters, digits"},
        {"site: a b, avoid: c b",
         "prefer: site 'b' is both preferred (site) and avoided (avoid)"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        place_wish *w = wish_of(rows[i].yaml, &e);

        CU_ASSERT_PTR_NULL(w);
        UNIT_CONTAINS(e.text, rows[i].text);
        UNIT_CONTAINS(e.text, "w.yaml:1: ");
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        place_wish_destroy(w);
    }
}

#define PREFER "stages.learn.prefer={"

static void test_file_refused(void)
{
    static const struct {
        const char *yaml, *set, *text;
    } rows[] = {
        {GOOD, PREFER "site: moon}",
         "prefer: site: no pilot is at site 'moon'; sites are: local "
         "(devices), local (pool)"},
        {GOOD, PREFER "avoid: moon}",
         "prefer: avoid: no pilot is at site 'moon'; sites are: local "
         "(devices), local (pool)"},
        {GOOD, "stages.sense.prefer={near: data}",
         "prefer: stage 'sense' runs on devices, each of which has its own "
         "blocks; say it of a stage on a pool, and 'pilot move' takes this "
         "one there"},
        {LOCAL, PREFER "near: data}",
         "prefer: without a broker the pool has all there is, and nothing can "
         "be elsewhere"},
        {GOOD "epoch: {blocks: 4}\n", PREFER "near: data}",
         "prefer: with 'epoch: {blocks: 4}' one pool takes all partitions; "
         "say 'epoch: {interval: ...}'"},
        {HEAD SENSE "  pick: {pilot: pool, function: select, options: "
                    "{columns: '0'}, prefer: {near: data}}\n" LEARN,
         PREFER "avoid: local}",
         "prefer: stage 'learn' shares its partitions with stage 'pick', which "
         "prefers something else; say it once"},
        {GOOD, "pilots.pool.site=a b",
         "site: 'a b' is no name: letters, digits, '_', '-' and '.', at most "
         "64"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        pipeline_file_refused(rows[i].yaml, rows[i].set, rows[i].text);
}

/* Where pilots are when nobody says so. */
static void test_sites(void)
{
    static const struct {
        const char *set, *site;
    } rows[] = {
        {"pipeline=p", "local"},
        {"pilots.pool.site=hall-7", "hall-7"},
        {"pilots.pool={kind: pool, resource: \"slurm://\"}", "slurm"},
        {"pilots.pool={kind: pool, resource: \"slurm://\", partition: fat}",
         "fat"},
        {"pilots.pool={kind: pool, resource: \"slurm+ssh://me@login.x.org\"}",
         "login.x.org"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pipeline *p = pipeline_file_good(GOOD, rows[i].set);
        char site[72];

        pipeline_site(p, pipeline_pilot_find(p, "pool"), 0, site, sizeof(site));
        UNIT_EQUAL(site, rows[i].site);
        CU_ASSERT_PTR_NULL(pipeline_wish(p));
        pipeline_destroy(p);
    }
}

/* Three devices at each of two places write four partitions. */
static void test_devices_sites(void)
{
    pipeline *p = pipeline_file_good(
        HEAD SENSE "  learn: {pilot: pool, function: kmeans, options: "
                   "{clusters: 5}, prefer: {near: data, max-latency: 50ms}}\n"
                   "streams: {sense: {partitions: 4}}\n",
        "pilots.devices={kind: edge, devices: 3, resource: "
        "[\"ssh://one\", \"ssh://two\"]}");
    char **at = pipeline_sites(p, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    /* 0: devices 0, 4 (one, two); 1: 1, 5; 2: 2 alone; 3: 3 alone. */
    CU_ASSERT_PTR_NULL(at[0]);
    CU_ASSERT_PTR_NULL(at[1]);
    UNIT_EQUAL(at[2], "one");
    UNIT_EQUAL(at[3], "two");
    CU_ASSERT_PTR_NOT_NULL(pipeline_wish(p));
    for (int k = 0; k < 4; k++)
        free(at[k]);
    free(at);
    pipeline_destroy(p);
}

static void test_shown(void)
{
    pipeline *p =
        pipeline_file_good(GOOD "    prefer: {near: data, max-latency: 50ms}\n",
                           "pilots.pool.site=hall");
    char *out = NULL;
    size_t len;
    FILE *f = open_memstream(&out, &len);

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    pipeline_print_plan(p, "run-1", f);
    fclose(f);
    UNIT_CONTAINS(out, "learn      kmeans on pool, from sense, near data, "
                       "max-latency 50ms");
    UNIT_CONTAINS(out, "    site: hall\n");
    UNIT_CONTAINS(out, "    prefer:\n      near: data\n"
                       "      max-latency: 50ms\n");
    free(out);
    pipeline_destroy(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"members and preferences: who has what, and why", test_table},
        {"shares where nothing is preferred", test_shares},
        {"trips that go up and down", test_no_flapping},
        {"the preferred one dies, and comes back", test_comes_back},
        {"what members say of themselves", test_facts},
        {"what a pool wants", test_placer},
        {"the map", test_map},
        {"preferences that are refused", test_wish_refused},
        {"... in a file", test_file_refused},
        {"where pilots are", test_sites},
        {"where the devices of a partition are", test_devices_sites},
        {"preferences are shown", test_shown},
        {NULL, NULL},
    };

    return pipeline_file_main("place", tests);
}
