/* file.c - built-in source: rows of files of text or of arrays. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "file.h"
#include "src/file/file_kind.h"
#include "src/file/file_wish.h"

static const file_kind *const kinds[] = {&file_kind_array, &file_kind_text};

typedef struct file_state {
    file_list list; /* what the path means */
    const file_kind *kind;
    void *open;
} file_state;

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n > m && !strcasecmp(name + n - m, end);
}

/* A name promises what the file is not. */
static int check_name(const char *path, pe_error *errp)
{
    static const char *const arrays[] = {".npy",  ".npz", ".h5",
                                         ".hdf5", ".nxs", ".nc"};
    struct stat s;

    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
        if (ends_with(path, arrays[i]) && stat(path, &s) < 0)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "%s cannot be opened: %s", path,
                                strerror(errno));
        else if (ends_with(path, arrays[i]))
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "%s does not begin as a %s file does", path,
                                arrays[i]);
    return 0;
}

/* What is read from a pipe is gone, so that nobody looks at it before. */
static bool is_pipe(const char *path)
{
    struct stat s;

    return stat(path, &s) == 0 && !S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode);
}

bool file_once(const pe_options *o)
{
    return pe_options_has(o, "path") && is_pipe(pe_options_string(o, "path"));
}

bool file_ends(const pe_options *o)
{
    return !pe_options_bool(o, "follow") && !file_once(o);
}

/* The kind of the files of [path]; NULL: with the error. */
static const file_kind *find_kind(const char *path, file_list *list,
                                  pe_error *errp)
{
    const file_kind *k = NULL;

    if (file_list_make(path, list, errp) < 0)
        return NULL;
    if (is_pipe(list->paths[0]))
        return &file_kind_text;
    for (size_t i = 0; !k && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i]->knows(list->paths[0]))
            k = kinds[i];
    if (k == &file_kind_text && check_name(list->paths[0], errp) < 0)
        return NULL;
    return k;
}

static void file_close(pe_context *ctx)
{
    file_state *st = pe_context_state(ctx);

    if (!st)
        return;
    if (st->kind)
        st->kind->close(ctx, st->open);
    file_list_free(&st->list);
    free(st);
    pe_context_set_state(ctx, NULL);
}

static int file_open(pe_context *ctx)
{
    const pe_options *o = pe_context_options(ctx);
    file_state *st;
    const char *path;
    pe_error error = {0};

    if (!pe_options_has(o, "path"))
        return pe_context_fail(ctx, "option path is not given; set it to the "
                                    "file to read");
    st = calloc(1, sizeof(*st));
    if (!st)
        return pe_context_fail(ctx, "out of memory");
    pe_context_set_state(ctx, st);
    path = pe_options_string(o, "path");
    st->kind = find_kind(path, &st->list, &error);
    if (!st->kind)
        pe_context_fail(ctx, "%s", error.text);
    else
        st->open = st->kind->open(ctx, path, &st->list);
    if (st->open)
        return 0;
    file_close(ctx);
    return -1;
}

static int file_produce(pe_context *ctx, pe_block *out)
{
    file_state *st = pe_context_state(ctx);

    return st->kind->produce(ctx, st->open, out);
}

int file_describe(const pe_options *o, const char *path, file_facts *out,
                  pe_error *errp)
{
    file_list list = {0};
    const file_kind *k = find_kind(path, &list, errp);
    int rc = -1;

    *out = (file_facts){0};
    if (k)
        rc = k->describe(o, path, &list, out, errp);
    if (rc == 0)
        out->files = list.n;
    file_list_free(&list);
    return rc;
}

static const pe_option_spec options[] = {
    {"path", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "a file of text, packed by gzip or zstd or not, a folder or a pattern of "
     "such; a .npy; an array of an .npz: FILE:NAME, of HDF5: FILE:/PATH"},
    {"follow", PE_OPTION_BOOL, 0, 0, "false", NULL,
     "go on as the file grows; when it is renamed, with the one that takes its "
     "name; a block is sent after `within`, full or not"},
    {"columns", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "those that are learned from, by name or number from 0: a,b,5-8"},
    {"exclude", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "columns that are left out"},
    {"rows", PE_OPTION_INT, 0, 31, NULL, NULL,
     "the axis of an array that counts rows; all others make a row"},
    {"frames", PE_OPTION_BOOL, 0, 0, "false", NULL,
     "an array of more than 2 axes: each of the first is a row"},
    FILE_WISH_OPTIONS,
    {0},
};

const pe_function file_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "file",
    .prose = "rows of files of text or arrays, block after block",
    .options = options,
    .open = file_open,
    .close = file_close,
    .produce_edge = file_produce,
};
