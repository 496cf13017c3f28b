/* result_rows.h - the rows that the scores of a stream are of. */
#ifndef VIEW_RESULT_ROWS_H
#define VIEW_RESULT_ROWS_H

#include "src/answer/said.h"
#include "src/pipeline/pipeline.h"

/* Rows out of the topic that the run has learned from. */
typedef struct result_rows result_rows;

/* Of run [req]; both are borrowed.  Errors: no memory. */
result_rows *result_rows_open(const pipeline *pl, const pipeline_request *req,
                              pe_error *errp);
void result_rows_close(result_rows *r); /* may be NULL */

/* A record of it, until the next is asked for. */
typedef struct result_record {
    const pe_block *block;
    const said *said;
} result_record;

/* That of [partition] at [offset].  1; 0: it is not kept any more, cannot be
 * decoded, or does not come within 10 s; -1: 69 and others of a consumer.
 * Records of a partition are best asked for in their order.
 */
int result_rows_get(result_rows *r, int32_t partition, int64_t offset,
                    result_record *out, pe_error *errp);

/* Names of their columns, see columns.h, as the records say that were read so
 * far; NULL: none does.
 */
const char *result_rows_columns(const result_rows *r);

#endif
