/* host.c - where commands run and files lie: what all kinds have in common. */
#include "src/host/host_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/random.h"
#include "src/common/text.h"

#define CHUNK ((size_t)1 << 20)
#define ASK_S 60.0    /* for a line of text */
#define NAME_KEPT 180 /* of a file's name in a temporary one: 255 are all */

void host_close(host *h)
{
    if (!h)
        return;
    free(h->home);
    free(h->machine);
    h->ops->destroy(h);
}

const char *host_name(const host *h)
{
    return h->name ? h->name : "this host";
}

void host_answer_free(host_answer *a)
{
    free(a->out);
    free(a->err);
    *a = (host_answer){0};
}

/* --- commands --- */

static int check_command(const char *const *argv, const char *folder,
                         pe_error *errp)
{
    if (!argv || !argv[0] || !*argv[0])
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "no program was named");
    /* A shell would take it for an option. */
    if (argv[0][0] == '-')
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s is no program: its name starts with '-'",
                            argv[0]);
    if (folder && *folder != '/')
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "'%s' is no absolute path", folder);
    return 0;
}

int host_run(host *h, const char *const *argv, const char *folder,
             double timeout_s, host_answer *a, pe_error *errp)
{
    const host_command c = {
        .argv = argv, .folder = folder, .timeout_s = timeout_s};
    int status;

    *a = (host_answer){0};
    if (check_command(argv, folder, errp) < 0)
        return -1;
    HOST_TRY(status, h, h->ops->run(h, &c, a, errp));
    return status;
}

static int check_path(const char *path, pe_error *errp)
{
    if (path && *path == '/')
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "'%s' is no absolute path", path ? path : "");
}

int host_spawn(host *h, const host_command *c, pid_t *pidp, char start[32],
               pe_error *errp)
{
    int status;

    if (check_command(c->argv, c->folder, errp) < 0 ||
        check_path(c->out_path, errp) < 0 || check_path(c->err_path, errp) < 0)
        return -1;
    HOST_TRY(status, h, h->ops->spawn(h, c, pidp, start, errp));
    return status;
}

/* Group 1 and 0, and pid -1, mean others. */
static int check_process(pid_t pid, const char *start, pe_error *errp)
{
    if (pid > 1 && start && *start && !start[strspn(start, "0123456789")])
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "process %d of '%s' is none that was started here",
                        (int)pid, start ? start : "");
}

int host_alive(host *h, pid_t pid, const char *start, pe_error *errp)
{
    int status;

    if (check_process(pid, start, errp) < 0)
        return -1;
    HOST_TRY(status, h, h->ops->alive(h, pid, start, errp));
    return status;
}

int host_kill(host *h, pid_t pid, const char *start, int sig, pe_error *errp)
{
    int status;

    if (check_process(pid, start, errp) < 0)
        return -1;
    HOST_TRY(status, h, h->ops->kill(h, pid, start, sig, errp));
    return status;
}

/* --- what is asked once --- */

/* One line of [argv] into *keep. */
static const char *ask(host *h, const char *const *argv, char **keep,
                       pe_error *errp)
{
    host_answer a;

    if (*keep)
        return *keep;
    if (host_run(h, argv, NULL, ASK_S, &a, errp) < 0)
        return NULL;
    a.out[strcspn(a.out, "\n")] = '\0';
    if (a.status == 0 && *a.out) {
        *keep = a.out;
        a.out = NULL;
    } else {
        a.err[strcspn(a.err, "\r\n")] = '\0';
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "%s: %s",
                     host_name(h),
                     *a.err ? a.err : "a question to its shell failed");
    }
    host_answer_free(&a);
    return *keep;
}

const char *host_home(host *h, pe_error *errp)
{
    /* As locate_home() of src/cmd. */
    static const char script[] =
        "p=$PILOT_HOME\n"
        "[ -n \"$p\" ] || [ -z \"$XDG_STATE_HOME\" ] ||\n"
        "    p=$XDG_STATE_HOME/pilot\n"
        "[ -n \"$p\" ] || [ -z \"$HOME\" ] || p=$HOME/.local/state/pilot\n"
        "case $p in\n"
        "'') echo 'neither PILOT_HOME nor HOME is set: set PILOT_HOME to the "
        "folder that keeps the state of runs' >&2; exit 1 ;;\n"
        "/*) ;;\n"
        "*) p=$(pwd)/$p ;;\n"
        "esac\n"
        "printf '%s\\n' \"$p\"\n";
    static const char *const argv[] = {"sh", "-c", script, NULL};

    return ask(h, argv, &h->home, errp);
}

const char *host_machine(host *h, pe_error *errp)
{
    static const char *const argv[] = {"uname", "-m", NULL};

    return ask(h, argv, &h->machine, errp);
}

/* --- files --- */

