/* rank_bench.c - a rank of a pool on a source that does what it is told. */
#include "rank_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* --- a source that does what it is told --- */

struct rank_line rank_line;
int rank_urgent;

static int line_assign(source_reader *s, const broker_position *p, size_t n,
                       pe_error *errp)
{
    (void)s;
    rank_line.assigned++;
    if (rank_line.deaf)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED, "deaf");
    memcpy(rank_line.at, p, n * sizeof(*p));
    rank_line.n = n;
    for (size_t i = 0; i < n; i++)
        rank_line.next[p[i].partition] = p[i].offset;
    return 0;
}

static int line_fetch(source_reader *s, size_t lane, source_item *r,
                      pe_error *errp)
{
    static double number = 6;

    (void)s;
    if (rank_line.broken)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA, "broken");
    for (size_t i = 0; i < rank_line.n; i++) {
        int32_t k = rank_line.at[i].partition;
        if ((rank_line.lanes && i != lane) ||
            (rank_urgent && (k < rank_urgent) != (lane == 0)) ||
            rank_line.next[k] >= rank_line.high[k])
            continue;
        r->block = (pe_block){.data = &number,
                              .points = 1,
                              .features = 1,
                              .dtype = PE_F8,
                              .topic = "t",
                              .device = "d",
                              .partition = k,
                              .offset = rank_line.next[k]++,
                              .fetch_ns = 1};
        r->bad.kind = PE_ERROR_NONE;
        r->foreign = false;
        rank_line.fetched++;
        return 1;
    }
    return 0;
}

static void line_release(source_reader *s, source_item *r)
{
    (void)s;
    (void)r;
    rank_line.released++;
}

static int64_t line_high(source_reader *s, int32_t partition)
{
    (void)s;
    return rank_line.high[partition];
}

static const source_ops line_ops = {.assign = line_assign,
                                    .fetch = line_fetch,
                                    .release = line_release,
                                    .high = line_high};

/* --- a rank --- */

static pipeline pl;
static const pipeline_stage end = {.name = (char *)"end"};
static pipeline_request req = {.run = "r"};

pool *rank_make(int rank, int size, uint64_t counted)
{
    pool *p = calloc(1, sizeof(*p));

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    memset(&rank_line, 0, sizeof(rank_line));
    rank_line.base.ops = &line_ops;
    rank_line.lanes = counted > 0;
    pl = (pipeline){.partitions = RANK_PARTITIONS,
                    .urgent = rank_urgent,
                    .epoch_blocks = counted};
    p->c = (pool_conf){
        .pl = &pl, .req = &req, .source = &rank_line.base, .member = "m"};
    p->stages.end = &end;
    p->rank = rank;
    p->size = size;
    p->n_partitions = RANK_PARTITIONS;
    p->counted = counted > 0;
    p->term.phase = PHASE_OPEN;
    p->epochs.open = 2;
    snprintf(p->topic, sizeof(p->topic), "t");
    CU_ASSERT_EQUAL_FATAL(figures_init(&p->figures, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(lane_init(p, NULL), 0);
    p->rounds.ends = malloc(RANK_PARTITIONS * sizeof(*p->rounds.ends));
    CU_ASSERT_PTR_NOT_NULL_FATAL(p->rounds.ends);
    for (int k = 0; k < RANK_PARTITIONS; k++)
        p->rounds.ends[k] = -1;
    return p;
}

void rank_end(pool *p)
{
    lane_fini(p);
    CU_ASSERT_EQUAL(rank_line.released, rank_line.fetched);
    figures_fini(&p->figures);
    free(p->rounds.ends);
    free(p);
}

const unsigned char rank_all[RANK_PARTITIONS] = {1, 1, 1, 1, 1};

pool *rank_load(uint64_t counted, const int64_t *next)
{
    params_offset offsets[RANK_PARTITIONS];
    params_state s = {.offsets = offsets, .n_offsets = RANK_PARTITIONS};
    pool *p = rank_make(0, 1, counted);

    for (int32_t k = 0; k < RANK_PARTITIONS; k++)
        offsets[k] = (params_offset){(char *)"t", k, next ? next[k] : 0, 0};
    CU_ASSERT_EQUAL_FATAL(lane_load(p, &s, rank_all, NULL), 0);
    pool_slot_open(pool_epoch_open(&p->epochs), 2, p->own.at, p->own.n_parts);
    return p;
}

source_item rank_item(int32_t partition, int64_t offset)
{
    return (source_item){.block = {.device = "d",
                                   .partition = partition,
                                   .offset = offset,
                                   .boot = 1,
                                   .seq = (uint64_t)offset,
                                   .has_seq = 1},
                         .mark = 1000 + (uint64_t)offset};
}

void rank_give_model(pool *p)
{
    pe_options *o = pe_model_options("passthrough", NULL);
    pool_model *m =
        pool_model_create(pe_model_create("passthrough", o, 1, NULL), NULL);

    p->stages.model = m->m->ops;
    CU_ASSERT_EQUAL(pool_slot_rebase(pool_epoch_open(&p->epochs), m, 1, NULL),
                    0);
    pool_model_drop(m);
    pe_options_destroy(o);
}
