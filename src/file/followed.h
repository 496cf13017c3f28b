/* followed.h - which file a followed source goes on with after a restart. */
#ifndef FILE_FOLLOWED_H
#define FILE_FOLLOWED_H

#include <pilot/function.h>

#include "src/file/file_list.h"
#include "src/table/table.h"

/* A log is renamed and another file takes its name, so a position alone does
 * not say which file it is in.  The device keeps in the shared state of its
 * run which file it reads, which number its first row has, and the same of the
 * file before.
 */
typedef struct followed_file {
    char identity[TABLE_IDENTITY_MAX]; /* "" : none */
    uint64_t first;                    /* number of its first row */
    table_mark_of head; /* how it begins; no length: that is not known */
} followed_file;

typedef struct followed {
    followed_file now, before;
    char
        *from; /* what to open, the caller frees; NULL: the first of the list */
    uint64_t start; /* first row wanted, no smaller than now.first */
} followed;

/* Where to go on behind [position] rows of [path], whose files are [l].  What
 * is no more there is said in the log.  0, or -1 with the error in the context.
 */
int followed_find(pe_context *ctx, const char *path, const file_list *l,
                  uint64_t position, followed *out);

/* Keep [f], which is due before the first row of its file is handed out: 0, or
 * -1: not now.
 */
int followed_keep(pe_context *ctx, const followed *f);

#endif
