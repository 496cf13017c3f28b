/* ask.c - what is in an HDF5 file, by the program that is linked with it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "src/common/locate.h"
#include "src/common/process.h"

#define PROGRAM "pilot-hdf5"

/* A file system that does not answer is no reason to wait for ever. */
#define ANSWER_S 60
#define ANSWER_MAX ((size_t)1 << 30)

/* What was answered: a table of which the first rows are known. */
typedef struct asked {
    store_table head;
    uint64_t kept; /* rows */
    double *cells;
    char **name; /* of the columns that were chosen */
    char **unit;
    element *type;
    char *clock, *clock_unit;
} asked;

static int asked_read(store_table *s, uint64_t row, uint32_t n, void *to,
                      enum pe_dtype dtype, pe_error *errp)
{
    asked *a = (asked *)s;
    size_t cells = (size_t)n * s->columns;

    if (row > a->kept || n > a->kept - row)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                            "%s row %" PRIu64
                            " is not read by this program, but "
                            "by agents",
                            s->name, row);
    for (size_t i = 0; i < cells; i++) {
        double x = a->cells[row * s->columns + i];
        if (dtype == PE_F8)
            ((double *)to)[i] = x;
        else
            ((float *)to)[i] = (float)x;
    }
    return 0;
}

static element asked_type(const store_table *s, uint32_t c)
{
    return ((const asked *)s)->type[c];
}

static const char *asked_unit(const store_table *s, uint32_t c)
{
    return ((const asked *)s)->unit[c];
}

static void asked_close(store_table *s)
{
    asked *a = (asked *)s;

    for (uint32_t i = 0; a->name && i < s->columns; i++)
        free(a->name[i]);
    for (uint32_t i = 0; a->unit && i < s->columns; i++)
        free(a->unit[i]);
    free(a->name);
    free(a->unit);
    free(a->clock);
    free(a->clock_unit);
    free(a->type);
    free(a->cells);
    store_free(s);
}

static const store_ops ops = {.read = asked_read,
                              .type = asked_type,
                              .unit = asked_unit,
                              .close = asked_close};

static const char *name_of(const void *arg, uint32_t c)
{
    const asked *a = arg;

    return a->name[c];
}

/* --- the answer --- */

/* Text under way; [at] is NULL once a line was not as it should be. */
typedef struct reader {
    char *at, *end;
} reader;

/* The rest of the next line, which begins with [word]; it is cut off there. */
static char *line_of(reader *r, const char *word)
{
    size_t n = strlen(word);
    char *line = r->at;
    char *stop = line ? memchr(line, '\n', (size_t)(r->end - line)) : NULL;

    r->at = NULL;
    if (!stop || (size_t)(stop - line) <= n || memcmp(line, word, n) != 0 ||
        line[n] != ' ')
        return NULL;
    *stop = '\0';
    r->at = stop + 1;
    return line + n + 1;
}

static uint64_t number_of(reader *r, const char *word)
{
    const char *line = line_of(r, word);
    int64_t n = 0;

    if (!line || text_parse_int(line, &n) < 0 || n < 0)
        r->at = NULL;
    return (uint64_t)n;
}

/* The rest of such a line in new memory; NULL: there is none. */
static char *copy_of(reader *r, const char *word)
{
    const char *line = line_of(r, word);

    return line ? strdup(line) : NULL;
}

/* "f8 NAME", and its unit. */
static bool read_column(asked *a, reader *r, uint32_t c)
{
    const char *line = line_of(r, "column");

    if (!line || strlen(line) < 4)
        return false;
    a->type[c] = (element){line[0], (unsigned char)(line[1] - '0'), false};
    a->name[c] = strdup(line + 3);
    a->unit[c] = copy_of(r, "unit");
    return a->name[c] && a->unit[c];
}

static bool read_columns(asked *a, reader *r, uint32_t n)
{
    a->name = calloc(n, sizeof(*a->name));
    a->unit = calloc(n, sizeof(*a->unit));
    a->type = calloc(n, sizeof(*a->type));
    if (!a->name || !a->unit || !a->type)
        return false;
    for (uint32_t c = 0; c < n; c++)
        if (!read_column(a, r, c))
            return false;
    return true;
}

