/* finding.h - what was found in a run, each in a sentence. */
#ifndef VERIFY_FINDING_H
#define VERIFY_FINDING_H

#include <stddef.h>

#include <pilot/error.h>

enum finding_kind {
    FINDING_FAULT, /* the run is not exact */
    FINDING_OPEN,  /* whether it is cannot be told */
    FINDING_LIMIT, /* this was not checked, and says nothing of the blocks */
    FINDING_NOTE,  /* it is as it may be */
    FINDING_N
};

typedef struct finding {
    enum finding_kind kind;
    const char *what;  /* one word, static */
    const char *layer; /* borrowed; NULL: of the run */
    char text[512];
} finding;

/* Starts zeroed. */
typedef struct findings {
    finding *list;
    size_t n, of[FINDING_N];
    int failed; /* no memory */
} findings;

void finding_add(findings *f, enum finding_kind kind, const char *what,
                 const char *layer, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void findings_free(findings *f);

const char *finding_kind_name(enum finding_kind k);

/* "exact", "NOT EXACT", "undecided", and the exit status of each. */
const char *findings_verdict(const findings *f);
enum pe_exit findings_exit(const findings *f);

#endif
