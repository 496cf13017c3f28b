/* reply.h - replies of Redis: types are checked before values are used. */
#ifndef REDIS_REPLY_H
#define REDIS_REPLY_H

#include <pilot/error.h>

struct redisReply; /* hiredis.h */

/* The error reply [text] of the server at [url], as an error of the class,
 * exit status and fix that belong to it.  [secret]: show the first word only,
 * since Redis repeats what it was sent with some errors.  Returns -1.
 */
int redis_refusal_set(pe_error *errp, const char *url, const char *text,
                      int secret);

/* 0 when [r] is of [type] (REDIS_REPLY_*); -1 otherwise, with the error that
 * [r] is, or a fatal one saying that [what] got another type.
 */
int redis_reply_check(const struct redisReply *r, int type, const char *url,
                      const char *what, pe_error *errp);

/* True for an error reply that starts with [code]. */
int redis_reply_is_error(const struct redisReply *r, const char *code);

/* Text of [r]; [absent] for nil; NULL when it is no text without NUL bytes. */
const char *redis_reply_text(const struct redisReply *r, const char *absent);

#endif
