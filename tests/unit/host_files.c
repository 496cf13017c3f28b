/* host_files.c - what every kind of host has to do: files and copies. */
#include "host_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/interrupt.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "unit.h"

#define MIB ((size_t)1 << 20)

/* --- files --- */

void case_mkdir(void)
{
    const char *deep = case_path("d/e/f"), *top = case_path("d");
    const char *file = case_path("d/file");
    struct stat st;
    pe_error e = {0};

    CU_ASSERT_EQUAL(host_exists(case_host, deep, NULL), 0);
    CU_ASSERT_EQUAL(host_mkdir(case_host, deep, NULL), 0);
    CU_ASSERT_EQUAL(host_exists(case_host, deep, NULL), 1);
    CU_ASSERT_EQUAL(host_mkdir(case_host, deep, NULL), 0);
    CU_ASSERT_EQUAL(host_mkdir(case_host, "/", NULL), 0);
    CU_ASSERT_EQUAL(stat(top, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);
    CU_ASSERT_EQUAL(host_write(case_host, file, "", 0, 0600, NULL), 0);
    CU_ASSERT_EQUAL(host_mkdir(case_host, file, &e), -1);
    UNIT_CONTAINS(e.text, "cannot make folder ");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    CU_ASSERT_EQUAL(host_mkdir(case_host, case_path("d/file/x"), NULL), -1);
}

/* The only file of folder [folder]? */
static bool is_alone(const char *folder, const char *name)
{
    char *command = text_format("ls -A '%s'", folder);
    host_answer a = case_sh(command);

    size_t n = strcspn(a.out, "\n");
    bool is =
        n == strlen(name) && !strncmp(a.out, name, n) && a.out_len <= n + 1;
    host_answer_free(&a);
    free(command);
    return is;
}

void case_write(void)
{
    const char *folder = case_path("w"), *path = case_path("w/file");
    struct stat st;
    size_t len = 9;

    host_mkdir(case_host, folder, NULL);
    CU_ASSERT_EQUAL(host_write(case_host, path, "0123456789", 10, 0640, NULL),
                    0);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0640);
    char *part = host_read(case_host, path, 3, 4, &len, NULL);
    UNIT_EQUAL(part, "3456");
    CU_ASSERT_EQUAL(len, 4);
    free(part);
    part = host_read(case_host, path, 8, 100, &len, NULL);
    UNIT_EQUAL(part, "89");
    free(part);
    part = host_read(case_host, path, 100, 100, &len, NULL);
    UNIT_EQUAL(part, "");
    CU_ASSERT_EQUAL(len, 0);
    free(part);
    /* Onto what is there, and an empty one. */
    CU_ASSERT_EQUAL(host_write(case_host, path, "new", 3, 0755, NULL), 0);
    part = host_read(case_host, path, 0, 100, &len, NULL);
    UNIT_EQUAL(part, "new");
    free(part);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0755);
    CU_ASSERT_EQUAL(host_write(case_host, path, "", 0, 0600, NULL), 0);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_size, 0);
    CU_ASSERT(is_alone(folder, "file"));
    /* None at all is empty too. */
    part = host_read(case_host, case_path("w/none"), 0, 100, &len, NULL);
    UNIT_EQUAL(part, "");
    CU_ASSERT_EQUAL(len, 0);
    free(part);
    part = host_read(case_host, path, 0, 0, &len, NULL);
    UNIT_EQUAL(part, "");
    free(part);
}

/* Slashes apart, a name may have what a word may. */
void case_names(void)
{
    const char *local = case_path("n.local");
    size_t len;

    for (int i = 0; i < CASE_N_ODD; i++) {
        if (!*case_odd[i] || strchr(case_odd[i], '/'))
            continue;
        char *folder = text_format("%s/n/%s", case_dir, case_odd[i]);
        char *path = text_format("%s/%s", folder, case_odd[i]);
        CU_ASSERT_EQUAL(host_mkdir(case_host, folder, NULL), 0);
        CU_ASSERT_EQUAL(host_write(case_host, path, "old", 3, 0600, NULL), 0);
        CU_ASSERT_EQUAL(host_write(case_host, path, case_odd[i],
                                   strlen(case_odd[i]), 0600, NULL),
                        0);
        char *got = host_read(case_host, path, 0, 100, &len, NULL);
        UNIT_EQUAL(got, case_odd[i]);
        if (i % 4 == 1) {
            CU_ASSERT_EQUAL(host_get(case_host, path, local, NULL, NULL, NULL),
                            0);
            CU_ASSERT_EQUAL(host_put(case_host, local, path, NULL, NULL, NULL),
                            0);
            CU_ASSERT_EQUAL(host_remove_tree(case_host, folder, NULL), 0);
            CU_ASSERT_EQUAL(host_exists(case_host, folder, NULL), 0);
        }
        free(got);
        free(path);
        free(folder);
    }
    CU_ASSERT_EQUAL(host_exists(case_host, case_path("x"), NULL), 0);
    CU_ASSERT_EQUAL(host_remove_tree(case_host, case_path("n"), NULL), 0);
}

