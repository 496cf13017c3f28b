/* lib.c - pilot-slurm: a Slurm asked through its library.
 *
 * A program of its own: the library ends the process when it does not like its
 * configuration, retries for as long as it likes when the controller is gone,
 * and prints.  Here the first becomes exit status 78, the second 69 after
 * STANDBY_S, and what it prints one line.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>

#include <pilot/error.h>

#include "format.h"
#include "src/common/clock.h"
#include "src/common/text.h"

/* Exported by every libslurm, declared in no header of it; configure found
 * the name of the second one.
 */
extern char *slurm_job_state_string(uint32_t state);
extern const char *PE_SLURM_REASON(enum job_state_reason reason);

/* A sign of life is given at once or not at all; where munged is down the
 * library goes on trying for 50 s.
 */
#define PING_S 15
/* For a backup controller to answer when the primary one does not. */
#define STANDBY_S 2

static struct {
    int people;     /* the standard error we were started with */
    int library;    /* what the library prints goes here */
    bool ours;      /* this exit is not the library's */
    timer_t watch;  /* see watch() */
    char gone[256]; /* what is said then */
} out = {.people = STDERR_FILENO, .library = -1};

/* One line for people: "pilot-slurm: WHAT: WHY". */
static void say(const char *what, const char *why)
{
    dprintf(out.people, SLURM_HELPER ": %s: %s\n", what, why);
}

static _Noreturn void leave(int status)
{
    out.ours = true;
    exit(status);
}

/* What the library printed, or the end of it, as one line. */
static void library_words(char *line, size_t cap)
{
    static const char name[] = SLURM_HELPER ": ";
    off_t size = lseek(out.library, 0, SEEK_END);
    off_t from = size < (off_t)cap ? 0 : size - (off_t)cap + 1;
    ssize_t n = pread(out.library, line, cap - 1, from);
    char *at;

    while (n > 0 && line[n - 1] == '\n')
        n--;
    line[n < 0 ? 0 : n] = '\0';
    while ((at = strstr(line, name)))
        memmove(at, at + strlen(name), strlen(at + strlen(name)) + 1);
    for (at = line; *at; at++)
        if (*at == '\n')
            *at = ';';
}

/* The library has ended the process: its configuration is not there, or has
 * words that this version does not know.
 */
static void on_exit_of_library(void)
{
    char why[1024];

    if (out.ours)
        return;
    library_words(why, sizeof(why));
    say("the library cannot be used here", why);
    _exit(PE_EXIT_CONFIG);
}

static void on_watch(int sig)
{
    ssize_t n;

    (void)sig;
    n = write(out.people, out.gone, strlen(out.gone));
    _exit(n < 0 ? PE_EXIT_AGAIN : PE_EXIT_UNAVAILABLE);
}

/* Unless called again within [seconds], leave with 69 and [why]; 0: never.
 * Not by alarm(2): while it talks to munged the library has SIGALRM at its
 * default.
 */
static void watch(double seconds, const char *why)
{
    struct itimerspec t = {.it_value.tv_sec = (time_t)seconds};

    t.it_value.tv_nsec = (long)((seconds - (double)t.it_value.tv_sec) * 1e9);
    snprintf(out.gone, sizeof(out.gone),
             SLURM_HELPER ": the controller does not answer: %s\n", why);
    timer_settime(out.watch, 0, &t, NULL);
}

static int watch_open(void)
{
    struct sigaction action = {.sa_handler = on_watch};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
                             .sigev_signo = SIGRTMIN};

    sigemptyset(&action.sa_mask);
    return sigaction(SIGRTMIN, &action, NULL) < 0
               ? -1
               : timer_create(CLOCK_MONOTONIC, &event, &out.watch);
}

static void library_open(void)
{
    out.people = dup(STDERR_FILENO);
    out.library = memfd_create(SLURM_HELPER, MFD_CLOEXEC);
    if (out.people < 0 || out.library < 0 ||
        dup2(out.library, STDERR_FILENO) < 0 || watch_open() < 0 ||
        atexit(on_exit_of_library)) {
        perror(SLURM_HELPER);
        leave(PE_EXIT_AGAIN);
    }
}

