/* file_kept.h - are the files those that a run has begun to read? */
#ifndef FILE_KEPT_H
#define FILE_KEPT_H

#include <pilot/function.h>

#include "src/file/file_list.h"

/* Keep in the shared state of the run what [l] is, before its first block; or,
 * behind its first block, compare.  Files that have come behind the others,
 * and a last one that has grown, are said and taken.  0; -1 with the error in
 * the context: others were read, so that positions would be those of other
 * rows.  Without shared state nothing is kept.
 */
int file_kept_check(pe_context *ctx, const char *path, const file_list *l);

/* The columns that a run learns from, as option `columns` lists them, kept from
 * its first file on, so that they are the same whatever later ones hold: what
 * was kept, or NULL (none, or nothing was read yet); the caller frees.
 */
char *file_kept_columns(pe_context *ctx);
/* Keep them.  More than 16 KiB are not. */
void file_keep_columns(pe_context *ctx, const char *list);

#endif
