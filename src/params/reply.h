/* reply.h - a hash of Redis as an array. */
#ifndef PARAMS_REPLY_H
#define PARAMS_REPLY_H

#include <stddef.h>

#include "src/params/wire.h"
#include "src/redis/reply.h"

/* The fields of a hash (array of field, value, ...) as an array of *np items
 * of [size] bytes, in new memory at *itemsp.  On error the items parsed so
 * far are there, for the caller to free with the others.
 */
int params_reply_hash(const struct redisReply *r, size_t size,
                      params_parse_f parse, void *itemsp, size_t *np,
                      pe_error *errp);

#endif
