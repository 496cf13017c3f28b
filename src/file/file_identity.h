/* file_identity.h - what tells a file from others, and from what it was. */
#ifndef FILE_IDENTITY_H
#define FILE_IDENTITY_H

#include <pilot/error.h>

#define FILE_IDENTITY_MAX 160

/* Of file [path] (or the one of which it names a part, FILE:PART) in [out]:
 * "SIZE INODE NANOSECONDS SHA1", the time when it was written last and the
 * digest of its first and last 4 KiB; "" where there is no such regular file.
 */
void file_identity(const char *path, char out[FILE_IDENTITY_MAX]);

#endif
