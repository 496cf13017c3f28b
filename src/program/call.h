/* call.h - built-in: a function behind an address, called once a block. */
#ifndef PROGRAM_CALL_H
#define PROGRAM_CALL_H

#include <pilot/function.h>

extern const pe_function call_function;

/* Of its options; -1: left in the context. */
int call_check(pe_context *ctx);

/* What an answer means; by its status and its first bytes. */
enum call_answer {
    CALL_BLOCK,   /* an array, which is what comes of the block */
    CALL_NOTHING, /* nothing goes on */
    CALL_REFUSES, /* this block will never be taken */
    CALL_FAILED,  /* the function failed of it, or is ill */
    CALL_LATER,   /* the function is not there now */
};
enum call_answer call_judge(long status, const void *data, size_t len);

#endif
