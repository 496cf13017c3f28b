/* ssh_server.c - an sshd of a test's own, and a HOME for its clients. */
#include "ssh_server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"

#define START_TRIES 1000 /* of 10 ms */
#define PIDS 256

extern char **environ;

static ssh_server *running; /* what is to be cleaned up */

/* Where Debian and Red Hat have them. */
static const char *find(const char *const *paths)
{
    for (; *paths; paths++)
        if (access(*paths, X_OK) == 0)
            return *paths;
    return NULL;
}

static const char *sshd(void)
{
    static const char *const paths[] = {"/usr/sbin/sshd", "/sbin/sshd",
                                        "/usr/local/sbin/sshd", NULL};

    return find(paths);
}

static const char *sftp(void)
{
    static const char *const paths[] = {"/usr/lib/openssh/sftp-server",
                                        "/usr/libexec/openssh/sftp-server",
                                        "/usr/libexec/sftp-server", NULL};
    const char *path = find(paths);

    return path ? path : "internal-sftp";
}

int ssh_server_installed(void)
{
    const char *argv[] = {"ssh-keygen", "-?", NULL};

    return sshd() && ssh_server_do(argv) >= 0;
}

int ssh_server_do(const char *const *argv)
{
    posix_spawn_file_actions_t quiet;
    int status;
    pid_t pid;

    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    int err =
        posix_spawnp(&pid, argv[0], &quiet, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&quiet);
    if (err)
        return -1;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- files --- */

int ssh_server_write(const ssh_server *s, const char *name, const char *content)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", s->dir, name);
    return file_write(path, content, strlen(content), 0600, NULL);
}

char *ssh_server_read(const ssh_server *s, const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", s->dir, name);
    return file_read(path, 1 << 20, NULL, NULL);
}

static int keygen(const char *path, const char *type, const char *passphrase)
{
    const char *argv[] = {"ssh-keygen", "-q",   "-t", type, "-N", passphrase,
                          "-C",         "test", "-f", path, NULL};

    unlink(path);
    return ssh_server_do(argv) == 0 ? 0 : -1;
}

int ssh_server_key(const ssh_server *s, const char *name, const char *type,
                   const char *passphrase)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/.ssh/%s", s->home, name);
    return keygen(path, type, passphrase);
}

int ssh_server_accept(const ssh_server *s, const char *name)
{
    char path[160];

    snprintf(path, sizeof(path), "client/.ssh/%s.pub", name);
    char *key = ssh_server_read(s, path);
    int status = key ? ssh_server_write(s, "authorized_keys", key) : -1;
    free(key);
    return status;
}

int ssh_server_trust(const ssh_server *s, const char *key)
{
    char path[160];

    snprintf(path, sizeof(path), "%s.pub", key);
    char *pub = ssh_server_read(s, path);
    char *line = pub ? text_format("[127.0.0.1]:%d %s", s->port, pub) : NULL;
    int status =
        line ? ssh_server_write(s, "client/.ssh/known_hosts", line) : -1;
    free(line);
    free(pub);
    return status;
}

/* --- processes --- */

/* State letter and parent of a process; '\0' and 0: there is none. */
static char look(pid_t pid, int *parentp)
{
    char path[32], *line, state = '\0';

    *parentp = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    line = file_read(path, 4096, NULL, NULL);
    const char *at = line ? strrchr(line, ')') : NULL;
    if (at && sscanf(at, ") %c %d", &state, parentp) != 2)
        state = '\0';
    free(line);
    return state;
}

static pid_t parent_of(pid_t pid)
{
    int parent;

    look(pid, &parent);
    return parent;
}

static int is_below(pid_t pid, pid_t top)
{
    for (int i = 0; i < 16 && pid > 1; i++) {
        pid = parent_of(pid);
        if (pid == top)
            return 1;
    }
    return 0;
}

/* All processes below the server; how many. */
static int list_below(pid_t top, pid_t *pids)
{
    DIR *dir = opendir("/proc");
    const struct dirent *e;
    int n = 0;

    while (dir && n < PIDS && (e = readdir(dir)) != NULL) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        if (pid > 1 && is_below(pid, top))
            pids[n++] = pid;
    }
    if (dir)
        closedir(dir);
    return n;
}

static int has_word(pid_t pid, const char *word)
{
    char path[32];
    size_t len = 0;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    char *line = file_read(path, 1 << 16, &len, NULL);
    int has = line && memmem(line, len, word, strlen(word)) != NULL;
    free(line);
    return has;
}

int ssh_server_signal(const ssh_server *s, const char *word, int sig)
{
    pid_t pids[PIDS];
    int n = list_below(s->pid, pids), done = 0;

    for (int i = 0; i < n; i++)
        if (has_word(pids[i], word) && kill(pids[i], sig) == 0)
            done++;
    return done;
}

/* One that was killed has its connections until it is dead, which on a busy
 * host it is later.
 */
static void await_end(pid_t pid)
{
    char state;
    int parent;

    for (int i = 0; i < 10000; i++) {
        state = look(pid, &parent);
        if (state == '\0' || state == 'Z' || state == 'X')
            return;
        clock_sleep_ns(CLOCK_MS, 1);
    }
}

/* The servers of the sessions first: else they would tell that a command was
 * killed.
 */
