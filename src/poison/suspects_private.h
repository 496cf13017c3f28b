/* suspects_private.h - suspects as text, for those that keep it. */
#ifndef POISON_SUSPECTS_PRIVATE_H
#define POISON_SUSPECTS_PRIVATE_H

#include "suspects.h"

/* One more, zeroed; NULL: no memory. */
suspect *suspects_add(suspects *l, pe_error *errp);
/* "ID DEATHS HOW BEHIND", stage and words behind a tab each; -1: it is none. */
void suspect_words(const suspect *s, struct text *out);
int suspect_parse(suspect *s, const char *words);
/* "LANE/AT"; *np: so many bytes. */
int suspect_place(suspect *s, const char *name, int *np);

#endif
