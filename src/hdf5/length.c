/* length.c - how many rows there are, and how many have been written. */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "src/common/clock.h"
#include "src/common/text.h"
#include "table.h"

/* How long rows at the end that hold nothing but fill values are waited for. */
#define HELD_NS INT64_C(5000000000)

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Bytes of the file, as of now. */
static uint64_t file_size(const hdf5_store *s)
{
    struct stat st;

    return stat(s->path, &st) < 0 ? 0 : (uint64_t)st.st_size;
}

static uint64_t shortest(const hdf5_store *s)
{
    uint64_t rows = UINT64_MAX;

    for (size_t i = 0; i < s->parts; i++)
        if (s->part[i].grid.rows < rows)
            rows = s->part[i].grid.rows;
    return rows;
}

static uint64_t longest(const hdf5_store *s)
{
    uint64_t rows = 0;

    for (size_t i = 0; i < s->parts; i++)
        if (s->part[i].grid.rows > rows)
            rows = s->part[i].grid.rows;
    return rows;
}

/* How many of rows s->head.rows to [rows], at the end, may not be there yet: in
 * some data set nothing of them but the fill value is.
 */
static uint64_t blank_rows(hdf5_store *s, uint64_t rows)
{
    uint64_t blank = 0;

    for (size_t i = 0; i < s->parts && rows > s->head.rows; i++) {
        uint64_t n = hdf5_part_blank(&s->part[i], s->head.rows, rows);
        blank = n > blank ? n : blank;
    }
    return blank;
}

/* Of a file that is being written, but not followed: the rows that surely are.
 */
static uint64_t end_written(hdf5_store *s)
{
    uint64_t room = shortest(s), rows = room, size = file_size(s);

    for (size_t i = 0; i < s->parts; i++) {
        rows = least(rows, hdf5_part_written(&s->part[i], 0));
        rows = least(rows, hdf5_part_within(&s->part[i], rows, size));
    }
    rows -= blank_rows(s, rows);
    s->left_room = room - rows;
    /* What lies behind is not to be read with the last ones: where the file was
     * cut, the library would try for long, and in vain.
     */
    for (size_t i = 0; i < s->parts; i++)
        s->part[i].grid.rows = least(s->part[i].grid.rows, rows);
    return rows;
}

static int check_growth(const hdf5_store *s, pe_error *errp)
{
    for (size_t i = 0; i < s->parts; i++)
        if (!s->part[i].chunked)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "%s:%s cannot be followed: it is not chunked, "
                                "so it cannot grow",
                                s->path, s->part[i].path);
    return 0;
}

int hdf5_count_rows(hdf5_store *s, pe_error *errp)
{
    uint64_t low = shortest(s), high = longest(s);

    if (s->follow) /* rows come with hdf5_refresh */
        return check_growth(s, errp);
    if (s->file.writing)
        low = high = end_written(s);
    for (size_t i = 1; i < s->parts && low != high && !s->netcdf; i++)
        if (s->part[i].grid.rows != s->part[0].grid.rows)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "%s: %s has %" PRIu64 " row%s and %s %" PRIu64
                                "; columns of one table are of one length",
                                s->path, s->part[0].path, s->part[0].grid.rows,
                                text_s(s->part[0].grid.rows), s->part[i].path,
                                s->part[i].grid.rows);
    s->head.rows = high;
    if (high == 0 && s->left_room)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s:%s: none of its %" PRIu64 " row%s is in the "
                            "file: it is a copy that was cut, or its writer "
                            "has not written any yet",
                            s->path, s->part[0].path, s->left_room,
                            text_s(s->left_room));
    if (high == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s:%s is empty: it has 0 rows", s->path,
                            s->part[0].path);
    return 0;
}

/* The rows that have been written, of those that were there at the look before,
 * too.  A writer makes room first and writes then, and what is in between
 * reads as fill values; in a chunk that is written such rows are waited for
 * for a while, for a sensor may give them.
 */
static uint64_t written_rows(hdf5_store *s)
{
    uint64_t rows = s->seen, blank;
    int64_t now = clock_mono_ns();

    if (s->clock.name)
        rows = least(rows, hdf5_part_written(&s->clock.part, s->head.rows));
    for (size_t i = 0; i < s->parts; i++) {
        uint64_t n = hdf5_part_written(&s->part[i], s->head.rows);
        rows = n < rows ? n : rows;
    }
    blank = blank_rows(s, rows);
    if (rows - blank > s->head.rows) {
        s->held_ns = 0;
        return rows - blank;
    }
    if (s->held_ns == 0)
        s->held_ns = now;
    if (now - s->held_ns < HELD_NS)
        return s->head.rows;
    if (blank > 0) {
        s->held_ns = 0;
    } else if (!s->waiting) {
        s->waiting = true;
        store_say(&s->head,
                  "%s: there is room for row %" PRIu64
                  ", which nobody has written yet; it is waited for",
                  s->head.name, s->head.rows);
    }
    return rows;
}

int hdf5_refresh(store_table *head, pe_error *errp)
{
    hdf5_store *s = (hdf5_store *)head;
    int rc = 0;

    if (!s->follow)
        return 0;
    hdf5_enter();
    for (size_t i = 0; i < s->parts && rc == 0; i++)
        rc = hdf5_part_refresh(&s->part[i], s->path, errp);
    if (rc == 0 && s->clock.name)
        rc = hdf5_part_refresh(&s->clock.part, s->path, errp);
    if (rc == 0 && s->seen > s->head.rows)
        s->head.rows = written_rows(s);
    if (rc == 0)
        s->seen = s->clock.name ? least(shortest(s), s->clock.part.grid.rows)
                                : shortest(s);
    hdf5_leave();
    return rc;
}
