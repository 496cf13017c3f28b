/* test_file.c - whole files, folders and secrets, on a real file system. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/file.h"

static char root[] = "/tmp/pilot-test-file-XXXXXX";

/* ROOT/[name] in one of a few static buffers. */
static const char *under(const char *name)
{
    static char paths[8][4096];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", root, name);
    return path;
}

static void put(const char *path, const char *content, mode_t mode)
{
    FILE *f = fopen(path, "w");

    CU_ASSERT_FATAL(f != NULL);
    fputs(content, f);
    fclose(f);
    chmod(path, mode);
}

static int entries(const char *path)
{
    DIR *dir = opendir(path);
    int n = -2;

    CU_ASSERT_FATAL(dir != NULL);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void test_read(void)
{
    pe_error e = {0};
    size_t len = 99;

    put(under("r"), "hello", 0600);
    char *s = file_read(under("r"), 5, &len, &e);
    UNIT_EQUAL(s, "hello");
    CU_ASSERT_EQUAL(len, 5);
    free(s);
    s = file_read(under("r"), 100, NULL, NULL);
    UNIT_EQUAL(s, "hello");
    free(s);
    put(under("r"), "", 0600);
    s = file_read(under("r"), 0, &len, &e);
    UNIT_EQUAL(s, "");
    CU_ASSERT_EQUAL(len, 0);
    free(s);
    /* A file whose size says 0. */
    s = file_read("/proc/self/status", 1 << 20, &len, &e);
    UNIT_CONTAINS(s, "Name:");
    free(s);
}

static void test_read_large(void)
{
    size_t size = 1000003, len;
    char *data = malloc(size);

    CU_ASSERT_FATAL(data != NULL);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 31);
    CU_ASSERT_EQUAL(file_write(under("large"), data, size, 0600, NULL), 0);
    char *got = file_read(under("large"), size, &len, NULL);
    CU_ASSERT_FATAL(got != NULL);
    CU_ASSERT_EQUAL(len, size);
    CU_ASSERT_EQUAL(memcmp(got, data, size), 0);
    CU_ASSERT_EQUAL(got[size], '\0');
    free(got);
    free(data);
}

static void test_read_errors(void)
{
    pe_error e = {0};
    size_t len = 99;

    CU_ASSERT_PTR_NULL(file_read(under("none"), 10, &len, &e));
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    UNIT_CONTAINS(e.text, "cannot open");
    UNIT_CONTAINS(e.text, "/none: No such file");
    CU_ASSERT_PTR_NULL(file_read(root, 10, &len, &e));
    UNIT_CONTAINS(e.text, "Is a directory");
    put(under("six"), "sixsix", 0600);
    CU_ASSERT_PTR_NULL(file_read(under("six"), 5, &len, &e));
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    UNIT_CONTAINS(e.text, "/six is longer than 5 bytes");
    CU_ASSERT_EQUAL(len, 99);
}

