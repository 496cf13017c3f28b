/* hub.h - looks at a run again and again, and has the newest of it ready. */
#ifndef SERVE_HUB_H
#define SERVE_HUB_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

/* What there is of a look; however many ask, a run is looked at once. */
enum hub_text {
    HUB_PAGE,    /* the whole page, for a browser */
    HUB_EVENT,   /* its document, as an event of a stream of such */
    HUB_JSON,    /* the document */
    HUB_METRICS, /* for Prometheus */
    HUB_TEXTS
};

/* Bytes that several hold at once. */
typedef struct hub_piece {
    atomic_int holders;
    size_t len;
    char data[];
} hub_piece;

void hub_piece_drop(hub_piece *p); /* may be NULL */

typedef struct hub hub;

/* The run [run] of [home], looked at every [seconds] by a thread of its own,
 * the first time before this returns.  [events]: where a page finds newer ones;
 * borrowed.  Errors: no such run.
 */
hub *hub_open(const char *home, const char *run, const char *events,
              double seconds, pe_error *errp);
void hub_close(hub *h); /* may be NULL */

/* End its thread: nobody is told any more, and what there is stays. */
void hub_stop(hub *h);

/* The newest text of a kind, to be dropped; *seqp (may be NULL) grows with each
 * look.  Never NULL but without memory.
 */
hub_piece *hub_take(hub *h, enum hub_text kind, uint64_t *seqp);
uint64_t hub_seq(hub *h);

/* Call [tell] after each look, in the hub's thread. */
void hub_listen(hub *h, void (*tell)(void *arg), void *arg);

/* One look without a thread, for who writes a file now and then. */
int hub_look(hub *h, pe_error *errp);

#endif
