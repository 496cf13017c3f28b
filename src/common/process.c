/* process.c - child processes of this host: start, signal, reap, read. */
#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/environ.h"
#include "src/common/file.h"
#include "src/common/text.h"

#define TERM_GRACE_MS 5000
#define LEAVE_MS 20          /* from its last word to its end */
#define WAIT_STEP_NS 2000000 /* between two looks */
#define ENVIRON_MAX 4194304  /* beyond what execve(2) takes */

struct process {
    pid_t pid;
    int fd;     /* our end of its stdout, or -1 */
    int err_fd; /* of its stderr */
    int in_fd;  /* of its stdin */
    bool group;
    bool ended;
    int status;
    double cpu_s;
};

/* Where a program comes from on a Debian-like system. */
static const struct package {
    const char *program, *name;
} packages[] = {
    {"mpirun", "openmpi-bin"},
    {"redis-server", "redis-server"},
    {"java", "default-jre-headless"},
    {NULL, NULL},
};

static int missing_error(const char *program, pe_error *errp)
{
    for (const struct package *p = packages; p->program; p++)
        if (!strcmp(p->program, program))
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                "%s is not there: install %s", program,
                                p->name);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s is not there: install it, or put its folder on "
                        "PATH",
                        program);
}

static bool is_program(const char *folder, size_t len, const char *program)
{
    char *path = text_format("%.*s/%s", (int)len, folder, program);
    bool is = path && access(path, X_OK) == 0;

    free(path);
    return is;
}

int process_find(const char *program, pe_error *errp)
{
    const char *path = getenv("PATH");

    if (strchr(program, '/'))
        return access(program, X_OK) == 0 ? 0 : missing_error(program, errp);
    for (size_t len; path && *path; path += len + (path[len] == ':')) {
        len = strcspn(path, ":");
        if (len > 0 && is_program(path, len, program))
            return 0;
    }
    return missing_error(program, errp);
}

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* posix_spawn answered [err]. */
static int spawn_error(const char *program, int err, pe_error *errp)
{
    /* A folder of PATH that is closed to us says EACCES for what is nowhere. */
    if (err == ENOENT || (err == EACCES && !strchr(program, '/') &&
                          process_find(program, NULL) < 0))
        return missing_error(program, errp);
    if (err == EACCES && is_folder(program))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s cannot be started: it is a folder", program);
    if (err == EAGAIN || err == ENOMEM)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "%s cannot be started: %s", program, strerror(err));
    return pe_error_set(errp, PE_ERROR_INPUT,
                        err == EACCES ? PE_EXIT_PERMISSION : PE_EXIT_CONFIG,
                        "%s cannot be started: %s", program, strerror(err));
}

/* The three descriptors a child starts with; -1: ours stays. */
struct child_fds {
    int in, out, err;
    int ours, ours_err; /* read ends of pipes on out and err, or -1 */
    int ours_in;        /* the other end of [in], or -1 */
    int folder;         /* where it starts; -1: here */
};

static void fd_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void child_fds_close(struct child_fds *f)
{
    fd_close(f->in);
    fd_close(f->out);
    fd_close(f->err);
    fd_close(f->folder);
}

static int log_open(const char *path, pe_error *errp)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0)
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE,
                     "cannot write %s: %s", path, strerror(errno));
    return fd;
}

/* A pipe of which end [which], 0 to read and 1 to write, is for us. */
static int pipe_open(int which, int *ours, int *theirs, pe_error *errp)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "cannot make a pipe: %s", strerror(errno));
    *ours = ends[which];
    *theirs = ends[!which];
    if (fcntl(*ours, F_SETFL, O_NONBLOCK) < 0)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "cannot make a pipe: %s", strerror(errno));
    return 0;
}

static int folder_open(struct child_fds *f, const char *folder, pe_error *errp)
{
    f->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (f->folder < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "cannot start in %s: %s", folder, strerror(errno));
    return 0;
}

static int in_open(struct child_fds *f, const process_spec *s, pe_error *errp)
{
    const char *in = s->in_path ? s->in_path : s->in_ours ? NULL : "/dev/null";

    if (s->in_pipe)
        return pipe_open(1, &f->ours_in, &f->in, errp);
    f->in = in ? open(in, O_RDONLY | O_CLOEXEC) : -1;
    if (f->in < 0 && in)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "cannot open %s: %s", in, strerror(errno));
    return 0;
}

/* Files are opened here and not in the child, so that a folder that is
 * missing is never taken for a program that is.
 */
