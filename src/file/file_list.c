/* file_list.c - the files that a path means: one, a folder's, a pattern's. */
#include "file_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/text.h"

#define HEAD 256

void file_list_free(file_list *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->n; i++)
        free(l->paths[i]);
    free(l->paths);
    *l = (file_list){0};
}

/* Take [path] over; NULL, and no room for it, is no memory. */
static int add(file_list *l, char *path, pe_error *errp)
{
    char **more = l->paths;

    if ((l->n & (l->n - 1)) == 0)
        more = reallocarray(l->paths, l->n ? 2 * l->n : 1, sizeof(*more));
    if (more)
        l->paths = more;
    if (!more || !path) {
        free(path);
        return pe_error_nomem(errp);
    }
    l->paths[l->n++] = path;
    return 0;
}

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Among several files one that would never end is nobody's wish; a socket is
 * nothing to read at all.
 */
static int check_kind(const char *path, bool several, pe_error *errp)
{
    struct stat st;
    const char *what;

    if (stat(path, &st) < 0)
        return 0; /* who opens it says why */
    what = S_ISSOCK(st.st_mode)                         ? "a socket"
           : S_ISREG(st.st_mode) || !several            ? NULL
           : S_ISFIFO(st.st_mode)                       ? "a pipe"
           : S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ? "a device"
                                                        : NULL;
    if (!what)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s is %s, and no file of rows%s", path, what,
                        several ? ": take it out of the folder, or name the "
                                  "files by a pattern that leaves it out"
                                : "");
}

static int add_folder(file_list *l, const char *path, pe_error *errp)
{
    DIR *dir = opendir(path);
    const char *slash = path[strlen(path) - 1] == '/' ? "" : "/";
    struct dirent *e;
    int rc = 0;

    if (!dir)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s cannot be opened: %s", path, strerror(errno));
    while (rc == 0 && (e = readdir(dir))) {
        char *file;
        if (*e->d_name == '.')
            continue;
        file = text_format("%s%s%s", path, slash, e->d_name);
        if (file && is_folder(file)) {
            free(file);
            continue;
        }
        rc = add(l, file, errp);
        if (rc == 0)
            rc = check_kind(file, true, errp);
    }
    closedir(dir);
    return rc;
}

/* A data set behind the pattern, *.h5:/entry/data, is that of each file. */
static int add_pattern(file_list *l, const char *path, pe_error *errp)
{
    const char *colon = strstr(path, ":/");
    const char *member = colon ? colon : "";
    char *pattern = strndup(path, strlen(path) - strlen(member));
    glob_t g = {0};
    int rc = pattern ? glob(pattern, 0, NULL, &g) : GLOB_NOSPACE;

    free(pattern);
    if (rc == GLOB_NOSPACE)
        return pe_error_nomem(errp);
    rc = 0;
    for (size_t i = 0; rc == 0 && i < g.gl_pathc; i++) {
        if (is_folder(g.gl_pathv[i]))
            continue;
        rc = check_kind(g.gl_pathv[i], true, errp);
        if (rc == 0)
            rc = add(l, text_format("%s%s", g.gl_pathv[i], member), errp);
    }
    globfree(&g);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

int file_list_make(const char *path, file_list *out, pe_error *errp)
{
    bool folder = *path && is_folder(path);
    bool pattern = !folder && strpbrk(path, "*?[") && access(path, F_OK) < 0;
    int rc;

    *out = (file_list){.several = folder || pattern};
    if (check_kind(path, false, errp) < 0)
        return -1;
    rc = folder    ? add_folder(out, path, errp)
         : pattern ? add_pattern(out, path, errp)
                   : add(out, strdup(path), errp);
    if (rc == 0 && out->n == 0)
        rc = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                          folder ? "%s is a folder without files"
                                 : "%s is a pattern that no file fits",
                          path);
    if (rc == 0 && out->n > 1)
        qsort(out->paths, out->n, sizeof(*out->paths), by_name);
    if (rc < 0)
        file_list_free(out);
    return rc;
}

size_t file_list_behind(const file_list *l, const char *name)
{
    size_t i = 0;

    while (i < l->n && strverscmp(l->paths[i], name) <= 0)
        i++;
    return i;
}

uint64_t file_size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* FNV-1a */
static uint64_t mix(uint64_t h, const void *data, size_t n)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    return h;
}

static const char *base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

uint64_t file_list_digest(const file_list *l, size_t n, uint64_t last_bytes)
{
    uint64_t h = UINT64_C(14695981039346656037);
    char head[HEAD];
    bool regular = n > 0 && file_size_of(l->paths[0]) > 0;
    int fd = regular ? open(l->paths[0], O_RDONLY | O_CLOEXEC) : -1;
    size_t most = n == 1 && last_bytes < HEAD ? (size_t)last_bytes : HEAD;
    ssize_t len = fd >= 0 ? read(fd, head, most) : 0;

    if (fd >= 0)
        close(fd);
    if (len > 0)
        h = mix(h, head, (size_t)len);
    for (size_t i = 0; i < n; i++) {
        const char *name = base(l->paths[i]);
        uint64_t size = i + 1 < n ? file_size_of(l->paths[i]) : 0;
        h = mix(h, name, strlen(name) + 1);
        h = mix(h, &size, sizeof(size));
    }
    return h;
}
