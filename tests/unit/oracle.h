/* oracle.h - numbers that others computed, read from tests/data. */
#ifndef UNIT_ORACLE_H
#define UNIT_ORACLE_H

#include <stddef.h>
#include <stdio.h>

/* Open tests/data/NAME, behind its first line; the test ends without it. */
FILE *oracle_open(const char *name);
double oracle_number(FILE *f);
/* An array, its length in front; the caller frees. */
double *oracle_array(FILE *f, size_t *np);

/* Share of (outlier, inlier) pairs that the scores put in the right order. */
double oracle_auc(const float *s, const unsigned char *label, size_t n);

#endif
