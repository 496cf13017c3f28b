/* far_server.h - TCP servers of a test, in threads of its process. */
#ifndef TESTS_FAR_SERVER_H
#define TESTS_FAR_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

/* What it does with a connection. */
enum far_way {
    FAR_ECHO,  /* sends back what comes, and the end of it */
    FAR_COUNT, /* reads to the end, then answers "COUNT SHA256\n" */
    FAR_FLOOD, /* sends for ever */
    FAR_GREET, /* sends "hello", ends its side, then counts */
    FAR_CLOSE, /* closes it at once */
    FAR_DEAF,  /* takes nobody: connections to it hang */
};

typedef struct far_server {
    enum far_way way;
    int fd, port;
    pthread_t thread;
    int fill[8];              /* connections that keep a deaf one busy */
    atomic_int served, ended; /* connections */
    atomic_llong bytes;       /* sent (FAR_FLOOD) or read */
} far_server;

/* On a free port of 127.0.0.1; 0, or -1. */
int far_server_open(far_server *s, enum far_way way);
void far_server_close(far_server *s);

#endif
