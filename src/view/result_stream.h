/* result_stream.h - the scores of a stream, as the pool wrote them. */
#ifndef VIEW_RESULT_STREAM_H
#define VIEW_RESULT_STREAM_H

#include "src/view/result_out.h"

/* Print the rows in the results topic of the run in folder [dir], each once:
 * what was scored again after a death is left out, and counted.  With [follow]
 * go on until a signal.  Errors: 65: its results are no scores; 69; 78: it has
 * no such topic.
 */
int result_stream(const char *dir, const result_wish *w, bool follow,
                  pe_error *errp);

#endif
