/* keys.h - every key of a pipeline file, with its value and default. */
#ifndef CMD_KEYS_H
#define CMD_KEYS_H

#include <stdbool.h>
#include <stdio.h>

/* Write all of them: mappings, functions, models.  [markdown]: as tables.
 */
void keys_print(FILE *f, bool markdown);

#endif
