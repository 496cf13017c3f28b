/* test_provider.c - executables of a provider that are missing, lie, hang and
 * fail, and machines that come of it: in the words that a user reads.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"
#include "src/backend/backend.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/provider/provider.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NONE "echo '{\"whole\": true, \"machines\": []}'"
#define PILOT "run/pool"

static char *name_of(const provider *p)
{
    static char name[PROVIDER_NAME_MAX];

    provider_name(p, PILOT, name);
    return name;
}

/* Executable [verb] is [lines] of sh, which has the folder as $D. */
static void verb_set(const char *verb, const char *lines)
{
    char *script = text_format("#!/bin/sh\nD=%s\n%s\n", scratch_folder, lines);

    scratch_write(verb, script);
    CU_ASSERT_EQUAL(chmod(scratch_path, 0700), 0);
    free(script);
}

/* A provider that has no machine, and makes none. */
static void verbs_clear(void)
{
    char *price = text_format("%s/price", scratch_folder);

    unlink(price);
    free(price);
    verb_set("up", "echo '{\"id\": \"i-1\"}'");
    verb_set("list", NONE);
    verb_set("address", "echo '{}'");
    verb_set("down", "echo '{}'");
}

static provider *open_with(const char *options, pe_error *errp)
{
    char *url = text_format("exec://%s%s", scratch_folder, options);
    provider *p = provider_open(url, errp);

    free(url);
    return p;
}

static void test_options(void)
{
    static const struct {
        const char *options, *error;
    } rows[] = {
        {"", NULL},
        {"?image=a%20b&boot=2m&linger=10s&settle=1s", NULL},
        {"?image", ": 'image' behind '?' is no NAME=VALUE; write &NAME=VALUE"},
        {"?Image=x", ": 'Image' behind '?' is no NAME=VALUE"},
        {"?a=%0a", ": 'a' behind '?' is no NAME=VALUE"},
        {"?a=%4", ": 'a' behind '?' is no NAME=VALUE"},
        {"?boot=5", ": boot: '5' is no time: write a number and its unit"},
        {"?settle=0s", ": settle: '0s' is no time"},
        {"?max-price=cheap", ": max-price: 'cheap' is no price"},
        {"?max-price=1", ": max-price cannot be held: this provider has no "
                         "executable `price`"},
        {"/no", ": there is no folder /"},
    };

    verbs_clear();
    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        provider *p = open_with(rows[i].options, &e);
        CU_ASSERT_EQUAL(p != NULL, rows[i].error == NULL);
        UNIT_CONTAINS(e.text, rows[i].error ? rows[i].error : "");
        if (rows[i].error)
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        provider_close(p);
    }

    pe_error e = {0};
    CU_ASSERT_PTR_NULL(provider_open("exec://", &e));
    UNIT_EQUAL(e.text, "exec://: it names no folder: write exec:///FOLDER, "
                       "where up, list, address and down are");
}

static void test_missing(void)
{
    char *down = text_format("%s/down", scratch_folder);
    pe_error e = {0};

    verbs_clear();
    CU_ASSERT_EQUAL(chmod(down, 0600), 0);
    CU_ASSERT_PTR_NULL(open_with("", &e));
    UNIT_CONTAINS(e.text, "/down is not executable: chmod +x /");
    unlink(down);
    CU_ASSERT_PTR_NULL(open_with("", &e));
    UNIT_CONTAINS(e.text, "/down is not there: a provider is a folder with the "
                          "executables up, list, address and down");
    CU_ASSERT_EQUAL(mkdir(down, 0700), 0);
    CU_ASSERT_PTR_NULL(open_with("", &e));
    UNIT_CONTAINS(e.text, "/down is not executable");
    rmdir(down);
    free(down);
}

