/* file_array.h - blocks out of the rows of a file of arrays. */
#ifndef FUNCTION_FILE_ARRAY_H
#define FUNCTION_FILE_ARRAY_H

#include <pilot/function.h>

typedef struct file_array file_array;

/* Open [path], FILE or FILE:MEMBER, for the device of [ctx].  Its options are
 * those of `file`; NULL: with the error in the context.
 */
file_array *file_array_open(pe_context *ctx, const char *path);
void file_array_close(file_array *a); /* may be NULL */

/* As produce_edge; [out] names its SEQ. */
int file_array_produce(pe_context *ctx, file_array *a, pe_block *out);

#endif
