/* help.h - messages under way, and blocks of busy owners on free ranks. */
#ifndef POOL_HELP_H
#define POOL_HELP_H

#include <mpi.h>

#include "epoch.h"
#include "src/rank/wire.h"

enum {
    POOL_ASKS = 2,    /* requests a helper keeps posted: an owner answers
                         between two blocks */
    POOL_SENDS = 32,  /* messages under way */
    POOL_PAGE = 4096, /* bytes; large messages are counted in pages, since MPI
                         counts are int */
};

enum pool_tag { TAG_ASK = 1, TAG_NONE, TAG_TASK, TAG_DATA, TAG_DONE, TAG_PART };

/* A message under way; [item] is released when it has left. */
typedef struct pool_send {
    bool used;
    MPI_Request req;
    void *buffer;     /* freed when it has left; may be NULL */
    source_item item; /* held when has_item */
    bool has_item;
} pool_send;

/* What a rank sends. */
typedef struct pool_sends {
    MPI_Comm comm;
    source_reader *source; /* of the items */
    MPI_Datatype page;
    bool paged; /* ... is made */
    pool_send list[POOL_SENDS];
    size_t n;
    pe_buffer frame; /* of a small message, its memory used again */
} pool_sends;

/* send.c - local calls that send. */
void send_init(pool_sends *s, MPI_Comm comm, source_reader *from);
void send_fini(pool_sends *s);
/* Let go of what has left. */
void send_test(pool_sends *s);
/* A free place; NULL when [POOL_SENDS] messages have not left yet. */
pool_send *send_room(pool_sends *s);
/* Small messages: they leave without the receiver. */
void send_word(pool_sends *s, int rank, enum pool_tag tag);
void send_frame(pool_sends *s, int rank, enum pool_tag tag);
/* Bytes whose memory is taken, and the data of an item that is. */
void send_pages(pool_sends *s, pool_send *out, pe_buffer *b, int rank);
void send_item(pool_sends *s, pool_send *out, source_item *r, int rank);
/* Fill [b] up to whole pages; how many they are, or -1. */
int send_fill_page(pe_buffer *b, pe_error *errp);
/* The message of which [st] tells, into the frame, or into [b]. */
int send_receive(pool_sends *s, const MPI_Status *st, pe_error *errp);
int send_receive_pages(pool_sends *s, const MPI_Status *st, pe_buffer *b,
                       pe_error *errp);

/* Helper's side of one posted request. */
typedef struct pool_ask {
    enum { HELP_FREE, HELP_ASKED, HELP_COMING, HELP_HERE } state;
    int owner;
    wire_task task;
    source_item item; /* its block has storage of ours, */
    char *said;       /* and so has what is said of its rows */
    size_t cap_said;
    MPI_Request data;
} pool_ask;

/* What a helper holds. */
typedef struct pool_helper {
    pool_ask asks[POOL_ASKS];
    int top_owner; /* the rank with the largest backlog */
    int64_t top_backlog;
} pool_helper;

/* help.c - local calls that send and receive. */
/* Give blocks to ranks that asked; answers NONE when [none]. */
void help_give(pool *p, bool none);
/* Process a block of another owner that is urgent, or for which an epoch waits:
 * before blocks of our own, which may never end; 1: did something.
 */
int help_urgent(pool *p);
int help_step(pool *p);  /* ask, or process a block of another owner */
void help_drop(pool *p); /* a new term: forget tasks of the older one */
bool help_quiet(const pool *p);
bool help_expects(const pool *p); /* a block, or a word about it, is to come */

/* What other ranks say. */
void help_take_ask(pool *p, int rank);
void help_take_none(pool *p, int rank);
void help_take_task(pool *p, int rank); /* in the frame */
void help_take_done(pool *p);           /* ... */
void help_test(pool *p);                /* has the data of tasks arrived? */

#endif
