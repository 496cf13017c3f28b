/* object.h - what machine a shared object or a program was built for. */
#ifndef COMMON_OBJECT_H
#define COMMON_OBJECT_H

#include <stdbool.h>

#include <pilot/error.h>

#define OBJECT_MACHINE 32 /* bytes of the name of a machine */

/* The machine that the ELF file [path] was built for, in the words of `uname
 * -m` ("x86_64", "aarch64", "arm", "i386"), into [out].  Errors, input, 78,
 * without [path] in their words: it cannot be read, is a folder, is empty, is
 * no ELF file, or is one of an unfinished build (an object file).
 */
int object_machine(const char *path, char out[OBJECT_MACHINE], pe_error *errp);

/* The same of this very program; "" when nobody knows. */
void object_machine_here(char out[OBJECT_MACHINE]);

#endif
