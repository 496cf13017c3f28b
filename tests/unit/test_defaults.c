/* test_defaults.c - what a user and a site ask for every pilot of a scheduler.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/request/defaults.h"
#include "src/request/place.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* FOLDER/pilot/pilots.yaml; NULL: none. */
static void put(const char *folder, const char *yaml)
{
    char *whole = text_format("%s/%s/pilot", scratch_folder, folder);
    char *path = text_format("%s/pilots.yaml", whole);

    file_remove_tree(whole, NULL);
    if (yaml) {
        CU_ASSERT_EQUAL_FATAL(file_mkdir(whole, NULL), 0);
        CU_ASSERT_EQUAL_FATAL(file_write(path, yaml, strlen(yaml), 0600, NULL),
                              0);
    }
    free(path);
    free(whole);
}

/* Variable [name] is [format] of the scratch folder. */
static void set(const char *name, const char *before, const char *behind)
{
    char *value = text_format("%s%s%s", before, scratch_folder, behind);

    setenv(name, value, 1);
    free(value);
}

/* A user's file and one of the site, and no others. */
static void places_set(const char *user, const char *site)
{
    set("XDG_CONFIG_HOME", "", "/user");
    set("XDG_CONFIG_DIRS", "", "/site");
    put("user", user);
    put("site", site);
}

/* "word=value(from) ..." of what [q] asks for, lists as "word+item". */
static char *shown(const resource_request *q)
{
    text out = {0};

    text_add(&out, "%s", "");
    for (int w = 0; w < REQUEST_N_WORDS; w++) {
        const char *name = request_specs[w].name;
        if (q->word[w])
            text_add(&out, "%s=%s(%s) ", name, q->word[w], q->from[w]);
        for (size_t i = 0; i < q->list[w].n; i++)
            text_add(&out, "%s+%s ", name, q->list[w].items[i]);
    }
    return out.data;
}

/* --- who is heard --- */

static void test_order(void)
{
    static const struct {
        const char *user, *site, *url, *want;
    } rows[] = {
        {NULL, NULL, "slurm://", "account=own(command line) "},
        {"slurm: {qos: user}\n", "slurm: {qos: site, partition: site}\n",
         "slurm://",
         "partition=site(site file) qos=user(user file) "
         "account=own(command line) "},
        /* its own section before what is for all, the user before the site */
        {"all: {qos: all, partition: all}\nslurm: {qos: slurm}\n",
         "slurm: {partition: site, nodes: 3}\nall: {nodes: 4, mem: 4G}\n",
         "slurm://",
         "nodes=3(site file) mem=4G(site file) partition=all(user file) "
         "qos=slurm(user file) account=own(command line) "},
        /* nothing goes over what was asked for */
        {"slurm: {account: user}\n", "all: {account: site}\n", "slurm://",
         "account=own(command line) "},
        /* behind SSH it is the same scheduler */
        {"slurm: {qos: a}\npbs: {qos: b}\nssh: {qos: c}\nlocal: {qos: d}\n",
         NULL, "slurm+ssh://h", "qos=a(user file) account=own(command line) "},
        {"slurm: {qos: a}\npbs: {qos: b}\nssh: {qos: c}\nlocal: {qos: d}\n",
         NULL, "pbs://", "qos=b(user file) account=own(command line) "},
        {"slurm: {qos: a}\npbs: {qos: b}\nssh: {qos: c}\nlocal: {qos: d}\n",
         NULL, "ssh://h", "qos=c(user file) account=own(command line) "},
        {"slurm: {qos: a}\npbs: {qos: b}\nssh: {qos: c}\nlocal: {qos: d}\n",
         NULL, "local://", "qos=d(user file) account=own(command line) "},
        {"slurm: {qos: a}\n", NULL, "pbs://", "account=own(command line) "},
        /* lists: the site's lines first, then the user's, then those given */
        {"all: {setup: [three]}\nslurm: {setup: [four, five]}\n",
         "slurm: {setup: two}\nall: {setup: one}\n", "slurm://",
         "account=own(command line) setup+one setup+two setup+three "
         "setup+four setup+five setup+own "},
        /* empty sections and files */
        {"slurm:\nall: {}\n", "all:\n", "slurm://",
         "account=own(command line) "},
        {"", "# of the site\n", "slurm://", "account=own(command line) "},
        {"---\n", "\n\n", "slurm://", "account=own(command line) "},
        /* times are as sbatch has them, with a unit */
        {"slurm: {time: 90m, cpus-per-task: 02}\n", NULL, "slurm://",
         "cpus-per-task=2(user file) time=01:30:00(user file) "
         "account=own(command line) "},
    };

    for (size_t i = 0; i < N(rows); i++) {
        resource_request q = {0};
        pe_error e = {0};
        places_set(rows[i].user, rows[i].site);
        CU_ASSERT_EQUAL(
            request_set(&q, REQUEST_ACCOUNT, "own", true, "command line", &e),
            0);
        if (strstr(rows[i].want, "setup"))
            request_set(&q, REQUEST_SETUP, "own", true, "command line", &e);
        CU_ASSERT_EQUAL(defaults_merge(&q, rows[i].url, &e), 0);
        UNIT_EQUAL(e.text, "");
        char *got = shown(&q);
        UNIT_EQUAL(got, rows[i].want);
        free(got);
        request_free(&q);
    }
}

