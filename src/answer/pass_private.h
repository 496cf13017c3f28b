/* pass_private.h - what the halves of a pass share. */
#ifndef ANSWER_PASS_PRIVATE_H
#define ANSWER_PASS_PRIVATE_H

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
    pthread_mutex_t lock; /* for what follows, while threads run */
    size_t turn;          /* the next lane nobody has begun */
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

/* All rows are in the parts: the threshold, the labels, the files. */
int pass_conclude(pass *p, pe_error *errp);

/* All of [data] at [at] of [fd]; [path] is for the error. */
int pass_write(int fd, const void *data, size_t len, uint64_t at,
               const char *path, pe_error *errp);

#endif