static int child_fds_open(struct child_fds *f, const process_spec *s,
                          pe_error *errp)
{
    if (in_open(f, s, errp) < 0)
        return -1;
    if (s->folder && folder_open(f, s->folder, errp) < 0)
        return -1;
    if (!s->out_path && pipe_open(0, &f->ours, &f->out, errp) < 0)
        return -1;
    if (s->err_pipe && pipe_open(0, &f->ours_err, &f->err, errp) < 0)
        return -1;
    if (s->out_path && (f->out = log_open(s->out_path, errp)) < 0)
        return -1;
    if (s->err_path && !s->err_pipe &&
        (f->err = log_open(s->err_path, errp)) < 0)
        return -1;
    return 0;
}

static int attr_fill(posix_spawnattr_t *attr, const process_spec *s)
{
    static const int defaults[] = {SIGHUP,  SIGINT,  SIGTERM, SIGPIPE,
                                   SIGUSR1, SIGUSR2, SIGCHLD, 0};
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t none, back;

    sigemptyset(&none);
    sigemptyset(&back);
    for (const int *sig = defaults; *sig; sig++)
        sigaddset(&back, *sig);
    if (s->new_session)
        flags |= POSIX_SPAWN_SETSID;
    else if (s->new_group)
        flags |= POSIX_SPAWN_SETPGROUP;
    int err = posix_spawnattr_setsigmask(attr, &none);
    if (!err)
        err = posix_spawnattr_setsigdefault(attr, &back);
    if (!err)
        err = posix_spawnattr_setpgroup(attr, 0);
    return err ? err : posix_spawnattr_setflags(attr, flags);
}

static int actions_fill(posix_spawn_file_actions_t *a,
                        const struct child_fds *f)
{
    int err = 0;

    if (f->in >= 0)
        err = posix_spawn_file_actions_adddup2(a, f->in, STDIN_FILENO);
    if (!err)
        err = posix_spawn_file_actions_adddup2(a, f->out, STDOUT_FILENO);
    if (!err && f->err >= 0)
        err = posix_spawn_file_actions_adddup2(a, f->err, STDERR_FILENO);
    if (!err && f->folder >= 0)
        err = posix_spawn_file_actions_addfchdir_np(a, f->folder);
    return err;
}

/* 0, or an errno. */
static int spawn(pid_t *pidp, const process_spec *s, const struct child_fds *f,
                 char **env)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int err = posix_spawn_file_actions_init(&actions);

    if (err)
        return err;
    err = posix_spawnattr_init(&attr);
    if (err) {
        posix_spawn_file_actions_destroy(&actions);
        return err;
    }
    err = attr_fill(&attr, s);
    if (!err)
        err = actions_fill(&actions, f);
    if (!err)
        err = posix_spawnp(pidp, s->argv[0], &actions, &attr,
                           (char *const *)s->argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return err;
}

process *process_start(const process_spec *s, pe_error *errp)
{
    struct child_fds fds = {-1, -1, -1, -1, -1, -1, -1};
    process *p = NULL;
    char **env = NULL;
    bool started = false;

    if (!s || !s->argv || !s->argv[0]) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                     "no program was named");
        return NULL;
    }
    p = calloc(1, sizeof(*p));
    if (!p) {
        pe_error_nomem(errp);
        goto done;
    }
    env = environ_make(s->env, s->no_rank, errp);
    if (!env || child_fds_open(&fds, s, errp) < 0)
        goto done;
    int err = spawn(&p->pid, s, &fds, env);
    if (err) {
        spawn_error(s->argv[0], err, errp);
        goto done;
    }
    p->fd = fds.ours;
    p->err_fd = fds.ours_err;
    p->in_fd = fds.ours_in;
    p->group = s->new_group || s->new_session;
    started = true;
done:
    child_fds_close(&fds);
    free(env);
    if (started)
        return p;
    fd_close(fds.ours);
    fd_close(fds.ours_err);
    fd_close(fds.ours_in);
    free(p);
    return NULL;
}

int process_fd(const process *p)
{
    return p ? p->fd : -1;
}

int process_err_fd(const process *p)
{
    return p ? p->err_fd : -1;
}

int process_in_fd(const process *p)
{
    return p ? p->in_fd : -1;
}

void process_in_close(process *p)
{
    fd_close(p->in_fd);
    p->in_fd = -1;
}

pid_t process_pid(const process *p)
{
    return p ? p->pid : -1;
}

