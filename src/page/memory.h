/* memory.h - was there memory for all of a document? */
#ifndef PAGE_MEMORY_H
#define PAGE_MEMORY_H

#include <stdbool.h>

/* A member that finds no memory is left out of its object without a word, and
 * so is a row of a list.  From this call on, of this thread, it is noted that
 * one was.  The first call of a process, and one behind another who has said
 * where JSON has its memory from, is for a time in which no other thread uses
 * JSON.
 */
void memory_watch(void);
bool memory_failed(void);

#endif
