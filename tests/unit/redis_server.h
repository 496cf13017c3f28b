/* redis_server.h - a redis-server of a test's own, in a folder of its own. */
#ifndef TESTS_REDIS_SERVER_H
#define TESTS_REDIS_SERVER_H

#include <stddef.h>
#include <sys/types.h>

/* One at a time.  It listens on a socket in its folder only, and writes every
 * command to disk before it answers.
 */
typedef struct redis_server {
    char dir[64];
    char url[96];
    pid_t pid;            /* 0: not running */
    const char *password; /* for redis_server_ask; NULL: none */
} redis_server;

/* Is redis-server on PATH? */
int redis_server_installed(void);

/* New folder and server; 0, or -1.  However the program ends, short of a
 * SIGKILL, server and folder go with it.
 */
int redis_server_open(redis_server *s);
void redis_server_close(redis_server *s);

/* kill -9, and wait for its end. */
void redis_server_kill(redis_server *s);
/* Start it again in its folder and wait until it answers; 0, or -1. */
int redis_server_run(redis_server *s);

/* Send [line] as a user of netcat would; the raw reply, valid until the next
 * call, "" when there is none.
 */
const char *redis_server_ask(redis_server *s, const char *line);

/* Size of the newest append-only file; and cut it to [size] bytes. */
off_t redis_server_log_size(const redis_server *s);
int redis_server_log_cut(const redis_server *s, off_t size);

/* The whole of that file in new memory, *sizep bytes and a NUL; and the first
 * [size] bytes of it instead of what is there; 0, or -1.
 */
char *redis_server_log_read(const redis_server *s, off_t *sizep);
int redis_server_log_write(const redis_server *s, const char *log, off_t size);

/* A connection that is a replica to the server, for the caller to close; -1.
 */
int redis_server_replica(const redis_server *s);

#endif
