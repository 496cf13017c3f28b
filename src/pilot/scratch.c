/* scratch.c - folders of a pool outside its pilot's: noted, and removed. */
#include "scratch.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/text.h"

/* A folder of ours is noted as a link in the pilot's. */
static char *link_name(const char *dir, const char *suffix)
{
    return text_format("%s/scratch.%s", dir, suffix);
}

static void drop(const char *dir, const char *suffix)
{
    char *link = link_name(dir, suffix), path[PATH_MAX];
    ssize_t n = link ? readlink(link, path, sizeof(path) - 1) : -1;

    if (n > 0) {
        path[n] = '\0';
        file_remove_tree(path, NULL);
        unlink(link);
    }
    free(link);
}

/* A folder of our own under [parent] in new memory, or NULL. */
static char *make(const char *dir, const char *parent, const char *suffix)
{
    char *path = text_format("%s/pilot-XXXXXX", parent);
    char *link = link_name(dir, suffix);
    bool made = path && link && mkdtemp(path);

    if (made && symlink(path, link) < 0) {
        rmdir(path);
        made = false;
    }
    free(link);
    if (made)
        return path;
    free(path);
    return NULL;
}

int scratch_make(scratch *out, const char *dir, pe_error *errp)
{
    scratch_clean(dir);
    out->session = make(dir, "/tmp", "tmp");
    if (!out->session)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE,
                            "cannot make a folder in /tmp: %s",
                            strerror(errno));
    out->shared = make(dir, "/dev/shm", "shm");
    return 0;
}

void scratch_free(scratch *s)
{
    free(s->session);
    free(s->shared);
    memset(s, 0, sizeof(*s));
}

void scratch_clean(const char *dir)
{
    drop(dir, "tmp");
    drop(dir, "shm");
}
