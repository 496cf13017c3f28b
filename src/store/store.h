/* store.h - rows of numbers out of files that hold arrays. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/block.h>

struct text; /* src/common/text.h */

/* Told of what a reader has to say; each member may be NULL. */
typedef struct store_hear {
    void *arg;
    /* One line for the log. */
    void (*say)(void *arg, const char *line);
    /* [n] cells became NaN for [reason]; [first] says where and what the first
     * of them was.
     */
    void (*masked)(void *arg, uint64_t n, const char *reason,
                   const char *first);
} store_hear;

/* What is wanted of a file.  Strings are borrowed for the call. */
typedef struct store_wish {
    const char *path;    /* FILE, or FILE:MEMBER */
    int rows;            /* the axis that counts rows; -1: not said */
    bool frames;         /* all behind the first axis is one row */
    const char *columns; /* names, or numbers from 0; NULL: all */
    const char *exclude; /* likewise; NULL: none */
    bool follow;         /* rows may be added */
    const char *time;    /* the data set that is the clock; "none"; NULL: it is
                            looked for */
    const char *format;  /* of the clock: s, ms, us, ns since 1970; NULL */
    int zone_s;          /* east of UTC, of instants that name no zone */
    store_hear hear;
} store_wish;

/* A reader of one file, for one thread.  Several of one file may be open. */
typedef struct store_table store_table;

/* Is [path] FILE or FILE:MEMBER of a kind of file that is read here, by its
 * first bytes?  False also where there is no such file.
 */
bool store_knows(const char *path);

/* FILE of such a path, new memory; NULL: there is none. */
char *store_file_of(const char *path);

/* Open what [w] asks for.  Errors: input, 65, naming the file. */
store_table *store_open(const store_wish *w, pe_error *errp);
void store_close(store_table *s); /* may be NULL */

/* FILE, or FILE:MEMBER where the file has members: what sources are named
 * by.
 */
const char *store_name(const store_table *s);
/* "1000 rows of 3 columns: a b c; t is left out (text)": what was found. */
const char *store_words(const store_table *s);

uint64_t store_rows(const store_table *s);
uint32_t store_columns(const store_table *s);

/* Name of column [c]; NULL: it has but its number in the array, *numberp. */
const char *store_column(const store_table *s, uint32_t c, uint32_t *numberp);
/* What its numbers are in the file: "int16", static. */
const char *store_column_type(const store_table *s, uint32_t c);

/* Its unit, "" where none is given. */
const char *store_column_unit(const store_table *s, uint32_t c);

/* What says when each row was, and is no column; NULL: nothing does.  *unitp:
 * as it is in the file.
 */
const char *store_clock(const store_table *s, const char **unitp);
/* Where there is a clock: when rows [row] and on were, [n] of them, in ns since
 * 1970; 0: that is not known.  Errors: as of store_read.
 */
int store_times(store_table *s, uint64_t row, uint32_t n, int64_t *ns,
                pe_error *errp);

/* What is in FILE or FILE:MEMBER, of a kind that may hold much, for people, new
 * memory; NULL: there is no more to it than what store_open finds, or it cannot
 * be read, which that says.  The caller frees.
 */
char *store_list(const char *path);

/* Rows [row] to [row] + [n] into [to], a matrix of store_columns columns of
 * [dtype].  Errors: input, 65, naming file and row.
 */
int store_read(store_table *s, uint64_t row, uint32_t n, void *to,
               enum pe_dtype dtype, pe_error *errp);

/* A file that is followed: look how many rows there are now. */
int store_refresh(store_table *s, pe_error *errp);

/* --- kinds of files --- */

/* Bytes at the start of a file by which its kind is known. */
#define STORE_HEAD_MAX 4096

typedef struct store_kind {
    const char *name; /* "HDF5" */
    /* Does a file start so? */
    bool (*is)(const unsigned char *head, size_t n);
    /* Open [member] ("": not said) of [file].  NULL: this program cannot. */
    store_table *(*open)(const store_wish *w, const char *file,
                         const char *member, pe_error *errp);
    /* What is in [member] and below; NULL: open says it all. */
    int (*list)(const char *file, const char *member, struct text *out,
                pe_error *errp);
    /* Make one at [path], whole or not at all, of the rows of the structured
     * array [npy], a data set of each field.  NULL: this program cannot.
     */
    int (*make)(const char *npy, const char *path, pe_error *errp);
} store_kind;

/* Have this program read HDF5, once, before threads start.  The library is
 * linked where this is called.  Agents call it; others ask the program
 * pilot-hdf5, and read the first rows only (STORE_HEAD_ROWS).  Where HDF5 was
 * left out when all was configured, files of it are refused.
 */
#define STORE_HEAD_ROWS 1000
void store_enable_hdf5(void);
/* What that does: [kind] opens, lists and makes such files from now on. */
void store_add_hdf5(const store_kind *kind);
/* Does this program make HDF5?  Make one, see store_kind.  Errors: fatal, 78:
 * it does not.
 */
bool store_makes_hdf5(void);
int store_make_hdf5(const char *npy, const char *path, pe_error *errp);

#endif
