/* format.h - what a spool is on the disk: heads of chunks and of records. */
#ifndef SPOOL_FORMAT_H
#define SPOOL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A spool is a folder: chunks, which are files NUMBER.chunk of so many bytes
 * at most, `mark`, which says what is acknowledged, and `lock`.  A chunk is a
 * head, room for its BOOT, and records, each at a multiple of its head's size,
 * so that no head lies in two sectors of a disk.  Numbers are in the order of
 * bytes of the machine: a spool does not travel.
 */
#define FORMAT_VERSION 1
/* A file of cells (cells.h): each holds one record at most, at its start, in no
 * order; they begin at FORMAT_CELLS_AT.
 */
#define FORMAT_VERSION_CELLS 2
#define FORMAT_CELLS_AT 4096
#define FORMAT_CHUNK "PESPOOL\n"
#define FORMAT_RECORD UINT32_C(0x52535045) /* "EPSR" */
#define FORMAT_OWNER 400
#define FORMAT_BOOT_AT 512
#define FORMAT_RECORDS_AT 1024
#define FORMAT_UNIT 64

/* A file that was used before has the number of its old chunk in its head and
 * in its records until they are written over.
 */
typedef struct format_chunk {
    char magic[8];
    uint32_t version;
    uint32_t check;   /* of this head, with 0 here */
    uint64_t number;  /* as in its name */
    uint64_t first;   /* ordinal of its first record */
    uint64_t life;    /* incarnation of the device, counted by this spool */
    char machine[40]; /* since when this machine runs, as a name */
    char owner[FORMAT_OWNER]; /* RUN/DEVICE */
    uint64_t cell;            /* bytes of a cell; 0: it has none */
    char pad[24];
} format_chunk;

#define FORMAT_SEALED 1U
#define FORMAT_CELL                                           \
    2U /* it is in a cell, whatever the head of its file says \
        */

/* At FORMAT_BOOT_AT, once it is known: the BOOT of all records of the chunk. */
typedef struct format_boot {
    uint64_t boot, check; /* check: of the boot and the number of the chunk */
} format_boot;

typedef struct format_record {
    uint32_t magic;
    uint32_t check; /* of this head, with 0 here; a shorter way, in a cell that
                       is not sealed */
    uint64_t chunk;
    uint64_t ordinal; /* of the record in its spool, from 0 */
    uint64_t boot;    /* 0: not known when it was written; see format_boot */
    uint64_t seq;
    uint32_t meta, len; /* bytes behind the head: what is said of it, value */
    uint32_t sum;       /* of those bytes, where it is ... */
    uint32_t sealed;    /* ... FORMAT_SEALED; and FORMAT_CELL */
    uint64_t life;      /* as in the head of its chunk */
} format_record;

_Static_assert(sizeof(format_chunk) == 512 &&
                   sizeof(format_record) == FORMAT_UNIT,
               "heads have their places");

/* Behind the value: there, all of the record was written. */
static inline uint64_t format_tail(const format_record *r)
{
    return (r->chunk * UINT64_C(0x9e3779b97f4a7c15)) ^ ~r->ordinal;
}

/* Bytes of the record in its file. */
static inline uint64_t format_span(uint64_t meta, uint64_t len)
{
    uint64_t bytes = sizeof(format_record) + meta + len + sizeof(uint64_t);

    return (bytes + FORMAT_UNIT - 1) / FORMAT_UNIT * FORMAT_UNIT;
}

void format_chunk_seal(format_chunk *h);
bool format_chunk_good(const format_chunk *h);
format_boot format_boot_make(uint64_t boot, uint64_t number);
/* The check of the head alone; and is it one, of chunk [number]? */
void format_record_seal(format_record *r);
bool format_record_good(const format_record *r, uint64_t number);

/* Since when this machine runs, as a name; "": not known. */
void format_machine(char out[40]);

#endif
