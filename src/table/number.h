/* number.h - decimal numbers out of text, exact and fast. */
#ifndef TABLE_NUMBER_H
#define TABLE_NUMBER_H

#include <stdbool.h>

/* The number that is the whole of [at, end), written with the decimal mark
 * [decimal]: digits with a sign, a mark and a power of ten, or inf and
 * infinity in any case; to the last bit what strtod makes of it, +-HUGE_VAL
 * beyond the range of a double.  false: it is none; nan, 0x1 and "" are none.
 */
bool number_parse(const char *at, const char *end, char decimal,
                  double *valuep);

/* As number_parse, of the longest plain number at [at], behind which some byte
 * that is part of no number has to be, and 8 bytes of the caller's.  What
 * follows it, or NULL where it is not a plain one: number_parse may know it.
 */
const char *number_scan(const char *at, char decimal, double *valuep);

#endif
