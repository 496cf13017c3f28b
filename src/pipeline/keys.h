/* keys.h - which keys a pipeline file may have, for who lists them. */
#ifndef PIPELINE_KEYS_H
#define PIPELINE_KEYS_H

#include <pilot/options.h>

#include "src/request/request.h"

/* A mapping of the file, in the order of the manual. */
typedef struct pipeline_mapping {
    const char *path;  /* "streams.STAGE"; NULL ends the list */
    const char *prose; /* one line */
    const pe_option_spec *keys;
    int kind; /* enum pilot_kind whose words of a request are keys, too; -1 */
} pipeline_mapping;

/* All of them; a constant. */
const pipeline_mapping *pipeline_mappings(void);

/* Is word [w] of a request a key of [m]? */
bool pipeline_mapping_has(const pipeline_mapping *m, enum request_word w);

#endif
