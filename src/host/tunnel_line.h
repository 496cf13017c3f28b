/* tunnel_line.h - a session with its thread, and the flows it carries. */
#ifndef HOST_TUNNEL_LINE_H
#define HOST_TUNNEL_LINE_H

#include <stdbool.h>

#include "src/host/ssh_session.h"

typedef struct tunnel_line tunnel_line;

/* Takes over [s] in any case. */
tunnel_line *tunnel_line_start(ssh_session *s, pe_error *errp);
/* Ends all it carries.  May be NULL. */
void tunnel_line_stop(tunnel_line *l);

enum tunnel_line_state {
    TUNNEL_LINE_OPEN,
    TUNNEL_LINE_STUCK, /* the server has not answered the last request yet,
                          and no other can be made before that */
    TUNNEL_LINE_BROKEN,
};

/* Any thread. */
enum tunnel_line_state tunnel_line_state_of(tunnel_line *l);

/* A socket whose other end is [host]:[port] as seen from there, until
 * [deadline]; -1: retry, 69; fatal, 77: forbidden.  Any thread.
 */
int tunnel_line_connect(tunnel_line *l, const char *host_name, int port,
                        int64_t deadline, pe_error *errp);

#endif
