/* codec_said.h - what a codec makes of a record, as text for tests. */
#ifndef TESTS_CODEC_SAID_H
#define TESTS_CODEC_SAID_H

#include "src/codec/codec.h"

/* Decode [len] bytes as [w] says: "json 2x3 f8: 1 2 3; 4 5 6", behind it
 * " ~" where numbers were rounded, " @NS" where it has a time, " from SOURCE";
 * "f144 aside: WORDS", or "ERROR: TEXT".  Static.
 */
const char *codec_said_of(const codec_wish *w, const void *bytes, size_t len);

/* The same by a codec that is open, whose memory is in [b]. */
const char *codec_said(codec *c, pe_block *b, const void *bytes, size_t len);

#endif