/* --- where they are --- */

static void check_qos(const char *want)
{
    resource_request q = {0};
    pe_error e = {0};

    CU_ASSERT_EQUAL(defaults_merge(&q, "slurm://", &e), 0);
    UNIT_EQUAL(e.text, "");
    UNIT_EQUAL(q.word[REQUEST_QOS] ? q.word[REQUEST_QOS] : "none", want);
    request_free(&q);
}

static void test_places(void)
{
    char *home = text_format("%s", getenv("HOME") ? getenv("HOME") : "/");

    places_set(NULL, NULL);
    put("home/.config", "slurm: {qos: home}\n");
    put("one", "slurm: {qos: one}\n");
    put("two", "slurm: {qos: two}\n");
    /* A folder of its own, then HOME. */
    set("HOME", "", "/home");
    check_qos("none");
    unsetenv("XDG_CONFIG_HOME");
    check_qos("home");
    setenv("XDG_CONFIG_HOME", "", 1);
    check_qos("home");
    put("home/.config", NULL);
    /* Of several folders of the site the first counts; those that are not
     * there, and empty names, are passed over.
     */
    set("XDG_CONFIG_DIRS", "", "/two");
    check_qos("two");
    set("XDG_CONFIG_DIRS", "/nowhere:", "/one");
    check_qos("one");
    set("XDG_CONFIG_DIRS", "", "/one:/nowhere:");
    check_qos("one");
    char *both = text_format("%s/two::%s/one", scratch_folder, scratch_folder);
    setenv("XDG_CONFIG_DIRS", both, 1);
    check_qos("two");
    free(both);
    /* Nobody has a home. */
    unsetenv("HOME");
    check_qos("two");
    setenv("HOME", home, 1);
    free(home);
}

/* --- what is refused --- */

static void test_refused(void)
{
    static const struct {
        const char *yaml, *error; /* behind "FILE:" */
    } rows[] = {
        {"slurn: {qos: a}\n",
         "1: 'slurn' is not one of: " PLACE_SCHEMES " all"},
        {"pbs: {qos: a}\nqos: b\n",
         "2: 'qos' is not one of: " PLACE_SCHEMES " all"},
        {"slurm: high\n", "1: slurm: a mapping is expected here"},
        {"all: [qos]\n", "1: all: a mapping is expected here"},
        {"slurm:\n  qos: a\n  partitoin: b\n",
         "3: partitoin: no word of a request; did you mean 'partition'? (man "
         "pilot-submit)"},
        {"slurm: {colour: red}\n",
         "1: colour: no word of a request (man pilot-submit)"},
        {"slurm: {qos: {a: b}}\n", "1: qos: one value is expected here"},
        {"slurm: {setup: [a, [b]]}\n", "1: setup: one value is expected here"},
        {"slurm:\n  account: p\n  nodes: many\n",
         "3: nodes: 'many' is no number"},
        {"slurm: {time: 30}\n", "1: time: '30' is no time: say "},
        {"slurm: {qos: a b}\n", "1: qos: 'a b' holds a blank: "},
        {"all: {nodes: 0}\n", "1: nodes: '0' is not from 1 to "},
        {"high\n", "1: a mapping of keys to values is expected"},
        {"slurm: {qos: a\n", "2: "},
        {"slurm: {qos: a}\nslurm: {qos: b}\n", "2: "},
    };
    char *file = text_format("%s/user/pilot/pilots.yaml:", scratch_folder);

    for (size_t i = 0; i < 2 * N(rows); i++) {
        resource_request q = {0};
        pe_error e = {0};
        bool site = i % 2; /* a site's is refused as a user's */
        char *want = text_format("%s%s", file, rows[i / 2].error);
        if (site)
            memcpy(strstr(want, "/user/"), "/site/", 6);
        places_set(site ? NULL : rows[i / 2].yaml,
                   site ? rows[i / 2].yaml : NULL);
        CU_ASSERT_EQUAL(defaults_merge(&q, "slurm://", &e), -1);
        UNIT_CONTAINS(e.text, want);
        CU_ASSERT_EQUAL(strncmp(e.text, want, strlen(want)), 0);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        free(want);
        request_free(&q);
    }
    free(file);
}

/* Sections that are for others are not looked into, but for their names. */
static void test_others(void)
{
    resource_request q = {0};
    pe_error e = {0};

    places_set("pbs: {colour: red}\nslurm: {qos: a}\n", NULL);
    CU_ASSERT_EQUAL(defaults_merge(&q, "slurm://", &e), 0);
    UNIT_EQUAL(q.word[REQUEST_QOS], "a");
    request_free(&q);
    CU_ASSERT_EQUAL(defaults_merge(&q, "pbs://", &e), -1);
    UNIT_CONTAINS(e.text, "colour: no word of a request");
    request_free(&q);
    CU_ASSERT_EQUAL(defaults_merge(&q, "pigeon://", &e), -1);
    UNIT_EQUAL(e.text, "'pigeon://' is not one of: " PLACE_URLS);
    request_free(&q);
}

int main(void)
{
    static const unit_test tests[] = {
        {"who is heard", test_order},
        {"where they are", test_places},
        {"what is refused", test_refused},
        {"sections of others", test_others},
        {NULL, NULL},
    };

    scratch_make();
    int status = unit_main("defaults", tests);
    scratch_remove();
    return status;
}
