/* cells.h - memory that is a file's, in which blocks are made: what is
 * accepted there need not be written.
 */
#ifndef SPOOL_CELLS_H
#define SPOOL_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/block.h>

#include "src/spool/format.h"

/* A cell is the storage of a block with room for what a record has in front of
 * it and behind.  It is there when the process is killed, for its pages are the
 * kernel's; a cut of power takes it, as long as it is not sealed and synced.
 */
#define CELLS_META 960U
#define CELLS_STORAGE (sizeof(format_record) + CELLS_META)

typedef struct cells cells;
struct spool;

/* Files of cells in the folder of [s], none yet.  NULL: its disk is of a kind
 * where memory that is a file's may find no room.
 */
cells *cells_open(struct spool *s);
/* Files that hold no record go, the others are sealed and stay; -1: errno, they
 * are not on the disk.  May be NULL.
 */
int cells_close(cells *c, bool sync);

/* All of the rest is under the lock of the spool, and [c] may be NULL. */

/* Have the storage of [b] be a cell for [bytes] of data, where there is one;
 * what was in it before is no record any more.
 */
void cells_lend(cells *c, pe_block *b, size_t bytes);
/* Is there a record of [h] in the cell whose storage begins at [value] now?
 * h->meta bytes are at [meta].
 */
bool cells_put(cells *c, format_record *h, const void *meta, const void *value);
/* Records below [acked] are done with. */
void cells_ack(cells *c, uint64_t acked);
uint64_t cells_bytes(const cells *c); /* of records */

/* Seal what is older than the last call, and put descriptors of what is to be
 * synced before the next call into [fds], at most [max]: how many.  -1: errno.
 */
int cells_turn(cells *c, uint64_t next, bool sync, int *fds, size_t max);

#endif
