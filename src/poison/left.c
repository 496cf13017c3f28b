/* left.c - the notes that processes have left in the folder of their pilot. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/text.h"
#include "suspects.h"

#define PREFIX "notes."

char *suspects_path(const char *dir, int rank)
{
    return text_format("%s/" PREFIX "%d", dir, rank);
}

static bool is_notes(const struct dirent *e)
{
    return !strncmp(e->d_name, PREFIX, strlen(PREFIX));
}

bool suspects_left(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    bool found = false;

    while (d && !found && (e = readdir(d)))
        found = is_notes(e);
    if (d)
        closedir(d);
    return found;
}

int suspects_each(const char *dir, bool forget,
                  int (*visit)(void *arg, const note_death *d, pe_error *errp),
                  void *arg, pe_error *errp)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int rc = 0;

    while (d && rc == 0 && (e = readdir(d))) {
        char *path = is_notes(e) ? text_format("%s/%s", dir, e->d_name) : NULL;

        if (!is_notes(e))
            continue;
        rc = path ? 0 : pe_error_nomem(errp);
        if (rc == 0 && visit)
            rc = note_read(path, visit, arg, errp);
        if (rc == 0 && forget)
            unlink(path);
        free(path);
    }
    if (d)
        closedir(d);
    return rc;
}