void case_write_errors(void)
{
    char name[400];
    size_t len;
    pe_error e = {0};

    CU_ASSERT_EQUAL(host_write(case_host, "/no/where/x", "", 0, 0600, &e), -1);
    UNIT_CONTAINS(e.text, "cannot write ");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    host_mkdir(case_host, case_path("folder"), NULL);
    CU_ASSERT_EQUAL(host_write(case_host, case_path("folder"), "", 0, 0600, &e),
                    -1);
    UNIT_CONTAINS(e.text, "cannot write ");
    CU_ASSERT(host_exists(case_host, case_path("folder"), NULL));
    CU_ASSERT(is_alone(case_path("folder"), ""));
    memset(name, 'n', 300);
    name[300] = '\0';
    CU_ASSERT_EQUAL(host_write(case_host, case_path(name), "", 0, 0600, NULL),
                    -1);
    name[255] = '\0';
    CU_ASSERT_EQUAL(host_write(case_host, case_path(name), "x", 1, 0600, NULL),
                    0);
    CU_ASSERT_PTR_NULL(
        host_read(case_host, case_path("folder"), 0, 9, &len, &e));
    UNIT_CONTAINS(e.text, "cannot read ");
}

/* Links are removed and not followed. */
void case_remove(void)
{
    const char *tree = case_path("tree"), *kept = case_path("kept");

    host_mkdir(case_host, case_path("tree/a/b"), NULL);
    host_mkdir(case_host, kept, NULL);
    host_write(case_host, case_path("kept/file"), "x", 1, 0600, NULL);
    host_write(case_host, case_path("tree/a/file"), "x", 1, 0400, NULL);
    CU_ASSERT_EQUAL(symlink(kept, case_path("tree/a/link")), 0);
    CU_ASSERT_EQUAL(host_remove_tree(case_host, tree, NULL), 0);
    CU_ASSERT_EQUAL(host_exists(case_host, tree, NULL), 0);
    CU_ASSERT_EQUAL(host_exists(case_host, case_path("kept/file"), NULL), 1);
    CU_ASSERT_EQUAL(host_remove_tree(case_host, tree, NULL), 0);
}

/* --- copies --- */

#define COPY_BYTES (9 * MIB + 12345)

void case_copy(void)
{
    const char *from = case_path("c.from"), *to = case_path("c.to");
    const char *back = case_path("c.back");
    struct stat st;
    case_seen seen = {0};
    pe_error e = {0};

    case_fill(from, COPY_BYTES, 1);
    CU_ASSERT_EQUAL(chmod(from, 0751), 0);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, case_progress, &seen, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL(seen.first, 0);
    CU_ASSERT_EQUAL(seen.last, COPY_BYTES);
    CU_ASSERT_EQUAL(seen.total, COPY_BYTES);
    CU_ASSERT(seen.calls >= 3);
    CU_ASSERT(case_same(from, to));
    CU_ASSERT_EQUAL(stat(to, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0751);
    CU_ASSERT_EQUAL(host_get(case_host, to, back, NULL, NULL, &e), 0);
    CU_ASSERT(case_same(from, back));
    /* Onto another one, and an empty one. */
    case_fill(from, 1000, 2);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, NULL, NULL, &e), 0);
    CU_ASSERT(case_same(from, to));
    case_fill(from, 0, 3);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, NULL, NULL, &e), 0);
    CU_ASSERT(case_same(from, to));
    CU_ASSERT_EQUAL(host_get(case_host, to, back, NULL, NULL, &e), 0);
    CU_ASSERT(case_same(from, back));
}

void case_copy_same(void)
{
    const char *from = case_path("s.from"), *to = case_path("s.to");
    struct stat before, after;
    case_seen seen = {0};

    case_fill(from, COPY_BYTES, 4);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(stat(to, &before), 0);
    CU_ASSERT_EQUAL(chmod(from, 0500), 0);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, case_progress, &seen, NULL),
                    0);
    CU_ASSERT_EQUAL(seen.calls, 1);
    CU_ASSERT_EQUAL(seen.last, COPY_BYTES);
    CU_ASSERT_EQUAL(stat(to, &after), 0);
    CU_ASSERT_EQUAL(before.st_ino, after.st_ino);
    CU_ASSERT_EQUAL(after.st_mode & 0777, 0500);
    /* Of the same size, and another. */
    CU_ASSERT_EQUAL(chmod(from, 0600), 0);
    case_fill(from, COPY_BYTES, 5);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, NULL, NULL, NULL), 0);
    CU_ASSERT(case_same(from, to));
}

static void copy_interrupt(void *arg, const char *name, uint64_t done,
                           uint64_t total)
{
    (void)arg;
    (void)name;
    if (done > 0 && done < total)
        interrupt_set(INTERRUPT_SOON);
}

