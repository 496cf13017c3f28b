/* file_skip.h - what is said of rows and fields that are not taken. */
#ifndef FILE_SKIP_H
#define FILE_SKIP_H

#include "src/table/table.h"

/* What to say of [s], of a file of [d], behind PATH:LINE. */
void file_skip_words(const table_dialect *d, const table_skip *s, char *out,
                     size_t cap);
/* The name [s] is counted under. */
void file_skip_reason(const table_dialect *d, const table_skip *s, char *out,
                      size_t cap);
/* Values that are none are usual, and stop nothing. */
bool file_skip_is_bad(const table_skip *s);

#endif
