/* passthrough.h - a model that learns nothing: the path without a kernel. */
#ifndef MODELS_PASSTHROUGH_H
#define MODELS_PASSTHROUGH_H

#include <pilot/model.h>

extern const pe_model_ops passthrough_ops;

#endif
