/* file_rows.c - which rows of its file a block holds, and when they were. */
#include "file_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void file_rows_free(file_rows *r)
{
    free(r->times);
    free(r->source);
}

int file_rows_reserve(file_rows *r, uint32_t points)
{
    int64_t *times;

    if (points <= r->cap)
        return 0;
    times = realloc(r->times, points * sizeof(*times));
    if (!times)
        return -1;
    r->times = times;
    r->cap = points;
    return 0;
}

/* Row [row] is not the one behind the last: "0-3,5-7" says which there are. */
static void note_gap(file_rows *r, uint64_t row, uint64_t base)
{
    size_t n = strlen(r->gaps);

    snprintf(r->gaps + n, sizeof(r->gaps) - n, "%s%" PRIu64 "-%" PRIu64,
             n ? "," : "", r->run_from - base, r->last - base);
    r->run_from = row;
}

void file_rows_add(file_rows *r, uint64_t row, uint64_t base)
{
    if (r->n == 0) {
        r->first = r->run_from = row;
        r->gaps[0] = '\0';
    } else if (row != r->last + 1) {
        note_gap(r, row, base);
    }
    r->last = row;
    r->n++;
}

void file_rows_time(file_rows *r, int64_t ns)
{
    r->time = ns;
    if (r->n <= r->cap)
        r->times[r->n - 1] = ns;
}

const char *file_rows_source(file_rows *r, const char *name, uint64_t base)
{
    size_t need = strlen(name) + FILE_ROWS_GAPS + 64;

    if (need > r->source_cap) {
        char *more = realloc(r->source, need);

        if (!more)
            return NULL;
        r->source = more;
        r->source_cap = need;
    }
    if (*r->gaps)
        note_gap(r, r->last + 1, base);
    /* Where they do not fit, the first alone is said. */
    if (*r->gaps && strlen(r->gaps) < FILE_ROWS_GAPS)
        snprintf(r->source, r->source_cap, "%s:%s", name, r->gaps);
    else
        snprintf(r->source, r->source_cap, "%s:%" PRIu64 "%s", name,
                 r->first - base, *r->gaps ? "+" : "");
    return r->source;
}
