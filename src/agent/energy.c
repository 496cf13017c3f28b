/* energy.c - the joules that a host takes, where its processor counts them. */
#include "energy.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "/sys/class/powercap"
#define PREFIX "intel-rapl:" /* that of AMD's, too */

/* A line of FOLDER/ZONE/FILE; -1: an errno. */
static int line_read(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "re");
    bool got;

    if (!f)
        return -1;
    errno = EIO;
    got = fgets(out, (int)cap, f) != NULL;
    fclose(f);
    out[got ? strcspn(out, "\n") : 0] = '\0';
    return got ? 0 : -1;
}

static int number_read(const char *path, uint64_t *np)
{
    char line[32], *end;

    if (line_read(path, line, sizeof(line)) < 0)
        return -1;
    errno = 0;
    *np = strtoull(line, &end, 10);
    if (errno == 0 && end != line && *end == '\0' && *line != '-')
        return 0;
    errno = EINVAL;
    return -1;
}

static void refuse(energy *e, const char *path)
{
    int error = errno;

    e->n = 0;
    snprintf(e->why, sizeof(e->why), "%s: %s%s", path, strerror(error),
             error == EACCES ? " (its owner may let others read it)" : "");
}

/* Packages have the cores in them; their memory is beside them, and the whole
 * board (psys) has all of these in it.
 */
static bool is_counted(const char *zone, const char *name)
{
    bool is_part = strchr(zone + strlen(PREFIX), ':') != NULL;

    return is_part ? !strcmp(name, "dram") : strncmp(name, "package", 7) == 0;
}

static bool zone_add(energy *e, const char *folder, const char *zone)
{
    energy_zone *z = &e->zone[e->n];
    char path[360], name[64];

    snprintf(path, sizeof(path), "%s/%s/name", folder, zone);
    if (e->n == ENERGY_ZONES_MAX || line_read(path, name, sizeof(name)) < 0 ||
        !is_counted(zone, name))
        return true;
    snprintf(path, sizeof(path), "%s/%s/max_energy_range_uj", folder, zone);
    if (number_read(path, &z->range) < 0) {
        refuse(e, path);
        return false;
    }
    snprintf(z->path, sizeof(z->path), "%s/%s/energy_uj", folder, zone);
    if (number_read(z->path, &z->last) < 0) {
        refuse(e, z->path);
        return false;
    }
    e->n++;
    return true;
}

void energy_open(energy *e, const char *folder)
{
    DIR *d;

    memset(e, 0, sizeof(*e));
    e->is_open = true;
    folder = folder ? folder : FOLDER;
    d = opendir(folder);
    if (!d) {
        refuse(e, folder);
        return;
    }
    for (const struct dirent *i; (i = readdir(d));)
        if (!strncmp(i->d_name, PREFIX, strlen(PREFIX)) &&
            strlen(i->d_name) < 64 && strlen(folder) < 200 &&
            !zone_add(e, folder, i->d_name))
            break;
    closedir(d);
    if (e->n == 0 && !*e->why)
        snprintf(e->why, sizeof(e->why), "%.200s has no counter of a package",
                 folder);
}

void energy_turn(energy *e)
{
    for (int i = 0; i < e->n; i++) {
        energy_zone *z = &e->zone[i];
        uint64_t now;

        if (number_read(z->path, &now) < 0) {
            refuse(e, z->path);
            return;
        }
        e->joules += (double)(now >= z->last ? now - z->last
                                             : now + z->range - z->last) /
                     1e6;
        z->last = now;
    }
}

json_t *energy_json(const energy *e)
{
    char host[256] = "?";

    gethostname(host, sizeof(host) - 1);
    return *e->why ? json_pack("{s:s, s:s}", "why", e->why, "host", host)
                   : json_pack("{s:f, s:s, s:s}", "joules", e->joules, "source",
                               "rapl", "host", host);
}
