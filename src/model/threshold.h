/* threshold.h - the score above which a point is an outlier. */
#ifndef MODEL_THRESHOLD_H
#define MODEL_THRESHOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/model.h>

#include "quantile.h"

/* Two ways to the score that a share (the contamination) of the last points
 * exceeds: counts in logarithmic buckets, which travel as lanes of the delta
 * and whose size does not depend on the window; or the last scores
 * themselves, which give what numpy.percentile gives.
 */
struct threshold {
    bool exact;
    int64_t window; /* points looked back on */
    int64_t *lanes; /* QUANTILE_LANES; NULL when exact */
    float *ring;    /* window scores, oldest at [next] once full */
    size_t n, next;
};

/* Rows for a model's table of options. */
#define THRESHOLD_OPTIONS                                              \
    {"window",                                                         \
     PE_OPTION_INT,                                                    \
     100,                                                              \
     1e12,                                                             \
     "100000",                                                         \
     NULL,                                                             \
     "points the threshold looks back on"},                            \
    {                                                                  \
        "threshold", PE_OPTION_STRING, 0, 0, "stream", "stream exact", \
            "how it is found: buckets 1.6% wide, or all scores"        \
    }

/* From those options.  Error (input): a window too long to be exact. */
int threshold_create(struct threshold *t, const pe_options *o, pe_error *errp);
void threshold_free(struct threshold *t);

/* Lanes it wants in a delta's counts. */
size_t threshold_lanes(const struct threshold *t);

/* Room in [d] for the scores of [b]; the step that may fail. */
int threshold_reserve(const struct threshold *t, pe_delta *d, const pe_block *b,
                      pe_error *errp);
/* Take in the scores of [b], NaN left out; [lanes] are those in d->count. */
void threshold_fold(const struct threshold *t, pe_delta *d, int64_t *lanes,
                    const pe_block *b, const float *scores);

/* What [d] holds becomes part of the window; sets m->threshold. */
int threshold_apply(struct threshold *t, pe_model *m, const pe_delta *d,
                    const int64_t *lanes, pe_error *errp);

int threshold_encode(const struct threshold *t, pe_tensors *to, pe_error *errp);
int threshold_decode(struct threshold *t, const pe_tensors *from,
                     pe_error *errp);

#endif
