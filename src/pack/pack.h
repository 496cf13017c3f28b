/* pack.h - the bytes of a file, unpacked where it is packed. */
#ifndef PACK_PACK_H
#define PACK_PACK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <pilot/error.h>

enum pack_kind { PACK_PLAIN, PACK_GZIP, PACK_ZSTD };

/* Which kind begins with these bytes, whatever its name. */
enum pack_kind pack_sniff(const void *head, size_t n);

/* "gzip"; "" for a plain file. */
const char *pack_name(enum pack_kind kind);

/* A reader: one file, read from its start to its end, one thread. */
typedef struct pack pack;

/* Read [fd] (borrowed) from where it stands; [path] is for errors.  Its kind
 * is what its first bytes say, once there are some.  Errors: no memory.
 */
pack *pack_open(int fd, const char *path, pe_error *errp);
void pack_close(pack *p); /* may be NULL; the descriptor stays open */

/* Up to [cap] bytes into [out]: their number, 0 where the file ends (a plain
 * file may have more later), -1 error.  Members of gzip and frames of zstd
 * that stand one behind another are one text.  Errors: input, 65: it cannot
 * be read, is damaged, or ends within what was packed.
 */
ssize_t pack_read(pack *p, void *out, size_t cap, pe_error *errp);

enum pack_kind pack_kind_of(const pack *p);
uint64_t pack_consumed(const pack *p); /* bytes of the file itself */

/* Begin again, [fd] being at the start of a file (perhaps another one). */
void pack_restart(pack *p, int fd);

/* The check sum (CRC-32, as zlib and gzip have it) of what [sum] is of (0: of
 * nothing) with [len] bytes at [data] behind it: it finds torn and mixed-up
 * bytes and is no defence against people; ...
 */
uint32_t pack_check(uint32_t sum, const void *data, size_t len);
/* ... and of what [sum] is of with [len] bytes behind it whose own is [more].
 */
uint32_t pack_check_join(uint32_t sum, uint32_t more, uint64_t len);

#endif