/* A file that is not there the library would wait for. */
static void library_start(void)
{
    const char *conf = getenv("SLURM_CONF");

    if (conf && *conf && access(conf, R_OK) < 0) {
        say(conf, strerror(errno));
        leave(PE_EXIT_CONFIG);
    }
    slurm_init(NULL);
}

/* There was an answer, and the library could not read it; or none, and the
 * connection was closed, which is how controllers treat what they cannot read.
 */
static bool is_misfit(int code)
{
    return code == SLURM_ERROR || code == SLURM_PROTOCOL_VERSION_ERROR ||
           code == SLURM_UNEXPECTED_MSG_ERROR ||
           code == SLURM_PROTOCOL_SOCKET_ZERO_BYTES_SENT;
}

static _Noreturn void fail_misfit(const char *what, int code)
{
    char why[512];

    library_words(why, sizeof(why));
    say(what, *why ? why : slurm_strerror(code));
    leave(PE_EXIT_CONFIG);
}

/* A call that failed with [code]: say so and leave. */
static _Noreturn void fail(const char *what, int code)
{
    if (is_misfit(code))
        fail_misfit(what, code);
    say(what, slurm_strerror(code));
    if (code == ESLURM_INVALID_JOB_ID)
        leave(PE_EXIT_DATA);
    if (code == ESLURM_ACCESS_DENIED || code == ESLURM_USER_ID_MISSING)
        leave(PE_EXIT_PERMISSION);
    leave(PE_EXIT_UNAVAILABLE);
}

/* Ask the primary controller for a sign of life: 0, or an error code.  Fails
 * at once where a query would go on trying for seconds.
 */
static int ping(void)
{
    int code, detail;

    errno = 0;
    code = slurm_ping(0);
    detail = errno;
    return code < 0 || (code > 0 && is_misfit(detail)) ? detail : code;
}

/* Before every query.  How many controllers there are the library does not
 * tell; but its first round asks all of them, and waits for the primary one
 * as long as it did here.
 */
static void reach(void)
{
    int64_t begin = clock_mono_ns();
    int code;

    watch(PING_S, "not within 15 s; does munged run?");
    code = ping();
    watch(0, "");
    if (is_misfit(code))
        fail("the controller", code);
    if (code != 0)
        watch((double)(clock_mono_ns() - begin) / 1e9 + STANDBY_S,
              slurm_strerror(code));
}

/* Print [s]; what would break the line is '?'. */
static void field_print(const char *s, bool last)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        bool breaks = c < ' ' || c == 0x7f || (c == '|' && !last);
        putchar(breaks ? '?' : c);
    }
    putchar(last ? '\n' : '|');
}

static void time_print(time_t t, char end)
{
    char word[64];
    struct tm tm;

    if (t == 0 || !localtime_r(&t, &tm) ||
        strftime(word, sizeof(word), SLURM_TIME, &tm) == 0)
        snprintf(word, sizeof(word), "N/A");
    printf("%s%c", word, end);
}

/* A job without a limit ends in a year, as the controller has it. */
static void end_print(const job_info_t *j, char end)
{
    if (j->time_limit == INFINITE && j->end_time > time(NULL))
        printf("NONE%c", end);
    else
        time_print(j->end_time, end);
}

