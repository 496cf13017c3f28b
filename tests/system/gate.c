/* gate.c - a way to a server that is shut by a word, in one direction or both.
 *
 * gate CONTROL HOST:PORT [LISTEN] carries connections to HOST:PORT of this
 * machine from a port of 127.0.0.1, which it prints.  What it does is the word
 * in the file CONTROL, looked at every 5 ms:
 *   pass                 all is carried
 *   hold-up, hold-down   what goes up (to the server) or down waits until pass,
 *                        as in a cut that TCP outlives
 *   lose-up, lose-down   it is lost, and with the next other word, the
 *                        connections that lost anything are reset
 *   reset                every connection is reset, and each new one
 *   end                  so, too, behind an end: who writes then has EPIPE, and
 *                        not ECONNRESET
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 256, BYTES = 1 << 16, LOOK_MS = 5 };
enum { UP, DOWN };

static const char *const words[] = {
    "pass", "hold-up", "hold-down", "lose-up", "lose-down", "reset", "end"};
enum word { PASS, HOLD, LOSE = HOLD + 2, RESET = LOSE + 2, END, N_WORDS };

/* fd[UP] is read to go up: the client's. */
static struct connection {
    int fd[2];
    struct {
        size_t from, to;
        bool over; /* the end was read, and is passed on when all is out */
        char bytes[BYTES];
    } way[2];
    bool lost;
} all[CONNECTIONS];
static size_t n_all;

static void die(const char *what)
{
    fprintf(stderr, "gate: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct sockaddr_in address(const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    a.sin_port = htons((uint16_t)atoi(port));
    return a;
}

static int open_listener(const char *port)
{
    struct sockaddr_in a = address(port);
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
        bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0)
        die("listen");
    printf("%d\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

static void close_one(size_t i, bool reset, bool end)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};

    for (int k = 0; k < 2; k++) {
        if (end)
            shutdown(all[i].fd[k], SHUT_WR);
        if (reset)
            setsockopt(all[i].fd[k], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        close(all[i].fd[k]);
    }
    if (i != --n_all)
        all[i] = all[n_all];
}

static void let_in(int listener, const char *port)
{
    struct sockaddr_in a = address(port);
    struct connection *c = &all[n_all];
    int fd = accept(listener, NULL, NULL), on = 1;

    if (fd < 0)
        return;
    c->fd[UP] = fd;
    c->fd[DOWN] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (n_all + 1 >= CONNECTIONS || c->fd[DOWN] < 0 ||
        connect(c->fd[DOWN], (struct sockaddr *)&a, sizeof(a)) < 0) {
        close(fd);
        if (c->fd[DOWN] >= 0)
            close(c->fd[DOWN]);
        return;
    }
    for (int k = 0; k < 2; k++) {
        fcntl(c->fd[k], F_SETFL, O_NONBLOCK);
        setsockopt(c->fd[k], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        c->way[k].from = c->way[k].to = 0;
        c->way[k].over = false;
    }
    c->lost = false;
    n_all++;
}

/* -1: the connection is broken. */
static int carry(struct connection *c, int k, bool readable, bool lose)
{
    ssize_t n;

    if (readable && c->way[k].from == c->way[k].to && !c->way[k].over) {
        n = read(c->fd[k], c->way[k].bytes, BYTES);
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        c->way[k].over = n == 0;
        c->way[k].from = 0;
        c->way[k].to = lose ? 0 : (size_t)n;
        c->lost = c->lost || (lose && n > 0);
        if (n == 0)
            shutdown(c->fd[!k], SHUT_WR);
    }
    if (c->way[k].from == c->way[k].to)
        return 0;
    n = write(c->fd[!k], c->way[k].bytes + c->way[k].from,
              c->way[k].to - c->way[k].from);
    if (n < 0)
        return errno == EAGAIN ? 0 : -1;
    c->way[k].from += (size_t)n;
    return 0;
}

static enum word look(const char *control, enum word was)
{
    char text[32] = "";
    int fd = open(control, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    for (int i = 0; i < N_WORDS; i++)
        if (!strcmp(text, words[i]))
            return (enum word)i;
    return was;
}

int main(int argc, char **argv)
{
    static struct pollfd set[1 + 2 * CONNECTIONS];
    const char *target = argc > 2 ? strrchr(argv[2], ':') : NULL;
    enum word now = PASS, was;
    int listener;

    if (!target || argc > 4) {
        fputs("usage: gate CONTROL HOST:PORT [LISTEN]\n", stderr);
        return 64;
    }
    signal(SIGPIPE, SIG_IGN);
    listener = open_listener(argc > 3 ? argv[3] : "0");
    for (;;) {
        size_t n = n_all;

        was = now;
        now = look(argv[1], was);
        for (size_t i = n_all; i-- > 0;)
            if (now >= RESET || (now != was && all[i].lost))
                close_one(i, true, now == END);
        n = n_all;
        set[0] = (struct pollfd){listener, POLLIN, 0};
        for (size_t i = 0; i < 2 * n; i++) {
            const struct connection *c = &all[i / 2];
            int k = (int)(i % 2);
            bool held = now == (enum word)(HOLD + k);
            bool full = c->way[k].from < c->way[k].to;
            bool back = c->way[!k].from < c->way[!k].to;

            set[1 + i] = (struct pollfd){c->fd[k], 0, 0};
            if (!held && !full && !c->way[k].over)
                set[1 + i].events |= POLLIN;
            if (back)
                set[1 + i].events |= POLLOUT;
            if (!set[1 + i].events)
                set[1 + i].fd = -1; /* else its end is told for ever */
        }
        if (poll(set, 1 + 2 * n, LOOK_MS) < 0 && errno != EINTR)
            die("poll");
        for (size_t i = n; i-- > 0;) {
            struct connection *c = &all[i];
            int rc = 0;

            for (int k = 0; rc == 0 && k < 2; k++)
                rc = carry(c, k, set[1 + 2 * i + (size_t)k].revents & ~POLLOUT,
                           now == (enum word)(LOSE + k));
            if (rc < 0 || (c->way[UP].over && c->way[DOWN].over))
                close_one(i, rc < 0, false);
        }
        if (set[0].revents)
            let_in(listener, target + 1);
    }
}
