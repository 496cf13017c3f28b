/* link_case.h - a server behind a link, whose proxy is in a thread. */
#ifndef TESTS_LINK_CASE_H
#define TESTS_LINK_CASE_H

#include "far_server.h"
#include "src/link/proxy.h"

typedef struct bench {
    far_server server;
    proxy *p;
    const char *at;
    atomic_int stop;
    pthread_t thread;
} bench;

/* The link of that name. */
link_weather link_case_profile(const char *name);

/* [rate] NULL: without limit. */
void bench_open(bench *b, enum far_way way, const char *delay, const char *rate,
                size_t connections);
/* The proxy stands still from here on. */
void bench_stop(bench *b);
void bench_close(bench *b);
/* A connection to it that waits a minute for what it reads. */
int bench_dial(const bench *b);

/* Bytes that were read, up to the end. */
size_t read_all(int fd, char *out, size_t len);
void write_all(int fd, const char *data, size_t len);

struct writer {
    int fd;
    const char *data;
    size_t len;
};

/* Write all of a writer, and the end of it. */
void *write_thread(void *writer);

#endif
