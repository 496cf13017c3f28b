/* send.c - messages under way. */
#include "help.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

void send_init(pool_sends *s, MPI_Comm comm, source_reader *from)
{
    s->comm = comm;
    s->source = from;
    MPI_Type_contiguous(POOL_PAGE, MPI_BYTE, &s->page);
    MPI_Type_commit(&s->page);
    s->paged = true;
}

void send_fini(pool_sends *s)
{
    if (s->paged)
        MPI_Type_free(&s->page);
    pe_buffer_free(&s->frame);
}

void send_test(pool_sends *s)
{
    for (int i = 0; i < POOL_SENDS && s->n; i++) {
        pool_send *out = &s->list[i];
        int done = 0;

        if (!out->used)
            continue;
        MPI_Test(&out->req, &done, MPI_STATUS_IGNORE);
        if (!done)
            continue;
        if (out->has_item) {
            s->source->ops->release(s->source, &out->item);
            pe_block_release(&out->item.block);
        }
        free(out->buffer);
        memset(out, 0, sizeof(*out));
        s->n--;
    }
}

pool_send *send_room(pool_sends *s)
{
    if (s->n == POOL_SENDS)
        send_test(s);
    for (int i = 0; i < POOL_SENDS; i++)
        if (!s->list[i].used)
            return &s->list[i];
    return NULL;
}

/* Small messages are eager: they leave without the receiver. */
void send_word(pool_sends *s, int rank, enum pool_tag tag)
{
    MPI_Send(NULL, 0, MPI_BYTE, rank, tag, s->comm);
}

void send_frame(pool_sends *s, int rank, enum pool_tag tag)
{
    MPI_Send(s->frame.data, (int)s->frame.len, MPI_BYTE, rank, tag, s->comm);
}

int send_fill_page(pe_buffer *b, pe_error *errp)
{
    size_t pages = (b->len + POOL_PAGE - 1) / POOL_PAGE;
    size_t whole = pages * POOL_PAGE;

    if (pages > INT_MAX)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "a message of %zu bytes is larger than MPI can "
                            "count",
                            b->len);
    if (pe_buffer_reserve(b, whole, errp) < 0)
        return -1;
    memset(b->data + b->len, 0, whole - b->len);
    return (int)pages;
}

void send_pages(pool_sends *s, pool_send *out, pe_buffer *b, int rank)
{
    int pages = (int)((b->len + POOL_PAGE - 1) / POOL_PAGE);

    out->used = true;
    out->buffer = b->data;
    s->n++;
    MPI_Isend(b->data, pages, s->page, rank, TAG_PART, s->comm, &out->req);
    *b = (pe_buffer){0};
}

void send_item(pool_sends *s, pool_send *out, source_item *r, int rank)
{
    out->used = out->has_item = true;
    out->item = *r;
    r->block.storage = NULL;
    r->block.capacity = 0;
    s->n++;
    MPI_Isend(out->item.block.data, (int)pe_block_bytes(&out->item.block),
              MPI_BYTE, rank, TAG_DATA, s->comm, &out->req);
}

int send_receive(pool_sends *s, const MPI_Status *st, pe_error *errp)
{
    int len;

    MPI_Get_count(st, MPI_BYTE, &len);
    if (pe_buffer_reserve(&s->frame, (size_t)len, errp) < 0)
        return -1;
    s->frame.len = (size_t)len;
    MPI_Recv(s->frame.data, len, MPI_BYTE, st->MPI_SOURCE, st->MPI_TAG, s->comm,
             MPI_STATUS_IGNORE);
    return 0;
}

int send_receive_pages(pool_sends *s, const MPI_Status *st, pe_buffer *b,
                       pe_error *errp)
{
    int pages;

    MPI_Get_count(st, s->page, &pages);
    if (pe_buffer_reserve(b, (size_t)pages * POOL_PAGE, errp) < 0)
        return -1;
    b->len = (size_t)pages * POOL_PAGE;
    MPI_Recv(b->data, pages, s->page, st->MPI_SOURCE, st->MPI_TAG, s->comm,
             MPI_STATUS_IGNORE);
    return 0;
}
