/* section.h - one mapping of a file read through a table of options. */
#ifndef CONFIG_SECTION_H
#define CONFIG_SECTION_H

#include <pilot/options.h>

#include "tree.h"

/* The scalars of [t] (NULL or without a value: defaults only) as options of
 * [specs].  Keys of [also] (blank-separated, may be NULL) are somebody else's
 * to read.  Errors: input, 78, "WHERE: ...": no mapping, an unknown key with
 * the nearest one, a wrong value.
 */
pe_options *section_read(const tree *t, const pe_option_spec *specs,
                         const char *also, pe_error *errp);

/* Set every child of the mapping [t] (may be NULL) on [o]; an unknown name is
 * for [o] to refuse.  Errors: as above.
 */
int section_fill(pe_options *o, const tree *t, pe_error *errp);

/* [t] (may be NULL) has to be a mapping, or a key without a value. */
int section_check(const tree *t, pe_error *errp);

/* "WHERE: text" as an input error, 78.  Returns -1. */
int section_error(const tree *t, pe_error *errp, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
