/* da00.h - FlatBuffers of schema da00, to be written. */
#ifndef CODEC_DA00_H
#define CODEC_DA00_H

#include <stddef.h>
#include <stdint.h>

#include "src/block/element.h"

#define DA00_AXES_MAX 2

/* A variable; all of it is borrowed. */
typedef struct da00_variable {
    const char *name, *label;
    element type; /* in this machine's order, little-endian */
    const char *axis[DA00_AXES_MAX];
    uint64_t dim[DA00_AXES_MAX];
    unsigned dims; /* 0: one number */
    const void *data;
} da00_variable;

typedef struct da00_array {
    const char *source;
    int64_t time_ns;
    const da00_variable *variable;
    size_t n;
} da00_array;

/* Bytes that da00_write will fill at most. */
size_t da00_room(const da00_array *a);
/* Write [a] into [out], which has that room; its length is returned. */
size_t da00_write(const da00_array *a, unsigned char *out);

#endif
