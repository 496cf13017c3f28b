/* test_energy.c - joules out of a powercap tree of the test's own. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor_case.h"
#include "scratch.h"

#include "src/agent/energy.h"

/* Zone [name] of the tree: its number and its range, in microjoules. */
static void zone(const char *folder, const char *name, const char *uj,
                 const char *range)
{
    static const char *const files[] = {"name", "energy_uj",
                                        "max_energy_range_uj"};
    const char *const texts[] = {name, uj, range};
    char path[200];

    snprintf(path, sizeof(path), "%s/%s", scratch_folder, folder);
    mkdir(path, 0700);
    for (int i = 0; i < 3; i++) {
        char text[64];

        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        snprintf(text, sizeof(text), "%s\n", texts[i]);
        scratch_write(path, text);
    }
}

static const char *of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static void test_sum(void)
{
    energy e;
    json_t *o;

    zone("intel-rapl:0", "package-0", "1000000", "5000000");
    zone("intel-rapl:0:0", "core", "1000000", "5000000");
    zone("intel-rapl:0:1", "dram", "0", "5000000");
    zone("intel-rapl:1", "package-1", "4900000", "5000000");
    zone("intel-rapl:2", "psys", "0", "5000000");
    zone("other:0", "package-9", "0", "5000000");
    energy_open(&e, scratch_folder);
    UNIT_EQUAL(e.why, "");
    CU_ASSERT_EQUAL(e.n, 3);
    energy_turn(&e);
    CU_ASSERT_DOUBLE_EQUAL(e.joules, 0, 1e-12);
    /* Cores are of their package, and psys has all in it. */
    zone("intel-rapl:0", "package-0", "3500000", "5000000");
    zone("intel-rapl:0:0", "core", "2500000", "5000000");
    zone("intel-rapl:0:1", "dram", "250000", "5000000");
    zone("intel-rapl:2", "psys", "4000000", "5000000");
    energy_turn(&e);
    CU_ASSERT_DOUBLE_EQUAL(e.joules, 2.75, 1e-9);
    /* Behind its range one begins anew. */
    zone("intel-rapl:1", "package-1", "200000", "5000000");
    energy_turn(&e);
    CU_ASSERT_DOUBLE_EQUAL(e.joules, 3.05, 1e-9);
    o = energy_json(&e);
    CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(o, "joules")),
                           3.05, 1e-9);
    UNIT_EQUAL(of(o, "source"), "rapl");
    json_decref(o);
}

static void test_none(void)
{
    char path[200];
    energy e;
    json_t *o;

    energy_open(&e, "/no/such/folder");
    UNIT_EQUAL(e.why, "/no/such/folder: No such file or directory");
    energy_turn(&e);
    o = energy_json(&e);
    UNIT_EQUAL(of(o, "why"), e.why);
    CU_ASSERT_PTR_NULL(json_object_get(o, "joules"));
    json_decref(o);
    snprintf(path, sizeof(path), "%s/empty", scratch_folder);
    mkdir(path, 0700);
    energy_open(&e, path);
    UNIT_CONTAINS(e.why, "/empty has no counter of a package");
}

/* What is no number, and what cannot be read any more. */
static void test_odd(void)
{
    char path[200];
    energy e;

    zone("intel-rapl:0", "package-0", "12x", "5000000");
    energy_open(&e, scratch_folder);
    CU_ASSERT_EQUAL(e.n, 0);
    UNIT_CONTAINS(e.why, "intel-rapl:0/energy_uj: Invalid argument");
    zone("intel-rapl:0", "package-0", "-1", "5000000");
    energy_open(&e, scratch_folder);
    UNIT_CONTAINS(e.why, "Invalid argument");
    zone("intel-rapl:0", "package-0", "1", "5000000");
    energy_open(&e, scratch_folder);
    CU_ASSERT_TRUE(e.n > 0);
    snprintf(path, sizeof(path), "%s/intel-rapl:0/energy_uj", scratch_folder);
    unlink(path);
    energy_turn(&e);
    CU_ASSERT_EQUAL(e.n, 0);
    UNIT_CONTAINS(e.why, "energy_uj: No such file or directory");
    if (getuid() == 0) /* whom no mode stops */
        return;
    zone("intel-rapl:0", "package-0", "1", "5000000");
    chmod(path, 0);
    energy_open(&e, scratch_folder);
    UNIT_CONTAINS(e.why, "Permission denied (its owner may let others read");
}

/* --- of a run --- */

#define POOL(energy) \
    "{'event': 'pool', 'points': 2000000, 'energy': " energy "}"
#define EDGE(energy) "{'event': 'edge', 'energy': " energy "}"

