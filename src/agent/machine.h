/* machine.h - what this host is, for who reads of a run elsewhere. */
#ifndef AGENT_MACHINE_H
#define AGENT_MACHINE_H

#include <jansson.h>

/* {"cpu": name of the processor, "cores": that this process may use, "memory":
 * bytes, "system": "Linux 6.1.0 x86_64"}, a new reference; what cannot be found
 * out is left out.  NULL: no memory.
 */
json_t *machine_make(void);

/* The name of the processor in [text], a /proc/cpuinfo, into [out]; "" when it
 * has none.
 */
void machine_cpu(const char *text, char *out, size_t cap);

#endif
