/* wait_end.c - what is left to do when pilots have ended. */
#include "wait_end.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/monitor/monitor.h"
#include "src/registry/stage_out.h"

#define SUMMARY_MAX_BYTES (16 << 20)
#define STEP_NS 100000000

static void fetched(void *arg, const char *path)
{
    (void)arg;
    log_info("fetched %s", path);
}

int wait_results(const char *home, const pilot_record *r, size_t n)
{
    int status = PE_EXIT_OK;

    for (size_t i = 0; i < n; i++) {
        pe_error e = {0};
        if (stage_out(home, &r[i], fetched, NULL, &e) >= 0)
            continue;
        log_error("%s: %s", r[i].id, e.text);
        if (status == PE_EXIT_OK)
            status = (int)e.exit_code;
    }
    return status;
}

/* Does a command follow the run?  It holds the lock. */
static bool is_followed(const char *home, const char *run)
{
    char *path = text_format("%s/%s/lock", home, run);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    bool held =
        fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;

    if (fd >= 0)
        close(fd);
    free(path);
    return held;
}

/* Print HOME/[name]/summary.json; false: there is none. */
static bool summary_print(const char *home, const char *name)
{
    char *path = text_format("%s/%s/summary.json", home, name);
    size_t len = 0;
    char *data = path ? file_read(path, SUMMARY_MAX_BYTES, &len, NULL) : NULL;
    json_t *summary = data ? json_loadb(data, len, 0, NULL) : NULL;

    if (summary)
        monitor_print(summary, stdout);
    json_decref(summary);
    free(data);
    free(path);
    return summary != NULL;
}

void wait_summary(const char *home, const char *run, const pilot_record *r,
                  size_t n, int64_t end_ns)
{
    while (is_followed(home, run) && clock_mono_ns() < end_ns)
        clock_sleep_ns(STEP_NS, 0);
    if (summary_print(home, run))
        return;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(r[i].run, run) && !strcmp(r[i].kind, "pool"))
            summary_print(home, r[i].id);
}
