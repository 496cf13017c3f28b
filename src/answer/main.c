/* main.c - pilot-score: rows by one model, into a folder of answers. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "src/agent/event.h"
#include "src/agent/fault.h"
#include "src/answer/final.h"
#include "src/common/log.h"
#include "src/common/once.h"
#include "src/store/store.h"

static void usage(FILE *f)
{
    fputs("Usage: pilot-score [--events MARK] RUN_DIR\n"
          "       pilot-score [--events MARK] --out DIR --run RUN_DIR FILE...\n"
          "       pilot-score [--events MARK] --out DIR --model MODEL FILE...\n"
          "Score rows once more: those a run has learned from, or those of "
          "files.\n"
          "Started by `pilot run` and `pilot score`.\n"
          "\n"
          "  --out DIR         make this folder of answers\n"
          "  --run RUN_DIR     by the model of that run, behind its stages\n"
          "  --model MODEL     by the model in that safetensors file\n"
          "  --set NAME=VALUE  an option of the function `file`; may be "
          "repeated\n"
          "  --events MARK     begin what is told on standard output with it\n"
          "  --quiet           no messages but errors\n"
          "  -h, --help        this text\n",
          f);
}

static void told(void *arg, uint64_t rows, double share)
{
    json_t *o = json_pack("{s:s, s:I, s:f}", "event", "progress", "rows",
                          (json_int_t)rows, "share", share);

    (void)arg;
    if (o)
        event_print(o);
}

/* What can be read once only was copied: people know it by its name. */
static onces copies;

/* Who reads a file speaks of it alone. */
static char reader[64];

static void say(void *arg, enum log_level level, const char *line)
{
    size_t len = strlen(reader);
    char *words;

    if (len && !strncmp(line, reader, len) && !strncmp(line + len, ": ", 2))
        line += len + 2;
    words = copies.n ? onces_words(&copies, line) : NULL;
    log_write_stderr(arg, level, words ? words : line);
    free(words);
}

/* Files that are pipes, and standard input. */
static int take_files(final_conf *c, pe_error *errp)
{
    for (size_t i = 0; i < c->n_files; i++) {
        const char *path = onces_take(&copies, c->files[i], errp);

        if (!path)
            return -1;
        c->files[i] = (char *)(uintptr_t)path;
    }
    c->copies = &copies;
    return 0;
}

/* Who asked may not live to hear of it. */
static void set_signals(void)
{
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static int take_set(final_conf *c, char *text)
{
    char **set =
        realloc((void *)(uintptr_t)c->set, (c->n_set + 1) * sizeof(*set));

    if (!set)
        return -1;
    set[c->n_set++] = text;
    c->set = set;
    return 0;
}

static int parse(final_conf *c, const char **eventsp, enum log_level *levelp,
                 int argc, char **argv)
{
    static const struct option options[] = {
        {"out", required_argument, NULL, 'o'},
        {"run", required_argument, NULL, 'r'},
        {"model", required_argument, NULL, 'm'},
        {"set", required_argument, NULL, 's'},
        {"events", required_argument, NULL, 'e'},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int k;

    while ((k = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (k == 'h') {
            usage(stdout);
            exit(PE_EXIT_OK);
        }
        if (k == '?' || (k == 's' && take_set(c, optarg) < 0))
            return -1;
        if (k == 'o')
            c->out = optarg;
        if (k == 'r')
            c->run = optarg;
        if (k == 'm')
            c->model = optarg;
        if (k == 'e')
            *eventsp = optarg;
        if (k == 'q')
            *levelp = LOG_LEVEL_ERROR;
    }
    if (!c->run && !c->model && !c->out && argc - optind == 1) {
        c->run = argv[optind];
        return 0;
    }
    c->files = argv + optind;
    c->n_files = (size_t)(argc - optind);
    return c->out && (!c->run ^ !c->model) && c->n_files > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    final_conf c = {.progress = told, .reader = reader};
    enum log_level level = LOG_LEVEL_INFO;
    const char *events = NULL;
    pe_error e = {0};
    int rc;

    if (parse(&c, &events, &level, argc, argv) < 0) {
        usage(stderr);
        return PE_EXIT_USAGE;
    }
    log_init(say, "pilot score", level);
    if (event_open(events, &e) < 0) {
        log_error("%s", e.text);
        return (int)e.exit_code;
    }
    set_signals();
    fault_open();
    store_enable_hdf5();
    rc = take_files(&c, &e);
    if (rc == 0)
        rc = c.n_files > 0 ? final_files(&c, &e) : final_run(&c, &e);
    onces_error(&copies, rc < 0 ? &e : NULL);
    if (rc < 0)
        event_error("score", &e);
    onces_free(&copies);
    free((void *)(uintptr_t)c.set);
    return rc < 0 ? (int)e.exit_code : PE_EXIT_OK;
}
