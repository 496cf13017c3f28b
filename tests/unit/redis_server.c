/* redis_server.c - a redis-server of a test's own, in a folder of its own. */
#include "redis_server.h"

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"

#define START_TRIES 1000 /* of 10 ms */

extern char **environ;

static redis_server *running; /* what is to be cleaned up */

int redis_server_installed(void)
{
    const char *path = getenv("PATH");
    char file[4096];

    while (path && *path) {
        int len = (int)strcspn(path, ":");
        snprintf(file, sizeof(file), "%.*s/redis-server", len, path);
        if (access(file, X_OK) == 0)
            return 1;
        path += len + (path[len] == ':');
    }
    return 0;
}

static void clean_up(void)
{
    if (running)
        redis_server_close(running);
}

/* The test is over anyway: what is not allowed in a handler is tried. */
static void clean_up_signal(int number)
{
    signal(number, SIG_DFL);
    clean_up();
    raise(number);
}

int redis_server_open(redis_server *s)
{
    static const int numbers[] = {SIGALRM, SIGTERM, SIGINT,
                                  SIGHUP,  SIGSEGV, SIGABRT};

    *s = (redis_server){.dir = "/tmp/test_params.XXXXXX"};
    if (!mkdtemp(s->dir))
        return -1;
    snprintf(s->url, sizeof(s->url), "unix://%s/socket", s->dir);
    running = s;
    atexit(clean_up);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        signal(numbers[i], clean_up_signal);
    signal(SIGPIPE, SIG_IGN);
    return redis_server_run(s);
}

void redis_server_close(redis_server *s)
{
    running = NULL;
    redis_server_kill(s);
    if (*s->dir)
        file_remove_tree(s->dir, NULL);
    *s->dir = '\0';
}

void redis_server_kill(redis_server *s)
{
    if (s->pid <= 0)
        return;
    kill(s->pid, SIGKILL);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    s->pid = 0;
}

int redis_server_run(redis_server *s)
{
    char socket_path[96], log_path[96];
    char *argv[] = {"redis-server", "--port",        "0",      "--unixsocket",
                    socket_path,    "--dir",         s->dir,   "--logfile",
                    log_path,       "--save",        "",       "--appendonly",
                    "yes",          "--appendfsync", "always", NULL};

    snprintf(socket_path, sizeof(socket_path), "%s/socket", s->dir);
    snprintf(log_path, sizeof(log_path), "%s/log", s->dir);
    if (posix_spawnp(&s->pid, argv[0], NULL, NULL, argv, environ) != 0)
        return -1;
    for (int i = 0; i < START_TRIES; i++) {
        if (strstr(redis_server_ask(s, "PING"), "PONG"))
            return 0;
        clock_sleep_ns(10 * CLOCK_MS, 1);
    }
    return -1;
}

static int dial(const redis_server *s)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct timeval timeout = {.tv_sec = 5};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(a.sun_path, sizeof(a.sun_path), "%s/socket", s->dir);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    close(fd);
    return -1;
}

const char *redis_server_ask(redis_server *s, const char *line)
{
    static char reply[65536];
    char text[4096];
    size_t len = 0;
    ssize_t n;
    int fd = dial(s);

    *reply = '\0';
    if (fd < 0)
        return reply;
    /* QUIT, so that the reply ends where the connection does. */
    int size = snprintf(
        text, sizeof(text), "%s%s%s%s\r\nQUIT\r\n", s->password ? "AUTH " : "",
        s->password ? s->password : "", s->password ? "\r\n" : "", line);
    if (write(fd, text, (size_t)size) == size)
        while ((n = read(fd, reply + len, sizeof(reply) - 1 - len)) > 0)
            len += (size_t)n;
    reply[len] = '\0';
    close(fd);
    return reply;
}

/* Path of the newest append-only file into [out]. */
static int log_path(const redis_server *s, char *out, size_t cap)
{
    char pattern[128];
    glob_t g;
    int rc = -1;

    snprintf(pattern, sizeof(pattern), "%s/appendonlydir/*.incr.aof", s->dir);
    if (glob(pattern, 0, NULL, &g) != 0) { /* Redis 6 has one file */
        snprintf(out, cap, "%s/appendonly.aof", s->dir);
        return access(out, F_OK);
    }
    if (g.gl_pathc > 0) {
        snprintf(out, cap, "%s", g.gl_pathv[g.gl_pathc - 1]);
        rc = 0;
    }
    globfree(&g);
    return rc;
}

off_t redis_server_log_size(const redis_server *s)
{
    char path[256];
    struct stat st;

    if (log_path(s, path, sizeof(path)) < 0 || stat(path, &st) < 0)
        return -1;
    return st.st_size;
}

int redis_server_log_cut(const redis_server *s, off_t size)
{
    char path[256];

    if (log_path(s, path, sizeof(path)) < 0)
        return -1;
    return truncate(path, size);
}

char *redis_server_log_read(const redis_server *s, off_t *sizep)
{
    char path[256], *log;
    size_t len = 0;

    if (log_path(s, path, sizeof(path)) < 0 ||
        !(log = file_read(path, SIZE_MAX, &len, NULL)))
        return NULL;
    *sizep = (off_t)len;
    return log;
}

int redis_server_log_write(const redis_server *s, const char *log, off_t size)
{
    char path[256];

    if (log_path(s, path, sizeof(path)) < 0)
        return -1;
    return file_write(path, log, (size_t)size, 0600, NULL);
}

int redis_server_replica(const redis_server *s)
{
    static const char words[] = "SYNC\r\n";
    char c;
    int fd = dial(s);

    /* The first byte comes when the server has taken us for one. */
    if (fd >= 0 &&
        (write(fd, words, strlen(words)) < 0 || read(fd, &c, 1) < 1)) {
        close(fd);
        fd = -1;
    }
    return fd;
}
