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
/* Does it come to an end? */
bool file_ends(const pe_options *o);

extern const pe_function write_function;
/* Does it keep no scores?  Does it keep values, which have names? */
bool write_unscored(const pe_options *o);
bool write_named(const pe_options *o);
/* See function_settle, function_sync and function_finish. */
int write_settle(pe_context *ctx, const struct context_committed *c);
int write_sync(pe_context *ctx);
int write_finish(pe_context *ctx);

#endif
