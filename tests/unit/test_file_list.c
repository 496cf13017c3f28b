/* test_file_list.c - the files a path means, and what tells them apart. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/file/file_identity.h"
#include "src/file/file_list.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const char *at(const char *name)
{
    static char paths[4][400];
    static int n;
    char *path = paths[n++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", scratch_folder, name);
    return path;
}

static void folder(const char *name)
{
    CU_ASSERT_EQUAL(file_mkdir(at(name), NULL), 0);
}

/* The list of [path], names without the folder: "a b c"; or the error. */
static const char *listed(const char *path, bool *severalp)
{
    static char out[2048];
    file_list l;
    pe_error e = {0};
    size_t n = 0;

    if (file_list_make(at(path), &l, &e) < 0) {
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        CU_ASSERT_EQUAL(l.n, 0);
        snprintf(out, sizeof(out), "%s", e.text);
        return out;
    }
    *out = '\0';
    for (size_t i = 0; i < l.n; i++) {
        CU_ASSERT(!strncmp(l.paths[i], scratch_folder, strlen(scratch_folder)));
        n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s", i ? " " : "",
                              l.paths[i] + strlen(scratch_folder) + 1);
    }
    *severalp = l.several;
    file_list_free(&l);
    CU_ASSERT_PTR_NULL(l.paths);
    return out;
}

static void test_lists(void)
{
    static const struct {
        const char *path, *list;
        bool several;
    } rows[] = {
        {"one.csv", "one.csv", false},
        {"not there", "not there", false}, /* who opens it says why */
        {"logs", "logs/m2.csv logs/m10.csv logs/x", true},
        {"logs/", "logs/m2.csv logs/m10.csv logs/x", true},
        {"logs/m*.csv", "logs/m2.csv logs/m10.csv", true},
        {"logs/m?.csv", "logs/m2.csv", true},
        {"logs/m[0-9].csv", "logs/m2.csv", true},
        {"logs/*", "logs/m2.csv logs/m10.csv logs/x", true},
        {"scan*.h5:/entry/data", "scan1.h5:/entry/data scan2.h5:/entry/data",
         true},
        {"[x].csv", "[x].csv", false}, /* a name, and no pattern */
    };

    folder("logs/inner");
    scratch_write("one.csv", "1\n");
    scratch_write("[x].csv", "1\n");
    scratch_write("x.csv", "1\n");
    scratch_write("scan1.h5", "1\n");
    scratch_write("scan2.h5", "1\n");
    scratch_write("logs/m10.csv", "1\n");
    scratch_write("logs/m2.csv", "1\n");
    scratch_write("logs/x", "1\n");
    scratch_write("logs/.hidden", "1\n");
    for (size_t i = 0; i < N(rows); i++) {
        bool several = !rows[i].several;

        UNIT_EQUAL(listed(rows[i].path, &several), rows[i].list);
        CU_ASSERT_EQUAL(several, rows[i].several);
    }
}

