/* pass_private.h - what the halves of a pass share. */
#ifndef ANSWER_PASS_PRIVATE_H
#define ANSWER_PASS_PRIVATE_H

#include "draw.h"
#include "exact.h"
#include "pass.h"
#include "top.h"

#define PASS_TOP 1000             /* rows whose values are kept, ... */
#define PASS_TOP_BYTES (32 << 20) /* ... or fewer of many columns */
#define PASS_VALUES_BYTES (UINT64_C(1) << 30) /* values of all rows */

typedef struct pass {
    const pass_conf *c;
    char *folder; /* c->folder.part */
    lane *lanes;
    int *fd; /* of each lane: its rows, without a head */
    pe_model *m;
    const void *model; /* the one that scores, as a file: the caller's, or */
    size_t model_len;
    pe_buffer fitted; /* ... one that was fitted */
    double stream;    /* threshold of the caller's */
    draw *draw;       /* rows are only drawn now; NULL: they are scored, ... */
    overall *sums;    /* ... or only summed up, a sum for each lane */
    uint64_t drawn, drawn_of; /* rows it was fitted to, of so many */
    int stage, stages;        /* times all rows are read, for progress */
    pthread_mutex_t lock;     /* for what follows, while threads run */
    size_t turn;              /* the next lane nobody has begun */
    names devices, sources;
    uint64_t rows, masked;
    uint64_t *counted; /* EXACT_LANES */
    uint32_t n_values; /* columns of a row; 0: none came yet */
    top top;
    int *value_fd; /* of each lane: the values of its rows */
    atomic_ullong value_bytes;
    atomic_bool values_cut; /* they found no room */
    bool behind;       /* the first block's values are what the model got */
    bool inexact_rows; /* some points are not rows of their records */
    pe_error error;
    atomic_bool failed;
    atomic_ullong scored; /* rows so far */
    int64_t start_ns;
} pass;

size_t pass_top_most(uint32_t n_values);

/* All blocks of all lanes, by threads. */
int pass_blocks(pass *p, pe_error *errp);

/* Back to the first block of every lane, which has stages in front of [upto]
 * alone (NULL: all).
 */
int pass_rewind(pass *p, const pipeline_stage *upto, pe_error *errp);

/* What is not known of c->scaling: of so many stages. */
int pass_scalings(const pass *p);
int pass_scale(pass *p, pe_error *errp);

/* Where it is wanted, the model fitted to all rows; what it came to is said in
 * p->fitted and p->drawn_of.
 */
int pass_fit(pass *p, pe_error *errp);

/* All rows are in the parts: the threshold, the labels, the files. */
int pass_conclude(pass *p, pe_error *errp);

/* All of [data] at [at] of [fd]; [path] is for the error. */
int pass_write(int fd, const void *data, size_t len, uint64_t at,
               const char *path, pe_error *errp);

#endif