char *host_temporary(const char *path, const char *mark, pe_error *errp)
{
    const char *name = strrchr(path, '/') + 1;
    char *temp = text_format("%.*s.%.*s.%s", (int)(name - path), path,
                             NAME_KEPT, name, mark);

    if (!temp)
        pe_error_nomem(errp);
    return temp;
}

int host_mkdir(host *h, const char *path, pe_error *errp)
{
    int status;

    if (check_path(path, errp) < 0)
        return -1;
    HOST_TRY(status, h, h->ops->mkdir(h, path, errp));
    return status;
}

int host_exists(host *h, const char *path, pe_error *errp)
{
    host_stat st;
    int status;

    if (check_path(path, errp) < 0)
        return -1;
    HOST_TRY(status, h, h->ops->stat(h, path, &st, errp));
    return status;
}

int host_remove_tree(host *h, const char *path, pe_error *errp)
{
    int status;

    if (check_path(path, errp) < 0)
        return -1;
    if (!path[strspn(path, "/.")])
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "'%s' is not to be removed", path);
    HOST_TRY(status, h, h->ops->remove_tree(h, path, errp));
    return status;
}

/* What is to be written where. */
struct content {
    const char *path, *temp;
    const void *data;
    size_t len;
    mode_t mode;
    bool begun; /* temp may be there, from an earlier try */
};

static int content_write(host *h, struct content *c, pe_error *errp)
{
    void *f = h->ops->open(
        h, c->temp, c->begun ? HOST_OPEN_MORE : HOST_OPEN_NEW, NULL, errp);

    if (!f)
        return -1;
    c->begun = true;
    int status = h->ops->write(h, f, 0, c->data, c->len, errp);
    if (status == 0)
        status = h->ops->settle(h, f, c->mode, errp);
    h->ops->close(h, f);
    return status < 0 ? -1 : h->ops->publish(h, c->temp, c->path, errp);
}

int host_write(host *h, const char *path, const void *data, size_t len,
               mode_t mode, pe_error *errp)
{
    struct content c = {
        .path = path, .data = data, .len = len, .mode = mode & 0777};
    char mark[17];
    pe_error e = {0};
    int status;

    if (check_path(path, errp) < 0 || random_id(mark, 8, errp) < 0)
        return -1;
    char *temp = host_temporary(path, mark, errp);
    if (!temp)
        return -1;
    c.temp = temp;
    HOST_TRY(status, h, content_write(h, &c, &e));
    /* Where it cannot be reached, another try would only take its time. */
    if (status < 0 && c.begun && e.exit_code != PE_EXIT_UNAVAILABLE)
        h->ops->remove(h, temp, NULL);
    if (status < 0 && errp)
        *errp = e;
    free(temp);
    return status;
}

int host_put(host *h, const char *from, const char *to,
             host_progress_f progress, void *arg, pe_error *errp)
{
    const host_copy c = {host_here(), from, h, to, progress, arg};

    if (check_path(from, errp) < 0 || check_path(to, errp) < 0)
        return -1;
    return host_copy_file(&c, errp);
}

int host_get(host *h, const char *from, const char *to,
             host_progress_f progress, void *arg, pe_error *errp)
{
    const host_copy c = {h, from, host_here(), to, progress, arg};

    if (check_path(from, errp) < 0 || check_path(to, errp) < 0)
        return -1;
    return host_copy_file(&c, errp);
}

/* All from [offset] on, at most [max] bytes; 1: there is no such file. */
static int content_read(host *h, const char *path, int64_t offset, size_t max,
                        text *t, pe_error *errp)
{
    size_t room = max < CHUNK ? max : CHUNK;
    char *chunk = malloc(room + 1);
    bool missing = false;
    ssize_t n = 0;

    if (!chunk)
        return pe_error_nomem(errp);
    t->len = 0;
    text_add_bytes(t, "", 0);
    void *f = h->ops->open(h, path, HOST_OPEN_READ, &missing, errp);
    while (f && t->len < max) {
        size_t want = max - t->len < room ? max - t->len : room;
        n = h->ops->read(h, f, offset + (int64_t)t->len, chunk, want, errp);
        if (n <= 0)
            break;
        text_add_bytes(t, chunk, (size_t)n);
    }
    if (f)
        h->ops->close(h, f);
    free(chunk);
    if (!f)
        return missing ? 1 : -1;
    if (n >= 0 && t->failed)
        return pe_error_nomem(errp);
    return n < 0 ? -1 : 0;
}

char *host_read(host *h, const char *path, int64_t offset, size_t max,
                size_t *lenp, pe_error *errp)
{
    text t = {0};
    pe_error e = {0};
    int status;

    if (check_path(path, errp) < 0)
        return NULL;
    HOST_TRY(status, h, content_read(h, path, offset, max, &t, &e));
    if (status < 0 || t.failed) {
        if (status >= 0)
            pe_error_nomem(&e);
        if (errp)
            *errp = e;
        text_free(&t);
        return NULL;
    }
    *lenp = t.len;
    return t.data;
}
