/* main.c - the program `pilot`: finds the command and calls it. */
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/change/change.h"
#include "src/cmd/cmd.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/model/path.h"
#include "src/page/page.h"
#include "src/serve/serve.h"
#include "src/refused/refused.h"
#include "src/rights/rights.h"
#include "src/verify/verify.h"
#include "src/view/view.h"
#include "src/watch/watch.h"

/* In front of every message. */
static char program_name[] = "pilot";

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *prose;
} commands[] = {
    {"run", cmd_run, "run a pipeline and follow it to its end"},
    {"results", view_results, "print which rows of a run are outliers"},
    {"score", view_score, "score the rows of files by a model"},
    {"model", view_model, "show the model of a run, or write it to a file"},
    {"top", watch_top, "show a run as it is now"},
    {"commits", watch_commits, "list the newest commits of a run"},
    {"serve", serve_command, "show a run as a web page, and as metrics"},
    {"advise", watch_advise, "say where its work had better be, on what ranks"},
    {"report", page_report, "write a run as one HTML file, or as JSON"},
    {"peek", view_peek, "show the newest records of a topic"},
    {"refused", refused_command,
     "blocks that a run has refused: list, show, send again"},
    {"trace", watch_trace, "show where the blocks of a run spent their time"},
    {"verify", verify_command, "count a run again: is it exact?"},
    {"runs", cmd_runs, "list the runs there are, or remove one"},
    {"submit", cmd_submit, "submit a pilot and return (also pilot-submit)"},
    {"status", cmd_status, "list pilots, and why they do not run"},
    {"wait", cmd_wait, "wait for pilots to be up, or to end"},
    {"cancel", cmd_cancel, "end pilots, also ones that wait in a queue"},
    {"log", cmd_log, "show what a pilot has written"},
    {"resize", cmd_resize, "more ranks for a run, or fewer"},
    {"move", change_move, "move a stage of a run between devices and pool"},
    {"scale", cmd_scale, "show what the policy of a run decides, and why"},
    {"event", cmd_event, "tell a run, and its policy, what happened outside"},
    {"swap", change_swap, "other functions or options for stages that run"},
    {"task", change_task, "a function over a data set, beside the stream"},
    {"services", cmd_services,
     "a Kafka and a Redis to use: start, status, stop"},
    {"acl", rights_acl, "what Redis and Kafka have to let each role do"},
    {"key", rights_key, "sign functions, so that hosts take them"},
    {"doctor", cmd_doctor, "say what would go wrong, and the fix"},
    {"inspect", view_inspect, "show what is in a file of data, or a topic"},
    {"config", cmd_config, "check a pipeline file, or show what it means"},
    {NULL, NULL, NULL},
};

/* Libraries whose version somebody who helps will ask for. */
static const char *const libraries[] = {"librdkafka", "libhiredis",  "libyaml",
                                        "libjansson", "libopenblas", NULL};

static void help_print(FILE *f)
{
    fprintf(f, "Usage: pilot COMMAND [OPTION]... [OPERAND]...\n\n"
               "Streaming machine learning from edge devices to a pool of MPI "
               "ranks.\n\nCommands:\n");
    for (const struct command *c = commands; c->name; c++)
        fprintf(f, "  %-10s %s\n", c->name, c->prose);
    fprintf(f, "\n  -h, --help     this text; 'pilot COMMAND --help' for a "
               "command\n  -V, --version  versions of this program and its "
               "libraries\n");
}

/* The file behind a soname carries the version. */
static int library_print(struct dl_phdr_info *info, size_t size, void *arg)
{
    const char *base = strrchr(info->dlpi_name, '/');

    (void)size;
    (void)arg;
    for (const char *const *l = libraries; base && *l; l++)
        if (!strncmp(base + 1, *l, strlen(*l))) {
            char *file = realpath(info->dlpi_name, NULL);
            printf("%-12s %s\n", *l, file ? file : info->dlpi_name);
            free(file);
        }
    return 0;
}

static int version_print(void)
{
    const char *word = getenv("PILOT_KERNEL");
    char list[64];
    pe_error e = {0};

    printf("pilot %s\n", PILOT_VERSION);
    path_list(list, sizeof(list));
    if (word && path_select(word, &e) < 0)
        printf("%-12s PILOT_KERNEL: %s\n", "kernels", e.text);
    else
        printf("%-12s %s (of %s)\n", "kernels", path_name(path_now()), list);
    dl_iterate_phdr(library_print, NULL);
    return PE_EXIT_OK;
}

