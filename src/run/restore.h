/* restore.h - a run that begins with a model out of a file. */
#ifndef RUN_RESTORE_H
#define RUN_RESTORE_H

#include "src/pipeline/pipeline.h"

/* Is the model in safetensors file [path] one that the last stage of [p] would
 * have made, of its kind and with its options?  Its features are seen with the
 * first block.  Then it is copied to [copy] (NULL: not), and *wordsp, new
 * memory, says what it is.  Errors: input, 65, 78, naming what differs.
 */
int restore_take(const pipeline *p, const char *path, const char *copy,
                 char **wordsp, pe_error *errp);

#endif
