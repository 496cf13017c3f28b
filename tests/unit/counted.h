/* counted.h - calls for memory, counted: of programs that are linked with
 * $(COUNTED_WRAPS), also those of the objects they test.
 */
#ifndef TESTS_COUNTED_H
#define TESTS_COUNTED_H

extern long counted_calls; /* malloc, calloc, realloc, aligned_alloc */

#endif
