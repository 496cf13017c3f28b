/* swap_list.c - `pilot swap RUN`: the revisions that its stages have had. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "src/change/swap.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/revision/revision.h"

static void print_row(const revision *before, const revision *r, uint64_t made)
{
    time_t t = (time_t)(revision_time(r) / CLOCK_S);
    const char *why = revision_why(r);
    struct tm local;
    char stamp[32] = "?";
    text what = {0};

    if (localtime_r(&t, &local))
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &local);
    revision_words(before, r, &what);
    printf("%8" PRIu64 " %-19s %-24s %s%s%s%s\n", r->number, stamp,
           revision_by(r), what.data ? what.data : "", *why ? "; because " : "",
           why, r->number == made ? " (the model is of it)" : "");
    text_free(&what);
}

static int print_rows(const params_revision *all, size_t n, uint64_t made,
                      bool json, pe_error *errp)
{
    revision *before = revision_parse(0, NULL, errp), *r;
    int rc = before ? 0 : -1;

    if (!json && n > 0)
        printf("%8s %-19s %-24s %s\n", "REVISION", "TIME", "BY", "WHAT");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (json) {
            puts(all[i].text);
            continue;
        }
        r = revision_parse(all[i].number, all[i].text, errp);
        if (!r) {
            rc = -1;
            break;
        }
        print_row(before, r, made);
        revision_destroy(before);
        before = r;
    }
    revision_destroy(before);
    return rc;
}

int swap_list(params *p, const char *run, bool json, pe_error *errp)
{
    params_revision *all = NULL;
    params_facts f;
    size_t n = 0;
    int rc;

    if (params_facts_fetch(p, &f, errp) < 0)
        return -1;
    rc = params_revisions_fetch(p, &all, &n, errp);
    if (rc == 0 && n == 0)
        log_info("the stages of run %s are those of its file", run);
    if (rc == 0)
        rc = print_rows(all, n, f.state.revision, json, errp);
    params_revisions_free(all, n);
    params_facts_free(&f);
    return rc;
}
