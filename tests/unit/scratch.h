/* scratch.h - a folder of the test's own, with files in it. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <stddef.h>

extern char scratch_folder[];  /* after scratch_make */
extern char scratch_path[256]; /* of the file written last */

/* Make and remove the folder; a test program that has none ends. */
void scratch_make(void);
void scratch_remove(void);

/* Write file [name] of the folder. */
void scratch_write(const char *name, const char *text);
void scratch_write_bytes(const char *name, const void *bytes, size_t len);
/* Add to the file written last. */
void scratch_append(const char *text);

#endif
