/* map.h - `pilot status --map`: who has which partition, and why. */
#ifndef CMD_MAP_H
#define CMD_MAP_H

#include <jansson.h>

#include "src/run/pilots.h"

/* The maps of the runs that [p] has pools of (live_map), new; one that cannot
 * be made is said on standard error.  NULL: no memory.
 */
json_t *map_make(const pilots *p);
/* They as tables, a line for each partition; what is preferred and could not be
 * had stands below.
 */
void map_print(const json_t *maps, bool header);

#endif
