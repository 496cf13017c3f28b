/* reason.h - reasons of refusals, told apart. */
#ifndef POISON_REASON_H
#define POISON_REASON_H

#include <stddef.h>

/* Reasons that differ in numbers alone are one: [reason] with '#' for each of
 * them, into [out], cut to fit.
 */
void reason_kind(const char *reason, char *out, size_t cap);

#endif
