/* write_part_private.h - inside of a file of rows, for the two that write it.
 */
#ifndef FILE_WRITE_PART_PRIVATE_H
#define FILE_WRITE_PART_PRIVATE_H

#include "write_index.h"
#include "write_part.h"

struct part {
    part_conf c;
    char *path, *owner, *index; /* the latter: PATH.index */
    int data, log;              /* -1: not open */
    char *layout;               /* "": not begun */
    char *columns;
    unsigned char *head; /* bytes in front of the rows */
    size_t len_head;
    uint32_t head_check;  /* see write_head */
    uint64_t rows, end;   /* of the file, when it was cut and as it grows */
    uint32_t check;       /* of its rows, when it was cut */
    text lines;           /* of pieces that are not on the disk yet */
    int64_t waits_ns;     /* since when, monotonic; 0: there are none */
    bool checked, listed; /* all of it was read once; its name is on the disk */
    bool broken;          /* a line is not whole, and none may follow */
};

/* Where bytes go to; at -1: behind what is there. */
struct part_spot {
    int fd;
    const char *path;
    int64_t at;
};

/* All of [data]; a full disk is waited for. */
int part_put(part *p, struct part_spot to, const void *data, size_t len,
             pe_error *errp);
/* A new index in the place of the old one, ours before others see it. */
int part_renew(part *p, bool moved, pe_error *errp);
int part_set_words(part *p, const char *layout, const char *columns,
                   pe_error *errp);
/* [head] and its check, which is that of a head that says no rows. */
int part_set_head(part *p, const void *head, size_t len, pe_error *errp);
/* The head for what is there, into [fd], called [path]. */
int part_put_head(part *p, int fd, const char *path, pe_error *errp);
/* Lines that wait into the index. */
int part_put_lines(part *p, pe_error *errp);
/* Have what [fd], called [path], has on the disk.  What cannot be written then
 * may be gone from memory, too, so nobody asks twice.
 */
int part_flush(const part *p, int fd, const char *path, pe_error *errp);

#endif
