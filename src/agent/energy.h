/* energy.h - the joules that a host takes, where its processor counts them. */
#ifndef AGENT_ENERGY_H
#define AGENT_ENERGY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { ENERGY_ZONES_MAX = 32 };

/* A counter of RAPL: microjoules, which begin with 0 again behind [range]. */
typedef struct energy_zone {
    char path[320]; /* of the file with its number */
    uint64_t last, range;
} energy_zone;

/* Those of the packages of this host and of their memory; starts zeroed. */
typedef struct energy {
    energy_zone zone[ENERGY_ZONES_MAX];
    int n;
    double joules; /* since energy_open, as of the newest turn */
    char why[400]; /* there are none; "" */
    bool is_open;
} energy;

/* Find them in [folder] (NULL: /sys/class/powercap) and read them. */
void energy_open(energy *e, const char *folder);
/* Read them; due more often than the smallest range is full, which takes a
 * minute at the least.  One that cannot be read any more ends it: what was
 * added up is no sum then.
 */
void energy_turn(energy *e);
/* {"joules", "source": "rapl", "host"} or {"why", "host"}, new; NULL: no
 * memory.
 */
json_t *energy_json(const energy *e);

#endif