static void test_answers(void)
{
    static const struct {
        const char *list, *error; /* NULL: it is an answer */
        enum pe_error_class kind;
        enum pe_exit code;
    } rows[] = {
        {NONE, NULL, 0, 0},
        {"echo '<html><body>Sign in'",
         "/list printed a page of HTML and no "
         "JSON object: '<html><body>Sign in'",
         PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE},
        {":", "/list printed nothing and no JSON object", PE_ERROR_RETRY,
         PE_EXIT_UNAVAILABLE},
        {"echo 17", "/list printed something else and no JSON object: '17'",
         PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE},
        {"printf '{\"a\": \\033[1m'",
         "printed something else and no JSON object: '{\"a\": ?[1m'",
         PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE},
        {"echo '{}'", "/list: there is no array \"machines\"", PE_ERROR_RETRY,
         PE_EXIT_UNAVAILABLE},
        {"echo '{\"machines\": []}'",
         "/list: \"whole\" does not say, by true or false", PE_ERROR_RETRY,
         PE_EXIT_UNAVAILABLE},
        {"yes", "/list: yes says more than 1048576 bytes", PE_ERROR_RETRY,
         PE_EXIT_UNAVAILABLE},
        {"sleep 100", "/list: no answer within 0.2 s: the command was stopped",
         PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE},
        {"echo 'not now' >&2; exit 69", "/list ended with status 69: not now",
         PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE},
        {"kill -9 $$", "/list was killed by signal 9, and said nothing",
         PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE},
        {"printf 'a\\n\\tb\\n' >&2; exit 1", "/list ended with status 1: a  b",
         PE_ERROR_INPUT, PE_EXIT_CONFIG},
        {"echo quota >&2; exit 75", "/list ended with status 75: quota",
         PE_ERROR_INPUT, PE_EXIT_AGAIN},
        {"exit 77", "/list ended with status 77, and said nothing",
         PE_ERROR_FATAL, PE_EXIT_PERMISSION},
    };

    verbs_clear();
    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        provider *p;
        provider_list l;
        verb_set("list", rows[i].list);
        p = open_with("", &e);
        CU_ASSERT_PTR_NOT_NULL_FATAL(p);
        provider_limit(p, strstr(rows[i].list, "sleep") ? 0.2 : 60);
        CU_ASSERT_EQUAL(provider_list_ask(p, &l, &e), rows[i].error ? -1 : 0);
        if (rows[i].error && !strncmp(rows[i].list, "yes", 3))
            UNIT_CONTAINS(e.text, "says more than 1048576 bytes");
        else
            UNIT_CONTAINS(e.text, rows[i].error ? rows[i].error : "");
        CU_ASSERT_EQUAL(e.kind, rows[i].kind);
        CU_ASSERT_EQUAL(e.exit_code, rows[i].code);
        if (!rows[i].error)
            provider_list_free(&l);
        provider_close(p);
    }
}

/* One machine of ours in the list. */
static void list_has(const provider *p, const char *id, const char *state)
{
    char *lines = text_format("echo '{\"whole\": true, \"machines\": [{\"id\": "
                              "\"%s\", \"name\": \"%s\", \"state\": \"%s\"}]}'",
                              id, name_of(p), state);

    verb_set("list", lines);
    free(lines);
}

static void test_machines(void)
{
    static const struct {
        const char *id, *state;
        enum provider_state want;
        const char *error;
    } rows[] = {
        {"i-0:a@b+c._", "running", PROVIDER_RUNNING, NULL},
        {"i", "Pending", PROVIDER_PENDING, NULL},
        {"i", "stopping", PROVIDER_STOPPING, NULL},
        {"i", "gone", PROVIDER_GONE, NULL},
        {"i", "rebooting", PROVIDER_UNKNOWN, NULL},
        {"i", "", 0, "/list: a machine has no \"state\""},
        {"", "gone", 0, "/list: a machine has no \"id\" of letters, digits"},
        {"../x", "gone", 0, "/list: a machine has no \"id\" of letters"},
        {"-rf", "gone", 0, "/list: a machine has no \"id\" of letters"},
        {"a b", "gone", 0, "/list: a machine has no \"id\" of letters"},
    };
    provider *p;

    verbs_clear();
    p = open_with("", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        provider_list l;
        int rc;
        list_has(p, rows[i].id, rows[i].state);
        rc = provider_list_ask(p, &l, &e);
        CU_ASSERT_EQUAL(rc, rows[i].error ? -1 : 0);
        UNIT_CONTAINS(e.text, rows[i].error ? rows[i].error : "");
        if (rc < 0)
            continue;
        CU_ASSERT_EQUAL(l.n, 1);
        CU_ASSERT_TRUE(l.whole);
        CU_ASSERT_EQUAL(l.items[0].state, rows[i].want);
        CU_ASSERT_PTR_EQUAL(provider_list_find(&l, rows[i].id, NULL),
                            &l.items[0]);
        CU_ASSERT_PTR_EQUAL(provider_list_find(&l, NULL, name_of(p)),
                            &l.items[0]);
        CU_ASSERT_PTR_NULL(provider_list_find(&l, "j", NULL));
        provider_list_free(&l);
    }
    /* Machines of another home are nobody's here. */
    verb_set("list", "echo '{\"whole\": true, \"machines\": [{\"id\": \"j\", "
                     "\"name\": \"pilot+run+pool+00000000\"}, {\"id\": 7}]}'");
    provider_list l;
    CU_ASSERT_EQUAL(provider_list_ask(p, &l, NULL), 0);
    CU_ASSERT_EQUAL(l.n, 0);
    provider_list_free(&l);
    provider_close(p);
}

