/* serve.c - `pilot serve`: options, and what it says. */
#include "serve.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/random.h"
#include "src/common/text.h"
#include "src/live/live.h"
#include "src/serve/http.h"
#include "src/serve/hub.h"

#define LOOK_S 2.0
#define TEXTFILE_S 15 /* as node_exporter is mostly asked */
#define TOKEN_BYTES 16

struct serve_options {
    const char *listen, *token_file, *textfile;
    bool no_token, once, help;
};

#define AT(member) offsetof(struct serve_options, member)

static const option_spec options[] = {
    {"listen", 0, OPTION_TEXT, AT(listen), "HOST:PORT", NULL,
     "default: 127.0.0.1:8080; port 0: any that is free"},
    {"token-file", 0, OPTION_TEXT, AT(token_file), "FILE", NULL,
     "ask for the token in its first line; default: one made up now"},
    {"no-token", 0, OPTION_FLAG, AT(no_token), NULL, NULL,
     "ask for none: whoever reaches the address sees the run"},
    {"textfile", 0, OPTION_TEXT, AT(textfile), "DIR", NULL,
     "listen nowhere: write DIR/pilot-RUN.prom every 15 s"},
    {"once", 0, OPTION_FLAG, AT(once), NULL, NULL,
     "with --textfile: write it once"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"[--listen HOST:PORT] [RUN]",
                                       "--textfile DIR [--once] [RUN]", NULL};

static const option_usage usage = {
    .command = "pilot serve",
    .synopsis = synopsis,
    .prose = "Show a run as a web page that follows it, and as metrics of "
             "Prometheus, until Ctrl-C.",
    .options = options,
    .min_args = 0,
    .max_args = 1,
    .operand = "a RUN",
};

/* --- waiting for the end --- */

static void signals_block(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
}

/* True: a signal came before [seconds] (0: no limit) were over. */
static bool is_over(const sigset_t *set, int seconds)
{
    const struct timespec most = {.tv_sec = seconds};

    return (seconds > 0 ? sigtimedwait(set, NULL, &most)
                        : sigwaitinfo(set, NULL)) > 0;
}

/* --- a file for node_exporter --- */

static int textfile_write(hub *h, const char *path, pe_error *errp)
{
    hub_piece *p = hub_take(h, HUB_METRICS, NULL);
    int rc = file_write(path, p->data, p->len, 0644, errp);

    hub_piece_drop(p);
    return rc;
}

/* A file that stays would go on telling of a run that nobody looks at. */
static int textfile_keep(hub *h, const char *path, const sigset_t *set,
                         pe_error *errp)
{
    pe_error e = {0};

    log_info("%s, every %d s; Ctrl-C ends it, and removes the file", path,
             TEXTFILE_S);
    while (!is_over(set, TEXTFILE_S))
        if (hub_look(h, &e) < 0 || textfile_write(h, path, &e) < 0)
            log_warn("%s", e.text);
    if (unlink(path) < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CREATE,
                            "cannot remove %s, which goes on telling of the "
                            "run: remove it",
                            path);
    return 0;
}

static int textfile_do(const struct serve_options *o, const char *home,
                       const char *run, const sigset_t *set, pe_error *errp)
{
    char *path = text_format("%s/pilot-%s.prom", o->textfile, run);
    hub *h = path ? hub_open(home, run, NULL, 0, errp) : NULL;
    int rc = h ? textfile_write(h, path, errp) : -1;

    if (!path)
        pe_error_nomem(errp);
    if (rc == 0 && !o->once)
        rc = textfile_keep(h, path, set, errp);
    hub_close(h);
    free(path);
    return rc;
}

/* --- a web page --- */

static void say_place(const http *s, const char *token)
{
    const char *place = http_place(s);
    bool here = !strncmp(place, "127.", 4) || !strncmp(place, "[::1]", 5);
    char name[256] = "HOST";

    printf("http://%s/%s%s\n", place, token ? "?token=" : "",
           token ? token : "");
    fflush(stdout);
    gethostname(name, sizeof(name) - 1);
    if (here)
        log_info("from another machine: ssh -L %d:%s %s, then "
                 "http://127.0.0.1:%d/%s%s there",
                 http_port(s), place, name, http_port(s),
                 token ? "?token=" : "", token ? token : "");
    else
        log_warn("%s is reached from other machines, and what is sent is not "
                 "encrypted%s: --listen 127.0.0.1:%d and ssh -L are",
                 place, token ? ", the token neither" : "", http_port(s));
    if (!token)
        log_warn("no token is asked for: whoever reaches %s sees the run",
                 place);
}

static int page_do(const struct serve_options *o, const char *home,
                   const char *run, const char *token, const sigset_t *set,
                   pe_error *errp)
{
    char *events =
        token ? text_format("events?token=%s", token) : text_format("events");
    hub *h = events ? hub_open(home, run, events, LOOK_S, errp) : NULL;
    http *s =
        h ? http_open(h, o->listen ? o->listen : "127.0.0.1:8080", token, errp)
          : NULL;
    int rc = s ? 0 : -1;

    if (!events)
        pe_error_nomem(errp);
    if (s) {
        log_info("run %s; Ctrl-C ends this, not the run", run);
        say_place(s, token);
        is_over(set, 0);
    }
    if (h)
        hub_stop(h);
    http_close(s);
    hub_close(h);
    free(events);
    return rc;
}

/* --- which run, which token --- */

static char *run_of(const char *word, pe_error *errp)
{
    char *run = word ? text_format("%s", word) : live_newest(errp);

    if (!run && word)
        pe_error_nomem(errp);
    else if (!run && errp->kind == PE_ERROR_NONE)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "no run goes on here; name one: 'pilot runs' lists them");
    return run;
}

