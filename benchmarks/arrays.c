/* arrays.c - seconds to read all rows of a file of arrays, as doubles.
 *
 * usage: arrays POINTS PATH: blocks of POINTS rows, one behind the other;
 * prints the seconds, without those of the start of the program, and the sum
 * of the first column.  Called by peers/arrays.py.
 */
#include <stdio.h>
#include <stdlib.h>

#include "src/common/clock.h"
#include "src/store/store.h"

static int read_all(store_table *s, uint32_t points, double *x, double *sump,
                    pe_error *errp)
{
    uint64_t rows = store_rows(s);

    for (uint64_t row = 0; row < rows; row += points) {
        uint32_t n = rows - row < points ? (uint32_t)(rows - row) : points;
        if (store_read(s, row, n, x, PE_F8, errp) < 0)
            return -1;
        for (uint32_t i = 0; i < n; i++)
            *sump += x[(size_t)i * store_columns(s)];
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint32_t points = argc == 3 ? (uint32_t)atoi(argv[1]) : 0;
    store_wish w = {.path = argv[argc - 1], .rows = -1};
    pe_error e = {0};
    double sum = 0, *x = NULL;
    store_table *s;
    int64_t start;

    if (points == 0)
        return PE_EXIT_USAGE;
    store_enable_hdf5();
    start = clock_mono_ns();
    s = store_open(&w, &e);
    if (s)
        x = calloc(points, sizeof(*x) * store_columns(s));
    if (!x || read_all(s, points, x, &sum, &e) < 0) {
        fprintf(stderr, "arrays: %s\n", e.text);
        return PE_EXIT_DATA;
    }
    store_close(s);
    free(x);
    printf("%.9f %.17g\n", (double)(clock_mono_ns() - start) / 1e9, sum);
    return PE_EXIT_OK;
}
