/* file_kind.h - the kinds of files that `file` reads. */
#ifndef FILE_KIND_H
#define FILE_KIND_H

#include <stdbool.h>

#include <pilot/function.h>

#include "src/file/file_facts.h"
#include "src/file/file_list.h"

/* A kind, tried in the order of the table in file.c. */
typedef struct file_kind {
    /* Is the file that is named, or a part of it (FILE:PART), one? */
    bool (*knows)(const char *path);
    /* Read files [list] (borrowed, at least one) of [path] for the device of
     * [ctx], by the options of `file`; NULL: with the error in the context.
     */
    void *(*open)(pe_context *ctx, const char *path, const file_list *list);
    void (*close)(pe_context *ctx, void *state); /* state may be NULL */
    int (*produce)(pe_context *ctx, void *state, pe_block *out);
    /* What the first file of [list] holds, as [open] would read it, into *out,
     * which is zeroed; the caller frees it.
     */
    int (*describe)(const pe_options *o, const char *path,
                    const file_list *list, file_facts *out, pe_error *errp);
} file_kind;

extern const file_kind file_kind_array;
extern const file_kind file_kind_text; /* all that no other knows */

/* describe of file_kind_text. */
int file_text_describe(const pe_options *o, const char *path,
                       const file_list *list, file_facts *out, pe_error *errp);

/* What [path], as option `path` of `file` with [o], means, into *out, which the
 * caller frees in any case: where a choice is missing, out->listing is what
 * there is to choose from.  Errors: input, 65 or 78.
 */
int file_describe(const pe_options *o, const char *path, file_facts *out,
                  pe_error *errp);

#endif
