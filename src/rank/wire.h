/* wire.h - the messages between ranks, as bytes (frame.h). */
#ifndef RANK_WIRE_H
#define RANK_WIRE_H

#include "src/source/source.h"
#include "src/params/params.h"

/* Every message is encoded into a buffer, whose memory is used again, and
 * decoded from [len] bytes in which it has to be whole.  Errors: no memory;
 * fatal: it is no such message, and what was decoded is nothing.
 */

/* To rank 0: what a rank adds to an epoch beside its lanes. */
typedef struct wire_part {
    int64_t term, epoch;
    params_counters add;
    uint64_t points, masked, outliers; /* of the delta */
    uint64_t tried, failed; /* blocks that went through stages, and that those
                               refused */
    const char *why;        /* ... one of them; "" */
    const char *refusal;    /* of a block that was refused; "" */
    params_range *ranges;   /* without a topic */
    size_t n_ranges;
    params_device *devices; /* newest block of each; the names are borrowed */
    size_t n_devices;
    uint64_t *cells; /* of each column, where rows were masked */
    size_t n_cells;
    const void *blob; /* of the delta */
    size_t blob_len;
} wire_part;

int wire_part_encode(const wire_part *m, pe_buffer *to, pe_error *errp);
/* Partitions below [n_partitions].  Its lists are new, what they point to is in
 * the message.
 */
int wire_part_decode(const void *data, size_t len, int32_t n_partitions,
                     wire_part *m, pe_error *errp);
void wire_part_free(wire_part *m); /* of a decoded one */

/* From rank 0 to all: a model, or a state with the model in it. */
typedef struct wire_news {
    int64_t term, epoch, commit_ns;
    bool is_state;
    const void *model;
    size_t model_len;
    /* of a state */
    uint64_t lease;
    params_state state;
    uint64_t revision;    /* of the stages, from now on */
    const char *stages;   /* ... its text; "" of 0 */
    const char *suspects; /* blocks that processes have died of, as text */
    bool fresh;           /* ... under which nothing was committed yet */
    unsigned char *own;   /* of every partition, is it ours? */
    int64_t *reached;     /* ... contributed in any term */
} wire_news;

int wire_news_encode(const wire_news *m, int32_t n_partitions, pe_buffer *to,
                     pe_error *errp);
int wire_news_decode(const void *data, size_t len, int32_t n_partitions,
                     wire_news *m, pe_error *errp);
void wire_news_free(wire_news *m); /* of a decoded one */

/* To a helper: a block without its data, which follows. */
typedef struct wire_task {
    int64_t term, epoch;
    source_text columns; /* what they are called, where one asks for it, ... */
    uint32_t named;      /* ... behind so many stages (source_said) */
} wire_task;

/* [r] gets the block, but no data, and its strings, cut to fit; the times of
 * its rows, and the names of its columns, stay in the message.
 */
int wire_task_encode(const wire_task *t, const source_item *r, pe_buffer *to,
                     pe_error *errp);
int wire_task_decode(const void *data, size_t len, wire_task *t, source_item *r,
                     pe_error *errp);

/* From a helper: a block of this epoch is done. */
int wire_done_encode(const wire_task *t, pe_buffer *to, pe_error *errp);
int wire_done_decode(const void *data, size_t len, wire_task *t,
                     pe_error *errp);

#endif