static void test_write(void)
{
    pe_error e = {0};
    struct stat st;

    CU_ASSERT_EQUAL(file_mkdir(under("w"), &e), 0);
    CU_ASSERT_EQUAL(file_write(under("w/f"), "old", 3, 0640, &e), 0);
    CU_ASSERT_EQUAL(stat(under("w/f"), &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0640);
    /* Whoever has the old file open keeps the old content. */
    FILE *f = fopen(under("w/f"), "r");
    CU_ASSERT_FATAL(f != NULL);
    CU_ASSERT_EQUAL(file_write(under("w/f"), "newer", 5, 0600, &e), 0);
    char old[8] = "";
    CU_ASSERT_EQUAL(fread(old, 1, sizeof(old), f), 3);
    UNIT_EQUAL(old, "old");
    fclose(f);
    char *now = file_read(under("w/f"), 10, NULL, &e);
    UNIT_EQUAL(now, "newer");
    free(now);
    CU_ASSERT_EQUAL(entries(under("w")), 1);
}

/* A device, a pipe or a link stays what it is. */
static void test_write_channel(void)
{
    char got[8] = "", fd[32];
    int ends[2];
    struct stat st;
    pe_error e;

    CU_ASSERT_EQUAL(mkdir(under("c"), 0700), 0);
    CU_ASSERT_EQUAL(mkfifo(under("c/pipe"), 0600), 0);
    int in = open(under("c/pipe"), O_RDONLY | O_NONBLOCK);
    CU_ASSERT_EQUAL(file_write(under("c/pipe"), "word", 4, 0600, &e), 0);
    CU_ASSERT_EQUAL(read(in, got, sizeof(got) - 1), 4);
    UNIT_EQUAL(got, "word");
    close(in);
    CU_ASSERT(lstat(under("c/pipe"), &st) == 0 && S_ISFIFO(st.st_mode));
    CU_ASSERT_EQUAL(file_write("/dev/null", "x", 1, 0600, &e), 0);
    CU_ASSERT(lstat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
    CU_ASSERT_EQUAL(file_write("/dev/full", "x", 1, 0600, &e), -1);
    UNIT_CONTAINS(e.text, "cannot write /dev/full: disk full");
    CU_ASSERT(lstat("/dev/full", &st) == 0 && S_ISCHR(st.st_mode));
    CU_ASSERT_EQUAL(pipe(ends), 0);
    snprintf(fd, sizeof(fd), "/dev/fd/%d", ends[1]);
    CU_ASSERT_EQUAL(file_write(fd, "more", 4, 0600, &e), 0);
    CU_ASSERT_EQUAL(read(ends[0], got, sizeof(got) - 1), 4);
    UNIT_EQUAL(got, "more");
    close(ends[0]);
    close(ends[1]);
    put(under("c/f"), "old", 0600);
    CU_ASSERT_EQUAL(symlink("f", under("c/link")), 0);
    CU_ASSERT_EQUAL(file_write(under("c/link"), "new", 3, 0600, &e), 0);
    CU_ASSERT(lstat(under("c/link"), &st) == 0 && S_ISLNK(st.st_mode));
    char *now = file_read(under("c/f"), 100, NULL, NULL);
    UNIT_EQUAL(now, "new");
    free(now);
}

static void test_write_relative(void)
{
    char cwd[4096];

    CU_ASSERT_FATAL(getcwd(cwd, sizeof(cwd)) && chdir(root) == 0);
    CU_ASSERT_EQUAL(file_write("bare", "x", 1, 0600, NULL), 0);
    CU_ASSERT_EQUAL(access(under("bare"), R_OK), 0);
    CU_ASSERT_EQUAL(chdir(cwd), 0);
}

static void test_write_errors(void)
{
    pe_error e = {0};

    CU_ASSERT_EQUAL(file_write(under("no/f"), "x", 1, 0600, &e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    UNIT_CONTAINS(e.text, "cannot write");
    UNIT_CONTAINS(e.text, "/no/f: No such file");
    /* No folder of /proc takes a new file, not even root's. */
    CU_ASSERT_EQUAL(file_write("/proc/self/fd/f", "x", 1, 0600, &e), -1);
    CU_ASSERT(e.exit_code == PE_EXIT_CREATE ||
              e.exit_code == PE_EXIT_PERMISSION);
    /* rename(2) onto a folder fails, and the temporary file goes. */
    CU_ASSERT_EQUAL(file_mkdir(under("taken/dir"), &e), 0);
    CU_ASSERT_EQUAL(file_write(under("taken/dir"), "x", 1, 0600, &e), -1);
    UNIT_CONTAINS(e.text, "Is a directory");
    CU_ASSERT_EQUAL(entries(under("taken")), 1);
}

static void test_write_permission(void)
{
    pe_error e = {0};

    if (geteuid() == 0) {
        CU_PASS("root may write anywhere");
        return;
    }
    CU_ASSERT_EQUAL(file_mkdir(under("closed"), &e), 0);
    CU_ASSERT_EQUAL(chmod(under("closed"), 0500), 0);
    CU_ASSERT_EQUAL(file_write(under("closed/f"), "x", 1, 0600, &e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_PERMISSION);
    CU_ASSERT_EQUAL(file_mkdir(under("closed/d"), &e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_PERMISSION);
    CU_ASSERT_EQUAL(chmod(under("closed"), 0700), 0);
}

/* The limit on the size of files stands for a full disk: write(2) fails half
 * way in both cases.
 */
static void test_write_full(void)
{
    static char data[100000];
    struct rlimit old, small;
    pe_error e = {0};

    CU_ASSERT_EQUAL(file_mkdir(under("full"), &e), 0);
    CU_ASSERT_EQUAL(file_write(under("full/f"), "old", 3, 0600, &e), 0);
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 50000;
    signal(SIGXFSZ, SIG_IGN);
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &small), 0);
    int status = file_write(under("full/f"), data, sizeof(data), 0600, &e);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);

    CU_ASSERT_EQUAL(status, -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    UNIT_CONTAINS(e.text, "/full/f: disk full");
    char *kept = file_read(under("full/f"), 10, NULL, NULL);
    UNIT_EQUAL(kept, "old");
    free(kept);
    CU_ASSERT_EQUAL(entries(under("full")), 1);
}

static void test_mkdir(void)
{
    pe_error e = {0};
    struct stat st;

    CU_ASSERT_EQUAL(file_mkdir(under("d/e//f/"), &e), 0);
    CU_ASSERT_EQUAL(stat(under("d/e/f"), &st), 0);
    CU_ASSERT(S_ISDIR(st.st_mode));
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);
    CU_ASSERT_EQUAL(file_mkdir(under("d/e/f"), &e), 0);
    CU_ASSERT_EQUAL(file_mkdir("/", &e), 0);
    put(under("plain"), "", 0600);
    CU_ASSERT_EQUAL(file_mkdir(under("plain"), &e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    UNIT_CONTAINS(e.text, "cannot make folder");
    UNIT_CONTAINS(e.text, "Not a directory");
    CU_ASSERT_EQUAL(file_mkdir(under("plain/x"), &e), -1);
    CU_ASSERT_EQUAL(file_mkdir("", &e), -1);
}

static void test_remove(void)
{
    pe_error e = {0};

    CU_ASSERT_EQUAL(file_remove_tree(under("missing"), &e), 0);
    CU_ASSERT_EQUAL(file_mkdir(under("t/a/b"), &e), 0);
    CU_ASSERT_EQUAL(file_mkdir(under("outside"), &e), 0);
    put(under("outside/kept"), "", 0600);
    put(under("t/a/file"), "", 0400);
    put(under("t/.hidden"), "", 0400);
    CU_ASSERT_EQUAL(symlink(under("outside"), under("t/a/link")), 0);
    CU_ASSERT_EQUAL(symlink(under("t"), under("way")), 0);
    /* A link goes, what it leads to stays. */
    CU_ASSERT_EQUAL(file_remove_tree(under("way"), &e), 0);
    CU_ASSERT_EQUAL(access(under("t/a/b"), F_OK), 0);
    CU_ASSERT_EQUAL(file_remove_tree(under("t"), &e), 0);
    CU_ASSERT_EQUAL(access(under("t"), F_OK), -1);
    CU_ASSERT_EQUAL(access(under("outside/kept"), F_OK), 0);
    CU_ASSERT_EQUAL(file_remove_tree(under("outside/kept"), &e), 0);
    CU_ASSERT_EQUAL(access(under("outside/kept"), F_OK), -1);
}

#define FOLDERS 400

/* NULL: [path] is removed. */
static void *remove_all(void *path)
{
    return file_remove_tree(path, NULL) < 0 ? path : NULL;
}

/* Two that remove the same do not fail each other. */
static void test_remove_two(void)
{
    char name[64], path[4096];
    pthread_t other;
    void *failed = NULL;

    for (int i = 0; i < FOLDERS; i++) {
        snprintf(name, sizeof(name), "both/%d/in", i);
        CU_ASSERT_EQUAL(file_mkdir(under(name), NULL), 0);
    }
    snprintf(path, sizeof(path), "%s", under("both"));
    CU_ASSERT_EQUAL_FATAL(pthread_create(&other, NULL, remove_all, path), 0);
    CU_ASSERT_PTR_NULL(remove_all(path));
    pthread_join(other, &failed);
    CU_ASSERT_PTR_NULL(failed);
    CU_ASSERT_EQUAL(access(path, F_OK), -1);
}

static void test_remove_errors(void)
{
    pe_error e = {0};

    put(under("leaf"), "", 0600);
    CU_ASSERT_EQUAL(file_remove_tree(under("leaf/x"), &e), -1);
    UNIT_CONTAINS(e.text, "cannot remove");
    UNIT_CONTAINS(e.text, "Not a directory");
}

static void test_secret(void)
{
    static const struct {
        const char *content, *want;
    } table[] = {{"s3cret", "s3cret"},
                 {"s3cret\n", "s3cret"},
                 {"s3cret\r\nmore\n", "s3cret"},
                 {" with blanks \n", " with blanks "}};
    pe_error e = {0};

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        put(under("secret"), table[i].content, 0600);
        char *s = file_read_secret(under("secret"), &e);
        UNIT_EQUAL(s, table[i].want);
        free(s);
    }
    CU_ASSERT_EQUAL(symlink(under("secret"), under("alias")), 0);
    char *s = file_read_secret(under("alias"), &e);
    UNIT_EQUAL(s, " with blanks ");
    free(s);
}

static void test_secret_modes(void)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601, 0666};
    pe_error e = {0};

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        put(under("open"), "s3cret", modes[i]);
        CU_ASSERT_PTR_NULL(file_read_secret(under("open"), &e));
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_PERMISSION);
        UNIT_CONTAINS(e.text, "is open to others; run 'chmod 600 /");
        CU_ASSERT_PTR_NULL(strstr(e.text, "s3cret"));
    }
    put(under("open"), "s3cret", 0400);
    char *s = file_read_secret(under("open"), &e);
    UNIT_EQUAL(s, "s3cret");
    free(s);
}

