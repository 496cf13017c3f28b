/* file_folder.c - a folder in the place of another one. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/common/text.h"

/* Both change their names in one step: 0; -1 with errno. */
static int exchange(const char *a, const char *b)
{
    return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

static bool is_unable(int err)
{
    return err == EINVAL || err == ENOSYS || err == EOPNOTSUPP;
}

/* In steps, each of which can be gone on from. */
static int put_aside(const char *from, const char *to, const char *old,
                     pe_error *errp)
{
    if (file_remove_tree(old, errp) < 0)
        return -1;
    if (rename(to, old) < 0)
        return file_error(errp, errno, "rename", to, PE_EXIT_CREATE);
    if (rename(from, to) < 0)
        return file_error(errp, errno, "make", to, PE_EXIT_CREATE);
    return file_remove_tree(old, errp);
}

int file_folder_recover(const char *to, pe_error *errp)
{
    char *old = text_format("%s.old", to);
    int rc = old ? 0 : pe_error_nomem(errp);

    if (old && access(to, F_OK) == 0)
        rc = file_remove_tree(old, errp);
    else if (old && access(old, F_OK) == 0 && rename(old, to) < 0)
        rc = file_error(errp, errno, "rename", old, PE_EXIT_CREATE);
    free(old);
    return rc;
}

int file_folder_replace(const char *from, const char *to, pe_error *errp)
{
    char *old = text_format("%s.old", to);
    int rc = 0;

    if (!old)
        return pe_error_nomem(errp);
    if (access(to, F_OK) < 0 && errno == ENOENT) {
        if (rename(from, to) < 0)
            rc = file_error(errp, errno, "make", to, PE_EXIT_CREATE);
    } else if (exchange(from, to) == 0) {
        rc = file_remove_tree(from, errp);
    } else if (is_unable(errno)) {
        rc = put_aside(from, to, old, errp);
    } else {
        rc = file_error(errp, errno, "make", to, PE_EXIT_CREATE);
    }
    free(old);
    return rc;
}