/* It stands in a URL as it is. */
static int token_check(const char *token, const char *path, pe_error *errp)
{
    size_t n = strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
                             "wxyz0123456789-._~");

    if (n >= TOKEN_BYTES && !token[n])
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s: a token is 16 or more of A-Z a-z 0-9 - . _ ~, as "
                        "of 'openssl rand -hex 16'",
                        path);
}

/* In new memory; *tokenp NULL: none is asked for. */
static int token_of(const struct serve_options *o, char **tokenp,
                    pe_error *errp)
{
    *tokenp = NULL;
    if (o->no_token)
        return 0;
    if (o->token_file) {
        *tokenp = file_read_secret(o->token_file, errp);
        return *tokenp ? token_check(*tokenp, o->token_file, errp) : -1;
    }
    *tokenp = malloc(2 * TOKEN_BYTES + 1);
    if (!*tokenp)
        return pe_error_nomem(errp);
    return random_id(*tokenp, TOKEN_BYTES, errp);
}

static int options_check(const struct serve_options *o, pe_error *errp)
{
    const char *why =
        o->textfile && (o->listen || o->token_file || o->no_token)
            ? "--textfile listens nowhere: --listen, --token-file and "
              "--no-token are not for it"
        : o->once && !o->textfile      ? "--once is for --textfile"
        : o->no_token && o->token_file ? "one of --no-token and --token-file"
                                       : NULL;

    return why ? pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                              "%s; see 'pilot serve --help'", why)
               : 0;
}

static int serve_do(const struct serve_options *o, const char *word,
                    pe_error *errp)
{
    char *home = locate_home(errp), *run = NULL, *token = NULL;
    sigset_t set;
    int rc = home ? options_check(o, errp) : -1;

    signals_block(&set);
    if (rc == 0)
        rc = token_of(o, &token, errp);
    if (rc == 0)
        rc = (run = run_of(word, errp)) ? 0 : -1;
    if (rc == 0)
        rc = o->textfile ? textfile_do(o, home, run, &set, errp)
                         : page_do(o, home, run, token, &set, errp);
    free(token);
    free(run);
    free(home);
    return rc;
}

int serve_command(int argc, char **argv)
{
    struct serve_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first < 0 || option_operands(&usage, argc - first, &e) < 0 ||
        serve_do(&o, first < argc ? argv[first] : NULL, &e) < 0)
        return log_failure(&e);
    return PE_EXIT_OK;
}
