/* receipts.h - which messages of a session came before, also to a gateway that
 * was killed: by the number that their broker gave them.
 */
#ifndef GATHER_RECEIPTS_H
#define GATHER_RECEIPTS_H

#include <stdint.h>

#include <pilot/error.h>

/* The newest RECEIPTS_N of them, in a file of the gateway's; one thread. */
#define RECEIPTS_N 1024
typedef struct receipts receipts;

/* What is said of a message: the number that it has between broker and gateway
 * until it is acknowledged (1 to 65,535 of MQTT), a sum of its device and what
 * it holds, and which it is of its device.
 */
typedef struct receipt {
    uint32_t id;
    uint64_t hash;
    uint64_t boot, seq;
} receipt;

enum receipts_word {
    RECEIPTS_NEW,
    RECEIPTS_BEGUN, /* it was to be spooled, and it is not known whether it
                       was: it is, with the numbers that it had */
    RECEIPTS_TAKEN, /* it is spooled */
};

/* In folder [dir].  A file that is no such one is begun anew.  Errors: it
 * cannot be made, 73 or 77.
 */
receipts *receipts_open(const char *dir, pe_error *errp);
void receipts_close(receipts *r); /* may be NULL */

/* Of a message that its broker sends again: of [what] the id and hash are
 * given, and boot and seq are set where it is known.
 */
enum receipts_word receipts_find(const receipts *r, receipt *what);
/* It is about to be spooled; it is. */
void receipts_begin(receipts *r, const receipt *what);
void receipts_end(receipts *r);

#endif