static void test_addresses(void)
{
    static const struct {
        const char *address, *ssh, *error;
    } rows[] = {
        {"{}", NULL, NULL},
        {"{\"host\": \"192.0.2.7\"}", "ssh://192.0.2.7:22", NULL},
        {"{\"host\": \"::1\", \"user\": \"me\", \"port\": 23}",
         "ssh://me@[::1]:23", NULL},
        {"{\"host\": \"a b\"}", NULL,
         "\"host\", \"port\" or \"user\" is none of SSH"},
        {"{\"host\": \"a\", \"port\": 0}", NULL, "is none of SSH"},
        {"{\"host\": \"a\", \"host-key\": \"x\\ny\"}", NULL,
         "is too long, or has more than one line"},
    };
    provider *p;

    verbs_clear();
    p = open_with("", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *lines = text_format("cat <<'X'\n%s\nX", rows[i].address);
        provider_address at;
        pe_error e = {0};
        verb_set("address", lines);
        CU_ASSERT_EQUAL(provider_address_ask(p, "i", name_of(p), &at, &e),
                        rows[i].error ? -1
                        : rows[i].ssh ? 1
                                      : 0);
        UNIT_CONTAINS(e.text, rows[i].error ? rows[i].error : "");
        if (rows[i].ssh)
            UNIT_EQUAL(at.ssh, rows[i].ssh);
        free(lines);
    }
    provider_close(p);
}

