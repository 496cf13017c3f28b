/* reply.h - replies of Redis: types are checked before values are used. */
#ifndef PARAMS_REPLY_H
#define PARAMS_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/params/wire.h"

struct redisReply; /* hiredis.h */

/* The error reply [text] of the server at [url], as an error of the class,
 * exit status and fix that belong to it.  [secret]: show the first word only,
 * since Redis repeats what it was sent with some errors.  Returns -1.
 */
int params_refusal_set(pe_error *errp, const char *url, const char *text,
                       int secret);

/* 0 when [r] is of [type] (REDIS_REPLY_*); -1 otherwise, with the error that
 * [r] is, or a fatal one saying that [what] got another type.
 */
int params_reply_check(const struct redisReply *r, int type, const char *url,
                       const char *what, pe_error *errp);

/* True for an error reply that starts with [code]. */
int params_reply_is_error(const struct redisReply *r, const char *code);

/* Text of [r]; [absent] for nil; NULL when it is no text without NUL bytes. */
const char *params_reply_text(const struct redisReply *r, const char *absent);

/* The fields of a hash (array of field, value, ...) as an array of *np items
 * of [size] bytes, in new memory at *itemsp.  On error the items parsed so
 * far are there, for the caller to free with the others.
 */
int params_reply_hash(const struct redisReply *r, size_t size,
                      params_parse_f parse, void *itemsp, size_t *np,
                      pe_error *errp);

#endif
