/* http.h - the web server of `pilot serve`. */
#ifndef SERVE_HTTP_H
#define SERVE_HTTP_H

#include "src/serve/hub.h"

typedef struct http http;

/* Serve what [h] has at [listen], HOST:PORT (port 0: any that is free), by a
 * thread of its own, to who knows [token] (NULL: to everybody):
 *
 *   /         the page; /events: a stream of its newer documents
 *   /json     the document
 *   /metrics  for Prometheus
 *
 * A client that takes nothing for 15 s is left; more than HTTP_CLIENTS at once
 * wait, and more than HTTP_STREAMS pages that follow are told so.  Errors:
 * input, 64: no such address; 73: it is taken, or not ours; 78: this program
 * was configured without.
 */
enum { HTTP_CLIENTS = 256, HTTP_STREAMS = 64 };

http *http_open(hub *h, const char *listen, const char *token, pe_error *errp);
/* The hub is stopped already (hub_stop). */
void http_close(http *s); /* may be NULL */

/* Where it listens, "127.0.0.1:8080". */
const char *http_place(const http *s);
int http_port(const http *s);

#endif
