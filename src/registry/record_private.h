/* record_private.h - what the files of the registry share. */
#ifndef REGISTRY_RECORD_PRIVATE_H
#define REGISTRY_RECORD_PRIVATE_H

#include "src/registry/record.h"

#define RECORD_BYTES_MAX 65536

/* The last version that was synced, where the newest is not; see
 * record_batch.c.
 */
#define RECORD_OLD "state.old"
/* Where the next version is written before it takes its place. */
#define RECORD_NEW "state.new"

/* HOME/ID/[name] in new memory; NULL: no memory, as an error. */
char *record_path(const char *home, const char *id, const char *name,
                  pe_error *errp);

/* Take the lock [name] of pilot [id]: a descriptor, closed to give it back;
 * -1 on error.
 */
int record_lock(const char *home, const char *id, const char *name,
                pe_error *errp);

/* 1 and *r zeroed: there is none. */
int record_load(const char *home, const char *id, pilot_record *r,
                pe_error *errp);

/* [len] bytes of [text], out of file [path], as the record of pilot [id]. */
int record_parse(const char *text, size_t len, const char *path, const char *id,
                 pilot_record *out, pe_error *errp);

/* What is written to disk, in new memory. */
char *record_dump(const pilot_record *r, pe_error *errp);

#endif