static bool read_answer(asked *a, text *out)
{
    reader r = {out->data, out->data + out->len};
    store_table *s = &a->head;
    uint64_t columns;
    size_t bytes;

    s->name = copy_of(&r, "name");
    s->words = copy_of(&r, "words");
    s->rows = number_of(&r, "rows");
    columns = number_of(&r, "columns");
    /* Each has a line of its own, so that a number cannot ask for all memory.
     */
    if (!r.at || columns > (uint64_t)(r.end - r.at) || !s->name || !s->words)
        return false;
    s->columns = (uint32_t)columns;
    if (!read_columns(a, &r, s->columns))
        return false;
    a->clock = copy_of(&r, "clock");
    a->clock_unit = copy_of(&r, "clock-unit");
    s->clock = a->clock && *a->clock ? a->clock : NULL;
    s->clock_unit = a->clock_unit;
    a->kept = number_of(&r, "head");
    bytes = (size_t)a->kept * s->columns * sizeof(double);
    if (!r.at || (size_t)(r.end - r.at) != bytes)
        return false;
    a->cells = malloc(bytes + 1);
    if (!a->cells)
        return false;
    memcpy(a->cells, r.at, bytes);
    s->name_of = name_of;
    s->named = a;
    return true;
}

static store_table *take_answer(const store_wish *w, text *out, pe_error *errp)
{
    asked *a = calloc(1, sizeof(*a));

    if (!a) {
        pe_error_nomem(errp);
        return NULL;
    }
    a->head.ops = &ops;
    a->head.hear = w->hear;
    if (out->data && read_answer(a, out))
        return &a->head;
    asked_close(&a->head);
    pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                 "%s: " PROGRAM " answers something else than is asked; it is "
                 "of another release than this program",
                 w->path);
    return NULL;
}

/* --- the question --- */

/* What it said of an error, as it would be said here. */
static int refused(int status, char *said, pe_error *errp)
{
    enum pe_exit code =
        status == PE_EXIT_CONFIG ? PE_EXIT_CONFIG : PE_EXIT_DATA;
    char what[64];

    process_status_words(status, what);
    if (!said || !*said)
        return pe_error_set(errp, PE_ERROR_INPUT, code, PROGRAM " %s", what);
    said[strcspn(said, "\n")] = '\0';
    if (!strncmp(said, PROGRAM ": ", sizeof(PROGRAM) + 1))
        said += sizeof(PROGRAM) + 1;
    return pe_error_set(errp, PE_ERROR_INPUT, code, "%s", said);
}

static int ask(const char *const *argv, text *out, pe_error *errp)
{
    const process_spec spec = {.argv = argv, .err_pipe = true};
    const process_limits limits = {ANSWER_S, ANSWER_MAX};
    process_answer said = {0};
    int rc = process_run(&spec, &limits, &said, errp);

    if (rc == 0 && said.status != 0)
        rc = refused(said.status, said.err.data, errp);
    *out = said.out;
    text_free(&said.err);
    return rc;
}

/* As [out] says, of the program; -1: it is not here. */
static int find_program(const char *file, char **out, pe_error *errp)
{
    *out = locate_program(PROGRAM, PILOT_LIBEXECDIR, NULL);
    if (*out)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s is an HDF5 file, and this program was built "
                        "without HDF5; install libhdf5-dev and configure again",
                        file);
}

int store_ask_list(const char *file, const char *member, text *out,
                   pe_error *errp)
{
    char *program, *path;
    int rc = find_program(file, &program, errp);

    path = text_format("%s%s%s", file, *member ? ":" : "", member);
    if (rc == 0 && !path)
        rc = pe_error_nomem(errp);
    if (rc == 0) {
        const char *const argv[] = {program, "--list", "--", path, NULL};
        rc = ask(argv, out, errp);
    }
    free(program);
    free(path);
    return rc;
}

/* Options of the program, two for each that has a value. */
static void add_option(const char **argv, size_t *np, const char *name,
                       const char *value)
{
    if (!value)
        return;
    argv[(*np)++] = name;
    argv[(*np)++] = value;
}

store_table *store_ask(const store_wish *w, const char *file,
                       const char *member, pe_error *errp)
{
    char axis[16], zone[16];
    const char *argv[24];
    char *program;
    size_t n = 0;
    text out = {0};
    store_table *s = NULL;

    (void)member; /* it is in w->path */
    if (find_program(file, &program, errp) < 0)
        return NULL;
    argv[n++] = program;
    snprintf(axis, sizeof(axis), "%d", w->rows);
    snprintf(zone, sizeof(zone), "%d", w->zone_s);
    add_option(argv, &n, "--rows", w->rows >= 0 ? axis : NULL);
    add_option(argv, &n, "--columns", w->columns);
    add_option(argv, &n, "--exclude", w->exclude);
    add_option(argv, &n, "--time", w->time);
    add_option(argv, &n, "--format", w->format);
    add_option(argv, &n, "--zone", w->zone_s ? zone : NULL);
    if (w->frames)
        argv[n++] = "--frames";
    if (w->follow)
        argv[n++] = "--follow";
    argv[n++] = "--";
    argv[n++] = w->path;
    argv[n] = NULL;
    if (ask(argv, &out, errp) == 0)
        s = take_answer(w, &out, errp);
    text_free(&out);
    free(program);
    return s;
}
