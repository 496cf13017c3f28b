/* newest.c - which run is meant where none is named. */
#include "live.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/locate.h"
#include "src/common/text.h"
#include "src/run/pilots.h"

/* Does a command follow the run in [dir]? */
static bool is_followed(const char *dir)
{
    char *path = text_format("%s/lock", dir);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;

    if (fd >= 0)
        close(fd);
    free(path);
    return held;
}

static bool has_pilot(const pilots *p, const char *run)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->r[i].run, run) && !pilot_state_is_final(p->r[i].state))
            return true;
    return false;
}

/* When the run in [dir] was last begun, ns; 0: not known. */
static int64_t began(const char *dir)
{
    char *path = text_format("%s/request.json", dir);
    struct stat st;
    int64_t ns = 0;

    if (path && stat(path, &st) == 0)
        ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    free(path);
    return ns;
}

/* [name] when it is a run that lives and is newer than *best_nsp. */
static char *newer(const pilots *p, const char *name, int64_t *best_nsp)
{
    char *dir = locate_run(p->home, name, NULL), *found = NULL;
    int64_t ns = dir ? began(dir) : 0;

    if (ns > *best_nsp && (is_followed(dir) || has_pilot(p, name)) &&
        (found = strdup(name)))
        *best_nsp = ns;
    free(dir);
    return found;
}

char *live_newest(pe_error *errp)
{
    pilots p = {0};
    const struct dirent *e;
    char *best = NULL;
    int64_t best_ns = 0;
    DIR *d = NULL;

    if (pilots_open(&p, errp) == 0 && pilots_select(&p, NULL, 0, errp) == 0 &&
        pilots_observe(&p, PILOTS_ASK_NOT, errp) >= 0)
        d = opendir(p.home);
    while (d && (e = readdir(d))) {
        char *found = newer(&p, e->d_name, &best_ns);

        if (!found)
            continue;
        free(best);
        best = found;
    }
    if (d)
        closedir(d);
    pilots_close(&p);
    return best;
}