static void test_secret_errors(void)
{
    const char *foreign = "/etc/passwd";
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(file_read_secret(under("no-secret"), &e));
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    UNIT_CONTAINS(e.text, "No such file");
    put(under("empty"), "\nsecond", 0600);
    CU_ASSERT_PTR_NULL(file_read_secret(under("empty"), &e));
    UNIT_CONTAINS(e.text, "the first line of ");
    CU_ASSERT_PTR_NULL(file_read_secret(root, &e));
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_PERMISSION);
    UNIT_CONTAINS(e.text, "is not a regular file");
    CU_ASSERT_EQUAL(mkfifo(under("fifo"), 0600), 0);
    CU_ASSERT_PTR_NULL(file_read_secret(under("fifo"), &e));
    UNIT_CONTAINS(e.text, "is not a regular file");
    if (geteuid() == 0) {
        foreign = under("foreign");
        put(foreign, "s3cret", 0600);
        CU_ASSERT_EQUAL(chown(foreign, 12345, 12345), 0);
    }
    CU_ASSERT_PTR_NULL(file_read_secret(foreign, &e));
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_PERMISSION);
    UNIT_CONTAINS(e.text, "belongs to another user");
}

int main(void)
{
    static const unit_test tests[] = {
        {"read", test_read},
        {"read: large and binary", test_read_large},
        {"read: errors", test_read_errors},
        {"write: replaces whole files", test_write},
        {"write: to a device, a pipe, by a link", test_write_channel},
        {"write: name without a folder", test_write_relative},
        {"write: errors", test_write_errors},
        {"write: no permission", test_write_permission},
        {"write: full disk keeps the old file", test_write_full},
        {"mkdir", test_mkdir},
        {"remove: links are not followed", test_remove},
        {"remove: two at once", test_remove_two},
        {"remove: errors", test_remove_errors},
        {"secret", test_secret},
        {"secret: modes", test_secret_modes},
        {"secret: errors", test_secret_errors},
        {NULL, NULL},
    };
    pe_error e = {0};

    if (!mkdtemp(root))
        return 1;
    int status = unit_main("file", tests);
    if (file_remove_tree(root, &e) < 0) {
        printf("# %s\n", e.text);
        status = 1;
    }
    return status;
}