void ssh_server_hang_up(ssh_server *s)
{
    pid_t pids[PIDS];
    int n = list_below(s->pid, pids);

    for (int i = 0; i < n; i++)
        if (has_word(pids[i], "sshd"))
            kill(pids[i], SIGKILL);
    for (int i = 0; i < n; i++)
        kill(pids[i], SIGKILL);
    for (int i = 0; i < n; i++)
        await_end(pids[i]);
}

void ssh_server_kill(ssh_server *s)
{
    if (s->pid <= 0)
        return;
    /* First the one that would start more of them. */
    kill(s->pid, SIGSTOP);
    for (int i = 0, parent; i < 100 && look(s->pid, &parent) != 'T'; i++)
        clock_sleep_ns(CLOCK_MS, 1);
    ssh_server_hang_up(s);
    kill(s->pid, SIGKILL);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    s->pid = 0;
}

/* --- start and end --- */

static void clean_up(void)
{
    if (running)
        ssh_server_close(running);
}

/* The test is over anyway: what is not allowed in a handler is tried. */
static void clean_up_signal(int number)
{
    signal(number, SIG_DFL);
    clean_up();
    raise(number);
}

static int answers(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int is = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

    close(fd);
    return is;
}

static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int port = -1;

    if (bind(fd, (struct sockaddr *)&a, len) == 0 &&
        getsockname(fd, (struct sockaddr *)&a, &len) == 0)
        port = ntohs(a.sin_port);
    close(fd);
    return port;
}

/* An OpenSSH since 9.8 refuses all of this host after a few failures; one
 * before that ends at the word.
 */
static const char *penalties = "";

static void find_penalties(const ssh_server *s)
{
    char config[96];
    char *lines = text_format("HostKey %s/host_ed25519\n"
                              "PerSourcePenalties no\n",
                              s->dir);
    const char *argv[] = {sshd(), "-t", "-f", config, NULL};

    snprintf(config, sizeof(config), "%s/sshd_config", s->dir);
    if (lines && ssh_server_write(s, "sshd_config", lines) == 0 &&
        ssh_server_do(argv) == 0)
        penalties = "PerSourcePenalties no\n";
    free(lines);
}

static int write_settings(const ssh_server *s)
{
    char *lines = text_format(
        "%s%s"
        "Port %d\n"
        "ListenAddress 127.0.0.1\n"
        "HostKey %s/host_ed25519\n"
        "PidFile none\n"
        "AuthorizedKeysFile %s/authorized_keys\n"
        "StrictModes no\n"
        "UsePAM no\n"
        "PermitRootLogin yes\n"
        "PasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\n"
        "MaxStartups 100\n"
        "%s%s\n",
        s->extra ? s->extra : "", penalties, s->port, s->dir, s->dir,
        s->extra && strstr(s->extra, "Subsystem") ? "# no other subsystem "
                                                  : "Subsystem sftp ",
        sftp());
    int status = lines ? ssh_server_write(s, "sshd_config", lines) : -1;

    free(lines);
    return status;
}

int ssh_server_run(ssh_server *s)
{
    char config[96], log[96];
    const char *argv[] = {sshd(), "-D", "-f", config, "-E", log, NULL};

    snprintf(config, sizeof(config), "%s/sshd_config", s->dir);
    snprintf(log, sizeof(log), "%s/log", s->dir);
    if (write_settings(s) < 0 || posix_spawn(&s->pid, argv[0], NULL, NULL,
                                             (char *const *)argv, environ) != 0)
        return -1;
    for (int i = 0; i < START_TRIES; i++) {
        if (answers(s->port))
            return 0;
        clock_sleep_ns(10 * CLOCK_MS, 1);
    }
    return -1;
}

int ssh_server_open(ssh_server *s)
{
    static const int numbers[] = {SIGALRM, SIGTERM, SIGINT,
                                  SIGHUP,  SIGSEGV, SIGABRT};
    const struct passwd *pw = getpwuid(geteuid());
    char path[160];

    *s = (ssh_server){.dir = "/tmp/test_ssh.XXXXXX", .port = free_port()};
    if (s->port < 0 || !pw || !mkdtemp(s->dir))
        return -1;
    snprintf(s->home, sizeof(s->home), "%s/client", s->dir);
    snprintf(s->user, sizeof(s->user), "%s", pw->pw_name);
    snprintf(s->url, sizeof(s->url), "ssh://%s@127.0.0.1:%d", s->user, s->port);
    running = s;
    atexit(clean_up);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        signal(numbers[i], clean_up_signal);
    signal(SIGPIPE, SIG_IGN);
    setenv("HOME", s->home, 1);
    unsetenv("SSH_AUTH_SOCK");
    if (geteuid() == 0)
        mkdir("/run/sshd", 0755);
    snprintf(path, sizeof(path), "%s/.ssh", s->home);
    if (file_mkdir(path, NULL) < 0)
        return -1;
    snprintf(path, sizeof(path), "%s/host_ed25519", s->dir);
    if (keygen(path, "ed25519", "") < 0 ||
        ssh_server_key(s, "id_ed25519", "ed25519", "") < 0 ||
        ssh_server_accept(s, "id_ed25519") < 0 ||
        ssh_server_trust(s, "host_ed25519") < 0)
        return -1;
    find_penalties(s);
    return ssh_server_run(s);
}

void ssh_server_close(ssh_server *s)
{
    running = NULL;
    ssh_server_kill(s);
    if (*s->dir)
        file_remove_tree(s->dir, NULL);
    *s->dir = '\0';
}
