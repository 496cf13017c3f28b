/* event.h - one JSON object a line: what agents tell the command that runs
 * them.
 */
#ifndef MONITOR_EVENT_H
#define MONITOR_EVENT_H

#include <jansson.h>
#include <stdbool.h>

#include <pilot/error.h>

#include "src/common/histogram.h"

/* Agents print events to stdout; nothing else is printed there.  Members by
 * "event":
 *
 * "progress"  (pool, every 0.5 s) blocks (applied, in total of the run), mb,
 *             lag, version, outliers; t (seconds since start) where it is
 *             known
 *             (edge) sensed, sent, dropped
 * "ready"     pilot, ranks or devices
 * "error"     pilot, text, kind (class), exit (code): the one message
 * "pool"      final, see monitor.h
 * "edge"      final
 */

#define EVENT_LINE_MAX 65536

/* Write [o] to stdout as one line with one write(2) (more only where the
 * kernel takes it in parts); steals the reference.  What does not fit into
 * EVENT_LINE_MAX bytes is logged and not printed.
 */
void event_print(json_t *o);

/* False once a line could not be written because the reader is gone: nobody
 * follows the run any more, and an agent had better leave.  The caller of
 * event_print ignores SIGPIPE.
 */
bool event_is_heard(void);

/* {"event": "error", ...} of [e] from pilot [pilot]. */
void event_error(const char *pilot, const pe_error *e);

/* Name of a class as "error" events spell it ("retry", "input", "fatal"), and
 * back; a name that is not known is fatal.
 */
const char *event_kind_name(enum pe_error_class kind);
enum pe_error_class event_kind(const char *name);

/* [s] as a JSON string: bytes that are not UTF-8, as names of files may have,
 * become "?".
 */
json_t *event_text(const char *s);

/* {"n":, "p50":, "p90":, "p99":, "max":} in milliseconds. */
json_t *event_latency(const histogram *h);

/* Collects the lines of one pipe. */
typedef struct event_reader {
    char *buf;
    size_t len, cap;
} event_reader;

/* Feed [n] bytes; calls [visit] with every whole line that is a JSON object
 * (borrowed), and [other], if not NULL, with a line that is not.  A line
 * beyond EVENT_LINE_MAX comes to [other] in pieces.  Returns 0, or -1 when
 * there is no memory, with the bytes dropped.
 */
int event_feed(event_reader *r, const char *bytes, size_t n,
               void (*visit)(void *arg, json_t *o),
               void (*other)(void *arg, const char *line), void *arg);
void event_reader_free(event_reader *r);

#endif
