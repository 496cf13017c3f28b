/* file.h - whole files and directories, safely. */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <pilot/error.h>

/* The largest file that is read as a whole, as a model is: 4 GiB, or half of
 * what a machine of 32 bits can address.
 */
#define FILE_LARGE_MAX                                        \
    ((size_t)(SIZE_MAX / 2 < UINT64_C(4) << 30 ? SIZE_MAX / 2 \
                                               : UINT64_C(4) << 30))

/* "cannot VERB PATH: why" for errno [err]; [exit_code] when errno does not
 * decide it.  "disk full" (retry, 73), permissions (77).  Returns -1.
 */
int file_error(pe_error *errp, int err, const char *verb, const char *path,
               enum pe_exit exit_code);

/* All of [path] into new memory, NUL-ended behind *lenp bytes; the caller
 * frees.  At most [max] bytes (input error beyond).
 */
char *file_read(const char *path, size_t max, size_t *lenp, pe_error *errp);

/* Write [path] so that a reader sees the old or the new content and never a
 * part: temporary file in the same folder, fsync, rename, fsync of the
 * folder.  Errors carry 73 (or 77) and say "disk full" when it is (then of
 * class retry); the old content stays, but for a failed fsync of the folder.
 * A link is followed; to a device or a pipe it is written as it is.
 */
int file_write(const char *path, const void *data, size_t len, mode_t mode,
               pe_error *errp);

/* The end of it alone: put [temp], whole and synced, in the place of [path]
 * of the same folder.
 */
int file_replace(const char *temp, const char *path, pe_error *errp);

/* Have the names in the folder of [path] on the disk. */
int file_sync_folder(const char *path, pe_error *errp);

/* Put folder [from], whole, in the place of folder [to], which may be there,
 * and remove that.  Somebody who is killed on the way leaves the old one or the
 * new one as [to], or, where the file system cannot exchange two folders, the
 * old one as "TO.old", which file_folder_recover puts back.
 */
int file_folder_replace(const char *from, const char *to, pe_error *errp);
int file_folder_recover(const char *to, pe_error *errp);

/* mkdir -p with mode 0700 for what is new. */
int file_mkdir(const char *path, pe_error *errp);

/* rm -r, never following a symbolic link; missing is success. */
int file_remove_tree(const char *path, pe_error *errp);

/* A secret: first line of [path], which must be a regular file of ours that
 * nobody else can read (77 otherwise, with the chmod that fixes it).  The
 * caller frees.
 */
char *file_read_secret(const char *path, pe_error *errp);
/* The same of all of a file, at most [max] bytes, NUL-ended behind *lenp. */
char *file_read_private(const char *path, size_t max, size_t *lenp,
                        pe_error *errp);

#endif