/* What other tools call it. */
static const struct {
    const char *word, *name;
} synonyms[] = {
    {"start", "run"},
    {"launch", "run"},
    {"resume", "run --resume"},
    {"list", "status"},
    {"ls", "status"},
    {"ps", "status"},
    {"queue", "status"},
    {"squeue", "status"},
    {"show", "status"},
    {"html", "report"},
    {"summary", "report --json"},
    {"stop", "cancel"},
    {"kill", "cancel"},
    {"rm", "runs --rm"},
    {"outliers", "results"},
    {"predict", "score"},
    {"scancel", "cancel"},
    {"sbatch", "submit"},
    {"qsub", "submit"},
    {"autoscale", "scale"},
    {"signal", "event"},
    {"tail", "log -f"},
    {"check", "config check"},
    {"validate", "config check"},
    {"head", "inspect"},
    {"describe", "inspect"},
    {"consume", "peek"},
    {"watch", "top"},
    {"monitor", "top"},
    {"htop", "top"},
    {"history", "commits"},
    {"cat", "peek"},
    {"version", "--version"},
};

static void nearest_find(const char *name, char *out, size_t cap)
{
    text words = {0};

    for (const struct command *c = commands; c->name; c++)
        text_add(&words, "%s ", c->name);
    text_nearest(name, words.data ? words.data : "", out, cap);
    text_free(&words);
    for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
        if (!strcmp(synonyms[i].word, name))
            snprintf(out, cap, "%s", synonyms[i].name);
}

static int unknown_command(const char *name)
{
    char nearest[32];

    nearest_find(name, nearest, sizeof(nearest));
    if (strstr(name, ".yaml") || strstr(name, ".yml"))
        log_error("'%s' is no command; did you mean 'pilot run %s'?", name,
                  name);
    else
        log_error("unknown command '%s'%s%s%s; see 'pilot --help'", name,
                  *nearest ? "; did you mean 'pilot " : "", nearest,
                  *nearest ? "'?" : "");
    return PE_EXIT_USAGE;
}

/* "pilot help [COMMAND]" */
static int help(int argc, char **argv)
{
    char flag[] = "--help";
    char *words[] = {argv[argc > 2 ? 2 : 1], flag, NULL};

    if (argc < 3) {
        help_print(stdout);
        return PE_EXIT_OK;
    }
    for (const struct command *c = commands; c->name; c++)
        if (!strcmp(argv[2], c->name))
            return c->run(2, words);
    return unknown_command(argv[2]);
}

static bool is_called(const char *path, const char *name)
{
    const char *slash = path ? strrchr(path, '/') : NULL;

    return path && !strcmp(slash ? slash + 1 : path, name);
}

/* Descriptors 0 to 2 are open, so that no file of a run gets their number, and
 * with it what is printed.
 */
static void channels_open(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* What was printed has arrived; a reader that went away wanted no more. */
static int output_check(int status)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    bool failed = fflush(stdout) == EOF || ferror(stdout);

    if (!failed || (poll(&out, 1, 0) == 1 && (out.revents & POLLERR)))
        return status;
    log_error("what is printed cannot be written; is the disk full?");
    return status ? status : PE_EXIT_CREATE;
}

static int command_run(int argc, char **argv)
{
    if (is_called(argv[0], "pilot-submit"))
        return cmd_submit(argc, argv);
    if (argc < 2) {
        help_print(stderr);
        return PE_EXIT_USAGE;
    }
    if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")) {
        help_print(stdout);
        return PE_EXIT_OK;
    }
    if (!strcmp(argv[1], "help"))
        return help(argc, argv);
    if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version"))
        return version_print();
    for (const struct command *c = commands; c->name; c++)
        if (!strcmp(argv[1], c->name))
            return c->run(argc - 1, argv + 1);
    return unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
    channels_open();
    log_init(log_write_stderr, program_name, LOG_LEVEL_INFO);
    signal(SIGPIPE, SIG_IGN); /* a pipe nobody reads is an error of write() */
    return output_check(command_run(argc, argv));
}