void process_signal(process *p, int sig)
{
    if (p && !p->ended)
        kill(p->group ? -p->pid : p->pid, sig);
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

bool process_ended(process *p)
{
    struct rusage used;
    int status;

    if (!p || p->ended)
        return true;
    pid_t pid = wait4(p->pid, &status, WNOHANG, &used);
    if (pid == 0 || (pid < 0 && errno == EINTR))
        return false;
    p->ended = true;
    if (pid < 0) { /* somebody else reaped it: its status is lost */
        p->status = PE_EXIT_FAILED;
        return true;
    }
    p->status =
        WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    p->cpu_s = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
    return true;
}

int process_status(const process *p)
{
    return p ? p->status : PE_EXIT_FAILED;
}

void process_status_words(int status, char what[64])
{
    if (status > 128 && status - 128 <= SIGRTMAX)
        snprintf(what, 64, "was killed by signal %d", status - 128);
    else
        snprintf(what, 64, "ended with status %d", status);
}

double process_cpu_s(const process *p)
{
    return p ? p->cpu_s : 0;
}

int64_t process_peak_bytes(void)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[256];
    long long kb = 0;

    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "VmHWM: %lld kB", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return kb * 1024;
}

bool process_wait(process *p, int timeout_ms)
{
    int64_t until = clock_mono_ns() + timeout_ms * CLOCK_MS;

    while (!process_ended(p)) {
        if (timeout_ms >= 0 && clock_mono_ns() >= until)
            return false;
        clock_sleep_ns(WAIT_STEP_NS, 0);
    }
    return true;
}

bool process_leaves(process *p)
{
    return process_wait(p, LEAVE_MS);
}

void process_destroy(process *p)
{
    if (!p)
        return;
    if (!process_ended(p)) {
        process_signal(p, SIGTERM);
        if (!process_wait(p, TERM_GRACE_MS)) {
            process_signal(p, SIGKILL);
            process_wait(p, -1);
        }
    }
    process_release(p);
}

void process_release(process *p)
{
    if (!p)
        return;
    fd_close(p->in_fd);
    fd_close(p->fd);
    fd_close(p->err_fd);
    free(p);
}

/* True when the environment process [pid] was started with has [mark].  Only
 * processes of this user answer.
 */
static bool is_marked(const char *pid, const char *mark)
{
    char *path = text_format("/proc/%s/environ", pid);
    size_t len = 0;
    bool found = false;

    char *env = path ? file_read(path, ENVIRON_MAX, &len, NULL) : NULL;
    for (size_t at = 0; env && !found && at < len; at += strlen(env + at) + 1)
        found = !strcmp(env + at, mark);
    free(env);
    free(path);
    return found;
}

int process_kill_marked(const char *mark)
{
    DIR *dir = mark && *mark ? opendir("/proc") : NULL;
    const struct dirent *e;
    int n = 0;

    while (dir && (e = readdir(dir)) != NULL) {
        if (!isdigit((unsigned char)e->d_name[0]))
            continue;
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        if (pid != getpid() && is_marked(e->d_name, mark) &&
            kill(pid, SIGKILL) == 0)
            n++;
    }
    if (dir)
        closedir(dir);
    return n;
}

int process_end_marked(const char *mark, int timeout_ms)
{
    int64_t until = clock_mono_ns() + timeout_ms * CLOCK_MS;
    int n;

    while ((n = process_kill_marked(mark)) > 0 && clock_mono_ns() < until)
        clock_sleep_ns(WAIT_STEP_NS, 0);
    return n;
}

#define STAT_MAX 4096
#define STAT_START 20 /* field behind the name of the program */

char process_state(pid_t pid, char start[32])
{
    char *path = text_format("/proc/%d/stat", (int)pid);
    char *line = path ? file_read(path, STAT_MAX, NULL, NULL) : NULL;
    /* The name is in brackets and may have any character. */
    char *at = line ? strrchr(line, ')') : NULL;
    char state = at && at[1] == ' ' ? at[2] : '\0';

    for (int i = 0; at && i < STAT_START; i++)
        at = strchr(at + 1, ' ');
    snprintf(start, 32, "%.*s", at ? (int)strcspn(at + 1, " \n") : 0,
             at ? at + 1 : "");
    free(line);
    free(path);
    return at ? state : '\0';
}

void process_raise_early(void)
{
    static const struct {
        const char *name;
        int sig;
    } known[] = {{"TERM", SIGTERM},
                 {"INT", SIGINT},
                 {"USR1", SIGUSR1},
                 {"USR2", SIGUSR2},
                 {"XCPU", SIGXCPU}};
    const char *early = getenv("PILOT_EARLY");

    for (const char *at = early ? early : ""; *at;) {
        size_t len = strcspn(at, " ");
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            if (strlen(known[i].name) == len &&
                !strncmp(known[i].name, at, len))
                raise(known[i].sig);
        at += len + strspn(at + len, " ");
    }
    unsetenv("PILOT_EARLY");
}
