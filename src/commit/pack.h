/* pack.h - values in and out of a flat message, with every length checked. */
#ifndef COMMIT_PACK_H
#define COMMIT_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/model.h>

#include "src/params/params.h"

/* A message is a frame: its length, then values one after the other, numbers of
 * eight bytes in this machine's order, texts and bytes behind their length.
 * What follows a frame (the rest of a page) is no part of it.  It goes between
 * the ranks of one world, and from one place in memory to another.
 */

/* Being written.  After an error further calls do nothing. */
typedef struct pack {
    pe_buffer *to;
    pe_error *errp;
    int rc;
} pack;

void pack_begin(pack *w, pe_buffer *to, pe_error *errp); /* empties [to] */
int pack_end(pack *w); /* 0, or -1 when there was no memory */
void pack_u64(pack *w, uint64_t v);
void pack_i64(pack *w, int64_t v);
void pack_bytes(pack *w, const void *data, size_t len);
void pack_text(pack *w, const char *s);

/* Being read.  What is not there is 0, "" or nothing, and [bad] is set. */
typedef struct unpack {
    const unsigned char *at, *end;
    bool bad;
} unpack;

/* [len] bytes with a frame at [data], to which all that is read points. */
void unpack_begin(unpack *r, const void *data, size_t len);
/* Was all there, and is nothing left?  0, or -1 and a fatal error that tells
 * [what] it is that is none.
 */
int unpack_end(const unpack *r, const char *what, pe_error *errp);
uint64_t unpack_u64(unpack *r);
int64_t unpack_i64(unpack *r);
int32_t unpack_i32(unpack *r);
bool unpack_bool(unpack *r);
const void *unpack_bytes(unpack *r, size_t *lenp);
const char *unpack_text(unpack *r);
/* A number of things that take [least] bytes each, at least: 0 where so many
 * cannot follow.
 */
size_t unpack_count(unpack *r, size_t least);

void pack_counters(pack *w, const params_counters *c);
void unpack_counters(unpack *r, params_counters *c);
void pack_range(pack *w, const params_range *g); /* but for its topic */
void unpack_range(unpack *r, params_range *g);
void pack_device(pack *w, const params_device *d);
void unpack_device(unpack *r, params_device *d); /* its name is the message's */
/* The least bytes that these take. */
#define PACK_RANGE_BYTES 32
#define PACK_DEVICE_BYTES 33

void pack_state(pack *w, const params_state *s);
/* Into [s], in new memory, for params_state_free in any case.  -1: there is
 * none; that the message is none is for unpack_end to say.
 */
int unpack_state(unpack *r, params_state *s, pe_error *errp);

#endif
