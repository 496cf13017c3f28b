/* stages.h - a block through the stages before the model. */
#ifndef ANSWER_STAGES_H
#define ANSWER_STAGES_H

#include "src/answer/scaling.h"
#include "src/function/host.h"
#include "src/pipeline/pipeline.h"

struct text; /* src/common/text.h */

/* The stages of one partition: what one keeps is what it has seen of that. */
typedef struct stages stages;

typedef struct stages_conf {
    const pipeline *pl;
    const char *run, *dir; /* the folder functions are taken from */
    bool edges;      /* also those of devices: what comes is as they sense it */
    int index, size; /* partition of so many */
    const pe_model *m;          /* what functions score with; copied */
    const scaling *scaling;     /* of stages that scale; NULL: they learn it */
    const pipeline_stage *upto; /* only those in front of it; NULL: all */
} stages_conf;

/* Are there any of these, or may there be? */
bool stages_any(const stages_conf *c);

/* Do stages of devices leave rows out, or join them? */
bool stages_reshape(const pipeline *pl);

/* Have devices scaled the values of a record that has been through [through]
 * stages, 0: those the file has on them?
 */
bool stages_standardise(const pipeline *pl, size_t through);

/* What columns called [list] are called behind these, into [out], filled anew;
 * -1: nobody knows, or there is no memory.
 */
int stages_columns(const stages_conf *c, const char *list, struct text *out);

stages *stages_open(const stages_conf *c, pe_error *errp);
void stages_close(stages *s); /* may be NULL */

/* What is left of a block that has been through the first [through] stages (0:
 * those the file has on devices) where these are not done here, too.
 * PE_FORWARD: [b] has the data of the last one, and the rows they are in its
 * source, which live until the next call; where it came from stays; PE_NOTHING:
 * nothing goes on; -1: an error of class input refuses the block.
 */
int stages_run(stages *s, pe_block *b, size_t through, pe_error *errp);

#endif
