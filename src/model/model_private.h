/* model_private.h - what the files of the model room share. */
#ifndef MODEL_MODEL_PRIVATE_H
#define MODEL_MODEL_PRIVATE_H

#include <pilot/model.h>

#include "safetensors.h"
#include "specs.h"

/* Is [name] one of the common rows? */
bool model_option_is_common(const char *name);

#endif
