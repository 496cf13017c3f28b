/* layout.h - the text of a stored state: one fact a line. */
#ifndef PARAMS_LAYOUT_H
#define PARAMS_LAYOUT_H

#include <stddef.h>

#include "src/common/digest.h"
#include "src/params/wire.h"

/* commit.lua writes these lines, in this order:
 *
 *   layout 2, commit ID, version N, time_ns N, digest SHA1 (of the model),
 *   model KIND, revision N (of the stages; not there of 0),
 *   one line NAME N for each counter,
 *   offset NEXT[/MARK] TOPIC/PARTITION, device PARTITION/BOOT/SEQ NAME,
 *   writer ID NAME, sum SHA1 (of all lines before it)
 *
 * A name ends with its line; bytes that would not do in one are %XX.
 */

/* As many bytes as a head can have, and no model's name is too long for. */
#define PARAMS_HEAD_MAX 1024
#define PARAMS_KIND_MAX 256

typedef struct params_head {
    char commit[PE_COMMIT_ID_LEN + 1], digest[DIGEST_SHA1_HEX + 1];
    uint64_t version, time_ns, revision;
    char kind[PARAMS_KIND_MAX]; /* of the model */
} params_head;

/* The head of [text], which may be cut behind it; "" is the state before the
 * first commit.  0, or -1: it is no head of this layout.
 */
int params_head_parse(const char *text, params_head *h);

/* The whole [text] into [out], which has its head, counters, offsets and
 * devices then, and has to be freed in any case.  [key] is for errors:
 * fatal, 65, where the text is not whole or does not agree with its sum.
 */
int params_layout_parse(const char *text, const char *key, params_head *h,
                        params_state *out, pe_error *errp);

/* [name] for a line, in new memory; NULL: no memory. */
char *params_name_encode(const char *name);
/* Back again, in place; 0, or -1: it was not encoded. */
int params_name_decode(char *name);

#endif