static void make_socket(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    CU_ASSERT_EQUAL(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    close(fd);
}

static void test_refused(void)
{
    static const struct {
        const char *path, *words;
    } rows[] = {
        {"none", "/none is a folder without files"},
        {"logs/*.dat", "/logs/*.dat is a pattern that no file fits"},
        {"pipes", "/pipes/b is a pipe, and no file of rows: take it out of the "
                  "folder, or name the files by a pattern that leaves it out"},
        {"pipes/*", "/pipes/b is a pipe, and no file of rows"},
        {"devices", "/devices/zero is a device, and no file of rows"},
        {"sockets", "/sockets/s is a socket, and no file of rows"},
        {"sockets/s", "/sockets/s is a socket, and no file of rows"},
    };
    bool several;

    folder("none");
    folder("pipes");
    folder("devices");
    folder("sockets");
    scratch_write("pipes/a", "1\n");
    CU_ASSERT_EQUAL(mkfifo(at("pipes/b"), 0600), 0);
    CU_ASSERT_EQUAL(symlink("/dev/zero", at("devices/zero")), 0);
    make_socket(at("sockets/s"));
    for (size_t i = 0; i < N(rows); i++)
        UNIT_CONTAINS(listed(rows[i].path, &several), rows[i].words);
    /* One by its own name is read, and a pattern may leave it out. */
    UNIT_EQUAL(listed("pipes/b", &several), "pipes/b");
    UNIT_EQUAL(listed("pipes/[a]", &several), "pipes/a");
}

static void test_behind(void)
{
    static char *paths[] = {"a1", "a2", "a10", "b"};
    const file_list l = {paths, N(paths), true};

    CU_ASSERT_EQUAL(file_list_behind(&l, ""), 0);
    CU_ASSERT_EQUAL(file_list_behind(&l, "a1"), 1);
    CU_ASSERT_EQUAL(file_list_behind(&l, "a3"), 2);
    CU_ASSERT_EQUAL(file_list_behind(&l, "a10"), 3);
    CU_ASSERT_EQUAL(file_list_behind(&l, "z"), 4);
    file_list_free(NULL);
}

/* --- what they are --- */

static uint64_t digest_of(const char *path, size_t n, uint64_t last)
{
    file_list l;
    uint64_t h;

    CU_ASSERT_EQUAL_FATAL(file_list_make(at(path), &l, NULL), 0);
    h = file_list_digest(&l, n, last);
    file_list_free(&l);
    return h;
}

static void test_digest(void)
{
    uint64_t before, one;

    folder("set");
    scratch_write("set/a", "1,2\n3,4\n");
    scratch_write("set/b", "5,6\n");
    before = digest_of("set", 2, 4);
    one = digest_of("set", 1, 8);
    CU_ASSERT_NOT_EQUAL(before, one);
    /* More in the last one, and more files, change nothing. */
    scratch_append("7,8\n");
    scratch_write("set/c", "9\n");
    CU_ASSERT_EQUAL(digest_of("set", 2, 4), before);
    CU_ASSERT_EQUAL(digest_of("set", 1, 8), one);
    /* Another size of one before it does, ... */
    scratch_write("set/a", "1,2\n3,4\n\n");
    CU_ASSERT_NOT_EQUAL(digest_of("set", 2, 4), before);
    /* ... and another beginning. */
    scratch_write("set/a", "1,2\n3,5\n");
    CU_ASSERT_NOT_EQUAL(digest_of("set", 2, 4), before);
    scratch_write("set/a", "1,2\n3,4\n");
    CU_ASSERT_EQUAL(digest_of("set", 2, 4), before);
    CU_ASSERT_EQUAL(file_size_of(at("set/b")), 8);
    CU_ASSERT_EQUAL(file_size_of(at("set/none")), 0);
}

/* --- one of them --- */

static const char *identity(const char *name)
{
    static char out[2][FILE_IDENTITY_MAX];
    static int n;
    char *to = out[n++ % 2];

    file_identity(at(name), to);
    return to;
}

static void set_time(const char *name, long s)
{
    const struct timespec times[] = {{s, 0}, {s, 0}};

    CU_ASSERT_EQUAL(utimensat(AT_FDCWD, at(name), times, 0), 0);
}

/* Write [name] where it lies, as an editor does that keeps the file. */
static void write_into(const char *name, long offset, const char *what)
{
    int fd = open(at(name), O_WRONLY | O_CLOEXEC);

    CU_ASSERT_EQUAL(pwrite(fd, what, strlen(what), offset),
                    (ssize_t)strlen(what));
    close(fd);
    set_time(name, 1000);
}

static void test_identity(void)
{
    static char large[20001];
    char was[FILE_IDENTITY_MAX];

    memset(large, '1', sizeof(large) - 1);
    scratch_write("data", large);
    set_time("data", 1000);
    snprintf(was, sizeof(was), "%s", identity("data"));
    CU_ASSERT(!strncmp(was, "20000 ", 6));
    UNIT_CONTAINS(was, " 1000000000000 ");
    CU_ASSERT_EQUAL(strlen(strrchr(was, ' ') + 1), 40);
    /* The same, also as what a part is named of. */
    UNIT_EQUAL(identity("data"), was);
    UNIT_EQUAL(identity("data:/entry:x"), was);
    /* Whatever its time says: its first bytes, its last, its size. */
    write_into("data", 0, "2");
    CU_ASSERT(strcmp(identity("data"), was) != 0);
    write_into("data", 0, "1");
    UNIT_EQUAL(identity("data"), was);
    write_into("data", 19999, "2");
    CU_ASSERT(strcmp(identity("data"), was) != 0);
    write_into("data", 19999, "1");
    UNIT_EQUAL(identity("data"), was);
    write_into("data", 20000, "1");
    CU_ASSERT(strcmp(identity("data"), was) != 0);
    CU_ASSERT_EQUAL(truncate(at("data"), 20000), 0);
    set_time("data", 1001);
    CU_ASSERT(strcmp(identity("data"), was) != 0); /* its time */
    set_time("data", 1000);
    UNIT_EQUAL(identity("data"), was);
    /* Another file with all the same in it. */
    CU_ASSERT_EQUAL(rename(at("data"), at("data.1")), 0);
    scratch_write("data", large);
    set_time("data", 1000);
    CU_ASSERT(strcmp(identity("data"), was) != 0);
    UNIT_EQUAL(identity("data.1"), was);
}

static void test_no_identity(void)
{
    static const char *const names[] = {"gone", "gone:x", "dir", "pipe"};

    folder("dir");
    CU_ASSERT_EQUAL(mkfifo(at("pipe"), 0600), 0);
    for (size_t i = 0; i < N(names); i++)
        UNIT_EQUAL(identity(names[i]), "");
    scratch_write("empty", "");
    CU_ASSERT(!strncmp(identity("empty"), "0 ", 2));
}

int main(void)
{
    static const unit_test tests[] = {
        {"a file, a folder, a pattern", test_lists},
        {"what is none of them", test_refused},
        {"the next one behind a name", test_behind},
        {"what several are", test_digest},
        {"what one is", test_identity},
        {"what has no identity", test_no_identity},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("file_list", tests);
    scratch_remove();
    return status;
}
