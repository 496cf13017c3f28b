/* test_host.c - this host: commands, processes, files, copies. */
#include "host_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/digest.h"
#include "src/common/text.h"
#include "unit.h"

static void test_kind(void)
{
    host_answer a = {0};

    CU_ASSERT(host_is_local(case_host));
    UNIT_EQUAL(host_name(case_host), "this host");
    host_close(NULL);
    host_answer_free(&a);
}

/* As locate_home() of src/cmd has it; asked of a new host each time. */
static void test_home(void)
{
    static const struct {
        const char *own, *state, *home, *want;
    } rows[] = {
        {"/own", "/state", "/home", "/own"},
        {"rel", "/state", "/home", "/rel"},
        {"", "/state", "/home", "/state/pilot"},
        {NULL, "/st ate", "/home", "/st ate/pilot"},
        {NULL, NULL, "/ho'me", "/ho'me/.local/state/pilot"},
        {NULL, "", "/home", "/home/.local/state/pilot"},
        {NULL, NULL, NULL, NULL},
    };
    static const char *const names[] = {"PILOT_HOME", "XDG_STATE_HOME", "HOME"};
    char *kept = getcwd(NULL, 0), *home = text_format("%s", getenv("HOME"));

    CU_ASSERT_EQUAL(chdir("/"), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *values[] = {rows[i].own, rows[i].state, rows[i].home};
        pe_error e = {0};
        for (int v = 0; v < 3; v++)
            if (values[v])
                setenv(names[v], values[v], 1);
            else
                unsetenv(names[v]);
        host *h = host_open_local(NULL);
        const char *got = host_home(h, &e);
        if (rows[i].want && strcmp(rows[i].want, "/rel") == 0)
            UNIT_CONTAINS(got, "/rel"); /* below the root: "//rel" too */
        else if (rows[i].want)
            UNIT_EQUAL(got, rows[i].want);
        else
            UNIT_CONTAINS(e.text, "neither PILOT_HOME nor HOME is set");
        host_close(h);
    }
    unsetenv("PILOT_HOME");
    unsetenv("XDG_STATE_HOME");
    setenv("HOME", home, 1);
    CU_ASSERT_EQUAL(chdir(kept), 0);
    free(home);
    free(kept);
}

/* Two vectors of FIPS 180, and 5 MB. */
static void test_digest(void)
{
    static const struct {
        const char *content, *want;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb924"
             "27ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223"
                "b00361a396177a9cb410ff61f20015ad"},
    };
    char hex[DIGEST_HEX + 1];
    pe_error e = {0};

    for (size_t i = 0; i < 2; i++) {
        scratch_write("digest", rows[i].content);
        CU_ASSERT_EQUAL(digest_file(scratch_path, hex, NULL), 0);
        UNIT_EQUAL(hex, rows[i].want);
    }
    case_fill(case_path("digest"), 5000000, 99);
    CU_ASSERT_EQUAL(digest_file(case_path("digest"), hex, NULL), 0);
    const char *argv[] = {"sha256sum", case_path("digest"), NULL};
    host_answer a;
    CU_ASSERT_EQUAL(host_run(case_host, argv, NULL, 60, &a, NULL), 0);
    UNIT_CONTAINS(a.out, hex);
    host_answer_free(&a);
    CU_ASSERT_EQUAL(digest_file("/no/where", hex, &e), -1);
    UNIT_CONTAINS(e.text, "cannot open /no/where");
    CU_ASSERT_EQUAL(digest_file("/", hex, &e), -1);
    UNIT_CONTAINS(e.text, "cannot read /");
}

static void test_full(void)
{
    const char *folder = case_path("full"), *from = case_path("full.from");
    char data[20000] = "";
    pe_error e = {0};

    host_mkdir(case_host, folder, NULL);
    if (geteuid() != 0 ||
        mount("none", folder, "tmpfs", 0, "size=64k,mode=0700") < 0) {
        printf("# skipped: no tmpfs without root\n");
        return;
    }
    case_fill(from, 1 << 20, 30);
    CU_ASSERT_EQUAL(
        host_put(case_host, from, case_path("full/x"), NULL, NULL, &e), -1);
    UNIT_CONTAINS(e.text, "disk full");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    CU_ASSERT_EQUAL(host_write(case_host, case_path("full/y"), data,
                               sizeof(data), 0600, &e),
                    -1);
    UNIT_CONTAINS(e.text, "disk full");
    umount(folder);
}

int main(void)
{
    static const unit_test tests[] = {
        {"what it is", test_kind},
        HOST_CASES,
        {"home as the environment has it", test_home},
        {"digests", test_digest},
        {"a full disk is said to be one", test_full},
        {NULL, NULL},
    };

    scratch_make();
    snprintf(case_dir, 256, "%s/host", scratch_folder);
    case_host = host_open_local(NULL);
    if (!case_host || host_mkdir(case_host, case_dir, NULL) < 0)
        return 99;
    int status = unit_main("host", tests);
    host_close(case_host);
    scratch_remove();
    return status;
}
