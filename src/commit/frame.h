/* frame.h - values in and out of a flat message, with every length checked. */
#ifndef COMMIT_FRAME_H
#define COMMIT_FRAME_H

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
typedef struct frame_writer {
    pe_buffer *to;
    pe_error *errp;
    int rc;
} frame_writer;

void frame_begin(frame_writer *w, pe_buffer *to,
                 pe_error *errp); /* empties [to] */
int frame_end(frame_writer *w);   /* 0, or -1 when there was no memory */
void frame_put_u64(frame_writer *w, uint64_t v);
void frame_put_i64(frame_writer *w, int64_t v);
void frame_put_bytes(frame_writer *w, const void *data, size_t len);
void frame_put_text(frame_writer *w, const char *s);

/* Being read.  What is not there is 0, "" or nothing, and [bad] is set. */
typedef struct frame_reader {
    const unsigned char *at, *end;
    bool bad;
} frame_reader;

/* [len] bytes with a frame at [data], to which all that is read points. */
void frame_open(frame_reader *r, const void *data, size_t len);
/* Was all there, and is nothing left?  0, or -1 and a fatal error that tells
 * [what] it is that is none.
 */
int frame_check(const frame_reader *r, const char *what, pe_error *errp);
uint64_t frame_take_u64(frame_reader *r);
int64_t frame_take_i64(frame_reader *r);
int32_t frame_take_i32(frame_reader *r);
bool frame_take_bool(frame_reader *r);
const void *frame_take_bytes(frame_reader *r, size_t *lenp);
const char *frame_take_text(frame_reader *r);
/* A number of things that take [least] bytes each, at least: 0 where so many
 * cannot follow.
 */
size_t frame_take_count(frame_reader *r, size_t least);

void frame_put_counters(frame_writer *w, const params_counters *c);
void frame_take_counters(frame_reader *r, params_counters *c);
void frame_put_range(frame_writer *w,
                     const params_range *g); /* but for its topic */
void frame_take_range(frame_reader *r, params_range *g);
void frame_put_device(frame_writer *w, const params_device *d);
void frame_take_device(frame_reader *r,
                       params_device *d); /* its name is the message's */
/* The least bytes that these take. */
#define FRAME_RANGE_BYTES 32
#define FRAME_DEVICE_BYTES 33

void frame_put_state(frame_writer *w, const params_state *s);
/* Into [s], in new memory, for params_state_free in any case.  -1: there is
 * none; that the message is none is for frame_check to say.
 */
int frame_take_state(frame_reader *r, params_state *s, pe_error *errp);

#endif
