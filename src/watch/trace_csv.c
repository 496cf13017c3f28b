/* trace_csv.c - blocks of a trace as lines of CSV. */
#include <inttypes.h>
#include <string.h>

#include "trace_out.h"

static void put_field(FILE *f, const char *words)
{
    if (!strpbrk(words, ",\"\r\n")) {
        fputs(words, f);
        return;
    }
    fputc('"', f);
    for (; *words; words++) {
        if (*words == '"')
            fputc('"', f);
        fputc(*words, f);
    }
    fputc('"', f);
}

static void put_block(const trace *t, const trace_block *b, bool layers,
                      FILE *f)
{
    put_field(f, trace_device(t, b->device));
    if (b->flags & TRACE_HAS_SEQ)
        fprintf(f, ",%" PRIu64 ",%" PRIu64, b->boot, b->seq);
    else
        fputs(",,", f);
    fprintf(f,
            ",%d,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRIu64 ",%" PRIu64
            ",%" PRIu64 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%s,%d,%d,%u",
            b->partition, b->offset, b->term, b->epoch, b->version,
            b->commit_version, b->bytes, b->points, b->outliers, b->rank,
            trace_outcome_name(b->outcome), (b->flags & TRACE_COMMITTED) != 0,
            (b->flags & TRACE_HELPED) != 0, (unsigned)b->repeats);
    for (unsigned i = 0; i < TRACE_STAMPS; i++) {
        fputc(',', f);
        if (b->stamp[i])
            fprintf(f, "%" PRId64, b->stamp[i]);
    }
    if (layers)
        fprintf(f, ",%" PRIu32, b->layer);
    fputc('\n', f);
}

int trace_write_csv(trace *t, FILE *f, pe_error *errp)
{
    trace_block b;
    uint32_t last;
    int rc;

    if (trace_last_layer(t, &last, errp) < 0)
        return -1;
    fputs("device,boot,seq,partition,offset,term,epoch,version,commit_version,"
          "bytes,points,outliers,rank,outcome,committed,helped,repeats",
          f);
    for (unsigned i = 0; i < TRACE_STAMPS; i++)
        fprintf(f, ",%s_ns", trace_stamp_name(i));
    if (last > 0)
        fputs(",layer", f);
    fputc('\n', f);
    while ((rc = trace_next(t, TRACE_BLOCKS, &b, errp)) > 0)
        put_block(t, &b, last > 0, f);
    return rc;
}
