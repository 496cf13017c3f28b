/* test_sign.c - signed files: who made them, and that nobody changed them. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/file.h"
#include "src/common/sign.h"

#define BODY \
    "\x7f"   \
    "ELF and so on"

static char key_a[300], key_b[300], file[300], trust[300];

static void at(char *out, const char *name)
{
    snprintf(out, 300, "%s/%s", scratch_folder, name);
}

/* Have this host trust the keys of [names], up to a NULL. */
static void trust_write(const char *first, const char *second)
{
    const char *names[] = {first, second};
    char all[512] = "# whose functions are taken\n\n", path[310];

    for (int i = 0; i < 2 && names[i]; i++) {
        char *line;

        snprintf(path, sizeof(path), "%s.pub", names[i]);
        line = file_read(path, 4096, NULL, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(line);
        strncat(all, line, sizeof(all) - strlen(all) - 1);
        free(line);
    }
    scratch_write("trust", all);
    chmod(trust, 0644);
}

static int seal(pe_error *errp)
{
    sign_trust *t = sign_trust_open(errp);
    int fd = t ? sign_seal(t, file, errp) : -1;

    sign_trust_close(t);
    return fd;
}

static void refused(const char *part)
{
    pe_error e = {0};

    CU_ASSERT_EQUAL(seal(&e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_PERMISSION);
    UNIT_CONTAINS(e.text, part);
}

static void file_new(void)
{
    scratch_write_bytes("f.so", BODY, sizeof(BODY) - 1);
}

static void test_keys(void)
{
    struct stat st;
    pe_error e = {0};

    at(key_a, "a");
    at(key_b, "b");
    at(file, "f.so");
    at(trust, "trust");
    CU_ASSERT_EQUAL(sign_key_make(key_a, "me@here", &e), 0);
    CU_ASSERT_EQUAL(sign_key_make(key_b, "you@there", &e), 0);
    CU_ASSERT_EQUAL(stat(key_a, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL(sign_key_make(key_a, "me", &e), -1);
    UNIT_CONTAINS(e.text, "File exists");
    file_new();
    chmod(key_b, 0640);
    CU_ASSERT_EQUAL(sign_file(key_b, file, &e), -1);
    UNIT_CONTAINS(e.text, "is open to others");
    chmod(key_b, 0600);
    scratch_write("none", "no key\n");
    chmod(scratch_path, 0600);
    CU_ASSERT_EQUAL(sign_file(scratch_path, file, &e), -1);
    UNIT_CONTAINS(e.text, "is no key of Ed25519");
}

static void test_signed(void)
{
    pe_error e = {0};
    size_t len, again;
    int fd;

    setenv("PILOT_TRUST", trust, 1);
    file_new();
    trust_write(key_a, NULL);
    refused("is not signed, and");
    CU_ASSERT_EQUAL(sign_file(key_b, file, &e), 0);
    refused("is signed by a key that");
    CU_ASSERT_EQUAL(sign_file(key_a, file, &e), 0); /* in its place */
    fd = seal(&e);
    CU_ASSERT_TRUE(fd >= 0);
    close(fd);
    free(file_read(file, 4096, &len, NULL));
    CU_ASSERT_EQUAL(sign_file(key_a, file, &e), 0);
    free(file_read(file, 4096, &again, NULL));
    CU_ASSERT_EQUAL(len, again);
    CU_ASSERT_EQUAL(sign_file(key_b, file, &e), 0);
    trust_write(key_a, key_b);
    fd = seal(&e);
    CU_ASSERT_TRUE(fd >= 0);
    close(fd);
}

/* Here and there: in the file, the key, the signature and the mark. */
static void test_changed(void)
{
    pe_error e = {0};
    size_t len;
    char *data;

    file_new();
    CU_ASSERT_EQUAL(sign_file(key_a, file, &e), 0);
    data = file_read(file, 4096, &len, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    for (size_t i = 0; i < len; i += 5) {
        data[i] ^= 4;
        scratch_write_bytes("f.so", data, len);
        CU_ASSERT_EQUAL(seal(&e), -1);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_PERMISSION);
        data[i] ^= 4;
    }
    data[3] ^= 4;
    scratch_write_bytes("f.so", data, len);
    refused("was changed after it was signed");
    scratch_write_bytes("f.so", data, len - 1);
    refused("is not signed");
    scratch_write_bytes("f.so", "", 0);
    refused("is not signed");
    free(data);
}

/* What was looked at is what is opened, whatever the file becomes. */
static void test_replaced(void)
{
    pe_error e = {0};
    char bytes[sizeof(BODY)] = "";
    int fd;

    file_new();
    CU_ASSERT_EQUAL(sign_file(key_a, file, &e), 0);
    fd = seal(&e);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    scratch_write("f.so", "another one, in place of it");
    CU_ASSERT_EQUAL(pread(fd, bytes, sizeof(BODY) - 1, 0), sizeof(BODY) - 1);
    CU_ASSERT_EQUAL(memcmp(bytes, BODY, sizeof(BODY) - 1), 0);
    CU_ASSERT_EQUAL(pwrite(fd, "x", 1, 0), -1);
    CU_ASSERT_EQUAL(ftruncate(fd, 0), -1);
    CU_ASSERT_PTR_EQUAL(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0),
                        MAP_FAILED);
    close(fd);
}

static void test_trust(void)
{
    static const struct {
        const char *text;
        mode_t mode;
        int exit_code;
        const char *part;
    } rows[] = {
        {"", 0666, PE_EXIT_PERMISSION, "somebody else can write to it"},
        {"ssh-ed25519 AAAA me\n", 0644, PE_EXIT_CONFIG, "is no line of it"},
        {"ed25519 AAAA me\n", 0644, PE_EXIT_CONFIG, "is no line of it"},
        {"ed25519 JcHRkF/LYAXBdBKlaHVPuGdbW1u+ZdPVHFkHVqv0e0!= me\n", 0644,
         PE_EXIT_CONFIG, "is no line of it"},
    };
    pe_error e = {0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scratch_write("trust", rows[i].text);
        chmod(trust, rows[i].mode);
        CU_ASSERT_PTR_NULL(sign_trust_open(&e));
        CU_ASSERT_EQUAL((int)e.exit_code, (int)rows[i].exit_code);
        UNIT_CONTAINS(e.text, rows[i].part);
    }
    /* One that trusts nobody takes nothing; one that is named and not there is
     * no host without one.
     */
    scratch_write("trust", "# nobody\n");
    chmod(trust, 0644);
    file_new();
    CU_ASSERT_EQUAL(sign_file(key_a, file, &e), 0);
    refused("is signed by a key that");
    setenv("PILOT_TRUST", "/nowhere/trust", 1);
    CU_ASSERT_PTR_NULL(sign_trust_open(&e));
    UNIT_CONTAINS(e.text, "cannot open /nowhere/trust");
    unsetenv("PILOT_TRUST");
    setenv("XDG_CONFIG_HOME", "/nowhere", 1);
    setenv("XDG_CONFIG_DIRS", "/nowhere", 1);
    e = (pe_error){0};
    CU_ASSERT_PTR_NULL(sign_trust_open(&e));
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_NONE);
}

static const unit_test tests[] = {
    {"keys", test_keys},
    {"signed, and by whom", test_signed},
    {"changed", test_changed},
    {"replaced between the look and the use", test_replaced},
    {"files of trust", test_trust},
    {NULL, NULL},
};

int main(void)
{
    int status;

    scratch_make();
    status = unit_main("sign", tests);
    scratch_remove();
    return status;
}
