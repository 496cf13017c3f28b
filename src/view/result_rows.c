/* result_rows.c - the rows that the scores of a stream are of. */
#include "result_rows.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"

#define QUEUE_BYTES (UINT64_C(8) << 20)
#define WAIT_NS (10 * CLOCK_S)
#define POLL_MS 50
/* A pool's ranks help each other, so results may change places by so many. */
#define BEHIND 16
/* Farther on it is quicker to ask the broker anew than to read up to there. */
#define AHEAD 512

/* A record that was read, with memory of its own. */
typedef struct kept {
    int64_t offset; /* -1: none */
    bool good;
    pe_block block;
    said said;
} kept;

/* One partition, with a consumer of its own from its first record on. */
typedef struct part {
    source_reader *source;
    int64_t next;
    size_t turn;
    kept kept[BEHIND];
} part;

struct result_rows {
    const pipeline *pl;
    const pipeline_request *req;
    part *part;
    int n;
    source_item item; /* its block has storage of ours */
    char *columns;
    uint64_t bad;
};

result_rows *result_rows_open(const pipeline *pl, const pipeline_request *req,
                              pe_error *errp)
{
    result_rows *r = calloc(1, sizeof(*r));

    if (r)
        r->part = calloc((size_t)pl->partitions, sizeof(*r->part));
    if (!r || !r->part) {
        free(r);
        pe_error_nomem(errp);
        return NULL;
    }
    r->pl = pl;
    r->req = req;
    r->n = pl->partitions;
    return r;
}

static void close_part(part *p)
{
    if (p->source)
        p->source->ops->close(p->source);
    for (size_t i = 0; i < BEHIND; i++) {
        pe_block_release(&p->kept[i].block);
        said_free(&p->kept[i].said);
    }
}

void result_rows_close(result_rows *r)
{
    if (!r)
        return;
    for (int i = 0; i < r->n; i++)
        close_part(&r->part[i]);
    pe_block_release(&r->item.block);
    free(r->part);
    free(r->columns);
    free(r);
}

const char *result_rows_columns(const result_rows *r)
{
    return r->columns;
}

/* --- reading --- */

/* Read from [offset] on. */
static int seek(result_rows *r, part *p, int32_t partition, int64_t offset,
                pe_error *errp)
{
    const broker_position at = {partition, offset, 0};

    if (!p->source) {
        p->source =
            source_open_broker(r->pl, r->req, SOURCE_ONE, QUEUE_BYTES, errp);
        if (!p->source)
            return -1;
        for (size_t i = 0; i < BEHIND; i++)
            p->kept[i].offset = -1;
    }
    p->next = offset;
    return p->source->ops->assign(p->source, &at, 1, errp);
}

/* The record in r->item, into memory of its own. */
static int keep(result_rows *r, part *p, pe_error *errp)
{
    kept *k = &p->kept[p->turn++ % BEHIND];
    const source_item *item = &r->item;
    const source_text *names = &item->said.columns;

    k->offset = item->block.offset;
    k->good = item->bad.kind == PE_ERROR_NONE;
    if (!k->good)
        return 0;
    if (names->at && !r->columns)
        r->columns = strndup(names->at, names->len);
    if (pe_block_copy(&k->block, &item->block, errp) < 0)
        return -1;
    return said_take(&k->said, &item->said, &k->block, &r->bad, errp);
}

/* Up to the record at [offset], or one behind it: 1, 0 it does not come. */
static int read_to(result_rows *r, part *p, int64_t offset, pe_error *errp)
{
    int64_t until = clock_mono_ns() + WAIT_NS;
    int rc;

    while (p->next <= offset) {
        rc = p->source->ops->fetch(p->source, 0, &r->item, errp);
        if (rc < 0)
            return -1;
        if (rc == 0 && clock_mono_ns() > until)
            return 0;
        if (rc == 0) {
            p->source->ops->wait(p->source, POLL_MS);
            continue;
        }
        p->next = r->item.block.offset + 1;
        rc = keep(r, p, errp);
        p->source->ops->release(p->source, &r->item);
        if (rc < 0)
            return -1;
    }
    return 1;
}

static const kept *find(const part *p, int64_t offset)
{
    for (size_t i = 0; i < BEHIND; i++)
        if (p->source && p->kept[i].offset == offset)
            return &p->kept[i];
    return NULL;
}

int result_rows_get(result_rows *r, int32_t partition, int64_t offset,
                    result_record *out, pe_error *errp)
{
    const kept *k;
    part *p;
    int rc = 1;

    if (partition < 0 || partition >= r->n)
        return 0;
    p = &r->part[partition];
    k = find(p, offset);
    if (!k && (!p->source || offset < p->next || offset - p->next > AHEAD))
        rc = seek(r, p, partition, offset, errp);
    if (!k && rc >= 0)
        rc = read_to(r, p, offset, errp);
    if (rc < 0)
        return -1;
    k = k ? k : find(p, offset);
    if (!k || !k->good)
        return 0;
    *out = (result_record){&k->block, &k->said};
    return 1;
}
