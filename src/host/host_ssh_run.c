/* host_ssh_run.c - commands and processes behind SSH. */
#include "host_ssh.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/shell.h"

#define ANSWER_MAX ((size_t)64 << 20)
#define SPAWN_S 60.0
#define ASK_S 60.0

/* The words of a script's `began` beside SSH_BEGAN. */
#define NO_FOLDER "folder"
#define NO_COMMAND "command"
#define NO_FILE "file"
#define NO_SETSID "setsid"
#define NO_PROC "proc"

/* Some servers have room for one channel at a time, which SFTP may hold, and
 * which is theirs again only some time after its program has ended.
 */
int ssh_host_exec(ssh_host *h, const ssh_script *script, char word[32],
                  host_answer *a, bool *sentp, pe_error *errp)
{
    int status = ssh_exec(h->s, script, word, a, sentp, errp);

    for (int i = 0; i < SSH_ROOM_TRIES && status < 0 && !*sentp &&
                    !h->s->broken && !h->files;
         i++) {
        ssh_sftp_close(&h->sftp);
        clock_sleep_ns(SSH_ROOM_NS, 1);
        status = ssh_exec(h->s, script, word, a, sentp, errp);
    }
    return status;
}

/* First line of what was said, for a message. */
static const char *said(host_answer *a)
{
    a->err[strcspn(a->err, "\r\n")] = '\0';
    return *a->err ? a->err : "no reason given";
}

/* The script that finds command and folder.  Some sites put their scheduler
 * on the PATH of login shells only, which this is not: then it is looked for
 * once more with what they have.
 */
static void command_add(text *b, const host_command *c)
{
    text_add(b, "set -- ");
    shell_add_words(b, c->argv);
    text_add(b, "\n");
    if (c->folder) {
        text_add(b, "cd ");
        shell_add_word(b, c->folder);
        text_add(b, " 2>/dev/null || { began " NO_FOLDER "; cd ");
        shell_add_word(b, c->folder);
        text_add(b, "; exit 0; }\n");
    }
    text_add(b, "command -v \"$1\" >/dev/null 2>&1 || [ ! -r /etc/profile ] "
                "|| . /etc/profile >/dev/null 2>&1\n"
                "command -v \"$1\" >/dev/null 2>&1 || "
                "{ began " NO_COMMAND "; exit 0; }\n");
}

/* What a word other than SSH_BEGAN means. */
static int refuse(const ssh_host *h, const host_command *c, const char *word,
                  host_answer *a, pe_error *errp)
{
    const char *name = h->base.name;

    if (!strcmp(word, NO_FOLDER))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s: cannot start in %s: %s", name, c->folder,
                            said(a));
    if (!strcmp(word, NO_FILE))
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE,
                            "%s: cannot write the output of %s: %s", name,
                            c->argv[0], said(a));
    if (!strcmp(word, NO_SETSID) || !strcmp(word, NO_PROC))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s has no %s: is it a Linux?", name,
                            strcmp(word, NO_PROC) ? "setsid" : "/proc");
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s: %s is not there: install it, or put its folder "
                        "on the PATH of ~/.bashrc there",
                        name, c->argv[0]);
}

/* Run [body] once; whether it may have run decides about a second time. */
static int run_once(ssh_host *h, const ssh_script *script, char word[32],
                    host_answer *a, pe_error *errp)
{
    bool sent = false;

    if (ssh_host_begin(h, errp) < 0)
        return -1;
    int status = ssh_host_exec(h, script, word, a, &sent, errp);
    if (status < 0 && h->s->broken && sent)
        pe_error_prefix(errp, "the outcome of %s is unknown", script->what);
    return ssh_host_end(h, status, !sent);
}

static int command_run(ssh_host *h, const host_command *c, text *body,
                       double timeout_s, host_answer *a, pe_error *errp)
{
    char word[32];

    if (body->failed)
        return pe_error_nomem(errp);
    const ssh_script script = {.body = body->data,
                               .timeout_s = timeout_s,
                               .max = ANSWER_MAX,
                               .what = c->argv[0]};
    if (run_once(h, &script, word, a, errp) < 0)
        return -1;
    if (!strcmp(word, SSH_BEGAN))
        return 0;
    refuse(h, c, word, a, errp);
    host_answer_free(a);
    return -1;
}

int ssh_host_run(host *base, const host_command *c, host_answer *a,
                 pe_error *errp)
{
    text body = {0};

    command_add(&body, c);
    text_add(&body, "began " SSH_BEGAN "\n"
                    "exec \"$@\" </dev/null\n");
    int status = command_run((ssh_host *)base, c, &body, c->timeout_s, a, errp);
    text_free(&body);
    return status;
}

/* The process tells its own number and the time of its start, since it is the
 * leader of a session only from here on.  Fields of /proc/PID/stat are counted
 * behind the name of the program, which may have blanks.
 */
static const char child_script[] =
    "o=$1 e=$2\n"
    "shift 2\n"
    "tell() { shift 19; echo \"$$ $1\"; }\n"
    "s=$(cat /proc/$$/stat) || exit 1\n"
    "tell ${s##*) }\n"
    "exec \"$@\" >>\"$o\" 2>>\"$e\" </dev/null\n";