/* What `up` is told, by both ways. */
static void test_told(void)
{
    char id[PROVIDER_ID_MAX], *told, *path;
    provider *p;

    verbs_clear();
    verb_set("price", "echo '{\"price\": 0.5}'");
    verb_set("up", "cat >$D/told; pwd >>$D/told; echo $PROVIDER_TTL "
                   "$PROVIDER_CPUS $PROVIDER_MEM $PROVIDER_PILOT "
                   "$PROVIDER_OPT_DISK_SIZE $PROVIDER_VERB $PROVIDER_MAX_PRICE "
                   ">>$D/told; echo '{\"id\": \"i-1\"}'");
    p = open_with("?disk-size=a%20b&max-price=0.5", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    const provider_ask ask = {.name = name_of(p),
                              .pilot = PILOT,
                              .ttl_s = 90,
                              .cpus = 8,
                              .mem = "4G"};
    CU_ASSERT_EQUAL(provider_up(p, &ask, id, NULL), 0);
    UNIT_EQUAL(id, "i-1");
    path = text_format("%s/told", scratch_folder);
    told = file_read(path, 65536, &(size_t){0}, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(told);
    UNIT_CONTAINS(told, "{\"cpus\":8,");
    UNIT_CONTAINS(told, "\"options\":{\"disk-size\":\"a b\"}");
    UNIT_CONTAINS(told, "\"protocol\":1,");
    UNIT_CONTAINS(told, "\"ttl\":90,");
    UNIT_CONTAINS(told, name_of(p));
    UNIT_CONTAINS(told, "\n90 8 4G run/pool a b up 0.5\n");
    free(told);
    free(path);
    provider_close(p);
}

/* A machine for a pilot, or why not; [log] has what was called. */
static void test_make(void)
{
    static const struct {
        const char *up, *list, *address, *options;
        const char *error; /* NULL: it is made */
        enum pe_error_class kind;
        enum pe_exit code;
        const char *log;
    } rows[] = {
        /* made; found again; made, and not heard */
        {"touch $D/m; echo '{\"id\": \"i-1\"}'", "", "", "", NULL, 0, 0, "u"},
        {"echo no; exit 1", "touch $D/m", "", "", NULL, 0, 0, ""},
        {"touch $D/m; exit 69", "", "", "", NULL, 0, 0, "u"},
        {"touch $D/m; echo '<html>'", "", "", "", NULL, 0, 0, "u"},
        /* refused, and nothing is there */
        {"echo quota >&2; exit 75", "", "", "",
         "/up ended with status 75: "
         "quota",
         PE_ERROR_INPUT, PE_EXIT_AGAIN, "u"},
        {"echo x", "echo '<html>'; exit", "", "",
         "/list printed a page of HTML", PE_ERROR_FATAL, PE_EXIT_UNAVAILABLE,
         ""},
        {"echo x", "echo '{\"whole\": false, \"machines\": []}'; exit", "", "",
         "/list does not have all machines: whether this pilot has one already "
         "is not known, and nothing was started",
         PE_ERROR_FATAL, PE_EXIT_UNAVAILABLE, ""},
        {"echo x", "", "", "&max-price=0.4",
         ": a machine costs 0.5 an hour, and max-price is 0.4: nothing was "
         "started",
         PE_ERROR_INPUT, PE_EXIT_CONFIG, ""},
        /* says yes, does nothing; what it says is not there is ended */
        {"echo '{\"id\": \"i-1\"}'", "", "", "",
         "/up said i-1, and `list` never showed such a machine in 0.3 s; "
         "machine i-1 was ended",
         PE_ERROR_FATAL, PE_EXIT_FAILED, "ud"},
        {"touch $D/m; echo '{\"id\": \"i-2\"}'", "", "", "",
         "/up said i-2, and `list` never showed", PE_ERROR_FATAL,
         PE_EXIT_FAILED, "ud"},
        /* nobody knows */
        {"exit 69", "", "", "",
         "whether there is a machine of it is not known: if there is, it ends "
         "itself when its time is over",
         PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE, "u"},
        /* half up: it is ended */
        {"touch $D/m; echo '{\"id\": \"i-1\"}'", "", "echo '{}'; exit", "",
         "machine i-1 is running and has no address after 0.3 s: files reach "
         "it over SSH alone; machine i-1 was ended",
         PE_ERROR_FATAL, PE_EXIT_FAILED, "ud"},
        {"touch $D/m; echo '{\"id\": \"i-1\"}'", "S=defrosting", "", "",
         "machine i-1 is defrosting and has no address after", PE_ERROR_FATAL,
         PE_EXIT_FAILED, "ud"},
        {"echo x", "touch $D/m; S=stopping", "", "",
         "machine i-1 of the same pilot is being ended: try again",
         PE_ERROR_INPUT, PE_EXIT_AGAIN, ""},
        /* and cannot be ended */
        {"touch $D/m $D/deaf; echo '{\"id\": \"i-1\"}'", "", "echo '{}'; exit",
         "", "; and machine i-1 is not known to be ended: /", PE_ERROR_RETRY,
         PE_EXIT_FAILED, "ud"},
    };

    verbs_clear();
    verb_set("price", "echo '{\"price\": 0.5}'");
    verb_set("down", "printf d >>$D/log; [ -e $D/deaf ] || rm -f $D/m\n"
                     "echo '{}'");
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *options =
            text_format("?settle=300ms&boot=300ms%s", rows[i].options);
        char *clear = text_format("rm -f %s/m %s/log %s/deaf", scratch_folder,
                                  scratch_folder, scratch_folder);
        provider *p = open_with(options, NULL);
        char *list, *up, *address, *path, *log;
        provider_machine m;
        provider_address at;
        pe_error e = {0};
        size_t len = 0;

        CU_ASSERT_PTR_NOT_NULL_FATAL(p);
        CU_ASSERT_EQUAL(system(clear), 0);
        provider_limit(p, 60);
        list =
            text_format("S=running\n%s\n[ -e $D/m ] || { " NONE
                        "; exit; }\ncat <<X\n{\"whole\": true, \"machines\": "
                        "[{\"id\": \"i-1\", \"name\": \"%s\", \"state\": "
                        "\"$S\"}]}\nX",
                        rows[i].list, name_of(p));
        up = text_format("printf u >>$D/log\n%s", rows[i].up);
        address = text_format("%s\necho '{\"host\": \"h\"}'", rows[i].address);
        verb_set("list", list);
        verb_set("up", up);
        verb_set("address", address);
        const provider_ask ask = {
            .name = name_of(p), .pilot = PILOT, .ttl_s = 60, .cpus = 1};
        CU_ASSERT_EQUAL(provider_make(p, &ask, &m, &at, &e),
                        rows[i].error ? -1 : 0);
        UNIT_CONTAINS(e.text, rows[i].error ? rows[i].error : "");
        CU_ASSERT_EQUAL(e.kind, rows[i].kind);
        CU_ASSERT_EQUAL(e.exit_code, rows[i].code);
        if (!rows[i].error) {
            UNIT_EQUAL(m.id, "i-1");
            UNIT_EQUAL(at.ssh, "ssh://h:22");
        }
        path = text_format("%s/log", scratch_folder);
        log = file_read(path, 100, &len, NULL);
        UNIT_EQUAL(log ? log : "", rows[i].log);
        free(log);
        free(path);
        free(address);
        free(up);
        free(list);
        free(clear);
        free(options);
        provider_close(p);
    }
}

/* A machine that has ended itself and is listed on may cost: it is ended, too.
 */
static void test_gone(void)
{
    static const struct {
        const char *state, *log;
    } rows[] = {{"running", "d"}, {"gone", "d"}, {NULL, ""}};
    char *url = text_format("exec://%s?settle=300ms", scratch_folder);
    provider *p;

    verbs_clear();
    p = open_with("", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    verb_set("down", "printf d >>$D/log; rm -f $D/m; echo '{}'");
    for (size_t i = 0; i < COUNT(rows); i++) {
        resource *r = backend_open(url, NULL);
        char *path = text_format("%s/log", scratch_folder);
        char *list = text_format(
            "[ -e $D/m ] || { " NONE "; exit; }\necho '{\"whole\": true, "
            "\"machines\": [{\"id\": \"i-1\", \"name\": \"%s\", "
            "\"state\": \"%s\"}]}'",
            name_of(p), rows[i].state ? rows[i].state : "");
        char *log;
        size_t len = 0;
        pe_error e = {0};

        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        verb_set("list", list);
        unlink(path);
        if (rows[i].state)
            scratch_write("m", "");
        CU_ASSERT_EQUAL(r->ops->cancel(r, "i-1", true, &e), 0);
        UNIT_EQUAL(e.text, "");
        log = file_read(path, 100, &len, NULL);
        UNIT_EQUAL(log ? log : "", rows[i].log);
        free(log);
        free(list);
        free(path);
        resource_close(r);
    }
    provider_close(p);
    free(url);
}

/* Two commands at once have one owner; a spoilt one is said. */
static void test_owner(void)
{
    char *path = text_format("%s/home/.machines/owner", scratch_folder);
    char first[PROVIDER_NAME_MAX];
    pe_error e = {0};
    provider *p;

    verbs_clear();
    p = open_with("", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    snprintf(first, sizeof(first), "%s", name_of(p));
    CU_ASSERT_EQUAL(strncmp(first, "pilot+run+pool+", 15), 0);
    CU_ASSERT_EQUAL(strlen(first), 15 + 8);
    provider_close(p);
    p = open_with("", NULL);
    UNIT_EQUAL(name_of(p), first);
    provider_close(p);
    CU_ASSERT_EQUAL(file_write(path, "x", 1, 0600, NULL), 0);
    CU_ASSERT_PTR_NULL(open_with("", &e));
    UNIT_CONTAINS(e.text, "/.machines/owner does not hold the 8 hex digits");
    unlink(path);
    free(path);
}

int main(void)
{
    static const unit_test all[] = {
        {"options of a URL", test_options},
        {"executables that are missing", test_missing},
        {"answers that are none", test_answers},
        {"machines of a list", test_machines},
        {"addresses", test_addresses},
        {"what `up` is told", test_told},
        {"a machine is made, once, or not", test_make},
        {"a machine that ended itself", test_gone},
        {"whose machines", test_owner},
        {NULL, NULL},
    };
    char *home;
    int status;

    scratch_make();
    home = text_format("%s/home", scratch_folder);
    setenv("PILOT_HOME", home, 1);
    free(home);
    status = unit_main("provider", all);
    scratch_remove();
    return status;
}
