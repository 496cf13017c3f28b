/* judge.h - what is committed against what was counted again. */
#ifndef VERIFY_JUDGE_H
#define VERIFY_JUDGE_H

#include "layer.h"

/* A number that the commit has, and what the records come to. */
typedef struct judged {
    const char *name;
    uint64_t state, records;
    bool known; /* [records] is */
} judged;

#define JUDGED_MOST 8

/* Those of [l] into [out]; how many. */
size_t judge_counters(const layer *l, judged out[JUDGED_MOST]);

/* What is to be said of [l]; [front] NULL: of devices.  Pure. */
void judge_layer(const layer *l, const layer *front, findings *f);

#endif