static void exit_print(const job_info_t *j)
{
    int status = (int)j->exit_code;

    if ((j->job_state & JOB_STATE_BASE) < JOB_COMPLETE)
        printf("-|");
    else
        printf("%d:%d|", WEXITSTATUS(status),
               WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

/* The fields of enum slurm_field, in their order. */
static void job_print(const job_info_t *j)
{
    printf("%u|", j->job_id);
    field_print(slurm_job_state_string(j->job_state), false);
    printf("%u|", j->priority);
    time_print(j->submit_time, '|');
    time_print(j->start_time, '|');
    end_print(j, '|');
    printf("%u|", j->num_nodes);
    field_print(j->nodes ? j->nodes : "", false);
    printf("%u|", j->restart_cnt);
    exit_print(j);
    field_print(j->state_desc ? j->state_desc
                              : PE_SLURM_REASON(j->state_reason),
                false);
    /* in squeue's words */
    field_print(j->command ? j->command : "(null)", true);
}

/* One query, whatever the number of jobs. */
static void do_jobs(uint32_t id)
{
    job_info_msg_t *m = NULL;

    (void)id;
    if (slurm_load_job_user(&m, getuid(), SHOW_ALL | SHOW_LOCAL) != 0)
        fail("jobs", errno);
    watch(0, "");
    for (uint32_t i = 0; i < m->record_count; i++)
        job_print(&m->job_array[i]);
    slurm_free_job_info_msg(m);
}

static void do_end(uint32_t id)
{
    job_info_msg_t *m = NULL;
    const job_info_t *job;

    if (slurm_load_job(&m, id, SHOW_ALL | SHOW_LOCAL) != 0)
        fail("end", errno);
    watch(0, "");
    if (m->record_count == 0)
        fail("end", ESLURM_INVALID_JOB_ID);
    /* All of an array are sent; its own number is also that of its last. */
    job = &m->job_array[0];
    for (uint32_t i = 0; i < m->record_count; i++)
        if (m->job_array[i].job_id == id)
            job = &m->job_array[i];
    end_print(job, '\n');
    slurm_free_job_info_msg(m);
}

/* One that is over, or not known any more, is success as it is to scancel. */
static void do_cancel(uint32_t id)
{
    if (slurm_kill_job(id, SIGKILL, 0) != 0 && errno != ESLURM_ALREADY_DONE &&
        errno != ESLURM_INVALID_JOB_ID)
        fail("cancel", errno);
}

/* A backup may be in charge: then any answer is one. */
static void do_ping(uint32_t id)
{
    partition_info_msg_t *m = NULL;

    (void)id;
    if (slurm_load_partitions((time_t)0, &m, SHOW_ALL | SHOW_LOCAL) != 0)
        fail("ping", errno);
    slurm_free_partition_info_msg(m);
}

static void do_version(uint32_t id)
{
    long v = SLURM_VERSION_NUMBER;

    (void)id;
    printf(SLURM_HELPER ", library of Slurm %02ld.%02ld.%ld\n",
           SLURM_VERSION_MAJOR(v), SLURM_VERSION_MINOR(v),
           SLURM_VERSION_MICRO(v));
}

static const struct command {
    const char *name;
    void (*run)(uint32_t id);
    bool takes_id, asks;
} commands[] = {
    {"jobs", do_jobs, false, true},        {"end", do_end, true, true},
    {"cancel", do_cancel, true, true},     {"ping", do_ping, false, true},
    {"version", do_version, false, false},
};

static void usage(FILE *f)
{
    fputs("Usage: " SLURM_HELPER " COMMAND\n"
          "Ask Slurm through its library; called by `pilot`.\n"
          "\n"
          "  jobs       a line for each of your jobs, in any state\n"
          "  end ID     when the job ends: local time, NONE, or N/A\n"
          "  cancel ID  end the job\n"
          "  ping       does the controller answer?\n"
          "  version    of the library\n"
          "\n"
          "Exit status: 0; 64 usage; 65 no such job; 69 the controller does "
          "not answer;\n77 permission; 78 the library does not fit this "
          "cluster.\n",
          f);
}

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

/* 0: wrong usage. */
static uint32_t id_read(const char *word)
{
    int64_t id = 0;

    if (text_parse_int(word, &id) < 0 || id <= 0 || id >= NO_VAL)
        return 0;
    return (uint32_t)id;
}

int main(int argc, char **argv)
{
    const struct command *c = argc > 1 ? command_find(argv[1]) : NULL;
    uint32_t id = 0;

    if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        usage(stdout);
        return PE_EXIT_OK;
    }
    /* Other clusters are found through the accounting service: squeue does
     * that.
     */
    if (c && c->run == do_jobs && argc == 3) {
        say("jobs", "clusters by name are asked through squeue");
        return PE_EXIT_CONFIG;
    }
    if (c && argc == 2 + c->takes_id && c->takes_id)
        id = id_read(argv[2]);
    if (!c || argc != 2 + c->takes_id || (c->takes_id && id == 0)) {
        usage(stderr);
        return PE_EXIT_USAGE;
    }
    if (c->asks) {
        library_open();
        library_start();
        reach();
    }
    c->run(id);
    if (fflush(stdout) != 0) {
        say("standard output", strerror(errno));
        leave(PE_EXIT_CREATE);
    }
    leave(PE_EXIT_OK);
}