static json_t *summary_of(const char *pool, const char *edge, const char *other)
{
    monitor *m = case_monitor(pool, edge);
    json_t *o;

    if (other)
        case_take(m, "second", other);
    o = monitor_summary(m, "drained", 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    monitor_destroy(m);
    return o;
}

static void printed(const json_t *summary, const char *part)
{
    char *out = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&out, &len);

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    monitor_print(summary, f);
    fclose(f);
    UNIT_CONTAINS(out, part);
    free(out);
}

static double real_of(const json_t *summary, const char *key)
{
    return json_number_value(
        json_object_get(json_object_get(summary, "energy"), key));
}

static void test_summary(void)
{
    /* Two on one host have the same joules in what they tell. */
    json_t *o = summary_of(POOL("{'joules': 8.0, 'host': 'a'}"),
                           EDGE("{'joules': 7.5, 'host': 'a'}"),
                           EDGE("{'joules': 4.0, 'host': 'b'}"));

    CU_ASSERT_DOUBLE_EQUAL(real_of(o, "joules"), 12, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(real_of(o, "joules_per_million_points"), 6, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(real_of(o, "hosts"), 2, 0);
    printed(o, "12 J of 2 hosts; 6 J per million points\n");
    json_decref(o);
    /* A sum without one of them is none. */
    o = summary_of(POOL("{'joules': 8.0, 'host': 'a'}"),
                   EDGE("{'why': 'none there', 'host': 'b'}"), NULL);
    CU_ASSERT_PTR_NULL(json_object_get(json_object_get(o, "energy"), "joules"));
    printed(o, "not available: devices on b: none there\n");
    json_decref(o);
    /* Agents of an older version say nothing of it. */
    o = summary_of("{'event': 'pool', 'points': 1}", NULL, NULL);
    CU_ASSERT_PTR_NULL(json_object_get(o, "energy"));
    json_decref(o);
}

/* Jobs that their scheduler accounts for. */
static void test_accounts(void)
{
    static const struct {
        const char *pool, *other, *account, *second;
        double joules; /* 0: not known */
        const char *printed;
    } rows[] = {
        /* The job counts, and its host not once more. */
        {"{'joules': 8.0, 'host': 'a'}", "{'joules': 7.0, 'host': 'a'}",
         "{'joules': 900.0, 'source': 'slurm'}", NULL, 900,
         "900 J (slurm: 900 J of pool); 450 J per million points\n"},
        {"{'why': 'no counter', 'host': 'a'}", "{'joules': 7.0, 'host': 'b'}",
         "{'joules': 900.0, 'source': 'slurm'}", NULL, 907,
         "907 J (slurm: 900 J of pool), the rest of 1 host; 453.5 J per"},
        {"{'why': 'no counter', 'host': 'a'}", "{'why': 'x', 'host': 'b'}",
         "{'joules': 900.0, 'source': 'slurm'}",
         "{'joules': 100.0, 'source': 'slurm'}", 1000, "1000 J (slurm: "},
        /* It is not known to the scheduler: the counters are. */
        {"{'joules': 8.0, 'host': 'a'}", "{'joules': 7.0, 'host': 'b'}",
         "{'why': 'none here', 'source': 'slurm'}", NULL, 15,
         "pool not measured by slurm: none here\n"},
        {"{'why': 'no counter', 'host': 'a'}", "{'joules': 7.0, 'host': 'b'}",
         "{'why': 'none here', 'source': 'slurm'}", NULL, 0,
         "not available: pool on a: no counter; none here\n"},
        /* It lives in an allocation, which has them. */
        {"{'joules': 8.0, 'host': 'a'}", "{'joules': 7.0, 'host': 'b'}",
         "{'in': 'second'}", "{'joules': 100.0, 'source': 'slurm'}", 100,
         "100 J (slurm: 100 J of second); 50 J per million points\n"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char pool[200], other[200], *words;
        monitor *m;
        json_t *o;

        snprintf(pool, sizeof(pool), POOL("%s"), rows[i].pool);
        snprintf(other, sizeof(other), EDGE("%s"), rows[i].other);
        m = case_monitor(pool, NULL);
        case_take(m, "second", other);
        monitor_account(m, "pool", json_quoted(rows[i].account));
        if (rows[i].second)
            monitor_account(m, "second", json_quoted(rows[i].second));
        o = monitor_summary(m, "drained", 1);
        CU_ASSERT_DOUBLE_EQUAL(real_of(o, "joules"), rows[i].joules, 1e-9);
        printed(o, rows[i].printed);
        words = json_dumps(json_object_get(o, "energy"), JSON_COMPACT);
        UNIT_CONTAINS(words, "\"accounts\":{");
        free(words);
        json_decref(o);
        monitor_destroy(m);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"packages and their memory, around their range", test_sum},
        {"no counters", test_none},
        {"odd ones", test_odd},
        {"of a run", test_summary},
        {"jobs that are accounted for", test_accounts},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("energy", tests);
    scratch_remove();
    return status;
}
