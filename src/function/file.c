/* file.c - built-in source: rows of a file of text or of arrays. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/function/builtin.h"
#include "src/function/file_array.h"
#include "src/function/file_text.h"
#include "src/store/store.h"

/* One of the two is open. */
typedef struct file_state {
    file_text *text;
    file_array *array;
} file_state;

static void file_close(pe_context *ctx)
{
    file_state *st = pe_context_state(ctx);

    if (!st)
        return;
    file_text_close(ctx, st->text);
    file_array_close(st->array);
    free(st);
    pe_context_set_state(ctx, NULL);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n > m && !strcmp(text + n - m, end);
}

/* Text has columns by their place only. */
static int open_text(pe_context *ctx, file_state *st, const char *path,
                     char separator)
{
    static const char *const arrays[] = {"rows", "columns", "exclude"};
    const pe_options *o = pe_context_options(ctx);

    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
        if (pe_options_has(o, arrays[i]))
            return pe_context_fail(ctx,
                                   "%s is text, for which there is no %s; "
                                   "choose columns by a stage `select`",
                                   path, arrays[i]);
    st->text = file_text_open(ctx, path, separator);
    return st->text ? 0 : -1;
}

static int open_format(pe_context *ctx, file_state *st, const char *path)
{
    static const char *const arrays[] = {".npy",  ".npz", ".h5",
                                         ".hdf5", ".nxs", ".nc"};
    struct stat s;

    if (store_knows(path)) {
        st->array = file_array_open(ctx, path);
        return st->array ? 0 : -1;
    }
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
        if (ends_with(path, arrays[i]))
            return stat(path, &s) < 0
                       ? pe_context_fail(ctx, "%s cannot be opened: %s", path,
                                         strerror(errno))
                       : pe_context_fail(ctx,
                                         "%s does not begin as a %s file "
                                         "does",
                                         path, arrays[i]);
    if (ends_with(path, ".csv"))
        return open_text(ctx, st, path, ',');
    if (ends_with(path, ".tsv"))
        return open_text(ctx, st, path, '\t');
    return pe_context_fail(ctx,
                           "%s is of no kind that can be read: text named .csv "
                           "or .tsv, .npy, .npz",
                           path);
}

static int file_open(pe_context *ctx)
{
    const pe_options *o = pe_context_options(ctx);
    file_state *st;

    if (!pe_options_has(o, "path"))
        return pe_context_fail(ctx, "option path is not given; set it to the "
                                    "file to read");
    st = calloc(1, sizeof(*st));
    if (!st)
        return pe_context_fail(ctx, "out of memory");
    pe_context_set_state(ctx, st);
    if (open_format(ctx, st, pe_options_string(o, "path")) == 0)
        return 0;
    file_close(ctx);
    return -1;
}

static int file_produce(pe_context *ctx, pe_block *out)
{
    file_state *st = pe_context_state(ctx);

    return st->text ? file_text_produce(ctx, st->text, out)
                    : file_array_produce(ctx, st->array, out);
}

static const pe_option_spec options[] = {
    {"path", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "a .csv, .tsv or .npy file, or an array of an .npz: FILE:NAME"},
    {"header", PE_OPTION_STRING, 0, 0, "auto", "auto yes no",
     "is the first line a header; auto: when none of its fields is a number"},
    {"follow", PE_OPTION_BOOL, 0, 0, "false", NULL,
     "go on as the file grows; when it is renamed, with the one that takes its "
     "name; a block is sent after `within`, full or not"},
    {"columns", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "columns of arrays that are learned from, by name or number from 0: a,b,"
     "5-8"},
    {"exclude", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "columns of arrays that are left out"},
    {"rows", PE_OPTION_INT, 0, 31, NULL, NULL,
     "the axis of an array that counts rows; all others make a row"},
    {"frames", PE_OPTION_BOOL, 0, 0, "false", NULL,
     "an array of more than 2 axes: each of the first is a row"},
    {0},
};

const pe_function file_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "file",
    .prose = "rows of a file of text or arrays, block after block",
    .options = options,
    .open = file_open,
    .close = file_close,
    .produce_edge = file_produce,
};
