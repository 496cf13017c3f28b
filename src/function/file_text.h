/* file_text.h - blocks out of the rows of a text file. */
#ifndef FUNCTION_FILE_TEXT_H
#define FUNCTION_FILE_TEXT_H

#include <pilot/function.h>

typedef struct file_text file_text;

/* Open [path] (borrowed) for the device of [ctx].  Its options are those of
 * `file`; NULL: with the error in the context.
 */
file_text *file_text_open(pe_context *ctx, const char *path, char separator);
void file_text_close(pe_context *ctx, file_text *t); /* may be NULL */

/* As produce_edge; [out] names its SEQ. */
int file_text_produce(pe_context *ctx, file_text *t, pe_block *out);

#endif
