/* codec.h - records of others as blocks: found by their bytes, or named. */
#ifndef CODEC_CODEC_H
#define CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/block.h>

/* The codecs by name, for an option: "auto npy da00 ...". */
#define CODEC_NAMES "auto npy da00 f144 ev44 se00 ad00 msgpack json csv"

/* What is said of a stream's records; zeroed, all of it is found.  Strings are
 * borrowed for the call.
 */
typedef struct codec_wish {
    const char *codec;   /* one of CODEC_NAMES; NULL: auto */
    const char *columns; /* names, paths a.b, numbers and ranges of what has no
                            names; NULL: the one thing there is to learn from */
    const char *time;    /* which of them is the clock; NULL: the record's own;
                            "none" */
    const char *rows;    /* number of the axis that counts rows, or "record":
                            each record is one row; NULL */
    bool frames;         /* whatever is behind the first axis is one row */
    char delimiter;      /* between fields of a line; 0: found */
    char decimal;        /* ',' where numbers of text have it; 0: '.' */
} codec_wish;

/* Reads records one by one, from one thread; keeps its memory for the next. */
typedef struct codec codec;

/* Errors: input, 78: `columns`, `rows` cannot be read. */
codec *codec_open(const codec_wish *w, pe_error *errp);
void codec_close(codec *c); /* may be NULL */

enum codec_answer {
    CODEC_BLOCK,
    CODEC_ROUNDED, /* ... in which whole numbers beyond 2^53 were rounded */
    CODEC_SKIPPED, /* a record that holds no rows, and is not meant to */
};

/* What else a record has told; valid until the next one. */
typedef struct codec_facts {
    const char *codec;    /* its name, static; NULL: none was found */
    const char *skip;     /* of CODEC_SKIPPED: of which kind it is, static */
    int64_t time_ns;      /* its own time; 0: none */
    const int64_t *times; /* ... of each of its rows; NULL: they have none */
    size_t n_times;
    const char *source; /* who it says it is from, in the record; NULL */
    size_t source_len;
} codec_facts;

/* Decode [len] bytes at [buf]: sets data, points, features and dtype of [b] and
 * nothing else; data stays in [buf] where it can, at any alignment, else it is
 * in the storage of [b].  -1: input, 65: which codec, where in the record, and
 * what to do.  [f] is filled in any case.
 */
int codec_decode(codec *c, const void *buf, size_t len, pe_block *b,
                 codec_facts *f, pe_error *errp);

/* --- what the last record held, also one that was refused, for people --- */

/* Bytes of a name that is shown: room for the longest path. */
#define CODEC_NAME_MAX 264

typedef struct codec_column {
    char name[CODEC_NAME_MAX]; /* printable; "" : it has none */
    char type[64];             /* "float64", "text", ... */
    char shape[64];            /* "(3, 4)"; "" : one number */
    bool number;               /* could be learned from */
    bool taken;                /* is */
    bool clock;
    bool may_be_clock; /* it looks like one, and nobody has said so */
} codec_column;

size_t codec_columns(const codec *c);
void codec_column_of(const codec *c, size_t i, codec_column *out);
/* Name of feature [k] of the last block into [out]: "temp", "det[3]". */
void codec_feature(const codec *c, uint32_t k, char *out, size_t cap);

#endif
