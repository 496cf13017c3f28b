/* file_list.h - the files that a path means: one, a folder's, a pattern's. */
#ifndef FILE_LIST_H
#define FILE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

/* In the order of their names, numbers in them by their value. */
typedef struct file_list {
    char **paths;
    size_t n;
    bool several; /* the path is a folder or a pattern */
} file_list;

/* Files of [path]: what is called so, else what its pattern (* ? []) fits, each
 * with the :/PATH that stands behind it; of a folder all that are no folders,
 * without hidden ones.  The caller frees it. Errors: input, 65: a pattern fits
 * none, a folder has none, one of several is a pipe or a device; a socket.
 */
int file_list_make(const char *path, file_list *out, pe_error *errp);
void file_list_free(file_list *l); /* may be NULL */

/* The first file behind [name] in the order of the list, n: there is none. */
size_t file_list_behind(const file_list *l, const char *name);

/* What the first [n] files are, in short, where the last of them had
 * [last_bytes]: their names, the sizes of all but that one, and how the first
 * one begins.
 */
uint64_t file_list_digest(const file_list *l, size_t n, uint64_t last_bytes);
uint64_t file_size_of(const char *path); /* 0: it is not there */

#endif
