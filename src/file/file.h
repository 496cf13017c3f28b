/* file.h - rows out of files, `file`, and into them, `write`: rows of the table
 * of functions (src/function/builtin.h).
 */
#ifndef FILE_FILE_H
#define FILE_FILE_H

#include <stdbool.h>

#include <pilot/function.h>

struct context_committed; /* src/context/context.h */

extern const pe_function file_function;
/* Can it not be read again? */
bool file_once(const pe_options *o);

extern const pe_function write_function;
/* Does it keep no scores? */
bool write_unscored(const pe_options *o);
/* See function_settle and function_finish. */
int write_settle(pe_context *ctx, const struct context_committed *c);
int write_finish(pe_context *ctx);

#endif
