/* program.h - a program that stands in for a function: what it is started by,
 * its pipes, how it is asked, and what it says for people.
 */
#ifndef PROGRAM_PROGRAM_H
#define PROGRAM_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/function.h>

/* [line] as the words of a command, without a shell: blanks part them, '...'
 * and "..." hold them together, \ takes the next character as it is, within
 * "..." that is " or \ alone.  The NULL-ended list is the caller's
 * (words_free).  Errors: input, 78: no word at all, a quote without its end.
 */
char **program_words(const char *line, pe_error *errp);

typedef struct program_spec {
    const char *command; /* as program_words has it */
    const char *env;     /* words NAME=VALUE, added to ours; may be NULL */
    const char *folder;  /* where it starts; NULL: where we are */
    bool fed;            /* its standard input is ours to write */
    size_t most;         /* bytes of an array it may give */
    double limit_s;      /* from a block to its answer */
} program_spec;

typedef struct program program;

/* What became of a step. */
enum program_step {
    PROGRAM_WAITS, /* nothing yet */
    PROGRAM_HAS,   /* an array is whole, or bytes are there */
    PROGRAM_OVER,  /* it ended with status 0, between two arrays */
    PROGRAM_DIED,  /* it ended else: see program_why */
    PROGRAM_BAD,   /* what it said is none of what was asked for */
};

/* One for the stage and thread of [ctx], which hears what it says on its
 * standard error: whole lines, cleaned of controls, 400 bytes of each at most,
 * and 200 lines of a minute, beyond which they are counted.  [s] is copied but
 * for its strings.  Nothing is started yet.  Errors: input, 78.
 */
program *program_create(pe_context *ctx, const program_spec *s, pe_error *errp);
/* Ends it: its input is closed, its group gets TERM, and KILL 2 s later. */
void program_destroy(program *g); /* may be NULL */

/* Have it run: at once the first time, else after a pause that doubles with
 * each death since it last answered, 5 s at most, of which [wait_ms] is waited
 * here.  1: it runs; 0: not yet; -1: it cannot be started, or has died five
 * times and never answered (fatal).
 */
int program_run(program *g, int wait_ms, pe_error *errp);

/* Give it [b] as an array and take the one that it answers, within the limit:
 * PROGRAM_HAS, _DIED or _BAD, after which two it is ended.
 */
enum program_step program_ask(program *g, const pe_block *b);

/* Have [b] made where the program finds it without a copy, if it can be (see
 * share_lend); share_recall ends that.
 */
void program_lend(program *g, pe_block *b);

/* What it answered. */
enum program_answer {
    PROGRAM_ARRAY,   /* program_array */
    PROGRAM_BLOCK,   /* an array in memory that it shares with us */
    PROGRAM_PASSES,  /* the block goes on as it came */
    PROGRAM_NOTHING, /* nothing goes on */
    PROGRAM_REFUSES, /* the block is refused, as program_why has it; the program
                        is well */
};
/* Behind PROGRAM_HAS of program_ask.  Of _BLOCK [b] is it; its data stays until
 * the next step.
 */
enum program_answer program_answer(program *g, pe_block *b);

/* One more array out of its output, waited for [wait_ms] at most.  Behind
 * _OVER, _DIED and _BAD it is ended.
 */
enum program_step program_next(program *g, int wait_ms);
/* The array that is whole, and its rows; it stays until the next step. */
const void *program_array(const program *g, size_t *lenp, uint64_t *rowsp);
/* Rows that a death or bad words have cut off: of the array that was coming. */
uint64_t program_cut(const program *g);

/* Bytes instead: up to [cap] of its output, *np of them. */
enum program_step program_read(program *g, int wait_ms, char *to, size_t cap,
                               size_t *np);

/* What was wrong at the last step, with the last line it said. */
const char *program_why(const program *g);
/* What it gave was of use: the next death is its first one. */
void program_good(program *g);

#endif
