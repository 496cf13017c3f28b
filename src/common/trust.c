/* trust.c - whose signatures are taken on this host, and files opened once. */
#include "sign.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/sign_private.h"
#include "src/common/text.h"

#define NAME "pilot/trust"
#define TRUST_MAX (1 << 20)
#define WORD "ed25519 "

struct sign_trust {
    unsigned char (*keys)[SIGN_KEY_BYTES];
    size_t n;
    char *where;
};

bool sign_trust_has(const sign_trust *t, const unsigned char *raw)
{
    for (size_t i = 0; i < t->n; i++)
        if (!memcmp(t->keys[i], raw, SIGN_KEY_BYTES))
            return true;
    return false;
}

const char *sign_trust_where(const sign_trust *t)
{
    return t->where;
}

void sign_trust_close(sign_trust *t)
{
    if (!t)
        return;
    free(t->keys);
    free(t->where);
    free(t);
}

/* --- files of trust --- */

/* Who else may write to it could trust anybody. */
static int check_owner(int fd, const char *path, pe_error *errp)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return file_error(errp, errno, "read", path, PE_EXIT_DATA);
    if (S_ISREG(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()) &&
        !(st.st_mode & 022))
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_PERMISSION,
                        "%s says whose functions are taken, and somebody else "
                        "can write to it: it has to be a file of yours or "
                        "root's; run 'chmod 644 %s'",
                        path, path);
}

static int key_take(sign_trust *t, const char *line, pe_error *errp)
{
    unsigned char raw[SIGN_KEY_BYTES + 16];
    size_t len = strcspn(line, " \t");
    void *more;

    if (len != 44 || EVP_DecodeBlock(raw, (const unsigned char *)line,
                                     (int)len) != SIGN_KEY_BYTES + 1)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "no key");
    more = realloc(t->keys, (t->n + 1) * sizeof(*t->keys));
    if (!more)
        return pe_error_nomem(errp);
    t->keys = more;
    memcpy(t->keys[t->n++], raw, SIGN_KEY_BYTES);
    return 0;
}

static int lines_take(sign_trust *t, char *data, const char *path,
                      pe_error *errp)
{
    char *save = NULL;

    for (char *line = strtok_r(data, "\r\n", &save); line;
         line = strtok_r(NULL, "\r\n", &save)) {
        line += strspn(line, " \t");
        if (!*line || *line == '#')
            continue;
        if (strncmp(line, WORD, strlen(WORD)) != 0 ||
            key_take(t, line + strlen(WORD), errp) < 0)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                "%s: '%.80s' is no line of it: take those of "
                                "the .pub files that 'pilot key make' writes",
                                path, line);
    }
    return 0;
}

/* 1: it is there and was taken; 0: it is not. */
static int file_take(sign_trust *t, const char *path, bool asked,
                     pe_error *errp)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char open_path[32], *data, *where;
    int status;

    if (fd < 0 && errno == ENOENT && !asked)
        return 0;
    if (fd < 0)
        return file_error(errp, errno, "open", path, PE_EXIT_CONFIG);
    snprintf(open_path, sizeof(open_path), "/proc/self/fd/%d", fd);
    status = check_owner(fd, path, errp);
    data = status == 0 ? file_read(open_path, TRUST_MAX, NULL, errp) : NULL;
    status = data ? lines_take(t, data, path, errp) : -1;
    free(data);
    close(fd);
    if (status < 0)
        return -1;
    where = text_format("%s%s%s", t->where ? t->where : "",
                        t->where ? " and " : "", path);
    free(t->where);
    t->where = where;
    return where ? 1 : pe_error_nomem(errp);
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static int user_take(sign_trust *t, pe_error *errp)
{
    const char *own = variable("XDG_CONFIG_HOME"), *home = variable("HOME");
    char *path = own    ? text_format("%s/" NAME, own)
                 : home ? text_format("%s/.config/" NAME, home)
                        : NULL;
    int status = path ? file_take(t, path, false, errp) : 0;

    free(path);
    return status;
}

static int site_take(sign_trust *t, pe_error *errp)
{
    const char *list = variable("XDG_CONFIG_DIRS");
    int status = 0;

    if (!list)
        list = PILOT_SYSCONFDIR;
    for (size_t n; status >= 0 && *list; list += n + (list[n] == ':')) {
        char *path;

        n = strcspn(list, ":");
        path = text_format("%.*s/" NAME, (int)n, list);
        status = path ? file_take(t, path, false, errp) : pe_error_nomem(errp);
        free(path);
    }
    return status;
}

sign_trust *sign_trust_open(pe_error *errp)
{
    const char *named = variable("PILOT_TRUST");
    sign_trust *t = calloc(1, sizeof(*t));
    int status = t ? 0 : pe_error_nomem(errp);

    if (t && named)
        status = file_take(t, named, true, errp);
    else if (t)
        status = user_take(t, errp) < 0 || site_take(t, errp) < 0 ? -1 : 0;
    if (status >= 0 && t && t->where)
        return t;
    sign_trust_close(t);
    return NULL;
}

/* --- files that are opened once --- */

static int copy_in(int from, int to, const char *path, pe_error *errp)
{
    size_t total = 0;
    char chunk[65536];
    ssize_t n;

    while ((n = read(from, chunk, sizeof(chunk))) > 0 ||
           (n < 0 && errno == EINTR)) {
        total += n > 0 ? (size_t)n : 0;
        if (total > SIGN_FILE_MAX)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "%s is larger than a function can be", path);
        for (ssize_t at = 0; at < n;) {
            ssize_t m = write(to, chunk + at, (size_t)(n - at));

            if (m <= 0)
                return pe_error_nomem(errp);
            at += m;
        }
    }
    return n < 0 ? file_error(errp, errno, "read", path, PE_EXIT_DATA) : 0;
}

static int check_sealed(const sign_trust *t, int fd, const char *path,
                        pe_error *errp)
{
    struct stat st;
    void *data;
    int status;

    if (fstat(fd, &st) < 0 || st.st_size == 0)
        return sign_check(t, (const unsigned char *)"", 0, path, errp);
    data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return pe_error_nomem(errp);
    status = sign_check(t, data, (size_t)st.st_size, path, errp);
    munmap(data, (size_t)st.st_size);
    return status;
}

int sign_seal(const sign_trust *t, const char *path, pe_error *errp)
{
    int from = open(path, O_RDONLY | O_CLOEXEC);
    int fd = from < 0
                 ? -1
                 : memfd_create("function", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int status = -1;

    if (from < 0)
        return file_error(errp, errno, "open", path, PE_EXIT_DATA);
    if (fd < 0)
        pe_error_nomem(errp);
    else if (copy_in(from, fd, path, errp) == 0 &&
             fcntl(fd, F_ADD_SEALS,
                   F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) <
                 0)
        file_error(errp, errno, "seal", path, PE_EXIT_FAILED);
    else if (fcntl(fd, F_GET_SEALS) > 0)
        status = check_sealed(t, fd, path, errp);
    close(from);
    if (status == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}
