/* entry.h - records that a producer of streams has accepted. */
#ifndef STREAM_ENTRY_H
#define STREAM_ENTRY_H

#include "src/stream/stream.h"

typedef struct known {
    struct known *next;
    char *name;
    stream_topic is; /* as it was read last */
} known;

typedef struct entry {
    struct entry *next;
    known *topic;
    void *opaque;
    const void *value; /* borrowed, or behind this struct */
    size_t len, bytes; /* of the value; of all */
    char *key;         /* NULL: none */
    char *headers;     /* NAME\0 u32 and bytes, of each; UINT32_MAX: null */
    size_t n_headers;
    int32_t partition; /* < 0: by its key, when it is sent */
    int64_t offset;    /* -1: it is not stored */
    int64_t since_ns;
} entry;

typedef struct entry_list {
    entry *first, **last; /* last: &first, where it is empty */
} entry_list;

void entry_add(entry_list *l, entry *e);
entry *entry_take(entry_list *l); /* NULL: there is none */

/* Bytes of a record, with what it adds to them. */
size_t entry_bytes(const broker_output *o);
/* NULL: no memory for it. */
entry *entry_make(const broker_output *o, known *topic);
void entry_free(entry *e);

/* Where it goes, by what is known of its topic. */
int32_t entry_partition(const entry *e);
/* Its words for the script; [e] has to live as long as [a]. */
void entry_words(redis_args *a, const entry *e);

#endif
