/* finding.c - what was found in a run, each in a sentence. */
#include "finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 200 /* sentences of one kind; all are counted */

void finding_add(findings *f, enum finding_kind kind, const char *what,
                 const char *layer, const char *fmt, ...)
{
    finding *list, *at;
    va_list ap;

    if (f->of[kind]++ >= MOST)
        return;
    list = realloc(f->list, (f->n + 1) * sizeof(*list));
    if (!list) {
        f->failed = 1;
        return;
    }
    f->list = list;
    at = &list[f->n++];
    *at = (finding){.kind = kind, .what = what, .layer = layer};
    va_start(ap, fmt);
    vsnprintf(at->text, sizeof(at->text), fmt, ap);
    va_end(ap);
}

void findings_free(findings *f)
{
    free(f->list);
    *f = (findings){0};
}

const char *finding_kind_name(enum finding_kind k)
{
    static const char *const name[FINDING_N] = {"fault", "undecided", "limit",
                                                "note"};

    return name[k];
}

const char *findings_verdict(const findings *f)
{
    return f->of[FINDING_FAULT]  ? "NOT EXACT"
           : f->of[FINDING_OPEN] ? "undecided"
                                 : "exact";
}

enum pe_exit findings_exit(const findings *f)
{
    return f->of[FINDING_FAULT]  ? PE_EXIT_FAILED
           : f->of[FINDING_OPEN] ? PE_EXIT_DATA
                                 : PE_EXIT_OK;
}
