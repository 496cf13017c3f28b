/* write_index.c - the lines of the index beside a file of rows.
 *
 *   pilot-edge rows 1
 *   owner RUN STAGE
 *   moved                     FILE.new is the file, where it is there
 *   layout BYTES WORDS        bytes in front of the rows, what they look like
 *   kept ROWS END             these are there for good
 *   + LANE AT ROWS END        a piece
 *   x LANE AT                 pieces of LANE from AT on are void
 */
#include "write_index.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/file.h"

#define MAGIC "pilot-edge rows 1"

/* --- lines --- */

void write_index_head(text *t, const write_head *h)
{
    text_add(t, MAGIC "\nowner %s\n%s", h->owner, h->moved ? "moved\n" : "");
    if (*h->layout)
        text_add(t, "layout %zu %s\nkept %" PRIu64 " %" PRIu64 "\n", h->head,
                 h->layout, h->rows, h->end);
}

void write_index_piece(text *t, const write_piece *w)
{
    text_add(t, "+ %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", w->lane,
             w->at, w->rows, w->end);
}

void write_index_void(text *t, uint64_t lane, uint64_t at)
{
    text_add(t, "x %" PRIu64 " %" PRIu64 "\n", lane, at);
}

/* --- reading --- */

static int add(write_piece **list, size_t *n, size_t *cap, const write_piece *w,
               pe_error *errp)
{
    if (*n == *cap) {
        size_t more = 2 * *cap + 64;
        write_piece *bigger = realloc(*list, more * sizeof(**list));

        if (!bigger)
            return pe_error_nomem(errp);
        *list = bigger;
        *cap = more;
    }
    (*list)[(*n)++] = *w;
    return 0;
}

/* Where the piece before ends. */
static uint64_t end_of(const write_index *i)
{
    return i->n > 0 ? i->piece[i->n - 1].end : i->end;
}

/* 1: it is one; 0: none; -1: no memory. */
static int take_line(write_index *i, const char *line, pe_error *errp)
{
    write_piece w = {0};
    int at = 0;

    if (sscanf(line, "+ %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 "%n",
               &w.lane, &w.at, &w.rows, &w.end, &at) == 4 &&
        !line[at] && w.end >= end_of(i))
        return add(&i->piece, &i->n, &i->cap, &w, errp) < 0 ? -1 : 1;
    if (sscanf(line, "x %" SCNu64 " %" SCNu64 "%n", &w.lane, &w.at, &at) == 2 &&
        !line[at])
        return add(&i->voided, &i->n_voided, &i->cap_voided, &w, errp) < 0 ? -1
                                                                           : 1;
    if (sscanf(line, "kept %" SCNu64 " %" SCNu64 "%n", &i->rows, &i->end,
               &at) == 2 &&
        !line[at])
        return 1;
    if (sscanf(line, "layout %zu %199[^\n]", &i->head, i->layout) == 2)
        return 1;
    if (sscanf(line, "owner %299[^\n]", i->owner) == 1)
        return 1;
    i->moved = i->moved || !strcmp(line, "moved");
    return !strcmp(line, "moved") || !strcmp(line, MAGIC);
}

static int not_ours(const char *path, const char *line, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "%s is no index of rows that were written, for it has "
                        "a line '%.60s'; remove it, and the file beside it",
                        path, line);
}

static int take_all(write_index *i, char *data, const char *path,
                    pe_error *errp)
{
    char *end;

    if (*data && strncmp(data, MAGIC "\n", strnlen(data, sizeof(MAGIC))) != 0)
        return not_ours(path, data, errp);
    for (char *line = data; (end = strchr(line, '\n')); line = end + 1) {
        int rc;

        *end = '\0';
        rc = take_line(i, line, errp);
        if (rc <= 0)
            return rc < 0 ? -1 : not_ours(path, line, errp);
    }
    return 0;
}

int write_index_read(write_index *i, int fd, const char *path, pe_error *errp)
{
    struct stat st;
    char *data;
    size_t len = 0;
    int rc;

    if (fstat(fd, &st) < 0)
        return file_error(errp, errno, "read", path, PE_EXIT_FAILED);
    data = malloc((size_t)st.st_size + 1);
    if (!data)
        return pe_error_nomem(errp);
    while (len < (size_t)st.st_size) {
        ssize_t n = pread(fd, data + len, (size_t)st.st_size - len, (off_t)len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    data[len] = '\0';
    rc = len < (size_t)st.st_size
             ? file_error(errp, EIO, "read", path, PE_EXIT_FAILED)
             : take_all(i, data, path, errp);
    free(data);
    return rc;
}

void write_index_free(write_index *i)
{
    free(i->piece);
    free(i->voided);
    memset(i, 0, sizeof(*i));
}

bool write_index_is_void(const write_index *i, const write_piece *w)
{
    for (size_t k = 0; k < i->n_voided; k++)
        if (i->voided[k].lane == w->lane && w->at >= i->voided[k].at)
            return true;
    return false;
}
