/* lines.h - rows of numbers out of lines of text, as a program prints them. */
#ifndef PROGRAM_LINES_H
#define PROGRAM_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/function.h>

typedef struct lines lines;

/* Rows of lines for the source of [ctx], which counts what is left out of them
 * (context_skip) and gets their names from a first line that is no numbers.
 * Blocks have [points] rows.  NULL: no memory.
 */
lines *lines_create(pe_context *ctx, uint32_t points);
void lines_destroy(lines *l); /* may be NULL */

/* Where the next bytes of text go, *capp of them at most: none (0) while a
 * block is full.
 */
char *lines_room(lines *l, size_t *capp);
/* [n] bytes have been put there.  -1: no memory, left in the context. */
int lines_put(lines *l, size_t n);
/* Nothing follows, for its writer is over: what is there is a line, or where it
 * was killed ([cut]) a piece of one, which is left out.
 */
int lines_end(lines *l, bool cut);

/* Rows that are there, at most as many as a block has. */
uint32_t lines_rows(const lines *l);
/* All of them as a block; -1: left in the context. */
int lines_block(lines *l, pe_block *out);

#endif
