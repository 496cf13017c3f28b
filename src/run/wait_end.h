/* wait_end.h - what is left to do when pilots have ended. */
#ifndef RUN_WAIT_END_H
#define RUN_WAIT_END_H

#include "src/registry/record.h"

/* Fetch what the [n] pilots [r] were to leave.  Returns the exit status: 0,
 * or that of the first error, which is told.
 */
int wait_results(const char *home, const pilot_record *r, size_t n);

/* The summary of [run], once the command that follows it has written it, to
 * standard output; where nobody followed it, one of what its pools among the
 * [n] pilots [r] have left.  Nothing where [run] is no run, or nobody sums it
 * up.
 */
void wait_summary(const char *home, const char *run, const pilot_record *r,
                  size_t n, int64_t end_ns);

#endif
