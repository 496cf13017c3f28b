/* private.h - what the commands of `pilot refused` share. */
#ifndef REFUSED_PRIVATE_H
#define REFUSED_PRIVATE_H

#include <jansson.h>

#include "refusals.h"
#include "src/common/option.h"

struct refused_options {
    const char *out, *reason;
    bool reasons, json, no_header, help;
};

#define REFUSED_AT(member) offsetof(struct refused_options, member)

/* list.c - as an object, a new reference; NULL: no memory.  Prints one as a
 * line, and takes the reference.
 */
json_t *refusal_json(const refusal *f);
void refusal_line(json_t *o);

/* One of the commands: [args] are its operands, the RUN in front.  -1: [errp].
 */
int refused_list(const struct refused_options *o, char **args, int n,
                 pe_error *errp);
int refused_show(const struct refused_options *o, char **args, int n,
                 pe_error *errp);
int refused_replay(const struct refused_options *o, char **args, int n,
                   pe_error *errp);

#endif
