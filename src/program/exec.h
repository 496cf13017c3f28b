/* exec.h - built-in: a program of any language, as a source or a stage. */
#ifndef PROGRAM_EXEC_H
#define PROGRAM_EXEC_H

#include <pilot/function.h>

extern const pe_function exec_function;

/* Of its options; -1: left in the context. */
int exec_check(pe_context *ctx);
/* See function_lend. */
void exec_lend(pe_context *ctx, pe_block *b);

#endif
