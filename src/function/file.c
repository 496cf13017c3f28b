/* file.c - built-in source: rows of a .npy, .csv or .tsv file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/block/npy.h"
#include "src/function/builtin.h"
#include "src/function/file_text.h"

/* NumPy's limit of a header, and the prefix in front of it. */
#define NPY_HEAD_MAX (10000 + 16)

/* Rows are dealt out in blocks: block b of the file goes to device b mod
 * devices, whose own blocks are at positions 0, 1, 2...
 */
typedef struct file_state {
    const char *path;
    char *source; /* PATH:FIRST_ROW of the block handed out last */
    size_t source_cap;
    file_text *text;   /* NULL: it is .npy */
    uint64_t position; /* of our next block */
    int fd;
    pe_block raw; /* what is read, where it has another type */
    pe_block shape;
    size_t data_offset;
} file_state;

static uint64_t first_row(pe_context *ctx, const file_state *st)
{
    uint64_t block = st->position * (uint64_t)pe_context_size(ctx) +
                     (uint64_t)pe_context_index(ctx);

    return block * pe_context_points(ctx);
}

/* The block in [out] is complete: name its origin and go on. */
static int hand_out(pe_context *ctx, file_state *st, pe_block *out)
{
    snprintf(st->source, st->source_cap, "%s:%llu", st->path,
             (unsigned long long)first_row(ctx, st));
    out->source = st->source;
    out->has_seq = 1;
    out->seq = st->position++;
    return PE_FORWARD;
}

/* --- .npy --- */

static int npy_check_size(pe_context *ctx, const file_state *st)
{
    struct stat s;
    uint64_t need = st->data_offset + (uint64_t)st->shape.points *
                                          st->shape.features *
                                          (uint64_t)st->shape.dtype;

    if (fstat(st->fd, &s) < 0)
        return pe_context_fail(ctx, "%s: %s", st->path, strerror(errno));
    if ((uint64_t)s.st_size < need)
        return pe_context_fail(ctx,
                               "%s has %lld bytes and its header promises "
                               "%llu; it is not complete",
                               st->path, (long long)s.st_size,
                               (unsigned long long)need);
    return 0;
}

static int npy_open(pe_context *ctx, file_state *st)
{
    unsigned char head[NPY_HEAD_MAX];
    pe_error error;
    ssize_t n;

    if (pe_options_bool(pe_context_options(ctx), "follow"))
        return pe_context_fail(ctx,
                               "%s cannot be followed: the header of a .npy "
                               "file fixes its rows; write .csv or .tsv",
                               st->path);
    st->fd = open(st->path, O_RDONLY | O_CLOEXEC);
    if (st->fd < 0)
        return pe_context_fail(ctx, "%s cannot be opened: %s", st->path,
                               strerror(errno));
    n = pread(st->fd, head, sizeof(head), 0);
    if (n < 0)
        return pe_context_fail(ctx, "%s cannot be read: %s", st->path,
                               strerror(errno));
    if (npy_decode_header(head, (size_t)n, &st->shape, &st->data_offset,
                          &error) < 0)
        return pe_context_fail(ctx, "%s: %s", st->path, error.text);
    return npy_check_size(ctx, st);
}

static int read_whole(pe_context *ctx, const file_state *st, void *to,
                      size_t bytes, uint64_t offset)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = pread(st->fd, (char *)to + done, bytes - done,
                          (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return pe_context_fail(ctx, "%s cannot be read: %s", st->path,
                                   n < 0 ? strerror(errno) : "it ends early");
        done += (size_t)n;
    }
    return 0;
}

/* The elements of [from] as those of [to], which has the same shape. */
static void convert(const pe_block *from, pe_block *to)
{
    size_t n = (size_t)from->points * from->features;

    for (size_t i = 0; i < n; i++) {
        if (to->dtype == PE_F4)
            ((float *)to->data)[i] = (float)((const double *)from->data)[i];
        else
            ((double *)to->data)[i] = ((const float *)from->data)[i];
    }
}

static int npy_read(pe_context *ctx, file_state *st, pe_block *out,
                    uint64_t row, uint32_t points)
{
    enum pe_dtype dtype = pe_context_dtype(ctx);
    pe_block *raw = st->shape.dtype == dtype ? out : &st->raw;
    uint64_t row_bytes = st->shape.features * (uint64_t)st->shape.dtype;
    pe_error error;

    if (pe_block_reserve(out, points, st->shape.features, dtype, &error) < 0 ||
        pe_block_reserve(raw, points, st->shape.features, st->shape.dtype,
                         &error) < 0)
        return pe_context_fail(ctx, "%s: %s", st->path, error.text);
    if (read_whole(ctx, st, raw->data, pe_block_bytes(raw),
                   st->data_offset + row * row_bytes) < 0)
        return -1;
    if (raw != out)
        convert(raw, out);
    return 0;
}

static int npy_produce(pe_context *ctx, file_state *st, pe_block *out)
{
    uint64_t row = first_row(ctx, st);
    uint64_t left;

    if (row >= st->shape.points)
        return PE_NOTHING;
    left = st->shape.points - row;
    if (left > pe_context_points(ctx))
        left = pe_context_points(ctx);
    if (npy_read(ctx, st, out, row, (uint32_t)left) < 0)
        return -1;
    return hand_out(ctx, st, out);
}

/* --- both --- */

static void file_close(pe_context *ctx)
{
    file_state *st = pe_context_state(ctx);

    if (!st)
        return;
    file_text_close(ctx, st->text);
    if (st->fd >= 0)
        close(st->fd);
    pe_block_release(&st->raw);
    free(st->source);
    free(st);
    pe_context_set_state(ctx, NULL);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n > m && !strcmp(text + n - m, end);
}

static int open_format(pe_context *ctx, file_state *st)
{
    if (ends_with(st->path, ".npy"))
        return npy_open(ctx, st);
    if (ends_with(st->path, ".csv"))
        st->text = file_text_open(ctx, st->path, ',');
    else if (ends_with(st->path, ".tsv"))
        st->text = file_text_open(ctx, st->path, '\t');
    else
        return pe_context_fail(ctx,
                               "%s is of no kind that can be read; name it "
                               ".npy, .csv or .tsv",
                               st->path);
    return st->text ? 0 : -1;
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
    st->fd = -1;
    st->path = pe_options_string(o, "path");
    st->position = pe_context_position(ctx);
    st->source_cap = strlen(st->path) + 24; /* ':' and 20 digits */
    st->source = malloc(st->source_cap);
    if (st->source && open_format(ctx, st) == 0)
        return 0;
    if (!st->source)
        pe_context_fail(ctx, "out of memory");
    file_close(ctx);
    return -1;
}

static int file_produce(pe_context *ctx, pe_block *out)
{
    file_state *st = pe_context_state(ctx);

    return st->text ? file_text_produce(ctx, st->text, out)
                    : npy_produce(ctx, st, out);
}

static const pe_option_spec options[] = {
    {"path", PE_OPTION_STRING, 0, 0, NULL, NULL, ".npy, .csv or .tsv file"},
    {"header", PE_OPTION_STRING, 0, 0, "auto", "auto yes no",
     "is the first line a header; auto: when none of its fields is a number"},
    {"follow", PE_OPTION_BOOL, 0, 0, "false", NULL,
     "go on as the file grows; when it is renamed, with the one that takes its "
     "name; a block is sent after `within`, full or not"},
    {0},
};

const pe_function file_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "file",
    .prose = "rows of a .npy, .csv or .tsv file, block after block",
    .options = options,
    .open = file_open,
    .close = file_close,
    .produce_edge = file_produce,
};
