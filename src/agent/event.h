/* event.h - one JSON object a line: what agents tell the command that runs
 * them.
 */
#ifndef AGENT_EVENT_H
#define AGENT_EVENT_H

#include <jansson.h>
#include <stdbool.h>

#include <pilot/error.h>

#include "src/common/histogram.h"

/* Agents tell events to whoever started them by way of their standard output,
 * the one descriptor that launchers carry from a rank on another host.  But
 * functions, children and launchers print there, too.  So an agent takes it
 * for itself at its start (event_open), and marks each event with a word that
 * its reader has made up: RS MARK ' ' JSON LF (RS as in RFC 7464).  What comes
 * without the mark is output of somebody else.  Members by "event":
 *
 * "progress"  (every 0.5 s; what is of the last seconds alone is below)
 * time_ns, cpu_s (of its process, or its ranks) (pool) blocks (applied, in
 * total of the run), points, mb, lag, version, outliers; t (seconds since
 * start) where it is known; refused, masked, stale; waits {since_ns, text}, for
 * a server; last; rank; stalled {hop, since_ns, text}: it has blocks and
 * commits none for as long as the file's `stall` says; counts {blocks, rows}:
 * what ends with its process, as its final event would have it (edge) sensed,
 * filtered, sent, dropped, lost, over its deaths; counted (whose these are);
 * skipped; rows and share (of their bytes) of files that end; rereadable: what
 * an agent that dies has not sent is sensed again; waits; stalled; last; queued
 * (blocks), full (share of the fullest queue that is taken), model {version,
 *             time_ns}; device
 *             "place" of both: (pool) behind: a stage; all that follow are open
 *             on all ranks; (edge) through: the last stage of its devices,
 *             left: devices that are not there yet; why (both): what was asked
 *             for last cannot be
 * "fault"     text: the function that a process dies in, from its handler;
 *             noted: a block is held to be the cause (note.h); cut: it is no
 *             function, but a host that is not heard, for which what started
 *             the ranks may wait
 * "ready"     pilot, ranks or devices
 * "error"     pilot, text, kind (class), exit (code): the one message
 * "pool"      final, see monitor.h
 * "edge"      final
 *
 * Of the last seconds, in a progress event:
 *
 * "last"      what a final event would say of the last 4 s or so alone, by the
 *             same names (monitor.h), so that a verdict can be made of it.
 *             (pool) seconds, ranks, blocks {fetched, applied: as processed,
 *             refused}, points, bytes, outliers, busy_s, fetch_s, reduce_s,
 *             idle_s, helped, commits, commit_ms (of the last one), starved_s,
 *             held_s, commit_s, store_s, apply_s, answers
 *             (edge) seconds, devices, blocks {sensed, filtered, dropped,
 *             sent}, points, bytes, busy_s, blocked_s, paced_s
 * "all"       (edge) the same of all the time that its devices have sensed
 * "rank"      (pool) [[rank, busy, fetch, reduce, idle (shares of the last
 *             seconds), blocks/s, helped/s, rss_mb, lag, backlog], ...], at
 *             most EVENT_ROWS_MAX: those with the largest lag
 * "device"    (edge) [[name, sensed, sent, queued, full, busy, blocked, paced
 *             (the last three shares of the last seconds)], ...], at most
 *             EVENT_ROWS_MAX: those with the fullest queues
 */

#define EVENT_ROWS_MAX 64

#define EVENT_LINE_MAX 65536

/* Room for a mark and its NUL. */
#define EVENT_MARK_MAX 33

/* Make the mark of an agent that is about to be started. */
int event_mark_make(char mark[EVENT_MARK_MAX], pe_error *errp);

/* First thing in an agent: events go to a descriptor of their own, which no
 * child inherits, and what is printed on standard output from now on goes to
 * standard error.  [mark] is what --events gave; NULL: a person reads, and
 * events are plain lines.  -1: no descriptor is left.
 */
int event_open(const char *mark, pe_error *errp);

/* Write [o] as one line with one write(2) (more only where the
 * kernel takes it in parts); steals the reference.  What does not fit into
 * EVENT_LINE_MAX bytes is logged and not printed.
 */
void event_print(json_t *o);

/* {"event": "fault", "text":, "noted":} of [words], which JSON need not escape;
 * may be called in a handler of signals.
 */
void event_fault(const char *words, bool noted);

/* False once the reader is gone: nobody follows the run any more, and an agent
 * had better leave.  The caller of event_print ignores SIGPIPE.
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

/* {"event": "note", "pilot":, "text":}: words of [pilot] for who follows the
 * run.  NULL: no memory, which event_print and others of its kind take.
 */
json_t *event_note(const char *pilot, const char *words);

/* Member [key] of [o] as a number. */
void event_int(json_t *o, const char *key, uint64_t v);
void event_real(json_t *o, const char *key, double v);

/* {"n":, "p50":, "p90":, "p99":, "max":} in milliseconds. */
json_t *event_latency(const histogram *h);

/* Collects the lines of one pipe.  Starts zeroed but for its mark. */
typedef struct event_reader {
    char mark[EVENT_MARK_MAX]; /* of events that are believed */
    char *buf;
    size_t len, cap;
} event_reader;

/* Feed [n] bytes; calls [visit] with every event (borrowed), and [other], if
 * not NULL, with a line that is none, or what stands in front of an event on
 * its line.  A line beyond EVENT_LINE_MAX comes to [other] in pieces.  Returns
 * 0, or -1 when there is no memory, with the bytes dropped.
 */
int event_feed(event_reader *r, const char *bytes, size_t n,
               void (*visit)(void *arg, json_t *o),
               void (*other)(void *arg, const char *line), void *arg);

/* Feed what can be read from [fd], at most about [max] bytes: who reads has
 * signals and clocks to look at, whatever a child has to say.  False: it is at
 * its end.
 */
bool event_read(event_reader *r, int fd, size_t max,
                void (*visit)(void *arg, json_t *o),
                void (*other)(void *arg, const char *line), void *arg);

#define EVENT_TURN_MAX 131072  /* in one turn of a loop */
#define EVENT_REST_MAX 2097152 /* more than a pipe holds, of one that ended */

void event_reader_free(event_reader *r);

#endif
