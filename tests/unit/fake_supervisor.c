/* fake_supervisor.c - writes down its signals, and exits as it is told.
 *
 * fake_supervisor FOLDER: facts of its start go to FOLDER/facts, then, once
 * $FAKE_SIGNALS signals have come (default 0), it exits with $FAKE_STATUS.  A
 * line of FOLDER/signals is one signal.  With $FAKE_DEAF one that was told of
 * no early signal dies of USR1.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/process.h"
#include "src/common/text.h"

static const int caught[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGXCPU};

static int number_of(const char *name)
{
    const char *value = getenv(name);

    return value ? atoi(value) : 0;
}

static FILE *open_in(const char *folder, const char *name)
{
    char *path = text_format("%s/%s", folder, name);
    FILE *f = path ? fopen(path, "a") : NULL;

    free(path);
    if (!f)
        exit(98);
    setvbuf(f, NULL, _IONBF, 0);
    return f;
}

static void facts_write(const char *folder)
{
    FILE *f = open_in(folder, "facts");
    char *cwd = getcwd(NULL, 0);

    fprintf(f, "cwd=%s\nPILOT_DIR=%s\n", cwd ? cwd : "?", getenv("PILOT_DIR"));
    fprintf(f, "OMP_NUM_THREADS=%s\nNCPUS=%s\n", getenv("OMP_NUM_THREADS"),
            getenv("NCPUS"));
    fclose(f);
    free(cwd);
}

int main(int argc, char **argv)
{
    int left = number_of("FAKE_SIGNALS"), sig;
    sigset_t set;

    if (argc != 2)
        return 97;
    const char *early = getenv("PILOT_EARLY");
    if (number_of("FAKE_DEAF") && !(early && *early))
        raise(SIGUSR1);
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
        sigaddset(&set, caught[i]);
        signal(caught[i], SIG_DFL); /* a shell's child may ignore INT */
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    process_raise_early();
    FILE *f = open_in(argv[1], "signals");
    printf("out of the pilot\n");
    fprintf(stderr, "err of the pilot\n");
    facts_write(argv[1]);
    for (; left > 0 && sigwait(&set, &sig) == 0; left--)
        fprintf(f, "%s\n", sigabbrev_np(sig));
    fclose(f);
    return number_of("FAKE_STATUS");
}
