/* tensors_private.h - what the file format and the set of tensors share. */
#ifndef MODEL_TENSORS_PRIVATE_H
#define MODEL_TENSORS_PRIVATE_H

#include <jansson.h>

#include "safetensors.h"

#define TENSORS_METADATA "__metadata__"

struct pe_tensors {
    json_t *meta; /* object of strings */
    tensor *tensor;
    size_t n, cap;
};

/* Name of a type in the header, and bytes of one element. */
const char *tensor_type_name(enum tensor_type type);
size_t tensor_type_bytes(enum tensor_type type);

/* Bytes of a tensor; -1 when they do not fit a size_t. */
int tensor_bytes(const tensor_form *f, size_t *bytesp);

#endif
