/* feed.c - a block on its way into a program. */
#include "feed.h"

#include <errno.h>

void feed_begin(feed *f, share *s, const pe_block *b)
{
    if (share_takes(s, b)) {
        share_put(s, b, &f->word);
        f->piece[0] = (struct iovec){&f->word, sizeof(f->word)};
        f->piece[1] = (struct iovec){0};
    } else {
        npy_header(f->head, b->dtype, b->points, b->features);
        f->piece[0] = (struct iovec){f->head, sizeof(f->head)};
        f->piece[1] = (struct iovec){b->data, pe_block_bytes(b)};
    }
    f->all = f->piece[0].iov_len + f->piece[1].iov_len;
}

size_t feed_left(const feed *f)
{
    return f->piece[0].iov_len + f->piece[1].iov_len;
}

int feed_write(feed *f, int fd)
{
    while (feed_left(f) > 0) {
        ssize_t n = writev(fd, f->piece, 2);

        if (n < 0 && errno != EINTR)
            return errno == EAGAIN ? 0 : -1;
        for (int i = 0; i < 2 && n > 0; i++) {
            size_t took = f->piece[i].iov_len < (size_t)n ? f->piece[i].iov_len
                                                          : (size_t)n;

            f->piece[i].iov_base = (char *)f->piece[i].iov_base + took;
            f->piece[i].iov_len -= took;
            n -= (ssize_t)took;
        }
    }
    return 0;
}