static void spawn_add(text *b, const host_command *c)
{
    text_add(b, "o=");
    shell_add_word(b, c->out_path);
    text_add(b, " e=");
    shell_add_word(b, c->err_path);
    text_add(b,
             "\n"
             "make() { (umask 077; : >>\"$o\") && (umask 077; : >>\"$e\"); }\n"
             "make 2>/dev/null || { began " NO_FILE "; make; exit 0; }\n"
             "command -v setsid >/dev/null 2>&1 || "
             "{ began " NO_SETSID "; exit 0; }\n"
             "[ -r /proc/self/stat ] || { began " NO_PROC "; exit 0; }\n"
             "began " SSH_BEGAN "\n"
             "start() { setsid \"$@\" </dev/null; }\n"
             "set -- /bin/sh -c ");
    shell_add_word(b, child_script);
    /* What a shell starts by '&' does not hear SIGINT any more. */
    text_add(b, " sh \"$o\" \"$e\" \"$@\"\n"
                "if setsid -f true 2>/dev/null; then start -f \"$@\"\n"
                "else start \"$@\" & fi\n"
                "exit 0\n");
}

int ssh_host_spawn(host *base, const host_command *c, pid_t *pidp,
                   char start[32], pe_error *errp)
{
    ssh_host *h = (ssh_host *)base;
    text body = {0};
    host_answer a = {0};
    int pid;

    command_add(&body, c);
    spawn_add(&body, c);
    int status = command_run(h, c, &body, SPAWN_S, &a, errp);
    text_free(&body);
    if (status < 0)
        return -1;
    if (sscanf(a.out, "%d %31[0-9]", &pid, start) == 2 && pid > 1)
        *pidp = pid;
    else
        status = pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                              "%s: %s was not started: %s", h->base.name,
                              c->argv[0], said(&a));
    host_answer_free(&a);
    return status;
}

int ssh_host_ask(ssh_host *h, const ssh_question *q, char word[32],
                 host_answer *a, pe_error *errp)
{
    bool sent = false;

    if (q->body->failed)
        return pe_error_nomem(errp);
    const ssh_script script = {
        .body = q->body->data, .timeout_s = q->timeout_s, .what = q->what};
    if (ssh_host_begin(h, errp) < 0)
        return -1;
    return ssh_host_end(h, ssh_host_exec(h, &script, word, a, &sent, errp),
                        true);
}

/* Statuses of a question about a process. */
enum { GONE = 3, REFUSED = 4 };

/* Find process [pid] of [start], or end with GONE; $z is set when it is dead
 * but not yet buried.
 */
static void process_add(text *b, pid_t pid, const char *start)
{
    text_add(b,
             "[ -r /proc/self/stat ] || { began " NO_PROC "; exit 0; }\n"
             "began " SSH_BEGAN "\n"
             "LC_ALL=C z=\nexport LC_ALL\n"
             "s=$(cat /proc/%d/stat 2>/dev/null) || exit %d\n"
             "look() { case $1 in Z|X) z=1 ;; esac; shift 19; "
             "[ \"$1\" = %s ]; }\n"
             "look ${s##*) } || exit %d\n",
             (int)pid, GONE, start, GONE);
}

/* Status of the question, or -1. */
static int process_ask(ssh_host *h, const char *what, text *body,
                       host_answer *a, pe_error *errp)
{
    const char *argv[] = {what, NULL};
    const host_command c = {.argv = argv};
    char word[32];

    int status =
        ssh_host_ask(h, &(ssh_question){what, body, ASK_S}, word, a, errp);
    text_free(body);
    if (status == 0 && strcmp(word, SSH_BEGAN) != 0)
        status = refuse(h, &c, word, a, errp);
    return status < 0 ? -1 : a->status;
}

int ssh_host_alive(host *base, pid_t pid, const char *start, pe_error *errp)
{
    text body = {0};
    host_answer a = {0};

    process_add(&body, pid, start);
    text_add(&body, "[ -z \"$z\" ] || exit %d\nexit 0\n", GONE);
    int status =
        process_ask((ssh_host *)base, "a look at a process", &body, &a, errp);
    host_answer_free(&a);
    return status < 0 ? -1 : status == 0;
}

int ssh_host_kill(host *base, pid_t pid, const char *start, int sig,
                  pe_error *errp)
{
    ssh_host *h = (ssh_host *)base;
    text body = {0};
    host_answer a = {0};

    process_add(&body, pid, start);
    text_add(&body, "kill -s %d -- -%d || exit %d\nexit 0\n", sig, (int)pid,
             REFUSED);
    int status = process_ask(h, "kill", &body, &a, errp);
    /* It may have ended in between. */
    if (status == REFUSED && !strstr(a.err, "No such process"))
        status = pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                              "%s: cannot signal process %d: %s", h->base.name,
                              (int)pid, said(&a));
    host_answer_free(&a);
    return status < 0 ? -1 : 0;
}
