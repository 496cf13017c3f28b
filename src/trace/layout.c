/* layout.c - sizes and checksums of what lies in a log; names of stamps. */
#include "layout.h"

#include <string.h>

#include "src/pack/pack.h"
#include "trace.h"

size_t layout_row(unsigned kind)
{
    static const size_t size[LAYOUT_KINDS] = {
        [LAYOUT_EDGE] = sizeof(layout_edge),
        [LAYOUT_WORK] = sizeof(layout_work),
        [LAYOUT_COMMIT] = sizeof(trace_commit),
        [LAYOUT_RANK] = sizeof(trace_rank),
        [LAYOUT_MODEL] = sizeof(trace_model),
        [LAYOUT_CLOCK] = sizeof(trace_clock),
        [LAYOUT_BLOCK] = sizeof(trace_block),
        [LAYOUT_PROCESS] = sizeof(layout_process),
    };

    return kind < LAYOUT_KINDS ? size[kind] : 0;
}

static uint32_t head_crc(layout_head h)
{
    h.crc = 0;
    return pack_check(0, &h, sizeof(h));
}

void layout_head_seal(layout_head *h)
{
    memcpy(h->magic, LAYOUT_MAGIC, sizeof(h->magic));
    h->layout = LAYOUT_VERSION;
    h->order = LAYOUT_ORDER;
    h->bytes = sizeof(*h);
    h->crc = head_crc(*h);
}

bool layout_head_check(const layout_head *h)
{
    return head_crc(*h) == h->crc;
}

static uint32_t segment_crc(layout_segment s)
{
    s.head_crc = 0;
    return pack_check(0, &s, sizeof(s));
}

void layout_segment_seal(layout_segment *s, const void *payload)
{
    s->mark = LAYOUT_MARK;
    s->crc = pack_check(0, payload, s->bytes);
    s->head_crc = segment_crc(*s);
}

bool layout_segment_check(const layout_segment *s)
{
    return s->mark == LAYOUT_MARK && s->bytes <= LAYOUT_SEGMENT_MAX &&
           s->head_crc == segment_crc(*s);
}

bool layout_payload_check(const layout_segment *s, const void *payload)
{
    return pack_check(0, payload, s->bytes) == s->crc;
}

/* --- words --- */

static const char *const stamps[TRACE_STAMPS] = {
    "sense", "edge",   "acked",  "broker", "fetch", "start",
    "end",   "result", "commit", "model",  "sent"};

const char *trace_stamp_name(unsigned stamp)
{
    return stamp < TRACE_STAMPS ? stamps[stamp] : NULL;
}

const char *trace_outcome_name(unsigned outcome)
{
    static const char *const name[] = {"unknown", "applied", "refused",
                                       "duplicate", "aside"};

    return outcome <= TRACE_ASIDE ? name[outcome] : "unknown";
}

static const struct hop {
    const char *name;
    enum trace_stamp from, to;
} hops[TRACE_HOPS] = {
    [TRACE_HOP_EDGE] = {"edge", TRACE_SENSE, TRACE_EDGE},
    [TRACE_HOP_SEND] = {"send", TRACE_EDGE, TRACE_ACKED},
    [TRACE_HOP_BROKER] = {"broker", TRACE_EDGE, TRACE_FETCH},
    [TRACE_HOP_WAIT] = {"wait", TRACE_FETCH, TRACE_START},
    [TRACE_HOP_PROCESS] = {"process", TRACE_START, TRACE_END},
    [TRACE_HOP_RESULT] = {"result", TRACE_END, TRACE_RESULT},
    [TRACE_HOP_COMMIT] = {"commit", TRACE_END, TRACE_COMMIT},
    [TRACE_HOP_MODEL] = {"model", TRACE_SENT, TRACE_MODEL},
    [TRACE_HOP_TOTAL] = {"total", TRACE_SENSE, TRACE_COMMIT},
};

const char *trace_hop_name(unsigned hop)
{
    return hop < TRACE_HOPS ? hops[hop].name : NULL;
}

void trace_hop_stamps(enum trace_hop hop, enum trace_stamp *from,
                      enum trace_stamp *to)
{
    *from = hops[hop].from;
    *to = hops[hop].to;
}

bool trace_hop_ns(const trace_block *b, enum trace_hop hop, int64_t *nsp)
{
    int64_t from = b->stamp[hops[hop].from], to = b->stamp[hops[hop].to];

    if (hop == TRACE_HOP_MODEL && !from) /* out of a file of an older pilot */
        from = b->stamp[TRACE_COMMIT];
    *nsp = to - from;
    return from != 0 && to != 0;
}
