/* model_private.h - what the files of the model room share. */
#ifndef MODEL_MODEL_PRIVATE_H
#define MODEL_MODEL_PRIVATE_H

#include <pilot/model.h>

#include "safetensors.h"

/* The table of options of [ops] with the common rows behind it; lives for
 * the life of the process.  NULL when there is no such model.
 */
const pe_option_spec *model_specs(const pe_model_ops *ops);

/* Is [name] one of the common rows? */
bool model_option_is_common(const char *name);

#endif
