/* main.c - pilot-edge: the devices of an edge pilot. */
#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <pilot/error.h>

#include "src/agent/event.h"
#include "src/agent/fault.h"
#include "src/common/failpoint.h"
#include "src/common/log.h"
#include "src/edge/agent.h"
#include "src/store/store.h"

#define EXIT_INTERRUPTED (128 + SIGINT)

static atomic_int signals;

/* The first one drains; the second one ends the process here and now, also
 * when a server keeps the main thread waiting.
 */
static void on_signal(int sig)
{
    (void)sig;
    note_asked();
    if (atomic_fetch_add(&signals, 1) > 0)
        _exit(EXIT_INTERRUPTED);
}

static void set_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    /* Sockets and pipes say EPIPE instead. */
    sigaction(SIGPIPE, &ignore, NULL);
}

static void usage(FILE *f)
{
    fputs("Usage: pilot-edge RUN_DIR --pilot NAME [--events MARK]\n"
          "Run the devices of edge pilot NAME.  RUN_DIR is written by "
          "`pilot run`.\n"
          "\n"
          "  -P, --pilot NAME   which pilot of the pipeline\n"
          "      --events MARK  begin what is told on standard output with "
          "it\n"
          "  -h, --help         this text\n"
          "\n"
          "SIGTERM or SIGINT: send what is queued and leave; twice: stop.\n",
          f);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"pilot", required_argument, NULL, 'P'},
        {"events", required_argument, NULL, 'e'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    const char *pilot = NULL, *events = NULL;
    pe_error e = {0};
    int c;

    while ((c = getopt_long(argc, argv, "P:h", options, NULL)) != -1) {
        if (c == 'P') {
            pilot = optarg;
        } else if (c == 'e') {
            events = optarg;
        } else if (c == 'h') {
            usage(stdout);
            return PE_EXIT_OK;
        } else {
            usage(stderr);
            return PE_EXIT_USAGE;
        }
    }
    if (!pilot || optind + 1 != argc) {
        usage(stderr);
        return PE_EXIT_USAGE;
    }
    log_init(log_write_stderr, "pilot-edge", LOG_LEVEL_INFO);
    if (event_open(events, &e) < 0 ||
        failpoint_open(argv[optind], pilot, -1, &e) < 0) {
        log_error("%s", e.text);
        return (int)e.exit_code;
    }
    set_signals();
    fault_open();
    store_enable_hdf5();
    return agent_run(argv[optind], pilot, &signals);
}
