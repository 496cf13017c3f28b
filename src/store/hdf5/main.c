/* main.c - pilot-hdf5: what is in an HDF5 file, for programs that are not
 * linked with the library.  A program can be ended where a file system does
 * not answer, and what a broken file does to the library stays in here.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/store/private.h"

static int fail(const pe_error *e)
{
    fprintf(stderr, "pilot-hdf5: %s\n", e->text);
    return e->exit_code ? (int)e->exit_code : PE_EXIT_DATA;
}

static void usage(FILE *f)
{
    fputs("Usage: pilot-hdf5 [OPTION]... FILE[:/PATH[,/PATH]...]\n"
          "Tell which rows and columns are read of an HDF5 file; called by "
          "`pilot`.\n"
          "\n"
          "  --rows AXIS      the axis that counts rows\n"
          "  --frames         all behind the first axis is one row\n"
          "  --follow         the file is being written\n"
          "  --columns LIST   names, or numbers from 0\n"
          "  --exclude LIST   likewise, left out\n"
          "\n"
          "Exit status: 0; 64 usage; 65 the file; 78 the columns.\n",
          f);
}

static void tell_columns(const store_table *s)
{
    uint32_t number;

    for (uint32_t c = 0; c < store_columns(s); c++) {
        const char *name = store_column(s, c, &number);
        element e = s->ops->type(s, number);
        if (name)
            printf("column %c%u %s\n", e.kind, e.size, name);
        else
            printf("column %c%u %" PRIu32 "\n", e.kind, e.size, number);
    }
}

/* What the columns are, and the first rows as doubles. */
static int tell(store_table *s, pe_error *errp)
{
    uint64_t rows = store_rows(s);
    uint32_t head = rows < STORE_HEAD_ROWS ? (uint32_t)rows : STORE_HEAD_ROWS;
    double *row = calloc(store_columns(s), sizeof(*row));
    int rc = row ? 0 : pe_error_nomem(errp);

    printf("name %s\nwords %s\nrows %" PRIu64 "\ncolumns %" PRIu32 "\n",
           store_name(s), store_words(s), rows, store_columns(s));
    tell_columns(s);
    printf("head %" PRIu32 "\n", head);
    for (uint32_t i = 0; i < head && rc == 0; i++) {
        rc = store_read(s, i, 1, row, PE_F8, errp);
        if (rc == 0)
            fwrite(row, sizeof(*row), store_columns(s), stdout);
    }
    free(row);
    return rc;
}

static int parse(store_wish *w, int argc, char **argv)
{
    static const struct option options[] = {
        {"rows", required_argument, NULL, 'r'},
        {"frames", no_argument, NULL, 'f'},
        {"follow", no_argument, NULL, 'F'},
        {"columns", required_argument, NULL, 'c'},
        {"exclude", required_argument, NULL, 'x'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int64_t axis;
    int c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'r' && text_parse_int(optarg, &axis) == 0 && axis >= 0 &&
            axis < GRID_DIMS_MAX)
            w->rows = (int)axis;
        else if (c == 'f')
            w->frames = true;
        else if (c == 'F')
            w->follow = true;
        else if (c == 'c')
            w->columns = optarg;
        else if (c == 'x')
            w->exclude = optarg;
        else
            return c == 'h' ? 1 : -1;
    }
    w->path = argv[optind];
    return optind + 1 == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
    store_wish w = {.rows = -1};
    pe_error e = {0};
    store_table *s;
    int rc = parse(&w, argc, argv);

    if (rc != 0) {
        usage(rc > 0 ? stdout : stderr);
        return rc > 0 ? PE_EXIT_OK : PE_EXIT_USAGE;
    }
    store_enable_hdf5();
    s = store_open(&w, &e);
    rc = s ? tell(s, &e) : -1;
    store_close(s);
    if (rc < 0)
        return fail(&e);
    return fflush(stdout) == 0 ? PE_EXIT_OK : PE_EXIT_CREATE;
}
