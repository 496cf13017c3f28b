/* host.h - loads functions, and what agents have to know of each. */
#ifndef FUNCTION_HOST_H
#define FUNCTION_HOST_H

#include <stdbool.h>

#include "src/context/context.h"

struct text; /* src/common/text.h */

/* A loaded function: built in, or out of a shared object. */
typedef struct function function;

/* Load [spec]: the name of a built-in (see function_names) or
 * PATH.so:SYMBOL (relative paths are taken from [dir], NULL: the working
 * directory).  Errors: input, 78: no such function (nearest one named),
 * cannot be opened (the loader's words), no such symbol, another ABI version
 * (both named), no entry point at all.
 */
function *function_load(const char *spec, const char *dir, pe_error *errp);
void function_unload(function *f); /* may be NULL */
const pe_function *function_ops(const function *f);

/* The options of a stage, [given] as they stand in the pipeline file (NULL:
 * none), checked against the table of [f] and completed by its defaults.  The
 * table of a shared object is not known when the file is read, so every agent
 * calls this once it has loaded the function.  The caller destroys the set,
 * before it unloads [f].  Errors: input, 78, as pe_options_set.
 */
pe_options *function_options(const function *f, const pe_options *given,
                             pe_error *errp);

/* What a built-in says of options that each fit its table but not together,
 * or not its stage, before anything is started.  Of [set] it gets options,
 * points and rate.  Errors: input, 78.
 */
int function_check(const function *f, const context_setup *set, pe_error *errp);

/* Names of the built-in functions, NULL-ended. */
const char *const *function_names(void);
/* The ops of built-in [name], or NULL. */
const pe_function *function_find(const char *name);

/* What columns called [list] are called behind stage [name], into [out], which
 * is filled anew; -1: nobody knows, or there is no memory.
 */
int function_columns(const char *name, const pe_options *o, const char *list,
                     struct text *out);

/* True when a source can be read again from a position: its blocks are the
 * same each time, SEQ is the position and BOOT is fixed (rule 5).
 */
bool function_rereadable(const function *f, const pe_options *o);

/* True of what ships with the program; all else is a user's. */
bool function_is_builtin(const pe_function *ops);

/* True when the function, with these options, scores, and so does nothing
 * without a model.
 */
bool function_scores(const function *f, const pe_options *o);

/* True when it keeps what it gets, so that nobody may show it a block for
 * another reason.
 */
bool function_keeps(const function *f);
bool function_ops_keep(const pe_function *ops);

/* True when it asks for the names of its columns (context_columns_get), with
 * these options.
 */
bool function_named(const pe_function *ops, const pe_options *o);

/* Of the rank that [ctx] is of: what a function has kept of blocks that are not
 * committed is not the truth, and they come again.  At the start of a pool, and
 * whenever it goes back.  Errors are the agent's.
 */
int function_settle(const pe_function *ops, pe_context *ctx,
                    const context_committed *c, pe_error *errp);
/* What it was shown is about to be sent, or committed: what it keeps of that
 * has to outlive everything.  Errors are the agent's.
 */
int function_sync(const pe_function *ops, pe_context *ctx, pe_error *errp);
/* All that it was shown is committed, or sent, and nothing more comes: what it
 * keeps is made ready for others.
 */
int function_finish(const pe_function *ops, pe_context *ctx, pe_error *errp);
/* [b] is about to be made for [ctx], which may give it storage from where it
 * needs no copy; function_recall ends that when the block is done with.  One
 * block of a process has such storage, and one thread does all of this.
 */
void function_lend(const pe_function *ops, pe_context *ctx, pe_block *b);
void function_recall(pe_block *b);
/* True when the blocks of a source are borrowed .npy frames: NPY_HEADER_LEN
 * bytes of header stand in front of their data, and nobody changes them until
 * the close hook, so that an agent may send them where they are.
 */
bool function_framed(const function *f, const pe_options *o);
/* True when none of its hooks waits for anything but a processor: no disk, no
 * service, no process, nothing of a user's.
 */
bool function_prompt(const function *f);

#endif
