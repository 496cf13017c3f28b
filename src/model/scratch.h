/* scratch.h - memory a kernel works in, kept by the thread between calls. */
#ifndef MODEL_SCRATCH_H
#define MODEL_SCRATCH_H

#include <stddef.h>

#include <pilot/error.h>

/* One piece each, so that a caller and what it calls do not share one. */
enum scratch_slot {
    SCRATCH_SCORES, /* of a block, where the caller wants none */
    SCRATCH_TILE,   /* rows of a block, as a kernel wants them */
    SCRATCH_KERNEL, /* what a kernel keeps beside */
    SCRATCH_MODEL,  /* a model's own */
    SCRATCH_SLOTS
};

/* At least [bytes], 64-byte aligned, valid until this thread asks for the
 * slot again; grows only, so steady work allocates nothing.  NULL: no memory.
 */
void *model_scratch(enum scratch_slot slot, size_t bytes, pe_error *errp);

#endif
