/* entry.h - how a client says who it is to a broker, and knows the broker. */
#ifndef BROKER_ENTRY_H
#define BROKER_ENTRY_H

#include <librdkafka/rdkafka.h>

#include <pilot/error.h>

typedef struct broker_entry broker_entry;

/* What the file of logins at [path] has for [endpoint], into *outp; NULL: it
 * has none for that one.  Errors: those of login_open.
 */
int entry_open(const char *path, const char *endpoint, broker_entry **outp,
               pe_error *errp);
void entry_close(broker_entry *e); /* may be NULL */

/* Put it into the settings of a client that is being made.  Errors: input, 78,
 * a value that the client refuses, an option that nobody may set.
 */
int entry_apply(broker_entry *e, rd_kafka_conf_t *k, pe_error *errp);
/* Is each option still what was asked for, behind all settings of ours?  Input
 * error, 78, that names one which is not.
 */
int entry_kept(const broker_entry *e, const rd_kafka_conf_t *k, pe_error *errp);
/* The client has been made: it has read what is given to it as files, and asks
 * for tokens in a thread of its own.
 */
int entry_started(broker_entry *e, rd_kafka_t *rk, pe_error *errp);

/* Hand the token, read anew, to the client: for its refresh callback. */
void entry_refresh(broker_entry *e, rd_kafka_t *rk);

/* The end of an error text on why a broker lets nobody in: what to look at. */
const char *entry_fix(const broker_entry *e, rd_kafka_resp_err_t err);

#endif