/* Somebody wants the end: what is copied stays, and is gone on with. */
void case_copy_interrupted(void)
{
    const char *from = case_path("i.from"), *to = case_path("i.to");
    case_seen seen = {0};
    pe_error e = {0};

    case_fill(from, COPY_BYTES, 6);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, copy_interrupt, NULL, &e),
                    -1);
    interrupt_set(INTERRUPT_NONE);
    UNIT_CONTAINS(e.text, "interrupted");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(host_exists(case_host, to, NULL), 0);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, case_progress, &seen, NULL),
                    0);
    CU_ASSERT(seen.first > 0);
    CU_ASSERT(case_same(from, to));
}

/* The name of the partial copy of [from] to [name], as host_copy.c has it. */
static const char *part_of(const char *from, const char *name)
{
    char *command = text_format("sha256sum <'%s' | cut -c 1-16", from);
    host_answer a = case_sh(command);
    char file[128];

    a.out[strcspn(a.out, "\n")] = '\0';
    snprintf(file, sizeof(file), ".%s.%s.part", name, a.out);
    host_answer_free(&a);
    free(command);
    return case_path(file);
}

/* What is there of a copy: [len] bytes of [from]. */
static void leave_part(const char *from, const char *part, size_t len)
{
    size_t all;
    char *data = file_read(from, 512 * MIB, &all, NULL);

    CU_ASSERT_EQUAL(file_write(part, data, len, 0600, NULL), 0);
    free(data);
}

void case_copy_resume(void)
{
    const char *from = case_path("r.from"), *to = case_path("r.to");
    case_seen seen = {0};

    case_fill(from, COPY_BYTES, 6);
    leave_part(from, part_of(from, "r.to"), 5 * MIB + 7);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, case_progress, &seen, NULL),
                    0);
    CU_ASSERT_EQUAL(seen.first, 5 * MIB + 7);
    CU_ASSERT_EQUAL(seen.last, COPY_BYTES);
    CU_ASSERT(case_same(from, to));
    CU_ASSERT_EQUAL(host_exists(case_host, part_of(from, "r.to"), NULL), 0);
    leave_part(from, part_of(from, "r.back"), COPY_BYTES);
    seen = (case_seen){0};
    CU_ASSERT_EQUAL(host_get(case_host, to, case_path("r.back"), case_progress,
                             &seen, NULL),
                    0);
    CU_ASSERT_EQUAL(seen.first, COPY_BYTES);
    CU_ASSERT(case_same(from, case_path("r.back")));
}

/* Bytes that are not those of the file, and more of them than it has. */
void case_copy_torn(void)
{
    static const size_t lengths[] = {3 * MIB, COPY_BYTES, COPY_BYTES + 1};
    const char *other = case_path("t.other"), *from = case_path("t.from");
    const char *to = case_path("t.to");

    case_fill(other, COPY_BYTES + 1, 7);
    for (unsigned i = 0; i < 3; i++) {
        case_fill(from, COPY_BYTES, 8 + i);
        leave_part(other, part_of(from, "t.to"), lengths[i]);
        CU_ASSERT_EQUAL(host_put(case_host, from, to, NULL, NULL, NULL), 0);
        CU_ASSERT(case_same(from, to));
        leave_part(other, part_of(from, "t.back"), lengths[i]);
        CU_ASSERT_EQUAL(
            host_get(case_host, to, case_path("t.back"), NULL, NULL, NULL), 0);
        CU_ASSERT(case_same(from, case_path("t.back")));
    }
}

/* A file that changes while it is copied, each time. */
static char changing[512];

static void change(void)
{
    FILE *f = fopen(changing, "r+");

    fprintf(f, "%lld", (long long)clock_mono_ns());
    fclose(f);
}

void case_copy_errors(void)
{
    const char *to = case_path("e.to"), *from = case_path("e.from");
    case_seen seen = {.each = change};
    pe_error e = {0};

    CU_ASSERT_EQUAL(host_put(case_host, case_path("none"), to, NULL, NULL, &e),
                    -1);
    UNIT_CONTAINS(e.text, "none of this host: it is not there");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(host_get(case_host, case_path("none"), to, NULL, NULL, &e),
                    -1);
    UNIT_CONTAINS(e.text, "it is not there");
    CU_ASSERT_EQUAL(host_put(case_host, case_dir, to, NULL, NULL, &e), -1);
    UNIT_CONTAINS(e.text, "not a regular file");
    case_fill(from, 1000, 20);
    CU_ASSERT_EQUAL(host_put(case_host, from, "/no/where/x", NULL, NULL, &e),
                    -1);
    UNIT_CONTAINS(e.text, "cannot write ");
    host_mkdir(case_host, case_path("e.d/folder"), NULL);
    CU_ASSERT_EQUAL(
        host_put(case_host, from, case_path("e.d/folder"), NULL, NULL, &e), -1);
    UNIT_CONTAINS(e.text, "cannot write ");
    CU_ASSERT(is_alone(case_path("e.d"), "folder"));
    case_fill(from, COPY_BYTES, 21);
    snprintf(changing, sizeof(changing), "%s", from);
    CU_ASSERT_EQUAL(host_put(case_host, from, to, case_progress, &seen, &e),
                    -1);
    UNIT_CONTAINS(e.text, "has another SHA-256 than the file, twice");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(host_exists(case_host, to, NULL), 0);
}
