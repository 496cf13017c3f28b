/* breaker.h - a run that refuses too much is stopped. */
#ifndef POISON_BREAKER_H
#define POISON_BREAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/params/params.h"
#include "src/pipeline/pipeline.h"

#define BREAKER_BLOCKS                                                     \
    1000                  /* the newest, of which a share is looked at ... \
                           */
#define BREAKER_LEAST 100 /* ... when there are so many */
#define BREAKER_MARKS 64
#define BREAKER_KINDS 16
#define BREAKER_WORDS 256

/* Blocks of a run that were applied, and refused. */
typedef struct breaker_counts {
    uint64_t applied, refused;
} breaker_counts;

/* What has been seen.  Starts zeroed, but for the first two. */
typedef struct breaker {
    pipeline_refuse limit;
    breaker_counts since;               /* where the run began, or went on */
    breaker_counts mark[BREAKER_MARKS]; /* oldest first, as it was then */
    size_t n;
    struct {
        char kind[BREAKER_WORDS], last[BREAKER_WORDS];
        uint64_t n;
    } reason[BREAKER_KINDS];
    size_t n_reasons;
    char words[1200]; /* once it has tripped: what is to be said */
} breaker;

/* The run has committed so many: true when that is too much for the first
 * time.  [run] is for the words.
 */
bool breaker_look(breaker *b, breaker_counts now, const char *run);
/* [n] blocks were refused, the last of them for [reason]. */
void breaker_note(breaker *b, const char *reason, uint64_t n);

/* Where the run began, or went on: what the parameter service has, else what is
 * committed now, which is put there (of whoever starts first).  And: it goes on
 * anew.
 */
int breaker_since(params *p, breaker_counts *out, pe_error *errp);
int breaker_again(params *p, pe_error *errp);

#endif
